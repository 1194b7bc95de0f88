"""Reading one column of tag values: what kind it is, and its values as plain arrays."""

from __future__ import annotations

import numbers
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from coterie.errors import Refused

if TYPE_CHECKING:
    Series = pd.Series[Any]

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]
Kind = Literal["number", "flag", "category", "moment", "list", "empty"]

_TRUE, _FALSE = {"true", "t", "yes", "y", "1", "1.0", "是"}, {"false", "f", "no", "n", "0", "0.0", "否"}


def kind_of(values: Series) -> Kind:
    """What a column holds; missing values do not count.

    `number` (whole numbers, floats, `Decimal`), `flag` (true and false), `category` (text, or text mixed with
    anything), `moment` (dates and times), `list` (several values per entity), `empty` (missing throughout).

    >>> [kind_of(pd.Series(v, dtype=object)) for v in ([Decimal("1.5"), None], [True, None], ["a", 1], [["a"]], [None])]
    ['number', 'flag', 'category', 'list', 'empty']
    """
    present = values[~missing(values)]
    if present.empty:
        return "empty"
    if types.is_bool_dtype(values.dtype):
        return "flag"
    if types.is_numeric_dtype(values.dtype):
        return "number"
    if types.is_datetime64_any_dtype(values.dtype) or types.is_timedelta64_dtype(values.dtype):
        return "moment"
    found = {_family(value) for value in present.array}
    return found.pop() if len(found) == 1 else ("list" if "list" in found else "category")


def _family(value: object) -> Kind:
    match value:
        case bool() | np.bool_():
            return "flag"
        case numbers.Number() | Decimal():
            return "number"
        case datetime() | date() | timedelta():
            return "moment"
        case list() | tuple() | set() | frozenset() | dict() | np.ndarray():
            return "list"
        case _:
            return "category"


def missing(values: Series) -> npt.NDArray[np.bool_]:
    """True where a value is missing: null, NaN, or text of nothing but blanks."""
    null = values.isna().to_numpy(dtype=bool)
    if types.is_numeric_dtype(values.dtype) or types.is_datetime64_any_dtype(values.dtype):
        return null
    plain = values.to_numpy(dtype=object)  # walking through pandas' own array takes ten times as long
    blank = np.fromiter((isinstance(v, str) and not v.strip() for v in plain), dtype=bool, count=len(values))
    return np.asarray(null | blank)


def as_numbers(values: Series) -> Floats:
    """The column as floats, shape (n,), NaN where missing; numbers written as text are read.

    Raises Refused `bad_column`: a text that is no number, or infinity; the message names the first such value.

    >>> as_numbers(pd.Series([Decimal("1.5"), None, " 2 "], dtype=object)).tolist()
    [1.5, nan, 2.0]
    """
    if types.is_numeric_dtype(values.dtype):
        found = values.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        gone = missing(values)
        given = zip(values.to_numpy(dtype=object), gone.tolist(), strict=True)
        plain = np.array([None if g else _plain(v) for v, g in given] or [], dtype=object)
        found = np.asarray(pd.to_numeric(plain, errors="coerce"), dtype=np.float64)
        _refuse(values, np.isnan(found) & ~gone, "is no number")
    _refuse(values, np.isinf(found), "is infinite")
    return np.array(found, dtype=np.float64)


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def as_flags(values: Series) -> Floats:
    """True and false as 1.0 and 0.0, NaN where missing; `yes`, `no`, `1`, `0` and 是, 否 are read.

    Raises Refused `bad_column`: any other value.

    >>> as_flags(pd.Series([True, None, "no"], dtype=object)).tolist()
    [1.0, nan, 0.0]
    """
    found = np.full(len(values), np.nan)
    gone = missing(values)
    for i, value in enumerate(values.array):
        text = "" if gone[i] else str(value).strip().lower()
        found[i] = 1.0 if text in _TRUE else 0.0 if text in _FALSE else np.nan
    _refuse(values, np.isnan(found) & ~gone, "is neither true nor false")
    return found


def as_levels(values: Series) -> Objects:
    """The column as text, shape (n,), None where missing."""
    gone = missing(values)
    return np.array([None if g else str(v) for v, g in zip(values.array, gone, strict=True)], dtype=object)


def _refuse(values: Series, wrong: npt.NDArray[np.bool_], what: str) -> None:
    if wrong.any():
        first = int(wrong.argmax())
        raise Refused(
            "bad_column",
            f'"{values.iloc[first]}" of {values.index[first]} {what} ({int(wrong.sum())} such values).',
            place=str(values.name),
            fix="Correct or clear these values, or leave the column out.",
        )
