"""Keeping a lake small and safe: compaction, vacuum, backup and restore. No past answer changes by any of them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from coterie.errors import Failed, Refused
from coterie.lake import tables
from coterie.lake.service import Lake, disk_errors

if TYPE_CHECKING:
    import pyarrow as pa

SMALL_BYTES = 32 * 1024 * 1024


class Compacted(NamedTuple):
    """What compaction did to one table."""

    table: str
    files_before: int
    files_after: int
    rows: int


def compact(lake: Lake, table: str, *, small_bytes: int = SMALL_BYTES) -> Compacted:
    """Put the small files of a shared table together, each row keeping its data version.

    small_bytes : files of at least this size stay as they are.
    """
    with disk_errors(), lake.locked():
        folder = lake.root / table
        delta = tables.open_table(folder)
        if delta is None:
            raise Refused("unknown_name", f'There is no table "{table}".')
        paths = sorted(tables.relative_paths(delta), key=lambda p: (tables.version_of(p), p))
        small = [p for p in paths if (folder / p).stat().st_size < small_bytes]
        if len(small) < 2:
            return Compacted(table, len(paths), len(paths), 0)
        with lake.staging() as staging:
            merged = staging / "merged.parquet"
            rows = _merge(folder, small, merged)
            newest = max(tables.version_of(p) for p in small)
            placed = tables.take_in(merged, folder, newest, mixed=True)
            tables.swap(folder, small, [placed])
        return Compacted(table, len(paths), len(paths) - len(small) + 1, rows)


def _merge(folder: Path, paths: Sequence[str], target: Path) -> int:
    """Write all rows of `paths` to one file, in order, a row group at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.unify_schemas([pq.read_schema(folder / p).remove_metadata() for p in paths])
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for path in paths:
            for batch in _batches(folder / path, schema, tables.version_of(path)):
                writer.write_table(batch)
                rows += batch.num_rows
    return rows


def _batches(path: Path, schema: pa.Schema, version: int) -> Iterator[pa.Table]:
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
    """Delete files that no table holds any more and that are older than `keep_hours`; returns how many.

    Readers that started before a compaction may still be reading the old files: hence the hours.
    """
    import time

    deadline = time.time() - keep_hours * 3600
    deleted = 0
    with disk_errors(), lake.locked():
        lake.recover()
        for name in lake.table_names():
            folder = lake.root / name
            delta = tables.open_table(folder)
            assert delta is not None, "table_names lists tables only"
            held = {folder / p for p in tables.relative_paths(delta)}
            for path in folder.rglob("*.parquet"):
                if path not in held and "_delta_log" not in path.parts and path.stat().st_mtime < deadline:
                    path.unlink()
                    deleted += 1
    return deleted


def backup(lake: Lake, target: Path) -> int:
    """Copy the lake into the new folder `target`; returns the number of files. Publishing waits while logs are copied.

    Data files never change once written, so they are copied after the lock is given back.
    """
    with disk_errors():
        target.mkdir(parents=True)
        with lake.locked():
            lake.recover()
            lake.journal.backup(target / "journal.sqlite")
            wanted: list[Path] = []
            for name in lake.table_names():
                folder = lake.root / name
                shutil.copytree(folder / "_delta_log", target / name / "_delta_log")
                delta = tables.open_table(folder)
                assert delta is not None, "table_names lists tables only"
                wanted += [folder / p for p in tables.relative_paths(delta)]
        for path in wanted:
            copy = target / path.relative_to(lake.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    return len(wanted)


def check(lake: Lake) -> list[str]:
    """What is wrong with the lake's files, in words; empty when all is well."""
    problems = []
    for name in lake.table_names():
        folder = lake.root / name
        delta = tables.open_table(folder)
        assert delta is not None, "table_names lists tables only"
        missing = [p for p in tables.relative_paths(delta) if not (folder / p).exists()]
        if missing:
            problems.append(f"table {name}: {len(missing)} of its files are missing, such as {missing[0]}")
    if lake.journal.intents():
        problems.append("a publish was interrupted and is not yet finished")
    return problems


def disk_room(folder: Path, needed_bytes: int) -> None:
    """Refuse early where the disk cannot hold what is about to be written.

    Raises Failed(`disk_full`).
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        message = f"{needed_bytes / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free."
        raise Failed("disk_full", message, place=folder.name, fix="Free space and run again.")


def trial_write(folder: Path) -> None:
    """Raise Failed where nothing can be written into `folder`."""
    with disk_errors():
        probe = folder / f".probe-{uuid.uuid4().hex}"
        probe.write_bytes(b"1")
        probe.unlink()
