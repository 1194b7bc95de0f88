"""A worker process of its own: `python -m tests.jobs.program FOLDER SECONDS`; its job writes a line a stage.

With `stage` for the seconds it is the program that runs one stage apart.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coterie.errors import NotFound
from coterie.jobs.apart import serve_stage
from coterie.jobs.registry import Arguments, Job, one_stage, register
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


def _tell(folder: Path, stage: Arguments, progress: Progress) -> dict[str, Any]:
    """Say which process this is and how it is ranked, or raise what is asked for."""
    sys.stdout.write("a library's own words\n")
    match stage.get("raise"):
        case "refused":
            raise NotFound("unknown_name", "There is no such shop.", place="shop", fix="Look again.")
        case "fault":
            raise KeyError("shop")
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
    with progress.stage("telling", 2, "words"):
        progress.advance(1)
    group = Path("/proc/self/autogroup")
    told = group.read_text(encoding="ascii") if group.exists() else ""
    return {"process": os.getpid(), "nice": os.nice(0), "group": told, "folder": str(folder)}


register(Job("tests.slow", _plan, _run, lambda results: {"stages": len(results)}))
one_stage("tests.apart", _tell, apart=True)


def main(folder: Path, seconds: str) -> None:
    @contextmanager
    def opening() -> Iterator[Path]:
        yield folder

    if seconds == "stage":
        serve_stage(opening, 10)
        return
    from coterie.jobs.worker import working

    apart = [sys.executable, "-m", "tests.jobs.program", str(folder), "stage"]
    with working(folder, f"sqlite:///{folder / 'jobs.sqlite'}", opening, apart) as mine:
        sys.stdout.write(f"{mine}\n")
        sys.stdout.flush()
        time.sleep(float(seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
