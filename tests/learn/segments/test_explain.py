"""Profiles, names and rules of segments against figures computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.learn.segments.conftest import Planted

from coterie.learn.segments.explain import explain, rule_text
from coterie.learn.segments.map import plane_map
from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.names import suggest
from coterie.learn.segments.prepare import prepare
from coterie.learn.segments.profile import profile


def _matches(frame: pd.DataFrame, rule: dict) -> pd.Series:
    """A rule by pandas, as a reader of its JSON would apply it; a missing value fails every condition."""
    if "any" in rule:
        return pd.concat([_matches(frame, part) for part in rule["any"]], axis=1).any(axis=1)
    passed = pd.Series(True, index=frame.index)
    for leaf in rule["all"]:
        values, bound = frame[leaf["tag"]], leaf.get("value")
        outcome = {
            "gte": lambda v=values, b=bound: v >= b,
            "lt": lambda v=values, b=bound: v < b,
            "lte": lambda v=values, b=bound: v <= b,
            "eq": lambda v=values, b=bound: v == b,
            "ne": lambda v=values, b=bound: (v != b) & v.notna(),
            "exists": lambda v=values: v.notna(),
            "not_exists": lambda v=values: v.isna(),
        }[leaf["op"]]()
        passed &= outcome.fillna(False).astype(bool)
    return passed


def test_rules_do_what_they_say(known: Planted, fit: SegmentFit) -> None:
    segment = fit.labels.set_index("entity")["segment"]
    for j, told in enumerate(fit.explanation.rules):
        matched = _matches(known.frame, told.rule)
        member = segment.loc[known.frame.index] == j + 1
        precision, recall = (matched & member).sum() / matched.sum(), (matched & member).sum() / member.sum()
        assert precision > 0.9 and recall > 0.9
        assert told.precision == pytest.approx(precision, abs=0.1) and told.recall == pytest.approx(recall, abs=0.1)
    assert fit.explanation.fidelity > 0.9 and fit.explanation.held_out


def test_rules_use_missing_levels_and_flags_as_the_rule_language_means_them() -> None:
    rng = np.random.default_rng(0)
    n = 400
    labels = np.repeat([0, 1, 2, 3], n // 4)
    frame = pd.DataFrame(
        {
            "recency": np.where(labels == 0, np.nan, rng.normal(50, 10, n)),
            "city": np.where(labels == 1, "Paris", rng.choice(["Lyon", "Nice"], n)),
            "app": pd.array(np.where(labels == 2, True, False), dtype="boolean"),
            "noise": rng.normal(size=n),
        }
    )
    told = explain(frame, prepare(frame), labels, 4, seed=0)
    assert told.rules[0].rule == {"all": [{"tag": "recency", "op": "not_exists"}]}
    assert told.rules[1].rule == {"all": [{"tag": "city", "op": "eq", "value": "Paris"}]}
    assert told.rules[2].rule == {"all": [{"tag": "app", "op": "eq", "value": True}]}
    for j, rule in enumerate(told.rules):
        assert (rule.precision, rule.recall) == (1.0, 1.0)
        assert np.array_equal(_matches(frame, rule.rule), labels == j)
    assert [rule_text(told.rules[j].rule, "en", {}) for j in (0, 1, 2)] == [
        "recency is missing",
        "city = Paris",
        "app: yes",
    ]
    assert rule_text(told.rules[0].rule, "zh", {}) == "recency缺失"


def test_rules_have_round_numbers_and_whole_ones_for_counts() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"orders": rng.poisson(5, 600), "spend": np.exp(rng.normal(4, 1, 600))})
    labels = (frame["orders"] >= 7).astype(int).to_numpy() + 2 * (frame["spend"] > 123.456).astype(int).to_numpy()
    told = explain(frame, prepare(frame), labels, 4, seed=0)
    leaves = [leaf for rule in told.rules for leaf in rule.rule.get("all", [])]
    assert {leaf["op"] for leaf in leaves if leaf["tag"] == "orders"} <= {"gte", "lte"}
    assert all(isinstance(leaf["value"], int) for leaf in leaves if leaf["tag"] == "orders")
    assert min(r.precision for r in told.rules) > 0.9 and min(r.recall for r in told.rules) > 0.9


def test_profile_equals_figures_by_hand(known: Planted, fit: SegmentFit) -> None:
    segment = fit.labels["segment"].to_numpy()
    trait = next(t for t in fit.profile.traits if t.column == "orders")
    orders = known.frame["orders"].to_numpy()
    logged = np.log1p(orders)
    for j in range(3):
        inside = segment == j + 1
        assert trait.values[j] == np.median(orders[inside]) and trait.means[j] == pytest.approx(orders[inside].mean())
        difference = (logged[inside].mean() - logged.mean()) / logged.std()
        half = 1.96 * logged[inside].std() / np.sqrt(inside.sum()) / logged.std()
        assert trait.difference[j] == pytest.approx(difference)
        assert (trait.low[j], trait.high[j]) == pytest.approx((difference - half, difference + half))
    between = sum((segment == j + 1).mean() * trait.difference[j] ** 2 for j in range(3))
    assert trait.effect == pytest.approx(between) and 0 < between < 1
    effects = [t.effect for t in fit.profile.traits]
    assert effects == sorted(effects, reverse=True)
    city = [t for t in fit.profile.traits if t.column == "city"]
    assert sum(t.overall for t in city) == pytest.approx(1) and all(t.in_percent for t in city)
    money = fit.profile.money[0]
    basket = known.frame["basket"].groupby(segment).sum()
    assert money.shares == pytest.approx(basket / basket.sum()) and sum(money.shares) == pytest.approx(1)


def test_names_say_what_is_different_in_both_languages(known: Planted, fit: SegmentFit) -> None:
    names = {
        known.truth[(fit.labels["segment"] == j + 1).to_numpy()].mean().round(): n
        for j, n in enumerate(fit.model.names)
    }
    assert names[2].en == "High night share, large baskets" or "basket" in names[2].en.lower()
    assert names[1].en.startswith("Frequent") and names[1].zh.startswith("高频")
    assert len({n.en for n in fit.model.names}) == len({n.zh for n in fit.model.names}) == 3


def test_names_differ_even_where_the_traits_are_the_same() -> None:
    frame = pd.DataFrame({"spend": np.concatenate([np.full(50, 1.0), np.full(50, 1.2), np.full(50, 9.0)])})
    frame["spend"] += np.random.default_rng(0).normal(0, 0.01, 150)
    pipeline = prepare(frame)
    labels = np.repeat([0, 1, 2], 50)
    names = suggest(profile(frame, pipeline, labels, 3, []), pipeline.transform(frame), ("spend",), {})
    assert names[0].en != names[1].en and names[0].zh != names[1].zh
    assert names[2].en == "High spending" and names[2].zh == "高消费"


def test_the_map_shows_the_shares_of_variance_and_points_one_way() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 3)) * [3, 2, 1]
    plane = plane_map(points, np.zeros(300, dtype=int), points[:1], ("a", "b", "c"), 0)
    values = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    assert plane.variance == pytest.approx(tuple(values[:2] / values.sum()))
    mirrored = plane_map(-points, np.zeros(300, dtype=int), -points[:1], ("a", "b", "c"), 0)
    assert [row[1:] for row in mirrored.loadings] == [pytest.approx(row[1:]) for row in plane.loadings]
    assert plane_map(points[:, :1], np.zeros(300, dtype=int), points[:1, :1], ("a",), 0).variance[1] == 0
