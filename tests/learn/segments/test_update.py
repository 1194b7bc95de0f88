"""Centres follow new customers between fits, and only so far."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.segmented import CENTRES, put, shop, spread

from coterie.errors import NotFound, Refused
from coterie.learn.segments.lifetime import centres_of
from coterie.learn.segments.update import moved
from coterie.workspace import Workspace

__all__ = ["shop"]


def test_one_batch_gives_the_weighted_mean(shop: Workspace) -> None:
    model = shop.segments.model("who")
    start = centres_of(model)
    assert start is not None
    rows = pd.DataFrame({"spend": [82.0, 84.0], "visits": [5.0, 6.0], "city": ["Oslo", "Rome"]}, index=["x", "y"])
    new = model.pipeline.transform(rows)
    made = moved(model, model, rows, (120.0, 90.0, 60.0), days=90.0, half_life_days=90.0)
    end = centres_of(made.model)
    assert end is not None and made.weights == (60.0, 45.0, 32.0)
    np.testing.assert_array_equal(end[:2], start[:2])
    np.testing.assert_allclose(end[2], (30 * start[2] + new.sum(axis=0)) / 32)
    between = np.linalg.norm(start[2] - start[:2], axis=1).min()
    assert made.shift == pytest.approx(np.linalg.norm(end[2] - start[2]) / between)
    shuffled = moved(model, model, rows.iloc[::-1], (120.0, 90.0, 60.0), days=90.0, half_life_days=90.0)
    assert shuffled == made


def test_many_small_batches_come_to_the_mean_of_all(shop: Workspace) -> None:
    """Without forgetting, a centre is the mean of all it ever stood for, however the rows are cut into batches."""
    model, values = shop.segments.model("who"), spread(np.array([[80.0, 5.0]] * 3_500), 1)
    rows = pd.DataFrame({"spend": values[:, 0], "visits": values[:, 1], "city": "Oslo"})
    rows.index = pd.Index([f"n{i:05}" for i in range(len(rows))])
    made = moved(model, model, rows, (500.0, 500.0, 500.0), days=0.0)
    start, end = centres_of(model), centres_of(made.model)
    assert start is not None and end is not None and made.weights == (500.0, 500.0, 4_000.0)
    np.testing.assert_array_equal(end[:2], start[:2])
    np.testing.assert_allclose(end[2], (500 * start[2] + model.pipeline.transform(rows).sum(axis=0)) / 4_000)


def test_new_customers_are_assigned_and_the_centres_follow(shop: Workspace) -> None:
    before = shop.segments.model("who")
    put(shop, spread(np.array([[83.0, 5.0]] * 30), 5), 1, first=270)
    told = shop.segments.update("who")
    assert (told["version"], told["moved"], told["rows"], told["of"]) == (2, True, 30, 300)
    assert told["sizes"] == {"1": 120, "2": 90, "3": 90} and 0 < told["shift"] < 0.05
    now = shop.segments.model("who")
    a, b = centres_of(before), centres_of(now)
    assert a is not None and b is not None and now.ids == before.ids
    np.testing.assert_array_equal(a[:2], b[:2])
    assert b[2, 0] > a[2, 0]  # towards more spending
    versions = shop.segments.versions("who")
    assert [(v["kind"], v["from_version"], v["promoted"]) for v in versions] == [
        ("fit", None, False),
        ("update", 1, True),
    ]
    assert shop.segments.rebuild("who").identical
    again = shop.segments.update("who")  # nothing is new
    assert (again["version"], again["moved"], again["rows"]) == (2, False, 0)
    moves = shop.segments.migrate("who", 1, 2)
    assert (moves["came"], moves["left"], moves["kept_id"], moves["entities"]) == (30, 0, 270, 270)


def test_customers_who_moved_far_ask_for_a_refit(shop: Workspace) -> None:
    put(shop, spread(CENTRES + [25.0, 0.0], 5), 1)
    with pytest.raises(
        Refused, match="moved too far for an update: Refit now, because spend is spread quite otherwise"
    ) as told:
        shop.segments.update("who")
    assert told.value.code == "refit_needed" and told.value.fix == "Fit it again: coterie segment refit who"
    assert len(shop.segments.versions("who")) == 1
    with pytest.raises(NotFound, match='"who" has no version 2'):
        shop.segments.promote("who", 2)


def test_an_update_needs_a_half_life(shop: Workspace) -> None:
    with pytest.raises(Refused, match="A half-life is above 0"):
        shop.segments.update("who", half_life_days=0)


def test_a_method_without_centres_only_assigns_and_some_are_in_no_segment(shop: Workspace) -> None:
    rng = np.random.default_rng(7)
    put(shop, rng.uniform([0, 40], [300, 100], (8, 2)), 1, first=270)  # far apart from each other
    first = shop.segments.fit("dense", ["spend", "visits"], method="hdbscan", prepare="standard")
    none = first["sizes"]["0"]
    assert first["k"] == 3 and none >= 8 and sum(first["sizes"].values()) == 278
    shown = {s["segment"]: s for s in shop.segments.show("dense")["segments"]}
    assert shown[0]["size"] == none and shown[0]["name"] == "In no segment" and set(shown) == {0, 1, 2, 3}
    published = shop.tags.values(["segment.dense"])["segment.dense"].astype(int)
    assert int((published == 0).sum()) == none
    put(shop, np.array([[400.0, 90.0], [80.0, 5.0]]), 2, first=278)
    told = shop.segments.update("dense")
    assert (told["version"], told["moved"], told["rows"]) == (1, False, 2) and told["sizes"]["0"] == none + 1
    found = shop.tags.values(["segment.dense"]).set_index("entity")["segment.dense"]
    assert found["c0278"] == 0 and found["c0279"] == found["c0260"] > 0
    assert shop.segments.drift("dense").none.before == pytest.approx(none / 278)
