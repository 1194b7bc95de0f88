"""Rules answered by set algebra over bits: sizes, members and the waterfall, with the meanings of `rules.sql`.

A set is an array of bits, row 0 being the lowest of the first word. A rule is answered block by block: the sets of a
block's conditions and what is made of them stay in the processor's cache, and nothing of the size of the universe is
written. For a six-condition rule over ten million rows that takes half the time of roaring bitmaps, which stay the form in
which sets are kept for long (`bitmaps.py`); a second thread does not pay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial, reduce
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from coterie.index.bitmaps import Bits, bits_size, from_bits
from coterie.rules.binding import BoundLeaf, BoundNode

T = TypeVar("T")
_BLOCK_WORDS = 32_768  # of 64 rows: 256 KiB, of which some fit into the cache


class Members(NamedTuple):
    """A set of rows, or with `inverted` everyone else in the universe: a complement is never written out.

    rows : bits within the universe, shape (n_words,).
    size : how many of them are set, where that was counted before.
    """

    rows: Bits
    inverted: bool = False
    size: int | None = None

    def __invert__(self) -> Members:
        return Members(self.rows, not self.inverted, self.size)


class NodeSize(NamedTuple):
    """A node of a rule: who passes it alone, who remains, who was removed, and how many remain per channel."""

    place: str
    alone: int
    remaining: int
    removed: int
    reachable: Mapping[str, int]


class Sets:
    """One rule's sets within one universe.

    leaf : gives the members of a condition, within the universe and of its length.
    """

    def __init__(self, universe: Bits, leaf: Callable[[BoundLeaf], Members]) -> None:
        self.universe, self._leaf = universe, leaf
        self._leaves: dict[int, Members] = {}
        self._everyone: int | None = None

    @property
    def everyone(self) -> int:
        """How many are in the universe."""
        if self._everyone is None:
            self._everyone = bits_size(self.universe)
        return self._everyone

    def size(self, node: BoundNode) -> int:
        """How many pass a node."""
        self._fetch(node)
        inverted = False

        def count(block: slice) -> int:
            nonlocal inverted
            found = _Block(self, block).truth(node)
            inverted = found.inverted  # the same in every block: it follows from the rule's shape
            return bits_size(found.rows)

        total = sum(self._each_block(count))
        return self.everyone - total if inverted else total

    def members(self, node: BoundNode) -> BitMap:
        """The rows that pass a node."""
        return from_bits(self.bits(node))

    def bits(self, node: BoundNode) -> Bits:
        """The rows that pass a node, as bits; not to be written to, since they may be those that are kept."""
        self._fetch(node)
        if node.leaf is not None and not self.of_leaf(node).inverted:
            return self.of_leaf(node).rows
        rows = np.empty_like(self.universe)

        def fill(block: slice) -> None:
            found = _Block(self, block).truth(node)
            rows[block] = self.universe[block] & ~found.rows if found.inverted else found.rows

        self._each_block(fill)
        return rows

    def waterfall(self, root: BoundNode, channels: Mapping[str, Bits]) -> tuple[NodeSize, ...]:
        """Every node of the rule itself, parents before children.

        To a child of `all` come those who passed everything before it, to every other node those who come to its
        parent. channels : by name, who can be reached there.
        """
        self._fetch(root)

        def count(block: slice) -> npt.NDArray[np.int64]:
            found = _Block(self, block)
            parts = [rows[block] for rows in channels.values()]
            return np.array(list(found.waterfall(root, Members(found.universe), found.everyone, parts)), np.int64)

        table = np.sum(self._each_block(count), axis=0)
        nodes = [
            NodeSize(
                node.place,
                alone if node.leaf is None else self._alone(node),
                remaining,
                coming - remaining,
                dict(zip(channels, reached, strict=True)),
            )
            for node, (alone, remaining, coming, *reached) in zip(root.own(), table.tolist(), strict=True)
        ]
        return tuple(nodes)

    def _alone(self, node: BoundNode) -> int:
        """How many pass a condition, which is counted once and not at every question."""
        rows, inverted, size = self.of_leaf(node)
        passing = bits_size(rows) if size is None else size
        return self.everyone - passing if inverted else passing

    def of_leaf(self, node: BoundNode) -> Members:
        """The members of a condition, over all rows."""
        return self._leaves[id(node)]

    def _fetch(self, node: BoundNode) -> None:
        """Get the sets of all conditions below a node."""
        if node.leaf is not None and id(node) not in self._leaves:
            self._leaves[id(node)] = self._leaf(node.leaf)
        for child in node.children:
            self._fetch(child)

    def _each_block(self, work: Callable[[slice], T]) -> list[T]:
        words = max(len(self.universe), 1)  # an empty universe is one empty block
        blocks = [slice(at, at + _BLOCK_WORDS) for at in range(0, words, _BLOCK_WORDS)]
        return list(map(work, blocks))


class _Scratch(threading.local):
    """Arrays of one block's length that a thread uses again and again: fresh memory costs more than the work on it."""

    def __init__(self) -> None:
        self.arrays: list[Bits] = []
        self.used = 0

    def take(self, words: int) -> Bits:
        """An array that nobody else uses until the block is done; it holds anything."""
        if self.used == len(self.arrays):
            self.arrays.append(np.empty(_BLOCK_WORDS, np.uint64))
        self.used += 1
        return self.arrays[self.used - 1][:words]


