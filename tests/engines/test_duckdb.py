"""The DuckDB engine: limits, errors for people, cancelling, streams, and reading lake tables."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coterie.engines.duckdb import Engine, duckdb_type, glob_escaped, scan, watched
from coterie.errors import Cancelled, Failed
from coterie.kit.progress import Progress
from coterie.lake.tables import TableFiles
from coterie.settings import Settings

if TYPE_CHECKING:
    from conftest import SmallDisk

LONG = "SELECT count(*) FROM range(300000) a, range(300000) b WHERE (a.range * b.range) % 7 = 3"


def wide(rows: int) -> str:
    """A query that has to hold about 60 bytes a row."""
    return f"SELECT range AS x, md5(range::VARCHAR) AS s FROM range({rows}) ORDER BY s"


def test_limits_and_zone_hold_on_every_cursor(tmp_path: Path) -> None:
    with Engine.open(Settings({"threads": 1, "memory_limit_mb": 300}), tmp_path / "spill") as engine:
        for each in (engine, engine.cursor(), engine.cursor().cursor()):
            assert each.value("SELECT current_setting('threads')") == 1
            assert each.value("SELECT current_setting('memory_limit')") == "300.0 MiB"
            assert each.value("SELECT current_setting('TimeZone')") == "UTC"
            assert each.value("SELECT current_setting('temp_directory')") == str(tmp_path / "spill")
            assert each.value("SELECT current_setting('autoinstall_known_extensions')") is False


def test_python_variables_are_no_tables(engine: Engine) -> None:
    secret = pd.DataFrame({"a": [1]})
    assert len(secret) == 1
    with pytest.raises(Exception, match="secret does not exist"):
        engine.rows("SELECT * FROM secret")


def test_rows_have_plain_values(engine: Engine) -> None:
    row = engine.row(
        "SELECT TIMESTAMPTZ '2024-05-01 08:00:00+02:00', NULL::TIMESTAMPTZ, sum(2), 1.50, ['a'], "
        "DATE '2024-05-01', 'é', true"
    )
    assert row == (
        datetime(2024, 5, 1, 6, tzinfo=UTC),
        None,
        2,
        Decimal("1.50"),
        ["a"],
        datetime(2024, 5, 1).date(),
        "é",
        True,
    )
    assert type(row[2]) is int
    assert engine.rows("SELECT now() WHERE false") == []
    assert engine.value("SELECT ?::INTEGER + $2", [1, 2]) == 3
    with pytest.raises(ValueError, match="values to unpack"):
        engine.row("SELECT 1 WHERE false")


def test_frames_and_tables(engine: Engine) -> None:
    query = "SELECT TIMESTAMPTZ '2024-05-01 08:00:00+02:00' AS at, 1.5::DECIMAL(9,2) AS money, ['a'] AS tags"
    assert engine.columns(query) == [
        ("at", "TIMESTAMP WITH TIME ZONE"),
        ("money", "DECIMAL(9,2)"),
        ("tags", "VARCHAR[]"),
    ]
    assert engine.frame(query)["at"][0] == pd.Timestamp("2024-05-01 06:00", tz="UTC")
    assert engine.arrow(query)["money"].type == pa.decimal128(9, 2)


def test_registered_tables_reach_cursors_and_streams(engine: Engine) -> None:
    engine.register("given", pa.table({"a": [1, 2, 3]}))
    engine.register("framed", pd.DataFrame({"a": [4]}))
    engine.execute("CREATE VIEW joined AS SELECT * FROM given UNION ALL SELECT * FROM framed")
    assert engine.cursor().rows("SELECT sum(a) FROM joined") == [(10,)]
    assert sum(b.num_rows for b in engine.batches("SELECT * FROM joined")) == 4
    engine.unregister("given")
    with pytest.raises(Exception, match="given does not exist"):
        engine.cursor().rows("SELECT * FROM given")


def test_other_queries_run_while_a_stream_is_open(engine: Engine) -> None:
    engine.execute("CREATE TABLE t AS SELECT range AS x FROM range(100000)")
    sizes, sums = [], []
    for batch in engine.batches("SELECT x FROM t ORDER BY x", rows=4096):
        sizes.append(batch.num_rows)
        sums.append(engine.value("SELECT count(*) FROM t"))
    assert sum(sizes) == 100_000
    assert max(sizes) <= 4096
    assert set(sums) == {100_000}
    stream = engine.batches("SELECT x FROM t")
    next(stream)
    stream.close()  # left in the middle
    assert engine.value("SELECT count(*) FROM t") == 100_000


def test_copy_parquet(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a 'quoted' [1]*.parquet"
    assert engine.copy_parquet("SELECT range AS x FROM range(10000)", path, row_group_rows=4096) == 10_000
    assert pq.read_metadata(path).num_row_groups == 3
    assert pq.read_metadata(path).row_group(0).column(0).compression == "ZSTD"
    assert engine.rows(f"SELECT count(*) FROM '{glob_escaped(str(path)).replace(chr(39), chr(39) * 2)}'") == [(10_000,)]


def test_interrupting_from_another_thread_cancels(engine: Engine) -> None:
    threading.Timer(0.2, engine.interrupt).start()
    started = time.monotonic()
    with pytest.raises(Cancelled, match="Stopped"):
        engine.value(LONG)
    assert time.monotonic() - started < 5
    assert engine.value("SELECT 1") == 1


def test_interrupting_stops_streams_too(engine: Engine) -> None:
    stream = engine.batches("SELECT md5(range::VARCHAR) AS s FROM range(100000000)", rows=2048)
    next(stream)
    engine.interrupt()
    with pytest.raises(Cancelled):
        for _ in stream:
            pass
    with pytest.raises(Cancelled):
        threading.Timer(0.2, engine.interrupt).start()
        next(engine.batches(LONG))


class Recorder(Progress):
    """Keeps what was shown; cancels at the first advance if told so."""

    def __init__(self, cancelling: bool = False) -> None:
        super().__init__()
        self.seen: list[float] = []
        self.cancelling = cancelling

    def shown(self) -> None:
        self.seen.append(self.done)
        if self.cancelling and len(self.seen) > 1:
            self.cancel()


def test_watched_shows_percent(engine: Engine) -> None:
    engine.execute("CREATE TABLE t AS SELECT range AS x FROM range(2000000)")
    progress = Recorder()
    with progress.stage("Sorting", 100, "%"), watched(engine, progress):
        engine.value("SELECT count(DISTINCT md5(x::VARCHAR)) FROM t")
    assert progress.seen == sorted(progress.seen)
    assert len(progress.seen) > 3
    assert any(0 < p < 100 for p in progress.seen)
    assert progress.seen[-1] == 100


def test_what_is_watched_knows_whose_work_it_is(engine: Engine) -> None:
    """Progress is noted from a thread of its own, in the context of the job that runs the statement."""
    job, seen = ContextVar("job", default=""), set[str]()

    class Named(Progress):
        def shown(self) -> None:
            seen.add(job.get())

    job.set("import")
    engine.execute("CREATE TABLE t AS SELECT range AS x FROM range(2000000)")
    progress = Named()
    with progress.stage("Sorting", 100, "%"), watched(engine, progress):
        engine.value("SELECT count(DISTINCT md5(x::VARCHAR)) FROM t")
    assert seen == {"import"}


def test_watched_cancels(engine: Engine) -> None:
    progress = Recorder(cancelling=True)
    started = time.monotonic()
    with pytest.raises(Cancelled), progress.stage("Counting", 100, "%"), watched(engine, progress):
        engine.value(LONG)
    assert time.monotonic() - started < 5
    with watched(engine, None):
        assert engine.value("SELECT 1") == 1


def test_what_does_not_fit_into_memory_is_spilled(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    with Engine.open(Settings({"threads": 1, "memory_limit_mb": 40}), spill) as engine:
        rows = 0
        for batch in engine.batches(wide(900_000)):
            rows += batch.num_rows
            if rows == batch.num_rows:
                assert sum(p.stat().st_size for p in spill.iterdir()) > 1_000_000
        assert rows == 900_000
    assert not spill.exists() or not list(spill.iterdir())


def test_without_a_spill_folder_want_of_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Engine.open(Settings({"threads": 1, "memory_limit_mb": 30})) as engine:
        with pytest.raises(
            Failed, match=r"`out_of_memory`: The query needs more memory than it may use\. Raise the setting"
        ):
            engine.execute(f"CREATE TABLE t AS {wide(900_000)}")
        with pytest.raises(Failed, match="`out_of_memory`"):
            list(engine.batches(wide(900_000)))
        assert engine.value("SELECT 1") == 1
    assert list(tmp_path.iterdir()) == []


def test_full_and_read_only_disks_are_told(small_disk: Callable[[int], SmallDisk]) -> None:
    disk = small_disk(3_000)
    few = Settings({"threads": 1, "memory_limit_mb": 30})
    with Engine.open(few, disk.path / "spill") as engine:
        with pytest.raises(Failed, match=r"`disk_full`: The disk is full\. Free space and run again"):
            engine.execute(f"CREATE TABLE t AS {wide(900_000)}")
        with pytest.raises(Failed, match="`disk_full`"):
            engine.copy_parquet("SELECT range, md5(range::VARCHAR) AS s FROM range(300000)", disk.path / "x.parquet")
        assert list(disk.path.glob("*.parquet")) == []
    disk.remount("ro")
    with Engine.open(few, disk.path / "other") as engine:
        with pytest.raises(Failed, match="`read_only`"):
            engine.copy_parquet("SELECT 1", disk.path / "x.parquet")
        with pytest.raises(Failed, match="`read_only`"):
            engine.execute(f"CREATE TABLE t AS {wide(900_000)}")


def test_two_processes_may_spill_into_the_same_folder_and_a_killed_one_leaves_no_harm(tmp_path: Path) -> None:
    query = wide(600_000)
    code = f"""
