"""Insight: how an audience differs from the rest, tag by tag, with effect sizes, in the order of what matters.

The rest are those of the base who are not in the audience; the base is everyone, or another audience. Effects and
p-values compare the audience with the rest, which share nobody; the index (TGI) compares it with the whole base. Shares
are of those who have a value; how many have one is told apart as coverage.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from coterie.audiences.chosen import Chooser, Chosen, kin, tags_of
from coterie.audiences.findings import finding
from coterie.audiences.service import Question
from coterie.audiences.tallies import Sides, Tallies, Tally
from coterie.catalog.schemas import NUMERIC, TagDefinition, ValueType
from coterie.errors import Refused, unknown_name
from coterie.kit.moments import show_moment
from coterie.kit.plain import plain
from coterie.stats.contrast import (
    Effect,
    chi_square_p,
    difference_of_shares,
    dissimilarity,
    dominance,
    joined,
    largest_difference,
    shares_p,
)
from coterie.stats.multiplicity import holm

FEWEST = 30  # with a value, on either side; with fewer nothing is told of a tag
SIGNIFICANT = 0.05
TOP = 10
FEWEST_SHOWN = 5  # people who have a text that is named; a rarer one may tell who they are
ORDERED = NUMERIC | {ValueType.DATE, ValueType.MOMENT}
_SIZES = ((0.147, "negligible"), (0.33, "small"), (0.474, "medium"))  # Romano et al. (2006), for Cliff's delta


@dataclass(frozen=True)
class ValueShare:
    """One value, or a range of values with both ends, or all other values together.

    value : the value; of a range its ends, [least, greatest]; None for the others.
    others : how many different values stand together as the others; else 0.
    count, count_rest : members of the audience and of the rest who have it.
    share, share_rest, share_base : of those with a value.
    index : TGI, 100 x share / share_base; None where nobody of the base has it.
    difference, low, high : share less share_rest, with its 95 % interval; None where a side has nobody.
    """

    value: Any
    others: int
    count: int
    count_rest: int
    share: float | None
    share_rest: float | None
    share_base: float | None
    index: float | None
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TagInsight:
    """How one tag differs.

    defines : the rule reads this tag, or one of it and a tag that the rule reads is made of the other: no news.
    coverage, coverage_rest : share of the audience and of the rest with a value.
    verdict : `differs`, `alike` (no difference seen) or `cannot_tell`, then with the reason.
    measure : what `effect` is: `cliffs_delta` (numbers, dates), `difference_of_shares` (yes or no), `dissimilarity`
        (texts, paths), `largest_difference` (several values at once), `difference_of_coverage` (vectors).
    effect, low, high : on the scale of a difference of shares, with its 95 % interval; None where it cannot be told.
    size : negligible, small, medium or large.
    p_value : plain; p_corrected : by Holm for the number of tags.
    median, median_rest : of numbers and dates.
    finding : the difference in words.
    values : the most frequent values or ranges, most frequent in the audience first; ranges in order. Of many texts
        only those that several people have are named.
    """

    tag: str
    label: str
    type: str
    defines: bool
    coverage: float | None
    coverage_rest: float | None
    verdict: str
    reason: str | None = None
    measure: str | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    size: str | None = None
    p_value: float | None = None
    p_corrected: float | None = None
    median: Any = None
    median_rest: Any = None
    finding: str = ""
    values: tuple[ValueShare, ...] = ()

    @property
    def certain(self) -> float:
        """How large the effect is at least; 0 where that is not told."""
        if self.effect is None or self.low is None or self.high is None:
            return 0.0
        return Effect(self.effect, self.low, self.high).certain


@dataclass(frozen=True)
class Insight:
    """How an audience differs from the rest.

    audience, against : names; None for a rule, and for everyone.
    count, rest, base : sizes; shared : members of the audience who are in the base as well.
    index_base : whose shares the index refers to: `universe` or `against`.
    correction : of p-values; tests : for how many.
    tags : what differs most certainly first; then what defines the audience, then what cannot be told.
    """

    audience: str | None
    sentence: str
    against: str | None
    as_of: str
    data_version: int
    count: int
    rest: int
    base: int
    shared: int
    index_base: str
    correction: str
    tests: int
    elapsed_ms: float
    tags: tuple[TagInsight, ...]

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        found: dict[str, Any] = plain(asdict(self))
        return found

    def table(self) -> list[dict[str, Any]]:
        """A row a value, for a file."""
        head = ("tag", "label", "defines", "verdict", "finding", "measure", "effect", "low", "high", "p_corrected")
        share = ("others", "count", "count_rest", "share", "share_rest", "share_base", "index", "difference")
        return [
            {k: getattr(t, k) for k in head} | {"value": value_text(v.value)} | {k: getattr(v, k) for k in share}
            for t in self.tags
            for v in t.values
        ]


def value_text(value: Any) -> str | None:
    """A value, or a range, for a cell of a table."""
    if value is None:
        return None
    if isinstance(value, list):
        return " to ".join(str(value_text(v)) for v in value)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(plain(value))


def insight(
    chooser: Chooser,
    given: Any,
    against: str | None = None,
    *,
    kind: str = "customer",
    tags: Sequence[str] = (),
    top: int = TOP,
    language: str = "en",
) -> Insight:
    """Every tag's distribution in an audience against the rest.

    given : an audience's name, a snapshot's id, or a rule; against : the name of another audience.
    tags : only these; top : values or ranges told of each, the others as one.
    Raises NotFound: no such audience or tag. Refused: the audiences are of different kinds of entity.
    """
    started = time.perf_counter()
    if top < 1:
        raise Refused("bad_argument", f"{top} values cannot be told.", place="top", fix="Give 1 or more.")
    chosen = chooser.choose(given, kind)
    other = None if against is None else _other(chooser, chosen, against)
    sides = Sides(chosen.members, chosen.universe if other is None else other.members, other is None)
    asked = chosen.asked
    defining = kin(tags_of(asked), asked.vocabulary.definitions)
    found = insights(asked, sides, tags, defining=defining, language=language, top=top)
    elapsed_ms = round((time.perf_counter() - started) * 1000, 3)
    return Insight(
        audience=chosen.name,
        sentence=asked.sentence(language),
        against=against,
        as_of=show_moment(asked.as_of, asked.context.zone),
        data_version=asked.data_version,
        count=len(sides.audience),
        rest=len(sides.rest),
        base=len(sides.base),
        shared=len(sides.shared),
        index_base="universe" if other is None else "against",
        correction="holm",
        tests=sum(t.p_value is not None for t in found),
        elapsed_ms=elapsed_ms,
        tags=tuple(found),
    )


def _other(chooser: Chooser, chosen: Chosen, against: str) -> Chosen:
    other = chooser.choose(against)
    if other.asked.kind != chosen.asked.kind:
        said = f'"{against}" is an audience of {other.asked.kind}s, not of {chosen.asked.kind}s.'
        raise Refused("bad_argument", said, place="against", fix="Compare audiences of one kind of entity.")
    return other


@dataclass(frozen=True)
class _Words:
    language: str
    zone: ZoneInfo
    top: int


def insights(
    asked: Question,
    sides: Sides,
    tags: Sequence[str] = (),
    *,
    defining: Collection[str] = (),
    language: str = "en",
    top: int = TOP,
) -> list[TagInsight]:
    """Each of these tags, all unless given, on two sides of people, in the order of what matters.

    defining : tags that are no news. Raises NotFound: there is no such tag.
    """
    definitions = asked.vocabulary.definitions
    for name in tags:
        if name not in definitions:
            raise unknown_name("tag", name, definitions, place="tags")
    words, tallies = _Words(language, asked.context.zone, top), Tallies(asked, sides)
    sizes = (len(sides.audience), len(sides.rest))
    try:
        names = list(tags or definitions)
        told = zip(names, tallies.of(names), strict=True)
        found = [_tag(definitions[name], tally, sizes, name in defining, words) for name, tally in told]
    finally:
        tallies.close()
    tested = {t.tag: t.p_value for t in found if t.p_value is not None}
    corrected = dict(zip(tested, holm(list(tested.values())).tolist(), strict=True))
    return sorted((_judged(t, corrected.get(t.tag), language) for t in found), key=_order)


def _order(tag: TagInsight) -> tuple[bool, bool, float, float, str]:
    told = tag.verdict != "cannot_tell"
    return (not told, tag.defines, -tag.certain, -abs(tag.effect or 0), tag.tag)


def _judged(tag: TagInsight, corrected: float | None, language: str) -> TagInsight:
    """With the corrected p-value, the verdict and the words."""
    if corrected is not None:
        verdict = "differs" if corrected < SIGNIFICANT else "alike"
        tag = replace(tag, p_corrected=corrected, verdict=verdict)
    return replace(tag, finding=finding(tag, language))


def _tag(tag: TagDefinition, tally: Tally, sizes: tuple[int, int], defines: bool, words: _Words) -> TagInsight:
    inside, rest, _ = tally.present
    made = TagInsight(
        tag=tag.name,
        label=tag.label.get(words.language, tag.name),
        type=tag.type.value,
        defines=defines,
        coverage=inside / sizes[0] if sizes[0] else None,
        coverage_rest=rest / sizes[1] if sizes[1] else None,
        verdict="cannot_tell",
        values=() if tag.type is ValueType.VECTOR else _values(tag.type, tally, words),
    )
    if tag.type in ORDERED:
        made = replace(made, median=_median(tally, tally.inside, words), median_rest=_median(tally, tally.rest, words))
    reason = _reason(tag.type, tally, sizes, words.language)
    if reason is not None:
        return replace(made, reason=reason)
    measure, effect, p_value = _compared(tag.type, tally, sizes)
    size = next((name for limit, name in _SIZES if abs(effect.value) < limit), "large")
    low, high = effect.low, effect.high
    return replace(made, measure=measure, effect=effect.value, low=low, high=high, size=size, p_value=p_value)


def _reason(kind: ValueType, tally: Tally, sizes: tuple[int, int], language: str) -> str | None:
    """Why a tag cannot be told of."""
    counted = sizes if kind is ValueType.VECTOR else tally.present[:2]
    for few, english, chinese in zip(counted, ("audience", "rest"), ("人群包", "其余人群"), strict=True):
        if few < FEWEST:
            if language == "zh":
                return f"{chinese}中仅{few:,}人有值，至少需要{FEWEST}人。"
            return f"Only {few:,} of the {english} have a value; {FEWEST} are needed."
    if kind in (ValueType.TEXT, ValueType.PATH) and 1 == len(joined(tally.inside, tally.rest)[0]) < len(tally.values):
        return "没有足够常见、可供比较的取值。" if language == "zh" else "No value is common enough to be compared."
    return None


def _compared(kind: ValueType, tally: Tally, sizes: tuple[int, int]) -> tuple[str, Effect, float]:
    """What the effect is, the effect, and the p-value."""
    a, b, n, m = tally.inside, tally.rest, tally.present[0], tally.present[1]
    match kind:
        case ValueType.BOOLEAN:
            yes = np.asarray(tally.values.to_pylist(), bool)
            return ("difference_of_shares", *_shares(int(a[yes].sum()), n, int(b[yes].sum()), m))
        case ValueType.VECTOR:
            return ("difference_of_coverage", *_shares(n, sizes[0], m, sizes[1]))
        case ValueType.TEXTS:
            if len(a) == 0:
                return "largest_difference", Effect(0.0, 0.0, 0.0), 1.0
            smallest = float(shares_p(a, n, b, m).min())
            return "largest_difference", largest_difference(a, n, b, m), min(1.0, smallest * len(a))
        case ValueType.TEXT | ValueType.PATH:
            kept = joined(a, b)
            return "dissimilarity", dissimilarity(*kept), chi_square_p(*kept)
        case _:
            return "cliffs_delta", *dominance(a, b)


def _shares(x: int, n: int, y: int, m: int) -> tuple[Effect, float]:
    found = difference_of_shares([x], n, [y], m)
    return Effect(*(float(part[0]) for part in found)), float(shares_p([x], n, [y], m)[0])


def _median(tally: Tally, counts: npt.NDArray[np.int64], words: _Words) -> Any:
    """The value of the middle member; the lower of two."""
    upto = np.cumsum(counts)
    if len(upto) == 0 or upto[-1] == 0:
        return None
    place = int(np.searchsorted(upto, (upto[-1] + 1) // 2))
    return _shown(tally.values[place].as_py(), words.zone)


def _values(kind: ValueType, tally: Tally, words: _Words) -> tuple[ValueShare, ...]:
    if kind in ORDERED and len(tally.values) > words.top:
        return _ranges(tally, words)
    n, m = max(tally.present[0], 1), max(tally.present[1], 1)
    largest = np.maximum(tally.inside / n, tally.rest / m)
    kept = np.arange(len(largest))
    if len(largest) > words.top:
        kept = np.sort(np.argpartition(-largest, words.top)[: words.top])
    if kind not in ORDERED:
        kept = kept[np.argsort(-tally.inside[kept], kind="stable")]
    if len(largest) > words.top:
        kept = kept[(tally.inside + tally.rest)[kept] >= FEWEST_SHOWN]
    counts = np.stack([side[kept] for side in (tally.inside, tally.rest, tally.base)])
    names = [_shown(tally.values[int(i)].as_py(), words.zone, kind) for i in kept]
    others = len(largest) - len(kept)
    if kind is ValueType.TEXTS or not others:  # items of several do not add up
        return _told(tally, counts, names)
    left = [[whole - some] for whole, some in zip(tally.present, counts.sum(axis=1), strict=True)]
    *made, last = _told(tally, np.append(counts, left, axis=1), [*names, None])
    return (*made, replace(last, others=others))


def _ranges(tally: Tally, words: _Words) -> tuple[ValueShare, ...]:
    """Ranges that hold about equally many of everyone compared."""
    both = np.cumsum(tally.rest + tally.inside)
    cuts = np.searchsorted(both, both[-1] * np.arange(1, words.top) / words.top) + 1
    starts = np.unique(np.concatenate([[0], cuts[cuts < len(both)]]))
    counts = np.stack([np.add.reduceat(side, starts) for side in (tally.inside, tally.rest, tally.base)])
    ends = np.append(starts[1:], len(both)) - 1
    pairs = zip(starts.tolist(), ends.tolist(), strict=True)
    return _told(tally, counts, [[_shown(tally.values[i].as_py(), words.zone) for i in pair] for pair in pairs])


def _told(tally: Tally, counts: npt.NDArray[np.int64], names: Sequence[Any]) -> tuple[ValueShare, ...]:
    """Shares of values or ranges; counts : of the audience, the rest and the base, shape (3, n_values)."""
    share, share_rest, share_base = (
        [int(x) / n if n else None for x in side] for side, n in zip(counts, tally.present, strict=True)
    )
    index = [100 * p / b if p is not None and b else None for p, b in zip(share, share_base, strict=True)]
    between: list[list[float | None]] = [[None] * len(names)] * 3
    if tally.present[0] and tally.present[1]:
        found = difference_of_shares(counts[0], tally.present[0], counts[1], tally.present[1])
        between = [part.tolist() for part in found]
    sizes = (counts[0].tolist(), counts[1].tolist())
    columns = zip(names, *sizes, share, share_rest, share_base, index, *between, strict=True)
    return tuple(ValueShare(name, 0, *told) for name, *told in columns)


def _shown(value: Any, zone: ZoneInfo, kind: ValueType | None = None) -> Any:
    """A value for people and machines: moments in the workspace's zone, paths from the top."""
    if isinstance(value, datetime):
        return show_moment(value, zone)
    if kind is ValueType.PATH:
        import json

        return " > ".join(map(str, json.loads(value)))
    return value
