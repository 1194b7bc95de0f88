"""What is known of one entity: the input of the single-customer evaluator, and the queries that fetch it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from coterie.catalog.schemas import ValueType
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import NotFound
from coterie.rules.binding import BoundLeaf, BoundNode, Fact
from coterie.rules.fields import find_field, joins_sql
from coterie.rules.vocabulary import Vocabulary

Rows: TypeAlias = Callable[[str], Sequence[tuple[Any, ...]]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Facts:
    """What is known of one entity.

    tags : value by tag; None or absent is missing.
    events : by dataset, each event as its fields (`LOOKUP.FIELD` for those of lookups) and its moment under `_at`.
    lists, snapshots : the uploaded lists, and the (audience, snapshot) pairs, that it is in.
    measures : by fact, values that are not made of the entity's own tags and events, such as its rank among all; and values that
        stand in for those that would be made of events, by `with_changes`.
    entity : its key.
    """

    tags: Mapping[str, Any] = field(default_factory=dict)
    events: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    snapshots: frozenset[tuple[str, str]] = frozenset()
    measures: Mapping[Any, Any] = field(default_factory=dict)
    entity: str | None = None

    def with_changes(self, changes: Iterable[tuple[Fact, Any]]) -> Facts:
        """The same entity with some facts changed.

        >>> Facts(tags={"age": 30}).with_changes([(("tag", "age"), 40), (("list", "vip"), True)])
        Facts(tags={'age': 40}, events={}, lists=frozenset({'vip'}), snapshots=frozenset(), measures={}, entity=None)
        """
        tags, lists, measures = dict(self.tags), set(self.lists), dict(self.measures)
        for fact, value in changes:
            match fact:
                case ("tag", str(name)):
                    tags[name] = value
                case ("list", str(name)):
                    (lists.add if value else lists.discard)(name)
                case _:
                    measures[fact] = value
        return replace(self, tags=tags, lists=frozenset(lists), measures=measures)


def read_facts(bound: BoundNode, entity: str, vocabulary: Vocabulary, rows: Rows) -> Facts:
    """Fetch what a bound rule looks at, for one entity.

    rows : runs a query over the rule's views and returns its rows, such as `Engine.rows`.

    Raises NotFound `unknown_name`: the entity is not in the universe.
    """
    key = quote_value(entity)
    if not rows(f'SELECT u."row" FROM "universe" AS u WHERE u.entity = {key}'):
        fix = "Give a key as it was imported; people first seen after the as-of are not there yet."
        raise NotFound("unknown_name", f'There is no "{entity}" at this as-of.', fix=fix)
    families: dict[str, list[tuple[str, ValueType]]] = {}
    fields: dict[str, list[str]] = {}
    sets: dict[Fact, str] = {}
    asked: dict[Fact, BoundLeaf] = {}
    for _, leaf in bound.leaves():
        for family, name, kind in leaf.tags_read:
            families.setdefault(family, []).append((name, kind))
        for dataset, names in leaf.events_read.items():
            fields.setdefault(dataset, []).extend(names)
        if leaf.asked_sql is not None:
            asked[leaf.fact] = leaf
        elif leaf.fact[0] in ("list", "snapshot"):
            sets[leaf.fact] = leaf.rows_sql()
    held = {fact for fact, sql in sets.items() if rows(_member_sql(sql, "1", key))}
    return Facts(
        tags={
            name: value
            for family, tags in families.items()
            for name, value in _read_tags(family, tags, key, rows).items()
        },
        events={name: _read_events(name, list(dict.fromkeys(f)), key, vocabulary, rows) for name, f in fields.items()},
        lists=frozenset(str(name) for kind, name in held if kind == "list"),
        snapshots=frozenset(name for kind, name in held if kind == "snapshot"),  # type: ignore[misc]
        measures={fact: _asked(leaf, key, rows) for fact, leaf in asked.items()},
        entity=entity,
    )


def _asked(leaf: BoundLeaf, key: str, rows: Rows) -> Any:
    assert leaf.asked_sql is not None
    found = rows(_member_sql(leaf.asked_sql, 'm."value"', key))
    return found[0][0] if found else leaf.measured(Facts())


def _member_sql(sql: str, column: str, key: str) -> str:
    return f'SELECT {column} FROM ({sql}) AS m JOIN "universe" AS u ON u."row" = m."row" WHERE u.entity = {key}'


def _read_tags(family: str, tags: Sequence[tuple[str, ValueType]], key: str, rows: Rows) -> dict[str, Any]:
    unique = dict(tags)
    columns = ", ".join(_fetched(f"f.{quote_name(name)}", kind) for name, kind in unique.items())
    view = quote_name(f"family:{family}")
    sql = f'SELECT {columns} FROM {view} AS f JOIN "universe" AS u ON u."row" = f."row" WHERE u.entity = {key}'
    found = rows(sql)
    values = found[0] if found else [None] * len(unique)
    return {name: _value(v, kind) for (name, kind), v in zip(unique.items(), values, strict=True)}


def _read_events(
    name: str, fields: Sequence[str], key: str, vocabulary: Vocabulary, rows: Rows
) -> tuple[dict[str, Any], ...]:
    dataset = vocabulary.dataset(name)
    refs = [find_field(dataset, f, vocabulary, f) for f in fields]
    columns = ", ".join([_fetched('e."_at"', ValueType.MOMENT), *(_fetched(r.sql("e"), r.type) for r in refs)])
    joins = joins_sql(dataset, {r.lookup for r in refs if r.lookup}, vocabulary, "e")
    sql = f'SELECT {columns} FROM {quote_name(f"dataset:{name}")} AS e{joins} WHERE e."_entity" = {key}'
    kinds = [ValueType.MOMENT, *(r.type for r in refs)]
    names = ["_at", *fields]
    return tuple({n: _value(v, k) for n, v, k in zip(names, row, kinds, strict=True)} for row in rows(sql))


def _fetched(sql: str, kind: ValueType) -> str:
    """Moments are fetched as microseconds: the driver's own way needs a further package."""
    return f"epoch_us({sql})" if kind is ValueType.MOMENT else sql


def _value(value: Any, kind: ValueType) -> Any:
    return _EPOCH + timedelta(microseconds=value) if kind is ValueType.MOMENT and value is not None else value
