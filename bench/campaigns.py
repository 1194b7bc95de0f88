"""Campaigns at full size: planning two million, handing over by mail against a bare loop, files, and the funnel.

`python -m bench.campaigns [CUSTOMERS]`: at another size than the full one it reports and exits 1. Every figure is
measured on the same machine in the same run; mail goes to a server in a process of its own (`tests.campaigns.sink`).
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coterie
from coterie.campaigns import funnel
from coterie.campaigns.channels.base import Parcel
from coterie.campaigns.channels.email import Email
from coterie.campaigns.outbox import Outbox
from coterie.campaigns.service import Campaigns
from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.consent.ledger import CONSENT
from coterie.consent.service import Consent
from coterie.lake.service import Staged
from coterie.settings import Settings
from coterie.workspace import Workspace

FULL, MAILS, SENT_AS_FILES, CONNECTIONS = 2_000_000, 12_000, 400_000, 16
MOST_PLAN_SECONDS, MOST_PLAN_MIB, LEAST_MAIL_SHARE, LEAST_FILES, MOST_FUNNEL_SECONDS = 30.0, 2048, 0.8, 20_000, 1.0
ZONES = "['Europe/Paris', 'Asia/Shanghai', 'America/New_York', 'UTC', 'Australia/Sydney']"


@dataclass(frozen=True)
class Shop:
    """An open workspace with its campaigns."""

    ws: Any
    campaigns: Campaigns


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Shop]:
    """The workspace, put together from its parts."""
    with coterie.open(str(folder)) as ws:
        ws.settings = Settings({"threads": 2, **settings})
        consent = Consent(ws.tag_context)
        parts = (ws.tag_context, ws.audiences, consent, ws.destinations, ws.path / "campaigns")
        yield Shop(ws, Campaigns(*parts, lambda: ws.jobs))


def make(folder: Path, n: int) -> None:
    """`n` customers with address, name, zone and language; nine in ten agreed to mail."""
    coterie.init(folder / "ws").close()
    with Workspace.open(folder / "ws", single_use=True) as ws, ws.lake.staging() as staging:
        key = "lpad(i::VARCHAR, 8, '0')"
        people, entities, consent = (staging / f"{name}.parquet" for name in ("people", "entities", "consent"))
        start, batch = "TIMESTAMPTZ '2025-01-01'", "NULL::BIGINT AS _batch"
        ws.engine.copy_parquet(
            f"SELECT {key} AS _entity, {start} AS _at, 'p' || (CASE WHEN i % 500 = 7 THEN i - 1 ELSE i END) ||"
            f" '@example.com' AS email, CASE WHEN i % 20 > 0 THEN 'Person ' || i END AS name, {ZONES}[1 + i % 5] AS zone,"
            f" CASE i % 3 WHEN 0 THEN 'zh' ELSE 'en' END AS lang, i AS _seq, {batch} FROM range({n}) r(i)",
            people,
        )
        ws.engine.copy_parquet(
            f"SELECT 'customer' AS kind, {key} AS key, i AS row, NULL::TIMESTAMPTZ AS first_seen, {batch} FROM range({n}) r(i)",
            entities,
        )
        ws.engine.copy_parquet(
            f"SELECT {key} AS _entity, {start} AS _at, 'email' AS scope, CASE WHEN i % 10 = 3 THEN 'denied' ELSE 'granted'"
            f" END AS state, 'bench' AS source, {batch} FROM range({n}) r(i)",
            consent,
        )
        fields = tuple(Field(name, ValueType.TEXT, name) for name in ("email", "name", "zone", "lang"))
        profiles = Dataset("people", DatasetKind.PROFILES, fields, entity="entity")
        for dataset, files in (
            (profiles, {profiles.table: [people], "entities": [entities]}),
            (CONSENT, {CONSENT.table: [consent]}),
        ):
            ws.catalog.save_dataset(dataset)
            ws.lake.publish(dataset.name, lambda _, f=files: Staged(f, {"accepted": n}), dataset=dataset.name)
        ws.tags.build()
        ws.audiences.save("everyone", {"not": {"tag": "lang", "op": "eq", "value": "xx"}})
        ws.audiences.refresh("everyone")
        ws.audiences.save("some", {"tag": "email", "op": "lt", "value": "p11"})
        ws.audiences.refresh("some")


CHANNEL = {"name": "file", "address": "email", "consent": "email"}
BIG = {
    "name": "big",
    "audience": "everyone",
    "channel": CHANNEL,
    "content": {"text": "Hi {{ name }}, there is something new.", "defaults": {"name": "friend"}},
    "quiet": {"from": "21:00", "until": "08:00", "zone": "zone"},
    "experiment": {"arms": ["a", "b"], "holdout": 0.1},
}
CAPS = [{"limit": 3, "within": "7d"}, {"scope": "channel", "limit": 2, "within": "1d"}]


@dataclass
class Taken:
    """Time that a block took: by the clock, and of the processors."""

    seconds: float = 0.0
    processor: float = 0.0


@contextmanager
def taking() -> Iterator[Taken]:
    """Measure a block."""
    taken, started, spent = Taken(), time.perf_counter(), time.process_time()
    yield taken
    taken.seconds, taken.processor = time.perf_counter() - started, time.process_time() - spent


def plan_and_files(folder: Path) -> dict[str, float]:
    """Plan everyone with all checks, send to files, count the funnel."""
    with opened(folder / "ws") as shop:
        shop.campaigns.set_rules({"caps": CAPS})
        shop.campaigns.create(BIG)
        with taking() as planning:
            plan = shop.campaigns.plan("big").plan
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"planned {plan['planned']:,} in {planning}, {peak:,.0f} MiB: {plan['buckets']}", flush=True)
        shop.campaigns.approve("big")
        with taking() as beginning:
            shop.campaigns.run("big", limit=1)
        print(f"outbox made and plan told in {beginning}", flush=True)
        with taking() as sending:
            status = shop.campaigns.run("big", limit=SENT_AS_FILES)
        rate = (status["sent"] - 1) / sending.seconds
        print(f"files: {status['sent']:,} in {sending}, {rate:,.0f}/s", flush=True)
        counted = sorted(_funnel(shop) for _ in range(5))[2]
        with taking() as telling:
            shop.campaigns.status("big")
        print(f"funnel of {plan['planned']:,}: {counted:.2f} s; whole status {telling}", flush=True)
    return {"plan": planning.seconds, "peak": peak, "files": rate, "funnel": counted}


def _funnel(shop: Shop) -> float:
    """Seconds of one count."""
    occurrence = shop.campaigns.records.occurrence("big")
    box = Outbox(shop.campaigns.run_folder(occurrence.run) / "outbox.sqlite")
    with taking() as counting:
        found = funnel.count(shop.ws.tag_context, occurrence.run, box)
    box.close()
    assert found.difference == 0
    return counting.seconds


@contextmanager
def sink(folder: Path) -> Iterator[int]:
    """A mail server in a process of its own; gives its port."""
    folder.mkdir()
    process = subprocess.Popen([sys.executable, "-m", "tests.campaigns.sink", str(folder)])
    try:
        while not (folder / "port").exists():
            time.sleep(0.05)
        yield int((folder / "port").read_text())
    finally:
        process.kill()
        process.wait()


def bare(port: int, messages: list[tuple[str, bytes]]) -> float:
    """Messages a second of a loop that does nothing but send the same bytes, on as many connections."""
    started = time.perf_counter()
    asyncio.run(_bare([messages[i::CONNECTIONS] for i in range(CONNECTIONS)], port))
    return len(messages) / (time.perf_counter() - started)


async def _bare(shares: list[list[tuple[str, bytes]]], port: int) -> None:
    import aiosmtplib

    async def _carry(share: list[tuple[str, bytes]]) -> None:
        server = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await server.connect()
        await server.ehlo()
        for address, content in share:
            await server.mail("shop@example.com")
            await server.rcpt(address)
            await server.data(content)
        await server.quit()

    await asyncio.gather(*map(_carry, shares))


def mails(folder: Path) -> dict[str, float]:
    """Hand over by mail, and the same bytes by a bare loop before and after it."""
    content = {
        "subject": "News for {{ name }}",
        "text": "Dear {{ name }},\n\nthere is something new." * 5,
        "defaults": {"name": "friend"},
    }
    channel = {"name": "email", "connections": CONNECTIONS}
    with sink(folder / "sink") as port:
        given = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "mail_from": "shop@example.com"}
        with opened(folder / "ws", **given) as shop:
            shop.campaigns.set_rules({})
            shop.campaigns.create({"name": "mail", "audience": "some", "channel": channel, "content": content})
            going = min(shop.campaigns.plan("mail").going, MAILS)
            shop.campaigns.approve("mail")
            shop.campaigns.run("mail", limit=1)
            messages = _bytes(shop, going)
            first = bare(port, messages)
            started = time.perf_counter()
            status = shop.campaigns.run("mail", limit=going)
            rate = (status["sent"] - 1) / (time.perf_counter() - started)
            second = bare(port, messages)
    reference = max(first, second)
    print(
        f"mail: {rate:,.0f}/s, bare aiosmtplib loop {first:,.0f} and {second:,.0f}/s: {rate / reference:.2f}",
        flush=True,
    )
    return {"mail": rate / reference}


def _bytes(shop: Shop, n: int) -> list[tuple[str, bytes]]:
    """The messages that the campaign would send."""
    from coterie.campaigns.delivery import _parcels

    occurrence = shop.campaigns.records.occurrence("mail")
    with shop.campaigns.running.opened(occurrence) as run, shop.ws.engine.cursor() as engine:
        rows = run.outbox.due(time.time(), n)
        with Email().open(run.surroundings) as posting:
            parcels = [p for p in _parcels(run, engine, rows) if isinstance(p, Parcel)]
            return [(str(p.address), _unwired(posting.message(p))) for p in parcels]


def _unwired(content: bytes) -> bytes:
    """A message as `aiosmtplib` wants it, which doubles the dots and marks the end itself."""
    return content.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")


def main(n: int = FULL) -> int:
    """0 where every figure holds."""
    folder = Path(tempfile.mkdtemp(prefix="coterie-bench-"))
    try:
        started = time.perf_counter()
        make(folder, n)
        print(f"{n:,} customers made in {time.perf_counter() - started:.1f} s", flush=True)
        found = {**plan_and_files(folder), **mails(folder)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    holds = {
        "plan in 30 s": found["plan"] <= MOST_PLAN_SECONDS,
        "plan in 2 GiB": found["peak"] <= MOST_PLAN_MIB,
        "files 20,000/s": found["files"] >= LEAST_FILES,
        "mail .8 of a bare loop": found["mail"] >= LEAST_MAIL_SHARE,
        "funnel in 1 s": found["funnel"] <= MOST_FUNNEL_SECONDS,
    }
    for name, good in holds.items():
        print(f"{'PASS' if good else 'FAIL'}: {name}")
    return 0 if all(holds.values()) and n == FULL else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else FULL))
