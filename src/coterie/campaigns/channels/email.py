"""E-mail over SMTP: one message after the other on one connection, each with a Message-ID of its own.

Where the server takes commands without waiting for each reply (RFC 2920), sender, recipient and announcement go at once.

Headers by which a mailbox offers to unsubscribe with one click: RFC 8058. What a server says before it has the whole
message leaves no doubt; a connection that breaks after that, before the reply, does (RFC 5321, 6.1).
"""

from __future__ import annotations

import base64
import binascii
import re
import smtplib
import socket
import ssl
import struct
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
_LONGEST_LINE, _MOST_REPLY = 990, 65_536  # bytes; a line may have 998 (RFC 5322, 2.1.1)
_BREAK, _PRINTABLE = re.compile(r"\r\n|\r|\n"), re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*")


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
        self._wire: _Wire | None = None
        self._sent = 0
        self._domain = mailer.sender.rpartition("@")[2]
        self._senders: dict[str, str] = {}
        self._date = (0, "")

    def send(self, _batch: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """One message each."""
        return [self._send(parcel) for parcel in parcels]

    def close(self) -> None:
        """Say goodbye."""
        if self._server is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._server.quit()
        self._drop()

    def _drop(self) -> None:
        """Give up a connection."""
        if self._server is not None:
            self._server.close()
        self._server, self._wire = None, None

    def _send(self, parcel: Parcel) -> Outcome:
        if ADDRESS.fullmatch(str(parcel.address)) is None:
            return Outcome(FAILED, "no e-mail address")
        content = self.message(parcel)
        for fresh in (False, True):
            wire = self._connected(fresh)
            try:
                refused = self._envelope(wire, str(parcel.address))
            except (OSError, smtplib.SMTPException):  # nothing was handed over: once more on a new connection
                self._drop()
                continue
            if refused is not None:
                return refused
            return self._content(wire, content)
        return Outcome(AGAIN, "the mail server hangs up before it takes a message")

    def _envelope(self, wire: _Wire, address: str) -> Outcome | None:
        """Sender, recipient and the announcement of the message; how it ended if the server refused one of them."""
        commands = (f"MAIL FROM:<{self._mailer.sender}>", f"RCPT TO:<{address}>", "DATA")
        for code, said in wire.ask(commands):
            if code not in (250, 251, 354):
                if not wire.reset():
                    self._drop()
                return _refused(code, said)
        return None

    def _content(self, wire: _Wire, content: bytes) -> Outcome:
        """From the first byte of the message on a break leaves it open whether the server has it."""
        try:
            wire.send(content)
            code, said = wire.reply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Outcome(UNKNOWN, f"the connection broke: {type(error).__name__}")
        self._sent += 1
        return Outcome(SENT) if code == 250 else _refused(code, said)

    def _connected(self, fresh: bool) -> _Wire:
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
        if self._server is None or self._server.sock is None:
            raise Failed("mail_unreachable", "The mail server hangs up.", place=self._mailer.host, fix="Try later.")
        if self._wire is None:
            self._wire = _Wire(self._server.sock, pipelining=self._server.has_extn("pipelining"))
        return self._wire

    def message(self, parcel: Parcel) -> bytes:
        """The message as it goes over the wire, with dots doubled and the end marked.

        Written by hand: the standard library's takes .4 ms a message, more than all the rest.
        """
        parts = parcel.parts
        headers = [
            self._from(str(parts.get("from_name") or "")),
            f"To: {parcel.address}",
            f"Subject: {_encoded(str(parts['subject']))}",
            self._dated(),
            f"Message-ID: <{parcel.key}@{self._domain}>",
            *self._unsubscribe(parcel),
            "MIME-Version: 1.0",
        ]
        if parts.get("reply_to"):
            headers.append(f"Reply-To: {_encoded(str(parts['reply_to']))}")
        body = _body({n: str(parts[n]) for n in ("text", "html") if parts.get(n)} or {"text": ""}, parcel.key)
        wire = ("\r\n".join(headers) + "\r\n" + body).encode("ascii")
        return wire.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n"

    def _from(self, name: str) -> str:
        """The header of the sender, made once for each name."""
        if name not in self._senders:
            sender = self._mailer.sender
            self._senders[name] = f"From: {formataddr((_encoded(name), sender)) if name else sender}"
        return self._senders[name]

    def _dated(self) -> str:
        """The header of the moment, made once a second."""
        second = int(time.time())
        if second != self._date[0]:
            self._date = (second, f"Date: {format_datetime(now())}")
        return self._date[1]

    def _unsubscribe(self, parcel: Parcel) -> list[str]:
        token = self._given.sign(parcel.n)
        mail = f"<mailto:{self._mailer.sender}?subject=unsubscribe%20{token}>"
        url = self._given.unsubscribe_url(parcel.n, token)
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
    if line.isascii() and len(line) < 900 and "=?" not in line:  # which would be read as other letters
        return line
    return str(Header(line, "utf-8", maxlinelen=75).encode(linesep="\r\n"))


def _body(parts: Mapping[str, str], key: str) -> str:
    kinds = {"text": "plain", "html": "html"}
    made = []
    for name, text in parts.items():
        way, said = _carried(text)
        head = f"Content-Type: text/{kinds[name]}; charset=utf-8\r\nContent-Transfer-Encoding: {way}\r\n\r\n"
        made.append(head + said)
    if len(made) == 1:
        return made[0]
    mark = f"=_{key}"
    while any(mark in part for part in made):
        mark += "_"
    inner = "".join(f"--{mark}\r\n{part}\r\n" for part in made)
    return f'Content-Type: multipart/alternative; boundary="{mark}"\r\n\r\n{inner}--{mark}--'


def _carried(text: str) -> tuple[str, str]:
    """How a text goes over the wire, and what is sent of it: as it is where that may be (RFC 2045, 6).

    >>> _carried("Dear Ada\\n"), _carried("Soldes d'été"), _carried("你好")
    (('7bit', 'Dear Ada\\r\\n'), ('quoted-printable', "Soldes d'=C3=A9t=C3=A9"), ('base64', '5L2g5aW9'))
    """
    lines = _BREAK.split(text)
    said = "\r\n".join(lines)  # a lone CR or LF would be read as an end of the message by some servers
    if _PRINTABLE.fullmatch(said) is None:
        return "base64", _wrapped(said)
    if said.isascii() and max(map(len, lines)) <= _LONGEST_LINE:
        return "7bit", said
    content = said.encode()
    if len(content) - len(said) > len(said) // 4:
        return "base64", _wrapped(said)
    coded = binascii.b2a_qp(content, istext=True).decode("ascii")
    return "quoted-printable", "\r\n".join(_BREAK.split(coded))


def _wrapped(text: str) -> str:
    encoded = base64.b64encode(text.encode()).decode()
    return "\r\n".join(encoded[i : i + 76] for i in range(0, len(encoded), 76))


def _wait_in_the_system(sock: socket.socket) -> None:
    """Let the system keep the time limit of a plain socket: Python asks for it before each call, with two more waits."""
    seconds = sock.gettimeout()
    if seconds:
        limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, limit)
        sock.settimeout(None)


