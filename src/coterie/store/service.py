"""Versioned documents: put, get, list; each under a kind and a name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, and_, create_engine, event, func, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from coterie.errors import Failed, Refused, unknown_name
from coterie.kit.moments import now
from coterie.store.models import DocumentRow

HEAD = "0001"


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

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store at a SQLAlchemy URL, bringing its tables to this version.

        Raises Refused(`newer_workspace`): a newer version of Coterie wrote it.
        """
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _sqlite_pragmas)
        revision = _revision(engine)
        if revision is None or revision < HEAD:
            _migrate(engine)
        elif revision > HEAD:
            fix = "Upgrade Coterie; nothing was touched."
            raise Refused(
                "newer_workspace", f"The metadata is of version {revision}; this Coterie knows {HEAD}.", fix=fix
            )
        return cls(engine)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def put(self, kind: str, name: str, body: Mapping[str, Any]) -> int:
        """Store `body` as the newest version; an unchanged body makes none. Returns the version."""
        plain = json.loads(json.dumps(body, ensure_ascii=False, default=str))
        for _ in range(20):
            with Session(self._engine) as session:
                newest = _newest(session, kind, name)
                if newest is not None and not newest.deleted and newest.body == plain:
                    return newest.version
                version = 1 if newest is None else newest.version + 1
                session.add(DocumentRow(kind=kind, name=name, version=version, body=plain, created_at=now()))
                try:
                    session.commit()
                except IntegrityError:  # another process took the same version; look again
                    continue
                return version
        raise Failed("locked", f'Other processes keep changing {kind} "{name}".', fix="Run again.")

    def find(self, kind: str, name: str, version: int | None = None) -> Document | None:
        """A document, or None; without `version` the newest, unless it was deleted."""
        with Session(self._engine) as session:
            if version is None:
                row = _newest(session, kind, name)
                return None if row is None or row.deleted else _document(row)
            wanted = and_(DocumentRow.kind == kind, DocumentRow.name == name, DocumentRow.version == version)
            row = session.scalar(select(DocumentRow).where(wanted))
            return None if row is None else _document(row)

    def get(self, kind: str, name: str, version: int | None = None) -> Document:
        """A document. Raises NotFound, naming near names."""
        found = self.find(kind, name, version)
        if found is None:
            raise unknown_name(kind, name, [d.name for d in self.all(kind)])
        return found

    def all(self, kind: str) -> list[Document]:
        """The newest version of every document of a kind, by name."""
        newest = (
            select(func.max(DocumentRow.id))
            .where(DocumentRow.kind == kind)
            .group_by(DocumentRow.name)
            .scalar_subquery()
        )
        query = select(DocumentRow).where(DocumentRow.id.in_(newest), ~DocumentRow.deleted).order_by(DocumentRow.name)
        with Session(self._engine) as session:
            return [_document(row) for row in session.scalars(query)]

    def history(self, kind: str, name: str) -> list[Document]:
        """All versions, oldest first."""
        wanted = and_(DocumentRow.kind == kind, DocumentRow.name == name, ~DocumentRow.deleted)
        with Session(self._engine) as session:
            return [
                _document(row)
                for row in session.scalars(select(DocumentRow).where(wanted).order_by(DocumentRow.version))
            ]

    def delete(self, kind: str, name: str) -> None:
        """End a name; its history stays. Raises NotFound."""
        newest = self.get(kind, name)
        with Session(self._engine) as session:
            row = DocumentRow(kind=kind, name=name, version=newest.version + 1, body={}, deleted=True, created_at=now())
            session.add(row)
            session.commit()


def _newest(session: Session, kind: str, name: str) -> DocumentRow | None:
    query = select(DocumentRow).where(DocumentRow.kind == kind, DocumentRow.name == name)
    return session.scalar(query.order_by(DocumentRow.version.desc()).limit(1))


def _document(row: DocumentRow) -> Document:
    created = row.created_at if row.created_at.tzinfo else row.created_at.replace(tzinfo=UTC)
    return Document(row.kind, row.name, row.version, row.body, created)


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _revision(engine: Engine) -> str | None:
    """The migration the database is at; read without alembic, whose import costs 0.8 s."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "coterie.store:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
