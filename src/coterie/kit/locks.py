"""A lock between processes that the operating system gives back when its holder dies."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coterie.errors import Failed


@contextmanager
def exclusive(path: Path, wait_seconds: float) -> Iterator[None]:
    """Hold the lock file `path` alone; wait for another holder at most `wait_seconds`.

    Raises Failed(`locked`): another process held it all that time.
    """
    with path.open("a") as handle:
        _acquire(handle.fileno(), path, wait_seconds)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def _acquire(descriptor: int, path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                fix = "Wait until the other process is done, or raise the setting `lock_wait_seconds`."
                raise Failed("locked", "Another process is publishing.", place=path.name, fix=fix) from None
            time.sleep(0.005)
