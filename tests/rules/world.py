"""A small world with every type of value, for tests: its vocabulary, random people, and the views that rules read."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from coterie.catalog.schemas import COLUMN_TYPES, Dataset, DatasetKind, Field, ValueType
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.kit.moments import before
from coterie.rules import Facts, PlainResolver, PlainVocabulary, Rule, TagInfo, bind_rule, parse_rule
from coterie.rules.binding import BoundNode
from coterie.rules.evaluate import passes
from coterie.rules.fields import field_names, find_field
from coterie.rules.leaves.members import SqlLeaf
from coterie.rules.leaves.neighbours import NeighboursLeaf
from coterie.rules.leaves.ranks import QuantileLeaf

T = ValueType
MOMENTS = [
    # before, at and after the changes to and from summer time in Paris and New York, and the end of a month
    datetime(2024, 3, 31, 0, 30, tzinfo=UTC),
    datetime(2024, 3, 31, 12, 0, tzinfo=UTC),
    datetime(2024, 11, 3, 6, 30, tzinfo=UTC),
    datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
    datetime(2024, 5, 31, 23, 59, 59, 999999, tzinfo=UTC),
]
ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Shanghai"]
SPANS = ["1h", "24h", "1d", "2d", "30d", "1w", "1m", "6m", "1y"]
TEXTS = [
    "a",
    "ab",
    "abc",
    "b",
    "B",
    "é",
    "e\u0301",
    "中",
    "中文",
    "法国",
    "O'Neil",
    'say "x"',
    "50%",
    "a_b",
    "\\",
    "😀",
    " a",
]
WORDS = ["x", "y", "z", "中", "it's"]
LEVELS = ["北京", "朝阳", "A", "B"]

TAGS = (
    TagInfo("country", T.TEXT, "profile", label={"en": "country", "zh": "国家"}),
    TagInfo("age", T.INTEGER, "profile"),
    TagInfo("vip", T.BOOLEAN, "profile"),
    TagInfo("birthday", T.DATE, "profile"),
    TagInfo('odd "名"', T.TEXT, 'odd "family"'),
    TagInfo("rfm.monetary", T.DECIMAL, "rfm"),
    TagInfo("score", T.NUMBER, "rfm"),
    TagInfo("rfm.last_at", T.MOMENT, "rfm"),
    TagInfo("interests", T.TEXTS, "rfm"),
    TagInfo("region", T.PATH, "rfm"),
    TagInfo("embedding", T.VECTOR, "rfm"),
    TagInfo("chunk", T.INTEGER, "rfm"),  # a name that the compiled SQL uses itself
    TagInfo("home.lat", T.NUMBER, "profile"),
    TagInfo("home.lon", T.DECIMAL, "rfm"),
)
ORDERS = Dataset(
    "orders",
    DatasetKind.EVENTS,
    (
        Field("Customer", T.TEXT, "_entity"),
        Field("When", T.MOMENT, "_at"),
        Field("Order Id", T.TEXT, "_key"),
        Field("Country", T.TEXT, "Country"),
        Field("Quantity", T.INTEGER, "Quantity"),
        Field("Price", T.DECIMAL, "Price", scale=4),
        Field("Rate", T.NUMBER, "Rate"),
        Field("Gift", T.BOOLEAN, "Gift"),
        Field("Day", T.DATE, "Day"),
        Field("Labels", T.TEXTS, "Labels"),
        Field("SKU", T.INTEGER, "SKU"),
    ),
    entity="Customer",
    time="When",
    key="Order Id",
    joins={"products": "SKU"},
)
VIEWS = Dataset(
    "views",
    DatasetKind.EVENTS,
    (
        Field("User", T.TEXT, "_entity"),
        Field("At", T.MOMENT, "_at"),
        Field("Page", T.TEXT, "Page"),
        Field("Item", T.INTEGER, "Item"),
    ),
    entity="User",
    time="At",
)
FRIENDS = Dataset(
    "friends",
    DatasetKind.EDGES,
    (Field("From", T.TEXT, "_entity"), Field("To", T.TEXT, "_target")),
    entity="From",
    target="To",
)
PRODUCTS = Dataset(
    "products",
    DatasetKind.LOOKUP,
    (
        Field("SKU", T.TEXT, "_entity"),
        Field("Category", T.TEXT, "Category"),
        Field("Cost", T.DECIMAL, "Cost", scale=4),
    ),
    entity="SKU",
)
DEALS = Dataset(
    "deals",
    DatasetKind.RECORDS,
    (Field("Owner", T.TEXT, "_entity"), Field("Stage", T.TEXT, "Stage"), Field("Value", T.INTEGER, "Value")),
    entity="Owner",
    key="Deal",
)
PEOPLE = Dataset("people", DatasetKind.PROFILES, (Field("age", T.INTEGER, "age"),))
SITES = Dataset("visits", DatasetKind.EVENTS, (Field("Site", T.TEXT, "Site"),), entity_kind="account", time="When")


def vocabulary(zone: str = "UTC") -> PlainVocabulary:
    """All names of the world."""
    account = TagInfo("size", T.INTEGER, "accounts", entity_kind="account")
    return PlainVocabulary((*TAGS, account), (ORDERS, VIEWS, PRODUCTS, DEALS, PEOPLE, SITES, FRIENDS), ZoneInfo(zone))


# The values that occur in the data; rules compare with the same ones, so that conditions are often just met or just missed.
POOLS: dict[ValueType, list[Any]] = {
    T.TEXT: TEXTS,
    T.INTEGER: [-3, -1, 0, 1, 2, 3, 4, 2**63 - 1, -(2**63)],
    T.DECIMAL: [Decimal(x) for x in ("-1.5", "0", "0.0001", "0.1", "2", "2.5", "99999999999999.9999")],
    # no -1e300 beside 1e300: of a sum that cancels three hundred digits an engine keeps none
    T.NUMBER: [-2e9, -2.0, 0.0, 0.1, 0.30000000000000004, 1.0, 2.5, 1e300],
    T.BOOLEAN: [True, False],
    T.DATE: [date(2024, 3, 30), date(2024, 3, 31), date(2024, 4, 1), date(2023, 12, 31), date(2024, 2, 29)],
    T.TEXTS: [[], ["x"], ["x", "y"], ["y", "x", "x"], ["z", None], [None], ["中", "it's", "y"]],
    T.PATH: [[], ["北京"], ["北京", "朝阳"], ["北京", "朝阳", "A"], ["A", "B"], ["B"]],
    T.VECTOR: [[0.5, 1.0]],
}
DEGREES = {
    "home.lat": [-90.0, 0.0, 31.23, 31.24, 48.8566, 91.0],
    "home.lon": list(map(Decimal, ("-180", "0", "121.47", "2.3522", "180.5"))),
}
VALUES = {kind: st.sampled_from(pool) for kind, pool in POOLS.items()}


@cache
def edges(as_of: datetime, zone: str) -> tuple[datetime, ...]:
    """Moments up to the as-of: at the edges of windows, a microsecond to either side, and far from them."""
    tz, micro = ZoneInfo(zone), timedelta(microseconds=1)
    known = [as_of, *(before(as_of, span, tz) for span in SPANS), datetime(1999, 12, 31, tzinfo=UTC)]
    return tuple(min(m + k * micro, as_of) for m in known for k in (-1, 0, 1))


@dataclass(frozen=True)
class World:
    """People with tags and events at one as-of; `rows` of each entity, with gaps and beyond one chunk of bits."""

    as_of: datetime
    zone: str
    rows: dict[str, int]
    tags: dict[str, dict[str, Any]]
    held: dict[str, list[str]]
    events: dict[str, list[tuple[str | None, dict[str, Any]]]]
    products: list[dict[str, Any]]
    lists: dict[str, list[str]] = field(default_factory=dict)
    friends: tuple[tuple[str, str], ...] = ()

    @property
    def resolver(self) -> PlainResolver:
        """Lists, a snapshot, an audience, a block and an answer of SQL."""
        rows = {name: [self.rows[e] for e in who] for name, who in self.lists.items()}
        some = rows.get("vip list", [])
        return PlainResolver(
            {"loyal": parse_rule(LOYAL)}, {("loyal", "s1"): some[:1]}, rows, {"core": parse_rule(CORE)}, {SQL: some[1:]}
        )

    @property
    def vocabulary(self) -> PlainVocabulary:
        """The names."""
        return vocabulary(self.zone)

    def facts(self, entity: str) -> Facts:
        """What is known of one entity."""
        found = {}
        for name, rows in self.events.items():
            found[name] = [self._joined(e) for owner, e in rows if owner == entity]
        tags = {t.name: self.tags[entity].get(t.name) for t in TAGS if t.family in self.held[entity]}
        lists = frozenset(n for n, who in self.lists.items() if entity in who)
        snapshots = frozenset({("loyal", "s1")} if entity in self.lists.get("vip list", [])[:1] else ())
        return Facts(tags, found, lists, snapshots, entity=entity)

    def _joined(self, event: dict[str, Any]) -> dict[str, Any]:
        sku = event.get("SKU")
        product = next((p for p in self.products if sku is not None and p["SKU"] == str(sku)), {})
        return {**event, **{f"products.{k}": v for k, v in product.items()}}


def make_world(seed: int) -> World:
    """A random world: some people lack a family altogether, some values are missing, some events are undated."""
    random = Random(seed)
    as_of, zone = random.choice(MOMENTS), random.choice(ZONES)
    pools = {**POOLS, T.MOMENT: edges(as_of, zone)}

    def row(kinds: dict[str, ValueType]) -> dict[str, Any]:
        return {name: None if random.random() < 0.2 else random.choice(pools[kind]) for name, kind in kinds.items()}

    numbers = [0, 1, 2, 65535, 65536, 200000]
    entities = [f"C{n}'" for n in range(random.randint(1, len(numbers)))]
    families = list(dict.fromkeys(t.family for t in TAGS))
    tags = {e: row({t.name: t.type for t in TAGS}) for e in entities}
    for held_tags in tags.values():
        held_tags |= {name: random.choice([None, *pool]) for name, pool in DEGREES.items()}
    held = {e: [f for f in families if random.random() < 0.8] for e in entities}
    owners = [*entities, "stranger"]
    kinds = {f.name: f.type for f in ORDERS.fields if f.column not in ("_entity", "_key", "_at")}
    orders = []
    for n in range(random.randint(0, 3 * len(entities))):
        at, owner = random.choice([None, *pools[T.MOMENT]]), random.choice(owners)
        kept = row(kinds) | {"SKU": random.choice([None, 1, 2, 3])}
        orders.append((owner, {"_at": at, "When": at, "Customer": owner, "Order Id": str(n // 2), **kept}))
    deals = []
    for _ in range(random.randint(0, 6)):
        owner = random.choice([None, *owners])
        deals.append((owner, {"_at": None, "Owner": owner, **row({"Stage": T.TEXT, "Value": T.INTEGER})}))
    views = []
    for _ in range(random.randint(0, 4 * len(entities))):
        at, owner = random.choice([None, *pools[T.MOMENT]]), random.choice(owners)
        if orders and random.random() < 0.4:  # at the very end of a gap to some order, before it or after it
            owner, at = random.choice([(o, e["_at"]) for o, e in orders])
            at = at and min(
                as_of, at + random.choice([-1, 1]) * random.choice([timedelta(hours=h) for h in (1, 24, 48)])
            )
        viewed = {"Page": random.choice([None, "a", "b"]), "Item": random.choice([None, 1, 2, 3])}
        views.append((owner, {"_at": at, "At": at, "User": owner, **viewed}))
    friends = {(random.choice([*owners, None]), random.choice(owners)) for _ in range(random.randint(0, 10))}
    products = [{"SKU": str(n), **row({"Category": T.TEXT, "Cost": T.DECIMAL})} for n in (1, 2)]
    lists = {"vip list": [e for e in entities if random.random() < 0.5]}
    rows = dict(zip(entities, numbers, strict=False))
    events = {"orders": orders, "deals": deals, "views": views}
    return World(as_of, zone, rows, tags, held, events, products, lists, tuple(friends))


worlds = st.builds(make_world, st.integers(0, 10**9))


def make_views(engine: Engine, world: World) -> None:
    """Make the views of the world's as-of on an engine."""
    _table(engine, "universe", {"row": "BIGINT", "entity": "VARCHAR"}, [[r, e] for e, r in world.rows.items()])
    for family in dict.fromkeys(t.family for t in TAGS):
        tags = [t for t in TAGS if t.family == family]
        columns = {"row": "BIGINT", **{t.name: COLUMN_TYPES[t.type] for t in tags}}
        rows = [[r, *(world.tags[e][t.name] for t in tags)] for e, r in world.rows.items() if family in world.held[e]]
        _table(engine, f"family:{family}", columns, rows)
    edges = [[a, b] for a, b in world.friends]
    _table(engine, "dataset:friends", {"_entity": "VARCHAR", "_target": "VARCHAR"}, edges)
    for dataset in (ORDERS, DEALS, VIEWS):
        names = [f.name for f in dataset.fields]
        physical = {f.column: _column_type(f) for f in dataset.fields} | {"_at": "TIMESTAMPTZ"}
        order = [next((f.name for f in dataset.fields if f.column == c), c) for c in physical]
        assert set(names) <= set(order)
        _table(
            engine,
            f"dataset:{dataset.name}",
            physical,
            [[e.get(n) for n in order] for _, e in world.events.get(dataset.name, [])],
        )
        engine.execute(
            f'CREATE OR REPLACE TEMP VIEW "events:{dataset.name}" AS SELECT e.*, u."row" AS _row '
            f'FROM "dataset:{dataset.name}" AS e JOIN "universe" AS u ON u.entity = e._entity'
        )
    products = [[p["SKU"], p["Category"], p["Cost"]] for p in world.products]
    _table(
        engine, "dataset:products", {"_entity": "VARCHAR", "Category": "VARCHAR", "Cost": "DECIMAL(18, 4)"}, products
    )


