"""Publishing: batches, data versions, what past versions answer, and what a failure leaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, TableFeatures

from coterie.engines.duckdb import Engine, scan
from coterie.errors import Failed, Refused
from coterie.lake import tables
from coterie.lake.journal import Intent, now_record
from coterie.lake.service import Lake, Staged

from .helpers import publish, read, tree, write_staged

if TYPE_CHECKING:
    from conftest import SmallDisk

Disks = Callable[[int], "SmallDisk"]


def test_empty_lake_answers_without_tables(lake: Lake, engine: Engine) -> None:
    files = lake.files("data/orders")
    assert (lake.data_version, lake.batches(), lake.table_names()) == (0, [], [])
    assert (files.paths, files.columns) == ((), ())
    assert engine.rows(f"SELECT * FROM {scan(files)}") == []


def test_every_publish_takes_the_next_version_and_keeps_its_facts(lake: Lake, engine: Engine) -> None:
    first = publish(lake, "a", {"data/orders": {"id": [1, 2]}, "rejects": {"line": [7]}}, facts={"read": 3, "名": "é"})
    second = publish(lake, "b", {"data/orders": {"id": [3]}})
    assert (first.data_version, first.already, second.data_version) == (1, False, 2)
    assert [(b.data_version, b.batch_hash, b.facts) for b in lake.batches("orders")] == [
        (1, "a", {"read": 3, "名": "é"}),
        (2, "b", {}),
    ]
    assert lake.batches("visits") == []
    assert lake.table_names() == ["data/orders", "rejects"]
    assert read(engine, lake, "data/orders") == [(1, 1), (2, 1), (3, 2)]
    assert read(engine, lake, "data/orders", 1) == [(1, 1), (2, 1)]
    assert read(engine, lake, "rejects", 2) == [(7, 1)]


def test_the_same_batch_again_changes_nothing(lake: Lake, engine: Engine) -> None:
    publish(lake, "a", {"data/orders": {"id": [1]}}, facts={"read": 1})
    before = tree(lake.root)
    again = publish(lake, "a", {"data/orders": {"id": [1]}}, facts={"read": 99})
    assert (again.data_version, again.already, again.facts) == (1, True, {"read": 1})
    assert tree(lake.root) == before
    assert read(engine, lake, "data/orders") == [(1, 1)]


def test_stage_runs_again_when_another_publish_came_between(lake: Lake, engine: Engine) -> None:
    bases: list[int] = []
    with lake.staging() as folder:

        def stage(base: int) -> Staged:
            bases.append(base)
            if base == 0:
                publish(lake, "other", {"entities": {"row": [0, 1]}})
            first = len(read(engine, lake, "entities", base, '"row"')) if base else 0
            return Staged({"entities": [write_staged(folder, "entities", {"row": [first]})]})

        done = lake.publish("mine", stage, dataset="orders")
    assert (bases, done.data_version) == ([0, 1], 2)
    assert read(engine, lake, "entities", columns='"row"') == [0, 1, 2]


def test_a_publish_that_is_overtaken_again_and_again_stages_inside_the_lock(lake: Lake, engine: Engine) -> None:
    bases: list[int] = []
    other = Lake.open(lake.root, lock_wait_seconds=0)
    with lake.staging() as folder:

        def stage(base: int) -> Staged:
            bases.append(base)
            try:
                publish(other, f"other {base}", {"entities": {"row": [base]}})
            except Failed as error:
                assert error.code == "locked"
            return Staged({"entities": [write_staged(folder, "entities", {"row": [base]})]})

        done = lake.publish("mine", stage, dataset="orders")
    assert (bases, done.data_version) == ([0, 1, 2, 3], 4)
    assert read(engine, lake, "entities", columns='"row"') == [0, 1, 2, 3]


def test_a_batch_that_another_published_meanwhile_is_not_published_twice(lake: Lake, engine: Engine) -> None:
    with lake.staging() as folder:

        def stage(_base: int) -> Staged:
            publish(lake, "same", {"data/orders": {"id": [1]}}, facts={"read": 1})
            return Staged({"data/orders": [write_staged(folder, "o", {"id": [1]})]})

        done = lake.publish("same", stage, dataset="orders")
    assert (done.already, done.data_version, done.facts) == (True, 1, {"read": 1})
    assert read(engine, lake, "data/orders") == [(1, 1)]


def test_replace_closes_earlier_rows_from_its_version_on(lake: Lake, engine: Engine) -> None:
    publish(lake, "a", {"lookup": {"id": [1]}, "data/orders": {"id": [10]}})
    publish(lake, "b", {"lookup": {"id": [2]}})
    publish(lake, "c", {"lookup": {"id": [3]}}, replace=["lookup"])
    publish(lake, "d", {"lookup": {"id": [4]}})
    publish(lake, "e", {}, replace=["lookup"])
    seen = {v: read(engine, lake, "lookup", v, "id") for v in range(6)}
    assert seen == {0: [], 1: [1], 2: [1, 2], 3: [3], 4: [3, 4], 5: []}
    assert read(engine, lake, "data/orders", columns="id") == [10]
    assert lake.files("lookup", 4).floor == 3


def test_a_version_beyond_the_newest_means_the_newest(lake: Lake) -> None:
    publish(lake, "a", {"data/orders": {"id": [1]}})
    assert lake.files("data/orders", 99).data_version == 1


def test_columns_that_come_later_are_missing_in_older_rows(lake: Lake, engine: Engine) -> None:
    publish(lake, "a", {"data/orders": {"id": [1]}})
    publish(lake, "b", {"data/orders": {"id": [2], "country": ["日本"], "paid": [True]}})
    publish(lake, "c", {"data/orders": {"id": [3]}})
    assert read(engine, lake, "data/orders", columns="id, country, paid") == [
        (1, None, None),
        (2, "日本", True),
        (3, None, None),
    ]
    assert read(engine, lake, "data/orders", 1, "id, country, paid") == [(1, None, None)]
    assert [name for name, _ in lake.files("data/orders").columns] == ["id", "_batch", "country", "paid"]


def test_a_column_of_another_type_is_refused_and_nothing_stays(lake: Lake, engine: Engine) -> None:
    publish(lake, "a", {"data/orders": {"id": [1]}})
    before = tree(lake.root)
    with pytest.raises(
        Failed, match=r"`type_changed` at `id`: Column \"id\" is of type long by now; the rows come as str"
    ):
        publish(lake, "b", {"rejects": {"line": [1]}, "data/orders": {"id": ["x"]}})
    assert tree(lake.root) == before
    assert (lake.data_version, read(engine, lake, "data/orders")) == (1, [(1, 1)])


def test_rewrite_keeps_every_past_answer(lake: Lake, engine: Engine, tmp_path: Path) -> None:
    publish(lake, "a", {"data/orders": {"id": [1, 2]}})
    publish(lake, "b", {"data/orders": {"id": [3]}}, replace=["data/orders"])
    publish(lake, "c", {"data/orders": {"id": [4]}})
    before = {v: read(engine, lake, "data/orders", v, "id, _batch") for v in range(4)}
    with lake.locked(), lake.staging() as folder:
        wide = folder / "wide.parquet"
        engine.copy_parquet(f"SELECT id::VARCHAR AS id, _batch FROM {scan(lake.whole('data/orders'))}", wide)
        lake.rewrite("data/orders", [wide])
    after = {v: read(engine, lake, "data/orders", v, "id, _batch") for v in range(4)}
    assert after == {v: [(str(i), b) for i, b in rows] for v, rows in before.items()}
    assert dict(lake.files("data/orders").columns)["id"] == "string"
    publish(lake, "d", {"data/orders": {"id": ["x"]}})
    assert read(engine, lake, "data/orders", columns="id") == ["3", "4", "x"]


def test_failure_in_stage_leaves_nothing(lake: Lake) -> None:
    with lake.staging() as folder, pytest.raises(ZeroDivisionError):
        write_staged(folder, "o", {"id": [1]})
        lake.publish("a", lambda _base: Staged({}, {"share": 1 / 0}), dataset="orders")
    assert (lake.data_version, tree(lake.root.parent)) == (0, {})


@pytest.mark.parametrize("bad", ["missing", "no_parquet"])
def test_failure_while_files_are_taken_in_leaves_nothing(lake: Lake, bad: str, engine: Engine) -> None:
    publish(lake, "a", {"data/orders": {"id": [1]}})
    before = tree(lake.root)
    with lake.staging() as folder, pytest.raises((OSError, pa.ArrowInvalid)):
        broken = folder / "broken.parquet"
        if bad == "no_parquet":
            broken.write_bytes(b"PAR1 but no more")
        good = [write_staged(folder, "o", {"id": [2]})]
        lake.publish("b", lambda _base: Staged({"data/orders": good, "rejects": [broken]}), dataset="orders")
    assert tree(lake.root) == before
    assert publish(lake, "b", {"data/orders": {"id": [2]}}).data_version == 2
    assert read(engine, lake, "data/orders") == [(1, 1), (2, 2)]


def _spoil(lake: Lake, table: str) -> None:
    """Make the next commit to `table` fail: its version number is taken by a folder."""
    log = lake.root / table / "_delta_log"
    (log / f"{len(list(log.glob('*.json'))):020}.json").mkdir(parents=True)


def test_failure_in_the_last_commit_takes_back_the_first_ones(lake: Lake, engine: Engine) -> None:
    """Three tables: one that exists, one that gets a column, one that is made; the fourth cannot be committed."""
    publish(lake, "a", {"a_rows": {"id": [1]}, "b_rows": {"id": [1]}, "z_rows": {"id": [1]}})
    columns = {name: lake.files(name).columns for name in ("a_rows", "b_rows", "c_rows", "z_rows")}
    _spoil(lake, "z_rows")
    brought = {"a_rows": {"id": [2]}, "b_rows": {"id": [2], "more": [2]}, "c_rows": {"id": [2]}, "z_rows": {"id": [2]}}
    with pytest.raises(Exception, match=r"."):
        publish(lake, "b", brought)
    (lake.root / "z_rows/_delta_log/00000000000000000001.json").rmdir()
    assert (lake.data_version, lake.journal.intents()) == (1, [])
    assert {name: lake.files(name).columns for name in columns} == columns
    assert lake.table_names() == ["a_rows", "b_rows", "z_rows"]
    for name in ("a_rows", "b_rows", "z_rows"):
        assert read(engine, lake, name) == [(1, 1)]
        assert len(list((lake.root / name).glob("*/*.parquet"))) in {1, 2}  # b_rows' file may have two names
    assert publish(lake, "b", brought | {"b_rows": {"id": [2], "more": ["text"]}}).data_version == 2
    assert read(engine, lake, "b_rows", columns="id, more") == [(1, None), (2, "text")]


def test_a_publish_that_could_not_be_undone_is_undone_at_the_next_opening(lake: Lake, engine: Engine) -> None:
    publish(lake, "a", {"a_rows": {"id": [1]}})
    intent_files = {"a_rows": [["coterie_publish=2/gone.parquet", 1, 1, 2]]}
    lake.journal.begin(Intent(now_record(2, "orders", "b", (), {}), intent_files, {}))
    assert Lake.open(lake.root).journal.intents() == []
    assert publish(lake, "b", {"a_rows": {"id": [2]}}).data_version == 2
    assert read(engine, lake, "a_rows") == [(1, 1), (2, 2)]


def test_full_disk_leaves_everything_as_before(small_disk: Disks, engine: Engine) -> None:
    """At each amount of free space the publish either works or says `disk_full`, and can be repeated afterwards."""
    outcomes = set()
    disk = small_disk(16_000)
    lake = Lake.create(disk.path / "ws" / "lake")
    publish(lake, "first", {"data/orders": {"id": [0]}, "entities": {"key": ["k"]}})
    keys = [os.urandom(8).hex() for _ in range(20_000)]
    noise = {"data/orders": {"id": list(range(40_000))}, "entities": {"key": keys}}
    for free_kb in (0, 60, 200, 500, 900, 1_080, 1_200, 1_500, 3_000):
        before, version = tree(lake.root), lake.data_version
        disk.fill(free_kb * 1024)
        try:
            outcomes.add(publish(lake, f"at {free_kb}", noise).already)
        except Failed as error:
            outcomes.add(error.code)
            assert (lake.data_version, tree(lake.root), lake.journal.intents()) == (version, before, [])
        disk.empty()
        publish(lake, f"at {free_kb}", noise)
        assert lake.data_version == version + 1
        rows = engine.value(f"SELECT count(*) FROM {scan(lake.files('data/orders'))} WHERE _batch = {version + 1}")
        assert rows == 40_000
    assert outcomes == {"disk_full", False}


def test_disk_that_fills_up_within_the_commit_is_undone_later(
    small_disk: Disks, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room for the commit is measured before it; here something else takes the last byte in between."""
    disk = small_disk(8_000)
    lake = Lake.create(disk.path / "ws" / "lake")
    publish(lake, "first", {"a_rows": {"id": [0]}})
    begin = lake.journal.begin

    def begin_and_fill(intent: Intent) -> None:
        begin(intent)
        disk.fill()

    monkeypatch.setattr(lake.journal, "begin", begin_and_fill)
    with pytest.raises(Failed) as caught:
        publish(lake, "second", {"a_rows": {"id": [1]}, "b_rows": {"id": [1]}})
    assert caught.value.code == "disk_full"
    assert Lake.open(lake.root).data_version == 1
    assert read(engine, lake, "a_rows") == [(0, 1)]
    disk.empty()
    monkeypatch.undo()
    assert publish(lake, "other", {"a_rows": {"id": [2]}}).data_version == 2
    assert publish(lake, "second", {"a_rows": {"id": [1]}, "b_rows": {"id": [1]}}).data_version == 3
    assert read(engine, lake, "a_rows") == [(0, 1), (1, 3), (2, 2)]


