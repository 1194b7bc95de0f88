from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from coterie.catalog.schemas import DatasetKind, ValueType
from coterie.errors import Refused
from coterie.tags.build import build
from coterie.tags.publish import publish_frame, upload_list
from coterie.tags.service import Tags

from .world import World, moment

AS_OF = moment("2024-05-01T00:00")


@pytest.fixture
def shop(world: World) -> World:
    orders = world.dataset("orders", DatasetKind.EVENTS, {"at": ValueType.MOMENT}, entity="who", time="at")
    keys = ["0017", "17850", "9007199254740993", "c"]
    world.put(orders, [{"entity": k, "at": moment("2024-04-01T00:00")} for k in keys])
    build(world.context, as_of=AS_OF)
    return world


def column(world: World, tag: str) -> dict[str, Any]:
    frame = Tags(world.context).values([tag])
    return {
        k: None if v is None or v is pd.NA or v != v else v for k, v in zip(frame["entity"], frame[tag], strict=True)
    }


def test_a_frame_with_one_column_is_a_tag_at_once(shop: World) -> None:
    frame = pd.DataFrame({"entity": ["0017", "c", "nobody"], "score": [0.5, float("nan"), 3.0]})
    made = publish_frame(shop.context, frame, "churn")
    assert (made.tags, made.matched, made.unmatched, made.examples) == (("churn",), 2, 1, ("nobody",))
    assert column(shop, "churn") == {"0017": 0.5, "17850": None, "9007199254740993": None, "c": None}
    assert shop.catalog.tag("churn").type is ValueType.NUMBER


def test_columns_keep_their_types_and_get_the_name_in_front(shop: World) -> None:
    frame = pl.DataFrame(
        {
            "entity": ["c", "17850"],
            "n": [1, None],
            "money": [Decimal("1.50"), Decimal("-2.25")],
            "word": ["=x", "客户"],
            "yes": [True, None],
            "day": [dt.date(2024, 1, 2), None],
            "words": [["a", "b"], []],
        }
    )
    made = publish_frame(shop.context, frame, "m", about={"money": {"unit": "EUR", "label": {"en": "Money"}}})
    assert made.tags == ("m.n", "m.money", "m.word", "m.yes", "m.day", "m.words")
    types = [shop.catalog.tag(t).type.value for t in made.tags]
    assert types == ["integer", "decimal", "text", "boolean", "date", "texts"]
    assert shop.catalog.tag("m.money").unit == "EUR"
    assert column(shop, "m.money") == {
        "0017": None,
        "17850": Decimal("-2.25"),
        "9007199254740993": None,
        "c": Decimal("1.50"),
    }
    assert column(shop, "m.word")["17850"] == "客户"


def test_keys_may_be_numbers_or_the_index(shop: World) -> None:
    frame = pd.DataFrame({"x": [1, 2, 3]}, index=[17850.0, 17.0, 99.0])
    made = publish_frame(shop.context, frame, "a")
    assert (made.matched, made.examples) == (1, ("17.0", "99.0"))  # 0017 is another key than 17
    series = pd.Series({9007199254740993: "x"}, name="s")
    assert publish_frame(shop.context, series, "b").matched == 1
    assert publish_frame(shop.context, pa.table({"entity": ["c"], "v": [1]}), "c2").matched == 1


def test_the_newest_publish_up_to_the_as_of_counts_whole(shop: World) -> None:
    def publish(value: dict[str, str], at: str) -> None:
        frame = pd.DataFrame({"entity": list(value), "v": list(value.values())})
        publish_frame(shop.context, frame, "seg", at)

    publish({"c": "old", "0017": "old"}, "2024-04-01")
    publish({"c": "new"}, "2024-04-20")
    publish({"c": "late"}, "2024-04-10")  # came last, and holds from an earlier moment
    assert column(shop, "seg") == {"0017": None, "17850": None, "9007199254740993": None, "c": "new"}
    publish({"c": "future"}, "2024-06-01")
    assert column(shop, "seg")["c"] == "new"
    build(shop.context, as_of=moment("2024-04-15T00:00"))
    assert column(shop, "seg")["c"] == "late"
    build(shop.context, as_of=moment("2024-04-05T00:00"))
    assert column(shop, "seg")["0017"] == "old"


