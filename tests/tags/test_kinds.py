"""Tags of every kind of dataset, at moments in the past, carried on and made from nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from coterie.catalog.schemas import DatasetKind, ValueType
from coterie.tags.build import build
from coterie.tags.service import Tags

from .world import World, moment

JAN, FEB, MAR, APR = (moment(f"2024-0{m}-01T00:00") for m in (1, 2, 3, 4))


def values(world: World, *tags: str, kind: str = "customer") -> dict[str, tuple[Any, ...]]:
    frame = Tags(world.context).values(tags, entity_kind=kind)
    clean = frame.astype(object).where(frame.notna(), None)
    return {
        row[0]: tuple(list(v) if hasattr(v, "tolist") else v for v in row[1:]) for row in clean.itertuples(index=False)
    }


def everywhere(world: World, as_of: Any, *tags: str, kind: str = "customer") -> dict[str, tuple[Any, ...]]:
    """The values of a carried build, which must be those of a build from nothing."""
    build(world.context, entity_kind=kind, as_of=as_of)
    carried = values(world, *tags, kind=kind)
    world.store.delete("build", kind)
    build(world.context, entity_kind=kind, as_of=as_of)
    assert values(world, *tags, kind=kind) == carried
    return carried


PEOPLE = {"city": ValueType.TEXT, "Annual Income": ValueType.DECIMAL, "langs": ValueType.TEXTS}


def test_the_row_of_a_profile_that_is_valid_then_counts(world: World) -> None:
    people = world.dataset("people", DatasetKind.PROFILES, PEOPLE, entity="id", time="since")
    tags = ("city", "Annual Income", "langs")
    world.put(
        people,
        [
            {"entity": "a", "at": FEB, "city": "Rome", "Annual Income": Decimal("10.5"), "langs": ["it", "en"]},
            {"entity": "b", "at": None, "city": "Oslo"},
            {"entity": "b", "at": None, "city": "Bergen", "langs": []},
        ],
    )
    build(world.context, as_of=FEB)
    assert values(world, *tags)["b"] == ("Bergen", None, [])  # of rows of one batch the last
    world.put(people, [{"entity": "a", "at": MAR, "city": None}, {"entity": "a", "at": JAN, "city": "Pisa"}])
    world.put(people, [{"entity": "c", "at": APR, "city": "Kyiv"}, {"entity": "b", "at": JAN, "city": "Voss"}])
    assert everywhere(world, JAN, *tags) == {"a": ("Pisa", None, None), "b": ("Voss", None, None)}
    assert everywhere(world, FEB, *tags)["a"] == ("Rome", Decimal("10.5000"), ["it", "en"])
    build(world.context, as_of=FEB)
    assert everywhere(world, MAR, *tags) == {"a": (None, None, None), "b": ("Voss", None, None)}
    assert list(everywhere(world, APR, *tags)) == ["a", "b", "c"]


def test_a_partial_profile_keeps_what_a_later_row_does_not_say(world: World) -> None:
    people = world.dataset("people", DatasetKind.PROFILES, PEOPLE, entity="id", time="since", partial=True)
    world.put(people, [{"entity": "a", "at": JAN, "city": "Rome", "Annual Income": 5}])
    build(world.context, as_of=JAN)
    world.put(people, [{"entity": "a", "at": FEB, "Annual Income": 7}, {"entity": "a", "at": MAR, "city": "Bari"}])
    assert everywhere(world, FEB, "city", "Annual Income") == {"a": ("Rome", 7)}
    assert everywhere(world, MAR, "city", "Annual Income") == {"a": ("Bari", 7)}


DEAL = {"id": ValueType.TEXT, "since": ValueType.MOMENT, "stage": ValueType.TEXT, "value": ValueType.DECIMAL}


def test_of_records_the_state_valid_then_counts(world: World) -> None:
    deals = world.dataset(
        "deals", DatasetKind.RECORDS, DEAL, entity="firm", time="since", key="id", entity_kind="account"
    )
    tags = Tags(world.context)
    of = {"dataset": "deals", "measure": "sum", "of": "value"}
    tags.add(
        definitions=[
            {"name": "n", "aggregate": {"dataset": "deals", "measure": "count"}},
            {"name": "won", "aggregate": {**of, "where": {"field": "stage", "op": "eq", "value": "Won"}}},
        ]
    )

    def deal(key: str | None, firm: str | None, at: Any, stage: str, value: int | None) -> dict[str, Any]:
        return {"key": key, "entity": firm, "at": at, "stage": stage, "value": value}

    world.put(deals, [deal("1", "F", JAN, "Open", None), deal("2", "F", JAN, "Won", 5), deal("3", None, JAN, "Won", 9)])
    world.put(deals, [deal("1", "F", MAR, "Won", 10), deal("2", "G", FEB, "Won", 5)])
    world.put(deals, [deal(None, "G", FEB, "Won", 1), deal(None, "G", FEB, "Won", 1)])
    assert everywhere(world, JAN, "n", "won", kind="account") == {"F": (2, 5)}
    # one deal went over to another firm; rows without a key stand each for itself
    assert everywhere(world, FEB, "n", "won", kind="account") == {"F": (1, 0), "G": (3, 7)}
    assert everywhere(world, MAR, "n", "won", kind="account") == {"F": (1, 10), "G": (3, 7)}


def test_edges_count_from_either_end_or_both(world: World) -> None:
    fields = {"to": ValueType.TEXT, "w": ValueType.NUMBER}
    edges = world.dataset("friends", DatasetKind.EDGES, fields, entity="from", target="to", weight="w")
    made = [("a", "b", 1.0), ("a", "c", 2.0), ("b", "c", 4.0), ("a", "b", 3.0)]  # the last of a pair counts
    world.put(edges, [{"entity": x, "target": y, "weight": w} for x, y, w in made])
    ends = ("entity", "target", "both")
    tags = [{"name": f"n_{e}", "aggregate": {"dataset": "friends", "measure": "count", "end": e}} for e in ends]
    tags += [
        {"name": f"w_{e}", "aggregate": {"dataset": "friends", "measure": "sum", "of": "w", "end": e}} for e in ends
    ]
    tags.append({"name": "met", "aggregate": {"dataset": "friends", "measure": "distinct", "of": "to", "end": "both"}})
    Tags(world.context).add(definitions=tags)
    assert everywhere(world, JAN, *(t["name"] for t in tags)) == {
        "a": (2, 0, 2, 5.0, 0.0, 5.0, 2),
        "b": (1, 1, 2, 4.0, 3.0, 7.0, 2),
        "c": (0, 2, 2, 0.0, 6.0, 6.0, 2),
    }


def test_fields_of_lookups_follow_their_newest_rows(world: World) -> None:
    products = world.dataset(
        "products", DatasetKind.LOOKUP, {"sku": ValueType.INTEGER, "line": ValueType.TEXT}, entity="sku"
    )
    fields = {"at": ValueType.MOMENT, "sku": ValueType.INTEGER, "n": ValueType.INTEGER}
    orders = world.dataset("orders", DatasetKind.EVENTS, fields, entity="who", time="at", joins={"products": "sku"})
    world.put(
        products, [{"entity": "1", "line": "old"}, {"entity": "2", "line": "shoes"}, {"entity": "1", "line": "hats"}]
    )
    world.put(orders, [{"entity": "a", "at": JAN, "sku": s, "n": s} for s in (1, 1, 2, 3, None)])
    hats = {"field": "products.line", "op": "eq", "value": "hats"}
    Tags(world.context).add(
        definitions=[
            {"name": "line", "aggregate": {"dataset": "orders", "measure": "mode", "of": "products.line"}},
            {"name": "hats", "aggregate": {"dataset": "orders", "measure": "sum", "of": "n", "where": hats}},
        ]
    )
    assert everywhere(world, JAN, "line", "hats") == {"a": ("hats", 2)}
    world.put(products, [{"entity": "2", "line": "hats"}])
    build(world.context, as_of=JAN)
    assert everywhere(world, JAN, "line", "hats") == {"a": ("hats", 4)}


def test_undated_events_count_always_and_in_no_window(world: World) -> None:
    plays = world.dataset("plays", DatasetKind.EVENTS, {"artist": ValueType.TEXT, "n": ValueType.INTEGER}, entity="who")
    world.put(plays, [{"entity": "a", "artist": "x", "n": 3}, {"entity": "a", "artist": "y", "n": 1}])
    made = [
        {"name": "n", "aggregate": {"dataset": "plays", "measure": "sum", "of": "n"}},
        {"name": "lately", "aggregate": {"dataset": "plays", "measure": "sum", "of": "n", "within": "30d"}},
        {"name": "last", "aggregate": {"dataset": "plays", "measure": "last", "of": "artist"}},
        {"name": "days", "aggregate": {"dataset": "plays", "measure": "days_since"}},
    ]
    Tags(world.context).add(definitions=made)
    assert everywhere(world, JAN, "n", "lately", "last", "days") == {"a": (4, 0, None, None)}


def test_over_no_events_counts_are_zero_and_extremes_missing(world: World) -> None:
    fields = {"at": ValueType.MOMENT, "n": ValueType.INTEGER, "d": ValueType.DECIMAL}
    orders = world.dataset("orders", DatasetKind.EVENTS, fields, entity="who", time="at")
    world.put(orders, [{"entity": "a", "at": JAN, "n": 1, "d": 1}])
    people = world.dataset("people", DatasetKind.PROFILES, {"x": ValueType.TEXT}, entity="id")
    world.put(people, [{"entity": "b", "x": "y"}])
    measures = [
        "count",
        "sum",
        "distinct",
        "decayed_sum",
        "avg",
        "min",
        "max",
        "first",
        "last",
        "mode",
        "trend",
        "share",
    ]
    made = []
    for measure in measures:
        spec: dict[str, Any] = {"dataset": "orders", "measure": measure, "of": "n"}
        if measure == "share":
            spec = {"dataset": "orders", "measure": measure, "where": "n > 0"}
        if measure == "decayed_sum":
            spec["half_life"] = "1d"
        made.append({"name": measure, "aggregate": spec})
    made.append({"name": "money", "aggregate": {"dataset": "orders", "measure": "sum", "of": "d"}})
    Tags(world.context).add(definitions=made)
    found = everywhere(world, FEB, *measures, "money")
    assert found["b"] == (0, 0, 0, 0.0, *[None] * 8, 0)


def test_a_day_is_one_of_the_workspaces_zone(paris: World) -> None:
    fields = {"at": ValueType.MOMENT, "n": ValueType.INTEGER}
    orders = paris.dataset("orders", DatasetKind.EVENTS, fields, entity="who", time="at")
    # 23:30 in Paris on 30 March, the evening before summer time begins
    paris.put(orders, [{"entity": "a", "at": moment("2024-03-30T22:30"), "n": 1}])
    made = [
        {"name": "days", "aggregate": {"dataset": "orders", "measure": "days_since"}},
        {"name": "day", "aggregate": {"dataset": "orders", "measure": "count", "within": "1d"}},
        {"name": "hours", "aggregate": {"dataset": "orders", "measure": "count", "within": "24h"}},
    ]
    Tags(paris.context).add(definitions=made)
    assert everywhere(paris, moment("2024-03-30T22:45"), "days", "day", "hours") == {"a": (0, 1, 1)}
    assert everywhere(paris, moment("2024-03-30T23:15"), "days", "day", "hours") == {"a": (1, 1, 1)}
    # 31 March 23:30 in Paris is 23 hours later: exactly a calendar day, so it has left that window
    assert everywhere(paris, moment("2024-03-31T21:29"), "days", "day", "hours") == {"a": (1, 1, 1)}
    assert everywhere(paris, moment("2024-03-31T21:30"), "days", "day", "hours") == {"a": (1, 0, 1)}
    assert everywhere(paris, moment("2024-03-31T22:30"), "days", "day", "hours") == {"a": (2, 0, 0)}


def test_huge_and_tiny_numbers_are_exact_or_missing_never_wrong(world: World) -> None:
    fields = {"at": ValueType.MOMENT, "x": ValueType.NUMBER, "i": ValueType.INTEGER, "d": ValueType.DECIMAL}
    orders = world.dataset("orders", DatasetKind.EVENTS, fields, entity="who", time="at")
    big = {"x": 1e200, "i": 2**62, "d": Decimal("99999999999999.9999")}
    rows = [{"entity": "big", "at": JAN + timedelta(hours=n), **big} for n in range(4)]
    rows += [{"entity": "cancels", "at": JAN, "x": x, "i": 1, "d": 0} for x in (1e15, 0.25, -1e15)]
    world.put(orders, rows)
    made = [{"name": f"sum_{n}", "aggregate": {"dataset": "orders", "measure": "sum", "of": n}} for n in "xid"]
    made += [{"name": "avg_x", "aggregate": {"dataset": "orders", "measure": "avg", "of": "x"}}]
    made += [{"name": "trend_x", "aggregate": {"dataset": "orders", "measure": "trend", "of": "x"}}]
    made += [
        {"name": "fade_x", "aggregate": {"dataset": "orders", "measure": "decayed_sum", "of": "x", "half_life": "1d"}}
    ]
    Tags(world.context).add(definitions=made)
    found = everywhere(world, FEB, *(t["name"] for t in made))
    assert found["big"] == (None, None, Decimal("399999999999999.9996"), None, None, None)
    assert found["cancels"][:4] == (0.25, 3, 0, pytest.approx(0.0833333333))
