"""Campaigns on an event: who did something since the campaign was approved, and has not got the message for it yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coterie.campaigns import events
from coterie.campaigns.definition import Campaign, Goal
from coterie.campaigns.goals import check_goal
from coterie.catalog.schemas import Dataset
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_value
from coterie.kit.moments import before, now
from coterie.rules.where import where_sql
from coterie.tags.context import TagContext
from coterie.tags.vocabulary import CatalogVocabulary

if TYPE_CHECKING:
    from pyroaring import BitMap

TRIAL, STALE = "1d", "7d"  # of events that a plan is tried on before it is approved; after which nobody is bothered
_SOON = "0h"


def check_trigger(context: TagContext, made: Campaign) -> None:
    """Refuse an event whose dataset or fields do not exist."""
    schedule = made.schedule
    if schedule.events is not None:
        check_goal(context, Goal("trigger", schedule.events, schedule.where), "schedule")


def triggered(
    context: TagContext,
    made: Campaign,
    kind: str,
    approved_at: datetime | None,
    looked: Mapping[str, Any] | None = None,
) -> tuple[BitMap, dict[str, Any]]:
    """Rows of the customers whose event calls for a message now, and what the next look is to be told as `looked`.

    approved_at : only events since then count; before that, a plan is tried on those of the last day.
    looked : until when events were looked at, and the data version then: an event counts that came or became due since.
    A customer whom a run of the campaign planned since the event was due has had it; one whom it planned within `again`
    waits for it.
    """
    from pyroaring import BitMap

    schedule, zone, at = made.schedule, context.zone, now()
    assert schedule.events is not None, "a schedule on an event"
    dataset = context.catalog.dataset(schedule.events)
    until = before(at, schedule.delay or _SOON, zone)
    since = before(until, TRIAL, zone) if approved_at is None else max(approved_at, before(until, STALE, zone))
    fresh = "true"
    if looked is not None:
        fresh = f"(_at > {quote_value(datetime.fromisoformat(looked['until']))} OR _batch > {int(looked['version'])})"
    version = context.lake.data_version
    files = context.lake.files(dataset.table)
    did = (
        f"SELECT _entity AS entity, max(_at) AS moment FROM {scan(files)} AS e WHERE _at > {quote_value(since)} AND"
        f" _at <= {quote_value(until)} AND {fresh} AND {_where(context, made, dataset)} GROUP BY 1"
    )
    own = f"campaign = {quote_value(made.name)} AND event = '{events.PLANNED}'"
    had = f"SELECT _entity AS entity, max(_at) AS planned FROM {events.events_sql(context, own)} GROUP BY 1"
    again = "false" if schedule.again is None else f"h.planned <= {quote_value(before(at, schedule.again, zone))}"
    numbers = f"SELECT DISTINCT row, key FROM {scan(context.lake.files('entities'))} WHERE kind = {quote_value(kind)}"
    due = f"d.moment + ({quote_value(at)} - {quote_value(until)})"
    with context.engine.cursor() as engine:
        found = engine.rows(
            f"SELECT n.row FROM ({did}) d JOIN ({numbers}) n ON n.key = d.entity LEFT JOIN ({had}) h ON h.entity = d.entity"
            f" WHERE h.planned IS NULL OR ({again} AND h.planned < {due})"
        )
    return BitMap([row for (row,) in found]), {"until": until.isoformat(), "version": version}


def _where(context: TagContext, made: Campaign, dataset: Dataset) -> str:
    if made.schedule.where is None:
        return "true"
    vocabulary = CatalogVocabulary(context.catalog, context.zone)
    return where_sql(
        made.schedule.where, vocabulary.dataset(dataset.name), vocabulary, alias="e", place="schedule.where"
    )[0]
