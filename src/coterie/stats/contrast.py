"""Two groups compared on one tag, from counts alone: effect sizes with 95 % intervals, and p-values.

All effects are on the scale of a difference of shares, from 0 (or -1) to 1, whatever the sizes of the two groups, so
that tags of different types can be put in one order. For a yes-or-no tag the three effects here are the same number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, erfc, ndtri

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
_Z = float(ndtri(0.5 + LEVEL / 2))
_FEWEST_EXPECTED = 5.0  # Cochran (1954): cells with fewer expected are joined


class Effect(NamedTuple):
    """An effect with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def certain(self) -> float:
        """How large it is at least: the end of the interval that lies nearer to 0; 0 where the interval holds 0."""
        return 0.0 if self.low <= 0 <= self.high else min(abs(self.low), abs(self.high))


class Differences(NamedTuple):
    """Differences of shares with the ends of their intervals, each of shape (n,)."""

    value: Floats
    low: Floats
    high: Floats


def difference_of_shares(
    hits: npt.ArrayLike, n: float, other_hits: npt.ArrayLike, other_n: float, level: float = LEVEL
) -> Differences:
    """The share in one group less that in another, element by element, with score intervals that stay within -1 to 1.

    Source: Newcombe (1998), Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17, method 10; his example (a):

    >>> found = difference_of_shares([56], 70, [48], 80)
    >>> [round(float(part[0]), 4) for part in found]
    [0.2, 0.0524, 0.3339]
    """
    z = float(ndtri(0.5 + level / 2))
    first, first_low, first_high = _wilson(hits, n, z)
    second, second_low, second_high = _wilson(other_hits, other_n, z)
    value = first - second
    low = value - np.hypot(first - first_low, second_high - second)
    high = value + np.hypot(first_high - first, second - second_low)
    return Differences(value, low, high)


def largest_difference(hits: npt.ArrayLike, n: float, other_hits: npt.ArrayLike, other_n: float) -> Effect:
    """The largest difference of shares, without its sign, of several items that may occur together.

    The interval holds for all items at once (Bonferroni), so that choosing the largest does not flatter it.

    >>> largest_difference([90, 50], 100, [10, 50], 100).value
    0.8
    """
    items = max(np.size(hits), 1)
    found = difference_of_shares(hits, n, other_hits, other_n, 1 - (1 - LEVEL) / items)
    low = np.where((found.low <= 0) & (found.high >= 0), 0.0, np.minimum(np.abs(found.low), np.abs(found.high)))
    high = np.maximum(np.abs(found.low), np.abs(found.high))
    return Effect(float(np.abs(found.value).max(initial=0)), float(low.max(initial=0)), float(high.max(initial=0)))


def dissimilarity(first: npt.ArrayLike, second: npt.ArrayLike) -> Effect:
    """The share of one group that would have to have another value for the two to be distributed alike.

    first, second : counts by value, shape (n_values,), each with a sum of at least 1.

    The plain index is too large where counts are few, since every chance difference adds to it. The value is corrected
    for that as a bootstrap would; the lower end takes off what chance alone adds at most, so the interval is wide
    rather than wrong. Source: Duncan & Duncan (1955), A methodological analysis of segregation indexes, American
    Sociological Review 20; the bias: Allen et al. (2015), More reliable inference for the dissimilarity index,
    Econometrics Journal 18.

    >>> found = dissimilarity([600, 400], [300, 700])
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
    (0.3, 0.26, 0.34)
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    n, m = a.sum(), b.sum()
    p, q = a / n, b / m
    difference = p - q
    plain = float(np.abs(difference).sum() / 2)
    spread = np.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    bias = most_bias = 0.0
    if len(p) > 2:  # with two values it is a plain difference of shares
        bias = float((_folded(difference, spread) - np.abs(difference)).sum() / 2)
        most_bias = float(np.sqrt(2 / np.pi) * spread.sum() / 2)
    more, less = float(p[difference > 0].sum()), float(q[difference > 0].sum())
    half = _Z * float(np.sqrt(max(more * (1 - more), 0) / n + max(less * (1 - less), 0) / m))
    low, high = max(0.0, plain - most_bias - half), min(1.0, plain + half)
    return Effect(min(max(plain - bias, low), high), low, high)


def cliffs_delta(first: npt.ArrayLike, second: npt.ArrayLike) -> Effect:
    """How much oftener a member of the first group has the larger value than the smaller one: from -1 to 1.

    first, second : counts by value, in rising order of values, shape (n_values,).

    Source: Cliff (1993), Dominance statistics, Psychological Bulletin 114; the interval, which bends at the ends, Feng
    & Cliff (2004), Journal of Modern Applied Statistical Methods 3; the variance is DeLong's.

    >>> cliffs_delta([0, 1, 1], [1, 1, 0]).value
    0.75
    """
    return _delta(_steps(np.asarray(first), np.asarray(second)))


def _delta(steps: _Steps) -> Effect:
    a, b, between, n, m, lower = steps
    below_a = (np.cumsum(a) - a / 2) / n
    below_b = lower / m
    wins = float((a * below_b).sum() / n)
    delta = 2 * wins - 1
    spread_a = float((a * (below_b - wins) ** 2).sum()) / max(n - 1, 1) / n
    gaps = np.concatenate([[0.0], np.cumsum(a) / n])  # share of the first group below what lies between its values
    squares = float((b * (below_a - (1 - wins)) ** 2).sum() + (between * (gaps - (1 - wins)) ** 2).sum())
    spread_b = squares / max(m - 1, 1) / m
    s = 2 * float(np.sqrt(spread_a + spread_b))
    if abs(delta) >= 1 - 1e-12:  # nobody overlaps, and the spread says nothing
        fewest = min(n, m)
        end = float((fewest - _Z**2) / (fewest + _Z**2))
        return Effect(delta, end, 1.0) if delta > 0 else Effect(delta, -1.0, -end)
    half = _Z * s * float(np.sqrt((1 - delta**2) ** 2 + _Z**2 * s**2))
    middle, scale = delta - delta**3, 1 - delta**2 + _Z**2 * s**2
    return Effect(delta, max(-1.0, (middle - half) / scale), min(1.0, (middle + half) / scale))


def mann_whitney_p(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Chance of values shifted so far if both groups were drawn alike; two-sided, corrected for ties.

    first, second : counts by value, in rising order. Source: Mann & Whitney (1947), normal approximation.

    >>> round(mann_whitney_p([5, 1, 0], [0, 1, 5]), 4)
    0.0025
    """
    return dominance(first, second)[1]


