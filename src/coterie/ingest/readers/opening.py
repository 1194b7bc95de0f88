"""Which reader a source needs."""

from __future__ import annotations

from pathlib import Path

from coterie.engines.duckdb import Engine
from coterie.errors import Refused
from coterie.ingest.readers import database
from coterie.ingest.readers.columnar import open_parquet
from coterie.ingest.readers.delimited import open_delimited
from coterie.ingest.readers.excel import open_excel
from coterie.ingest.readers.files import bare_suffix, check_file, packing
from coterie.ingest.readers.json_lines import open_json
from coterie.ingest.readers.options import ReadOptions
from coterie.ingest.readers.source import Source
from coterie.kit.progress import Progress

_FORMATS = "Import CSV, TSV, JSON lines, .xlsx or Parquet, plain or packed as .gz or .zst, or a database table."


def open_source(source: str, options: ReadOptions, engine: Engine, work: Path, progress: Progress | None) -> Source:
    """Open a path or a database URL.

    work : a folder of this source's own, on the workspace's disk, for what has to be written again.
    Raises Refused: what the source cannot be read for, with its place and what to do.
    """
    if database.is_url(source):
        return database.open_database(source, work, progress)
    path = Path(source).expanduser()
    check_file(path)
    suffix = bare_suffix(path)
    head = b"" if packing(path) else _head(path)
    if suffix in (".parquet", ".pq") or head[:4] == b"PAR1":
        return open_parquet(path, engine)
    if suffix in (".xlsx", ".xlsm") and head[:2] == b"PK":
        return open_excel(path, options, work, progress)
    if suffix == ".xls" or head[:2] == b"PK" or head[:4] == b"%PDF":
        raise Refused("unknown_format", "Files of this kind are not read.", place=path.name, fix=_FORMATS)
    if suffix in (".jsonl", ".ndjson", ".json") or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:2] in (b'{"', b"{}"):
        return open_json(path, options, engine, work, progress)
    return open_delimited(path, options, work, progress)


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(4096)
