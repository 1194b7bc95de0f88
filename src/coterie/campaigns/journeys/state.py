"""Where everybody is in a journey: one SQLite file, with a row for each time that somebody came in, and a log of moves.

Whatever is decided is written together with its log in one commit. Entries of the log go into the lake in order and are
dropped here afterwards; their numbers never come again.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from coterie.errors import Failed
from coterie.kit.disk import disk_errors
from coterie.kit.locks import exclusive

REACHED, PASSED, EXITED = "reached", "passed", "exited"
GOAL, LEFT, STOPPED = "goal", "left", "stopped"  # why people leave before the end
ENTRY = "entry"  # reason of the first step that somebody reaches
_SCHEMA = """
CREATE TABLE IF NOT EXISTS person (
    row INTEGER NOT NULL, entry INTEGER NOT NULL, step TEXT NOT NULL, entered REAL NOT NULL, since REAL NOT NULL,
    due REAL NOT NULL, batch INTEGER, ended REAL, PRIMARY KEY (row, entry));
CREATE INDEX IF NOT EXISTS live ON person (step, due) WHERE ended IS NULL;
CREATE TABLE IF NOT EXISTS log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, row INTEGER NOT NULL, entry INTEGER NOT NULL, step TEXT NOT NULL,
    event TEXT NOT NULL, reason TEXT, detail TEXT, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS sending (number INTEGER PRIMARY KEY AUTOINCREMENT, step TEXT NOT NULL UNIQUE, at REAL NOT NULL, run TEXT);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_CHOSEN = "CREATE TEMP TABLE IF NOT EXISTS chosen (row INTEGER PRIMARY KEY, due REAL, outcome TEXT, detail TEXT)"
_LIVE = "person INDEXED BY live WHERE ended IS NULL"
_LOG = "INSERT INTO log (row, entry, step, event, reason, detail, at)"
_TALLY = "SELECT step, event, reason, count(*) FROM log WHERE seq > ? GROUP BY step, event, reason"


class Person(NamedTuple):
    """Somebody in the journey: row of the entity, since when at the step, and since when in the journey (seconds)."""

    row: int
    since: float
    entered: float


class Move(NamedTuple):
    """How somebody goes on: the way they take, what is noted of it, and until when they wait at the next step."""

    row: int
    outcome: str
    detail: str | None = None
    due: float = 0.0


class Batch(NamedTuple):
    """People of a step whose message is on its way; `run` is the campaign's occurrence once that is planned."""

    number: int
    step: str
    run: str | None
    rows: Sequence[int]


