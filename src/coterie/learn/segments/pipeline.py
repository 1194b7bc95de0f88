"""The preparation as data: what was done to every column, so that it can be read, saved and done again to new rows.

Each step takes one column to one or more numbers per entity. A k-means on these numbers weighs columns by their
variance: a numeric column gets variance 1, a category or a yes/no column 1/2 in all, because a column of a few separate
values draws the centres to itself (Hennig & Liao 2013, How to find an appropriate clustering for mixed-type variables,
section 6.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.errors import Refused, did_you_mean
from coterie.learn.segments.columns import as_flags, as_levels, as_numbers, missing

if TYPE_CHECKING:
    Series = pd.Series[Any]

Floats = npt.NDArray[np.float64]
OTHER = "(other)"
MISSING = "(missing)"


class Output(NamedTuple):
    """One column of the prepared matrix."""

    column: str  # the tag it comes from
    part: str | None  # the level, `(other)` or `(missing)`; None for a number as such
    weight: float  # standard deviations are multiplied by this


@dataclass(frozen=True)
class NumericStep:
    """A number: missing filled, extremes limited, skew removed, scaled.

    >>> step = NumericStep("spend", "log1p", 0.0, 20.0, None, 1000.0, 3.0, 1.5, 1.0, 0, 0)
    >>> step.apply(pd.Series([0.0, None, 5000.0])).round(2).ravel().tolist()
    [-2.0, 0.03, 2.61]
    """

    kind: ClassVar[str] = "number"
    column: str
    transform: str  # identity, log1p or yeo_johnson
    power: float  # lambda of Yeo-Johnson, else 0
    fill: float  # stands in for a missing value: the median, in natural units
    lower: float | None  # winsor limits in natural units; None: no limit
    upper: float | None
    centre: float  # mean after the transformation
    scale: float  # standard deviation after it
    weight: float
    missing: int  # rows of the fitting data
    limited: int  # rows of the fitting data beyond the winsor limits

    def outputs(self) -> tuple[Output, ...]:
        """What the step gives: one column."""
        return (Output(self.column, None, self.weight),)

    def middles(self) -> tuple[float, ...]:
        """NaN: between numbers there is no half-way from no to yes."""
        return (float("nan"),)

    def apply(self, values: Series) -> Floats:
        """Natural units to weighed standard deviations from the mean, shape (n, 1)."""
        found = as_numbers(values)
        return self.scaled(np.where(np.isnan(found), self.fill, found))[:, None]

    def scaled(self, natural: Floats) -> Floats:
        """The same for an array without missing values, shape (n,)."""
        low = -np.inf if self.lower is None else self.lower
        high = np.inf if self.upper is None else self.upper
        bent = bend(np.clip(natural, low, high), self.transform, self.power)
        return np.asarray((bent - self.centre) / self.scale * self.weight)


@dataclass(frozen=True)
class FlagStep:
    """A yes/no column; missing counts as the average.

    >>> answers = pd.Series([True, False, None], dtype=object)
    >>> FlagStep("app", 0.5, 0.5, 0.5**0.5, 0).apply(answers).round(2).ravel().tolist()
    [0.71, -0.71, 0.0]
    """

    kind: ClassVar[str] = "flag"
    column: str
    centre: float  # share of true
    scale: float
    weight: float
    missing: int

    def outputs(self) -> tuple[Output, ...]:
        """What the step gives: one column."""
        return (Output(self.column, None, self.weight),)

    def middles(self) -> tuple[float, ...]:
        """Half-way between false and true, as the matrix has them."""
        return ((0.5 - self.centre) / self.scale * self.weight,)

    def apply(self, values: Series) -> Floats:
        """True and false to weighed standard deviations, shape (n, 1)."""
        found = as_flags(values)
        return ((np.where(np.isnan(found), self.centre, found) - self.centre) / self.scale * self.weight)[:, None]


@dataclass(frozen=True)
class CategoryStep:
    """A category: one column per level, rare and unknown levels together in `(other)`, missing a level where common.

    >>> step = CategoryStep("city", ("Paris", "(other)"), (0.8, 0.2), ("Nice",), 1.0, 1.0, 0)
    >>> step.apply(pd.Series(["Paris", "Oslo"])).round(1).tolist()
    [[0.2, -0.2], [-0.8, 0.8]]
    """

    kind: ClassVar[str] = "category"
    column: str
    levels: tuple[str, ...]  # in the order of the columns; may hold `(other)` and `(missing)`
    shares: tuple[float, ...]  # of the fitting data
    merged: tuple[str, ...]  # rare levels that went into `(other)`
    scale: float
    weight: float
    missing: int

    def outputs(self) -> tuple[Output, ...]:
        """What the step gives: one column per level."""
        return tuple(Output(self.column, level, self.weight) for level in self.levels)

    def middles(self) -> tuple[float, ...]:
        """Half-way between not having a level and having it, as the matrix has them."""
        return tuple((0.5 - share) / self.scale * self.weight for share in self.shares)

    def apply(self, values: Series) -> Floats:
        """Levels to weighed indicator columns, shape (n, levels)."""
        found = self.known(values)
        ones = np.column_stack([found == level for level in self.levels]).astype(np.float64)
        return np.asarray((ones - np.array(self.shares)) / self.scale * self.weight)

    def known(self, values: Series) -> npt.NDArray[np.object_]:
        """Each value as one of the step's levels; a level that was never seen is `(other)`, even where that has "
        "no column."""
        found = as_levels(values)
        for i, level in enumerate(found):
            wanted = MISSING if level is None else level
            found[i] = wanted if wanted in self.levels else OTHER
        return found


