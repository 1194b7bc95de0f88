"""Would the segments be the same had something been decided otherwise: a column fewer, another seed, another window?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from coterie.errors import Refused
from coterie.kit.progress import Progress
from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.study.again import Recipe, agreement, regroup, sample, segments_of

_SEEDS = 3


class Trial(NamedTuple):
    """One thing changed, and the adjusted Rand index of what came out with the segments as they are."""

    kind: str  # without (a column), seed, prepare or window
    detail: str  # the column, the seed, the preparation or the moment
    ari: float
    rows: int


@dataclass(frozen=True)
class Stress:
    """All trials on the same rows, but for a window, whose rows are the customers known at both moments."""

    trials: tuple[Trial, ...]
    refused: tuple[str, ...]  # details of trials that could not be made

    @property
    def weakest(self) -> Trial:
        """The change that moves the segments most."""
        return min(self.trials, key=lambda trial: trial.ari)


def stress(
    fit: SegmentFit,
    frame: pd.DataFrame,
    recipe: Recipe,
    windows: Mapping[str, pd.DataFrame] | None = None,
    progress: Progress | None = None,
) -> Stress | NotApplicable:
    """Segment again with one thing changed each time, on at most 5,000 customers, fewer with slow methods.

    frame : the inputs as fitted; windows : the same columns at other moments, by what the moment is called
    """
    progress = progress or Progress()
    few = sample(frame[list(fit.model.columns)], recipe.rows, recipe.seed)
    now = segments_of(fit, few)
    changed = _changes(few, recipe)
    trials, refused = [], []
    with progress.stage("Stress tests", len(changed) + len(windows or {}), "trials"):
        for kind, detail, other, how in changed:
            progress.advance(1)
            try:
                trials.append(Trial(kind, detail, agreement(now, regroup(other, how)), len(few)))
            except Refused:
                refused.append(detail)
        for moment, then in (windows or {}).items():
            progress.advance(1)
            trial = _window(moment, then, few, now, recipe)
            if trial is None:
                refused.append(moment)
            else:
                trials.append(trial)
    return Stress(tuple(trials), tuple(refused)) if trials else NotApplicable("no_trial")


def _changes(few: pd.DataFrame, recipe: Recipe) -> list[tuple[str, str, pd.DataFrame, Recipe]]:
    other_mode = "standard" if recipe.mode == "auto" else "auto"
    changed = [("without", str(c), few.drop(columns=c), recipe) for c in few.columns if len(few.columns) > 1]
    seeds = [recipe.seed + i for i in range(1, _SEEDS + 1)]
    changed += [("seed", str(s), few, replace(recipe, seed=s)) for s in seeds]
    return [*changed, ("prepare", other_mode, few, replace(recipe, mode=other_mode))]


def _window(
    moment: str, then: pd.DataFrame, few: pd.DataFrame, now: np.ndarray[tuple[int], np.dtype[np.intp]], recipe: Recipe
) -> Trial | None:
    """The customers of both moments, segmented by what was known at the other one."""
    here = few.index.isin(then.index)
    both = few.index[here]
    try:
        labels = regroup(then.loc[both, list(few.columns)], recipe)
    except Refused:
        return None
    return Trial("window", moment, agreement(now[here], labels), len(both))
