"""The tags by which a demo finds the shop's planted segments, in words of the tag definitions: measure, field, filter.

Every one is a share, an average or a ratio, so it does not grow with the time someone has been a customer. Recency,
frequency and total spending do: they tell how long and how alive a customer is, which here runs across all segments.

`DEMO_SEGMENT_TAGS` are the names to cluster by. `DEMO_TAGS` defines them, first the helpers that stand in formulas.
All windows are the whole past. Filters take purchase lines alone (`amount >= 0`): what is sent back counts once.
"""

from __future__ import annotations

from typing import NamedTuple


class DemoTag(NamedTuple):
    """One tag: an aggregate over a dataset's rows, or a formula over other tags.

    measure, of, where, among : as in a tag definition; `where` of the measure `share` says which rows are counted,
        `among` the rows of which the share is taken.
    formula : an expression over tags; missing where a part is missing or the divisor is 0.
    """

    name: str
    label_en: str
    label_zh: str
    description_en: str
    description_zh: str
    unit: str
    dataset: str | None = None
    measure: str | None = None
    of: str | None = None
    where: str | None = None
    among: str | None = None
    formula: str | None = None

    def document(self) -> dict[str, object]:
        """The definition as a document, as it stands in YAML.

        >>> DEMO_TAGS[1].document()["aggregate"]
        {'dataset': 'orders', 'measure': 'count', 'where': 'amount >= 0'}
        """
        parts = ("dataset", "measure", "of", "where", "among")
        made = {part: value for part in parts if (value := getattr(self, part)) is not None}
        return {
            "name": self.name,
            "label": {"en": self.label_en, "zh": self.label_zh},
            "description": {"en": self.description_en, "zh": self.description_zh},
            "category": ["Shop"],
            "unit": self.unit,
            **({"formula": self.formula} if self.formula else {"aggregate": made}),
        }


BOUGHT = "amount >= 0"


def _of_purchases(tag: DemoTag) -> DemoTag:
    """The same tag over purchase lines alone."""
    return tag._replace(dataset="orders", **{"among" if tag.measure == "share" else "where": BOUGHT})


_HELPERS: tuple[DemoTag, ...] = (
    _of_purchases(
        DemoTag(
            name="shop.orders", label_en="Orders", label_zh="订单数", unit="orders",
            description_en="Distinct orders with a purchase.", description_zh="有购买行的不同订单数。",
            measure="distinct", of="order_id",
        )
    ),
    _of_purchases(
        DemoTag(
            name="shop.lines", label_en="Order lines", label_zh="订单行数", unit="lines",
            description_en="Purchase lines.", description_zh="购买行数。",
            measure="count",
        )
    ),
    _of_purchases(
        DemoTag(
            name="shop.spent", label_en="Spent", label_zh="消费额", unit="money",
            description_en="Sum of the amounts of purchase lines.", description_zh="购买行金额之和。",
            measure="sum", of="amount",
        )
    ),
    DemoTag(
        name="shop.visits", label_en="Visits", label_zh="访问次数", unit="visits",
        description_en="Distinct visits to web shop and app.", description_zh="网站与应用的不同访问次数。",
        dataset="visits", measure="distinct", of="visit_id",
    ),
)  # fmt: skip

_CLUSTERED: tuple[DemoTag, ...] = (
    DemoTag(
        name="shop.basket_value", label_en="Average basket", label_zh="客单价", unit="money",
        description_en="Spent per order.", description_zh="平均每单消费额。",
        formula="shop.spent / shop.orders",
    ),
    DemoTag(
        name="shop.basket_lines", label_en="Lines per order", label_zh="每单行数", unit="lines",
        description_en="Purchase lines per order.", description_zh="平均每单购买行数。",
        formula="shop.lines / shop.orders",
    ),
    _of_purchases(
        DemoTag(
            name="shop.units", label_en="Units per line", label_zh="每行件数", unit="units",
            description_en="Average quantity of purchase lines.", description_zh="购买行的平均件数。",
            measure="avg", of="quantity",
        )
    ),
    _of_purchases(
        DemoTag(
            name="shop.list_price", label_en="Average list price", label_zh="平均标价", unit="money",
            description_en="Average list price of purchase lines.", description_zh="购买行的平均标价。",
            measure="avg", of="unit_price",
        )
    ),
    _of_purchases(
        DemoTag(
            name="shop.discount_share", label_en="Discount share", label_zh="折扣占比", unit="share",
            description_en="Share of purchase lines with a discount.", description_zh="有折扣的购买行占比。",
            measure="share", where="discount > 0",
        )
    ),
    _of_purchases(
        DemoTag(
            name="shop.gift_share", label_en="Gift share", label_zh="送礼占比", unit="share",
            description_en="Share of purchase lines in gift wrapping.", description_zh="礼品包装的购买行占比。",
            measure="share", where='wrapping == "gift"',
        )
    ),
    _of_purchases(
        DemoTag(
            name="shop.night_share", label_en="Night share", label_zh="夜间占比", unit="share",
            description_en="Share of purchase lines from 21:00 to 05:00.", description_zh="21点至5点的购买行占比。",
            measure="share", where="hour(ordered_at) >= 21 or hour(ordered_at) < 5",
        )
    ),
    _of_purchases(
        DemoTag(
            name="shop.weekend_share", label_en="Weekend share", label_zh="周末占比", unit="share",
            description_en="Share of purchase lines on Saturday or Sunday.", description_zh="周六日的购买行占比。",
            measure="share", where="weekday(ordered_at) >= 6",
        )
    ),
    _of_purchases(
        DemoTag(
            name="shop.app_share", label_en="App share", label_zh="应用占比", unit="share",
            description_en="Share of purchase lines ordered in the app.", description_zh="在应用下单的购买行占比。",
            measure="share", where='channel == "app"',
        )
    ),
    _of_purchases(
        DemoTag(
            name="shop.store_share", label_en="Store share", label_zh="门店占比", unit="share",
            description_en="Share of purchase lines bought in a store.", description_zh="在门店购买的购买行占比。",
            measure="share", where='channel == "store"',
        )
    ),
    DemoTag(
        name="shop.search_share", label_en="Search share", label_zh="搜索占比", unit="share",
        description_en="Share of the steps of visits that are searches.", description_zh="访问步骤中搜索的占比。",
        dataset="visits", measure="share", where='event == "searched"',
    ),
    DemoTag(
        name="shop.visits_per_order", label_en="Visits per order", label_zh="每单访问次数", unit="visits",
        description_en="Visits per order.", description_zh="平均每单的访问次数。",
        formula="shop.visits / shop.orders",
    ),
)  # fmt: skip

DEMO_TAGS: tuple[DemoTag, ...] = _HELPERS + _CLUSTERED
"""All definitions, in an order in which each comes after those it needs."""

DEMO_SEGMENT_TAGS: tuple[str, ...] = tuple(tag.name for tag in _CLUSTERED)
"""The names to give to `segment fit --tags`."""
