"""What happened to each recipient, as an ordinary dataset of events: `campaign_events`."""

from __future__ import annotations

import hashlib
from datetime import datetime

from coterie.catalog.schemas import COLUMN_TYPES, Dataset, DatasetKind, Field, ValueType
from coterie.engines.duckdb import Engine, scan
from coterie.engines.sql import quote_name, quote_value
from coterie.lake.service import Published, Staged
from coterie.tags.context import TagContext

# Each recipient has `planned`, and then one of those that end or stop the way; the rest come after `sent`.
PLANNED, SKIPPED, CAPPED, HELD_OUT = "planned", "skipped", "capped", "held_out"
SENT, UNCERTAIN, FAILED, CANCELLED, EXPIRED, REQUEUED = (
    "sent",
    "uncertain",
    "failed",
    "cancelled",
    "expired",
    "requeued",
)
DELIVERED, OPENED, CLICKED, BOUNCED, UNSUBSCRIBED, GOAL = (
    *("delivered", "opened", "clicked", "bounced", "unsubscribed", "goal"),
)
AFTER_SENDING = (DELIVERED, OPENED, CLICKED, BOUNCED, UNSUBSCRIBED, GOAL)
ALL = (*(PLANNED, SKIPPED, CAPPED, HELD_OUT, SENT, UNCERTAIN, FAILED, CANCELLED, EXPIRED, REQUEUED), *AFTER_SENDING)
CHOSEN = "chosen"  # beside `sent`: which variant of recommended copy (`reason` the block, `detail` the variant)
CHANGED = "changed_since_plan"  # reason of those who were to get it when it was planned, and must not any more

_TEXTS = ("event", "campaign", "run", "channel", "category", "brand", "arm", "reason", "detail")
EVENTS = Dataset(
    "campaign_events",
    DatasetKind.EVENTS,
    (
        Field("entity", ValueType.TEXT, "_entity"),
        Field("at", ValueType.MOMENT, "_at"),
        *(Field(name, ValueType.TEXT, name) for name in _TEXTS),
        Field("propensity", ValueType.NUMBER, "propensity"),
    ),
    entity="entity",
    time="at",
)


def publish(
    context: TagContext, engine: Engine, key: str, sql: str, facts: dict[str, object], dataset: Dataset = EVENTS
) -> Published:
    """Publish the rows of a query as events, once for each `key`.

    sql : gives the columns of the dataset under its fields' names; others it may leave out.
    """
    with context.lake.staging() as folder:
        given = {name for name, _ in engine.columns(sql)}
        columns = ", ".join(
            f"{quote_name(f.name) if f.name in given else 'NULL'}::{COLUMN_TYPES[f.type]} AS {quote_name(f.column)}"
            for f in dataset.fields
        )
        path = folder / "events.parquet"

        def stage(_: int) -> Staged:
            rows = engine.copy_parquet(f"SELECT {columns}, NULL::BIGINT AS _batch FROM ({sql})", path)
            return Staged({dataset.table: [path]}, {"read": rows, "accepted": rows, "rejected": 0, **facts})

        context.catalog.save_dataset(dataset)
        digest = hashlib.sha256(f"{dataset.name}\0{key}".encode()).hexdigest()
        return context.lake.publish(digest, stage, dataset=dataset.name)


def events_sql(context: TagContext, condition: str = "true", dataset: Dataset = EVENTS) -> str:
    """SQL of a relation with the events that satisfy a condition; empty before the first campaign."""
    files = context.lake.files(dataset.table)
    if not files.columns:
        empty = ", ".join(f"NULL::{COLUMN_TYPES[f.type]} AS {quote_name(f.column)}" for f in dataset.fields)
        return f"(SELECT {empty} WHERE false)"
    return f"(SELECT * FROM {scan(files)} WHERE {condition})"


def last_flushed(context: TagContext, run: str, dataset: Dataset = EVENTS) -> int:
    """The number of the last entry of a run's outbox that the lake has; 0 before the first."""
    batches = context.lake.batches(dataset.name)
    return max((int(b.facts.get("last", 0)) for b in batches if b.facts.get("run") == run), default=0)


def received_sql(context: TagContext, since: datetime, condition: str) -> str:
    """SQL of `entity`, `n`: how many messages each got since a moment; uncertain ones count, to be on the safe side."""
    counted = f"event IN ({quote_value(SENT)}, {quote_value(UNCERTAIN)}) AND _at > {quote_value(since)} AND {condition}"
    return f"(SELECT _entity AS entity, count(*) AS n FROM {events_sql(context, counted)} GROUP BY _entity)"
