"""Publishing processes that tests start, listen to and kill, and the check that all they published is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coterie.engines.duckdb import Engine, scan
from coterie.lake.service import Lake

from .publisher import ROWS


class Publishers:
    """The process that forks publishers, and what they told."""

    def __init__(self, root: Path, process: subprocess.Popen[str]) -> None:
        self.root, self.process = root, process
        self.acknowledged: dict[str, int] = {}
        self.begun: dict[str, int] = {}
        self.pids: dict[str, int] = {}

    def start(self, name: str, first: int = 0, last: int = 1_000_000) -> None:
        """Fork a publisher of the batches `name`-`first` and on."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self.root}\t{name}\t{first}\t{last}\n")
        self.process.stdin.flush()

    def read(self) -> list[str]:
        """The next line that a publisher told."""
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words, "the publishers ended by themselves"
        match words:
            case [name, "pid", pid]:
                self.pids[name] = int(pid)
            case [name, "begin", number]:
                self.begun[name] = int(number)
            case [name, "ack", number, version]:
                assert self.acknowledged.setdefault(f"{name}-{number}", int(version)) == int(version)
        return words

    def wait_for(self, name: str, word: str) -> float:
        """Read until `name` tells `word`; the moment when it did."""
        while self.read()[:2] != [name, word]:
            pass
        return time.monotonic()

    def kill(self, name: str) -> None:
        """Kill one publisher, and wait until it is gone."""
        pid = self.pids.pop(name)
        os.kill(pid, signal.SIGKILL)
        while _lives(pid):
            time.sleep(0.001)

    def drain(self, name: str) -> None:
        """Read what a killed publisher told before its end: an answer told after it marks the end of it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self.root}\t{name}\n")
        self.process.stdin.flush()
        self.wait_for(name, "heard")


def _lives(pid: int) -> bool:
    """Whether any thread of a process is left: its first one may be gone while others still hold the publish lock."""
    folder = Path(f"/proc/{pid}")
    try:
        return ") Z " not in (folder / "stat").read_text() or len(list((folder / "task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def publishers(root: Path) -> Iterator[Publishers]:
    """A process ready to fork publishers; killed with all of them at the end."""
    command = [sys.executable, str(Path(__file__).with_name("publisher.py"))]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
    try:
        yield Publishers(root, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def assert_whole(lake: Lake, engine: Engine, acknowledged: dict[str, int]) -> None:
    """Every batch is whole in every table, versions and row numbers have no gaps, and every acknowledgement holds."""
    version = lake.data_version  # others may go on publishing
    recorded = {b.batch_hash: b.data_version for b in lake.batches() if b.data_version <= version}
    assert list(recorded.values()) == list(range(1, version + 1))
    assert acknowledged.items() <= recorded.items()
    for table, rows in ROWS.items():
        source = scan(lake.files(table, version))
        counted = engine.rows(f"SELECT batch, _batch, count(*) FROM {source} GROUP BY ALL ORDER BY 2")
        assert counted == [(name, number, rows) for name, number in recorded.items()], table
    numbers = engine.rows(f'SELECT "row" FROM {scan(lake.files("entities", version))} ORDER BY 1')
    assert numbers == [(n,) for n in range(ROWS["entities"] * version)]
