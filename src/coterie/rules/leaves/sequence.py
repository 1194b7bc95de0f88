"""Ordered steps: `{"sequence": [{"events": "views"}, {"events": "orders", "within": "7d"}], "same": "product"}`.

Someone passes if a chain of events exists: one of each step, each strictly later than the one before it and, where the step
says `within`, at most that long after it; all of them in the window, all with the same value where `same` is said. A last
step `then_not` asks that no such event follows the chain within its span, and that the span has run out by the as-of.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import ValueType
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.fields import FieldRef, find_field
from coterie.rules.formula import indented
from coterie.rules.leaves.occurrences import (
    EVENTS_SCHEMA,
    WINDOW_SCHEMA,
    BoundOccurrences,
    Bounds,
    Events,
    Window,
    inside_sql,
    read_window,
)
from coterie.rules.nodes import Leaf, Reading
from coterie.rules.operators import OPERATORS
from coterie.rules.sentences import Speaker
from coterie.rules.spans import Span, read_span
from coterie.rules.values import Raw, shown
from coterie.rules.where import present

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

MAX_STEPS = 10
_GAPS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_COMPARABLE = frozenset(
    {ValueType.TEXT, ValueType.INTEGER, ValueType.DECIMAL, ValueType.BOOLEAN, ValueType.DATE, ValueType.MOMENT}
)
_SHAPE = 'Write {"sequence": [{"events": "views"}, {"events": "orders", "within": "7d"}]}.'


@dataclass(frozen=True)
class Step:
    """Events of one step; `gap` at most so long after the step before, in exact hours, days of 24 hours, weeks of 7 days."""

    events: Events
    gap: Span | None = None

    @property
    def microseconds(self) -> int:
        """The gap."""
        assert self.gap is not None
        return self.gap.count * (_GAPS[self.gap.unit] // timedelta(microseconds=1))

    def as_json(self) -> dict[str, Raw]:
        """The step as JSON."""
        return self.events.as_json() | ({} if self.gap is None else {"within": str(self.gap)})


@dataclass(frozen=True)
class SequenceLeaf(Leaf):
    """Steps in order; `absent` the events that must not follow; `same` the property by dataset, or one name for all."""

    key = "sequence"

    steps: tuple[Step, ...]
    absent: Step | None = None
    window: Window | None = None
    same: str | tuple[tuple[str, str], ...] | None = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> SequenceLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("sequence", "within", "between", "same"), place)
        raws = body["sequence"]
        if not isinstance(raws, list | tuple) or not raws or not all(isinstance(r, Mapping) for r in raws):
            raise Refused("bad_rule", '"sequence" holds a list of steps.', place=place, fix=_SHAPE)
        if len(raws) > MAX_STEPS:
            said = f"The sequence has {len(raws):,} steps."
            raise Refused("rule_too_large", said, place=place, fix=f"Write at most {MAX_STEPS}.")
        absent = None
        if "then_not" in raws[-1]:
            last = nodes.inside(place, f"sequence[{len(raws) - 1}]")
            nodes.known_keys(raws[-1], ("then_not",), last)
            absent = _read_step(nodes.object_of(raws[-1], "then_not", last), f"{last}.then_not", reading, "always")
            raws = raws[:-1]
        steps = tuple(
            _read_step(raw, nodes.inside(place, f"sequence[{i}]"), reading, "later" if i else "first")
            for i, raw in enumerate(raws)
        )
        if len(steps) + (absent is not None) < 2:
            raise Refused("bad_rule", "A sequence has at least two steps.", place=place, fix=_SHAPE)
        if not steps:
            raise Refused("bad_rule", '"then_not" follows a step.', place=place, fix=_SHAPE)
        return cls(steps, absent, read_window(body, place), _read_same(body, place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        gap = {"type": "string", "pattern": "^\\s*[0-9]{1,6}\\s*[hdw]\\s*$"}
        step: dict[str, Any] = {
            "type": "object",
            "required": ["events"],
            "additionalProperties": False,
            "properties": {**EVENTS_SCHEMA, "within": gap},
        }
        absent = {**step, "required": ["events", "within"]}
        last = {"type": "object", "required": ["then_not"], "additionalProperties": False}
        steps = {"anyOf": [step, {**last, "properties": {"then_not": absent}}]}
        field = {"type": "string", "minLength": 1}
        return {
            "type": "object",
            "required": ["sequence"],
            "additionalProperties": False,
            "properties": {
                "sequence": {"type": "array", "items": steps, "minItems": 2, "maxItems": MAX_STEPS},
                "same": {"anyOf": [field, {"type": "object", "additionalProperties": field, "minProperties": 1}]},
                **WINDOW_SCHEMA,
            },
        }

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        steps: list[Raw] = [step.as_json() for step in self.steps]
        if self.absent is not None:
            steps.append({"then_not": self.absent.as_json()})
        body: dict[str, Raw] = {"sequence": steps} | ({} if self.window is None else self.window.as_json())
        if self.same is not None:
            body["same"] = self.same if isinstance(self.same, str) else dict(self.same)
        return body

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find datasets and fields of every step."""
        bounds = None if self.window is None else self.window.bounds(scope, place)
        steps = tuple(self._bound(step, scope, place, f"sequence[{i}]", bounds) for i, step in enumerate(self.steps))
        absent = None
        if self.absent is not None:
            absent = self._bound(self.absent, scope, place, f"sequence[{len(steps)}].then_not", None)
        every = (*steps, *(() if absent is None else (absent,)))
        self._check_same(every, place)
        sql = _chain_sql(steps, absent, scope.as_of)
        names = dict.fromkeys(name for step in every for name in step.datasets)
        leaf = BoundSequence(
            ("sequence", sql), ValueType.BOOLEAN, OPERATORS["eq"], True,
            datasets=tuple(names), can_miss=False, rows=sql, steps=steps, absent=absent, as_of=scope.as_of,
        )  # fmt: skip
        return leaf_node(place, self, leaf)

    def _bound(self, step: Step, scope: Scope, place: str, inner: str, bounds: Bounds | None) -> BoundStep:
        at = nodes.inside(place, inner)
        found = step.events.bind(scope, at)
        same = None
        if self.same is not None:
            name = self.same if isinstance(self.same, str) else dict(self.same).get(step.events.dataset)
            if name is None:
                said = f'"same" names no field of "{step.events.dataset}".'
                fix = f'Write {{"{step.events.dataset}": "FIELD", ...}}.'
                raise Refused("bad_rule", said, place=nodes.inside(place, "same"), fix=fix)
            same = find_field(found.dataset, name, scope.vocabulary, nodes.inside(place, "same"))
        return BoundStep(found, same, None if step.gap is None else step.microseconds, bounds)

    def _check_same(self, steps: Sequence[BoundStep], place: str) -> None:
        known = {step.found.dataset.name for step in steps}
        named = [] if self.same is None or isinstance(self.same, str) else [name for name, _ in self.same]
        for name in named:
            if name not in known:
                said = f'"same" names "{name}", which no step looks at.'
                raise Refused("bad_rule", said, place=nodes.inside(place, "same"), fix="Take it out.")
        refs = [step.same for step in steps if step.same is not None]
        for ref in refs:
            if ref.type not in _COMPARABLE or ref.type is not refs[0].type:
                said = f'"{refs[0].name}" is of type {refs[0].type}, and "{ref.name}" of type {ref.type}.'
                fix = "Name fields of one type: text, whole or decimal numbers, true or false, dates, moments."
                raise Refused("wrong_operator", said, place=nodes.inside(place, "same"), fix=fix)

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        return speaker.pick("they have ", "") + self.subject(speaker).removeprefix("having ")

    def subject(self, speaker: Speaker) -> str:
        """The chain, in words."""
        parts = [self._step_words(step, i, speaker) for i, step in enumerate(self.steps)]
        if self.absent is not None:
            span = self.absent.gap.words(speaker.language) if self.absent.gap else ""
            events = self.absent.events.words(speaker)
            parts.append(speaker.pick(f"and then no {events} within {span}", f"此后{span}内没有{events}"))
        said = speaker.pick(", ", "，").join(parts)
        if self.same is not None:
            names = [self.same] if isinstance(self.same, str) else list(dict.fromkeys(f for _, f in self.same))
            said += speaker.pick(f", all with the same {' / '.join(names)}", f"，且{'/'.join(names)}相同")
        when = "" if self.window is None else self.window.words(speaker)
        return speaker.pick(f"having {when + ' ' if when else ''}{said}", f"{when}依次有{said}")

    def _step_words(self, step: Step, number: int, speaker: Speaker) -> str:
        events = step.events.words(speaker)
        if number == 0:
            return events
        gap = "" if step.gap is None else step.gap.words(speaker.language)
        return speaker.pick(f"then {events}" + (f" within {gap}" if gap else ""), (f"{gap}内" if gap else "") + events)


