"""The console at a million customers: first load, estimates beside an import, long lists, the map, and memory.

`python -m bench.console [CUSTOMERS] [--minutes N] [--only load,lists,estimates,map,memory]`: at another size than the
full one, or where a limit is missed, it reports and exits 1. Memory is watched for ten minutes of use and told as growth
an hour; `--minutes 60` watches the hour itself. A browser with software rendering and the server share the machine, as in
a virtual machine without a graphics card.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.console.browser import SOFTWARE_GL, chromium

import coterie
from bench.audiences import AS_OF, prepare, random_rule

FULL, AUDIENCES, SEED, PASSWORD = 1_000_000, 10_000, 20261121, "a sentence to remember"
REQUESTS_A_SECOND, SECONDS = 20, 30
IMPORTS, IMPORTED_ROWS, LEAST_BESIDE = 8, 3_000_000, 0.9  # files of so many rows; share of requests beside an import
FIRST_ROWS = 1_000  # of the file that makes the dataset known
LIMITS = {
    "first load, gzip": (400.0, "kB"),
    "interactive": (1.5, "s"),
    "estimate p95 beside an import": (40.0, "ms"),
    "page of 10,000 audiences, p95": (150.0, "ms"),
    "map of all customers drawn": (2.0, "s"),
    "server's memory, growth an hour": (10.0, "%"),
    "page's memory, growth an hour": (10.0, "%"),
}
_HOME = """() => document.querySelector('h1') && document.querySelector('nav a') && !document.querySelector('.loading')
  && [...document.querySelectorAll('.chart-place')].every((chart) => chart.dataset.drawn === 'true')"""
_SIZES = """() => performance.getEntriesByType('resource').filter((e) => !e.name.includes('/api/')).map((e) => e.encodedBodySize)
  .concat(performance.getEntriesByType('navigation').map((e) => e.encodedBodySize)).reduce((a, b) => a + b, 0)"""
_DRAWN = "() => document.querySelector('canvas[data-drawn=true]') !== null"


@dataclass
class Bench:
    """A served workspace, and what was measured: smaller is better."""

    url: str
    server: psutil.Process
    client: httpx.Client
    csrf: str
    figures: dict[str, float] = field(default_factory=dict)

    def say(self, what: str, value: float, note: str = "") -> None:
        """Note a figure that has a limit."""
        limit, unit = LIMITS[what]
        self.figures[what] = round(value, 3)
        verdict = "PASS" if value <= limit else "FAIL"
        print(f"{what:36} {value:10.2f} {unit:4} limit {limit:g}  {verdict}  {note}".rstrip(), flush=True)

    def post(self, path: str, body: Any) -> Any:
        """The body of a good answer."""
        answer = self.client.post(f"/api/v1{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        """The body of a good answer."""
        answer = self.client.get(f"/api/v1{path}", params=query)
        answer.raise_for_status()
        return answer.json()

    @contextmanager
    def beside(self) -> Iterator[Bench]:
        """The same with a client of its own, for another thread."""
        headers = {"X-CSRF-Token": self.csrf}
        with httpx.Client(base_url=self.url, cookies=self.client.cookies, headers=headers, timeout=120) as client:
            yield replace(self, client=client)

    @property
    def memory_mb(self) -> float:
        """What the server and its children hold."""
        processes = [self.server, *self.server.children(recursive=True)]
        return sum(p.memory_info().rss for p in processes if p.is_running()) / 2**20


def make(folder: Path, n: int) -> None:
    """`n` customers with 30 tags and 10 events each, ten thousand audiences and a segmentation."""
    prepare(folder, n)
    (folder / "reference.duckdb").unlink()
    draw = random.Random(SEED)
    with coterie.open(str(folder / "ws")) as ws:
        ws.audiences.save("audience 00000", {"tag": "age", "op": "gte", "value": 30}, owner="ada", folder="bench")
        body = dict(ws.store.get("audience", "audience 00000").body)
        with ws.store.together():
            for number in range(1, AUDIENCES):
                rule = {"version": 1, "entity": "customer", **random_rule(draw, [draw.randrange(18)])[0]}
                ws.store.put(
                    "audience", f"audience {number:05}", {**body, "rule": rule, "folder": f"bench/{number % 40}"}
                )
        started = time.perf_counter()
        ws.segments.fit("buyers", ["visits", "spent", "recency"], method="kmeans", k=5)
        print(f"segments fitted in {time.perf_counter() - started:.1f} s", flush=True)
    (folder / "made").touch()


def rules(n: int) -> list[dict[str, Any]]:
    """Rules of six conditions as people edit them: each differs from the one before by a condition."""
    draw, made = random.Random(SEED), []
    for _ in range(n):
        leaves = draw.sample(range(18), 6)
        made.append(random_rule(draw, leaves)[0])
    return made


@contextmanager
def served(folder: Path) -> Iterator[Bench]:
    """The workspace served as people serve it, with its first admin."""
    command = [str(Path(sys.executable).parent / "coterie"), "-w", str(folder / "ws"), "serve", "--json", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            with httpx.Client(base_url=told["url"], timeout=120) as client:
                body = {"token": told["setup_token"], "name": "ada", "password": PASSWORD}
                csrf = client.post("/api/v1/setup", json=body).json()["csrf"]
                client.headers["X-CSRF-Token"] = csrf
                yield Bench(told["url"], psutil.Process(process.pid), client, csrf)
        finally:
            process.terminate()
            process.wait(60)


def page_of(browser: Any, bench: Bench) -> Any:
    """A page of somebody who is signed in, with nothing cached."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
    cookies = [{"name": k, "value": v, "url": bench.url} for k, v in bench.client.cookies.items()]
    context.add_cookies(cookies)
    context.set_default_timeout(120_000)
    return context.new_page()


