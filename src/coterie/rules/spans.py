"""Spans of time and moments relative to the as-of: `30d`, `{"ago": "30d"}`, `{"ahead": "7d"}`."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from coterie.errors import Refused
from coterie.kit import moments

_SPAN = re.compile(r"\s*([0-9]{1,6})\s*([hdwmy])\s*")
# A hundred years: longer spans leave the calendar, and nobody means them.
_MOST: Mapping[str, int] = {"h": 876_000, "d": 36_500, "w": 5_200, "m": 1_200, "y": 100}
_WORDS: Mapping[str, tuple[str, str]] = {
    "h": ("hour", "小时"),
    "d": ("day", "天"),
    "w": ("week", "周"),
    "m": ("month", "个月"),
    "y": ("year", "年"),
}


@dataclass(frozen=True)
class Span:
    """A length of time: `count` of `unit` (h hours; d w m y calendar days, weeks, months, years)."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    def words(self, language: str) -> str:
        """The span as people say it.

        >>> Span(30, "d").words("en"), Span(1, "w").words("en"), Span(6, "m").words("zh")
        ('30 days', '1 week', '6个月')
        """
        english, chinese = _WORDS[self.unit]
        return (
            f"{self.count}{chinese}" if language == "zh" else f"{self.count} {english}{'' if self.count == 1 else 's'}"
        )


def read_span(raw: object, place: str, *, least: int = 1) -> Span:
    """Read a span such as `30d`.

    >>> read_span("30d", "all[0]")
    Span(count=30, unit='d')
    >>> read_span("30 days", "all[0]")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_value` at `all[0]`: "30 days" is not a span of time. Write a number and a unit: "24h", "30d", "4w", "6m" or "1y".
    """
    match = _SPAN.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        fix = 'Write a number and a unit: "24h", "30d", "4w", "6m" or "1y".'
        shown = f'"{raw}"' if isinstance(raw, str) else repr(raw)
        raise Refused("bad_value", f"{shown[:60]} is not a span of time.", place=place, fix=fix)
    span = Span(int(match[1]), match[2])
    if span.count < least:
        raise Refused(
            "bad_value", f'The span "{span}" is empty.', place=place, fix=f'Write at least "{least}{span.unit}".'
        )
    if span.count > _MOST[span.unit]:
        raise Refused(
            "bad_value", f'The span "{span}" is over a hundred years.', place=place, fix="Write a shorter one."
        )
    return span


@dataclass(frozen=True)
class Relative:
    """A moment or day so far before (or `ahead` of) the as-of; it stays an expression until the as-of is known."""

    span: Span
    ahead: bool = False

    def moment(self, as_of: datetime, tz: ZoneInfo) -> datetime:
        """The moment, UTC.

        >>> as_of = datetime(2024, 3, 31, 12, tzinfo=UTC)
        >>> Relative(Span(1, "d")).moment(as_of, ZoneInfo("Europe/Paris")).isoformat()
        '2024-03-30T13:00:00+00:00'
        >>> Relative(Span(1, "m"), ahead=True).moment(as_of, ZoneInfo("UTC")).isoformat()
        '2024-04-30T12:00:00+00:00'
        """
        return after(as_of, self.span, tz) if self.ahead else moments.before(as_of, str(self.span), tz)

    def day(self, as_of: datetime, tz: ZoneInfo) -> date:
        """The calendar day in `tz`.

        >>> Relative(Span(1, "d")).day(datetime(2024, 5, 1, 23, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
        datetime.date(2024, 5, 1)
        """
        return self.moment(as_of, tz).astimezone(tz).date()

    def words(self, language: str) -> str:
        """As people say it.

        >>> Relative(Span(30, "d")).words("en"), Relative(Span(7, "d"), ahead=True).words("zh")
        ('30 days ago', '7天后')
        """
        if self.span.count == 0:
            return "当前" if language == "zh" else "now"
        said = self.span.words(language)
        if language == "zh":
            return said + ("后" if self.ahead else "前")
        return f"in {said}" if self.ahead else f"{said} ago"

    def as_json(self) -> dict[str, str]:
        """The JSON form.

        >>> Relative(Span(30, "d")).as_json()
        {'ago': '30d'}
        """
        return {"ahead" if self.ahead else "ago": str(self.span)}


def read_relative(raw: object, place: str) -> Relative | None:
    """Read `{"ago": SPAN}` or `{"ahead": SPAN}`; None if `raw` is no JSON object.

    >>> read_relative({"ago": "30d"}, "all[0]")
    Relative(span=Span(count=30, unit='d'), ahead=False)
    """
    if isinstance(raw, Relative):
        return raw
    if not isinstance(raw, Mapping):
        return None
    match dict(raw):
        case {"ago": span, **rest} if not rest:
            return Relative(read_span(span, place, least=0))
        case {"ahead": span, **rest} if not rest:
            return Relative(read_span(span, place, least=0), ahead=True)
    fix = 'A moment relative to the as-of is {"ago": "30d"} or {"ahead": "7d"}.'
    raise Refused("bad_value", "This is not a value.", place=place, fix=fix)


def after(as_of: datetime, span: Span, tz: ZoneInfo) -> datetime:
    """The moment `span` after `as_of`, by the same calendar as `kit.moments.before`.

    >>> after(datetime(2024, 1, 31, tzinfo=UTC), Span(1, "m"), ZoneInfo("UTC")).isoformat()
    '2024-02-29T00:00:00+00:00'
    """
    if span.unit == "h":
        return as_of + timedelta(hours=span.count)
    local = as_of.astimezone(tz).replace(tzinfo=None)
    if span.unit in "dw":
        moved = local + timedelta(days=span.count * (7 if span.unit == "w" else 1))
    else:
        months = local.year * 12 + local.month - 1 + span.count * (12 if span.unit == "y" else 1)
        year, month = months // 12, months % 12 + 1
        moved = local.replace(year=year, month=month, day=min(local.day, calendar.monthrange(year, month)[1]))
    return moved.replace(tzinfo=tz).astimezone(UTC)
