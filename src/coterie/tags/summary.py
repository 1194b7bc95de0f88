"""What the dictionary tells of a tag's values: coverage, least and greatest, and how they are distributed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coterie.catalog.schemas import NUMERIC, TagDefinition, ValueType
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name
from coterie.kit.plain import plain

SAMPLE = 10_000
_TOP = 10
_LISTS = frozenset({ValueType.TEXTS, ValueType.PATH, ValueType.VECTOR})
_TIMES = frozenset({ValueType.DATE, ValueType.MOMENT})


def summarise(engine: Engine, relation: str, tags: Sequence[TagDefinition], rows: int) -> dict[str, dict[str, Any]]:
    """By tag: `present` (entities with a value), `min`, `max` (where values have an order), and of a sample of evenly
    spaced entities `deciles` (numbers, dates) or `top` (value and count, others). The same rows give the same
    summary."""
    if not tags:
        return {}
    whole = [f"count({quote_name(t.name)})" for t in tags]
    ordered = [t for t in tags if t.type in NUMERIC | _TIMES]
    whole += [f"{f}({quote_name(t.name)})" for t in ordered for f in ("min", "max")]
    values = iter(engine.row(f"SELECT {', '.join(whole)} FROM {relation}"))
    summary: dict[str, dict[str, Any]] = {t.name: {"present": next(values)} for t in tags}
    for tag in ordered:
        summary[tag.name] |= {"min": plain(next(values)), "max": plain(next(values))}
    step = max(1, -(-rows // SAMPLE))
    columns = ", ".join(quote_name(t.name) for t in tags)
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE summary_sample AS SELECT {columns} FROM {relation} WHERE row % {step} = 0"
    )
    deciles = [f"quantile_disc({quote_name(t.name)}, [.1, .2, .3, .4, .5, .6, .7, .8, .9])" for t in ordered]
    if ordered:
        for tag, found in zip(ordered, engine.row(f"SELECT {', '.join(deciles)} FROM summary_sample"), strict=True):
            summary[tag.name]["deciles"] = plain(found)
    for tag in tags:
        if tag.type not in NUMERIC | _TIMES | {ValueType.VECTOR}:
            summary[tag.name]["top"] = _top(engine, tag)
    engine.execute("DROP TABLE summary_sample")
    return summary


def _top(engine: Engine, tag: TagDefinition) -> list[list[Any]]:
    name = quote_name(tag.name)
    values = (
        f"SELECT unnest({name}) AS v FROM summary_sample"
        if tag.type in _LISTS
        else f"SELECT {name} AS v FROM summary_sample"
    )
    found = engine.rows(
        f"SELECT v, count(*) AS n FROM ({values}) WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT {_TOP}"
    )
    return [[plain(value), count] for value, count in found]
