"""CSV import of 10M rows x 6, every value checked and rejects kept: at most 2 times DuckDB's COPY, under 2 GiB of memory.

The reference is DuckDB's `COPY (SELECT * FROM read_csv(...)) TO ... (FORMAT parquet, COMPRESSION zstd)` with the types given
and `ignore_errors`, so that it drops the one bad line without keeping it: of the ways to read such a file it does the least.
Both run in processes of their own, with the same threads and memory limit, on a file that was just read. The answers are
compared first: rows and sums of every column, and the one reject, which the import must name with its line.

`python -m bench.import_csv [ROWS]`: at another size than the full one it reports and exits 1.
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
from pathlib import Path
from typing import Any

import duckdb

FULL_ROWS, SEED, REPEATS = 10_000_000, 20261121, 5
RATIO_LIMIT, THREADS, MEMORY_MB, PEAK_LIMIT_MB = 2.0, 2, 1536, 2048
OUT = Path(__file__).parent / "out"
# A key, a moment, an integer, a decimal, a text of few values, a text.
COLUMNS = {
    "customer": "VARCHAR",
    "bought_at": "TIMESTAMP",
    "quantity": "BIGINT",
    "amount": "DECIMAL(18, 4)",
    "country": "VARCHAR",
    "note": "VARCHAR",
}
BAD = "c00000001,2025-12-31 23:59:59,many,1.00,France,the last row\n"
ROW_SQL = """
SELECT 'c' || lpad((hash(i, {seed}) % {customers})::VARCHAR, 8, '0') AS customer,
    strftime(TIMESTAMP '2024-01-01' + to_seconds((hash(i, {seed} + 1) % 63072000)::BIGINT), '%Y-%m-%d %H:%M:%S') AS bought_at,
    1 + hash(i, {seed} + 2) % 500 AS quantity,
    CAST((hash(i, {seed} + 3) % 1000000) / 100 AS DECIMAL(18, 2)) AS amount,
    ['France', 'Germany', 'Spain', 'China', 'Brazil', 'Norway', 'Japan', 'Kenya'][1 + (hash(i, {seed} + 4) % 8)::INT] AS country,
    'order ' || hash(i, {seed} + 5) % 100000 || ' of shelf ' || hash(i, {seed} + 6) % 1000 AS note
FROM range({rows}) AS t(i)
"""
SUMS = (
    "count(*), count(DISTINCT {customer}), sum(hash({customer}) % 1000003), sum(epoch_us({bought_at}) // 1000000), "
    "sum({quantity}), sum({amount}), sum(hash({country}) % 1000003), sum(hash({note}) % 1000003)"
)


def main(arguments: list[str]) -> int:
    """1 where a limit is not kept, an answer differs, or the size is not the full one."""
    if arguments[:1] == ["--child"]:
        return child(arguments[1], Path(arguments[2]), Path(arguments[3]))
    rows = int(arguments[0]) if arguments else FULL_ROWS
    file = made_file(rows)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        wrong = compare(file, folder, rows)
        timings: dict[str, list[dict[str, float]]] = {"reference": [], "import": []}
        for _ in range(0 if wrong else REPEATS):
            for who, runs in timings.items():
                runs.append(run(who, file, folder))
    return report(rows, wrong, timings)


def made_file(rows: int) -> Path:
    """The file of that many rows, made once; the integer of its last row is no number."""
    path = OUT / f"import_csv_{rows}_{SEED}.csv"
    if not path.exists():
        OUT.mkdir(exist_ok=True)
        staged = path.with_suffix(".part")
        with duckdb.connect() as db:
            db.execute(f"SET threads = {THREADS}")
            sql = ROW_SQL.format(rows=rows - 1, seed=SEED, customers=max(rows // 10, 1))
            db.execute(f"COPY ({sql}) TO '{staged}' (FORMAT csv, HEADER)")
        with staged.open("a", encoding="utf-8") as handle:
            handle.write(BAD)
        staged.replace(path)
    return path


def child(who: str, file: Path, folder: Path) -> int:
    """One run in this process: prints seconds, peak memory and what it found."""
    with file.open("rb") as handle:  # warm: the file is in the cache, for both alike
        while handle.read(1 << 24):
            pass
    seconds, found = reference(file, folder) if who == "reference" else import_(file, folder)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": round(peak_mb), "found": found}))
    return 0


def reference(file: Path, folder: Path) -> tuple[float, dict[str, Any]]:
    """DuckDB's own copy."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    source = f"read_csv('{file}', columns = {{{columns}}}, auto_detect = false, delim = ',', header = true, ignore_errors = true)"
    target = folder / "reference.parquet"
    target.unlink(missing_ok=True)
    with duckdb.connect(config={"temp_directory": str(folder / "spill")}) as db:
        db.execute(f"SET threads = {THREADS}; SET memory_limit = '{MEMORY_MB}MiB'")
        db.execute("SET TimeZone = 'UTC'")
        started = time.perf_counter()
        db.execute(f"COPY (SELECT * FROM {source}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
        return time.perf_counter() - started, {}


def import_(file: Path, folder: Path) -> tuple[float, dict[str, Any]]:
    """An import into a fresh workspace, by the public door."""
    import coterie

    os.environ |= {"COTERIE_THREADS": str(THREADS), "COTERIE_MEMORY_LIMIT_MB": str(MEMORY_MB)}
    shutil.rmtree(folder / "ws", ignore_errors=True)
    with coterie.init(str(folder / "ws")) as ws:
        _ = ws.engine, ws.lake, ws.store
        started = time.perf_counter()
        found = ws.load(file, kind="events", name="orders", entity="customer", time="bought_at")
        seconds = time.perf_counter() - started
    counts = {"read": found.read, "accepted": found.accepted, "rejected": found.rejected, "entities": found.entities}
    return seconds, {**counts, "types": dict(found.types), "rejects": list(found.rejects)}


def run(who: str, file: Path, folder: Path) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, "-m", "bench.import_csv", "--child", who, str(file), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"FAIL: {who}: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{who:10} {answer['seconds']:8.2f} s   peak {answer['peak_mb']:6.0f} MB", flush=True)
    return answer