import sys
from pathlib import Path
from coterie.engines.duckdb import Engine
from coterie.settings import Settings
engine = Engine.open(Settings({{"threads": 1, "memory_limit_mb": 30}}), Path(sys.argv[1]))
stream = engine.batches({query!r})
next(stream)
print("spilled", flush=True)
sys.stdin.readline()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "spill")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"spilled\n"
    check = f"SELECT count(*), count(*) FILTER (s = md5(x::VARCHAR)) FROM ({query})"
    with Engine.open(Settings({"threads": 1, "memory_limit_mb": 30}), tmp_path / "spill") as engine:
        assert engine.rows(check) == [(600_000, 600_000)]
        other.send_signal(signal.SIGKILL)
        other.communicate()
    with Engine.open(Settings({"threads": 1, "memory_limit_mb": 30}), tmp_path / "spill") as engine:
        assert engine.rows(check) == [(600_000, 600_000)]


def test_other_errors_keep_their_words(engine: Engine) -> None:
    with pytest.raises(Exception, match="Referenced column"):
        engine.rows("SELECT nothing")
    with pytest.raises(Exception, match="No files found"):
        engine.rows("SELECT * FROM read_parquet('/nowhere/x.parquet')")


def test_a_missing_file_of_the_lake_is_damage(engine: Engine, tmp_path: Path) -> None:
    gone = tmp_path / "coterie_publish=1" / "x.parquet"
    files = TableFiles("t", (gone,), (("id", "long"), ("_batch", "long")), 1, 0)
    with pytest.raises(Failed, match=r"`damaged`: A file of the lake is missing\. Run `coterie doctor`"):
        engine.rows(f"SELECT * FROM {scan(files)}")


