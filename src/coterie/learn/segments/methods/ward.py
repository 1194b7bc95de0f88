"""Ward's method: the two groups whose union costs least are joined, until k are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from coterie.learn.segments.methods.base import (
    Clusters,
    Floats,
    Nearest,
    Rows,
    as_rows,
    beside,
    chunked,
    drawn,
    group_means,
    ordered,
    within,
)

_MOST_ROWS = 5_000


@dataclass(frozen=True)
class NearestReference:
    """A row belongs to the segment of the nearest reference row; the second is the nearest other centre."""

    kind: ClassVar[str] = "nearest_reference"
    rows: Rows  # in the prepared matrix's columns
    labels: tuple[int, ...]

    def assign(self, matrix: Floats, centres: Floats) -> Nearest:
        """The nearest reference row's segment; a reference row gets its own."""
        return chunked(lambda rows: self._assign(rows, centres), matrix)

    def _assign(self, matrix: Floats, centres: Floats) -> Nearest:
        if not len(matrix):
            return beside(np.empty(0, np.intp), matrix, centres)
        _, place = self._tree.query(matrix)
        return beside(np.array(self.labels, np.intp)[place], matrix, centres)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(np.array(self.rows))

    def renumbered(self, order: Sequence[int]) -> NearestReference:
        """With segment `order[j]` called j."""
        place = {old: new for new, old in enumerate(order)}
        return NearestReference(self.rows, tuple(place[label] for label in self.labels))

    @property
    def names(self) -> None:
        """Named by their profile."""
        return None


def ward(matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None) -> Clusters:
    """Groups joined so that the sum of squared distances to the group means grows least.

    On at most 5,000 rows, which the model keeps; every other row belongs where the nearest of them does. There is nothing
    random, so that neither `starts` nor `first` matter. Source: Ward (1963), J. American Statistical Association 58;
    scikit-learn's implementation.

    >>> found = ward(np.array([[0.0], [1.0], [2.0], [50.0], [51.0]]), 2, seed=0, starts=1)
    >>> found.labels.tolist(), found.inertia
    ([0, 0, 0, 1, 1], 2.5)
    """
    from sklearn.cluster import AgglomerativeClustering

    rows = matrix[drawn(len(matrix), _MOST_ROWS, seed)]
    groups = AgglomerativeClustering(k).fit_predict(rows)
    # equal rows are joined first, so that one of them stands for all
    kept, place = np.unique(rows, axis=0, return_index=True)
    rule = NearestReference(as_rows(kept), tuple(int(g) for g in groups[place]))
    rough = group_means(rows, np.asarray(groups, np.intp), k)
    labels = rule.assign(matrix, rough).first
    centres = group_means(matrix, labels, k)
    return ordered(Clusters(labels, centres, within(matrix, labels, centres), rule))
