"""Jobs of importing: a file that was uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coterie.errors import NotFound
from coterie.jobs.registry import Arguments, one_stage
from coterie.kit.plain import plain
from coterie.kit.progress import Progress

IMPORT = "import"


def _import(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    """Import an upload. Done twice, the second finds every row a duplicate; so the file stays until it is swept."""
    from coterie.ingest.service import import_file

    path: Path = ws.path / "staging" / "uploads" / given["upload"] / given["file"]
    if not path.is_file():
        raise NotFound("missing_file", "The upload is not there any more.", place=given["file"], fix="Upload it again.")
    report = import_file(ws.ingest_context, path, progress=progress, **given["options"]).as_dict()
    told: dict[str, Any] = plain({k: v for k, v in report.items() if k not in ("sample", "rejects")})
    return told


one_stage(IMPORT, _import)
