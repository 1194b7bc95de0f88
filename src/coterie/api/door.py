"""The way in: who asks, whether they may, the open workspace, and what is written into the audit log."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from coterie.api import accounts, masking
from coterie.api.access import ROUTES, Right, Role
from coterie.api.accounts import Caller
from coterie.api.masking import Mask
from coterie.audiences.life import About
from coterie.errors import Refused, unknown_name
from coterie.kit.plain import plain
from coterie.settings import Settings
from coterie.store import changes
from coterie.store.accounts import Entry
from coterie.workspace import Workspace

Language = Annotated[Literal["en", "zh"], Query(description="Language of sentences and labels.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=10**9)]
Search = Annotated[str, Query(max_length=200)]
Order = Annotated[Literal["asc", "desc"], Query()]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_AUDITED = 64 * 1024  # bytes of one side of a change; models are larger, and told by their size
_TOLD = frozenset(
    {
        "audience",
        "block",
        "tag",
        "recipe",
        "dataset",
        "alert",
        "destination",
        "segmentation",
        "cleanup",
        "campaign",
        "journey",
    }
)
_SECRETS = frozenset({"secret", "sha256", "password"})


@dataclass
class Door:
    """One request that was let in."""

    request: Request
    ws: Workspace
    caller: Caller
    notes: list[Entry] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.ws.settings

    @property
    def shared(self) -> Workspace:
        """The opening that all requests share."""
        return shared(self.request)

    @property
    def mask(self) -> Mask:
        """What the caller may not see."""
        return Mask.of(self.ws, self.caller)

    def note(
        self,
        kind: str,
        name: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        *,
        actor: str | None = None,
    ) -> None:
        """A line for the audit log that the metadata's documents do not tell."""
        action = f"{self.request.method} {self.request.scope['route'].path_format}"
        told = (_cut(before), _cut(after))
        who = (actor or self.caller.account.name, self.caller.through, address(self.request))
        self.request.state.notes.append(Entry(*who, action, kind, name, *told))


class GuardedRoute(APIRoute):
    """A route that asks the table of rights before anything of the request is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, guarded."""
        handle = super().get_route_handler()

        async def _guarded(request: Request) -> Response:
            request.state.notes = []
            right = ROUTES.get((request.method, self.path_format))
            request.state.caller, mask = await run_in_threadpool(_let_in, request, right)
            await _refuse_odd(request)
            if mask is not None:
                mask.refuse_tags(by.removeprefix("tag:") for by in request.query_params.getlist("by"))
            if request.method not in _SAFE and _is_watched(request.state.caller) and not _is_form(request):
                await run_in_threadpool(_check_reading, request, mask, await request.body())
            with changes.collected() as found, mask.over_words() if mask is not None else nullcontext():
                done = False
                try:
                    response = await handle(request)
                    done = response.status_code < 400
                finally:
                    changing = done and request.method not in _SAFE and right is not Right.READ
                    if found or request.state.notes or changing:
                        await run_in_threadpool(_write, request, self.path_format, list(found), changing)
            return response

        return _guarded


def shared(request: Request) -> Workspace:
    """The opening that all requests share: its index, metadata and queue may be used by any number of threads."""
    opened: Workspace = request.app.state.shared
    return opened


