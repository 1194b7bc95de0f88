"""Tokens, links in templates, the journal, and how hits come into the lake."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.campaigns.opening import Opened, hello, opened

from coterie.campaigns import events, tracking
from coterie.campaigns.content import compile_content
from coterie.campaigns.hits import take_in
from coterie.campaigns.journal import Hit, Journal, closed
from coterie.campaigns.library.clean import cleaned
from coterie.campaigns.spots import rewritten
from coterie.campaigns.tracking import CLICK, Ring, Told, Tracker, links_of
from coterie.errors import Refused

RING = Ring(((1, b"k" * 32),))
BASE = "https://go.example.com"


@given(st.integers(1, 5), st.binary(min_size=8, max_size=8), st.integers(0, 2**32 - 1), st.text(max_size=50))
def test_a_token_opens_to_what_was_sealed(kind: int, run: bytes, n: int, url: str) -> None:
    """And no changed one does; nothing of it can be read."""
    url = url.encode("utf-8", "replace").decode()
    told = Told(kind, run.hex(), n, n % 65_536, url)
    token = RING.seal(told)
    assert RING.open(token) == told and RING.seal(told) == token
    for place in range(0, len(token) - 1, 5):
        other = "A" if token[place] != "A" else "B"
        assert RING.open(token[:place] + other + token[place + 1 :]) is None
    assert len(url) < 8 or url not in token


@pytest.mark.parametrize(
    ("source", "html", "links"),
    [
        ('<a class="b" href="https://a.example/">x</a>', True, ["https://a.example/"]),
        ("<a {% if x > 1 %}class=y{% endif %} href='https://a.example/?n={{ tag(\"a b\") }}'>x</a>", True, ['https://a.example/?n={{ tag("a b") }}']),
        ('<a href="{{ url }}">x</a><a href="https://{{ host }}/">x</a><a href="mailto:a@b.example">x</a>', True, []),
        ('<a href="https://user@evil.example/">x</a><link href="https://a.example/s.css">', True, []),
        ('<!-- <a href="https://a.example/">x</a> -->{% raw %}<a href="https://a.example/{{">x</a>{% endraw %}', True, []),
        ("See https://a.example/x?y=1. And (https://b.example/z)", False, ["https://a.example/x?y=1", "https://b.example/z"]),
        ("{{ 'https://a.example/' }}{% set u = 'https://b.example/' %}{{ name }}", False, []),
        ("点击https://a.example/spring，谢谢", False, ["https://a.example/spring"]),
    ],
)  # fmt: skip
def test_links_are_those_that_the_template_writes_out(source: str, html: bool, links: list[str]) -> None:
    """A link whose host comes from data is left as it is."""
    found: list = []
    made = rewritten(source, html, found)
    assert [link.url for link in found] == links
    assert (made == source) is (links == [])


def test_values_do_not_become_links() -> None:
    """Neither in place of a host, nor beside it; and what a value breaks out of stays in."""
    content = {
        "html": '<a href="https://a.example/?n={{ name }}">{{ name }}</a>',
        "text": "{{ name }} https://a.example/{{ name }}",
    }
    made = compile_content(content, ["name"])
    tracker = Tracker(BASE, RING, "00" * 8, links_of({"a": made}))
    for name in ("https://evil.example/", '"><script>', "@evil.example/", "\r\nX: y", "../x", "x" * 3000, "张三"):
        parts = tracker.render(made, {"name": name}, 7)
        for token in [
            t.split('"')[0].split()[0] for t in (parts["html"] + " " + parts["text"]).split(f"{BASE}/c/")[1:]
        ]:
            told = RING.open(token)
            assert told is not None and told.n == 7 and told.url.startswith("https://a.example/")
        assert "<script>" not in parts["html"]
    assert made.render({"name": "Ada"})["html"] == '<a href="https://a.example/?n=Ada">Ada</a>'
    off = Tracker(BASE, RING, "00" * 8, links_of({"a": made}), clicks=False).render(made, {"name": "Ada"}, 7)
    assert "https://a.example/Ada" in off["text"] and "/o/" not in off["html"]


@pytest.fixture(scope="module")
def sent(campaign_base: Path, tmp_path_factory: pytest.TempPathFactory):
    """A campaign that went out, with its token."""
    folder = tmp_path_factory.mktemp("tracking") / "ws"
    shutil.copytree(campaign_base, folder)
    with opened(folder, public_url=BASE) as shop:
        content = {
            "text": "Hi https://a.example/x and https://a.example/{{ name }}",
            "language": "lang",
            "variants": {"zh": {"text": "你好"}},
        }
        shop.campaigns.create(hello(content=content))
        shop.send("hello")
        (token,) = shop.ws.store.all("campaign_token")
        yield shop, token.name


def counts(shop: Opened) -> dict[str, int]:
    """Events of tracking, by name."""
    own = "event IN ('opened', 'clicked', 'machine_clicked', 'machine_opened', 'unsubscribed')"
    return dict(
        shop.ws.engine.rows(f"SELECT event, count(*) FROM {events.events_sql(shop.ws.tag_context, own)} GROUP BY 1")
    )


def test_hits_are_taken_in_once(sent: tuple[Opened, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is cut off between two steps; what came within two seconds is a machine's; lines of runs that are gone are let go."""
    shop, token = sent
    journal = Journal(shop.campaigns.folder / "journal")
    now = time.time()
    early = [Hit(events.CLICKED, token, 0, now - 5), Hit(events.OPENED, token, 1, now)]
    late = [Hit(events.CLICKED, token, n, now + 60, 0) for n in range(3)] + [Hit(events.OPENED, token, 2, now + 61)]
    journal.note(*early, *late, Hit(events.CLICKED, "f" * 16, 0, now), Hit(events.CLICKED, token, 10**6, now))
    assert take_in(shop.campaigns) == 0, "the file is still being written"
    journal.turn()
    unlink = Path.unlink
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "unlink", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        take_in(shop.campaigns)
    assert Path.unlink is unlink and take_in(shop.campaigns) == 8 and take_in(shop.campaigns) == 0
    assert counts(shop) == {"clicked": 3, "opened": 1, "machine_clicked": 1, "machine_opened": 1}
    status = shop.campaigns.status("hello")
    assert (status["clicked"], status["opened"], status["difference"]) == (3, 1, 0)
    rule = shop.campaigns.running.audience_of("hello", "clicked")
    assert rule["all"][0]["where"]["all"][1]["value"] == "clicked"


