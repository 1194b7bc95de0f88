"""A small workspace for tests of tags: rows given in Python, published through the lake as ingest does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.catalog.service import Catalog
from coterie.engines.duckdb import Engine, scan
from coterie.lake.service import Lake, Staged
from coterie.settings import Settings
from coterie.store.service import Store
from coterie.tags.context import TagContext

ARROW = {
    ValueType.TEXT: pa.string(),
    ValueType.INTEGER: pa.int64(),
    ValueType.NUMBER: pa.float64(),
    ValueType.BOOLEAN: pa.bool_(),
    ValueType.DATE: pa.date32(),
    ValueType.MOMENT: pa.timestamp("us", tz="UTC"),
    ValueType.TEXTS: pa.list_(pa.string()),
}
AT = pa.timestamp("us", tz="UTC")
ROLES = {"_entity": pa.string(), "_at": AT, "_key": pa.string(), "_target": pa.string(), "_weight": pa.float64()}
BY_KIND = {
    DatasetKind.EVENTS: ("_entity", "_at", "_key"),
    DatasetKind.RECORDS: ("_entity", "_at", "_key", "_seq"),
    DatasetKind.PROFILES: ("_entity", "_at", "_seq"),
    DatasetKind.EDGES: ("_entity", "_target", "_weight", "_at", "_seq"),
    DatasetKind.LOOKUP: ("_entity", "_seq"),
}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class World:
    """A workspace's parts in a folder, and rows put into it."""

    def __init__(self, folder: Path, zone: str = "UTC", threads: int = 2) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = Settings({"threads": threads, "memory_limit_mb": 1024})
        root = folder / "lake"
        self.lake = Lake.open(root) if root.exists() else Lake.create(root)
        self.store = Store.open(f"sqlite:///{folder / 'meta.sqlite'}")
        self.engine = Engine.open(self.settings, folder / "spill")
        self.catalog = Catalog(self.store)
        parts = (self.engine, self.lake, self.store, self.catalog, ZoneInfo(zone), "EUR", self.settings)
        self.context = TagContext(*parts)

    def close(self) -> None:
        self.engine.close()
        self.store.close()

    def dataset(self, name: str, kind: DatasetKind, fields: Mapping[str, ValueType], **more: Any) -> Dataset:
        """Declare a dataset; a field named as its time, key or target takes that role."""
        roles = {
            more.get(r): f"_{c}"
            for r, c in (("time", "at"), ("key", "key"), ("target", "target"), ("weight", "weight"))
        }
        made = tuple(Field(n, t, roles.get(n, n), 4 if t is ValueType.DECIMAL else None) for n, t in fields.items())
        dataset = Dataset(name, kind, made, **more)
        self.catalog.save_dataset(dataset)
        return dataset

    def put(
        self, dataset: Dataset, rows: Sequence[Mapping[str, Any]], *, row_group: int = 1000, replace_: bool = False
    ) -> int:
        """Publish rows, whose keys are `entity`, `at`, `key`, `target`, `weight` and the fields' names."""
        table = pa.table(self._columns(dataset, rows))
        digest = hashlib.sha256(f"{dataset.name} {self.lake.data_version} {len(rows)}".encode()).hexdigest()

        def stage(base: int) -> Staged:
            appends = {dataset.table: [self._file(folder / "rows.parquet", table, row_group)]}
            fresh = self._numbering(dataset, rows)
            if fresh.num_rows:
                appends["entities"] = [self._file(folder / "entities.parquet", fresh, row_group)]
            return Staged(appends, {"accepted": len(rows)}, [dataset.table] if replace_ else [])

        with self.lake.staging() as folder:
            return self.lake.publish(digest, stage, dataset=dataset.name).data_version

    def _file(self, path: Path, table: pa.Table, row_group: int) -> Path:
        pq.write_table(table, path, row_group_size=row_group)
        return path

    def _columns(self, dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> dict[str, pa.Array]:
        columns = {}
        for name in BY_KIND[dataset.kind]:
            if name == "_seq":
                columns[name] = pa.array(range(len(rows)), pa.int64())
            else:
                columns[name] = pa.array([r.get(name[1:]) for r in rows], ROLES[name])
        for field in dataset.fields:
            if not field.column.startswith("_"):
                kind = pa.decimal128(18, 4) if field.type is ValueType.DECIMAL else ARROW[field.type]
                columns[field.column] = pa.array([r.get(field.name) for r in rows], kind)
        return columns | {"_batch": pa.nulls(len(rows), pa.int64())}

    def _numbering(self, dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        first: dict[str, datetime | None] = {}
        lookup = dataset.kind is DatasetKind.LOOKUP
        for row in () if lookup else rows:
            for key in (row.get("entity"), row.get("target")):
                if key is not None:
                    seen = row.get("at")
                    first[key] = (
                        seen if key not in first else None if None in (seen, first[key]) else min(seen, first[key])
                    )
        files = self.lake.files("entities")
        known: dict[str, int] = {}
        if files.columns:
            seen = "bool_or(first_seen IS NULL), min(first_seen)"
            rows = f"SELECT key, min(row), {seen} FROM {scan(files)} WHERE kind = '{dataset.entity_kind}' GROUP BY 1"
            for key, row, always, earliest in self.engine.rows(rows):
                known[key] = row
                if key in first and (always or (first[key] is not None and first[key] >= earliest)):
                    del first[key]
        following = 1 + (self.engine.value(f"SELECT max(row) FROM {scan(files)}") if files.paths else -1)
        numbers = {}
        for key in first:
            numbers[key] = known[key] if key in known else following
            following += key not in known
        return pa.table(
            {
                "kind": pa.array([dataset.entity_kind] * len(numbers), pa.string()),
                "key": pa.array(list(numbers), pa.string()),
                "row": pa.array(list(numbers.values()), pa.int64()),
                "first_seen": pa.array([first[k] for k in numbers], AT),
                "_batch": pa.nulls(len(numbers), pa.int64()),
            }
        )

    def family(self, name: str, kind: str = "customer") -> dict[str, tuple[Any, ...]]:
        """The published family as rows by entity key: (tags...)."""
        from coterie.tags.records import Builds

        record = Builds(self.store, kind).published()
        files = record.families[name].files(self.lake)
        universe = record.universe.files(self.lake)
        rows = self.engine.rows(
            f"SELECT entity, f.* EXCLUDE (row) FROM {scan(files)} f JOIN {scan(universe)} USING (row)"
        )
        return {row[0]: row[1:] for row in rows}
