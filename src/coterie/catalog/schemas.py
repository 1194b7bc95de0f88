"""Definitions as plain data: datasets with their fields, tags with how they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias


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


# Column types of the lake (DuckDB's names). Money is exact; moments are UTC; a path is its levels from the top, as a
# list.
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

    The lake table `data/NAME` has the fields' columns and, by kind, `_entity` VARCHAR (the key as imported; of a
    lookup its own key), `_at` TIMESTAMPTZ (event time, or since when a profile row or a record's state is valid;
    missing = always), `_key` VARCHAR (id of an event or record), `_target` VARCHAR and `_weight` DOUBLE (edges),
    `_values` FLOAT[] (vectors), `_seq` BIGINT (order within its batch; of profiles, records, edges, lookups) and
    `_batch` BIGINT.

    entity, time, key, target, weight : names of the imported columns that took these roles.
    joins : lookup dataset -> field of this dataset that holds the lookup's key. Filled at import where a field has the
        same name as a lookup's key column.
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


class Measure(StrEnum):
    """What an aggregate computes over the rows it looks at; `tags/measures.py` holds how."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    DISTINCT = "distinct"
    FIRST = "first"
    LAST = "last"
    MODE = "mode"
    DAYS_SINCE = "days_since"
    DAYS_SINCE_FIRST = "days_since_first"
    TREND = "trend"
    DECAYED_SUM = "decayed_sum"
    SHARE = "share"


# A condition on rows: a where-tree of a rule, or a boolean expression.
Condition: TypeAlias = Mapping[str, Any] | str


@dataclass(frozen=True)
class FieldOf:
    """The value of a profiles field that is valid at the as-of."""

    dataset: str
    field: str


@dataclass(frozen=True)
class Aggregate:
    """A measure over an entity's rows of an events, records or edges dataset.

    of : expression over the dataset's fields and those of its lookups; what is measured.
    where : only rows that satisfy it; of `share`, the rows that are counted among all rows.
    among : of `share` only, the rows of which the share is taken.
    within : only rows in (as-of - span, as-of]; between : only rows in (as-of - first, as-of - second].
    half_life : of `decayed_sum`, the time in which a row's weight halves: hours, days or weeks of exact length.
    end : of edges, whose edges these are: of the `entity` end, the `target` end, or `both`.
    """

    dataset: str
    measure: Measure
    of: str | None = None
    where: Condition | None = None
    among: Condition | None = None
    within: str | None = None
    between: tuple[str, str] | None = None
    half_life: str | None = None
    end: str = "entity"


@dataclass(frozen=True)
class Formula:
    """An expression over other tags."""

    expression: str


@dataclass(frozen=True)
class Band:
    """The name of the range a tag's value lies in: below `edges[0]` the first label, from `edges[i]` on label i + 1."""

    tag: str
    edges: tuple[int | float | Decimal, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Score:
    """1 + floor(parts x share of entities strictly worse): from 1 to `parts`, equal values share a score.

    The share is of all entities; a missing value is worse than none and has none worse than it.
    better : `high` or `low`, which values are better.
    missing : the score of a missing value; None leaves it missing.
    """

    tag: str
    parts: int = 5
    better: str = "high"
    missing: int | None = None


@dataclass(frozen=True)
class Cell:
    """Values of tags written one after the other as text, such as scores 5, 4, 3 as `543`; missing if one is."""

    tags: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """A column of a published frame; the newest publish by as-of counts, whole."""

    dataset: str
    column: str


@dataclass(frozen=True)
class ListMember:
    """Whether the entity is on an uploaded list."""

    list: str


TagSpec: TypeAlias = FieldOf | Aggregate | Formula | Band | Score | Cell | Published | ListMember
Texts: TypeAlias = Mapping[str, str]  # by language: `en`, `zh`


@dataclass(frozen=True)
class TagDefinition:
    """A tag: a named, typed value per entity, and how it is made.

    family : tags computed and stored together; the table `tags/KIND/FAMILY` has a column of the tag's name.
    category : place in the tree of tags, from the top.
    levels : names of single values, by value.
    recipe : the recipe that made it, if one did.
    """

    name: str
    type: ValueType
    spec: TagSpec
    family: str
    entity_kind: str = "customer"
    label: Texts = field(default_factory=dict)
    description: Texts = field(default_factory=dict)
    category: tuple[str, ...] = ()
    unit: str | None = None
    owner: str | None = None
    levels: Mapping[str, Texts] = field(default_factory=dict)
    recipe: str | None = None


@dataclass(frozen=True)
class RecipeUse:
    """A recipe turned on: its name, the options it was given, and the prefix of the tags it makes."""

    recipe: str
    options: Mapping[str, Any] = field(default_factory=dict)
    prefix: str | None = None
    entity_kind: str = "customer"

    @property
    def id(self) -> str:
        """The name under which it is kept, and the prefix of its tags."""
        return self.prefix or self.recipe
