"""`coterie.yaml`: recipes, tags, blocks, audiences, alerts, content, campaigns and journeys of a workspace as one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from coterie.audiences.life import PURPOSES, About
from coterie.audiences.resolve import AUDIENCE, BLOCK, names_in
from coterie.errors import Refused, did_you_mean
from coterie.tags.definitions_file import Definitions, read_body

ALERT_FIELDS = ("audience", "when", "to", "language")


class Saved(NamedTuple):
    """A block or an audience of the file; `kind` is `block` or `audience`."""

    kind: str
    name: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class WorkspaceFile:
    """What the file holds; blocks and audiences by name, each with `rule` and perhaps `description`; alerts by name.

    content : of the library by name, each with `kind` and `body`, and `published: true` where it is to be used.
    campaigns, journeys : by name, as people write them.
    """

    tags: Definitions
    audiences: Mapping[str, Mapping[str, Any]]
    blocks: Mapping[str, Mapping[str, Any]]
    alerts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    content: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    campaigns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    journeys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def in_order(self) -> list[Saved]:
        """Blocks and audiences, those that others name before these.

        >>> a, b = {"rule": {"block": "b"}}, {"rule": {"tag": "age", "op": "exists"}}
        >>> [s.name for s in WorkspaceFile(Definitions([], []), {"a": a}, {"b": b}).in_order()]
        ['b', 'a']

        Raises Refused(`audience_cycle`): they name each other in a circle.
        """
        waiting = {(BLOCK, name): body for name, body in self.blocks.items()}
        waiting |= {(AUDIENCE, name): body for name, body in self.audiences.items()}
        names = {key: {(k, n) for k in (BLOCK, AUDIENCE) for n in names_in(b["rule"], k)} for key, b in waiting.items()}
        found: list[Saved] = []
        while waiting:
            free = [key for key in waiting if not names[key] - {key} & waiting.keys()]
            if not free:
                said = f"These name each other in a circle: {', '.join(name for _, name in waiting)}."
                place = "{}s.{}".format(*next(iter(waiting)))
                raise Refused("audience_cycle", said, place=place, fix="Take one of these conditions out.")
            found += [Saved(*key, waiting.pop(key)) for key in free]
        return found


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
        fix = "Write `recipes:`, `tags:`, `blocks:`, `audiences:`, `alerts:`, `content:`, `campaigns:` or `journeys:`."
        raise Refused("bad_definition", "There are no definitions.", place=path.name, fix=fix)
    audiences, blocks, alerts = _rules_of(body, "audiences"), _rules_of(body, "blocks"), _alerts_of(body)
    content, campaigns, journeys = _content_of(body), _named_of(body, "campaigns"), _named_of(body, "journeys")
    for name, block in blocks.items():
        for key in block:
            if key not in ("rule", "description"):
                fix = did_you_mean(key, ("rule", "description")) or "There are: rule, description."
                raise Refused("bad_definition", f'A block has no "{key}".', place=f"blocks.{name}", fix=fix)
    return WorkspaceFile(read_body(body, place=path.name), audiences, blocks, alerts, content, campaigns, journeys)


def _rules_of(body: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """The part of the file with named rules, taken out of it."""
    found = body.pop(key, None) or {}
    if not isinstance(found, dict):
        raise Refused("bad_definition", f"`{key}` holds names.", place=key, fix="Write `NAME: {rule: ...}`.")
    for name, saved in found.items():
        if not isinstance(saved, dict) or not isinstance(saved.get("rule"), dict):
            raise Refused("bad_definition", f'"{name}" has no rule.', place=f"{key}.{name}", fix="Add `rule:`.")
    return {str(name): saved for name, saved in found.items()}


def _alerts_of(body: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The alerts of the file, taken out of it; what they say is checked where they are added."""
    found = body.pop("alerts", None) or {}
    fix = "Write `NAME: {audience: ..., when: above 5000}`, and perhaps `to` and `language`."
    if not isinstance(found, dict):
        raise Refused("bad_definition", "`alerts` holds names.", place="alerts", fix=fix)
    for name, alert in found.items():
        known = isinstance(alert, dict) and {"audience", "when"} <= alert.keys() <= set(ALERT_FIELDS)
        if not known or not all(isinstance(value, str) for value in alert.values()):
            raise Refused("bad_definition", f'"{name}" is no alert.', place=f"alerts.{name}", fix=fix)
    return {str(name): {"language": "en", **alert} for name, alert in found.items()}


def _content_of(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The library of the file, taken out of it, dynamic copy first, since others use it; bodies are checked when saved."""
    found = body.pop("content", None) or {}
    fix = "Write `NAME: {kind: template, body: {...}}`, and `published: true` where it is to be used."
    if not isinstance(found, dict):
        raise Refused("bad_definition", "`content` holds names.", place="content", fix=fix)
    for name, item in found.items():
        if not isinstance(item, dict) or not {"kind", "body"} <= item.keys() <= {"kind", "body", "published"}:
            raise Refused("bad_definition", f'"{name}" is no content.', place=f"content.{name}", fix=fix)
    ordered = sorted(found.items(), key=lambda pair: pair[1]["kind"] != "dynamic")
    return {str(name): {k: v for k, v in item.items() if v is not False} for name, item in ordered}


def _named_of(body: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """Campaigns or journeys of the file by name, taken out of it; what they say is checked where they are saved."""
    found = body.pop(key, None) or {}
    if not isinstance(found, dict):
        raise Refused("bad_definition", f"`{key}` holds names.", place=key, fix="Write `NAME: {...}`.")
    for name, item in found.items():
        if not isinstance(item, dict) or "name" in item:
            fix = "Write its parts below its name, without `name:`."
            raise Refused("bad_definition", f'"{name}" cannot be read.', place=f"{key}.{name}", fix=fix)
    return {str(name): item for name, item in found.items()}


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
    block = {"type": "object", "required": ["rule"], "additionalProperties": False}
    block["properties"] = {"rule": rule, "description": {"type": "string"}}
    alert = {"type": "object", "required": ["audience", "when"], "additionalProperties": False}
    alert["properties"] = {name: {"type": "string"} for name in ALERT_FIELDS}
    content = {"type": "object", "required": ["kind", "body"], "additionalProperties": False}
    kinds = {"enum": ["template", "dynamic", "page"]}
    content["properties"] = {"kind": kinds, "body": {"type": "object"}, "published": {"type": "boolean"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "coterie.yaml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "recipes": {"type": "array", "items": {"type": "object", "required": ["recipe"]}},
            "tags": {"type": "array", "items": named},
            "blocks": {"type": "object", "additionalProperties": block},
            "audiences": {"type": "object", "additionalProperties": audience},
            "alerts": {"type": "object", "additionalProperties": alert},
            "content": {"type": "object", "additionalProperties": content},
            **{
                part: {"type": "object", "additionalProperties": {"type": "object"}}
                for part in ("campaigns", "journeys")
            },
        },
        "$defs": definitions,
    }
