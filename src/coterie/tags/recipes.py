"""Recipes: a name and a few options that make a whole set of tag definitions.

A recipe is a macro: what it makes are plain definitions, which can be read, changed and built like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from coterie.catalog.schemas import Dataset, DatasetKind, RecipeUse
from coterie.errors import NotFound, Refused, did_you_mean, unknown_name
from coterie.rules.vocabulary import Vocabulary

Document = dict[str, Any]
_WORD = re.compile(r"[^\W\d]\w*")


class Option(NamedTuple):
    """One option of a recipe; without a default it must be given."""

    name: str
    help: str
    default: Any = None
    required: bool = False


@dataclass(frozen=True)
class Recipe:
    """A recipe: what it is for, its options, and how it makes documents of tags."""

    name: str
    en: str
    zh: str
    options: tuple[Option, ...]
    make: Callable[[Kit], list[Document]]
    kinds: tuple[DatasetKind, ...] = (DatasetKind.EVENTS,)


@dataclass(frozen=True)
class Kit:
    """What a recipe works with: the prefix of its tags, its options, the dataset it reads."""

    prefix: str
    options: Mapping[str, Any]
    dataset: Dataset
    recipe: str

    def option(self, name: str) -> Any:
        """The value of an option, None where it was not given."""
        return self.options.get(name)

    def expression(self, name: str) -> str:
        """An option that is an expression; a field's bare name may have spaces and signs."""
        text = str(self.options[name])
        return quoted(text) if self.dataset.field(text) is not None else text

    @property
    def time(self) -> str:
        """The field with the time of a row. Raises Refused: the dataset has none."""
        if self.dataset.time is None:
            fix = "Import it again with --time COLUMN."
            raise Refused("bad_definition", f'"{self.dataset.name}" has no time.', place=self.recipe, fix=fix)
        return quoted(self.dataset.time)

    @property
    def refund(self) -> str:
        """Which rows are refunds: the option, else a negative amount; missing is no."""
        given = self.expression("refund") if self.option("refund") else f"({self.expression('amount')}) < 0"
        return f"coalesce({given}, false)"

    @property
    def purchase(self) -> str:
        """Which rows are purchases: those that are no refund; an amount of zero counts."""
        return f"not {self.refund}"

    def under(self, prefix: str, **options: Any) -> Kit:
        """The same dataset for another recipe."""
        return Kit(prefix, {**self.options, **options}, self.dataset, self.recipe)

    def tag(self, name: str, en: str, zh: str, *, unit: str | None = None, about: str = "", **spec: Any) -> Document:
        """The document of a tag."""
        body: Document = {"name": f"{self.prefix}.{name}", "family": self.prefix, "recipe": self.recipe}
        body |= {"label": {"en": en, "zh": zh}, "category": [self.prefix], "entity_kind": self.dataset.entity_kind}
        if about:
            body["description"] = {"en": about, **({"zh": ABOUT_ZH[about]} if about in ABOUT_ZH else {})}
        return body | ({"unit": unit} if unit else {}) | spec

    def rows(
        self, name: str, measure: str, en: str, zh: str, *, unit: str | None = None, about: str = "", **of: Any
    ) -> Document:
        """The document of an aggregate over the dataset's rows."""
        parts = {"dataset": self.dataset.name, "measure": measure, **{k: v for k, v in of.items() if v is not None}}
        return self.tag(name, en, zh, unit=unit, about=about, aggregate=parts)


# What is said of tags, in Chinese.
ABOUT_ZH: Mapping[str, str] = {
    "different orders with a purchase": "有购买的不同订单数",
    "purchases; every row is an order, as none was named": "购买次数；未指定订单号，每行计为一单",
    "sum of all amounts, refunds included": "全部金额合计，含退款",
    "scores of recency, frequency and money one after the other": "近度、频度、金额得分依次连写",
    "Monday 1 to Sunday 7": "周一为 1，周日为 7",
    "0 to 23, local time": "当地时间 0 至 23 时",
    "from 21:00 to 05:00, local time": "当地时间 21:00 至次日 05:00",
    "how much of the income of 90 days was spent: under 80% low, under 100% medium": (
        "近 90 天支出占收入的比例：低于 80% 为低，低于 100% 为中"
    ),
}


