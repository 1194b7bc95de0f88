"""Noticing that someone changed a SQLite file, in microseconds."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path


class Watch:
    """Watches one SQLite file; each thread has a connection of its own, which only ever reads.

    `mark()` is a number that changes whenever another connection, of any process, has committed to the file; numbers of
    different threads have nothing to do with each other. Source: https://www.sqlite.org/pragma.html#pragma_data_version.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.sqlite"
    >>> writer = sqlite3.connect(file, isolation_level=None)
    >>> watch = Watch(file); before = watch.mark()
    >>> _ = writer.execute("CREATE TABLE t (x)")
    >>> watch.mark() != before, watch.mark() == watch.mark()
    (True, True)
    >>> watch.close(); writer.close()
    """

    def __init__(self, file: Path) -> None:
        self._file, self._mine = file, threading.local()
        self._opened: list[sqlite3.Connection] = []

    def mark(self) -> int:
        """The number of now, for this thread."""
        connection: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            uri = f"{self._file.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._mine.connection = connection
            self._opened.append(connection)
        return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the connections of all threads; a later `mark` opens new ones."""
        opened, self._opened, self._mine = self._opened, [], threading.local()
        for connection in opened:
            connection.close()