def first_load(bench: Bench, browser: Any) -> None:
    """What comes over the line, and when one can begin; of five visits with an empty cache the middle one.

    The visit before them, the first one since the server and the browser were started, is told apart.
    """
    first, *seconds = (visit(bench, browser) for _ in range(6))
    bench.say("first load, gzip", max(kilobytes for _, kilobytes in (first, *seconds)), "the home page with its charts")
    took = [second for second, _ in seconds]
    note = f"slowest of 5: {max(took):.2f} s; the first since the start {first[0]:.2f} s"
    bench.say("interactive", statistics.median(took), note)


def visit(bench: Bench, browser: Any) -> tuple[float, float]:
    """Seconds until the home page is whole, and the kilobytes of what it loads but answers of the API."""
    page = page_of(browser, bench)
    started = time.perf_counter()
    page.goto(bench.url, wait_until="commit")
    page.wait_for_function(_HOME)
    seconds, kilobytes = time.perf_counter() - started, page.evaluate(_SIZES) / 1000
    page.context.close()
    return seconds, kilobytes


def list_pages(bench: Bench) -> None:
    """Pages of the list of audiences, sorted and searched in different ways."""
    took = []
    asked = [{"sort": s, "order": o} for s in ("audience", "count", "saved_at") for o in ("asc", "desc")]
    asked += [{"search": "audience 09"}, {"folder": "bench/7"}, {"scope": "mine"}]
    assert bench.get("/audiences", limit=1)["total"] == AUDIENCES
    for number, query in enumerate(asked * 6):
        started = time.perf_counter()
        bench.get("/audiences", limit=50, offset=(number * 977) % 5000 if len(query) == 2 else 0, **query)
        took.append((time.perf_counter() - started) * 1000)
    bench.say("page of 10,000 audiences, p95", p95(took), f"median {statistics.median(took):.0f} ms")


def p95(values: Sequence[float]) -> float:
    """The value that 95 in 100 do not exceed."""
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def estimates(bench: Bench, folder: Path, n: int) -> None:
    """Twenty sizes a second, sent by the clock whether or not the one before is there, while files are imported.

    The dataset is known, and tags are built since: on the first day of a dataset a build is due anyway.
    """
    imported(bench, uploaded(bench, folder, n, IMPORTS, FIRST_ROWS), FIRST_ROWS)
    finished(bench, bench.post("/tags/build", {"as_of": AS_OF})["job"])
    wanted = rules(REQUESTS_A_SECOND * SECONDS)
    for rule in wanted[:40]:  # as after some minutes of use
        bench.post("/audiences/count", {"rule": rule})
    quiet = paced(bench, wanted)
    imports = Imports(bench, [uploaded(bench, folder, n, number) for number in range(IMPORTS)])
    with imports.running():
        begun = time.monotonic()
        took = paced(bench, wanted[::-1])
        ended = time.monotonic()
    beside = imports.share_of(begun, ended)
    assert beside >= LEAST_BESIDE, f"an import ran in {beside:.0%} of the time only: give it more files"
    note = f"median {statistics.median(took):.0f} ms, p99 {sorted(took)[-len(took) // 100]:.0f}; without an import p95 {p95(quiet):.0f} ms"
    told = f"{note}; an import ran {beside:.0%} of the time, {imports.rows:,} rows"
    bench.say("estimate p95 beside an import", p95(took), told)


