"""Files as they come: checked, unpacked, and read once for their digest and what their bytes tell of their records."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any, NamedTuple, cast

from coterie.errors import Refused
from coterie.kit.progress import Progress

CHUNK_BYTES = 1 << 20
LONGEST_LINE = 16 * CHUNK_BYTES  # a longer line is no row of a table
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def check_file(path: Path) -> None:
    """Raise Refused unless `path` is a file with something in it that can be read."""
    place = str(path)
    if not path.exists():
        near = sorted(p.name for p in path.parent.glob("*")) if path.parent.is_dir() else []
        raise Refused("missing_file", "There is no such file.", place=place, fix=_near(path.name, near))
    if path.is_dir():
        raise Refused("not_a_file", "This is a folder.", place=place, fix="Import its files one by one.")
    try:
        with path.open("rb") as handle:
            first = handle.read(1)
    except OSError as error:
        fix = "Check its permissions."
        raise Refused("unreadable_file", f"The file cannot be read: {error.strerror}.", place=place, fix=fix) from None
    if not first:
        raise Refused("empty_file", "The file is empty.", place=place, fix="Give a file with a header and rows.")


def _near(name: str, known: list[str]) -> str:
    from coterie.errors import did_you_mean

    return did_you_mean(name, known) or "Check the path."


def packing(path: Path) -> str | None:
    """`gzip`, `zstd` or None, by the file's first bytes."""
    with path.open("rb") as handle:
        head = handle.read(4)
    return "gzip" if head[:2] == _GZIP else "zstd" if head == _ZSTD else None


def bare_suffix(path: Path) -> str:
    """The suffix that tells the format, lower case, the packing's left out.

    >>> bare_suffix(Path("orders.CSV.gz")), bare_suffix(Path("a.parquet"))
    ('.csv', '.parquet')
    """
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in (".gz", ".zst", ".gzip", ".zstd"):
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def _unpacked(raw: IO[bytes], kind: str) -> Iterator[IO[bytes]]:
    if kind == "gzip":
        import gzip

        with gzip.open(raw, "rb") as stream:
            yield cast(IO[bytes], stream)
    else:
        import zstandard

        with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=False) as stream:
            yield cast(IO[bytes], stream)


class _Hashing:
    """A binary file that hashes what is read from it and tells the progress."""

    def __init__(self, handle: IO[bytes], progress: Progress | None) -> None:
        self._handle, self._progress, self.sha = handle, progress, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._handle.read(size)
        self.sha.update(data)
        if self._progress is not None:
            self._progress.advance(len(data))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)


def unpack(path: Path, kind: str, target: Path, progress: Progress | None = None) -> str:
    """Unpack a `gzip` or `zstd` file by streaming; returns the SHA-256 of the packed bytes.

    Raises Refused(`damaged_file`): it is cut off or not what its first bytes say.
    """
    with path.open("rb") as handle, target.open("wb") as out:
        raw = _Hashing(handle, progress)
        with _damaged(path), _unpacked(cast(IO[bytes], raw), kind) as stream:
            while True:
                chunk = stream.read(CHUNK_BYTES)
                if not chunk:
                    break
                out.write(chunk)
        while raw.read(CHUNK_BYTES):
            pass  # the digest is of the whole file, whatever follows its last frame
    if not target.stat().st_size:
        raise Refused("empty_file", "The file is empty.", place=str(path), fix="Give a file with a header and rows.")
    return raw.sha.hexdigest()


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    import zlib

    import zstandard

    try:
        yield
    except (EOFError, zlib.error, zstandard.ZstdError) as error:
        told: Exception = error
    except OSError as error:
        if type(error).__name__ != "BadGzipFile":
            raise
        told = error
    else:
        return
    fix = "Copy or pack the file again."
    raise Refused("damaged_file", f"The file cannot be unpacked: {told}.", place=str(path), fix=fix) from None


