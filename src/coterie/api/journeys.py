"""Journeys: list, edit, start, pause, stop; where everybody is, and one person's way."""

from __future__ import annotations

import threading
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from coterie.api.answers import answer, page
from coterie.api.door import Door, In, Limit, Offset, Order, Search
from coterie.campaigns.journeys.jobs import ADVANCE
from coterie.campaigns.journeys.service import JOURNEY, STATES

_SAVING = threading.Lock()  # between looking at the version and saving
_WITHIN = ("journey", "description", "owner", "entry")


class JourneyRequest(BaseModel):
    """A journey as in a file."""

    definition: dict[str, Any]


class SaveJourneyRequest(JourneyRequest):
    """`base_version` is the version it was read at, 0 for a new one; none at all: whatever is there."""

    base_version: int | None = Field(None, ge=0, le=2**31)


class DryRunRequest(BaseModel):
    """From which moment, and how many days ahead."""

    at: str | None = None
    days: int = Field(90, ge=1, le=730)


class StepAudienceRequest(BaseModel):
    """Which step and which of its people, and what the audience is called."""

    step: str = Field(max_length=40)
    bar: str = Field("waiting", max_length=20)
    name: str | None = Field(None, max_length=200)


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    _reading(app)
    _people(app)
    _trying(app)
    _saving(app)
    _running(app)


def _reading(app: FastAPI) -> None:
    @app.get("/api/v1/journeys")
    def journeys(
        door: In,
        search: Search = "",
        state: Annotated[str | None, Query(max_length=20)] = None,
        sort: str = "journey",
        order: Order = "asc",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Any:
        """All journeys, with how many are in each state."""
        rows = door.ws.journeys.rows()
        states = {s: sum(1 for row in rows if row["state"] == s) for s in STATES}
        asked: dict[str, Any] = {"sort": sort, "order": order, "limit": limit, "offset": offset}
        found, total = page([r for r in rows if state in (None, r["state"])], search=search, within=_WITHIN, **asked)
        return answer({"journeys": found, "total": total, "states": states})

    @app.get("/api/v1/journeys/{name}")
    def journey(name: str, door: In, version: Annotated[int | None, Query(ge=1, le=2**31)] = None) -> Any:
        """One journey: its definition, its versions, and how it stands."""
        return answer(door.ws.journeys.page(name, version))

    @app.get("/api/v1/journeys/{name}/funnel")
    def funnel(name: str, door: In) -> Any:
        """Of each step, how many came, wait, passed and left."""
        return answer(door.ws.journeys.funnel(name))

    @app.get("/api/v1/journeys/{name}/times")
    def times(name: str, door: In) -> Any:
        """Of each step, since when the first waits, when the next is due, and how long it took those who passed."""
        return answer(door.ws.journeys.times(name))


def _people(app: FastAPI) -> None:
    @app.get("/api/v1/journeys/{name}/people")
    def people(
        name: str,
        door: In,
        step: Annotated[str, Query(max_length=40)],
        bar: Annotated[str, Query(max_length=20)] = "waiting",
        search: Search = "",
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Any:
        """Who is in a bar of a step: `entered`, `waiting`, `passed` or `exited`."""
        if search:
            door.mask.refuse_keys()
        found = door.ws.journeys.people(name, step, bar, search=search, limit=limit, offset=offset)
        for row in found["people"]:
            row["entity"] = door.mask.key(row["entity"])
        return answer(found)

    @app.get("/api/v1/journeys/{name}/people/{entity:path}")
    def path(name: str, entity: str, door: In) -> Any:
        """Every move of one person, and where they are now."""
        door.mask.refuse_keys()
        return answer(door.ws.journeys.path(name, entity))


def _trying(app: FastAPI) -> None:
    @app.post("/api/v1/journeys/{name}/dry-run")
    def dry_run(name: str, body: DryRunRequest, door: In) -> Any:
        """Where those who would come in now would be; nothing is sent."""
        return answer(door.ws.journeys.dry_run(name, at=door.ws.moment(body.at, place="at"), days=body.days))

    @app.post("/api/v1/journeys/check")
    def check(body: JourneyRequest, door: In) -> Any:
        """Whether a definition could run; refused with place and fix where it has a mistake."""
        made = door.ws.journeys.check(body.definition)
        return answer({"journey": made.name, "steps": list(made.steps)})


def _saving(app: FastAPI) -> None:
    @app.put("/api/v1/journeys/{name}")
    def save(name: str, body: SaveJourneyRequest, door: In) -> Any:
        """Save a definition; one that runs goes on as it is until it is started again."""
        with _SAVING:
            known = door.ws.store.find(JOURNEY, name)
            version = 0 if known is None else known.version
            if body.base_version is not None and body.base_version != version:
                return _conflict(door, name, body)
            given = {**body.definition, "name": name}
            if known is None:
                given.setdefault("owner", door.caller.account.name)
            return answer(door.ws.journeys.create(given))

    @app.delete("/api/v1/journeys/{name}")
    def delete(name: str, door: In) -> Any:
        """Delete a journey that never ran."""
        door.ws.journeys.delete(name)
        return answer({"journey": name, "deleted": True})

    @app.post("/api/v1/journeys/{name}/audience")
    def audience(name: str, body: StepAudienceRequest, door: In) -> Any:
        """Keep who is in a bar of a step now as an audience."""
        asked = {"save_as": body.name, "owner": door.caller.account.name}
        return answer(door.ws.journeys.make_audience(name, body.step, body.bar, **asked))


def _conflict(door: Door, name: str, body: SaveJourneyRequest) -> JSONResponse:
    """What is there now and what was to be saved, side by side."""
    gone = door.ws.store.find(JOURNEY, name) is None
    said = f'"{name}" was deleted.' if gone else f'"{name}" was saved by somebody else since you opened it.'
    error = {"code": "newer_version", "message": said, "place": "base_version"}
    sides = {"theirs": None if gone else door.ws.journeys.page(name), "yours": body.model_dump()}
    return answer({**error, "fix": "Look at both, and save again at the newest version.", **sides}, 409)


def _running(app: FastAPI) -> None:
    @app.post("/api/v1/journeys/{name}/start")
    def start(name: str, door: In) -> Any:
        """Let people in, by the newest version; the first look is a job."""
        told = door.ws.journeys.start(name, by=door.caller.account.name)
        return answer({**told, "job": door.ws.jobs.enqueue(ADVANCE, {"journey": name}, key=f"{ADVANCE} {name}")})

    @app.post("/api/v1/journeys/{name}/pause")
    def pause(name: str, door: In) -> Any:
        """Move nobody and send nothing until it is resumed."""
        return answer(door.ws.journeys.pause(name))

    @app.post("/api/v1/journeys/{name}/resume")
    def resume(name: str, door: In) -> Any:
        """Let it go on."""
        return answer(door.ws.journeys.resume(name))

    @app.post("/api/v1/journeys/{name}/stop")
    def stop(name: str, door: In) -> Any:
        """Let everybody out, and send nothing more."""
        return answer(door.ws.journeys.stop(name))