def paced(bench: Bench, wanted: Sequence[dict[str, Any]]) -> list[float]:
    """Milliseconds of each request from when it was due."""
    limits = httpx.Limits(max_connections=16)
    headers = {"X-CSRF-Token": bench.csrf}
    with httpx.Client(
        base_url=bench.url, cookies=bench.client.cookies, headers=headers, timeout=60, limits=limits
    ) as client:
        known: dict[str, Any] = {}
        begun = time.perf_counter() + 0.2

        def ask(number: int) -> float:
            """One request, at its moment."""
            due = begun + number / REQUESTS_A_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            answer = client.post("/api/v1/audiences/count", json={"rule": wanted[number]})
            took = (time.perf_counter() - due) * 1000
            check_count(answer, wanted[number], known)
            return took

        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(ask, range(len(wanted))))


def check_count(answer: httpx.Response, rule: dict[str, Any], known: dict[str, Any]) -> None:
    """The answer is whole, adds up, and is that of the same rule before."""
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["exact"] and 0 <= told["count"] <= told["universe"] and len(told["waterfall"]) >= 7, told
    assert told["waterfall"][0]["remaining"] == told["count"], told
    assert known.setdefault(json.dumps(rule), told["count"]) == told["count"], (rule, told)


def uploaded(bench: Bench, folder: Path, n: int, number: int, rows: int = IMPORTED_ROWS) -> str:
    """A file of events, uploaded; its id."""
    file = folder / f"more{number}.csv"
    with file.open("w", encoding="utf-8") as handle:
        handle.write("entity,at,note\n")
        handle.writelines(f"u{i * 7919 % n:08},2026-01-01T{i % 24:02}:00:00,{number}-{i}\n" for i in range(rows))
    with file.open("rb") as handle:
        kept = bench.client.post("/api/v1/uploads", files={"file": ("more.csv", handle)})
    kept.raise_for_status()
    file.unlink()
    return str(kept.json()["upload"])


def imported(bench: Bench, upload: str, rows: int) -> tuple[float, float]:
    """Import a file of so many rows as a job of the server; when it began to run, and when it had ended."""
    asked = {"upload": upload, "as": "events", "name": "notes", "entity": "entity", "time": "at"}
    begun, ended, told = finished(bench, bench.post("/imports", asked)["job"])
    assert told["accepted"] == rows, told
    return begun, ended


def finished(bench: Bench, job: str) -> tuple[float, float, dict[str, Any]]:
    """When a job began to run, when it had ended, and its result."""
    begun = time.monotonic()
    while (row := bench.get(f"/jobs/{job}"))["state"] in ("waiting", "running"):
        begun = time.monotonic() if row["state"] == "waiting" else begun
        time.sleep(0.25)
    assert row["state"] == "completed", row
    return begun, time.monotonic(), row["result"]


class Imports:
    """One import of the server after the other, as its jobs."""

    def __init__(self, bench: Bench, uploads: Sequence[str]) -> None:
        self._bench, self._uploads, self._stop = bench, uploads, threading.Event()
        self._ran: list[tuple[float, float]] = []
        self.rows = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """From when the first is under way; the last is awaited."""
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(self._work)
            while not done.done() and not self._bench.get("/jobs", limit=5, state="running")["jobs"]:
                time.sleep(0.05)
            try:
                yield
            finally:
                self._stop.set()
                done.result()

    def _work(self) -> None:
        with self._bench.beside() as bench:
            for upload in self._uploads:
                if self._stop.is_set():
                    return
                self._ran.append(imported(bench, upload, IMPORTED_ROWS))
                self.rows += IMPORTED_ROWS

    def share_of(self, begun: float, ended: float) -> float:
        """The part of a span in which an import ran."""
        inside = sum(max(0.0, min(b, ended) - max(a, begun)) for a, b in self._ran)
        return inside / (ended - begun)


def draw_map(bench: Bench, browser: Any) -> None:
    """From asking for the points, which the server has made before, to the drawn picture."""
    started = time.perf_counter()
    facts = bench.get("/segments/buyers/map")
    made = time.perf_counter() - started
    page = page_of(browser, bench)
    page.goto(f"{bench.url}/segments/buyers")
    page.wait_for_function(_HOME)
    started = time.perf_counter()
    page.get_by_role("tab", name="Map").click()
    page.wait_for_function(_DRAWN)
    took = time.perf_counter() - started
    inside = page.evaluate(
        "() => { const d = document.querySelector('canvas[data-drawn]').dataset; return [d.madeMs, d.drawMs]; }"
    )
    note = f"{facts['points']:,} points; to the card {inside[0]} ms, drawing {inside[1]} ms; the server made them in {made:.1f} s"
    bench.say("map of all customers drawn", took, note)
    page.context.close()