def test_read_only_disk_is_told_and_can_be_read(small_disk: Disks, engine: Engine) -> None:
    disk = small_disk(8_000)
    lake = Lake.create(disk.path / "ws" / "lake")
    publish(lake, "first", {"data/orders": {"id": [0]}})
    disk.remount("ro")
    opened = Lake.open(lake.root)
    assert read(engine, opened, "data/orders") == [(0, 1)]
    with pytest.raises(Failed, match="`read_only`: The workspace cannot be written to"):
        publish(opened, "second", {"data/orders": {"id": [1]}})
    with pytest.raises(Failed, match="`read_only`"), opened.locked():
        pass
    disk.remount("rw")
    assert publish(opened, "second", {"data/orders": {"id": [1]}}).data_version == 2


def test_a_lake_opened_for_reading_refuses_to_write(lake: Lake) -> None:
    publish(lake, "a", {"data/orders": {"id": [0]}})
    reader = Lake.open(lake.root, read_only=True)
    assert reader.data_version == 1
    for write in (
        lambda: reader.publish("b", lambda _: Staged({}), dataset="x"),
        lambda: reader.replace_derived("tags/x", []),
    ):
        with pytest.raises(Failed, match="`read_only`: The workspace was opened for reading only"):
            write()


def test_missing_or_spoilt_journal_is_damage(lake: Lake) -> None:
    (lake.root / "journal.sqlite").write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(Failed, match="`damaged`: A database file is unreadable"):
        Lake.open(lake.root)
    (lake.root / "journal.sqlite").unlink()
    with pytest.raises(
        Failed, match=r"`damaged` at `lake/journal.sqlite`: The lake's journal is missing. Restore a backup."
    ):
        Lake.open(lake.root)


