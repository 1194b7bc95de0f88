"""When in the week and in the day things happen, by each person's habits."""

from __future__ import annotations

import numpy as np

from coterie.simulate.people import People
from coterie.simulate.seasons import Calendar, Ints

NIGHT = ((21, 0.28), (22, 0.28), (23, 0.20), (0, 0.12), (1, 0.06), (2, 0.03), (3, 0.02), (4, 0.01))
OFFICE = ((9, 0.12), (10, 0.15), (11, 0.14), (12, 0.15), (13, 0.11), (14, 0.11), (15, 0.11), (16, 0.11))
REST = ((5, 0.02), (6, 0.06), (7, 0.12), (8, 0.14), (17, 0.12), (18, 0.16), (19, 0.19), (20, 0.19))
WEEKDAYS = 5
SATURDAY_SHARE = 0.55


def habitual_moments(rng: np.random.Generator, people: People, owner: Ints, day: Ints, when: Calendar) -> Ints:
    """Seconds since 1970 (local time) for events of `owner` in the week of `day`, at their usual weekday and hour.

    The day moves only inside its week (Monday to Sunday), never off a sales day, and never after the owner has left.
    """
    moved = when.monday_before(day) + _weekdays(rng, people, owner)
    fits = (moved >= 0) & (moved < when.days) & (moved <= people.stop[owner])
    day = np.where(fits & ~when.sales_day[day], moved, day)
    return when.epoch_seconds + day * 86_400 + _seconds_of_day(rng, people, owner)


def _weekdays(rng: np.random.Generator, people: People, owner: Ints) -> Ints:
    weekend = rng.random(len(owner)) < people.weekend[owner]
    sunday = rng.random(len(owner)) >= SATURDAY_SHARE
    return np.where(weekend, WEEKDAYS + sunday, rng.integers(0, WEEKDAYS, len(owner))).astype(np.int64)


def _seconds_of_day(rng: np.random.Generator, people: People, owner: Ints) -> Ints:
    n = len(owner)
    night, office = rng.random(n) < people.night[owner], rng.random(n) < people.office[owner]
    at_night, at_work, at_rest = (_hours(rng, profile, n) for profile in (NIGHT, OFFICE, REST))
    hours = np.select([night, office], [at_night, at_work], at_rest)
    return np.asarray(hours * 3600 + rng.integers(0, 3600, n), dtype=np.int64)


def _hours(rng: np.random.Generator, profile: tuple[tuple[int, float], ...], n: int) -> Ints:
    hours, shares = np.array([h for h, _ in profile]), np.cumsum([p for _, p in profile])
    return hours[np.minimum(np.searchsorted(shares, rng.random(n)), len(hours) - 1)]
