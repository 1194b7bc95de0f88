"""RFM and twenty aggregates over 20M events of 1M customers: at most 1.3 times hand-written DuckDB SQL, under 4 GiB.

Both read the same Parquet files of the lake, with the same threads and memory limit, each run in a process of its own
on files that were just read, and both write Parquet. The answers are compared first.

`python -m bench.build_tags [ROWS]`: at another size than the full one it reports and exits 1.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb

FULL_ROWS, CUSTOMER_SHARE, SEED, REPEATS = 20_000_000, 20, 20261121, 5
RATIO_LIMIT, MEMORY_MB, PEAK_LIMIT_MB = 1.3, 3072, 4096
AS_OF = "2026-01-01T00:00:00+00:00"
BUY = "amount >= 0"

AGGREGATES = {
    "rows": {"measure": "count"},
    "orders_30d": {"measure": "count", "where": BUY, "within": "30d"},
    "orders_90d": {"measure": "count", "where": BUY, "within": "90d"},
    "orders_365d": {"measure": "count", "where": BUY, "within": "365d"},
    "spent_30d": {"measure": "sum", "of": "amount", "within": "30d"},
    "spent_90d": {"measure": "sum", "of": "amount", "within": "90d"},
    "spent_365d": {"measure": "sum", "of": "amount", "within": "365d"},
    "average": {"measure": "avg", "of": "amount"},
    "least": {"measure": "min", "of": "amount"},
    "most": {"measure": "max", "of": "amount"},
    "categories": {"measure": "distinct", "of": "category"},
    "first_category": {"measure": "first", "of": "category"},
    "last_category": {"measure": "last", "of": "category"},
    "favourite": {"measure": "mode", "of": "category"},
    "first_days": {"measure": "days_since_first"},
    "food_share": {"measure": "share", "where": 'category == "food"'},
    "pieces": {"measure": "sum", "of": "quantity"},
    "most_pieces_90d": {"measure": "max", "of": "quantity", "within": "90d"},
    "faded": {"measure": "decayed_sum", "of": "amount", "half_life": "90d"},
    "trend_365d": {"measure": "trend", "of": "amount", "within": "365d"},
}
RFM = ("recency_days", "frequency", "monetary", "r", "f", "m", "cell")


def window(days: int) -> str:
    """The condition of a window up to the as-of."""
    return f"_at > TIMESTAMPTZ '{AS_OF}' - INTERVAL {days} DAY"


REFERENCE = f"""
WITH base AS (
    SELECT _entity, count(*) AS rows,
        count(*) FILTER (amount >= 0 AND {window(30)}) AS orders_30d,
        count(*) FILTER (amount >= 0 AND {window(90)}) AS orders_90d,
        count(*) FILTER (amount >= 0 AND {window(365)}) AS orders_365d,
        sum(amount) FILTER ({window(30)}) AS spent_30d,
        sum(amount) FILTER ({window(90)}) AS spent_90d,
        sum(amount) FILTER ({window(365)}) AS spent_365d,
        avg(amount) AS average, min(amount) AS least, max(amount) AS most,
        arg_min(category, _at) AS first_category, arg_max(category, _at) AS last_category,
        min(_at) AS first_at, count(*) FILTER (category = 'food') / count(*) AS food_share,
        sum(quantity) AS pieces, max(quantity) FILTER ({window(90)}) AS most_pieces_90d,
        sum(amount::DOUBLE * pow(2.0, (epoch_us(_at) - epoch_us(TIMESTAMPTZ '{AS_OF}')) / 7776000000000.0)) AS faded,
        regr_slope(amount, (epoch_us(_at) - epoch_us(TIMESTAMPTZ '{AS_OF}')) / 86400000000.0) FILTER ({window(365)}) AS trend_365d,
        max(_at) FILTER (amount >= 0) AS bought_at,
        count(DISTINCT "order") FILTER (amount >= 0) AS frequency, sum(amount) AS monetary
    FROM lake WHERE _at <= TIMESTAMPTZ '{AS_OF}' GROUP BY _entity
), favourites AS (
    SELECT _entity, count(*) AS categories, min((-n, category)) AS favourite
    FROM (SELECT _entity, category, count(*) AS n FROM lake WHERE _at <= TIMESTAMPTZ '{AS_OF}' GROUP BY ALL)
    GROUP BY _entity
), facts AS (
    SELECT base.* EXCLUDE (first_at, bought_at), categories, favourite[2] AS favourite,
        date_diff('day', first_at::DATE, DATE '{AS_OF[:10]}') AS first_days,
        date_diff('day', bought_at::DATE, DATE '{AS_OF[:10]}') AS recency_days
    FROM base JOIN favourites USING (_entity)
), scores AS (
    SELECT *,
        CASE WHEN recency_days IS NULL THEN 1
            ELSE 1 + 5 * (rank() OVER (ORDER BY recency_days DESC NULLS LAST) - 1) // count(*) OVER () END AS r,
        1 + 5 * (rank() OVER (ORDER BY frequency) - 1) // count(*) OVER () AS f,
        1 + 5 * (rank() OVER (ORDER BY monetary) - 1) // count(*) OVER () AS m
    FROM facts
)
SELECT *, concat(r, f, m) AS cell FROM scores
"""
EVENTS = """
SELECT 'c' || lpad(floor(pow((hash(i // 2, {seed}) % 1000000007) / 1e9, 1.6) * {customers})::BIGINT::VARCHAR, 8, '0') AS _entity,
    TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds((i * (730 * 86400.0 / {rows}))::BIGINT) AS _at,
    NULL::VARCHAR AS _key, 'o' || (i // 2) AS "order",
    CAST(CASE WHEN random() < 0.03 THEN -1 ELSE 1 END * (1 - ln(1 - random()) * 40) AS DECIMAL(18, 4)) AS amount,
    1 + floor(random() * 5)::BIGINT AS quantity,
    ['food', 'toys', 'books', 'home', 'garden', 'sport', 'music', 'tools'][1 + floor(random() * 8)::INT] AS category,
    NULL::BIGINT AS _batch
FROM range({rows}) t(i)
"""


def main(arguments: list[str]) -> int:
    """1 where the limit is not kept, an answer differs, or the size is not the full one."""
    if arguments[:1] == ["--child"]:
        return child(arguments[1], Path(arguments[2]))
    rows = int(arguments[0]) if arguments else FULL_ROWS
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        prepare(folder, rows)
        wrong = compare(folder)
        timings: dict[str, list[dict[str, float]]] = {"reference": [], "build": []}
        for _ in range(0 if wrong else REPEATS):
            for who, runs in timings.items():
                runs.append(run(who, folder))
    return report(rows, wrong, timings)


def prepare(folder: Path, rows: int, aggregates: Mapping[str, Mapping[str, str]] = AGGREGATES) -> None:
    """A workspace with one events dataset, published through the lake; RFM and the aggregates defined."""
    import coterie
    from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
    from coterie.lake.service import Staged

    customers = rows // CUSTOMER_SHARE
    with coterie.init(str(folder / "ws")) as ws, ws.lake.staging() as staging, duckdb.connect() as db:
        db.execute(f"SET threads = 2; SET TimeZone = 'UTC'; SELECT setseed({SEED % 1000 / 1000})")
        events, entities = staging / "events.parquet", staging / "entities.parquet"
        db.execute(
            f"COPY ({EVENTS.format(rows=rows, customers=customers, seed=SEED)}) TO '{events}' (COMPRESSION zstd)"
        )
        db.execute(f"""COPY (
            SELECT 'customer' AS kind, key, row_number() OVER (ORDER BY key) - 1 AS row, first_seen,
                NULL::BIGINT AS _batch
            FROM (SELECT _entity AS key, min(_at) AS first_seen FROM '{events}' GROUP BY 1)
        ) TO '{entities}' (COMPRESSION zstd)""")
        fields = (
            Field("order", ValueType.TEXT, "order"),
            Field("amount", ValueType.DECIMAL, "amount", 4),
            Field("quantity", ValueType.INTEGER, "quantity"),
            Field("category", ValueType.TEXT, "category"),
            Field("when", ValueType.MOMENT, "_at"),
        )
        dataset = Dataset("orders", DatasetKind.EVENTS, fields, entity="customer", time="when")
        ws.catalog.save_dataset(dataset)
        staged = Staged({dataset.table: [events], "entities": [entities]}, {"accepted": rows})
        ws.lake.publish("bench", lambda _: staged, dataset="orders")
        ws.tags.add(recipe="rfm", events="orders", amount="amount", order="order")
        parts = [{"name": n, "aggregate": {"dataset": "orders", **a}} for n, a in aggregates.items()]
        ws.tags.add(definitions=parts)
        if "rfm.cell_name" in ws.catalog.declared_tags():
            ws.catalog.delete_tag("rfm.cell_name")


def lake_files(folder: Path) -> list[str]:
    """The Parquet files of the events."""
    return [str(p) for p in (folder / "ws" / "lake" / "data" / "orders").rglob("*.parquet")]


def child(who: str, folder: Path) -> int:
    """One run in this process: prints seconds, those of the processors with opening, and peak memory."""
    with duckdb.connect() as db:  # warm: the files are read once, by both alike
        db.execute(f"SELECT count(_entity), count(amount), count(category) FROM read_parquet({lake_files(folder)})")
    before = time.process_time()
    seconds = reference(folder) if who == "reference" else build(folder)
    cpu_seconds = time.process_time() - before
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 3), "cpu_seconds": round(cpu_seconds, 2), "peak_mb": round(peak_mb)}))
    return 0


def reference(folder: Path) -> float:
    """The hand-written SQL; returns its seconds."""
    with duckdb.connect() as db:
        db.execute(f"SET threads = 2; SET memory_limit = '{MEMORY_MB}MiB'; SET temp_directory = '{folder / 'spill'}'")
        db.execute("SET TimeZone = 'UTC'")
        db.execute(f"CREATE VIEW lake AS SELECT * FROM read_parquet({lake_files(folder)})")
        started = time.perf_counter()
        db.execute(f"COPY ({REFERENCE}) TO '{folder / 'reference.parquet'}' (COMPRESSION zstd)")
        return time.perf_counter() - started


def build(folder: Path) -> float:
    """A full build; returns its seconds. What an earlier one left is removed first."""
    import coterie

    os.environ |= {"COTERIE_THREADS": "2", "COTERIE_MEMORY_LIMIT_MB": str(MEMORY_MB)}
    shutil.rmtree(folder / "ws" / "cache", ignore_errors=True)
    with coterie.open(str(folder / "ws")) as ws:
        if ws.store.find("build", "customer") is not None:
            ws.store.delete("build", "customer")
        _ = ws.engine, ws.lake
        started = time.perf_counter()
        ws.tags.build(AS_OF)
        return time.perf_counter() - started


def run(who: str, folder: Path) -> dict[str, float]:
    """One run in a process of its own."""
    command = [sys.executable, "-m", "bench.build_tags", "--child", who, str(folder)]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"FAIL: {who}: {found.stderr[-2000:]}")
    answer: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    cpu, peak = answer["cpu_seconds"], answer["peak_mb"]
    print(f"{who:10} {answer['seconds']:8.2f} s   cpu {cpu:8.2f} s   peak {peak:6.0f} MB", flush=True)
    return answer


def compare(folder: Path) -> list[str]:
    """Tags whose values differ between the two: exact ones in any digit, floating ones in the first 7."""
    import coterie

    run("reference", folder)
    run("build", folder)
    names = [*AGGREGATES, *(f"rfm.{n}" for n in RFM)]
    with coterie.open(str(folder / "ws")) as ws:
        ws.tags.write(names, folder / "build.parquet")
    wrong = []
    with duckdb.connect() as db:
        for view, file in (("a", "build"), ("b", "reference")):
            db.execute(f"CREATE VIEW {view} AS FROM '{folder / file}.parquet'")
        if db.execute("SELECT (SELECT count(*) FROM a) <> (SELECT count(*) FROM b)").fetchone() != (False,):
            wrong.append("number of customers")
        for name in names:
            x, y = f'a."{name}"', f'b."{name.removeprefix("rfm.")}"'
            kind = db.execute(f'SELECT typeof("{name}") FROM a LIMIT 1').fetchone()
            zero = f"coalesce({y}, 0)" if name.startswith("spent") else y
            same = f"{x} IS NOT DISTINCT FROM {zero}"
            if kind == ("DOUBLE",):  # a slope over one moment is missing in one, not a number in the other
                near = f"abs({x} - {y}) <= 1e-7 * greatest(abs({x}), abs({y}), 1e-3)"
                same = f"CASE WHEN {x} IS NULL THEN {y} IS NULL OR NOT isfinite({y}) ELSE {near} END"
            differ = f"SELECT count(*) FROM a JOIN b ON a.entity = b._entity WHERE NOT ({same})"
            if db.execute(differ).fetchone() != (0,):
                wrong.append(name)
    return wrong


def report(rows: int, wrong: list[str], timings: dict[str, list[dict[str, float]]]) -> int:
    """Print what was found as text and JSON."""
    facts: dict[str, object] = {"bench": "build_tags", "rows": rows, "seed": SEED, "cores": os.cpu_count()}
    facts["repeats"] = REPEATS
    medians = {who: statistics.median(r["seconds"] for r in runs) for who, runs in timings.items() if runs}
    facts |= {f"{who}_seconds": seconds for who, seconds in medians.items()}
    ratio = medians["build"] / medians["reference"] if medians else None
    peak = max((r["peak_mb"] for r in timings.get("build", [])), default=None)
    good = not wrong and rows == FULL_ROWS and ratio is not None and ratio <= RATIO_LIMIT
    good = good and peak is not None and peak < PEAK_LIMIT_MB
    facts |= {"ratio": ratio and round(ratio, 3), "limit": RATIO_LIMIT, "peak_mb": peak, "differ": wrong}
    facts |= {"verdict": "PASS" if good else "FAIL"}
    why = "" if rows == FULL_ROWS else f" (not the full size of {FULL_ROWS:,} rows)"
    found = f"ratio {ratio and round(ratio, 2)} (limit {RATIO_LIMIT}), peak {peak} MB (limit {PEAK_LIMIT_MB})"
    print(f"build_tags: {rows:,} events, {found}: {facts['verdict']}{why}")
    print(json.dumps(facts))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
