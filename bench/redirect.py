"""The redirect of clicks: a server of its own, a thousand requests offered a second, each answer checked, and counted after.

`python -m bench.redirect [RATE] [SECONDS]`: at another rate or shorter than the full one it reports and exits 1. Requests
are sent when their time has come, whether or not those before were answered (an open loop), over kept-alive connections;
a request's time runs from the moment it was due, so that a server that falls behind is not spared.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import coterie
from coterie.campaigns.events import events_sql
from coterie.campaigns.hits import take_in
from coterie.workspace import Workspace

RATE, SECONDS, CONNECTIONS, PEOPLE = 1000, 20, 64, 20_000
MOST_P99_MS, WARM = 30.0, 500
BASE = "https://go.example.com"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
TEXT = "Hi {{ name }}: https://shop.example/a?x=1 or https://shop.example/mine?id={{ entity }}"


@dataclass
class Taken:
    """How long requests took, in milliseconds from when they were due, and how many were answered wrongly."""

    ms: list[float] = field(default_factory=list)
    wrong: int = 0

    def at(self, share: float) -> float:
        """A quantile of the times."""
        return sorted(self.ms)[min(int(share * len(self.ms)), len(self.ms) - 1)]


def make(folder: Path) -> list[tuple[str, str]]:
    """A campaign that went to everybody through files; each token with where it should lead."""
    lines = [f"{i:06},Person {i}" for i in range(PEOPLE)]
    (folder / "people.csv").write_text("\n".join(["id,name", *lines]), encoding="utf-8")
    coterie.init(folder / "ws").close()
    facts = json.loads((folder / "ws" / "coterie.json").read_text())
    facts["settings"] = {"public_url": BASE}
    (folder / "ws" / "coterie.json").write_text(json.dumps(facts))
    with Workspace.open(folder / "ws", single_use=True) as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id", types={"id": "text"})
        ws.tags.build()
        ws.audiences.save("everyone", {"tag": "name", "op": "exists"})
        ws.campaigns.create({"name": "clicks", "audience": "everyone", "channel": "file", "content": {"text": TEXT}})
        ws.campaigns.plan("clicks")
        ws.campaigns.approve("clicks")
        assert ws.campaigns.run("clicks")["sent"] == PEOPLE
    sent = [
        line for file in (folder / "ws").glob("campaigns/*/1/outbox/*.jsonl") for line in file.open(encoding="utf-8")
    ]
    return [pair for line in sent for pair in _links(json.loads(line))]


def _links(message: dict[str, str]) -> list[tuple[str, str]]:
    """The paths of a message's links, and where they should lead."""
    common, own = re.findall(rf"{BASE}(/c/\S+)", message["text"])
    return [(common, "https://shop.example/a?x=1"), (own, f"https://shop.example/mine?id={message['entity']}")]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """`coterie serve` in a process of its own; ended as Ctrl-C ends it."""
    command = [sys.executable, "-m", "coterie.cli.main", "-w", str(folder / "ws"), "serve", "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        process.stdout.close()


async def ask(url: str, links: list[tuple[str, str]], rate: float) -> Taken:
    """Ask for each link when it is due."""
    taken, todo = Taken(), iter(enumerate(links))
    started = time.perf_counter() + 0.2
    at = urlsplit(url)

    async def _carry() -> None:
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        for n, (path, target) in todo:
            due = started + n / rate
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: {AGENT}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            taken.ms.append((time.perf_counter() - due) * 1000)
            taken.wrong += not (head.startswith("http/1.1 302") and f"location: {target}\r\n" in head)
        writer.close()

    await asyncio.gather(*(_carry() for _ in range(CONNECTIONS)))
    return taken


def counted(folder: Path) -> int:
    """Clicks in the lake, those of machines among them; what the server left is taken in first."""
    with Workspace.open(folder / "ws", single_use=True) as ws:
        take_in(ws.campaigns)
        source = events_sql(ws.tag_context, "event IN ('clicked', 'machine_clicked')")
        return int(ws.engine.value(f"SELECT count(*) FROM {source}"))


def main(rate: int = RATE, seconds: int = SECONDS) -> int:
    """0 where every figure holds."""
    folder = Path(tempfile.mkdtemp(prefix="coterie-bench-"))
    try:
        links = make(folder)
        first, asked = links[:WARM], links[WARM : WARM + rate * seconds]
        with served(folder) as url:
            asyncio.run(ask(url, first, rate / 4))
            started = time.perf_counter()
            taken = asyncio.run(ask(url, asked, rate))
            spent = time.perf_counter() - started
        events = counted(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    quantiles = ", ".join(f"p{share * 100:g} {taken.at(share):.1f} ms" for share in (0.5, 0.9, 0.99, 0.999))
    print(f"{len(taken.ms):,} requests in {spent:.1f} s, {len(taken.ms) / spent:,.0f}/s: {quantiles}", flush=True)
    print(f"{taken.wrong} wrong answers; {events:,} events of {len(first) + len(asked):,} requests", flush=True)
    holds = {
        f"{rate}/s at p99 under {MOST_P99_MS:g} ms": taken.at(0.99) < MOST_P99_MS
        and len(taken.ms) / spent > 0.95 * rate,
        "every answer right": taken.wrong == 0,
        "as many events as requests": events == len(first) + len(asked),
    }
    for name, good in holds.items():
        print(f"{'PASS' if good else 'FAIL'}: {name}")
    return 0 if all(holds.values()) and (rate, seconds) == (RATE, SECONDS) else 1


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
