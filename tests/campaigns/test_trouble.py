"""What goes wrong on the way: each is stated, nothing is lost, and nothing is half sent."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.campaigns.moody import AFTER, BEFORE, BUSY, PIPELINING, SHUT, Moody, moody_server
from tests.campaigns.opening import Opened, adds_up, hello, opened
from tests.campaigns.test_journeys import without_queue
from tests.destinations.receiver import receiving
from tests.shop import ask

from coterie.campaigns.delivery import deliver, flush
from coterie.campaigns.restored import held
from coterie.campaigns.singly import MOST_TRIES
from coterie.errors import CoterieError, Refused
from coterie.workspace import Workspace

CONTENT = {"subject": "Hi {{ entity }}", "text": "A few words."}


@pytest.fixture(scope="module")
def place(campaign_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Opened, Moody]]:
    """One workspace for all, with a mail server that can be told to misbehave."""
    folder = tmp_path_factory.mktemp("trouble") / "ws"
    shutil.copytree(campaign_base, folder)
    with moody_server() as moody:
        given = {"smtp_host": "127.0.0.1", "smtp_security": "none", "mail_from": "shop@example.com"}
        with opened(folder, **given, smtp_port=moody.port, private_addresses=1) as made:
            phones = [f"{i:06},+49151{i:06}" for i in range(240)]
            (folder.parent / "phones.csv").write_text("\n".join(["id,phone", *phones]) + "\n")
            types = {"id": "text", "phone": "text"}
            made.ws.load(folder.parent / "phones.csv", kind="profiles", name="phones", entity="id", types=types)
            made.ws.tags.build()
            made.ws.audiences.save("few", {"tag": "email", "op": "lt", "value": "p04"})
            made.ws.audiences.refresh("few")
            yield made, moody


def _mail(name: str, **more: Any) -> dict[str, Any]:
    channel = {"name": "email", "connections": 1, "retry_wait": 0.01, **more}
    return {"name": name, "audience": "few", "channel": channel, "content": CONTENT}


def _begin(shop: Opened, given: dict[str, Any]) -> int:
    """Plan and approve; how many it goes to."""
    shop.campaigns.create(given)
    going = shop.campaigns.plan(given["name"]).going
    shop.campaigns.approve(given["name"])
    return going


def test_a_server_that_is_down_is_told_and_tried_again(place: tuple[Opened, Moody]) -> None:
    shop, moody = place
    going, values = _begin(shop, _mail("down")), shop.ws.settings._values
    assert going >= 20
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        values["smtp_port"] = nobody.getsockname()[1]
        with pytest.raises(CoterieError, match=r"mail_unreachable.*out of reach"):
            shop.campaigns.run("down")
    values["smtp_port"] = moody.port
    status = shop.campaigns.status("down")
    assert (status["state"], status["error"]["code"], status["pending"]) == ("failed", "mail_unreachable", going)
    assert adds_up(status) and "down" in shop.campaigns.running.due()  # the worker looks again every minute
    before, moody.moods, started = moody.connections, [SHUT, SHUT], time.monotonic()
    status = shop.campaigns.run("down")
    assert moody.connections == before + 3 and time.monotonic() - started >= 0.015  # .005 and .01 s between them
    assert (status["state"], status["sent"], status["uncertain"]) == ("completed", going, 0) and adds_up(status)
    assert "error" not in status and len(moody.taken) == len(set(moody.taken)) == going


def test_a_server_that_hangs_up_leaves_no_doubt_unless_it_has_the_message(place: tuple[Opened, Moody]) -> None:
    shop, moody = place
    going = _begin(shop, _mail("closing"))
    moody.taken.clear()
    moody.moods = [BEFORE, BUSY, AFTER, BEFORE]
    status = shop.campaigns.run("closing", limit=3)
    # the first is announced twice in vain, and waits a minute; the second is taken, and nobody says so
    assert (status["sent"], status["uncertain"], status["pending"]) == (1, 1, going - 2) and adds_up(status)
    status = shop.campaigns.run("closing")
    assert (status["sent"], status["uncertain"], status["pending"]) == (going - 2, 1, 1) and adds_up(status)
    assert len(moody.taken) == len(set(moody.taken)) == going - 1
    path = shop.campaigns.running.path("closing", "000001")
    assert path["bucket"] == "uncertain" and "connection broke" in path["events"][-1]["detail"]


def test_commands_go_at_once_where_the_server_takes_them_so(place: tuple[Opened, Moody]) -> None:
    shop, moody = place
    going = _begin(shop, _mail("pipelined"))
    moody.taken.clear()
    moody.moods = [PIPELINING]
    status = shop.campaigns.run("pipelined")
    assert adds_up(status) and status["failures"] == {"channel": status["failed"]} and status["failed"] >= 2
    assert status["sent"] == going - status["failed"] == len(moody.taken)
    refused = [i for i in range(40) if i % 10 == 7]
    found = {shop.campaigns.running.path("pipelined", f"{i:06}")["bucket"] for i in refused}
    assert found <= {"failed", "suppressed", None} and "failed" in found  # some of them have no address


def test_what_is_put_off_each_time_fails_in_the_end_and_a_clock_set_back_sends_nothing_twice(
    place: tuple[Opened, Moody],
) -> None:
    shop, moody = place
    going = _begin(shop, _mail("later"))
    occurrence = shop.campaigns.running._begin(shop.campaigns.records.occurrence("later"))
    with shop.campaigns.running.opened(occurrence) as run:
        real, ahead = time.time(), 0.0
        run.clock = lambda: real + ahead
        moody.moods = [BEFORE, BUSY]
        deliver(run, limit=1)
        assert run.outbox.next_due() == 0 and run.outbox.open_rows().pending == going
        ahead = -2 * 86_400  # the clock is set back: what was to be tried in a minute waits, the others go
        deliver(run)
        assert run.outbox.open_rows().pending == 1 and run.outbox.next_due() == pytest.approx(real + 60)
        for n in range(1, MOST_TRIES):
            ahead = (run.outbox.next_due() or 0.0) - real
            moody.moods = [BEFORE, BUSY]
            deliver(run)
            assert run.outbox.open_rows().pending == (n < MOST_TRIES - 1)
        with shop.ws.engine.cursor() as engine:
            flush(run, engine)
    status = shop.campaigns.status("later")
    assert (status["sent"], status["failed"], status["uncertain"]) == (going - 1, 1, 0) and adds_up(status)
    assert len(moody.taken) == len(set(moody.taken))


def test_an_audience_of_nobody_is_refused(place: tuple[Opened, Moody]) -> None:
    shop, _ = place
    shop.ws.audiences.save("none", {"tag": "lang", "op": "eq", "value": "xx"})
    shop.campaigns.create(hello(name="nobody", audience="none"))
    with pytest.raises(Refused, match=r"`nobody` at `audience`: .* has no members. Look at its conditions"):
        shop.campaigns.plan("nobody")
    assert shop.campaigns.status("nobody")["state"] == "draft" and shop.campaigns.occurrences("nobody") == []


def test_a_template_that_fails_for_some_fails_for_those_only(place: tuple[Opened, Moody]) -> None:
    shop, _ = place
    text = "{% if entity >= '000150' %}{{ 12 // (name|length) }}{% endif %} words {{ name }}"
    going = _begin(shop, hello(name="some fail", content={"text": text}))
    empty = shop.campaigns.status("some fail")["empty"]["name"]
    status = shop.campaigns.run("some fail")
    assert adds_up(status) and status["failures"] == {"template": status["failed"]}
    assert 0 < status["failed"] < empty and status["sent"] == going - status["failed"]
    path = shop.campaigns.running.path("some fail", "000163")
    assert path["bucket"] == "failed" and "text: TypeError" in path["events"][-1]["detail"]
    assert shop.campaigns.running.path("some fail", "000003")["bucket"] == "sent"  # an empty name only leaves a hole
    shop.campaigns.create(hello(name="soon", content={"text": text.replace("000150", "000002")}))
    with pytest.raises(Refused, match=r"`bad_template` at `content`: It cannot be filled for 000003: text: TypeError"):
        shop.campaigns.plan("soon")


@pytest.mark.parametrize(
    ("channel", "address", "content", "told"),
    [
        (
            "sms",
            "phone",
            {"text": "{% if lang == 'zh' %}{{ 'x' * 501 }}{% else %}Hi{% endif %}"},
            "text has 501 characters",
        ),
        ("push", "email", {"title": "{% if lang == 'zh' %}{% else %}Hi{% endif %}", "body": "b"}, "title is empty"),
        (
            "wechat",
            "email",
            {"template_id": "t{% if lang == 'zh' %}{{ 'x' * 100 }}{% endif %}", "data": {"a": 1}},
            "takes 100",
        ),
    ],
)
def test_what_a_channel_does_not_take_is_not_sent(
    place: tuple[Opened, Moody], channel: str, address: str, content: dict[str, Any], told: str
) -> None:
    shop, _ = place
    with receiving() as receiver:
        receiver.secret = shop.ws.destinations.add(f"to {channel}", receiver.url)["secret"]
        options = {"name": channel, "to": f"to {channel}", "address": address, "consent": "email", "batch": 500}
        going = _begin(shop, {"name": f"by {channel}", "audience": "everyone", "channel": options, "content": content})
        status = shop.campaigns.run(f"by {channel}")
        messages = [message for body in receiver.bodies.values() for message in body["messages"]]
    assert adds_up(status) and status["failures"] == {"template": status["failed"]} and 0 < status["failed"] < going
    assert len(messages) == status["sent"] == going - status["failed"]
    assert all(int(message["entity"]) % 3 for message in messages)
    failed = [e for e in shop.campaigns.running.path(f"by {channel}", "000006")["events"] if e["event"] == "failed"]
    assert told in failed[0]["detail"]


def test_a_backup_of_a_running_campaign_is_of_one_moment(place: tuple[Opened, Moody], tmp_path: Path) -> None:
    shop, _ = place
    channel = {"name": "file", "address": "email", "consent": "email", "batch": 5, "rate_per_second": 150}
    going = _begin(shop, hello(name="copied", channel=channel))
    steps = [{"id": "pause", "wait": {"for": "1d"}}, {"id": "done", "end": True}]
    without_queue(shop.ws).journeys.create({"name": "way", "entry": {"audience": "everyone"}, "steps": steps})
    shop.ws.journeys.start("way")
    sending = threading.Thread(target=shop.campaigns.run, args=("copied",))
    sending.start()
    folder = shop.campaigns.run_folder("copied@1") / "outbox"
    while not list(folder.glob("*.jsonl")):
        assert sending.is_alive()
        time.sleep(0.005)
    shop.ws.backup(tmp_path / "backup")
    sending.join()
    others = sorted(r["campaign"] for r in shop.campaigns.rows()["campaigns"] if r["state"] in ("waiting", "preparing"))
    Workspace.restore(tmp_path / "backup", tmp_path / "ws").close()
    with opened(tmp_path / "ws") as restored:
        status = restored.campaigns.status("copied")
        files = list((restored.campaigns.run_folder("copied@1") / "outbox").glob("*.jsonl"))
        assert adds_up(status) and status["sent"] + status["pending"] == going and 0 < status["sent"]
        assert 5 * len(files) >= status["sent"]
        assert (status["state"], status["error"]["code"]) == ("paused", "restored")  # the original goes on sending
        with pytest.raises(Refused, match=r'"copied" is paused'):
            restored.campaigns.run("copied")
        journeys = without_queue(restored.ws).journeys
        assert held(restored.campaigns, journeys) == {"campaigns": sorted(["copied", *others]), "journeys": ["way"]}
        assert journeys.status("way")["errors"]["entry"]["code"] == "restored" and journeys.due() == []
        restored.campaigns.resume("copied")
        journeys.resume("way")
        assert held(restored.campaigns, journeys) == {"campaigns": others, "journeys": []}
        status = restored.campaigns.run("copied")
        assert status["sent"] == going and "error" not in status
    assert shop.campaigns.status("copied")["sent"] == going


def test_a_restored_workspace_whose_store_lies_elsewhere_holds_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store may be the original's own, which a restore leaves alone; of a copy it is known."""
    store = tmp_path / "elsewhere.sqlite"
    monkeypatch.setenv("COTERIE_METADATA_URL", f"sqlite:///{store}")
    steps = [{"id": "pause", "wait": {"for": "1d"}}, {"id": "done", "end": True}]
    with Workspace.init(tmp_path / "ws") as ws:
        (tmp_path / "people.csv").write_text("id\n1\n2\n", encoding="utf-8")
        ws.load(tmp_path / "people.csv", kind="profiles", name="people", entity="id")
        ws.tags.build()
        ws.audiences.save("everyone", {"all": []})
        without_queue(ws).journeys.create({"name": "way", "entry": {"audience": "everyone"}, "steps": steps})
        ws.journeys.start("way")
        ws.backup(tmp_path / "backup")
    told = ask(tmp_path, "restore", "backup", "alone")
    assert (told["held"], told["paused_journeys"]) == (False, [])
    monkeypatch.setenv("COTERIE_METADATA_URL", f"sqlite:///{shutil.copy2(store, tmp_path / 'copy.sqlite')}")
    told = ask(tmp_path, "restore", "backup", "held", "--hold")
    assert (told["held"], told["paused_journeys"]) == (True, ["way"])
    for url, state in ((store, "running"), (tmp_path / "copy.sqlite", "paused")):
        monkeypatch.setenv("COTERIE_METADATA_URL", f"sqlite:///{url}")
        with Workspace.open(tmp_path / "ws", read_only=True) as ws:
            assert ws.journeys.status("way")["state"] == state
