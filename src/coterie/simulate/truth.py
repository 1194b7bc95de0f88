"""What only the simulator knows, for tests to compare with: never imported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coterie.simulate import columns
from coterie.simulate.campaigns import CAMPAIGNS, Sends, response
from coterie.simulate.goods import Goods
from coterie.simulate.orders import FRAUD_KINDS, Orders
from coterie.simulate.people import Bools, People
from coterie.simulate.random_streams import stream
from coterie.simulate.reviews import Reviews
from coterie.simulate.seasons import FUTURE_DAYS, Calendar, Floats, Ints
from coterie.simulate.segments import NAMES, SEGMENTS
from coterie.simulate.words import CATEGORIES, TOPICS


def segment_columns(people: People) -> dict[str, object]:
    """The segment of every customer but the bots, which have none."""
    real = ~people.bot
    labels = [s.label_en for s in SEGMENTS]
    return {
        "customer_id": people.key[real],
        "segment": columns.named(people.segment[real], NAMES),
        "label": columns.named(people.segment[real], labels),
        "whale": people.whale[real],
    }


@dataclass(frozen=True)
class Future:
    """The next `FUTURE_DAYS` days: what is to be expected of each customer, and one future drawn from it."""

    alive: Bools  # at the end of the files
    expected: Floats  # orders, given that they are alive, their rate, hazard and the seasons; 0 for those who left
    drawn: Ints  # orders in the drawn future


def future(people: People, seed: int, when: Calendar) -> Future:
    """What comes, for those still customers.

    Expected orders: the sum over the days u of rate * weight(u) * exp(-hazard * u). The drawn future is one draw of
    just that: leaving by the hazard, and until then a Poisson number of orders.
    """
    rng = stream(seed, "future")
    end = float(when.days)
    alive = (people.stop > end) & ~people.bot
    days = np.arange(FUTURE_DAYS)
    weight = np.diff(when.elapsed, axis=1)[:, when.days :]
    staying = np.exp(-people.hazard[:, None] * (days + 0.5))
    expected = alive * people.rate * (weight[people.segment] * staying).sum(axis=1)
    leaves = end + rng.exponential(1.0, len(people)) / people.hazard
    until = np.minimum(leaves, end + FUTURE_DAYS)
    mean = people.rate * (when.weighed(people.segment, until) - when.weighed(people.segment, np.full(len(people), end)))
    return Future(alive, expected, rng.poisson(mean) * alive)


def churn_columns(people: People, orders: Orders, seed: int, when: Calendar) -> dict[str, object]:
    """Who is still a customer at the end, how fast they leave and order, and what the next 90 days hold."""
    real = ~people.bot
    ahead = future(people, seed, when)
    left_at = when.epoch_seconds + (np.minimum(people.stop, 1e5) * 86_400).astype(np.int64)
    np.maximum.at(left_at, orders.owner, orders.second)  # someone who leaves during a day still ends that day
    return {
        "customer_id": people.key[real],
        "alive": ahead.alive[real],
        "churned_at": columns.moments(left_at[real], ahead.alive[real]),
        "hazard_per_day": columns.fractions(people.hazard[real]),
        "orders_per_day": columns.fractions(people.rate[real]),
        "expected_orders_90d": columns.fractions(ahead.expected[real]),
        "orders_90d": ahead.drawn[real],
    }


def uplift_columns(people: People, when: Calendar) -> dict[str, object]:
    """For an offer sent on the last evening: chances of an order in the next seven days without and with it."""
    real = np.flatnonzero(~people.bot)
    control, treated = response(people, real, np.full(len(real), when.days), when)
    return {
        "customer_id": people.key[real],
        "p_control": columns.fractions(control),
        "p_treated": columns.fractions(treated),
        "uplift": columns.fractions(treated - control),
        "kind": columns.named(_kind(control, treated), ("unmoved", "persuadable", "sleeping_dog")),
    }


def past_uplift_columns(people: People, sends: Sends) -> dict[str, object]:
    """The same for everyone in the past campaigns, at that time."""
    return {
        "campaign_id": columns.named(sends.campaign, campaign_ids()),
        "customer_id": people.key[sends.owner],
        "p_control": columns.fractions(sends.p_control),
        "p_treated": columns.fractions(sends.p_treated),
        "uplift": columns.fractions(sends.p_treated - sends.p_control),
    }


def interest_columns(people: People) -> dict[str, object]:
    """The share of each category in what a customer likes, and the favourite."""
    real = ~people.bot
    shares = people.interests[real]
    named = {c.key: columns.fractions(shares[:, i]) for i, c in enumerate(CATEGORIES)}
    favourite = columns.named(shares.argmax(axis=1), [c.key for c in CATEGORIES])
    return {"customer_id": people.key[real], "favourite": favourite, **named}


def fraud_columns(people: People, orders: Orders) -> dict[str, object]:
    """The fraudulent orders and how they were done."""
    bad = orders.fraud > 0
    return {
        "order_id": orders.key[bad],
        "customer_id": people.key[orders.owner[bad]],
        "kind": columns.named(orders.fraud[bad], FRAUD_KINDS),
    }


def bot_columns(people: People) -> dict[str, object]:
    """The customers that are programs."""
    return {"customer_id": people.key[people.bot]}


def topic_columns(reviews: Reviews) -> dict[str, object]:
    """What each review is about."""
    return {"review_id": review_ids(reviews), "topic": columns.named(reviews.topic, TOPICS)}


def quality_columns(goods: Goods) -> dict[str, object]:
    """The average rating that each product deserves."""
    return {"product_id": goods.key, "quality": columns.fractions(goods.quality)}


def review_ids(reviews: Reviews) -> Ints:
    """Numbers in order of time."""
    return 1 + np.arange(len(reviews), dtype=np.int64)


def campaign_ids() -> list[str]:
    """Names of the past campaigns."""
    return [f"offer-{k + 1:02d}" for k in range(CAMPAIGNS)]


def _kind(control: Floats, treated: Floats) -> Ints:
    """0 unmoved (by less than half a percentage point), 1 persuadable, 2 sleeping dog."""
    return np.select([treated - control > 0.005, treated - control < -0.005], [1, 2], 0).astype(np.int64)
