"""The parts of a study against computations that know nothing of them, and against planted truths."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import RidgeCV
from sklearn.metrics import adjusted_rand_score, silhouette_score
from tests.learn.segments.conftest import Planted

from coterie.errors import Cancelled, Refused
from coterie.kit.progress import Progress
from coterie.learn.segments.model import SegmentFit, fit_segments
from coterie.learn.segments.profile import Profile
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.study.actions import suggested_actions
from coterie.learn.segments.study.again import Recipe, agreement, regroup, sample, segments_of
from coterie.learn.segments.study.baseline import Baseline
from coterie.learn.segments.study.care import Care, association, care, cramers_v, protected_columns
from coterie.learn.segments.study.compare import Algorithms, compare
from coterie.learn.segments.study.economics import Economics, Margins, acting, economics
from coterie.learn.segments.study.intervals import Interval, mean_interval, share_interval
from coterie.learn.segments.study.lineage import across_k
from coterie.learn.segments.study.make import Given, make_study
from coterie.learn.segments.study.origin import Facts, data_fingerprint, origin
from coterie.learn.segments.study.past import Before, Past, past
from coterie.learn.segments.study.stress import Stress, stress
from coterie.learn.segments.study.upkeep import upkeep
from coterie.learn.segments.study.value import PENALTIES, Gain, Outcome, _gain, indicators, out_of_time, sentences

CUTOFF = datetime(2026, 1, 1)


def test_clustering_again_gives_the_fit_and_does_not_see_the_order(fit: SegmentFit, known: Planted) -> None:
    recipe = Recipe.of(fit, ["basket"])
    again = regroup(known.frame, recipe)
    assert agreement(again, segments_of(fit, known.frame)) > 0.99
    turned = known.frame.iloc[::-1]
    assert (regroup(turned, recipe) == again[::-1]).all()
    assert sample(known.frame, 50, 0).index.equals(sample(turned, 50, 0).index)


def test_agreement_is_the_adjusted_rand_index() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        one, two = rng.integers(0, 4, 60), rng.integers(3, 6, 60)
        assert agreement(one, two) == pytest.approx(adjusted_rand_score(one, two))


def test_segments_are_those_of_the_fit_or_of_its_model(fit: SegmentFit, known: Planted) -> None:
    few = known.frame.iloc[:30]
    stored = SegmentFit.from_json(fit.to_json())
    assert (segments_of(fit, few) == segments_of(stored, few)).all()


def test_methods_are_compared_on_the_same_rows(fit: SegmentFit, known: Planted) -> None:
    found = compare(fit, known.frame, Recipe.of(fit, ["basket"]))
    assert isinstance(found, Algorithms)
    names = [entry.name for entry in found.entries]
    assert names[0] == "kmeans" and names[-1] == "quantiles"
    table = np.array(found.agreement)
    assert np.allclose(table, table.T) and np.allclose(np.diag(table), 1)
    assert found.entries[0].sizes == tuple(sorted(fit.model.sizes, reverse=True))
    labels = segments_of(fit, known.frame)
    expected = silhouette_score(fit.model.pipeline.transform(known.frame), labels)
    assert found.entries[0].silhouette == pytest.approx(expected)
    parts = found.entries[-1].sizes
    assert sum(parts) == len(known.frame) and max(parts) < 0.45 * len(known.frame)
    assert {s.name for s in found.skipped}.isdisjoint(names)
    assert table[0, -1] < 0.95


def test_stress_names_the_column_that_the_segments_hang_on() -> None:
    rng = np.random.default_rng(1)
    group = np.repeat([0, 1], 100)
    frame = pd.DataFrame(
        {"a": 8.0 * group + rng.normal(size=200), "b": rng.normal(size=200), "c": rng.normal(size=200)},
        index=[f"k{i:03d}" for i in range(200)],
    )
    found = fit_segments(frame, k=2)
    trials = stress(found, frame, Recipe.of(found), {"2026-01": frame.iloc[20:], "empty": frame.iloc[:1]})
    assert isinstance(trials, Stress)
    by = {(t.kind, t.detail): t.ari for t in trials.trials}
    assert trials.weakest[:2] == ("without", "a") and by["without", "a"] < 0.2
    assert by["without", "b"] > 0.95 and by["seed", "1"] == pytest.approx(1) and by["prepare", "standard"] > 0.95
    assert by["window", "2026-01"] > 0.95 and trials.refused == ("empty",)
    left = regroup(frame.drop(columns="b"), Recipe.of(found))
    assert by["without", "b"] == pytest.approx(adjusted_rand_score(found.labels["segment"], left))


def _past_shop(seed: int = 2, n: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    """RFM of a cut-off, with a fourth column whose two kinds RFM knows nothing of."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, n)
    frame = pd.DataFrame(
        {
            "recency_days": rng.exponential(40, n).round(),
            "frequency": 1 + rng.poisson(3, n),
            "monetary": rng.lognormal(4, 0.6, n).round(2),
            "night_share": np.clip(np.where(kind == 1, 0.8, 0.2) + rng.normal(0, 0.05, n), 0, 1),
            "app_share": np.clip(np.where(kind == 1, 0.75, 0.2) + rng.normal(0, 0.05, n), 0, 1),
        },
        index=pd.Index([f"p{i:04d}" for i in range(n)]),
    )
    return frame, kind


