"""Does it matter? Segments made of what was known at a cut-off, and what their customers did after it.

Fitting on features of before and judging by what came after is the only honest way round: the segments of today are
made of the very purchases that they would be asked to foretell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.errors import Refused
from coterie.kit.progress import Progress
from coterie.learn.segments.columns import as_flags, as_numbers
from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.study.again import Recipe, regroup, sample
from coterie.learn.segments.study.baseline import Baseline, baselines
from coterie.learn.segments.study.intervals import Interval, mean_interval, share_interval
from coterie.stats.agreement import contingency, jaccard

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

OUTCOMES = ("revenue", "returned", "response")
"""Columns of an outcome frame: money, whether they came back, whether they responded."""
PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Of the ridge regressions that foretell; the data choose."""
_FOLDS, _LEAST, _MATCHED, _MOST = 5, 40, 0.5, 20_000


class SegmentOutcome(NamedTuple):
    """What the customers of one segment of the cut-off did after it."""

    today: int | None  # id of today's segment that is these customers; None where there is none
    jaccard: float  # how far
    customers: int
    figures: Mapping[str, Interval]  # by outcome: mean revenue, or share


class Gain(NamedTuple):
    """How much of an outcome is known beforehand, on customers held out; shares of its variance.

    Revenue is taken on the logarithmic scale, so that a few large accounts do not decide.
    """

    outcome: str
    segments: float  # by the segments alone
    baseline: float  # by the baseline's deciles alone
    both: float
    added: Interval  # both - baseline
    columns: tuple[str, ...]  # of the baseline: recency, frequency and money, or the column that foretells best

    @property
    def news(self) -> bool:
        """Whether the segments surely tell something that the baseline does not."""
        return self.added.low > 0


@dataclass(frozen=True)
class Outcome:
    """Part nine of the report."""

    cutoff: str
    days: int
    customers: int  # known at the cut-off; at most 20,000, drawn by chance
    segments: tuple[SegmentOutcome, ...]
    gains: tuple[Gain, ...]

    def of(self, today: int) -> SegmentOutcome | None:
        """What became of the segment of the cut-off that today's segment was then."""
        return next((s for s in self.segments if s.today == today), None)


def out_of_time(
    fit: SegmentFit,
    then: pd.DataFrame,
    outcomes: pd.DataFrame,
    recipe: Recipe,
    *,
    cutoff: str,
    days: int,
    progress: Progress | None = None,
) -> Outcome | NotApplicable:
    """Segment anew by the features of the cut-off, and look at what came after.

    then : the fit's columns as of the cut-off, indexed by entity
    outcomes : some of the columns `OUTCOMES`, of the `days` after it; who is not in it did nothing

    Raises Refused `bad_column`: an outcome that is no number, or neither true nor false.
    """
    present = [name for name in OUTCOMES if name in outcomes.columns]
    if not present or then.empty:
        return NotApplicable("no_outcomes")
    then = sample(then[list(fit.model.columns)], _MOST, recipe.seed)
    progress = progress or Progress()
    with progress.stage("Outcomes after the cut-off", len(present) + 1, "outcomes"):
        try:
            if len(then) < _LEAST:
                return NotApplicable("too_few_then", str(len(then)))
            labels = regroup(then, recipe)
        except Refused:
            return NotApplicable("too_few_then", str(len(then)))
        results = {name: _read(outcomes, then.index, name) for name in present}
        rivals = baselines(then, fit.model.pipeline)
        gains = []
        for name in present:
            progress.advance(1)
            gains.append(_gain(name, results[name], labels, rivals, recipe.seed))
    segments = _segments(fit, then, labels, results, recipe.seed)
    return Outcome(cutoff, days, len(then), segments, tuple(gains))


def _read(outcomes: pd.DataFrame, keys: pd.Index[str], name: str) -> Floats:
    """The outcome of each key; nothing known is nothing done."""
    values = outcomes[name].reindex(keys)
    return np.nan_to_num(as_numbers(values) if name == "revenue" else as_flags(values))


