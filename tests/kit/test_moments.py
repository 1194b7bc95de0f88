"""Moments: reading, showing, and calendar arithmetic over changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coterie.errors import Refused
from coterie.kit.moments import before, now, parse_moment, show_moment, zone

PARIS, SHANGHAI, UTC_ZONE = ZoneInfo("Europe/Paris"), ZoneInfo("Asia/Shanghai"), ZoneInfo("UTC")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour of summer time
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
ZONES = st.sampled_from([PARIS, SHANGHAI, UTC_ZONE, LORD_HOWE, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")])
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("text", "tz", "expected"),
    [
        ("2011-12-10", UTC_ZONE, "2011-12-10T00:00:00+00:00"),
        ("2011-12-10", SHANGHAI, "2011-12-09T16:00:00+00:00"),
        (" 2011-12-10T08:00 ", PARIS, "2011-12-10T07:00:00+00:00"),
        ("2011-12-10 08:00:00.123456", PARIS, "2011-12-10T07:00:00.123456+00:00"),
        ("2011-12-10T08:00Z", SHANGHAI, "2011-12-10T08:00:00+00:00"),
        ("2011-12-10T08:00-03:30", SHANGHAI, "2011-12-10T11:30:00+00:00"),
        ("2024-03-31T02:30", PARIS, "2024-03-31T01:30:00+00:00"),  # skipped by the clocks: counts as 3:30
        ("2024-10-27T02:30", PARIS, "2024-10-27T00:30:00+00:00"),  # comes twice: the first
    ],
)
def test_parse(text: str, tz: ZoneInfo, expected: str) -> None:
    assert parse_moment(text, tz).isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2011-13-01", "2011-02-30", "10/12/2011", "2011-12-10T25:00", "0001-01-01", "٢٠١١-١٢-١٠x"]
)
def test_what_is_no_moment_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(Refused, match=f'`bad_moment` at `--as-of`: "{text}" is not a moment') as caught:
        parse_moment(text, SHANGHAI, place="--as-of")
    assert caught.value.fix == "Write 2011-12-10 or 2011-12-10T08:00 or add an offset."


def test_now() -> None:
    assert abs(parse_moment("now", PARIS) - now()) < timedelta(seconds=5)
    assert now().tzinfo is UTC


@settings(deadline=None)
@given(MOMENTS, ZONES)
def test_what_is_shown_reads_back(moment: datetime, tz: ZoneInfo) -> None:
    assert parse_moment(show_moment(moment, tz), UTC_ZONE) == moment


@pytest.mark.parametrize(
    ("as_of", "span", "tz", "expected"),
    [
        ("2024-03-31T12:00+00:00", "1d", PARIS, "2024-03-30T13:00:00+00:00"),  # 23 hours
        ("2024-10-27T12:00+00:00", "1d", PARIS, "2024-10-26T11:00:00+00:00"),  # 25 hours
        ("2024-03-31T12:00+00:00", "24h", PARIS, "2024-03-30T12:00:00+00:00"),
        ("2024-04-01T00:30+00:00", "1d", PARIS, "2024-03-31T01:30:00+00:00"),  # 2:30 was skipped
        ("2024-10-27T01:30+00:00", "0d", PARIS, "2024-10-27T01:30:00+00:00"),  # the second 2:30 of that night
        ("2024-03-31T00:00+00:00", "1m", UTC_ZONE, "2024-02-29T00:00:00+00:00"),
        ("2023-03-31T00:00+00:00", "1m", UTC_ZONE, "2023-02-28T00:00:00+00:00"),
        ("2024-02-29T00:00+00:00", "1y", UTC_ZONE, "2023-02-28T00:00:00+00:00"),
        ("2024-02-29T00:00+00:00", "4y", UTC_ZONE, "2020-02-29T00:00:00+00:00"),
        ("2024-01-31T00:00+00:00", "13m", UTC_ZONE, "2022-12-31T00:00:00+00:00"),
        ("2024-12-31T16:00+00:00", "12m", SHANGHAI, "2023-12-31T16:00:00+00:00"),
        ("2024-05-01T00:00+00:00", " 2 w ", UTC_ZONE, "2024-04-17T00:00:00+00:00"),
        ("2024-10-06T00:00+00:00", "1d", LORD_HOWE, "2024-10-05T00:30:00+00:00"),  # 23.5 hours
        ("2011-12-31T00:00+00:00", "1d", APIA, "2011-12-31T00:00:00+00:00"),  # that whole day was skipped
    ],
)
def test_before(as_of: str, span: str, tz: ZoneInfo, expected: str) -> None:
    assert before(datetime.fromisoformat(as_of), span, tz).isoformat() == expected


@settings(deadline=None)
@given(MOMENTS, st.integers(0, 4000), ZONES)
@example(datetime(2024, 10, 27, 1, 30, tzinfo=UTC), 0, PARIS)
@example(datetime(2024, 10, 27, 1, 30, tzinfo=UTC), 210, PARIS)
@example(datetime(2012, 1, 1, 10, 30, tzinfo=UTC), 2, APIA)
def test_days_keep_the_wall_clock(as_of: datetime, days: int, tz: ZoneInfo) -> None:
    """Unless the clocks skip that hour, and then by as much as they skip."""
    found = before(as_of, f"{days}d", tz)
    wall = as_of.astimezone(tz).replace(tzinfo=None) - timedelta(days=days)
    shown = found.astimezone(tz).replace(tzinfo=None)
    assert timedelta(0) <= shown - wall <= timedelta(hours=24 if tz is APIA else 1)
    if shown != wall:
        assert wall.replace(tzinfo=tz).astimezone(UTC) == found
    if days == 0:
        assert found == as_of


@settings(deadline=None)
@given(MOMENTS, st.integers(1, 600), st.sampled_from("hdwmy"), ZONES)
def test_longer_spans_reach_back_further_and_later_moments_less_far(
    as_of: datetime, n: int, unit: str, tz: ZoneInfo
) -> None:
    n = n % 60 + 1 if unit == "y" else n
    found = before(as_of, f"{n}{unit}", tz)
    assert found < as_of
    assert before(as_of, f"{n + 1}{unit}", tz) < found
    assert before(as_of + timedelta(days=2), f"{n}{unit}", tz) >= found
    if unit == "w":
        assert found == before(as_of, f"{7 * n}d", tz)
    if unit == "y":
        assert found == before(as_of, f"{12 * n}m", tz)


@settings(deadline=None)
@given(MOMENTS, st.integers(0, 400), ZONES)
def test_months_keep_the_day_or_take_the_last(as_of: datetime, months: int, tz: ZoneInfo) -> None:
    local, found = as_of.astimezone(tz), before(as_of, f"{months}m", tz).astimezone(tz)
    if found.time() == local.time():  # else the clocks skip that hour
        assert (local.year - found.year) * 12 + local.month - found.month == months
        assert found.day == local.day or (found.day < local.day and (found + timedelta(days=1)).day == 1)


@pytest.mark.parametrize("span", ["", "30", "d", "-3d", "3.5d", "3 days", "3M", "1d2h"])
def test_what_is_no_span_is_refused(span: str) -> None:
    with pytest.raises(Refused, match="is not a span of time") as caught:
        before(now(), span, PARIS, place="within")
    assert (caught.value.code, caught.value.place) == ("bad_argument", "within")


@pytest.mark.parametrize("span", ["99999999d", "9999y", "99999999999999h", "999999999999w", "40000m"])
def test_spans_beyond_the_calendar_are_refused(span: str) -> None:
    with pytest.raises(Refused, match="reaches back beyond the year 1"):
        before(now(), span, PARIS)


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../etc/passwd", "Europe", "/etc/localtime", "\0"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="is not a time zone"):
        zone(name)
