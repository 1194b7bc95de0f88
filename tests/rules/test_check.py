"""Checks against the world: unknown names, operators and values that do not fit, with place and fix."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from coterie.errors import NotFound, Refused
from coterie.rules import PlainResolver, bind_rule, check_rule, compile_rule, parse_rule, rule_problems

from .world import vocabulary

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)
GERMANY = {"field": "Country", "op": "eq", "value": "Germany"}


def tag(name: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"tag": name, "op": op} if value is None else {"tag": name, "op": op, "value": value}


def sums(of: str, **more: Any) -> dict[str, Any]:
    return {"events": "orders", "measure": "sum", "of": of, "op": "gte", "value": 1} | more


@pytest.mark.parametrize(
    ("leaf", "code", "words"),
    [
        (tag("countri", "exists"), "unknown_name", 'There is no tag "countri". Did you mean "country"?'),
        (tag("size", "exists"), "bad_rule", '"size" is a tag of accounts, and the rule is about customers.'),
        (tag("age", "contains", "1"), "wrong_operator", '"contains" does not apply to "age", of type integer. Use eq, ne, gt, gte,'),
        (tag("country", "any_of", ["a"]), "wrong_operator", "starts_with, ends_with, matches, exists or not_exists."),
        (tag("embedding", "eq", 1), "wrong_operator", "Use exists or not_exists."),
        (tag("country", "eq", 3), "bad_value", '"country" holds text, and 3 is a number. Write 3 in quotes: "3".'),
        (tag("country", "eq", True), "bad_value", '"country" holds text, and true is true or false. Write true in quotes: "true".'),
        (tag("country", "in", "France"), "bad_value", 'This operator needs a list of values. Write a list: ["France"].'),
        (tag("country", "in", []), "bad_value", "The list is empty."),
        (tag("country", "in", ["a", 1]), "bad_value", '"country" holds text, and 1 is a number.'),
        (tag("country", "in", ["x"] * 10_001), "bad_value", "The list has 10,001 values. Upload more than 10,000 values as a list."),
        (tag("country", "contains", ""), "bad_value", "The text is empty. To find any value, use `exists`."),
        (tag("country", "matches", "(a"), "bad_pattern", "Every `(` needs its `)`."),
        (tag("country", "eq", "a\0b"), "bad_value", "The text holds a character that no data can hold."),
        (tag("country", "eq", "\ud800"), "bad_value", "The text holds a character that no data can hold."),
        (tag("country", "eq", "x" * 5000), "bad_value", "The text has 5,000 characters. At most 4,000."),
        (tag("age", "eq", "18"), "bad_value", '"age" holds numbers, and "18" is text. Write 18 without quotes.'),
        (tag("age", "eq", "old"), "bad_value", '"age" holds numbers, and "old" is text. Write a number.'),
        (tag("age", "eq", True), "bad_value", '"age" holds numbers, and true is true or false.'),
        (tag("age", "eq", [18]), "bad_value", '"age" holds numbers, and [18] is a list.'),
        (tag("age", "eq", 2**70), "bad_value", "is too large. Write one up to 9223372036854775807."),
        (tag("age", "eq", 10**1000), "bad_value", "is too large."),
        (tag("age", "eq", float("nan")), "bad_value", '"NaN" is no value to compare with. Write a finite number.'),
        (tag("score", "eq", float("inf")), "bad_value", "is no value to compare with. Write a finite number."),
        (tag("score", "gt", 10**400), "bad_value", "is too large. Write a number below 1e308."),
        (tag("rfm.monetary", "eq", 0.12345678912), "bad_value", "has over 9 digits after the point. Write 0.123456789."),
        (tag("age", "between", [5, 3]), "bad_value", "5 is greater than 3, so that no value lies between. Write the lower value first."),
        (tag("age", "between", 5), "bad_value", "`between` needs two values. Write [low, high]."),
        (tag("vip", "eq", "true"), "bad_value", '"vip" holds true or false, and "true" is text. Write true or false, without quotes.'),
        (tag("birthday", "eq", "31.12.2023"), "bad_moment", '"31.12.2023" is not a date. Write "2011-12-10".'),
        (tag("birthday", "eq", "2023-02-30"), "bad_moment", '"2023-02-30" is not a date.'),
        (tag("birthday", "eq", 20231231), "bad_value", '"birthday" holds dates, and 20231231 is a number. Write "2011-12-10" or {"ago": "30d"}.'),
        (tag("birthday", "eq", {"ago": "24h"}), "bad_value", '"birthday" holds dates, which have no hours. Write days: "1d".'),
        (tag("birthday", "within_last", "3h"), "bad_value", '"birthday" holds dates, which have no hours.'),
        (tag("birthday", "within_last", 30), "bad_value", '30 is not a span of time. Write a number and a unit: "24h", "30d"'),
        (tag("birthday", "between", [{"ago": "1d"}, {"ago": "3d"}]), "bad_value", "2024-04-30 is greater than 2024-04-28"),
        (tag("rfm.last_at", "gt", "now"), "bad_value", '"now" would make the count unrepeatable. Write {"ago": "0d"}.'),
        (tag("rfm.last_at", "gt", "soon"), "bad_moment", '"soon" is not a moment.'),
        (tag("rfm.last_at", "gt", "0001-01-01T00:00+14:00"), "bad_moment", '"0001-01-01T00:00+14:00" is not a moment.'),
        (tag("interests", "any_of", "x"), "bad_value", "This operator needs a list of values."),
        (tag("region", "under", []), "bad_value", '[] is not a path. Write "Beijing > Chaoyang" or ["Beijing", "Chaoyang"].'),
        ({"events": "order"}, "unknown_name", 'There is no dataset "order". Did you mean "orders"?'),
        ({"events": "people"}, "bad_rule", '"people" holds profiles, not events. Its fields are tags: use a condition on a tag.'),
        ({"events": "products"}, "bad_rule", '"products" holds lookup, not events.'),
        ({"events": "visits"}, "bad_rule", '"visits" holds events of accounts, and the rule is about customers.'),
        ({"events": "deals", "within": "30d"}, "bad_rule", 'The rows of "deals" have no time.'),
        ({"events": "orders", "between": ["30d", "90d"]}, "bad_value", 'Nothing lies between "30d" and "90d" ago. Write the longer span first'),
        (sums("last_buy"), "unknown_field", '"last_buy" is not a field of "orders".'),
        (sums("Pric"), "unknown_field", 'Did you mean "Price"?'),
        (sums("products.Cst"), "unknown_field", 'Did you mean "products.Cost"'),
        (sums("Country"), "wrong_operator", '"sum" does not apply to "Country", of type text. It takes decimal, integer or number.'),
        (sums("Quantity * Country"), "bad_expression", '`*` needs numbers, and "e"."Country" is of type text.'),
        (sums("Quantity *"), "bad_expression", '"Quantity *" cannot be read.'),
        (sums("Price", value="5"), "bad_value", '"sum of orders" holds numbers, and "5" is text. Write 5 without quotes.'),
        (sums("Price", op="between", value=[2, 1]), "bad_value", "Write the lower value first."),
        ({"audience": "loyl"}, "unknown_name", 'There is no audience "loyl". Did you mean "loyal"?'),
        ({"audience": "loyal", "snapshot": "s2"}, "unknown_name", 'There is no snapshot of "loyal" "s2". There is: s1.'),
        ({"audience": "firms"}, "bad_rule", '"firms" is an audience of accounts, and the rule is about customers.'),
        ({"list": "vips"}, "unknown_name", 'There is no list "vips".'),
    ],
)  # fmt: skip
def test_problems_of_names_and_types(leaf: Any, code: str, words: str) -> None:
    firms = parse_rule({"entity": "account", "all": []})
    loyal = parse_rule({"all": []})
    resolver = PlainResolver({"loyal": loyal, "firms": firms}, {("loyal", "s1"): []}, {"vip list": []})
    rule = parse_rule({"any": [{"all": []} | {"all": [leaf]}, tag("vip", "exists")]})
    (problem,) = check_rule(rule, vocabulary(), as_of=AS_OF, resolver=resolver)
    assert (problem.code, problem.place) == (code, "any[0].all[0]")
    assert words in str(problem)
    assert isinstance(problem, NotFound) == (code == "unknown_name")
    with pytest.raises(Refused) as caught:
        compile_rule(rule, vocabulary(), as_of=AS_OF, resolver=resolver)
    assert caught.value.as_dict() == problem.as_dict()


@pytest.mark.parametrize(
    ("where", "place", "words"),
    [
        ({"field": "Contry", "op": "exists"}, "where", '"Contry" is not a field of "orders". Did you mean "Country"'),
        ({"any": [GERMANY, {"field": "Country", "op": "eq", "value": 1}]}, "where.any[1]", '"Country" holds text, and 1 is a number.'),
        ({"not": {"field": "products.SKU", "op": "gt", "value": 1}}, "where.not", '"products.SKU" holds text'),
        ({"field": "Order Id", "op": "gt", "value": 1}, "where", '"Order Id" holds text'),
    ],
)  # fmt: skip
def test_problems_under_where(where: Any, place: str, words: str) -> None:
    (problem,) = rule_problems({"all": [{"events": "orders", "where": where}]}, vocabulary())
    assert problem.place == f"all[0].{place}" and words in str(problem)


def test_all_problems_at_once_and_shapes_first() -> None:
    raw = {
        "all": [tag("agee", "exists"), tag("age", "eq", "x"), {"events": "orders", "where": GERMANY | {"field": "x"}}]
    }
    assert [p.place for p in rule_problems(raw, vocabulary())] == ["all[0]", "all[1]", "all[2].where"]
    assert [p.place for p in rule_problems({"all": [*raw["all"], {}]}, vocabulary())] == ["all[3]"]
    assert rule_problems({"all": [GERMANY | {"tag": "country"}]}, vocabulary())[0].code == "bad_rule"
    assert rule_problems(tag("age", "eq", 3), vocabulary()) == []


def test_a_circle_of_audiences_is_named() -> None:
    audiences = {
        "a": {"audience": "b"},
        "b": {"not": {"all": [{"audience": "c"}]}},
        "c": {"audience": "a"},
        "me": {"audience": "me"},
    }
    resolver = PlainResolver({name: parse_rule(raw) for name, raw in audiences.items()})
    with pytest.raises(Refused) as caught:
        bind_rule(parse_rule({"any": [{"audience": "a"}]}), vocabulary(), as_of=AS_OF, resolver=resolver)
    assert caught.value.code == "audience_cycle" and '"a" uses "b" uses "c" uses "a".' in str(caught.value)
    with pytest.raises(Refused, match='"c" uses "a" uses "b" uses "c"'):
        compile_rule(resolver.audience("c"), vocabulary(), as_of=AS_OF, resolver=resolver, name="c")


def test_audiences_that_double_are_refused_in_time() -> None:
    """Thirty audiences, each using the one before it twice, would open to a thousand million conditions."""
    audiences = {"a0": parse_rule(tag("vip", "exists"))}
    for n in range(30):
        audiences[f"a{n + 1}"] = parse_rule({"any": [{"audience": f"a{n}"}, {"audience": f"a{n}"}]})
    started = time.perf_counter()
    (problem, *_) = check_rule(parse_rule({"audience": "a30"}), vocabulary(), resolver=PlainResolver(audiences))
    assert problem.code == "rule_too_large" and time.perf_counter() - started < 2


def test_audiences_need_someone_to_ask() -> None:
    (problem,) = check_rule(parse_rule({"list": "x"}), vocabulary())
    assert (
        str(problem)
        == "`bad_rule` at `rule`: Audiences and lists cannot be looked up here. Count the rule in a workspace that has them."
    )
