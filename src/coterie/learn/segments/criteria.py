"""Figures that judge one solution by the distances in it: silhouette, Calinski-Harabasz, Davies-Bouldin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from coterie.learn.segments.kmeans import Clusters

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


class Silhouette(NamedTuple):
    """The mean silhouette with a 95 % interval for the rows it was taken on, and the single values."""

    mean: float
    low: float
    high: float
    values: Floats  # shape (rows,), between -1 and 1


def distances(matrix: Floats) -> Floats:
    """All distances between the rows, shape (n, n); memory 8 n x n bytes, so give a sample."""
    return np.asarray(cdist(matrix, matrix), dtype=np.float64)


def silhouette(between: Floats, labels: Ints) -> Silhouette:
    """How much nearer each row is to its own cluster than to the next one, from the distances between all rows.

    A row that is alone in its cluster counts 0. Source: Rousseeuw (1987), J. Comput. Appl. Math. 20.

    >>> rows = np.array([[0.0], [1.0], [5.0], [7.0]])
    >>> found = silhouette(distances(rows), np.array([0, 0, 1, 1]))
    >>> found.values.round(3).tolist(), round(found.mean, 3)
    ([0.833, 0.8, 0.556, 0.692], 0.72)
    """
    k, n = int(labels.max()) + 1, len(labels)
    member = np.zeros((n, k))
    member[np.arange(n), labels] = 1.0
    counts = member.sum(axis=0)
    sums = between @ member
    rows = np.arange(n)
    own = sums[rows, labels] / np.maximum(counts[labels] - 1, 1)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    means[rows, labels] = np.inf
    other = means.min(axis=1)
    alone = (counts[labels] == 1) | ~np.isfinite(other)
    larger = np.maximum(own, np.where(alone, 1.0, other))
    values = np.where(
        alone | (larger == 0), 0.0, (np.where(alone, own, other) - own) / np.where(larger == 0, 1.0, larger)
    )
    mean, error = float(values.mean()), float(values.std() / np.sqrt(n))
    return Silhouette(mean, mean - 1.96 * error, mean + 1.96 * error, values)


def calinski_harabasz(matrix: Floats, found: Clusters) -> float:
    """Variance between the clusters over that within, per degree of freedom; larger is better.

    Source: Calinski & Harabasz (1974), Communications in Statistics 3(1).

    >>> rows = np.array([[0.0], [2.0], [8.0], [10.0]])
    >>> calinski_harabasz(rows, Clusters(np.array([0, 0, 1, 1]), np.array([[1.0], [9.0]]), 4.0))
    32.0
    """
    k, n = len(found.centres), len(matrix)
    total = float(((matrix - matrix.mean(axis=0)) ** 2).sum())
    if n <= k or found.inertia <= 0:
        return float("inf")
    return (total - found.inertia) / (k - 1) / (found.inertia / (n - k))


def davies_bouldin(matrix: Floats, found: Clusters) -> float:
    """How much each cluster overlaps with its worst neighbour, on average; smaller is better.

    Source: Davies & Bouldin (1979), IEEE Trans. Pattern Analysis 1(2).

    >>> rows = np.array([[0.0], [2.0], [8.0], [10.0]])
    >>> davies_bouldin(rows, Clusters(np.array([0, 0, 1, 1]), np.array([[1.0], [9.0]]), 4.0))
    0.25
    """
    k = len(found.centres)
    reach = np.sqrt(((matrix - found.centres[found.labels]) ** 2).sum(axis=1))
    counts = np.bincount(found.labels, minlength=k)
    spread = np.bincount(found.labels, weights=reach, minlength=k) / np.maximum(counts, 1)
    apart = cdist(found.centres, found.centres)
    np.fill_diagonal(apart, np.inf)
    return float(((spread[:, None] + spread[None, :]) / np.maximum(apart, 1e-300)).max(axis=1).mean())
