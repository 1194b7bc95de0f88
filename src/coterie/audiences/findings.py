"""What a comparison found, in a few English or Chinese words."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.kit.moments import told_day
from coterie.rules.sentences import Speaker
from coterie.rules.values import is_number

if TYPE_CHECKING:
    from coterie.audiences.insight import TagInsight, ValueShare


def finding(tag: TagInsight, language: str = "en") -> str:
    """The difference of one tag in words; where nothing can be told, why.

    >>> from coterie.audiences.insight import TagInsight
    >>> tag = TagInsight("age", "Age", "integer", False, 1.0, 1.0, "differs", measure="cliffs_delta", effect=0.4,
    ...     median=51, median_rest=34)
    >>> finding(tag)
    'higher: median 51, 34 in the rest'
    >>> finding(tag, "zh")
    '偏高：中位数51，其余人群34'
    """
    speaker = Speaker(language, None)
    if tag.verdict == "cannot_tell":
        return tag.reason or ""
    if tag.verdict == "alike":
        return speaker.pick("no difference seen", "未见差异")
    match tag.measure:
        case "cliffs_delta":
            return _shifted(tag, speaker)
        case "difference_of_coverage":
            return _oftener(speaker, "", tag.coverage, tag.coverage_rest)
        case _:
            best = max((v for v in tag.values if v.value is not None), key=_distance, default=None)
            if tag.measure == "difference_of_shares":
                best = next((v for v in tag.values if v.value is True), best)
            return "" if best is None else _oftener(speaker, _value(best.value, speaker), best.share, best.share_rest)


def _distance(value: ValueShare) -> float:
    return abs(value.difference or 0.0)


def _shifted(tag: TagInsight, speaker: Speaker) -> str:
    """Numbers and dates: the direction, and the medians where they differ."""
    more = (tag.effect or 0) > 0
    if tag.type in ("date", "moment"):
        word = speaker.pick("later" if more else "earlier", "偏晚" if more else "偏早")
    else:
        word = speaker.pick("higher" if more else "lower", "偏高" if more else "偏低")
    if tag.median != tag.median_rest:
        mine, others = (_middle(tag, value, speaker) for value in (tag.median, tag.median_rest))
        return speaker.pick(f"{word}: median {mine}, {others} in the rest", f"{word}：中位数{mine}，其余人群{others}")
    wins = f"{(1 + (tag.effect or 0)) / 2:.0%}"
    return speaker.pick(f"{word} than the rest in {wins} of pairs", f"{word}：与其余人群两两相比，{wins}更高")


def _middle(tag: TagInsight, value: Any, speaker: Speaker) -> str:
    """A median: of dates and moments the day, as it stands in no quotation marks."""
    return told_day(str(value), speaker.language) if tag.type in ("date", "moment") else _value(value, speaker)


def _oftener(speaker: Speaker, value: str, share: float | None, rest: float | None) -> str:
    mine, others = share or 0.0, rest or 0.0
    english = "more often" if mine > others else "less often"
    chinese = "更常为" if mine > others else "更少为"
    named = value or speaker.pick("known", "有值")
    shares = (f"{_percent(mine)}", f"{_percent(others)}")
    return speaker.pick(
        f"{english} {named}: {shares[0]}, {shares[1]} in the rest",
        f"{chinese}{named}：{shares[0]}，其余人群{shares[1]}",
    )


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"


def _value(value: Any, speaker: Speaker) -> str:
    match value:
        case bool():
            return speaker.pick("yes" if value else "no", "是" if value else "否")
        case Decimal():
            return _value(float(value), speaker)
        case float():
            return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
        case datetime() | date():
            return value.isoformat()
        case [least, greatest]:
            return f"{_value(least, speaker)} – {_value(greatest, speaker)}"
        case _ if is_number(value):
            return f"{value:,}"
        case _:
            return speaker.pick(f'"{value}"', f"“{value}”")
