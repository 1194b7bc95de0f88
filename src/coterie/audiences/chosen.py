"""Whom a question about audiences is about: a saved audience as it is now, one of its snapshots, or a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from coterie.audiences.service import Question, read_as
from coterie.catalog.schemas import TagDefinition
from coterie.rules.binding import BoundNode
from coterie.rules.nodes import Leaf
from coterie.tags.families import needs

if TYPE_CHECKING:
    from pyroaring import BitMap

    from coterie.audiences.snapshots import Snapshots
    from coterie.index.bitmaps import Bits
    from coterie.index.service import Index

AUDIENCE = "audience"


@dataclass(frozen=True)
class Chosen:
    """A set of people with the rule that names them.

    name : of the audience or snapshot; None for a rule.
    fixed : members of a snapshot, as far as they are still in the universe; None where the rule is asked.
    """

    name: str | None
    asked: Question
    fixed: BitMap | None = None

    @cached_property
    def members(self) -> BitMap:
        """Row numbers of its members."""
        return self.asked.members() if self.fixed is None else self.fixed & self.universe

    @cached_property
    def bits(self) -> Bits:
        """The same as bits, of the universe's length."""
        from coterie.index.bitmaps import bits_of

        if self.fixed is None and self.asked.bitmaps is not None:
            return self.asked.bitmaps.bits(self.asked.compiled.bound)
        return bits_of(self.members, len(self.asked.index.universe_bits(self.asked.view)))

    @property
    def universe(self) -> BitMap:
        """Everyone at the question's as-of and data version."""
        return self.asked.index.universe(self.asked.view)


@dataclass(frozen=True)
class Chooser:
    """Reads what people give for an audience, all at one as-of and data version."""

    index: Index
    snapshots: Snapshots
    as_of: datetime | None = None
    data_version: int | None = None

    def choose(self, given: Any, kind: str = "customer") -> Chosen:
        """An audience's name, a snapshot's id (`NAME@2`), or a rule. Raises NotFound, and Refused for a bad rule."""
        if isinstance(given, Mapping):
            return Chosen(None, self._question(given, kind, None))
        name = str(given).partition("@")[0]
        return self._named(str(given), self.index.context.store.get(AUDIENCE, name).body)

    def choose_all(self, given: Sequence[str]) -> list[Chosen]:
        """Several audiences or snapshots, read from the store at once. Raises NotFound."""
        names = {text.partition("@")[0] for text in given}
        found = {d.name: d.body for d in self.index.context.store.some(AUDIENCE, names)}
        return [self._named(text, found[text.partition("@")[0]]) for text in given]

    def _named(self, given: str, body: Mapping[str, Any]) -> Chosen:
        name, _, number = given.partition("@")
        if not number:
            return Chosen(name, self._question(body["rule"], body["entity_kind"], name))
        snapshot = self.snapshots.get(name, given)
        asked = self._question(snapshot.rule, snapshot.entity_kind, name)
        return Chosen(snapshot.id, asked, self.snapshots.members(snapshot))

    def _question(self, rule: Any, kind: str, name: str | None) -> Question:
        return Question(self.index, self.snapshots, read_as(rule, kind), self.as_of, self.data_version, name=name)


def tags_of(asked: Question) -> set[str]:
    """The tags that a question's rule reads, itself, by way of other audiences, or by SQL."""
    return tags_of_rule(asked.compiled.bound) | asked.sets.read_by_sql()[0]


def tags_of_rule(root: BoundNode) -> set[str]:
    """The tags that a rule reads, also by way of other audiences; being on a list is the tag `list.NAME`."""
    found: set[str] = set()
    if isinstance(root.node, Leaf):
        found |= _named(root.node.as_json())
    for child in root.children:
        found |= tags_of_rule(child)
    return found


def _named(body: Any) -> set[str]:
    match body:
        case Mapping():
            own = {str(body["tag"])} if isinstance(body.get("tag"), str) else set()
            listed = {f"list.{body['list']}"} if isinstance(body.get("list"), str) else set()
            return own.union(listed, *map(_named, body.values()))
        case list() | tuple():
            return set().union(*map(_named, body))
        case _:
            return set()


def datasets_of(asked: Question) -> list[str]:
    """The imported datasets that a rule uses, itself or by the tags that it reads."""
    definitions = asked.vocabulary.definitions
    tags = {n for n in tags_of(asked) if n in definitions}
    while more := {n for name in tags for n in needs(definitions[name]) if n in definitions} - tags:
        tags |= more
    of_tags = {getattr(definitions[name].spec, "dataset", None) for name in tags}
    read = {*asked.compiled.datasets, *asked.sets.read_by_sql()[1]}
    return [d for d in asked.context.catalog.datasets() if d in of_tags | read]


def kin(names: Iterable[str], definitions: Mapping[str, TagDefinition]) -> set[str]:
    """Tags, with all that they are made of and all that is made of those: to know one is to know much of the others.

    >>> from coterie.catalog.schemas import Cell, Score, ValueType
    >>> tags = {
    ...     "r": TagDefinition("r", ValueType.INTEGER, Score("days"), "rfm"),
    ...     "cell": TagDefinition("cell", ValueType.TEXT, Cell(("r", "f")), "rfm"),
    ... }
    >>> sorted(kin(["days"], tags)), sorted(kin(["cell"], tags))
    (['cell', 'days', 'r'], ['cell', 'days', 'f', 'r'])
    """
    below, above = set(names), set(names)
    while more := {n for name in below if name in definitions for n in needs(definitions[name])} - below:
        below |= more
    while more := {t.name for t in definitions.values() if above & set(needs(t))} - above:
        above |= more
    return below | above
