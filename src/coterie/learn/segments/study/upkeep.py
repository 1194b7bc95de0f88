"""Keeping a segmentation true: what later data show, and what would call for a refit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.study.absent import NotApplicable

PSI_LARGE = 0.25
"""Population stability index from which on a shift of an input is called large."""


class Trigger(NamedTuple):
    """What would call for a refit: a code of the report's words, today's figure and the limit."""

    code: str  # near_border, size or psi
    segment: int | None
    now: float | None  # None: of later data
    limit: float


@dataclass(frozen=True)
class Upkeep:
    """Part fourteen of the report."""

    triggers: tuple[Trigger, ...]
    drift: Mapping[str, Any] | NotApplicable  # as the drift of the registry tells it


def upkeep(fit: SegmentFit, drift: Mapping[str, Any] | None) -> Upkeep:
    """Limits from this fit's own figures: half as many again near a border, a segment's share off by a quarter of
    itself, but never less than chance would do in three of a thousand draws of so many customers.
    """
    n = sum(fit.model.sizes) + fit.model.unassigned
    border = fit.ambiguous_share
    triggers = [Trigger("near_border", None, border, border + max(border / 2, _chance(border, n)))]
    for i, size in zip(fit.model.ids, fit.model.sizes, strict=True):
        share = size / n
        triggers.append(Trigger("size", i, share, max(share / 4, _chance(share, n))))
    triggers.append(Trigger("psi", None, None, PSI_LARGE))
    return Upkeep(tuple(triggers), NotApplicable("no_drift") if drift is None else drift)


def _chance(share: float, n: int) -> float:
    return 3 * float(np.sqrt(max(share * (1 - share), 1 / n) * 2 / n))
