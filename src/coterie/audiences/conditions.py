"""What an alert waits for: one entry a condition, with how people write it, its words, and how it is found.

A condition looks at what is stored and at the clock alone, never at what an earlier check saw: so no crossing is missed
when a check was, and the same cause is always found under the same key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from coterie.audiences.life import About
from coterie.audiences.snapshots import Snapshot
from coterie.errors import Refused
from coterie.kit.moments import before, now
from coterie.rules.operators import Words
from coterie.store.service import Document

WARNING, ERROR = "warning", "error"
_NUMBER = r"\d+|\d{1,3}(?:,\d{3})+"


@dataclass(frozen=True)
class Seen:
    """What is known of one audience at a moment.

    state : how its last refresh went; None if it was never refreshed.
    newest_data : when the newest batch came of each dataset that its rule uses.
    """

    audience: str
    about: About
    state: Document | None
    snapshots: Sequence[Snapshot]
    newest_data: Callable[[], Mapping[str, datetime]]
    at: datetime
    zone: ZoneInfo

    @property
    def names(self) -> Words:
        """The audience in words."""
        return Words(f'The audience "{self.audience}"', f"人群包“{self.audience}”")

    def shown(self, moment: datetime | str) -> str:
        """A moment for people, in the workspace's zone."""
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Finding:
    """That a condition holds.

    cause : the same while the same thing is the reason, so that it is told once.
    facts : `was` and `is` (members), and `change_percent`, where there are such numbers.
    """

    cause: str
    level: str
    sentence: Words
    facts: Mapping[str, Any] = field(default_factory=dict)


class Kind(NamedTuple):
    """One kind of condition.

    pattern : how people write it; what its group catches is the limit. default : the limit where none is written.
    """

    label: Words
    pattern: str
    default: str | None
    example: str
    find: Callable[[Seen, str], Iterator[Finding]]


@dataclass(frozen=True)
class Condition:
    """A kind with its limit.

    >>> Condition.read("jump"), str(Condition.read("above 5,000"))
    (Condition(kind='jump', limit='20'), 'above 5000')
    >>> Condition.read("over 9")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_argument` at `when`: "over 9" is no condition of an alert. Write one of: jump 20%, ...
    """

    kind: str
    limit: str

    @classmethod
    def read(cls, text: str, *, place: str = "when") -> Condition:
        """Read what people write. Raises Refused: there is no such condition."""
        wanted = " ".join(text.split()).lower()
        for name, kind in KINDS.items():
            match = re.fullmatch(kind.pattern, wanted, re.ASCII)
            if match is not None:
                limit = (match[1] if match.re.groups else None) or kind.default or ""
                made = cls(name, limit.replace(",", ""))
                if name == "stale":
                    before(now(), made.limit, ZoneInfo("UTC"), place=place)  # refuses what reaches back too far
                return made
        fix = f"Write one of: {', '.join(kind.example for kind in KINDS.values())}."
        raise Refused("bad_argument", f'"{text}" is no condition of an alert.', place=place, fix=fix)

    def __str__(self) -> str:
        return f"{self.kind} {self.limit}".strip() + ("%" if self.kind == "jump" else "")

    @property
    def label(self) -> Words:
        """What it is called."""
        return KINDS[self.kind].label

    def findings(self, seen: Seen) -> Iterator[Finding]:
        """Why it holds; nothing where it does not."""
        return KINDS[self.kind].find(seen, self.limit)


def _jump(seen: Seen, limit: str) -> Iterator[Finding]:
    if len(seen.snapshots) < 2:
        return
    old, new = seen.snapshots[-2:]
    if abs(new.count - old.count) * 100 <= Decimal(limit) * old.count:  # also where both are empty
        return
    change = f"{(new.count - old.count) / old.count * 100:+,.1f}" if old.count else None
    english = f"{seen.names.en} jumped from {old.count:,} to {new.count:,} members" + (
        f" ({change}%)" if change else ""
    )
    chinese = f"{seen.names.zh}的人数突变：由 {old.count:,} 变为 {new.count:,}" + (f"（{change}%）" if change else "")
    english, chinese = f"{english}, by more than {limit}%.", f"{chinese}，超过 {limit}%。"
    if old.version != new.version:
        english, chinese = f"{english} Its rule was changed in between.", f"{chinese}其间规则有改动。"
    yield Finding(new.id, WARNING, Words(english, chinese), _numbers(old, new))


def _above(seen: Seen, limit: str) -> Iterator[Finding]:
    words = Words("has {} members, above {}", "的人数为 {}，高于 {}")
    return _crossed(seen, [s.count > int(limit) for s in seen.snapshots], int(limit), words)


def _below(seen: Seen, limit: str) -> Iterator[Finding]:
    words = Words("has {} members, below {}", "的人数为 {}，低于 {}")
    return _crossed(seen, [s.count < int(limit) for s in seen.snapshots], int(limit), words)


