"""A funnel in depth: goals with intervals, how long they took, money, and everything by arm, segment, channel, day or tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.campaigns import events
from coterie.campaigns.definition import HOLDOUT, Campaign, Goal
from coterie.campaigns.funnel import AFTER, rate, repeated
from coterie.campaigns.goals import GoalCount, hits_sql, people_sql, until_sql
from coterie.campaigns.records import Occurrence
from coterie.catalog.schemas import ValueType
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused, did_you_mean
from coterie.kit.moments import now
from coterie.tags.context import TagContext
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

KINDS = ("arm", "channel", "day", "segment", "tag")
_COUNTED = (events.PLANNED, events.SENT, *AFTER)
_MOST_VALUES, _CUTS = 20, 5
_NUMBERS = (ValueType.INTEGER, ValueType.NUMBER, ValueType.DECIMAL)


@dataclass(frozen=True)
class Asked:
    """One run that is looked at: its campaign as it was sent, and the plan's file as SQL."""

    context: TagContext
    made: Campaign
    occurrence: Occurrence
    plan: str

    @property
    def run(self) -> str:
        """The name of the run."""
        return self.occurrence.run

    @property
    def own(self) -> str:
        """SQL of the run's events."""
        return events.events_sql(self.context, f"run = {quote_value(self.run)}")


def asked(campaigns: Campaigns, name: str, run: str | None = None) -> Asked:
    """What is asked of the newest run, or of the one named. Raises NotFound; Refused: it was not planned yet."""
    occurrence = campaigns.records.occurrence(name, run)
    made, _ = campaigns.get(name, occurrence.version)
    return Asked(campaigns.context, made, occurrence, parquet(campaigns.plan_file(occurrence.run)))


def goal_rows(counts: Sequence[GoalCount]) -> list[dict[str, Any]]:
    """Each goal among those who were sent a message: users, events, the number as it counts, and its rate with interval."""
    found = []
    for goal in dict.fromkeys(c.goal for c in counts):
        of = [c for c in counts if c.goal == goal and c.arm != HOLDOUT]
        users, people = sum(c.users for c in of), sum(c.people for c in of)
        amounts = [c.amount for c in of if c.amount is not None]
        row = {"goal": goal, "users": users, "events": sum(c.events for c in of), "count": sum(c.count for c in of)}
        found.append({**row, "people": people, **rate(users, people), "amount": sum(amounts) if amounts else None})
    return found


def by(found: Asked, given: str) -> dict[str, Any]:
    """Everything by `arm`, `channel`, `day`, `segment:NAME` or `tag:NAME`: `kind`, `rows`.

    A segment or tag is taken as it was before the run began, so that no answer to the message moves anybody. Values
    beyond the most common are summed up as `…`; numbers are cut into fifths.
    Raises Refused: no such kind. NotFound: no such tag.
    """
    kind, _, name = given.partition(":")
    if kind not in KINDS or bool(name) != (kind in ("segment", "tag")):
        fix = did_you_mean(kind, KINDS) or "Write arm, channel, day, segment:NAME or tag:NAME."
        raise Refused("bad_argument", f'"{given}" is nothing to part by.', place="by", fix=fix)
    with found.context.engine.cursor() as engine:
        value = _value_sql(found, engine, kind, name)
        rows = _counts(found, engine, value)
        for goal in found.made.goals:
            _add_goal(found, engine, value, goal, rows)
    first = found.made.goals[0].name if found.made.goals else None
    return {"kind": given, "rows": [_told(key, row, first) for key, row in _ordered(rows, kind)]}


def _told(value: str | None, row: Mapping[str, Any], first: str | None) -> dict[str, Any]:
    """One value: counts, goals by name, and the first goal's rate among those who were reached or held out."""
    goals = row["goals"]
    counts = {name: row.get(name, 0) for name in _COUNTED}
    reached = counts[events.SENT] or row.get(events.HELD_OUT, 0)
    shares = {f"{name}_rate": rate(counts[name], counts[events.SENT]) for name in AFTER[:3]}
    main = rate(goals.get(first, 0), reached) if first is not None else rate(0, 0)
    facts = {"held_out": row.get(events.HELD_OUT, 0), "goals": sum(goals.values()), "by_goal": goals}
    return {"value": value, **counts, **facts, **main, **shares, "revenue": row["revenue"]}


