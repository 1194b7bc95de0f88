"""The tables of the metadata store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Index, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAME_LENGTH = 400


class Base(DeclarativeBase):
    """Base of all tables."""


class DocumentRow(Base):
    """One version of one definition or record: a dataset, a tag, an audience, a build, a snapshot, a model.

    Versions are only added; the newest counts. `deleted` marks a version that ends the name.
    """

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("kind", "name", "version"), Index("ix_document_kind_name", "kind", "name"))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    version: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    deleted: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
