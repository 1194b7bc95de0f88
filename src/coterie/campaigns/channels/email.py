"""E-mail over SMTP: one message after the other on one connection, each with a Message-ID of its own.

Headers by which a mailbox offers to unsubscribe with one click: RFC 8058. What a server says before it has the whole
message leaves no doubt; a connection that breaks after that, before the reply, does (RFC 5321, 6.1).
"""

from __future__ import annotations

import base64
import smtplib
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import Any

from coterie.campaigns.channels.base import AGAIN, FAILED, SENT, UNKNOWN, Outcome, Parcel, Part, Surroundings
from coterie.campaigns.reading import wrong
from coterie.destinations.mail import ADDRESS, CONTROL, Mailer
from coterie.errors import Failed
from coterie.kit.moments import now

_RECONNECTS, _FIRST_WAIT_SECONDS = 4, 0.5
_PER_CONNECTION = 1_000  # messages, after which a new one is made: servers close long ones


class Email:
    """A message with a text, an HTML version, or both."""

    name = "email"
    parts = (
        Part("subject", most=250),
        Part("text", False, 100_000),
        Part("html", False, 102_000, html=True),  # mailboxes cut off longer ones
        Part("from_name", False, 100),
        Part("reply_to", False, 254),
    )
    options = ("retry_wait",)
    address: str | None = "email"
    opt_in = True
    permitted_as = "email"
    repeatable = False
    batch = 1
    connections = 8

    def check(self, options: Mapping[str, Any]) -> None:
        """`retry_wait` : factor on the pauses between two tries to connect."""
        if not isinstance(options.get("retry_wait", 1), int | float):
            raise wrong("channel.retry_wait", "This is no number.", "Give a number, such as 1.")

    @contextmanager
    def open(self, given: Surroundings) -> Iterator[_Posting]:
        """A connection to the mail server of the settings. Raises Refused: none is set."""
        posting = _Posting(given.destinations.mailer(), given)
        try:
            yield posting
        finally:
            posting.close()