def _ordered(rows: Mapping[Any, dict[str, Any]], kind: str) -> list[tuple[Any, dict[str, Any]]]:
    listed = list(rows.items())
    if kind in ("arm", "day", "channel"):
        return sorted(listed, key=lambda pair: str(pair[0]))
    return sorted(listed, key=lambda pair: (pair[0] is None, pair[0] == "…", -pair[1].get("planned", 0), str(pair[0])))


def _value_sql(found: Asked, engine: Engine, kind: str, name: str) -> str:
    """A relation of `entity`, `value`: what everyone planned is counted under."""
    if kind == "arm":
        return f"(SELECT entity, arm AS value FROM {found.plan} WHERE arm IS NOT NULL)"
    if kind == "channel":
        return f"(SELECT entity, {quote_value(found.made.channel)} AS value FROM {found.plan})"
    if kind == "day":
        zone = quote_value(found.context.zone.key)
        own = f"SELECT _entity AS entity, min(_at) FILTER (event = '{events.SENT}') AS moment FROM {found.own} GROUP BY _entity"
        return f"(SELECT entity, strftime(timezone({zone}, moment), '%Y-%m-%d') AS value FROM ({own}) WHERE moment IS NOT NULL)"
    return tag_sql(found, engine, f"segment.{name}" if kind == "segment" else name)


def tag_sql(found: Asked, engine: Engine, tag: str) -> str:
    """SQL of `entity`, `value`: everyone planned and their value of a tag when the run began, rare ones together."""
    kind = found.occurrence.entity_kind
    info = CatalogVocabulary(found.context.catalog, found.context.zone, kind).tag(tag)
    view = View.at(found.context, kind, engine=engine)
    begun = found.occurrence.started_at
    if begun is not None and view.as_of > datetime.fromisoformat(begun):
        view = View.at(found.context, kind, datetime.fromisoformat(begun), engine=engine)
    view.use(families=[info.family])
    column = quote_name(tag)
    joined = f"{found.plan} p LEFT JOIN {quote_name(f'family:{info.family}')} f ON f.row = p.row"
    if info.type in (ValueType.TEXTS, ValueType.VECTOR):
        fix = "Choose a tag with one value for each customer."
        raise Refused("bad_argument", f'"{tag}" holds several values for each customer.', place="by", fix=fix)
    engine.execute(f"CREATE OR REPLACE TEMP TABLE parted AS SELECT p.entity, f.{column} AS value FROM {joined}")
    different = int(engine.value("SELECT count(DISTINCT value) FROM parted"))
    if different > _MOST_VALUES and info.type in _NUMBERS:
        cut = f"ntile({_CUTS}) OVER (ORDER BY value)"
        return (
            f"(SELECT entity, CASE WHEN value IS NOT NULL THEN part || ': ' || min(value) OVER (PARTITION BY part) || ' – '"
            f" || max(value) OVER (PARTITION BY part) END AS value FROM (SELECT *, CASE WHEN value IS NOT NULL THEN {cut}"
            " END AS part FROM parted))"
        )
    common = (
        f"SELECT value FROM parted WHERE value IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {_MOST_VALUES}"
    )
    return (
        f"(SELECT entity, CASE WHEN value IS NULL THEN NULL WHEN value IN ({common}) THEN value::VARCHAR ELSE '…' END AS"
        " value FROM parted)"
    )


def _counts(found: Asked, engine: Engine, value: str) -> dict[Any, dict[str, Any]]:
    """Customers with each event, by value."""
    wanted = ", ".join(quote_value(e) for e in (*_COUNTED, events.HELD_OUT))
    rows = engine.rows(
        f"SELECT v.value, e.event, count(DISTINCT e._entity) FROM {found.own} e JOIN {value} v ON v.entity = e._entity"
        f" WHERE e.event IN ({wanted}) GROUP BY ALL ORDER BY ALL"
    )
    made: dict[Any, dict[str, Any]] = {}
    for key, event, n in rows:
        made.setdefault(key, {"goals": {}, "revenue": None})[str(event)] = int(n)
    return made


