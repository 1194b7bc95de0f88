"""Each operator on each type, missing values and empty lists among them, by hand; and the docs that are made from the table."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coterie.catalog.schemas import COLUMN_TYPES, ValueType
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_value
from coterie.rules import GLOSSARY, MEASURES, OPERATORS, node_sentence, parse_rule
from coterie.rules.docs import rules_page
from coterie.rules.functions import FUNCTIONS

from .world import vocabulary

T = ValueType
AS_OF = datetime(2024, 5, 1, 12, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs" / "rules.md"

# operator, type, operand, {value: passes}
TRUTH: list[tuple[str, ValueType, Any, list[tuple[Any, bool]]]] = [
    ("eq", T.TEXT, "a", [("a", True), ("A", False), ("á", False), (None, False)]),
    ("ne", T.TEXT, "a", [("b", True), ("a", False), (None, False)]),
    ("eq", T.BOOLEAN, False, [(False, True), (True, False), (None, False)]),
    ("eq", T.DECIMAL, 0.1, [(Decimal("0.1000"), True), (Decimal("0.1001"), False), (None, False)]),
    ("ne", T.NUMBER, 0.3, [(0.1 + 0.2, True), (0.3, False), (None, False)]),
    ("gt", T.INTEGER, 2.5, [(3, True), (2, False), (None, False)]),
    ("gte", T.INTEGER, -1, [(-1, True), (-2, False), (None, False)]),
    ("lt", T.TEXT, "b", [("a", True), ("Z", True), ("中", False), (None, False)]),
    ("lte", T.DATE, "2024-03-31", [(date(2024, 3, 31), True), (date(2024, 4, 1), False), (None, False)]),
    ("between", T.INTEGER, [2, 4], [(2, True), (4, True), (5, False), (None, False)]),
    ("in", T.TEXT, ["a", "b", "a"], [("b", True), ("c", False), (None, False)]),
    ("not_in", T.INTEGER, [1, 2], [(3, True), (1, False), (None, False)]),
    ("contains", T.TEXT, "50%", [("is 50%!", True), ("500", False), (None, False)]),
    ("starts_with", T.TEXT, "a_", [("a_b", True), ("ab", False), (None, False)]),
    ("ends_with", T.TEXT, "中", [("在中", True), ("中文", False), (None, False)]),
    ("matches", T.TEXT, "^a.c$", [("abc", True), ("xabc", False), ("abc\n", False), (None, False)]),
    ("matches", T.TEXT, "b+", [("abbc", True), ("B", False)]),
    ("exists", T.TEXTS, None, [([], True), (["a"], True), (None, False)]),
    ("not_exists", T.TEXTS, None, [([], False), (None, True)]),
    ("not_exists", T.VECTOR, None, [([0.5], False), (None, True)]),
    ("any_of", T.TEXTS, ["a", "b"], [(["b", "c"], True), (["c"], False), ([], False), ([None], False), (None, False)]),
    ("all_of", T.TEXTS, ["a", "b"], [(["b", "a", "a"], True), (["a"], False), ([], False), (None, False)]),
    ("none_of", T.TEXTS, ["a", "b"], [(["c"], True), ([], True), (["a", None], False), (None, False)]),
    ("under", T.PATH, "北京 > 朝阳", [(["北京", "朝阳"], True), (["北京", "朝阳", "三里屯"], True), (["北京"], False), ([], False), (None, False)]),
    ("within_last", T.DATE, "1d", [(date(2024, 5, 1), True), (date(2024, 4, 30), False), (date(2024, 5, 2), False), (None, False)]),
    ("within_last", T.MOMENT, "24h", [(AS_OF, True), (datetime(2024, 4, 30, 12, tzinfo=UTC), False), (datetime(2024, 4, 30, 12, 0, 0, 1, UTC), True), (None, False)]),
    ("within_next", T.DATE, "1w", [(date(2024, 5, 8), True), (date(2024, 5, 9), False), (date(2024, 5, 1), False), (None, False)]),
    ("anniversary_today", T.DATE, None, [(date(1990, 5, 1), True), (date(2024, 5, 1), True), (date(1990, 5, 2), False), (None, False)]),
    ("anniversary_today", T.MOMENT, None, [(datetime(1990, 4, 30, 22, tzinfo=UTC), True), (datetime(1990, 5, 1, 22, tzinfo=UTC), False)]),
    ("anniversary_within_next", T.DATE, "7d", [(date(1990, 5, 8), True), (date(1990, 5, 9), False), (date(1990, 5, 1), False), (None, False)]),
    ("anniversary_within_last", T.DATE, "1y", [(date(1990, 5, 9), True), (date(1992, 2, 29), True), (None, False)]),
    ("anniversary_within_last", T.DATE, "9w", [(date(1990, 2, 28), False), (date(1992, 2, 29), True), (date(1990, 3, 1), True)]),
    ("gt", T.MOMENT, "2024-05-01", [(datetime(2024, 4, 30, 22, 30, tzinfo=UTC), True), (datetime(2024, 4, 30, 22, tzinfo=UTC), False)]),
    ("eq", T.DATE, {"ago": "1m"}, [(date(2024, 4, 1), True), (date(2024, 4, 2), False)]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "kind", "raw", "cases"), TRUTH)
def test_truth_in_python_and_sql(key: str, kind: ValueType, raw: Any, cases: Any, engine: Engine) -> None:
    operator, tz = OPERATORS[key], ZoneInfo("Europe/Paris")
    operand = operator.resolve(operator.read(raw, kind, tz, name="x", place="p"), kind, AS_OF, tz, "p")
    for value, passes in cases:
        assert operator.passes(value, operand) is passes, value
        cast = COLUMN_TYPES[kind] if kind in (T.TEXTS, T.PATH, T.VECTOR, T.DATE) else None
        literal = f"CAST({quote_value(value)} AS {cast})" if cast else quote_value(value)
        assert bool(engine.value(f"SELECT {operator.sql(literal, operand)}")) is passes, value


def test_every_operator_is_in_the_truth_table_with_a_missing_value() -> None:
    assert {key for key, *_ in TRUTH} == set(OPERATORS)
    for key in OPERATORS:
        assert any(value is None for k, _, _, cases in TRUTH if k == key for value, _ in cases), key


@pytest.mark.parametrize("key", OPERATORS)
def test_every_operator_has_words_in_both_languages(key: str) -> None:
    operator = OPERATORS[key]
    for words in (operator.sentence, operator.dates, operator.amount):
        assert words is None or (words.en and words.zh and words.en != words.zh) or words.en == "{v}"
    assert operator.label.en and operator.label.zh and "{x}" in operator.sentence.en and "{x}" in operator.sentence.zh


@pytest.mark.parametrize(
    ("raw", "english", "chinese"),
    [
        ({"tag": "country", "op": "ne", "value": "法国"}, 'country is not "法国"', "国家不为“法国”"),
        ({"tag": "age", "op": "gt", "value": 1234567}, "age is above 1,234,567", "age大于1,234,567"),
        ({"tag": "birthday", "op": "gte", "value": "2024-02-29"}, "birthday is on or after 2024-02-29", "birthday不早于2024-02-29"),
        ({"tag": "rfm.last_at", "op": "lte", "value": {"ago": "1y"}}, "rfm.last_at is on or before 1 year ago", "rfm.last_at不晚于1年前"),
        ({"tag": "birthday", "op": "eq", "value": {"ahead": "3w"}}, "birthday is in 3 weeks", "birthday为3周后"),
        ({"tag": "vip", "op": "eq", "value": False}, "vip is false", "vip为否"),
        ({"tag": "rfm.monetary", "op": "between", "value": [0.5, 20]}, "rfm.monetary is from 0.5 to 20", "rfm.monetary介于0.5与20之间"),
        ({"tag": "country", "op": "in", "value": list("abcdefgh")}, 'country is one of "a", "b", "c", "d", "e", "f", ... (8 in all)', "国家属于“a”、“b”、“c”、“d”、“e”、“f”等8个"),
        ({"tag": "region", "op": "under", "value": ["北京", "朝阳"]}, 'region lies under "北京 > 朝阳"', "region位于“北京 > 朝阳”之下"),
        ({"tag": "birthday", "op": "within_last", "value": "1d"}, "birthday is within the last 1 day", "birthday在最近1天内"),
        ({"tag": "gone", "op": "exists"}, "gone is known", "gone有值"),
        ({"events": "orders", "op": "between", "value": [2, 5]}, "they have 2 to 5 orders", "有2与5次orders"),
        ({"events": "gone", "where": {"field": "x", "op": "exists"}}, "they have gone (where x is known)", "有gone（x有值）"),
        (
            {"events": "orders", "measure": "max", "of": "When", "op": "lt", "value": {"ago": "30d"}},
            "the greatest When of orders is before 30 days ago", "orders的When最大值早于30天前",
        ),
        (
            {"name": "VIP", "any": [{"tag": "vip", "op": "eq", "value": True}, {"all": [{"list": "gold"}, {"audience": "loyal"}]}]},
            'in "VIP" (vip is true, or (they are on the list "gold", and they are in the audience "loyal"))',
            "“VIP”（vip为是，或（在名单“gold”中，且属于人群包“loyal”））",
        ),
    ],
)  # fmt: skip
def test_sentences(raw: Any, english: str, chinese: str) -> None:
    node = parse_rule(raw).root
    assert node_sentence(node, "en", vocabulary()) == english
    assert node_sentence(node, "zh", vocabulary()) == chinese


def test_the_page_is_made_from_the_tables() -> None:
    """Write it anew with `python -m coterie.rules.docs > docs/rules.md`."""
    assert PAGE.read_text(encoding="utf-8") == rules_page()
    for name in (*OPERATORS, *MEASURES, *FUNCTIONS):
        assert f"`{name}`" in rules_page(), name


def test_glossary_is_complete() -> None:
    terms = list(GLOSSARY.values())
    assert all(t.en and t.zh and t.meaning for t in terms)
    assert len({t.zh for t in terms}) == len(terms)
