"""The jobs of journeys: moving them on, looked for by schedule, one stage for each that is due; and removing the
members of their steps' snapshots that are kept no longer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from coterie.errors import CoterieError
from coterie.jobs.registry import Arguments, Job, one_stage, register
from coterie.kit.progress import Progress

ADVANCE, SCHEDULE, CRON = "journeys.advance", "journeys", "*/5 * * * *"
PRUNE = "journeys.prune"


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


def _prune(ws: Any, _given: Arguments, _progress: Progress) -> dict[str, Any]:
    return {"removed": ws.journeys.prune()}


one_stage(PRUNE, _prune)
register(Job(ADVANCE, _plan, _advance, lambda results: {"journeys": results}))
