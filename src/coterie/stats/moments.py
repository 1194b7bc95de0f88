"""What one group of units tells of a metric, from counts, sums, sums of squares and cross products alone.

`Moments` are the means and covariances of a few columns in one group. A `Value` is a number made of the means (a mean, a
share, a ratio, a quantile, each plain or adjusted by what was known before) with its variance by the delta method.
`coterie.stats.effects` compares two values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_SAME = 1e-10  # columns whose spread beside the others is below this share tell the same as they


class CannotTell(NamedTuple):
    """A result of its own: there is no figure, and why.

    reason : a code, one of `REASONS`; figures : what its sentence needs besides.
    """

    reason: str
    figures: Mapping[str, object] = MappingProxyType({})


REASONS = (
    "too_few_units",  # fewer than 2 units in a group, or too few for the quantile
    "zero_variance",  # every unit has the same value
    "control_zero",  # a relative difference to nothing
    "no_denominator",  # the denominator of a ratio sums to 0
    "tied_quantile",  # the quantile lies among units with the same value, so that its error cannot be seen
    "no_covariate",  # the covariate is the same for everyone or tells nothing
    "few_known",  # too few units differ in the covariate: column, arm, count, n, least
    "one_arm",  # there is nobody to compare with
)


@dataclass(frozen=True)
class Moments:
    """Means and covariances of k columns over the n units of one group.

    mean : shape (k,); covariance : shape (k, k), divided by n - 1; zeros where n is 1.

    >>> a = Moments.from_sums(3, [6.0], [[14.0]])
    >>> a.mean.tolist(), a.covariance.tolist()
    ([2.0], [[1.0]])
    """

    n: int
    mean: Floats
    covariance: Floats

    @classmethod
    def from_sums(cls, n: int, sums: npt.ArrayLike, products: npt.ArrayLike) -> Moments:
        """From sums, shape (k,), and sums of products of every two columns, shape (k, k); n at least 1."""
        total, cross = np.asarray(sums, np.float64), np.asarray(products, np.float64)
        spread = (cross - np.outer(total, total) / n) / (n - 1) if n > 1 else np.zeros_like(cross)
        return cls(n, total / n, spread)

    @classmethod
    def of(cls, columns: npt.ArrayLike) -> Moments:
        """From the values themselves, shape (n, k)."""
        values = np.asarray(columns, np.float64)
        spread = np.atleast_2d(np.cov(values, rowvar=False)) if len(values) > 1 else np.zeros((values.shape[1],) * 2)
        return cls(len(values), values.mean(axis=0), spread)


@dataclass(frozen=True)
class Value:
    """A metric of one group.

    n : units; value : what is compared; variance : n times the variance of `value`.
    plain : the value without adjustment, to which relative differences relate; plain_variance : n times its variance;
    shared : n times the covariance of `value` and `plain`. Without adjustment the last three repeat the first.
    """

    n: int
    value: float
    variance: float
    plain: float
    plain_variance: float
    shared: float

    @classmethod
    def unadjusted(cls, n: int, value: float, variance: float) -> Value:
        """A value that nothing adjusts."""
        return cls(n, value, variance, value, variance, variance)


class Adjusted(NamedTuple):
    """Two groups' values with what was known before taken out: y - theta (x - mean of x).

    theta : one for each column that was known before; one for a ratio.
    """

    control: Value
    arm: Value
    theta: tuple[float, ...]


def mean_value(moments: Moments, column: int = 0) -> Value | CannotTell:
    """The mean of a column. CannotTell(`too_few_units`).

    >>> mean_value(Moments.of([[1.0], [3.0]])).variance
    2.0
    """
    if moments.n < 2:
        return CannotTell("too_few_units")
    return Value.unadjusted(moments.n, float(moments.mean[column]), float(moments.covariance[column, column]))


def share_value(n: int, hits: float) -> Value | CannotTell:
    """The share of units with a yes. CannotTell(`too_few_units`).

    >>> share_value(28, 14).variance
    0.25
    """
    if n < 2:
        return CannotTell("too_few_units")
    share = hits / n
    return Value.unadjusted(n, share, share * (1 - share))


def ratio_value(moments: Moments, numerator: int = 0, denominator: int = 1) -> Value | CannotTell:
    """The sum of one column over the sum of another, units being what was drawn. CannotTell(`no_denominator`).

    Source: Deng, Knoblich & Lu (2018), Applying the delta method in metric analytics, KDD, eq. 4.

    >>> round(ratio_value(Moments.of([[2.0, 1.0], [2.0, 2.0], [5.0, 3.0]])).value, 6)
    1.5
    """
    if moments.n < 2:
        return CannotTell("too_few_units")
    found = _ratio(moments, numerator, denominator)
    if found is None:
        return CannotTell("no_denominator")
    value, slope = found
    return Value.unadjusted(moments.n, value, float(slope @ moments.covariance @ slope))


def adjusted_means(control: Moments, arm: Moments) -> Adjusted | CannotTell:
    """CUPED of a mean: column 0 the metric, the others what was known before. CannotTell(`no_covariate`, ...).

    theta is of the units of both groups, each about its own mean, so that the effect itself does not enter it; with
    several columns it is the slope of the metric in all of them at once, 0 in one that the others already tell.
    Source: Deng, Xu, Kohavi & Walker (2013), Improving the sensitivity of online controlled experiments, WSDM, eq. 4.

    >>> before, after = Moments.of([[1, 1], [2, 2], [3, 2.5]]), Moments.of([[2, 1], [3, 2], [4, 2.5]])
    >>> round(adjusted_means(before, after).theta[0], 4)
    1.2857
    """
    return _adjusted(control, arm, _slope_of_mean, _slope_of_mean_before)


def adjusted_ratios(control: Moments, arm: Moments) -> Adjusted | CannotTell:
    """CUPED of a ratio: columns numerator, denominator, and the numerator and denominator known before.

    The ratio is adjusted by the ratio before, both linearised. CannotTell(`no_covariate`, `no_denominator`).
    Source: Deng et al. (2013), appendix B, with the delta method of Deng, Knoblich & Lu (2018).

    >>> rows = [[2.0, 1.0, 1.0, 1.0], [2.0, 2.0, 1.0, 2.0], [5.0, 3.0, 3.0, 2.0], [1.0, 1.0, 0.5, 1.0]]
    >>> round(adjusted_ratios(Moments.of(rows), Moments.of(rows[::-1])).theta[0], 3)
    0.68
    """
    return _adjusted(control, arm, _slope_of_ratio, _slope_of_ratio_before)


Linear = tuple[float, Floats]
"""A number made of means and its slopes in each of them, shape (k,)."""
Known = tuple[Floats, Floats]
"""The same of what was known before: numbers, shape (p,), and slopes, shape (p, k)."""


def _ratio(moments: Moments, numerator: int, denominator: int) -> Linear | None:
    top, bottom = float(moments.mean[numerator]), float(moments.mean[denominator])
    if bottom == 0:
        return None
    slope = np.zeros(len(moments.mean))
    slope[numerator], slope[denominator] = 1 / bottom, -top / bottom**2
    return top / bottom, slope


def _slope_of_mean(moments: Moments) -> Linear:
    return float(moments.mean[0]), np.eye(len(moments.mean))[0]


def _slope_of_mean_before(moments: Moments) -> Known:
    return moments.mean[1:], np.eye(len(moments.mean))[1:]


def _slope_of_ratio(moments: Moments) -> Linear | None:
    return _ratio(moments, 0, 1)


def _slope_of_ratio_before(moments: Moments) -> Known | None:
    found = _ratio(moments, 2, 3)
    return None if found is None else (np.array([found[0]]), found[1][None, :])


def _adjusted(control: Moments, arm: Moments, after, before) -> Adjusted | CannotTell:  # type: ignore[no-untyped-def]
    if control.n < 2 or arm.n < 2:
        return CannotTell("too_few_units")
    sides = []
    for group in (control, arm):
        metric, known = after(group), before(group)
        if metric is None or known is None:
            return CannotTell("no_denominator")
        sides.append((group, metric, known))
    shared = sum((group.n - 1) * (known[1] @ group.covariance @ metric[1]) for group, metric, known in sides)
    spread = sum((group.n - 1) * (known[1] @ group.covariance @ known[1].T) for group, _, known in sides)
    theta = _slopes(np.asarray(spread), np.asarray(shared))
    if theta is None:
        return CannotTell("no_covariate")
    return Adjusted(_taken_out(*sides[0], theta), _taken_out(*sides[1], theta), tuple(theta.tolist()))


def _slopes(spread: Floats, shared: Floats) -> Floats | None:
    """The slopes of least squares; None where nothing known before varies.

    Columns are brought to one scale first, and of those that tell the same the shortest solution is taken.
    """
    scale = np.sqrt(np.diag(spread))
    varies = scale > 0
    if not varies.any():
        return None
    theta = np.zeros(len(scale))
    kept = scale[varies]
    within = spread[np.ix_(varies, varies)] / np.outer(kept, kept)
    theta[varies] = np.linalg.pinv(within, rcond=_SAME, hermitian=True) @ (shared[varies] / kept) / kept
    return theta


def _taken_out(moments: Moments, metric: Linear, known: Known, theta: Floats) -> Value:
    (plain, slope), (before, before_slopes) = metric, known
    both = slope - theta @ before_slopes
    return Value(
        moments.n,
        plain - float(theta @ before),
        float(both @ moments.covariance @ both),
        plain,
        float(slope @ moments.covariance @ slope),
        float(both @ moments.covariance @ slope),
    )
