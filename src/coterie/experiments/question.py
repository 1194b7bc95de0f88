"""What is asked of an experiment's data: units, arms, metrics, and how careful to be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from coterie.errors import Refused, unknown_name
from coterie.experiments.known import LEAST_KNOWN
from coterie.stats.effects import LEVEL

EACH_ROW = "@row"
_FORM = re.compile(
    r"(?P<columns>.+?):(?P<kind>binary|mean|ratio|median|p\d{1,2}(?:\.\d+)?)(?::p(?P<cap>\d{2}(?:\.\d+)?))?"
)
_FORMS = (
    "Write COLUMN:binary, COLUMN:mean, NUM/DEN:ratio, COLUMN:p90, or COLUMN:mean:p99.9 to cap values at that quantile."
)


class Kind(StrEnum):
    """What is made of a metric's columns."""

    BINARY = "binary"
    MEAN = "mean"
    RATIO = "ratio"
    QUANTILE = "quantile"


@dataclass(frozen=True)
class Metric:
    """One figure of every unit, and how it is summed up.

    columns : one, or numerator and denominator; share : of units below a quantile; cap : values above this quantile of
    all units count as it; covariates : what was known before, one column or more, or two for a ratio.
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    share: float | None = None
    cap: float | None = None
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """An analysis as it was asked for.

    unit, arm : columns, unit `@row` where every row is a unit of its own; control : an arm.
    weights : how units were meant to be shared out, equally if empty.
    segments : columns by which the effects are shown apart.
    guardrails : by metric, the largest harm that is put up with, as a fraction of the control.
    lower_is_better : metrics whose fall is good.
    sequential : units in all at which the always-valid interval is tightest; None where the data are read once.
    adjusted_decides : whether the verdict is of the adjusted reading, where a metric names what was known before; to be
    settled before anybody looks, never by which of the two looks better.
    least_known : see `LEAST_KNOWN`; where fewer units differ in what was known before, the plain reading decides.
    prior_sd : standard deviation of the normal prior of a relative effect, around 0.
    costs : money per unit of an arm; value : the metric that earns, and money for one of it.
    """

    unit: str
    arm: str
    control: str
    metrics: tuple[Metric, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    segments: tuple[str, ...] = ()
    guardrails: Mapping[str, float] = field(default_factory=dict)
    lower_is_better: frozenset[str] = frozenset()
    sequential: float | None = None
    prior_sd: float = 0.3
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    value: tuple[str, Decimal] | None = None
    level: float = LEVEL
    adjusted_decides: bool = True
    least_known: int = LEAST_KNOWN

    def __post_init__(self) -> None:
        names = [m.name for m in self.metrics]
        if not names:
            raise Refused("bad_metric", "No metric is given.", place="--metric", fix=_FORMS)
        for name in names:
            if names.count(name) > 1:
                message = f'The metric "{name}" is given twice.'
                raise Refused("bad_metric", message, place="--metric", fix="Leave one out.")
        given = {"--guardrail": self.guardrails, "--lower": self.lower_is_better}
        given["--value"] = [self.value[0]] if self.value else []
        for place, listed in given.items():
            for name in listed:
                if name not in names:
                    raise unknown_name("metric", name, names, place=place)
        if self.sequential is not None and not self.sequential > 0:
            message = f"{self.sequential:g} is not a number of units."
            raise Refused("bad_argument", message, place="--sequential", fix="Give the units planned in all.")

    def columns(self) -> list[str]:
        """Every column that is read, each once."""
        of_metrics = [c for m in self.metrics for c in (*m.columns, *m.covariates)]
        unit = [] if self.unit == EACH_ROW else [self.unit]
        return list(dict.fromkeys([*unit, self.arm, *of_metrics, *self.segments]))

    def sign(self, metric: str) -> int:
        """1 where more is better, -1 where less is."""
        return -1 if metric in self.lower_is_better else 1


def parse_metric(text: str) -> Metric:
    """Read a metric as people write it. Raises Refused(`bad_metric`).

    >>> parse_metric("clicks/visits:ratio").columns, parse_metric("spend:p95").share
    (('clicks', 'visits'), 0.95)
    >>> parse_metric("spend")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_metric` at `spend`: The metric does not say what to make of its column. Write ...
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        message = "The metric does not say what to make of its column."
        raise Refused("bad_metric", message, place=text, fix=_FORMS)
    columns, kind, cap = match["columns"], match["kind"], match["cap"]
    if cap is not None and kind != "mean":
        raise Refused("bad_metric", "Only values of a mean can be capped.", place=text, fix=_FORMS)
    if kind == "ratio":
        return Metric(columns, Kind.RATIO, _two(columns, text))
    if kind in ("binary", "mean"):
        name = f"{columns}:mean:p{cap}" if cap else columns
        return Metric(name, Kind(kind), (columns,), cap=float(cap) / 100 if cap else None)
    share = 0.5 if kind == "median" else float(kind[1:]) / 100
    if not 0 < share < 1:
        raise Refused("bad_metric", f"{kind} is no quantile inside of the data.", place=text, fix="Write p1 to p99.9.")
    return Metric(f"{columns}:{kind}", Kind.QUANTILE, (columns,), share=share)


def parse_metrics(texts: Iterable[str], covariates: Iterable[str] = ()) -> tuple[Metric, ...]:
    """Read metrics and what was known before: a COLUMN for all means and shares, or METRIC=COLUMN, for a ratio
    METRIC=NUM/DEN.

    >>> [m.covariates for m in parse_metrics(["visit:binary", "a/b:ratio"], ["history", "a/b=a0/b0"])]
    [('history',), ('a0', 'b0')]
    """
    metrics = [parse_metric(t) for t in texts]
    for text in covariates:
        name, equals, columns = text.rpartition("=")
        chosen = [m for m in metrics if m.name == name] if equals else [m for m in metrics if _takes_one(m)]
        if equals and not chosen:
            raise unknown_name("metric", name, [m.name for m in metrics], place="--covariate")
        for metric in chosen:
            if metric.kind is Kind.QUANTILE:
                message = "A quantile cannot be adjusted by a covariate."
                raise Refused("bad_argument", message, place="--covariate", fix="Leave it out, or take the mean.")
            known = _two(columns, text) if metric.kind is Kind.RATIO else (columns,)
            metrics[metrics.index(metric)] = replace(metric, covariates=known)
    return tuple(metrics)


def parse_numbers(text: str, place: str) -> dict[str, float]:
    """Read `A=1,B=2` as numbers. Raises Refused(`bad_argument`).

    >>> parse_numbers("A=1, B=50%", "--weights")
    {'A': 1.0, 'B': 0.5}
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.rpartition("=")
        try:
            value = float(number.strip().removesuffix("%")) / (100 if number.strip().endswith("%") else 1)
        except ValueError:
            value = math.nan
        if not name.strip() or not math.isfinite(value) or name.strip() in found:
            message = f'"{part.strip()}" is not NAME=NUMBER, or comes twice.'
            raise Refused("bad_argument", message, place=place, fix="Write A=1,B=1.")
        found[name.strip()] = value
    return found


def parse_money(text: str, place: str) -> tuple[str, Decimal]:
    """Read `NAME=AMOUNT` exactly. Raises Refused(`bad_argument`).

    >>> parse_money("email=0.05", "--cost")
    ('email', Decimal('0.05'))
    """
    name, _, amount = text.rpartition("=")
    try:
        value = Decimal(amount.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not name.strip() or not value.is_finite():
        raise Refused("bad_argument", f'"{text}" is not NAME=AMOUNT.', place=place, fix="Write email=0.05.")
    return name.strip(), value


def checked_weights(weights: Mapping[str, float], arms: Sequence[str], place: str = "--weights") -> dict[str, float]:
    """Weights of all arms; equal ones where none are given. Whole numbers are proportions, others shares that add up to 1.

    Raises Refused(`bad_weights`).

    >>> checked_weights({"A": 0.9, "B": 0.2}, ["A", "B"])
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_weights` at `--weights`: The shares add up to 1.1, not to 1. Correct them, or give ...
    """
    if not weights:
        return dict.fromkeys(arms, 1.0)
    missing = [a for a in arms if a not in weights]
    if missing:
        message = f"No weight is given for {', '.join(missing)}."
        raise Refused("bad_weights", message, place=place, fix=f"Name all arms: {', '.join(arms)}.")
    wrong = [a for a, w in weights.items() if not (w > 0 and math.isfinite(w))]
    if wrong:
        raise Refused("bad_weights", f"The weight of {wrong[0]} is not above 0.", place=place, fix="Write A=1,B=1.")
    total = math.fsum(weights.values())
    if not all(float(w).is_integer() for w in weights.values()) and abs(total - 1) > 1e-6:
        fix = "Correct them, or give proportions in whole numbers such as A=9,B=1."
        raise Refused("bad_weights", f"The shares add up to {total:g}, not to 1.", place=place, fix=fix)
    return dict(weights)


def _takes_one(metric: Metric) -> bool:
    return metric.kind in (Kind.BINARY, Kind.MEAN) and not metric.covariates


def _two(columns: str, place: str) -> tuple[str, str]:
    parts = [c.strip() for c in columns.split("/")]
    if len(parts) != 2 or not all(parts):
        message = "A ratio needs a numerator and a denominator."
        raise Refused(
            "bad_metric", message, place=place, fix="Write NUM/DEN:ratio; columns with a `/` must be renamed."
        )
    return parts[0], parts[1]
