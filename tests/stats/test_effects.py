"""Differences, always-valid intervals, power and corrections against printed figures and SciPy.

The figures with five decimals are those that the test suite of GrowthBook's statistics prints for the same sums.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coterie.stats.bayes import posterior
from coterie.stats.effects import Difference, Interval, difference, heterogeneity
from coterie.stats.moments import (
    Adjusted,
    CannotTell,
    Moments,
    Value,
    adjusted_means,
    adjusted_ratios,
    mean_value,
    ratio_value,
    share_value,
)
from coterie.stats.multiplicity import benjamini_hochberg
from coterie.stats.power import chance_to_find, least_effect, unit_variance, units_needed
from coterie.stats.quantiles import Ranks, quantile_value, ranks_around
from coterie.stats.ratio_check import ratio_check
from coterie.stats.sequential import always_valid, p_values, width_in_errors


def known(value: Value | CannotTell) -> Value:
    """A value that must be there."""
    assert isinstance(value, Value)
    return value


def told(found: Difference | CannotTell) -> Difference:
    """A difference that must be there."""
    assert isinstance(found, Difference)
    return found


def relative(found: Difference | CannotTell) -> Interval:
    """A relative difference that must be there."""
    part = told(found).relative
    assert isinstance(part, Interval)
    return part


def rounded(found: Interval) -> list[float]:
    """Effect, ends and p-value to five decimals."""
    return [round(v, 5) for v in (found.effect, found.low, found.high, found.p_value)]


def one(n: int, total: float, squares: float) -> Value:
    """The mean of a column from its sums."""
    return known(mean_value(Moments.from_sums(n, [total], [[squares]])))


# numerator and denominator, then the same before the experiment
RATIO_CONTROL = Moments.from_sums(
    100,
    [485.112236689623, 679.9093275844917, 192.59138069991536, 290.1398399750233],
    [
        [2715.484666118136, 3602.146836776702, 1113.6215759318352, 1559.2878434944676],
        [3602.146836776702, 4939.424001640236, 1460.3181079276983, 2130.9404074446747],
        [1113.6215759318352, 1460.3181079276983, 460.076026390857, 634.239482353647],
        [1559.2878434944676, 2130.9404074446747, 634.239482353647, 920.9461385038898],
    ],
)
RATIO_ARM = Moments.from_sums(
    100,
    [514.7757826608777, 705.4090874383759, 206.94157227402536, 302.54389139107326],
    [
        [2994.897482705013, 3918.1561431600717, 1237.0953021125997, 1701.0287270040265],
        [3918.1561431600717, 5291.36604146392, 1604.0759503266522, 2292.081739775257],
        [1237.0953021125997, 1604.0759503266522, 514.2903702246757, 698.4173425817908],
        [1701.0287270040265, 2292.081739775257, 698.4173425817908, 994.4506208125663],
    ],
)


def test_welch_printed() -> None:
    found = difference(one(3407, 1396.87, 52377.9767), one(3461, 2422.7, 134698.29))
    assert rounded(relative(found)) == [0.70732, -0.03526, 1.44989, 0.06191]
    assert rounded(told(found).absolute) == [0.29, 0.04538, 0.53462, 0.02016]


def test_proportions_printed() -> None:
    found = difference(known(share_value(28, 14)), known(share_value(30, 16)))
    assert rounded(relative(found)) == [0.06667, -0.47767, 0.61101, 0.80707]


def test_always_valid_printed() -> None:
    shares = difference(known(share_value(3000, 1396)), known(share_value(3461, 2422)))
    assert rounded(always_valid(relative(shares), 6461, 5000)) == [0.50386, 0.40098, 0.60675, 0.0]
    means = difference(one(3000, 1396.87, 52377.9767), one(3461, 2422.7, 134698.29))
    assert rounded(always_valid(relative(means), 6461, 1000)) == [0.50336, -0.55844, 1.56516, 1.0]


def test_adjusted_ratio_printed() -> None:
    found = adjusted_ratios(RATIO_CONTROL, RATIO_ARM)
    assert isinstance(found, Adjusted)
    apart = difference(found.control, found.arm)
    assert rounded(relative(apart)) == [-0.0007, -0.00841, 0.007, 0.85771]
    assert rounded(always_valid(relative(apart), 200, 5000)) == [-0.0007, -0.02063, 0.01923, 1.0]


def test_adjusted_mean_printed() -> None:
    """The high end differs by 1e-5: the printed theta takes in the difference between the groups, ours does not."""
    control = Moments.from_sums(3000, [1396.87, 16.87], [[52377.9767, 1], [1, 527.9767]])
    arm = Moments.from_sums(3461, [2422.7, 22.7], [[134698.29, 1], [1, 1348.29]])
    found = adjusted_means(control, arm)
    assert isinstance(found, Adjusted)
    apart = always_valid(relative(difference(found.control, found.arm)), 6461, 5000)
    assert rounded(apart)[:2] == [0.50338, -0.5097] and apart.high == pytest.approx(1.51646, abs=2e-5)


def test_power_printed() -> None:
    """The printed factors come from halving until the power is within 1e-5 of .8; ours meet it exactly."""
    variance = (1500 - 500) / 499 * 2 * (1 + 1.05**2)  # relative lift of 1.05 over 1, 500 units each
    assert chance_to_find(0.05, variance, 1000 * (1 + 25.45703125)) == pytest.approx(0.8, abs=1e-5)
    assert chance_to_find(0.05, variance, 1000 * (1 + 55.66796875), tuning=5000) == pytest.approx(0.8, abs=1e-5)
    assert units_needed(0.05, variance) / 1000 - 1 == pytest.approx(25.457, abs=1e-3)
    assert round(units_needed(0.05, variance, tuning=5000, sequential=True) / 1000 - 1, 3) == 55.668


def test_ratio_check_printed() -> None:
    assert round(ratio_check([2023, 1977], [1, 1], continuity=True).p_value, 3) == 0.477
    found = ratio_check([500, 1000, 1600], [1, 2, 3])
    assert found.p_value == pytest.approx(stats.chisquare([500, 1000, 1600], found.expected).pvalue)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(3, 60), st.integers(3, 60))
def test_welch_is_scipys(seed: int, n: int, m: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = draw.exponential(2, n), draw.exponential(3, m)
    found = told(difference(known(mean_value(Moments.of(a[:, None]))), known(mean_value(Moments.of(b[:, None])))))
    theirs = stats.ttest_ind(b, a, equal_var=False)
    low, high = theirs.confidence_interval(0.95)
    assert [found.absolute.p_value, found.absolute.low, found.absolute.high] == pytest.approx(
        [theirs.pvalue, low, high], abs=1e-9
    )


def test_intervals_of_lifts_and_ratios_cover() -> None:
    """Of 1,000 experiments with a known relative lift, 95 % of intervals hold it; ratios and quantiles likewise."""
    draw = np.random.default_rng(5)
    held = np.zeros(3)
    for _ in range(1000):
        bottoms = draw.poisson(4, (2, 300)) + 1.0
        tops = draw.gamma(2, bottoms * np.array([[1.0], [1.3]]))
        pairs = [Moments.of(np.column_stack([t, b])) for t, b in zip(tops, bottoms, strict=True)]
        first = relative(difference(known(mean_value(pairs[0])), known(mean_value(pairs[1]))))
        second = relative(difference(known(ratio_value(pairs[0])), known(ratio_value(pairs[1]))))
        times = draw.exponential(1, (2, 300)) * np.array([[1.0], [1.5]])
        third = told(difference(*(known(median(row)) for row in times))).absolute
        held += [
            first.low <= 0.3 <= first.high,
            second.low <= 0.3 <= second.high,
            third.low <= 0.5 * np.log(2) <= third.high,
        ]
    assert np.all(np.abs(held / 1000 - 0.95) < 0.021), held / 1000


def median(values: np.ndarray) -> Value | CannotTell:
    ranks = ranks_around(0.5, len(values))
    assert isinstance(ranks, Ranks)
    middle, low, high = np.quantile(values, [0.5, *ranks])
    return quantile_value(len(values), middle, low, high)


def test_adjusting_keeps_the_effect_and_narrows_it() -> None:
    """With a correlation of .8 the variance falls to 1 - .64 of itself, and the effect stays without bias."""
    draw = np.random.default_rng(8)
    found, plain = [], []
    for _ in range(400):
        before = draw.normal(10, 1, (2, 200))
        after = 5 + 0.8 * before + draw.normal(0, 0.6, (2, 200)) + np.array([[0.0], [0.2]])
        groups = [Moments.of(np.column_stack(pair)) for pair in zip(after, before, strict=True)]
        both = adjusted_means(*groups)
        assert isinstance(both, Adjusted)
        found.append(told(difference(both.control, both.arm)).absolute)
        plain.append(told(difference(*(known(mean_value(g)) for g in groups))).absolute)
    kept = np.mean([f.standard_error**2 for f in found]) / np.mean([p.standard_error**2 for p in plain])
    assert kept == pytest.approx(0.36, abs=0.02) and np.mean([f.effect for f in found]) == pytest.approx(0.2, abs=0.01)
    assert 0.92 < np.mean([f.low <= 0.2 <= f.high for f in found]) < 0.98


def test_what_cannot_be_told() -> None:
    flat = Value.unadjusted(10, 2.0, 0.0)
    assert difference(flat, flat) == CannotTell("zero_variance")
    assert mean_value(Moments.from_sums(1, [3.0], [[9.0]])) == CannotTell("too_few_units")
    assert share_value(1, 1) == CannotTell("too_few_units")
    assert ratio_value(Moments.from_sums(3, [3.0, 0.0], [[5.0, 0.0], [0.0, 0.0]])) == CannotTell("no_denominator")
    assert told(difference(known(share_value(50, 0)), known(share_value(50, 5)))).relative == CannotTell("control_zero")
    steady = Moments.of(np.column_stack([np.arange(9.0), np.ones(9)]))
    assert adjusted_means(steady, steady) == CannotTell("no_covariate")
    assert quantile_value(100, 0.0, 0.0, 0.0) == CannotTell("tied_quantile")
    assert ranks_around(0.99, 50) == CannotTell("too_few_units")
    assert heterogeneity([Interval(1, 1, 0, 0, 0)]) == CannotTell("too_few_units")


def test_a_negative_control_keeps_the_direction() -> None:
    """Losses that shrink are a gain, relative to their size."""
    worse, better = one(100, -500.0, 3000.0), one(100, -400.0, 2000.0)
    mirrored = relative(difference(one(100, 500.0, 3000.0), one(100, 400.0, 2000.0)))
    found = relative(difference(worse, better))
    assert (found.effect, found.low, found.high) == pytest.approx((-mirrored.effect, -mirrored.high, -mirrored.low))


def test_p_value_and_interval_agree() -> None:
    """The always-valid p-value is below .05 exactly where the interval leaves out 0."""
    n = np.geomspace(50, 1e6, 40)[:, None]
    errors = np.linspace(0, 8, 60)
    assert np.array_equal(p_values(errors, n, 3000) < 0.05, errors > width_in_errors(n, 3000))


def test_design_is_the_inverse_of_power() -> None:
    variance = unit_variance(0.1 * 0.9, 0.12 * 0.88)
    n = units_needed(0.02, variance, power=0.9, sequential=True)
    assert chance_to_find(0.02, variance, n, tuning=n) == pytest.approx(0.9)
    assert least_effect(variance, n, power=0.9, tuning=n) == pytest.approx(0.02, rel=1e-3)
    assert units_needed(0.0, variance) == float("inf")


def test_belief_without_opinion_is_the_data() -> None:
    found = posterior(0.2, 0.1, prior_sd=None)
    assert (found.mean, found.standard_deviation) == pytest.approx((0.2, 0.1))
    assert found.chance_to_beat == pytest.approx(stats.norm.cdf(2))
    draws = np.random.default_rng(3).normal(0.2, 0.1, 400_000)
    assert found.loss_if_taken == pytest.approx(np.maximum(-draws, 0).mean(), abs=2e-5)
    assert found.loss_if_left == pytest.approx(np.maximum(draws, 0).mean(), abs=5e-4)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_benjamini_hochberg_is_scipys(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def peeked(
    looks: int, batch: int, rates: tuple[float, float], repeats: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Effect in its standard errors, and the standard error, shape (repeats, looks), after each batch an arm."""
    draw = np.random.default_rng(seed)
    n = batch * np.arange(1, looks + 1)
    shares = [np.cumsum(draw.binomial(batch, rate, (repeats, looks)), axis=1) / n for rate in rates]
    error = np.sqrt(sum(s * (1 - s) for s in shares) / n)
    return np.divide(shares[1] - shares[0], error, out=np.zeros_like(error), where=error > 0), error


