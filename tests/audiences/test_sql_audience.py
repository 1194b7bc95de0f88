"""SQL audiences: what may be asked is answered, and hostile SQL is refused, by the check and by the process behind it."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.audiences.test_index import orders, write_shop

import coterie
from coterie.audiences import sql_audience
from coterie.audiences.sql_audience import Answer, answer, check, checked_select, dataset_sql, run_select, tags_sql
from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.engines.duckdb import Engine
from coterie.errors import Failed, Refused
from coterie.settings import Settings
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary
from coterie.workspace import Workspace

NAMES = ["universe", "tags", "orders", "Refund Lines"]
AS_OF = datetime(2024, 5, 1, 22, tzinfo=UTC)


def views(folder: Path, engine: Engine) -> dict[str, str]:
    """A hundred people, C0 to C99, with an order on each of the hundred days before the as-of."""
    people = "SELECT range AS \"row\", 'C' || range AS entity FROM range(100)"
    orders = (
        "SELECT 'C' || range AS _entity, TIMESTAMPTZ '2024-05-01 21:30:00+00' - to_days(range::INTEGER) AS _at, "
        "range::DECIMAL(18, 4) AS Price, ['a', 'b'] AS \"Labels\" FROM range(101)"
    )
    engine.copy_parquet(orders, folder / "orders.parquet")
    engine.copy_parquet(people, folder / "people.parquet")
    engine.copy_parquet('SELECT range AS "row", range % 7 AS "rfm.r" FROM range(90)', folder / "rfm.parquet")
    fields = (Field("Price", ValueType.DECIMAL, "Price"), Field("Labels", ValueType.TEXTS, "Labels"))
    dataset = Dataset("orders", DatasetKind.EVENTS, fields, time="When")
    return {
        "universe": f"SELECT * FROM '{folder}/people.parquet'",
        "family:rfm": f"SELECT * FROM '{folder}/rfm.parquet'",
        "tags": tags_sql(["rfm.r"], ["rfm"]),
        "orders": dataset_sql(dataset, f"'{folder}/orders.parquet'"),
    }


def run(text: str, made: dict[str, str], folder: Path, *, checked: bool = True, **settings: Any) -> list[int]:
    sql = checked_select(text, NAMES).sql if checked else text
    limits = Settings({"sql_seconds": 60, "sql_memory_mb": 256} | settings, {})
    found = run_select(sql, made, folder=folder, as_of=AS_OF, zone=ZoneInfo("Asia/Shanghai"), settings=limits)
    return [int(row) for row in found.rows]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT entity FROM Orders ORDER BY Price DESC LIMIT 3", [98, 99]),  # C100 is nobody
        ("SELECT entity FROM tags WHERE \"rfm.r\" = 6 AND entity < 'C3'", [13, 20, 27]),
        ("SELECT entity FROM tags WHERE \"rfm.r\" IS NULL -- without the family", list(range(90, 100))),
        ("WITH o AS (SELECT entity FROM orders o WHERE o.Price < 2) SELECT o.entity AS id FROM o UNION ALL SELECT 'C1'", [0, 1]),
        ("SELECT entity, Price FROM orders WHERE moment > as_of() - INTERVAL 2 DAY", [0, 1]),
        ("SELECT entity FROM orders WHERE moment::DATE = DATE '2024-05-02'", [0]),  # the day in Shanghai
        ("SELECT entity FROM orders WHERE list_contains(Labels, 'a') QUALIFY row_number() OVER (ORDER BY Price) <= 1", [0]),
        ("SELECT 'C5' FROM universe EXCEPT (SELECT NULL)", [5]),
        ("SELECT entity FROM tags WHERE false; -- nobody", []),
    ],
)  # fmt: skip
def test_answers(text: str, rows: list[int], tmp_path: Path, engine: Engine) -> None:
    assert run(text, views(tmp_path, engine), tmp_path) == rows


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("COPY (SELECT 1) TO 'x.csv'", "COPY is no SELECT."),
        ("COPY orders FROM 'x.csv'", "COPY is no SELECT."),
        ("ATTACH 'x.db' AS x", "ATTACH is no SELECT."),
        ("PRAGMA version", "PRAGMA is no SELECT."),
        ("INSTALL httpfs", "INSTALL is no SELECT."),
        ("LOAD httpfs", "is no SELECT."),
        ("SET memory_limit = '1TB'", "SET is no SELECT."),
        ("CREATE TABLE x AS SELECT 1", "CREATE is no SELECT."),
        ("CREATE MACRO f() AS 1", "CREATE is no SELECT."),
        ("DELETE FROM orders", "DELETE is no SELECT."),
        ("UPDATE orders SET Price = 0", "UPDATE is no SELECT."),
        ("INSERT INTO orders SELECT 1", "INSERT is no SELECT."),
        ("DROP VIEW orders", "DROP is no SELECT."),
        ("CALL pragma_version()", "COMMAND is no SELECT."),
        ("EXPORT DATABASE 'x'", "The SQL cannot be read"),
        ("DESCRIBE orders", "DESCRIBE is no SELECT."),
        ("SELECT 1; SELECT 2", "There are 2 statements."),
        ("SELECT 1; COPY orders TO 'x.csv'", "There are 2 statements."),
        ("SELECT 1 /* ; */; -- a comment\nATTACH 'x'", "There are 2 statements."),
        ("-- nothing", "There is no statement."),
        ("SELECT entity FROM orders WHERE item = $$a$$", "'a' stands between dollar signs."),
        ("SELECT entity INTO x FROM orders", "is not on offer here."),
        ("SELECT * FROM read_csv('people.csv')", "A table of a file or function cannot be read here."),
        ("SELECT * FROM read_parquet(['a.parquet'])", "A table of a file or function cannot be read here."),
        ("SELECT * FROM read_text('secret')", "A table of a file or function cannot be read here."),
        ("SELECT * FROM glob('*')", "A table of a file or function cannot be read here."),
        ("SELECT * FROM 'people.csv'", 'There is no view "people.csv".'),
        ("SELECT * FROM \"people.parquet\"", 'There is no view "people.parquet".'),
        ("SELECT * FROM sniff_csv('a')", "A table of a file or function cannot be read here."),
        ("SELECT * FROM duckdb_settings()", "A table of a file or function cannot be read here."),
        ("SELECT * FROM query('ATTACH 1')", "A table of a file or function cannot be read here."),
        ("SELECT * FROM query_table('orders')", "A table of a file or function cannot be read here."),
        ("SELECT * FROM range(1000000000000)", "A table of a file or function cannot be read here."),
        ("SELECT * FROM information_schema.tables", "A table of a file or function cannot be read here."),
        ("SELECT * FROM duckdb_views", 'There is no view "duckdb_views".'),
        ("SELECT entity FROM order", 'There is no view "order". Did you mean "orders"?'),
        ("SELECT entity FROM ordrs", 'There is no view "ordrs". Did you mean "orders"?'),
        ("SELECT getenv('HOME')", "`GETENV('HOME')` is not on offer here."),
        ("SELECT current_setting('x')", "is not on offer here."),
        ("SELECT read_text('x')", "is not on offer here."),
        ("SELECT nextval('x')", "is not on offer here."),
        ("SELECT entity FROM orders WHERE random() < 0.5", "is not on offer here."),
        ("SELECT entity FROM orders USING SAMPLE 10", "is not on offer here."),
        ("SELECT uuid()", "is not on offer here."),
        ("SELECT entity FROM orders WHERE moment > now()", "would make the count unrepeatable. Write as_of()"),
        ("SELECT entity FROM orders WHERE moment > current_date", "would make the count unrepeatable."),
        ("SELECT any_value(entity) FROM orders", "is not on offer here."),
        ("SELECT repeat('x', 1000000000)", "is not on offer here."),
        ("SELECT unnest(generate_series(1, 1000000000))", "is not on offer here."),
        ("SELECT COLUMNS('.*') FROM orders", "is not on offer here."),
        ("SELECT ?, $1", "is not on offer here."),
        ("SELECT 'a'::JSON", "JSON is no type to cast to here."),
        ("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT n FROM t", "WITH RECURSIVE may never end."),
        ("SELECT entity FROM orders, LATERAL (SELECT 1)", "is not on offer here."),
        ("PIVOT orders ON Price", "is no SELECT."),
        ("VALUES ('C1')", "VALUES is no SELECT."),
        ("SELECT entity FROM", "The SQL cannot be read"),
        ("SELECT 'C1", "The SQL cannot be read"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "The SQL is nested too deeply."),
        ("SELECT entity FROM x.orders", "A table of a file or function cannot be read here."),
    ],
)  # fmt: skip
def test_hostile_and_wrong_sql_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        checked_select(text, NAMES, place="all[0].sql")
    assert (caught.value.code, caught.value.place) == ("sql_refused", "all[0].sql")
    assert words in str(caught.value) and caught.value.fix


def test_tables_of_with_do_not_reach_the_engines_own() -> None:
    """Where the name of WITH does not reach, the engine's table of that name would be read."""
    found = checked_select(
        "SELECT * FROM (WITH duckdb_views AS (SELECT 1) SELECT * FROM duckdb_views), duckdb_views", NAMES
    )
    assert 'FROM "duckdb_views"' not in found.sql and '"with duckdb_views" AS "duckdb_views"' in found.sql


