"""Whether today's customers are still those that the segments were fitted on: inputs, sizes, borders, strangers.

A version keeps a compact reference of what it was fitted on: shares of bins and means of hundredths, no customer's row. Today's
values are compared with it by effect size, and an effect counts only where chance does not explain it: with many
columns or few rows something always looks changed.

Source: population stability index and its chi-square law: Yurdakul (2018), Statistical properties of population
stability index, section 3.2; bands .1 and .25: Siddiqi (2006), Credit risk scorecards. Wasserstein: Villani (2009),
eq. 2.48, in standard deviations of the reference. Differences of shares: Cohen (1988), h, bands .2 and .5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.learn.segments.columns import as_levels, as_numbers, kind_of, missing
from coterie.learn.segments.model import AMBIGUOUS, Prediction

Floats = npt.NDArray[np.float64]

BANDS = (0.1, 0.25)
"""Of PSI, and of the Wasserstein distance in standard deviations: below the first nothing, from the second on much."""
SHARE_BANDS = (0.2, 0.5)  # of Cohen's h
REFIT_DAYS = 90
_WORDS = ("none", "some", "much")
_ALPHA = 0.01  # of all columns together
_BINS, _PARTS, _LEVELS = 10, 100, 30
_FAR = 0.99


@dataclass(frozen=True)
class ColumnReference:
    """How one column was spread: shares of its bins, other levels and missing ones last.

    edges : of the bins of a number, ascending, a value on an edge being below it; levels : of a category.
    parts : of a number, the means of its 100 equal parts from low to high; spread : its standard deviation.
    """

    column: str
    edges: tuple[float, ...]
    levels: tuple[str, ...]
    shares: tuple[float, ...]
    parts: tuple[float, ...]
    spread: float


@dataclass(frozen=True)
class Reference:
    """What a version was fitted on, without any row of it.

    sizes : segment id and share; border : share nearer than a tenth to a second segment; none : share in no segment.
    reach : the distance to the own centre beyond which one in a hundred lies; None where the method has no centres.
    """

    rows: int
    columns: tuple[ColumnReference, ...]
    sizes: tuple[tuple[int, float], ...]
    border: float
    none: float
    reach: float | None


class ColumnDrift(NamedTuple):
    """How far one column has moved; `wasserstein` is None of a category. band : none, some or much."""

    column: str
    psi: float
    wasserstein: float | None
    p_value: float
    missing_before: float
    missing: float
    band: str


class ShareDrift(NamedTuple):
    """How far a share of the customers has moved, by Cohen's h (positive: it has grown)."""

    before: float
    now: float
    effect: float
    band: str


class Trigger(NamedTuple):
    """What asks for a refit: `column`, `sizes`, `border`, `none`, `strange` or `age`.

    value : its figure: PSI, the share, days; distance : Wasserstein, of a column that is a number.
    """

    code: str
    column: str
    value: float
    band: str
    distance: float | None = None


@dataclass(frozen=True)
class Drift:
    """How today differs from what was fitted.

    sizes : PSI of the segments' shares; strange : farther from their centre than 99 % were.
    due : when the next refit is, and `due_trigger` what it would be for, by its column where it is one.
    """

    rows_before: int
    rows: int
    days: float
    columns: tuple[ColumnDrift, ...]
    sizes: ColumnDrift
    size_shares: tuple[tuple[int, float, float], ...]  # id, share then, share now
    border: ShareDrift
    none: ShareDrift
    strange: ShareDrift | None
    triggers: tuple[Trigger, ...]  # worst first
    due: datetime
    due_trigger: Trigger

    @property
    def verdict(self) -> str:
        """`now`, `soon` or `no`."""
        bands = {t.band for t in self.triggers}
        return "now" if "much" in bands else "soon" if bands else "no"

    @property
    def far(self) -> bool:
        """Whether the data themselves, not the calendar, ask for a refit now."""
        return any(t.band == "much" and t.code != "age" for t in self.triggers)

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "verdict": self.verdict,
            "triggers": [t._asdict() for t in self.triggers],
            "rows": {"before": self.rows_before, "now": self.rows},
            "days": round(self.days, 3),
            "columns": [c._asdict() for c in self.columns],
            "sizes": {
                "psi": self.sizes.psi,
                "p_value": self.sizes.p_value,
                "band": self.sizes.band,
                "shares": {str(i): {"before": a, "now": b} for i, a, b in self.size_shares},
            },
            "border": self.border._asdict(),
            "none": self.none._asdict(),
            "strange": None if self.strange is None else self.strange._asdict(),
            "next_refit": {"at": self.due, "trigger": self.due_trigger.code, "column": self.due_trigger.column or None},
        }


