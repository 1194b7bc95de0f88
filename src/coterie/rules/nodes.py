"""The parts of every tree: groups, and what each kind of leaf must be able to do; reading them from JSON with precise places."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from coterie.errors import Refused, did_you_mean
from coterie.rules.values import Raw, exact, is_number, shown

if typing.TYPE_CHECKING:
    from coterie.rules.binding import BoundNode, Scope
    from coterie.rules.sentences import Speaker

ROOT = "rule"  # the place of the whole rule
MAX_DEPTH = 30
MAX_NODES = 200
GROUPS = ("all", "any", "not", "xor", "except")


class Leaf(ABC):
    """One condition. A kind of leaf is one frozen dataclass that inherits this, listed in `tree.LEAF_KINDS`.

    key : the JSON key that marks the kind, such as `tag`.
    beside : the key of another kind that stands in the same object, such as `events` beside `regular`.
    """

    key: ClassVar[str]
    beside: ClassVar[str | None] = None

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


@dataclass(frozen=True)
class Xor:
    """Exactly one child holds."""

    children: tuple[Node, ...]
    name: str | None = None


@dataclass(frozen=True)
class Except:
    """The first child holds, and none of the others."""

    children: tuple[Node, ...]
    name: str | None = None


Group: typing.TypeAlias = All | Any | Not | Xor | Except
Node: typing.TypeAlias = Group | Leaf
_LISTS: Mapping[str, type[All | Any | Xor | Except]] = {"all": All, "any": Any, "xor": Xor, "except": Except}
_WORDS = {kind: word for word, kind in _LISTS.items()}
ReadLeaf: typing.TypeAlias = Callable[[Mapping[str, Raw], str, "Reading"], Leaf]


@dataclass
class Reading:
    """The reading of one rule: the problems found so far, the number of nodes, and how deep the present one lies."""

    problems: list[Refused] = field(default_factory=list)
    nodes: int = 0
    depth: int = -1

    def node(self, raw: Raw, place: str, read_leaf: ReadLeaf) -> Node | None:
        """Read a node; a problem is kept and gives None, so that the rest is read too."""
        self.depth += 1
        try:
            return self._node(raw, place, read_leaf)
        except Refused as problem:
            self.problems.append(problem)
            return None
        finally:
            self.depth -= 1

    def inner(self, raw: Raw, place: str, read_leaf: ReadLeaf) -> Node:
        """Read a node that a condition needs; the condition cannot be read without it."""
        before = len(self.problems)
        node = self.node(raw, place, read_leaf)
        if node is None or len(self.problems) > before:
            raise self.problems.pop()
        return node

    def _node(self, raw: Raw, place: str, read_leaf: ReadLeaf) -> Node:
        self.nodes += 1
        if self.depth > MAX_DEPTH:
            raise _too_large(place, f"nested over {MAX_DEPTH} levels deep")
        if self.nodes > MAX_NODES:
            raise _too_large(place, f"made of over {MAX_NODES} groups and conditions")
        if not isinstance(raw, (dict, Mapping)):  # a plain one is known at once
            fix = 'Write {"all": [...]} or a condition such as {"tag": "country", "op": "eq", "value": "France"}.'
            raise Refused("bad_rule", f"{shown(raw)} is not a condition.", place=place, fix=fix)
        group = [g for g in GROUPS if g in raw]
        if not group:
            return read_leaf(raw, place, self)
        known_keys(raw, (group[0], "name"), place)
        name = raw.get("name")
        if name is not None and not (isinstance(name, str) and name.strip() and len(name) <= 200):
            raise Refused("bad_rule", "A group's name is text.", place=place, fix="Write 1 to 200 characters.")
        if group[0] == "not":
            child = self.node(raw["not"], inside(place, "not"), read_leaf)
            return Not(child or All(()), name)
        return _LISTS[group[0]](self._children(raw[group[0]], group[0], place, read_leaf), name)

    def _children(self, raw: Raw, group: str, place: str, read_leaf: ReadLeaf) -> tuple[Node, ...]:
        if not isinstance(raw, list | tuple):
            raise Refused("bad_rule", f"`{group}` holds a list.", place=place, fix=f'Write {{"{group}": [...]}}.')
        if not raw and not (group == "all" and place == ROOT):  # {"all": []} as a whole rule is everyone
            raise Refused(
                "bad_rule", f"`{group}` is empty.", place=place, fix="Put a condition in, or take the group out."
            )
        if len(raw) < 2 and group in ("xor", "except"):
            fix = "Put another condition in, or take the group out."
            raise Refused("bad_rule", f"`{group}` holds one condition.", place=place, fix=fix)
        if self.nodes + len(raw) > MAX_NODES:
            raise _too_large(place, f"made of over {MAX_NODES} groups and conditions")
        start = inside(place, group)
        read = [self.node(r, f"{start}[{i}]", read_leaf) for i, r in enumerate(raw)]
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
        case Not(child):
            return [(inside(place, "not"), child)]
        case All() | Any() | Xor() | Except():
            start = inside(place, _WORDS[type(node)])
            return [(f"{start}[{i}]", n) for i, n in enumerate(node.children)]
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
        case Not(child):
            body: dict[str, Raw] = {"not": node_json(child)}
        case All() | Any() | Xor() | Except():
            body = {_WORDS[type(node)]: [node_json(n) for n in node.children]}
        case _:
            return node.as_json()
    return body if node.name is None else {"name": node.name, **body}


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


def object_of(body: Mapping[str, Raw], key: str, place: str) -> Mapping[str, Raw]:
    """The JSON object under `key`; Refused if it is none."""
    value = body.get(key)
    if not isinstance(value, Mapping):
        raise Refused("bad_rule", f'"{key}" holds no JSON object.', place=place, fix=f'Write {{"{key}": {{...}}}}.')
    return value


def whole_of(body: Mapping[str, Raw], key: str, place: str, least: int, most: int) -> int:
    """The whole number under `key`; Refused where it is missing, none, or not from `least` to `most`.

    >>> whole_of({"n": 3}, "n", "all[0]", 1, 10)
    3
    """
    value: Raw = body.get(key)
    number = exact(value) if is_number(value) and value is not None else None
    if number is None or number != number.to_integral_value() or not least <= number <= most:
        said = f'"{key}" is missing.' if key not in body else f'"{key}" cannot be {shown(value)}.'
        fix = f"Write a whole number from {least:,} to {most:,}."
        raise Refused("bad_value" if key in body else "bad_rule", said, place=place, fix=fix)
    return int(number)


def percent_of(body: Mapping[str, Raw], place: str) -> Decimal:
    """The share under `percent`: above 0, at most 100, with at most four digits after the point.

    >>> percent_of({"percent": 0.1}, "all[0]")
    Decimal('0.1')
    """
    value: Raw = body.get("percent")
    number = exact(value) if is_number(value) and value is not None else None
    if number is None or not 0 < number <= 100 or round(number, 4) != number:
        said, fix = (
            f'"percent" cannot be {shown(value)}.',
            "Write 0.0001 to 100, with at most four digits after the point.",
        )
        raise Refused("bad_value", said, place=place, fix=fix)
    return number.normalize()


def wholes_of(body: Mapping[str, Raw], key: str, place: str, most: int) -> tuple[int, ...]:
    """Under `key` a whole number from 1 to `most`, or a list of them; in order, each once.

    >>> wholes_of({"is": [2, 1, 2]}, "is", "all[0]", 10)
    (1, 2)
    """
    value = body.get(key)
    given = list(value) if isinstance(value, list | tuple) else [value]
    if key in body and not given:
        raise Refused("bad_value", f'"{key}" is empty.', place=place, fix=f"Write numbers from 1 to {most:,}.")
    known = {key: given[0]} if key in body else {}
    found = {whole_of(known, key, place, 1, most)} | {whole_of({key: g}, key, place, 1, most) for g in given[1:]}
    return tuple(sorted(found))


def _too_large(place: str, said: str) -> Refused:
    return Refused("rule_too_large", f"The rule is {said}.", place=place, fix="Save parts as audiences and use those.")
