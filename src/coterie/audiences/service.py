"""Audiences of one workspace.

How a count flows: rule JSON -> `rules.parse_rule` -> compiled against the catalog at one as-of and data version -> where
the index has, or soon makes, the bitmap of each condition, set algebra gives the size and every node of the waterfall;
else the views it names are made on an engine (`tags.views`), and one SELECT gives the same.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from coterie.audiences.life import STATE, About
from coterie.audiences.resolve import AUDIENCE as KIND
from coterie.audiences.resolve import StoredSets, refuse_used, rows_table
from coterie.engines.duckdb import Engine, scan
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Cancelled, CoterieError, Failed, Refused
from coterie.index.service import Index
from coterie.kit.moments import now, show_moment
from coterie.kit.plain import plain
from coterie.rules.binding import BoundLeaf, BoundNode
from coterie.rules.check import bind_rule
from coterie.rules.sentences import node_sentence, sentence
from coterie.rules.sql import CompiledRule, NodeCount, compile_rule
from coterie.rules.tree import Rule, parse_rule
from coterie.store.service import Document
from coterie.tags.context import TagContext
from coterie.tags.views import View

if TYPE_CHECKING:
    from pyroaring import BitMap

    from coterie.audiences.alerts import Alerts
    from coterie.audiences.backtest import Backtest
    from coterie.audiences.blocks import Blocks
    from coterie.audiences.chosen import Chooser
    from coterie.audiences.diff import Diff
    from coterie.audiences.insight import Insight
    from coterie.audiences.lookalike import LookAlike
    from coterie.audiences.overlap import Overlap
    from coterie.audiences.retention import Retention
    from coterie.audiences.snapshots import Snapshot, Snapshots
    from coterie.index.bitmaps import Bits
    from coterie.index.sets import Members, NodeSize, Sets
    from coterie.jobs.service import Jobs
    from coterie.store.service import Store

_NAME_LENGTH = 200
_MOST_BOUND = 10_000  # conditions that are kept bound
REFRESH, WATCH = "audiences.refresh", "audiences.watch"  # jobs
REACH = "reach."  # tags of who may and can be addressed, by channel


@dataclass(frozen=True)
class Step:
    """One node of the waterfall: who passes it alone, who remains after it, who it removed."""

    place: str
    sentence: str
    alone: int
    remaining: int | None
    removed: int | None
    reachable: Mapping[str, int]


@dataclass(frozen=True)
class Count:
    """An exact size, with what made it: the rule, the as-of and the data version give the same number at any time.

    notes : what people must know of it, such as ids of nobody among those that the SQL of a condition returned.
    """

    count: int
    universe: int
    exact: bool
    as_of: str
    data_version: int
    elapsed_ms: float
    sentence: str
    waterfall: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For machines; `asdict` would take longer than the counting."""
        return {**vars(self), "waterfall": [dict(vars(step)) for step in self.waterfall]}


