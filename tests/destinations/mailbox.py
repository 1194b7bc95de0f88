"""A real mail server on 127.0.0.1 that keeps what arrives, may want TLS and a login, and can be told to misbehave."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

ADA, PASSWORD = b"ada", b"s3cret"


class Mailbox:
    """What arrived; `answers` are the replies to give to the next recipients, 250 after them."""

    def __init__(self) -> None:
        self.port = 0
        self.answers: list[str] = []
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logins: list[bytes] = []

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        reply = self.answers.pop(0) if self.answers else "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        made = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(made, EmailMessage)
        self.messages.append(made)
        self.recipients += envelope.rcpt_tos
        return "250 taken"

    def login(self, _server: Any, _session: Any, _envelope: Any, _way: str, given: Any) -> AuthResult:
        """Whether name and password are right."""
        assert isinstance(given, LoginPassword)
        self.logins.append(given.login)
        return AuthResult(success=(given.login, given.password) == (ADA, PASSWORD), handled=False)


class _Server(Controller):
    """On a free port, which is told when it listens."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def factory(self) -> SMTP:
        return SMTP(self.handler, **self.SMTP_kwargs)


@contextmanager
def mailing(certificate: tuple[Path, Path] | None = None) -> Iterator[Mailbox]:
    """A mail server for the block; with a certificate and its key it wants STARTTLS and a login."""
    box, options = Mailbox(), dict[str, Any]()
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, certificate))
        options = {"tls_context": context, "require_starttls": True, "auth_required": True}
        options |= {"auth_require_tls": True, "authenticator": box.login}
    server = _Server(box, hostname="127.0.0.1", port=0, **options)
    server.start()
    box.port = server.port
    try:
        yield box
    finally:
        server.stop()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for `localhost` that signs itself, and its key; skips where there is no openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(made), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return made, key
