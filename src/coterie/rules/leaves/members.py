"""Conditions on being in a set: another audience or one snapshot of it, a saved block, an uploaded list, an answer of SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from coterie.catalog.schemas import ValueType
from coterie.errors import NotFound, Refused
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.formula import indented
from coterie.rules.nodes import Leaf, Reading
from coterie.rules.operators import OPERATORS, Words
from coterie.rules.sentences import Speaker
from coterie.rules.values import Raw, read_text
from coterie.rules.vocabulary import Blocks, SqlSets, at_place

if TYPE_CHECKING:
    from coterie.rules.facts import Facts
    from coterie.rules.tree import Rule

# Audiences of audiences unfold; far more conditions than a person writes are a mistake.
_MAX_OPENED = 2_000
MAX_SQL = 20_000
_SHOWN_SQL = 120


@dataclass(frozen=True)
class SetLeaf(Leaf):
    """A condition on being in a set: `{KEY: NAME}`. A kind says its key, its words, and how the set is found.

    words : the clause and the subject, each in English and Chinese, with `{}` for the name.
    """

    words: ClassVar[tuple[Words, Words]]

    name: str

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> Self:
        """Read the JSON object."""
        nodes.known_keys(body, (cls.key,), place)
        return cls(nodes.text_of(body, cls.key, place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return _named_schema(cls.key)

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {self.key: self.name}

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        return self.words[0].in_(speaker.language).replace("{}", self.name)

    def subject(self, speaker: Speaker) -> str:
        """Membership, in words."""
        return self.words[1].in_(speaker.language).replace("{}", self.name)


@dataclass(frozen=True)
class AudienceLeaf(SetLeaf):
    """`{"audience": "loyal"}`: passes the saved rule as it is now; with `"snapshot"`, was a member of that snapshot."""

    key = "audience"
    words = (
        Words('they are in the audience "{}"', "属于人群包“{}”"),
        Words('membership of "{}"', "是否属于“{}”"),
    )

    snapshot: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> Self:
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
        return super().as_json() | ({} if self.snapshot is None else {"snapshot": self.snapshot})

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Open the audience's rule, or take the snapshot's members."""
        if self.snapshot is not None:
            snapshot = self.snapshot
            sql = _found(scope, place, lambda r: r.snapshot_sql(self.name, snapshot))
            return leaf_node(place, self, _membership(("snapshot", (self.name, snapshot)), sql, changeable=False))
        return _opened(self, _found(scope, place, lambda r: r.audience(self.name)), scope, place)

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        if self.snapshot is None:
            return super().clause(speaker)
        return speaker.pick(
            f'they are in snapshot "{self.snapshot}" of the audience "{self.name}"',
            f"属于人群包“{self.name}”的快照“{self.snapshot}”",
        )


@dataclass(frozen=True)
class ListLeaf(SetLeaf):
    """`{"list": "vip"}`: is on the uploaded list."""

    key = "list"
    words = (Words('they are on the list "{}"', "在名单“{}”中"), Words('being on the list "{}"', "是否在名单“{}”中"))

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find the list."""
        sql = _found(scope, place, lambda r: r.list_sql(self.name))
        try:  # in a workspace, being on a list is a tag
            families = [scope.vocabulary.tag(f"list.{self.name}").family]
        except NotFound:
            families = []
        return leaf_node(place, self, replace(_membership(("list", self.name), sql), families=tuple(families)))


@dataclass(frozen=True)
class BlockLeaf(SetLeaf):
    """`{"block": "loyal core"}`: passes the group of conditions that was saved under that name."""

    key = "block"
    words = (
        Words('they are in the block "{}"', "满足标签组“{}”"),
        Words('passing the block "{}"', "是否满足标签组“{}”"),
    )

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Open the block's rule."""
        if scope.resolver is not None and not isinstance(scope.resolver, Blocks):
            raise Refused("bad_rule", "There are no blocks here.", place=place, fix="Write the conditions themselves.")
        return _opened(self, _found(scope, place, lambda r: r.block(self.name)), scope, place)


