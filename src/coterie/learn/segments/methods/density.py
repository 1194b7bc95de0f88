"""HDBSCAN: crowds of any shape with emptier space between them, and customers who belong to none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from coterie.errors import Refused
from coterie.learn.segments.methods.base import (
    Clusters,
    Floats,
    Ints,
    Nearest,
    Rows,
    as_rows,
    chunked,
    drawn,
    group_means,
    ordered,
    two_nearest,
    within,
)

_MOST_ROWS = 5_000
_LEAST, _LEAST_SHARE = 5, 0.01  # rows of the smallest crowd that counts as one


@dataclass(frozen=True)
class WithinReach:
    """A row belongs to the segment of its nearest row if it is within the segment's reach, else to none.

    Near is meant by mutual reachability: the largest of the distance and of both rows' own distances to their `neighbours`-th
    nearest row, so that in thin air everything is far. A segment's reach is the longest step that holds it together.
    """

    kind: ClassVar[str] = "within_reach"
    rows: Rows  # all rows of the fit, in the prepared matrix's columns
    labels: tuple[int, ...]  # -1: in none
    cores: tuple[float, ...]  # of each row the distance to its `neighbours`-th nearest one, itself the first
    reaches: tuple[float, ...]  # of each segment
    neighbours: int

    def assign(self, matrix: Floats, centres: Floats) -> Nearest:
        """The segment within whose reach the row lies; of a row in none, how far the nearest reach is missed."""
        return chunked(self._assign, matrix)

    def _assign(self, matrix: Floats) -> Nearest:
        if not len(matrix):
            nobody, nothing = np.empty(0, np.intp), np.empty(0)
            return Nearest(nobody, nobody, nothing, nothing)
        found = two_nearest(self._far(matrix))
        reach = np.array(self.reaches)[found.first]
        outside = found.first_distance > reach
        return Nearest(
            np.where(outside, -1, found.first),
            np.where(outside, found.first, found.second),
            np.where(outside, reach, found.first_distance),
            np.where(outside, found.first_distance, found.second_distance),
        )

    def _far(self, matrix: Floats) -> Floats:
        """Mutual reachability to the nearest row of each segment, shape (k, n)."""
        own = self._tree.query(matrix, [min(self.neighbours, len(self.rows))])[0][:, 0]
        far = np.empty((len(self.reaches), len(matrix)))
        for j, (tree, cores) in enumerate(self._members):
            # the nearest by distance alone need not be the nearest by mutual reachability, so several are looked at
            distance, place = tree.query(matrix, np.arange(1, min(self.neighbours, len(cores)) + 1))
            far[j] = np.maximum(np.maximum(distance, cores[place]), own[:, None]).min(axis=1)
        return far

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(np.array(self.rows))

    @cached_property
    def _members(self) -> list[tuple[Any, Floats]]:
        from scipy.spatial import cKDTree

        rows, labels, cores = np.array(self.rows), np.array(self.labels), np.array(self.cores)
        return [(cKDTree(rows[labels == j]), cores[labels == j]) for j in range(len(self.reaches))]

    def renumbered(self, order: Sequence[int]) -> WithinReach:
        """With segment `order[j]` called j."""
        place = {old: new for new, old in enumerate(order)} | {-1: -1}
        labels = tuple(place[label] for label in self.labels)
        return WithinReach(self.rows, labels, self.cores, tuple(self.reaches[j] for j in order), self.neighbours)

    @property
    def names(self) -> None:
        """Named by their profile."""
        return None


def hdbscan(matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None) -> Clusters:
    """Crowds that last longest as the density asked for rises; how many there are is found, whatever `k` says.

    On at most 5,000 rows, which the model keeps; a crowd has at least 5 of them and 1 %. There is nothing random.
    Centres are the means of the segments, which need not lie in them.

    Raises Refused `no_groups`: there are not two crowds. Source: Campello, Moulavi, Zimek & Sander (2015), Hierarchical
    density estimates for data clustering, visualization, and outlier detection, ACM TKDD 10(1); scikit-learn's
    implementation.

    >>> places = np.concatenate([np.arange(0, 6, 0.5), np.arange(50, 55, 0.5), [200.0]])
    >>> found = hdbscan(places[:, None], 0, seed=0, starts=1)
    >>> found.k, np.bincount(found.labels + 1).tolist()
    (2, [1, 12, 10])
    """
    from sklearn.cluster import HDBSCAN

    rows = matrix[drawn(len(matrix), _MOST_ROWS, seed)]
    least = max(_LEAST, round(_LEAST_SHARE * len(rows)))
    labels = np.asarray(HDBSCAN(min_cluster_size=least, min_samples=_LEAST, copy=True).fit_predict(rows), np.intp)
    count = int(labels.max()) + 1
    if count < 2:
        raise Refused(
            "no_groups",
            "HDBSCAN finds no two crowds with emptier space between them in these columns.",
            place="--method",
            fix="Use kmeans for useful cuts, or other tags.",
        )
    rule = _rule(rows, labels, count)
    assigned = rule.assign(matrix, np.empty((count, 0))).first
    centres = group_means(matrix, assigned, count)
    return ordered(Clusters(assigned, centres, within(matrix, assigned, centres), rule))


def _rule(rows: Floats, labels: Ints, k: int) -> WithinReach:
    from scipy.spatial import cKDTree

    cores = cKDTree(rows).query(rows, [min(_LEAST, len(rows))])[0][:, 0]
    reaches = [_longest_step(rows[labels == j], cores[labels == j]) for j in range(k)]
    return WithinReach(
        as_rows(rows), tuple(map(int, labels)), tuple(map(float, cores)), tuple(map(float, reaches)), _LEAST
    )


def _longest_step(rows: Floats, cores: Floats) -> float:
    """The longest of the shortest steps by which all rows are reached from any one: the largest edge of the tree (Prim)."""
    near = np.full(len(rows), np.inf)
    left = np.ones(len(rows), dtype=bool)
    at, longest = 0, 0.0
    for _ in range(len(rows) - 1):
        left[at] = False
        step = np.sqrt(((rows - rows[at]) ** 2).sum(axis=1))
        near = np.minimum(near, np.maximum(np.maximum(step, cores), cores[at]))
        at = int(np.where(left, near, np.inf).argmin())
        longest = max(longest, float(near[at]))
    return longest
