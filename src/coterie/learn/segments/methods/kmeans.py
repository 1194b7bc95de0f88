"""k-means: the best of several starts, and for many rows a sample first and then all of them."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from coterie.learn.segments.criteria import spherical_bic
from coterie.learn.segments.methods.base import Clusters, Floats, Ints, drawn, nearest, ordered, sizes

AnyFloats = npt.NDArray[Any]

MANY_ROWS = 500_000
"""Above this k-means starts on a sample."""
_MOST_ITERATIONS, _FEW_ITERATIONS = 300, 15
_FIRST_ROWS, _PART = 100_000, 32_768
_SETTLED = 1e-5  # an iteration that lowers the inertia by less than this share is the last one


def kmeans(
    matrix: AnyFloats, k: int, *, seed: int, starts: int, first: Floats | None = None, threads: int = 1
) -> Clusters:
    """The best of `starts` k-means runs from k-means++ centres, and of one from `first` where given.

    matrix : float array, shape (n, columns), with at least k different rows; 32-bit floats are not copied to 64 bits
    threads : more than one gives the same result but for rounding, so the default keeps every bit

    Numbered by size, largest first, ties by centre. Above 500,000 rows the starts run on 100,000 of them, and the best goes
    on with all rows. Source: Arthur & Vassilvitskii (2007), k-means++; Lloyd (1982); scikit-learn's implementation.

    >>> found = kmeans(np.array([[0.0], [0.2], [0.4], [9.0]]), 2, seed=0, starts=3)
    >>> found.labels.tolist(), found.centres.round(2).ravel().tolist(), round(found.inertia, 2)
    ([0, 0, 0, 1], [0.2, 9.0], 0.08)
    """
    with blas_threads().limit(limits=1 if len(matrix) > MANY_ROWS else threads):
        if len(matrix) > MANY_ROWS:
            few = _small(matrix[drawn(len(matrix), _FIRST_ROWS, seed)], k, seed, starts, first)
            found = _lloyd(matrix, few.centres, threads)
        else:
            found = _small(matrix, k, seed, starts, first)
    bic = spherical_bic(found.inertia, sizes(found.labels, k), matrix.shape[1])
    return ordered(found._replace(bic=bic))


def _small(matrix: AnyFloats, k: int, seed: int, starts: int, first: Floats | None) -> Clusters:
    runs = []
    with warnings.catch_warnings():
        # fewer different rows than k happen in resamples of small data; the empty clusters are harmless there
        warnings.simplefilter("ignore", ConvergenceWarning)
        if starts:
            runs.append(KMeans(k, n_init=starts, random_state=seed, max_iter=_MOST_ITERATIONS).fit(matrix))
        if first is not None:
            init = np.asarray(first, matrix.dtype)
            runs.append(KMeans(k, init=init, n_init=1, max_iter=_MOST_ITERATIONS).fit(matrix))
    best = min(runs, key=lambda run: float(run.inertia_))
    centres = np.asarray(best.cluster_centers_, dtype=np.float64)
    return Clusters(np.asarray(best.labels_, dtype=np.intp), centres, float(best.inertia_))


@cache
def blas_threads() -> ThreadpoolController:
    """Looks once for the libraries that have threads: a search costs as much as a small fit."""
    return ThreadpoolController()


class _Pass(NamedTuple):
    """What one walk over some rows gives."""

    labels: npt.NDArray[np.int32]
    sums: Floats
    counts: Floats
    inertia: float


def _lloyd(matrix: AnyFloats, centres: Floats, threads: int) -> Clusters:
    """Lloyd's iterations over all rows part by part, so that nothing of their size is made but the labels.

    Distances are a matrix product in the rows' own precision, about the middle of the data; sums are kept in 64 bits.
    """
    middle = centres.mean(axis=0)
    centres, before = centres - middle, np.inf
    starts = range(0, len(matrix), _PART)
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_MOST_ITERATIONS):
            walked = list(pool.map(lambda i: _walk(matrix[i : i + _PART], middle, centres), starts))  # noqa: B023
            inertia = sum(part.inertia for part in walked)
            counts = np.sum([part.counts for part in walked], axis=0)[:, None]
            moved = np.sum([part.sums for part in walked], axis=0) / np.maximum(counts, 1)
            if before - inertia <= _SETTLED * inertia:
                break
            centres, before = np.where(counts > 0, moved, centres), inertia
    labels = np.concatenate([part.labels for part in walked]).astype(np.intp)
    return Clusters(labels, centres + middle, inertia)


def _walk(rows: AnyFloats, middle: Floats, centres: Floats) -> _Pass:
    kind = rows.dtype
    shifted = rows - middle.astype(kind)
    towards = np.asarray(centres, kind)
    # |x - c|^2 = |x|^2 - 2 (x c - |c|^2 / 2): the largest bracket is the nearest centre
    bracket = towards @ shifted.T - (0.5 * (centres**2).sum(axis=1)).astype(kind)[:, None]
    labels = bracket.argmax(axis=0)
    member = (labels[None, :] == np.arange(len(centres))[:, None]).astype(kind)
    sums = np.asarray(member @ shifted, np.float64)
    best = np.take_along_axis(bracket, labels[None, :], axis=0)
    inertia = float(np.einsum("ij,ij->", shifted, shifted, dtype=np.float64)) - 2 * float(best.sum(dtype=np.float64))
    return _Pass(labels.astype(np.int32), sums, np.asarray(member.sum(axis=1), np.float64), inertia)


def settled(matrix: Floats, centres: Floats) -> Clusters:
    """Labels and centres that agree with each other to the last bit: labels of the nearest centre, centres the labels' means.

    Above 100,000 rows the last few changes of the means are left, since each costs a walk over all rows; the labels are
    those of the centres in any case.
    """
    k = len(centres)
    for _ in range(_MOST_ITERATIONS if len(matrix) <= _FIRST_ROWS else _FEW_ITERATIONS):
        labels: Ints = nearest(matrix, centres).first
        counts = np.bincount(labels, minlength=k)[:, None]
        sums = np.column_stack([np.bincount(labels, weights=column, minlength=k) for column in matrix.T])
        means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), centres)
        if np.array_equal(means, centres):
            break
        centres = means
    found = nearest(matrix, centres)
    return Clusters(found.first, centres, float((found.first_distance**2).sum()))
