"""Compaction, vacuum, backup and restore: no past answer changes, nothing living is deleted."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.engines.duckdb import Engine, scan
from coterie.errors import Failed, NotFound, Refused
from coterie.kit.disk import own_folder
from coterie.lake import tables, upkeep
from coterie.lake.service import Lake, Staged
from coterie.settings import Settings

from .helpers import publish, read, write_staged
from .processes import assert_whole, publishers

if TYPE_CHECKING:
    from conftest import SmallDisk

Disks = Callable[[int], "SmallDisk"]

MIXED_TYPES = pa.schema(
    [
        ("text", pa.string()),
        ("money", pa.decimal128(18, 4)),
        ("at", pa.timestamp("us", tz="UTC")),
        ("tags", pa.list_(pa.string())),
        ("vector", pa.list_(pa.float32())),
        ("flag", pa.bool_()),
        ("day", pa.date32()),
    ]
)


@contextmanager
def fresh_lake() -> Iterator[Lake]:
    folder = Path(tempfile.mkdtemp())
    try:
        yield Lake.create(folder / "ws" / "lake")
    finally:
        shutil.rmtree(folder)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 3), st.booleans(), st.booleans()),
        st.tuples(st.just("compact"), st.sampled_from([1_000, 1_600, 10**9])),
        st.tuples(st.just("vacuum")),
        st.tuples(st.just("rewrite")),
    ),
    min_size=3,
    max_size=8,
)


@settings(max_examples=8, deadline=None)
@given(STEPS)
def test_every_past_version_answers_as_a_list_of_rows_would(steps: list[Any]) -> None:
    """The reference: rows with their version; at v those from the last replacing version up to v."""
    reference: list[tuple[int, int | None, int]] = []
    floors = [0]
    with fresh_lake() as lake, Engine.open(Settings({"threads": 1})) as engine:
        publish(lake, "first", {"t": {"id": [0]}})
        reference.append((0, None, 1))
        floors.append(0)
        for number, step in enumerate(steps):
            match step:
                case ("publish", rows, replace, wide):
                    version = len(floors)
                    ids = [number * 10 + i for i in range(rows)]
                    columns = {"id": pa.array(ids, pa.int64())} | ({"extra": pa.array(ids, pa.int64())} if wide else {})
                    publish(lake, f"{number}", {"t": columns}, replace=["t"] if replace else [])
                    reference += [(i, i if wide else None, version) for i in ids]
                    floors.append(version if replace else floors[-1])
                case ("compact", small_bytes):
                    upkeep.compact(lake, "t", small_bytes=small_bytes)
                case ("vacuum",):
                    upkeep.vacuum(lake, keep_hours=-1)
                case ("rewrite",):
                    _rewrite(lake, engine)
        has_extra = "extra" in dict(lake.files("t").columns)
        for version, floor in enumerate(floors):
            found = read(engine, lake, "t", version, f"id, {'extra' if has_extra else 'NULL'}, _batch")
            assert found == sorted([r for r in reference if floor <= r[2] <= version], key=repr)
        assert upkeep.check(lake) == []


def _rewrite(lake: Lake, engine: Engine) -> None:
    with lake.locked(), lake.staging() as folder:
        engine.copy_parquet(f"SELECT * FROM {scan(lake.whole('t'))}", folder / "whole.parquet")
        lake.rewrite("t", [folder / "whole.parquet"])


def test_compaction_keeps_all_types_and_gathers_row_groups(lake: Lake, engine: Engine) -> None:
    """Files written by DuckDB and by pyarrow name list elements differently."""
    for number in range(6):
        row = {
            "text": [f"é{number}", None],
            "money": pa.array([number, None], pa.decimal128(18, 4)),
            "at": pa.array([datetime(2024, 1, 1 + number), None], pa.timestamp("us", tz="UTC")),
            "tags": pa.array([["a", None], None], pa.list_(pa.string())),
            "vector": pa.array([[0.5], []], pa.list_(pa.float32())),
            "flag": [True, None],
            "day": pa.array([number, None], pa.date32()),
        }
        table = pa.table({name: pa.array(row[name], kind) for name, kind in zip(MIXED_TYPES.names, MIXED_TYPES.types)})
        if number % 2:
            publish(lake, f"{number}", {"data/mixed": table})
            continue
        engine.register("given", table)
        with lake.staging() as folder:
            path = folder / "given.parquet"
            engine.copy_parquet("SELECT *, NULL::BIGINT AS _batch FROM given", path)
            lake.publish(f"{number}", lambda _base: Staged({"data/mixed": [path]}), dataset="x")
    before = [read(engine, lake, "data/mixed", v) for v in range(7)]
    done = upkeep.compact(lake, "data/mixed")
    assert done == upkeep.Compacted("data/mixed", 6, 1, 12)
    assert [read(engine, lake, "data/mixed", v) for v in range(7)] == before
    (path,) = lake.files("data/mixed").paths
    assert pq.read_metadata(path).num_row_groups == 1
    assert upkeep.compact(lake, "data/mixed").files_after == 1


def test_compaction_of_unknown_and_of_damaged_tables(lake: Lake) -> None:
    publish(lake, "a", {"data/orders": {"id": [1]}})
    with pytest.raises(NotFound, match=r'There is no table "data/order"\. Did you mean "data/orders"'):
        upkeep.compact(lake, "data/order")
    publish(lake, "b", {"data/orders": {"id": [2]}})
    lake.files("data/orders").paths[0].unlink()
    with pytest.raises(Failed, match=r"`damaged` at `data/orders`: Table data/orders: 1 of its files are missing"):
        upkeep.compact(lake, "data/orders")


def test_vacuum_counts_hours_from_when_a_file_was_let_go(lake: Lake, engine: Engine) -> None:
    for number in range(3):
        publish(lake, f"{number}", {"data/orders": {"id": [number]}})
    old = lake.files("data/orders").paths
    for path in old:
        os.utime(path, (0, 0))  # written long ago
    upkeep.compact(lake, "data/orders")
    assert upkeep.vacuum(lake, keep_hours=24) == 0
    assert all(p.exists() for p in old)
    for path in old:
        os.utime(path, (0, 0))  # let go long ago
    stray = lake.root / "data/never_committed/coterie_publish=9/x.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"left by a kill before the intent")
    os.utime(stray, (0, 0))
    assert upkeep.vacuum(lake, keep_hours=24) == 4
    assert not stray.parent.exists()
    assert [read(engine, lake, "data/orders", v, "id") for v in range(4)] == [[], [0], [0, 1], [0, 1, 2]]


def test_vacuum_removes_staging_of_killed_processes_only(lake: Lake) -> None:
    staging = lake.root.parent / "staging"
    dead, young = staging / ("0" * 32), staging / ("1" * 32)
    with own_folder(staging) as living:
        for folder in (dead, young):
            folder.mkdir()
        for folder in (dead, living):
            os.utime(folder, (0, 0))
        upkeep.vacuum(lake)
        assert (dead.exists(), young.exists(), living.exists()) == (False, True, True)


def test_backup_and_restore(lake: Lake, engine: Engine, tmp_path: Path) -> None:
    for number in range(3):
        publish(lake, f"{number}", {"data/orders": {"id": [number]}, "rejects": {"line": [number]}})
    with lake.staging() as folder:
        path = folder / "x.parquet"
        engine.copy_parquet("SELECT 1 AS x", path)
        version = lake.replace_derived("tags/customer/t", [path])
    upkeep.compact(lake, "rejects")
    assert upkeep.compact(lake, "tags/customer/t").rows == 0
    assert upkeep.backup(lake, tmp_path / "backup of 今日" / "lake") == 5
    publish(lake, "later", {"data/orders": {"id": [9]}})
    restored = upkeep.restore(tmp_path / "backup of 今日" / "lake", tmp_path / "again" / "lake")
    assert restored.data_version == 3
    for table in ("data/orders", "rejects"):
        assert [read(engine, restored, table, v) for v in range(4)] == [read(engine, lake, table, v) for v in range(4)]
    assert restored.derived("tags/customer/t", version) is not None
    assert publish(restored, "other", {"data/orders": {"id": [7]}}).data_version == 4
    for write in (
        lambda: upkeep.backup(lake, tmp_path / "again"),
        lambda: upkeep.restore(lake.root, tmp_path / "again"),
    ):
        with pytest.raises(Refused, match='There is a "again" already'):
            write()


def test_restoring_half_a_backup_is_refused(lake: Lake, tmp_path: Path) -> None:
    publish(lake, "a", {"data/orders": {"id": [1]}})
    upkeep.backup(lake, tmp_path / "backup")
    (path,) = Lake.open(tmp_path / "backup").files("data/orders").paths
    path.unlink()
    with pytest.raises(
        Failed, match="`damaged` at `backup`: The backup is not whole: table data/orders: 1 of its files"
    ):
        upkeep.restore(tmp_path / "backup", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_check_names_what_is_wrong(lake: Lake) -> None:
    for name in ("a_rows", "b_rows", "c_rows"):
        publish(lake, name, {name: {"id": [1]}})
    assert upkeep.check(lake) == []
    (path,) = lake.files("a_rows").paths
    path.write_bytes(path.read_bytes()[:-10])
    (path,) = lake.files("b_rows").paths
    path.unlink()
    (lake.root / "c_rows/_delta_log/00000000000000000000.json").write_text("{ no json")
    problems = upkeep.check(lake)
    assert [p.split(", such as")[0].split(" (")[0] for p in problems] == [
        "table a_rows: 1 of its files have changed in size",
        "table b_rows: 1 of its files are missing",
        "table c_rows: its log cannot be read",
    ]


def test_full_disk_stops_compaction_and_backup_and_leaves_nothing(small_disk: Disks, engine: Engine) -> None:
    disk = small_disk(5_000)
    lake = Lake.create(disk.path / "ws" / "lake")
    for number in range(4):
        publish(lake, f"{number}", {"t": {"id": [number], "noise": [os.urandom(700_000)]}})
    before = read(engine, lake, "t", columns="id")
    for work in (lambda: upkeep.compact(lake, "t"), lambda: upkeep.backup(lake, disk.path / "copy")):
        with pytest.raises(Failed, match="`disk_full`"):
            work()
    assert sorted(p.name for p in disk.path.iterdir()) == ["ws"]
    assert read(engine, lake, "t", columns="id") == before
    with pytest.raises(Failed, match=r"`disk_full` at `lake`: 900.0 MB are needed and \d"):
        upkeep.disk_room(lake.root, 900_000_000)


def test_trial_write(small_disk: Disks, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    upkeep.trial_write(tmp_path / "x")
    assert list((tmp_path / "x").iterdir()) == []
    disk = small_disk(100)
    disk.remount("ro")
    with pytest.raises(Failed, match="`read_only`"):
        upkeep.trial_write(disk.path)


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_kills_during_compaction_and_backup(lake: Lake, engine: Engine, kills: int) -> None:
    """Killed at moments spread over publish, compaction and backup: all is whole, every backup with a name too."""
    with publishers(lake.root) as running:
        running.start("keeper0", 0, 2)
        running.wait_for("keeper0", "kept")
        started = time.monotonic()
        seconds = running.wait_for("keeper0", "kept") - started
        for kill in range(kills):
            name = f"keeper{1 + kill}"
            running.start(name)
            running.wait_for(name, "kept")
            time.sleep((kill + 0.5) / kills * seconds)
            running.kill(name)
            running.drain(name)
            reopened = Lake.open(lake.root)
            assert_whole(reopened, engine, running.acknowledged)
            assert upkeep.check(reopened) == []
    copies = [Lake.open(p) for p in lake.root.parent.glob("copy-*")]
    assert len(copies) >= kills
    for copy in copies:
        assert upkeep.check(copy) == []
        assert_whole(copy, engine, {})


def test_files_of_many_batches_are_found_fast(lake: Lake) -> None:
    """500 batches; the bound is loose since the machine may be busy, the usual time is a tenth of it."""
    publish(lake, "first", {"data/orders": {"id": [1]}})
    folder = lake.root / "data/orders"
    (path,) = lake.files("data/orders").paths
    placed = []
    for version in range(2, 501):
        target = folder / f"{tables.PUBLISH}={version}" / path.name
        target.parent.mkdir()
        shutil.copy(path, target)
        placed.append(tables.StagedFile(target.relative_to(folder).as_posix(), path.stat().st_size, 1, version))
    tables.append(folder, placed, tables.open_table(folder))
    with sqlite3.connect(lake.root / "journal.sqlite") as journal:
        rows = [(v, "orders", f"{v}", "[]", "{}", "2024-01-01T00:00:00+00:00") for v in range(2, 501)]
        journal.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)", rows)
    journal.close()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        assert len(lake.files("data/orders", 400).paths) == 400
        times.append(time.perf_counter() - started)
    assert min(times) < 0.5


def test_write_staged_helper_writes_an_empty_batch(tmp_path: Path) -> None:
    assert pq.read_table(write_staged(tmp_path, "t", {"id": [1]}))["_batch"].null_count == 1