@pytest.mark.parametrize("rate", [0.5, 0.1])
def test_peeking_at_ten_thousand_experiments_without_effect(rate: float) -> None:
    """Read after each of 100 batches of 100 an arm: the always-valid reading errs in at most 5.5 %, the ordinary in 30."""
    z, _ = peeked(100, 100, (rate, rate), 10_000, 20261121)
    n = 2 * 100 * np.arange(1, 101)
    valid = (np.abs(z) > width_in_errors(n, n[-1])).any(axis=1).mean()
    fixed = (np.abs(z) > 1.96).any(axis=1).mean()
    assert valid <= 0.055 and fixed > 0.3, (valid, fixed)


def test_always_valid_finds_twice_the_least_effect() -> None:
    """80 % are decided by the planned end, at a median width of at most 1.6 of the ordinary interval."""
    rate, n = 0.1, np.array(2 * 100 * np.arange(1, 101))
    effect = 2 * least_effect(unit_variance(rate * (1 - rate), rate * (1 - rate)), float(n[-1]))
    z, _ = peeked(100, 100, (rate, rate + effect), 4_000, 7)
    width = width_in_errors(n, n[-1])
    assert (np.abs(z) > width).any(axis=1).mean() >= 0.8
    assert width[-1] / 1.96 <= 1.6


@pytest.mark.slow
def test_peeking_at_skewed_spend_without_effect() -> None:
    """One unit in ten buys, for a lognormal amount: 2,000 experiments, 50 looks, the first at 100 an arm."""
    draw, repeats, looks, batch = np.random.default_rng(1), 2000, 50, 100
    n = batch * np.arange(1, looks + 1)
    wrong = np.zeros(2)
    for _ in range(repeats // 100):
        means, spreads = [], []
        for _arm in range(2):
            bought = np.where(draw.random((100, looks, batch)) < 0.1, draw.lognormal(3, 1, (100, looks, batch)), 0)
            total, squares = (np.cumsum((bought**power).sum(axis=2), axis=1) for power in (1, 2))
            means.append(total / n)
            spreads.append((squares - total**2 / n) / (n - 1) / n)
        z = np.abs(means[1] - means[0]) / np.sqrt(spreads[0] + spreads[1])
        wrong += [(z > edge).any(axis=1).sum() for edge in (width_in_errors(2 * n, 2 * n[-1]), 1.96)]
    assert wrong[0] / repeats <= 0.055 and wrong[1] / repeats > 0.2, wrong / repeats
