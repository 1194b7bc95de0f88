"""Bad input ends in a clear message with code, place and fix, and changes nothing."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coterie.errors import Failed, Refused

if TYPE_CHECKING:
    from .conftest import Shop

HEAD = "id,n,at\n"
GOOD = HEAD + "".join(f"k{i},{i},2024-01-{i % 28 + 1:02}\n" for i in range(30))


def refused(shop: Shop, content: str | bytes | Path, **options: Any) -> Refused:
    """The refusal of an import that must change nothing."""
    before = shop.ctx.lake.data_version, sorted(shop.catalog.datasets())
    with pytest.raises(Refused) as caught:
        shop.load(content, **options)
    assert (shop.ctx.lake.data_version, sorted(shop.catalog.datasets())) == before
    assert not [p for p in (shop.folder / "ws" / "staging").glob("*") if p.name != "spill"]
    assert caught.value.exit_code == 2
    assert caught.value.place and caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "`empty_file` at `{path}`: The file is empty."),
        (b"\xef\xbb\xbf", "`empty_file` at `file.csv`: The file is empty."),
        (b"\n\n", "`empty_file` at `file.csv`: The file is empty."),
        (b"id,n\n", "`no_rows` at `file.csv`: The file has a header and no rows."),
        (b"id,n", "`no_rows` at `file.csv`: The file has a header and no rows."),
        (b"id,n\n\n\n", "`no_rows` at `file.csv`: The file has a header and no rows."),
        (b"id,n,N\n1,2,3\n", '`duplicate_columns` at `file.csv:1`: Columns 2 and 3 are both called "N".'),
        (b"1,2,3\n4,5,6\n", "`no_header` at `file.csv:1`: The first line looks like data: 1, 2, 3."),
        (b'id,n\n"a,1\nb,2\n', "`unclosed_quote` at `file.csv:2`: A quote opened on line 2 is not closed;"),
        (b"idd,n\na,1\n", '`unknown_column` at `--entity`: file.csv has no column "id". Did you mean "idd"?'),
        (
            b"id^n\na^1\nb\nc\nd^2\n",
            '`unknown_column` at `--entity`: file.csv has no column "id". It has one column, "id^n"',
        ),
        (b"PK\x03\x04\0\0", "`unknown_format` at `file.csv`: Files of this kind are not read."),
        (b"\xd0\xcf\x11\xe0\0\0\0", "`unknown_format` at `file.csv`: This is no text file."),
    ],
)
def test_files_that_are_refused(shop: Shop, content: bytes, words: str) -> None:
    error = refused(shop, content)
    assert words.format(path=shop.folder / "file.csv") in str(error)


def test_a_folder_a_missing_file_and_one_without_permission(shop: Shop) -> None:
    assert refused(shop, shop.folder).code == "not_a_file"
    shop.write(GOOD, "orders.csv")
    error = refused(shop, shop.folder / "ordrs.csv")
    assert (error.code, error.fix) == ("missing_file", 'Did you mean "orders.csv"?')
    if os.geteuid() != 0:
        shop.write(GOOD, "secret.csv").chmod(0)
        assert refused(shop, shop.folder / "secret.csv").code == "unreadable_file"


def test_a_wrong_delimiter_is_named(shop: Shop) -> None:
    error = refused(shop, GOOD.replace(",", ";"), mapping={"delimiter": "|"})
    assert str(error).startswith(
        "`wrong_delimiter` at `file.csv:1`: With the delimiter `|` the file has one column; with `;`"
    )


def test_a_cut_off_archive(shop: Shop) -> None:
    packed = gzip.compress(GOOD.encode() * 50)
    assert refused(shop, packed[:-20], file="a.csv.gz").code == "damaged_file"
    assert refused(shop, packed[:60] + b"xxxx" + packed[64:], file="a.csv.gz").code == "damaged_file"


def test_mixed_encodings_name_both_lines(shop: Shop) -> None:
    lines = [b"id,n,city\n"] + [f"k{i},{i},广州市\n".encode() for i in range(5)] + ["k9,9,广州市\n".encode("gbk")]
    error = refused(shop, b"".join(lines))
    assert str(error).startswith(
        "`mixed_encoding` at `file.csv:7`: The file mixes encodings: line 2 is UTF-8, line 7 is not UTF-8."
    )


def test_a_line_of_50_megabytes(shop: Shop) -> None:
    error = refused(shop, GOOD.encode() + b"k99," + b"7" * 50_000_000 + b",2024-01-01\nk100,1,2024-01-01\n")
    assert str(error).startswith("`line_too_long` at `file.csv:32`: Line 32 has 50 MB; at most 16 MiB are read.")


def test_an_unclosed_quote_in_a_large_file(shop: Shop) -> None:
    content = GOOD + 'k1,"2,2024-01-01\n' + "k2,3,2024-01-01\n" * 1_200_000
    error = refused(shop, content)
    assert error.code in ("unclosed_quote", "line_too_long")
    assert error.place == "file.csv:32"


def test_ragged_rows_and_broken_quotes_are_rejects_with_their_lines(shop: Shop) -> None:
    rows = [
        HEAD,
        "a,1,x\n",
        "\n",
        "b,2\n",
        "c,3,x,y\n",
        'd,4,"two\nlines"\n',
        'e,5,"q"z\n',
        "f,6,x,\n",
        'g,seven,"a ""b"""\n',
    ]
    report = shop.load("".join(rows) + "".join(f"h{i},{i},x\n" for i in range(2000)))
    assert (report.read, report.accepted, report.rejected) == (2007, 2003, 4)
    assert shop.rejects() == [
        (4, None, None, "too_few_values"),
        (5, None, None, "too_many_values"),
        (8, None, None, "bad_quotes"),
        (10, "n", "seven", "not_integer"),
    ]
    assert shop.rows("raw", "rejects", order="line")[:2] == [('{"line": "b,2"}',), ('{"line": "c,3,x,y"}',)]
    assert shop.column('"at"', order="_entity")[0] == "x"
    assert shop.column('"at"', order="_entity")[2] == "x"  # f: a delimiter at the end is no value
    assert "two\nlines" in shop.column('"at"')


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_line_ends(shop: Shop, ends: str) -> None:
    assert shop.load(GOOD.replace("\n", ends)).accepted == 30
    assert max(shop.column("n")) == 29


