"""Rules as SQL over the views `universe`, `family:F` and `dataset:D` (one as-of, one data version), in DuckDB's dialect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from coterie.engines.sql import quote_name
from coterie.rules.binding import BoundNode
from coterie.rules.check import bind_rule
from coterie.rules.formula import group_sql, negated_sql
from coterie.rules.tree import Rule
from coterie.rules.vocabulary import Resolver, Vocabulary


@dataclass(frozen=True)
class NodeCount:
    """Numbers of entities at one node.

    alone : pass the node by itself.
    remaining : come to this node and pass it. To a child of `all` come those who passed all before it; to every other node come
        those who come to its parent. So `remaining` of the root is the count.
    removed : come to this node and do not pass it.
    """

    place: str
    alone: int
    remaining: int
    removed: int


@dataclass(frozen=True)
class RuleCount:
    """Exact numbers: who passes, the universe, and each node (parents before children) where the waterfall was asked for."""

    count: int
    universe: int
    nodes: tuple[NodeCount, ...]


class LeafSql(NamedTuple):
    """One condition by itself.

    key : the same for equal questions, relative dates resolved.
    rows_sql : relation with a column `row`; it may hold rows outside the universe.
    families, datasets : what it reads.
    """

    key: str
    rows_sql: str
    families: tuple[str, ...]
    datasets: tuple[str, ...]


class Query:
    """The FROM of a query over the universe, as its conditions ask for families, events and lists: each is joined once."""

    def __init__(self) -> None:
        self._joins: dict[str, tuple[str, str]] = {}

    def family(self, name: str) -> str:
        """The alias of a tag family."""
        return self._alias("f", f"LEFT JOIN {quote_name(f'family:{name}')}", 'AS {alias} ON {alias}."row" = u."row"')

    def entities(self, sql: str) -> str:
        """The alias of a relation with unique `entity`."""
        return self._alias("e", f"LEFT JOIN (\n{_indented(sql)}\n)", "AS {alias} ON {alias}.entity = u.entity")

    def rows(self, sql: str) -> str:
        """The alias of a relation with unique `row`."""
        return self._alias("m", f"LEFT JOIN (\n{_indented(sql)}\n)", 'AS {alias} ON {alias}."row" = u."row"')

    def _alias(self, letter: str, relation: str, on: str) -> str:
        known = self._joins.get(relation)
        if known is None:
            number = sum(alias.startswith(letter) for alias, _ in self._joins.values())
            known = (f"{letter}{number}", on)
            self._joins[relation] = known
        return known[0]

    def sql(self) -> str:
        """The FROM with its joins."""
        joins = (f"\n{relation} {on.format(alias=alias)}" for relation, (alias, on) in self._joins.items())
        return 'FROM "universe" AS u' + "".join(joins)


@dataclass(frozen=True)
class CompiledRule:
    """A rule ready to be counted.

    families, datasets : the views it reads, besides `universe`.
    """

    rule: Rule
    bound: BoundNode

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the tag families it reads."""
        return tuple(dict.fromkeys(f for _, leaf in self.bound.leaves() for f in leaf.families))

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets it reads, lookups among them."""
        return tuple(dict.fromkeys(d for _, leaf in self.bound.leaves() for d in leaf.datasets))

    @property
    def leaves(self) -> tuple[LeafSql, ...]:
        """Every different condition by itself, those of audiences it names among them."""
        found = (LeafSql(leaf.key, leaf.rows_sql(), leaf.families, leaf.datasets) for _, leaf in self.bound.leaves())
        return tuple({leaf.key: leaf for leaf in found}.values())

    def members_sql(self) -> str:
        """Who passes: `row` and `entity`, by row."""
        query = Query()
        condition = _condition(self.bound, query)
        return f'SELECT u."row", u.entity\n{query.sql()}\nWHERE {condition}\nORDER BY u."row"'

    def count_sql(self, *, waterfall: bool = True) -> str:
        """One row: `count`, `universe`, then `alone`, `remaining`, `removed` of each node; read it with `read_count`.

        The data are read once into patterns (which conditions hold, how many entities), and all numbers come from those.
        """
        query = Query()
        if not waterfall:
            condition = _condition(self.bound, query)
            return f"SELECT count(*) FILTER (WHERE {condition}) AS count, count(*) AS universe\n{query.sql()}"
        flow = _Flow(self.bound, query)
        return flow.sql()

    def read_count(self, row: Sequence[Any]) -> RuleCount:
        """The answer of `count_sql`, waterfall or not."""
        places = [node.place for node in self.bound.own()] if len(row) > 2 else []
        numbers = [int(n) for n in row]
        found = [NodeCount(place, *numbers[2 + 3 * i : 5 + 3 * i]) for i, place in enumerate(places)]
        return RuleCount(numbers[0], numbers[1], tuple(found))


def compile_rule(
    rule: Rule,
    vocabulary: Vocabulary,
    *,
    as_of: datetime,
    tz: ZoneInfo | None = None,
    resolver: Resolver | None = None,
    name: str | None = None,
) -> CompiledRule:
    """Check a rule and compile it.

    as_of : what relative dates count from; the views are of the same moment.
    tz : where days begin; the vocabulary's zone if not given.
    name : the audience's own name, so that a circle through itself is noticed.

    Raises Refused: the first problem.
    """
    return CompiledRule(rule, bind_rule(rule, vocabulary, as_of=as_of, tz=tz, resolver=resolver, name=name))


def _condition(node: BoundNode, query: Query) -> str:
    """A node over the query's tables; NULL counts as false."""
    if node.leaf is not None:
        return node.leaf.condition(query)
    parts = [_condition(child, query) for child in node.children]
    if node.kind == "not":
        return negated_sql(parts[0])
    return group_sql("OR" if node.kind == "any" else "AND", parts)


