"""The keys `op` and `value` of a condition: read, written, typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import ValueType
from coterie.errors import Refused
from coterie.rules.operators import OPERATORS, Operand, Operator, check_type, find_operator
from coterie.rules.values import Raw, freeze, thaw


def read_comparison(body: Mapping[str, Raw], place: str) -> tuple[str, Raw]:
    """The operator's key and the raw value; Refused where one is missing or too many."""
    if "op" not in body:
        raise Refused("bad_rule", '"op" is missing.', place=place, fix=f"Write one of {', '.join(OPERATORS)}.")
    operator = find_operator(body["op"], place)
    if operator.operand is Operand.NONE:
        if body.get("value") is not None:
            raise Refused("bad_rule", f'"{operator.key}" takes no value.', place=place, fix='Leave "value" out.')
        return operator.key, None
    if "value" not in body:
        raise Refused("bad_rule", '"value" is missing.', place=place, fix=f"Write {operator.operand.value}.")
    return operator.key, freeze(body["value"], place)


def comparison_json(op: str, value: Raw) -> dict[str, Raw]:
    """The keys as JSON."""
    return {"op": op} if OPERATORS[op].operand is Operand.NONE else {"op": op, "value": thaw(value)}


def comparison_schema(key: str, operators: Iterable[str] = OPERATORS) -> dict[str, Any]:
    """JSON Schema of a condition that names `key` and compares it."""
    return {
        "type": "object",
        "required": [key, "op"],
        "additionalProperties": False,
        "properties": {
            key: {"type": "string", "minLength": 1},
            "op": {"enum": list(operators)},
            "value": {"$ref": "#/$defs/value"},
        },
    }


def bind_comparison(
    op: str, value: Raw, kind: ValueType, *, name: str, place: str, as_of: datetime, tz: ZoneInfo
) -> tuple[Operator, Any]:
    """The operator and its operand, typed and resolved at the as-of, for values of type `kind`; Refused where they do not fit."""
    operator = OPERATORS[op]
    check_type(operator, kind, name=name, place=place)
    operand = operator.read(value, kind, tz, name=name, place=place)
    return operator, operator.resolve(operand, kind, as_of, tz, place)
