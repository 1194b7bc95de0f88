"""k-modes and k-prototypes: categories compared by same or not, beside numbers by distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, NamedTuple

import numpy as np

from coterie.errors import Refused
from coterie.learn.segments.methods.base import (
    Clusters,
    Columns,
    Floats,
    Ints,
    Nearest,
    chunked,
    drawn,
    ordered_by_rule,
    sizes,
    two_nearest,
)

_MOST_ROWS, _MOST_ITERATIONS = 50_000, 100


@dataclass(frozen=True)
class Mismatch:
    """Dissimilarity of a row and a centre: squared differences of numbers plus `gamma` for each category that differs.

    blocks : the matrix columns of each category, a single one for yes and no; middles : half-way between no and yes.
    """

    kind: ClassVar[str] = "mismatch"
    gamma: float
    numbers: tuple[int, ...]  # matrix columns
    blocks: tuple[tuple[int, ...], ...]
    middles: tuple[float, ...]  # of all matrix columns; 0 for numbers

    def assign(self, matrix: Floats, centres: Floats) -> Nearest:
        """The centre of least dissimilarity, whose root is the distance; ties go to the lower number."""
        return chunked(lambda rows: self._assign(rows, centres), matrix)

    def _assign(self, matrix: Floats, centres: Floats) -> Nearest:
        codes, modes = self.codes(matrix), self.codes(centres)
        far = np.zeros((len(centres), len(matrix)))
        for j, centre in enumerate(centres):
            for column in self.numbers:
                far[j] += (matrix[:, column] - centre[column]) ** 2
            # a level that has no column of its own (-1) is like none
            differ = (codes != modes[j]) | (codes < 0)
            far[j] += self.gamma * differ.sum(axis=1)
        return two_nearest(np.sqrt(far))

    def codes(self, matrix: Floats) -> Ints:
        """The level of each category, from 0, -1 for none, shape (n, categories)."""
        columns = [self._code(matrix, block) for block in self.blocks]
        return np.column_stack(columns) if columns else np.empty((len(matrix), 0), np.intp)

    def _code(self, matrix: Floats, block: Sequence[int]) -> Ints:
        yes = matrix[:, list(block)] > self._middles[list(block)]
        if len(block) == 1:
            return yes[:, 0].astype(np.intp)
        return np.where(yes.any(axis=1), yes.argmax(axis=1), -1)

    @cached_property
    def _middles(self) -> Floats:
        return np.array(self.middles)

    def renumbered(self, order: Sequence[int]) -> Mismatch:
        """The same: centres are numbered by the solution."""
        return self

    @property
    def names(self) -> None:
        """Named by their profile."""
        return None


class _Data(NamedTuple):
    """Rows as both parts are needed: numbers, and all levels of all categories as 0 and 1."""

    numbers: Floats
    ones: Floats  # shape (n, levels)
    starts: Ints  # the first level of each category, and the end


def kmodes(
    matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None, columns: Columns | None = None
) -> Clusters:
    """Clusters of categories: centres are the most common levels, the cost is how many values differ from them.

    columns : which matrix columns are the levels of which category

    Raises Refused `bad_column`: a column is a number. Source: Huang (1998), Extensions to the k-means algorithm for
    clustering large data sets with categorical values, Data Mining and Knowledge Discovery 2; all rows are compared with
    all modes by one matrix product.
    """
    known = _known(columns, "kmodes")
    numbers = known.numeric_tags()
    if numbers:
        raise Refused(
            "bad_column",
            f"kmodes takes categories and yes or no only; {numbers[0]} is a number.",
            place=numbers[0],
            fix="Use kprototypes, which takes both, or leave the numbers out.",
        )
    return _fit(matrix, k, known, seed, starts, first)


def kprototypes(
    matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None, columns: Columns | None = None
) -> Clusters:
    """Clusters of numbers and categories: squared differences from the means, and `gamma` for each level that differs.

    gamma is half the average standard deviation of the numbers, as Huang (1998) advises, section 3.2.

    Raises Refused `bad_column`: no column is a category, or none is a number.
    """
    known = _known(columns, "kprototypes")
    if known.numbers.all() or not known.numbers.any():
        lacks, other = ("category", "kmeans") if known.numbers.all() else ("number", "kmodes")
        raise Refused(
            "bad_column",
            f"kprototypes takes numbers together with categories; no column is a {lacks}.",
            place="--tags",
            fix=f"Use {other}, or add a {lacks}.",
        )
    return _fit(matrix, k, known, seed, starts, first)


def _known(columns: Columns | None, method: str) -> Columns:
    if columns is None:
        raise Refused(
            "bad_column",
            f"{method} must be told which columns are categories.",
            place="columns",
            fix="Give them, or fit on a table of tags.",
        )
    return columns


def _fit(matrix: Floats, k: int, columns: Columns, seed: int, starts: int, first: Floats | None) -> Clusters:
    rule = _rule(matrix, columns)
    rows = matrix[drawn(len(matrix), _MOST_ROWS, seed)]
    data = _data(rows, rule)
    rng = np.random.default_rng([seed, 29])
    begun = [_spread_out(data, k, rule.gamma, rng) for _ in range(starts)]
    if first is not None:
        begun.append(_centres_of(_data(first, rule)))
    runs = [_lloyd(data, centres, rule.gamma) for centres in begun]
    _, numbers, modes = min(runs, key=lambda run: run[0])
    centres = _prepared(matrix, rule, numbers, modes, data.starts)
    found = rule.assign(matrix, centres)
    cost = float((found.first_distance**2).sum())
    return ordered_by_rule(matrix, Clusters(found.first, centres, cost, rule))


def _rule(matrix: Floats, columns: Columns) -> Mismatch:
    numbers = np.flatnonzero(columns.numbers)
    blocks = [np.flatnonzero(columns.sources == s) for s in np.unique(columns.sources[~columns.numbers])]
    gamma = 0.5 * float(matrix[:, numbers].std(axis=0).mean()) if len(numbers) else 1.0
    return Mismatch(
        gamma or 1.0,
        tuple(int(j) for j in numbers),
        tuple(tuple(int(j) for j in block) for block in blocks),
        tuple(0.0 if np.isnan(m) else float(m) for m in columns.middles),
    )


def _data(matrix: Floats, rule: Mismatch) -> _Data:
    codes = rule.codes(matrix)
    levels = [max(len(block), 2) for block in rule.blocks]
    ones = [(codes[:, [i]] == np.arange(count)).astype(np.float64) for i, count in enumerate(levels)]
    stacked = np.column_stack(ones) if ones else np.empty((len(matrix), 0))
    return _Data(matrix[:, list(rule.numbers)], stacked, np.cumsum([0, *levels]))


def _spread_out(data: _Data, k: int, gamma: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Rows that lie apart: each is drawn with a chance in proportion to its dissimilarity from those before."""
    n = len(data.ones)
    chosen = [int(rng.integers(n))]
    closest = _far(data, *_one(data, chosen), gamma).ravel()
    for _ in range(k - 1):
        total = closest.sum()
        chance = closest / total if total > 0 else np.full(n, 1 / n)
        chosen.append(int(rng.choice(n, p=chance)))
        closest = np.minimum(closest, _far(data, *_one(data, chosen[-1:]), gamma).ravel())
    return _one(data, chosen)