def compare(file: Path, folder: Path, rows: int) -> list[str]:
    """What differs between the two: rows and sums of every column; and the one reject."""
    run("reference", file, folder)
    found = run("import", file, folder)["found"]
    reject = {"file": file.name, "line": rows + 1, "column": "quantity", "value": "many", "reason": "not_integer"}
    types = {"customer": "text", "bought_at": "moment", "quantity": "integer"}
    types |= {"amount": "decimal", "country": "text", "note": "text"}
    counts = {"read": rows, "accepted": rows - 1, "rejected": 1}
    wrong = [name for name, wanted in counts.items() if found[name] != wanted]
    wrong += ["reject"] if found["rejects"] != [reject] else []
    wrong += ["types"] if found["types"] != types else []
    lake = [str(p) for p in (folder / "ws" / "lake" / "data" / "orders").rglob("*.parquet")]
    ours = SUMS.format(**{name: name for name in COLUMNS} | {"customer": "_entity", "bought_at": "_at"})
    theirs = SUMS.format(**{name: name for name in COLUMNS})
    with duckdb.connect() as db:
        one = db.execute(f"SELECT {ours} FROM read_parquet({lake})").fetchone()
        other = db.execute(f"SELECT {theirs} FROM '{folder / 'reference.parquet'}'").fetchone()
    names = ("rows", "customers", *COLUMNS)
    assert one is not None and other is not None, "an aggregate has a row"
    wrong += [n for n, a, b in zip(names, one, other, strict=True) if a != b]
    return wrong + (["entities"] if found["entities"] != other[1] else [])


def report(rows: int, wrong: list[str], timings: dict[str, list[dict[str, float]]]) -> int:
    """Print what was found as text and JSON."""
    facts: dict[str, object] = {"bench": "import_csv", "rows": rows, "columns": len(COLUMNS), "seed": SEED}
    facts |= {"cores": os.cpu_count(), "threads": THREADS, "memory_mb": MEMORY_MB, "repeats": REPEATS}
    seconds = {who: [r["seconds"] for r in runs] for who, runs in timings.items() if runs}
    medians = {who: statistics.median(each) for who, each in seconds.items()}
    facts |= {f"{who}_seconds": each for who, each in seconds.items()}
    ratio = medians["import"] / medians["reference"] if medians else None
    peak = max((r["peak_mb"] for r in timings["import"]), default=None)
    good = not wrong and rows == FULL_ROWS and ratio is not None and ratio <= RATIO_LIMIT
    good = good and peak is not None and peak < PEAK_LIMIT_MB
    facts |= {"ratio": ratio and round(ratio, 3), "limit": RATIO_LIMIT, "peak_mb": peak, "peak_limit_mb": PEAK_LIMIT_MB}
    facts |= {"differ": wrong, "verdict": "PASS" if good else "FAIL"}
    why = "" if rows == FULL_ROWS else f" (not the full size of {FULL_ROWS:,} rows)"
    why += f"; differs: {', '.join(wrong)}" if wrong else ""
    found = f"ratio {ratio and round(ratio, 2)} (limit {RATIO_LIMIT}), peak {peak} MB (limit {PEAK_LIMIT_MB})"
    print(f"import_csv: {rows:,} rows, {found}: {facts['verdict']}{why}")
    print(json.dumps(facts))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
