"""CSV, TSV and their kin. A clean UTF-8 file is read in place by the engine, on all its threads; any other by the careful reader."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.ingest.readers import careful
from coterie.ingest.readers.dialect import Dialect, header_names, refuse_duplicates, rows_of, sniff
from coterie.ingest.readers.encoding import first_guess, known_encoding, transcode, whole_file
from coterie.ingest.readers.files import CHUNK_BYTES, LONGEST_LINE, Bytes, BytesLater, packing, read_bytes, unpack
from coterie.ingest.readers.options import ReadOptions
from coterie.ingest.readers.source import PlainText, Source, SourceColumn, TextFacts
from coterie.kit.progress import Progress

_SNIFF_CHARACTERS = 1 << 18


def open_delimited(path: Path, options: ReadOptions, work: Path, progress: Progress | None) -> Source:
    """Open a delimited text.

    work : folder for an unpacked or transcoded copy.
    Raises Refused: no text, no header, nothing after the header, columns of one name, mixed encodings.
    """
    plain, digest = plain_utf8(path, options.encoding, work, progress)
    return _open_plain(path, plain, digest, options, work, progress)


def plain_utf8(
    path: Path, encoding: str | None, work: Path, progress: Progress | None, *, judged: bool = False
) -> tuple[Path, str | None]:
    """The file itself if it is UTF-8 and not packed, else a copy that is; and the original's digest if it was computed.

    judged : the whole file is looked at, since a byte that is not UTF-8 was seen far inside.
    """
    plain, digest = path, None
    kind = packing(path)
    if kind is not None:
        plain = work / "unpacked"
        with _stage(progress, "Unpacking", path):
            digest = unpack(path, kind, plain, progress)
    found = known_encoding(encoding) if encoding else whole_file(plain) if judged else first_guess(plain)
    if found != "utf-8":
        digest = digest or read_bytes(plain).digest
        target = work / "transcoded"
        with _stage(progress, f"Reading {found}", plain):
            transcode(plain, found, target, path.name, progress)
        plain = target
    return plain, digest


def _stage(progress: Progress | None, name: str, path: Path):  # type: ignore[no-untyped-def]
    from contextlib import nullcontext

    return nullcontext() if progress is None else progress.stage(name, path.stat().st_size, "bytes")


def _open_plain(
    path: Path, plain: Path, digest: str | None, options: ReadOptions, work: Path, progress: Progress | None
) -> Source:
    dialect, names, notes = _shape(path, plain, options)
    later = BytesLater(plain, dialect.quote)
    header = 1 if options.header else 0

    def careful_source() -> Source:
        facts = later.result()
        _refuse_long_line(facts, path.name)
        if facts.bad_utf8_at is not None and plain == path:
            other, known = plain_utf8(path, None, work, progress, judged=True)
            return _open_plain(path, other, known, options, work, progress)
        told = TextFacts(digest or facts.digest)
        job = careful.Job(plain, path.name, dialect, names, header, notes)
        return careful.open_careful(job, told, work, progress)

    def facts() -> TextFacts:
        read = later.result()
        whole = read.inner_newlines == 0 and read.bad_utf8_at is None
        return TextFacts(digest or read.digest, read.records - header, whole)

    relation = _read_csv(plain, dialect, len(names), options.header)
    return Source(
        path.name,
        tuple(SourceColumn(name, f"c{i}") for i, name in enumerate(names)),
        relation,
        f"(SELECT *, row_number() OVER () AS _row FROM {relation})",
        f"_row + {header}",
        facts,
        size_bytes=plain.stat().st_size,
        careful=careful_source,
        plain_text=PlainText(plain, dialect.delimiter),
        notes=notes,
    )


def _refuse_long_line(facts: Bytes, place: str) -> None:
    if facts.longest_line > LONGEST_LINE:
        line, size = facts.longest_line_number, facts.longest_line
        message = f"Line {line:,} has {size / 1e6:,.0f} MB; at most {LONGEST_LINE // CHUNK_BYTES} MiB are read."
        fix = "Is this a table with one row a line? Check the line; a line end or a closing quote may be missing."
        raise Refused("line_too_long", message, place=f"{place}:{line}", fix=fix)


def _shape(path: Path, plain: Path, options: ReadOptions) -> tuple[Dialect, tuple[str, ...], tuple[str, ...]]:
    """Dialect, names and notes, from the beginning of the file."""
    text, whole = _beginning(plain)
    if not text.strip("\ufeff\r\n\t "):
        raise Refused("empty_file", "The file is empty.", place=path.name, fix="Give a file with a header and rows.")
    dialect = sniff(text, delimiter=options.delimiter, quote=options.quote)
    rows = _first_rows(text, whole, dialect, path.name)
    if not rows:
        raise Refused("unclosed_quote", "The quote opened on line 1 is not closed.", place=f"{path.name}:1")
    if len(rows) == (1 if options.header else 0) and whole:
        raise Refused("no_rows", "The file has a header and no rows.", place=path.name, fix="Give a file with rows.")
    if options.delimiter is not None and len(rows[0]) == 1:
        _refuse_wrong_delimiter(text, options, path.name)
    return dialect, *_names(rows[0], options, path.name)


def _names(first: list[str], options: ReadOptions, place: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if options.columns is None:
        if not options.header:
            raise Refused("bad_mapping", "`header: false` needs `columns: [...]`.", place="columns", fix="Name them.")
        return header_names(first, place)
    if len(options.columns) != len(first):
        message = f"{len(options.columns)} names are given and the file has {len(first)} columns."
        raise Refused("bad_mapping", message, place="columns", fix=f"The first line is: {', '.join(first)[:200]}")
    refuse_duplicates(options.columns, "columns")
    return options.columns, ()


def _refuse_wrong_delimiter(text: str, options: ReadOptions, place: str) -> None:
    better = sniff(text, quote=options.quote)
    width = max((len(row) for row in islice(rows_of(text.splitlines(keepends=True), better), 1)), default=1)
    if width > 1:
        given = Dialect(options.delimiter or ",").name
        message = f"With the delimiter `{given}` the file has one column; with `{better.name}` it has {width}."
        raise Refused(
            "wrong_delimiter", message, place=f"{place}:1", fix=f"Leave the delimiter out, or give `{better.name}`."
        )


def _beginning(plain: Path) -> tuple[str, bool]:
    """The beginning as whole lines, and whether it is the whole file."""
    with plain.open(encoding="utf-8", errors="replace", newline="") as handle:
        text = handle.read(_SNIFF_CHARACTERS)
        whole = not handle.read(1)
    cut = text.rfind("\n")
    return (text, True) if whole else (text[: cut + 1] if cut >= 0 else text, False)


def _first_rows(text: str, whole: bool, dialect: Dialect, place: str) -> list[list[str]]:
    """The first two rows. A row that the sample cuts off is not told."""
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    rows: list[list[str]] = []
    single = Dialect(dialect.delimiter[0], dialect.quote, dialect.escape)
    try:
        for row in islice(rows_of(lines, single), 2):
            rows.append(row)
    except csv.Error:
        pass  # the pass over the whole file says where
    if len(dialect.delimiter) > 1:
        return [line.rstrip("\r\n").split(dialect.delimiter) for line in lines[:2]]
    return rows


def _read_csv(path: Path, dialect: Dialect, width: int, header: bool) -> str:
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    return (
        f"read_csv({quote_value(str(path))}, columns = {{{columns}}}, auto_detect = false, "
        f"delim = {quote_value(dialect.delimiter)}, quote = {quote_value(dialect.quote)}, "
        f"escape = {quote_value(dialect.escape)}, header = {'true' if header else 'false'})"
    )
