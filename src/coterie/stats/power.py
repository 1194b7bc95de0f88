"""How many units an experiment needs, what it can find, and how surely; for one reading or for many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr, ndtri

from coterie.stats.effects import LEVEL
from coterie.stats.sequential import width_in_errors

_STEPS = 200  # halvings of an interval: more than floating point has


def unit_variance(control: float, arm: float, control_share: float = 0.5) -> float:
    """n times the variance of a difference of means, for n units in both groups together.

    control, arm : variances of one unit; control_share : the control's share of the n units, between 0 and 1.

    >>> unit_variance(0.09, 0.11)
    0.4
    """
    return control / control_share + arm / (1 - control_share)


def chance_to_find(
    effect: float, variance: float, n: float, *, level: float = LEVEL, tuning: float | None = None
) -> float:
    """The power: how likely the interval at n units leaves out 0 when the true difference is `effect`.

    variance : see `unit_variance`; tuning : of an always-valid interval, else an ordinary one. Read at every batch an
    always-valid interval finds the effect at least as likely, and often earlier.

    >>> round(chance_to_find(0.01, 0.18, 31_400 * 0.9), 3), round(chance_to_find(0, 1, 100), 3)
    (0.977, 0.05)
    """
    error = float(np.sqrt(variance / n))
    edge = float(ndtri(0.5 + level / 2)) if tuning is None else float(width_in_errors(n, tuning, level))
    return float(ndtr(effect / error - edge) + ndtr(-effect / error - edge))


def units_needed(
    effect: float,
    variance: float,
    *,
    power: float = 0.8,
    level: float = LEVEL,
    tuning: float | None = None,
    sequential: bool = False,
) -> float:
    """Units of both groups together with which `effect` is found with that power; infinite where no number is enough.

    sequential : with an always-valid interval, tuned to `tuning` units, or to the result itself.

    >>> variance = unit_variance(0.09, 0.11)
    >>> round(units_needed(0.02, variance)), round(units_needed(0.02, variance, sequential=True))
    (7849, 15030)
    """
    if effect == 0 or power >= 1:
        return float("inf")

    def enough(n: float) -> bool:
        tuned = (tuning or n) if sequential else None
        return chance_to_find(abs(effect), variance, n, level=level, tuning=tuned) >= power

    return _first(enough, 2.0)


def least_effect(
    variance: float, n: float, *, power: float = 0.8, level: float = LEVEL, tuning: float | None = None
) -> float:
    """The smallest difference that n units of both groups find with that power.

    >>> round(least_effect(0.4, 10_000), 5)
    0.01772
    """

    def enough(times: float) -> bool:
        return chance_to_find(times * scale, variance, n, level=level, tuning=tuning) >= power

    scale = float(np.sqrt(variance / n)) / 1024
    return _first(enough, 1.0) * scale


def _first(enough: Callable[[float], bool], low: float) -> float:
    """Where a condition that stays true once it is true first becomes so; `low` where it is true from the beginning."""
    high = low
    while not enough(high):
        high *= 2
        if high > 1e18:
            return float("inf")
    if high == low:
        return low
    low = high / 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
