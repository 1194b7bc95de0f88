"""Locks between processes: one holder at a time, given back by the system when it dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from coterie.errors import Failed
from coterie.kit.locks import exclusive

HOLDER = """
import sys, time
from pathlib import Path
from coterie.kit.locks import exclusive
with exclusive(Path(sys.argv[1]), 10):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(path: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path), str(seconds)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_held_elsewhere_is_waited_for_and_then_refused(tmp_path: Path) -> None:
    with holder(tmp_path / "x.lock", 60) as other:
        started = time.monotonic()
        with pytest.raises(Failed, match=r"`locked` at `x.lock`: Another process is publishing\. Wait until"):
            with exclusive(tmp_path / "x.lock", 0.2):
                pass
        assert time.monotonic() - started >= 0.2
        other.kill()
        other.communicate()


def test_a_killed_holder_gives_the_lock_back(tmp_path: Path) -> None:
    with holder(tmp_path / "x.lock", 60) as other:
        threading.Timer(0.2, other.send_signal, [signal.SIGKILL]).start()
        with exclusive(tmp_path / "x.lock", 30):
            assert other.wait(5) == -signal.SIGKILL
        other.communicate()


def test_a_holder_that_ends_lets_the_next_one_in(tmp_path: Path) -> None:
    with holder(tmp_path / "x.lock", 0.3) as other:
        with exclusive(tmp_path / "x.lock", 30):
            pass
        assert other.wait(5) == 0


def test_an_error_inside_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "x.lock", 0):
        raise ZeroDivisionError
    with exclusive(tmp_path / "x.lock", 0):
        pass


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    inside, most = [], []

    def work() -> None:
        for _ in range(20):
            with exclusive(tmp_path / "x.lock", 30):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 80
