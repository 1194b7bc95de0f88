"""Users, everybody's sessions and tokens, and the audit log: for admins."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from coterie.api import accounts
from coterie.api.access import RIGHTS, Role
from coterie.api.answers import answer, page
from coterie.api.door import In, Limit, Offset, Order, Search
from coterie.store.accounts import Accounts


class UserRequest(BaseModel):
    """A new user; without a password only a sign-in service lets them in."""

    name: str = Field(min_length=1, max_length=100)
    role: str = Field(max_length=20)
    password: str | None = Field(None, max_length=1000)
    email: str | None = Field(None, max_length=320)


class ChangeRequest(BaseModel):
    """What of a user is to change."""

    role: str | None = Field(None, max_length=20)
    disabled: bool | None = None
    password: str | None = Field(None, max_length=1000)
    email: str | None = Field(None, max_length=320)


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    _users(app)
    _sessions(app)
    _audit(app)


def _users(app: FastAPI) -> None:
    @app.get("/api/v1/users")
    def users(
        door: In, search: Search = "", sort: str = "user", order: Order = "asc", limit: Limit = 100, offset: Offset = 0
    ) -> Any:
        """Everyone, and what each role may do."""
        rows = [a.shown() for a in Accounts(door.shared.store).all()]
        asked: dict[str, Any] = {"sort": sort, "order": order, "limit": limit, "offset": offset}
        found, total = page(rows, search=search, within=("user", "email", "role"), **asked)
        return answer({"users": found, "total": total, "roles": {r: sorted(RIGHTS[r]) for r in Role}})

    @app.post("/api/v1/users")
    def add(body: UserRequest, door: In) -> Any:
        """A new user."""
        given: dict[str, Any] = {"password": body.password, "email": body.email}
        made = accounts.add_user(door.shared.store, body.name, body.role, **given).shown()
        door.note("user", body.name, None, made)
        return answer(made)

    @app.put("/api/v1/users/{user}")
    def change(user: str, body: ChangeRequest, door: In) -> Any:
        """Change role, password or e-mail, or disable; all their sessions end."""
        before, after = accounts.change_user(door.shared.store, user, **body.model_dump())
        new = {"password": "changed"} if body.password is not None else {}
        door.note("user", before.name, before.shown(), {**after.shown(), **new})
        return answer(after.shown())


def _sessions(app: FastAPI) -> None:
    @app.get("/api/v1/sessions")
    def sessions(door: In, limit: Limit = 100, offset: Offset = 0) -> Any:
        """Who is signed in where."""
        current = None if door.caller.session is None else door.caller.session.id
        found, total = page(accounts.session_rows(door.shared.store, None, current), limit=limit, offset=offset)
        return answer({"sessions": found, "total": total})

    @app.delete("/api/v1/sessions/{session}")
    def end_session(session: str, door: In) -> Any:
        """End anybody's session."""
        ended = accounts.end_session(door.shared.store, session, None)
        door.note("session", str(ended["user"]), ended, None)
        return answer(ended)

    @app.get("/api/v1/tokens")
    def tokens(door: In, limit: Limit = 100, offset: Offset = 0) -> Any:
        """All API tokens."""
        found, total = page(accounts.token_rows(door.shared.store, None), limit=limit, offset=offset)
        return answer({"tokens": found, "total": total})

    @app.delete("/api/v1/tokens/{token}")
    def end_token(token: str, door: In) -> Any:
        """Revoke anybody's API token."""
        ended = accounts.end_token(door.shared.store, token, None)
        door.note("token", str(ended["name"]), ended, None)
        return answer(ended)


def _audit(app: FastAPI) -> None:
    @app.get("/api/v1/audit")
    def audit(
        door: In,
        search: Search = "",
        actor: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Any:
        """Who changed what and when, newest first, with before and after."""
        given: dict[str, Any] = {"actor": actor, "kind": kind, "name": name, "limit": limit, "offset": offset}
        given |= {"since": door.ws.moment(since, place="since"), "until": door.ws.moment(until, place="until")}
        rows, total = Accounts(door.shared.store).audited(search=search, **given)
        return answer({"entries": rows, "total": total})
