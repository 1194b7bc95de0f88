"""Criteria and k-means against scikit-learn and published numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from coterie.kit.progress import Progress
from coterie.learn.segments.criteria import calinski_harabasz, davies_bouldin, distances, silhouette
from coterie.learn.segments.methods.base import Clusters, nearest, ordered
from coterie.learn.segments.methods.kmeans import kmeans, settled
from coterie.learn.segments.stability import band, bootstrap

SILHOUETTES = {2: 0.2896, 3: 0.2581, 4: 0.1877, 5: 0.1909, 6: 0.1914}
INERTIAS = {2: 1848.0, 3: 1558.0, 4: 1391.9, 5: 1271.3, 6: 1179.0}


def _points(seed: int = 0, n: int = 150) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)) + 4 * rng.integers(0, 3, size=(n, 1))


@pytest.mark.parametrize("k", SILHOUETTES)
def test_wholesale_customers_as_published(wholesale: pd.DataFrame, k: int) -> None:
    """Logged and standardised spending, seed 0, 20 starts."""
    logged = np.log(wholesale.iloc[:, 2:].to_numpy(dtype=float))
    matrix = (logged - logged.mean(axis=0)) / logged.std(axis=0)
    found = kmeans(matrix, k, seed=0, starts=20)
    assert silhouette(distances(matrix), found.labels).mean == pytest.approx(SILHOUETTES[k], abs=2e-4)
    assert found.inertia == pytest.approx(INERTIAS[k], abs=0.2)
    if k == 2:
        assert metrics.adjusted_rand_score(wholesale["Channel"], found.labels) == pytest.approx(0.520, abs=1e-3)


@pytest.mark.parametrize("k", [2, 3, 6])
def test_criteria_equal_scikit_learn(k: int) -> None:
    points = _points()
    found = kmeans(points, k, seed=1, starts=2)
    score = silhouette(distances(points), found.labels)
    assert score.mean == pytest.approx(metrics.silhouette_score(points, found.labels))
    assert score.values == pytest.approx(metrics.silhouette_samples(points, found.labels))
    assert score.low < score.mean < score.high
    assert calinski_harabasz(points, found) == pytest.approx(metrics.calinski_harabasz_score(points, found.labels))
    assert davies_bouldin(points, found) == pytest.approx(metrics.davies_bouldin_score(points, found.labels))


def test_silhouette_of_a_lone_member_is_zero() -> None:
    points = np.array([[0.0], [0.1], [9.0]])
    labels = np.array([0, 0, 1])
    assert silhouette(distances(points), labels).values == pytest.approx(metrics.silhouette_samples(points, labels))


def test_clusters_are_numbered_by_size_and_settled() -> None:
    points = _points(3)
    found = settled(points, kmeans(points, 4, seed=0, starts=3).centres)
    found = ordered(found)
    assert list(np.bincount(found.labels)) == sorted(np.bincount(found.labels), reverse=True)
    assert np.array_equal(found.labels, nearest(points, found.centres).first)
    means = np.vstack([points[found.labels == j].mean(axis=0) for j in range(4)])
    assert found.centres == pytest.approx(means)
    assert found.inertia == pytest.approx(((points - found.centres[found.labels]) ** 2).sum())


def test_equal_sizes_are_numbered_by_centre() -> None:
    found = ordered(Clusters(np.array([0, 0, 1, 1]), np.array([[5.0], [1.0]]), 0.0))
    assert found.labels.tolist() == [1, 1, 0, 0] and found.centres.ravel().tolist() == [1.0, 5.0]


def test_same_seed_same_bits_and_row_by_row_as_in_bulk() -> None:
    points = _points(4, 700)
    one, two = (kmeans(points, 5, seed=7, starts=3) for _ in range(2))
    assert np.array_equal(one.centres, two.centres) and np.array_equal(one.labels, two.labels)
    whole = nearest(points, one.centres)
    for i in range(0, 700, 97):
        single = nearest(points[i : i + 1], one.centres)
        assert [float(part[0]) for part in single] == [float(part[i]) for part in whole]


def test_a_start_from_given_centres_is_one_of_the_starts() -> None:
    points = _points(5)
    good = kmeans(points, 3, seed=0, starts=10)
    assert kmeans(points, 3, seed=1, starts=0, first=good.centres).inertia <= good.inertia * (1 + 1e-9)


def test_bootstrap_tells_real_groups_from_cuts() -> None:
    rng = np.random.default_rng(0)
    groups = np.vstack([rng.normal(size=(100, 2)), rng.normal(size=(60, 2)) + 8])
    real = bootstrap(
        groups, kmeans(groups, 2, seed=0, starts=3), kmeans, draws=20, seed=0, starts=2, progress=Progress()
    )
    assert min(real.jaccard) > 0.99 and real.ari > 0.99 and max(real.dissolved) == 0
    crowd = rng.normal(size=(160, 2))
    cut = bootstrap(crowd, kmeans(crowd, 4, seed=0, starts=3), kmeans, draws=20, seed=0, starts=2, progress=Progress())
    assert min(cut.jaccard) < 0.75 and cut.ari < 0.8 and cut.ari_low <= cut.ari_high


def test_bands_of_hennig() -> None:
    assert [band(v) for v in (1.0, 0.85, 0.849, 0.75, 0.749, 0.6, 0.599, 0.0)] == [
        "high", "high", "valid", "valid", "doubtful", "doubtful", "unstable", "unstable",
    ]  # fmt: skip


def test_bic_of_balls_is_least_at_the_true_number_and_compares_with_a_mixtures_own() -> None:
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(0)
    points = rng.normal(size=(600, 2)) + 8 * np.eye(3)[rng.choice(3, 600)][:, :2]
    found = {k: kmeans(points, k, seed=0, starts=5).bic for k in (2, 3, 4)}
    assert min(found, key=lambda k: found[k] or np.inf) == 3
    mixture = GaussianMixture(3, covariance_type="spherical", n_init=3, random_state=0).fit(points)
    assert found[3] == pytest.approx(mixture.bic(points), rel=0.02)
    assert kmeans(np.array([[0.0], [1.0]]), 2, seed=0, starts=1).bic is None
