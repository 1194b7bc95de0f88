"""What is known of rows that were claimed when a process was killed: only by the machine and for the file it was at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from coterie.campaigns import marks
from coterie.campaigns.outbox import ATTEMPTING, PENDING, Entry, Open, Outbox


def _claimed(path: Path) -> Outbox:
    """Four rows, three of them claimed: not begun, begun, taken."""
    box = Outbox.create(path, [(n, 10 + n, PENDING, 0.0) for n in range(4)])
    made = box.marks()
    box.write([], [0, 1, 2], "b")
    made.begin(1)
    made.begin(2)
    made.take(2, 7.0)
    made.close()
    return box


def test_what_was_begun_is_in_doubt_unless_it_was_taken(tmp_path: Path) -> None:
    box = _claimed(tmp_path / "outbox.sqlite")
    assert box.open_rows() == Open(pending=2, deferred=0, attempting=2)
    assert box.not_ended() == [(10, PENDING), (11, ATTEMPTING), (12, ATTEMPTING), (13, PENDING)]
    assert [box.of_row(row, 0)[0] for row in (10, 11)] == [PENDING, ATTEMPTING]
    box.settle()
    assert [row.n for row in box.cut_off()["b"]] == [1] and box.open_rows() == Open(2, 0, 1)
    assert box.of_row(12, 0)[1] == [Entry(12, "sent", 7.0)]
    assert not marks.path_of(box.path).exists()
    box.close()


@pytest.mark.parametrize("what", ["copied", "restarted", "no such thing"])
def test_elsewhere_or_later_everything_that_was_claimed_is_in_doubt(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _claimed(tmp_path / "outbox.sqlite").close()
    folder = tmp_path
    if what == "copied":
        folder = tmp_path / "copy"
        folder.mkdir()
        for file in tmp_path.glob("outbox*"):
            shutil.copy2(file, folder)
    else:
        boot = tmp_path / "boot"
        if what == "restarted":
            boot.write_text("another start of the machine")
        monkeypatch.setattr(marks, "_BOOT", boot)
    box = Outbox(folder / "outbox.sqlite")
    assert box.open_rows() == Open(pending=1, deferred=0, attempting=3)
    box.settle()
    assert [row.n for row in box.cut_off()["b"]] == [0, 1, 2] and box.tally() == []
    assert not marks.path_of(box.path).exists()
    box.close()
