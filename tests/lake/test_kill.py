"""Killing publishers with SIGKILL: no acknowledged row is lost and no batch is half there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coterie.engines.duckdb import Engine, scan
from coterie.lake import upkeep
from coterie.lake.journal import Journal
from coterie.lake.service import Lake

from .publisher import ROWS

PHASES = ("before", "within", "after")


class Publishers:
    """The process that forks publishers, and what they told."""

    def __init__(self, root: Path, process: subprocess.Popen[str]) -> None:
        self.root, self.process = root, process
        self.acknowledged: dict[str, int] = {}
        self.begun: dict[str, int] = {}
        self.pids: dict[str, int] = {}

    def start(self, name: str, first: int = 0, last: int = 1_000_000) -> None:
        """Fork a publisher of the batches `name`-`first` and on."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self.root}\t{name}\t{first}\t{last}\n")
        self.process.stdin.flush()

    def read(self) -> list[str]:
        """The next line that a publisher told."""
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words, "the publishers ended by themselves"
        match words:
            case [name, "pid", pid]:
                self.pids[name] = int(pid)
            case [name, "begin", number]:
                self.begun[name] = int(number)
            case [name, "ack", number, version]:
                self.acknowledged[f"{name}-{number}"] = int(version)
        return words

    def wait_for(self, name: str, word: str) -> float:
        """Read until `name` tells `word`; the moment when it did."""
        while self.read()[:2] != [name, word]:
            pass
        return time.monotonic()

    def kill(self, name: str) -> None:
        """Kill one publisher, and wait until it is gone."""
        pid = self.pids.pop(name)
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}/stat").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text():
            time.sleep(0.001)

    def drain(self, name: str) -> None:
        """Read what a killed publisher told before its end: an answer told after it marks the end of it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self.root}\t{name}\n")
        self.process.stdin.flush()
        self.wait_for(name, "heard")


@contextmanager
def publishers(root: Path) -> Iterator[Publishers]:
    """A process ready to fork publishers; killed with all of them at the end."""
    command = [sys.executable, "-c", "from lake.publisher import main; main()"]
    if __package__ != "lake":
        command = [sys.executable, "-c", f"from {__package__}.publisher import main; main()"]
    folder = Path(__file__).resolve().parents[len((__package__ or "").split("."))]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, start_new_session=True
    )
    try:
        yield Publishers(root, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def phase_of(lake: Lake, batch: str) -> str:
    """Where a publish was when it was killed, told by what it left: an intent lies within the commit."""
    journal = Journal(lake.root / "journal.sqlite")
    if journal.intents():
        return "within"
    return "before" if journal.find(batch) is None else "after"


def assert_whole(lake: Lake, engine: Engine, acknowledged: dict[str, int]) -> None:
    """Every batch is whole in every table, versions and row numbers have no gaps, and every acknowledgement holds."""
    recorded = {b.batch_hash: b.data_version for b in lake.batches()}
    assert list(recorded.values()) == list(range(1, lake.data_version + 1))
    assert acknowledged.items() <= recorded.items()
    for table, rows in ROWS.items():
        counted = engine.rows(f"SELECT batch, _batch, count(*) FROM {scan(lake.files(table))} GROUP BY ALL ORDER BY 2")
        assert counted == [(name, version, rows) for name, version in recorded.items()], table
    numbers = engine.rows(f'SELECT "row" FROM {scan(lake.files("entities"))} ORDER BY 1')
    assert numbers == [(n,) for n in range(ROWS["entities"] * lake.data_version)]


def kill_once(running: Publishers, lake: Lake, share: float) -> str:
    """Start a publisher and kill it at `share` of the way from the beginning of a publish to that of the next."""
    running.start("p", running.begun.get("p", 0))
    running.wait_for("p", "begin")
    started = running.wait_for("p", "begin")
    seconds = running.wait_for("p", "begin") - started
    time.sleep(share * seconds)
    running.kill("p")
    running.drain("p")
    return phase_of(lake, f"p-{running.begun['p']}")


def kill_and_check(lake: Lake, engine: Engine, running: Publishers, share: float) -> str:
    """Kill once; first a reader that may not repair, then a fresh opening must find everything whole."""
    phase = kill_once(running, lake, share)
    assert_whole(Lake.open(lake.root, read_only=True), engine, running.acknowledged)
    reopened = Lake.open(lake.root)
    assert reopened.journal.intents() == []
    assert_whole(reopened, engine, running.acknowledged)
    assert upkeep.check(reopened) == []
    return phase


def test_five_kills(lake: Lake, engine: Engine) -> None:
    with publishers(lake.root) as running:
        phases = Counter(kill_and_check(lake, engine, running, (i + 0.5) / 5) for i in range(5))
        assert sum(phases.values()) == 5
        running.start("q", 0, 2)
        running.wait_for("q", "ack")
        running.wait_for("q", "ack")
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
