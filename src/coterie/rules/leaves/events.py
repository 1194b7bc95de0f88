"""Conditions on what someone did: `{"events": "orders", "measure": "count", "op": "gte", "value": 3, "within": "30d"}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import Dataset, ValueType
from coterie.errors import Refused, did_you_mean
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.comparisons import bind_comparison, comparison_json, comparison_schema, read_comparison
from coterie.rules.expressions import parse_expression
from coterie.rules.fields import field_names, find_field
from coterie.rules.formula import indented, negated_sql
from coterie.rules.leaves.occurrences import (
    EVENTS_SCHEMA,
    WINDOW_SCHEMA,
    Event,
    Events,
    Window,
    inside_sql,
    read_window,
)
from coterie.rules.measures import MEASURES, Measure, Takes, measured_sql
from coterie.rules.nodes import Leaf, Node, Reading
from coterie.rules.operators import OPERATORS
from coterie.rules.sentences import Speaker
from coterie.rules.values import Raw, shown
from coterie.rules.where import present

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

AMOUNTS = {"at_least": "gte", "at_most": "lte", "exactly": "eq"}
_KEYS = ("events", "where", "measure", "of", "op", "value", "within", "between", "never", *AMOUNTS)
_COMPARING = [o.key for o in OPERATORS.values() if o.measures]


@dataclass(frozen=True)
class EventsLeaf(Leaf):
    """A measure of someone's events (or records), compared with a value."""

    key = "events"

    events: str
    op: str = "gte"
    value: Raw = 1
    measure: str = "count"
    of: str | None = None
    where: Node | None = None
    window: Window | None = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> EventsLeaf:
        """Read the JSON object, with its short forms: nothing more is `at_least` 1, `never` is count eq 0."""
        nodes.known_keys(body, _KEYS, place)
        events = Events.read(body, place, reading)
        measure, of = _read_measure(body, place)
        op, value = _read_amount(body, place)
        return cls(events.dataset, op, value, measure, of, events.where, read_window(body, place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        schema = comparison_schema("events", [*_COMPARING, *(o.key for o in OPERATORS.values() if o.times)])
        schema["required"] = ["events"]
        schema["properties"] |= {
            **EVENTS_SCHEMA,
            "measure": {"enum": list(MEASURES)},
            "of": {"type": "string", "minLength": 1},
            **WINDOW_SCHEMA,
            "never": {"const": True},
        } | {short: {"type": "number"} for short in AMOUNTS}
        return schema

    @property
    def which(self) -> Events:
        """The events that count, in any window."""
        return Events(self.events, self.where)

    def as_json(self) -> dict[str, Raw]:
        """The JSON object, in its long form."""
        body = self.which.as_json() | {"measure": self.measure}
        if self.of is not None:
            body["of"] = self.of
        return body | comparison_json(self.op, self.value) | ({} if self.window is None else self.window.as_json())

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find dataset and fields, type the values."""
        return leaf_node(place, self, _bind(self, scope, place))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        measure = MEASURES[self.measure]
        if self.measure != "count":
            of = speaker.field(speaker.dataset(self.events), self.of or "")[1]
            kept = of if self.measure in ("min", "max") else ValueType.NUMBER
            kind = ValueType.MOMENT if measure.takes is Takes.TIME else kept
            return speaker.comparison(self.subject(speaker), self.op, self.value, kind)
        when, events = self._when(speaker), self.which.words(speaker, self._when(speaker))
        if (self.op, self.value) == ("eq", 0):
            return speaker.pick(f"they have no {events}", f"{when}没有{events}")
        if (self.op, self.value) == ("gte", 1):
            return speaker.pick(f"they have {events}", f"{when}有{events}")
        amount = speaker.amount(self.op, self.value)
        return speaker.pick(f"they have {amount} {events}", f"{when}有{amount}次{events}")

    def subject(self, speaker: Speaker) -> str:
        """What is measured, in words."""
        when = self._when(speaker)
        of = speaker.field(speaker.dataset(self.events), self.of or "")[0]
        words = MEASURES[self.measure].words.in_(speaker.language).replace("{of}", of)
        return speaker.pick("", when) + words.replace("{events}", self.which.words(speaker, when))

    def _when(self, speaker: Speaker) -> str:
        return "" if self.window is None else self.window.words(speaker)


# Comparisons of a number of events that ask whether there is one at all.
_ONE_OR_NONE = {("gte", 1), ("gt", 0), ("ne", 0), ("eq", 0), ("lt", 1), ("lte", 0)}


@dataclass(frozen=True)
class BoundEvents(BoundLeaf):
    """A condition on the events of one dataset, ready to be asked.

    grouped : SQL from FROM to GROUP BY, one group per entity; `having` the condition on a group.
    matched : where only having such an event matters, SQL from FROM to WHERE: nobody's events need be counted then.
    counted : where only their number matters, the same; `operator` tells which numbers pass.
    measure_events : the measure over one entity's events in Python; `fields` what it reads of them, lookups' fields included.
    """

    grouped: str = ""
    matched: str = ""
    counted: str = ""
    having: str = ""
    measure_events: Callable[[Sequence[Event]], Any] = tuple
    fields: tuple[str, ...] = ()

    @property
    def passes_without(self) -> bool:
        """Whether someone without events passes."""
        return self.passes(self.measure_events(()))

    def source(self) -> Source:
        """Those whose answer differs from that of someone without events; a row may come once an event."""
        if not self.matched:
            return self.distinct_source()
        return Source(self.matched, 'e."_row"', None, inverted=self.passes_without)

    def distinct_source(self) -> Source:
        """The same by groups."""
        having = negated_sql(self.having) if self.passes_without else self.having
        groups = f'SELECT e."_row"\n{self.grouped}\nHAVING {having}'
        return Source(f"FROM (\n{indented(groups)}\n) AS e", 'e."_row"', None, inverted=self.passes_without)

    @property
    def events_read(self) -> Mapping[str, tuple[str, ...]]:
        """The fields of its dataset."""
        return {self.datasets[0]: self.fields}

    def measured(self, facts: Facts) -> Any:
        """The measure of the entity's events."""
        return self.measure_events(facts.events.get(self.datasets[0], ()))


def _read_measure(body: Mapping[str, Raw], place: str) -> tuple[str, str | None]:
    measure = body.get("measure", "count")
    if not isinstance(measure, str) or measure not in MEASURES:
        fix = did_you_mean(str(measure), MEASURES) or f"There are: {', '.join(MEASURES)}."
        raise Refused("bad_rule", f'There is no measure "{shown(measure)}".', place=place, fix=fix)
    if MEASURES[measure].takes is not Takes.FIELD:
        if "of" in body:
            fix = 'Leave "of" out, or use "measure": "distinct".'
            said = "counts events" if measure == "count" else "is a moment of events"
            raise Refused("bad_rule", f'"{measure}" {said} and takes no field.', place=place, fix=fix)
        return measure, None
    if "of" not in body:
        raise Refused("bad_rule", f'"{measure}" needs a field.', place=place, fix='Write {"of": "FIELD", ...}.')
    return measure, nodes.text_of(body, "of", place)


def _read_amount(body: Mapping[str, Raw], place: str) -> tuple[str, Raw]:
    given = [k for k in ("op", "never", *AMOUNTS) if k in body]
    if len(given) > 1:
        fix = "Leave all but one of them out."
        raise Refused("bad_rule", f'"{given[0]}" and "{given[1]}" stand together.', place=place, fix=fix)
    if given == ["op"] or "value" in body:
        op, value = read_comparison(body, place)
        if not (OPERATORS[op].measures or OPERATORS[op].times):
            said = f'"{op}" does not compare measures of events.'
            raise Refused("wrong_operator", said, place=place, fix=f"Use {', '.join(_COMPARING)}.")
        return op, value
    if given == ["never"]:
        if body["never"] is not True or body.get("measure", "count") != "count":
            fix = 'Write "never": true, without measure.'
            raise Refused("bad_rule", '"never" says that there is no such event.', place=place, fix=fix)
        return "eq", 0
    if given:
        return read_comparison({"op": AMOUNTS[given[0]], "value": body[given[0]]}, place)
    if body.get("measure", "count") != "count":
        fix = 'Write {"op": "gte", "value": NUMBER, ...}.'
        raise Refused("bad_rule", '"op" and "value" are missing.', place=place, fix=fix)
    return "gte", 1


@dataclass(frozen=True)
class _Of:
    """What is measured: a field, an expression, or the moments themselves."""

    sql: str
    type: ValueType
    fields: tuple[str, ...]
    lookups: tuple[str, ...]
    value: Callable[[Event], Any]


_MOMENTS = _Of('e."_at"', ValueType.MOMENT, (), (), lambda event: event.get("_at"))
_THEMSELVES = _Of("", ValueType.INTEGER, (), (), lambda event: event)


def _bind_of(leaf: EventsLeaf, dataset: Dataset, scope: Scope, place: str) -> _Of:
    of = leaf.of
    if of is None:
        return _MOMENTS if MEASURES[leaf.measure].takes is Takes.TIME else _THEMSELVES
    if of in field_names(dataset, scope.vocabulary) or of.isidentifier():
        ref = find_field(dataset, of, scope.vocabulary, place)
        return _Of(
            ref.sql("e"), ref.type, (of,), (ref.lookup,) if ref.lookup else (), lambda event: present(event.get(of))
        )
    expression, zone = parse_expression(of, place=place), scope.tz.key
    refs = {name: find_field(dataset, name, scope.vocabulary, place) for name in expression.names}
    sql, kind = expression.sql(lambda name: (refs[name].sql("e"), refs[name].type, refs[name].scale), zone=zone)
    lookups = tuple(sorted({r.lookup for r in refs.values() if r.lookup}))
    return _Of(sql, kind, expression.names, lookups, partial(expression.evaluate, zone=zone))


def _bind(leaf: EventsLeaf, scope: Scope, place: str) -> BoundEvents:
    measure = MEASURES[leaf.measure]
    timed = leaf.window is not None or measure.takes is Takes.TIME
    found = leaf.which.bind(scope, place, timed=timed)
    of = _bind_of(leaf, found.dataset, scope, place)
    kind = _measure_type(measure, of, leaf, place)
    name = f"{leaf.measure} of {leaf.events}"
    operator, operand = bind_comparison(
        leaf.op, leaf.value, kind, name=name, place=place, as_of=scope.as_of, tz=scope.tz
    )
    bounds = None if leaf.window is None else leaf.window.bounds(scope, place)
    rows = found.from_sql(of.lookups, [] if bounds is None else [inside_sql(bounds)])
    grouped = f'{rows}\nGROUP BY e."_row"'
    sql = measure.sql(of.sql, of.type)
    having = measured_sql(sql, operator, operand, rounded=measure.is_rounded(kind))

    def measured(events: Sequence[Event]) -> Any:
        return measure.run([of.value(e) for e in found.kept(events, bounds)])

    return BoundEvents(
        ("events", f"SELECT {sql} {grouped}"), kind, operator, operand,
        datasets=found.datasets(*of.lookups), can_miss=measure.run(()) is None,
        grouped=grouped, having=having, measure_events=measured,
        matched=rows if leaf.measure == "count" and (operator.key, operand) in _ONE_OR_NONE else "",
        counted=rows if leaf.measure == "count" else "",
        fields=tuple(dict.fromkeys((*found.where.fields, *of.fields))),
    )  # fmt: skip


def _measure_type(measure: Measure, of: _Of, leaf: EventsLeaf, place: str) -> ValueType:
    if measure.takes is not Takes.NOTHING and of.type not in measure.types:
        *others, last = sorted(t.value for t in measure.types)
        said = f'"{measure.key}" does not apply to "{leaf.of}", of type {of.type}.'
        raise Refused("wrong_operator", said, place=place, fix=f"It takes {', '.join(others)} or {last}.")
    kind = measure.result(of.type)
    operator = OPERATORS[leaf.op]
    if not operator.measures and kind not in operator.types:
        said = f'"{leaf.op}" does not compare the measure "{measure.key}".'
        raise Refused("wrong_operator", said, place=place, fix=f"Use {', '.join(_COMPARING)}.")
    return kind
