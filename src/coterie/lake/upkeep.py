"""Keeping a lake small and safe: compaction, vacuum, backup and restore. No past answer changes by any of them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from coterie.errors import Failed, Refused, unknown_name
from coterie.kit.disk import disk_errors, sweep
from coterie.kit.disk import disk_room as disk_room  # other rooms take it from here
from coterie.lake import tables
from coterie.lake.service import COMMIT_BYTES, Lake

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

SMALL_BYTES = 32 * 1024 * 1024
ROW_GROUP_ROWS = 131_072


class Compacted(NamedTuple):
    """What compaction did to one table."""

    table: str
    files_before: int
    files_after: int
    rows: int


def compact(lake: Lake, table: str, *, small_bytes: int = SMALL_BYTES) -> Compacted:
    """Put the small files of a shared table together, each row keeping its data version; derived tables stay.

    small_bytes : files of at least this size stay as they are.
    """
    with disk_errors(), lake.locked():
        folder = lake.root / table
        delta = tables.open_table(folder)
        if delta is None:
            raise unknown_name("table", table, lake.table_names())
        _refuse_damaged(lake, table)
        paths = sorted(tables.relative_paths(delta), key=lambda p: (tables.version_of(p), p)) if _shared(delta) else []
        small = [p for p in paths if (folder / p).stat().st_size < small_bytes and not tables.is_numbered(p)]
        if len(small) < 2:
            return Compacted(table, len(paths), len(paths), 0)
        disk_room(lake.root, COMMIT_BYTES + sum((folder / p).stat().st_size for p in small))
        with lake.staging() as staging, tables.taking_in(folder) as take:
            merged = staging / "merged.parquet"
            rows = _merge(folder, small, merged, tables.arrow_schema(delta))
            newest = max(tables.version_of(p) for p in small)
            tables.swap(folder, small, [take(merged, newest, mixed=True)])
        return Compacted(table, len(paths), len(paths) - len(small) + 1, rows)


def unnumbered(lake: Lake, table: str, *, small_bytes: int = SMALL_BYTES) -> list[Path]:
    """The files of a table of events that lack row numbers, and the small ones that have them; none where nothing lacks."""
    paths = lake.whole(table).paths
    small = [p for p in paths if tables.is_numbered(p) and p.stat().st_size < small_bytes]
    lacking = [p for p in paths if not tables.is_numbered(p)]
    return [*lacking, *small] if lacking or len(small) > 1 else []


def exchange(lake: Lake, table: str, old: Sequence[Path], new: Path) -> bool:
    """Put a staged file with row numbers in the place of files that hold the same rows.

    False where another process took one of them away meanwhile: nothing was changed then.
    """
    with disk_errors(), lake.locked():
        folder = lake.root / table
        delta = tables.open_table(folder)
        paths = [p.relative_to(folder).as_posix() for p in old]
        if delta is None or not {*paths} <= {*tables.relative_paths(delta)}:
            return False
        versions = {tables.version_of(p) for p in paths}
        mixed = len(versions) > 1 or any(map(tables.is_mixed, paths))
        with tables.taking_in(folder) as take:
            tables.swap(folder, paths, [take(new, max(versions), mixed=mixed, numbered=True)])
        return True


def _shared(delta: DeltaTable) -> bool:
    """Whether the table is made of publishes; a derived one is written whole each time."""
    return tables.PUBLISH in delta.metadata().partition_columns


def _refuse_damaged(lake: Lake, table: str) -> None:
    if problems := _table_problems(lake, table):
        raise Failed("damaged", f"{problems[0][0].upper()}{problems[0][1:]}.", place=table, fix="Restore a backup.")


def _merge(folder: Path, paths: Sequence[str], target: Path, schema: pa.Schema) -> int:
    """Write all rows of `paths` to one file, in order, a full row group at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, waiting, kept = 0, 0, list[pa.Table]()
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for path in paths:
            for part in _parts(folder / path, schema, tables.version_of(path)):
                kept.append(part)
                waiting += part.num_rows
                if waiting >= ROW_GROUP_ROWS:
                    rows += _write(writer, kept)
                    kept, waiting = [], 0
        if kept:
            rows += _write(writer, kept)
    return rows


def _write(writer: Any, parts: Sequence[pa.Table]) -> int:
    import pyarrow as pa

    whole = pa.concat_tables(parts)
    writer.write_table(whole, row_group_size=ROW_GROUP_ROWS)
    return int(whole.num_rows)


