"""Files that builds keep for the next build: Arrow tables, mapped into memory, any of which may be lost and made
again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from coterie.engines.duckdb import Engine
from coterie.kit.disk import disk_errors

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 262_144
_KEEP_HOURS = 24.0  # another process may have read a record that names them, and still build on it


class BuildFiles:
    """The folder of such files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, engine: Engine, sql: str) -> str:
        """Write a query's result, in its order; returns the file's name."""
        import pyarrow as pa

        name = f"{uuid.uuid4().hex}.arrow"
        with disk_errors():
            self.folder.mkdir(parents=True, exist_ok=True)
            staged = self.folder / f".{name}"
            # Temporary tables are seen by their own connection alone, so the stream is taken from that one.
            stream: pa.RecordBatchReader = engine.raw().sql(sql).to_arrow_reader(_BATCH_ROWS)
            with pa.OSFile(str(staged), "wb") as sink, pa.ipc.new_file(sink, stream.schema) as writer:
                for batch in stream:
                    writer.write_batch(batch)
            staged.replace(self.folder / name)
        return name

    def read(self, name: str) -> pa.Table:
        """A file's table; its pages are read when they are needed."""
        import pyarrow as pa

        return pa.ipc.open_file(pa.memory_map(str(self.folder / name))).read_all()

    def has(self, names: Collection[str]) -> bool:
        """Whether all of these files are there."""
        return all((self.folder / name).is_file() for name in names)

    def sweep(self, keep: Collection[str], *, older_hours: float = _KEEP_HOURS) -> None:
        """Delete files that are not in `keep`, and old enough that nobody reads them."""
        deadline = time.time() - older_hours * 3600
        for path in self.folder.glob("*.arrow"):
            if path.name not in keep and path.stat().st_mtime < deadline:
                path.unlink(missing_ok=True)
