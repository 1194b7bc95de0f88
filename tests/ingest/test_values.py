"""How values are read: the SQL of the pass against a short Python reading of the same words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.catalog.schemas import ValueType
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.ingest.columns import ColumnType, parse_type, parse_types
from coterie.ingest.readings import reading
from coterie.ingest.tally import plain_type, tallies
from coterie.settings import Settings

BLANKS = ["", " ", "\t", "\u00a0", "\u3000 ", "\ufeff", None]
DIGITS = st.text("0123456789", min_size=1, max_size=21)
WORDS = st.one_of(
    st.sampled_from(
        [*BLANKS, "nan", "NaN", "inf", "-Infinity", "1e400", "0x1F", "1_000", "1,5", "+5", "007", "5.0", "5."]
    ),
    st.sampled_from(
        [".5", "-.5", "-0", "1e3", "-1.5E-3", "12abc", "１２", "9223372036854775807", "9223372036854775808", "-"]
    ),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(-(10**9), 10**9, places=3).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.builds(lambda a, b: f" {a}.{b} ", DIGITS, DIGITS),
    st.text(max_size=6).filter(lambda t: "\0" not in t),
)


@pytest.fixture(scope="module")
def sql() -> Iterator[Engine]:
    with Engine.open(Settings({"threads": 1})) as engine:
        yield engine


def read(
    engine: Engine, words: Sequence[str | None], kind: ColumnType, zone: str = "UTC"
) -> list[tuple[Any, bool, bool]]:
    """(value, fits, loses) of each word by the pass's SQL."""
    one = reading("r", "v", kind, zone)
    rows = ", ".join(f"({i}, {quote_value(w)}::VARCHAR)" for i, w in enumerate(words))
    output = one.output or "v"
    shown = f"({output})::VARCHAR" if kind.type is ValueType.MOMENT else output
    return engine.rows(
        f"SELECT {shown}, {one.fits or 'true'} IS TRUE, ({one.loses or 'false'}) IS TRUE FROM "
        f"(SELECT *, {one.value} AS v FROM (VALUES {rows}) AS t(i, r)) ORDER BY i"
    )


def is_blank(word: str | None) -> bool:
    return word is None or re.fullmatch("[ \t\n\v\f\r\u00a0\u3000\ufeff\u200b]*", word) is not None


def is_nan(word: str | None) -> bool:
    return word is not None and word.strip(" ") in ("nan", "NaN", "NAN")


@settings(deadline=None, max_examples=40)
@given(st.lists(WORDS, min_size=1, max_size=40))
def test_integers_are_exact_or_refused(sql: Engine, words: list[str | None]) -> None:
    for word, (value, fits, _) in zip(words, read(sql, words, ColumnType(ValueType.INTEGER)), strict=True):
        if is_blank(word) or is_nan(word):
            assert (value, fits) == (None, True)
        elif match := re.fullmatch(r"[ \t\n\v\f\r]*(-?(?:0|[1-9][0-9]*))(\.0?)?[ \t\n\v\f\r]*", word or ""):
            held = -(2**63) <= int(match[1]) < 2**63
            assert fits == held
            assert not held or value == int(match[1])
        else:
            assert not fits


@settings(deadline=None, max_examples=40)
@given(st.lists(WORDS, min_size=1, max_size=40))
def test_decimals_lose_no_digit(sql: Engine, words: list[str | None]) -> None:
    for word, (value, fits, loses) in zip(words, read(sql, words, ColumnType(ValueType.DECIMAL, scale=4)), strict=True):
        if is_blank(word) or is_nan(word):
            assert (value, fits) == (None, True)
            continue
        plain = re.fullmatch(r"[ \t\n\v\f\r]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))[ \t\n\v\f\r]*", word or "")
        if plain is None:
            assert not fits
        elif fits:
            assert value == Decimal(plain[1])
        else:
            exact = Decimal(plain[1])
            identifier = re.fullmatch(r"(0[0-9]+|\+[0-9]+)", plain[1])
            assert identifier or abs(exact) >= 10**14 or exact != round(exact, 4)
            assert loses  # a number is never a reject of a decimal column


@settings(deadline=None, max_examples=40)
@given(st.lists(WORDS, min_size=1, max_size=40))
def test_numbers_are_finite(sql: Engine, words: list[str | None]) -> None:
    for word, (value, fits, _) in zip(words, read(sql, words, ColumnType(ValueType.NUMBER)), strict=True):
        if is_blank(word) or is_nan(word):
            assert (value, fits) == (None, True)
        elif fits:
            assert math.isfinite(value)
            assert value == float((word or "").strip())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.dates(date(1, 1, 1), date(9999, 12, 31)), min_size=1, max_size=20))
