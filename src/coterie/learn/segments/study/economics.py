"""What segments are worth, from numbers that somebody gave: revenue, margin, cost to serve, profit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.errors import Refused, unknown_name
from coterie.learn.segments.columns import as_numbers
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.study.intervals import Interval, mean_interval

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Margins:
    """What the caller knows of the business; money is in the workspace's currency, per customer and period.

    Raises Refused `bad_argument`: a margin that is no fraction, or a negative cost.

    >>> Margins(revenue="monetary", margin=30)
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_argument` at `margin`: The margin is 30. Give a fraction of revenue, such as .3.
    """

    revenue: str = ""  # column of revenue per customer
    margin: float | None = None  # fraction of revenue that is left after the goods are paid
    orders: str = ""  # column of orders per customer; needed for `cost_per_order`
    cost_per_order: float = 0.0
    cost_per_customer: float = 0.0
    contact_cost: float | None = None  # of reaching one customer once
    response_value: float | None = None  # profit of one response, before the cost of contact

    def __post_init__(self) -> None:
        if self.margin is not None and not -1 <= self.margin <= 1:
            said = f"The margin is {self.margin:g}."
            raise Refused("bad_argument", said, place="margin", fix="Give a fraction of revenue, such as .3.")
        for name in ("cost_per_order", "cost_per_customer", "contact_cost"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise Refused("bad_argument", f"{name} is {value:g}.", place=name, fix="Give 0 or more.")


class SegmentEconomics(NamedTuple):
    """Money of one segment: per customer with intervals, and in all."""

    id: int
    customers: int
    revenue: Interval  # per customer
    cost_to_serve: Interval  # per customer
    profit: Interval  # per customer
    profit_in_all: float
    share: float  # of the profit of all; NaN where that is not above 0


@dataclass(frozen=True)
class Economics:
    """Segments from the most to the least profitable customer, and what the figures rest on."""

    given: Margins
    segments: tuple[SegmentEconomics, ...]
    revenue: float
    profit: float

    def of(self, segment: int) -> SegmentEconomics:
        """The figures of one segment."""
        return next(s for s in self.segments if s.id == segment)


def economics(
    frame: pd.DataFrame, labels: Ints, ids: Sequence[int], given: Margins | None, seed: int
) -> Economics | NotApplicable:
    """Profit of each customer = revenue x margin - orders x cost per order - cost per customer, by segment.

    frame : holds the columns that `given` names; missing counts 0. labels : the id of each row's segment

    Raises Refused `unknown_name` (a column that is not there), `bad_argument` (cost per order without orders).

    >>> frame = pd.DataFrame({"spend": [100.0, 200.0, 10.0, 30.0], "orders": [1, 2, 1, 1]})
    >>> given = Margins("spend", 0.5, "orders", cost_per_order=10)
    >>> found = economics(frame, np.array([1, 1, 2, 2]), (1, 2), given, seed=0)
    >>> [(s.id, s.profit.value, s.profit_in_all) for s in found.segments]
    [(1, 60.0, 120.0), (2, 0.0, 0.0)]
    """
    if given is None or not given.revenue:
        return NotApplicable("no_revenue")
    if given.margin is None:
        return NotApplicable("no_margin")
    if given.cost_per_order and not given.orders:
        said = "A cost per order needs the number of orders."
        raise Refused("bad_argument", said, place="orders", fix="Name the column of orders per customer.")
    revenue = _column(frame, given.revenue, "revenue")
    orders = _column(frame, given.orders, "orders") if given.orders else np.zeros(len(frame))
    cost = orders * given.cost_per_order + given.cost_per_customer
    profit = revenue * given.margin - cost
    total = float(profit.sum())
    rows = [_segment(i, labels == i, revenue, cost, profit, total, seed) for i in ids]
    rows.sort(key=lambda s: (-s.profit.value, s.id))
    return Economics(given, tuple(rows), float(revenue.sum()), total)


def _segment(
    segment: int,
    member: npt.NDArray[np.bool_],
    revenue: Floats,
    cost: Floats,
    profit: Floats,
    total: float,
    seed: int,
) -> SegmentEconomics:
    earned, spent, left = (mean_interval(values[member], seed + segment) for values in (revenue, cost, profit))
    own = float(profit[member].sum())
    share = own / total if total > 0 else float("nan")
    return SegmentEconomics(segment, int(member.sum()), earned, spent, left, own, share)


def acting(given: Margins | None, response: Interval, customers: int) -> Interval | None:
    """What contacting all of a segment once brings in, less what it costs; None where that cannot be told.

    response : share that responds. It counts every response, also those that would have come without the contact.

    >>> acting(Margins(contact_cost=1.0, response_value=20.0), Interval(0.1, 0.05, 0.15), 1000)
    Interval(value=1000.0, low=0.0, high=2000.0)
    """
    if given is None or given.contact_cost is None or given.response_value is None:
        return None
    return response.times(customers * given.response_value, plus=-customers * given.contact_cost)


def _column(frame: pd.DataFrame, name: str, place: str) -> Floats:
    if name not in frame.columns:
        raise unknown_name("column", name, [str(c) for c in frame.columns], place=place)
    return np.nan_to_num(as_numbers(frame[name]))
