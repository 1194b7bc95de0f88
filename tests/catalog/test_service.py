from __future__ import annotations

import pytest

from coterie.catalog.schemas import (
    Dataset,
    DatasetKind,
    Field,
    FieldOf,
    Formula,
    ListMember,
    RecipeUse,
    TagDefinition,
    ValueType,
)
from coterie.catalog.service import Catalog
from coterie.errors import NotFound
from coterie.store.service import Store


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(Store.open("sqlite://"))


def profiles(name: str, *fields: str, kind: str = "customer") -> Dataset:
    columns = (Field("id", ValueType.TEXT, "_entity"), *(Field(f, ValueType.TEXT, f) for f in fields))
    return Dataset(name, DatasetKind.PROFILES, columns, kind, entity="id")


def test_a_field_of_a_profile_is_a_tag_of_its_own_name(catalog: Catalog) -> None:
    catalog.save_dataset(profiles("people", "city", "age"))
    assert {t.name: t.spec for t in catalog.tags().values()} == {
        "city": FieldOf("people", "city"),
        "age": FieldOf("people", "age"),
    }
    assert catalog.tag("city").family == "people"


def test_fields_of_one_name_are_told_apart_by_their_datasets(catalog: Catalog) -> None:
    catalog.save_dataset(profiles("people", "city", "age"))
    catalog.save_dataset(profiles("cards", "city"))
    catalog.save_dataset(profiles("firms", "city", kind="account"))
    assert sorted(catalog.tags("customer")) == ["age", "cards.city", "people.city"]
    assert sorted(catalog.tags("account")) == ["city"]
    with pytest.raises(NotFound, match='Did you mean "cards.city" or "people.city"'):
        catalog.tag("city", "customer")


def test_a_declared_tag_keeps_its_name_and_columns_of_tables_are_not_taken(catalog: Catalog) -> None:
    catalog.save_dataset(profiles("people", "city", "row", "Entity"))
    catalog.save_tags([TagDefinition("city", ValueType.TEXT, Formula("`people.city`"), "formulas")])
    assert sorted(catalog.tags()) == ["city", "people.Entity", "people.city", "people.row"]
    assert isinstance(catalog.tag("city").spec, Formula)


def test_tags_are_versioned_and_can_be_forgotten(catalog: Catalog) -> None:
    catalog.save_tags([TagDefinition("x", ValueType.NUMBER, Formula("a"), "formulas")])
    catalog.delete_tag("x")
    assert catalog.tags() == {}
    with pytest.raises(NotFound):
        catalog.delete_tag("x")


def test_export_holds_recipes_and_own_tags_but_not_what_recipes_and_publishes_made(catalog: Catalog) -> None:
    catalog.save_recipe(RecipeUse("rfm", {"events": "orders"}))
    own = TagDefinition("x", ValueType.NUMBER, Formula("a / b"), "formulas")
    made = TagDefinition("rfm.r", ValueType.NUMBER, Formula("a / b"), "rfm", recipe="rfm")
    listed = TagDefinition("list.vip", ValueType.BOOLEAN, ListMember("vip"), "list.vip")
    catalog.save_tags([own, made, listed])
    assert catalog.export() == {
        "recipes": [{"recipe": "rfm", "events": "orders"}],
        "tags": [{"name": "x", "type": "number", "family": "formulas", "formula": "a / b"}],
    }