def quoted(name: str) -> str:
    """A field's name as an expression.

    >>> quoted("Quantity"), quoted("Unit Price")
    ('Quantity', '`Unit Price`')
    """
    return name if _WORD.fullmatch(name) else f"`{name}`"


def expand(use: RecipeUse, vocabulary: Vocabulary) -> list[Document]:
    """The documents of the tags that a recipe in use makes.

    Raises Refused: an option is missing or unknown, or the dataset does not fit. NotFound: recipe or dataset.
    """
    if use.recipe not in RECIPES:
        raise unknown_name("recipe", use.recipe, RECIPES, place="recipe")
    recipe = RECIPES[use.recipe]
    known = [o.name for o in recipe.options]
    for name in use.options:
        if name not in known:
            fix = did_you_mean(name, known) or f"It takes: {', '.join(known)}."
            raise Refused("bad_definition", f'The recipe {recipe.name} has no option "{name}".', place=use.id, fix=fix)
    for option in recipe.options:
        if option.required and not use.options.get(option.name):
            fix = f"{option.help[0].upper()}{option.help[1:]}."
            raise Refused("bad_definition", f"The recipe {recipe.name} needs `{option.name}`.", place=use.id, fix=fix)
    options = {o.name: use.options.get(o.name, o.default) for o in recipe.options}
    return recipe.make(Kit(use.id, options, _dataset(recipe, options, vocabulary), use.id))


def _dataset(recipe: Recipe, options: Mapping[str, Any], vocabulary: Vocabulary) -> Dataset:
    first = recipe.options[0].name
    try:
        dataset = vocabulary.dataset(str(options[first]))
    except NotFound as error:
        raise NotFound(error.code, error.message, place=first, fix=error.fix) from None
    if dataset.kind not in recipe.kinds:
        said = f'"{dataset.name}" holds {dataset.kind}; the recipe {recipe.name} reads {" or ".join(recipe.kinds)}.'
        raise Refused("bad_definition", said, place=first, fix="Name another dataset.")
    return dataset


# ---------------------------------------------------------------- RFM


class Group(NamedTuple):
    """A named group of RFM cells: its condition on r and the sum of f and m."""

    key: str
    r: range
    fm: range
    en: str
    zh: str


_FM = range(2, 11)
# The first that fits counts. The order and the names are those commonly used for RFM cells.
GROUPS = (
    Group("champions", range(4, 6), range(8, 11), "Champions", "重要价值客户"),
    Group("loyal", range(3, 6), range(6, 11), "Loyal", "忠诚客户"),
    Group("potential", range(4, 6), range(4, 6), "Potential loyalists", "潜力客户"),
    Group("new", range(4, 6), _FM, "New customers", "新客户"),
    Group("attention", range(3, 4), _FM, "Need attention", "需要关注"),
    Group("cannot_lose", range(1, 3), range(8, 11), "Cannot lose them", "不可流失客户"),
    Group("at_risk", range(1, 3), range(5, 8), "At risk", "流失风险客户"),
    Group("asleep", range(2, 3), _FM, "About to sleep", "即将沉睡"),
    Group("lost", range(1, 2), _FM, "Lost", "已流失客户"),
)


def group_of(r: int, f: int, m: int) -> Group:
    """The named group of a cell.

    >>> group_of(5, 5, 4).en, group_of(1, 1, 1).zh
    ('Champions', '已流失客户')
    """
    return next(g for g in GROUPS if r in g.r and f + m in g.fm)


