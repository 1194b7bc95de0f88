"""The import pass: one COPY that reads every value, checks it, and writes the rows that are good.

Rows that are not good are counted by the check that they fail, without a second scan: the WHERE clause calls a function
for them alone. Where few rows fail, their bytes are then searched in the file for the line; else a second scan numbers
the rows, which costs the engine's parallel reading.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_name, quote_value
from coterie.ingest.lines import find_lines
from coterie.ingest.plan import ORDERED, Plan, Planned, Role
from coterie.ingest.readers.source import SourceColumn
from coterie.ingest.readers.staging import RAW_CHARACTERS
from coterie.ingest.readings import Reading, filled_sql

if TYPE_CHECKING:
    import pyarrow as pa

_KEPT_ROWS = 64
_SEARCHED_ROWS = 16
_VALUE_CHARACTERS = 2_000


class Check(NamedTuple):
    """What a row must pass. A row that fails it for a value that would be lost has the code after the check's own.

    code : even; `code + 1` marks a loss.
    fits, loses : SQL over the raw columns.
    """

    code: int
    fits: str
    loses: str | None
    column: Planned
    raw: str
    reason: str
    types_values: bool = True  # it judges the type; not whether there is a value at all


class PassSql(NamedTuple):
    """The parts of the pass's SQL.

    inner : relation with the raw columns and their values beside the source's own columns, and `_row` where rows are
        numbered.
    cells : SQL over `inner` of the whole row as a list of texts. (Made in `inner` it would be made of every row.)
    outputs : (lake column, SQL) in the lake's order.
    checks : in the order in which they are tried.
    """

    inner: str
    cells: str
    outputs: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]

    @property
    def good(self) -> str:
        """SQL: true of a row that passes everything."""
        return " AND ".join(c.fits for c in self.checks) or "true"

    @property
    def code(self) -> str:
        """SQL: the code of the first check that a row fails, missing of a good row."""
        arms = "".join(f" WHEN {c.fits} IS NOT TRUE THEN {_code_sql(c)}" for c in self.checks)
        return f"CASE{arms} END" if arms else "NULL"


def _code_sql(check: Check) -> str:
    if check.loses is None:
        return str(check.code)
    return f"CASE WHEN {check.loses} THEN {check.code + 1} ELSE {check.code} END"


def pass_sql(plan: Plan, relation: str, *, line: str | None = None) -> PassSql:
    """The SQL of a plan over a relation of its source; with `line`, its SQL is taken along as `_coterie_line`."""
    raws = [f"{c.raw} AS {_raw(i)}" for i, c in enumerate(plan.columns)]
    raws += [f"{line} AS _coterie_line"] if line else []
    readings = [c.reading(_raw(i), _value(i), plan.zone) for i, c in enumerate(plan.columns)]
    # A volatile column keeps the engine from pushing the checks below this projection, where it would compute every value
    # twice, once to check and once to write: 14 s instead of 16 s of processor time for 10M rows of six columns.
    values = [f"{read.value} AS {_value(i)}" for i, read in enumerate(readings)] + ["random() AS _coterie_barrier"]
    outputs = [(c.column, readings[i].output or _value(i)) for i, c in enumerate(plan.columns)]
    if plan.row_entity:
        outputs.insert(0, (Role.ENTITY.value, "_row::VARCHAR"))
    outputs += [(name, f"NULL::{kind}") for name, kind in plan.absent]
    outputs += [("_seq", "_row")] if plan.spec.kind in ORDERED else []
    inner = f"(SELECT {', '.join(['*', *values])} FROM (SELECT {', '.join(['*', *raws])} FROM {relation}))"
    cells = f"[{', '.join(c.text for c in plan.source.columns)}]"
    return PassSql(inner, cells, (*outputs, ("_batch", "NULL::BIGINT")), tuple(_checks(plan, readings)))


def _raw(position: int) -> str:
    return f"_coterie_{position}"


def _value(position: int) -> str:
    return f"_coterie_v{position}"


def _checks(plan: Plan, readings: Sequence[Reading]) -> Iterator[Check]:
    """Types first, then values that no row may lack, so that misfits are counted whole."""
    code = 0
    for i, (column, read) in enumerate(zip(plan.columns, readings, strict=True)):
        if read.fits is not None:
            yield Check(code, read.fits, read.loses, column, _raw(i), read.reason)
            code += 2
    for role, reason in plan.needs():
        found = next(((i, c) for i, c in enumerate(plan.columns) if c.role is role), None)
        if found is not None and found[1].native != "cells":
            raw = _raw(found[0])
            yield Check(code, filled_sql(raw), None, found[1], raw, reason, types_values=False)
            code += 2


class Collector:
    """Counts the rows that fail, by code, and keeps the cells of the first few."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.rows: list[tuple[int, list[str | None]]] = []
        self._lock = Lock()

    def take(self, codes: pa.Array, cells: pa.Array) -> pa.Array:
        """Count rows; false for each of them, so that none is written."""
        import pyarrow as pa

        with self._lock:
            self.counts.update(codes.to_pylist())
            if len(self.rows) < _KEPT_ROWS:
                room = _KEPT_ROWS - len(self.rows)
                self.rows += zip(codes[:room].to_pylist(), cells[:room].to_pylist(), strict=True)
        return pa.array([False] * len(codes))

    @property
    def total(self) -> int:
        """Rows that failed."""
        return sum(self.counts.values())


