"""The jobs there are: each room's `jobs.py` registers its own, and `workspace.py` imports them all before work starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coterie.errors import unknown_name
from coterie.kit.progress import Progress

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """One kind of durable work.

    plan : from an open workspace and the arguments, the stages as data; what has to be decided is decided here.
    run : does one stage and says what it did. After a kill a stage that had not ended is done again, so it must be
        harmless to do twice.
    close : makes the job's result of the stages' results.
    apart : stages that keep the processor busy for long run in a process of their own, so that nobody waits for them.
    """

    name: str
    plan: Callable[[Any, Arguments], list[dict[str, Any]]]
    run: Callable[[Any, Arguments, Progress], dict[str, Any]]
    close: Callable[[list[dict[str, Any]]], dict[str, Any]]
    apart: bool = False


JOBS: dict[str, Job] = {}


def register(job: Job) -> Job:
    """Make a job known under its name."""
    JOBS[job.name] = job
    return job


def one_stage(name: str, run: Callable[[Any, Arguments, Progress], dict[str, Any]], *, apart: bool = False) -> Job:
    """Register a job of a single stage, whose result is the stage's."""
    return register(Job(name, lambda _, given: [dict(given)], run, lambda results: results[0], apart))


def find_job(name: str) -> Job:
    """The job of that name. Raises NotFound."""
    if name not in JOBS:
        raise unknown_name("job", name, JOBS)
    return JOBS[name]
