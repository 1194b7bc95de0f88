from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from coterie.catalog.schemas import DatasetKind, TagDefinition, ValueType
from coterie.errors import Refused
from coterie.tags.checks import read_definitions
from coterie.tags.measures import Clock
from coterie.tags.vocabulary import CatalogVocabulary

from .world import World

ORDERS = {
    "order": ValueType.TEXT,
    "at": ValueType.MOMENT,
    "amount": ValueType.DECIMAL,
    "Unit Price": ValueType.NUMBER,
    "pieces": ValueType.INTEGER,
    "product": ValueType.TEXT,
}


@pytest.fixture
def shop(world: World) -> World:
    world.dataset("products", DatasetKind.LOOKUP, {"sku": ValueType.TEXT, "series": ValueType.TEXT}, entity="sku")
    joins = {"products": "product"}
    world.dataset("orders", DatasetKind.EVENTS, ORDERS, entity="who", time="at", joins=joins)
    world.dataset("people", DatasetKind.PROFILES, {"city": ValueType.TEXT, "age": ValueType.INTEGER}, entity="id")
    world.dataset("firms", DatasetKind.PROFILES, {"sector": ValueType.TEXT}, entity="id", entity_kind="account")
    return world


def read(world: World, *documents: Any) -> list[TagDefinition]:
    zone = world.context.zone
    vocabulary = CatalogVocabulary(world.catalog, zone)
    return read_definitions(documents, vocabulary, Clock(datetime(2024, 5, 1, tzinfo=UTC), zone))


def aggregate(name: str, measure: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "aggregate": {"dataset": "orders", "measure": measure, **more}}


TYPES: list[tuple[dict[str, Any], ValueType]] = [
    (aggregate("x", "count"), ValueType.INTEGER),
    (aggregate("x", "sum", of="amount"), ValueType.DECIMAL),
    (aggregate("x", "sum", of="pieces * 2"), ValueType.INTEGER),
    (aggregate("x", "sum", of="`Unit Price` * pieces"), ValueType.NUMBER),
    (aggregate("x", "avg", of="pieces"), ValueType.NUMBER),
    (aggregate("x", "mode", of="products.series"), ValueType.TEXT),
    (aggregate("x", "last", of="at"), ValueType.MOMENT),
    (aggregate("x", "days_since"), ValueType.INTEGER),
    (aggregate("x", "share", where={"field": "products.series", "op": "eq", "value": "a"}), ValueType.NUMBER),
    ({"name": "x", "field": {"dataset": "people", "field": "age"}}, ValueType.INTEGER),
    ({"name": "x", "formula": "age * 2"}, ValueType.INTEGER),
    ({"name": "x", "formula": 'if(age >= 18, "adult", "minor")'}, ValueType.TEXT),
    ({"name": "x", "band": {"tag": "age", "edges": [18], "labels": ["minor", "adult"]}}, ValueType.TEXT),
    ({"name": "x", "score": {"tag": "age"}}, ValueType.INTEGER),
    ({"name": "x", "cell": ["city", "age"]}, ValueType.TEXT),
]


@pytest.mark.parametrize(("document", "kind"), TYPES)
def test_the_type_of_a_tag_is_found(shop: World, document: dict[str, Any], kind: ValueType) -> None:
    (tag,) = read(shop, document)
    assert tag.type is kind


def test_a_tag_may_be_made_of_tags_that_stand_after_it(shop: World) -> None:
    ratio = {"name": "ratio", "formula": "spent / orders.n"}
    tags = read(shop, ratio, aggregate("spent", "sum", of="amount"), aggregate("orders.n", "count"))
    assert [t.type for t in tags] == [ValueType.NUMBER, ValueType.DECIMAL, ValueType.INTEGER]


def test_a_tag_is_about_the_entities_of_its_dataset(shop: World) -> None:
    (tag,) = read(shop, {"name": "x", "field": {"dataset": "firms", "field": "sector"}})
    assert tag.entity_kind == "account"


