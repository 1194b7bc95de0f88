"""The HTTP application of one workspace; each request opens it for itself, so requests never share a cursor.

They share the index, which any number of threads may use: what one request made known, the next is answered from.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from coterie import __version__
from coterie.api import tokens
from coterie.errors import CoterieError, NotFound, Refused
from coterie.kit.plain import plain
from coterie.workspace import Workspace


class SetupRequest(BaseModel):
    """The one-time token that `serve` printed, and a name for the API token it buys."""

    token: str
    name: str = Field(min_length=1, max_length=100)


class CountRequest(BaseModel):
    """A rule to count; moments as on the command line."""

    rule: dict[str, Any]
    as_of: str | None = None
    data_version: int | None = None
    entity_kind: str = "customer"
    language: str = Field("en", pattern="^(en|zh)$")


class SaveRequest(BaseModel):
    """A rule to save."""

    rule: dict[str, Any]
    description: str | None = None
    owner: str | None = None
    folder: str | None = None
    shared: bool | None = None
    purpose: str | None = None
    valid_until: str | None = None
    refresh: str | None = None
    entity_kind: str = "customer"
    language: str = Field("en", pattern="^(en|zh)$")


class BlockRequest(BaseModel):
    """Conditions to save as a block."""

    rule: dict[str, Any]
    description: str | None = None
    entity_kind: str = "customer"
    language: str = Field("en", pattern="^(en|zh)$")


class CopyRequest(BaseModel):
    """The name of a copy."""

    to: str


class InsightRequest(BaseModel):
    """An audience or a rule to compare with everyone else, or with another audience."""

    audience: str | None = None
    rule: dict[str, Any] | None = None
    against: str | None = None
    tags: list[str] = []
    top: int = 10
    as_of: str | None = None
    entity_kind: str = "customer"
    language: str = Field("en", pattern="^(en|zh)$")


class OverlapRequest(BaseModel):
    """Audiences to compare with each other."""

    audiences: list[str]
    limit: int = 20
    as_of: str | None = None


class AlertRequest(BaseModel):
    """An audience to watch; `when` and `to` as on the command line."""

    audience: str
    when: str
    to: str | None = None
    language: str = Field("en", pattern="^(en|zh)$")


class LookAlikeRequest(BaseModel):
    """A seed to resemble: an audience, a snapshot or a list."""

    seed: str
    size: int
    name: str | None = None
    save: bool = True
    entity_kind: str = "customer"
    language: str = Field("en", pattern="^(en|zh)$")


def make_app(path: Path) -> FastAPI:
    """The application for the workspace in folder `path`."""
    app = FastAPI(title="Coterie", version=__version__, openapi_url="/api/v1/openapi.json", docs_url="/api/v1/docs")
    app.state.path = path
    app.state.shared = Workspace.open(path)
    app.router.add_event_handler("shutdown", app.state.shared.close)
    app.add_exception_handler(CoterieError, _coterie_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    _open_routes(app)
    _routes(app)
    _block_routes(app)
    _understanding_routes(app)
    _alert_routes(app)
    return app


def _workspace(request: Request) -> Iterator[Workspace]:
    with Workspace.open(request.app.state.path) as ws:
        yield ws


def _signed_in(request: Request) -> Iterator[Workspace]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    with Workspace.open(request.app.state.path) as ws:
        ws.share(request.app.state.shared)
        if scheme.lower() != "bearer" or tokens.holder(ws.store, token) is None:
            fix = "Send `Authorization: Bearer TOKEN`; POST /api/v1/setup makes the first token."
            raise Refused("not_signed_in", "This needs an API token.", place="Authorization", fix=fix)
        yield ws


AnyWorkspace = Annotated[Workspace, Depends(_workspace)]
SignedIn = Annotated[Workspace, Depends(_signed_in)]


def _open_routes(app: FastAPI) -> None:
    @app.get("/api/v1/health")
    def health() -> dict[str, str]:
        """Answers while the process lives."""
        return {"status": "ok", "version": __version__}

    @app.post("/api/v1/setup")
    def setup(body: SetupRequest, ws: AnyWorkspace) -> dict[str, str]:
        """Trade the setup token for an API token; it is shown this once."""
        return {"name": body.name, "token": tokens.exchange(ws.store, body.token, body.name)}


def _routes(app: FastAPI) -> None:
    @app.get("/api/v1/datasets")
    def datasets(ws: SignedIn) -> Any:
        """What is imported."""
        return plain({"datasets": ws.dataset_rows()})

    @app.get("/api/v1/tags")
    def tags(ws: SignedIn, language: str = "en") -> Any:
        """All tags."""
        return plain({"tags": ws.tags.rows(language)})

    @app.post("/api/v1/audiences/count")
    def count(body: CountRequest, ws: SignedIn) -> Any:
        """How many a rule reaches, exactly, with the waterfall."""
        options: dict[str, Any] = {
            "data_version": body.data_version,
            "entity_kind": body.entity_kind,
            "language": body.language,
        }
        return plain(ws.audiences.count(body.rule, as_of=ws.moment(body.as_of, place="as_of"), **options).as_dict())

    @app.get("/api/v1/audiences")
    def audiences(ws: SignedIn, language: str = "en") -> Any:
        """Saved audiences."""
        return plain({"audiences": ws.audiences.rows(language)})

    @app.put("/api/v1/audiences/{name}")
    def save(name: str, body: SaveRequest, ws: SignedIn) -> Any:
        """Save a rule under a name; an existing name gets a new version."""
        options = body.model_dump(exclude={"rule"})
        return plain(ws.audiences.save(name, body.rule, **options))

    @app.post("/api/v1/audiences/{name}/refresh")
    def refresh(name: str, ws: SignedIn) -> Any:
        """Compute the members and keep them as a snapshot."""
        return plain(ws.audiences.refresh(name))

    @app.get("/api/v1/audiences/{name}/members")
    def members(
        name: str,
        ws: SignedIn,
        snapshot: str | None = None,
        on: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Any:
        """Members in key order, a page at a time; `on` a day, those of the newest snapshot not after it."""
        if on is not None and snapshot is None:
            snapshot = ws.audiences.snapshot_on(name, on).id
        return plain(ws.audiences.members(name, snapshot=snapshot, limit=limit, offset=offset))

    @app.get("/api/v1/audiences/{name}/explain/{entity}")
    def explain(name: str, entity: str, ws: SignedIn, language: str = "en") -> Any:
        """Why a customer is in it or not."""
        return plain(ws.audiences.explain(name, entity, language=language))

    @app.get("/api/v1/segments")
    def segments(ws: SignedIn) -> Any:
        """Fitted segmentations."""
        return plain({"segmentations": ws.segments.rows()})


def _block_routes(app: FastAPI) -> None:
    @app.get("/api/v1/blocks")
    def blocks(ws: SignedIn, language: str = "en") -> Any:
        """Groups of conditions saved to be used again, with who uses them."""
        return plain({"blocks": ws.audiences.blocks.rows(language)})

    @app.put("/api/v1/blocks/{name}")
    def save_block(name: str, body: BlockRequest, ws: SignedIn) -> Any:
        """Save conditions under a name; an existing name gets a new version."""
        return plain(ws.audiences.blocks.save(name, body.rule, **body.model_dump(exclude={"rule"})))

    @app.get("/api/v1/blocks/{name}")
    def block(name: str, ws: SignedIn, language: str = "en") -> Any:
        """A block with its rule and its versions."""
        return plain(ws.audiences.blocks.show(name, language))

    @app.post("/api/v1/blocks/{name}/copy")
    def copy_block(name: str, body: CopyRequest, ws: SignedIn) -> Any:
        """The same conditions under another name."""
        return plain(ws.audiences.blocks.copy(name, body.to))

    @app.delete("/api/v1/blocks/{name}")
    def delete_block(name: str, ws: SignedIn) -> Any:
        """Delete a block that nobody uses."""
        ws.audiences.blocks.delete(name)
        return {"block": name, "deleted": True}


def _understanding_routes(app: FastAPI) -> None:
    @app.post("/api/v1/audiences/insight")
    def insight(body: InsightRequest, ws: SignedIn) -> Any:
        """How an audience or the people of a rule differ from the rest, tag by tag."""
        given = body.audience if body.rule is None else body.rule
        if given is None:
            raise Refused("bad_argument", "Nobody is named.", place="audience", fix="Give `audience` or `rule`.")
        options: dict[str, Any] = {
            "tags": body.tags,
            "top": body.top,
            "language": body.language,
            "kind": body.entity_kind,
        }
        moment = ws.moment(body.as_of, place="as_of")
        return ws.audiences.insight(given, body.against, as_of=moment, **options).as_dict()

    @app.post("/api/v1/audiences/overlap")
    def overlap(body: OverlapRequest, ws: SignedIn) -> Any:
        """How many people audiences share, and who is in exactly which."""
        moment = ws.moment(body.as_of, place="as_of")
        return ws.audiences.overlap(body.audiences, limit=body.limit, as_of=moment).as_dict()

    @app.post("/api/v1/audiences/lookalike")
    def lookalike(body: LookAlikeRequest, ws: SignedIn) -> Any:
        """The people most like a seed, as tags and an audience."""
        options: dict[str, Any] = {"name": body.name, "kind": body.entity_kind, "language": body.language}
        return ws.audiences.lookalike(body.seed, body.size, save=body.save, files=False, **options).as_dict()

    @app.get("/api/v1/audiences/{name}/diff")
    def diff(name: str, before: str, after: str, ws: SignedIn, language: str = "en") -> Any:
        """Who entered and left between two snapshots, by rule and by data."""
        return ws.audiences.diff(name, before, after, language=language).as_dict()

    @app.get("/api/v1/audiences/{name}/backtest")
    def backtest(name: str, ws: SignedIn, weeks: int = 12, as_of: str | None = None, language: str = "en") -> Any:
        """What its rule would have given in each of the past weeks."""
        moment = ws.moment(as_of, place="as_of")
        return ws.audiences.backtest(name, weeks, as_of=moment, language=language).as_dict()


def _alert_routes(app: FastAPI) -> None:
    @app.get("/api/v1/alerts")
    def alerts(ws: SignedIn) -> Any:
        """What is watched of audiences, and how many raised alerts nobody has seen."""
        return {"alerts": ws.alerts.rows(), "open": ws.alerts.open_count()}

    @app.put("/api/v1/alerts/{name}")
    def add_alert(name: str, body: AlertRequest, ws: SignedIn) -> Any:
        """Watch an audience; an existing name is replaced."""
        made = ws.alerts.add(name, body.audience, body.when, to=body.to, language=body.language)
        return {"alert": name, **made.body()}

    @app.delete("/api/v1/alerts/{name}")
    def remove_alert(name: str, ws: SignedIn) -> Any:
        """Watch no longer; what was raised stays."""
        ws.alerts.remove(name)
        return {"alert": name, "removed": True}

    @app.get("/api/v1/alerts/events")
    def alert_events(ws: SignedIn, every: Annotated[bool, Query(alias="all")] = False, limit: int = 50) -> Any:
        """What was raised, newest first; with `all` also what was seen."""
        return {"events": [event.as_dict() for event in ws.alerts.events(open_only=not every, limit=limit)]}

    @app.post("/api/v1/alerts/events/{event}/seen")
    def alert_seen(event: str, ws: SignedIn) -> Any:
        """Note that a person has seen it."""
        return ws.alerts.seen(event).as_dict()


def _coterie_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CoterieError), "registered for CoterieError alone"
    return JSONResponse(error.as_dict(), status_code=_status(error))


def _status(error: CoterieError) -> int:
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Refused):
        return {"not_signed_in": 401, "not_allowed": 403}.get(error.code, 422)
    return 503


def _bad_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError), "registered for RequestValidationError alone"
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    fix = "See /api/v1/docs."
    return JSONResponse({"code": "bad_argument", "message": first["msg"], "place": place, "fix": fix}, status_code=422)
