from __future__ import annotations

from pathlib import Path

import pytest

from coterie.catalog.definitions import recipe_from_dict
from coterie.catalog.schemas import DatasetKind, RecipeUse, ValueType
from coterie.errors import Refused
from coterie.tags.definitions_file import read_text, write_text
from coterie.tags.recipes import RECIPES
from coterie.tags.service import Tags

from .world import World, moment

ORDERS = {
    "order no": ValueType.TEXT,
    "at": ValueType.MOMENT,
    "amount": ValueType.DECIMAL,
    "pieces": ValueType.INTEGER,
    "product": ValueType.TEXT,
}
DEALS = {
    "deal": ValueType.TEXT,
    "since": ValueType.MOMENT,
    "stage": ValueType.TEXT,
    "value": ValueType.DECIMAL,
    "product": ValueType.TEXT,
}


@pytest.fixture
def tags(world: World) -> Tags:
    world.dataset(
        "people", DatasetKind.PROFILES, {"balance": ValueType.DECIMAL, "risk": ValueType.INTEGER}, entity="id"
    )
    orders = world.dataset("orders", DatasetKind.EVENTS, ORDERS, entity="who", time="at")
    deals = world.dataset(
        "deals", DatasetKind.RECORDS, DEALS, entity="firm", time="since", key="deal", entity_kind="account"
    )
    world.put(
        orders,
        [
            {
                "entity": "a",
                "at": moment("2024-03-01T10:00"),
                "order no": "1",
                "amount": 10,
                "pieces": 2,
                "product": "x",
            },
            {
                "entity": "a",
                "at": moment("2024-03-01T10:00"),
                "order no": "1",
                "amount": 5,
                "pieces": 1,
                "product": "y",
            },
            {
                "entity": "a",
                "at": moment("2024-04-20T22:00"),
                "order no": "2",
                "amount": 0,
                "pieces": 1,
                "product": "x",
            },
            {
                "entity": "a",
                "at": moment("2024-04-25T10:00"),
                "order no": "3",
                "amount": -5,
                "pieces": -1,
                "product": "y",
            },
            {
                "entity": "b",
                "at": moment("2024-01-06T10:00"),
                "order no": "4",
                "amount": -7,
                "pieces": -1,
                "product": "y",
            },
            {
                "entity": "c",
                "at": moment("2023-06-01T10:00"),
                "order no": "5",
                "amount": None,
                "pieces": 1,
                "product": "y",
            },
        ],
    )
    states = [("1", "F", "Won", 100), ("2", "F", "Lost", None), ("3", "F", "Won", 50), ("4", "G", "Open", None)]
    at = moment("2024-04-01T00:00")
    world.put(
        deals, [{"entity": f, "at": at, "key": k, "stage": s, "value": v, "product": "p"} for k, f, s, v in states]
    )
    return Tags(world.context)


def test_rfm_counts_purchases_and_sums_all(world: World, tags: Tags) -> None:
    tags.add(recipe="rfm", events="orders", amount="amount", order="order no")
    tags.build("2024-05-01")
    found = tags.values(
        ["rfm.recency_days", "rfm.frequency", "rfm.monetary", "rfm.r", "rfm.f", "rfm.m", "rfm.cell", "rfm.cell_name"]
    )
    rows = {row[0]: row[1:] for row in found.itertuples(index=False)}
    assert rows["a"][:3] == (11, 2, 10)  # a purchase of 0 is one, a refund is not
    assert rows["b"][1:3] == (0, -7)
    assert rows["c"][:3] == (335, 1, 0)  # an amount that is missing is no refund
    assert found["rfm.recency_days"].isna().tolist() == [False, True, False]
    assert [rows[k][3] for k in "abc"] == [2, 1, 1]  # a alone has someone worse; a missing recency scores 1
    assert [rows[k][6] for k in "abc"] == ["244", "111", "122"]
    assert [rows[k][7] for k in "abc"] == ["cannot_lose", "lost", "lost"]


def test_rfm_without_an_order_counts_rows_and_takes_a_refund_condition(world: World, tags: Tags) -> None:
    tags.add(recipe="rfm", events="orders", amount="amount", refund="pieces < 0", prefix="gold")
    tags.build("2024-05-01")
    assert tags.values(["gold.frequency"])["gold.frequency"].tolist() == [3, 0, 1]


SHOP = {"events": "orders", "amount": "amount", "order": "order no", "quantity": "pieces", "category": "product"}
BANK = {"transactions": "orders", "amount": "amount", "category": "product", "balance": "balance", "risk": "risk"}
USES = [
    {"recipe": "activity", "events": "orders", "amount": "amount"},
    {"recipe": "lifecycle", "events": "orders", "amount": "amount", "active_days": 20},
    {"recipe": "basket", "events": "orders", "amount": "amount", "order": "order no", "quantity": "pieces"},
    {"recipe": "preference", "events": "orders", "category": "product", "where": "amount > 0"},
    {"recipe": "habits", "events": "orders"},
    {"recipe": "tenure", "events": "orders"},
    {"recipe": "refunds", "events": "orders", "amount": "amount"},
    {"recipe": "shop", **SHOP},
    {"recipe": "bank", **BANK},
    {"recipe": "bank", "transactions": "orders", "amount": "amount"},
    {"recipe": "b2b", "deals": "deals", "value": "value", "stage": "stage", "product": "product"},
]


