"""What is remembered of builds: the published one of each entity kind, past ones, and one that was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coterie.lake.service import Lake
from coterie.lake.tables import TableFiles
from coterie.store.service import Store

KIND = "build"


@dataclass(frozen=True)
class BuiltTable:
    """A table that a build wrote: its Delta version, its files, and a digest of all that determines its rows.

    summary : by tag, what the dictionary tells: coverage, least, greatest, distribution.
    """

    table: str
    version: int
    paths: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    identity: str
    rows: int
    summary: Mapping[str, Any] = field(default_factory=dict)

    def files(self, lake: Lake) -> TableFiles | None:
        """What to read; None where the files are gone and it must be built again."""
        paths = tuple(lake.root / p for p in self.paths)
        if not all(p.is_file() for p in paths):
            return None
        return TableFiles(
            self.table, paths, self.columns, self.version, 0, versioned=False, all_visible=True, all_columns=True
        )

    def as_dict(self) -> dict[str, Any]:
        """The document."""
        return {
            "table": self.table,
            "version": self.version,
            "paths": list(self.paths),
            "columns": [list(c) for c in self.columns],
            "identity": self.identity,
            "rows": self.rows,
            "summary": dict(self.summary),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> BuiltTable:
        """The table of a document."""
        columns = tuple((name, kind) for name, kind in body["columns"])
        paths = tuple(body["paths"])
        return cls(
            body["table"], body["version"], paths, columns, body["identity"], body["rows"], body.get("summary", {})
        )

    @classmethod
    def of(cls, lake: Lake, files: TableFiles, identity: str, rows: int, summary: Mapping[str, Any]) -> BuiltTable:
        """The record of a derived table just written."""
        paths = tuple(p.relative_to(lake.root).as_posix() for p in files.paths)
        return cls(files.table, files.data_version, paths, files.columns, identity, rows, summary)


@dataclass(frozen=True)
class StateRecord:
    """A state as the record of a build keeps it.

    file : the table; columns : those of it.
    ledgers : by pair group, the files of its ledger.
    version : the newest data version of the dataset in it.
    """

    file: str
    columns: tuple[str, ...]
    ledgers: Mapping[str, tuple[str, ...]]
    as_of: str
    version: int
    id: str

    @property
    def files(self) -> set[str]:
        """All its files."""
        return {self.file, *(name for chain in self.ledgers.values() for name in chain)}

    def as_dict(self) -> dict[str, Any]:
        """The document."""
        return asdict(self)

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> StateRecord:
        """The record of a document."""
        chains = {name: tuple(chain) for name, chain in body["ledgers"].items()}
        return cls(body["file"], tuple(body["columns"]), chains, body["as_of"], body["version"], body["id"])


@dataclass
class BuildRecord:
    """One build: as of when, with what data version, and what it wrote.

    definitions : digest of all datasets and tags of the entity kind, as they were.
    universe : the numbering of all entities; families : by name; states : by source.
    entities : entities of the universe at the as-of.
    """

    entity_kind: str
    as_of: datetime
    data_version: int
    definitions: str = ""
    universe: BuiltTable | None = None
    families: dict[str, BuiltTable] = field(default_factory=dict)
    states: dict[str, StateRecord] = field(default_factory=dict)
    entities: int = 0
    tags: int = 0
    rows_scanned: int = 0
    seconds: float = 0.0

    @property
    def work_files(self) -> set[str]:
        """Files of its states."""
        return {name for state in self.states.values() for name in state.files}

    def as_dict(self) -> dict[str, Any]:
        """The document."""
        return {
            "entity_kind": self.entity_kind,
            "as_of": self.as_of.isoformat(),
            "data_version": self.data_version,
            "definitions": self.definitions,
            "universe": None if self.universe is None else self.universe.as_dict(),
            "families": {name: table.as_dict() for name, table in self.families.items()},
            "states": {name: state.as_dict() for name, state in self.states.items()},
            "entities": self.entities,
            "tags": self.tags,
            "rows_scanned": self.rows_scanned,
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> BuildRecord:
        """The record of a document."""
        return cls(
            entity_kind=body["entity_kind"],
            as_of=datetime.fromisoformat(body["as_of"]).astimezone(UTC),
            data_version=body["data_version"],
            definitions=body["definitions"],
            universe=None if body["universe"] is None else BuiltTable.from_dict(body["universe"]),
            families={name: BuiltTable.from_dict(t) for name, t in body["families"].items()},
            states={name: StateRecord.from_dict(s) for name, s in body["states"].items()},
            entities=body["entities"],
            tags=body["tags"],
            rows_scanned=body["rows_scanned"],
            seconds=body["seconds"],
        )


class Builds:
    """The records of one entity kind in a store."""

    def __init__(self, store: Store, entity_kind: str) -> None:
        self._store, self._kind = store, entity_kind

    def published(self) -> BuildRecord | None:
        """The build that tags are read from, or None before the first."""
        return self._find(self._kind)

    def publish(self, record: BuildRecord) -> None:
        """Make a build the one that tags are read from."""
        self._store.put(KIND, self._kind, record.as_dict())

    def past(self, as_of: datetime, data_version: int) -> BuildRecord | None:
        """A build made for a question about another moment or data version."""
        return self._find(self._past_name(as_of, data_version))

    def keep_past(self, record: BuildRecord) -> None:
        """Keep such a build."""
        self._store.put(KIND, self._past_name(record.as_of, record.data_version), record.as_dict())

    def unfinished(self) -> BuildRecord | None:
        """What an interrupted build had finished."""
        return self._find(f"{self._kind}/unfinished")

    def keep_unfinished(self, record: BuildRecord) -> None:
        """Keep what a build has finished so far."""
        self._store.put(KIND, f"{self._kind}/unfinished", record.as_dict())

    def finish(self) -> None:
        """Forget what was kept as unfinished."""
        name = f"{self._kind}/unfinished"
        if self._store.find(KIND, name) is not None:
            self._store.delete(KIND, name)

    def _past_name(self, as_of: datetime, data_version: int) -> str:
        return f"{self._kind}/{as_of.astimezone(UTC).isoformat()}/{data_version}"

    def _find(self, name: str) -> BuildRecord | None:
        found = self._store.find(KIND, name)
        return None if found is None else BuildRecord.from_dict(found.body)


def work_folder(lake: Lake, entity_kind: str) -> Path:
    """Where builds keep what the next build carries on."""
    return lake.root.parent / "cache" / "tags" / entity_kind