def dominance(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Effect, float]:
    """`cliffs_delta` and `mann_whitney_p` of the same counts, for little more than one of them takes.

    >>> effect, p_value = dominance([0, 1, 1], [1, 1, 0])
    >>> effect == cliffs_delta([0, 1, 1], [1, 1, 0]), p_value == mann_whitney_p([0, 1, 1], [1, 1, 0])
    (True, True)
    """
    given, other = np.asarray(first), np.asarray(second)
    steps = _steps(given, other)
    ties = (given + other).astype(np.float64)
    total = steps.n + steps.m
    u = float((steps.a * steps.lower).sum())
    variance = steps.n * steps.m / 12 * (total + 1 - float((ties * ties * ties).sum() - total) / (total * (total - 1)))
    p_value = 1.0 if variance <= 0 else float(erfc(abs(u - steps.n * steps.m / 2) / np.sqrt(2 * variance)))
    return _delta(steps), p_value


def chi_square_p(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Chance of counts so different if both groups were drawn alike; 1 where there is only one value.

    first, second : counts by value, shape (n_values,). Source: Pearson (1900); values with few expected joined first.

    >>> round(chi_square_p([20, 30], [40, 10]), 6)
    4.5e-05
    """
    a, b = (np.asarray(x, np.float64) for x in (first, second))
    kept = a + b > 0
    table = np.stack([a[kept], b[kept]])
    if table.shape[1] < 2:
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(chdtrc(table.shape[1] - 1, float(((table - expected) ** 2 / expected).sum())))


def shares_p(hits: npt.ArrayLike, n: float, other_hits: npt.ArrayLike, other_n: float) -> Floats:
    """Of each of several items, shape (n_items,), the chance of shares so different if both groups were drawn alike.

    Source: Pearson (1900), the table of two rows and two columns.

    >>> shares_p([20, 5], 50, [40, 5], 50).round(6).tolist()
    [4.5e-05, 1.0]
    """
    x, y = np.asarray(hits, np.float64), np.asarray(other_hits, np.float64)
    pooled = (x + y) / (n + other_n)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / other_n))
    z = np.divide(np.abs(x / n - y / other_n), spread, out=np.zeros_like(spread), where=spread > 0)
    return np.asarray(erfc(z / np.sqrt(2)))


def joined(first: npt.ArrayLike, second: npt.ArrayLike, most: int = 1_000) -> tuple[Floats, Floats]:
    """Counts with rare values joined into one: those of which under 5 are expected in either group, and all beyond the
    `most` commonest.

    >>> joined([40, 1, 1], [40, 1, 0])[0].tolist()
    [40.0, 2.0]
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    both, total = a + b, a.sum() + b.sum()
    rare = both * (min(a.sum(), b.sum()) / max(total, 1)) < _FEWEST_EXPECTED
    if len(both) - rare.sum() > most:
        rare[np.argsort(-both, kind="stable")[most:]] = True
    if not rare.any():
        return a, b
    return np.append(a[~rare], a[rare].sum()), np.append(b[~rare], b[rare].sum())


class _Steps(NamedTuple):
    """Two groups at the k values that the first one has.

    A small audience has few of the different values that everyone has, and only these need be looked at.

    a, b : counts of the groups there, shape (k,); between : of the second group between them, shape (k + 1,).
    n, m : sizes of the groups; lower : members of the second group with a lower value, ties counting half, shape (k,).
    """

    a: Floats
    b: Floats
    between: Floats
    n: float
    m: float
    lower: Floats


def _steps(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> _Steps:
    places = np.flatnonzero(first != 0)
    a, b = first[places].astype(np.float64), second[places].astype(np.float64)
    upto = np.cumsum(second)
    m = float(upto[-1]) if len(upto) else 0.0
    ends = upto[places].astype(np.float64)  # with those who have the value
    between = np.diff(ends, prepend=0.0, append=m) - np.append(b, 0.0)
    return _Steps(a, b, between, float(a.sum()), m, ends - b / 2)


def _wilson(hits: npt.ArrayLike, n: float, z: float) -> tuple[Floats, Floats, Floats]:
    """Shares with score intervals. Source: Wilson (1927), Journal of the American Statistical Association 22."""
    share = np.asarray(hits, np.float64) / n
    middle = share + z * z / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return share, (middle - half) / scale, (middle + half) / scale


def _folded(mean: Floats, spread: Floats) -> Floats:
    """The mean size, without sign, of normal draws."""
    scaled = np.divide(mean, spread * np.sqrt(2), out=np.zeros_like(mean), where=spread > 0)
    folded = spread * np.sqrt(2 / np.pi) * np.exp(-(scaled**2)) + mean * (1 - erfc(scaled))
    return np.where(spread > 0, folded, np.abs(mean))
