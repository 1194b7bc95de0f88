"""What an analysis found, as data; sentences are made of it by `words`, JSON by `document`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from coterie.experiments.question import Metric, Question
from coterie.stats.bayes import Posterior
from coterie.stats.effects import Difference, Heterogeneity, Interval
from coterie.stats.moments import CannotTell
from coterie.stats.ratio_check import RatioCheck

Verdict = Literal["better", "worse", "not_seen", "cannot_tell", "stopped"]
GuardrailState = Literal["kept", "broken", "open"]


class Corrected(NamedTuple):
    """P-values corrected for the number of metrics and arms: Holm's, Benjamini and Hochberg's."""

    holm: float
    bh: float


@dataclass(frozen=True)
class Reading:
    """One way of reading a metric, plain or adjusted.

    always_valid, always_valid_relative : with a sequential plan; sequential : their corrected p-value.
    belief : about the relative effect, None where there is none.
    theta, variance_kept : of an adjusted reading: how strongly each column that was known before counts, and the share of
    the effect's variance that is left.
    """

    difference: Difference
    corrected: Corrected | None = None
    always_valid: Interval | None = None
    always_valid_relative: Interval | None = None
    sequential: Corrected | None = None
    belief: Posterior | None = None
    theta: tuple[float, ...] | None = None
    variance_kept: float | None = None


class Guardrail(NamedTuple):
    """Whether a metric that must not suffer does; `max_harm` is a fraction of the control."""

    max_harm: float
    state: GuardrailState


@dataclass(frozen=True)
class Row:
    """One metric of one arm against the control, of all units or of one level of a segment column.

    n, control_n : units with a value; value, control_value : not adjusted, None where they cannot be computed.
    adjusted : None where no covariate was given; adjusted_decides : as the question says.
    decides : the p-values of the chosen reading, always valid with a sequential plan, corrected over all chosen readings.
    """

    metric: Metric
    arm: str
    control: str
    n: int
    control_n: int
    value: float | None
    control_value: float | None
    plain: Reading | CannotTell
    adjusted: Reading | CannotTell | None
    decides: Corrected | None = None
    verdict: Verdict = "cannot_tell"
    guardrail: Guardrail | None = None
    segment: str | None = None
    level: str | None = None
    adjusted_decides: bool = True

    @property
    def chosen(self) -> Reading | CannotTell:
        """The reading that decides: the adjusted one where there is one, unless the question settled on the plain one."""
        return self.adjusted if self.adjusted_decides and isinstance(self.adjusted, Reading) else self.plain


class Variety(NamedTuple):
    """Whether the effect differs between the levels of a segment column, with Holm's correction."""

    segment: str
    metric: str
    arm: str
    found: Heterogeneity | CannotTell
    holm: float | None


class Profit(NamedTuple):
    """Money that an arm brings more than the control, per unit and for its units in all, with ends of 95 % intervals."""

    arm: str
    per_unit: float
    low: float
    high: float
    total: float
    total_low: float
    total_high: float
    cost: Decimal


class Note(NamedTuple):
    """Something to know before reading; `words` says it with its figures."""

    code: str
    figures: Mapping[str, object]


@dataclass(frozen=True)
class Analysis:
    """The whole of it. Where `stopped`, arms are not as large as they were meant to be and no figure should be read.

    units : counted by arm, in the order of `arms`, the control first.
    """

    question: Question
    source: str
    arms: tuple[str, ...]
    srm: RatioCheck
    rows: tuple[Row, ...]
    segments: tuple[Row, ...]
    varieties: tuple[Variety, ...]
    profits: tuple[Profit, ...]
    notes: tuple[Note, ...]

    @property
    def stopped(self) -> bool:
        """The sample-ratio check failed."""
        return self.srm.broken

    @property
    def units(self) -> int:
        """All units that were compared."""
        return int(self.srm.observed.sum())
