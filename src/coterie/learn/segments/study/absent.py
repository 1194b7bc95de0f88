"""What stands in a study where a part has no figures: the reason, in words for people."""

from __future__ import annotations

from dataclasses import dataclass

from coterie.learn.segments.words import Language, Text

REASONS: dict[str, Text] = {
    "not_studied": Text("not computed for this report", "本报告未计算此项"),
    "no_outcomes": Text(
        "no outcome after the cut-off was given; name events and an amount, so that revenue and returning customers "
        "of a later period can be counted",
        "没有提供截止日之后的结果；请指定行为数据和金额，以便统计后一时期的收入和回购客户",
    ),
    "too_few_then": Text(
        "only {detail} customers were known at the cut-off, too few to form these segments then",
        "截止日时只有 {detail} 个客户，不足以形成这些分群",
    ),
    "no_revenue": Text(
        "no column of revenue per customer was given; name one, and the margin as a fraction",
        "没有提供每个客户的收入列；请指定该列，并以小数给出利润率",
    ),
    "no_margin": Text(
        "no margin was given; give it as a fraction of revenue, with costs per order or per customer where known",
        "没有提供利润率；请以占收入的小数给出，并尽可能提供每单成本或每个客户的成本",
    ),
    "nobody_else": Text("no other method can take these columns", "没有其他方法能处理这些列"),
    "no_trial": Text(
        "with one column and nothing else to vary there is nothing to stress", "只有一列，没有可以变动的条件"
    ),
    "no_descriptors": Text(
        "no column beside those of the segmentation was given", "除用于分群的列之外，没有提供其他列"
    ),
    "no_earlier": Text(
        "this is the first version, so there is nothing to compare with", "这是第一个版本，没有可比较的对象"
    ),
    "one_k": Text("only one number of segments was tried", "只尝试了一种群数"),
    "no_likelihood": Text("the method has no likelihood", "该方法没有似然函数"),
    "no_drift": Text("no later data have been compared with those fitted", "尚未与之后的数据进行比较"),
}


@dataclass(frozen=True)
class NotApplicable:
    """A part without figures; `reason` is a key of `REASONS`, `detail` goes into its sentence."""

    reason: str
    detail: str = ""


def reason_text(absent: NotApplicable, language: Language) -> str:
    """Why there are no figures.

    >>> reason_text(NotApplicable("too_few_then", "7"), "en")
    'only 7 customers were known at the cut-off, too few to form these segments then'
    """
    return REASONS[absent.reason].say(language, detail=absent.detail)
