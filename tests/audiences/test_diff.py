"""Differences of snapshots: every person who came or went has one cause, and it is the right one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.audiences.test_index import orders, write_shop

import coterie
from coterie.errors import CoterieError
from coterie.workspace import Workspace

BUYERS = {"events": "orders", "at_least": 3}
NARROW = {"all": [BUYERS, {"tag": "age", "op": "gte", "value": 40}]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Snapshots: 1 by the first rule; 2 after more orders, by the same; 3 by another rule; 4 by it after more orders."""
    folder = tmp_path_factory.mktemp("diff")
    ws = coterie.open(write_shop(folder))
    ws.audiences.save("buyers", BUYERS)
    ws.audiences.refresh("buyers")
    more(ws, folder, 1, "2024-06-02")
    ws.audiences.refresh("buyers")
    ws.audiences.save("buyers", NARROW)
    ws.audiences.refresh("buyers")
    more(ws, folder, 2, "2024-06-04")
    ws.audiences.refresh("buyers")
    return ws


def more(ws: Workspace, folder: Path, seed: int, as_of: str) -> None:
    (folder / f"{seed}.csv").write_text(orders(random.Random(seed), 2_000), encoding="utf-8")
    ws.load(folder / f"{seed}.csv", kind="events", name="orders", entity="id", time="at")
    ws.tags.build(as_of)


def members(ws: Workspace, number: int) -> set[int]:
    return set(ws.audiences.snapshots.members(ws.audiences.snapshots.get("buyers", str(number))))


def test_the_same_rule_makes_only_data_changes(shop: Workspace) -> None:
    found = shop.audiences.diff("buyers", "1", "2")
    was, now = members(shop, 1), members(shop, 2)
    assert (found.entered.data, found.entered.rule) == (len(now - was), 0) and found.entered.data > 0
    assert (found.left.data, found.left.rule, found.rule_changed, found.reproduced) == (len(was - now), 0, False, None)
    assert len(found.samples_entered.data) == 5 and found.samples_entered.rule == ()


def test_another_rule_over_the_same_data_makes_only_rule_changes(shop: Workspace) -> None:
    found = shop.audiences.diff("buyers", "buyers@2", "buyers@3")
    was, now = members(shop, 2), members(shop, 3)
    assert (found.left.rule, found.left.data) == (len(was - now), 0) and found.left.rule > 0
    assert (found.entered.rule, found.entered.data, found.undone) == (len(now - was), 0, 0)
    assert found.rule_changed and found.reproduced
    assert "age" in found.rule_after and "age" not in found.rule_before


def test_both_together_are_parted_person_by_person(shop: Workspace) -> None:
    found = shop.audiences.diff("buyers", "1", "4")
    was, now = members(shop, 1), members(shop, 4)
    shop.audiences.save("then", BUYERS)  # the first rule at the last snapshot's as-of and data version
    shop.audiences.refresh("then")
    between = set(shop.audiences.snapshots.members(shop.audiences.snapshots.get("then", None)))
    assert found.entered.data == len((now - was) & between) > 0
    assert found.entered.rule == len((now - was) - between)
    assert found.left.data == len((was - now) - between)
    assert found.left.rule == len((was - now) & between) > 0
    assert found.undone == len(between - was - now) + len((was & now) - between) > 0
    assert found.count_before + sum(vars(found.entered).values()) - sum(vars(found.left).values()) == found.count_after
    back = shop.audiences.diff("buyers", "4", "1")
    assert sum(vars(back.entered).values()) == sum(vars(found.left).values())


def test_a_changed_audience_inside_the_rule_is_a_rule_change(tmp_path: Path) -> None:
    with coterie.open(write_shop(tmp_path)) as ws:
        inner: dict[str, Any] = {"tag": "age", "op": "gte", "value": 40}
        ws.audiences.save("inner", inner)
        ws.audiences.save("outer", {"all": [{"audience": "inner"}, BUYERS]})
        ws.audiences.refresh("outer")
        ws.audiences.save("inner", inner | {"value": 60})
        ws.audiences.refresh("outer")
        found = ws.audiences.diff("outer", "1", "2")
        assert found.rule_changed and found.reproduced
        assert (found.left.data, found.entered.data, found.entered.rule) == (0, 0, 0) and found.left.rule > 0
        ws.audiences.save("inner", inner)
        ws.audiences.refresh("outer")
        assert not ws.audiences.diff("outer", "1", "3").rule_changed


def test_who_was_in_on_a_day(shop: Workspace) -> None:
    on = shop.audiences.snapshot_on
    assert [on("buyers", day).number for day in ("2024-06-01", "2024-06-02", "2024-06-03", "2025-01-01")] == [
        1,
        3,
        3,
        4,
    ]
    assert on("buyers", "2024-06-03T12:00").number == 3
    assert shop.audiences.members("buyers", snapshot=on("buyers", "2024-06-03").id)["count"] == len(members(shop, 3))
    with pytest.raises(CoterieError, match="no snapshot up to 2024-05-31"):
        on("buyers", "2024-05-31")
    with pytest.raises(CoterieError, match="is not a moment"):
        on("buyers", "yesterday")


def test_unknown_snapshots_are_refused(shop: Workspace) -> None:
    with pytest.raises(CoterieError) as caught:
        shop.audiences.diff("buyers", "1", "17")
    assert caught.value.code == "unknown_name"