def test_staging_goes_with_its_block_and_the_lock_may_be_taken_twice(lake: Lake) -> None:
    with lake.staging() as folder:
        write_staged(folder, "o", {"id": [1]})
    assert not folder.exists()
    with lake.locked(), lake.locked():
        assert publish(lake, "a", {"data/orders": {"id": [1]}}).data_version == 1


def test_derived_tables_are_whole_answers_by_delta_version(lake: Lake, engine: Engine) -> None:
    def build(values: list[int]) -> int:
        with lake.staging() as folder:
            path = folder / "built.parquet"
            pq.write_table(pa.table({"row": values}), path)
            return lake.replace_derived("tags/customer/rfm", [path])

    versions = [build([1, 2]), build([3]), build([])]
    answers = [lake.derived("tags/customer/rfm", v) for v in versions]
    assert [engine.rows(f"SELECT * FROM {scan(f)}") for f in answers if f] == [[(1,), (2,)], [(3,)], []]
    assert lake.derived("tags/customer/rfm", versions[-1] + 1) is None
    assert lake.derived("tags/customer/none", 0) is None
    assert lake.data_version == 0
    for path in answers[0].paths if answers[0] else ():
        path.unlink()
    assert lake.derived("tags/customer/rfm", versions[0]) is None
    DeltaTable(str(lake.root / "tags/customer/rfm")).create_checkpoint()
    (lake.root / "tags/customer/rfm/_delta_log/00000000000000000000.json").unlink()  # as Delta does after a month
    assert lake.derived("tags/customer/rfm", versions[0]) is None


