"""k-means, and the assignment of rows to centres.

Every clustering method of this room is a `Method`: a function from a prepared matrix and k to `Clusters`. What judges a
solution (`choose`, `stability`, `separation`) knows only that.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_CHUNK = 65_536
_MOST_ITERATIONS = 300


class Clusters(NamedTuple):
    """A solution: row i belongs to centre `labels[i]`, the nearest one."""

    labels: Ints  # shape (n,), from 0 to k - 1
    centres: Floats  # shape (k, columns), means of the rows, but for rounding (see `settled`)
    inertia: float  # sum of squared distances to the own centre


class Nearest(NamedTuple):
    """The two centres nearest to each row, and the distances to them."""

    first: Ints
    second: Ints
    first_distance: Floats
    second_distance: Floats


class Method(Protocol):
    """A clustering method: `first` are centres to start from beside `starts` random starts."""

    def __call__(self, matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None) -> Clusters: ...


def kmeans(matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None) -> Clusters:
    """The best of `starts` k-means runs from k-means++ centres, and of one from `first` where given.

    matrix : float array, shape (n, columns), with at least k different rows

    Numbered by size, largest first, ties by centre. One thread, so that the same input gives the same bits.
    Source: Arthur & Vassilvitskii (2007), k-means++; Lloyd (1982); scikit-learn's implementation.

    >>> found = kmeans(np.array([[0.0], [0.2], [0.4], [9.0]]), 2, seed=0, starts=3)
    >>> found.labels.tolist(), found.centres.round(2).ravel().tolist(), round(found.inertia, 2)
    ([0, 0, 0, 1], [0.2, 9.0], 0.08)
    """
    runs = []
    with _threads().limit(limits=1), warnings.catch_warnings():
        # fewer different rows than k happen in resamples of small data; the empty clusters are harmless there
        warnings.simplefilter("ignore", ConvergenceWarning)
        if starts:
            runs.append(KMeans(k, n_init=starts, random_state=seed, max_iter=_MOST_ITERATIONS).fit(matrix))
        if first is not None:
            runs.append(KMeans(k, init=first, n_init=1, max_iter=_MOST_ITERATIONS).fit(matrix))
    best = min(runs, key=lambda run: float(run.inertia_))
    centres = np.asarray(best.cluster_centers_, dtype=np.float64)
    return ordered(Clusters(np.asarray(best.labels_, dtype=np.intp), centres, float(best.inertia_)))


@cache
def _threads() -> ThreadpoolController:
    """Looks once for the libraries that have threads: a search costs as much as a small fit."""
    return ThreadpoolController()


def settled(matrix: Floats, centres: Floats) -> Clusters:
    """Labels and centres that agree with each other to the last bit: labels of the nearest centre, centres the "
    "labels' means."""
    k = len(centres)
    for _ in range(_MOST_ITERATIONS):
        labels = nearest(matrix, centres).first
        counts = np.bincount(labels, minlength=k)[:, None]
        sums = np.column_stack([np.bincount(labels, weights=column, minlength=k) for column in matrix.T])
        means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), centres)
        if np.array_equal(means, centres):
            break
        centres = means
    found = nearest(matrix, centres)
    return Clusters(found.first, centres, float((found.first_distance**2).sum()))


def ordered(found: Clusters) -> Clusters:
    """The same solution with its clusters numbered by size, largest first, ties by centre."""
    counts = np.bincount(found.labels, minlength=len(found.centres))
    order = sorted(range(len(counts)), key=lambda j: (-counts[j], *found.centres[j].tolist()))
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    return Clusters(place[found.labels], np.ascontiguousarray(found.centres[order]), found.inertia)


def nearest(matrix: Floats, centres: Floats) -> Nearest:
    """The nearest and the second nearest centre of every row; ties go to the lower number.

    Summed column by column, so that a row gets the same bits alone as among a million others.

    >>> found = nearest(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0], [4.0, 4.0], [1.0, 0.5]]))
    >>> int(found.first[0]), int(found.second[0]), float(found.first_distance[0]), float(found.second_distance[0])
    (2, 0, 0.5, 1.0)
    """
    parts = [_nearest(matrix[i : i + _CHUNK], centres) for i in range(0, max(len(matrix), 1), _CHUNK)]
    return Nearest(*(np.concatenate([part[f] for part in parts]) for f in range(4)))


def _nearest(matrix: Floats, centres: Floats) -> Nearest:
    squares = np.zeros((len(centres), len(matrix)))
    for j, centre in enumerate(centres):
        for column, value in zip(matrix.T, centre, strict=True):
            squares[j] += (column - value) ** 2
    first = squares.argmin(axis=0)
    rows = np.arange(len(matrix))
    closest = np.sqrt(squares[first, rows])
    squares[first, rows] = np.inf
    second = squares.argmin(axis=0)
    return Nearest(first, second, closest, np.sqrt(squares[second, rows]))


METHODS: dict[str, Method] = {"kmeans": kmeans}
"""The clustering methods by the name that `--method` takes."""
