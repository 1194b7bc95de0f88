"""The operators and functions of the expression language: one entry each, with SQL, Python and the types it takes.

Floating results follow IEEE 754 in both (an overflow is infinite, and becomes missing at the end); exact ones (integer, decimal)
stay exact, and are missing where they outgrow their column type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import NUMERIC, ValueType
from coterie.engines.sql import quote_value

# DuckDB's decimals have 38 digits; Python computes with more and drops what would not have fitted.
EXACT = Context(prec=120)
_MOST = Decimal(10) ** 38
_INT64 = 2**63
MAX_SCALE = 18
_TEMPORAL = frozenset({ValueType.DATE, ValueType.MOMENT})
_TEXT = frozenset({ValueType.TEXT})
_RANKS = (ValueType.INTEGER, ValueType.DECIMAL, ValueType.NUMBER)


class TypeMismatch(Exception):
    """Arguments of types that a function does not take; the text says what it takes."""


@dataclass(frozen=True)
class Typed:
    """A part of an expression as SQL.

    scale : digits after the point, of DECIMAL.
    weight : size of the SQL once the engine has unfolded it; arguments that stand twice count twice.
    wide : a computed decimal, which takes up to 38 digits.
    literal : the constant's value, of constants.
    """

    sql: str
    type: ValueType
    scale: int = 0
    weight: int = 1
    wide: bool = False
    literal: Any = None

    @property
    def double(self) -> str:
        """The number as DOUBLE."""
        return self.sql if self.type is ValueType.NUMBER else f"CAST({self.sql} AS DOUBLE)"


@dataclass(frozen=True)
class Function:
    """An operator or function.

    name : as written; operators have the sign.
    least, most : number of arguments (None: any).
    takes : what it does, for the docs, in English.
    compile : typed SQL from typed arguments and the zone; raises TypeMismatch.
    run : the value in Python, from values and the zone.
    lazy : it sees missing values; otherwise one missing argument makes the result missing.
    """

    name: str
    least: int
    most: int | None
    takes: str
    compile: Callable[[Sequence[Typed], str], Typed]
    run: Callable[[Sequence[Any], ZoneInfo], Any]
    lazy: bool = False


# ---------------------------------------------------------------- types


def _weight(args: Sequence[Typed], times: int = 1) -> int:
    return 1 + times * sum(a.weight for a in args)


def _require(args: Sequence[Typed], types: frozenset[ValueType], noun: str) -> None:
    for arg in args:
        if arg.type not in types:
            raise TypeMismatch(f"needs {noun}, and {arg.sql} is of type {arg.type}")


def _widest(args: Sequence[Typed]) -> ValueType:
    return max((a.type for a in args), key=_RANKS.index)


def common_type(args: Sequence[Typed]) -> ValueType:
    """The type that all arguments can take; numbers widen to the widest."""
    kinds = {a.type for a in args}
    if kinds <= NUMERIC:
        return _widest(args)
    if len(kinds) == 1:
        return kinds.pop()
    raise TypeMismatch(f"needs values of one type, and got {' and '.join(sorted(kinds))}")


def _as(arg: Typed, kind: ValueType) -> str:
    return arg.double if kind is ValueType.NUMBER else arg.sql


def _aligned(args: Sequence[Typed], kind: ValueType) -> list[str]:
    """The arguments as one type. DuckDB joins DECIMAL(38, 3) and DECIMAL(18, 4) as DECIMAL(38, 3), which would round."""
    scale = max(a.scale for a in args)
    if kind is ValueType.DECIMAL and any(a.wide for a in args) and any(a.scale < scale for a in args):
        return [f"TRY_CAST({a.sql} AS DECIMAL(38, {scale}))" for a in args]
    return [_as(a, kind) for a in args]


def _tried(condition: str, args: Sequence[Typed]) -> str:
    """A comparison; of computed decimals it can fail on 38 digits, and is then missing."""
    return f"TRY({condition})" if any(a.wide for a in args) else condition


def _dated(args: Sequence[Typed], zone: str) -> Sequence[Typed]:
    """Text constants beside dates and moments are read as such."""
    kinds = {a.type for a in args} & _TEMPORAL
    if len(kinds) != 1 or all(a.type in kinds for a in args):
        return args
    (kind,) = kinds
    return [_read_date(a, kind, zone) if isinstance(a.literal, str) else a for a in args]


def _read_date(arg: Typed, kind: ValueType, zone: str) -> Typed:
    value = to_date(arg.literal, kind is ValueType.MOMENT, ZoneInfo(zone))
    if value is None:
        raise TypeMismatch(f'needs a {kind}, and "{arg.literal}" is none')
    return Typed(quote_value(value), kind)


def to_date(text: str, moment: bool, tz: ZoneInfo) -> date | datetime | None:
    """Text as a date, or as a moment with zone; None if it is neither.

    >>> to_date("2024-02-30", False, ZoneInfo("UTC")) is None
    True
    """
    try:
        if not moment:
            return date.fromisoformat(text)
        read = datetime.fromisoformat(text)
        return read if read.tzinfo else read.replace(tzinfo=tz)
    except ValueError:
        return None


# ---------------------------------------------------------------- arithmetic


def _arithmetic(sign: str) -> Callable[[Sequence[Typed], str], Typed]:
    def compiled(args: Sequence[Typed], zone: str) -> Typed:
        _require(args, NUMERIC, "numbers")
        kind, (a, b) = _widest(args), args
        if kind is ValueType.NUMBER:
            return Typed(f"({a.double} {sign} {b.double})", kind, 0, _weight(args))
        if kind is ValueType.INTEGER:
            # TRY turns an overflow into a missing value; it costs 5 ns a row.
            return Typed(f"TRY({a.sql} {sign} {b.sql})", kind, 0, _weight(args))
        scale = a.scale + b.scale if sign == "*" else max(a.scale, b.scale)
        if scale > MAX_SCALE:
            raise TypeMismatch(f"would have {scale} digits after the point; use round(..., 4) on a factor")
        if sign == "*" and a.type is b.type:
            # DuckDB gives a product of two DECIMAL(18) only 18 digits: one factor is widened.
            return Typed(f"TRY(CAST({a.sql} AS DECIMAL(38, {a.scale})) * {b.sql})", kind, scale, _weight(args))
        return Typed(f"TRY({a.sql} {sign} {b.sql})", kind, scale, _weight(args))

    return compiled


def _computed(exact: Callable[[Any, Any], Any], floating: Callable[[float, float], float]) -> Callable[..., Any]:
    def run(args: Sequence[Any], tz: ZoneInfo) -> Any:
        a, b = args
        if isinstance(a, float) or isinstance(b, float):
            return floating(float(a), float(b))
        return _fitted(exact(a, b) if isinstance(a, int) and isinstance(b, int) else exact(Decimal(a), Decimal(b)))

    return run


def _fitted(value: int | Decimal) -> int | Decimal | None:
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else None
    return value if abs(value) < _MOST else None


def _divide(args: Sequence[Typed], zone: str) -> Typed:
    _require(args, NUMERIC, "numbers")
    a, b = args
    return Typed(f"({a.double} / nullif({b.double}, 0))", ValueType.NUMBER, 0, 1 + a.weight + 2 * b.weight)


def _divided(args: Sequence[Any], tz: ZoneInfo) -> float | None:
    a, b = float(args[0]), float(args[1])
    return a / b if b else None


def _negate(args: Sequence[Typed], zone: str) -> Typed:
    _require(args, NUMERIC, "a number")
    (x,) = args
    sql = f"TRY(-{x.sql})" if x.type is ValueType.INTEGER else f"(-{x.sql})"
    return Typed(sql, x.type, x.scale, _weight(args))


# ---------------------------------------------------------------- comparisons and logic


def _comparison(sign: str) -> Callable[[Sequence[Typed], str], Typed]:
    def compiled(args: Sequence[Typed], zone: str) -> Typed:
        args = _dated(args, zone)
        kind = common_type(args)
        if kind in (ValueType.TEXTS, ValueType.PATH, ValueType.VECTOR) or (
            kind is ValueType.BOOLEAN and sign not in ("=", "<>")
        ):
            raise TypeMismatch(f"does not compare values of type {kind}")
        a, b = (_as(x, kind) for x in args)
        return Typed(_tried(f"({a} {sign} {b})", args), ValueType.BOOLEAN, 0, _weight(args))

    return compiled


def _compared(test: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    return lambda args, tz: test(*_comparable(args, tz))


def _comparable(args: Sequence[Any], tz: ZoneInfo) -> list[Any]:
    """Values whose Python order is DuckDB's: floats with NaN above all, text constants beside dates as dates."""
    if any(isinstance(a, float) for a in args):
        return [(math.isnan(a), 0.0 if math.isnan(a) else a) for a in map(float, args)]
    dates = [a for a in args if isinstance(a, date)]
    if dates and len(dates) < len(args):
        moment = isinstance(dates[0], datetime)
        return [to_date(a, moment, tz) if isinstance(a, str) else a for a in args]
    return list(args)


