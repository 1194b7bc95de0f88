"""Did it work? Units, arms and metrics in; differences, intervals and a plain answer out.

The order is that of a careful reader: first whether the arms are as large as they were meant to be (below p .001
nothing else is read), then each metric against the control, plain and adjusted side by side, corrected for how many
were looked at, then guardrails, segments and money.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from coterie.engines.duckdb import Engine
from coterie.errors import Refused, unknown_name
from coterie.experiments.aggregate import Aggregates, Facts, aggregate, arm_facts, value_of
from coterie.experiments.notes import all_notes
from coterie.experiments.question import Kind, Metric, Question, checked_weights
from coterie.experiments.results import (
    Analysis,
    Corrected,
    Guardrail,
    Profit,
    Reading,
    Row,
    Variety,
    Verdict,
)
from coterie.experiments.units import open_file, read_units
from coterie.ingest.readers.columnar import open_frame
from coterie.ingest.readers.source import Source
from coterie.kit.progress import Progress
from coterie.settings import Settings
from coterie.stats.bayes import posterior
from coterie.stats.effects import Interval, difference, heterogeneity
from coterie.stats.moments import Adjusted, CannotTell, Value, adjusted_means, adjusted_ratios
from coterie.stats.multiplicity import benjamini_hochberg, holm
from coterie.stats.ratio_check import ratio_check
from coterie.stats.sequential import always_valid

_DECIDED = 0.05


def analyse_file(
    path: Path, question: Question, *, settings: Settings | None = None, progress: Progress | None = None
) -> Analysis:
    """Analyse a file with one row a unit (several are added up): CSV, TSV, JSON lines, Excel or Parquet, packed or not.

    Raises Refused: no such file or column, no numbers (`bad_column`), one arm (`one_arm`), weights that do not fit.
    NotFound: the control is not among the arms.
    """
    with (
        tempfile.TemporaryDirectory(prefix="coterie-") as name,
        Engine.open(settings or Settings({}), Path(name)) as engine,
    ):
        source = open_file(path, engine, Path(name), progress)
        return analyse(source, question, engine)


def analyse_frame(frame: Any, question: Question, *, settings: Settings | None = None) -> Analysis:
    """The same for a pandas or Polars frame or an Arrow table.

    >>> import pyarrow as pa
    >>> from coterie.experiments.question import parse_metrics
    >>> table = pa.table({"id": range(8), "arm": ["A", "B"] * 4, "paid": [0, 1, 0, 1, 1, 1, 0, 0]})
    >>> found = analyse_frame(table, Question("id", "arm", "A", parse_metrics(["paid:binary"])))
    >>> found.rows[0].chosen.difference.absolute.effect, found.rows[0].verdict
    (0.5, 'not_seen')
    """
    with (
        tempfile.TemporaryDirectory(prefix="coterie-") as name,
        Engine.open(settings or Settings({}), Path(name)) as engine,
    ):
        return analyse(open_frame(frame, "frame", engine, [question.unit]), question, engine)


def analyse(source: Source, question: Question, engine: Engine) -> Analysis:
    """Analyse an open source; see `analyse_file`."""
    units = read_units(source, question, engine)
    facts = arm_facts(engine, units, question)
    arms = _arms(facts, question)
    weights = checked_weights(question.weights, arms)
    order = [*arms, *(a for a in weights if a not in arms)]
    srm = ratio_check([facts.sizes.get(a, 0) for a in order], [weights[a] for a in order])
    _refuse_no_shares(facts, question)
    found = aggregate(engine, units, question, facts)
    rows = _decided(_rows(found, question, arms, None, None), question, stopped=srm.broken)
    parts: list[Row] = []
    for segment in question.segments:
        by_level = aggregate(engine, units, question, facts, segment)
        levels = sorted({level for (_, level), _ in [*by_level.moments, *by_level.quantiles] if level is not None})
        for level in levels:
            parts += _rows(by_level, question, arms, segment, level)
    segments = _decided(parts, question, stopped=srm.broken)
    return Analysis(
        question,
        source.label,
        tuple(order),
        srm,
        tuple(rows),
        tuple(segments),
        tuple(_varieties(segments)),
        tuple(_profits(rows, question, facts)),
        tuple(all_notes(question, units, facts, found, arms, srm)),
    )


def _arms(facts: Facts, question: Question) -> list[str]:
    """The arms, the control first."""
    found = list(facts.sizes)
    if question.control not in found:
        raise unknown_name("arm", question.control, found, place="--control")
    if len(found) == 1:
        message = f'Only the arm "{found[0]}" is there, so that there is nobody to compare with.'
        raise Refused("one_arm", message, place=question.arm, fix="Give the units of the other arms too.")
    for name in question.costs:
        if name not in found:
            raise unknown_name("arm", name, found, place="--cost")
    return [question.control, *(a for a in found if a != question.control)]


def _refuse_no_shares(facts: Facts, question: Question) -> None:
    """A column of a share holds 0 and 1 only."""
    for (_, slot), extent in facts.extents.items():
        if slot.role == "binary" and extent.beside:
            message = f"{extent.beside:,} values are neither 0 nor 1, such as {extent.high:g}."
            fix = f"Ask for {slot.column}:mean, or leave cells empty where there is no answer."
            raise Refused("bad_column", message, place=slot.column, fix=fix)


def _rows(
    found: Aggregates, question: Question, arms: Sequence[str], segment: str | None, level: str | None
) -> list[Row]:
    """Every metric of every arm against the control."""
    return [
        replace(_row(found, question, metric, arm, level), segment=segment)
        for metric in question.metrics
        for arm in arms[1:]
    ]


def _row(found: Aggregates, question: Question, metric: Metric, arm: str, level: str | None) -> Row:
    ours, theirs = value_of(found, metric, (arm, level)), value_of(found, metric, (question.control, level))
    n, control_n = (
        v.n if isinstance(v, Value) else _count(found, metric, g, level)
        for v, g in ((ours, arm), (theirs, question.control))
    )
    value, control_value = (v.plain if isinstance(v, Value) else None for v in (ours, theirs))
    plain = _reading(theirs, ours, question)
    adjusted = _adjusted(found, question, metric, arm, level, plain) if metric.covariates else None
    row = Row(metric, arm, question.control, n, control_n, value, control_value, plain, adjusted, level=level)
    return replace(row, adjusted_decides=question.adjusted_decides)


def _count(found: Aggregates, metric: Metric, arm: str, level: str | None) -> int:
    moments = found.moments.get(((arm, level), metric.name))
    return moments.n if moments else 0


def _reading(control: Value | CannotTell, arm: Value | CannotTell, question: Question) -> Reading | CannotTell:
    for value in (control, arm):
        if isinstance(value, CannotTell):
            return value
    assert isinstance(control, Value) and isinstance(arm, Value), "told above"
    apart = difference(control, arm, question.level)
    if isinstance(apart, CannotTell):
        return apart
    relative = apart.relative if isinstance(apart.relative, Interval) else None
    belief = relative and posterior(
        relative.effect, relative.standard_error, prior_sd=question.prior_sd, level=question.level
    )
    if question.sequential is None:
        return Reading(apart, belief=belief)
    valid = always_valid(apart.absolute, apart.n, question.sequential, question.level)
    valid_relative = relative and always_valid(relative, apart.n, question.sequential, question.level)
    return Reading(apart, always_valid=valid, always_valid_relative=valid_relative, belief=belief)


def _adjusted(
    found: Aggregates, question: Question, metric: Metric, arm: str, level: str | None, plain: Reading | CannotTell
) -> Reading | CannotTell:
    groups = [found.moments.get(((a, level), metric.name)) for a in (question.control, arm)]
    if groups[0] is None or groups[1] is None:
        return CannotTell("one_arm")
    few = _few_known(found, question, metric, (question.control, arm), level)
    if few is not None:
        return few
    make = adjusted_ratios if metric.kind is Kind.RATIO else adjusted_means
    both = make(groups[0], groups[1])
    if not isinstance(both, Adjusted):
        return both
    reading = _reading(both.control, both.arm, question)
    if not isinstance(reading, Reading) or not isinstance(plain, Reading):
        return reading
    errors = [r.difference.absolute.standard_error for r in (reading, plain)]
    return replace(reading, theta=both.theta, variance_kept=(errors[0] / errors[1]) ** 2)


def _few_known(
    found: Aggregates, question: Question, metric: Metric, arms: Sequence[str], level: str | None
) -> CannotTell | None:
    """Where fewer units differ in what was known before than an adjustment can stand on.

    A column that is the same for all enters no adjustment, and asks for nobody; of a ratio either column will do.
    """
    enough, short = False, []
    for place, column in enumerate(metric.covariates):
        counts = {a: found.apart[(a, level), metric.name][place] for a in arms}
        arm = min(counts, key=lambda a: counts[a])
        if not any(counts.values()) or counts[arm] >= question.least_known:
            enough = enough or any(counts.values())
            continue
        figures = {"column": column, "arm": arm, "count": counts[arm], "n": _count(found, metric, arm, level)}
        short.append(CannotTell("few_known", {**figures, "least": question.least_known}))
    return short[0] if short and not (enough and metric.kind is Kind.RATIO) else None


def _decided(rows: Sequence[Row], question: Question, *, stopped: bool) -> list[Row]:
    """The same rows with p-values corrected over all of them, verdicts and guardrails.

    Verdicts are of one family: the adjusted readings where there are such, else the plain ones; or, where the question
    settled on them, the plain ones alone.
    """
    plain = _corrected([r.plain for r in rows])
    beside = _corrected([r.adjusted if isinstance(r.adjusted, Reading) else r.plain for r in rows])
    result = []
    for row, one, other in zip(rows, plain, beside, strict=True):
        adjusted = other if isinstance(row.adjusted, Reading) else row.adjusted
        chosen = other if question.adjusted_decides else one
        decides = None if isinstance(chosen, CannotTell) else chosen.sequential or chosen.corrected
        full = replace(row, plain=one, adjusted=adjusted, decides=decides)
        guardrail = _guardrail(full, question)
        result.append(replace(full, verdict=_verdict(full, question, stopped), guardrail=guardrail))
    return result


def _corrected(readings: Sequence[Reading | CannotTell]) -> list[Reading | CannotTell]:
    """Holm's and Benjamini-Hochberg's p-values, among the readings that have one."""
    told = [r for r in readings if isinstance(r, Reading)]
    fixed = _pairs([r.difference.absolute.p_value for r in told])
    valid = _pairs([r.always_valid.p_value for r in told if r.always_valid is not None])
    later: Sequence[Corrected | None] = valid or [None] * len(told)
    full = iter(replace(r, corrected=p, sequential=s) for r, p, s in zip(told, fixed, later, strict=True))
    return [next(full) if isinstance(r, Reading) else r for r in readings]


def _pairs(p_values: Sequence[float]) -> list[Corrected]:
    return [Corrected(*p) for p in zip(holm(p_values).tolist(), benjamini_hochberg(p_values).tolist(), strict=True)]


def _verdict(row: Row, question: Question, stopped: bool) -> Verdict:
    if stopped:
        return "stopped"
    chosen = row.chosen
    if isinstance(chosen, CannotTell):
        return "cannot_tell"
    assert row.decides is not None, "corrected before"
    if row.decides.holm >= _DECIDED:
        return "not_seen"
    return "better" if question.sign(row.metric.name) * chosen.difference.absolute.effect > 0 else "worse"


def _guardrail(row: Row, question: Question) -> Guardrail | None:
    """Kept where even the worst end of the interval is within the harm put up with, broken where even the best is not."""
    most = question.guardrails.get(row.metric.name)
    if most is None:
        return None
    chosen = row.chosen
    relative = None if isinstance(chosen, CannotTell) else chosen.always_valid_relative or chosen.difference.relative
    if not isinstance(relative, Interval):
        return Guardrail(most, "open")
    ends = sorted(question.sign(row.metric.name) * v for v in (relative.low, relative.high))
    return Guardrail(most, "kept" if ends[0] >= -most else "broken" if ends[1] < -most else "open")


def _varieties(rows: Sequence[Row]) -> Iterable[Variety]:
    """For each segment column, metric and arm, whether the effect differs between levels."""
    groups: dict[tuple[str, str, str], list[Interval]] = {}
    for row in rows:
        assert row.segment is not None, "a row of a segment"
        listed = groups.setdefault((row.segment, row.metric.name, row.arm), [])
        if isinstance(row.chosen, Reading):
            listed.append(row.chosen.difference.absolute)
    found = [(key, heterogeneity(effects)) for key, effects in groups.items()]
    told = [f for _, f in found if not isinstance(f, CannotTell)]
    corrected = iter(holm([f.p_value for f in told]).tolist())
    return [Variety(*key, f, None if isinstance(f, CannotTell) else next(corrected)) for key, f in found]


def _profits(rows: Sequence[Row], question: Question, facts: Facts) -> Iterable[Profit]:
    """Money from the metric that earns, less what the arm costs more than the control."""
    if question.value is None:
        return
    name, worth = question.value
    for row in rows:
        chosen = row.chosen
        if row.metric.name != name or isinstance(chosen, CannotTell):
            continue
        cost = question.costs.get(row.arm, worth * 0) - question.costs.get(question.control, worth * 0)
        effect = chosen.always_valid or chosen.difference.absolute
        ends = [float(worth) * v - float(cost) for v in (effect.low, effect.high)]
        middle, n = float(worth) * effect.effect - float(cost), facts.sizes[row.arm]
        low, high = min(ends), max(ends)
        yield Profit(row.arm, middle, low, high, middle * n, low * n, high * n, cost)
