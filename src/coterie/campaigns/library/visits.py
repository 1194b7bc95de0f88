"""How often landing pages were visited and led to something, counted from their events."""

from __future__ import annotations

from typing import Any

from coterie.campaigns.events import events_sql
from coterie.campaigns.hits import CONVERTED, PAGE_EVENTS, VISITED
from coterie.engines.sql import quote_value
from coterie.tags.context import TagContext


def visits_of(context: TagContext, page: str | None = None, *, days: bool = False) -> dict[str, dict[str, Any]]:
    """Of each page, or of one: visits, visitors and conversions; with `days` also by day in the workspace's zone.

    A visitor is a customer whom a message led there, or whoever came otherwise, counted once for each visit that began.
    What a machine did does not count. Conversions are counted as visitors who did it.
    """
    own = "reason IS NULL" + (f" AND page = {quote_value(page)}" if page is not None else "")
    source = events_sql(context, own, PAGE_EVENTS)
    who = "coalesce('e ' || _entity, 'v ' || visitor)"
    counts = (
        f"count(*) FILTER (event = '{VISITED}') AS visits, count(DISTINCT {who}) FILTER (event = '{VISITED}') AS visitors,"
        f" count(DISTINCT {who}) FILTER (event = '{CONVERTED}') AS conversions"
    )
    with context.engine.cursor() as engine:
        rows = engine.rows(f"SELECT page, {counts} FROM {source} GROUP BY page ORDER BY page")
        found: dict[str, dict[str, Any]] = {str(p): dict(zip(_COUNTED, counted, strict=True)) for p, *counted in rows}
        if days:
            day = f"timezone({quote_value(context.zone.key)}, _at)::DATE"
            told = engine.rows(f"SELECT page, {day} AS day, {counts} FROM {source} GROUP BY ALL ORDER BY ALL")
            for name, moment, *counted in told:
                row = {"day": moment.isoformat(), **dict(zip(_COUNTED, counted, strict=True))}
                found[str(name)].setdefault("days", []).append(row)
    return found


_COUNTED = ("visits", "visitors", "conversions")