def test_a_segmentation_that_foretells_and_one_that_does_not() -> None:
    frame, kind = _past_shop()
    rng = np.random.default_rng(3)
    found = fit_segments(frame, k=2)
    labels = segments_of(found, frame)
    assert abs(agreement(labels, kind)) > 0.9
    after = pd.DataFrame(
        {
            "revenue": np.where(rng.random(len(frame)) < 0.4 + 0.4 * kind, 10 * (1 + 4 * kind), 0.0),
            "returned": frame["monetary"] * np.exp(rng.normal(0, 0.3, len(frame))) > 60,
        },
        index=frame.index,
    ).sample(frac=1, random_state=0)
    then = out_of_time(found, frame, after, Recipe.of(found), cutoff="2026-01-01", days=90)
    assert isinstance(then, Outcome)
    revenue, returned = then.gains
    assert sentences(then.gains) == ("news", "nothing_new")
    assert revenue.segments > 0.3 and revenue.baseline < 0.1 and returned.baseline > 0.4 and returned.segments < 0.05
    assert revenue.columns == ("recency_days", "frequency", "monetary")
    for segment in then.segments:
        assert segment.today is not None and segment.jaccard > 0.9
        mine = after.loc[frame.index[labels == segment.today]]
        assert segment.figures["revenue"].value == pytest.approx(mine["revenue"].mean(), rel=0.1)
        assert segment.figures["revenue"].low < mine["revenue"].mean() < segment.figures["revenue"].high


def test_explained_shares_are_those_of_a_ridge_on_held_out_customers() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, 200)
    design = indicators(rng.integers(0, 10, 200))
    y = 1.0 * labels + rng.normal(size=200)
    gain = _gain("response", y, labels, [Baseline(("x",), design)], 0)
    folds = np.random.default_rng([0, 53]).permutation(200) % 5
    own = indicators(labels)

    def explained(matrix: np.ndarray) -> float:
        errors = total = 0.0
        for fold in range(5):
            learn, judge = folds != fold, folds == fold
            model = RidgeCV(alphas=PENALTIES).fit(matrix[learn], y[learn])
            errors += float(((y[judge] - model.predict(matrix[judge])) ** 2).sum())
            total += float(((y[judge] - y[learn].mean()) ** 2).sum())
        return 1 - errors / total

    assert gain.segments == pytest.approx(explained(own))
    assert gain.baseline == pytest.approx(explained(design))
    assert gain.both == pytest.approx(explained(np.column_stack([own, design])))
    assert gain.added.value == pytest.approx(gain.both - gain.baseline)


