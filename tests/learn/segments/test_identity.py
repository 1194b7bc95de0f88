"""Segments are still themselves after a refit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coterie
from coterie.learn.segments.identity import Fate, match, migration, steadied
from coterie.learn.segments.kmeans import kmeans, nearest
from coterie.workspace import Workspace

Ints = npt.NDArray[np.intp]


def fates(old: list[int], new: list[int], distances: list[float] | None = None, **more: Any) -> list[tuple[Any, ...]]:
    a, b = np.array(old, np.intp), np.array(new, np.intp)
    ids = more.pop("ids", tuple(range(1, a.max() + 2)))
    far = np.zeros(len(a)) if distances is None else np.array(distances)
    found = match(a, b, ids, int(b.max()) + 1, last_id=more.pop("last_id", max(ids)), distances=far)
    return [(f.kind, f.id, f.others, f.today) for f in found.fates]


def test_the_larger_part_keeps_the_id_and_the_other_is_split_off() -> None:
    assert fates([0] * 10 + [1] * 5, [0] * 7 + [2] * 3 + [1] * 5) == [
        ("survived", 1, (1,), True),
        ("survived", 2, (2,), True),
        ("split", 3, (1,), True),
    ]


def test_equal_segments_that_merge_make_a_new_one() -> None:
    assert fates([0] * 5 + [1] * 5 + [2] * 4, [0] * 10 + [1] * 4) == [
        ("merged", 4, (1, 2), True),
        ("survived", 3, (3,), True),
        ("merged", 1, (4,), False),
        ("merged", 2, (4,), False),
    ]


def test_a_small_segment_goes_into_a_large_one() -> None:
    assert fates([0] * 9 + [1] * 3, [0] * 12) == [("survived", 1, (1,), True), ("merged", 2, (1,), False)]


def test_far_from_all_that_was_is_born_and_not_split_off() -> None:
    near, far = [1.0] * 20, [9.0] * 10
    assert fates([0] * 30, [0] * 20 + [1] * 10, near + far)[1] == ("born", 2, (), True)
    assert fates([0] * 30, [0] * 20 + [1] * 10, [1.0] * 30)[1] == ("split", 2, (1,), True)


def test_what_scatters_is_retired_and_ids_are_never_used_again() -> None:
    found = fates([0] * 9 + [1] * 9 + [2] * 9 + [3] * 9, [0] * 9 + [1] * 9 + [2] * 9 + [0, 1, 2] * 3, last_id=11)
    assert found[3] == ("retired", 4, (), False)
    assert fates([0] * 4 + [1] * 4, [0] * 4 + [1, 1, 2, 2], ids=(7, 9), last_id=11)[1:] == [
        ("split", 12, (9,), True),
        ("split", 13, (9,), True),
        ("split", 9, (12, 13), False),
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=60), st.integers(0, 9))
def test_ids_are_each_given_once(pairs: list[tuple[int, int]], more: int) -> None:
    old, new = (np.unique([p[side] for p in pairs], return_inverse=True)[1] for side in (0, 1))
    ids, k = tuple(range(3, 4 + int(old.max()))), int(new.max()) + 1
    found = match(old, new, ids, k, last_id=ids[-1] + more, distances=np.zeros(len(old)))
    assert len(set(found.ids)) == k and all(i in ids or i > ids[-1] + more for i in found.ids)
    survived = [f for f in found.fates if f.kind == "survived"]
    assert all(f.jaccard > 0.5 for f in survived)
    assert {f.id for f in found.fates if f.today} == set(found.ids)
    assert {f.id for f in found.fates if not f.today} == set(ids) - set(found.ids)


def test_near_a_border_one_stays_and_a_stranger_does_not() -> None:
    now = pd.DataFrame(
        {"entity": list("abcd"), "segment": [2] * 4, "second": [1] * 4, "margin": [0.05, 0.4, 0.05, 0.05]}
    )
    steady = steadied(now, {"a": 1, "b": 1, "c": 3}, 0.1)
    assert steady["segment"].tolist() == [1, 2, 2, 2] and steady["second"].tolist() == [2, 1, 1, 1]


def test_a_move_is_the_customers_or_the_models() -> None:
    before = {"a": 1, "b": 1, "c": 2}
    by_old = pd.DataFrame({"entity": list("abcd"), "segment": [1, 2, 2, 1]})
    today = pd.DataFrame({"entity": list("abcd"), "segment": [3, 2, 2, 1]})
    assert migration(before, by_old, today).as_dict() == {
        "entities": 3,
        "kept_id": 1,
        "customers_changed": [{"from": 1, "to": 2, "entities": 1}],
        "model_changed": [{"from": 1, "to": 3, "entities": 1}],
    }


class Shop:
    """Groups in four dimensions; each month a tenth of the customers goes and a tenth comes, and all move a little."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.centres = {g: self.rng.normal(0, 7, 4) for g in range(5)}
        self.groups = {f"c{i}": i % 5 for i in range(2_000)}
        self.next = 2_000

    def month(self) -> None:
        gone = self.rng.choice(sorted(self.groups), len(self.groups) // 10, replace=False)
        kinds = sorted(set(self.groups.values()))
        for name in gone:
            del self.groups[name]
            self.groups[f"c{self.next}"] = int(self.rng.choice(kinds))
            self.next += 1

    def born(self) -> None:
        self.centres[9] = np.full(4, 25.0)
        for name in self.rng.choice(sorted(self.groups), 250, replace=False):
            self.groups[name] = 9

    def merged(self) -> None:
        self.centres[1] = self.centres[0]

    def look(self) -> tuple[list[str], npt.NDArray[np.float64]]:
        names = list(self.rng.permutation(sorted(self.groups)))
        return names, np.array([self.centres[self.groups[n]] for n in names]) + self.rng.normal(0, 1, (len(names), 4))


@pytest.mark.parametrize("seed", range(1, 6))
def test_six_months_with_a_birth_and_a_merger(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    shop, told, kept, plain, unchanged = Shop(seed), list[Fate](), 0, 0, 0
    ids: tuple[int, ...] = ()
    labels: dict[str, tuple[int, int, int]] = {}
    centres = np.empty((0, 4))
    for month in range(7):
        if month:
            shop.month()
        if month == 2:
            shop.born()
        if month == 4:
            shop.merged()
        names, matrix = shop.look()
        k = len({tuple(shop.centres[g]) for g in shop.groups.values()})
        found = kmeans(matrix, k, seed=100 * seed + month, starts=10)
        if month:
            old = nearest(matrix, centres)
            seen = match(
                old.first,
                found.labels,
                ids,
                k,
                last_id=max(max(ids), *(f.id for f in told), 0),
                distances=old.first_distance,
                then=np.array([labels[n][1] if n in labels else -1 for n in names]),
            )
            told += [f for f in seen.fates if f.kind != "survived"]
            ids = seen.ids
        else:
            ids = tuple(range(1, k + 1))
        now = {n: (ids[j], int(j), shop.groups[n]) for n, j in zip(names, found.labels, strict=True)}
        for n in now.keys() & labels.keys():
            merging = month == 4 and now[n][2] in (0, 1)
            if now[n][2] == labels[n][2] and not merging:
                unchanged, kept, plain = (
                    unchanged + 1,
                    kept + (now[n][0] == labels[n][0]),
                    plain + (now[n][1] == labels[n][1]),
                )
        labels, centres = now, found.centres
    with capsys.disabled():
        print(
            f"\nseed {seed}: ids kept by {kept / unchanged:.1%} of the unchanged, by k-means' own numbers {plain / unchanged:.1%}"
        )
    assert kept / unchanged >= 0.95
    kinds = [(f.kind, f.today) for f in told]
    assert kinds.count(("born", True)) == 1
    assert ("merged", False) in kinds and not {"retired", "split"} & {f.kind for f in told}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workspace]:
    with coterie.init(tmp_path / "ws") as ws:
        yield ws


def put(ws: Workspace, tmp_path: Path, month: int, spend: npt.NDArray[np.float64]) -> None:
    frame = pd.DataFrame({"id": [f"c{i:04}" for i in range(len(spend))], "spend": spend[:, 0], "visits": spend[:, 1]})
    file = tmp_path / f"people{month}.csv"
    frame.sample(frac=1, random_state=month).round(4).to_csv(file, index=False)
    ws.load(file, kind="profiles", name="people", entity="id")
    ws.tags.build()


def test_a_refit_keeps_ids_and_tells_what_became_of_each(shop: Workspace, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    centres = np.array([[10.0, 2.0]] * 90 + [[40.0, 20.0]] * 120 + [[80.0, 5.0]] * 60)
    put(shop, tmp_path, 1, centres + rng.normal(0, 1, centres.shape))
    first = shop.segments.fit("who", ["spend", "visits"], k=3)
    assert first["identity"] is None and list(first["sizes"]) == ["1", "2", "3"]
    again = shop.segments.fit("who", ["spend", "visits"], k=3)
    assert (again["version"], again["identity"]) == (1, None)
    # Now the smallest becomes the largest: numbers by size would turn round, ids do not.
    grown = np.vstack([centres, [[80.0, 5.0]] * 200])
    put(shop, tmp_path, 2, grown + rng.normal(0, 1, grown.shape))
    second = shop.segments.fit("who", ["spend", "visits"], k=3, seed=5)
    assert second["sizes"] == {"3": 260, "1": 120, "2": 90}
    assert {f["kind"] for f in second["identity"]["segments"]} == {"survived"}
    assert second["identity"]["migration"]["kept_id"] == second["identity"]["migration"]["entities"] == 270
    found = shop.tags.values(["segment.who"]).set_index("entity")["segment.who"]
    assert found["c0000"] == 2 and found["c0100"] == 1 and found["c0250"] == 3
    third = shop.segments.fit("who", ["spend", "visits"], k=2)
    gone = [f for f in third["identity"]["segments"] if not f["today"]]
    assert len(gone) >= 1 and all(int(i) in (1, 2, 3) or int(i) > 3 for i in third["sizes"])
    new = shop.segments.predict("who", pd.DataFrame({"spend": [80.0], "visits": [5.0]}, index=["x"]))
    assert str(new["segment"][0]) in third["sizes"]
