"""Imports that come again: what is new is imported, what was seen is passed over, and failures are kept."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from coterie.errors import NotFound, Refused
from coterie.ingest.sources import JOB, Sources
from coterie.jobs.registry import find_job
from coterie.kit.progress import Progress
from coterie.workspace import Workspace


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """An empty workspace."""
    with Workspace.init(tmp_path_factory.mktemp("sources") / "ws") as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two days of orders, the later file named first."""
    write(tmp_path / "b.csv", [("1", "C1", "2024-05-01"), ("2", "C2", "2024-05-02")], at=1_000)
    write(tmp_path / "a.csv", [("3", "C1", "2024-05-03")], at=2_000)
    (tmp_path / ".hidden.csv").write_text("no,thing\n")
    return tmp_path


def write(path: Path, rows: list[tuple[str, str, str]], *, at: int) -> None:
    """A file of orders, last changed at a moment."""
    path.write_text("order_id,customer,day\n" + "".join(f"{','.join(row)}\n" for row in rows))
    os.utime(path, (at, at))


ORDERS = {"kind": "events", "entity": "customer", "time": "day", "key": "order_id"}


def test_a_folder_is_imported_once_and_what_is_new_later(ws: Workspace, folder: Path) -> None:
    ws.sources.put("orders", str(folder), name="orders", **ORDERS)
    assert [Path(p).name for p in ws.sources.waiting("orders")] == ["b.csv", "a.csv"], "the older file first"
    done = ws.sources.run("orders")
    assert (done["files"], done["accepted"], done["duplicates"]) == (2, 3, 0)
    assert ws.sources.waiting("orders") == [] and ws.sources.run("orders")["files"] == 0
    write(folder / "c.csv", [("3", "C1", "2024-05-03"), ("4", "C4", "2024-05-04")], at=3_000)
    again = ws.sources.run("orders")
    assert (again["files"], again["accepted"], again["duplicates"]) == (1, 1, 1)
    last = ws.sources.get("orders").row()["last"]
    assert last["state"] == "completed" and last["accepted"] == 1 and last["error"] is None
    assert next(r for r in ws.dataset_rows() if r["dataset"] == "orders")["rows"] == 4


def test_a_file_that_cannot_be_used_is_told_and_the_others_stay(ws: Workspace, folder: Path) -> None:
    ws.sources.put("half", str(folder / "*.csv"), name="half", **ORDERS)
    (folder / "z.csv").write_text("something,else\n1,2\n")
    os.utime(folder / "z.csv", (9_000, 9_000))
    with pytest.raises(Refused) as told:
        ws.sources.run("half")
    assert told.value.code == "unknown_column"
    last = ws.sources.get("half").last
    assert last is not None and (last["state"], last["files"], last["accepted"]) == ("failed", 2, 3)
    assert last["error"]["code"] == "unknown_column"
    assert [Path(p).name for p in ws.sources.waiting("half")] == ["z.csv"]
    with pytest.raises(Refused) as gone:
        ws.sources.put("gone", str(folder / "nothing.csv"), name="half", **ORDERS)
        ws.sources.run("gone")
    assert gone.value.code == "missing_file"


def test_a_database_is_asked_anew_and_its_password_is_not_shown(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.execute("CREATE TABLE people (customer TEXT, city TEXT)")
        base.execute("INSERT INTO people VALUES ('C1', 'Paris'), ('C2', 'Lyon')")
    base.close()
    monkeypatch.setenv("SHOP_DB", str(tmp_path / "shop.db"))
    ws.sources.put("people", "sqlite:///$SHOP_DB#people", name="people", kind="profiles", entity="customer")
    assert ws.sources.run("people")["accepted"] == 2
    assert ws.sources.get("people").location == "sqlite:///$SHOP_DB#people"
    assert ws.sources.run("people")["duplicates"] == 2
    hidden = ws.sources.put("far", "postgresql://me:secret@host/db#t", name="far", kind="profiles", entity="id").row()
    assert hidden["location"] == "postgresql://me:***@host/db#t"
    ws.sources.remove("far")


def test_schedules_and_the_job(ws: Workspace, folder: Path) -> None:
    """By a schedule a run with nothing new makes no job; asked for, it says so."""
    ws.sources.put("timed", str(folder), name="timed", schedule="daily 6:30", **ORDERS)
    planned = {row.name: row for row in ws.jobs.schedules()}["source timed"]
    assert (planned.cron, planned.job, planned.arguments) == ("30 6 * * *", JOB, {"source": "timed"})
    job = find_job(JOB)
    stages = job.plan(ws, {"source": "timed"})
    assert job.run(ws, stages[0], Progress())["accepted"] == 3
    assert job.plan(ws, {"source": "timed"}) == []
    assert job.plan(ws, {"source": "timed", "asked": True}) == [{"source": "timed", "asked": True}]
    assert ws.sources.schedule("timed", "never").schedule is None
    assert "source timed" not in [row.name for row in ws.jobs.schedules()]
    ws.sources.remove("timed")
    with pytest.raises(NotFound):
        ws.sources.get("timed")


def test_what_cannot_be_kept_is_refused(ws: Workspace, folder: Path) -> None:
    wrong = [
        ("a/b", str(folder), {}, "name"),
        ("x", " ", {}, "location"),
        ("x", str(folder), {"schedule": "sometimes"}, "schedule"),
        ("x", str(folder), {"colour": "red"}, "colour"),
    ]
    for name, location, more, place in wrong:
        with pytest.raises(Refused) as told:
            ws.sources.put(name, location, name="x", **{**ORDERS, **more})
        assert told.value.place == place and told.value.fix
    assert "x" not in [source.name for source in ws.sources.all()]


def test_only_the_inbox_is_named_from_outside(ws: Workspace) -> None:
    sources: Sources = ws.sources
    for pattern in ("/etc/passwd", "../meta.sqlite", "sqlite:///x#y", "$HOME/x.csv", "a/../../x"):
        with pytest.raises(Refused) as told:
            sources.put_from_inbox("in", pattern, name="in", **ORDERS)
        assert told.value.code == "not_allowed"
    made = sources.put_from_inbox("in", "orders-*.csv", name="in", **ORDERS)
    write(ws.path / "inbox" / "orders-1.csv", [("1", "C1", "2024-05-01")], at=1_000)
    assert sources.run("in")["accepted"] == 1 and made.row()["location"].endswith("inbox/orders-*.csv")
