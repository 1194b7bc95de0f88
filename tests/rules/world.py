"""A small world with every type of value, for tests: its vocabulary, random people, and the views that rules read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from coterie.catalog.schemas import COLUMN_TYPES, Dataset, DatasetKind, Field, ValueType
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.kit.moments import before
from coterie.rules import Facts, PlainVocabulary, TagInfo
from coterie.rules.fields import field_names, find_field

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
    return PlainVocabulary((*TAGS, account), (ORDERS, PRODUCTS, DEALS, PEOPLE, SITES), ZoneInfo(zone))


# The values that occur in the data; rules compare with the same ones, so that conditions are often just met or just missed.
POOLS: dict[ValueType, list[Any]] = {
    T.TEXT: TEXTS,
    T.INTEGER: [-3, -1, 0, 1, 2, 3, 4, 2**63 - 1, -(2**63)],
    T.DECIMAL: [Decimal(x) for x in ("-1.5", "0", "0.0001", "0.1", "2", "2.5", "99999999999999.9999")],
    T.NUMBER: [-1e300, -2.0, 0.0, 0.1, 0.30000000000000004, 1.0, 2.5, 1e300],
    T.BOOLEAN: [True, False],
    T.DATE: [date(2024, 3, 30), date(2024, 3, 31), date(2024, 4, 1), date(2023, 12, 31), date(2024, 2, 29)],
    T.TEXTS: [[], ["x"], ["x", "y"], ["y", "x", "x"], ["z", None], [None], ["中", "it's", "y"]],
    T.PATH: [[], ["北京"], ["北京", "朝阳"], ["北京", "朝阳", "A"], ["A", "B"], ["B"]],
    T.VECTOR: [[0.5, 1.0]],
}
VALUES = {kind: st.sampled_from(pool) for kind, pool in POOLS.items()}


def edges(as_of: datetime, zone: str) -> list[datetime]:
    """Moments up to the as-of: at the edges of windows, a microsecond to either side, and far from them."""
    tz, micro = ZoneInfo(zone), timedelta(microseconds=1)
    known = [as_of, *(before(as_of, span, tz) for span in SPANS), datetime(1999, 12, 31, tzinfo=UTC)]
    return [min(m + k * micro, as_of) for m in known for k in (-1, 0, 1)]


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
        return Facts(tags, found, frozenset(n for n, who in self.lists.items() if entity in who))

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
    products = [{"SKU": str(n), **row({"Category": T.TEXT, "Cost": T.DECIMAL})} for n in (1, 2)]
    lists = {"vip list": [e for e in entities if random.random() < 0.5]}
    rows = dict(zip(entities, numbers, strict=False))
    return World(as_of, zone, rows, tags, held, {"orders": orders, "deals": deals}, products, lists)


worlds = st.builds(make_world, st.integers(0, 10**9))


def make_views(engine: Engine, world: World) -> None:
    """Make the views of the world's as-of on an engine."""
    _table(engine, "universe", {"row": "BIGINT", "entity": "VARCHAR"}, [[r, e] for e, r in world.rows.items()])
    for family in dict.fromkeys(t.family for t in TAGS):
        tags = [t for t in TAGS if t.family == family]
        columns = {"row": "BIGINT", **{t.name: COLUMN_TYPES[t.type] for t in tags}}
        rows = [[r, *(world.tags[e][t.name] for t in tags)] for e, r in world.rows.items() if family in world.held[e]]
        _table(engine, f"family:{family}", columns, rows)
    for dataset in (ORDERS, DEALS):
        names = [f.name for f in dataset.fields]
        physical = {f.column: _column_type(f) for f in dataset.fields} | {"_at": "TIMESTAMPTZ"}
        order = [next((f.name for f in dataset.fields if f.column == c), c) for c in physical]
        assert set(names) <= set(order)
        _table(
            engine,
            f"dataset:{dataset.name}",
            physical,
            [[e.get(n) for n in order] for _, e in world.events[dataset.name]],
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
PATTERNS = ["a", "^a", "b$", "^ab?c?$", "(?i)B", "[a-c]{2}", "中.", "\\W", "^.$", "a|é"]


def operand(op: str, kind: ValueType, draw: st.DrawFn, moments: list[datetime]) -> Any:
    """A value that fits the operator and the type, as JSON holds it."""
    one = VALUES.get(kind, st.none())
    if kind is T.DATE:
        one = one.map(str) | RELATIVE
    if kind is T.MOMENT:
        one = st.sampled_from(moments).map(lambda m: m.isoformat()) | RELATIVE | st.just("2024-03-31")
    if kind is T.DECIMAL:  # not the largest value: JSON does not keep its digits
        one = st.sampled_from([Decimal("-1.5"), Decimal("0.0001"), Decimal("2.5"), 0, 2])
    if kind in (T.INTEGER, T.DECIMAL):
        one = one | st.sampled_from([0.5, 2.25, -1])
    if op in ("exists", "not_exists"):
        return None
    if op == "matches":
        return draw(st.sampled_from(PATTERNS))
    if op in ("within_last", "within_next"):
        return draw(st.sampled_from([s for s in SPANS if s[-1] != "h" or kind is T.MOMENT]))
    if op == "under":
        return draw(st.lists(st.sampled_from(LEVELS), min_size=1, max_size=2))
    if op in ("any_of", "all_of", "none_of"):
        return draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
    if op in ("in", "not_in"):
        return draw(st.lists(one, min_size=1, max_size=3))
    if op == "between":
        low, high = draw(one), draw(one)
        if isinstance(low, dict) or isinstance(high, dict) or kind is T.MOMENT:
            return [{"ago": "6m"}, {"ago": draw(st.sampled_from(["1m", "1w", "0d"]))}]
        return sorted([low, high])
    return draw(one)


@st.composite
def operands(draw: st.DrawFn, op: str, kind: ValueType, moments: list[datetime]) -> Any:
    """`operand` as a strategy."""
    return operand(op, kind, draw, moments)


def comparison(draw: st.DrawFn, kind: ValueType, moments: list[datetime]) -> dict[str, Any]:
    """`op` and `value` for a type."""
    from coterie.rules import OPERATORS

    op = draw(st.sampled_from([o.key for o in OPERATORS.values() if kind in o.types]))
    value = operand(op, kind, draw, moments)
    return {"op": op} if value is None else {"op": op, "value": value}


@st.composite
def wheres(draw: st.DrawFn, dataset: Dataset, moments: list[datetime], depth: int = 2) -> Any:
    """A where-tree over the fields of a dataset and its lookups."""
    kind = draw(st.sampled_from(["field", "field", "all", "any", "not"])) if depth else "field"
    below = wheres(dataset, moments, depth - 1) if depth else st.nothing()
    if kind in ("all", "any"):
        return {kind: draw(st.lists(below, min_size=1, max_size=2))}
    if kind == "not":
        return {"not": draw(below)}
    words = vocabulary()
    name = draw(st.sampled_from(field_names(dataset, words)))
    return {"field": name, **comparison(draw, find_field(dataset, name, words, "test").type, moments)}


OF = {
    "sum": ["Quantity", "Price", "Rate", "Quantity * Price", "products.Cost", "Price / Quantity"],
    "avg": ["Quantity", "Price", "Rate", "Price - products.Cost"],
    "min": ["Quantity", "Price", "Rate", "Day", "When"],
    "max": ["Quantity", "Price", "Day", "When", "if(Gift, 1, Quantity)"],
    "distinct": ["Country", "Order Id", "Gift", "Day", "products.Category", "lower(Country)"],
}


@st.composite
def event_leaves(draw: st.DrawFn, moments: list[datetime]) -> Any:
    """A condition on events."""
    dataset = draw(st.sampled_from([ORDERS, ORDERS, ORDERS, DEALS]))
    body: dict[str, Any] = {"events": dataset.name}
    if draw(st.booleans()):
        body["where"] = draw(wheres(dataset, moments))
    if dataset is ORDERS and draw(st.booleans()):
        window = draw(st.sampled_from(["within", "between"]))
        body[window] = (
            draw(st.sampled_from(SPANS))
            if window == "within"
            else draw(st.sampled_from([["1y", "1m"], ["30d", "24h"], ["2d", "0d"], ["6m", "1w"]]))
        )
    measure = draw(st.sampled_from(["count", "count", *OF])) if dataset is ORDERS else "count"
    if measure == "count":
        short = draw(st.sampled_from([{}, {"never": True}, {"at_least": 2}, {"at_most": 1}, {"exactly": 2}, None]))
        return body | (short if short is not None else _measured(draw, T.INTEGER, moments))
    of = draw(st.sampled_from(OF[measure]))
    kind = T.INTEGER if measure == "distinct" else {"Day": T.DATE, "When": T.MOMENT}.get(of, T.NUMBER)
    return body | {"measure": measure, "of": of} | _measured(draw, kind, moments)


def _measured(draw: st.DrawFn, kind: ValueType, moments: list[datetime]) -> dict[str, Any]:
    from coterie.rules import OPERATORS

    op = draw(st.sampled_from([o.key for o in OPERATORS.values() if o.measures]))
    small = st.sampled_from([-1, 0, 1, 2, 0.5, 2.5, 3])
    if kind in (T.DATE, T.MOMENT):
        return {"op": op, "value": operand(op, kind, draw, moments)}
    return {"op": op, "value": sorted([draw(small), draw(small)]) if op == "between" else draw(small)}


@st.composite
def rules(draw: st.DrawFn, world: World, depth: int = 3) -> Any:
    """A random rule about the world, as JSON."""
    moments = edges(world.as_of, world.zone)
    kinds = ["tag", "tag", "tag", "events", "events", "list"]
    kind = draw(st.sampled_from([*kinds, "all", "all", "any", "any", "not", "not"] if depth else kinds))
    if kind in ("all", "any"):
        body: dict[str, Any] = {kind: [draw(rules(world, depth - 1)) for _ in range(draw(st.integers(1, 3)))]}
        return body | ({"name": "组"} if draw(st.booleans()) else {})
    if kind == "not":
        return {"not": draw(rules(world, depth - 1))}
    if kind == "events":
        return draw(event_leaves(moments))
    if kind == "list":
        return {"list": "vip list"}
    tag = draw(st.sampled_from(TAGS))
    return {"tag": tag.name, **comparison(draw, tag.type, moments)}
