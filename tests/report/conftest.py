"""A shop with a known truth, a fit of it, and a study with everything that can be handed in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from coterie.learn.segments.drift import compare, reference
from coterie.learn.segments.humans import Mark
from coterie.learn.segments.humans import compare as human_labels
from coterie.learn.segments.model import SegmentFit, fit_segments
from coterie.learn.segments.strategy import Strategy
from coterie.learn.segments.study.economics import Margins
from coterie.learn.segments.study.make import Given, Study, make_study
from coterie.learn.segments.study.origin import Facts
from coterie.learn.segments.study.past import Before
from coterie.learn.segments.words import Text

LABELS = {
    "gender": Text("gender", "性别"),
    "age": Text("age", "年龄"),
    "orders": Text("orders", "订单数"),
    "basket": Text("basket value", "客单价"),
    "night": Text("night share", "夜间占比"),
    "city": Text("city", "城市"),
    "app": Text("uses the app", "使用应用"),
    "gone": Text("days since", "距今天数"),
    "shop": Text("shop", "门店"),
}


class Shop(NamedTuple):
    """Customers of a shop, what else is known of them, and what they did later."""

    frame: pd.DataFrame
    others: pd.DataFrame
    after: pd.DataFrame


def make_shop(seed: int = 0, n: int = 240) -> Shop:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    keys = pd.Index([f"c{i}" for i in range(n)])
    frame = pd.DataFrame(
        {
            "orders": np.round(np.array([3.0, 20.0, 6.0])[truth] * np.exp(rng.normal(0, 0.3, n))) + 1,
            "basket": (np.array([20.0, 25.0, 180.0])[truth] * np.exp(rng.normal(0, 0.3, n))).round(2),
            "night": (np.array([0.1, 0.2, 0.6])[truth] + rng.normal(0, 0.06, n)).clip(0, 1),
            "gone": np.where(rng.random(n) < 0.1, np.nan, rng.exponential(60, n).round()),
            "city": rng.choice(["巴黎", "<b>里昂</b>"], n),
            "app": rng.random(n) < np.array([0.2, 0.5, 0.9])[truth],
            "shop": "市中心",
        },
        index=keys,
    )
    others = pd.DataFrame(
        {
            "gender": np.where(rng.random(n) < np.array([0.2, 0.5, 0.8])[truth], "女", "男"),
            "age": rng.normal(40, 12, n).round(),
            "reach.sms": rng.random(n) < 0.6,
        },
        index=keys,
    )
    after = pd.DataFrame(
        {
            "revenue": np.where(rng.random(n) < 0.6, frame["basket"] * rng.poisson(1.5, n), 0.0),
            "returned": rng.random(n) < np.array([0.3, 0.8, 0.5])[truth],
            "response": rng.random(n) < np.array([0.05, 0.1, 0.3])[truth],
        },
        index=keys,
    )
    return Shop(frame, others, after)


def studied(fit: SegmentFit, shop: Shop) -> Study:
    """Everything that can be handed in."""
    labels = dict(zip(fit.labels["entity"], fit.labels["segment"], strict=True))
    moved = {key: i % fit.model.k + 1 for key, i in labels.items() if key.endswith("7")}
    before = Before(2, "2025-05-31", fit.model, labels | moved)
    kept = reference(shop.frame, fit.model.columns, fit.model.assign(shop.frame), fit.model.ids)
    then, now = datetime(2025, 3, 31, tzinfo=UTC), datetime(2025, 6, 30, tzinfo=UTC)
    later = shop.frame.assign(night=(shop.frame["night"] + 0.1).clip(0, 1))
    drift = compare(kept, later, fit.model.assign(later), fitted_at=then, at=now)
    given = [(key, "大" if i == 1 else "小") for key, i in list(labels.items())[:100]]
    everything = Given(
        facts=Facts(as_of="2025-06-30", data_version=7, excluded={"测试": 3}, rerun="coterie -w shop segment fit s"),
        money=["basket"],
        others=shop.others,
        frame_at=lambda moment: shop.frame.iloc[20:],
        windows=[then],
        outcomes=lambda moment, days: shop.after,
        cutoff=then,
        margins=Margins("basket", 0.4, "orders", 1.0, 2.0, contact_cost=0.3, response_value=12.0),
        before=before,
        drift=drift.as_dict(),
        strategies={1: Strategy(1, "王", "电话回访", "不打折")},
        marks=[Mark("a", "2025-06-30", 2, 2, "name", "不对")],
        humans=human_labels(given, labels, dict.fromkeys(labels, 5.0), amount="basket"),
    )
    return make_study(fit, shop.frame, everything)


@pytest.fixture(scope="session")
def shop() -> Shop:
    return make_shop()


@pytest.fixture(scope="session")
def fit(shop: Shop) -> SegmentFit:
    return fit_segments(shop.frame, money=["basket"], max_k=4, labels=LABELS)


@pytest.fixture(scope="session")
def study(fit: SegmentFit, shop: Shop) -> Study:
    return studied(fit, shop)
