"""A source as one row a unit: its arm, its numbers, its segments; and what had to be left out, counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name
from coterie.errors import CoterieError, Refused, did_you_mean
from coterie.experiments.question import EACH_ROW, Kind, Question
from coterie.ingest.readers.opening import open_source
from coterie.ingest.readers.options import ReadOptions
from coterie.ingest.readers.source import Source, SourceColumn
from coterie.ingest.readings import missing_sql
from coterie.kit.progress import Progress

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "FLOAT", "DOUBLE")
_YES, _NO = "('true', 'yes', 't', 'y')", "('false', 'no', 'f', 'n')"
_NAN = "('nan', 'na', 'n/a', 'null', 'none')"
UNITS, ROWS = "units_of_experiment", "rows_of_experiment"


class Slot(NamedTuple):
    """One column in one role: `binary` (any yes counts), `sum` (a unit's rows are added) or `known` (they are averaged)."""

    column: str
    role: str


class Slots(NamedTuple):
    """Where each number and segment stands in the relation of units."""

    numbers: dict[Slot, str]
    segments: dict[str, str]


@dataclass(frozen=True)
class Units:
    """The relation `UNITS`: unit, arm (text), numbers (DOUBLE) and segments (text) by `slots`; never a unit twice.

    rows : read; without_unit, without_arm : rows left out; repeated : rows beyond a unit's first, which were added up;
    in_two_arms : units in more than one arm, left out.
    """

    slots: Slots
    rows: int
    without_unit: int
    without_arm: int
    repeated: int
    in_two_arms: int


def slots_of(question: Question) -> Slots:
    """The names of the columns of the relation of units."""
    wanted: list[Slot] = []
    for metric in question.metrics:
        role = "binary" if metric.kind is Kind.BINARY else "sum"
        wanted += [Slot(c, role) for c in metric.columns] + [Slot(c, "known") for c in metric.covariates]
    numbers = {slot: f"v{i}" for i, slot in enumerate(dict.fromkeys(wanted))}
    return Slots(numbers, {c: f"s{i}" for i, c in enumerate(question.segments)})


def read_units(source: Source, question: Question, engine: Engine) -> Units:
    """Make the relation of units of an open source.

    Raises Refused: a column is missing (`unknown_column`) or holds what is no number (`bad_column`); no row is left.
    """
    slots = slots_of(question)
    columns = {name: column_of(source, name) for name in question.columns()}
    source = _copied(source, question, columns, slots, engine)
    rows, without_unit, without_arm = engine.row(
        f"SELECT count(*), count(*) FILTER (unit IS NULL), count(*) FILTER (unit IS NOT NULL AND arm IS NULL) FROM {ROWS}"
    )
    whole = f"(SELECT * FROM {ROWS} WHERE unit IS NOT NULL AND arm IS NOT NULL)"
    if not without_unit and not without_arm:
        whole = ROWS
    if rows == without_unit + without_arm:
        fix = f"Check the columns {question.unit} and {question.arm}."
        raise Refused("no_rows", "No row has both a unit and an arm.", place=source.label, fix=fix)
    repeated = in_two_arms = 0
    if question.unit != EACH_ROW and _maybe_repeated(engine, whole):
        repeated, in_two_arms = _one_row_each(engine, whole, slots)
    else:
        engine.execute(f"CREATE OR REPLACE TEMP VIEW {UNITS} AS SELECT * FROM {whole}")
    return Units(slots, rows, without_unit, without_arm, repeated, in_two_arms)


def open_file(path: Path, engine: Engine, work: Path, progress: Progress | None) -> Source:
    """Open a file that the import reads too: CSV, TSV, JSON lines, Excel or Parquet, packed or not."""
    return open_source(str(path), ReadOptions(), engine, work, progress)


def column_of(source: Source, name: str) -> SourceColumn:
    """A column of a source. Raises Refused(`unknown_column`)."""
    found = source.column(name)
    if found is None:
        known = [c.name for c in source.columns]
        fix = did_you_mean(name, known) or f"It has: {', '.join(known[:20])}."
        raise Refused("unknown_column", f'There is no column "{name}".', place=source.label, fix=fix)
    return found


def _copied(
    source: Source, question: Question, columns: dict[str, SourceColumn], slots: Slots, engine: Engine
) -> Source:
    """The relation `ROWS`: a view where the source has types, else a table of what its text says. Texts are judged."""
    typed = all(c.native is not None for c in columns.values())
    kept = [c for c in dict.fromkeys(s.column for s in slots.numbers) if _is_text(columns[c], source.label)]
    key = "true" if question.unit == EACH_ROW else _key(columns[question.unit])
    listed = [f"{key} AS unit", f"{_text(columns[question.arm])} AS arm"]
    listed += [f"{number_sql(columns[slot.column])} AS {name}" for slot, name in slots.numbers.items()]
    listed += [f"{_text(columns[c])} AS {name}" for c, name in slots.segments.items()]
    listed += [f"{_wrong(columns[c])} AS wrong{i}" for i, c in enumerate(kept)]
    kind = "VIEW" if typed else "TABLE"
    try:
        with _regular(source):
            engine.execute(f"CREATE OR REPLACE TEMP {kind} {ROWS} AS SELECT {', '.join(listed)} FROM {source.relation}")
            if source.careful is not None:
                records = source.facts().records
                if records is not None and records != engine.value(f"SELECT count(*) FROM {ROWS}"):
                    raise _Irregular
    except _Irregular:
        assert source.careful is not None, "only a fast reader is given up"
        slow = source.careful()
        engine.execute(f"DROP TABLE IF EXISTS {ROWS}")
        return _copied(slow, question, {n: column_of(slow, n) for n in columns}, slots, engine)
    _refuse_texts(engine, kept)
    return source


class _Irregular(Exception):
    """The fast reader cannot be trusted with this file."""


@contextmanager
def _regular(source: Source) -> Iterator[None]:
    """Tell an error of the engine's CSV reader as a reason to read carefully."""
    try:
        yield
    except Exception as error:
        if source.careful is not None and "CSV" in str(error) and not isinstance(error, CoterieError):
            raise _Irregular from error
        raise


def _refuse_texts(engine: Engine, columns: Sequence[str]) -> None:
    """All columns in one reading: a file is decoded again for each query."""
    if not columns:
        return
    found = engine.row(
        f"SELECT {', '.join(f'count(wrong{i}), min(wrong{i})' for i in range(len(columns)))} FROM {ROWS}"
    )
    for column, count, example in zip(columns, found[::2], found[1::2], strict=True):
        if count:
            message = f'{count:,} values are no finite numbers, such as "{example[:60]}".'
            fix = "Numbers, true/false and yes/no are read; leave a cell empty where there is no value."
            raise Refused("bad_column", message, place=column, fix=fix)


def _is_text(column: SourceColumn, label: str) -> bool:
    """Whether values must be judged one by one. Raises Refused(`bad_column`) for a column of dates or lists."""
    native = column.native
    if native in ("FLOAT", "DOUBLE", "VARCHAR", None) and column.hint not in ("texts",):
        return True
    if native == "BOOLEAN" or native in _NUMBERS or (native or "").startswith("DECIMAL"):
        return False
    message = f"It holds {(native or 'lists').lower()}, not numbers."
    raise Refused("bad_column", message, place=column.name, fix=f"Choose a column of numbers of {label}.")


def _plain_text(column: SourceColumn) -> str:
    return f"trim({column.text})"


def _key(column: SourceColumn) -> str:
    return column.sql if column.native not in (None, "VARCHAR") else f"nullif({_plain_text(column)}, '')"


def _text(column: SourceColumn) -> str:
    return f"nullif({_plain_text(column)}, '')"


def number_sql(column: SourceColumn) -> str:
    """SQL of a column as DOUBLE: numbers, true/false, yes/no; missing where it is blank or none of these."""
    native = column.native
    if native in (None, "VARCHAR"):
        word = f"lower({_plain_text(column)})"
        return (
            f"coalesce(CASE WHEN isfinite(TRY_CAST({column.sql} AS DOUBLE)) THEN TRY_CAST({column.sql} AS DOUBLE) END, "
            f"CASE WHEN {word} IN {_YES} THEN 1.0 WHEN {word} IN {_NO} THEN 0.0 END)"
        )
    if native in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isfinite({column.sql}) THEN {column.sql}::DOUBLE END"
    return f"CAST({column.sql} AS DOUBLE)"


def _wrong(column: SourceColumn) -> str:
    """The text of a value that is neither missing nor a finite number."""
    if column.native in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isinf({column.sql}) THEN 'infinity' END"
    missing = f"{missing_sql(column.sql)} OR lower({_plain_text(column)}) IN {_NAN}"
    return f"CASE WHEN {number_sql(column)} IS NULL AND NOT ({missing}) THEN {column.sql} END"


def _maybe_repeated(engine: Engine, relation: str) -> bool:
    """Whether a unit may stand in two rows.

    Hashes are sorted: 1.4 s for 10M where `count(DISTINCT unit)` takes 3. Two units with one hash, once in 400,000 such
    files, only cost the longer way; two rows of one unit never escape.
    """
    table = engine.arrow(f"SELECT hash(unit) AS h FROM {relation}")
    parts = [np.frombuffer(c.buffers()[1], np.uint64, len(c), c.offset * 8) for c in table["h"].chunks if len(c)]
    hashes = np.concatenate(parts)
    hashes.sort()
    return bool((hashes[1:] == hashes[:-1]).any())


def _one_row_each(engine: Engine, relation: str, slots: Slots) -> tuple[int, int]:
    """The relation of units where some have several rows; returns rows beyond the first, and units in two arms."""
    by_role = {"binary": "max", "sum": "sum", "known": "avg"}
    listed = [f"{by_role[slot.role]}({name}) AS {name}" for slot, name in slots.numbers.items()]
    listed += [f"min({name}) AS {name}" for name in slots.segments.values()]
    made = f"SELECT unit, min(arm) AS arm, max(arm) AS other, count(*) AS n, {', '.join(listed)} FROM {relation} GROUP BY unit"
    engine.execute(f"CREATE OR REPLACE TEMP TABLE all_units AS {made}")
    repeated, in_two = engine.row("SELECT coalesce(sum(n - 1), 0), count(*) FILTER (arm <> other) FROM all_units")
    engine.execute(
        f"CREATE OR REPLACE TEMP VIEW {UNITS} AS SELECT {quote_name('unit')}, * EXCLUDE (unit, other, n) "
        "FROM all_units WHERE arm = other"
    )
    return int(repeated), int(in_two)
