"""Sources: imports that come again. Over HTTP only the workspace's inbox can be named; the rest is added on the machine."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from coterie.api.answers import answer, language_of, page
from coterie.api.door import Door, In
from coterie.api.listing import listed_by
from coterie.ingest.sources import JOB, DataSource
from coterie.kit.chinese import told_in


class SourceRequest(BaseModel):
    """Files of the inbox, and how they are imported; the words are those of `coterie import`."""

    location: str = Field(
        max_length=300, description="A name or a pattern of files in the inbox, such as orders-*.csv."
    )
    kind: str | None = Field(None, alias="as")
    name: str
    entity: str | None = None
    entity_kind: str | None = None
    time: str | None = None
    key: str | None = None
    types: dict[str, str] | None = None
    replace: bool | None = None
    schedule: str | None = None


class ScheduleRequest(BaseModel):
    """When to run; null: only when asked."""

    schedule: str | None = None


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/sources")
    def sources(door: In, asked: Annotated[dict[str, Any], listed_by("source")]) -> Any:
        """Imports that come again, with how the last run went."""
        rows = [_told(door, source) for source in door.ws.sources.all()]
        found, total = page(rows, within=("source", "dataset", "location"), **asked)
        return answer({"sources": found, "total": total})

    @app.put("/api/v1/sources/{name}")
    def save_source(name: str, body: SourceRequest, door: In) -> Any:
        """Keep a source of the inbox; an existing name is replaced."""
        options = body.model_dump(exclude={"location"}, exclude_none=True)
        made = door.ws.sources.put_from_inbox(name, body.location, **options)
        door.note("source", name, None, made.row())
        return answer(_told(door, made))

    @app.put("/api/v1/sources/{name}/schedule")
    def schedule_source(name: str, body: ScheduleRequest, door: In) -> Any:
        """Run it at other times."""
        before = door.ws.sources.get(name).row()
        made = door.ws.sources.schedule(name, body.schedule)
        door.note("source", name, before, made.row())
        return answer(_told(door, made))

    @app.post("/api/v1/sources/{name}/run")
    def run_source(name: str, door: In) -> Any:
        """Import what is new, as a job."""
        door.ws.sources.get(name)
        job = door.ws.jobs.enqueue(JOB, {"source": name, "asked": True}, key=f"source {name}")
        return answer({"job": job})

    @app.delete("/api/v1/sources/{name}")
    def remove_source(name: str, door: In) -> Any:
        """Forget a source; what it imported stays."""
        before = door.ws.sources.get(name).row()
        door.ws.sources.remove(name)
        door.note("source", name, before, None)
        return answer({"source": name, "removed": True})


def _told(door: Door, source: DataSource) -> dict[str, Any]:
    """A source as lists show it, the error of its last run in the reader's language."""
    row = source.row()
    inside = str(door.ws.path.resolve())
    shown = {**row, "location": row["location"].removeprefix(inside).lstrip("/")}
    if row["last"] is not None:
        shown["last"] = {**row["last"], "error": told_in(row["last"]["error"], language_of(door.request))}
    return shown
