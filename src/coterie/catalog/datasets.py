"""Datasets as documents: the plain dict that the metadata store and `coterie.yaml` hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType

_ROLES = ("entity", "time", "key", "target", "weight", "modality")


def dataset_to_dict(dataset: Dataset) -> dict[str, Any]:
    """The document of a dataset; what is empty is left out.

    >>> country = Field("Country", ValueType.TEXT, "Country")
    >>> dataset_to_dict(Dataset("orders", DatasetKind.EVENTS, (country,), entity="CustomerID"))
    {'name': 'orders', 'kind': 'events', 'entity_kind': 'customer', 'entity': 'CustomerID',
     'fields': [{'name': 'Country', 'type': 'text', 'column': 'Country'}]}
    """
    body: dict[str, Any] = {"name": dataset.name, "kind": dataset.kind.value, "entity_kind": dataset.entity_kind}
    body |= {role: value for role in _ROLES if (value := getattr(dataset, role)) is not None}
    body["fields"] = [field_to_dict(f) for f in dataset.fields]
    if dataset.joins:
        body["joins"] = dict(dataset.joins)
    if dataset.partial:
        body["partial"] = True
    return body


def field_to_dict(field: Field) -> dict[str, Any]:
    """The document of a field."""
    body: dict[str, Any] = {"name": field.name, "type": field.type.value, "column": field.column}
    optional = {"scale": field.scale, "label": dict(field.label), "description": dict(field.description)}
    return body | {k: v for k, v in optional.items() if v not in (None, {})}


def dataset_from_dict(body: Mapping[str, Any]) -> Dataset:
    """The dataset of a document that `dataset_to_dict` made.

    >>> country = Field("Country", ValueType.TEXT, "Country")
    >>> orders = Dataset("orders", DatasetKind.EVENTS, (country,), joins={"shops": "Country"})
    >>> dataset_from_dict(dataset_to_dict(orders)) == orders
    True
    """
    roles = {role: body.get(role) for role in _ROLES}
    return Dataset(
        name=body["name"],
        kind=DatasetKind(body["kind"]),
        fields=tuple(field_from_dict(f) for f in body["fields"]),
        entity_kind=body.get("entity_kind", "customer"),
        joins=dict(body.get("joins", {})),
        partial=bool(body.get("partial", False)),
        **roles,
    )


def field_from_dict(body: Mapping[str, Any]) -> Field:
    """The field of a document."""
    return Field(
        name=body["name"],
        type=ValueType(body["type"]),
        column=body["column"],
        scale=body.get("scale"),
        label=dict(body.get("label", {})),
        description=dict(body.get("description", {})),
    )
