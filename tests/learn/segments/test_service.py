"""Migration, prediction of files, and segments handed over as audiences and SQL."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from tests.segmented import CENTRES, put, shop, spread

from coterie.errors import NotFound, Refused
from coterie.workspace import Workspace

__all__ = ["shop"]


def test_who_moved_since_the_publish(shop: Workspace) -> None:
    moved = CENTRES.copy()
    moved[:30] = [80.0, 5.0]  # thirty of segment 1 become large
    put(shop, spread(moved, 4), 1)
    put(shop, spread(np.array([[10.0, 2.0]] * 5), 5), 1, first=270)
    told = shop.segments.migrate("who")
    assert (told["entities"], told["kept_id"], told["came"], told["left"]) == (270, 240, 5, 0)
    assert told["customers_changed"] == [{"from": 1, "to": 3, "entities": 30}] and told["model_changed"] == []
    assert {"from": 1, "to": 3, "entities": 30} in told["matrix"] and sum(f["entities"] for f in told["matrix"]) == 270
    assert told["from"] == {"version": 1, "as_of": "2026-01-01T00:00:00+00:00", "data_version": 2}
    with pytest.raises(Refused, match="One version is given"):
        shop.segments.migrate("who", 1)


def test_who_moved_between_versions(shop: Workspace) -> None:
    moved = CENTRES.copy()
    moved[:30] = [80.0, 5.0]
    put(shop, spread(moved, 4), 1)
    second = shop.segments.fit("who", ["spend", "visits", "city"], k=2)  # segments 1 and 2 or 3 become one
    told = shop.segments.migrate("who", 1, 2)
    assert told["customers_changed"] == [{"from": 1, "to": 3, "entities": 30}]
    assert sum(f["entities"] for f in told["model_changed"]) > 0 and told["entities"] == 270
    recorded = second["identity"]["migration"]
    assert {key: told[key] for key in recorded} == recorded


def test_the_rule_as_audience_and_as_sql(shop: Workspace) -> None:
    for segment, size in ((1, 120), (2, 90), (3, 60)):
        by_tag = shop.segments.save_audience("who", segment, f"tag{segment}")
        by_rule = shop.segments.save_audience("who", segment, f"rule{segment}", by="rule")
        assert by_tag["rule"] == {"tag": "segment.who", "op": "eq", "value": segment}
        found = [shop.audiences.count({"audience": f"{way}{segment}"}).count for way in ("tag", "rule")]
        sql = shop.segments.sql("who", segment)
        assert (
            sql["among"] is None and sql["recall"] > 0.9 and sql["sql"].startswith("SELECT entity\nFROM tags\nWHERE ")
        )
        assert found[0] == size and abs(found[1] - size) <= 6 and by_rule["version"] == 1
        assert shop.audiences.count({"sql": sql["sql"]}).count == found[1]
    about = shop.audiences.get("tag3").body["description"]
    assert about == f"{shop.segments.names('who')[3].en} (segment 3 of who)"
    with pytest.raises(NotFound, match='"who" has no segment 4 in version 1') as told:
        shop.segments.save_audience("who", 4, "x")
    assert told.value.fix == "There is: 1, 2, 3."
    with pytest.raises(Refused, match='"sql" is no way to find a segment'):
        shop.segments.save_audience("who", 1, "x", by="sql")


def test_a_file_is_assigned_and_what_had_to_be_assumed_is_said(shop: Workspace, tmp_path: Path) -> None:
    file, to = tmp_path / "new.csv", tmp_path / "out.csv"
    file.write_text("city,visits,key,spend\nOslo,5,00017,81\nAtlantis,,18,9\nRome,20,19,\n", encoding="utf-8")
    told = shop.segments.predict_file("who", file, to)
    rows = list(csv.DictReader(to.read_text().splitlines()))
    assert list(rows[0]) == ["entity", "segment", "second", "margin"]
    assert [(r["entity"], r["segment"]) for r in rows] == [("00017", "3"), ("18", "2"), ("19", "1")]
    assert (told["rows"], told["version"]) == (3, 1)
    notes = {(n["code"], n["column"]): n for n in told["notes"]}
    assert set(notes) == {("filled", "visits"), ("filled", "spend"), ("unknown_level", "city")}
    assert (
        '"Atlantis"' in notes["unknown_level", "city"]["text"]["en"]
        and "没有见过" in notes["unknown_level", "city"]["text"]["zh"]
    )
    file.write_text("key,spend\n1,81\n", encoding="utf-8")
    with pytest.raises(Refused, match="The model needs visits, city"):
        shop.segments.predict_file("who", file, to)
    file.write_text("key,spend,visits,city\n1,much,2,Oslo\n", encoding="utf-8")
    with pytest.raises(Refused, match='"much" in spend is no number') as found:
        shop.segments.predict_file("who", file, to)
    assert found.value.place == "new.csv line 2"


def test_a_segmentation_of_an_audience(shop: Workspace) -> None:
    shop.audiences.save("northern", {"tag": "city", "op": "in", "value": ["Oslo", "Bonn"]})
    told = shop.segments.fit("north", ["spend", "visits"], audience="northern", k=3)
    assert sum(told["sizes"].values()) == 180
    shop.audiences.save("northern", {"tag": "city", "op": "eq", "value": "Oslo"})
    put(shop, spread(CENTRES, 8, width=6.0), 1)
    again = shop.segments.rebuild("north")  # by the rule and the data that there were then
    assert again.identical and again.same and (again.ari, again.centres, again.entities) == (1.0, 0.0, 180)
    assert again.then == again.now
    rule = shop.segments.save_audience("north", 1, "n1", by="rule")["rule"]
    assert rule["all"][0] == {"audience": "northern"} and shop.segments.sql("north", 1)["among"] == "northern"
    assert shop.segments.migrate("north")["left"] == 90


def test_what_cannot_be_fitted(shop: Workspace) -> None:
    with pytest.raises(Refused, match='A fit has no option "wieghts"') as told:
        shop.segments.fit("other", ["spend"], wieghts={"spend": 2.0})
    assert told.value.code == "bad_argument"
    with pytest.raises(Refused, match='"a/b" cannot name a segmentation'):
        shop.segments.fit("a/b", ["spend"])
    with pytest.raises(Refused, match='"three" is no number of segments'):
        shop.segments.fit("other", ["spend"], k="three")
    with pytest.raises(NotFound, match='no segmentation "other"'):
        shop.segments.refit("other")
    assert [row["segmentation"] for row in shop.segments.rows()] == ["who"]


def test_the_report_is_drawn_with_the_names_that_people_gave(shop: Workspace) -> None:
    shop.segments.mark("who", 3, "name", name_en="Whales & co", name_zh="大客户")
    assert "Whales &amp; co" in shop.segments.report("who") and "大客户" in shop.segments.report("who", language="zh")
    known = shop.segments.known("who")
    assert known["marks"][0]["name_en"] == "Whales & co" and known["strategies"] == {}
    with pytest.raises(NotFound, match="has no version 5"):
        shop.segments.report("who", 5)
