"""Journeys: what is refused, when waits are over, who is where at any moment, and nothing twice after kills."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.campaigns.conftest import ZONES
from tests.shop import ask, refused, run

import coterie
from coterie.campaigns import events
from coterie.campaigns.hits import PAGE_EVENTS
from coterie.campaigns.journeys.definition import Wait, read_journey
from coterie.campaigns.journeys.messages import own_name
from coterie.campaigns.journeys.service import Journeys
from coterie.campaigns.journeys.state import State
from coterie.campaigns.journeys.waiting import due
from coterie.errors import Failed, Refused
from coterie.kit.moments import now
from coterie.kit.progress import Progress
from coterie.rules.spans import read_span
from coterie.workspace import Workspace

CHANNEL = {"name": "file", "address": "email", "consent": "email"}
BEGIN = datetime(2026, 3, 27, 13, tzinfo=UTC)  # Friday, 14:00 in Berlin; summer time begins on Sunday
WIN_BACK: dict[str, Any] = {
    "name": "win back",
    "entry": {"audience": "everyone"},
    "exit": {"goal": "orders"},
    "steps": [
        {"id": "hello", "send": {"channel": CHANNEL, "content": {"text": "Hi {{ name }}"}}, "unsent": "done"},
        {"id": "pause", "wait": {"for": "1d", "at": "09:00"}},
        {"id": "chinese", "condition": {"tag": "lang", "op": "eq", "value": "zh"}, "no": "done"},
        {"id": "half", "split": {"a": 0.5, "b": {"share": 0.5, "next": "done"}}},
        {"id": "asked", "event": "answers", "within": "2d", "yes": "done"},
        {"id": "again", "send": {"channel": CHANNEL, "content": {"text": "Still there, {{ name }}?"}}},
        {"id": "done", "end": True},
    ],
}


@pytest.fixture(scope="module")
def base(campaign_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop of the campaigns' tests, with orders and answers."""
    folder = tmp_path_factory.mktemp("journeys")
    shutil.copytree(campaign_base, folder / "ws")
    with coterie.open(folder / "ws") as ws:
        happen(ws, folder, "orders", [(20 * i, BEGIN + timedelta(hours=i)) for i in range(12)])
        happen(ws, folder, "answers", [(n, BEGIN + timedelta(days=2)) for n in range(0, 240, 18)])
        ws.journeys.check(WIN_BACK)
        ws.tags.build()
    return folder / "ws"


@pytest.fixture(scope="module")
def shared(base: Path) -> Iterator[Workspace]:
    """One workspace for tests whose journeys have names of their own."""
    with coterie.open(base.parent / shutil.copytree(base, base.parent / "shared").name) as ws:
        yield without_queue(ws)


