"""A build carried on against one from nothing: 20M events over two years of 1M customers, RFM and aggregates over 7, 30
and 90 days and ever.

After 100 more events at the same as-of under 5 % of a full build's rows are read; a day later, with that day's events,
under a fifth of the rows, in under a fifth of the time. What is carried on is compared with a full build first.

`python -m bench.increments [ROWS]`: at another size than the full one it reports and exits 1.
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
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from bench.build_tags import CUSTOMER_SHARE, FULL_ROWS, MEMORY_MB, RFM, SEED, prepare

START, DAYS = datetime(2024, 1, 1, tzinfo=UTC), 730
AS_OF = START + timedelta(days=DAYS)
REPEATS, FEW = 5, 100
FEW_ROWS_LIMIT, DAY_LIMIT = 0.05, 0.2

MEASURES = {
    "orders": {"measure": "count", "where": "amount >= 0"},
    "spent": {"measure": "sum", "of": "amount"},
    "average": {"measure": "avg", "of": "amount"},
    "most": {"measure": "max", "of": "amount"},
    "categories": {"measure": "distinct", "of": "category"},
}
AGGREGATES = {
    f"{name}_{within or 'ever'}": {**measure, **({"within": within} if within else {})}
    for name, measure in MEASURES.items()
    for within in ("7d", "30d", "90d", None)
}
COME = """
SELECT key AS _entity, TIMESTAMPTZ '{start}' + to_microseconds((random() * {span_us})::BIGINT) AS _at,
    NULL::VARCHAR AS _key, 'n{number}-' || i AS "order",
    CAST(CASE WHEN random() < 0.03 THEN -1 ELSE 1 END * (1 - ln(1 - random()) * 40) AS DECIMAL(18, 4)) AS amount,
    1 + floor(random() * 5)::BIGINT AS quantity,
    ['food', 'toys', 'books', 'home', 'garden', 'sport', 'music', 'tools'][1 + floor(random() * 8)::INT] AS category,
    NULL::BIGINT AS _batch
