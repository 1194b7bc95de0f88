"""A segmentation beside its earlier version: how sizes moved, who went where, and what moved them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from coterie.learn.segments.identity import migration
from coterie.learn.segments.model import SegmentFit, SegmentModel
from coterie.learn.segments.names import SegmentName
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.study.again import segments_of


@dataclass(frozen=True)
class Before:
    """The version to compare with."""

    version: int
    as_of: str
    model: SegmentModel
    segments: Mapping[str, int]  # the segment that each entity had


class Flow(NamedTuple):
    """Customers who had one segment and now have another, or the same."""

    source: int
    target: int
    customers: int


@dataclass(frozen=True)
class Past:
    """Who was where. Ids are lasting: the same id is the same segment."""

    version: int
    as_of: str
    names: Mapping[int, SegmentName]  # of the segments of before
    sizes: Mapping[int, int]  # of before
    common: int  # customers known at both moments
    kept: int  # of these, in the same segment
    by_customers: int  # moved by what they did: the old model puts them elsewhere today
    by_model: int  # moved by the new model
    flows: tuple[Flow, ...]  # of customers of both moments; 0: in no segment

    def trend(self, segment: int, now: int) -> float | None:
        """Growth of a segment as a fraction; None where it is new."""
        before = self.sizes.get(segment, 0)
        return now / before - 1 if before else None


def past(fit: SegmentFit, frame: pd.DataFrame, before: Before | None) -> Past | NotApplicable:
    """Compare; the model of before needs its columns in the frame, else only sizes and moves are told."""
    if before is None:
        return NotApplicable("no_earlier")
    keys = [str(key) for key in frame.index]
    today = pd.DataFrame({"entity": keys, "segment": segments_of(fit, frame)})
    had = today["entity"].map(before.segments)
    there = had.notna().to_numpy()
    then, now = had[there].to_numpy(dtype=np.int64), today["segment"].to_numpy()[there]
    pairs, counts = np.unique(np.column_stack([then, now]), axis=0, return_counts=True)
    flows = tuple(Flow(int(a), int(b), int(n)) for (a, b), n in zip(pairs, counts, strict=True))
    by_customers = by_model = 0
    if set(before.model.columns) <= set(frame.columns):
        moved = migration(before.segments, before.model.predict(frame), today)
        by_customers = sum(n for a, b, n in moved.customers if a != b)
        by_model = sum(n for a, b, n in moved.model if a != b)
    ids, counts = np.unique(np.array(list(before.segments.values()), np.int64), return_counts=True)
    names = dict(zip(before.model.ids, before.model.names, strict=True))
    return Past(
        before.version,
        before.as_of,
        names,
        dict(zip(ids.tolist(), counts.tolist(), strict=True)),
        int(there.sum()),
        int((then == now).sum()),
        by_customers,
        by_model,
        flows,
    )
