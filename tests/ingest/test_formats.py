"""The same content in every format gives the same rows and types."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coterie.errors import Refused

if TYPE_CHECKING:
    from .conftest import Shop

NAMES = ("id", "at", "n", "amount", "city", "code", "day", "ok", "words")
# The first row's key has a leading zero, the second's is a phone number, the third's has more digits than a float holds.
ROWS: list[tuple[Any, ...]] = [
    ("007", datetime(2024, 1, 2, 8, 30), 3, Decimal("12.50"), "café", "00501", date(2024, 1, 1), True, ["a", "b"]),
    ("13812345678", datetime(2024, 2, 29), None, Decimal("-0.05"), "a,b;c|d", "10001", None, False, None),
    (
        "123456789012345678",
        datetime(2024, 12, 31, 23, 59, 59),
        -7,
        None,
        'say "hi"',
        "7",
        date(1999, 12, 31),
        None,
        ["x, y"],
    ),
    ("k4", datetime(2024, 3, 1, 12), 0, Decimal("1000000"), None, "00000", date(2024, 2, 29), True, []),
]
CHINESE = [(*row[:4], f"广州市{row[4] or ''}", *row[5:]) for row in ROWS]
TYPES = {
    "at": "moment",
    "n": "integer",
    "amount": "decimal",
    "city": "text",
    "code": "text",
    "day": "date",
    "ok": "boolean",
    "words": "texts",
}
DECLARED = {"words": "texts(;)"}  # a text cell does not tell that it is a list


def as_text(value: Any) -> str:
    """A value as a text file has it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def delimited(rows: list[tuple[Any, ...]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(NAMES)
    writer.writerows([as_text(v) for v in row] for row in rows)
    return out.getvalue()


def expected(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted((row[0], row[1].replace(tzinfo=UTC), *row[2:]) for row in rows)


def found(shop: Shop) -> list[tuple[Any, ...]]:
    """The rows of the lake."""
    return shop.rows("_entity, _at, n, amount, city, code, day, ok, words", order="_entity")


def check(shop: Shop, report: Any, rows: list[tuple[Any, ...]] = ROWS) -> None:
    """Rows and types are those wanted."""
    assert {c: report.types[c] for c in TYPES} == TYPES
    assert (report.read, report.accepted) == (len(rows), len(rows))
    assert found(shop) == expected(rows)


def zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.compress(data)


TEXTS: dict[str, tuple[str, bytes, list[tuple[Any, ...]]]] = {
    "comma": ("a.csv", delimited(ROWS).encode(), ROWS),
    "tab": ("a.tsv", delimited(ROWS, "\t").encode(), ROWS),
    "semicolon": ("a.csv", delimited(ROWS, ";").encode(), ROWS),
    "pipe": ("a.txt", delimited(ROWS, "|").encode(), ROWS),
    "caret": ("a.csv", delimited(ROWS, "^").encode(), ROWS),
    "gzip": ("a.csv.gz", gzip.compress(delimited(ROWS).encode()), ROWS),
    "two gzip members": (
        "a.csv.gz",
        b"".join(gzip.compress(line) for line in delimited(ROWS).encode().splitlines(keepends=True)),
        ROWS,
    ),
    "zstd": ("a.csv.zst", zstd(delimited(ROWS).encode()), ROWS),
    "packed, and not said so": ("a.csv", zstd(delimited(ROWS, ";").encode()), ROWS),
    "byte order mark": ("a.csv", b"\xef\xbb\xbf" + delimited(ROWS).encode(), ROWS),
    "windows line ends": ("a.csv", delimited(ROWS).replace("\n", "\r\n").encode(), ROWS),
    "no line end at the end": ("a.csv", delimited(ROWS).rstrip("\n").encode(), ROWS),
    "latin-1": ("a.csv", delimited(ROWS).encode("latin-1"), ROWS),
    "gbk": ("a.csv", delimited([CHINESE[1], CHINESE[2], CHINESE[3]]).encode("gbk"), CHINESE[1:]),
    "utf-16": ("a.csv", delimited(CHINESE).encode("utf-16"), CHINESE),
    "chinese": ("a.csv", delimited(CHINESE).encode(), CHINESE),
}


@pytest.mark.parametrize("form", TEXTS)
def test_delimited_texts(shop: Shop, form: str) -> None:
    name, content, rows = TEXTS[form]
    check(shop, shop.load(content, file=name, time="at", types=DECLARED), rows)


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value


def json_lines(rows: list[tuple[Any, ...]]) -> str:
    """Numbers with their digits: a decimal is written as a number, not as a text."""
    lines = []
    for row in rows:
        given = {n: plain(v) for n, v in zip(NAMES, row, strict=True) if v is not None}
        line = json.dumps(given, ensure_ascii=False)
        if "amount" in given:
            line = line.replace(f'"amount": "{given["amount"]}"', f'"amount": {given["amount"]}')
        lines.append(line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("file", "pack"), [("a.jsonl", bytes), ("a.ndjson.gz", gzip.compress), ("a.json.zst", zstd), ("a.txt", bytes)]
)
def test_json_lines(shop: Shop, file: str, pack: Callable[[bytes], bytes]) -> None:
    check(shop, shop.load(pack(json_lines(CHINESE).encode()), file=file, time="at"), CHINESE)


def test_json_array(shop: Shop) -> None:
    body = "[" + json_lines(ROWS).strip().replace("\n", ",\n") + "]"
    check(shop, shop.load("\ufeff" + body, file="a.json", time="at"))


def test_json_keeps_digits_and_flattens_objects(shop: Shop) -> None:
    lines = [
        '{"id": 123456789012345678, "p": {"a": {"b": 0.10}, "c/d": "x"}, "list": ["a", null], "o": {}}',
        '{"id": 17850.0, "p": {"a": null}, "list": []}',
        "",
        "[1]",
        '{"id": "cut',
        '{"id": 5, "p": {"a": {"b": 1e400}}}',
    ]
    report = shop.load("\n".join(lines), file="a.jsonl", types={"p.a.b": "decimal"})
    assert (report.read, report.accepted, report.reject_reasons) == (5, 2, {"bad_json": 2, "not_finite": 1})
    assert report.types["p.a.b"] == "decimal"
    assert shop.rows('_entity, "p.a.b", "p.c/d", "list"', order="_entity") == [
        ("123456789012345678", Decimal("0.1000"), "x", ["a", None]),
        ("17850", None, None, []),
    ]
    assert [r[:2] + r[3:] for r in shop.rejects()] == [
        (4, None, "bad_json"),
        (5, None, "bad_json"),
        (6, "p.a.b", "not_finite"),
    ]


def test_json_objects_of_different_keys(shop: Shop) -> None:
    lines = [
        '{"id": "a", "p": {}, "q": 1, "l": []}',
        '{"id": "b", "p": {"x": 1, "y": null}, "q": {"z": 2}, "l": ["v"]}',
        '{"id": "c", "p": {"x": 2, "y": true}, "q": "w", "l": null, "ids": [7, 8]}',
        '{"id": "d", "p": null, "rows": [{"sku": "s"}, {"sku": "t"}], "mix": [1, "x"]}',
    ]
    report = shop.load("\r\n".join(lines), file="a.jsonl")
    types = {
        "p.x": "integer",
        "p.y": "boolean",
        "q": "text",
        "l": "texts",
        "ids": "texts",
        "rows": "text",
        "mix": "texts",
    }
    assert dict(report.types) == {"id": "text"} | types
    assert shop.rows('_entity, "p.x", "p.y", q, l, ids', order="_entity") == [
        ("a", None, None, "1", [], None),
        ("b", 1, None, '{"z":2}', ["v"], None),
        ("c", 2, True, "w", None, ["7", "8"]),
        ("d", None, None, None, None, None),
    ]
    assert json.loads(shop.column("rows", order="_entity")[3]) == [{"sku": "s"}, {"sku": "t"}]


@pytest.mark.parametrize(
    "content",
    [
        json_lines(CHINESE).replace("\n", "\r\n", 1).encode(),
        json_lines(CHINESE).encode("gbk", "ignore"),
        (json_lines(CHINESE) + json.dumps({"id": "long", "city": "长" * 2_000_000}, ensure_ascii=False)).encode(),
        json_lines(CHINESE).encode() + b'{"id": "deep", "zz": ' + b'{"x":' * 500 + b"1" + b"}" * 501,
        b"\xef\xbb\xbf" + json_lines(CHINESE).encode().rstrip(b"\n"),
    ],
    ids=["both line ends", "gbk", "a long line", "nested deeply", "byte order mark"],
)
def test_json_lines_that_are_not_plain(shop: Shop, content: bytes) -> None:
    report = shop.load(content, file="a.jsonl", time=None)
    assert report.accepted >= 4
    keys = [row[0] for row in CHINESE]
    assert [r for r in shop.rows("_entity, n, code", order="_entity") if r[0] in keys] == sorted(
        (row[0], row[2], row[5]) for row in CHINESE
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{\n", "`no_rows` at `a.jsonl`: No line of the file holds a JSON object."),
        ('[{"id": 1}, ', "`unknown_format` at `a.jsonl`: The file is no JSON"),
        ("[1, 2]", "`no_rows`"),
        ('{"id": 1, "ID": 2}\n', "`duplicate_columns` at `a.jsonl:1`"),
        ("{" + ", ".join(f'"k{i}": 1' for i in range(2_001)) + "}", "have 2,001 different keys; at most 2,000"),
        ('{"id": "' + "x" * 17_000_000 + '"}\n{"id": 1}', "`line_too_long` at `a.jsonl:1`"),
    ],
)
def test_json_that_is_refused(shop: Shop, content: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        shop.load(content, file="a.jsonl")
    assert words in str(caught.value)
    assert shop.ctx.lake.data_version == 0


def workbook(path: Path, rows: list[Any], sheet: str = "orders") -> Path:
    import xlsxwriter

    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet(sheet)
        moment, day = (book.add_format({"num_format": f}) for f in ("yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"))
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                match value:
                    case datetime():
                        page.write_datetime(i, j, value, moment)
                    case date():
                        page.write_datetime(i, j, datetime.combine(value, datetime.min.time()), day)
                    case Decimal():
                        page.write_number(i, j, float(value))
                    case list():
                        page.write_string(i, j, json.dumps(value))
                    case None:
                        pass
                    case str():
                        page.write_string(i, j, value)
                    case _:
                        page.write(i, j, value)
    return path


def test_excel(shop: Shop) -> None:
    file = workbook(shop.folder / "a.xlsx", [NAMES, *CHINESE])
    check(shop, shop.load(file, time="at", types=DECLARED), CHINESE)


def test_excel_numbers_are_keys_without_a_point(shop: Shop) -> None:
    rows = [
        ("about this sheet",),
        (),
        ("id", "day", "zip", "n"),
        (17850.0, date(2010, 12, 1), "01002", 1),
        (13812345678.0, date(2010, 12, 2), "90210", "one"),
        ("00042", date(2010, 12, 3), "00000", 3.0),
        (None, date(2010, 12, 4), "1", 4),
    ]
    file = workbook(shop.folder / "a.xlsx", rows[2:], "first")
    report = shop.load(file, time="day", types={"n": "integer"})
    assert report.types == {"id": "text", "day": "moment", "zip": "text", "n": "integer"}
    assert shop.rows("_entity, _at::VARCHAR, zip, n", order="_entity") == [
        ("00042", "2010-12-03 00:00:00+00", "00000", 3),
        ("17850", "2010-12-01 00:00:00+00", "01002", 1),
    ]
    assert shop.rejects() == [(3, "n", "one", "not_integer"), (5, "id", None, "missing_entity")]


def test_excel_sheets(shop: Shop) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "notes"
    page = book.create_sheet("orders")
    page.append(["id", "n"])
    page.append(["a", 1])
    book.save(shop.folder / "a.xlsx")
    file = shop.folder / "a.xlsx"
    with pytest.raises(Refused, match="`empty_file` at `a.xlsx`: The sheet is empty."):
        shop.load(file)
    assert shop.load(file, mapping={"sheet": "orders"}).accepted == 1
    with pytest.raises(Refused, match='There is no sheet "ordrs". Did you mean "orders"'):
        shop.load(file, mapping={"sheet": "ordrs"})
    (shop.folder / "b.xlsx").write_bytes(file.read_bytes()[:300])
    with pytest.raises(Refused, match="`damaged_file` at `b.xlsx`"):
        shop.load(shop.folder / "b.xlsx")


def arrow(rows: list[tuple[Any, ...]]) -> Any:
    import pyarrow as pa

    kinds = [pa.string(), pa.timestamp("us", "UTC"), pa.int32(), pa.decimal128(10, 2), pa.string(), pa.string()]
    kinds += [pa.date32(), pa.bool_(), pa.list_(pa.string())]
    columns = zip(*((r[0], r[1].replace(tzinfo=UTC), *r[2:]) for r in rows), strict=True)
    return pa.table([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], names=list(NAMES))


def test_parquet(shop: Shop) -> None:
    import pyarrow.parquet as pq

    pq.write_table(arrow(CHINESE), shop.folder / "a.parquet")
    check(shop, shop.load(shop.folder / "a.parquet", time="at"), CHINESE)


def test_parquet_types_of_its_own(shop: Shop) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "id": pa.array([17850.0, None, 5.0]),
            "u": pa.array([2**64 - 1, 1, 2], pa.uint64()),
            "x": pa.array([1.5, float("nan"), float("inf")]),
            "s": pa.array([{"a": 1}, None, {"a": 2}]),
            "b": pa.array([b"x", b"y", b"z"]),
            "t": pa.array([datetime(2024, 1, 1), None, datetime(2024, 1, 2)], pa.timestamp("ns")),
            "cat": pa.array(["v", "w", "v"]).dictionary_encode(),
            "deep": pa.array([[["a"]], None, [["b"], []]]),
        }
    )
    pq.write_table(table, shop.folder / "a.parquet")
    report = shop.load(shop.folder / "a.parquet")
    assert report.reject_reasons == {"missing_entity": 1, "not_finite": 1}
    assert report.notes == ("Column b holds bytes; it is left out.",)
    rest = {"u": "text", "x": "number", "s": "text", "t": "moment", "cat": "text", "deep": "text"}
    assert report.types == {"id": "text", **rest}
    assert shop.rows("_entity, u, x, s, t::VARCHAR, cat, deep") == [
        ("17850", "18446744073709551615", 1.5, '{"a":1}', "2024-01-01 00:00:00+00", "v", '[["a"]]')
    ]


def test_later_parquet_files_join_the_dataset(shop: Shop) -> None:
    import pyarrow as pa

    first = {"id": ["a"], "d": [date(2024, 1, 1)], "n": [1], "m": [Decimal("1.50")], "w": ["x"], "t": [["a"]]}
    shop.load_frame(pa.table(first))
    second = {"id": ["b"], "d": [date(2024, 1, 2)], "n": [2.0], "m": [Decimal("2.123456")], "w": [7], "t": [["b", "c"]]}
    report = shop.load_frame(pa.table(second))
    assert report.types == {"id": "text", "d": "date", "n": "integer", "m": "decimal", "w": "text", "t": "texts"}
    assert shop.rows("_entity, d, n, m, w, t") == [
        ("a", date(2024, 1, 1), 1, Decimal("1.500000"), "x", ["a"]),
        ("b", date(2024, 1, 2), 2, Decimal("2.123456"), "7", ["b", "c"]),
    ]
    third = {"id": ["c"], "d": [datetime(2024, 1, 3, 8)], "n": [2.5]}
    assert shop.load_frame(pa.table(third)).types["d"] == "moment"
    assert shop.rows("d::VARCHAR, n", order="_entity DESC LIMIT 1") == [("2024-01-03 08:00:00+00", 2.5)]
    with pytest.raises(Refused, match="`type_changed` at `n`"):
        shop.load_frame(pa.table({"id": ["c"], "n": ["many"]}))


def test_columns_of_one_name_are_refused(shop: Shop) -> None:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table([["a"], [1], [2]], names=["id", "n", "N"])
    pq.write_table(table, shop.folder / "a.parquet")
    words = '`duplicate_columns` at `{}:1`: Columns 2 and 3 are both called "N"'
    with pytest.raises(Refused, match=words.format("a.parquet")):
        shop.load(shop.folder / "a.parquet")
    for frame in (table, pd.DataFrame({"id": ["a"], "n": [1], "N": [2]})):
        with pytest.raises(Refused, match=words.format("frame")):
            shop.load_frame(frame)
    (shop.folder / "b.parquet").write_bytes((shop.folder / "a.parquet").read_bytes()[:100])
    with pytest.raises(Refused, match="`damaged_file` at `b.parquet`"):
        shop.load(shop.folder / "b.parquet")


def test_nanoseconds_become_microseconds(shop: Shop) -> None:
    import pyarrow as pa

    moments = {"id": ["a"], "at": pa.array([1704067200123456000], pa.timestamp("ns"))}
    shop.load_frame(pa.table(moments), "frame", time="at")
    shop.load("id,at,seen\na,2024-01-01 00:00:00.123456000,2024-01-01T00:00:00.1234560Z\n", "csv", time="at")
    for name in ("frame", "csv"):
        assert shop.column("_at::VARCHAR", f"data/{name}") == ["2024-01-01 00:00:00.123456+00"]
    assert shop.column("seen::VARCHAR", "data/csv") == ["2024-01-01 00:00:00.123456+00"]


def test_names_that_only_json_allows(shop: Shop) -> None:
    shop.load('{"id": 1, "": 5, "a\'b": {"c\\"d": "x"}, "_row": 2, "line": 3}\n', file="a.jsonl")
    assert [f.name for f in shop.catalog.dataset("d").fields] == ["id", "column_2", "a'b.c\"d", "_row", "line"]
    assert shop.rows("* EXCLUDE _batch") == [("1", 5, "x", 2, 3)]


def sqlite(path: Path, rows: list[tuple[Any, ...]]) -> Path:
    kinds = ("TEXT", "DATETIME", "INTEGER", "NUMERIC(12,2)", "TEXT", "TEXT", "DATE", "BOOLEAN", "JSON")
    with sqlite3.connect(path) as base:
        base.execute(f"CREATE TABLE orders ({', '.join(f'{n} {k}' for n, k in zip(NAMES, kinds, strict=True))})")
        given = [[json.dumps(v) if isinstance(v, list) else plain(v) for v in row] for row in rows]
        for row in given:
            row[1] = row[1].replace("T", " ")
        base.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * len(NAMES))})", given)
    base.close()
    return path


