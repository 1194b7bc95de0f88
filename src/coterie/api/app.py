"""The HTTP application of one workspace: who may come in is in `access`, the routes are a file a resource.

Requests share the index, the metadata and the queue, which any number of threads may use; each opens the rest for
itself, so that no two share a cursor.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from coterie import __version__
from coterie.api import (
    alerts,
    audiences,
    blocks,
    campaigns,
    consent,
    console,
    content,
    customers,
    datasets,
    destinations,
    experiments,
    home,
    jobs,
    journeys,
    oidc,
    public,
    rules,
    segments,
    sessions,
    sources,
    tags,
    understanding,
    uploads,
    users,
)
from coterie.api import settings as settings_routes
from coterie.api.answers import language_of
from coterie.api.door import GuardedRoute
from coterie.api.limits import Limits
from coterie.errors import CoterieError, NotFound, Refused
from coterie.kit.chinese import told_in
from coterie.workspace import Workspace

RESOURCES = (
    sessions, oidc, users, settings_routes, home, rules, datasets, uploads, sources, tags, audiences, understanding, blocks,
    consent, customers, campaigns, journeys, experiments, segments, alerts, destinations, jobs,
    content,
)  # fmt: skip
_STATUS = {
    "not_signed_in": 401,
    "bad_login": 401,
    "bad_signature": 401,
    "not_allowed": 403,
    "forged": 403,
    "sign_in_failed": 403,
    "newer_version": 409,
    "too_many_tries": 429,
}


def make_app(path: Path) -> FastAPI:
    """The application for the workspace in folder `path`."""
    app = FastAPI(title="Coterie", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.path = path
    app.state.shared = Workspace.open(path)
    public.add_to(app)
    app.router.add_event_handler("shutdown", app.state.shared.close)
    app.router.route_class = GuardedRoute
    app.add_exception_handler(CoterieError, _coterie_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _unforeseen)
    for resource in RESOURCES:
        resource.add_to(app)
    console.add_to(app)
    app.add_middleware(Limits, settings=app.state.shared.settings)
    return app


def _coterie_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CoterieError), "registered for CoterieError alone"
    headers = {"Retry-After": "900"} if error.code == "too_many_tries" else None
    return _told(request, error.as_dict(), _status(error), headers)


def _status(error: CoterieError) -> int:
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Refused):
        return _STATUS.get(error.code, 422)
    return 503


def _told(
    request: Request, error: Mapping[str, str | None], status: int, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error in the one shape, in the caller's language."""
    shown = told_in(error, language_of(request))
    return JSONResponse(shown, status, headers={**(headers or {}), "Vary": "Accept-Language"})


def _bad_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError), "registered for RequestValidationError alone"
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    fix = "See /api/v1/openapi.json."
    return _told(request, {"code": "bad_argument", "message": first["msg"], "place": place, "fix": fix}, 422)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException), "registered for HTTPException alone"
    code = "unknown_name" if error.status_code == 404 else "bad_argument"
    body = {"code": code, "message": str(error.detail), "place": "request", "fix": "See /api/v1/openapi.json."}
    return _told(request, body, error.status_code, error.headers)


def _left(_request: Request, _error: Exception) -> Response:
    """Whoever asked went away before the whole request was there: nobody reads this, and nobody is to blame."""
    return Response(status_code=400)


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    fix = "Look into the log of `coterie serve`, and tell us."
    body = {"code": "internal", "message": f"{type(error).__name__}.", "place": None, "fix": fix}
    return _told(request, body, 500)
