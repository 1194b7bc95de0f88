"""Full and read-only disks told as what they are, and scratch folders that do not outlive their process for long."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coterie.errors import Failed

_RUST_ERROR = re.compile(r"\(os error (\d+)\)")
_SQLITE_ERRORS = {"full": errno.ENOSPC, "readonly": errno.EROFS, "unable to open": errno.EROFS}
_YOUNG_SECONDS = 60  # a folder this young may not be locked by its maker yet


@contextmanager
def disk_errors() -> Iterator[None]:
    """Tell a full or read-only disk as what it is; every other error passes.

    >>> with disk_errors():
    ...     raise OSError(errno.ENOSPC, "No space left on device")
    Traceback (most recent call last):
    coterie.errors.Failed: `disk_full`: The disk is full. Free space and run again; what was published is untouched.
    """
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        told = disk_error(error)
        if told is None:
            raise
        raise told from error


def disk_error(error: BaseException) -> Failed | None:
    """The error for people behind one of the system, SQLite or delta-rs; None where the disk is not at fault."""
    match _number(error):
        case errno.ENOSPC | errno.EDQUOT:
            fix = "Free space and run again; what was published is untouched."
            return Failed("disk_full", "The disk is full.", fix=fix)
        case errno.EROFS | errno.EACCES | errno.EPERM:
            fix = "Check the folder's permissions and its file system."
            return Failed("read_only", "The workspace cannot be written to.", fix=fix)
    if isinstance(error, sqlite3.DatabaseError) and ("not a database" in str(error) or "malformed" in str(error)):
        return Failed("damaged", "A database file is unreadable.", fix="Restore a backup.")
    return None


def _number(error: BaseException) -> int | None:
    if isinstance(error, sqlite3.Error):
        return next((number for text, number in _SQLITE_ERRORS.items() if text in str(error)), None)
    number: int | None = getattr(error, "errno", None)
    if number is None and (match := _RUST_ERROR.search(str(error))):  # delta-rs gives the number in the text alone
        number = int(match[1])
    return number


def disk_room(folder: Path, needed_bytes: int) -> None:
    """Refuse early where the disk cannot hold what is about to be written.

    Raises Failed(`disk_full`).
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        message = f"{needed_bytes / 1e6:,.1f} MB are needed and {free / 1e6:,.1f} MB are free."
        raise Failed("disk_full", message, place=folder.name, fix="Free space and run again.")


@contextmanager
def own_folder(parent: Path) -> Iterator[Path]:
    """A fresh folder under `parent`, removed at the end; `sweep` leaves it alone while this process lives."""
    folder = parent / uuid.uuid4().hex
    folder.mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def sweep(parent: Path) -> int:
    """Remove the folders made by `own_folder` whose process was killed; returns how many."""
    removed = 0
    for folder in parent.glob("[0-9a-f]" * 32):
        if folder.is_dir() and time.time() - folder.stat().st_mtime > _YOUNG_SECONDS and _ownerless(folder):
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _ownerless(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