def test_a_table_folder_whose_first_commit_never_came_is_no_table(lake: Lake, engine: Engine) -> None:
    (lake.root / "data/orders/_delta_log").mkdir(parents=True)
    assert lake.files("data/orders").columns == ()
    publish(lake, "a", {"data/orders": {"id": [1]}})
    assert read(engine, lake, "data/orders") == [(1, 1)]


def test_tables_with_deletion_vectors_are_refused(lake: Lake) -> None:
    publish(lake, "a", {"data/orders": {"id": [1]}})
    DeltaTable(str(lake.root / "data/orders")).alter.add_feature(
        TableFeatures.DeletionVectors, allow_protocol_versions_increase=True
    )
    with pytest.raises(Failed, match="`damaged` at `orders`: Another program switched on deletion vectors"):
        lake.files("data/orders")


@pytest.mark.parametrize(
    "name", ["a b", "x=1", "id=7", "表格 é", "[x]", "s*r", "**", "q?m", "o'n", "{a,b}", "100%", "a[!b]c", "#h", "a+b;c"]
)
def test_any_folder_name_works(tmp_path: Path, engine: Engine, name: str) -> None:
    """Beside each folder lies one that its name, read as a pattern or decoded, would also mean."""
    for other in (name.replace("*", "u").replace("?", "u").replace("[x]", "x"), name.replace("%", "")):
        if other != name:
            decoy = Lake.create(tmp_path / other / "lake")
            publish(decoy, "decoy", {"data/orders": {"id": [666], "country": ["x"]}})
    lake = Lake.create(tmp_path / name / "lake")
    publish(lake, "a", {"data/orders": {"id": [1], "country": ["=1+1"]}})
    publish(lake, "b", {"data/orders": {"id": [2]}})
    lake = Lake.open(tmp_path / name / "lake")
    assert read(engine, lake, "data/orders", columns="id, country, _batch") == [(1, "=1+1", 1), (2, None, 2)]
    assert all(p.exists() for p in lake.files("data/orders").paths)
    with lake.staging() as folder:
        path = folder / "built.parquet"
        engine.copy_parquet("SELECT 5 AS id", path)
        version = lake.replace_derived("tags/customer/t", [path])
    derived = lake.derived("tags/customer/t", version)
    assert derived is not None
    assert engine.rows(f"SELECT * FROM {scan(derived)}") == [(5,)]


