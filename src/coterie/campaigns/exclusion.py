"""Campaigns that exclude each other: of a group, each customer is in at most one at a time.

The customers of a group fall into 4,096 buckets by SHA-256 of `layer|GROUP|KEY`, as in `experiments.assignment`, so that
anybody can work out who is where. A campaign takes buckets when it is planned and gives them back when its goals can no
longer come; who is in a bucket of another, or of nobody, is planned as suppressed, `other_experiment`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coterie.campaigns import records
from coterie.campaigns.definition import Campaign
from coterie.campaigns.reading import wrong
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.kit.moments import before, now, show_moment
from coterie.rules.spans import after, read_span

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

BUCKETS = 4096  # three hexadecimal digits of the hash
KIND = "exclusion"
Ranges = tuple[tuple[int, int], ...]
"""Buckets from the first to before the second of each pair."""


def claimed(campaigns: Campaigns, made: Campaign) -> Ranges | None:
    """The buckets that a campaign has; None where it names no group."""
    if made.exclusion is None:
        return None
    found = campaigns.context.store.find(KIND, made.exclusion.group)
    given = {} if found is None else found.body["claims"]
    return _ranges(given.get(made.name, {}).get("ranges", ()))


def claim(campaigns: Campaigns, made: Campaign) -> None:
    """Take buckets for a campaign that is being planned; what it has it keeps, unless it asks for another share.

    Raises Refused(`bad_campaign`): others of the group have too many.
    """
    if made.exclusion is None:
        return
    store, group = campaigns.context.store, made.exclusion.group
    with store.together():
        found = store.find(KIND, group)
        claims = {} if found is None else dict(found.body["claims"])
        others = {n: c for n, c in claims.items() if n != made.name and _hold(campaigns, n, group) is not None}
        own, share = claims.get(made.name), made.exclusion.share
        if own is None or own["share"] != share or share is None:
            taken = _take(made, others, [] if own is None else own["ranges"])
            own = {"share": share, "ranges": [list(pair) for pair in taken]}
        store.put(KIND, group, {"claims": {**others, made.name: own}})


def _take(made: Campaign, others: Mapping[str, Any], had: Sequence[Sequence[int]]) -> Ranges:
    """Free buckets, those that it had before first."""
    assert made.exclusion is not None, "told by who asks"
    gone = {b for c in others.values() for low, high in c["ranges"] for b in range(low, high)}
    own = [b for low, high in had for b in range(low, high) if b not in gone]
    free = [*own, *sorted({*range(BUCKETS)} - gone - {*own})]
    wanted = len(free) if made.exclusion.share is None else max(round(made.exclusion.share * BUCKETS), 1)
    if not free or wanted > len(free):
        said = f'{len(free) / BUCKETS:.0%} of the group "{made.exclusion.group}" is free; others have the rest.'
        fix = f"Ask for a smaller `share`, or wait for: {', '.join(sorted(others))}."
        raise wrong("exclusion.share", said, fix)
    return _joined(sorted(free[:wanted]))


def _joined(buckets: Sequence[int]) -> Ranges:
    """Numbers in order as ranges.

    >>> _joined([0, 1, 2, 7, 8])
    ((0, 3), (7, 9))
    """
    found: list[tuple[int, int]] = []
    for bucket in buckets:
        if found and found[-1][1] == bucket:
            found[-1] = (found[-1][0], bucket + 1)
        else:
            found.append((bucket, bucket + 1))
    return tuple(found)


def _ranges(given: Iterable[Sequence[int]]) -> Ranges:
    return tuple((int(low), int(high)) for low, high in given)


@dataclass(frozen=True)
class Hold:
    """Why a campaign still needs its customers to itself.

    why : `open` (a run is planned or on its way), `recurs` (there will be another), `goals` (they may still come).
    until : when the last goal can come, where that is the reason and it lies within the calendar.
    """

    why: str
    until: datetime | None = None


def _hold(campaigns: Campaigns, name: str, group: str) -> Hold | None:
    """Why a campaign still needs its customers to itself; None where it gives them back."""
    document = campaigns.context.store.find(records.CAMPAIGN, name)
    last = campaigns.records.last(name)
    if document is None or last is None:
        return None
    made, standing = Campaign.of(document.body), campaigns.records.standing(name)
    if made.exclusion is None or made.exclusion.group != group:
        return None
    recurs = made.schedule.recurs and standing.state not in (records.CANCELLED, records.EXPIRED)
    if last.ended_at is None:
        return Hold("open")
    if recurs and standing.enabled:
        return Hold("recurs")
    return None if last.started_at is None else _waiting(made, datetime.fromisoformat(last.ended_at), campaigns)


def _waiting(made: Campaign, ended: datetime, campaigns: Campaigns) -> Hold | None:
    """The hold of a campaign that has ended, while goals of it may come."""
    zone = campaigns.context.zone
    open_still = [goal.within for goal in made.goals if before(now(), goal.within, zone) < ended]
    if not open_still:
        return None
    try:
        return Hold("goals", max(after(ended, read_span(within, "within"), zone) for within in open_still))
    except (Refused, ValueError, OverflowError):  # so far ahead that no calendar has it
        return Hold("goals")


def groups(campaigns: Campaigns) -> list[dict[str, Any]]:
    """All groups that a campaign names, each with its campaigns and what is free.

    Returns for each: `group`; `free`, the share of customers that a campaign planned now could take; `returned`, the
    part of it that stood for campaigns which need it no more; `campaigns`, those that hold most first: `campaign`,
    `state`, `enabled`, `share` (what it asks for; None: whoever no other takes), `held` (what it has), `why` and
    `until` (see `Hold`; None where it has nothing, or gives it back).
    """
    members: dict[str, list[Campaign]] = {}
    for document in campaigns.context.store.all(records.CAMPAIGN):
        named = document.body.get("exclusion")
        if named is not None:
            members.setdefault(named["group"], []).append(Campaign.of(document.body))
    claims = {document.name: document.body["claims"] for document in campaigns.context.store.all(KIND)}
    return [_group(campaigns, name, members[name], claims.get(name, {})) for name in sorted(members)]


def _group(campaigns: Campaigns, name: str, members: Sequence[Campaign], claims: Mapping[str, Any]) -> dict[str, Any]:
    """One group as `groups` tells it."""
    sizes = {key: sum(high - low for low, high in claim["ranges"]) / BUCKETS for key, claim in claims.items()}
    holds = {key: _hold(campaigns, key, name) for key in claims}
    rows = [_row(campaigns, made, sizes, holds.get(made.name)) for made in members]
    returned = sum(size for key, size in sizes.items() if holds[key] is None)
    taken = sum(sizes.values()) - returned
    return {
        "group": name,
        "free": 1 - taken,
        "returned": returned,
        "campaigns": sorted(rows, key=lambda row: (-row["held"], row["campaign"])),
    }


def _row(campaigns: Campaigns, made: Campaign, sizes: Mapping[str, float], hold: Hold | None) -> dict[str, Any]:
    """One campaign of a group."""
    assert made.exclusion is not None, "told by who asks"
    standing, zone = campaigns.records.standing(made.name), campaigns.context.zone
    until = None if hold is None or hold.until is None else show_moment(hold.until, zone)
    told = {"campaign": made.name, "state": standing.state, "enabled": standing.enabled}
    held = 0.0 if hold is None else sizes[made.name]
    return told | {
        "share": made.exclusion.share,
        "held": held,
        "why": None if hold is None else hold.why,
        "until": until,
    }


def outside_sql(group: str, ranges: Ranges, column: str) -> str:
    """SQL that is true for keys in none of the buckets.

    >>> outside_sql("offers", ((0, 2048),), "entity")[:40]
    "NOT (('0x' || left(sha256('layer|offers|"
    """
    bucket = f"('0x' || left(sha256({quote_value(f'layer|{group}|')} || {column}), 3))::INTEGER"
    if not ranges:
        return "true"
    return f"NOT ({' OR '.join(f'{bucket} BETWEEN {low} AND {high - 1}' for low, high in ranges)})"
