"""One Delta table on disk: its visible files, appends, and replacement of files by others that hold the same rows.

Files of shared tables lie in folders `coterie_publish=V/`; V, the data version, is the table's partition column.
Every file also has a column `_batch`, empty where V tells it, and filled once compaction has put rows of several
versions into one file. A row's version is `coalesce(_batch, coterie_publish)`: so a file need not know its version
when it is written, and compaction changes no past answer.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote

from coterie.errors import Failed

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

PUBLISH = "coterie_publish"
NEW = "new"  # `growth` of a table that the publish makes
LOG = "_delta_log"
MIXED = "mixed-"  # name of a file whose rows are of several data versions; its folder tells the newest
NUMBERED = "numbered-"  # name of a file of events in which `_row` holds the row number of each entity


class TableFiles(NamedTuple):
    """What to read of a table at one data version.

    paths : Parquet files, in the order of their versions.
    columns : (name, Delta type) of the table, without the partition column.
    data_version, floor : a row is visible if floor <= version <= data_version; floor is the last replacing publish.
    versioned : False for derived tables, whose files are whole answers.
    all_visible : every row of every file is visible, so nothing need be filtered.
    all_columns : every column stands in at least one of the files; older files may lack columns that came later.
    """

    table: str
    paths: tuple[Path, ...]
    columns: tuple[tuple[str, str], ...]
    data_version: int
    floor: int
    versioned: bool = True
    all_visible: bool = False
    all_columns: bool = False


class StagedFile(NamedTuple):
    """A Parquet file in its place in a table's folder, not yet committed. `path` is relative to the table."""

    path: str
    size_bytes: int
    rows: int
    version: int | None


def open_table(folder: Path) -> DeltaTable | None:
    """The table in `folder`, or None where there is none, or where a kill came before its first commit.

    Raises Failed(`damaged`): another program marked rows as deleted, which a list of files does not tell.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    if not (folder / LOG).is_dir():
        return None
    try:
        table = DeltaTable(str(folder))
    except TableNotFoundError:
        return None
    if "deletionVectors" in (table.protocol().reader_features or ()):
        fix = "Restore a backup; let other programs only read the lake."
        raise Failed("damaged", "Another program switched on deletion vectors.", place=folder.name, fix=fix)
    return table


def go_back(table: DeltaTable, version: int) -> bool:
    """Make `table` stand at an earlier Delta version; False where the log no longer reaches it."""
    from deltalake.exceptions import DeltaError

    try:
        table.load_as_version(version)
    except DeltaError:
        return False
    return True


def relative_paths(table: DeltaTable) -> list[str]:
    """Paths of the current files, relative to the table's folder."""
    folder = unquote(table.table_uri.removeprefix("file://")).rstrip("/") + "/"
    return [unquote(uri.removeprefix("file://")).removeprefix(folder) for uri in table.file_uris()]


def sizes_bytes(table: DeltaTable) -> dict[str, int]:
    """Current files and the sizes they were committed with."""
    import pyarrow as pa

    actions = pa.table(table.get_add_actions())
    return dict(zip(map(unquote, actions["path"].to_pylist()), actions["size_bytes"].to_pylist(), strict=True))


def arrow_schema(table: DeltaTable) -> pa.Schema:
    """The columns as Arrow writes them to Parquet, without the partition column."""
    import pyarrow as pa

    return pa.schema([f for f in pa.schema(table.schema().to_arrow()) if f.name != PUBLISH])


def column_types(table: DeltaTable) -> tuple[tuple[str, str], ...]:
    """(name, Delta type) of each column but the partition column."""
    return tuple((f.name, _type_name(json.loads(f.type.to_json()))) for f in table.schema().fields if f.name != PUBLISH)


def _type_name(parsed: Any) -> str:
    if isinstance(parsed, str):
        return parsed
    return f"array<{_type_name(parsed['elementType'])}>"


def version_of(path: str) -> int:
    """The data version in a file's folder name.

    >>> version_of("coterie_publish=17/a.parquet")
    17
    """
    return int(path.split("/", 1)[0].split("=", 1)[1])


def is_mixed(path: str | Path) -> bool:
    """Whether a file's rows are of several data versions."""
    return MIXED in Path(path).name


def is_numbered(path: str | Path) -> bool:
    """Whether a file's rows carry the row numbers of their entities.

    >>> is_numbered("coterie_publish=17/mixed-numbered-a.parquet"), is_numbered("coterie_publish=17/a.parquet")
    (True, False)
    """
    return NUMBERED in Path(path).name