def test_the_interval_of_what_is_added_holds_zero_where_nothing_is() -> None:
    quiet = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        gain = _gain("revenue", rng.exponential(10, 300), rng.integers(0, 4, 300), [], seed)
        quiet += not gain.news
    assert quiet >= 9
    assert not Gain("revenue", 0.1, 0.2, 0.2, Interval(0.0, 0.0, 0.1), ()).news
    flat = _gain("returned", np.zeros(50), np.arange(50) % 2, [], 0)
    assert np.isnan(flat.both) and not flat.news and sentences([flat]) == ("nothing_new",)


def test_too_few_at_the_cutoff_and_no_outcome_are_said(fit: SegmentFit, known: Planted) -> None:
    recipe = Recipe.of(fit)
    given = {"recipe": recipe, "cutoff": "2026-01-01", "days": 30}
    few, after = known.frame.iloc[:7], pd.DataFrame({"revenue": [1.0]}, index=["c00001"])
    assert out_of_time(fit, few, after, **given) == NotApplicable("too_few_then", "7")
    assert out_of_time(fit, known.frame, after[[]], **given) == NotApplicable("no_outcomes")
    with pytest.raises(Refused, match="bad_column"):
        out_of_time(fit, known.frame, pd.DataFrame({"returned": ["often"]}, index=known.frame.index[:1]), **given)


def test_intervals_are_those_of_the_books() -> None:
    rng = np.random.default_rng(5)
    values = rng.exponential(10, 400)
    found, half = mean_interval(values, 0), 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, rel=0.03)
    assert found.high == pytest.approx(values.mean() + half, rel=0.03)
    wilson = stats.binomtest(7, 30).proportion_ci(method="wilson")
    assert share_interval(7, 30)[1:] == pytest.approx((wilson.low, wilson.high))
    assert np.isnan(mean_interval(np.array([3.0]), 0).low) and np.isnan(share_interval(0, 0).value)


def test_economics_is_what_a_spreadsheet_says() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"spend": rng.lognormal(4, 1, 90), "orders": rng.integers(1, 9, 90)})
    frame.loc[3, "spend"] = np.nan
    labels = np.arange(90) % 3 + 1
    given = Margins("spend", 0.3, "orders", cost_per_order=4, cost_per_customer=2)
    found = economics(frame, labels, (1, 2, 3), given, 0)
    assert isinstance(found, Economics)
    profit = (frame["spend"].fillna(0) * 0.3 - frame["orders"] * 4 - 2).groupby(labels)
    for segment in found.segments:
        assert segment.profit.value == pytest.approx(profit.mean()[segment.id])
        assert segment.profit_in_all == pytest.approx(profit.sum()[segment.id])
        assert segment.profit.low < segment.profit.value < segment.profit.high
    assert [s.id for s in found.segments] == list(profit.mean().sort_values(ascending=False).index)
    assert found.profit == pytest.approx(sum(s.profit_in_all for s in found.segments))


def test_economics_says_what_is_not_given() -> None:
    frame, labels = pd.DataFrame({"spend": [1.0, 2.0]}), np.array([1, 2])
    assert economics(frame, labels, (1, 2), None, 0) == NotApplicable("no_revenue")
    assert economics(frame, labels, (1, 2), Margins("spend"), 0) == NotApplicable("no_margin")
    with pytest.raises(Refused, match=r"unknown_name.*revenue"):
        economics(frame, labels, (1, 2), Margins("spent", 0.3), 0)
    with pytest.raises(Refused, match="needs the number of orders"):
        economics(frame, labels, (1, 2), Margins("spend", 0.3, cost_per_order=1), 0)
    with pytest.raises(Refused, match="contact_cost"):
        Margins(contact_cost=-1)
    assert acting(Margins("spend", 0.3), Interval(0.1, 0.0, 0.2), 10) is None


