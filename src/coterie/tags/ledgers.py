"""Ledgers: every value of an entity with its number of rows, so that numbers of different values and most frequent
values can be carried on without reading the entity's rows again.

A ledger is a chain of files ordered by row number: a whole one, and smaller ones, each of which tells everything of the
entities in it and so stands before those under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coterie.tags.files import BuildFiles

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MAX_CHAIN = 64


def slices(files: BuildFiles, chain: Sequence[str], rows: np.ndarray) -> tuple[pa.Table, int]:
    """All pairs of the entities `rows` (ascending), and how many were read; `chain` begins with the whole ledger.

    An entity that lost all its values stands in a later file with n = 0.
    """
    import numpy as np
    import pyarrow as pa

    from coterie.kit.numbers import rows_of

    found, left = [], rows
    for name in reversed(chain):
        table = files.read(name)
        if not len(left) or not table.num_rows:
            continue
        keys = rows_of(table)
        start, end = np.searchsorted(keys, left, "left"), np.searchsorted(keys, left, "right")
        found.append(table.take(pa.array(_ranges(start, end))))
        left = left[start == end]
    tables = found or [files.read(chain[0]).slice(0, 0)]
    pairs = pa.concat_tables(tables)
    return pairs, pairs.num_rows


def _ranges(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The numbers of all half-open ranges, one after the other.

    >>> import numpy as np
    >>> _ranges(np.array([2, 5, 7]), np.array([4, 5, 9])).tolist()
    [2, 3, 7, 8]
    """
    import numpy as np

    lengths = end - start
    offsets = np.repeat(start - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    return offsets + np.arange(lengths.sum())