def _rfm(kit: Kit) -> list[Document]:
    name, amount = kit.prefix, kit.expression("amount")
    if kit.option("order"):
        frequency = {"measure": "distinct", "of": kit.expression("order"), "where": kit.purchase}
        about = "different orders with a purchase"
    else:
        frequency, about = (
            {"measure": "count", "where": kit.purchase},
            "purchases; every row is an order, as none was named",
        )
    scores = range(1, 6)
    cells = {f"{r}{f}{m}": group_of(r, f, m) for r in scores for f in scores for m in scores}
    tests = "".join(_group_test(name, g) for g in GROUPS[:-1]) + f'"{GROUPS[-1].key}"' + ")" * (len(GROUPS) - 1)
    return [
        kit.rows(
            "recency_days", "days_since", "Days since last purchase", "距上次购买天数",
            unit="days", where=kit.purchase,
        ),
        kit.rows("frequency", en="Orders", zh="购买次数", about=about, **frequency),
        kit.rows("monetary", "sum", "Spent", "消费金额", about="sum of all amounts, refunds included", of=amount),
        kit.tag("r", "Recency score", "近度得分", score={"tag": f"{name}.recency_days", "better": "low", "missing": 1}),
        kit.tag("f", "Frequency score", "频度得分", score={"tag": f"{name}.frequency"}),
        kit.tag("m", "Monetary score", "金额得分", score={"tag": f"{name}.monetary"}),
        kit.tag(
            "cell", "RFM cell", "RFM 分组", cell=[f"{name}.r", f"{name}.f", f"{name}.m"],
            about="scores of recency, frequency and money one after the other",
            levels={code: {"en": f"{code} {g.en}", "zh": f"{code} {g.zh}"} for code, g in cells.items()},
        ),
        kit.tag(
            "cell_name", "RFM group", "RFM 客群", formula=tests,
            levels={g.key: {"en": g.en, "zh": g.zh} for g in GROUPS},
        ),
    ]  # fmt: skip


def _group_test(name: str, group: Group) -> str:
    r, fm = f"{name}.r", f"{name}.f + {name}.m"
    parts = [
        f"{r} >= {group.r.start}",
        f"{r} <= {group.r.stop - 1}",
        f"{fm} >= {group.fm.start}",
        f"{fm} <= {group.fm.stop - 1}",
    ]
    return f'if({" and ".join(parts)}, "{group.key}", '


# ---------------------------------------------------------------- events


def _activity(kit: Kit) -> list[Document]:
    found = []
    for days in (30, 90, 365):
        within = f"{days}d"
        found.append(
            kit.rows(
                f"orders_{within}", "distinct" if kit.option("order") else "count", f"Orders in {days} days",
                f"近 {days} 天购买次数", where=kit.purchase, within=within,
                of=kit.expression("order") if kit.option("order") else None,
            )
        )  # fmt: skip
        of = kit.expression("amount")
        found.append(
            kit.rows(f"spent_{within}", "sum", f"Spent in {days} days", f"近 {days} 天消费", of=of, within=within)
        )
    of = kit.expression("amount")
    found.append(kit.rows("spent_decayed", "decayed_sum", "Spent, fading", "衰减消费额", of=of, half_life="90d"))
    found.append(kit.rows("trend", "trend", "Trend of amounts", "金额趋势", of=of, within="365d", unit="per day"))
    return found


def _lifecycle(kit: Kit) -> list[Document]:
    name, days = kit.prefix, {k: int(kit.options[k]) for k in ("new_days", "active_days", "dormant_days")}
    if not 0 < days["active_days"] < days["dormant_days"] or days["new_days"] <= 0:
        fix = "Let active_days be less than dormant_days, all over 0."
        raise Refused("bad_definition", "The stages overlap.", place=kit.recipe, fix=fix)
    stage = (
        f'if({name}.purchases == 0, "prospect", if({name}.first_days <= {days["new_days"]}, "new", '
        f'if({name}.last_days <= {days["active_days"]}, "active", '
        f'if({name}.last_days <= {days["dormant_days"]}, "dormant", "lost"))))'
    )
    levels = {
        "prospect": {"en": "Prospect", "zh": "潜在客户"},
        "new": {"en": "New", "zh": "新客户"},
        "active": {"en": "Active", "zh": "活跃客户"},
        "dormant": {"en": "Dormant", "zh": "沉睡客户"},
        "lost": {"en": "Lost", "zh": "流失客户"},
    }
    where = kit.purchase
    return [
        kit.rows("purchases", "count", "Purchase lines", "购买行数", where=where),
        kit.rows(
            "first_days", "days_since_first", "Days since first purchase", "距首次购买天数", where=where, unit="days"
        ),
        kit.rows("last_days", "days_since", "Days since last purchase", "距上次购买天数", where=where, unit="days"),
        kit.tag("stage", "Lifecycle stage", "生命周期阶段", formula=stage, levels=levels),
    ]


