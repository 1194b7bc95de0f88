"""JSON Schema of rules, made from the kinds of condition and the operators."""

from __future__ import annotations

from typing import Any

from coterie.rules.tree import LEAF_KINDS, VERSION
from coterie.rules.where import FieldLeaf


def rule_json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of rules; it describes shapes, names and types are checked against a workspace.

    >>> rule_json_schema()["$defs"]["tag"]["required"]
    ['tag', 'op']
    """
    scalar = {"type": ["string", "number", "boolean"]}
    relative = [
        {"type": "object", "required": [key], "additionalProperties": False, "properties": {key: {"type": "string"}}}
        for key in ("ago", "ahead")
    ]
    kinds = {key: kind.schema() for key, kind in LEAF_KINDS.items()}
    one = [scalar, *relative]
    definitions = {
        "value": {"anyOf": [*one, {"type": "array", "items": {"anyOf": one}}]},
        **_groups("node", list(kinds)),
        **_groups("where", ["field"]),
        "field": FieldLeaf.schema(),
        **kinds,
    }
    head = {"version": {"const": VERSION}, "entity": {"type": "string", "minLength": 1}, "$schema": {"type": "string"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Coterie rule",
        "anyOf": [_with_head(d, head) for d in [*_group_schemas("node", least=0), *kinds.values()]],
        "$defs": definitions,
    }


def _groups(name: str, leaves: list[str]) -> dict[str, Any]:
    return {name: {"anyOf": [*_group_schemas(name), *({"$ref": f"#/$defs/{leaf}"} for leaf in leaves)]}}


def _group_schemas(name: str, *, least: int = 1) -> list[dict[str, Any]]:
    child = {"$ref": f"#/$defs/{name}"}
    bodies = {
        "all": {"type": "array", "items": child, "minItems": least},
        "any": {"type": "array", "items": child, "minItems": 1},
        "not": child,
        "xor": {"type": "array", "items": child, "minItems": 2},
        "except": {"type": "array", "items": child, "minItems": 2},
    }
    label = {"type": "string", "minLength": 1, "maxLength": 200}
    return [
        {"type": "object", "required": [key], "additionalProperties": False, "properties": {key: body, "name": label}}
        for key, body in bodies.items()
    ]


def _with_head(schema: dict[str, Any], head: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "properties": {**schema["properties"], **head}}
