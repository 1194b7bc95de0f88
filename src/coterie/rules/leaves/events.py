"""Conditions on what someone did: `{"events": "orders", "measure": "count", "op": "gte", "value": 3, "within": "30d"}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import Dataset, DatasetKind, ValueType
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import NotFound, Refused, did_you_mean
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.comparisons import bind_comparison, comparison_json, comparison_schema, read_comparison
from coterie.rules.expressions import parse_expression
from coterie.rules.fields import field_names, find_field, joins_sql
from coterie.rules.formula import indented, negated_sql
from coterie.rules.measures import MEASURES, Measure, measured_sql
from coterie.rules.nodes import Leaf, Node, Reading
from coterie.rules.operators import OPERATORS
from coterie.rules.sentences import Speaker
from coterie.rules.spans import Relative, Span, read_span
from coterie.rules.values import Raw, shown
from coterie.rules.vocabulary import at_place
from coterie.rules.where import bind_where, present, read_where, where_clause

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

_SUGAR = {"at_least": "gte", "at_most": "lte", "exactly": "eq"}
_KEYS = ("events", "where", "measure", "of", "op", "value", "within", "between", "never", *_SUGAR)


@dataclass(frozen=True)
class Window:
    """Which moments count: (as-of - `since`, as-of - `until`]."""

    since: Span
    until: Span = Span(0, "d")

    @property
    def to_now(self) -> bool:
        """Whether it ends at the as-of: the short form `within`."""
        return self.until.count == 0

    def bounds(self, scope: Scope) -> tuple[datetime, datetime]:
        """The moments it lies between, the first one out and the last one in."""
        return Relative(self.since).moment(scope.as_of, scope.tz), Relative(self.until).moment(scope.as_of, scope.tz)

    def words(self, speaker: Speaker) -> str:
        """The window in words."""
        if self.to_now:
            return speaker.pick(f"in the last {self.since.words('en')}", f"最近{self.since.words('zh')}内")
        since, until = (Relative(s).words(speaker.language) for s in (self.since, self.until))
        return speaker.pick(f"between {since} and {until}", f"{since}至{until}")


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
        events = nodes.text_of(body, "events", place)
        where = None
        if body.get("where") is not None:
            before = len(reading.problems)
            where = read_where(body["where"], f"{place}.where", reading)
            if len(reading.problems) > before:
                where = None
        measure, of = _read_measure(body, place)
        op, value = _read_amount(body, place)
        return cls(events, op, value, measure, of, where, _read_window(body, place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        measuring = [o.key for o in OPERATORS.values() if o.measures]
        schema = comparison_schema("events", measuring)
        span = {"type": "string", "pattern": "^\\s*[0-9]{1,6}\\s*[hdwmy]\\s*$"}
        schema["required"] = ["events"]
        schema["properties"] |= {
            "where": {"$ref": "#/$defs/where"},
            "measure": {"enum": list(MEASURES)},
            "of": {"type": "string", "minLength": 1},
            "within": span,
            "between": {"type": "array", "items": span, "minItems": 2, "maxItems": 2},
            "never": {"const": True},
        } | {short: {"type": "number"} for short in _SUGAR}
        return schema

    def as_json(self) -> dict[str, Raw]:
        """The JSON object, in its long form."""
        body: dict[str, Raw] = {"events": self.events}
        if self.where is not None:
            body["where"] = nodes.node_json(self.where)
        body["measure"] = self.measure
        if self.of is not None:
            body["of"] = self.of
        body |= comparison_json(self.op, self.value)
        if self.window is not None:
            both = [str(self.window.since), str(self.window.until)]
            body |= {"within": both[0]} if self.window.to_now else {"between": both}
        return body

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find dataset and fields, type the values."""
        dataset = _dataset(self.events, scope, place)
        if self.window is not None and dataset.time is None:
            said = f'The rows of "{dataset.name}" have no time.'
            raise Refused("bad_rule", said, place=place, fix="Leave the window out, or import the dataset with --time.")
        return leaf_node(place, self, _bind(self, dataset, scope, place))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        if self.measure != "count":
            kind = speaker.field(speaker.dataset(self.events), self.of or "")[1]
            kind = kind if self.measure in ("min", "max") else ValueType.NUMBER
            return speaker.comparison(self.subject(speaker), self.op, self.value, kind)
        when, english, chinese = self._events(speaker)
        if (self.op, self.value) == ("eq", 0):
            return speaker.pick(f"they have no {english}", f"{when}没有{chinese}")
        if (self.op, self.value) == ("gte", 1):
            return speaker.pick(f"they have {english}", f"{when}有{chinese}")
        amount = speaker.amount(self.op, self.value)
        return speaker.pick(f"they have {amount} {english}", f"{when}有{amount}次{chinese}")

    def subject(self, speaker: Speaker) -> str:
        """What is measured, in words."""
        when, english, chinese = self._events(speaker)
        of = speaker.field(speaker.dataset(self.events), self.of or "")[0]
        words = MEASURES[self.measure].words.in_(speaker.language).replace("{of}", of)
        return speaker.pick("", when) + words.replace("{events}", speaker.pick(english, chinese))

    def _events(self, speaker: Speaker) -> tuple[str, str, str]:
        """The window, and the events that count: in English with the window, in Chinese without."""
        when = "" if self.window is None else self.window.words(speaker)
        kept = "" if self.where is None else where_clause(self.where, speaker, speaker.dataset(self.events))
        english = self.events + (f" {when}" if when else "") + (f" (where {kept})" if kept else "")
        return when, english, self.events + (f"（{kept}）" if kept else "")


