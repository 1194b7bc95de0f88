"""Jobs of tags: building them, and numbering the events that came since."""

from __future__ import annotations

from typing import Any

from coterie.jobs.registry import Arguments, Job, one_stage, register
from coterie.kit.plain import plain
from coterie.kit.progress import Progress
from coterie.tags import numbered

UPKEEP = "tags.upkeep"
_LEAST_BYTES = 8 * 1024 * 1024  # fewer events are looked up as fast as they are read


def _build(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    made: dict[str, Any] = plain(ws.tags.build(given.get("as_of"), progress=progress))
    return made


def _plan_upkeep(ws: Any, _given: Arguments) -> list[dict[str, Any]]:
    """The datasets with many events that lack row numbers, then the files that nobody has held for a day."""
    found = numbered.waiting(ws.tag_context)
    names = [{"dataset": name} for name, size_bytes in found.items() if size_bytes >= _LEAST_BYTES]
    return [*names, {"vacuum": True}] if names else []


def _upkeep(ws: Any, stage: Arguments, progress: Progress) -> dict[str, Any]:
    if "vacuum" in stage:
        return {"deleted_files": ws.vacuum()}
    with progress.stage(stage["dataset"]):
        return numbered.number(ws.tag_context, stage["dataset"])._asdict()


BUILD = one_stage("tags.build", _build)
register(Job(UPKEEP, _plan_upkeep, _upkeep, lambda results: {"done": results}))
