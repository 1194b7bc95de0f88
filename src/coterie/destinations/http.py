"""Signed HTTP: a JSON body to an address that people gave, with retry, and a key by which the receiver knows repeats.

The receiver checks `Coterie-Signature: t=SECONDS,v1=HEX`, HEX being HMAC-SHA256 of `SECONDS.BODY` under the shared
secret, and refuses old seconds; the scheme is that of Stripe's webhooks (https://docs.stripe.com/webhooks/signature).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from coterie.errors import Failed
from coterie.kit.outbound import web_target

TRIES, FIRST_WAIT_SECONDS, MOST_WAIT_SECONDS, TIMEOUT_SECONDS = 6, 0.5, 30.0, 15.0
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Sender:
    """Sends bodies to one address.

    secret : shared with the receiver.
    private : whether the address may be on this machine or in a private network; else people who may set an address
        could reach what only this machine should.
    wait : how to wait for so many seconds; tests do not.
    """

    url: str
    secret: str
    private: bool = False
    wait: Callable[[float], None] = time.sleep

    def check(self) -> None:
        """Refuse an address that cannot be sent to."""
        web_target(self.url, private=self.private)

    def send(self, body: Mapping[str, Any], key: str) -> int:
        """Send one body; the number of tries it took.

        key : the same for the same body, so that a receiver that has it already can say so and do nothing.
        Raises Failed(`not_delivered`): refused by the receiver, or out of reach after all tries.
        """
        return self._send(body, key)[0]

    def post(self, body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Send one body like `send`; what the receiver answered, where that is a JSON object, else nothing."""
        answer = self._send(body, key)[1]
        try:
            found = answer.json()
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _send(self, body: Mapping[str, Any], key: str) -> tuple[int, httpx.Response]:
        target = web_target(self.url, private=self.private)
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        said = ""
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._post(target.request(attempt), content, key)
            except httpx.HTTPError as error:
                said, pause = f"{type(error).__name__}: {error}", None
            else:
                if answer.is_success:
                    return attempt, answer
                said, pause = f"it answered {answer.status_code}", answer.headers.get("Retry-After")
                if answer.status_code not in _AGAIN:
                    break
            if attempt < TRIES:
                self.wait(_pause(attempt, pause))
        fix = "Check the address and the receiver; what it has confirmed is not sent again."
        raise Failed("not_delivered", f"The receiver did not take it: {said}.", place=self.url, fix=fix)

    def _post(self, asked: Mapping[str, Any], content: bytes, key: str) -> httpx.Response:
        """Ask the address that was checked, and no other: neither a second look-up nor a redirect is followed."""
        headers = {**asked["headers"], **self._headers(content, key)}
        with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
            return client.post(asked["url"], content=content, headers=headers, extensions=asked["extensions"])

    def _headers(self, content: bytes, key: str) -> dict[str, str]:
        seconds = int(time.time())
        signature = sign(content, self.secret, seconds)
        return {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "Coterie-Signature": f"t={seconds},v1={signature}",
        }


def sign(content: bytes, secret: str, seconds: int) -> str:
    """The signature of a body.

    >>> sign(b"{}", "s", 1)[:16]
    'b253639bcd705ed1'
    """
    return hmac.new(secret.encode(), f"{seconds}.".encode() + content, hashlib.sha256).hexdigest()


def verified(
    content: bytes, header: str, secret: str, *, within_seconds: float = 300, now: float | None = None
) -> bool:
    """Whether a signature header belongs to a body and is not old: what a receiver does."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    try:
        seconds = int(parts["t"])
    except (KeyError, ValueError):
        return False
    fresh = abs((time.time() if now is None else now) - seconds) <= within_seconds
    return fresh and hmac.compare_digest(sign(content, secret, seconds), parts.get("v1", ""))


def _pause(attempt: int, asked: str | None) -> float:
    """Seconds to the next try: what the receiver asked for, else doubling."""
    if asked is not None and asked.isdigit():
        return min(float(asked), MOST_WAIT_SECONDS)
    return float(min(FIRST_WAIT_SECONDS * 2 ** (attempt - 1), MOST_WAIT_SECONDS))
