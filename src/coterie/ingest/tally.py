"""What the values of text columns are: counted in one scan, and the type that follows.

The same counting serves the sample and, where the pass over the file finds too many misfits, the whole column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from coterie.catalog.schemas import ValueType
from coterie.engines.duckdb import Engine
from coterie.ingest.columns import MOST_DIGITS, ColumnType
from coterie.ingest.formats import RARE, Dates, Shape, dates_of
from coterie.ingest.readings import _IDENTIFIER, _NAN, _NUMBER, _PLAIN, missing_sql

_LEAST_SCALE, _SPARE_DIGITS, _MOST_SCALE = 4, 2, 10
_MOST_SHAPES = 60


class Tally(NamedTuple):
    """Counts of a column's values.

    filled : values that are not missing; `nans` of them say `nan`.
    integers : whole numbers that 64 bits hold and that give back their text; `too_long` are whole, finite and longer.
    identifiers : digits with leading zeros or a plus sign.
    plain : numbers without an exponent; `numbers` with those that have one. Both finite.
    fraction_digits, whole_digits : the most after and before the point, of plain numbers.
    long : whole numbers of 16 digits or more, which a float would change.
    booleans : true or false.
    """

    filled: int
    nans: int
    integers: int
    too_long: int
    identifiers: int
    plain: int
    numbers: int
    fraction_digits: int
    whole_digits: int
    long: int
    booleans: int


def tallies(engine: Engine, relation: str, columns: Mapping[str, str]) -> dict[str, Tally]:
    """Count the values of columns, given as name and SQL of the raw text, in one scan; each different value is judged once."""
    if not columns:
        return {}
    names = list(columns)
    raws = ", ".join(f"CAST({columns[name]} AS VARCHAR)" for name in names)
    values = f"SELECT unnest(range({len(names)})) AS place, unnest([{raws}]) AS r FROM {relation}"
    different = f"SELECT place, r, count(*) AS n FROM ({values}) WHERE r IS NOT NULL GROUP BY ALL"
    rows = engine.rows(f"SELECT place, {_tally_sql('r')} FROM ({different}) GROUP BY place")
    found = {int(place): Tally(*(int(v or 0) for v in counts)) for place, *counts in rows}
    nothing = Tally(*(0 for _ in Tally._fields))
    return {name: found.get(place, nothing) for place, name in enumerate(names)}


def _tally_sql(raw: str) -> str:
    double = f"TRY_CAST({raw} AS DOUBLE)"
    whole = rf"regexp_full_match({raw}, '\s*-?(0|[1-9][0-9]*)(\.0?)?\s*')"
    plain = f"(regexp_full_match({raw}, {_PLAIN}) AND isfinite({double}))"
    number = f"(regexp_full_match({raw}, {_NUMBER}) AND isfinite({double}))"
    conditions = [
        f"NOT {missing_sql(raw)}",
        f"trim({raw}) IN {_NAN}",
        f"{whole} AND TRY_CAST({raw} AS BIGINT) IS NOT NULL",
        f"{whole} AND TRY_CAST({raw} AS BIGINT) IS NULL AND isfinite({double})",
        f"regexp_full_match({raw}, {_IDENTIFIER})",
        plain,
        number,
    ]
    counts = [f"sum(n) FILTER ({c})" for c in conditions]
    fraction = rf"length(regexp_extract({raw}, '\.([0-9]*?)0*\s*$', 1))"
    digits = rf"length(regexp_extract({raw}, '^\s*[+-]?0*([0-9]*)', 1))"
    counts += [f"max({fraction}) FILTER ({plain})", f"max({digits}) FILTER ({plain})"]
    counts += [rf"sum(n) FILTER (regexp_full_match({raw}, '\s*[+-]?[0-9]{{16,36}}\s*'))"]
    counts += [f"sum(n) FILTER (lower(trim({raw})) IN ('true', 'false'))"]
    return ", ".join(counts)


def plain_type(tally: Tally) -> ColumnType | None:
    """The narrowest type that at most one value in a thousand misfits, dates and texts left out; None where there is none.

    A number is never a misfit of a number type: one value with a fraction makes integers decimals. Nor are digits that a
    number would not give back, such as `007`: they make the column text.

    >>> ids = Tally(5000, 0, 4999, 0, 0, 4999, 4999, 0, 5, 0, 0)
    >>> plain_type(ids).type, plain_type(ids._replace(identifiers=1)), plain_type(ids._replace(integers=4998)).type
    (<ValueType.INTEGER: 'integer'>, None, <ValueType.DECIMAL: 'decimal'>)
    """
    if tally.filled and tally.booleans >= tally.filled - int(tally.filled * RARE):
        return ColumnType(ValueType.BOOLEAN)
    filled = tally.filled - tally.nans
    rare = int(filled * RARE)
    if not filled or tally.identifiers or tally.numbers < filled - rare:
        return None
    if tally.integers + tally.too_long == tally.numbers and tally.too_long <= rare:
        return ColumnType(ValueType.INTEGER)
    scale = decimal_scale(tally)
    if tally.plain == tally.numbers and scale is not None:
        return ColumnType(ValueType.DECIMAL, scale=scale)
    return ColumnType(ValueType.NUMBER) if tally.long <= rare else None


def decimal_scale(tally: Tally) -> int | None:
    """Digits after the point to keep: two more than seen, at least four; None where 18 digits do not hold the values."""
    room = MOST_DIGITS - tally.whole_digits
    if tally.fraction_digits > min(room, _MOST_SCALE):
        return None
    return min(max(tally.fraction_digits + _SPARE_DIGITS, _LEAST_SCALE), room)


def shapes(engine: Engine, relation: str, raw: str) -> tuple[list[Shape], int]:
    """The commonest shapes of a column's values, and how many values there are.

    Digits and letters are taken together, so `21-08-2013` and `4-9-2012` are of one shape.
    """
    shape = r"regexp_replace(regexp_replace(regexp_replace(r, '[0-9]{3,}', 'Y', 'g'), '[0-9]+', 'N', 'g'), '[A-Za-z]+', 'A', 'g')"
    first = r"TRY_CAST(regexp_extract(r, '^\s*([0-9]{1,2})[^0-9]', 1) AS INTEGER)"
    second = r"TRY_CAST(regexp_extract(r, '^\s*[0-9]+[^0-9]+([0-9]{1,2})', 1) AS INTEGER)"
    rows = engine.rows(
        f"SELECT any_value(r), count(*), count(*) FILTER ({first} > 12), count(*) FILTER ({second} > 12), "
        f"sum(count(*)) OVER () FROM (SELECT left(trim(t), 60) AS r FROM (SELECT CAST({raw} AS VARCHAR) AS t FROM {relation}) "
        f"WHERE NOT {missing_sql('t')}) "
        f"GROUP BY {shape} ORDER BY 2 DESC, 1 LIMIT {_MOST_SHAPES}"
    )
    return [Shape(*row[:4]) for row in rows], int(rows[0][4]) if rows else 0


def date_type(engine: Engine, relation: str, raw: str) -> tuple[ColumnType | None, Dates | None]:
    """The type of a column of dates or moments, and how they are written; None where too few are, or none can tell the
    day from the month."""
    found, filled = shapes(engine, relation, raw)
    dates = dates_of(found)
    if dates is None or dates.fitting < filled - int(filled * RARE):
        return None, None
    if dates.problem or not dates.formats:
        return None, dates
    kind = ValueType.MOMENT if dates.clock else ValueType.DATE
    return ColumnType(kind, formats=dates.formats, zoned=dates.zoned), dates


def whole_number_time(engine: Engine, relation: str, raw: str) -> ColumnType | None:
    """The type of a time column of whole numbers: days as 20110930, or seconds or milliseconds since 1970."""
    low, high = engine.row(f"SELECT min(TRY_CAST({raw} AS BIGINT)), max(TRY_CAST({raw} AS BIGINT)) FROM {relation}")
    if low is None:
        return None
    if low >= 19_000_101 and high <= 21_001_231:
        return ColumnType(ValueType.DATE, formats=("%Y%m%d",))
    if low >= 100_000_000 and high < 10_000_000_000:  # 1973 to 2286
        return ColumnType(ValueType.MOMENT, formats=("epoch",))
    if low >= 100_000_000_000 and high < 10_000_000_000_000:
        return ColumnType(ValueType.MOMENT, formats=("epoch_ms",))
    return None


class KeyStyle(NamedTuple):
    """How the keys of a column are written: how many there are, how many are whole numbers, how many of those end in `.0`."""

    filled: int
    whole: int
    pointed: int

    @property
    def name(self) -> str:
        """`whole`: every key is a whole number and some end in `.0`, which goes; `digits`: all are plain digits; `text`."""
        if self.whole < self.filled:
            return "text"
        return "whole" if self.pointed else "digits"


def key_styles(engine: Engine, relation: str, columns: Sequence[str]) -> list[KeyStyle]:
    """How the keys of columns, given as SQL of their raw text, are written."""
    if not columns:
        return []
    whole, pointed = r"'\s*-?[0-9]+(\.0+)?\s*'", r"'\s*-?[0-9]+\.0+\s*'"
    parts = ", ".join(
        f"count(*) FILTER (NOT {missing_sql(r)}), count(*) FILTER (regexp_full_match({r}, {whole})), "
        f"count(*) FILTER (regexp_full_match({r}, {pointed}))"
        for r in columns
    )
    row = engine.row(f"SELECT {parts} FROM {relation}")
    return [KeyStyle(*row[i * 3 : i * 3 + 3]) for i in range(len(columns))]
