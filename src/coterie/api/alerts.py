"""Alerts: what is watched of audiences, and what was raised."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query
from pydantic import BaseModel

from coterie.api.answers import answer
from coterie.api.door import In, Language, Limit
from coterie.audiences.conditions import KINDS


class AlertRequest(BaseModel):
    """An audience to watch; `when` and `to` as on the command line."""

    audience: str
    when: str
    to: str | None = None
    language: Literal["en", "zh"] = "en"


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/alerts")
    def alerts(door: In, audience: str | None = None, language: Language = "en") -> Any:
        """What is watched of audiences, or of one, what can be, and how many raised alerts nobody has seen."""
        rows = [row for row in door.ws.alerts.rows() if audience in (None, row["audience"])]
        kinds = [
            {"kind": name, "label": kind.label.in_(language), "example": kind.example, "default": kind.default}
            for name, kind in KINDS.items()
        ]
        return answer({"alerts": rows, "kinds": kinds, "open": door.ws.alerts.open_count()})

    @app.put("/api/v1/alerts/{name}")
    def add_alert(name: str, body: AlertRequest, door: In) -> Any:
        """Watch an audience; an existing name is replaced."""
        made = door.ws.alerts.add(name, body.audience, body.when, to=body.to, language=body.language)
        return answer({"alert": name, **made.body()})

    @app.delete("/api/v1/alerts/{name}")
    def remove_alert(name: str, door: In) -> Any:
        """Watch no longer; what was raised stays."""
        door.ws.alerts.remove(name)
        return answer({"alert": name, "removed": True})

    @app.get("/api/v1/alerts/events")
    def alert_events(door: In, every: Annotated[bool, Query(alias="all")] = False, limit: Limit = 50) -> Any:
        """What was raised, newest first; with `all` also what was seen."""
        return answer({"events": [e.as_dict() for e in door.ws.alerts.events(open_only=not every, limit=limit)]})

    @app.post("/api/v1/alerts/events/{event}/seen")
    def alert_seen(event: str, door: In) -> Any:
        """Note that a person has seen it."""
        return answer(door.ws.alerts.seen(event).as_dict())
