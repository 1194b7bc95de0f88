"""Jobs of tags: building them, numbering the events that came since, and deleting files that nobody holds any more."""

from __future__ import annotations

from typing import Any

from coterie.jobs.registry import Arguments, Job, one_stage, register
from coterie.kit.plain import plain
from coterie.kit.progress import Progress
from coterie.tags import numbered

UPKEEP, VACUUM = "tags.upkeep", "tags.vacuum"
_LEAST_BYTES = 8 * 1024 * 1024  # fewer events are looked up as fast as they are read


def _build(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    """Build all tags, and make what the first questions after it need: columns of tags, and the first page's figures.

    They would else be made by the serving process, while somebody waits.
    """
    made: dict[str, Any] = plain(ws.tags.build(given.get("as_of"), progress=progress))
    for kind in {tag.entity_kind for tag in ws.catalog.tags().values()}:
        ws.index.warm(kind, progress)
    ws.headline.now()
    return made


def _plan_upkeep(ws: Any, _given: Arguments) -> list[dict[str, Any]]:
    """The datasets with many events that lack row numbers."""
    found = numbered.waiting(ws.tag_context)
    return [{"dataset": name} for name, size_bytes in found.items() if size_bytes >= _LEAST_BYTES]


def _upkeep(ws: Any, stage: Arguments, progress: Progress) -> dict[str, Any]:
    with progress.stage(stage["dataset"]):
        return numbered.number(ws.tag_context, stage["dataset"])._asdict()


def _vacuum(ws: Any, _given: Arguments, _progress: Progress) -> dict[str, Any]:
    return {"deleted_files": ws.vacuum()}


BUILD = one_stage("tags.build", _build, apart=True)
one_stage(VACUUM, _vacuum)
register(Job(UPKEEP, _plan_upkeep, _upkeep, lambda results: {"done": results}, apart=True))