def test_tables_and_queries_of_sqlite(shop: Shop) -> None:
    url = f"sqlite:///{sqlite(shop.folder / 'shop.db', CHINESE)}"
    check(shop, shop.load_source(f"{url}#orders", time="at"), CHINESE)
    query = "SELECT id AS who, count(*) AS n FROM orders WHERE at > '2024-01-31 00:00:00' GROUP BY id"
    report = shop.load_source(f"{url}#{query}", "counts", entity="who")
    assert (report.accepted, report.types) == (3, {"who": "text", "n": "integer"})
    again = shop.load_source(f"{url}#{query}", "counts", entity="who")
    assert (again.accepted, again.duplicates) == (0, 3)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{url}#ordrs", '`unknown_name` at `#ordrs`: There is no table "ordrs". Did you mean "orders"'),
        ("{url}#SELECT price FROM orders", "The database says: no such column: price."),
        ("{url}", "`bad_argument` at `{url}`: The URL names no table."),
        ("{url}#SELECT * FROM orders WHERE false", "`no_rows`"),
        ("{url}.not#orders", "`missing_file`"),
        ("oracl://u:secret@host/x#t", "`bad_argument` at `oracl://u:***@host/x`: The URL cannot be used"),
        ("https://example.org/a.csv", "`unknown_format` at `https://example.org/a.csv`"),
    ],
)
def test_databases_that_are_refused(shop: Shop, source: str, words: str) -> None:
    url = f"sqlite:///{sqlite(shop.folder / 'shop.db', ROWS)}"
    with pytest.raises(Refused) as caught:
        shop.load_source(source.format(url=url))
    assert words.format(url=url) in str(caught.value)
    assert "secret" not in str(caught.value)
    assert shop.ctx.lake.data_version == 0
    assert not (shop.folder / "shop.db.not").exists()


