"""Which events a condition looks at: a dataset, a where-tree, a window; shared by all conditions on events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coterie.catalog.schemas import Dataset, DatasetKind
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import NotFound, Refused
from coterie.rules import nodes
from coterie.rules.binding import Scope
from coterie.rules.fields import joins_sql
from coterie.rules.nodes import Node, Reading
from coterie.rules.sentences import Speaker
from coterie.rules.spans import Relative, Span, read_span
from coterie.rules.values import Raw
from coterie.rules.vocabulary import Vocabulary, at_place
from coterie.rules.where import BoundWhere, bind_where, read_where, where_clause

SPAN_SCHEMA: Mapping[str, str] = {"type": "string", "pattern": "^\\s*[0-9]{1,6}\\s*[hdwmy]\\s*$"}
WINDOW_SCHEMA: Mapping[str, Any] = {
    "within": SPAN_SCHEMA,
    "between": {"type": "array", "items": SPAN_SCHEMA, "minItems": 2, "maxItems": 2},
}
EVENTS_SCHEMA: Mapping[str, Any] = {
    "events": {"type": "string", "minLength": 1},
    "where": {"$ref": "#/$defs/where"},
}

Event = Mapping[str, Any]
Bounds = tuple[datetime, datetime]


@dataclass(frozen=True)
class Window:
    """Which moments count: (as-of - `since`, as-of - `until`]."""

    since: Span
    until: Span = Span(0, "d")

    @property
    def to_now(self) -> bool:
        """Whether it ends at the as-of: the short form `within`."""
        return self.until.count == 0

    def bounds(self, scope: Scope, place: str) -> Bounds:
        """The moments it lies between, the first one out and the last one in; Refused `bad_value` where it is empty."""
        since, until = (Relative(s).moment(scope.as_of, scope.tz) for s in (self.since, self.until))
        if since >= until:
            said = f'Nothing lies between "{self.since}" and "{self.until}" ago.'
            raise Refused("bad_value", said, place=place, fix='Write the longer span first: ["90d", "30d"].')
        return since, until

    def words(self, speaker: Speaker) -> str:
        """The window in words."""
        if self.to_now:
            return speaker.pick(f"in the last {self.since.words('en')}", f"最近{self.since.words('zh')}内")
        since, until = (Relative(s).words(speaker.language) for s in (self.since, self.until))
        return speaker.pick(f"between {since} and {until}", f"{since}至{until}")

    def as_json(self) -> dict[str, Raw]:
        """The keys as JSON."""
        both = [str(self.since), str(self.until)]
        return {"within": both[0]} if self.to_now else {"between": both}


def read_window(body: Mapping[str, Raw], place: str) -> Window | None:
    """The window under `within` or `between`; None where there is none.

    >>> read_window({"between": ["90d", "30d"]}, "all[0]")
    Window(since=Span(count=90, unit='d'), until=Span(count=30, unit='d'))
    """
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


@dataclass(frozen=True)
class Events:
    """Events of a dataset that satisfy a where-tree."""

    dataset: str
    where: Node | None = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> Events:
        """Read the keys `events` and `where`; problems under `where` are kept, and the tree left out."""
        name = nodes.text_of(body, "events", place)
        if body.get("where") is None:
            return cls(name)
        before = len(reading.problems)
        where = read_where(body["where"], f"{place}.where", reading)
        return cls(name, where if len(reading.problems) == before else None)

    def as_json(self) -> dict[str, Raw]:
        """The keys as JSON."""
        return {"events": self.dataset} | ({} if self.where is None else {"where": nodes.node_json(self.where)})

    def words(self, speaker: Speaker, when: str = "") -> str:
        """The events in words; `when` is said in English only, as Chinese has it before the verb."""
        kept = "" if self.where is None else where_clause(self.where, speaker, speaker.dataset(self.dataset))
        english = self.dataset + (f" {when}" if when else "") + (f" (where {kept})" if kept else "")
        return speaker.pick(english, self.dataset + (f"（{kept}）" if kept else ""))

    def bind(self, scope: Scope, place: str, *, timed: bool = True) -> BoundOccurrences:
        """Find dataset and fields, type the values; with `timed`, Refused where the events have no time."""
        dataset = _dataset(self.dataset, scope, place)
        if timed and dataset.time is None:
            said = f'The rows of "{dataset.name}" have no time.'
            raise Refused("bad_rule", said, place=place, fix="Leave the window out, or import the dataset with --time.")
        tree, inner = self.where or nodes.All(()), f"{place}.where"
        where = bind_where(tree, dataset, scope.vocabulary, place=inner, as_of=scope.as_of, tz=scope.tz)
        return BoundOccurrences(dataset, where, scope.vocabulary)


@dataclass(frozen=True)
class BoundOccurrences:
    """Events ready to be asked for."""

    dataset: Dataset
    where: BoundWhere
    vocabulary: Vocabulary

    def datasets(self, *lookups: str) -> tuple[str, ...]:
        """The datasets that are read: the events, then lookups."""
        return tuple(dict.fromkeys((self.dataset.name, *self.where.lookups, *lookups)))

    def from_sql(self, lookups: Iterable[str] = (), conditions: Sequence[str] = ()) -> str:
        """FROM and WHERE: the events as `e`, `lookups` joined to them."""
        joins = joins_sql(self.dataset, {*self.where.lookups, *lookups}, self.vocabulary, "e")
        kept = ['e."_row" IS NOT NULL', *conditions]
        if self.where.bound:
            kept.append(f"({self.where.sql('e')})")
        return f"FROM {quote_name(f'events:{self.dataset.name}')} AS e{joins}\nWHERE {' AND '.join(kept)}"

    def kept(self, events: Iterable[Event], bounds: Bounds | None = None) -> list[Event]:
        """The events that count."""
        return [e for e in events if _inside(e.get("_at"), bounds) and self.where.test(e)]


def inside_sql(bounds: Bounds) -> str:
    """The condition that an event `e` lies within the bounds."""
    return f'e."_at" > {quote_value(bounds[0])} AND e."_at" <= {quote_value(bounds[1])}'


def _inside(moment: datetime | None, bounds: Bounds | None) -> bool:
    return bounds is None or (moment is not None and bounds[0] < moment <= bounds[1])


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
