"""Rules with their names found and their values typed: what SQL, evaluator and explanation work on."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import ValueType
from coterie.errors import NotFound, Refused
from coterie.rules import nodes
from coterie.rules.formula import indented
from coterie.rules.nodes import Node
from coterie.rules.operators import Operator
from coterie.rules.vocabulary import Resolver, TagInfo, Vocabulary, at_place

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

# ("tag", name), ("list", name), ("snapshot", (audience, id)), ("events", the question as SQL), ...: what a leaf looks at.
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

    families, datasets : the views it reads.
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
    changeable: bool = True
    can_miss: bool = True
    of_universe: bool = False

    @abstractmethod
    def source(self) -> Source:
        """Where the rows come from."""

    def distinct_source(self) -> Source:
        """The same, each row once: less to fetch where rows and not bits are wanted."""
        return self.source()

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

    @property
    def tags_read(self) -> tuple[tuple[str, str, ValueType], ...]:
        """The tags that the value comes from: family, name, type."""
        return ()

    @property
    def events_read(self) -> Mapping[str, tuple[str, ...]]:
        """The fields that the value comes from, by dataset."""
        return {}

    @property
    def asked_sql(self) -> str | None:
        """SQL of a relation `row`, `value`, where the value is not to be had from the entity's own tags and events."""
        return None

    def value(self, facts: Facts) -> Any:
        """The value for one entity, None where it is missing; NaN is missing."""
        value = facts.measures[self.fact] if self.fact in facts.measures else self.measured(facts)
        return None if isinstance(value, float) and math.isnan(value) else value

    def passes(self, value: Any) -> bool:
        """Whether an entity with that value passes."""
        return self.operator.passes(value, self.operand)

    @property
    def key(self) -> str:
        """The same for equal questions, relative dates resolved; data version and as-of of the views are not part of it."""
        return sha256(self.rows_sql().encode()).hexdigest()[:32]


Kind: TypeAlias = Literal["all", "any", "not", "xor", "audience", "leaf"]


@dataclass(frozen=True)
class BoundNode:
    """A node of the rule with its place.

    The rule of a live audience or a block hangs below its leaf as kind `audience`. `A except B` is bound as A and not B: the
    complement has B's place, and B itself lies below it at `.not`.
    """

    place: str
    node: Node
    kind: Kind
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
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if node.leaf is not None:
                yield node.place, node.leaf
            waiting += reversed(node.children)


@dataclass
class Scope:
    """What names mean while a rule is bound, and the problems found so far.

    chain : what is being opened, outermost first, as (kind, name) of audiences and blocks; `opened` their nodes so far.
    known : conditions on tags that were bound before with the same names and zone, by all that they depend on.
    """

    vocabulary: Vocabulary
    as_of: datetime
    tz: ZoneInfo
    entity: str = "customer"
    resolver: Resolver | None = None
    chain: tuple[tuple[str, str], ...] = ()
    problems: list[Refused] = field(default_factory=list)
    opened: int = 0
    known: dict[Hashable, BoundLeaf] = field(default_factory=dict)

    def tag(self, name: str, place: str, types: frozenset[ValueType] = frozenset(ValueType)) -> TagInfo:
        """The tag of that name; Refused where there is none, or it is of another entity kind or type."""
        try:
            tag = self.vocabulary.tag(name)
        except NotFound as error:
            raise at_place(error, place) from None
        if tag.entity_kind != self.entity:
            said = f'"{tag.name}" is a tag of {tag.entity_kind}s, and the rule is about {self.entity}s.'
            fix = f'Write {{"entity": "{tag.entity_kind}", ...}} or use another tag.'
            raise Refused("bad_rule", said, place=place, fix=fix)
        if tag.type not in types:
            *others, last = sorted(kind.value for kind in types)
            said = f'"{tag.name}" is of type {tag.type}.'
            raise Refused("wrong_operator", said, place=place, fix=f"It takes {', '.join(others)} or {last}.")
        return tag

    def inner(self, node: Node, place: str) -> BoundNode:
        """A rule within a condition, bound; Refused where it has problems, all of which are kept."""
        inner = replace(self, problems=[])
        root = inner.bind(node, place)
        self.opened = inner.opened
        if inner.problems:
            self.problems += inner.problems[:-1]
            raise inner.problems[-1]
        return root

    def bind(self, node: Node, place: str = nodes.ROOT) -> BoundNode:
        """The node bound; problems are kept, so that all of them are found."""
        match node:
            case nodes.All() | nodes.Any() | nodes.Not() | nodes.Xor() | nodes.Except():
                below = tuple(self.bind(n, p) for p, n in nodes.children(node, place))
                if isinstance(node, nodes.Except):
                    return BoundNode(place, node, "all", (below[0], *map(_complement, below[1:])))
                return BoundNode(place, node, _KINDS[type(node)], below)
            case _:
                try:
                    return node.bind(self, place)
                except Refused as problem:
                    self.problems.append(problem)
                    return BoundNode(place, node, "all")


_KINDS: Mapping[type, Kind] = {nodes.All: "all", nodes.Any: "any", nodes.Not: "not", nodes.Xor: "xor"}


def _complement(bound: BoundNode) -> BoundNode:
    below = replace(bound, place=f"{bound.place}.not")
    return BoundNode(bound.place, nodes.Not(bound.node), "not", (below,))


def leaf_node(place: str, node: Node, leaf: BoundLeaf) -> BoundNode:
    """The bound node of a condition."""
    return BoundNode(place, node, "leaf", leaf=leaf)
