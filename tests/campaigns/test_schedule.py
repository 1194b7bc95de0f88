"""Calendars over days when clocks change, runs that were missed, runs on an event, and campaigns that exclude each other."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.campaigns.opening import Opened, hello

from coterie.campaigns.schedule import Schedule, read_schedule, schedule_given
from coterie.errors import Refused
from coterie.kit.moments import now

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York")
# Runs on the days around a change, in UTC: what the clocks skip comes an hour later, what comes twice is run at first.
CHANGES = [
    ("Europe/Berlin", "02:30", date(2026, 3, 28), ["03-28T01:30", "03-29T01:30", "03-30T00:30"]),
    ("Europe/Berlin", "02:30", date(2026, 10, 24), ["10-24T00:30", "10-25T00:30", "10-26T01:30"]),
    ("America/New_York", "02:30", date(2026, 3, 7), ["03-07T07:30", "03-08T07:30", "03-09T06:30"]),
    ("America/New_York", "01:30", date(2026, 10, 31), ["10-31T05:30", "11-01T05:30", "11-02T06:30"]),
    ("Asia/Shanghai", "02:30", date(2026, 3, 28), ["03-27T18:30", "03-28T18:30", "03-29T18:30"]),
]


@pytest.mark.parametrize(("zone", "of_day", "first", "wanted"), CHANGES)
def test_a_daily_run_over_the_days_when_clocks_change(zone: str, of_day: str, first: date, wanted: list[str]) -> None:
    daily = read_schedule({"time": of_day, "zone": zone}, ZoneInfo("UTC"))
    moment, found = datetime.combine(first, time(0), ZoneInfo(zone)).astimezone(UTC), []
    for _ in wanted:
        moment = daily.next(moment) or moment
        found.append(moment.astimezone(UTC).isoformat()[5:16])
    assert found == wanted


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    of_day=st.times().map(lambda t: t.replace(second=0, microsecond=0, fold=0)),
    start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 1)),
    weekdays=st.sets(st.sampled_from(["mon", "wed", "sun"])),
    holiday=st.integers(0, 9),
)
def test_each_day_of_the_calendar_runs_once_at_its_time(
    zone: str, of_day: time, start: datetime, weekdays: set[str], holiday: int
) -> None:
    """But where the clocks skip that time: then as much later as they skip."""
    tz = ZoneInfo(zone)
    off = (start.date() + timedelta(days=holiday)).isoformat()
    plan = Schedule("recurring", None, of_day.isoformat("minutes"), tuple(sorted(weekdays)), (), (off,), zone)
    moment = first = start.replace(tzinfo=UTC)
    seen: list[date] = []
    for _ in range(12):
        following = plan.next(moment)
        assert following is not None and following > moment
        local = following.astimezone(tz)
        assert plan.runs_on(local.date()) and local.date().isoformat() != off
        ahead = local.replace(tzinfo=None) - datetime.combine(local.date(), of_day)
        skipped = datetime.combine(local.date(), of_day, tz).astimezone(UTC).astimezone(tz).time() != of_day
        assert ahead == (timedelta(hours=1) if skipped else timedelta(0)) and local.fold == 0
        seen.append(local.date())
        moment = following
    assert seen == sorted(set(seen))
    assert plan.due(first, moment) == (moment, 11)


def test_schedules_are_written_back_as_they_were_read() -> None:
    for given_ in (
        {"at": "2026-06-01T10:00:00+02:00", "zone": "Europe/Berlin"},
        {"time": "09:30", "weekdays": ["mon"], "days": [1], "holidays": ["2026-12-25"], "missed": "skip"},
        {"on": "orders", "where": {"field": "amount", "op": "gte", "value": 3}, "delay": "2h", "again": "30d"},
    ):
        made = read_schedule(given_, ZoneInfo("UTC"))
        assert read_schedule(schedule_given(made), ZoneInfo("UTC")) == made
    for wrong, place in (
        ({"on": "orders", "time": "09:00"}, "schedule.time"),
        ({"time": "09:00", "delay": "2h"}, "schedule.delay"),
        ({"time": "09:00", "missed": "never"}, "schedule.missed"),
        ({"on": "orders", "delay": "soon"}, "schedule.delay"),
    ):
        with pytest.raises(Refused) as told:
            read_schedule(wrong, ZoneInfo("UTC"))
        assert told.value.place == place


def _aged(shop: Opened, name: str, days: int) -> None:
    """As if the newest run had been due so many days ago, at this time of day."""
    last = shop.campaigns.records.occurrence(name)
    shop.campaigns.records.keep(last, moment=(now() - timedelta(days=days, minutes=5)).isoformat())


def test_runs_that_were_missed_are_run_once_or_skipped(shop: Opened) -> None:
    """Three days of downtime: one run makes up for all, and says how many; or none does, until the next moment."""
    local = (now() - timedelta(minutes=5)).astimezone(ZoneInfo("Europe/Berlin"))
    for missed in ("run", "skip"):
        schedule = {"time": local.strftime("%H:%M"), "missed": missed, "zone": "Europe/Berlin"}
        shop.campaigns.create(hello(name=missed, schedule=schedule))
        shop.campaigns.plan(missed)
        shop.campaigns.approve(missed, most=1000)
        shop.campaigns.run(missed, anyway=True)
        _aged(shop, missed, 3)
    assert shop.campaigns.running.due() == ["run", "skip"], "five minutes late is not missed"
    status = shop.campaigns.run("run")
    assert (status["run"], status["state"]) == ("run@2", "waiting") and status["sent"] > 100
    assert shop.campaigns.records.occurrence("run").missed in (2, 3)
    later = now() + timedelta(hours=6)
    assert shop.campaigns.running.due(later) == [], "six hours late is"
    assert shop.campaigns.running.due(now() + timedelta(hours=24)) == ["run", "skip"]


def _orders(shop: Opened, name: str, rows: list[tuple[str, datetime, int]]) -> None:
    file: Path = shop.ws.path / f"{name}.csv"
    lines = [f"{key},{at.isoformat()},{amount}" for key, at, amount in rows]
    file.write_text("\n".join(["id,at,amount", *lines]) + "\n")
    shop.ws.load(file, kind="events", name="orders", entity="id", time="at", types={"id": "text"})


def test_a_run_on_an_event_takes_each_customer_once(shop: Opened) -> None:
    """New events since the last look; a small one does not count, one of before the approval neither."""
    _orders(shop, "before", [("000000", now() - timedelta(hours=2), 50)])
    schedule = {"on": "orders", "where": {"field": "amount", "op": "gte", "value": 10}}
    shop.campaigns.create(hello(name="thanks", schedule=schedule))
    assert shop.campaigns.plan("thanks").plan["planned"] == 1, "a trial on the last day"
    assert shop.campaigns.approve("thanks")["approved"]["most"] == 240
    assert shop.campaigns.running.due() == []
    with pytest.raises(Refused, match=r"Nobody did what"):
        shop.campaigns.run("thanks")
    _orders(shop, "first", [("000001", now(), 20), ("000002", now(), 5), ("000001", now(), 30)])
    assert shop.campaigns.running.due() == ["thanks"]
    status = shop.campaigns.run("thanks")
    assert (status["run"], status["planned"], status["state"]) == ("thanks@1", 1, "waiting")
    assert shop.campaigns.running.due() == []
    _orders(shop, "second", [("000001", now(), 40), ("000004", now(), 20), ("000006", now(), 20)])
    status = shop.campaigns.run("thanks")
    assert (status["run"], status["planned"]) == ("thanks@2", 2)
    told = shop.campaigns.page("thanks")
    assert told["definition"]["schedule"] == {**schedule, "zone": "Europe/Berlin"}
    assert "orders" in told["sentence"]
    with pytest.raises(Refused, match=r"no dataset"):
        shop.campaigns.create(hello(schedule={"on": "odrers"}))


def _keys(shop: Opened, name: str) -> set[str]:
    return {p["entity"] for p in shop.campaigns.people(name, "pending", limit=1000)["people"]}


def test_nobody_is_in_two_campaigns_of_an_exclusion_group(shop: Opened) -> None:
    """Shares of the buckets by hash; the plan gives the reason; what ended gives its customers back."""
    common: dict[str, Any] = {"exclusion": {"group": "tests", "share": 0.4}}
    for name in ("one", "two"):
        shop.campaigns.create(hello(name=name, **common))
        shop.campaigns.plan(name)
    one, two = _keys(shop, "one"), _keys(shop, "two")
    assert len(one) > 50 and len(two) > 50 and not one & two
    places = {k: int(hashlib.sha256(f"layer|tests|{k}".encode()).hexdigest()[:3], 16) for k in one | two}
    assert {k for k, place in places.items() if place < round(0.4 * 4096)} == one
    plan = shop.campaigns.records.occurrence("two").plan
    assert plan["reasons"]["other_experiment"] > 50 and sum(plan["buckets"].values()) == plan["planned"]
    shop.campaigns.create(hello(name="three", **common))
    with pytest.raises(Refused, match=r"20% of the group.*wait for: one, two"):
        shop.campaigns.plan("three")
    shop.campaigns.create(hello(name="rest", exclusion="tests"))
    shop.campaigns.plan("rest")
    assert not _keys(shop, "rest") & (one | two)
    shop.campaigns.cancel("rest")
    shop.campaigns.plan("one")
    assert _keys(shop, "one") == one, "planned anew it keeps its own"
    shop.campaigns.approve("two")
    shop.campaigns.run("two")
    shop.campaigns.plan("three")
    assert not _keys(shop, "three") & one


def test_groups_tell_who_has_what_and_what_is_free(shop: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares by the buckets claimed; why each keeps them and until when; what was given back is free again."""
    goals = [{"events": "campaign_events", "within": "7d"}]
    shop.campaigns.create(hello(name="one", exclusion={"group": "tests", "share": 0.25}, goals=goals))
    shop.campaigns.create(hello(name="two", exclusion={"group": "tests", "share": 0.5}))
    shop.campaigns.create(hello(name="rest", exclusion="tests"))
    (told,) = shop.campaigns.exclusions()
    assert (told["group"], told["free"], told["returned"]) == ("tests", 1.0, 0.0)
    for name in ("one", "two"):
        shop.campaigns.plan(name)
    (told,) = shop.campaigns.exclusions()
    assert [(r["campaign"], r["share"], r["held"], r["why"]) for r in told["campaigns"]] == [
        ("two", 0.5, 0.5, "open"),
        ("one", 0.25, 0.25, "open"),
        ("rest", None, 0.0, None),
    ]
    assert (told["free"], told["returned"]) == (0.25, 0.0)
    shop.campaigns.approve("one")
    shop.campaigns.run("one")
    shop.campaigns.cancel("two")
    (told,) = shop.campaigns.exclusions()
    one = next(r for r in told["campaigns"] if r["campaign"] == "one")
    assert (one["why"], told["free"], told["returned"]) == ("goals", 0.75, 0.5)
    ended = shop.campaigns.records.occurrence("one").ended_at
    assert ended is not None and datetime.fromisoformat(one["until"]) == datetime.fromisoformat(ended) + timedelta(
        days=7
    )
    monkeypatch.setattr("coterie.campaigns.exclusion.now", lambda: datetime.fromisoformat(ended) + timedelta(days=8))
    (told,) = shop.campaigns.exclusions()
    assert (told["free"], told["returned"]) == (1.0, 0.75)


def test_the_global_holdout_gets_nothing_of_any_campaign(shop: Opened) -> None:
    shop.campaigns.set_rules({"holdout": 0.2})
    held = []
    for name in ("one", "two"):
        shop.campaigns.create(hello(name=name, experiment={"arms": ["a", "b"], "holdout": 0.1}))
        shop.campaigns.plan(name)
        people = shop.campaigns.people(name, "held_out", limit=1000)["people"]
        held.append({p["entity"] for p in people if p["reason"] == "global"})
        assert {p["reason"] for p in people} == {"global", "campaign"} and not held[0] & _keys(shop, name)
    assert held[0] == held[1] and len(held[0]) > 15
