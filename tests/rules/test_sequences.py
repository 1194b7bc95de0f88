"""Sequences: SQL and evaluator against every chain there is, tried one by one; and the edges by hand."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coterie.engines.duckdb import Engine
from coterie.rules import compile_rule, node_sentence, parse_rule
from coterie.rules.evaluate import passes

from .world import World, make_views, vocabulary

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
Seen = tuple[str, int, int | None]  # dataset, hours before the as-of, item


def world_of(people: dict[str, list[Seen]]) -> World:
    """People with orders and views at whole hours before the as-of."""
    events: dict[str, list[tuple[str | None, dict[str, Any]]]] = {"orders": [], "views": [], "deals": []}
    for name, seen in people.items():
        for dataset, hours, item in seen:
            at = AS_OF - hours * HOUR
            body = {
                "views": {"User": name, "At": at, "Item": item},
                "orders": {"Customer": name, "When": at, "SKU": item},
            }
            events[dataset].append((name, {"_at": at, **body[dataset]}))
    rows = {name: n for n, name in enumerate(people)}
    return World(AS_OF, "UTC", rows, {}, {name: [] for name in rows}, events, [])


def by_brute_force(
    steps: list[tuple[str, int | None]], absent: tuple[str, int] | None, same: bool, seen: list[Seen]
) -> bool:
    """Whether one of all chains of events will do; gaps in hours."""
    for chain in itertools.product(*([e for e in seen if e[0] == name] for name, _ in steps)):
        moments = [-hours for _, hours, _ in chain]
        gaps = [gap for _, gap in steps]
        if any(
            b <= a or (gap is not None and b - a > gap)
            for a, b, gap in zip(moments, moments[1:], gaps[1:], strict=False)
        ):
            continue
        if same and (chain[0][2] is None or len({item for *_, item in chain}) > 1):
            continue
        if absent is None:
            return True
        name, gap = absent
        end = moments[-1]
        follows = [e for e in seen if e[0] == name and end < -e[1] <= end + gap and (not same or e[2] == chain[0][2])]
        if end + gap <= 0 and not follows:
            return True
    return False


EVENTS = st.lists(
    st.tuples(st.sampled_from(["orders", "views"]), st.integers(0, 8), st.sampled_from([None, 1, 2])), max_size=7
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["orders", "views"]), st.sampled_from([None, None, 1, 2, 4])), min_size=1, max_size=4
)


@given(
    st.lists(EVENTS, min_size=1, max_size=8),
    STEPS,
    st.none() | st.tuples(st.sampled_from(["orders", "views"]), st.integers(1, 3)),
    st.booleans(),
)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_chain_exists(shared: Engine, people: list[list[Seen]], steps: Any, absent: Any, same: bool) -> None:
    if len(steps) == 1 and absent is None:
        absent = ("orders", 1)
    first, *later = [{"events": name} | ({} if gap is None else {"within": f"{gap}h"}) for name, gap in steps]
    raw: dict[str, Any] = {"sequence": [{"events": first["events"]}, *later]}
    if absent is not None:
        raw["sequence"].append({"then_not": {"events": absent[0], "within": f"{absent[1]}h"}})
    if same:
        used = {name for name, _ in [*steps, *([absent] if absent else [])]}
        raw["same"] = {name: {"orders": "SKU", "views": "Item"}[name] for name in used}
    named = {f"P{n}": seen for n, seen in enumerate(people)}
    world = world_of(named)
    make_views(shared, world)
    compiled = compile_rule(parse_rule(raw), world.vocabulary, as_of=AS_OF)
    expected = [name for name, seen in named.items() if by_brute_force(steps, absent, same, seen)]
    assert [name for name in named if passes(compiled.bound, world.facts(name))] == expected
    assert [name for _, name in shared.rows(compiled.members_sql())] == expected


VIEW, ORDER = {"events": "views"}, {"events": "orders"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"sequence": [VIEW, ORDER]}, ["late", "soon", "greedy", "other item", "window"]),
        ({"sequence": [VIEW, ORDER | {"within": "24h"}]}, ["soon", "greedy", "other item", "window"]),
        ({"sequence": [VIEW, ORDER | {"within": "1d"}]}, ["soon", "greedy", "other item", "window"]),
        ({"sequence": [VIEW, ORDER | {"within": "24h"}], "same": {"views": "Item", "orders": "SKU"}}, ["soon", "greedy", "window"]),
        ({"sequence": [VIEW, ORDER], "within": "4d"}, ["late", "soon", "greedy", "other item"]),
        ({"sequence": [VIEW, ORDER], "between": ["1y", "10d"]}, ["window"]),
        # the earliest view and order leave no third step in time; a later order does
        ({"sequence": [VIEW, ORDER, VIEW | {"within": "2h"}]}, ["greedy"]),
        ({"sequence": [VIEW, {"then_not": ORDER | {"within": "1d"}}]}, ["same moment", "late", "greedy"]),
        ({"sequence": [ORDER, {"then_not": VIEW | {"within": "2h"}}]}, ["same moment", "late", "soon", "greedy", "other item", "window", "backwards"]),
    ],
)  # fmt: skip
def test_by_hand(shared: Engine, raw: Any, expected: list[str]) -> None:
    world = world_of(
        {
            "same moment": [("views", 30, 1), ("orders", 30, 1)],
            "late": [("views", 72, 1), ("orders", 20, 1)],
            "soon": [("views", 44, 1), ("orders", 20, 1)],
            "greedy": [("views", 60, 1), ("orders", 59, 1), ("orders", 40, 1), ("views", 39, 1)],
            "other item": [("views", 44, 1), ("orders", 20, 2)],
            "window": [("views", 1000, None), ("views", 1001, 3), ("orders", 990, 3)],
            "backwards": [("orders", 5, 1), ("views", 1, 1)],
            "now": [("views", 0, 1)],
            "nobody": [],
        }
    )
    make_views(shared, world)
    compiled = compile_rule(parse_rule(raw), world.vocabulary, as_of=AS_OF)
    found = [name for _, name in shared.rows(compiled.members_sql())]
    assert found == [name for name in world.rows if passes(compiled.bound, world.facts(name))]
    assert found == expected


def test_many_events_do_not_multiply(shared: Engine) -> None:
    """Ten steps over a customer with ten thousand events: chains are beyond number, the answer is there at once."""
    shared.execute('CREATE OR REPLACE TEMP TABLE "universe" AS SELECT 0 AS "row", \'A\' AS entity')
    shared.execute(
        'CREATE OR REPLACE TEMP VIEW "events:views" AS SELECT 0 AS "_row", 1 AS "Item", \'a\' AS "Page", '
        "TIMESTAMPTZ '2024-04-01 00:00:00+00' + to_seconds(range // 2) AS \"_at\" FROM range(10000)"
    )
    raw = {"sequence": [VIEW, *[VIEW | {"within": "1d"}] * 9], "same": "Item"}
    compiled = compile_rule(parse_rule(raw), vocabulary(), as_of=AS_OF)
    started = time.perf_counter()
    assert len(shared.rows(compiled.members_sql())) == 1
    assert time.perf_counter() - started < 3


def test_words_and_json() -> None:
    raw = {
        "sequence": [VIEW | {"where": {"field": "Page", "op": "eq", "value": "a"}}, ORDER | {"within": "7d"}, {"then_not": VIEW | {"within": "24h"}}],
        "within": "30d", "same": {"views": "Item", "orders": "SKU"},
    }  # fmt: skip
    rule = parse_rule(raw)
    assert parse_rule(rule.as_json()) == rule
    assert node_sentence(rule.root, "en", vocabulary()) == (
        'they have in the last 30 days views (where Page is "a"), then orders within 7 days, and then no views within 24 hours, '
        "all with the same Item / SKU"
    )
    assert node_sentence(rule.root, "zh", vocabulary()) == (
        "最近30天内依次有views（Page为“a”），7天内orders，此后24小时内没有views，且Item/SKU相同"
    )