def _add_goal(found: Asked, engine: Engine, value: str, goal: Goal, rows: dict[Any, dict[str, Any]]) -> None:
    """Customers who reached a goal, and its money, by value."""
    hits = f"({hits_sql(found.context, found.run, goal)})"
    sql = f"SELECT v.value, count(DISTINCT h.entity), sum(h.amount) FROM {hits} h JOIN {value} v USING (entity) GROUP BY 1"
    for key, users, amount in engine.rows(sql):
        if key in rows:
            rows[key]["goals"][goal.name] = int(users)
            if amount is not None:
                rows[key]["revenue"] = (rows[key]["revenue"] or Decimal(0)) + amount


def days(found: Asked) -> list[dict[str, Any]]:
    """Customers with each event, and those who reached a goal, by the day in the workspace's zone on which it first
    happened."""
    zone, wanted = quote_value(found.context.zone.key), (events.SENT, *AFTER)
    # only of what came twice to somebody the first is looked for: of everything it takes four times as long
    again = repeated(found.context, found.run, wanted)
    kinds = {n: ", ".join(quote_value(e) for e in wanted if (e in again) == n) or "NULL" for n in (True, False)}
    parts = [
        f"SELECT event, _at AS moment FROM {found.own} WHERE event IN ({kinds[False]})",
        f"SELECT event, min(_at) AS moment FROM {found.own} WHERE event IN ({kinds[True]}) GROUP BY event, _entity",
    ]
    for goal in found.made.goals:
        hits = hits_sql(found.context, found.run, goal)
        reached = f"SELECT 'goals' AS event, min(moment) AS moment FROM ({hits}) WHERE arm <> '{HOLDOUT}'"
        parts.append(f"{reached} GROUP BY entity")
    with found.context.engine.cursor() as engine:
        counted = (
            f"SELECT timezone({zone}, moment)::DATE AS day, event, count(*) AS n FROM ({' UNION ALL '.join(parts)})"
        )
        rows = engine.rows(f"SELECT day::VARCHAR, event, n FROM ({counted} GROUP BY ALL) ORDER BY ALL")
    made: dict[str, dict[str, Any]] = {}
    for day, event, n in rows:
        made.setdefault(day, {"day": day, **dict.fromkeys((*wanted, "goals"), 0)})[str(event)] = int(n)
    return list(made.values())


def time_to_goal(found: Asked) -> dict[str, Any] | None:
    """How long those who reached the first goal took, in hours, from the send: median, quartiles, and a row a day.

    still_open : customers who did not reach it and still may, since their span has not ended (censored); with many of
    them the quartiles move up later. never : those whose span ended without it. None where there is no goal.
    """
    if not found.made.goals:
        return None
    goal = found.made.goals[0]
    people = f"SELECT * FROM ({people_sql(found.context, found.run)}) WHERE arm <> '{HOLDOUT}'"
    first = f"SELECT entity, min(moment) AS moment FROM ({hits_sql(found.context, found.run, goal, people)}) GROUP BY entity"
    over = f"{until_sql(found.context, goal)} <= {quote_value(now())}"
    with found.context.engine.cursor() as engine:
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE took AS SELECT epoch(f.moment - p.since) / 3600.0 AS hours, {over} AS ended"
            f" FROM ({people}) p LEFT JOIN ({first}) f USING (entity)"
        )
        reached, still_open, never, cuts = engine.row(
            "SELECT count(hours), count(*) FILTER (hours IS NULL AND NOT ended), count(*) FILTER (hours IS NULL AND ended),"
            " quantile_cont(hours, [0.25, 0.5, 0.75]) FROM took"
        )
        rows = engine.rows(
            "SELECT floor(hours / 24)::BIGINT AS day, count(*) FROM took WHERE hours IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
    quartiles = [None, None, None] if cuts is None else [round(float(v), 4) for v in cuts]
    facts = {"goal": goal.name, "within": goal.within, "unit": "hours", "reached": reached}
    facts |= dict(zip(("p25", "median", "p75"), quartiles, strict=True))
    return {**facts, "still_open": still_open, "never": never, "rows": [{"day": int(d), "count": n} for d, n in rows]}


def clock_set_back(found: Asked) -> int:
    """Sends that bear a moment before the run began: the clock was set back; their goals count from the beginning."""
    begun = f"(SELECT min(_at) FROM {found.own} WHERE event = '{events.PLANNED}')"
    with found.context.engine.cursor() as engine:
        return int(engine.value(f"SELECT count(*) FROM {found.own} WHERE event = '{events.SENT}' AND _at < {begun}"))
