"""How long the members of snapshots are kept: a plan as data, and the removal of exactly what it names.

After `snapshots_kept_days` a snapshot's members go, unless it is the newest of its audience, the first or last of its
calendar month within five years, named by a rule, or what a receiver has. Its size and its rule stay for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from coterie.audiences.resolve import AUDIENCE, BLOCK
from coterie.audiences.snapshots import Snapshot, Snapshots
from coterie.kit.moments import before
from coterie.store.service import Store

MONTHS_KEPT = "5y"


@dataclass(frozen=True)
class Fate:
    """What becomes of the members of one snapshot.

    because : why they stay or go; of those that stay `young`, `newest`, `first of 2025-03`, `last of 2025-03`,
        `used by the audience x`, `synced to https://...`; of the others `older than 400 days` or `gone`.
    """

    snapshot: str
    created_at: str
    count: int
    keep: bool
    because: str


@dataclass(frozen=True)
class Retention:
    """What is kept of one audience; the dry run shows it, and the run removes the very same.

    kept_days : the setting; 0 keeps all.
    """

    audience: str
    kept_days: int
    fates: tuple[Fate, ...]

    @property
    def removed(self) -> tuple[str, ...]:
        """The snapshots whose members go now."""
        return tuple(f.snapshot for f in self.fates if not f.keep and f.because != "gone")

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "audience": self.audience,
            "kept_days": self.kept_days,
            "removed": list(self.removed),
            "kept": sum(f.keep for f in self.fates),
            "snapshots": [asdict(f) for f in self.fates],
        }


def plan(
    store: Store, audience: str, found: Sequence[Snapshot], kept_days: int, at: datetime, zone: ZoneInfo
) -> Retention:
    """What is kept of an audience at a moment.

    found : all its snapshots, oldest first. zone : whose months count.
    """
    old_before = at - timedelta(days=kept_days)
    is_old = [kept_days > 0 and _made(s) < old_before for s in found]
    reasons = _reasons(store, found, at, zone) if any(is_old) else {}
    fates = (_fate(s, old, reasons.get(s.id), kept_days) for s, old in zip(found, is_old, strict=True))
    return Retention(audience, kept_days, tuple(fates))


def run(snapshots: Snapshots, found: Sequence[Snapshot], retention: Retention, at: datetime) -> None:
    """Remove what the plan, made of the same snapshots, names; doing it again does nothing."""
    for snapshot, fate in zip(found, retention.fates, strict=True):
        if not fate.keep:  # also those gone: a kill may have come between the note and the file
            snapshots.expire(snapshot, at)


def _fate(snapshot: Snapshot, old: bool, reason: str | None, kept_days: int) -> Fate:
    if snapshot.expired_at is not None:
        keep, because = False, "gone"
    elif not old:
        keep, because = True, "young"
    else:
        keep, because = reason is not None, reason or f"older than {kept_days} days"
    return Fate(snapshot.id, snapshot.created_at, snapshot.count, keep, because)


def _reasons(store: Store, found: Sequence[Snapshot], at: datetime, zone: ZoneInfo) -> dict[str, str]:
    """Why snapshots stay however old they are."""
    reasons = {}
    since = before(at, MONTHS_KEPT, zone)
    months: dict[str, list[Snapshot]] = {}
    for snapshot in found:
        if _made(snapshot) >= since:
            months.setdefault(f"{_made(snapshot).astimezone(zone):%Y-%m}", []).append(snapshot)
    for month, within in months.items():
        reasons[within[-1].id] = f"last of {month}"
        reasons[within[0].id] = f"first of {month}"
    ids = {known: s.id for s in found for known in (s.id, str(s.number))}
    for user, audience, snapshot_id in _used(store):
        if audience == found[0].audience and snapshot_id in ids:
            reasons[ids[snapshot_id]] = user
    return {**reasons, found[-1].id: "newest"}


def _used(store: Store) -> Iterator[tuple[str, str, str]]:
    """Who needs which snapshot: user, audience, id or number."""
    from coterie.audiences.sync import SYNC

    for kind in (AUDIENCE, BLOCK):
        for document in store.all(kind):
            for audience, snapshot in named_snapshots(document.body["rule"]):
                yield f"used by the {kind} {document.name}", audience, snapshot
    for document in store.all(SYNC):
        yield f"synced to {document.body['url']}", document.body["audience"], document.body["snapshot"]


def named_snapshots(rule: Any) -> Iterator[tuple[str, str]]:
    """The snapshots that a rule, as JSON, names: audience, and id or number.

    >>> list(named_snapshots({"not": {"audience": "loyal", "snapshot": "2"}}))
    [('loyal', '2')]
    """
    match rule:
        case {"audience": str(audience), "snapshot": str(snapshot)}:
            yield audience, snapshot
        case dict():
            for value in rule.values():
                yield from named_snapshots(value)
        case list():
            for value in rule:
                yield from named_snapshots(value)


def _made(snapshot: Snapshot) -> datetime:
    return datetime.fromisoformat(snapshot.created_at)
