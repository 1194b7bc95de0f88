"""Disk errors as people see them, and scratch folders."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from coterie.errors import Failed
from coterie.kit.disk import disk_errors, disk_room, own_folder, sweep


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Quota exceeded"), "disk_full"),
        (OSError("Unable to copy data to file\n No space left on device (os error 28)"), "disk_full"),
        (sqlite3.OperationalError("database or disk is full"), "disk_full"),
        (OSError(errno.EROFS, "Read-only file system"), "read_only"),
        (PermissionError(errno.EACCES, "Permission denied"), "read_only"),
        (OSError("Generic error: Permission denied (os error 13)"), "read_only"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "read_only"),
        (sqlite3.OperationalError("unable to open database file"), "read_only"),
        (sqlite3.DatabaseError("file is not a database"), "damaged"),
        (sqlite3.DatabaseError("database disk image is malformed"), "damaged"),
    ],
)
def test_errors_of_the_disk_are_told(error: Exception, code: str) -> None:
    with pytest.raises(Failed) as caught, disk_errors():
        raise error
    assert caught.value.code == code
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(errno.ENOENT, "No such file"), OSError("odd"), sqlite3.IntegrityError("x"), KeyError("x")],
)
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, disk_errors():
        raise error
    assert caught.value is error


def test_room(tmp_path: Path) -> None:
    disk_room(tmp_path, 1)
    with pytest.raises(Failed, match=r"`disk_full`.*MB are needed and"):
        disk_room(tmp_path, 10**18)


def test_own_folders_go_with_their_process(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from coterie.kit.disk import own_folder
with own_folder(Path(sys.argv[1])) as folder:
    (folder / "x").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    (dead,) = tmp_path.iterdir()
    with own_folder(tmp_path) as living:
        assert sweep(tmp_path) == 0  # too young to be sure
        for folder in (dead, living):
            os.utime(folder, (0, 0))
        (tmp_path / "other").mkdir()
        assert sweep(tmp_path) == 1
        assert sorted(tmp_path.iterdir()) == sorted([living, tmp_path / "other"])
    assert not living.exists()
    assert sweep(tmp_path / "none") == 0
