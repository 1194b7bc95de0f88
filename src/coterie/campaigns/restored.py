"""A workspace made from a backup: what was under way waits until somebody says that it shall go on.

Nobody can tell from a backup what its original sent afterwards. So nothing goes on by itself, and each campaign and each
journey says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coterie.campaigns import records
from coterie.errors import Refused

if TYPE_CHECKING:
    from coterie.campaigns.journeys.service import Journeys
    from coterie.campaigns.service import Campaigns

CODE = "restored"
_GOING = (records.PREPARING, records.WAITING, records.RUNNING)


def hold(campaigns: Campaigns, journeys: Journeys) -> None:
    """Pause every campaign that would go on, and every journey that runs, with the reason."""
    for document in campaigns.context.store.all(records.CAMPAIGN):
        name, standing = document.name, campaigns.records.standing(document.name)
        last = campaigns.records.last(name)
        broken_off = standing.state == records.FAILED and last is not None and last.open
        if standing.state in _GOING or broken_off:
            campaigns.records.put(name, state=records.PAUSED, error=_reason(name, "campaign").as_dict())
    for name in journeys.running():
        journeys.hold(name, {"entry": _reason(name, "journey").as_dict()})


def held(campaigns: Campaigns, journeys: Journeys) -> dict[str, list[str]]:
    """What was paused so and waits still: names of `campaigns` and of `journeys`."""
    store = campaigns.context.store
    standings = {d.name: records.standing_of(d.body) for d in store.all(records.STATE)}
    paused = [n for n, s in standings.items() if s.state == records.PAUSED and (s.error or {}).get("code") == CODE]
    return {"campaigns": sorted(paused), "journeys": sorted(journeys.held(CODE))}


def _reason(name: str, noun: str) -> Refused:
    said = f'"{name}" was under way when this backup was made; what the original sent since then is not known here.'
    then = f", then `coterie campaign run {name}`" if noun == "campaign" else ""
    fix = f"If the original sends no more and some may get it twice: `coterie {noun} resume {name}`{then}."
    return Refused(CODE, said, place=name, fix=fix)