def test_association_is_cramers_v_less_what_chance_gives() -> None:
    rng = np.random.default_rng(7)
    strong = rng.multinomial(4_000, [0.3, 0.1, 0.1, 0.1, 0.3, 0.1]).reshape(2, 3).astype(float)
    assert cramers_v(strong) == pytest.approx(stats.contingency.association(strong.astype(int)), abs=0.01)
    chance = [cramers_v(rng.multinomial(60, [1 / 12] * 12).reshape(3, 4).astype(float)) for _ in range(200)]
    assert np.median(chance) < 0.05
    found = association(strong, 0)
    assert found.low < found.value < found.high and found.high - found.low < 0.1


def test_care_finds_the_attribute_its_proxy_and_the_channels() -> None:
    rng = np.random.default_rng(8)
    n, labels = 400, np.repeat([1, 2], 200)
    gender = np.where(rng.random(n) < np.where(labels == 1, 0.85, 0.15), "f", "m")
    inputs = pd.DataFrame({"dresses": np.where(gender == "f", 6, 1) + rng.poisson(1, n), "visits": rng.poisson(5, n)})
    others = pd.DataFrame({"gender": gender, "city": rng.choice(["x", "y"], n), "reach.sms": rng.random(n) < 0.5})
    found = care(inputs, others, labels, (1, 2))
    assert isinstance(found, Care) and found.guessed
    (row,) = found.protected
    assert row.column == "gender" and not row.is_input and row.levels == ("f", "m")
    assert row.association.low > 0.5 and row.shares[0][0] == pytest.approx((gender[:200] == "f").mean())
    assert [(p.column, p.protects) for p in found.proxies] == [("dresses", "gender")]
    assert found.smallest_segment == 200
    assert found.smallest_group == pd.DataFrame({"s": labels, "g": gender}).groupby(["s", "g"]).size().min()
    (channel,) = found.channels
    assert channel.channel == "sms" and channel.shares[1].value == pytest.approx(others["reach.sms"][200:].mean())
    named = care(inputs, others, labels, (1, 2), protected=["city"])
    assert [r.column for r in named.protected] == ["city"] and named.protected[0].association.low < 0.1
    assert care(inputs, None, labels, (1, 2)).smallest_group is None


def test_protected_columns_are_guessed_by_name() -> None:
    assert protected_columns(["gender", "ageGroup", "SeniorCitizen", "Marital_Status", "page", "宗教", "average"]) == (
        "gender", "ageGroup", "SeniorCitizen", "Marital_Status", "宗教",
    )  # fmt: skip


def test_origin_tells_what_the_inputs_amount_to(fit: SegmentFit, known: Planted) -> None:
    rng = np.random.default_rng(9)
    a = rng.normal(size=500)
    frame = pd.DataFrame({"a": a, "b": a + rng.normal(0, 0.05, 500), "c": rng.normal(size=500)})
    found = origin(fit_segments(frame, k=2), frame, Facts(as_of="2026-01-01"))
    assert {found.likenesses[0].first, found.likenesses[0].second} == {"a", "b"}
    assert found.likenesses[0].correlation == pytest.approx(abs(np.corrcoef(frame["a"], frame["b"])[0, 1]))
    assert 1.7 < found.dimensions < 2.0
    assert data_fingerprint(known.frame) != data_fingerprint(known.frame.iloc[1:])
    assert origin(fit, known.frame, Facts()).data == data_fingerprint(known.frame[list(fit.model.columns)])


