"""Intervals and p-values that stay valid however often one looks: asymptotic confidence sequences.

With a fixed-horizon interval, looking every day and stopping at the first p below .05 finds an effect in far more than
5 % of experiments without one. These are wider by half where they are tuned to be tightest, and may be read at any
moment. They rest on the central limit theorem as the ordinary interval does: a first look at some hundred units an arm.

Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, Time-uniform central limit theory and asymptotic confidence
sequences, arXiv 2103.06476v7.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from coterie.stats.effects import LEVEL, Interval

Floats = npt.NDArray[np.float64]


def mixing(tuning: float, level: float = LEVEL) -> float:
    """The parameter rho that makes the interval tightest at `tuning` units in all; eq. 161.

    >>> round(mixing(5000), 6)
    0.03984
    """
    twice = -2 * np.log(1 - level)
    return float(np.sqrt((twice + np.log(twice + 1)) / tuning))


def width_in_errors(n: npt.ArrayLike, tuning: float, level: float = LEVEL) -> Floats:
    """Half the width of the interval at n units of both groups, in standard errors of then; eq. 9.

    An ordinary interval has 1.96 of them, whenever it is read.

    >>> width_in_errors([200, 5000, 50_000], 5000).round(3).tolist()
    [5.1, 3.035, 3.242]
    """
    grown = np.asarray(n, np.float64) * mixing(tuning, level) ** 2
    return np.asarray(np.sqrt(2 * (grown + 1) / grown * np.log(np.sqrt(grown + 1) / (1 - level))))


def p_values(in_errors: npt.ArrayLike, n: npt.ArrayLike, tuning: float, level: float = LEVEL) -> Floats:
    """P-values of effects given in standard errors: 1 over the evidence, at most 1; eq. 155.

    They are below 1 - level exactly where the interval leaves out 0.

    >>> p_values([2.0, 3.1, 5.0], 5000, 5000).round(4).tolist()
    [0.506, 0.0419, 0.0]
    """
    grown = np.asarray(n, np.float64) * mixing(tuning, level) ** 2
    log_evidence = grown / (grown + 1) * np.asarray(in_errors, np.float64) ** 2 / 2 - np.log(grown + 1) / 2
    return np.minimum(np.exp(-log_evidence), 1.0)


def always_valid(found: Interval, n: int, tuning: float, level: float = LEVEL) -> Interval:
    """The interval of an effect that may be looked at after every batch.

    found : the effect with its standard error now; n : units of both groups now.
    tuning : units of both groups at which the interval is tightest, such as those planned.

    >>> found = always_valid(Interval(0.5033610858, 0.3334122146, 0, 0, 0), 6461, 1000)
    >>> round(found.low, 5), round(found.high, 5), found.p_value
    (-0.55844, 1.56516, 1.0)
    """
    half = float(width_in_errors(n, tuning, level)) * found.standard_error
    p_value = float(p_values(found.effect / found.standard_error, n, tuning, level))
    return Interval(found.effect, found.standard_error, found.effect - half, found.effect + half, p_value)