@dataclass(frozen=True)
class MissingStep:
    """Whether a number is missing, as a column of its own, since that often means something (no purchase yet).

    >>> MissingStep("recency_days", 0.25, 0.433, 0.5 ** 0.5).apply(pd.Series([1.0, None])).round(2).ravel().tolist()
    [-0.41, 1.22]
    """

    kind: ClassVar[str] = "missing"
    column: str
    centre: float  # share of missing
    scale: float
    weight: float

    def outputs(self) -> tuple[Output, ...]:
        """What the step gives: one column."""
        return (Output(self.column, MISSING, self.weight),)

    def middles(self) -> tuple[float, ...]:
        """Half-way between there and missing, as the matrix has them."""
        return ((0.5 - self.centre) / self.scale * self.weight,)

    def apply(self, values: Series) -> Floats:
        """Missing or not to weighed standard deviations, shape (n, 1)."""
        return ((missing(values).astype(np.float64) - self.centre) / self.scale * self.weight)[:, None]


Step = NumericStep | FlagStep | CategoryStep | MissingStep
_STEPS: dict[str, type[Step]] = {c.kind: c for c in (NumericStep, FlagStep, CategoryStep, MissingStep)}


@dataclass(frozen=True)
class Dropped:
    """A column that was not used: the code of the reason, and what the reason's sentence needs to know."""

    column: str
    reason: str  # a key of `words.DROPPED`
    detail: str = ""


@dataclass(frozen=True)
class Components:
    """Principal components: the directions of largest variance, each pointing to where its largest part is positive.

    >>> Components((1.0, 1.0), ((0.6, 0.8),), (0.9,)).apply(np.array([[2.0, 1.0], [1.0, 2.0]])).ravel().tolist()
    [0.6, 0.8]
    """

    middle: tuple[float, ...]  # of the scaled columns
    axes: tuple[tuple[float, ...], ...]  # per component its part of each scaled column
    variance: tuple[float, ...]  # share of the variance that each component holds

    def apply(self, scaled: Floats) -> Floats:
        """Scaled columns to components, shape (n, components); summed column by column, so that a row gets the same bits "
        "alone as among others."""
        result = np.zeros((len(scaled), len(self.axes)))
        for column, middle, parts in zip(scaled.T, self.middle, zip(*self.axes, strict=True), strict=True):
            for j, part in enumerate(parts):
                result[:, j] += (column - middle) * part
        return result