def _column_type(field: Field) -> str:
    return "VARCHAR" if field.column in ("_entity", "_key") else COLUMN_TYPES[field.type]


def _table(engine: Engine, name: str, columns: dict[str, str], rows: list[list[Any]]) -> None:
    typed = ", ".join(f"{quote_name(c)} {t}" for c, t in columns.items())
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {quote_name(name)} ({typed})")
    if rows:
        values = ", ".join("(" + ", ".join(map(_literal, row)) + ")" for row in rows)
        engine.execute(f"INSERT INTO {quote_name(name)} VALUES {values}")


def _literal(value: Any) -> str:
    return f"'{value!r}'::DOUBLE" if isinstance(value, float) else quote_value(value)


# ---------------------------------------------------------------- random rules

RELATIVE = st.builds(
    lambda k, s: {k: s}, st.sampled_from(["ago", "ahead"]), st.sampled_from([s for s in SPANS if s[-1] != "h"])
)
DAYS_OR_RELATIVE = VALUES[T.DATE].map(str) | RELATIVE
INTEGERS = VALUES[T.INTEGER] | st.sampled_from([0.5, 2.25, -1])
# not the largest value: JSON does not keep its digits
DECIMALS = st.sampled_from([Decimal("-1.5"), Decimal("0.0001"), Decimal("2.5"), 0, 2]) | st.sampled_from(
    [0.5, 2.25, -1]
)
PATTERNS = ["a", "^a", "b$", "^ab?c?$", "(?i)B", "[a-c]{2}", "中.", "\\W", "^.$", "a|é"]


