"""The journal: data versions, what each batch brought, and the publish that is under way.

A SQLite file beside the tables. A row in `batch` is the moment a publish counts; a row in `intent` lets the next
process finish or undo one that was killed in between.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from coterie.kit.moments import now

_TABLES = """
CREATE TABLE IF NOT EXISTS batch (
    data_version INTEGER PRIMARY KEY,
    dataset TEXT NOT NULL,
    batch_hash TEXT NOT NULL UNIQUE,
    replaced TEXT NOT NULL,
    facts TEXT NOT NULL,
    published_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS intent (data_version INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""

_RECORDS = "SELECT data_version, dataset, batch_hash, replaced, facts, published_at FROM batch"


class BatchRecord(NamedTuple):
    """One published batch. `facts` is what its publisher told: numbers read, accepted, rejected."""

    data_version: int
    dataset: str
    batch_hash: str
    replaced: tuple[str, ...]
    facts: Mapping[str, Any]
    published_at: datetime


class Intent(NamedTuple):
    """A publish under way.

    record : its record-to-be.
    files : by table, the files in their places.
    before : by table, what undoing must bring back (see `tables.growth`).
    """

    record: BatchRecord
    files: Mapping[str, Sequence[Sequence[Any]]]
    before: Mapping[str, str]


class Journal:
    """The journal file. Opened anew for each use, so that any thread and process may ask."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the tables."""
        with self._open() as db:
            db.executescript(_TABLES)

    def data_version(self) -> int:
        """The newest data version; 0 before the first publish."""
        with self._open() as db:
            return int(db.execute("SELECT coalesce(max(data_version), 0) FROM batch").fetchone()[0])

    def floor(self, table: str, data_version: int) -> int:
        """The newest publish up to `data_version` that replaced the table's rows, or 0."""
        with self._open() as db:
            query = (
                "SELECT data_version, replaced FROM batch WHERE data_version <= ? AND replaced != '[]' ORDER BY 1 DESC"
            )
            rows = db.execute(query, (data_version,))
            return next((int(version) for version, replaced in rows if table in json.loads(replaced)), 0)

    def batches(self, dataset: str | None = None) -> list[BatchRecord]:
        """All batches, oldest first."""
        with self._open() as db:
            if dataset is None:
                return [_record(row) for row in db.execute(f"{_RECORDS} ORDER BY 1")]
            return [_record(row) for row in db.execute(f"{_RECORDS} WHERE dataset = ? ORDER BY 1", (dataset,))]

    def find(self, batch_hash: str) -> BatchRecord | None:
        """The batch of that hash, if it was published."""
        with self._open() as db:
            row = db.execute(f"{_RECORDS} WHERE batch_hash = ?", (batch_hash,)).fetchone()
            return None if row is None else _record(row)

    def intents(self) -> list[Intent]:
        """Publishes that were begun and neither finished nor undone."""
        with self._open() as db:
            return [_intent(body) for (body,) in db.execute("SELECT body FROM intent ORDER BY data_version")]

    def begin(self, intent: Intent) -> None:
        """Write down what is about to be committed."""
        body = json.dumps({"record": _plain(intent.record), "files": intent.files, "before": intent.before})
        with self._open() as db, db:
            db.execute("INSERT INTO intent VALUES (?, ?)", (intent.record.data_version, body))

    def drop(self, data_version: int) -> None:
        """The publish was undone."""
        with self._open() as db, db:
            db.execute("DELETE FROM intent WHERE data_version = ?", (data_version,))

    def record(self, record: BatchRecord) -> None:
        """The publish counts from here on."""
        with self._open() as db, db:
            db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)", tuple(_plain(record).values()))
            db.execute("DELETE FROM intent WHERE data_version = ?", (record.data_version,))

    def backup(self, target: Path) -> None:
        """A consistent copy of the journal."""
        with self._open() as db:
            copy = sqlite3.connect(target)
            try:
                db.backup(copy)
            finally:
                copy.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=60)
        try:
            db.execute("PRAGMA synchronous = FULL")
            yield db
        finally:
            db.close()


def now_record(
    data_version: int, dataset: str, batch_hash: str, replaced: Sequence[str], facts: Mapping[str, Any]
) -> BatchRecord:
    """The record of a batch published at this moment."""
    return BatchRecord(data_version, dataset, batch_hash, tuple(replaced), facts, now())


def _plain(record: BatchRecord) -> dict[str, Any]:
    return {
        "data_version": record.data_version,
        "dataset": record.dataset,
        "batch_hash": record.batch_hash,
        "replaced": json.dumps(record.replaced),
        "facts": json.dumps(record.facts),
        "published_at": record.published_at.isoformat(),
    }


def _record(row: Sequence[Any]) -> BatchRecord:
    version, dataset, batch_hash, replaced, facts, published_at = row
    return BatchRecord(
        version,
        dataset,
        batch_hash,
        tuple(json.loads(replaced)),
        json.loads(facts),
        datetime.fromisoformat(published_at),
    )


def _intent(body: str) -> Intent:
    parsed = json.loads(body)
    return Intent(_record(list(parsed["record"].values())), parsed["files"], parsed["before"])