@pytest.mark.parametrize(
    "text",
    [
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "COPY (SELECT 1 AS entity) TO '{folder}/orders.parquet'",
        "ATTACH '{folder}/new.db'",
        "SELECT content AS entity FROM read_text('/etc/hostname')",
        "SELECT entity FROM read_csv('{outside}')",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ],
)
def test_the_process_keeps_the_wall_without_the_check(text: str, tmp_path: Path, engine: Engine) -> None:
    """What would have slipped through the check: no file is written, none outside the folder is read."""
    folder = tmp_path / "lake"
    folder.mkdir()
    made, outside = views(folder, engine), tmp_path / "outside.csv"
    outside.write_text("entity\nC1\n")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises((Refused, Failed)):
        run(text.format(folder=folder, outside=outside), made, folder, checked=False)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_query_without_end_is_stopped(tmp_path: Path, engine: Engine) -> None:
    made, crossed = views(tmp_path, engine), ", ".join(f"orders o{n}" for n in range(8))
    started = time.perf_counter()
    with pytest.raises(Failed) as caught:
        run(f"SELECT count(*) FROM {crossed} WHERE o1.Price + o7.Price > o3.Price", made, tmp_path, sql_seconds=2)
    assert caught.value.code == "sql_stopped" and "ran for over 2 s" in str(caught.value)
    assert time.perf_counter() - started < 6


