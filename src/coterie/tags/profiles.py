"""States of profiles datasets: per entity the row that is valid at the as-of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_name
from coterie.tags.records import StateRecord
from coterie.tags.sources import Span, newer, newer_files, rows_read
from coterie.tags.states import StateWork

_KEYS = ("_at", "_batch", "_seq")
_NEWEST = "_at DESC NULLS LAST, _batch DESC, _seq DESC"


def full(work: StateWork, id_: str) -> StateRecord:
    """The state from all rows."""
    table = work.lake.files(work.dataset.table, work.version)
    work.scanned += rows_read(table)
    numbered = _numbered(work, work.visible(table))
    rows = _merged_fields(numbered, field_columns(work)) if work.dataset.partial else _winners(work, numbered)
    record = _written(work, rows, id_)
    work.forget()
    return record


def carry(work: StateWork, old: StateRecord, id_: str) -> StateRecord:
    """The state from an earlier one and the rows that came or became valid since."""
    now = work.lake.files(work.dataset.table, work.version)
    before = work.lake.files(work.dataset.table, old.version)
    parts = []
    recent = newer_files(now, old.version)
    if recent.paths:
        work.scanned += rows_read(recent)
        parts.append(f"SELECT * FROM {work.visible(now, newer(now, old.version))}")
    was = datetime.fromisoformat(old.as_of)
    dated = "_at" in {name for name, _ in before.columns}  # undated profiles have always been valid
    if was != work.clock.as_of and before.paths and dated:
        span = Span(was, work.clock.as_of)
        work.scanned += rows_read(before, [span])
        parts.append(f"SELECT * FROM {scan(before)} WHERE {span.sql('_at')}")
    came = work.temporary(_numbered(work, f"({' UNION ALL BY NAME '.join(parts)})")) if parts else None
    if came is None or not work.engine.value(f"SELECT count(*) FROM {came}"):
        work.forget()
        return replace(old, as_of=work.clock.as_of.isoformat(), version=work.version)
    work.engine.register("old_state", work.files.read(old.file))
    touched = f"SELECT row FROM {came}"
    candidates = f"SELECT * FROM {came} UNION ALL BY NAME SELECT * FROM old_state WHERE row IN ({touched})"
    rows = f"({_winners(work, candidates)}) UNION ALL BY NAME SELECT * FROM old_state WHERE row NOT IN ({touched})"
    record = _written(work, rows, id_)
    work.engine.unregister("old_state")
    work.forget()
    return record


def field_columns(work: StateWork) -> list[str]:
    """The columns of a profile state but `row`."""
    own = [f.column for f in work.dataset.fields if f.column not in ("_entity", *_KEYS)]
    return [*_KEYS, *dict.fromkeys(own)]


def _numbered(work: StateWork, source: str) -> str:
    columns = ", ".join(f"e.{quote_name(c)}" for c in field_columns(work))
    return f"SELECT n.row, {columns} FROM {source} e JOIN {work.numbering} n ON n.entity = e._entity"


def _winners(work: StateWork, numbered: str) -> str:
    """The newest row of each entity; a profile imported once has one each, and is not sorted for it."""
    rows = work.temporary(numbered)
    if work.engine.value(f"SELECT count(*) = count(DISTINCT row) FROM {rows}"):
        return f"SELECT * FROM {rows}"
    return f"SELECT * FROM {rows} QUALIFY row_number() OVER (PARTITION BY row ORDER BY {_NEWEST}) = 1"


def _merged_fields(numbered: str, columns: Sequence[str]) -> str:
    """Per field its newest value that is not missing."""
    order = "{'at': coalesce(_at, TIMESTAMPTZ '-infinity'), 'batch': _batch, 'seq': _seq}"
    newest = ", ".join(
        f"arg_max({quote_name(c)}, {order}) FILTER (WHERE {quote_name(c)} IS NOT NULL) AS {quote_name(c)}"
        for c in columns
    )
    return f"SELECT row, {newest} FROM ({numbered}) GROUP BY row"


def _written(work: StateWork, rows: str, id_: str) -> StateRecord:
    columns = field_columns(work)
    listed = ", ".join(map(quote_name, ["row", *columns]))
    name = work.files.write(work.engine, f"SELECT {listed} FROM ({rows})")
    return StateRecord(name, tuple(c.name for c in work.columns), {}, work.clock.as_of.isoformat(), work.version, id_)
