"""Quantiles with their error, from three order statistics.

The rank of a quantile has a binomial error whatever the distribution, so the values at the ends of the rank's interval
give the quantile's own. It needs no density estimate, which ties spoil, and no resampling, which would need the data
again: three quantiles come out of the same pass as the one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from coterie.stats.moments import CannotTell, Value

_Z = float(ndtri(0.975))


class Ranks(NamedTuple):
    """Shares of units below the ends of the interval of a quantile, between 0 and 1."""

    low: float
    high: float


def ranks_around(share: float, n: int) -> Ranks | CannotTell:
    """Where to read the ends of the 95 % interval. CannotTell(`too_few_units`) where they lie outside of the data.

    >>> ranks_around(0.5, 100)
    Ranks(low=0.4020018007729973, high=0.5979981992270027)
    >>> ranks_around(0.99, 100).reason
    'too_few_units'
    """
    half = _Z * float(np.sqrt(share * (1 - share) / n)) if n else 1.0
    low, high = share - half, share + half
    return Ranks(low, high) if n >= 2 and low > 0 and high < 1 else CannotTell("too_few_units")


def quantile_value(n: int, value: float, low: float, high: float) -> Value | CannotTell:
    """The quantile of a group of n units, from its value and those at `ranks_around`. CannotTell(`tied_quantile`).

    Source: Woodruff (1952), Confidence intervals for medians and other position measures, Journal of the American
    Statistical Association 47.

    >>> round(quantile_value(100, 5.0, 4.0, 6.0).variance, 3)
    26.032
    """
    if not low < high:
        return CannotTell("tied_quantile")
    return Value.unadjusted(n, value, n * ((high - low) / (2 * _Z)) ** 2)
