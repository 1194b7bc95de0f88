"""A shop with known truth: writes the files that such a shop would import, and apart from them what is true.

The world: customers of six planted kinds (`segments.py`) come, buy, look around, send things back, review, make
friends, answer offers and one day leave for good. Purchases are Poisson in a time that runs faster in feasts and sales;
lifetimes are exponential with a hazard of one's own. A few customers spend far more than others, some are bots, and
some orders are fraud. `demo_tags.py` says by which tags the planted kinds are found.

Every imported file is what a shop would know. Ids, the order of rows, names and addresses say nothing of the truth.
Moments have no zone: they are local time of the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from coterie.errors import Refused
from coterie.kit.progress import Progress
from coterie.simulate import columns, truth
from coterie.simulate.campaigns import STEPS, Responses, Sends, make_responses, move_orders, plan_sends
from coterie.simulate.goods import Goods, make_goods
from coterie.simulate.orders import CHANNELS, PAYMENTS, WRAPPINGS, Lines, Orders, draw_days, make_lines, make_orders
from coterie.simulate.people import People, friendships, make_people
from coterie.simulate.profiles import account_columns, profile_columns
from coterie.simulate.reviews import LANGUAGES, Reviews, make_reviews
from coterie.simulate.seasons import Calendar, calendar
from coterie.simulate.visits import DEVICES, EVENTS, Visits, make_visits
from coterie.simulate.words import SEARCHES

FEWEST_CUSTOMERS = 50
ARMS: tuple[str, ...] = ("control", "treatment")


@dataclass(frozen=True)
class ShopFiles:
    """The files written.

    imported, truth : short name (`orders`) to its path
    rows : number of rows, by `orders` for imported files and `truth/churn` for truth
    """

    folder: Path
    imported: Mapping[str, Path]
    truth: Mapping[str, Path]
    rows: Mapping[str, int]

    @property
    def events(self) -> int:
        """Rows that are events: order lines, visit steps, reviews, campaign events."""
        return sum(self.rows[name] for name in ("orders", "visits", "reviews", "campaign_response"))


@dataclass(frozen=True)
class World:
    """Everything simulated, in memory."""

    when: Calendar
    people: People
    goods: Goods
    sends: Sends
    orders: Orders
    lines: Lines
    visits: Visits
    reviews: Reviews
    responses: Responses


def simulate_shop(
    folder: Path,
    *,
    customers: int = 20_000,
    seed: int = 7,
    end: date = date(2026, 10, 31),
    years: int = 2,
    truth_folder: Path | None = None,
    progress: Progress | None = None,
) -> ShopFiles:
    """Simulate a shop and write its files into `folder`, and the truth into `truth_folder` (default `folder/truth`).

    customers : 50 or more
    seed : 0 or more; the same seed gives the same bytes
    end : last day of the files
    years : years before `end` that they cover, 1 to 10
    Raises Refused: an argument out of range. Raises Failed: the folder cannot be written to, or the disk is full.

    >>> import tempfile
    >>> files = simulate_shop(Path(tempfile.mkdtemp()), customers=100, seed=1)
    >>> sorted(files.imported)
    ['accounts', 'campaign_response', 'friends', 'orders', 'products', 'profiles', 'reviews', 'visits']
    >>> files.rows["profiles"], files.imported["orders"].name
    (100, 'orders.csv')
    """
    progress = progress or Progress()
    world = build_world(customers=customers, seed=seed, end=end, years=years, progress=progress)
    imported, hidden = _imported(world, seed), _truth(world, seed)
    paths = {name: folder / f"{name}.csv" for name in imported}
    truths = {name: (truth_folder or folder / "truth") / f"{name}.csv" for name in hidden}
    rows: dict[str, int] = {}
    with progress.stage("Writing the files", len(imported) + len(hidden), "files"):
        for name, make in imported.items():
            rows[name] = columns.write(paths[name], make())
            progress.advance(1)
        for name, make in hidden.items():
            rows[f"truth/{name}"] = columns.write(truths[name], make())
            progress.advance(1)
    return ShopFiles(folder, paths, truths, rows)


def build_world(*, customers: int, seed: int, end: date, years: int, progress: Progress | None = None) -> World:
    """Simulate without writing; arguments as in `simulate_shop`."""
    _check(customers, seed, years)
    progress = progress or Progress()
    when = calendar(end, years)
    goods = make_goods(seed)
    with progress.stage("Simulating customers", customers, "customers"):
        people = make_people(customers, seed, when)
        sends = plan_sends(people, seed, when)
    with progress.stage("Simulating orders"):
        drawn = move_orders(people, draw_days(people, seed, when), sends, seed, when)
        orders = make_orders(people, drawn, seed, when)
        lines = make_lines(people, orders, goods, seed, when)
    with progress.stage("Simulating visits and reviews"):
        visits = make_visits(people, orders, lines, goods, seed, when)
        reviews = make_reviews(people, orders, lines, goods, seed, when)
        responses = make_responses(people, sends, orders, seed, when)
    return World(when, people, goods, sends, orders, lines, visits, reviews, responses)


def _check(customers: int, seed: int, years: int) -> None:
    if customers < FEWEST_CUSTOMERS or customers > 20_000_000:
        raise Refused(
            "bad_argument",
            f"{customers} customers cannot be simulated.",
            place="--customers",
            fix="Give 50 to 20,000,000.",
        )
    if seed < 0:
        raise Refused("bad_argument", f"{seed} is not a seed.", place="--seed", fix="Give a whole number of 0 or more.")
    if not 1 <= years <= 10:
        raise Refused("bad_argument", f"{years} years cannot be simulated.", place="--years", fix="Give 1 to 10.")


def _imported(world: World, seed: int) -> dict[str, Callable[[], dict[str, object]]]:
    """The imported files: name to the function that makes its columns, so that one file is in memory at a time."""
    return {
        "profiles": lambda: profile_columns(world.people, world.orders, world.visits, seed, world.when),
        "products": lambda: _product_columns(world.goods),
        "orders": lambda: _order_columns(world),
        "visits": lambda: _visit_columns(world),
        "reviews": lambda: _review_columns(world),
        "friends": lambda: _friend_columns(world.people, seed),
        "accounts": lambda: account_columns(world.people, seed),
        "campaign_response": lambda: _response_columns(world),
    }


def _truth(world: World, seed: int) -> dict[str, Callable[[], dict[str, object]]]:
    return {
        "segments": lambda: truth.segment_columns(world.people),
        "churn": lambda: truth.churn_columns(world.people, world.orders, seed, world.when),
        "uplift": lambda: truth.uplift_columns(world.people, world.when),
        "uplift_past": lambda: truth.past_uplift_columns(world.people, world.sends),
        "interests": lambda: truth.interest_columns(world.people),
        "fraud": lambda: truth.fraud_columns(world.people, world.orders),
        "bots": lambda: truth.bot_columns(world.people),
        "review_topics": lambda: truth.topic_columns(world.reviews),
        "product_quality": lambda: truth.quality_columns(world.goods),
    }


def _product_columns(goods: Goods) -> dict[str, object]:
    by_id = np.argsort(goods.key)

    def sorted_texts(values: list[str]) -> pa.Array:
        return columns.texts(np.array(values, dtype=object)[by_id])

    return {
        "product_id": goods.key[by_id],
        "name": sorted_texts(goods.name_en),
        "name_zh": sorted_texts(goods.name_zh),
        "description": sorted_texts(goods.description_en),
        "description_zh": sorted_texts(goods.description_zh),
        "category": sorted_texts([path.split(" > ")[0] for path in goods.path]),
        "category_path": sorted_texts(goods.path),
        "category_path_zh": sorted_texts(goods.path_zh),
        "brand": sorted_texts(goods.brand),
        "price": columns.money(goods.cents[by_id]),
    }


def _order_columns(world: World) -> dict[str, object]:
    orders, lines = world.orders, world.lines
    return {
        "order_id": orders.key[lines.order],
        "line": lines.line,
        "customer_id": world.people.key[orders.owner[lines.order]],
        "ordered_at": columns.moments(lines.second),
        "product_id": world.goods.key[lines.product],
        "quantity": lines.quantity,
        "unit_price": columns.money(world.goods.cents[lines.product]),
        "discount": columns.hundredths(lines.discount),
        "amount": columns.money(lines.cents),
        "channel": columns.named(orders.channel[lines.order], CHANNELS),
        "payment": columns.named(orders.payment[lines.order], PAYMENTS),
        "wrapping": columns.named(orders.gift[lines.order].astype(np.int64), WRAPPINGS),
    }


def _visit_columns(world: World) -> dict[str, object]:
    visits = world.visits
    return {
        "visit_id": 1 + visits.visit,
        "step": visits.step,
        "customer_id": world.people.key[visits.owner],
        "at": columns.moments(visits.second),
        "event": columns.named(visits.event, EVENTS),
        "product_id": columns.numbers(world.goods.key[visits.product], visits.product < 0),
        "query": columns.named(visits.query, SEARCHES),
        "device": columns.named(visits.device, DEVICES),
    }


def _review_columns(world: World) -> dict[str, object]:
    reviews = world.reviews
    return {
        "review_id": truth.review_ids(reviews),
        "customer_id": world.people.key[reviews.owner],
        "at": columns.moments(reviews.second),
        "product_id": world.goods.key[reviews.product],
        "rating": reviews.rating,
        "language": columns.named(reviews.language, LANGUAGES),
        "text": columns.texts(reviews.text),
    }


def _friend_columns(people: People, seed: int) -> dict[str, object]:
    person, friend, weight = friendships(people, seed)
    return {"customer_id": people.key[person], "friend_id": people.key[friend], "weight": weight}


def _response_columns(world: World) -> dict[str, object]:
    sends, responses = world.sends, world.responses
    return {
        "campaign_id": columns.named(sends.campaign[responses.send], truth.campaign_ids()),
        "customer_id": world.people.key[sends.owner[responses.send]],
        "at": columns.moments(responses.second),
        "event": columns.named(responses.step, STEPS),
        "arm": columns.named(sends.treated[responses.send].astype(np.int64), ARMS),
    }
