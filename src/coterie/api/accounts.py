"""People: passwords, sessions, API tokens, the first admin. What is kept is in `coterie.store.accounts`."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from coterie.api.access import RIGHTS, SCOPES, SEES_PERSONAL, Right, Role
from coterie.errors import NotFound, Refused, did_you_mean
from coterie.kit.moments import now
from coterie.settings import Settings
from coterie.store.accounts import Account, Accounts, Entry, Session, Token
from coterie.store.service import Store

LEAST_LETTERS, MOST_LETTERS = 10, 200  # of a password
_SETUP = "setup"  # the document with the digest of the one-time token
_NOTED_SECONDS = 60  # a session's last use is noted at most once a minute
_WINDOW = timedelta(minutes=15)  # in which failed sign-ins count
_MOST_FAILURES = {"both": 5, "address": 30, "name": 50}
_HASHING = threading.BoundedSemaphore(2)  # 64 MiB each: strangers must not fill the memory


@dataclass(frozen=True)
class Caller:
    """Who asks, and by what.

    rights : those of the role, or of these what the token carries.
    session : the session, for browsers; token : its name, for programs.
    key : what the browser holds.
    """

    account: Account
    rights: frozenset[Right]
    session: Session | None = None
    token: Token | None = None
    key: str = ""

    @property
    def sees_personal(self) -> bool:
        """Whether fields that identify people are shown."""
        return Role(self.account.role) in SEES_PERSONAL

    @property
    def through(self) -> str:
        """For the audit log."""
        return f"token {self.token.name}" if self.token is not None else "session"

    @property
    def csrf(self) -> str:
        """What a browser sends as X-CSRF-Token with every change: another site cannot know it."""
        return hmac.new(self.key.encode(), b"csrf", hashlib.sha256).hexdigest() if self.session else ""


# the first admin


def setup_token(store: Store) -> str | None:
    """A fresh one-time token that makes the first admin; None once there is a user."""
    if Accounts(store).any():
        return None
    token = secrets.token_urlsafe(24)
    store.put(_SETUP, _SETUP, {"sha256": digest(token), "created_at": now().isoformat()})
    return token


def set_up(store: Store, given: str, name: str, password: str | None, email: str | None = None) -> Account:
    """Make the first admin. Raises Refused(`not_allowed`): it is not the setup token, or it was used."""
    check_name(name)
    if password is not None:
        check_password(password, name)
    setup = store.find(_SETUP, _SETUP)
    used = setup is None or Accounts(store).any()
    if used or setup is None or not secrets.compare_digest(setup.body["sha256"], digest(given)):
        fix = "Start `coterie serve` and use the token it prints."
        raise Refused("not_allowed", "This is not the setup token.", place="token", fix=fix)
    store.delete(_SETUP, _SETUP)
    return add_user(store, name, Role.ADMIN, password=password, email=email)


# users


def add_user(
    store: Store, name: str, role: str, *, password: str | None = None, email: str | None = None, subject: str = ""
) -> Account:
    """A new user; without a password only a sign-in service or an API token lets them in."""
    check_name(name)
    if password is not None:
        check_password(password, name)
    hashed = None if password is None else _hash(password)
    given: dict[str, Any] = {"role": check_role(role), "email": email, "password": hashed, "subject": subject or None}
    return Accounts(store).add(unicodedata.normalize("NFKC", name).strip(), **given)


def change_user(
    store: Store,
    name: str,
    *,
    role: str | None = None,
    disabled: bool | None = None,
    password: str | None = None,
    email: str | None = None,
) -> tuple[Account, Account]:
    """Change a user; returns them before and after. A new role, password or a disabling ends all their sessions.

    Raises NotFound. Refused(`in_use`): nobody would be left who may administer.
    """
    accounts = Accounts(store)
    before = accounts.get(name)
    values: dict[str, Any] = {}
    if role is not None and check_role(role) != before.role:
        values["role"] = role
    if disabled is not None and disabled != before.disabled:
        values["disabled"] = disabled
    if password is not None:
        check_password(password, before.name)
        values["password"] = _hash(password)
    if email is not None and email != before.email:
        values["email"] = email or None
    if values.get("disabled") or values.get("role", Role.ADMIN) != Role.ADMIN:
        _keep_an_admin(accounts, before)
    if values:
        accounts.change(before.id, **values)
    if values.keys() & {"role", "disabled", "password"}:
        accounts.end_sessions(person=before.id)
    return before, accounts.get(name)


def _keep_an_admin(accounts: Accounts, leaving: Account) -> None:
    admins = [a for a in accounts.all() if a.role == Role.ADMIN and not a.disabled]
    if [a.id for a in admins] == [leaving.id]:
        fix = "Make somebody else admin first."
        raise Refused("in_use", f'"{leaving.name}" is the only admin.', place=leaving.name, fix=fix)


def check_name(name: str) -> None:
    """Refuse what cannot name a user or a token."""
    if not name.strip() or len(name) > 100 or any(unicodedata.category(c).startswith("C") for c in name):
        fix = "Use 1 to 100 visible characters."
        raise Refused("bad_argument", "This cannot be a name.", place="name", fix=fix)


def check_role(role: str) -> str:
    """The role. Raises Refused: there is no such role."""
    if role not in [r.value for r in Role]:
        fix = did_you_mean(role, [r.value for r in Role]) or f"There are: {', '.join(Role)}."
        raise Refused("bad_argument", f'There is no role "{role}".', place="role", fix=fix)
    return str(Role(role).value)


def check_password(password: str, name: str) -> None:
    """Refuse a password that is too short, too long, or too easy to guess."""
    said = None
    if not LEAST_LETTERS <= len(password) <= MOST_LETTERS:
        said = f"A password has {LEAST_LETTERS} to {MOST_LETTERS} characters."
    elif len(set(password)) < 5 or (len(name) > 3 and name.casefold() in password.casefold()):
        said = "This password is easy to guess."
    if said is not None:
        raise Refused("weak_password", said, place="password", fix="Use a few words, or let a manager choose one.")


# passwords


def _hash(password: str) -> str:
    with _HASHING:
        return str(_hasher().hash(password))


@lru_cache(maxsize=1)
def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher()  # argon2id, 64 MiB, 3 passes, 4 lanes: RFC 9106's second choice


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hash(secrets.token_urlsafe(16))


def _is_password(hashed: str | None, password: str) -> bool:
    """Whether it is the password; the same work where there is none, so that time does not tell who exists."""
    from argon2.exceptions import InvalidHashError, VerifyMismatchError

    known = hashed or _nobody()
    try:
        with _HASHING:
            _hasher().verify(known, password[: MOST_LETTERS + 1])
    except (VerifyMismatchError, InvalidHashError):
        return False
    return hashed is not None


def log_in(store: Store, name: str, password: str, address: str) -> Account:
    """Who that is. Raises Refused: `bad_login`; `too_many_tries` after too many that failed."""
    accounts = Accounts(store)
    _refuse_many(accounts, name, address)
    found = accounts.find(name)
    right = _is_password(None if found is None else found.password, password)
    if found is None or not right or found.disabled:
        accounts.failed(name, address)
        fix = "Check both; an admin can set a new password."
        raise Refused("bad_login", "Name or password is wrong.", place="password", fix=fix)
    accounts.forget_failures(name, address)
    return found


def _refuse_many(accounts: Accounts, name: str, address: str) -> None:
    since = now() - _WINDOW
    counted = {
        "both": accounts.failures(since, name=name, address=address),
        "address": accounts.failures(since, address=address),
        "name": accounts.failures(since, name=name),
    }
    if any(counted[what] >= most for what, most in _MOST_FAILURES.items()):
        fix = f"Wait {_WINDOW.seconds // 60} minutes."
        raise Refused("too_many_tries", "Too many sign-ins failed.", place="password", fix=fix)


def own_password(store: Store, caller: Caller, old: str, new: str, address: str) -> None:
    """Change one's own password, knowing the old one; other sessions end."""
    log_in(store, caller.account.name, old, address)
    check_password(new, caller.account.name)
    accounts = Accounts(store)
    accounts.change(caller.account.id, password=_hash(new))
    accounts.end_sessions(person=caller.account.id)


