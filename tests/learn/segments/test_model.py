"""Fitting as a whole, the stored model, prediction, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from tests.learn.segments.conftest import Planted, planted
from tests.learn.segments.few import few_draws

from coterie.errors import Refused
from coterie.learn.segments.model import SegmentFit, SegmentModel, fit_segments, partition
from coterie.learn.segments.words import caveat_text, note_text


def test_the_planted_segments_are_found(known: Planted, fit: SegmentFit) -> None:
    assert fit.model.k == 3 and fit.panel.recommended.reason == "apart" and fit.nature == "types"
    assert adjusted_rand_score(known.truth, fit.labels["segment"]) > 0.9
    assert sum(fit.model.sizes) == len(known.frame) and list(fit.model.sizes) == sorted(fit.model.sizes, reverse=True)
    assert min(fit.stability.jaccard) > 0.85 and fit.stability.draws >= 20
    assert {s.column for s in fit.model.pipeline.steps} == set(known.frame.columns)


def test_labels_are_predictions_in_the_row_order_given(known: Planted, fit: SegmentFit) -> None:
    again = fit.model.predict(known.frame)
    pd.testing.assert_frame_equal(again, fit.labels)
    assert list(again["entity"]) == list(known.frame.index)
    assert list(again.columns) == ["entity", "segment", "second", "margin"]
    assert (again["segment"] != again["second"]).all() and again["margin"].between(0, 1).all()
    assert tuple(again["segment"].value_counts().sort_index()) == fit.model.sizes


def test_one_row_is_predicted_as_among_all_and_columns_may_stand_in_any_order(known: Planted, fit: SegmentFit) -> None:
    whole = fit.model.predict(known.frame)
    turned = known.frame[known.frame.columns[::-1]].assign(extra=1)
    for i in range(0, len(known.frame), 60):
        pd.testing.assert_frame_equal(fit.model.predict(turned.iloc[[i]]), whole.iloc[[i]].reset_index(drop=True))


def test_json_gives_an_equal_model(known: Planted, fit: SegmentFit) -> None:
    text = fit.model.to_json()
    again = SegmentModel.from_json(text)
    assert again == fit.model and again.to_json() == text
    pd.testing.assert_frame_equal(again.predict(known.frame), fit.labels)
    stored = json.loads(text)
    assert stored["format"] == 1 and stored["seed"] == 0 and stored["columns"] == list(known.frame.columns)
    assert {"python", "numpy", "scikit-learn"} <= set(stored["versions"])


def test_a_stored_fit_is_an_equal_fit_without_labels(fit: SegmentFit) -> None:
    text = fit.to_json()
    again = SegmentFit.from_json(text)
    assert again.to_json() == text and len(again.labels) == 0 and list(again.labels.columns) == list(fit.labels.columns)
    for part in (
        "model",
        "panel",
        "stability",
        "profile",
        "explanation",
        "map",
        "silhouettes",
        "caveats",
        "column_labels",
    ):
        assert getattr(again, part) == getattr(fit, part), part
    assert again.summary() == fit.summary() and again.nature == fit.nature
    with pytest.raises(Refused, match="no stored segment fit"):
        SegmentFit.from_json(fit.model.to_json())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no stored segment model"),
        ("[]", "no stored segment model"),
        ('{"format": 2}', "format 2; this version reads up to 1"),
    ],
)
def test_a_damaged_or_newer_model_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        SegmentModel.from_json(text)


def test_neither_row_order_nor_a_second_run_changes_anything(known: Planted) -> None:
    frame = known.frame.head(150)
    shuffled = frame.sample(frac=1, random_state=1)
    with few_draws():
        one, two = fit_segments(frame, k=3), fit_segments(shuffled, k=3)
    assert one.model == two.model and one.panel == two.panel and one.explanation == two.explanation
    pd.testing.assert_frame_equal(
        one.labels.set_index("entity").loc[shuffled.index].reset_index(), two.labels, check_names=False
    )


def test_new_customers_of_the_same_kinds_are_recognised(fit: SegmentFit) -> None:
    new = planted(300, seed=9)
    found = fit.model.predict(new.frame)
    assert adjusted_rand_score(new.truth, found["segment"]) > 0.9


def test_what_had_to_be_assumed_is_said(known: Planted, fit: SegmentFit) -> None:
    odd = known.frame.head(4).astype(object)
    odd.iloc[0, odd.columns.get_loc("city")] = "Atlantis"
    odd.iloc[1, odd.columns.get_loc("age")] = pd.NA
    odd.iloc[2] = pd.NA
    assigned = fit.model.assign(odd)
    words = [note_text(note, "en") for note in assigned.notes]
    assert 'city has values in 1 rows that the model never saw, such as "Atlantis"; they count as other' in words
    assert f"age is missing in 2 rows; {known.frame['age'].median():g}, the median, was used" in words
    assert any("of 1 rows nothing is known" in line for line in words)
    assert len(assigned.table) == 4 and assigned.table["segment"].between(1, 3).all()


def test_an_empty_frame_is_predicted_as_an_empty_frame(known: Planted, fit: SegmentFit) -> None:
    empty = fit.model.predict(known.frame.iloc[:0])
    assert len(empty) == 0 and list(empty.columns) == ["entity", "segment", "second", "margin"]


def test_the_summary_has_the_keys_of_the_contract(fit: SegmentFit) -> None:
    summary = json.loads(json.dumps(fit.summary(model_version=7), allow_nan=False))
    assert summary["version"] == 7 and summary["k"] == 3
    assert summary["sizes"] == {str(j + 1): size for j, size in enumerate(fit.model.sizes)}
    assert set(summary["stability"]) == {"1", "2", "3"} and all(0 <= v <= 1 for v in summary["stability"].values())
    assert summary["structure"]["found"] is True and 0 < summary["structure"]["p_value"] <= 0.05
    assert all({"k", "method", "reason"} <= set(veto) for veto in summary["vetoed"])
    assert set(summary["rules"]["1"]) == {"rule", "sentence", "precision", "recall"}


def test_wholesale_customers_are_no_giant_cluster_with_outliers(wholesale: pd.DataFrame) -> None:
    spending = wholesale.iloc[:, 2:]
    fit = fit_segments(spending.iloc[:400], money=list(spending.columns), max_k=3)
    assert max(fit.model.sizes) < 0.9 * 400 and min(fit.model.sizes) > 40
    assert not [v for v in fit.panel.vetoes if v.k == fit.model.k]
    assert fit.nature != "types"  # one continuous crowd, though one column has two peaks
    held_out = fit.model.predict(spending.iloc[400:])
    assert len(held_out) == 40 and held_out["segment"].isin(range(1, fit.model.k + 1)).all()
    whole = partition(spending, money=list(spending.columns), k=fit.model.k)
    assert adjusted_rand_score(whole[400:], held_out["segment"]) > 0.8


def test_given_k_is_kept_and_judged(known: Planted) -> None:
    fit = fit_segments(known.frame.head(150), k=4)
    assert fit.model.k == 4 and [f.k for f in fit.panel.figures] == [4] and fit.panel.recommended.reason == "given"
    assert fit.panel.runner_up is None and fit.nature == "partly"


def test_few_customers_are_told_what_can_be_told() -> None:
    frame = planted(36, seed=3).frame
    with few_draws():
        fit = fit_segments(frame, max_k=3)
    few = next(c for c in fit.caveats if c.code == "few_rows")
    assert caveat_text(few, "en").startswith("With 36 customers only large differences can be told")
    assert "36 个客户" in caveat_text(few, "zh")
    assert not fit.explanation.held_out


NUMBERS = pd.DataFrame({"a": np.arange(30.0) ** 2, "b": np.arange(30.0) % 7})


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        (NUMBERS, {"k": 1}, r"`bad_argument` at `--k`: k is 1. Give a whole number from 2 to 50, or `auto`."),
        (NUMBERS, {"k": "many"}, r"k is many"),
        (NUMBERS, {"k": True}, r"k is True"),
        (NUMBERS, {"max_k": 1}, r"max_k is 1"),
        (NUMBERS, {"method": "kmean"}, r'There is no clustering method "kmean". Did you mean "kmeans" or "kmedians"\?'),
        (
            NUMBERS,
            {"k": 40},
            r"`too_few_rows` at `--k`: There are 30 entities for 40 segments. Ask for fewer segments.",
        ),
        (NUMBERS.head(5), {}, r"There are 5 entities for 2 segments. With fewer than 10 nothing can be told"),
        (NUMBERS.iloc[:0], {}, r"There are 0 entities"),
        (NUMBERS[[]], {}, r"`no_usable_column` at `--tags`: No tag was given."),
        (NUMBERS.assign(a=None)[["a"]], {}, r"No column can be used \(a: has no value at all\)"),
        (NUMBERS.assign(a=[0, 1] * 15)[["a"]], {"k": 3}, r"Only 2 entities differ in these tags"),
        (NUMBERS.set_axis(["x"] * 30), {}, r'`duplicate_entity` at `x`: "x" has more than one row'),
        (NUMBERS.assign(a=np.inf), {}, r"`bad_column` at `a`"),
    ],
)
def test_refusals(frame: pd.DataFrame, options: dict[str, object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        fit_segments(frame, **options)  # type: ignore[arg-type]


def test_components_and_weights_are_kept_and_described_by_the_tags(known: Planted) -> None:
    with few_draws():
        fit = fit_segments(known.frame.head(150), k=3, pca=0.8, weights={"basket": 2.0})
    assert SegmentModel.from_json(fit.model.to_json()) == fit.model
    pd.testing.assert_frame_equal(fit.model.predict(known.frame.head(150)), fit.labels)
    assert len(fit.model.centres[0]) < len(fit.model.pipeline.scaled_outputs) == len(fit.map.loadings)
    assert fit.map.loadings[0][0] == "basket" and {t.column for t in fit.profile.traits} == set(known.frame.columns)


def test_prototypes_borders_lineage_and_the_cost_of_being_explained(known: Planted, fit: SegmentFit) -> None:
    labels = fit.labels.set_index("entity")
    for j, members in enumerate(fit.prototypes):
        assert len(members) == 5 and (labels.loc[list(members), "segment"] == j + 1).all()
        assert labels.loc[list(members), "margin"].min() > labels["margin"].median()
    assert [b.entity for b in fit.borders] == labels["margin"].sort_values().head(20).index.tolist()
    assert [(s.k, s.to_k) for s in fit.panel.lineage] == [(2, 3), (3, 4), (4, 5)]
    for step in fit.panel.lineage:
        assert sum(n for _, _, n in step.flows) == len(labels)
        assert {a for a, _, _ in step.flows} == set(range(1, step.k + 1))
    assert 1.0 <= fit.explanation.cost_ratio < 1.3  # type: ignore[operator]
    assert len(fit.explanation.purity) == 3 and min(fit.explanation.purity) > 0.8
    assert fit.panel.favourites["bic"] in (2, 3, 4, 5)
    renamed = fit.identified((7, 5, 9), fit.labels.assign(segment=fit.labels["segment"].map({1: 7, 2: 5, 3: 9})))
    assert {b.segment for b in renamed.borders} <= {5, 7, 9} and renamed.prototypes == fit.prototypes


@pytest.mark.parametrize("seed", range(4))
def test_any_mix_of_columns_and_few_rows_is_fitted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.choice([12, 20, 35]))
    frame = pd.DataFrame(
        {
            "balance": -np.exp(rng.normal(size=n) * 2),
            "seldom": (rng.random(n) < 0.3) * rng.exponential(1e9, n),
            "amount": np.array([Decimal(str(round(v, 2))) for v in rng.normal(size=n) * 1e6], dtype=object),
            "app": pd.array(rng.choice([True, False, None], n), dtype="boolean"),
            "city": rng.choice(["巴黎", "Lyon", "", None], n),
            "gone": np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)),
            "kind": rng.integers(0, 2, n),
        }
    )
    with few_draws():
        fit = fit_segments(frame, max_k=3, seed=seed)
    pd.testing.assert_frame_equal(fit.model.predict(frame), fit.labels)
    assert SegmentModel.from_json(fit.model.to_json()) == fit.model
    json.dumps(fit.summary(), allow_nan=False)


def test_prediction_without_a_column_is_refused(known: Planted, fit: SegmentFit) -> None:
    with pytest.raises(Refused, match="The model needs basket, night_share"):
        fit.model.predict(known.frame.drop(columns=["basket", "night_share"]))


@pytest.mark.slow
def test_the_simulated_shop_has_six(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Medians of 20 shops, all customers. Beside it what those agree who have three orders or more, and what a classifier
    agrees that was taught the truth."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import cross_val_predict
    from tests.simulate.files import demo_tag_frame, read_shop

    from coterie.simulate.demo_tags import DEMO_SEGMENT_TAGS
    from coterie.simulate.shop import simulate_shop

    rows = []
    for seed in range(1, 21):
        shop = read_shop(simulate_shop(tmp_path / f"shop{seed}", customers=3_000, seed=seed))
        tags = demo_tag_frame(shop)
        fit = fit_segments(tags[list(DEMO_SEGMENT_TAGS)])
        truth = shop.truth["segments"].set_index("customer_id")["segment"].loc[tags.index]
        assert truth.nunique() == 6
        found, known = fit.labels["segment"].to_numpy(), (tags["shop.orders"] >= 3).to_numpy()
        matrix = fit.model.pipeline.transform(tags)
        taught = cross_val_predict(LinearDiscriminantAnalysis(), matrix, truth, cv=5)
        scores = [adjusted_rand_score(truth, found), adjusted_rand_score(truth[known], found[known])]
        rows.append([seed, fit.model.k, *scores, adjusted_rand_score(truth, taught)])
    table = pd.DataFrame(rows, columns=["seed", "k", "all", "three orders or more", "taught, all"])
    with capsys.disabled():
        print("\n" + table.round(3).to_string(index=False) + "\n" + table.median().round(3).to_string())
    assert table["k"].median() == 6
    assert table["all"].median() > 0.9
