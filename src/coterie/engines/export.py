"""Files people open in other tools: CSV that Excel shows rightly, Parquet, XLSX; no cell can run as a formula."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused
from coterie.kit.disk import disk_errors

BOM = b"\xef\xbb\xbf"  # by it Excel knows UTF-8, and Chinese is not garbled
_EXCEL_ROWS = 1_048_576
# Spreadsheets run cells that begin so (OWASP, "CSV Injection"); a leading apostrophe makes them text.
_RUNS = r"^[=+\-@\t\r]"


def write(engine: Engine, sql: str, path: Path, *, mark: bool = True) -> int:
    """Write a query's result by the file's ending: .csv, .parquet or .xlsx; returns the number of rows.

    mark : begin a CSV with the byte order mark that spreadsheets want and programs do not.

    Raises Refused(`bad_argument`): another ending; too many rows for a sheet.
    """
    writers = {".csv": _write_csv if mark else _write_plain_csv, ".parquet": _write_parquet, ".xlsx": _write_xlsx}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        message = f'"{path.suffix}" is no kind of file to export to.'
        raise Refused("bad_argument", message, place="--to", fix="Use .csv, .parquet or .xlsx.")
    if not path.parent.is_dir():
        raise Refused("bad_argument", "The folder does not exist.", place=str(path.parent), fix="Make it first.")
    staged = path.with_name(f".{path.name}.part")
    try:
        with disk_errors():
            rows = writer(engine, sql, staged)
            staged.replace(path)
        return rows
    finally:
        staged.unlink(missing_ok=True)


def defused(engine: Engine, sql: str) -> str:
    """The query with an apostrophe before every text that a spreadsheet would run."""
    columns = []
    for name, kind in engine.columns(sql):
        column = quote_name(name)
        if kind.endswith("[]"):
            column = f"array_to_string({column}, '; ')"
        if kind == "VARCHAR" or kind.endswith("[]"):
            runs = f"regexp_matches({column}, {quote_value(_RUNS)})"
            column = f"CASE WHEN {runs} THEN '''' || {column} ELSE {column} END"
        columns.append(f"{column} AS {quote_name(name)}")
    return f"SELECT {', '.join(columns)} FROM ({sql})"


def _write_csv(engine: Engine, sql: str, path: Path) -> int:
    body = path.with_name(path.name + ".body")
    try:
        rows = engine.copy_csv(defused(engine, sql), body)
        with path.open("wb") as target, body.open("rb") as source:
            target.write(BOM)
            while chunk := source.read(1 << 20):
                target.write(chunk)
    finally:
        body.unlink(missing_ok=True)
    return rows


def _write_plain_csv(engine: Engine, sql: str, path: Path) -> int:
    return engine.copy_csv(defused(engine, sql), path)


def _write_parquet(engine: Engine, sql: str, path: Path) -> int:
    return engine.copy_parquet(sql, path)


def _write_xlsx(engine: Engine, sql: str, path: Path) -> int:
    import xlsxwriter

    total = int(engine.value(f"SELECT count(*) FROM ({sql})"))
    if total >= _EXCEL_ROWS:
        message = f"{total:,} rows do not fit into a sheet of {_EXCEL_ROWS:,}."
        raise Refused("bad_argument", message, place="--to", fix="Export to .csv or .parquet.")
    names = [name for name, _ in engine.columns(sql)]
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet("members")
        sheet.write_row(0, 0, names, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        number = 0
        for batch in engine.arrow(sql).to_batches():
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                _write_row(sheet, number, values)
    return total


def _write_row(sheet: Any, number: int, values: Sequence[Any]) -> None:
    for column, value in enumerate(values):
        match value:
            case None:
                continue
            case bool():
                sheet.write_boolean(number, column, value)
            case int() if abs(value) < 10**15:  # a sheet's numbers have 15 digits
                sheet.write_number(number, column, value)
            case float():
                sheet.write_number(number, column, value)
            case list():
                sheet.write_string(number, column, "; ".join(map(str, value)))
            case _ if hasattr(value, "as_tuple"):
                sheet.write_number(number, column, float(value))
            case _:
                sheet.write_string(number, column, str(value))
