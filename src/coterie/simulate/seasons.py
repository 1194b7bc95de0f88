"""How the days of a year differ for a shop: seasons, feasts, sales days; and time weighed by how much is bought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from coterie.simulate.segments import SEGMENTS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEASTS: tuple[tuple[int, int, int, float], ...] = (
    (2, 14, 10, 2.0),
    (5, 10, 9, 1.6),
    (9, 20, 10, 1.6),
    (12, 24, 21, 3.0),
)
"""Month, day, days of shopping before it, strength: Valentine's, Mother's Day, mid-autumn, Christmas."""

SALES_DAYS: tuple[tuple[int, int, float], ...] = ((6, 18, 1.8), (11, 11, 2.5), (11, 27, 1.5))
"""Month, day, how many times an ordinary day's orders."""

FUTURE_DAYS = 90


@dataclass(frozen=True)
class Calendar:
    """The days simulated, and for each segment how much they weigh (an average day: 1), summed from the first day on.

    first : the first day; days count from its midnight
    days : number of days that the files cover
    sales_day : bool array, shape (days + FUTURE_DAYS,)
    elapsed : float array, shape (segments, days + FUTURE_DAYS + 1); `elapsed[s, d]` weighs all days before d
    """

    first: date
    days: int
    sales_day: npt.NDArray[np.bool_]
    elapsed: Floats

    def weighed(self, segment: Ints, day: Floats) -> Floats:
        """Weighed days from the start to `day` (fractions allowed) for each customer's segment."""
        whole = np.clip(day.astype(np.int64), 0, self.elapsed.shape[1] - 2)
        low = self.elapsed[segment, whole]
        return low + (day - whole) * (self.elapsed[segment, whole + 1] - low)

    def unweighed(self, segment: Ints, weighed: Floats) -> Floats:
        """The inverse of `weighed`: the moment, in days, at which that much weight has gone by."""
        day = np.empty_like(weighed)
        axis = np.arange(self.elapsed.shape[1], dtype=np.float64)
        for s in range(len(self.elapsed)):
            of_segment = segment == s
            day[of_segment] = np.interp(weighed[of_segment], self.elapsed[s], axis)
        return day

    @property
    def epoch_seconds(self) -> int:
        """Seconds from 1970 to the first midnight, read as local time."""
        return (self.first - date(1970, 1, 1)).days * 86_400

    def monday_before(self, day: Ints) -> Ints:
        """The Monday on or before each day."""
        return day - (day + self.first.weekday()) % 7


def calendar(end: date, years: int) -> Calendar:
    """The calendar of `years` years up to and including `end`, and `FUTURE_DAYS` more for the truth about the future.

    >>> c = calendar(date(2026, 10, 31), 2)
    >>> c.first.isoformat(), c.days, c.elapsed.shape
    ('2024-11-01', 730, (6, 821))
    >>> bool(abs(c.elapsed[:, 730] / 730 - 1).max() < 0.05)  # an average day weighs 1
    True
    """
    first = _years_before(end, years) + timedelta(days=1)
    days = (end - first).days + 1
    dates = [first + timedelta(days=d) for d in range(days + FUTURE_DAYS)]
    sales = np.array([_sales_boost(d) for d in dates])
    feasts = np.array([_feast_boost(d) for d in dates])
    yearly = 1 + 0.10 * np.cos(2 * np.pi * (np.array([d.timetuple().tm_yday for d in dates]) - 335) / 365.25)
    weights = np.array([yearly * (1 + s.festive * feasts) * (1 + (sales - 1) * (0.3 + s.discounted)) for s in SEGMENTS])
    weights /= weights[:, -365:].mean(axis=1, keepdims=True)
    elapsed = np.concatenate([np.zeros((len(SEGMENTS), 1)), np.cumsum(weights, axis=1)], axis=1)
    return Calendar(first, days, sales > 1, elapsed)


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def _sales_boost(day: date) -> float:
    return next((boost for month, number, boost in SALES_DAYS if (day.month, day.day) == (month, number)), 1.0)


def _feast_boost(day: date) -> float:
    for month, number, before, strength in FEASTS:
        if 0 <= (date(day.year, month, number) - day).days < before:
            return strength
    return 0.0
