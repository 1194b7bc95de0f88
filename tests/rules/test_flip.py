"""The smallest change: applying it flips the evaluator, and trying every smaller set of facts with many values finds none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coterie.catalog.schemas import NUMERIC, ValueType
from coterie.rules import Facts, PlainResolver, bind_rule, evaluate, flip, parse_rule
from coterie.rules.binding import BoundNode, Fact
from coterie.rules.evaluate import passes

from .world import POOLS, edges, make_world, rules, vocabulary

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)
RESOLVER = PlainResolver(lists={"vip list": []}, snapshots={("loyal", "s1"): []})


def values(node: BoundNode, zone: str, as_of: datetime) -> dict[Fact, list[Any]]:
    """Many values for every fact: those of the world, and the rule's own."""
    found: dict[Fact, list[Any]] = {}
    for _, leaf in node.leaves():
        if not leaf.changeable:
            continue
        pool = found.setdefault(leaf.fact, [None] if leaf.can_miss else [])
        operands = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
        if leaf.type in NUMERIC:
            pool += [
                n
                for n in (*range(-4, 6), 0.5, 2.25, 1e300, -1e300)
                if leaf.type is not ValueType.INTEGER or isinstance(n, int)
            ]
            if leaf.fact[0] == "events" and not leaf.can_miss and leaf.type is ValueType.INTEGER:
                pool[:] = [n for n in pool if n is None or n >= 0]
        elif leaf.type is ValueType.MOMENT:
            pool += edges(as_of, zone)
        else:
            pool += POOLS[leaf.type]
        if leaf.type in (ValueType.TEXT, ValueType.DATE, ValueType.MOMENT):
            pool += [o for o in operands if isinstance(o, str | date)]
        if leaf.type in (ValueType.TEXTS, ValueType.PATH) and leaf.operand:
            pool.append(list(operands))
    return found


def smaller_sets(pools: dict[Fact, list[Any]], below: int) -> Iterator[tuple[tuple[Fact, Any], ...]]:
    for size in range(1, below):
        for facts in itertools.combinations(pools, size):
            for chosen in itertools.product(*(pools[f] for f in facts)):
                yield tuple(zip(facts, chosen, strict=True))