def test_line_ends_of_both_kinds(shop: Shop) -> None:
    report = shop.load(GOOD.replace("\nk7", "\r\nk7") + "k30,x\r\n")
    assert (report.accepted, report.rejected) == (30, 1)
    assert shop.rejects() == [(32, None, None, "too_few_values")]


def test_missing_keys_are_rejects(shop: Shop) -> None:
    report = shop.load("id,n\n,1\n \u00a0,2\na,3\n\u3000,4\n b ,5\n")
    assert report.reject_reasons == {"missing_entity": 3}
    assert shop.column("_entity") == ["a", "b"]
    assert [line for line, *_ in shop.rejects()] == [2, 3, 5]


def test_when_no_row_can_be_used(shop: Shop) -> None:
    error = refused(shop, "id,n\n,1\n ,2\n")
    assert str(error).startswith("`nothing_accepted` at `file.csv:2`: No row can be used: missing_entity 2.")
    assert shop.load("id,n\n,1\n ,2\n", dry_run=True).rejected == 2


def test_numbers_beyond_all_bounds(shop: Shop) -> None:
    values = ["1"] * 3000 + ["1e400", "1" + "0" * 400, "-inf"]
    report = shop.load("id,n\n" + "".join(f"k,{v}\n" for v in values))
    assert report.reject_reasons == {"not_finite": 3}
    assert report.types["n"] == "integer"
    reasons = shop.load("id,n\nk,1.5e3\n" + "".join(f"k,{v}\n" for v in values), "e").reject_reasons
    assert reasons == {"not_finite": 3}
    assert shop.load("id,n\nk,1\nk,1e400\nk,2\n", "f", types="n=number").reject_reasons == {"not_finite": 1}


def test_dates_in_three_formats_are_read_where_they_can_be_told_apart(shop: Shop) -> None:
    days = ["2024-01-31", "31/01/2024", "Feb 1, 2024", "2024-02-02", "25/12/2023"]
    report = shop.load("id,at\n" + "".join(f'k{i},"{d}"\n' for i, d in enumerate(days)), time="at")
    assert shop.column("_at::DATE::VARCHAR", order="_entity") == [
        "2024-01-31", "2024-01-31", "2024-02-01", "2024-02-02", "2023-12-25",
    ]  # fmt: skip
    assert report.notes == ("at writes dates in several ways; all are read: %Y-%m-%d, %d/%m/%Y, %b %d, %Y, %B %d, %Y.",)


def test_dates_that_cannot_be_told_apart(shop: Shop) -> None:
    both = "id,at\na,31/01/2024\nb,01/31/2024\n"
    error = refused(shop, both, time="at")
    assert str(error).startswith("`mixed_dates` at `--time`: at: some dates have the day first and others the month.")
    neither = "id,at\na,01/02/2024\nb,03/04/2024\n"
    assert refused(shop, neither, time="at").code == "ambiguous_date"
    report = shop.load(neither)
    assert report.types["at"] == "text"
    assert report.notes == ("at is kept as text: no value tells whether the day or the month stands first.",)
    declared = shop.load(neither, "e", time="at", types={"at": "date(%d/%m/%Y)"})
    assert declared.types["at"] == "moment"
    assert shop.column("_at::VARCHAR", "data/e") == ["2024-02-01 00:00:00+00", "2024-04-03 00:00:00+00"]


