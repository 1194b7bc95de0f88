"""Conditions on habits: `regular` (in so many of the last weeks), `stopped` and `restarted` doing something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from coterie.catalog.schemas import ValueType
from coterie.engines.sql import quote_value
from coterie.errors import Refused, did_you_mean
from coterie.rules import nodes
from coterie.rules.binding import BoundNode, Scope, leaf_node
from coterie.rules.leaves.events import AMOUNTS, BoundEvents
from coterie.rules.leaves.occurrences import EVENTS_SCHEMA, SPAN_SCHEMA, BoundOccurrences, Event, Events
from coterie.rules.nodes import Leaf, Reading
from coterie.rules.operators import OPERATORS
from coterie.rules.sentences import Speaker
from coterie.rules.spans import Relative, Span, read_span
from coterie.rules.values import Raw, shown

MAX_PERIODS = 366
_UNITS: Mapping[str, str] = {"day": "d", "week": "w", "month": "m", "year": "y"}
_BITS = 63  # periods that a bit each can stand for; beyond them distinct ones are counted


@dataclass(frozen=True)
class RegularLeaf(Leaf):
    """`"regular": {"at_least": 3, "of_last": 4, "unit": "week"}`: in how many of the last periods there are events.

    The periods are counted back from the as-of: the first is (as-of - 1 week, as-of], the second (as-of - 2 weeks,
    as-of - 1 week], and so on, by the calendar of the workspace's zone.
    """

    key = "regular"
    beside: ClassVar[str | None] = "events"

    events: Events
    amount: str
    periods: int
    of_last: int
    unit: str

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> RegularLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("events", "where", "regular"), place)
        events, inner = Events.read(body, place, reading), f"{place}.regular"
        said = nodes.object_of(body, "regular", place)
        nodes.known_keys(said, (*AMOUNTS, "of_last", "unit"), inner)
        given = [key for key in AMOUNTS if key in said]
        if len(given) != 1:
            fix = 'Write {"at_least": 3, "of_last": 4, "unit": "week"}.'
            raise Refused("bad_rule", f"One of {', '.join(AMOUNTS)} stands here.", place=inner, fix=fix)
        of_last = nodes.whole_of(said, "of_last", inner, 1, MAX_PERIODS)
        periods = nodes.whole_of(said, given[0], inner, 0, of_last)
        unit = said.get("unit")
        if not isinstance(unit, str) or unit not in _UNITS:
            fix = did_you_mean(str(unit), _UNITS) or f"Write one of {', '.join(_UNITS)}."
            raise Refused("bad_value", f'"{shown(unit)}" is no unit of periods.', place=inner, fix=fix)
        return cls(events, given[0], periods, of_last, unit)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        whole = {"type": "integer", "minimum": 0, "maximum": MAX_PERIODS}
        return _schema(
            "regular",
            {**dict.fromkeys(AMOUNTS, whole), "of_last": {**whole, "minimum": 1}, "unit": {"enum": list(_UNITS)}},
            ["of_last", "unit"],
        )

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        regular = {self.amount: self.periods, "of_last": self.of_last, "unit": self.unit}
        return self.events.as_json() | {"regular": regular}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find dataset and fields; the periods' ends at the as-of."""
        found = self.events.bind(scope, place)
        ends = [Relative(self._span(n)).moment(scope.as_of, scope.tz) for n in range(self.of_last + 1)]
        sql = _periods_sql(ends)

        def measured(events: Sequence[Event]) -> int:
            moments = [e["_at"] for e in found.kept(events, (ends[-1], ends[0]))]
            return sum(any(ends[n + 1] < m <= ends[n] for m in moments) for n in range(self.of_last))

        operator = OPERATORS[AMOUNTS[self.amount]]
        bound = _bound(found, ends[-1], ends[0], sql, measured, ValueType.INTEGER, operator.key, self.periods)
        return leaf_node(place, self, bound)

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        amount = speaker.amount(AMOUNTS[self.amount], self.periods)
        events, last = self.events.words(speaker), self._span(self.of_last).words(speaker.language)
        unit = {"day": "天", "week": "周", "month": "月", "year": "年"}[self.unit]
        return speaker.pick(
            f"they have {events} in {amount} of the last {last}", f"最近{last}中有{amount}{unit}有{events}"
        )

    def subject(self, speaker: Speaker) -> str:
        """The number of periods, in words."""
        events, last = self.events.words(speaker), self._span(self.of_last).words(speaker.language)
        unit = {"day": "天", "week": "周", "month": "月", "year": "年"}[self.unit]
        return speaker.pick(
            f"the number of {self.unit}s with {events} in the last {last}", f"最近{last}中有{events}的{unit}数"
        )

    def _span(self, count: int) -> Span:
        return Span(count, _UNITS[self.unit])