def test_a_query_that_eats_memory_is_stopped(tmp_path: Path, engine: Engine) -> None:
    made = views(tmp_path, engine)
    text = "SELECT a.entity || b.entity || c.entity || d.entity AS entity FROM orders a, orders b, orders c, orders d ORDER BY 1"
    with pytest.raises(Failed) as caught:
        run(text, made, tmp_path, sql_memory_mb=64)
    assert caught.value.code == "sql_stopped" and "needs more than 64 MiB of memory" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT Prize FROM orders", 'Referenced column "Prize" not found'),
        ("SELECT Price, moment FROM orders", "It returns the columns Price, moment. Return one column, or one named entity."),
        ("SELECT entity FROM orders WHERE Price > 'much'", "Could not convert"),
    ],
)  # fmt: skip
def test_what_the_engine_refuses_is_told(text: str, words: str, tmp_path: Path, engine: Engine) -> None:
    with pytest.raises(Refused) as caught:
        run(text, views(tmp_path, engine), tmp_path)
    assert caught.value.code == "sql_refused" and words in str(caught.value) and caught.value.fix
    assert str(tmp_path) not in str(caught.value)


def test_every_function_on_offer_runs(tmp_path: Path, engine: Engine) -> None:
    """The SQL written anew is the engine's own dialect."""
    calls = """
        count(*) count(DISTINCT Price) count_if(Price > 1) sum(Price) avg(Price) median(Price) quantile_cont(Price, 0.5)
        quantile_disc(Price, 0.5) stddev(Price) stddev_pop(Price) var_samp(Price) var_pop(Price) arg_max(entity, Price)
        min_by(entity, Price) bool_and(Price > 1) bool_or(Price > 1) corr(Price, Price) covar_pop(Price, Price)
        count(*) FILTER (WHERE Price > 1)
    """
    scalars = """
        abs(Price) ceil(Price) floor(Price) round(Price, 2) trunc(Price) sqrt(Price) cbrt(Price) ln(Price + 1) log(Price + 1)
        log2(Price + 1) exp(1) power(Price, 2) sign(Price) greatest(Price, 2) least(Price, 2) isnan(1.0::DOUBLE) Price // 2
        Price % 2 -Price entity || 'x' lower(entity) upper(entity) length(entity) strlen(entity) trim(entity)
        substring(entity, 1, 2) concat(entity, 'x') concat_ws('-', entity, 'x') left(entity, 1) right(entity, 1)
        replace(entity, 'C', 'D') starts_with(entity, 'C') ends_with(entity, '1') contains(entity, '1') strpos(entity, '1')
        reverse(entity) regexp_matches(entity, 'C1') regexp_extract(entity, '[0-9]+') regexp_replace(entity, 'C', 'D')
        split_part(entity, 'C', 2) strftime(moment, '%Y') md5(entity) list_contains(Labels, 'a') list_has_any(Labels, ['a'])
        list_has_all(Labels, ['a', 'b']) Labels[1] date_trunc('month', moment) date_diff('day', moment, as_of())
        date_sub('day', moment, as_of()) last_day(moment::DATE) make_date(2024, 1, 2) epoch(moment) to_days(3) dayname(moment)
        monthname(moment) year(moment) quarter(moment) month(moment) week(moment) day(moment) hour(moment) minute(moment)
        second(moment) dayofweek(moment) isodow(moment) dayofyear(moment) weekday(moment) yearweek(moment)
        date_part('year', moment) extract(dow FROM moment) timezone('UTC', moment) coalesce(Price, 1) nullif(Price, 1)
        if(Price > 1, 1, 2) ifnull(Price, 1) CASE Price WHEN 1 THEN 2 ELSE 3 END try_cast(entity AS BIGINT) Price::INTEGER
        Price BETWEEN 1 AND 2 entity LIKE 'C%' entity ILIKE 'c%' Price IS DISTINCT FROM 2 entity IN ('C1', 'C2')
        row_number() OVER (ORDER BY Price) rank() OVER (ORDER BY Price) dense_rank() OVER (ORDER BY Price)
        percent_rank() OVER (ORDER BY Price) cume_dist() OVER (ORDER BY Price) ntile(4) OVER (ORDER BY Price)
        lag(Price) OVER (ORDER BY Price) lead(Price) OVER (ORDER BY Price) first_value(Price) OVER (ORDER BY Price)
        last_value(Price) OVER (ORDER BY Price) nth_value(Price, 2) OVER (ORDER BY Price)
        sum(Price) OVER (PARTITION BY entity ORDER BY moment ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)
        EXISTS (SELECT 1 FROM tags WHERE tags.entity = orders.entity)
    """

    made = views(tmp_path, engine)
    for block in (calls, scalars):
        selected = ", ".join(_calls(block))
        assert run(f"SELECT 'C1' AS entity, {selected} FROM orders", made, tmp_path) == [1]


