"""Conditions on being in a set: another audience, live or one snapshot of it, and an uploaded list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import ValueType
from coterie.errors import NotFound, Refused
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.formula import indented
from coterie.rules.nodes import Leaf, Reading
from coterie.rules.operators import OPERATORS
from coterie.rules.sentences import Speaker
from coterie.rules.values import Raw
from coterie.rules.vocabulary import Resolver, at_place

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

# Audiences of audiences unfold; far more conditions than a person writes are a mistake.
_MAX_OPENED = 2_000


@dataclass(frozen=True)
class AudienceLeaf(Leaf):
    """`{"audience": "loyal"}`: passes the saved rule as it is now; with `"snapshot"`, was a member of that snapshot."""

    key = "audience"

    audience: str
    snapshot: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> AudienceLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("audience", "snapshot"), place)
        snapshot = nodes.text_of(body, "snapshot", place) if "snapshot" in body else None
        return cls(nodes.text_of(body, "audience", place), snapshot)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return _named_schema("audience", snapshot={"type": "string", "minLength": 1})

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"audience": self.audience} | ({} if self.snapshot is None else {"snapshot": self.snapshot})

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Open the audience's rule, or take the snapshot's members."""
        if self.snapshot is not None:
            snapshot = self.snapshot
            sql = _found(scope, place, lambda r: r.snapshot_sql(self.audience, snapshot))
            return leaf_node(place, self, _membership(("snapshot", (self.audience, snapshot)), sql, changeable=False))
        if self.audience in scope.chain:
            circle = " uses ".join(
                f'"{name}"' for name in (*scope.chain[scope.chain.index(self.audience) :], self.audience)
            )
            raise Refused("audience_cycle", f"{circle}.", place=place, fix="Take one of these conditions out.")
        rule = _found(scope, place, lambda r: r.audience(self.audience))
        if rule.entity != scope.entity:
            said = f'"{self.audience}" is an audience of {rule.entity}s, and the rule is about {scope.entity}s.'
            raise Refused("bad_rule", said, place=place, fix="Use an audience of the same kind of entity.")
        scope.opened += sum(1 for _ in nodes.walk(rule.root))
        if scope.opened > _MAX_OPENED:
            said = f"The audiences used here open to over {_MAX_OPENED:,} conditions."
            raise Refused("rule_too_large", said, place=place, fix="Use snapshots of some of them.")
        inner = replace(scope, chain=(*scope.chain, self.audience), problems=[])
        root = inner.bind(rule.root, nodes.inside(place, "audience"))
        scope.opened = inner.opened
        if inner.problems:
            raise inner.problems[0]
        return BoundNode(place, self, "audience", (root,))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        if self.snapshot is None:
            return speaker.pick(f'they are in the audience "{self.audience}"', f"属于人群包“{self.audience}”")
        return speaker.pick(
            f'they are in snapshot "{self.snapshot}" of the audience "{self.audience}"',
            f"属于人群包“{self.audience}”的快照“{self.snapshot}”",
        )

    def subject(self, speaker: Speaker) -> str:
        """Membership, in words."""
        return speaker.pick(f'membership of "{self.audience}"', f"是否属于“{self.audience}”")


@dataclass(frozen=True)
class ListLeaf(Leaf):
    """`{"list": "vip"}`: is on the uploaded list."""

    key = "list"

    list: str

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> ListLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("list",), place)
        return cls(nodes.text_of(body, "list", place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return _named_schema("list")

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"list": self.list}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find the list."""
        sql = _found(scope, place, lambda r: r.list_sql(self.list))
        return leaf_node(place, self, _membership(("list", self.list), sql))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        return speaker.pick(f'they are on the list "{self.list}"', f"在名单“{self.list}”中")

    def subject(self, speaker: Speaker) -> str:
        """Membership, in words."""
        return speaker.pick(f'being on the list "{self.list}"', f"是否在名单“{self.list}”中")


@dataclass(frozen=True)
class BoundMembers(BoundLeaf):
    """Membership of a set of rows; `members` is SQL of a relation with a column `row`."""

    members: str = ""

    def source(self) -> Source:
        """The rows of the set."""
        return Source(f"FROM (\n{indented(self.members)}\n) AS m", 'm."row"', None)

    def measured(self, facts: Facts) -> bool:
        """Whether the entity is in the set."""
        return self.fact[1] in (facts.lists if self.fact[0] == "list" else facts.snapshots)


def _membership(fact: tuple[str, Any], sql: str, *, changeable: bool = True) -> BoundMembers:
    return BoundMembers(fact, ValueType.BOOLEAN, OPERATORS["eq"], True, changeable=changeable, members=sql)


def _found(scope: Scope, place: str, ask: Callable[[Resolver], Any]) -> Any:
    if scope.resolver is None:
        fix = "Count the rule in a workspace that has them."
        raise Refused("bad_rule", "Audiences and lists cannot be looked up here.", place=place, fix=fix)
    try:
        return ask(scope.resolver)
    except NotFound as error:
        raise at_place(error, place) from None


def _named_schema(key: str, **more: Any) -> dict[str, Any]:
    properties = {key: {"type": "string", "minLength": 1}, **more}
    return {"type": "object", "required": [key], "additionalProperties": False, "properties": properties}
