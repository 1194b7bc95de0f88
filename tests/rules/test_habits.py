"""Habits, first and last times, fields against fields: the edges of their windows by hand, in SQL and in Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from coterie.engines.duckdb import Engine
from coterie.rules import compile_rule, node_sentence, parse_rule
from coterie.rules.evaluate import passes

from .world import World, make_views, vocabulary

AS_OF = datetime(2024, 4, 30, 10, tzinfo=UTC)  # noon in Paris
MICRO = timedelta(microseconds=1)


def days(*numbers: float) -> list[datetime]:
    """Moments so many days before the as-of."""
    return [AS_OF - timedelta(days=n) for n in numbers]


def who(
    engine: Engine, raw: Any, people: dict[str, list[datetime | None]], zone: str = "UTC", **fields: Any
) -> list[str]:
    """Who passes, where each has orders at these moments; both ways agree."""
    events = [
        (name, {"_at": at, "When": at, "Customer": name, **fields})
        for name, moments in people.items()
        for at in moments
    ]
    rows = {name: n for n, name in enumerate(people)}
    world = World(AS_OF, zone, rows, {}, {name: [] for name in rows}, {"orders": events, "deals": []}, [])
    make_views(engine, world)
    compiled = compile_rule(parse_rule(raw), world.vocabulary, as_of=AS_OF)
    found = [entity for _, entity in engine.rows(compiled.members_sql())]
    assert found == [e for e in rows if passes(compiled.bound, world.facts(e))]
    return found


def test_regular_counts_periods_back_from_the_as_of(shared: Engine) -> None:
    people: dict[str, list[datetime | None]] = {
        "each week": [*days(0, 7.5, 20, 27)],
        "three": [*days(1, 2, 8, 22)],
        "two, often": [*days(1, 2, 3, 4, 8, 9)],
        "ends": [*days(7, 14, 21)],  # (as-of - 2 weeks, as-of - 1 week] and so on: three periods
        "a moment later": [AS_OF - timedelta(days=n) + MICRO for n in (7, 14, 21)],
        "too old": [*days(28, 35)],
        "undated": [None],
        "none": [],
    }
    orders = {"events": "orders"}
    three = orders | {"regular": {"at_least": 3, "of_last": 4, "unit": "week"}}
    assert who(shared, three, people) == ["each week", "three", "ends", "a moment later"]
    first = orders | {"regular": {"exactly": 1, "of_last": 1, "unit": "week"}}
    assert who(shared, first, people) == ["each week", "three", "two, often", "a moment later"]
    never = orders | {"regular": {"at_most": 0, "of_last": 4, "unit": "week"}}
    assert who(shared, never, people) == ["too old", "undated", "none"]
    assert who(shared, orders | {"regular": {"at_least": 0, "of_last": 2, "unit": "day"}}, people) == list(people)
    many = orders | {"regular": {"at_least": 5, "of_last": 366, "unit": "day"}}
    assert who(shared, many, people) == ["two, often"]


def test_regular_days_of_the_workspaces_zone(shared: Engine) -> None:
    """The as-of is noon in Paris; a month before it, the last of March, had the change of clocks at one in the morning UTC."""
    at = datetime(2024, 3, 30, 11, tzinfo=UTC)  # noon of the 30th, in winter time
    people: dict[str, list[datetime | None]] = {"the 31st": [at + MICRO], "the 30th": [at]}
    last = {"events": "orders", "regular": {"at_least": 1, "of_last": 31, "unit": "day"}}
    assert who(shared, last, people, "Europe/Paris") == ["the 31st"]
    assert who(shared, last, people, "UTC") == ["the 31st", "the 30th"]


def test_stopped(shared: Engine) -> None:
    people: dict[str, list[datetime | None]] = {
        "stopped": [*days(31)],
        "at the edge": [*days(30)],
        "still there": [*days(31, 29)],
        "a moment too late": [AS_OF - timedelta(days=30) + MICRO],
        "long ago": [*days(120)],
        "first edge": [AS_OF - timedelta(days=120) + MICRO],
        "undated": [None],
        "none": [],
    }
    stopped = {"events": "orders", "stopped": {"active": "90d", "silent": "30d"}}
    assert who(shared, stopped, people) == ["stopped", "at the edge", "first edge"]
    assert who(shared, {"not": stopped}, people) == [
        n for n in people if n not in ("stopped", "at the edge", "first edge")
    ]


def test_restarted(shared: Engine) -> None:
    people: dict[str, list[datetime | None]] = {
        "restarted": [*days(3, 130)],
        "edges": [*days(120), AS_OF - timedelta(days=30) + MICRO],
        "not silent": [*days(3, 60, 130)],
        "at the end of the gap": [*days(3, 30, 130)],
        "new": [*days(3)],
        "gone": [*days(130)],
        "undated before": [AS_OF, None],
    }
    restarted = {"events": "orders", "restarted": {"back": "30d", "gap": "90d"}}
    assert who(shared, restarted, people) == ["restarted", "edges"]


def test_first_and_last_times(shared: Engine) -> None:
    people: dict[str, list[datetime | None]] = {
        "new": [*days(3, 1)],
        "old": [*days(400, 1)],
        "a year": [datetime(2023, 4, 30, 12, tzinfo=UTC), *days(2)],
        "undated": [None],
        "none": [],
    }
    first: dict[str, Any] = {"events": "orders", "measure": "first_at"}
    assert who(shared, first | {"op": "within_last", "value": "30d"}, people) == ["new"]
    assert who(shared, first | {"op": "lt", "value": {"ago": "30d"}}, people) == ["old", "a year"]
    assert who(shared, first | {"op": "anniversary_today"}, people) == ["a year"]
    last = first | {"measure": "last_at", "op": "gte", "value": "2024-04-28T10:00"}
    assert who(shared, last, people) == ["new", "old", "a year"]
    assert who(shared, last | {"between": ["500d", "30d"], "op": "lt"}, people) == ["old", "a year"]
    assert who(shared, {"not": last}, people) == ["undated", "none"]


@pytest.mark.parametrize(
    ("op", "one", "other", "passing"),
    [
        ("eq", 2, Decimal("2.0000"), True),
        ("gt", 2**63 - 1, Decimal("99999999999999.9999"), True),
        ("lt", 2, Decimal("2.0001"), True),
        ("lte", 2, None, False),
        ("ne", None, Decimal("2"), False),
        ("gte", None, None, False),
    ],
)
def test_a_field_against_a_field(shared: Engine, op: str, one: Any, other: Any, passing: bool) -> None:
    where = {"field": "Quantity", "op": op, "than_field": "Price"}
    people: dict[str, list[datetime | None]] = {"x": [*days(1)]}
    assert bool(who(shared, {"events": "orders", "where": where}, people, Quantity=one, Price=other)) is passing
    denied = {"events": "orders", "where": {"not": where}}
    assert bool(who(shared, denied, people, Quantity=one, Price=other)) is not passing


@pytest.mark.parametrize(
    ("raw", "english", "chinese"),
    [
        (
            {"events": "orders", "regular": {"at_least": 3, "of_last": 4, "unit": "week"}},
            "they have orders in at least 3 of the last 4 weeks", "最近4周中有至少3周有orders",
        ),
        (
            {"events": "orders", "stopped": {"active": "90d", "silent": "1m"}},
            "they have orders in the 90 days before the last 1 month, and none since", "最近1个月前的90天内有orders，此后没有",
        ),
        (
            {"events": "orders", "restarted": {"back": "30d", "gap": "3m"}},
            "they have orders in the last 30 days, none in the 3 months before, and some earlier", "最近30天内有orders，此前3个月内没有，更早有过",
        ),
        (
            {"events": "orders", "measure": "first_at", "op": "within_last", "value": "30d"},
            "the first time of orders is within the last 30 days", "orders的首次时间在最近30天内",
        ),
        (
            {"events": "orders", "measure": "last_at", "op": "lt", "value": {"ago": "1y"}, "within": "2y"},
            "the last time of orders in the last 2 years is before 1 year ago", "最近2年内orders的最近时间早于1年前",
        ),
        (
            {"events": "orders", "where": {"field": "Price", "op": "lt", "than_field": "products.Cost"}},
            "they have orders (where Price is below products.Cost)", "有orders（Price小于products.Cost）",
        ),
    ],
)  # fmt: skip
def test_words(raw: Any, english: str, chinese: str) -> None:
    node = parse_rule(raw).root
    assert node_sentence(node, "en", vocabulary()) == english
    assert node_sentence(node, "zh", vocabulary()) == chinese
