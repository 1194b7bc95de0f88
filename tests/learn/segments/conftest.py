"""Customers with a known truth, and fits that several tests look at."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from coterie.learn.segments.model import SegmentFit, fit_segments
from coterie.learn.segments.words import Text


class Planted(NamedTuple):
    """A frame of tags and the segment that each row was drawn from."""

    frame: pd.DataFrame
    truth: np.ndarray


def planted(n: int = 420, seed: int = 0) -> Planted:
    """Three kinds of customers: the tags differ on the logarithmic scale, one tag and one category are noise."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, size=n, p=[0.5, 0.3, 0.2])
    orders = np.array([3.0, 20.0, 6.0])[truth] * np.exp(rng.normal(0, 0.25, n))
    basket = np.array([20.0, 25.0, 180.0])[truth] * np.exp(rng.normal(0, 0.25, n))
    night = np.array([0.1, 0.2, 0.6])[truth] + rng.normal(0, 0.06, n)
    frame = pd.DataFrame(
        {
            "orders": np.maximum(1, np.round(orders)).astype(int),
            "basket": basket.round(2),
            "night_share": night.clip(0, 1),
            "age": rng.normal(40, 12, n).round(),
            "city": rng.choice(["Paris", "Lyon", "Nice"], n),
            "member": rng.random(n) < 0.4,
        },
        index=pd.Index([f"c{i:05d}" for i in rng.permutation(n)], name="entity"),
    )
    return Planted(frame, truth)


@pytest.fixture(scope="session")
def known() -> Planted:
    return planted()


@pytest.fixture(scope="session")
def fit(known: Planted) -> SegmentFit:
    """The planted customers, k chosen among 2 to 5."""
    labels = {"orders": Text("orders", "订单数"), "basket": Text("basket value", "客单价")}
    return fit_segments(known.frame, money=["basket"], max_k=5, labels=labels)


@pytest.fixture(scope="session")
def wholesale(data_dir: Path) -> pd.DataFrame:
    frame = pd.read_csv(data_dir / "wholesale_customers" / "wholesale_customers.csv")
    return frame.set_index(pd.Index([f"w{i:03d}" for i in range(len(frame))], name="entity"))
