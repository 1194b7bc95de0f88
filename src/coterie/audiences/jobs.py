"""Jobs of audiences."""

from __future__ import annotations

from typing import Any

from coterie.jobs.registry import Arguments, one_stage
from coterie.kit.progress import Progress


def _refresh(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    with progress.stage(given["audience"]):
        made: dict[str, Any] = ws.audiences.refresh(given["audience"], as_of=ws.moment(given.get("as_of")))
    return made


REFRESH = one_stage("audiences.refresh", _refresh)
