"""The people behind each bar of a funnel: who they are, what happened to each, and the bar as an audience."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from coterie.campaigns import events
from coterie.campaigns.definition import HOLDOUT, Campaign
from coterie.campaigns.goals import hits_sql
from coterie.campaigns.records import Occurrence
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_value
from coterie.errors import Refused, did_you_mean
from coterie.kit.moments import show_moment
from coterie.tags.context import TagContext

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

_READS, _MOST_LOGGED = 5, 10_000_000
_OWN_WORDS = {"suppressed": events.SKIPPED}
_WAITING = ("pending", "deferred")
_FOR_GOOD = (events.SKIPPED, events.CAPPED, events.HELD_OUT, events.SENT, events.CANCELLED, events.EXPIRED)
BARS = (
    *("planned", "suppressed", "capped", "held_out", "pending", "deferred", "sent", "uncertain", "failed"),
    *("cancelled", "expired", *events.AFTER_SENDING, "unknown"),
)


def bar_of(text: str) -> tuple[str, str | None]:
    """A bar and the reason after its colon: `suppressed:no_consent`. Raises Refused.

    >>> bar_of("suppressed:no_consent"), bar_of("sent")
    (('suppressed', 'no_consent'), ('sent', None))
    """
    bar, _, reason = text.partition(":")
    bar = "suppressed" if bar == events.SKIPPED else bar
    if bar not in BARS:
        fix = did_you_mean(bar, BARS) or f"There are: {', '.join(BARS)}."
        raise Refused("bad_argument", f'"{bar}" is no bar.', place="bar", fix=fix)
    return bar, reason or None


def people(
    campaigns: Campaigns,
    name: str,
    bar: str,
    *,
    run: str | None = None,
    search: str = "",
    limit: int = 50,
    offset: int = 0,
) -> dict[str, Any]:
    """Who is in a bar now, a page of them in the plan's order: `people`, `total`.

    search : what keys begin with.
    """
    kind, reason = bar_of(bar)
    occurrence = campaigns.records.occurrence(name, run)
    with campaigns.context.engine.cursor() as engine, _now(campaigns, engine, occurrence):
        where = [_condition(kind, reason)]
        if search:
            where.append(f"starts_with(entity, {quote_value(search)})")
        chosen = f"standing WHERE {' AND '.join(where)}"
        total = int(engine.value(f"SELECT count(*) FROM {chosen}"))
        columns = "entity, arm, bucket, reason, address"
        found = engine.rows(f"SELECT {columns} FROM {chosen} ORDER BY n LIMIT {int(limit)} OFFSET {int(offset)}")
    told = [dict(zip(columns.split(", "), row, strict=True)) for row in found]
    return {"run": occurrence.run, "bar": bar, "people": told, "total": total}


def keys_of(campaigns: Campaigns, name: str, bar: str, run: str | None = None) -> list[str]:
    """The keys of everyone who is in a bar now."""
    kind, reason = bar_of(bar)
    occurrence = campaigns.records.occurrence(name, run)
    with campaigns.context.engine.cursor() as engine, _now(campaigns, engine, occurrence):
        found = engine.rows(f"SELECT entity FROM standing WHERE {_condition(kind, reason)} AND entity IS NOT NULL")
    return [str(key) for (key,) in found]


@contextmanager
def _now(campaigns: Campaigns, engine: Engine, occurrence: Occurrence) -> Iterator[None]:
    """The table `standing`: n, entity, arm, bucket, reason, address of everyone planned, and `seen`, all their events."""
    plan = parquet(campaigns.plan_file(occurrence.run))
    _register_events(campaigns, engine, occurrence)
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE standing AS WITH told AS (SELECT entity, list(DISTINCT event) AS seen,"
        f" list(DISTINCT event || ':' || coalesce(reason, '')) AS reasons, {_ended_sql()} AS ended FROM happened"
        " GROUP BY entity)"
        " SELECT p.n, p.entity, p.arm, p.address, coalesce(t.seen, []) AS seen, coalesce(t.reasons, []) AS reasons,"
        f" coalesce(o.bucket, {_named('t.ended.event')}, {_named('p.bucket')}) AS bucket,"
        " coalesce(CASE WHEN o.bucket IS NULL THEN t.ended.reason END, p.reason) AS reason"
        f" FROM {plan} p LEFT JOIN told t ON t.entity = p.entity LEFT JOIN waiting o ON o.row = p.row"
    )
    try:
        yield
    finally:
        engine.execute("DROP TABLE IF EXISTS standing")


def _ended_sql() -> str:
    """SQL of the event that ended a customer's way, with its reason: what cannot be taken back, else a failure or an
    uncertain hand-over after which nobody let them wait again. Moments decide nothing: the clock may have been set back.
    """
    cases = [(f"event = '{event}'", "") for event in _FOR_GOOD]
    for event in (events.FAILED, events.UNCERTAIN):
        back = f"count(*) FILTER (event = '{events.REQUEUED}' AND reason = '{event}')"
        cases.append((f"event = '{event}'", f" AND count(*) FILTER (event = '{event}') > {back}"))
    ended = "struct_pack(event := event, reason := reason)"
    whens = (f"WHEN bool_or({one}){more} THEN any_value({ended}) FILTER ({one})" for one, more in cases)
    return f"CASE {' '.join(whens)} END"


def _named(column: str) -> str:
    return f"CASE {column} WHEN 'skipped' THEN 'suppressed' WHEN 'send' THEN 'pending' ELSE {column} END"


def _register_events(campaigns: Campaigns, engine: Engine, occurrence: Occurrence) -> None:
    """The relations `happened` (events of the lake and of the outbox) and `waiting` (rows that have not ended)."""
    import pyarrow as pa

    plan = parquet(campaigns.plan_file(occurrence.run))
    made, _ = campaigns.get(occurrence.campaign, occurrence.version)
    for _ in range(_READS):  # until nothing was published between the two readings
        after = events.last_flushed(campaigns.context, occurrence.run)
        own = events.events_sql(campaigns.context, f"run = {quote_value(occurrence.run)}")
        with campaigns.running.box(occurrence) as outbox:
            logged = [] if outbox is None else outbox.entries(after, _MOST_LOGGED)
            open_rows = [] if outbox is None else outbox.not_ended()
            working = campaigns.channel(made).repeatable or (outbox is not None and outbox.held())
        if events.last_flushed(campaigns.context, occurrence.run) == after:
            break
    kinds = {"row": (1, pa.int64()), "event": (2, pa.string()), "reason": (3, pa.string())}
    columns = {name: pa.array([entry[at] for entry in logged], kind) for name, (at, kind) in kinds.items()}
    engine.register("logged_now", pa.table(columns))
    names = (*_WAITING, "pending" if working else events.UNCERTAIN)
    states = [names[state] for _, state in open_rows]
    rows = pa.array([row for row, _ in open_rows], pa.int64())
    engine.register("waiting", pa.table({"row": rows, "bucket": pa.array(states, pa.string())}))
    engine.execute(
        f"CREATE OR REPLACE TEMP VIEW happened AS SELECT _entity AS entity, event, reason FROM {own}"
        f" UNION ALL SELECT p.entity, l.event, l.reason FROM logged_now l JOIN {plan} p ON p.row = l.row"
        f"{_reached_sql(campaigns, occurrence, made)}"
    )


def _reached_sql(campaigns: Campaigns, occurrence: Occurrence, made: Campaign) -> str:
    """Goals that were reached by now, noted among the run's events or not yet."""
    if occurrence.started_at is None:
        return ""
    parts = (
        f" UNION ALL SELECT entity, 'goal' AS event, {quote_value(goal.name)} AS reason"
        f" FROM ({hits_sql(campaigns.context, occurrence.run, goal)}) WHERE arm <> '{HOLDOUT}'"
        for goal in made.goals
    )
    return "".join(parts)


