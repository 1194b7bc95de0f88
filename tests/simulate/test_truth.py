"""The truth agrees with the files: churn with the future, uplift with the arms, fraud with its share; nothing leaks."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from coterie.simulate import truth
from coterie.simulate.campaigns import GOAL
from coterie.simulate.segments import NAMES, SEGMENTS
from coterie.simulate.shop import World, build_world

from .files import Shop


@pytest.fixture(scope="module")
def world() -> World:
    """A larger world, not written to files."""
    return build_world(customers=20_000, seed=5, end=date(2026, 10, 31), years=2)


def test_those_who_left_buy_no_more_and_expect_nothing(shop: Shop) -> None:
    churn = shop.truth["churn"].set_index("customer_id")
    last = shop.frames["orders"].query("amount >= 0").groupby("customer_id")["ordered_at"].max()
    left = churn[~churn["alive"]]
    assert (pd.to_datetime(left["churned_at"]) >= last.reindex(left.index)).all()
    assert (left[["expected_orders_90d", "orders_90d"]] == 0).all().all()
    assert churn.loc[churn["alive"], "churned_at"].isna().all()
    assert 0.5 < churn["alive"].mean() < 0.8


def test_expected_orders_are_the_mean_of_drawn_futures(world: World) -> None:
    drawn = [truth.future(world.people, seed, world.when) for seed in range(5)]
    total = np.array([f.drawn.sum() for f in drawn])
    expected = drawn[0].expected.sum()
    assert abs(total.mean() - expected) < 4 * np.sqrt(
        expected * 2 / len(total)
    )  # Poisson, more than doubled by leaving
    by_rank = np.array_split(np.argsort(drawn[0].expected), 10)
    mean = np.mean([f.drawn for f in drawn], axis=0)
    for part in by_rank[4:]:  # the lower tenths have left
        assert mean[part].mean() == pytest.approx(drawn[0].expected[part].mean(), rel=0.10)


def test_the_expected_future_is_like_the_year_before(world: World) -> None:
    """The same 90 days a year ago had as many orders from as many customers alive, newcomers apart."""
    day = (world.orders.second - world.when.epoch_seconds) // 86_400
    a_year_ago = world.when.days - 365
    people = world.people
    known = (people.start < a_year_ago) & (people.stop > a_year_ago) & ~people.bot
    orders = known[world.orders.owner] & (day >= a_year_ago) & (day < a_year_ago + 90) & (world.orders.fraud == 0)
    ahead = truth.future(people, 5, world.when)
    assert ahead.expected.sum() / ahead.alive.sum() == pytest.approx(orders.sum() / known.sum(), rel=0.06)


def test_arms_respond_as_the_truth_says(world: World) -> None:
    sends = world.sends
    reached = np.zeros(len(sends), dtype=bool)
    reached[world.responses.send[world.responses.step == GOAL]] = True
    for arm, p in ((sends.treated, sends.p_treated), (~sends.treated, sends.p_control)):
        error = np.sqrt((p[arm] * (1 - p[arm])).sum())
        assert abs(reached[arm].sum() - p[arm].sum()) < 4 * error
    assert abs(sends.treated.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(sends))


def test_offers_move_the_kinds_in_known_directions(shop: Shop) -> None:
    uplift = shop.truth["uplift"].merge(shop.truth["segments"], on="customer_id")
    assert np.allclose(uplift["uplift"], uplift["p_treated"] - uplift["p_control"], atol=2e-6)
    mean = uplift.groupby("segment")["uplift"].mean()
    assert mean["bargain_hunter"] > 0.02 > mean["family_basket"] > 0.005 and mean["gift_buyer"] > 0.01
    assert mean["night_browser"] < -0.004 and mean["wholesale_buyer"] < -0.003
    assert abs(mean["loyal_regular"]) < 0.004
    assert set(uplift["kind"]) == {"unmoved", "persuadable", "sleeping_dog"}


def test_control_groups_get_no_mail(shop: Shop) -> None:
    response = shop.frames["campaign_response"]
    assert set(response.query("arm == 'control'")["event"]) == {"assigned", "goal"}
    assert set(response.query("arm == 'treatment'")["event"]) == {"assigned", "sent", "opened", "clicked", "goal"}
    assigned = response.query("event == 'assigned'")
    assert not assigned.duplicated(["campaign_id", "customer_id"]).any()
    agreed = shop.frames["profiles"].set_index("customer_id")["consent_email"]
    assert agreed.reindex(assigned["customer_id"]).all()


def test_three_orders_in_a_thousand_are_fraud(world: World, shop: Shop) -> None:
    assert (world.orders.fraud > 0).mean() == pytest.approx(0.003, rel=0.05)
    fraud, orders = shop.truth["fraud"], shop.frames["orders"]
    assert set(fraud["order_id"]) <= set(orders["order_id"])
    stolen = orders[
        orders["order_id"].isin(fraud.query("kind == 'stolen_account'")["order_id"]) & (orders["amount"] > 0)
    ]
    assert (
        stolen["amount"].median() > 3 * orders["amount"].median() and stolen["ordered_at"].dt.hour.between(1, 5).all()
    )


def test_interests_are_shares_and_move_purchases(shop: Shop) -> None:
    interests = shop.truth["interests"].set_index("customer_id")
    assert np.allclose(interests.drop(columns="favourite").sum(axis=1), 1, atol=1e-5)
    orders = shop.frames["orders"].merge(shop.frames["products"][["product_id", "category"]], on="product_id")
    wanted = orders["customer_id"].map(interests["favourite"])
    key = orders["category"].map({"Beauty": "beauty", "Electronics": "electronics", "Food": "food"})
    assert (wanted == key)[key.notna()].mean() > 0.35


def test_ids_names_and_the_order_of_rows_tell_nothing(shop: Shop) -> None:
    """A leak would give ids, positions or spellings of one segment a place of their own."""
    profiles = shop.frames["profiles"].merge(shop.truth["segments"], on="customer_id")
    segment = profiles["segment"]
    tenths = {
        name: pd.qcut(profiles[name].rank(method="first"), 10, labels=False) for name in ("customer_id", "signup_at")
    }
    tenths["row"] = pd.qcut(pd.Series(range(len(profiles))), 10, labels=False)
    tenths["mail"] = pd.qcut(profiles["email"].str.extract(r"(\d+)")[0].astype(float).rank(), 10, labels=False).fillna(
        -1
    )
    for name, groups in tenths.items():
        assert adjusted_rand_score(segment, groups) < 0.01, name
    first = shop.frames["orders"].drop_duplicates("customer_id").set_index("customer_id")["order_id"]
    assert adjusted_rand_score(segment, pd.qcut(first.reindex(profiles["customer_id"]).rank(), 10, labels=False)) < 0.02
    labels = set(NAMES) | {s.label_en for s in SEGMENTS} | {s.label_zh for s in SEGMENTS}
    for name, frame in shop.frames.items():
        for column in frame.columns:
            assert column not in labels | {"segment"} and not frame[column].isin(labels).any(), (name, column)
