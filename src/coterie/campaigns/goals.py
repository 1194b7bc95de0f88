"""Goals: what people did after they were sent a message, or would have been, counted from the datasets themselves.

A goal event counts if it lies after the message went out and within the goal's span; for those who were held out, after
the run began. An event before the send is never a goal, nor one before the run began, even where the clock was set back
in between and the send bears an earlier moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from coterie.campaigns import events
from coterie.campaigns.definition import Goal
from coterie.campaigns.funnel import customers
from coterie.catalog.schemas import Dataset, DatasetKind, ValueType
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused, unknown_name
from coterie.kit.moments import before
from coterie.rules.where import where_sql
from coterie.tags.context import TagContext
from coterie.tags.vocabulary import CatalogVocabulary

_UNITS = {"h": "HOUR", "d": "DAY", "w": "WEEK", "m": "MONTH", "y": "YEAR"}
_NTH = "row_number() OVER (PARTITION BY {})"
_NUMBERS = (ValueType.INTEGER, ValueType.NUMBER, ValueType.DECIMAL)


@dataclass(frozen=True)
class GoalCount:
    """One goal in one arm.

    people : who was sent a message or held out; users : of them who did it; events : how often; count : the number as
    the goal counts; amount : money in all, of goals that name a field with it.
    """

    goal: str
    arm: str
    people: int
    users: int
    events: int
    count: int
    amount: Decimal | None = None

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
    if goal.amount is not None:
        found = dataset.field(goal.amount)
        if found is None:
            raise unknown_name("field", goal.amount, [f.name for f in dataset.fields], place=f"{place}.amount")
        if found.type not in _NUMBERS:
            said = f'"{goal.amount}" holds values of type {found.type}.'
            raise Refused("bad_campaign", said, place=f"{place}.amount", fix="Name a field of numbers.")
    _condition(context, goal, place)


def count_goals(context: TagContext, run: str, goals: tuple[Goal, ...]) -> list[GoalCount]:
    """Each goal in each arm of a run, those held out among them; goals in order."""
    people: dict[str, int] = {}
    for (_, arm), n in customers(context, run, (events.SENT, events.HELD_OUT)).items() if goals else ():
        people[str(arm)] = people.get(str(arm), 0) + n
    found = []
    with context.engine.cursor() as engine:
        for goal in goals:
            counted = f"count(DISTINCT h.entity), count(*), {_counted(goal)}, sum(h.amount)"
            hits = hits_sql(context, run, goal)
            by_arm = {
                str(arm): row for arm, *row in engine.rows(f"SELECT h.arm, {counted} FROM ({hits}) h GROUP BY h.arm")
            }
            for arm in sorted(people):
                users, times, count, amount = by_arm.get(arm, (0, 0, 0, None))
                money = None if goal.amount is None else Decimal(amount or 0)
                found.append(GoalCount(goal.name, arm, people[arm], int(users), int(times), int(count), money))
    return found


def _counted(goal: Goal) -> str:
    return {"users": "count(DISTINCT h.entity)", "events": "count(h.entity)", "distinct": "count(DISTINCT h.pair)"}[
        goal.count
    ]


def people_sql(context: TagContext, run: str, among: str | None = None) -> str:
    """SQL of `entity`, `arm`, `since` of everyone who was sent a message of the run or held out: from when goals count.

    among : SQL of keys; nobody else is looked at.
    """
    own = f"run = {quote_value(run)}"
    only = f" AND _entity IN ({among})" if among else ""
    touched = events.events_sql(context, f"{own} AND event IN ('{events.SENT}', '{events.HELD_OUT}'){only}")
    planned = events.events_sql(context, f"{own} AND event = '{events.PLANNED}'")
    begun = f"(SELECT min(_at) FROM {planned})"
    return f"SELECT _entity AS entity, arm, greatest(min(_at), {begun}) AS since FROM {touched} GROUP BY _entity, arm"


def hits_sql(context: TagContext, run: str, goal: Goal, people: str | None = None) -> str:
    """SQL of the goal's events that count, a row each: `entity`, `arm`, `since`, `moment`, `amount`, and `pair`, the distinct
    combination that it is of.

    people : relation with entity, arm and since, instead of those whom the run reached or held out.
    """
    among = people or people_sql(context, run, f"SELECT _entity FROM ({_rows_sql(context, goal)})")
    return _joined_sql(context, goal, among, f"g._at > p.since AND g._at <= {until_sql(context, goal)}")


def before_sql(context: TagContext, goal: Goal, moment: datetime, people: str) -> str:
    """SQL like that of `hits_sql` of what people did in as long a span before a moment: from its beginning on, and
    strictly before its end."""
    since = before(moment, goal.within, context.zone)
    span = f"g._at >= {quote_value(since)} AND g._at < {quote_value(moment)}"
    return _joined_sql(context, goal, people, span)


def _rows_sql(context: TagContext, goal: Goal) -> str:
    """SQL of the goal's events, whenever they were."""
    files = context.lake.files(context.catalog.dataset(goal.events).table)
    return f"SELECT * FROM {scan(files)} AS e WHERE {_condition(context, goal, 'goals')}"