FROM (SELECT i, 1 + floor(pow(random(), 1.6) * {customers})::BIGINT AS n FROM range({rows}) t(i))
JOIN (SELECT key, row_number() OVER (ORDER BY key) AS n FROM read_parquet({entities})) USING (n) ORDER BY _at
"""


def main(arguments: list[str]) -> int:
    """1 where a limit is not kept, an answer differs, or the size is not the full one."""
    if arguments[:1] == ["--child"]:
        return child(Path(arguments[1]), arguments[2], datetime.fromisoformat(arguments[3]))
    rows = int(arguments[0]) if arguments else FULL_ROWS
    runs: dict[str, list[dict[str, float]]] = {"full": [], "few": [], "day": []}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        prepare(folder, rows, AGGREGATES)
        runs["full"].append(run(folder, "full", AS_OF))
        for number in range(REPEATS):  # by turns, so that what else the machine does meets all alike
            as_of = AS_OF + timedelta(days=number)
            put(folder, FEW, as_of - timedelta(days=DAYS), DAYS, 2 * number)
            wrong += carried(folder, "few", as_of, runs)
            put(folder, rows // DAYS, as_of, 1, 2 * number + 1)
            wrong += carried(folder, "day", as_of + timedelta(days=1), runs)
    return report(rows, wrong, runs)


def put(folder: Path, rows: int, start: datetime, days: int, number: int) -> None:
    """Publish more events of known customers, from `start` on over so many days."""
    import coterie
    from coterie.lake.service import Staged

    with coterie.open(str(folder / "ws")) as ws, ws.lake.staging() as staging, duckdb.connect() as db:
        db.execute(f"SET threads = 1; SET TimeZone = 'UTC'; SELECT setseed({(SEED + number) % 1000 / 1000})")
        paths = [str(p) for p in (folder / "ws" / "lake" / "entities").rglob("*.parquet") if "_delta_log" not in str(p)]
        customers = db.execute(f"SELECT count(*) FROM read_parquet({paths})").fetchone()
        assert customers is not None, "a count has a row"
        given = {"start": start.isoformat(), "span_us": days * 86_400_000_000, "number": number, "entities": paths}
        sql = COME.format(**given, customers=customers[0], rows=rows)
        db.execute(f"COPY ({sql}) TO '{staging / 'events.parquet'}' (COMPRESSION zstd)")
        table = ws.catalog.dataset("orders").table
        staged = Staged({table: [staging / "events.parquet"]}, {"accepted": rows})
        ws.lake.publish(f"come {number}", lambda _: staged, dataset="orders")


def child(folder: Path, what: str, as_of: datetime) -> int:
    """One build in this process: prints what it read, its seconds and peak memory."""
    import coterie

    os.environ |= {"COTERIE_THREADS": "2", "COTERIE_MEMORY_LIMIT_MB": str(MEMORY_MB)}
    if what == "full":
        shutil.rmtree(folder / "ws" / "cache", ignore_errors=True)
    with coterie.open(str(folder / "ws")) as ws:
        if what == "full" and ws.store.find("build", "customer") is not None:
            ws.store.delete("build", "customer")
        built = ws.tags.build(as_of)
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps({"rows_scanned": built["rows_scanned"], "seconds": built["seconds"], "peak_mb": peak_mb}))
    return 0


def run(folder: Path, what: str, as_of: datetime) -> dict[str, float]:
    """One build in a process of its own."""
    command = [sys.executable, "-m", "bench.increments", "--child", str(folder), what, as_of.isoformat()]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"FAIL: {what}: {found.stderr[-2000:]}")
    answer: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    read, seconds, peak = answer["rows_scanned"], answer["seconds"], answer["peak_mb"]
    print(f"{what:5} {read:12,} rows {seconds:8.2f} s   peak {peak:6.0f} MB", flush=True)
    return answer


def carried(folder: Path, what: str, as_of: datetime, runs: dict[str, list[dict[str, float]]]) -> list[str]:
    """A build that carries the one before on, and a full one, both added to `runs`; what was carried on, if their values
    differ."""
    runs[what].append(run(folder, what, as_of))
    found = values(folder)
    runs["full"].append(run(folder, "full", as_of))
    return [] if found == values(folder) else [f"{what} as of {as_of.isoformat()}"]


def values(folder: Path) -> tuple[object, ...]:
    """The number of customers, and for each tag a sum of hashes over (customer, value)."""
    import coterie

    names = [*AGGREGATES, *(f"rfm.{n}" for n in RFM)]
    with coterie.open(str(folder / "ws")) as ws:
        ws.tags.write(names, folder / "values.parquet")
    sums = ", ".join(f'sum(hash(entity, "{n}")::HUGEINT)' for n in names)
    with duckdb.connect() as db:
        found = db.execute(f"SELECT count(*), {sums} FROM '{folder / 'values.parquet'}'").fetchone()
    assert found is not None, "a sum has a row"
    return tuple(found)


def report(rows: int, wrong: list[str], runs: dict[str, list[dict[str, float]]]) -> int:
    """Print what was found as text and JSON."""
    middle = {
        what: {key: statistics.median(r[key] for r in found) for key in ("rows_scanned", "seconds")}
        for what, found in runs.items()
    }
    ratios = {
        f"{what}_{key}": round(middle[what][key] / middle["full"][key], 4)
        for what in ("few", "day")
        for key in ("rows_scanned", "seconds")
    }
    limits = {"few_rows_scanned": FEW_ROWS_LIMIT, "day_rows_scanned": DAY_LIMIT, "day_seconds": DAY_LIMIT}
    good = not wrong and rows == FULL_ROWS and all(ratios[name] < limit for name, limit in limits.items())
    verdict = "PASS" if good else "FAIL"
    why = "" if rows == FULL_ROWS else f" (not the full size of {FULL_ROWS:,} rows)"
    for name, ratio in ratios.items():
        limit = f" (limit {limits[name]})" if name in limits else ""
        print(f"{name} / full: {ratio}{limit}")
    print(f"increments: {rows:,} events, {rows // CUSTOMER_SHARE:,} customers: {verdict}{why}")
    facts = {"bench": "increments", "rows": rows, "seed": SEED, "cores": os.cpu_count(), "repeats": REPEATS}
    print(
        json.dumps({**facts, "median": middle, "ratios": ratios, "limits": limits, "differ": wrong, "verdict": verdict})
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
