"""The table of the metadata store: SQLAlchemy's Core, since importing its ORM would delay every command."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, DateTime, Index, Integer, MetaData, String, Table, UniqueConstraint

NAME_LENGTH = 400

metadata = MetaData()

# One version of one definition or record: a dataset, a tag, an audience, a build, a snapshot, a model.
# Versions are only added; the newest counts. `deleted` marks a version that ends the name.
document = Table(
    "document",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("name", String(NAME_LENGTH), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("kind", "name", "version"),
    Index("ix_document_kind_name", "kind", "name"),
)
