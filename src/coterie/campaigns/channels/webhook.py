"""Messages by signed HTTP to a provider, in batches: any payload, SMS, push, and messages of an official account.

The body is `{"run", "campaign", "channel", "messages": [{"key", "entity", "address", "arm", ...parts}]}`. Its
`Idempotency-Key` is the same for the same batch, and each message has a `key` of its own: a receiver that knows either
does nothing again. It may answer 200 with `{"failed": {KEY: REASON}}` for messages that it cannot take.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from coterie.campaigns.channels.base import FAILED, SENT, Outcome, Parcel, Part, Surroundings
from coterie.campaigns.reading import wrong
from coterie.destinations.http import Sender


class Webhook:
    """Any payload, to the destination that the option `to` names."""

    options = ("to",)
    repeatable = True
    batch = 100
    connections = 1

    def __init__(
        self,
        name: str = "webhook",
        parts: Sequence[Part] = (),
        *,
        address: str | None = None,
        opt_in: bool = False,
        fixed: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.parts, self.address, self.opt_in, self.permitted_as = name, parts, address, opt_in, name
        self._fixed = dict(fixed or {})

    def check(self, options: Mapping[str, Any]) -> None:
        """It needs to know where to."""
        if not isinstance(options.get("to"), str):
            fix = f"Write {{name: {self.name}, to: DESTINATION}}; `coterie destination add` makes one."
            raise wrong("channel.to", "The destination is missing.", fix)

    @contextmanager
    def open(self, given: Surroundings) -> Iterator[_Posting]:
        """The destination's address. Raises NotFound."""
        sender = given.destinations.sender(str(given.options["to"]))
        sender.check()
        common = {"run": given.run, "campaign": given.campaign, "channel": self.name, **self._fixed}
        yield _Posting(sender, common)


class _Posting:
    def __init__(self, sender: Sender, common: Mapping[str, Any]) -> None:
        self._sender, self._common = sender, common

    def send(self, batch: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """One request. Raises Failed(`not_delivered`): the receiver stayed out of reach or refused it."""
        messages = [{"key": p.key, "entity": p.entity, "address": p.address, "arm": p.arm, **p.parts} for p in parcels]
        key = hashlib.sha256(f"{self._common['run']}\0{batch}".encode()).hexdigest()
        answer = self._sender.post({**self._common, "messages": messages}, key)
        failed = answer.get("failed")
        refused = failed if isinstance(failed, Mapping) else {}
        return [Outcome(FAILED, f"refused: {refused[p.key]}") if p.key in refused else Outcome(SENT) for p in parcels]


def sms() -> Webhook:
    """Short messages: at most 500 characters, which a phone shows as one."""
    parts = (Part("text", most=500, hard=True), Part("signature", False, 20, hard=True))
    return Webhook("sms", parts, address="phone", opt_in=True)


def push() -> Webhook:
    """Notifications on a phone; limits as both big systems show them whole."""
    parts = (
        Part("title", most=65, hard=True),
        Part("body", most=240, hard=True),
        Part("image", False, 2_000, hard=True),
        Part("deep_link", False, 2_000, hard=True),
        Part("data", False, kind="any"),
    )
    return Webhook("push", parts, address="push_token", opt_in=True)


def wechat() -> Webhook:
    """Template messages of an official account: the template's id and its fields."""
    template = Part("template_id", most=100, hard=True)
    parts = (template, Part("data", kind="any"), Part("url", False, 2_000, hard=True))
    return Webhook("wechat", parts, address="openid", opt_in=True)
