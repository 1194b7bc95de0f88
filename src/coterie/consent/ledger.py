"""The two ledgers, as datasets of events in the lake: nothing is ever overwritten, the newest entry of a subject holds.

`consent` has a row whenever someone's consent for a channel or a purpose is known anew; `suppressions` one whenever an
address or a customer comes onto a list of those never to be addressed, or leaves it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from coterie.catalog.schemas import COLUMN_TYPES, Dataset, DatasetKind, Field, ValueType
from coterie.engines.duckdb import Engine, scan
from coterie.engines.sql import quote_name, quote_value
from coterie.lake.service import Published, Staged
from coterie.tags.context import TagContext

if TYPE_CHECKING:
    import pyarrow as pa

GRANTED, DENIED, REVOKED = "granted", "denied", "revoked"
STATES = (GRANTED, DENIED, REVOKED)
EVERY = "*"  # a list that holds for all channels


def _fields(*names: str) -> tuple[Field, ...]:
    own = tuple(Field(n, ValueType.BOOLEAN if n == "active" else ValueType.TEXT, n) for n in names)
    return (Field("entity", ValueType.TEXT, "_entity"), Field("at", ValueType.MOMENT, "_at"), *own)


CONSENT = Dataset("consent", DatasetKind.EVENTS, _fields("scope", "state", "source"), entity="entity", time="at")
SUPPRESSIONS = Dataset(
    "suppressions",
    DatasetKind.EVENTS,
    _fields("list", "channel", "address", "active", "reason"),
    entity="entity",
    time="at",
)


def append(context: TagContext, dataset: Dataset, table: pa.Table) -> Published:
    """Write rows behind a ledger; the very same rows again change nothing.

    table : the dataset's fields by their names. Customers who are not known yet may be among them: their entries hold
        from the moment they are.
    """
    with context.engine.cursor() as engine, context.lake.staging() as folder:
        engine.register("ledger_rows", table)
        columns = ", ".join(
            f"{quote_name(f.name)}::{COLUMN_TYPES[f.type]} AS {quote_name(f.column)}" for f in dataset.fields
        )
        path = folder / "rows.parquet"
        order = ", ".join(str(n) for n in range(1, len(dataset.fields) + 1))
        sql = f"SELECT {columns}, NULL::BIGINT AS _batch FROM ledger_rows ORDER BY {order}"
        rows = engine.copy_parquet(sql, path)
        digest = hashlib.sha256(path.read_bytes() + dataset.name.encode()).hexdigest()
        facts = {"read": rows, "accepted": rows, "rejected": 0}
        context.catalog.save_dataset(dataset)
        return context.lake.publish(digest, lambda _: Staged({dataset.table: [path]}, facts), dataset=dataset.name)


def consent_sql(context: TagContext, at: datetime, data_version: int | None = None, *, among: str | None = None) -> str:
    """SQL of a relation `entity`, `scope`, `state`, `source`, `since`: what holds of each at a moment.

    among : a relation with `entity`; what holds of others is left out, before it is put together.
    """
    files = context.lake.files(CONSENT.table, data_version)
    if not files.columns:
        text = ", ".join(f"NULL::VARCHAR AS {n}" for n in ("entity", "scope", "state", "source"))
        return f"(SELECT {text}, NULL::TIMESTAMPTZ AS since WHERE false)"
    newest = "(_at, _batch)"
    values = ", ".join(f"arg_max({n}, {newest}) AS {n}" for n in ("state", "source"))
    whose = "_entity IS NOT NULL" if among is None else f"_entity IN (SELECT entity FROM {among})"
    rows = f"{scan(files)} WHERE {whose} AND _at <= {quote_value(at)}"
    return f"(SELECT _entity AS entity, scope, {values}, max(_at) AS since FROM {rows} GROUP BY _entity, scope)"


def suppressed_sql(context: TagContext, at: datetime, channel: str | None, data_version: int | None = None) -> str:
    """SQL of a relation `entity`, `address`, `list`, `reason`: who stands on a list for a channel, or any, at a moment.

    One of `entity` and `address` is missing: a list names customers or addresses. Addresses are in small letters.
    """
    files = context.lake.files(SUPPRESSIONS.table, data_version)
    if not files.columns:
        return f"(SELECT {', '.join(f'NULL::VARCHAR AS {n}' for n in ('entity', 'address', 'list', 'reason'))} WHERE false)"
    newest = "(_at, _batch)"
    subject = "_entity, address, list, channel"
    wanted = "" if channel is None else f" AND channel IN ({quote_value(channel)}, {quote_value(EVERY)})"
    return (
        f"(SELECT _entity AS entity, address, list, arg_max(reason, {newest}) AS reason FROM {scan(files)}"
        f" WHERE _at <= {quote_value(at)}{wanted} GROUP BY {subject} HAVING arg_max(active, {newest}))"
    )


def entries(context: TagContext, engine: Engine, entity: str) -> list[dict[str, object]]:
    """All entries of one customer's consent, oldest first."""
    files = context.lake.files(CONSENT.table)
    if not files.columns:
        return []
    sql = f"SELECT scope, state, source, _at AS at FROM {scan(files)} WHERE _entity = ? ORDER BY _at, _batch, scope"
    return [dict(zip(("scope", "state", "source", "at"), row, strict=True)) for row in engine.rows(sql, [entity])]
