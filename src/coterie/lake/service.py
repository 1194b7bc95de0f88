"""The lake of one workspace: publish batches under one lock, read any table as of a data version."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coterie.errors import Failed
from coterie.kit.locks import exclusive
from coterie.lake import tables
from coterie.lake.journal import BatchRecord, Intent, Journal, now_record
from coterie.lake.tables import StagedFile, TableFiles


@dataclass(frozen=True)
class Staged:
    """What a publish brings.

    appends : by table, staged Parquet files in the staging folder; each has the table's columns and an empty `_batch`.
    facts : what to remember of the batch, JSON.
    replace : tables whose earlier rows are closed by this publish.
    """

    appends: Mapping[str, Sequence[Path]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    replace: Sequence[str] = ()


@dataclass(frozen=True)
class Published:
    """The result of a publish; `already`: the same batch had been published, and `facts` are those of then."""

    data_version: int
    already: bool
    facts: Mapping[str, Any]


class Lake:
    """Tables in `root`, one Delta table a folder; any number of processes may open it.

    A publish counts from the moment it is recorded in the journal. Readers see rows up to the newest recorded version
    only, so a publish that was killed half-way is invisible until the next opening finishes it.
    """

    def __init__(self, root: Path, *, lock_wait_seconds: float = 60, read_only: bool = False) -> None:
        self.root, self._wait, self._read_only = root, lock_wait_seconds, read_only
        self.journal = Journal(root / "journal.sqlite")

    @classmethod
    def create(cls, root: Path) -> Lake:
        """Make an empty lake."""
        root.mkdir(parents=True)
        lake = cls(root)
        lake.journal.create()
        return lake

    @classmethod
    def open(cls, root: Path, *, lock_wait_seconds: float = 60, read_only: bool = False) -> Lake:
        """Open a lake, and finish or undo what a killed process left."""
        if not (root / "journal.sqlite").exists():
            raise Failed(
                "damaged", "The lake's journal is missing.", place="lake/journal.sqlite", fix="Restore a backup."
            )
        lake = cls(root, lock_wait_seconds=lock_wait_seconds, read_only=read_only)
        if not read_only and lake.journal.intents():
            with lake.locked():
                lake.recover()
        return lake

    @property
    def data_version(self) -> int:
        """The newest data version; 0 before the first publish."""
        return self.journal.data_version()

    def batches(self, dataset: str | None = None) -> list[BatchRecord]:
        """Published batches, oldest first."""
        return self.journal.batches(dataset)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the one publish lock of the workspace."""
        with exclusive(self.root / "publish.lock", self._wait):
            yield

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A fresh folder on the lake's own disk; removed with all that was not published."""
        folder = self.root.parent / "staging" / uuid.uuid4().hex
        with disk_errors():
            folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def files(self, table: str, data_version: int | None = None) -> TableFiles:
        """What to read of a table; no paths where nothing is visible, no columns where the table does not exist."""
        version = self.data_version if data_version is None else data_version
        delta = tables.open_table(self.root / table)
        if delta is None:
            return TableFiles(table, (), (), version, 0)
        floor = self.journal.floor(table, version)
        everything = tables.relative_paths(delta)
        paths = [p for p in everything if _may_hold(p, floor, version)]
        paths.sort(key=lambda p: (tables.version_of(p), p))
        visible = all(tables.version_of(p) <= version and (not floor or not _mixed(p)) for p in paths)
        found = tuple(self.root / table / p for p in paths)
        complete = len(paths) == len(everything)
        columns = tables.column_types(delta)
        return TableFiles(table, found, columns, version, floor, all_visible=visible, all_columns=complete)

    def whole(self, table: str) -> TableFiles:
        """All files of a shared table, closed rows included: what `rewrite` must carry over."""
        files = self.files(table, sys.maxsize)
        if files.floor:
            delta = tables.open_table(self.root / table)
            assert delta is not None, "a table with a floor exists"
            paths = sorted(tables.relative_paths(delta), key=lambda p: (tables.version_of(p), p))
            files = files._replace(paths=tuple(self.root / table / p for p in paths), floor=0)
        return files._replace(all_visible=True, all_columns=True)

    def table_names(self) -> list[str]:
        """All tables, shared and derived."""
        return sorted(p.parent.relative_to(self.root).as_posix() for p in self.root.glob("**/_delta_log"))

    def publish(self, batch_hash: str, stage: Callable[[int], Staged], *, dataset: str) -> Published:
        """Publish one batch, once.

        batch_hash : SHA-256 of what is published; the same again changes nothing.
        stage : makes the files against the data version it is given; called outside the lock, and again inside it if
            another publish came between, since numbering and de-duplication depend on what is there.
        Raises Failed: the disk is full, or the lock is not to be had; nothing was published.
        """
        with disk_errors():
            if (known := self.journal.find(batch_hash)) is not None:
                return Published(known.data_version, True, known.facts)
            base = self.data_version
            staged = stage(base)
            with self.locked():
                self.recover()
                if (known := self.journal.find(batch_hash)) is not None:
                    return Published(known.data_version, True, known.facts)
                if self.data_version != base:
                    staged = stage(self.data_version)
                record = now_record(self.data_version + 1, dataset, batch_hash, staged.replace, staged.facts)
                self._commit(record, staged)
                return Published(record.data_version, False, record.facts)

    def recover(self) -> None:
        """Finish or undo publishes that a killed process left. Call with the lock held."""
        for intent in self.journal.intents():
            if intent.undo:
                self._undo(intent)
            else:
                self._finish(intent)

    def replace_derived(self, table: str, paths: Sequence[Path]) -> int:
        """Make staged files the whole of a derived table; returns its Delta version. Takes no data version."""
        with disk_errors(), self.locked():
            folder = self.root / table
            return tables.overwrite(folder, [tables.take_in(p, folder, None) for p in paths])

    def derived(self, table: str, version: int) -> TableFiles | None:
        """A derived table at one Delta version, or None where its files are gone and it must be built again."""
        delta = tables.open_table(self.root / table)
        if delta is None or version > delta.version():
            return None
        if version != delta.version():
            delta.load_as_version(version)
        paths = tuple(self.root / table / p for p in tables.relative_paths(delta))
        if not all(p.exists() for p in paths):
            return None
        return TableFiles(
            table, paths, tables.column_types(delta), version, 0, versioned=False, all_visible=True, all_columns=True
        )

    def rewrite(self, table: str, paths: Sequence[Path]) -> None:
        """Replace all files of a shared table by staged ones with the same rows and `_batch` filled, such as after
        widening a column. Call with the lock held."""
        folder = self.root / table
        new = [tables.take_in(p, folder, self.data_version, mixed=True) for p in paths]
        tables.swap(folder, (), new, overwrite_schema=True)

    def _commit(self, record: BatchRecord, staged: Staged) -> None:
        placed: dict[str, list[StagedFile]] = {}
        for table, paths in staged.appends.items():
            placed[table] = [tables.take_in(p, self.root / table, record.data_version) for p in paths]
        intent = Intent(record, {table: [list(f) for f in files] for table, files in placed.items()})
        self.journal.begin(intent)
        try:
            self._finish(intent)
        except Exception:
            self.journal.mark_undo(record.data_version)
            self._undo(intent)
            raise

    def _finish(self, intent: Intent) -> None:
        for table, files in intent.files.items():
            tables.append(self.root / table, [StagedFile(*f) for f in files])
        self.journal.record(intent.record)

    def _undo(self, intent: Intent) -> None:
        for table, files in intent.files.items():
            tables.withdraw(self.root / table, [StagedFile(*f) for f in files])
        self.journal.drop(intent.record.data_version)


def _mixed(path: str) -> bool:
    return Path(path).name.startswith(tables.MIXED)


def _may_hold(path: str, floor: int, version: int) -> bool:
    """A file of one version is in or out by its folder; a mixed one tells only its newest version."""
    newest = tables.version_of(path)
    return newest >= floor and (newest <= version or _mixed(path))


@contextmanager
def disk_errors() -> Iterator[None]:
    """Tell a full or read-only disk as what it is."""
    try:
        yield
    except OSError as error:
        raise _disk_error(error.errno, error) from error
    except sqlite3.OperationalError as error:
        text = str(error)
        code = errno.ENOSPC if "full" in text else errno.EROFS if "readonly" in text else None
        raise _disk_error(code, error) from error


def _disk_error(code: int | None, error: Exception) -> Exception:
    if code == errno.ENOSPC or "No space left" in str(error):
        return Failed(
            "disk_full", "The disk is full.", fix="Free space and run again; what was published is untouched."
        )
    if code in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Failed(
            "read_only",
            "The workspace cannot be written to.",
            fix="Check the folder's permissions and its file system.",
        )
    return error