class Bytes(NamedTuple):
    """What a file's bytes tell.

    newlines, inner_newlines : all, and those inside quotes.
    longest_line, longest_line_number : bytes between two line ends where over a mebibyte, else 0.
    bad_utf8_at : offset of the first byte that is not UTF-8, or None.
    """

    digest: str
    size_bytes: int
    newlines: int
    inner_newlines: int
    ends_with_newline: bool
    longest_line: int
    longest_line_number: int
    bad_utf8_at: int | None

    @property
    def records(self) -> int:
        """Records if every line end outside quotes ends one, the header included."""
        return self.newlines - self.inner_newlines + (0 if self.ends_with_newline else 1)


def count_newlines(content: bytes | memoryview) -> int:
    """Line ends in bytes. In 730 MB of short lines numpy takes 0.23 s, `bytes.count` 0.5 s.

    >>> count_newlines(b"a\\nb\\n")
    2
    """
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(content, dtype=np.uint8) == 10)) if content else 0


class _Reading:
    """The counters of one reading."""

    def __init__(self, quote: str) -> None:
        self._quote = quote.encode()
        self._sha = hashlib.sha256()
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._open_quote = False
        self._size = self._newlines = self._inner = self._line_start = 0
        self._longest = self._longest_number = 0
        self._bad_at: int | None = None
        self._last = b""

    def take(self, chunk: bytes) -> None:
        """Count one chunk."""
        self._sha.update(chunk)
        self._check_utf8(chunk)
        self._measure_lines(chunk)
        if self._quote and (self._open_quote or self._quote in chunk):
            self._inner += self._count_inner(chunk)
        self._newlines += count_newlines(chunk)
        self._size += len(chunk)
        self._last = chunk[-1:]

    def _check_utf8(self, chunk: bytes) -> None:
        pending = self._decoder.getstate()[0]
        if self._bad_at is not None or (chunk.isascii() and not pending):
            return
        try:
            self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            self._bad_at = self._size - len(pending) + error.start

    def _measure_lines(self, chunk: bytes) -> None:
        # Only a line that reaches over a chunk's border can be longer than a chunk.
        first = chunk.find(b"\n")
        end = self._size + (first if first >= 0 else len(chunk))
        if end - self._line_start > max(self._longest, CHUNK_BYTES):
            self._longest, self._longest_number = end - self._line_start, self._newlines + 1
        if first >= 0:
            self._line_start = self._size + chunk.rfind(b"\n") + 1

    def _count_inner(self, chunk: bytes) -> int:
        import numpy as np

        values = np.frombuffer(chunk, dtype=np.uint8)
        # Counted modulo 256: only the parity matters.
        inside = (np.cumsum(values == self._quote[0], dtype=np.uint8) + np.uint8(self._open_quote)) & np.uint8(1)
        self._open_quote = bool(inside[-1])
        return int(np.count_nonzero((values == 10) & (inside == 1)))

    def result(self) -> Bytes:
        """The counts."""
        return Bytes(
            self._sha.hexdigest(),
            self._size,
            self._newlines,
            self._inner,
            self._last == b"\n",
            self._longest,
            self._longest_number,
            self._bad_at if self._bad_at is not None or not self._decoder.getstate()[0] else self._size,
        )


def read_bytes(path: Path, quote: str = '"', stopped: Event | None = None) -> Bytes:
    """Read a file once; what its bytes tell."""
    reading = _Reading(quote)
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK_BYTES):
            if stopped is not None and stopped.is_set():
                break
            reading.take(chunk)
    return reading.result()


class BytesLater:
    """`read_bytes` in a thread of its own, beside the engine's pass: hashing 500 MB takes over a second."""

    def __init__(self, path: Path, quote: str = '"') -> None:
        self._result: Bytes | BaseException | None = None
        self._stopped = Event()
        self._thread = Thread(target=self._run, args=(path, quote), daemon=True)
        self._thread.start()

    def _run(self, path: Path, quote: str) -> None:
        try:
            self._result = read_bytes(path, quote, self._stopped)
        except BaseException as error:
            self._result = error

    def result(self) -> Bytes:
        """Wait for the reading's end."""
        self._thread.join()
        if isinstance(self._result, BaseException):
            raise self._result
        assert self._result is not None, "the thread has ended"
        return self._result

    def stop(self) -> None:
        """Give up; the result is not wanted any more."""
        self._stopped.set()
        self._thread.join()
