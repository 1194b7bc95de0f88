"""How far two groupings of the same things agree, from their table of counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def contingency(first: npt.ArrayLike, second: npt.ArrayLike, rows: int, columns: int) -> Floats:
    """How many things are in group i of the first and group j of the second, shape (rows, columns); from 0.

    >>> contingency([0, 0, 1], [1, 1, 0], 2, 2).tolist()
    [[0.0, 2.0], [1.0, 0.0]]
    """
    pairs = np.asarray(first, dtype=np.intp) * columns + np.asarray(second, dtype=np.intp)
    return np.bincount(pairs, minlength=rows * columns).reshape(rows, columns).astype(np.float64)


def jaccard(table: Floats) -> Floats:
    """For groups i and j of the two groupings: what they share over what either holds, shape of the table.

    >>> jaccard(np.array([[3.0, 1.0], [0.0, 2.0]])).round(2).tolist()
    [[0.75, 0.17], [0.0, 0.67]]
    """
    either = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
    return np.asarray(np.divide(table, either, out=np.zeros_like(table), where=either > 0))


def adjusted_rand(table: Floats) -> float:
    """Agreement of two groupings: 1 the same, 0 what chance gives, below 0 less than that.

    Source: Hubert & Arabie (1985), Comparing partitions, Journal of Classification 2, eq. 5.

    >>> round(adjusted_rand(contingency([0, 0, 1, 1], [0, 0, 1, 2], 2, 3)), 4)
    0.5714
    """

    def pairs(counts: Floats) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    together, first, second = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    every = pairs(np.array([table.sum()]))
    expected = first * second / every if every else 0.0
    most = (first + second) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)