def test_a_time_column_without_times(shop: Shop) -> None:
    error = refused(shop, "id,at\na,soon\nb,2024-01-01\n", time="at")
    assert "at holds values that are no times, such as 'soon'" in str(error)
    report = shop.load("id,at\na,soon\nb,2024-01-01\n", time="at", types={"at": "date"})
    assert report.reject_reasons == {"not_date": 1}
    assert refused(shop, "id,at\na,\nb,\n", time="at").code == "not_a_time"


def test_missing_times_of_events_are_rejects(shop: Shop) -> None:
    report = shop.load("id,at\na,2024-01-01\nb,\n", time="at")
    assert report.reject_reasons == {"missing_time": 1}


def test_a_mapping_that_cannot_be_used(shop: Shop) -> None:
    for body, words in [
        ("entity: [", "`bad_mapping` at `m.yaml:1`: The mapping file is no YAML."),
        ("entty: id", '`bad_mapping` at `{path}`: A mapping has no "entty". Did you mean "entity"'),
        ("- a", "`bad_mapping` at `m.yaml`: The mapping file holds no keys."),
        ("types: 3", "`bad_mapping` at `types`: `types` is no mapping."),
        ("encoding: klingon", '`bad_mapping` at `encoding`: "klingon" is no encoding.'),
        ("skip: [nn]", '`unknown_column` at `skip`: file.csv has no column "nn". Did you mean "n"?'),
    ]:
        path = shop.write(body, "m.yaml")
        assert str(refused(shop, GOOD, mapping=path)).startswith(words.format(path=path))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "event"}, '`bad_argument` at `--as`: "event" is no kind of dataset. Did you mean "events"?'),
        ({"name": "a/b"}, "`bad_argument` at `--name`: 'a/b' cannot name a dataset."),
        ({"entity": None}, "`bad_argument` at `--entity`: events need --entity. Add --entity COLUMN or `@row`"),
        ({"kind": "edges"}, "`bad_argument` at `--target`: edges need --target."),
        ({"weight": "n"}, "`bad_argument` at `--weight`: events have no weight. Leave it out;"),
        ({"types": "n=real"}, '`bad_types` at `--types n`: "real" is no type.'),
        ({"types": {"m": "text"}}, '`unknown_column` at `--types`: file.csv has no column "m".'),
        ({"time": "n"}, "`not_a_time` at `--time`: n holds values that are no times, such as '0', '1', '10'."),
        ({"time": "at", "types": "at=integer"}, "`not_a_time` at `--time`: The time column at is declared as integer."),
        ({"kind": "vectors", "values": "v"}, '`unknown_column` at `--values`: No column is "v" and a number.'),
    ],
)
def test_options_that_cannot_be_used(shop: Shop, options: dict[str, Any], words: str) -> None:
    name = options.pop("name", "d")
    assert str(refused(shop, GOOD, name=name, **options)).startswith(words)


def test_a_full_disk_leaves_no_residue(shop: Shop, small_disk: Any, tmp_path: Path) -> None:
    from .conftest import make_shop

    disk = small_disk(12_000)
    small = make_shop(disk.path)
    try:
        small.load(GOOD, name="first")
        import random

        noise = random.Random(5)
        rows = "".join(f"k{i},{noise.getrandbits(200)},x{noise.getrandbits(200)}\n" for i in range(300_000))
        big = tmp_path / "big.csv"
        big.write_text(HEAD + rows)
        with pytest.raises(Failed) as caught:
            small.load(big, name="second")
        assert (caught.value.code, caught.value.exit_code) == ("disk_full", 1)
        packed = tmp_path / "big.csv.gz"
        packed.write_bytes(gzip.compress((HEAD + rows).encode(), 1))
        with pytest.raises(Failed, match="disk_full"):
            small.load(packed, name="second")  # unpacking fills the disk already
        assert not [p for p in (disk.path / "ws" / "staging").glob("*") if p.name != "spill"]
        assert (small.ctx.lake.data_version, sorted(small.catalog.datasets())) == (1, ["first"])
        assert small.load(GOOD, name="third").accepted == 30
    finally:
        small.ctx.engine.close()
        small.ctx.store.close()


def test_a_read_only_workspace(small_disk: Any, tmp_path: Path) -> None:
    from .conftest import make_shop

    disk = small_disk(12_000)
    small = make_shop(disk.path)
    try:
        small.load(GOOD, name="first")
        file = tmp_path / "good.csv"
        file.write_text(GOOD)
        small.ctx.store.close()  # its pooled connection holds the file open
        disk.remount("ro")
        with pytest.raises(Failed, match="`read_only`: The workspace cannot be written to"):
            small.load(file, name="second")
        small.ctx.store.close()
        disk.remount("rw")
        assert small.load(file, name="second").accepted == 30
    finally:
        small.ctx.engine.close()
        small.ctx.store.close()
