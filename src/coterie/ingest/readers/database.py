"""Tables and queries of a database, by SQLAlchemy URL.

`sqlite:///shop.db#orders` reads the table `orders` (`schema.table` where there are schemas), and
`postgresql+psycopg://user@host/db#SELECT ...` a query: what follows `#` is a query if it begins with SELECT or WITH.
Rows stream from a cursor on the server into a staged file, so tables larger than memory can be read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.errors import Refused, did_you_mean
from coterie.ingest.readers.dialect import refuse_duplicates
from coterie.ingest.readers.excel import cell_text, staged_source
from coterie.ingest.readers.source import Source
from coterie.ingest.readers.staging import RowStage
from coterie.kit.progress import Progress

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Engine

_URL = re.compile(r"[a-z][a-z0-9+]*://", re.IGNORECASE)
_QUERY = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_FIX = "Write `URL#table` or `URL#SELECT ...`."


def is_url(source: str) -> bool:
    """Whether a source is a URL.

    >>> is_url("sqlite:///shop.db#orders"), is_url("C:/orders.csv")
    (True, False)
    """
    return _URL.match(source) is not None


def open_database(source: str, work: Path, progress: Progress | None) -> Source:
    """Read a table or a query into a staged file.

    Raises Refused: the URL cannot be used, the database refuses, there is no such table, or it holds no rows.
    """
    url, _, wanted = source.partition("#")
    if url.lower().startswith(("http:", "https:", "ftp:", "s3:", "file:")):
        fix = "Download it first, or give a SQLAlchemy URL such as `sqlite:///shop.db#orders`."
        raise Refused("unknown_format", "Files are not read over the network.", place=url, fix=fix)
    if not wanted.strip():
        raise Refused("bad_argument", "The URL names no table.", place=_hidden(url), fix=_FIX)
    engine = _engine(url)
    label = f"{_hidden(url)}#{wanted}"
    try:
        with _told(label), engine.connect() as connection:
            result = _select(connection, wanted)
            return _stage(result, label, work, progress)
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError) as error:
        raise Refused("bad_argument", f"The URL cannot be used: {error}.", place=_hidden(url), fix=_FIX) from None
    except ModuleNotFoundError as error:
        fix = "Install it: pip install 'coterie[postgres]'." if "psycopg" in str(error) else "Install that driver."
        raise Refused("missing_extra", f"The driver is not installed: {error}.", place=_hidden(url), fix=fix) from None
    if engine.dialect.name == "sqlite":
        _check_sqlite(engine.url.database)
    return engine


def _check_sqlite(database: str | None) -> None:
    # SQLite would make the missing file.
    if database and database != ":memory:" and not Path(database).is_file():
        raise Refused("missing_file", "There is no such file.", place=database, fix="Check the path.")


def _hidden(url: str) -> str:
    """The URL without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def _told(label: str) -> Any:
    from contextlib import contextmanager

    from sqlalchemy.exc import SQLAlchemyError

    @contextmanager
    def told() -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise Refused("database_refused", f"The database says: {reason}.", place=label, fix=_FIX) from None

    return told()


def _select(connection: Connection, wanted: str) -> CursorResult[Any]:
    from sqlalchemy import MetaData, Table, select, text
    from sqlalchemy.exc import NoSuchTableError

    streaming = connection.execution_options(stream_results=True, yield_per=5_000)
    if _QUERY.match(wanted):
        return streaming.execute(text(wanted.replace(":", r"\:")))
    schema, _, name = wanted.strip().rpartition(".")
    try:
        table = Table(name, MetaData(), schema=schema or None, autoload_with=connection)
    except NoSuchTableError:
        raise _no_table(connection, name, schema) from None
    return streaming.execute(select(table))


def _no_table(connection: Connection, name: str, schema: str) -> Refused:
    from sqlalchemy import inspect

    known = inspect(connection).get_table_names(schema=schema or None)
    fix = did_you_mean(name, known) or (f"There is: {', '.join(known[:8])}." if known else "There are no tables.")
    return Refused("unknown_name", f'There is no table "{name}".', place=f"#{name}", fix=fix)


def _stage(result: CursorResult[Any], label: str, work: Path, progress: Progress | None) -> Source:
    names = [str(n) for n in result.keys()]
    refuse_duplicates(names, label)
    stage, digest = RowStage(work, len(names)), hashlib.sha256()
    hints: list[str | None] = [None] * len(names)
    for number, row in enumerate(result, 1):
        cells = [_text(v) for v in row]
        hints = [hint if v is None else _hint(hint, v) for hint, v in zip(hints, row, strict=True)]
        stage.add(number, cells)
        digest.update(_bytes(cells))
        if progress is not None and number % 1_000 == 0:
            progress.check()
    stage.close()
    if not stage.rows:
        raise Refused("no_rows", "The table holds no rows.", place=label, fix="Check the table or the query.")
    source = staged_source(stage, label, names, (), digest.hexdigest(), 0)
    told = zip(source.columns, hints, strict=True)
    return replace(
        source, columns=tuple(c._replace(hint=hint if hint in ("texts", "text") else None) for c, hint in told)
    )


def _hint(before: str | None, value: Any) -> str:
    """What a column's values tell of its type, after one more: `texts` as long as all are lists of plain values."""
    match value:
        case list() if not any(isinstance(v, list | dict) for v in value):
            now = "texts"
        case list() | dict() | bytes() | memoryview():
            now = "text"
        case _:
            now = "plain"
    return now if before in (None, now) else "text"


def _bytes(cells: Sequence[str | None]) -> bytes:
    return json.dumps(cells, ensure_ascii=False).encode() + b"\n"


def _text(value: Any) -> str | None:
    match value:
        case Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case float():
            return repr(value)
        case bytes() | memoryview():
            return bytes(value).hex()
        case list() | dict() | tuple():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return cell_text(value)
