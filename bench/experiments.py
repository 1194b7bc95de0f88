"""An analysis of 10M units with five metrics, all adjusted by what was known before, under 5 s: from a Parquet file to
ratio check, effects, corrected p-values, always-valid intervals and beliefs.

The reference is the same aggregates by one hand-written DuckDB query over the same file with the same two threads and
memory, made into Welch's test by hand; answers are compared first.

`python -m bench.experiments [UNITS]`: at another size than the full one it reports and exits 1.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

FULL, SEED, REPEATS, MEMORY_MB, LIMIT_SECONDS = 10_000_000, 20261121, 5, 1536, 5.0
METRICS = ("visit:binary", "conversion:binary", "spend:mean", "sessions:mean", "clicks/sessions:ratio")
COLUMNS = ("visit", "conversion", "spend", "sessions", "clicks")


def main(arguments: list[str]) -> int:
    """1 where the limit is not kept, an answer differs, or the size is not the full one."""
    if arguments[:1] == ["--child"]:
        return child(Path(arguments[1]), arguments[2])
    units = int(arguments[0]) if arguments else FULL
    runs: dict[str, list[dict[str, Any]]] = {"analysis": [], "reference": []}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        file = Path(name) / "units.parquet"
        prepare(file, units)
        for _ in range(REPEATS):  # by turns, so that what else the machine does meets both alike
            for what, found in runs.items():
                found.append(run(file, what))
    return report(units, runs)


def u(k: int) -> str:
    """SQL of an even draw from [0, 1), the same at every run."""
    return f"((hash(i, {SEED + k}) % 1000003) / 1000003.0)"


def prepare(file: Path, units: int) -> None:
    """A file of units; arm B converts a twentieth more, and spend follows what was spent before."""
    with duckdb.connect() as db:
        db.execute("SET threads = 2")
        better = f"CASE WHEN {u(1)} < 0.5 THEN 1 ELSE 1.05 END"
        db.execute(f"""COPY (
            SELECT i AS customer, CASE WHEN {u(1)} < 0.5 THEN 'A' ELSE 'B' END AS arm, ({u(2)} < 0.1)::INT AS visit,
                ({u(3)} < 0.02 * {better})::INT AS conversion, round(-ln(1 - {u(4)}) * 40 + {u(7)} * 5, 2)::DOUBLE AS spend,
                floor(-ln(1 - {u(5)}) * 6) + 1 AS sessions, floor(-ln(1 - {u(6)}) * 3) AS clicks,
                round(-ln(1 - {u(4)}) * 100, 2)::DOUBLE AS history, floor(-ln(1 - {u(8)}) * 6) + 1 AS sessions_before,
                floor(-ln(1 - {u(6)}) * 2) AS clicks_before
            FROM range({units}) t(i)) TO '{file}' (COMPRESSION zstd)""")


def child(file: Path, what: str) -> int:
    """One analysis in this process: prints its seconds, peak memory and answers."""
    import_module("coterie.experiments.analysis")  # not part of what is timed, as DuckDB is not for the reference

    started = time.perf_counter()
    answers = analysis(file) if what == "analysis" else reference(file)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    facts = {"seconds": seconds, "processor_seconds": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss // 1024}
    print(json.dumps({**facts, "answers": answers}))
    return 0


def analysis(file: Path) -> list[float]:
    """Ours: effect and p-value of each metric, plain."""
    from coterie.experiments.analysis import analyse_file
    from coterie.experiments.document import document
    from coterie.experiments.question import Question, parse_metrics
    from coterie.settings import Settings

    known = ["history", "clicks/sessions=clicks_before/sessions_before"]
    question = Question("customer", "arm", "A", parse_metrics(METRICS, known), sequential=1e7)
    found = document(analyse_file(file, question, settings=Settings({"threads": 2, "memory_limit_mb": MEMORY_MB}, {})))
    return [row[key] for row in found["metrics"] for key in ("effect_size", "standard_error")]


def reference(file: Path) -> list[float]:
    """By hand: sums, squares and products of the same columns by arm, and what they make."""
    listed = [f"sum({c}::DOUBLE), sum({c}::DOUBLE * {c}), sum({c}::DOUBLE * history)" for c in COLUMNS]
    before = ("sum(history), sum(history * history), sum(clicks * sessions), sum(clicks_before), sum(sessions_before), "
              "sum(clicks_before * sessions_before), sum(clicks * clicks_before), sum(sessions * sessions_before), "
              "sum(clicks * sessions_before), sum(sessions * clicks_before)")  # fmt: skip
    with duckdb.connect(config={"threads": 2, "memory_limit": f"{MEMORY_MB}MiB"}) as db:
        query = (
            f"SELECT arm, count(*), count(DISTINCT customer), {', '.join(listed)}, {before} FROM '{file}' GROUP BY arm"
        )
        a, b = (row[1:] for row in db.execute(f"{query} ORDER BY arm").fetchall())
    answers: list[float] = []
    for place, name in enumerate(COLUMNS[:4]):
        sides = [moments(row, place) for row in (a, b)]
        if name in ("visit", "conversion"):
            sides = [(n, mean, mean * (1 - mean)) for n, mean, _ in sides]
        answers += apart(*sides)
    return answers + apart(*(ratio(row) for row in (a, b)))


def moments(row: tuple[float, ...], place: int) -> tuple[float, float, float]:
    """Units, mean and variance of a column."""
    n, total, squares = row[0], row[2 + 3 * place], row[3 + 3 * place]
    return n, total / n, (squares - total**2 / n) / (n - 1)


def ratio(row: tuple[float, ...]) -> tuple[float, float, float]:
    """Units, ratio of clicks to sessions, and n times its variance by the delta method."""
    (n, bottom, below), (_, top, above) = moments(row, 3), moments(row, 4)
    both = (row[2 + 3 * 5 + 2] - n * top * bottom) / (n - 1)
    share = top / bottom
    return n, share, (above - 2 * share * both + share**2 * below) / bottom**2


def apart(a: tuple[float, float, float], b: tuple[float, float, float]) -> list[float]:
    """Difference and standard error."""
    return [b[1] - a[1], (a[2] / a[0] + b[2] / b[0]) ** 0.5]


def run(file: Path, what: str) -> dict[str, Any]:
    """One of both in a process of its own."""
    found = subprocess.run(
        [sys.executable, "-m", "bench.experiments", "--child", str(file), what], capture_output=True, text=True
    )
    if found.returncode:
        sys.exit(f"FAIL: {what}: {found.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    processor, peak = answer["processor_seconds"], answer["peak_mb"]
    print(f"{what:10} {answer['seconds']:6.2f} s   processors {processor:6.2f} s   peak {peak:6.0f} MB", flush=True)
    return answer


def report(units: int, runs: dict[str, list[dict[str, Any]]]) -> int:
    """Print what was found as text and JSON."""
    ours, theirs = (runs[w][0]["answers"] for w in ("analysis", "reference"))
    scale = theirs[1::2]
    wrong = [
        i
        for i, (x, y) in enumerate(zip(ours, theirs, strict=True))
        if abs(x - y) > 1e-6 * scale[i // 2]  # a millionth of the standard error
    ]
    middle = {what: round(statistics.median(r["seconds"] for r in found), 2) for what, found in runs.items()}
    good = not wrong and units == FULL and middle["analysis"] <= LIMIT_SECONDS
    verdict = "PASS" if good else "FAIL"
    why = "" if units == FULL else f" (not the full size of {FULL:,} units)"
    print(f"experiments: {units:,} units x {len(METRICS)} metrics: {middle['analysis']} s (limit {LIMIT_SECONDS}), "
          f"one query by hand {middle['reference']} s: {verdict}{why}")  # fmt: skip
    processors = {w: round(statistics.median(r["processor_seconds"] for r in found), 2) for w, found in runs.items()}
    peaks = {what: max(r["peak_mb"] for r in found) for what, found in runs.items()}
    facts = {"bench": "experiments", "units": units, "seed": SEED, "cores": os.cpu_count(), "repeats": REPEATS}
    limits = {"analysis_seconds": LIMIT_SECONDS}
    figures = {"median_seconds": middle, "median_processor_seconds": processors, "peak_mb": peaks}
    print(json.dumps({**facts, **figures, "limits": limits, "differ": wrong, "verdict": verdict}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
