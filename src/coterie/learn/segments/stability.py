"""Do the same segments come back when other customers of the same kind are drawn?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coterie.errors import Refused
from coterie.kit.progress import Progress
from coterie.learn.segments.methods.base import Clusters, Method
from coterie.stats.agreement import adjusted_rand, contingency, jaccard

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

BANDS = ((0.85, "high"), (0.75, "valid"), (0.60, "doubtful"), (0.0, "unstable"))
"""Mean bootstrap Jaccard and what it means (Hennig, `clusterboot` of the R package fpc)."""
DISSOLVED = 0.5
_SUBSET = 0.7


@dataclass(frozen=True)
class Stability:
    """What B bootstraps say about one solution."""

    jaccard: tuple[float, ...]  # per segment, mean over the bootstraps
    error: tuple[float, ...]  # standard error of that
    dissolved: tuple[float, ...]  # per segment, share of bootstraps in which it fell apart (Jaccard up to .5)
    ari: float  # mean agreement of one bootstrap's solution with the next one's
    ari_low: float  # quartiles of that
    ari_high: float
    draws: int


def band(value: float) -> str:
    """The word for a mean Jaccard: `high`, `valid`, `doubtful` or `unstable`.

    >>> [band(v) for v in (0.9, 0.75, 0.6, 0.59)]
    ['high', 'valid', 'doubtful', 'unstable']
    """
    return next(word for least, word in BANDS if value >= least)


def bootstrap(
    matrix: Floats,
    found: Clusters,
    method: Method,
    *,
    draws: int,
    seed: int,
    starts: int,
    progress: Progress,
    replace: bool = True,
) -> Stability:
    """Fit `draws` resamples of the rows, assign all rows by each, and compare with `found` segment by segment.

    found : the solution on these very rows; replace : False takes subsets of 70 %, for methods that see repeated rows as
    crowds. Resamples in which the method finds no groups count as Jaccard 0.
    Source: Hennig (2007), Cluster-wise assessment of cluster stability, CSDA 52; ARI: Hubert & Arabie (1985).
    """
    n, k = len(matrix), found.k
    rng = np.random.default_rng([seed, k])
    overlaps, agreements = np.empty((draws, k)), []
    previous: Ints | None = None
    for draw in range(draws):
        progress.advance(1)
        rows = rng.integers(0, n, n) if replace else np.sort(rng.permutation(n)[: int(_SUBSET * n)])
        labels = _again(matrix, matrix[rows], k, method, int(rng.integers(2**31)), starts)
        # rows in no segment (-1) are a group of their own when groupings are compared, but no segment to be found again
        table = _table(found.labels, labels)
        overlaps[draw] = jaccard(table)[1 : k + 1, 1:].max(axis=1, initial=0.0)
        if previous is not None:
            agreements.append(adjusted_rand(_table(previous, labels)))
        previous = labels
    low, high = (float(q) for q in np.quantile(agreements, [0.25, 0.75]))
    return Stability(
        tuple(float(v) for v in overlaps.mean(axis=0)),
        tuple(float(v) for v in overlaps.std(axis=0) / np.sqrt(draws)),
        tuple(float(v) for v in (overlaps <= DISSOLVED).mean(axis=0)),
        float(np.mean(agreements)),
        low,
        high,
        draws,
    )


def _again(matrix: Floats, rows: Floats, k: int, method: Method, seed: int, starts: int) -> Ints:
    """All rows' segments by the method on some of them; -1 for all where it finds none."""
    try:
        return method(rows, k, seed=seed, starts=starts).assign(matrix).first
    except Refused as refusal:
        if refusal.code not in ("no_groups", "too_few_rows"):
            raise
        return np.full(len(matrix), -1)


def _table(one: Ints, other: Ints) -> Floats:
    """Counts of two groupings; the first row and column are the rows in none."""
    return contingency(one + 1, other + 1, int(one.max()) + 2, int(other.max()) + 2)
