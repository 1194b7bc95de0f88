"""Anniversaries: birthdays and the like, by month and day whatever the year; 29 February falls on the 28th in common years."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import ValueType
from coterie.engines.sql import quote_value
from coterie.rules.spans import Relative, Span

_FEBRUARY_28, _FEBRUARY_29, _DECEMBER_31 = 228, 229, 1231
_YEAR_DAYS = 366


@dataclass(frozen=True)
class Anniversaries:
    """The days from `first` to `last`, both included; of moments, days begin in `zone`; dates have none.

    >>> birthdays = Anniversaries(date(2023, 2, 27), date(2023, 2, 28))
    >>> birthdays.hold(date(1988, 2, 29)), birthdays.hold(date(1988, 3, 1))
    (True, False)
    """

    first: date
    last: date
    zone: str | None = None

    @classmethod
    def around(cls, key: str, span: Span | None, kind: ValueType, as_of: datetime, tz: ZoneInfo) -> Anniversaries:
        """The days of an operator at an as-of: today, the days after it up to `span` ahead, or those from `span` ago to it.

        >>> seen = datetime(2024, 5, 1, 12, tzinfo=UTC)
        >>> Anniversaries.around("anniversary_within_next", Span(7, "d"), ValueType.DATE, seen, ZoneInfo("UTC"))
        Anniversaries(first=datetime.date(2024, 5, 2), last=datetime.date(2024, 5, 8), zone=None)
        """
        first = last = as_of.astimezone(tz).date()
        if span is not None and key == "anniversary_within_next":
            first, last = first + timedelta(days=1), Relative(span, ahead=True).day(as_of, tz)
        elif span is not None:
            first = Relative(span).day(as_of, tz) + timedelta(days=1)
        return cls(first, last, None if kind is ValueType.DATE else tz.key)

    def hold(self, value: date | datetime) -> bool:
        """Whether an anniversary of the value falls on one of the days."""
        day = value.astimezone(ZoneInfo(self.zone or "UTC")).date() if isinstance(value, datetime) else value
        number = _number(day)
        return any(low <= number <= high for low, high in self.ranges())

    def sql(self, x: str) -> str:
        """The same as a condition; NULL for a missing value."""
        local = x if self.zone is None else f"timezone({quote_value(self.zone)}, {x})"
        number = f"(month({local}) * 100 + day({local}))"
        ranges = [f"{number} BETWEEN {low} AND {high}" for low, high in self.ranges()]
        return ranges[0] if len(ranges) == 1 else f"({' OR '.join(ranges)})"

    def ranges(self) -> list[tuple[int, int]]:
        """The days as ranges of month * 100 + day.

        >>> Anniversaries(date(2023, 12, 30), date(2024, 1, 2)).ranges()
        [(1230, 1231), (101, 102)]
        """
        if (self.last - self.first).days >= _YEAR_DAYS - 1:
            return [(101, _DECEMBER_31)]
        if self.first.year == self.last.year:
            return [(_number(self.first), _end(self.last))]
        return [(_number(self.first), _DECEMBER_31), (101, _end(self.last))]

    def points(self) -> list[Any]:
        """Values that pass, for the search of the nearest one."""
        days = [self.first, self.last]
        if self.zone is None:
            return list(days)
        return [datetime.combine(day, time(12), ZoneInfo(self.zone)).astimezone(UTC) for day in days]


def _number(day: date) -> int:
    return day.month * 100 + day.day


def _end(day: date) -> int:
    """The last number: in common years the 28th of February is also the anniversary of the 29th."""
    number = _number(day)
    return _FEBRUARY_29 if number == _FEBRUARY_28 and not calendar.isleap(day.year) else number
