"""Moments: read as people write them, kept as UTC, shown with their zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from coterie.errors import Refused

_SPAN = re.compile(r"(\d+)\s*([hdwmy])")


def now() -> datetime:
    """This moment, UTC, whole microseconds."""
    return datetime.now(UTC)


def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    >>> zone("Asia/Shanghai").key
    'Asia/Shanghai'
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        fix = "Use an IANA name such as `UTC`, `Europe/Paris` or `Asia/Shanghai`."
        raise Refused("bad_argument", f'"{name}" is not a time zone.', place="--zone", fix=fix) from None


def parse_moment(text: str, tz: ZoneInfo, *, place: str | None = None) -> datetime:
    """Read a moment as UTC; one without an offset is in `tz`, a bare date is that day's midnight.

    >>> parse_moment("2011-12-10", ZoneInfo("Europe/Paris")).isoformat()
    '2011-12-09T23:00:00+00:00'
    >>> parse_moment("2011-12-10T08:00:00+08:00", ZoneInfo("UTC")).isoformat()
    '2011-12-10T00:00:00+00:00'
    """
    if text.strip() == "now":
        return now()
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=tz)).astimezone(UTC)
    except (ValueError, OverflowError):  # beyond the years 1 to 9999
        fix = "Write 2011-12-10 or 2011-12-10T08:00 or add an offset."
        raise Refused("bad_moment", f'"{text}" is not a moment.', place=place, fix=fix) from None


def show_moment(moment: datetime, tz: ZoneInfo) -> str:
    """ISO 8601 with the zone's offset.

    >>> show_moment(datetime(2011, 12, 9, 23, tzinfo=UTC), ZoneInfo("Europe/Paris"))
    '2011-12-10T00:00:00+01:00'
    """
    return moment.astimezone(tz).isoformat()


def told_day(text: str, language: str) -> str:
    """A date or a moment of ISO text as people write it: the day, and the minute where it is not midnight.

    >>> [told_day("2026-11-01T00:00:00+01:00", language) for language in ("en", "zh")]
    ['1 Nov 2026', '2026年11月1日']
    >>> told_day("2026-11-01T08:05:00+01:00", "en"), told_day("2026-11-01", "en"), told_day("then", "en")
    ('1 Nov 2026, 08:05', '1 Nov 2026', 'then')
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    minute = "" if (at.hour, at.minute) == (0, 0) else f"{at:%H:%M}"
    if language == "zh":
        return f"{at.year}年{at.month}月{at.day}日{' ' + minute if minute else ''}"
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}{', ' + minute if minute else ''}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def before(as_of: datetime, span: str, tz: ZoneInfo, *, place: str | None = None) -> datetime:
    """The moment a span such as `30d` before `as_of`.

    `d w m y` are calendar days, weeks, months, years in `tz`; `h` exact hours. Calendar arithmetic keeps the local wall
    clock, so 1d over a change to summer time is 23 exact hours. The 31st a month before is that month's last day. An
    hour that the clocks skip counts as the one after it.

    >>> before(datetime(2024, 3, 31, 12, tzinfo=UTC), "1d", ZoneInfo("Europe/Paris")).isoformat()
    '2024-03-30T13:00:00+00:00'
    >>> before(datetime(2024, 3, 31, tzinfo=UTC), "1m", ZoneInfo("UTC")).isoformat()
    '2024-02-29T00:00:00+00:00'
    """
    match = _SPAN.fullmatch(span.strip())
    if match is None:
        fix = "Write a number and a unit: 24h, 30d, 4w, 6m or 1y."
        raise Refused("bad_argument", f'"{span}" is not a span of time.', place=place, fix=fix)
    n, unit = int(match[1]), match[2]
    try:
        return as_of - timedelta(hours=n) if unit == "h" else _calendar_before(as_of.astimezone(tz), n, unit)
    except (ValueError, OverflowError):
        message = f'"{span}" reaches back beyond the year 1.'
        raise Refused("bad_argument", message, place=place, fix="Give a shorter span.") from None


def _calendar_before(local: datetime, n: int, unit: str) -> datetime:
    if unit in "dw":
        moved = local.replace(tzinfo=None) - timedelta(days=n * (7 if unit == "w" else 1))
    else:
        year, month = divmod(local.year * 12 + local.month - 1 - n * (12 if unit == "y" else 1), 12)
        day = min(local.day, _days_in(year, month + 1))
        moved = local.replace(year=year, month=month + 1, day=day, tzinfo=None)
    wall = moved.replace(tzinfo=local.tzinfo, fold=local.fold)  # the second 2:30 of an autumn night stays the second
    skipped = wall.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != moved
    return wall.replace(fold=0 if skipped else local.fold).astimezone(UTC)


def _days_in(year: int, month: int) -> int:
    following = datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001 - a calendar date, no moment
    return (following - timedelta(days=1)).day
