"""Measures of someone's events: each one object with SQL, Python and words."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from coterie.catalog.schemas import NUMERIC, ValueType
from coterie.engines.sql import quote_value
from coterie.rules.functions import EXACT
from coterie.rules.operators import Operator, Words

_SCALARS = NUMERIC | {ValueType.TEXT, ValueType.BOOLEAN, ValueType.DATE, ValueType.MOMENT}
_ORDERED = NUMERIC | {ValueType.DATE, ValueType.MOMENT}
_MOMENT = frozenset({ValueType.MOMENT})


class Takes(StrEnum):
    """What a measure looks at in each event."""

    NOTHING = "nothing"
    FIELD = "a field"
    TIME = "its moment"


@dataclass(frozen=True)
class Measure:
    """One measure.

    types : what it measures; result : type of the answer, given that type.
    sql : SQL of the aggregate over a group, given the SQL and type of what is measured.
    run : the same in Python, over the values (missing ones None) of all events, or the events themselves for `count`.
    words : `{of}` is the field, `{events}` the events.
    takes : what stands under `of`, if anything does.
    """

    key: str
    label: Words
    types: frozenset[ValueType]
    result: Callable[[ValueType], ValueType]
    sql: Callable[[str, ValueType], str]
    run: Callable[[Sequence[Any]], Any]
    words: Words
    takes: Takes = Takes.FIELD

    def is_rounded(self, kind: ValueType) -> bool:
        """Whether the answer is a computed floating number, which counts to 9 significant digits."""
        return kind is ValueType.NUMBER and self.key in ("sum", "avg")


def significant(value: float) -> float:
    """The value to 9 significant digits, as computed floating numbers are stored and compared.

    >>> significant(0.1 + 0.2), significant(1234567890.6)
    (0.3, 1234567890.0)
    """
    return float(f"{value:.9g}")


def measured_sql(sql: str, operator: Operator, operand: Any, *, rounded: bool) -> str:
    """The operator over a measure.

    A rounded measure is compared with the least numbers that round to the operand or to more: rounding each value in SQL costs
    0.5 µs, and comparing costs nothing.
    """
    if not rounded:
        return operator.sql(sql, operand)
    assert operator.rounded is not None, operator.key
    operands = operand if isinstance(operand, tuple) else (operand,)
    low = [quote_value(threshold(v, above=False)) for v in operands]
    above = [quote_value(threshold(v, above=True)) for v in operands]
    return operator.rounded(sql, low, above)


def threshold(value: float, *, above: bool) -> float:
    """The least floating number that rounds (`significant`) to `value` or more, or with `above` to more than `value`.

    >>> threshold(2.5, above=False) <= 2.5 < threshold(2.5, above=True)
    True
    >>> significant(threshold(2.5, above=True)) > 2.5
    True
    """
    low, high = _ordinal(-1.797e308), _ordinal(1.797e308)
    while low < high:
        middle = (low + high) // 2
        rounded = significant(_number(middle))
        if rounded > value or (rounded == value and not above):
            high = middle
        else:
            low = middle + 1
    return _number(low)


def _ordinal(value: float) -> int:
    """Floating numbers as whole numbers in the same order."""
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def _number(ordinal: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<q", abs(ordinal)))[0]
    return value if ordinal >= 0 else -value


def _present(values: Sequence[Any]) -> list[Any]:
    return [v for v in values if v is not None]


def _sum(values: Sequence[Any]) -> Any:
    found = _present(values)
    if any(isinstance(v, float) for v in found):
        return significant(math.fsum(found))
    total: int | Decimal = 0
    for value in found:
        total = total + value if isinstance(total, int) and isinstance(value, int) else EXACT.add(Decimal(total), value)
    return total


def _average(values: Sequence[Any]) -> float | None:
    found = _present(values)
    if not found:
        return None
    if any(isinstance(v, float) for v in found):
        return significant(math.fsum(found) / len(found))
    return significant(float(sum(map(Fraction, found), Fraction(0)) / len(found)))


def _average_sql(x: str, kind: ValueType) -> str:
    """Exact numbers are added exactly: as floating ones, 2^63 - 1 and -2^63 would cancel."""
    return f"favg({x})" if kind is ValueType.NUMBER else f"sum({x})::DOUBLE / count({x})"


def _sum_sql(x: str, kind: ValueType) -> str:
    return f"coalesce({'fsum' if kind is ValueType.NUMBER else 'sum'}({x}), 0)"


_ENTRIES = (
    Measure(
        "count", Words("number of", "次数"), frozenset(), lambda kind: ValueType.INTEGER,
        lambda x, kind: "count(*)", len, Words("the number of {events}", "{events}的次数"), Takes.NOTHING,
    ),
    Measure(
        "sum", Words("total", "合计"), NUMERIC, lambda kind: kind,
        _sum_sql, _sum, Words("the total {of} of {events}", "{events}的{of}合计"),
    ),
    Measure(
        "avg", Words("average", "平均值"), NUMERIC, lambda kind: ValueType.NUMBER,
        _average_sql, _average, Words("the average {of} of {events}", "{events}的{of}平均值"),
    ),
    Measure(
        "min", Words("least", "最小值"), _ORDERED, lambda kind: kind,
        lambda x, kind: f"min({x})", lambda values: min(_present(values), default=None), Words("the least {of} of {events}", "{events}的{of}最小值"),
    ),
    Measure(
        "max", Words("greatest", "最大值"), _ORDERED, lambda kind: kind,
        lambda x, kind: f"max({x})", lambda values: max(_present(values), default=None), Words("the greatest {of} of {events}", "{events}的{of}最大值"),
    ),
    Measure(
        "distinct", Words("number of different", "去重数"), _SCALARS, lambda kind: ValueType.INTEGER,
        lambda x, kind: f"count(DISTINCT {x})", lambda values: len(set(_present(values))), Words("the number of different {of} of {events}", "{events}的{of}去重数"),
    ),
    Measure(
        "first_at", Words("first time", "首次时间"), _MOMENT, lambda kind: kind,
        lambda x, kind: f"min({x})", lambda values: min(_present(values), default=None), Words("the first time of {events}", "{events}的首次时间"), Takes.TIME,
    ),
    Measure(
        "last_at", Words("last time", "最近时间"), _MOMENT, lambda kind: kind,
        lambda x, kind: f"max({x})", lambda values: max(_present(values), default=None), Words("the last time of {events}", "{events}的最近时间"), Takes.TIME,
    ),
)  # fmt: skip

MEASURES: Mapping[str, Measure] = MappingProxyType({m.key: m for m in _ENTRIES})
