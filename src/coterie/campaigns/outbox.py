"""The outbox of one run: a SQLite file with a row a recipient, and the log of what happened to each.

A row goes pending -> attempting -> sent | failed | ...; `attempting` is on disk before the hand-over begins, and what
ended is written together with its event. Rows that are handed over singly are claimed some at a time; `marks` say of
those found attempting after a kill which were not begun or were taken. The rest is exactly what nobody knows.
Entries of the log are published into the lake in order and dropped here afterwards; their numbers never come again.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from coterie.campaigns import events, marks
from coterie.campaigns.marks import Marks
from coterie.errors import Failed
from coterie.kit.disk import disk_errors
from coterie.kit.locks import exclusive

PENDING, DEFERRED, ATTEMPTING, DONE, UNSURE, DEAD = range(6)
_OPEN = "state < 3"  # SQLite uses a partial index only where its very condition stands in the query
_ASLEEP = "recipient WHERE state = 1"  # found by their time: hundreds of thousands may be asleep while others are sent
_SCHEMA = """
CREATE TABLE recipient (
    n INTEGER PRIMARY KEY, row INTEGER NOT NULL, state INTEGER NOT NULL, due REAL NOT NULL DEFAULT 0,
    batch TEXT, tries INTEGER NOT NULL DEFAULT 0);
