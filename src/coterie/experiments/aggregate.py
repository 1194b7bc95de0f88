"""From units to what the statistics need: counts, means, covariances and quantiles of every arm.

One pass does where no value is missing and none is capped; else a second one goes over the values as they then are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.experiments.question import Kind, Metric, Question
from coterie.experiments.units import UNITS, Slot, Units
from coterie.stats.moments import CannotTell, Moments, Value, mean_value, ratio_value, share_value
from coterie.stats.quantiles import quantile_value, ranks_around

MOST_LEVELS = 20
_MOST_ARMS = 50
Group = tuple[str, str | None]
"""An arm, and a level of a segment column or None for all."""


class Extent(NamedTuple):
    """What one column holds in one arm: units with a value, the least and the largest (not of what was known before),
    and how many are not 0 or 1."""

    filled: int
    low: float | None
    high: float | None
    beside: int


@dataclass(frozen=True)
class Facts:
    """Sizes of the arms in the order of their names, and the extents of every column in each.

    cells : by arm, the aggregates that the moments need where no value is missing, by their SQL.
    """

    sizes: Mapping[str, int]
    extents: Mapping[tuple[str, Slot], Extent]
    cells: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Aggregates:
    """Of every group and metric the moments of its columns (value, then covariates), or the value of a quantile.

    apart : by group and metric, for each of its columns known before, how many units differ from the median of all: where
    most hold one value it is that one, else about all differ.
    filled : by column known before, how many units had none and were given the mean of all.
    caps : by metric, the value above which values count as it.
    """

    moments: Mapping[tuple[Group, str], Moments]
    quantiles: Mapping[tuple[Group, str], Value | CannotTell]
    filled: Mapping[str, int]
    caps: Mapping[str, float]
    apart: Mapping[tuple[Group, str], tuple[int, ...]]


def arm_facts(engine: Engine, units: Units, question: Question) -> Facts:
    """The first pass. Raises Refused(`bad_argument`) where there are too many arms to be arms."""
    names, wanted = list(units.slots.numbers.items()), _wanted(_columns(units, m) for m in _summed(question))
    listed = ["arm", "count(*)"]
    for slot, name in names:
        beside = f"count(*) FILTER ({name} NOT IN (0, 1))" if slot.role == "binary" else "0"
        ends = ["NULL", "NULL"] if slot.role == "known" else [f"min({name})", f"max({name})"]
        listed += [f"count({name})", *ends, beside]
    width = len(listed)
    listed += wanted
    rows = engine.rows(f"SELECT {', '.join(listed)} FROM {UNITS} GROUP BY arm ORDER BY arm LIMIT {_MOST_ARMS + 1}")
    if len(rows) > _MOST_ARMS:
        message = f"The column has more than {_MOST_ARMS} different values, starting with {rows[0][0]}, {rows[1][0]}."
        raise Refused("bad_argument", message, place="--arm", fix="Choose the column that says who got what.")
    extents = {(r[0], slot): Extent(*r[2 + 4 * i : 6 + 4 * i]) for r in rows for i, (slot, _) in enumerate(names)}
    cells = {r[0]: dict(zip(wanted, r[width:], strict=True)) for r in rows}
    return Facts({r[0]: r[1] for r in rows}, extents, cells)


def aggregate(engine: Engine, units: Units, question: Question, facts: Facts, segment: str | None = None) -> Aggregates:
    """The second pass, by arm or by arm and level of a segment column; rare levels come together as `…`."""
    work = _Pass(engine, units, facts, _level_sql(engine, units, segment), whole=segment is None)
    moments: dict[tuple[Group, str], Moments] = {}
    summed = _summed(question)
    columns = {m.name: work.expressions(m) for m in summed}
    cells = work.cells(columns.values())
    for metric in summed:
        for group, cell in cells.items():
            moments[group, metric.name] = _moments(columns[metric.name], cell)
    quantiles = {
        (group, m.name): work.quantile(m, group)
        for m in question.metrics
        if m.kind is Kind.QUANTILE
        for group in work.groups()
    }
    return Aggregates(moments, quantiles, work.filled, work.caps, work.apart([m for m in summed if m.covariates]))


def value_of(found: Aggregates, metric: Metric, group: Group) -> Value | CannotTell:
    """A metric of a group, not adjusted. CannotTell(`one_arm`) where the arm has nobody in that level of a segment."""
    if metric.kind is Kind.QUANTILE:
        return found.quantiles.get((group, metric.name), CannotTell("one_arm"))
    moments = found.moments.get((group, metric.name))
    if moments is None:
        return CannotTell("one_arm")
    if moments.n < 2:
        return CannotTell("too_few_units")
    match metric.kind:
        case Kind.BINARY:
            return share_value(moments.n, float(moments.mean[0]) * moments.n)
        case Kind.RATIO:
            return ratio_value(moments)
        case _:
            return mean_value(moments)


class _Pass:
    """Makes SQL of the metrics and keeps what it learns on the way."""

    def __init__(self, engine: Engine, units: Units, facts: Facts, level: str, *, whole: bool) -> None:
        self._engine, self._units, self._facts, self._level, self._whole = engine, units, facts, level, whole
        self.filled: dict[str, int] = {}
        self.caps: dict[str, float] = {}
        self._means: dict[str, float] = {}

    def expressions(self, metric: Metric) -> list[str]:
        """SQL of the metric's columns, then of what was known before; all missing where the metric is."""
        slots = _slots(metric)
        values = [self._units.slots.numbers[s] for s in slots]
        holes = [v for s, v in zip(slots, values, strict=True) if self._missing(s)]
        if metric.cap is not None:
            self.caps[metric.name] = self._engine.value(f"SELECT quantile_cont({values[0]}, {metric.cap}) FROM {UNITS}")
            values = [f"least({values[0]}, {quote_value(float(self.caps[metric.name]))})"]
        values += [self._known(Slot(c, "known")) for c in metric.covariates]
        if not holes:
            return values
        whole = " AND ".join(f"{h} IS NOT NULL" for h in holes)
        return [f"CASE WHEN {whole} THEN {v} END" for v in values]

    def cells(self, columns: Iterable[Sequence[str]]) -> dict[Group, dict[str, Any]]:
        """Every aggregate that the moments need, by group."""
        wanted = _wanted(columns)
        if not wanted:
            return {}
        if self._whole and all(sql in cell for cell in self._facts.cells.values() for sql in wanted):
            return {(arm, None): dict(cell) for arm, cell in self._facts.cells.items()}
        query = f"SELECT arm, {self._level}, {', '.join(wanted)} FROM {UNITS} GROUP BY 1, 2 ORDER BY 1, 2"
        return {(r[0], r[1]): dict(zip(wanted, r[2:], strict=True)) for r in self._engine.rows(query)}

    def apart(self, metrics: Sequence[Metric]) -> dict[tuple[Group, str], tuple[int, ...]]:
        """How many units with a value of the metric differ from the median of all in what was known before."""
        if not metrics:
            return {}
        known = {c: self._units.slots.numbers[Slot(c, "known")] for m in metrics for c in m.covariates}
        listed = ", ".join(f"quantile_disc({name}, 0.5)" for name in known.values())
        medians = dict(zip(known, self._engine.row(f"SELECT {listed} FROM {UNITS}"), strict=True))
        counts = {m.name: [self._apart_sql(m, known[c], medians[c]) for c in m.covariates] for m in metrics}
        wanted = list(dict.fromkeys(sql for listed in counts.values() for sql in listed))
        query = f"SELECT arm, {self._level}, {', '.join(wanted)} FROM {UNITS} GROUP BY 1, 2 ORDER BY 1, 2"
        cells = {(r[0], r[1]): dict(zip(wanted, r[2:], strict=True)) for r in self._engine.rows(query)}
        return {(g, name): tuple(cell[s] for s in sqls) for g, cell in cells.items() for name, sqls in counts.items()}

    def _apart_sql(self, metric: Metric, name: str, median: float | None) -> str:
        values = [self._units.slots.numbers[s] for s in _slots(metric) if self._missing(s)]
        holds = [*(f"{v} IS NOT NULL" for v in values), f"{name} <> {quote_value(median)}"]
        return f"count(*) FILTER ({' AND '.join(holds)})"

    def groups(self) -> list[Group]:
        """Arms and levels."""
        query = f"SELECT DISTINCT arm, {self._level} FROM {UNITS} ORDER BY 1, 2"
        return [(arm, level) for arm, level in self._engine.rows(query)]

    def quantile(self, metric: Metric, group: Group) -> Value | CannotTell:
        """A quantile and the ends of its interval, from the units of one group."""
        name = self._units.slots.numbers[Slot(metric.columns[0], "sum")]
        where = f"arm = {quote_value(group[0])} AND {self._level} IS NOT DISTINCT FROM {quote_value(group[1])}"
        assert metric.share is not None, "a quantile says which"
        n = int(self._engine.value(f"SELECT count({name}) FROM {UNITS} WHERE {where}"))
        ranks = ranks_around(metric.share, n)
        if isinstance(ranks, CannotTell):
            return ranks
        shares = f"[{metric.share}, {ranks.low}, {ranks.high}]"
        found = self._engine.value(f"SELECT quantile_cont({name}, {shares}) FROM {UNITS} WHERE {where}")
        return quantile_value(n, *found)

    def _missing(self, slot: Slot) -> bool:
        return any(self._facts.extents[arm, slot].filled < n for arm, n in self._facts.sizes.items())

    def _known(self, slot: Slot) -> str:
        """What was known before; a unit without it gets the mean of all, which favours no arm."""
        name = self._units.slots.numbers[slot]
        if not self._missing(slot):
            return name
        if slot.column not in self._means:
            mean, holes = self._engine.row(f"SELECT avg({name}), count(*) FILTER ({name} IS NULL) FROM {UNITS}")
            self._means[slot.column], self.filled[slot.column] = mean or 0.0, holes
        return f"coalesce({name}, {quote_value(self._means[slot.column])})"


