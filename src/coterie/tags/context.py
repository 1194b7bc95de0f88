"""What tag building works with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from coterie.kit.moments import parse_moment

if TYPE_CHECKING:
    from coterie.catalog.service import Catalog
    from coterie.engines.duckdb import Engine
    from coterie.lake.service import Lake
    from coterie.settings import Settings
    from coterie.store.service import Store


@dataclass(frozen=True)
class TagContext:
    """The parts of a workspace that tags are made of; `zone` and `currency` are the workspace's."""

    engine: Engine
    lake: Lake
    store: Store
    catalog: Catalog
    zone: ZoneInfo
    currency: str
    settings: Settings

    def moment(self, given: datetime | str, *, place: str = "--as-of") -> datetime:
        """A moment as people or programs give it; a naive one is in the workspace's zone."""
        return parse_moment(given.isoformat() if isinstance(given, datetime) else given, self.zone, place=place)
