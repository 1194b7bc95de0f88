"""Other methods on the same preparation: how large their groups are, how compact, and how far they agree.

Where methods of different kinds find much the same groups, these are of the data; where they do not, of the method.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.errors import Refused
from coterie.kit.progress import Progress
from coterie.learn.segments.columns import as_numbers
from coterie.learn.segments.criteria import distances, silhouette
from coterie.learn.segments.methods.table import METHODS
from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.pipeline import NumericStep
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.study.again import Recipe, agreement, regroup, sample, segments_of

Ints = npt.NDArray[np.intp]

QUANTILES = "quantiles"
"""The baseline that needs no algorithm: the most telling number, cut into parts of equal size."""
_ONE_NUMBER = ("abc", "breaks")
_ROWS, _SILHOUETTE_ROWS = 3_000, 1_500


class Algorithm(NamedTuple):
    """One way to make the groups, the first one being that of the fit."""

    name: str  # of `METHODS`, or `quantiles`
    sizes: tuple[int, ...]  # of the rows compared, largest first
    silhouette: float | None  # in the fit's prepared columns; None where there is one group
    unassigned: float  # share of rows in no group


class Skipped(NamedTuple):
    """A method that could not take these columns, with the code and words of its refusal."""

    name: str
    code: str
    message: str


@dataclass(frozen=True)
class Algorithms:
    """All methods tried on the same rows, and the adjusted Rand index of any two."""

    rows: int
    entries: tuple[Algorithm, ...]
    agreement: tuple[tuple[float, ...], ...]  # shape (entries, entries)
    skipped: tuple[Skipped, ...]


def compare(
    fit: SegmentFit, frame: pd.DataFrame, recipe: Recipe, progress: Progress | None = None
) -> Algorithms | NotApplicable:
    """Group the same rows (at most 3,000) by every other method at the fit's number of segments."""
    progress = progress or Progress()
    few = sample(frame, _ROWS, recipe.seed)
    found: dict[str, Ints] = {recipe.method: segments_of(fit, few)}
    skipped = []
    others = [name for name in METHODS if name != recipe.method]
    with progress.stage("Comparing methods", len(others) + 1, "methods"):
        for name in others:
            progress.advance(1)
            try:
                found[name] = regroup(_suited(fit, few, name, recipe), replace(recipe, method=name))
            except Refused as error:
                skipped.append(Skipped(name, error.code, error.message))
        cut = _quantiles(fit, few)
        if cut is not None:
            found[QUANTILES] = cut
    if len(found) == 1:
        return NotApplicable("nobody_else")
    labels = list(found.values())
    table = tuple(tuple(agreement(one, other) for other in labels) for one in labels)
    entries = _entries(fit, few, found, recipe)
    return Algorithms(len(few), entries, table, tuple(skipped))


def _entries(fit: SegmentFit, few: pd.DataFrame, found: dict[str, Ints], recipe: Recipe) -> tuple[Algorithm, ...]:
    matrix = fit.model.pipeline.transform(few)
    rows = np.sort(np.random.default_rng([recipe.seed, 47]).permutation(len(few))[:_SILHOUETTE_ROWS])
    between = distances(matrix[rows])
    entries = []
    for name, labels in found.items():
        inside = labels >= (1 if name == recipe.method else 0)  # ids count from 1, the groups of the others from 0
        _, sizes = np.unique(labels[inside], return_counts=True)
        within = inside[rows]
        groups = np.unique(labels[rows][within], return_inverse=True)[1]
        told = len(groups) > 0 and groups.max() > 0
        score = silhouette(between[np.ix_(within, within)], groups).mean if told else None
        entries.append(Algorithm(name, tuple(sorted(map(int, sizes), reverse=True)), score, float(1 - inside.mean())))
    return tuple(entries)


def _suited(fit: SegmentFit, few: pd.DataFrame, name: str, recipe: Recipe) -> pd.DataFrame:
    """The columns that a method is given: all of them, or for one that takes a single number the amount of money, else
    the most telling one.
    """
    if name not in _ONE_NUMBER:
        return few
    number = next((t.column for t in fit.profile.traits if t.kind == "number"), None)
    chosen = next((m for m in recipe.money if m in few.columns), number)
    return few if chosen is None else few[[chosen]]


def _quantiles(fit: SegmentFit, frame: pd.DataFrame) -> Ints | None:
    """The number that tells the segments apart best, cut into as many parts of equal size; None without a number."""
    trait = next((t for t in fit.profile.traits if t.kind == "number"), None)
    if trait is None:
        return None
    step = next(s for s in fit.model.pipeline.steps if isinstance(s, NumericStep) and s.column == trait.column)
    values = as_numbers(frame[trait.column])
    values = np.where(np.isnan(values), step.fill, values)
    cuts = np.quantile(values, np.arange(1, fit.model.k) / fit.model.k)
    return np.searchsorted(cuts, values, side="right")
