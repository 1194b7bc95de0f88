"""The first page's figures are those of a plain count, kept for as long as they hold, and no longer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import coterie
from coterie.audiences.headline import Headline, Told
from coterie.kit.progress import Progress
from coterie.tags.jobs import BUILD
from coterie.workspace import Workspace

AS_OF = "2024-06-30"
PEOPLE = ("ada", "bo", "cy", "dee", "eve")  # of the file of people, who were always there
ORDERS = [
    ("ada", "2024-01-05", 10),
    ("ada", "2024-06-20", 20),
    ("bo", "2024-04-20", 5),
    ("bo", "2024-05-20", 7),
    ("cy", "2024-06-01", 3),
    ("cy", "2024-06-30", 2),
    ("fay", "2024-06-15", 1),  # known by orders alone
    ("gus", "2024-05-10", 4),
    ("hal", "2024-08-01", 9),  # after the moment that is asked about
]
VISITS = [("dee", "2024-05-25"), ("bo", "2024-02-01"), ("eve", "2023-12-01")]


def write_events(path: Path, rows: list[Any], columns: str) -> Path:
    path.write_text("\n".join([columns, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def make(folder: Path) -> Path:
    with coterie.init(folder / "ws") as ws:
        people = write_events(folder / "people.csv", [(p, n) for n, p in enumerate(PEOPLE)], "id,age")
        ws.load(people, kind="profiles", name="people", entity="id")
        orders = write_events(folder / "orders.csv", ORDERS, "id,at,amount")
        ws.load(orders, kind="events", name="orders", entity="id", time="at")
        visits = write_events(folder / "visits.csv", VISITS, "id,at")
        ws.load(visits, kind="events", name="visits", entity="id", time="at")
        ws.tags.add(recipe="rfm", events="orders", amount="amount")
        ws.tags.build(AS_OF)
    return folder / "ws"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Iterator[Workspace]:
    with coterie.open(shutil.copytree(made, tmp_path / "ws")) as opened:
        yield opened


def by_hand(as_of: datetime, orders: list[Any] = ORDERS) -> dict[str, Any]:
    """The same by looking at everybody's events one by one."""
    start, long = as_of - timedelta(days=30), as_of - timedelta(days=90)
    told = {"customers": 0, "new_30d": 0, "active_30d": 0, "at_risk": 0}
    for who in {*PEOPLE, *(row[0] for row in orders)}:
        rows = [*orders, *VISITS]
        times = [at for at in (datetime.fromisoformat(f"{r[1]}T00:00Z") for r in rows if r[0] == who) if at <= as_of]
        known = who in PEOPLE or bool(times)
        told["customers"] += known
        told["new_30d"] += bool(times) and min(times) > start
        told["active_30d"] += bool(times) and max(times) > start
        told["at_risk"] += bool(times) and long < max(times) <= start
    money = [row[2] for row in orders if start < datetime.fromisoformat(f"{row[1]}T00:00Z") <= as_of]
    return {**told, "revenue_30d": {"amount": sum(money), "currency": "EUR", "events": "orders"}}


def fresh(ws: Workspace, folder: Path) -> Told:
    """The figures where none are kept."""
    return Headline(ws.tag_context, ws.index, folder / "empty").now()


def kept(ws: Workspace) -> list[Path]:
    return sorted((ws.path / "cache" / "headline").glob("*.json"))


def test_figures_are_those_of_a_plain_count(ws: Workspace) -> None:
    """At both moments, and whether or not events have row numbers yet."""
    told = ws.headline.now()
    moment = told.as_of.astimezone(UTC)
    assert told.figures == by_hand(moment) and told.previous == by_hand(moment - timedelta(days=30))
    assert told.figures == {
        "customers": 7,
        "new_30d": 2,
        "active_30d": 3,
        "at_risk": 3,
        "revenue_30d": {"amount": 26, "currency": "EUR", "events": "orders"},
    }
    ws.compact()
    kept(ws)[0].unlink()
    assert ws.headline.now() == told, "numbered events are counted alike"


def test_nobody_and_nothing(tmp_path: Path) -> None:
    """Without a build they are of this moment and not kept; without events nobody is told to be active."""
    with coterie.init(tmp_path / "ws") as ws:
        none = ws.headline.now()
        people = write_events(tmp_path / "people.csv", [("ada", 1)], "id,age")
        ws.load(people, kind="profiles", name="people", entity="id")
        one = ws.headline.now()
        assert (none.figures["customers"], one.figures["customers"], kept(ws)) == (0, 1, [])
        assert one.figures == {
            "customers": 1,
            "new_30d": 0,
            "active_30d": None,
            "at_risk": None,
            "revenue_30d": None,
        }
        assert one.previous["customers"] == 1


def test_what_is_kept_is_used_and_can_be_deleted(ws: Workspace, tmp_path: Path) -> None:
    """By another opening, too; what was cut off or deleted is made again, and old files go."""
    told = ws.headline.now()
    (file,) = kept(ws)
    body = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps([{**body[0], "customers": 99}, body[1]]), encoding="utf-8")
    with coterie.open(ws.path) as other:
        assert other.headline.now().figures["customers"] == 99, "it was read, not made"
    for spoil in (lambda: file.write_text('[{"cust'), lambda: file.write_text("{}"), file.unlink):
        spoil()
        assert ws.headline.now() == told == fresh(ws, tmp_path) and kept(ws) == [file]
    for number in range(30):
        (file.parent / f"{number}.json").write_text("[]", encoding="utf-8")
    file.unlink()
    assert ws.headline.now() == told and file in kept(ws) and len(kept(ws)) == 16


def _more_data(ws: Workspace, folder: Path) -> None:
    more = write_events(folder / "more.csv", [("ivy", "2024-06-29", 100)], "id,at,amount")
    ws.load(more, kind="events", name="orders", entity="id", time="at")
    ws.tags.build(AS_OF)


def _another_moment(ws: Workspace, _folder: Path) -> None:
    ws.tags.build("2024-08-02")


def _another_dataset(ws: Workspace, folder: Path) -> None:
    calls = write_events(folder / "calls.csv", [("eve", "2024-06-29")], "id,at")
    ws.load(calls, kind="events", name="calls", entity="id", time="at")


def _money_is_something_else(ws: Workspace, _folder: Path) -> None:
    ws.tags.add(recipe="rfm", events="orders", amount="amount * 2")


@pytest.mark.parametrize("change", [_more_data, _another_moment, _another_dataset, _money_is_something_else])
def test_what_is_kept_is_not_used_after_a_change(
    ws: Workspace, tmp_path: Path, change: Callable[[Workspace, Path], None]
) -> None:
    """Of data, moment, datasets or what money is: the figures are those that are made afresh, and differ."""
    before = ws.headline.now()
    change(ws, tmp_path)
    after = ws.headline.now()
    assert after == fresh(ws, tmp_path) and after.figures != before.figures
    with coterie.open(ws.path) as other:
        assert other.headline.now() == after and len(kept(ws)) == 2


def test_the_job_that_builds_makes_them(ws: Workspace) -> None:
    """With the columns of tags: nobody waits for either at the first visit after a build."""
    assert kept(ws) == [] and BUILD.run(ws, {"as_of": AS_OF}, Progress())["tags"] > 0
    assert len(kept(ws)) == 1 and ws.index.warm() == 0, "nothing is left to be made"
    ws.headline.make_behind()
    assert ws.headline.now().figures["customers"] == 7
