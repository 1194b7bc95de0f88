"""Events with the row numbers of their entities: counting then groups by whole numbers and joins no keys.

An import knows only keys, since numbers are given when it is published. `number` writes them into the files afterwards,
and sorts by time, so that a window reads only its part; until then the view of the events looks the numbers up.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from coterie.catalog.schemas import Dataset, DatasetKind
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_value
from coterie.kit.disk import disk_errors, disk_room
from coterie.lake import upkeep
from coterie.lake.tables import TableFiles, is_numbered
from coterie.tags.context import TagContext
from coterie.tags.sources import empty, visible

ROW = "_row"


def events_sql(dataset: Dataset, files: TableFiles, as_of: datetime) -> str:
    """SQL of the view `events:NAME`: the rows known and valid at `as_of`, `_row` being that of their entity.

    It names the view `universe`; rows of entities outside of it may be there or not.
    """
    if not files.columns:
        return f"SELECT *, NULL::BIGINT AS {ROW} FROM {empty(dataset)}"
    # Of records, the latest state is chosen among all files together.
    known = [p for p in files.paths if is_numbered(p) and dataset.kind is DatasetKind.EVENTS]
    other = [p for p in files.paths if p not in known]
    parts = []
    if known:
        parts.append(f"SELECT * FROM {visible(dataset, _only(files, known), as_of)}")
    if other or not known:
        rows = visible(dataset, _only(files, other), as_of)
        parts.append(f'SELECT {_with_row(files)} FROM {rows} AS e JOIN "universe" AS u ON u.entity = e._entity')
    return " UNION ALL BY NAME ".join(parts)


def _only(files: TableFiles, paths: list[Path]) -> TableFiles:
    return files if len(paths) == len(files.paths) else files._replace(paths=tuple(paths), all_columns=False)


def _with_row(files: TableFiles) -> str:
    there = any(name == ROW for name, _ in files.columns)
    return f'e.* REPLACE (u."row" AS {ROW})' if there else f'e.*, u."row" AS {ROW}'


def waiting(context: TagContext) -> dict[str, int]:
    """Datasets of events with files that lack row numbers, and the size of those files in bytes."""
    found = {}
    for dataset in context.catalog.datasets().values():
        if dataset.kind is DatasetKind.EVENTS:
            paths = [p for p in context.lake.whole(dataset.table).paths if not is_numbered(p)]
            if paths:
                found[dataset.name] = sum(p.stat().st_size for p in paths)
    return found


def number(context: TagContext, name: str) -> upkeep.Compacted:
    """Write a dataset's events anew, with row numbers and in the order of time; no past answer changes.

    Others may read and publish meanwhile. Where another process compacts the same files, its work stays and this is
    given up: the next call goes on from there.
    """
    dataset = context.catalog.dataset(name)
    before = context.lake.whole(dataset.table)
    paths = upkeep.unnumbered(context.lake, dataset.table)
    if dataset.kind is not DatasetKind.EVENTS or not paths:
        return upkeep.Compacted(dataset.table, len(before.paths), len(before.paths), 0)
    with disk_errors():
        disk_room(context.lake.root, 2 * sum(p.stat().st_size for p in paths))
    entities = scan(context.lake.files("entities"))
    kind = quote_value(dataset.entity_kind)
    keys = f"SELECT key, min(row) AS row FROM {entities} WHERE kind = {kind} GROUP BY key"
    rows = scan(_only(before, paths))
    sql = f"SELECT {_with_row(before)} FROM {rows} AS e LEFT JOIN ({keys}) AS u ON u.key = e._entity"
    with context.lake.staging() as staging:
        written = context.engine.copy_parquet(f"{sql} ORDER BY e._at, e._batch", staging / "numbered.parquet")
        if not upkeep.exchange(context.lake, dataset.table, paths, staging / "numbered.parquet"):
            return upkeep.Compacted(dataset.table, len(before.paths), len(before.paths), 0)
    return upkeep.Compacted(dataset.table, len(before.paths), len(before.paths) - len(paths) + 1, written)
