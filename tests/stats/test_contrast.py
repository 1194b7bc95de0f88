"""Effect sizes and p-values from counts against scipy, published numbers and draws with a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coterie.stats.contrast import (
    chi_square_p,
    cliffs_delta,
    difference_of_shares,
    dissimilarity,
    joined,
    largest_difference,
    mann_whitney_p,
)
from coterie.stats.multiplicity import holm

COUNTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=12)


@pytest.mark.parametrize(
    ("hits", "n", "other", "m", "low", "high"),
    [  # Newcombe (1998), table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 20, 0.6791, 1.0000),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_interval_of_a_difference_is_the_published_one(
    hits: int, n: int, other: int, m: int, low: float, high: float
) -> None:
    found = difference_of_shares([hits], n, [other], m)
    assert (found.low[0], found.high[0]) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@given(COUNTS)
@settings(deadline=None, max_examples=60)
def test_numbers_from_counts_are_those_of_scipy_from_values(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    if a.sum() < 2 or b.sum() < 2:
        return
    first, second = np.repeat(np.arange(len(a)), a), np.repeat(np.arange(len(b)), b)
    if len(np.unique(np.concatenate([first, second]))) > 1:
        known = stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=False)
        assert mann_whitney_p(a, b) == pytest.approx(known.pvalue, rel=1e-9)
        assert cliffs_delta(a, b).value == pytest.approx(2 * known.statistic / len(first) / len(second) - 1, abs=1e-12)
        table = np.stack([a, b])[:, a + b > 0]
        assert chi_square_p(a, b) == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9)
    found = cliffs_delta(a, b)
    assert -1 <= found.low <= found.value + 1e-12 and found.value - 1e-12 <= found.high <= 1
    back = cliffs_delta(b, a)
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_one_value_alone_tells_nothing() -> None:
    assert (mann_whitney_p([5], [9]), chi_square_p([5, 0], [9, 0])) == (1.0, 1.0)


def test_variance_of_delta_is_delongs() -> None:
    """By the definition, pair by pair."""
    rng = np.random.default_rng(5)
    first, second = rng.integers(0, 9, 60), rng.integers(2, 12, 90)
    wins = np.sign(first[:, None] - second[None, :])
    s = np.sqrt(wins.mean(axis=1).var(ddof=1) / 60 + wins.mean(axis=0).var(ddof=1) / 90)
    d, z = wins.mean(), stats.norm.ppf(0.975)
    half = z * s * np.sqrt((1 - d**2) ** 2 + z**2 * s**2)
    scale = 1 - d**2 + z**2 * s**2
    counts = (np.bincount(first, minlength=12), np.bincount(second, minlength=12))
    assert cliffs_delta(*counts) == pytest.approx((d, (d - d**3 - half) / scale, (d - d**3 + half) / scale))


def test_sides_that_do_not_overlap_have_a_wide_interval_when_small() -> None:
    """Feng & Cliff (2004): (n - z^2) / (n + z^2) of the smaller side."""
    assert cliffs_delta([10, 0], [0, 99]) == pytest.approx((-1, -1, -(10 - 3.8415) / (10 + 3.8415)), abs=1e-4)


@pytest.mark.parametrize(
    ("values", "n", "m", "shift"), [(3, 200, 2_000, 0.3), (50, 200, 5_000, 0.0), (50, 2_000, 9_000, 0.5)]
)
def test_interval_of_dissimilarity_holds_the_truth(values: int, n: int, m: int, shift: float) -> None:
    rng = np.random.default_rng(1)
    q = rng.dirichlet(np.ones(values))
    p = q * np.exp(shift * rng.normal(size=values))
    p /= p.sum()
    truth = np.abs(p - q).sum() / 2
    found = [dissimilarity(rng.multinomial(n, p), rng.multinomial(m, q)) for _ in range(200)]
    assert np.mean([f.low <= truth <= f.high for f in found]) >= 0.93
    assert all(f.low <= f.value <= f.high for f in found)


def test_three_effects_of_a_yes_or_no_tag_are_one_number() -> None:
    a, b = [30, 70], [60, 40]
    assert dissimilarity(a, b).value == pytest.approx(cliffs_delta(a, b).value) == pytest.approx(0.3)
    assert largest_difference([70], 100, [40], 100).value == pytest.approx(0.3)


def test_the_largest_of_many_chance_differences_is_not_taken_for_one() -> None:
    rng = np.random.default_rng(2)
    shares = rng.uniform(0.05, 0.5, 40)
    certain = [
        largest_difference(rng.binomial(300, shares), 300, rng.binomial(900, shares), 900).certain for _ in range(200)
    ]
    assert np.mean(np.array(certain) > 0) <= 0.06


def test_rare_values_are_joined() -> None:
    a, b = joined([100, 2, 1, 50], [400, 3, 0, 20])
    assert (a.tolist(), b.tolist()) == ([100, 50, 3], [400, 20, 3])
    many, _ = joined(np.full(5_000, 50), np.full(5_000, 50), most=100)
    assert (len(many), many.sum()) == (101, 250_000)


def test_holm_is_the_step_down_of_the_paper() -> None:
    p = [0.010, 0.013, 0.014, 0.190, 0.350, 0.500, 0.630, 0.670, 0.750, 0.810]
    assert holm(p)[:4].round(3).tolist() == [0.1, 0.117, 0.117, 1.0]
    assert holm([]).tolist() == []