_SCRATCH = _Scratch()


class _Block:
    """The sets of one block of rows; they hold until the thread begins its next block."""

    def __init__(self, sets: Sets, block: slice) -> None:
        self._sets, self._block = sets, block
        self._known: dict[int, Members] = {}
        self._remaining: dict[int, tuple[Members, int]] = {}
        self.universe = sets.universe[block]
        _SCRATCH.used = 0

    @cached_property
    def everyone(self) -> int:
        """How many are in the universe's block."""
        return bits_size(self.universe)

    def truth(self, node: BoundNode) -> Members:
        """Who passes a node."""
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = self._truth(node)
        return known

    def _truth(self, node: BoundNode) -> Members:
        if node.leaf is not None:
            rows, inverted, _ = self._sets.of_leaf(node)
            return Members(rows[self._block], inverted)
        if node.kind == "not":
            return ~self.truth(node.children[0])
        if node.kind == "xor":
            return self._exactly_one(node.children)
        if node.kind == "any":
            return ~self._all([~self.truth(child) for child in node.children])
        return self._all([self.truth(child) for child in node.children])

    def _all(self, parts: Sequence[Members]) -> Members:
        if not parts:
            return Members(np.zeros_like(self.universe), inverted=True)
        if len(parts) == 1:
            return parts[0]
        # First among their like: an inverted set costs two steps beside a plain one, and one beside another inverted one.
        likes = [[p for p in parts if p.inverted is inverted] for inverted in (False, True)]
        found: Members | None = None
        for like in likes:
            if like:
                one = reduce(partial(both, out=_SCRATCH.take(len(self.universe))), like)
                found = one if found is None else both(found, one, _SCRATCH.take(len(self.universe)))
        assert found is not None, "there are parts"
        return found

    def _exactly_one(self, nodes: Iterable[BoundNode]) -> Members:
        once, more = np.zeros_like(self.universe), np.zeros_like(self.universe)
        for node in nodes:
            rows = self._plain(self.truth(node))
            more |= once & rows
            once |= rows
        return Members(once & ~more)

    def _plain(self, part: Members) -> Bits:
        return self.universe & ~part.rows if part.inverted else part.rows

    def waterfall(self, node: BoundNode, coming: Members, size: int, channels: Sequence[Bits]) -> Iterable[list[int]]:
        """For each node: alone, remaining, coming, and who remains and can be reached by each channel.

        size : of `coming`.
        """
        truth = self.truth(node)
        remaining = self._all([coming, truth])
        left = bits_size(remaining.rows)
        self._remaining[id(node)] = remaining, left
        shared = _SCRATCH.take(len(self.universe))
        reached = [bits_size(np.bitwise_and(remaining.rows, rows, out=shared)) for rows in channels]
        alone = 0  # of a condition it is known for all blocks together
        if node.leaf is None:
            alone = self.everyone - bits_size(truth.rows) if truth.inverted else bits_size(truth.rows)
        yield [alone, left, size, *reached]
        if node.kind == "audience":
            return
        for child in node.children:
            yield from self.waterfall(child, coming, size, channels)
            if node.kind == "all":  # who remains after this child comes to the next
                coming, size = self._remaining[id(child)]


def both(a: Members, b: Members, out: Bits) -> Members:
    """Who is in both sets, written to `out`, which may be the rows of `a`.

    >>> three, two, out = (np.array([n], np.uint64) for n in (7, 2, 0))
    >>> both(Members(three), Members(two, inverted=True), out)
    Members(rows=array([5], dtype=uint64), inverted=False, size=None)
    """
    match a.inverted, b.inverted:
        case False, False:
            return Members(np.bitwise_and(a.rows, b.rows, out=out))
        case False, True:  # a and not b: what is in either, but not in b
            np.bitwise_or(a.rows, b.rows, out=out)
            return Members(np.bitwise_xor(out, b.rows, out=out))
        case True, False:
            np.bitwise_and(a.rows, b.rows, out=out)
            return Members(np.bitwise_xor(out, b.rows, out=out))
        case _:
            return Members(np.bitwise_or(a.rows, b.rows, out=out), inverted=True)
