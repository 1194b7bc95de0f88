"""What is kept in memory and on disk is never an answer to another question: whatever happens, all is as one who never
kept anything would say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import coterie
from coterie.workspace import Workspace

PEOPLE = 200
BOUGHT = {"events": "orders", "where": {"field": "product", "op": "eq", "value": "tea"}}
POINTS = {"tag": "points", "op": "gte", "value": 60}
FRIENDS = {"neighbours": {"dataset": "friends", "of": POINTS}}
RULES: list[dict[str, Any]] = [
    {"sequence": [BOUGHT, {"events": "orders", "within": "20d"}], "same": "product"},
    {"sequence": [BOUGHT, {"then_not": {"events": "orders", "within": "10d"}}], "between": ["90d", "10d"]},
    {"events": "orders", "regular": {"at_least": 2, "of_last": 4, "unit": "month"}},
    FRIENDS,
    {"neighbours": {"dataset": "friends", "of": {"audience": "few"}, "at_least": 2, "direction": "out"}},
    {"neighbours": {"dataset": "friends", "of": {"audience": "few", "snapshot": "1"}}},
    {"neighbours": {"dataset": "friends", "of": {"list": "chosen"}}},
    {"top": {"tag": "rfm.monetary", "n": 20}},
    {"top": {"tag": "points", "percent": 12, "lowest": True, "among": {"not": FRIENDS}}},
    {"quantile": {"tag": "points", "parts": 5, "is": [1, 4], "among": {"events": "orders", "at_least": 2}}},
    {"all": [{"tag": "age", "op": "gte", "value": 30}, {"top": {"tag": "age", "n": 50}}, {"not": FRIENDS}]},
]


def write(folder: Path, name: str, kind: str, seed: int) -> Path:
    """Some more rows; of orders and people new ones, too."""
    draw, rows = random.Random(f"{name} {seed}"), []
    for _ in range(PEOPLE * 2):
        who, other = (f"p{draw.randrange(PEOPLE + 10 * seed):03}" for _ in range(2))
        day = f"2024-0{draw.randint(1, 6)}-{draw.randint(1, 28):02}T{draw.randint(0, 23):02}:00"
        match kind:
            case "orders":
                rows.append(f"{who},{day},{draw.randint(1, 9)}.5,{draw.choice(['tea', 'pot'])}")
            case "friends":
                rows.append(f"{who},{other}")
            case _:
                rows.append(f"{who},{draw.randint(16, 70)}")
    head = {"orders": "id,at,amount,product", "friends": "id,friend", "people": "id,age"}[kind]
    unique = {row.split(",")[0]: row for row in rows}.values() if kind == "people" else rows[:PEOPLE]
    file = folder / f"{kind}-{seed}.csv"
    file.write_text("\n".join([head, *unique]) + "\n", encoding="utf-8")
    return file


def load(ws: Workspace, kind: str, seed: int) -> None:
    file = write(ws.path.parent, kind, kind, seed)
    options = {
        "orders": {"kind": "events", "time": "at"},
        "friends": {"kind": "edges", "target": "friend"},
        "people": {"kind": "profiles"},
    }[kind]
    ws.load(file, name=kind, entity="id", **options)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("kept")
    (folder / "chosen.csv").write_text("key\n" + "".join(f"p{n:03}\n" for n in range(0, PEOPLE, 9)), encoding="utf-8")
    with coterie.init(folder / "ws") as ws:
        for kind in ("people", "orders", "friends"):
            load(ws, kind, 0)
        ws.tags.add(recipe="rfm", events="orders", amount="amount")
        ws.tags.add(definitions=[{"name": "points", "formula": "age * 2"}])
        ws.tags.upload_list("chosen", folder / "chosen.csv", column="key")
        ws.tags.build("2024-06-01")
        ws.audiences.save("few", {"tag": "age", "op": "lt", "value": 30})
        ws.audiences.refresh("few")
        yield ws


STEPS = ("orders", "friends", "people", "points", "few", "build", "list")


def change(ws: Workspace, step: str, seed: int) -> None:
    """One thing that can happen to a workspace."""
    match step:
        case "points":
            ws.tags.add(definitions=[{"name": "points", "formula": f"age * {seed} - 3"}])
        case "few":
            ws.audiences.save("few", {"tag": "age", "op": "lt", "value": 18 + seed})
        case "build":
            ws.tags.build(f"2024-06-{1 + seed % 20:02}")
        case "list":
            file = ws.path.parent / f"list-{seed}.csv"
            file.write_text("key\n" + "".join(f"p{n:03}\n" for n in range(0, PEOPLE, seed + 2)), encoding="utf-8")
            ws.tags.upload_list("chosen", file, column="key")
        case _:
            load(ws, step, seed)


def counts(ws: Workspace, **options: Any) -> list[tuple[int, ...]]:
    found = [ws.audiences.count(rule, **options) for rule in RULES]
    return [(c.count, c.universe, *(n.alone for n in c.waterfall)) for c in found]


def check(ws: Workspace, steps: list[tuple[str, int]], *moments: str | None) -> None:
    """Another opening reads what this one kept on disk, and a third one that keeps nothing says what is right."""
    for step, seed in steps:
        change(ws, step, seed)
    with Workspace.open(ws.path) as other, Workspace.open(ws.path, single_use=True) as fresh:
        for moment in map(ws.moment, moments):
            right = counts(fresh, as_of=moment, straight=True)
            assert counts(ws, as_of=moment) == counts(other, as_of=moment) == right


def test_answers_are_those_of_a_fresh_workspace(shop: Workspace) -> None:
    """After tags were changed; then audiences, lists and data, too."""
    counts(shop)
    check(shop, [("points", 3)], None)
    check(shop, [("few", 9), ("list", 1), ("friends", 2), ("orders", 4)], None, "2024-04-01")


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 9)), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_same_in_any_order(shop: Workspace, steps: list[tuple[str, int]]) -> None:
    check(shop, steps, None, "2024-04-01")


def test_costly_conditions_are_kept_on_disk(shop: Workspace) -> None:
    shop.index.forget_sets(disk=True)
    first = [shop.audiences.size(rule) for rule in RULES[:10]]
    kept = list((shop.path / "cache" / "index" / "leaves").glob("*.roaring"))
    assert len(kept) == 10
    with Workspace.open(shop.path) as other:
        assert [other.audiences.size(rule) for rule in RULES[:10]] == first
    assert sorted(f.name for f in kept) == sorted(f.name for f in kept[0].parent.glob("*.roaring"))
