"""The messages of a journey: each step that sends has a campaign and an audience of its own, `JOURNEY: STEP`.

The audience is a rule like any other: whoever reached the step. Those who are sent something now are a snapshot of it,
over which the campaign plans an occurrence. Starting a journey approves its messages; caps, consent and the rest are
looked at for every occurrence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from pyroaring import BitMap

from coterie.audiences.life import PURPOSES, About
from coterie.campaigns import events, records
from coterie.campaigns.channels.base import check_options
from coterie.campaigns.definition import AudienceUse, Campaign, read_campaign
from coterie.campaigns.journeys.definition import Journey, Send, Step
from coterie.campaigns.journeys.moves import KIND, MOVES
from coterie.campaigns.journeys.reading import journey_errors, wrong
from coterie.campaigns.journeys.state import REACHED, Batch, Move, State
from coterie.campaigns.schedule import Schedule
from coterie.engines.duckdb import parquet
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.kit.moments import show_moment

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

FOLDER = "journeys"
_ENDS = (events.SKIPPED, events.SENT, events.UNCERTAIN, events.FAILED, events.CANCELLED, events.EXPIRED)


def own_name(journey: str, step: str) -> str:
    """The name of a step's campaign, and of its audience."""
    return f"{journey}: {step}"


def purpose_of(campaigns: Campaigns, journey: Journey) -> str:
    """What people are addressed for: as the journey says, else as the audience that they come from."""
    if journey.purpose is not None:
        if journey.purpose not in PURPOSES:
            raise wrong("purpose", f'"{journey.purpose}" is no purpose.', f"There are: {', '.join(PURPOSES)}.")
        return journey.purpose
    if journey.entry.audience is None:
        return About.purpose
    return About.of(campaigns.audiences.get(journey.entry.audience).body).purpose


def check(campaigns: Campaigns, journey: Journey, step: Step) -> None:
    """Refuse a message that could never be sent."""
    with journey_errors(f"steps.{step.id}.send"):
        made = campaign_of(campaigns, journey, step)
        channel = campaigns.channel(made)
        check_options(channel, made.options)
        campaigns.contents(made, KIND)
        purpose = purpose_of(campaigns, journey)
        if channel.permitted_as not in PURPOSES[purpose].channels:
            said = f"The purpose of the journey, {purpose}, does not permit {channel.permitted_as}."
            raise Refused("purpose_forbids", said, place="channel", fix="Choose another channel or purpose.")


def campaign_of(campaigns: Campaigns, journey: Journey, step: Step) -> Campaign:
    """The campaign of a step."""
    own, send = own_name(journey.name, step.id), cast(Send, step.does)
    if send.campaign is None:
        given = {**dict(send.message or {}), "name": own, "audience": own}
        made = read_campaign(given, campaigns.context.zone)
    else:
        made = campaigns.get(send.campaign)[0]
        made = replace(made, name=own, schedule=Schedule(zone=journey.zone), group="", priority=0, quiet=None)
        made = replace(made, valid_from=None, valid_until=None)
    return replace(made, audience=AudienceUse(own), owner=journey.owner or made.owner)


def prepare(campaigns: Campaigns, journey: Journey, step: Step) -> None:
    """Save the audience and the campaign of a step, as this version of the journey has them."""
    own = own_name(journey.name, step.id)
    fields = (("journey", journey.name), ("step", step.id), ("event", REACHED))
    where = {"all": [{"field": field, "op": "eq", "value": value} for field, value in fields]}
    rule = {"events": MOVES.name, "where": where, "at_least": 1}
    about = {"folder": FOLDER, "owner": journey.owner, "purpose": purpose_of(campaigns, journey)}
    told = f"Whoever reached the step {step.id} of the journey {journey.name}."
    campaigns.audiences.save(own, rule, description=told, **about)
    made = campaign_of(campaigns, journey, step)
    campaigns.context.store.put(records.CAMPAIGN, own, made.as_dict())
    campaigns.records.put(own)


def deliver(campaigns: Campaigns, state: State, journey: Journey, batch: Batch, at: datetime) -> list[Move] | None:
    """Send a batch, or go on with it; how it went for each, or None where it is still on its way.

    What a killed tick left is found by what is on record: a plan that has not begun is made anew under the same number,
    an occurrence that has begun is gone on with, and one that has ended is only read.
    Raises CoterieError: it cannot be sent now; nothing is lost.
    """
    own = own_name(journey.name, batch.step)
    run = batch.run
    if run is None or campaigns.records.occurrence(own, run).started_at is None:
        _snapshot(campaigns, own, batch.rows, at)
        run = campaigns.plan(own, at=at).run
        state.planned(batch, run)
        campaigns.approve(own, by=f"journey {journey.name}")
    if campaigns.records.occurrence(own, run).ended_at is None:
        campaigns.run(own, anyway=True)
    if campaigns.records.occurrence(own, run).ended_at is None:
        return None
    return _outcomes(campaigns, run)


def _snapshot(campaigns: Campaigns, own: str, rows: Sequence[int], at: datetime) -> None:
    """The people of a batch as the newest snapshot of the step's audience."""
    audience = campaigns.audiences.get(own)
    members, made = BitMap(rows), campaigns.audiences.snapshots.of(own)
    if made and made[-1].version == audience.version and made[-1].expired_at is None:
        if campaigns.audiences.snapshots.members(made[-1]) == members:
            return
    zone = campaigns.context.zone
    facts = {"rule": audience.body["rule"], "entity_kind": KIND, "as_of": show_moment(at, zone)}
    facts["data_version"] = campaigns.context.lake.data_version
    campaigns.audiences.snapshots.add(own, audience.version, members, facts)


def _outcomes(campaigns: Campaigns, run: str) -> list[Move]:
    """What became of everybody in an occurrence."""
    ends = ", ".join(quote_value(e) for e in _ENDS)
    own = events.events_sql(campaigns.context, f"run = {quote_value(run)} AND event IN ({ends})")
    last = f"SELECT _entity, arg_max(event, _at) AS event, arg_max(reason, _at) AS reason FROM {own} GROUP BY _entity"
    plan = parquet(campaigns.plan_file(run))
    going = "p.bucket IN ('send', 'deferred')"
    with campaigns.context.engine.cursor() as engine:
        rows: list[tuple[Any, ...]] = engine.rows(
            f"SELECT p.row, CASE WHEN {going} THEN coalesce(e.event, 'uncertain') ELSE p.bucket END,"
            f" CASE WHEN {going} THEN e.reason ELSE p.reason END"
            f" FROM {plan} p LEFT JOIN ({last}) e ON e._entity = p.entity ORDER BY p.row"
        )
    names = {events.SKIPPED: "suppressed"}
    return [Move(int(row), names.get(str(event), str(event)), reason or run) for row, event, reason in rows]
