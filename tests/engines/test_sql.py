"""Names and values written as SQL come back from DuckDB as they went in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.settings import Settings

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
DECIMALS = st.builds(
    lambda n, scale: Decimal(n).scaleb(-scale), st.integers(-(10**36), 10**36), st.integers(0, 36)
).filter(lambda d: len(format(d, "f").lstrip("-").replace(".", "")) <= 38)
MOMENTS = st.datetimes(
    datetime(1, 1, 2),
    datetime(9999, 12, 30),
    timezones=st.sampled_from([UTC, ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")]),
)


@pytest.fixture(scope="module")
def one() -> Iterator[Engine]:
    with Engine.open(Settings({"threads": 1})) as opened:
        yield opened


def back(engine: Engine, value: Any) -> Any:
    return engine.value(f"SELECT {quote_value(value)}")


@settings(deadline=None, max_examples=60)
@given(TEXTS)
@example("O'Neil \"x\" \\' $$ -- /* */ ; \n\r\t {} %s ? $1 日本\U0001f600\ufeff\u202e'")
def test_text(one: Engine, value: str) -> None:
    assert back(one, value) == value


@settings(deadline=None, max_examples=60)
@given(DECIMALS)
@example(Decimal("0.0000000000000000000000000000000000001"))
@example(Decimal("-0.00"))
@example(Decimal("1E+5"))
def test_decimals_stay_exact(one: Engine, value: Decimal) -> None:
    found = back(one, value)
    assert not isinstance(found, float)
    assert Decimal(found) == value


@settings(deadline=None, max_examples=60)
@given(MOMENTS)
def test_moments(one: Engine, value: datetime) -> None:
    found = back(one, value)
    assert found == value.astimezone(UTC)  # Python calls moments in skipped hours unequal to all others
    assert found.utcoffset() == timedelta(0)


@settings(deadline=None, max_examples=60)
@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**38) + 1, 10**38 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.dates(),
        st.lists(st.integers(-(2**62), 2**62), min_size=1),
        st.lists(TEXTS, min_size=1),
    )
)
@example(-0.0)
@example(5e-324)
@example(date(1, 1, 1))
def test_other_values(one: Engine, value: Any) -> None:
    found = back(one, value)
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, float):
        assert math.copysign(1, found) == math.copysign(1, value)


@settings(deadline=None, max_examples=60)
@given(TEXTS.filter(bool))
@example('a"b')
@example("select")
@example(" ")
def test_names(one: Engine, name: str) -> None:
    quoted = quote_name(name)
    assert one.columns(f"SELECT {quoted} FROM (SELECT 1 AS {quoted})") == [(name, "INTEGER")]


def test_empty_and_nested_lists(one: Engine) -> None:
    assert (back(one, []), back(one, [["a"], []]), back(one, ("x",))) == ([], [["a"], []], ["x"])


def test_numbers_of_numpy_and_pandas_count_as_what_they_are(one: Engine) -> None:
    import numpy as np
    import pandas as pd

    assert back(one, np.float64(1.5)) == 1.5
    assert back(one, pd.Timestamp("2024-05-01", tz="Europe/Paris")) == datetime(2024, 4, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (math.nan, "not a finite number"),
        (math.inf, "not a finite number"),
        (Decimal("NaN"), "not a finite number"),
        (Decimal("-Infinity"), "not a finite number"),
        (10**400, "more than 38 digits"),
        (Decimal("1E+38"), "more than 38 digits"),
        (Decimal("1E-38"), "more than 38 digits"),
        ("a\0b", "NUL"),
        ("\ud800", "surrogates"),
        (datetime(2024, 1, 1), "without a zone"),
    ],
)
def test_what_sql_cannot_hold_is_refused(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        quote_value(value)


@pytest.mark.parametrize("value", [b"bytes", {"a": 1}, object(), 1j, timedelta(1)])
def test_other_types_have_no_literal(value: Any) -> None:
    with pytest.raises(TypeError, match="no SQL literal for"):
        quote_value(value)


def test_moments_with_odd_offsets(one: Engine) -> None:
    odd = datetime(1900, 1, 1, tzinfo=timezone(timedelta(hours=8, minutes=5, seconds=43)))
    assert back(one, odd) == odd