MISTAKES: list[tuple[list[dict[str, Any]], str]] = [
    ([aggregate("x", "sum", of="amout")], '"amout" is not a field of "orders". Did you mean "amount"?'),
    ([aggregate("x", "sum", of="products.serie")], 'Did you mean "products.series" or'),
    ([aggregate("x", "sum")], "`sum` needs `of`. Name a field"),
    (
        [aggregate("x", "sum", of="product")],
        "`sum` does not take values of type text. It takes: decimal, integer, number.",
    ),
    ([aggregate("x", "share", of="amount", where="pieces > 1")], "`share` takes no `of`."),
    ([aggregate("x", "share")], "`share` needs `where`."),
    ([aggregate("x", "count", among="pieces > 1")], "`among` belongs to `share` alone."),
    ([aggregate("x", "count", where="pieces + 1")], "A condition is true or false, and this is integer."),
    ([aggregate("x", "count", where={"field": "piece", "op": "eq", "value": 1})], '"piece" is not a field'),
    ([aggregate("x", "count", within="30 days")], '"30 days" is not a span of time.'),
    ([aggregate("x", "count", within="1d", between=["3d", "1d"])], "Both `within` and `between` stand there."),
    ([aggregate("x", "count", between=["1d", "3d"])], 'Write the longer span first: ["3d", "1d"].'),
    ([aggregate("x", "decayed_sum", of="amount")], "`half_life` is missing."),
    (
        [aggregate("x", "decayed_sum", of="amount", half_life="1m")],
        'A half-life has an exact length. Write it in days: "30d".',
    ),
    ([aggregate("x", "sum", of="amount", half_life="1d")], "`half_life` belongs to `decayed_sum`."),
    ([aggregate("x", "count", end="both")], '"orders" holds no edges.'),
    ([{"name": "x", "aggregate": {"dataset": "order", "measure": "count"}}], 'Did you mean "orders"?'),
    (
        [{"name": "x", "aggregate": {"dataset": "people", "measure": "count"}}],
        '"people" holds profiles, and this takes',
    ),
    ([{"name": "x", "field": {"dataset": "people", "field": "citty"}}], 'Did you mean "city"?'),
    (
        [{"name": "x", "formula": "agee * 2"}],
        '`unknown_name` at `tags[0].formula`: There is no tag "agee". Did you mean "age"?',
    ),
    ([{"name": "x", "formula": "city * 2"}], "needs numbers"),
    ([{"name": "x", "formula": "1 + 1"}], "The formula names no tag."),
    ([{"name": "x", "formula": "y"}, {"name": "y", "formula": "x"}], "made of each other"),
    ([{"name": "x", "formula": "x + 1"}], "`tag_cycle`"),
    ([{"name": "x", "band": {"tag": "city", "edges": [1], "labels": ["a", "b"]}}], '"city" holds no numbers.'),
    ([{"name": "x", "band": {"tag": "age", "edges": [5, 1], "labels": ["a", "b", "c"]}}], "Edges rise."),
    (
        [{"name": "x", "band": {"tag": "age", "edges": [1], "labels": ["a"]}}],
        "1 edges make 2 bands, and there are 1 labels.",
    ),
    ([{"name": "x", "score": {"tag": "city"}}], "which are not better or worse"),
    ([{"name": "x", "score": {"tag": "age", "parts": 1}}], "2 to 100."),
    ([{"name": "x", "score": {"tag": "age", "missing": 6}}], "6 is no score. 1 to 5."),
    ([{"name": "x", "type": "text", "formula": "age * 2"}], '"x" is integer, not text. Leave it out.'),
    ([{"name": "Row", "formula": "age"}], '"Row" is the name of a column.'),
    ([aggregate("x", "count"), aggregate("x", "count")], '"x" is defined twice.'),
    ([aggregate("x", "count"), aggregate("X", "count")], "differ in capitals alone"),
    (
        [{"name": "x", "entity_kind": "customer", "field": {"dataset": "firms", "field": "sector"}}],
        "`entity_kind: account`",
    ),
]


@pytest.mark.parametrize(("documents", "words"), MISTAKES)
def test_what_cannot_be_computed_is_refused(shop: World, documents: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(Refused) as caught:
        read(shop, *documents)
    assert words in str(caught.value)
    assert caught.value.place
    assert caught.value.fix


def test_families_that_need_each_other_are_refused(shop: World) -> None:
    a = {"name": "a", "family": "one", "formula": "age"}
    b = {"name": "b", "family": "two", "formula": "a"}
    c = {"name": "c", "family": "one", "formula": "b"}
    with pytest.raises(Refused, match="These families need each other: one -> two -> one|two -> one -> two"):
        read(shop, a, b, c)
