"""When a wait is over, by the calendar and the clocks of a zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from coterie.campaigns.journeys.definition import Wait
from coterie.campaigns.schedule import WEEKDAYS
from coterie.rules.spans import after


def due(wait: Wait, since: datetime, tz: ZoneInfo) -> datetime:
    """The moment (UTC) at which who came to a wait at `since` goes on.

    A span alone keeps the local time of day; hours are exact. With `at`, days are counted first: 1d at 09:00 is tomorrow
    at 09:00, whatever the time is now; hours, or no span, go on to the first 09:00 after them. With `on`, to the first
    of these weekdays from there. A time that a day lacks (summer time) counts as that time by the clocks of before, so
    02:30 becomes 03:30; of one that comes twice, the first counts.

    >>> from coterie.rules.spans import Span
    >>> berlin, since = ZoneInfo("Europe/Berlin"), datetime(2026, 3, 28, 13, tzinfo=UTC)  # Saturday, 14:00
    >>> due(Wait(Span(1, "d")), since, berlin).isoformat()  # Sunday has 23 hours
    '2026-03-29T12:00:00+00:00'
    >>> due(Wait(Span(1, "d"), "02:30"), since, berlin).isoformat()
    '2026-03-29T01:30:00+00:00'
    >>> due(Wait(Span(1, "d"), "09:00", ("mon",)), since, berlin).isoformat()
    '2026-03-30T07:00:00+00:00'
    >>> due(Wait(None, "09:00"), since, berlin).isoformat()
    '2026-03-29T07:00:00+00:00'
    """
    moved = since if wait.span is None else after(since, wait.span, tz)
    local = moved.astimezone(tz)
    if wait.at is None and (not wait.on or WEEKDAYS[local.weekday()] in wait.on):
        return moved
    of_day = local.time() if wait.at is None else time.fromisoformat(wait.at)
    days_first = wait.span is not None and wait.span.unit != "h"
    for ahead in range(9):  # a day of each weekday, and one more where today's time is over
        day = local.date() + timedelta(days=ahead)
        moment = datetime.combine(day, of_day, tz).astimezone(UTC)
        soon = not days_first and (moment <= since or moment < moved)
        if not soon and (not wait.on or WEEKDAYS[day.weekday()] in wait.on):
            return moment
    raise AssertionError("nine days have every weekday")