Moments = tuple[datetime, ...]
_SAMPLED: dict[str, st.SearchStrategy[Any]] = {}


def sampled(values: Collection[Any]) -> st.SearchStrategy[Any]:
    """`st.sampled_from`, made once for the same values: making one costs more than drawing from it."""
    key = repr(values)
    if key not in _SAMPLED:
        _SAMPLED[key] = st.sampled_from(list(values))
    return _SAMPLED[key]


@cache
def _moments(moments: Moments) -> st.SearchStrategy[Any]:
    return st.sampled_from(moments).map(lambda m: m.isoformat()) | RELATIVE | st.just("2024-03-31")


def operand(op: str, kind: ValueType, draw: st.DrawFn, moments: Moments) -> Any:
    """A value that fits the operator and the type, as JSON holds it."""
    one = VALUES.get(kind, st.none())
    if kind is T.DATE:
        one = DAYS_OR_RELATIVE
    if kind is T.MOMENT:
        one = _moments(moments)
    if kind is T.DECIMAL:
        one = DECIMALS
    if kind is T.INTEGER:
        one = INTEGERS
    from coterie.rules import OPERATORS

    if OPERATORS[op].operand == "nothing":
        return None
    if op.startswith("anniversary"):
        return draw(sampled([s for s in SPANS if s[-1] != "h"]))
    if op == "matches":
        return draw(sampled(PATTERNS))
    if op in ("within_last", "within_next"):
        return draw(sampled([s for s in SPANS if s[-1] != "h" or kind is T.MOMENT]))
    if op == "under":
        return draw(st.lists(st.sampled_from(LEVELS), min_size=1, max_size=2))
    if op in ("any_of", "all_of", "none_of"):
        return draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
    if op in ("in", "not_in"):
        return draw(st.lists(one, min_size=1, max_size=3))
    if op == "between":
        low, high = draw(one), draw(one)
        if isinstance(low, dict) or isinstance(high, dict) or kind is T.MOMENT:
            return [{"ago": "6m"}, {"ago": draw(sampled(["1m", "1w", "0d"]))}]
        return sorted([low, high])
    return draw(one)


