"""Snapshots: the members of an audience at one moment, immutable, as a bitmap of row numbers.

Members are removed after a time (`coterie.audiences.retention`); what else is known of a snapshot stays.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from coterie.errors import Failed, Refused, unknown_name
from coterie.kit.disk import disk_errors
from coterie.kit.moments import now
from coterie.store.service import Store

KIND = "snapshot"
_MOST_BYTES = 200  # of a file's name, of which file systems allow 255: 200 Chinese characters are 600


@dataclass(frozen=True)
class Snapshot:
    """One snapshot.

    id : `AUDIENCE@N`, N counting from 1.
    version : of the audience's rule.
    rule : the rule as it was, so that the snapshot explains itself.
    count, entered, left : members, and those that differ from the snapshot before.
    expired_at : when its members were removed; None while they are kept.
    """

    id: str
    audience: str
    number: int
    version: int
    rule: Any
    entity_kind: str
    as_of: str
    data_version: int
    count: int
    entered: int
    left: int
    created_at: str
    expired_at: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def row(self) -> dict[str, Any]:
        """Without rule and audience, as the size history shows it; `members` is `kept` or `expired`."""
        facts = {k: v for k, v in self.as_dict().items() if k not in ("id", "rule", "audience", "expired_at")}
        return {"snapshot": self.id, **facts, "members": "kept" if self.expired_at is None else "expired"}


class Snapshots:
    """The snapshots of a workspace: facts in the store, members in files of `folder`."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder

    def of(self, audience: str) -> list[Snapshot]:
        """All snapshots of an audience, oldest first."""
        found = [
            Snapshot(**d.body) for d in self._store.all(KIND, prefix=f"{audience}@") if d.body["audience"] == audience
        ]
        return sorted(found, key=lambda s: s.number)

    def by_audience(self) -> dict[str, list[Snapshot]]:
        """All snapshots of all audiences, oldest first."""
        found: dict[str, list[Snapshot]] = {}
        for document in self._store.all(KIND):
            found.setdefault(document.body["audience"], []).append(Snapshot(**document.body))
        return {audience: sorted(some, key=lambda s: s.number) for audience, some in found.items()}

    def get(self, audience: str, snapshot: str | None) -> Snapshot:
        """The snapshot of that id or number; without one the newest. Raises NotFound."""
        found = self.of(audience)
        if snapshot is None and found:
            return found[-1]
        for candidate in found:
            if snapshot in (candidate.id, str(candidate.number)):
                return candidate
        raise unknown_name("snapshot", snapshot or f"{audience}@1", [s.id for s in found], place="--snapshot")

    def members(self, snapshot: Snapshot) -> BitMap:
        """The row numbers of a snapshot's members.

        Raises Refused(`snapshot_expired`): they were removed. Failed(`damaged`): the file is missing.
        """
        path = self._path(snapshot.id)
        if not path.exists():
            self._refuse_expired(snapshot)
            raise Failed("damaged", "The snapshot's members are missing.", place=path.name, fix="Restore a backup.")
        return BitMap.deserialize(path.read_bytes())

    def add(self, audience: str, version: int, members: BitMap, facts: Mapping[str, Any]) -> Snapshot:
        """Keep members as the audience's next snapshot: first the file, then the record that makes it count."""
        earlier = self.of(audience)
        before = self.members(earlier[-1]) if earlier else BitMap()
        number = earlier[-1].number + 1 if earlier else 1
        snapshot = Snapshot(
            id=f"{audience}@{number}",
            audience=audience,
            number=number,
            version=version,
            count=len(members),
            entered=len(members - before),
            left=len(before - members),
            created_at=now().isoformat(),
            **facts,
        )
        with disk_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._path(snapshot.id)
            staged = path.with_suffix(".part")
            with staged.open("wb") as handle:
                handle.write(members.serialize())
                handle.flush()
                os.fsync(handle.fileno())
            staged.replace(path)
            self._store.put(KIND, snapshot.id, snapshot.as_dict())
        return snapshot

    def expire(self, snapshot: Snapshot, at: datetime) -> None:
        """Remove its members: first the note, then the file, so that a missing file is always explained."""
        with disk_errors():
            if snapshot.expired_at is None:
                self._store.put(KIND, snapshot.id, replace(snapshot, expired_at=at.isoformat()).as_dict())
            self._path(snapshot.id).unlink(missing_ok=True)

    def _refuse_expired(self, snapshot: Snapshot) -> None:
        known = self._store.find(KIND, snapshot.id)
        if known is not None and known.body.get("expired_at") is not None:
            kept = [s.id for s in self.of(snapshot.audience) if s.expired_at is None]
            said = f'The members of "{snapshot.id}" were removed on {known.body["expired_at"][:10]}; its size is known.'
            fix = f"Kept are: {', '.join(kept[-8:])}. The setting `snapshots_kept_days` says how long."
            raise Refused("snapshot_expired", said, place=snapshot.id, fix=fix)

    def _path(self, snapshot_id: str) -> Path:
        name = snapshot_id
        if len(name.encode()) > _MOST_BYTES:
            name = hashlib.sha256(name.encode()).hexdigest()
        return self._folder / f"{name}.roaring"