def _calls(text: str) -> list[str]:
    """Calls that are separated by white space outside of parentheses; operators and keywords belong to their neighbours."""
    joins = {
        "//",
        "%",
        "||",
        "BETWEEN",
        "AND",
        "LIKE",
        "ILIKE",
        "IS",
        "DISTINCT",
        "FROM",
        "IN",
        "OVER",
        "FILTER",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "EXISTS",
    }
    found: list[str] = []
    depth, glued = 0, False
    for word in text.split():
        if found and (
            depth
            or glued
            or word in joins - {"CASE", "EXISTS"}
            or (found[-1].startswith("CASE") and not found[-1].endswith("END"))
        ):
            found[-1] += f" {word}"
        else:
            found.append(word)
        depth += word.count("(") - word.count(")")
        glued = word in joins - {"END"}
    return found


def test_in_a_workspace(tmp_path: Path) -> None:
    """At another as-of and data version the answer is another."""
    (tmp_path / "people.csv").write_text("id,age\n007,40\n008,30\n009,\n")
    (tmp_path / "orders.csv").write_text("id,at,amount\n007,2024-05-01,5\n008,2024-05-03,7\n010,2024-05-02,9\n")
    with coterie.init(tmp_path / "ws") as ws:
        ws.load(tmp_path / "people.csv", kind="profiles", name="people", entity="id", types={"age": "integer"})
        ws.load(tmp_path / "orders.csv", kind="events", name="Orders", entity="id", time="at")
        ws.tags.add(recipe="rfm", events="Orders", amount="amount")
        ws.tags.build("2024-06-01")
        context = ws.audiences._index.context
        words = CatalogVocabulary(context.catalog, context.zone)

        def asked(text: str, as_of: datetime | None = None, data_version: int | None = None) -> list[str]:
            view = View.at(context, "customer", as_of, data_version)
            found = answer(context, view, check(words, text))
            known = dict(context.engine.rows(view.universe_sql()))
            assert (found.unmatched, found.examples) == ((1, ("X9",)) if "X9" in text else (0, ()))
            return sorted(known[row] for row in found.rows.tolist())

        assert asked('SELECT entity FROM tags WHERE age >= 30 AND "rfm.frequency" = 1') == ["007", "008"]
        assert asked("SELECT entity FROM orders ORDER BY amount DESC LIMIT 2") == ["008", "010"]
        assert asked("SELECT entity FROM orders", datetime(2024, 5, 2, 12, tzinfo=UTC)) == ["007", "010"]
        assert asked("SELECT entity FROM orders", None, 1) == []
        assert asked("SELECT entity FROM universe WHERE entity NOT IN (SELECT entity FROM people)") == ["010"]
        assert asked("SELECT * FROM tags WHERE age IS NULL") == ["009", "010"]
        assert asked("SELECT '007' UNION ALL SELECT 'X9' UNION ALL SELECT 'X9' UNION ALL SELECT NULL") == ["007"]
        with pytest.raises(Refused, match='"agee" not found'):
            asked("SELECT entity FROM tags WHERE agee > 3")


