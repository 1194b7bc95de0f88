"""Months of a shop with planted groups: customers come and go, a group is born, two become one, and ids stay."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.cluster import KMeans

import coterie
from coterie.workspace import Workspace

TAGS = ["spend", "visits", "basket", "tenure"]
NEW_GROUP, KEPT, LOST = 9, 0, 1


class Shop:
    """Groups in four dimensions; each month a tenth of the customers goes and a tenth comes, and all move a little."""

    def __init__(self, seed: int, customers: int) -> None:
        self.rng = np.random.default_rng(seed)
        while True:
            self.centres = {g: self.rng.normal(100, 7, 4) for g in range(5)}
            places = np.array(list(self.centres.values()))
            gaps = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(5, 1)]
            if gaps.min() > 8:  # groups that can be told apart: eight standard deviations
                break
        self.groups = {f"c{i:05}": i % 5 for i in range(customers)}
        self.gone: list[str] = []
        self.next = customers

    def month(self) -> None:
        leave = self.rng.choice(sorted(self.groups), len(self.groups) // 10, replace=False)
        kinds = sorted(set(self.groups.values()))
        for name in leave:
            del self.groups[name]
            self.groups[f"c{self.next:05}"] = int(self.rng.choice(kinds))
            self.next += 1
        self.gone = [str(name) for name in leave]

    def born(self) -> None:
        self.centres[NEW_GROUP] = np.full(4, 125.0)
        for name in self.rng.choice(sorted(self.groups), len(self.groups) // 8, replace=False):
            self.groups[name] = NEW_GROUP

    def merged(self) -> None:
        self.centres[LOST] = self.centres[KEPT]

    @property
    def kinds(self) -> int:
        return len({tuple(self.centres[g]) for g in self.groups.values()})

    def look(self) -> pd.DataFrame:
        """Everybody who is there, and those who just went, in any order."""
        names = list(self.rng.permutation(sorted(self.groups)))
        values = np.array([self.centres[self.groups[n]] for n in names]) + self.rng.normal(0, 1, (len(names), 4))
        frame = pd.DataFrame(values.round(3), columns=TAGS).assign(id=names, active=True)
        left = pd.DataFrame({"id": self.gone, "active": False})
        return pd.concat([frame, left], ignore_index=True)


class Lived(NamedTuple):
    """What came of the months: shares of unchanged customers who kept their id and k-means' own number; what was told."""

    kept: float
    plain: float
    told: list[tuple[int, str, bool]]  # month, kind, whether it is there now
    numbers: list[tuple[int, int]]  # segments found and planted, by month


def live(folder: Path, *, months: int, born: int, merged: int, seed: int, customers: int, given: bool) -> Lived:
    """Fit a first month and then each month again, with another seed.

    given : whether the number of segments is told, or chosen each month.
    """
    shop, told, numbers = Shop(seed, customers), list[tuple[int, str, bool]](), list[tuple[int, int]]()
    before: dict[str, tuple[int, int, int]] = {}
    kept = plain = unchanged = 0
    with coterie.init(folder / "ws") as ws:
        for month in range(months + 1):
            if month:
                shop.month()
            if month == born:
                shop.born()
            if month == merged:
                shop.merged()
            frame = shop.look()
            result = fitted(ws, frame, month, shop.kinds if given else "auto", seed)
            numbers.append((result["k"], shop.kinds))
            if result["identity"]:
                told += [
                    (month, f["kind"], f["today"]) for f in result["identity"]["segments"] if f["kind"] != "survived"
                ]
            now = labelled(ws, frame, shop, month, seed)
            for name in now.keys() & before.keys():
                group = now[name][2]
                if group == before[name][2] and not (month == merged and group in (KEPT, LOST)):
                    unchanged += 1
                    kept += now[name][0] == before[name][0]
                    plain += now[name][1] == before[name][1]
            before = now
    return Lived(kept / unchanged, plain / unchanged, told, numbers)


def fitted(ws: Workspace, frame: pd.DataFrame, month: int, k: int | str, seed: int) -> dict[str, object]:
    file = ws.path / f"month{month}.csv"
    frame.to_csv(file, index=False)
    ws.load(file, kind="profiles", name="people", entity="id")
    ws.tags.build(as_of=f"2026-{month + 1:02}-01")
    if not month:
        ws.audiences.save("active", {"tag": "active", "op": "eq", "value": True})
    if k == "auto" and month:
        return ws.segments.refit("kinds", seed=100 * seed + month)
    return ws.segments.fit("kinds", TAGS, audience="active", k=k, max_k=8, seed=100 * seed + month)


def labelled(ws: Workspace, frame: pd.DataFrame, shop: Shop, month: int, seed: int) -> dict[str, tuple[int, int, int]]:
    """By customer: the published id, the number that plain k-means gives, the planted group."""
    found = ws.tags.values(["segment.kinds"]).dropna().set_index("entity")["segment.kinds"]
    here = frame[frame["active"]]
    matrix: npt.NDArray[np.float64] = here[TAGS].to_numpy(float)
    plain = KMeans(shop.kinds, n_init=5, random_state=100 * seed + month).fit(matrix).labels_
    assert set(found.index) == set(here["id"])  # who has gone is in no segment
    return {n: (int(found[n]), int(j), shop.groups[n]) for n, j in zip(here["id"], plain, strict=True)}


def check(lived: Lived, born: int, merged: int) -> None:
    assert lived.kept >= 0.95
    assert (born, "born", True) in lived.told
    assert any(month == merged and kind == "merged" and not today for month, kind, today in lived.told)
    assert {month for month, _, _ in lived.told} == {born, merged}
    assert all(found == planted for found, planted in lived.numbers)


@pytest.mark.slow
def test_three_months(tmp_path: Path) -> None:
    lived = live(tmp_path, months=2, born=1, merged=2, seed=1, customers=600, given=True)
    check(lived, born=1, merged=2)
    assert lived.plain < 0.8  # what ids are for


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_six_months(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lived = live(tmp_path, months=6, born=2, merged=4, seed=seed, customers=2_000, given=False)
    with capsys.disabled():
        shares = f"ids kept by {lived.kept:.1%} of the unchanged, by k-means' own numbers {lived.plain:.1%}"
        print(f"\nseed {seed}: {shares}; told {lived.told}; segments {lived.numbers}")
    check(lived, born=2, merged=4)
