"""When a campaign runs: now, at a moment, or again and again by a calendar with holidays in a time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from coterie.campaigns.reading import chosen, clock, listed, parts, whole, wrong
from coterie.kit.moments import parse_moment, show_moment, zone

KINDS = ("now", "at", "recurring")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_DAYS = 366 * 5  # ahead that the next day is looked for


@dataclass(frozen=True)
class Schedule:
    """When a campaign runs.

    kind : `now` when it is told to run, `at` one moment, `recurring`.
    at : the moment, UTC, of `at`.
    time, weekdays, days : of `recurring`: the time of day in `zone`, on these weekdays (none: all) and days of the
        month (none: all; 31 is only in months that have it).
    holidays : days on which it does not run. zone : IANA name.
    """

    kind: str = "now"
    at: str | None = None
    time: str | None = None
    weekdays: tuple[str, ...] = ()
    days: tuple[int, ...] = ()
    holidays: tuple[str, ...] = ()
    zone: str = "UTC"

    def next(self, after: datetime) -> datetime | None:
        """The first moment after `after` at which it runs, UTC; None where it does not run by itself any more.

        An hour that a day lacks (summer time) counts as the same time with the offset of before, so 02:30 becomes
        03:30; one that comes twice counts once, the first.

        >>> daily = Schedule("recurring", time="02:30", zone="Europe/Berlin", holidays=("2026-03-28",))
        >>> daily.next(datetime(2026, 3, 27, 12, tzinfo=UTC)).astimezone(ZoneInfo("Europe/Berlin")).isoformat()
        '2026-03-29T03:30:00+02:00'
        """
        if self.kind == "now":
            return None
        if self.kind == "at":
            moment = datetime.fromisoformat(str(self.at))
            return moment if moment > after else None
        return next(self._moments(after), None)

    def _moments(self, after: datetime) -> Iterator[datetime]:
        tz, of_day = ZoneInfo(self.zone), time.fromisoformat(str(self.time))
        first = after.astimezone(tz).date()
        for ahead in range(_MOST_DAYS):
            day = first + timedelta(days=ahead)
            if self.runs_on(day):
                moment = datetime.combine(day, of_day, tz).astimezone(UTC)
                if moment > after:
                    yield moment

    def runs_on(self, day: date) -> bool:
        """Whether a day is one of its days."""
        if self.weekdays and WEEKDAYS[day.weekday()] not in self.weekdays:
            return False
        return (not self.days or day.day in self.days) and day.isoformat() not in self.holidays


def read_schedule(given: Any, tz: ZoneInfo, place: str = "schedule") -> Schedule:
    """Read a schedule: `now`, `{at: MOMENT}` or `{every: day, time: "09:00", weekdays: [mon], holidays: [...]}`.

    >>> read_schedule({"at": "2026-12-01T09:00"}, ZoneInfo("Europe/Paris")).at
    '2026-12-01T08:00:00+00:00'
    """
    if given in (None, "now"):
        return Schedule(zone=tz.key)
    known = ("at", "time", "weekdays", "days", "holidays", "zone")
    found = parts(given, known, place)
    own = zone(str(found["zone"])) if "zone" in found else tz
    if "at" in found:
        if len(found) > 1 + ("zone" in found):
            raise wrong(place, "`at` stands alone.", "Leave out the rest.")
        moment = parse_moment(_shown(found["at"]), own, place=f"{place}.at")
        return Schedule("at", at=show_moment(moment, ZoneInfo("UTC")), zone=own.key)
    if "time" not in found:
        raise wrong(place, "It does not say when.", 'Write now, {at: MOMENT} or {time: "09:00"}.')
    weekdays = [chosen(w, WEEKDAYS, f"{place}.weekdays") for w in listed(found.get("weekdays", []), place)]
    days = [whole(d, f"{place}.days", least=1, most=31) for d in listed(found.get("days", []), f"{place}.days")]
    holidays = [_day(h, f"{place}.holidays") for h in listed(found.get("holidays", []), f"{place}.holidays")]
    of_day = clock(found["time"], f"{place}.time").isoformat("minutes")
    return Schedule("recurring", None, of_day, tuple(weekdays), tuple(days), tuple(holidays), own.key)


def _shown(given: Any) -> str:
    return given.isoformat() if isinstance(given, date) else str(given)


def _day(given: Any, place: str) -> str:
    try:
        return date.fromisoformat(_shown(given)).isoformat()
    except ValueError:
        raise wrong(place, f'"{given}" is no day.', "Write 2026-12-25.") from None