@given(st.integers(0, 10**9), st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_change_flips_and_none_is_smaller(seed: int, data: st.DataObject) -> None:
    world = make_world(seed)
    rule = parse_rule(data.draw(rules(world, depth=2)))
    entity = next(iter(world.rows))
    facts, options = world.facts(entity), {"as_of": world.as_of, "resolver": RESOLVER}
    bound = bind_rule(rule, world.vocabulary, **options)
    member = passes(bound, facts)
    result = flip(rule, facts, world.vocabulary, **options)
    pools = values(bound, world.zone, world.as_of)
    if result is None:
        assert not any(passes(bound, facts.with_changes(c)) != member for c in smaller_sets(pools, 2))
        return
    changed = facts.with_changes((c.fact, c.needed) for c in result.changes)
    assert evaluate(rule, changed, world.vocabulary, **options).member != member
    assert result.smallest and all(c.places and c.now != c.needed for c in result.changes)
    below = min(len(result.changes), 3)
    assert not any(passes(bound, facts.with_changes(c)) != member for c in smaller_sets(pools, below))


TAG = {"tag": "age"}


@pytest.mark.parametrize(
    ("raw", "facts", "needed"),
    [
        ({**TAG, "op": "gte", "value": 18}, {"age": 10}, [18]),
        ({**TAG, "op": "gt", "value": 18}, {"age": 10}, [19]),
        ({**TAG, "op": "between", "value": [18, 20]}, {"age": 40}, [20]),
        ({**TAG, "op": "exists"}, {"age": 40}, [None]),
        ({"not": {**TAG, "op": "gte", "value": 18}}, {"age": 40}, [17]),
        # one tag in two conditions is one change; the value fits both
        ({"all": [{**TAG, "op": "gte", "value": 18}, {**TAG, "op": "lt", "value": 20}]}, {"age": 5}, [18]),
        ({"all": [{**TAG, "op": "gt", "value": 3}, {**TAG, "op": "lt", "value": 4}]}, {"age": 5}, None),
        # the cheaper branch
        (
            {"any": [{"all": [{**TAG, "op": "eq", "value": 1}, {"tag": "country", "op": "eq", "value": "a"}]}, {"tag": "vip", "op": "eq", "value": True}]},
            {"age": 5, "vip": False},
            [True],
        ),
        ({"tag": "country", "op": "starts_with", "value": "Fr"}, {"country": "Spain"}, ["Fr"]),
        ({"tag": "country", "op": "matches", "value": "^[0-9]{4}$"}, {"country": "Spain"}, ["0000"]),
        ({"tag": "interests", "op": "all_of", "value": ["x", "y"]}, {"interests": ["x", "q"]}, [["q", "x", "y"]]),
        ({"tag": "region", "op": "under", "value": "北京 > 朝阳"}, {}, [["北京", "朝阳"]]),
        ({"list": "vip list"}, {}, [True]),
        ({"events": "orders", "at_least": 3, "within": "30d"}, {}, [3]),
        ({"audience": "loyal", "snapshot": "s1"}, {}, None),  # what happened cannot be changed
    ],
)  # fmt: skip
def test_values_needed(raw: Any, facts: dict[str, Any], needed: list[Any] | None) -> None:
    result = flip(parse_rule(raw), Facts(tags=facts), vocabulary(), as_of=AS_OF, resolver=RESOLVER)
    assert (None if result is None else [c.needed for c in result.changes]) == needed


def test_the_words_of_a_change() -> None:
    rule = parse_rule(
        {"all": [{"tag": "country", "op": "eq", "value": "法国"}, {"events": "orders", "at_least": 3, "within": "30d"}]}
    )
    said = {}
    for language in ("en", "zh"):
        result = flip(rule, Facts(), vocabulary(), as_of=AS_OF, language=language)
        assert result is not None
        said[language] = [(c.places, c.sentence) for c in result.changes]
    assert said["en"] == [
        (("all[0]",), 'country would have to be "法国" instead of missing'),
        (("all[1]",), "the number of orders in the last 30 days would have to be 3 instead of 0"),
    ]
    assert said["zh"] == [
        (("all[0]",), "国家需由缺失变为“法国”"),
        (("all[1]",), "最近30天内orders的次数需由0变为3"),
    ]


def test_an_audience_is_looked_into() -> None:
    loyal = parse_rule({"all": [{**TAG, "op": "gte", "value": 30}, {"tag": "vip", "op": "eq", "value": True}]})
    rule = parse_rule({"all": [{"audience": "loyal"}, {**TAG, "op": "lt", "value": 60}]})
    facts = Facts(tags={"age": 20, "vip": True})
    result = flip(rule, facts, vocabulary(), as_of=AS_OF, resolver=PlainResolver(audiences={"loyal": loyal}))
    assert result is not None
    assert [(c.places, c.needed) for c in result.changes] == [(("all[0].audience.all[0]",), 30)]


def test_many_conditions_on_many_shared_facts_end_in_time() -> None:
    """Each tag stands in several conditions of a large rule: the search stays small, and says whether it was complete."""
    tags = ["age", "country", "vip", "birthday", "rfm.monetary", "score", "interests"]
    both = [
        {"any": [{"tag": a, "op": "exists"}, {"tag": b, "op": "not_exists"}]}
        for a, b in itertools.permutations(tags, 2)
    ]
    rule = parse_rule({"not": {"all": [{"any": [*both[:20]]}, *both]}})
    result = flip(rule, Facts(), vocabulary(), as_of=AS_OF)
    assert result is not None and len(result.changes) == 1