def flush(paths: Iterable[Path]) -> None:
    """Bring staged files onto the disk for good: what is done before the lock is taken need not be done under it."""
    for path in paths:
        with path.open("rb") as handle:
            os.fsync(handle.fileno())


def take_in(
    staged: Path, folder: Path, version: int | None, *, mixed: bool = False, numbered: bool = False
) -> StagedFile:
    """Move a staged file into the table's folder."""
    import pyarrow.parquet as pq

    with staged.open("rb") as handle:
        os.fsync(handle.fileno())
        rows = pq.read_metadata(handle).num_rows
    name = f"{MIXED if mixed else ''}{NUMBERED if numbered else ''}{uuid.uuid4().hex}.parquet"
    path = name if version is None else f"{PUBLISH}={version}/{name}"
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(target)
    return StagedFile(path, target.stat().st_size, rows, version)


class Taker(Protocol):
    """`take_in` into one folder."""

    def __call__(self, staged: Path, version: int | None, *, mixed: bool = False, numbered: bool = False) -> StagedFile:
        """Move a staged file in."""


@contextmanager
def taking_in(folder: Path) -> Iterator[Taker]:
    """Gives `take_in` for `folder`; where the block fails, what it took in is deleted again."""
    taken: list[StagedFile] = []

    def take(staged: Path, version: int | None, *, mixed: bool = False, numbered: bool = False) -> StagedFile:
        taken.append(take_in(staged, folder, version, mixed=mixed, numbered=numbered))
        return taken[-1]

    try:
        yield take
    except BaseException:
        discard(folder, taken)
        raise


def discard(folder: Path, files: Iterable[StagedFile]) -> None:
    """Delete files, and their folders once these are empty; needs no room on the disk."""
    for f in files:
        (folder / f.path).unlink(missing_ok=True)
        with suppress(OSError):
            (folder / f.path).parent.rmdir()


def growth(table: DeltaTable | None, staged: Sequence[Path]) -> str | None:
    """What appending staged files will change of the table itself, for undoing it: `NEW`, its schema as JSON where the
    files bring columns, or None.

    Raises Failed(`type_changed`): a column of the files has another type than the table's.
    """
    if table is None:
        return NEW
    known = {f.name: _type_name(json.loads(f.type.to_json())) for f in table.schema().fields}
    brought = _type_names(_read_schema(staged))
    for name, kind in brought.items():
        if known.get(name, kind) != kind:
            message = f'Column "{name}" is of type {known[name]} by now; the rows come as {kind}.'
            raise Failed("type_changed", message, place=name, fix="Import again; nothing was published.")
    return None if brought.keys() <= known.keys() else str(table.schema().to_json())


def append(folder: Path, files: Sequence[StagedFile], table: DeltaTable | None) -> None:
    """Commit files that lie in their places; those already committed are passed over, so that it may be repeated.

    table : the table as it stands now, None where there is none.
    """
    from deltalake import Schema
    from deltalake.transaction import create_table_with_add_actions

    known = set(relative_paths(table)) if table is not None else set()
    fresh = [f for f in files if f.path not in known]
    if not fresh:
        return
    schema = _schema(folder, fresh, table)
    if table is None:
        create_table_with_add_actions(
            str(folder), Schema.from_arrow(schema), [_add(f) for f in fresh], mode="append", partition_by=[PUBLISH]
        )
    else:
        _add_columns(table, schema)
        table.create_write_transaction([_add(f) for f in fresh], "append", schema, [PUBLISH])
    _settle(folder)


def _settle(folder: Path) -> None:
    """Bring the newest commit onto the disk for good; delta-rs leaves that to the system."""
    log = folder / LOG
    for path in (max(log.glob("*.json")), log):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def withdraw(folder: Path, files: Sequence[StagedFile], before: str | None) -> None:
    """Undo `append` of files that were deleted; `before` is what `growth` told."""
    if before == NEW:
        shutil.rmtree(folder / LOG, ignore_errors=True)
        return
    table = open_table(folder)
    assert table is not None, "only an existing table was appended to"
    known = set(relative_paths(table))
    gone = {f.path for f in files}
    if before is not None and json.loads(before) != json.loads(table.schema().to_json()):
        _take_columns_back(folder, sorted(known - gone), table, before)
    elif known & gone:
        table.create_write_transaction(
            [_remove(f) for f in files if f.path in known], "append", table.schema(), [PUBLISH]
        )


def _take_columns_back(folder: Path, paths: Sequence[str], table: DeltaTable, before: str) -> None:
    """Delta can drop columns only by an overwrite, which must not add paths that it removes: so files get new names."""
    from deltalake import Schema

    links = [_linked(folder, path) for path in paths]
    table.create_write_transaction([_add(f) for f in links], "overwrite", Schema.from_json(before), [PUBLISH])


