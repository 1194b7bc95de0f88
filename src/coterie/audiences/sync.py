"""Keeping an audience the same in another system: who came and who left, sent in batches to a web address.

How it flows: the newest snapshot against the one the receiver has -> batches as data -> each sent under a key of its
own -> the receiver's state is noted when all are confirmed. After a kill the batches are sent again from the first that
was not confirmed, under the same keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pyroaring import BitMap

from coterie.destinations.http import Sender
from coterie.errors import Refused
from coterie.kit.progress import Progress

if TYPE_CHECKING:
    from coterie.audiences.service import Audiences

SYNC = "sync"  # kind of the documents that say what each receiver has
JOB = "audiences.sync"
BATCH = 1_000


@dataclass(frozen=True)
class Batch:
    """People to add or to remove, `first` to `last` in the order of their row numbers.

    key : the same whenever this batch is sent.
    """

    audience: str
    url: str
    snapshot: str
    since: str | None
    change: str
    first: int
    last: int
    key: str
    hashed: bool


def plan(audiences: Audiences, name: str, url: str, *, hashed: bool = False) -> list[Batch]:
    """What has to be sent, removals first; nothing where the receiver is up to date.

    Raises Refused: there is no snapshot yet.
    """
    snapshots = audiences.snapshots.of(name)
    if not snapshots:
        audiences.get(name)
        fix = f"Run `coterie audience refresh {name}` first."
        raise Refused("no_snapshot", f'"{name}" has no snapshot.', place=name, fix=fix)
    newest, known = snapshots[-1], audiences.documents.find(SYNC, _place(name, url))
    since = None if known is None else str(known.body["snapshot"])
    now = audiences.snapshots.members(newest)
    then = BitMap() if since is None else audiences.snapshots.members(audiences.snapshots.get(name, since))
    made = []
    for change, rows in (("remove", then - now), ("add", now - then)):
        for first in range(0, len(rows), BATCH):
            key = hashlib.sha256(f"{url}\0{newest.id}\0{since}\0{change}\0{first}\0{hashed}".encode()).hexdigest()
            last = min(first + BATCH, len(rows))
            made.append(Batch(name, url, newest.id, since, change, first, last, key, hashed))
    return made


def send(audiences: Audiences, batch: Batch, sender: Sender) -> dict[str, Any]:
    """Send one batch."""
    snapshots = audiences.snapshots
    now = snapshots.members(snapshots.get(batch.audience, batch.snapshot))
    then = BitMap() if batch.since is None else snapshots.members(snapshots.get(batch.audience, batch.since))
    rows = then - now if batch.change == "remove" else now - then
    keys = audiences.keys(BitMap(rows[batch.first : batch.last]), batch.audience)
    if batch.hashed:
        keys = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
    body = {
        "audience": batch.audience,
        "snapshot": batch.snapshot,
        "since": batch.since,
        "change": batch.change,
        "hashed": "sha256" if batch.hashed else None,
        "entities": keys,
    }
    return {"change": batch.change, "entities": len(keys), "tries": sender.send(body, batch.key)}


def note(audiences: Audiences, name: str, url: str, snapshot: str) -> None:
    """Note that a receiver has a snapshot."""
    audiences.documents.put(SYNC, _place(name, url), {"audience": name, "url": url, "snapshot": snapshot})


def sync(
    audiences: Audiences, name: str, sender: Sender, *, hashed: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Send everything that the receiver lacks; returns snapshot, added, removed, batches."""
    sender.check()
    batches = plan(audiences, name, sender.url, hashed=hashed)
    progress = progress or Progress()
    results = []
    with progress.stage("Sending", len(batches), "batches"):
        for batch in batches:
            results.append(send(audiences, batch, sender))
            progress.advance(1)
    newest = audiences.snapshots.of(name)[-1].id if not batches else batches[0].snapshot
    note(audiences, name, sender.url, newest)
    return summary(name, newest, results)


def summary(name: str, snapshot: str, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was sent."""
    sent = {change: sum(r["entities"] for r in results if r["change"] == change) for change in ("add", "remove")}
    facts = {"audience": name, "snapshot": snapshot, "added": sent["add"], "removed": sent["remove"]}
    return facts | {"batches": len(results), "tries": sum(r["tries"] for r in results)}


def stages(batches: Sequence[Batch]) -> list[dict[str, Any]]:
    """Batches as the stages of a job."""
    return [asdict(batch) for batch in batches]


def _place(name: str, url: str) -> str:
    return f"{name}/{hashlib.sha256(url.encode()).hexdigest()[:16]}"
