"""Several processes at the same lake: publishing, reading, compacting, vacuuming and backing up at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from coterie.engines.duckdb import Engine
from coterie.errors import Failed
from coterie.lake import upkeep
from coterie.lake.service import Lake, Staged

from .helpers import publish
from .processes import assert_whole, publishers
from .publisher import ROWS

BATCHES = 6


def test_two_publishers_and_a_reader(lake: Lake, engine: Engine) -> None:
    """Numbering depends on what is there, so the publisher that comes second must number anew."""
    with publishers(lake.root) as running:
        for name in ("a", "b"):
            running.start(name, 0, BATCHES)
        while len(running.acknowledged) < 2 * BATCHES:
            if running.read()[1] == "ack" and len(running.acknowledged) % 4 == 0:
                assert_whole(lake, engine, {})
    assert_whole(lake, engine, running.acknowledged)
    assert lake.data_version == 2 * BATCHES


def test_two_publishers_of_the_same_batches(lake: Lake, engine: Engine) -> None:
    """Each batch counts once, and both are told the same version."""
    with publishers(lake.root) as running:
        running.start("same", 0, BATCHES)
        running.start("same", 0, BATCHES)
        for _ in range(2 * BATCHES):
            running.wait_for("same", "ack")
    assert_whole(lake, engine, running.acknowledged)
    assert lake.data_version == BATCHES


def test_upkeep_while_others_publish(lake: Lake, engine: Engine, tmp_path: Path) -> None:
    """A backup made meanwhile equals one data version; compaction and vacuum disturb nobody."""
    with publishers(lake.root) as running:
        for name in ("a", "b"):
            running.start(name, 0, BATCHES)
        for step in range(2):
            for name in ("a", "b"):
                running.wait_for(name, "ack")
            for table in ROWS:
                upkeep.compact(lake, table)
            upkeep.backup(lake, tmp_path / f"copy {step}" / "lake")
            upkeep.vacuum(lake, keep_hours=1)
        while len(running.acknowledged) < 2 * BATCHES:
            running.read()
    assert_whole(lake, engine, running.acknowledged)
    for step in range(2):
        copy = Lake.open(tmp_path / f"copy {step}" / "lake")
        assert 0 < copy.data_version <= lake.data_version
        assert [b[:4] for b in copy.batches()] == [b[:4] for b in lake.batches()[: copy.data_version]]
        assert_whole(copy, engine, {})
        assert upkeep.check(copy) == []


def test_waiting_for_another_publisher_ends_with_a_message(lake: Lake) -> None:
    impatient = Lake.open(lake.root, lock_wait_seconds=0.05)
    with lake.locked(), pytest.raises(Failed, match=r"`locked` at `publish.lock`: Another process is publishing"):
        impatient.publish("a", lambda _base: Staged({}), dataset="orders")
    assert publish(impatient, "a", {"data/orders": {"id": [1]}}).data_version == 1


@pytest.mark.slow
def test_one_publisher_is_killed_again_and_again_while_the_other_goes_on(lake: Lake, engine: Engine) -> None:
    with publishers(lake.root) as running:
        running.start("steady")
        for kill in range(10):
            running.start(f"killed{kill}")
            for _ in range(1 + kill % 2):
                running.wait_for(f"killed{kill}", "begin")
            running.kill(f"killed{kill}")
            running.wait_for("steady", "ack")
            assert_whole(lake, engine, {})
        running.kill("steady")
        running.drain("steady")
    assert_whole(Lake.open(lake.root), engine, running.acknowledged)
