"""Consent: how many may be addressed by what, what holds of one customer, and what was sent to them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from coterie.api.answers import answer
from coterie.api.door import In, Limit, Offset
from coterie.campaigns.people import messages


class ConsentRequest(BaseModel):
    """A channel or purpose, and what the customer said: granted, denied or revoked."""

    scope: str
    state: str


def add_to(app: FastAPI) -> None:
    """Add these routes; keys may hold slashes, so that they stand before those of customers."""

    @app.get("/api/v1/consent/scopes")
    def scopes(door: In) -> Any:
        """Customers by what they said, for each channel and purpose, and the lists of those never to be addressed."""
        return answer(door.ws.consent.summary())

    @app.get("/api/v1/customers/{entity:path}/consent")
    def consent(entity: str, door: In) -> Any:
        """What holds of one customer, since when and from where, and all that was ever said."""
        door.mask.refuse_keys()
        found = door.ws.consent.show(entity)
        states = [
            {"scope": scope, "state": held["state"], "at": held["since"], "source": held["source"]}
            for scope, held in found["consent"].items()
        ]
        return answer({"entity": entity, "states": states, "history": found["history"], "suppressed": found["lists"]})

    @app.put("/api/v1/customers/{entity:path}/consent")
    def set_consent(entity: str, body: ConsentRequest, door: In) -> Any:
        """Note what a customer said."""
        door.mask.refuse_keys()
        source = f"by hand, {door.caller.account.name}"
        done = door.ws.consent.set(entity, body.scope, body.state, source=source)
        door.note("consent", entity, None, {"scope": body.scope, "state": body.state})
        return answer({"entity": entity, "scope": body.scope, "state": body.state, **done})

    @app.get("/api/v1/customers/{entity:path}/messages")
    def sent(entity: str, door: In, limit: Limit = 50, offset: Offset = 0) -> Any:
        """What campaigns did with one customer, newest first, a row a run."""
        door.mask.refuse_keys()
        door.ws.consent.show(entity)
        rows, total = messages(door.ws.tag_context, entity, limit=limit, offset=offset)
        return answer({"entity": entity, "messages": rows, "total": total})
