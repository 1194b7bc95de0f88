"""P-values of several tests at once, corrected for their number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def holm(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """P-values, shape (n_tests,), corrected so that the chance of even one false finding stays at the level.

    It assumes nothing of how the tests hang together. Source: Holm (1979), Scandinavian Journal of Statistics 6.

    >>> holm([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    given = np.asarray(p_values, np.float64)
    order = np.argsort(given, kind="stable")
    scaled = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(scaled, 1.0)
    return corrected


def benjamini_hochberg(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """P-values, shape (n_tests,), corrected so that of what is called found at most the level's share is false, on average.

    It holds for tests that are independent or move together. Source: Benjamini & Hochberg (1995), Journal of the Royal
    Statistical Society B 57.

    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.02, 0.04, 0.04, 0.02]
    """
    given = np.asarray(p_values, np.float64)
    order = np.argsort(given, kind="stable")[::-1]
    scaled = np.minimum.accumulate(given[order] * len(given) / np.arange(len(given), 0, -1))
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(scaled, 1.0)
    return corrected
