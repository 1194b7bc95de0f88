"""What is said of campaigns in English and Chinese."""

from __future__ import annotations

from collections.abc import Sequence

from coterie.campaigns.definition import CONTROL, HOLDOUT, Campaign
from coterie.campaigns.schedule import WEEKDAYS, Schedule
from coterie.learn.segments.words import Language, Text

CHANNELS: dict[str, Text] = {
    "email": Text("e-mail", "电子邮件"),
    "file": Text("file", "文件"),
    "webhook": Text("webhook", "网络回调"),
    "sms": Text("text message", "短信"),
    "push": Text("push notification", "推送通知"),
    "wechat": Text("official account", "公众号"),
    "simulator": Text("simulator", "模拟器"),
}
ARMS: dict[str, Text] = {
    HOLDOUT: Text("holdout", "对照组"),
    CONTROL: Text("default", "触达组"),
}
"""Arms that are named by the product: those held out, and those who get the one message there is."""
_UNITS: dict[str, Text] = {
    "h": Text("{n} hours", "{n} 小时"),
    "d": Text("{n} days", "{n} 天"),
    "w": Text("{n} weeks", "{n} 周"),
    "m": Text("{n} months", "{n} 个月"),
    "y": Text("{n} years", "{n} 年"),
}
_DAYS_ZH = dict(zip(WEEKDAYS, "一二三四五六日", strict=True))
_DAYS_EN = dict(
    zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
_TOLD: dict[str, Text] = {
    "to": Text('Goes to "{audience}" by {channel}', "通过{channel}发送给“{audience}”"),
    "refresh": Text("computed anew for each run", "每次运行前重新计算人群"),
    "now": Text("when it is told to run", "手动运行"),
    "at": Text("at {at}", "定于 {at}"),
    "every_day": Text("every day at {time} ({zone})", "每天 {time}（{zone}）"),
    "weekdays": Text("on {days} at {time} ({zone})", "每周{days} {time}（{zone}）"),
    "month_days": Text("on days {days} of the month at {time} ({zone})", "每月 {days} 日 {time}（{zone}）"),
    "on": Text("when a customer appears in {events}", "客户出现在 {events} 中时"),
    "delay": Text("after {span}", "{span}后"),
    "again": Text("at most once in {span}", "{span}内至多一次"),
    "once": Text("once", "仅一次"),
    "but": Text("but for {n} holidays", "{n} 个节假日除外"),
    "arms": Text("{n} arms", "{n} 个实验组"),
    "holdout": Text("{share:.3g}% held out", "{share:.3g}% 留作对照"),
    "goal": Text("goal: {goal} within {span}", "目标：{span}内{goal}"),
    "quiet": Text("nothing between {start} and {until} of the recipient's day", "收件人当地 {start} 至 {until} 不发送"),
}


def channel_label(name: str, language: Language = "en") -> str:
    """What a channel is called; a plugin's goes by its name."""
    return CHANNELS[name].say(language) if name in CHANNELS else name


def arm_words(arms: Sequence[str], language: Language = "en") -> dict[str, str]:
    """What the arms are called that have their name of the product; those that people named keep it, and are not in it.

    >>> arm_words(["holdout", "default"], "zh"), arm_words(["holdout", "default", "b"], "zh")
    ({'holdout': '对照组', 'default': '触达组'}, {'holdout': '对照组'})
    """
    own = [HOLDOUT, CONTROL] if [arm for arm in arms if arm != HOLDOUT] == [CONTROL] else [HOLDOUT]
    return {arm: ARMS[arm].say(language) for arm in arms if arm in own}


def span_words(span: str, language: Language = "en") -> str:
    """A span in words.

    >>> span_words("7d"), span_words("1d"), span_words("12h", "zh")
    ('7 days', '1 day', '12 小时')
    """
    number, unit = int(span.strip()[:-1]), span.strip()[-1]
    said = _UNITS[unit].say(language, n=number)
    return said.removesuffix("s") if number == 1 and language == "en" else said


def campaign_sentence(made: Campaign, language: Language = "en") -> str:
    """A campaign in one sentence.

    >>> from coterie.campaigns.definition import AudienceUse, Goal
    >>> campaign_sentence(Campaign("a", AudienceUse("loyal"), "email", {}, goals=(Goal("orders", "orders"),)))
    'Goes to "loyal" by e-mail, when it is told to run; goal: orders within 7 days.'
    """
    first = [_say("to", language, audience=made.audience.name, channel=channel_label(made.channel, language))]
    first += [_say("refresh", language)] if made.audience.refresh else []
    first.append(_schedule_words(made.schedule, language))
    parts = []
    if len(made.experiment.arms) > 1:
        parts.append(_say("arms", language, n=len(made.experiment.arms)))
    if made.experiment.holdout:
        parts.append(_say("holdout", language, share=100 * made.experiment.holdout))
    parts += [_say("goal", language, goal=g.name, span=span_words(g.within, language)) for g in made.goals]
    if made.quiet is not None:
        parts.append(_say("quiet", language, start=made.quiet.start, until=made.quiet.until))
    comma, semicolon, stop = (", ", "; ", ".") if language == "en" else ("，", "；", "。")
    return semicolon.join([comma.join(first), *parts]) + stop


def _schedule_words(schedule: Schedule, language: Language) -> str:
    if schedule.kind == "now":
        return _say("now", language)
    if schedule.kind == "at":
        return _say("at", language, at=schedule.at)
    if schedule.kind == "event":
        return _event_words(schedule, language)
    fields = {"time": schedule.time, "zone": schedule.zone}
    if schedule.days:
        said = _say("month_days", language, days=", ".join(map(str, schedule.days)), **fields)
    elif schedule.weekdays:
        named = [(_DAYS_EN if language == "en" else _DAYS_ZH)[d] for d in schedule.weekdays]
        said = _say("weekdays", language, days=(", " if language == "en" else "、").join(named), **fields)
    else:
        said = _say("every_day", language, **fields)
    return f"{said}, {_say('but', language, n=len(schedule.holidays))}" if schedule.holidays else said


def _event_words(schedule: Schedule, language: Language) -> str:
    said = [_say("on", language, events=schedule.events)]
    said += [_say("delay", language, span=span_words(schedule.delay, language))] if schedule.delay else []
    again = schedule.again
    said.append(_say("again", language, span=span_words(again, language)) if again else _say("once", language))
    return (", " if language == "en" else "，").join(said)


def _say(code: str, language: Language, **fields: object) -> str:
    return _TOLD[code].say(language, **fields)
