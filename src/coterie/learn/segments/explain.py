"""Why an entity is in its segment: for each segment a short rule on the tags themselves, with how well it does.

A small decision tree tells one segment from the rest; its best paths become a rule in Coterie's rule JSON, shortened
and rounded as long as that costs next to nothing. Precision and recall are those of the rule as written, missing values
failing their conditions, on entities that the tree did not see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from coterie.learn.segments.columns import as_flags, as_levels, as_numbers, missing
from coterie.learn.segments.names import Labels, label_of
from coterie.learn.segments.pipeline import MISSING, OTHER, CategoryStep, FlagStep, MissingStep, NumericStep, Pipeline
from coterie.learn.segments.words import Language

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Rule = dict[str, Any]

_DEPTH, _PATHS = 4, 2
_HELD_OUT, _ENOUGH_TO_HOLD_OUT, _MOST_ROWS = 0.3, 200, 20_000
_CHEAP, _WORTH_A_PATH = 0.01, 0.03


@dataclass(frozen=True)
class SegmentRule:
    """A rule for one segment, and how well it does on entities that it was not made from."""

    rule: Rule
    precision: float  # of those that match the rule, the share in the segment
    recall: float  # of the segment, the share that matches the rule
    matched: int  # entities the figures are of that match the rule


@dataclass(frozen=True)
class Explanation:
    """One rule per segment, and how well a single tree of all segments does."""

    rules: tuple[SegmentRule, ...]
    fidelity: float  # share of entities that the single tree puts right
    purity: tuple[float, ...]  # per segment, of those that the tree puts there the share that are; NaN: it puts nobody
    cost_ratio: float | None  # squared distances within the tree's groups to those within the segments; None if no aim
    depth: int  # of the single tree
    rows: int  # entities that all figures here were taken on
    held_out: bool  # whether the trees had not seen them; with few entities none can be spared


class Condition(NamedTuple):
    """One leaf of a rule: `op` is gte, lt, lte, eq, ne, exists or not_exists."""

    tag: str
    op: str
    value: float | int | str | bool | None = None

    def leaf(self) -> dict[str, Any]:
        """The leaf as rule JSON."""
        leaf: dict[str, Any] = {"tag": self.tag, "op": self.op}
        return leaf if self.value is None else leaf | {"value": self.value}


class _Feature(NamedTuple):
    """A column of the tree's matrix, and what it means to lie above a split."""

    column: str
    kind: str  # number, whole, flag, level or missing
    level: str
    values: Floats  # as the tree sees them, without NaN


class _Data(NamedTuple):
    """The columns of some rows, as rules see them: NaN and None are missing."""

    numbers: dict[str, Floats]
    levels: dict[str, npt.NDArray[np.object_]]
    gone: dict[str, Bools]

    def rows(self, chosen: Ints) -> _Data:
        numbers = {column: values[chosen] for column, values in self.numbers.items()}
        levels = {column: values[chosen] for column, values in self.levels.items()}
        return _Data(numbers, levels, {column: values[chosen] for column, values in self.gone.items()})


def explain(
    frame: pd.DataFrame, pipeline: Pipeline, labels: Ints, k: int, *, seed: int, squares: bool = True
) -> Explanation:
    """Find a rule per segment.

    frame : tag values, one row per entity; labels : segment of each row, 0 to k - 1, -1 for none
    squares : whether the segments were made to keep squared distances small; else there is no cost ratio

    Up to 20,000 entities are used; with 200 or more, the figures are of the 30 % that were held out.
    """
    rng = np.random.default_rng([seed, 7])
    rows = np.sort(rng.permutation(len(frame))[:_MOST_ROWS])
    frame, labels = frame.iloc[rows], labels[rows]
    held_out = len(rows) >= _ENOUGH_TO_HOLD_OUT
    shuffled = rng.permutation(len(rows))
    cut = int(len(rows) * (1 - _HELD_OUT)) if held_out else len(rows)
    learn, judge = np.sort(shuffled[:cut]), np.sort(shuffled[cut:]) if held_out else np.arange(len(rows))
    features, data = _read(frame, pipeline)
    matrix = np.column_stack([f.values for f in features])
    rules = tuple(_rule(matrix, features, data, labels == j, learn, judge) for j in range(k))
    depth = min(5, max(2, math.ceil(math.log2(k)) + 1))
    least = max(3, len(learn) // 200)
    tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=least, random_state=0).fit(
        matrix[learn], labels[learn]
    )
    told, truth = np.asarray(tree.predict(matrix[judge]), np.intp), labels[judge]
    inside = (told >= 0) & (truth >= 0) if squares else np.zeros(len(judge), dtype=bool)
    purity = tuple(float((truth[told == j] == j).mean()) if (told == j).any() else math.nan for j in range(k))
    ratio = cost_ratio(pipeline.transform(frame.iloc[judge[inside]]), told[inside], truth[inside])
    return Explanation(rules, float((told == truth).mean()), purity, ratio, depth, len(judge), held_out)


