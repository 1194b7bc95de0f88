"""The file outbox: messages as JSON lines, a file a batch, for whoever carries them further."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from json.encoder import encode_basestring
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
        content = "".join(map(_line, parcels)).encode()
        with disk_errors():
            path = self._folder / f"{batch}.jsonl"
            staged = path.with_suffix(".part")
            with staged.open("wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            staged.replace(path)
        return [Outcome(SENT)] * len(parcels)


def _line(parcel: Parcel) -> str:
    """A message as JSON, put together from its texts: two thirds of the encoder's time, which starts anew each time.

    >>> _line(Parcel(0, 0, 0, "k", "7", None, "a", {"text": 'Say "hi"', "points": 3}))
    '{"key": "k", "entity": "7", "address": null, "arm": "a", "text": "Say \\\\"hi\\\\"", "points": 3}\\n'
    """
    _, _, _, key, entity, address, arm, parts = parcel
    made = {"key": key, "entity": entity, "address": address, "arm": arm, **parts}
    said = [
        f"{encode_basestring(name)}: {encode_basestring(v) if isinstance(v, str) else _ENCODER.encode(v)}"
        for name, v in made.items()
    ]
    return "{" + ", ".join(said) + "}\n"


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