def _logic(word: str) -> Callable[[Sequence[Typed], str], Typed]:
    def compiled(args: Sequence[Typed], zone: str) -> Typed:
        _require(args, frozenset({ValueType.BOOLEAN}), "conditions")
        return Typed("(" + f" {word} ".join(a.sql for a in args) + ")", ValueType.BOOLEAN, 0, _weight(args))

    return compiled


def _not(args: Sequence[Typed], zone: str) -> Typed:
    _require(args, frozenset({ValueType.BOOLEAN}), "a condition")
    return Typed(f"(NOT {args[0].sql})", ValueType.BOOLEAN, 0, _weight(args))


def _and(args: Sequence[Any], tz: ZoneInfo) -> bool | None:
    return False if any(a is False for a in args) else (None if any(a is None for a in args) else True)


def _or(args: Sequence[Any], tz: ZoneInfo) -> bool | None:
    return True if any(a is True for a in args) else (None if any(a is None for a in args) else False)


def _in(args: Sequence[Typed], zone: str) -> Typed:
    args = _dated(args, zone)
    kind = common_type(args)
    first, *others = (_as(a, kind) for a in args)
    return Typed(_tried(f"({first} IN ({', '.join(others)}))", args), ValueType.BOOLEAN, 0, _weight(args))


def _is_in(args: Sequence[Any], tz: ZoneInfo) -> bool:
    first, *others = _comparable(args, tz)
    return first in others


