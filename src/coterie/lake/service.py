"""The lake of one workspace: publish batches under one lock, read any table as of a data version."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coterie.errors import Failed, Refused
from coterie.kit.disk import disk_errors as disk_errors  # other rooms take it from here
from coterie.kit.disk import disk_room, own_folder
from coterie.kit.locks import exclusive
from coterie.lake import tables
from coterie.lake.journal import BatchRecord, Intent, Journal, now_record
from coterie.lake.tables import StagedFile, TableFiles

COMMIT_BYTES = 1024 * 1024  # room a commit may need for logs and journal: it is not begun on a disk that has less
_CHANCES = 3  # stagings of one publish: the last is made inside the lock, so that it cannot be overtaken for ever
_DECODED_TWICE = re.compile(r"%[0-9A-Fa-f]{2}|\\")  # delta-rs 1.6 reads such a folder name as another folder's


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
        _refuse_folder(root)
        self.root, self._wait, self._read_only = root, lock_wait_seconds, read_only
        self._holder: int | None = None
        self.journal = Journal(root / "journal.sqlite")

    @classmethod
    def create(cls, root: Path) -> Lake:
        """Make an empty lake. Raises Refused: the folder's name cannot be used."""
        lake = cls(root)
        with disk_errors():
            root.mkdir(parents=True)
            lake.journal.create()
        return lake

    @classmethod
    def open(cls, root: Path, *, lock_wait_seconds: float = 60, read_only: bool = False) -> Lake:
        """Open a lake, and finish or undo what a killed process left.

        Where that cannot be done now, as on a full disk, it waits for the next publish: readers do not see it anyway.
        """
        if not (root / "journal.sqlite").exists():
            raise Failed(
                "damaged", "The lake's journal is missing.", place="lake/journal.sqlite", fix="Restore a backup."
            )
        lake = cls(root, lock_wait_seconds=lock_wait_seconds, read_only=read_only)
        with disk_errors():
            unfinished = lake.journal.intents()
        if unfinished and not read_only:
            with suppress(Failed), lake._alone(0):
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
        """Hold the one publish lock of the workspace, with nothing left half done; a thread may take it again inside.

        Raises Failed: `locked` after the waiting time, `read_only`, `disk_full`.
        """
        if self._holder == threading.get_ident():
            yield
            return
        with self._alone(self._wait):
            self.recover()
            yield

    @contextmanager
    def _alone(self, wait_seconds: float) -> Iterator[None]:
        self._refuse_read_only()
        with disk_errors(), exclusive(self.root / "publish.lock", wait_seconds):
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None

    def _refuse_read_only(self) -> None:
        if self._read_only:
            raise Failed("read_only", "The workspace was opened for reading only.", fix="Open it for writing.")

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A fresh folder on the lake's own disk; removed with all that was not published."""
        with disk_errors(), own_folder(self.root.parent / "staging") as folder:
            yield folder

    def files(self, table: str, data_version: int | None = None) -> TableFiles:
        """What to read of a table; no paths where nothing is visible, no columns where the table does not exist.

        data_version : beyond the newest it means the newest, so that no publish under way is seen.
        """
        newest = self.data_version
        version = newest if data_version is None else min(data_version, newest)
        delta = tables.open_table(self.root / table)
        if delta is None:
            return TableFiles(table, (), (), version, 0)
        floor = self.journal.floor(table, version)
        everything = tables.relative_paths(delta)
        paths = [p for p in everything if _may_hold(p, floor, version)]
        paths.sort(key=lambda p: (tables.version_of(p), p))
        visible = all(tables.version_of(p) <= version and (not floor or not tables.is_mixed(p)) for p in paths)
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
        found = []
        for folder, inside, _ in os.walk(self.root):  # unlike glob it bears folders that another process removes
            if tables.LOG in inside:
                found.append(Path(folder).relative_to(self.root).as_posix())
            inside[:] = [name for name in inside if name != tables.LOG and not name.startswith(tables.PUBLISH)]
        return sorted(found)

    def publish(self, batch_hash: str, stage: Callable[[int], Staged], *, dataset: str) -> Published:
        """Publish one batch, once.

        batch_hash : SHA-256 of what is published; the same again changes nothing.
        stage : makes the files against the data version it is given, outside the lock; again if another publish came
            between, since numbering and de-duplication depend on what is there, and the last time inside the lock.
        Raises Failed: the disk is full, or the lock is not to be had; nothing was published.
        """
        self._refuse_read_only()
        with disk_errors():
            for chance in range(1, _CHANCES + 1):
                if (known := self.journal.find(batch_hash)) is not None:
                    return Published(known.data_version, True, known.facts)
                base = self.data_version
                staged = stage(base)
                tables.flush(path for paths in staged.appends.values() for path in paths)
                with self.locked():
                    done = self._publish_on(batch_hash, dataset, base, staged, stage if chance == _CHANCES else None)
                if done is not None:
                    return done
            raise AssertionError("the last chance stages inside the lock")

    def _publish_on(
        self, batch_hash: str, dataset: str, base: int, staged: Staged, stage: Callable[[int], Staged] | None
    ) -> Published | None:
        """Publish what was staged against `base`; None if that is not the newest any more and `stage` is not given."""
        if (known := self.journal.find(batch_hash)) is not None:
            return Published(known.data_version, True, known.facts)
        if self.data_version != base:
            if stage is None:
                return None
            staged = stage(self.data_version)
        record = now_record(self.data_version + 1, dataset, batch_hash, staged.replace, staged.facts)
        self._commit(record, staged)
        return Published(record.data_version, False, record.facts)

    def recover(self) -> None:
        """Finish or undo publishes that a killed process left. Call with the lock held."""
        for intent in self.journal.intents():
            whole = all((self.root / table / f[0]).exists() for table, files in intent.files.items() for f in files)
            if whole:
                self._finish(intent)
            else:
                self._undo(intent)

    def replace_derived(self, table: str, paths: Sequence[Path]) -> int:
        """Make staged files the whole of a derived table; returns its Delta version. Takes no data version."""
        with disk_errors(), self.locked():
            folder = self.root / table
            with tables.taking_in(folder) as take:
                return tables.overwrite(folder, [take(p, None) for p in paths])

    def derived(self, table: str, version: int) -> TableFiles | None:
        """A derived table at one Delta version, or None where its files are gone and it must be built again."""
        delta = tables.open_table(self.root / table)
        if delta is None or version > delta.version():
            return None
        if version != delta.version() and not tables.go_back(delta, version):
            return None
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
        with disk_errors(), tables.taking_in(folder) as take:
            new = [take(p, self.data_version, mixed=True) for p in paths]
            tables.swap(folder, (), new, overwrite_schema=True)

    def _commit(self, record: BatchRecord, staged: Staged) -> None:
        """From the intent on, a kill leaves enough to finish; the deletion of a file tells the next one to undo."""
        disk_room(self.root, COMMIT_BYTES)
        placed: dict[str, list[StagedFile]] = {table: [] for table in staged.appends}
        deltas = {table: tables.open_table(self.root / table) for table in placed}
        try:
            before = {table: tables.growth(deltas[table], paths) for table, paths in staged.appends.items()}
            for table, paths in staged.appends.items():
                for path in paths:
                    placed[table].append(tables.take_in(path, self.root / table, record.data_version))
            files = {table: [list(f) for f in taken] for table, taken in placed.items()}
            intent = Intent(record, files, {t: schema for t, schema in before.items() if schema})
            self.journal.begin(intent)
            self._finish(intent, deltas)
        except BaseException:
            if self.journal.find(record.batch_hash) is None:
                self._give_up(placed)
            raise

    def _give_up(self, placed: Mapping[str, Sequence[StagedFile]]) -> None:
        for table, files in placed.items():
            tables.discard(self.root / table, files)
        with suppress(Exception):  # what cannot be undone now, as on a full disk, the next holder of the lock undoes
            for intent in self.journal.intents():
                self._undo(intent)

    def _finish(self, intent: Intent, deltas: Mapping[str, Any] | None = None) -> None:
        """deltas : the tables as they stand, where they are open already."""
        for table, files in intent.files.items():
            delta = tables.open_table(self.root / table) if deltas is None else deltas[table]
            tables.append(self.root / table, [StagedFile(*f) for f in files], delta)
        self.journal.record(intent.record)

    def _undo(self, intent: Intent) -> None:
        placed = {table: [StagedFile(*f) for f in files] for table, files in intent.files.items()}
        for table, files in placed.items():
            tables.discard(self.root / table, files)
        for table, files in placed.items():
            tables.withdraw(self.root / table, files, intent.before.get(table))
        self.journal.drop(intent.record.data_version)


def _refuse_folder(root: Path) -> None:
    if found := _DECODED_TWICE.search(str(root)):
        message = f'Delta tables cannot lie in a folder whose path has "{found[0]}" in it.'
        raise Refused("bad_argument", message, place=root.parent.name, fix="Rename the folder.")


def _may_hold(path: str, floor: int, version: int) -> bool:
    """A file of one version is in or out by its folder; a mixed one tells only its newest version."""
    newest = tables.version_of(path)
    return newest >= floor and (newest <= version or tables.is_mixed(path))
