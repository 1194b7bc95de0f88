"""A workspace's parts for the tests of importing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coterie.catalog.service import Catalog
from coterie.engines.duckdb import Engine, scan
from coterie.ingest.context import IngestContext
from coterie.ingest.report import ImportReport
from coterie.ingest.service import import_file, import_frame
from coterie.lake.service import Lake
from coterie.settings import Settings
from coterie.store.service import Store


@dataclass(frozen=True)
class Shop:
    """An open workspace, and short ways to import into it and to look at its tables."""

    ctx: IngestContext
    folder: Path

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.ctx.store)

    def write(self, content: str | bytes, name: str = "file.csv") -> Path:
        """A file of that content."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, content: str | bytes | Path, name: str = "d", **options: Any) -> ImportReport:
        """Import a text, bytes or a file; checks that the numbers add up."""
        path = content if isinstance(content, Path) else self.write(content, options.pop("file", "file.csv"))
        return self.load_source(path, name, **options)

    def load_source(self, source: str | Path, name: str = "d", **options: Any) -> ImportReport:
        """Import a path or a database URL."""
        report = import_file(self.ctx, source, **{"kind": "events", "name": name, "entity": "id", **options})
        assert report.read == report.accepted + report.rejected + report.duplicates
        assert report.rejected == sum(report.reject_reasons.values())
        return report

    def load_frame(self, frame: Any, name: str = "d", **options: Any) -> ImportReport:
        """Import a frame."""
        report = import_frame(self.ctx, frame, **{"kind": "events", "name": name, "entity": "id", **options})
        assert report.read == report.accepted + report.rejected + report.duplicates
        return report

    def rows(
        self, columns: str = "*", table: str = "data/d", *, order: str = "ALL", version: int | None = None
    ) -> list[Any]:
        """Rows of a lake table; moments as text."""
        files = self.ctx.lake.files(table, version)
        return self.ctx.engine.rows(f"SELECT {columns} FROM {scan(files)} ORDER BY {order}")

    def column(self, name: str, table: str = "data/d", **options: Any) -> list[Any]:
        """The values of one column."""
        return [row[0] for row in self.rows(name, table, **options)]

    def rejects(self) -> list[Any]:
        """(line, column, value, reason) of all rejects, by line."""
        if not self.ctx.lake.files("rejects").paths:
            return []
        return self.rows('line, "column", value, reason', "rejects", order="line")

    def entities(self) -> list[Any]:
        """(kind, key, row, first seen as text), in the order of their numbers."""
        return self.rows("kind, key, row, first_seen::VARCHAR", "entities", order="kind, row, _batch")


def make_shop(folder: Path, zone: str = "UTC", *, copy_of: Path | None = None, engine: Engine | None = None) -> Shop:
    """A fresh workspace in a folder; quicker where it copies an empty one and takes an engine that runs."""
    given = Settings({"threads": 2, "memory_limit_mb": 1024})
    if copy_of is not None:
        shutil.copytree(copy_of, folder / "ws")
    lake = Lake.open(folder / "ws" / "lake") if copy_of else Lake.create(folder / "ws" / "lake")
    store = Store.open(f"sqlite:///{folder / 'ws' / 'meta.sqlite'}")
    engine = engine.cursor() if engine is not None else Engine.open(given, folder / "ws" / "staging" / "spill")
    return Shop(IngestContext(engine, lake, store, ZoneInfo(zone), given), folder)


def close_shop(shop: Shop) -> None:
    """Give back its connections."""
    shop.ctx.engine.close()
    shop.ctx.store.close()


@pytest.fixture(scope="session")
def empty_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace with nothing in it."""
    folder = tmp_path_factory.mktemp("empty")
    close_shop(make_shop(folder))
    return folder / "ws"


@pytest.fixture(scope="session")
def running_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine for the workspaces of all tests, which use connections of their own."""
    settings = Settings({"threads": 2, "memory_limit_mb": 1024})
    with Engine.open(settings, tmp_path_factory.mktemp("spill")) as engine:
        yield engine


@pytest.fixture
def shop(tmp_path: Path, empty_workspace: Path, running_engine: Engine) -> Iterator[Shop]:
    """A fresh workspace in the zone UTC."""
    opened = make_shop(tmp_path, copy_of=empty_workspace, engine=running_engine)
    yield opened
    close_shop(opened)
