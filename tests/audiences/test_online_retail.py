"""Rules over the events of a real shop give the people whom plain SQL over the original file gives.

Each SQL was written from the sentence, with days counted by hand, and knows nothing of rules, tags, views or row numbers. The
shop is asked as of the beginning of 10 December 2011, UTC: 30 days earlier is 10 November, 60 11 October, 90 11 September.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import duckdb
import pytest

import coterie
from coterie.workspace import Workspace

CUSTOMERS = 4_372
AS_OF = "2011-12-10"
# c the customer, q the quantity, t the moment; as the file has them
TABLE = """
CREATE TABLE o AS SELECT CAST(CAST(CustomerID AS DOUBLE) AS BIGINT)::VARCHAR AS c, InvoiceNo AS invoice, StockCode AS stock,
  Description AS said, Quantity::BIGINT AS q, UnitPrice::DECIMAL(18, 4) AS price, InvoiceDate::TIMESTAMP AS t, Country AS country
FROM read_csv(?, all_varchar = true, header = true) WHERE CustomerID IS NOT NULL
"""
SPEND, BASKETS = "sum(q * price)", "count(DISTINCT invoice)"


@pytest.fixture(scope="module")
def file(data_dir: Path) -> str:
    return str(data_dir / "online_retail" / "online_retail.csv.gz")


@pytest.fixture(scope="module")
def shop(file: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The shop with two tags, a list, and an audience with a snapshot of a month earlier."""
    folder = tmp_path_factory.mktemp("retail")
    (folder / "wine.csv").write_text("key\n" + "".join(f"{n}\n" for n in range(12_300, 19_000, 7)), encoding="utf-8")
    with coterie.init(folder / "ws", currency="GBP") as ws:
        ws.load(file, kind="events", name="orders", entity="CustomerID", time="InvoiceDate")
        spend = {"dataset": "orders", "measure": "sum", "of": "Quantity * UnitPrice"}
        baskets = {"dataset": "orders", "measure": "distinct", "of": "InvoiceNo"}
        ws.tags.add(definitions=[{"name": "spend", "aggregate": spend}, {"name": "baskets", "aggregate": baskets}])
        assert ws.tags.build(AS_OF)["entities"] == CUSTOMERS
        assert ws.tags.upload_list("wine", folder / "wine.csv", column="key")["unmatched"] > 0
        ws.audiences.save("recent", {"events": "orders", "where": BOUGHT, "within": "30d"})
        ws.audiences.refresh("recent", as_of=ws.moment("2011-11-10"))
        ws.audiences.blocks.save("cancelled", {"events": "orders", "where": CANCELLED, "at_least": 5})
        yield ws


@pytest.fixture(scope="module")
def plain(file: str) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(TABLE, [file])
        yield connection


BOUGHT = {"field": "Quantity", "op": "gt", "value": 0}
CANCELLED = {"field": "InvoiceNo", "op": "starts_with", "value": "C"}
PEOPLE = "SELECT c FROM o GROUP BY c"


def item(code: str) -> dict[str, Any]:
    return {"field": "StockCode", "op": "eq", "value": code}


