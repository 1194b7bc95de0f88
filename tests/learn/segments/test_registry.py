"""Versions are kept, promoted, rolled back and made again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.segmented import shop

from coterie.errors import NotFound, Refused
from coterie.learn.segments.lifetime import compared
from coterie.learn.segments.model import SegmentModel
from coterie.learn.segments.registry import KIND
from coterie.workspace import Workspace

__all__ = ["shop"]


def published(ws: Workspace) -> dict[str, int]:
    found = ws.tags.values(["segment.who"]).dropna()
    return {str(key): int(i) for key, i in zip(found["entity"], found["segment.who"], strict=True)}


def test_a_version_keeps_all_that_made_it(shop: Workspace) -> None:
    shown = shop.segments.show("who")
    assert (shown["version"], shown["kind"], shown["promoted"], shown["as_of"]) == (
        1,
        "fit",
        True,
        "2026-01-01T00:00:00+00:00",
    )
    assert shown["options"] == {"method": "kmeans", "k": 3, "seed": 0, "prepare": "auto", "max_k": 10, "min_size": None}
    kept = shown["environment"]
    assert kept["threads"] == shop.settings["threads"] and {"numpy", "scikit-learn"} <= set(kept["libraries"])
    assert kept["code"] == "0.1.0" and shown["data_version"] == 1
    assert shown["metrics"]["structure"]["found"] and shown["metrics"]["silhouette"] > 0.5
    assert [(s["segment"], s["size"], s["band"]) for s in shown["segments"]] == [
        (1, 120, "high"),
        (2, 90, "high"),
        (3, 60, "high"),
    ]
    tag = shop.catalog.tag("segment.who")
    assert "version 1 (fit, kmeans, seed 0, data version 1, as of 2026-01-01)" in tag.description["en"]
    assert tag.category == ("segment",) and set(tag.levels) == {"0", "1", "2", "3"}


def test_the_tag_is_that_of_the_promoted_version(shop: Workspace) -> None:
    first = published(shop)
    second = shop.segments.fit("who", ["spend", "visits", "city"], k=2, promote=False)
    assert (second["version"], second["promoted"]) == (2, False)
    assert (
        published(shop) == first and shop.segments.rows()[0]["version"] == 1 and shop.segments.rows()[0]["newest"] == 2
    )
    used = shop.segments.promote("who", 2)
    assert (used["version"], used["was"]) == (2, 1) and used["sizes"] == second["sizes"]
    assert published(shop) != first and "version 2" in shop.catalog.tag("segment.who").description["en"]
    back = shop.segments.rollback("who")
    assert (back["version"], back["was"]) == (1, 2)
    assert published(shop) == first and "version 1" in shop.catalog.tag("segment.who").description["en"]
    shop.segments.promote("who", 2)
    assert shop.segments.sizes("who") == second["sizes"] and [v["promoted"] for v in shop.segments.versions("who")] == [
        False,
        True,
    ]
    with pytest.raises(NotFound, match='"who" has no version 7.*It has: 1, 2'):
        shop.segments.promote("who", 7)


def test_there_is_nothing_before_the_first(shop: Workspace) -> None:
    with pytest.raises(Refused, match='No version of "who" was in use before'):
        shop.segments.rollback("who")
    with pytest.raises(NotFound, match='no segmentation "whom". Did you mean "who"'):
        shop.segments.rollback("whom")


def test_the_same_again_is_the_same_version(shop: Workspace) -> None:
    before = shop.data_version
    again = shop.segments.fit("who", ["spend", "visits", "city"], k=3)
    assert (again["version"], again["identity"], shop.data_version) == (1, None, before)


def test_a_version_that_was_tampered_with_is_noticed(shop: Workspace) -> None:
    assert shop.store.put(KIND, "who", tampered(shop, 0.5)) == 2
    found = shop.segments.rebuild("who", 2)
    assert not found.identical and not found.same
    assert found.centres == pytest.approx(0.5) and found.ari <= 1.0


@pytest.mark.parametrize(("by", "same"), [(1e-9, True), (1e-3, False)])
def test_rounding_is_told_from_another_model(shop: Workspace, by: float, same: bool) -> None:
    version = shop.segments.registry.get("who", 1)
    other = SegmentModel.from_json(json.dumps(tampered(shop, by)["model"]))
    found = compared(version, other, shop.segments.frame_of("who", 1), 2)
    assert (found.identical, found.same, found.ari) == (False, same, 1.0)
    assert found.centres == pytest.approx(by, rel=1e-5)


def tampered(ws: Workspace, by: float) -> dict[str, Any]:
    """Version 1 with a coordinate of a centre moved."""
    body: dict[str, Any] = json.loads(json.dumps(dict(ws.segments.registry.get("who", 1).body)))
    body["model"]["centres"][0][0] += by
    return body
