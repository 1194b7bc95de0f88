"""What a segmentation has to beat: deciles of recency, frequency and money, or of the single column that foretells best."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.learn.segments.columns import as_numbers
from coterie.learn.segments.pipeline import NumericStep, Pipeline

Floats = npt.NDArray[np.float64]

_RFM = (
    re.compile(r"recency(_days)?|days_since.*", re.IGNORECASE),
    re.compile(r"frequency|orders|order_count|purchases", re.IGNORECASE),
    re.compile(r"monetary|revenue|spend|spending|sales|total_spend", re.IGNORECASE),
)
_DECILES = 10


@dataclass(frozen=True)
class Baseline:
    """One way to foretell: columns whose deciles, as 0 and 1, are the predictors."""

    columns: tuple[str, ...]
    design: Floats  # shape (n, up to 9 per column, 10 where values are missing)


def baselines(frame: pd.DataFrame, pipeline: Pipeline) -> tuple[Baseline, ...]:
    """Recency, frequency and money together where the frame has all three, else every number by itself.

    frame : the columns of the pipeline, one row per entity; missing is a decile of its own

    >>> from coterie.learn.segments.prepare import prepare
    >>> frame = pd.DataFrame({"rfm.recency_days": range(40), "rfm.frequency": [1, 2] * 20, "rfm.monetary": range(0, 80, 2)})
    >>> [found.columns for found in baselines(frame, prepare(frame, mode="none"))]
    [('rfm.recency_days', 'rfm.frequency', 'rfm.monetary')]
    """
    numbers = [step.column for step in pipeline.steps if isinstance(step, NumericStep)]
    found = [next((c for c in numbers if p.fullmatch(c.rsplit(".", 1)[-1])), None) for p in _RFM]
    rfm = tuple(c for c in found if c is not None)
    designs = {c: _deciles(as_numbers(frame[c])) for c in numbers}
    if len(rfm) == len(_RFM):
        return (Baseline(rfm, np.column_stack([designs[c] for c in rfm])),)
    return tuple(Baseline((c,), design) for c, design in designs.items())


def _deciles(values: Floats) -> Floats:
    """Which decile each value is in, as 0 and 1, the first left out; ties share one, missing has its own."""
    gone = np.isnan(values)
    cuts = np.unique(np.quantile(values[~gone], np.arange(1, _DECILES) / _DECILES)) if not gone.all() else np.empty(0)
    places = np.where(gone, -1, np.searchsorted(cuts, np.where(gone, 0.0, values), side="right"))
    levels = np.unique(places)
    return np.asarray(places[:, None] == levels[None, 1:], dtype=np.float64)
