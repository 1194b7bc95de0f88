"""The expression language: SQL and Python give the same value; what cannot be read says why."""

from __future__ import annotations

import inspect
import itertools
import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coterie.catalog.schemas import COLUMN_TYPES, ValueType
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused
from coterie.rules import parse_expression
from coterie.rules.functions import FUNCTIONS, SIGNS
from coterie.settings import Settings

T = ValueType
NAMES = {
    "n": T.INTEGER,
    "m": T.INTEGER,
    "d": T.DECIMAL,
    "`unit price`": T.DECIMAL,
    "x": T.NUMBER,
    "rfm.score": T.NUMBER,
    "b": T.BOOLEAN,
    "t": T.TEXT,
    "国家": T.TEXT,
    "day": T.DATE,
    "at": T.MOMENT,
    "since": T.MOMENT,
}
POOLS: dict[ValueType, list[Any]] = {
    T.INTEGER: [-7, -1, 0, 1, 2, 3, 10, 1_000_000],
    T.DECIMAL: [Decimal(x) for x in ("-2.5", "-0.0001", "0", "0.1", "1", "2.675", "1000000", "123456.7891")],
    T.NUMBER: [-3.5, -0.5, 0.0, 0.1, 0.5, 1.5, 2.5, 2.675, 700.0, 710.0, 1e200, 1e-300],
    T.BOOLEAN: [True, False],
    T.TEXT: ["", "a", "Abc", "straße", "ÉÀ", "中文", "İı", "O'N\\", "%"],
    T.DATE: [date(2024, 2, 29), date(2024, 12, 31), date(2000, 1, 1)],
    T.MOMENT: [
        datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC),
        datetime(2024, 3, 31, 1, 0, tzinfo=UTC),
        datetime(2024, 12, 31, 23, 30, tzinfo=UTC),
        datetime(1999, 1, 1, 4, 0, tzinfo=UTC),
    ],
}
LITERALS = {
    T.INTEGER: ["0", "1", "2", "7"],
    T.DECIMAL: ["0.5", "2.25", "0.001"],
    T.NUMBER: ["sqrt(2)", "exp(1)"],
    T.BOOLEAN: ["true", "False"],
    T.TEXT: ["'a'", '"bc"', "'中'"],
    T.DATE: ["day"],
    T.MOMENT: ["at"],
}
NUMERIC = [T.INTEGER, T.DECIMAL, T.NUMBER]