@dataclass(frozen=True)
class BoundEvents(BoundLeaf):
    """An events leaf ready to be asked.

    grouped : SQL from FROM to GROUP BY, one group per entity; `having` the condition on a group.
    measure_events : the measure over one entity's events in Python.
    """

    grouped: str = ""
    having: str = ""
    measure_events: Callable[[Sequence[Mapping[str, Any]]], Any] = tuple

    @property
    def entities_sql(self) -> str:
        """SQL of a relation with a column `entity`: those whose answer differs from that of someone without events."""
        having = negated_sql(self.having) if self.passes_without else self.having
        return f'SELECT e."_entity" AS entity\n{self.grouped}\nHAVING {having}'

    @property
    def passes_without(self) -> bool:
        """Whether someone without events passes."""
        return self.passes(self.measure_events(()))

    def source(self) -> Source:
        """The rows of those entities; where someone without events passes, those that do not pass."""
        relation = f'FROM (\n{indented(self.entities_sql)}\n) AS e\nJOIN "universe" AS u ON u.entity = e.entity'
        return Source(relation, 'u."row"', None, inverted=self.passes_without)

    def measured(self, facts: Facts) -> Any:
        """The measure of the entity's events."""
        if self.fact in facts.measures:
            return facts.measures[self.fact]
        return self.measure_events(facts.events.get(self.datasets[0], ()))


def _read_measure(body: Mapping[str, Raw], place: str) -> tuple[str, str | None]:
    measure = body.get("measure", "count")
    if not isinstance(measure, str) or measure not in MEASURES:
        fix = did_you_mean(str(measure), MEASURES) or f"There are: {', '.join(MEASURES)}."
        raise Refused("bad_rule", f'There is no measure "{shown(measure)}".', place=place, fix=fix)
    if measure == "count":
        if "of" in body:
            fix = 'Leave "of" out, or use "measure": "distinct".'
            raise Refused("bad_rule", '"count" counts events and takes no field.', place=place, fix=fix)
        return measure, None
    if "of" not in body:
        raise Refused("bad_rule", f'"{measure}" needs a field.', place=place, fix='Write {"of": "FIELD", ...}.')
    return measure, nodes.text_of(body, "of", place)


def _read_amount(body: Mapping[str, Raw], place: str) -> tuple[str, Raw]:
    given = [k for k in ("op", "never", *_SUGAR) if k in body]
    if len(given) > 1:
        fix = "Leave all but one of them out."
        raise Refused("bad_rule", f'"{given[0]}" and "{given[1]}" stand together.', place=place, fix=fix)
    if given == ["op"] or "value" in body:
        op, value = read_comparison(body, place)
        if not OPERATORS[op].measures:
            measuring = ", ".join(o.key for o in OPERATORS.values() if o.measures)
            raise Refused(
                "wrong_operator", f'"{op}" does not compare measures of events.', place=place, fix=f"Use {measuring}."
            )
        return op, value
    if given == ["never"]:
        if body["never"] is not True or body.get("measure", "count") != "count":
            fix = 'Write "never": true, without measure.'
            raise Refused("bad_rule", '"never" says that there is no such event.', place=place, fix=fix)
        return "eq", 0
    if given:
        return read_comparison({"op": _SUGAR[given[0]], "value": body[given[0]]}, place)
    if body.get("measure", "count") != "count":
        fix = 'Write {"op": "gte", "value": NUMBER, ...}.'
        raise Refused("bad_rule", '"op" and "value" are missing.', place=place, fix=fix)
    return "gte", 1


