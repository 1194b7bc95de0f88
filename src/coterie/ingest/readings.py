"""How one column is read, as SQL: its value, whether a value fits the type, and whether it would be read with a loss.

A value that fits gives back what was written. `fits` is cheap where values are plain, since every value of every row
passes it: 10M rows of six columns take 13 s of processor time with these checks and 11 without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, assert_never

from coterie.catalog.schemas import ValueType
from coterie.engines.sql import quote_value
from coterie.ingest.columns import EPOCHS, MOST_DIGITS, ColumnType
from coterie.ingest.formats import OFFSET

_SPACE = r"\s\x{a0}\x{3000}\x{feff}\x{200b}"
_BLANK = f"'[{_SPACE}]*'"
_EDGES = f"'^[{_SPACE}]+|[{_SPACE}]+$'"
_SIGNED_WHOLE = r"'\s*[+-]?[0-9]+\s*'"
_PLAIN = r"'\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)\s*'"
_NUMBER = r"'\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*'"
_IDENTIFIER = r"'\s*(0[0-9]+|\+[0-9]+)\s*'"  # digits that a number would not give back: leading zeros, a plus sign
_NAN = "('nan', 'NaN', 'NAN')"
ISO_MOMENTS = tuple(
    f"%Y-%m-%d{gap}{clock}" for clock in ("%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S.%n", "%H:%M") for gap in (" ", "T")
) + ("%Y-%m-%d",)


class Reading(NamedTuple):
    """SQL of one column, over the raw text and the name under which its value then stands.

    value : the value, missing where the raw text is blank. It is computed once, before the checks.
    fits : true of a value that fits and of a blank; anything else does not fit. None where anything fits.
    loses : of values that do not fit: a narrower type would lose something of them, so the column is widened whatever
        their number.
    reason : of the rejects.
    output : what is stored, over the value's name, where it is not the value itself.
    """

    value: str
    fits: str | None = None
    loses: str | None = None
    reason: str = ""
    output: str | None = None


def missing_sql(raw: str) -> str:
    """Whether a text is missing: nothing, or white space alone."""
    return f"({raw} IS NULL OR regexp_full_match({raw}, {_BLANK}))"


def filled_sql(raw: str) -> str:
    """Whether a text is not missing. Comparing costs next to nothing, so plain text is told without the pattern."""
    return f"(coalesce({raw} >= '!' AND {raw} <= '~', false) OR NOT {missing_sql(raw)})"


def trimmed_sql(raw: str) -> str:
    """The text without white space at its ends, missing if nothing is left. Plain text passes untouched."""
    ends = f"suffix({raw}, ' ') OR suffix({raw}, '\t') OR strlen({raw}) <> length({raw})"
    clean = f"nullif(regexp_replace({raw}, {_EDGES}, '', 'g'), '')"
    return f"CASE WHEN {raw} < '!' OR {raw} > '~' OR {ends} THEN {clean} ELSE {raw} END"


def text_sql(raw: str) -> str:
    """The text as it stands, missing where blank, without a byte order mark at its beginning."""
    unmarked = f"CASE WHEN starts_with({raw}, '\ufeff') THEN substr({raw}, 2) ELSE {raw} END"
    blank = f"regexp_full_match({raw}, {_BLANK})"
    return f"CASE WHEN {raw} < '!' OR {raw} > '~' THEN CASE WHEN {blank} THEN NULL ELSE {unmarked} END ELSE {raw} END"


def reading(raw: str, value: str, kind: ColumnType, zone: str) -> Reading:
    """How to read raw text as a type. `value` is the name under which the value will stand; naive moments are in `zone`."""
    match kind.type:
        case ValueType.TEXT:
            return Reading(text_sql(raw))
        case ValueType.INTEGER:
            return _integer(raw, value, kind.declared)
        case ValueType.DECIMAL:
            return _decimal(raw, value, kind)
        case ValueType.NUMBER:
            return _number(raw, value, kind.declared)
        case ValueType.BOOLEAN:
            return _boolean(raw, value, kind.declared)
        case ValueType.DATE:
            return _date(raw, value, kind.formats)
        case ValueType.MOMENT:
            return _moment(raw, value, kind, zone)
        case ValueType.TEXTS:
            return Reading(_list_sql(raw, kind.separator))
        case ValueType.PATH:
            levels = f"string_split(trim({raw}), {quote_value(kind.separator)})"
            return Reading(f"nullif(list_filter({levels}, lambda x: x <> ''), [])")
        case ValueType.VECTOR:
            return vector_reading(f"TRY_CAST({raw} AS FLOAT[])", value, missing_sql(raw))
        case other:
            assert_never(other)


def _checked(
    sql: str, fits: str, raw: str, loses: str | None, reason: str, *, nan: bool = False, output: str | None = None
) -> Reading:
    missing = missing_sql(raw) + (f" OR trim({raw}) IN {_NAN}" if nan else "")
    return Reading(sql, f"({fits} OR {missing})", loses, reason, output)


def _integer(raw: str, value: str, declared: bool) -> Reading:
    shape = r"'\s*[+-]?[0-9]+(\.0*)?\s*'" if declared else r"'\s*-?(0|[1-9][0-9]*)(\.0?)?\s*'"
    fits = f"{value}::VARCHAR = {raw} OR ({value} IS NOT NULL AND regexp_full_match({raw}, {shape}))"
    # Any other number makes the column one of numbers; a whole number of over 64 bits does not.
    number = f"regexp_full_match({raw}, {_NUMBER}) AND isfinite(TRY_CAST({raw} AS DOUBLE))"
    loses = (
        None
        if declared
        else f"(regexp_full_match({raw}, {_IDENTIFIER}) OR ({number} AND NOT regexp_full_match({raw}, {shape})))"
    )
    return _checked(f"TRY_CAST({raw} AS BIGINT)", fits, raw, loses, "not_integer", nan=True)


def _decimal(raw: str, value: str, kind: ColumnType) -> Reading:
    shape = rf"'\s*[+-]?[0-9]*(\.[0-9]{{0,{kind.scale or 0}}}0*)?\s*'"
    leading = "" if kind.declared else f" AND NOT regexp_full_match({raw}, {_IDENTIFIER})"
    slow = f"{value} IS NOT NULL AND regexp_full_match({raw}, {shape}){leading}"
    fits = f"starts_with({value}::VARCHAR, {raw}) OR ({slow})"
    number = f"(regexp_full_match({raw}, {_NUMBER}) AND isfinite(TRY_CAST({raw} AS DOUBLE)))"
    return _checked(f"TRY_CAST({raw} AS {kind.sql})", fits, raw, number, "not_decimal", nan=True)


def _number(raw: str, value: str, declared: bool) -> Reading:
    long = rf"'\s*([+-]?[0-9]{{16,{2 * MOST_DIGITS}}}|0[0-9]+|\+[0-9]+)\s*'"
    exact = "" if declared else f" AND NOT regexp_full_match({raw}, {long})"
    fits = f"(isfinite({value}) AND regexp_full_match({raw}, {_NUMBER}){exact})"
    loses = None if declared else f"regexp_full_match({raw}, {long})"
    finite = f"CASE WHEN isfinite({value}) THEN {value} END"  # NaN is missing
    return _checked(f"TRY_CAST({raw} AS DOUBLE)", fits, raw, loses, "not_number", nan=True, output=finite)


def _boolean(raw: str, value: str, declared: bool) -> Reading:
    yes, no = (["true"], ["false"])
    if declared:
        yes, no = ["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"]
    word = f"lower(trim({raw}))"
    sql = f"CASE WHEN {word} IN {_words(yes)} THEN true WHEN {word} IN {_words(no)} THEN false END"
    return _checked(sql, f"{value} IS NOT NULL", raw, None, "not_boolean")


def _words(words: Sequence[str]) -> str:
    return "(" + ", ".join(map(quote_value, words)) + ")"


def _date(raw: str, value: str, formats: Sequence[str]) -> Reading:
    if tuple(formats) in ((), ("%Y-%m-%d",)):
        years = f"{value} >= DATE '0001-01-01' AND {value} < DATE '10000-01-01'"
        same = f"({value}::VARCHAR = {raw} AND {raw} < ':' AND {years})"
        shape = r"'\s*[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}\s*'"
        fits = f"{same} OR ({value} IS NOT NULL AND regexp_full_match({raw}, {shape}))"
        return _checked(f"TRY_CAST({raw} AS DATE)", fits, raw, None, "not_date")
    day = f"CAST({_strptime(raw, formats)} AS DATE)"
    return _checked(day, _written_out(raw, value, "DATE"), raw, None, "not_date")


def _moment(raw: str, value: str, kind: ColumnType, zone: str) -> Reading:
    formats = kind.formats or ISO_MOMENTS
    if formats[0] in EPOCHS:
        sql = f"make_timestamptz(TRY_CAST({raw} AS BIGINT) * {EPOCHS[formats[0]]})"
        fits = f"({value} IS NOT NULL AND regexp_full_match({raw}, {_SIGNED_WHOLE}))"
        return _checked(sql, fits, raw, None, "not_moment")
    naive = _strptime(raw, formats)
    if (kind.zoned if kind.formats else "some") == "none":
        fits = _written_out(raw, value, "TIMESTAMP")
        return _checked(naive, fits, raw, None, "not_moment", output=in_zone(value, zone))
    carries = rf"regexp_matches({raw}, ':[0-9.]+{OFFSET}\s*$')"
    sql = f"CASE WHEN {carries} THEN TRY_CAST(trim({raw}) AS TIMESTAMPTZ) ELSE {in_zone(naive, zone)} END"
    return _checked(sql, _written_out(raw, value, "TIMESTAMPTZ"), raw, None, "not_moment")


def _written_out(raw: str, value: str, kind: str) -> str:
    """Whether a value is a date written in digits: strptime reads `24` as the year 24, and `epoch` and `infinity` as 1900."""
    digits = f"(({raw} >= '0' AND {raw} < ':') OR regexp_matches({raw}, '[0-9]'))"
    return f"({value} >= {kind} '1000-01-01' AND {value} < {kind} '10000-01-01' AND {digits})"


def _strptime(raw: str, formats: Sequence[str]) -> str:
    """A list of one format would cost twice the time. Nanoseconds give a type that cannot hold the year 10000."""
    sql = f"try_strptime({raw}, {quote_value(formats[0] if len(formats) == 1 else list(formats))})"
    return f"CAST({sql} AS TIMESTAMP)" if any("%n" in f for f in formats) else sql


def in_zone(naive: str, zone: str) -> str:
    """A naive timestamp as a moment. In UTC without ICU, which takes four times as long."""
    return f"make_timestamptz(epoch_us({naive}))" if zone == "UTC" else f"timezone({quote_value(zone)}, {naive})"


def _list_sql(raw: str, separator: str) -> str:
    as_json = f"TRY_CAST(TRY_CAST({raw} AS JSON) AS VARCHAR[])"
    single = f"[{raw}]"
    split = f"list_filter(list_transform(string_split({raw}, {quote_value(separator)}), lambda x: trim(x)), lambda x: x <> '')"
    listed = f"CASE WHEN starts_with(ltrim({raw}), '[') THEN {as_json} ELSE {split if separator else single} END"
    return f"CASE WHEN NOT {missing_sql(raw)} THEN {listed} END"


def vector_reading(sql: str, value: str, missing: str) -> Reading:
    """A list of finite numbers, none missing."""
    bad = f"len(list_filter({value}, lambda x: x IS NULL OR NOT isfinite(x)))"
    return Reading(sql, f"(({bad} = 0 AND len({value}) > 0) OR {missing})", None, "bad_vector")


_WHOLE_NATIVE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})


def native_type(native: str) -> ColumnType | None:
    """The type of a column that brings its own; None where its text is to be judged.

    >>> native_type("DECIMAL(10,2)")
    ColumnType(type=<ValueType.DECIMAL: 'decimal'>, scale=4, ...)
    """
    if native in _WHOLE_NATIVE:
        return ColumnType(ValueType.INTEGER)
    if native in ("FLOAT", "DOUBLE"):
        return ColumnType(ValueType.NUMBER)
    if native == "BOOLEAN":
        return ColumnType(ValueType.BOOLEAN)
    if native == "DATE":
        return ColumnType(ValueType.DATE)
    if native.startswith("TIMESTAMP"):
        return ColumnType(ValueType.MOMENT, zoned="all" if native.endswith("ZONE") else "none")
    if native.startswith("DECIMAL"):
        width, scale = (int(n) for n in native[8:-1].split(","))
        room = max(scale, min(4, MOST_DIGITS - (width - scale)))
        return ColumnType(ValueType.DECIMAL, scale=room) if width - scale + room <= MOST_DIGITS else None
    return ColumnType(ValueType.TEXT)


def native_reading(sql: str, value: str, native: str, kind: ColumnType, zone: str) -> Reading:
    """How to read a column in its own type; only infinity does not fit."""
    if kind.type is ValueType.NUMBER:
        fits = f"({value} IS NULL OR isfinite({value}) OR isnan({value}))"
        return Reading(f"{sql}::DOUBLE", fits, None, "not_finite", f"CASE WHEN isfinite({value}) THEN {value} END")
    if kind.type is ValueType.MOMENT:
        zoned = native.endswith("ZONE")
        output = None if zoned else in_zone(value, zone)
        kept = sql if zoned else f"{sql}::TIMESTAMP"
        return Reading(kept, f"({value} IS NULL OR isfinite({value}))", None, "not_finite", output)
    if kind.type is ValueType.TEXT:
        return Reading(text_sql(sql))
    return Reading(f"{sql}::{kind.sql}")
