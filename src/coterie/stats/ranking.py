"""How well a score puts one group before another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata


class Auc(NamedTuple):
    """An area under the ROC curve: the chance that a member of the first group scores higher; ties count half.

    value : from 0 to 1, .5 for a score that knows nothing; variance : of the estimate.
    """

    value: float
    variance: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The ends of the interval, within 0 and 1."""
        half = float(ndtri(0.5 + level / 2)) * self.variance**0.5
        return max(0.0, self.value - half), min(1.0, self.value + half)


def roc_auc(scores: npt.ArrayLike, positive: npt.ArrayLike) -> Auc:
    """The area of a score, shape (n,), by whether each is of the first group, bool of shape (n,).

    Source: DeLong, DeLong & Clarke-Pearson (1988), Comparing the areas under correlated ROC curves, Biometrics 44.

    >>> roc_auc([0.9, 0.8, 0.4, 0.3, 0.1], [True, False, True, False, False]).value.__round__(4)
    0.8333
    """
    given, first = np.asarray(scores, np.float64), np.asarray(positive, bool)
    high, low = given[first], given[~first]
    n, m = len(high), len(low)
    ranks = rankdata(given)
    above = (ranks[first] - rankdata(high)) / m  # share of the others below each of the first
    below = 1 - (ranks[~first] - rankdata(low)) / n
    variance = (above.var(ddof=1) / n if n > 1 else 0.0) + (below.var(ddof=1) / m if m > 1 else 0.0)
    return Auc(float(above.mean()), float(variance))


def cross_validated_auc(folds: list[Auc]) -> Auc:
    """The mean area over the folds of a cross-validation, with a variance that knows that the models are much alike.

    The folds are separate people, but any two models were fitted to mostly the same ones; without that the variance
    is less than half of the true one. Source: Nadeau & Bengio (2003), Inference for the generalization error, Machine
    Learning 52: 1/k + n_test/n_train instead of 1/k.

    >>> cross_validated_auc([Auc(0.7, 0.01), Auc(0.8, 0.01)])
    Auc(value=0.75, variance=0.015)
    """
    k = len(folds)
    variance = float(np.mean([fold.variance for fold in folds]))
    return Auc(float(np.mean([fold.value for fold in folds])), variance * (1 / k + 1 / (k - 1)))
