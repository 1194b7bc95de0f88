"""Jobs as anyone sees them: put one into the queue, look, cancel, run again; and schedules.

The queue is DBOS' own database, apart from the metadata. Only the worker (`jobs.worker`) runs jobs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.errors import NotFound, Refused
from coterie.jobs.registry import find_job
from coterie.kit.disk import disk_errors
from coterie.kit.locks import exclusive

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus

APPLICATION, QUEUE, WORKFLOW, TICK = "coterie", "coterie", "coterie_job", "coterie_tick"
PROGRESS, ERROR, NOTES = "progress", "error", "notes"
_MOST_STAGES = 100  # of a job's log; a send has thousands
_STAGE = re.compile(r"(\d+) of (\d+)")
_STATES = {
    "ENQUEUED": "waiting",
    "DELAYED": "waiting",
    "PENDING": "running",
    "SUCCESS": "completed",
    "CANCELLED": "cancelled",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
}


@dataclass(frozen=True)
class JobRow:
    """A job and how it stands.

    state : waiting, running, completed, cancelled or failed.
    progress : of the running stage: `name`, `done`, `total`, `unit`, `seconds_left`; and `stage` of `stages`.
    error : as errors are everywhere: code, message, place, fix.
    """

    id: str
    job: str
    state: str
    arguments: Mapping[str, Any]
    created_at: str
    ended_at: str | None
    progress: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    result: Mapping[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


@dataclass(frozen=True)
class ScheduleRow:
    """A job that comes again and again; `cron` has five fields, in `zone`."""

    name: str
    job: str
    arguments: Mapping[str, Any]
    cron: str
    zone: str
    paused: bool
    last_at: str | None

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


@dataclass(frozen=True)
class LogLine:
    """One line of what a job did.

    what : `created`, `planned`, `stage` (number `stage` of `stages`), `note` (what it did within the stage: `name`),
        or `ended`. at, ended_at : when it began and ended, ISO 8601; None where that is not known.
    """

    what: str
    at: str | None
    ended_at: str | None = None
    stage: int | None = None
    stages: int | None = None
    name: str | None = None
    failed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


class Jobs:
    """The jobs and schedules of one workspace.

    url : SQLAlchemy URL of the queue's database, made when first used; folder : the workspace's.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self._folder = url, folder

    @cached_property
    def _client(self) -> DBOSClient:
        from dbos import DBOS, DBOSClient

        with disk_errors(), exclusive(self._folder / "jobs.lock", 60):  # one process at a time makes the tables
            DBOS.migrate(self.url)
        return DBOSClient(system_database_url=self.url, application_name=APPLICATION)

    def close(self) -> None:
        """Give the connections back."""
        if "_client" in self.__dict__:
            self.__dict__.pop("_client").destroy()

    def enqueue(self, job: str, arguments: Mapping[str, Any], *, key: str | None = None) -> str:
        """Put a job into the queue; returns its id.

        key : while a job with the same key waits or runs, no second one is made, and its id is returned.
        Raises NotFound: no such job.
        """
        find_job(job)
        options: dict[str, Any] = {"workflow_name": WORKFLOW, "queue_name": QUEUE, "application_name": APPLICATION}
        if key is not None:
            options |= {"deduplication_id": key, "duplication_policy": "return-existing"}
        return str(self._client.enqueue(options, job, json.loads(json.dumps(arguments))).workflow_id)  # type: ignore[arg-type]

    def rows(self, limit: int = 50) -> list[JobRow]:
        """The newest jobs first."""
        found = self._client.list_workflows(name=WORKFLOW, limit=limit, sort_desc=True)
        return [self._row(status) for status in found]

    def get(self, id_: str) -> JobRow:
        """One job. Raises NotFound."""
        found = self._client.list_workflows(workflow_ids=[id_], name=WORKFLOW)
        if not found:
            raise NotFound("unknown_name", f'There is no job "{id_}".', place=id_, fix="`coterie job list` shows all.")
        return self._row(found[0])

    def log(self, id_: str) -> list[LogLine]:
        """What a job did, oldest first: that it was planned, its last 100 stages, what each did, and that it ended.

        Raises NotFound.
        """
        row = self.get(id_)
        steps = self._client.list_workflow_steps(id_, load_output=False)
        lines = [LogLine("created", row.created_at)]
        for step in steps[-_MOST_STAGES:]:
            when = (_moment(step["started_at_epoch_ms"]), _moment(step["completed_at_epoch_ms"]))
            failed = row.state == "failed" and step is steps[-1]  # errors are not read, since outputs come with them
            numbered = _STAGE.fullmatch(step["function_name"])
            if numbered is None:
                lines += [LogLine("planned", *when, failed=failed)] if step["function_name"] == "plan" else []
                continue
            number = int(numbered[1])
            lines += [LogLine("stage", *when, number, int(numbered[2]), failed=failed), *self._notes(id_, number)]
        if row.state == "running":
            known = {line.stage for line in lines}
            number = int((row.progress or {}).get("stage") or 1)
            lines += [] if number in known else self._notes(id_, number)
        return [*lines, LogLine("ended", row.ended_at, name=row.state)] if row.ended_at else lines

    def _notes(self, id_: str, stage: int) -> list[LogLine]:
        """What was noted of a stage, where anything was."""
        with suppress(Exception):  # as with the progress: there may be none
            found = self._client.get_event(id_, f"{NOTES} {stage}", 0) or []
            return [LogLine("note", at, stage=stage, name=name) for at, name in found]
        return []

    def cancel(self, id_: str) -> JobRow:
        """Stop a job: at once if it waits, else within about a second. Raises Refused: it has ended."""
        row = self.get(id_)
        if row.state not in ("waiting", "running"):
            raise Refused("job_ended", f"The job has ended: {row.state}.", place=id_, fix="There is nothing to cancel.")
        self._client.cancel_workflow(id_)
        return self.get(id_)

    def retry(self, id_: str) -> JobRow:
        """Go on with a failed or cancelled job, from the stage where it stopped."""
        row = self.get(id_)
        if row.state not in ("failed", "cancelled"):
            raise Refused("job_running", f"The job is {row.state}.", place=id_, fix="Only jobs that stopped go on.")
        steps = self._client.list_workflow_steps(id_)
        done = sum(1 for step in steps if step["error"] is None)
        handle = self._client.fork_workflow(id_, done + 1, queue_name=QUEUE)
        return self.get(handle.workflow_id)

    def schedule(self, name: str, job: str, arguments: Mapping[str, Any], *, cron: str, zone: str = "UTC") -> None:
        """Run a job again and again; a schedule of the same name is replaced.

        cron : minute, hour, day of month, month, day of week, in `zone`: an hour that a day lacks (summer time) is
            skipped to the next moment there is, and one that comes twice runs once.
        """
        find_job(job)
        self.unschedule(name)
        self._client.create_schedule(
            schedule_name=name,
            workflow_name=TICK,
            schedule=cron,
            context={"job": job, "arguments": dict(arguments)},
            cron_timezone=zone,
        )

    def unschedule(self, name: str) -> bool:
        """Forget a schedule; whether there was one."""
        there = self._client.get_schedule(name) is not None
        if there:
            self._client.delete_schedule(name)
        return there

    def schedules(self) -> list[ScheduleRow]:
        """All schedules, by name."""
        found = sorted(self._client.list_schedules(), key=lambda s: s["schedule_name"])
        return [
            ScheduleRow(
                s["schedule_name"],
                s["context"]["job"],
                s["context"]["arguments"],
                s["schedule"],
                s["cron_timezone"] or "UTC",
                s["status"] != "ACTIVE",
                s["last_fired_at"],
            )
            for s in found
        ]

    def _row(self, status: WorkflowStatus) -> JobRow:
        state = _STATES[status.status]
        given: Any = status.input["args"] if status.input else ("", {})
        ended = state in ("completed", "cancelled", "failed")
        events = self._events(status.workflow_id) if state in ("running", "failed") else {}
        return JobRow(
            status.workflow_id,
            given[0],
            state,
            given[1],
            _moment(status.created_at) or "",
            _moment(status.updated_at) if ended else None,
            events.get(PROGRESS) if state == "running" else None,
            events.get(ERROR) if state == "failed" else None,
            status.output if state == "completed" else None,
        )

    def _events(self, id_: str) -> dict[str, Any]:
        found = {}
        for key in (PROGRESS, ERROR):
            with suppress(Exception):  # not there yet
                found[key] = self._client.get_event(id_, key, 0)
        return {k: v for k, v in found.items() if v is not None}


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
