"""A plain marketing action for each segment, from what sets it apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from coterie.learn.segments.names import Labels, label_of
from coterie.learn.segments.profile import Profile, Trait
from coterie.learn.segments.words import Text

_NOTABLE = 0.3  # standard deviations from everybody


class _Sign(NamedTuple):
    """A pattern of the last part of a column's name, and what it tells."""

    pattern: str
    tells: str


_SIGNS = (
    _Sign(r"recency(_days)?|days_since(_.*)?|inactive_days", "absence"),
    _Sign(r"frequency|orders|order_count|purchases|visits", "frequency"),
    _Sign(r"monetary|revenue|spend|spending|sales|total_spend|amount", "money"),
    _Sign(r"tenure(_days|_months)?|age_of_account", "tenure"),
    _Sign(r"basket|basket_value|average_order_value|aov", "basket"),
    _Sign(r"discount.*|deals?|num_?deals.*|coupon.*|promo.*", "discount"),
)

_TABLE: tuple[tuple[dict[str, int], Text], ...] = (
    (
        {"absence": 1, "money": 1},
        Text(
            "Win back in person: ask why they stay away, make one good offer.",
            "专人挽回：了解流失原因，给出一次有力的优惠。",
        ),
    ),
    (
        {"absence": 1, "frequency": 1},
        Text("Remind them of what they used to buy, before they are gone.", "提醒其常购商品，趁尚未流失及时唤回。"),
    ),
    (
        {"absence": 1},
        Text(
            "One cheap reminder; then spend nothing more on those who do not answer.",
            "发一次低成本提醒；无响应者不再投入。",
        ),
    ),
    (
        {"money": 1, "frequency": 1},
        Text("Look after them: early access and service, no discounts.", "重点维护：优先体验与专属服务，无需打折。"),
    ),
    (
        {"basket": 1, "frequency": -1},
        Text(
            "Give a reason to come between large orders: refills, accessories.",
            "在大单之间创造复购理由：补充装、配件。",
        ),
    ),
    ({"money": 1}, Text("Keep them: a named contact and first choice of stock.", "稳住大客户：专人对接、优先供货。")),
    (
        {"frequency": 1, "money": -1},
        Text("Raise the basket: bundles and a threshold for free delivery.", "提升客单价：组合装、满额包邮。"),
    ),
    (
        {"frequency": 1},
        Text("Reward loyalty with points and first news, not with price.", "以积分和新品优先回馈忠诚，而非降价。"),
    ),
    (
        {"absence": -1, "frequency": -1},
        Text("Welcome them and prompt the second purchase within weeks.", "做好欢迎，几周内促成第二单。"),
    ),
    (
        {"discount": 1},
        Text("Sell by offer, and watch the margin of each.", "以促销沟通，并关注每单利润。"),
    ),
    (
        {"money": -1},
        Text("Serve by the cheapest channel; test one cross-sell.", "用低成本渠道服务；试做一次交叉销售。"),
    ),
    ({"tenure": -1}, Text("Explain the range; make the first months easy.", "介绍全线产品，做好最初几个月的引导。")),
)
_HIGH = Text("Offer more around {label}: it is what they stand out by.", "围绕“{label}”提供更多：这是该群的突出之处。")
_LOW = Text("Test an offer for {label}: they use it less than others.", "就“{label}”试做推广：该群明显低于其他客户。")
_PLAIN = Text("Treat as everybody; nothing sets them apart much.", "按普通客户对待；没有明显特点。")


def suggested_actions(profile: Profile, labels: Labels) -> tuple[Text, ...]:
    """One action per segment, in the profile's order: the first row of the table whose signs the segment shows, else
    what it stands out by most.

    A sign counts from .3 standard deviations off all entities.
    """
    return tuple(_action(profile.traits, j, labels) for j in range(len(profile.sizes)))


def _action(traits: Sequence[Trait], j: int, labels: Labels) -> Text:
    shown: dict[str, int] = {}
    for trait in traits:
        sign = next((s.tells for s in _SIGNS if re.fullmatch(s.pattern, _last(trait.column))), None)
        if sign and trait.kind == "number" and abs(trait.difference[j]) >= _NOTABLE:
            shown.setdefault(sign, 1 if trait.difference[j] > 0 else -1)
    for wanted, action in _TABLE:
        if all(shown.get(sign) == way for sign, way in wanted.items()):
            return action
    best = max(traits, key=lambda t: abs(t.difference[j]), default=None)
    if best is None or abs(best.difference[j]) < _NOTABLE:
        return _PLAIN
    form = _HIGH if best.difference[j] > 0 else _LOW
    en, zh = (label_of(best.column, language, labels) for language in ("en", "zh"))
    return Text(form.en.format(label=en), form.zh.format(label=zh))


def _last(column: str) -> str:
    return column.rsplit(".", 1)[-1].lower()