def expression(draw: st.DrawFn, kind: ValueType, depth: int) -> str:
    """Text of a random expression of a type."""

    def below(k: ValueType) -> str:
        return expression(draw, k, depth - 1)

    def number() -> str:
        return below(draw(st.sampled_from(NUMERIC)))

    names = [name for name, k in NAMES.items() if k is kind]
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(names + LITERALS[kind]))
    common = [
        lambda: f"if({below(T.BOOLEAN)}, {below(kind)}, {below(kind)})",
        lambda: f"coalesce({below(kind)}, {below(kind)})",
    ]
    if kind in (T.INTEGER, T.DECIMAL):
        made = [
            lambda: f"({below(kind)} {draw(st.sampled_from('+-*'))} {below(kind if depth < 2 else T.INTEGER)})",
            lambda: f"-{below(kind)}",
            lambda: f"abs({below(kind)})",
            lambda: f"round({below(kind)}, {draw(st.integers(0, 3))})",
            lambda: f"{draw(st.sampled_from(['min', 'max']))}({below(kind)}, {below(kind)})",
        ]
        if kind is T.INTEGER:
            part = draw(st.sampled_from(["year", "month", "day", "weekday", "hour"]))
            made += [
                lambda: f"length({below(T.TEXT)})",
                lambda: f"{part}({below(T.MOMENT)})",
                lambda: f"days_between({below(T.MOMENT)}, {below(T.DATE)})",
            ]
    elif kind is T.NUMBER:
        made = [
            lambda: f"({number()} / {number()})",
            lambda: f"({number()} {draw(st.sampled_from('+-*'))} {below(T.NUMBER)})",
            lambda: f"{draw(st.sampled_from(['sqrt', 'log', 'exp']))}({number()})",
            lambda: f"{draw(st.sampled_from(['floor', 'ceil', 'abs']))}({below(T.NUMBER)})",
        ]
    elif kind is T.BOOLEAN:
        same = draw(st.sampled_from([k for k in POOLS if k is not T.BOOLEAN]))
        sign = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
        made = [
            lambda: f"({below(same)} {sign} {below(same)})",
            lambda: f"({number()} {sign} {number()})",
            lambda: f"({below(T.BOOLEAN)} and {below(T.BOOLEAN)})",
            lambda: f"({below(T.BOOLEAN)} or {below(T.BOOLEAN)})",
            lambda: f"(not {below(T.BOOLEAN)})",
            lambda: f"({below(T.TEXT)} {draw(st.sampled_from(['in', 'not in']))} ('a', '中文'))",
            lambda: (
                f"{draw(st.sampled_from(['contains', 'starts_with', 'ends_with']))}({below(T.TEXT)}, {below(T.TEXT)})"
            ),
            lambda: f"({below(T.DATE)} >= '2024-02-29')",
            lambda: f"({below(T.MOMENT)} < '2024-03-31T02:00')",
        ]
    elif kind is T.TEXT:
        made = [lambda: f"{draw(st.sampled_from(['lower', 'upper']))}({below(T.TEXT)})"]
    else:
        made = []
    return draw(st.sampled_from([*common, *made]))()


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Text of a random expression."""
    return expression(draw, draw(st.sampled_from(list(POOLS))), 3)


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    """An engine with one table of random rows, half of their values rare ones, a fifth missing."""
    rng = random.Random(5)
    rows = [{n: None if rng.random() < 0.2 else rng.choice(POOLS[k]) for n, k in NAMES.items()} for _ in range(40)]
    with Engine.open(Settings({"threads": 1, "memory_limit_mb": 512})) as engine:
        columns = ", ".join(f"{quote_name(n.strip('`'))} {COLUMN_TYPES[k]}" for n, k in NAMES.items())
        engine.execute(f"CREATE TABLE t (number INTEGER, {columns})")
        values = ", ".join(f"({i}, {', '.join(_literal(v) for v in row.values())})" for i, row in enumerate(rows))
        engine.execute(f"INSERT INTO t VALUES {values}")
        engine.known = rows  # type: ignore[attr-defined]
        yield engine


def _literal(value: Any) -> str:
    return f"'{value!r}'::DOUBLE" if isinstance(value, float) else quote_value(value)


def resolve(name: str) -> tuple[str, ValueType]:
    kinds = {n.strip("`"): k for n, k in NAMES.items()}
    return quote_name(name), kinds[name]


@given(expressions(), st.sampled_from(["UTC", "Europe/Paris", "Asia/Shanghai"]))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_sql_and_python_agree(shared: Engine, text: str, zone: str) -> None:
    read = parse_expression(text)
    try:
        sql, kind = read.sql(resolve, zone=zone)
    except Refused as problem:
        assert problem.code == "bad_expression" and "digits" in problem.message
        return
    fetched = f"epoch_us({sql})" if kind is T.MOMENT else sql
    for (found,), row in zip(shared.rows(f"SELECT {fetched} FROM t ORDER BY number"), shared.known, strict=True):  # type: ignore[attr-defined]
        value = read.evaluate({n.strip("`"): v for n, v in row.items()}, zone=zone)
        if kind is T.MOMENT and found is not None:
            found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found)
        assert same(found, value), (text, zone, row, found, value)


def same(found: Any, value: Any) -> bool:
    """Equal; floating numbers to 9 significant digits, as they are stored."""
    if isinstance(found, float) and value is not None:
        return math.isclose(found, float(value), rel_tol=1e-9, abs_tol=1e-300)
    return bool(found == value) and (found is None) == (value is None)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("Quantity * UnitPrice", {"Quantity": -3, "UnitPrice": Decimal("0.10")}, Decimal("-0.30")),
        ("a / b", {"a": 1, "b": 0}, None),
        ("a / b", {"a": 1, "b": 4}, 0.25),
        ("coalesce(a, b, 7)", {"a": None, "b": None}, 7),
        ("if(a > 1, 'big', 'small')", {"a": None}, "small"),
        ("a > 1", {"a": None}, None),
        ("a > 1 and b", {"a": None, "b": False}, False),
        ("log(a)", {"a": 0}, None),
        ("sqrt(a)", {"a": -1}, None),
        ("min(a, b)", {"a": 1, "b": None}, None),
        ("round(a, 1)", {"a": Decimal("2.25")}, Decimal("2.3")),
        ("round(a)", {"a": -2.5}, -3.0),
        ("weekday(day)", {"day": date(2024, 5, 5)}, 7),
        ("days_between(a, b)", {"a": date(2024, 2, 28), "b": date(2024, 3, 1)}, 2),
        ("a * b", {"a": 2**62, "b": 4}, None),
        ("a * a", {"a": float("nan")}, None),
        ("`class` + from", {"class": 1, "from": 2}, 3),
        ("Country in ('France', 'Germany')", {"Country": "Germany"}, True),
        ("starts_with(InvoiceNo, 'C')", {"InvoiceNo": "C123"}, True),
        ("-2.5", {}, Decimal("-2.5")),
        ("1 +\n 2 + 3", {}, 6),
    ],
)
def test_values(text: str, values: dict[str, Any], expected: Any) -> None:
    assert parse_expression(text).evaluate(values) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The expression is empty."),
        ("a +", '"a +" cannot be read.'),
        ("a = 1", "Write == for equal."),
        ("a <> 1", "Write != for not equal."),
        ("Annual Income * 2", "Write a name with spaces in backticks: `Annual Income`."),
        ("a && b", "Write `and`."),
        ("a ** 2", '"a ** 2" cannot be read.'),
        ("a // 2", '"a // 2" cannot be read.'),
        ("a[0]", '"[" is not understood.'),
        ("[x for x in y]", '"[" is not understood.'),
        ("lambda: 1", '":" is not understood.'),
        ("(lambda)(1)", "cannot be read"),
        ("a.b.c(1)", 'There is no function "a.b.c".'),
        ("eval('1')", 'There is no function "eval".'),
        ("lenght(t)", 'There is no function "lenght". Did you mean "length"?'),
        ("round(a, b, c)", "`round()` takes 1 to 2 values, and has 3."),
        ("if(a, b)", "`if()` takes 3 values, and has 2."),
        ("1 < a < 3", "Write a < b and b < c."),
        ("abs(x=1)", "Write == for equal."),
        ("abs(*a)", "cannot be read"),
        ("a in b", "`in` needs values in parentheses."),
        ("'unclosed", "Close the text with the same quote."),
        ("2nd_price", '"2nd_price" is neither a number nor a name.'),
        ("1e400 * a", "has too many digits"),
        ("(" * 150 + "a" + ")" * 150, "It is nested too deeply."),
        ("not " * 400 + "a", "nested too deeply"),
        ("-" * 1000 + "a", "nested too deeply"),
        ("a+" * 900 + "a", "nested too deeply"),
        ("a" * 3000, "It has 3,000 characters."),
        ("a if b else c", "cannot be read"),
        ("(a, b)", "cannot be read"),
        ("a; b", '";" is not understood.'),
    ],
)
def test_what_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_expression(text, place="--amount")
    assert caught.value.code == "bad_expression" and caught.value.place == "--amount"
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n + t", '`+` needs numbers, and "t" is of type text.'),
        ("t > 1", "`>` needs values of one type, and got integer and text."),
        ("if(n, 1, 2)", "`if()` needs a condition first"),
        ("if(b, 1, 'a')", "`if()` needs values of one type, and got integer and text."),
        ("hour(day)", "`hour()` needs a moment"),
        ("day > 'soon'", '`>` needs a date, and "soon" is none.'),
        ("round(x, n)", "needs the number of digits as 0 to 9"),
        ("d * d * d * d * d", "would have 20 digits after the point"),
        ("b < b", "`<` does not compare values of type boolean."),
        ("min(" * 12 + "n" + ", 1)" * 12, "It is too large."),
    ],
)
def test_types_that_do_not_fit(text: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_expression(text).sql(resolve)
    assert words in str(caught.value)


def test_an_unknown_name_has_a_near_one() -> None:
    with pytest.raises(Refused) as caught:
        parse_expression("Quantty * 2").check_names(["Quantity", "UnitPrice"])
    assert str(caught.value) == '`unknown_name` at `expression`: There is no field "Quantty". Did you mean "Quantity"?'


@pytest.mark.parametrize("text", ["a + b", "a - b", "a * b", "-a", "abs(a)", "a + 0.5", "a * 0.5 > b"])
def test_whole_numbers_at_their_ends(shared: Engine, text: str) -> None:
    """What outgrows 64 bits is missing, in both."""
    read = parse_expression(text)
    for a, b in itertools.product([2**63 - 1, -(2**63), 2**62, 4, -1], repeat=2):
        sql, _ = read.sql({"a": ("a", T.INTEGER), "b": ("b", T.INTEGER)}.__getitem__)
        columns = f"SELECT ({a})::BIGINT AS a, ({b})::BIGINT AS b"
        assert shared.value(f"SELECT {sql} FROM ({columns})") == read.evaluate({"a": a, "b": b}), (text, a, b)


def test_nothing_written_reaches_sql_unquoted() -> None:
    sql, _ = parse_expression('t == "x\'; DROP TABLE t; --"').sql(resolve)
    assert sql == "(\"t\" = 'x''; DROP TABLE t; --')"


def test_every_function_is_run_by_the_property() -> None:
    """A function added to the table must be added to the random expressions above."""
    here = inspect.getsource(expression)
    assert [name for name in FUNCTIONS if name not in SIGNS and name not in here] == []
