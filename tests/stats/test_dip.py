"""The dip against its definition, solved as a linear programme, and its table against fresh draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from coterie.stats.dip import _LEVELS, _SIZES, _TABLE, dip, dip_p_value, nearest_unimodal

Row = tuple[list[tuple[int, float]], float]


def _by_definition(values: list[float]) -> float:
    """How near a unimodal distribution function can come to the sample's, over every place of its mode.

    Variables: the function's height at each distinct value, that just after the mode (it may jump there), the distance.
    """
    x, counts = np.unique(values, return_counts=True)
    after = np.cumsum(counts) / counts.sum()
    before = after - counts / counts.sum()
    return min(_with_mode(mode, x, before, after) for mode in range(len(x)))


def _with_mode(mode: int, x: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    m, width = len(x), np.diff(x)
    right = [m if i == mode else i for i in range(m)]
    rows: list[Row] = []
    for i in range(m):
        for sign in (1, -1):
            rows.append(([(i, sign), (m + 1, -1)], sign * before[i]))
            rows.append(([(right[i], sign), (m + 1, -1)], sign * after[i]))
    rows.append(([(mode, 1), (m, -1)], 0.0))
    rows += [([(right[i], 1), (i + 1, -1)], 0.0) for i in range(m - 1)]
    for i in range(1, m - 1):
        sign = 1 if i < mode else -1
        slopes = [
            (i, 1 / width[i - 1]),
            (right[i - 1], -1 / width[i - 1]),
            (i + 1, -1 / width[i]),
            (right[i], 1 / width[i]),
        ]
        if i != mode:
            rows.append(([(j, sign * c) for j, c in slopes], 0.0))
    matrix = np.zeros((len(rows), m + 2))
    for number, (terms, _) in enumerate(rows):
        for j, c in terms:
            matrix[number, j] += c
    aim = np.zeros(m + 2)
    aim[-1] = 1
    return float(linprog(aim, A_ub=matrix, b_ub=[limit for _, limit in rows], bounds=(0, 1)).fun)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 12), min_size=3, max_size=12).filter(lambda v: len(set(v)) > 1))
def test_equals_the_definition_with_ties(values: list[int]) -> None:
    assert dip(values) == pytest.approx(
        max(_by_definition([float(v) for v in values]), 1 / (2 * len(values))), abs=1e-7
    )


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.floats(-5, 5, allow_subnormal=False).map(lambda v: round(v, 3)), min_size=4, max_size=12, unique=True)
)
def test_equals_the_definition(values: list[float]) -> None:
    assert dip(values) == pytest.approx(_by_definition(values), abs=1e-7)


def test_published_quantiles() -> None:
    """Hartigan & Hartigan (1985), table 1: the 95 % points for n = 50 and 200 are .0702 and .0370."""
    column = list(_LEVELS).index(0.95)
    for n, published in ((50, 0.0702), (200, 0.0370)):
        assert _TABLE[list(_SIZES).index(n), column] / np.sqrt(n) == pytest.approx(published, abs=5e-4)


def test_p_values_fall_as_the_dip_grows() -> None:
    for n in (7, 60, 700, 50_000):
        p = [dip_p_value(d / np.sqrt(n), n) for d in (0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0, 2.0)]
        assert p == sorted(p, reverse=True) and 0 < p[-1] < 1e-3 and p[0] > 0.8


def test_two_peaks_are_seen_and_one_is_not() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=400), np.concatenate([rng.normal(size=200), rng.normal(4, 1, 200)])
    assert dip_p_value(dip(one), 400) > 0.5
    assert dip_p_value(dip(two), 400) < 0.001


def test_order_shift_and_scale_do_not_matter() -> None:
    values = np.random.default_rng(1).exponential(size=50)
    assert dip(values) == pytest.approx(dip(7 - 3 * values[::-1]))


def test_nearest_unimodal_has_one_peak_and_lies_as_near_as_the_dip_says() -> None:
    values = np.sort(
        np.concatenate([np.random.default_rng(2).normal(size=150), np.random.default_rng(3).normal(5, 1, 80)])
    )
    shape = nearest_unimodal(values)
    slopes = np.diff(shape.height) / np.diff(shape.x)
    peak = int(slopes.argmax())
    assert np.all(np.diff(slopes[: peak + 1]) >= -1e-9) and np.all(np.diff(slopes[peak:]) <= 1e-9)
    assert shape.distance == dip(values)
    share = (np.arange(len(values)) + 0.5) / len(values)
    assert np.abs(np.interp(values, shape.x, shape.height) - share).max() < 2 * shape.distance + 0.01


def test_one_value_only() -> None:
    assert dip([3.0, 3.0, 3.0]) == pytest.approx(1 / 6)
    assert nearest_unimodal([3.0, 3.0]).x.tolist() == [3.0]


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 200])
def test_table_can_be_drawn_again(n: int) -> None:
    rng = np.random.default_rng([20240101, n])
    drawn = np.quantile([dip(rng.random(n)) * np.sqrt(n) for _ in range(20_000)], _LEVELS)
    assert np.abs(drawn - _TABLE[list(_SIZES).index(n)]).max() < 6e-5