@st.composite
def operands(draw: st.DrawFn, op: str, kind: ValueType, moments: Moments) -> Any:
    """`operand` as a strategy."""
    return operand(op, kind, draw, moments)


def comparison(draw: st.DrawFn, kind: ValueType, moments: Moments) -> dict[str, Any]:
    """`op` and `value` for a type."""
    from coterie.rules import OPERATORS

    op = draw(sampled([o.key for o in OPERATORS.values() if kind in o.types]))
    value = operand(op, kind, draw, moments)
    return {"op": op} if value is None else {"op": op, "value": value}


@st.composite
def wheres(draw: st.DrawFn, dataset: Dataset, moments: Moments, depth: int = 2) -> Any:
    """A where-tree over the fields of a dataset and its lookups."""
    kind = (
        draw(sampled(["field"] * 4 + ["all", "all", "any", "any", "not", "not", "xor", "except"])) if depth else "field"
    )
    below = wheres(dataset, moments, depth - 1) if depth else st.nothing()
    if kind in ("all", "any"):
        return {kind: draw(st.lists(below, min_size=1, max_size=2))}
    if kind == "not":
        return {"not": draw(below)}
    words = vocabulary()
    if kind == "xor" or kind == "except":
        return {kind: draw(st.lists(below, min_size=2, max_size=3))}
    if dataset is ORDERS and draw(st.integers(0, 9)) == 0:
        one, other = draw(sampled(PAIRS))
        return {"field": one, "op": draw(sampled(["eq", "ne", "gt", "gte", "lt", "lte"])), "than_field": other}
    name = draw(sampled(field_names(dataset, words)))
    return {"field": name, **comparison(draw, find_field(dataset, name, words, "test").type, moments)}


