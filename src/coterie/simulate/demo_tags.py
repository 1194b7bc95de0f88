"""The tags by which a demo finds the shop's planted segments: plain definitions that any tag builder can carry out.

What they have in common: each is a share, an average or a ratio, so it does not grow with the time someone has been a
customer. Recency, frequency and total spending do; they say how long and how alive a customer is, which runs across all
segments here, and a clustering on them finds that instead.

`DEMO_SEGMENT_TAGS` are for the clustering; `DEMO_HELPER_TAGS` are counted first and stand in the formulas of the others.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Measure = Literal["count", "sum", "avg", "distinct", "share"]


class Condition(NamedTuple):
    """A row counts if its field, or a part of a moment in local time (`hour` 0-23, `weekday` 1 Monday-7 Sunday), compares so.

    `op` is `eq`, `gt`, `gte`, `lt` or `in`.
    """

    field: str
    op: Literal["eq", "gt", "gte", "lt", "in"]
    value: float | str | bool | tuple[int, ...]
    part: Literal["hour", "weekday"] | None = None


class DemoTag(NamedTuple):
    """One tag: either an aggregate over a dataset's rows of all time, or a formula over other tags.

    where : all of these must hold for a row to be looked at.
    share_of : for the measure `share`, the condition whose share is taken among the rows looked at.
    formula : tag names in braces, `+ - * / log`; missing if any part is missing or a divisor is 0.
    """

    name: str
    label_en: str
    label_zh: str
    words: str
    dataset: Literal["orders", "visits"] | None = None
    measure: Measure | None = None
    field: str | None = None
    where: tuple[Condition, ...] = ()
    share_of: Condition | None = None
    formula: str | None = None


BOUGHT = (Condition("amount", "gte", 0),)
NIGHT_HOURS = (21, 22, 23, 0, 1, 2, 3, 4)
OFFICE_HOURS = tuple(range(9, 17))
WEEKEND = (6, 7)

DEMO_HELPER_TAGS: tuple[DemoTag, ...] = (
    DemoTag(
        "shop.orders", "Orders", "订单数", "distinct orders with a purchase (as rfm.frequency)", "orders", "distinct", "order_id", BOUGHT
    ),
    DemoTag("shop.lines", "Order lines", "订单行数", "purchase lines", "orders", "count", None, BOUGHT),
    DemoTag("shop.spent", "Spent", "消费额", "sum of amounts of purchase lines", "orders", "sum", "amount", BOUGHT),
    DemoTag("shop.visits", "Visits", "访问次数", "distinct visits to web shop and app", "visits", "distinct", "visit_id"),
)

DEMO_SEGMENT_TAGS: tuple[DemoTag, ...] = (
    DemoTag(
        "shop.basket_value", "Average basket", "客单价", "spent per order", formula="{shop.spent} / {shop.orders}"
    ),
    DemoTag(
        "shop.basket_lines", "Lines per order", "每单行数", "purchase lines per order", formula="{shop.lines} / {shop.orders}"
    ),
    DemoTag("shop.units", "Units per line", "每行件数", "average quantity of purchase lines", "orders", "avg", "quantity", BOUGHT),
    DemoTag("shop.list_price", "Average price", "均价", "average list price of purchase lines", "orders", "avg", "unit_price", BOUGHT),
    DemoTag(
        "shop.discount_share", "Bought at a discount", "折扣占比", "share of purchase lines with a discount",
        "orders", "share", None, BOUGHT, Condition("discount", "gt", 0),
    ),
    DemoTag(
        "shop.gift_share", "Bought as a gift", "送礼占比", "share of purchase lines in gift wrapping",
        "orders", "share", None, BOUGHT, Condition("wrapping", "eq", "gift"),
    ),
    DemoTag(
        "shop.night_share", "Bought at night", "夜间占比", "share of purchase lines from 21:00 to 05:00",
        "orders", "share", None, BOUGHT, Condition("ordered_at", "in", NIGHT_HOURS, "hour"),
    ),
    DemoTag(
        "shop.weekend_share", "Bought at the weekend", "周末占比", "share of purchase lines on Saturday or Sunday",
        "orders", "share", None, BOUGHT, Condition("ordered_at", "in", WEEKEND, "weekday"),
    ),
    DemoTag(
        "shop.app_share", "Bought in the app", "应用占比", "share of purchase lines ordered in the app",
        "orders", "share", None, BOUGHT, Condition("channel", "eq", "app"),
    ),
    DemoTag(
        "shop.store_share", "Bought in a store", "门店占比", "share of purchase lines ordered in a store",
        "orders", "share", None, BOUGHT, Condition("channel", "eq", "store"),
    ),
    DemoTag(
        "shop.search_share", "Searching", "搜索占比", "share of visit steps that are searches",
        "visits", "share", None, (), Condition("event", "eq", "searched"),
    ),
    DemoTag(
        "shop.visits_per_order", "Visits per order", "每单访问次数", "visits per order", formula="{shop.visits} / {shop.orders}"
    ),
)  # fmt: skip
