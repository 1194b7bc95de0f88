"""The customers: who they are, how they behave, when they come and leave for good; their firms and friends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from coterie.simulate.random_streams import logit_normal, stream
from coterie.simulate.seasons import Calendar, Floats, Ints
from coterie.simulate.segments import SEGMENTS
from coterie.simulate.words import CATEGORIES, CITIES

Bools = npt.NDArray[np.bool_]

OLD_SHARE = 0.64
"""Share of customers who came before the first day simulated."""
BOT_SHARE = 0.003
WHALE_SHARE = 0.01
NO_ACCOUNT = -1


@dataclass(frozen=True)
class People:
    """All customers, one array entry each; days are counted from the calendar's first midnight.

    Latent values, never written to an imported file: segment, rate, hazard, start, stop and all the tendencies.
    """

    key: Ints  # customer_id, ascending; says nothing about the person
    segment: Ints
    bot: Bools
    whale: Bools
    rate: Floats  # orders per weighed day
    hazard: Floats  # leaving for good, per day
    start: Floats  # first moment as a buyer inside the period
    stop: Floats  # when they left for good; may lie far after the end
    old: Bools  # came before the first day
    lines: Floats  # lines per order
    units: Floats  # median units per line
    price_level: Floats
    discounted: Floats
    night: Floats
    office: Floats
    weekend: Floats
    app: Floats
    store: Floats
    gift: Floats
    refund: Floats
    visits_per_order: Floats
    search: Floats
    mail_interest: Floats  # chance that a mail is opened
    interests: Floats  # shape (n, categories), rows sum to 1
    chinese: Bools
    city: Ints
    account: Ints  # NO_ACCOUNT for most
    consent_email: Bools

    def __len__(self) -> int:
        return len(self.key)


def make_people(customers: int, seed: int, when: Calendar) -> People:
    """Draw `customers` people; some 3 in 1,000 are bots that only look."""
    rng = stream(seed, "people")
    segment = rng.choice(len(SEGMENTS), size=customers, p=_column("share")).astype(np.int64)
    whale = rng.random(customers) < WHALE_SHARE
    rate = _scattered(rng, "orders_per_year", segment, 0.32) * np.where(whale, 2.2, 1.0) / 365.25
    hazard = _column("lapses_per_year")[segment] * rng.gamma(2.0, 0.5, customers) / 365.25
    old, start = _starts(rng, segment, rate, when)
    city = rng.choice(len(CITIES), size=customers, p=[c.share for c in CITIES]).astype(np.int64)
    wholesale = segment == next(i for i, s in enumerate(SEGMENTS) if s.name == "wholesale_buyer")
    return People(
        key=10_000_000 + np.sort(rng.choice(80_000_000, size=customers, replace=False)).astype(np.int64),
        segment=segment,
        bot=rng.random(customers) < BOT_SHARE,
        whale=whale,
        rate=rate,
        hazard=hazard,
        start=start,
        stop=start + rng.exponential(1.0, customers) / hazard,
        old=old,
        lines=1 + (_column("lines_per_order")[segment] - 1) * np.exp(rng.normal(0, 0.30, customers)),
        units=_scattered(rng, "units_per_line", segment, 0.22) * np.exp(wholesale * rng.normal(0, 0.45, customers)),
        price_level=_column("price_level")[segment] + rng.normal(0, 0.20, customers) + np.where(whale, 0.5, 0.0),
        discounted=_tendency(rng, "discounted", segment),
        night=_tendency(rng, "night", segment),
        office=_tendency(rng, "office", segment),
        weekend=_tendency(rng, "weekend", segment),
        app=_tendency(rng, "app", segment),
        store=_tendency(rng, "store", segment),
        gift=_tendency(rng, "gift", segment),
        refund=_tendency(rng, "refund", segment),
        visits_per_order=_scattered(rng, "visits_per_order", segment, 0.35),
        search=_tendency(rng, "search", segment),
        mail_interest=rng.beta(2.0, 3.0, customers),
        interests=_interests(rng, segment),
        chinese=np.array([c.country in ("China", "Singapore") for c in CITIES])[city] ^ (rng.random(customers) < 0.06),
        city=city,
        account=_accounts(rng, customers, wholesale),
        consent_email=rng.random(customers) < 0.62,
    )


def account_count(customers: int) -> int:
    """How many firms there are: some hundreds for the default 20,000 customers."""
    return max(12, customers // 60)


def _column(field: str) -> Floats:
    return np.array([getattr(s, field) for s in SEGMENTS], dtype=np.float64)


def _scattered(rng: np.random.Generator, field: str, segment: Ints, sd: float) -> Floats:
    return _column(field)[segment] * np.exp(rng.normal(0, sd, len(segment)))


def _tendency(rng: np.random.Generator, field: str, segment: Ints) -> Floats:
    return logit_normal(rng, _column(field)[segment], 0.42)


def _starts(rng: np.random.Generator, segment: Ints, rate: Floats, when: Calendar) -> tuple[Bools, Floats]:
    """Old customers start at their first order inside the period, new ones when they sign up, all the time."""
    customers = len(segment)
    old = rng.random(customers) < OLD_SHARE
    whole = when.weighed(segment, np.full(customers, float(when.days)))
    reach = 1 - np.exp(-rate * whole * 0.6)  # everyone in the files has bought by then
    waited = -np.log1p(-rng.random(customers) * reach) / rate
    signed_up = when.days * rng.random(customers) ** 0.95
    return old, np.where(old, when.unweighed(segment, waited), signed_up)


def _interests(rng: np.random.Generator, segment: Ints) -> Floats:
    """One row of category shares a person, from a Dirichlet distribution around the segment's likes."""
    liked = np.array([[2.0 if c.key in s.likes else 1.0 for c in CATEGORIES] for s in SEGMENTS])
    alpha = (liked / liked.sum(axis=1, keepdims=True)) * _column("focus")[:, None]
    drawn = rng.standard_gamma(alpha[segment]) + 1e-9
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True), dtype=np.float64)


