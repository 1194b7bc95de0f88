"""Rules answered by set algebra over bits: sizes, members and the waterfall, with the meanings of `rules.sql`.

A set is an array of bits, row 0 being the lowest of the first word. A rule is laid out once as steps on the sets of its
conditions, and answered block by block: what is made of a block stays in the processor's cache, and nothing of the size of
the universe is written. For a six-condition rule over ten million rows that takes a third of the time of roaring bitmaps,
which stay the form in which sets are kept for long (`bitmaps.py`); a second thread does not pay.

The waterfall walks down the rule with those who are left. Where they have become few, only the words that hold one of
them are looked at from there on (`_Left.packed`).
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from coterie.index.bitmaps import Bits, bits_size, from_bits
from coterie.rules.binding import BoundLeaf, BoundNode

_BLOCK_WORDS = 32_768  # of 64 rows: 256 KiB, of which three fit into a core's cache
_FEW_WORDS = 512  # of so few the calls cost more than the work
_SPARSE = 4  # words for each who is left, from which on looking up their words pays


class Members(NamedTuple):
    """A set of rows, or with `inverted` everyone else in the universe: a complement is never written out.

    rows : bits within the universe, shape (n_words,).
    size : how many of them are set, where that was counted before.
    """

    rows: Bits
    inverted: bool = False
    size: int | None = None


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
        self._known: dict[int, Members] = {}
        self._everyone: int | None = None

    @property
    def everyone(self) -> int:
        """How many are in the universe."""
        if self._everyone is None:
            self._everyone = bits_size(self.universe)
        return self._everyone

    def of(self, node: BoundNode) -> Members:
        """The set of a condition, or of an audience that the rule names, over all rows."""
        known = self._known.get(id(node))
        if known is None:
            found = Members(self.bits(node)) if node.leaf is None else self._leaf(node.leaf)
            known = self._known[id(node)] = found
        return known

    def size(self, node: BoundNode) -> int:
        """How many pass a node."""
        if node.leaf is not None:
            rows, inverted, size = self.of(node)
            total = bits_size(rows) if size is None else size
        else:
            plan = _Plan(self)
            answer, inverted = plan.lay(node)
            total = sum(bits_size(places[answer]) for _, places in plan.walk())
        return self.everyone - total if inverted else total

    def members(self, node: BoundNode) -> BitMap:
        """The rows that pass a node."""
        return from_bits(self.bits(node))

    def bits(self, node: BoundNode) -> Bits:
        """The rows that pass a node, as bits; not to be written to, since they may be those that are kept."""
        if node.leaf is not None and not self.of(node).inverted:
            return self.of(node).rows
        plan, rows = _Plan(self), np.empty_like(self.universe)
        answer = plan.plain(plan.lay(node))
        for block, places in plan.walk():
            rows[block] = places[answer]
        return rows

    def waterfall(self, root: BoundNode, channels: Mapping[str, Bits]) -> tuple[NodeSize, ...]:
        """Every node of the rule itself, parents before children.

        To a child of `all` come those who passed everything before it, to every other node those who come to its
        parent. channels : by name, who can be reached there, within the universe.
        """
        seen: _Seen = defaultdict(list)
        for block in _blocks(self.universe):
            everyone = _Left(self.universe[block], [rows[block] for rows in channels.values()])
            _Walk(self, block, seen).down(root, everyone.counted(everyone.rows))
        found = []
        for node in root.own():
            coming, remaining, *reached = np.sum(seen[id(node)], axis=0).tolist()
            alone = remaining if coming == self.everyone else self._alone(node)
            reachable = dict(zip(channels, reached, strict=True))
            found.append(NodeSize(node.place, alone, remaining, coming - remaining, reachable))
        return tuple(found)

    def _alone(self, node: BoundNode) -> int:
        """How many pass a node by itself; of a condition that was counted once and is not at every question."""
        return self.everyone - self._alone(node.children[0]) if node.kind == "not" else self.size(node)


def _blocks(rows: Bits) -> list[slice]:
    words = max(len(rows), 1)  # an empty universe is one empty block
    return [slice(at, at + _BLOCK_WORDS) for at in range(0, words, _BLOCK_WORDS)]


class _Scratch(threading.local):
    """Arrays of one block's length that a thread uses again and again: fresh memory costs more than the work on it."""

    def __init__(self) -> None:
        self.arrays: list[Bits] = []

    def take(self, number: int) -> list[Bits]:
        """So many arrays, which hold anything; they are the same at every call."""
        while len(self.arrays) < number:
            self.arrays.append(np.empty(_BLOCK_WORDS, np.uint64))
        return self.arrays[:number]


_SCRATCH = _Scratch()