class _Flow:
    """Builds the count with waterfall: conditions as columns, patterns, then sums."""

    def __init__(self, root: BoundNode, query: Query) -> None:
        self.root, self.query = root, query
        self.columns: dict[str, str] = {}
        self.passed: dict[str, str] = {}
        self.numbers: list[str] = []

    def sql(self) -> str:
        truth = self.truth(self.root)
        self.visit(self.root, [])
        leaves = [f"coalesce({sql}, false) AS {name}" for sql, name in self.columns.items()]
        names = list(self.columns.values())
        steps = [f"{sql} AS {name}" for name, sql in self.passed.items()]
        totals = [f"{_total(truth)} AS count", "coalesce(sum(n), 0)::BIGINT AS universe", *self.numbers]
        return (
            f"WITH condition AS (\n{_indented(_select(leaves or ['true AS everyone'], self.query.sql()))}\n), pattern AS (\n"
            f"  SELECT {', '.join([*(names or ['everyone']), 'count(*) AS n'])}\n  FROM condition\n  GROUP BY ALL\n), step AS (\n"
            f"{_indented(_select(['*', *steps], 'FROM pattern'))}\n)\n{_select(totals, 'FROM step')}"
        )

    def truth(self, node: BoundNode) -> str:
        """A node over the columns; never NULL."""
        if node.kind in ("leaf", "audience"):
            condition = _condition(node, self.query)
            return self.columns.setdefault(condition, f"c{len(self.columns)}")
        parts = [self.truth(child) for child in node.children]
        if node.kind == "not":
            return f"NOT ({parts[0]})"
        return group_sql("OR" if node.kind == "any" else "AND", parts)

    def visit(self, node: BoundNode, reach: list[str]) -> None:
        """Append the numbers of a node and of those below it; `reach` says who comes to it."""
        truth, number = self.truth(node), len(self.numbers) // 3
        self.numbers += [
            f"{_total(truth)} AS alone_{number}",
            f"{_total(group_sql('AND', [*reach, truth]))} AS remaining_{number}",
            f"{_total(group_sql('AND', [*reach, f'NOT ({truth})']))} AS removed_{number}",
        ]
        if node.kind == "audience":
            return
        step = ""
        if node.kind == "all" and len(node.children) > 1:
            # How many children pass before the first that does not: every prefix is then one comparison.
            step = f"passed_{len(self.passed)}"
            misses = (f"WHEN NOT ({self.truth(child)}) THEN {i}" for i, child in enumerate(node.children))
            self.passed[step] = f"CASE {' '.join(misses)} ELSE {len(node.children)} END"
        for i, child in enumerate(node.children):
            self.visit(child, [*reach, f"{step} >= {i}"] if step and i else reach)


def _total(condition: str) -> str:
    return f"coalesce(sum(n) FILTER (WHERE {condition}), 0)::BIGINT"


def _select(columns: list[str], source: str) -> str:
    return "SELECT\n  " + ",\n  ".join(columns) + f"\n{source}"


def _indented(sql: str) -> str:
    return "\n".join(f"  {line}" for line in sql.splitlines())
