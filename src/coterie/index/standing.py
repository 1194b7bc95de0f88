"""What every question of one entity kind has in common until something is published or defined."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from coterie.kit.watch import Watch
from coterie.rules.binding import BoundLeaf
from coterie.tags.context import TagContext
from coterie.tags.published import default_as_of, definitions_digest
from coterie.tags.records import BuildRecord, Builds
from coterie.tags.vocabulary import CatalogVocabulary


@dataclass(frozen=True)
class Standing:
    """The names, the published build and the batches of one moment.

    current : whether the build was made of today's definitions; definitions : stands for these.
    batches : by dataset, the data versions that brought rows, rising.
    bound : conditions that were bound to these names.
    """

    vocabulary: CatalogVocabulary
    record: BuildRecord | None
    current: bool
    definitions: str
    newest: int
    batches: dict[str, tuple[int, ...]]
    bound: dict[Hashable, BoundLeaf] = field(default_factory=dict, compare=False)

    def as_of(self, context: TagContext) -> datetime:
        """The as-of of a question that names none."""
        kind = self.vocabulary.entity_kind
        return default_as_of(context, kind) if self.record is None else self.record.as_of

    @property
    def data_version(self) -> int:
        """The data version of a question that names none: that of the build, if it is current, else the newest."""
        return self.record.data_version if self.record is not None and self.current else self.newest

    def last_batch(self, dataset: str, data_version: int) -> int:
        """The newest data version up to `data_version` that brought rows of a dataset; 0 if none did."""
        return max((v for v in self.batches.get(dataset, ()) if v <= data_version), default=0)


class Standings:
    """The standing of each entity kind, read anew after a change by any process.

    To find that out takes some microseconds where metadata and journal are SQLite files, else .3 ms.
    """

    def __init__(self, context: TagContext, files: Sequence[Path]) -> None:
        """files : the SQLite files of metadata and journal; none where the metadata are elsewhere."""
        self._context = context
        self._known: dict[str, tuple[tuple[int, int], Standing]] = {}
        self._lock = threading.Lock()
        self._watches = [Watch(file) for file in files]
        self._mine = threading.local()

    def of(self, kind: str) -> Standing:
        """The standing of an entity kind now."""
        marks = [watch.mark() for watch in self._watches]  # before reading: what comes later changes them again
        seen: dict[str, tuple[list[int], Standing]] = self._mine.__dict__.setdefault("seen", {})
        if marks and kind in seen and seen[kind][0] == marks:
            return seen[kind][1]
        found = self._now(kind)
        seen[kind] = (marks, found)
        return found

    def close(self) -> None:
        """Give the connections back."""
        for watch in self._watches:
            watch.close()
        self._mine = threading.local()

    def _now(self, kind: str) -> Standing:
        key = (self._context.store.revision(), self._context.lake.data_version)
        with self._lock:
            known = self._known.get(kind)
            if known is None or known[0] != key:
                known = self._known[kind] = (key, self._read(kind, key[1]))
        return known[1]

    def _read(self, kind: str, newest: int) -> Standing:
        context = self._context
        record = Builds(context.store, kind).published()
        definitions = definitions_digest(context, kind)
        current = record is not None and record.definitions == definitions
        batches: dict[str, tuple[int, ...]] = {}
        for batch in context.lake.batches():
            batches[batch.dataset] = (*batches.get(batch.dataset, ()), batch.data_version)
        vocabulary = CatalogVocabulary(context.catalog, context.zone, kind)
        assert vocabulary.definitions is not None and vocabulary.datasets is not None  # read now, under the lock
        return Standing(vocabulary, record, current, definitions, newest, batches)
