"""The HTTP application of one workspace: who may come in is in `access`, the routes are a file a resource.

Requests share the index, the metadata and the queue, which any number of threads may use; each opens the rest for
itself, so that no two share a cursor.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from coterie import __version__
from coterie.api import (
    alerts,
    audiences,
    blocks,
    console,
    customers,
    datasets,
    destinations,
    home,
    jobs,
    oidc,
    rules,
    segments,
    sessions,
    tags,
    understanding,
    uploads,
    users,
)
from coterie.api import settings as settings_routes
from coterie.api.door import GuardedRoute
from coterie.api.limits import Limits
from coterie.errors import CoterieError, NotFound, Refused
from coterie.workspace import Workspace

RESOURCES = (
    sessions, oidc, users, settings_routes, home, rules, datasets, uploads, tags, audiences, understanding, blocks,
    customers, segments, alerts, destinations, jobs,
)  # fmt: skip
_STATUS = {
    "not_signed_in": 401,
    "bad_login": 401,
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
    app.router.add_event_handler("shutdown", app.state.shared.close)
    app.router.route_class = GuardedRoute
    app.add_exception_handler(CoterieError, _coterie_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)
    for resource in RESOURCES:
        resource.add_to(app)
    console.add_to(app)
    app.add_middleware(Limits, settings=app.state.shared.settings)
    return app


def _coterie_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CoterieError), "registered for CoterieError alone"
    headers = {"Retry-After": "900"} if error.code == "too_many_tries" else None
    return JSONResponse(error.as_dict(), status_code=_status(error), headers=headers)


def _status(error: CoterieError) -> int:
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Refused):
        return _STATUS.get(error.code, 422)
    return 503


def _bad_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError), "registered for RequestValidationError alone"
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    fix = "See /api/v1/openapi.json."
    return JSONResponse({"code": "bad_argument", "message": first["msg"], "place": place, "fix": fix}, status_code=422)


def _http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException), "registered for HTTPException alone"
    code = "unknown_name" if error.status_code == 404 else "bad_argument"
    body = {"code": code, "message": str(error.detail), "place": "request", "fix": "See /api/v1/openapi.json."}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


def _unforeseen(_request: Request, error: Exception) -> JSONResponse:
    fix = "Look into the log of `coterie serve`, and tell us."
    body = {"code": "internal", "message": f"{type(error).__name__}.", "place": None, "fix": fix}
    return JSONResponse(body, status_code=500)
