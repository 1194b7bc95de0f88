"""The encoding of a text file: found from its bytes, then the whole file written again as UTF-8 by streaming."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from coterie.errors import Refused
from coterie.ingest.readers.files import CHUNK_BYTES
from coterie.kit.progress import Progress

SAMPLE_BYTES = 1 << 18
# What is told apart where a file is not UTF-8. GB18030 contains GBK; CP1252 is Latin-1 with the euro and the quotes.
_CANDIDATES = ["gb18030", "big5", "cp1252"]
_FIX = "Give `encoding: NAME` in a mapping file, such as `gbk`, `latin-1` or `big5`."


def first_guess(path: Path) -> str:
    """`utf-8`, or the encoding that the file's mark or its first mebibyte tells.

    A file whose first bad byte comes later is found out by `read_bytes`, and `whole_file` then judges it.
    """
    with path.open("rb") as handle:
        head = handle.read(CHUNK_BYTES)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head[:4096]:
        raise Refused("unknown_format", "This is no text file.", place=path.name, fix=_formats())
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
    except UnicodeDecodeError:
        return whole_file(path)
    return "utf-8"


def _formats() -> str:
    return "Import CSV, TSV, JSON lines, .xlsx or Parquet, plain or packed as .gz or .zst, or a database table."


class _Lines(NamedTuple):
    """Lines that are not plain ASCII, judged: how many can only be UTF-8, the first bad ones, and where they begin."""

    utf8: int
    bad_line: int
    utf8_line: int
    bad: bytes


def whole_file(path: Path) -> str:
    """The encoding of a file that is not UTF-8.

    Raises Refused: `mixed_encoding` where some lines are UTF-8 and others are not, or the encoding found does not hold
    to the end.
    """
    lines = _judge(path)
    if lines.utf8:
        first, second = sorted((lines.utf8_line, lines.bad_line))
        kinds = ("UTF-8", "not UTF-8") if first == lines.utf8_line else ("not UTF-8", "UTF-8")
        message = f"The file mixes encodings: line {first:,} is {kinds[0]}, line {second:,} is {kinds[1]}."
        fix = "Save the file in one encoding, UTF-8 for choice."
        raise Refused("mixed_encoding", message, place=f"{path.name}:{lines.bad_line}", fix=fix)
    encoding = _closest(lines.bad)
    for _ in _decoded(path, encoding, path.name):
        pass  # read to the end: a byte that does not fit raises
    return encoding


def _judge(path: Path) -> _Lines:
    utf8 = utf8_line = bad_line = 0
    bad = bytearray()
    with path.open("rb") as handle:
        for number, line in enumerate(_physical_lines(handle), 1):
            if line.isascii():
                continue
            try:
                text = line.decode()
            except UnicodeDecodeError:
                bad_line = bad_line or number
                if len(bad) < SAMPLE_BYTES:
                    bad += line
                continue
            if _surely_utf8(text):
                utf8 += 1
                utf8_line = utf8_line or number
    return _Lines(utf8, bad_line, utf8_line, bytes(bad))


def _physical_lines(handle: object) -> Iterator[bytes]:
    """Lines, none read further than a mebibyte at once."""
    while line := handle.readline(CHUNK_BYTES):  # type: ignore[attr-defined]
        yield line


def _surely_utf8(text: str) -> bool:
    """Two characters beyond U+07FF: in another encoding such bytes would be UTF-8 by chance less than once in a thousand.

    A single short sequence may be: C2 to DF and 80 to BF is also a GBK character.
    """
    return sum(1 for c in text if c > "\u07ff") >= 2


def _closest(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    found = from_bytes(sample, cp_isolation=_CANDIDATES)
    ranked = sorted(found, key=lambda m: (round(m.chaos, 2), -round(m.coherence, 2), _CANDIDATES.index(m.encoding)))
    if ranked and not (ranked[0].encoding != "cp1252" and _alone(sample) > 0.3):
        return ranked[0].encoding
    return "cp1252" if _fits(sample, "cp1252") else "latin-1"


def _alone(sample: bytes) -> float:
    """Share of high bytes with no high byte beside them: near 1 in Western text, near 0 in Chinese."""
    high = [b >= 0x80 for b in sample]
    total = sum(high)
    alone = sum(
        1
        for i, is_high in enumerate(high)
        if is_high and not (i and high[i - 1]) and not (i + 1 < len(high) and high[i + 1])
    )
    return alone / total if total else 0.0


def _fits(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def known_encoding(name: str) -> str:
    """The codec of a name that a person gave. Raises Refused."""
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise Refused("bad_mapping", f'"{name}" is no encoding.', place="encoding", fix=_FIX) from None


def _decoded(path: Path, encoding: str, place: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    newlines = 0
    with path.open("rb") as handle:
        while True:
            chunk = handle.read(CHUNK_BYTES)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = newlines + error.object[: error.start].count(b"\n") + 1
                message = f"Line {line:,} is not {encoding}, as the lines before it are."
                raise Refused("mixed_encoding", message, place=f"{place}:{line}", fix=_FIX) from None
            newlines += text.count("\n")
            if text:
                yield text
            if not chunk:
                return


def transcode(path: Path, encoding: str, target: Path, place: str, progress: Progress | None = None) -> None:
    """Write a file again as UTF-8, by streaming. Raises Refused(`mixed_encoding`), naming the line that does not fit."""
    with target.open("w", encoding="utf-8", newline="") as out:
        for text in _decoded(path, encoding, place):
            out.write(text)
            if progress is not None:
                progress.advance(len(text))