def _summed(question: Question) -> list[Metric]:
    return [m for m in question.metrics if m.kind is not Kind.QUANTILE]


def _slots(metric: Metric) -> list[Slot]:
    """What the metric itself is made of."""
    return [Slot(c, "binary" if metric.kind is Kind.BINARY else "sum") for c in metric.columns]


def _columns(units: Units, metric: Metric) -> list[str]:
    """The metric's columns, then what was known before, as they stand where no value is missing or capped."""
    return [units.slots.numbers[s] for s in (*_slots(metric), *(Slot(c, "known") for c in metric.covariates))]


def _wanted(columns: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(sql for listed in columns for sql in _aggregates(listed)))


def _level_sql(engine: Engine, units: Units, segment: str | None) -> str:
    if segment is None:
        return "NULL::VARCHAR"
    name = units.slots.segments[segment]
    query = f"SELECT {name} FROM {UNITS} WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1"
    levels = [r[0] for r in engine.rows(f"{query} LIMIT {MOST_LEVELS + 1}")]
    if len(levels) <= MOST_LEVELS:
        return f"coalesce({name}, '')"
    common = ", ".join(quote_value(v) for v in levels[: MOST_LEVELS - 1])
    return f"CASE WHEN {name} IN ({common}) THEN {name} WHEN {name} IS NULL THEN '' ELSE '…' END"


def _aggregates(columns: Sequence[str]) -> list[str]:
    """Count, means, variances and covariances; the engine's are updated value by value, so that none is lost in a large
    mean."""
    listed = [f"count({columns[0]})", *(f"avg({c})" for c in columns), *(f"var_samp({c})" for c in columns)]
    return listed + [f"covar_samp({a}, {b})" for i, a in enumerate(columns) for b in columns[i + 1 :]]


def _moments(columns: Sequence[str], cell: Mapping[str, Any]) -> Moments:
    k = len(columns)
    spread = np.zeros((k, k))
    for i, a in enumerate(columns):
        spread[i, i] = cell[f"var_samp({a})"] or 0.0
        for j in range(i + 1, k):
            spread[i, j] = spread[j, i] = cell[f"covar_samp({a}, {columns[j]})"] or 0.0
    mean = np.array([cell[f"avg({c})"] or 0.0 for c in columns])
    return Moments(int(cell[f"count({columns[0]})"]), mean, spread)
