"""One Delta table on disk: its visible files, appends, and replacement of files by others that hold the same rows.

Files of shared tables lie in folders `coterie_publish=V/`; V, the data version, is the table's partition column.
Every file also has a column `_batch`, empty where V tells it, and filled once compaction has put rows of several
versions into one file. A row's version is `coalesce(_batch, coterie_publish)`: so a file need not know its version
when it is written, and compaction changes no past answer.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

PUBLISH = "coterie_publish"
MIXED = "mixed-"  # name of a file whose rows are of several data versions; its folder tells the newest


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
    """The table in `folder`, or None where there is none."""
    from deltalake import DeltaTable

    return DeltaTable(str(folder)) if (folder / "_delta_log").is_dir() else None


def relative_paths(table: DeltaTable) -> list[str]:
    """Paths of the current files, relative to the table's folder."""
    folder = unquote(table.table_uri.removeprefix("file://")).rstrip("/") + "/"
    return [unquote(uri.removeprefix("file://")).removeprefix(folder) for uri in table.file_uris()]


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


def take_in(staged: Path, folder: Path, version: int | None, *, mixed: bool = False) -> StagedFile:
    """Move a staged file into the table's folder, onto the disk for good."""
    import pyarrow.parquet as pq

    with staged.open("rb") as handle:
        os.fsync(handle.fileno())
        rows = pq.read_metadata(handle).num_rows
    name = f"{MIXED if mixed else ''}{uuid.uuid4().hex}.parquet"
    path = name if version is None else f"{PUBLISH}={version}/{name}"
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(target)
    return StagedFile(path, target.stat().st_size, rows, version)


def append(folder: Path, files: Sequence[StagedFile]) -> None:
    """Commit files that lie in their places; those already committed are passed over, so that it may be repeated."""
    from deltalake import Schema
    from deltalake.transaction import create_table_with_add_actions

    table = open_table(folder)
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


def withdraw(folder: Path, files: Sequence[StagedFile]) -> None:
    """Undo `append`: take the files out of the table and delete them."""
    table = open_table(folder)
    known = set(relative_paths(table)) if table is not None else set()
    if table is not None and (gone := [f for f in files if f.path in known]):
        table.create_write_transaction([_remove(f) for f in gone], "append", table.schema(), [PUBLISH])
    for f in files:
        (folder / f.path).unlink(missing_ok=True)


def swap(folder: Path, old: Sequence[str], new: Sequence[StagedFile], *, overwrite_schema: bool = False) -> None:
    """Replace files by others that hold the same rows, in one commit."""
    table = open_table(folder)
    assert table is not None, "only an existing table has files to swap"
    schema = _schema(folder, new, None if overwrite_schema else table)
    if overwrite_schema:
        table.create_write_transaction([_add(f) for f in new], "overwrite", schema, [PUBLISH])
        return
    gone = [StagedFile(path, (folder / path).stat().st_size, 0, version_of(path)) for path in old]
    removed = [_remove(f, data_change=False) for f in gone]
    table.create_write_transaction([*removed, *(_add(f, data_change=False) for f in new)], "append", schema, [PUBLISH])


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
    known = pa.schema(table.schema().to_arrow())
    return pa.unify_schemas([known, *(pa.schema([f]) for f in added if f.name not in known.names)])


def _read_schema(paths: Iterable[Path]) -> pa.Schema:
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pa.unify_schemas([pq.read_schema(p).remove_metadata() for p in paths])


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