@dataclass(frozen=True)
class BoundStep:
    """A step ready to be asked; `gap` in microseconds, None for any."""

    found: BoundOccurrences
    same: FieldRef | None
    gap: int | None
    bounds: Bounds | None

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets that it reads."""
        return self.found.datasets(*self._lookups)

    @property
    def _lookups(self) -> tuple[str, ...]:
        return (self.same.lookup,) if self.same is not None and self.same.lookup else ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that it reads."""
        return (*self.found.where.fields, *(() if self.same is None else (self.same.name,)))

    def sql(self) -> str:
        """SQL of a relation `row`, `value` (where it matters), `moment` (microseconds)."""
        columns = ['e."_row" AS "row"', 'epoch_us(e."_at") AS moment']
        kept = ['e."_at" IS NOT NULL'] if self.bounds is None else [inside_sql(self.bounds)]
        if self.same is not None:
            columns.insert(1, f'{self.same.sql("e")} AS "value"')
            kept.append(f"{self.same.sql('e')} IS NOT NULL")
        return f"SELECT {', '.join(columns)}\n{self.found.from_sql(self._lookups, kept)}"

    def moments(self, facts: Facts) -> dict[Any, list[datetime]]:
        """The moments of the entity's events by value, rising."""
        found: dict[Any, list[datetime]] = {}
        for event in self.found.kept(facts.events.get(self.found.dataset.name, ()), self.bounds):
            value = None if self.same is None else present(event.get(self.same.name))
            if event.get("_at") is not None and (self.same is None or value is not None):
                found.setdefault(value, []).append(event["_at"])
        return {value: sorted(moments) for value, moments in found.items()}


