"""Around every request: bodies that are too large or too slow are cut off, and every answer has its security headers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from coterie.api.answers import preferred
from coterie.kit.chinese import told_in
from coterie.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

UPLOADS = ("/api/v1/uploads", "/api/v1/lists/")
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
_LEAST_BYTES = 1024  # a second, of a body that takes longer than a pause may
_DRAIN_BYTES, _DRAIN_SECONDS = 32 * 1024 * 1024, 5.0
YEAR = b"max-age=31536000"


class _CutOff(Exception):
    """The body was refused; `status` and `error` say why."""

    def __init__(self, status: int, code: str, message: str, fix: str) -> None:
        super().__init__(code)
        self.status, self.error = status, {"code": code, "message": message, "place": "body", "fix": fix}


class Limits:
    """ASGI: counts bytes and seconds of bodies, and adds headers to answers."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._https = str(settings["public_url"]).startswith("https://")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, self._most(scope["path"]), self._settings.number("body_seconds"))
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._add_headers(scope, message)
            await send(message)

        try:
            body.check_head()
            await self._app(scope, body.receive, sending)
        except _CutOff as cut:
            if not begun:
                await _answer(scope, sending, cut, None if body.over else receive)

    def _most(self, path: str) -> int:
        name = "upload_mb" if path.startswith(UPLOADS) else "body_mb"
        return self._settings.number(name) * 1024 * 1024

    def _add_headers(self, scope: Scope, message: Message) -> None:
        headers = list(message.get("headers", []))
        there = {name.lower() for name, _ in headers}
        added = dict(HEADERS)
        if self._https or scope.get("scheme") == "https":
            added[b"strict-transport-security"] = YEAR
        if scope["path"].startswith("/api/"):
            added[b"cache-control"] = b"no-store"
        message["headers"] = headers + [(n, v) for n, v in added.items() if n not in there]


class _Body:
    """The body of one request."""

    def __init__(self, scope: Scope, receive: Receive, most_bytes: int, pause_seconds: int) -> None:
        self._scope, self._receive, self._most, self._pause = scope, receive, most_bytes, pause_seconds
        self._bytes, self.over = 0, False  # over: nothing more comes
        self._began = time.monotonic()

    def check_head(self) -> None:
        """Refuse what says beforehand that it is too large, and what says in two ways how long it is.

        A proxy and a server that believe one each see different requests (request smuggling; RFC 9112, 6.1).
        """
        told = dict(self._scope["headers"])
        if b"content-length" in told and b"transfer-encoding" in told:
            said = "The request says in two ways how long it is."
            raise _CutOff(400, "bad_argument", said, "Send Content-Length or Transfer-Encoding.")
        length = told.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            raise self._too_large()

    async def receive(self) -> Message:
        """The next part."""
        if self.over:  # from here on it only waits for the other side to leave
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._pause)
        except TimeoutError:
            said = f"Nothing came for {self._pause} seconds."
            raise _CutOff(408, "too_slow", said, "Send it again; see the setting `body_seconds`.") from None
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self.over = not message.get("more_body", False)
            spare = time.monotonic() - self._began - self._pause
            if not self.over and self._bytes < spare * _LEAST_BYTES:
                said = f"Less than {_LEAST_BYTES} bytes came in a second."
                raise _CutOff(408, "too_slow", said, "Send it again by a better line.")
            if self._bytes > self._most:
                raise self._too_large()
        return message

    def _too_large(self) -> _CutOff:
        said = f"The body is larger than {self._most // 1024 // 1024} MiB."
        return _CutOff(413, "too_large", said, "See the settings `body_mb` and `upload_mb`.")


async def _drain(receive: Receive) -> None:
    """Take some of what is still coming: who is cut off while sending never reads why."""
    taken = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while taken < _DRAIN_BYTES:
                message = await receive()
                taken += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


async def _answer(scope: Scope, send: Send, cut: _CutOff, receive: Receive | None) -> None:
    """Say why, and only then take what is still coming, since the connection ends with the answer."""
    accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    content = json.dumps(told_in(cut.error, preferred(accepted)), ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": cut.status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": True})
    if receive is not None and cut.status == 413:
        await _drain(receive)
    await send({"type": "http.response.body", "body": b""})
