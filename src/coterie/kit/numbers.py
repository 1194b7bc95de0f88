"""Whole numbers out of Arrow's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa


def rows_of(table: pa.Table) -> npt.NDArray[np.int64]:
    """The BIGINT column `row`, none missing, shape (n_rows,).

    `to_numpy` of a column in several pieces would import pandas, which takes .3 s.

    >>> import pyarrow as pa
    >>> rows_of(pa.table({"row": pa.chunked_array([[3, 1], [], [2]], pa.int64())}))
    array([3, 1, 2])
    """
    chunks = [c for c in table["row"].chunks if len(c)]
    parts = [np.frombuffer(c.buffers()[1], np.int64, len(c), c.offset * 8) for c in chunks]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
