"""Progress: what is shown, and the places where cancelling is noticed."""

from __future__ import annotations

import threading

import pytest

from coterie.errors import Cancelled
from coterie.kit.progress import Progress


class Recorder(Progress):
    """Keeps what was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, float | None, str, float]] = []

    def shown(self) -> None:
        self.seen.append((self.name, self.total, self.unit, self.done))


def test_stages_and_amounts_are_shown() -> None:
    progress = Recorder()
    with progress.stage("Reading", 10, "rows"):
        progress.advance(4)
        progress.advance(2.5)
    with progress.stage("Looking"):
        progress.advance(1)
    assert progress.seen == [
        ("Reading", 10, "rows", 0),
        ("Reading", 10, "rows", 4),
        ("Reading", 10, "rows", 6.5),
        ("Reading", 10, "rows", 10),
        ("Looking", None, "", 0),
        ("Looking", None, "", 1),
        ("Looking", None, "", 1),
    ]


def test_seconds_left() -> None:
    progress = Progress()
    assert progress.seconds_left is None
    with progress.stage("Reading", 10):
        assert progress.seconds_left is None
        progress.started -= 6
        progress.advance(3)
        assert progress.seconds_left == pytest.approx(14, abs=1)
        progress.advance(7)
        assert progress.seconds_left == pytest.approx(0, abs=0.1)
    with progress.stage("Looking"):
        progress.advance(1)
        assert progress.seconds_left is None


def test_cancelling_is_noticed_at_every_step() -> None:
    progress = Recorder()
    with pytest.raises(Cancelled), progress.stage("Reading", 10):
        threading.Thread(target=progress.cancel).start()
        for _ in range(10_000_000):
            progress.advance(0)
    assert progress.seen[-1] == ("Reading", 10, "", 0)  # not shown as done
    with pytest.raises(Cancelled):
        progress.check()
    with pytest.raises(Cancelled), progress.stage("Next"):
        pass
