"""Segmentations: fit and what follows as jobs, one with its segments, versions, the report.

Figures and the map are in `segment_figures`, what people say and do with segments in `segment_people`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from coterie.api import cards, segment_figures, segment_people
from coterie.api.answers import answer, page
from coterie.api.door import Door, In, Language, Limit, Offset, Order, Search
from coterie.errors import Failed, Refused
from coterie.learn.segments.jobs import FIT, REBUILD, REFIT, REPORT, UPDATE, USE

# The report is a page of its own: no script runs in it, and only the console may show it in a frame.
_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'"
)
Number = Annotated[int | None, Query(ge=1, le=2**31)]
Amount = Annotated[float | None, Query(ge=0, le=1e12)]


class FitRequest(BaseModel):
    """What to segment by, and how; the words are those of `coterie segment fit`."""

    name: str = Field(min_length=1, max_length=100)
    tags: list[str] = Field(min_length=1, max_length=200)
    audience: str | None = None
    method: str = "kmeans"
    k: int | Literal["auto"] = "auto"
    seed: int = Field(0, ge=0, le=2**31)
    prepare: str = "auto"
    max_k: int = Field(10, ge=2, le=50)
    min_size: int | None = Field(None, ge=1, le=2**31)
    starts: int | None = Field(None, ge=1, le=1000)
    weights: dict[str, float] | None = None
    pca: float | None = Field(None, gt=0, le=200)
    promote: bool = True
    entity_kind: str = "customer"


class RefitRequest(BaseModel):
    """Another seed than recorded, and whether the tag shows the new version at once."""

    seed: int | None = Field(None, ge=0, le=2**31)
    promote: bool = True


class UpdateRequest(BaseModel):
    """After how many days a customer counts half."""

    half_life_days: float = Field(90.0, gt=0, le=36_500)
    promote: bool = True


class VersionRequest(BaseModel):
    """A version."""

    version: int = Field(ge=1, le=2**31)


class ReportRequest(BaseModel):
    """What a report is told beside the fit; see `coterie segment report`."""

    version: int | None = Field(None, ge=1, le=2**31)
    days: int = Field(90, ge=0, le=3650)
    revenue: str | None = None
    orders: str | None = None
    response: str | None = None
    margin: float | None = Field(None, ge=0, le=1)
    cost_per_order: float | None = Field(None, ge=0, le=1e12)
    cost_per_customer: float | None = Field(None, ge=0, le=1e12)
    contact_cost: float | None = Field(None, ge=0, le=1e12)
    response_value: float | None = Field(None, ge=0, le=1e12)

    def options(self) -> dict[str, Any]:
        """As a report takes them."""
        return self.model_dump(exclude={"version"})


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    segment_people.add_to(app)
    segment_figures.add_to(app)
    _fitting(app)
    _reading(app)
    _following(app)
    _reports(app)


def _fitting(app: FastAPI) -> None:
    @app.post("/api/v1/segments")
    def fit(body: FitRequest, door: In) -> Any:
        """Fit segments as a job: find, test and publish them as the tag segment.NAME."""
        _check_name(body.name)
        _check_asked(door, body)
        given = {"name": body.name, "options": body.model_dump(exclude={"name"})}
        return answer({"job": door.ws.jobs.enqueue(FIT, given, key=f"segments {body.name}")})

    @app.post("/api/v1/segments/check")
    def check(body: FitRequest, door: In, language: Language = "en") -> Any:
        """What a fit would do to the tags before it looks for segments: steps, columns left out and why, how many rows."""
        _check_name(body.name)
        _check_asked(door, body)
        asked = body.model_dump(include={"audience", "method", "prepare", "weights", "pca", "entity_kind"})
        return answer(door.ws.segments.check(body.tags, language=language, **asked))


def _check_name(name: str) -> None:
    if not name.replace("_", "").replace("-", "").isalnum():
        fix = "Use letters, digits, - and _."
        raise Refused("bad_argument", f'"{name}" cannot name a segmentation.', place="name", fix=fix)


def _check_asked(door: Door, body: FitRequest) -> None:
    door.mask.refuse_tags(body.tags)  # rules of segments would name their values
    for tag in body.tags:
        door.ws.catalog.tag(tag, body.entity_kind)
    if body.audience is not None:
        cards.document(door, body.audience)


def _reading(app: FastAPI) -> None:
    @app.get("/api/v1/segments")
    def segments(
        door: In,
        search: Search = "",
        sort: str = "segmentation",
        order: Order = "asc",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Any:
        """Fitted segmentations, and the methods there are with how each comes to its number of segments."""
        from coterie.learn.segments.methods.table import METHODS

        asked: dict[str, Any] = {"sort": sort, "order": order, "limit": limit, "offset": offset}
        rows, total = page(door.ws.segments.rows(), search=search, within=["segmentation"], **asked)
        methods = [{"method": name, "number": entry.number, "plain": entry.plain} for name, entry in METHODS.items()]
        return answer({"segmentations": rows, "total": total, "methods": methods})

    @app.get("/api/v1/segments/{name}")
    def one(name: str, door: In, version: Number = None, language: Language = "en") -> Any:
        """One: its segments with size, stability, rule and what to do, its figures, marks, and its versions."""
        told = door.ws.segments
        shown = told.show(name, version, language)
        more = _cards(door, name, version, language)
        words = segment_figures.words_of_bands(language)
        rows = [{**s, "word": words.get(s["band"]), **more.get(s["segment"], {})} for s in shown["segments"]]
        marks = segment_people.masked_marks(door, shown["marks"])
        return answer({**shown, "segments": rows, "marks": marks, "versions": told.versions(name)})

    @app.get("/api/v1/segments/{name}/versions")
    def versions(name: str, door: In) -> Any:
        """All versions, oldest first, and what the tag showed when."""
        rows = door.ws.segments.versions(name)
        shown = [
            {"version": p.version, "as_of": p.as_of, "why": p.why, "at": p.at}
            for p in door.ws.segments.registry.promotions(name)
        ]
        return answer({"segmentation": name, "versions": rows, "promotions": shown, "total": len(rows)})


def _cards(door: Door, name: str, version: int | None, language: Any) -> dict[int, dict[str, Any]]:
    """What the kept fit adds to each segment; nothing where it is gone, since the rest can be told without it."""
    try:
        return door.ws.segments.cards(name, version, language)
    except Failed:
        return {}


def _following(app: FastAPI) -> None:
    @app.post("/api/v1/segments/{name}/refit")
    def refit(name: str, body: RefitRequest, door: In) -> Any:
        """Fit again on today's data as a job; segments that are still themselves keep their ids."""
        return _enqueued(door, REFIT, name, **body.model_dump())

    @app.post("/api/v1/segments/{name}/update")
    def update(name: str, body: UpdateRequest, door: In) -> Any:
        """Assign today's customers as a job, and let the centres follow those that are new or changed."""
        return _enqueued(door, UPDATE, name, **body.model_dump())

    @app.post("/api/v1/segments/{name}/promote")
    def promote(name: str, body: VersionRequest, door: In) -> Any:
        """Let the tag show a version, as a job."""
        door.ws.segments.registry.get(name, body.version)
        return _enqueued(door, USE, name, version=body.version)

    @app.post("/api/v1/segments/{name}/rollback")
    def rollback(name: str, door: In) -> Any:
        """Let the tag show the version that was in use before, as a job."""
        door.ws.segments.registry.before(name)
        return _enqueued(door, USE, name)

    @app.post("/api/v1/segments/{name}/rebuild")
    def rebuild(name: str, body: VersionRequest, door: In) -> Any:
        """Make a version again from what was recorded, as a job that says whether it is identical."""
        door.ws.segments.registry.get(name, body.version)
        return _enqueued(door, REBUILD, name, version=body.version)


