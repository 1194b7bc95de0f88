"""Versioned documents: put, get, list; each under a kind and a name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    and_,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError

from coterie.errors import Failed, NotFound, Refused, unknown_name
from coterie.kit.disk import disk_error
from coterie.kit.moments import now
from coterie.store import changes
from coterie.store.models import NAME_LENGTH, document

HEAD = "0002"
_TRIES = 50  # each time another process took the version's number first
_ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7221046)"}


# Questions ask the store dozens of times: put together once, a query takes half as long.
_OF_KIND = document.c.kind == bindparam("kind")
_VERSIONS = select(document).where(_OF_KIND, document.c.name == bindparam("name"))
_NEWEST = _VERSIONS.order_by(document.c.version.desc()).limit(1)
_ONE = _VERSIONS.where(document.c.version == bindparam("version"))
_HISTORY = _VERSIONS.where(~document.c.deleted).order_by(document.c.version)


def _newest_of(condition: ColumnElement[bool]) -> Select[Any]:
    newest = select(func.max(document.c.id)).where(condition).group_by(document.c.name)
    return select(document).where(document.c.id.in_(newest), ~document.c.deleted).order_by(document.c.name)


_ALL = _newest_of(_OF_KIND)
_SOME = _newest_of(and_(_OF_KIND, document.c.name.in_(bindparam("names", expanding=True))))


@dataclass(frozen=True)
class Document:
    """One version of a document."""

    kind: str
    name: str
    version: int
    body: Mapping[str, Any]
    created_at: datetime


class Store:
    """The metadata of one workspace.

    >>> store = Store.open("sqlite://")
    >>> store.put("tag", "vip", {"of": 1}), store.put("tag", "vip", {"of": 1}), store.put("tag", "vip", {"of": 2})
    (1, 1, 2)
    >>> store.get("tag", "vip").body, store.get("tag", "vip", 1).body
    ({'of': 2}, {'of': 1})
    >>> store.get("tag", "vop")
    Traceback (most recent call last):
    coterie.errors.NotFound: `unknown_name`: There is no tag "vop". Did you mean "vip"?
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._joint: ContextVar[Connection | None] = ContextVar("joint", default=None)

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store at a SQLAlchemy URL, bringing its tables to this version.

        Raises Refused(`newer_workspace`): a newer version of Coterie wrote it. Failed: `no_database`, `damaged`.
        """
        with _told():
            engine = _connected(url)
            with engine.connect() as connection:
                revision = _revision(connection)
            if revision is None or revision < HEAD:
                _migrate(engine)
        if revision is not None and revision > HEAD:
            engine.dispose()
            fix = "Upgrade Coterie; nothing was touched."
            raise Refused(
                "newer_workspace", f"The metadata is of version {revision}; this Coterie knows {HEAD}.", fix=fix
            )
        return cls(engine)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all changes of a block, or none where it raises; other processes wait, and see them at its end.

        >>> import contextlib
        >>> store = Store.open("sqlite://")
        >>> with contextlib.suppress(ValueError), store.together():
        ...     _ = store.put("tag", "vip", {})
        ...     raise ValueError
        >>> store.all("tag")
        []
        """
        with _told(), self._engine.begin() as connection:
            connection.exec_driver_sql(_ALONE[connection.dialect.name])
            token = self._joint.set(connection)
            try:
                yield
            finally:
                self._joint.reset(token)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection to read by: that of the changes under way, which sees them."""
        joint = self._joint.get()
        if joint is not None:
            yield joint
            return
        with self._engine.connect() as connection:
            yield connection

    def read(self, query: Select[Any], **values: Any) -> Sequence[Row[Any]]:
        """The rows of a query on the tables beside the documents."""
        with _told(), self._reading() as connection:
            return connection.execute(query, values).all()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction on the tables beside the documents."""
        with _told(), self._engine.begin() as connection:
            yield connection

    def revision(self) -> int:
        """A number that rises with every change to any document.

        >>> store = Store.open("sqlite://"); before = store.revision()
        >>> _ = store.put("tag", "vip", {}); store.revision() > before
        True
        """
        with _told(), self._reading() as connection:
            return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM document").scalar_one())

    def since(self, kinds: Iterable[str], revision: int) -> list[tuple[Document, bool]]:
        """Documents of these kinds that changed after a revision, oldest first, and whether the name was ended.

        >>> store = Store.open("sqlite://"); before = store.revision()
        >>> _ = store.put("tag", "vip", {}); store.delete("tag", "vip")
        >>> [(d.version, ended) for d, ended in store.since(["tag"], before)]
        [(1, False), (2, True)]
        """
        query = select(document).where(document.c.kind.in_(list(kinds)), document.c.id > revision)
        with _told(), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(document.c.id)).all()
        return [(_document(row), bool(row.deleted)) for row in rows]

    def put(self, kind: str, name: str, body: Mapping[str, Any]) -> int:
        """Store `body` as the newest version; an unchanged body makes none. Returns the version.

        Raises Refused: the name is too long. ValueError: the body holds NaN or infinity, which JSON has not.
        """
        if not 0 < len(name) <= NAME_LENGTH:
            message = f"The name of a {kind} has 1 to {NAME_LENGTH} characters."
            raise Refused("bad_argument", message, place=name[:40], fix="Choose another name.")
        plain = json.loads(json.dumps(body, default=str, allow_nan=False))
        for _ in range(_TRIES):
            newest = self._newest(kind, name)
            if newest is not None and not newest.deleted and newest.body == plain:
                return int(newest.version)
            version = 1 if newest is None else newest.version + 1
            if self._add(kind, name, version, plain):
                changes.note(kind, name, _told_body(newest), plain)
                return version
        raise _busy(kind, name)

    def find(self, kind: str, name: str, version: int | None = None) -> Document | None:
        """A document, or None; without `version` the newest, unless it was deleted."""
        if version is None:
            row = self._newest(kind, name)
        else:
            row = self._first(_ONE, kind=kind, name=name, version=version)
        return None if row is None or row.deleted else _document(row)

    def get(self, kind: str, name: str, version: int | None = None) -> Document:
        """A document. Raises NotFound, naming near names, or the versions there are."""
        found = self.find(kind, name, version)
        if found is not None:
            return found
        versions = [d.version for d in self.history(kind, name)] if version is not None else []
        if versions:
            fix = f"It has: {', '.join(map(str, versions[-8:]))}."
            raise NotFound("unknown_name", f'The {kind} "{name}" has no version {version}.', fix=fix)
        raise unknown_name(kind, name, [d.name for d in self.all(kind)])

    def all(self, kind: str, *, prefix: str = "") -> list[Document]:
        """The newest version of every document of a kind, by name.

        prefix : only names that begin so.
        """
        if not prefix:
            return self._documents(_ALL, kind=kind)
        return self._documents(_ALL.where(document.c.name.startswith(prefix, autoescape=True)), kind=kind)

    def some(self, kind: str, names: Iterable[str]) -> list[Document]:
        """The newest versions of the documents of these names, by name. Raises NotFound, as `get` does."""
        wanted = list(names)
        found = self._documents(_SOME, kind=kind, names=wanted)
        for name in sorted({*wanted} - {d.name for d in found}):
            self.get(kind, name)
        return found

    def history(self, kind: str, name: str) -> list[Document]:
        """All versions, oldest first."""
        return self._documents(_HISTORY, kind=kind, name=name)

    def delete(self, kind: str, name: str) -> None:
        """End a name; its history stays. Raises NotFound."""
        for _ in range(_TRIES):
            found = self.get(kind, name)
            if self._add(kind, name, found.version + 1, {}, deleted=True):
                changes.note(kind, name, found.body, None)
                return
        raise _busy(kind, name)

    def _newest(self, kind: str, name: str) -> Row[Any] | None:
        return self._first(_NEWEST, kind=kind, name=name)

    def _first(self, query: Select[Any], **values: Any) -> Row[Any] | None:
        with _told(), self._reading() as connection:
            return connection.execute(query, values).first()

    def _documents(self, query: Select[Any], **values: Any) -> list[Document]:
        with _told(), self._reading() as connection:
            return [_document(row) for row in connection.execute(query, values)]

    def _add(self, kind: str, name: str, version: int, body: Any, *, deleted: bool = False) -> bool:
        """Add a version; False where another process took its number first."""
        row = {"kind": kind, "name": name, "version": version, "body": body, "deleted": deleted, "created_at": now()}
        with _told():
            joint = self._joint.get()
            try:
                if joint is not None:
                    joint.execute(document.insert().values(row))
                else:
                    with self._engine.begin() as connection:
                        connection.execute(document.insert().values(row))
            except IntegrityError:
                if joint is not None:  # the whole block is lost
                    raise _busy(kind, name) from None
                return False
        return True