def test_the_past_is_told_by_the_same_people(fit: SegmentFit, known: Planted) -> None:
    today = segments_of(fit, known.frame)
    had = dict(zip(map(str, known.frame.index), today.tolist(), strict=True))
    moved = list(had)[:12]
    before = Before(3, "2026-05-31", fit.model, had | {key: had[key] % fit.model.k + 1 for key in moved} | {"gone": 1})
    found = past(fit, known.frame, before)
    assert isinstance(found, Past)
    assert (found.common, found.kept, found.by_customers, found.by_model) == (len(had), len(had) - 12, 12, 0)
    table = pd.crosstab(pd.Series(before.segments).drop("gone"), pd.Series(had))
    assert {(f.source, f.target): f.customers for f in found.flows} == {
        (a, b): int(n) for a, row in table.iterrows() for b, n in row.items() if n
    }
    growth = found.trend(1, fit.model.sizes[0])
    assert growth == pytest.approx(fit.model.sizes[0] / sum(v == 1 for v in before.segments.values()) - 1)
    assert found.trend(99, 5) is None
    assert past(fit, known.frame, None) == NotApplicable("no_earlier")


def test_lineage_and_limits_come_from_the_fit(fit: SegmentFit) -> None:
    rows = across_k(fit.panel.lineage, fit.model.k)
    assert len(rows) == fit.model.k
    assert all(v is None or 0 < v <= 1 for row in rows for v in (row.fewer, row.more))
    found = upkeep(fit, None)
    assert [t.segment for t in found.triggers if t.code == "size"] == list(fit.model.ids)
    assert all(t.limit > 0 for t in found.triggers) and found.drift == NotApplicable("no_drift")
    assert upkeep(fit, {"verdict": "no need"}).drift == {"verdict": "no need"}


def test_actions_are_plain_and_in_both_languages() -> None:
    rng = np.random.default_rng(10)
    lost = np.repeat([0, 1], 60)
    frame = pd.DataFrame(
        {
            "recency_days": np.where(lost == 1, 300, 10) + rng.normal(0, 5, 120),
            "monetary": np.where(lost == 1, 900, 100) + rng.normal(0, 10, 120),
        }
    )
    actions = suggested_actions(fit_segments(frame, k=2).profile, {})
    assert {a.en.split(":")[0].split(",")[0] for a in actions} >= {"Win back in person"}
    assert all(a.en and not any("a" <= c.lower() <= "z" for c in a.zh) for a in actions)
    empty = Profile((), (), (3, 4))
    assert suggested_actions(empty, {})[0].en.startswith("Treat as everybody")


def test_a_study_can_be_stopped(fit: SegmentFit, known: Planted) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        make_study(fit, known.frame, progress=progress)


def test_a_whole_study_with_everything_given() -> None:
    frame, kind = _past_shop(n=300)
    rng = np.random.default_rng(11)
    found = fit_segments(frame, k=2, money=["monetary"])
    after = pd.DataFrame({"revenue": 10.0 * kind, "response": rng.random(300) < 0.2}, index=frame.index)
    others = pd.DataFrame({"sex": rng.choice(["f", "m"], 300), "reach.mail": True}, index=frame.index[::-1])
    given = Given(
        money=["monetary"],
        others=others,
        frame_at=lambda moment: frame,
        windows=[CUTOFF],
        outcomes=lambda moment, days: after,
        cutoff=CUTOFF,
        margins=Margins("monetary", 0.4, contact_cost=0.5, response_value=9.0),
        drift={"refit": "no need"},
    )
    study = make_study(found, frame, given)
    assert isinstance(study.outcome, Outcome) and study.outcome.cutoff == "2026-01-01"
    assert isinstance(study.descriptors, Profile) and {t.column for t in study.descriptors.traits} == {"sex"}
    assert set(study.acting) == {1, 2}
    then = study.outcome.of(1)
    assert then is not None
    rate = then.figures["response"]
    assert study.acting[1].value == pytest.approx(found.model.sizes[0] * (9 * rate.value - 0.5))
    assert isinstance(study.stress, Stress) and any(t.kind == "window" for t in study.stress.trials)
    assert [p.column for p in study.care.protected] == ["sex"] and len(study.care.channels) == 1
    assert study.key("p0001") != "p0001" and len(study.key("p0001")) == 12
