"""Results with what was known before taken out: against an independent regression, without a look at what came after."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.campaigns.opening import Opened, hello, opened
from tests.shop import run

from coterie.campaigns import depth, results
from coterie.campaigns import plan as planning
from coterie.campaigns.definition import ADJUSTED, PLAIN, Campaign, as_given, read_campaign
from coterie.errors import Refused
from coterie.experiments.known import LEAST_KNOWN
from coterie.kit.moments import now

TYPES = {"id": "text", "paid": "decimal"}
GOALS = [
    {"name": "order", "events": "orders", "within": "3d", "amount": "paid"},
    {"name": "lines", "events": "orders", "within": "3d", "count": "events"},
]
ARMS = {"arms": ["a", "b"], "holdout": 0.34}


def write(path: Path, rows: list[tuple[str, datetime, str]]) -> Path:
    """A file of orders."""
    path.write_text("id,at,paid\n" + "".join(f"{k},{at.isoformat()},{paid}\n" for k, at, paid in rows))
    return path


def earlier(at: datetime) -> list[tuple[str, datetime, str]]:
    """Orders of a month, more of some people than of others; the last days count for a span of three days."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(240):
        for _ in range(rng.poisson(1 + 3 * (i % 4))):
            rows.append((f"{i:06}", at - timedelta(hours=float(rng.uniform(2, 170))), f"{rng.gamma(2, 10):.2f}"))
    return rows


