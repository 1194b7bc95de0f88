"""Past campaigns with a randomised control group, and the truth about whom an offer moves.

A campaign goes out on a Sunday evening; its goal is an order in the week from the Monday after. An opened offer brings
an order that would not have come with the chance `lift`, and keeps each planned order away with the chance `harm`. With
`expected` orders in the week (a Poisson mean) and `opened` the chance that the mail is opened,

    p_control = 1 - exp(-expected)
    p_treated = opened * (1 - exp(-expected * (1 - harm)) * (1 - lift)) + (1 - opened) * p_control
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coterie.simulate.orders import Drawn, Orders
from coterie.simulate.people import Bools, People
from coterie.simulate.random_streams import stream
from coterie.simulate.seasons import Calendar, Floats, Ints
from coterie.simulate.segments import SEGMENTS

CAMPAIGNS = 8
AUDIENCE_SHARE = 0.5
TREATED_SHARE = 0.5
SENT_AT_HOUR = 19
WEEK = 7
STEPS: tuple[str, ...] = ("assigned", "sent", "opened", "clicked", "goal")
ASSIGNED, SENT, OPENED, CLICKED, GOAL = range(5)


@dataclass(frozen=True)
class Sends:
    """One entry for each customer in each past campaign."""

    campaign: Ints
    owner: Ints
    monday: Ints  # first day of the week in which an order is the goal
    treated: Bools
    opened: Bools  # never in the control group
    p_control: Floats
    p_treated: Floats

    def __len__(self) -> int:
        return len(self.campaign)


def response(people: People, owner: Ints, monday: Ints, when: Calendar) -> tuple[Floats, Floats]:
    """The chances of an order in the week from `monday`, without and with the offer; 0 for those who have left."""
    alive = (people.stop[owner] > monday) & (people.start[owner] < monday) & ~people.bot[owner]
    until = np.minimum(people.stop[owner], monday + float(WEEK))
    segment = people.segment[owner]
    weighed = when.weighed(segment, until) - when.weighed(segment, monday.astype(np.float64))
    expected = np.where(alive, people.rate[owner] * np.maximum(weighed, 0), 0.0)
    lift, harm = moved_by_mail(people, owner)
    opened = people.mail_interest[owner]
    control = 1 - np.exp(-expected)
    with_mail = 1 - np.exp(-expected * (1 - harm)) * (1 - lift * alive)
    return control, opened * with_mail + (1 - opened) * control


def moved_by_mail(people: People, owner: Ints) -> tuple[Floats, Floats]:
    """What an opened offer does: the chance of an order that would not have come, and of keeping one away.

    Those who buy at a discount anyway are moved most; see `segments.py` for who is put off.
    """
    lift = np.array([s.mail_lift for s in SEGMENTS])[people.segment[owner]] * (0.5 + people.discounted[owner])
    return lift, np.array([s.mail_harm for s in SEGMENTS])[people.segment[owner]]


def plan_sends(people: People, seed: int, when: Calendar) -> Sends:
    """Whom the past campaigns were for: half of those who agreed to mail and were customers; arms drawn at random."""
    rng = stream(seed, "campaigns")
    asked = (when.days * (np.arange(CAMPAIGNS) + 2) / (CAMPAIGNS + 2)).astype(np.int64)
    mondays = when.monday_before(np.minimum(asked, when.days - 8))
    campaign, owner = np.meshgrid(np.arange(CAMPAIGNS), np.arange(len(people)), indexing="ij")
    eligible = people.consent_email[owner] & (people.start[owner] < mondays[campaign]) & ~people.bot[owner]
    chosen = eligible & (rng.random(owner.shape) < AUDIENCE_SHARE)
    campaign, owner = campaign[chosen], owner[chosen]
    treated = rng.random(len(owner)) < TREATED_SHARE
    opened = treated & (rng.random(len(owner)) < people.mail_interest[owner]) & (people.stop[owner] > mondays[campaign])
    control, with_mail = response(people, owner, mondays[campaign], when)
    return Sends(campaign, owner, mondays[campaign], treated, opened, control, with_mail)


def move_orders(people: People, drawn: Drawn, sends: Sends, seed: int, when: Calendar) -> Drawn:
    """The drawn orders after the offers have done their work: some planned orders stay away, some new ones come."""
    rng = stream(seed, "mail effects")
    lift, harm = moved_by_mail(people, sends.owner)
    slot = _slots(drawn.owner, when.monday_before(drawn.day), when)
    harmed = sends.opened & (harm > 0)
    slots = _slots(sends.owner[harmed], sends.monday[harmed], when)
    by_slot = np.argsort(slots)
    place = np.minimum(np.searchsorted(slots[by_slot], slot), max(len(slots) - 1, 0))
    hit = np.zeros(len(slot), dtype=np.float64)
    if len(slots):
        match = by_slot[place]
        hit = np.where(slots[match] == slot, harm[harmed][match], 0.0)
    kept = (rng.random(len(slot)) >= hit) | drawn.first
    brought = sends.opened & (rng.random(len(sends)) < lift)
    day = sends.monday[brought] + rng.integers(0, WEEK, int(brought.sum()))
    return Drawn(
        np.concatenate([drawn.owner[kept], sends.owner[brought]]),
        np.concatenate([drawn.day[kept], np.minimum(day, when.days - 1)]),
        np.concatenate([drawn.first[kept], np.zeros(len(day), dtype=np.bool_)]),
    )


@dataclass(frozen=True)
class Responses:
    """Campaign events in order of time: index into Sends, step, moment."""

    send: Ints
    step: Ints
    second: Ints


def make_responses(people: People, sends: Sends, orders: Orders, seed: int, when: Calendar) -> Responses:
    """What is on record: assigned, sent, opened, clicked; for both arms the week's first order as the goal."""
    rng = stream(seed, "responses")
    n = len(sends)
    sent_at = when.epoch_seconds + (sends.monday - 1) * 86_400 + SENT_AT_HOUR * 3600
    opened_at = sent_at + np.minimum(rng.exponential(2 * 3600, n), 4.6 * 3600).astype(np.int64) + 20
    clicked = sends.opened & (rng.random(n) < 0.15 + 0.5 * moved_by_mail(people, sends.owner)[0])
    goal_at = _first_order(sends, orders, when)
    parts = [
        (np.arange(n), ASSIGNED, sent_at - 600),
        (np.flatnonzero(sends.treated), SENT, sent_at + rng.integers(0, 600, n)),
        (np.flatnonzero(sends.opened), OPENED, opened_at + 600),
        (np.flatnonzero(clicked), CLICKED, opened_at + 600 + rng.integers(3, 120, n)),
        (np.flatnonzero(goal_at >= 0), GOAL, goal_at),
    ]
    send = np.concatenate([p for p, _, _ in parts])
    step = np.concatenate([np.full(len(p), s) for p, s, _ in parts])
    second = np.concatenate([at[p] for p, _, at in parts])
    order = np.lexsort((step, send, second))
    return Responses(send[order], step[order], second[order])


def _first_order(sends: Sends, orders: Orders, when: Calendar) -> Ints:
    """The moment of the first honest order in the week of each send, or -1."""
    honest = orders.fraud == 0
    day = (orders.second[honest] - when.epoch_seconds) // 86_400
    slot = _slots(orders.owner[honest], when.monday_before(day), when)
    slots, first = np.unique(slot, return_index=True)  # orders are in order of time: the first is the earliest
    wanted = _slots(sends.owner, sends.monday, when)
    place = np.minimum(np.searchsorted(slots, wanted), len(slots) - 1)
    return np.where(slots[place] == wanted, orders.second[honest][first[place]], -1).astype(np.int64)


def _slots(owner: Ints, monday: Ints, when: Calendar) -> Ints:
    """One number for each customer and week."""
    return owner * (when.days + 2 * WEEK) + monday + WEEK
