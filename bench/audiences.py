"""Audiences of 10M customers with 30 tags and 100M events, against DuckDB on native tables.

Every answer is first compared with DuckDB's. Both have two threads and the same memory; what is timed warm is warm for
both. `python -m bench.audiences [CUSTOMERS]`: at another size than the full one it reports and exits 1.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import duckdb

import coterie
from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.lake.service import Staged

FULL, EVENTS_EACH, SEED, REPEATS, MEMORY_MB = 10_000_000, 10, 20261121, 5, 6144
AS_OF, NEXT_DAY = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
CARDINALITIES = (3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 250, 300)
CHANNELS = ("reach.email", "reach.push", "reach.sms")


def u(k: int) -> str:
    """SQL of an even draw from [0, 1), the same at every run."""
    return f"((hash(i, {SEED + k}) % 1000003) / 1000003.0)"


def columns() -> dict[str, tuple[ValueType, str]]:
    """The tags: type and SQL of each, from the number `i` of a customer."""
    made: dict[str, tuple[ValueType, str]] = {}
    for k, n in enumerate(CARDINALITIES):
        value = f"'v' || lpad(floor(pow({u(k)}, 2.2) * {n})::INT::VARCHAR, 3, '0')"
        made[f"cat{n}"] = (ValueType.TEXT, f"CASE WHEN {u(100 + k)} > 0.05 THEN {value} END")
    for k, name in enumerate((*CHANNELS, "member", "app", "employee")):
        made[name] = (
            ValueType.BOOLEAN,
            f"CASE WHEN {u(300 + k)} > 0.02 THEN {u(20 + k)} < {(0.7, 0.4, 0.55, 0.2, 0.5, 0.01)[k]} END",
        )
    for k, (name, days) in enumerate((("signup", 2000), ("birthday", 25_000), ("last_visit", 400))):
        made[name] = (ValueType.DATE, f"DATE '2025-12-31' - floor(pow({u(30 + k)}, 1.5) * {days})::INT")
    visits = f"floor(-ln(1 - {u(40)}) * 12)::BIGINT"
    orders = f"floor({visits} * {u(41)} * 0.6)::BIGINT"
    made |= {
        "age": (ValueType.INTEGER, f"CASE WHEN {u(140)} > 0.1 THEN 16 + floor({u(42)} * 70)::BIGINT END"),
        "visits": (ValueType.INTEGER, visits),
        "orders_n": (ValueType.INTEGER, orders),
        "spent": (ValueType.DECIMAL, f"CAST({orders} * (5 + {u(43)} * 90) AS DECIMAL(18, 2))"),
        "basket": (ValueType.DECIMAL, f"CASE WHEN {orders} > 0 THEN CAST(5 + {u(43)} * 90 AS DECIMAL(18, 2)) END"),
        "score": (ValueType.NUMBER, f"round({u(44)} * {u(45)}, 5)"),
        "recency": (ValueType.INTEGER, f"floor(-ln(1 - {u(46)}) * 60)::BIGINT"),
    }
    item = f"'i' || lpad(floor(pow((hash(i, {SEED + 500}, j) % 1000003) / 1000003.0, 2) * 60)::INT::VARCHAR, 2, '0')"
    items = f"list_distinct(list_transform(range(floor({u(50)} * 6)::INT), lambda j: {item}))"
    made["interests"] = (ValueType.TEXTS, f"CASE WHEN {u(150)} > 0.1 THEN {items} END")
    city = f"['Beijing', 'Shanghai', 'Paris', 'Berlin', 'Lyon'][1 + floor(pow({u(51)}, 1.5) * 5)::INT]"
    made["area"] = (ValueType.PATH, f"[{city}, 'd' || floor({u(52)} * 30)::INT]")
    return made


LEAVES: list[tuple[dict[str, Any], str]] = [
    ({"tag": "cat3", "op": "eq", "value": "v001"}, "cat3 = 'v001'"),
    ({"tag": "cat20", "op": "eq", "value": "v007"}, "cat20 = 'v007'"),
    ({"tag": "cat300", "op": "in", "value": ["v003", "v050", "v299"]}, "cat300 IN ('v003', 'v050', 'v299')"),
    ({"tag": "cat50", "op": "not_in", "value": ["v001", "v002"]}, "cat50 NOT IN ('v001', 'v002')"),
    ({"tag": "cat8", "op": "ne", "value": "v000"}, "cat8 <> 'v000'"),
    ({"tag": "cat120", "op": "starts_with", "value": "v00"}, "starts_with(cat120, 'v00')"),
    ({"tag": "cat250", "op": "contains", "value": "11"}, "contains(cat250, '11')"),
    ({"tag": "cat12", "op": "not_exists"}, "cat12 IS NULL"),
    ({"tag": "member", "op": "eq", "value": True}, "member"),
    ({"tag": "app", "op": "eq", "value": False}, "NOT app"),
    ({"tag": "age", "op": "between", "value": [25, 40]}, "age BETWEEN 25 AND 40"),
    ({"tag": "visits", "op": "gte", "value": 12}, "visits >= 12"),
    ({"tag": "spent", "op": "gt", "value": 250}, "spent > 250"),
    ({"tag": "basket", "op": "lte", "value": 30.5}, "basket <= 30.5"),
    ({"tag": "score", "op": "lt", "value": 0.1}, "score < 0.1"),
    ({"tag": "recency", "op": "lte", "value": 30}, "recency <= 30"),
    ({"tag": "signup", "op": "gte", "value": "2024-06-01"}, "signup >= DATE '2024-06-01'"),
    ({"tag": "last_visit", "op": "within_last", "value": "30d"}, "last_visit > DATE '2025-12-02' AND last_visit <= DATE '2026-01-01'"),
    ({"tag": "interests", "op": "any_of", "value": ["i03", "i11"]}, "list_has_any(interests, ['i03', 'i11'])"),
    ({"tag": "interests", "op": "none_of", "value": ["i00"]}, "NOT list_contains(interests, 'i00')"),
    ({"tag": "area", "op": "under", "value": ["Shanghai"]}, "area[1] = 'Shanghai'"),
]  # fmt: skip
EVENT_RULE = {
    "all": [
        {"events": "events", "where": {"field": "type", "op": "eq", "value": "view"}, "at_least": 3, "within": "30d"},
        {"events": "events", "where": {"field": "type", "op": "eq", "value": "buy"}, "never": True, "within": "60d"},
    ]
}
# Beside the thirty tags of profiles, two that new events and a new day change.
_BUYS = {"dataset": "events", "where": {"field": "type", "op": "eq", "value": "buy"}}
EVENT_TAGS = [
    {"name": "buys_30d", "aggregate": {**_BUYS, "measure": "count", "within": "30d"}},
    {"name": "spent_90d", "aggregate": {**_BUYS, "measure": "sum", "of": "amount", "within": "90d"}},
]
EVENT_SQL = f"""
SELECT count(*) FROM (
    SELECT row FROM events
    WHERE ts > TIMESTAMPTZ '{AS_OF}' - INTERVAL 60 DAY AND ts <= TIMESTAMPTZ '{AS_OF}' AND type IN ('view', 'buy')
    GROUP BY row
    HAVING count(*) FILTER (type = 'view' AND ts > TIMESTAMPTZ '{AS_OF}' - INTERVAL 30 DAY) >= 3 AND count(*) FILTER (type = 'buy') = 0
)"""


def prepare(folder: Path, n: int) -> None:
    """The workspace, published through the lake, and the same rows as DuckDB's native tables."""
    made = columns()
    select = ", ".join(f'{sql} AS "{name}"' for name, (_, sql) in made.items())
    with coterie.init(str(folder / "ws")) as ws, ws.lake.staging() as staging, reference(folder) as db:
        db.execute(f"""CREATE TABLE users AS SELECT row_number() OVER (ORDER BY k) - 1 AS row, 'u' || k AS entity,
            * EXCLUDE (i, k) FROM (SELECT i, lpad((i * 7919 % {n})::VARCHAR, 8, '0') AS k, {select} FROM range({n}) t(i)) ORDER BY row""")
        db.execute(f"""CREATE TABLE events AS SELECT u.row, e.type, e.ts, e.amount FROM (
            SELECT floor(pow({u(70)}, 1.3) * {n})::BIGINT AS row,
                ['view', 'cart', 'buy', 'mail'][1 + floor(pow({u(71)}, 2) * 4)::INT] AS type,
                TIMESTAMPTZ '2025-01-01 00:00:00+00' + to_seconds((i * (365 * 86400.0 / {n * EVENTS_EACH}))::BIGINT) AS ts,
                CAST(1 + {u(72)} * 99 AS DECIMAL(18, 2)) AS amount
            FROM range({n * EVENTS_EACH}) t(i)) e JOIN users u USING (row) ORDER BY e.ts""")
        profiles, entities, events = (staging / f"{x}.parquet" for x in ("profiles", "entities", "events"))
        listed = ", ".join(f'"{name}"' for name in made)
        db.execute(f"""COPY (SELECT entity AS _entity, NULL::TIMESTAMPTZ AS _at, row AS _seq, {listed}, NULL::BIGINT AS _batch
            FROM users ORDER BY hash(row)) TO '{profiles}' (COMPRESSION zstd)""")
        db.execute(f"""COPY (SELECT 'customer' AS kind, entity AS key, row, NULL::TIMESTAMPTZ AS first_seen, NULL::BIGINT AS _batch
            FROM users) TO '{entities}' (COMPRESSION zstd)""")
        db.execute(f"""COPY (SELECT u.entity AS _entity, ts AS _at, NULL::VARCHAR AS _key, type, amount, NULL::BIGINT AS _batch
            FROM events JOIN users u USING (row) ORDER BY ts) TO '{events}' (COMPRESSION zstd)""")
        fields = tuple(
            Field(name, kind, name, 2 if kind is ValueType.DECIMAL else None) for name, (kind, _) in made.items()
        )
        people = Dataset("people", DatasetKind.PROFILES, fields, entity="entity")
        own = (
            Field("type", ValueType.TEXT, "type"),
            Field("amount", ValueType.DECIMAL, "amount", 2),
            Field("at", ValueType.MOMENT, "_at"),
        )
        log = Dataset("events", DatasetKind.EVENTS, own, entity="entity", time="at")
        for dataset, files in (
            (people, {people.table: [profiles], "entities": [entities]}),
            (log, {log.table: [events]}),
        ):
            ws.catalog.save_dataset(dataset)
            staged = Staged(files, {"accepted": n})
            ws.lake.publish(dataset.name, lambda _, staged=staged: staged, dataset=dataset.name)
        ws.tags.add(definitions=EVENT_TAGS)
        started = time.perf_counter()
        ws.tags.build(AS_OF)
        built = time.perf_counter() - started
        print(f"tags built in {built:.1f} s", flush=True)
        started = time.perf_counter()
        ws.compact()
        print(f"compacted in {time.perf_counter() - started:.1f} s", flush=True)
        (folder / "done").write_text(json.dumps({"build_seconds": built}))


