"""Progress of long work: stages, amounts, rate and time left, and the place where cancelling is noticed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from coterie.errors import Cancelled


class Progress:
    """Receives the progress of one piece of work; this base class shows nothing and only notices cancelling.

    A service takes `progress: Progress | None = None`, puts `with progress.stage("Reading", total, "rows")` around a
    step and calls `advance(n)` inside it. `advance` raises `Cancelled` once `cancel()` was called from any thread.

    >>> quiet = Progress()
    >>> with quiet.stage("Reading", total=10, unit="rows"):
    ...     quiet.advance(4)
    >>> quiet.cancel(); quiet.advance(1)
    Traceback (most recent call last):
    coterie.errors.Cancelled: `cancelled`: Stopped.
    """

    def __init__(self) -> None:
        self._cancelled = Event()
        self.name, self.total, self.unit, self.done = "", None, "", 0.0  # type: str, float | None, str, float
        self.started = time.monotonic()

    @contextmanager
    def stage(self, name: str, total: float | None = None, unit: str = "") -> Iterator[None]:
        """One step of the work; `total` in `unit` where it is known."""
        self.check()
        self.name, self.total, self.unit, self.done, self.started = name, total, unit, 0.0, time.monotonic()
        self.shown()
        yield
        if total is not None:
            self.done = total
        self.shown()

    def advance(self, amount: float) -> None:
        """`amount` more of the stage's unit is done."""
        self.check()
        self.done += amount
        self.shown()

    def check(self) -> None:
        """Raise `Cancelled` if someone asked to stop."""
        if self._cancelled.is_set():
            raise Cancelled()

    def cancel(self) -> None:
        """Ask the work to stop at its next step; safe from any thread."""
        self._cancelled.set()

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the stage ends at the rate so far; None while that cannot be told."""
        if not self.total or not self.done:
            return None
        return (time.monotonic() - self.started) * (self.total / self.done - 1)

    def shown(self) -> None:
        """Called at every change; the doors override it to draw."""
