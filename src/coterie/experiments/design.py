"""Before an experiment: how many units, how many days, and what could be found at all."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coterie.engines.duckdb import Engine
from coterie.errors import Refused
from coterie.experiments.question import Kind, Metric, checked_weights
from coterie.experiments.units import column_of, number_sql, open_file
from coterie.kit.progress import Progress
from coterie.settings import Settings
from coterie.stats.power import chance_to_find, least_effect, unit_variance, units_needed


@dataclass(frozen=True)
class Baseline:
    """A metric without the experiment.

    mean, variance : of one unit; binary : it is a share, whose variance moves with it.
    explained : share of the variance that a covariate known before takes away, 0 without one.
    """

    mean: float
    variance: float
    binary: bool = False
    explained: float = 0.0

    @classmethod
    def share(cls, rate: float) -> Baseline:
        """A share between 0 and 1. Raises Refused(`bad_argument`)."""
        if not 0 < rate < 1:
            fix = "Write 0.12 for 12%."
            raise Refused("bad_argument", f"{rate:g} is not a share between 0 and 1.", place="--rate", fix=fix)
        return cls(rate, rate * (1 - rate), True)

    def variance_at(self, effect: float) -> float:
        """The variance of one unit where the mean has moved by `effect`."""
        if not self.binary:
            return self.variance * (1 - self.explained)
        moved = self.mean + effect
        if not 0 <= moved <= 1:
            message = f"A share of {self.mean:g} cannot change by {effect:+g}."
            raise Refused("bad_argument", message, place="--lift", fix="Give a smaller lift.")
        return moved * (1 - moved) * (1 - self.explained)


@dataclass(frozen=True)
class Setup:
    """How the experiment will be read.

    weights : by arm, the first the control; metrics : how many are tested at once; every arm and metric shares the 5 %
    (Bonferroni, which is on the safe side of Holm's correction that the analysis uses).
    sequential : the reading is always valid, tuned to the units planned.
    units_a_day : that enter, of all arms.
    """

    weights: Mapping[str, float]
    metrics: int = 1
    power: float = 0.8
    alpha: float = 0.05
    sequential: bool = False
    units_a_day: float | None = None

    def __post_init__(self) -> None:
        if len(self.weights) < 2:
            message = "With one arm there is nobody to compare with."
            raise Refused("one_arm", message, place="--arms", fix="Write A=1,B=1.")
        for place, value in (("--power", self.power), ("--alpha", self.alpha)):
            if not 0 < value < 1:
                raise Refused(
                    "bad_argument", f"{value:g} is not between 0 and 1.", place=place, fix="Write 0.8 or 0.05."
                )
        checked_weights(self.weights, list(self.weights), "--arms")

    @property
    def level(self) -> float:
        """Of each interval."""
        return 1 - self.alpha / (self.metrics * (len(self.weights) - 1))

    @property
    def control_share(self) -> float:
        """The control's share among itself and the smallest other arm, which needs the most time."""
        control, *others = self.weights.values()
        return control / (control + min(others))

    @property
    def pair_share(self) -> float:
        """The share of all units that is in the control or the smallest other arm."""
        control, *others = self.weights.values()
        return (control + min(others)) / sum(self.weights.values())


@dataclass(frozen=True)
class Design:
    """What an experiment of `units` in all arms can do.

    effect : the absolute difference, relative : as a fraction of the baseline, None where that is 0.
    power : chance to find it; days : None where the units a day are not known.
    by_arm : units of each arm, the first the control.
    """

    units: int
    by_arm: dict[str, int]
    effect: float
    relative: float | None
    power: float
    days: int | None


def size_for(baseline: Baseline, effect: float, setup: Setup) -> Design:
    """The smallest experiment that finds an absolute difference with the power asked for.

    >>> size_for(Baseline.share(0.1), 0.02, Setup({"A": 1, "B": 1}, units_a_day=500)).units
    7677
    """
    if effect == 0:
        raise Refused("bad_argument", "A difference of 0 cannot be found.", place="--lift", fix="Give a lift above 0.")
    variance = _pair_variance(baseline, effect, setup)
    pair = units_needed(effect, variance, power=setup.power, level=setup.level, sequential=setup.sequential)
    return _design(baseline, effect, pair / setup.pair_share, setup)


def reach_of(baseline: Baseline, units: int, setup: Setup) -> Design:
    """The smallest difference that so many units find with the power asked for.

    >>> round(reach_of(Baseline.share(0.1), 7677, Setup({"A": 1, "B": 1})).effect, 4)
    0.02
    """
    if units < 4:
        raise Refused("bad_argument", f"{units} units are too few.", place="--units", fix="Give more.")
    pair = units * setup.pair_share
    effect = 0.0
    for _ in range(30):  # the variance of a share moves with the effect, so the two are brought together step by step
        variance = _pair_variance(baseline, effect, setup)
        tuning = pair if setup.sequential else None
        found = least_effect(variance, pair, power=setup.power, level=setup.level, tuning=tuning)
        room = 1 - baseline.mean if baseline.binary else math.inf
        effect, before = min(found, room), effect
        if math.isclose(effect, before, rel_tol=1e-9):
            break
    return _design(baseline, effect, units, setup)


def power_for(baseline: Baseline, effect: float, units: int, setup: Setup) -> Design:
    """How surely so many units find that difference.

    >>> round(power_for(Baseline.share(0.1), 0.02, 7682, Setup({"A": 1, "B": 1})).power, 3)
    0.8
    """
    return _design(baseline, effect, units, setup)


def baseline_of(
    path: Path, metric: Metric, *, settings: Settings | None = None, progress: Progress | None = None
) -> tuple[Baseline, int]:
    """The baseline of a share or mean in a file of the past with one row a unit, and how many units have a value.

    Raises Refused(`bad_metric`, `too_few_rows`, `unknown_column`).
    """
    if metric.kind not in (Kind.BINARY, Kind.MEAN):
        fix = "Give COLUMN:binary or COLUMN:mean."
        raise Refused("bad_metric", "Power is computed for shares and means.", place=metric.name, fix=fix)
    with (
        tempfile.TemporaryDirectory(prefix="coterie-") as name,
        Engine.open(settings or Settings({}), Path(name)) as engine,
    ):
        source = open_file(path, engine, Path(name), progress)
        sql = number_sql(column_of(source, metric.columns[0]))
        known = number_sql(column_of(source, metric.covariates[0])) if metric.covariates else "NULL::DOUBLE"
        n, mean, variance, together = engine.row(
            f"SELECT count(v), avg(v), var_samp(v), corr(v, k) FROM (SELECT {sql} AS v, {known} AS k FROM {source.relation})"
        )
    if n < 2 or not variance:
        fix = "Give a file in which units differ."
        raise Refused("too_few_rows", "Fewer than two different values are there.", place=metric.columns[0], fix=fix)
    explained = 0.0 if together is None or math.isnan(together) else together**2
    return Baseline(mean, variance, metric.kind is Kind.BINARY, explained), n


def _pair_variance(baseline: Baseline, effect: float, setup: Setup) -> float:
    return unit_variance(baseline.variance_at(0.0), baseline.variance_at(effect), setup.control_share)


def _design(baseline: Baseline, effect: float, units: float, setup: Setup) -> Design:
    if not math.isfinite(units) or units > 1e15:
        raise Refused(
            "bad_argument", "No number of units finds so small a difference.", place="--lift", fix="Give a larger."
        )
    total = sum(setup.weights.values())
    whole = math.ceil(units - 1e-9)
    pair = whole * setup.pair_share
    variance = _pair_variance(baseline, effect, setup)
    tuning = pair if setup.sequential else None
    chance = chance_to_find(effect, variance, pair, level=setup.level, tuning=tuning)
    by_arm = {arm: round(whole * weight / total) for arm, weight in setup.weights.items()}
    days = math.ceil(whole / setup.units_a_day) if setup.units_a_day else None
    return Design(whole, by_arm, effect, effect / abs(baseline.mean) if baseline.mean else None, chance, days)