def _read_window(body: Mapping[str, Raw], place: str) -> Window | None:
    if "within" in body and "between" in body:
        raise Refused("bad_rule", '"within" and "between" stand together.', place=place, fix="Leave one of them out.")
    if "within" in body:
        return Window(read_span(body["within"], place))
    if "between" not in body:
        return None
    spans = body["between"]
    if not isinstance(spans, list | tuple) or len(spans) != 2:
        raise Refused("bad_value", '"between" needs two spans.', place=place, fix='Write ["90d", "30d"].')
    since, until = read_span(spans[0], place), read_span(spans[1], place, least=0)
    return Window(since, Span(0, "d")) if until.count == 0 else Window(since, until)


def _dataset(name: str, scope: Scope, place: str) -> Dataset:
    try:
        dataset = scope.vocabulary.dataset(name)
    except NotFound as error:
        raise at_place(error, place) from None
    if dataset.kind not in (DatasetKind.EVENTS, DatasetKind.RECORDS):
        fix = (
            "Its fields are tags: use a condition on a tag."
            if dataset.kind is DatasetKind.PROFILES
            else "Use a dataset of events."
        )
        raise Refused("bad_rule", f'"{name}" holds {dataset.kind}, not events.', place=place, fix=fix)
    if dataset.entity_kind != scope.entity:
        said = f'"{name}" holds events of {dataset.entity_kind}s, and the rule is about {scope.entity}s.'
        raise Refused("bad_rule", said, place=place, fix="Use events of the same kind of entity.")
    return dataset


@dataclass(frozen=True)
class _Of:
    """What is measured: a field or an expression."""

    sql: str
    type: ValueType
    fields: tuple[str, ...]
    lookups: tuple[str, ...]
    value: Callable[[Mapping[str, Any]], Any]


def _bind_of(of: str, dataset: Dataset, scope: Scope, place: str) -> _Of:
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


def _bind(leaf: EventsLeaf, dataset: Dataset, scope: Scope, place: str) -> BoundEvents:
    measure = MEASURES[leaf.measure]
    of = None if leaf.of is None else _bind_of(leaf.of, dataset, scope, place)
    kind = _measure_type(measure, of, leaf, place)
    where_place = f"{place}.where"
    where = bind_where(
        leaf.where or nodes.All(()), dataset, scope.vocabulary, place=where_place, as_of=scope.as_of, tz=scope.tz
    )
    name = f"{leaf.measure} of {dataset.name}"
    operator, operand = bind_comparison(
        leaf.op, leaf.value, kind, name=name, place=place, as_of=scope.as_of, tz=scope.tz
    )
    bounds = None if leaf.window is None else _bounds(leaf.window, scope, place)
    conditions = ['e."_entity" IS NOT NULL']
    if bounds is not None:
        conditions.append(f'e."_at" > {quote_value(bounds[0])} AND e."_at" <= {quote_value(bounds[1])}')
    if where.bound:
        conditions.append(f"({where.sql('e')})")
    joins = joins_sql(dataset, {*where.lookups, *(of.lookups if of else ())}, scope.vocabulary, "e")
    grouped = f'FROM {quote_name(f"dataset:{dataset.name}")} AS e{joins}\nWHERE {" AND ".join(conditions)}\nGROUP BY e."_entity"'
    sql = measure.sql("" if of is None else of.sql, kind)
    having = measured_sql(sql, operator, operand, rounded=measure.is_rounded(kind))

    def measured(events: Sequence[Mapping[str, Any]]) -> Any:
        kept = [e for e in events if _inside(e.get("_at"), bounds) and where.test(e)]
        return measure.run([e if of is None else of.value(e) for e in kept])

    return BoundEvents(
        ("events", f"SELECT {sql} {grouped}"), kind, operator, operand,
        datasets=(dataset.name, *where.lookups, *(of.lookups if of else ())), can_miss=measure.run(()) is None,
        grouped=grouped, having=having, measure_events=measured,
        fields=tuple(dict.fromkeys((*where.fields, *(of.fields if of else ())))),
    )  # fmt: skip


def _measure_type(measure: Measure, of: _Of | None, leaf: EventsLeaf, place: str) -> ValueType:
    if of is None:
        return ValueType.INTEGER
    if of.type not in measure.types:
        *others, last = sorted(t.value for t in measure.types)
        said = f'"{measure.key}" does not apply to "{leaf.of}", of type {of.type}.'
        raise Refused("wrong_operator", said, place=place, fix=f"It takes {', '.join(others)} or {last}.")
    return measure.result(of.type)


def _bounds(window: Window, scope: Scope, place: str) -> tuple[datetime, datetime]:
    since, until = window.bounds(scope)
    if since >= until:
        said = f'Nothing lies between "{window.since}" and "{window.until}" ago.'
        raise Refused("bad_value", said, place=place, fix='Write the longer span first: ["90d", "30d"].')
    return since, until


def _inside(moment: datetime | None, bounds: tuple[datetime, datetime] | None) -> bool:
    return bounds is None or (moment is not None and bounds[0] < moment <= bounds[1])
