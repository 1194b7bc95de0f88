"""Shares that follow the results: the better arm gains, the odds are kept, and weighing by them gives the truth."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.campaigns.opening import Opened, opened

import coterie
from coterie.campaigns.channels.base import _plugins
from coterie.campaigns.definition import Campaign, as_given, read_campaign
from coterie.campaigns.delivery import constants
from coterie.engines.duckdb import parquet
from coterie.errors import Refused
from coterie.kit.moments import now
from coterie.simulate.channel import chances

EFFECTS = {"plain": 0.0, "warm": 2.0}
GOAL = {
    "name": "bought",
    "events": "campaign_events",
    "within": "3d",
    "where": {"field": "event", "op": "eq", "value": "goal"},
}


def given(**experiment: Any) -> dict[str, Any]:
    """A campaign through the simulator, with two arms of which one works."""
    arms = {"arms": list(EFFECTS), "allocation": "thompson", "floor": 0.1, **experiment}
    channel = {"name": "simulator", "effects": EFFECTS}
    return {
        "name": "b",
        "audience": "wave",
        "channel": channel,
        "content": {"text": "Hi"},
        "goals": [GOAL],
        "experiment": arms,
    }


@pytest.fixture(scope="module")
def plugged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The simulator as an installed plugin."""
    folder = tmp_path_factory.mktemp("plugin")
    found = folder / "simulated-1.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: simulated\nVersion: 1\n")
    entry = "[coterie.channels]\nsimulator = coterie.simulate.channel:SimulatorChannel\n"
    (found / "entry_points.txt").write_text(entry)
    sys.path.insert(0, str(folder))
    _plugins.cache_clear()
    yield
    sys.path.remove(str(folder))
    _plugins.cache_clear()


@pytest.mark.parametrize(
    ("people", "waves"), [(1_000, 2), pytest.param(5_000, 8, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_the_better_arm_gains_and_the_truth_is_found(plugged: None, tmp_path: Path, people: int, waves: int) -> None:
    """Each wave is sent to others, and planned when the spans of the one before are over."""
    lines = ["id,wave", *(f"{n},{n // people}" for n in range(people * waves))]
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n")
    with coterie.init(tmp_path / "ws") as ws:
        ws.load(tmp_path / "people.csv", kind="profiles", name="people", entity="id", types={"id": "text"})
        ws.audiences.save("wave", {"tag": "wave", "op": "eq", "value": 0})
        ws.campaigns.create(given(holdout=0.05))
        ws.tags.build()
    with opened(tmp_path / "ws") as made:
        shares = [_wave(made, number) for number in range(waves)]
        assert shares[0] == {"plain": 0.5, "warm": 0.5}
        assert shares[-1]["warm"] > shares[0]["warm"] and all(s["plain"] >= 0.1 - 1e-12 for s in shares)
        told = made.campaigns.allocation("b", at=now() + timedelta(days=9))
        assert [run["shares"] for run in told["runs"]] == shares and told["next"]["warm"] > 0.8
        assert told["units"] == sum(arm["people"] for arm in told["arms"])
        everybody = [str(n) for n in range(people * waves)]
        for arm in told["arms"]:
            truth = chances(everybody, np.ones(len(everybody)), effect=EFFECTS[arm["arm"]]).mean() * 0.98  # some bounce
            assert arm["weighed"]["low"] <= truth <= arm["weighed"]["high"], (arm, truth)
        found = made.campaigns.results("b", "b@2")["experiment"]
        assert found["srm"]["p_value"] > 0.001  # against the shares of the run, not equal ones


def _wave(made: Opened, number: int) -> dict[str, float]:
    """Send one wave; returns its shares, which stand beside everyone in the plan and in the events."""
    made.ws.audiences.save("wave", {"tag": "wave", "op": "eq", "value": number})
    made.ws.audiences.refresh("wave")
    occurrence = made.campaigns.plan("b", at=now() + timedelta(days=9))
    made.campaigns.approve("b")
    made.campaigns.run("b", anyway=True)
    shares = dict(occurrence.plan["shares"])
    plan = parquet(made.campaigns.plan_file(occurrence.run))
    with made.ws.engine.cursor() as engine:
        rows = engine.rows(f"SELECT arm, propensity, count(*) FROM {plan} GROUP BY ALL ORDER BY ALL")
        assert {arm: odds for arm, odds, _ in rows} == {"holdout": None, **shares}
        drawn = {arm: n for arm, _, n in rows if arm != "holdout"}
        for arm, n in drawn.items():
            total = sum(drawn.values())
            assert abs(n / total - shares[arm]) < 4 * (shares[arm] * (1 - shares[arm]) / total) ** 0.5
    table = made.ws.table("campaign_events")
    noted = table.filter(table.run == occurrence.run, table.event.isin(["planned", "sent"]))
    assert set(
        noted.select("arm", "propensity").distinct().to_pandas().dropna().itertuples(index=False, name=None)
    ) == set(shares.items())
    return shares


def test_results_whose_span_is_not_over_do_not_count(plugged: None, shop: Opened) -> None:
    made = {**given(), "audience": "everyone"}
    shop.campaigns.create(made)
    occurrence = shop.campaigns.plan("b")
    shop.campaigns.approve("b")
    assert shop.campaigns.run("b")["sent"] == 240
    assert constants(_asked(shop, occurrence.run)).endswith("propensity")
    assert shop.campaigns.plan("b").plan["shares"] == {"plain": 0.5, "warm": 0.5}
    later = shop.campaigns.allocation("b", at=now() + timedelta(days=4))
    assert later["units"] == 240 and later["next"]["warm"] != 0.5
    shop.campaigns.create({**made, "content": {"text": "Other words"}})
    assert shop.campaigns.allocation("b", at=now() + timedelta(days=4))["units"] == 0  # they say nothing of these words
    shop.campaigns.create({**made, "experiment": {"arms": ["a", "b"]}})
    with pytest.raises(Refused, match="Its shares are fixed"):
        shop.campaigns.allocation("b")


def _asked(shop: Opened, run: str) -> Any:
    occurrence = shop.campaigns.records.occurrence("b", run)
    with shop.campaigns.running.opened(occurrence) as opened_run:
        return opened_run.asked


@pytest.mark.parametrize(
    ("experiment", "place", "words"),
    [
        ({"allocation": "thomson"}, "experiment.allocation", 'Did you mean "thompson"?'),
        ({"allocation": "fixed"}, "experiment.floor", "Fixed weights have no floor"),
        ({"floor": 0.6}, "experiment.floor", "at most 0.5"),
        ({"floor": 0}, "experiment.floor", "more than 0"),
        ({"arms": {"a": 2, "b": 1}}, "experiment.weights", "works the shares out itself"),
        ({"arms": ["a"], "holdout": 0.1}, "experiment.arms", "nothing to choose between"),
    ],
)
def test_an_allocation_that_cannot_be_is_refused(experiment: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(Refused) as error:
        read_campaign(given(**experiment), ZoneInfo("UTC"))
    assert (error.value.code, error.value.place) == ("bad_campaign", place) and words in str(error.value)
    no_goal = {**given(), "goals": []}
    with pytest.raises(Refused, match="no goal to learn from"):
        read_campaign(no_goal, ZoneInfo("UTC"))


def test_it_is_kept_as_it_was_written() -> None:
    made = read_campaign(given(floor=0.2), ZoneInfo("UTC"))
    assert Campaign.of(made.as_dict()) == made and made.experiment.floor == 0.2
    assert read_campaign(as_given(made), ZoneInfo("UTC")) == made
