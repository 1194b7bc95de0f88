"""A workspace with its campaigns, put together from its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coterie
from coterie.campaigns.service import Campaigns
from coterie.consent.service import Consent


class Opened:
    """An open workspace, its consent and its campaigns."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.ws = coterie.open(str(folder))
        if settings:
            from coterie.settings import Settings

            self.ws.settings = Settings(settings)
        self.consent = Consent(self.ws.tag_context)
        folder = self.ws.path / "campaigns"
        parts = (self.ws.tag_context, self.ws.audiences, self.consent, self.ws.destinations, folder)
        self.campaigns = Campaigns(*parts, lambda: self.ws.jobs)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.ws.close()

    def send(self, name: str, **options: Any) -> dict[str, Any]:
        """Plan, approve and run a campaign."""
        self.campaigns.plan(name)
        self.campaigns.approve(name)
        return self.campaigns.run(name, **options)


def opened(folder: Path, **settings: Any) -> Opened:
    """An open workspace."""
    return Opened(folder, **settings)


def hello(**more: Any) -> dict[str, Any]:
    """A campaign by e-mail consent through the file outbox."""
    return {
        "name": "hello",
        "audience": "everyone",
        "channel": {"name": "file", "address": "email", "consent": "email"},
        "content": {"text": "Hi {{ name }}!"},
        **more,
    }


def adds_up(status: dict[str, Any]) -> bool:
    """The identity of the funnel, by hand."""
    names = ("capped", "held_out", "pending", "deferred", "sent", "uncertain", "failed", "cancelled", "expired")
    total = sum(status["suppressed"].values()) + sum(status[name] for name in names)
    return status["planned"] == total and status["difference"] == 0
