"""What people reach who got a message: redirects, pixels, unsubscribing, landing pages, receipts; and what strangers try."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from tests.api.conftest import PATIENCE_S, running
from tests.campaigns.conftest import make_people

import coterie
from coterie.api.app import make_app
from coterie.campaigns import hits, tracking
from coterie.destinations.http import sign
from coterie.workspace import Workspace

BASE = "https://go.example.com"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
CONTENT = {
    "text": 'Hi {{ name }}! https://shop.example/?id={{ entity }} {{ page("spring") }}',
    "html": '<p><a href="https://shop.example/a?x=1&amp;y=2">go</a> <a href="{{ unsubscribe_url }}">stop</a></p>',
    "language": "lang",
    "variants": {"zh": {"text": '你好 {{ name }}! https://shop.example/?id={{ entity }} {{ page("spring") }}'}},
}
PAGE = {
    "title": "Spring & more",
    "html": '<h1>Hi {{ name|default("you", true) }}</h1><script>alert(1)</script>'
    '<a href="javascript:alert(1)">bad</a><form action="{{ convert_url }}"><button>Yes</button></form>',
    "thanks": "<p>See you, <b>soon</b></p>",
    "language": "lang",
    "variants": {"zh": {"html": '<h1>您好 {{ name }}</h1><form action="{{ convert_url }}"></form>'}},
}


class Sent(NamedTuple):
    """A campaign that went out, and the application that people reach."""

    app: FastAPI
    client: httpx.Client
    secret: str
    lines: list[dict[str, Any]]

    def taken(self, name: str = "hello") -> dict[str, Any]:
        """The campaign's status, with all hits taken in."""
        self.app.state.keeper.take_in()
        with Workspace.open(self.app.state.path) as ws:
            return ws.campaigns.status(name, f"{name}@1")

    def of(self, number: int, what: str) -> str:
        """A path in the message of one recipient."""
        line = self.lines[number]
        return re.search(rf"{BASE}(/{what}/[^\s\"<]+)", f"{line['text']} {line['html']}")[1]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """24 people; the application runs in this process. Nobody is too quick here to be a person."""
    folder = tmp_path_factory.mktemp("public")
    make_people(folder / "people.csv", 24)
    coterie.init(folder / "ws", zone="Europe/Berlin").close()
    facts = json.loads((folder / "ws" / "coterie.json").read_text())
    facts["settings"] = {"public_url": BASE, "private_addresses": 1}
    (folder / "ws" / "coterie.json").write_text(json.dumps(facts))
    with coterie.open(folder / "ws") as ws, pytest.MonkeyPatch.context() as patched:
        patched.setattr(hits, "MACHINE_SECONDS", -1e6)
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id", types={"id": "text"})
        ws.tags.build()
        ws.audiences.save("everyone", {"all": []})
        ws.consent.adopt("email", "agrees")
        ws.campaigns.library.save("spring", "page", PAGE)
        ws.campaigns.library.publish("spring")
        channel = {"name": "file", "address": "email", "consent": "email"}
        ws.campaigns.create({"name": "hello", "audience": "everyone", "channel": channel, "content": CONTENT})
        assert ws.campaigns.plan("hello").plan["notes"] == []
        ws.campaigns.approve("hello")
        ws.campaigns.run("hello")
        secret = ws.destinations.add("provider", "http://127.0.0.1:9/")["secret"]
        (file,) = (folder / "ws").glob("campaigns/*/1/outbox/*.jsonl")
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        app = make_app(folder / "ws")
        with running(app) as url, httpx.Client(base_url=url, headers=BROWSER, timeout=PATIENCE_S) as client:
            yield Sent(app, client, secret, lines)


def test_a_click_leads_where_the_template_said(sent: Sent) -> None:
    """For all alike, and with the recipient's own values; the token says nothing; HEAD is not noted."""
    before = sent.taken()
    texts = [f"{line['text']}{line['html']}" for line in sent.lines]
    assert not any(
        "shop.example" in text or line["entity"] in text for text, line in zip(texts, sent.lines, strict=True)
    )
    links = [re.findall(rf"{BASE}(/c/\S+?)(?=[\s\"<])", text) for text in texts]
    for line, (personal, common) in zip(sent.lines[:3], links, strict=False):
        answer = sent.client.get(personal)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"https://shop.example/?id={line['entity']}")
        answer = sent.client.get(common)
        assert answer.headers["Location"] == "https://shop.example/a?x=1&y=2" and answer.content == b""
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers
    assert sent.client.head(links[5][0]).status_code == 302
    status = sent.taken()
    assert before["clicked"] == 0 and status["clicked"] == 3 and status["difference"] == 0
    with Workspace.open(sent.app.state.path) as ws:
        told = ws.campaigns.running.path("hello", sent.lines[0]["entity"], "hello@1")["events"]
    assert {e["detail"] for e in told if e["event"] == "clicked"} == {
        "https://shop.example/?id={{ entity }}",
        "https://shop.example/a?x=1&y=2",
    }