def _told_body(row: Row[Any] | None) -> Mapping[str, Any] | None:
    return None if row is None or row.deleted else row.body


def _busy(kind: str, name: str) -> Failed:
    return Failed("locked", f'Other processes keep changing {kind} "{name}".', fix="Run again.")


def _document(row: Row[Any]) -> Document:
    created = row.created_at.replace(tzinfo=UTC) if row.created_at.tzinfo is None else row.created_at.astimezone(UTC)
    return Document(row.kind, row.name, row.version, row.body, created)


@contextmanager
def _told() -> Iterator[None]:
    """Tell what hinders the database as what it is: disk, server, driver, address."""
    fix = "Check the setting `metadata_url`, and that the server runs."
    try:
        yield
    except DBAPIError as error:
        cause = error.orig or error
        if (told := disk_error(cause)) is not None:
            raise told from error
        if isinstance(error, OperationalError):
            raise Failed("no_database", f"{str(cause).splitlines()[0]}.", place="metadata_url", fix=fix) from error
        raise
    except ArgumentError as error:
        raise Refused("no_database", "This is no SQLAlchemy URL.", place="metadata_url", fix=fix) from error
    except ModuleNotFoundError as error:
        fix = 'Install it: pip install "coterie[postgres]".'
        raise Failed("missing_extra", f"The driver {error.name} is missing.", place="metadata_url", fix=fix) from error


def _connected(url: str) -> Engine:
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))  # a file does not go away
    if engine.dialect.name not in _ALONE:
        fix = "Give a sqlite:// or postgresql:// URL."
        raise Refused("no_database", f'"{engine.dialect.name}" is not supported.', place="metadata_url", fix=fix)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_pragmas)
    return engine


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _revision(connection: Connection) -> str | None:
    """The migration the database is at; read without alembic, whose import costs 0.8 s."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def _migrate(engine: Engine) -> None:
    """Bring the tables to HEAD in one transaction, one process at a time."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "coterie.store:migrations")
    with engine.begin() as connection:
        connection.exec_driver_sql(_ALONE[engine.dialect.name])
        if _revision(connection) != HEAD:
            config.attributes["connection"] = connection
            command.upgrade(config, HEAD)