POSTGRES = """
CREATE SCHEMA s;
CREATE TABLE s.orders (id text, at timestamptz, n integer, amount numeric, city text, code varchar(9), day date,
    ok boolean, words text[], extra jsonb, uid uuid DEFAULT gen_random_uuid(), raw bytea DEFAULT '\\x00ff')
"""


@pytest.fixture
def postgres_orders(postgres_url: str) -> str:
    """The URL of a PostgreSQL database with the rows in the table `s.orders`."""
    from sqlalchemy import create_engine, text

    base = create_engine(postgres_url)
    marks = ", ".join(f":{n}" for n in NAMES)
    with base.begin() as connection:
        for statement in POSTGRES.split(";"):
            connection.execute(text(statement))
        for row in expected(CHINESE):
            values = dict(zip(NAMES, row, strict=True))
            connection.execute(text(f"INSERT INTO s.orders ({', '.join(NAMES)}) VALUES ({marks})"), values)
    base.dispose()
    return postgres_url


def test_a_table_of_postgresql(shop: Shop, postgres_orders: str) -> None:
    report = shop.load_source(f"{postgres_orders}#s.orders", time="at")
    check(shop, report, CHINESE)
    assert {c: report.types[c] for c in ("extra", "uid", "raw")} == {"extra": "text", "uid": "text", "raw": "text"}
    again = shop.load_source(f"{postgres_orders}#s.orders", time="at")
    assert (again.accepted, again.duplicates) == (0, 4)
    with pytest.raises(Refused, match="There is no table"):
        shop.load_source(f"{postgres_orders}#orders")


