"""When a campaign runs: now, at a moment, again and again by a calendar with holidays in a time zone, or on an event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

from coterie.campaigns.reading import chosen, clock, listed, parts, text, whole, wrong
from coterie.kit.moments import before, now, parse_moment, show_moment, zone

KINDS = ("now", "at", "recurring", "event")
RUN, SKIP = "run", "skip"
_LATE = timedelta(hours=1)  # a run that is later than this was missed
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_DAYS = 366 * 5  # ahead that the next day is looked for


@dataclass(frozen=True)
class Schedule:
    """When a campaign runs.

    kind : `now` when it is told to run, `at` one moment, `recurring`, `event` when customers do something.
    at : the moment, UTC, of `at`.
    time, weekdays, days : of `recurring`: the time of day in `zone`, on these weekdays (none: all) and days of the
        month (none: all; 31 is only in months that have it).
    holidays : days on which it does not run. zone : IANA name.
    missed : what becomes of runs whose moment passed while nothing worked: `run`, once for all of them, or `skip`.
    events, where : of `event`: a dataset, and conditions on its fields; delay : the span from the event to the message;
        again : the span in which a customer gets it at most once; None: once and never again.
    """

    kind: str = "now"
    at: str | None = None
    time: str | None = None
    weekdays: tuple[str, ...] = ()
    days: tuple[int, ...] = ()
    holidays: tuple[str, ...] = ()
    zone: str = "UTC"
    missed: str = RUN
    events: str | None = None
    where: Mapping[str, Any] | None = None
    delay: str | None = None
    again: str | None = None

    @property
    def recurs(self) -> bool:
        """Whether it has more than one run, so that later ones go unasked within the bounds that were approved."""
        return self.kind in ("recurring", "event")

    def due(self, after: datetime, at: datetime) -> tuple[datetime | None, int]:
        """The newest of its moments since `after` that is to be run at `at`, and how many before it were missed.

        >>> daily = Schedule("recurring", time="09:00")
        >>> daily.due(datetime(2026, 5, 1, 9, tzinfo=UTC), datetime(2026, 5, 4, 12, tzinfo=UTC))
        (datetime.datetime(2026, 5, 4, 9, 0, tzinfo=datetime.timezone.utc), 2)
        """
        if self.kind != "recurring":
            return None, 0
        passed = list(takewhile(lambda moment: moment <= at, self._moments(after)))
        if not passed or (self.missed == SKIP and at - passed[-1] > _LATE):
            return None, len(passed)
        return passed[-1], len(passed) - 1

    def next(self, after: datetime) -> datetime | None:
        """The first moment after `after` at which it runs, UTC; None where it does not run by itself any more.

        An hour that a day lacks (summer time) counts as the same time with the offset of before, so 02:30 becomes
        03:30; one that comes twice counts once, the first.

        >>> daily = Schedule("recurring", time="02:30", zone="Europe/Berlin", holidays=("2026-03-28",))
        >>> daily.next(datetime(2026, 3, 27, 12, tzinfo=UTC)).astimezone(ZoneInfo("Europe/Berlin")).isoformat()
        '2026-03-29T03:30:00+02:00'
        """
        if self.kind in ("now", "event"):
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
    """Read a schedule: `now`, `{at: MOMENT}`, `{time: "09:00", weekdays: [mon], holidays: [...], missed: skip}` or
    `{on: DATASET, where: {...}, delay: 2h, again: 30d}`.

    >>> read_schedule({"at": "2026-12-01T09:00"}, ZoneInfo("Europe/Paris")).at
    '2026-12-01T08:00:00+00:00'
    """
    if given in (None, "now"):
        return Schedule(zone=tz.key)
    known = ("at", "time", "weekdays", "days", "holidays", "zone", "missed", "on", "where", "delay", "again")
    found = parts(given, known, place)
    own = zone(str(found["zone"])) if "zone" in found else tz
    if "on" in found:
        return _on_event(found, own, place)
    for name in ("where", "delay", "again"):
        if name in found:
            raise wrong(
                f"{place}.{name}", "This belongs to a schedule on an event.", "Add on: DATASET, or leave it out."
            )
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
    missed = chosen(found.get("missed", RUN), (RUN, SKIP), f"{place}.missed")
    return Schedule("recurring", None, of_day, tuple(weekdays), tuple(days), tuple(holidays), own.key, missed)


def _on_event(found: Mapping[str, Any], own: ZoneInfo, place: str) -> Schedule:
    for name in ("at", "time", "weekdays", "days", "holidays", "missed"):
        if name in found:
            raise wrong(f"{place}.{name}", "An event says when.", "Leave it out, or leave out `on`.")
    spans = {name: text(found[name], f"{place}.{name}") for name in ("delay", "again") if name in found}
    for name, span in spans.items():
        before(now(), span, own, place=f"{place}.{name}")
    where = parts(found["where"], None, f"{place}.where") if "where" in found else None
    named = text(found["on"], f"{place}.on")
    return Schedule(
        "event", zone=own.key, events=named, where=where, delay=spans.get("delay"), again=spans.get("again")
    )


def schedule_given(made: Schedule) -> dict[str, Any]:
    """A schedule as people write it; `read_schedule` reads it back.

    >>> schedule_given(Schedule("event", events="orders", delay="2h"))
    {'on': 'orders', 'delay': '2h', 'zone': 'UTC'}
    """
    named: dict[str, Any] = {
        "on": made.events,
        "where": made.where,
        "delay": made.delay,
        "again": made.again,
        "at": made.at,
    }
    named |= {"time": made.time, "weekdays": list(made.weekdays), "days": list(made.days)}
    named |= {"holidays": list(made.holidays), "zone": made.zone, "missed": SKIP if made.missed == SKIP else None}
    return {k: v for k, v in named.items() if v}


def _shown(given: Any) -> str:
    return given.isoformat() if isinstance(given, date) else str(given)


def _day(given: Any, place: str) -> str:
    try:
        return date.fromisoformat(_shown(given)).isoformat()
    except ValueError:
        raise wrong(place, f'"{given}" is no day.', "Write 2026-12-25.") from None