@pytest.fixture
def alone(base: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace for one test."""
    shutil.copytree(base, tmp_path / "ws")
    with coterie.open(tmp_path / "ws") as ws:
        yield without_queue(ws)


class Schedules:
    """A queue that only remembers what it was asked; the real one takes a second to make."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def schedules(self) -> list[Any]:
        """None yet."""
        return []

    def schedule(self, name: str, *_: Any, **__: Any) -> None:
        """Remembered."""
        self.made.append(name)


def without_queue(ws: Workspace) -> Workspace:
    """The workspace, with journeys that make no queue."""
    parts = (ws.tag_context, ws.index, ws.audiences, ws.campaigns, ws.path / "journeys")
    ws.__dict__["journeys"] = Journeys(*parts, Schedules)  # type: ignore[arg-type]
    return ws


def happen(ws: Workspace, folder: Path, name: str, rows: list[tuple[int, datetime]]) -> None:
    """Events of customers by number."""
    lines = ["who,at,note", *(f"{n:06},{at.isoformat()},n{n}" for n, at in rows)]
    path = folder / f"{name}-{time.monotonic_ns()}.csv"
    path.write_text("\n".join(lines) + "\n")
    ws.load(path, kind="events", name=name, entity="who", time="at", types={"who": "text"})


def told(ws: Workspace, name: str) -> dict[str, tuple[int, int, int, int]]:
    """Entered, waiting, passed, exited by step; checks that they add up."""
    found = ws.journeys.status(name)
    assert found["difference"] == 0
    for row in found["steps"]:
        assert row["entered"] == row["waiting"] + row["passed"] + row["exited"], row
        assert row["exited"] == sum(row["exits"].values())
    assert found["entered"] == found["inside"] + found["finished"] + sum(found["exits"].values())
    return {r["step"]: (r["entered"], r["waiting"], r["passed"], r["exited"]) for r in found["steps"]}


def messages(ws: Workspace, journey: str) -> Counter[tuple[str, str]]:
    """What the file channel wrote for a journey: how often each customer got which text."""
    found: Counter[tuple[str, str]] = Counter()
    for step in ws.journeys.get(journey)[0].sends:
        folder = ws.campaigns.run_folder(f"{own_name(journey, step.id)}@1").parent
        lines = [line for file in folder.glob("*/outbox/*.jsonl") for line in file.read_text().splitlines()]
        found += Counter((m["entity"], m["text"].partition(" ")[0]) for m in map(json.loads, lines))
    return found


def changed(**parts: Any) -> dict[str, Any]:
    """A journey of two steps with other parts."""
    steps = [{"id": "a", "wait": "1d"}, {"id": "z", "end": True}]
    return {"name": "j", "entry": {"audience": "everyone"}, "steps": steps, **parts}


def steps(*given: Mapping[str, Any]) -> dict[str, Any]:
    """A journey of these steps and an end."""
    return changed(steps=[*given, {"id": "z", "end": True}])


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "j"}, "journey.entry", "missing"),
    (changed(stepps=[]), "journey.stepps", 'Did you mean "steps"?'),
    (changed(entry={}), "entry", "one of the two"),
    (changed(entry={"audience": "x", "again": "30d"}), "entry.again", 'Write never or "after 30d"'),
    (changed(entry={"audience": "x", "late": "1d"}), "entry.late", "Only events are late"),
    (changed(exit={"left": 1}), "exit.left", "neither true nor false"),
    (changed(entry={"event": "e"}, exit={"left": True}), "exit.left", "no audience to leave"),
    (changed(every_minutes=1), "every_minutes", "from 5 to 1,440"),
    (changed(quiet={"from": "21:00"}), "quiet.until", "missing"),
    (changed(zone="Mars"), "--zone", "not a time zone"),
    (steps({"id": "a", "wait": "0d"}), "steps[0].wait", "empty"),
    (steps({"id": "a", "wait": {"on": ["mon"]}}), "steps[0].wait.for", "needs a time of day"),
    (steps({"id": "a", "wait": {"at": "25:00"}}), "steps[0].wait.at", "no time of day"),
    (steps({"id": "a", "wait": "1d", "end": True}), "steps[0]", "does one thing"),
    (steps({"id": "a/b", "wait": "1d"}), "steps[0].id", "cannot name a step"),
    (steps({"id": "a", "wait": "1d"}, {"id": "a", "wait": "1d"}), "steps[1].id", "two steps"),
    (steps({"id": "a", "wait": "1d", "next": "y"}), "steps.a.next", 'no step "y"'),
    (steps({"id": "a", "wait": "1d"}, {"id": "b", "wait": "1d", "next": "a"}), "steps.a", "in a circle: a, b, a"),
    (steps({"id": "a", "wait": "1d", "next": "z"}, {"id": "b", "wait": "1d"}), "steps.b", "Nobody reaches"),
    (changed(steps=[{"id": "a", "wait": "1d"}]), "steps[0].next", "no way out"),
    (changed(steps=[{"id": "a", "end": True}]), "steps[0]", "ends where it begins"),
    (steps({"id": "a", "split": {"x": 0.5, "y": 0.4}}), "steps[0].split", "add up to 0.9"),
    (steps({"id": "a", "split": {"x": 1}}), "steps[0].split", "two branches or more"),
    (steps({"id": "a", "split": {"x": True, "y": 0.5}}), "steps[0].split.x", "no share"),
    (steps({"id": "a", "event": "e"}), "steps[0].within", "how long to wait"),
    (steps({"id": "a", "condition": {"opened": "b"}}), "steps[0].condition.opened", "no step that sends"),
    (steps({"id": "a", "send": {"channel": "file"}}), "steps[0].send.content", "missing"),
    (steps({"id": "a", "send": {"campaign": "c", "channel": "file"}}), "steps[0].send", "stands alone"),
]


