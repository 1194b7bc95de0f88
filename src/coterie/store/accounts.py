"""Rows of people, sessions, API tokens, failed sign-ins and the audit log; what they mean stands in `coterie.api`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, String, Table, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from coterie.errors import Refused, unknown_name
from coterie.kit.moments import now
from coterie.store.models import account, api_token, audit, login_failure, session
from coterie.store.service import Store


@dataclass(frozen=True)
class Account:
    """A person. `password` is an argon2id hash, `subject` the issuer and subject at a sign-in service."""

    id: int
    name: str
    role: str
    email: str | None
    password: str | None
    subject: str | None
    disabled: bool
    created_at: datetime

    def shown(self) -> dict[str, Any]:
        """What people may see of it."""
        told = {"user": self.name, "role": self.role, "email": self.email, "disabled": self.disabled}
        ways = {"password": self.password is not None, "sign_in_service": self.subject is not None}
        return {**told, **ways, "created_at": self.created_at}


@dataclass(frozen=True)
class Session:
    """One browser in which somebody is signed in."""

    id: str
    account: int
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str


@dataclass(frozen=True)
class Token:
    """A key for programs; `scopes` are rights, never more than those of its person."""

    id: str
    account: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True)
class Entry:
    """One line of the audit log."""

    actor: str
    through: str
    address: str
    action: str
    kind: str
    name: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


class Accounts:
    """The rows in a store.

    >>> accounts = Accounts(Store.open("sqlite://"))
    >>> accounts.add("Ada", role="admin").name, accounts.find("ada").role
    ('Ada', 'admin')
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    # people

    def all(self) -> list[Account]:
        """Everyone, by name."""
        return [_account_of(row._asdict()) for row in self._rows(select(account).order_by(account.c.key))]

    def any(self) -> bool:
        """Whether there is anybody yet."""
        return bool(self._rows(select(account.c.id).limit(1)))

    def find(self, name: str) -> Account | None:
        """A person by name, in any capitals."""
        return _one(self._rows(select(account).where(account.c.key == key_of(name))))

    def get(self, name: str) -> Account:
        """A person by name. Raises NotFound."""
        found = self.find(name)
        if found is None:
            raise unknown_name("user", name, [a.name for a in self.all()])
        return found

    def of_subject(self, subject: str) -> Account | None:
        """A person by who they are to a sign-in service."""
        return _one(self._rows(select(account).where(account.c.subject == subject)))

    def add(
        self,
        name: str,
        *,
        role: str,
        email: str | None = None,
        password: str | None = None,
        subject: str | None = None,
    ) -> Account:
        """A new person. Raises Refused(`bad_argument`): there is one of that name."""
        row: dict[str, Any] = {"key": key_of(name), "name": name, "role": role, "email": email, "password": password}
        row |= {"subject": subject, "disabled": False, "created_at": now()}
        try:
            with self._store.transaction() as connection:
                connection.execute(insert(account).values(row))
        except IntegrityError:
            fix = "Choose another name."
            raise Refused("bad_argument", f'There is a user "{name}".', place="name", fix=fix) from None
        return self.get(name)

    def change(self, id_: int, **values: Any) -> None:
        """Change columns of a person."""
        self._do(update(account).where(account.c.id == id_).values(**values))

    # sessions

    def add_session(self, id_: str, digest: str, person: int, address: str, agent: str) -> None:
        """A new session."""
        row = {"id": id_, "digest": digest, "account": person, "created_at": now(), "seen_at": now()}
        self._do(insert(session).values(**row, address=address[:60], agent=agent[:300]))

    def session(self, digest: str) -> tuple[Session, Account] | None:
        """The session whose key has that SHA-256, and whose it is."""
        found = self._store.read(_SESSION, digest=digest)
        return None if not found else (_session(found[0]), _joined(found[0]))

    def sessions(self, person: int | None = None) -> list[tuple[Session, str]]:
        """Sessions with the person's name, last seen first; of all people, or of one."""
        query = select(*session.c, account.c.name.label("a_name")).join(account, account.c.id == session.c.account)
        if person is not None:
            query = query.where(session.c.account == person)
        return [(_session(row), row.a_name) for row in self._rows(query.order_by(session.c.seen_at.desc()))]

    def seen(self, id_: str) -> None:
        """Note that a session was used."""
        self._do(update(session).where(session.c.id == id_).values(seen_at=now()))

    def end_sessions(self, *, id_: str | None = None, person: int | None = None, but: str | None = None) -> int:
        """End one session, or all of a person `but` one; returns how many."""
        query = delete(session)
        for column, value in ((session.c.id, id_), (session.c.account, person)):
            query = query if value is None else query.where(column == value)
        if but is not None:
            query = query.where(session.c.id != but)
        return self._do(query)

    def sweep_sessions(self, created_before: datetime, seen_before: datetime) -> int:
        """Delete sessions that have run out."""
        return self._do(
            delete(session).where(or_(session.c.created_at < created_before, session.c.seen_at < seen_before))
        )

    # tokens

    def add_token(
        self, id_: str, digest: str, person: int, name: str, scopes: Sequence[str], expires_at: datetime | None
    ) -> None:
        """A new API token."""
        row = {"id": id_, "digest": digest, "account": person, "name": name, "scopes": list(scopes)}
        self._do(insert(api_token).values(**row, created_at=now(), expires_at=expires_at))

    def token(self, digest: str) -> tuple[Token, Account] | None:
        """The token with that SHA-256, and whose it is."""
        found = self._store.read(_TOKEN, digest=digest)
        return None if not found else (_token(found[0]), _joined(found[0]))

    def tokens(self, person: int | None = None) -> list[tuple[Token, str]]:
        """Tokens with the person's name, newest first; of all people, or of one."""
        query = select(*api_token.c, account.c.name.label("a_name")).join(account, account.c.id == api_token.c.account)
        if person is not None:
            query = query.where(api_token.c.account == person)
        return [(_token(row), row.a_name) for row in self._rows(query.order_by(api_token.c.created_at.desc()))]

    def used(self, id_: str) -> None:
        """Note that a token was used."""
        self._do(update(api_token).where(api_token.c.id == id_).values(used_at=now()))

    def end_token(self, id_: str) -> int:
        """Revoke a token; returns how many there were."""
        return self._do(delete(api_token).where(api_token.c.id == id_))

    # failed sign-ins

    def failed(self, name: str, address: str) -> None:
        """Note a sign-in that failed, and forget those of more than a day ago."""
        self._do(delete(login_failure).where(login_failure.c.at < now() - timedelta(days=1)))
        self._do(insert(login_failure).values(key=key_of(name), address=address[:60], at=now()))

    def forget_failures(self, name: str, address: str) -> None:
        """Forget them after a sign-in that went well."""
        mine = (login_failure.c.key == key_of(name)) & (login_failure.c.address == address[:60])
        self._do(delete(login_failure).where(mine))

    def failures(self, since: datetime, *, name: str | None = None, address: str | None = None) -> int:
        """How many failed since a moment, of a name, from an address, or both."""
        query = select(func.count()).select_from(login_failure).where(login_failure.c.at >= since)
        if name is not None:
            query = query.where(login_failure.c.key == key_of(name))
        if address is not None:
            query = query.where(login_failure.c.address == address[:60])
        return int(self._rows(query)[0][0])

    # audit

    def write(self, entries: Iterable[Entry]) -> None:
        """Add lines to the audit log."""
        at = now()
        rows = [{**_cut(entry), "at": at} for entry in entries]
        if rows:
            with self._store.transaction() as connection:
                connection.execute(insert(audit), rows)

    def audited(
        self,
        *,
        search: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        **exactly: str | None,
    ) -> tuple[list[dict[str, Any]], int]:
        """Lines, newest first, and how many there are in all.

        search : in actor, action and name; exactly : `actor`, `action`, `kind` or `name`.
        """
        conditions = [audit.c[column] == value for column, value in exactly.items() if value is not None]
        if since is not None:
            conditions.append(audit.c.at >= since)
        if until is not None:
            conditions.append(audit.c.at <= until)
        if search:
            columns = (audit.c.actor, audit.c.action, audit.c.name)
            conditions.append(or_(*(c.icontains(search, autoescape=True) for c in columns)))
        total = int(self._rows(select(func.count()).select_from(audit).where(*conditions))[0][0])
        query = select(audit).where(*conditions).order_by(audit.c.id.desc()).limit(limit).offset(offset)
        return [{**row._asdict(), "at": _utc(row.at)} for row in self._rows(query)], total

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._store.transaction() as connection:
            return connection.execute(query).all()

    def _do(self, statement: Any) -> int:
        with self._store.transaction() as connection:
            return int(connection.execute(statement).rowcount)


