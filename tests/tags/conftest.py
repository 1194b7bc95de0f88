from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coterie.tags import run

from .world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty workspace's parts, zone UTC."""
    made = World(tmp_path / "ws")
    yield made
    made.close()


@pytest.fixture
def paris(tmp_path: Path) -> Iterator[World]:
    """An empty workspace's parts, zone Europe/Paris."""
    made = World(tmp_path / "ws", "Europe/Paris")
    yield made
    made.close()


@pytest.fixture
def carry_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small data are read whole, since that is cheaper; here they are carried on all the same."""
    monkeypatch.setattr(run, "_CARRY_SHARE", 1e9)
