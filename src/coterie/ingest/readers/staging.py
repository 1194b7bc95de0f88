"""Rows that Python had to read, written by streaming to a Parquet file of text that the engine then reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BATCH_ROWS = 20_000
_BATCH_CHARACTERS = 8_000_000
RAW_CHARACTERS = 10_000  # a reject keeps this much of its row


class RowStage:
    """Collects rows of text cells with the line on which each begins, and rows that could not be split.

    `path` then holds columns `c0`, `c1`, ... and `_line`; `rejects_path` holds line, column, value, reason and raw.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self.path, self.rejects_path = folder / "rows.parquet", folder / "broken.parquet"
        self.rows = self.rejected = 0
        self._width = width
        self._pending: list[Sequence[str | None]] = []
        self._lines: list[int] = []
        self._characters = 0
        self._writer: pq.ParquetWriter | None = None
        self._rejects: list[tuple[int, str, str]] = []
        self._rejects_writer: pq.ParquetWriter | None = None

    def add(self, line: int, cells: Sequence[str | None]) -> None:
        """One row; empty text is missing."""
        self._pending.append(cells)
        self._lines.append(line)
        self._characters += sum(len(c) for c in cells if c)
        self.rows += 1
        if len(self._lines) >= _BATCH_ROWS or self._characters >= _BATCH_CHARACTERS:
            self._flush()

    def reject(self, line: int, reason: str, raw: str) -> None:
        """One row that could not be split into its columns."""
        self._rejects.append((line, reason, json.dumps({"line": raw[:RAW_CHARACTERS]}, ensure_ascii=False)))
        self.rejected += 1
        if len(self._rejects) >= _BATCH_ROWS:
            self._flush_rejects()

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        self._flush_rejects()
        for writer in (self._writer, self._rejects_writer):
            if writer is not None:
                writer.close()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = list(zip(*self._pending, strict=True)) if self._pending else [()] * self._width
        arrays = [pa.array([c or None for c in column], pa.string()) for column in columns]
        names = [f"c{i}" for i in range(self._width)]
        table = pa.table([*arrays, pa.array(self._lines, pa.int64())], names=[*names, "_line"])
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, table.schema, compression="zstd", compression_level=1)
        self._writer.write_table(table)
        self._pending, self._lines, self._characters = [], [], 0

    def _flush_rejects(self) -> None:
        import pyarrow.parquet as pq

        table = reject_table((line, None, None, reason, raw) for line, reason, raw in self._rejects)
        if self._rejects_writer is None:
            self._rejects_writer = pq.ParquetWriter(self.rejects_path, table.schema, compression="zstd")
        self._rejects_writer.write_table(table)
        self._rejects = []


def reject_table(rows: Iterable[tuple[int | None, str | None, str | None, str, str]]) -> pa.Table:
    """Rejects as a table: line, column, value, reason, raw."""
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) or [()] * 5
    types = (pa.int64(), pa.string(), pa.string(), pa.string(), pa.string())
    arrays = [pa.array(list(c), t) for c, t in zip(columns, types, strict=True)]
    return pa.table(arrays, names=["line", "column", "value", "reason", "raw"])
