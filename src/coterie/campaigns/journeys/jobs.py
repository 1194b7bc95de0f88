"""The job that moves journeys on: looked for by schedule, one stage for each journey that is due."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from coterie.errors import CoterieError
from coterie.jobs.registry import Arguments, Job, register
from coterie.kit.progress import Progress

ADVANCE, SCHEDULE, CRON = "journeys.advance", "journeys", "*/5 * * * *"


def _plan(ws: Any, given: Arguments) -> list[dict[str, Any]]:
    """The journey that was named, or all that are due."""
    names = [given["journey"]] if "journey" in given else ws.journeys.due()
    return [{"journey": name} for name in names]


def _advance(ws: Any, stage: Arguments, _progress: Progress) -> dict[str, Any]:
    """One journey; why it could not be moved stands on itself, and does not keep the others."""
    told: dict[str, Any] = {"journey": stage["journey"]}
    with suppress(CoterieError):
        told |= ws.journeys.advance(stage["journey"])
    return told


register(Job(ADVANCE, _plan, _advance, lambda results: {"journeys": results}))
