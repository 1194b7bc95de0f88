"""Segmentations: fit as a job, versions, one with its segments, the report."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from coterie.api import cards
from coterie.api.answers import answer
from coterie.api.door import In, Language
from coterie.errors import Refused
from coterie.learn.segments.jobs import FIT

# The report is a page of its own: no script runs in it, and only the console may show it in a frame.
_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'"
)


class FitRequest(BaseModel):
    """What to segment by, and how."""

    name: str = Field(min_length=1, max_length=100)
    tags: list[str] = Field(min_length=1, max_length=200)
    audience: str | None = None
    method: str = "kmeans"
    k: int | Literal["auto"] = "auto"
    seed: int = Field(0, ge=0, le=2**31)
    prepare: str = "auto"
    max_k: int = Field(10, ge=2, le=50)
    min_size: int | None = Field(None, ge=1, le=2**31)
    entity_kind: str = "customer"


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/segments")
    def segments(door: In) -> Any:
        """Fitted segmentations."""
        rows = door.ws.segments.rows()
        return answer({"segmentations": rows, "total": len(rows)})

    @app.post("/api/v1/segments")
    def fit(body: FitRequest, door: In) -> Any:
        """Fit segments as a job: find, test and publish them as the tag segment.NAME."""
        if not body.name.replace("_", "").replace("-", "").isalnum():
            fix = "Use letters, digits, - and _."
            raise Refused("bad_argument", f'"{body.name}" cannot name a segmentation.', place="name", fix=fix)
        for tag in body.tags:
            door.ws.catalog.tag(tag, body.entity_kind)
        if body.audience is not None:
            cards.document(door, body.audience)
        given = {"name": body.name, "options": body.model_dump(exclude={"name"})}
        return answer({"job": door.ws.jobs.enqueue(FIT, given, key=f"segments {body.name}")})

    @app.get("/api/v1/segments/{name}")
    def one(name: str, door: In, version: int | None = None, language: Language = "en") -> Any:
        """One: its segments with size, stability, rule and what to do, its figures, and its versions."""
        shown = door.ws.segments.show(name, version, language)
        return answer({**shown, "versions": door.ws.segments.versions(name)})

    @app.get("/api/v1/segments/{name}/report")
    def report(name: str, door: In, version: int | None = None, language: Language = "en") -> Any:
        """The report as a page of its own."""
        page = door.ws.segments.report(name, version, language)
        headers = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "SAMEORIGIN"}
        return HTMLResponse(page, headers=headers)
