"""One study of one fit: everything that the fifteen-part report tells beside the fit itself.

The study opens no workspace: what lies outside the frame comes through callables, so that it can be made of any data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.errors import Refused
from coterie.kit.progress import Progress
from coterie.learn.segments.humans import Agreement, Mark
from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.prepare import prepare
from coterie.learn.segments.profile import Profile, profile
from coterie.learn.segments.strategy import Strategy
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.study.actions import suggested_actions
from coterie.learn.segments.study.again import Recipe, segments_of
from coterie.learn.segments.study.care import Care, care
from coterie.learn.segments.study.compare import Algorithms, compare
from coterie.learn.segments.study.economics import Economics, Margins, acting, economics
from coterie.learn.segments.study.intervals import Interval
from coterie.learn.segments.study.lineage import AcrossK, across_k
from coterie.learn.segments.study.origin import Facts, Origin, origin
from coterie.learn.segments.study.past import Before, Past, past
from coterie.learn.segments.study.stress import Stress, stress
from coterie.learn.segments.study.upkeep import Upkeep, upkeep
from coterie.learn.segments.study.value import Outcome, out_of_time
from coterie.learn.segments.words import Text

Ints = npt.NDArray[np.intp]
FrameAt = Callable[[datetime], pd.DataFrame]
Outcomes = Callable[[datetime, int], pd.DataFrame]


@dataclass(frozen=True)
class Study:
    """What goes with a `SegmentFit` into a report; every part has figures or says why it has none."""

    origin: Origin
    algorithms: Algorithms | NotApplicable
    across_k: tuple[AcrossK, ...]
    past: Past | NotApplicable
    descriptors: Profile | NotApplicable
    outcome: Outcome | NotApplicable
    economics: Economics | NotApplicable
    stress: Stress | NotApplicable
    care: Care
    upkeep: Upkeep
    actions: tuple[Text, ...]  # suggested, per segment
    acting: Mapping[int, Interval]  # by segment: what contacting all of it brings in, where that can be told
    strategies: Mapping[int, Strategy]  # by segment
    marks: tuple[Mark, ...]
    humans: Agreement | None  # labels that people gave, beside the segments
    hashed: bool  # whether keys are shown as the first 12 digits of their SHA-256

    def key(self, entity: str) -> str:
        """A key as it may be shown."""
        return hashlib.sha256(entity.encode()).hexdigest()[:12] if self.hashed else entity


@dataclass(frozen=True)
class Given:
    """What is known beside a fit and its frame; everything may be left out."""

    facts: Facts = field(default_factory=Facts)
    money: Sequence[str] = ()  # these three as they were given to `fit_segments`
    weights: Mapping[str, float] | None = None
    pca: float | None = None
    others: pd.DataFrame | None = None  # more of the same entities: descriptors, `reach.CHANNEL`, columns of `margins`
    protected: Sequence[str] | None = None  # attributes; None: guessed by their names, see `care.protected_columns`
    frame_at: FrameAt | None = None  # the columns segmented by, as of a moment
    windows: Sequence[datetime] = ()  # moments for the stress test
    outcomes: Outcomes | None = None  # (moment, days): `revenue`, `returned`, `response` of the days after, by entity
    cutoff: datetime | None = None  # for the outcomes
    days: int = 90
    margins: Margins | None = None
    before: Before | None = None  # the version to compare with
    drift: Mapping[str, Any] | None = None  # as `Drift.as_dict` gives it
    strategies: Mapping[int, Strategy] = field(default_factory=dict)  # by segment
    marks: Sequence[Mark] = ()
    humans: Agreement | None = None  # labels that people gave
    hashed: bool = True  # show keys of typical customers and border cases as digests


def make_study(
    fit: SegmentFit, frame: pd.DataFrame, given: Given | None = None, progress: Progress | None = None
) -> Study:
    """Study a fit on the frame that it was fitted on.

    frame : the columns segmented by, one row per entity, indexed by its key

    Raises Refused: columns that are not there, a margin or cost that cannot be; Cancelled.

    >>> from coterie.learn.segments.model import fit_segments
    >>> rng = np.random.default_rng(0)
    >>> spend = np.concatenate([rng.normal(10, 1, 60), rng.normal(30, 1, 40)])
    >>> frame = pd.DataFrame({"spend": spend, "visits": spend / 5 + rng.normal(0, 1, 100)})
    >>> study = make_study(fit_segments(frame, k=2), frame)
    >>> study.stress.weakest.ari > 0.9, study.economics.reason, study.actions[0].en
    (True, 'no_revenue', 'Serve by the cheapest channel; test one cross-sell.')
    """
    given, progress = given or Given(), progress or Progress()
    recipe = Recipe.of(fit, given.money, given.weights, given.pca)
    inputs = frame[list(fit.model.columns)]
    labels, ids = segments_of(fit, frame), fit.model.ids
    rest = None if given.others is None else given.others.reindex(frame.index)
    seen = inputs if rest is None else inputs.join(rest[[c for c in rest if c not in inputs]])
    outcome = _outcome(fit, recipe, given, progress)
    return Study(
        origin=origin(fit, frame, given.facts),
        algorithms=compare(fit, inputs, recipe, progress),
        across_k=across_k(fit.panel.lineage, fit.model.k),
        past=past(fit, frame, given.before),
        descriptors=_descriptors(fit, inputs, rest, labels),
        outcome=outcome,
        economics=economics(seen, labels, ids, given.margins, recipe.seed),
        stress=stress(fit, inputs, recipe, _windows(given), progress),
        care=care(inputs, rest, labels, ids, protected=given.protected, seed=recipe.seed),
        upkeep=upkeep(fit, given.drift),
        actions=suggested_actions(fit.profile, fit.column_labels),
        acting=_acting(fit, outcome, given.margins),
        strategies=dict(given.strategies),
        marks=tuple(given.marks),
        humans=given.humans,
        hashed=given.hashed,
    )


def _windows(given: Given) -> dict[str, pd.DataFrame]:
    if given.frame_at is None:
        return {}
    return {_day(moment): given.frame_at(moment) for moment in given.windows}


def _outcome(fit: SegmentFit, recipe: Recipe, given: Given, progress: Progress) -> Outcome | NotApplicable:
    if given.frame_at is None or given.outcomes is None or given.cutoff is None:
        return NotApplicable("no_outcomes")
    if given.days < 1:
        raise Refused("bad_argument", f"days is {given.days}.", place="days", fix="Give 1 or more.")
    then, after = given.frame_at(given.cutoff), given.outcomes(given.cutoff, given.days)
    return out_of_time(fit, then, after, recipe, cutoff=_day(given.cutoff), days=given.days, progress=progress)


def _descriptors(
    fit: SegmentFit, inputs: pd.DataFrame, rest: pd.DataFrame | None, labels: Ints
) -> Profile | NotApplicable:
    """Columns that had no say in the segments, described by segment."""
    if rest is None:
        return NotApplicable("no_descriptors")
    inside = labels > 0
    free = [c for c in rest.columns if c not in inputs.columns and not str(c).startswith("reach.")]
    places = {i: place for place, i in enumerate(fit.model.ids)}
    try:
        known = rest.loc[inside, free]
        return profile(known, prepare(known), _placed(labels[inside], places), fit.model.k, ())
    except Refused:
        return NotApplicable("no_descriptors")


def _placed(labels: Ints, places: Mapping[int, int]) -> Ints:
    return np.array([places[i] for i in labels.tolist()], dtype=np.intp)


def _acting(fit: SegmentFit, outcome: Outcome | NotApplicable, margins: Margins | None) -> dict[int, Interval]:
    """Where a response of the cut-off's customers is known for the same segment."""
    found = {}
    for i, size in zip(fit.model.ids, fit.model.sizes, strict=True):
        then = None if isinstance(outcome, NotApplicable) else outcome.of(i)
        response = None if then is None else then.figures.get("response")
        value = None if response is None else acting(margins, response, size)
        if value is not None:
            found[i] = value
    return found


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