@dataclass(frozen=True)
class StoppedLeaf(Leaf):
    """`"stopped": {"active": "90d", "silent": "30d"}`: events in the 90 days before the last 30, and none in these."""

    key = "stopped"
    beside: ClassVar[str | None] = "events"

    events: Events
    active: Span
    silent: Span

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> StoppedLeaf:
        """Read the JSON object."""
        return cls(*_read_spans("stopped", "active", "silent", body, place, reading))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return _schema("stopped", {"active": SPAN_SCHEMA, "silent": SPAN_SCHEMA}, ["active", "silent"])

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return self.events.as_json() | {"stopped": {"active": str(self.active), "silent": str(self.silent)}}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find dataset and fields; the two spans lie behind each other, the silent one up to the as-of."""
        found, (silent, active) = self.events.bind(scope, place), _back(scope, place, self.silent, self.active)

        def measured(events: Sequence[Event]) -> bool:
            return bool(found.kept(events, (active, silent))) and not found.kept(events, (silent, scope.as_of))

        sql = f'bool_or(e."_at" <= {quote_value(silent)}) AND NOT bool_or(e."_at" > {quote_value(silent)})'
        return leaf_node(place, self, _bound(found, active, scope.as_of, sql, measured))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        active, silent = (s.words(speaker.language) for s in (self.active, self.silent))
        events = self.events.words(speaker)
        return speaker.pick(
            f"they have {events} in the {active} before the last {silent}, and none since",
            f"最近{silent}前的{active}内有{events}，此后没有",
        )

    def subject(self, speaker: Speaker) -> str:
        """Having stopped, in words."""
        return speaker.pick(f"having stopped {self.events.words(speaker)}", f"是否已停止{self.events.words(speaker)}")


@dataclass(frozen=True)
class RestartedLeaf(Leaf):
    """`"restarted": {"back": "30d", "gap": "90d"}`: events in the last 30 days, none in the 90 days before, some earlier."""

    key = "restarted"
    beside: ClassVar[str | None] = "events"

    events: Events
    back: Span
    gap: Span

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> RestartedLeaf:
        """Read the JSON object."""
        return cls(*_read_spans("restarted", "back", "gap", body, place, reading))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return _schema("restarted", {"back": SPAN_SCHEMA, "gap": SPAN_SCHEMA}, ["back", "gap"])

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return self.events.as_json() | {"restarted": {"back": str(self.back), "gap": str(self.gap)}}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find dataset and fields; the two spans lie behind each other, `back` up to the as-of."""
        found, (back, gap) = self.events.bind(scope, place), _back(scope, place, self.back, self.gap)

        def measured(events: Sequence[Event]) -> bool:
            earlier = any(e.get("_at") is not None and e["_at"] <= gap for e in found.kept(events))
            return earlier and bool(found.kept(events, (back, scope.as_of))) and not found.kept(events, (gap, back))

        at, since, until = 'e."_at"', quote_value(gap), quote_value(back)
        sql = (
            f"bool_or({at} > {until}) AND NOT bool_or({at} > {since} AND {at} <= {until}) AND bool_or({at} <= {since})"
        )
        return leaf_node(place, self, _bound(found, None, scope.as_of, sql, measured))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        back, gap = (s.words(speaker.language) for s in (self.back, self.gap))
        events = self.events.words(speaker)
        return speaker.pick(
            f"they have {events} in the last {back}, none in the {gap} before, and some earlier",
            f"最近{back}内有{events}，此前{gap}内没有，更早有过",
        )

    def subject(self, speaker: Speaker) -> str:
        """Having restarted, in words."""
        return speaker.pick(
            f"having restarted {self.events.words(speaker)}", f"是否已重新开始{self.events.words(speaker)}"
        )


