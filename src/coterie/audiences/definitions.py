"""`coterie.yaml`: recipes, tags and audiences of a workspace as one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from coterie.audiences.life import PURPOSES, About
from coterie.errors import Refused
from coterie.tags.definitions_file import Definitions, read_body


@dataclass(frozen=True)
class WorkspaceFile:
    """What the file holds; audiences by name, each with `rule` and perhaps `description`."""

    tags: Definitions
    audiences: Mapping[str, Mapping[str, Any]]


def read_workspace_file(path: Path) -> WorkspaceFile:
    """Read the file. Raises Refused(`bad_definition`): it is no YAML or not of this shape, with the place."""
    import yaml

    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {}
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Refused("bad_definition", f"The file cannot be read: {said}.", place=path.name) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path.name}, line {mark.line + 1}" if mark is not None else path.name
        fix = "Check indentation, colons and quotes."
        raise Refused("bad_definition", "This is not YAML.", place=place, fix=fix) from None
    if not isinstance(body, dict):
        fix = "Write `recipes:`, `tags:` or `audiences:`."
        raise Refused("bad_definition", "There are no definitions.", place=path.name, fix=fix)
    audiences = body.pop("audiences", None) or {}
    if not isinstance(audiences, dict):
        raise Refused("bad_definition", "`audiences` holds names.", place="audiences", fix="Write `NAME: {rule: ...}`.")
    for name, audience in audiences.items():
        if not isinstance(audience, dict) or "rule" not in audience:
            raise Refused("bad_definition", f'"{name}" has no rule.', place=f"audiences.{name}", fix="Add `rule:`.")
    return WorkspaceFile(read_body(body, place=path.name), audiences)


def _about_schema() -> dict[str, Any]:
    kinds: dict[str, Any] = {f.name: {"type": "string"} for f in fields(About)}
    return kinds | {"shared": {"type": "boolean"}, "purpose": {"enum": list(PURPOSES)}}


def workspace_json_schema() -> dict[str, Any]:
    """JSON Schema of `coterie.yaml`."""
    from coterie.rules.schema import rule_json_schema

    rule = rule_json_schema()
    definitions = rule.pop("$defs", {})
    named = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    audience = {"type": "object", "required": ["rule"], "properties": {"rule": rule, **_about_schema()}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "coterie.yaml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "recipes": {"type": "array", "items": {"type": "object", "required": ["recipe"]}},
            "tags": {"type": "array", "items": named},
            "audiences": {"type": "object", "additionalProperties": audience},
        },
        "$defs": definitions,
    }
