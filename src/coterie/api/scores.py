"""A customer's scores with what they come from: the tags that a score, a band or a segment was made of, and where the
customer stands in each among everybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coterie.api import people
from coterie.api.door import Door
from coterie.catalog.schemas import Band, Cell, Formula, Score, TagDefinition, ValueType
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_name, quote_value
from coterie.kit.plain import plain
from coterie.tags.dictionary import entries
from coterie.tags.families import needs
from coterie.tags.records import BuildRecord, Builds

_SEGMENT, _MOST = "segment.", 4  # reasons of a segment, those that stand out most
_NUMBERS = frozenset({ValueType.INTEGER, ValueType.DECIMAL, ValueType.NUMBER})


def scores_of(door: Door, entity: str, kind: str, language: str) -> list[dict[str, Any]]:
    """The scores of a customer, with a value each, and their reasons.

    A row is `tag`, `label`, `value`, `how` and `reasons`: of each tag that it was made of its `tag`, `label`, `value`
    and `below`, the share of those with a value who have a lower one (None where values have no order). Of a segment
    the reasons are the tags it was found by in which the customer stands out most.
    """
    with door.ws.engine.cursor() as engine:
        _, row = people.row_of(door, engine, entity, kind)
    record = Builds(door.ws.store, kind).published()
    tags = door.ws.catalog.tags(kind)
    made = {name: _made_of(door, tag) for name, tag in tags.items()}
    made = {name: parts for name, parts in made.items() if parts}
    wanted = dict.fromkeys([*made, *(part for parts in made.values() for part in parts)])
    shown = {entry["tag"]: entry for entry in entries(door.ws.tag_context, language, entity_kind=kind)}
    held, below = _standing(door, record, row, list(wanted), tags)
    known = door.mask.row(held)
    found = []
    for name, parts in made.items():
        if known.get(name) is not None and name in shown:
            reasons = [_reason(part, shown, known, below, door) for part in parts if part in shown]
            head = {"tag": name, "label": shown[name]["label"], "value": known[name], "how": shown[name]["how"]}
            found.append({**head, "reasons": _foremost(reasons) if name.startswith(_SEGMENT) else reasons})
    return found


def _made_of(door: Door, tag: TagDefinition) -> Sequence[str]:
    """The tags that a score is made of; of other tags none."""
    if isinstance(tag.spec, Score | Band | Cell | Formula):
        return needs(tag)
    if tag.name.startswith(_SEGMENT):
        known = door.ws.segments.rows()
        name = tag.name.removeprefix(_SEGMENT)
        if any(row["segmentation"] == name for row in known):
            return [str(part) for part in door.ws.segments.show(name)["tags"]]
    return ()


def _reason(
    part: str, shown: Mapping[str, Any], known: Mapping[str, Any], below: Mapping[str, float], door: Door
) -> dict[str, Any]:
    hidden = door.mask.hides(part)
    told = {"tag": part, "label": shown[part]["label"], "unit": shown[part]["unit"], "value": known.get(part)}
    return {**told, "below": None if hidden else below.get(part)}


def _foremost(reasons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those in which the customer stands furthest from the middle."""
    told = [reason for reason in reasons if reason["below"] is not None]
    return sorted(told, key=lambda reason: -abs(reason["below"] - 0.5))[:_MOST]


def _standing(
    door: Door, record: BuildRecord | None, row: int, names: Iterable[str], tags: Mapping[str, TagDefinition]
) -> tuple[dict[str, Any], dict[str, float]]:
    """The customer's values, and of numbers the share of those with a value who have a lower one."""
    held: dict[str, Any] = {}
    below: dict[str, float] = {}
    wanted = set(names)
    if record is None:
        return held, below
    with door.ws.engine.cursor() as engine:
        for table in record.families.values():
            files = table.files(door.ws.lake)
            columns = [name for name, _ in table.columns if name in wanted]
            if files is None or not columns:
                continue
            listed = ", ".join(map(quote_name, columns))
            mine = engine.arrow(f"SELECT {listed} FROM {scan(files)} WHERE row = {int(row)}").to_pylist()
            values = plain(mine[0]) if mine else {}
            held |= values
            numbers = [c for c in columns if values.get(c) is not None and c in tags and tags[c].type in _NUMBERS]
            if numbers:
                shares = ", ".join(
                    f"count(*) FILTER ({quote_name(c)} < {quote_value(values[c])}) / nullif(count({quote_name(c)}), 0)"
                    for c in numbers
                )
                told = engine.row(f"SELECT {shares} FROM {scan(files)}")
                below |= {c: float(share) for c, share in zip(numbers, told, strict=True) if share is not None}
    return held, below
