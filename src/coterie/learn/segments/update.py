"""Moving the centres of a segmentation along with new and changed customers, between two fits.

Rows that are new or changed since the version before come in small batches: each is assigned to its nearest centre, and
each centre moves to the mean of what it stands for and what came. What it stands for fades with time, so that a centre
can follow; how far it may go from where it was fitted is limited, since beyond that the segments would be others under
the same ids.

Source: Sculley (2010), Web-scale k-means clustering, algorithm 1, with the centres' counts decayed before each update.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.errors import Refused
from coterie.learn.segments.model import SegmentModel

Floats = npt.NDArray[np.float64]

HALF_LIFE_DAYS = 90.0
MOVING = ("kmeans",)
"""Methods whose centres are means, so that they can move to the mean of more rows."""
MOST_SHIFT = 0.25
"""Of the distance to the nearest other centre at the last fit: beyond it an update is refused."""
_BATCH = 1_000


class Moved(NamedTuple):
    """A model whose centres moved.

    weights : rows that each centre stands for now, faded ones less than one each.
    shift : of the centre that went farthest since the last fit, its way over the distance to the nearest other centre.
    """

    model: SegmentModel
    weights: tuple[float, ...]
    shift: float


def changed(before: pd.DataFrame, now: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows of `now` are new or have another value than in `before`, both indexed by entity, shape (n_now,).

    >>> before = pd.DataFrame({"spend": [1.0, 2.0, None]}, index=["a", "b", "c"])
    >>> now = pd.DataFrame({"spend": [1.0, 3.0, None, 4.0]}, index=["a", "b", "c", "d"])
    >>> changed(before, now).tolist()
    [False, True, False, True]
    """
    there = before.reindex(now.index)
    differs = np.array(~now.index.isin(before.index), dtype=bool)
    for column in now.columns:
        then, today = there[column], now[column]
        same = (then == today).fillna(False).to_numpy(bool) | (then.isna() & today.isna()).to_numpy(bool)
        differs |= ~same
    return differs


def moved(
    model: SegmentModel,
    fitted: SegmentModel,
    rows: pd.DataFrame,
    weights: tuple[float, ...],
    *,
    days: float,
    half_life_days: float = HALF_LIFE_DAYS,
) -> Moved:
    """Move a model's centres by new rows.

    fitted : the model of the last fit, from which the way is measured; rows : new and changed ones, indexed by entity.
    weights : rows that each centre stands for; days : since they were counted.
    Rows are taken in the order of their keys, so that the order of a file has no say.
    """
    keep = 0.5 ** (max(days, 0.0) / half_life_days)
    stored = json.loads(model.to_json())
    centres, counts = np.array(stored["centres"], np.float64), np.array(weights, np.float64) * keep
    ordered = rows.iloc[np.argsort(np.array([str(key) for key in rows.index], dtype=object), kind="stable")]
    matrix = model.pipeline.transform(ordered)
    for start in range(0, len(matrix), _BATCH):
        _step(centres, counts, matrix[start : start + _BATCH])
    start_from = np.array(json.loads(fitted.to_json())["centres"], np.float64)
    stored["centres"] = [[float(v) for v in centre] for centre in centres]
    again = SegmentModel.from_json(json.dumps(stored))
    return Moved(again, tuple(float(c) for c in counts), _shift(start_from, centres))


def _step(centres: Floats, counts: Floats, batch: Floats) -> None:
    """Assign a batch, then move each centre to the mean of what it stands for and its new rows (in place)."""
    squares = ((batch[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    nearest = squares.argmin(axis=1)
    for j in range(len(centres)):
        own = batch[nearest == j]
        if len(own):
            counts[j] += len(own)
            # Sculley's rate 1 / count, taken for all rows of the batch at once
            centres[j] += (own - centres[j]).sum(axis=0) / counts[j]


def _shift(fitted: Floats, centres: Floats) -> float:
    between = np.sqrt(((fitted[:, None, :] - fitted[None, :, :]) ** 2).sum(axis=2))
    np.fill_diagonal(between, np.inf)
    return float((np.sqrt(((centres - fitted) ** 2).sum(axis=1)) / between.min(axis=1)).max())


def resized(model: SegmentModel, labels: pd.DataFrame) -> SegmentModel:
    """The model with today's sizes."""
    stored = json.loads(model.to_json())
    counts = labels["segment"].value_counts()
    stored["sizes"] = [int(counts.get(i, 0)) for i in model.ids]
    stored["unassigned"] = int(counts.get(0, 0))
    return SegmentModel.from_json(json.dumps(stored))


def refuse_far(name: str, said: str) -> Refused:
    """The refusal of an update that would go too far."""
    fix = f"Fit it again: coterie segment refit {name}"
    return Refused("refit_needed", f"The customers moved too far for an update: {said}", place=name, fix=fix)


def described(model: SegmentModel, summary: dict[str, Any]) -> dict[str, Any]:
    """A fit's summary with the sizes of an updated model."""
    return {**summary, "sizes": {str(i): n for i, n in zip(model.ids, model.sizes, strict=True)}}
