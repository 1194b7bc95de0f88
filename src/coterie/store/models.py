"""The tables of the metadata store: SQLAlchemy's Core, since importing its ORM would delay every command."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

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

# A person. `key` is the name in small letters, so that two names never differ in capitals alone; `subject` is who they
# are to a sign-in service (issuer and subject), and `password` an argon2id hash. Either may be missing.
account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(400), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("email", String(320)),
    Column("role", String(20), nullable=False),
    Column("password", String(300)),
    Column("subject", String(600), unique=True),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

# Who is signed in where. Only the SHA-256 of what the browser holds is kept.
session = Table(
    "account_session",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("account", Integer, ForeignKey("account.id"), nullable=False, index=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("address", String(60), nullable=False),
    Column("agent", String(300), nullable=False),
)

# Keys for programs; `scopes` are the rights of `coterie.api.access`.
api_token = Table(
    "api_token",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("account", Integer, ForeignKey("account.id"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("used_at", DateTime(timezone=True)),
)

# Sign-ins that failed lately: too many make the next ones wait.
login_failure = Table(
    "login_failure",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(400), nullable=False, index=True),
    Column("address", String(60), nullable=False, index=True),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
)

# Who changed what, and when; never changed, never deleted.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
    Column("actor", String(200), nullable=False),
    Column("through", String(260), nullable=False),
    Column("address", String(60), nullable=False),
    Column("action", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("name", String(400), nullable=False),
    Column("before", JSON),
    Column("after", JSON),
)