def key_of(name: str) -> str:
    """A name in small letters, by which people are told apart.

    >>> key_of(" Ada ")
    'ada'
    """
    return name.strip().casefold()[:400]


def _cut(entry: Entry) -> dict[str, Any]:
    cut = {c.name: c.type.length for c in audit.c if isinstance(c.type, String) and c.type.length}
    body = {name: getattr(entry, name) for name in entry.__dataclass_fields__}
    return {name: value[: cut[name]] if name in cut else value for name, value in body.items()}


def _with_account(table: Table) -> Select[Any]:
    """Rows of a table by their digest, each with its person's."""
    labelled = [c.label(f"a_{c.name}") for c in account.c]
    found = select(*table.c, *labelled).join(account, account.c.id == table.c.account)
    return found.where(table.c.digest == bindparam("digest"))


# Every request asks one of them: put together once, they take a third of the time.
_SESSION, _TOKEN = _with_account(session), _with_account(api_token)


def _joined(row: Row[Any]) -> Account:
    found = row._mapping
    return _account_of({name: found[f"a_{name}"] for name in Account.__dataclass_fields__})


def _account_of(row: Mapping[str, Any]) -> Account:
    kept = {name: row[name] for name in Account.__dataclass_fields__}
    return Account(**{**kept, "created_at": _utc(row["created_at"])})


def _session(row: Row[Any]) -> Session:
    return Session(row.id, row.account, _utc(row.created_at), _utc(row.seen_at), row.address, row.agent)


def _token(row: Row[Any]) -> Token:
    ends, used = (None if at is None else _utc(at) for at in (row.expires_at, row.used_at))
    return Token(row.id, row.account, row.name, tuple(row.scopes), _utc(row.created_at), ends, used)


def _one(rows: Sequence[Row[Any]]) -> Account | None:
    return _account_of(rows[0]._asdict()) if rows else None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
