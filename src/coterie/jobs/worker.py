"""The worker: the one process of a workspace that runs jobs.

It holds an operating-system lock, and alone calls `DBOS.launch()`: a second process that launches under the same
executor would run the stages again that are in flight (seen with DBOS 3.4).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, SetEnqueueOptions

from coterie.errors import Cancelled, CoterieError, Failed
from coterie.jobs.apart import run_apart
from coterie.jobs.registry import find_job
from coterie.jobs.service import APPLICATION, ERROR, NOTES, PROGRESS, QUEUE, TICK, WORKFLOW
from coterie.kit.locks import exclusive
from coterie.kit.moments import now
from coterie.kit.progress import Progress

Opening = Callable[[], AbstractContextManager[Any]]
_AT_ONCE = 2  # jobs that run side by side
_MOST_NOTES = 200  # of a stage's log
_EVERY_SECONDS = 1.0  # between two notes of progress, and two looks for a cancel
_opening: list[Opening] = []  # of the workspace that this process works for; workflows are registered once a process
_apart: list[Sequence[str]] = []  # the program that runs a stage of it in another process; none runs all in this one


@contextmanager
def working(folder: Path, url: str, opening: Opening, apart: Sequence[str] = ()) -> Iterator[bool]:
    """Be the worker for the block, if no other process is; gives whether it is.

    folder : the workspace's, with the lock; url : of the queue; opening : opens the workspace for a stage.
    apart : the program that runs a stage in a process of its own (see `jobs.apart`); without it all run in this one.
    Jobs that a killed worker left go on where they stopped.
    """
    try:
        lock = exclusive(folder / "worker.lock", 0)
        lock.__enter__()
    except Failed as error:
        if error.code != "locked":
            raise
        yield False
        return
    try:
        _opening[:], _apart[:] = [opening], [apart] if apart else []
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": url,
            "application_version": package_version("coterie"),
            "log_level": "ERROR",
        }
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=_AT_ONCE, polling_interval_sec=0.3)
        yield True
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=1)
        lock.__exit__(None, None, None)


@DBOS.workflow(name=WORKFLOW)
def _job(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    job = find_job(name)
    stages = DBOS.run_step({"name": "plan"}, _plan, name, arguments)
    results = [
        DBOS.run_step({"name": f"{n} of {len(stages)}"}, _stage, name, stage, n, len(stages))
        for n, stage in enumerate(stages, 1)
    ]
    return job.close(results)


@DBOS.workflow(name=TICK)
def _tick(_when: Any, context: Mapping[str, Any]) -> None:
    if not DBOS.run_step({"name": "look"}, _plan, context["job"], context["arguments"]):
        return  # a job that finds nothing to do would only fill the list
    # While the one before waits or runs, no second one is made.
    key = f"{context['job']} {json.dumps(context['arguments'], sort_keys=True)}"
    with SetEnqueueOptions(deduplication_id=key, duplication_policy="return-existing"):
        DBOS.enqueue_workflow(QUEUE, _job, context["job"], context["arguments"])


def _plan(name: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    with _told(), _opening[0]() as ws:
        return find_job(name).plan(ws, arguments)


def _stage(name: str, stage: Mapping[str, Any], number: int, of: int) -> dict[str, Any]:
    noted, job = Noted(number, of), find_job(name)
    with _told():
        try:
            if job.apart and _apart:
                return run_apart(_apart[0], name, stage, noted)
            with _opening[0]() as ws:
                return job.run(ws, stage, noted)
        finally:
            noted.write_notes()


@contextmanager
def _told() -> Iterator[None]:
    """Keep an error as people see it beside the job; what nobody foresaw is told as such, its details in the log."""
    try:
        yield
    except CoterieError as error:
        DBOS.set_event(ERROR, error.as_dict())
        raise RuntimeError(str(error)) from None  # plain, since the queue pickles it
    except Exception as error:
        fix = "Look into the log of `coterie serve`, and tell us."
        DBOS.set_event(ERROR, Failed("internal", f"{type(error).__name__}: {error}", fix=fix).as_dict())
        raise


class Noted(Progress):
    """Progress that is noted beside the running job, at most once a second; there a cancel is noticed, too."""

    def __init__(self, stage: int, stages: int) -> None:
        super().__init__()
        self._stage, self._stages = stage, stages
        self._id = DBOS.workflow_id
        self._last = 0.0
        self._notes: list[tuple[str, str]] = []
        self._written = 0

    def write_notes(self) -> None:
        """Keep what was done within the stage, for the job's log."""
        if len(self._notes) > self._written:
            self._written = len(self._notes)
            DBOS.set_event(f"{NOTES} {self._stage}", self._notes[-_MOST_NOTES:])

    def shown(self) -> None:
        """Note how far it is."""
        if self.name and (not self._notes or self._notes[-1][1] != self.name):
            self._notes.append((now().isoformat(), self.name))
        if time.monotonic() - self._last < _EVERY_SECONDS:
            return
        self._last = time.monotonic()
        facts = {"name": self.name, "done": self.done, "total": self.total, "unit": self.unit}
        facts |= {"seconds_left": self.seconds_left, "stage": self._stage, "stages": self._stages}
        if self._id is not None and (status := DBOS.get_workflow_status(self._id)) is not None:
            if status.status == "CANCELLED":
                self.cancel()
                raise Cancelled()
        DBOS.set_event(PROGRESS, facts)
        self.write_notes()