# sessions


def start_session(store: Store, account: Account, settings: Settings, address: str, agent: str) -> Caller:
    """Sign somebody in: always a new key, so that one planted before is worth nothing."""
    key, id_ = secrets.token_urlsafe(32), secrets.token_hex(8)
    accounts = Accounts(store)
    created, seen = _limits(settings)
    accounts.sweep_sessions(created, seen)
    accounts.add_session(id_, digest(key), account.id, address, agent)
    found = accounts.session(digest(key))
    assert found is not None, "just made"
    return Caller(account, RIGHTS[Role(account.role)], session=found[0], key=key)


def of_session(store: Store, settings: Settings, key: str) -> Caller | None:
    """Whose session that is; None where it ended or ran out."""
    accounts = Accounts(store)
    found = accounts.session(digest(key))
    if found is None:
        return None
    session, account = found
    created, seen = _limits(settings)
    if session.created_at < created or session.seen_at < seen or account.disabled:
        accounts.end_sessions(id_=session.id)
        return None
    if (now() - session.seen_at).total_seconds() > _NOTED_SECONDS:
        accounts.seen(session.id)
    return Caller(account, RIGHTS[Role(account.role)], session=session, key=key)


def _limits(settings: Settings) -> tuple[datetime, datetime]:
    """Sessions that began, or were last used, before these have run out."""
    moment = now()
    idle = timedelta(minutes=settings.number("session_idle_minutes"))
    return moment - timedelta(hours=settings.number("session_hours")), moment - idle


