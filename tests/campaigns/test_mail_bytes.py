"""What goes over the wire is a message that the standard library reads back as it was meant, whatever it says."""

from __future__ import annotations

import email
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.campaigns.channels.base import Parcel, Surroundings
from coterie.campaigns.channels.email import _Posting
from coterie.destinations.mail import CONTROL, Mailer
from coterie.destinations.service import Destinations
from coterie.settings import Settings

AWKWARD = [
    "你好",
    "é",
    "😀",
    "=?utf-8?q?x?=",
    '"',
    ",",
    "<",
    "\\",
    ".",
    "..",
    " ",
    "\t",
    "=",
    "x" * 200,
    "\u2028",
    "\x00",
]
PIECES = st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
LINES = st.lists(PIECES, max_size=8).map("".join)
TEXTS = st.lists(
    st.one_of(st.sampled_from([".", "..", "--=_k1", "", "From x"]), LINES), min_size=1, max_size=6
).flatmap(lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(lines)))
PARTS = st.fixed_dictionaries(
    {"subject": LINES, "text": TEXTS}, optional={"html": TEXTS, "from_name": LINES, "reply_to": LINES}
)


def _made(parts: dict[str, Any], public_url: str = "https://go.example.com") -> bytes:
    """A message as it goes over the wire."""
    found = Settings({"public_url": public_url})
    around = Surroundings("c@1", "c", Path(), Destinations.__new__(Destinations), found, lambda n: f"token{n}")
    posting = _Posting(Mailer("localhost", 25, "none", "", "", "shop@example.com"), around)
    return posting.message(Parcel(7, 0, 0, "k1", "e", "ada@example.com", "a", parts))


def _read(wire: bytes) -> EmailMessage:
    """What a mailbox sees: the end taken off, the dots single (RFC 5321, 4.5.2)."""
    assert wire.endswith(b"\r\n.\r\n") and b"\r\n.\r\n" not in wire[:-5]
    content = re.sub(rb"(?m)^\.(?=.)", b"", wire.removesuffix(b".\r\n"))
    return email.message_from_bytes(content, policy=SMTP)


def _line(text: str) -> str:
    """A header's text, as far as blanks at its ends and their number go."""
    return " ".join(CONTROL.sub(" ", text).split())


def _shown(name: str) -> str:
    """A name as RFC 2047 says; the library's own parser of addresses leaves blanks between encoded words."""
    return _line(str(make_header(decode_header(name))))


def _lines(text: str) -> str:
    return re.sub(r"\r\n|\r", "\n", text)


@settings(max_examples=30, deadline=None)
@given(parts=PARTS)
def test_it_reads_back_as_it_was_meant(parts: dict[str, str]) -> None:
    read = _checked(parts)
    assert not any(part.defects for part in read.walk())


@pytest.mark.slow
@settings(max_examples=3_000, deadline=None)
@given(parts=PARTS)
def test_it_reads_back_as_it_was_meant_of_many(parts: dict[str, str]) -> None:
    read = _checked(parts)
    assert not any(part.defects for part in read.walk())


def _checked(parts: dict[str, str]) -> EmailMessage:
    """The message read back, of which every header and text is what was meant."""
    wire = _made(parts)
    assert wire.isascii() and max(map(len, wire.split(b"\r\n"))) <= 998
    assert b"\r" not in wire.replace(b"\r\n", b"") and b"\n" not in wire.replace(b"\r\n", b"")
    read = _read(wire)
    assert _line(read["Subject"]) == _line(parts["subject"])
    name, address = parseaddr(str(dict(read.raw_items())["From"]))  # type: ignore[attr-defined]
    assert address == "shop@example.com" and _shown(name) == _line(parts.get("from_name", ""))
    assert read["To"] == "ada@example.com" and read["Message-ID"] == "<k1@example.com>" and read["Date"]
    assert read["MIME-Version"] == "1.0" and len(read.get_all("Subject")) == 1  # type: ignore[arg-type]
    assert read["List-Unsubscribe"].startswith("<https://go.example.com/u/token7>, <mailto:shop@example.com?")
    bodies = {part.get_content_subtype(): part for part in read.walk() if not part.is_multipart()}
    for name, kind in (("text", "plain"), ("html", "html")):
        if parts.get(name):
            content = bodies.pop(kind).get_payload(decode=True).decode()  # type: ignore[union-attr]
            assert _lines(content) in (_lines(parts[name]), _lines(parts[name]) + "\n")
    assert [part.get_payload() for part in bodies.values()] in ([], ["\r\n"])  # nothing else but an empty text
    return read


@pytest.mark.parametrize("url", ["https://go.example.com", ""])
def test_one_click_is_offered_where_somebody_can_be_reached(url: str) -> None:
    read = _read(_made({"subject": "a", "text": "b"}, url))
    assert ("https://" in read["List-Unsubscribe"]) == bool(url) == ("List-Unsubscribe-Post" in read)
    assert "mailto:shop@example.com" in read["List-Unsubscribe"]
