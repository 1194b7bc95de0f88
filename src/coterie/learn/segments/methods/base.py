"""What all clustering methods share: the solution they give, and the rule by which it takes rows into segments.

A method is a function from a prepared matrix and k to `Clusters`. Its `rule` assigns any row, one of the fitting data or a
new one, alone as among a million: what judges a solution (`choose`, `stability`, `separation`) and what predicts
(`SegmentModel`) use the same rule, and the labels of a solution are what its rule gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from coterie.learn.segments.pipeline import Pipeline

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Rows = tuple[tuple[float, ...], ...]

_CHUNK = 65_536
_MOST_RENUMBERINGS = 10


class Nearest(NamedTuple):
    """Where rows belong: the segment (-1: in none), the next one, and the distances to both in the rule's own measure."""

    first: Ints
    second: Ints
    first_distance: Floats
    second_distance: Floats


class Rule(Protocol):
    """How rows are taken into segments; a frozen dataclass of plain values, so that it can be stored as JSON."""

    kind: ClassVar[str]

    def assign(self, matrix: Floats, centres: Floats) -> Nearest:
        """The segment of each row and the next one; a row gets the same bits alone as among others."""
        ...

    def renumbered(self, order: Sequence[int]) -> Rule:
        """The same rule with segment `order[j]` called j."""
        ...

    @property
    def names(self) -> tuple[tuple[str, str], ...] | None:
        """English and Chinese name of each segment, where the method knows them."""
        ...


@dataclass(frozen=True)
class NearestCentre:
    """A row belongs to the nearest centre: `euclidean` or `manhattan`."""

    kind: ClassVar[str] = "nearest_centre"
    measure: str = "euclidean"

    def assign(self, matrix: Floats, centres: Floats) -> Nearest:
        """By the distance to the centres; ties go to the lower number."""
        return nearest(matrix, centres, self.measure)

    def renumbered(self, order: Sequence[int]) -> NearestCentre:
        """The same: centres are numbered by the solution."""
        return self

    @property
    def names(self) -> None:
        """Named by their profile."""
        return None


class Clusters(NamedTuple):
    """A solution: row i belongs to segment `labels[i]`, as the rule says."""

    labels: Ints  # shape (n,), from 0 to k - 1; -1: in no segment
    centres: Floats  # shape (k, columns): means, medians, medoids or modes
    inertia: float  # the method's own cost; of k-means the sum of squared distances to the own centre
    rule: Rule = NearestCentre()
    bic: float | None = None  # smaller is better; None where the method has no likelihood

    @property
    def k(self) -> int:
        """The number of segments."""
        return len(self.centres)

    def assign(self, matrix: Floats) -> Nearest:
        """The segment of each row."""
        return self.rule.assign(matrix, self.centres)


class Method(Protocol):
    """A clustering method: the best of `starts` random starts, and of one from the centres `first` where it has such."""

    def __call__(self, matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None) -> Clusters: ...


class Columns(NamedTuple):
    """What the columns of a prepared matrix mean."""

    names: tuple[str, ...]  # of each column: the tag that it comes from
    sources: Ints  # of each column: the number of the preparation step that it comes from
    middles: Floats  # of each column: half-way between no and yes; NaN for a number

    @classmethod
    def of(cls, pipeline: Pipeline) -> Columns:
        """The columns that a pipeline gives."""
        return cls(tuple(o.column for o in pipeline.outputs), pipeline.sources, pipeline.middles)

    @property
    def numbers(self) -> npt.NDArray[np.bool_]:
        """Which columns are numbers."""
        return np.isnan(self.middles)

    def numeric_tags(self) -> tuple[str, ...]:
        """The tags that are numbers, in order, each once."""
        return tuple(dict.fromkeys(name for name, is_number in zip(self.names, self.numbers, strict=True) if is_number))


def ordered(found: Clusters) -> Clusters:
    """The same solution with its clusters numbered by size, largest first, ties by centre."""
    counts = sizes(found.labels, found.k)
    order = sorted(range(len(counts)), key=lambda j: (-counts[j], *found.centres[j].tolist()))
    place = np.full(len(order) + 1, -1, dtype=np.intp)
    place[order] = np.arange(len(order))
    centres = np.ascontiguousarray(found.centres[order])
    return found._replace(labels=place[found.labels], centres=centres, rule=found.rule.renumbered(order))


