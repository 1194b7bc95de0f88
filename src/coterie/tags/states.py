"""States: what a build keeps of each source, a row an entity, from which the values of tags are made.

A state is made by one scan of all rows, or carried on from an earlier one by the rows that came, entered a window or
left one. Both give the same table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from coterie.catalog.schemas import Dataset
from coterie.engines.duckdb import Engine, scan
from coterie.engines.sql import quote_value
from coterie.lake.service import Lake
from coterie.lake.tables import TableFiles
from coterie.tags import ledgers
from coterie.tags.aggregates import (
    ALIAS,
    AT,
    LANE_BITS,
    MAX_CODES,
    Codes,
    Fold,
    PairGroup,
    StateColumn,
    full_fold,
    pair_groups,
    scan_sql,
)
from coterie.tags.files import BuildFiles
from coterie.tags.measures import Clock, How, both
from coterie.tags.records import StateRecord
from coterie.tags.sources import Span, disjoint, newer, newer_files, oriented, rows_read, visible

CODED_ROWS = 2_000_000  # below, looking for few texts costs more than it saves
_SAMPLE_ROWS = 100_000
_CODED = frozenset({How.DISTINCT, How.MODE, How.FIRST, How.LAST})


@dataclass
class StateWork:
    """The making of one state on one connection.

    numbering : a relation (row, entity) of all entities of the kind.
    joins : the joins of the lookups that the columns need.
    scanned : rows of the dataset and its ledgers read so far.
    """

    engine: Engine
    files: BuildFiles
    lake: Lake
    dataset: Dataset
    end: str
    columns: Sequence[StateColumn]
    clock: Clock
    version: int
    joins: str
    numbering: str
    scanned: int = 0
    _temporary: list[str] = field(default_factory=list)

    def full(self, id_: str) -> StateRecord:
        """Make the state from all rows."""
        table = self.lake.files(self.dataset.table, self.version)
        source = oriented(self.visible(table), self.end)
        made = self.scan_all(self.columns, source, table)
        name = self.files.write(self.engine, _joined(made.tables))
        record = StateRecord(
            name, tuple(c.name for c in self.columns), made.ledgers, _iso(self.clock), self.version, id_
        )
        self.forget()
        return record

    def carry(self, old: StateRecord, id_: str) -> StateRecord:
        """Make the state from an earlier one and the rows that came, or entered or left a window."""
        record = _Carry(self, old).run(id_)
        self.forget()
        return record

    def visible(self, table: TableFiles, rows: str | None = None) -> str:
        """The rows up to the as-of, with all columns that aggregates name."""
        return visible(self.dataset, table, self.clock.as_of, rows)

    def scan_all(self, columns: Sequence[StateColumn], source: str, table: TableFiles) -> _Made:
        """Temporary tables (row, columns) from one scan for the plain columns, and one for each group of pairs of many
        values; few values are counted in the scan of the plain columns."""
        made = _Made()
        plain, groups = [c for c in columns if not c.how.pairs], pair_groups(columns)
        codes = self.codes(columns, source, table)
        counted = [g for g in groups if g.columns[0].argument in codes]
        if plain or counted:
            read = [*plain, *(g.columns[0] for g in counted)]
            self.scanned += self.cost(read, table)
            wide = self.plain(plain, source, codes, counted)
            made.tables.append((wide, [c.name for c in plain]))
            for group in counted:
                self.unpack(group, wide, codes[str(group.columns[0].argument)], made)
        for group in groups:
            if group not in counted:
                self.scanned += self.cost(group.columns, table)
                window = group.columns[0].window.sql(self.clock, AT)
                self.fold(group, self.numbered(group.scan_sql(source, window, self.joins)), made)
        return made

    def unpack(self, group: PairGroup, wide: str, texts: Sequence[str], made: _Made) -> None:
        """Make a group's columns and ledger of the numbers of rows of its few texts."""
        made.tables.append((self.temporary(group.counted_sql(wide, texts)), [c.name for c in group.columns]))
        pairs = group.unpivoted_sql(wide, texts)
        made.ledgers[group.name] = (self.files.write(self.engine, f"{pairs} ORDER BY row"),)

    def fold(self, group: PairGroup, pairs: str, made: _Made) -> None:
        """Make a group's columns and ledger of its pairs, which are dropped."""
        made.tables.append((self.temporary(group.folded_sql(pairs)), [c.name for c in group.columns]))
        made.ledgers[group.name] = (self.files.write(self.engine, f"FROM {pairs} ORDER BY row"),)
        self.engine.execute(f"DROP TABLE {pairs}")

    def codes(self, columns: Iterable[StateColumn], source: str, table: TableFiles) -> Codes:
        """The texts of expressions that have few, where there are so many rows that looking for them pays, and not
        more than can be counted so."""
        if not CODED_ROWS <= rows_read(table) < 2 ** (LANE_BITS - 1):  # edges may be seen from both ends
            return {}
        wanted = {c.argument: c for c in columns if c.argument and c.text and c.how in _CODED}
        found = {}
        for argument in wanted:
            values = f"SELECT {argument} AS v FROM {source} AS {ALIAS}{self.joins}"
            self.scanned += _SAMPLE_ROWS
            some = f"SELECT count(DISTINCT v) FROM ({values} LIMIT {_SAMPLE_ROWS})"
            if self.engine.value(some) <= MAX_CODES:
                self.scanned += rows_read(table)
                texts = self.engine.rows(f"SELECT DISTINCT v FROM ({values}) WHERE v IS NOT NULL ORDER BY hash(v)")
                if 0 < len(texts) <= MAX_CODES:
                    found[argument] = [text for (text,) in texts]
        return found

    def plain(
        self,
        columns: Sequence[StateColumn],
        source: str,
        codes: Codes = MappingProxyType({}),
        counted: Sequence[PairGroup] = (),
    ) -> str:
        """A temporary table (row, columns, counts of the groups' values) from one scan of `source`, from the earliest
        window's start on."""
        span = self.widest([*columns, *(g.columns[0] for g in counted)])
        rows = source if span.start is None else f"(SELECT * FROM {source} WHERE {span.sql('_at')})"
        folds = [full_fold(c, self.clock) for c in columns]
        for group in counted:
            texts = codes[str(group.columns[0].argument)]
            folds += group.counts(texts, group.columns[0].window.sql(self.clock, AT))
        return self.numbered(scan_sql(folds, rows, self.joins, codes))

    def widest(self, columns: Iterable[StateColumn]) -> Span:
        """The span that holds all windows of these columns; open if one column has none."""
        starts = [c.window.span(self.clock).start for c in columns]
        known = [s for s in starts if s is not None]
        return Span(min(known), self.clock.as_of) if known and len(known) == len(starts) else Span(None, None)

    def cost(self, columns: Iterable[StateColumn], table: TableFiles) -> int:
        """Rows that a scan for these columns reads."""
        return rows_read(table, [self.widest(columns)]) * (2 if self.end == "both" else 1)

    def numbered(self, sql: str) -> str:
        """A temporary table of the query with the row number in place of the entity's key."""
        source = f"SELECT n.row, q.* EXCLUDE (_entity) FROM ({sql}) q JOIN {self.numbering} n ON n.entity = q._entity"
        return self.temporary(source)

    def temporary(self, sql: str) -> str:
        """A temporary table of a query's result."""
        name = f"work_{len(self._temporary)}"
        self._temporary.append(name)
        self.engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
        return name

    def forget(self) -> None:
        """Drop the temporary tables."""
        for name in self._temporary:
            self.engine.execute(f"DROP TABLE IF EXISTS {name}")


