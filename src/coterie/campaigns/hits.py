"""Taking what people did into the lake: clicks, opens, unsubscriptions, receipts and visits of landing pages.

What a machine did before anybody saw the message is kept under a name of its own, and counts nowhere else: whatever came
within two seconds of the hand-over, and whatever called itself a prefetcher or a scanner (`machines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from coterie.audiences.life import EVERY_CHANNEL
from coterie.campaigns import events, journal, records
from coterie.campaigns.definition import Campaign
from coterie.campaigns.spots import Source
from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.consent.ledger import EVERY
from coterie.consent.service import SCOPES
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Failed, Refused
from coterie.kit.disk import disk_errors
from coterie.kit.locks import exclusive

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

FOLDER = "journal"
VISITED, CONVERTED, DEAD = "visited", "converted", "dead"
MACHINE_SECONDS = 2.0  # nobody reads a message sooner after it was handed over
PAGE_EVENTS = Dataset(
    "page_events",
    DatasetKind.EVENTS,
    (
        Field("entity", ValueType.TEXT, "_entity"),
        Field("at", ValueType.MOMENT, "_at"),
        *(Field(name, ValueType.TEXT, name) for name in ("event", "page", "campaign", "run", "visitor", "reason")),
        Field("version", ValueType.INTEGER, "version"),
    ),
    entity="entity",
    time="at",
)
_ONCE = (events.DELIVERED, events.BOUNCED, events.UNSUBSCRIBED)  # of a message; a second receipt says nothing new


class Taken(NamedTuple):
    """A run that lines are of."""

    token: str
    run: str
    made: Campaign
    plan: Path
    links: tuple[Source, ...]


def take_in(campaigns: Campaigns, *, wait_seconds: float = 0) -> int:
    """Take closed files into the lake, each once however often this is cut off; returns how many lines they had.

    wait_seconds : how long another process that is at it is waited for.
    """
    folder = campaigns.folder / FOLDER
    if not folder.is_dir() or not any(folder.glob("*-*")):
        return 0
    count = 0
    try:
        with disk_errors(), exclusive(folder / "taking.lock", wait_seconds):
            for file in journal.closed(folder):
                count += _take(campaigns, file)
                file.unlink()
    except Failed as error:
        if error.code not in ("locked", "read_only"):
            raise
    return count


def _take(campaigns: Campaigns, file: Path) -> int:
    with campaigns.context.engine.cursor() as engine:
        columns = ", ".join(f"{quote_value(name)}: {quote_value(kind)}" for name, kind in journal.COLUMNS.items())
        how = f"delim = '\\t', quote = '', escape = '', header = false, columns = {{{columns}}}, nullstr = '\\N',"
        how += " ignore_errors = true"  # a disk that was full may have cut a line
        engine.execute(f"CREATE OR REPLACE TEMP TABLE hits AS SELECT * FROM read_csv({quote_value(str(file))}, {how})")
        runs = [_run(campaigns, str(token)) for (token,) in engine.rows("SELECT DISTINCT run FROM hits ORDER BY run")]
        known = [run for run in runs if run is not None]
        for taken in known:
            _prepare(campaigns, engine, taken)
        _withdraw(campaigns, engine, known)
        told = [_events_sql(taken) for taken in known]
        if told:
            key = f"hits\0{file.name}"
            facts: dict[str, object] = {"tracked": True}
            events.publish(campaigns.context, engine, key, " UNION ALL ".join(told) + " ORDER BY 2", facts)
        _visits(campaigns, engine, known, file.name)
        return int(engine.value("SELECT count(*) FROM hits"))


def _run(campaigns: Campaigns, token: str) -> Taken | None:
    """The run of a token; None where it is not there any more."""
    known = campaigns.context.store.find(records.TOKEN, token) if token else None
    if known is None:
        return None
    run = str(known.body["run"])
    with suppress(Refused):  # the campaign was deleted
        occurrence = campaigns.records.occurrence(run.rpartition("@")[0], run)
        made, _ = campaigns.get(occurrence.campaign, occurrence.version)
        plan = campaigns.plan_file(run)
        if plan.exists():
            return Taken(token, run, made, plan, tuple(Source(*link) for link in known.body.get("links") or ()))
    return None


def _prepare(campaigns: Campaigns, engine: Engine, taken: Taken) -> None:
    """The tables `of:TOKEN` (the lines with entity and arm) and `links:TOKEN`."""
    import pyarrow as pa

    urls = pa.array([link.url for link in taken.links], pa.string())
    table = pa.table({"number": pa.array(range(len(taken.links)), pa.int32()), "url": urls})
    engine.register(f"links:{taken.token}", table)
    mine = f"(SELECT * FROM hits WHERE run = {quote_value(taken.token)})"
    plan = f"(SELECT n, row, entity, arm, address FROM {parquet(taken.plan)} WHERE n IN (SELECT n FROM {mine}))"
    engine.register(f"log:{taken.token}", _unpublished(campaigns, taken))
    own = f"run = {quote_value(taken.run)} AND event = '{events.SENT}'"
    published = f"SELECT _entity AS entity, min(epoch(_at)) AS moment FROM {events.events_sql(campaigns.context, own)} GROUP BY 1"
    logged = f"SELECT row, min(moment) AS moment FROM {quote_name(f'log:{taken.token}')} GROUP BY 1"
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE {quote_name(f'of:{taken.token}')} AS SELECT h.* REPLACE (CASE WHEN h.reason <> ''"
        f" THEN h.reason WHEN NOT h.receipt::BOOLEAN AND h.moment < coalesce(s.moment, l.moment) + {MACHINE_SECONDS} THEN"
        f" 'within {MACHINE_SECONDS:g} seconds' ELSE '' END AS reason), p.entity, p.arm, p.address FROM {mine} h"
        f" JOIN {plan} p USING (n) LEFT JOIN ({published}) s ON s.entity = p.entity LEFT JOIN ({logged}) l"
        " ON l.row = p.row"
    )


def _unpublished(campaigns: Campaigns, taken: Taken) -> Any:
    """Rows that were sent, and when, of which only the outbox knows yet."""
    import pyarrow as pa

    occurrence = campaigns.records.occurrence(taken.made.name, taken.run)
    found: list[tuple[int, float]] = []
    if occurrence.open:
        with campaigns.running.box(occurrence) as box:
            if box is not None:
                last = events.last_flushed(campaigns.context, taken.run)
                found = [(e[1], e[5]) for e in box.entries(last, 1_000_000) if e[2] == events.SENT]
    rows, ats = zip(*found, strict=True) if found else ((), ())
    return pa.table({"row": pa.array(rows, pa.int64()), "moment": pa.array(ats, pa.float64())})


def _events_sql(taken: Taken) -> str:
    """SQL of the events of one run."""
    c = taken.made
    common: Mapping[str, str | None] = {"campaign": c.name, "run": taken.run, "channel": c.channel}
    common = {**common, "category": c.category or None, "brand": c.brand or None}
    constants = ", ".join(f"{quote_value(value)} AS {name}" for name, value in common.items())
    machine = f"h.event IN ('{events.CLICKED}', '{events.OPENED}') AND h.reason <> ''"
    event = f"CASE WHEN {machine} THEN 'machine_' || h.event WHEN h.event = '{DEAD}' THEN '{events.BOUNCED}'"
    event += f" WHEN h.event = '{VISITED}' THEN '{events.CLICKED}' ELSE h.event END"
    detail = f"CASE WHEN h.event = '{VISITED}' THEN 'page ' || h.page WHEN h.receipt = 1 THEN h.detail ELSE l.url END"
    reason = f"CASE WHEN h.event = '{DEAD}' THEN '{DEAD}' ELSE nullif(h.reason, '') END"
    return (
        f"SELECT h.entity, make_timestamptz((h.moment * 1e6)::BIGINT) AS at, {event} AS event, {reason} AS reason,"
        f" nullif({detail}, '') AS detail, h.arm, {constants} FROM {quote_name(f'of:{taken.token}')} h"
        f" LEFT JOIN {quote_name(f'links:{taken.token}')} l ON l.number = h.number AND h.event = '{events.CLICKED}'"
        f" WHERE h.event <> '{CONVERTED}' AND NOT (h.event = '{VISITED}' AND h.reason <> '')"
    )


def _withdraw(campaigns: Campaigns, engine: Engine, known: list[Taken]) -> None:
    """Drop receipts that say nothing new; tell the ledger who unsubscribed, and the lists whose address is dead."""
    for taken in known:
        mine = quote_name(f"of:{taken.token}")
        own = events.events_sql(campaigns.context, f"run = {quote_value(taken.run)}")
        once = ", ".join(quote_value(e) for e in (*_ONCE, DEAD))
        same = f"e.event = CASE h.event WHEN '{DEAD}' THEN '{events.BOUNCED}' ELSE h.event END"
        engine.execute(
            f"DELETE FROM {mine} AS h WHERE h.receipt = 1 AND EXISTS (SELECT 1 FROM {own} e WHERE e._entity = h.entity AND"
            f" {same} AND (h.event IN ({once}) OR epoch(e._at) = h.moment))"
        )
        engine.execute(
            f"DELETE FROM {mine} WHERE receipt = 1 AND rowid NOT IN (SELECT min(rowid) FROM {mine} GROUP BY entity, event,"
            f" CASE WHEN event IN ({once}) THEN 0 ELSE moment END)"
        )
        left = engine.rows(
            f"SELECT entity, min(moment) FROM {mine} WHERE event = '{events.UNSUBSCRIBED}' GROUP BY 1 ORDER BY 1"
        )
        scope = str(taken.made.options.get("consent") or campaigns.channel(taken.made).permitted_as)
        if left and scope in SCOPES:
            found = [(str(entity), datetime.fromtimestamp(at, UTC)) for entity, at in left]
            campaigns.consent.revoke(scope, found, source=f"unsubscribed from {taken.made.name}")
        for event, name in ((DEAD, "dead"), (f"{events.BOUNCED}", "bounced")):
            permanent = "" if event == DEAD else " AND reason = 'permanent'"
            sql = f"SELECT DISTINCT address FROM {mine} WHERE event = '{event}'{permanent} AND address IS NOT NULL ORDER BY 1"
            gone = [str(address) for (address,) in engine.rows(sql)]
            if gone:
                campaigns.consent.suppress(gone, name, channel=scope if scope in EVERY_CHANNEL else EVERY, reason=name)


def _visits(campaigns: Campaigns, engine: Engine, known: list[Taken], file: str) -> None:
    """What happened on landing pages."""
    shown = "make_timestamptz((moment * 1e6)::BIGINT) AS at, event, page, version"
    mine = f"event IN ('{VISITED}', '{CONVERTED}')"
    parts = [
        f"SELECT entity, {shown}, {quote_value(t.made.name)} AS campaign, {quote_value(t.run)} AS run, NULL AS visitor,"
        f" nullif(reason, '') AS reason FROM {quote_name(f'of:{t.token}')} WHERE {mine}"
        for t in known
    ]
    strangers = "NULL AS entity, NULL AS campaign, NULL AS run, visitor, nullif(reason, '') AS reason"
    parts.append(
        f"SELECT entity, {shown}, campaign, run, visitor, reason FROM (SELECT hits.* EXCLUDE (run, visitor, reason),"
        f" {strangers} FROM hits WHERE run = '') WHERE {mine}"
    )
    sql = " UNION ALL ".join(parts)
    if engine.value(f"SELECT count(*) FROM ({sql})"):
        facts: dict[str, object] = {"tracked": True}
        events.publish(
            campaigns.context, engine, f"visits\0{file}", f"SELECT * FROM ({sql}) ORDER BY ALL", facts, PAGE_EVENTS
        )
