"""One list of checks that every clustering method passes, and what each method alone promises."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from tests.learn.segments.few import few_draws

from coterie.errors import Refused
from coterie.learn.segments.methods.base import Columns, nearest
from coterie.learn.segments.methods.baselines import natural_breaks
from coterie.learn.segments.methods.kmeans import MANY_ROWS, kmeans
from coterie.learn.segments.methods.medians import faster_pam, kmedoids
from coterie.learn.segments.methods.modes import kmodes, kprototypes
from coterie.learn.segments.methods.table import METHODS, rule_from_dict, rule_to_dict
from coterie.learn.segments.model import SegmentFit, SegmentModel, fit_segments, partition
from coterie.learn.segments.prepare import prepare
from coterie.learn.segments.words import choice_text, note_text

RNG = np.random.default_rng(4)
N = 120
KIND = RNG.choice(3, N, p=[0.5, 0.3, 0.2])
KEYS = pd.Index([f"c{i:03d}" for i in RNG.permutation(N)], name="entity")
NUMBERS = pd.DataFrame(
    {
        "basket": np.array([20.0, 60.0, 180.0])[KIND] * np.exp(RNG.normal(0, 0.15, N)),
        "night": np.array([0.1, 0.8, 0.5])[KIND] + RNG.normal(0, 0.05, N),
    },
    index=KEYS,
)
LEVELS = pd.DataFrame(
    {
        "city": np.where(RNG.random(N) < 0.9, np.array(["Paris", "Lyon", "Nice"])[KIND], "Lyon"),
        "channel": np.where(RNG.random(N) < 0.9, np.array(["shop", "app", "web"])[KIND], "shop"),
        "member": (RNG.random(N) < np.array([0.1, 0.9, 0.5])[KIND]),
    },
    index=KEYS,
)
RFM = pd.DataFrame(
    {
        "rfm.recency_days": np.where(RNG.random(N) < 0.05, np.nan, RNG.integers(1, 300, N)),
        "rfm.frequency": RNG.poisson(4, N),
        "rfm.monetary": np.exp(RNG.normal(4, 1, N)).round(2),
    },
    index=KEYS,
)
FRAMES = {
    "kmodes": LEVELS,
    "kprototypes": NUMBERS.join(LEVELS),
    "rfm": RFM,
    "abc": RFM[["rfm.monetary"]],
    "breaks": RFM[["rfm.monetary"]],
}
GIVEN = {"hdbscan": "auto", "rfm": "auto", "abc": "auto"}


def _frame(method: str) -> pd.DataFrame:
    return FRAMES.get(method, NUMBERS)


@pytest.fixture(scope="module")
def fits() -> dict[str, SegmentFit]:
    """A whole fit by each method."""
    with few_draws():
        return {name: fit_segments(_frame(name), method=name, k=GIVEN.get(name, 3), seed=3) for name in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_fitted_rows_get_their_own_labels_alone_and_in_bulk(fits: dict[str, SegmentFit], method: str) -> None:
    fit, frame = fits[method], _frame(method)
    whole = fit.model.predict(frame)
    pd.testing.assert_frame_equal(whole, fit.labels)
    assert whole["segment"].isin([0, *fit.model.ids]).all() and whole["margin"].between(0, 1).all()
    turned = frame[frame.columns[::-1]].assign(extra=1)
    for i in range(0, N, 40):
        pd.testing.assert_frame_equal(fit.model.predict(turned.iloc[[i]]), whole.iloc[[i]].reset_index(drop=True))
    counts = whole["segment"].value_counts()
    assert tuple(counts.reindex(fit.model.ids, fill_value=0)) == fit.model.sizes
    assert fit.model.unassigned == counts.get(0, 0) and sum(fit.model.sizes) + fit.model.unassigned == N
    assert list(fit.model.sizes) == sorted(fit.model.sizes, reverse=True)


@pytest.mark.parametrize("method", METHODS)
def test_the_solution_is_the_rule_and_the_rule_is_json(fits: dict[str, SegmentFit], method: str) -> None:
    fitted = fits[method].model
    again = SegmentModel.from_json(fitted.to_json())
    assert again == fitted and again.to_json() == fitted.to_json()
    assert rule_from_dict(rule_to_dict(fitted.rule)) == fitted.rule
    pd.testing.assert_frame_equal(again.predict(_frame(method)), fits[method].labels)
    stored = SegmentFit.from_json(fits[method].to_json())
    assert stored.model == fitted and stored.summary() == fits[method].summary()


@pytest.mark.parametrize("method", METHODS)
def test_neither_a_second_run_nor_the_order_of_rows_changes_a_bit(fits: dict[str, SegmentFit], method: str) -> None:
    frame = _frame(method).sample(frac=1, random_state=1)
    labels = partition(frame, method=method, k=3, seed=3)
    first = fits[method].labels.set_index("entity").loc[frame.index, "segment"]
    assert np.array_equal(labels + 1, first)
    assert (
        np.array_equal(labels, partition(frame[frame.columns[::-1]], method=method, k=3, seed=3))
        or len(frame.columns) > 1
    )  # the order of columns decides where sums are rounded, not what is found
    assert adjusted_rand_score(labels, partition(frame[frame.columns[::-1]], method=method, k=3, seed=3)) > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_missing_values_and_new_levels_are_taken_and_said(fits: dict[str, SegmentFit], method: str) -> None:
    frame, fitted = _frame(method), fits[method].model
    odd = frame.head(3).astype(object)
    odd.iloc[0, 0] = None
    if "city" in odd:
        odd.iloc[1, odd.columns.get_loc("city")] = "Atlantis"
    odd.iloc[2] = None
    assigned = fitted.assign(odd)
    words = [note_text(note, "en") for note in assigned.notes]
    assert assigned.table["segment"].isin([0, *fitted.ids]).all() and assigned.table["margin"].between(0, 1).all()
    assert any("rows nothing is known" in w for w in words)
    if "city" in odd:
        assert any("Atlantis" in w for w in words)
    if method in ("rfm", "abc", "breaks"):
        assert any("which count as" in w for w in words)
    assert len(fitted.predict(frame.iloc[:0])) == 0


@pytest.mark.parametrize("method", METHODS)
def test_the_fit_is_judged_and_told(fits: dict[str, SegmentFit], method: str) -> None:
    fit = fits[method]
    summary, k = fit.summary(), fit.model.k
    assert k >= 2 and len(fit.stability.jaccard) == len(fit.model.names) == len(fit.explanation.rules) == k
    assert [f.k for f in fit.panel.figures] == [k] and choice_text(fit.panel.recommended, fit.panel, "zh")
    assert all(0 <= j <= 1 for j in fit.stability.jaccard)
    assert ("0" in summary["sizes"]) == (fit.model.unassigned > 0)
    assert all(len(p) and set(p) <= set(KEYS) for p in fit.prototypes) and len(fit.borders) == 20
    assert (fit.panel.figures[0].bic is not None) == (method in ("kmeans", "gmm"))
    assert (fit.explanation.cost_ratio is not None) == METHODS[method].squares


@pytest.mark.parametrize("method", [name for name in METHODS if name not in FRAMES])
def test_the_planted_kinds_are_found(fits: dict[str, SegmentFit], method: str) -> None:
    truth = pd.Series(KIND, index=KEYS)
    labels = fits[method].labels.set_index("entity")["segment"]
    inside = labels > 0
    assert inside.mean() > 0.85 and fits[method].model.k == 3
    assert adjusted_rand_score(truth[inside], labels[inside]) > 0.9


@pytest.mark.parametrize("method", ["kmodes", "kprototypes"])
def test_the_planted_levels_are_found(fits: dict[str, SegmentFit], method: str) -> None:
    labels = fits[method].labels.set_index("entity")["segment"]
    assert adjusted_rand_score(pd.Series(KIND, index=KEYS), labels) > 0.6


@pytest.mark.parametrize(
    ("method", "frame", "options", "words"),
    [
        ("hdbscan", NUMBERS, {"k": 4}, r"`bad_argument` at `--k`: hdbscan finds the number of segments itself. Leave"),
        ("rfm", RFM, {"k": 3}, r"rfm finds the number of segments itself"),
        ("rfm", NUMBERS, {}, r"`bad_column` at `--tags`: rfm needs a column for recency, and none is called so. Give"),
        ("abc", NUMBERS, {}, r"abc takes one column, an amount; it was given basket, night. Name one number"),
        ("breaks", LEVELS[["city"]], {}, r"breaks takes one column, a number; it was given city"),
        ("kmodes", NUMBERS, {"k": 2}, r"`bad_column` at `basket`: kmodes takes categories .*; basket is a number. Use"),
        ("kprototypes", NUMBERS, {"k": 2}, r"no column is a category. Use kmeans, or add a category"),
        ("kprototypes", LEVELS, {"k": 2}, r"no column is a number. Use kmodes"),
        ("kmodes", LEVELS, {"pca": 0.9}, r"`bad_argument` at `--pca`: kmodes compares categories"),
        ("abc", RFM[["rfm.monetary"]], {"weights": {"rfm": 2.0}}, r"`bad_argument` at `--weight`: abc cuts columns"),
        ("kmeans", NUMBERS, {"starts": 0}, r"`bad_argument` at `--starts`: starts is 0. Give 1 or more"),
        ("hdbscan", NUMBERS.iloc[:, :1].assign(basket=np.arange(120.0)), {"prepare": "none"}, r"`no_groups`"),
    ],
)
def test_what_a_method_cannot_take_is_refused(
    method: str, frame: pd.DataFrame, options: dict[str, object], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        fit_segments(frame, method=method, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name].number != "found"])
def test_fewer_different_rows_than_segments_are_refused(method: str) -> None:
    frame = pd.concat([_frame(method).head(2)] * 6).set_axis(range(12))
    with pytest.raises(Refused, match=r"`too_few_rows`|No column can be used|kprototypes takes|at `--tags`"):
        fit_segments(frame, method=method, k=5)


def test_kmodes_costs_what_its_definition_says_and_no_more_than_a_search_of_all_modes() -> None:
    frame = LEVELS.head(24)
    pipeline = prepare(frame)
    columns = Columns.of(pipeline)
    found = kmodes(pipeline.transform(frame), 2, seed=0, starts=20, columns=columns)
    codes = found.rule.codes(pipeline.transform(frame))  # type: ignore[attr-defined]
    modes = found.rule.codes(found.centres)  # type: ignore[attr-defined]
    slow = sum(min(sum(a != b for a, b in zip(row, mode, strict=True)) for mode in modes) for row in codes)
    assert found.inertia == pytest.approx(slow)
    every = list(product(*(range(int(c.max()) + 1) for c in codes.T)))
    best = min(
        sum(min(sum(a != b for a, b in zip(row, m, strict=True)) for m in pair) for row in codes)
        for pair in combinations(every, 2)
    )
    assert slow == best


def test_kprototypes_costs_what_its_definition_says() -> None:
    frame = NUMBERS.join(LEVELS)
    pipeline = prepare(frame)
    matrix = pipeline.transform(frame)
    found = kprototypes(matrix, 3, seed=0, starts=5, columns=Columns.of(pipeline))
    gamma = 0.5 * matrix[:, :2].std(axis=0).mean()
    codes, modes = found.rule.codes(matrix), found.rule.codes(found.centres)  # type: ignore[attr-defined]
    slow = 0.0
    for i in range(N):
        each = [
            sum((matrix[i, c] - centre[c]) ** 2 for c in (0, 1)) + gamma * sum(codes[i] != mode)
            for centre, mode in zip(found.centres, modes, strict=True)
        ]
        assert int(np.argmin(each)) == found.labels[i]
        slow += min(each)
    assert found.inertia == pytest.approx(slow)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_medoids_are_such_that_no_exchange_helps(seed: int, k: int) -> None:
    points = np.random.default_rng(seed).normal(size=(30, 2))
    between = np.linalg.norm(points[:, None] - points[None], axis=2)
    medoids = faster_pam(between, np.arange(k))
    cost = between[:, medoids].min(axis=1).sum()
    for j, other in product(range(k), range(30)):
        tried = medoids.copy()
        tried[j] = other
        assert between[:, tried].min(axis=1).sum() >= cost - 1e-9


def test_medoids_of_many_rows_are_rows_and_near_the_best_of_all() -> None:
    points = np.random.default_rng(0).normal(size=(3_000, 2)) + 5 * np.random.default_rng(1).integers(0, 3, (3_000, 1))
    found = kmedoids(points, 3, seed=0, starts=2)
    assert all((points == centre).all(axis=1).any() for centre in found.centres)
    means = nearest(points, kmeans(points, 3, seed=0, starts=5).centres).first_distance.sum()
    assert found.inertia < 1.05 * means


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=6, max_size=12), st.integers(2, 3))
def test_natural_breaks_are_the_best_of_all_cuts(numbers: list[int], k: int) -> None:
    values = np.sort(np.array(numbers, dtype=float))
    points = np.unique(values)
    if len(points) < k:
        return

    def cost(cuts: tuple[float, ...]) -> float:
        group = np.searchsorted(np.array(cuts), values, side="left")
        return sum(float(((values[group == g] - values[group == g].mean()) ** 2).sum()) for g in np.unique(group))

    best = min(cost(cuts) for cuts in combinations(points[:-1], k - 1))
    assert cost(tuple(natural_breaks(values, k))) == pytest.approx(best, abs=1e-9)


def test_abc_tiers_hold_their_shares_of_the_sum(fits: dict[str, SegmentFit]) -> None:
    fit = fits["abc"]
    amounts = RFM["rfm.monetary"]
    ranked = amounts.sort_values(ascending=False)
    before = (ranked.cumsum() - ranked) / ranked.sum()
    wanted = pd.cut(before, [-1, 0.8, 0.95, 2], right=False, labels=["A", "B", "C"]).astype(str)
    names = dict(zip(fit.model.ids, (n.en for n in fit.model.names), strict=True))
    found = fit.labels.set_index("entity")["segment"].map(names)
    assert found.loc[ranked.index].tolist() == wanted.tolist()


def test_rfm_scores_are_those_of_the_recipe_and_groups_have_names(fits: dict[str, SegmentFit]) -> None:
    fit = fits["rfm"]
    recency = RFM["rfm.recency_days"].fillna(RFM["rfm.recency_days"].max())
    worse = {
        "r": [(recency > v).mean() for v in recency],
        "f": [(RFM["rfm.frequency"] < v).mean() for v in RFM["rfm.frequency"]],
        "m": [(RFM["rfm.monetary"] < v).mean() for v in RFM["rfm.monetary"]],
    }
    r, f, m = (1 + np.floor(5 * np.array(worse[part]) + 1e-12) for part in "rfm")
    champions = next(i for i, n in zip(fit.model.ids, fit.model.names, strict=True) if n.en == "Champions")
    found = fit.labels["segment"].to_numpy() == champions
    assert np.array_equal(found, (r >= 4) & (f + m >= 7))
    assert {n.en for n in fit.model.names} <= {
        "Champions", "Loyal, cooling", "Valuable, drifting away", "New or promising", "Occasional", "Lost",
    }  # fmt: skip


def test_hdbscan_leaves_strays_out_and_takes_new_rows_only_within_reach() -> None:
    rng = np.random.default_rng(0)
    crowd = np.vstack([rng.normal(size=(150, 2)), rng.normal(size=(100, 2)) + 12, rng.uniform(-20, 30, (12, 2))])
    frame = pd.DataFrame(crowd, columns=["x", "y"])
    with few_draws():
        fit = fit_segments(frame, method="hdbscan", prepare="none")
    assert fit.model.k == 2 and 5 <= fit.model.unassigned <= 30 and fit.summary()["sizes"]["0"] == fit.model.unassigned
    new = fit.model.predict(pd.DataFrame({"x": [0.1, 12.2, 6.0], "y": [0.1, 11.9, -9.0]}))
    assert new["segment"].tolist() == [1, 2, 0]
    from sklearn.cluster import HDBSCAN

    own = HDBSCAN(min_cluster_size=5, min_samples=5, copy=True).fit_predict(crowd)
    assert adjusted_rand_score(own, fit.labels["segment"]) > 0.99


def test_kmeans_of_many_rows_keeps_their_precision_and_costs_what_it_says() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(MANY_ROWS + 10, 2)) + 6 * rng.integers(0, 3, (MANY_ROWS + 10, 1))).astype(np.float32)
    found = kmeans(rows, 3, seed=0, starts=1)
    exact = nearest(rows, found.centres)
    assert (exact.first == found.labels).mean() > 0.9999
    assert found.inertia == pytest.approx(float((exact.first_distance.astype(float) ** 2).sum()), rel=1e-4)
    two = kmeans(rows, 3, seed=0, starts=1, threads=2)
    assert two.centres == pytest.approx(found.centres, abs=1e-6)