@dataclass
class _Made:
    """Temporary tables by row with the columns to take from them, and the ledgers that were written."""

    tables: list[tuple[str, list[str]]] = field(default_factory=list)
    ledgers: dict[str, tuple[str, ...]] = field(default_factory=dict)


class _Stale(NamedTuple):
    """Extremes that were lost: a table that tells of whom (row, true or false by column), those found anew, and which."""

    lost: str
    found: str
    columns: frozenset[str]


@dataclass
class _Carry:
    """Carrying an earlier state of an events dataset on."""

    work: StateWork
    old: StateRecord

    def __post_init__(self) -> None:
        self.was = Clock(datetime.fromisoformat(self.old.as_of), self.work.clock.zone)
        self.moved = self.was.as_of != self.work.clock.as_of
        groups = pair_groups(self.work.columns)
        self.groups = [g for g in groups if self.knows(g.columns) and 0 < len(self.chain(g)) < ledgers.MAX_CHAIN]
        carried = {c.name for g in self.groups for c in g.columns}
        self.plain = [c for c in self.work.columns if not c.how.pairs and self.knows([c])]
        carried |= {c.name for c in self.plain}
        self.fresh = [c for c in self.work.columns if c.name not in carried]

    def knows(self, columns: Iterable[StateColumn]) -> bool:
        return all(c.name in self.old.columns for c in columns)

    def chain(self, group: PairGroup) -> tuple[str, ...]:
        return self.old.ledgers.get(group.name, ())

    def run(self, id_: str) -> StateRecord:
        """Write the state as it is now under the id `id_`."""
        work = self.work
        delta = self.delta()
        counted = work.engine.value(f"SELECT count(*) FROM {delta}")
        if not counted and not self.fresh:
            return replace(self.old, as_of=_iso(work.clock), version=work.version)
        work.engine.register("old_state", work.files.read(self.old.file))
        try:
            changed = self.changed(delta)
            stale = self.stale(changed)
            pairs = [self.pairs(group, delta) for group in self.groups]
            table = work.lake.files(work.dataset.table, work.version)
            fresh = work.scan_all(self.fresh, oriented(work.visible(table), work.end), table) if self.fresh else _Made()
            name = work.files.write(work.engine, self.merged(changed, stale, pairs, fresh.tables))
        finally:
            work.engine.unregister("old_state")
        chains = {group.name: chain for group, (_, chain) in zip(self.groups, pairs, strict=True)} | fresh.ledgers
        return StateRecord(name, tuple(c.name for c in work.columns), chains, _iso(work.clock), work.version, id_)

    def delta(self) -> str:
        """A temporary table of the rows that came (`_new`), and of older ones that may have entered or left a
        window."""
        work = self.work
        now = work.lake.files(work.dataset.table, work.version)
        parts = []
        recent = newer_files(now, self.old.version)
        if recent.paths:
            work.scanned += rows_read(recent)
            parts.append(f"SELECT *, true AS _new FROM {work.visible(now, newer(now, self.old.version))}")
        before = work.lake.files(work.dataset.table, self.old.version)
        spans = self.edges() if before.paths else []
        work.scanned += rows_read(before, spans)
        parts += [f"SELECT *, false AS _new FROM {scan(before)} WHERE {span.sql('_at')}" for span in spans]
        if not parts:
            parts = [f"SELECT *, true AS _new FROM {scan(now)} WHERE false"]
        rows = work.temporary(" UNION ALL BY NAME ".join(parts))
        return rows if work.end == "entity" else work.temporary(f"SELECT * FROM {oriented(rows, work.end)}")

    def edges(self) -> list[Span]:
        """The spans over which the ends of windows moved."""
        return moved_spans([*self.plain, *(g.columns[0] for g in self.groups)], self.was, self.work.clock)

    def conditions(self, column: StateColumn) -> tuple[str, str]:
        """Which rows of the delta are added to the column, and which are taken out of it."""
        now, was = (_inside(column, clock) for clock in (self.work.clock, self.was))
        if not self.moved:
            return now, "false"
        added = f"({now}) AND ({_NEW} OR NOT coalesce({was}, false))"
        return added, f"NOT {_NEW} AND ({was}) AND NOT coalesce({now}, false)"

    def changed(self, delta: str) -> str | None:
        """A temporary table: what is added to each plain column, and under NAME_out what is taken out."""
        if not self.plain:
            return None
        folds = []
        for column in self.plain:
            added, removed = self.conditions(column)
            folds.append(Fold(column, column.name, both(column.condition, added)))
            if self.moved:
                folds.append(Fold(column, f"{column.name}_out", both(column.condition, removed)))
        return self.work.numbered(scan_sql(folds, delta, self.work.joins))

    def stale(self, changed: str | None) -> _Stale | None:
        """Where a row that left held an extreme, the extreme is sought anew among the rows of its window."""
        extremes = [c for c in self.plain if c.how in _EXTREMES]
        if not self.moved or not extremes:
            return None
        work = self.work
        held = {c.name: f"d.{c.name}_out {_EXTREMES[c.how][1]} o.{c.name}" for c in extremes}
        lost = ", ".join(f"coalesce({sql}, false) AS {name}" for name, sql in held.items())
        rows = work.temporary(f"SELECT row, {lost} FROM {changed} d JOIN old_state o USING (row)")
        counts = ", ".join(f"count(*) FILTER (WHERE {name})" for name in held)
        found = work.engine.row(f"SELECT {counts} FROM {rows}")
        columns = [c for c, count in zip(extremes, found, strict=True) if count]
        if not columns:
            return None
        table = work.lake.files(work.dataset.table, work.version)
        work.scanned += work.cost(columns, table)
        some = " OR ".join(f"s.{c.name}" for c in columns)
        keys = f"SELECT n.entity FROM {work.numbering} n JOIN {rows} s ON s.row = n.row WHERE {some}"
        source = f"(SELECT * FROM {oriented(work.visible(table), work.end)} WHERE _entity IN ({keys}))"
        return _Stale(rows, work.plain(columns, source), frozenset(c.name for c in columns))

    def pairs(self, group: PairGroup, delta: str) -> tuple[str, tuple[str, ...]]:
        """A temporary table of the group's columns for the entities whose values changed, and the longer ledger."""
        from coterie.kit.numbers import rows_of

        work, chain = self.work, self.chain(group)
        added, removed = self.conditions(group.columns[0])
        number = f"count(*) FILTER (WHERE {added}) - count(*) FILTER (WHERE {removed})"
        came = work.numbered(group.scan_sql(delta, f"({added}) OR ({removed})", work.joins, number=number))
        touched = work.temporary(f"SELECT DISTINCT row FROM {came}")
        rows = rows_of(work.engine.arrow(f"SELECT row FROM {touched} ORDER BY row"))
        known, read = ledgers.slices(work.files, chain, rows)
        work.scanned += read
        work.engine.register("ledger_rows", known)
        both_parts = f"SELECT row, value, n FROM ledger_rows UNION ALL SELECT row, value, n FROM {came}"
        now = work.temporary(
            f"SELECT row, value, sum(n)::BIGINT AS n FROM ({both_parts})"
            " WHERE value IS NOT NULL GROUP BY ALL HAVING sum(n) > 0"
        )
        work.engine.unregister("ledger_rows")
        made = work.temporary(f"SELECT * FROM {touched} LEFT JOIN ({group.folded_sql(now)}) USING (row)")
        if len(rows):
            kept = f"SELECT row, value, n FROM {touched} LEFT JOIN {now} USING (row)"
            chain = (*chain, work.files.write(work.engine, f"{kept} ORDER BY row"))
        return made, chain

    def merged(
        self,
        changed: str | None,
        stale: _Stale | None,
        pairs: Sequence[tuple[str, tuple[str, ...]]],
        fresh: Sequence[tuple[str, list[str]]],
    ) -> str:
        """The new state. Rows of entities that nothing happened to are taken as they are, which costs a fraction of
        putting them together again."""
        came = [table for table in (changed, *(made for made, _ in pairs)) if table is not None]
        if fresh or not came:
            return self.put_together("old_state", changed, stale, pairs, fresh)
        touched = self.work.temporary(" UNION ".join(f"SELECT row FROM {table}" for table in came))
        some = f"(SELECT * FROM old_state SEMI JOIN {touched} USING (row))"
        types = dict(self.work.engine.columns("SELECT * FROM old_state"))
        names = [c.name for c in (*self.plain, *(c for group in self.groups for c in group.columns))]
        typed = ", ".join(f"CAST({name} AS {types[name]}) AS {name}" for name in names)
        rest = f"SELECT {', '.join(['row', *names])} FROM old_state ANTI JOIN {touched} USING (row)"
        return f"{rest} UNION ALL SELECT row, {typed} FROM ({self.put_together(some, changed, stale, pairs, fresh)})"

    def put_together(
        self,
        old: str,
        changed: str | None,
        stale: _Stale | None,
        pairs: Sequence[tuple[str, tuple[str, ...]]],
        fresh: Sequence[tuple[str, list[str]]],
    ) -> str:
        """Each column from the old one and what changed."""
        tables = f"{old} o" + (f" FULL JOIN {changed} d USING (row)" if changed else "")
        tables += "".join(f" FULL JOIN {made} p{i} USING (row)" for i, (made, _) in enumerate(pairs))
        tables += "".join(f" FULL JOIN {made} USING (row)" for made, _ in fresh)
        if stale:
            tables += f" LEFT JOIN {stale.lost} s USING (row) LEFT JOIN {stale.found} r USING (row)"
        columns = ["row"]
        for column in self.plain:
            columns.append(f"{self.carried(column, stale)} AS {column.name}")
        for i, (group, (made, _)) in enumerate(zip(self.groups, pairs, strict=True)):
            touched = f"row IN (SELECT row FROM {made})"
            columns += [
                f"CASE WHEN {touched} THEN p{i}.{c.name} ELSE o.{c.name} END AS {c.name}" for c in group.columns
            ]
        columns += [c.name for c in self.fresh]
        return f"SELECT {', '.join(columns)} FROM {tables}"

    def carried(self, column: StateColumn, stale: _Stale | None) -> str:
        """A plain column of the new state."""
        name = column.name
        if column.how in (How.COUNT, How.ADD):
            out = f" - coalesce(d.{name}_out, 0)" if self.moved else ""
            return f"coalesce(o.{name}, 0) + coalesce(d.{name}, 0){out}"
        kept = f"{_EXTREMES[column.how][0]}(o.{name}, d.{name})"
        if stale is None or name not in stale.columns:
            return kept
        return f"CASE WHEN s.{name} THEN r.{name} ELSE {kept} END"


