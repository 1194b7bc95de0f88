"""A bitmap put together from packed bits is the one that its rows make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from coterie.index.bitmaps import CHUNK_ROWS, from_packed, from_rows

EDGES = [0, 1, 7, 8, 4095, 4096, 4097, CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1, 3 * CHUNK_ROWS]


@given(st.lists(st.tuples(st.sampled_from(EDGES), st.integers(0, 5000)), max_size=4), st.integers(0, 9))
def test_stretches_of_any_density(stretches: list[tuple[int, int]], step: int) -> None:
    flags = np.zeros(4 * CHUNK_ROWS + 5, bool)
    for start, length in stretches:
        flags[start : start + length * 2 : step + 1] = True
    assert from_packed(np.packbits(flags, bitorder="little")) == from_rows(np.flatnonzero(flags))


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.0625, 0.5, 1.0])
def test_random_rows(share: float) -> None:
    flags = np.random.default_rng(7).random(1_000_003) < share
    made = from_packed(np.packbits(flags, bitorder="little"))
    assert made == from_rows(np.flatnonzero(flags))
    assert BitMap.deserialize(made.serialize()) == made and made - from_rows(np.flatnonzero(~flags)) == made
