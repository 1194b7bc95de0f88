"""What importing works with."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from coterie.engines.duckdb import Engine
from coterie.lake.service import Lake
from coterie.settings import Settings
from coterie.store.service import Store


@dataclass(frozen=True)
class IngestContext:
    """The parts of an open workspace that an import needs; `zone` is that of moments written without an offset."""

    engine: Engine
    lake: Lake
    store: Store
    zone: ZoneInfo
    settings: Settings