def _joined_sql(context: TagContext, goal: Goal, people: str, span: str) -> str:
    """SQL of the goal's events `g` of people `p` within a span."""
    dataset = context.catalog.dataset(goal.events)
    fields = [dataset.field(name) for name in goal.of]
    each = ", ".join(f"g.{quote_name(f.column)}" for f in fields if f is not None)
    pair = f"row({each})" if each else "NULL"
    return (
        f"SELECT p.entity, p.arm, p.since, g._at AS moment, {_amount(dataset, goal)} AS amount, {pair} AS pair"
        f" FROM ({people}) p JOIN ({_rows_sql(context, goal)}) g ON g._entity = p.entity AND {span}"
    )


def _amount(dataset: Dataset, goal: Goal) -> str:
    """SQL of the money of an event, exact: floating numbers are rounded to 4 decimals first, as sums must not depend on
    the order."""
    found = None if goal.amount is None else dataset.field(goal.amount)
    if found is None:
        return "NULL::DECIMAL(38, 4)"
    return f"round(g.{quote_name(found.column)}::DECIMAL(38, 6), 4)::DECIMAL(38, 4)"


def until_sql(context: TagContext, goal: Goal, since: str = "p.since") -> str:
    """SQL of the end of the span in which a goal counts."""
    zone = quote_value(context.zone.key)
    number, unit = goal.within.strip()[:-1].strip(), _UNITS[goal.within.strip()[-1]]
    if unit == "HOUR":
        return f"{since} + INTERVAL {int(number)} HOUR"
    # calendar days are those of the workspace; hours are exact
    return f"timezone({zone}, timezone({zone}, {since}) + INTERVAL {int(number)} {unit})"


def note_goals(context: TagContext, run: str, goals: Iterable[Goal], facts: str) -> int:
    """Append the goal events of a run that are not there yet to `campaign_events`, where tags and audiences find them.

    facts : SQL of the columns that all events of the run share. Only one process at a time may call it.
    Returns how many came. Goals over `campaign_events` itself are there already.
    """
    from coterie.campaigns.definition import HOLDOUT

    noted = 0
    for goal in goals:
        if goal.events == events.EVENTS.name:
            continue
        own = f"run = {quote_value(run)} AND event = '{events.GOAL}' AND reason = {quote_value(goal.name)}"
        there = f"SELECT _entity AS entity, _at AS moment, {_NTH.format('_entity, _at')} AS nth FROM {events.events_sql(context, own)}"
        hits = f"SELECT *, {_NTH.format('entity, moment')} AS nth FROM ({hits_sql(context, run, goal)})"
        sql = (
            f"SELECT h.entity, h.moment AS at, '{events.GOAL}' AS event, {quote_value(goal.name)} AS reason, h.amount::VARCHAR AS"
            f" detail, h.arm, {facts} FROM ({hits}) h ANTI JOIN ({there}) t ON t.entity = h.entity AND t.moment = h.moment AND"
            f" t.nth = h.nth WHERE h.arm <> '{HOLDOUT}'"
        )
        with context.engine.cursor() as engine:
            count = int(engine.value(f"SELECT count(*) FROM ({sql})"))
            if count:
                key = f"{run}\0goal\0{goal.name}\0{context.lake.data_version}"
                events.publish(context, engine, key, sql, {"run": run, "goal": goal.name})
        noted += count
    return noted


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