def _one(data: _Data, rows: list[int]) -> tuple[Floats, Floats]:
    return data.numbers[rows], data.ones[rows]


def _centres_of(data: _Data) -> tuple[Floats, Floats]:
    return data.numbers, data.ones


def _far(data: _Data, numbers: Floats, modes: Floats, gamma: float) -> Floats:
    """Dissimilarity of all rows and all centres, shape (n, k)."""
    categories = len(data.starts) - 1
    far = gamma * (categories - data.ones @ modes.T)
    if data.numbers.shape[1]:
        squares = (data.numbers**2).sum(axis=1)[:, None] + (numbers**2).sum(axis=1)
        far += np.maximum(squares - 2 * data.numbers @ numbers.T, 0.0)
    return np.maximum(far, 0.0)


def _lloyd(data: _Data, begun: tuple[Floats, Floats], gamma: float) -> tuple[float, Floats, Floats]:
    numbers, modes, before = *begun, np.inf
    k, rows = len(modes), np.arange(len(data.ones))
    for _ in range(_MOST_ITERATIONS):
        far = _far(data, numbers, modes, gamma)
        labels = far.argmin(axis=1)
        own = far[rows, labels]
        if own.sum() >= before - 1e-9 * max(before if np.isfinite(before) else 0.0, 1e-300):
            break
        before = float(own.sum())
        counts = sizes(labels, k)
        # an empty cluster starts again at the row that lies worst
        for j in np.flatnonzero(counts == 0):
            labels[own.argmax()], own[own.argmax()] = j, 0.0
        member = (labels[None, :] == np.arange(k)[:, None]).astype(np.float64)
        numbers = member @ data.numbers / np.maximum(member.sum(axis=1), 1)[:, None]
        modes = _modes(member @ data.ones, data.starts)
    return before, numbers, modes


def _modes(counts: Floats, starts: Ints) -> Floats:
    """The most common level of each category as 0 and 1; ties go to the first."""
    modes = np.zeros_like(counts)
    for begin, end in pairwise(starts):
        modes[np.arange(len(counts)), begin + counts[:, begin:end].argmax(axis=1)] = 1.0
    return modes


def _prepared(matrix: Floats, rule: Mismatch, numbers: Floats, modes: Floats, starts: Ints) -> Floats:
    """Centres in the prepared matrix's columns: of a category the values that rows of that level have."""
    centres = np.zeros((len(modes), matrix.shape[1]))
    centres[:, list(rule.numbers)] = numbers
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    for block, begin in zip(rule.blocks, starts[:-1], strict=True):
        for offset, column in enumerate(block):
            place = begin + (1 if len(block) == 1 else offset)
            centres[:, column] = np.where(modes[:, place] > 0, high[column], low[column])
    return centres