def ordered_by_rule(matrix: Floats, found: Clusters) -> Clusters:
    """The solution numbered by size, with the labels that its rule then gives: of equally near centres the lower number
    takes the row, so that the numbering has a say where distances tie."""
    for _ in range(_MOST_RENUMBERINGS):
        found = ordered(found)
        labels = found.assign(matrix).first
        if np.array_equal(labels, found.labels):
            break
        found = found._replace(labels=labels)
    return found


def sizes(labels: Ints, k: int) -> Ints:
    """Rows in each of k segments; those in none do not count.

    >>> sizes(np.array([0, 1, 1, -1]), 2).tolist()
    [1, 2]
    """
    return np.bincount(labels + 1, minlength=k + 1)[1:]


def totals(labels: Ints, weights: Floats, k: int) -> Floats:
    """Sum of the weights in each of k segments; those in none do not count."""
    return np.asarray(np.bincount(labels + 1, weights=weights, minlength=k + 1)[1:])


def group_means(matrix: Floats, labels: Ints, k: int) -> Floats:
    """The mean row of each of k groups, shape (k, columns); zeros for an empty one."""
    sums = np.column_stack([totals(labels, column, k) for column in matrix.T])
    return np.asarray(sums / np.maximum(sizes(labels, k), 1)[:, None])


def within(matrix: Floats, labels: Ints, centres: Floats) -> float:
    """Sum of squared distances of the rows in a segment to its centre."""
    inside = labels >= 0
    return float(((matrix[inside] - centres[labels[inside]]) ** 2).sum())


def nearest(matrix: Floats, centres: Floats, measure: str = "euclidean") -> Nearest:
    """The nearest and the second nearest centre of every row; ties go to the lower number.

    Summed column by column, so that a row gets the same bits alone as among a million others.

    >>> found = nearest(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0], [4.0, 4.0], [1.0, 0.5]]))
    >>> int(found.first[0]), int(found.second[0]), float(found.first_distance[0]), float(found.second_distance[0])
    (2, 0, 0.5, 1.0)
    """
    return chunked(lambda rows: _nearest(rows, centres, measure), matrix)


def chunked(assign: Assign, matrix: Floats) -> Nearest:
    """The same by parts, so that millions of rows need little memory."""
    parts = [assign(matrix[i : i + _CHUNK]) for i in range(0, max(len(matrix), 1), _CHUNK)]
    return Nearest(*(np.concatenate([part[f] for part in parts]) for f in range(4)))


class Assign(Protocol):
    """Assigns some rows."""

    def __call__(self, rows: Floats, /) -> Nearest: ...


def _nearest(matrix: Floats, centres: Floats, measure: str) -> Nearest:
    far = np.zeros((len(centres), len(matrix)))
    for j, centre in enumerate(centres):
        for column, value in zip(matrix.T, centre, strict=True):
            far[j] += np.abs(column - value) if measure == "manhattan" else (column - value) ** 2
    return two_nearest(far if measure == "manhattan" else np.sqrt(far))


def two_nearest(far: Floats) -> Nearest:
    """The two smallest of each column of distances, shape (k, n); `far` is used up."""
    first = far.argmin(axis=0)
    rows = np.arange(far.shape[1])
    closest = far[first, rows]
    far[first, rows] = np.inf
    second = far.argmin(axis=0)
    return Nearest(first, second, closest, far[second, rows])


def beside(labels: Ints, matrix: Floats, centres: Floats) -> Nearest:
    """Given labels, with the nearest other centre as the second: for methods whose segments are no balls.

    The distances are to the two centres; a row that lies nearer to the other one counts as one on the border.
    """
    found = nearest(matrix, centres)
    away = found.first != labels
    squares = np.zeros(len(matrix))
    for column, values in zip(matrix.T, centres.T, strict=True):
        squares += (column - values[labels]) ** 2
    second = np.where(away, found.first, found.second)
    return Nearest(labels, second, np.sqrt(squares), np.where(away, found.first_distance, found.second_distance))


def drawn(n: int, most: int, seed: int) -> Ints:
    """Row numbers, ascending: all, or `most` drawn without replacement."""
    return np.arange(n) if n <= most else np.sort(np.random.default_rng([seed, 17]).permutation(n)[:most])


def as_rows(matrix: Floats) -> Rows:
    """A matrix as plain values."""
    return tuple(map(tuple, matrix.tolist()))
