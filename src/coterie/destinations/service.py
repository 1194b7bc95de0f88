"""The receivers that a workspace knows: a name, an address and a shared secret each; and its mail server."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from coterie.destinations.http import Sender
from coterie.destinations.mail import Mailer
from coterie.settings import Settings
from coterie.store.service import Store

KIND = "destination"


@dataclass(frozen=True)
class Destinations:
    """Receivers kept in the metadata."""

    store: Store
    settings: Settings

    def add(self, name: str, url: str) -> dict[str, Any]:
        """Make a receiver known; the secret is told this once. An existing name gets the new address and a new secret.

        Raises Refused: the address cannot be sent to.
        """
        secret = secrets.token_urlsafe(32)
        self._sender(url, secret).check()
        self.store.put(KIND, name, {"url": url, "secret": secret})
        return {"destination": name, "url": url, "secret": secret}

    def rows(self) -> list[dict[str, Any]]:
        """All receivers, without their secrets."""
        return [{"destination": d.name, "url": d.body["url"], "since": d.created_at} for d in self.store.all(KIND)]

    def remove(self, name: str) -> None:
        """Forget a receiver. Raises NotFound."""
        self.store.delete(KIND, name)

    def sender(self, name: str) -> Sender:
        """What sends to a receiver. Raises NotFound."""
        body = self.store.get(KIND, name).body
        return self._sender(body["url"], body["secret"])

    def mailer(self) -> Mailer:
        """What sends e-mail. Raises Refused: no mail server is set, or a setting of it cannot be so."""
        return Mailer.of(self.settings)

    def _sender(self, url: str, secret: str) -> Sender:
        return Sender(url, secret, private=bool(self.settings.number("private_addresses")))
