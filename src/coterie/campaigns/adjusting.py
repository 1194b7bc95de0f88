"""What was known of customers before a run, taken out of its results (CUPED): less noise, the same question.

By default it is the same measure of the same customer: what they did in as long a span before the plan as counts after
the message. Or it is tags, as they were when the plan was made. Nothing that happened after the plan enters, so that no
answer to a message can. Whether the adjusted reading decides or the plain one is written into the plan, before there is
anything to see; and so is how many customers of an arm must differ in what was known before, for with hardly anybody
active before the plan there is nothing to take out, and the plain reading decides.

Source: Deng, Xu, Kohavi & Walker (2013), Improving the sensitivity of online controlled experiments, WSDM.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coterie.campaigns.definition import PLAIN, Campaign, Goal
from coterie.campaigns.goals import before_sql
from coterie.catalog.schemas import ValueType
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name
from coterie.errors import Refused, unknown_name
from coterie.experiments.known import LEAST_KNOWN
from coterie.kit.moments import now
from coterie.learn.segments.words import Language, Text
from coterie.tags.context import TagContext
from coterie.tags.published import default_as_of, default_data_version
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary

if TYPE_CHECKING:
    from coterie.campaigns.depth import Asked

_NUMBERS = (ValueType.INTEGER, ValueType.NUMBER, ValueType.DECIMAL, ValueType.BOOLEAN)
_GOAL, _MONEY, _TAG = "before_goal", "before_money", "before_tag"
_LABELS: dict[str, Text] = {
    _GOAL: Text("{name} before the plan", "计划前的{name}"),
    _MONEY: Text("{name}: {amount} before the plan", "计划前的{name}：{amount}"),
    _TAG: Text("{name} as of the plan", "计划时的{name}"),
}


@dataclass(frozen=True)
class Settled:
    """How results are read, as the plan says.

    by : whether by the same measure before, or these tags; decides : `adjusted` or `plain`.
    as_of, data_version : of the tags; least : customers of an arm who must differ from the rest in what was known before.
    """

    by: bool | tuple[str, ...] = False
    decides: str = PLAIN
    as_of: str | None = None
    data_version: int | None = None
    least: int = LEAST_KNOWN


def check_tags(context: TagContext, made: Campaign, kind: str) -> None:
    """Refuse tags that are not there or hold no numbers."""
    tags, named = context.catalog.tags(kind), made.experiment.adjust
    for tag in () if isinstance(named, bool) else named:
        if tag not in tags:
            raise unknown_name("tag", tag, tags, place="experiment.adjust")
        if tags[tag].type not in _NUMBERS:
            said = f'"{tag}" holds values of type {tags[tag].type}.'
            raise Refused(
                "bad_campaign", said, place="experiment.adjust", fix="Name tags of numbers, or of yes and no."
            )


def settle(context: TagContext, made: Campaign, kind: str) -> dict[str, Any]:
    """What a plan keeps of how its results will be read; empty where there is nothing to compare."""
    experiment = made.experiment
    if not made.goals or (len(experiment.arms) == 1 and not experiment.holdout):
        return {}
    if isinstance(experiment.adjust, bool):
        return {"decides": experiment.decides, "by": experiment.adjust, "least": LEAST_KNOWN}
    as_of = min(default_as_of(context, kind), now())
    facts = {"as_of": as_of.isoformat(), "data_version": default_data_version(context, kind)}
    return {"decides": experiment.decides, "by": list(experiment.adjust), "least": LEAST_KNOWN, **facts}


def settled(found: Asked) -> Settled:
    """What the plan of a run says; a plan that says nothing lets the plain reading decide, and shows the other beside."""
    kept = found.occurrence.plan.get("reading")
    if not kept:
        return Settled(found.made.experiment.adjust is True)
    by = tuple(kept["by"]) if isinstance(kept["by"], list) else bool(kept["by"])
    of_tags = (kept.get("as_of"), kept.get("data_version"))
    return Settled(by, str(kept["decides"]), *of_tags, int(kept.get("least", LEAST_KNOWN)))


def covariates(how: Settled, goal: int, *, money: bool = False) -> tuple[str, ...]:
    """The columns of what was known before, for a goal by its place, or for its money."""
    if isinstance(how.by, tuple):
        return tuple(f"{_TAG}{n}" for n in range(len(how.by)))
    return (f"{_MONEY if money else _GOAL}{goal}",) if how.by else ()


def measure_sql(goal: Goal) -> str:
    """SQL of what a goal counts among one customer's events, as `hits_sql` lists them."""
    return {"users": "1", "events": "count(*)", "distinct": "count(DISTINCT pair)"}[goal.count]


def known_sql(found: Asked, engine: Engine, how: Settled, people: str) -> tuple[list[str], str]:
    """Columns of what was known before and the joins that they need, beside a relation `d` of the same people.

    people : relation with entity, arm and since.
    """
    if isinstance(how.by, tuple):
        _make_tags(found, engine, how)
        columns = [f"k.{name} AS {name}" for name in covariates(how, 0)]
        return columns, " LEFT JOIN known_tags k ON k.entity = d.entity"
    columns, joins = [], ""
    for n, goal in enumerate(found.made.goals) if how.by else ():
        rows = before_sql(found.context, goal, datetime.fromisoformat(found.occurrence.planned_at), people)
        grouped = f"SELECT entity, {measure_sql(goal)} AS done, sum(amount) AS money FROM ({rows}) GROUP BY entity"
        engine.execute(f"CREATE OR REPLACE TEMP TABLE known{n} AS {grouped}")
        joins += f" LEFT JOIN known{n} k{n} ON k{n}.entity = d.entity"
        columns += [f"coalesce(k{n}.done, 0) AS {_GOAL}{n}", f"coalesce(k{n}.money, 0)::DOUBLE AS {_MONEY}{n}"]
    return columns, joins


def _make_tags(found: Asked, engine: Engine, how: Settled) -> None:
    """The table `known_tags`: everyone planned, and their tags as they were; one that is no more is missing for all."""
    assert isinstance(how.by, tuple), "tags are named"
    context, kind = found.context, found.occurrence.entity_kind
    vocabulary = CatalogVocabulary(context.catalog, context.zone, kind)
    there = {name: vocabulary.tag(name).family for name in how.by if name in context.catalog.tags(kind)}
    as_of = None if how.as_of is None else datetime.fromisoformat(how.as_of)
    families = list(dict.fromkeys(there.values()))
    View.at(context, kind, as_of, how.data_version, engine=engine).use(families=families)
    values = [f"{quote_name(t)}::DOUBLE" if t in there else "NULL::DOUBLE" for t in how.by]
    columns = [f"{value} AS {name}" for value, name in zip(values, covariates(how, 0), strict=True)]
    joins = "".join(f" LEFT JOIN {quote_name(f'family:{f}')} USING (row)" for f in families)
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE known_tags AS SELECT p.entity, {', '.join(columns)} FROM {found.plan} p{joins}"
    )


def labels(made: Campaign, how: Settled, language: Language = "en") -> dict[str, str]:
    """What the columns of what was known before are called."""
    if isinstance(how.by, tuple):
        return {f"{_TAG}{n}": _LABELS[_TAG].say(language, name=tag) for n, tag in enumerate(how.by)}
    told = {}
    for n, goal in enumerate(made.goals):
        told[f"{_GOAL}{n}"] = _LABELS[_GOAL].say(language, name=goal.name)
        told[f"{_MONEY}{n}"] = _LABELS[_MONEY].say(language, name=goal.name, amount=goal.amount)
    return told
