"""Do segments stand apart, or is the border between them drawn through a crowd?

For every two segments, their members are projected on the line through the two centres, and on Fisher's line. Where the
segments are kinds of their own, few people live half-way: the projection has two peaks, and Hartigan's dip test says
how surely. Where k-means has cut one crowd in two, there is a single peak, wherever the cut runs. A solution stands
apart if each pair of its segments does. In simulations of 3 to 7 overlapping groups with noise columns, the largest
such k was the best one far more often than the maximum of silhouette, Calinski-Harabasz, Davies-Bouldin or gap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coterie.learn.segments.methods.base import Clusters
from coterie.stats.dip import dip, dip_p_value

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

APART = 0.08
"""Two segments stand apart if a single peak would give such a dip with at most this probability.

That is for the flattest peak, a uniform one; a bell gives such a dip less than once in a thousand times.
"""
APART_DIP = 0.505
"""The dip x sqrt(n) that this is, with 500 rows or more."""
_MOST_ROWS, _FEW, _ROUND = 2_000, 5, 1 / 3


class Separation(NamedTuple):
    """Per segment, against the segment it stands least apart from."""

    p_values: tuple[float, ...]  # of one single peak
    closest: tuple[int, ...]  # the segment (0 to k - 1) that it can least be told apart from
    weakest: float  # smallest dip x sqrt(n) of all pairs; beyond `APART_DIP` they stand apart

    @property
    def p_value(self) -> float:
        """The worst pair's p-value: the solution stands apart if this is small."""
        return max(self.p_values)


def separation(
    spread: Floats, found: Clusters, sources: Ints, few_valued: npt.NDArray[np.bool_], seed: int
) -> Separation:
    """How well each segment stands apart from every other one.

    spread : the prepared matrix with ties spread (see `spread_ties`), shape (n, columns)
    sources : for each column the number of the preparation step it comes from
    few_valued : for each column whether it takes only a few values
    """
    k = len(found.centres)
    p_values, scaled = np.zeros((k, k)), np.full((k, k), np.inf)
    rng = np.random.default_rng([seed, k])
    members = [np.flatnonzero(found.labels == j) for j in range(k)]
    for a in range(k):
        for b in range(a + 1, k):
            lines = _lines(spread, found, (members[a], members[b]), (a, b), sources, few_valued)
            rows = np.concatenate([members[a], members[b]])
            if len(rows) > _MOST_ROWS:
                rows = rng.permutation(rows)[:_MOST_ROWS]
            shape = max((dip(spread[rows] @ line) for line in lines), default=0.0)
            p_values[a, b] = p_values[b, a] = dip_p_value(shape, len(rows)) if len(rows) else 1.0
            scaled[a, b] = scaled[b, a] = shape * np.sqrt(len(rows))
    closest = scaled.argmin(axis=1)
    return Separation(
        tuple(float(p_values[j, c]) for j, c in enumerate(closest)),
        tuple(int(c) for c in closest),
        float(scaled.min()),
    )


def _lines(
    spread: Floats,
    found: Clusters,
    members: tuple[Ints, Ints],
    pair: tuple[int, int],
    sources: Ints,
    few_valued: npt.NDArray[np.bool_],
) -> list[Floats]:
    """The line through the two centres, and Fisher's: the same turned away from where the segments are wide.

    A third of the covariance inside is taken as round, since small segments do not tell theirs well.
    """
    if not all(len(each) for each in members):
        return []
    difference = found.centres[pair[1]] - found.centres[pair[0]]
    inside = np.concatenate([spread[each] - spread[each].mean(axis=0) for each in members])
    covariance = inside.T @ inside / len(inside)
    width = len(covariance)
    average = float(np.trace(covariance)) / width
    if average == 0:
        return [_direction(difference, sources, few_valued)]
    fisher = np.linalg.solve((1 - _ROUND) * covariance + _ROUND * average * np.eye(width), difference)
    return [_direction(line, sources, few_valued) for line in (difference, fisher)]


def _direction(difference: Floats, sources: Ints, few_valued: npt.NDArray[np.bool_]) -> Floats:
    """The line through two centres, without a category or a column of few values that makes up most of it.

    Between yes and no nobody can live half-way; such a column alone does not make two kinds of people.
    """
    weight = np.bincount(sources, weights=difference**2)
    top = int(weight.argmax())
    if few_valued[sources == top].all() and weight[top] > 0.5 * weight.sum() and len(weight) > 1:
        return np.where(sources == top, 0.0, difference)
    return difference


def few_valued(matrix: Floats) -> npt.NDArray[np.bool_]:
    """For each column whether it holds at most five different values, so that few can live half-way."""
    return np.array([len(np.unique(column)) <= _FEW for column in matrix.T], dtype=bool)


def spread_ties(matrix: Floats, seed: int) -> Floats:
    """Equal values of a column spread evenly to half-way towards the neighbouring values; yes/no columns stay.

    Counts and rounded amounts come in steps; seen finely, each step would be a peak of its own.

    >>> sorted(spread_ties(np.array([[1.0], [1.0], [2.0], [3.0]]), seed=0).ravel().tolist())
    [0.75, 1.25, 2.0, 3.0]
    """
    rng = np.random.default_rng(seed)
    result = matrix.copy()
    for j, column in enumerate(matrix.T):
        values, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        if len(values) <= 2 or len(values) == len(column):
            continue
        middles = (values[1:] + values[:-1]) / 2
        low = np.concatenate([[values[0] - (middles[0] - values[0])], middles])
        high = np.concatenate([middles, [values[-1] + (values[-1] - middles[-1])]])
        shuffled = rng.permutation(len(column))
        order = shuffled[np.argsort(place[shuffled], kind="stable")]
        rank = np.arange(len(column)) - np.repeat(np.cumsum(counts) - counts, counts)
        share = (rank + 0.5) / np.repeat(counts, counts)
        tied = np.repeat(counts, counts) > 1
        spots = np.repeat(low, counts) + share * np.repeat(high - low, counts)
        result[order, j] = np.where(tied, spots, np.repeat(values, counts))
    return result
