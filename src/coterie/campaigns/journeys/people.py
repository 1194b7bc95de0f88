"""The people at a step: who waits, passed or left, how long they were there, and all of them as an audience."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from coterie.audiences.service import entities_sql
from coterie.campaigns import events
from coterie.campaigns.journeys import moves
from coterie.campaigns.journeys.definition import Journey
from coterie.campaigns.journeys.moves import KIND, MOVES
from coterie.campaigns.journeys.state import EXITED, PASSED, REACHED, State
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_value
from coterie.errors import Refused, did_you_mean, unknown_name
from coterie.kit.moments import show_moment

if TYPE_CHECKING:
    from coterie.audiences.service import Audiences
    from coterie.tags.context import TagContext

ENTERED, WAITING = "entered", "waiting"
BARS = (ENTERED, WAITING, PASSED, EXITED)
_EVENT = {ENTERED: REACHED, PASSED: PASSED, EXITED: EXITED}


def people(
    context: TagContext,
    journey: Journey,
    state: State,
    step: str,
    bar: str,
    *,
    search: str = "",
    limit: int = 50,
    offset: int = 0,
) -> dict[str, Any]:
    """Who is in a bar of a step, the newest first: entity, at, due (of who waits), reason; and how many there are.

    search : what keys begin with. Who came in twice stands there twice, as in the funnel.
    Raises Refused: no such bar. NotFound: no such step.
    """
    _check(context, journey, step, bar)
    where = f" WHERE starts_with(entity, {quote_value(search)})" if search else ""
    with context.engine.cursor() as engine:
        _register(context, engine, journey, state, step, bar)
        total = int(engine.value(f"SELECT count(*) FROM bar{where}"))
        page = f"ORDER BY moment DESC, entity LIMIT {int(limit)} OFFSET {int(offset)}"
        rows = engine.rows(f"SELECT entity, moment, due, reason FROM bar{where} {page}")
    tz = ZoneInfo(journey.zone)
    told = [{"entity": e, "at": _shown(at, tz), "due": _shown(due, tz), "reason": why} for e, at, due, why in rows]
    return {"journey": journey.name, "step": step, "bar": bar, "people": told, "total": total}


def times(context: TagContext, journey: Journey, state: State) -> dict[str, dict[str, Any]]:
    """By step: since when who waits longest is there, when the next is due, and how long those who passed were there.

    `median_seconds` is of those who passed; null where nobody did, as `since` and `due` where nobody waits.
    """
    own = events.events_sql(context, f"journey = {quote_value(journey.name)}", MOVES)
    pairs = (
        f"SELECT step, _entity, entry, min(_at) FILTER (event = '{REACHED}') AS came,"
        f" max(_at) FILTER (event = '{PASSED}') AS went FROM {own} GROUP BY ALL"
    )
    with context.engine.cursor() as engine:
        stayed = "SELECT step, median(epoch(went) - epoch(came)) FROM found WHERE went IS NOT NULL GROUP BY step"
        medians: dict[str, float] = {s: float(m) for s, m in engine.rows(f"WITH found AS ({pairs}) {stayed}")}
    tz, waits = ZoneInfo(journey.zone), state.waits()
    steps = {*journey.steps, *waits, *medians}
    return {
        step: {
            "since": _shown(waits[step][0], tz) if step in waits else None,
            "due": _shown(waits[step][1] or None, tz) if step in waits else None,
            "median_seconds": medians.get(step),
        }
        for step in steps
    }


def make_audience(
    context: TagContext,
    audiences: Audiences,
    journey: Journey,
    state: State,
    step: str,
    bar: str,
    *,
    save_as: str | None = None,
    owner: str = "",
) -> dict[str, Any]:
    """Keep who is in a bar of a step now as a list, and an audience of it; returns audience, version, people.

    Raises Refused(`nobody`): the bar is empty.
    """
    _check(context, journey, step, bar)
    with context.engine.cursor() as engine:
        _register(context, engine, journey, state, step, bar)
        keys = [str(key) for (key,) in engine.rows("SELECT DISTINCT entity FROM bar ORDER BY entity")]
    if not keys:
        raise Refused("nobody", f'Nobody is in "{bar}" of "{step}" now.', place="bar", fix="Choose another step.")
    wanted = save_as or f"{journey.name} {step} {bar}"
    listed = re.sub(r"\W+", "_", wanted).strip("_") or "journey"
    keep_list(context, keys, listed)
    made = audiences.save(wanted, {"entity": KIND, "all": [{"list": listed}]}, owner=owner or None)
    return {"audience": wanted, "version": made["version"], "people": len(keys)}


def keep_list(context: TagContext, keys: Sequence[str], listed: str) -> None:
    """Keep keys of customers as an uploaded list of a name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from coterie.tags.publish import upload_list

    with context.lake.staging() as folder:
        file = folder / "keys.parquet"
        pq.write_table(pa.table({"entity": pa.array(keys, pa.string())}), file)
        upload_list(context, listed, file, "entity", entity_kind=KIND)


def _check(context: TagContext, journey: Journey, step: str, bar: str) -> None:
    if bar not in BARS:
        fix = did_you_mean(bar, BARS) or f"There are: {', '.join(BARS)}."
        raise Refused("bad_argument", f'"{bar}" is no bar.', place="bar", fix=fix)
    if step not in journey.steps and step not in {s for s, *_ in moves.tally(context, journey.name)}:
        raise unknown_name("step", step, journey.steps, place="step")


def _register(context: TagContext, engine: Engine, journey: Journey, state: State, step: str, bar: str) -> None:
    """The relation `bar`: entity, at and due in seconds since 1970, reason. Erased people have no key and are left out."""
    import pyarrow as pa

    known = entities_sql(context, KIND)
    if bar == WAITING:
        rows = [(row, since, due or None, None) for row, since, due in state.there(step)]
        lake = ""
    else:
        last = moves.last_flushed(context, journey.name, state)
        logged = state.entries(last, 10_000_000)
        rows = [(r, at, None, why) for _, r, _, s, event, why, _, at in logged if (s, event) == (step, _EVENT[bar])]
        chosen = f"journey = {quote_value(journey.name)} AND step = {quote_value(step)} AND event = '{_EVENT[bar]}'"
        own = events.events_sql(context, chosen, MOVES)
        lake = f" UNION ALL SELECT _entity, epoch(_at), NULL, reason FROM {own} WHERE _entity IS NOT NULL"
    kinds = (pa.int64(), pa.float64(), pa.float64(), pa.string())
    columns = [pa.array([r[i] for r in rows], kind) for i, kind in enumerate(kinds)]
    engine.register("standing_now", pa.table(columns, names=["row", "moment", "due", "reason"]))
    now = f"SELECT k.entity, s.moment, s.due, s.reason FROM standing_now s JOIN {known} k USING (row)"
    engine.execute(f"CREATE OR REPLACE TEMP VIEW bar AS {now}{lake}")


def _shown(seconds: float | None, tz: ZoneInfo) -> str | None:
    return None if seconds is None else show_moment(datetime.fromtimestamp(seconds, UTC), tz)
