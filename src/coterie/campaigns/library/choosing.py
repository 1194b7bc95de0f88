"""Which variant of dynamic copy a customer gets by recommendation: the highest score, or the first item of a list.

A small share of those who could get several may get one of them at random, so that one can learn later what the others
would have done: the odds of what each got are kept with the message. Who, and which, is decided by a hash of block, run
and customer: the same message made again is the same.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from coterie.learn.segments.words import Language, Text

SCORE, LIST = "score", "list"
WAYS = (SCORE, LIST)
RUN = "@run"  # among the values of a message: the run that it is of; no tag has such a name
UNSEEN = "@unseen"  # among those of a preview: the tags whose values are hidden from who looks
DEFAULT = "default"
_SHOWN = 10  # items of a list in an explanation
_WHY: dict[str, Text] = {
    "highest": Text("its score is the highest: {scores}", "得分最高：{scores}"),
    "first": Text("the first item of {tag} that has a variant: {items}", "{tag} 中第一个有变体的项：{items}"),
    "explored": Text(
        "by chance, among {names}; {best} would be the best", "随机抽取，范围为 {names}；其中 {best} 最优"
    ),
    "no_score": Text("the customer has none of the scores", "该客户没有任何得分"),
    "below": Text("no score reaches {floor:g}: {scores}", "没有得分达到 {floor:g}：{scores}"),
    "no_list": Text("the customer has nothing in {tag}", "该客户的 {tag} 为空"),
    "no_item": Text("no item of {tag} has a variant: {items}", "{tag} 中没有任何项有变体：{items}"),
    "hidden": Text(
        "What this customer gets hangs on {tags}, hidden from you.", "该客户收到的内容取决于 {tags}，对您隐藏。"
    ),
    "rule": Text("the first whose condition holds", "第一个满足条件的变体"),
    "no_rule": Text("no condition holds", "没有满足的条件"),
}
_SOME = Text(
    "In a run, {explore:.3g}% of such customers get one of {names} by chance.",
    "发送时，此类客户中有 {explore:.3g}% 会随机收到 {names} 之一。",
)
_ONE, _OTHERWISE = Text("{name}: {why}", "{name}：{why}"), Text("the default: {why}", "默认文案：{why}")


class Choice(NamedTuple):
    """What one customer gets.

    place : of the variant, None for the default; name : of it; propensity : the odds with which this customer gets it.
    why : a code of the reasons; eligible : places of the variants that the customer could get, the best first.
    """

    place: int | None
    name: str
    propensity: float
    why: str
    eligible: tuple[int, ...]


@dataclass(frozen=True)
class Chooser:
    """How a block chooses.

    block : its name, part of the salt. names : of the variants.
    tags : with scores, one for each variant; with a list one for all. items : with a list, that each variant is for.
    floor : the least score that is shown; explore : the share of customers with a choice who get one by chance.
    """

    block: str
    way: str
    names: tuple[str, ...]
    tags: tuple[str, ...]
    items: tuple[str, ...] = ()
    floor: float | None = None
    explore: float = 0.0

    def choose(self, values: Mapping[str, Any]) -> Choice:
        """The variant for one customer.

        values : by tag, and `entity` and `@run`; without a run nobody gets one by chance.

        >>> made = Chooser("offer", "score", ("tea", "cup"), ("likes.tea", "likes.cup"), floor=0.2)
        >>> made.choose({"likes.tea": 0.3, "likes.cup": 0.7, "entity": "7"}).name
        'cup'
        >>> made.choose({"likes.tea": 0.1, "likes.cup": None, "entity": "7"})[1:4]
        ('default', 1.0, 'below')
        """
        eligible, why = self._by_score(values) if self.way == SCORE else self._by_list(values)
        if not eligible:
            return Choice(None, DEFAULT, 1.0, why, ())
        run, best = values.get(RUN), eligible[0]
        by_chance = self.explore / len(eligible) if run is not None else 0.0
        place = best
        if by_chance and len(eligible) > 1:
            chance, which = self._drawn(str(run), str(values.get("entity")))
            if chance < self.explore:
                place, why = eligible[int(which * len(eligible))], "explored"
        odds = by_chance + (1 - (self.explore if by_chance else 0.0)) * (place == best)
        return Choice(place, self.names[place], odds if len(eligible) > 1 else 1.0, why, eligible)

    def _by_score(self, values: Mapping[str, Any]) -> tuple[tuple[int, ...], str]:
        scores = [number(values.get(tag)) for tag in self.tags]
        told = [(-score, place) for place, score in enumerate(scores) if score is not None]
        above = [pair for pair in told if self.floor is None or -pair[0] >= self.floor]
        if not above:
            return (), "below" if told else "no_score"
        return tuple(place for _, place in sorted(above)), "highest"

    def _by_list(self, values: Mapping[str, Any]) -> tuple[tuple[int, ...], str]:
        listed = items_of(values.get(self.tags[0]))
        places = {item: place for place, item in reversed(list(enumerate(self.items)))}
        found = tuple(dict.fromkeys(places[item] for item in listed if item in places))
        return found, "first" if found else "no_item" if listed else "no_list"

    def _drawn(self, run: str, entity: str) -> tuple[float, float]:
        from coterie.experiments.assignment import draws

        chance, which = draws(f"block|{self.block}|{run}", [entity.encode()])[0].tolist()
        return chance, which

    def explain(self, values: Mapping[str, Any], language: Language = "en") -> dict[str, Any]:
        """What a customer gets and why: block, variant, propensity, scores or items, and a sentence."""
        made = self.choose(values)
        facts: dict[str, Any] = {"block": self.block, "variant": made.name, "propensity": made.propensity}
        facts["eligible"] = [self.names[place] for place in made.eligible]
        if self.way == SCORE:
            facts["scores"] = [
                {"variant": n, "tag": t, "score": number(values.get(t))}
                for n, t in zip(self.names, self.tags, strict=True)
            ]
        else:
            facts["items"] = items_of(values.get(self.tags[0]))[:_SHOWN]
        words = _WHY[made.why].say(language, **self._fields(values, made, language))
        stop = "." if language == "en" else "。"
        said = sentence(None if made.place is None else made.name, words, language) + stop
        if self.explore and len(made.eligible) > 1 and values.get(RUN) is None:
            names = _joined(facts["eligible"], language)
            said += (" " if language == "en" else "") + _SOME.say(language, explore=100 * self.explore, names=names)
        return {**facts, "why": made.why, "words": said}

    def _fields(self, values: Mapping[str, Any], made: Choice, language: Language) -> dict[str, Any]:
        """What the reason says besides its code."""
        scores = [(n, number(values.get(t))) for n, t in zip(self.names, self.tags, strict=self.way == SCORE)]
        told = sorted(((n, s) for n, s in scores if s is not None), key=lambda pair: -pair[1])
        return {
            "scores": _joined([f"{n} {s:.4g}" for n, s in told], language) if self.way == SCORE else "",
            "items": _joined(items_of(values.get(self.tags[0]))[:_SHOWN], language),
            "tag": self.tags[0],
            "floor": self.floor or 0.0,
            "names": _joined([self.names[place] for place in made.eligible], language),
            "best": self.names[made.eligible[0]] if made.eligible else "",
        }


def sentence(name: str | None, why: str, language: Language = "en") -> str:
    """What a customer gets and why; None is the default."""
    return _OTHERWISE.say(language, why=why) if name is None else _ONE.say(language, name=name, why=why)


def unseen(tags: Collection[str], values: Mapping[str, Any], language: Language = "en") -> dict[str, Any] | None:
    """The same where what chooses is hidden from who looks: no variant, since it would tell the value; else None.

    >>> unseen(["phone", "age"], {"phone": "•••", "age": 7, UNSEEN: ["phone"]})["words"]
    'What this customer gets hangs on phone, hidden from you.'
    """
    hidden = sorted(set(tags) & set(values.get(UNSEEN, ())))
    if not hidden:
        return None
    words = _WHY["hidden"].say(language, tags=_joined(hidden, language))
    return {"variant": None, "propensity": None, "why": "hidden", "words": words}


def by_rule(name: str | None, language: Language = "en") -> dict[str, Any]:
    """The same for a block that goes by conditions."""
    code = "no_rule" if name is None else "rule"
    stop = "." if language == "en" else "。"
    words = sentence(name, _WHY[code].say(language), language) + stop
    return {"variant": name or DEFAULT, "propensity": 1.0, "why": code, "words": words}


def number(value: Any) -> float | None:
    """A score as a number; None where it is missing, or no number.

    >>> number(Decimal("0.5")), number(float("nan")), number(True), number("7")
    (0.5, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    found = float(value)
    return found if math.isfinite(found) else None


def items_of(value: Any) -> list[str]:
    """The items of a list tag in their order; none where it is missing or no list.

    >>> items_of(["tea", "cup"]), items_of(None), items_of("hidden")
    (['tea', 'cup'], [], [])
    """
    if value is None or isinstance(value, str) or not hasattr(value, "__iter__"):
        return []
    return [str(item) for item in value if item is not None]


def _joined(given: Sequence[str], language: Language) -> str:
    return (", " if language == "en" else "、").join(given)
