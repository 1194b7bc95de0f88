"""Stages in a process of their own: results, errors, progress, a cancel, and the end of the worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tests.jobs.program
from tests.jobs.test_jobs import Place, first_line

from coterie.errors import Cancelled, NotFound
from coterie.jobs.apart import run_apart
from coterie.kit.progress import Progress

assert tests.jobs.program  # it registers the jobs


def program(folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.jobs.program", str(folder), "stage"]


def stage(folder: Path, job: str, given: Mapping[str, Any], progress: Progress | None = None) -> dict[str, Any]:
    return run_apart(program(folder), job, given, progress or Progress())


def notes(folder: Path) -> list[str]:
    file = folder / "notes.txt"
    return [line.split(" ", 1)[1] for line in file.read_text().splitlines()] if file.exists() else []


def test_a_stage_apart_is_another_process_of_lower_rank(tmp_path: Path) -> None:
    shown: list[tuple[str, float, float | None]] = []

    class Shown(Progress):
        def shown(self) -> None:
            shown.append((self.name, self.done, self.total))

    told = stage(tmp_path, "tests.apart", {}, Shown())
    assert (
        told["process"] != os.getpid() and told["nice"] >= min(os.nice(0) + 10, 19) and told["folder"] == str(tmp_path)
    )
    assert not told["group"] or told["group"].endswith(" nice 10\n"), "its session gives way, too"
    assert shown[0] == ("telling", 0.0, 2.0)


def test_errors_of_a_stage_apart_are_those_of_any_stage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotFound) as raised:
        stage(tmp_path, "tests.apart", {"raise": "refused"})
    expected = {"code": "unknown_name", "message": "There is no such shop.", "place": "shop", "fix": "Look again."}
    assert raised.value.as_dict() == expected
    with pytest.raises(RuntimeError, match="KeyError: 'shop'"):
        stage(tmp_path, "tests.apart", {"raise": "fault"})
    assert "Traceback" in capfd.readouterr().err
    with pytest.raises(RuntimeError, match="ended with -9"):
        stage(tmp_path, "tests.apart", {"raise": "killed"})


def test_a_cancelled_stage_apart_ends_itself(tmp_path: Path) -> None:
    class Stopped(Progress):
        def shown(self) -> None:
            if self.done:
                raise Cancelled

    begun = time.monotonic()
    with pytest.raises(Cancelled):
        stage(tmp_path, "tests.slow", {"number": 0, "seconds": 30}, Stopped())
    assert notes(tmp_path) == ["begin 0"] and time.monotonic() - begun < 20


def test_a_stage_apart_ends_with_its_worker(tmp_path: Path) -> None:
    child = subprocess.Popen(program(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write(json.dumps({"job": "tests.slow", "stage": {"number": 0, "seconds": 30}}) + "\n")
    child.stdin.flush()
    assert json.loads(child.stdout.readline())["progress"]["name"] == "waiting"
    child.stdin.close()  # as the system does with the pipes of a process that was killed
    assert child.wait(10) == 1 and notes(tmp_path) == ["begin 0"]
    child.stdout.close()


def test_the_worker_runs_such_jobs_apart(tmp_path: Path) -> None:
    place = Place(tmp_path)
    try:
        worker = place.worker()
        assert first_line(worker) == "True"
        told, failed = (place.jobs.enqueue("tests.apart", given) for given in ({}, {"raise": "refused"}))
        place.wait(lambda: {place.jobs.get(j).state for j in (told, failed)} == {"completed", "failed"})
        result, error = place.jobs.get(told).result, place.jobs.get(failed).error
        assert result is not None and result["process"] not in (os.getpid(), worker.pid)
        assert error is not None and (error["code"], error["place"]) == ("unknown_name", "shop")
        assert [line.name for line in place.jobs.log(told) if line.what == "note"] == ["telling"]
    finally:
        place.close()
