"""Where-trees: conditions on the fields of each event, used by event leaves, aggregates and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import Dataset
from coterie.errors import Refused
from coterie.kit import moments
from coterie.rules import nodes
from coterie.rules.comparisons import bind_comparison, comparison_json, comparison_schema, read_comparison
from coterie.rules.fields import FieldRef, find_field
from coterie.rules.formula import group_sql, negated_sql
from coterie.rules.nodes import Node, Reading
from coterie.rules.operators import Operator
from coterie.rules.sentences import Speaker
from coterie.rules.values import Raw
from coterie.rules.vocabulary import Vocabulary


@dataclass(frozen=True)
class FieldLeaf(nodes.Leaf):
    """A condition on one field: `{"field": "Country", "op": "eq", "value": "Germany"}`."""

    key = "field"

    field: str
    op: str
    value: Raw = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> FieldLeaf:
        """Read the JSON object."""
        if "field" not in body:
            fix = 'Under `where` stand conditions such as {"field": "Country", "op": "eq", "value": "Germany"}.'
            raise Refused("bad_rule", "This is not a condition on a field.", place=place, fix=fix)
        nodes.known_keys(body, ("field", "op", "value"), place)
        return cls(nodes.text_of(body, "field", place), *read_comparison(body, place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return comparison_schema("field")

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"field": self.field, **comparison_json(self.op, self.value)}

    def bind(self, scope: Any, place: str) -> Any:
        """Fields are bound by `bind_where`, which knows the dataset."""
        raise TypeError("a condition on a field stands only under `where`")

    def clause(self, speaker: Speaker) -> str:
        """Fields are said by `where_clause`, which knows the dataset."""
        return speaker.comparison(self.field, self.op, self.value, None)

    def subject(self, speaker: Speaker) -> str:
        """The field."""
        return self.field


@dataclass(frozen=True)
class BoundField:
    """A condition on a field that was found, with its value typed and resolved."""

    ref: FieldRef
    operator: Operator
    operand: Any


@dataclass(frozen=True)
class BoundWhere:
    """A where-tree ready to be asked.

    lookups : lookup datasets that must be joined (`fields.joins_sql`).
    fields : names of the fields it reads.
    """

    tree: Node
    bound: Mapping[str, BoundField]
    place: str

    @property
    def lookups(self) -> tuple[str, ...]:
        """Lookup datasets whose fields are read."""
        return tuple(sorted({b.ref.lookup for b in self.bound.values() if b.ref.lookup is not None}))

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are read, as named."""
        return tuple(dict.fromkeys(b.ref.name for b in self.bound.values()))

    def sql(self, alias: str) -> str:
        """The condition, where `alias` is the dataset's; NULL counts as false."""
        return self._sql(self.tree, self.place, alias)

    def _sql(self, node: Node, place: str, alias: str) -> str:
        parts = [self._sql(child, p, alias) for p, child in nodes.children(node, place)]
        match node:
            case nodes.All():
                return group_sql("AND", parts)
            case nodes.Any():
                return group_sql("OR", parts)
            case nodes.Not():
                return negated_sql(parts[0])
            case _:
                bound = self.bound[place]
                return bound.operator.sql(bound.ref.sql(alias), bound.operand)

    def test(self, event: Mapping[str, Any]) -> bool:
        """Whether an event passes; it holds the values by the fields' names, missing ones as None or not at all."""
        return self._test(self.tree, self.place, event)

    def _test(self, node: Node, place: str, event: Mapping[str, Any]) -> bool:
        below = (self._test(child, p, event) for p, child in nodes.children(node, place))
        match node:
            case nodes.All():
                return all(below)
            case nodes.Any():
                return any(below)
            case nodes.Not():
                return not any(below)
            case _:
                bound = self.bound[place]
                return bound.operator.passes(present(event.get(bound.ref.name)), bound.operand)


def read_where(raw: Raw, place: str = "where", reading: Reading | None = None) -> Node:
    """Read a where-tree; the first problem is raised, unless a `reading` collects them.

    >>> read_where({"field": "Country", "op": "eq", "value": "Germany"})
    FieldLeaf(field='Country', op='eq', value='Germany')
    """
    collected = reading or Reading()
    node = collected.node(raw, place, FieldLeaf.read)
    if reading is None and collected.problems:
        raise collected.problems[0]
    return node or nodes.All(())


def bind_where(
    tree: Node,
    dataset: Dataset,
    vocabulary: Vocabulary,
    *,
    place: str = "where",
    as_of: datetime | None = None,
    tz: ZoneInfo | None = None,
    problems: list[Refused] | None = None,
) -> BoundWhere:
    """Find the tree's fields and type its values.

    as_of : what relative dates count from; now if not given.
    problems : receives all problems; otherwise the first is raised.
    """
    found: dict[str, BoundField] = {}
    collected: list[Refused] = []
    for leaf_place, leaf in nodes.walk(tree, place):
        if isinstance(leaf, FieldLeaf):
            try:
                found[leaf_place] = _bound(
                    leaf, dataset, vocabulary, leaf_place, as_of or moments.now(), tz or vocabulary.zone
                )
            except Refused as problem:
                collected.append(problem)
    if problems is not None:
        problems += collected
    elif collected:
        raise collected[0]
    return BoundWhere(tree, found, place)


def where_sql(
    where: Raw,
    dataset: Dataset,
    vocabulary: Vocabulary,
    alias: str,
    place: str = "where",
    *,
    as_of: datetime | None = None,
    tz: ZoneInfo | None = None,
) -> tuple[str, tuple[str, ...]]:
    """SQL of a where-tree over `alias`, and the lookups to join with `fields.joins_sql`; NULL counts as false.

    >>> from coterie.catalog.schemas import DatasetKind, Field, ValueType
    >>> from coterie.rules.vocabulary import PlainVocabulary
    >>> orders = Dataset("orders", DatasetKind.EVENTS, (Field("Country", ValueType.TEXT, "Country"),))
    >>> where_sql({"not": {"field": "Country", "op": "eq", "value": "O'Land"}}, orders, PlainVocabulary(), "e")
    ('NOT coalesce("e"."Country" = \\'O\\'\\'Land\\', false)', ())
    """
    bound = bind_where(read_where(where, place), dataset, vocabulary, place=place, as_of=as_of, tz=tz)
    return bound.sql(alias), bound.lookups


def where_clause(tree: Node, speaker: Speaker, dataset: Dataset | None) -> str:
    """The tree in words, within parentheses after an event."""

    class FieldSpeaker(Speaker):
        """Says a condition with the field's own label and type."""

        def clause(self, node: Node, *, nested: bool = False, relative: bool = False) -> str:
            if not isinstance(node, FieldLeaf):
                return super().clause(node, nested=nested, relative=relative)
            subject, kind = self.field(dataset, node.field)
            return self.comparison(subject, node.op, node.value, kind)

    return FieldSpeaker(speaker.language, speaker.vocabulary).clause(tree)


def present(value: Any) -> Any:
    """The value, with NaN as missing."""
    return None if isinstance(value, float) and value != value else value


def _bound(
    leaf: FieldLeaf, dataset: Dataset, vocabulary: Vocabulary, place: str, as_of: datetime, tz: ZoneInfo
) -> BoundField:
    ref = find_field(dataset, leaf.field, vocabulary, place)
    operator, operand = bind_comparison(leaf.op, leaf.value, ref.type, name=leaf.field, place=place, as_of=as_of, tz=tz)
    return BoundField(ref, operator, operand)
