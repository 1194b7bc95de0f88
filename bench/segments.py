"""Segments: k-means of 10M rows, a sampled silhouette, k-prototypes, and a whole default run, against references.

Every answer is compared with the reference's before its time counts: the inertia, the cost, the mean silhouette. All have
two threads. `python -m bench.segments [ROWS]`: at another size than the full one it reports and exits 1.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FULL, COLUMNS, K, STARTS, SEED, REPEATS, THREADS = 10_000_000, 16, 8, 10, 20261121, 5, 2
SAME_INERTIA, KMEANS_LIMIT = 1.001, 1.1
SILHOUETTE_ROWS, SILHOUETTE_SECONDS = 1_000_000, 5.0
RUN_ROWS, RUN_COLUMNS, RUN_SECONDS, MEMORY_LIMIT = 100_000, 20, 180.0, 2.0
MIXED_ROWS, MIXED_K, MIXED_STARTS, MIXED_LIMIT = 5_000, 4, 10, 1 / 5

Matrix = npt.NDArray[np.float32]


def crowd(rows: int, columns: int = COLUMNS) -> Matrix:
    """Twelve unequal, overlapping groups: eight centres do not fit them exactly, as in life."""
    rng = np.random.default_rng(SEED)
    centres = rng.normal(size=(12, columns)).astype(np.float32) * np.float32(1.2)
    group = rng.choice(12, size=rows, p=np.arange(1, 13) / 78)
    return rng.standard_normal((rows, columns), dtype=np.float32) + centres[group]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and its seconds."""
    start = time.perf_counter()
    found = work()
    return found, time.perf_counter() - start


