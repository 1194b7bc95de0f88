"""The measures in plain Python over a list of rows: what the builder's answers are compared with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import Aggregate, Measure
from coterie.kit.moments import before

Row = Mapping[str, Any]


class OneOf(frozenset[Any]):
    """Values that are equally right: of rows at one moment any may be the first or last."""


def value(spec: Aggregate, rows: Sequence[Row], as_of: datetime, zone: ZoneInfo, test: Callable[[Row], bool]) -> Any:
    """The value of an aggregate for one entity with these rows.

    test : the condition `where`, in Python.
    """
    rows = [r for r in rows if r["at"] is None or r["at"] <= as_of]
    if spec.within or spec.between:
        start, end = (spec.within, None) if spec.within else spec.between
        low, high = before(as_of, start, zone), before(as_of, end, zone) if end else as_of
        rows = [r for r in rows if r["at"] is not None and low < r["at"] <= high]
    everyone = rows
    rows = [r for r in rows if test(r)]
    of = spec.of or "at"
    values = [r[of] for r in rows if r[of] is not None]
    dated = sorted((r["at"], r[of]) for r in rows if r["at"] is not None and r[of] is not None)
    match spec.measure:
        case Measure.COUNT:
            return len(values) if spec.of else len(rows)
        case Measure.SUM:
            return sum(values, Decimal(0) if values and isinstance(values[0], Decimal) else 0)
        case Measure.AVG:
            return float(sum(values)) / len(values) if values else None
        case Measure.MIN:
            return min(values, default=None)
        case Measure.MAX:
            return max(values, default=None)
        case Measure.DISTINCT:
            return len(set(values))
        case Measure.FIRST | Measure.LAST:
            end = (min if spec.measure is Measure.FIRST else max)((at for at, _ in dated), default=None)
            return OneOf(v for at, v in dated if at == end) if dated else None
        case Measure.MODE:
            return min(Counter(values).items(), key=lambda item: (-item[1], item[0]))[0] if values else None
        case Measure.DAYS_SINCE | Measure.DAYS_SINCE_FIRST:
            pick = max if spec.measure is Measure.DAYS_SINCE else min
            day = pick(values, default=None)
            return None if day is None else (as_of.astimezone(zone).date() - day.astimezone(zone).date()).days
        case Measure.TREND:
            return slope([(r["at"], r[of]) for r in rows if r["at"] is not None and r[of] is not None])
        case Measure.DECAYED_SUM:
            half = {"h": 1, "d": 24}[spec.half_life[-1]] * int(spec.half_life[:-1])
            weigh = [(r[of], (as_of - r["at"]) / timedelta(hours=half)) for r in rows if r["at"] and r[of] is not None]
            return math.fsum(float(v) * 0.5**age for v, age in weigh)
        case Measure.SHARE:
            return len(rows) / len(everyone) if everyone else None


def slope(points: Sequence[tuple[datetime, Any]]) -> float | None:
    """Least-squares slope per day, by whole milliseconds."""
    if not points:
        return None
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    xs = [Decimal((at - epoch) // timedelta(milliseconds=1)) for at, _ in points]
    ys = [Decimal(y) for _, y in points]
    n, mean_x, mean_y = len(xs), sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    if n < 2 or spread == 0:
        return None
    return float(86_400_000 * sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread)


def close(found: Any, expected: Any, *, scale: float = 1.0) -> bool:
    """Equal; floating numbers to 9 digits, which of 1.00000000 is half a unit in 10^8, or to 10^-9 of `scale`."""
    if isinstance(expected, OneOf):
        return found in expected
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=5.01e-9, abs_tol=1e-9 * scale)
    return found == expected