def test_the_views_of_a_workspace() -> None:
    """A dataset that is called as one of the two views is not reached; the others are, whatever the case."""

    words = SimpleNamespace(datasets={n: Dataset(n, DatasetKind.EVENTS, ()) for n in ("Tags", "Orders")})
    found = check(words, 'SELECT entity FROM orders JOIN "TAGS" USING (entity)')  # type: ignore[arg-type]
    assert found.views == ("Orders", "tags") and found.columns == frozenset({"entity"})


TOP = "SELECT entity FROM orders GROUP BY entity ORDER BY sum(amount) DESC, entity LIMIT 100"
FRENCH: dict[str, Any] = {"tag": "country", "op": "eq", "value": "FR"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Three thousand people with their orders, and a tag by formula."""
    folder = tmp_path_factory.mktemp("sql")
    with coterie.open(write_shop(folder)) as ws:
        ws.tags.add(definitions=[{"name": "double", "formula": "age * 2"}])
        ws.tags.build("2024-06-01")
        yield ws


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was run in processes of their own, in order; they are run all the same."""
    seen: list[str] = []

    def seeing(select: str, *given: Any, **options: Any) -> Answer:
        seen.append(select)
        return run_select(select, *given, **options)

    monkeypatch.setattr(sql_audience, "run_select", seeing)
    return seen


def best(shop: Workspace, *files: str) -> list[str]:
    """The hundred with the highest sum, from the files themselves."""
    sums: dict[str, Decimal] = {}
    for file in ("orders.csv", *files):
        for row in csv.DictReader((shop.path.parent / file).read_text(encoding="utf-8").splitlines()):
            sums[row["id"]] = sums.get(row["id"], Decimal(0)) + Decimal(row["amount"])
    return sorted(sums, key=lambda key: (-sums[key], key))[:100]


def test_as_a_condition_among_others(shop: Workspace, processes: list[str], tmp_path: Path) -> None:
    """Everything that is asked of a rule, and one process for all of it."""
    known = {r["id"]: r for r in csv.DictReader((shop.path.parent / "people.csv").read_text("utf-8").splitlines())}
    top = best(shop)
    expected = sorted(key for key in top if known[key]["country"] == "FR")
    rule = {"all": [FRENCH, {"sql": TOP}]}
    found = shop.audiences.count(rule)
    assert found.count == len(expected) > 0 and found.notes == ()
    assert [(n.place, n.alone) for n in found.waterfall][2] == ("all[1]", 100)
    assert shop.audiences.count(rule, straight=True).waterfall == found.waterfall
    without = shop.audiences.count({"all": [FRENCH, {"not": {"sql": f"{TOP} -- the same"}}]})
    assert without.count == without.waterfall[1].alone - len(expected)
    assert shop.audiences.count({"xor": [{"sql": TOP}, {"any": [{"sql": TOP}, FRENCH]}]}).count == without.count
    among = {"top": {"tag": "rfm.monetary", "n": 10, "among": {"sql": TOP}}}
    assert shop.audiences.count(among).count == shop.audiences.count(among, straight=True).count == 10
    shop.audiences.save("best", rule)
    assert shop.audiences.refresh("best")["count"] == len(expected)
    assert shop.audiences.members("best", limit=100)["members"] == expected
    shop.audiences.export("best", tmp_path / "best.csv", tags=["country"])
    assert len((tmp_path / "best.csv").read_text(encoding="utf-8-sig").splitlines()) == len(expected) + 1
    inside, outside = (shop.audiences.explain("best", key) for key in (expected[0], sorted(set(known) - set(top))[0]))
    assert inside["member"] and [r["value"] for r in inside["reasons"]] == [None, "FR", True]
    assert not outside["member"] and outside["reasons"][2]["passed"] is False and outside["flip"] is None
    assert shop.audiences.insight("best").count == len(expected)
    aged = shop.audiences.insight({"sql": "SELECT * FROM tags WHERE age > 40"})
    assert {t.tag for t in aged.tags if t.defines} == {"age", "double"}  # in the SQL, and made of it
    shop.audiences.save("best too", {"all": [{"audience": "best"}, {"sql": TOP}]})
    assert shop.audiences.overlap(["best", "best too"]).union == len(expected)
    assert len(processes) == 2


def test_the_answer_is_that_of_the_questions_moment_data_and_definitions(shop: Workspace, processes: list[str]) -> None:
    rule, early = {"sql": "SELECT entity FROM orders WHERE moment <= as_of()"}, shop.moment("2024-02-01")
    past = {r["id"] for r in csv.DictReader((shop.path.parent / "orders.csv").read_text("utf-8").splitlines())
            if r["at"] <= "2024-02-01"}  # fmt: skip
    then, now = shop.audiences.count(rule, as_of=early), shop.audiences.count(rule)
    assert then.count == len(past) < now.count
    assert shop.audiences.count(rule, data_version=1).count == 0
    older = {"sql": 'SELECT entity FROM tags WHERE "double" >= 100'}
    fifty = shop.audiences.count({"tag": "age", "op": "gte", "value": 50}).count
    assert shop.audiences.count(older).count == fifty
    shop.tags.add(definitions=[{"name": "double", "formula": "age * 4"}])
    assert shop.audiences.count(older).count == shop.audiences.count({"tag": "age", "op": "gte", "value": 25}).count
    assert shop.audiences.count(rule, as_of=early).count == then.count
    shop.tags.add(definitions=[{"name": "double", "formula": "age * 2"}])
    assert shop.audiences.count(older).count == fifty
    version, runs = shop.data_version, len(processes)
    (shop.path.parent / "more.csv").write_text(orders(random.Random(8), 900), encoding="utf-8")
    shop.load(shop.path.parent / "more.csv", kind="events", name="orders", entity="id", time="at")
    shop.tags.build("2024-06-01")
    assert shop.audiences.count({"sql": TOP}).count == 100
    shop.audiences.save("top", {"sql": TOP})
    assert shop.audiences.members("top", limit=100)["members"] == sorted(best(shop, "more.csv"))
    assert shop.audiences.count(rule, data_version=version).count == now.count
    assert len(processes) == runs + 1  # the last one was asked before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DROP TABLE orders", "DROP is no SELECT."),
        ("SELECT entity FROM order", 'There is no view "order". Did you mean "orders"?'),
        ("SELECT entity FROM tags WHERE agee > 3", 'Referenced column "agee" not found'),
        ("SELECT entity FROM orders WHERE amount + moment > 3", "No function matches"),
        ("SELECT entity, amount AS x FROM orders GROUP BY entity", "must appear in the GROUP BY clause"),
        ("SELECT amount, moment FROM orders", "It returns the columns amount, moment."),
    ],
)
def test_wrong_sql_is_refused_before_it_is_run(shop: Workspace, processes: list[str], text: str, words: str) -> None:
    for do in (shop.audiences.count, partial(shop.audiences.save, "x"), partial(shop.audiences.blocks.save, "x")):
        with pytest.raises(Refused) as caught:
            do({"all": [FRENCH, {"not": {"sql": text}}]})
        assert (caught.value.code, caught.value.place) == ("sql_refused", "all[1].not.sql")
        assert words in str(caught.value) and caught.value.fix
    assert not processes


def test_ids_of_nobody_are_told(shop: Workspace) -> None:
    rule = {"all": [{"sql": "SELECT entity || 'x' FROM tags WHERE entity < '00002' UNION SELECT '00007'"}]}
    found = shop.audiences.count(rule)
    assert found.count == 1
    assert found.notes == ('The SQL at all[0].sql returned 2 ids that are nobody\'s, such as "00000x", "00001x".',)
    assert shop.audiences.count(rule, language="zh").notes[0].startswith("all[0].sql 处的 SQL 返回了 2 个")
    shop.audiences.save("unknown", rule)
    assert shop.audiences.refresh("unknown")["notes"] == found.notes


def test_a_limit_of_time_is_told_with_the_place(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTERIE_SQL_SECONDS", "1")
    crossed = ", ".join(f"orders o{n}" for n in range(6))
    with coterie.open(shop.path) as ws:
        with pytest.raises(Failed) as caught:
            ws.audiences.count({"any": [FRENCH, {"sql": f"SELECT max(o1.entity) FROM {crossed}"}]})
    assert (caught.value.code, caught.value.place) == ("sql_stopped", "any[1].sql")