PAIRS = [
    ("Quantity", "Price"),
    ("Price", "products.Cost"),
    ("Quantity", "SKU"),
    ("Country", "products.Category"),
    ("Rate", "Rate"),
    ("Day", "Day"),
]
OF = {
    "sum": ["Quantity", "Price", "Rate", "Quantity * Price", "products.Cost", "Price / Quantity"],
    "avg": ["Quantity", "Price", "Rate", "Price - products.Cost"],
    "min": ["Quantity", "Price", "Rate", "Day", "When"],
    "max": ["Quantity", "Price", "Day", "When", "if(Gift, 1, Quantity)"],
    "distinct": ["Country", "Order Id", "Gift", "Day", "products.Category", "lower(Country)"],
}


@cache
@st.composite
def event_leaves(draw: st.DrawFn, moments: Moments) -> Any:
    """A condition on events."""
    dataset = draw(sampled([ORDERS, ORDERS, ORDERS, DEALS]))
    body: dict[str, Any] = {"events": dataset.name}
    if draw(st.booleans()):
        body["where"] = draw(wheres(dataset, moments))
    if dataset is ORDERS and draw(st.booleans()):
        window = draw(sampled(["within", "between"]))
        body[window] = (
            draw(sampled(SPANS))
            if window == "within"
            else draw(sampled([["1y", "1m"], ["30d", "24h"], ["2d", "0d"], ["6m", "1w"]]))
        )
    measure = draw(sampled(["count", "count", "first_at", "last_at", *OF])) if dataset is ORDERS else "count"
    if measure in ("first_at", "last_at"):
        return body | {"measure": measure} | _measured(draw, T.MOMENT, moments)
    if measure == "count":
        short = draw(sampled([{}, {"never": True}, {"at_least": 2}, {"at_most": 1}, {"exactly": 2}, None]))
        return body | (short if short is not None else _measured(draw, T.INTEGER, moments))
    of = draw(sampled(OF[measure]))
    kind = T.INTEGER if measure == "distinct" else {"Day": T.DATE, "When": T.MOMENT}.get(of, T.NUMBER)
    return body | {"measure": measure, "of": of} | _measured(draw, kind, moments)


