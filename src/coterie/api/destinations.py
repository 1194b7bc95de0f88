"""Receivers of audiences: their addresses are checked, so that nobody reaches into the private network through them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from coterie.api.answers import answer
from coterie.api.door import In


class DestinationRequest(BaseModel):
    """A web address, https://HOST/PATH."""

    url: str = Field(max_length=2000)


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/destinations")
    def destinations(door: In) -> Any:
        """The receivers that are known, without their secrets."""
        return answer({"destinations": door.ws.destinations.rows()})

    @app.put("/api/v1/destinations/{name}")
    def add(name: str, body: DestinationRequest, door: In) -> Any:
        """Make a receiver known; its secret is shown this once."""
        return answer(door.ws.destinations.add(name, body.url))

    @app.delete("/api/v1/destinations/{name}")
    def remove(name: str, door: In) -> Any:
        """Forget a receiver."""
        door.ws.destinations.remove(name)
        return answer({"destination": name, "removed": True})
