"""One run of a build: a plan of stages as data, and the stages themselves.

Stages: the numbering of entities, one state a source (a dataset's rows, read once for all of its aggregates), then the
families in the order of their needs. Each stage is reused where nothing changed, carried on from the build before where
few rows did, and else made from all rows; the three give the same tables.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from importlib.metadata import version as package_version
from typing import Any, NamedTuple

from coterie.catalog.schemas import Aggregate, Dataset, DatasetKind, FieldOf, ListMember, Published, TagDefinition
from coterie.engines.duckdb import Engine, scan, watched
from coterie.engines.sql import quote_name, quote_value
from coterie.kit.progress import Progress
from coterie.lake.tables import TableFiles
from coterie.tags import profiles
from coterie.tags.aggregates import CompiledAggregate, Source, StateColumn, Window, compile_aggregate, joins_of
from coterie.tags.context import TagContext
from coterie.tags.families import Inputs, family_sql, needs
from coterie.tags.files import BuildFiles
from coterie.tags.measures import ROUNDED_MACRO, Clock, How
from coterie.tags.order import family_order, with_needed
from coterie.tags.published import dataset_part, definitions_digest, digest, tag_part
from coterie.tags.records import BuildRecord, Builds, BuiltTable, StateRecord, work_folder
from coterie.tags.sources import empty, last_batch, newer, newer_files, newest_batch, rows_read, universe_sql, visible
from coterie.tags.states import StateWork, moved_spans
from coterie.tags.summary import summarise
from coterie.tags.vocabulary import CatalogVocabulary

# Carrying on reads the rows that came and those at the edges of windows; beyond this share of all a scan is cheaper.
_CARRY_SHARE = 0.5
_UNIVERSE = "universe"


class Stage(NamedTuple):
    """One step of a build: what is made, and whether it is reused, carried on, or made from all rows, and why."""

    kind: str
    name: str
    action: str
    reason: str


class SourcePlan(NamedTuple):
    """How one state is made. `profile`: the valid rows of a profiles dataset; else aggregates of a source."""

    key: str
    dataset: Dataset
    end: str
    profile: bool
    columns: tuple[StateColumn, ...]
    action: str
    reason: str
    old: StateRecord | None
    version: int
    id: str


class Run:
    """A build of some tags (and all that they are made of) of one entity kind, at one as-of and data version.

    past : for a question about another moment than the published build's; its tables stand beside the published ones.
    """

    def __init__(
        self,
        context: TagContext,
        entity_kind: str,
        as_of: datetime,
        data_version: int | None,
        names: Sequence[str],
        *,
        past: bool = False,
    ) -> None:
        self.context, self.kind, self.past = context, entity_kind, past
        self.clock = Clock(as_of, context.zone)
        self.version = context.lake.data_version if data_version is None else data_version
        self.vocabulary = CatalogVocabulary(context.catalog, context.zone, entity_kind)
        self.tags = with_needed(names, self.vocabulary.definitions)
        self.families = family_order(self.tags)
        self.files = BuildFiles(work_folder(context.lake, entity_kind))
        self.builds = Builds(context.store, entity_kind)
        self.base = self.builds.published()
        unfinished = self.builds.unfinished()
        same = unfinished is not None and (unfinished.as_of, unfinished.data_version) == (as_of, self.version)
        self.done = unfinished if same else None
        self.scanned = 0
        self._fingerprints: dict[str, str] = {}
        self._members: list[Any] = []

    # ------------------------------------------------------------ the plan

    def stages(self) -> list[Stage]:
        """What will be done, in order."""
        found = [Stage("numbering", self.kind, *self._universe_action())]
        found += [Stage("state", p.key, p.action, p.reason) for p in self.sources]
        changed = {p.key for p in self.sources if p.action != "reuse"} or found[0].action != "reuse"
        for family in self.families:
            known = self.base is not None and family in self.base.families
            action = "make" if changed or not known else "reuse if the same"
            found.append(Stage("family", family, action, "" if known else "it is new"))
        return found

    @cached_property
    def aggregates(self) -> dict[str, CompiledAggregate]:
        """The aggregate tags, compiled."""
        return {
            t.name: compile_aggregate(t, self.vocabulary, self.clock, self.fingerprint(t.spec.dataset), place=t.name)
            for t in self.tags.values()
            if isinstance(t.spec, Aggregate)
        }

    @cached_property
    def sources(self) -> list[SourcePlan]:
        """How each state is made: aggregates of a dataset together, and profiles."""
        wanted: dict[Source, dict[str, StateColumn]] = {}
        for compiled in self.aggregates.values():
            columns = wanted.setdefault(compiled.source, {})
            columns.update({c.name: c for c in compiled.columns.values()})
        plans = [self._source_plan(source, tuple(columns.values())) for source, columns in wanted.items()]
        used = {t.spec.dataset: None for t in self.tags.values() if isinstance(t.spec, FieldOf)}
        return plans + [self._profile_plan(name) for name in used]

    def fingerprint(self, name: str) -> str:
        """Stands for all that decides a dataset's rows but its own batches and the as-of."""
        if name not in self._fingerprints:
            self._fingerprints[name] = self._fingerprint(name)
        return self._fingerprints[name]

    def _fingerprint(self, name: str) -> str:
        dataset = self.vocabulary.dataset(name)
        parts: list[Any] = [dataset_part(dataset), self._floor(dataset), package_version("duckdb")]
        for lookup in sorted(dataset.joins):
            other = self.vocabulary.dataset(lookup)
            as_of = self.clock.as_of.isoformat() if other.time else None
            parts.append([dataset_part(other), self._last(lookup), self._floor(other), as_of])
        return digest(parts)

    def _floor(self, dataset: Dataset) -> int:
        return self.context.lake.files(dataset.table, self.version).floor

    def _last(self, dataset: str) -> int:
        return last_batch(self.context.lake, dataset, self.version)

    def _source_plan(self, source: Source, columns: tuple[StateColumn, ...]) -> SourcePlan:
        dataset, last = self.vocabulary.dataset(source.dataset), self._last(source.dataset)
        names = sorted(c.name for c in columns)
        id_ = digest([source.key, names, self.clock.as_of.isoformat(), last])
        action, reason, old = self._decide(source.key, {*names}, last)
        if action == "carry":
            assert old is not None, "only a state can be carried on"
            action, reason = self._worth(dataset, columns, old)
        if action == "reuse":
            assert old is not None, "only a state can be reused"
            id_ = old.id
        return SourcePlan(source.key, dataset, source.end, False, columns, action, reason, old, last, id_)

    def _profile_plan(self, name: str) -> SourcePlan:
        dataset, last, key = self.vocabulary.dataset(name), self._last(name), f"profile:{name}"
        fingerprint = self.fingerprint(name)
        column = StateColumn(f"f_{fingerprint}", How.MOST, None, None, Window())  # stands for all of its fields
        id_ = digest([key, column.name, self.clock.as_of.isoformat(), last])
        action, reason, old = self._decide(key, {column.name}, last)
        if action == "carry" and (dataset.partial or (old is not None and old.as_of > self.clock.as_of.isoformat())):
            action, reason = (
                "make",
                "its fields are merged from all rows" if dataset.partial else "the as-of is earlier",
            )
        if action == "reuse":
            assert old is not None, "only a state can be reused"
            id_ = old.id
        return SourcePlan(key, dataset, "entity", True, (column,), action, reason, old, last, id_)

    def _decide(self, key: str, names: set[str], last: int) -> tuple[str, str, StateRecord | None]:
        for record in (self.done, self.base):
            old = None if record is None else record.states.get(key)
            if old is None or not self.files.has(old.files):
                continue
            same = datetime.fromisoformat(old.as_of) == self.clock.as_of
            if names <= {*old.columns} and old.version == last and same:
                return "reuse", "nothing changed", old
            if old.version <= last and names & {*old.columns}:
                return "carry", "rows came" if same else "the as-of moved", old
        return "make", "no earlier state fits", None

    def _worth(self, dataset: Dataset, columns: Iterable[StateColumn], old: StateRecord) -> tuple[str, str]:
        if dataset.kind is not DatasetKind.EVENTS:
            return "make", f"{dataset.kind} are read whole"
        now = self.context.lake.files(dataset.table, self.version)
        was = Clock(datetime.fromisoformat(old.as_of), self.clock.zone)
        spans = moved_spans([c for c in columns if c.name in old.columns], was, self.clock)
        read = rows_read(newer_files(now, old.version)) + rows_read(now, spans)
        if read > _CARRY_SHARE * rows_read(now):
            return "make", "many rows changed"
        return "carry", "rows came" if not spans else "the as-of moved"

    # ------------------------------------------------------------ the run

    def make(self, progress: Progress) -> BuildRecord:
        """Run the stages; what is finished is kept, so that an interrupted run is taken up where it stopped."""
        started = time.monotonic()
        record = BuildRecord(self.kind, self.clock.as_of, self.version)
        with self.context.engine.cursor() as engine:
            engine.execute(ROUNDED_MACRO)
            with progress.stage("Numbering entities"), watched(engine, None):
                self._make_universe(engine, record)
            for plan in self.sources:
                with progress.stage(f"Reading {plan.key}", 100, "%"), watched(engine, progress):
                    record.states[plan.key] = self._make_state(engine, plan)
                self.builds.keep_unfinished(record)
            for name, tags in self.families.items():
                with progress.stage(f"Tags of {name}", 100, "%"), watched(engine, progress):
                    record.families[name] = self._make_family(engine, name, tags, record)
                self.builds.keep_unfinished(record)
        record.tags, record.rows_scanned = len(self.tags), self.scanned
        record.definitions = definitions_digest(self.context, self.kind)
        record.seconds = round(time.monotonic() - started, 3)
        return record

    def sweep(self, record: BuildRecord) -> None:
        """Delete work files that no build needs any more."""
        self.files.sweep(record.work_files)

    def _table(self, name: str) -> str:
        return f"tags/past/{self.kind}/{name}" if self.past else f"tags/{self.kind}/{name}"

    def _known(self, name: str, identity: str) -> BuiltTable | None:
        """A table of an earlier build with these very rows."""
        for record in (self.done, self.base):
            if record is None:
                continue
            found = record.universe if name == _UNIVERSE else record.families.get(name)
            if found is not None and found.identity == identity and found.files(self.context.lake) is not None:
                return found
        return None

    def _write(
        self, engine: Engine, name: str, sql: str, identity: str, tags: Sequence[TagDefinition] = ()
    ) -> BuiltTable:
        lake = self.context.lake
        with lake.staging() as folder:
            path = folder / "table.parquet"
            rows = engine.copy_parquet(sql, path)
            version = lake.replace_derived(self._table(name), [path])
        files = lake.derived(self._table(name), version)
        assert files is not None, "it was just written"
        return BuiltTable.of(lake, files, identity, rows, summarise(engine, scan(files), tags, rows))

    # ------------------------------------------------------------ numbering

    def _universe_action(self) -> tuple[str, str]:
        if self._known(_UNIVERSE, self._universe_identity) is not None:
            return "reuse", "no entity came"
        carry = self._old_universe() is not None
        return ("carry", "entities came") if carry else ("make", "no earlier numbering fits")

    @cached_property
    def _entities(self) -> TableFiles:
        return self.context.lake.files("entities", self.version)

    @property
    def _universe_identity(self) -> str:
        newest = max((newest_batch(p) for p in self._entities.paths), default=0)
        return digest([_UNIVERSE, self.kind, min(newest, self.version), self._entities.floor])

    def _old_universe(self) -> TableFiles | None:
        if self.base is None or self.base.universe is None or self.base.data_version > self.version:
            return None
        return self.base.universe.files(self.context.lake)

    def _make_universe(self, engine: Engine, record: BuildRecord) -> None:
        identity = self._universe_identity
        found = self._known(_UNIVERSE, identity)
        if found is None:
            found = self._write(engine, _UNIVERSE, self._universe_sql(), identity)
        record.universe = found
        files = found.files(self.context.lake)
        assert files is not None, "it was just written or found"
        engine.execute(f"CREATE OR REPLACE TEMP VIEW numbering AS SELECT * FROM {scan(files)}")
        seen = f"first_seen IS NULL OR first_seen <= {quote_value(self.clock.as_of)}"
        engine.execute(f"CREATE OR REPLACE TEMP VIEW universe AS SELECT row, entity FROM numbering WHERE {seen}")
        record.entities, total = engine.row("SELECT count(*), sum(hash(row)::HUGEINT) FROM universe")
        self._members = [record.entities, str(total)]  # stands for who is in the universe

    def _universe_sql(self) -> str:
        """row, entity and first_seen of every entity; a later batch may bring an earlier first_seen, and NULL is
        always."""
        mine = f"kind = {quote_value(self.kind)}"
        old = self._old_universe()
        if not self._entities.columns:
            return "SELECT NULL::BIGINT AS row, NULL::VARCHAR AS entity, NULL::TIMESTAMPTZ AS first_seen WHERE false"
        if old is None:
            self.scanned += rows_read(self._entities)
            rows = f"SELECT row, key AS entity, first_seen FROM {scan(self._entities)} WHERE {mine}"
        else:
            assert self.base is not None, "it has the old universe"
            self.scanned += rows_read(newer_files(self._entities, self.base.data_version))
            came = newer(self._entities, self.base.data_version)
            rows = f"SELECT row, key AS entity, first_seen FROM {came} WHERE {mine} UNION ALL SELECT * FROM {scan(old)}"
        return universe_sql(rows)

    # ------------------------------------------------------------ states

    def _make_state(self, engine: Engine, plan: SourcePlan) -> StateRecord:
        if plan.action == "reuse":
            assert plan.old is not None, "only a state can be reused"
            return plan.old
        compiled = [c for c in self.aggregates.values() if not plan.profile and c.source.key == plan.key]
        self._make_lookups(engine, compiled)
        work = StateWork(
            engine=engine,
            files=self.files,
            lake=self.context.lake,
            dataset=plan.dataset,
            end=plan.end,
            columns=plan.columns,
            clock=self.clock,
            version=plan.version,
            joins=joins_of(compiled, self.vocabulary),
            numbering="numbering",
        )
        old = plan.old if plan.action == "carry" else None
        if plan.profile:
            record = profiles.full(work, plan.id) if old is None else profiles.carry(work, old, plan.id)
        else:
            record = work.full(plan.id) if old is None else work.carry(old, plan.id)
        self.scanned += work.scanned
        return record

    def _make_lookups(self, engine: Engine, compiled: Iterable[CompiledAggregate]) -> None:
        for lookup in {name for c in compiled for name in c.lookups}:
            dataset = self.vocabulary.dataset(lookup)
            files = self.context.lake.files(dataset.table, self.version)
            self.scanned += rows_read(files)
            rows = visible(dataset, files, self.clock.as_of)
            engine.execute(f"CREATE OR REPLACE TEMP VIEW {quote_name(f'dataset:{lookup}')} AS SELECT * FROM {rows}")

    # ------------------------------------------------------------ families

    def _make_family(self, engine: Engine, name: str, tags: Sequence[TagDefinition], record: BuildRecord) -> BuiltTable:
        identity = self._family_identity(tags, record)
        known = self._known(name, identity)
        if known is not None:
            return known
        inputs = self._inputs(engine, tags, record)
        types = {t.name: t.type for t in self.tags.values()}
        return self._write(engine, name, family_sql(engine, tags, inputs, types, self.clock.zone.key), identity, tags)

    def _family_identity(self, tags: Sequence[TagDefinition], record: BuildRecord) -> str:
        parts: list[Any] = [self.clock.zone.key, self._members]
        for tag in sorted(tags, key=lambda t: t.name):
            parts.append(tag_part(tag))
            match tag.spec:
                case Aggregate():
                    compiled = self.aggregates[tag.name]
                    moves = self.clock.as_of.isoformat() if compiled.moves else None
                    columns = sorted(c.name for c in compiled.columns.values())
                    parts.append([record.states[compiled.source.key].id, columns, moves])
                case FieldOf(dataset=dataset):
                    parts.append(record.states[f"profile:{dataset}"].id)
                case Published(dataset=dataset):
                    parts.append(self._publish_of(dataset))
                case ListMember(list=listed):
                    parts.append(self._publish_of(f"list.{listed}"))
        before = {self.tags[n].family for t in tags for n in needs(t)} - {t.family for t in tags}
        return digest([*parts, *(record.families[f].identity for f in sorted(before))])

    def _inputs(self, engine: Engine, tags: Sequence[TagDefinition], record: BuildRecord) -> Inputs:
        keys: dict[str, str] = {}
        columns: dict[str, Mapping[str, str]] = {}
        published: dict[str, str] = {}
        for tag in tags:
            match tag.spec:
                case Aggregate():
                    keys.setdefault(self.aggregates[tag.name].source.key, f"state_{len(keys)}")
                case FieldOf(dataset=dataset):
                    keys.setdefault(f"profile:{dataset}", f"state_{len(keys)}")
                    columns[dataset] = {f.name: f.column for f in self.vocabulary.dataset(dataset).fields}
                case Published(dataset=dataset):
                    published[dataset] = self._publish_sql(dataset)
                case ListMember(list=listed):
                    published[f"list.{listed}"] = self._publish_sql(f"list.{listed}")
        for key, name in keys.items():
            engine.register(name, self.files.read(record.states[key].file))
        own = {t.name for t in tags}
        outside = {n for t in tags for n in needs(t)} - own
        others = {n: _relation(record.families[self.tags[n].family], self.context) for n in outside}
        return Inputs(_UNIVERSE, keys, published, others, self.aggregates, columns)

    def _publish_of(self, dataset: str) -> int | None:
        """The data version of the publish that counts at the as-of: of the newest moment, then the newest; None:
        none."""
        batches = [b for b in self.context.lake.batches(dataset) if b.data_version <= self.version]
        moments = [(datetime.fromisoformat(b.facts["as_of"]), b.data_version) for b in batches]
        return max(((at, v) for at, v in moments if at <= self.clock.as_of), default=(None, None))[1]

    def _publish_sql(self, name: str) -> str:
        dataset, chosen = self.vocabulary.dataset(name), self._publish_of(name)
        files = self.context.lake.files(dataset.table, self.version)
        if chosen is None or not files.columns:
            rows = empty(dataset)
        else:
            files = newer_files(files, chosen - 1)
            self.scanned += rows_read(files)
            rows = f"(SELECT * FROM {scan(files)} WHERE _batch = {chosen})"
        columns = "".join(f", p.{quote_name(f.column)}" for f in dataset.fields if f.column != "_entity")
        return f"(SELECT n.row{columns} FROM {rows} p JOIN numbering n ON n.entity = p._entity)"


def _relation(built: BuiltTable, context: TagContext) -> str:
    files = built.files(context.lake)
    assert files is not None, "a family is made before those that need it"
    return scan(files)