@pytest.mark.parametrize("body", USES, ids=lambda b: f"{b['recipe']}-{len(b)}")
def test_every_recipe_can_be_built_and_told(world: World, tags: Tags, body: dict[str, object], tmp_path: Path) -> None:
    use = recipe_from_dict(body)
    names = tags.define([use], [])
    tags.build("2024-05-01")
    kind = world.catalog.tag(names[0]).entity_kind
    assert list(tags.values(names, entity_kind=kind).columns) == ["entity", *names]
    for name in names:
        tag = world.catalog.tag(name)
        assert tag.label["en"] and tag.label["zh"] and tag.recipe == body["recipe"]
    assert tags.write_dictionary(tmp_path / "pages") >= len(names)
    assert len({r["how"] for r in tags.rows("zh") if r["tag"] in names}) > 1


def test_what_some_recipes_say(tags: Tags) -> None:
    tags.define([recipe_from_dict(USES[7]), recipe_from_dict(USES[10])], [])
    tags.build("2024-05-01")
    shown = ["lifecycle.stage", "basket.value", "basket.pieces_per_order", "preference.favourite", "habits.hour"]
    a = tags.values([*shown, "habits.night_share", "refunds.amount", "tenure.active_days"]).iloc[0].tolist()
    assert a[1:6] == ["active", 7.5, 2.0, "x", 10]
    assert a[6:] == [0.25, -5, 3]
    deals = tags.values(["b2b.deals", "b2b.won_value", "b2b.win_rate", "b2b.open"], entity_kind="account")
    assert deals.iloc[0].tolist() == ["F", 3, 150, 0.666666667, 0]
    assert deals.iloc[1].tolist()[:3] == ["G", 1, 0]


MISTAKES = [
    ({"recipe": "rmf", "events": "orders"}, 'There is no recipe "rmf". Did you mean "rfm"?'),
    ({"recipe": "rfm", "events": "orders"}, "The recipe rfm needs `amount`. Money of a row"),
    ({"recipe": "rfm", "events": "order", "amount": "amount"}, 'There is no dataset "order". Did you mean "orders"?'),
    (
        {"recipe": "rfm", "events": "people", "amount": "amount"},
        '"people" holds profiles; the recipe rfm reads events.',
    ),
    ({"recipe": "rfm", "events": "orders", "amount": "amout"}, 'Did you mean "amount"?'),
    (
        {"recipe": "rfm", "events": "orders", "amount": "amount", "ordr": "x"},
        'has no option "ordr". Did you mean "order"?',
    ),
    ({"recipe": "lifecycle", "events": "orders", "amount": "amount", "active_days": 500}, "The stages overlap."),
]


@pytest.mark.parametrize(("body", "words"), MISTAKES)
def test_a_mistake_in_a_recipe_is_told_and_nothing_is_defined(
    world: World, tags: Tags, body: dict[str, object], words: str
) -> None:
    with pytest.raises(Refused) as caught:
        tags.define([recipe_from_dict(body)], [])
    assert words in str(caught.value)
    assert world.catalog.declared_tags() == {}
    assert world.catalog.recipes() == []


def test_yaml_goes_round_without_a_change(world: World, tags: Tags, tmp_path: Path) -> None:
    file = tmp_path / "tags.yaml"
    file.write_text(
        """
recipes:
- {recipe: rfm, events: orders, amount: amount, order: order no}
tags:
- name: 客单价
  label: {en: Average, zh: 客单价}
  formula: rfm.monetary / rfm.frequency
- name: big
  band: {tag: rfm.monetary, edges: [0.1, 100], labels: [none, some, much]}
- name: lately
  aggregate: {dataset: orders, measure: count, where: {field: product, op: eq, value: x}, within: 30d}
""",
        encoding="utf-8",
    )
    tags.add(file=file)
    before = world.catalog.declared_tags()
    text = write_text(world.catalog)
    again = read_text(text)
    tags.define(again.recipes, again.tags)
    assert world.catalog.declared_tags() == before
    assert write_text(world.catalog) == text
    assert all(len(world.store.history("tag", name)) == 1 for name in before)
    assert again.recipes == [RecipeUse("rfm", {"events": "orders", "amount": "amount", "order": "order no"})]


def test_all_recipes_tell_what_they_take() -> None:
    for recipe in RECIPES.values():
        assert recipe.en and recipe.zh and all(o.help for o in recipe.options)
