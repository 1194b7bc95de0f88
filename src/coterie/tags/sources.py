"""What tags are computed from: datasets as relations at a moment and data version, parts of them, and honest row
counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from coterie.catalog.schemas import COLUMN_TYPES, Dataset, DatasetKind, ValueType
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_name, quote_value
from coterie.lake.service import Lake
from coterie.lake.tables import PUBLISH, TableFiles

# Rows of one dataset version decide among themselves by time, then batch, then place in the file.
_NEWEST = "_at DESC NULLS LAST, _batch DESC, _seq DESC"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """Moments after `start` up to and including `end`; None is open."""

    start: datetime | None
    end: datetime | None

    def sql(self, column: str) -> str:
        """The condition on a moment column; a missing moment is in no span but the open one."""
        parts = []
        if self.start is not None:
            parts.append(f"{column} > {quote_value(self.start)}")
        if self.end is not None:
            parts.append(f"{column} <= {quote_value(self.end)}")
        return " AND ".join(parts) or "true"


def disjoint(spans: Iterable[tuple[datetime, datetime]]) -> list[Span]:
    """The union of spans, as spans that do not overlap.

    >>> a, b, c, d = (datetime(2024, 5, day, tzinfo=UTC) for day in (1, 2, 3, 4))
    >>> [(s.start.day, s.end.day) for s in disjoint([(c, d), (a, b), (a, c), (b, b)])]
    [(1, 4)]
    """
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(s for s in spans if s[0] < s[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return [Span(start, end) for start, end in merged]


def visible(dataset: Dataset, files: TableFiles, as_of: datetime, rows: str | None = None) -> str:
    """SQL of the view `dataset:NAME`: the rows known and valid at `as_of`.

    Of records the state valid then, one row a key; of edges one a pair; of lookups the last row a key.
    rows : SQL to take instead of all of `files`.
    """
    if not files.columns:
        return empty(dataset)
    source = rows or scan(files)
    columns = {name for name, _ in files.columns}
    if "_at" not in columns:
        source = f"(SELECT *, NULL::TIMESTAMPTZ AS _at FROM {source})"
    else:
        source = f"(SELECT * FROM {source} WHERE _at IS NULL OR _at <= {quote_value(as_of)})"
    match dataset.kind:
        case DatasetKind.RECORDS:
            return _newest(
                source, '_key, CASE WHEN _key IS NULL THEN struct_pack("b" := _batch, "s" := _seq) END', columns
            )
        case DatasetKind.EDGES:
            return _newest(source, "_entity, _target", columns)
        case DatasetKind.LOOKUP:
            return _newest(source, "_entity", columns)
        case _:
            return source


def _newest(source: str, key: str, columns: set[str]) -> str:
    order = _NEWEST if "_at" in columns else "_batch DESC, _seq DESC"
    return f"(SELECT * FROM {source} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1)"


def empty(dataset: Dataset) -> str:
    """The view of a dataset of which nothing was imported up to a data version: no rows, all columns."""
    types = dict(_ROLES)
    for field in dataset.fields:
        scale = f"DECIMAL(18, {field.scale})" if field.type is ValueType.DECIMAL and field.scale is not None else None
        types.setdefault(field.column, scale or COLUMN_TYPES[field.type])
    columns = ", ".join(f"NULL::{kind} AS {quote_name(name)}" for name, kind in types.items())
    return f"(SELECT {columns} WHERE false)"


_ROLES = {
    "_entity": "VARCHAR",
    "_at": "TIMESTAMPTZ",
    "_key": "VARCHAR",
    "_target": "VARCHAR",
    "_weight": "DOUBLE",
    "_values": "FLOAT[]",
    "_seq": "BIGINT",
    "_batch": "BIGINT",
}


def newer(files: TableFiles, version: int) -> str:
    """SQL of the rows of `files` that came after a data version, reading only files that can hold some."""
    recent = newer_files(files, version)
    return f"(SELECT * FROM {scan(recent)} WHERE _batch > {version})"


def newer_files(files: TableFiles, version: int) -> TableFiles:
    """The files that can hold rows which came after a data version."""
    return files._replace(paths=tuple(p for p in files.paths if newest_batch(p) > version), all_columns=False)


def newest_batch(path: Path) -> int:
    """The newest data version of a file's rows, which its folder tells."""
    return int(path.parent.name.removeprefix(f"{PUBLISH}="))


def last_batch(lake: Lake, dataset: str, version: int) -> int:
    """The newest data version up to `version` that brought rows of a dataset; 0 if none did."""
    return max((b.data_version for b in lake.batches(dataset) if b.data_version <= version), default=0)


def oriented(rows: str, end: str) -> str:
    """Edges as seen from one end: `_entity` is whose edges they are.

    >>> oriented("edges", "target")
    '(SELECT * REPLACE (_target AS _entity, _entity AS _target) FROM edges)'
    """
    turned = f"(SELECT * REPLACE (_target AS _entity, _entity AS _target) FROM {rows})"
    match end:
        case "target":
            return turned
        case "both":
            return f"(SELECT * FROM {rows} UNION ALL SELECT * FROM {turned})"
        case _:
            return rows


def rows_read(files: TableFiles, spans: Sequence[Span] = (Span(None, None),)) -> int:
    """Rows that a scan reads: all rows of the row groups that the statistics of `_at` cannot rule out, once a span.

    DuckDB reads a row group whole or not at all, so this is what is read, not what is found.
    """
    import pyarrow.parquet as pq

    total = 0
    for path in files.paths:
        metadata = pq.read_metadata(path)
        if all(s == Span(None, None) for s in spans):
            total += metadata.num_rows * len(spans)
            continue
        at = next((i for i in range(metadata.num_columns) if metadata.schema.column(i).path == "_at"), None)
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            times = None if at is None else group.column(at).statistics
            total += group.num_rows * sum(_meets(span, times) for span in spans)
    return total


def _meets(span: Span, times: Any) -> bool:
    """Whether a row group can have moments within a span; its statistics hold microseconds.

    `min` and `max`, which are moments, would import pandas.
    """
    if not getattr(times, "has_min_max", False) or "timeUnit=microseconds" not in str(times.logical_type):
        return True
    low, high = times.min_raw, times.max_raw
    return (span.end is None or low <= _microseconds(span.end)) and (
        span.start is None or high > _microseconds(span.start)
    )


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def columns_sql(names: Iterable[str]) -> str:
    """Names as a list of columns."""
    return ", ".join(map(quote_name, names))


def universe_sql(rows: str) -> str:
    """One row an entity, by row number, of `row, entity, first_seen` rows; NULL is always, so it is the earliest."""
    earliest = "CASE WHEN bool_or(first_seen IS NULL) THEN NULL ELSE min(first_seen) END"
    return f"SELECT row, any_value(entity) AS entity, {earliest} AS first_seen FROM ({rows}) GROUP BY row ORDER BY row"
