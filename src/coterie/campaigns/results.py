"""Did a campaign work? Its run as an experiment: everyone who was given an arm, and what they did.

People count where chance put them, whether or not their message went out (a refusal at the hand-over, a mailbox that is
full): what happens after the draw may hang together with the arm, the draw does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.campaigns import adjusting, depth, events
from coterie.campaigns.adjusting import Settled, measure_sql
from coterie.campaigns.definition import ADJUSTED, HOLDOUT, Campaign, Goal
from coterie.campaigns.depth import Asked
from coterie.campaigns.goals import hits_sql, people_sql, until_sql
from coterie.campaigns.words import arm_words
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused
from coterie.kit.moments import now
from coterie.learn.segments.words import Language, Text

if TYPE_CHECKING:
    import pyarrow as pa

    from coterie.campaigns.service import Campaigns
    from coterie.experiments.question import Question
    from coterie.experiments.results import Analysis, Row

_MOST_LOOKS = 60
WHY_NOT: dict[str, Text] = {
    "not_begun": Text("The run has not begun.", "运行尚未开始。"),
    "one_arm": Text(
        "There is one arm and no holdout, so that nobody can say what would have come anyway.",
        "只有一个实验组且没有对照组，无法得知不发送时的结果。",
    ),
    "no_goals": Text("The campaign names no goal.", "活动没有设定目标。"),
    "own_events": Text(
        "Its goals count what only those can do who get the message, so that those held out are nothing to compare with.",
        "其目标统计的是只有收到消息的人才能做的事，因此无法与对照组比较。",
    ),
}
LEFT_OUT = Text(
    "Not set against the holdout, since only those can do it who get the message: {goals}.",
    "未与对照组比较（只有收到消息的人才能做）：{goals}。",
)
STILL = Text(
    "{n:,} customers' spans have not ended yet; until then read the always-valid interval.",
    "仍有 {n:,} 位客户的观察期未结束；在此之前请以随时有效区间为准。",
)


def why_not(found: Asked) -> str | None:
    """Why a run cannot be read as an experiment; None where it can."""
    if found.occurrence.started_at is None:
        return "not_begun"
    if len(found.made.experiment.arms) == 1 and not found.made.experiment.holdout:
        return "one_arm"
    if not found.made.goals:
        return "no_goals"
    return None if compared(found.made) else "own_events"


def compared(made: Campaign) -> tuple[Goal, ...]:
    """The goals that can be compared: beside a holdout, those over data that everybody has; a click needs a message.

    Where there are none, several arms are compared with each other, and without the holdout.
    """
    others = tuple(goal for goal in made.goals if goal.events != events.EVENTS.name)
    if made.experiment.holdout and (others or len(made.experiment.arms) == 1):
        return others
    return made.goals


def results(
    campaigns: Campaigns, name: str, run: str | None = None, language: Language = "en", segments: Sequence[str] = ()
) -> dict[str, Any]:
    """The experiment of a run: `run`, `experiment` (see `experiments.telling.page`, and `looks`), or `reason`.

    segments : tags by whose values, as they were before the run began, effects are shown apart.
    """
    from coterie.experiments.telling import page

    found = depth.asked(campaigns, name, run)
    code = why_not(found)
    if code is not None:
        return {"run": found.run, "experiment": None, "code": code, "reason": WHY_NOT[code].say(language)}
    made, still = analysis(found, segments)
    how = adjusting.settled(found)
    told = page(made, language, _names(found, language))
    by = list(how.by) if isinstance(how.by, tuple) else how.by
    told["reading"] = {"decides": how.decides, "by": by, "least": how.least}
    if still:
        told["words"] += (" " if language == "en" else "") + STILL.say(language, n=still)
    left_out = [goal.name for goal in found.made.goals if goal not in compared(found.made)]
    if left_out:
        told["words"] += (" " if language == "en" else "") + LEFT_OUT.say(language, goals=", ".join(left_out))
    return {"run": found.run, "experiment": {**told, "still_open": still, "looks": looks(found)}, "reason": None}


def read(
    campaigns: Campaigns, name: str, run: str | None, language: Language, segments: Sequence[str]
) -> tuple[Analysis, dict[str, str], str]:
    """The analysis of a run, what its arms and columns are called, and its name. Raises Refused: see `WHY_NOT`."""
    found = depth.asked(campaigns, name, run)
    code = why_not(found)
    if code is not None:
        fix = "Add a goal and a holdout, and send it."
        raise Refused("campaign_state", WHY_NOT[code].say("en"), place=name, fix=fix)
    return analysis(found, segments)[0], _names(found, language), found.run


def _names(found: Asked, language: Language) -> dict[str, str]:
    """What arms and columns are called that go by another name for people."""
    return arm_names(found, language) | adjusting.labels(found.made, adjusting.settled(found), language)


def analysis(found: Asked, segments: Sequence[str] = ()) -> tuple[Analysis, int]:
    """The analysis of a run, and how many customers' spans have not ended.

    While some have not, it is read in a way that stays valid however often one looks.
    """
    from coterie.experiments.analysis import analyse_frame

    with found.context.engine.cursor() as engine:
        units, still = _units(found, engine, segments)
    how, drawn = adjusting.settled(found), found.occurrence.plan.get("shares")
    asked = question(found.made, len(units) if still else None, segments, drawn, how)
    return analyse_frame(units, asked), still


def question(
    made: Campaign,
    sequential: int | None = None,
    segments: Sequence[str] = (),
    drawn: Mapping[str, float] | None = None,
    how: Settled | None = None,
) -> Question:
    """What is asked of the units of a run.

    drawn : its own shares, where they are not the weights; how : what is taken out, and what decides; nothing and the
    plain reading if not given.
    """
    from coterie.experiments.question import Kind, Metric, Question

    metrics, how = [], how or Settled()
    for n, goal in enumerate(made.goals):
        if goal not in compared(made):
            continue
        kind = Kind.BINARY if goal.count == "users" else Kind.MEAN
        metrics.append(Metric(goal.name, kind, (f"goal{n}",), covariates=adjusting.covariates(how, n)))
        if goal.amount is not None:
            known = adjusting.covariates(how, n, money=True)
            metrics.append(Metric(f"{goal.name}: {goal.amount}", Kind.MEAN, (f"money{n}",), covariates=known))
    control, meant = control_of(made), shares(made, drawn)
    if control != HOLDOUT and HOLDOUT in meant:
        rest = 1 - meant.pop(HOLDOUT)
        meant = {arm: share / rest for arm, share in meant.items()}
    settled: dict[str, Any] = {"adjusted_decides": how.decides == ADJUSTED, "least_known": how.least}
    return Question("unit", "arm", control, tuple(metrics), meant, tuple(segments), sequential=sequential, **settled)


def control_of(made: Campaign) -> str:
    """The arm that the others are compared with: those held out, else the first."""
    against_holdout = made.experiment.holdout and any(g.events != events.EVENTS.name for g in compared(made))
    return HOLDOUT if against_holdout else made.experiment.arms[0].name


def shares(made: Campaign, drawn: Mapping[str, float] | None = None) -> dict[str, float]:
    """The share of those who were drawn that each arm was meant to get; the holdout first.

    drawn : shares of the arms as a run drew them, where they go by what was seen before.
    """
    weights = drawn or {arm.name: arm.weight for arm in made.experiment.arms}
    total, held = sum(weights.values()), made.experiment.holdout
    arms = {name: (1 - held) * weight / total for name, weight in weights.items()}
    return {HOLDOUT: held, **arms} if held else arms


def _drawn_sql(found: Asked) -> str:
    """SQL of `entity`, `arm`, `since`: everyone who was given an arm or held out by this campaign."""
    begun = quote_value(found.occurrence.started_at)
    others = "" if control_of(found.made) == HOLDOUT else f" AND p.arm <> '{HOLDOUT}'"
    return (
        f"SELECT p.entity, p.arm, coalesce(s.since, {begun}::TIMESTAMPTZ) AS since FROM {found.plan} p LEFT JOIN"
        f" ({people_sql(found.context, found.run)}) s ON s.entity = p.entity WHERE p.arm IS NOT NULL AND p.entity IS NOT NULL"
        f" AND p.reason IS DISTINCT FROM 'global'{others}"
    )


def _units(found: Asked, engine: Engine, segments: Sequence[str]) -> tuple[pa.Table, int]:
    """A row a customer: arm, goals, money, what was known before, segments; and how many customers' spans have not
    ended."""
    engine.execute(f"CREATE OR REPLACE TEMP TABLE drawn_units AS {_drawn_sql(found)}")
    columns, joins = ["d.entity AS unit", "d.arm"], ""
    for n, goal in enumerate(found.made.goals):
        hits = hits_sql(found.context, found.run, goal, "SELECT * FROM drawn_units")
        grouped = f"SELECT entity, {measure_sql(goal)} AS done, sum(amount) AS money FROM ({hits}) GROUP BY entity"
        engine.execute(f"CREATE OR REPLACE TEMP TABLE reached{n} AS {grouped}")
        joins += f" LEFT JOIN reached{n} r{n} ON r{n}.entity = d.entity"
        columns += [f"coalesce(r{n}.done, 0) AS goal{n}", f"coalesce(r{n}.money, 0)::DOUBLE AS money{n}"]
    known, more = adjusting.known_sql(found, engine, adjusting.settled(found), "SELECT * FROM drawn_units")
    columns, joins = columns + known, joins + more
    for n, tag in enumerate(segments):
        engine.execute(f"CREATE OR REPLACE TEMP TABLE tagged{n} AS SELECT * FROM {depth.tag_sql(found, engine, tag)}")
        joins += f" LEFT JOIN tagged{n} t{n} ON t{n}.entity = d.entity"
        columns.append(f"t{n}.value AS {quote_name(tag)}")
    still = _still_open(found, engine, compared(found.made))
    return engine.arrow(f"SELECT {', '.join(columns)} FROM drawn_units d{joins}"), still


def _still_open(found: Asked, engine: Engine, goals: Sequence[Goal]) -> int:
    ends = [f"{until_sql(found.context, goal)} > {quote_value(now())}" for goal in goals]
    return int(engine.value(f"SELECT count(*) FROM drawn_units p WHERE {' OR '.join(ends)}"))


def arm_names(found: Asked, language: Language = "en") -> dict[str, str]:
    """What the arms are called that have their name of the product."""
    return arm_words([HOLDOUT, *(arm.name for arm in found.made.experiment.arms)], language)


def looks(found: Asked) -> list[dict[str, Any]]:
    """The first goal's effect of each arm against the control over time, a row a day on which spans ended.

    Customers enter when their span has ended, so that each is counted once and for all, and intervals stay valid however
    often one looks: n, at, arm, effect, low, high.
    """
    goal, zone = compared(found.made)[0], quote_value(found.context.zone.key)
    with found.context.engine.cursor() as engine:
        engine.execute(f"CREATE OR REPLACE TEMP TABLE drawn_units AS {_drawn_sql(found)}")
        hits = f"SELECT DISTINCT entity FROM ({hits_sql(found.context, found.run, goal, 'SELECT * FROM drawn_units')})"
        ended = f"SELECT p.entity, p.arm, {until_sql(found.context, goal)} AS ended FROM drawn_units p"
        rows = engine.rows(
            f"SELECT strftime(timezone({zone}, ended), '%Y-%m-%d') AS day, e.arm, count(*), count(h.entity)"
            f" FROM ({ended}) e LEFT JOIN ({hits}) h USING (entity) WHERE ended <= {quote_value(now())}"
            " GROUP BY ALL ORDER BY ALL"
        )
        planned = int(engine.value("SELECT count(*) FROM drawn_units"))
    return _looks(rows, control_of(found.made), [a.name for a in found.made.experiment.arms], planned)


def _looks(
    rows: Sequence[tuple[str, str, int, int]], control: str, arms: Sequence[str], planned: int
) -> list[dict[str, Any]]:
    """Differences of shares so far, day by day."""
    from coterie.stats.effects import difference
    from coterie.stats.moments import CannotTell, share_value
    from coterie.stats.sequential import always_valid

    so_far: dict[str, list[int]] = {arm: [0, 0] for arm in dict.fromkeys([control, *arms])}
    by_day: dict[str, list[tuple[str, int, int]]] = {}
    for day, arm, n, hits in rows:
        by_day.setdefault(day, []).append((arm, n, hits))
    told = []
    for day, counted in list(by_day.items()):
        for arm, n, hits in counted:
            so_far[arm][0] += n
            so_far[arm][1] += hits
        values = {arm: share_value(*pair) for arm, pair in so_far.items()}
        for arm in arms:
            ours, theirs = values[arm], values[control]
            if arm == control or isinstance(ours, CannotTell) or isinstance(theirs, CannotTell):
                continue
            apart = difference(theirs, ours)
            if not isinstance(apart, CannotTell):
                valid = always_valid(apart.absolute, apart.n, planned)
                told.append(
                    {"n": apart.n, "at": day, "arm": arm, "effect": valid.effect, "low": valid.low, "high": valid.high}
                )
    return told[-_MOST_LOOKS:]


def money(campaigns: Campaigns, found: Asked, sent: int, goals: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What a run cost and brought: cost, revenue, profit, return on what was spent; None where neither is known.

    incremental : where there is a holdout, the revenue that would not have come anyway and what is left of it after the
    cost, with the ends of 95 % intervals, or None.
    """
    each = found.made.cost.per_message or campaigns.rules().costs.get(found.made.channel)
    amounts = [Decimal(g["amount"]) for g in goals if g["amount"] is not None]
    if each is None and found.made.cost.fixed == "0" and not amounts:
        return None
    cost = sent * Decimal(each or 0) + Decimal(found.made.cost.fixed)
    revenue = sum(amounts, Decimal(0))
    profit = revenue - cost
    facts: dict[str, Any] = {
        "cost": cost,
        "revenue": revenue,
        "profit": profit,
        "return": float(profit / cost) if cost else None,
    }
    known = each is not None or found.made.cost.fixed != "0"
    facts |= {
        "currency": found.context.currency,
        "cost_known": known,
        "per_message": None if each is None else Decimal(each),
    }
    return {**facts, "incremental": _incremental(found, cost)}


