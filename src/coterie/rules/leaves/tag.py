"""A condition on a tag: `{"tag": "country", "op": "eq", "value": "France"}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import ValueType
from coterie.engines.sql import quote_name
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.comparisons import bind_comparison, comparison_json, comparison_schema, read_comparison
from coterie.rules.formula import negated_sql
from coterie.rules.nodes import Leaf, Reading
from coterie.rules.sentences import Speaker
from coterie.rules.values import Raw

if TYPE_CHECKING:
    from coterie.rules.facts import Facts


@dataclass(frozen=True)
class TagLeaf(Leaf):
    """A tag compared with a value; `value` as `values.freeze` keeps it."""

    key = "tag"

    tag: str
    op: str
    value: Raw = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> TagLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("tag", "op", "value"), place)
        return cls(nodes.text_of(body, "tag", place), *read_comparison(body, place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return comparison_schema("tag")

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"tag": self.tag, **comparison_json(self.op, self.value)}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find the tag and type the value, unless that was done before: while a rule is edited most of it stays."""
        key = (self.tag, self.op, repr(self.value), scope.as_of, scope.entity)  # 1, 1.0 and true are equal, not alike
        leaf = scope.known.get(key)
        if leaf is None:
            leaf = scope.known[key] = self._bound(scope, place)
        return leaf_node(place, self, leaf)

    def _bound(self, scope: Scope, place: str) -> BoundTag:
        tag = scope.tag(self.tag, place)
        operator, operand = bind_comparison(
            self.op, self.value, tag.type, name=tag.name, place=place, as_of=scope.as_of, tz=scope.tz
        )
        return BoundTag(("tag", tag.name), tag.type, operator, operand, families=(tag.family,))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        subject, kind = speaker.tag(self.tag)
        return speaker.comparison(subject, self.op, self.value, kind, self.tag)

    def subject(self, speaker: Speaker) -> str:
        """The tag's name for people."""
        return speaker.tag(self.tag)[0]


@dataclass(frozen=True)
class BoundTag(BoundLeaf):
    """A tag leaf ready to be asked."""

    @property
    def name(self) -> str:
        """The tag."""
        return str(self.fact[1])

    @cached_property
    def asked(self) -> str:
        """The same for equal questions: tag, operator and operand."""
        return f"{self.name}\0{self.operator.key}\0{self.operand!r}"

    def source(self) -> Source:
        """The family's rows; where a missing value passes, those that do not pass, since a family need not hold every row."""
        condition = self.operator.sql(f"f.{quote_name(self.name)}", self.operand)
        relation = f"FROM {quote_name(f'family:{self.families[0]}')} AS f"
        if self.operator.missing:
            return Source(relation, 'f."row"', negated_sql(condition), inverted=True)
        return Source(relation, 'f."row"', condition)

    @property
    def tags_read(self) -> tuple[tuple[str, str, ValueType], ...]:
        """The tag."""
        return ((self.families[0], self.name, self.type),)

    def measured(self, facts: Facts) -> Any:
        """The tag's value."""
        return facts.tags.get(self.name)
