"""What every reader gives: columns of text (or of the source's own types) that SQL can read again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class SourceColumn(NamedTuple):
    """One column of a source.

    name : as people wrote it.
    sql : the expression that gives its value from the source's relation.
    native : DuckDB's type where the source has types; None where everything is text to be judged.
    hint : the type that the source's own form tells, such as `texts` of a list; it is not judged again.
    """

    name: str
    sql: str
    native: str | None = None
    hint: str | None = None

    @property
    def text(self) -> str:
        """The expression that gives the value as text."""
        return self.sql if self.native in (None, "VARCHAR") else f"CAST({self.sql} AS VARCHAR)"


class TextFacts(NamedTuple):
    """What one reading of a source's bytes told.

    digest : SHA-256 of what was given, in hex.
    records : how many data records there must be; None where the reader itself is the only judge.
    lines_are_records : no record spans lines and no line is blank, so that record n is on line n + 1.
    """

    digest: str
    records: int | None = None
    lines_are_records: bool = True


class PlainText(NamedTuple):
    """A delimited UTF-8 file whose bytes can be searched for a record."""

    path: Path
    delimiter: str


@dataclass(frozen=True)
class Source:
    """A source that is open.

    label : how rejects and messages call it; never holds a password.
    relation : SQL to select from; streams and may be read again.
    numbered : the same with `_row`, the record's number from 1.
    line : SQL over `numbered` of the line (of a sheet: row) on which the record begins.
    size_bytes : for the progress bar.
    facts : waits for the digest and the count of records.
    careful : opens the same source by the slow reader, which stands any irregularity; None where this is it.
    rejects, rejected : a Parquet file (line, column, value, reason, raw) of records the reader could not split, and how many.
    """

    label: str
    columns: tuple[SourceColumn, ...]
    relation: str
    numbered: str
    line: str
    facts: Callable[[], TextFacts]
    size_bytes: int = 0
    careful: Callable[[], Source] | None = None
    rejects: Path | None = None
    rejected: int = 0
    plain_text: PlainText | None = None
    notes: tuple[str, ...] = ()
    extras: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> SourceColumn | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)
