from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from coterie.catalog.schemas import DatasetKind, ValueType
from coterie.tags.build import build
from coterie.tags.dictionary import entries, page, write_dictionary
from coterie.tags.service import Tags

from .world import World, moment


@pytest.fixture
def shop(world: World) -> World:
    fields = {"at": ValueType.MOMENT, "amount": ValueType.DECIMAL, "Country": ValueType.TEXT}
    orders = world.dataset("orders", DatasetKind.EVENTS, fields, entity="who", time="at")
    people = world.dataset("people", DatasetKind.PROFILES, {"city": ValueType.TEXT}, entity="id")
    world.put(orders, [{"entity": k, "at": moment("2024-01-01T00:00"), "amount": n} for n, k in enumerate("abcd")])
    world.put(
        people, [{"entity": "a", "city": "Rome"}, {"entity": "b", "city": "Rome"}, {"entity": "c", "city": "Oslo"}]
    )
    where = {"field": "Country", "op": "eq", "value": "France"}
    spent = {"dataset": "orders", "measure": "sum", "of": "amount", "where": where, "within": "30d"}
    Tags(world.context).add(
        definitions=[
            {
                "name": "spent",
                "aggregate": spent,
                "unit": "EUR",
                "label": {"en": "Spent", "zh": "消费"},
                "owner": "crm",
            },
            {"name": "tier", "band": {"tag": "spent", "edges": [10], "labels": ["low", "high"]}},
            {"name": "s", "score": {"tag": "spent", "missing": 1}},
        ]
    )
    return world


def test_an_entry_says_what_a_tag_means_how_and_from_what(shop: World) -> None:
    build(shop.context, as_of=moment("2024-01-02T00:00"))
    found = {e["tag"]: e for e in entries(shop.context)}
    assert sorted(found) == ["city", "s", "spent", "tier"]
    assert found["spent"]["how"].startswith("Sum of amount of orders, where ")
    assert "France" in found["spent"]["how"] and "within 30 days before the as-of" in found["spent"]["how"]
    assert found["spent"]["sources"] == ["orders", "orders.amount"]
    assert found["tier"]["sources"] == ["spent"]
    assert found["tier"]["how"] == "The band of spent: low < 10, high ≥ 10."
    assert found["s"]["how"].endswith("whose spent is less); 1 where it is missing.") or "1 where" in found["s"]["how"]
    city = found["city"]
    assert (city["coverage"], city["present"], city["entities"]) == (0.75, 3, 4)
    assert city["distribution"] == [["Rome", 2], ["Oslo", 1]]
    assert city["as_of"] == "2024-01-02T00:00:00+00:00"
    chinese = {e["tag"]: e for e in entries(shop.context, "zh")}
    assert chinese["spent"]["label"] == "消费" and "合计" in chinese["spent"]["how"]


def test_before_a_build_there_is_no_coverage(shop: World) -> None:
    assert all(e["coverage"] is None for e in entries(shop.context))
    assert "Coverage" not in page(entries(shop.context)[0])


def test_the_dictionary_is_written_as_pages_and_as_one_file(shop: World, tmp_path: Path) -> None:
    build(shop.context, as_of=moment("2024-01-02T00:00"))
    assert write_dictionary(shop.context, tmp_path / "pages") == 4
    text = (tmp_path / "pages" / "customer.city.md").read_text(encoding="utf-8")
    assert "# city" in text and "- Coverage: 75.0% (3 / 4)" in text and "Rome (2), Oslo (1)" in text
    assert "[spent](customer.spent.md): Spent." in (tmp_path / "pages" / "index.md").read_text(encoding="utf-8")
    write_dictionary(shop.context, tmp_path / "tags.csv", "zh")
    rows = list(csv.DictReader((tmp_path / "tags.csv").read_text(encoding="utf-8").splitlines()))
    assert [r["tag"] for r in rows] == ["city", "s", "spent", "tier"]
    write_dictionary(shop.context, tmp_path / "tags.json")
    assert len(json.loads((tmp_path / "tags.json").read_text())["tags"]) == 4
