"""Counts by bitmaps and by SQL are the same in a whole workspace, whatever happens meanwhile."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import coterie
from coterie.workspace import Workspace

PEOPLE = 3_000


def write_shop(folder: Path) -> Path:
    """People with tags of every common type, and their orders."""
    draw = random.Random(3)
    lines = ["id,country,age,vip,joined,likes"]
    for i in range(PEOPLE):
        likes = ";".join(draw.sample(["tea", "pots", "茶", "cups"], draw.randint(0, 3)))
        age = "" if draw.random() < 0.1 else str(draw.randint(16, 80))
        vip = draw.choice(["true", "false", ""])
        joined = f"20{draw.randint(10, 23)}-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}"
        lines.append(f"{i:05},{draw.choice(['FR', 'DE', 'CN', ''])},{age},{vip},{joined},{likes}")
    (folder / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "orders.csv").write_text(orders(draw, 9_000), encoding="utf-8")
    with coterie.init(folder / "ws") as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id", types={"likes": "texts(;)"})
        ws.load(folder / "orders.csv", kind="events", name="orders", entity="id", time="at")
        ws.tags.add(recipe="rfm", events="orders", amount="amount")
        ws.tags.build("2024-06-01")
    return folder / "ws"


def orders(draw: random.Random, n: int, first: int = 0) -> str:
    rows = ["id,at,amount,product"]
    for _ in range(n):
        day = f"2024-0{draw.randint(1, 5)}-{draw.randint(1, 28):02}"
        who = first + draw.randrange(PEOPLE)
        rows.append(f"{who:05},{day},{draw.randint(-5, 90)}.50,{draw.choice(['tea', 'pot'])}")
    return "\n".join(rows) + "\n"


LEAVES: list[dict[str, Any]] = [
    {"tag": "country", "op": "in", "value": ["FR", "CN"]},
    {"tag": "country", "op": "not_exists"},
    {"tag": "age", "op": "gte", "value": 40},
    {"tag": "vip", "op": "eq", "value": True},
    {"tag": "likes", "op": "all_of", "value": ["tea", "茶"]},
    {"tag": "joined", "op": "lt", "value": "2015-05-01"},
    {"tag": "rfm.monetary", "op": "between", "value": [10, 300]},
    {"tag": "rfm.cell", "op": "starts_with", "value": "5"},
    {"events": "orders", "at_least": 2, "within": "30d"},
    {"events": "orders", "never": True, "where": {"field": "product", "op": "eq", "value": "pot"}},
    {"events": "orders", "measure": "sum", "of": "amount", "op": "gt", "value": 100},
    {"list": "chosen"},
    {"audience": "steady"},
    {"audience": "steady", "snapshot": "1"},
]


def rule(draw: random.Random, leaves: list[dict[str, Any]], depth: int = 3) -> dict[str, Any]:
    if depth == 0 or draw.random() < 0.3:
        return draw.choice(leaves)
    kind = draw.choice(["all", "any", "not"])
    if kind == "not":
        return {"not": rule(draw, leaves, depth - 1)}
    return {kind: [rule(draw, leaves, depth - 1) for _ in range(draw.randint(1, 3))]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    path = write_shop(folder)
    (folder / "chosen.csv").write_text("key\n" + "".join(f"{i:05}\n" for i in range(0, PEOPLE, 7)), encoding="utf-8")
    with coterie.open(path) as ws:
        ws.tags.upload_list("chosen", folder / "chosen.csv", column="key")
        ws.audiences.save("steady", {"events": "orders", "at_least": 4})
        ws.audiences.refresh("steady")
    return path


@pytest.fixture
def shop(made: Path) -> Iterator[Workspace]:
    with coterie.open(made) as ws:
        yield ws


def answer(ws: Workspace, given: dict[str, Any], **options: Any) -> dict[str, Any]:
    found = dataclasses.asdict(ws.audiences.count(given, **options))
    del found["elapsed_ms"]
    return found


def test_random_rules_give_the_same_by_bitmaps_and_by_sql(shop: Workspace) -> None:
    draw = random.Random(11)
    for given in [*LEAVES, *(rule(draw, LEAVES) for _ in range(60))]:
        assert answer(shop, given) == answer(shop, given, straight=True), given
        assert shop.audiences.size(given) == answer(shop, given)["count"]
    assert shop.index.memory_bytes > 0


def test_refresh_by_bitmaps_keeps_those_whom_sql_finds(shop: Workspace) -> None:
    given = {"any": [LEAVES[0], {"not": LEAVES[8]}]}
    shop.audiences.save("both", given)
    made = shop.audiences.refresh("both")
    with Workspace.open(shop.path, single_use=True) as fresh:
        assert made["count"] == fresh.audiences.refresh("both")["count"]
        found = fresh.audiences.history("both")
        assert [(h["entered"], h["left"]) for h in found] == [(made["count"], 0), (0, 0)]
        assert fresh.audiences.members("both", limit=5) == shop.audiences.members("both", limit=5)


def test_conditions_on_events_are_kept_on_disk(made: Path) -> None:
    given = {"events": "orders", "measure": "avg", "of": "amount", "op": "gt", "value": 41}
    with coterie.open(made) as ws:
        first = answer(ws, given)
    kept = sorted((made / "cache" / "index" / "leaves").glob("*.roaring"))
    assert kept
    with coterie.open(made) as ws:
        assert answer(ws, given) == first
        kept[0].write_bytes(b"cut off")
    with coterie.open(made) as ws:
        assert answer(ws, given) == first


def test_another_moment_is_answered_by_sql(shop: Workspace) -> None:
    given = {"all": [LEAVES[6], LEAVES[8]]}
    moment = shop.moment("2024-03-01")
    assert answer(shop, given, as_of=moment) == answer(shop, given, as_of=moment, straight=True)


def test_a_new_batch_is_seen_and_columns_of_untouched_families_stay(tmp_path: Path) -> None:
    path = write_shop(tmp_path)
    with coterie.open(path) as ws:
        given = {"all": [{"not": LEAVES[0]}, {"events": "orders", "at_least": 1}, LEAVES[6]]}
        before = answer(ws, given)
        columns, gone = set((path / "cache" / "index" / "columns").iterdir()), 0
        for first, kept in ((0, 1), (PEOPLE - 100, 0)):  # known people; then new ones, whom every family has to hold
            (tmp_path / "more.csv").write_text(orders(random.Random(first), 500, first), encoding="utf-8")
            with coterie.open(path) as other:  # as another process would
                other.load(tmp_path / "more.csv", kind="events", name="orders", entity="id", time="at")
                other.tags.build("2024-06-01")
            after = answer(ws, given)
            assert after == answer(ws, given, straight=True) != before
            ws.index.warm()
            folder = path / "cache" / "index" / "columns"
            assert len(columns - set(folder.iterdir())) == gone, "who began before the build still reads them"
            for left in folder.glob("*/left"):
                os.utime(left, (0, 0))
            ws.index.warm()
            assert len(columns & set(folder.iterdir())) == kept
            gone = len(columns) - kept
            assert answer(ws, given) == after, "what was swept is forgotten"
        assert after["universe"] > before["universe"]


def test_many_threads_count_while_others_refresh_and_import(tmp_path: Path) -> None:
    path = write_shop(tmp_path)
    leaves = [leaf for leaf in LEAVES if "list" not in leaf and "audience" not in leaf]
    draw = random.Random(2)
    rules = [rule(draw, leaves) for _ in range(24)]
    with coterie.open(path) as ws:
        version = ws.data_version
        when = ws.moment("2024-06-01")
        right = {json.dumps(r): answer(ws, r, as_of=when, data_version=version, straight=True) for r in rules}
        ws.audiences.save("busy", rules[0])
        stop, wrong = threading.Event(), list[str]()

        def count(seed: int) -> None:
            mine = random.Random(seed)
            try:
                for _ in range(12):
                    given = mine.choice(rules)
                    found = answer(ws, given, as_of=when, data_version=version)
                    if found != right[json.dumps(given)]:
                        wrong.append(f"{given}: {found['count']}")
            except BaseException as error:
                wrong.append("".join(traceback.format_exception(error)))

        def others() -> None:
            try:
                for k in range(3):
                    ws.audiences.refresh("busy")
                    (tmp_path / f"{k}.csv").write_text(orders(random.Random(k), 300), encoding="utf-8")
                    with coterie.open(path) as other:
                        other.load(tmp_path / f"{k}.csv", kind="events", name="orders", entity="id", time="at")
                        other.tags.build("2024-06-02")
                    if stop.is_set():
                        return
            except BaseException as error:
                wrong.append("".join(traceback.format_exception(error)))

        writer = threading.Thread(target=others)
        threads = [threading.Thread(target=count, args=(seed,)) for seed in range(32)]
        for thread in [writer, *threads]:
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        writer.join()
        assert not wrong, "\n".join(wrong)
        assert ws.index.memory_bytes < ws.settings.number("index_memory_mb") * 2**20
