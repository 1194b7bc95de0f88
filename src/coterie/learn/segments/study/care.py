"""Fairness and law: who is in which segment by protected attributes, inputs that stand in for them, how small groups
get, and who may be contacted.

Association is Cramer's V: 0 none, 1 one tells the other. It is corrected for what chance alone gives in small tables;
numbers are cut into five parts of equal size first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.learn.segments.columns import as_flags, as_levels, as_numbers, kind_of
from coterie.learn.segments.study.intervals import Interval, share_interval
from coterie.stats.agreement import contingency

if TYPE_CHECKING:
    Series = pd.Series[Any]

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

STRONG = 0.3
"""From this V on an association is called strong, and an input a proxy."""
PROTECTED = re.compile(
    r"(^|[^a-z])(sex|gender|age|birth\w*|year_birth|race|ethnic\w*|relig\w*|national\w*|disab\w*|marital\w*|pregnan\w*|"
    r"orientation|senior\w*)([^a-z]|$)|性别|年龄|生日|出生|民族|种族|宗教|国籍|婚姻|残疾",
    re.IGNORECASE,
)
_PARTS, _MOST_LEVELS, _DRAWS = 5, 12, 200


class Protected(NamedTuple):
    """How far the segments differ by a protected attribute."""

    column: str
    is_input: bool  # whether the segments were made with it
    association: Interval
    levels: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]  # per segment the share of each level, of those that have a value


class Proxy(NamedTuple):
    """An input that tells a protected attribute."""

    column: str
    protects: str
    association: float


class Channel(NamedTuple):
    """Who may be contacted by a channel, per segment."""

    channel: str
    shares: tuple[Interval, ...]


@dataclass(frozen=True)
class Care:
    """Part thirteen of the report."""

    protected: tuple[Protected, ...]
    guessed: bool  # whether the attributes were found by their names, not named by somebody
    proxies: tuple[Proxy, ...]  # strong ones, the strongest first
    inputs_checked: int
    smallest_segment: int
    smallest_group: int | None  # fewest customers of one segment that share all protected attributes
    channels: tuple[Channel, ...]


def protected_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Those that look protected by their names.

    >>> protected_columns(["age", "average_order", "Year_Birth", "性别", "crm.gender", "usage_days"])
    ('age', 'Year_Birth', '性别', 'crm.gender')
    """
    return tuple(c for c in columns if PROTECTED.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(c))))


def care(
    inputs: pd.DataFrame,
    others: pd.DataFrame | None,
    labels: Ints,
    ids: Sequence[int],
    *,
    protected: Sequence[str] | None = None,
    seed: int = 0,
) -> Care:
    """Look at segments with the eyes of those who are in them.

    inputs : the columns segmented by; others : what else is known of the same rows, with `reach.CHANNEL` columns
    protected : names of protected attributes among both; None: guessed from the names
    """
    known = inputs if others is None else inputs.join(others[[c for c in others if c not in inputs]])
    named = protected_columns([str(c) for c in known.columns]) if protected is None else tuple(protected)
    coded = {c: found for c in named if c in known.columns and (found := _coded(known[c])) is not None}
    rows = [_protected(c, c in inputs.columns, code, labels, ids, seed) for c, code in coded.items()]
    free = [str(c) for c in inputs.columns if c not in coded]
    inner = [(c, found) for c in free if (found := _coded(inputs[c])) is not None] if coded else []
    proxies = [Proxy(c, p, v) for c, own in inner for p, code in coded.items() if (v := _told(own, code)) >= STRONG]
    sizes = [int((labels == i).sum()) for i in ids]
    channels = tuple(_channel(c, known[c], labels, ids) for c in known.columns if str(c).startswith("reach."))
    return Care(
        tuple(sorted(rows, key=lambda r: -r.association.value)),
        protected is None,
        tuple(sorted(proxies, key=lambda p: -p.association)),
        len(free),
        min(sizes),
        _smallest(coded, labels),
        channels,
    )


class _Coded(NamedTuple):
    codes: Ints  # place of the level, -1 where missing
    levels: tuple[str, ...]


