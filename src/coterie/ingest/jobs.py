"""Jobs of importing: a file that was uploaded, and a source that has something new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coterie.errors import NotFound, Refused
from coterie.ingest.sources import JOB, Sources
from coterie.jobs.registry import Arguments, Job, one_stage, register
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


def _plan_source(ws: Any, given: Arguments) -> list[dict[str, Any]]:
    """One stage where something waits, or where asking fails, so that the failure is told; else none."""
    sources: Sources = ws.sources
    try:
        waiting = sources.waiting(given["source"])
    except Refused:
        waiting = [given["source"]]
    return [dict(given)] if waiting or given.get("asked") else []


def _run_source(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    sources: Sources = ws.sources
    return sources.run(given["source"], progress)


one_stage(IMPORT, _import, apart=True)
register(Job(JOB, _plan_source, _run_source, lambda results: results[0] if results else {}, apart=True))
