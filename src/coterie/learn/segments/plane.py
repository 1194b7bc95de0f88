"""The map of all customers: where the two axes of a fit put everybody of today, and who stands inside an outline.

The axes are those of the fit's own picture (`map`), which are linear in the scaled columns, so that people who came later
have a place, too. The origin is where every column has the average that it had at the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from coterie.learn.segments.model import SegmentFit

Floats = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

MOST_POINTS = 1_000_000
"""Of a picture; of more people so many are drawn at random, always the same ones."""
MOST_CORNERS = 500
_SQUARES = 64  # across and down


@dataclass(frozen=True)
class Plane:
    """Where everybody stands.

    entities : keys in code point order; x, y : their places; groups : 0 in no segment, else the segment's number in `ids`
        counted from 1. shown : the rows that the picture has, in the order of its points.
    """

    entities: npt.NDArray[np.object_]
    x: Float32
    y: Float32
    groups: npt.NDArray[np.uint8]
    ids: tuple[int, ...]
    shown: npt.NDArray[np.intp]

    def binary(self) -> bytes:
        """The picture's points: all x and y in turn as little-endian float32, then the groups, a byte each."""
        places = np.column_stack([self.x[self.shown], self.y[self.shown]]).astype("<f4")
        return places.tobytes() + self.groups[self.shown].tobytes()

    def bounds(self) -> tuple[float, float, float, float]:
        """Least and greatest x, least and greatest y."""
        return float(self.x.min()), float(self.x.max()), float(self.y.min()), float(self.y.max())

    def within(self, outline: Sequence[Sequence[float]], segments: Sequence[int] | None) -> npt.NDArray[np.bool_]:
        """Who stands inside an outline, and is in one of the segments where some are named (0: in none)."""
        found = inside(self.x, self.y, np.array(outline, np.float64))
        if segments is None:
            return found
        wanted = {0: 0} | {i: number for number, i in enumerate(self.ids, start=1)}
        return found & np.isin(self.groups, [wanted[i] for i in segments if i in wanted])

    def counts(self, rows: npt.NDArray[np.bool_] | None = None) -> dict[str, int]:
        """How many there are by segment id, of some rows or of all; none of no segment is left out."""
        groups = self.groups if rows is None else self.groups[rows]
        numbers = np.bincount(groups, minlength=len(self.ids) + 1)
        found = {str(i): int(n) for i, n in zip((0, *self.ids), numbers, strict=True)}
        return {i: n for i, n in found.items() if i != "0" or n}

    def middles(self) -> dict[str, tuple[float, float]]:
        """The mean place of each segment's people, by id; segments without any are left out."""
        found = {}
        for number, i in enumerate(self.ids, start=1):
            own = self.groups == number
            if own.any():
                found[str(i)] = (float(self.x[own].mean()), float(self.y[own].mean()))
        return found


def place(fit: SegmentFit, frame: pd.DataFrame, segments: pd.Series[int], most: int = MOST_POINTS) -> Plane:
    """Put people on the map.

    frame : their tags, indexed by key; segments : the segment id of each, in the same order, 0 for none.
    """
    keys = pa.array([str(key) for key in frame.index.tolist()], pa.string())
    order = pc.array_sort_indices(keys).to_numpy()  # by UTF-8 bytes, which is by code point
    places = fit.model.pipeline.scaled(frame.iloc[order]) @ axes_of(fit)
    had = segments.to_numpy(dtype=np.int64, na_value=0)[order]
    groups = np.zeros(len(had), np.uint8)
    for number, i in enumerate(fit.model.ids, start=1):
        groups[had == i] = number
    x, y = places[:, 0].astype(np.float32), places[:, 1].astype(np.float32)
    entities = keys.take(pa.array(order)).to_numpy(zero_copy_only=False)
    return Plane(entities, x, y, groups, fit.model.ids, _drawing_order(x, y, most))


def _drawing_order(x: Float32, y: Float32, most: int) -> npt.NDArray[np.intp]:
    """The rows of a picture, one square of the plane after the other: drawn so they take a fifth less time.

    Within a square they come by chance, so that no segment is always drawn over the others.
    """
    rows = np.random.default_rng(0).permutation(len(x))[:most]
    square = _part(y[rows]) * _SQUARES + _part(x[rows])
    return rows[np.argsort(square, kind="stable")]


def _part(values: Float32) -> npt.NDArray[np.int16]:
    """In which of so many equal parts of their range values lie."""
    low, high = values.min(), values.max()
    width = (high - low) / _SQUARES or np.float32(1.0)
    found: npt.NDArray[np.int16] = np.minimum((values - low) / width, _SQUARES - 1).astype(np.int16)
    return found


def axes_of(fit: SegmentFit) -> Floats:
    """The part of each scaled column in the two axes, shape (columns, 2)."""
    parts = {name: (x, y) for name, x, y in fit.map.loadings}
    outputs = fit.model.pipeline.scaled_outputs
    names = (o.column if o.part is None else f"{o.column} = {o.part}" for o in outputs)
    return np.array([parts[name] for name in names])


def inside(x: npt.ArrayLike, y: npt.ArrayLike, outline: Floats) -> npt.NDArray[np.bool_]:
    """Which points stand inside a closed outline of corners, by the even-odd rule.

    outline : shape (corners, 2); the last corner is joined to the first.

    >>> square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    >>> inside([1.0, 3.0, 1.0], [1.0, 1.0, -1.0], square).tolist()
    [True, False, False]
    """
    px, py = np.asarray(x, np.float64), np.asarray(y, np.float64)
    found = np.zeros(px.shape, dtype=bool)
    near = (px >= outline[:, 0].min()) & (px <= outline[:, 0].max())
    near &= (py >= outline[:, 1].min()) & (py <= outline[:, 1].max())
    px, py, own = px[near], py[near], np.zeros(int(near.sum()), dtype=bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        crosses = (ay > py) != (by > py)
        if crosses.any():
            own ^= crosses & (px < (bx - ax) * (py - ay) / (by - ay) + ax)
    found[near] = own
    return found
