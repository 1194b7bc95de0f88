"""Jobs survive a killed worker, are done once, and stop when asked to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tests.jobs.program
from tests.shop import make_shop, run

from coterie.errors import NotFound, Refused
from coterie.jobs.service import Jobs

assert tests.jobs.program  # it registers the job


class Place:
    """A folder with a queue, and the workers started on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.jobs = folder, Jobs(f"sqlite:///{folder / 'jobs.sqlite'}", folder)
        self.workers: list[subprocess.Popen[str]] = []

    def worker(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.jobs.program", str(self.folder), "60"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.workers.append(process)
        return process

    def notes(self) -> list[str]:
        file = self.folder / "notes.txt"
        return file.read_text().splitlines() if file.exists() else []

    def wait(self, what: Callable[[], bool], seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until, self.notes()
            time.sleep(0.05)

    def close(self) -> None:
        for process in self.workers:
            process.kill()
            process.communicate()
        self.jobs.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_killed_worker_and_the_next_one_do_each_stage_once(place: Place) -> None:
    first = place.worker()
    assert first_line(first) == "True"
    id_ = place.jobs.enqueue("tests.slow", {"stages": 3, "seconds": 1.5})
    place.wait(lambda: any(n.endswith("begin 1") for n in place.notes()))
    row = place.jobs.get(id_)
    assert (row.job, row.state, row.arguments) == ("tests.slow", "running", {"stages": 3, "seconds": 1.5})
    first.kill()
    first.wait()
    second = place.worker()
    assert first_line(second) == "True"
    place.wait(lambda: place.jobs.get(id_).state == "completed")
    assert place.jobs.get(id_).result == {"stages": 3}
    words = [n.split(" ", 1)[1] for n in place.notes()]
    # The stage that was under way is begun again; those before it are not.
    assert words == ["plan", "begin 0", "end 0", "begin 1", "begin 1", "end 1", "begin 2", "end 2"]


def test_there_is_one_worker(place: Place) -> None:
    assert first_line(place.worker()) == "True"
    assert first_line(place.worker()) == "False"


def test_progress_cancel_and_going_on(place: Place) -> None:
    assert first_line(place.worker()) == "True"
    id_ = place.jobs.enqueue("tests.slow", {"stages": 2, "seconds": 4})
    place.wait(lambda: place.jobs.get(id_).progress is not None)
    progress = place.jobs.get(id_).progress
    assert progress is not None and (progress["stage"], progress["stages"], progress["unit"]) == (1, 2, "s")
    place.wait(lambda: (place.jobs.get(id_).progress or {}).get("seconds_left") is not None)
    place.jobs.cancel(id_)
    assert place.jobs.get(id_).state == "cancelled"
    time.sleep(2)
    assert not any(n.endswith("end 0") for n in place.notes())  # it stopped within the stage
    with pytest.raises(Refused, match="`job_ended`"):
        place.jobs.cancel(id_)
    again = place.jobs.retry(id_).id
    place.wait(lambda: place.jobs.get(again).state == "completed")
    with pytest.raises(Refused, match="`job_running`"):
        place.jobs.retry(again)


def test_the_same_key_makes_one_job_and_unknown_ones_are_refused(place: Place) -> None:
    given = {"stages": 1, "seconds": 0.1}
    first, second = (place.jobs.enqueue("tests.slow", given, key="k") for _ in range(2))
    assert first == second
    assert [(r.id, r.state) for r in place.jobs.rows()] == [(first, "waiting")]
    with pytest.raises(NotFound, match='There is no job "tests.slw". Did you mean "tests.slow"'):
        place.jobs.enqueue("tests.slw", {})
    with pytest.raises(NotFound):
        place.jobs.get("nothing")


def test_an_error_is_told_as_anywhere(place: Place) -> None:
    assert first_line(place.worker()) == "True"
    id_ = place.jobs.enqueue("tests.slow", {"stages": 1})
    place.wait(lambda: place.jobs.get(id_).state == "failed")
    error = place.jobs.get(id_).error
    assert error is not None and (error["code"], error["message"]) == ("internal", "KeyError: 'seconds'")


def test_schedules(place: Place) -> None:
    given = {"stages": 1, "seconds": 0.05}
    place.jobs.schedule("often", "tests.slow", given, cron="* * * * * *", zone="Asia/Shanghai")
    assert first_line(place.worker()) == "True"
    place.wait(lambda: any(r.state == "completed" for r in place.jobs.rows()))
    (row,) = place.jobs.schedules()
    assert (row.name, row.job, row.arguments, row.cron, row.zone) == (
        "often", "tests.slow", given, "* * * * * *", "Asia/Shanghai",
    )  # fmt: skip
    assert place.jobs.unschedule("often") and not place.jobs.unschedule("often")
    assert place.jobs.schedules() == []


def test_a_detached_refresh_is_done_by_the_command_where_no_worker_runs(tmp_path: Path) -> None:
    make_shop(tmp_path)
    run(tmp_path, "-w", "ws", "audience", "save", "loyal", "--rule", "loyal.json")
    program = str(Path(sys.executable).with_name("coterie"))
    words = [program, "-w", "ws", "audience", "refresh", "loyal", "--detach", "--json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    row = json.loads(done.stdout)
    assert (row["job"], row["state"], row["result"]["count"]) == ("audiences.refresh", "completed", 3)
    listed = json.loads(
        subprocess.run(
            [program, "-w", "ws", "job", "list", "--json"], cwd=tmp_path, capture_output=True, check=True
        ).stdout
    )
    assert [r["id"] for r in listed["jobs"]] == [row["id"]]
