"""Arrow columns for CSV files: money, moments, names by number, missing values."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from coterie.errors import Failed


def money(cents: npt.NDArray[np.int64]) -> pa.Array:
    """Exact amounts with two decimals.

    >>> [str(v) for v in money(np.array([1999, -5])).to_pylist()]
    ['19.99', '-0.05']
    """
    whole = pa.array(cents).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(19, 2), len(whole), whole.buffers())


def moments(second: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Moments without a zone, from seconds since 1970.

    >>> moments(np.array([0, 86_400 + 61])).to_pylist()[1].isoformat()
    '1970-01-02T00:01:01'
    """
    return pa.array(second.astype("datetime64[s]"), mask=missing)


def days(day: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Dates, from days since 1970."""
    return pa.array(day.astype("datetime64[D]"), mask=missing)


def named(number: npt.NDArray[np.int64], names: Sequence[str]) -> pa.Array:
    """The name of each number; a negative number is missing.

    >>> named(np.array([1, -1, 0]), ["a", "b"]).to_pylist()
    ['b', None, 'a']
    """
    return pa.array(list(names), pa.string()).take(pa.array(number, mask=number < 0))


def numbers(values: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_]) -> pa.Array:
    """Whole numbers, some of them missing."""
    return pa.array(values, mask=missing)


def fractions(values: npt.NDArray[np.float64]) -> pa.Array:
    """Numbers to six decimals: enough for a truth, and the same text on every machine."""
    return pa.array(np.round(values, 6))


def hundredths(percent: npt.NDArray[np.int64]) -> pa.Array:
    """Percentages as fractions with two decimals."""
    return money(percent)


def texts(values: npt.NDArray[np.object_] | Sequence[str], missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Text, some of it missing."""
    return pa.array(np.asarray(values, dtype=object), pa.string(), mask=missing)


def write(path: Path, columns: Mapping[str, object]) -> int:
    """Write one CSV file (UTF-8, header, empty for missing); returns its number of rows.

    Raises Failed: the disk is full or the folder cannot be written to.
    """
    table = pa.table({name: c if isinstance(c, pa.Array) else pa.array(c) for name, c in columns.items()})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pa.csv.write_csv(table, path)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Failed("disk_full", f"No room left while writing {path.name}.", place=str(path)) from error
        message = f"{path.name} cannot be written: {error.strerror or error}."
        raise Failed("read_only", message, place=str(path), fix="Choose another folder.") from error
    return int(table.num_rows)