@dataclass(frozen=True)
class BoundSequence(BoundLeaf):
    """A sequence ready to be asked; `rows` is SQL of a relation with a column `row`."""

    rows: str = ""
    steps: tuple[BoundStep, ...] = ()
    absent: BoundStep | None = None
    as_of: datetime = datetime.min.replace(tzinfo=UTC)

    def source(self) -> Source:
        """The rows of the entities that have a chain."""
        return Source(f"FROM (\n{indented(self.rows)}\n) AS e", 'e."row"', None)

    @property
    def events_read(self) -> Mapping[str, tuple[str, ...]]:
        """The fields by dataset."""
        found: dict[str, tuple[str, ...]] = {}
        for step in (*self.steps, *(() if self.absent is None else (self.absent,))):
            name = step.found.dataset.name
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *step.fields)))
        return found

    def measured(self, facts: Facts) -> bool:
        """Whether the entity has a chain: step by step, the moments at which one can end."""
        first, *later = self.steps
        reached = first.moments(facts)
        for step in later:
            reached = {
                value: _following(reached.get(value, []), m, step.gap) for value, m in step.moments(facts).items()
            }
        if self.absent is None:
            return any(reached.values())
        unwanted, gap = self.absent.moments(facts), timedelta(microseconds=self.absent.gap or 0)
        return any(
            end + gap <= self.as_of and not _any_in(unwanted.get(value, []), end, end + gap)
            for value, ends in reached.items()
            for end in ends
        )