@pytest.mark.parametrize(("given", "place", "words"), MISTAKES, ids=[f"{p} {w[:20]}" for _, p, w in MISTAKES])
def test_mistakes_say_where_and_what_to_do(given: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(Refused) as error:
        read_journey(given, ZoneInfo("UTC"))
    assert (error.value.code, error.value.place) == ("bad_journey", place)
    assert words in str(error.value) and error.value.fix


def test_what_is_not_there_is_refused_and_nothing_saved(shared: Workspace) -> None:
    hello = {"channel": "file", "content": {"text": "Hi {{ nme }}"}}
    cases: list[tuple[dict[str, Any], str, str]] = [
        (changed(entry={"audience": "nobody here"}), "unknown_name", "entry.audience"),
        (changed(entry={"event": "people"}), "bad_journey", "entry.event.events"),
        (
            changed(exit={"goal": [{"events": "orders", "where": {"field": "no", "op": "exists"}}]}),
            "unknown_field",
            "exit.goal[0].where",
        ),
        (changed(zone_of="no such tag"), "unknown_name", "zone_of"),
        (changed(purpose="fun"), "bad_journey", "purpose"),
        (steps({"id": "a", "condition": {"tag": "lnag", "op": "exists"}}), "unknown_name", "steps.a.condition"),
        (steps({"id": "a", "page": "spring", "within": "1d"}), "unknown_name", "steps.a.page"),
        (steps({"id": "a", "send": hello}), "bad_template", "steps.a.send.content.text:1"),
        (steps({"id": "a", "send": {**hello, "channel": "fax"}}), "unknown_name", "steps.a.send.channel"),
        (steps({"id": "a", "send": {"campaign": "none"}}), "unknown_name", "steps.a.send"),
    ]
    for given, code, place in cases:
        with pytest.raises(Refused) as error:
            shared.journeys.create(given)
        assert error.value.code == code and str(error.value.place).startswith(place), (error.value, place)
    assert "j" not in [row["journey"] for row in shared.journeys.rows()]


# The wait, since when (UTC), and when it is over (UTC) in Shanghai, Berlin and New York. Worked out by hand from the
# days on which clocks change: Berlin 29 March and 25 October 2026, New York 8 March and 1 November; Shanghai none.
WAITS = [
    ({"for": "1d"}, "2026-03-28T13:00", "2026-03-29T13:00", "2026-03-29T12:00", "2026-03-29T13:00"),
    ({"for": "1d"}, "2026-10-24T12:00", "2026-10-25T12:00", "2026-10-25T13:00", "2026-10-25T12:00"),
    ({"for": "24h"}, "2026-03-28T13:00", "2026-03-29T13:00", "2026-03-29T13:00", "2026-03-29T13:00"),
    ({"for": "1d", "at": "09:00"}, "2026-03-28T13:00", "2026-03-29T01:00", "2026-03-29T07:00", "2026-03-29T13:00"),
    ({"for": "1d", "at": "09:00"}, "2026-03-07T15:00", "2026-03-08T01:00", "2026-03-08T08:00", "2026-03-08T13:00"),
    ({"for": "1d", "at": "02:30"}, "2026-03-28T13:00", "2026-03-28T18:30", "2026-03-29T01:30", "2026-03-29T06:30"),
    ({"for": "1d", "at": "02:30"}, "2026-03-07T15:00", "2026-03-07T18:30", "2026-03-08T01:30", "2026-03-08T07:30"),
    ({"for": "1d", "at": "02:30"}, "2026-10-24T12:00", "2026-10-24T18:30", "2026-10-25T00:30", "2026-10-25T06:30"),
    ({"for": "1d", "at": "01:30"}, "2026-10-31T12:00", "2026-10-31T17:30", "2026-11-01T00:30", "2026-11-01T05:30"),
    ({"at": "09:00"}, "2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T07:00", "2026-03-29T13:00"),
    ({"at": "09:00"}, "2026-03-29T07:00", "2026-03-30T01:00", "2026-03-30T07:00", "2026-03-29T13:00"),
    ({"for": "2h", "at": "09:00"}, "2026-03-28T23:30", "2026-03-30T01:00", "2026-03-29T07:00", "2026-03-29T13:00"),
    (
        {"for": "1d", "at": "09:00", "on": ["mon"]},
        *("2026-03-28T13:00", "2026-03-30T01:00", "2026-03-30T07:00", "2026-03-30T13:00"),
    ),
    ({"for": "1w"}, "2026-03-05T15:00", "2026-03-12T15:00", "2026-03-12T15:00", "2026-03-12T14:00"),
    ({"for": "1m"}, "2026-01-31T08:00", "2026-02-28T08:00", "2026-02-28T08:00", "2026-02-28T08:00"),
]


@pytest.mark.parametrize(("given", "since", "shanghai", "berlin", "new_york"), WAITS)
def test_waits_are_true_to_the_calendar(
    given: dict[str, Any], since: str, shanghai: str, berlin: str, new_york: str
) -> None:
    span = read_span(given["for"], "for") if "for" in given else None
    wait, begin = Wait(span, given.get("at"), tuple(given.get("on", ()))), datetime.fromisoformat(since + "+00:00")
    for zone, expected in zip(
        ("Asia/Shanghai", "Europe/Berlin", "America/New_York"), (shanghai, berlin, new_york), strict=True
    ):
        found = due(wait, begin, ZoneInfo(zone))
        assert found.isoformat(timespec="minutes") == expected + "+00:00", (zone, given)
        assert found > begin


def test_three_steps_over_the_days_on_which_clocks_change(alone: Workspace) -> None:
    """Each in their own zone, at 09:00 there: on the two days after Friday, one of which lacks an hour in Berlin."""
    wait = {"wait": {"for": "1d", "at": "09:00"}}
    send = {"send": {"channel": CHANNEL, "content": {"text": "{{ zone }} now"}}}
    given = steps({"id": "first", **wait}, {"id": "second", **wait}, {"id": "note", **send})
    rule = {"tag": "zone", "op": "in", "value": ZONES[:3]}
    alone.audiences.save("zoned", rule)
    alone.journeys.create({**given, "name": "zones", "zone_of": "zone", "entry": {"audience": "zoned"}})
    alone.journeys.start("zones", at=BEGIN)
    alone.journeys.advance("zones", at=BEGIN)
    expected = {
        *(("first", "28 01:00"), ("first", "28 08:00"), ("first", "28 13:00")),
        *(("second", "29 01:00"), ("second", "29 07:00"), ("second", "29 13:00")),
        *(("note", "29 01:00"), ("note", "29 07:00"), ("note", "29 13:00")),
    }
    arrived = set()
    for moment in sorted({datetime.strptime(f"2026-03-{m} +0000", "%Y-%m-%d %H:%M %z") for _, m in expected}):
        assert alone.journeys.advance("zones", at=moment - timedelta(seconds=1))["moved"] == {}
        moved = alone.journeys.advance("zones", at=moment)["moved"]
        arrived |= {(step, f"{moment:%d %H:%M}") for step in moved}
    assert arrived == expected
    assert told(alone, "zones")["note"][2] == 144 and max(messages(alone, "zones").values()) == 1


def test_a_win_back_from_entry_to_exit(alone: Workspace) -> None:
    ws = alone
    dry = ws.journeys.create(WIN_BACK) and ws.journeys.dry_run("win back", at=BEGIN, days=10)
    assert dry["entrants"] == 240 and dry["errors"] is None and dry["difference"] == 0
    assert [m["step"] for m in dry["messages"]] == ["hello", "again"] and not messages(ws, "win back")
    assert dry["messages"][1]["at"] == "2026-03-30T09:00:00+02:00"  # two calendar days after Saturday at 09:00
    assert ws.journeys.status("win back")["state"] == "draft"
    assert ws.journeys.start("win back", at=BEGIN, by="Ada")["state"] == "running"
    first = ws.journeys.advance("win back", at=BEGIN)
    assert first["entered"] == 240 and first["moved"] == {"hello": 240} and not first["errors"]
    found = {r["step"]: r for r in ws.journeys.funnel("win back")["steps"]}
    assert found["hello"]["ways"]["sent"] == found["pause"]["waiting"] == 192
    assert found["hello"]["ways"]["suppressed"] == found["done"]["passed"] == 48  # they got none, and wait for none
    assert told(ws, "win back")["pause"] == (192, 192, 0, 0)
    ws.journeys.advance("win back", at=BEGIN + timedelta(hours=18))
    at_nine = ws.journeys.advance("win back", at=datetime(2026, 3, 28, 8, tzinfo=UTC))
    assert at_nine["moved"].keys() == {"pause", "chinese", "half"}
    for hours in range(24, 24 * 6, 12):
        ws.journeys.advance("win back", at=BEGIN + timedelta(hours=hours))
        told(ws, "win back")
    end = ws.journeys.status("win back")
    rows = {r["step"]: r for r in end["steps"]}
    assert (
        end["inside"] == 0 and end["exits"]["goal"] == rows["pause"]["exits"]["goal"] + rows["asked"]["exits"]["goal"]
    )
    assert end["exits"]["goal"] > 0 and rows["half"]["ways"].keys() == {"a", "b"}
    assert rows["asked"]["ways"]["yes"] > 0 and rows["again"]["entered"] == rows["asked"]["ways"]["no"]
    sent = messages(ws, "win back")
    assert max(sent.values()) == 1
    assert Counter(text for _, text in sent) == {"Hi": 192, "Still": rows["again"]["ways"]["sent"]}
    goal = ws.journeys.path("win back", "000020")
    assert goal["step"] is None and goal["moves"][-1]["event"] == "exited" and goal["moves"][-1]["reason"] == "goal"
    rule = {"events": "journey_events", "where": {"field": "event", "op": "eq", "value": "exited"}}
    assert (
        ws.audiences.count(rule, as_of=BEGIN + timedelta(days=9), data_version=ws.data_version).count
        == end["exits"]["goal"]
    )
    assert ws.campaigns.status("win back: hello")["difference"] == 0
    assert ws.journeys.advance("win back", at=BEGIN) == {
        **ws.journeys.advance("win back", at=BEGIN)
    }  # a clock set back
    with pytest.raises(Refused, match="has run"):
        ws.journeys.delete("win back")


def test_the_split_is_the_same_for_the_same_customer(shared: Workspace) -> None:
    """By key, whatever else there is; the share that decided stands beside the branch."""
    given = steps({"id": "way", "split": {"x": 0.3, "y": 0.7}}, {"id": "rest", "wait": "1d"})
    branches = []
    for name in ("split one", "split two"):
        shared.journeys.create({**given, "name": "split one" if name == "split one" else name})
        shared.journeys.start(name, at=BEGIN)
        shared.journeys.advance(name, at=BEGIN)
        ways = {r["step"]: r for r in shared.journeys.funnel(name)["steps"]}["way"]["ways"]
        assert 45 <= ways["x"] <= 100 and ways["x"] + ways["y"] == 240
        moves = [shared.journeys.path(name, f"{n:06}")["moves"][1] for n in range(20)]
        assert {(m["reason"], m["detail"]) for m in moves} == {("x", "0.3"), ("y", "0.7")}
        branches.append([m["reason"] for m in moves])
    assert branches[0] != branches[1]  # the name is the salt


def test_entry_by_event_again_and_late(alone: Workspace, tmp_path: Path) -> None:
    """Events from the start on, also those that are learnt of late, but not too late; nobody twice at a time."""
    ws = alone
    entry = {
        "event": {"events": "orders", "where": {"field": "note", "op": "ne", "value": "n220"}},
        "again": "after 2d",
    }
    given = {**changed(entry={**entry, "late": "3d"}), "name": "welcome"}
    ws.journeys.create(given)
    start = BEGIN + timedelta(hours=2, minutes=30)
    ws.journeys.start("welcome", at=start)
    assert ws.journeys.advance("welcome", at=start)["entered"] == 0  # the first three came before
    assert ws.journeys.advance("welcome", at=BEGIN + timedelta(hours=12))["entered"] == 8  # and not number 220
    assert ws.journeys.advance("welcome", at=BEGIN + timedelta(hours=13))["entered"] == 0
    happen(ws, tmp_path, "orders", [(1, BEGIN + timedelta(hours=4)), (60, BEGIN + timedelta(hours=14))])
    told_of = ws.journeys.advance("welcome", at=BEGIN + timedelta(hours=15))
    assert told_of["entered"] == 1  # learnt of late; the other is inside
    happen(ws, tmp_path, "orders", [(2, BEGIN + timedelta(hours=5))])
    assert ws.journeys.advance("welcome", at=BEGIN + timedelta(days=3, hours=6))["entered"] == 0  # too late
    happen(ws, tmp_path, "orders", [(60, BEGIN + timedelta(days=4)), (80, BEGIN + timedelta(days=6))])
    assert ws.journeys.advance("welcome", at=BEGIN + timedelta(days=4, hours=1))["entered"] == 0  # out for a day only
    assert ws.journeys.advance("welcome", at=BEGIN + timedelta(days=6))["entered"] == 1
    assert [m["entry"] for m in ws.journeys.path("welcome", "000080")["moves"] if m["reason"] == "entry"] == [1, 2]
    assert told(ws, "welcome")["a"][0] == 10


def test_quiet_hours_and_the_goal_before_the_message(shared: Workspace, tmp_path: Path) -> None:
    """Who is in quiet hours stays; who buys meanwhile is not sent it any more. Quiet hours lie away from the real clock,
    which the channel goes by."""
    ws, at = shared, now()
    hours = {"from": f"{at + timedelta(hours=2):%H:%M}", "until": f"{at + timedelta(hours=4):%H:%M}"}
    message = {"channel": CHANNEL, "content": {"text": "Hi {{ name }}"}}
    ws.journeys.create(
        {**steps({"id": "hi", "send": message}), "quiet": hours, "zone": "UTC", "exit": {"goal": "orders"}},
        name="quiet",
    )
    ws.journeys.start("quiet", at=at)
    assert ws.journeys.advance("quiet", at=at + timedelta(hours=3))["moved"] == {}
    assert told(ws, "quiet")["hi"][1] == 240 and not messages(ws, "quiet")
    happen(ws, tmp_path, "orders", [(n, at + timedelta(hours=3, minutes=5)) for n in range(10)])
    assert ws.journeys.advance("quiet", at=at + timedelta(hours=4, minutes=1))["moved"] == {"hi": 230}
    assert not {entity for entity, _ in messages(ws, "quiet")} & {f"{n:06}" for n in range(10)}
    assert told(ws, "quiet")["hi"] == (240, 0, 230, 10)


def test_a_newer_version_is_taken_over_when_it_is_started(shared: Workspace) -> None:
    """Who stands where there is no step any more leaves; pause, resume and stop do what they say."""
    ws = shared
    given = {**steps({"id": "old", "wait": "5d"}), "name": "versions"}
    ws.journeys.create(given)
    with pytest.raises(Refused, match='"versions" is draft'):
        ws.journeys.advance("versions", at=BEGIN)
    ws.journeys.start("versions", at=BEGIN)
    with pytest.raises(Refused, match='"versions" is running'):
        ws.journeys.start("versions", at=BEGIN)
    ws.journeys.advance("versions", at=BEGIN)
    assert ws.journeys.create({**steps({"id": "new", "wait": "5d"}), "name": "versions"})["version"] == 2
    ws.journeys.advance("versions", at=BEGIN + timedelta(hours=1))
    assert told(ws, "versions")["old"] == (240, 240, 0, 0)
    ws.journeys.start("versions", at=BEGIN + timedelta(hours=2))
    assert ws.journeys.advance("versions", at=BEGIN + timedelta(hours=2))["left"] == {"left": 240}
    assert told(ws, "versions")["old"] == (240, 0, 0, 240)
    assert ws.journeys.pause("versions")["state"] == "paused"
    with pytest.raises(Refused, match="is paused"):
        ws.journeys.advance("versions")
    assert "versions" not in ws.journeys.due(BEGIN + timedelta(days=9))
    assert ws.journeys.resume("versions")["state"] == "running"
    assert "versions" in ws.journeys.due(BEGIN + timedelta(days=9))
    assert ws.journeys.stop("versions")["state"] == "stopped"


def test_who_leaves_the_audience_leaves_and_errors_keep_nobody_else(shared: Workspace) -> None:
    """What cannot be done is told at its step; the others go on, and it is done later."""
    ws = shared
    ws.audiences.save("some", {"tag": "lang", "op": "eq", "value": "zh"})
    message = {"channel": CHANNEL, "content": {"text": "Hi {{ name }}"}}
    given = steps({"id": "hi", "send": message, "next": "nap"}, {"id": "nap", "wait": "1d"})
    ws.journeys.create({**given, "entry": {"audience": "some"}, "exit": {"left": True}}, name="leaving")
    ws.journeys.start("leaving", at=BEGIN)
    ws.campaigns.enable("leaving: hi", False)
    done = ws.journeys.advance("leaving", at=BEGIN)
    assert done["entered"] == 80 and done["errors"]["hi"]["code"] == "campaign_state"
    assert ws.journeys.status("leaving")["errors"]["hi"]["message"] == '"leaving: hi" is disabled.'
    assert "leaving" in ws.journeys.due(BEGIN + timedelta(minutes=1))  # its message is under way
    ws.campaigns.enable("leaving: hi")
    assert ws.journeys.advance("leaving", at=BEGIN + timedelta(minutes=5))["moved"] == {"hi": 80}
    assert ws.journeys.status("leaving")["errors"] is None and max(messages(ws, "leaving").values()) == 1
    ws.audiences.save(
        "some", {"all": [{"tag": "lang", "op": "eq", "value": "zh"}, {"tag": "agrees", "op": "eq", "value": True}]}
    )
    assert ws.journeys.advance("leaving", at=BEGIN + timedelta(minutes=10))["left"] == {"left": 10}
    assert told(ws, "leaving")["nap"] == (80, 70, 0, 10)
    body = ws.audiences.get("some").body
    ws.audiences.save("some", body["rule"], valid_until="2026-03-01")
    over = ws.journeys.advance("leaving", at=BEGIN + timedelta(minutes=20))
    assert over["errors"]["entry"]["code"] == "audience_expired" and over["left"] == {}  # those inside go on
    with pytest.raises(Refused, match="not valid any more"):
        ws.journeys.check({**given, "entry": {"audience": "some"}})


def test_a_message_of_a_campaign_and_what_became_of_it(shared: Workspace) -> None:
    """A campaign's message is taken whole; a condition asks for its receipts."""
    ws = shared
    named = {"name": "card", "audience": "everyone", "channel": CHANNEL, "content": {"text": "Card {{ name }}"}}
    ws.campaigns.create({**named, "experiment": {"holdout": 0.2}})
    opened = {"id": "seen", "condition": {"opened": "hi"}, "yes": "z", "no": "more"}
    ws.journeys.create(
        steps(
            {"id": "hi", "send": {"campaign": "card"}},
            {"id": "nap", "wait": "1h"},
            opened,
            {"id": "more", "wait": "1d"},
        ),
        name="named",
    )
    begin = now()
    ws.journeys.start("named", at=begin)
    ws.journeys.advance("named", at=begin)
    ways = {r["step"]: r for r in ws.journeys.funnel("named")["steps"]}["hi"]["ways"]
    assert ways["held_out"] > 10 and ways["sent"] == len(messages(ws, "named")) and ways["suppressed"] == 48
    run = ws.campaigns.records.last("named: hi")
    assert run is not None and run.plan["planned"] == 240
    with ws.campaigns.running.opened(run) as box:
        keys: dict[str, str | None] = {f"{box.outbox.token}.{n:x}": None for n in range(40, 60)}
    noted = ws.campaigns.running.receive("named: hi", "opened", keys)
    ws.journeys.advance("named", at=begin + timedelta(hours=2))
    seen = {r["step"]: r for r in ws.journeys.funnel("named")["steps"]}["seen"]["ways"]
    assert seen["yes"] == noted > 0 and seen["yes"] + seen["no"] == 240


def test_a_template_of_the_library_and_a_visit_of_its_page(shared: Workspace) -> None:
    """Who comes goes on at once, who does not when the time is over; machines and other pages do not count."""
    ws, begin = shared, now()
    ws.campaigns.library.save("card", "template", {"channels": {"file": {"text": "Card {{ name }}"}}})
    ws.campaigns.library.save("garden", "page", {"title": "Garden", "html": "<h1>Hi</h1>"})
    ws.campaigns.library.publish("card")
    send = {"id": "hi", "send": {"channel": CHANNEL, "content": {"template": "card"}}, "unsent": "z"}
    ws.journeys.create(
        steps(send, {"id": "came", "page": "garden", "within": "2d", "yes": "z"}, {"id": "nap", "wait": "1d"}),
        name="paged",
    )
    ws.journeys.start("paged", at=begin)
    ws.journeys.advance("paged", at=begin)
    assert Counter(text for _, text in messages(ws, "paged")) == {"Card": 192}
    visits = [(0, "garden", "NULL"), (1, "garden", "NULL"), (2, "garden", "'machine'"), (3, "other", "NULL")]
    moment = f"TIMESTAMPTZ '{(begin + timedelta(hours=1)).isoformat()}'"
    rows = [f"('{n:06}', {moment}, 'visited', '{page}', {reason})" for n, page, reason in visits]
    sql = f'SELECT * FROM (VALUES {", ".join(rows)}) v(entity, "at", event, page, reason)'
    with ws.engine.cursor() as engine:
        events.publish(ws.tag_context, engine, "visits", sql, {}, PAGE_EVENTS)
    assert ws.journeys.advance("paged", at=begin + timedelta(hours=2))["moved"] == {"came": 2}
    ws.journeys.advance("paged", at=begin + timedelta(days=3))
    assert told(ws, "paged")["came"] == (192, 0, 192, 0) and told(ws, "paged")["nap"] == (190, 190, 0, 0)


@pytest.mark.parametrize("ticks", [12, pytest.param(150, marks=pytest.mark.slow)], ids=["some", "many"])
def test_it_adds_up_at_every_moment_whatever_happens(alone: Workspace, tmp_path: Path, ticks: int) -> None:
    """Random ticks, pauses, stops, orders, withdrawn consent and new starts; seed by seed the same."""
    draw, at, ws, name = random.Random(4), BEGIN, alone, "win back"
    ws.journeys.create({**WIN_BACK, "entry": {"audience": "everyone", "again": "after 2d"}})
    ws.journeys.start(name, at=at)
    acts: list[Callable[[datetime], Any]] = [
        lambda _: ws.journeys.pause(name),
        lambda _: ws.journeys.resume(name),
        lambda at: ws.journeys.stop(name, at=at),
        lambda at: ws.journeys.start(name, at=at),
        lambda at: happen(ws, tmp_path, "orders", [(draw.randrange(240), at) for _ in range(9)]),
        lambda _: ws.consent.set(f"{draw.randrange(240):06}", "email", "revoked"),
    ]
    surely = {4: 2, 5: 3, 7: 4, 9: 1, 10: 3, 11: 4}  # which act when, whatever is drawn
    for tick in range(ticks):
        at += timedelta(minutes=draw.randrange(30, 1500))
        if tick in surely or draw.random() < 0.5:
            with contextlib.suppress(Refused):  # such as to resume what runs
                acts[surely.get(tick, draw.randrange(len(acts)))](at)
        if ws.journeys.standing(name).state == "running":
            assert ws.journeys.advance(name, at=at)["errors"] == {}
        told(ws, name)
    found = ws.journeys.funnel(name)
    assert found["entered"] > 240 and found["exits"]["goal"] and found["exits"]["stopped"], found


@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.slow)], ids=["some", "many"])
def test_nothing_is_sent_twice_and_nobody_is_stuck_after_kills(base: Path, tmp_path: Path, kills: int) -> None:
    """Ticks in processes of their own that are killed at any moment; then one is left alone."""
    shutil.copytree(base, tmp_path / "ws")
    wait = [{"id": f"nap{n}", "wait": "1h"} for n in range(2)]
    send = [
        {"id": f"hi{n}", "send": {"channel": CHANNEL, "content": {"text": f"M{n} {{{{ name }}}}"}}} for n in range(2)
    ]
    given = steps(*(step for pair in zip(send, wait, strict=True) for step in pair))
    with coterie.open(tmp_path / "ws") as ws:
        without_queue(ws).journeys.create(given)
        ws.journeys.start("j", at=BEGIN)
    command = [sys.executable, "-m", "tests.campaigns.walker", str(tmp_path / "ws"), "j"]
    draw, killed, at = random.Random(kills), 0, BEGIN
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as walker:
        assert walker.stdin is not None and walker.stdout is not None
        for _ in range(kills):
            walker.stdin.write(at.isoformat() + "\n")
            walker.stdin.flush()
            pid = int(walker.stdout.readline())
            time.sleep(draw.random() * 0.7)
            os.kill(pid, signal.SIGKILL)
            killed += int(walker.stdout.readline()) == -signal.SIGKILL
            at += timedelta(minutes=40)
        walker.stdin.close()
    with coterie.open(tmp_path / "ws") as ws:
        for hours in range(6):
            done = without_queue(ws).journeys.advance("j", at=at + timedelta(hours=1.2 * hours))
            assert done["errors"] == {}
        found = told(ws, "j")
        assert found["z"] == (240, 0, 240, 0) and killed >= kills / 2, (found, killed)
        sent = messages(ws, "j")
        assert max(sent.values()) == 1, "a message came twice"
        assert Counter(text for _, text in sent) == {"M0": 192, "M1": 192}


