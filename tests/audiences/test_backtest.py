"""Backtests look back and never ahead."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.audiences.test_index import PEOPLE, orders

import coterie
from coterie.errors import Cancelled, CoterieError
from coterie.kit.progress import Progress
from coterie.workspace import Workspace

RULE = {
    "any": [
        {"events": "orders", "at_least": 2, "within": "30d"},
        {"all": [{"tag": "rfm.r", "op": "gte", "value": 4}, {"not": {"tag": "rfm.frequency", "op": "lt", "value": 3}}]},
        {"not": {"events": "orders", "at_least": 1}},
    ]
}
LAST = "2024-05-20"


def shop(folder: Path, until: str | None = None) -> Workspace:
    """A shop with the orders up to a moment, no later ones; some people are known by their orders alone."""
    folder.mkdir()
    known = "".join(f"{i:05},FR\n" for i in range(0, PEOPLE, 2))
    (folder / "people.csv").write_text("id,country\n" + known, encoding="utf-8")
    header, *lines = orders(random.Random(6), 7_000).splitlines()
    kept = [line for line in lines if until is None or line.split(",")[1] + "T00:00" <= until]
    (folder / "orders.csv").write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")
    ws = coterie.init(folder / "ws")
    ws.load(folder / "people.csv", kind="profiles", name="people", entity="id")
    ws.load(folder / "orders.csv", kind="events", name="orders", entity="id", time="at")
    ws.tags.add(recipe="rfm", events="orders", amount="amount")
    ws.audiences.save("rule", RULE)
    return ws


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return shop(tmp_path_factory.mktemp("backtest") / "whole")


def rows(ws: Workspace, weeks: int = 4, **options: Any) -> list[dict[str, Any]]:
    found = ws.audiences.backtest("rule", weeks, as_of=ws.moment(LAST), **options)
    return list(map(vars, found.weeks))


def test_later_events_change_no_row(whole: Workspace, tmp_path: Path) -> None:
    found, ago = rows(whole), 2
    then = found[-1 - ago]
    with shop(tmp_path / "cut", until=then["as_of"][:16]) as cut:
        kept = rows(cut)
    assert kept[: len(found) - ago] == found[: len(found) - ago]
    assert kept[-1] != found[-1], "there are later events"


def test_each_row_is_the_count_at_its_moment(whole: Workspace) -> None:
    found = rows(whole, 3)
    assert [r["weeks_ago"] for r in found] == [3, 2, 1, 0]
    assert [r["as_of"][:10] for r in found] == ["2024-04-29", "2024-05-06", "2024-05-13", "2024-05-20"]
    for row in found:
        told = whole.audiences.count(RULE, as_of=whole.moment(row["as_of"]))
        assert (told.count, told.universe) == (row["count"], row["universe"])
    for last, row in pairwise(found):
        assert row["count"] == last["count"] + row["entered"] - row["left"]
    assert found[-1]["universe"] > found[0]["universe"] > 0 and found[0]["entered"] > 0


def test_progress_and_cancel(whole: Workspace) -> None:
    class Watched(Progress):
        seen = 0.0

        def shown(self) -> None:
            self.seen = max(self.seen, self.done)
            if self.done == 2:
                self.cancel()

    watched = Watched()
    with pytest.raises(Cancelled):
        rows(whole, 4, progress=watched)
    assert watched.seen == 2


def test_refusals(whole: Workspace) -> None:
    for given, weeks, words in (("rule", 0, "Give 1 to 260"), ("rool", 2, "no audience"), ("rule@1", 2, "has no past")):
        with pytest.raises(CoterieError, match=words):
            whole.audiences.backtest(given, weeks)
