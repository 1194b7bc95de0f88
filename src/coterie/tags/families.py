"""Families as SQL: the values of all tags of a family from states, published frames and the families before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from coterie.catalog.schemas import (
    COLUMN_TYPES,
    Aggregate,
    Band,
    Cell,
    FieldOf,
    Formula,
    ListMember,
    Published,
    Score,
    TagDefinition,
    ValueType,
)
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.rules.expressions import Resolved, parse_expression
from coterie.tags.aggregates import CompiledAggregate

_SCALE = re.compile(r"DECIMAL\(\d+,\s*(\d+)\)")


@dataclass(frozen=True)
class Inputs:
    """What the tags of one family are made of.

    universe : relation (row) of the entities.
    states : by source key, the relation of its state, and of profiles datasets by `profile:NAME`.
    published : by dataset, the relation (row, columns) of the publish that counts.
    others : by tag of other families, the relation (row, the tag) that holds it.
    aggregates : by tag.
    columns : by profiles dataset, field name -> column.
    """

    universe: str
    states: Mapping[str, str]
    published: Mapping[str, str]
    others: Mapping[str, str]
    aggregates: Mapping[str, CompiledAggregate]
    columns: Mapping[str, Mapping[str, str]]


def needs(tag: TagDefinition) -> tuple[str, ...]:
    """The tags that a tag is made of.

    >>> needs(TagDefinition("x", ValueType.NUMBER, Formula("rfm.monetary / rfm.frequency"), "formulas"))
    ('rfm.monetary', 'rfm.frequency')
    """
    match tag.spec:
        case Formula(expression=text):
            return parse_expression(text).names
        case Band(tag=name) | Score(tag=name):
            return (name,)
        case Cell(tags=names):
            return names
        case _:
            return ()


def family_sql(
    engine: Engine, tags: Sequence[TagDefinition], inputs: Inputs, types: Mapping[str, ValueType], zone: str
) -> str:
    """One query for a family: `row` and a column a tag, by row number, for every entity of the universe.

    tags : in an order in which each stands after what it needs.
    types : of all tags that these need.
    """
    made = [t for t in tags if not needs(t)]
    sql, known = _base(made, tags, inputs)
    scales = _scales(engine, sql)
    while rest := [t for t in tags if t.name not in known]:
        ready = [t for t in rest if all(n in known for n in needs(t))]
        assert ready, "the tags were put in order"
        resolve = _resolver(scales, types)
        columns = ", ".join(f"{_derived(t, resolve, types, zone)} AS {quote_name(t.name)}" for t in ready)
        sql = f"SELECT *, {columns} FROM ({sql})"
        known |= {t.name for t in ready}
        scales = _scales(engine, sql)
    listed = ", ".join(f"{_typed(t)} AS {quote_name(t.name)}" for t in tags)
    return f"SELECT row, {listed} FROM ({sql}) ORDER BY row"


def _typed(tag: TagDefinition) -> str:
    """Exact decimals keep the digits they were computed with; every other type has one column type."""
    name = quote_name(tag.name)
    return name if tag.type is ValueType.DECIMAL else f"CAST({name} AS {COLUMN_TYPES[tag.type]})"


def _base(made: Sequence[TagDefinition], tags: Sequence[TagDefinition], inputs: Inputs) -> tuple[str, set[str]]:
    """The tags that need no others, beside those of other families that are needed."""
    joins: dict[str, str] = {}

    def alias(relation: str) -> str:
        return joins.setdefault(relation, f"t{len(joins)}")

    columns = [f"{_first(t, inputs, alias)} AS {quote_name(t.name)}" for t in made]
    own = {t.name for t in tags}
    outside = sorted({n for t in tags for n in needs(t)} - own)
    columns += [f"{alias(inputs.others[n])}.{quote_name(n)}" for n in outside]
    joined = "".join(f" LEFT JOIN {relation} {name} ON {name}.row = u.row" for relation, name in joins.items())
    sql = f"SELECT {', '.join(['u.row', *columns])} FROM {inputs.universe} u{joined}"
    return sql, {t.name for t in made} | set(outside)


def _first(tag: TagDefinition, inputs: Inputs, alias: Callable[[str], str]) -> str:
    """The value of a tag that needs no others."""
    spec = tag.spec
    match spec:
        case FieldOf(dataset, field):
            return f"{alias(inputs.states[f'profile:{dataset}'])}.{quote_name(inputs.columns[dataset][field])}"
        case Aggregate():
            compiled = inputs.aggregates[tag.name]
            return compiled.value_sql(alias(inputs.states[compiled.source.key]))
        case Published(dataset, column):
            return f"{alias(inputs.published[dataset])}.{quote_name(column)}"
        case ListMember(name):
            return f"coalesce({alias(inputs.published[f'list.{name}'])}.member, false)"
        case Formula() | Band() | Score() | Cell():
            raise AssertionError("made of other tags")
        case _:
            assert_never(spec)


def _derived(tag: TagDefinition, resolve: Callable[[str], Resolved], types: Mapping[str, ValueType], zone: str) -> str:
    """The value of a tag that is made of others."""
    spec = tag.spec
    match spec:
        case Formula(text):
            sql, kind = parse_expression(text).sql(resolve, zone=zone)
            return f"rounded({sql})" if kind is ValueType.NUMBER else sql
        case Band(name, edges, labels):
            return band_sql(quote_name(name), edges, labels)
        case Score(name, parts, better, missing):
            return score_sql(quote_name(name), parts, better, missing)
        case Cell(names):
            return " || ".join(f"CAST({quote_name(n)} AS VARCHAR)" for n in names)
        case _:
            raise AssertionError("needs no other tags")


def band_sql(value: str, edges: Sequence[object], labels: Sequence[str]) -> str:
    """The label of the range a value lies in.

    >>> band_sql("x", (10,), ("low", "high"))
    "CASE WHEN x IS NULL THEN NULL WHEN x < 10 THEN 'low' ELSE 'high' END"
    """
    below = "".join(
        f" WHEN {value} < {quote_value(e)} THEN {quote_value(label)}" for e, label in zip(edges, labels, strict=False)
    )
    return f"CASE WHEN {value} IS NULL THEN NULL{below} ELSE {quote_value(labels[-1])} END"


def score_sql(value: str, parts: int, better: str, missing: int | None) -> str:
    """1 + floor(parts x share of entities strictly worse), in whole numbers.

    Missing values stand last in the order of worse to better, so that nobody has them before him; all entities are
    counted.
    """
    order = "ASC" if better == "high" else "DESC"
    worse = f"(rank() OVER (ORDER BY {value} {order} NULLS LAST) - 1)"
    score = f"1 + ({parts} * {worse}) // count(*) OVER ()"
    return f"CASE WHEN {value} IS NULL THEN {quote_value(missing)} ELSE {score} END"


def _resolver(scales: Mapping[str, int], types: Mapping[str, ValueType]) -> Callable[[str], Resolved]:
    def resolve(name: str) -> Resolved:
        sql, kind = quote_name(name), types[name]
        return (sql, kind, scales[name]) if kind is ValueType.DECIMAL else (sql, kind)

    return resolve


def _scales(engine: Engine, sql: str) -> dict[str, int]:
    """Digits after the point of the decimal columns."""
    found = {name: _SCALE.fullmatch(kind) for name, kind in engine.columns(sql)}
    return {name: int(match[1]) for name, match in found.items() if match is not None}