@dataclass(frozen=True)
class Pipeline:
    """All steps in the order of the scaled columns, the columns that were dropped, and the components where asked."""

    mode: str  # auto, standard or none; plain: scaled by the methods' baselines
    rows: int  # of the fitting data
    steps: tuple[Step, ...]
    dropped: tuple[Dropped, ...]
    components: Components | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that new data must have, in order, each once."""
        return tuple(dict.fromkeys(step.column for step in self.steps))

    @property
    def scaled_outputs(self) -> tuple[Output, ...]:
        """One entry per scaled column."""
        return tuple(output for step in self.steps for output in step.outputs())

    @property
    def outputs(self) -> tuple[Output, ...]:
        """One entry per column of the prepared matrix: the scaled columns, or the components of them."""
        if self.components is None:
            return self.scaled_outputs
        return tuple(Output(f"component {j + 1}", None, 1.0) for j in range(len(self.components.axes)))

    @property
    def sources(self) -> npt.NDArray[np.intp]:
        """For each column of the prepared matrix, the number of the step or component it comes from."""
        if self.components is not None:
            return np.arange(len(self.components.axes))
        return np.array([i for i, step in enumerate(self.steps) for _ in step.outputs()], dtype=np.intp)

    @property
    def middles(self) -> Floats:
        """For each column of the prepared matrix, what lies half-way between no and yes; NaN for a number."""
        if self.components is not None:
            return np.full(len(self.components.axes), np.nan)
        return np.array([middle for step in self.steps for middle in step.middles()])

    def transform(self, frame: pd.DataFrame) -> Floats:
        """New rows as the prepared matrix, shape (n, outputs), in the frame's row order; column order does not matter.

        Raises Refused `missing_column`, or `bad_column` for values that cannot be read.
        """
        scaled = self.scaled(frame)
        return scaled if self.components is None else self.components.apply(scaled)

    def scaled(self, frame: pd.DataFrame) -> Floats:
        """The scaled columns before components are made of them, shape (n, scaled_outputs); refuses like `transform`."""
        self.require(frame)
        if frame.empty:
            return np.empty((0, len(self.scaled_outputs)))
        result = np.empty((len(frame), len(self.scaled_outputs)))
        at = 0
        for step in self.steps:
            columns = step.apply(frame[step.column])
            result[:, at : at + columns.shape[1]] = columns
            at += columns.shape[1]
        return result

    def require(self, frame: pd.DataFrame) -> None:
        """Refuse a frame that lacks a needed column, and say which name is near."""
        absent = [c for c in self.columns if c not in frame.columns]
        if absent:
            near = did_you_mean(absent[0], [str(c) for c in frame.columns])
            raise Refused(
                "missing_column",
                f"The model needs {', '.join(absent)}, which the data do not have.",
                place=absent[0],
                fix=near
                or "Add the column, or fit a model without it; a column may be empty, then the median is used.",
            )

    def to_dict(self) -> dict[str, Any]:
        """The pipeline as plain JSON values."""
        return {
            "mode": self.mode,
            "rows": self.rows,
            "steps": [{"kind": step.kind, **asdict(step)} for step in self.steps],
            "dropped": [asdict(d) for d in self.dropped],
            "components": None if self.components is None else asdict(self.components),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Pipeline:
        """The pipeline from what `to_dict` gave."""
        steps = tuple(_step(entry) for entry in stored["steps"])
        dropped = tuple(Dropped(**entry) for entry in stored["dropped"])
        made = stored.get("components")
        components = made and Components(
            tuple(made["middle"]), tuple(map(tuple, made["axes"])), tuple(made["variance"])
        )
        return cls(str(stored["mode"]), int(stored["rows"]), steps, dropped, components)


def _step(entry: Mapping[str, Any]) -> Step:
    kind: Any = _STEPS[entry["kind"]]
    values = {f.name: entry[f.name] for f in fields(kind)}
    step: Step = kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
    return step


def bend(values: Floats, transform: str, power: float = 0.0) -> Floats:
    """The skew-removing transformation; a rising function in every case.

    Source of `yeo_johnson`: Yeo & Johnson (2000), A new family of power transformations, Biometrika 87(4), eq. 2.1.

    >>> bend(np.array([-1.0, 0.0, 3.0]), "yeo_johnson", 1.0).tolist()
    [-1.0, 0.0, 3.0]
    """
    match transform:
        case "identity":
            return values
        case "log1p":
            return np.log1p(values)
        case "yeo_johnson":
            up, down = np.maximum(values, 0.0), np.maximum(-values, 0.0)
            risen = np.log1p(up) if power == 0 else ((up + 1) ** power - 1) / power
            fallen = np.log1p(down) if power == 2 else ((down + 1) ** (2 - power) - 1) / (2 - power)
            return np.asarray(np.where(values >= 0, risen, -fallen))
        case _:
            raise ValueError(f"no transformation {transform!r}")
