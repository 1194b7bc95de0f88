"""Which claimed rows of an outbox were begun, and which were taken: noted where a killed process leaves it.

A disk takes milliseconds to confirm a commit, so rows are claimed many at a time, ahead of their hand-over. Which of
them had really begun when the process was killed stands here, in a file that is mapped into memory: what was written
into it stays, however the process ends. It does not outlive the machine's going down. So it counts only as long as the
machine has not been started again, and beside the very file it was made for; else nothing is known, and every row that
was claimed is in doubt.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from coterie.kit.disk import disk_errors

_BOOT = Path("/proc/sys/kernel/random/boot_id")  # a new one each time the machine starts
_HEAD, _WIDTH, _STEP = 128, 8, 1 << 20
_NOT_BEGUN, _BEGUN = 0.0, -1.0


class Marks:
    """A number for each row: 0 not begun, -1 begun, else when it was taken, in seconds since 1970.

    >>> import tempfile
    >>> box = Path(tempfile.mkdtemp()) / "outbox.sqlite"
    >>> box.touch()
    >>> made = Marks.fresh(box, "token", 3)
    >>> made.begin(1); made.begin(2); made.take(2, 5.0); made.close()
    >>> left = Marks.left(box, "token")
    >>> [(left.begun(n), left.taken(n)) for n in range(3)]
    [(False, None), (True, None), (True, 5.0)]
    >>> left.close(); Marks.left(box, "of another outbox")
    """

    def __init__(self, path: Path, *, writing: bool) -> None:
        with path.open("rb+" if writing else "rb") as handle:
            access = mmap.ACCESS_WRITE if writing else mmap.ACCESS_READ
            self._mapped = mmap.mmap(handle.fileno(), 0, access=access)
        self._numbers = memoryview(self._mapped)[_HEAD:].cast("d")

    @classmethod
    def fresh(cls, box: Path, token: str, rows: int) -> Marks:
        """Marks for the rows 0 to `rows` - 1 of an outbox, none of them begun."""
        path = path_of(box)
        staged = path.with_name(f"{path.name}.part")
        left = rows * _WIDTH
        with disk_errors():
            with staged.open("wb") as handle:
                handle.write(_head(box, token))
                while left > 0:  # written out, not left sparse: a full disk shows here and not at a mark
                    left -= handle.write(bytes(min(left, _STEP)))
            staged.replace(path)
            return cls(path, writing=True)

    @classmethod
    def left(cls, box: Path, token: str) -> Marks | None:
        """What the last process that worked on an outbox left; None where nothing is known."""
        try:
            made = cls(path_of(box), writing=False)
        except FileNotFoundError:
            return None
        if _BOOT.exists() and made._mapped[:_HEAD] == _head(box, token):
            return made
        made.close()
        return None

    def clear(self, n: int) -> None:
        """A row is about to be claimed: what an earlier try left does not count."""
        self._numbers[n] = _NOT_BEGUN

    def begin(self, n: int) -> None:
        """The hand-over of a row begins."""
        self._numbers[n] = _BEGUN

    def take(self, n: int, at: float) -> None:
        """A row was taken."""
        self._numbers[n] = at

    def begun(self, n: int) -> bool:
        """Whether the hand-over of a row had begun."""
        return n >= len(self._numbers) or self._numbers[n] != _NOT_BEGUN

    def taken(self, n: int) -> float | None:
        """When a row was taken; None where that is not known."""
        at = self._numbers[n] if n < len(self._numbers) else _BEGUN
        return at if at > 0 else None

    def close(self) -> None:
        """Give the file back."""
        self._numbers.release()
        self._mapped.close()


def path_of(box: Path) -> Path:
    """Where the marks of an outbox lie; backups leave this file out."""
    return box.with_name(f"{box.name}-marks")


def forget(box: Path) -> None:
    """Everything that the marks say has been written down: they are not needed any more."""
    with disk_errors():
        path_of(box).unlink(missing_ok=True)


def _head(box: Path, token: str) -> bytes:
    """The running machine, the file and its outbox: a copy is another file, whose rows others may have handed over."""
    boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
    file = box.stat()
    return f"{boot} {file.st_dev}:{file.st_ino} {token}".encode().ljust(_HEAD)[:_HEAD]