def cost_ratio(matrix: Floats, told: Ints, truth: Ints) -> float | None:
    """What it costs to be explained: squared distances to the own mean in one grouping over those in another.

    matrix : prepared rows; told, truth : the groups of each row by the tree and by the segments. The means of both are those
    of these rows. None where the segments themselves cost nothing.

    Source: Moshkovitz, Dasgupta, Rashtchian & Frost (2020), Explainable k-means and k-medians clustering, section 2.

    >>> cost_ratio(np.array([[0.0], [2.0], [8.0], [10.0]]), np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])) or 0
    8.666666666666666
    """

    def cost(groups: Ints) -> float:
        return sum(
            float(((part - part.mean(axis=0)) ** 2).sum()) for g in np.unique(groups) for part in [matrix[groups == g]]
        )

    own = cost(truth)
    return cost(told) / own if own > 0 else None


def _read(frame: pd.DataFrame, pipeline: Pipeline) -> tuple[list[_Feature], _Data]:
    features, data = [], _Data({}, {}, {})
    for step in pipeline.steps:
        column, values = step.column, frame[step.column]
        match step:
            case NumericStep():
                numbers = as_numbers(values)
                data.numbers[column] = numbers
                filled = np.where(np.isnan(numbers), step.fill, numbers)
                whole = bool(np.all(np.floor(filled) == filled))
                features.append(_Feature(column, "whole" if whole else "number", "", filled))
            case FlagStep():
                flags = as_flags(values)
                data.numbers[column] = flags
                features.append(_Feature(column, "flag", "", np.where(np.isnan(flags), step.centre, flags)))
            case MissingStep():
                data.gone[column] = missing(values)
                features.append(_Feature(column, "missing", "", data.gone[column].astype(np.float64)))
            case CategoryStep():
                data.levels[column], data.gone[column] = as_levels(values), missing(values)
                named = [level for level in step.levels if level not in (OTHER, MISSING)]
                features += [_Feature(column, "level", v, (data.levels[column] == v).astype(np.float64)) for v in named]
                if MISSING in step.levels:
                    features.append(_Feature(column, "missing", "", data.gone[column].astype(np.float64)))
    return features, data


def _rule(
    matrix: Floats, features: list[_Feature], data: _Data, member: Bools, learn: Ints, judge: Ints
) -> SegmentRule:
    """The rule of one segment: the best path of a tree, and a second one where that helps."""
    least = max(3, int(member[learn].sum()) // 20)
    tree = DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=least, class_weight="balanced", random_state=0)
    tree.fit(matrix[learn], member[learn])
    seen, truth = data.rows(learn), member[learn]
    paths = [_short(path, seen, truth) for path in _paths(tree, features)]
    chosen: list[list[Condition]] = []
    best = 0.0
    for _ in range(_PATHS):
        scored = [(_score(_any([*chosen, path], seen), truth), -i) for i, path in enumerate(paths)]
        score, place = max(scored, default=(0.0, 0))
        if score < best + (_WORTH_A_PATH if chosen else 1e-12):
            break
        best = score
        chosen.append(paths[-place])
    matched, truth = _any(chosen, data.rows(judge)), member[judge]
    hits = int((matched & truth).sum())
    alls: list[Rule] = [{"all": [c.leaf() for c in path]} for path in chosen]
    rule = alls[0] if len(alls) == 1 else {"any": alls}
    return SegmentRule(rule, hits / max(int(matched.sum()), 1), hits / max(int(truth.sum()), 1), int(matched.sum()))


def _paths(tree: DecisionTreeClassifier, features: list[_Feature]) -> list[list[Condition]]:
    """The paths to the leaves that lie in the segment, as conditions; repeated splits of a number become one range."""
    inner = tree.tree_
    inside = list(tree.classes_).index(True) if True in tree.classes_ else 0
    found: list[list[Condition]] = []

    def walk(node: int, bounds: dict[int, tuple[float, float]]) -> None:
        if inner.children_left[node] < 0:
            value = inner.value[node][0]
            if bounds and value[inside] >= 0.5 * value.sum():
                found.append([c for f, b in bounds.items() for c in _conditions(features[f], *b)])
            return
        feature, cut = int(inner.feature[node]), float(inner.threshold[node])
        low, high = bounds.get(feature, (-math.inf, math.inf))
        walk(int(inner.children_left[node]), bounds | {feature: (low, min(high, cut))})
        walk(int(inner.children_right[node]), bounds | {feature: (max(low, cut), high)})

    walk(0, {})
    return found


