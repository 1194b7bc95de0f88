"""What is said of audiences: purpose, validity, refresh by clock or new data, states that tell the truth."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import coterie
from coterie.audiences.jobs import WATCH
from coterie.audiences.life import About
from coterie.errors import Failed, NotFound, Refused
from coterie.jobs.registry import find_job
from coterie.kit.progress import Progress
from coterie.workspace import Workspace

from .test_index import orders

RULE = {"events": "orders", "at_least": 2}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "orders.csv").write_text(orders(random.Random(1), 400), encoding="utf-8")
    with coterie.init(tmp_path / "ws", zone="Asia/Shanghai") as ws:
        ws.load(tmp_path / "orders.csv", kind="events", name="orders", entity="id", time="at")
        ws.tags.build("2024-06-01")
        yield ws


def row(ws: Workspace, name: str) -> dict[str, Any]:
    return next(r for r in ws.audiences.rows() if r["audience"] == name)


def test_what_is_said_stays_until_it_is_said_otherwise(shop: Workspace) -> None:
    shop.audiences.save("a", RULE, purpose="service", folder="win back/2024", owner="Ada", shared=False)
    again = shop.audiences.save("a", RULE, owner="李雷")
    assert again["version"] == 2
    found = row(shop, "a")
    assert (found["purpose"], found["folder"], found["owner"], found["shared"]) == (
        "service", "win back/2024", "李雷", False,
    )  # fmt: skip
    assert found["state"] == "draft" and found["count"] is None
    assert About.of(shop.audiences.get("a").body).channels == ("email", "sms", "push", "wechat")
    assert shop.audiences.save("a", RULE, owner="李雷")["version"] == 2  # nothing new is no new version


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"purpose": "markting"}, '`bad_argument` at `purpose`: "markting" is no purpose. Did you mean "marketing"?'),
        ({"refresh": "daily 25:00"}, '`bad_argument` at `refresh`: "daily 25:00" is no refresh mode.'),
        ({"valid_until": "soon"}, "`bad_moment` at `valid_until`"),
        ({"purpos": "x"}, '`bad_argument` at `purpos`: An audience has no "purpos". Did you mean "purpose"?'),
        ({"owner": 3}, "`bad_argument` at `owner`: `owner` is no text."),
    ],
)
def test_what_cannot_be_said(shop: Workspace, about: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as caught:
        shop.audiences.save("a", RULE, **about)
    assert str(caught.value).startswith(words)
    assert shop.audiences.rows() == []


def test_an_expired_audience_is_readable_and_not_refreshed(shop: Workspace) -> None:
    shop.audiences.save("a", RULE, valid_until="2099-01-01")
    made = shop.audiences.refresh("a")
    assert row(shop, "a")["state"] == "live"
    shop.audiences.save("a", RULE, valid_until="2020-01-01")
    with pytest.raises(Refused, match='`audience_expired` at `a`: "a" is not valid any more.'):
        shop.audiences.refresh("a")
    assert row(shop, "a")["state"] == "expired"
    assert shop.audiences.members("a")["count"] == made["count"]
    ending = About(valid_until="2024-06-08T00:00:00+08:00")
    assert [ending.validity(shop.moment(d)) for d in ("2024-05-31", "2024-06-02", "2024-06-09")] == [
        "valid", "ending", "expired",
    ]  # fmt: skip


def test_a_failed_refresh_says_so_and_leaves_what_there_was(shop: Workspace) -> None:
    shop.audiences.save("a", RULE)
    made = shop.audiences.refresh("a")
    held = list((shop.path / "lake" / "data").rglob("*.parquet"))
    moved = [p.rename(p.with_suffix(".gone")) for p in held]
    with Workspace.open(shop.path, single_use=True) as fresh, pytest.raises(Failed, match="damaged"):
        fresh.audiences.refresh("a")
    for path in moved:
        path.rename(path.with_suffix(".parquet"))
    found = row(shop, "a")
    assert (found["state"], found["error"]["code"], found["count"]) == ("failed", "damaged", made["count"])
    assert len(shop.audiences.history("a")) == 1
    shop.audiences.refresh("a")
    assert (row(shop, "a")["state"], row(shop, "a")["error"]) == ("live", None)


def test_a_copy_is_its_own(shop: Workspace) -> None:
    shop.audiences.save("a", RULE, purpose="research", refresh="daily 6:30")
    shop.audiences.copy("a", "b")
    shop.audiences.delete("a")
    found = row(shop, "b")
    assert (found["purpose"], found["refresh"], found["state"]) == ("research", "once", "draft")
    with pytest.raises(Refused, match='There is an audience "b"'):
        shop.audiences.copy("b", "b")


def test_the_clock_is_set_and_taken_away(shop: Workspace) -> None:
    shop.audiences.save("a", RULE, refresh="daily 6:30")
    (schedule,) = shop.jobs.schedules()
    assert (schedule.job, schedule.arguments, schedule.cron, schedule.zone) == (
        "audiences.refresh", {"audience": "a"}, "30 6 * * *", "Asia/Shanghai",
    )  # fmt: skip
    shop.audiences.save("a", RULE, refresh="daily 07:00")
    assert [s.cron for s in shop.jobs.schedules()] == ["0 7 * * *"]
    shop.audiences.save("a", RULE, refresh="once")
    assert shop.jobs.schedules() == []


def test_new_data_refresh_what_waits_for_them(shop: Workspace, tmp_path: Path) -> None:
    shop.audiences.save("a", RULE, refresh="trigger")
    shop.audiences.save("b", RULE)
    assert [s.job for s in shop.jobs.schedules()] == [WATCH]

    def watch() -> dict[str, Any]:
        job = find_job(WATCH)
        return job.close([job.run(shop, stage, Progress()) for stage in job.plan(shop, {})])

    first = watch()["audiences"]
    assert [(r["audience"], r["data_version"]) for r in first] == [("a", 1)]
    assert watch() == {"audiences": []}
    (tmp_path / "more.csv").write_text(orders(random.Random(2), 300), encoding="utf-8")
    shop.load(tmp_path / "more.csv", kind="events", name="orders", entity="id", time="at")
    assert shop.audiences.stale() == ["a"]
    second = watch()["audiences"]
    assert second[0]["data_version"] == 2 and second[0]["count"] > first[0]["count"]


def test_definitions_carry_it(shop: Workspace, tmp_path: Path) -> None:
    shop.audiences.save("a", RULE, purpose="service", valid_until="2099-01-01", refresh="trigger", shared=False)
    file = tmp_path / "coterie.yaml"
    shop.export(file)
    assert shop.apply(file) == []
    before = shop.audiences.get("a").body
    shop.audiences.delete("a")
    assert [d["change"] for d in shop.apply(file)] == ["new"]
    assert shop.audiences.get("a").body == before


def test_definitions_carry_alerts_and_are_applied_whole_or_not_at_all(shop: Workspace, tmp_path: Path) -> None:
    shop.audiences.save("a", RULE)
    shop.alerts.add("many", "a", "above 100", language="zh")
    file = tmp_path / "coterie.yaml"
    shop.export(file)
    assert shop.apply(file) == []
    shop.alerts.remove("many")
    shop.audiences.delete("a")
    wanted = yaml.safe_load(file.read_text(encoding="utf-8"))
    wanted["alerts"]["few"] = {"audience": "nobody", "when": "below 5"}
    file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    with pytest.raises(NotFound, match="nobody"):
        shop.apply(file)
    assert shop.audiences.rows("en") == [] and shop.alerts.rows() == []
    wanted["alerts"]["few"] = {"audience": "a", "when": "below 5"}
    file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    assert [(d["what"], d["name"]) for d in shop.apply(file)] == [
        ("audience", "a"),
        ("alert", "few"),
        ("alert", "many"),
    ]
    assert shop.apply(file) == []
    wanted["alerts"]["few"] = {"audience": "a"}
    file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    with pytest.raises(Refused, match=r"`bad_definition` at `alerts.few`"):
        shop.apply(file)
