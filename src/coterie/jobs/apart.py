"""A stage in a process of its own, with a lower priority: beside an import people go on asking in milliseconds.

A thread of the serving process would share its interpreter with all requests, and the engine's threads would compete with
them as equals. What a stage does is safe there: any number of processes stage files, and publishing has a lock of its own.

Both sides speak lines of JSON. To the child: `{"job", "stage"}`, and `cancel` at any time; the end of that stream is the
end of the worker, and so of the child. From it: `{"progress"}`, and last one of `{"result"}`, `{"error", "kind"}`, `{"fault"}`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO, Any

from coterie.errors import Cancelled, CoterieError, Failed, NotFound, Refused
from coterie.jobs.registry import find_job
from coterie.kit.progress import Progress

_EVERY_SECONDS = 0.25  # between two lines of progress
_KINDS = {kind.__name__: kind for kind in (Refused, NotFound)}
_CANCEL = "cancel"
_GROUP, _TRIES = Path("/proc/self/autogroup"), 5


# the worker's side


def run_apart(command: Sequence[str], job: str, stage: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Run one stage of a job by the program `command`, and pass its progress on.

    Raises what the stage raised. RuntimeError: nobody foresaw it, or the process was killed.
    """
    # In a session of its own: Ctrl-C is for the server, which then decides.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        ended: dict[str, Any] | None = None
        try:
            _send(process.stdin, json.dumps({"job": job, "stage": dict(stage)}))
            for line in process.stdout:
                told = json.loads(line)
                if "progress" not in told:
                    ended = told
                    break
                try:
                    _show(progress, told["progress"])
                except Cancelled:
                    _send(process.stdin, _CANCEL)
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
    if ended is None:
        raise RuntimeError(f"The process of {job} ended with {process.returncode}.")
    return _result(ended)


def _send(stream: IO[str], line: str) -> None:
    with suppress(BrokenPipeError):  # it has ended, and what it said last tells why
        stream.write(line + "\n")
        stream.flush()


def _show(progress: Progress, told: Mapping[str, Any]) -> None:
    progress.name, progress.total, progress.unit, progress.done = (told[k] for k in ("name", "total", "unit", "done"))
    progress.started = time.monotonic() - told["seconds"]
    progress.shown()


def _result(ended: Mapping[str, Any]) -> dict[str, Any]:
    if "result" in ended:
        result: dict[str, Any] = ended["result"]
        return result
    if "fault" in ended:
        raise RuntimeError(ended["fault"])
    error = ended["error"]
    if error["code"] == "cancelled":
        raise Cancelled()
    kind = _KINDS.get(ended["kind"], Failed)
    raise kind(error["code"], error["message"], place=error["place"], fix=error["fix"])


# the child's side


class _Told(Progress):
    """Progress as lines for the worker."""

    def __init__(self, tell: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__()
        self._tell, self._last, self._shown = tell, 0.0, ""

    def shown(self) -> None:
        """A line of every stage's beginning, and some times a second."""
        moment = time.monotonic()
        if self.name == self._shown and moment - self._last < _EVERY_SECONDS:
            return
        self._last, self._shown = moment, self.name
        facts = {"name": self.name, "total": self.total, "unit": self.unit, "done": self.done}
        self._tell({"progress": {**facts, "seconds": moment - self.started}})


def serve_stage(opening: Callable[[], AbstractContextManager[Any]], niceness: int) -> None:
    """Be the child: read which stage on standard input, do it in the opened workspace, and tell on standard output.

    niceness : by how much it gives way to other processes, 0 to 19; see `nice(2)`.
    """
    _give_way(niceness)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not look like ours

    def _tell(what: Mapping[str, Any]) -> None:
        out.write(json.dumps(what) + "\n")
        out.flush()

    asked = json.loads(sys.stdin.readline())
    progress = _Told(_tell)
    threading.Thread(target=_listen, args=(progress,), daemon=True).start()
    _tell(_done(opening, asked, progress))
    sys.stdout.flush()
    os._exit(0)  # all is told: threads that a library left running hold up nobody


def _give_way(niceness: int) -> None:
    """Rank below other processes, and below those of other sessions, too.

    Linux shares the processors out among sessions first where it groups them (`autogroup`, see `sched(7)`): without the
    second step a process in a session of its own, however nice, takes as much as the whole server.
    """
    os.nice(niceness)
    if os.getsid(0) != os.getpid():
        return  # the session is others', too
    for _ in range(_TRIES):
        try:
            _GROUP.write_text(str(niceness), encoding="ascii")
            return
        except BlockingIOError:  # the system lets one process in a tenth of a second do this
            time.sleep(0.1)
        except OSError:  # another system, or one that groups nothing
            return


def _listen(progress: Progress) -> None:
    """Stop when asked to; and at once when the worker is gone, since the next one does the stage again."""
    for line in sys.stdin:
        if line.strip() == _CANCEL:
            progress.cancel()
    os._exit(1)


def _done(
    opening: Callable[[], AbstractContextManager[Any]], asked: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    try:
        with opening() as ws:
            return {"result": find_job(asked["job"]).run(ws, asked["stage"], progress)}
    except CoterieError as error:
        return {"error": error.as_dict(), "kind": type(error).__name__}
    except Exception as error:
        traceback.print_exc()  # into the log of the worker
        return {"fault": f"{type(error).__name__}: {error}"}