RULES: dict[str, tuple[dict[str, Any], str]] = {
    # Spent 500 pounds or more between 90 and 30 days ago, and has bought nothing in the last 30 days.
    "window in the past": (
        {"all": [
            {"events": "orders", "measure": "sum", "of": "Quantity * UnitPrice", "op": "gte", "value": 500, "between": ["90d", "30d"]},
            {"events": "orders", "where": BOUGHT, "never": True, "within": "30d"},
        ]},
        """SELECT c FROM o WHERE t > '2011-09-11' AND t <= '2011-11-10' GROUP BY c HAVING sum(q * price) >= 500
           EXCEPT SELECT c FROM o WHERE t > '2011-11-10' AND q > 0""",
    ),
    # Came for the first time in the last 60 days.
    "first time": (
        {"events": "orders", "measure": "first_at", "op": "within_last", "value": "60d"},
        "SELECT c FROM o GROUP BY c HAVING min(t) > '2011-10-11'",
    ),
    # Bought in at least five of the last six months.
    "regular months": (
        {"events": "orders", "where": BOUGHT, "regular": {"at_least": 5, "of_last": 6, "unit": "month"}},
        """SELECT c FROM o WHERE q > 0 AND t > '2011-06-10' GROUP BY c HAVING
           (count(*) FILTER (WHERE t > '2011-06-10' AND t <= '2011-07-10') > 0)::INT
           + (count(*) FILTER (WHERE t > '2011-07-10' AND t <= '2011-08-10') > 0)::INT
           + (count(*) FILTER (WHERE t > '2011-08-10' AND t <= '2011-09-10') > 0)::INT
           + (count(*) FILTER (WHERE t > '2011-09-10' AND t <= '2011-10-10') > 0)::INT
           + (count(*) FILTER (WHERE t > '2011-10-10' AND t <= '2011-11-10') > 0)::INT
           + (count(*) FILTER (WHERE t > '2011-11-10' AND t <= '2011-12-10') > 0)::INT >= 5""",
    ),
    # Bought in the last 30 days after 120 days without, having bought before these.
    "stopped and restarted": (
        {"events": "orders", "where": BOUGHT, "restarted": {"back": "30d", "gap": "120d"}},
        """SELECT c FROM o WHERE q > 0 AND t > '2011-11-10'
           INTERSECT SELECT c FROM o WHERE q > 0 AND t <= '2011-07-13'
           EXCEPT SELECT c FROM o WHERE q > 0 AND t > '2011-07-13' AND t <= '2011-11-10'""",
    ),
    # Bought in the 90 days before the last 90, and nothing since.
    "stopped": (
        {"events": "orders", "where": BOUGHT, "stopped": {"active": "90d", "silent": "90d"}},
        """SELECT c FROM o WHERE q > 0 AND t > '2011-06-13' AND t <= '2011-09-11'
           EXCEPT SELECT c FROM o WHERE q > 0 AND t > '2011-09-11'""",
    ),
    # Bought the white hanging heart, then within 60 days the party bunting, and cancelled nothing in the 30 days after it.
    "sequence, then not": (
        {"sequence": [
            {"events": "orders", "where": {"all": [item("85123A"), BOUGHT]}},
            {"events": "orders", "where": {"all": [item("47566"), BOUGHT]}, "within": "60d"},
            {"then_not": {"events": "orders", "where": CANCELLED, "within": "30d"}},
        ]},
        """SELECT DISTINCT a.c FROM o a JOIN o b ON a.c = b.c AND b.t > a.t AND b.t <= a.t + INTERVAL '1440 hours'
           WHERE a.stock = '85123A' AND a.q > 0 AND b.stock = '47566' AND b.q > 0 AND b.t + INTERVAL '720 hours' <= '2011-12-10'
           AND NOT EXISTS (SELECT 1 FROM o n WHERE n.c = b.c AND n.invoice LIKE 'C%'
                           AND n.t > b.t AND n.t <= b.t + INTERVAL '720 hours')""",
    ),
    # Bought one product three times within the last 90 days, each at most 7 days after the one before.
    "the same product again": (
        {"sequence": [{"events": "orders", "where": BOUGHT}, *([{"events": "orders", "where": BOUGHT, "within": "7d"}] * 2)],
         "same": "StockCode", "within": "90d"},
        """WITH p AS (SELECT DISTINCT c, stock, t FROM o WHERE q > 0 AND t > '2011-09-11')
           SELECT DISTINCT x.c FROM p x JOIN p y USING (c, stock) JOIN p z USING (c, stock)
           WHERE y.t > x.t AND y.t - x.t <= INTERVAL 7 DAY AND z.t > y.t AND z.t - y.t <= INTERVAL 7 DAY""",
    ),
    # The 250 with the most baskets; many have as many as the last of them, and go by their number.
    "best by baskets, with ties": (
        {"top": {"tag": "baskets", "n": 250}},
        f"SELECT c FROM o GROUP BY c ORDER BY {BASKETS} DESC, c LIMIT 250",
    ),
    # Of the customers of Germany, the fifth with the least spend.
    "quantile": (
        {"quantile": {"tag": "spend", "parts": 5, "is": 1, "lowest": True,
                      "among": {"events": "orders", "where": {"field": "Country", "op": "eq", "value": "Germany"}}}},
        f"""WITH g AS (SELECT c, {SPEND} AS spend FROM o GROUP BY c HAVING bool_or(country = 'Germany'))
            SELECT c FROM g ORDER BY spend, c LIMIT (SELECT (count(*) + 4) // 5 FROM g)""",
    ),
    # At least two lines that are either of Germany with 24 pieces or more, or no bag and dearer than 100 pounds.
    "nested conditions on lines": (
        {"events": "orders", "at_least": 2, "where": {"any": [
            {"all": [{"field": "Country", "op": "eq", "value": "Germany"}, {"field": "Quantity", "op": "gte", "value": 24}]},
            {"all": [{"not": {"field": "Description", "op": "contains", "value": "BAG"}},
                     {"field": "UnitPrice", "op": "gt", "value": 100}]},
        ]}},
        """SELECT c FROM o WHERE (country = 'Germany' AND q >= 24) OR (coalesce(said, '') NOT LIKE '%BAG%' AND price > 100)
           GROUP BY c HAVING count(*) >= 2""",
    ),
    # Has bought in the last 30 days, and was not in the snapshot of those who had as of 10 November.
    "an audience without its snapshot": (
        {"all": [{"audience": "recent"}, {"not": {"audience": "recent", "snapshot": "1"}}]},
        """SELECT c FROM o WHERE q > 0 AND t > '2011-11-10'
           EXCEPT SELECT c FROM o WHERE q > 0 AND t > '2011-10-11' AND t <= '2011-11-10'""",
    ),
    # Is on the list (every seventh number from 12300), and has spent less than 1,000 pounds.
    "a list": (
        {"all": [{"list": "wine"}, {"tag": "spend", "op": "lt", "value": 1000}]},
        f"SELECT c FROM o WHERE (c::INT - 12300) % 7 = 0 GROUP BY c HAVING {SPEND} < 1000",
    ),
    # Is among the 500 with the most different products, and is not of the United Kingdom.
    "SQL as a condition": (
        {"all": [
            {"sql": 'SELECT entity FROM orders GROUP BY entity ORDER BY count(DISTINCT "StockCode") DESC, entity LIMIT 500'},
            {"not": {"events": "orders", "where": {"field": "Country", "op": "eq", "value": "United Kingdom"}}},
        ]},
        """SELECT c FROM (SELECT c, bool_or(country = 'United Kingdom') AS home FROM o GROUP BY c
           ORDER BY count(DISTINCT stock) DESC, c LIMIT 500) WHERE NOT home""",
    ),
    # Exactly one of: has cancelled five lines, has bought in the last 30 days, has spent 2,000 pounds.
    "exactly one of three": (
        {"xor": [{"block": "cancelled"}, {"audience": "recent"}, {"tag": "spend", "op": "gte", "value": 2000}]},
        f"""SELECT c FROM o GROUP BY c HAVING (count(*) FILTER (WHERE invoice LIKE 'C%') >= 5)::INT
            + (count(*) FILTER (WHERE q > 0 AND t > '2011-11-10') > 0)::INT + ({SPEND} >= 2000)::INT = 1""",
    ),
}  # fmt: skip


