"""One source into one dataset: types from a sample, the pass, and again where the whole file tells otherwise."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from coterie.catalog.schemas import Dataset
from coterie.engines.duckdb import parquet, watched
from coterie.engines.sql import quote_name
from coterie.errors import Failed, Refused
from coterie.ingest.batch import Batch, Part
from coterie.ingest.columns import ColumnType
from coterie.ingest.evolve import common_type, dataset_field, lay_out, refuse_other_kind, type_changed, widen_lake
from coterie.ingest.formats import RARE
from coterie.ingest.mapping import ImportSpec
from coterie.ingest.numbering import StagedTable, table_entities
from coterie.ingest.passes import Outcome, find_failed, pass_sql, run_pass, write_rejects
from coterie.ingest.plan import KEY_ROLES, Draft, Plan, Planned, Role, drafts
from coterie.ingest.propose import SAMPLE_ROWS, Judge, Typed
from coterie.ingest.readers.source import Source
from coterie.kit.progress import Progress

_MOST_PASSES = 8


class _Irregular(Exception):
    """The fast reader cannot be trusted with this file."""


def import_table(batch: Batch, source: Source, spec: ImportSpec | None = None) -> Part:
    """Stage a source as rows of one dataset.

    Raises Refused: the source cannot be used; nothing was changed.
    """
    spec = spec or batch.spec
    earlier = None if batch.replace else batch.earlier(spec.name)
    refuse_other_kind(spec, batch.earlier(spec.name))
    try:
        return _Importing(batch, spec, source, earlier).run()
    except _Irregular:
        assert source.careful is not None, "only a fast reader is given up"
        careful = source.careful()
        return _Importing(batch, spec, careful, earlier).run()


@dataclass
class _Importing:
    """The work on one source; `earlier` is the dataset that its rows join."""

    batch: Batch
    spec: ImportSpec
    source: Source
    earlier: Dataset | None

    def run(self) -> Part:
        """Types, passes, rejects."""
        engine = self.batch.engine
        with self._regular():
            sample, whole = self._sample()
        judge = Judge(engine, self.spec, self.source.label, sample, whole)
        with self._regular():
            typed = judge.types(drafts(self.spec, self.source), self.earlier)
        plan, outcome = self._passes(judge, typed)
        with self._regular():
            rejects = self._rejects(plan, outcome)
        return self._part(plan, outcome, rejects, judge)

    @contextmanager
    def _regular(self) -> Iterator[None]:
        """Tell an error of the engine's CSV reader as a reason to read carefully."""
        try:
            yield
        except Exception as error:
            if self.source.careful is not None and "CSV" in str(error) and not isinstance(error, Refused | Failed):
                raise _Irregular from error
            raise

    def _sample(self) -> tuple[str, str | None]:
        """A table of the first rows; and the whole relation, None where the sample is the whole."""
        engine, name = self.batch.engine, f"sample_{uuid.uuid4().hex}"
        engine.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {self.source.relation} LIMIT {SAMPLE_ROWS}")
        rows = engine.value(f"SELECT count(*) FROM {name}")
        if not rows and not self.source.rejected:
            fix = "Give a file with rows."
            raise Refused("no_rows", "The file has a header and no rows.", place=self.source.label, fix=fix)
        return name, self.source.relation if rows == SAMPLE_ROWS else None

    def _passes(self, judge: Judge, typed: list[Typed]) -> tuple[Plan, Outcome]:
        """Passes until no column misfits its type too often. Each changes the type of one column at least."""
        for n in range(_MOST_PASSES):
            columns, absent = lay_out(
                self.batch.ctx.lake, typed, self.batch.earlier(self.spec.name), self.spec, closing=self.batch.replace
            )
            plan = Plan(self.spec, self.source, self.batch.ctx.zone.key, columns, absent)
            outcome = self._pass(plan, n)
            changed = self._retyped(judge, plan, outcome, typed)
            if changed == typed:
                return plan, outcome
            outcome.path.unlink()
            typed = changed
        raise AssertionError("types of the whole file are final")

    def _pass(self, plan: Plan, number: int) -> Outcome:
        path = self.batch.folder(f"pass-{number}") / "rows.parquet"
        size = self.source.size_bytes
        with _stage(self.batch.progress, "Reading" if not number else "Reading again", size) as scaled:
            with self._regular(), watched(self.batch.engine, scaled):
                outcome = run_pass(self.batch.engine, plan, path)
        if self.source.careful is not None:
            facts = self.source.facts()
            if facts.records is not None and outcome.written + outcome.rejected != facts.records:
                raise _Irregular
        return outcome

    def _retyped(self, judge: Judge, plan: Plan, outcome: Outcome, typed: list[Typed]) -> list[Typed]:
        """The types with those changed that too many values misfit, or one would lose by."""
        wrong = set(self._misfits(plan, outcome))
        if not wrong:
            return typed
        return [self._again(judge, t) if _column_name(plan, t.draft) in wrong else t for t in typed]

    def _misfits(self, plan: Plan, outcome: Outcome) -> Iterator[str]:
        """Lake columns that must be read as another type."""
        checks = pass_sql(plan, self.source.relation).checks
        for check in checks:
            misfits, losses = outcome.failed[check.code], outcome.failed[check.code + 1]
            if not misfits + losses or not check.types_values or _fixed(check.column):
                continue
            if losses or misfits > RARE * (misfits + self._filled(outcome, check.column)):
                yield check.column.column

    def _filled(self, outcome: Outcome, column: Planned) -> int:
        file = parquet(outcome.path)
        return int(self.batch.engine.value(f"SELECT count({quote_name(column.column)}) FROM {file}"))

    def _again(self, judge: Judge, typed: Typed) -> Typed:
        draft, kind, _ = typed
        if draft.role in KEY_ROLES:
            style = judge.styles(self.source.relation, [draft])[0]
            if style == "text":
                judge.notes.append(f"Not all keys of {draft.name} are numbers; they are kept as written.")
            return typed._replace(style=style)
        found = judge.again(draft, kind)
        known = self.earlier.field(draft.name) if self.earlier and draft.role is None else None
        if known is not None:
            found = self._joined(draft, known, found)
        return typed._replace(kind=found)

    def _joined(self, draft: Draft, known: object, found: ColumnType) -> ColumnType:
        """The type that holds the dataset's values and the file's; the lake's column is widened to it at once."""
        assert self.earlier is not None, "there is a field already"
        field = dataset_field(self.earlier, draft.name)
        joined = common_type(field, found)
        if joined is None or (joined.type, joined.scale) == (field.type, field.scale):
            raise type_changed(field, found, "more than one in a thousand")
        if not self.batch.dry_run:
            batch = self.batch
            self.earlier = widen_lake(
                batch.engine, batch.ctx.lake, self.earlier, {field.name: joined}, batch.ctx.zone.key
            )
            batch.catalog.save_dataset(self.earlier)
        return replace(joined, declared=False)

    def _rejects(self, plan: Plan, outcome: Outcome) -> Path | None:
        if not outcome.rejected and not self.source.rejected:
            return None
        found = find_failed(plan, outcome) if outcome.rejected else None
        if outcome.rejected and found is None and self.source.careful is not None:
            if not self.source.facts().lines_are_records:
                raise _Irregular
        path = self.batch.folder("rejects") / "rejects.parquet"
        written = write_rejects(self.batch.engine, plan, outcome, found, path)
        if written != outcome.rejected + self.source.rejected:
            message = "The file changed while it was read."
            raise Refused("changed_file", message, place=self.source.label, fix="Import it again.")
        return path

    def _part(self, plan: Plan, outcome: Outcome, rejects: Path | None, judge: Judge) -> Part:
        spec, rejected = self.spec, outcome.rejected + self.source.rejected
        before = self.earlier or self.batch.earlier(spec.name)
        dataset = plan.dataset(before, closing=self.batch.replace)
        staged = StagedTable(
            dataset.table,
            spec.kind,
            outcome.path,
            outcome.written,
            table_entities(spec.kind, spec.entity_kind) if self._has_entities(plan) else [],
            keyed=plan.role(Role.KEY) is not None,
            replaces=self.batch.replace,
        )
        return Part(dataset, staged, outcome.written + rejected, rejected, rejects, tuple(judge.notes))

    def _has_entities(self, plan: Plan) -> bool:
        return plan.row_entity or plan.role(Role.ENTITY) is not None


def _fixed(column: Planned) -> bool:
    """Whether misfits of a column are rejects whatever their number: its type was declared, or is the source's own."""
    declared = column.kind.declared and not column.kind.open_scale
    return declared or column.native is not None or column.role is Role.VALUES


def _column_name(plan: Plan, draft: Draft) -> str:
    if draft.role is not None:
        return draft.role.value
    return next(c.column for c in plan.columns if c.name == draft.name and c.role is None)


class _Scaled(Progress):
    """Percent of a query, told as bytes of the stage that `progress` shows."""

    def __init__(self, progress: Progress, size: float) -> None:
        super().__init__()
        self._progress, self._factor = progress, size / 100

    def advance(self, amount: float) -> None:
        """`amount` percent more are done."""
        self._progress.advance(amount * self._factor)


@contextmanager
def _stage(progress: Progress | None, name: str, size: int) -> Iterator[Progress | None]:
    if progress is None:
        yield None
        return
    with progress.stage(name, float(size) or None, "bytes"):
        yield _Scaled(progress, size)
