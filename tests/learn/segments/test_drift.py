"""Drift is named where there is some, and only there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wasserstein_distance
from tests.segmented import CENTRES, put, shop, spread

from coterie.errors import Refused
from coterie.learn.segments.drift import Drift, Reference, compare, psi, reference
from coterie.learn.segments.drift_words import drift_text
from coterie.learn.segments.model import Prediction
from coterie.learn.segments.stored import decode, encode
from coterie.workspace import Workspace

__all__ = ["shop"]

FITTED = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = ["spend", "visits", "recency", "city", "vip"]


def world(seed: int, n: int = 600) -> pd.DataFrame:
    """Customers of one world, another sample each seed."""
    rng = np.random.default_rng(seed)
    spend = np.exp(rng.normal(4, 1, n))
    recency = np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 300, n))
    frame = pd.DataFrame({"spend": spend, "visits": rng.poisson(3, n), "recency": recency})
    frame["city"] = rng.choice(["Oslo", "Rome", "Bonn"], n, p=[0.6, 0.3, 0.1])
    frame["vip"] = rng.random(n) < 0.2
    return frame


def assigned(frame: pd.DataFrame, cut: float = 60.0) -> Prediction:
    """Two segments by spend, with a margin and a distance as a model gives them."""
    far = np.log(frame["spend"].to_numpy() / cut)
    table = pd.DataFrame({"segment": np.where(far > 0, 1, 2), "margin": np.clip(np.abs(far), 0, 1)})
    return Prediction(table, (), np.abs(far))


def drifted(before: pd.DataFrame, now: pd.DataFrame, days: float = 30, every_days: float = 90) -> Drift:
    kept = reference(before, COLUMNS, assigned(before), (1, 2))
    kept = decode(Reference, encode(kept))  # as it is stored
    at = FITTED + timedelta(days=days)
    return compare(kept, now, assigned(now), fitted_at=FITTED, at=at, every_days=every_days)


def test_psi_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    before, now = np.array([0.25] * 4), np.array([300.0, 250.0, 250.0, 200.0])
    p, q = (before * 1000 + 0.5) / 1002, (now + 0.5) / 1002
    value, _ = psi(before, 1000, now)
    assert value == pytest.approx(((q - p) * np.log(q / p)).sum())
    chances = [
        psi(
            np.bincount(rng.integers(0, 8, 500), minlength=8) / 500,
            500,
            np.bincount(rng.integers(0, 8, 500), minlength=8),
        )[1]
        for _ in range(400)
    ]
    assert 0.02 <= np.mean(np.array(chances) < 0.05) <= 0.09  # the law holds: one in twenty


def test_the_distance_is_wassersteins() -> None:
    before, now = world(0, 5_000), world(1, 5_000).assign(spend=lambda f: f["spend"] * 1.5)
    found = drifted(before, now).columns[0]
    exact = wasserstein_distance(before["spend"], now["spend"]) / before["spend"].std(ddof=0)
    assert found.wasserstein == pytest.approx(exact, rel=0.01)


def test_another_sample_of_the_same_world_stays_quiet() -> None:
    """A detector that always fires would find every drift: what counts is how rarely this one does without."""
    verdicts = [drifted(world(2 * seed), world(2 * seed + 1)).verdict for seed in range(25)]
    assert verdicts.count("no") >= 24, verdicts
    assert drifted(world(0, 40), world(1, 40)).verdict == "no"  # few rows


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("spend", lambda f: f.assign(spend=f["spend"] * 2.5)),
        ("visits", lambda f: f.assign(visits=f["visits"] + 2)),
        ("recency", lambda f: f.assign(recency=f["recency"].mask(np.arange(len(f)) % 2 == 0))),
        ("city", lambda f: f.assign(city=f["city"].replace("Rome", "Paris"))),
        ("vip", lambda f: f.assign(vip=np.arange(len(f)) % 2 == 0)),
    ],
)
def test_a_planted_drift_is_named_by_its_column(column: str, change) -> None:  # type: ignore[no-untyped-def]
    found = drifted(world(0), change(world(1)))
    assert found.verdict == "now" and found.far
    named = {t.column for t in found.triggers if t.code == "column"}
    assert named == {column} and found.due == FITTED + timedelta(days=30)
    assert f"{column} is spread quite otherwise" in drift_text(found, "en", {})
    assert "请立即重新拟合，因为" in drift_text(found, "zh", {}) and f"{column} 的分布" in drift_text(found, "zh", {})


def test_a_small_drift_says_soon_and_when() -> None:
    rng = np.random.default_rng(5)
    before = pd.DataFrame({"spend": rng.normal(100, 10, 4_000)})
    now = pd.DataFrame({"spend": rng.normal(101.5, 10, 4_000)})
    table = pd.DataFrame({"segment": [1] * 4_000, "margin": [0.5] * 4_000})
    kept = reference(before, ["spend"], Prediction(table, (), np.zeros(4_000)), (1,))
    found = compare(kept, now, Prediction(table, (), np.zeros(4_000)), fitted_at=FITTED, at=FITTED + timedelta(days=20))
    assert found.verdict == "soon" and not found.far and found.due_trigger.column == "spend"
    column = found.columns[0]
    assert column.wasserstein is not None and column.psi < 0.1 < column.wasserstein < 0.25
    pace = 20 * 0.25 / column.wasserstein
    assert found.due == FITTED + timedelta(days=pace) and 20 < pace < 90
    assert "when at this pace spend will have moved too far" in drift_text(found, "en", {})


def test_strangers_and_sizes_are_seen() -> None:
    before, now = world(0), world(1)
    odd = now.assign(spend=np.where(np.arange(len(now)) % 2 == 0, 90_000.0, now["spend"]))
    codes = {t.code for t in drifted(before, odd).triggers}
    assert {"sizes", "strange"} <= codes
    text = drift_text(drifted(before, odd), "en", {})
    assert "far from every segment" in text and "the segments' sizes are" in text


def test_time_alone_asks_for_a_refit() -> None:
    found = drifted(world(0), world(1), days=91)
    assert [t.code for t in found.triggers] == ["age"] and found.verdict == "now" and not found.far
    assert drift_text(found, "en", {}) == "Refit now, because 90 days have passed. Next refit: 2 Apr 2026."
    calm = drifted(world(0), world(1))
    assert drift_text(calm, "zh", {}) == "无需重新拟合。下次重新拟合：2026年4月1日，届时已满 90 天。"


def test_drift_of_a_segmentation(shop: Workspace) -> None:
    put(shop, spread(CENTRES, 11), 1)  # other values of the same world
    calm = shop.segments.drift("who")
    assert (calm.verdict, calm.days, calm.rows) == ("no", 31.0, 270)
    assert shop.segments.drift("who", every_days=30).verdict == "now"
    put(shop, spread(CENTRES, 12) * [1.0, 2.0], 2)
    found = shop.segments.drift("who")
    assert {t.column for t in found.triggers if t.code == "column"} == {"visits"}
    assert found.as_dict()["next_refit"]["trigger"] in ("column", "strange", "sizes")
    stored = str(shop.segments.registry.get("who").body["reference"])
    assert "c0001" not in stored  # no customer's row
    with pytest.raises(Refused, match="no number of days"):
        shop.segments.drift("who", every_days=0)
