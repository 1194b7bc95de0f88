"""Visits to the web shop and the app: what people looked at, and the bots that look at everything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coterie.simulate.clock import habitual_moments
from coterie.simulate.goods import Goods
from coterie.simulate.orders import APP, STORE, Lines, Orders, choose_products
from coterie.simulate.people import People
from coterie.simulate.random_streams import stream
from coterie.simulate.seasons import Calendar, Ints
from coterie.simulate.words import SEARCHES

EVENTS: tuple[str, ...] = ("viewed", "searched", "added_to_cart", "wishlisted")
VIEWED, SEARCHED, ADDED, WISHED = range(4)
LOOKED, PUT_IN_CART = 0.78, 0.13
"""Of the steps that are no search; the rest is put on the wish list."""
DEVICES: tuple[str, ...] = ("app", "phone", "desktop")
ON_APP, ON_PHONE, ON_DESKTOP = range(3)

MORE_STEPS = 0.5
"""Mean number of further steps after the first of a visit."""
SEEN_BEFORE_ORDER = 0.35
"""Share of web and app orders whose visit was recorded; the others refused cookies."""
BOT_VISITS = 60
BOT_STEPS = 12
NOTHING = -1


@dataclass(frozen=True)
class Visits:
    """Steps of visits in order of time; `product` and `query` are NOTHING where a step has none."""

    visit: Ints  # number of the visit, in order of its first step
    step: Ints  # from 1
    owner: Ints
    second: Ints
    event: Ints
    product: Ints
    query: Ints
    device: Ints

    def __len__(self) -> int:
        return len(self.visit)


@dataclass(frozen=True)
class _Sessions:
    """Visits before their steps are drawn."""

    owner: Ints
    second: Ints
    steps: Ints
    device: Ints
    bought: Ints  # product put into the cart at the end, or NOTHING
    first_seen: Ints  # where a bot begins in the list of products, or NOTHING


def make_visits(people: People, orders: Orders, lines: Lines, goods: Goods, seed: int, when: Calendar) -> Visits:
    """All steps of all visits: browsing, visits that end in an order, and bots."""
    rng = stream(seed, "visits")
    parts = [_browsing(rng, people, when), _before_orders(rng, orders, lines), _bots(rng, people, when, len(goods))]
    sessions = _Sessions(*(np.concatenate([getattr(p, f) for p in parts]) for f in _Sessions.__dataclass_fields__))
    order = np.lexsort((sessions.owner, sessions.second))
    sessions = _Sessions(*(getattr(sessions, f)[order] for f in _Sessions.__dataclass_fields__))
    return _steps(rng, people, sessions, goods, when)


def _browsing(rng: np.random.Generator, people: People, when: Calendar) -> _Sessions:
    stop = np.minimum(people.stop, float(when.days))
    begin, finish = when.weighed(people.segment, people.start), when.weighed(people.segment, stop)
    mean = people.rate * people.visits_per_order * (finish - begin) * ~people.bot
    owner = np.repeat(np.arange(len(people)), rng.poisson(mean))
    weighed = begin[owner] + (finish - begin)[owner] * rng.random(len(owner))
    day = np.minimum(when.unweighed(people.segment[owner], weighed).astype(np.int64), when.days - 1)
    second = habitual_moments(rng, people, owner, day, when)
    none = np.full(len(owner), NOTHING)
    return _Sessions(owner, second, 1 + rng.poisson(MORE_STEPS, len(owner)), _devices(rng, people, owner), none, none)


def _before_orders(rng: np.random.Generator, orders: Orders, lines: Lines) -> _Sessions:
    """Visits of two or more steps that end with the first line's product in the cart, minutes before the order."""
    seen = np.flatnonzero(
        (orders.channel != STORE) & (orders.fraud == 0) & (rng.random(len(orders)) < SEEN_BEFORE_ORDER)
    )
    product = np.full(len(orders), NOTHING)
    opening = lines.line == 1
    product[lines.order[opening]] = lines.product[opening]
    second = orders.second[seen] - rng.integers(120, 1800, len(seen))
    device = np.where(
        orders.channel[seen] == APP, ON_APP, rng.choice([ON_PHONE, ON_DESKTOP], size=len(seen), p=[0.55, 0.45])
    )
    none = np.full(len(seen), NOTHING)
    return _Sessions(orders.owner[seen], second, 2 + rng.poisson(MORE_STEPS, len(seen)), device, product[seen], none)


def _bots(rng: np.random.Generator, people: People, when: Calendar, products: int) -> _Sessions:
    """Bots come every few hours for some weeks and walk through the list of products."""
    bots = np.flatnonzero(people.bot)
    count = rng.poisson(BOT_VISITS, len(bots))
    owner = np.repeat(bots, count)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    begin = np.repeat(rng.random(len(bots)) * max(when.days - 30, 1), count) * 86_400
    every = np.repeat(rng.integers(2, 9, len(bots)), count) * 3600
    second = when.epoch_seconds + (begin + nth * every).astype(np.int64) + rng.integers(0, 30, len(owner))
    inside = second < when.epoch_seconds + when.days * 86_400
    owner, second = owner[inside], second[inside]
    n = len(owner)
    walk = (nth[inside] * BOT_STEPS) % products
    return _Sessions(owner, second, np.full(n, BOT_STEPS), np.full(n, ON_DESKTOP), np.full(n, NOTHING), walk)


def _devices(rng: np.random.Generator, people: People, owner: Ints) -> Ints:
    phone = np.where(rng.random(len(owner)) < 0.55, ON_PHONE, ON_DESKTOP)
    return np.where(rng.random(len(owner)) < people.app[owner], ON_APP, phone).astype(np.int64)


def _steps(rng: np.random.Generator, people: People, sessions: _Sessions, goods: Goods, when: Calendar) -> Visits:
    visit = np.repeat(np.arange(len(sessions.owner)), sessions.steps)
    starts = np.cumsum(sessions.steps) - sessions.steps
    step = np.arange(len(visit)) - starts[visit]
    owner, walk = sessions.owner[visit], sessions.first_seen[visit]
    closing = (step == sessions.steps[visit] - 1) & (sessions.bought[visit] != NOTHING)
    event = np.searchsorted((LOOKED, LOOKED + PUT_IN_CART), rng.random(len(visit)))
    event = np.array([VIEWED, ADDED, WISHED])[event]
    searched = rng.random(len(visit)) < people.search[owner]
    event = np.select([walk != NOTHING, closing, searched], [VIEWED, ADDED, SEARCHED], event)
    product = np.where(closing, sessions.bought[visit], choose_products(rng, people, owner, goods))
    product = np.select([event == SEARCHED, walk != NOTHING], [NOTHING, (walk + step) % len(goods)], product)
    pause = np.where(walk != NOTHING, 2, rng.geometric(1 / 45, len(visit))) * (step > 0)
    elapsed = np.cumsum(pause)
    second = sessions.second[visit] + elapsed - elapsed[starts][visit]
    last = when.epoch_seconds + when.days * 86_400 - 1
    query = np.where(event == SEARCHED, rng.integers(0, len(SEARCHES), len(visit)), NOTHING)
    seen = Visits(visit, step + 1, owner, np.minimum(second, last), event, product, query, sessions.device[visit])
    order = np.lexsort((seen.step, seen.visit, seen.second))
    return Visits(*(getattr(seen, f)[order] for f in Visits.__dataclass_fields__))
