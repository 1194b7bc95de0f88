"""Jobs of segmentations: a fit, a refit, an update, another version in use, a rebuild, a report."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from coterie.errors import CoterieError
from coterie.jobs.registry import Arguments, Job, one_stage, register
from coterie.kit.plain import plain
from coterie.kit.progress import Progress

FIT, REFIT, UPDATE = "segments.fit", "segments.refit", "segments.update"
USE, REBUILD, REPORT = "segments.use", "segments.rebuild", "segments.report"
_KEPT = (
    "segmentation",
    "tag",
    "version",
    "k",
    "sizes",
    "as_of",
    "data_version",
    "promoted",
    "why",
    "vetoed",
    "identity",
)


def _fit(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    """Fit segments; the same data and options give the same version again."""
    options = dict(given["options"])
    made = ws.segments.fit(given["name"], options.pop("tags"), progress=progress, **options)
    _draw_map(ws, given["name"])
    return _told(made)


def _refit(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    """Fit again; the same data and seed give the same version again."""
    made = ws.segments.refit(given["name"], seed=given["seed"], promote=given["promote"], progress=progress)
    _draw_map(ws, given["name"])
    return _told(made)


def _update(ws: Any, given: Arguments, _progress: Progress) -> dict[str, Any]:
    """Assign today's customers; done again, nothing is new and nothing moves."""
    options = {"half_life_days": given["half_life_days"], "promote": given["promote"]}
    told: dict[str, Any] = plain(ws.segments.update(given["name"], **options))
    _draw_map(ws, given["name"])
    return told


def _plan_use(ws: Any, given: Arguments) -> list[dict[str, Any]]:
    """Which version is to be in use is decided once: a roll-back done again would go back twice."""
    name, version = given["name"], given.get("version")
    back = version is None
    return [{"name": name, "version": ws.segments.registry.before(name) if back else version, "back": back}]


def _use(ws: Any, stage: Arguments, _progress: Progress) -> dict[str, Any]:
    """Let the tag show a version, unless it does."""
    name, version = stage["name"], int(stage["version"])
    used = ws.segments.registry.promoted(name)
    if stage["back"] and used is not None and used.version == version:
        return {"segmentation": name, "version": version, "was": version}
    told: dict[str, Any] = plain(ws.segments.rollback(name) if stage["back"] else ws.segments.promote(name, version))
    return told


def _rebuild(ws: Any, given: Arguments, _progress: Progress) -> dict[str, Any]:
    """Make a version again and compare; nothing is kept."""
    told: dict[str, Any] = plain(ws.segments.rebuild(given["name"], given["version"]).as_dict())
    return told


def _report(ws: Any, given: Arguments, progress: Progress) -> dict[str, Any]:
    """Draw the report, which is then kept for as long as it holds."""
    from coterie.learn.segments.reporting import ReportOptions

    name, version = given["name"], given.get("version")
    ws.segments.report(name, version, options=ReportOptions(**given.get("options", {})), progress=progress)
    return {"segmentation": name, "version": version}


def _draw_map(ws: Any, name: str) -> None:
    """Make the map's points now, so that nobody waits for them; where that cannot be, whoever opens the map is told."""
    with suppress(CoterieError):
        ws.segments.map(name)


def _told(made: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = plain({k: made[k] for k in _KEPT if k in made})
    return told


one_stage(FIT, _fit, apart=True)
one_stage(REFIT, _refit, apart=True)
one_stage(UPDATE, _update, apart=True)
one_stage(REBUILD, _rebuild, apart=True)
one_stage(REPORT, _report)
register(Job(USE, _plan_use, _use, lambda results: results[0]))