class Bench:
    """Rows of what was measured: name, value, limit, unit."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, float, str]] = []
        self.wrong: list[str] = []

    def say(self, what: str, value: float, limit: float, unit: str, more: str = "") -> None:
        self.rows.append((what, value, limit, unit))
        verdict = "PASS" if value <= limit else "FAIL"
        print(f"{verdict}  {what}: {value:.3g} {unit} (at most {limit:.3g}) {more}", flush=True)

    def kmeans(self, rows: int) -> None:
        """Coterie's k-means against scikit-learn's and faiss', each as their users call them, on the same rows."""
        import faiss
        from sklearn.cluster import KMeans
        from threadpoolctl import threadpool_limits

        from coterie.learn.segments.methods.kmeans import kmeans

        matrix = crowd(rows)
        faiss.omp_set_num_threads(THREADS)

        def by_faiss() -> float:
            found = faiss.Kmeans(COLUMNS, K, niter=20, seed=SEED, max_points_per_centroid=rows)
            found.train(matrix)
            return float(found.index.search(matrix, 1)[0].sum(dtype=np.float64))

        contestants: dict[str, Callable[[], float]] = {
            "coterie": lambda: kmeans(matrix, K, seed=SEED, starts=STARTS, threads=THREADS).inertia,
            "scikit-learn": lambda: float(KMeans(K, n_init=1, random_state=SEED % 2**31).fit(matrix).inertia_),
            "faiss": by_faiss,
        }
        memory = 1 + peak_kib(contestants["coterie"]) * 1024 / matrix.nbytes
        self.say("k-means: memory, the rows included", memory, MEMORY_LIMIT, "times the rows")
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        inertia: dict[str, float] = {}
        with threadpool_limits(THREADS):
            for _ in range(REPEATS):
                for name, work in contestants.items():
                    inertia[name], taken = timed(work)
                    seconds[name].append(taken)
        best = min(inertia["scikit-learn"], inertia["faiss"])
        if inertia["coterie"] > SAME_INERTIA * best:
            self.wrong.append(f"k-means: inertia {inertia['coterie']:.6g} against {best:.6g}")
        # one that stops at a worse answer has not done the same work
        equal = [n for n in ("scikit-learn", "faiss") if inertia[n] <= SAME_INERTIA * inertia["coterie"]]
        faster = min(equal or ("scikit-learn", "faiss"), key=lambda n: statistics.median(seconds[n]))
        ratio = statistics.median(a / b for a, b in zip(seconds["coterie"], seconds[faster], strict=True))
        told = {n: f"{statistics.median(s):.1f} s, inertia {inertia[n]:.6g}" for n, s in seconds.items()}
        self.say(f"k-means {rows:,} x {COLUMNS}, k={K}, against {faster}", ratio, KMEANS_LIMIT, "times", str(told))

    def silhouette(self) -> None:
        """The mean silhouette of a sample against that of all of a smaller set, then its time on the large one."""
        from sklearn.metrics import silhouette_score

        from coterie.learn.segments.criteria import sampled_silhouette
        from coterie.learn.segments.methods.kmeans import kmeans

        matrix = crowd(SILHOUETTE_ROWS)
        labels = kmeans(matrix, K, seed=SEED, starts=STARTS, threads=THREADS).labels
        few = slice(0, 10_000)
        exact = float(silhouette_score(matrix[few], labels[few]))
        found, taken = timed(lambda: sampled_silhouette(matrix, labels, seed=SEED))
        if not found.low - 0.01 <= exact <= found.high + 0.01:
            self.wrong.append(f"silhouette: {found.low:.4f} to {found.high:.4f} against {exact:.4f}")
        self.say(
            f"silhouette of {SILHOUETTE_ROWS:,} rows, sampled", taken, SILHOUETTE_SECONDS, "s", f"{found.mean:.4f}"
        )

    def prototypes(self) -> None:
        """k-prototypes and k-modes against the package kmodes, as many starts each, to an equal cost."""
        from kmodes.kmodes import KModes
        from kmodes.kprototypes import KPrototypes

        from coterie.learn.segments.methods.base import Columns
        from coterie.learn.segments.methods.modes import kmodes, kprototypes

        numbers, codes, levels = mixed(MIXED_ROWS)
        ones = [(codes[:, [j]] == np.arange(n)).astype(np.float64) for j, n in enumerate(levels)]
        sources = np.concatenate([np.arange(4), *(np.full(n, 4 + j) for j, n in enumerate(levels))])
        names = tuple(f"x{i}" for i in sources)
        matrix = np.column_stack([numbers, *ones])
        columns = Columns(names, sources.astype(np.intp), np.where(sources < 4, np.nan, 0.5))
        words = Columns(names[4:], columns.sources[4:], columns.middles[4:])
        gamma = 0.5 * float(numbers.std(axis=0).mean())
        theirs = np.column_stack([numbers.astype(object), codes.astype(str)])
        options: dict[str, Any] = {"n_clusters": MIXED_K, "n_init": MIXED_STARTS, "random_state": 1, "n_jobs": 1}
        places = list(range(4, theirs.shape[1]))

        def package_prototypes() -> float:
            return float(KPrototypes(init="Huang", gamma=gamma, **options).fit(theirs, categorical=places).cost_)

        def package_modes() -> float:
            return float(KModes(init="Huang", **options).fit(codes.astype(str)).cost_)

        asked: dict[str, Any] = {"seed": SEED, "starts": MIXED_STARTS}
        self._prototypes(
            "k-prototypes",
            lambda: kprototypes(matrix, MIXED_K, columns=columns, **asked).inertia,
            package_prototypes,
        )
        self._prototypes(
            "k-modes", lambda: kmodes(matrix[:, 4:], MIXED_K, columns=words, **asked).inertia, package_modes
        )

    def _prototypes(self, name: str, ours: Callable[[], float], package: Callable[[], float]) -> None:
        (cost, taken), (theirs, reference) = timed(ours), timed(package)
        if cost > SAME_INERTIA * theirs:
            self.wrong.append(f"{name}: cost {cost:.6g} against {theirs:.6g}")
        more = f"{taken:.2f} s, cost {cost:.6g}; package {reference:.2f} s, cost {theirs:.6g}"
        self.say(f"{name} {MIXED_ROWS:,} x 8, {MIXED_STARTS} starts", taken / reference, MIXED_LIMIT, "times", more)

    def whole_run(self) -> None:
        """A default run with report in a process of its own: seconds, and memory beyond the interpreter's."""
        command = [sys.executable, "-m", "bench.segments", "--whole-run"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        facts = json.loads(done.stdout.splitlines()[-1])
        name = f"default run on {RUN_ROWS:,} x {RUN_COLUMNS}, k={facts['k']}, {facts['draws']} bootstraps, report"
        self.say(name, facts["seconds"], RUN_SECONDS, "s", f"stages: {', '.join(facts['stages'])}")
        self.say("its memory beside the libraries', the data included", facts["memory"], MEMORY_LIMIT, "times the data")
        self.say("seconds from cancel to the end", facts["cancelled_seconds"], 5.0, "s")


def mixed(rows: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp], tuple[int, ...]]:
    """Four numbers and four categories of people of four kinds."""
    rng = np.random.default_rng(SEED)
    kind = rng.integers(0, MIXED_K, rows)
    numbers = rng.normal(size=(rows, 4)) + 2.0 * np.eye(MIXED_K)[kind]
    levels = (4, 5, 6, 8)
    liked = (rng.random((rows, 4)) < 0.6) * (1 + kind[:, None])
    drawn = np.column_stack([rng.integers(0, n, rows) for n in levels])
    return numbers, np.where(liked > 0, liked - 1, drawn).astype(np.intp), levels


