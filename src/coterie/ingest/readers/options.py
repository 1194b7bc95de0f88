"""What a mapping may say about how a source is to be read."""

from __future__ import annotations

from typing import NamedTuple


class ReadOptions(NamedTuple):
    """How to read; what is None is found out.

    columns : names in the order of the columns, instead of the header's.
    header : False where the first line is data already; then `columns` must be given.
    sheet : of an Excel file; the first one otherwise.
    """

    delimiter: str | None = None
    quote: str = '"'
    encoding: str | None = None
    header: bool = True
    columns: tuple[str, ...] | None = None
    sheet: str | None = None
