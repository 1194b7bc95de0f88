"""k-medians and k-medoids: centres that one customer with a huge value cannot pull along."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from coterie.learn.segments.methods.base import Clusters, Floats, Ints, NearestCentre, drawn, nearest, ordered_by_rule

_MEDIAN_ROWS = 20_000
_MEDOID_ROWS, _SAMPLES, _SCORED_ROWS = 1_000, 5, 5_000
_MOST_ITERATIONS = 100


def kmedians(matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None) -> Clusters:
    """Centres are medians per column, distances sums of absolute differences.

    On at most 20,000 rows; the others are assigned. Source: Bradley, Mangasarian & Street (1996), Clustering via concave
    minimization, NIPS 9 (k-median algorithm).

    >>> found = kmedians(np.array([[0.0], [1.0], [2.0], [50.0], [51.0], [900.0]]), 2, seed=0, starts=5)
    >>> found.centres.ravel().tolist(), found.labels.tolist()
    ([2.0, 900.0], [0, 0, 0, 0, 0, 1])
    """
    rows = matrix[drawn(len(matrix), _MEDIAN_ROWS, seed)]
    rng = np.random.default_rng([seed, 19])
    begun = [_spread_out(rows, k, rng, "cityblock") for _ in range(starts)] + ([first] if first is not None else [])
    runs = [_medians(rows, centres) for centres in begun]
    cost, centres = min(runs, key=lambda run: run[0])
    found = nearest(matrix, centres, "manhattan")
    total = cost if len(rows) == len(matrix) else float(found.first_distance.sum())
    return ordered_by_rule(matrix, Clusters(found.first, centres, total, NearestCentre("manhattan")))


def _medians(rows: Floats, centres: Floats) -> tuple[float, Floats]:
    before, centres = np.inf, centres.copy()
    for _ in range(_MOST_ITERATIONS):
        found = nearest(rows, centres, "manhattan")
        cost = float(found.first_distance.sum())
        if cost >= before:
            break
        before = cost
        for j in range(len(centres)):
            own = rows[found.first == j]
            # an empty cluster starts again at the row that lies worst
            centres[j] = np.median(own, axis=0) if len(own) else rows[found.first_distance.argmax()]
    return before, centres


def _spread_out(rows: Floats, k: int, rng: np.random.Generator, measure: str) -> Floats:
    """Rows that lie apart: each is drawn with a chance in proportion to its distance from those before."""
    chosen = [int(rng.integers(len(rows)))]
    closest = cdist(rows, rows[chosen], measure).ravel()
    for _ in range(k - 1):
        total = closest.sum()
        chance = closest / total if total > 0 else np.full(len(rows), 1 / len(rows))
        chosen.append(int(rng.choice(len(rows), p=chance)))
        closest = np.minimum(closest, cdist(rows, rows[chosen[-1:]], measure).ravel())
    return rows[chosen]


def kmedoids(matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None) -> Clusters:
    """Centres are entities: the k rows that all others are nearest to, by Euclidean distance.

    Up to 1,000 rows all are candidates; of more, several samples are tried and the best for a larger sample is taken.
    Source: Schubert & Rousseeuw (2021), Fast and eager k-medoids clustering, Information Systems 101 (FasterPAM);
    Kaufman & Rousseeuw (1990) for CLARA.

    >>> found = kmedoids(np.array([[0.0], [1.0], [2.0], [50.0], [51.0], [60.0]]), 2, seed=0, starts=2)
    >>> found.centres.ravel().tolist(), found.inertia
    ([1.0, 51.0], 12.0)
    """
    score = matrix[drawn(len(matrix), _SCORED_ROWS, seed)]
    tries = 1 if len(matrix) <= _MEDOID_ROWS else _SAMPLES
    best: tuple[float, Floats] = (np.inf, matrix[:k])
    for attempt in range(tries):
        rows = matrix[drawn(len(matrix), _MEDOID_ROWS, seed + attempt)]
        if first is not None or attempt:
            rows = np.vstack([rows, first if first is not None and not attempt else best[1]])
        centres = _medoids(rows, k, np.random.default_rng([seed, 23, attempt]), starts if tries == 1 else 1)
        cost = float(nearest(score, centres).first_distance.sum())
        best = min(best, (cost, centres), key=lambda each: each[0])
    found = nearest(matrix, best[1])
    return ordered_by_rule(matrix, Clusters(found.first, best[1], float(found.first_distance.sum())))


def _medoids(rows: Floats, k: int, rng: np.random.Generator, starts: int) -> Floats:
    between = cdist(rows, rows)
    runs = [faster_pam(between, rng.choice(len(rows), k, replace=False)) for _ in range(max(starts, 1))]
    cost_of = [float(between[:, medoids].min(axis=1).sum()) for medoids in runs]
    return rows[runs[int(np.argmin(cost_of))]]


def faster_pam(between: Floats, medoids: Ints) -> Ints:
    """Exchange medoids for better ones, eagerly, until no single exchange helps.

    between : all distances, shape (n, n); medoids : the row numbers to begin with, shape (k,)

    Source: Schubert & Rousseeuw (2021), algorithm 3 (eager swapping with shared gain).

    >>> places = np.array([0.0, 1.0, 2.0, 50.0, 51.0, 60.0])
    >>> sorted(faster_pam(np.abs(places[:, None] - places), np.array([0, 1])).tolist())
    [1, 4]
    """
    n, medoids = len(between), medoids.copy()
    near = _two(between, medoids)
    unchanged, candidate = 0, -1
    while unchanged < n:
        candidate = (candidate + 1) % n
        unchanged += 1
        if candidate in medoids:
            continue
        own, closest, next_closest, loss = near
        d = between[:, candidate]
        closer, between_both = d < closest, (d >= closest) & (d < next_closest)
        gain = float((d - closest)[closer].sum())
        change = loss + np.bincount(own[closer], (closest - next_closest)[closer], len(medoids))
        change += np.bincount(own[between_both], (d - next_closest)[between_both], len(medoids))
        place = int(change.argmin())
        if change[place] + gain < -1e-12 * float(closest.sum()):
            medoids[place] = candidate
            near, unchanged = _two(between, medoids), 0
    return medoids


def _two(between: Floats, medoids: Ints) -> tuple[Ints, Floats, Floats, Floats]:
    """Nearest medoid of each row, the two smallest distances, and what removing each medoid would cost."""
    to = between[:, medoids]
    rows = np.arange(len(to))
    own = to.argmin(axis=1)
    closest = to[rows, own]
    to[rows, own] = np.inf
    second = to.min(axis=1)
    second = np.where(np.isinf(second), closest, second)
    loss = np.asarray(np.bincount(own, second - closest, len(medoids)), np.float64)
    return own, closest, second, loss