def _file(folder: Path, version: int, **columns: pa.Array) -> Path:
    path = folder / f"coterie_publish={version}" / "x.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_scan_fills_columns_that_no_visible_file_has(engine: Engine, tmp_path: Path) -> None:
    """As of an old version the table has columns that came later: they are there, typed, and missing."""
    old = _file(tmp_path, 1, id=pa.array([1]), _batch=pa.nulls(1, pa.int64()))
    columns = (
        ("id", "long"),
        ("_batch", "long"),
        ("money", "decimal(18,4)"),
        ("tags", "array<string>"),
        ("at", "timestamp"),
    )
    query = f"SELECT * FROM {scan(TableFiles('t', (old,), columns, 1, 0, all_visible=True))}"
    assert engine.rows(query) == [(1, None, None, None, 1)]
    assert [kind for _, kind in engine.columns(query)] == [
        "BIGINT",
        "DECIMAL(18,4)",
        "VARCHAR[]",
        "TIMESTAMP WITH TIME ZONE",
        "BIGINT",
    ]


def test_scan_filters_mixed_files_by_row(engine: Engine, tmp_path: Path) -> None:
    mixed = _file(tmp_path, 3, id=pa.array([1, 2, 3]), _batch=pa.array([1, 2, None], pa.int64()))
    columns = (("id", "long"), ("_batch", "long"))
    seen = {
        (floor, version): engine.rows(
            f"SELECT id FROM {scan(TableFiles('t', (mixed,), columns, version, floor))} ORDER BY 1"
        )
        for floor, version in [(0, 1), (0, 2), (0, 3), (2, 3), (3, 3), (0, 0)]
    }
    assert seen == {
        (0, 1): [(1,)],
        (0, 2): [(1,), (2,)],
        (0, 3): [(1,), (2,), (3,)],
        (2, 3): [(2,), (3,)],
        (3, 3): [(3,)],
        (0, 0): [],
    }


def test_scan_keeps_odd_column_names(engine: Engine, tmp_path: Path) -> None:
    names = ['a"b', "select", "filename", "日期", "file_row_number", "a=b"]
    path = _file(tmp_path, 1, **{n: pa.array([n]) for n in names}, _batch=pa.nulls(1, pa.int64()))
    files = TableFiles("t", (path,), tuple((n, "string") for n in [*names, "_batch"]), 1, 0, all_columns=True)
    assert engine.rows(f"SELECT * FROM {scan(files)}") == [(*names, 1)]


def test_profiles_tell_rows_scanned(engine: Engine, tmp_path: Path) -> None:
    engine.copy_parquet("SELECT range AS x FROM range(1000)", tmp_path / "x.parquet")
    with engine.profiled() as roots:
        engine.rows(f"SELECT sum(x) FROM '{tmp_path / 'x.parquet'}'")
    assert roots
    assert "'rows_scanned': 1000" in str(roots)


def test_types_of_delta_have_names_in_duckdb(engine: Engine) -> None:
    for kind in (
        "string",
        "long",
        "integer",
        "short",
        "byte",
        "double",
        "float",
        "boolean",
        "date",
        "timestamp",
        "timestamp_ntz",
        "binary",
        "decimal(38,10)",
        "array<array<float>>",
    ):
        assert engine.value(f"SELECT NULL::{duckdb_type(kind)} IS NULL")
