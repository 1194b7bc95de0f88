"""Rules answered by set algebra over bitmaps: sizes, members and the waterfall, with the meanings of `rules.sql`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import NamedTuple

from pyroaring import BitMap

from coterie.rules.binding import BoundLeaf, BoundNode


class Members(NamedTuple):
    """A set of rows, or with `inverted` everyone else in the universe: a complement is never written out."""

    rows: BitMap
    inverted: bool = False

    def __invert__(self) -> Members:
        return Members(self.rows, not self.inverted)


class NodeSize(NamedTuple):
    """A node of a rule: who passes it alone, who remains, who was removed, and how many remain per channel."""

    place: str
    alone: int
    remaining: int
    removed: int
    reachable: Mapping[str, int]


class Sets:
    """One rule's sets within one universe.

    leaf : gives the members of a condition; bitmaps within the universe are taken as they are.
    """

    def __init__(self, universe: BitMap, leaf: Callable[[BoundLeaf], Members]) -> None:
        self.universe, self._leaf, self._known = universe, leaf, dict[int, Members]()

    def truth(self, node: BoundNode) -> Members:
        """Who passes a node."""
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = self._truth(node)
        return known

    def size(self, node: BoundNode) -> int:
        """How many pass a node; the last step only counts."""
        if id(node) in self._known or node.kind != "all" or len(node.children) < 2:
            return self._size(self.truth(node))
        parts = self._ordered(node.children)
        return self._size_of_both(both(parts[:-1]), parts[-1])

    def members(self, node: BoundNode) -> BitMap:
        """The rows that pass a node."""
        found = self.truth(node)
        return self.universe - found.rows if found.inverted else found.rows

    def waterfall(self, root: BoundNode, channels: Mapping[str, BitMap]) -> tuple[NodeSize, ...]:
        """Every node of the rule itself, parents before children.

        To a child of `all` come those who passed everything before it, to every other node those who come to its
        parent. channels : by name, who can be reached there.
        """
        return tuple(self._node(root, Members(BitMap(), inverted=True), channels))

    def _node(self, node: BoundNode, coming: Members, channels: Mapping[str, BitMap]) -> Iterable[NodeSize]:
        truth = self.truth(node)
        remaining = both([coming, truth])
        size = self._size(remaining)
        reach = {name: _reached(remaining, rows) for name, rows in channels.items()}
        yield NodeSize(node.place, self._size(truth), size, self._size(coming) - size, reach)
        if node.kind == "audience":
            return
        for child in node.children:
            yield from self._node(child, coming, channels)
            if node.kind == "all":
                coming = both([coming, self.truth(child)])

    def _truth(self, node: BoundNode) -> Members:
        if node.leaf is not None:
            return self._leaf(node.leaf)
        if node.kind == "not":
            return ~self.truth(node.children[0])
        if node.kind == "any":
            return ~both([~part for part in self._ordered(node.children)])
        return both(self._ordered(node.children))

    def _ordered(self, nodes: Iterable[BoundNode]) -> list[Members]:
        """What keeps few first, so that later steps have little to do; what takes away last."""
        return sorted(map(self.truth, nodes), key=lambda part: (part.inverted, len(part.rows)))

    def _size(self, part: Members) -> int:
        return len(self.universe) - len(part.rows) if part.inverted else len(part.rows)

    def _size_of_both(self, a: Members, b: Members) -> int:
        match a.inverted, b.inverted:
            case False, False:
                return a.rows.intersection_cardinality(b.rows)
            case False, True:
                return a.rows.difference_cardinality(b.rows)
            case True, False:
                return b.rows.difference_cardinality(a.rows)
            case _:
                return len(self.universe) - a.rows.union_cardinality(b.rows)


def both(parts: Iterable[Members]) -> Members:
    """Who is in all of the sets; everyone where there is none.

    >>> both([Members(BitMap([1, 2, 3])), Members(BitMap([2]), inverted=True)]).rows
    BitMap([1, 3])
    """
    return reduce(_both, parts, _EVERYONE)


_EVERYONE = Members(BitMap(), inverted=True)


def _both(a: Members, b: Members) -> Members:
    if a is _EVERYONE:
        return b
    match a.inverted, b.inverted:
        case False, False:
            return Members(a.rows & b.rows)
        case False, True:
            return Members(a.rows - b.rows)
        case True, False:
            return Members(b.rows - a.rows)
        case _:
            return Members(a.rows | b.rows, inverted=True)


def _reached(part: Members, channel: BitMap) -> int:
    if part.inverted:
        return channel.difference_cardinality(part.rows)
    return part.rows.intersection_cardinality(channel)