def _conditions(feature: _Feature, low: float, high: float) -> list[Condition]:
    """`low < value <= high` in the words of the rule language."""
    up = low > -math.inf
    match feature.kind:
        case "flag":
            return [Condition(feature.column, "eq", up)]
        case "missing":
            return [Condition(feature.column, "not_exists" if up else "exists")]
        case "level":
            return [Condition(feature.column, "eq" if up else "ne", feature.level)]
        case "whole":
            bounds = [Condition(feature.column, "gte", math.floor(low) + 1)] if up else []
            return bounds + ([Condition(feature.column, "lte", math.floor(high))] if high < math.inf else [])
        case _:
            bounds = [Condition(feature.column, "gte", low)] if up else []
            return bounds + ([Condition(feature.column, "lt", high)] if high < math.inf else [])


def _short(path: list[Condition], data: _Data, truth: Bools) -> list[Condition]:
    """The path without conditions that do next to nothing, and with round numbers where they cost next to nothing."""
    aim = _score(_all(path, data), truth) - _CHEAP
    for condition in list(path):
        fewer = [c for c in path if c is not condition]
        if fewer and _score(_all(fewer, data), truth) >= aim:
            path = fewer
    for i, condition in enumerate(path):
        for digits in (1, 2, 3, 4):
            rounded = [*path[:i], _rounded(condition, digits), *path[i + 1 :]]
            if _score(_all(rounded, data), truth) >= aim:
                path = rounded
                break
    return path


def _rounded(condition: Condition, digits: int) -> Condition:
    value = condition.value
    if isinstance(value, bool | str) or value is None or value == 0:
        return condition
    near = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    return condition._replace(value=int(near) if near == int(near) else float(near))


def _score(matched: Bools, truth: Bools) -> float:
    """F1 of the rule."""
    return 2 * float((matched & truth).sum()) / max(float(matched.sum() + truth.sum()), 1.0)


def _any(paths: list[list[Condition]], data: _Data) -> Bools:
    return np.asarray(np.logical_or.reduce([_all(path, data) for path in paths]))


def _all(path: list[Condition], data: _Data) -> Bools:
    return np.asarray(np.logical_and.reduce([_holds(condition, data) for condition in path]))


def _holds(condition: Condition, data: _Data) -> Bools:
    """The condition by the rule language's meaning: a missing value fails."""
    tag, op, value = condition
    if op in ("exists", "not_exists"):
        return np.asarray(data.gone[tag] == (op == "not_exists"))
    if tag in data.levels:
        same = data.levels[tag] == value
        return np.asarray(same if op == "eq" else ~same & ~data.gone[tag])
    numbers, bound = data.numbers[tag], float(value or 0)
    match op:
        case "gte":
            return np.asarray(numbers >= bound)
        case "lt":
            return np.asarray(numbers < bound)
        case "lte":
            return np.asarray(numbers <= bound)
        case _:
            return np.asarray(numbers == bound)


_SIGNS = {"gte": "≥", "lt": "<", "lte": "≤", "eq": "=", "ne": "≠"}


def rule_text(rule: Rule, language: Language, labels: Labels) -> str:
    """The rule as one sentence's worth of words.

    >>> rule = {"all": [{"tag": "rfm.frequency", "op": "gte", "value": 3}, {"tag": "city", "op": "exists"}]}
    >>> rule_text(rule, "en", {}), rule_text(rule, "zh", {})
    ('frequency ≥ 3 and city is known', 'frequency ≥ 3 且 city有值')
    """
    if "any" in rule:
        joint = "; or " if language == "en" else "；或 "
        return joint.join(rule_text(part, language, labels) for part in rule["any"])
    joint = " and " if language == "en" else " 且 "
    return joint.join(_leaf_text(leaf, language, labels) for leaf in rule["all"])


def _leaf_text(leaf: dict[str, Any], language: Language, labels: Labels) -> str:
    label, op = label_of(leaf["tag"], language, labels), leaf["op"]
    if op in ("exists", "not_exists"):
        known = op == "exists"
        return (
            f"{label} is {'known' if known else 'missing'}"
            if language == "en"
            else f"{label}{'有值' if known else '缺失'}"
        )
    value = leaf["value"]
    if isinstance(value, bool):
        yes = value == (op == "eq")
        return f"{label}: {'yes' if yes else 'no'}" if language == "en" else f"{label}：{'是' if yes else '否'}"
    shown = f"{value:,}" if isinstance(value, int) else value if isinstance(value, str) else f"{value:,.6g}"
    return f"{label} {_SIGNS[op]} {shown}"
