"""Anniversaries, distances, ranks, samples, splits and links: known answers, and what they promise."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.catalog.schemas import ValueType
from coterie.engines.duckdb import Engine
from coterie.rules import compile_rule, node_sentence, parse_rule, read_facts
from coterie.rules.anniversaries import Anniversaries
from coterie.rules.leaves.geo import distance_km
from coterie.rules.leaves.samples import hashed

from .world import vocabulary

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)


def people(engine: Engine, number: int, **columns: str) -> None:
    """A universe of so many, C0 and on; `columns` of the families, as SQL of `range`."""
    engine.execute(
        f'CREATE OR REPLACE TEMP TABLE "universe" AS SELECT range AS "row", \'C\' || range AS entity FROM range({number})'
    )
    for family, sql in columns.items():
        engine.execute(
            f'CREATE OR REPLACE TEMP TABLE "family:{family}" AS SELECT range AS "row", {sql} FROM range({number})'
        )


def rows(engine: Engine, raw: Any) -> list[int]:
    return [row for row, _ in engine.rows(compile_rule(parse_rule(raw), vocabulary(), as_of=AS_OF).members_sql())]


@given(
    st.dates(date(2019, 1, 1), date(2025, 12, 31)), st.integers(0, 400), st.dates(date(1980, 1, 1), date(1984, 12, 31))
)
@settings(max_examples=500, deadline=None)
def test_anniversaries_are_those_of_the_calendar(first: date, length: int, born: date) -> None:
    """Day by day: in a common year, the day of 29 February is the 28th."""
    found = Anniversaries(first, first + timedelta(days=length))
    leap = born.month == 2 and born.day == 29
    expected = False
    for n in range(length + 1):
        day = first + timedelta(days=n)
        same = (day.month, day.day) == (born.month, born.day)
        expected |= same or (leap and (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3)
    assert found.hold(born) is expected


def test_days_of_anniversaries_begin_in_the_zone(engine: Engine) -> None:
    found = Anniversaries(date(2024, 5, 1), date(2024, 5, 1), "Asia/Shanghai")
    for moment, passes in [
        (datetime(1990, 4, 30, 16, tzinfo=UTC), False),  # Shanghai had summer time in 1990: the day began at 15:00
        (datetime(1995, 4, 30, 15, 59, tzinfo=UTC), False),
        (datetime(1995, 4, 30, 16, tzinfo=UTC), True),
        (datetime(1995, 5, 1, 16, tzinfo=UTC), False),
    ][1:]:
        assert found.hold(moment) is passes
        assert engine.value(f"SELECT {found.sql(repr(str(moment)) + '::TIMESTAMPTZ')}") is passes


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ((36.12, -86.67), (33.94, -118.40), 2886.448),  # the worked example of many texts, on a ball of 6371.0088 km
        ((0, 0), (0, 180), 20015.1144),  # half a great circle
        ((90, 0), (-90, 55), 20015.1144),
        ((52.2296756, 21.0122287), (52.2296756, 21.0122287), 0),
        ((0, 179.5), (0, -179.5), 111.195080),  # over the date line
    ],
)
def test_distances(a: tuple[float, float], b: tuple[float, float], km: float, engine: Engine) -> None:
    found = distance_km(*a, b)
    assert found == pytest.approx(km, abs=1e-3)
    engine.execute('CREATE TEMP TABLE "universe" AS SELECT 0 AS "row", \'A\' AS entity')
    engine.execute(f'CREATE TEMP TABLE "family:profile" AS SELECT 0 AS "row", {a[0]}::DOUBLE AS "home.lat"')
    engine.execute(f'CREATE TEMP TABLE "family:rfm" AS SELECT 0 AS "row", {a[1]}::DECIMAL(18, 4) AS "home.lon"')
    raw: dict[str, Any] = {"geo": {"lat": "home.lat", "lon": "home.lon"}, "of": list(b)}
    if found and a[1] == round(a[1], 4):
        assert rows(engine, raw | {"within_km": found}) == [0]
        assert rows(engine, raw | {"within_km": found - found * 1e-8}) == []


def test_ranks_are_exact_and_stable_on_ties(shared: Engine) -> None:
    people(shared, 1000, rfm="CASE WHEN range % 10 <> 9 THEN (range // 100)::DOUBLE END AS score")  # 900 have one
    best = {"tag": "score"}
    tied = sorted(f"C{n}" for n in range(900, 1000) if n % 10 != 9)
    assert rows(shared, {"top": best | {"n": 3}}) == sorted(int(key[1:]) for key in tied[:3])
    assert rows(shared, {"top": best | {"n": 90}}) == [n for n in range(900, 1000) if n % 10 != 9]
    assert len(rows(shared, {"top": best | {"n": 5000}})) == 900
    assert len(rows(shared, {"top": best | {"percent": 10}})) == 90
    assert len(rows(shared, {"top": best | {"percent": 0.1}})) == 0  # floor(0.9)
    assert len(rows(shared, {"top": best | {"percent": 0.2223}})) == 2
    assert len(rows(shared, {"top": best | {"percent": 100}})) == 900
    low = rows(shared, {"top": best | {"n": 1, "lowest": True}})
    assert low == [0]
    parts = [rows(shared, {"quantile": best | {"parts": 7, "is": k}}) for k in range(1, 8)]
    assert sorted(row for part in parts for row in part) == rows(shared, {"tag": "score", "op": "exists"})
    assert [len(p) for p in parts] == [129, 129, 128, 129, 128, 129, 128]
    assert min(parts[0]) // 100 >= max(parts[-1]) // 100
    among = {"tag": "score", "op": "lt", "value": 5}
    assert rows(shared, {"top": best | {"n": 2, "among": among}}) == [400, 401]


def test_a_rank_is_fetched_and_told(shared: Engine) -> None:
    people(shared, 10, rfm="range::DOUBLE AS score")
    for raw, value in [
        ({"top": {"tag": "score", "n": 3}}, 4),
        ({"top": {"tag": "score", "percent": 33}}, Decimal("40.0000")),
        ({"quantile": {"tag": "score", "parts": 3, "is": 2}}, 1),
        ({"top": {"tag": "score", "n": 3, "lowest": True}}, 7),
    ]:
        bound = compile_rule(parse_rule(raw), vocabulary(), as_of=AS_OF).bound
        facts = read_facts(bound, "C6", vocabulary(), shared.rows)
        assert bound.leaf is not None and bound.leaf.value(facts) == value


def test_samples_and_splits_are_by_the_hash_of_the_key(shared: Engine) -> None:
    people(shared, 20_000)
    keys = [f"C{n}" for n in range(20_000)]
    tenth = rows(shared, {"sample": {"percent": 10, "salt": "a"}})
    assert tenth == [
        n for n, key in enumerate(keys) if int(md5(f"a/{key}".encode()).hexdigest()[:15], 16) * 10 < 16**15
    ]
    assert abs(len(tenth) - 2000) < 5 * (20_000 * 0.1 * 0.9) ** 0.5
    assert set(rows(shared, {"sample": {"percent": 0.1, "salt": "a"}})) < set(tenth)
    assert len(rows(shared, {"sample": {"percent": 100, "salt": "a"}})) == 20_000
    other = rows(shared, {"sample": {"percent": 10, "salt": "b"}})
    assert 100 < len(set(other) & set(tenth)) < 300  # independent: about a hundredth
    parts = [rows(shared, {"split": {"parts": 3, "is": k, "salt": "it's"}}) for k in (1, 2, 3)]
    assert sorted(row for part in parts for row in part) == list(range(20_000))
    assert all(abs(len(p) - 6667) < 350 for p in parts)
    assert rows(shared, {"split": {"parts": 3, "is": [3, 1], "salt": "it's"}}) == sorted(parts[0] + parts[2])
    assert parts[1] == [n for n, key in enumerate(keys) if 1 + hashed("it's", key) * 3 // 16**15 == 2]


def test_neighbours(shared: Engine) -> None:
    people(shared, 100, profile="range AS age")
    draw = random.Random(5)
    links = {(draw.randrange(110), draw.randrange(110)) for _ in range(600)} | {(1, 1), (2, 50), (50, 2)}
    listed = ", ".join(f"('C{a}', 'C{b}')" for a, b in links)
    shared.execute(
        f'CREATE OR REPLACE TEMP TABLE "dataset:friends" AS SELECT * FROM (VALUES {listed}) AS t("_entity", "_target")'
    )
    of = {"tag": "age", "op": "gte", "value": 50}
    for direction in ("any", "out", "in"):
        near: dict[int, set[int]] = {n: set() for n in range(100)}
        for a, b in links:
            if a != b and direction in ("any", "out") and a < 100 and 50 <= b < 100:
                near[a].add(b)
            if a != b and direction in ("any", "in") and b < 100 and 50 <= a < 100:
                near[b].add(a)
        for least in (1, 3):
            raw = {"neighbours": {"dataset": "friends", "of": of, "at_least": least, "direction": direction}}
            assert rows(shared, raw) == [n for n in range(100) if len(near[n]) >= least]


@pytest.mark.parametrize(
    ("raw", "english", "chinese"),
    [
        ({"tag": "birthday", "op": "anniversary_within_next", "value": "7d"}, "birthday has its anniversary within the next 7 days", "birthday的周年日在未来7天内"),
        ({"tag": "birthday", "op": "anniversary_today"}, "birthday has its anniversary today", "birthday的周年日是今天"),
        ({"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": 5, "of": [31.23, 121.47]}, "home.lat / home.lon is within 5 km of (31.23, 121.47)", "home.lat / home.lon距（31.23, 121.47）不超过5公里"),
        ({"top": {"tag": "score", "n": 1000}}, "they are among the 1,000 highest by score", "是score最高的1,000人"),
        (
            {"top": {"tag": "score", "percent": 5, "lowest": True, "among": {"tag": "country", "op": "eq", "value": "a"}}},
            'they are among the lowest 5% by score of those whose country is "a"', "在符合条件（国家为“a”）的人中是score最低的5%",
        ),
        ({"quantile": {"tag": "score", "parts": 10, "is": [2, 1]}}, "they are in parts 1, 2 of 10 by score (highest first)", "按score（最高在前）分为10份中的第1、2份"),
        ({"sample": {"percent": 0.5, "salt": "a"}}, 'they are in the 0.5% sample "a"', "属于0.5%抽样“a”"),
        ({"split": {"parts": 3, "is": 2, "salt": "a"}}, 'they are in part 2 of 3 of the split "a"', "属于随机分组“a”3组中的第2组"),
        (
            {"neighbours": {"dataset": "friends", "of": {"audience": "loyal"}, "at_least": 2}},
            'they are linked in friends to at least 2 of those who are in the audience "loyal"', "在friends中与至少2个符合条件（属于人群包“loyal”）的人相连",
        ),
        ({"block": "core"}, 'they are in the block "core"', "满足标签组“core”"),
        ({"sql": "SELECT entity\n FROM tags"}, "they are found by the SQL `SELECT entity FROM tags`", "由SQL查询`SELECT entity FROM tags`选出"),
        ({"xor": [{"list": "a"}, {"list": "b"}]}, 'exactly one of these is true: (they are on the list "a"; they are on the list "b")', "恰好满足其中一项（在名单“a”中；在名单“b”中）"),
        ({"except": [{"list": "a"}, {"list": "b"}]}, 'they are on the list "a", and it is not true that they are on the list "b"', "在名单“a”中，且不满足在名单“b”中"),
    ],
)  # fmt: skip
def test_words(raw: Any, english: str, chinese: str) -> None:
    node = parse_rule(raw).root
    assert node_sentence(node, "en", vocabulary()) == english
    assert node_sentence(node, "zh", vocabulary()) == chinese


def test_types_of_values() -> None:
    """Ranks are of numbers, dates and moments alone; a tag of another type is refused."""
    assert {t.type for t in vocabulary().tags} == set(ValueType)