def _read_spans(
    key: str, first: str, second: str, body: Mapping[str, Raw], place: str, reading: Reading
) -> tuple[Events, Span, Span]:
    nodes.known_keys(body, ("events", "where", key), place)
    events, said = Events.read(body, place, reading), nodes.object_of(body, key, place)
    nodes.known_keys(said, (first, second), f"{place}.{key}")
    for name in (first, second):
        if name not in said:
            fix = f'Write {{"{first}": "90d", "{second}": "30d"}}.'
            raise Refused("bad_rule", f'"{name}" is missing.', place=f"{place}.{key}", fix=fix)
    return events, read_span(said[first], f"{place}.{key}"), read_span(said[second], f"{place}.{key}")


def _back(scope: Scope, place: str, last: Span, before: Span) -> tuple[datetime, datetime]:
    """The beginnings of the span up to the as-of, and of the one before it."""
    middle = Relative(last).moment(scope.as_of, scope.tz)
    start = Relative(before).moment(middle, scope.tz)
    if not start < middle < scope.as_of:  # an hour that the clocks skip
        raise Refused("bad_value", "A span is empty.", place=place, fix="Write a longer one.")
    return middle, start


def _bound(
    found: BoundOccurrences,
    since: datetime | None,
    until: datetime,
    sql: str,
    measure: Callable[[Sequence[Event]], Any],
    kind: ValueType = ValueType.BOOLEAN,
    op: str = "eq",
    operand: Any = True,
) -> BoundEvents:
    """Events after `since` and up to `until`, and what is asked of them: of habits that they are there, of periods how many."""
    kept = [f'e."_at" <= {quote_value(until)}']
    if since is not None:
        kept.insert(0, f'e."_at" > {quote_value(since)}')
    grouped = f'{found.from_sql((), kept)}\nGROUP BY e."_row"'
    having = sql if kind is ValueType.BOOLEAN else OPERATORS[op].sql(sql, operand)
    return BoundEvents(
        ("events", f"SELECT {sql} {grouped}"), kind, OPERATORS[op], operand,
        datasets=found.datasets(), can_miss=False, grouped=grouped, having=having,
        measure_events=measure, fields=found.where.fields,
    )  # fmt: skip


def _periods_sql(ends: Sequence[datetime]) -> str:
    """The number of different periods; `ends` from the newest, the last one the beginning of the oldest period.

    The period is found by halving: of 52 weeks each event is compared six times.
    """
    number = _period_sql(ends[1:-1], 0)
    if len(ends) - 1 <= _BITS:
        return f"bit_count(bit_or(1::UBIGINT << {number}))"
    return f"count(DISTINCT {number})"


def _period_sql(borders: Sequence[datetime], least: int) -> str:
    if not borders:
        return str(least)
    middle = len(borders) // 2
    newer, older = _period_sql(borders[:middle], least), _period_sql(borders[middle + 1 :], least + middle + 1)
    return f'CASE WHEN e."_at" > {quote_value(borders[middle])} THEN {newer} ELSE {older} END'


def _schema(key: str, properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    inner = {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": dict(properties),
    }
    return {
        "type": "object",
        "required": ["events", key],
        "additionalProperties": False,
        "properties": {**EVENTS_SCHEMA, key: inner},
    }