def _incremental(found: Asked, cost: Decimal) -> dict[str, Any] | None:
    """Revenue beyond that of the holdout, over all who were drawn into an arm."""
    if why_not(found) is not None or control_of(found.made) != HOLDOUT:
        return None
    if all(goal.amount is None for goal in found.made.goals):
        return None
    made, _ = analysis(found)
    rows = [r for r in made.rows if r.metric.columns[0].startswith("money")]
    if made.stopped or not rows:
        return None
    totals = [_total(row) for row in rows]
    known = [t for t in totals if t is not None]
    if len(known) < len(totals):
        return None
    middle = sum(t[0] for t in known)
    spread = sum(t[1] for t in known)  # arms share one control, so that their errors may add up
    low, high = middle - spread, middle + spread
    spent = float(cost)
    return {
        "revenue": middle, "low": low, "high": high, "profit": middle - spent, "profit_low": low - spent,
        "profit_high": high - spent,
    }  # fmt: skip


def _total(row: Row) -> tuple[float, float] | None:
    """An arm's effect over all its customers, and half of its interval."""
    from coterie.experiments.results import Reading

    if not isinstance(row.chosen, Reading):
        return None
    interval = row.chosen.always_valid or row.chosen.difference.absolute
    return interval.effect * row.n, (interval.high - interval.low) / 2 * row.n