def _following(before: Sequence[datetime], moments: Sequence[datetime], gap: int | None) -> list[datetime]:
    """The moments that follow one of `before`, by at most the gap: the nearest one decides."""
    found = []
    for moment in moments:
        at = bisect_left(before, moment)
        if at and (gap is None or moment - before[at - 1] <= timedelta(microseconds=gap)):
            found.append(moment)
    return found


def _any_in(moments: Sequence[datetime], after: datetime, until: datetime) -> bool:
    at = bisect_right(moments, after)
    return at < len(moments) and moments[at] <= until


def _chain_sql(steps: Sequence[BoundStep], absent: BoundStep | None, as_of: datetime) -> str:
    """The entities that have a chain.

    Each step keeps every moment at which the chain so far can end. The nearest one before a next event decides whether that
    event can follow, so that an ASOF join, one row an event, finds all of the next: nothing is multiplied, nothing lost.
    """
    keys = ["row", *(["value"] if steps[0].same is not None else [])]
    columns = ", ".join(f'n."{key}"' for key in (*keys, "moment"))
    equal = " AND ".join(f'p."{key}" = n."{key}"' for key in keys)
    parts = [f"step0 AS (\n{indented(steps[0].sql())}\n)"]
    for number, step in enumerate(steps[1:], start=1):
        joined = f"SELECT {columns}\nFROM (\n{indented(step.sql())}\n) AS n\nASOF JOIN step{number - 1} AS p\n"
        joined += f"ON {equal} AND p.moment < n.moment"
        if step.gap is not None:
            joined += f"\nWHERE n.moment - p.moment <= {step.gap}"
        parts.append(f"step{number} AS (\n{indented(joined)}\n)")
    last = f"FROM step{len(steps) - 1} AS n"
    if absent is not None:
        run_out = f"n.moment + {absent.gap} <= epoch_us({quote_value(as_of)})"
        last += f"\nASOF LEFT JOIN (\n{indented(absent.sql())}\n) AS p\nON {equal} AND p.moment > n.moment"
        last += f"\nWHERE {run_out} AND (p.moment IS NULL OR p.moment - n.moment > {absent.gap})"
    return f'WITH {", ".join(parts)}\nSELECT DISTINCT n."row"\n{last}'


def _read_step(raw: Mapping[str, Raw], place: str, reading: Reading, gap: str) -> Step:
    if "then_not" in raw:
        raise Refused("bad_rule", '"then_not" is the last step.', place=place, fix="Put it last.")
    nodes.known_keys(raw, ("events", "where", "within"), place)
    events = Events.read(raw, place, reading)
    if "within" not in raw:
        if gap == "always":
            raise Refused("bad_rule", '"within" is missing.', place=place, fix='Write {"within": "7d", ...}.')
        return Step(events)
    if gap == "first":
        fix = 'Leave it out; the window of the whole stands beside "sequence".'
        raise Refused("bad_rule", "The first step follows none.", place=place, fix=fix)
    span = read_span(raw["within"], place)
    if span.unit not in _GAPS:
        said = f'A gap of "{span}" has no exact length.'
        raise Refused("bad_value", said, place=place, fix='Write hours, days or weeks: "24h", "30d", "4w".')
    return Step(events, span)


def _read_same(body: Mapping[str, Raw], place: str) -> str | tuple[tuple[str, str], ...] | None:
    same, fix = body.get("same"), 'Write {"same": "product"} or {"same": {"views": "item", "orders": "sku"}}.'
    if "same" not in body:
        return None
    if isinstance(same, str) and same:
        return same
    if isinstance(same, Mapping) and same and all(isinstance(v, str) and v for v in same.values()):
        return tuple((str(k), v) for k, v in same.items())
    raise Refused("bad_rule", f'"same" is {shown(same)}.', place=place, fix=fix)