@pytest.mark.parametrize("name", ["a%20b", "c%41", "back\\slash"])
def test_folder_names_that_delta_would_take_for_another_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="Delta tables cannot lie in a folder whose path has"):
        Lake.create(tmp_path / name / "lake")
    assert list(tmp_path.iterdir()) == []


def test_the_log_holds_no_values_and_other_readers_see_the_rows(lake: Lake) -> None:
    """Identifiers and texts in the log's statistics would outlive an erasure."""
    publish(lake, "a", {"data/orders": {"_entity": ["anna@example.org", "zoe@example.org"], "amount": [1.5, 2.5]}})
    publish(lake, "b", {"data/orders": {"_entity": ["bob@example.org"], "amount": [3.5]}})
    log = lake.root / "data/orders/_delta_log"
    text = "".join(p.read_text() for p in sorted(log.glob("*.json")))
    assert text.count("numRecords") == 2
    assert "example.org" not in text
    assert "minValues" not in text
    DeltaTable(str(log.parent)).create_checkpoint()
    assert all(b"example.org" not in p.read_bytes() for p in log.iterdir())
    expected = ["anna@example.org", "bob@example.org", "zoe@example.org"]
    frame = DeltaTable(str(log.parent)).to_pandas()
    assert sorted(frame["_entity"]) == expected
    assert dict(zip(frame["_entity"], frame[tables.PUBLISH], strict=True))["bob@example.org"] == 2
    polars = pytest.importorskip("polars")
    assert sorted(polars.read_delta(str(log.parent))["_entity"]) == expected