CREATE INDEX open ON recipient (state) WHERE state < 3;
CREATE INDEX asleep ON recipient (due) WHERE state = 1;
CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, row INTEGER NOT NULL, event TEXT NOT NULL, reason TEXT, detail TEXT,
    at REAL NOT NULL);
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT);
"""


class Row(NamedTuple):
    """A recipient who waits: number in the plan, row of the entity, and how often it was tried."""

    n: int
    row: int
    tries: int


class Entry(NamedTuple):
    """What happened to one recipient at a moment (seconds since 1970)."""

    row: int
    event: str
    at: float
    reason: str | None = None
    detail: str | None = None


class Done(NamedTuple):
    """How a row goes on: its new state, when it is due again (0: at once), and what is logged."""

    n: int
    state: int
    entries: Sequence[Entry] = ()
    due: float = 0.0
    tried: int = 0


class Open(NamedTuple):
    """Rows that have not ended."""

    pending: int
    deferred: int
    attempting: int


class Outbox:
    """An outbox that is open.

    One process at a time works on it (`holding`); any may read. All threads of that process share one connection, and
    what they write at the same time is one commit: a disk takes milliseconds to confirm one.

    >>> import tempfile
    >>> box = Outbox.create(Path(tempfile.mkdtemp()) / "outbox.sqlite", [(0, 7, PENDING, 0.0), (1, 9, PENDING, 0.0)])
    >>> box.claim([0], "b1"); box.write([Done(0, DONE, [Entry(7, "sent", 1.0)])])
    >>> box.open_rows(), box.tally()
    (Open(pending=1, deferred=0, attempting=0), [('sent', None, 1)])
    >>> box.close()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mutex, self._queue, self._waiting = threading.Lock(), list[_Write](), threading.Lock()
        with disk_errors():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA wal_autocheckpoint = 4000")

    @classmethod
    def create(cls, path: Path, rows: Iterable[tuple[int, int, int, float]]) -> Outbox:
        """Make an outbox of (n, row, state, due); it appears whole or not at all."""
        staged = path.with_suffix(".part")
        for leftover in path.parent.glob(f"{staged.name}*"):
            leftover.unlink()
        with disk_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(staged, isolation_level=None)
            db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA} BEGIN;")
            db.executemany("INSERT INTO recipient (n, row, state, due) VALUES (?, ?, ?, ?)", rows)
            db.execute("INSERT INTO fact VALUES ('token', ?)", (uuid.uuid4().hex[:16],))
            db.execute("COMMIT")
            db.close()
            with staged.open("rb+") as handle:
                os.fsync(handle.fileno())
            marks.forget(path)
            staged.replace(path)
        return cls(path)

    def close(self) -> None:
        """Give the file back."""
        with self._mutex:
            self._db.close()

    @contextmanager
    def holding(self) -> Iterator[bool]:
        """Be the one process that works on it, for a block; gives False where another one is."""
        lock = exclusive(self.path.with_suffix(".lock"), 0.2)  # who only looks takes it for a moment
        try:
            lock.__enter__()
        except Failed as error:
            if error.code != "locked":
                raise
            yield False
            return
        try:
            yield True
        finally:
            lock.__exit__(None, None, None)

    def held(self) -> bool:
        """Whether a process works on it now."""
        try:
            with self.path.with_suffix(".lock").open("a") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
                fcntl.flock(handle, fcntl.LOCK_UN)
        except BlockingIOError:
            return True
        return False

    @property
    def token(self) -> str:
        """Chosen at random when it was made: what a message's key begins with."""
        return str(self._one("SELECT value FROM fact WHERE name = 'token'"))

    def due(self, now: float, limit: int, after: int = -1) -> list[Row]:
        """Rows numbered above `after` that wait and may go out at `now`, in order."""
        waiting = f"recipient INDEXED BY open WHERE {_OPEN} AND state = {PENDING} AND n > ? AND due <= ?"
        found = self._all(f"SELECT n, row, tries FROM {waiting} ORDER BY n LIMIT ?", (after, now, limit))
        return [Row(*row) for row in found]

    def next_due(self) -> float | None:
        """When the next row that waits for its time may go out; None where none waits."""
        waiting = f"recipient INDEXED BY open WHERE {_OPEN} AND state = {PENDING}"
        found = self._one(
            f"SELECT min(due) FROM (SELECT min(due) AS due FROM {waiting} UNION ALL SELECT min(due) FROM {_ASLEEP})"
        )
        return None if found is None else float(str(found))

    def wake(self, now: float) -> None:
        """Rows whose quiet hours are over wait like the others."""
        if self._one(f"SELECT 1 FROM {_ASLEEP} AND due <= ? LIMIT 1", (now,)):
            self._run([(f"UPDATE recipient SET state = {PENDING} WHERE state = {DEFERRED} AND due <= ?", (now,))])

    def claim(self, ns: Sequence[int], batch: str) -> None:
        """Note, on disk, that these rows are about to be handed over."""
        sql = f"UPDATE recipient SET state = {ATTEMPTING}, batch = ? WHERE n IN (SELECT value FROM json_each(?))"
        self._run([(sql, (batch, json.dumps(list(ns))))])

    def write(self, done: Sequence[Done], claimed: Iterable[int] = (), batch: str = "") -> None:
        """Note how rows ended, and in the same commit that others are about to be handed over."""
        states = [(d.state, d.due, d.tried, d.n) for d in done]
        told = [(e.row, e.event, e.reason, e.detail, e.at) for d in done for e in d.entries]
        self._run([(_STATE, states), (_LOG, told), (_CLAIM, [(batch, n) for n in claimed])])

    def marks(self) -> Marks:
        """Marks for rows that are claimed from now on. Only after `settle`, by who holds it."""
        return Marks.fresh(self.path, self.token, int(str(self._one("SELECT max(n) FROM recipient"))) + 1)

    def settle(self) -> None:
        """What a killed process had claimed and not begun waits again; what it had seen taken is sent.

        Only who holds it may call it. What is attempting afterwards is what nobody knows.
        """
        claimed = [row for rows in self.cut_off().values() for row in rows]
        left = Marks.left(self.path, self.token) if claimed else None
        if left is not None:
            found = [(row, left.begun(row.n), left.taken(row.n)) for row in claimed]
            left.close()
            done = [
                Done(row.n, DONE, [Entry(row.row, events.SENT, at)], tried=1) for row, _, at in found if at is not None
            ]
            self.write([*done, *(Done(row.n, PENDING) for row, begun, _ in found if not begun)])
        marks.forget(self.path)

    def log(self, entries: Sequence[Entry]) -> None:
        """Note what happened without changing how the rows stand."""
        self._run([(_LOG, (e.row, e.event, e.reason, e.detail, e.at)) for e in entries])

    def finish(self, batch: str, at: float) -> None:
        """Note that a whole batch was sent."""
        waiting = f"recipient INDEXED BY open WHERE {_OPEN} AND state = {ATTEMPTING} AND batch = ?"
        insert = f"INSERT INTO log (row, event, at) SELECT row, '{events.SENT}', ? FROM {waiting} ORDER BY n"
        update = waiting.replace("WHERE", f"SET state = {DONE} WHERE", 1)
        self._run([(insert, (at, batch)), (f"UPDATE {update}", (batch,))])

    def cut_off(self) -> dict[str, list[Row]]:
        """Rows that were claimed and have not ended, by batch; after `settle` those whose hand-over was cut off."""
        sql = f"SELECT batch, n, row, tries FROM recipient INDEXED BY open WHERE {_OPEN} AND state = {ATTEMPTING} ORDER BY batch, n"
        found: dict[str, list[Row]] = {}
        for batch, *row in self._all(sql):
            found.setdefault(str(batch), []).append(Row(*row))
        return found

    def end_all(self, event: str, reason: str | None, at: float) -> int:
        """End everything that waits, such as by cancelling; returns how many."""
        waiting = f"state IN ({PENDING}, {DEFERRED})"
        count = int(str(self._one(f"SELECT count(*) FROM recipient WHERE {waiting}")))
        insert = f"INSERT INTO log (row, event, reason, at) SELECT row, ?, ?, ? FROM recipient WHERE {waiting}"
        self._run([(insert, (event, reason, at)), (f"UPDATE recipient SET state = {DONE} WHERE {waiting}", ())])
        return count

    def requeue(self, event: str, at: float) -> int:
        """Let rows that ended `uncertain` or `failed` wait again, under the same keys; returns how many."""
        chosen = f"state = {UNSURE if event == events.UNCERTAIN else DEAD}"
        count = int(str(self._one(f"SELECT count(*) FROM recipient WHERE {chosen}")))
        insert = f"INSERT INTO log (row, event, reason, at) SELECT row, '{events.REQUEUED}', ?, ? FROM recipient"
        state = f"UPDATE recipient SET state = {PENDING}, due = 0, tries = 0 WHERE {chosen}"
        self._run([(f"{insert} WHERE {chosen}", (event, at)), (state, ())])
        return count

    def standing(self, after: int) -> tuple[Open, list[tuple[str, str | None, int]]]:
        """`open_rows` and `tally` of one and the same moment."""
        token = self.token
        with disk_errors(), self._mutex:
            self._db.execute("BEGIN")
            try:
                return self._open_rows(token), self._db.execute(_TALLY, (after,)).fetchall()
            finally:
                self._db.execute("COMMIT")

    def open_rows(self) -> Open:
        """How many rows wait, are deferred, and are being handed over."""
        token = self.token
        with disk_errors(), self._mutex:
            return self._open_rows(token)

    def _open_rows(self, token: str) -> Open:
        sql = f"SELECT state, count(*) FROM recipient INDEXED BY open WHERE {_OPEN} GROUP BY state"
        counts = dict(self._db.execute(sql).fetchall())
        pending, deferred, claimed = (int(counts.get(state, 0)) for state in (PENDING, DEFERRED, ATTEMPTING))
        waiting = len(self._not_begun(self._db.execute(_CLAIMED).fetchall(), token)) if claimed else 0
        return Open(pending + waiting, deferred, claimed - waiting)

    def _not_begun(self, claimed: Iterable[tuple[int]], token: str) -> set[int]:
        """Those of rows that were claimed, by their numbers, whose hand-over surely did not begin."""
        left = Marks.left(self.path, token)
        if left is None:
            return set()
        found = {n for (n,) in claimed if not left.begun(n)}
        left.close()
        return found

    def not_ended(self) -> list[tuple[int, int]]:
        """Rows that have not ended, each with its state."""
        found = self._all(f"SELECT n, row, state FROM recipient INDEXED BY open WHERE {_OPEN} ORDER BY row")
        waiting = self._not_begun([(n,) for n, _, state in found if state == ATTEMPTING], self.token)
        return [(row, PENDING if n in waiting else state) for n, row, state in found]

    def tally(self, after: int = 0) -> list[tuple[str, str | None, int]]:
        """Entries of the log after a number: event, reason, how many."""
        return self._all(_TALLY, (after,))

    def log_size(self) -> int:
        """How many entries the log has."""
        return int(str(self._one("SELECT count(*) FROM log")))

    def entries(self, after: int, limit: int) -> list[tuple[int, int, str, str | None, str | None, float]]:
        """Entries after a number: seq, row, event, reason, detail, at."""
        sql = "SELECT seq, row, event, reason, detail, at FROM log WHERE seq > ? ORDER BY seq LIMIT ?"
        return self._all(sql, (after, limit))

    def of_row(self, row: int, after: int) -> tuple[int | None, list[Entry]]:
        """How one recipient stands (state), and what happened after a number."""
        found = self._all("SELECT n, state FROM recipient WHERE row = ?", (row,))
        state = None if not found else int(found[0][1])
        if state == ATTEMPTING and self._not_begun([(found[0][0],)], self.token):
            state = PENDING
        sql = "SELECT row, event, at, reason, detail FROM log WHERE row = ? AND seq > ? ORDER BY seq"
        return state, [Entry(*e) for e in self._all(sql, (row, after))]

    def forget(self, upto: int) -> None:
        """Drop entries that are in the lake."""
        self._run([("DELETE FROM log WHERE seq <= ?", (upto,))])

    def row_of(self, n: int) -> int | None:
        """The entity's row of a number in the plan."""
        found = self._one("SELECT row FROM recipient WHERE n = ?", (n,))
        return None if found is None else int(str(found))

    def _one(self, sql: str, given: Sequence[object] = ()) -> object:
        found = self._all(sql, given)
        return found[0][0] if found else None

    def _all(self, sql: str, given: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with disk_errors(), self._mutex:
            return self._db.execute(sql, given).fetchall()

    def _run(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        """Write, together with what other threads want written now; returns when it is on disk."""
        mine = _Write(statements)
        with self._waiting:
            self._queue.append(mine)
        with self._mutex:
            if not mine.written:
                with self._waiting:
                    taken, self._queue = self._queue, []
                self._commit(taken)
        if mine.error is not None:
            raise mine.error

    def _commit(self, taken: list[_Write]) -> None:
        try:
            with disk_errors():
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    for sql, given in _together(taken):
                        if isinstance(given, list):
                            self._db.executemany(sql, given)
                        else:
                            self._db.execute(sql, given)
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
        except BaseException as error:
            for write in taken:
                write.error = error
        for write in taken:
            write.written = True


class _Write:
    """Statements that one thread wants written together."""

    def __init__(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        self.statements = statements
        self.written = False
        self.error: BaseException | None = None


def _together(taken: Sequence[_Write]) -> Iterator[tuple[str, Sequence[object]]]:
    """What several threads want written, the same statement once for the rows of all: half the time of one by one."""
    rows: dict[str, list[object]] = {}
    for write in taken:
        for sql, given in write.statements:
            if isinstance(given, list):
                rows.setdefault(sql, []).extend(given)
            else:
                yield sql, given
    yield from ((sql, given) for sql, given in rows.items() if given)


_STATE = "UPDATE recipient SET state = ?, due = ?, tries = tries + ? WHERE n = ?"
_CLAIMED = f"SELECT n FROM recipient INDEXED BY open WHERE {_OPEN} AND state = {ATTEMPTING}"
_CLAIM = f"UPDATE recipient SET state = {ATTEMPTING}, batch = ? WHERE n = ?"
_TALLY = "SELECT event, reason, count(*) FROM log WHERE seq > ? GROUP BY event, reason ORDER BY event, reason"
_LOG = "INSERT INTO log (row, event, reason, detail, at) VALUES (?, ?, ?, ?, ?)"
