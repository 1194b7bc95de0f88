"""Killing publishers with SIGKILL: no acknowledged row is lost and no batch is half there."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from coterie.engines.duckdb import Engine
from coterie.lake import upkeep
from coterie.lake.journal import Journal
from coterie.lake.service import Lake

from .processes import Publishers, assert_whole, publishers

PHASES = ("before", "within", "after")


def phase_of(lake: Lake, batch: str) -> str:
    """Where a publish was when it was killed, told by what it left: an intent lies within the commit."""
    journal = Journal(lake.root / "journal.sqlite")
    if journal.intents():
        return "within"
    return "before" if journal.find(batch) is None else "after"


def kill_once(running: Publishers, lake: Lake, share: float, seconds: float | None = None) -> str:
    """Start a publisher and kill it at `share` of the way from the beginning of a publish to that of the next.

    seconds : how long that way takes; None measures it first.
    """
    running.start("p", running.begun.get("p", 0))
    running.wait_for("p", "begin")
    started = running.wait_for("p", "begin")  # the first publish of a process is slower
    if seconds is None:
        seconds = running.wait_for("p", "begin") - started
    time.sleep(share * seconds)
    running.kill("p")
    running.drain("p")
    return phase_of(lake, f"p-{running.begun['p']}")


def kill_and_check(lake: Lake, engine: Engine, running: Publishers, share: float, seconds: float | None = None) -> str:
    """Kill once; first a reader that may not repair, then a fresh opening must find everything whole."""
    phase = kill_once(running, lake, share, seconds)
    assert_whole(Lake.open(lake.root, read_only=True), engine, running.acknowledged)
    reopened = Lake.open(lake.root)
    assert reopened.journal.intents() == []
    assert_whole(reopened, engine, running.acknowledged)
    assert upkeep.check(reopened) == []
    return phase


def test_five_kills(lake: Lake, engine: Engine) -> None:
    with publishers(lake.root) as running:
        running.start("warm", 0, 3)
        seconds = -running.wait_for("warm", "ack") + running.wait_for("warm", "ack")
        running.wait_for("warm", "ack")
        phases = [kill_and_check(lake, engine, running, (i + 0.5) / 5, seconds) for i in range(5)]
        assert set(phases) <= set(PHASES)
        running.start("last", 0, 1)
        running.wait_for("last", "ack")
    assert_whole(lake, engine, running.acknowledged)


@pytest.mark.slow
def test_fifty_kills_uniform_over_the_write(
    lake: Lake,
    engine: Engine,
    record_property: pytest.RecordProperty,  # type: ignore[name-defined]
) -> None:
    """At least fifty kills, and on until ten fell into each phase."""
    chance, phases = random.Random(2), Counter(dict.fromkeys(PHASES, 0))
    with publishers(lake.root) as running:
        while sum(phases.values()) < 50 or min(phases.values()) < 10:
            phases[kill_and_check(lake, engine, running, chance.random())] += 1
            assert sum(phases.values()) < 200, phases
    record_property("kills", dict(phases))
    print(f"kills by phase: {dict(phases)}")
