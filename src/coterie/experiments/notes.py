"""What to know before reading: rows left out, values missing, one unit that outweighs all others, groups that differed before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from coterie.experiments.aggregate import Aggregates, Facts
from coterie.experiments.question import Kind, Metric, Question
from coterie.experiments.results import Note
from coterie.experiments.units import Slot, Units
from coterie.stats.contrast import chi_square_p
from coterie.stats.effects import difference
from coterie.stats.moments import CannotTell, Value, mean_value
from coterie.stats.ratio_check import STOP_BELOW, RatioCheck

_HEAVY = 0.1
"""A unit with this share of a metric's whole variance in its arm decides the result by itself."""
_FEW = 5


def all_notes(
    question: Question, units: Units, facts: Facts, found: Aggregates, arms: Sequence[str], srm: RatioCheck
) -> Iterable[Note]:
    """Every note, the gravest first."""
    if srm.broken:
        yield Note("sample_ratio", {"p": srm.p_value})
    for metric in question.metrics:
        yield from _differs_before(found, metric, arms)
    if units.in_two_arms:
        yield Note("in_two_arms", {"count": units.in_two_arms})
    if units.without_unit:
        yield Note("without_unit", {"count": units.without_unit})
    if units.without_arm:
        yield Note("without_arm", {"count": units.without_arm})
    if units.repeated:
        yield Note("repeated", {"count": units.repeated})
    for metric in question.metrics:
        yield from _missing(facts, metric, arms)
        yield from _of_values(facts, found, metric, arms)
    for column, count in found.filled.items():
        yield Note("filled", {"column": column, "count": count})
    for name, cap in found.caps.items():
        yield Note("capped", {"metric": name, "cap": cap})


def _slots(metric: Metric) -> list[Slot]:
    role = "binary" if metric.kind is Kind.BINARY else "sum"
    return [Slot(c, role) for c in metric.columns]


def _missing(facts: Facts, metric: Metric, arms: Sequence[str]) -> Iterable[Note]:
    for slot in _slots(metric):
        holes = [facts.sizes[a] - facts.extents[a, slot].filled for a in arms]
        if not sum(holes):
            continue
        filled = [facts.extents[a, slot].filled for a in arms]
        differs = min(sum(holes), sum(filled)) > 0 and _uneven(holes, filled)
        yield Note("missing_differs" if differs else "missing", {"column": slot.column, "count": sum(holes)})


def _uneven(holes: Sequence[int], filled: Sequence[int]) -> bool:
    """Whether values are missing more often in some arms than chance explains."""
    return chi_square_p(holes, filled) < STOP_BELOW


def _of_values(facts: Facts, found: Aggregates, metric: Metric, arms: Sequence[str]) -> Iterable[Note]:
    """Too few yes or no for a normal interval; one unit that outweighs the others."""
    for arm in arms:
        moments = found.moments.get(((arm, None), metric.name))
        if moments is None or moments.n < 2:
            continue
        mean, variance = float(moments.mean[0]), float(moments.covariance[0, 0])
        if metric.kind is Kind.BINARY and min(mean, 1 - mean) * moments.n < _FEW and variance > 0:
            yield Note("few", {"metric": metric.name, "arm": arm, "count": round(min(mean, 1 - mean) * moments.n)})
        if metric.kind is Kind.MEAN and metric.cap is None and variance > 0 and moments.n >= 100:
            extent = facts.extents[arm, _slots(metric)[0]]
            assert extent.low is not None and extent.high is not None, "there are values"
            far = extent.high if extent.high - mean >= mean - extent.low else extent.low
            share = (far - mean) ** 2 / (variance * (moments.n - 1))
            if share > _HEAVY:
                yield Note("one_unit", {"metric": metric.name, "arm": arm, "value": far, "share": share})


def _differs_before(found: Aggregates, metric: Metric, arms: Sequence[str]) -> Iterable[Note]:
    """A covariate that differs between arms was not known before, or the arms were not drawn by chance."""
    for place, column in enumerate(metric.covariates, start=len(metric.columns)):
        groups = [found.moments.get(((a, None), metric.name)) for a in arms]
        values = [mean_value(g, place) if g else CannotTell("too_few_units") for g in groups]
        for arm, value in zip(arms[1:], values[1:], strict=True):
            if not isinstance(value, Value) or not isinstance(values[0], Value):
                continue
            apart = difference(values[0], value)
            if not isinstance(apart, CannotTell) and apart.absolute.p_value < STOP_BELOW:
                yield Note("differs_before", {"column": column, "arm": arm, "p": apart.absolute.p_value})
