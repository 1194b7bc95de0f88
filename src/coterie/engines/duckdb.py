"""DuckDB in process: one connection with limits, and the SQL that reads lake tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Cancelled, Failed
from coterie.kit.progress import Progress
from coterie.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from coterie.lake.tables import TableFiles

# DuckDB and Delta name the same types differently; decimals carry their own digits.
_DELTA_TYPES: Mapping[str, str] = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "integer": "INTEGER",
    "short": "SMALLINT",
    "byte": "TINYINT",
    "double": "DOUBLE",
    "float": "FLOAT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "timestamp_ntz": "TIMESTAMP",
    "binary": "BLOB",
}


class Engine:
    """One DuckDB connection: UTC, limited threads and memory, spilling to `temp_dir`.

    >>> from coterie.settings import Settings
    >>> engine = Engine.open(Settings({"threads": 1}))
    >>> engine.rows("SELECT 1 + 1, 'a'")
    [(2, 'a')]
    >>> engine.close()
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, settings: Settings, temp_dir: Path | None = None) -> Engine:
        """A fresh in-memory database. `temp_dir` receives what does not fit into memory."""
        config: dict[str, Any] = {
            "threads": settings.number("threads"),
            "memory_limit": f"{settings.number('memory_limit_mb')}MiB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if temp_dir is not None:
            config["temp_directory"] = str(temp_dir)
        connection = duckdb.connect(":memory:", config=config)
        connection.execute("SET TimeZone = 'UTC'")
        return cls(connection)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def cursor(self) -> Engine:
        """A sibling on the same database, for use inside a loop over results or in another thread."""
        cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return Engine(cursor)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def execute(self, sql: str, params: Sequence[object] | None = None) -> None:
        """Run a statement for its effect."""
        self._run(sql, params).fetchall()

    def rows(self, sql: str, params: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._run(sql, params).fetchall()

    def row(self, sql: str, params: Sequence[object] | None = None) -> tuple[Any, ...]:
        """The only row of a query."""
        (row,) = self.rows(sql, params)
        return row

    def value(self, sql: str, params: Sequence[object] | None = None) -> Any:
        """The only value of a query."""
        return self.row(sql, params)[0]

    def columns(self, sql: str) -> list[tuple[str, str]]:
        """Names and types of a query's columns, without running it."""
        return [(row[0], row[1]) for row in self.rows(f"DESCRIBE {sql}")]

    def arrow(self, sql: str) -> pa.Table:
        """The result as an Arrow table."""
        return self._run(sql).to_arrow_table()

    def batches(self, sql: str, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """The result as a stream of record batches of at most `rows` rows, on a cursor of its own."""
        reader = self._connection.cursor()
        reader.execute("SET TimeZone = 'UTC'")
        try:
            stream: pa.RecordBatchReader = reader.execute(sql).to_arrow_reader(rows)
            yield from stream
        finally:
            reader.close()

    def frame(self, sql: str) -> pd.DataFrame:
        """The result as a pandas frame."""
        return self._run(sql).df()

    def register(self, name: str, table: object) -> None:
        """Make an Arrow table or pandas frame readable under `name`."""
        self._connection.register(name, table)

    def unregister(self, name: str) -> None:
        """Forget a registered table."""
        self._connection.unregister(name)

    def interrupt(self) -> None:
        """Stop the running query from another thread; it raises `Cancelled` there."""
        self._connection.interrupt()

    def copy_parquet(self, sql: str, path: Path, *, row_group_rows: int = 122_880) -> int:
        """Write a query's result to one Parquet file (zstd) and return the number of rows."""
        target = quote_value(str(path))
        options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {row_group_rows}"
        return int(self.value(f"COPY ({sql}) TO {target} ({options})"))

    def copy_csv(self, sql: str, path: Path) -> int:
        """Write a query's result to one CSV file (UTF-8, header) and return the number of rows."""
        return int(self.value(f"COPY ({sql}) TO {quote_value(str(path))} (FORMAT csv, HEADER)"))

    @contextmanager
    def profiled(self) -> Iterator[list[dict[str, Any]]]:
        """Profile the block's last statement; afterwards the list holds the root of DuckDB's operator tree."""
        roots: list[dict[str, Any]] = []
        self._connection.execute("PRAGMA enable_profiling = 'no_output'")
        try:
            yield roots
            roots.extend(json.loads(self._connection.get_profiling_information(format="json"))["operator"])
        finally:
            self._connection.execute("PRAGMA disable_profiling")

    def query_progress(self) -> float:
        """Percent done of the running statement, or -1; may be asked from another thread."""
        return self._connection.query_progress()

    def raw(self) -> duckdb.DuckDBPyConnection:
        """The driver's connection, for ibis."""
        return self._connection

    def _run(self, sql: str, params: Sequence[object] | None = None) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(sql, params) if params else self._connection.execute(sql)
        except duckdb.InterruptException:
            raise Cancelled() from None
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise _translated(error) from error


def _translated(error: Exception) -> Exception:
    """A full disk is a matter for people; every other engine error is ours and keeps its traceback."""
    text = str(error)
    if "No space left" in text or "max_temp_directory_size" in text or "failed to offload" in text:
        return Failed(
            "disk_full", "The disk is full.", fix="Free space and run again; what was published is untouched."
        )
    return error


@contextmanager
def watched(engine: Engine, progress: Progress | None) -> Iterator[None]:
    """While the block runs one long statement, `progress` advances in percent and a cancel interrupts it."""
    if progress is None:
        yield
        return
    from threading import Event, Thread

    finished = Event()

    def watch() -> None:
        seen = 0.0
        while not finished.wait(0.2):
            try:
                percent = max(engine.query_progress(), seen)
                progress.advance(percent - seen)
                seen = percent
            except Cancelled:
                engine.interrupt()
                return

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def scan(files: TableFiles) -> str:
    """SQL of a relation with all columns of a lake table, `_batch` filled, as of the files' data version.

    >>> from coterie.lake.tables import TableFiles
    >>> scan(TableFiles("data/x", (), (("_entity", "string"),), 3, 0))
    '(SELECT NULL::VARCHAR AS "_entity" WHERE false)'
    """
    columns = [name for name, _ in files.columns if name != "_batch"]
    typed = ", ".join(f"NULL::{duckdb_type(kind)} AS {quote_name(name)}" for name, kind in files.columns)
    if not files.paths:
        return f"(SELECT {typed or 'NULL AS _nothing'} WHERE false)"
    paths = quote_value([str(p) for p in files.paths])
    names = ", ".join(map(quote_name, columns))
    if not files.versioned:
        return f"(SELECT {names} FROM read_parquet({paths}, union_by_name = true))"
    options = "union_by_name = true, hive_partitioning = true, hive_types = {'coterie_publish': BIGINT}"
    source = f"read_parquet({paths}, {options})"
    if not files.all_columns:
        source = f"(SELECT * FROM {source} UNION ALL BY NAME SELECT {typed} WHERE false)"
    batch = "coalesce(_batch, coterie_publish)"
    bounds = "" if files.all_visible else f" WHERE {batch} BETWEEN {files.floor} AND {files.data_version}"
    return f"(SELECT {names}, {batch} AS _batch FROM {source}{bounds})"


def duckdb_type(delta_type: str) -> str:
    """DuckDB's name of a Delta type.

    >>> duckdb_type("decimal(18,4)"), duckdb_type("array<string>")
    ('DECIMAL(18,4)', 'VARCHAR[]')
    """
    if delta_type.startswith("array<"):
        return duckdb_type(delta_type[6:-1]) + "[]"
    return _DELTA_TYPES.get(delta_type, delta_type.upper())
