"""The six kinds of shopper that live in the simulated world: the truth that clustering has to find.

No kind stands alone in any one behaviour. Bargain hunters and night browsers both look around a lot; regulars and
wholesale buyers both come often; families and wholesale buyers both fill large baskets; gift buyers and night browsers
both pay well for one thing. What tells the kinds apart is the combination, and persons differ within each kind.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """One kind of shopper. Fractions are between 0 and 1; each person's own value scatters around them."""

    name: str
    label_en: str
    label_zh: str
    share: float  # of the shop's customers
    orders_per_year: float  # while alive, in an average season
    lines_per_order: float
    units_per_line: float  # median
    price_level: float  # natural logarithm of (price paid for / price typical of the category)
    discounted: float  # fraction of order lines bought at a discount
    night: float  # fraction of orders from 21:00 to 05:00
    office: float  # fraction of the other orders from 09:00 to 17:00 (else morning and evening)
    weekend: float  # fraction of orders on Saturday and Sunday
    app: float  # fraction of orders through the app
    store: float  # fraction of the other orders in a store (else the web)
    gift: float  # fraction of orders with gift wrapping
    refund: float  # fraction of order lines sent back
    visits_per_order: float
    search: float  # fraction of the steps of a visit that are searches
    lapses_per_year: float  # hazard of leaving for good
    festive: float  # how strongly gift seasons move the orders
    mail_lift: float  # chance that an opened offer brings an order that would not have come
    mail_harm: float  # chance that an opened offer keeps a planned order away
    focus: float  # concentration of interests: small is one love, large is a little of everything
    likes: tuple[str, ...]  # categories liked more than others


SEGMENTS: tuple[Segment, ...] = (
    Segment(
        "bargain_hunter",
        "Bargain hunters",
        "特价猎手",
        share=0.25,
        orders_per_year=6.2,
        lines_per_order=2.0,
        units_per_line=1.25,
        price_level=-0.5,
        discounted=0.75,
        night=0.3,
        office=0.35,
        weekend=0.33,
        app=0.42,
        store=0.14,
        gift=0.05,
        refund=0.05,
        visits_per_order=2.8,
        search=0.42,
        lapses_per_year=0.45,
        festive=0.3,
        mail_lift=0.20,
        mail_harm=0.0,
        focus=4.0,
        likes=("fashion", "beauty"),
    ),
    Segment(
        "loyal_regular",
        "Loyal regulars",
        "忠实常客",
        share=0.21,
        orders_per_year=11.5,
        lines_per_order=1.7,
        units_per_line=1.3,
        price_level=0.05,
        discounted=0.17,
        night=0.08,
        office=0.55,
        weekend=0.15,
        app=0.22,
        store=0.5,
        gift=0.05,
        refund=0.02,
        visits_per_order=0.4,
        search=0.06,
        lapses_per_year=0.22,
        festive=0.2,
        mail_lift=0.01,
        mail_harm=0.0,
        focus=1.0,
        likes=("food", "books"),
    ),
    Segment(
        "family_basket",
        "Big-basket families",
        "大篮家庭",
        share=0.18,
        orders_per_year=6.0,
        lines_per_order=4.0,
        units_per_line=2.0,
        price_level=-0.1,
        discounted=0.38,
        night=0.08,
        office=0.45,
        weekend=0.77,
        app=0.32,
        store=0.26,
        gift=0.08,
        refund=0.04,
        visits_per_order=1.0,
        search=0.14,
        lapses_per_year=0.28,
        festive=0.4,
        mail_lift=0.07,
        mail_harm=0.0,
        focus=9.0,
        likes=("baby", "home", "food"),
    ),
    Segment(
        "night_browser",
        "Night-owl app browsers",
        "夜猫应用党",
        share=0.16,
        orders_per_year=6.4,
        lines_per_order=1.4,
        units_per_line=1.1,
        price_level=0.15,
        discounted=0.24,
        night=0.8,
        office=0.30,
        weekend=0.4,
        app=0.9,
        store=0.04,
        gift=0.06,
        refund=0.11,
        visits_per_order=2.2,
        search=0.1,
        lapses_per_year=0.5,
        festive=0.2,
        mail_lift=0.0,
        mail_harm=0.45,
        focus=3.0,
        likes=("electronics", "fashion", "sports"),
    ),
    Segment(
        "gift_buyer",
        "Gift buyers",
        "送礼客",
        share=0.12,
        orders_per_year=4.2,
        lines_per_order=1.6,
        units_per_line=1.15,
        price_level=0.5,
        discounted=0.2,
        night=0.18,
        office=0.40,
        weekend=0.4,
        app=0.26,
        store=0.25,
        gift=0.74,
        refund=0.03,
        visits_per_order=1.3,
        search=0.34,
        lapses_per_year=0.32,
        festive=1.6,
        mail_lift=0.12,
        mail_harm=0.0,
        focus=4.0,
        likes=("beauty", "books"),
    ),
    Segment(
        "wholesale_buyer",
        "Wholesale buyers",
        "批发买家",
        share=0.08,
        orders_per_year=9.0,
        lines_per_order=3.2,
        units_per_line=11.0,
        price_level=-0.3,
        discounted=0.46,
        night=0.03,
        office=0.90,
        weekend=0.05,
        app=0.08,
        store=0.12,
        gift=0.03,
        refund=0.015,
        visits_per_order=0.4,
        search=0.2,
        lapses_per_year=0.18,
        festive=0.1,
        mail_lift=0.0,
        mail_harm=0.20,
        focus=6.0,
        likes=("food", "books", "home"),
    ),
)

NAMES: tuple[str, ...] = tuple(s.name for s in SEGMENTS)
