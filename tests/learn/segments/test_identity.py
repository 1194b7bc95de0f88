"""Segments are still themselves after a refit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.learn.segments.identity import match, migration, steadied

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


def test_who_is_in_no_segment_counts_against_it() -> None:
    assert fates([0] * 10 + [1] * 10 + [-1] * 4, [0] * 10 + [1] * 6 + [-1] * 4 + [1] * 4) == [
        ("survived", 1, (1,), True),
        ("split", 3, (2,), True),  # half of those who had it, and others: no longer the same people
        ("split", 2, (3,), False),
    ]
    assert fates([0] * 10 + [1] * 10, [0] * 10 + [-1] * 10)[1] == ("retired", 2, (), False)


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
        "came": 1,
        "left": 0,
        "matrix": [
            {"from": 1, "to": 2, "entities": 1},
            {"from": 1, "to": 3, "entities": 1},
            {"from": 2, "to": 2, "entities": 1},
        ],
        "customers_changed": [{"from": 1, "to": 2, "entities": 1}],
        "model_changed": [{"from": 1, "to": 3, "entities": 1}],
    }
