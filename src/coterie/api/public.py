"""What people reach who got a message: clicks, opens, unsubscribing, landing pages. No session, no cookie, no script.

    GET  /c/TOKEN               302 to what the template said
    GET  /o/TOKEN.gif           an image of one pixel
    GET  /u/TOKEN               a page with one button; POST: unsubscribed, as RFC 8058 asks
    GET  /p/NAME[/TOKEN]        a landing page; POST /p/NAME/TOKEN/convert: what the page asked for

These answers are made before the rest of the application is asked, since a campaign brings a thousand of them a second:
a token is opened with the key in memory, what it leads to stands in memory, and the hit is a line in a file (`journal`),
which a thread takes into the lake every few seconds.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from coterie.api import pages
from coterie.api.answers import preferred
from coterie.api.door import opened
from coterie.api.limits import HEADERS, YEAR, App, Message, Receive, Scope, Send
from coterie.campaigns import events, hits, records, tracking
from coterie.campaigns.journal import Hit, Journal
from coterie.campaigns.machines import machine
from coterie.campaigns.spots import Source
from coterie.campaigns.tracking import LANGUAGES, Told
from coterie.errors import CoterieError, Failed

_log = logging.getLogger(__name__)
EVERY_SECONDS = 5.0  # between two times that hits are taken into the lake
_BAD_A_MINUTE, _PAGES_A_MINUTE = 60, 300  # of one address: tokens that are none of ours; landing pages
_HITS_A_MINUTE = 60  # of one recipient: more lead on, but are not noted
_KEYS_SECONDS = 10.0  # between two looks at the keys, which other processes may change
_GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_NO_SCRIPT = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; style-src 'unsafe-inline'; img-src data:"
_PAGE_POLICY = f"{_NO_SCRIPT} https: http:; sandbox allow-forms allow-popups allow-top-navigation-by-user-activation"
_COMMON = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
]


_CLICK = re.compile(rb"GET /c/([A-Za-z0-9_-]+) HTTP/1\.1\r\n((?:[^\s:]+:[^\r\n\0]*\r\n){1,60})\r\n")
_BY_THE_BOOK = frozenset((b"content-length", b"transfer-encoding", b"expect", b"upgrade"))


class Answer(NamedTuple):
    """What is answered: status, body, type, and further headers."""

    status: int
    body: bytes = b""
    kind: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Run(NamedTuple):
    """A run that tokens are of: its links, and where each leads if it is the same for all."""

    links: tuple[Source, ...]
    targets: tuple[bytes, ...]


class Front:
    """ASGI: answers the addresses in messages, and hands everything else on."""

    def __init__(self, app: App, owner: FastAPI) -> None:
        self._app = app
        ws, self._journal = owner.state.shared, owner.state.journal
        self._store = ws.store
        self._runs: dict[str, Run | None] = {}
        self._ring = tracking.ring(ws.store)
        self._looked = time.monotonic()
        self._bad, self._slow, self._own = Rates(_BAD_A_MINUTE), Rates(_PAGES_A_MINUTE), Rates(_HITS_A_MINUTE)
        self._pages = pages.Pages(owner)
        self._ways = {"u": self._unsubscribe, "p": self._page}
        https = str(ws.settings["public_url"]).startswith("https://")
        added = {**HEADERS, **dict(_COMMON), b"content-length": b"0"}
        added |= {b"strict-transport-security": YEAR} if https else {}
        self._tail = b"".join(b"\r\n%b: %b" % pair for pair in added.items()) + b"\r\n\r\n"
        owner.state.front = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or path[:1] != "/" or path[2:3] != "/" or path[1] not in "coup":
            await self._app(scope, receive, send)
            return
        asked = Asked(scope, path[1], path[3:])
        if asked.way in "co":
            answer = await self._hit(asked)
        else:
            await _drained(receive, asked.method)
            answer = await run_in_threadpool(self._told, self._ways[asked.way], asked)
        await _send(send, answer, head=asked.method == "HEAD")

    def quick(self, data: bytes) -> bytes | None:
        """A click answered from the bytes of its request: a fifth of the time that reading it by the book takes.

        None for everything but a plain, whole GET with a token of ours, of a run that is known: that goes by the book.
        """
        match = _CLICK.fullmatch(data)
        if match is None or time.monotonic() - self._looked > _KEYS_SECONDS:
            return None
        told = self._ring.open(match[1].decode())
        run = None if told is None or told.kind != tracking.CLICK else self._runs.get(told.run)
        if told is None or run is None or (target := _target(run, told)) is None:
            return None
        lines = (line.partition(b":") for line in match[2].split(b"\r\n")[:-1])
        headers = {name.lower(): value.strip() for name, _, value in lines}
        if not _BY_THE_BOOK.isdisjoint(headers) or headers.get(b"connection", b"keep-alive").lower() != b"keep-alive":
            return None
        reason = machine(lambda name: headers.get(name, b"").decode("latin-1"))
        self._note(Hit(events.CLICKED, told.run, told.n, time.time(), told.number, reason))
        return b"".join((b"HTTP/1.1 302 Found\r\n", _dated(int(time.time())), b"location: ", target, self._tail))

    async def _hit(self, asked: Asked) -> Answer:
        """A click or an open. HEAD is what programs ask: it is answered alike, and not noted."""
        if asked.method not in ("GET", "HEAD"):
            return Answer(405, headers=((b"allow", b"GET, HEAD"),))
        clicked = asked.way == "c"
        token = asked.rest if clicked else asked.rest.removesuffix(".gif")
        told = await self._opened(token)
        if told is None or told.kind != (tracking.CLICK if clicked else tracking.OPEN):
            return self._refused(asked)
        run = self._runs[told.run] if told.run in self._runs else await run_in_threadpool(self._learn, told.run)
        if clicked:
            target = None if run is None else _target(run, told)
            if target is None:
                return self._refused(asked)
            answer = Answer(302, headers=((b"location", target),))
        else:
            answer = Answer(200, _GIF, "image/gif", ((b"cross-origin-resource-policy", b"cross-origin"),))
        if run is not None and asked.method == "GET":
            event = events.CLICKED if clicked else events.OPENED
            self._note(Hit(event, told.run, told.n, time.time(), told.number, machine(asked.header)))
        return answer

    async def _opened(self, token: str) -> Told | None:
        """What a token says; the keys are read anew from time to time, as others may have changed them."""
        if time.monotonic() - self._looked > _KEYS_SECONDS:
            self._looked = time.monotonic()
            self._ring = await run_in_threadpool(tracking.ring, self._store)
        return self._ring.open(token)

    def _learn(self, token: str) -> Run | None:
        """Read a run's links, once."""
        known = self._store.find(records.TOKEN, token)
        found = None
        if known is not None:
            links = tuple(Source(*link) for link in known.body.get("links") or ())
            found = Run(links, tuple(_ascii("" if link.personal else link.url) for link in links))
            self._runs[token] = found  # a run that is not known yet may be later
        return found

    def _refused(self, asked: Asked) -> Answer:
        """A token that is none of ours; whoever tries many is told to wait."""
        if not self._bad.allow(asked.address):
            return Answer(429, b"", headers=((b"retry-after", b"60"),))
        return _html(404, pages.words("gone", asked.language))

    def _note(self, *found: Hit, sure: bool = False) -> None:
        """Note what happened. A disk that is full keeps nobody from where they wanted to go, but for what must be kept."""
        try:
            if sure or all(self._own.allow(f"{hit.run}.{hit.n}") for hit in found):
                self._journal.note(*found)
            if sure:
                self._journal.sync()
        except Failed:
            if sure:
                raise

    def _told(self, way: Callable[[Asked], Answer], asked: Asked) -> Answer:
        """A page, and errors in words."""
        if asked.method not in ("GET", "HEAD", "POST"):
            return Answer(405, headers=((b"allow", b"GET, HEAD, POST"),))
        try:
            return way(asked)
        except CoterieError as error:
            status = 404 if error.exit_code == 2 else 503
            return _html(status, pages.words("gone" if status == 404 else "later", asked.language))

    def _unsubscribe(self, asked: Asked) -> Answer:
        told = self._ring.open(asked.rest)
        if told is None or told.kind != tracking.UNSUBSCRIBE or self._run(told.run) is None:
            return self._refused(asked)
        language = _language(asked, told)
        if asked.method != "POST":
            return _html(200, pages.unsubscribe(language))
        self._note(Hit(events.UNSUBSCRIBED, told.run, told.n, time.time()), sure=True)
        return _html(200, pages.words("unsubscribed", language))

    def _run(self, token: str) -> Run | None:
        return self._runs.get(token) or self._learn(token)

    def _page(self, asked: Asked) -> Answer:
        if not self._slow.allow(asked.address):
            return Answer(429, b"", headers=((b"retry-after", b"60"),))
        name, _, rest = asked.rest.partition("/")
        token, _, verb = rest.partition("/")
        told = self._ring.open(token) if token else None
        if token and (
            told is None or told.kind not in (tracking.PAGE, tracking.VISITOR) or verb not in ("", "convert")
        ):
            return self._refused(asked)
        if (asked.method == "POST") != (verb == "convert"):
            return Answer(405, headers=((b"allow", b"POST" if verb else b"GET, HEAD"),))
        person = told if told is not None and told.kind == tracking.PAGE else None
        if person is not None and self._run(person.run) is None:
            return self._refused(asked)
        language = _language(asked, person)
        page = self._pages.find(name)
        if page is None:
            return _html(410 if self._pages.known(name) else 404, pages.words("gone", language))
        visitor = told if told is not None else Told(tracking.VISITOR, pages.visitor(), 0)
        event = hits.CONVERTED if verb else hits.VISITED
        run = "" if person is None else person.run
        own = ("", name, page.version, "" if run else visitor.run)
        hit = Hit(event, run, visitor.n, time.time(), 0, machine(asked.header), *own)
        if verb:
            self._note(hit, sure=True)
            if page.then:
                return Answer(303, headers=((b"location", _ascii(page.then)),))
            return _html(200, self._pages.thanks(page, language), _PAGE_POLICY)
        sealed = token or self._ring.seal(visitor)
        shown = self._pages.shown(page, person, f"/p/{quote(name, safe='')}/{sealed}/convert", language)
        if asked.method == "GET":
            self._note(hit)
        return _html(200, shown, _PAGE_POLICY)