def _basket(kit: Kit) -> list[Document]:
    name, amount = kit.prefix, kit.expression("amount")
    order = kit.expression("order")
    found = [
        kit.rows("orders", "distinct", "Orders", "订单数", of=order, where=kit.purchase),
        kit.rows("lines", "count", "Order lines", "订单行数", where=kit.purchase),
        kit.rows("spent", "sum", "Spent on purchases", "购买金额", of=amount, where=kit.purchase),
        kit.tag("value", "Average order", "客单价", formula=f"{name}.spent / {name}.orders"),
        kit.tag("lines_per_order", "Lines per order", "每单行数", formula=f"{name}.lines / {name}.orders"),
        kit.rows("largest_line", "max", "Largest line", "最大单行金额", of=amount, where=kit.purchase),
    ]
    if kit.option("quantity"):
        found.append(kit.rows("pieces", "sum", "Pieces", "件数", of=kit.expression("quantity"), where=kit.purchase))
        found.append(
            kit.tag("pieces_per_order", "Pieces per order", "每单件数", formula=f"{name}.pieces / {name}.orders")
        )
    return found


def _preference(kit: Kit) -> list[Document]:
    of = kit.expression("category")
    where = kit.expression("where") if kit.option("where") else None
    return [
        kit.rows("favourite", "mode", "Favourite", "最常购买", of=of, where=where),
        kit.rows("latest", "last", "Latest", "最近购买", of=of, where=where),
        kit.rows("first", "first", "First", "首次购买", of=of, where=where),
        kit.rows("different", "distinct", "Different ones", "种类数", of=of, where=where),
    ]


def _habits(kit: Kit) -> list[Document]:
    time = kit.time
    night = f"hour({time}) >= 21 or hour({time}) < 5"
    return [
        kit.rows("weekday", "mode", "Usual weekday", "常购星期", of=f"weekday({time})", about="Monday 1 to Sunday 7"),
        kit.rows("hour", "mode", "Usual hour", "常购时段", of=f"hour({time})", about="0 to 23, local time"),
        kit.rows("weekend_share", "share", "Share at the weekend", "周末占比", where=f"weekday({time}) >= 6"),
        kit.rows(
            "night_share", "share", "Share at night", "夜间占比", where=night, about="from 21:00 to 05:00, local time"
        ),
    ]


def _tenure(kit: Kit) -> list[Document]:
    time = kit.time
    return [
        kit.rows("first_at", "min", "First seen", "首次时间", of=time),
        kit.rows("last_at", "max", "Last seen", "最近时间", of=time),
        kit.rows("days", "days_since_first", "Days since first seen", "客龄（天）", unit="days"),
        kit.rows(
            "active_days",
            "distinct",
            "Days with a row",
            "活跃天数",
            of=f'days_between("2000-01-01", {time})',
            unit="days",
        ),
    ]


def _refunds(kit: Kit) -> list[Document]:
    return [
        kit.rows("lines", "count", "Refunds", "退款行数", where=kit.refund),
        kit.rows("amount", "sum", "Refunded", "退款金额", of=kit.expression("amount"), where=kit.refund),
        kit.rows("share", "share", "Share of refunds", "退款占比", where=kit.refund),
        kit.rows("last_days", "days_since", "Days since last refund", "距上次退款天数", where=kit.refund, unit="days"),
    ]


# ---------------------------------------------------------------- starter sets


def _shop(kit: Kit) -> list[Document]:
    parts: list[tuple[str, Callable[[Kit], list[Document]]]] = [("rfm", _rfm), ("activity", _activity)]
    parts += [("lifecycle", _lifecycle), ("habits", _habits), ("tenure", _tenure), ("refunds", _refunds)]
    if kit.option("order"):
        parts.append(("basket", _basket))
    if kit.option("category"):
        parts.append(("preference", _preference))
    return [document for prefix, make in parts for document in make(kit.under(prefix, where=None))]


