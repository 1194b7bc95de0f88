"""Orders, their lines, the parcels sent back, and a few frauds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coterie.simulate.clock import habitual_moments
from coterie.simulate.goods import Goods
from coterie.simulate.people import Bools, People
from coterie.simulate.random_streams import pick, stream
from coterie.simulate.seasons import Calendar, Floats, Ints
from coterie.simulate.words import CATEGORIES

CHANNELS: tuple[str, ...] = ("web", "app", "store")
WEB, APP, STORE = range(3)
WRAPPINGS: tuple[str, ...] = ("standard", "gift")
PAYMENTS: tuple[str, ...] = ("card", "alipay", "wechat_pay", "paypal", "cash")
DISCOUNTS = np.array([10, 15, 20, 30, 40], dtype=np.int64)
"""Percent off."""

NO_FRAUD, STOLEN_ACCOUNT, CARD_TESTING = range(3)
FRAUD_KINDS: tuple[str, ...] = ("", "stolen_account", "card_testing")
FRAUD_SHARE = 0.003
STOLEN_LOG_PRICE = 5.4
"""Natural logarithm of what thieves pay for one thing."""

PRICE_NOISE = 0.40
LUXURY_SHARE, LUXURY_SHARE_OF_WHALES = 0.002, 0.03
"""Share of lines for which the dearest thing of the category is chosen."""
FREE_SAMPLE_SHARE = 0.003
BULK_SHARE = 0.0015
RETAIL_UNITS = 6
"""Share of lines bought for a whole office or a feast by those who buy few at a time: 20 to 80 times as many."""


class Drawn(NamedTuple):
    """Orders before they have an hour: who, and the day they fall on; each person's first order is marked."""

    owner: Ints
    day: Ints
    first: Bools


@dataclass(frozen=True)
class Orders:
    """All orders in order of time; order o has the id `key[o]`."""

    key: Ints
    owner: Ints
    second: Ints  # since 1970, local time
    channel: Ints
    gift: Bools
    payment: Ints
    fraud: Ints

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True)
class Lines:
    """Order lines in order of time, refunds among them with negative quantity and amount."""

    order: Ints  # index into Orders
    line: Ints  # number within the order, from 1
    second: Ints
    product: Ints  # index into Goods
    quantity: Ints
    discount: Ints  # percent
    cents: Ints  # amount

    def __len__(self) -> int:
        return len(self.order)


def draw_days(people: People, seed: int, when: Calendar) -> Drawn:
    """When each person orders: at the start, then a Poisson process in weighed time until they leave."""
    rng = stream(seed, "order days")
    buyers = np.flatnonzero(~people.bot)
    segment = people.segment[buyers]
    begin = when.weighed(segment, people.start[buyers])
    finish = when.weighed(segment, np.minimum(people.stop[buyers], float(when.days)))
    count = rng.poisson(people.rate[buyers] * (finish - begin))
    place = np.repeat(np.arange(len(buyers)), count)
    weighed = begin[place] + (finish - begin)[place] * rng.random(len(place))
    day = when.unweighed(segment[place], weighed)
    owner = np.concatenate([buyers, buyers[place]])
    days = np.concatenate([people.start[buyers], day]).astype(np.int64)
    return Drawn(owner, np.minimum(days, when.days - 1), np.arange(len(owner)) < len(buyers))


def make_orders(people: People, drawn: Drawn, seed: int, when: Calendar) -> Orders:
    """Give the drawn orders an hour, a channel and a payment, add the frauds, and number all in order of time."""
    rng = stream(seed, "orders")
    second = habitual_moments(rng, people, drawn.owner, drawn.day, when)
    bad_owner, bad_second, bad_kind = _frauds(rng, people, len(second), when)
    owner, second = np.concatenate([drawn.owner, bad_owner]), np.concatenate([second, bad_second])
    fraud = np.concatenate([np.zeros(len(drawn.owner), dtype=np.int64), bad_kind])
    order = np.lexsort((owner, second))
    owner, second, fraud = owner[order], second[order], fraud[order]
    n = len(owner)
    hour = second // 3600 % 24
    app, store = rng.random(n) < people.app[owner], (rng.random(n) < people.store[owner]) & (hour >= 9) & (hour < 21)
    channel = np.where(fraud > NO_FRAUD, WEB, np.select([app, store], [APP, STORE], WEB))
    return Orders(
        key=500_001 + np.arange(n, dtype=np.int64),
        owner=owner,
        second=second,
        channel=channel.astype(np.int64),
        gift=rng.random(n) < np.where(fraud > NO_FRAUD, 0.02, people.gift[owner]),
        payment=_payments(rng, people.chinese[owner], channel, fraud),
        fraud=fraud,
    )


def make_lines(people: People, orders: Orders, goods: Goods, seed: int, when: Calendar) -> Lines:
    """What the orders hold, and what of it comes back within three weeks (if that is before the files end)."""
    rng = stream(seed, "lines")
    count = 1 + rng.poisson(people.lines[orders.owner] - 1) * (orders.fraud == NO_FRAUD)
    order = np.repeat(np.arange(len(orders)), count)
    line = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count) + 1
    owner, fraud = orders.owner[order], orders.fraud[order]
    product = _products(rng, people, owner, fraud, goods)
    quantity = _quantities(rng, people, owner, fraud)
    cheap = (rng.random(len(order)) < people.discounted[owner]) & (fraud == NO_FRAUD)
    discount = np.where(cheap, DISCOUNTS[rng.integers(0, len(DISCOUNTS), len(order))], 0)
    free = (rng.random(len(order)) < FREE_SAMPLE_SHARE) & (line > 1)
    cents = (quantity * goods.cents[product] * (100 - discount) + 50) // 100 * ~free
    bought = Lines(order, line, orders.second[order], product, quantity, discount, cents)
    return _with_refunds(rng, bought, people.refund[owner] * ~free, count, when)


