"""A workspace with three planted kinds of customers and one segmentation of them, made once and copied for each test."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import coterie
from coterie.workspace import Workspace

Floats = npt.NDArray[np.float64]
CENTRES = np.array([[40.0, 20.0]] * 120 + [[10.0, 2.0]] * 90 + [[80.0, 5.0]] * 60)
"""Spend and visits: segment 1 in the middle, 2 small, 3 large."""
MONTHS = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")


def spread(centres: Floats, seed: int, width: float = 2.0) -> Floats:
    """Customers around their centres."""
    return np.asarray(centres + np.random.default_rng(seed).normal(0, width, centres.shape))


def put(ws: Workspace, values: Floats, month: int, *, first: int = 0) -> None:
    """Import customers numbered from `first`, rows shuffled, and build the tags of a month."""
    names = [f"c{i:04}" for i in range(first, first + len(values))]
    frame = pd.DataFrame({"id": names, "spend": values[:, 0].round(2), "visits": values[:, 1].round(2)})
    frame["city"] = [("Oslo", "Rome", "Bonn")[i % 3] for i in range(len(frame))]
    file = ws.path / f"people{month}.csv"
    frame.sample(frac=1, random_state=month).to_csv(file, index=False)
    ws.load(file, kind="profiles", name="people", entity="id")
    ws.tags.build(as_of=MONTHS[month])


@functools.cache
def _made(folder: Path) -> Path:
    with coterie.init(folder / "ws") as ws:
        put(ws, spread(CENTRES, 3), 0)
        ws.segments.fit("who", ["spend", "visits", "city"], k=3)
    return folder / "ws"


def copied(factory: pytest.TempPathFactory, to: Path) -> Path:
    """A copy of the workspace, in the folder `to`."""
    shutil.copytree(_made(factory.getbasetemp() / "segmented"), to / "ws")
    return to / "ws"


@pytest.fixture
def shop(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The workspace with version 1 of the segmentation "who"."""
    with coterie.open(copied(tmp_path_factory, tmp_path)) as ws:
        yield ws