class _Plan:
    """How the rows that pass a node come from those that pass its conditions, as steps to be walked for each block.

    A step works on places: from 0 on the sets that are given, the universe first; below 0 scratch, which a step may
    write to. What a step has read from scratch is not read again, so that its place is free.
    """

    def __init__(self, sets: Sets) -> None:
        self._sets = sets
        self._given = [sets.universe]
        self._steps: list[tuple[np.ufunc, int, int, int]] = []
        self._scratch, self._free = 0, list[int]()

    def lay(self, node: BoundNode) -> tuple[int, bool]:
        """Add the steps of a node: the place of its rows, and whether all others are meant."""
        if node.leaf is not None:
            rows, inverted, _ = self._sets.of(node)
            self._given.append(rows)
            return len(self._given) - 1, inverted
        parts = map(self.lay, node.children)
        match node.kind:
            case "not":
                place, inverted = next(parts)
                return place, not inverted
            case "any":
                place, inverted = self._all((place, not inverted) for place, inverted in parts)
                return place, not inverted
            case "xor":
                return self._exactly_one(map(self.plain, parts)), False
            case _:
                return self._all(parts)

    def plain(self, part: tuple[int, bool]) -> int:
        """The place of the rows themselves where all others were meant."""
        place, inverted = part
        return self._but(0, place) if inverted else place

    def walk(self) -> Iterator[tuple[slice, list[Bits]]]:
        """Each block, with what its places hold; the next block overwrites scratch."""
        scratch = _SCRATCH.take(self._scratch)
        for block in _blocks(self._sets.universe):
            places = [rows[block] for rows in self._given]
            places += [rows[: len(places[0])] for rows in scratch]
            for work, a, b, out in self._steps:
                work(places[a], places[b], places[out])
            yield block, places

    def _all(self, parts: Iterable[tuple[int, bool]]) -> tuple[int, bool]:
        """In every part: complements are joined, and taken away in the end, which costs one step more than a set."""
        kept: int | None = None
        removed: int | None = None
        for place, inverted in parts:
            if inverted:
                removed = place if removed is None else self._step(np.bitwise_or, removed, place)
            else:
                kept = place if kept is None else self._step(np.bitwise_and, kept, place)
        if kept is None:
            return self._step(np.bitwise_xor, 0, 0) if removed is None else removed, True
        return kept if removed is None else self._but(kept, removed), False

    def _exactly_one(self, parts: Iterator[int]) -> int:
        once, more = next(parts), None
        for place in parts:
            twice = self._write(np.bitwise_and, once, place, self._take())
            more = twice if more is None else self._step(np.bitwise_or, more, twice)
            once = self._step(np.bitwise_or, once, place)
        return once if more is None else self._but(once, more)

    def _but(self, a: int, b: int) -> int:
        """In a and not in b."""
        if a >= 0:
            return self._write(np.bitwise_xor, found := self._step(np.bitwise_and, a, b), a, found)
        self._write(np.bitwise_or, a, b, a)
        self._write(np.bitwise_xor, a, b, a)
        self._free += [b] if b < 0 else []
        return a

    def _step(self, work: np.ufunc, a: int, b: int) -> int:
        """A step whose operands are not needed any more."""
        out = a if a < 0 else b if b < 0 else self._take()
        self._free += [b] if b < 0 and b != out else []
        return self._write(work, a, b, out)

    def _write(self, work: np.ufunc, a: int, b: int, out: int) -> int:
        self._steps.append((work, a, b, out))
        return out

    def _take(self) -> int:
        if self._free:
            return self._free.pop()
        self._scratch += 1
        return -self._scratch


class _Left(NamedTuple):
    """Those of one block who are left, and who of everyone can be reached by each channel.

    at : which words of the block are looked at; None for all of them.
    counts : how many are left, and how many of them each channel reaches.
    """

    rows: Bits
    channels: Sequence[Bits]
    at: npt.NDArray[np.intp] | None = None
    counts: tuple[int, ...] = ()

    def counted(self, rows: Bits) -> _Left:
        """With these rows, a part of those who are left, instead."""
        shared = np.empty_like(rows)
        reached = (bits_size(np.bitwise_and(rows, channel, out=shared)) for channel in self.channels)
        return self._replace(rows=rows, counts=(bits_size(rows), *reached))

    def packed(self) -> _Left:
        """Without the words that hold nobody, if they are many."""
        if len(self.rows) < _FEW_WORDS or self.counts[0] * _SPARSE > len(self.rows):
            return self
        kept = np.flatnonzero(self.rows)
        at = kept if self.at is None else self.at[kept]
        return _Left(self.rows[kept], [channel[kept] for channel in self.channels], at, self.counts)

    def spread(self, onto: _Left) -> Bits:
        """The rows in the words of `onto`, of which those of this one are a part."""
        if self.at is None or len(self.rows) == len(onto.rows):
            return self.rows
        found = np.zeros_like(onto.rows)
        found[self.at if onto.at is None else np.searchsorted(onto.at, self.at)] = self.rows
        return found


_Seen = defaultdict[int, list[tuple[int, ...]]]


class _Walk(NamedTuple):
    """The walk down a rule with the people of one block.

    seen : by node, for each block, how many came, how many of them passed, and how many of these each channel reaches.
    """

    sets: Sets
    block: slice
    seen: _Seen

    def down(self, node: BoundNode, coming: _Left) -> _Left:
        """Those who come to a node and pass it."""
        found = self._passing(node, coming)
        self.seen[id(node)].append((coming.counts[0], *found.counts))
        return found

    def _passing(self, node: BoundNode, coming: _Left) -> _Left:
        match node.kind:
            case "leaf" | "audience":
                rows, inverted, _ = self.sets.of(node)
                here = rows[self.block] if coming.at is None else rows[self.block][coming.at]
                here = coming.rows & here
                return coming.counted(coming.rows ^ here if inverted else here)
            case "not":
                found = self.down(node.children[0], coming)
                counts = tuple(a - b for a, b in zip(coming.counts, found.counts, strict=True))
                return coming._replace(rows=coming.rows ^ found.spread(coming), counts=counts)
            case "all":
                for child in node.children:
                    coming = self.down(child, coming.packed())
                return coming
        below = (self.down(child, coming).spread(coming) for child in node.children)
        return coming.counted(_exactly_one(below) if node.kind == "xor" else reduce(np.bitwise_or, below))


def _exactly_one(parts: Iterable[Bits]) -> Bits:
    first, *rest = parts
    once, more = first, np.zeros_like(first)
    for rows in rest:
        more = more | (once & rows)
        once = once | rows
    return once & ~more