@dataclass(frozen=True)
class SqlLeaf(SetLeaf):
    """`{"sql": "SELECT entity FROM tags WHERE ..."}`: is among the ids that one SELECT returns; `name` is its text."""

    key = "sql"
    words = (
        Words("they are found by the SQL `{}`", "由SQL查询`{}`选出"),
        Words("being found by the SQL", "是否由SQL查询选出"),
    )

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> Self:
        """Read the JSON object."""
        text, inner = super().read(body, place, reading).name, nodes.inside(place, "sql")
        if len(text) > MAX_SQL:
            said = f"The SQL has {len(text):,} characters."
            raise Refused("sql_refused", said, place=inner, fix=f"Write at most {MAX_SQL:,}.")
        return cls(read_text(text, inner, most=MAX_SQL))

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Let the resolver check it; it is run when the rule is."""
        if scope.resolver is not None and not isinstance(scope.resolver, SqlSets):
            raise Refused("sql_refused", "SQL is not answered here.", place=place, fix="Ask in a workspace.")
        sql = _found(scope, place, lambda r: r.sql_rows(self.name, nodes.inside(place, "sql")))
        found = _membership(("sql", self.name), sql, changeable=False)
        return leaf_node(place, self, replace(found, of_universe=True))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        said = " ".join(self.name.split())
        said = said if len(said) <= _SHOWN_SQL else f"{said[: _SHOWN_SQL - 3]}..."
        return self.words[0].in_(speaker.language).replace("{}", said)


@dataclass(frozen=True)
class BoundMembers(BoundLeaf):
    """Membership of a set of rows; `members` is SQL of a relation with a column `row`."""

    members: str = ""

    def source(self) -> Source:
        """The rows of the set."""
        return Source(f"FROM (\n{indented(self.members)}\n) AS m", 'm."row"', None)

    @property
    def asked_sql(self) -> str | None:
        """Of an answer of SQL, its rows; lists and snapshots are facts of their own."""
        return f'SELECT "row", true AS "value" FROM ({self.members})' if self.fact[0] == "sql" else None

    def measured(self, facts: Facts) -> bool:
        """Whether the entity is in the set."""
        return self.fact[1] in (facts.lists if self.fact[0] == "list" else facts.snapshots)


def _membership(fact: tuple[str, Any], sql: str, *, changeable: bool = True) -> BoundMembers:
    return BoundMembers(fact, ValueType.BOOLEAN, OPERATORS["eq"], True, changeable=changeable, members=sql)


def _opened(leaf: SetLeaf, rule: Rule, scope: Scope, place: str) -> BoundNode:
    """The rule of an audience or a block, bound below the condition that names it."""
    kind, name = leaf.key, leaf.name
    if (kind, name) in scope.chain:
        names = [*scope.chain[scope.chain.index((kind, name)) :], (kind, name)]
        circle = " uses ".join(f'"{n}"' if k == "audience" else f'the block "{n}"' for k, n in names)
        said = f"{circle[0].upper()}{circle[1:]}."
        raise Refused("audience_cycle", said, place=place, fix="Take one of these conditions out.")
    if rule.entity != scope.entity:
        article = "an" if kind == "audience" else "a"
        said = f'"{name}" is {article} {kind} of {rule.entity}s, and the rule is about {scope.entity}s.'
        raise Refused("bad_rule", said, place=place, fix=f"Use {article} {kind} of the same kind of entity.")
    scope.opened += sum(1 for _ in nodes.walk(rule.root))
    if scope.opened > _MAX_OPENED:
        said = f"The audiences used here open to over {_MAX_OPENED:,} conditions."
        raise Refused("rule_too_large", said, place=place, fix="Use snapshots of some of them.")
    inner = replace(scope, chain=(*scope.chain, (kind, name)), problems=[])
    root = inner.bind(rule.root, nodes.inside(place, kind))
    scope.opened = inner.opened
    if inner.problems:
        raise inner.problems[0]
    return BoundNode(place, leaf, "audience", (root,))


def _found(scope: Scope, place: str, ask: Callable[[Any], Any]) -> Any:
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