def _measured(draw: st.DrawFn, kind: ValueType, moments: Moments) -> dict[str, Any]:
    from coterie.rules import OPERATORS

    temporal = kind in (T.DATE, T.MOMENT)
    op = draw(sampled([o.key for o in OPERATORS.values() if o.measures or (temporal and o.times)]))
    small = st.sampled_from([-1, 0, 1, 2, 0.5, 2.5, 3])
    if kind in (T.DATE, T.MOMENT):
        value = operand(op, kind, draw, moments)
        return {"op": op} if value is None else {"op": op, "value": value}
    return {"op": op, "value": sorted([draw(small), draw(small)]) if op == "between" else draw(small)}


DAYS = ["1d", "2d", "30d", "1w", "1m", "1y"]


@cache
@st.composite
def habits(draw: st.DrawFn, moments: Moments) -> Any:
    """A condition on a habit."""
    dataset = draw(sampled([ORDERS, VIEWS]))
    body: dict[str, Any] = {"events": dataset.name}
    if draw(st.booleans()):
        body["where"] = draw(wheres(dataset, moments, 1))
    kind = draw(sampled(["regular", "stopped", "restarted"]))
    if kind == "regular":
        of_last, amount = (
            draw(sampled([1, 2, 3, 13, 70])),
            draw(sampled(["at_least", "at_most", "exactly"])),
        )
        unit = draw(sampled(["day", "week", "month", "year"]))
        return body | {"regular": {amount: draw(st.integers(0, min(of_last, 3))), "of_last": of_last, "unit": unit}}
    first, second = ("active", "silent") if kind == "stopped" else ("back", "gap")
    return body | {kind: {first: draw(sampled(SPANS)), second: draw(sampled(SPANS))}}