class _Posting:
    """One connection, made when the first message comes, and again where it breaks."""

    def __init__(self, mailer: Mailer, given: Surroundings) -> None:
        self._mailer, self._given = mailer, given
        self._server: smtplib.SMTP | None = None
        self._sent = 0
        self._domain = mailer.sender.rpartition("@")[2]

    def send(self, _batch: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """One message each."""
        return [self._send(parcel) for parcel in parcels]

    def close(self) -> None:
        """Say goodbye."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()

    def _send(self, parcel: Parcel) -> Outcome:
        content = self.message(parcel)
        for fresh in (False, True):
            server = self._connected(fresh)
            try:
                refused = self._envelope(server, str(parcel.address))
            except (OSError, smtplib.SMTPException):  # nothing was handed over: once more on a new connection
                self._server = None
                continue
            if refused is not None:
                return refused
            return self._content(server, content)
        return Outcome(AGAIN, "the mail server hangs up before it takes a message")

    def _envelope(self, server: smtplib.SMTP, address: str) -> Outcome | None:
        """Sender, recipient and the announcement of the message; how it ended if the server refused one of them."""
        if ADDRESS.fullmatch(address) is None:
            return Outcome(FAILED, "no e-mail address")
        for command, given in (
            ("MAIL", f"FROM:<{self._mailer.sender}>"),
            ("RCPT", f"TO:<{address}>"),
            ("DATA", ""),
        ):
            code, said = server.docmd(command, given)
            if code == 421:
                raise smtplib.SMTPServerDisconnected(said)
            if code not in (250, 251, 354):
                server.rset()
                return _refused(code, said)
        return None

    def _content(self, server: smtplib.SMTP, content: bytes) -> Outcome:
        """From the first byte of the message on a break leaves it open whether the server has it."""
        try:
            server.send(content)
            code, said = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._server = None
            return Outcome(UNKNOWN, f"the connection broke: {type(error).__name__}")
        self._sent += 1
        return Outcome(SENT) if code == 250 else _refused(code, said)

    def _connected(self, fresh: bool) -> smtplib.SMTP:
        """The connection; a new one where there is none, or the old one has done its part.

        Raises Failed(`mail_unreachable`), (`mail_login`): the server stays out of reach; nothing was handed over.
        """
        if self._sent >= _PER_CONNECTION or fresh:
            self.close()
            self._sent = 0
        wait = float(self._given.options.get("retry_wait", 1)) * _FIRST_WAIT_SECONDS
        for attempt in range(_RECONNECTS):
            if self._server is not None:
                break
            try:
                self._server = self._mailer.connect()
            except (OSError, smtplib.SMTPException) as error:
                final = attempt == _RECONNECTS - 1 or isinstance(error, smtplib.SMTPAuthenticationError | ssl.SSLError)
                if final:
                    raise self._mailer.told(error, self._mailer.host) from None
                time.sleep(wait * 2**attempt)
        if self._server is None:
            raise Failed("mail_unreachable", "The mail server hangs up.", place=self._mailer.host, fix="Try later.")
        return self._server

    def message(self, parcel: Parcel) -> bytes:
        """The message as it goes over the wire, with dots doubled and the end marked.

        Written by hand: the standard library's takes .4 ms a message, more than all the rest.
        """
        parts, sender = parcel.parts, self._mailer.sender
        name = str(parts.get("from_name") or "")
        headers = [
            f"From: {formataddr((_encoded(name), sender)) if name else sender}",
            f"To: {parcel.address}",
            f"Subject: {_encoded(str(parts['subject']))}",
            f"Date: {format_datetime(now())}",
            f"Message-ID: <{parcel.key}@{self._domain}>",
            *self._unsubscribe(parcel),
            "MIME-Version: 1.0",
        ]
        if parts.get("reply_to"):
            headers.append(f"Reply-To: {_encoded(str(parts['reply_to']))}")
        body = _body({n: str(parts[n]) for n in ("text", "html") if parts.get(n)}, parcel.key)
        wire = ("\r\n".join(headers) + "\r\n" + body).encode("ascii")
        return wire.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n"

    def _unsubscribe(self, parcel: Parcel) -> list[str]:
        url = self._given.unsubscribe_url(parcel.n)
        mail = f"<mailto:{self._mailer.sender}?subject=unsubscribe%20{self._given.sign(parcel.n)}>"
        if not url:
            return [f"List-Unsubscribe: {mail}"]
        return [f"List-Unsubscribe: <{url}>, {mail}", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]


def _refused(code: int, said: bytes) -> Outcome:
    """A reply of 4xx asks for another try, one of 5xx for none (RFC 5321, 4.2.1)."""
    words = f"{code} {CONTROL.sub(' ', said.decode('utf-8', 'replace'))}".strip()
    return Outcome(AGAIN if code < 500 else FAILED, words)


def _encoded(text: str) -> str:
    """A header's text: one line, other letters than ASCII as RFC 2047 says."""
    line = CONTROL.sub(" ", text)
    if line.isascii() and len(line) < 900:
        return line
    return str(Header(line, "utf-8", maxlinelen=75).encode(linesep="\r\n"))


def _body(parts: Mapping[str, str], key: str) -> str:
    kinds = {"text": "plain", "html": "html"}
    made = [
        f"Content-Type: text/{kinds[name]}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{_wrapped(text)}"
        for name, text in parts.items()
    ]
    if len(made) == 1:
        return made[0]
    mark = f"=_{key}"
    inner = "".join(f"--{mark}\r\n{part}\r\n" for part in made)
    return f'Content-Type: multipart/alternative; boundary="{mark}"\r\n\r\n{inner}--{mark}--'


def _wrapped(text: str) -> str:
    encoded = base64.b64encode(text.replace("\r\n", "\n").replace("\n", "\r\n").encode()).decode()
    return "\r\n".join(encoded[i : i + 76] for i in range(0, len(encoded), 76))
