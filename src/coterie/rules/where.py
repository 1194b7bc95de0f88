"""Where-trees: conditions on the fields of each event, used by event leaves, aggregates and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import Dataset, ValueType
from coterie.errors import Refused
from coterie.kit import moments
from coterie.rules import nodes
from coterie.rules.comparisons import bind_comparison, comparison_json, comparison_schema, read_comparison
from coterie.rules.fields import FieldRef, find_field
from coterie.rules.formula import group_sql, negated_sql
from coterie.rules.nodes import Node, Reading
from coterie.rules.operators import OPERATORS, Operator, check_type, find_operator
from coterie.rules.sentences import Speaker
from coterie.rules.values import Raw
from coterie.rules.vocabulary import Vocabulary


@dataclass(frozen=True)
class FieldLeaf(nodes.Leaf):
    """A condition on one field: `{"field": "Country", "op": "eq", "value": "Germany"}`.

    than : the field that it is compared with instead of a value: `{"field": "Paid", "op": "lt", "than_field": "Price"}`.
    """

    key = "field"

    field: str
    op: str
    value: Raw = None
    than: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> FieldLeaf:
        """Read the JSON object."""
        if "field" not in body:
            fix = 'Under `where` stand conditions such as {"field": "Country", "op": "eq", "value": "Germany"}.'
            raise Refused("bad_rule", "This is not a condition on a field.", place=place, fix=fix)
        nodes.known_keys(body, ("field", "op", "value", "than_field"), place)
        name = nodes.text_of(body, "field", place)
        if "than_field" not in body:
            return cls(name, *read_comparison(body, place))
        if "value" in body:
            said = '"value" and "than_field" stand together.'
            raise Refused("bad_rule", said, place=place, fix="Leave one of them out.")
        operator = find_operator(body.get("op"), place)
        if operator.sign is None:
            signed = ", ".join(o.key for o in OPERATORS.values() if o.sign)
            said = f'"{operator.key}" does not compare two fields.'
            raise Refused("wrong_operator", said, place=place, fix=f"Use {signed}.")
        return cls(name, operator.key, None, nodes.text_of(body, "than_field", place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        schema = comparison_schema("field")
        schema["properties"]["than_field"] = {"type": "string", "minLength": 1}
        return schema

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        if self.than is not None:
            return {"field": self.field, "op": self.op, "than_field": self.than}
        return {"field": self.field, **comparison_json(self.op, self.value)}

    def bind(self, scope: Any, place: str) -> Any:
        """Fields are bound by `bind_where`, which knows the dataset."""
        raise TypeError("a condition on a field stands only under `where`")

    def clause(self, speaker: Speaker) -> str:
        """Fields are said by `where_clause`, which knows the dataset."""
        return self.said(speaker, None)

    def said(self, speaker: Speaker, dataset: Dataset | None) -> str:
        """The condition in words, with the labels of the dataset's fields."""
        subject, kind = speaker.field(dataset, self.field)
        if self.than is None:
            return speaker.comparison(subject, self.op, self.value, kind, self.field)
        words = OPERATORS[self.op].words(kind).in_(speaker.language)
        return words.replace("{v}", speaker.field(dataset, self.than)[0]).replace("{x}", subject)

    def subject(self, speaker: Speaker) -> str:
        """The field."""
        return self.field


@dataclass(frozen=True)
class BoundField:
    """A condition on a field that was found, with its value typed and resolved, or the field it is compared with."""

    ref: FieldRef
    operator: Operator
    operand: Any
    than: FieldRef | None = None

    @property
    def refs(self) -> tuple[FieldRef, ...]:
        """The fields that are read."""
        return (self.ref,) if self.than is None else (self.ref, self.than)

    def sql(self, alias: str) -> str:
        """The condition, where `alias` is the dataset's."""
        if self.than is None:
            return self.operator.sql(self.ref.sql(alias), self.operand)
        return f"{self.ref.sql(alias)} {self.operator.sign} {self.than.sql(alias)}"

    def test(self, event: Mapping[str, Any]) -> bool:
        """Whether an event passes; a missing value does not, on either side."""
        value = present(event.get(self.ref.name))
        if self.than is None:
            return self.operator.passes(value, self.operand)
        other = present(event.get(self.than.name))
        return other is not None and self.operator.passes(value, other)


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
        return tuple(sorted({r.lookup for b in self.bound.values() for r in b.refs if r.lookup is not None}))

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are read, as named."""
        return tuple(dict.fromkeys(r.name for b in self.bound.values() for r in b.refs))

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
            case nodes.Xor():
                return " + ".join(f"coalesce({p}, false)::INTEGER" for p in parts) + " = 1"
            case nodes.Except():
                return group_sql("AND", [parts[0], *map(negated_sql, parts[1:])])
            case _:
                return self.bound[place].sql(alias)

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
            case nodes.Xor():
                return sum(below) == 1
            case nodes.Except():
                return next(below) and not any(below)
            case _:
                return self.bound[place].test(event)


def read_where(raw: Raw, place: str = "where", reading: Reading | None = None) -> Node:
    """Read a where-tree; the first problem is raised, unless a `reading` collects them.

    >>> read_where({"field": "Country", "op": "eq", "value": "Germany"})
    FieldLeaf(field='Country', op='eq', value='Germany', than=None)
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
            return node.said(self, dataset)

    return FieldSpeaker(speaker.language, speaker.vocabulary).clause(tree)


def present(value: Any) -> Any:
    """The value, with NaN as missing."""
    return None if isinstance(value, float) and value != value else value


def _bound(
    leaf: FieldLeaf, dataset: Dataset, vocabulary: Vocabulary, place: str, as_of: datetime, tz: ZoneInfo
) -> BoundField:
    ref = find_field(dataset, leaf.field, vocabulary, place)
    if leaf.than is not None:
        return _compared(leaf, ref, find_field(dataset, leaf.than, vocabulary, place), place)
    operator, operand = bind_comparison(leaf.op, leaf.value, ref.type, name=leaf.field, place=place, as_of=as_of, tz=tz)
    return BoundField(ref, operator, operand)


def _compared(leaf: FieldLeaf, ref: FieldRef, than: FieldRef, place: str) -> BoundField:
    """Two fields of one type, or whole and decimal numbers; floating numbers are never equal to decimal ones by right."""
    operator = OPERATORS[leaf.op]
    for found in (ref, than):
        check_type(operator, found.type, name=found.name, place=place)
    if ref.type is not than.type and not {ref.type, than.type} <= _EXACT:
        said = f'"{ref.name}" is of type {ref.type}, and "{than.name}" of type {than.type}.'
        raise Refused("wrong_operator", said, place=place, fix="Compare fields of one type.")
    return BoundField(ref, operator, None, than)


_EXACT = frozenset({ValueType.INTEGER, ValueType.DECIMAL})
