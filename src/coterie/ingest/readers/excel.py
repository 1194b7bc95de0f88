"""Excel workbooks (.xlsx, .xlsm): one sheet, its first row of text the header."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from coterie.engines.duckdb import parquet
from coterie.errors import Refused, did_you_mean
from coterie.ingest.readers.dialect import header_names, refuse_duplicates
from coterie.ingest.readers.files import read_bytes
from coterie.ingest.readers.options import ReadOptions
from coterie.ingest.readers.source import Source, SourceColumn, TextFacts
from coterie.ingest.readers.staging import RowStage
from coterie.kit.progress import Progress


def open_excel(path: Path, options: ReadOptions, work: Path, progress: Progress | None) -> Source:
    """Read one sheet into a staged file; `_line` is the sheet's row.

    Raises Refused: no workbook, no such sheet, no header, no rows.
    """
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that it leaves out
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except Exception as error:
            fix = "Save it again as .xlsx, or as CSV."
            raise Refused("damaged_file", f"The workbook cannot be read: {error}.", place=path.name, fix=fix) from None
        try:
            sheet = _sheet(book, options.sheet, path.name)
            return _open_sheet(path, sheet, options, work, progress)
        finally:
            book.close()


def _sheet(book: Any, name: str | None, label: str) -> Any:
    if name is None:
        return book.worksheets[0]
    if name not in book.sheetnames:
        fix = did_you_mean(name, book.sheetnames) or f"There is: {', '.join(book.sheetnames)}."
        raise Refused("bad_mapping", f'There is no sheet "{name}".', place=f"{label}#sheet", fix=fix)
    return book[name]


def _open_sheet(path: Path, sheet: Any, options: ReadOptions, work: Path, progress: Progress | None) -> Source:
    rows = _filled_rows(sheet)
    first = next(rows, None)
    if first is None:
        raise Refused("empty_file", "The sheet is empty.", place=path.name, fix="Give a sheet with a header and rows.")
    line, cells = first
    width = max(i for i, c in enumerate(cells, 1) if c)
    names, notes = _names(cells[:width], options, path.name)
    stage = RowStage(work, width)
    if not options.header:
        stage.add(line, _fitted(cells, width))
    for number, values in rows:
        stage.add(number, _fitted(values, width))
        if progress is not None and number % 1_000 == 0:
            progress.check()
    stage.close()
    if not stage.rows:
        raise Refused("no_rows", "The sheet has a header and no rows.", place=path.name, fix="Give a sheet with rows.")
    return staged_source(stage, path.name, names, notes, read_bytes(path, "").digest, path.stat().st_size)


def _names(first: Sequence[str | None], options: ReadOptions, label: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if options.columns is None:
        return header_names([c or "" for c in first], label)
    refuse_duplicates(options.columns, "columns")
    if len(options.columns) != len(first):
        message = f"{len(options.columns)} names are given and the sheet has {len(first)} columns."
        raise Refused("bad_mapping", message, place="columns", fix="Name every column.")
    return options.columns, ()


def staged_source(
    stage: RowStage, label: str, names: Sequence[str], notes: tuple[str, ...], digest: str, size_bytes: int
) -> Source:
    """A source over a staged file of rows."""
    file = parquet(stage.path)
    return Source(
        label,
        tuple(SourceColumn(name, f"c{i}") for i, name in enumerate(names)),
        file,
        f"(SELECT *, file_row_number + 1 AS _row FROM {parquet(stage.path, numbered=True)})",
        "_line",
        lambda: TextFacts(digest),
        size_bytes=size_bytes,
        notes=notes,
    )


def _filled_rows(sheet: Any) -> Iterator[tuple[int, list[str | None]]]:
    """Rows with something in them, by their number in the sheet."""
    for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = [cell_text(v) for v in values]
        if any(cells):
            yield number, cells


def _fitted(cells: list[str | None], width: int) -> list[str | None]:
    return (cells + [None] * (width - len(cells)))[:width]


def cell_text(value: Any) -> str | None:
    """A value as exact text: whole numbers without a point, moments ISO 8601, a moment at midnight as its date.

    >>> cell_text(17850.0), cell_text(True), cell_text(datetime(2024, 5, 1)), cell_text(0.1)
    ('17850', 'true', '2024-05-01', '0.1')
    """
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime():
            midnight = value.timetz() == time(0) and value.tzinfo is None
            return value.date().isoformat() if midnight else value.isoformat(sep=" ")
        case date():
            return value.isoformat()
        case _:
            return str(value)
