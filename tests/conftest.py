"""What all tests share: where the real data sets lie, small workspaces, an engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coterie.engines.duckdb import Engine
from coterie.lake.service import Lake
from coterie.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The public data sets beside the project; without them the test is skipped, unless COTERIE_DATA=required."""
    folder = ROOT.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    message = "the public data sets (shared/data beside the project) are not here"
    if os.environ.get("COTERIE_DATA") == "required":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A DuckDB engine with two threads."""
    with Engine.open(Settings({"threads": 2, "memory_limit_mb": 1024})) as opened:
        yield opened


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake in a workspace folder of its own."""
    (tmp_path / "ws").mkdir()
    return Lake.create(tmp_path / "ws" / "lake")
