"""The plain ways that every clustering must beat: RFM cells, ABC tiers, and natural breaks of one number.

They cut raw columns at thresholds. The columns are scaled but not bent or limited, so that a threshold says the same before
and after the preparation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from coterie.errors import Refused
from coterie.learn.segments.methods.base import (
    Clusters,
    Columns,
    Floats,
    Ints,
    Nearest,
    beside,
    chunked,
    group_means,
    ordered,
    within,
)

_TIERS = (("A", "A 类"), ("B", "B 类"), ("C", "C 类"))
_TIER_SHARES = (0.80, 0.95)
_SIZES = {
    2: (("Small", "小"), ("Large", "大")),
    3: (("Small", "小"), ("Medium", "中"), ("Large", "大")),
    4: (("Small", "小"), ("Medium", "中"), ("Large", "大"), ("Very large", "特大")),
}
_PATTERNS = {
    "recency": r"recency(_days|_score)?|days_since(_.*)?",
    "frequency": r"frequency|orders?|order_count|purchases",
    "monetary": r"monetary|revenue|spend|spending|sales|total_spend|amount",
}
_GROUPS = (
    ("Champions", "重要价值客户"),
    ("Loyal, cooling", "重要保持客户"),
    ("Valuable, drifting away", "重要挽留客户"),
    ("New or promising", "新客与潜力客户"),
    ("Occasional", "一般维持客户"),
    ("Lost", "流失客户"),
)
_DISTINCT = 1_000  # values that natural breaks are sought among


@dataclass(frozen=True)
class Cuts:
    """Scores by thresholds on columns, and the segment of each combination of scores.

    A value's score is the number of its column's cuts that lie below it. The second segment is the nearest other centre.
    """

    kind: ClassVar[str] = "cuts"
    columns: tuple[int, ...]  # matrix columns
    cuts: tuple[tuple[float, ...], ...]  # of each of them, ascending, in prepared units
    cells: tuple[int, ...]  # the segment of each combination of scores, the last column's score running fastest
    titles: tuple[tuple[str, str], ...]  # English and Chinese name of each segment

    def assign(self, matrix: Floats, centres: Floats) -> Nearest:
        """By the cell that the row's scores make."""
        return chunked(lambda rows: beside(np.array(self.cells, np.intp)[self.cell(rows)], rows, centres), matrix)

    def cell(self, matrix: Floats) -> Ints:
        """The number of each row's cell."""
        place = np.zeros(len(matrix), np.intp)
        for column, cuts in zip(self.columns, self.cuts, strict=True):
            place = place * (len(cuts) + 1) + np.searchsorted(np.array(cuts), matrix[:, column], side="left")
        return place

    def renumbered(self, order: Sequence[int]) -> Cuts:
        """With segment `order[j]` called j."""
        place = {old: new for new, old in enumerate(order)}
        titles = tuple(self.titles[j] for j in order)
        return Cuts(self.columns, self.cuts, tuple(place[cell] for cell in self.cells), titles)

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """As the method calls them."""
        return self.titles


def _solution(matrix: Floats, rule: Cuts) -> Clusters:
    """The solution of a rule; cells where nobody is go to the segment of the nearest cell, so that each has members."""
    cell = rule.cell(matrix)
    used = np.unique(np.array(rule.cells)[cell])
    place = {int(old): new for new, old in enumerate(used)}
    # a cell of a segment without members takes the next segment in the order of the titles that has some
    cells = tuple(place[int(used[np.abs(used - c).argmin()])] for c in rule.cells)
    rule = Cuts(rule.columns, rule.cuts, cells, tuple(rule.titles[j] for j in used))
    if len(used) < 2:
        raise Refused("too_few_rows", "All entities fall into one group.", place="--method", fix="Choose other tags.")
    labels = np.array(rule.cells, np.intp)[cell]
    centres = group_means(matrix, labels, len(used))
    return ordered(Clusters(labels, centres, within(matrix, labels, centres), rule))


