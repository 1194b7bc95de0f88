"""Sets whose groups are known: what scikit-learn finds at the true k, what we find, and what we recommend."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from tests.learn.segments.few import few_draws

from coterie.learn.segments.model import fit_segments, partition
from coterie.learn.segments.stability import band


class Labelled(NamedTuple):
    """A set of the suite: its preparation, true k, the most to try, and the numbers that are right or next to right."""

    name: str
    prepare: str
    k: int
    max_k: int
    allowed: range


SETS = (
    Labelled("sipu_aggregation", "none", 7, 10, range(6, 9)),
    Labelled("uci_wine", "standard", 3, 10, range(2, 5)),
    Labelled("sipu_s2", "none", 15, 18, range(14, 17)),
)
STARTS = 50


def _read(data_dir: Path, name: str) -> tuple[pd.DataFrame, pd.Series]:
    frame = pd.read_csv(data_dir / "clustering_labelled" / f"{name}.csv.gz")
    return frame.filter(regex="^x"), frame["label0"]


def _theirs(matrix: np.ndarray, method: str, k: int) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        match method:
            case "kmeans":
                return KMeans(k, n_init=STARTS, random_state=0).fit_predict(matrix)
            case "gmm":
                return GaussianMixture(k, n_init=STARTS, random_state=0).fit_predict(matrix)
            case _:
                return AgglomerativeClustering(k).fit_predict(matrix)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kmeans", "gmm", "ward"])
@pytest.mark.parametrize("given", SETS, ids=lambda each: each.name)
def test_at_the_true_number_we_are_as_good_as_scikit_learn(data_dir: Path, given: Labelled, method: str) -> None:
    frame, truth = _read(data_dir, given.name)
    matrix = frame.to_numpy(float)
    if given.prepare == "standard":
        matrix = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    ours = partition(frame, k=given.k, method=method, prepare=given.prepare, starts=STARTS)
    theirs = _theirs(matrix, method, given.k)
    mine, reference = adjusted_rand_score(truth, ours), adjusted_rand_score(truth, theirs)
    print(f"\n{given.name} {method} k={given.k}: ARI {mine:.4f}, scikit-learn {reference:.4f}")
    assert mine >= reference - 0.02


@pytest.mark.slow
@pytest.mark.parametrize("given", SETS, ids=lambda each: each.name)
def test_the_number_recommended_is_right_or_next_to_right(data_dir: Path, given: Labelled) -> None:
    frame, truth = _read(data_dir, given.name)
    fit = fit_segments(frame, prepare=given.prepare, max_k=given.max_k)
    score = adjusted_rand_score(truth, fit.labels["segment"])
    default = fit_segments(frame, max_k=given.max_k)
    print(
        f"\n{given.name}: recommends {fit.model.k} of {given.k} ({fit.panel.recommended.reason}), ARI {score:.4f}; "
        f"with the default preparation {default.model.k}, ARI "
        f"{adjusted_rand_score(truth, default.labels['segment']):.4f}; favourites {fit.panel.favourites}"
    )
    assert fit.model.k in given.allowed


def test_hdbscan_finds_the_ring_the_disc_and_the_noise(data_dir: Path) -> None:
    frame = pd.read_csv(data_dir / "clustering_labelled" / "fcps_target.csv.gz")
    with few_draws():
        found = fit_segments(frame.filter(regex="^x"), method="hdbscan", prepare="none")
    # label1: the ring and the disc, and 0 for the twelve points in the corners
    score = adjusted_rand_score(frame["label1"], found.labels["segment"])
    print(f"\ntarget, hdbscan: {found.summary()['sizes']}, ARI {score:.4f} with label1")
    assert found.model.k == 2 and score > 0.99 and found.model.unassigned == (frame["label1"] == 0).sum()
    assert adjusted_rand_score(frame["label0"], found.labels["segment"]) > 0.99


@pytest.mark.slow
def test_the_failure_of_kmeans_on_the_ring_and_the_disc_is_flagged(data_dir: Path) -> None:
    frame = pd.read_csv(data_dir / "clustering_labelled" / "fcps_target.csv.gz")
    cut = fit_segments(frame.filter(regex="^x"), k=2, prepare="none")
    bands = [band(j) for j in cut.stability.jaccard]
    print(f"target, kmeans k=2: ARI {adjusted_rand_score(frame['label1'], cut.labels['segment']):.4f}, "
          f"{[round(j, 2) for j in cut.stability.jaccard]} {bands}, nature {cut.nature}, {cut.summary()['vetoed']}")  # fmt: skip
    assert cut.nature != "types" or not {"high", "valid"}.issuperset(bands)