def _accounts(rng: np.random.Generator, customers: int, wholesale: Bools) -> Ints:
    """Half of the wholesale buyers and a few others buy for a firm; large firms have more buyers."""
    firms = account_count(customers)
    pull = 1 / (1 + np.arange(firms)) ** 0.6
    belongs = rng.random(customers) < np.where(wholesale, 0.5, 0.03)
    firm = rng.permutation(firms)[rng.choice(firms, size=customers, p=pull / pull.sum())]
    return np.where(belongs, firm, NO_ACCOUNT).astype(np.int64)


def birth_days(rng: np.random.Generator, customers: int, last_day: int) -> Ints:
    """Birth dates in days since 1970, as is `last_day`: ages 18 to 80, most around 35.

    One in 400 is the 1900-01-01 of a careless form.
    """
    age = 18 + 62 * rng.beta(1.8, 4.0, customers)
    born = last_day - (age * 365.25).astype(np.int64)
    careless = rng.random(customers) < 1 / 400
    return np.where(careless, (date(1900, 1, 1) - date(1970, 1, 1)).days, born).astype(np.int64)


def friendships(people: People, seed: int) -> tuple[Ints, Ints, Ints]:
    """Undirected friendships as (person, friend, weight), each pair once: most of one city and taste, some at random.

    Returns arrays of equal length: two indexes into `people`, and a weight of 1 to 20 (messages a month).
    """
    rng = stream(seed, "friends")
    n = len(people)
    order = np.lexsort((rng.random(n), people.interests.argmax(axis=1), people.city))
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    sociable = np.minimum(rng.lognormal(0.0, 1.0, n), 25.0)
    ends = np.repeat(np.arange(n), rng.poisson(1.6 * sociable))
    near = order[(place[ends] + rng.geometric(0.06, len(ends)) * rng.choice([-1, 1], len(ends))) % n]
    other = np.where(rng.random(len(ends)) < 0.7, near, rng.integers(0, n, len(ends)))
    pairs = np.unique(np.minimum(ends, other) * n + np.maximum(ends, other))
    pairs = pairs[pairs // n != pairs % n]
    return pairs // n, pairs % n, np.minimum(rng.geometric(0.3, len(pairs)), 20).astype(np.int64)