def _one_number(columns: Columns | None, method: str, what: str) -> int:
    names = columns.numeric_tags() if columns is not None else ()
    if columns is None or len(names) != 1 or len(set(columns.names)) != 1:
        given = ", ".join(dict.fromkeys(columns.names)) if columns is not None else "a matrix"
        raise Refused(
            "bad_column",
            f"{method} takes one column, {what}; it was given {given}.",
            place="--tags",
            fix=f"Name one number, such as --tags rfm.monetary --method {method}.",
        )
    return int(np.flatnonzero(columns.numbers)[0])


def breaks(
    matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None, columns: Columns | None = None
) -> Clusters:
    """Small, medium and large by natural breaks of one number: the cuts that leave least variance inside.

    Exact on up to 1,000 different values; of more, on so many quantiles of equal weight.

    Raises Refused `bad_column`: not one number. Source: Fisher (1958), On grouping for maximum homogeneity, J. American
    Statistical Association 53; Jenks (1967).
    """
    column = _one_number(columns, "breaks", "a number")
    values = np.sort(matrix[:, column])
    cuts = natural_breaks(values, k)
    titles = _SIZES.get(len(cuts) + 1) or tuple((f"Size {j + 1}", f"第 {j + 1} 档") for j in range(len(cuts) + 1))
    return _solution(matrix, Cuts((column,), (tuple(map(float, cuts)),), tuple(range(len(cuts) + 1)), titles))


def natural_breaks(values: Floats, k: int) -> Floats:
    """The largest value of each group but the last, where k groups of sorted values have least variance inside.

    >>> natural_breaks(np.array([1.0, 2.0, 3.0, 10.0, 11.0, 40.0]), 3).tolist()
    [3.0, 11.0]
    """
    points, weights = np.unique(values, return_counts=True)
    if len(points) > _DISTINCT:
        parts = np.array_split(values, _DISTINCT)
        tops = np.unique([part[-1] for part in parts])
        place = np.searchsorted(tops, values, side="left")
        weights = np.bincount(place, minlength=len(tops))
        means = np.bincount(place, weights=values, minlength=len(tops)) / weights
    else:
        tops, means = points, points
    k = min(k, len(tops))
    ends = _fisher(means, weights.astype(np.float64), k)
    return np.asarray(tops[ends[:-1]])


def _fisher(points: Floats, weights: Floats, k: int) -> Ints:
    """The last point of each of k groups, by dynamic programming over where the last group starts."""
    n = len(points)
    w, x, xx = (np.concatenate([[0.0], np.cumsum(v)]) for v in (weights, weights * points, weights * points**2))
    start, end = np.arange(n)[:, None], np.arange(1, n + 1)[None, :]
    mass = np.where(end > start, w[end] - w[start], 1.0)
    cost = np.where(end > start, xx[end] - xx[start] - (x[end] - x[start]) ** 2 / mass, np.inf)
    best, begun = cost[0], []
    for _ in range(k - 1):
        total = np.concatenate([[np.inf], best[:-1]])[:, None] + cost
        begun.append(total.argmin(axis=0))
        best = total.min(axis=0)
    ends = [n - 1]
    for begins in reversed(begun):
        ends.append(int(begins[ends[-1]]) - 1)
    return np.array(ends[::-1])


def abc(
    matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None, columns: Columns | None = None
) -> Clusters:
    """Tiers by cumulated amount: A makes the first 80 % of the sum, B the next 15 %, C the rest.

    matrix : one column, shifted so that 0 stays 0 (see `prepare_plain`); equal amounts share a tier

    Raises Refused `bad_column`: not one number; `too_few_rows`: all amounts are alike. Source: Pareto's rule as Dickie
    (1951), ABC inventory analysis shoots for dollars, not pennies.
    """
    column = _one_number(columns, "abc", "an amount")
    amounts = np.sort(matrix[:, column])[::-1]
    total = np.maximum(amounts, 0.0).cumsum()
    if total[-1] <= 0:
        raise Refused("bad_column", "The amounts sum to nothing.", place="--tags", fix="Choose an amount above 0.")
    share_before = (total - np.maximum(amounts, 0.0)) / total[-1]
    # the largest amount that no longer belongs to the tier: the sum of all larger ones has reached its share
    ends = np.searchsorted(share_before, _TIER_SHARES, side="left")
    cuts = [float(amounts[end]) for end in np.minimum(ends, len(amounts) - 1)]
    ascending = tuple(sorted(set(cuts)))
    titles = _TIERS[::-1] if len(ascending) == 2 else (("C", "C 类"), ("A", "A 类"))
    return _solution(matrix, Cuts((column,), (ascending,), tuple(range(len(ascending) + 1)), titles))