class Asked:
    """A request: the way, the rest of the path, and of its headers what is needed."""

    def __init__(self, scope: Scope, way: str, rest: str) -> None:
        self.way, self.rest, self.method = way, rest, str(scope["method"])  # servers decode paths themselves
        self._scope, self._headers = scope, dict(scope["headers"])
        client = scope.get("client")
        self.address = str(client[0]) if client else "-"

    def header(self, name: bytes) -> str:
        """A header; empty without one."""
        return bytes(self._headers.get(name, b"")).decode("latin-1")

    @property
    def language(self) -> str:
        """What the address asks for, else what the browser prefers."""
        query = bytes(self._scope.get("query_string", b""))
        for language in ("en", "zh"):
            if f"language={language}".encode() in query:
                return language
        return preferred(self.header(b"accept-language"))

    @property
    def chosen(self) -> bool:
        """Whether the address asks for a language."""
        return b"language=" in bytes(self._scope.get("query_string", b""))


class Rates:
    """So many a minute for one address.

    >>> rates = Rates(2)
    >>> [rates.allow("a") for _ in range(3)], rates.allow("b")
    ([True, True, False], True)
    """

    def __init__(self, a_minute: int) -> None:
        self._most, self._counts, self._minute = a_minute, dict[str, int](), 0

    def allow(self, address: str) -> bool:
        """Count one more; False where it is one too many."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._counts, self._minute = {}, minute
        count = self._counts.get(address, 0) + 1
        self._counts[address] = count
        return count <= self._most


class Keeper:
    """Lets the disk have the journal every second, and takes it into the lake every few seconds."""

    def __init__(self, app: FastAPI, journal: Journal) -> None:
        self._app, self._journal = app, journal
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, with what a killed process left."""
        self._thread = threading.Thread(target=self._run, name="hits", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take in what is there, and end."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def take_in(self) -> int:
        """Take everything in now; returns how many hits there were."""
        self._journal.turn()
        with opened(self._app) as ws:
            return hits.take_in(ws.campaigns, wait_seconds=30)

    def _run(self) -> None:
        taken = 0.0
        while True:
            over = self._over.wait(1.0)
            try:
                self._journal.sync()
                if over or time.monotonic() - taken > EVERY_SECONDS:
                    taken = time.monotonic()
                    self.take_in()
            except CoterieError:
                pass  # a full disk, another process's lock: the lines stay, and the next look takes them
            except Exception:
                _log.exception("Hits could not be taken in; they stay in the journal.")
            if over:
                return


def add_to(app: FastAPI) -> None:
    """Stand before the application; called before what closes the workspace is, so that hits are taken in first."""
    app.state.journal = Journal(app.state.shared.path / "campaigns" / hits.FOLDER)
    app.state.keeper = Keeper(app, app.state.journal)
    app.state.front = None  # made with the first request
    app.state.quick = lambda data: app.state.front.quick(data) if app.state.front is not None else None
    app.router.add_event_handler("startup", app.state.keeper.start)
    app.router.add_event_handler("shutdown", app.state.keeper.stop)
    app.add_middleware(Front, owner=app)


def _target(run: Run, told: Told) -> bytes | None:
    """Where a link leads: as the template said it, and nowhere else."""
    if told.number >= len(run.links):
        return None
    source = run.links[told.number]
    if not source.personal:
        return run.targets[told.number]
    return _ascii(told.url) if tracking.leads_to(told.url, source.host) else None


def _language(asked: Asked, told: Told | None) -> str:
    """The recipient's own language where the token says it, unless they ask for another."""
    own = LANGUAGES[told.number] if told is not None and told.number < len(LANGUAGES) else ""
    return asked.language if asked.chosen or not own else own


@lru_cache(maxsize=2)
def _dated(second: int) -> bytes:
    return b"date: " + formatdate(second, usegmt=True).encode() + b"\r\n"


@lru_cache(maxsize=4096)
def _ascii(url: str) -> bytes:
    """An address as a header may hold it."""
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]").encode("ascii")


def _html(status: int, body: str, policy: str = _NO_SCRIPT) -> Answer:
    headers = ((b"content-security-policy", policy.encode()), (b"vary", b"accept-language"))
    return Answer(status, body.encode(), "text/html; charset=utf-8", headers)


async def _drained(receive: Receive, method: str) -> None:
    """Let a body go by; nothing of it is read."""
    while method == "POST" and (await receive()).get("more_body", False):
        pass


async def _send(send: Send, answer: Answer, *, head: bool) -> None:
    headers = [*_COMMON, (b"content-length", str(len(answer.body)).encode()), *answer.headers]
    if answer.kind:
        headers.append((b"content-type", answer.kind.encode()))
    start: Message = {"type": "http.response.start", "status": answer.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
