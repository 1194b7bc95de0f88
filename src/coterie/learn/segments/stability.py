"""Do the same segments come back when other customers of the same kind are drawn?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from coterie.kit.progress import Progress
from coterie.learn.segments.kmeans import Clusters, Method
from coterie.stats.agreement import adjusted_rand, contingency, jaccard

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

BANDS = ((0.85, "high"), (0.75, "valid"), (0.60, "doubtful"), (0.0, "unstable"))
"""Mean bootstrap Jaccard and what it means (Hennig, `clusterboot` of the R package fpc)."""
DISSOLVED = 0.5


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
    warm: bool,
    progress: Progress,
) -> Stability:
    """Fit `draws` resamples of the rows, assign all rows by each, and compare with `found` segment by segment.

    Each refit also starts once from `found`'s centres, so that a poor local optimum of the refit is not taken for
    instability.
    Source: Hennig (2007), Cluster-wise assessment of cluster stability, CSDA 52; ARI: Hubert & Arabie (1985).
    """
    n, k = len(matrix), len(found.centres)
    rng = np.random.default_rng([seed, k])
    overlaps, agreements = np.empty((draws, k)), []
    previous: Ints | None = None
    for draw in range(draws):
        progress.advance(1)
        rows = rng.integers(0, n, n)
        again = method(
            matrix[rows], k, seed=int(rng.integers(2**31)), starts=starts, first=found.centres if warm else None
        )
        labels = cdist(matrix, again.centres, "sqeuclidean").argmin(axis=1)
        overlaps[draw] = jaccard(contingency(found.labels, labels, k, k)).max(axis=1)
        if previous is not None:
            agreements.append(adjusted_rand(contingency(previous, labels, k, k)))
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
