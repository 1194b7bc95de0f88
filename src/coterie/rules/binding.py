"""Rules with their names found and their values typed: what SQL, evaluator and explanation work on."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import ValueType
from coterie.errors import Refused
from coterie.rules import nodes
from coterie.rules.formula import indented
from coterie.rules.nodes import Node
from coterie.rules.operators import Operator
from coterie.rules.vocabulary import Resolver, Vocabulary

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

# ("tag", name), ("list", name), ("snapshot", audience, id) or ("events", the question as SQL): what a leaf looks at.
Fact = tuple[str, Hashable]


class Source(NamedTuple):
    """Rows of a condition: `SELECT row relation WHERE condition`; `inverted`: those pass who are not among them."""

    relation: str
    row: str
    condition: str | None
    inverted: bool = False


@dataclass(frozen=True)
class BoundLeaf(ABC):
    """A condition ready to be asked: the value of `fact`, of type `type`, compared by `operator` with `operand`.

    families, datasets : the views it reads; `fields` the fields of the first dataset, lookups' among them.
    changeable : whether the fact could be otherwise; an immutable snapshot's members cannot.
    can_miss : whether the value can be missing; a number of events cannot, and is at least 0.
    of_universe : whether who passes depends on who else is in the universe, as with the best hundred.
    """

    fact: Fact
    type: ValueType
    operator: Operator
    operand: Any

    families: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    changeable: bool = True
    can_miss: bool = True
    of_universe: bool = False

    @abstractmethod
    def source(self) -> Source:
        """Where the rows come from."""

    def rows_sql(self) -> str:
        """SQL of a relation with a column `row`: who passes, perhaps with rows outside the universe."""
        source = self.source()
        where = f"\nWHERE {source.condition}" if source.condition else ""
        rows = f'SELECT {source.row} AS "row"\n{source.relation}{where}'
        if not source.inverted:
            return rows
        return f'SELECT u."row"\nFROM "universe" AS u\nANTI JOIN (\n{indented(rows)}\n) AS x ON x."row" = u."row"'

    @abstractmethod
    def measured(self, facts: Facts) -> Any:
        """The value for one entity, None where it is missing."""

    def value(self, facts: Facts) -> Any:
        """The value for one entity, None where it is missing; NaN is missing."""
        value = self.measured(facts)
        return None if isinstance(value, float) and math.isnan(value) else value

    def passes(self, value: Any) -> bool:
        """Whether an entity with that value passes."""
        return self.operator.passes(value, self.operand)

    @property
    def key(self) -> str:
        """The same for equal questions, relative dates resolved; data version and as-of of the views are not part of it."""
        return sha256(self.rows_sql().encode()).hexdigest()[:32]


@dataclass(frozen=True)
class BoundNode:
    """A node of the rule with its place; the rule of a live audience hangs below its leaf as kind `audience`."""

    place: str
    node: Node
    kind: Literal["all", "any", "not", "audience", "leaf"]
    children: tuple[BoundNode, ...] = ()
    leaf: BoundLeaf | None = None

    def own(self) -> Iterator[BoundNode]:
        """The nodes of the rule itself, parents before children: not those of audiences that it names."""
        yield self
        if self.kind != "audience":
            for child in self.children:
                yield from child.own()

    def leaves(self) -> Iterator[tuple[str, BoundLeaf]]:
        """All conditions with their places, also those of audiences that it names."""
        if self.leaf is not None:
            yield self.place, self.leaf
        for child in self.children:
            yield from child.leaves()


@dataclass
class Scope:
    """What names mean while a rule is bound, and the problems found so far.

    chain : the audiences being opened, outermost first; `opened` their nodes so far.
    """

    vocabulary: Vocabulary
    as_of: datetime
    tz: ZoneInfo
    entity: str = "customer"
    resolver: Resolver | None = None
    chain: tuple[str, ...] = ()
    problems: list[Refused] = field(default_factory=list)
    opened: int = 0

    def bind(self, node: Node, place: str = nodes.ROOT) -> BoundNode:
        """The node bound; problems are kept, so that all of them are found."""
        match node:
            case nodes.All() | nodes.Any() | nodes.Not():
                kind: Literal["all", "any", "not"] = (
                    "all" if isinstance(node, nodes.All) else "any" if isinstance(node, nodes.Any) else "not"
                )
                return BoundNode(place, node, kind, tuple(self.bind(n, p) for p, n in nodes.children(node, place)))
            case _:
                try:
                    return node.bind(self, place)
                except Refused as problem:
                    self.problems.append(problem)
                    return BoundNode(place, node, "all")


def leaf_node(place: str, node: Node, leaf: BoundLeaf) -> BoundNode:
    """The bound node of a condition."""
    return BoundNode(place, node, "leaf", leaf=leaf)