@pytest.fixture(scope="module")
def sent(campaign_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Orders before, campaigns planned in the middle to be read in different ways, one of them sent, and orders after."""
    folder = tmp_path_factory.mktemp("adjusting")
    shutil.copytree(campaign_base, folder / "ws")
    with opened(folder / "ws") as made:
        first = earlier(now())
        orders = {"kind": "events", "name": "orders", "entity": "id", "time": "at", "types": TYPES}
        made.ws.load(write(folder / "before.csv", first), **orders)
        made.ws.load(
            write_profile(folder / "loyal.csv", 7), kind="profiles", name="loyal", entity="id", types={"id": "text"}
        )
        made.ws.tags.build()
        made.campaigns.create(hello(goals=GOALS, experiment=ARMS))
        made.send("hello")
        for name, more in (("plain", {"decides": PLAIN}), ("tags", {"adjust": ["points", "vip"]})):
            made.campaigns.create(hello(name=name, goals=GOALS, experiment={**ARMS, **more}))
            made.campaigns.plan(name)
        at = datetime.fromisoformat(made.campaigns.records.occurrence("hello").planned_at)
        start = at - timedelta(days=3)
        edges = [("000001", at, "500"), ("000002", at - timedelta(microseconds=1), "3"), ("000004", start, "9")]
        edges.append(("000006", start - timedelta(microseconds=1), "999"))
        made.ws.load(write(folder / "edges.csv", edges), **orders)
        made.first = first + [edge for edge in edges if start <= edge[1] < at]  # type: ignore[attr-defined]
        made.known = units(made, "hello")  # type: ignore[attr-defined]
        rng = np.random.default_rng(4)
        later = [
            (f"{i:06}", now() + timedelta(hours=float(rng.uniform(1, 60))), f"{rng.gamma(2, 10):.2f}")
            for i in range(240)
            for _ in range(rng.poisson(0.3 + i % 4))
        ]
        made.ws.load(write(folder / "after.csv", later), **orders)
        yield made


def write_profile(path: Path, factor: int) -> Path:
    """Points and a yes or no of everybody but a few."""
    lines = [f"{i:06},{i % 4 * factor},{'true' if i % 3 else 'false'}" for i in range(240) if i % 50]
    path.write_text("id,points,vip\n" + "\n".join(lines) + "\n")
    return path


def units(made: Opened, name: str) -> dict[str, dict[str, Any]]:
    """What the analysis is made of, by customer."""
    found = depth.asked(made.campaigns, name)
    with found.context.engine.cursor() as engine:
        table, _ = results._units(found, engine, ())
    return {row["unit"]: row for row in table.to_pylist()}


@contextmanager
def planned_as(made: Opened, reading: dict[str, Any]) -> Iterator[None]:
    """The run that was sent as if its plan had said this of how it is read."""
    occurrence = made.campaigns.records.occurrence("hello")
    changed = made.campaigns.records.keep(occurrence, plan={**occurrence.plan, "reading": reading})
    try:
        yield
    finally:
        made.campaigns.records.keep(changed, plan=occurrence.plan)


def test_nothing_after_the_plan_enters_what_was_known(sent: Opened) -> None:
    """Before any later order there were the same figures; a moment before the plan counts, the plan's own does not."""
    names = ("before_goal0", "before_money0", "before_goal1", "before_money1")
    before, after = sent.known, units(sent, "hello")  # type: ignore[attr-defined]
    assert {k: [row[n] for n in names] for k, row in before.items()} == {
        k: [row[n] for n in names] for k, row in after.items()
    }
    assert sum(row["goal1"] for row in before.values()) <= 1 < sum(row["goal1"] for row in after.values())
    start = datetime.fromisoformat(sent.campaigns.records.occurrence("hello").planned_at) - timedelta(days=3)
    lines: dict[str, list[float]] = defaultdict(list)
    for key, at, paid in sent.first:  # type: ignore[attr-defined]
        if at >= start:
            lines[key].append(float(paid))
    for key, row in after.items():
        assert (row["before_goal0"], row["before_goal1"]) == (int(key in lines), len(lines[key])), key
        assert row["before_money0"] == pytest.approx(sum(lines[key]))


def test_adjusted_effects_are_those_of_a_regression(sent: Opened) -> None:
    """Least squares on arm and what was known before, with errors that allow for unequal spread, of another library."""
    from statsmodels.regression.linear_model import OLS

    with planned_as(sent, {"decides": ADJUSTED, "by": True, "least": 2}):
        rows = {(r["metric"], r["arm"]): r for r in sent.campaigns.results("hello")["experiment"]["metrics"]}
    people = list(units(sent, "hello").values())
    for metric, column, known in (
        ("order", "goal0", "before_goal0"), ("order: paid", "money0", "before_money0"), ("lines", "goal1", "before_goal1"),
    ):  # fmt: skip
        for arm in ("a", "b"):
            two = [p for p in people if p["arm"] in ("holdout", arm)]
            design = np.array([[1, p["arm"] == arm, p[known]] for p in two], float)
            fitted = OLS(np.array([p[column] for p in two], float), design).fit(cov_type="HC1")
            told = rows[metric, arm]["cuped"]
            assert told["effect_size"] == pytest.approx(fitted.params[1], rel=1e-9)
            assert told["theta"] == pytest.approx(fitted.params[2], rel=1e-9)
            assert told["standard_error"] == pytest.approx(fitted.bse[1], rel=0.06)
    lines, sides = rows["lines", "a"], [[p["goal1"] for p in people if p["arm"] == arm] for arm in ("a", "holdout")]
    plain = sum(float(np.var(side, ddof=1)) / len(side) for side in sides)
    removed = lines["cuped"]["variance_removed"]
    assert lines["decides"] == "adjusted" and removed > 0.05
    assert removed == pytest.approx(1 - lines["cuped"]["standard_error"] ** 2 / plain, rel=1e-6)


def test_tags_are_those_of_the_plan(sent: Opened, tmp_path: Path) -> None:
    """Other values that came since change nothing; several tags are taken out at once; who has none gets the mean."""
    from statsmodels.regression.linear_model import OLS

    reading = sent.campaigns.records.occurrence("tags").plan["reading"]
    with planned_as(sent, reading):
        before, told = units(sent, "hello"), sent.campaigns.results("hello")["experiment"]
    people = [p for p in before.values() if p["arm"] in ("holdout", "a")]
    means = [
        np.nanmean([float(p[n]) if p[n] is not None else np.nan for p in before.values()])
        for n in ("before_tag0", "before_tag1")
    ]
    design = np.array(
        [
            [
                1,
                p["arm"] == "a",
                *(p[f"before_tag{n}"] if p[f"before_tag{n}"] is not None else means[n] for n in (0, 1)),
            ]
            for p in people
        ],
        float,
    )
    fitted = OLS(np.array([p["goal1"] for p in people], float), design).fit()
    (row,) = (r for r in told["metrics"] if (r["metric"], r["arm"]) == ("lines", "a"))
    assert row["cuped"]["effect_size"] == pytest.approx(fitted.params[1], rel=1e-9)
    assert row["cuped"]["thetas"] == pytest.approx(fitted.params[2:].tolist(), rel=1e-9)
    assert row["cuped"]["by"] == ["points as of the plan", "vip as of the plan"] and row["cuped"]["theta"] is None
    assert "vip as of the plan is missing for" in " ".join(n["sentence"] for n in told["notes"])
    sent.ws.load(
        write_profile(tmp_path / "new.csv", 1000), kind="profiles", name="loyal", entity="id", types={"id": "text"}
    )
    sent.ws.tags.build()
    with planned_as(sent, reading):
        assert units(sent, "hello") == before
    assert reading["decides"] == ADJUSTED and {r["decides"] for r in told["metrics"]} == {ADJUSTED}


def test_the_plan_says_beforehand_what_decides(sent: Opened) -> None:
    for name, decides in (("hello", ADJUSTED), ("plain", PLAIN)):
        occurrence = sent.campaigns.records.occurrence(name)
        assert occurrence.plan["reading"] == {"decides": decides, "by": True, "least": LEAST_KNOWN}
        told = _kept(sent, {"decides": decides, "by": True, "least": 2})
        assert told["reading"]["decides"] == decides and {r["decides"] for r in told["metrics"]} == {decides}
        assert all(r["cuped"]["effect_size"] is not None for r in told["metrics"])
        joined = "; adjusted by lines before the plan; plain +" if decides == ADJUSTED else "; plain; adjusted by lines"
        assert joined in told["words"]
    told = _kept(sent, {})
    unsaid = {"decides": PLAIN, "by": True, "least": LEAST_KNOWN}
    assert told["reading"] == unsaid and {r["decides"] for r in told["metrics"]} == {PLAIN}
    assert "cuped" in told["metrics"][0] and _kept(sent, {"decides": PLAIN, "by": False})["metrics"][0]["cuped"] is None


def test_with_hardly_anybody_active_before_the_plain_reading_decides(sent: Opened) -> None:
    """As many as the plan says must differ in what was known before; what came after the plan hinders nothing."""
    with planned_as(sent, {"decides": ADJUSTED, "by": True, "least": 81}):
        told, chinese = (sent.campaigns.results("hello", language=one)["experiment"] for one in ("en", "zh"))
    assert told["reading"] == {"decides": ADJUSTED, "by": True, "least": 81}
    assert {(r["decides"], r["cuped"]["cannot_tell"]) for r in told["metrics"]} == {("plain", "few_known")}
    (row,) = (r for r in told["metrics"] if (r["metric"], r["arm"]) == ("order", "a"))
    people = list(units(sent, "hello").values())
    most = float(np.median([p["before_goal0"] for p in people]))
    apart = {arm: [p["before_goal0"] != most for p in people if p["arm"] == arm] for arm in ("holdout", "a")}
    few = min(apart.values(), key=sum)
    assert (
        f"only {sum(few)} of {len(few)} differ from the rest in order before the plan, and it takes 81" in row["words"]
    )
    assert "; cannot adjust: in " in told["words"] and "；无法校正：" in chinese["words"]
    assert "个的“计划前的order”与其余样本不同，至少需要 81 个" in chinese["words"]


def _kept(made: Opened, reading: dict[str, Any]) -> dict[str, Any]:
    """The results of the run as if its plan had said so."""
    with planned_as(made, reading):
        told: dict[str, Any] = made.campaigns.results("hello")["experiment"]
        return told


def test_both_readings_in_words_of_both_languages(sent: Opened) -> None:
    chinese = sent.campaigns.results("hello", language="zh")["experiment"]["words"]
    assert "按计划前的lines校正；未校正" in chinese and "对照组" in chinese and "holdout" not in chinese
    shown = run(sent.ws.path.parent, "-w", sent.ws.path.name, "--language", "zh", "campaign", "results", "hello")
    assert "adjusted" in shown and "variance" in shown and "对照组" in shown and "holdout" not in shown


def _read(**experiment: Any) -> Campaign:
    return read_campaign(hello(goals=GOALS, experiment={**ARMS, **experiment}), ZoneInfo("UTC"))


def test_definitions_say_how_and_read_back() -> None:
    for given in (
        {},
        {"adjust": False},
        {"adjust": ["points"]},
        {"decides": PLAIN},
        {"adjust": ["x", "y"], "decides": PLAIN},
    ):
        made = _read(**given)
        assert {k: v for k, v in as_given(made)["experiment"].items() if k in ("adjust", "decides")} == given
        assert Campaign.of(made.as_dict()) == made == read_campaign(as_given(made), ZoneInfo("UTC"))
    assert _read(adjust="points").experiment.adjust == ("points",) and _read(adjust=False).experiment.decides == PLAIN
    old = _read().as_dict()
    digest = planning.digest(_read())
    for part in ("adjust", "decides"):
        del old["experiment"][part]
    assert Campaign.of(old) == _read() and planning.digest(Campaign.of(old)) == digest
    assert planning.digest(_read(decides=PLAIN)) != digest


def test_what_cannot_be_taken_out_is_refused(sent: Opened) -> None:
    for given, said in (
        ({"adjust": False, "decides": ADJUSTED}, "cannot decide"), ({"adjust": []}, "0 tags"), ({"decides": "best"}, "best"),
        ({"adjust": ["points", "points"]}, "2 tags"), ({"adjust": 3}, "list"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=said) as told:
            _read(**given)
        assert told.value.code == "bad_campaign" and told.value.place is not None
    for tag, code in (("pints", "unknown_name"), ("lang", "bad_campaign")):
        with pytest.raises(Refused) as found:
            sent.campaigns.check(hello(goals=GOALS, experiment={**ARMS, "adjust": [tag]}))
        assert (found.value.code, found.value.place) == (code, "experiment.adjust")