# ---------------------------------------------------------------- choice


def _if(args: Sequence[Typed], zone: str) -> Typed:
    _require(args[:1], frozenset({ValueType.BOOLEAN}), "a condition first")
    kind = common_type(args[1:])
    a, b = _aligned(args[1:], kind)
    scale = max(x.scale for x in args[1:])
    return Typed(f"(CASE WHEN {args[0].sql} THEN {a} ELSE {b} END)", kind, scale, _weight(args))


def _coalesce(args: Sequence[Typed], zone: str) -> Typed:
    kind = common_type(args)
    joined = ", ".join(_aligned(args, kind))
    return Typed(f"coalesce({joined})", kind, max(a.scale for a in args), _weight(args))


def _extreme(function: str) -> Callable[[Sequence[Typed], str], Typed]:
    def compiled(args: Sequence[Typed], zone: str) -> Typed:
        kind = common_type(args)
        if kind not in NUMERIC | _TEMPORAL:
            raise TypeMismatch(f"needs numbers, dates or moments, not values of type {kind}")
        missing = " OR ".join(f"{a.sql} IS NULL" for a in args)
        joined = ", ".join(_aligned(args, kind))
        # DuckDB's least and greatest skip missing values; here one missing value makes the result missing.
        sql = f"(CASE WHEN {missing} THEN NULL ELSE {function}({joined}) END)"
        return Typed(sql, kind, max(a.scale for a in args), _weight(args, 2))

    return compiled


def _picked(pick: Callable[..., Any]) -> Callable[..., Any]:
    def run(args: Sequence[Any], tz: ZoneInfo) -> Any:
        keys = _comparable(args, tz)
        return args[keys.index(pick(keys))]

    return run


# ---------------------------------------------------------------- functions of numbers


def _same_number(function: str) -> Callable[[Sequence[Typed], str], Typed]:
    def compiled(args: Sequence[Typed], zone: str) -> Typed:
        _require(args, NUMERIC, "a number")
        (x,) = args
        if x.type is ValueType.INTEGER:
            return Typed(f"TRY(abs({x.sql}))", x.type, 0, _weight(args)) if function == "abs" else x
        scale = x.scale if function == "abs" else 0
        return Typed(f"{function}({x.sql})", x.type, scale, _weight(args))

    return compiled


def _floored(floor: Callable[[Any], int]) -> Callable[..., Any]:
    def run(args: Sequence[Any], tz: ZoneInfo) -> Any:
        (x,) = args
        if isinstance(x, float):
            return float(floor(x)) if math.isfinite(x) else x
        return x if isinstance(x, int) else Decimal(floor(x))

    return run


def _round(args: Sequence[Typed], zone: str) -> Typed:
    digits = args[1].literal if len(args) == 2 else 0
    _require(args[:1], NUMERIC, "a number")
    if not isinstance(digits, int) or not 0 <= digits <= 9:
        raise TypeMismatch("needs the number of digits as 0 to 9")
    x = args[0]
    if x.type is ValueType.INTEGER or (x.type is ValueType.DECIMAL and digits >= x.scale):
        return x
    return Typed(f"round({x.sql}, {digits})", x.type, digits if x.type is ValueType.DECIMAL else 0, _weight(args[:1]))


