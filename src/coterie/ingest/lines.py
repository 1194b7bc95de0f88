"""On which line of a text file a record stands, found by its bytes."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path

from coterie.ingest.readers.files import CHUNK_BYTES, count_newlines


def find_lines(path: Path, delimiter: str, records: Sequence[Sequence[str | None]]) -> list[int] | None:
    """The lines of records, in their order, or None where one is not written plainly (a quote, a padded cell).

    Equal records get different lines. Searching 500 MB takes 0.2 to 0.4 s a record; numbering all rows takes 2.2 s.
    """
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        offsets: list[int] = []
        for record in records:
            if any(c is not None and ("\0" in c or "\n" in c) for c in record):
                return None
            wanted = delimiter.join(c or "" for c in record).encode()
            offset = _whole_line(content, wanted, set(offsets)) if wanted else None
            if offset is None:
                return None
            offsets.append(offset)
        return _line_numbers(content, offsets)


def _whole_line(content: mmap.mmap, wanted: bytes, taken: set[int]) -> int | None:
    start = 0
    while (at := content.find(wanted, start)) >= 0:
        before, after = content[at - 1 : at] if at else b"\n", content[at + len(wanted) : at + len(wanted) + 1]
        if before == b"\n" and after in (b"\n", b"\r", b"") and at not in taken:
            return at
        start = at + 1
    return None


def _line_numbers(content: mmap.mmap, offsets: Sequence[int]) -> list[int]:
    numbers, line, at = {}, 1, 0
    with memoryview(content) as view:
        for offset in sorted(offsets):
            while at < offset:
                upto = min(offset, at + CHUNK_BYTES)
                with view[at:upto] as part:
                    line += count_newlines(part)
                at = upto
            numbers[offset] = line
    return [numbers[offset] for offset in offsets]
