"""The parts of every tree: groups, and what each kind of leaf must be able to do; reading them from JSON with precise places."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from coterie.errors import Refused, did_you_mean
from coterie.rules.values import Raw, shown

if typing.TYPE_CHECKING:
    from coterie.rules.binding import BoundNode, Scope
    from coterie.rules.sentences import Speaker

ROOT = "rule"  # the place of the whole rule
MAX_DEPTH = 30
MAX_NODES = 200
_GROUPS = ("all", "any", "not")


class Leaf(ABC):
    """One condition. A kind of leaf is one frozen dataclass that inherits this, listed in `tree.LEAF_KINDS`.

    key : the JSON key that marks the kind, such as `tag`.
    """

    key: ClassVar[str]

    @classmethod
    @abstractmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> Leaf:
        """Read the JSON object; Refused where its shape is wrong."""

    @classmethod
    @abstractmethod
    def schema(cls) -> dict[str, typing.Any]:
        """JSON Schema of the object."""

    @abstractmethod
    def as_json(self) -> dict[str, Raw]:
        """The JSON object that reads as this leaf."""

    @abstractmethod
    def bind(self, scope: Scope, place: str) -> BoundNode:
        """The leaf with its names found and its values typed; Refused where they do not fit."""

    @abstractmethod
    def clause(self, speaker: Speaker) -> str:
        """The condition in words, as part of a sentence."""

    @abstractmethod
    def subject(self, speaker: Speaker) -> str:
        """What is compared, in words."""


@dataclass(frozen=True)
class All:
    """Every child holds."""

    children: tuple[Node, ...]
    name: str | None = None


@dataclass(frozen=True)
class Any:
    """At least one child holds."""

    children: tuple[Node, ...]
    name: str | None = None


@dataclass(frozen=True)
class Not:
    """The child does not hold: everyone else in the universe."""

    child: Node
    name: str | None = None


Node: typing.TypeAlias = All | Any | Not | Leaf
ReadLeaf: typing.TypeAlias = Callable[[Mapping[str, Raw], str, "Reading"], Leaf]


@dataclass
class Reading:
    """The reading of one rule: the problems found so far and the number of nodes."""

    problems: list[Refused] = field(default_factory=list)
    nodes: int = 0

    def node(self, raw: Raw, place: str, read_leaf: ReadLeaf, depth: int = 0) -> Node | None:
        """Read a node; a problem is kept and gives None, so that the rest is read too."""
        try:
            return self._node(raw, place, read_leaf, depth)
        except Refused as problem:
            self.problems.append(problem)
            return None

    def _node(self, raw: Raw, place: str, read_leaf: ReadLeaf, depth: int) -> Node:
        self.nodes += 1
        if depth > MAX_DEPTH:
            raise _too_large(place, f"nested over {MAX_DEPTH} levels deep")
        if self.nodes > MAX_NODES:
            raise _too_large(place, f"made of over {MAX_NODES} groups and conditions")
        if not isinstance(raw, Mapping):
            fix = 'Write {"all": [...]} or a condition such as {"tag": "country", "op": "eq", "value": "France"}.'
            raise Refused("bad_rule", f"{shown(raw)} is not a condition.", place=place, fix=fix)
        group = [g for g in _GROUPS if g in raw]
        if not group:
            return read_leaf(raw, place, self)
        known_keys(raw, (group[0], "name"), place)
        name = raw.get("name")
        if name is not None and not (isinstance(name, str) and name.strip() and len(name) <= 200):
            raise Refused("bad_rule", "A group's name is text.", place=place, fix="Write 1 to 200 characters.")
        if group[0] == "not":
            child = self.node(raw["not"], inside(place, "not"), read_leaf, depth + 1)
            return Not(child or All(()), name)
        children = self._children(raw[group[0]], group[0], place, read_leaf, depth)
        return All(children, name) if group[0] == "all" else Any(children, name)

    def _children(self, raw: Raw, group: str, place: str, read_leaf: ReadLeaf, depth: int) -> tuple[Node, ...]:
        if not isinstance(raw, list | tuple):
            raise Refused("bad_rule", f"`{group}` holds a list.", place=place, fix=f'Write {{"{group}": [...]}}.')
        if not raw and not (group == "all" and place == ROOT):  # {"all": []} as a whole rule is everyone
            raise Refused(
                "bad_rule", f"`{group}` is empty.", place=place, fix="Put a condition in, or take the group out."
            )
        if self.nodes + len(raw) > MAX_NODES:
            raise _too_large(place, f"made of over {MAX_NODES} groups and conditions")
        read = [self.node(r, inside(place, f"{group}[{i}]"), read_leaf, depth + 1) for i, r in enumerate(raw)]
        return tuple(node for node in read if node is not None)


def inside(place: str, step: str) -> str:
    """The place of a child.

    >>> inside("rule", "all[0]"), inside("all[0]", "any[1]")
    ('all[0]', 'all[0].any[1]')
    """
    return step if place == ROOT else f"{place}.{step}"


def children(node: Node, place: str) -> list[tuple[str, Node]]:
    """The children of a node with their places."""
    match node:
        case All(nodes):
            return [(inside(place, f"all[{i}]"), n) for i, n in enumerate(nodes)]
        case Any(nodes):
            return [(inside(place, f"any[{i}]"), n) for i, n in enumerate(nodes)]
        case Not(child):
            return [(inside(place, "not"), child)]
        case _:
            return []


def walk(node: Node, place: str = ROOT) -> Iterator[tuple[str, Node]]:
    """All nodes with their places, parents before their children."""
    yield place, node
    for child_place, child in children(node, place):
        yield from walk(child, child_place)


def node_json(node: Node) -> dict[str, Raw]:
    """The JSON object that reads as this node."""
    match node:
        case All(nodes, name):
            body: dict[str, Raw] = {"all": [node_json(n) for n in nodes]}
        case Any(nodes, name):
            body = {"any": [node_json(n) for n in nodes]}
        case Not(child, name):
            body = {"not": node_json(child)}
        case _:
            return node.as_json()
    return body if name is None else {"name": name, **body}


def known_keys(body: Mapping[str, Raw], known: tuple[str, ...], place: str) -> None:
    """Refuse keys that are not known here."""
    for key in body:
        if key not in known:
            fix = did_you_mean(str(key), known) or f"Here stand: {', '.join(known)}."
            raise Refused("bad_rule", f'The key "{shown(key)}" does not belong here.', place=place, fix=fix)


def text_of(body: Mapping[str, Raw], key: str, place: str) -> str:
    """The text under `key`; Refused if it is missing or no text."""
    value = body.get(key)
    if not isinstance(value, str) or not value:
        said = f'"{key}" is missing.' if key not in body else f'"{key}" is no text.'
        raise Refused("bad_rule", said, place=place, fix=f'Write {{"{key}": "NAME", ...}}.')
    return value


def _too_large(place: str, said: str) -> Refused:
    return Refused("rule_too_large", f"The rule is {said}.", place=place, fix="Save parts as audiences and use those.")