class Audiences:
    """Count, save, refresh, explain and export audiences."""

    def __init__(self, index: Index, folder: Path, jobs: Callable[[], Jobs]) -> None:
        self._index, self._context, self._folder, self._jobs = index, index.context, folder, jobs

    @property
    def documents(self) -> Store:
        """The metadata that audiences are kept in."""
        return self._context.store

    @property
    def blocks(self) -> Blocks:
        """Groups of conditions saved to be used again."""
        from coterie.audiences.blocks import Blocks

        return Blocks(self._index, self.snapshots)

    @property
    def snapshots(self) -> Snapshots:
        """Snapshots of all audiences."""
        from coterie.audiences.snapshots import Snapshots

        return Snapshots(self._context.store, self._folder)

    @property
    def alerts(self) -> Alerts:
        """What is watched of audiences, and what was raised."""
        from coterie.audiences.alerts import Alerts

        return Alerts(self._context, self.snapshots, self._jobs, self._datasets)

    def _datasets(self, name: str) -> list[str]:
        """The datasets that an audience's rule uses."""
        from coterie.audiences.chosen import datasets_of

        return datasets_of(self._saved(self.get(name), None))

    def count(
        self,
        rule: Any,
        *,
        as_of: datetime | None = None,
        data_version: int | None = None,
        entity_kind: str = "customer",
        language: str = "en",
        straight: bool = False,
    ) -> Count:
        """How many a rule reaches, exactly.

        rule : JSON as in a rule file; its `entity` wins over `entity_kind`.
        straight : by SQL alone, as a single command does; else by bitmaps, which are kept for the next question.
        Raises Refused: the rule has a mistake, with its place and fix.
        """
        started = time.perf_counter()
        parsed = read_as(rule, entity_kind)
        asked = Question(self._index, self.snapshots, parsed, as_of, data_version, straight=straight)
        count, universe, steps = asked.waterfall(language)
        notes = asked.sets.notes(language)
        elapsed_ms = round((time.perf_counter() - started) * 1000, 3)
        moment, said = show_moment(asked.as_of, self._context.zone), asked.sentence(language)
        return Count(count, universe, True, moment, asked.data_version, elapsed_ms, said, steps, notes)

    def size(self, rule: Any, *, as_of: datetime | None = None, entity_kind: str = "customer") -> int:
        """How many a rule reaches, exactly, without the waterfall: for what only needs the number."""
        return Question(self._index, self.snapshots, read_as(rule, entity_kind), as_of, None).size()

    def save(
        self, name: str, rule: Any, *, entity_kind: str = "customer", language: str = "en", **about: Any
    ) -> dict[str, Any]:
        """Save a rule under a name; an existing name gets a new version. Returns audience, sentence, version.

        about : fields of `life.About`; of an existing audience those not given stay.
        """
        check_name(name)
        parsed = read_as(rule, entity_kind)
        asked = Question(self._index, self.snapshots, parsed, None, None, name=name)
        known = self._context.store.find(KIND, name)
        before = About() if known is None else About.of(known.body)
        given = {k: v for k, v in about.items() if v is not None}
        card = About.read({**before.told(), **given}, self._context.zone)
        body = {"rule": plain(parsed.as_json()), "entity_kind": parsed.entity, **asdict(card)}
        version = self._context.store.put(KIND, name, body)
        self._schedule(name, before, card)
        if card.valid_until is not None and before.valid_until is None:
            self.alerts.keep_checking()
        return {"audience": name, "sentence": asked.sentence(language), "version": version}

    def copy(self, name: str, to: str) -> dict[str, Any]:
        """Save the same rule under another name, refreshed only when asked."""
        body = self.get(name).body
        if self._context.store.find(KIND, to) is not None:
            raise Refused("bad_argument", f'There is an audience "{to}".', place="to", fix="Choose another name.")
        about = {**About.of(body).told(), "refresh": "once"}
        return self.save(to, body["rule"], entity_kind=body["entity_kind"], **about)

    def _schedule(self, name: str, before: About, card: About) -> None:
        """Let the clock or new data refresh an audience; the queue is not touched where neither did nor does."""
        if before.refresh == card.refresh:
            return
        if card.cron is not None:
            zone = self._context.zone.key
            self._jobs().schedule(f"audience {name}", REFRESH, {"audience": name}, cron=card.cron, zone=zone)
        elif before.cron is not None:
            self._jobs().unschedule(f"audience {name}")
        if card.refresh == "trigger":
            self._jobs().schedule("audiences after new data", WATCH, {}, cron="* * * * *")

    def get(self, name: str) -> Document:
        """A saved audience. Raises NotFound."""
        return self._context.store.get(KIND, name)

    def delete(self, name: str) -> None:
        """Delete an audience that no other one and no block names; its snapshots stay."""
        about = About.of(self.get(name).body)
        refuse_used(self._context.store, KIND, name)
        self._context.store.delete(KIND, name)
        self._schedule(name, about, About())
        self.alerts.forget(name)

    def rows(self, language: str = "en") -> list[dict[str, Any]]:
        """Saved audiences with their newest size."""
        made = self.snapshots.by_audience()
        return [self._row(d, made.get(d.name, []), language) for d in self._context.store.all(KIND)]

    def _row(self, document: Document, snapshots: Sequence[Snapshot], language: str) -> dict[str, Any]:
        rule = parse_rule(document.body["rule"])
        vocabulary = self._index.standings.of(document.body["entity_kind"]).vocabulary
        about = About.of(document.body)
        return {
            "audience": document.name,
            "version": document.version,
            "count": snapshots[-1].count if snapshots else None,
            "as_of": snapshots[-1].as_of if snapshots else None,
            **self.state(document.name),
            "validity": about.validity(),
            "sentence": sentence(rule, language, vocabulary),
            **{k: getattr(about, k) for k in ("owner", "folder", "shared", "purpose", "valid_until", "refresh")},
        }

    def state(self, name: str) -> dict[str, Any]:
        """How an audience stands: `state` is draft, computing, live, failed or expired; `error` of the last refresh."""
        about = About.of(self.get(name).body)
        last = self._context.store.find(STATE, name)
        state, error = ("draft", None) if last is None else (last.body["state"], last.body["error"])
        if about.validity() == "expired":
            state = "expired"
        return {"state": state, "error": error}

    def refresh(self, name: str, *, as_of: datetime | None = None, language: str = "en") -> dict[str, Any]:
        """Compute the members and keep them as a snapshot. Returns snapshot, count, entered, left, when, and notes in a
        language.
        """
        document = self.get(name)
        if About.of(document.body).validity() == "expired":
            fix = "Save it with a later `valid_until` first."
            raise Refused("audience_expired", f'"{name}" is not valid any more.', place=name, fix=fix)
        with self._noted(name):
            asked = self._saved(document, as_of)
            facts = {"rule": document.body["rule"], "entity_kind": asked.kind, "data_version": asked.data_version}
            facts["as_of"] = show_moment(asked.as_of, self._context.zone)
            snapshot = self.snapshots.add(name, document.version, asked.members(), facts)
            notes = asked.sets.notes(language)
        kept = ("count", "entered", "left", "as_of", "data_version", "version")
        facts = {"audience": name, "snapshot": snapshot.id, **{k: getattr(snapshot, k) for k in kept}}
        return facts | {"notes": notes, "alerts": self._after(name)}

    def retain(self, name: str, *, dry_run: bool = False) -> Retention:
        """Remove the members of snapshots that are kept no longer; returns what stays and goes, and why."""
        self.get(name)
        return self._retain(name, self.snapshots.of(name), dry_run=dry_run)

    def _retain(self, name: str, made: Sequence[Snapshot], *, dry_run: bool = False) -> Retention:
        from coterie.audiences import retention

        kept_days, at = self._context.settings.number("snapshots_kept_days"), now()
        plan = retention.plan(self._context.store, name, made, kept_days, at, self._context.zone)
        if not dry_run:
            retention.run(self.snapshots, made, plan, at)
        return plan

    def _after(self, name: str) -> list[str]:
        """What follows a refresh, good or bad: alerts, whose ids are returned, and retention.

        What hinders it is only logged, since it must not hide how the refresh ended; the next refresh tries again.
        """
        try:
            made = self.snapshots.of(name)
            raised = [event.id for event in self.alerts.check_one(name, made)]
            self._retain(name, made)
        except Exception as error:
            logging.getLogger(__name__).warning("After the refresh of %s: %s: %s", name, type(error).__name__, error)
            return []
        return raised

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        """Note that a refresh runs, and how it ended; what there was before it stays as it is."""
        self._context.store.put(STATE, name, {"state": "computing", "error": None})
        try:
            yield
        except BaseException as error:
            told = error if isinstance(error, CoterieError) else Failed("internal", repr(error), fix="Tell us.")
            if isinstance(error, KeyboardInterrupt):
                told = Cancelled()
            self._context.store.put(STATE, name, {"state": "failed", "error": told.as_dict()})
            if not isinstance(told, Cancelled):
                self._after(name)
            raise
        self._context.store.put(STATE, name, {"state": "live", "error": None})

    def stale(self) -> list[str]:
        """Audiences that new data refresh, and whose newest snapshot is older than the newest data."""
        newest = self._context.lake.data_version
        waiting = []
        for document in self._context.store.all(KIND):
            about, made = About.of(document.body), self.snapshots.of(document.name)
            if about.refresh == "trigger" and about.validity() != "expired":
                if not made or made[-1].data_version < newest:
                    waiting.append(document.name)
        return waiting

    def history(self, name: str) -> list[dict[str, Any]]:
        """The snapshots of an audience, oldest first, without their rules."""
        self.get(name)
        return [snapshot.row() for snapshot in self.snapshots.of(name)]

    def members(self, name: str, *, snapshot: str | None = None, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """Keys of members in key order, at most `limit`; of the newest snapshot, or of now if there is none."""
        return self._page(name, snapshot, f"ORDER BY entity LIMIT {max(limit, 0)} OFFSET {max(offset, 0)}")

    def sample(self, name: str, *, size: int = 10, seed: int = 0, snapshot: str | None = None) -> dict[str, Any]:
        """Keys of `size` members chosen by a hash of key and seed: the same seed gives the same people."""
        order = f"ORDER BY md5(entity || {quote_value(f'/{seed}')}), entity LIMIT {max(size, 0)}"
        return self._page(name, snapshot, order)

    def export(
        self,
        name: str,
        to: Path,
        *,
        snapshot: str | None = None,
        tags: Sequence[str] = (),
        hash_ids: bool = False,
    ) -> dict[str, Any]:
        """Write members to a .csv, .parquet or .xlsx file: `entity` first, then the tags asked for; in key order.

        hash_ids : SHA-256 of the key in hexadecimal instead of the key.
        """
        from coterie.engines.export import write

        taken = self._members_of(name, snapshot)
        if any(s.name == "entity" for s in map(taken.asked.vocabulary.tag, tags)):
            raise Refused("bad_argument", "`entity` is the first column already.", place="--tags", fix="Leave it out.")
        families = tuple(dict.fromkeys(taken.asked.vocabulary.tag(t).family for t in tags))
        taken.asked.use(families)
        entity = "sha256(entity)" if hash_ids else "entity"
        columns = [f"{entity} AS entity", *(quote_name(t) for t in tags)]
        joins = "".join(f" LEFT JOIN {quote_name(f'family:{f}')} USING (row)" for f in families)
        sql = f"SELECT {', '.join(columns)} FROM ({taken.sql}){joins} ORDER BY entity"
        rows = write(taken.asked.engine, sql, to)
        return {"audience": name, "snapshot": taken.snapshot, "file": str(to), "rows": rows}

    def explain(self, name: str, entity: str, *, as_of: datetime | None = None, language: str = "en") -> dict[str, Any]:
        """Why a customer is in an audience or not: each condition with its value, and the smallest change to flip."""
        from coterie.audiences.explain import explain

        asked = self._saved(self.get(name), as_of)
        return {"audience": name, "entity": entity, **explain(asked, entity, language)}

    def insight(
        self,
        given: Any,
        against: str | None = None,
        *,
        as_of: datetime | None = None,
        data_version: int | None = None,
        **options: Any,
    ) -> Insight:
        """How an audience (name, snapshot `NAME@2` or rule) differs from the rest; see `coterie.audiences.insight`."""
        from coterie.audiences.insight import insight

        return insight(self._chooser(as_of, data_version), given, against, **options)

    def overlap(self, names: Sequence[str], *, limit: int = 0, as_of: datetime | None = None) -> Overlap:
        """How 2 to 50 audiences overlap, with `limit` exclusive intersections; see `coterie.audiences.overlap`."""
        from coterie.audiences.overlap import overlap

        return overlap(self._chooser(as_of), names, limit=limit)

    def diff(self, name: str, before: str, after: str, *, language: str = "en") -> Diff:
        """What happened between two snapshots, by rule and by data; see `coterie.audiences.diff`."""
        from coterie.audiences.diff import diff

        return diff(self._index, self.snapshots, name, before, after, language=language)

    def backtest(self, given: Any, weeks: int = 12, *, as_of: datetime | None = None, **options: Any) -> Backtest:
        """What a rule would have given in each of the past weeks; see `coterie.audiences.backtest`."""
        from coterie.audiences.backtest import backtest

        return backtest(self._chooser(as_of), given, weeks, **options)

    def snapshot_on(self, name: str, on: str) -> Snapshot:
        """The newest snapshot that is not after a day or moment: who was in then."""
        from coterie.audiences.diff import snapshot_on

        return snapshot_on(self.snapshots, name, on, self._context.zone)

    def lookalike(self, seed: str, size: int, *, save: bool = True, **options: Any) -> LookAlike:
        """The people most like a seed, as tags and an audience; see `coterie.audiences.lookalike`."""
        from coterie.audiences.lookalike import lookalike

        found = lookalike(self._chooser(), seed, size, save=save, **options)
        if found.audience is not None:
            self.save(found.audience, found.rule, description=f"The {size:,} most like {found.seed}.")
        return found

    def write_table(self, rows: Sequence[Mapping[str, Any]], to: Path) -> int:
        """Write the rows of a result's `table()` to a .csv, .parquet or .xlsx file; returns their number."""
        import pyarrow as pa

        from coterie.engines.export import write

        with self._context.engine.cursor() as engine:
            engine.register("result", pa.Table.from_pylist([dict(row) for row in rows]))
            return write(engine, "SELECT * FROM result", to)

    def keys_of(self, name: str) -> list[str]:
        """Keys of all members now."""
        asked = self._saved(self.get(name), None)
        return [row[0] for row in asked.engine.rows(f"SELECT entity FROM ({asked.members_sql()}) ORDER BY row")]

    def _chooser(self, as_of: datetime | None = None, data_version: int | None = None) -> Chooser:
        from coterie.audiences.chosen import Chooser

        return Chooser(self._index, self.snapshots, as_of, data_version)

    def keys(self, rows: BitMap, name: str) -> list[str]:
        """Keys of row numbers, in their order."""
        entities = entities_sql(self._context, self.get(name).body["entity_kind"])
        with self._index.engine() as engine:
            engine.register("asked_rows", rows_table(rows))
            found = engine.rows(f"SELECT entity FROM asked_rows JOIN {entities} USING (row) ORDER BY row")
        return [key for (key,) in found]

    def _saved(self, document: Document, as_of: datetime | None) -> Question:
        rule = parse_rule(document.body["rule"])
        return Question(self._index, self.snapshots, rule, as_of, None, name=document.name)

    def _page(self, name: str, snapshot: str | None, order: str) -> dict[str, Any]:
        taken = self._members_of(name, snapshot)
        engine = taken.asked.engine
        keys = [row[0] for row in engine.rows(f"SELECT entity FROM ({taken.sql}) {order}")]
        count = engine.value(f"SELECT count(*) FROM ({taken.sql})")
        return {"audience": name, "snapshot": taken.snapshot, "count": count, "members": keys}

    def _members_of(self, name: str, snapshot: str | None) -> _Members:
        """Members as SQL: of the snapshot asked for or the newest; of now where there is none yet."""
        document = self.get(name)
        found = self.snapshots.of(name)
        asked = self._saved(document, None)
        if not found and snapshot is None:
            return _Members(asked, asked.members_sql(), None)
        chosen = self.snapshots.get(name, snapshot)
        return _Members(asked, self._snapshot_sql(asked, chosen), chosen.id)

    def _snapshot_sql(self, asked: Question, snapshot: Snapshot) -> str:
        """Members of a snapshot with their keys; the dead keys of erased people are not in `entities` any more."""
        asked.engine.register("snapshot", rows_table(self.snapshots.members(snapshot)))
        entities = entities_sql(self._context, snapshot.entity_kind)
        return f"SELECT row, entity FROM snapshot JOIN {entities} USING (row)"


@dataclass(frozen=True)
class _Members:
    asked: Question
    sql: str
    snapshot: str | None


# Size, universe, and each node with who can be reached.
_Numbers: TypeAlias = "tuple[int, int, list[tuple[NodeCount | NodeSize, Mapping[str, int]]]]"


class Question:
    """A rule bound to one as-of and data version: what count, refresh and explain have in common.

    straight : answered by SQL alone, not by the index.
    """

    def __init__(
        self,
        index: Index,
        snapshots: Snapshots,
        rule: Rule,
        as_of: datetime | None,
        data_version: int | None,
        *,
        name: str | None = None,
        straight: bool = False,
    ) -> None:
        self.index, self.context, self.rule, self.kind = index, index.context, rule, rule.entity
        self._straight = straight
        self._registered: list[str] = []
        self.standing = index.standings.of(rule.entity)
        self.as_of = (self.standing.as_of(self.context) if as_of is None else as_of).astimezone(UTC)
        self.data_version = self.standing.data_version if data_version is None else data_version
        self.vocabulary = self.standing.vocabulary
        self.view = View(self.context, self.context.engine, self.kind, self.as_of, self.data_version)
        self.sets = StoredSets(index, snapshots, self.view, self.standing)
        known = self.standing.bound
        if len(known) > _MOST_BOUND:
            known.clear()
        self.compiled: CompiledRule = compile_rule(
            rule, self.vocabulary, as_of=self.as_of, resolver=self.sets, name=name, known=known
        )

    @cached_property
    def engine(self) -> Engine:
        """A connection of this question alone; its views are made by `make_views`."""
        engine = self.index.borrow()
        weakref.finalize(self, self.index.give, engine, self._registered)
        return engine

    @cached_property
    def bitmaps(self) -> Sets | None:
        """The rule's sets as bitmaps; None where SQL has to answer."""
        root = self.compiled.bound
        if self._straight or not self.index.ready(root, self.standing, self.as_of, self.data_version):
            return None
        return self._sets()

    def _sets(self) -> Sets:
        from coterie.index.sets import Sets

        return Sets(self.index.universe_bits(self.view), self._members)

    @cached_property
    def _members(self) -> Callable[[BoundLeaf], Members]:
        """Who passes a condition. It does not hold this question, which so ends, and gives its engine back, at once."""
        return partial(self.index.members, view=self.view, standing=self.standing, prepare=self.sets.prepare)

    def waterfall(self, language: str) -> tuple[int, int, tuple[Step, ...]]:
        """The size, the universe and every node of the rule."""
        channels = None if self.bitmaps is None else self._channels()
        if self.bitmaps is None or channels is None:
            count, universe, nodes = self._by_sql()
        else:
            count, universe, nodes = self._by_bitmaps(self.bitmaps, channels)
        places = {n.place: n.node for n in self.compiled.bound.own()}
        steps = tuple(
            Step(
                n.place,
                node_sentence(places[n.place], language, self.vocabulary),
                n.alone,
                n.remaining,
                n.removed,
                reach,
            )
            for n, reach in nodes
        )
        return count, universe, steps

    def size(self) -> int:
        """The size alone."""
        if self.bitmaps is not None:
            return self.bitmaps.size(self.compiled.bound)
        self.make_views()
        return self.compiled.read_count(self.engine.row(self.compiled.count_sql(waterfall=False))).count

    def _by_bitmaps(self, sets: Sets, channels: Mapping[str, Bits]) -> _Numbers:
        nodes = sets.waterfall(self.compiled.bound, channels)
        return nodes[0].remaining, sets.everyone, [(n, n.reachable) for n in nodes]

    def _by_sql(self) -> _Numbers:
        channels = self._channel_rules()
        self.make_views([family for node in channels.values() for _, leaf in node.leaves() for family in leaf.families])
        row = self.engine.row(self.compiled.count_sql(channels=channels))
        found = self.compiled.read_count(row, list(channels))
        return found.count, found.universe, [(n, n.reachable) for n in found.nodes]

    def _channels(self) -> dict[str, Bits] | None:
        """Who can be reached, by channel; None where SQL has to answer."""
        rules = self._channel_rules()
        if not all(self.index.ready(n, self.standing, self.as_of, self.data_version) for n in rules.values()):
            return None
        return {name: self._members(leaf).rows for name, node in rules.items() for _, leaf in node.leaves()}

    def _channel_rules(self) -> dict[str, BoundNode]:
        """The rule of whom a channel reaches, by channel: the tags `reach.CHANNEL`."""
        tags = [t for t in self.vocabulary.definitions if t.startswith(REACH)]
        if not tags:
            return {}
        rule = parse_rule({"entity": self.kind, "any": [{"tag": t, "op": "eq", "value": True} for t in tags]})
        root = bind_rule(rule, self.vocabulary, as_of=self.as_of)
        return {tag.removeprefix(REACH): node for tag, node in zip(tags, root.children, strict=True)}

    def sentence(self, language: str) -> str:
        """The rule in words."""
        return sentence(self.rule, language, self.vocabulary)

    def make_views(self, more: Iterable[str] = ()) -> None:
        """Make the views that the compiled rule names; `more` : further families."""
        families = dict.fromkeys((*self.compiled.families, *self.sets.families, *more))
        self.use(families, self.compiled.datasets)
        self._registered += self.sets.prepare(self.engine)

    def use(self, families: Iterable[str], datasets: Iterable[str] = ()) -> None:
        """Make views on the question's engine."""
        self.index.use(self.view, self.engine, families, datasets)

    def members_sql(self) -> str:
        """SELECT row, entity of members, for the question's engine."""
        if self.bitmaps is not None:
            self.use(())
            self.engine.register("members", rows_table(self.bitmaps.members(self.compiled.bound)))
            return 'SELECT row, entity FROM members JOIN "universe" USING (row)'
        self.make_views()
        return self.compiled.members_sql()

    def members(self) -> BitMap:
        """Row numbers of members."""
        if self.bitmaps is not None:
            return self.bitmaps.members(self.compiled.bound)
        from coterie.index.bitmaps import from_rows
        from coterie.kit.numbers import rows_of

        return from_rows(rows_of(self.engine.arrow(f"SELECT row FROM ({self.members_sql()})")))


def entities_sql(context: TagContext, kind: str) -> str:
    """SQL of a relation `row`, `entity`: every entity of a kind ever seen."""
    files = context.lake.files("entities")
    return f"(SELECT DISTINCT row, key AS entity FROM {scan(files)} WHERE kind = {quote_value(kind)})"


def check_name(name: str, noun: str = "an audience") -> None:
    """Refuse what cannot name an audience or a block."""
    if not name.strip() or len(name) > _NAME_LENGTH or "/" in name or "@" in name or name.startswith("."):
        fix = f'Use 1 to {_NAME_LENGTH} characters without "/", "@" and a leading ".".'
        raise Refused("bad_argument", f'"{name}" cannot name {noun}.', place="name", fix=fix)


def read_as(rule: Any, kind: str) -> Rule:
    """Read a rule; where it names no kind of entity, it is about `kind`."""
    if isinstance(rule, Mapping) and "entity" not in rule:
        rule = {"entity": kind, **rule}
    return parse_rule(rule)
