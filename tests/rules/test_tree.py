"""Reading rules: shapes, places and the words of every problem; all problems at once."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from coterie.errors import Refused
from coterie.rules import parse_rule, read_rule
from coterie.rules.leaves.tag import TagLeaf
from coterie.rules.nodes import All, Not, walk
from coterie.rules.nodes import Any as AnyOf
from coterie.rules.values import load_json

FRANCE = {"tag": "country", "op": "eq", "value": "France"}


def test_places_and_names_of_groups() -> None:
    rule = parse_rule({"version": 1, "entity": "account", "name": "欧洲", "all": [FRANCE, {"any": [{"not": FRANCE}]}]})
    assert [p for p, _ in walk(rule.root)] == ["rule", "all[0]", "all[1]", "all[1].any[0]", "all[1].any[0].not"]
    assert (rule.entity, rule.version) == ("account", 1)
    leaf = TagLeaf("country", "eq", "France")
    assert rule.root == All((leaf, AnyOf((Not(leaf),))), "欧洲")


def test_a_rule_is_read_from_text_with_exact_decimals() -> None:
    rule = parse_rule('{"tag": "price", "op": "gte", "value": 0.1}')
    assert rule.root == TagLeaf("price", "gte", Decimal("0.1"))
    assert (
        json.dumps(rule.as_json()) == '{"version": 1, "entity": "customer", "tag": "price", "op": "gte", "value": 0.1}'
    )


@pytest.mark.parametrize(
    ("raw", "long"),
    [
        ({"events": "orders"}, {"measure": "count", "op": "gte", "value": 1}),
        ({"events": "orders", "never": True}, {"measure": "count", "op": "eq", "value": 0}),
        ({"events": "orders", "at_most": 2, "within": "30d"}, {"measure": "count", "op": "lte", "value": 2, "within": "30d"}),
        (
            {"events": "orders", "measure": "sum", "of": "Price", "at_least": 99.5, "between": ["90d", "0d"]},
            {"measure": "sum", "of": "Price", "op": "gte", "value": 99.5, "within": "90d"},
        ),
    ],
)  # fmt: skip
def test_short_forms_of_events(raw: Any, long: dict[str, Any]) -> None:
    rule = parse_rule(raw)
    assert rule.as_json() == {"version": 1, "entity": "customer", "events": "orders", **long}
    assert parse_rule(rule.as_json()) == rule


def nested(depth: int) -> Any:
    raw: Any = FRANCE
    for _ in range(depth):
        raw = {"not": raw}
    return raw


@pytest.mark.parametrize(
    ("raw", "place", "code", "words"),
    [
        (None, "rule", "bad_rule", "null is not a condition."),
        ([FRANCE], "rule", "bad_rule", "is not a condition."),
        ({}, "rule", "bad_rule", "This is not a condition. It is empty. A condition has one of the keys all, any, not, xor, except, tag"),
        ({"al": [FRANCE]}, "rule", "bad_rule", 'Its keys are al. Did you mean "all"'),
        ({"all": FRANCE}, "rule", "bad_rule", '`all` holds a list. Write {"all": [...]}.'),
        ({"all": [FRANCE], "any": [FRANCE]}, "rule", "bad_rule", 'The key "any" does not belong here.'),
        ({"any": []}, "rule", "bad_rule", "`any` is empty."),
        ({"all": [{"all": []}]}, "all[0]", "bad_rule", "`all` is empty."),
        ({"all": [FRANCE], "name": ""}, "rule", "bad_rule", "A group's name is text."),
        ({"version": 2, "all": []}, "version", "bad_rule", "The rule is of version 2, and this Coterie reads version 1."),
        ({"entity": 5, "all": []}, "entity", "bad_rule", '"entity" is a kind of entity.'),
        ({"not": {"all": [FRANCE, 7]}}, "not.all[1]", "bad_rule", "7 is not a condition."),
        ({"all": [FRANCE | {"opp": 1}]}, "all[0]", "bad_rule", 'The key "opp" does not belong here. Did you mean "op"?'),
        ({"all": [{"tag": "a", "list": "b"}]}, "all[0]", "bad_rule", '"tag" and "list" stand in one condition.'),
        ({"tag": "", "op": "exists"}, "rule", "bad_rule", '"tag" is no text.'),
        ({"tag": "a"}, "rule", "bad_rule", '"op" is missing. Write one of eq, ne,'),
        ({"tag": "a", "op": ">", "value": 1}, "rule", "unknown_operator", 'There is no operator ">". Did you mean "gt"?'),
        ({"tag": "a", "op": ["eq"], "value": 1}, "rule", "unknown_operator", "There is no operator"),
        ({"tag": "a", "op": "eq"}, "rule", "bad_rule", '"value" is missing. Write one value.'),
        ({"tag": "a", "op": "exists", "value": 1}, "rule", "bad_rule", '"exists" takes no value. Leave "value" out.'),
        ({"tag": "a", "op": "eq", "value": {"ago": "30"}}, "rule", "bad_value", '"30" is not a span of time.'),
        ({"tag": "a", "op": "eq", "value": {"before": "30d"}}, "rule", "bad_value", 'is {"ago": "30d"} or {"ahead": "7d"}.'),
        ({"events": "o", "op": "gte"}, "rule", "bad_rule", '"value" is missing.'),
        ({"events": "o", "value": 3}, "rule", "bad_rule", '"op" is missing.'),
        ({"events": "o", "op": "contains", "value": "x"}, "rule", "wrong_operator", "Use eq, ne, gt, gte, lt, lte, between."),
        ({"events": "o", "never": False}, "rule", "bad_rule", 'Write "never": true'),
        ({"events": "o", "never": True, "at_least": 1}, "rule", "bad_rule", '"never" and "at_least" stand together.'),
        ({"events": "o", "measure": "summ"}, "rule", "bad_rule", 'There is no measure "summ". Did you mean "sum"?'),
        ({"events": "o", "measure": "sum", "op": "gte", "value": 1}, "rule", "bad_rule", '"sum" needs a field.'),
        ({"events": "o", "of": "x"}, "rule", "bad_rule", '"count" counts events and takes no field.'),
        ({"events": "o", "measure": "sum", "of": "x"}, "rule", "bad_rule", '"op" and "value" are missing.'),
        ({"events": "o", "within": "30 days"}, "rule", "bad_value", '"30 days" is not a span of time.'),
        ({"events": "o", "within": "0d"}, "rule", "bad_value", 'The span "0d" is empty. Write at least "1d".'),
        ({"events": "o", "within": "400y"}, "rule", "bad_value", 'The span "400y" is over a hundred years.'),
        ({"events": "o", "within": "1d", "between": ["2d", "1d"]}, "rule", "bad_rule", "stand together."),
        ({"events": "o", "between": "30d"}, "rule", "bad_value", '"between" needs two spans. Write ["90d", "30d"].'),
        ({"all": [{"events": "o", "where": FRANCE}]}, "all[0].where", "bad_rule", "This is not a condition on a field."),
        (
            {"any": [{"events": "o", "where": {"all": [{"field": "a", "op": "exists"}, {"not": {"field": "b"}}]}}]},
            "any[0].where.all[1].not", "bad_rule", '"op" is missing.',
        ),
        ({"audience": "x", "snapshot": 3}, "rule", "bad_rule", '"snapshot" is no text.'),
        ('{"all": [', "rule", "bad_rule", "This is not JSON: Expecting value, line 1 column 10."),
        ('{"tag": "a", "op": "eq", "value": NaN}', "rule", "bad_value", "NaN is no value to compare with."),
        ('{"tag": "a", "op": "eq", "value": ' + "9" * 5000 + "}", "rule", "bad_rule", "a number has thousands of digits."),
        ('{"tag": "a", "op": "eq", "value": 12345678901234.5678}', "rule", "bad_value", "has more digits than JSON keeps."),
        ("[" * 100_000, "rule", "rule_too_large", "The rule is nested too deeply."),
        (nested(31), ".".join(["not"] * 31), "rule_too_large", "nested over 30 levels deep"),
        (nested(200), ".".join(["not"] * 31), "rule_too_large", "nested over 30 levels deep"),
        ({"any": [FRANCE] * 10_000}, "rule", "rule_too_large", "made of over 200 groups and conditions"),
    ],
)  # fmt: skip
def test_problems_of_shape(raw: Any, place: str, code: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_rule(raw)
    assert (caught.value.code, caught.value.place) == (code, place)
    assert words in str(caught.value)


def test_all_problems_are_found_at_once() -> None:
    raw = {
        "all": [{"tag": "a"}, FRANCE, {"any": [{"events": "o", "where": {"field": "x", "op": "is"}}, 3]}, {"lst": "x"}]
    }
    _, problems = read_rule(raw)
    assert [(p.place, p.code) for p in problems] == [
        ("all[0]", "bad_rule"),
        ("all[2].any[0].where", "unknown_operator"),
        ("all[2].any[1]", "bad_rule"),
        ("all[3]", "bad_rule"),
    ]


def test_text_is_json_or_refused() -> None:
    assert load_json("[1.50]") == [Decimal("1.50")]
