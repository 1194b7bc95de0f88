"""One simulated shop, shared by the tests that only read it."""

from __future__ import annotations

import pytest

from coterie.simulate.shop import simulate_shop

from .files import Shop, read_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop of 3,000 customers."""
    return read_shop(simulate_shop(tmp_path_factory.mktemp("shop"), customers=3_000, seed=1))
