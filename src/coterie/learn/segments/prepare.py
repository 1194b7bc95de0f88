"""Deciding how each column is prepared: what is logged, limited, filled, merged or dropped, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from coterie.errors import Refused, unknown_name
from coterie.learn.segments.columns import Kind, as_flags, as_levels, as_numbers, kind_of, missing
from coterie.learn.segments.pipeline import (
    MISSING,
    OTHER,
    CategoryStep,
    Components,
    Dropped,
    FlagStep,
    MissingStep,
    NumericStep,
    Pipeline,
    Step,
    bend,
)
from coterie.learn.segments.words import dropped_text

if TYPE_CHECKING:
    Series = pd.Series[Any]

Floats = npt.NDArray[np.float64]

MODES = ("auto", "standard", "none")
HALF = 0.5**0.5
"""Weight of a column of a few separate values, so that its variance is 1/2 (see `pipeline`)."""

_SKEWED, _SKEWED_MONEY = 0.8, 0.4  # without the outermost 2 % on each side
_INNER = (0.02, 0.98)
_FENCE = 3.0  # interquartile ranges beyond the quartiles: Tukey's outer fence, 4.7 standard deviations if normal
_MOST_LIMITED = 0.01  # of the values, on each side: more than that are no outliers but a group
_MANY_MISSING, _ALMOST_EMPTY = 0.05, 0.95
_RARE_SHARE, _RARE_COUNT, _MOST_LEVELS = 0.01, 5, 12
_SAME = 0.99995
_ALIKE, _COMPARED_ROWS = 0.99, 20_000  # in a sample of so many rows
_ID_NAME = re.compile(r"(^|[^a-z])(id|key|no|number|phone|mobile)$|编号|手机|电话", re.IGNORECASE)


class _Decided(NamedTuple):
    steps: tuple[Step, ...]
    dropped: Dropped | None = None


def prepare(
    frame: pd.DataFrame,
    *,
    mode: str = "auto",
    money: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    pca: float | None = None,
) -> Pipeline:
    """Decide the preparation of every column; the result transforms this frame and later ones.

    mode : `auto` takes the skew out of numbers, limits extremes and scales; `standard` only scales; `none` takes
        numbers as they are. All three fill missing numbers with the median, spread categories over columns, and drop
        what cannot be used.
    money : columns that are amounts of money; they are logged at half the skew that other columns need.
    weights : how many times a column counts, by its name or by that of its block (`rfm` for all of `rfm.`); a distance
        in it is multiplied by this.
    pca : principal components in place of the columns: so many, or below 1 as many as hold this share of the variance.

    Raises Refused `no_usable_column`, `bad_column` (infinity), `unknown_name` (money or weights name no column),
    `bad_argument`.

    >>> spend = [0, 5, 9, 20, 33, 70, 150, 990]
    >>> frame = pd.DataFrame({"spend": spend, "vip": [True, False] * 4, "key": list("abcdefgh")})
    >>> pipeline = prepare(frame)
    >>> [(s.column, s.kind) for s in pipeline.steps], pipeline.steps[0].transform
    ([('spend', 'number'), ('vip', 'flag')], 'log1p')
    >>> [(d.column, d.reason) for d in pipeline.dropped]
    [('key', 'id')]
    """
    if mode not in MODES:
        raise Refused(
            "bad_argument", f'"{mode}" is no preparation.', place="prepare", fix=f"Use one of {', '.join(MODES)}."
        )
    for name in money:
        if name not in frame.columns:
            raise unknown_name("column", name, [str(c) for c in frame.columns], place="money")
        if kind_of(frame[name]) not in ("number", "empty"):
            raise Refused(
                "bad_argument", f'"{name}" holds no numbers, so it is no money.', place="money", fix="Leave it out."
            )
    steps: list[Step] = []
    dropped: list[Dropped] = []
    for name in frame.columns:
        decided = _decide(frame[name].rename(str(name)), mode, str(name) in money)
        steps += decided.steps
        dropped += [decided.dropped] if decided.dropped else []
    if mode != "none":
        steps, copies = _without_copies(frame, steps)
        dropped += copies
    if not steps:
        reasons = "; ".join(f"{d.column}: {dropped_text(d, 'en')}" for d in dropped)
        raise Refused(
            "no_usable_column", f"No column can be used ({reasons or 'none was given'}).", fix="Choose other tags."
        )
    names = [str(c) for c in frame.columns]
    weighed = tuple(replace(s, weight=s.weight * _weight(s.column, weights or {}, names)) for s in steps)
    pipeline = Pipeline(mode, len(frame), weighed, tuple(dropped))
    return pipeline if pca is None else replace(pipeline, components=_components(pipeline.scaled(frame), pca))


def prepare_plain(frame: pd.DataFrame, fills: Mapping[str, str]) -> Pipeline:
    """Numbers divided by their standard deviation and nothing else, so that thresholds and sums keep their meaning.

    fills : what stands in for a missing value, by column: `least`, `most` or `nothing` (0); the median where not named.

    >>> frame = pd.DataFrame({"spend": [0.0, 8.0, None, 4.0]})
    >>> prepare_plain(frame, {"spend": "nothing"}).transform(frame).ravel().round(2).tolist()
    [0.0, 2.83, 0.0, 1.41]
    """
    pipeline = prepare(frame, mode="standard")
    steps: list[Step] = []
    for step in pipeline.steps:
        if isinstance(step, NumericStep):
            present = as_numbers(frame[step.column])
            present = present[~np.isnan(present)]
            value = {"least": present.min(), "most": present.max(), "nothing": 0.0}.get(fills.get(step.column, ""))
            step = replace(step, centre=0.0, fill=step.fill if value is None else float(value))
        if not isinstance(step, MissingStep):
            steps.append(step)
    return replace(pipeline, mode="plain", steps=tuple(steps))


def _weight(column: str, weights: Mapping[str, float], names: Sequence[str]) -> float:
    """The product of the weights that name a column or its block."""
    product = 1.0
    for name, weight in weights.items():
        if name not in names and not any(known.startswith(f"{name}.") for known in names):
            raise unknown_name("column", name, names, place="--weight")
        if not 0 < weight < float("inf"):
            fix = "Give a number above 0, or leave the column out."
            raise Refused("bad_argument", f"The weight of {name} is {weight:g}.", place="--weight", fix=fix)
        if column == name or column.startswith(f"{name}."):
            product *= weight
    return product


def _components(scaled: Floats, pca: float) -> Components:
    """The principal components asked for."""
    width = scaled.shape[1]
    if not (0 < pca < 1 or (pca == int(pca) and 1 <= pca <= width)):
        raise Refused(
            "bad_argument",
            f"pca is {pca:g}.",
            place="--pca",
            fix=f"Give a share of the variance below 1, such as .9, or a whole number of components from 1 to {width}.",
        )
    middle = scaled.mean(axis=0)
    values, vectors = np.linalg.eigh((scaled - middle).T @ (scaled - middle) / len(scaled))
    shares = np.maximum(values[::-1], 0.0) / max(float(values.sum()), 1e-300)
    count = int(pca) if pca >= 1 else int(np.searchsorted(shares.cumsum(), pca - 1e-12)) + 1
    axes = vectors[:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(count)])
    return Components(
        tuple(map(float, middle)), tuple(tuple(map(float, axis)) for axis in axes.T), tuple(map(float, shares[:count]))
    )


def _decide(values: Series, mode: str, money: bool) -> _Decided:
    name, kind = str(values.name), kind_of(values)
    unusable: dict[Kind, str] = {"empty": "empty", "moment": "moment", "list": "list"}
    if kind in unusable:
        return _Decided((), Dropped(name, unusable[kind]))
    gone = int(missing(values).sum())
    if mode != "none" and gone > _ALMOST_EMPTY * len(values):
        return _Decided((), Dropped(name, "almost_empty", str(len(values) - gone)))
    match kind:
        case "number":
            return _number(values, mode, money, gone)
        case "flag":
            return _flag(values, mode, gone)
        case _:
            return _category(values, mode, gone)


def _number(values: Series, mode: str, money: bool, gone: int) -> _Decided:
    name, found = str(values.name), as_numbers(values)
    present = found[~np.isnan(found)]
    distinct = np.unique(present)
    if len(distinct) == 1:
        return _Decided((), Dropped(name, "constant", f"{distinct[0]:g}"))
    if mode != "none" and _row_number(name, present, distinct):
        return _Decided((), Dropped(name, "id"))
    fill = float(np.median(present))
    if mode == "none":
        return _Decided((NumericStep(name, "identity", 0.0, fill, None, None, 0.0, 1.0, 1.0, gone, 0),))
    transform, power = ("identity", 0.0) if mode == "standard" else _unskew(present, money)
    low, high = (None, None) if mode == "standard" else _limits(present, transform, power)
    below, above = (-np.inf if low is None else low), (np.inf if high is None else high)
    limited = int(((present < below) | (present > above)).sum())
    weight = HALF if mode == "auto" and len(distinct) == 2 else 1.0
    rough = NumericStep(name, transform, power, fill, low, high, 0.0, 1.0, 1.0, gone, limited)
    bent = rough.scaled(np.where(np.isnan(found), fill, found))
    if bent.std() <= 1e-12 * max(1.0, float(np.abs(bent).max())):
        return _Decided((), Dropped(name, "constant", f"{fill:g}"))
    centre, scale = float(bent.mean()), float(bent.std())
    step = NumericStep(name, transform, power, fill, low, high, centre, scale, weight, gone, limited)
    return _Decided((step, *_indicator(name, gone, len(values))))


def _row_number(name: str, present: Floats, distinct: Floats) -> bool:
    """Whole numbers that are all different and either count the rows or are called a key."""
    n = len(present)
    if n < 20 or len(distinct) < n or not np.all(present == np.floor(present)):
        return False
    counting = n >= 50 and (distinct[-1] - distinct[0]) < 1.05 * n
    return counting or bool(_ID_NAME.search(name))


def _unskew(present: Floats, money: bool) -> tuple[str, float]:
    """The transformation that a column's skew asks for, and its power."""
    inner = np.clip(present, *np.quantile(present, _INNER))
    limit = _SKEWED_MONEY if money else _SKEWED
    skew = _skew(inner)
    if abs(skew) <= limit:
        return "identity", 0.0
    if skew > 0 and present.min() >= 0:
        # up to 1 a number is a share, where log1p would be all but a straight line
        helps = present.max() > 1 and abs(_skew(np.log1p(inner))) < abs(skew)
        return ("log1p", 0.0) if helps else ("identity", 0.0)
    if np.ptp(inner) == 0:
        return "identity", 0.0
    with np.errstate(all="ignore"):
        power = float(np.clip(stats.yeojohnson_normmax(inner[:: max(1, len(inner) // 20_000)]), -1.0, 3.0))
    power = round(power, 6)
    bent = bend(inner, "yeo_johnson", power)
    helps = bool(np.isfinite(bent).all()) and abs(_skew(bent)) < abs(skew)
    return ("yeo_johnson", power) if helps else ("identity", 0.0)


def _skew(values: Floats) -> float:
    return 0.0 if values.std() == 0 else float(stats.skew(values))


def _limits(present: Floats, transform: str, power: float) -> tuple[float | None, float | None]:
    """Tukey's outer fences on the transformed scale, given in natural units as the last values inside.

    At most 1 % on each side is limited, since more is no outlier but a group; None where nothing is beyond.
    """
    bent = bend(present, transform, power)
    low, high = np.quantile(bent, [0.25, 0.75])
    reach = _FENCE * (high - low)
    if reach == 0:
        return None, None
    least, most = np.quantile(bent, [_MOST_LIMITED, 1 - _MOST_LIMITED])
    below, above = bent < min(low - reach, least), bent > max(high + reach, most)
    inside = present[~below & ~above]
    return (float(inside.min()) if below.any() else None), (float(inside.max()) if above.any() else None)


def _indicator(name: str, gone: int, rows: int) -> tuple[MissingStep, ...]:
    share = gone / rows
    if share < _MANY_MISSING:
        return ()
    return (MissingStep(name, share, float(np.sqrt(share * (1 - share))), HALF),)


def _flag(values: Series, mode: str, gone: int) -> _Decided:
    name, found = str(values.name), as_flags(values)
    share = float(np.nanmean(found))
    if share in (0.0, 1.0):
        return _Decided((), Dropped(name, "constant", "true" if share else "false"))
    if mode == "none":
        return _Decided((FlagStep(name, share, 1.0, 1.0, gone),))
    filled = np.where(np.isnan(found), share, found)
    step = FlagStep(name, share, float(filled.std()), HALF, gone)
    return _Decided((step, *_indicator(name, gone, len(values))))


def _category(values: Series, mode: str, gone: int) -> _Decided:
    name, found = str(values.name), as_levels(values)
    levels, counts = np.unique([v for v in found if v is not None], return_counts=True)
    present = int(counts.sum())
    if len(levels) == 1 and gone == 0:
        return _Decided((), Dropped(name, "constant", str(levels[0])))
    if present >= 5 and len(levels) > 0.9 * present:
        return _Decided((), Dropped(name, "id"))
    order = sorted(range(len(levels)), key=lambda i: (-counts[i], levels[i]))
    common = [i for i in order if counts[i] >= max(_RARE_COUNT, _RARE_SHARE * len(values))]
    # at few rows every level is rare by count; then the two largest stay
    kept = (common or order[:2] if len(levels) <= 3 else common)[:_MOST_LEVELS]
    merged = tuple(str(levels[i]) for i in order if i not in kept)
    if not kept:
        return _Decided((), Dropped(name, "many_levels", str(len(levels))))
    shares = {str(levels[i]): counts[i] / len(values) for i in kept}
    apart = gone >= max(_RARE_COUNT, _RARE_SHARE * len(values))
    if apart:
        shares[MISSING] = gone / len(values)
    if merged or (gone and not apart):
        shares[OTHER] = 1 - sum(shares.values())
    scale, weight = (1.0, 1.0) if mode == "none" else (float(np.sqrt(1 - sum(p * p for p in shares.values()))), HALF)
    step = CategoryStep(name, tuple(shares), tuple(float(p) for p in shares.values()), merged, scale, weight, gone)
    return _Decided((step,))


def _without_copies(frame: pd.DataFrame, steps: list[Step]) -> tuple[list[Step], list[Dropped]]:
    """Leave out numbers that put everyone in the same order as an earlier one (rank correlation 1 or -1).

    Who is alike in a sample is compared in whole, so that never the ranks of all columns lie in memory.
    """
    kept: dict[str, tuple[NumericStep | FlagStep, Floats]] = {}
    dropped: list[Dropped] = []
    for step in steps:
        if not isinstance(step, NumericStep | FlagStep):
            continue
        some = _ranks(step, frame, slice(None, None, -(-len(frame) // _COMPARED_ROWS)))
        alike = [c for c, (_, other) in kept.items() if abs(float(some @ other)) / len(some) > _ALIKE]
        ranks = _ranks(step, frame) if alike else some
        twins = (c for c in alike if abs(float(ranks @ _ranks(kept[c][0], frame))) / len(ranks) > _SAME)
        twin = next(twins, None)
        if twin is None:
            kept[step.column] = step, some
        else:
            dropped.append(Dropped(step.column, "copy", twin))
    gone = {d.column for d in dropped}
    return [s for s in steps if s.column not in gone], dropped


def _ranks(step: NumericStep | FlagStep, frame: pd.DataFrame, rows: slice = slice(None)) -> Floats:
    """Standardised ranks of a column's values; zeros where all are the same."""
    ranks = stats.rankdata(step.apply(frame[step.column].iloc[rows]).ravel())
    return np.asarray((ranks - ranks.mean()) / (ranks.std() or 1.0))
