"""All experiments of a workspace: those of campaigns, and analyses of files that were kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.campaigns import records
from coterie.campaigns.definition import HOLDOUT, Campaign
from coterie.campaigns.results import WHY_NOT, results, shares
from coterie.errors import NotFound, Refused, did_you_mean
from coterie.kit.moments import show_moment
from coterie.learn.segments.words import Language

if TYPE_CHECKING:
    from coterie.campaigns.records import Occurrence
    from coterie.campaigns.service import Campaigns
    from coterie.experiments.design import Baseline
    from coterie.experiments.question import Question

KIND = "experiment"
_NAME_LENGTH = 150
_POINTS = 24  # of the curve of what so many units find
_LANGUAGES: tuple[Language, ...] = ("en", "zh")


def rows(campaigns: Campaigns) -> list[dict[str, Any]]:
    """Every experiment: campaigns with arms or a holdout, by their newest run, and files that were analysed."""
    store, found = campaigns.context.store, []
    newest: dict[str, Occurrence] = {}
    for occurrence in campaigns.records.every():
        known = newest.get(occurrence.campaign)
        newest[occurrence.campaign] = occurrence if known is None or known.number < occurrence.number else known
    states = {d.name: records.standing_of(d.body).state for d in store.all(records.STATE)}
    for document in store.all(records.CAMPAIGN):
        made = Campaign.of(document.body)
        if len(made.experiment.arms) > 1 or made.experiment.holdout:
            state, last = states.get(made.name, records.DRAFT), newest.get(made.name)
            found.append({**_campaign_row(made, last), "state": state, "changed_at": document.created_at.isoformat()})
    for document in store.all(KIND):
        found.append({**document.body["row"], "changed_at": show_moment(document.created_at, campaigns.context.zone)})
    return found


def _campaign_row(made: Campaign, last: Occurrence | None) -> dict[str, Any]:
    from coterie.stats.ratio_check import ratio_check

    meant = shares(made, last.plan.get("shares") if last is not None else None)
    row = {"experiment": made.name, "kind": "campaign", "arms": list(meant), "metrics": [g.name for g in made.goals]}
    if last is None:
        return {**row, "units": None, "srm_p": None, "decided": None}
    sizes = dict(last.plan["arms"])
    if made.experiment.holdout:
        sizes[HOLDOUT] = int(last.plan.get("held_by_campaign", last.plan["buckets"]["held_out"]))
    counted = [int(sizes.get(arm, 0)) for arm in meant]
    srm = ratio_check(counted, list(meant.values())).p_value if sum(counted) else None
    return {**row, "units": sum(counted), "srm_p": srm, "decided": last.counts.get("decided")}


def show(
    campaigns: Campaigns, name: str, language: Language = "en", run: str | None = None, segments: Sequence[str] = ()
) -> dict[str, Any]:
    """One experiment: arms, the check of their sizes, metrics, segments, looks over time, words. Raises NotFound."""
    store = campaigns.context.store
    if store.find(records.CAMPAIGN, name) is not None:
        if campaigns.records.last(name) is None:
            said = WHY_NOT["not_begun"].say(language)
            return {"name": name, "kind": "campaign", "reason": said, **_nothing(said)}
        found = results(campaigns, name, run, language, segments)
        page = found["experiment"] or _nothing(found["reason"])
        return {"name": name, "kind": "campaign", "run": found["run"], "reason": found["reason"], **page}
    kept = store.find(KIND, name)
    if kept is None:
        known = [row["experiment"] for row in rows(campaigns)]
        fix = did_you_mean(name, known) or "GET /api/v1/experiments lists all."
        raise NotFound("unknown_name", f'There is no experiment "{name}".', place="name", fix=fix)
    return {"name": name, "kind": "file", "reason": None, **kept.body[language]}


def _nothing(words: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"arms": [], "srm": None, "metrics": [], "segments": [], "looks": [], "notes": []}
    return {**empty, "stopped": False, "words": words}


def analyse(campaigns: Campaigns, file: Path, question: Question, name: str) -> dict[str, Any]:
    """Analyse a file and keep the result under a name, in both languages; an existing one gets a new version.

    Raises Refused: the name is a campaign's, or the file or question cannot be used; nothing is kept then.
    """
    from coterie.experiments.analysis import analyse_file
    from coterie.experiments.telling import page

    if not name.strip() or len(name) > _NAME_LENGTH or "/" in name:
        fix = f'Give 1 to {_NAME_LENGTH} characters without "/".'
        raise Refused("bad_argument", "This cannot name an experiment.", place="name", fix=fix)
    if campaigns.context.store.find(records.CAMPAIGN, name) is not None:
        raise Refused("bad_argument", f'There is a campaign "{name}".', place="name", fix="Choose another name.")
    found = analyse_file(file, question, settings=campaigns.context.settings)
    pages: dict[str, Any] = {language: {**page(found, language), "looks": []} for language in _LANGUAGES}
    verdicts = [row.verdict for row in found.rows]
    row = {
        "experiment": name, "kind": "file", "arms": list(found.arms), "metrics": [m.name for m in question.metrics],
        "units": found.units, "srm_p": pages["en"]["srm"]["p_value"], "state": "completed",
        "decided": decided(verdicts),
    }  # fmt: skip
    campaigns.context.store.put(KIND, name, {"row": row, **pages})
    return show(campaigns, name)


def decided(verdicts: Sequence[str]) -> str:
    """All rows in one word: `stopped`, `better`, `worse`, `mixed`, or `not_seen`.

    >>> decided(["not_seen", "better"]), decided(["cannot_tell", "not_seen"]), decided(["better", "worse"])
    ('better', 'not_seen', 'mixed')
    """
    if "stopped" in verdicts:
        return "stopped"
    told = {v for v in verdicts if v in ("better", "worse")}
    return "mixed" if len(told) == 2 else told.pop() if told else "not_seen"


def power(baseline: Baseline, effect: float, weights: Mapping[str, float], **setup: Any) -> dict[str, Any]:
    """Units that an absolute effect needs, in all and by arm, days, and a curve of the effects that so many units find.

    setup : `power`, `alpha`, `units_a_day` of `design.Setup`.
    """
    from coterie.experiments.design import Setup, reach_of, size_for

    given = Setup(dict(weights), **setup)
    found = size_for(baseline, effect, given)
    sizes = sorted({max(int(found.units * 10 ** (-1 + 2 * n / (_POINTS - 1))), 8) for n in range(_POINTS)})
    reached = [reach_of(baseline, n, given) for n in sizes]
    curve = [{"n": d.units, "effect": d.effect, "rel_effect": d.relative} for d in reached]
    return {
        "per_arm": found.by_arm, "total": found.units, "days": found.days, "effect": found.effect,
        "rel_effect": found.relative, "power": found.power, "curve": curve,
    }  # fmt: skip
