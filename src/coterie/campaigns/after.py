"""After a run: goal events that came since are appended to `campaign_events`, and its figures are brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coterie.campaigns import depth, events, results
from coterie.campaigns.definition import Campaign
from coterie.campaigns.experiments import decided
from coterie.campaigns.goals import note_goals
from coterie.campaigns.records import Occurrence
from coterie.engines.sql import quote_value
from coterie.errors import CoterieError
from coterie.kit.locks import exclusive

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

_WAIT_SECONDS = 60.0
SEEN = "seen"  # in the figures of a run: what there was when they were counted


def waiting(campaigns: Campaigns) -> list[str]:
    """Runs with goals whose data changed since their figures were counted."""
    found = []
    for occurrence in campaigns.records.every():
        if occurrence.started_at is not None and occurrence.counts.get(SEEN) != _seen(campaigns, occurrence):
            found.append(occurrence.run)
    return found


def _seen(campaigns: Campaigns, occurrence: Occurrence) -> str | None:
    """Stands for all that the figures of a run are made of; None where it has no goals."""
    made, _ = campaigns.get(occurrence.campaign, occurrence.version)
    if not made.goals:
        return None
    of, lake = {goal.events for goal in made.goals}, campaigns.context.lake
    newest = max((b.data_version for b in lake.batches() if b.dataset in of), default=0)
    return f"{newest}/{events.last_flushed(campaigns.context, occurrence.run)}"


def note(campaigns: Campaigns, run: str) -> dict[str, Any]:
    """Append the goal events of a run that came since, and keep its figures; how many came.

    Calling it again changes nothing. Raises Failed(`locked`): another process is at it.
    """
    name = run.rpartition("@")[0]
    campaigns.folder.mkdir(parents=True, exist_ok=True)
    with exclusive(campaigns.folder / "goals.lock", _WAIT_SECONDS):
        occurrence = campaigns.records.occurrence(name, run)
        made, _ = campaigns.get(name, occurrence.version)
        seen = _seen(campaigns, occurrence)
        came = 0 if seen is None else note_goals(campaigns.context, run, made.goals, facts_sql(made, run))
        campaigns.note_counts(campaigns.status(name, run))
        occurrence = campaigns.records.occurrence(name, run)
        told = {SEEN: seen, "decided": _decided(campaigns, run)}
        campaigns.records.keep(occurrence, counts={**occurrence.counts, **told})
    return {"campaign": name, "run": run, "goals": came}


def facts_sql(made: Campaign, run: str) -> str:
    """SQL of the columns that all events of a run share."""
    given = {"campaign": made.name, "run": run, "channel": made.channel, "category": made.category, "brand": made.brand}
    return ", ".join(f"{quote_value(value or None)} AS {name}" for name, value in given.items())


def _decided(campaigns: Campaigns, run: str) -> str | None:
    """What the run says as an experiment, in a word; None where it is none, or cannot be read."""
    found = depth.asked(campaigns, run.rpartition("@")[0], run)
    if results.why_not(found) is not None:
        return None
    try:
        made, _ = results.analysis(found)
    except CoterieError:  # such as an arm that nobody is in: its page says so
        return None
    return decided([row.verdict for row in made.rows])
