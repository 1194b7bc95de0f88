"""The careful reader of delimited text: Python's, row by row, for files that the engine's reader refuses or miscounts.

It stands ragged rows, broken quotes, line ends of both kinds and rows of many lines, and knows the line on which each begins.
A quote that is never closed swallows what follows, so it is refused, with its line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from coterie.engines.duckdb import parquet
from coterie.errors import Refused
from coterie.ingest.readers.dialect import Dialect
from coterie.ingest.readers.files import CHUNK_BYTES, LONGEST_LINE
from coterie.ingest.readers.source import Source, SourceColumn, TextFacts
from coterie.ingest.readers.staging import RowStage
from coterie.kit.progress import Progress


class Job(NamedTuple):
    """A UTF-8 file to read carefully; `header` is the number of header rows, `label` what messages call the file."""

    path: Path
    label: str
    dialect: Dialect
    names: tuple[str, ...]
    header: int
    notes: tuple[str, ...]


class _Lines:
    """The lines of a file, with those of the current record kept for a message."""

    def __init__(self, handle: Iterator[str], progress: Progress | None) -> None:
        self._handle, self._progress = handle, progress
        self.record: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._handle)
        self.number += 1
        if self.number % 10_000 == 0 and self._progress is not None:
            self._progress.check()
        self.record.append(line if len(self.record) < 20 else "")
        return line


def open_careful(job: Job, facts: TextFacts, work: Path, progress: Progress | None) -> Source:
    """Read the whole file into a staged one and open that.

    Raises Refused: `unclosed_quote`, `line_too_long`.
    """
    if len(job.dialect.delimiter) > 1:
        fix = "Save the file with a delimiter of one character."
        message = f"The file is irregular, and its delimiter `{job.dialect.delimiter}` is longer than one character."
        raise Refused("wrong_delimiter", message, place=job.label, fix=fix)
    stage = RowStage(work, len(job.names))
    with job.path.open(encoding="utf-8", newline="") as handle:
        for line, row in _records(job, _Lines(handle, progress), stage):
            _keep(stage, line, row, len(job.names), job)
    stage.close()
    relation = parquet(stage.path)
    return Source(
        job.label,
        tuple(SourceColumn(name, f"c{i}") for i, name in enumerate(job.names)),
        relation,
        f"(SELECT *, file_row_number + 1 AS _row FROM {parquet(stage.path, numbered=True)})",
        "_line",
        lambda: facts,
        size_bytes=job.path.stat().st_size,
        rejects=stage.rejects_path,
        rejected=stage.rejected,
        notes=job.notes,
    )


def _keep(stage: RowStage, line: int, row: list[str], width: int, job: Job) -> None:
    if len(row) == width + 1 and not row[-1]:
        row.pop()  # a delimiter at the line's end
    if len(row) == width:
        stage.add(line, row)
    else:
        reason = "too_few_values" if len(row) < width else "too_many_values"
        stage.reject(line, reason, job.dialect.delimiter.join(row))


def _records(job: Job, lines: _Lines, stage: RowStage) -> Iterator[tuple[int, list[str]]]:
    """Records with the line on which each begins, header and blank lines left out."""
    csv.field_size_limit(LONGEST_LINE)
    reader, skip = _reader(lines, job.dialect), job.header
    while True:
        lines.record, line = [], lines.number + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            _refuse_swallowed(job, line, lines, str(error))
            stage.reject(line, "bad_quotes", "".join(lines.record).rstrip("\r\n"))
            continue
        if not row or (len(row) == 1 and not row[0].strip() and len(job.names) > 1):
            continue
        if skip:
            skip -= 1
            continue
        yield line, row


def _reader(lines: _Lines, dialect: Dialect) -> Iterator[list[str]]:
    doubled = dialect.escape == dialect.quote
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        doublequote=doubled,
        escapechar=None if doubled else dialect.escape,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=True,
    )


def _refuse_swallowed(job: Job, line: int, lines: _Lines, error: str) -> None:
    place = f"{job.label}:{line}"
    if "field larger" in error:
        message = f"The value that begins on line {line:,} has over {LONGEST_LINE // CHUNK_BYTES} MiB."
        raise Refused("line_too_long", message, place=place, fix="A closing quote may be missing.")
    if len(lines.record) > 1 or "unexpected end" in error:
        message = f"A quote opened on line {line:,} is not closed; it swallows the lines up to {lines.number:,}."
        fix = "Close the quote, or double it where it is part of the text."
        raise Refused("unclosed_quote", message, place=place, fix=fix)