@cache
@st.composite
def sequences(draw: st.DrawFn, moments: Moments) -> Any:
    """Steps in order."""
    steps: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 4))):
        dataset = draw(sampled([ORDERS, VIEWS]))
        step: dict[str, Any] = {"events": dataset.name}
        if draw(st.integers(0, 3)) == 0:
            step["where"] = draw(wheres(dataset, moments, 1))
        if number and draw(st.booleans()):
            step["within"] = draw(sampled(GAPS))
        steps.append(step)
    names = {step["events"] for step in steps}
    if len(steps) == 1 or draw(st.integers(0, 2)) == 0:
        absent = draw(sampled(["orders", "views"]))
        names.add(absent)
        steps.append({"then_not": {"events": absent, "within": draw(sampled(GAPS))}})
    body: dict[str, Any] = {"sequence": steps}
    if draw(st.integers(0, 2)) == 0:
        body["within"] = draw(sampled(SPANS))
    if draw(st.booleans()):
        body["same"] = {name: {"orders": "SKU", "views": "Item"}[name] for name in sorted(names)}
    return body


GAPS = ["1h", "24h", "2d", "30d", "52w"]
LOYAL = {"any": [{"tag": "age", "op": "gte", "value": 1}, {"list": "vip list"}]}
CORE = {"all": [{"tag": "vip", "op": "eq", "value": True}, {"events": "orders"}]}
SQL = "SELECT entity FROM tags"


@st.composite
def personal(draw: st.DrawFn) -> Any:
    """A condition on the key or the place of someone."""
    kind = draw(sampled(["sample", "split", "geo"]))
    salt = draw(sampled(["a", "b", "it's", ""]))
    if kind == "sample":
        return {"sample": {"percent": draw(sampled([0.1, 10, 33.3333, 50, 99.5, 100])), "salt": salt}}
    if kind == "split":
        parts = draw(sampled([2, 3, 7]))
        return {"split": {"parts": parts, "is": draw(sampled([1, 2, [1, 2]])), "salt": salt}}
    point = draw(sampled([[31.23, 121.47], [48.8566, 2.3522], [0, 0], [-90, 180]]))
    return {
        "geo": {"lat": "home.lat", "lon": "home.lon"},
        "within_km": draw(sampled([1, 2.5, 9000, 20015.2])),
        "of": point,
    }


@st.composite
def shared(draw: st.DrawFn, moments: Moments, depth: int) -> Any:
    """A condition that looks at others too."""
    kind = draw(sampled(["top", "top", "quantile", "neighbours", "audience", "snapshot", "block", "sql"]))
    below = _rules(moments, min(depth, 1), True)
    if kind in ("top", "quantile"):
        ordered = [t.name for t in TAGS if t.type in (T.INTEGER, T.DECIMAL, T.NUMBER, T.DATE, T.MOMENT)]
        body: dict[str, Any] = {"tag": draw(sampled(ordered))}
        if draw(st.booleans()):
            body["lowest"] = True
        if depth and draw(st.integers(0, 2)) == 0:
            body["among"] = draw(below)
        if kind == "quantile":
            return {"quantile": body | {"parts": draw(sampled([2, 3, 10])), "is": draw(sampled([1, 2, [1, 2]]))}}
        return {
            "top": body
            | draw(
                sampled(
                    [
                        {"n": 1},
                        {"n": 2},
                        {"n": 9},
                        {"percent": 50},
                        {"percent": 33.3333},
                        {"percent": 100},
                        {"percent": 0.1},
                    ]
                )
            )
        }
    if kind == "neighbours":
        of = draw(below) if depth else {"list": "vip list"}
        body = {"dataset": "friends", "of": of, "at_least": draw(sampled([1, 1, 2]))}
        return {"neighbours": body | {"direction": draw(sampled(["any", "out", "in"]))}}
    return {
        "audience": {"audience": "loyal"},
        "snapshot": {"audience": "loyal", "snapshot": "s1"},
        "block": {"block": "core"},
        "sql": {"sql": SQL},
    }[kind]


def rules(world: World, depth: int = 3, *, wide: bool = False) -> st.SearchStrategy[Any]:
    """A random rule about the world, as JSON; `wide` with conditions that need `answered`."""
    return _rules(edges(world.as_of, world.zone), depth, wide)


