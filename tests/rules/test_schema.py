"""The JSON Schema of rules: what reads is valid, what has a wrong shape is not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coterie.rules import LEAF_KINDS, OPERATORS, parse_rule, rule_json_schema

from .world import make_world, rules

SCHEMA = json.loads(json.dumps(rule_json_schema()))
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
}


def valid(value: Any, schema: dict[str, Any]) -> bool:
    """A validator of the words of JSON Schema that ours uses; an unknown word is an error."""
    for word, wanted in schema.items():
        match word:
            case "$ref":
                good = valid(value, SCHEMA["$defs"][wanted.removeprefix("#/$defs/")])
            case "anyOf":
                good = any(valid(value, s) for s in wanted)
            case "type":
                good = any(_is(value, t) for t in ([wanted] if isinstance(wanted, str) else wanted))
            case "const":
                good = value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
            case "enum":
                good = value in wanted
            case "required":
                good = not isinstance(value, dict) or set(wanted) <= set(value)
            case "properties":
                good = not isinstance(value, dict) or all(valid(v, wanted[k]) for k, v in value.items() if k in wanted)
            case "additionalProperties":
                if wanted is not False:
                    extra = set(value) - set(schema.get("properties", {})) if isinstance(value, dict) else set()
                    good = all(valid(value[k], wanted) for k in extra)
                    continue
                good = not isinstance(value, dict) or set(value) <= set(schema["properties"])
            case "items":
                good = not isinstance(value, list) or all(valid(v, wanted) for v in value)
            case "minItems" | "maxItems" | "minLength" | "maxLength":
                size = len(value) if isinstance(value, list | str) else None
                good = size is None or (size >= wanted if word.startswith("min") else size <= wanted)
            case "minimum" | "maximum" | "exclusiveMinimum":
                size = value if _is(value, "number") else None
                good = size is None or (
                    size <= wanted if word == "maximum" else size >= wanted if word == "minimum" else size > wanted
                )
            case "minProperties":
                good = not isinstance(value, dict) or len(value) >= wanted
            case "pattern":
                good = not isinstance(value, str) or re.search(wanted, value) is not None
            case "$schema" | "title" | "$defs":
                good = True
            case _:
                raise AssertionError(f"the schema uses {word!r}")
        if not good:
            return False
    return True


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


@given(st.integers(0, 10**9), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_rules_are_valid_as_written_and_as_read(seed: int, data: st.DataObject) -> None:
    raw = data.draw(rules(make_world(seed), wide=True))
    assert valid(json.loads(json.dumps(raw, default=float)), SCHEMA)
    assert valid(json.loads(json.dumps(parse_rule(raw).as_json())), SCHEMA)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        [],
        {"all": {}},
        {"any": []},
        {"not": []},
        {"all": [{"all": []}]},
        {"all": [], "any": []},
        {"tag": "a"},
        {"tag": 1, "op": "exists"},
        {"tag": "a", "op": "like", "value": 1},
        {"tag": "a", "op": "eq", "value": {"before": "1d"}},
        {"tag": "a", "op": "eq", "value": None},
        {"events": "o", "op": "contains", "value": "x"},
        {"events": "o", "within": "30 days"},
        {"events": "o", "between": ["1d"]},
        {"events": "o", "where": {"tag": "a", "op": "exists"}},
        {"events": "o", "never": False},
        {"list": "x", "extra": 1},
        {"version": 2, "all": []},
    ],
)
def test_wrong_shapes_are_not_valid(raw: Any) -> None:
    assert not valid(raw, SCHEMA)


def test_the_schema_follows_the_tables() -> None:
    assert SCHEMA["$defs"]["tag"]["properties"]["op"]["enum"] == list(OPERATORS)
    assert set(LEAF_KINDS) <= set(SCHEMA["$defs"])