def test_a_query_of_postgresql(shop: Shop, postgres_orders: str) -> None:
    query = """WITH o AS (SELECT *, at::date AS bought FROM s.orders)
        SELECT id, sum(amount)::numeric(20,4) AS spent, max(at) AS last_at, array_agg(n) AS ns,
            jsonb_build_object('city', min(city)) AS facts
        FROM o WHERE city LIKE '%州%' AND at >= '2024-01-01T00:00:00+00'::timestamptz GROUP BY id"""
    report = shop.load_source(f"{postgres_orders}#{query}", time="last_at")
    assert (report.accepted, report.types["spent"], report.types["ns"]) == (4, "decimal", "texts")
    rows = {row[0]: row for row in CHINESE}
    for key, spent, moment, counts, facts in shop.rows("_entity, spent, _at, ns, facts"):
        row = rows[key]
        assert (spent, moment) == (row[3], row[1].replace(tzinfo=UTC))
        assert counts == [None if row[2] is None else str(row[2])]
        assert json.loads(facts) == {"city": row[4]}


def test_a_pandas_frame(shop: Shop) -> None:
    import pandas as pd

    frame = pd.DataFrame(expected(CHINESE), columns=list(NAMES)).astype({"n": "Int64"})
    check(shop, shop.load_frame(frame, time="at"), CHINESE)
    again = shop.load_frame(frame.copy(), time="at")
    assert (again.accepted, again.duplicates) == (0, 4)
    changed = shop.load_frame(frame.assign(n=pd.array([9, 9, 9, 9], dtype="Int64")), time="at")
    assert changed.accepted == 4