def test_forged_tokens_lead_nowhere(sent: Sent) -> None:
    """Each changed byte, other kinds of token, addresses in their place; whoever tries many has to wait."""
    good = sent.of(4, "c").removeprefix("/c/")
    odd = [good[:-3] + ("A" if good[-3] != "A" else "B") + good[-2:], "B" + good[1:], good[:-4], "", "x" * 5000]
    odd += ["https://evil.example", "//evil.example/", sent.of(4, "o")[3:-4], "..%2f..%2fcoterie.json", "%00", "é"]
    for token in odd:
        answer = sent.client.get(f"/c/{token}", follow_redirects=False)
        assert answer.status_code == 404 and "Location" not in answer.headers, token
    for path in (f"/o/{good}.gif", f"/u/{good}", f"/p/spring/{good}", f"/p/spring/{sent.of(4, 'u')[3:]}"):
        assert sent.client.get(path).status_code == 404
    assert sent.client.post(f"/c/{good}").status_code == 405
    told = [sent.client.get("/c/zz").status_code for _ in range(60)]
    assert told[-1] == 429 and sent.client.get(f"/c/{good}").status_code == 302


def test_machines_are_told_from_people(sent: Sent) -> None:
    """Scanners, prefetchers and privacy proxies are kept under another name; mailboxes' image proxies count."""
    before = sent.taken()
    pixel, click = sent.of(6, "o"), sent.of(6, "c")
    for agent in ("Barracuda Sentinel", "Mozilla/5.0", "", "curl/8.5.0"):
        assert sent.client.get(pixel, headers={"User-Agent": agent}).headers["Content-Type"] == "image/gif"
        assert sent.client.get(click, headers={"User-Agent": agent}).status_code == 302
    assert sent.client.get(click, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 302
    status = sent.taken()
    assert (status["opened"], status["clicked"]) == (before["opened"], before["clicked"])
    with Workspace.open(sent.app.state.path) as ws:
        told = ws.campaigns.running.path("hello", sent.lines[6]["entity"], "hello@1")["events"]
    reasons = [(e["event"], e["reason"]) for e in told if e["event"].startswith("machine_")]
    assert (
        len(reasons) == 9
        and ("machine_opened", "privacy proxy") in reasons
        and ("machine_clicked", "prefetch") in reasons
    )
    proxy = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    answer = sent.client.get(pixel, headers={"User-Agent": proxy})
    assert answer.content[:6] == b"GIF89a" and answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert sent.taken()["opened"] == before["opened"] + 1


def test_unsubscribing(sent: Sent) -> None:
    """A page in the recipient's language that alone changes nothing; one click by POST does, and twice is once."""
    chinese = next(n for n, line in enumerate(sent.lines) if line["text"].startswith("你好"))
    english = next(n for n, line in enumerate(sent.lines) if line["text"].startswith("Hi"))
    page = sent.client.get(sent.of(chinese, "u"))
    assert "确认退订" in page.text and 'lang="zh"' in page.text and "script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Yes, unsubscribe" in sent.client.get(sent.of(english, "u"), headers={"Accept-Language": "zh"}).text
    assert "确认退订" in sent.client.get(sent.of(english, "u") + "?language=zh").text
    before = sent.taken()
    for _ in range(2):
        done = sent.client.post(sent.of(english, "u"), data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200 and "no more of these messages" in done.text
    status = sent.taken()
    assert (before["unsubscribed"], status["unsubscribed"]) == (0, 1)
    with Workspace.open(sent.app.state.path) as ws:
        held = ws.consent.show(sent.lines[english]["entity"])
        assert held["consent"]["email"]["state"] == "revoked"
        assert held["consent"]["email"]["source"] == "unsubscribed from hello"
        assert ws.consent.show(sent.lines[chinese]["entity"])["consent"]["email"]["state"] == "granted"
        assert ws.campaigns.plan("hello").plan["reasons"]["unsubscribed"] == 1


def test_a_landing_page(sent: Sent) -> None:
    """Personal with a token, for anybody without; nothing runs in it; visits and conversions are counted."""
    path = sent.of(7, "p")
    answer = sent.client.get(path)
    name = re.search(r"Person \d+", sent.lines[7]["text"])[0]
    assert answer.status_code == 200 and name in answer.text and "alert" not in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy and "allow-scripts" not in policy and "default-src 'none'" in policy
    action = re.search(r'action="([^"]+)"', answer.text)[1]
    assert action.startswith(path) and sent.client.get(action).status_code == 405
    assert "See you, <b>soon</b>" in sent.client.post(action).text
    stranger = sent.client.get("/p/spring")
    assert "Hi you" in stranger.text and "<title>Spring &amp; more</title>" in stranger.text
    assert "您好" in sent.client.get("/p/spring?language=zh").text
    assert sent.client.post(re.search(r'action="([^"]+)"', stranger.text)[1]).status_code == 200
    assert sent.client.get("/p/nothing").status_code == 404 and sent.client.post("/p/spring").status_code == 405
    assert sent.taken()["clicked"] >= 1
    with Workspace.open(sent.app.state.path) as ws:
        stats = ws.campaigns.library.stats("spring")
        assert (stats["visits"], stats["visitors"], stats["conversions"]) == (3, 3, 2)
        assert [d["visits"] for d in stats["days"]] == [3]
        rule = {
            "events": "page_events",
            "where": {"field": "event", "op": "eq", "value": "converted"},
            "measure": "count",
        }
        assert ws.audiences.count({**rule, "op": "gte", "value": 1}).count in (0, 1)  # as of the last build of tags
        ws.campaigns.library.withdraw("spring")
    time.sleep(2.1)
    gone = sent.client.get(path)
    assert gone.status_code == 410 and ("Not here any more" in gone.text or "页面已下线" in gone.text)


def test_receipts(sent: Sent) -> None:
    """Signed, in time, by the run's own channel; the same again changes nothing; a dead address is not used again."""

    def _post(body: Any, channel: str = "file", *, seconds: float = 0, secret: str | None = None) -> httpx.Response:
        content, at = json.dumps(body).encode(), int(time.time() - seconds)
        headers = {"Coterie-Signature": f"t={at},v1={sign(content, secret or sent.secret, at)}"}
        return sent.client.post(f"/api/v1/receipts/{channel}", content=content, headers=headers)

    keys = [line["key"] for line in sent.lines]
    given = [{"key": keys[8], "event": "delivered"}, {"key": keys[9], "event": "dead"}]
    given += [{"key": keys[10], "event": "clicked", "at": "2030-01-01T00:00:00Z", "detail": "=cmd()\t\n<b>"}]
    given += [
        {"key": keys[11], "event": "bounced", "detail": "5.1.1", "permanent": True},
        {"key": "0" * 16 + ".1", "event": "delivered"},
    ]
    before = sent.taken()
    for _ in range(2):
        assert _post({"receipts": given}).json() == {"accepted": 4, "unknown": 1}
        status = sent.taken()
        assert [status[k] - before[k] for k in ("delivered", "bounced", "clicked")] == [1, 2, 1]
    assert _post({"receipts": given}, "email").json() == {"accepted": 0, "unknown": 5}
    with Workspace.open(sent.app.state.path) as ws:
        path = ws.campaigns.running.path("hello", sent.lines[10]["entity"], "hello@1")
        told = {e["event"]: e for e in path["events"]}
        assert told["clicked"]["detail"] == "=cmd() <b>"
        reasons = ws.campaigns.plan("hello").plan["reasons"]
        assert reasons["suppression_list"] == 2
    for answer in (
        _post({"receipts": given}, seconds=400),
        _post({"receipts": given}, secret="x"),
        sent.client.post("/api/v1/receipts/file"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    for wrong in (
        {},
        {"receipts": [{"key": "1", "event": "delivered"}]},
        {"receipts": [{"key": keys[0], "event": "clicked"}]},
    ):
        assert _post(wrong).json()["code"] == "bad_argument"


def test_clicks_are_answered_alike_by_both_ways(sent: Sent) -> None:
    """From the bytes, and by the book; whatever is not a plain request for a link of ours goes by the book."""
    app, path = sent.app, sent.of(13, "c").encode()
    assert sent.client.get(path.decode()).status_code == 302, "from here on the run is known"
    head = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nUser-Agent: " + BROWSER["User-Agent"].encode()
    quick = app.state.quick(head + b"\r\n\r\n")
    assert quick.startswith(b"HTTP/1.1 302 Found\r\n") and quick.endswith(b"\r\n\r\n")
    told = dict(line.split(": ", 1) for line in quick.decode().split("\r\n")[1:-2])
    slow = sent.client.get(path.decode(), headers={"Connection": "close"})
    same = {name: value for name, value in slow.headers.items() if name not in ("date", "connection", "server")}
    assert {name: value for name, value in told.items() if name != "date"} == same
    assert app.state.quick(head + b"\r\nConnection: Keep-Alive\r\n\r\n") is not None
    odd = [head, head + b"\r\n", head + b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", head + b"\r\nContent-Length: 5\r\n\r\n"]
    odd += [
        head + b"\r\nTransfer-Encoding: chunked\r\n\r\n",
        head + b"\r\nConnection: close\r\n\r\n",
        head + b"\r\n folded\r\n\r\n",
    ]
    odd += [
        (head + b"\r\n\r\n").replace(*pair)
        for pair in ((b"GET", b"HEAD"), (b"1.1", b"1.0"), (path[-4:], b"AAAA"), (b"/c/", b"/o/"))
    ]
    odd += [head + b"\r\nA: \0\r\n\r\n", head + b"\r\nA : b\r\n\r\n", head.replace(b"\r\n", b"\n") + b"\n\n"]
    assert [app.state.quick(data) for data in odd] == [None] * len(odd)


def test_keys_are_changed(sent: Sent) -> None:
    """Old links go on leading somewhere, unless they are to be forgotten."""
    path = sent.of(12, "c")
    with Workspace.open(sent.app.state.path) as ws:
        assert tracking.rotate(ws.store) == 2 and tracking.ring(ws.store).open(path[3:]) is not None
        assert tracking.rotate(ws.store, forget=True) == 1 and tracking.ring(ws.store).open(path[3:]) is None