def _bank(kit: Kit) -> list[Document]:
    name, amount = kit.prefix, kit.expression("amount")
    spent, earned = f"({amount}) < 0", f"({amount}) > 0"
    found = []
    for days in (30, 90, 365):
        within = f"{days}d"
        found.append(
            kit.rows(
                f"spent_{within}",
                "sum",
                f"Spent in {days} days",
                f"近 {days} 天支出",
                of=f"-({amount})",
                where=spent,
                within=within,
            )
        )
        found.append(
            kit.rows(
                f"income_{within}",
                "sum",
                f"Received in {days} days",
                f"近 {days} 天收入",
                of=amount,
                where=earned,
                within=within,
            )
        )
    found.append(
        kit.rows("payments_30d", "count", "Payments in 30 days", "近 30 天支付次数", where=spent, within="30d")
    )
    found.append(kit.rows("last_days", "days_since", "Days since last transaction", "距上次交易天数", unit="days"))
    found.append(
        kit.rows(
            "spending_trend",
            "trend",
            "Trend of spending",
            "支出趋势",
            of=f"-({amount})",
            where=spent,
            within="365d",
            unit="per day",
        )
    )
    if kit.option("category"):
        found.append(
            kit.rows(
                "spends_on", "mode", "Spends most often on", "主要支出类别", of=kit.expression("category"), where=spent
            )
        )
    if kit.option("balance"):
        found += _assets(kit, str(kit.option("balance")))
    return found + _risk(kit, name)


def _assets(kit: Kit, balance: str) -> list[Document]:
    labels = {"basic": "基础", "mass": "大众", "affluent": "富裕", "private": "私人银行"}
    return [
        kit.tag("assets", "Assets", "资产", formula=quoted_tag(balance)),
        kit.tag(
            "asset_tier", "Asset tier", "资产等级",
            levels={k: {"en": k.capitalize(), "zh": zh} for k, zh in labels.items()},
            band={"tag": balance, "edges": list(kit.options["asset_edges"]), "labels": list(labels)},
        ),
    ]  # fmt: skip


def _risk(kit: Kit, name: str) -> list[Document]:
    levels = {
        "low": {"en": "Low", "zh": "低"},
        "medium": {"en": "Medium", "zh": "中"},
        "high": {"en": "High", "zh": "高"},
    }
    if kit.option("risk"):
        band = {"tag": str(kit.option("risk")), "edges": list(kit.options["risk_edges"]), "labels": list(levels)}
        return [kit.tag("risk_tier", "Risk tier", "风险等级", band=band, levels=levels)]
    share = kit.tag(
        "spent_share", "Spent of what came in", "支出收入比", formula=f"{name}.spent_90d / {name}.income_90d"
    )
    band = {"tag": f"{name}.spent_share", "edges": [0.8, 1], "labels": list(levels)}
    about = "how much of the income of 90 days was spent: under 80% low, under 100% medium"
    return [share, kit.tag("risk_tier", "Risk tier", "风险等级", band=band, levels=levels, about=about)]


def _b2b(kit: Kit) -> list[Document]:
    name, stage = kit.prefix, kit.expression("stage")
    won, lost = (f'{stage} == "{kit.options[k]}"' for k in ("won", "lost"))
    value = kit.expression("value")
    found = [
        kit.rows("deals", "count", "Deals", "商机数"),
        kit.rows("won", "count", "Deals won", "赢单数", where=won),
        kit.rows("lost", "count", "Deals lost", "输单数", where=lost),
        kit.rows("open", "count", "Deals open", "进行中商机数", where=f"not coalesce({won} or {lost}, false)"),
        kit.rows("won_value", "sum", "Value won", "赢单金额", of=value, where=won),
        kit.rows("average_deal", "avg", "Average deal won", "平均赢单金额", of=value, where=won),
        kit.tag("win_rate", "Win rate", "赢单率", formula=f"{name}.won / ({name}.won + {name}.lost)"),
        kit.rows("last_days", "days_since", "Days since the last deal", "距最近商机天数", unit="days"),
    ]
    if kit.option("product"):
        product = kit.expression("product")
        found.append(kit.rows("products", "distinct", "Products bought", "已购产品数", of=product, where=won))
        found.append(kit.rows("favourite", "mode", "Bought most often", "最常购买产品", of=product, where=won))
    if kit.option("agent"):
        found.append(kit.rows("agent", "last", "Latest agent", "最近销售代表", of=kit.expression("agent")))
    return found