def _rounded(args: Sequence[Any], tz: ZoneInfo) -> Any:
    """Half away from zero; of floating numbers as C's `round(x * 10^n) / 10^n`, which is what DuckDB does."""
    x, digits = args[0], args[1] if len(args) == 2 else 0
    if isinstance(x, int):
        return x
    if isinstance(x, Decimal):
        return x.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, EXACT)
    scaled = x * 10.0**digits
    if not math.isfinite(scaled):
        return x
    whole = float(math.trunc(scaled))
    if abs(scaled - whole) >= 0.5:
        whole += math.copysign(1.0, scaled)
    return whole / 10.0**digits


def _guarded(function: str, condition: str) -> Callable[[Sequence[Typed], str], Typed]:
    def compiled(args: Sequence[Typed], zone: str) -> Typed:
        _require(args, NUMERIC, "a number")
        x = args[0].double
        return Typed(f"(CASE WHEN {x} {condition} THEN {function}({x}) END)", ValueType.NUMBER, 0, _weight(args, 2))

    return compiled


# exp(709.78) is the largest that a DOUBLE holds.
_EXP_LIMIT = 709.0


# ---------------------------------------------------------------- text, dates


def _text_function(function: str, result: ValueType) -> Callable[[Sequence[Typed], str], Typed]:
    def compiled(args: Sequence[Typed], zone: str) -> Typed:
        _require(args, _TEXT, "text")
        return Typed(f"{function}({', '.join(a.sql for a in args)})", result, 0, _weight(args))

    return compiled


def lower(text: str) -> str:
    """Small letters, one for one as in DuckDB.

    >>> lower("ÀΣ"), upper("straße")
    ('àσ', 'STRAẞE')
    """
    return "".join("i" if c == "\u0130" else (c.lower() if len(c.lower()) == 1 else c) for c in text)


def upper(text: str) -> str:
    """Capitals, one for one as in DuckDB."""
    return "".join(_capital(c) for c in text)


def _capital(char: str) -> str:
    if char == "\u00df":
        return "\u1e9e"
    return next((c for c in (char.upper(), char.title()) if len(c) == 1), char)


def _local(arg: Typed, zone: str) -> str:
    """A date, or a moment's wall clock in the zone."""
    return arg.sql if arg.type is ValueType.DATE else f"timezone({quote_value(zone)}, {arg.sql})"


def _date_part(part: str) -> Callable[[Sequence[Typed], str], Typed]:
    takes = frozenset({ValueType.MOMENT}) if part == "hour" else _TEMPORAL

    def compiled(args: Sequence[Typed], zone: str) -> Typed:
        _require(args, takes, "a moment" if part == "hour" else "a date or moment")
        return Typed(f"{part}({_local(args[0], zone)})", ValueType.INTEGER, 0, _weight(args))

    return compiled


def _part(read: Callable[[Any], int]) -> Callable[..., Any]:
    return lambda args, tz: read(_clock(args[0], tz))


def _clock(value: date | datetime, tz: ZoneInfo) -> date | datetime:
    return value.astimezone(tz) if isinstance(value, datetime) else value


def _days_between(args: Sequence[Typed], zone: str) -> Typed:
    args = _dated(args, zone)
    _require(args, _TEMPORAL, "two dates or moments")
    a, b = (f"CAST({_local(x, zone)} AS DATE)" if x.type is ValueType.MOMENT else x.sql for x in args)
    return Typed(f"date_diff('day', {a}, {b})", ValueType.INTEGER, 0, _weight(args))


def _days(args: Sequence[Any], tz: ZoneInfo) -> int:
    first, last = (_day(_clock(a, tz)) for a in _comparable(args, tz))
    return (last - first).days


def _day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


