"""Tokens in the links of messages, and what puts them there: who clicked, opened or unsubscribed, without saying so.

A token holds what it is about (the run, the recipient's number in its plan, the number of the link; for a link with
values of the recipient, its whole address), sealed with a key of the workspace: nobody else can read or make one. It is
deterministic authenticated encryption with a synthetic IV, after Rogaway & Shrimpton, "Deterministic Authenticated
Encryption" (EUROCRYPT 2006): the IV is a MAC of the content, so that no random number has to be kept or trusted.

So the redirect needs no look-up of the recipient, and leads only to what the template said: a link that is the same for
all stands in the table of the run, and one that is not is inside its token, which only we can have made.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from markupsafe import Markup

from coterie.campaigns.content import Content
from coterie.campaigns.spots import Source
from coterie.errors import Refused
from coterie.kit.moments import now
from coterie.store.service import Store

CLICK, OPEN, UNSUBSCRIBE, PAGE, VISITOR = 1, 2, 3, 4, 5
KEYS, ONE = "campaign_keys", "one"
LANGUAGES = ("", "en", "zh")
LONGEST_LINK = 2_000  # characters of an address that is put into a token; a longer one is left as it is
_HEAD = struct.Struct(">B8sIH")
_MAC = 12  # bytes: a guess is right once in 2**96
_MOST_KEYS = 8


class Told(NamedTuple):
    """What a token says.

    kind : CLICK, OPEN, ...; run : the first 16 digits of a message's key; n : the recipient's number in the plan;
    number : of the link, or of the language; url : of a link with values of the recipient, else empty.
    """

    kind: int
    run: str
    n: int
    number: int = 0
    url: str = ""


@dataclass(frozen=True)
class Ring:
    """The keys of a workspace, oldest first: the newest seals, all open.

    >>> ring = Ring(((1, bytes(32)),))
    >>> token = ring.seal(Told(CLICK, "00112233445566ff", 7, 2))
    >>> len(token), ring.open(token) == Told(CLICK, "00112233445566ff", 7, 2)
    (38, True)
    >>> ring.open("B" + token[1:]), Ring(((1, b"x" * 32),)).open(token), ring.open("not a token")
    (None, None, None)
    """

    keys: tuple[tuple[int, bytes], ...]

    def seal(self, told: Told) -> str:
        """A token."""
        number, key = self.keys[-1]
        body = _HEAD.pack(told.kind, bytes.fromhex(told.run), told.n, told.number) + told.url.encode()
        mac = hmac.digest(key, body, "sha256")[:_MAC]
        whole = bytes((number,)) + mac + _crossed(key, mac, body)
        return _written(whole)

    def open(self, token: str) -> Told | None:
        """What a token says; None where it is none of ours."""
        try:
            whole = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if _written(whole) != token:  # the last character has bits to spare: only one way to write a token is ours
            return None
        key = next((k for n, k in self.keys if whole and n == whole[0]), None)
        mac, sealed = whole[1 : 1 + _MAC], whole[1 + _MAC :]
        if key is None or len(sealed) < _HEAD.size:
            return None
        body = _crossed(key, mac, sealed)
        if not hmac.compare_digest(hmac.digest(key, body, "sha256")[:_MAC], mac):
            return None
        kind, run, n, number = _HEAD.unpack_from(body)
        return Told(kind, run.hex(), n, number, body[_HEAD.size :].decode())


def _written(whole: bytes) -> str:
    return base64.urlsafe_b64encode(whole).rstrip(b"=").decode()


def _crossed(key: bytes, mac: bytes, body: bytes) -> bytes:
    """The content under a stream that key and MAC give: SHAKE256 with a secret prefix, which SHA-3 permits."""
    stream = hashlib.shake_256(b"stream" + key + mac).digest(len(body))
    return (int.from_bytes(body, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(body), "big")


def ring(store: Store) -> Ring:
    """The workspace's keys; the first is made when it is needed."""
    found = store.find(KEYS, ONE)
    if found is None:
        with store.together():
            if store.find(KEYS, ONE) is None:
                store.put(KEYS, ONE, {"keys": [_fresh(1)]})
        found = store.get(KEYS, ONE)
    return Ring(tuple((int(k["id"]), bytes.fromhex(k["secret"])) for k in found.body["keys"]))


def rotate(store: Store, *, forget: bool = False) -> int:
    """Seal with a new key from now on; returns how many keys open tokens.

    forget : links of messages sent before lead nowhere any more, as where a key became known.
    """
    ring(store)
    with store.together():
        keys = list(store.get(KEYS, ONE).body["keys"])
        fresh = _fresh(int(keys[-1]["id"]) % 255 + 1)
        keys = [fresh] if forget else [*keys[-_MOST_KEYS + 1 :], fresh]
        store.put(KEYS, ONE, {"keys": keys})
    return len(keys)