def test_one_process_at_a_time_moves_a_journey(tmp_path: Path) -> None:
    one, other = State(tmp_path / "state.sqlite"), State(tmp_path / "state.sqlite")
    with one.holding(), pytest.raises(Failed, match="Another process moves this journey on"), other.holding():
        raise AssertionError("both hold it")
    with other.holding():
        other.enter([7], "a", 1.0, {7: 2.0}, {})
    assert one.waiting() == {"a": 1} and one.fact("token") == other.fact("token") != ""
    one.close()
    other.close()


def test_by_command(alone: Workspace) -> None:
    """The verbs, for machines; and what people see. Starting is done here, since it makes a queue by command."""
    folder, given = alone.path.parent, ("-w", "ws", "journey")
    (folder / "way.json").write_text(json.dumps({**changed(), "name": "by hand"}))
    assert ask(folder, *given, "create", "way.json", "--name", "way")["version"] == 1
    assert refused(folder, *given, "dry-run", "way", "--at", "9999-12-31")["code"] == "bad_moment"
    alone.journeys.start("way", by="Ada")
    assert ask(folder, *given, "advance", "way")["entered"] == 240
    assert ask(folder, *given, "path", "way", "000007")["step"] == "a"
    assert ask(folder, *given, "stop", "way")["exits"]["stopped"] == 240
    assert "It adds up" not in (shown := run(folder, *given, "status", "way")) and "stopped" in shown  # that is a note


def test_the_job_moves_what_is_due(shared: Workspace) -> None:
    from coterie.campaigns.journeys.jobs import ADVANCE
    from coterie.jobs.registry import find_job

    shared.journeys.create({**changed(), "name": "by job"})
    shared.journeys.start("by job")
    job = find_job(ADVANCE)
    assert {"journey": "by job"} in job.plan(shared, {})
    ((stage),) = job.plan(shared, {"journey": "by job"})
    (done,) = job.close([job.run(shared, stage, Progress())])["journeys"]
    assert done["entered"] == 240 and {"journey": "by job"} not in job.plan(shared, {})
    assert job.run(shared, {"journey": "gone"}, Progress()) == {"journey": "gone"}