def _crossed(seen: Seen, beyond: Sequence[bool], limit: int, words: Words) -> Iterator[Finding]:
    """Told once for all snapshots in a row that lie beyond the limit: the first of them is the cause."""
    if not beyond or not beyond[-1]:
        return
    first = next((n for n in range(len(beyond) - 1, 0, -1) if not beyond[n - 1]), 0)
    old, new = seen.snapshots[first - 1] if first else None, seen.snapshots[-1]
    english, chinese = (w.format(f"{new.count:,}", f"{limit:,}") for w in words)
    if old is not None:
        english, chinese = f"{english}; before it had {old.count:,}", f"{chinese}；此前为 {old.count:,}"
    sentence = Words(f"{seen.names.en} {english}.", f"{seen.names.zh}{chinese}。")
    yield Finding(seen.snapshots[first].id, WARNING, sentence, _numbers(old, new))


def _failed(seen: Seen, _limit: str) -> Iterator[Finding]:
    if seen.state is None or seen.state.body["state"] != "failed":
        return
    error = seen.state.body["error"]
    if error["code"] == "cancelled":  # a person knows that already
        return
    said = f"{error['message']} {error['fix'] or ''}".strip()
    english, chinese = f"{seen.names.en} could not be refreshed: {said}", f"{seen.names.zh}更新失败：{said}"
    if seen.snapshots:
        as_of = seen.shown(seen.snapshots[-1].as_of)
        english, chinese = f"{english} What you see is of {as_of}.", f"{chinese} 当前所见的统计时点为 {as_of}。"
    else:
        english, chinese = f"{english} There is no snapshot to see.", f"{chinese} 尚无可用的快照。"
    day = f"{seen.state.created_at.astimezone(seen.zone):%Y-%m-%d}"
    yield Finding(f"{day} {error['code']}", ERROR, Words(english, chinese))


def _stale(seen: Seen, limit: str) -> Iterator[Finding]:
    oldest = before(seen.at, limit, seen.zone)
    if seen.snapshots and datetime.fromisoformat(seen.snapshots[-1].as_of) < oldest:
        newest = seen.snapshots[-1]
        as_of = seen.shown(newest.as_of)
        english = f"{seen.names.en} is stale: what you see is of {as_of}, older than {limit}."
        chinese = f"{seen.names.zh}已过时：当前所见的统计时点为 {as_of}，距今超过 {limit}。"
        yield Finding(newest.id, WARNING, Words(english, chinese))
    for dataset, came in seen.newest_data().items():
        if came < oldest:
            english = (
                f'{seen.names.en} uses "{dataset}", whose newest data came at {seen.shown(came)}, over {limit} ago.'
            )
            chinese = f"{seen.names.zh}所用的数据集“{dataset}”最近一次到数为 {seen.shown(came)}，距今超过 {limit}。"
            yield Finding(f"{dataset} {came.isoformat()}", WARNING, Words(english, chinese))


def _ending(seen: Seen, _limit: str) -> Iterator[Finding]:
    until = seen.about.valid_until
    validity = seen.about.validity(seen.at)
    if until is None or validity == "valid":
        return
    shown = seen.shown(until)
    if validity == "ending":
        english = f"{seen.names.en} is valid until {shown}, and will not be refreshed after it."
        chinese = f"{seen.names.zh}的有效期至 {shown}，此后不再更新。"
    else:
        english = (
            f"{seen.names.en} was valid until {shown}: it can be read, but not refreshed or used by new campaigns."
        )
        chinese = f"{seen.names.zh}的有效期已于 {shown} 结束：仍可查看，但不再更新，也不能用于新的营销活动。"
    level = WARNING if validity == "ending" else ERROR
    yield Finding(f"{validity} {until}", level, Words(english, chinese))


def _numbers(old: Snapshot | None, new: Snapshot) -> dict[str, Any]:
    change = None if old is None or not old.count else round((new.count - old.count) / old.count * 100, 4)
    return {"was": None if old is None else old.count, "is": new.count, "change_percent": change}


KINDS: Mapping[str, Kind] = {
    "jump": Kind(
        Words("size jump", "人数突变"),
        r"(?:size[_ ])?jump(?: ((?=.*[1-9])\d{1,6}(?:\.\d{1,4})?) ?%)?",
        "20",
        "jump 20%",
        _jump,
    ),
    "above": Kind(Words("above a number", "高于阈值"), rf"above ({_NUMBER})", None, "above 5000", _above),
    "below": Kind(Words("below a number", "低于阈值"), rf"below ({_NUMBER})", None, "below 100", _below),
    "stale": Kind(Words("stale", "数据过时"), r"stale ([1-9]\d* ?[hdwmy])", None, "stale 36h", _stale),
    "failed": Kind(Words("refresh failed", "更新失败"), r"failed", None, "failed", _failed),
    "ending": Kind(Words("validity ends", "有效期将满"), r"ending", None, "ending", _ending),
}
