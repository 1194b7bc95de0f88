"""Parquet files and data frames, which bring their own types."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_name
from coterie.errors import Refused
from coterie.ingest.readers.dialect import refuse_duplicates
from coterie.ingest.readers.excel import cell_text
from coterie.ingest.readers.files import BytesLater
from coterie.ingest.readers.source import Source, SourceColumn, TextFacts

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
_NATIVE = frozenset({*_WHOLE, *_TIMES, "FLOAT", "DOUBLE", "BOOLEAN", "VARCHAR"})


def open_parquet(path: Path, engine: Engine) -> Source:
    """Open a Parquet file in place. Raises Refused(`damaged_file`, `no_rows`, `duplicate_columns`)."""
    import pyarrow.parquet as pq

    file = parquet(path)
    try:
        names = pq.read_schema(path).names
        types = engine.columns(f"SELECT * FROM {file}")
        rows = engine.value(f"SELECT count(*) FROM {file}")
    except Exception as error:
        message = f"The Parquet file cannot be read: {str(error).splitlines()[0]}."
        raise Refused("damaged_file", message, place=path.name, fix="Write it again.") from None
    refuse_duplicates(names, path.name)  # the engine would rename the second
    _refuse_empty(rows, path.name)
    later = BytesLater(path, "")
    numbered = f"(SELECT *, file_row_number + 1 AS _row FROM {parquet(path, numbered=True)})"
    columns, notes = _columns(types)
    return Source(
        path.name,
        columns,
        file,
        numbered,
        "_row",
        lambda: TextFacts(later.result().digest, rows),
        size_bytes=path.stat().st_size,
        notes=notes,
    )


def open_frame(frame: Any, label: str, engine: Engine, keys: Collection[str] = ()) -> Source:
    """Open a pandas or Polars frame, an Arrow table, or anything with `__arrow_c_stream__`, in memory.

    keys : columns with keys, which may mix numbers and texts.
    Raises Refused: no frame, no rows, two columns of one name, a column of mixed values.
    """
    table = arrow_table(frame, keys)
    refuse_duplicates(table.column_names, label)  # the engine would rename the second
    _refuse_empty(table.num_rows, label)
    name = f"frame_{uuid.uuid4().hex}"
    engine.register(name, table)
    columns, notes = _columns(engine.columns(f"SELECT * FROM {name}"))
    return Source(
        label,
        columns,
        name,
        f"(SELECT *, row_number() OVER () AS _row FROM {name})",
        "_row",
        lambda: TextFacts(_digest(table), table.num_rows),
        size_bytes=table.nbytes,
        notes=notes,
    )


def arrow_table(frame: Any, keys: Collection[str] = ("entity",)) -> pa.Table:
    """A frame as an Arrow table, its index left out.

    keys : columns with keys; one that mixes numbers and texts is read as text.
    Raises Refused: this is no frame; two columns have one name; `bad_column` where another column mixes types.
    """
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "collect") and hasattr(frame, "lazy"):  # a lazy frame of Polars
        frame = frame.collect()
    if hasattr(frame, "to_arrow"):
        return frame.to_arrow()
    if hasattr(frame, "iloc") and hasattr(frame, "columns"):
        names = [str(c) for c in frame.columns]
        refuse_duplicates(names, "frame")
        return _from_pandas(frame.set_axis(names, axis=1), keys)
    if hasattr(frame, "__arrow_c_stream__"):
        with suppress(pa.ArrowInvalid):  # a stream of a single column is no table
            return pa.table(frame)
    fix = "Give a pandas or Polars frame, or an Arrow table."
    raise Refused("bad_argument", f"{type(frame).__name__} is no data frame.", place="frame", fix=fix)


def _from_pandas(frame: pd.DataFrame, keys: Collection[str]) -> pa.Table:
    import pyarrow as pa

    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        pass  # one column at least holds what is of no one type
    return pa.table({name: _array(frame[name], name in keys) for name in frame.columns})


def _array(column: pd.Series[Any], key: bool) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        if key:
            pairs = zip(column, column.isna(), strict=True)
            return pa.array([None if missing else cell_text(value) for value, missing in pairs], pa.string())
        kinds = sorted({type(value).__name__ for value in column[column.notna()]})
        mixed = f"mixes values of types {', '.join(kinds)}" if len(kinds) > 1 else f"cannot be read: {error.args[0]}"
        fix = f'Make it of one type, such as `frame["{column.name}"].astype("string")`.'
        message = f'The column "{column.name}" {mixed}.'
        raise Refused("bad_column", message, place=str(column.name), fix=fix) from None


def _refuse_empty(rows: int, label: str) -> None:
    if not rows:
        raise Refused("no_rows", "There are no rows.", place=label, fix="Give a file or frame with rows.")


def _digest(table: pa.Table) -> str:
    """SHA-256 of the values and types, however the table is cut into chunks."""
    import pyarrow as pa

    digest = hashlib.sha256()

    class Sink:
        closed = False

        def write(self, data: Any) -> int:
            digest.update(data)
            return len(data)

        def flush(self) -> None:
            pass

    plain = table.replace_schema_metadata(None).combine_chunks()
    with pa.ipc.new_stream(pa.PythonFile(Sink(), mode="w"), plain.schema) as writer:
        writer.write_table(plain, max_chunksize=65_536)
    return digest.hexdigest()


def _columns(types: list[tuple[str, str]]) -> tuple[tuple[SourceColumn, ...], tuple[str, ...]]:
    columns, notes = [], []
    for name, kind in types:
        if kind == "BLOB":
            notes.append(f"Column {name} holds bytes; it is left out.")
        else:
            columns.append(_column(name, kind))
    return tuple(columns), tuple(notes)


def _column(name: str, kind: str) -> SourceColumn:
    sql = quote_name(name)
    if kind in _NATIVE or kind.startswith("DECIMAL"):
        return SourceColumn(name, sql, native=kind)
    if kind.endswith("]"):
        nested = any(word in kind for word in ("STRUCT", "MAP", "[][]"))
        return SourceColumn(name, f"to_json({sql})::VARCHAR", hint="text" if nested else "texts")
    if kind.startswith(("STRUCT", "MAP", "UNION", "JSON")):
        return SourceColumn(name, f"to_json({sql})::VARCHAR", hint="text")
    whole = kind in ("UBIGINT", "HUGEINT", "UHUGEINT")
    return SourceColumn(name, f"CAST({sql} AS VARCHAR)", hint=None if whole else "text")