def _products(rng: np.random.Generator, people: People, owner: Ints, fraud: Ints, goods: Goods) -> Ints:
    """Thieves take costly electronics, card testers the cheapest thing, the honest what they like."""
    n = len(owner)
    liked = choose_products(rng, people, owner, goods)
    costly = goods.nearest(np.full(n, _category("electronics")), rng.normal(STOLEN_LOG_PRICE, 0.3, n))
    cheapest = goods.nearest(goods.category[liked], np.zeros(n))
    return np.select([fraud == STOLEN_ACCOUNT, fraud == CARD_TESTING], [costly, cheapest], liked).astype(np.int64)


def _quantities(rng: np.random.Generator, people: People, owner: Ints, fraud: Ints) -> Ints:
    n = len(owner)
    usual = np.maximum(1, np.rint(people.units[owner] * np.exp(rng.normal(0, 0.35, n))))
    bulk = np.where((rng.random(n) < BULK_SHARE) & (usual < RETAIL_UNITS), rng.integers(20, 81, n), 1)
    several = rng.integers(2, 6, n)
    return np.select([fraud == STOLEN_ACCOUNT, fraud == CARD_TESTING], [several, 1], usual * bulk).astype(np.int64)


def choose_products(rng: np.random.Generator, people: People, owner: Ints, goods: Goods) -> Ints:
    """A product for each entry of `owner`: category by their interests, price by their level."""
    category = pick(rng, owner, people.interests)
    typical = np.log([c.typical_price for c in CATEGORIES])[category]
    dear = (rng.random(len(owner)) < np.where(people.whale[owner], LUXURY_SHARE_OF_WHALES, LUXURY_SHARE)) * 10.0
    return goods.nearest(category, typical + people.price_level[owner] + dear + rng.normal(0, PRICE_NOISE, len(owner)))


def _with_refunds(rng: np.random.Generator, bought: Lines, chance: Floats, count: Ints, when: Calendar) -> Lines:
    """Refund lines carry the order's id and the next free line numbers."""
    later = bought.second + rng.integers(1 * 86_400, 21 * 86_400, len(bought))
    back = np.flatnonzero((rng.random(len(bought)) < chance) & (later < when.epoch_seconds + when.days * 86_400))
    order = bought.order[back]
    nth = np.arange(len(back)) - np.searchsorted(order, order)  # `order` ascends
    fields = {
        "order": (bought.order, order),
        "line": (bought.line, count[order] + nth + 1),
        "second": (bought.second, later[back]),
        "product": (bought.product, bought.product[back]),
        "quantity": (bought.quantity, -bought.quantity[back]),
        "discount": (bought.discount, bought.discount[back]),
        "cents": (bought.cents, -bought.cents[back]),
    }
    joined = {name: np.concatenate(parts) for name, parts in fields.items()}
    by_time = np.lexsort((joined["line"], joined["order"], joined["second"]))
    return Lines(**{name: values[by_time] for name, values in joined.items()})


def _payments(rng: np.random.Generator, chinese: Bools, channel: Ints, fraud: Ints) -> Ints:
    n = len(chinese)
    home = rng.choice([1, 2, 0], size=n, p=[0.48, 0.42, 0.10])
    abroad = rng.choice([0, 3], size=n, p=[0.7, 0.3])
    cash = (channel == STORE) & (rng.random(n) < 0.2)
    return np.select([fraud > NO_FRAUD, cash, chinese], [0, 4, home], abroad).astype(np.int64)


def _frauds(rng: np.random.Generator, people: People, honest: int, when: Calendar) -> tuple[Ints, Ints, Ints]:
    """Owners, moments and kinds of the fraudulent orders.

    A stolen account buys costly electronics one to three times between 1 and 5 at night; card testing is a dozen cheap
    orders within minutes.
    """
    wanted = max(2, round(honest * FRAUD_SHARE))
    cases = wanted  # more than needed; cut below
    testing = rng.random(cases) < 0.15
    size = np.where(testing, rng.integers(8, 17, cases), rng.integers(1, 4, cases))
    case = np.repeat(np.arange(cases), size)[:wanted]
    victims = np.flatnonzero(~people.bot & (people.start < when.days - 1))
    victim = victims[rng.integers(0, len(victims), cases)]
    last = np.minimum(people.stop[victim], float(when.days) - 1e-6)
    day = (people.start[victim] + (last - people.start[victim]) * rng.random(cases)).astype(np.int64)
    day = np.minimum(day + 1, when.days - 1)  # after the first order
    hour = np.where(testing, rng.integers(0, 23, cases), rng.integers(1, 4, cases))
    begin = when.epoch_seconds + day * 86_400 + hour * 3600
    spread = np.where(testing[case], rng.integers(0, 900, len(case)), rng.integers(0, 3600, len(case)))
    return victim[case], begin[case] + spread, np.where(testing[case], CARD_TESTING, STOLEN_ACCOUNT).astype(np.int64)


def _category(key: str) -> int:
    return next(i for i, c in enumerate(CATEGORIES) if c.key == key)
