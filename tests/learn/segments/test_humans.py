"""People's labels beside segments, marks, and strategies that outlive a refit."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score
from tests.segmented import CENTRES, put, shop, spread

from coterie.errors import CoterieError, NotFound, Refused
from coterie.learn.segments.humans import compare
from coterie.workspace import Workspace

__all__ = ["shop"]


def manager(ws: Workspace) -> list[tuple[str, str]]:
    """The manager's view: right for most, but ten large customers pass for small ones."""
    truth = ["medium"] * 120 + ["small"] * 90 + ["large"] * 60
    return [(f"c{i:04}", "small" if label == "large" and i >= 260 else label) for i, label in enumerate(truth)]


def written(ws: Workspace, rows: list[tuple[str, str]]) -> Path:
    file = ws.path / "labels.csv"
    pd.DataFrame(rows, columns=["customer", "size"]).to_csv(file, index=False)
    return file


def test_agreement_and_the_overlooked(shop: Workspace, tmp_path: Path) -> None:
    rows = manager(shop) + [("stranger", "large"), ("c9999", "small")]
    rows[5] = (rows[5][0], "")
    options = {"entity": "customer", "label": "size", "amount": "spend"}
    found = shop.segments.compare_labels("who", written(shop, rows), **options, to=tmp_path / "overlooked.csv")
    assert (found.matched, found.unmatched, found.examples, found.empty) == (269, 2, ("c9999", "stranger"), 1)
    segments = shop.tags.values(["segment.who"]).set_index("entity")["segment.who"].astype(int)
    kept = {key: label for key, label in rows if label and key in segments.index}
    data = [int(segments[key]) for key in kept]
    named = [{1: "medium", 2: "small", 3: "large"}[i] for i in data]
    assert found.pairs == {1: "medium", 2: "small", 3: "large"}
    assert found.ari == pytest.approx(adjusted_rand_score(list(kept.values()), data))
    assert found.kappa == pytest.approx(cohen_kappa_score(list(kept.values()), named))
    assert (found.top_segment, found.top_label, len(found.overlooked)) == (3, "large", 10)
    lines = list(csv.reader((tmp_path / "overlooked.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert lines[0] == ["entity", "segment", "label", "amount"] and {line[0] for line in lines[1:]} == {
        f"c{i:04}" for i in range(260, 270)
    }
    amounts = [float(line[3]) for line in lines[1:]]
    assert amounts == sorted(amounts, reverse=True) and min(amounts) > 60
    shown = shop.segments.show("who")["labels"]
    assert shown["overlooked"] == 10 and shown["source"] == "labels.csv" and shown["ari"] == pytest.approx(found.ari)
    assert shop.segments.compare_labels("who", tag="city").ari == pytest.approx(0, abs=0.02)


def test_labels_that_cannot_be_compared() -> None:
    segments = {"a": 1, "b": 2, "c": 1}
    same = compare([("a", "x"), ("b", "x"), ("c", "x")], segments, {"a": 1.0, "b": 2.0, "c": 3.0}, amount="spend")
    assert same.ari is None and same.kappa is None and same.overlooked == ()
    with pytest.raises(Refused, match="No label is of a customer with a segment"):
        compare([("z", "x"), ("a", "  ")], segments)
    with pytest.raises(Refused, match='"a" has the labels "x" and "y"'):
        compare([("a", "x"), ("a", "y")], segments)
    with pytest.raises(Refused, match='Nobody has the label "larg"') as told:
        compare([("a", "large")], segments, {"a": 1.0}, top="larg")
    assert told.value.fix == 'Did you mean "large"?'
    more = compare([("a", "x"), ("b", "y"), ("c", "z")], segments)
    assert more.amount is None and more.top_segment is None and len(more.pairs) == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "The labels are in a file or in a tag"),
        ({"tag": "citty"}, 'no tag "citty"'),
        ({"file": True, "entity": "customer"}, "Give the column with --label"),
        ({"file": True, "entity": "custmer", "label": "size"}, 'The file has no column "custmer"'),
        ({"file": True, "tag": "city"}, "in a file or in a tag"),
    ],
)
def test_labels_that_cannot_be_found(shop: Workspace, given: dict[str, object], words: str) -> None:
    options = {key: value for key, value in given.items() if key != "file"}
    with pytest.raises(CoterieError, match=words):
        shop.segments.compare_labels("who", written(shop, manager(shop)) if "file" in given else None, **options)  # type: ignore[arg-type]


