"""The same effect as a chance: what to believe of it after the data, given what was believed before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from coterie.stats.effects import LEVEL


class Posterior(NamedTuple):
    """A normal belief about an effect.

    chance_to_beat : that the effect is above 0.
    loss_if_taken, loss_if_left : what is lost on average by taking the arm though the control is better, and by leaving
    it though it is better, in the effect's unit.
    """

    mean: float
    standard_deviation: float
    low: float
    high: float
    chance_to_beat: float
    loss_if_taken: float
    loss_if_left: float


def posterior(
    effect: float, standard_error: float, *, prior_mean: float = 0.0, prior_sd: float | None = 0.3, level: float = LEVEL
) -> Posterior:
    """A normal prior met with an effect whose error is normal.

    prior_sd : None for no opinion beforehand. A standard deviation of .3 for a relative effect says that two in three
    campaigns change a metric by less than 30 %.

    >>> found = posterior(0.1, 0.1, prior_sd=0.1)
    >>> [round(v, 4) for v in (found.mean, found.standard_deviation, found.chance_to_beat, found.loss_if_taken)]
    [0.05, 0.0707, 0.7602, 0.01]
    """
    own = 1 / standard_error**2
    before = 0.0 if prior_sd is None else 1 / prior_sd**2
    mean = (own * effect + before * prior_mean) / (own + before)
    spread = (own + before) ** -0.5
    half = float(ndtri(0.5 + level / 2)) * spread
    in_sd = mean / spread
    beat = float(ndtr(in_sd))
    density = float(np.exp(-(in_sd**2) / 2) / np.sqrt(2 * np.pi))
    lost = spread * density - mean * float(ndtr(-in_sd))
    return Posterior(mean, spread, mean - half, mean + half, beat, max(lost, 0.0), max(lost + mean, 0.0))