def address(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client is not None else "-"


def is_https(request: Request, settings: Settings) -> bool:
    """Whether the browser speaks HTTPS, to us or to a proxy before us."""
    return request.url.scheme == "https" or str(settings["public_url"]).startswith("https://")


def cookie_name(request: Request, settings: Settings) -> str:
    """`__Host-` ties the cookie to this host and to HTTPS."""
    return "__Host-coterie" if is_https(request, settings) else "coterie"


def set_cookie(response: Response, request: Request, caller: Caller) -> None:
    """Give the browser its session."""
    settings = shared(request).settings
    response.set_cookie(
        cookie_name(request, settings),
        caller.key,
        max_age=settings.number("session_hours") * 3600,
        path="/",
        secure=is_https(request, settings),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, request: Request) -> None:
    """Take the session from the browser."""
    settings = shared(request).settings
    name, secure = cookie_name(request, settings), is_https(request, settings)
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


def who(request: Request) -> Caller | None:
    """Who asks: by a bearer token, which never looks at cookies, else by a session; None for strangers."""
    ws = shared(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        return accounts.of_token(ws.store, token) if scheme.lower() == "bearer" else None
    key = request.cookies.get(cookie_name(request, ws.settings))
    return None if not key else accounts.of_session(ws.store, ws.settings, key)


def _let_in(request: Request, right: Right | None) -> tuple[Caller | None, Mask | None]:
    """Who asks, and what is hidden from them; None and None where anyone may."""
    if request.method not in _SAFE:
        _refuse_other_sites(request)
    if right is Right.ANYONE:
        return None, None
    caller = _permitted(request, right)
    return caller, None if caller.sees_personal else Mask.of(shared(request), caller)


def _permitted(request: Request, right: Right | None) -> Caller:
    caller = who(request)
    if caller is None:
        fix = "Sign in, or send `Authorization: Bearer TOKEN`."
        raise Refused("not_signed_in", "This needs a session or an API token.", place="Authorization", fix=fix)
    if right is None or right not in caller.rights:
        means = "token" if caller.token is not None else f"role {caller.account.role}"
        fix = "Ask an admin of this workspace."
        raise Refused("not_allowed", f"Your {means} does not permit this.", place=right or "route", fix=fix)
    if caller.session is not None and request.method not in _SAFE:
        given = request.headers.get("X-CSRF-Token", "")
        if not secrets.compare_digest(given.encode(), caller.csrf.encode()):
            fix = "Send the `csrf` of GET /api/v1/me as X-CSRF-Token."
            raise Refused("forged", "The session's token is missing or wrong.", place="X-CSRF-Token", fix=fix)
    return caller


def _refuse_other_sites(request: Request) -> None:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own = {request.headers.get("Host", ""), urlsplit(str(shared(request).settings["public_url"])).netloc}
    other = site not in (None, "same-origin", "none") or (origin is not None and urlsplit(origin).netloc not in own)
    if other:
        raise Refused("forged", "The request came from another site.", place="Origin", fix="Use the console itself.")


async def _refuse_odd(request: Request) -> None:
    """Refuse what no JSON has and databases cannot keep: NUL, half characters, NaN."""
    if "\0" in request.url.path or "%00" in request.url.query or "\0" in request.scope["path"]:
        raise Refused("bad_argument", "The address holds a NUL character.", place="path", fix="Leave it out.")
    if "json" not in request.headers.get("Content-Type", "").lower():
        return
    body = await request.body()
    if any(odd in body for odd in (b"\\u", b"NaN", b"Infinity", b"\xed", b"1e", b"1E", b"9e", b"9E")):
        await run_in_threadpool(_refuse_odd_body, body)


def _refuse_odd_body(body: bytes) -> None:
    try:
        json.dumps(json.loads(body), ensure_ascii=False, allow_nan=False).encode()
        odd = b"\\u0000" in body
    except (json.JSONDecodeError, RecursionError):
        return  # told where the body is read
    except ValueError:
        odd = True
    if odd:
        said = "The body holds NUL, half a character, or a number that is none."
        raise Refused("bad_argument", said, place="body", fix="Send plain JSON in UTF-8.")


def _is_watched(caller: Caller | None) -> bool:
    """Whether what a caller's rules read is looked at; an admin may read all."""
    return caller is not None and not (caller.sees_personal and caller.account.role == Role.ADMIN)


def _is_form(request: Request) -> bool:
    """Whether the body holds files, which nothing reads as JSON; of all others the type need not be believed."""
    return request.headers.get("Content-Type", "").lower().startswith("multipart/form-data")


def _check_reading(request: Request, mask: Mask | None, body: bytes) -> None:
    """Refuse rules and definitions that read what the caller may not see: hidden fields, and others' own audiences."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return  # told where the body is read
    ws = shared(request)
    if mask is not None:
        datasets = ws.catalog.datasets().values()
        there = any(mask.of_dataset(d).hides(f.name) for d in datasets for f in d.fields)
        mask.refuse_reading(asked, hidden_there=there)
    caller: Caller = request.state.caller
    if caller.account.role != Role.ADMIN:
        for name in masking.audiences_read(asked):
            known = ws.store.find("audience", name.partition("@")[0])
            if known is not None and not About.of(known.body).seen_by(caller.account.name):
                raise unknown_name("audience", name, [])


def _write(request: Request, path: str, found: list[changes.Change], changing: bool) -> None:
    """Write the audit log's lines: what the route noted, documents that changed, or else that it was done."""
    caller: Caller | None = request.state.caller
    entries: list[Entry] = list(request.state.notes)
    if caller is not None:
        head = (caller.account.name, caller.through, address(request), f"{request.method} {path}")
        told = [c for c in found if c.kind in _TOLD]
        entries += [Entry(*head, c.kind, c.name, _cut(c.before), _cut(c.after)) for c in told]
        if not entries and changing:
            entries = [Entry(*head, "request", str(next(iter(request.path_params.values()), "")))]
    accounts.audit(shared(request).store, *entries)


def _cut(body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A side of a change without secrets, and told by its size where it is large."""
    if body is None:
        return None
    shown = {k: "…" if k in _SECRETS else v for k, v in plain(body).items()}
    size = len(json.dumps(shown, default=str))
    return shown if size <= _MOST_AUDITED else {"bytes": size}


@contextmanager
def opened(app: FastAPI) -> Iterator[Workspace]:
    """The workspace for one piece of work, with what all share: index, metadata and queue."""
    common: Workspace = app.state.shared
    with common.again() as ws:
        yield ws


async def _door(request: Request) -> AsyncIterator[Door]:
    """The door, without a thread of its own: opening again takes some microseconds, and most have nothing to close."""
    ws = shared(request).again()
    try:
        yield Door(request, ws, request.state.caller)
    finally:
        if "engine" in ws.__dict__:
            await run_in_threadpool(ws.close)


In = Annotated[Door, Depends(_door)]
