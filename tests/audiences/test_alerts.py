"""Alerts are raised once for each cause, say what happened in both languages, and are told by mail and webhook."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.destinations.mailbox import Mailbox, mailing
from tests.destinations.receiver import Receiver, receiving

import coterie
from coterie.audiences.alerts import CHECK, CRON, DELIVER, RETRY_MINUTES, Event
from coterie.audiences.conditions import Condition, Seen
from coterie.audiences.life import STATE, About
from coterie.audiences.snapshots import Snapshot
from coterie.errors import Cancelled, CoterieError, Failed, NotFound, Refused
from coterie.jobs.registry import find_job
from coterie.kit.moments import now
from coterie.kit.progress import Progress
from coterie.workspace import Workspace

RULE = {"tag": "age", "op": "gte", "value": 18}


def load(ws: Workspace, folder: Path, first: int, last: int) -> None:
    rows = "".join(f"{n},{20 + n % 50}\n" for n in range(first, last))
    (folder / f"people{first}.csv").write_text(f"id,age\n{rows}", encoding="utf-8")
    ws.load(folder / f"people{first}.csv", kind="profiles", name="people", entity="id")
    ws.tags.build()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    with coterie.init(folder / "ws", zone="Asia/Shanghai") as ws:
        load(ws, folder, 0, 100)
        ws.audiences.save("adults", RULE)
    return folder / "ws"


@pytest.fixture
def shop(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("COTERIE_PRIVATE_ADDRESSES", "1")
    shutil.copytree(made, tmp_path / "ws")
    with Workspace.open(tmp_path / "ws") as ws:
        yield ws


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mailing() as made:
        given = {"HOST": "127.0.0.1", "PORT": str(made.port), "SECURITY": "none"}
        for name, value in given.items():
            monkeypatch.setenv(f"COTERIE_SMTP_{name}", value)
        monkeypatch.setenv("COTERIE_MAIL_FROM", "coterie@shop.example")
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def run(ws: Workspace, job: str, given: dict[str, Any]) -> dict[str, Any]:
    found = find_job(job)
    return found.close([found.run(ws, stage, Progress()) for stage in found.plan(ws, given)])


def waiting(ws: Workspace) -> list[Any]:
    return [row.arguments["event"] for row in ws.jobs.rows() if row.job == DELIVER and row.state == "waiting"]


def test_a_jump_is_told_once_with_its_numbers(shop: Workspace, tmp_path: Path) -> None:
    shop.alerts.add("big", "adults", "jump")
    assert shop.audiences.refresh("adults")["alerts"] == []
    load(shop, tmp_path, 100, 120)
    assert shop.audiences.refresh("adults")["alerts"] == []  # 20 % is not beyond 20 %
    load(shop, tmp_path, 120, 150)
    (id_,) = shop.audiences.refresh("adults")["alerts"]
    (event,) = shop.alerts.events()
    assert (event.id, event.was, event.is_, event.change_percent) == (id_, 120, 150, 25.0)
    assert event.sentence == {
        "en": 'The audience "adults" jumped from 120 to 150 members (+25.0%), by more than 20%.',
        "zh": "人群包“adults”的人数突变：由 120 变为 150（+25.0%），超过 20%。",
    }
    assert (event.when, event.level, event.state, event.delivered) == ("jump 20%", "warning", "open", None)
    assert event.raised_at.endswith("+08:00") and shop.alerts.check() == []
    assert shop.alerts.open_count() == 1
    assert shop.alerts.seen(id_).state == "seen"
    assert (shop.alerts.events(), shop.alerts.open_count(), shop.alerts.check()) == ([], 0, [])
    assert [e.id for e in shop.alerts.events(open_only=False)] == [id_]
    shop.audiences.save("adults", {"tag": "age", "op": "gt", "value": 200})
    (event,) = shop.alerts.events() if shop.audiences.refresh("adults") else []
    assert (event.is_, event.change_percent) == (0, -100.0)
    assert event.sentence["en"].endswith("Its rule was changed in between.")
    shop.audiences.save("adults", RULE)
    shop.audiences.refresh("adults")
    assert [e.change_percent for e in shop.alerts.events()].count(None) == 1  # from nobody: no percentage


def seen(counts: list[int], at: datetime | None = None) -> Seen:
    made = [
        Snapshot(f"a@{n}", "a", n, 1, {}, "customer", "2024-06-01T00:00:00+00:00", 1, count, 0, 0, "")
        for n, count in enumerate(counts, 1)
    ]
    return Seen("a", About(), None, made, dict, at or now(), ZoneInfo("UTC"))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 4), max_size=12), st.integers(0, 12), st.sampled_from(["above 2", "below 2"]))
def test_a_threshold_is_told_once_for_each_crossing(counts: list[int], missed: int, when: str) -> None:
    """As one who remembers would tell it; also where one of the checks was missed."""
    condition = Condition.read(when)
    beyond = [n > 2 if when.startswith("above") else n < 2 for n in counts]
    crossings = {n for n, is_ in enumerate(beyond) if is_ and (n == 0 or not beyond[n - 1])}
    told = {f.cause for n in range(1, len(counts) + 1) for f in condition.findings(seen(counts[:n]))}
    assert told == {f"a@{n + 1}" for n in crossings}
    late = {f.cause for n in range(1, len(counts) + 1) if n != missed for f in condition.findings(seen(counts[:n]))}
    gone = missed - 1 in crossings and (missed == len(counts) or not beyond[missed])
    assert late == told - ({f"a@{missed}"} if gone else set())


def test_thresholds_in_words() -> None:
    (finding,) = Condition.read("below 1,000").findings(seen([1200, 900]))
    assert finding.sentence.en == 'The audience "a" has 900 members, below 1,000; before it had 1,200.'
    assert finding.sentence.zh == "人群包“a”的人数为 900，低于 1,000；此前为 1,200。"
    assert finding.facts == {"was": 1200, "is": 900, "change_percent": -25.0}
    (finding,) = Condition.read("above 5").findings(seen([900]))
    assert finding.sentence.en == 'The audience "a" has 900 members, above 5.'


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("jump", "jump 20%"),
        ("Jump  12.5 %", "jump 12.5%"),
        ("size_jump 5%", "jump 5%"),
        ("ABOVE 1,234,567", "above 1234567"),
        ("below 0", "below 0"),
        ("stale 2w", "stale 2w"),
        (" failed ", "failed"),
    ],
)
def test_conditions_as_people_write_them(text: str, read: str) -> None:
    assert str(Condition.read(text)) == read and Condition.read(read) == Condition.read(text)


@pytest.mark.parametrize(
    "text",
    ["", "jump 0%", "jump -5%", "jump 20", "above", "above -1", "above 1.5", "above ٣", "below 1,23", "stale", "stale 0h",
     "stale 3x", "stale 99999999y", "failed often", "over 9"],
)  # fmt: skip
def test_conditions_that_are_none(text: str) -> None:
    with pytest.raises(Refused) as caught:
        Condition.read(text)
    assert caught.value.code == "bad_argument" and caught.value.place == "when" and caught.value.fix


def test_a_failed_refresh_is_told_without_asking(shop: Workspace, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id,at\n1,2024-01-01\n", encoding="utf-8")
    shop.load(tmp_path / "orders.csv", kind="events", name="orders", entity="id", time="at")
    shop.audiences.save("adults", {"events": "orders", "at_least": 1})
    shop.audiences.refresh("adults")

    def fail() -> None:
        held = [p.rename(p.with_suffix(".gone")) for p in (shop.path / "lake" / "data").rglob("*.parquet")]
        with Workspace.open(shop.path, single_use=True) as fresh, pytest.raises(Failed, match="damaged"):
            fresh.audiences.refresh("adults")
        for path in held:
            path.rename(path.with_suffix(".parquet"))

    fail()
    (event,) = shop.alerts.events()
    assert (event.alert, event.level, event.delivered) == ("failed", "error", None)
    assert event.sentence["en"].startswith('The audience "adults" could not be refreshed: ')
    assert " What you see is of 20" in event.sentence["en"] and "当前所见的统计时点为 20" in event.sentence["zh"]
    fail()
    assert len(shop.alerts.events()) == 1  # the same cause on the same day
    shop.alerts.add("mine", "adults", "failed")
    fail()
    assert sorted(e.alert for e in shop.alerts.events()) == ["failed", "mine"]  # both may be of the same second
    shop.audiences.refresh("adults")
    assert shop.alerts.check() == []
    shop.store.put(STATE, "adults", {"state": "failed", "error": Cancelled().as_dict()})
    assert shop.alerts.check() == []  # who stopped it knows


def test_stale_by_what_is_seen_and_by_data(shop: Workspace) -> None:
    shop.audiences.refresh("adults")
    shop.alerts.add("old", "adults", "stale 36h")
    assert shop.alerts.check() == []
    tomorrow = now() + timedelta(hours=37)
    shown, data = shop.alerts.check(tomorrow)
    assert "is stale: what you see is of" in shown.sentence["en"] and shown.sentence["en"].endswith("older than 36h.")
    assert 'uses "people", whose newest data came at' in data.sentence["en"]
    assert "所用的数据集“people”最近一次到数为" in data.sentence["zh"]
    assert shop.alerts.check(tomorrow + timedelta(days=9)) == []
    shop.audiences.save("nobody", {"audience": "adults"})
    shop.alerts.add("old 2", "nobody", "stale 36h")
    assert [e.audience for e in shop.alerts.check(tomorrow)] == ["nobody"]  # data of the audience that it names


def test_validity_ends(shop: Workspace) -> None:
    assert shop.jobs.schedules() == []
    shop.audiences.save("adults", RULE, valid_until="2030-06-10T12:00")
    (schedule,) = shop.jobs.schedules()
    assert (schedule.job, schedule.cron) == (CHECK, CRON)
    assert shop.alerts.check() == []
    (ending,) = shop.alerts.check(datetime(2030, 6, 4, tzinfo=UTC))
    assert (ending.alert, ending.level) == ("ending", "warning")
    assert ending.sentence["zh"] == "人群包“adults”的有效期至 2030-06-10 12:00，此后不再更新。"
    assert shop.alerts.check(datetime(2030, 6, 5, tzinfo=UTC)) == []
    (expired,) = shop.alerts.check(datetime(2030, 6, 11, tzinfo=UTC))
    assert expired.level == "error" and "was valid until 2030-06-10 12:00: it can be read" in expired.sentence["en"]
    assert run(shop, CHECK, {}) == {"raised": []}


def test_the_clock_checks_while_there_is_something(shop: Workspace) -> None:
    shop.alerts.add("a", "adults", "stale 36h")
    shop.alerts.add("b", "adults", "above 5")
    assert [s.job for s in shop.jobs.schedules()] == [CHECK]
    shop.alerts.remove("a")
    assert len(shop.jobs.schedules()) == 1
    shop.audiences.delete("adults")
    assert (shop.alerts.rows(), shop.jobs.schedules()) == ([], [])
    with pytest.raises(NotFound):
        shop.alerts.remove("b")


def test_by_mail_in_both_languages(box: Mailbox, shop: Workspace) -> None:
    shop.alerts.add("many", "adults", "above 50", to="email:ada@example.com", language="zh")
    (id_,) = shop.audiences.refresh("adults")["alerts"]
    assert shop.alerts.events()[0].delivered is not None and shop.alerts.waiting()
    assert waiting(shop) == [id_] and shop.alerts.check() == [] and waiting(shop) == [id_]  # in the queue once
    told = run(shop, DELIVER, {"event": id_})
    assert told["delivered"]["at"] and told["delivered"]["tries"] == 1 and not shop.alerts.waiting()
    run(shop, DELIVER, {"event": id_})
    (message,) = box.messages
    assert message["Subject"] == "Coterie: 人群包“adults”的人数为 100，高于 50。"
    body = message.get_content()
    assert 'The audience "adults" has 100 members, above 50.' in body and "人群包“adults”的人数为 100" in body
    assert id_ in body and message["Message-ID"] == f"<alert-{id_}@shop.example>"


def test_by_signed_webhook(shop: Workspace, receiver: Receiver) -> None:
    receiver.secret = shop.destinations.add("crm", receiver.url)["secret"]
    shop.alerts.add("many", "adults", "above 50", to="destination:crm")
    (id_,) = shop.audiences.refresh("adults")["alerts"]
    run(shop, DELIVER, {"event": id_})
    body = receiver.bodies[f"alert-{id_}"]
    assert (body["type"], body["alert"], body["audience"], body["when"], body["is"]) == (
        "alert", "many", "adults", "above 50", 100,
    )  # fmt: skip
    assert set(body["sentence"]) == {"en", "zh"} and receiver.requests == [(f"alert-{id_}", 200)]


def test_what_could_not_be_delivered_is_said_and_tried_again(shop: Workspace, receiver: Receiver) -> None:
    receiver.secret = shop.destinations.add("crm", receiver.url)["secret"]
    shop.alerts.add("many", "adults", "above 50", to="destination:crm")
    (id_,) = shop.audiences.refresh("adults")["alerts"]
    shop.jobs.cancel(shop.jobs.rows()[0].id)
    receiver.answers = [410] * (len(RETRY_MINUTES) + 1)
    for minutes in RETRY_MINUTES:
        with pytest.raises(Failed, match="it answered 410"):
            shop.alerts.deliver(id_)
        (event,) = shop.alerts.events()
        assert event.delivered is not None and event.delivered.error is not None
        assert event.delivered.error["code"] == "not_delivered" and event.delivered.next_at is not None
        pause = datetime.fromisoformat(event.delivered.next_at) - now()
        assert timedelta(minutes=minutes - 1) < pause <= timedelta(minutes=minutes)
        shop.alerts.check()
        assert waiting(shop) == []  # not yet
        shop.alerts.check(now() + timedelta(minutes=minutes))
        assert waiting(shop) == [id_]
        shop.jobs.cancel(shop.jobs.rows()[0].id)
    error = run(shop, DELIVER, {"event": id_})["delivered"]["error"]
    assert (error["code"], error["place"]) == ("not_delivered", receiver.url)
    told = shop.alerts.events()[0].delivered
    assert told is not None and told.next_at is None and told.tries == len(RETRY_MINUTES) + 1
    run(shop, DELIVER, {"event": id_})  # by hand: now it is taken
    told = shop.alerts.events()[0].delivered
    assert told is not None and told.at is not None and told.error is None


def test_a_refused_recipient_is_given_up_at_once(box: Mailbox, shop: Workspace) -> None:
    shop.alerts.add("many", "adults", "above 50", to="email:gone@example.com")
    (id_,) = shop.audiences.refresh("adults")["alerts"]
    box.answers = ["550 no such mailbox"]
    with pytest.raises(Refused, match="mail_recipient"):
        shop.alerts.deliver(id_)
    told = shop.alerts.events()[0].delivered
    assert (
        told is not None and told.error is not None and (told.next_at, told.error["code"]) == (None, "mail_recipient")
    )


def test_what_cannot_be_added(box: Mailbox, shop: Workspace) -> None:
    for name, when, to, code, place in (
        ("x", "soon", None, "bad_argument", "when"),
        ("failed", "failed", None, "bad_argument", "name"),
        ("a/b", "failed", None, "bad_argument", "name"),
        ("x", "failed", "sms:1", "bad_argument", "to"),
        ("x", "failed", "email:a@b\nBcc: c@d", "bad_address", "to"),
        ("x", "failed", "destination:crm", "unknown_name", None),
    ):
        with pytest.raises(CoterieError) as caught:
            shop.alerts.add(name, "adults", when, to=to)
        assert (caught.value.code, caught.value.place) == (code, place)
    assert shop.alerts.rows() == []


def test_what_is_not_there(shop: Workspace) -> None:
    with pytest.raises(NotFound, match='There is no audience "adult". Did you mean "adults"?'):
        shop.alerts.add("x", "adult", "failed")
    with pytest.raises(NotFound, match='There is no raised alert "x"'):
        shop.alerts.seen("x")
    with pytest.raises(Refused, match="`no_mail_server` at `smtp_host`"):
        shop.alerts.add("x", "adults", "failed", to="email:ada@example.com")


def test_a_queue_out_of_reach_does_not_fail_the_refresh(
    shop: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.secret = shop.destinations.add("crm", receiver.url)["secret"]
    shop.alerts.add("many", "adults", "above 50", to="destination:crm")
    monkeypatch.setenv("COTERIE_JOBS_URL", f"sqlite:///{shop.path}/nowhere/jobs.sqlite")
    with Workspace.open(shop.path) as broken:
        assert broken.audiences.refresh("adults")["count"] == 100
        assert broken.audiences.state("adults")["state"] == "live"
    assert "After the refresh of adults" in caplog.text
    assert len(shop.alerts.events()) == 1 and shop.alerts.check() == []
    assert waiting(shop) == [shop.alerts.events()[0].id]  # the next check puts it into the queue


def test_a_subject_is_one_short_line(shop: Workspace) -> None:
    name = "多行\n" + "长" * 190
    shop.audiences.save(name, RULE)
    shop.alerts.add("a", name, "above 1")
    shop.audiences.refresh(name)
    (event,) = shop.alerts.events()
    assert isinstance(event, Event) and "\n" not in event.subject() and len(event.subject()) == 150