def _coded(values: Series) -> _Coded | None:
    """A column as a few levels; None where it has one value or none."""
    match kind_of(values):
        case "number":
            numbers = as_numbers(values)
            if len(np.unique(numbers[~np.isnan(numbers)])) > _MOST_LEVELS:
                return _parts(numbers)
            levels = np.array([None if np.isnan(v) else f"{v:g}" for v in numbers], dtype=object)
        case "moment" | "list" | "empty":
            return None
        case _:
            levels = as_levels(values)
    present = [v for v in levels if v is not None]
    names, counts = np.unique(present, return_counts=True)
    kept = [str(names[i]) for i in np.argsort(-counts, kind="stable")[:_MOST_LEVELS]]
    places = {level: i for i, level in enumerate(sorted(kept))}
    codes = np.array([-1 if v is None else places.get(str(v), len(kept)) for v in levels], dtype=np.intp)
    more = ("…",) if (codes == len(kept)).any() else ()
    return _Coded(codes, (*sorted(kept), *more)) if len(kept) > 1 else None


def _parts(numbers: Floats) -> _Coded | None:
    gone = np.isnan(numbers)
    cuts = np.unique(np.quantile(numbers[~gone], np.arange(1, _PARTS) / _PARTS))
    codes = np.where(gone, -1, np.searchsorted(cuts, np.where(gone, 0.0, numbers), side="right")).astype(np.intp)
    ends = [f"{c:.6g}" for c in cuts]
    names = [f"≤ {ends[0]}", *(f"{a} – {b}" for a, b in pairwise(ends)), f"> {ends[-1]}"]
    used = np.unique(codes[codes >= 0])
    if len(used) < 2:
        return None
    place = np.searchsorted(used, codes)
    return _Coded(np.where(codes < 0, -1, place), tuple(names[i] for i in used))


def _protected(column: str, is_input: bool, coded: _Coded, labels: Ints, ids: Sequence[int], seed: int) -> Protected:
    table = _table(labels, coded, ids)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    rows = tuple(tuple(float(v) for v in row) for row in shares)
    return Protected(column, is_input, association(table, seed), coded.levels, rows)


def _table(labels: Ints, coded: _Coded, ids: Sequence[int]) -> Floats:
    place = {i: p for p, i in enumerate(ids)}
    rows = np.array([place.get(i, -1) for i in labels.tolist()], dtype=np.intp)
    both = (rows >= 0) & (coded.codes >= 0)
    return contingency(rows[both], coded.codes[both], len(ids), len(coded.levels))


def association(table: Floats, seed: int) -> Interval:
    """Bias-corrected Cramer's V of a table of counts, with the interval of a multinomial bootstrap.

    Source: Bergsma (2013), A bias-correction for Cramer's V and Tschuprow's T, J. Korean Statistical Society 42.

    >>> round(association(np.array([[50.0, 0.0], [0.0, 50.0]]), 0).value, 6)
    1.0
    >>> association(np.array([[25.0, 25.0], [25.0, 25.0]]), 0).value
    0.0
    """
    n = int(table.sum())
    if n < 2:
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng([seed, 59])
    draws = rng.multinomial(n, (table / n).ravel(), size=_DRAWS).reshape(_DRAWS, *table.shape)
    low, high = np.quantile([cramers_v(draw.astype(np.float64)) for draw in draws], [0.025, 0.975])
    return Interval(cramers_v(table), float(low), float(high))


def cramers_v(table: Floats) -> float:
    """Bias-corrected Cramer's V of a table of counts, from 0 to 1; 0 where a side has one level."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n, (r, c) = table.sum(), table.shape
    if min(r, c) < 2 or n < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / n
    phi = max(0.0, float(((table - expected) ** 2 / expected).sum() / n) - (r - 1) * (c - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return float(min(1.0, np.sqrt(phi / max(min(rows - 1, columns - 1), 1e-12))))


def _told(coded: _Coded, protected: _Coded) -> float:
    both = (coded.codes >= 0) & (protected.codes >= 0)
    table = contingency(coded.codes[both], protected.codes[both], len(coded.levels), len(protected.levels))
    return cramers_v(table)


def _smallest(coded: dict[str, _Coded], labels: Ints) -> int | None:
    if not coded:
        return None
    groups = pd.DataFrame({"segment": labels} | {c: found.codes for c, found in coded.items()})
    return int(groups.groupby(list(groups.columns)).size().min())


def _channel(column: str, values: Series, labels: Ints, ids: Sequence[int]) -> Channel:
    yes = as_flags(values) == 1.0
    shares = tuple(share_interval(int(yes[labels == i].sum()), int((labels == i).sum())) for i in ids)
    return Channel(column.removeprefix("reach."), shares)
