"""Jobs: what waits, runs and ran; live by server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from coterie.api.answers import answer, language_of, notes_in, page
from coterie.api.door import In, Limit, Offset, Order, Search, shared, who
from coterie.kit.chinese import said_in, told_in
from coterie.kit.plain import plain
from coterie.workspace import Workspace

_LOOKED_AT = 500  # of the newest jobs
_EVERY_SECONDS, _PING_SECONDS = 1.0, 15.0


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/jobs")
    def jobs(
        door: In,
        search: Search = "",
        state: str | None = None,
        job: str | None = None,
        sort: str = "created_at",
        order: Order = "desc",
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Any:
        """The newest jobs first."""
        rows = [row.as_dict() for row in door.shared.jobs.rows(_LOOKED_AT)]
        rows = [r for r in rows if state in (None, r["state"]) and job in (None, r["job"])]
        asked: dict[str, Any] = {"sort": sort, "order": order, "limit": limit, "offset": offset}
        found, total = page(rows, search=search, within=("id", "job", "arguments"), **asked)
        language = language_of(door.request)
        return answer({"jobs": [in_language(row, language) for row in found], "total": total})

    @app.get("/api/v1/jobs/{job}")
    def one(job: str, door: In) -> Any:
        """One job: how far it is, what it did, or why it failed."""
        return answer(in_language(door.shared.jobs.get(job).as_dict(), language_of(door.request)))

    @app.get("/api/v1/jobs/{job}/log")
    def log(job: str, door: In) -> Any:
        """What it did, oldest first: its stages with when they began and ended, and what was done within each."""
        language = language_of(door.request)
        lines = [line.as_dict() for line in door.shared.jobs.log(job)]
        shown = [{**line, "name": said_in(line["name"], language)} if line["name"] else line for line in lines]
        return answer({"job": job, "lines": shown})

    @app.post("/api/v1/jobs/{job}/cancel")
    def cancel(job: str, door: In) -> Any:
        """Stop a job; what it published before stays."""
        return answer(door.shared.jobs.cancel(job).as_dict())

    @app.post("/api/v1/jobs/{job}/retry")
    def retry(job: str, door: In) -> Any:
        """Go on with a job that failed or was cancelled, from the stage where it stopped."""
        return answer(door.shared.jobs.retry(job).as_dict())

    @app.get("/api/v1/schedules")
    def schedules(door: In) -> Any:
        """Jobs that come again and again."""
        return answer({"schedules": [row.as_dict() for row in door.shared.jobs.schedules()]})

    @app.get("/api/v1/events")
    async def events(request: Request) -> Any:
        """Server-sent events: `job` with each change of a job, `ping` every 15 seconds."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_changes(request), media_type="text/event-stream", headers=headers)


async def _changes(request: Request) -> AsyncIterator[str]:
    """What changed since the last look; ends when the reader leaves or the session ends."""
    ws, known, quiet = shared(request), dict[str, str](), _PING_SECONDS
    language = language_of(request)
    first = True
    while not await request.is_disconnected():
        for id_, told in (await run_in_threadpool(_newest, ws, language)).items():
            if known.get(id_) != told:
                known[id_] = told
                if not first:
                    yield f"event: job\ndata: {told}\n\n"
        first = False
        if quiet >= _PING_SECONDS:
            if await run_in_threadpool(who, request) is None:
                return
            quiet = 0.0
            yield "event: ping\ndata: {}\n\n"
        await asyncio.sleep(_EVERY_SECONDS)
        quiet += _EVERY_SECONDS


def in_language(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A job with its error, its stage and its notes as the reader's language says them."""
    told = {**row, "error": told_in(row["error"], language)}
    if row["progress"] and row["progress"].get("name"):
        told["progress"] = {**row["progress"], "name": said_in(row["progress"]["name"], language)}
    if row["result"] and isinstance(row["result"].get("notes"), list):
        told["result"] = {**row["result"], "notes": notes_in(row["result"]["notes"], language)}
    return told


def _newest(ws: Workspace, language: str) -> dict[str, str]:
    """The newest jobs as JSON, oldest first."""
    rows = ws.jobs.rows(30)
    told = {row.id: plain(in_language(row.as_dict(), language)) for row in reversed(rows)}
    return {id_: json.dumps(row, ensure_ascii=False) for id_, row in told.items()}