@cache
@st.composite
def _rules(draw: st.DrawFn, moments: Moments, depth: int, wide: bool) -> Any:
    kinds = ["tag"] * 4 + ["events"] * 3 + ["habit", "sequence", "personal", "list"] + (["shared"] * 3 if wide else [])
    groups = ["all"] * 4 + ["any"] * 4 + ["not"] * 4 + ["except", "xor", "xor"]
    kind = draw(sampled(kinds + groups if depth else kinds))
    below = _rules(moments, depth - 1, wide) if depth else st.nothing()
    if kind in ("all", "any"):
        body: dict[str, Any] = {kind: [draw(below) for _ in range(draw(st.integers(1, 3)))]}
        return body | ({"name": "组"} if draw(st.booleans()) else {})
    if kind in ("xor", "except"):
        return {kind: [draw(below) for _ in range(draw(st.integers(2, 3)))]}
    if kind == "not":
        return {"not": draw(below)}
    if kind == "list":
        return {"list": "vip list"}
    if kind == "tag":
        tag = draw(sampled(TAGS))
        return {"tag": tag.name, **comparison(draw, tag.type, moments)}
    leaves = {"events": event_leaves, "habit": habits, "sequence": sequences}
    if kind in leaves:
        return draw(leaves[kind](moments))
    return draw(personal() if kind == "personal" else shared(moments, depth))


# ---------------------------------------------------------------- what others have to do with someone


def answered(world: World, bound: BoundNode) -> dict[str, Facts]:
    """Facts of everyone, with the values that conditions need of others, by brute force and from the rule as it was written."""
    facts = {entity: world.facts(entity) for entity in world.rows}
    for node in below(bound):
        if node.leaf is not None and node.leaf.asked_sql is not None:
            for entity, value in _asked(world, node.node).items():
                known = facts[entity]
                facts[entity] = replace(known, measures={**known.measures, node.leaf.fact: value})
    return facts


def below(bound: BoundNode) -> Iterator[BoundNode]:
    """The node and all below it."""
    yield bound
    for child in bound.children:
        yield from below(child)


def members(world: World, node: Any) -> list[str]:
    """Who passes a rule, by the evaluator."""
    if node is None:
        return list(world.rows)
    bound = bind_rule(Rule(node), world.vocabulary, as_of=world.as_of, resolver=world.resolver)
    return [entity for entity, facts in answered(world, bound).items() if passes(bound, facts)]


def _asked(world: World, node: Any) -> dict[str, Any]:
    match node:
        case SqlLeaf():
            return {e: row in world.resolver.answers[SQL] for e, row in world.rows.items()}
        case NeighboursLeaf():
            wanted, links = set(members(world, node.of)), {e: set[str]() for e in world.rows}
            for one, other in world.friends:
                for a, b, direction in ((one, other, "out"), (other, one, "in")):
                    if node.direction in ("any", direction) and a in links and b in wanted and a != b:
                        links[a].add(b)
            return {e: len(found) for e, found in links.items()}
    ranking = node.ranking
    values = {e: world.facts(e).tags.get(ranking.tag) for e in sorted(members(world, ranking.among))}
    ordered = sorted(
        (e for e, v in values.items() if v is not None), key=lambda e: values[e], reverse=not ranking.lowest
    )
    ranks = {e: n for n, e in enumerate(ordered, start=1)}
    if isinstance(node, QuantileLeaf):
        return {e: 1 + node.parts * (n - 1) // len(ordered) for e, n in ranks.items()}
    if node.percent is None:
        return ranks
    kept = math.floor(Fraction(node.percent) * len(ordered) / 100)
    shares = {e: Decimal(math.ceil(Fraction(n * 10**6, len(ordered)))) / 10**4 for e, n in ranks.items()}
    assert all((shares[e] <= node.percent) == (n <= kept) for e, n in ranks.items())
    return shares
