"""Figures that judge one solution by the distances in it: silhouette, Calinski-Harabasz, Davies-Bouldin, BIC.

They are of the groups and their means, whatever method made them; rows in no group do not count.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from coterie.learn.segments.methods.base import Clusters, drawn, group_means, sizes, within

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
    k, inside = found.k, found.labels >= 0
    rows, n = matrix[inside], int(inside.sum())
    total = float(((rows - rows.mean(axis=0)) ** 2).sum())
    inner = within(matrix, found.labels, group_means(matrix, found.labels, k))
    if n <= k or inner <= 0:
        return float("inf")
    return (total - inner) / (k - 1) / (inner / (n - k))


def davies_bouldin(matrix: Floats, found: Clusters) -> float:
    """How much each cluster overlaps with its worst neighbour, on average; smaller is better.

    Source: Davies & Bouldin (1979), IEEE Trans. Pattern Analysis 1(2).

    >>> rows = np.array([[0.0], [2.0], [8.0], [10.0]])
    >>> davies_bouldin(rows, Clusters(np.array([0, 0, 1, 1]), np.array([[1.0], [9.0]]), 4.0))
    0.25
    """
    k, inside = found.k, found.labels >= 0
    labels, means = found.labels[inside], group_means(matrix, found.labels, k)
    reach = np.sqrt(((matrix[inside] - means[labels]) ** 2).sum(axis=1))
    spread = np.bincount(labels, weights=reach, minlength=k) / np.maximum(sizes(labels, k), 1)
    apart = cdist(means, means)
    np.fill_diagonal(apart, np.inf)
    return float(((spread[:, None] + spread[None, :]) / np.maximum(apart, 1e-300)).max(axis=1).mean())


def sampled_silhouette(matrix: npt.NDArray[Any], labels: Ints, *, seed: int, rows: int = 5_000) -> Silhouette:
    """The silhouette of at most `rows` rows in a group, drawn by the seed; memory 8 x rows x rows bytes.

    >>> places = np.concatenate([np.arange(0.0, 10.0), np.arange(100.0, 110.0)])[:, None]
    >>> round(sampled_silhouette(places, np.repeat([0, 1], 10), seed=0).mean, 2)
    0.96
    """
    inside = np.flatnonzero(labels >= 0)
    chosen = inside[drawn(len(inside), rows, seed)]
    return silhouette(distances(np.asarray(matrix[chosen], np.float64)), labels[chosen])


def spherical_bic(inertia: float, sizes: Ints, columns: int) -> float | None:
    """Schwarz's criterion of k-means read as a mixture of balls of one width; smaller is better.

    inertia : sum of squared distances to the own centre; sizes : rows per cluster, shape (k,)

    The width is the pooled variance per column. None where nothing varies inside the clusters. Source: Pelleg & Moore
    (2000), X-means, section 3.2, with the variance per column; as minus twice the log likelihood, so that it compares
    with a mixture's own.

    >>> round(spherical_bic(4.0, np.array([2, 2]), 1) or 0, 2)
    23.21
    """
    n, k = int(sizes.sum()), len(sizes)
    if n <= k or inertia <= 0:
        return None
    variance = inertia / (columns * (n - k))
    counts = sizes[sizes > 0]
    likelihood = float((counts * np.log(counts / n)).sum())
    likelihood -= n * columns / 2 * np.log(2 * np.pi * variance) + inertia / (2 * variance)
    free = (k - 1) + k * columns + 1
    return float(free * np.log(n) - 2 * likelihood)
