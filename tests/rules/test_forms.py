"""Every form of condition: on offer means that it can be read, said, counted, explained, and refused with a reason."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from coterie.engines.duckdb import Engine
from coterie.errors import NotFound, Refused
from coterie.rules import (
    LEAF_KINDS,
    MEASURES,
    OPERATORS,
    PlainResolver,
    check_rule,
    compile_rule,
    evaluate,
    flip,
    parse_rule,
    read_facts,
    rule_problems,
    sentence,
)

from .world import TAGS, answered, make_views, make_world, vocabulary

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)
ORDERS = {"events": "orders"}
TAG = {"tag": "score"}

FORMS: dict[str, list[dict[str, Any]]] = {
    "tag": [{"tag": "age", "op": "gte", "value": 1}],
    "geo": [{"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": 9000, "of": [31.23, 121.47]}],
    "top": [{"top": TAG | {"n": 2}}, {"top": TAG | {"percent": 50, "lowest": True, "among": {"list": "vip list"}}}],
    "quantile": [{"quantile": TAG | {"parts": 2, "is": 1}}],
    "events": [
        ORDERS,
        ORDERS | {"never": True, "within": "30d"},
        ORDERS | {"at_most": 2, "between": ["1y", "1d"], "where": {"field": "Price", "op": "gt", "than_field": "products.Cost"}},
        *(ORDERS | {"measure": m, "of": "Price", "op": "gte", "value": 1} for m in ("sum", "avg", "min", "max", "distinct")),
        *(ORDERS | {"measure": m, "op": "within_last", "value": "30d"} for m in ("first_at", "last_at")),
    ],
    "regular": [ORDERS | {"regular": {"at_least": 1, "of_last": 80, "unit": unit}} for unit in ("day", "week", "month", "year")],
    "stopped": [ORDERS | {"stopped": {"active": "1y", "silent": "1d"}}],
    "restarted": [ORDERS | {"restarted": {"back": "1w", "gap": "1d"}}],
    "sequence": [
        {"sequence": [{"events": "views"}, ORDERS | {"within": "52w"}]},
        {"sequence": [ORDERS, {"then_not": {"events": "views", "within": "1h"}}], "same": {"orders": "SKU", "views": "Item"}},
    ],
    "audience": [{"audience": "loyal"}, {"audience": "loyal", "snapshot": "s1"}],
    "block": [{"block": "core"}],
    "list": [{"list": "vip list"}],
    "neighbours": [{"neighbours": {"dataset": "friends", "of": {"audience": "loyal"}}}],
    "sample": [{"sample": {"percent": 50, "salt": "a"}}],
    "split": [{"split": {"parts": 2, "is": 1, "salt": "a"}}],
    "sql": [{"sql": "SELECT entity FROM tags"}],
}  # fmt: skip
ALL_FORMS = [raw for raws in FORMS.values() for raw in raws]


def test_the_walk_is_complete() -> None:
    assert set(FORMS) == set(LEAF_KINDS)
    assert {raw.get("measure", "count") for raw in FORMS["events"]} == set(MEASURES)


@pytest.mark.parametrize("raw", ALL_FORMS, ids=lambda raw: json.dumps(raw)[:60])
def test_every_form_is_counted_and_explained(raw: dict[str, Any], shared: Engine) -> None:
    """By itself, denied, and within each group."""
    world = make_world(4)
    make_views(shared, world)
    other = {"tag": "vip", "op": "exists"}
    known: dict[str, Any] = {"as_of": world.as_of, "resolver": world.resolver}
    for wrapped in (raw, {"not": raw}, {"any": [other, raw]}, {"xor": [other, raw]}, {"except": [other, raw]}):
        rule = parse_rule(wrapped)
        assert parse_rule(rule.as_json()) == rule
        assert check_rule(rule, world.vocabulary, **known) == []
        compiled = compile_rule(rule, world.vocabulary, **known)
        facts = answered(world, compiled.bound)
        expected = [e for e in world.rows if evaluate(rule, facts[e], world.vocabulary, **known).member]
        assert [e for _, e in shared.rows(compiled.members_sql())] == expected
        assert compiled.read_count(shared.row(compiled.count_sql())).count == len(expected)
        for entity in world.rows:
            fetched = read_facts(compiled.bound, entity, world.vocabulary, shared.rows)
            told = evaluate(rule, fetched, world.vocabulary, **known)
            assert told.member == (entity in expected) and json.dumps([r.as_dict() for r in told.reasons])
            change = flip(rule, fetched, world.vocabulary, **known)
            if change is not None:
                changed = fetched.with_changes((c.fact, c.needed) for c in change.changes)
                assert evaluate(rule, changed, world.vocabulary, **known).member != told.member
                assert json.dumps(change.as_dict())
        assert sentence(rule, "en", world.vocabulary).endswith(".") and sentence(rule, "zh", world.vocabulary).endswith(
            "。"
        )


@pytest.mark.parametrize("tag", [t.name for t in TAGS])
def test_every_tag_and_operator_on_offer_can_be_counted(tag: str, shared: Engine) -> None:
    world = make_world(7)
    make_views(shared, world)
    kind = world.vocabulary.tag(tag).type
    examples: dict[str, Any] = {
        "boolean": True, "date": "2024-03-31", "decimal": 2.5, "integer": 2, "moment": "2024-03-31T12:00", "number": 0.1, "text": "a",
        "texts": "x", "path": "北京", "vector": None,
    }  # fmt: skip
    one = examples[kind]
    values = {
        "nothing": None, "one value": one, "two values [low, high]": [one, one], "a list of values": [one], "text": "a", "a pattern": "a",
        'a span such as "30d"': "30d", 'a span of days such as "7d"': "7d", "levels from the top": ["北京"],
    }  # fmt: skip
    offered = [o for o in OPERATORS.values() if kind in o.types]
    assert offered
    for operator in offered:
        value = values[operator.operand.value]
        raw = {"tag": tag, "op": operator.key} | ({} if value is None else {"value": value})
        rule, known = parse_rule(raw), {"as_of": world.as_of}
        compiled = compile_rule(rule, world.vocabulary, **known)
        members = [entity for _, entity in shared.rows(compiled.members_sql())]
        assert members == [e for e in world.rows if evaluate(rule, world.facts(e), world.vocabulary, **known).member], (
            raw
        )
        assert compiled.read_count(shared.row(compiled.count_sql())).count == len(members)


STEP, LAST = {"events": "views"}, {"events": "orders", "within": "7d"}
HALF, HUGE = "\ud800", 10**400

WRONG: list[tuple[Any, str, str, str]] = [
    # habits
    (ORDERS | {"regular": 3}, "", "bad_rule", '"regular" holds no JSON object.'),
    (ORDERS | {"regular": {"of_last": 4, "unit": "week"}}, ".regular", "bad_rule", "One of at_least, at_most, exactly stands here."),
    (ORDERS | {"regular": {"at_least": 1, "exactly": 1, "of_last": 4, "unit": "week"}}, ".regular", "bad_rule", "One of at_least"),
    (ORDERS | {"regular": {"at_least": 5, "of_last": 4, "unit": "week"}}, ".regular", "bad_value", '"at_least" cannot be 5. Write a whole number from 0 to 4.'),
    (ORDERS | {"regular": {"at_least": 1, "of_last": HUGE, "unit": "week"}}, ".regular", "bad_value", '"of_last" cannot be a number of hundreds of digits.'),
    (ORDERS | {"regular": {"at_least": 1.5, "of_last": 4, "unit": "week"}}, ".regular", "bad_value", '"at_least" cannot be 1.5.'),
    (ORDERS | {"regular": {"at_least": "3", "of_last": 4, "unit": "week"}}, ".regular", "bad_value", '"at_least" cannot be 3.'),
    (ORDERS | {"regular": {"at_least": True, "of_last": 4, "unit": "week"}}, ".regular", "bad_value", '"at_least" cannot be true.'),
    (ORDERS | {"regular": {"at_least": 1, "unit": "week"}}, ".regular", "bad_rule", '"of_last" is missing.'),
    (ORDERS | {"regular": {"at_least": 1, "of_last": 4, "unit": "weeks"}}, ".regular", "bad_value", '"weeks" is no unit of periods. Did you mean "week"?'),
    (ORDERS | {"regular": {"at_least": 1, "of_last": 4, "unit": HALF}}, ".regular", "bad_value", "is no unit of periods."),
    (ORDERS | {"regular": {"at_least": 1, "of_last": 4, "unit": "week"}, "within": "30d"}, "", "bad_rule", 'The key "within" does not belong here.'),
    ({"events": "deals", "regular": {"at_least": 1, "of_last": 4, "unit": "week"}}, "", "bad_rule", 'The rows of "deals" have no time.'),
    (ORDERS | {"stopped": {"active": "90d"}}, ".stopped", "bad_rule", '"silent" is missing. Write {"active": "90d", "silent": "30d"}.'),
    (ORDERS | {"stopped": {"active": "0d", "silent": "30d"}}, ".stopped", "bad_value", 'The span "0d" is empty.'),
    (ORDERS | {"stopped": {"active": "90d", "silent": HUGE}}, ".stopped", "bad_value", "is not a span of time."),
    (ORDERS | {"restarted": {"back": "90d", "gap": "400y"}}, ".restarted", "bad_value", "is over a hundred years."),
    (ORDERS | {"restarted": {"back": "90d", "gab": "4d"}}, ".restarted", "bad_rule", 'The key "gab" does not belong here. Did you mean "gap"?'),
    (ORDERS | {"stopped": {"active": "1d", "silent": "1d"}, "restarted": {"back": "1d", "gap": "1d"}}, "", "bad_rule", '"stopped" and "restarted" stand in one condition.'),
    ({"regular": {"at_least": 1, "of_last": 4, "unit": "week"}}, "", "bad_rule", '"events" is missing.'),
    # first and last times; fields against fields
    (ORDERS | {"measure": "first_at", "of": "When", "op": "gt", "value": "2024-01-01"}, "", "bad_rule", '"first_at" is a moment of events and takes no field.'),
    (ORDERS | {"measure": "first_at"}, "", "bad_rule", '"op" and "value" are missing.'),
    (ORDERS | {"measure": "last_at", "op": "gt", "value": 3}, "", "bad_value", '"last_at of orders" holds moments, and 3 is a number.'),
    (ORDERS | {"measure": "sum", "of": "Price", "op": "within_last", "value": "3d"}, "", "wrong_operator", '"within_last" does not compare the measure "sum".'),
    (ORDERS | {"op": "within_last", "value": "3d"}, "", "wrong_operator", '"within_last" does not compare the measure "count".'),
    ({"events": "deals", "measure": "first_at", "op": "gt", "value": "2024-01-01"}, "", "bad_rule", 'The rows of "deals" have no time.'),
    (ORDERS | {"where": {"field": "Price", "op": "gt", "than_field": "Country"}}, ".where", "wrong_operator", '"Price" is of type decimal, and "Country" of type text.'),
    (ORDERS | {"where": {"field": "Price", "op": "gt", "than_field": "Rate"}}, ".where", "wrong_operator", "Compare fields of one type."),
    (ORDERS | {"where": {"field": "Labels", "op": "eq", "than_field": "Labels"}}, ".where", "wrong_operator", '"eq" does not apply to "Labels"'),
    (ORDERS | {"where": {"field": "Price", "op": "in", "than_field": "Price"}}, ".where", "wrong_operator", '"in" does not compare two fields. Use eq, ne, gt, gte, lt, lte.'),
    (ORDERS | {"where": {"field": "Price", "op": "gt", "than_field": "Prize"}}, ".where", "unknown_field", 'Did you mean "Price"'),
    (ORDERS | {"where": {"field": "Price", "op": "gt", "than_field": "Price", "value": 3}}, ".where", "bad_rule", '"value" and "than_field" stand together.'),
    # sequences
    ({"sequence": []}, "", "bad_rule", '"sequence" holds a list of steps.'),
    ({"sequence": [STEP]}, "", "bad_rule", "A sequence has at least two steps."),
    ({"sequence": [{"then_not": LAST}]}, "", "bad_rule", "A sequence has at least two steps."),
    ({"sequence": [STEP] * 11}, "", "rule_too_large", "The sequence has 11 steps. Write at most 10."),
    ({"sequence": [STEP, 3]}, "", "bad_rule", '"sequence" holds a list of steps.'),
    ({"sequence": [LAST, STEP]}, ".sequence[0]", "bad_rule", "The first step follows none."),
    ({"sequence": [STEP, LAST | {"within": "1m"}]}, ".sequence[1]", "bad_value", 'A gap of "1m" has no exact length.'),
    ({"sequence": [STEP, LAST | {"within": 7}]}, ".sequence[1]", "bad_value", "7 is not a span of time."),
    ({"sequence": [STEP, {"then_not": STEP}]}, ".sequence[1].then_not", "bad_rule", '"within" is missing.'),
    ({"sequence": [STEP, {"then_not": LAST}, STEP]}, ".sequence[1]", "bad_rule", '"then_not" is the last step. Put it last.'),
    ({"sequence": [STEP, {"events": "order"}]}, ".sequence[1]", "unknown_name", 'There is no dataset "order".'),
    ({"sequence": [STEP, LAST | {"where": {"field": "Prce", "op": "exists"}}]}, ".sequence[1].where", "unknown_field", 'Did you mean "Price"'),
    ({"sequence": [STEP, {"then_not": LAST | {"where": {"field": "x"}}}]}, ".sequence[1].then_not.where", "bad_rule", '"op" is missing.'),
    ({"sequence": [STEP, {"events": "deals"}]}, ".sequence[1]", "bad_rule", "have no time."),
    ({"sequence": [STEP, LAST], "same": "Item"}, ".same", "unknown_field", '"Item" is not a field of "orders".'),
    ({"sequence": [STEP, LAST], "same": {"views": "Item"}}, ".same", "bad_rule", '"same" names no field of "orders". Write {"orders": "FIELD", ...}.'),
    ({"sequence": [STEP, LAST], "same": {"views": "Item", "orders": "Country"}}, ".same", "wrong_operator", '"Item" is of type integer, and "Country" of type text.'),
    ({"sequence": [STEP, STEP], "same": {"views": "Item", "orders": "SKU"}}, ".same", "bad_rule", '"same" names "orders", which no step looks at.'),
    ({"sequence": [ORDERS, ORDERS], "same": "Labels"}, ".same", "wrong_operator", "Name fields of one type"),
    ({"sequence": [STEP, LAST], "same": 3}, "", "bad_rule", '"same" is 3.'),
    ({"sequence": [STEP, LAST], "between": ["30d", "90d"]}, "", "bad_value", 'Nothing lies between "30d" and "90d" ago.'),
    # anniversaries and distances
    ({"tag": "birthday", "op": "anniversary_within_next", "value": "24h"}, "", "bad_value", "which have no hours."),
    ({"tag": "rfm.last_at", "op": "anniversary_within_last", "value": "24h"}, "", "bad_value", "have no hours."),
    ({"tag": "birthday", "op": "anniversary_today", "value": "7d"}, "", "bad_rule", '"anniversary_today" takes no value.'),
    ({"tag": "age", "op": "anniversary_today"}, "", "wrong_operator", '"anniversary_today" does not apply to "age", of type integer.'),
    ({"geo": {"lat": "home.lat"}, "within_km": 5, "of": [0, 0]}, ".geo", "bad_rule", '"lon" is missing.'),
    ({"geo": {"lat": "home.lat", "lon": "country"}, "within_km": 5, "of": [0, 0]}, ".geo", "wrong_operator", '"country" is of type text. It takes decimal, integer or number.'),
    ({"geo": {"lat": "home.lat", "lon": "home.lo"}, "within_km": 5, "of": [0, 0]}, ".geo", "unknown_name", 'Did you mean "home.lon"'),
    ({"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": 0, "of": [0, 0]}, "", "bad_value", '"within_km" cannot be 0.'),
    ({"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": HUGE, "of": [0, 0]}, "", "bad_value", '"within_km" cannot be'),
    ({"geo": {"lat": "home.lat", "lon": "home.lon"}, "of": [0, 0]}, "", "bad_value", '"within_km" is missing.'),
    ({"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": 5, "of": [91, 0]}, "", "bad_value", "91 are no degrees."),
    ({"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": 5, "of": [0, float("nan")]}, "", "bad_value", "are no degrees."),
    ({"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": 5, "of": 3}, "", "bad_value", '"of" is a point.'),
    ({"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": 5, "of": ["0", 0]}, "", "bad_value", "0 are no degrees."),
    # ranks
    ({"top": {"tag": "score"}}, ".top", "bad_rule", 'One of "n" and "percent" stands here.'),
    ({"top": {"tag": "score", "n": 3, "percent": 3}}, ".top", "bad_rule", 'One of "n" and "percent" stands here.'),
    ({"top": {"tag": "score", "n": 0}}, ".top", "bad_value", '"n" cannot be 0.'),
    ({"top": {"tag": "score", "n": HUGE}}, ".top", "bad_value", '"n" cannot be a number of hundreds of digits.'),
    ({"top": {"tag": "score", "percent": 101}}, ".top", "bad_value", '"percent" cannot be 101.'),
    ({"top": {"tag": "score", "percent": 0.00001}}, ".top", "bad_value", "at most four digits after the point"),
    ({"top": {"tag": "score", "percent": HUGE}}, ".top", "bad_value", '"percent" cannot be'),
    ({"top": {"tag": "country", "n": 3}}, ".top", "wrong_operator", '"country" is of type text.'),
    ({"top": {"tag": "scor", "n": 3}}, ".top", "unknown_name", 'Did you mean "score"?'),
    ({"top": {"tag": "size", "n": 3}}, ".top", "bad_rule", '"size" is a tag of accounts'),
    ({"top": {"tag": "score", "n": 3, "lowest": 1}}, ".top", "bad_value", '"lowest" is true or false.'),
    ({"top": {"tag": "score", "n": 3, "among": {"tag": "age", "op": "eq"}}}, ".top.among", "bad_rule", '"value" is missing.'),
    ({"top": {"tag": "score", "n": 3, "among": {"any": [{"tag": "age", "op": "eq", "value": "x"}]}}}, ".top.among.any[0]", "bad_value", '"age" holds numbers'),
    ({"quantile": {"tag": "score", "parts": 1, "is": 1}}, ".quantile", "bad_value", '"parts" cannot be 1.'),
    ({"quantile": {"tag": "score", "parts": 4, "is": [5]}}, ".quantile", "bad_value", '"is" cannot be 5.'),
    ({"quantile": {"tag": "score", "parts": 4, "is": []}}, ".quantile", "bad_value", '"is" is empty.'),
    ({"quantile": {"tag": "score", "parts": 4}}, ".quantile", "bad_rule", '"is" is missing.'),
    # samples
    ({"sample": {"salt": "a"}}, ".sample", "bad_value", '"percent" cannot be null.'),
    ({"sample": {"percent": -1}}, ".sample", "bad_value", '"percent" cannot be -1.'),
    ({"sample": {"percent": 10, "salt": 3}}, ".sample", "bad_value", '"salt" is no text.'),
    ({"sample": {"percent": 10, "salt": HALF}}, ".sample", "bad_value", "a character that no data can hold"),
    ({"sample": {"percent": 10, "salt": "x" * 300}}, ".sample", "bad_value", "The text has 300 characters. At most 200."),
    ({"split": {"parts": 3, "is": 4}}, ".split", "bad_value", '"is" cannot be 4. Write a whole number from 1 to 3.'),
    ({"split": {"parts": 3, "is": [1, "2"]}}, ".split", "bad_value", '"is" cannot be 2.'),
    ({"split": 3}, "", "bad_rule", '"split" holds no JSON object.'),
    # links, blocks, SQL
    ({"neighbours": {"dataset": "friends"}}, ".neighbours", "bad_rule", '"of" is missing.'),
    ({"neighbours": {"dataset": "orders", "of": {"list": "vip list"}}}, ".neighbours", "bad_rule", '"orders" holds events, not edges.'),
    ({"neighbours": {"dataset": "frends", "of": {"list": "vip list"}}}, ".neighbours", "unknown_name", 'Did you mean "friends"?'),
    ({"neighbours": {"dataset": "friends", "of": {"list": "vips"}}}, ".neighbours.of", "unknown_name", 'There is no list "vips".'),
    ({"neighbours": {"dataset": "friends", "of": {"list": "vip list"}, "at_least": 0}}, ".neighbours", "bad_value", '"at_least" cannot be 0.'),
    ({"neighbours": {"dataset": "friends", "of": {"list": "vip list"}, "direction": "both"}}, ".neighbours", "bad_value", '"both" is no direction.'),
    ({"neighbours": {"dataset": "friends", "of": {}}}, ".neighbours.of", "bad_rule", "This is not a condition."),
    ({"block": "cor"}, "", "unknown_name", 'There is no block "cor". Did you mean "core"?'),
    ({"block": 3}, "", "bad_rule", '"block" is no text.'),
    ({"sql": ""}, "", "bad_rule", '"sql" is no text.'),
    ({"sql": "SELECT '" + HALF + "'"}, ".sql", "bad_value", "a character that no data can hold"),
    ({"sql": "x" * 20_001}, ".sql", "sql_refused", "The SQL has 20,001 characters."),
    ({"sql": "SELECT 1"}, ".sql", "sql_refused", "No answer to this SQL is known here."),
    # groups
    ({"xor": [{"list": "vip list"}]}, "", "bad_rule", "`xor` holds one condition."),
    ({"except": []}, "", "bad_rule", "`except` is empty."),
    ({"except": {"list": "vip list"}}, "", "bad_rule", "`except` holds a list."),
    ({"except": [{"list": "vip list"}, {"list": "vips"}]}, ".except[1]", "unknown_name", 'There is no list "vips".'),
    ({"xor": [{"list": "vip list"}, {"all": [{"list": "vips"}]}]}, ".xor[1].all[0]", "unknown_name", 'There is no list "vips".'),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "place", "code", "words"), WRONG)
def test_what_is_wrong_is_told_with_place_and_fix(raw: Any, place: str, code: str, words: str) -> None:
    resolver = PlainResolver(
        {"loyal": parse_rule({"all": []})}, {}, {"vip list": []}, {"core": parse_rule({"all": []})}
    )
    problems = rule_problems({"any": [{"tag": "vip", "op": "exists"}, raw]}, vocabulary(), resolver=resolver)
    assert [(p.code, p.place) for p in problems] == [(code, f"any[1]{place}")]
    assert words in str(problems[0]) and problems[0].fix
    assert isinstance(problems[0], NotFound) == (code == "unknown_name")
    str(problems[0]).encode("utf-8", "replace")


def nested(depth: int, kind: str) -> Any:
    """A condition that many rules deep in another."""
    raw: Any = {"list": "vip list"}
    for _ in range(depth):
        raw = {
            "top": {"top": {"tag": "score", "n": 1, "among": raw}},
            "neighbours": {"neighbours": {"dataset": "friends", "of": raw}},
            "xor": {"xor": [{"list": "vip list"}, raw]},
            "except": {"except": [raw, {"list": "vip list"}]},
        }[kind]
    return raw


@pytest.mark.parametrize("kind", ["top", "neighbours", "xor", "except"])
def test_depth_and_size_are_bounded_within_conditions_too(kind: str) -> None:
    with pytest.raises(Refused, match="nested over 30 levels deep"):
        parse_rule(nested(200, kind))
    wide = {"any": [nested(1, kind) for _ in range(10_000)]}
    with pytest.raises(Refused, match="made of over 200 groups and conditions"):
        parse_rule(wide)


@pytest.mark.parametrize("kind", ["xor", "except"])
def test_deep_groups_are_answered_in_time(kind: str, shared: Engine) -> None:
    """Exactly one of two, thirty times within each other: counted, evaluated and flipped without trying every way."""
    world = make_world(4)
    make_views(shared, world)
    known: dict[str, Any] = {"as_of": world.as_of, "resolver": world.resolver}
    rule, started = parse_rule(nested(29, kind)), time.perf_counter()
    compiled = compile_rule(rule, world.vocabulary, **known)
    members = [e for _, e in shared.rows(compiled.members_sql())]
    assert members == [e for e in world.rows if evaluate(rule, world.facts(e), world.vocabulary, **known).member]
    assert compiled.read_count(shared.row(compiled.count_sql())).count == len(members)
    for entity in world.rows:
        change = flip(rule, world.facts(entity), world.vocabulary, **known)
        assert change is None or len(change.changes) == 1
    assert time.perf_counter() - started < 5


def test_circles_through_conditions_and_blocks() -> None:
    audiences = {
        "a": {"neighbours": {"dataset": "friends", "of": {"block": "b"}}},
        "c": {"top": {"tag": "score", "n": 3, "among": {"not": {"audience": "c"}}}},
    }
    blocks = {"b": {"any": [{"audience": "a"}]}, "d": {"block": "d"}}
    resolver = PlainResolver(
        {name: parse_rule(raw) for name, raw in audiences.items()},
        blocks={name: parse_rule(raw) for name, raw in blocks.items()},
    )
    for raw, place, said in [
        ({"audience": "a"}, "audience.neighbours.of.block.any[0]", '"a" uses the block "b" uses "a".'),
        ({"block": "b"}, "block.any[0].audience.neighbours.of", 'The block "b" uses "a" uses the block "b".'),
        ({"audience": "c"}, "audience.top.among.not", '"c" uses "c".'),
        ({"block": "d"}, "block", 'The block "d" uses the block "d".'),
    ]:
        (problem,) = check_rule(parse_rule(raw), vocabulary(), as_of=AS_OF, resolver=resolver)
        assert (problem.code, problem.place, problem.message) == ("audience_cycle", place, said)
        assert problem.fix == "Take one of these conditions out."


def test_a_resolver_without_blocks_and_sql_says_so() -> None:
    class Old:
        """Knows audiences and lists alone."""

        def audience(self, name: str) -> Any:
            raise NotFound("unknown_name", name)

        snapshot_sql = list_sql = audience

    for raw, code in [({"block": "b"}, "bad_rule"), ({"sql": "SELECT 1"}, "sql_refused")]:
        (problem,) = check_rule(parse_rule(raw), vocabulary(), resolver=Old())
        assert problem.code == code and problem.fix
        (problem,) = check_rule(parse_rule(raw), vocabulary())
        assert "cannot be looked up here" in problem.message
