"""From units to verdicts: against a few lines of NumPy, on data with holes, repeated rows and units in two arms."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.experiments.analysis import analyse_file, analyse_frame
from coterie.experiments.document import document
from coterie.experiments.question import Kind, Metric, Question, parse_metrics
from coterie.experiments.results import Analysis
from coterie.experiments.telling import page
from coterie.stats.effects import difference
from coterie.stats.moments import CannotTell, Moments, mean_value, ratio_value, share_value


def asked(*metrics: str, covariates: tuple[str, ...] = (), **more: Any) -> Question:
    """A question about columns unit, arm and metrics, with arm A as the control."""
    return Question("unit", "arm", "A", parse_metrics(metrics, covariates), **more)


def world(n: int = 4000, lift: float = 0.0, seed: int = 1, share: float = 0.5) -> dict[str, Any]:
    """Units of two arms with an outcome that follows what was known before."""
    draw = np.random.default_rng(seed)
    arm = np.where(draw.random(n) < share, "A", "B")
    before = draw.gamma(2, 10, n)
    spend = before * 0.8 + draw.normal(20, 6, n) + np.where(arm == "B", lift, 0)
    orders = draw.poisson(3, n) + 1
    city = np.where(draw.random(n) < 0.3, "Lyon", "Paris")
    columns = {"unit": np.arange(n), "arm": arm, "before": before, "spend": spend, "orders": orders, "city": city}
    return columns | {"paid": (draw.random(n) < 0.2).astype(int)}


def read(columns: dict[str, Any], question: Question) -> dict[str, Any]:
    """The document of an analysis of columns."""
    return document(analyse_frame(pa.table(columns), question))


def test_equals_numpy() -> None:
    """A share, a mean, a ratio and a quantile, with every figure of the difference."""
    columns = world(lift=1.0)
    found = read(columns, asked("paid:binary", "spend:mean", "spend/orders:ratio", "spend:p90"))
    a, b = (columns["arm"] == arm for arm in "AB")
    pairs = [
        [share_value(int(g.sum()), float(columns["paid"][g].sum())) for g in (a, b)],
        [mean_value(Moments.of(columns["spend"][g][:, None])) for g in (a, b)],
        [ratio_value(Moments.of(np.column_stack([columns["spend"][g], columns["orders"][g]]))) for g in (a, b)],
    ]
    for row, pair in zip(found["metrics"], pairs, strict=False):
        expected = difference(*pair)  # type: ignore[arg-type]
        assert not isinstance(expected, CannotTell) and not isinstance(expected.relative, CannotTell)
        assert row["ci"] == pytest.approx([expected.absolute.low, expected.absolute.high], rel=1e-9)
        assert row["rel_ci"] == pytest.approx([expected.relative.low, expected.relative.high], rel=1e-9)
        assert row["p_value"] == pytest.approx(expected.absolute.p_value, rel=1e-7)
    last = found["metrics"][3]
    assert last["control_value"] == pytest.approx(np.quantile(columns["spend"][a], 0.9))


rows = st.lists(
    st.tuples(
        st.integers(0, 12), st.sampled_from("AB"), st.none() | st.integers(-5, 5), st.sampled_from(["x", "y", None])
    ),
    min_size=8,
    max_size=60,
)


@settings(deadline=None, max_examples=25)
@given(rows)
def test_equals_plain_python(listed: list[tuple[int, str, int | None, str | None]]) -> None:
    """Repeated units are added up, units in both arms left out, missing values left out of the metric."""
    units: dict[int, tuple[set[str], list[int]]] = {}
    for key, arm, value, _ in listed:
        arms, values = units.setdefault(key, (set(), []))
        arms.add(arm)
        values += [value] if value is not None else []
    kept = {k: (arms, v) for k, (arms, v) in units.items() if len(arms) == 1}
    if {arm for arms, _ in kept.values() for arm in arms} != {"A", "B"}:
        return
    columns = dict(zip(("unit", "arm", "value", "part"), map(list, zip(*listed, strict=True)), strict=True))
    found = analyse_frame(
        pa.table(columns | {"value": pa.array(columns["value"], pa.int64())}), asked("value:mean", segments=("part",))
    )
    sums = {arm: [sum(v) for arms, v in kept.values() if arms == {arm} and v] for arm in "AB"}
    row = found.rows[0]
    assert [row.control_n, row.n] == [len(sums["A"]), len(sums["B"])]
    for value, arm in ((row.control_value, "A"), (row.value, "B")):
        assert value == (pytest.approx(np.mean(sums[arm])) if len(sums[arm]) > 1 else None)
    assert sum(p.n + p.control_n for p in found.segments) == row.n + row.control_n
    told = {n.code: n.figures for n in found.notes}
    assert told.get("in_two_arms", {}).get("count", 0) == len(units) - len(kept)
    assert told.get("repeated", {}).get("count", 0) == len(listed) - len(units)


def test_adjusting_narrows(tmp_path: Any) -> None:
    """What was known before takes most of the variance away; plain and adjusted stand side by side. From Parquet."""
    columns = world(lift=1.5)
    pq.write_table(pa.table(columns), tmp_path / "units.parquet")
    question = asked("spend:mean", covariates=("before",), sequential=4000.0)
    found = document(analyse_file(tmp_path / "units.parquet", question))
    (row,) = found["metrics"]
    assert row["adjusted"]["variance_kept"] < 0.35 and row["verdict"] == "better"
    assert row["adjusted"]["ci"][0] < 1.5 < row["adjusted"]["ci"][1]
    valid, fixed = row["adjusted"]["sequential"]["ci"], row["adjusted"]["ci"]
    assert 1.4 < (valid[1] - valid[0]) / (fixed[1] - fixed[0]) < 1.6
    assert 0.99 < row["adjusted"]["bayes"]["chance_to_beat"] <= 1


def sparse(control: int, arm: int, n: int = 1000) -> dict[str, Any]:
    """A thousand units an arm of whom so many were active before, some more than once; the active buy again."""
    active = np.concatenate([np.arange(n) < k for k in (control, arm)])
    before = np.where(active, 1 + np.arange(2 * n) % 3, 0)
    paid = np.where(active, np.arange(2 * n) % 4 > 0, np.arange(2 * n) % 10 == 0).astype(int)
    return {
        "unit": np.arange(2 * n),
        "arm": np.repeat(["A", "B"], n),
        "before": before,
        "paid": paid,
        "spend": paid * 3,
    }


@pytest.mark.parametrize(
    ("control", "arm", "few"), [(20, 20, None), (19, 400, ("A", 19)), (400, 19, ("B", 19)), (990, 3, ("B", 3))]
)
def test_few_who_differ_before_leave_the_plain_reading(control: int, arm: int, few: tuple[str, int] | None) -> None:
    """Twenty an arm are enough, nineteen are not; a tie of arms, and most being active, are counted alike."""
    found = analyse_frame(pa.table(sparse(control, arm)), asked("paid:binary", "spend:mean", covariates=("before",)))
    for row in found.rows:
        assert (row.chosen is row.adjusted) == (few is None)
        if few is not None:
            assert row.chosen is row.plain and isinstance(row.adjusted, CannotTell)
            figures = {"column": "before", "arm": few[0], "count": few[1], "n": 1000, "least": 20}
            assert row.adjusted == CannotTell("few_known", figures)
    told = {language: page(found, language)["words"] for language in ("en", "zh")}
    if few is not None:
        said = f"; cannot adjust: in {few[0]} only {few[1]} of 1,000 differ from the rest in before, and it takes 20)."
        assert told["en"].count(said) == 2
        assert f"；无法校正：{few[0]} 的 1,000 个样本中只有 {few[1]} 个的“before”与其余样本不同" in told["zh"]
    else:
        assert "cannot adjust" not in told["en"] and "adjusted by before" in told["en"]


def test_whether_it_is_adjusted_hangs_on_no_result() -> None:
    """Other outcomes of the same units, the other way round or none at all, are read in the same way."""
    for control, arm in ((19, 25), (20, 25)):
        columns = sparse(control, arm)
        question = asked("paid:binary", covariates=("before",))
        outcomes = (columns["paid"], 1 - columns["paid"], np.arange(2000) % 7 == 0)
        ways = [analyse_frame(pa.table({**columns, "paid": o.astype(int)}), question).rows[0] for o in outcomes]
        assert {isinstance(row.adjusted, CannotTell) for row in ways} == {control < 20}
    assert analyse_frame(pa.table(sparse(3, 3)), replace(question, least_known=3)).rows[0].chosen.theta is not None


def test_columns_and_units_that_tell_nothing_before_ask_for_nobody() -> None:
    """Of several columns the scarcest decides; one that is the same for all does not, nor who has no value; of a ratio
    either will do."""
    columns = sparse(200, 200)
    draw = np.random.default_rng(3)
    columns |= {"same": np.ones(2000), "rich": draw.gamma(2, 10, 2000), "rare": np.arange(2000) % 100 == 0}
    columns["gone"] = [None if n % 100 else float(n) for n in range(2000)]
    kinds = {
        ("before", "same"): None,
        ("rich",): None,
        ("before", "rare"): "rare",
        ("rare",): "rare",
        ("gone",): "gone",
    }
    for known, short in kinds.items():
        question = Question("unit", "arm", "A", (Metric("paid", Kind.BINARY, ("paid",), covariates=known),))
        row = analyse_frame(pa.table(columns), question).rows[0]
        found = row.adjusted.figures["column"] if isinstance(row.adjusted, CannotTell) else None
        assert found == short, known
    for known, code in ((("rare", "rich"), None), (("rare", "same"), "few_known"), (("same", "same"), "no_covariate")):
        ratio = Metric("per", Kind.RATIO, ("spend", "rich"), covariates=known)
        row = analyse_frame(pa.table(columns), Question("unit", "arm", "A", (ratio,))).rows[0]
        assert (row.adjusted.reason if isinstance(row.adjusted, CannotTell) else None) == code


def test_sizes_that_are_wrong_stop_the_reading() -> None:
    """Figures are kept, under a verdict that says not to read them."""
    found = read(world(share=0.45), asked("paid:binary", segments=("city",)))
    assert found["stopped"] and found["srm"]["p_value"] < 1e-3 and found["notes"][0]["code"] == "sample_ratio"
    assert {r["verdict"] for r in found["metrics"] + found["segments"]} == {"stopped"}
    assert found["metrics"][0]["effect_size"] is not None
    meant = read(world(share=0.45), asked("paid:binary", weights={"A": 0.45, "B": 0.55}))
    assert not meant["stopped"]


def test_an_arm_that_nobody_got() -> None:
    """A weight for an arm without units is a broken experiment, not an unknown name."""
    found = read(world(), asked("paid:binary", weights={"A": 1, "B": 1, "C": 1}))
    assert found["stopped"] and found["srm"]["observed"]["C"] == 0


def test_what_cannot_be_told_is_said() -> None:
    """One value; a control of nothing; hardly any unit. Never a zero."""
    n = 60
    columns = {"unit": range(n), "arm": ["A", "B"] * (n // 2), "same": [7] * n, "won": [0, 1] * (n // 2)}
    columns["rare"] = [None] * (n - 1) + [3]
    found = read(columns, asked("same:mean", "won:mean", "rare:mean", "same:median", "rare/same:ratio"))
    same, won, rare, median, ratio = found["metrics"]
    for row in (same, rare, median, ratio):
        assert row["verdict"] == "cannot_tell" and row["effect_size"] is row["p_value"] is row["ci"] is None
    assert [same["cannot_tell"], rare["cannot_tell"]] == ["zero_variance", "too_few_units"]
    assert [won["cannot_tell"], median["cannot_tell"]] == ["zero_variance", "tied_quantile"]
    assert same["sentence"] == "cannot tell: every unit has the same value"
    spread = columns | {"won": [0, 1, 0, 2] * (n // 4)}
    (row,) = read(spread, asked("won:mean"))["metrics"]
    assert row["effect_size"] == 1.5 and row["rel_effect_size"] is None and row["rel_cannot_tell"] == "control_zero"


def test_guardrails_and_lower_is_better() -> None:
    """A fall of a tenth breaks a guardrail of 2 %, unless falling is good."""
    columns = world(lift=-4.0)
    found = read(columns, asked("spend:mean", "paid:binary", guardrails={"spend": 0.02, "paid": 0.001}))
    states = [m["guardrail"]["state"] for m in found["metrics"]]
    assert states == ["broken", "open"] and found["metrics"][0]["verdict"] == "worse"
    good = read(columns, asked("spend:mean", guardrails={"spend": 0.02}, lower_is_better=frozenset({"spend"})))
    assert good["metrics"][0]["guardrail"]["state"] == "kept" and good["metrics"][0]["verdict"] == "better"


def test_profit_is_exact_money() -> None:
    """Worth of the effect less what the arm costs more."""
    costs = {"A": Decimal("0.10"), "B": Decimal("0.35")}
    found = read(world(lift=2.0), asked("spend:mean", costs=costs, value=("spend", Decimal("0.5"))))
    (money,), (row,) = found["profit"], found["metrics"]
    assert money["per_unit"] == pytest.approx(0.5 * row["effect_size"] - 0.25) and money["extra_cost_per_unit"] == 0.25


def test_a_covariate_that_moved_is_told() -> None:
    """What differs between arms before the experiment was not drawn by chance, or is not from before."""
    columns = world()
    columns["before"] = columns["before"] + np.where(columns["arm"] == "B", 5.0, 0.0)
    found = analyse_frame(pa.table(columns), asked("spend:mean", covariates=("before",)))
    assert "differs_before" in {n.code for n in found.notes}


def test_missing_values_are_told() -> None:
    """Left out of the metric, and said louder where one arm misses more; covariates get the mean of all."""
    columns = world()
    hole = (columns["arm"] == "B") & (np.arange(4000) % 3 == 0)
    columns["paid"] = pa.array(columns["paid"], mask=hole)
    columns["before"] = pa.array(columns["before"], mask=np.arange(4000) % 10 == 0)
    found = analyse_frame(pa.table(columns), asked("paid:binary", "spend:mean", covariates=("spend=before",)))
    told = {n.code: n.figures["count"] for n in found.notes if "count" in n.figures}
    assert told["missing_differs"] == int(hole.sum()) and told["filled"] == 400
    assert found.rows[0].n == int((columns["arm"] == "B").sum() - hole.sum())
    assert 0.25 < reduction(found) < 0.5


def reduction(found: Analysis) -> float:
    """The share of the variance of the second metric that is left after adjusting."""
    adjusted = found.rows[1].adjusted
    assert adjusted is not None and not isinstance(adjusted, CannotTell) and adjusted.variance_kept is not None
    return adjusted.variance_kept


def test_rare_levels_come_together() -> None:
    """At most twenty levels; nobody is lost."""
    columns = world()
    columns["city"] = [f"c{min(i % 97, 60)}" for i in range(4000)]
    found = read(columns, asked("spend:mean", segments=("city",)))
    assert len(found["segments"]) == 20 and sum(s["n"] + s["control_n"] for s in found["segments"]) == 4000
    assert "…" in {s["level"] for s in found["segments"]}


def test_verdicts_are_one_family() -> None:
    """With a covariate for one metric of three, its corrected p-value still counts three comparisons."""
    columns = world(lift=0.9)
    columns["other"] = np.random.default_rng(9).normal(0, 1, 4000)
    found = read(columns, asked("paid:binary", "spend:mean", "other:mean", covariates=("spend=before",)))
    spend = found["metrics"][1]
    assert spend["decided_by"]["adjusted"] and spend["decided_by"]["p_holm"] == pytest.approx(
        3 * spend["adjusted"]["p_value"]
    )


def test_a_level_with_one_arm_only() -> None:
    """Nobody of the control lives there: no figure, and the reason."""
    columns = world()
    columns["city"] = ["Nice" if a == "B" and i % 9 == 0 else "Paris" for i, a in enumerate(columns["arm"])]
    found = read(columns, asked("spend:mean", "spend:median", segments=("city",), covariates=("before",)))
    nice = [s for s in found["segments"] if s["level"] == "Nice"]
    assert [s["cannot_tell"] for s in nice] == ["one_arm", "one_arm"] and nice[0]["adjusted"][
        "cannot_tell"
    ] == "one_arm"
    assert all(h["cannot_tell"] == "too_few_units" for h in found["heterogeneity"])
