"""What preparation decides, keeps and refuses."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from coterie.errors import NotFound, Refused
from coterie.learn.segments.columns import as_numbers, kind_of
from coterie.learn.segments.pipeline import MISSING, OTHER, CategoryStep, MissingStep, NumericStep, Pipeline, bend
from coterie.learn.segments.prepare import prepare
from coterie.learn.segments.words import dropped_text

RNG = np.random.default_rng(0)
N = 300
SPEND = pd.Series(np.exp(RNG.normal(4, 1, N)).round(2))


def _step(frame: pd.DataFrame, column: str, **options: object) -> object:
    return next(s for s in prepare(frame, **options).steps if s.column == column)  # type: ignore[arg-type]


def test_skewed_money_is_logged_and_scaled() -> None:
    frame = pd.DataFrame({"spend": SPEND, "age": RNG.normal(40, 10, N)})
    pipeline = prepare(frame)
    assert [s.transform for s in pipeline.steps if isinstance(s, NumericStep)] == ["log1p", "identity"]
    matrix = pipeline.transform(frame)
    assert matrix.mean(axis=0) == pytest.approx([0, 0], abs=1e-12) and matrix.std(axis=0) == pytest.approx([1, 1])
    assert np.corrcoef(matrix[:, 0], np.log1p(SPEND))[0, 1] > 0.999


def test_money_is_logged_at_less_skew() -> None:
    values = pd.Series(RNG.gamma(7.0, 10.0, N))
    assert 0.4 < stats.skew(values.clip(*np.quantile(values, [0.02, 0.98]))) < 0.8
    frame = pd.DataFrame({"v": values})
    assert _step(frame, "v").transform == "identity"  # type: ignore[attr-defined]
    assert _step(frame, "v", money=["v"]).transform == "log1p"  # type: ignore[attr-defined]


def test_skew_with_negative_values_gets_yeo_johnson() -> None:
    values = np.exp(RNG.normal(0, 1, N)) * 10 - 5
    step = _step(pd.DataFrame({"balance": values}), "balance")
    assert isinstance(step, NumericStep) and step.transform == "yeo_johnson"
    assert bend(values, "yeo_johnson", step.power) == pytest.approx(stats.yeojohnson(values, lmbda=step.power))
    assert abs(stats.skew(step.scaled(values))) < 0.3 < stats.skew(values)


def test_one_per_cent_of_outliers_changes_neither_transformation_nor_scale_much() -> None:
    usual = RNG.normal(0, 1, 990)
    step = _step(pd.DataFrame({"v": np.concatenate([usual, np.full(10, 60.0)])}), "v")
    assert isinstance(step, NumericStep) and step.transform == "identity" and step.limited == 10
    assert step.scale == pytest.approx(usual.std(), rel=0.05)


def test_shares_are_not_logged() -> None:
    assert _step(pd.DataFrame({"share": RNG.beta(0.5, 6, N)}), "share").transform == "identity"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "values",
    [
        SPEND.map(lambda v: Decimal(str(v))).astype(object),
        SPEND.round().astype("Int64"),
        SPEND.astype("Float64"),
        SPEND.round().astype(np.int32),
        SPEND.map(str),
    ],
    ids=["Decimal", "Int64", "Float64", "int32", "text at prediction"],
)
def test_numbers_of_any_make_are_read(values: pd.Series) -> None:
    assert as_numbers(values) == pytest.approx(SPEND, abs=0.5)


def test_a_group_is_not_limited_but_outliers_are() -> None:
    usual = RNG.normal(100, 10, 950)
    group = pd.DataFrame({"v": np.concatenate([usual, RNG.normal(400, 10, 50)])})
    stray = pd.DataFrame({"v": np.concatenate([usual, [5_000.0, -4_000.0]])})
    assert _step(group, "v").limited <= 10  # type: ignore[attr-defined]
    step = _step(stray, "v")
    assert isinstance(step, NumericStep) and step.limited == 2
    assert step.upper == pytest.approx(usual.max()) and step.lower == pytest.approx(usual.min())


def test_missing_values_are_filled_counted_and_flagged() -> None:
    values = SPEND.copy()
    values[:60] = np.nan
    pipeline = prepare(pd.DataFrame({"spend": values, "few": RNG.normal(size=N)}))
    step, sign = pipeline.steps[0], pipeline.steps[1]
    assert isinstance(step, NumericStep) and step.missing == 60 and step.fill == float(values.median())
    assert isinstance(sign, MissingStep) and sign.centre == pytest.approx(0.2)
    matrix = pipeline.transform(pd.DataFrame({"spend": [np.nan, step.fill], "few": [0.0, 0.0]}))
    assert matrix[0, 0] == matrix[1, 0] and matrix[0, 1] > 0 > matrix[1, 1]


def test_categories_are_spread_and_weigh_a_half() -> None:
    city = pd.Series(["Paris"] * 180 + ["Lyon"] * 90 + ["Nice"] * 3 + ["Brest"] * 2 + [None] * 25)
    pipeline = prepare(pd.DataFrame({"city": city}))
    step = pipeline.steps[0]
    assert isinstance(step, CategoryStep)
    assert step.levels == ("Paris", "Lyon", MISSING, OTHER) and step.merged == ("Nice", "Brest") and step.missing == 25
    matrix = pipeline.transform(pd.DataFrame({"city": city}))
    assert matrix.var(axis=0).sum() == pytest.approx(0.5)
    new = pipeline.transform(pd.DataFrame({"city": ["Atlantis", "Brest"]}))
    assert np.array_equal(new[0], new[1]) and new[0].argmax() == 3


def test_flags_weigh_a_half_and_missing_is_the_average() -> None:
    frame = pd.DataFrame({"app": pd.Series([True] * 30 + [False] * 70, dtype="boolean")})
    matrix = prepare(frame).transform(frame)
    assert matrix.var() == pytest.approx(0.5)
    assert prepare(frame).transform(pd.DataFrame({"app": pd.Series([pd.NA], dtype="boolean")})).tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pd.Series([1.5] * N), "is 1.5 for everyone"),
        (pd.Series(["x"] * N), "is x for everyone"),
        (pd.Series([True] * N), "is true for everyone"),
        (pd.Series([None] * N, dtype=object), "has no value at all"),
        (pd.Series([f"k{i}" for i in range(N)]), "is different for everyone, like a key"),
        (pd.Series(range(1000, 1000 + N)), "is different for everyone, like a key"),
        (pd.Series([f"v{i // 3}" for i in range(N)]), "has 100 levels, none of them common"),
        (pd.Series(pd.date_range("2024-01-01", periods=N)), "holds moments; use a tag in days, such as days since"),
        (pd.Series([["a", "b"]] * N), "holds several values per entity"),
        (pd.Series([1.0, 2.0] + [np.nan] * (N - 2)), "has only 2 values"),
        (SPEND * 100, "says the same as spend"),
    ],
)
def test_useless_columns_are_dropped_with_the_reason(column: pd.Series, words: str) -> None:
    pipeline = prepare(pd.DataFrame({"spend": SPEND, "useless": column}))
    assert pipeline.columns == ("spend",)
    assert dropped_text(pipeline.dropped[0], "en") == words
    assert dropped_text(pipeline.dropped[0], "zh") != words


def test_keys_called_so_are_dropped_even_with_gaps() -> None:
    keys = pd.Series(np.sort(RNG.choice(10**9, N, replace=False)))
    assert prepare(pd.DataFrame({"spend": SPEND, "customer_id": keys})).dropped[0].reason == "id"
    assert prepare(pd.DataFrame({"spend": SPEND, "turnover": keys})).dropped == ()


def test_modes() -> None:
    frame = pd.DataFrame({"spend": SPEND, "city": RNG.choice(["a", "b"], N)})
    assert np.array_equal(prepare(frame, mode="none").transform(frame)[:, 0], SPEND)
    scaled = prepare(frame, mode="standard").transform(frame)[:, 0]
    assert scaled == pytest.approx((SPEND - SPEND.mean()) / SPEND.std(ddof=0))
    with pytest.raises(Refused, match=r'"best" is no preparation. Use one of auto, standard, none'):
        prepare(frame, mode="best")


def test_refusals_say_what_is_wrong_and_where() -> None:
    with pytest.raises(Refused, match=r"No column can be used .key: is different for everyone, like a key"):
        prepare(pd.DataFrame({"key": [f"k{i}" for i in range(30)]}))
    with pytest.raises(Refused, match=r'`bad_column` at `v`: "inf" of 1 is infinite'):
        prepare(pd.DataFrame({"v": [1.0, np.inf, 2.0]}))
    with pytest.raises(NotFound, match=r'There is no column "spent". Did you mean "spend"'):
        prepare(pd.DataFrame({"spend": SPEND}), money=["spent"])
    with pytest.raises(Refused, match=r'"city" holds no numbers, so it is no money'):
        prepare(pd.DataFrame({"city": ["a", "b"] * 10}), money=["city"])
    pipeline = prepare(pd.DataFrame({"spend": SPEND}))
    with pytest.raises(Refused, match=r'`missing_column` at `spend`: The model needs spend.*Did you mean "spent"'):
        pipeline.transform(pd.DataFrame({"spent": [1.0]}))
    with pytest.raises(Refused, match=r'`bad_column` at `spend`: "much" of c7 is no number'):
        pipeline.transform(pd.DataFrame({"spend": ["1", "much"]}, index=["c6", "c7"]))


def test_json_gives_the_same_pipeline_and_numbers() -> None:
    frame = pd.DataFrame(
        {
            "spend": SPEND.where(RNG.random(N) > 0.1),
            "balance": np.exp(RNG.normal(0, 1, N)) - 2,
            "city": RNG.choice(["a", "b", "c"], N),
            "app": RNG.random(N) < 0.5,
            "same": 1,
        }
    )
    pipeline = prepare(frame)
    again = Pipeline.from_dict(json.loads(json.dumps(pipeline.to_dict())))
    assert again == pipeline and np.array_equal(again.transform(frame), pipeline.transform(frame))


def test_rows_are_prepared_one_by_one_as_in_bulk_and_columns_in_any_order() -> None:
    frame = pd.DataFrame({"spend": SPEND, "balance": np.exp(RNG.normal(0, 1, N)) - 2})
    pipeline = prepare(frame)
    whole = pipeline.transform(frame)
    single = np.vstack([pipeline.transform(frame.iloc[[i]][["balance", "spend"]]) for i in range(0, N, 37)])
    assert np.array_equal(whole[::37], single)
    assert pipeline.transform(frame.iloc[:0]).shape == (0, 2)


def test_kinds() -> None:
    kinds = {
        "category": pd.Series(["a", " ", None]),
        "empty": pd.Series([" ", ""]),
        "number": pd.Series([Decimal(1), 2.5, None], dtype=object),
        "flag": pd.Series([True, None], dtype=object),
        "moment": pd.Series(pd.to_datetime(["2024-01-01"])),
    }
    assert {kind: kind_of(values) for kind, values in kinds.items()} == {kind: kind for kind in kinds}


def test_weights_multiply_distances_of_columns_and_blocks() -> None:
    frame = pd.DataFrame({"rfm.spend": SPEND, "rfm.visits": RNG.poisson(4, N), "city": RNG.choice(["a", "b"], N)})
    plain = prepare(frame).transform(frame)
    weighed = prepare(frame, weights={"rfm": 2.0, "rfm.spend": 1.5, "city": 0.5}).transform(frame)
    assert weighed == pytest.approx(plain * [3.0, 2.0, 0.5, 0.5])
    pipeline = prepare(frame, weights={"rfm": 2.0})
    assert Pipeline.from_dict(json.loads(json.dumps(pipeline.to_dict()))) == pipeline
    with pytest.raises(NotFound, match=r'`unknown_name` at `--weight`: There is no column "rf"'):
        prepare(frame, weights={"rf": 2.0})
    with pytest.raises(Refused, match=r"`bad_argument` at `--weight`: The weight of city is 0. Give a number above 0"):
        prepare(frame, weights={"city": 0.0})


def test_components_hold_the_variance_asked_for_and_are_the_same_row_by_row() -> None:
    base = RNG.normal(size=(N, 2))
    frame = pd.DataFrame(
        np.column_stack([base[:, 0], base[:, 0] + 0.1 * RNG.normal(size=N), base[:, 1]]), columns=["a", "b", "c"]
    )
    pipeline = prepare(frame, mode="standard", pca=0.9)
    whole = pipeline.transform(frame)
    assert pipeline.components is not None and whole.shape == (N, 2) and sum(pipeline.components.variance) > 0.9
    scaled = pipeline.scaled(frame)
    values = np.linalg.eigvalsh(np.cov(scaled.T, bias=True))[::-1]
    assert whole.var(axis=0) == pytest.approx(values[:2])
    assert np.array_equal(
        np.vstack([pipeline.transform(frame.iloc[[i]][["c", "a", "b"]]) for i in (0, 7)]), whole[[0, 7]]
    )
    again = Pipeline.from_dict(json.loads(json.dumps(pipeline.to_dict())))
    assert again == pipeline and np.array_equal(again.transform(frame), whole)
    assert [o.column for o in pipeline.outputs] == ["component 1", "component 2"] and len(pipeline.sources) == 2
    assert prepare(frame, pca=3).transform(frame).shape == (N, 3)
    for wrong in (0, 4, 1.5, -1):
        with pytest.raises(Refused, match=r"`bad_argument` at `--pca`: pca is .*from 1 to 3"):
            prepare(frame, pca=wrong)