class State:
    """The file of one journey, open. One process at a time changes it (`holding`); any may read.

    >>> import tempfile
    >>> state = State(Path(tempfile.mkdtemp()) / "state.sqlite")
    >>> state.enter([7, 9], "pause", 100.0, {7: 160.0, 9: 160.0}, {"seen": "1"})
    >>> state.move("pause", "end", [Move(7, "next")], 160.0, ends=True)
    >>> state.waiting(), [tally[:2] for tally in state.standing(0)[1]]
    ({'pause': 1}, [('end', 'passed'), ('end', 'reached'), ('pause', 'passed'), ('pause', 'reached')])
    >>> state.close()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(_CHOSEN)
            if not self._all("SELECT 1 FROM sqlite_master WHERE name = 'fact'"):  # who only looks waits for no writer
                with self._changing() as db:
                    for statement in _SCHEMA.split(";"):
                        db.execute(statement)
                    db.execute("INSERT OR IGNORE INTO fact VALUES ('token', ?)", (uuid.uuid4().hex[:16],))

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    @contextmanager
    def holding(self, wait_seconds: float = 0.2) -> Iterator[None]:
        """Be the one process that changes it, for a block. Raises Failed(`locked`): another is at it."""
        with ExitStack() as held:
            try:
                held.enter_context(exclusive(self.path.with_suffix(".lock"), wait_seconds))
            except Failed:
                message = "Another process moves this journey on."
                raise Failed("locked", message, place=self.path.parent.name, fix="Wait for it.") from None
            yield

    def fact(self, name: str, default: str = "") -> str:
        """What was noted under a name."""
        found = self._all("SELECT value FROM fact WHERE name = ?", (name,))
        return str(found[0][0]) if found else default

    def note(self, **facts: object) -> None:
        """Note facts by name."""
        with self._changing() as db:
            _note(db, facts)

    def at(self, step: str, *, due: float | None = None) -> list[Person]:
        """Who stands at a step with no message under way; with `due`, only those who may go on by then."""
        until = float("inf") if due is None else due
        sql = f"SELECT row, since, entered FROM {_LIVE} AND step = ? AND due <= ? AND batch IS NULL ORDER BY row"
        return [Person(*p) for p in self._all(sql, (step, until))]

    def everyone(self) -> list[Person]:
        """Who is in the journey and has no message under way."""
        sql = f"SELECT row, since, entered FROM {_LIVE} AND batch IS NULL ORDER BY row"
        return [Person(*p) for p in self._all(sql)]

    def steps(self) -> list[str]:
        """The steps at which people are."""
        return [str(step) for (step,) in self._all(f"SELECT DISTINCT step FROM {_LIVE} ORDER BY step")]

    def eligible(self, rows: Iterable[int], ended_before: float | None) -> list[int]:
        """Those of the rows that may come in: not in it now, and before never or only up to a moment."""
        hindered = "ended IS NULL" if ended_before is not None else "true"
        later = "" if ended_before is None else f" OR ended > {ended_before!r}"
        with self._choosing((row, 0.0, None, None) for row in rows) as db:
            sql = (
                f"SELECT row FROM chosen WHERE row NOT IN (SELECT row FROM person WHERE {hindered}{later}) ORDER BY row"
            )
            return [int(row) for (row,) in db.execute(sql).fetchall()]

    def enter(self, rows: Iterable[int], step: str, at: float, due: dict[int, float], facts: dict[str, str]) -> None:
        """Let people in at the first step, and note what was looked at, in one commit."""
        entry = "coalesce((SELECT max(p.entry) FROM person p WHERE p.row = c.row), 0) + 1"
        with self._choosing((row, due[row], None, None) for row in rows) as db:
            db.execute(
                f"INSERT INTO person (row, entry, step, entered, since, due) SELECT c.row, {entry}, ?, ?, ?, c.due FROM chosen c",
                (step, at, at),
            )
            db.execute(
                f"{_LOG} SELECT row, entry, step, '{REACHED}', '{ENTRY}', NULL, ? FROM {_LIVE} AND row IN"
                " (SELECT row FROM chosen) ORDER BY row",
                (at,),
            )
            _note(db, facts)

    def move(
        self, step: str, to: str, moves: Sequence[Move], at: float, *, ends: bool = False, batch: int | None = None
    ) -> None:
        """Let people go on to another step; `ends` says that it is the way out. batch : what they were sent is done."""
        with self._choosing((m.row, m.due, m.outcome, m.detail) for m in moves) as db:
            there = "FROM person p JOIN chosen c ON c.row = p.row WHERE p.ended IS NULL AND p.step = ? ORDER BY p.row"
            passed = f"{_LOG} SELECT p.row, p.entry, p.step, '{PASSED}', c.outcome, c.detail, ? {there}"
            db.execute(passed, (at, step))
            db.execute(f"{_LOG} SELECT p.row, p.entry, ?, '{REACHED}', p.step, NULL, ? {there}", (to, at, step))
            if ends:
                db.execute(f"{_LOG} SELECT p.row, p.entry, ?, '{PASSED}', NULL, NULL, ? {there}", (to, at, step))
            db.execute(
                "UPDATE person SET step = ?, since = ?, due = (SELECT due FROM chosen c WHERE c.row = person.row),"
                " batch = NULL, ended = ? WHERE ended IS NULL AND step = ? AND row IN (SELECT row FROM chosen)",
                (to, at, at if ends else None, step),
            )
            _close_batch(db, batch)

    def leave(self, rows: Iterable[int], reason: str, detail: str | None, at: float) -> None:
        """Let people out before the end, wherever they are."""
        with self._choosing((row, 0.0, None, None) for row in rows) as db:
            there = f"{_LIVE} AND row IN (SELECT row FROM chosen)"
            db.execute(
                f"{_LOG} SELECT row, entry, step, '{EXITED}', ?, ?, ? FROM {there} ORDER BY row", (reason, detail, at)
            )
            ending = "UPDATE person INDEXED BY live SET ended = ?, batch = NULL WHERE ended IS NULL AND row IN"
            db.execute(f"{ending} (SELECT row FROM chosen)", (at,))
            db.execute(f"DELETE FROM sending WHERE number NOT IN (SELECT batch FROM {_LIVE} AND batch IS NOT NULL)")

    def stop(self, at: float) -> int:
        """Let everybody out, and forget what was under way; returns how many left."""
        with self._changing() as db:
            log = f"{_LOG} SELECT row, entry, step, '{EXITED}', '{STOPPED}', NULL, ? FROM {_LIVE} ORDER BY row"
            count = db.execute(log, (at,)).rowcount
            db.execute("UPDATE person INDEXED BY live SET ended = ?, batch = NULL WHERE ended IS NULL", (at,))
            db.execute("DELETE FROM sending")
        return int(count)

    def hold(self, until: dict[int, float]) -> None:
        """Let people wait longer where they are."""
        with self._choosing((row, due, None, None) for row, due in until.items()) as db:
            due = "(SELECT due FROM chosen c WHERE c.row = person.row)"
            sql = f"UPDATE person INDEXED BY live SET due = {due} WHERE ended IS NULL"
            db.execute(f"{sql} AND row IN (SELECT row FROM chosen)")

    def claim(self, step: str, rows: Iterable[int], at: float) -> Batch:
        """Note, on disk, that these people are about to be sent the step's message."""
        with self._choosing((row, 0.0, None, None) for row in rows) as db:
            number = db.execute("INSERT INTO sending (step, at) VALUES (?, ?)", (step, at)).lastrowid
            sql = "UPDATE person INDEXED BY live SET batch = ? WHERE ended IS NULL AND step = ?"
            db.execute(f"{sql} AND row IN (SELECT row FROM chosen)", (number, step))
        found = self.batch(step)
        assert found is not None, "it was claimed just now"
        return found

    def batch(self, step: str) -> Batch | None:
        """The people of a step whose message is on its way."""
        found = self._all("SELECT number, step, run FROM sending WHERE step = ?", (step,))
        if not found:
            return None
        rows = self._all(f"SELECT row FROM {_LIVE} AND batch = ? ORDER BY row", (found[0][0],))
        number, own, run = found[0]
        return Batch(int(number), str(own), run, [int(row) for (row,) in rows])

    def planned(self, batch: Batch, run: str) -> None:
        """Note the occurrence that a batch became."""
        with self._changing() as db:
            db.execute("UPDATE sending SET run = ? WHERE number = ?", (run, batch.number))

    def under_way(self) -> list[tuple[str, str | None]]:
        """Steps with a message on its way, and its occurrence."""
        return [(str(s), r) for s, r in self._all("SELECT step, run FROM sending ORDER BY number")]

    def next_due(self) -> float | None:
        """When the next person may go on; None where nobody waits."""
        found = self._all(f"SELECT min(due) FROM {_LIVE}")
        return None if found[0][0] is None else float(found[0][0])

    def waiting(self) -> dict[str, int]:
        """How many stand at each step."""
        return {str(s): int(n) for s, n in self._all(f"SELECT step, count(*) FROM {_LIVE} GROUP BY step")}

    def there(self, step: str) -> list[tuple[int, float, float]]:
        """Everybody at a step: row, since when, and until when they wait (0: not by the clock)."""
        sql = f"SELECT row, since, due FROM {_LIVE} AND step = ? ORDER BY since DESC, row"
        return [(int(row), float(since), float(due)) for row, since, due in self._all(sql, (step,))]

    def waits(self) -> dict[str, tuple[float, float]]:
        """By step at which people are: since when who is there longest, and when the next is due (0: not by the clock)."""
        sql = f"SELECT step, min(since), min(due) FROM {_LIVE} GROUP BY step"
        return {str(step): (float(since), float(due)) for step, since, due in self._all(sql)}

    def standing(self, after: int) -> tuple[dict[str, int], list[tuple[str, str, str | None, int]]]:
        """`waiting`, and the log after a number by step, event and reason, of one and the same moment."""
        with disk_errors():
            self._db.execute("BEGIN")
            try:
                return self.waiting(), self._db.execute(_TALLY, (after,)).fetchall()
            finally:
                self._db.execute("COMMIT")

    def entries(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """The log after a number: seq, row, entry, step, event, reason, detail, at."""
        sql = "SELECT seq, row, entry, step, event, reason, detail, at FROM log WHERE seq > ? ORDER BY seq LIMIT ?"
        return self._all(sql, (after, limit))

    def forget(self, upto: int) -> None:
        """Drop entries that are in the lake."""
        with self._changing() as db:
            db.execute("DELETE FROM log WHERE seq <= ?", (upto,))

    def of_row(self, row: int, after: int) -> tuple[dict[str, Any] | None, list[tuple[Any, ...]]]:
        """Where somebody is (step, since, due; None where they are not in it), and their log after a number."""
        found = self._all("SELECT step, since, due, batch FROM person WHERE row = ? AND ended IS NULL", (row,))
        sql = "SELECT entry, step, event, reason, detail, at FROM log WHERE row = ? AND seq > ? ORDER BY seq"
        there = dict(zip(("step", "since", "due", "batch"), found[0], strict=True)) if found else None
        return there, self._all(sql, (row, after))

    def _all(self, sql: str, given: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with disk_errors():
            return self._db.execute(sql, given).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A commit; nothing where the block raises."""
        with disk_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _choosing(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[sqlite3.Connection]:
        """A commit with people in the table `chosen`."""
        with self._changing() as db:
            db.execute("DELETE FROM chosen")
            db.executemany("INSERT INTO chosen VALUES (?, ?, ?, ?)", rows)
            yield db


def _note(db: sqlite3.Connection, facts: dict[str, Any]) -> None:
    db.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", [(k, str(v)) for k, v in facts.items()])


def _close_batch(db: sqlite3.Connection, batch: int | None) -> None:
    if batch is not None:
        db.execute("DELETE FROM sending WHERE number = ?", (batch,))
