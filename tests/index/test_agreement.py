"""Bitmaps, SQL and the single-customer evaluator give the same people, on random rules over random people, and bitmaps the
same waterfall as SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from tests.rules.test_agreement import check_over_views
from tests.rules.world import TAGS, World, make_views, rules, worlds

from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name
from coterie.index.bitmaps import bits_of, n_words
from coterie.index.cache import Cache
from coterie.index.columns import FamilyColumns, build_columns
from coterie.index.service import sql_rows, tag_bits
from coterie.index.sets import Members, Sets
from coterie.rules import PlainResolver, compile_rule, parse_rule
from coterie.rules.binding import BoundLeaf
from coterie.rules.evaluate import passes
from coterie.rules.leaves.tag import BoundTag
from coterie.settings import Settings

RULES_EACH = 40
QUERIED_TOGETHER = 20  # a query of twice as many rules takes more than twice the time to plan


@pytest.fixture(scope="module")
def shared() -> Any:
    with Engine.open(Settings({"threads": 1})) as engine:
        yield engine


class Bitmaps:
    """What the index does, over the views of a small world."""

    def __init__(self, engine: Engine, world: World, folder: Path) -> None:
        self.engine, cache = engine, Cache[Any](10**9, lambda value: 1)
        make_views(engine, world)
        self.universe = BitMap(world.rows.values())
        self.bits = bits_of(self.universe, n_words(self.universe.max() + 1))
        self.families = {}
        self._known: dict[object, Members] = {}
        for number, family in enumerate(dict.fromkeys(t.family for t in TAGS)):
            tags = [(t.name, t.type) for t in TAGS if t.family == family]
            build_columns((engine,), quote_name(f"family:{family}"), tags, folder / str(number))
            self.families[family] = FamilyColumns.open(folder / str(number), cache)

    def members(self, leaf: BoundLeaf) -> Members:
        """Who passes a condition, asked once for rules that share it, as the index itself does."""
        key = (type(leaf), leaf.key, leaf.source().inverted)
        if key not in self._known:
            self._known[key] = self._members(leaf)
        return self._known[key]

    def _members(self, leaf: BoundLeaf) -> Members:
        if isinstance(leaf, BoundTag):
            columns = self.families[leaf.families[0]]
            assert columns is not None
            rows = tag_bits(leaf, columns.columns[leaf.name], self.engine, len(self.bits))
        else:
            rows = bits_of(sql_rows(leaf, self.engine), len(self.bits))
        return Members(rows & self.bits, leaf.source().inverted)


def check(engine: Engine, world: World, raws: list[Any], folder: Path) -> None:
    """All of it, for some rules over one world; the waterfall of the last one is compared with SQL's."""
    bitmaps = Bitmaps(engine, world, folder)
    resolver = PlainResolver(lists={n: [world.rows[e] for e in who] for n, who in world.lists.items()})
    facts = {e: world.facts(e) for e in world.rows}
    for raw in raws:
        compiled = compile_rule(parse_rule(raw), world.vocabulary, as_of=world.as_of, resolver=resolver)
        sets = Sets(bitmaps.bits, bitmaps.members)
        expected = BitMap(world.rows[e] for e, f in facts.items() if passes(compiled.bound, f))
        assert sets.size(compiled.bound) == len(expected), raw
        assert sets.members(compiled.bound) == expected, raw
    half = BitMap(sorted(world.rows.values())[::2])
    found = sets.waterfall(compiled.bound, {"half": bits_of(half, len(bitmaps.bits))})
    counted = compiled.read_count(engine.row(compiled.count_sql())).nodes
    assert [n[:4] for n in found] == [(n.place, n.alone, n.remaining, n.removed) for n in counted]
    assert found[0].reachable == {"half": len(expected & half)}
    for first in range(0, len(raws), QUERIED_TOGETHER):
        check_over_views(engine, world, raws[first : first + QUERIED_TOGETHER])


@pytest.mark.parametrize("half", (1, 2))  # two workers share them
@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_bitmaps_sql_and_evaluator_agree(
    shared: Engine, tmp_path_factory: pytest.TempPathFactory, half: int, data: Any
) -> None:
    world = data.draw(worlds)
    check(shared, world, [data.draw(rules(world)) for _ in range(RULES_EACH)], tmp_path_factory.mktemp("index"))


@pytest.mark.slow
@given(st.data())
@settings(max_examples=2_500, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_the_same_at_length(shared: Engine, tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    world = data.draw(worlds)
    check(shared, world, [data.draw(rules(world)) for _ in range(RULES_EACH)], tmp_path_factory.mktemp("index"))
