"""Definitions as plain data: datasets with their fields, tags with how they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ValueType(StrEnum):
    """The type of a field or a tag, as people name it; `TYPES` below gives its column type."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    MOMENT = "moment"
    TEXTS = "texts"
    PATH = "path"
    VECTOR = "vector"


# Column types of the lake (DuckDB's names). Money is exact; moments are UTC; a path is its levels from the top, as a list.
COLUMN_TYPES: Mapping[ValueType, str] = {
    ValueType.TEXT: "VARCHAR",
    ValueType.INTEGER: "BIGINT",
    ValueType.DECIMAL: "DECIMAL(18, 4)",
    ValueType.NUMBER: "DOUBLE",
    ValueType.BOOLEAN: "BOOLEAN",
    ValueType.DATE: "DATE",
    ValueType.MOMENT: "TIMESTAMPTZ",
    ValueType.TEXTS: "VARCHAR[]",
    ValueType.PATH: "VARCHAR[]",
    ValueType.VECTOR: "FLOAT[]",
}

NUMERIC = frozenset({ValueType.INTEGER, ValueType.DECIMAL, ValueType.NUMBER})


class DatasetKind(StrEnum):
    """What an imported table is. `scores` are frames published as tags; the newest publish by as-of counts, whole."""

    PROFILES = "profiles"
    EVENTS = "events"
    RECORDS = "records"
    EDGES = "edges"
    VECTORS = "vectors"
    LOOKUP = "lookup"
    SCORES = "scores"


@dataclass(frozen=True)
class Field:
    """One column of a dataset under the name people use.

    name : as in the imported file.
    type : what its values are.
    column : the column of the lake table: the name itself, or `_entity`, `_at`, `_key` for the columns with a role.
    scale : decimal digits after the point; only of DECIMAL.
    """

    name: str
    type: ValueType
    column: str
    scale: int | None = None
    label: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """An imported table.

    The lake table `data/NAME` has the fields' columns and, by kind, `_entity` VARCHAR (the key as imported; of a lookup its own
    key), `_at` TIMESTAMPTZ (event time, or since when a profile row or a record's state is valid; missing = always),
    `_key` VARCHAR (id of an event or record), `_target` VARCHAR and `_weight` DOUBLE (edges), `_values` FLOAT[] (vectors),
    `_seq` BIGINT (order within its batch; of profiles, records, edges, lookups) and `_batch` BIGINT.

    entity, time, key, target, weight : names of the imported columns that took these roles.
    joins : lookup dataset -> field of this dataset that holds the lookup's key. Filled at import where a field has the same
        name as a lookup's key column.
    partial : a missing value leaves the older one standing (Segment `identify`), instead of replacing the whole row.
    """

    name: str
    kind: DatasetKind
    fields: tuple[Field, ...]
    entity_kind: str = "customer"
    entity: str | None = None
    time: str | None = None
    key: str | None = None
    target: str | None = None
    weight: str | None = None
    modality: str | None = None
    joins: Mapping[str, str] = field(default_factory=dict)
    partial: bool = False

    @property
    def table(self) -> str:
        """The lake table."""
        return f"data/{self.name}"

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)