def session_rows(store: Store, person: int | None, current: str | None) -> list[dict[str, Any]]:
    """Sessions for people to look at."""
    return [
        {"session": s.id, "user": name, "created_at": s.created_at, "seen_at": s.seen_at, "address": s.address,
         "agent": s.agent, "current": s.id == current}
        for s, name in Accounts(store).sessions(person)
    ]  # fmt: skip


def end_session(store: Store, id_: str, person: int | None) -> dict[str, Any]:
    """End a session, of one person or of anybody. Raises NotFound."""
    accounts = Accounts(store)
    for found, name in accounts.sessions(person):
        if found.id == id_:
            accounts.end_sessions(id_=id_)
            return {"session": id_, "user": name, "ended": True}
    raise NotFound("unknown_name", "There is no such session.", place="session", fix="It may have ended.")


# API tokens


def make_token(
    store: Store,
    account: Account,
    name: str,
    scopes: Iterable[str] | None,
    days: int | None,
    *,
    within: frozenset[Right] | None = None,
) -> tuple[str, dict[str, Any]]:
    """A new API token, told this once, and what is kept of it.

    scopes : rights; none given means all that the person has. within : those it must not go beyond.
    """
    check_name(name)
    rights = RIGHTS[Role(account.role)] if within is None else within
    wanted = [s for s in SCOPES if s in rights] if scopes is None else [_scope(s, rights) for s in scopes]
    if days is not None and not 1 <= days <= 3660:
        raise Refused("bad_argument", "A token lives 1 to 3,660 days.", place="days", fix="Leave it out for ever.")
    if not wanted:
        raise Refused("bad_argument", "The token may do nothing.", place="scopes", fix="Give one scope at least.")
    token, id_ = "cot_" + secrets.token_urlsafe(32), secrets.token_hex(8)
    expires = None if days is None else now() + timedelta(days=days)
    Accounts(store).add_token(id_, digest(token), account.id, name, [str(s) for s in wanted], expires)
    return token, {"id": id_, "name": name, "user": account.name, "scopes": wanted, "expires_at": expires}


def _scope(name: str, rights: frozenset[Right]) -> Right:
    known = [s for s in SCOPES if s in rights]
    if name not in known:
        fix = did_you_mean(name, known) or f"There are: {', '.join(known)}."
        raise Refused("bad_argument", f'"{name}" is no scope that you can give.', place="scopes", fix=fix)
    return Right(name)


def of_token(store: Store, given: str) -> Caller | None:
    """Whose API token that is; None where it was revoked or ran out."""
    accounts = Accounts(store)
    found = accounts.token(digest(given))
    if found is None:
        return None
    token, account = found
    if account.disabled or (token.expires_at is not None and token.expires_at <= now()):
        return None
    if token.used_at is None or (now() - token.used_at).total_seconds() > _NOTED_SECONDS:
        accounts.used(token.id)
    scopes = {Right(s) for s in token.scopes if s in set(Right)}
    return Caller(account, RIGHTS[Role(account.role)] & (scopes | {Right.ANYONE}), token=token)


def token_rows(store: Store, person: int | None) -> list[dict[str, Any]]:
    """Tokens for people to look at."""
    return [
        {"id": t.id, "name": t.name, "user": name, "scopes": list(t.scopes), "created_at": t.created_at,
         "expires_at": t.expires_at, "used_at": t.used_at}
        for t, name in Accounts(store).tokens(person)
    ]  # fmt: skip


def end_token(store: Store, id_: str, person: int | None) -> dict[str, Any]:
    """Revoke a token, of one person or of anybody. Raises NotFound."""
    accounts = Accounts(store)
    for found, name in accounts.tokens(person):
        if found.id == id_:
            accounts.end_token(id_)
            return {"id": id_, "name": found.name, "user": name, "revoked": True}
    raise NotFound("unknown_name", "There is no such token.", place="token", fix="It may have been revoked.")


def audit(store: Store, *entries: Entry) -> None:
    """Write lines into the audit log."""
    Accounts(store).write(entries)


def digest(secret: str) -> str:
    """The SHA-256 that stands for a secret of 32 random bytes."""
    return hashlib.sha256(secret.encode()).hexdigest()