_NEW = f"{ALIAS}._new"
# How two parts of an extreme become one, and when a row that leaves may have been the one that holds it.
_LEAST, _MOST = ("least", "<="), ("greatest", ">=")
_EXTREMES = {How.LEAST: _LEAST, How.FIRST: _LEAST, How.MOST: _MOST, How.LAST: _MOST}


def moved_spans(columns: Iterable[StateColumn], was: Clock, now: Clock) -> list[Span]:
    """The spans over which the ends of the columns' windows move between two moments."""
    found = []
    for column in columns:
        for a, b in zip(column.window.span(was), column.window.span(now), strict=True):
            if a is not None and b is not None and a != b:
                found.append((min(a, b), max(a, b)))
    return disjoint(found)


def _inside(column: StateColumn, clock: Clock) -> str:
    """Whether a row is in the column's window, whatever its moment."""
    return column.window.sql(clock, AT) or f"{AT} IS NULL OR {AT} <= {quote_value(clock.as_of)}"


def _iso(clock: Clock) -> str:
    return clock.as_of.isoformat()


def _joined(tables: Sequence[tuple[str, list[str]]]) -> str:
    """All tables side by side; their order is of no matter."""
    if not tables:
        return "SELECT NULL::BIGINT AS row WHERE false"
    joined = tables[0][0] + "".join(f" FULL JOIN {t} USING (row)" for t, _ in tables[1:])
    return f"SELECT {', '.join(['row', *(name for _, names in tables for name in names)])} FROM {joined}"
