"""Snapshots: the members of an audience at one moment, immutable, as a bitmap of row numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from coterie.errors import Failed, unknown_name
from coterie.kit.disk import disk_errors
from coterie.kit.moments import now
from coterie.store.service import Store

KIND = "snapshot"


@dataclass(frozen=True)
class Snapshot:
    """One snapshot.

    id : `AUDIENCE@N`, N counting from 1.
    version : of the audience's rule.
    rule : the rule as it was, so that the snapshot explains itself.
    count, entered, left : members, and those that differ from the snapshot before.
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

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


class Snapshots:
    """The snapshots of a workspace: facts in the store, members in files of `folder`."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder

    def of(self, audience: str) -> list[Snapshot]:
        """All snapshots of an audience, oldest first."""
        found = [Snapshot(**d.body) for d in self._store.all(KIND) if d.body["audience"] == audience]
        return sorted(found, key=lambda s: s.number)

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
        """The row numbers of a snapshot's members."""
        path = self._path(snapshot.id)
        if not path.exists():
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

    def _path(self, snapshot_id: str) -> Path:
        return self._folder / f"{snapshot_id}.roaring"
