"""What comes back from people, noted before they are answered: a file of lines that only grows, taken into the lake later.

A line is written to the operating system before the answer goes out, so that a killed process loses nothing; within a
second it is on disk, so that a machine that loses power loses at most that second. A process writes a file of its own
under a lock; where the lock is free and the file is still called `.open`, its writer died, and anybody may take it in.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from coterie.kit.disk import disk_errors

_OPEN, _CLOSED = ".open", ".hits"
_ODD = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_LONGEST = 500  # characters of a text in a line


class Hit(NamedTuple):
    """What one person, or a machine before them, did.

    event : as in `events`, or `visited`, `converted` of a landing page. run, n : the first 16 digits of a message's key,
    and the recipient's number; empty and 0 of a visitor whom nobody wrote to. at : seconds since 1970.
    number : of the link. reason : why it is a machine's; detail : what a provider says; visitor : at random.
    """

    event: str
    run: str
    n: int
    at: float
    number: int = 0
    reason: str = ""
    detail: str = ""
    page: str = ""
    version: int = 0
    visitor: str = ""
    receipt: bool = False

    def line(self) -> bytes:
        r"""As it is written.

        >>> Hit("clicked", "00ff", 7, 1.5, 2, detail="a\tb").line()
        b'clicked\t00ff\t7\t1.500000\t2\t\ta b\t\t0\t\t0\n'
        """
        head = (self.event, self.run, str(self.n), f"{self.at:.6f}", str(self.number), self.reason, self.detail)
        parts = (*head, self.page, str(self.version), self.visitor, str(int(self.receipt)))
        return (
            "\t".join(p[:_LONGEST] if p.isprintable() else _ODD.sub(" ", p)[:_LONGEST] for p in parts) + "\n"
        ).encode()


COLUMNS = {
    **dict.fromkeys(("event", "run"), "VARCHAR"),
    "n": "BIGINT",
    "moment": "DOUBLE",
    "number": "INTEGER",
    **dict.fromkeys(("reason", "detail", "page"), "VARCHAR"),
    "version": "INTEGER",
    "visitor": "VARCHAR",
    "receipt": "INTEGER",
}


class Journal:
    """The file that this process writes.

    >>> import tempfile
    >>> journal = Journal(Path(tempfile.mkdtemp()))
    >>> journal.note(Hit("clicked", "00ff", 7, 1.5)); closed(journal.folder)
    []
    >>> journal.turn(); [file.read_bytes().count(b"\\n") for file in closed(journal.folder)]
    [1]
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mutex = threading.Lock()
        self._path: Path | None = None
        self._file = -1
        self._dirty = False

    def note(self, *hits: Hit) -> None:
        """Write lines; from here on they outlive this process. Raises Failed: the disk is full."""
        with disk_errors(), self._mutex:
            if self._path is None:
                self._begin()
            content = b"".join(hit.line() for hit in hits)
            written = os.write(self._file, content)
            if written < len(content):  # the disk is full: no half line may stay, or the next one would hang on it
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise OSError(errno.ENOSPC, "the disk is full")
            self._dirty = True

    def sync(self) -> None:
        """Let the disk have what was written; called every second, and before an unsubscription is confirmed."""
        with disk_errors(), self._mutex:
            if self._dirty:
                os.fsync(self._file)
                self._dirty = False

    def turn(self) -> None:
        """Close the file, so that it can be taken in; the next line begins another."""
        with disk_errors(), self._mutex:
            if self._path is not None:
                os.fsync(self._file)
                self._path.rename(self._path.with_suffix(_CLOSED))
                os.close(self._file)  # gives the lock back
                self._path, self._dirty = None, False

    def _begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{time.time_ns():020}-{uuid.uuid4().hex[:8]}{_OPEN}"
        staged = path.with_suffix(".new")  # nobody takes in what is not locked yet
        self._file = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        staged.rename(path)
        self._path = path


def closed(folder: Path) -> list[Path]:
    """Files that can be taken in, oldest first; those of killed processes are closed now."""
    for path in sorted(folder.glob(f"*{_OPEN}")):
        with suppress(FileNotFoundError):
            _close_left(path)
    return sorted(folder.glob(f"*{_CLOSED}"))


def _close_left(path: Path) -> None:
    """Close what a killed process left, without a line that was cut off."""
    with path.open("r+b") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if path.exists() and path.stat().st_ino == os.fstat(handle.fileno()).st_ino:
            content = handle.read()
            handle.truncate(content.rfind(b"\n") + 1)
            os.fsync(handle.fileno())
            path.rename(path.with_suffix(_CLOSED))