def _condition(bar: str, reason: str | None) -> str:
    """SQL over `standing`: who is in a bar."""
    if bar == "planned":
        return "true"
    if bar == "unknown":
        return "bucket = 'sent' AND NOT list_has_any(seen, ['delivered', 'bounced'])"
    if bar in events.AFTER_SENDING:
        if reason is not None:
            return f"list_contains(reasons, {quote_value(f'{bar}:{reason}')})"
        return f"list_contains(seen, {quote_value(bar)})"
    chosen = f"bucket = {quote_value(bar)}"
    return chosen if reason is None else f"{chosen} AND reason = {quote_value(reason)}"


def rule_of(campaigns: Campaigns, name: str, bar: str, run: str | None = None) -> dict[str, Any] | None:
    """The rule over events of who is in a bar; None for those that empty again, such as `pending`."""
    occurrence = campaigns.records.occurrence(name, run)
    kind, reason = bar_of(bar)
    if kind in _WAITING or occurrence.started_at is None or _went_back(campaigns.context, occurrence, kind):
        return None
    own = _leaf(occurrence, _OWN_WORDS.get(kind, kind), reason)
    nodes = [own]
    if kind == "unknown":
        nodes = [_leaf(occurrence, events.SENT)]
        nodes += [{"not": _leaf(occurrence, e)} for e in (events.DELIVERED, events.BOUNCED)]
    return {"entity": occurrence.entity_kind, "all": nodes}


