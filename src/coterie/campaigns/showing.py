"""What doors show of campaigns: the list with how each stands, and the page of one with its steps and what blocks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coterie.campaigns import plan as planning
from coterie.campaigns import records
from coterie.campaigns.definition import Campaign, as_given
from coterie.campaigns.records import Occurrence, Standing
from coterie.campaigns.words import campaign_sentence
from coterie.errors import CoterieError, Refused
from coterie.kit.moments import now, show_moment
from coterie.learn.segments.words import Language
from coterie.store.service import Document

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

STEPS = ("audience", "content", "experiment", "schedule", "plan", "approve", "run")


def rows(campaigns: Campaigns, documents: Iterable[Document] | None = None) -> list[dict[str, Any]]:
    """Every campaign, or those given, with how it stands; what it needs is read in three questions, not three each."""
    store = campaigns.context.store
    found = store.all(records.CAMPAIGN) if documents is None else list(documents)
    names = None if documents is None else [d.name for d in found]
    standings = {d.name: records.standing_of(d.body) for d in store.all(records.STATE)}
    newest: dict[str, Occurrence] = {}
    for occurrence in campaigns.records.every(names):
        known = newest.get(occurrence.campaign)
        if known is None or occurrence.number > known.number:
            newest[occurrence.campaign] = occurrence
    return [_row(campaigns, d, standings.get(d.name, Standing()), newest.get(d.name)) for d in found]


def _row(campaigns: Campaigns, document: Document, standing: Standing, last: Occurrence | None) -> dict[str, Any]:
    made, zone = Campaign.of(document.body), campaigns.context.zone
    own = {k: getattr(made, k) for k in ("channel", "brand", "type", "category", "owner")}
    counts = {} if last is None else last.counts
    goals = counts.get("goals")
    return {
        "campaign": made.name,
        "version": document.version,
        "state": standing.state,
        "enabled": standing.enabled,
        "audience": made.audience.name,
        **own,
        "occurrences": 0 if last is None else last.number,
        "last_run": None if last is None else last.started_at,
        "next_run": next_run(made, standing, last),
        "changed_at": show_moment(document.created_at, zone),
        "planned": None if last is None else last.plan["planned"],
        "sent": counts.get("sent"),
        "goals": None if goals is None else sum(goals.values()),
    }


def next_run(made: Campaign, standing: Standing, last: Occurrence | None) -> str | None:
    """When it goes on by itself; None where it does not."""
    if standing.approval is None or not standing.enabled or standing.state == records.PAUSED:
        return None
    if last is not None and last.started_at is None:
        return last.moment
    if made.schedule.kind != "recurring" or standing.state in (records.CANCELLED, records.EXPIRED):
        return None
    following = made.schedule.next(now() if last is None else max(now(), datetime.fromisoformat(last.moment)))
    return None if following is None else following.isoformat()


def page(campaigns: Campaigns, name: str, version: int | None = None, language: Language = "en") -> dict[str, Any]:
    """One campaign: its definition as in a file, versions, approval, what blocks it, and the steps to its run."""
    made, number = campaigns.get(name, version)
    standing, last = campaigns.records.standing(name), campaigns.records.last(name)
    zone = campaigns.context.zone
    history = campaigns.context.store.history(records.CAMPAIGN, name)
    approval = standing.approval
    return {
        **rows(campaigns, [d for d in history if d.version == number])[0],
        "definition": as_given(made),
        "versions": [{"version": d.version, "saved_at": show_moment(d.created_at, zone)} for d in history],
        "approval": None if approval is None else {"by": approval.by, "at": approval.at, "most": approval.most},
        "blocked": blocked(campaigns, made, standing, last),
        "steps": steps(campaigns, made, standing, last, history[-1].created_at),
        "sentence": campaign_sentence(made, language),
        "occurrence": None if last is None else occurrence_row(last),
    }


def occurrence_row(occurrence: Occurrence) -> dict[str, Any]:
    """A run with its plan, as of when it was planned."""
    told = ("number", "run", "version", "state", "snapshot", "moment", "planned_at", "started_at", "ended_at", "missed")
    return {**{k: getattr(occurrence, k) for k in told}, "plan": occurrence.plan, "as_of": occurrence.planned_at}


def blocked(campaigns: Campaigns, made: Campaign, standing: Standing, last: Occurrence | None) -> list[dict[str, Any]]:
    """Why it would not run now; empty where it would.

    Beside code, message, place and fix each says for doors with words of their own: `step`, of the way to its run; `needs`,
    what is to be done: `edit` that step, `publish` or `look` at something, `plan`, `plan_again`, `approve`, `enable`,
    `resume`; and `of`, what it is to be done with, where that is not the campaign.
    """
    found = [] if standing.error is None else [{**standing.error, "step": "run", "needs": "look", "of": None}]
    for step, check in _checks(campaigns, made, standing, last).items():
        error = _error(check)
        if error is not None and all(error.items() - other.items() for other in found):
            found.append({**error, **_needed(step, error, standing)})
    return found


def _needed(step: str, error: Mapping[str, Any], standing: Standing) -> dict[str, Any]:
    """What is to be done about an error of a step, and with what."""
    code, of = error["code"], None
    if code == "content_state":
        needs, of = "publish", error["place"]
    elif step in STEPS[:4]:
        needs = "edit"
    elif step == "run":
        needs = "enable" if not standing.enabled else "resume"
    elif code == "not_approved" and standing.approval is None and step == "approve":
        needs = "approve"
    else:
        needs = "plan_again" if code == "not_approved" else "plan"
    return {"step": step, "needs": needs, "of": of}


def steps(
    campaigns: Campaigns, made: Campaign, standing: Standing, last: Occurrence | None, saved_at: datetime
) -> list[dict[str, Any]]:
    """The way to its run: what is done and since when, and what keeps each step from being."""
    errors = {name: _error(check) for name, check in _checks(campaigns, made, standing, last).items()}
    at: dict[str, str | None] = dict.fromkeys(STEPS[:4], show_moment(saved_at, campaigns.context.zone))
    at["plan"] = None if last is None else last.planned_at
    at["approve"] = None if standing.approval is None else standing.approval.at
    at["run"] = None if last is None else last.started_at
    told = []
    for step in STEPS:
        error = errors.get(step)
        row: dict[str, Any] = {"step": step, "done": error is None and at[step] is not None}
        row |= {"at": at[step] if row["done"] else None}
        told.append(row if error is None else {**row, "blocked": f"{error['message']} {error['fix'] or ''}".strip()})
    return told


def _checks(
    campaigns: Campaigns, made: Campaign, standing: Standing, last: Occurrence | None
) -> dict[str, Callable[[], object]]:
    """What each step needs; each raises where it is not there."""
    started = last is not None and last.started_at is not None

    def _planned() -> None:
        if last is None:
            fix = f"Run `coterie campaign plan {made.name}`."
            raise Refused("campaign_state", "It was not planned yet.", place=made.name, fix=fix)
        if not started:
            campaigns.refuse_changed(made, last)

    def _approved() -> None:
        approval = standing.approval
        recurs = made.schedule.recurs
        if not started and (approval is None or last is None or (approval.run != last.run and not recurs)):
            fix = f"Look at its plan, then `coterie campaign approve {made.name}`."
            raise Refused("not_approved", "It was not approved.", place=made.name, fix=fix)
        if recurs and approval is not None and approval.digest != planning.digest(made, campaigns.pins(made)):
            fix = f"Plan and approve it again: `coterie campaign plan {made.name}`."
            raise Refused("not_approved", "It changed since it was approved.", place=made.name, fix=fix)

    return {
        "audience": lambda: campaigns.refuse_audience(made),
        "content": lambda: campaigns.contents(made, campaigns.audiences.get(made.audience.name).body["entity_kind"]),
        "experiment": lambda: planning.design(made, campaigns.rules()),
        "schedule": lambda: campaigns.refuse_outside(made),
        "plan": _planned,
        "approve": _approved,
        "run": lambda: campaigns.refuse_stopped(made.name, standing),
    }


def _error(check: Callable[[], object]) -> dict[str, Any] | None:
    try:
        check()
    except CoterieError as error:
        return error.as_dict()
    return None


def occurrences(campaigns: Campaigns, name: str) -> list[dict[str, Any]]:
    """All runs of a campaign, the newest first, with what was counted when each was last sent or looked at."""
    campaigns.get(name)
    told = []
    for occurrence in reversed(campaigns.records.occurrences(name)):
        counts: Mapping[str, Any] = occurrence.counts
        row = {k: v for k, v in occurrence_row(occurrence).items() if k not in ("plan", "as_of")}
        row |= {"planned": occurrence.plan["planned"], "sent": counts.get("sent"), "goals": counts.get("goals")}
        told.append({**row, "content_version": occurrence.version, "content": dict(occurrence.content)})
    return told


def sorted_by(value: Any) -> tuple[bool, Any]:
    """What a column is sorted by: what is missing stands first."""
    return (value is not None, value.casefold() if isinstance(value, str) else value or 0)
