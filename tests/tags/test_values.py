from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from coterie.catalog.schemas import DatasetKind, ValueType
from coterie.errors import NotFound, Refused
from coterie.tags.build import build
from coterie.tags.values import values, write_values

from .world import World, moment

FIELDS = {
    "n": ValueType.INTEGER,
    "money": ValueType.DECIMAL,
    "x": ValueType.NUMBER,
    "yes": ValueType.BOOLEAN,
    "day": ValueType.DATE,
    "moment": ValueType.MOMENT,
    "text": ValueType.TEXT,
    "texts": ValueType.TEXTS,
}


@pytest.fixture
def people(paris: World) -> World:
    dataset = paris.dataset("people", DatasetKind.PROFILES, FIELDS, entity="id")
    full = {
        "n": 2**53 + 1,
        "money": Decimal("0.1000"),
        "x": 0.1,
        "yes": True,
        "day": dt.date(2024, 3, 31),
        "moment": moment("2024-03-31T10:00:00.25"),
        "text": 'a, "b"',
        "texts": ["a", "b"],
    }
    paris.put(dataset, [{"entity": "0042", **full}, {"entity": "123456789012345678", "yes": False}])
    build(paris.context, as_of=moment("2024-05-01T00:00"))
    return paris


def test_a_frame_keeps_keys_and_exact_values(people: World) -> None:
    frame = values(people.context, list(FIELDS))
    assert list(frame.columns) == ["entity", *FIELDS]
    assert frame["entity"].tolist() == ["0042", "123456789012345678"]
    first = frame.iloc[0]
    assert (first["n"], first["money"], first["yes"]) == (2**53 + 1, Decimal("0.1000"), True)
    assert first["moment"] == pd.Timestamp("2024-03-31T10:00:00.25Z")
    assert frame["n"].isna().tolist() == [False, True]


def test_for_estimators_all_numbers_are_floats(people: World) -> None:
    frame = values(people.context, ["n", "money", "yes", "text"], floats=True)
    assert [str(frame[c].dtype) for c in ("n", "money", "yes")] == ["float64"] * 3
    assert frame["money"].isna().tolist() == [False, True]
    assert frame["yes"].tolist() == [1.0, 0.0]


def test_csv_is_exact_and_says_its_zone(people: World, tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    assert write_values(people.context, list(FIELDS), path) == 2
    lines = path.read_bytes().decode("utf-8").splitlines()
    assert lines[0] == "entity,n,money,x,yes,day,moment,text,texts"
    assert lines[1] == '0042,9007199254740993,0.1000,0.1,true,2024-03-31,2024-03-31T12:00:00.25+02:00,"a, ""b""",a; b'
    assert lines[2] == "123456789012345678,,,,false,,,,"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.csv", "ws"]


def test_parquet_keeps_types(people: World, tmp_path: Path) -> None:
    path = tmp_path / "v.parquet"
    write_values(people.context, ["money", "texts"], path)
    table = pq.read_table(path)
    assert table.to_pylist()[0] == {"entity": "0042", "money": Decimal("0.1000"), "texts": ["a", "b"]}


def test_what_cannot_be_written_is_refused(people: World, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match='There is no tag "monye". Did you mean "money"?'):
        write_values(people.context, ["monye"], tmp_path / "v.csv")
    with pytest.raises(Refused, match=r'"\.xls" is no kind of file'):
        write_values(people.context, ["money"], tmp_path / "v.xls")
    with pytest.raises(Refused, match="The folder does not exist"):
        write_values(people.context, ["money"], tmp_path / "no" / "v.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["ws"]
