"""Quiet hours in the recipient's zone: when a message that falls into them may go out."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from coterie.campaigns.definition import Quiet


def not_before(quiet: Quiet, zone: str, moment: datetime) -> datetime | None:
    """When quiet hours that `moment` falls into end there; None outside of them, and where the zone is none.

    zone : IANA name. The end is excluded: at `until` messages go out.

    >>> night = Quiet("21:00", "08:00")
    >>> not_before(night, "Asia/Shanghai", datetime(2026, 11, 21, 14, tzinfo=UTC)).isoformat()
    '2026-11-22T00:00:00+00:00'
    >>> not_before(night, "America/New_York", datetime(2026, 11, 21, 14, tzinfo=UTC)) is None
    True
    """
    tz = known_zone(zone)
    if tz is None:
        return None
    local = moment.astimezone(tz)
    start, until = time.fromisoformat(quiet.start), time.fromisoformat(quiet.until)
    of_day = local.time()
    over_midnight = start > until
    inside = (of_day >= start or of_day < until) if over_midnight else start <= of_day < until
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if over_midnight and of_day >= start else 0)
    return datetime.combine(day, until, tz).astimezone(UTC)


def known_zone(name: str) -> ZoneInfo | None:
    """The zone of that name; None where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
