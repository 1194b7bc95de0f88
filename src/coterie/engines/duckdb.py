"""DuckDB in process: one connection with limits, and the SQL that reads lake tables."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Cancelled, CoterieError, Failed
from coterie.kit.progress import Progress
from coterie.lake.tables import PUBLISH, TableFiles
from coterie.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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

_OF_EACH_CONNECTION = (
    "SET TimeZone = 'UTC'",
    "SET enable_progress_bar = true",  # without the bar DuckDB does not count progress
    "SET enable_progress_bar_print = false",
)
_FILE = "_coterie_file"  # name of the column with a row's file


class Engine:
    """One DuckDB connection: UTC, limited threads and memory, spilling to `temp_dir`.

    >>> from coterie.settings import Settings
    >>> engine = Engine.open(Settings({"threads": 1}))
    >>> engine.rows("SELECT 1 + 1, 'a'")
    [(2, 'a')]
    >>> engine.close()
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, registered: Mapping[str, object] | None = None) -> None:
        self._connection = connection
        self._registered: dict[str, object] = {}
        self._streams: set[Engine] = set()
        for setting in _OF_EACH_CONNECTION:
            connection.execute(setting).fetchall()
        for name, table in (registered or {}).items():
            self.register(name, table)

    @classmethod
    def open(cls, settings: Settings, temp_dir: Path | None = None) -> Engine:
        """A fresh in-memory database. `temp_dir` receives what does not fit into memory; without it nothing spills."""
        config: dict[str, Any] = {
            "threads": settings.number("threads"),
            "memory_limit": f"{settings.number('memory_limit_mb')}MiB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,  # a misspelt table must not find a Python variable
            "temp_directory": str(
                temp_dir or ""
            ),  # DuckDB's own choice would be a folder where the program was started
        }
        return cls(duckdb.connect(":memory:", config=config))

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def cursor(self) -> Engine:
        """A sibling on the same database, for use inside a loop over results or in another thread.

        It sees tables, views and what is registered now, but no temporary tables.
        """
        return Engine(self._connection.cursor(), self._registered)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def execute(self, sql: str, params: Sequence[object] | None = None) -> None:
        """Run a statement for its effect."""
        with _told():
            self._run(sql, params).fetchall()

    def rows(self, sql: str, params: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query; moments come with their zone, UTC."""
        with _told():
            result = self._run(sql, params)
            types = [str(column[1]) for column in result.description or ()]
            return _zoned_rows(result, types) if any("TIME ZONE" in t for t in types) else result.fetchall()

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
        with _told():
            return self._connection.sql(sql).to_arrow_table()

    def batches(self, sql: str, rows: int = 65_536, *, here: bool = False) -> Iterator[pa.RecordBatch]:
        """The result as a stream of record batches of at most `rows` rows, on a cursor of its own.

        here : on this connection, so that the query sees its temporary views; it does nothing else until the end.
        """
        reader = self if here else self.cursor()
        if not here:
            self._streams.add(reader)
        try:
            with _told():
                stream = iter(reader.raw().sql(sql).to_arrow_reader(rows))
            while True:
                with _told():
                    batch = next(stream, None)
                if batch is None:
                    return
                yield batch
        finally:
            self._streams.discard(reader)
            if not here:
                reader.close()

    def frame(self, sql: str) -> pd.DataFrame:
        """The result as a pandas frame."""
        with _told(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # DuckDB 2.0 calls pandas 3.1 in its older way
            return self._run(sql).df()

    def register(self, name: str, table: object) -> None:
        """Make an Arrow table or pandas frame readable under `name`, here and in cursors made later."""
        self._connection.register(name, table)
        self._registered[name] = table

    def unregister(self, name: str) -> None:
        """Forget a registered table."""
        self._connection.unregister(name)
        self._registered.pop(name, None)

    def interrupt(self) -> None:
        """Stop the running query and streams from another thread; they raise `Cancelled` there."""
        self._connection.interrupt()
        for stream in tuple(self._streams):
            stream.interrupt()

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
        return self._connection.execute(sql, params) if params else self._connection.execute(sql)


def _zoned_rows(result: duckdb.DuckDBPyConnection, types: Sequence[str]) -> list[tuple[Any, ...]]:
    """DuckDB makes moments by way of pytz, which is not among our parts; Arrow makes them by zoneinfo."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about a copy, which a list of rows is anyway
        table: pa.Table = result.to_arrow_table()
    columns = [column.to_pylist() for column in table.columns]
    for i, kind in enumerate(types):
        if kind == "HUGEINT":
            columns[i] = [None if v is None else int(v) for v in columns[i]]
    return list(zip(*columns, strict=True))


@contextmanager
def _told() -> Iterator[None]:
    """Tell a stopped query, a full disk and want of memory as such; every other engine error is ours."""
    try:
        yield
    except (duckdb.Error, OSError) as error:  # a stream's errors come as OSError with DuckDB's text
        told = _for_people(error)
        if told is None:
            raise
        raise told from error


def _for_people(error: Exception) -> CoterieError | None:
    text = str(error)
    if isinstance(error, duckdb.InterruptException) or text.startswith("INTERRUPT Error"):
        return Cancelled()
    if "No space left" in text or "max_temp_directory_size" in text or "failed to offload" in text:
        fix = "Free space and run again; what was published is untouched."
        return Failed("disk_full", "The disk is full.", fix=fix)
    if isinstance(error, duckdb.OutOfMemoryException) or text.startswith("Out of Memory Error"):
        fix = "Raise the setting `memory_limit_mb`, or lower `threads`."
        return Failed("out_of_memory", "The query needs more memory than it may use.", fix=fix)
    if "Read-only file system" in text:
        fix = "Check the folder's permissions and its file system."
        return Failed("read_only", "A file cannot be written.", fix=fix)
    if PUBLISH in text and ("No files found" in text or "No such file" in text):
        return Failed("damaged", "A file of the lake is missing.", fix="Run `coterie doctor`.")
    return None


@contextmanager
def watched(engine: Engine, progress: Progress | None) -> Iterator[None]:
    """While the block runs one long statement, `progress` advances in percent and a cancel interrupts it."""
    if progress is None:
        yield
        return
    from contextvars import copy_context
    from threading import Event, Thread

    finished = Event()

    def watch() -> None:
        seen = 0.0
        while not finished.wait(0.2):
            try:
                percent = max(engine.query_progress(), seen)
                progress.advance(percent - seen)
                seen = percent
            except Cancelled:  # interrupted again and again: the first may fall between two statements
                engine.interrupt()

    # In the context of whoever runs the statement: a job notes its progress, and only it knows which job it is.
    thread = Thread(target=copy_context().run, args=(watch,), daemon=True)
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
    paths = quote_value([glob_escaped(str(p)) for p in files.paths])
    names = ", ".join(map(quote_name, columns))
    # hive_partitioning would take `a=b` in the name of a folder above for a column `a`
    options = "union_by_name = true, hive_partitioning = false"
    if not files.versioned:
        return f"(SELECT {names} FROM read_parquet({paths}, {options}))"
    source = f"read_parquet({paths}, {options}, filename = '{_FILE}')"
    if not files.all_columns:
        source = f"(SELECT * FROM {source} UNION ALL BY NAME SELECT {typed} WHERE false)"
    batch = f"coalesce(_batch, regexp_extract({_FILE}, '{PUBLISH}=([0-9]+)/[^/]*$', 1)::BIGINT)"
    bounds = "" if files.all_visible else f" WHERE {batch} BETWEEN {files.floor} AND {files.data_version}"
    return f"(SELECT {names}, {batch} AS _batch FROM {source}{bounds})"


def parquet(path: Path, *, numbered: bool = False) -> str:
    """SQL of a relation over one Parquet file, whatever its path looks like; `numbered` adds `file_row_number` from 0.

    >>> parquet(Path("a=b/[x].parquet"))
    "read_parquet('a=b/[[]x].parquet', hive_partitioning = false)"
    """
    rows = ", file_row_number = true" if numbered else ""
    return f"read_parquet({quote_value(glob_escaped(str(path)))}, hive_partitioning = false{rows})"


def glob_escaped(path: str) -> str:
    """A path for `read_parquet` and its like, which take `*`, `?` and `[` for patterns.

    >>> glob_escaped("a[1]/*.csv")
    'a[[]1]/[*].csv'
    """
    return "".join(f"[{c}]" if c in "*?[" else c for c in path)


def duckdb_type(delta_type: str) -> str:
    """DuckDB's name of a Delta type.

    >>> duckdb_type("decimal(18,4)"), duckdb_type("array<string>")
    ('DECIMAL(18,4)', 'VARCHAR[]')
    """
    if delta_type.startswith("array<"):
        return duckdb_type(delta_type[6:-1]) + "[]"
    return _DELTA_TYPES.get(delta_type, delta_type.upper())