def peak_kib(work: Callable[[], Any]) -> int:
    """By how much the memory of this process rises above where it was, at its highest."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = status_kib("VmRSS")
    work()
    return status_kib("VmHWM") - before


def status_kib(key: str) -> int:
    """A figure of this process in KiB, as Linux tells it."""
    return int(Path("/proc/self/status").read_text().split(f"{key}:")[1].split()[0])


def whole_run() -> None:
    """What the child process does; prints one JSON object."""
    import threading

    import pandas as pd

    import coterie.learn.segments.model as model
    from coterie.errors import Cancelled
    from coterie.kit.progress import Progress
    from coterie.learn.segments.study.make import make_study
    from coterie.report.segments import segment_report_html

    class Shown(Progress):
        """Keeps the names of the stages that a person would see."""

        def shown(self) -> None:
            stages.setdefault(self.name)

    stages: dict[str, None] = {}
    model.fit_segments(pd.DataFrame({"a": [1.0, 2.0] * 50, "b": range(100)}), max_k=2)  # the libraries are loaded
    names = [f"x{i}" for i in range(RUN_COLUMNS)]
    keys = [f"c{i}" for i in range(RUN_ROWS)]
    frame = pd.DataFrame(np.exp(crowd(RUN_ROWS, RUN_COLUMNS).astype(np.float64) / 3), columns=names, index=keys)
    data_kib = RUN_ROWS * RUN_COLUMNS * 8 / 1024
    found: list[model.SegmentFit] = []

    def run() -> None:
        shown = Shown()
        found.append(model.fit_segments(frame, progress=shown))
        segment_report_html(found[0], "bench", study=make_study(found[0], frame, progress=shown))

    start = time.perf_counter()
    peak = peak_kib(run)
    seconds, fit = time.perf_counter() - start, found[0]
    progress = Progress()
    at: list[float] = []
    threading.Timer(4.0, lambda: (at.append(time.perf_counter()), progress.cancel())).start()
    try:
        model.fit_segments(frame, progress=progress)
        raise SystemExit("the run was not cancelled")
    except Cancelled:
        cancelled = time.perf_counter() - at[0]
    facts = {"seconds": seconds, "k": fit.model.k, "draws": fit.stability.draws, "memory": 1 + peak / data_kib}
    print(json.dumps(facts | {"stages": list(stages), "cancelled_seconds": cancelled}))


def main(arguments: list[str]) -> int:
    """1 where a limit is not kept, an answer differs, or the size is not the full one."""
    if arguments == ["--whole-run"]:
        whole_run()
        return 0
    rows = int(arguments[0]) if arguments else FULL
    bench = Bench()
    bench.kmeans(rows)
    bench.silhouette()
    bench.prototypes()
    bench.whole_run()
    failed = [what for what, value, limit, _ in bench.rows if value > limit]
    facts = {"bench": "segments", "rows": rows, "seed": SEED, "cores": os.cpu_count(), "repeats": REPEATS}
    figures = {what: value for what, value, _, _ in bench.rows}
    print(json.dumps({**facts, "figures": figures, "failed": failed, "different_answers": bench.wrong}))
    if rows != FULL:
        print(f"FAIL: {rows:,} rows are not the full size of {FULL:,}")
    return int(bool(failed or bench.wrong) or rows != FULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