def test_dates_come_back(sql: Engine, days: list[date]) -> None:
    iso = [f"{d:%Y}".zfill(4) + f"-{d.month:02}-{d.day:02}" for d in days]
    assert [(v, f) for v, f, _ in read(sql, iso, ColumnType(ValueType.DATE))] == [(d, True) for d in days]
    days = [d for d in days if d.year >= 1000]
    german = [f"{d.day}.{d.month}.{d.year}" for d in days] or ["1.1.1000"]
    kind = ColumnType(ValueType.DATE, formats=("%d.%m.%Y",))
    assert [v for v, _, _ in read(sql, german, kind)] == (days or [date(1000, 1, 1)])


@pytest.mark.parametrize(
    "word", ["epoch", "infinity", "2011-02-30", "2011-12-10 08:00", "0044-01-01 (BC)", "10000-01-01", "24-01-01"]
)
def test_words_that_are_no_dates(sql: Engine, word: str) -> None:
    assert read(sql, [word], ColumnType(ValueType.DATE))[0][1] is False
    moment = ColumnType(ValueType.MOMENT, formats=("%Y-%m-%d %H:%M:%S",))
    assert read(sql, [word], moment)[0][1] is False


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(["UTC", "Europe/Paris", "Asia/Shanghai", "America/New_York"]),
)
def test_naive_moments_are_of_the_workspace_zone(sql: Engine, moments: list[datetime], zone: str) -> None:
    words = [m.isoformat(sep=" ", timespec="microseconds") for m in moments]
    kind = ColumnType(ValueType.MOMENT, formats=("%Y-%m-%d %H:%M:%S.%f",))
    for moment, (text, fits, _) in zip(moments, read(sql, words, kind, zone), strict=True):
        assert fits
        wanted = moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if wanted.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == moment and wanted.year > 1950:  # the hour exists
            assert datetime.fromisoformat(text) in (
                wanted,
                moment.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC),
            )


def test_moments_with_an_offset(sql: Engine) -> None:
    kind = ColumnType(ValueType.MOMENT, formats=("%Y-%m-%dT%H:%M:%S",), zoned="some")
    words = [
        "2011-12-10T08:00:00Z",
        "2011-12-10T08:00:00+08:00",
        "2011-12-10T08:00:00",
        "2011-12-10T08:00:00+0800",
        "x+08",
    ]
    found = read(sql, words, kind, "Asia/Shanghai")
    assert [t for t, _, _ in found] == ["2011-12-10 08:00:00+00", *["2011-12-10 00:00:00+00"] * 3, None]
    assert [f for _, f, _ in found] == [True] * 4 + [False]


def test_lists_and_paths(sql: Engine) -> None:
    assert [v for v, _, _ in read(sql, ["a; b ;;", '["x,y", "z"]', "[]", " "], parse_type("texts", "c"))] == [
        ["a", "b"],
        ["x,y", "z"],
        [],
        None,
    ]
    assert [v for v, _, _ in read(sql, ["city/district/", ""], parse_type("path", "c"))] == [["city", "district"], None]


def test_declared_booleans_take_more_words(sql: Engine) -> None:
    words = ["yes", "N", "1", "f", "TRUE", "maybe", ""]
    found = read(sql, words, parse_type("boolean", "c"))
    assert [v for v, _, _ in found] == [True, False, True, False, True, None, None]
    assert [f for _, f, _ in found] == [True] * 5 + [False, True]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["1", "2", ""], "integer"),
        (["1.0", "2.0", "nan"], "integer"),
        (["007", "12"], None),
        (["+8613812345678"], None),
        (["123456789012345678"], "integer"),
        (["123456789012345678", "0.5"], None),
        (["12345678901234567890"], None),
        (["1.50", "2"], "decimal"),
        (["1e3", "2.5"], "number"),
        (["0.12345678901"], "number"),
        (["true", "False"], "boolean"),
        (["yes", "no"], None),
        ([" 1 ", "2"], "integer"),
    ],
)
def test_the_type_that_values_ask_for(sql: Engine, values: list[str], wanted: str | None) -> None:
    rows = ", ".join(f"({quote_value(v)})" for v in values)
    found = plain_type(tallies(sql, f"(SELECT * FROM (VALUES {rows}) AS t(c))", {"c": "c"})["c"])
    assert (found.type.value if found else None) == wanted


def test_a_declared_type_that_does_not_exist_is_told() -> None:
    with pytest.raises(Refused, match=r'`bad_types` at `--types age`: "integr" is no type. Did you mean "integer"'):
        parse_types("name=text,age=integr")
    with pytest.raises(Refused, match=r"decimal\(20\) cannot be kept"):
        parse_types({"a": "decimal(20)"})
    with pytest.raises(Refused, match="is no way to write a date"):
        parse_types({"a": "date(dmy)"})