def reference(frame: pd.DataFrame, columns: Sequence[str], assigned: Prediction, ids: Sequence[int]) -> Reference:
    """What is kept of the data of a fit.

    frame : the tags that were fitted on; columns : those that the model uses; ids : of its segments.

    >>> frame = pd.DataFrame({"spend": range(100)})
    >>> table = pd.DataFrame({"segment": [1] * 60 + [2] * 40, "margin": [0.5] * 100})
    >>> kept = reference(frame, ["spend"], Prediction(table, (), np.ones(100)), (1, 2))
    >>> kept.columns[0].edges[:2], kept.columns[0].shares[:2], kept.sizes, kept.reach
    ((9.9, 19.8), (0.1, 0.1), ((1, 0.6), (2, 0.4)), 1.0)
    """
    table, known = assigned.table, np.asarray(assigned.distances, np.float64)
    known = known[np.isfinite(known)]
    segments = table["segment"].to_numpy()
    return Reference(
        len(frame),
        tuple(_column(frame[c].rename(str(c))) for c in columns),
        tuple((int(i), float((segments == i).mean())) for i in ids),
        float((table["margin"] < AMBIGUOUS).mean()),
        float((segments == 0).mean()),
        float(np.quantile(known, _FAR)) if len(known) else None,
    )


def _column(values: pd.Series[Any]) -> ColumnReference:
    if kind_of(values) != "number":
        found, counts = np.unique(as_levels(values)[~missing(values)].astype(str), return_counts=True)
        order = sorted(range(len(found)), key=lambda i: (-counts[i], found[i]))[:_LEVELS]
        empty = ColumnReference(str(values.name), (), tuple(str(found[i]) for i in order), (), (), 0.0)
    else:
        numbers = as_numbers(values)
        present = numbers[~np.isnan(numbers)]
        edges = np.unique(np.quantile(present, np.arange(1, _BINS) / _BINS))
        known = (tuple(float(v) for v in part) for part in (edges, _parts(present)))
        cuts, parts = known
        empty = ColumnReference(str(values.name), cuts, (), (), parts, float(present.std()))
    shares = tuple(float(v) for v in _counts(empty, values) / max(len(values), 1))
    return ColumnReference(empty.column, empty.edges, empty.levels, shares, empty.parts, empty.spread)


def _parts(present: Floats) -> Floats:
    """The means of the lowest hundredth of the values, of the next one, ...; of fewer than 100 values, parts of them."""
    sums = np.append(0.0, np.cumsum(np.sort(present))) / len(present)
    shares = np.arange(_PARTS + 1) / _PARTS
    return np.diff(np.interp(shares, np.arange(len(present) + 1) / len(present), sums)) * _PARTS


def _counts(column: ColumnReference, values: pd.Series[Any]) -> Floats:
    """Rows by bin; of a category other levels, and of all columns missing values, come last."""
    gone = missing(values)
    if column.parts:
        numbers = as_numbers(values)[~gone]
        bins = np.searchsorted(np.array(column.edges), numbers, side="left")
        return np.append(np.bincount(bins, minlength=len(column.edges) + 1), gone.sum()).astype(np.float64)
    places = {level: i for i, level in enumerate(column.levels)}
    found = [places.get(str(v), len(places)) for v in as_levels(values)[~gone]]
    return np.append(np.bincount(found, minlength=len(places) + 1), gone.sum()).astype(np.float64)


def psi(before: Floats, rows_before: int, counts: Floats) -> tuple[float, float]:
    """Population stability index of counts against shares, and the chance of as much between samples of one world.

    Empty cells count half a row, so that nothing is infinite.

    >>> value, p_value = psi(np.array([0.5, 0.5]), 1000, np.array([500.0, 500.0]))
    >>> round(value, 4), p_value
    (0.0, 1.0)
    >>> value, p_value = psi(np.array([0.5, 0.5]), 1000, np.array([700.0, 300.0]))
    >>> round(value, 3), p_value < 1e-6
    (0.169, True)
    """
    from scipy.stats import chi2

    then = np.round(before * rows_before)
    used = (then + counts) > 0
    then, now = then[used], counts[used]
    n, m, cells = then.sum(), now.sum(), len(then)
    if cells < 2 or not n or not m:
        return 0.0, 1.0
    p, q = (then + 0.5) / (n + 0.5 * cells), (now + 0.5) / (m + 0.5 * cells)
    value = float(((q - p) * np.log(q / p)).sum())
    return value, float(chi2.sf(value / (1 / n + 1 / m), cells - 1))


