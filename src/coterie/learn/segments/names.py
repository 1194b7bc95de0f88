"""Suggested names for segments, from what sets them apart most; and how columns are called in text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coterie.learn.segments.profile import Profile, Trait
from coterie.learn.segments.words import Language, Text

Floats = npt.NDArray[np.float64]
Labels = Mapping[str, Text]

_NOTABLE, _SLIGHT = 0.4, 0.2
_ALIKE = 0.7
_MOST_PARTS = 4


class SegmentName(NamedTuple):
    """A suggestion in both languages; people may change it, the id stays."""

    en: str
    zh: str


_PLAIN_WORDS: tuple[tuple[str, Text, Text], ...] = (
    (r"recency(_days)?|days_since(_.*)?", Text("long absent", "久未购买"), Text("recently active", "近期活跃")),
    (r"frequency|orders|order_count|purchases", Text("frequent", "高频"), Text("infrequent", "低频")),
    (
        r"monetary|revenue|spend|spending|sales|total_spend",
        Text("high spending", "高消费"),
        Text("low spending", "低消费"),
    ),
    (r"tenure(_days|_months)?", Text("long-standing", "老客户"), Text("new", "新客户")),
    (r"basket|basket_value|average_order_value|aov", Text("large baskets", "大单"), Text("small baskets", "小单")),
)
_HIGH, _LOW = Text("high {label}", "{label}高"), Text("low {label}", "{label}低")
_YES, _NO = Text("mostly {label}", "多为{label}"), Text("rarely {label}", "少有{label}")
_LEVEL, _NOT_LEVEL = Text("{label} {level}", "{label}为{level}"), Text("rarely {label} {level}", "{label}少为{level}")
_ABSENT, _PRESENT = Text("no {label}", "无{label}"), Text("with {label}", "有{label}")
_AVERAGE = Text("close to average", "接近平均")


def label_of(column: str, language: Language, labels: Labels) -> str:
    """What a column is called in text: its given label, else its last part without underscores.

    >>> label_of("rfm.recency_days", "en", {}), label_of("city", "zh", {"city": Text("city", "城市")})
    ('recency days', '城市')
    """
    if column in labels:
        return labels[column].en if language == "en" else labels[column].zh
    return re.sub(r"[_\s]+", " ", column.rsplit(".", 1)[-1]).strip() or column


def trait_label(trait: Trait, language: Language, labels: Labels) -> str:
    """What a trait is called in tables and plots."""
    label = label_of(trait.column, language, labels)
    if trait.kind == "missing":
        return f"{label} missing" if language == "en" else f"{label}缺失"
    return label if trait.level is None else f"{label} = {level_text(trait.level, language)}"


def level_text(level: str, language: Language) -> str:
    """A level as text; the two levels that we make are translated."""
    ours = {"(other)": "（其他）", "(missing)": "（缺失）"}
    return ours.get(level, level) if language == "zh" else level


def suggest(profile: Profile, matrix: Floats, columns: tuple[str, ...], labels: Labels) -> tuple[SegmentName, ...]:
    """One name per segment, all different in both languages.

    A name lists the two largest differences from everybody that do not say the same (correlation of the columns up to
    .7), more where two segments would else share a name.

    matrix : the prepared rows; columns : the column each of the matrix's columns comes from
    """
    alike = _alike(matrix, columns)
    ranked = [_ranked(profile, j, alike) for j in range(len(profile.sizes))]
    parts = [min(2, len(each)) for each in ranked]
    names = [_name(each, count, labels, j) for j, (each, count) in enumerate(zip(ranked, parts, strict=True))]
    for _ in range(_MOST_PARTS):
        clashing = [
            j for j, name in enumerate(names) if any(_clash(name, other) for i, other in enumerate(names) if i != j)
        ]
        for j in clashing:
            parts[j] += 1
            names[j] = _name(ranked[j], parts[j], labels, j)
    return _told_apart(names, ranked)


def _clash(one: SegmentName, other: SegmentName) -> bool:
    return one.en == other.en or one.zh == other.zh


def _told_apart(names: list[SegmentName], ranked: list[list[tuple[Trait, bool]]]) -> tuple[SegmentName, ...]:
    """Names that are still the same: the one that is farthest from everybody is "very" so, the others get their "
    "number."""
    final = []
    for j, name in enumerate(names):
        same = [i for i, other in enumerate(names) if _clash(name, other)]
        if len(same) > 1 and ranked[j]:
            column = ranked[j][0][0]
            farthest = max(same, key=lambda i: abs(column.difference[i]))
            if j == farthest:
                name = SegmentName(f"Very {name.en[0].lower()}{name.en[1:]}", f"非常{name.zh}")
            elif len(same) > 2:
                name = SegmentName(f"{name.en} ({j + 1})", f"{name.zh}（{j + 1}）")
        elif len(same) > 1:
            name = SegmentName(f"{name.en} ({j + 1})", f"{name.zh}（{j + 1}）")
        final.append(name)
    return tuple(final)


def _alike(matrix: Floats, columns: tuple[str, ...]) -> Mapping[tuple[str, str], float]:
    """The largest absolute correlation between two columns' prepared values."""
    centred = matrix - matrix.mean(axis=0)
    scaled = centred / np.maximum(centred.std(axis=0), 1e-12)
    correlation = np.abs(scaled.T @ scaled) / len(matrix)
    found: dict[tuple[str, str], float] = {}
    for i, a in enumerate(columns):
        for j, b in enumerate(columns):
            found[a, b] = max(found.get((a, b), 0.0), float(correlation[i, j]))
    return found


def _ranked(profile: Profile, j: int, alike: Mapping[tuple[str, str], float]) -> list[tuple[Trait, bool]]:
    """The segment's notable traits, largest difference first, without those that repeat an earlier one; True: "
    "above everybody."""
    worth = sorted(profile.traits, key=lambda t: -abs(t.difference[j]))
    limit = _NOTABLE if abs(worth[0].difference[j]) >= _NOTABLE else _SLIGHT
    kept: list[tuple[Trait, bool]] = []
    for trait in worth:
        if abs(trait.difference[j]) < limit or (
            trait.kind == "level" and trait.difference[j] < 0 and trait.values[j] > 0.25
        ):
            continue
        if all(trait.column != k.column and alike.get((trait.column, k.column), 0.0) <= _ALIKE for k, _ in kept):
            kept.append((trait, trait.difference[j] > 0))
    return kept


def _name(ranked: list[tuple[Trait, bool]], count: int, labels: Labels, j: int) -> SegmentName:
    if not ranked:
        return SegmentName(_AVERAGE.en.capitalize(), _AVERAGE.zh)
    chosen = ranked[:count]
    english = ", ".join(_part(trait, up, "en", labels) for trait, up in chosen)
    return SegmentName(
        english[0].upper() + english[1:], "、".join(_part(trait, up, "zh", labels) for trait, up in chosen)
    )


def _part(trait: Trait, up: bool, language: Language, labels: Labels) -> str:
    label = label_of(trait.column, language, labels)
    match trait.kind:
        case "number":
            last = trait.column.rsplit(".", 1)[-1].lower()
            for pattern, high, low in _PLAIN_WORDS:
                if re.fullmatch(pattern, last):
                    return (high if up else low).say(language)
            return (_HIGH if up else _LOW).say(language, label=label)
        case "flag":
            return (_YES if up else _NO).say(language, label=label)
        case "missing":
            return (_ABSENT if up else _PRESENT).say(language, label=label)
        case "level":
            level = level_text(trait.level or "", language)
            return (_LEVEL if up else _NOT_LEVEL).say(language, label=label, level=level)