def reference(folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB on native tables."""
    config = {"threads": 2, "memory_limit": f"{MEMORY_MB}MiB", "temp_directory": str(folder / "spill")}
    db = duckdb.connect(str(folder / "reference.duckdb"), config=config)
    db.execute("SET TimeZone = 'UTC'")
    return db


def ms(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Median milliseconds, and the last answer."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        answer = work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times), answer


def random_rule(draw: random.Random, leaves: Sequence[int]) -> tuple[dict[str, Any], str, str]:
    """A nested rule of these leaves, its SQL over tags, and its SQL over the leaves' truths."""
    if len(leaves) == 1:
        rule, sql = LEAVES[leaves[0]]
        if draw.random() < 0.75:
            return dict(rule), f"coalesce({sql}, false)", f"f{leaves[0]}"
        return {"not": dict(rule)}, f"NOT coalesce({sql}, false)", f"NOT f{leaves[0]}"
    cut = draw.randint(1, len(leaves) - 1)
    (a, x, p), (b, y, q) = random_rule(draw, leaves[:cut]), random_rule(draw, leaves[cut:])
    key, word = draw.choice((("all", "AND"), ("any", "OR")))
    return {key: [a, b]}, f"({x} {word} {y})", f"({p} {word} {q})"


class Bench:
    """The measurements; `rows` of (what, value, limit, unit) with smaller being better."""

    def __init__(self, folder: Path, n: int) -> None:
        self.folder, self.n = folder, n
        os.environ |= {
            "COTERIE_THREADS": "2",
            "COTERIE_MEMORY_LIMIT_MB": str(MEMORY_MB),
            "COTERIE_INDEX_MEMORY_MB": "700",
        }
        self.ws, self.db = coterie.open(str(folder / "ws")), reference(folder)
        self.rows: list[tuple[str, float, float, str]] = []
        self.draw = random.Random(SEED)

    def say(self, what: str, value: float, limit: float, unit: str) -> None:
        """Note a figure."""
        self.rows.append((what, round(value, 4), limit, unit))
        print(f"{what:66} {value:10.3f} {unit:6} limit {limit:g}  {'PASS' if value <= limit else 'FAIL'}", flush=True)

    def same(self, what: str, mine: int, theirs: int) -> None:
        """Stop where an answer differs."""
        if mine != theirs:
            sys.exit(f"FAIL: {what}: {mine}, DuckDB says {theirs}")

    def count_sql(self, condition: str) -> int:
        """DuckDB's count."""
        return int(self.db.execute(f"SELECT count(*) FROM users WHERE {condition}").fetchone()[0])

    def build(self) -> None:
        """Making the columns."""
        index = self.ws.index
        shutil.rmtree(self.folder / "ws" / "cache" / "index", ignore_errors=True)
        started = time.perf_counter()
        index.warm()
        self.say("index: build", time.perf_counter() - started, 20, "s")
        self.full_seconds = (
            time.perf_counter() - started + json.loads((self.folder / "done").read_text())["build_seconds"]
        )
        self.say("index: disk", index.disk_bytes / 2**20, 300, "MiB")

    def leaves(self) -> None:
        """One condition edited: answered and filled, against DuckDB's count of it."""
        ratios = []
        for rule, sql in LEAVES:
            theirs_ms, theirs = ms(lambda sql=sql: self.count_sql(sql))
            mine_ms = []
            for _ in range(REPEATS):
                self.ws.index.forget_sets()
                started = time.perf_counter()
                mine = self.ws.audiences.size(rule)
                mine_ms.append((time.perf_counter() - started) * 1000)
            self.same(str(rule), mine, theirs)
            ratios.append(statistics.median(mine_ms) / theirs_ms)
            print(
                f"  {rule['tag']:10} {rule['op']:12} {mine:9} DuckDB {theirs_ms:6.1f} ms, index {statistics.median(mine_ms):6.1f} ms",
                flush=True,
            )
        self.say("one leaf not yet known: median of the suite to DuckDB", statistics.median(ratios), 2.5, "times")
        self.say("one leaf not yet known: worst to DuckDB", max(ratios), 6, "times")

    def rules(self, number: int) -> None:
        """Nested rules of six known leaves, each new to the process.

        Every answer is compared with DuckDB's over the leaves' truths, which it worked out once; its time is that of
        the rule over the tags, for every twentieth.
        """
        truths = ", ".join(f"coalesce({sql}, false) AS f{k}" for k, (_, sql) in enumerate(LEAVES))
        self.db.execute(f"CREATE OR REPLACE TEMP TABLE truths AS SELECT {truths} FROM users")
        for rule, _ in LEAVES:
            self.ws.audiences.size(rule)
        mine_ms, theirs_ms = [], []
        for k in range(number):
            rule, sql, known = random_rule(self.draw, self.draw.sample(range(len(LEAVES)), 6))
            started = time.perf_counter()
            mine = self.ws.audiences.size(rule)
            mine_ms.append((time.perf_counter() - started) * 1000)
            theirs = int(self.db.execute(f"SELECT count(*) FROM truths WHERE {known}").fetchone()[0])
            self.same(json.dumps(rule), mine, theirs)
            if k % 20 == 0:
                started = time.perf_counter()
                self.same(json.dumps(rule), mine, self.count_sql(sql))
                theirs_ms.append((time.perf_counter() - started) * 1000)
        self.say("six known leaves: median", statistics.median(mine_ms), 2, "ms")
        self.say("six known leaves: p99", sorted(mine_ms)[int(number * 0.99)], 10, "ms")
        ratio = statistics.median(mine_ms) / statistics.median(theirs_ms)
        self.say("six known leaves: share of DuckDB's time", ratio, 0.05, "times")

    def waterfall(self) -> None:
        """Twenty nodes with the reach of three channels."""
        parts = [dict(rule) for rule, _ in LEAVES[:17]]
        rule = {"all": [*parts[:8], {"any": parts[8:16]}, {"not": parts[16]}]}  # 17 leaves, 3 groups
        nodes = self.ws.audiences.count(rule)
        if len(nodes.waterfall) != 20 or set(nodes.waterfall[0].reachable) != {"email", "push", "sms"}:
            sys.exit(f"FAIL: {len(nodes.waterfall)} nodes, reach of {set(nodes.waterfall[0].reachable)}")
        took, found = ms(lambda: self.ws.audiences.count(rule))
        sql = " AND ".join(f"coalesce({s}, false)" for _, s in LEAVES[:3])
        self.same("waterfall", found.waterfall[3].remaining, self.count_sql(sql))
        self.same("reach", found.waterfall[3].reachable["push"], self.count_sql(f'{sql} AND "reach.push"'))
        self.say("waterfall of 20 nodes with 3 channels", took, 25, "ms")

    def events(self) -> None:
        """An event rule, cold from the lake and known."""
        theirs_ms, theirs = ms(lambda: int(self.db.execute(EVENT_SQL).fetchone()[0]))
        times = []
        for _ in range(REPEATS):
            self.ws.index.forget_sets(disk=True)
            started = time.perf_counter()
            mine = self.ws.audiences.size(EVENT_RULE)
            times.append((time.perf_counter() - started) * 1000)
        self.same("event rule", mine, theirs)
        print(f"  events: DuckDB {theirs_ms:.0f} ms, cold {statistics.median(times):.0f} ms")
        self.say("event rule over all events, cold: to DuckDB", statistics.median(times) / theirs_ms, 1.6, "times")
        self.say("event rule, known", ms(lambda: self.ws.audiences.size(EVENT_RULE), 50)[0], 3, "ms")

    def understanding(self) -> None:
        """Insight of all tags for a quarter of a million, and the overlap of ten audiences."""
        rule = {"all": [{"tag": "cat3", "op": "eq", "value": "v001"}, {"tag": "visits", "op": "gte", "value": 20},
                        {"tag": "app", "op": "eq", "value": True}]}  # fmt: skip
        sql = "cat3 = 'v001' AND visits >= 20 AND app"
        found = self.ws.audiences.insight(rule)
        self.same("insight", found.count, self.count_sql(sql))
        self.say(
            f"insight of 30 tags, {found.count:,} people", ms(lambda: self.ws.audiences.insight(rule))[0], 150, "ms"
        )
        names = []
        for k in range(10):
            self.ws.audiences.save(f"a{k}", LEAVES[k][0])
            names.append(f"a{k}")
        took, table = ms(lambda: self.ws.audiences.overlap(names))
        self.same("overlap", table.both[2][5], self.count_sql(f"({LEAVES[2][1]}) AND ({LEAVES[5][1]})"))
        self.say("overlap of ten audiences", took, 15, "ms")

    def refresh(self) -> None:
        """Snapshot of some two million members, and a difference."""
        rule = {"all": [{"tag": "recency", "op": "lte", "value": 14}]}
        self.ws.audiences.save("recent", rule)
        times = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            made = self.ws.audiences.refresh("recent")
            times.append(time.perf_counter() - started)
        self.same("refresh", made["count"], self.count_sql("recency <= 14"))
        self.say(f"refresh and snapshot of {made['count']:,} members", statistics.median(times), 1, "s")
        before = made["snapshot"]
        self.ws.audiences.save("recent", {"all": [{"tag": "recency", "op": "between", "value": [2, 15]}]})
        after = self.ws.audiences.refresh("recent")["snapshot"]
        took, found = ms(lambda: self.ws.audiences.diff("recent", before, after))
        self.same("entered", sum(astuple(found.entered)), self.count_sql("recency = 15"))
        self.same("left", sum(astuple(found.left)), self.count_sql("recency < 2"))
        self.say("difference of two snapshots", took / 1000, 0.3, "s")

    def moves(self) -> None:
        """A batch of 100,000 events at the same as-of, then the as-of a day later: tags and index brought up to date.

        Both are compared with building tags and index from nothing; the columns of the tags of profiles stay.
        """
        kept = self.largest_family()
        for what, as_of, limit in (("a batch of 100,000 events", AS_OF, 0.1), ("a day later", NEXT_DAY, 0.2)):
            if as_of == AS_OF:
                self.add_events()
            started = time.perf_counter()
            self.ws.tags.build(as_of)
            built = time.perf_counter() - started
            self.ws.index.warm()
            took = time.perf_counter() - started
            mine = self.ws.audiences.size({"tag": "buys_30d", "op": "gte", "value": 2}, as_of=self.ws.moment(as_of))
            theirs = self.db.execute(
                f"SELECT count(*) FROM (SELECT row FROM events WHERE type = 'buy' AND ts <= TIMESTAMPTZ '{as_of}' "
                f"AND ts > TIMESTAMPTZ '{as_of}' - INTERVAL 30 DAY GROUP BY row HAVING count(*) >= 2)"
            ).fetchone()
            self.same(f"buys after {what}", mine, int(theirs[0]))
            if self.largest_family() != kept:
                sys.exit("FAIL: the columns of an untouched family were made anew")
            print(f"  tags {built:.1f} s, index {took - built:.1f} s, both from nothing {self.full_seconds:.1f} s")
            self.say(f"{what}: share of a full rebuild", took / self.full_seconds, limit, "times")

    def largest_family(self) -> list[tuple[str, int]]:
        """The files of the columns of the profiles' tags, and when each was written."""
        folders = [list(f.iterdir()) for f in (self.folder / "ws/cache/index/columns").iterdir()]
        return sorted((str(p), p.stat().st_mtime_ns) for p in max(folders, key=len))

    def add_events(self) -> None:
        """100,000 more events of the last 40 days, in both."""
        self.db.execute(f"""INSERT INTO events SELECT floor(pow({u(80)}, 1.3) * {self.n})::BIGINT, 'buy',
            TIMESTAMPTZ '{AS_OF}' - to_seconds(({u(81)} * 40 * 86400)::BIGINT), 5 FROM range(100000) t(i)""")
        with self.ws.lake.staging() as staging:
            self.db.execute(f"""COPY (SELECT entity AS _entity, ts AS _at, NULL::VARCHAR AS _key, type, e.amount,
                NULL::BIGINT AS _batch FROM (SELECT * FROM events ORDER BY rowid DESC LIMIT 100000) e JOIN users USING (row))
                TO '{staging / "more.parquet"}' (COMPRESSION zstd)""")
            staged = Staged({"data/events": [staging / "more.parquet"]}, {"accepted": 100_000})
            self.ws.lake.publish(f"more{time.time()}", lambda _: staged, dataset="events")


def main(arguments: list[str]) -> int:
    """1 where a limit is not kept, an answer differs, or the size is not the full one."""
    n = int(arguments[0]) if arguments else FULL
    keep = os.environ.get("BENCH_DIR")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=keep) as name:
        folder = Path(keep) / f"audiences-{n}" if keep else Path(name)
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            prepare(folder, n)
        bench = Bench(folder, n)
        bench.build()
        bench.leaves()
        bench.rules(1_000)
        bench.waterfall()
        bench.events()
        bench.understanding()
        bench.refresh()
        bench.say("index: memory", bench.ws.index.memory_bytes / 2**20, 700, "MiB")
        bench.moves()
    failed = [what for what, value, limit, _ in bench.rows if value > limit]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    facts = {
        "bench": "audiences",
        "customers": n,
        "events": n * EVENTS_EACH,
        "seed": SEED,
        "cores": os.cpu_count(),
        "repeats": REPEATS,
    }
    print(
        json.dumps({**facts, "peak_mb": round(peak), "figures": {w: v for w, v, _, _ in bench.rows}, "failed": failed})
    )
    if n != FULL:
        print(f"FAIL: {n:,} customers are not the full size of {FULL:,}")
    return int(bool(failed) or n != FULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
