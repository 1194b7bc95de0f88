"""An engine that all tests of one module share: every example makes its own tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coterie.engines.duckdb import Engine
from coterie.settings import Settings


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    """One engine with one thread."""
    with Engine.open(Settings({"threads": 1, "memory_limit_mb": 512})) as engine:
        yield engine
