"""Where-trees and lookups as the tag builder uses them, measures, and facts of one entity."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coterie.engines.duckdb import Engine
from coterie.errors import NotFound, Refused
from coterie.rules import (
    Facts,
    PlainResolver,
    bind_rule,
    bind_where,
    evaluate,
    field_names,
    find_field,
    joins_sql,
    parse_rule,
    read_facts,
    read_where,
    significant,
    where_sql,
)
from coterie.rules.measures import MEASURES, threshold

from .world import DEALS, ORDERS, World, make_views, make_world, vocabulary, wheres

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)


@given(st.integers(0, 10**9), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_sql_and_python_keep_the_same_events(shared: Engine, seed: int, data: st.DataObject) -> None:
    world = make_world(seed)
    raw = data.draw(wheres(ORDERS, (world.as_of,)))
    words, tz = world.vocabulary, ZoneInfo(world.zone)
    sql, lookups = where_sql(raw, ORDERS, words, "e", as_of=world.as_of)
    bound = bind_where(read_where(raw), ORDERS, words, as_of=world.as_of, tz=tz)
    assert lookups == bound.lookups and set(bound.fields) <= set(field_names(ORDERS, words))
    make_views(shared, world)
    joins = joins_sql(ORDERS, lookups, words, "e")
    found = shared.value(f'SELECT count(*) FILTER (WHERE {sql}) FROM "dataset:orders" AS e{joins}')
    assert found == sum(bound.test(world._joined(e)) for _, e in world.events["orders"])


def test_a_relative_date_counts_from_now_without_as_of() -> None:
    sql, _ = where_sql({"field": "Day", "op": "lt", "value": {"ago": "30d"}}, ORDERS, vocabulary(), "e")
    assert sql.startswith('"e"."Day" < DATE \'2')


def test_a_missing_field_has_a_place_and_a_near_name() -> None:
    with pytest.raises(Refused) as caught:
        where_sql({"all": [{"field": "last_buy", "op": "exists"}]}, ORDERS, vocabulary(), "e", "tag.spend.where")
    assert caught.value.place == "tag.spend.where.all[0]" and caught.value.code == "unknown_field"


def test_keys_are_text_whatever_the_column_looked_like() -> None:
    assert find_field(ORDERS, "Order Id", vocabulary(), "x").type == "text"
    assert find_field(ORDERS, "products.SKU", vocabulary(), "x").sql("e") == '"e.products"."_entity"'
    assert 'CAST("e"."SKU" AS VARCHAR)' in joins_sql(ORDERS, ["products"], vocabulary(), "e")
    assert joins_sql(DEALS, [], vocabulary(), "e") == ""


@pytest.mark.parametrize("value", [0.0, 2.5, -2.5, 0.1, 1e-300, 123456789.4, 1234567890.6, 1e300, -1e300])
def test_thresholds_are_where_rounding_changes(value: float) -> None:
    """The least number that rounds to the value, or above it: the number before it does not."""
    for above in (False, True):
        least = threshold(value, above=above)
        before = math.nextafter(least, -math.inf)
        if above:
            assert significant(before) <= value < significant(least)
        else:
            assert significant(before) < value <= significant(least)


def test_floating_measures_count_to_nine_digits(engine: Engine) -> None:
    """0.1 + 0.2 is 0.3, in the engine and in Python, in any order."""
    engine.execute("CREATE TEMP TABLE t AS SELECT unnest([0.1, 0.2, NULL])::DOUBLE AS x")
    assert MEASURES["sum"].run([0.2, None, 0.1]) == 0.3
    assert engine.value("SELECT fsum(x) FROM t") != 0.3
    assert MEASURES["avg"].run([]) is None and MEASURES["sum"].run([None]) == 0 and MEASURES["distinct"].run([]) == 0


def test_facts_are_fetched_as_the_evaluator_needs_them(engine: Engine) -> None:
    world = make_world(11)
    make_views(engine, world)
    resolver = PlainResolver(lists={"vip list": [world.rows[e] for e in world.lists["vip list"]]})
    raw: Any = {
        "all": [
            {"tag": "rfm.last_at", "op": "exists"},
            {"tag": "interests", "op": "exists"},
            {
                "events": "orders",
                "where": {"field": "products.Category", "op": "exists"},
                "measure": "max",
                "of": "When",
                "op": "gt",
                "value": "2020-01-01",
            },
            {"list": "vip list"},
        ]
    }
    rule = parse_rule(raw)
    bound = bind_rule(rule, world.vocabulary, as_of=world.as_of, resolver=resolver)
    for entity in world.rows:
        fetched = read_facts(bound, entity, world.vocabulary, engine.rows)
        known = world.facts(entity)
        assert fetched.tags == {n: known.tags.get(n) for n in ("rfm.last_at", "interests")}
        assert fetched.lists == known.lists
        kept = [{k: e.get(k) for k in ("_at", "products.Category", "When")} for e in known.events["orders"]]
        assert sorted(map(str, fetched.events["orders"])) == sorted(map(str, kept))


def test_an_unknown_customer_is_said(engine: Engine) -> None:
    world: World = make_world(11)
    make_views(engine, world)
    bound = bind_rule(parse_rule({"all": []}), world.vocabulary, as_of=AS_OF)
    with pytest.raises(NotFound) as caught:
        read_facts(bound, "nobody", world.vocabulary, engine.rows)
    assert str(caught.value).startswith('`unknown_name`: There is no "nobody" at this as-of.')


def test_reasons_are_ready_for_json() -> None:
    raw = {"any": [{"tag": "rfm.monetary", "op": "gte", "value": 10.5}, {"tag": "birthday", "op": "exists"}]}
    facts = Facts(tags={"rfm.monetary": Decimal("10.5000"), "score": float("nan")})
    result = evaluate(parse_rule(raw), facts, vocabulary(), as_of=AS_OF, language="zh")
    assert result.member
    assert [r.as_dict() for r in result.reasons] == [
        {"place": "rule", "sentence": "rfm.monetary不小于10.5，或birthday有值", "passed": True, "value": None},
        {"place": "any[0]", "sentence": "rfm.monetary不小于10.5", "passed": True, "value": 10.5},
        {"place": "any[1]", "sentence": "birthday有值", "passed": False, "value": None},
    ]
    nan = evaluate(parse_rule({"tag": "score", "op": "not_exists"}), facts, vocabulary(), as_of=AS_OF)
    assert nan.member
