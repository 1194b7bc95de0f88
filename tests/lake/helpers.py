"""Publishing small batches and reading them back, for the tests of the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from coterie.engines.duckdb import Engine, scan
from coterie.lake.service import Lake, Published, Staged

Columns = Mapping[str, Sequence[Any]]


def write_staged(folder: Path, table: str, columns: Columns | pa.Table) -> Path:
    """A staged Parquet file with an empty `_batch`."""
    data = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
    path = folder / f"{table.replace('/', '_')}-{len(list(folder.iterdir()))}.parquet"
    pq.write_table(data.append_column("_batch", pa.nulls(data.num_rows, pa.int64())), path)
    return path


def publish(
    lake: Lake,
    batch_hash: str,
    tables: Mapping[str, Columns | pa.Table],
    *,
    replace: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> Published:
    """Publish one file a table."""
    with lake.staging() as folder:

        def stage(_base: int) -> Staged:
            appends = {table: [write_staged(folder, table, columns)] for table, columns in tables.items()}
            return Staged(appends, facts or {}, replace)

        return lake.publish(batch_hash, stage, dataset="orders")


def read(engine: Engine, lake: Lake, table: str, version: int | None = None, columns: str = "*") -> list[Any]:
    """Rows of a table, sorted; single columns as plain values."""
    rows = engine.rows(f"SELECT {columns} FROM {scan(lake.files(table, version))}")
    return sorted([row[0] if len(row) == 1 else row for row in rows], key=repr)


def tree(folder: Path) -> dict[str, int]:
    """Every file below a folder and its size, but for SQLite's and locks."""
    return {
        p.relative_to(folder).as_posix(): p.stat().st_size
        for p in folder.rglob("*")
        if p.is_file() and p.suffix not in {".sqlite", ".lock"}
    }
