"""Are the groups as large as they were meant to be?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

STOP_BELOW = 0.001
"""A p-value below this means that assignment or counting is broken. Source: Fabijan et al. (2019), Diagnosing sample
ratio mismatch in online controlled experiments, KDD."""


class RatioCheck(NamedTuple):
    """Expected and observed units per group, shape (k,), with Pearson's statistic and its p-value."""

    expected: npt.NDArray[np.float64]
    observed: npt.NDArray[np.int64]
    chi2: float
    p_value: float

    @property
    def broken(self) -> bool:
        """Nothing that was measured should be read."""
        return self.p_value < STOP_BELOW


def ratio_check(observed: npt.ArrayLike, weights: npt.ArrayLike, *, continuity: bool = False) -> RatioCheck:
    """Pearson's chi-square of group sizes against weights, all positive.

    continuity : with the correction of Yates, for two groups.

    >>> found = ratio_check([2023, 1977], [1, 1])
    >>> round(found.chi2, 3), round(found.p_value, 3), found.broken
    (0.529, 0.467, False)
    >>> round(ratio_check([2023, 1977], [1, 1], continuity=True).p_value, 3)
    0.477
    """
    seen, share = np.asarray(observed, np.int64), np.asarray(weights, np.float64)
    expected = seen.sum() * share / share.sum()
    apart = np.abs(seen - expected)
    if continuity:
        apart = np.maximum(apart - 0.5, 0)
    chi2 = float((apart**2 / expected).sum()) if seen.sum() else 0.0
    return RatioCheck(expected, seen, chi2, float(chdtrc(len(seen) - 1, chi2)))
