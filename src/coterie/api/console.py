"""The console's files: its page with a fresh nonce, assets that never change, and every unknown address for the page."""

from __future__ import annotations

import gzip
import mimetypes
import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.routing import Route

import coterie
from coterie.api.answers import language_of
from coterie.kit.chinese import told_in

# Who works on the console may serve a build that lies elsewhere.
STATIC = Path(os.environ.get("COTERIE_STATIC") or Path(coterie.__file__).parent / "static")
_NONCE = "__CSP_NONCE__"
_GZIPPED = ("text/", "application/javascript", "application/json", "image/svg+xml")
# Ant Design, the query builder and the charts' tips set `style` attributes; nothing needs `unsafe-eval`.
_POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; "
    "script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; worker-src 'self' blob:"
)


def add_to(app: FastAPI) -> None:
    """Serve the console at all addresses that nothing else has."""
    app.router.routes.append(Route("/{path:path}", _file, methods=["GET", "HEAD"], include_in_schema=False))


async def _file(request: Request) -> Response:
    path = str(request.path_params["path"])
    static: Path = getattr(request.app.state, "static", STATIC)
    found = _inside(static, path)
    if path == "api" or path.startswith("api/"):
        error = {"code": "unknown_name", "message": "There is no such address.", "place": "path"}
        told = told_in({**error, "fix": "See /api/v1/openapi.json."}, language_of(request))
        return _json(told or error, 404)
    if found is None and path.startswith("assets/"):
        return PlainTextResponse("There is no such file.", 404)
    if found is None or found.name == "index.html":
        return _page(static / "index.html")
    return _asset(found, path, request.headers.get("Accept-Encoding", ""))


def _json(body: Mapping[str, str | None], status: int) -> Response:
    from fastapi.responses import JSONResponse

    return JSONResponse(body, status)


def _inside(static: Path, path: str) -> Path | None:
    """The file of that path, if it is one and lies in the folder."""
    try:
        found = (static / path).resolve()
        return found if found.is_relative_to(static.resolve()) and found.is_file() else None
    except (OSError, ValueError):  # names that no file can have
        return None


def _page(index: Path) -> Response:
    if not index.is_file():
        said = "The console is not built into this installation: run `make console`. The API is at /api/v1."
        return PlainTextResponse(said, 503, headers={"Cache-Control": "no-store"})
    nonce = secrets.token_urlsafe(16)
    body = index.read_text(encoding="utf-8").replace(_NONCE, nonce)
    headers = {"Content-Security-Policy": _POLICY.format(nonce=nonce), "Cache-Control": "no-store"}
    return Response(body, media_type="text/html", headers=headers)


def _asset(file: Path, path: str, accepted: str) -> Response:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    kind = "text/javascript" if file.suffix == ".js" else kind
    # Names of assets hold a digest of their content.
    keep = "public, max-age=31536000, immutable" if path.startswith("assets/") else "public, max-age=3600"
    headers = {"Cache-Control": keep, "Vary": "Accept-Encoding"}
    if "gzip" in accepted and kind.startswith(_GZIPPED):
        headers["Content-Encoding"] = "gzip"
        return Response(_gzipped(file, file.stat().st_mtime_ns), media_type=kind, headers=headers)
    return Response(file.read_bytes(), media_type=kind, headers=headers)


@lru_cache(maxsize=256)
def _gzipped(file: Path, _changed: int) -> bytes:
    return gzip.compress(file.read_bytes(), 9, mtime=0)
