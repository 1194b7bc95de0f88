"""Who is in each segment: every column's level per segment against everybody, with intervals and effect sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.learn.segments.columns import as_flags, as_numbers, missing
from coterie.learn.segments.methods.base import sizes as group_sizes
from coterie.learn.segments.methods.base import totals
from coterie.learn.segments.pipeline import CategoryStep, FlagStep, MissingStep, NumericStep, Pipeline

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

TraitKind = Literal["number", "flag", "level", "missing"]


@dataclass(frozen=True)
class Trait:
    """One thing to say of a segment: a number, a yes/no, a level of a category, or that a value is missing.

    Natural values are medians and means for numbers, shares for the rest. Differences are in standard deviations of all
    entities, for numbers after the preparation's transformation (so that one whale moves nothing), with 95 % intervals.
    """

    column: str
    level: str | None  # of a category
    kind: TraitKind
    effect: float  # eta squared: share of the variance that lies between the segments
    overall: float  # median, or share
    overall_mean: float  # equal to the share where that is the value
    values: tuple[float, ...]  # per segment, like `overall`
    means: tuple[float, ...]
    low_quartiles: tuple[float, ...]  # of numbers; else equal to the values
    high_quartiles: tuple[float, ...]
    in_percent: bool  # a share, or a number that lies between 0 and 1
    difference: tuple[float, ...]  # per segment, in standard deviations
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def key(self) -> str:
        """The trait's name in tables: the column, and the level where there is one."""
        return self.column if self.level is None else f"{self.column} = {self.level}"


@dataclass(frozen=True)
class MoneyShare:
    """Which part of a column's sum each segment holds; missing counts nothing."""

    column: str
    total: float
    shares: tuple[float, ...]  # per segment, summing to 1 where all entities are in one


@dataclass(frozen=True)
class Profile:
    """All traits, the most telling first, and where the money is."""

    traits: tuple[Trait, ...]
    money: tuple[MoneyShare, ...]
    sizes: tuple[int, ...]


def profile(frame: pd.DataFrame, pipeline: Pipeline, labels: Ints, k: int, money: Sequence[str]) -> Profile:
    """Describe `k` segments by the columns they were found with.

    frame : tag values, one row per entity; labels : segment of each row, 0 to k - 1, -1 for none; everybody
    is compared with, those in none, too
    """
    traits = [trait for step in pipeline.steps for trait in _traits(step, frame, labels, k)]
    traits.sort(key=lambda t: -t.effect)
    shares = [_money(frame, column, labels, k) for column in money if column in pipeline.columns]
    return Profile(tuple(traits), tuple(s for s in shares if s), tuple(int(c) for c in group_sizes(labels, k)))


def _traits(
    step: NumericStep | FlagStep | CategoryStep | MissingStep, frame: pd.DataFrame, labels: Ints, k: int
) -> list[Trait]:
    values = frame[step.column]
    match step:
        case NumericStep():
            natural = as_numbers(values)
            scaled = step.scaled(np.where(np.isnan(natural), step.fill, natural))
            return [_trait(step.column, None, "number", natural, scaled, labels, k)]
        case FlagStep():
            flags = as_flags(values)
            return [_trait(step.column, None, "flag", flags, np.where(np.isnan(flags), step.centre, flags), labels, k)]
        case MissingStep():
            gone = missing(values).astype(np.float64)
            return [_trait(step.column, None, "missing", gone, gone, labels, k)]
        case CategoryStep():
            found = step.known(values)
            ones = [(level, (found == level).astype(np.float64)) for level in step.levels]
            return [_trait(step.column, level, "level", one, one, labels, k) for level, one in ones]


def _trait(
    column: str, level: str | None, kind: TraitKind, natural: Floats, scaled: Floats, labels: Ints, k: int
) -> Trait:
    """Figures of one trait; `natural` may hold NaN, `scaled` may not."""
    spread = float(scaled.std()) or 1.0
    counts = np.maximum(group_sizes(labels, k), 1)
    sums, squares = totals(labels, scaled, k), totals(labels, scaled**2, k)
    averages = sums / counts
    errors = np.sqrt(np.maximum(squares / counts - averages**2, 0.0) / counts) / spread
    difference = (averages - scaled.mean()) / spread
    centre = _median if kind == "number" else _mean
    parts = [natural[labels == j] for j in range(k)]
    quartiles = [_quartiles(part) if kind == "number" else (centre(part),) * 2 for part in parts]
    return Trait(
        column=column,
        level=level,
        kind=kind,
        effect=float((counts * difference**2).sum() / len(labels)),
        overall=centre(natural),
        overall_mean=_mean(natural),
        values=tuple(centre(part) for part in parts),
        means=tuple(_mean(part) for part in parts),
        low_quartiles=tuple(low for low, _ in quartiles),
        high_quartiles=tuple(high for _, high in quartiles),
        in_percent=kind != "number" or _is_share(natural),
        difference=tuple(float(d) for d in difference),
        low=tuple(float(d) for d in difference - 1.96 * errors),
        high=tuple(float(d) for d in difference + 1.96 * errors),
    )


def _is_share(values: Floats) -> bool:
    present = values[~np.isnan(values)]
    return bool(present.min() >= 0 and present.max() <= 1 and np.any(present != np.floor(present)))


def _median(values: Floats) -> float:
    present = values[~np.isnan(values)]
    return float(np.median(present)) if len(present) else float("nan")


def _mean(values: Floats) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if len(present) else float("nan")


def _quartiles(values: Floats) -> tuple[float, float]:
    present = values[~np.isnan(values)]
    if not len(present):
        return float("nan"), float("nan")
    low, high = np.quantile(present, [0.25, 0.75])
    return float(low), float(high)


def _money(frame: pd.DataFrame, column: str, labels: Ints, k: int) -> MoneyShare | None:
    """None where the sum is not above 0, since shares of it would mean nothing."""
    amounts = np.nan_to_num(as_numbers(frame[column]))
    total = float(amounts.sum())
    if total <= 0:
        return None
    sums = totals(labels, amounts, k)
    return MoneyShare(column, total, tuple(float(s) / total for s in sums))