def _leaf(occurrence: Occurrence, event: str, reason: str | None = None) -> dict[str, Any]:
    where = [{"field": "run", "op": "eq", "value": occurrence.run}, {"field": "event", "op": "eq", "value": event}]
    if reason is not None:
        where.append({"field": "reason", "op": "eq", "value": reason})
    return {"events": events.EVENTS.name, "where": {"all": where}, "measure": "count", "op": "gte", "value": 1}


def _went_back(context: TagContext, occurrence: Occurrence, event: str) -> bool:
    """Whether some who had this event wait again, so that the event does not say where they are."""
    if event not in (events.FAILED, events.UNCERTAIN):
        return False
    back = f"run = {quote_value(occurrence.run)} AND event = '{events.REQUEUED}' AND reason = {quote_value(event)}"
    with context.engine.cursor() as engine:
        return bool(engine.value(f"SELECT count(*) > 0 FROM {events.events_sql(context, back)}"))


def _after_build(context: TagContext, occurrence: Occurrence) -> bool:
    """Whether something of a run happened after the moment that audiences are asked about."""
    from coterie.tags.records import Builds

    built = Builds(context.store, occurrence.entity_kind).published()
    if built is None:
        return False
    own = events.events_sql(context, f"run = {quote_value(occurrence.run)}")
    with context.engine.cursor() as engine:
        last = engine.value(f"SELECT max(_at) FROM {own}")
    return last is not None and last > built.as_of


def make_audience(
    campaigns: Campaigns, name: str, bar: str, *, run: str | None = None, save_as: str | None = None, owner: str = ""
) -> dict[str, Any]:
    """Save a bar as an audience: a rule over events where there is one, else the list of who is in it now.

    It is a list, too, while the tags were not built since: audiences are asked as of their build, when nothing of the
    run had happened.

    Returns audience, version, rule, and `fixed`: whether it is a list.
    """
    from coterie.campaigns.after import note

    occurrence = campaigns.records.occurrence(name, run)
    wanted = save_as or f"{name} {occurrence.number} {bar.replace(':', ' ')}"
    if bar_of(bar)[0] == events.GOAL and occurrence.started_at is not None:
        note(campaigns, occurrence.run)
    rule = None if _after_build(campaigns.context, occurrence) else rule_of(campaigns, name, bar, run)
    fixed = rule is None
    if rule is None:
        rule = {"entity": occurrence.entity_kind, "all": [{"list": _make_list(campaigns, occurrence, bar, wanted)}]}
    made = campaigns.audiences.save(wanted, rule, owner=owner or None)
    return {"audience": wanted, "version": made["version"], "rule": rule, "fixed": fixed}


def _make_list(campaigns: Campaigns, occurrence: Occurrence, bar: str, name: str) -> str:
    """Keep who is in a bar now as a list; its name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from coterie.tags.publish import upload_list

    keys = keys_of(campaigns, occurrence.campaign, bar, occurrence.run)
    if not keys:
        raise Refused("nobody", f'Nobody is in "{bar}" now.', place="bar", fix="Choose another bar.")
    listed = re.sub(r"\W+", "_", name).strip("_")
    with campaigns.context.lake.staging() as folder:
        file = folder / "keys.parquet"
        pq.write_table(pa.table({"entity": pa.array(keys, pa.string())}), file)
        upload_list(campaigns.context, listed, file, "entity", entity_kind=occurrence.entity_kind)
    return listed


def messages(context: TagContext, entity: str, *, limit: int = 50, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """What campaigns did with one customer, newest first, a row a run: how far it came; and how many there are."""
    planned = f"_entity = {quote_value(entity)} AND event <> '{events.PLANNED}'"
    own = f"SELECT campaign, run, channel, event, reason, arm, _at FROM {events.events_sql(context, planned)}"
    with context.engine.cursor() as engine:
        total = int(engine.value(f"SELECT count(DISTINCT run) FROM ({own})"))
        rows = engine.rows(
            "SELECT any_value(campaign), run, max(_at), any_value(channel), arg_max(event, _at), arg_max(reason, _at),"
            f" any_value(arm) FROM ({own}) GROUP BY run ORDER BY max(_at) DESC, run LIMIT {int(limit)} OFFSET {int(offset)}"
        )
    names = ("campaign", "run", "at", "channel", "event", "reason", "arm")
    told = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**row, "at": show_moment(row["at"], context.zone)} for row in told], total