def compare(
    kept: Reference,
    frame: pd.DataFrame,
    assigned: Prediction,
    *,
    fitted_at: datetime,
    at: datetime,
    every_days: float = REFIT_DAYS,
) -> Drift:
    """How today's rows differ from a reference.

    frame : the same tags of today's entities; assigned : the same rows by the model in use.
    fitted_at, at : the moments of the two; every_days : how often it is to be fitted again in any case.
    """
    alpha = _ALPHA / max(len(kept.columns), 1)
    columns = tuple(_drift(c, kept.rows, frame[c.column].rename(c.column), alpha) for c in kept.columns)
    segments, rows = assigned.table["segment"].to_numpy(), len(frame)
    sizes = _sizes(kept, segments)
    border = _share(kept.border, kept.rows, float((assigned.table["margin"] < AMBIGUOUS).mean()), rows)
    none = _share(kept.none, kept.rows, float((segments == 0).mean()), rows)
    strange = _strange(kept, assigned.distances, rows)
    found = [Trigger("column", c.column, c.psi, c.band, c.wasserstein) for c in columns]
    found.append(Trigger("sizes", "", sizes.psi, sizes.band))
    shares = (("border", border), ("none", none), ("strange", strange))
    # a share that shrinks is good news: only growth asks for a refit
    found += [Trigger(code, "", s.now, s.band) for code, s in shares if s is not None and s.effect > 0]
    age = Trigger("age", "", every_days, "much")
    end = fitted_at + timedelta(days=every_days)
    triggers = [t for t in found if t.band != "none"] + ([age] if at >= end else [])
    triggers.sort(key=lambda t: (-_WORDS.index(t.band), t.code == "age", -t.value))
    days = (at - fitted_at) / timedelta(days=1)
    due, why = _due(columns, sizes, triggers, days, fitted_at, at, end, age)
    now = {i: float((segments == i).mean()) for i, _ in kept.sizes}
    parts = tuple((i, share, now[i]) for i, share in kept.sizes)
    return Drift(kept.rows, rows, days, columns, sizes, parts, border, none, strange, tuple(triggers), due, why)


def _drift(column: ColumnReference, rows_before: int, values: pd.Series[Any], alpha: float) -> ColumnDrift:
    counts = _counts(column, values)
    value, p_value = psi(np.array(column.shares), rows_before, counts)
    far = _distance(column, values)
    worst = max(value, far or 0.0)
    gone = float(counts[-1] / max(counts.sum(), 1))
    band = _band(worst, BANDS) if p_value <= alpha else "none"
    return ColumnDrift(column.column, value, far, p_value, column.shares[-1], gone, band)


def _distance(column: ColumnReference, values: pd.Series[Any]) -> float | None:
    """Wasserstein distance in standard deviations of the reference."""
    if not column.parts:
        return None
    numbers = as_numbers(values)
    present = numbers[~np.isnan(numbers)]
    if not len(present) or column.spread <= 0:
        return 0.0
    gaps = np.abs(_parts(present) - np.array(column.parts))
    return float(gaps.mean() / column.spread)


def _sizes(kept: Reference, segments: npt.NDArray[Any]) -> ColumnDrift:
    before = np.array([*(share for _, share in kept.sizes), kept.none])
    counts = np.array([*((segments == i).sum() for i, _ in kept.sizes), (segments == 0).sum()], np.float64)
    value, p_value = psi(before, kept.rows, counts)
    band = _band(value, BANDS) if p_value <= _ALPHA else "none"
    return ColumnDrift("", value, None, p_value, 0.0, 0.0, band)


def _share(before: float, rows_before: int, now: float, rows: int) -> ShareDrift:
    from scipy.stats import norm

    effect = 2 * float(np.arcsin(np.sqrt(now)) - np.arcsin(np.sqrt(before)))
    # the arc sine of a share has variance 1 / 4n whatever the share
    chance = 2 * float(norm.sf(abs(effect) / np.sqrt(1 / max(rows_before, 1) + 1 / max(rows, 1))))
    return ShareDrift(before, now, effect, _band(abs(effect), SHARE_BANDS) if chance <= _ALPHA else "none")


def _strange(kept: Reference, distances: Floats, rows: int) -> ShareDrift | None:
    known = np.asarray(distances, np.float64)
    if kept.reach is None or not np.isfinite(known).any():
        return None
    return _share(1 - _FAR, kept.rows, float((known > kept.reach).mean()), rows)


def _band(value: float, bands: tuple[float, float]) -> str:
    return _WORDS[sum(value >= edge for edge in bands)]


def _due(
    columns: Sequence[ColumnDrift],
    sizes: ColumnDrift,
    triggers: Sequence[Trigger],
    days: float,
    fitted_at: datetime,
    at: datetime,
    end: datetime,
    age: Trigger,
) -> tuple[datetime, Trigger]:
    """When the next refit is, and for what: now, or when the calendar or the pace of a column will ask for it."""
    urgent = next((t for t in triggers if t.band == "much"), None)
    if urgent is not None:
        return at, urgent
    dates = [(end, age)]
    for code, c in [("column", c) for c in columns] + [("sizes", sizes)]:
        if c.band != "none" and days > 0:
            reached = fitted_at + timedelta(days=min(days * _left(c), 36_500))
            dates.append((max(reached, at), Trigger(code, c.column, c.psi, c.band, c.wasserstein)))
    return min(dates, key=lambda pair: pair[0])


def _left(column: ColumnDrift) -> float:
    """How often the time that has passed until a steady shift is much: PSI grows with its square, the distance with it."""
    by_index = float(np.sqrt(BANDS[1] / column.psi)) if column.psi > 0 else np.inf
    return min(by_index, BANDS[1] / column.wasserstein if column.wasserstein else np.inf)
