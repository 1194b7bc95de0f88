"""Conditions on being in a set: another audience or one snapshot of it, a saved block, an uploaded list, an answer of SQL."""

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
        return _opened(
            self, "audience", self.audience, _found(scope, place, lambda r: r.audience(self.audience)), scope, place
        )

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
        try:  # in a workspace, being on a list is a tag
            families = [scope.vocabulary.tag(f"list.{self.list}").family]
        except NotFound:
            families = []
        return leaf_node(place, self, replace(_membership(("list", self.list), sql), families=tuple(families)))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        return speaker.pick(f'they are on the list "{self.list}"', f"在名单“{self.list}”中")

    def subject(self, speaker: Speaker) -> str:
        """Membership, in words."""
        return speaker.pick(f'being on the list "{self.list}"', f"是否在名单“{self.list}”中")


@dataclass(frozen=True)
class BlockLeaf(Leaf):
    """`{"block": "loyal core"}`: passes the group of conditions that was saved under that name."""

    key = "block"

    block: str

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> BlockLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("block",), place)
        return cls(nodes.text_of(body, "block", place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return _named_schema("block")

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"block": self.block}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Open the block's rule."""
        if scope.resolver is not None and not isinstance(scope.resolver, Blocks):
            raise Refused("bad_rule", "There are no blocks here.", place=place, fix="Write the conditions themselves.")
        rule = _found(scope, place, lambda r: r.block(self.block))
        return _opened(self, "block", self.block, rule, scope, place)

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        return speaker.pick(f'they are in the block "{self.block}"', f"满足标签组“{self.block}”")

    def subject(self, speaker: Speaker) -> str:
        """Passing it, in words."""
        return speaker.pick(f'passing the block "{self.block}"', f"是否满足标签组“{self.block}”")


@dataclass(frozen=True)
class SqlLeaf(Leaf):
    """`{"sql": "SELECT entity FROM tags WHERE ..."}`: is among the ids that one SELECT returns."""

    key = "sql"

    sql: str

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> SqlLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("sql",), place)
        text = nodes.text_of(body, "sql", place)
        if len(text) > MAX_SQL:
            said = f"The SQL has {len(text):,} characters."
            raise Refused("sql_refused", said, place=nodes.inside(place, "sql"), fix=f"Write at most {MAX_SQL:,}.")
        return cls(read_text(text, nodes.inside(place, "sql"), most=MAX_SQL))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return _named_schema("sql")

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"sql": self.sql}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Let the resolver check it; it is run when the rule is."""
        if scope.resolver is not None and not isinstance(scope.resolver, SqlSets):
            raise Refused("sql_refused", "SQL is not answered here.", place=place, fix="Ask in a workspace.")
        sql = _found(scope, place, lambda r: r.sql_rows(self.sql, nodes.inside(place, "sql")))
        found = _membership(("sql", self.sql), sql, changeable=False)
        return leaf_node(place, self, replace(found, of_universe=True))

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        said = " ".join(self.sql.split())
        said = said if len(said) <= _SHOWN_SQL else f"{said[: _SHOWN_SQL - 3]}..."
        return speaker.pick(f"they are found by the SQL `{said}`", f"由SQL查询`{said}`选出")

    def subject(self, speaker: Speaker) -> str:
        """Membership, in words."""
        return speaker.pick("being found by the SQL", "是否由SQL查询选出")


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


def _opened(leaf: Leaf, kind: str, name: str, rule: Rule, scope: Scope, place: str) -> BoundNode:
    """The rule of an audience or a block, bound below the condition that names it."""
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
