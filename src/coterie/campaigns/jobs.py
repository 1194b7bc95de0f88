"""Jobs of campaigns: a send in batches, and the look every minute for what is due."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from coterie.campaigns import after
from coterie.errors import CoterieError, Failed
from coterie.jobs.registry import Arguments, Job, register
from coterie.kit.progress import Progress

SEND, LOOK, GOALS = "campaigns.send", "campaigns.due", "campaigns.goals"
BATCH = 20_000  # messages of one step
_LOOK_SECONDS = 0.5  # between two looks whether another one is still sending


def _plan_send(ws: Any, given: Arguments) -> list[dict[str, Any]]:
    """Steps enough for everyone planned, and one that looks at what is left."""
    occurrence = ws.campaigns.records.occurrence(given["campaign"])
    steps = occurrence.going // BATCH + 1
    return [{"campaign": given["campaign"], "anyway": bool(given.get("anyway"))}] * steps


def _send(ws: Any, stage: Arguments, progress: Progress) -> dict[str, Any]:
    """One step. Where it stopped meanwhile (paused, ended), the steps that follow find nothing to do."""
    name, done = stage["campaign"], False
    while not done:
        standing = ws.campaigns.records.standing(name)
        if standing.state in ("paused", "completed", "cancelled", "expired") or not standing.enabled:
            break
        done = _sent(ws, stage, progress)
    return _told(ws, name)


def _sent(ws: Any, stage: Arguments, progress: Progress) -> bool:
    """Send; False after a pause where another process or job is at it: what that leaves is still to be done."""
    try:
        ws.campaigns.run(stage["campaign"], limit=BATCH, anyway=stage["anyway"], progress=progress)
    except Failed as error:
        if error.code != "locked":
            raise
        progress.check()
        time.sleep(_LOOK_SECONDS)
        return False
    return True


def _told(ws: Any, name: str) -> dict[str, Any]:
    status = ws.campaigns.status(name)
    return {k: status[k] for k in ("campaign", "run", "state", "planned", "sent", "pending", "failed", "uncertain")}


def _plan_tick(ws: Any, _given: Arguments) -> list[dict[str, Any]]:
    return [{"campaign": name} for name in ws.campaigns.running.due()]


def _tick(ws: Any, stage: Arguments, progress: Progress) -> dict[str, Any]:
    """One campaign as far as it goes now; why one cannot stands on itself, and does not keep the others."""
    with suppress(CoterieError):
        ws.campaigns.run(stage["campaign"], progress=progress)
    return _told(ws, stage["campaign"])


def _plan_goals(ws: Any, _given: Arguments) -> list[dict[str, Any]]:
    return [{"run": run} for run in after.waiting(ws.campaigns)]


def _goals(ws: Any, stage: Arguments, progress: Progress) -> dict[str, Any]:
    with progress.stage(stage["run"]):
        return after.note(ws.campaigns, stage["run"])


register(Job(GOALS, _plan_goals, _goals, lambda results: {"runs": results}))
register(Job(SEND, _plan_send, _send, lambda results: results[-1]))
register(Job(LOOK, _plan_tick, _tick, lambda results: {"campaigns": results}))
