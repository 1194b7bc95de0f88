"""Coming in and going out: the first admin, sign-in, the session, one's own sessions and tokens."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from coterie import __version__
from coterie.api import accounts
from coterie.api.access import RIGHTS, SCOPES, Right, Role
from coterie.api.accounts import Caller
from coterie.api.answers import answer
from coterie.api.door import In, address, cookie_name, drop_cookie, set_cookie, shared, who
from coterie.errors import Refused
from coterie.store.accounts import Account, Accounts, Entry


class SetupRequest(BaseModel):
    """The one-time token that `serve` printed, and who the first admin is.

    Without a password the admin gets an API token only, which is shown this once.
    """

    token: str = Field(max_length=200)
    name: str = Field(min_length=1, max_length=100)
    password: str | None = Field(None, max_length=1000)
    email: str | None = Field(None, max_length=320)
    api_token: bool | None = Field(None, description="Whether an API token is made; default: without a password.")


class LoginRequest(BaseModel):
    """Name and password."""

    name: str = Field(max_length=200)
    password: str = Field(max_length=1000)


class PasswordRequest(BaseModel):
    """The password one has, and the one to have."""

    old: str = Field(max_length=1000)
    new: str = Field(max_length=1000)


class TokenRequest(BaseModel):
    """What an API token is for, what it may do (default: all that you may) and how many days it lives."""

    name: str = Field(min_length=1, max_length=100)
    scopes: list[str] | None = None
    days: int | None = Field(None, ge=1, le=3660)


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    _open(app)
    _mine(app)
    _my_tokens(app)


def me(caller: Caller) -> dict[str, Any]:
    """Who the caller is and what they may do; `csrf` goes along with every change as X-CSRF-Token."""
    rights = [r for r in Right if r in caller.rights and r is not Right.ANYONE]
    token = None if caller.token is None else caller.token.name
    told = {"allowed": rights, "sees_personal": caller.sees_personal, "csrf": caller.csrf or None, "token": token}
    return {"user": {**caller.account.shown(), "name": caller.account.name}, **told}


def signed_in(request: Request, account: Account, action: str) -> Caller:
    """Start a session, ending the one that the browser had."""
    ws = shared(request)
    old = request.cookies.get(cookie_name(request, ws.settings))
    if old and (before := accounts.of_session(ws.store, ws.settings, old)) and before.session:
        Accounts(ws.store).end_sessions(id_=before.session.id)
    agent = request.headers.get("User-Agent", "")
    caller = accounts.start_session(ws.store, account, ws.settings, address(request), agent)
    accounts.audit(ws.store, Entry(account.name, "session", address(request), action, "session", account.name))
    return caller


def _open(app: FastAPI) -> None:
    @app.get("/api/v1/health")
    def health() -> dict[str, str]:
        """Answers while the process lives."""
        return {"status": "ok", "version": __version__}

    @app.get("/api/v1/openapi.json")
    def openapi(request: Request) -> Any:
        """This description."""
        return JSONResponse(request.app.openapi())

    @app.get("/api/v1/status")
    def status(request: Request) -> Any:
        """What a stranger sees: whether the first admin is to be made, whether there is a sign-in service, and whether
        the caller is signed in, so that a page need not ask what it would be refused; `me` is what GET /me would say."""
        ws = shared(request)
        users = Accounts(ws.store).any()
        told = {"version": __version__, "workspace": ws.path.name, "zone": ws.facts.zone, "currency": ws.facts.currency}
        caller = who(request) if users else None
        shown = {"users": users, "setup": not users, "oidc": bool(ws.settings["oidc_issuer"])}
        return answer({**told, **shown, "signed_in": caller is not None, "me": None if caller is None else me(caller)})

    @app.post("/api/v1/setup")
    def setup(body: SetupRequest, request: Request) -> Any:
        """Make the first admin: signed in if a password is given, and with an API token if not (or if asked for)."""
        ws = shared(request)
        account = accounts.set_up(ws.store, body.token, body.name, body.password, body.email)
        told: dict[str, Any] = {"name": account.name, "token": None}
        if body.api_token or (body.api_token is None and body.password is None):
            told["token"], made = accounts.make_token(ws.store, account, body.name, None, None)
            entry = Entry(account.name, "setup", address(request), "POST /api/v1/setup", "token", body.name, None, made)
            accounts.audit(ws.store, entry)
        if body.password is None:
            return answer(told)
        caller = signed_in(request, account, "POST /api/v1/setup")
        response = answer({**me(caller), **told})
        set_cookie(response, request, caller)
        return response

    @app.post("/api/v1/login")
    def login(body: LoginRequest, request: Request) -> Any:
        """Sign in; the session is a cookie, and `csrf` goes along with every change."""
        ws, where = shared(request), address(request)
        try:
            account = accounts.log_in(ws.store, body.name, body.password, where)
        except Refused as error:
            entry = Entry(body.name, "session", where, "POST /api/v1/login", "session", error.code)
            accounts.audit(ws.store, entry)
            raise
        caller = signed_in(request, account, "POST /api/v1/login")
        response = answer(me(caller))
        set_cookie(response, request, caller)
        return response


def _mine(app: FastAPI) -> None:
    @app.get("/api/v1/me")
    def who_am_i(door: In) -> Any:
        """Who you are and what you may do."""
        return answer(me(door.caller))

    @app.post("/api/v1/logout")
    def logout(door: In) -> Any:
        """End this session."""
        if door.caller.session is not None:
            Accounts(door.shared.store).end_sessions(id_=door.caller.session.id)
        response = answer({"signed_out": True})
        drop_cookie(response, door.request)
        return response

    @app.post("/api/v1/me/password")
    def password(body: PasswordRequest, door: In) -> Any:
        """Change your password; all sessions end, and this browser gets a new one."""
        store, account = door.shared.store, door.caller.account
        accounts.own_password(store, door.caller, body.old, body.new, address(door.request))
        door.note("user", account.name)
        if door.caller.session is None:
            return answer({"changed": True})
        caller = signed_in(door.request, account, "POST /api/v1/me/password")
        response = answer({"changed": True, **me(caller)})
        set_cookie(response, door.request, caller)
        return response

    @app.get("/api/v1/me/sessions")
    def sessions(door: In) -> Any:
        """Where you are signed in."""
        current = None if door.caller.session is None else door.caller.session.id
        return answer({"sessions": accounts.session_rows(door.shared.store, door.caller.account.id, current)})

    @app.delete("/api/v1/me/sessions/{session}")
    def end_session(session: str, door: In) -> Any:
        """End one of your sessions."""
        return answer(accounts.end_session(door.shared.store, session, door.caller.account.id))


def _my_tokens(app: FastAPI) -> None:
    @app.get("/api/v1/me/tokens")
    def tokens(door: In) -> Any:
        """Your API tokens, and the scopes that a new one can have."""
        mine = RIGHTS[Role(door.caller.account.role)] & door.caller.rights
        rows = accounts.token_rows(door.shared.store, door.caller.account.id)
        return answer({"tokens": rows, "scopes": [s for s in SCOPES if s in mine]})

    @app.post("/api/v1/me/tokens")
    def make_token(body: TokenRequest, door: In) -> Any:
        """A new API token, shown this once; it can do no more than what makes it."""
        given = (door.shared.store, door.caller.account, body.name, body.scopes, body.days)
        token, kept = accounts.make_token(*given, within=door.caller.rights)
        door.note("token", body.name, None, kept)
        return answer({**kept, "token": token})

    @app.delete("/api/v1/me/tokens/{token}")
    def end_token(token: str, door: In) -> Any:
        """Revoke one of your API tokens."""
        ended = accounts.end_token(door.shared.store, token, door.caller.account.id)
        door.note("token", str(ended["name"]), ended, None)
        return answer(ended)