def _enqueued(door: Door, job: str, name: str, **given: Any) -> Any:
    """One job of a segmentation at a time. Raises NotFound."""
    door.ws.segments.registry.get(name)
    return answer({"job": door.ws.jobs.enqueue(job, {"name": name, **given}, key=f"segments {name}")})


def _reports(app: FastAPI) -> None:
    @app.get("/api/v1/segments/{name}/report")
    def report(
        name: str,
        door: In,
        asked: Annotated[ReportRequest, Query()],
        language: Language = "en",
    ) -> Any:
        """The report as a page of its own."""
        from coterie.learn.segments.reporting import ReportOptions

        drawn = door.ws.segments.report(name, asked.version, language, ReportOptions(**asked.options()))
        headers = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "SAMEORIGIN"}
        return HTMLResponse(drawn, headers=headers)

    @app.post("/api/v1/segments/{name}/report")
    def draw(name: str, body: ReportRequest, door: In) -> Any:
        """Draw the report as a job; it is then there for as long as nothing changes."""
        door.ws.segments.registry.get(name, body.version)
        return _enqueued(door, REPORT, name, version=body.version, options=body.options())

    @app.get("/api/v1/segments/{name}/figures")
    def figures(name: str, door: In, asked: Annotated[ReportRequest, Query()]) -> Any:
        """The fifteen parts of the report as figures."""
        from coterie.learn.segments.reporting import ReportOptions

        return answer(door.ws.segments.figures(name, asked.version, ReportOptions(**asked.options())))
