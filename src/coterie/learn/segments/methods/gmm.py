"""Gaussian mixtures: segments that are stretched, tilted or of different width."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from coterie.learn.segments.methods.base import (
    Clusters,
    Floats,
    Nearest,
    Rows,
    as_rows,
    chunked,
    drawn,
    ordered,
    two_nearest,
)
from coterie.learn.segments.methods.kmeans import blas_threads

_MOST_ROWS = 20_000


@dataclass(frozen=True)
class Mixture:
    """A row belongs to the component that most probably made it.

    The distance to a component is the root of twice the log density that is lacking to the highest density that any
    component reaches: for balls of one size the plain distance in standard deviations.
    """

    kind: ClassVar[str] = "mixture"
    factors: tuple[Rows, ...]  # per component, shape (columns, columns): the triangular root of the precision
    heights: tuple[float, ...]  # per component: log of its weight and of its density at its centre

    def assign(self, matrix: Floats, centres: Floats) -> Nearest:
        """By the posterior probability; ties go to the lower number."""
        return chunked(lambda rows: self._assign(rows, centres), matrix)

    def _assign(self, matrix: Floats, centres: Floats) -> Nearest:
        top = max(self.heights)
        far = np.empty((len(centres), len(matrix)))
        for j, (centre, factor) in enumerate(zip(centres, self._factors, strict=True)):
            squares = np.zeros(len(matrix))
            # column by column, so that a row gets the same bits alone as among others
            apart = [column - value for column, value in zip(matrix.T, centre, strict=True)]
            for out in factor.T:
                part = np.zeros(len(matrix))
                for place in np.flatnonzero(out):
                    part += apart[place] * out[place]
                squares += part**2
            far[j] = squares + 2 * (top - self.heights[j])
        return two_nearest(np.sqrt(far))

    @cached_property
    def _factors(self) -> npt.NDArray[np.float64]:
        return np.array(self.factors)

    def renumbered(self, order: Sequence[int]) -> Mixture:
        """With the components in this order."""
        return Mixture(tuple(self.factors[j] for j in order), tuple(self.heights[j] for j in order))

    @property
    def names(self) -> None:
        """Named by their profile."""
        return None


def gmm(matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None) -> Clusters:
    """The likeliest mixture of k normal distributions.

    Covariances are full where there are as many rows as numbers to estimate, else diagonal. On at most 20,000 rows; the
    others are assigned. The cost is minus the mean log likelihood.
    Source: Dempster, Laird & Rubin (1977); scikit-learn's implementation.

    >>> rng = np.random.default_rng(0)
    >>> rows = np.concatenate([rng.normal(0, 1, (60, 1)), rng.normal(9, 1, (40, 1))])
    >>> found = gmm(rows, 2, seed=0, starts=1)
    >>> np.bincount(found.labels).tolist(), found.bic is not None
    ([60, 40], True)
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    rows = matrix[drawn(len(matrix), _MOST_ROWS, seed)]
    width = rows.shape[1]
    shape = "full" if len(rows) >= k * width * (width + 3) / 2 else "diag"
    runs = []
    with blas_threads().limit(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if starts:
            runs.append(GaussianMixture(k, covariance_type=shape, n_init=starts, random_state=seed).fit(rows))
        if first is not None:
            runs.append(GaussianMixture(k, covariance_type=shape, means_init=first, random_state=seed).fit(rows))
        model = max(runs, key=lambda run: float(run.lower_bound_))
        bic = float(model.bic(rows))
    roots = model.precisions_cholesky_
    roots = roots if roots.ndim == 3 else np.array([np.diag(root) for root in roots])
    densities = np.log(np.abs(np.diagonal(roots, axis1=1, axis2=2))).sum(axis=1)
    heights = np.log(np.maximum(model.weights_, 1e-300)) + densities
    rule = Mixture(tuple(as_rows(root) for root in roots), tuple(float(h) for h in heights))
    centres = np.asarray(model.means_, np.float64)
    found = rule.assign(matrix, centres)
    return ordered(Clusters(found.first, centres, -float(model.lower_bound_), rule, bic))
