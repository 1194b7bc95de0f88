"""Agreement of groupings against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, jaccard_score

from coterie.stats.agreement import adjusted_rand, contingency, jaccard

labels = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=40)


@settings(deadline=None, max_examples=15)
@given(labels)
def test_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(part) for part in zip(*pairs, strict=True))
    table = contingency(first, second, 4, 5)
    assert table.sum() == len(pairs)
    assert adjusted_rand(table) == pytest.approx(adjusted_rand_score(first, second), abs=1e-12)
    shared = jaccard(table)
    for i in set(first):
        for j in set(second):
            assert shared[i, j] == pytest.approx(jaccard_score(first == i, second == j))


def test_empty_groups_share_nothing() -> None:
    assert jaccard(np.zeros((2, 2))).tolist() == [[0.0, 0.0], [0.0, 0.0]]
