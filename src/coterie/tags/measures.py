"""The measures of aggregates: each is one object with its types, what it keeps of the rows, and the value made of that.

What is kept ("columns of a state") can be carried on when rows come or leave, and does not depend on their order:
counts, exact sums, extremes, and pairs of value and number of rows. So a build that carries an earlier one on gives
the very values of a full build, on any number of threads. Floating results are made of it at the end, and rounded to 9
digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import NUMERIC, Measure, ValueType
from coterie.engines.sql import quote_value

# A DuckDB macro, made on the connection of a build: 9 significant digits, NaN and infinity missing.
ROUNDED_MACRO = (
    "CREATE OR REPLACE TEMP MACRO rounded(x) AS CASE WHEN x = 0 THEN 0::DOUBLE"
    " WHEN isfinite(x) THEN round(x, (8 - floor(log10(abs(x))))::INTEGER) END"
)
SCALARS = frozenset(ValueType) - {ValueType.TEXTS, ValueType.PATH, ValueType.VECTOR}
_ORDERED = SCALARS - {ValueType.BOOLEAN}
_TIMES = frozenset({ValueType.DATE, ValueType.MOMENT})
# Sums of floating numbers are kept as fixed-point ones, whose sum does not depend on the order: 12 digits after the
# point.
_FIXED = "DECIMAL(38, 12)"
_FIXED_FACTOR = "DECIMAL(21, 9)"  # of a trend: times a moment it must fit into 38 digits, many times over
# A decayed sum is kept as of a moment of a grid of so many half-lives: weights stay under 2^16, and it rarely moves.
_GRID_HALF_LIVES = 16


class How(StrEnum):
    """How rows become one column of a state, and how two parts of it become one."""

    COUNT = "count"
    ADD = "add"
    LEAST = "least"
    MOST = "most"
    FIRST = "first"
    LAST = "last"
    DISTINCT = "distinct"
    MODE = "mode"

    @property
    def pairs(self) -> bool:
        """Whether it needs every value with its number of rows, kept beside the state."""
        return self in (How.DISTINCT, How.MODE)


class Clock(NamedTuple):
    """The moment a build is for."""

    as_of: datetime
    zone: ZoneInfo

    @property
    def day_sql(self) -> str:
        """The calendar day of the as-of in the zone, as a literal."""
        return quote_value(self.as_of.astimezone(self.zone).date())


@dataclass(frozen=True)
class Input:
    """An aggregate's parts as SQL over the rows.

    value, type : of `of`, None where there is none.
    at : the moment of a row.
    where, among : conditions, None where there is none.
    half_life_us : microseconds, of `decayed_sum`.
    """

    at: str
    value: str | None = None
    type: ValueType | None = None
    where: str | None = None
    among: str | None = None
    half_life_us: int | None = None

    @property
    def exact(self) -> str:
        """The value as a number whose sum is exact."""
        assert self.value is not None, "checked when the tag was defined"
        return f"TRY_CAST({self.value} AS {_FIXED})" if self.type is ValueType.NUMBER else self.value


class Need(NamedTuple):
    """One column of a state that a measure needs: rows with `condition`, `argument` of each."""

    role: str
    how: How
    argument: str | None
    condition: str | None


@dataclass(frozen=True)
class MeasureRule:
    """How one measure is computed and said.

    takes : types that `of` may have; empty: there is no `of`. `optional`: `of` may be left out.
    gives : the type of the value, from the type of `of`.
    needs : the columns of the state.
    value : SQL of the value, from the SQL of the columns by role.
    moves : the value changes with the as-of even where no row comes or leaves.
    en, zh : words; `{of}` is what is measured.
    """

    takes: frozenset[ValueType]
    gives: Callable[[ValueType | None], ValueType]
    needs: Callable[[Input, Clock], list[Need]]
    value: Callable[[Mapping[str, str], Input, Clock], str]
    en: str
    zh: str
    optional: bool = False
    moves: bool = False


def _own_type(kind: ValueType | None) -> ValueType:
    assert kind is not None, "`of` is required"
    return kind


def _is(kind: ValueType) -> Callable[[ValueType | None], ValueType]:
    return lambda _: kind


def _one(how: How) -> Callable[[Input, Clock], list[Need]]:
    return lambda given, _: [Need("x", how, given.value, given.where)]


def _stored(columns: Mapping[str, str], given: Input, clock: Clock) -> str:
    return columns["x"]


def _or_zero(columns: Mapping[str, str], given: Input, clock: Clock) -> str:
    return f"coalesce({columns['x']}, 0)"


def _sum_needs(given: Input, clock: Clock) -> list[Need]:
    total = Need("x", How.ADD, given.exact, given.where)
    if given.type is not ValueType.NUMBER:
        return [total]
    lost = f"CASE WHEN {given.value} IS NOT NULL AND {given.exact} IS NULL THEN 1 END"
    return [total, Need("lost", How.COUNT, lost, given.where)]


def _sum(columns: Mapping[str, str], given: Input, clock: Clock) -> str:
    total = f"coalesce({columns['x']}, 0)"
    if given.type is ValueType.INTEGER:
        return f"TRY_CAST({total} AS BIGINT)"
    if given.type is ValueType.NUMBER:  # a number too large for an exact sum leaves the sum missing, never wrong
        return f"CASE WHEN coalesce({columns['lost']}, 0) = 0 THEN rounded({total}::DOUBLE) END"
    return total


def _avg_needs(given: Input, clock: Clock) -> list[Need]:
    return [*_sum_needs(given, clock), Need("n", How.COUNT, given.value, given.where)]


def _avg(columns: Mapping[str, str], given: Input, clock: Clock) -> str:
    mean = f"rounded({columns['x']}::DOUBLE / nullif({columns['n']}, 0))"
    return f"CASE WHEN coalesce({columns['lost']}, 0) = 0 THEN {mean} END" if "lost" in columns else mean


def _timed_value(columns: Mapping[str, str], given: Input, clock: Clock) -> str:
    return f"{columns['x']}.value"


def _extreme_moment(how: How) -> Callable[[Input, Clock], list[Need]]:
    return lambda given, _: [Need("x", how, given.value or given.at, given.where)]


def _days_since(columns: Mapping[str, str], given: Input, clock: Clock) -> str:
    day = columns["x"]
    if given.type is not ValueType.DATE:
        day = f"CAST(timezone({quote_value(clock.zone.key)}, {day}) AS DATE)"
    return f"date_diff('day', {day}, {clock.day_sql})"


def _trend_needs(given: Input, clock: Clock) -> list[Need]:
    """Exact sums over the rows with a moment and a value: n, t, t², y, t·y; t in whole milliseconds since 2000."""
    y = f"TRY_CAST({given.value} AS {_FIXED_FACTOR})" if given.type is ValueType.NUMBER else given.value
    t = f"(epoch_us({given.at}) // 1000 - 946684800000)"

    counted = both(given.where, f"{given.at} IS NOT NULL", f"{y} IS NOT NULL")

    def need(role: str, how: How, argument: str | None) -> Need:
        return Need(role, how, argument, counted)

    needs = [
        need("n", How.COUNT, None),
        need("t", How.ADD, t),
        need("tt", How.ADD, f"{t}::HUGEINT * {t}::HUGEINT"),
        need("y", How.ADD, str(y)),
        need("ty", How.ADD, f"{t}::HUGEINT * {y}::HUGEINT" if given.type is ValueType.INTEGER else f"{t} * {y}"),
    ]
    if given.type is ValueType.NUMBER:
        lost = f"CASE WHEN {given.value} IS NOT NULL AND {y} IS NULL THEN 1 END"
        needs.append(Need("lost", How.COUNT, lost, given.where))
    return needs


def _trend(columns: Mapping[str, str], given: Input, clock: Clock) -> str:
    """Slope of the least-squares line, per day. The sums are moved to the mean moment exactly, and only then
    divided."""
    n, t, tt, y, ty = (columns[role] for role in ("n", "t", "tt", "y", "ty"))
    mean = f"CAST(round({t}::DOUBLE / nullif({n}, 0)) AS DECIMAL(38, 0))"
    off = f"({t} - {n} * {mean})"
    about = f"{off}::DOUBLE"
    covered = f"{n} * ({tt} - {mean} * ({t} + {off}))::DOUBLE - {about} * {about}"
    shared = f"{n} * ({ty} - {mean} * {y})::DOUBLE - {about} * {y}::DOUBLE"
    slope = f"rounded(86400000 * ({shared}) / nullif({covered}, 0))"
    return f"CASE WHEN coalesce({columns['lost']}, 0) = 0 THEN {slope} END" if "lost" in columns else slope


def reference(as_of: datetime, half_life_us: int) -> int:
    """The moment, in microseconds since 1970, as of which a decayed sum is kept.

    >>> reference(datetime(2024, 5, 1, tzinfo=UTC), 30 * 86_400_000_000) <= 1714521600_000_000
    True
    """
    grid = _GRID_HALF_LIVES * half_life_us
    return _microseconds(as_of) // grid * grid


def _microseconds(moment: datetime) -> int:
    span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def _decayed_needs(given: Input, clock: Clock) -> list[Need]:
    assert given.half_life_us is not None, "checked when the tag was defined"
    since = reference(clock.as_of, given.half_life_us)
    weight = f"pow(2.0::DOUBLE, (epoch_us({given.at}) - {since}) / {given.half_life_us}.0::DOUBLE)"
    value = "1.0::DOUBLE" if given.value is None else f"({given.value})::DOUBLE"
    fixed = f"TRY_CAST({value} * {weight} AS {_FIXED})"
    needs = [Need("x", How.ADD, fixed, given.where)]
    if given.type is ValueType.NUMBER:
        lost = f"CASE WHEN {given.value} * {weight} IS NOT NULL AND {fixed} IS NULL THEN 1 END"
        needs.append(Need("lost", How.COUNT, lost, given.where))
    return needs


def _decayed(columns: Mapping[str, str], given: Input, clock: Clock) -> str:
    assert given.half_life_us is not None, "checked when the tag was defined"
    age = (_microseconds(clock.as_of) - reference(clock.as_of, given.half_life_us)) / given.half_life_us
    total = f"rounded(coalesce({columns['x']}, 0)::DOUBLE * {quote_value(0.5**age)})"
    return f"CASE WHEN coalesce({columns['lost']}, 0) = 0 THEN {total} END" if "lost" in columns else total


def both(*conditions: str | None) -> str | None:
    """Conditions that must all hold.

    >>> both("a", None, "b"), both(None)
    ('(a) AND (b)', None)
    """
    given = [c for c in conditions if c is not None]
    return given[0] if len(given) == 1 else (" AND ".join(f"({c})" for c in given) or None)


def _share_needs(given: Input, clock: Clock) -> list[Need]:
    return [
        Need("x", How.COUNT, None, both(given.among, given.where)),
        Need("n", How.COUNT, None, given.among),
    ]


def _share(columns: Mapping[str, str], given: Input, clock: Clock) -> str:
    return f"rounded({columns['x']}::DOUBLE / nullif({columns['n']}, 0))"


_NUMBER, _INTEGER = _is(ValueType.NUMBER), _is(ValueType.INTEGER)
_NONE: frozenset[ValueType] = frozenset()

MEASURES: Mapping[Measure, MeasureRule] = MappingProxyType(
    {
        Measure.COUNT: MeasureRule(
            SCALARS, _INTEGER, _one(How.COUNT), _or_zero, "number of rows", "行数", optional=True
        ),
        Measure.SUM: MeasureRule(NUMERIC, _own_type, _sum_needs, _sum, "sum of {of}", "{of} 的合计"),
        Measure.AVG: MeasureRule(NUMERIC, _NUMBER, _avg_needs, _avg, "average of {of}", "{of} 的平均值"),
        Measure.MIN: MeasureRule(_ORDERED, _own_type, _one(How.LEAST), _stored, "least {of}", "{of} 的最小值"),
        Measure.MAX: MeasureRule(_ORDERED, _own_type, _one(How.MOST), _stored, "greatest {of}", "{of} 的最大值"),
        Measure.DISTINCT: MeasureRule(
            SCALARS, _INTEGER, _one(How.DISTINCT), _or_zero, "number of different {of}", "不同 {of} 的个数"
        ),
        Measure.FIRST: MeasureRule(SCALARS, _own_type, _one(How.FIRST), _timed_value, "first {of}", "最早的 {of}"),
        Measure.LAST: MeasureRule(SCALARS, _own_type, _one(How.LAST), _timed_value, "last {of}", "最近的 {of}"),
        Measure.MODE: MeasureRule(
            SCALARS, _own_type, _one(How.MODE), _stored, "most frequent {of}", "出现最多的 {of}"
        ),
        Measure.DAYS_SINCE: MeasureRule(
            _TIMES, _INTEGER, _extreme_moment(How.MOST), _days_since,
            "calendar days since the last row", "距最近一次的天数", optional=True, moves=True,
        ),
        Measure.DAYS_SINCE_FIRST: MeasureRule(
            _TIMES, _INTEGER, _extreme_moment(How.LEAST), _days_since,
            "calendar days since the first row", "距首次的天数", optional=True, moves=True,
        ),
        Measure.TREND: MeasureRule(
            NUMERIC, _NUMBER, _trend_needs, _trend,
            "change of {of} per day (slope of the least-squares line)", "{of} 的日均变化（最小二乘斜率）",
        ),
        Measure.DECAYED_SUM: MeasureRule(
            NUMERIC, _NUMBER, _decayed_needs, _decayed,
            "sum of {of}, each row weighing half as much with every half-life", "{of} 的时间衰减合计",
            optional=True, moves=True,
        ),
        Measure.SHARE: MeasureRule(_NONE, _NUMBER, _share_needs, _share, "share of rows", "占比"),
    }
)  # fmt: skip
