"""What segments must show at length: no structure claimed where there is none, found where it is, giants vetoed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score, silhouette_score

from coterie.kit.progress import Progress
from coterie.learn.segments.choose import Panel, choose
from coterie.learn.segments.methods.base import Clusters, group_means, ordered
from coterie.learn.segments.methods.kmeans import kmeans
from coterie.learn.segments.model import fit_segments, partition
from coterie.learn.segments.structure import find_structure
from coterie.learn.segments.words import veto_text

pytestmark = pytest.mark.slow

DRAWS = 100
SEEDS = range(1, 21)


def _scaled(matrix: np.ndarray) -> np.ndarray:
    return (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)


def _crowd(kind: str, rng: np.random.Generator) -> np.ndarray:
    """One crowd of 200 to 1,000 rows and 2 to 6 columns."""
    n, d = int(rng.choice([200, 500, 1000])), int(rng.choice([2, 4, 6]))
    match kind:
        case "uniform":
            return rng.uniform(size=(n, d))
        case "stretched":
            turned = np.linalg.qr(rng.normal(size=(d, d)))[0]
            return (rng.normal(size=(n, d)) * np.r_[5, np.ones(d - 1)]) @ turned
        case "lognormal":
            return np.exp(rng.normal(3, 1, size=(n, d)))
        case _:
            columns = [rng.normal(size=n), rng.exponential(size=n), rng.random(n) < 0.5]
            return np.column_stack([*columns, rng.poisson(2, n), rng.uniform(size=n)])


@pytest.mark.parametrize("kind", ["uniform", "stretched", "lognormal", "mixed"])
def test_of_100_crowds_at_most_10_are_said_to_have_structure(kind: str) -> None:
    claims, p_values = 0, []
    for seed in range(DRAWS):
        matrix = _crowd(kind, np.random.default_rng([seed, 99]))
        if kind == "lognormal" and seed % 2:
            matrix = np.log1p(matrix)  # as the preparation would; the other half as it is
        matrix = _scaled(matrix)
        found = find_structure(matrix, np.arange(matrix.shape[1]), range(2, 5), seed, Progress())[0]
        claims, p_values = claims + found.found, [*p_values, found.p_value]
    print(f"\n{kind}: {claims} of {DRAWS} claim structure; median p {np.median(p_values):.2f}")
    assert claims <= 10


def test_of_100_pairs_of_groups_4_deviations_apart_95_are_found() -> None:
    found = 0
    for seed in range(DRAWS):
        rng = np.random.default_rng([seed, 98])
        n, d = int(rng.choice([200, 500])), int(rng.choice([2, 4, 6]))
        matrix = rng.normal(size=(n, d))
        matrix[: n // 2, 0] += 4
        found += find_structure(_scaled(matrix), np.arange(d), range(2, 5), seed, Progress())[0].found
    print(f"\ntwo groups 4 deviations apart: {found} of {DRAWS} found")
    assert found >= 95


def _panel(matrix: np.ndarray, top: int, seed: int) -> Panel:
    scaled = _scaled(matrix)
    return choose(
        scaled,
        np.arange(scaled.shape[1]),
        range(2, top + 1),
        method=kmeans,
        method_name="kmeans",
        seed=seed,
        min_size=1,
        progress=Progress(),
    )[0]


def test_the_giant_is_vetoed_with_outliers_and_not_when_it_is_true() -> None:
    fired, spared, chosen = [], [], []
    for seed in SEEDS:
        rng = np.random.default_rng([seed, 97])
        groups = rng.normal(size=(600, 3)) + np.array([[0, 0, 0], [5, 0, 0], [0, 5, 0]])[rng.choice(3, 600)]
        panel = _panel(np.vstack([groups, rng.normal(size=(6, 3)) * 2 + 60]), 5, seed)
        fired.append(any(v.reason == "giant" and v.k == 2 for v in panel.vetoes) and panel.recommended.k != 2)
        chosen.append(panel.recommended.k)
        fair = np.vstack([rng.normal(size=(552, 3)), rng.normal(size=(48, 3)) + 5])
        panel = _panel(fair, 3, seed)
        spared.append(panel.recommended.k == 2 and not any(v.k == 2 for v in panel.vetoes))
    print(f"\ngiant vetoed {sum(fired)} of {len(SEEDS)} (then recommended {chosen}); 92/8 spared {sum(spared)}")
    assert all(fired) and all(spared)


def _as_given(labels: np.ndarray) -> object:
    """A method that gives one known solution on the rows it is known for, and the nearest centre's elsewhere."""

    def method(matrix: np.ndarray, k: int, *, seed: int, starts: int, first: object = None) -> Clusters:
        found = (
            labels if len(matrix) == len(labels) else AgglomerativeClustering(k, linkage="single").fit_predict(matrix)
        )
        return ordered(Clusters(np.asarray(found, np.intp), group_means(matrix, np.asarray(found, np.intp), k), 0.0))

    return method


def test_wholesale_customers_the_famous_answer_is_vetoed_and_ours_is_stable(wholesale: pd.DataFrame) -> None:
    spending = wholesale.iloc[:, 2:]
    matrix = _scaled(spending.to_numpy(float))
    single = AgglomerativeClustering(2, linkage="single").fit_predict(matrix)
    panel, _ = choose(
        matrix,
        np.arange(6),
        range(2, 3),
        method=_as_given(single),  # type: ignore[arg-type]
        method_name="single linkage",
        seed=0,
        min_size=5,
        progress=Progress(),
    )
    giant = next(v for v in panel.vetoes if v.reason == "giant")
    print(
        f"\nsingle linkage, 2 segments: silhouette {silhouette_score(matrix, single):.2f}, vetoed: {veto_text(giant, 'en')}"
    )
    fit = fit_segments(spending, money=list(spending.columns))
    jaccard = [round(j, 2) for j in fit.stability.jaccard]
    print(f"recommended {fit.model.k} ({fit.summary()['why']}), Jaccard {jaccard}, nature {fit.nature}")
    assert not [v for v in fit.panel.vetoes if v.k == fit.model.k] and max(fit.model.sizes) < 0.9 * len(spending)
    logged = np.log(spending)
    two = partition(logged, k=2, prepare="standard", starts=20)
    own = partition(spending, k=2, money=list(spending.columns), starts=20)
    score = adjusted_rand_score(wholesale["Channel"], two)
    print(f"ARI with Channel at k=2: log and standardise {score:.3f} (reference .520), default preparation "
          f"{adjusted_rand_score(wholesale['Channel'], own):.3f}")  # fmt: skip
    assert score == pytest.approx(0.520, abs=2e-3)
