"""The file outbox: messages as JSON lines, a file a batch, for whoever carries them further."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coterie.campaigns.channels.base import SENT, Outcome, Parcel, Part, Surroundings
from coterie.kit.disk import disk_errors


class FileOutbox:
    """Writes `outbox/NNNNNN.jsonl` into the run's folder.

    A file appears whole or not at all, and the same batch is the same file, so nothing is lost and nothing comes twice.
    """

    name = "file"
    parts: Sequence[Part] = ()
    options = ()
    address: str | None = None
    opt_in = False
    permitted_as = "file"
    repeatable = True
    batch = 10_000
    connections = 1

    def check(self, options: Mapping[str, Any]) -> None:
        """It has no options of its own."""

    @contextmanager
    def open(self, given: Surroundings) -> Iterator[_Writing]:
        """The run's folder."""
        folder = given.folder / "outbox"
        with disk_errors():
            folder.mkdir(parents=True, exist_ok=True)
        yield _Writing(folder)


class _Writing:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, batch: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """One file."""
        lines = [_line(parcel) for parcel in parcels]
        with disk_errors():
            path = self._folder / f"{batch}.jsonl"
            staged = path.with_suffix(".part")
            with staged.open("w", encoding="utf-8") as handle:
                handle.writelines(lines)
                handle.flush()
                os.fsync(handle.fileno())
            staged.replace(path)
        return [Outcome(SENT)] * len(parcels)


def _line(parcel: Parcel) -> str:
    made = {"key": parcel.key, "entity": parcel.entity, "address": parcel.address, "arm": parcel.arm}
    return _ENCODER.encode({**made, **parcel.parts}) + "\n"


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)  # `json.dumps` would make one for each line
