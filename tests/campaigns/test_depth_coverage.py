"""Four hundred campaigns in a world whose truth is known: the measured lift's interval covers it as often as it says.

The arms are drawn as a plan draws them, the channel answers as it answers a run, and the same question is asked of the
units as of a run's, plain and with what was known before taken out; only the tables in between are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from coterie.campaigns.adjusting import Settled
from coterie.campaigns.channels.base import Outcome, Parcel
from coterie.campaigns.definition import ADJUSTED, HOLDOUT, AudienceUse, Campaign, Experiment, Goal
from coterie.campaigns.plan import drawn
from coterie.campaigns.results import question
from coterie.campaigns.rules import Rules
from coterie.experiments.analysis import analyse_frame
from coterie.experiments.results import Reading
from coterie.experiments.telling import page
from coterie.simulate.channel import BASE, WORTH, SimulatorChannel, chances, draws, outcomes

PEOPLE, CARRY_OVER, DELIVERED = 3000, 0.25, 0.98
KEYS = [f"c{i:05}" for i in range(PEOPLE)]
READINGS = {"before": Settled(True, ADJUSTED), "tag": Settled(("eagerness",), ADJUSTED)}
Floats = npt.NDArray[np.float64]


def campaign(number: int, effect: float) -> Campaign:
    """A campaign through the simulator with a third held out."""
    goals = (Goal("order", "orders", amount="paid"),)
    experiment = Experiment(holdout=1 / 3)
    options = {"effect": effect, "seed": 7}
    return Campaign(
        f"c{number}", AudienceUse("all"), "simulator", {}, options=options, goals=goals, experiment=experiment
    )


def answers(made: Campaign, keys: Sequence[str], earlier: float) -> list[float]:
    """What the channel says each was worth who was sent the message, 0 where no goal came."""
    given: Any = SimpleNamespace(campaign=made.name, options={**made.options, "earlier": earlier})
    parcels = [Parcel(n, n, 0, f"{n:x}", key, None, "default", {}) for n, key in enumerate(keys)]
    with SimulatorChannel().open(given) as connection:
        told = [Outcome(*o) for o in connection.send("batch", parcels)]
    return [float(next((d for e, _, d in o.events if e == "goal"), None) or 0) for o in told]


def one(number: int, effect: float, messages: Floats) -> tuple[pa.Table, tuple[float, float], Campaign]:
    """One campaign after `messages` earlier ones a customer: its units, and the true lifts of goal and worth."""
    made = campaign(number, effect)
    plan = drawn(pa.table({"row": np.arange(PEOPLE), "entity": KEYS}), made, Rules())
    held = np.array(plan["arm"].to_pylist()) == HOLDOUT
    worth, truth = np.zeros(PEOPLE), np.zeros(PEOPLE)
    for before in np.unique(messages):
        carried = CARRY_OVER * float(before)
        sent, kept = (np.flatnonzero((messages == before) & side) for side in (~held, held))
        worth[sent] = answers(made, [KEYS[i] for i in sent], carried)
        without = outcomes(
            [KEYS[i] for i in kept], np.zeros(len(kept)), made.name, seed=7, effect=effect, earlier=carried
        )
        worth[kept] = without.worth
        both = np.flatnonzero(messages == before)
        names, untold = [KEYS[i] for i in both], np.zeros(len(both))
        truth[both] = DELIVERED * chances(names, untold + 1, effect=effect, earlier=carried)
        truth[both] -= chances(names, untold, effect=effect, earlier=carried)
    messages += ~held
    goal = (worth > 0).astype(np.int64)
    units = pa.table({"unit": KEYS, "arm": plan["arm"], "goal0": goal, "money0": worth, **known(number)})
    return units, (float(truth.mean()), float(truth.mean() * WORTH)), made


def known(number: int) -> dict[str, Any]:
    """What each customer did in the span before, without a message; and a tag that knows much of what they will do."""
    before = outcomes(KEYS, np.zeros(PEOPLE), f"before c{number}", seed=7)
    eager = (draws(7, f"c{number}", KEYS)[:, 3] < 0.2) + np.random.default_rng(number).normal(0, 0.3, PEOPLE)
    return {"before_goal0": before.goal, "before_money0": before.worth, "before_tag0": eager}


def covered(campaigns: int, effect: float) -> tuple[Counter[str], list[str], dict[str, list[float]]]:
    """In how many campaigns the intervals of goal and worth cover the truth, plain and adjusted; what each said of the
    goal; and the shares of its variance that were removed."""
    hits, said = Counter[str](), []
    removed: dict[str, list[float]] = {name: [] for name in READINGS}
    messages = np.zeros(PEOPLE)
    for number in range(campaigns):
        if number % 8 == 0:
            messages[:] = 0  # a new season: what is carried over does not grow for ever
        units, truths, made = one(number, effect, messages)
        for name, how in READINGS.items():
            found = analyse_frame(units, question(made, how=how))
            for row, truth in zip(found.rows, truths, strict=True):
                for way, reading in (("plain", row.plain), (name, row.adjusted)):
                    assert isinstance(reading, Reading)
                    interval = reading.difference.absolute
                    hits[f"{row.metric.name} {way}"] += interval.low <= truth <= interval.high
            first = found.rows[0].adjusted
            assert isinstance(first, Reading) and first.variance_kept is not None
            removed[name].append(1 - first.variance_kept)
        said.append(found.rows[0].verdict)
    return hits, said, removed


def test_a_lift_is_seen_and_none_is_not() -> None:
    """The response differs by segment, so that the world is what the long test says it is."""
    assert max(BASE) > 3 * min(BASE)
    units, truth, made = one(0, 3.0, np.zeros(PEOPLE))
    found = analyse_frame(units, question(made))
    (row, _) = found.rows
    assert row.verdict == "better" and abs((row.value or 0) - (row.control_value or 0) - truth[0]) < 0.05
    units, truth, made = one(1, DELIVERED * 0.0, np.zeros(PEOPLE))
    found = analyse_frame(units, question(made))
    assert {r.verdict for r in found.rows} == {"not_seen"} and "cannot tell" in page(found)["words"]


@pytest.mark.parametrize(("active", "adjusted"), [(6, False), (300, True)])
def test_intervals_hold_when_few_were_active_before(active: int, adjusted: bool) -> None:
    """Four campaigns among people of whom hardly anybody did anything before: what decides covers the truth."""
    hits = Counter[str]()
    for number in range(4):
        units, truths, made = one(number, 1.0, np.zeros(PEOPLE))
        draw = np.random.default_rng(number)
        before = (draw.permutation(PEOPLE) < active) * draw.integers(1, 4, PEOPLE)
        for column in ("before_goal0", "before_money0"):
            units = units.drop(column).append_column(column, pa.array(before.astype(float)))
        for row, truth in zip(analyse_frame(units, question(made, how=READINGS["before"])).rows, truths, strict=True):
            assert isinstance(row.chosen, Reading) and (row.chosen is row.adjusted) == adjusted
            interval = row.chosen.difference.absolute
            hits[row.metric.name] += interval.low <= truth <= interval.high
    assert all(3 <= n <= 4 for n in hits.values()) and len(hits) == 2


@pytest.mark.slow
def test_intervals_of_four_hundred_campaigns_cover_the_truth() -> None:
    """The plain intervals are looked at once with each way of adjusting, so that they are counted twice."""
    hits, said, removed = covered(400, 1.0)
    told = {way: n // 2 if way.endswith("plain") else n for way, n in hits.items()}
    means = {name: round(float(np.mean(shares)), 4) for name, shares in removed.items()}
    print(f"covered of 400: {told}; variance removed {means}; said better {said.count('better')}")
    assert all(368 <= n <= 390 for n in told.values()) and len(told) == 6
    assert "better" in said and means["tag"] > 0.2 > abs(means["before"])