def members(ws: Workspace, rule: dict[str, Any]) -> list[str]:
    """Whom a rule gives, by the audience saved with it."""
    ws.audiences.save("asked", rule)
    found: list[str] = ws.audiences.members("asked", limit=CUSTOMERS)["members"]
    return found


@pytest.mark.parametrize("name", RULES)
def test_members_are_those_of_plain_sql(name: str, shop: Workspace, plain: duckdb.DuckDBPyConnection) -> None:
    rule, sql = RULES[name]
    expected = {c for (c,) in plain.execute(sql).fetchall()}
    found = members(shop, rule)
    assert set(found) == expected and len(found) == len(expected), json.dumps(rule)
    assert 1 <= len(found) < CUSTOMERS
    counts = shop.audiences.count(rule), shop.audiences.count(rule, straight=True)
    assert [c.count for c in counts] == [len(found)] * 2 and counts[0].universe == CUSTOMERS


def part(salt: str, key: str) -> float:
    """Where a key lies from 0 to 1, as the documentation says: 15 hexadecimal digits of MD5 of `SALT/KEY`."""
    return int(md5(f"{salt}/{key}".encode()).hexdigest()[:15], 16) / 16**15


def test_samples_and_splits_are_those_of_the_hash(shop: Workspace, plain: duckdb.DuckDBPyConnection) -> None:
    """A tenth of all, and within it the second of three parts; the parts share nobody and are all."""
    everyone = {c for (c,) in plain.execute(PEOPLE).fetchall()}
    tenth = {"sample": {"percent": 10, "salt": "spring"}}
    expected = {c for c in everyone if part("spring", c) < 0.1}
    assert set(members(shop, tenth)) == expected and 350 < len(expected) < 550
    parts = [set(members(shop, {"split": {"parts": 3, "is": n, "salt": "letter"}})) for n in (1, 2, 3)]
    for number, found in enumerate(parts):
        assert found == {c for c in everyone if number / 3 <= part("letter", c) < (number + 1) / 3}
    assert set.union(*parts) == everyone and sum(map(len, parts)) == CUSTOMERS
    both = {"all": [tenth, {"split": {"parts": 3, "is": 2, "salt": "letter"}}]}
    assert set(members(shop, both)) == expected & parts[1]


def test_ties_at_the_limit_are_real(plain: duckdb.DuckDBPyConnection) -> None:
    """Else the rule with ties would show nothing."""
    rows = plain.execute(f"SELECT {BASKETS} FROM o GROUP BY c ORDER BY 1 DESC LIMIT 251").fetchall()
    assert rows[249] == rows[250]
