"""A worker process of its own: `python -m tests.jobs.program FOLDER SECONDS`; its job writes a line a stage."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coterie.jobs.registry import Arguments, Job, register
from coterie.kit.progress import Progress


def _plan(folder: Path, given: Arguments) -> list[dict[str, Any]]:
    _note(folder, "plan")
    return [{"number": n, "seconds": given["seconds"]} for n in range(given["stages"])]


def _run(folder: Path, stage: Arguments, progress: Progress) -> dict[str, Any]:
    _note(folder, f"begin {stage['number']}")
    with progress.stage("waiting", stage["seconds"], "s"):
        for _ in range(int(stage["seconds"] * 20)):
            time.sleep(0.05)
            progress.advance(0.05)
    _note(folder, f"end {stage['number']}")
    return {"number": stage["number"]}


def _note(folder: Path, words: str) -> None:
    with (folder / "notes.txt").open("a") as handle:
        handle.write(f"{os.getpid()} {words}\n")


register(Job("tests.slow", _plan, _run, lambda results: {"stages": len(results)}))


def main(folder: Path, seconds: float) -> None:
    from coterie.jobs.worker import working

    @contextmanager
    def opening() -> Iterator[Path]:
        yield folder

    with working(folder, f"sqlite:///{folder / 'jobs.sqlite'}", opening) as mine:
        sys.stdout.write(f"{mine}\n")
        sys.stdout.flush()
        time.sleep(seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
