"""The operators: each is one object that holds its name, types, SQL, test in Python and words. A new operator is one entry here.

A missing value fails every operator but `not_exists`: no `test` sees a missing value, and `sql` may give NULL for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import NUMERIC, ValueType
from coterie.engines.sql import quote_value
from coterie.errors import Refused, did_you_mean
from coterie.rules.anniversaries import Anniversaries
from coterie.rules.patterns import read_pattern
from coterie.rules.spans import Relative, Span, read_span
from coterie.rules.values import Raw, is_number, read_constant, read_text, shown

MAX_VALUES = 10_000


class Words(NamedTuple):
    """The same words in English and Chinese."""

    en: str
    zh: str

    def in_(self, language: str) -> str:
        """The words in that language."""
        return self.zh if language == "zh" else self.en


class Operand(StrEnum):
    """What stands under `value`."""

    NONE = "nothing"
    ONE = "one value"
    PAIR = "two values [low, high]"
    MANY = "a list of values"
    TEXT = "text"
    PATTERN = "a pattern"
    SPAN = 'a span such as "30d"'
    DAYS = 'a span of days such as "7d"'
    PATH = "levels from the top"


# SQL over thresholds, for measures that are rounded: low[i] is the least number that rounds to operand i, above[i] the least that
# rounds to more.
Rounded = Callable[[str, list[str], list[str]], str]


@dataclass(frozen=True)
class Operator:
    """One way to compare a value.

    key : its name in rules.
    label : its name in menus.
    types : the types of value it applies to.
    operand : what stands under `value`.
    sentence : words; `{x}` is what is compared, `{v}` the value.
    sql : the condition, given the SQL of what is compared and the resolved operand; NULL counts as false.
    test : the same in Python, for a value that is not missing.
    dates : words for dates and moments, where they differ.
    amount : words before a number of events; `rounded` the condition for rounded measures. Only operators that compare measures.
    missing : whether a missing value passes.
    sign : its sign in SQL, where it can compare two fields.
    times : whether it compares the first or last time of events.
    """

    key: str
    label: Words
    types: frozenset[ValueType]
    operand: Operand
    sentence: Words
    sql: Callable[[str, Any], str]
    test: Callable[[Any, Any], bool]
    dates: Words | None = None
    amount: Words | None = None
    rounded: Rounded | None = None
    missing: bool = False
    sign: str | None = None
    times: bool = False

    @property
    def measures(self) -> bool:
        """Whether it compares a measure of events with a number."""
        return self.amount is not None

    def passes(self, value: Any, operand: Any) -> bool:
        """Whether a value, missing (None) or not, passes.

        >>> OPERATORS["ne"].passes(None, "France"), OPERATORS["not_exists"].passes(None, None)
        (False, True)
        """
        return self.missing if value is None else bool(self.test(value, operand))

    def words(self, kind: ValueType | None) -> Words:
        """The sentence for values of that type."""
        return self.dates if self.dates and kind in _TEMPORAL else self.sentence

    def read(self, raw: Raw, kind: ValueType, tz: ZoneInfo, *, name: str, place: str) -> Any:
        """The operand as values of type `kind`, relative moments not yet resolved; Refused `bad_value` if it does not fit."""
        item = ValueType.TEXT if kind in (ValueType.TEXTS, ValueType.PATH) else kind
        match self.operand:
            case Operand.NONE:
                return None
            case Operand.ONE:
                return read_constant(raw, item, tz, name=name, place=place)
            case Operand.PAIR:
                return tuple(read_constant(r, item, tz, name=name, place=place) for r in _pair(raw, place))
            case Operand.MANY:
                return tuple(
                    dict.fromkeys(read_constant(r, item, tz, name=name, place=place) for r in _many(raw, place))
                )
            case Operand.TEXT:
                return _some_text(raw, item, tz, name, place)
            case Operand.PATTERN:
                return read_pattern(_some_text(raw, item, tz, name, place), place)
            case Operand.SPAN:
                return _span(raw, kind, name, place)
            case Operand.DAYS:
                return _span(raw, ValueType.DATE, name, place)
            case Operand.PATH:
                return read_levels(raw, place)

    def resolve(self, operand: Any, kind: ValueType, as_of: datetime, tz: ZoneInfo, place: str) -> Any:
        """The operand at an as-of: relative moments become moments or days, a span the moments it lies between."""
        if self.key.startswith("anniversary"):
            return Anniversaries.around(self.key, operand, kind, as_of, tz)
        if isinstance(operand, Span):
            ends = (
                (Relative(operand), Relative(Span(0, "d")))
                if self.key == "within_last"
                else (Relative(Span(0, "d")), Relative(operand, True))
            )
            return tuple(_resolved(e, kind, as_of, tz) for e in ends)
        if not isinstance(operand, tuple):
            return _resolved(operand, kind, as_of, tz)
        resolved = tuple(_resolved(v, kind, as_of, tz) for v in operand)
        if self.operand is Operand.PAIR and resolved[0] > resolved[1]:
            said = f"{_said(resolved[0])} is greater than {_said(resolved[1])}, so that no value lies between."
            raise Refused("bad_value", said, place=place, fix="Write the lower value first.")
        return resolved


_TEMPORAL = frozenset({ValueType.DATE, ValueType.MOMENT})
_ORDERED = NUMERIC | _TEMPORAL | {ValueType.TEXT}
_SCALAR = _ORDERED | {ValueType.BOOLEAN}
_TEXT = frozenset({ValueType.TEXT})
_TEXTS = frozenset({ValueType.TEXTS})


def _compared(sign: str) -> Callable[[str, Any], str]:
    return lambda x, v: f"{x} {sign} {quote_value(v)}"


def _listed(word: str) -> Callable[[str, Any], str]:
    return lambda x, v: f"{x} {word} ({', '.join(map(quote_value, v))})"


def _called(function: str) -> Callable[[str, Any], str]:
    return lambda x, v: f"{function}({x}, {quote_value(v)})"


def _anniversary_sql(x: str, v: Anniversaries) -> str:
    return v.sql(x)


def _has_anniversary(x: Any, v: Anniversaries) -> bool:
    return v.hold(x)


def _levels_sql(x: str, levels: tuple[str, ...]) -> str:
    return f"{x}[1:{len(levels)}] = {quote_value(levels)}"


_ENTRIES = (
    Operator(
        "eq", Words("is", "等于"), _SCALAR, Operand.ONE, Words("{x} is {v}", "{x}为{v}"),
        sql=_compared("="), sign="=", test=lambda x, v: x == v,
        amount=Words("exactly {v}", "恰好{v}"), rounded=lambda x, low, above: f"{x} >= {low[0]} AND {x} < {above[0]}",
    ),
    Operator(
        "ne", Words("is not", "不等于"), _SCALAR, Operand.ONE, Words("{x} is not {v}", "{x}不为{v}"),
        sql=_compared("<>"), sign="<>", test=lambda x, v: x != v,
        amount=Words("any number but {v}", "不等于{v}"), rounded=lambda x, low, above: f"({x} < {low[0]} OR {x} >= {above[0]})",
    ),
    Operator(
        "gt", Words("is above", "大于"), _ORDERED, Operand.ONE, Words("{x} is above {v}", "{x}大于{v}"),
        sql=_compared(">"), sign=">", test=lambda x, v: x > v, dates=Words("{x} is after {v}", "{x}晚于{v}"),
        amount=Words("more than {v}", "多于{v}"), rounded=lambda x, low, above: f"{x} >= {above[0]}",
    ),
    Operator(
        "gte", Words("is at least", "大于等于"), _ORDERED, Operand.ONE, Words("{x} is at least {v}", "{x}不小于{v}"),
        sql=_compared(">="), sign=">=", test=lambda x, v: x >= v, dates=Words("{x} is on or after {v}", "{x}不早于{v}"),
        amount=Words("at least {v}", "至少{v}"), rounded=lambda x, low, above: f"{x} >= {low[0]}",
    ),
    Operator(
        "lt", Words("is below", "小于"), _ORDERED, Operand.ONE, Words("{x} is below {v}", "{x}小于{v}"),
        sql=_compared("<"), sign="<", test=lambda x, v: x < v, dates=Words("{x} is before {v}", "{x}早于{v}"),
        amount=Words("fewer than {v}", "少于{v}"), rounded=lambda x, low, above: f"{x} < {low[0]}",
    ),
    Operator(
        "lte", Words("is at most", "小于等于"), _ORDERED, Operand.ONE, Words("{x} is at most {v}", "{x}不大于{v}"),
        sql=_compared("<="), sign="<=", test=lambda x, v: x <= v, dates=Words("{x} is on or before {v}", "{x}不晚于{v}"),
        amount=Words("at most {v}", "至多{v}"), rounded=lambda x, low, above: f"{x} < {above[0]}",
    ),
    Operator(
        "between", Words("is between", "介于"), _ORDERED, Operand.PAIR, Words("{x} is from {v}", "{x}介于{v}之间"),
        sql=lambda x, v: f"{x} BETWEEN {quote_value(v[0])} AND {quote_value(v[1])}", test=lambda x, v: v[0] <= x <= v[1],
        amount=Words("{v}", "{v}"), rounded=lambda x, low, above: f"{x} >= {low[0]} AND {x} < {above[1]}",
    ),
    Operator(
        "in", Words("is one of", "属于"), _SCALAR, Operand.MANY, Words("{x} is one of {v}", "{x}属于{v}"),
        sql=_listed("IN"), test=lambda x, v: x in v,
    ),
    Operator(
        "not_in", Words("is none of", "不属于"), _SCALAR, Operand.MANY, Words("{x} is none of {v}", "{x}不属于{v}"),
        sql=_listed("NOT IN"), test=lambda x, v: x not in v,
    ),
    Operator(
        "contains", Words("contains", "包含"), _TEXT, Operand.TEXT, Words("{x} contains {v}", "{x}包含{v}"),
        sql=_called("contains"), test=lambda x, v: v in x,
    ),
    Operator(
        "starts_with", Words("starts with", "开头是"), _TEXT, Operand.TEXT, Words("{x} starts with {v}", "{x}以{v}开头"),
        sql=_called("starts_with"), test=lambda x, v: x.startswith(v),
    ),
    Operator(
        "ends_with", Words("ends with", "结尾是"), _TEXT, Operand.TEXT, Words("{x} ends with {v}", "{x}以{v}结尾"),
        sql=_called("ends_with"), test=lambda x, v: x.endswith(v),
    ),
    Operator(
        "matches", Words("matches", "匹配"), _TEXT, Operand.PATTERN, Words("{x} matches {v}", "{x}匹配模式{v}"),
        sql=lambda x, v: f"regexp_matches({x}, {quote_value(v.text)})", test=lambda x, v: v.found_in(x),
    ),
    Operator(
        "exists", Words("is known", "有值"), frozenset(ValueType), Operand.NONE, Words("{x} is known", "{x}有值"),
        sql=lambda x, v: f"{x} IS NOT NULL", test=lambda x, v: True,
    ),
    Operator(
        "not_exists", Words("is missing", "缺失"), frozenset(ValueType), Operand.NONE, Words("{x} is missing", "{x}缺失"),
        sql=lambda x, v: f"{x} IS NULL", test=lambda x, v: False, missing=True,
    ),
    Operator(
        "any_of", Words("includes any of", "包含任一"), _TEXTS, Operand.MANY, Words("{x} includes any of {v}", "{x}包含{v}中的任意一个"),
        sql=_called("list_has_any"), test=lambda x, v: any(item in x for item in v),
    ),
    Operator(
        "all_of", Words("includes all of", "包含全部"), _TEXTS, Operand.MANY, Words("{x} includes all of {v}", "{x}包含全部{v}"),
        sql=_called("list_has_all"), test=lambda x, v: all(item in x for item in v),
    ),
    Operator(
        "none_of", Words("includes none of", "均不包含"), _TEXTS, Operand.MANY, Words("{x} includes none of {v}", "{x}不包含{v}中的任何一个"),
        sql=lambda x, v: f"NOT list_has_any({x}, {quote_value(v)})", test=lambda x, v: not any(item in x for item in v),
    ),
    Operator(
        "under", Words("lies under", "位于"), frozenset({ValueType.PATH}), Operand.PATH, Words("{x} lies under {v}", "{x}位于{v}之下"),
        sql=_levels_sql, test=lambda x, v: tuple(x[: len(v)]) == v,
    ),
    Operator(
        "within_last", Words("is within the last", "在最近"), _TEMPORAL, Operand.SPAN, Words("{x} is within the last {v}", "{x}在最近{v}内"),
        sql=lambda x, v: f"({x} > {quote_value(v[0])} AND {x} <= {quote_value(v[1])})", test=lambda x, v: v[0] < x <= v[1], times=True,
    ),
    Operator(
        "within_next", Words("is within the next", "在未来"), _TEMPORAL, Operand.SPAN, Words("{x} is within the next {v}", "{x}在未来{v}内"),
        sql=lambda x, v: f"({x} > {quote_value(v[0])} AND {x} <= {quote_value(v[1])})", test=lambda x, v: v[0] < x <= v[1],
    ),
    Operator(
        "anniversary_today", Words("has its anniversary today", "今天是周年日"), _TEMPORAL, Operand.NONE,
        Words("{x} has its anniversary today", "{x}的周年日是今天"), sql=_anniversary_sql, test=_has_anniversary, times=True,
    ),
    Operator(
        "anniversary_within_next", Words("has its anniversary within the next", "周年日在未来"), _TEMPORAL, Operand.DAYS,
        Words("{x} has its anniversary within the next {v}", "{x}的周年日在未来{v}内"), sql=_anniversary_sql, test=_has_anniversary, times=True,
    ),
    Operator(
        "anniversary_within_last", Words("had its anniversary within the last", "周年日在最近"), _TEMPORAL, Operand.DAYS,
        Words("{x} had its anniversary within the last {v}", "{x}的周年日在最近{v}内"), sql=_anniversary_sql, test=_has_anniversary, times=True,
    ),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = MappingProxyType({o.key: o for o in _ENTRIES})

# What people write who know other tools.
_OTHER_NAMES = {
    "=": "eq", "==": "eq", "is": "eq", "equal": "eq", "equals": "eq", "!=": "ne", "<>": "ne", "is_not": "ne", ">": "gt", "after": "gt", ">=": "gte",
    "<": "lt", "before": "lt", "<=": "lte", "nin": "not_in", "not in": "not_in", "like": "contains", "regex": "matches",
    "birthday": "anniversary_today", "anniversary": "anniversary_today", "is_null": "not_exists", "missing": "not_exists", "is_not_null": "exists", "has": "any_of", "range": "between", "last": "within_last",
}  # fmt: skip


def find_operator(key: object, place: str) -> Operator:
    """The operator of that name.

    >>> find_operator(">=", "all[0]")
    Traceback (most recent call last):
    coterie.errors.Refused: `unknown_operator` at `all[0]`: There is no operator ">=". Did you mean "gte"?
    """
    if isinstance(key, str) and key in OPERATORS:
        return OPERATORS[key]
    other = _OTHER_NAMES.get(str(key).lower())
    fix = (
        f'Did you mean "{other}"?'
        if other
        else did_you_mean(str(key), OPERATORS) or f"There are: {', '.join(OPERATORS)}."
    )
    raise Refused("unknown_operator", f'There is no operator "{shown(key)}".', place=place, fix=fix)


def check_type(operator: Operator, kind: ValueType, *, name: str, place: str) -> None:
    """Refuse an operator that does not apply to values of that type, saying which do.

    >>> check_type(OPERATORS["contains"], ValueType.INTEGER, name="age", place="all[0]")
    Traceback (most recent call last):
    coterie.errors.Refused: `wrong_operator` at `all[0]`: "contains" does not apply to "age", of type integer. Use eq, ne, gt, gte, lt, lte,
    between, in, not_in, exists or not_exists.
    """
    if kind in operator.types:
        return
    *others, last = [o.key for o in OPERATORS.values() if kind in o.types]
    said = f'"{operator.key}" does not apply to "{name}", of type {kind}.'
    raise Refused("wrong_operator", said, place=place, fix=f"Use {', '.join(others)} or {last}.")


def read_levels(raw: Raw, place: str) -> tuple[str, ...]:
    """A path from the top: `"Beijing > Chaoyang"` or `["Beijing", "Chaoyang"]`.

    >>> read_levels("Beijing > Chaoyang", "all[0]")
    ('Beijing', 'Chaoyang')
    """
    levels = [part.strip() for part in raw.split(">")] if isinstance(raw, str) else raw
    if not isinstance(levels, list | tuple) or not levels or not all(isinstance(x, str) and x for x in levels):
        fix = 'Write "Beijing > Chaoyang" or ["Beijing", "Chaoyang"].'
        raise Refused("bad_value", f"{shown(raw)} is not a path.", place=place, fix=fix)
    return tuple(read_text(level, place) for level in levels)


def operator_table() -> list[dict[str, Any]]:
    """All operators as plain data, for menus, the API and the docs.

    >>> operator_table()[0]
    {'key': 'eq', 'label': {'en': 'is', 'zh': '等于'}, 'types': ['boolean', 'date', 'decimal', 'integer', 'moment', 'number', 'text'],
    'value': 'one value', 'measures': True}
    """
    return [
        {
            "key": o.key,
            "label": o.label._asdict(),
            "types": sorted(kind.value for kind in o.types),
            "value": o.operand.value,
            "measures": o.measures,
        }
        for o in _ENTRIES
    ]


def _pair(raw: Raw, place: str) -> list[Raw]:
    if isinstance(raw, list | tuple) and len(raw) == 2:
        return list(raw)
    raise Refused("bad_value", "`between` needs two values.", place=place, fix="Write [low, high].")


def _many(raw: Raw, place: str) -> list[Raw]:
    if not isinstance(raw, list | tuple):
        fix = f"Write a list: [{shown(raw) if is_number(raw) else chr(34) + shown(raw) + chr(34)}]."
        raise Refused("bad_value", "This operator needs a list of values.", place=place, fix=fix)
    if not raw:
        raise Refused("bad_value", "The list is empty.", place=place, fix="Give at least one value.")
    if len(raw) > MAX_VALUES:
        said = f"The list has {len(raw):,} values."
        raise Refused("bad_value", said, place=place, fix=f"Upload more than {MAX_VALUES:,} values as a list.")
    return list(raw)


def _some_text(raw: Raw, kind: ValueType, tz: ZoneInfo, name: str, place: str) -> str:
    text = read_constant(raw, kind, tz, name=name, place=place)
    if not text:
        raise Refused("bad_value", "The text is empty.", place=place, fix="To find any value, use `exists`.")
    return str(text)


def _span(raw: Raw, kind: ValueType, name: str, place: str) -> Span:
    span = read_span(raw, place)
    if kind is ValueType.DATE and span.unit == "h":
        raise Refused("bad_value", f'"{name}" holds dates, which have no hours.', place=place, fix='Write days: "1d".')
    return span


def _resolved(value: Any, kind: ValueType, as_of: datetime, tz: ZoneInfo) -> Any:
    if not isinstance(value, Relative):
        return value
    return value.day(as_of, tz) if kind is ValueType.DATE else value.moment(as_of, tz)


def _said(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else shown(value)
