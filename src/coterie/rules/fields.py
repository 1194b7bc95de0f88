"""Fields of a dataset and of the lookups joined to it, found by the names people use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coterie.catalog.schemas import Dataset, Field, ValueType
from coterie.engines.sql import quote_name
from coterie.errors import Refused, did_you_mean
from coterie.rules.vocabulary import Vocabulary

# Decimal columns have four digits after the point unless the field says otherwise (`catalog.schemas.COLUMN_TYPES`).
DEFAULT_SCALE = 4


@dataclass(frozen=True)
class FieldRef:
    """A field as a rule names it: of the dataset itself, or `LOOKUP.FIELD`."""

    name: str
    type: ValueType
    column: str
    lookup: str | None
    scale: int

    def sql(self, alias: str) -> str:
        """The column, where `alias` is the dataset's.

        >>> FieldRef("products.Price", ValueType.DECIMAL, "Price", "products", 4).sql("e")
        '"e.products"."Price"'
        """
        return f"{quote_name(alias if self.lookup is None else f'{alias}.{self.lookup}')}.{quote_name(self.column)}"


def find_field(dataset: Dataset, name: str, vocabulary: Vocabulary, place: str) -> FieldRef:
    """The field of that name, in the dataset or a lookup that joins to it; Refused `unknown_field` with a near name."""
    own = dataset.field(name)
    if own is not None:
        return _ref(name, own, None)
    for lookup in dataset.joins:
        if name.startswith(f"{lookup}."):
            field = vocabulary.dataset(lookup).field(name[len(lookup) + 1 :])
            if field is not None:
                return _ref(name, field, lookup)
    known = field_names(dataset, vocabulary)
    fix = did_you_mean(name, known) or f"There is: {', '.join(known[:8])}{', ...' if len(known) > 8 else ''}."
    raise Refused("unknown_field", f'"{name}" is not a field of "{dataset.name}".', place=place, fix=fix)


def field_names(dataset: Dataset, vocabulary: Vocabulary) -> list[str]:
    """All names that `find_field` knows for a dataset."""
    own = [f.name for f in dataset.fields]
    return own + [f"{lookup}.{f.name}" for lookup in dataset.joins for f in vocabulary.dataset(lookup).fields]


def joins_sql(dataset: Dataset, lookups: Iterable[str], vocabulary: Vocabulary, alias: str) -> str:
    """The joins that bring the lookups' fields to each row of `dataset:NAME` as `alias`; empty text for none.

    Keys of lookups are text and unique in their view, so that no row is doubled.
    """
    joins = []
    for lookup in sorted(set(lookups)):
        name = dataset.joins[lookup]
        field = dataset.field(name)
        if field is None:  # only after a definition was changed by hand
            said = f'"{dataset.name}" joins "{lookup}" by "{name}", which it does not have.'
            raise Refused("unknown_field", said, place=lookup, fix="Import the dataset again, or change its `joins`.")
        key = f"{quote_name(alias)}.{quote_name(field.column)}"
        if _type(field) is not ValueType.TEXT:
            key = f"CAST({key} AS VARCHAR)"
        other = quote_name(f"{alias}.{lookup}")
        joins.append(f'\nLEFT JOIN {quote_name(f"dataset:{lookup}")} AS {other} ON {other}."_entity" = {key}')
    return "".join(joins)


def _ref(name: str, field: Field, lookup: str | None) -> FieldRef:
    return FieldRef(name, _type(field), field.column, lookup, DEFAULT_SCALE if field.scale is None else field.scale)


def _type(field: Field) -> ValueType:
    """Keys are kept as text, whatever the imported file's column looked like."""
    return ValueType.TEXT if field.column in ("_entity", "_key", "_target") else field.type
