"""Jobs of audiences: a refresh, and what new data set off."""

from __future__ import annotations

from typing import Any

from coterie.audiences.service import REFRESH, WATCH
from coterie.jobs.registry import Arguments, Job, one_stage, register
from coterie.kit.plain import plain
from coterie.kit.progress import Progress


def _refresh(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    with progress.stage(given["audience"]):
        made: dict[str, Any] = ws.audiences.refresh(given["audience"], as_of=ws.moment(given.get("as_of")))
    return made


def _plan_watch(ws: Any, _given: Arguments) -> list[dict[str, Any]]:
    """First the tags, so that they hold the new data; then every audience that waits for them."""
    waiting = ws.audiences.stale()
    return [{"build": True}, *({"audience": name} for name in waiting)] if waiting else []


def _watch(ws: Any, stage: Arguments, progress: Progress) -> dict[str, Any]:
    if "build" in stage:
        built: dict[str, Any] = plain(ws.tags.build(progress=progress))
        return built
    return _refresh(ws, stage, progress)


one_stage(REFRESH, _refresh)
register(Job(WATCH, _plan_watch, _watch, lambda results: {"audiences": [r for r in results if "audience" in r]}))
