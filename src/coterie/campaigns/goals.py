"""Goals: what people did after they were sent a message, or would have been, counted from the datasets themselves.

A goal event counts if it lies after the message went out and within the goal's span; for those who were held out, after
the run began. So an event before the send is never a goal.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from coterie.campaigns import events
from coterie.campaigns.definition import Goal
from coterie.catalog.schemas import DatasetKind
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused, unknown_name
from coterie.rules.where import where_sql
from coterie.tags.context import TagContext
from coterie.tags.vocabulary import CatalogVocabulary

_UNITS = {"h": "HOUR", "d": "DAY", "w": "WEEK", "m": "MONTH", "y": "YEAR"}


@dataclass(frozen=True)
class GoalCount:
    """One goal in one arm: how many people there are, how many did it, and the number as the goal counts."""

    goal: str
    arm: str
    people: int
    users: int
    count: int

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def check_goal(context: TagContext, goal: Goal, place: str) -> None:
    """Refuse a goal whose events or fields do not exist."""
    dataset = context.catalog.dataset(goal.events)
    if dataset.kind is not DatasetKind.EVENTS:
        fix = "Name a dataset of events."
        raise Refused("bad_campaign", f'"{goal.events}" holds {dataset.kind}.', place=f"{place}.events", fix=fix)
    for name in goal.of:
        if dataset.field(name) is None:
            raise unknown_name("field", name, [f.name for f in dataset.fields], place=f"{place}.of")
    _condition(context, goal, place)


def count_goals(context: TagContext, run: str, goals: tuple[Goal, ...]) -> list[GoalCount]:
    """Each goal in each arm of a run, those held out among them; goals in order."""
    found = []
    with context.engine.cursor() as engine:
        for goal in goals:
            sql = f"SELECT arm, people, users, count FROM ({_sql(context, run, goal)}) ORDER BY arm"
            found += [GoalCount(goal.name, str(arm), int(p), int(u), int(c)) for arm, p, u, c in engine.rows(sql)]
    return found


def _sql(context: TagContext, run: str, goal: Goal) -> str:
    dataset = context.catalog.dataset(goal.events)
    touched = events.events_sql(
        context, f"run = {quote_value(run)} AND event IN ('{events.SENT}', '{events.HELD_OUT}')"
    )
    people = f"SELECT _entity AS entity, arm, min(_at) AS since FROM {touched} GROUP BY _entity, arm"
    zone = quote_value(context.zone.key)
    number, unit = goal.within.strip()[:-1].strip(), _UNITS[goal.within.strip()[-1]]
    # calendar days are those of the workspace; hours are exact
    until = f"timezone({zone}, timezone({zone}, p.since) + INTERVAL {int(number)} {unit})"
    if unit == "HOUR":
        until = f"p.since + INTERVAL {int(number)} HOUR"
    fields = [dataset.field(name) for name in goal.of]
    each = ", ".join(quote_name(f.column) for f in fields if f is not None)
    counted = {
        "users": "count(DISTINCT g._entity)",
        "events": "count(g._entity)",
        "distinct": f"count(DISTINCT CASE WHEN g._entity IS NOT NULL THEN row({each}) END)" if each else "",
    }[goal.count]
    rows = f"SELECT * FROM {scan(context.lake.files(dataset.table))} AS e WHERE {_condition(context, goal, 'goals')}"
    return (
        f"SELECT p.arm, count(DISTINCT p.entity) AS people, count(DISTINCT g._entity) AS users, {counted} AS count"
        f" FROM ({people}) p LEFT JOIN ({rows}) g ON g._entity = p.entity AND g._at > p.since AND g._at <= {until}"
        " GROUP BY p.arm"
    )


def _condition(context: TagContext, goal: Goal, place: str) -> str:
    if goal.where is None:
        return "true"
    vocabulary = CatalogVocabulary(context.catalog, context.zone)
    dataset = vocabulary.dataset(goal.events)
    sql, lookups = where_sql(goal.where, dataset, vocabulary, alias="e", place=f"{place}.where")
    if lookups:
        fix = "Name fields of the dataset itself."
        raise Refused("bad_campaign", "A goal reads no lookups.", place=f"{place}.where", fix=fix)
    return sql