def quoted_tag(name: str) -> str:
    """A tag's name as an expression; dots need no quotes.

    >>> quoted_tag("rfm.monetary"), quoted_tag("Annual Income")
    ('rfm.monetary', '`Annual Income`')
    """
    return name if all(_WORD.fullmatch(part) for part in name.split(".")) else f"`{name}`"


_EVENTS = Option("events", "the events dataset to read", required=True)
_AMOUNT = Option("amount", "money of a row: a field, or an expression such as Quantity * UnitPrice", required=True)
_ORDER = Option("order", "the field that tells orders apart; without it every row is an order")
_REFUND = Option("refund", "which rows are refunds, as a condition; without it those with a negative amount")
_CATEGORY = Option("category", "the field of categories, such as category or products.series")
_STAGES: Sequence[Option] = (
    Option("new_days", "how long after the first purchase a customer is new", 30),
    Option("active_days", "up to how long after the last purchase a customer is active", 90),
    Option("dormant_days", "up to how long after it a customer is dormant, not lost", 180),
)

RECIPES: Mapping[str, Recipe] = {
    r.name: r
    for r in (
        Recipe("rfm", "Recency, frequency and money, with scores and named cells", "RFM 模型",
               (_EVENTS, _AMOUNT, _ORDER, _REFUND), _rfm),
        Recipe("activity", "Orders and money in windows, fading and trend", "活跃度",
               (_EVENTS, _AMOUNT, _ORDER, _REFUND), _activity),
        Recipe("lifecycle", "The stage of a customer's life", "生命周期",
               (_EVENTS, _AMOUNT, _REFUND, *_STAGES), _lifecycle),
        Recipe("basket", "What an order holds", "购物篮", (
            _EVENTS, _AMOUNT, _ORDER._replace(required=True), _REFUND, Option("quantity", "pieces of a row")), _basket),
        Recipe("preference", "Favourite, latest and first category", "品类偏好", (
            _EVENTS, _CATEGORY._replace(required=True), Option("where", "only these rows, as a condition")),
            _preference),
        Recipe("habits", "Weekdays and hours, in the workspace's zone", "时间习惯", (_EVENTS,), _habits),
        Recipe("tenure", "First and last seen", "客龄", (_EVENTS,), _tenure),
        Recipe("refunds", "Refunds", "退款", (_EVENTS, _AMOUNT, _REFUND), _refunds),
        Recipe("shop", "A shop's first tags: all of the above", "零售入门标签", (
            _EVENTS, _AMOUNT, _ORDER, _REFUND, Option("quantity", "pieces of a row"), _CATEGORY, *_STAGES), _shop),
        Recipe("bank", "A bank's first tags: assets, spending, risk", "银行入门标签", (
            Option("transactions", "the events dataset with transactions", required=True),
            Option("amount", "money of a transaction, spending below 0", required=True), _CATEGORY,
            Option("balance", "the tag with what a customer has, such as a profile field"),
            Option("asset_edges", "where the asset tiers begin", (10_000, 100_000, 1_000_000)),
            Option("risk", "a tag with a risk score, higher is riskier; without it, spending against income"),
            Option("risk_edges", "where medium and high risk begin", (40, 70))), _bank),
        Recipe("b2b", "A business-to-business seller's first tags: deals of an account", "B2B 入门标签", (
            Option("deals", "the records dataset with deals", required=True),
            Option("value", "money of a deal", required=True),
            Option("stage", "the field with a deal's stage", required=True),
            Option("won", "the stage of a deal won", "Won"), Option("lost", "the stage of a deal lost", "Lost"),
            Option("product", "the field with the product"), Option("agent", "the field with the seller")),
            _b2b, (DatasetKind.RECORDS, DatasetKind.EVENTS)),
    )
}  # fmt: skip