def memory(bench: Bench, browser: Any, minutes: float) -> None:
    """Use the console without pause, by a page and by requests; growth is the slope of the second half, by the hour."""
    page, wanted = page_of(browser, bench), itertools.cycle(rules(2_000))
    session = page.context.new_cdp_session(page)
    screens = itertools.cycle(
        ("/", "/audiences", "/audiences/new", "/tags", "/segments/buyers", "/data", "/jobs", "/customers")
    )
    held: list[tuple[float, float, float]] = []
    begun = time.monotonic()
    page.goto(bench.url)
    while time.monotonic() - begun < minutes * 60:
        go_to(page, next(screens))
        for _ in range(10):
            bench.post("/audiences/count", {"rule": next(wanted)})
        bench.post("/audiences/insight", {"rule": next(wanted), "top": 5})
        bench.get("/audiences", limit=50, search=f"{len(held) % 100:02}")
        session.send("HeapProfiler.collectGarbage")
        heap = session.send("Runtime.getHeapUsage")["usedSize"] / 2**20
        held.append((time.monotonic() - begun, bench.memory_mb, heap))
    for what, column in (("server's memory, growth an hour", 1), ("page's memory, growth an hour", 2)):
        found = growth(held, column)
        note = f"{len(held)} rounds in {minutes:g} minutes"
        if found is None:
            print(f"{what:36} cannot tell: {note} are too few", flush=True)
        else:
            bench.say(what, found[0], f"{found[1]:.0f} MiB, {note}")
    page.context.close()


def go_to(page: Any, path: str) -> None:
    """Move within the page, as a click on its menu does."""
    page.evaluate("(to) => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }", path)
    page.wait_for_function(
        "(to) => location.pathname === to && document.querySelector('h1') && !document.querySelector('.loading')",
        arg=path,
    )


def growth(held: Sequence[tuple[float, ...]], column: int) -> tuple[float, float] | None:
    """Growth an hour in percent of the median of the second half, and that median; None of fewer than 16 rounds.

    By the middle of the slopes between rounds that lie apart (Theil-Sen), at least 0.
    """
    half = held[len(held) // 2 :]
    if len(half) < 8:
        return None
    apart = len(half) // 2
    slopes = [(b[column] - a[column]) / (b[0] - a[0]) for a, b in zip(half, half[apart:], strict=False)]
    middle = statistics.median(row[column] for row in half)
    return max(0.0, statistics.median(slopes) * 3600 / middle * 100), middle


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a limit is missed, or the size is not the full one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("customers", type=int, nargs="?", default=FULL)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", help="some measurements, such as load,map")
    given = parser.parse_args(arguments)
    keep = os.environ.get("BENCH_DIR")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=keep) as name:
        folder = Path(keep) / f"console-{given.customers}" if keep else Path(name)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            started = time.perf_counter()
            make(folder, given.customers)
            print(f"workspace made in {time.perf_counter() - started:.0f} s, as of {AS_OF}", flush=True)
        figures = measure(folder, given)
    failed = [what for what, value in figures.items() if value > LIMITS[what][0]]
    missing = [what for what in LIMITS if what not in figures]
    facts = {
        "bench": "console",
        "customers": given.customers,
        "minutes": given.minutes,
        "cores": os.cpu_count(),
        "seed": SEED,
    }
    print(json.dumps({**facts, "figures": figures, "failed": failed, "not_measured": missing}))
    if given.customers != FULL:
        print(f"FAIL: {given.customers:,} customers are not the full size of {FULL:,}")
    return int(bool(failed or missing) or given.customers != FULL)


def measure(folder: Path, given: argparse.Namespace) -> dict[str, float]:
    """All measurements, or those that were asked for."""
    work = copied(folder)
    with served(work) as bench, chromium(SOFTWARE_GL) as browser:
        bench.post("/audiences/count", {"rule": {"all": []}})
        steps: dict[str, Callable[[], None]] = {
            "load": lambda: first_load(bench, browser),
            "lists": lambda: list_pages(bench),
            "estimates": lambda: estimates(bench, work, given.customers),
            "map": lambda: draw_map(bench, browser),
            "memory": lambda: memory(bench, browser, given.minutes),
        }
        for name, step in steps.items():
            if given.only is None or name in given.only.split(","):
                step()
        return bench.figures


def copied(folder: Path) -> Path:
    """The workspace again, so that users and imports of one run do not meet the next; where it is not kept, itself."""
    if os.environ.get("BENCH_DIR") is None:
        return folder
    to = folder.with_name(f"{folder.name}-run")
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder / "ws", to / "ws")
    return to


if __name__ == "__main__":
    sys.exit(main())
