"""A segment as a rule: for an audience, and as SQL that another system understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coterie.engines.sql import quote_name, quote_value
from coterie.errors import NotFound, Refused
from coterie.learn.segments.frames import tag_name
from coterie.learn.segments.registry import Version

_SIGNS = {"gte": ">=", "gt": ">", "lt": "<", "lte": "<=", "eq": "=", "ne": "<>"}
_EXISTS = {"exists": "IS NOT NULL", "not_exists": "IS NULL"}
WAYS = ("tag", "rule")


def segment_rule(version: Version, segment: int, by: str) -> dict[str, Any]:
    """The rule of a segment.

    by : `tag`, who has the segment in the published tag, or `rule`, whom the explaining rule finds (among the audience that
        was segmented).
    Raises Refused: another way. NotFound: no such segment, or none with a rule.
    """
    if by not in WAYS:
        raise Refused("bad_argument", f'"{by}" is no way to find a segment.', place="--by", fix="Use tag or rule.")
    check_segment(version, segment)
    if by == "tag":
        return {"tag": tag_name(version.name), "op": "eq", "value": segment}
    found = version.body["summary"].get("rules", {}).get(str(segment))
    if found is None or not (found["rule"].get("all") or found["rule"].get("any")):
        fix = "Use `--by tag`."
        raise NotFound("unknown_name", f"No rule was found for segment {segment}.", place="segment", fix=fix)
    rule: dict[str, Any] = found["rule"]
    audience = version.body.get("audience")
    return rule if audience is None else {"all": [{"audience": audience}, rule]}


def check_segment(version: Version, segment: int) -> None:
    """Refuse a segment that a version does not have."""
    if segment not in version.model.ids:
        there = ", ".join(str(i) for i in version.model.ids)
        said = f'"{version.name}" has no segment {segment} in version {version.number}.'
        raise NotFound("unknown_name", said, place="segment", fix=f"There is: {there}.")


def segment_sql(rule: Mapping[str, Any]) -> str:
    """One SELECT of the keys that a segment's rule finds, over the view `tags`, as an audience by SQL takes it.

    >>> print(segment_sql({"all": [{"tag": "rfm.frequency", "op": "gte", "value": 3}, {"tag": "city", "op": "exists"}]}))
    SELECT entity
    FROM tags
    WHERE "rfm.frequency" >= 3
      AND "city" IS NOT NULL
    """
    return f"SELECT entity\nFROM tags\nWHERE {_condition(rule, 0)}"


def _condition(rule: Mapping[str, Any], depth: int) -> str:
    for key, sign in (("all", "AND"), ("any", "OR")):
        if key in rule:
            parts = [_condition(part, depth + 1) for part in rule[key]]
            if len(parts) == 1:
                return parts[0]
            return f"\n  {sign} ".join(parts) if depth == 0 else f"({f' {sign} '.join(parts)})"
    column, op = quote_name(rule["tag"]), rule["op"]
    if op in _EXISTS:
        return f"{column} {_EXISTS[op]}"
    return f"{column} {_SIGNS[op]} {quote_value(rule['value'])}"