def _parts(path: Path, schema: pa.Schema, version: int) -> Iterator[pa.Table]:
    """The rows of a file, a row group at a time, with all columns and `_batch` filled."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            part = file.read_row_group(group)
            columns = [
                part[f.name].cast(f.type) if f.name in part.column_names else pa.nulls(part.num_rows, f.type)
                for f in schema
            ]
            filled = pa.table(columns, schema=schema)
            batch = pc.fill_null(filled["_batch"], version)
            yield filled.set_column(schema.get_field_index("_batch"), "_batch", batch)


def vacuum(lake: Lake, *, keep_hours: float = 24) -> int:
    """Delete files that no table has held for `keep_hours`, and what killed processes left; returns how many files.

    Readers that started before a compaction may still be reading the old files: hence the hours.
    """
    import time

    deadline = time.time() - keep_hours * 3600
    deleted = 0
    with disk_errors(), lake.locked():
        sweep(lake.root.parent / "staging")
        held = {path for name in lake.table_names() for path in _held(lake.root / name)}
        for path in list(lake.root.rglob("*.parquet")):
            if path not in held and tables.LOG not in path.parts and path.stat().st_mtime < deadline:
                path.unlink()
                deleted += 1
                with suppress(OSError):  # not empty
                    path.parent.rmdir()
    return deleted


def _held(folder: Path) -> list[Path]:
    delta = tables.open_table(folder)
    return [] if delta is None else [folder / p for p in tables.relative_paths(delta)]


def backup(lake: Lake, target: Path, together: Callable[[], None] = lambda: None) -> int:
    """Copy the lake into the new folder `target`; returns the number of files. Publishing waits while logs are copied.

    together : copies what must be of the very same moment; nothing is published meanwhile.

    Data files never change once written, so they are copied after the lock is given back. The folder has its name only
    once all is there: a backup that was killed leaves none.
    Raises Refused: `target` is there already.
    """
    with disk_errors(), _appearing(target) as folder:
        with lake.locked():
            lake.journal.backup(folder / "journal.sqlite")
            wanted = [path for name in lake.table_names() for path in _copy_log(lake, name, folder)]
            together()
        for path in wanted:
            copy = folder / path.relative_to(lake.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    return len(wanted)


def _copy_log(lake: Lake, table: str, target: Path) -> list[Path]:
    """Copy a table's log; returns the data files that belong to it."""
    shutil.copytree(lake.root / table / tables.LOG, target / table / tables.LOG)
    return _held(lake.root / table)


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """A folder to fill that becomes `target` in one step at the end, or leaves nothing."""
    if target.exists():
        fix = "Choose a folder that does not exist yet."
        raise Refused("bad_argument", f'There is a "{target.name}" already.', place=target.name, fix=fix)
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def restore(source: Path, target: Path) -> Lake:
    """Make a lake in the new folder `target` from a backup, and open it.

    Raises Refused: `target` is there already. Failed(`damaged`): files are missing in the backup.
    """
    with disk_errors(), _appearing(target) as folder:
        if problems := check(Lake.open(source, read_only=True)):
            raise Failed("damaged", f"The backup is not whole: {problems[0]}.", place=source.name, fix="Use another.")
        shutil.copytree(source, folder, dirs_exist_ok=True)
    return Lake.open(target)


def check(lake: Lake) -> list[str]:
    """What is wrong with the lake's files, in words; empty when all is well."""
    problems = [problem for name in lake.table_names() for problem in _table_problems(lake, name)]
    if lake.journal.intents():
        problems.append("a publish was interrupted and is not yet finished")
    return problems


def _table_problems(lake: Lake, table: str) -> list[str]:
    from deltalake.exceptions import DeltaError

    folder = lake.root / table
    try:
        delta = tables.open_table(folder)
        sizes = {} if delta is None else tables.sizes_bytes(delta)
    except (DeltaError, Failed) as error:
        return [f"table {table}: its log cannot be read ({str(error).splitlines()[0]})"]
    missing = [p for p in sizes if not (folder / p).exists()]
    if missing:
        return [f"table {table}: {len(missing)} of its files are missing, such as {missing[0]}"]
    cut = [p for p, size in sizes.items() if (folder / p).stat().st_size != size]
    if cut:
        return [f"table {table}: {len(cut)} of its files have changed in size, such as {cut[0]}"]
    return []


def trial_write(folder: Path) -> None:
    """Raise Failed where nothing can be written into `folder`."""
    with disk_errors():
        probe = folder / f".probe-{uuid.uuid4().hex}"
        probe.write_bytes(b"1")
        probe.unlink()
