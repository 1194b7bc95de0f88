"""Overlap against plain sets, and exclusive intersections against counting everyone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from tests.audiences.test_index import LEAVES, write_shop

import coterie
from coterie.audiences.overlap import exclusive
from coterie.errors import CoterieError
from coterie.workspace import Workspace

NAMES = ("french or chinese", "old", "tea lovers", "nobody")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_shop(tmp_path_factory.mktemp("overlap"))
    with coterie.open(path) as ws:
        nobody = {"tag": "age", "op": "gt", "value": 500}
        for name, rule in zip(NAMES, (LEAVES[0], LEAVES[2], {"not": LEAVES[4]}, nobody), strict=True):
            ws.audiences.save(name, rule)
        ws.audiences.refresh("old")
        ws.audiences.save("account", {"entity": "account", "all": []})
    return path


@pytest.fixture
def shop(made: Path) -> Iterator[Workspace]:
    with coterie.open(made) as ws:
        yield ws


def test_every_cell_is_that_of_plain_sets(shop: Workspace) -> None:
    found = shop.audiences.overlap(NAMES, limit=3)
    sets = [set(shop.audiences.keys_of(name)) for name in NAMES]
    everyone = shop.audiences.size({"all": []})
    assert found.sizes == tuple(map(len, sets)) and found.universe == everyone
    assert found.union == len(set.union(*sets))
    for i, a in enumerate(sets):
        for j, b in enumerate(sets):
            assert found.both[i][j] == len(a & b)
            assert found.jaccard[i][j] == (len(a & b) / len(a | b) if a | b else None)
            assert found.share[i][j] == (len(a & b) / len(a) if a else None)
            lift = len(a & b) * everyone / (len(a) * len(b)) if a and b else None
            assert found.lift[i][j] == (None if lift is None else pytest.approx(lift))
    exactly = Counter(tuple(n for n, s in zip(NAMES, sets, strict=True) if p in s) for p in set.union(*sets))
    assert [(i.audiences, i.count) for i in found.intersections] == exactly.most_common(3)
    assert found.others == found.union - sum(i.count for i in found.intersections)
    assert shop.audiences.overlap(NAMES).others is None
    assert shop.audiences.overlap(NAMES, limit=99).others == 0


def test_a_single_command_gives_the_same(shop: Workspace) -> None:
    with Workspace.open(shop.path, single_use=True) as ws:
        assert ws.audiences.overlap(NAMES).both == shop.audiences.overlap(NAMES).both


def test_snapshots_can_be_compared(shop: Workspace) -> None:
    found = shop.audiences.overlap(["old", "old@1"])
    assert found.jaccard[0][1] == 1.0


@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=80)
def test_exclusive_intersections_come_largest_first_and_are_all(given_sets: list[set[int]]) -> None:
    found = list(exclusive([BitMap(s) for s in given_sets]))
    right = Counter(tuple(i for i, s in enumerate(given_sets) if p in s) for p in set.union(*given_sets))
    assert dict(found) == dict(right) and len(found) == len(right)
    assert [n for _, n in found] == sorted(right.values(), reverse=True)


def test_refusals(shop: Workspace) -> None:
    for names, code, words in (
        (["old"], "bad_argument", "Give 2 to 50."),
        (["old", "old"], "bad_argument", "given twice"),
        (["old", "account"], "bad_argument", "audience of accounts"),
        (["old", "young"], "unknown_name", "There is no audience"),
        (["old", "old@9"], "unknown_name", "There is no snapshot"),
    ):
        with pytest.raises(CoterieError) as caught:
            shop.audiences.overlap(names)
        assert caught.value.code == code and words in str(caught.value)