def _linked(folder: Path, path: str) -> StagedFile:
    import pyarrow.parquet as pq

    old = folder / path
    *marks, _ = old.name.split("-")
    new = old.with_name("-".join([*marks, f"{uuid.uuid4().hex}.parquet"]))
    try:
        new.hardlink_to(old)
    except OSError:  # a file system without links
        shutil.copy2(old, new)
    rows = pq.read_metadata(old).num_rows
    return StagedFile(new.relative_to(folder).as_posix(), new.stat().st_size, rows, version_of(path))


def swap(folder: Path, old: Sequence[str], new: Sequence[StagedFile], *, overwrite_schema: bool = False) -> None:
    """Replace files by others that hold the same rows, in one commit."""
    table = open_table(folder)
    assert table is not None, "only an existing table has files to swap"
    schema = _schema(folder, new, None if overwrite_schema else table)
    _let_go(folder, relative_paths(table) if overwrite_schema else old)
    if overwrite_schema:
        table.create_write_transaction([_add(f) for f in new], "overwrite", schema, [PUBLISH])
        return
    _add_columns(table, schema)
    gone = [StagedFile(path, (folder / path).stat().st_size, 0, version_of(path)) for path in old]
    removed = [_remove(f, data_change=False) for f in gone]
    table.create_write_transaction([*removed, *(_add(f, data_change=False) for f in new)], "append", schema, [PUBLISH])


def _let_go(folder: Path, paths: Iterable[str]) -> None:
    """Set the files' times to now: `vacuum` counts its hours from when a table let go of a file."""
    for path in paths:
        with suppress(FileNotFoundError):
            os.utime(folder / path)


def overwrite(folder: Path, files: Sequence[StagedFile]) -> int:
    """Make these files the whole of a derived table; returns its new Delta version."""
    from deltalake import Schema
    from deltalake.transaction import create_table_with_add_actions

    table = open_table(folder)
    schema = _read_schema([folder / f.path for f in files])
    if table is None:
        create_table_with_add_actions(
            str(folder), Schema.from_arrow(schema), [_add(f) for f in files], mode="overwrite"
        )
    else:
        _let_go(folder, relative_paths(table))
        table.create_write_transaction([_add(f) for f in files], "overwrite", schema)
    fresh = open_table(folder)
    assert fresh is not None
    return int(fresh.version())


def _schema(folder: Path, files: Iterable[StagedFile], table: DeltaTable | None) -> pa.Schema:
    """The schema of the table once these files belong to it."""
    import pyarrow as pa

    added = _read_schema([folder / f.path for f in files])
    if table is None:
        return pa.unify_schemas([added, pa.schema([(PUBLISH, pa.int64())])])
    known = arrow_schema(table).append(pa.field(PUBLISH, pa.int64()))
    return pa.unify_schemas([known, *(pa.schema([f]) for f in added if f.name not in known.names)])


def _read_schema(paths: Iterable[Path]) -> pa.Schema:
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pa.unify_schemas([pq.read_schema(p).remove_metadata() for p in paths])


def _type_names(schema: pa.Schema) -> dict[str, str]:
    from deltalake import Schema

    return {f.name: _type_name(json.loads(f.type.to_json())) for f in Schema.from_arrow(schema).fields}


def _add_columns(table: DeltaTable, schema: pa.Schema) -> None:
    from deltalake import Schema

    known = {f.name for f in table.schema().fields}
    if fresh := [f for f in Schema.from_arrow(schema).fields if f.name not in known]:
        table.alter.add_columns(fresh)


def _add(file: StagedFile, *, data_change: bool = True) -> AddAction:
    """Statistics hold the number of rows alone: identifiers and texts would outlive an erasure in the log."""
    from deltalake.transaction import AddAction

    values: dict[str, str | None] = {} if file.version is None else {PUBLISH: str(file.version)}
    stats = json.dumps({"numRecords": file.rows})
    return AddAction(file.path, file.size_bytes, values, _milliseconds(), data_change, stats)


def _remove(file: StagedFile, *, data_change: bool = True) -> RemoveAction:
    from deltalake.transaction import RemoveAction

    values: dict[str, str | None] = {} if file.version is None else {PUBLISH: str(file.version)}
    return RemoveAction(file.path, data_change, _milliseconds(), file.size_bytes, values)


def _milliseconds() -> int:
    import time

    return time.time_ns() // 1_000_000
