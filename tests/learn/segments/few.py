"""Fits with fewer draws than people get, for tests that are not about the figures that the draws give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from coterie.learn.segments import choose, model, structure


@contextmanager
def few_draws() -> Iterator[None]:
    """Four resamples and four nulls; no structure can then be told from chance."""
    with pytest.MonkeyPatch.context() as few:
        few.setattr(model, "_DRAWS_FINAL", 4)
        few.setattr(choose, "DRAWS_PANEL", 4)
        few.setattr(structure, "_DRAWS", 4)
        few.setattr(structure, "_GAP_DRAWS", 4)
        yield
