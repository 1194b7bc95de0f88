"""Channels over real servers: mail, signed HTTP, files, the simulator as a plugin; previews and tests."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.campaigns.opening import Opened, adds_up, hello, opened
from tests.destinations.mailbox import Mailbox, mailing
from tests.destinations.receiver import receiving

from coterie.campaigns.channels import base
from coterie.campaigns.channels.base import find_channel
from coterie.errors import CoterieError, Refused

MAIL: dict[str, Any] = {"smtp_host": "127.0.0.1", "smtp_security": "none", "mail_from": "shop@example.com"}


@pytest.fixture
def mailed(shop: Opened, tmp_path: Path) -> Iterator[tuple[Opened, Mailbox]]:
    """The workspace with a mail server."""
    with (
        mailing() as box,
        opened(tmp_path / "ws", **MAIL, smtp_port=box.port, public_url="https://go.example.com") as made,
    ):
        yield made, box


def _mail(**more: Any) -> dict[str, Any]:
    content = {"subject": "你好 {{ name }}", "text": "Dear {{ name }},\n.\nbye", "html": "<p>{{ name }}</p>"}
    channel = {"name": "email", "connections": 2, "retry_wait": 0.01}
    return {"name": "mail", "audience": "everyone", "channel": channel, "content": content, **more}


def test_mail_has_headers_by_which_one_click_unsubscribes(mailed: tuple[Opened, Mailbox]) -> None:
    shop, box = mailed
    shop.campaigns.create(_mail())
    status = shop.send("mail")
    assert adds_up(status) and status["sent"] == len(box.messages) == len(set(box.recipients)) > 100
    message = next(m for m in box.messages if m["To"] == "p002@example.com")
    assert message["Subject"] == "你好 Person 2" and message["From"] == "shop@example.com"
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert text.replace("\r\n", "\n").strip() == "Dear Person 2,\n.\nbye" and html.startswith(
        '<p>Person 2</p><img src="https://'
    )
    assert len({m["Message-ID"] for m in box.messages}) == len(box.messages)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = message["List-Unsubscribe"].split(">")[0].strip("<")
    assert url.startswith("https://go.example.com/u/") and "000002" not in url and "p002" not in url
    token = url.rpartition("/")[2]
    assert shop.campaigns.running.unsubscribe(token) == {"campaign": "mail", "scope": "email", "already": False}
    assert shop.campaigns.running.unsubscribe(token)["already"]
    assert shop.consent.show("000002")["consent"]["email"]["state"] == "revoked"
    assert shop.campaigns.status("mail")["unsubscribed"] == 1
    with pytest.raises(Refused, match=r"This link is not ours"):
        shop.campaigns.running.unsubscribe(token[:-1] + ("0" if token[-1] != "0" else "1"))


def test_a_server_that_refuses_some_and_goes_away(mailed: tuple[Opened, Mailbox]) -> None:
    shop, box = mailed
    shop.campaigns.create(_mail())
    box.answers = ["550 no such user", "250 OK", "450 try later"] * 10
    status = shop.send("mail", limit=60)
    assert (status["failed"], status["sent"]) == (10, 40) and adds_up(status)
    assert status["failures"] == {"channel": 10} and status["pending"] > 100
    port = shop.ws.settings["smtp_port"]
    shop.ws.destinations.settings._values["smtp_port"] = 1
    with pytest.raises(CoterieError, match=r"mail_unreachable"):
        shop.campaigns.run("mail")
    status = shop.campaigns.status("mail")
    assert status["state"] == "failed" and status["uncertain"] == 0 and adds_up(status)
    assert status["error"]["code"] == "mail_unreachable"
    shop.ws.destinations.settings._values["smtp_port"] = port
    status = shop.campaigns.run("mail")
    assert status["state"] == "waiting" and status["pending"] == 10  # those to be tried again in a minute
    assert shop.campaigns.running.retry("mail")["requeued"] == 10
    assert shop.campaigns.run("mail")["failed"] == 0 and len(set(box.recipients)) == len(box.recipients)


@pytest.mark.parametrize("again", [False, True])
def test_what_was_cut_off_is_uncertain_unless_it_shall_be_sent_again(
    mailed: tuple[Opened, Mailbox], again: bool
) -> None:
    shop, box = mailed
    shop.campaigns.create(_mail(channel={"name": "email", "resend_uncertain": again}))
    shop.send("mail", limit=5)
    with shop.campaigns.running.opened(shop.campaigns.records.occurrence("mail")) as run:
        waits, taken, *cut = run.outbox.due(9e9, 5)
        marks, token = run.outbox.marks(), run.outbox.token
        run.outbox.write([], [row.n for row in (waits, taken, *cut)], "cut")
        for row in (taken, *cut):
            marks.begin(row.n)
        marks.take(taken.n, 1_000_000_000.0)
        marks.close()
    between = shop.campaigns.status("mail")
    assert between["uncertain"] == 4 and adds_up(between)  # that one of them was taken is still to be written down
    status = shop.campaigns.run("mail")
    assert status["uncertain"] == (0 if again else 3) and adds_up(status)
    sent = {m["Message-ID"] for m in box.messages}
    keys = [f"<{token}.{row.n:x}@example.com>" for row in (waits, taken, *cut)]
    assert [key in sent for key in keys] == [True, False, again, again, again]
    events = shop.campaigns.running.path("mail", f"{taken.row:06}")["events"]
    assert [(e["event"], e["at"]) for e in events if e["event"] != "planned"] == [("sent", "2001-09-09T03:46:40+02:00")]


def test_reports_of_delivery_come_back(mailed: tuple[Opened, Mailbox], tmp_path: Path) -> None:
    shop, box = mailed
    shop.campaigns.create(_mail())
    shop.send("mail", limit=30)
    sent = next(m for m in box.messages if m["To"] == "p002@example.com")
    report = (
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\nContent-Type: text/plain\n\nSorry\n'
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
        f"Final-Recipient: rfc822; {sent['To']}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 unknown\n\n"
        f"--b\nContent-Type: message/rfc822\n\nMessage-ID: {sent['Message-ID']}\nSubject: x\n\nbody\n\n--b--\n"
    )
    (tmp_path / "a.eml").write_text(report)
    (tmp_path / "b.eml").write_text("Subject: hello\n\nno report")
    found = shop.campaigns.running.bounces([tmp_path / "a.eml", tmp_path / "b.eml"])
    assert found == {"bounced": 1, "delivered": 0, "unknown": 1}
    status = shop.campaigns.status("mail")
    assert status["bounced"] == 1 and status["unknown"] == status["sent"] - 1 and status["rates"]["bounced"]["low"] > 0
    shop.campaigns.cancel("mail")
    assert shop.campaigns.plan("mail").plan["reasons"]["suppression_list"] == 1


def test_a_webhook_is_signed_and_knows_repeats(shop: Opened, tmp_path: Path) -> None:
    with receiving() as receiver, opened(tmp_path / "ws", private_addresses=1) as made:
        receiver.secret = made.ws.destinations.add("gate", receiver.url)["secret"]
        channel = {"name": "webhook", "to": "gate", "consent": "email", "batch": 40}
        made.campaigns.create(hello(channel=channel, content={"title": "Hi {{ name }}", "points": 3}))
        receiver.lose_next = True
        status = made.send("hello")
        messages = [m for body in receiver.bodies.values() for m in body["messages"]]
        assert status["sent"] == len(messages) == len({m["key"] for m in messages}) and adds_up(status)
        assert (
            len(receiver.requests) == len(receiver.bodies) + 1
        )  # the lost answer was asked for again, by the same key
        assert messages[0]["points"] == 3 and messages[0]["title"].startswith("Hi ")
        receiver.answers = [410]
        made.campaigns.create(hello(name="gone", channel=channel))
        with pytest.raises(CoterieError, match=r"not_delivered"):
            made.send("gone")
        assert made.campaigns.status("gone")["sent"] == 0 and adds_up(made.campaigns.status("gone"))
        assert made.campaigns.run("gone")["state"] == "completed"


def test_files_have_everyone_once_though_cut_off(shop: Opened) -> None:
    shop.campaigns.create(hello(channel={"name": "file", "address": "email", "consent": "email", "batch": 30}))
    shop.send("hello", limit=60)
    occurrence = shop.campaigns.records.occurrence("hello")
    with shop.campaigns.running.opened(occurrence) as run:
        run.outbox.claim([row.n for row in run.outbox.due(9e9, 10)], "000-cut")
    between = shop.campaigns.status("hello")
    assert adds_up(between) and between["uncertain"] == 0  # the same file is written again
    status = shop.campaigns.run("hello")
    files = (shop.campaigns.run_folder("hello@1") / "outbox").glob("*.jsonl")
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert status["sent"] == len(lines) == len({line["entity"] for line in lines}) and status["uncertain"] == 0
    assert all(line["text"].startswith("Hi ") and line["address"] for line in lines)


def test_the_simulator_is_a_plugin(shop: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site" / "simulated-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: simulated\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[coterie.channels]\nsimulator = coterie.simulate.channel:SimulatorChannel\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    base._plugins.cache_clear()
    goal = {"name": "goal", "events": "campaign_events", "where": {"field": "event", "op": "eq", "value": "goal"}}
    try:
        shop.campaigns.create(hello(channel={"name": "simulator", "effect": 3}, goals=[goal]))
        status = shop.send("hello")
        with pytest.raises(Refused, match=r'no channel "simulatr". Did you mean "simulator"'):
            find_channel("simulatr")
    finally:
        base._plugins.cache_clear()
    assert adds_up(status) and status["sent"] == status["delivered"] + status["bounced"] > 200
    assert status["opened"] > status["clicked"] > 0 and status["goals"]["goal"] > 10
    assert status["rates"]["opened"]["low"] < status["rates"]["opened"]["rate"] < status["rates"]["opened"]["high"]


def test_preview_and_tests_stay_outside_of_the_funnel(mailed: tuple[Opened, Mailbox]) -> None:
    shop, box = mailed
    html = '<a href="htps://example.com">{{ name }}</a>'
    notes = shop.campaigns.create(_mail(content={"subject": "{{ name }}", "html": '<a href="/x">x</a>' + html}))[
        "notes"
    ]
    assert notes == []  # what is filled in decides, so the preview tells
    shown = shop.campaigns.preview("mail", "000003")
    assert shown["empty"] == ["name"] and shown["address"] == "p003@example.com"
    assert shown["notes"] == ['The link "/x" leads nowhere.', 'The link "htps://example.com" leads nowhere.']
    assert shop.campaigns.preview("mail", "000004")["parts"]["subject"] == "Person 4"
    assert shop.campaigns.test("mail", ["me@example.com"], entity="000004")["sent"][0]["state"] == "sent"
    assert shop.campaigns.test("mail", [], entity="000004")["sent"][0]["address"] == "me@example.com"
    assert [m["Subject"] for m in box.messages] == ["[TEST] Person 4"] * 2
    assert shop.campaigns.status("mail")["planned"] == 0
    with pytest.raises(Refused, match=r'There is no customer "99"'):
        shop.campaigns.preview("mail", "99")
    assert Counter(box.recipients) == {"me@example.com": 2}


def test_payloads_have_their_parts(shop: Opened) -> None:
    for name, content, words in (
        ("push", {"title": "a"}, r"`content.body`: A message by push needs this part"),
        ("push", {"title": "a", "body": "b", "titel": "c"}, r'no such part. Did you mean "title"'),
        ("wechat", {"template_id": 3, "data": {}}, r"This part is a text|needs this part"),
    ):
        channel = {"name": name, "to": "gate", "address": "email"}
        with pytest.raises(Refused, match=words):
            shop.campaigns.create(hello(channel=channel, content=content))
