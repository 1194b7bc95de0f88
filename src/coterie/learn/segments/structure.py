"""Is there structure at all? The data against data that are the same in everything but kinds.

The null is one crowd: every numeric column keeps its shape but for its valleys (the nearest distribution with one
peak), columns keep their rank correlations (a normal copula), columns of few values keep their values, categories are
shuffled. So a skewed, stretched or bounded crowd is no structure, nor is a single yes/no column; only groups with empty
space in between are. The statistic is the deepest dip that makes every pair of segments stand apart, for 2 to 4
segments, or that of a single column; the p-value is its rank among the nulls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from coterie.kit.progress import Progress
from coterie.learn.segments.methods.kmeans import kmeans
from coterie.learn.segments.separation import few_valued, separation, spread_ties
from coterie.stats.dip import Unimodal, dip, nearest_unimodal

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

FOUND = 0.05
_DRAWS, _GAP_DRAWS, _ENOUGH = 59, 20, 10
_COMPONENTS = 3
_SEGMENTS = (2, 3, 4)
_FEW_VALUES, _MUCH_ON_ONE = 12, 0.2


@dataclass(frozen=True)
class Structure:
    """The verdict: are there groups beyond what one crowd of this shape would show?"""

    found: bool
    p_value: float
    statistic: float  # dip x sqrt(n)
    null_statistics: tuple[float, ...]  # of the nulls drawn; fewer than 59 where the answer was clear before


class Gap(NamedTuple):
    """Log inertia of the null minus that of the data: how much better k segments fit the data than one crowd."""

    gap: float
    error: float  # standard error, with that of the simulation


def find_structure(
    matrix: Floats, sources: Ints, ks: range, seed: int, progress: Progress
) -> tuple[Structure, dict[int, Gap]]:
    """The null test, and the gap statistic for every k in `ks`, on one set of draws.

    matrix : prepared rows, a sample of at most some 1,000, shape (n, columns)

    Both are of the data, so that k-means makes the trial segments, whatever method is used later.

    Draws stop once 10 nulls beat the data, since the p-value can then no longer be small (Besag & Clifford 1991).
    Source of the gap: Tibshirani, Walther & Hastie (2001), J. R. Statist. Soc. B 63(2), with this null in place of a
    box.
    """
    null = Null.of(matrix, sources)
    tried = sorted({k for k in (*_SEGMENTS, *ks) if k <= max(ks)})
    observed = _measure(matrix, sources, tried, seed)
    beaten, statistics, inertias = 0, [], []
    for draw in range(_DRAWS):
        progress.advance(1)
        wanted = tried if draw < _GAP_DRAWS else [k for k in tried if k in _SEGMENTS]
        drawn = _measure(null.draw(np.random.default_rng([seed, draw])), sources, wanted, seed + draw)
        statistics.append(drawn.statistic)
        if draw < _GAP_DRAWS:
            inertias.append(drawn.log_inertia)
        beaten += drawn.statistic >= observed.statistic
        if beaten >= _ENOUGH and draw + 1 >= _GAP_DRAWS:
            break
    p_value = (beaten + 1) / (len(statistics) + 1)
    verdict = Structure(p_value <= FOUND, p_value, observed.statistic, tuple(statistics))
    return verdict, {k: _gap(observed.log_inertia[k], [each[k] for each in inertias]) for k in ks}


class _Measured(NamedTuple):
    statistic: float
    log_inertia: dict[int, float]


def _measure(matrix: Floats, sources: Ints, ks: list[int], seed: int) -> _Measured:
    """The statistic and the log inertias of one data set, the same way for the data and the nulls."""
    spread, flags = spread_ties(matrix, seed), few_valued(matrix)
    deepest = _deepest_line(matrix, spread)
    log_inertia = {}
    for k in ks:
        found = kmeans(matrix, k, seed=seed, starts=1)
        log_inertia[k] = float(np.log(max(found.inertia, 1e-300)))
        if k in _SEGMENTS:
            deepest = max(deepest, separation(spread, found, sources, flags, seed).weakest)
    return _Measured(deepest, log_inertia)


def _deepest_line(matrix: Floats, spread: Floats) -> float:
    """The deepest dip of a single column or of one of the first principal components."""
    axes = np.linalg.svd(spread - spread.mean(axis=0), full_matrices=False)[2][:_COMPONENTS]
    lines = [spread[:, j] for j in range(spread.shape[1]) if not _steps(matrix[:, j])]
    if len(lines) == spread.shape[1]:
        lines += [spread @ axis for axis in axes]
    return max((dip(line) for line in lines), default=0.0) * float(np.sqrt(len(matrix)))


def _steps(column: Floats) -> bool:
    """Whether a column has few different values or much of it on one: its peaks are then no news."""
    _, counts = np.unique(column, return_counts=True)
    return len(counts) <= _FEW_VALUES or counts.max() > _MUCH_ON_ONE * len(column)


def _gap(observed: float, drawn: list[float]) -> Gap:
    spread = float(np.std(drawn)) * float(np.sqrt(1 + 1 / len(drawn)))
    return Gap(float(np.mean(drawn)) - observed, spread)


@dataclass(frozen=True)
class Null:
    """One crowd with the data's shapes and correlations, to draw from."""

    matrix: Floats
    blocks: tuple[Ints, ...]  # columns that are shuffled together: the levels of a category
    numeric: Ints  # the other columns
    root: Floats  # times independent normals gives normals correlated like the numeric columns' ranks
    shapes: tuple[Unimodal | None, ...]  # per numeric column; None keeps the column's own values

    @classmethod
    def of(cls, matrix: Floats, sources: Ints) -> Null:
        """The null of a prepared matrix; steps of several columns are categories."""
        steps = [np.flatnonzero(sources == s) for s in np.unique(sources)]
        numeric = np.array([step[0] for step in steps if len(step) == 1], dtype=np.intp)
        ranks = (
            np.column_stack([stats.rankdata(matrix[:, j]) for j in numeric])
            if len(numeric)
            else np.empty((len(matrix), 0))
        )
        scores = stats.norm.ppf((ranks - 0.5) / len(matrix))
        scores = (scores - scores.mean(axis=0)) / np.maximum(scores.std(axis=0), 1e-12)
        values, vectors = np.linalg.eigh(scores.T @ scores / len(matrix))
        shapes = tuple(None if _steps(matrix[:, j]) else nearest_unimodal(matrix[:, j]) for j in numeric)
        blocks = tuple(step for step in steps if len(step) > 1)
        return cls(matrix, blocks, numeric, vectors * np.sqrt(np.maximum(values, 0.0)), shapes)

    def draw(self, rng: np.random.Generator) -> Floats:
        """As many rows as the data have."""
        n = len(self.matrix)
        result = np.empty_like(self.matrix)
        heights = stats.norm.cdf(rng.standard_normal((n, len(self.numeric))) @ self.root.T)
        for j, shape, height in zip(self.numeric, self.shapes, heights.T, strict=True):
            if shape is None:
                result[:, j] = np.sort(self.matrix[:, j])[np.minimum((height * n).astype(np.intp), n - 1)]
            else:
                result[:, j] = np.interp(height, shape.height, shape.x)
        for block in self.blocks:
            result[:, block] = self.matrix[rng.permutation(n)][:, block]
        return result