class _Wire:
    """What is said over a connection that is open: a third of the time of `smtplib`, which buffers line by line.

    pipelining : whether several commands may go at once.
    """

    def __init__(self, sock: socket.socket, *, pipelining: bool) -> None:
        self._socket, self._pipelining, self._rest = sock, pipelining, b""
        if not isinstance(sock, ssl.SSLSocket):
            _wait_in_the_system(sock)

    def ask(self, commands: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """The replies to commands; those after one that is refused are not said, or their replies are read over.

        Raises SMTPServerDisconnected: the server hangs up, or says that it will (421).
        """
        if not self._pipelining:
            for command in commands:
                self.send(f"{command}\r\n".encode("ascii"))
                yield self._told()
            return
        self.send("".join(f"{command}\r\n" for command in commands).encode("ascii"))
        replies = [self._told() for _ in commands]
        if replies[-1][0] == 354 and any(code not in (250, 251) for code, _ in replies[:-1]):
            self.send(b".\r\n")  # it waits for a message to nobody (RFC 2920, 3.1)
            self._told()
        yield from replies

    def reset(self) -> bool:
        """End what was begun; whether the connection is still good."""
        try:
            return next(self.ask(["RSET"]))[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def send(self, content: bytes) -> None:
        """Say it."""
        self._socket.sendall(content)

    def reply(self) -> tuple[int, bytes]:
        """Code and text of the next reply, all its lines."""
        said = []
        while True:
            line = self._line()
            said.append(line[4:])
            if line[3:4] != b"-":
                break
        if not line[:3].isdigit():
            raise smtplib.SMTPServerDisconnected("this is no reply")
        return int(line[:3]), b" ".join(said)

    def _told(self) -> tuple[int, bytes]:
        code, said = self.reply()
        if code == 421:
            raise smtplib.SMTPServerDisconnected(said.decode("utf-8", "replace"))
        return code, said

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            more = self._socket.recv(4096)
            if not more or len(self._rest) > _MOST_REPLY:
                raise smtplib.SMTPServerDisconnected("the connection was closed")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")
