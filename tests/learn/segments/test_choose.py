"""Structure, separation and the choice of k on data with a known answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from coterie.kit.progress import Progress
from coterie.learn.segments.choose import Panel, choose
from coterie.learn.segments.methods.base import Clusters
from coterie.learn.segments.methods.kmeans import kmeans
from coterie.learn.segments.model import fit_segments
from coterie.learn.segments.separation import few_valued, separation, spread_ties
from coterie.learn.segments.structure import Null
from coterie.learn.segments.words import choice_text, veto_text


def _choose(matrix: np.ndarray, top: int, *, min_size: int = 10) -> tuple[Panel, dict[int, Clusters]]:
    scaled = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    return choose(
        scaled,
        np.arange(scaled.shape[1]),
        range(2, top + 1),
        method=kmeans,
        method_name="kmeans",
        seed=0,
        min_size=min_size,
        progress=Progress(),
    )


def blobs(seed: int, shares: list[float], n: int, distance: float, noise: int) -> tuple[np.ndarray, np.ndarray]:
    """Unequal, differently stretched normal groups with at least `distance` between centres, and columns of noise."""
    rng = np.random.default_rng(seed)
    k, width = len(shares), 5
    while True:
        centres = rng.normal(size=(k, width)) * distance * 0.62
        apart = np.linalg.norm(centres[:, None] - centres[None], axis=2) + np.eye(k) * 99
        if apart.min() > distance:
            break
    truth = rng.choice(k, size=n, p=shares)
    spread = rng.uniform(0.7, 1.3, size=(k, width))
    points = centres[truth] + rng.normal(size=(n, width)) * spread[truth]
    return np.hstack([points, rng.normal(size=(n, noise))]), truth


def test_finds_the_planted_number_of_unequal_overlapping_groups_with_noise() -> None:
    shares = [0.35, 0.25, 0.2, 0.12, 0.08]
    matrix, truth = blobs(2, shares, 900, 4.5, 2)
    panel, solutions = _choose(matrix, len(shares) + 1)
    assert panel.recommended.k == len(shares) and panel.recommended.reason == "apart"
    assert panel.structure.found
    assert adjusted_rand_score(truth, solutions[len(shares)].labels) > 0.9
    figures = panel.of(len(shares))
    assert figures.apart == len(shares) and figures.apart_p < 0.05
    assert panel.of(len(shares) + 1).apart_p > 0.05
    assert panel.runner_up is not None and panel.runner_up.k != panel.recommended.k
    assert str(panel.recommended.k) in choice_text(panel.recommended, panel, "en")


def test_two_groups_are_two() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(400, 4))
    matrix[:150, :2] += 4
    panel, _ = _choose(matrix, 4)
    assert panel.structure.found and (panel.recommended.k, panel.recommended.reason) == (2, "apart")


def test_one_crowd_is_said_to_be_one() -> None:
    matrix = np.random.default_rng(5).normal(size=(400, 4)) * [5, 1, 1, 1]
    panel, _ = _choose(matrix, 3)
    assert not panel.structure.found and panel.structure.p_value > 0.1
    assert panel.recommended.reason in ("stable", "least_unstable")


def test_a_giant_cluster_with_outliers_is_vetoed_and_a_true_92_to_8_is_not() -> None:
    rng = np.random.default_rng(0)
    crowd = rng.normal(size=(600, 3))
    with_outliers = np.vstack([crowd, rng.normal(size=(6, 3)) * 2 + 40])
    panel, _ = _choose(with_outliers, 3, min_size=1)
    giant = next(v for v in panel.vetoes if v.k == 2)
    assert giant.reason == "giant" and panel.recommended.k == 3
    assert veto_text(giant, "en") == "one giant segment of 99.0% and outliers (the smallest has 1.0%)"
    fair = np.vstack([rng.normal(size=(552, 3)), rng.normal(size=(48, 3)) + 6])
    panel, _ = _choose(fair, 3)
    assert panel.recommended.k == 2 and not [v for v in panel.vetoes if v.k == 2]


def test_too_small_segments_are_vetoed() -> None:
    rng = np.random.default_rng(1)
    matrix = np.vstack([rng.normal(size=(100, 2)), rng.normal(size=(80, 2)) + 8, rng.normal(size=(12, 2)) - 8])
    panel, _ = _choose(matrix, 3, min_size=20)
    assert [(v.k, v.reason) for v in panel.vetoes] == [(3, "too_small")]
    assert veto_text(panel.vetoes[0], "en") == "the smallest segment has 12, fewer than 20"


def test_segments_cut_from_one_crowd_do_not_stand_apart() -> None:
    rng = np.random.default_rng(0)
    crowd = np.column_stack([rng.exponential(size=800), rng.normal(size=800)])
    for k in (2, 4):
        found = kmeans(crowd, k, seed=0, starts=5)
        assert separation(crowd, found, np.arange(2), np.zeros(2, dtype=bool), 0).p_value > 0.1
    groups = crowd + 9 * rng.integers(0, 3, size=(800, 1))
    apart = separation(groups, kmeans(groups, 3, seed=0, starts=5), np.arange(2), np.zeros(2, dtype=bool), 0)
    assert max(apart.p_values) < 0.01 and set(apart.closest) <= {0, 1, 2}


def test_a_yes_no_column_alone_makes_no_groups() -> None:
    rng = np.random.default_rng(0)
    matrix = np.column_stack([rng.normal(size=600), rng.normal(size=600), 3.0 * (rng.random(600) < 0.5)])
    found = kmeans(matrix, 2, seed=0, starts=5)
    flags = few_valued(matrix)
    assert flags.tolist() == [False, False, True]
    assert separation(matrix, found, np.arange(3), flags, 0).p_value > 0.1
    assert separation(matrix, found, np.arange(3), np.zeros(3, dtype=bool), 0).p_value < 0.01


def test_counts_are_spread_but_not_moved_across_each_other() -> None:
    counts = np.random.default_rng(0).poisson(2, size=(500, 1)).astype(float)
    spread = spread_ties(counts, 0)
    assert len(np.unique(spread)) > 450 and np.abs(spread - counts).max() <= 1.5
    order = np.argsort(spread.ravel())
    assert np.all(np.diff(counts.ravel()[order]) >= 0)


def test_the_null_keeps_shapes_and_correlations_and_shuffles_categories() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(2_000, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    level = (rng.random(2_000) < 0.5).astype(float)
    matrix = np.column_stack([base, rng.poisson(1, 2_000), level, 1 - level])
    drawn = Null.of(matrix, np.array([0, 1, 2, 3, 3])).draw(np.random.default_rng(1))
    assert np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] == pytest.approx(np.corrcoef(base.T)[0, 1], abs=0.05)
    assert np.quantile(drawn[:, 0], [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(base[:, 0], [0.1, 0.5, 0.9]), abs=0.1)
    assert set(drawn[:, 2]) <= set(matrix[:, 2]) and np.array_equal(drawn[:, 3], 1 - drawn[:, 4])


def test_progress_is_told_and_can_be_cancelled() -> None:
    class Stopping(Progress):
        def shown(self) -> None:
            if self.name.startswith("Trying") and self.done >= 3:
                self.cancel()

    from coterie.errors import Cancelled

    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    with pytest.raises(Cancelled):
        fit_segments(frame, max_k=3, progress=Stopping())