def rfm(
    matrix: Floats, k: int, *, seed: int, starts: int, first: Floats | None = None, columns: Columns | None = None
) -> Clusters:
    """Groups of RFM cells: scores 1 to 5 by the share of customers strictly worse, as the recipe `rfm` gives them.

    Three columns are found by name: recency (days; fewer are better), frequency and monetary. Good customers, by the mean of
    F and M from 3.5, are champions (R 4 or 5), cooling (R 3) or drifting away; the others new or promising, occasional or lost.

    Raises Refused `bad_column`: a column is missing.
    """
    columns = columns or Columns((), np.empty(0, np.intp), np.empty(0))
    places = tuple(_place(columns, part) for part in _PATTERNS)
    recency = matrix[:, places[0]]
    # fewer days are better: the cuts that leave a share strictly worse are taken from the other side
    cuts = (_cuts_down(recency), _cuts_up(matrix[:, places[1]]), _cuts_up(matrix[:, places[2]]))
    cells = [_group(5 - worse, f + 1, m + 1) for worse in range(5) for f in range(5) for m in range(5)]
    return _solution(matrix, Cuts(places, cuts, tuple(cells), _GROUPS))


def fills(names: Sequence[str]) -> dict[str, str]:
    """What a missing value counts as: never bought is as bad as the longest absence, and bought nothing.

    >>> fills(["rfm.recency_days", "rfm.monetary", "age"])
    {'rfm.recency_days': 'most', 'rfm.monetary': 'nothing'}
    """
    counts_as = {"recency": "most", "frequency": "nothing", "monetary": "nothing"}
    found = {}
    for name in names:
        for part, fill in counts_as.items():
            if re.fullmatch(_PATTERNS[part], name.rsplit(".", 1)[-1].lower()):
                found[name] = fill
    return found


def _place(columns: Columns, part: str) -> int:
    for j, (name, number) in enumerate(zip(columns.names, columns.numbers, strict=True)):
        if number and re.fullmatch(_PATTERNS[part], name.rsplit(".", 1)[-1].lower()):
            return j
    raise Refused(
        "bad_column",
        f"rfm needs a column for {part}, and none is called so.",
        place="--tags",
        fix="Give --tags rfm.recency_days,rfm.frequency,rfm.monetary (coterie tag add --recipe rfm).",
    )


def _cuts_up(values: Floats) -> tuple[float, ...]:
    """Above cut s of four, at least s fifths of the customers are strictly lower."""
    ranked, n = np.sort(values), len(values)
    return tuple(float(ranked[-(-s * n // 5) - 1]) for s in range(1, 5))


def _cuts_down(values: Floats) -> tuple[float, ...]:
    """The values up to which at least 4, 3, 2 and 1 fifths of the customers are strictly higher."""
    ranked, n = np.sort(values), len(values)
    # strictly below the s-th largest fifth's smallest value; the cut itself counts as below, so the next lower number
    return tuple(float(np.nextafter(ranked[n - -(-s * n // 5)], -np.inf)) for s in range(4, 0, -1))


def _group(r: int, f: int, m: int) -> int:
    """The named group of a cell of scores 1 to 5."""
    good = f + m >= 7
    recent = 0 if r >= 4 else 1 if r == 3 else 2
    return recent if good else 3 + recent