def test_polars_frames_and_arrow_tables(shop: Shop) -> None:
    import polars as pl

    table = arrow(CHINESE)
    frame = pl.DataFrame(table)
    for number, given in enumerate((frame, frame.lazy(), table, table.to_batches()[0])):
        report = shop.load_frame(given, f"d{number}", time="at")
        assert {c: report.types[c] for c in TYPES} == TYPES
        assert shop.rows("* EXCLUDE _batch", f"data/d{number}") == shop.rows("* EXCLUDE _batch", "data/d0")
    assert [row[0] for row in shop.rows("_entity", "data/d0", order="_entity")] == sorted(r[0] for r in CHINESE)


def test_a_frame_with_mixed_values(shop: Shop) -> None:
    import pandas as pd

    frame = pd.DataFrame({"id": [17850, "C1", None, 13.0], "n": [1, 2, 3, 4]}, dtype=object)
    report = shop.load_frame(frame)
    assert (report.accepted, report.reject_reasons) == (3, {"missing_entity": 1})
    assert shop.column("_entity") == ["13", "17850", "C1"]
    with pytest.raises(Refused) as caught:
        shop.load_frame(pd.DataFrame({"id": ["a", "b"], "n": [1, "x"]}, dtype=object))
    assert str(caught.value).startswith('`bad_column` at `n`: The column "n" mixes values of types int, str.')
    with pytest.raises(Refused, match='`bad_column` at `n`: The column "n" cannot be read'):
        shop.load_frame(pd.DataFrame({"id": ["a"], "n": [object()]}))
    for other in ([1, 2], pd.Series([1])):
        with pytest.raises(Refused, match="is no data frame"):
            shop.load_frame(other)
    with pytest.raises(Refused, match="`no_rows`"):
        shop.load_frame(pd.DataFrame({"id": []}))
