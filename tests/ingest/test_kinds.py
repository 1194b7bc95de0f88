"""All kinds of datasets, keys, types that widen, duplicates, clean-up rules, dry runs, and a summary that adds up."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import coterie
from coterie.catalog.schemas import DatasetKind
from coterie.errors import Refused
from coterie.ingest.cleanup import confirm_cleanup, drop_cleanup, suggest_cleanup

from .conftest import close_shop, make_shop

if TYPE_CHECKING:
    from .conftest import Shop

KEYS = ["007", "13812345678", "123456789012345678", "k,1"]


def test_profiles_keep_their_history(shop: Shop) -> None:
    shop.load("id,city,seen\na,Paris,2024-01-01\nb,Rome,2024-01-02\na,Lyon,2024-02-01\n", kind="profiles", time="seen")
    shop.load("id,city,seen\na,Nice,2023-12-01\n", kind="profiles", time="seen")
    rows = shop.rows("_entity, city, _at::DATE::VARCHAR, _batch", order="_batch, _seq")
    assert rows == [("a", "Paris", "2024-01-01", 1), ("b", "Rome", "2024-01-02", 1), ("a", "Lyon", "2024-02-01", 1)] + [
        ("a", "Nice", "2023-12-01", 2)
    ]
    assert shop.entities() == [
        ("customer", "a", 0, "2024-01-01 00:00:00+00"),
        ("customer", "a", 0, "2023-12-01 00:00:00+00"),  # seen earlier than known
        ("customer", "b", 1, "2024-01-02 00:00:00+00"),
    ]


def test_events_of_entities_without_a_key(shop: Shop) -> None:
    report = shop.load("n,m\n5,x\n6,\n", entity="@row")
    assert (report.accepted, report.entities, shop.column("_entity")) == (2, 2, ["1", "2"])
    assert report.mapping["entity"] == "@row"


def test_records_change_their_state(shop: Shop) -> None:
    deals = {"kind": "records", "entity": "who", "key": "deal"}
    first = shop.load("deal,who,stage\n1,a,open\n2,,open\n1,a,open\n1,a,won\n,b,open\n", **deals)
    assert (first.accepted, first.duplicates, first.reject_reasons) == (3, 1, {"missing_key": 1})
    again = shop.load("deal,who,stage\n2,,open\n1,a,open\n1,a,open\n", **deals)
    assert (again.accepted, again.duplicates, again.new_entities) == (1, 2, 0)
    rows = shop.rows("_key, _entity, stage, _batch", order="_key, _batch, _seq")
    assert rows == [("1", "a", "open", 1), ("1", "a", "won", 1), ("1", "a", "open", 2), ("2", None, "open", 1)]


def test_edges_have_two_ends(shop: Shop) -> None:
    report = shop.load("a,b,w\n1.0,2,0.5\n2,3.0,x\n3,,1\n4,5,\n", kind="edges", entity="a", target="b", weight="w")
    assert report.reject_reasons == {"missing_target": 1, "not_number": 1}
    assert shop.rows("_entity, _target, _weight") == [("1", "2", 0.5), ("4", "5", None)]
    assert (report.entities, shop.catalog.dataset("d").kind) == (4, DatasetKind.EDGES)


def test_vectors_of_columns_and_of_lists(shop: Shop) -> None:
    content = "id,v1,v0,v10,note\na,1,0,2.5,x\nb,1,,3,y\nc,1,inf,3,\n"
    report = shop.load(content, kind="vectors", values="v", modality="text")
    assert (report.accepted, report.reject_reasons, report.types["v"]) == (1, {"bad_vector": 2}, "vector")
    assert shop.rows("_entity, _values, note") == [("a", [0.0, 1.0, 2.5], "x")]
    assert shop.catalog.dataset("d").modality == "text"
    lines = '{"id": 1, "e": [0.5, 1]}\n{"id": 2, "e": []}\n{"id": 3, "e": [1, "x"]}\n{"id": 4}\n'
    report = shop.load(lines, "lists", kind="vectors", values="e", file="a.jsonl")
    assert (report.accepted, report.reject_reasons) == (1, {"bad_vector": 2, "missing_values": 1})
    assert shop.rows("_entity, _values", "data/lists") == [("1", [0.5, 1.0])]


def test_a_lookup_brings_no_entities(shop: Shop) -> None:
    shop.load("id,sku,n\na,p1,2\n", "orders")
    report = shop.load("sku,price\np1,2.50\np2,3\np1,2.75\n", "products", kind="lookup", entity=None, key="sku")
    assert (report.accepted, report.entities, len(shop.entities())) == (3, 0, 1)
    assert shop.catalog.dataset("orders").joins == {"products": "sku"}
    assert shop.rows("_entity, price", "data/products", order="_seq")[2] == ("p1", Decimal("2.7500"))


def test_other_kinds_of_entities_are_numbered_apart(shop: Shop) -> None:
    shop.load("id,n\na,1\n", "people", kind="profiles")
    shop.load("id,n\nx,1\na,2\n", "firms", kind="profiles", entity_kind="account")
    assert [row[:3] for row in shop.entities()] == [("account", "a", 0), ("account", "x", 1), ("customer", "a", 0)]
    with pytest.raises(Refused, match='`kind_changed` at `--name`: "firms" holds profiles of the entity kind account.'):
        shop.load("id,n\nx,1\n", "firms", kind="profiles")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["17850.0", "12346.0", ""], ["12346", "17850"]),
        (["17850.0", "12346", "0.0"], ["0", "12346", "17850"]),
        (["17850.0", "00042.0"], ["00042", "17850"]),
        (["17850.0", "A1"], ["17850.0", "A1"]),  # not all are numbers, so a point may mean something
        (["007", " 13812345678 ", "123456789012345678"], ["007", "123456789012345678", "13812345678"]),
        (["123456789012345678.0"], ["123456789012345678"]),
        (["1.5", "2.0"], ["1.5", "2.0"]),
        (["\u3000客户一\u00a0", "b"], ["b", "客户一"]),
    ],
)
def test_keys(shop: Shop, given: list[str], kept: list[str]) -> None:
    shop.load("id,n\n" + "".join(f'"{key}",1\n' for key in given))
    assert shop.column("_entity") == kept


def test_a_key_with_a_point_far_down_the_file(shop: Shop) -> None:
    report = shop.load("id\n" + "".join(f"{i}\n" for i in range(30_000)) + "30000.0\n")
    assert (report.accepted, "30000" in shop.column("_entity")) == (30_001, True)
    report = shop.load("id\n" + "".join(f"{i}.0\n" for i in range(30_000)) + "x.0\n", "e")
    assert report.notes == ("Not all keys of id are numbers; they are kept as written.",)
    assert {"5.0", "x.0"} <= set(shop.column("_entity", "data/e"))


def test_keys_and_digits_survive_export(tmp_path: Path) -> None:
    phones = ["02012345678", "13812345678", "13912345678", "15012345678"]
    with coterie.init(str(tmp_path / "ws")) as ws:
        body = "id,phone,big\n" + "".join(f'"{k}",{p},{n}\n' for k, p, n in zip(KEYS, phones, range(4), strict=True))
        (tmp_path / "a.csv").write_text(body.replace(",0\n", ",123456789012345678\n"))
        ws.load(tmp_path / "a.csv", kind="profiles", name="people", entity="id")
        (tmp_path / "b.csv").write_text("id\n17850.0\n12346.0\n")
        ws.load(tmp_path / "b.csv", kind="profiles", name="more", entity="id")
        ws.tags.build()
        ws.tags.write(["phone", "big"], tmp_path / "out.csv")
        text = (tmp_path / "out.csv").read_text(encoding="utf-8-sig")
    rows = {row["entity"]: (row["phone"], row["big"]) for row in csv.DictReader(io.StringIO(text))}
    wanted = dict(zip(KEYS, zip(phones, ["123456789012345678", "1", "2", "3"], strict=True), strict=True))
    assert rows == {**wanted, "17850": ("", ""), "12346": ("", "")}


@pytest.mark.parametrize(("wrong", "kind"), [(3, "integer"), (4, "text")])
def test_few_misfits_are_rejects_and_more_widen(shop: Shop, wrong: int, kind: str) -> None:
    values = [str(i) for i in range(3000 - wrong)] + [f"w{i}" for i in range(wrong)]
    report = shop.load("id,n\n" + "".join(f"k,{v}\n" for v in values))
    assert report.types["n"] == kind
    assert report.rejected == (wrong if kind == "integer" else 0)
    assert [r[1:] for r in shop.rejects()] == ([("n", f"w{i}", "not_integer") for i in range(wrong)] * (kind != "text"))


@pytest.mark.parametrize(
    ("late", "kind", "rejected"),
    [("x", "integer", 1), ("2.5", "decimal", 0), ("1e3", "number", 0), ("007", "text", 0), ("9" * 20, "integer", 1)],
)
def test_one_late_value(shop: Shop, late: str, kind: str, rejected: int) -> None:
    """A number is never a reject of a column of numbers, and digits that a number would lose make it text."""
    report = shop.load("id,n\n" + "".join(f"k,{i}\n" for i in range(25_000)) + f"k,{late}\n")
    assert (report.types["n"], report.rejected) == (kind, rejected)
    assert [r[0] for r in shop.rejects()] == [25_002] * rejected
    assert bool(report.notes) == (kind != "integer")


@pytest.mark.parametrize(
    ("kind", "good", "reason"),
    [
        ("integer", "12", "not_integer"),
        ("decimal(2)", "1.25", "not_decimal"),
        ("number", "1e3", "not_number"),
        ("boolean", "yes", "not_boolean"),
        ("date", "2024-05-01", "not_date"),
        ("moment", "2024-05-01T08:00", "not_moment"),
    ],
)
def test_declared_types_never_widen(shop: Shop, kind: str, good: str, reason: str) -> None:
    report = shop.load(f"id,v\na,{good}\nb,what\nc,maybe\n", types={"v": kind})
    assert (report.types["v"], report.reject_reasons) == (kind.split("(")[0], {reason: 2})
    with pytest.raises(Refused, match="`nothing_accepted`"):
        shop.load("id,v\na,what\n", "e", types={"v": kind})


def test_a_later_file_widens_the_dataset(shop: Shop) -> None:
    shop.load("id,n,d\na,1,2024-01-01\n")
    report = shop.load("id,n,d,new\nb,2.50,2024-01-02 08:00,x\n")
    assert report.types == {"id": "text", "n": "decimal", "d": "moment", "new": "text"}
    assert shop.rows("_entity, n, d::VARCHAR, new", order="_entity") == [
        ("a", Decimal("1.0000"), "2024-01-01 00:00:00+00", None),
        ("b", Decimal("2.5000"), "2024-01-02 08:00:00+00", "x"),
    ]
    assert shop.column("n", order="_entity", version=1) == [Decimal("1.0000")]
    shop.load("id\nc\n")
    version = shop.ctx.lake.data_version
    with pytest.raises(
        Refused, match="`type_changed` at `n`: n is decimal in this dataset; more than one in a thousand"
    ):
        shop.load("id,n\nd,many\n")
    assert shop.ctx.lake.data_version == version
    assert shop.load("id,n\nd,many\n", replace=True).types["n"] == "text"
    field = shop.catalog.dataset("d").field("n")
    assert field is not None and shop.rows(f"_entity, {field.column}") == [("d", "many")]


def test_a_dry_run_changes_nothing_and_shows_all(shop: Shop) -> None:
    shop.load("id,n\na,1\n", "before")
    before = (shop.ctx.lake.data_version, shop.catalog.datasets(), shop.entities(), shop.rejects())
    content = "id,n,at\n" + "".join(f"k{i},{i},2024-01-{i + 1:02}\n" for i in range(28)) + ",5,2024-01-01\nx,5,\n"
    report = shop.load(content, time="at", types={"n": "integer"}, dry_run=True)
    assert report.dry_run
    assert (report.read, report.accepted, report.rejected, report.new_entities) == (30, 28, 2, 28)
    assert report.mapping == {"kind": "events", "entity_kind": "customer", "entity": "id", "time": "at"}
    assert report.types == {"id": "text", "at": "moment", "n": "integer"}
    assert len(report.sample) == 10
    assert report.sample[0]["id"] == "k0" and report.sample[0]["n"] == 0
    assert [(r["file"], r["line"], r["column"], r["value"], r["reason"]) for r in report.rejects] == [
        ("file.csv", 30, "id", None, "missing_entity"),
        ("file.csv", 31, "at", None, "missing_time"),
    ]
    assert (shop.ctx.lake.data_version, shop.catalog.datasets(), shop.entities(), shop.rejects()) == before
    shop.load("id,n\na,1\n", "grows")
    assert shop.load("id,n\na,1.5\n", "grows", dry_run=True).types["n"] == "decimal"
    assert shop.column("n", "data/grows") == [1]
    real = shop.load(content, time="at", types={"n": "integer"})
    assert (real.read, real.accepted, real.rejected, dict(real.types)) == (30, 28, 2, dict(report.types))


MAPPING = """
kind: events
name: ignored
entity: who
rename: {"Prod.": product}
skip: [comment]
missing: {product: ["?"]}
types: {zip: text}
clean: {product: {GTXPro: GTX Pro}}
"""


def test_a_mapping_with_a_clean_up_rule_that_is_kept(shop: Shop) -> None:
    path = shop.write(MAPPING, "m.yaml")
    content = "who,Prod.,zip,comment\na,GTXPro,1,x\nb,GTX Pro,2,y\nc,?,3,z\n"
    report = shop.load(content, entity=None, mapping=path)
    assert report.types == {"who": "text", "product": "text", "zip": "text"}
    assert shop.rows("_entity, product, zip") == [("a", "GTX Pro", "1"), ("b", "GTX Pro", "2"), ("c", None, "3")]
    assert report.mapping["clean"] == {"product": {"GTXPro": "GTX Pro"}}
    later = shop.load("who,product\nd,GTXPro\ne,GTX Basic\n", entity="who")
    assert later.mapping["clean"] == {"product": {"GTXPro": "GTX Pro"}}
    assert shop.rows("_entity, product", order="_entity")[3:] == [("d", "GTX Pro"), ("e", "GTX Basic")]
    drop_cleanup(shop.ctx, "d", "product", "GTXPro")
    shop.load("who,product\nf,GTXPro\n", entity="who")
    assert shop.column("product", order="_entity")[-1] == "GTXPro"


def test_a_dry_run_keeps_no_rule(shop: Shop) -> None:
    mapping = {"clean": {"p": {"a": "b"}}}
    shop.load("id,p\n1,a\n", mapping=mapping, dry_run=True)
    shop.load("id,p\n1,a\n")
    assert shop.column("p") == ["a"]
    with pytest.raises(Refused, match='`bad_mapping` at `clean p`: "a" becomes "b", which does not come to rest.'):
        shop.load("id,p\n1,a\n", mapping={"clean": {"p": {"a": "b", "b": "c"}}})


def test_near_duplicates_are_suggested_confirmed_and_kept(shop: Shop) -> None:
    values = ["GTX Pro"] * 30 + ["GTXPro"] * 3 + ["technolgy"] * 2 + ["retail"] * 5 + ["Item 1"] * 20 + ["Item 2"]
    shop.load("id,p\n" + "".join(f"k,{v}\n" for v in values))
    found = {(s.value, s.replacement): s.rows for s in suggest_cleanup(shop.ctx, "d")}
    assert found == {("GTXPro", "GTX Pro"): 3, ("technolgy", "technology"): 2}
    confirm_cleanup(shop.ctx, "d", "p", "technolgy", "technology", by="mia")
    assert [s.value for s in suggest_cleanup(shop.ctx, "d", "p")] == ["GTXPro"]
    shop.load("id,p\nz,technolgy\n")
    assert shop.rows("p", order="_batch DESC LIMIT 1") == [("technology",)]
    with pytest.raises(Refused, match="would not come to rest"):
        confirm_cleanup(shop.ctx, "d", "p", "x", "technolgy")


def test_duplicates_by_key_across_batches(shop: Shop) -> None:
    first = shop.load("id,order,n\na,1.0,5\nb,2.0,6\na,1.0,7\nc,,8\nc,,8\n", key="order")
    assert (first.accepted, first.duplicates) == (4, 1)
    second = shop.load("id,order,n\nz,1,9\nd,3,10\n", key="order")
    assert (second.accepted, second.duplicates, second.new_entities) == (1, 1, 1)
    rows = shop.rows("_entity, _key, n", order="_key NULLS LAST, n")
    assert rows == [("a", "1", 5), ("b", "2", 6), ("d", "3", 10), ("c", None, 8), ("c", None, 8)]
    assert [key for _, key, *_ in shop.entities()] == ["a", "b", "c", "d"]


def test_the_same_batch_again(shop: Shop) -> None:
    content = "id,n\na,1\na,1\n,2\n"
    first = shop.load(content)
    assert (first.read, first.accepted, first.rejected) == (3, 2, 1)  # identical rows are kept
    again = shop.load(shop.write(content, "other_name.csv"))
    assert (again.read, again.accepted, again.rejected, again.duplicates, again.data_version) == (3, 0, 0, 3, 1)
    assert again.notes == ("This file was imported before, as data version 1; nothing was changed.",)
    assert shop.load(content, types={"n": "text"}, name="e").accepted == 2  # another mapping is another batch
    assert len(shop.rejects()) == 2


MESSAGES: list[dict[str, Any]] = [
    {"type": "identify", "userId": "u1", "traits": {"email": "a@x.org", "plan": {"tier": 2}}, "messageId": "m1"},
    {"type": "track", "userId": "u1", "event": "Order Completed", "properties": {"total": 9.5}, "messageId": "m2"},
    {"type": "track", "anonymousId": "anon", "userId": "", "event": "Page Seen", "properties": {}, "messageId": "m3"},
    {"type": "group", "userId": "u1", "groupId": "g1", "traits": {"name": "Acme"}, "messageId": "m4"},
    {"type": "track", "userId": "u2", "messageId": "m5"},
    {"type": "page", "userId": "u2", "messageId": "m6"},
    {"type": "track", "event": "Lost", "properties": {"total": 1}, "messageId": "m7"},
    {"type": "identify", "userId": "u2", "traits": {"plan": {"tier": 1}}, "messageId": "m8"},
]


def messages(given: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps({**m, "timestamp": "2024-05-01T08:00:00.000Z"}) for m in given)


def test_segment_messages(shop: Shop) -> None:
    report = shop.load(messages(MESSAGES), "app", kind="segment", entity=None, file="a.jsonl")
    assert (report.read, report.accepted, report.rejected, report.duplicates) == (8, 5, 3, 0)
    assert report.reject_reasons == {"missing_entity": 1, "missing_event": 1, "unsupported_message": 1}
    kinds = {name: (d.kind.value, d.entity_kind) for name, d in shop.catalog.datasets().items()}
    assert kinds == {
        "app": ("events", "customer"),
        "app_profiles": ("profiles", "customer"),
        "app_accounts": ("profiles", "account"),
        "app_members": ("profiles", "customer"),
    }
    assert shop.rows("_entity, event, total, _at::VARCHAR", "data/app", order="_entity") == [
        ("anon", "Page Seen", None, "2024-05-01 08:00:00+00"),
        ("u1", "Order Completed", Decimal("9.5000"), "2024-05-01 08:00:00+00"),
    ]
    rows = shop.rows('_entity, email, "plan.tier"', "data/app_profiles", order="_entity")
    assert rows == [("u1", "a@x.org", 2), ("u2", None, 1)]
    assert shop.rows("_entity, name", "data/app_accounts") == [("g1", "Acme")]
    assert shop.rows("_entity, account", "data/app_members") == [("u1", "g1")]
    assert [row[:2] for row in shop.entities()] == [
        ("account", "g1"),
        ("customer", "anon"),
        ("customer", "u1"),
        ("customer", "u2"),
    ]
    assert {(line, reason) for line, _, _, reason in shop.rejects()} == {
        (5, "missing_event"),
        (6, "unsupported_message"),
        (7, "missing_entity"),
    }


def test_segment_messages_come_twice(shop: Shop) -> None:
    shop.load(messages(MESSAGES[:4]), "app", entity="userId", file="a.jsonl")  # told by their form
    more = [*MESSAGES[1:4], {**MESSAGES[1], "messageId": "m9"}]
    report = shop.load(messages(more), "app", kind="segment", entity=None, file="b.jsonl")
    assert (report.read, report.accepted, report.duplicates) == (4, 1, 3)
    assert [len(shop.rows("1", f"data/app{part}")) for part in ("", "_profiles", "_accounts", "_members")] == [
        3,
        1,
        1,
        1,
    ]
    again = shop.load(messages(more), "app", kind="segment", entity=None, file="b.jsonl")
    assert (again.accepted, again.duplicates) == (0, 4)


@pytest.fixture(scope="module")
def wide_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    opened = make_shop(tmp_path_factory.mktemp("wide"))
    yield opened
    close_shop(opened)


CELLS = st.sampled_from(
    ["", " ", "1", "2.0", "-7", "007", "x", 'say "hi"', "a,b", "two\nlines", "é", "12345678901", "\t5"]
)
RECORDS = st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=12)


def as_csv(records: list[list[str]], ends: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=ends)
    writer.writerow(["id", "n", "note"])
    writer.writerows(records)
    return out.getvalue()


Kept = list[tuple[str, int | None, str | None]]


def plain_reading(content: str) -> tuple[int, Kept, list[str]]:
    """What an import by the entity `id`, with `n` declared as an integer, must do: rows read, rows kept, reasons of rejects."""
    reader = csv.reader(io.StringIO(content, newline=""))
    next(reader)
    read, whole = 0, True
    kept: Kept = []
    reasons: list[str] = []
    for row in reader:
        if not row or (len(row) == 1 and not row[0].strip()):
            continue  # a blank line
        read += 1
        if len(row) == 4 and not row[3]:
            row.pop()  # a delimiter at the line's end
        if len(row) != 3:
            reasons.append("too_few_values" if len(row) < 3 else "too_many_values")
            continue
        key, number, note = row[0].strip(), row[1].strip(), row[2]
        whole = whole and (not key or key.removesuffix(".0").lstrip("-").isdigit())
        if number and not number.removesuffix(".0").lstrip("-").isdigit():
            reasons.append("not_integer")
        elif not key:
            reasons.append("missing_entity")
        else:
            kept.append((key, int(number.removesuffix(".0")) if number else None, note if note.strip() else None))
    return read, [(k.removesuffix(".0") if whole else k, n, note) for k, n, note in kept], reasons


@settings(deadline=None, max_examples=30)
@given(RECORDS, st.sampled_from(["\n", "\r\n"]))
@example([["007", "1", "two\nlines"], ["", "x", ""], ["", "", ""], ["a", "5", "b", ""]], "\n")
def test_the_summary_adds_up_and_agrees_with_a_plain_reading(
    wide_shop: Shop, records: list[list[str]], ends: str
) -> None:
    content = as_csv(records, ends)
    read, kept, reasons = plain_reading(content)
    name = f"d{wide_shop.ctx.lake.data_version}"
    types = {"n": "integer", "note": "text"}
    if not kept:
        with pytest.raises(Refused):
            wide_shop.load(content, name, types=types)
        return
    report = wide_shop.load(content, name, types=types)
    assert (report.read, report.accepted) == (read, len(kept))
    assert report.reject_reasons == {r: reasons.count(r) for r in reasons}
    found = wide_shop.rows("_entity, n, note", f"data/{name}")
    assert sorted(found, key=repr) == sorted(kept, key=repr)


TEXT = st.text(st.sampled_from("a1,;\"\n\r \t'\\é.-\ufeff"), max_size=60)


@settings(deadline=None, max_examples=40)
@given(TEXT, st.sampled_from(["id,n\n", "id;n\n", "id\tn\n", ""]), st.booleans())
def test_any_text_adds_up_or_is_refused(wide_shop: Shop, text: str, head: str, keyed: bool) -> None:
    version = wide_shop.ctx.lake.data_version
    try:
        report = wide_shop.load(head + text, f"t{version}", entity="id", key="id" if keyed else None)
    except Refused as error:
        assert error.place and error.message
        assert wide_shop.ctx.lake.data_version == version
    else:
        assert len(wide_shop.rows("1", f"data/t{version}")) == report.accepted


def test_the_command_line_refuses_with_code_place_and_fix(tmp_path: Path) -> None:
    coterie.init(str(tmp_path / "ws")).close()
    (tmp_path / "a.csv").write_text("id,n\n")
    command = [str(Path(sys.executable).with_name("coterie")), "-w", str(tmp_path / "ws"), "import", "a.csv"]
    command += ["--as", "events", "--name", "orders", "--entity", "id", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    error = json.loads(done.stderr)
    assert error == {
        "code": "no_rows",
        "message": "The file has a header and no rows.",
        "place": "a.csv",
        "fix": "Give a file with rows.",
    }
    facts = tmp_path / "ws" / "coterie.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "format": 99}))
    before = sorted(p.name for p in (tmp_path / "ws").rglob("*"))
    newer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert newer.returncode == 2
    assert json.loads(newer.stderr)["code"] == "newer_workspace"
    assert sorted(p.name for p in (tmp_path / "ws").rglob("*")) == before


@pytest.mark.parametrize("folder", ["a[1]b*?", "year=2024", "it's 文件"])
def test_a_workspace_may_lie_in_a_folder_of_any_name(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    place.mkdir()
    shop = make_shop(place)
    try:
        for _ in range(2):  # the second one meets entities and rejects of the first
            shop.load("id,n,k\n1,2,x\n,3,y\n", "d", key="k")
        assert shop.load("id,n,k\n1,2,x\n2,4,z\n", "d", key="k").duplicates == 1
        assert shop.column("n") == [2, 4]
    finally:
        close_shop(shop)