def test_names_marks_and_strategies_outlive_a_refit(shop: Workspace) -> None:
    shop.segments.mark("who", 3, "name", "The sales team calls them so.", by="Ann", name_en="Whales", name_zh="大客户")
    shop.segments.mark("who", 2, "customer", "An employee.", entity="c0130")
    shop.segments.set_strategy("who", 3, owner="Ann", action="Call", policy='Say "hello"\nand mean it.')
    shop.segments.set_strategy("who", 3, action="Visit")
    assert shop.catalog.tag("segment.who").levels["3"] == {"en": "Whales", "zh": "大客户"}
    put(shop, spread(np.vstack([CENTRES, [[80.0, 5.0]] * 200]), 6), 1)  # the smallest becomes the largest
    second = shop.segments.refit("who", seed=9)
    assert second["version"] == 2 and second["sizes"] == {"3": 260, "1": 120, "2": 90}
    assert {f["kind"] for f in second["identity"]["segments"]} == {"survived"}
    assert second["identity"]["migration"]["kept_id"] == second["identity"]["migration"]["entities"] == 270
    assert shop.segments.predict("who", pd.DataFrame({"spend": [80.0], "visits": [5.0], "city": ["Oslo"]}))[
        "segment"
    ].tolist() == [3]
    shown = shop.segments.show("who")
    whales = next(s for s in shown["segments"] if s["segment"] == 3)
    assert whales["name"] == "Whales" and whales["owner"] == "Ann" and whales["action"] == "Visit"
    assert [(m["segment"], m["what"], m["version"], m["entity"], m["by"]) for m in shown["marks"]] == [
        (3, "name", 1, None, "Ann"),
        (2, "customer", 1, "c0130", ""),
    ]
    assert (
        next(s["name"] for s in shop.segments.show("who", language="zh")["segments"] if s["segment"] == 3) == "大客户"
    )
    tags = [f"segment.who.strategy.{part}" for part in ("owner", "action", "policy")]
    found = shop.tags.values(["segment.who", *tags]).set_index("entity")
    mine, theirs = found.loc["c0400"], found.loc["c0000"]
    assert (mine["segment.who"], *mine[tags]) == (3, "Ann", "Visit", 'Say "hello"\nand mean it.')
    assert theirs["segment.who"] == 1 and theirs[tags].isna().all()
    assert (
        shop.segments.strategy_of("who", 3).policy.startswith("Say") and shop.segments.strategy_of("who", 1).owner == ""
    )
    file = shop.path / "out.csv"
    shop.segments.save_audience("who", 3, "whales")
    shop.audiences.export("whales", file, tags=tags[:2])
    assert file.read_text(encoding="utf-8-sig").splitlines()[1].endswith("Ann,Visit")
    assert shop.segments.fit_of("who").model.names[0].en == "Whales"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"segment": 9, "what": "name", "note": "x"}, '"who" has no segment 9 in version 1'),
        ({"segment": 1, "what": "colour", "note": "x"}, '"colour" cannot be marked'),
        ({"segment": 1, "what": "reason"}, "The mark says nothing"),
        ({"segment": 1, "what": "reason", "note": "x", "name_en": "y"}, "A name goes with `--what name`"),
        ({"segment": 1, "what": "customer", "note": "x"}, "A mark on a customer needs one"),
        ({"segment": 1, "what": "name", "note": "x" * 3_000}, "The text is too long"),
    ],
)
def test_marks_that_say_nothing(shop: Workspace, given: dict[str, object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        shop.segments.mark("who", **given)  # type: ignore[arg-type]


def test_strategies_that_say_nothing(shop: Workspace) -> None:
    with pytest.raises(Refused, match="Nothing is said of the segment"):
        shop.segments.set_strategy("who", 1)
    with pytest.raises(NotFound, match="no segment 9"):
        shop.segments.set_strategy("who", 9, owner="Ann")
    with pytest.raises(NotFound, match='no segmentation "whom"'):
        shop.segments.strategy_of("whom", 1)
