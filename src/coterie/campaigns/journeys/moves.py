"""Every move of everybody, as an ordinary dataset of events: `journey_events`."""

from __future__ import annotations

from typing import Any

from coterie.audiences.service import entities_sql
from coterie.campaigns import events
from coterie.campaigns.journeys.state import State
from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_value
from coterie.tags.context import TagContext

KIND = "customer"  # of whom journeys are
_TEXTS = ("event", "journey", "step", "reason", "detail")
_FLUSH_ROWS = 400_000
MOVES = Dataset(
    "journey_events",
    DatasetKind.EVENTS,
    (
        Field("entity", ValueType.TEXT, "_entity"),
        Field("at", ValueType.MOMENT, "_at"),
        *(Field(name, ValueType.TEXT, name) for name in _TEXTS),
        Field("entry", ValueType.INTEGER, "entry"),
    ),
    entity="entity",
    time="at",
)


def flush(context: TagContext, journey: str, state: State) -> int:
    """Publish what the log has and the lake lacks; returns how many moves. Only who holds the state may call it."""
    published = 0
    while True:
        last = last_flushed(context, journey, state)
        state.forget(last)
        found = state.entries(last, _FLUSH_ROWS)
        if not found:
            return published
        with context.engine.cursor() as engine:
            _publish(context, engine, journey, state, found)
        published += len(found)


def last_flushed(context: TagContext, journey: str, state: State) -> int:
    """The number of the last move that the lake has; 0 before the first."""
    return events.last_flushed(context, _run(journey, state), MOVES)


def tally(context: TagContext, journey: str) -> list[tuple[str, str, str | None, int]]:
    """How many moves the lake has, by step, event and reason."""
    own = events.events_sql(context, f"journey = {quote_value(journey)}", MOVES)
    with context.engine.cursor() as engine:
        return engine.rows(f"SELECT step, event, reason, count(*) FROM {own} GROUP BY ALL")


def of_entity(context: TagContext, journey: str, entity: str) -> list[tuple[Any, ...]]:
    """One person's moves in the lake, oldest first: entry, step, event, reason, detail, seconds since 1970."""
    own = events.events_sql(context, f"journey = {quote_value(journey)}", MOVES)
    columns = "entry, step, event, reason, detail, epoch(_at)"
    with context.engine.cursor() as engine:
        return engine.rows(f"SELECT {columns} FROM {own} WHERE _entity = ? ORDER BY _at, _batch, entry", [entity])


def row_of(context: TagContext, entity: str) -> int | None:
    """The row of a key; None where nobody has it."""
    with context.engine.cursor() as engine:
        found = engine.rows(f"SELECT row FROM {entities_sql(context, KIND)} WHERE entity = ?", [entity])
    return int(found[0][0]) if found else None


def _run(journey: str, state: State) -> str:
    return f"{journey}\0{state.fact('token')}"


def _publish(context: TagContext, engine: Engine, journey: str, state: State, found: list[tuple[Any, ...]]) -> None:
    import pyarrow as pa

    names = ("seq", "row", "entry", "step", "event", "reason", "detail", "moment")
    kinds = (*(pa.int64(),) * 3, *(pa.string(),) * 4, pa.float64())
    columns = [pa.array([f[i] for f in found], kind) for i, kind in enumerate(kinds)]
    engine.register("moved", pa.table(columns, names=names))
    sql = (
        "SELECT k.entity, make_timestamptz((l.moment * 1e6)::BIGINT) AS at, l.event, l.step, l.reason, l.detail, l.entry,"
        f" {quote_value(journey)} AS journey FROM moved l LEFT JOIN {entities_sql(context, KIND)} k USING (row)"
        " ORDER BY l.seq"
    )
    run, first, last = _run(journey, state), found[0][0], found[-1][0]
    events.publish(context, engine, f"{run}\0{first}\0{last}", sql, {"run": run, "last": last}, MOVES)