def test_nothing_is_lost_when_the_writer_is_killed(sent: tuple[Opened, str]) -> None:
    """Each line that was written before the kill is there; half a line is not."""
    shop, token = sent
    before = counts(shop).get("clicked", 0)
    script = (
        "import sys, time; from pathlib import Path; from coterie.campaigns.journal import Hit, Journal\n"
        "journal = Journal(Path(sys.argv[1])); n = 0\n"
        "while True:\n"
        "    journal.note(Hit('clicked', sys.argv[2], n % 100, 4e9 + n)); n += 1; print(n, flush=True)\n"
    )
    folder = shop.campaigns.folder / "journal"
    process = subprocess.Popen([sys.executable, "-c", script, str(folder), token], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(200):
        process.stdout.readline()
    assert closed(folder) == [], "its writer lives"
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    told = int(rest[-1]) if rest else 200
    (left,) = folder.glob("*.open")
    with left.open("ab") as handle:
        handle.write(b"clicked\thalf")
    taken = take_in(shop.campaigns)
    assert taken in (told, told + 1) and counts(shop)["clicked"] - before == taken


def test_unsubscriptions_come_into_the_ledger_together(sent: tuple[Opened, str]) -> None:
    """By the moment of the click, once; the token of the message's header does the same at once."""
    shop, token = sent
    journal, at = Journal(shop.campaigns.folder / "journal"), time.time()
    journal.note(*(Hit(events.UNSUBSCRIBED, token, n, at + n / 1e6) for n in (20, 21, 20)))
    journal.turn()
    take_in(shop.campaigns)
    plan = shop.campaigns.plan_file("hello@1")
    keys = [
        e
        for (e,) in shop.ws.engine.rows(f"SELECT entity FROM read_parquet('{plan}') WHERE n IN (20, 21, 22) ORDER BY n")
    ]
    states = [shop.consent.show(key)["consent"]["email"]["state"] for key in keys]
    assert states == ["revoked", "revoked", "granted"] and shop.campaigns.status("hello")["unsubscribed"] == 2
    ring = tracking.ring(shop.ws.store)
    signed = Tracker(BASE, ring, token).sign(22, "zh-CN")
    assert ring.open(signed) == Told(tracking.UNSUBSCRIBE, token, 22, 2)
    assert shop.campaigns.running.unsubscribe(signed)["already"] is False
    with pytest.raises(Refused, match="not ours"):
        shop.campaigns.running.unsubscribe(ring.seal(Told(CLICK, token, 22)))


def test_html_of_pages_is_cleaned() -> None:
    """What could run, load or lead astray is left out; the text stays."""
    odd = [
        "<script>x()</script>", "<scr<script>ipt>x()</script>", "<svg onload=x()>", "<iframe src=https://x></iframe>",
        "<p style='background:url(https://x)'>", "<a href='java\tscript:x()'>", "<a href='&#106;avascript:x()'>",
        "<img src=x onerror=x()>", "<form action='https://evil.example/'>", "<base href='https://evil.example/'>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>", "<a href='//evil.example'>", "<embed src=x>",
        "<math><mtext></form><form><mglyph><style></math><img src onerror=x()>", "<button formaction='javascript:x()'>",
    ]  # fmt: skip
    for part in odd:
        made = cleaned(f"<p>before</p>{part}<p>after</p>").lower()
        assert "before" in made
        for bad in (
            "<script",
            "onload",
            "onerror",
            "javascript",
            "evil.example",
            "url(",
            "<iframe",
            "<svg",
            "<embed",
            "<base",
            "<meta",
        ):
            assert bad not in made, (part, made)
