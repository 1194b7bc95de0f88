"""Jobs of segmentations: a fit."""

from __future__ import annotations

from typing import Any

from coterie.jobs.registry import Arguments, one_stage
from coterie.kit.plain import plain
from coterie.kit.progress import Progress

FIT = "segments.fit"


def _fit(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    """Fit segments; the same data and options give the same version again."""
    options = dict(given["options"])
    made: dict[str, Any] = ws.segments.fit(given["name"], options.pop("tags"), progress=progress, **options)
    kept = ("segmentation", "tag", "version", "k", "sizes", "as_of", "data_version")
    told: dict[str, Any] = plain({k: made[k] for k in kept if k in made})
    return told


one_stage(FIT, _fit)
