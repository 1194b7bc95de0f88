"""Jobs of audiences: a refresh, what new data set off, sync, and alerts."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from coterie.audiences import sync
from coterie.audiences.alerts import CHECK, DELIVER
from coterie.audiences.service import REFRESH, WATCH
from coterie.errors import CoterieError
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


def _plan_sync(ws: Any, given: Arguments) -> list[dict[str, Any]]:
    """A batch a stage, and one that notes that all were confirmed."""
    sender = ws.destinations.sender(given["destination"])
    batches = sync.plan(ws.audiences, given["audience"], sender.url, hashed=bool(given.get("hashed")))
    newest = ws.audiences.snapshots.of(given["audience"])[-1].id if not batches else batches[0].snapshot
    last = {"audience": given["audience"], "url": sender.url, "snapshot": newest}
    common = {"destination": given["destination"]}
    return [*({**common, "batch": batch} for batch in sync.stages(batches)), {**common, "note": last}]


def _sync(ws: Any, stage: Arguments, progress: Progress) -> dict[str, Any]:
    if "note" in stage:
        sync.note(ws.audiences, stage["note"]["audience"], stage["note"]["url"], stage["note"]["snapshot"])
        return {"audience": stage["note"]["audience"], "snapshot": stage["note"]["snapshot"]}
    with progress.stage("Sending"):
        return sync.send(ws.audiences, sync.Batch(**stage["batch"]), ws.destinations.sender(stage["destination"]))


def _close_sync(results: list[dict[str, Any]]) -> dict[str, Any]:
    *sent, last = results
    return sync.summary(last["audience"], last["snapshot"], sent)


def _check_alerts(ws: Any, _given: Arguments, _progress: Progress) -> dict[str, Any]:
    return {"raised": [event.id for event in ws.alerts.check()]}


def _deliver_alert(ws: Any, given: Arguments, _progress: Progress) -> dict[str, Any]:
    """One try; why it did not succeed stands on the event, whose checks let it be tried again."""
    with suppress(CoterieError):
        ws.alerts.deliver(given["event"])
    told: dict[str, Any] = ws.alerts.event(given["event"]).as_dict()
    return told


one_stage(REFRESH, _refresh)
one_stage(CHECK, _check_alerts)
one_stage(DELIVER, _deliver_alert)
register(Job(sync.JOB, _plan_sync, _sync, _close_sync))
register(Job(WATCH, _plan_watch, _watch, lambda results: {"audiences": [r for r in results if "audience" in r]}))
