from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from coterie.catalog.definitions import (
    default_family,
    read_name,
    recipe_from_dict,
    recipe_to_dict,
    tag_from_dict,
    tag_to_dict,
)
from coterie.catalog.schemas import (
    Aggregate,
    Band,
    Cell,
    FieldOf,
    Formula,
    ListMember,
    Measure,
    Published,
    RecipeUse,
    Score,
    TagDefinition,
    TagSpec,
    ValueType,
)
from coterie.errors import Refused

WHERE = {
    "all": [{"field": "Country", "op": "eq", "value": "France"}, {"not": {"field": "Quantity", "op": "lt", "value": 0}}]
}
SPECS: list[TagSpec] = [
    FieldOf("people", "city"),
    Aggregate("orders", Measure.COUNT),
    Aggregate("orders", Measure.SUM, "Quantity * UnitPrice", WHERE, within="30d"),
    Aggregate("orders", Measure.SHARE, where="Quantity > 1", among="Quantity > 0", between=("90d", "30d")),
    Aggregate("orders", Measure.DECAYED_SUM, "amount", half_life="36h"),
    Aggregate("friends", Measure.COUNT, end="both"),
    Formula("rfm.monetary / rfm.frequency"),
    Band("spent", (0, Decimal("0.1"), Decimal("12345678901234567890.5")), ("none", "little", "some", "much")),
    Score("spent", 10, "low", 1),
    Score("spent"),
    Cell(("rfm.r", "rfm.f")),
    Published("segment.shop", "segment"),
    ListMember("vip"),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: type(s).__name__)
def test_a_document_reads_back_as_the_same_definition(spec: TagSpec) -> None:
    tag = TagDefinition("a.b", ValueType.NUMBER, spec, default_family(spec))
    assert tag_from_dict(tag_to_dict(tag)) == tag


def test_everything_about_a_tag_is_kept() -> None:
    tag = TagDefinition(
        name="消费额",
        type=ValueType.DECIMAL,
        spec=Aggregate("orders", Measure.SUM, "amount"),
        family="money",
        entity_kind="account",
        label={"en": "Spent", "zh": "消费额"},
        description={"en": "All money."},
        category=("money", "spent"),
        unit="EUR",
        owner="finance",
        levels={"1": {"en": "one"}},
        recipe="rfm",
    )
    assert tag_from_dict(tag_to_dict(tag)) == tag


def test_a_recipe_reads_back_as_the_same() -> None:
    use = RecipeUse("rfm", {"events": "orders", "amount": "amount"}, "gold", "account")
    assert use.id == "gold"
    assert recipe_from_dict(recipe_to_dict(use)) == use


MISTAKES: list[tuple[Any, str]] = [
    ([], "`bad_definition` at `tag`: Names with values belong here."),
    ({"name": "x", "type": "text"}, 'Tag "x" says not how it is made. Give exactly one of: field, aggregate,'),
    ({"name": "x", "type": "text", "formula": "a", "list": "b"}, 'Tag "x" says in two ways how it is made.'),
    ({"name": "x", "formula": "a"}, '`bad_definition` at `tag`: "type" is missing.'),
    ({"name": "x", "type": "txt", "formula": "a"}, 'at `tag.type`: "txt" is no type. Did you mean "text"'),
    ({"name": "", "type": "text", "formula": "a"}, "cannot be a name"),
    ({"name": "a/b", "type": "text", "formula": "a"}, '"a/b" cannot be a name'),
    ({"name": "x", "type": "text", "formula": ""}, "at `tag.formula.expression`: Text belongs here."),
    ({"name": "x", "type": "text", "aggregate": {"measure": "sum"}}, 'at `tag.aggregate`: "dataset" is missing.'),
    ({"name": "x", "type": "text", "aggregate": {"dataset": "o", "measure": "sum", "off": "a"}}, 'Did you mean "of"?'),
    (
        {"name": "x", "type": "text", "aggregate": {"dataset": "o", "measure": "sun"}},
        '"sun" is no measure. Did you mean "sum"',
    ),
    (
        {"name": "x", "type": "text", "aggregate": {"dataset": "o", "measure": "sum", "between": ["3d"]}},
        "Two spans belong here.",
    ),
    (
        {"name": "x", "type": "text", "band": {"tag": "a", "edges": ["ten"], "labels": ["a", "b"]}},
        '"ten" is no number.',
    ),
    (
        {"name": "x", "type": "text", "band": {"tag": "a", "edges": [True], "labels": ["a", "b"]}},
        '"True" is no number.',
    ),
    (
        {"name": "x", "type": "text", "score": {"tag": "a", "better": "more"}},
        '"more" is no choice. There is: high, low.',
    ),
    (
        {"name": "x", "type": "text", "score": {"tag": "a", "parts": "5"}},
        "at `tag.score.parts`: This is no whole number.",
    ),
    ({"name": "x", "type": "text", "formula": "a", "label": {"de": "x"}}, 'The key "de" does not belong here.'),
    ({"name": "x", "type": "text", "formula": "a", "category": [1]}, "at `tag.category`: Text belongs here."),
]


@pytest.mark.parametrize(("body", "words"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_what_may_stand_there(body: Any, words: str) -> None:
    with pytest.raises(Refused) as caught:
        tag_from_dict(body)
    assert words in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize("name", ["spent", "rfm.recency_days", "Annual Income", "客户等级", "x-1", "a"])
def test_names(name: str) -> None:
    assert read_name(name, "tag") == name


@pytest.mark.parametrize("name", ["1st", ".a", "a.", "a..b", "a/b", "../a", "a'b", 'a"b', "x" * 101, 7, None, " a"])
def test_names_that_cannot_be(name: Any) -> None:
    with pytest.raises(Refused, match="cannot be a name"):
        read_name(name, "tag")