def _segments(
    fit: SegmentFit, then: pd.DataFrame, labels: Ints, results: Mapping[str, Floats], seed: int
) -> tuple[SegmentOutcome, ...]:
    """The segments of then, as far as possible by the names of today: both put the same customers of then."""
    from scipy.optimize import linear_sum_assignment

    groups = sorted(set(labels[labels >= 0].tolist()))
    by_today = np.asarray(fit.model.predict(then)["segment"], dtype=np.intp)
    ids = fit.model.ids
    places = np.array([ids.index(i) if i in ids else len(ids) for i in by_today.tolist()])
    numbered = np.searchsorted(groups, labels)
    inside = labels >= 0
    table = contingency(numbered[inside], places[inside], len(groups), len(ids) + 1)[:, : len(ids)]
    overlap = jaccard(table)
    matched = dict(zip(*(side.tolist() for side in linear_sum_assignment(-overlap)), strict=True))
    found = []
    for g, group in enumerate(groups):
        member, place = labels == group, matched.get(g)
        same = place is not None and overlap[g, place] > _MATCHED
        figures = {name: _figure(name, values[member], seed + g) for name, values in results.items()}
        best = float(overlap[g].max(initial=0.0))
        found.append(
            SegmentOutcome(ids[place] if same and place is not None else None, best, int(member.sum()), figures)
        )
    return tuple(sorted(found, key=lambda s: (s.today is None, s.today or 0)))


def _figure(name: str, values: Floats, seed: int) -> Interval:
    return mean_interval(values, seed) if name == "revenue" else share_interval(int(values.sum()), len(values))


def _gain(name: str, result: Floats, labels: Ints, rivals: Sequence[Baseline], seed: int) -> Gain:
    """Out-of-fold errors of the same customers; where there are several baselines the best one counts."""
    y = np.sign(result) * np.log1p(np.abs(result)) if name == "revenue" else result
    folds = np.random.default_rng([seed, 53]).permutation(len(y)) % _FOLDS
    empty = np.empty((len(y), 0))

    def errors(design: Floats) -> Floats:
        return np.asarray((y - _held_out(design, y, folds)) ** 2)

    nothing, own = errors(empty), indicators(labels)
    tried = [(errors(rival.design), rival) for rival in rivals] or [(nothing, Baseline((), empty))]
    baseline, best = min(tried, key=lambda pair: float(pair[0].sum()))
    if not nothing.sum():
        flat = float("nan")
        return Gain(name, flat, flat, flat, Interval(flat, flat, flat), best.columns)
    alone, both = errors(own), errors(np.column_stack([own, best.design]))
    shares = [1 - float(each.sum() / nothing.sum()) for each in (alone, baseline, both)]
    added = mean_interval((baseline - both) / nothing.mean(), seed)
    return Gain(name, shares[0], shares[1], shares[2], added, best.columns)


def indicators(labels: Ints) -> Floats:
    """A column of 0 and 1 per group but the first, shape (n, groups - 1).

    >>> indicators(np.array([3, 5, 5])).tolist()
    [[0.0], [1.0], [1.0]]
    """
    return np.asarray(labels[:, None] == np.unique(labels)[None, 1:], dtype=np.float64)


def _held_out(design: Floats, y: Floats, folds: Ints) -> Floats:
    """Predictions of each fold by ridge regression on the others, so that many deciles cost few customers nothing."""
    found = np.empty(len(y))
    for fold in range(_FOLDS):
        learn, judge = folds != fold, folds == fold
        middle, centre = y[learn].mean(), design[learn].mean(axis=0)
        weights = ridge(design[learn] - centre, y[learn] - middle)
        found[judge] = middle + (design[judge] - centre) @ weights
    return found


def ridge(x: Floats, y: Floats) -> Floats:
    """Weights of centred columns, shape (columns,), with the penalty that foretells each left-out row best.

    Source: Golub, Heath & Wahba (1979), Technometrics 21: left-out residuals are residuals over 1 - leverage.
    """
    if not x.shape[1]:
        return np.zeros(0)
    values, vectors = np.linalg.eigh(x.T @ x)
    turned = x @ vectors
    along, squares = turned.T @ y, turned**2
    values = np.maximum(values, 0.0)
    errors = []
    for penalty in PENALTIES:
        shrunk = 1 / (values + penalty)
        leverage = squares @ shrunk + 1 / len(y)
        errors.append(float((((y - turned @ (shrunk * along)) / (1 - leverage)) ** 2).sum()))
    best = PENALTIES[int(np.argmin(errors))]
    return np.asarray(vectors @ (along / (values + best)))


def sentences(gains: Sequence[Gain]) -> tuple[str, ...]:
    """For each outcome the code of what to say: `news` or `nothing_new`.

    >>> sentences([Gain("revenue", 0.2, 0.3, 0.3, Interval(0.0, -0.01, 0.01), ())])
    ('nothing_new',)
    """
    return tuple("news" if g.news else "nothing_new" for g in gains)