def _fresh(number: int) -> dict[str, Any]:
    return {"id": number, "secret": secrets.token_hex(32), "since": now().isoformat()}


@dataclass(frozen=True)
class Tracker:
    """Puts tokens into the messages of one run.

    base : where people reach us, without a slash at its end; empty: nothing is put anywhere.
    table : the links of the run, by number. clicks : whether links and opens are tracked; unsubscribing always is.
    """

    base: str
    ring: Ring
    run: str
    table: Sequence[Source] = ()
    clicks: bool = True
    _numbers: dict[Source, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers.update({source: number for number, source in enumerate(self.table)})

    def render(self, content: Content, values: Mapping[str, Any], n: int) -> dict[str, Any]:
        """The parts for recipient `n`, with tracked links and a pixel. Raises Rendering."""
        language = content.language_of(values)
        if language and self.base:
            values = {**values, "unsubscribe_url": self.unsubscribe_url(n, language)}
        parts = content.render(values, _Filling(self, n, language))
        if self.base and self.clicks:
            for name in content.html & parts.keys():
                parts[name] = _with_pixel(parts[name], self.url("o", Told(OPEN, self.run, n)) + ".gif")
        return parts

    def sign(self, n: int, language: str = "") -> str:
        """The token by which recipient `n` unsubscribes."""
        short = language.split("-")[0].lower()
        number = LANGUAGES.index(short) if short in LANGUAGES else 0
        return self.ring.seal(Told(UNSUBSCRIBE, self.run, n, number))

    def unsubscribe_url(self, n: int, language: str = "") -> str:
        """Where recipient `n` unsubscribes; empty where nobody can reach us."""
        return f"{self.base}/u/{self.sign(n, language)}" if self.base else ""

    def url(self, way: str, told: Told) -> str:
        """An address with a token."""
        return f"{self.base}/{way}/{self.ring.seal(told)}"

    def number(self, source: Source) -> int | None:
        """The number of a link in the table; None where it is not to be tracked."""
        return self._numbers.get(source) if self.base and self.clicks else None


@dataclass(frozen=True)
class _Filling:
    """The links of one recipient."""

    tracker: Tracker
    n: int
    language: str

    def constants(self, sources: Sequence[Source]) -> list[str]:
        """Addresses of links that are the same for all, in order; of the others nothing."""
        return [self._constant(source) for source in sources]

    def _constant(self, source: Source) -> str:
        number = None if source.personal else self.tracker.number(source)
        if number is None:
            return Markup(source.text)
        return Markup(self.tracker.url("c", Told(CLICK, self.tracker.run, self.n, number)))

    def personal(self, source: Source, filled: str) -> str:
        """The address of a link that was filled for this recipient; as it is where it does not lead where it should."""
        number = self.tracker.number(source)
        url = str(Markup(filled).unescape()).strip() if source.html else filled.strip()
        if number is None or len(url) > LONGEST_LINK or not leads_to(url, source.host):
            return filled
        return Markup(self.tracker.url("c", Told(CLICK, self.tracker.run, self.n, number, url)))

    def page(self, name: str) -> str:
        """The address of a landing page, which then knows whom it is for; empty where nobody can reach us."""
        from urllib.parse import quote

        if not self.tracker.base:
            return ""
        number = LANGUAGES.index(self.language) if self.language in LANGUAGES else 0
        told = Told(PAGE, self.tracker.run, self.n, number)
        return Markup(f"{self.tracker.base}/p/{quote(name, safe='')}/{self.tracker.ring.seal(told)}")


def leads_to(url: str, host: str) -> bool:
    """Whether an address leads to a host over HTTP, and can stand in a header.

    >>> leads_to("https://a.example/x?y=1", "a.example"), leads_to("https://a.example.evil/x", "a.example")
    (True, False)
    >>> leads_to("https://a.example@evil/", "a.example"), leads_to("javascript:alert(1)", ""), leads_to("https://a/\\n", "a")
    (False, False, False)
    """
    if not url.isprintable() or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and parts.netloc.lower() == host.lower()


def _with_pixel(html: str, url: str) -> str:
    """HTML with an image of one pixel at its end, before the body is closed."""
    pixel = f'<img src="{url}" width="1" height="1" alt="" style="border:0">'
    before, closing, after = html.rpartition("</body>")
    return f"{before}{pixel}{closing}{after}" if closing else html + pixel


def links_of(contents: Mapping[str, Content]) -> list[Source]:
    """The table of a run: all links of its arms and languages, in order of appearance."""
    return list(dict.fromkeys(source for content in contents.values() for source in content.links))


def opened_or_refused(opener: Ring, token: str, *kinds: int) -> Told:
    """What a token says. Raises Refused: it is none of ours, or is about something else."""
    told = opener.open(token)
    if told is None or told.kind not in kinds:
        raise Refused("bad_argument", "This link is not ours, or not whole.", place="token", fix="Copy all of it.")
    return told