@contextmanager
def _registered(engine: Engine, collector: Collector) -> Iterator[str]:
    """The collector as a function of SQL, for the time of one pass."""
    name = f"reject_{uuid.uuid4().hex}"
    connection: Any = engine.raw()
    types, how = ["INTEGER", "VARCHAR[]"], {"type": "arrow", "side_effects": True, "null_handling": "special"}
    # A plain lambda: the driver would look up the names in a method's annotations.
    connection.create_function(name, lambda codes, cells: collector.take(codes, cells), types, "BOOLEAN", **how)
    try:
        yield name
    finally:
        connection.remove_function(name)


@dataclass(frozen=True)
class Outcome:
    """What one pass did.

    path : the staged file of good rows; `written` of them.
    failed : rows by code of the check they failed.
    rows : code and cells of the first of those.
    """

    path: Path
    written: int
    failed: Counter[int]
    rows: Sequence[tuple[int, list[str | None]]] = field(default=())

    @property
    def rejected(self) -> int:
        """Rows that were not written."""
        return sum(self.failed.values())


def run_pass(engine: Engine, plan: Plan, path: Path) -> Outcome:
    """Read the whole source once, write the good rows to `path`, count the others."""
    relation = plan.source.numbered if plan.numbered else plan.source.relation
    sql = pass_sql(plan, relation)
    select = ", ".join(f"{value} AS {quote_name(name)}" for name, value in sql.outputs)
    if not sql.checks:
        return Outcome(path, engine.copy_parquet(f"SELECT {select} FROM {sql.inner}", path), Counter())
    collector = Collector()
    with _registered(engine, collector) as reject:
        where = f"CASE WHEN {sql.good} THEN true ELSE {reject}({sql.code}, {sql.cells}) END"
        written = engine.copy_parquet(f"SELECT {select} FROM {sql.inner} WHERE {where}", path)
    return Outcome(path, written, collector.counts, collector.rows)


def write_rejects(engine: Engine, plan: Plan, outcome: Outcome, found: Found | None, path: Path) -> int:
    """Write the rejected rows with line, column, value, reason and the whole row; returns how many.

    found : the rejected rows, where they are few and `find_failed` found their lines; else all rows are scanned again.
    """
    source = plan.source
    parts = []
    if outcome.rejected:
        relation, line = found or (source.numbered, source.line)
        parts.append(_rejects_sql(pass_sql(plan, relation, line=line), source.columns))
    if source.rejects is not None and source.rejected:
        parts.append(f'SELECT line, "column", value, reason, raw FROM {parquet(source.rejects)}')
    return engine.copy_parquet(" UNION ALL ".join(f"({p})" for p in parts), path)


def _rejects_sql(sql: PassSql, columns: Sequence[SourceColumn]) -> str:
    names, values, reasons = [], [], []
    for check in sql.checks:
        for code in (check.code, check.code + 1):
            names.append(f"WHEN {code} THEN {quote_value(check.column.name)}")
            values.append(f"WHEN {code} THEN left({check.raw}::VARCHAR, {_VALUE_CHARACTERS})")
            reasons.append(f"WHEN {code} THEN {_reason_sql(check)}")
    raw = ", ".join(f"{quote_value(c.name)}: left({c.text}, {RAW_CHARACTERS})" for c in columns)
    coded = f"(SELECT *, {sql.code} AS _code FROM {sql.inner} WHERE ({sql.good}) IS NOT TRUE)"
    return (
        f'SELECT _coterie_line AS line, CASE _code {" ".join(names)} END AS "column", CASE _code {" ".join(values)} END AS value, '
        f"CASE _code {' '.join(reasons)} END AS reason, to_json({{{raw}}})::VARCHAR AS raw FROM {coded}"
    )


def _reason_sql(check: Check) -> str:
    reason = quote_value(check.reason)
    if check.reason not in ("not_integer", "not_decimal", "not_number"):
        return reason
    return f"CASE WHEN isinf(TRY_CAST({check.raw} AS DOUBLE)) THEN 'not_finite' ELSE {reason} END"


class Found(NamedTuple):
    """Rejected rows as a relation of the source's columns, and the SQL of their lines."""

    relation: str
    line: str


def find_failed(plan: Plan, outcome: Outcome) -> Found | None:
    """The few rejected rows with their lines, or None where they are many or cannot be found by their bytes."""
    text = plan.source.plain_text
    if text is None or outcome.rejected > _SEARCHED_ROWS or plan.row_entity:
        return None
    cells = [row for _, row in outcome.rows]
    lines = find_lines(text.path, text.delimiter, cells)
    if lines is None:
        return None
    rows = ", ".join(
        "(" + ", ".join([str(line), *map(quote_value, row)]) + ")" for line, row in zip(lines, cells, strict=True)
    )
    names = [c.sql for c in plan.source.columns]
    typed = ", ".join(["_line", *(f"{name}::VARCHAR AS {name}" for name in names)])
    return Found(f"(SELECT {typed} FROM (VALUES {rows}) AS found({', '.join(['_line', *names])}))", "_line")
