"""What drift means, in English and Chinese."""

from __future__ import annotations

from coterie.kit.moments import told_day
from coterie.learn.segments.drift import Drift, Trigger
from coterie.learn.segments.names import Labels, label_of
from coterie.learn.segments.words import Language, Text

_VERDICTS = {
    "now": Text("Refit now, because {reasons}.", "请立即重新拟合，因为{reasons}。"),
    "soon": Text("Refit soon, because {reasons}.", "请尽快重新拟合，因为{reasons}。"),
    "no": Text("No need to refit.", "无需重新拟合。"),
}
_REASONS = {
    "column": Text(
        "{column} is spread {much} than when the segments were fitted (stability index {value:.2f}{far})",
        "{column} 的分布与拟合时相比{much}（稳定性指数 {value:.2f}{far}）",
    ),
    "sizes": Text(
        "the segments' sizes are {much} than then (stability index {value:.2f})",
        "各分群的规模与拟合时相比{much}（稳定性指数 {value:.2f}）",
    ),
    "border": Text(
        "{value:.0%} of the customers stand near a border between segments, more than then",
        "{value:.0%} 的客户处于分群的边界附近，多于拟合时",
    ),
    "none": Text(
        "{value:.0%} of the customers are in no segment, more than then", "{value:.0%} 的客户不属于任何分群，多于拟合时"
    ),
    "strange": Text(
        "{value:.0%} of the customers are far from every segment, of whom there was 1%",
        "{value:.0%} 的客户远离所有分群，拟合时为 1%",
    ),
    "age": Text("{value:.0f} days have passed", "已过去 {value:.0f} 天"),
}
_FAR = Text(", moved by {distance:.2f} standard deviations", "，移动了 {distance:.2f} 个标准差")
_MUCH = {
    "some": Text("somewhat otherwise", "有所变化"),
    "much": Text("quite otherwise", "变化很大"),
}
_SIZES = {"some": "somewhat other", "much": "quite other"}
_NEXT = {
    "now": Text("Next refit: {date}.", "下次重新拟合：{date}。"),
    "age": Text(
        "Next refit: {date}, since {value:.0f} days will have passed.",
        "下次重新拟合：{date}，届时已满 {value:.0f} 天。",
    ),
    "pace": Text(
        "Next refit: {date}, when at this pace {column} will have moved too far.",
        "下次重新拟合：{date}，按目前的速度，届时 {column} 的变化将过大。",
    ),
}
_SEGMENT_SIZES = Text("the segments' sizes", "各分群的规模")


def drift_text(drift: Drift, language: Language, labels: Labels) -> str:
    """The verdict with its reasons, and when the next refit is.

    labels : what columns are called, by column.
    """
    joint = "; " if language == "en" else "；"
    reasons = joint.join(trigger_text(t, language, labels) for t in drift.triggers)
    first = _VERDICTS[drift.verdict].say(language, reasons=reasons)
    why, date = drift.due_trigger, told_day(f"{drift.due:%Y-%m-%d}", language)
    if drift.verdict == "now":
        second = _NEXT["now"].say(language, date=date)
    elif why.code == "age":
        second = _NEXT["age"].say(language, date=date, value=why.value)
    else:
        column = label_of(why.column, language, labels) if why.column else _SEGMENT_SIZES.say(language)
        second = _NEXT["pace"].say(language, date=date, column=column)
    return f"{first} {second}" if language == "en" else first + second


def trigger_text(trigger: Trigger, language: Language, labels: Labels) -> str:
    """One reason, as a part of a sentence.

    >>> trigger_text(Trigger("column", "spend", 0.31, "much"), "en", {})
    'spend is spread quite otherwise than when the segments were fitted (stability index 0.31)'
    >>> trigger_text(Trigger("age", "", 90.0, "much"), "zh", {})
    '已过去 90 天'
    """
    column = label_of(trigger.column, language, labels) if trigger.column else ""
    much = _MUCH[trigger.band].say(language)
    if trigger.code == "sizes" and language == "en":
        much = _SIZES[trigger.band]
    far = "" if trigger.distance is None else _FAR.say(language, distance=trigger.distance)
    return _REASONS[trigger.code].say(language, column=column, much=much, value=trigger.value, far=far)