_ENTRIES = (
    Function("+", 2, 2, "sum", _arithmetic("+"), _computed(lambda a, b: EXACT.add(a, b) if isinstance(a, Decimal) else a + b, lambda a, b: a + b)),
    Function("-", 2, 2, "difference", _arithmetic("-"), _computed(lambda a, b: EXACT.subtract(a, b) if isinstance(a, Decimal) else a - b, lambda a, b: a - b)),
    Function("*", 2, 2, "product", _arithmetic("*"), _computed(lambda a, b: EXACT.multiply(a, b) if isinstance(a, Decimal) else a * b, lambda a, b: a * b)),
    Function("/", 2, 2, "quotient, a floating number; missing where the divisor is 0", _divide, _divided),
    Function("negative", 1, 1, "the number with the other sign, written -x", _negate, lambda args, tz: _fitted(-args[0]) if isinstance(args[0], int) else -args[0]),
    Function("==", 2, 2, "equal", _comparison("="), _compared(lambda a, b: a == b)),
    Function("!=", 2, 2, "not equal", _comparison("<>"), _compared(lambda a, b: a != b)),
    Function("<", 2, 2, "less; text by code point", _comparison("<"), _compared(lambda a, b: a < b)),
    Function("<=", 2, 2, "less or equal", _comparison("<="), _compared(lambda a, b: a <= b)),
    Function(">", 2, 2, "greater", _comparison(">"), _compared(lambda a, b: a > b)),
    Function(">=", 2, 2, "greater or equal", _comparison(">="), _compared(lambda a, b: a >= b)),
    Function("in", 2, None, 'one of: Country in ("France", "Germany")', _in, _is_in),
    Function("and", 2, None, "both; false and missing is false", _logic("AND"), _and, lazy=True),
    Function("or", 2, None, "either; true or missing is true", _logic("OR"), _or, lazy=True),
    Function("not", 1, 1, "the opposite", _not, lambda args, tz: not args[0]),
    Function("if", 3, 3, "if(condition, a, b): a where it holds, else b (also where it is missing)", _if, lambda args, tz: args[1] if args[0] is True else args[2], lazy=True),
    Function("coalesce", 1, None, "the first that is not missing", _coalesce, lambda args, tz: next((a for a in args if a is not None), None), lazy=True),
    Function("min", 2, None, "the least", _extreme("least"), _picked(min)),
    Function("max", 2, None, "the greatest", _extreme("greatest"), _picked(max)),
    Function("abs", 1, 1, "without sign", _same_number("abs"), lambda args, tz: _fitted(abs(args[0])) if isinstance(args[0], int) else abs(args[0])),
    Function("floor", 1, 1, "down to a whole number", _same_number("floor"), _floored(math.floor)),
    Function("ceil", 1, 1, "up to a whole number", _same_number("ceil"), _floored(math.ceil)),
    Function("round", 1, 2, "round(x, digits): half away from zero; digits 0 to 9, else 0", _round, _rounded),
    Function("sqrt", 1, 1, "square root; missing below 0", _guarded("sqrt", ">= 0"), lambda args, tz: math.sqrt(args[0]) if args[0] >= 0 else None),
    Function("log", 1, 1, "natural logarithm; missing at 0 and below", _guarded("ln", "> 0"), lambda args, tz: math.log(args[0]) if args[0] > 0 else None),
    Function("exp", 1, 1, "e to the power x; missing above 709", _guarded("exp", f"<= {_EXP_LIMIT}"), lambda args, tz: math.exp(args[0]) if args[0] <= _EXP_LIMIT else None),
    Function("lower", 1, 1, "text in small letters", _text_function("lower", ValueType.TEXT), lambda args, tz: lower(args[0])),
    Function("upper", 1, 1, "text in capitals", _text_function("upper", ValueType.TEXT), lambda args, tz: upper(args[0])),
    Function("length", 1, 1, "number of characters of a text", _text_function("length", ValueType.INTEGER), lambda args, tz: len(args[0])),
    Function("contains", 2, 2, "contains(text, part)", _text_function("contains", ValueType.BOOLEAN), lambda args, tz: args[1] in args[0]),
    Function("starts_with", 2, 2, "starts_with(text, part)", _text_function("starts_with", ValueType.BOOLEAN), lambda args, tz: args[0].startswith(args[1])),
    Function("ends_with", 2, 2, "ends_with(text, part)", _text_function("ends_with", ValueType.BOOLEAN), lambda args, tz: args[0].endswith(args[1])),
    Function("days_between", 2, 2, "days_between(from, to): calendar days in the workspace's zone", _days_between, _days),
    Function("year", 1, 1, "year of a date or moment", _date_part("year"), _part(lambda d: d.year)),
    Function("month", 1, 1, "month, 1 to 12", _date_part("month"), _part(lambda d: d.month)),
    Function("day", 1, 1, "day of the month, 1 to 31", _date_part("day"), _part(lambda d: d.day)),
    Function("weekday", 1, 1, "day of the week, Monday 1 to Sunday 7", _date_part("isodow"), _part(lambda d: d.isoweekday())),
    Function("hour", 1, 1, "hour of a moment, 0 to 23", _date_part("hour"), _part(lambda d: d.hour)),
)  # fmt: skip

FUNCTIONS: Mapping[str, Function] = MappingProxyType({f.name: f for f in _ENTRIES})
SIGNS = frozenset({"+", "-", "*", "/", "negative", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or", "not"})
