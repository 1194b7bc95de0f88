"""Set algebra over bits, in blocks and in words, gives what sets of row numbers give, however few are left."""

from __future__ import annotations

import random
from typing import Any, NamedTuple, cast

import numpy as np
import pytest

from coterie.index.bitmaps import Bits, bits_of_packed, n_words
from coterie.index.sets import Members, NodeSize, Sets
from coterie.rules import nodes
from coterie.rules.binding import BoundNode

ROWS = 1_100_000  # two blocks, the second one cut short
SHARES = (0.0, 0.00001, 0.001, 0.02, 0.3, 0.9)


class Leaf(NamedTuple):
    """Stands for a condition: which rows pass, and whether those are kept who do not."""

    flags: Any
    inverted: bool


class World(NamedTuple):
    """A universe with conditions of every share of it."""

    universe: Any
    leaves: list[Leaf]

    @classmethod
    def made(cls, seed: int, whole: bool) -> World:
        """Rows are in the universe at random, or all of them are."""
        numbers = np.random.default_rng(seed)
        universe = numbers.random(ROWS) < (1.1 if whole else 0.95)
        flags = [(numbers.random(ROWS) < share) & universe for share in SHARES]
        return cls(universe, [Leaf(f, inverted) for f in flags for inverted in (False, True)])

    def sets(self) -> Sets:
        """What is tested."""
        given = ((leaf, Members(packed(leaf.flags), leaf.inverted)) for leaf in self.leaves)
        known = {id(leaf): members for leaf, members in given}
        return Sets(packed(self.universe), lambda leaf: known[id(leaf)])

    def plain(self, node: BoundNode) -> Any:
        """Who passes, row by row."""
        if node.leaf is not None:
            leaf = cast(Leaf, node.leaf)
            return self.universe & (leaf.flags != leaf.inverted)
        below = [self.plain(child) for child in node.children]
        match node.kind:
            case "not":
                return self.universe & ~below[0]
            case "any":
                return np.logical_or.reduce(below)
            case "xor":
                return np.sum(below, axis=0) == 1
            case _:
                return np.logical_and.reduce([self.universe, *below])

    def numbers(self, node: BoundNode, coming: Any, channel: Any) -> list[tuple[Any, ...]]:
        """The waterfall's numbers, as they are told in words."""
        alone = self.plain(node)
        remaining = coming & alone
        counts = (
            int(alone.sum()),
            int(remaining.sum()),
            int((coming & ~alone).sum()),
            int((remaining & channel).sum()),
        )
        found = [(node.place, *counts)]
        for child in () if node.kind == "audience" else node.children:
            found += self.numbers(child, coming, channel)
            coming = coming & self.plain(child) if node.kind == "all" else coming
        return found


def packed(flags: Any) -> Bits:
    return bits_of_packed(np.packbits(flags, bitorder="little"), n_words(len(flags)))


def tree(draw: random.Random, world: World, place: str = "rule", depth: int = 0) -> BoundNode:
    """A random rule over the world's conditions."""
    if depth == 3 or (depth and draw.random() < 0.45):
        return BoundNode(place, nodes.All(()), "leaf", leaf=draw.choice(world.leaves))  # type: ignore[arg-type]
    kind = draw.choice(("all", "all", "any", "not", "xor", "audience"))
    width = 1 if kind in ("not", "audience") else draw.randint(2, 4)
    below = tuple(tree(draw, world, f"{place}.{i}", depth + 1) for i in range(width))
    return BoundNode(place, nodes.All(()), kind, below)  # type: ignore[arg-type]


def told(found: tuple[NodeSize, ...]) -> list[tuple[Any, ...]]:
    return [(n.place, n.alone, n.remaining, n.removed, n.reachable["half"]) for n in found]


@pytest.mark.parametrize("whole", (True, False))
def test_random_rules(whole: bool) -> None:
    world, draw = World.made(11, whole), random.Random(12)
    half = world.universe & (np.arange(ROWS) % 2 == 0)
    for _ in range(8):
        root, sets = tree(draw, world), world.sets()
        expected = world.plain(root)
        assert sets.size(root) == expected.sum()
        assert np.array_equal(sets.bits(root), packed(expected))
        assert told(sets.waterfall(root, {"half": packed(half)})) == world.numbers(root, world.universe, half)


def test_a_rule_without_conditions_is_everyone() -> None:
    world, root = World.made(13, False), BoundNode("rule", nodes.All(()), "all")
    sets, everyone = world.sets(), int(world.universe.sum())
    assert sets.size(root) == everyone == len(sets.members(root))
    assert sets.waterfall(root, {}) == (NodeSize("rule", everyone, everyone, 0, {}),)


def test_nobody_at_all() -> None:
    nobody = np.zeros(0, bool)
    world = World(nobody, [Leaf(nobody, False), Leaf(nobody, True)])
    root = BoundNode("rule", nodes.All(()), "all", tuple(tree(random.Random(k), world, str(k), 3) for k in range(3)))
    assert (
        world.sets().size(root) == 0 and told(world.sets().waterfall(root, {"half": packed(nobody)}))[0][1:] == (0,) * 4
    )
