"""Clustering again as a fit was clustered, with one thing changed: what comparisons and stress tests do many times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.learn.segments.methods.table import METHODS
from coterie.learn.segments.model import SegmentFit, partition
from coterie.learn.segments.prepare import MODES
from coterie.stats.agreement import adjusted_rand, contingency

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

_MOST_ROWS = 5_000


@dataclass(frozen=True)
class Recipe:
    """What decides a clustering beside the data."""

    method: str
    k: int
    seed: int
    mode: str = "auto"  # of the preparation
    money: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    pca: float | None = None

    @classmethod
    def of(
        cls,
        fit: SegmentFit,
        money: Sequence[str] = (),
        weights: Mapping[str, float] | None = None,
        pca: float | None = None,
    ) -> Recipe:
        """The recipe of a fit; what was given to it beside the method is given here again."""
        mode = fit.model.pipeline.mode
        shown = mode if mode in MODES else "auto"
        return cls(fit.model.method, fit.model.k, fit.model.seed, shown, tuple(money), dict(weights or {}), pca)

    @property
    def rows(self) -> int:
        """How many rows the method can be asked to group many times."""
        return min(_MOST_ROWS, max(2 * METHODS[self.method].rows, 1_500))


def regroup(frame: pd.DataFrame, recipe: Recipe) -> Ints:
    """The group of each row, from 0; -1: in none. The order of the rows has no say.

    Money and weights of columns that the frame lacks are left out; so is what a method has no use for.

    Raises Refused where the method cannot take the columns, or there are too few different rows.

    >>> frame = pd.DataFrame({"spend": [1.0, 2.0, 1.5, 90.0, 91.0, 1.3, 1.2, 95.0, 1.1, 1.4]}, index=list("abcdefghij"))
    >>> regroup(frame, Recipe("kmeans", 2, 0, "standard")).tolist()
    [0, 0, 0, 1, 1, 0, 0, 1, 0, 0]
    """
    entry = METHODS[recipe.method]
    here = [str(c) for c in frame.columns]
    weights = {n: w for n, w in recipe.weights.items() if any(c == n or c.startswith(f"{n}.") for c in here)}
    return partition(
        frame,
        k=recipe.k,
        method=recipe.method,
        seed=recipe.seed,
        prepare=recipe.mode,
        money=[m for m in recipe.money if m in here],
        weights=None if entry.plain else weights or None,
        pca=None if entry.plain or entry.needs_columns else recipe.pca,
    )


def sample(frame: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many rows, the same ones whatever the order of the frame."""
    keys = np.array([str(key) for key in frame.index], dtype=object)
    by_key = np.argsort(keys, kind="stable")
    chosen = np.random.default_rng([seed, 43]).permutation(len(frame))[:most]
    return frame.iloc[by_key[np.sort(chosen)]]


def segments_of(fit: SegmentFit, frame: pd.DataFrame) -> Ints:
    """The id of each row's segment: as the fit put it, or where its labels are not at hand as the model does."""
    known = fit.labels.set_index("entity")["segment"]
    keys = [str(key) for key in frame.index]
    if len(known) and known.index.is_unique and known.index.isin(keys).sum() == len(keys):
        return np.asarray(known.loc[keys], dtype=np.intp)
    return np.asarray(fit.model.predict(frame)["segment"], dtype=np.intp)


def agreement(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Adjusted Rand index of two groupings of the same rows, whatever their groups are called.

    >>> agreement([1, 1, 2, 2], [7, 7, 0, 0])
    1.0
    """
    names, one = np.unique(np.asarray(first), return_inverse=True)
    others, two = np.unique(np.asarray(second), return_inverse=True)
    return adjusted_rand(contingency(one, two, len(names), len(others)))
