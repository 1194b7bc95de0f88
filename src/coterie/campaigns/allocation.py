"""Shares of a campaign's arms by what they brought so far: Thompson sampling with a floor, the odds kept.

Each occurrence is a batch. Before it is planned, the shares are worked out from the results of those before it; they
stand in its plan, beside every recipient (`propensity`), and in the events. Only customers whose span for the goal is over
count: else the arm that got the larger share last would look worse than it is, for its goals are yet to come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coterie.campaigns.definition import HOLDOUT, THOMPSON, Campaign
from coterie.campaigns.goals import hits_sql, people_sql, until_sql
from coterie.campaigns.records import Occurrence
from coterie.engines.duckdb import parquet
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.kit.moments import now
from coterie.stats.moments import CannotTell

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns
    from coterie.experiments.bandit import Bandit, Seen

_PLACE = "experiment.allocation"


@dataclass(frozen=True)
class Allocated:
    """The shares of one occurrence, and its number, by which its draws differ from those of others."""

    shares: Mapping[str, float]
    batch: int


def allocated(campaigns: Campaigns, made: Campaign, number: int, at: datetime) -> Allocated | None:
    """The shares of the occurrence that is planned for a moment; None where weights are fixed."""
    if made.experiment.allocation != THOMPSON:
        return None
    from coterie.experiments.bandit import shares

    bandit = bandit_of(made)
    seen = _seen(campaigns, made, bandit, number, at)
    given = shares(bandit, seen).tolist()
    return Allocated(dict(zip(bandit.arms, given, strict=True)), number)


def bandit_of(made: Campaign) -> Bandit:
    """The rules by which a campaign shares out."""
    from coterie.experiments.bandit import Bandit

    given = made.experiment
    arms = tuple(arm.name for arm in given.arms)
    return Bandit(given.salt or made.name, arms, floor=min(given.floor, 1 / len(arms)))


def told(campaigns: Campaigns, name: str, *, at: datetime | None = None) -> dict[str, Any]:
    """How a campaign shared out, what its arms brought, and the shares of an occurrence that was planned now.

    Of each arm: `people` and `goals` as they are counted, their plain `rate`, and `weighed`: the rate had everybody got
    the arm, from the odds that were kept, with its 95 % interval. Plain rates of a bandit's arms are biased.
    """
    made, _ = campaigns.get(name)
    moment = at or now()
    following = allocated(campaigns, made, 0, moment)
    if following is None:
        fix = "Write experiment: {arms: [...], allocation: thompson}."
        raise Refused("campaign_state", "Its shares are fixed.", place=f"{name}.{_PLACE}", fix=fix)
    rows = [row for o in _alike(campaigns, made, None) for row in _units(campaigns, made, o, moment)]
    return {
        "campaign": name,
        "goal": made.goals[0].name,
        "floor": made.experiment.floor,
        "units": len(rows),
        "runs": [_run_row(o) for o in _alike(campaigns, made, None)],
        "arms": _arms(bandit_of(made), rows),
        "next": dict(following.shares),
    }


def _arms(bandit: Bandit, rows: list[tuple[str, float, bool]]) -> list[dict[str, Any]]:
    import numpy as np

    from coterie.experiments.bandit import Choice, weighed_means

    place = {arm: n for n, arm in enumerate(bandit.arms)}
    choice = Choice(np.array([place[a] for a, _, _ in rows], np.int8), np.array([p for _, p, _ in rows], np.float64))
    weighed = weighed_means(bandit, choice, [float(hit) for _, _, hit in rows])
    found = []
    for arm in bandit.arms:
        hits = [hit for a, _, hit in rows if a == arm]
        mean = weighed[arm]
        told = {"cannot_tell": mean.reason} if isinstance(mean, CannotTell) else _interval(mean)
        rate = sum(hits) / len(hits) if hits else None
        found.append({"arm": arm, "people": len(hits), "goals": sum(hits), "rate": rate, "weighed": told})
    return found


def _interval(mean: Any) -> dict[str, float]:
    return {"rate": mean.effect, "low": mean.low, "high": mean.high}


def _run_row(occurrence: Occurrence) -> dict[str, Any]:
    return {"run": occurrence.run, "started_at": occurrence.started_at, "shares": dict(occurrence.plan["shares"])}


def _seen(campaigns: Campaigns, made: Campaign, bandit: Bandit, number: int, at: datetime) -> dict[str, Seen]:
    """What each arm brought in the occurrences before."""
    from coterie.experiments.bandit import Seen

    found: dict[str, tuple[int, int]] = {}
    for occurrence in _alike(campaigns, made, number or None):
        with campaigns.context.engine.cursor() as engine:
            sql = f"SELECT arm, count(*), count(*) FILTER (hit) FROM ({_units_sql(campaigns, made, occurrence, at)})"
            for arm, people, hits in engine.rows(f"{sql} GROUP BY arm"):
                before = found.get(arm, (0, 0))
                found[arm] = (before[0] + int(people), before[1] + int(hits))
    return {arm: Seen(float(n), float(hits), float(hits)) for arm, (n, hits) in found.items() if arm in bandit.arms}


def _alike(campaigns: Campaigns, made: Campaign, number: int | None) -> Iterator[Occurrence]:
    """Occurrences before a number that drew the same arms, with the same words, for the same goal."""
    about = _about(made)
    for occurrence in campaigns.occurrences(made.name):
        before = number is None or occurrence.number < number
        if before and occurrence.started_at is not None and occurrence.plan.get("shares"):
            if _about(campaigns.get(made.name, occurrence.version)[0]) == about:
                yield occurrence


def _about(made: Campaign) -> tuple[Any, ...]:
    body = made.as_dict()
    return body["content"], body["channel"], body["experiment"], body["goals"][0]


def _units(campaigns: Campaigns, made: Campaign, occurrence: Occurrence, at: datetime) -> list[tuple[str, float, bool]]:
    """Everyone of an occurrence who counts: arm, propensity, whether they reached the goal."""
    units = _units_sql(campaigns, made, occurrence, at)
    plan = parquet(campaigns.plan_file(occurrence.run))
    with campaigns.context.engine.cursor() as engine:
        sql = f"SELECT u.arm, p.propensity, u.hit FROM ({units}) u JOIN {plan} p ON p.entity = u.entity ORDER BY p.n"
        return [(str(arm), float(odds), bool(hit)) for arm, odds, hit in engine.rows(sql)]


def _units_sql(campaigns: Campaigns, made: Campaign, occurrence: Occurrence, at: datetime) -> str:
    """SQL of `entity`, `arm`, `hit`: everyone who was sent a message and whose span for the goal is over."""
    context, goal = campaigns.context, made.goals[0]
    over = f"{until_sql(context, goal)} <= {quote_value(at)} AND p.arm <> '{HOLDOUT}'"
    people = f"SELECT * FROM ({people_sql(context, occurrence.run)}) p WHERE {over}"
    hits = f"SELECT DISTINCT entity FROM ({hits_sql(context, occurrence.run, goal)})"
    return f"SELECT w.entity, w.arm, h.entity IS NOT NULL AS hit FROM ({people}) w LEFT JOIN ({hits}) h USING (entity)"
