"""Hartigan's dip: how far a sample is from having a single peak.

The dip is the smallest vertical distance between the sample's distribution function and any unimodal one. Of all
unimodal shapes the uniform is the hardest to tell apart, so p-values against it are on the safe side for every other
single peak.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_LEVELS = np.array([0.50, 0.80, 0.90, 0.95, 0.98, 0.99, 0.995, 0.999])
_SIZES = np.array([10, 20, 50, 100, 200, 500, 1000, 2000, 5000])
_TABLE = np.array(
    [
        [0.3088, 0.3764, 0.4126, 0.4391, 0.4717, 0.5022, 0.5289, 0.5657],
        [0.3291, 0.3960, 0.4357, 0.4682, 0.5077, 0.5363, 0.5578, 0.6115],
        [0.3458, 0.4140, 0.4571, 0.4933, 0.5387, 0.5708, 0.6046, 0.6547],
        [0.3540, 0.4268, 0.4713, 0.5127, 0.5572, 0.5935, 0.6255, 0.6967],
        [0.3634, 0.4385, 0.4829, 0.5253, 0.5736, 0.6092, 0.6352, 0.6983],
        [0.3688, 0.4426, 0.4884, 0.5285, 0.5788, 0.6095, 0.6428, 0.7110],
        [0.3707, 0.4458, 0.4912, 0.5332, 0.5858, 0.6205, 0.6589, 0.7225],
        [0.3739, 0.4504, 0.4965, 0.5383, 0.5887, 0.6223, 0.6577, 0.7262],
        [0.3765, 0.4531, 0.4999, 0.5419, 0.5926, 0.6286, 0.6624, 0.7375],
    ]
)
"""Quantiles of sqrt(n) x dip of n uniform numbers: a row per size, a column per level.

Each row is of 20,000 samples by `numpy.random.default_rng([20240101, n])`; a slow test draws some of them again.
"""


class Unimodal(NamedTuple):
    """The distribution function with one peak that lies nearest to a sample: straight lines between `x` and `"
    "height`."""

    x: Floats  # shape (m,), ascending
    height: Floats  # shape (m,), from 0 to 1
    distance: float  # the dip


def dip(values: npt.ArrayLike) -> float:
    """The dip of a sample: at least 1 / (2 n), below 1/4; large when there are two or more peaks.

    values : float array, shape (n,)
        Finite numbers in any order; ties are welcome.

    Source: Hartigan & Hartigan (1985), The dip test of unimodality, Annals of Statistics 13(1).

    >>> round(dip([1, 2, 3, 4, 5]), 3), round(dip([0, 0.1, 0.2, 5, 5.1, 5.2]), 3)
    (0.1, 0.24)
    """
    x, before, after = _steps(values)
    return _search(x, before, after, np.size(values)).twice / 2


def nearest_unimodal(values: npt.ArrayLike) -> Unimodal:
    """The single-peaked distribution nearest to a sample, to draw from as "the same column without its valleys".

    >>> shape = nearest_unimodal([0, 0.1, 0.2, 5, 5.1, 5.2])
    >>> bool(np.all(np.diff(shape.height) >= 0)), float(shape.height[0]), float(shape.height[-1])
    (True, 0.0, 1.0)
    """
    x, before, after = _steps(values)
    found = _search(x, before, after, np.size(values))
    rising, _ = _hull(x[: found.first + 1], before[: found.first + 1])
    falling, _ = _hull(x[found.last :], -after[found.last :])
    heights = np.concatenate([rising, -falling])
    places, index = np.unique(np.concatenate([x[: found.first + 1], x[found.last :]]), return_index=True)
    heights = np.maximum.accumulate(heights[index])
    span = heights[-1] - heights[0]
    return Unimodal(places, (heights - heights[0]) / span if span > 0 else np.ones_like(heights), found.twice / 2)


def dip_p_value(statistic: float, n: int) -> float:
    """Chance that `n` uniform numbers have a dip of `statistic` or more; between 0 and 1, interpolated from a table.

    Beyond the table's end it is carried on by the straight line of log p, so that strong dips stay ordered.

    >>> dip_p_value(0.20, 100) < 0.001 < 0.5 < dip_p_value(0.02, 100)
    True
    """
    scaled = statistic * np.sqrt(n)
    where = np.interp(np.log(n), np.log(_SIZES), np.arange(len(_SIZES)))
    low = int(min(where, len(_SIZES) - 2))
    quantiles = _TABLE[low] + (where - low) * (_TABLE[low + 1] - _TABLE[low])
    log_p = np.log(1 - _LEVELS)
    if scaled <= quantiles[0]:
        return float(1 - 0.5 * scaled / quantiles[0])
    if scaled >= quantiles[-1]:
        slope = (log_p[-1] - log_p[-2]) / (quantiles[-1] - quantiles[-2])
        return float(np.exp(log_p[-1] + slope * (scaled - quantiles[-1])))
    return float(np.exp(np.interp(scaled, quantiles, log_p)))


class _Found(NamedTuple):
    twice: float  # two times the dip
    first: int  # the modal interval, as places in the distinct values
    last: int


def _steps(values: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Distinct values, and the share of the sample below each and up to each."""
    x, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    after = np.cumsum(counts) / counts.sum()
    return x, after - counts / counts.sum(), after


def _search(x: Floats, before: Floats, after: Floats, samples: int) -> _Found:
    """Narrow the modal interval until the hulls inside it are closer than the misfit outside it."""
    first, last, twice = 0, len(x) - 1, 1.0 / samples
    while last > first:
        inside = slice(first, last + 1)
        step = _narrow(x[inside], before[inside], after[inside])
        if step.gap <= twice:
            break
        twice = max(twice, step.outside)
        if step.left == 0 and step.right == last - first:
            break
        first, last = first + step.left, first + step.right
    return _Found(twice, first, last)


class _Step(NamedTuple):
    gap: float  # largest distance between the two hulls
    outside: float  # largest misfit left and right of the new modal interval
    left: int
    right: int


def _narrow(x: Floats, before: Floats, after: Floats) -> _Step:
    """One round: hulls from both sides, where they are farthest apart, and the modal interval that this leaves."""
    convex, convex_at = _hull(x, before)
    concave, concave_at = _hull(x, -after)
    concave = -concave
    at_concave = np.abs(convex - after)[concave_at]
    at_convex = np.abs(concave - before)[convex_at]
    if at_concave.max() > at_convex.max():
        gap, right = float(at_concave.max()), int(concave_at[at_concave.argmax()])
        left = int(convex_at[convex_at <= right].max())
    else:
        gap, left = float(at_convex.max()), int(convex_at[at_convex.argmax()])
        right = int(concave_at[concave_at >= left].min())
    misfits = np.concatenate([np.abs(convex - after)[:left], np.abs(concave - before)[right + 1 :], [0.0]])
    return _Step(gap, float(misfits.max()), left, right)


def _hull(x: Floats, y: Floats) -> tuple[Floats, Ints]:
    """The greatest convex curve below the points: its height at every x, and the places of its corners.

    Its slopes are the isotonic regression of the points' slopes, weighted by width.
    """
    if len(x) == 1:
        return y.copy(), np.array([0], dtype=np.intp)
    width = np.diff(x)
    slopes = isotonic_regression(np.diff(y) / width, weights=width)
    return y[0] + np.concatenate([[0.0], np.cumsum(slopes.x * width)]), np.asarray(slopes.blocks, dtype=np.intp)
