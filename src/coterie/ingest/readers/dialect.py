"""How a delimited text is written: its delimiter, its way of quoting, the names in its header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from coterie.errors import Refused

_COMMON = (",", "\t", ";", "|")
_NAMES = {"\t": "tab", " ": "space", "\x01": "\\x01"}
_STRANGE = set("0123456789_\"'.- ()[]{}/\\#%&*+=<>?@$")  # marks that stand inside names, not between them
_VALUE = re.compile(r"[-+]?[\d.,:/ -]*\d[\d.,:/ -]*")
_SAMPLE_ROWS = 200
_FIX_NAMES = "Give the names in a mapping file: `columns: [first, second, ...]`"


class Dialect(NamedTuple):
    """How rows are split. `escape` is the quote itself where a quote inside quotes is doubled, or a backslash."""

    delimiter: str
    quote: str = '"'
    escape: str = '"'

    @property
    def name(self) -> str:
        """The delimiter in words."""
        return _NAMES.get(self.delimiter, self.delimiter)


def rows_of(lines: Sequence[str] | Iterator[str], dialect: Dialect) -> Iterator[list[str]]:
    """Rows of a text by Python's reader; blank lines are left out. Raises csv.Error at a broken quote."""
    doubled = dialect.escape == dialect.quote
    reader = csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        doublequote=doubled,
        escapechar=None if doubled else dialect.escape,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    )
    return (row for row in reader if row)


def sniff(text: str, *, delimiter: str | None = None, quote: str = '"') -> Dialect:
    """The dialect of a text's beginning, whole lines only.

    The delimiter is the one by which most rows have as many cells as the header, at least two; of several the one that
    gives the most cells. A text that no delimiter splits has one column.

    >>> sniff("id;price\\n1;2,50\\n2;3,10\\n").delimiter
    ';'
    >>> sniff("email\\na@example.com\\n").delimiter
    ','
    """
    escape = "\\" if '\\"' in text and '""' not in text and quote else quote
    if delimiter is not None:
        return Dialect(delimiter, quote, escape)
    header = text.split("\n", 1)[0]
    others = sorted(
        {c for c in header if not c.isalnum() and c not in _STRANGE and c not in _COMMON and c.isprintable()}
    )
    controls = [c for c in ("\x01", "\x1f") if c in header]
    scores = {c: _score(text, Dialect(c, quote, escape)) for c in (*_COMMON, *controls, *others)}
    best = max(scores, key=lambda c: scores[c])  # the first of equals: the common ones stand before
    return Dialect(best if scores[best] > 0 else ",", quote, escape)


def _score(text: str, dialect: Dialect) -> float:
    """Cells a row where nine rows in ten have as many as the header, else 0."""
    try:
        widths = [len(row) for row in islice(rows_of(text.splitlines(keepends=True), dialect), _SAMPLE_ROWS)]
    except csv.Error:
        return 0.0
    if len(widths) < 2 or widths[0] < 2:
        return 0.0
    share = Counter(widths)[widths[0]] / len(widths)
    return widths[0] * share if share >= 0.9 else 0.0


def header_names(cells: Sequence[str], place: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the columns, and notes; a blank name becomes `column_N`.

    >>> header_names(["\\ufeffid", "", "name "], "a.csv")
    (('id', 'column_2', 'name'), ('Column 2 has no name; it is called column_2.',))

    Raises Refused: `no_header` where every cell is a number or a date, `duplicate_columns` where two names are the same
    but for their case.
    """
    cleaned = [cell.replace("\ufeff", "").strip() for cell in cells]
    filled = [c for c in cleaned if c]
    if not filled:
        raise Refused("no_header", "The first line holds no names.", place=place, fix=f"{_FIX_NAMES}.")
    if all(_VALUE.fullmatch(c) for c in filled):
        message = f"The first line looks like data: {', '.join(filled[:4])}."
        raise Refused("no_header", message, place=f"{place}:1", fix=f"{_FIX_NAMES} and `header: false`.")
    names = tuple(c or f"column_{i}" for i, c in enumerate(cleaned, 1))
    refuse_duplicates(names, place)
    notes = [f"Column {i} has no name; it is called column_{i}." for i, c in enumerate(cleaned, 1) if not c]
    return names, tuple(notes)


def refuse_duplicates(names: Sequence[str], place: str) -> None:
    """Raise Refused where two columns have one name. Case does not tell columns apart, since SQL does not."""
    first: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        before = first.setdefault(name.casefold(), position)
        if before != position:
            message = f'Columns {before} and {position} are both called "{name}".'
            fix = f"Rename one, or give all {len(names)} names in a mapping file: `columns: [...]`."
            raise Refused("duplicate_columns", message, place=f"{place}:1", fix=fix)
