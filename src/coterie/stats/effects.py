"""The difference between two groups' values, absolute and relative, with intervals and p-values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, stdtr, stdtrit

from coterie.stats.moments import CannotTell, Value

LEVEL = 0.95


class Interval(NamedTuple):
    """An effect with its standard error, the ends of its interval and a two-sided p-value against no effect."""

    effect: float
    standard_error: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Difference:
    """An arm less the control.

    absolute : in the metric's unit; relative : as a fraction of the control's plain value, or why there is none.
    n : units of both; degrees : of freedom of Student's t; level : of the intervals.
    """

    absolute: Interval
    relative: Interval | CannotTell
    n: int
    degrees: float
    level: float


def difference(control: Value, arm: Value, level: float = LEVEL) -> Difference | CannotTell:
    """Welch's test of two values, and the relative difference by the delta method. CannotTell(`zero_variance`).

    Source: Welch (1947), Biometrika 34; relative: Deng, Knoblich & Lu (2018), KDD, section 3.1. With an adjusted value
    the difference of adjusted values is related to the plain value of the control.

    >>> from coterie.stats.moments import share_value
    >>> found = difference(share_value(28, 14), share_value(30, 16))
    >>> [round(v, 5) for v in (found.relative.effect, found.relative.low, found.relative.high, found.relative.p_value)]
    [0.06667, -0.47767, 0.61101, 0.80707]
    """
    own, other = arm.variance / arm.n, control.variance / control.n
    spread = own + other
    apart = arm.value - control.value
    if not spread > 1e-24 * (arm.plain_variance + control.plain_variance + abs(apart) ** 2):
        return CannotTell("zero_variance")
    degrees = spread**2 / (own**2 / (arm.n - 1) + other**2 / (control.n - 1))
    absolute = _interval(apart, float(np.sqrt(spread)), degrees, level)
    return Difference(absolute, _relative(control, arm, degrees, level), control.n + arm.n, degrees, level)


def at_level(found: Interval, degrees: float, level: float) -> Interval:
    """The same effect with an interval of another level.

    >>> round(at_level(Interval(1.0, 1.0, 0, 0, 0), 1e9, 0.90).high, 3)
    2.645
    """
    return _interval(found.effect, found.standard_error, degrees, level)


class Heterogeneity(NamedTuple):
    """Whether effects differ between groups: Cochran's Q, its degrees of freedom and p-value."""

    q: float
    degrees: int
    p_value: float


def heterogeneity(effects: list[Interval]) -> Heterogeneity | CannotTell:
    """Do effects differ by more than chance? CannotTell(`too_few_units`) with fewer than two.

    Source: Cochran (1954), The combination of estimates from different experiments, Biometrics 10.

    >>> round(heterogeneity([Interval(1, 1, 0, 0, 0), Interval(4, 1, 0, 0, 0)]).q, 6)
    4.5
    """
    if len(effects) < 2:
        return CannotTell("too_few_units")
    weights = np.array([1 / e.standard_error**2 for e in effects])
    values = np.array([e.effect for e in effects])
    middle = float(weights @ values / weights.sum())
    q = float(weights @ (values - middle) ** 2)
    return Heterogeneity(q, len(effects) - 1, float(chdtrc(len(effects) - 1, q)))


def _relative(control: Value, arm: Value, degrees: float, level: float) -> Interval | CannotTell:
    base = abs(control.plain)
    if base == 0:
        return CannotTell("control_zero")
    apart = arm.value - control.value
    # g = (B - A) / a with B, A compared and a plain: the slopes are 1/a, -1/a and -(B - A)/a^2
    own = arm.variance / (arm.n * base**2)
    sign = 1.0 if control.plain > 0 else -1.0
    of_control = control.variance / base**2 + apart**2 * control.plain_variance / base**4
    of_control += 2 * sign * apart * control.shared / base**3
    variance = own + max(of_control, 0.0) / control.n
    if variance <= 0:
        return CannotTell("zero_variance")
    return _interval(apart / base, float(np.sqrt(variance)), degrees, level)


def _interval(effect: float, error: float, degrees: float, level: float) -> Interval:
    half = float(stdtrit(degrees, 0.5 + level / 2)) * error
    p_value = 2 * float(stdtr(degrees, -abs(effect) / error))
    return Interval(effect, error, effect - half, effect + half, p_value)