def test_the_same_again_changes_nothing(shop: World) -> None:
    frame = pd.DataFrame({"entity": ["c"], "v": [1]})
    first = publish_frame(shop.context, frame, "x")
    again = publish_frame(shop.context, frame, "x")
    assert not first.already and again.already and first.data_version == again.data_version


def test_decimals_stay_exact_as_long_as_every_value_fits(shop: World) -> None:
    def publish(name: str, *values: str) -> str:
        frame = pl.DataFrame({"entity": ["c", "17850"][: len(values)], "v": [Decimal(v) for v in values]})
        assert frame.schema["v"].precision == 38  # Polars declares so many digits for every decimal
        publish_frame(shop.context, frame, name)
        return shop.catalog.tag(name).type.value

    assert publish("fits", "9999999999999999.99", "-0.01") == "decimal"
    assert column(shop, "fits")["c"] == Decimal("9999999999999999.99")
    assert publish("wide", "10000000000000000.00", "0.01") == "number"
    assert column(shop, "wide")["c"] == 1e16
    assert publish("deep", "0." + "0" * 18 + "1") == "number"
    with pytest.raises(Refused, match='"v" holds a number of more than 16 digits before the point.'):
        publish("fits", "10000000000000000")
    assert publish("fits", "7") == "decimal"


MISTAKES = [
    (pl.DataFrame({"who": ["c"], "v": [1]}), "The frame has no column `entity`."),
    (pd.DataFrame({"entity": ["c"]}), "The frame has no column with values."),
    (pd.DataFrame({"entity": ["c", "c"], "v": [1, 2]}), 'The entity "c" stands in the frame more than once.'),
    (pd.DataFrame({"entity": [17850, "17850.0"], "v": [1, 2]}, dtype=object), "more than once"),
    (pd.DataFrame({"entity": ["c"], "v": [float("inf")]}), '"v" holds infinity.'),
    (pd.DataFrame({"entity": ["c"], "_v": [1]}), '"_v" begins with "_".'),
    (pl.DataFrame({"entity": ["c"], "v": [{"a": 1}]}), '"v" is of type STRUCT'),
    ([1, 2], "is no data frame"),
]


@pytest.mark.parametrize(("frame", "words"), MISTAKES)
def test_what_cannot_be_published_is_refused(shop: World, frame: Any, words: str) -> None:
    with pytest.raises(Refused) as caught:
        publish_frame(shop.context, frame, "x")
    assert words in str(caught.value)
    assert "x" not in shop.catalog.tags() and "x" not in shop.catalog.datasets()


def test_a_name_or_type_that_is_taken_is_refused(shop: World) -> None:
    frame = pd.DataFrame({"entity": ["c"], "v": [1]})
    with pytest.raises(Refused, match='"orders" is a dataset with events'):
        publish_frame(shop.context, frame, "orders")
    publish_frame(shop.context, frame, "x")
    with pytest.raises(Refused, match='"v" was published as integer before, and is text now'):
        publish_frame(shop.context, frame.assign(v="a"), "x")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "\ufeffkey,x\n0017,1\n17850.0,2\n nobody ,3\n,4\n0017,5\n"),
        ("a.tsv", "key\tx\n0017\t1\n17850\t2\nnobody\t3\n"),
    ],
)
def test_a_list_is_true_for_those_on_it(shop: World, tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    made = upload_list(shop.context, "vip", file, "key")
    assert (made["matched"], made["unmatched"], made["examples"]) == (2, 1, ["nobody"])
    assert column(shop, "list.vip") == {"0017": True, "17850": True, "9007199254740993": False, "c": False}
    file.write_text(content.replace("0017", "c"), encoding="utf-8")
    upload_list(shop.context, "vip", file, "key")
    assert column(shop, "list.vip")["c"] and not column(shop, "list.vip")["0017"]


def test_a_list_needs_its_column(shop: World, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("key,x\nc,1\n")
    with pytest.raises(Refused, match='The file has no column "keys". There is: key, x.'):
        upload_list(shop.context, "vip", file, "keys")


def test_what_was_published_before_something_else_counts_again(shop: World) -> None:
    for value in (1, 2, 1, 1):
        publish_frame(shop.context, pd.DataFrame({"entity": ["c"], "grade": [value]}), "grade", as_of=AS_OF)
    assert column(shop, "grade")["c"] == 1
    assert len(shop.context.lake.batches("grade")) == 3  # the last one was there already
