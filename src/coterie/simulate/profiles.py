"""What the shop knows of its customers and their firms: as carelessly kept as such files are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from coterie.simulate import columns
from coterie.simulate.orders import Orders
from coterie.simulate.people import NO_ACCOUNT, People, account_count, birth_days
from coterie.simulate.random_streams import stream
from coterie.simulate.seasons import Calendar, Ints
from coterie.simulate.visits import Visits
from coterie.simulate.words import (
    ACCOUNT_HEADS,
    ACCOUNT_TAILS,
    CITIES,
    COUNTRY_SPELLINGS,
    FIRST_EN,
    GIVEN_ZH,
    LAST_EN,
    MAIL_DOMAINS,
    MAIL_WORDS,
    SECTORS,
    SURNAMES_ZH,
)

Texts = npt.NDArray[np.object_]

ACQUISITION: tuple[str, ...] = ("search", "advertisement", "friend", "marketplace", "store", "social")
ACQUISITION_SHARES = (0.27, 0.22, 0.17, 0.14, 0.11, 0.09)
DIRTY_SHARE = 0.02
OLDEST_SIGN_UP_DAYS = 1_825


def profile_columns(people: People, orders: Orders, visits: Visits, seed: int, when: Calendar) -> dict[str, object]:
    """The columns of `profiles.csv`."""
    rng = stream(seed, "profiles")
    n = len(people)
    city, country = _places(rng, people)
    return {
        "customer_id": people.key,
        "name": columns.texts(_names(rng, people)),
        "email": columns.texts(_emails(rng, n), _missing(rng, n, 0.08)),
        "phone": columns.texts(_phones(rng, people.chinese), _missing(rng, n, 0.05)),
        "city": columns.texts(city, _missing(rng, n, 0.04)),
        "country": columns.texts(country, _missing(rng, n, 0.01)),
        "language": columns.named(people.chinese.astype(np.int64), ("en", "zh")),
        "birth_date": columns.days(birth_days(rng, n, _last_day(when)), _missing(rng, n, 0.18)),
        "signup_at": columns.moments(_signed_up(rng, people, orders, visits, when)),
        "acquisition": columns.named(rng.choice(len(ACQUISITION), n, p=ACQUISITION_SHARES), ACQUISITION),
        "consent_email": pa.array(people.consent_email),
        "consent_sms": pa.array(rng.random(n) < 0.45, mask=_missing(rng, n, 0.05)),
        "consent_push": pa.array(rng.random(n) < 0.35, mask=_missing(rng, n, 0.10)),
        "account_id": columns.texts(account_keys(n, seed)[people.account], people.account == NO_ACCOUNT),
    }


def account_keys(customers: int, seed: int) -> Texts:
    """The ids of the firms, such as `A04711`."""
    drawn = stream(seed, "account keys").permutation(90_000)[: account_count(customers)]
    return np.array([f"A{number:05d}" for number in drawn], dtype=object)


def account_columns(people: People, seed: int) -> dict[str, object]:
    """The columns of `accounts.csv`: a third of the firms belong to another; employees and revenue are heavy-tailed."""
    rng = stream(seed, "accounts")
    n = account_count(len(people))
    keys = account_keys(len(people), seed)
    employees = np.maximum(1, np.rint(rng.lognormal(3.4, 1.3, n))).astype(np.int64)
    revenue = (np.rint(employees * rng.lognormal(11.3, 0.5, n) / 1000) * 1000).astype(np.int64)
    parent = rng.integers(0, np.maximum(np.arange(n), 1))  # an earlier firm: no circles
    alone = (rng.random(n) > 0.33) | (np.arange(n) == 0)
    city = rng.choice(len(CITIES), n, p=[c.share for c in CITIES])
    order = np.argsort(keys)
    return {
        "account_id": columns.texts(keys[order]),
        "name": columns.texts(_firm_names(rng, n)),
        "parent_id": columns.texts(keys[parent][order], alone[order]),
        "sector": columns.texts(_sectors(rng, n)),
        "employees": columns.numbers(employees[order], _missing(rng, n, 0.06)),
        "revenue": columns.numbers(revenue[order], _missing(rng, n, 0.10)),
        "founded_year": rng.integers(1950, 2024, n),
        "country": columns.named(city, [c.country for c in CITIES]),
    }


def _firm_names(rng: np.random.Generator, n: int) -> Texts:
    head = np.array([f"{word} " for word in ACCOUNT_HEADS], dtype=object)[rng.integers(0, len(ACCOUNT_HEADS), n)]
    tail = np.array(ACCOUNT_TAILS, dtype=object)[rng.integers(0, len(ACCOUNT_TAILS), n)]
    return np.asarray(head + tail, dtype=object)


def _sectors(rng: np.random.Generator, n: int) -> Texts:
    """Some lack a letter, as when typed in a hurry."""
    sector = np.array(SECTORS, dtype=object)[rng.integers(0, len(SECTORS), n)]
    hurried = _missing(rng, n, DIRTY_SHARE)
    sector[hurried] = [name[:-3] + name[-2:] for name in sector[hurried]]
    return sector


def _last_day(when: Calendar) -> int:
    """Days since 1970."""
    return when.epoch_seconds // 86_400 + when.days - 1


def _missing(rng: np.random.Generator, n: int, share: float) -> npt.NDArray[np.bool_]:
    return rng.random(n) < share


def _names(rng: np.random.Generator, people: People) -> Texts:
    n = len(people)
    surname = np.array(list(SURNAMES_ZH), dtype=object)[np.minimum(rng.geometric(0.06, n) - 1, len(SURNAMES_ZH) - 1)]
    given = np.array(list(GIVEN_ZH), dtype=object)
    second = np.where(rng.random(n) < 0.75, given[rng.integers(0, len(given), n)], "")
    chinese = surname + given[rng.integers(0, len(given), n)] + second
    first, last = np.array(FIRST_EN, dtype=object), np.array(LAST_EN, dtype=object)
    english = first[rng.integers(0, len(first), n)] + " " + last[rng.integers(0, len(last), n)]
    names = np.where(people.chinese, chinese, english)
    sloppy = _missing(rng, n, DIRTY_SHARE)
    names[sloppy] = [f" {name.upper()}" for name in names[sloppy]]
    return np.asarray(names, dtype=object)


def _emails(rng: np.random.Generator, n: int) -> Texts:
    """Addresses that say nothing of the person and reach nobody; one in 200 lacks its `@`."""
    words = np.array(MAIL_WORDS, dtype=object)
    one, two = words[rng.integers(0, len(words), n)], words[rng.integers(0, len(words), n)]
    number = rng.permutation(n * 4)[:n].astype(str).astype(object)
    domain = np.array(MAIL_DOMAINS, dtype=object)[rng.integers(0, len(MAIL_DOMAINS), n)]
    at = np.where(_missing(rng, n, 0.005), ".", "@")
    return np.asarray(one + "." + two + number + at + domain, dtype=object)


def _phones(rng: np.random.Generator, chinese: npt.NDArray[np.bool_]) -> Texts:
    """Eleven digits each; 12... and 0100... are given to nobody. Leading zeros matter."""
    n = len(chinese)
    home, abroad = 12_000_000_000 + rng.integers(0, 10**9, n), 1_000_000_000 + rng.integers(0, 10**7, n)
    number = np.where(chinese, home, abroad)
    return np.array([f"{v:011d}" for v in number.tolist()], dtype=object)


def _places(rng: np.random.Generator, people: People) -> tuple[Texts, Texts]:
    city = np.array([c.name for c in CITIES], dtype=object)[people.city]
    country = np.array([c.country for c in CITIES], dtype=object)[people.city]
    for dirty, column, spellings in (
        (_missing(rng, len(people), DIRTY_SHARE), city, [c.spellings for c in CITIES]),
        (_missing(rng, len(people), DIRTY_SHARE), country, [COUNTRY_SPELLINGS[c.country] for c in CITIES]),
    ):
        choice = rng.integers(0, 12, len(people))
        column[dirty] = [
            spellings[c][k % len(spellings[c])] for c, k in zip(people.city[dirty], choice[dirty], strict=True)
        ]
    return city, country


def _signed_up(rng: np.random.Generator, people: People, orders: Orders, visits: Visits, when: Calendar) -> Ints:
    """New customers sign up hours before their first event; old ones up to five years before the first day."""
    n = len(people)
    first = when.epoch_seconds + (people.start * 86_400).astype(np.int64)
    for events in (orders, visits):
        np.minimum.at(first, events.owner, events.second)
    new = first - np.minimum(rng.exponential(4 * 3600, n), 3 * 86_400).astype(np.int64) - 120
    before = when.epoch_seconds - (86_400 * OLDEST_SIGN_UP_DAYS * rng.random(n) ** 1.5).astype(np.int64) - 1
    return np.where(people.old, before, np.maximum(new, when.epoch_seconds))
