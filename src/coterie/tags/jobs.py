"""Jobs of tags."""

from __future__ import annotations

from typing import Any

from coterie.jobs.registry import Arguments, one_stage
from coterie.kit.plain import plain
from coterie.kit.progress import Progress


def _build(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    made: dict[str, Any] = plain(ws.tags.build(given.get("as_of"), progress=progress))
    return made


BUILD = one_stage("tags.build", _build)
