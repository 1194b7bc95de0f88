"""The figures of a fit as plain data with words: who is in each segment, how many there should be, how far to trust them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.names import Labels, label_of, level_text, trait_label
from coterie.learn.segments.pipeline import CategoryStep, FlagStep, MissingStep, NumericStep, Pipeline
from coterie.learn.segments.profile import Trait
from coterie.learn.segments.stability import BANDS, band
from coterie.learn.segments.study.actions import suggested_actions
from coterie.learn.segments.words import (
    BAND_WORDS,
    NATURE,
    Language,
    caveat_text,
    choice_text,
    dropped_text,
    p_text,
    veto_text,
)

_MOST_TRAITS = 60


def profile_figures(fit: SegmentFit, language: Language) -> dict[str, Any]:
    """Every trait per segment against everybody, the most telling first, and where the money is.

    difference, low, high : in standard deviations of everybody, with a 95 % interval; effect : eta squared.
    """
    ids, labels = [str(i) for i in fit.model.ids], fit.column_labels
    traits = fit.profile.traits
    return {
        "segments": ids,
        "sizes": dict(zip(ids, fit.profile.sizes, strict=True)),
        "traits": [_trait(t, ids, labels, language) for t in traits[:_MOST_TRAITS]],
        "left_out": max(len(traits) - _MOST_TRAITS, 0),
        "money": [
            {"tag": m.column, "label": label_of(m.column, language, labels), "total": m.total}
            | {"shares": dict(zip(ids, m.shares, strict=True))}
            for m in fit.profile.money
        ],
    }


def _trait(trait: Trait, ids: list[str], labels: Labels, language: Language) -> dict[str, Any]:
    rows = zip(trait.values, trait.means, trait.low_quartiles, trait.high_quartiles, strict=True)
    ways = zip(trait.difference, trait.low, trait.high, strict=True)
    told = {
        i: {"value": value, "mean": mean, "low_quartile": q1, "high_quartile": q3}
        | {"difference": difference, "low": low, "high": high}
        for i, (value, mean, q1, q3), (difference, low, high) in zip(ids, rows, ways, strict=True)
    }
    level = None if trait.level is None else level_text(trait.level, language)
    return {
        "tag": trait.column,
        "label": trait_label(trait, language, labels),
        "level": level,
        "kind": trait.kind,
        "in_percent": trait.in_percent,
        "effect": trait.effect,
        "overall": trait.overall,
        "overall_mean": trait.overall_mean,
        "by_segment": told,
    }


def action_texts(fit: SegmentFit, language: Language) -> dict[int, str]:
    """A suggested action for each segment, by id."""
    actions = suggested_actions(fit.profile, fit.column_labels)
    return {i: text.say(language) for i, text in zip(fit.model.ids, actions, strict=True)}


def share_of_money(fit: SegmentFit) -> dict[int, float]:
    """The part of the first column of money that each segment holds, by id; nothing where there is no such column."""
    if not fit.profile.money:
        return {}
    return dict(zip(fit.model.ids, fit.profile.money[0].shares, strict=True))


def panel_figures(fit: SegmentFit, language: Language) -> dict[str, Any]:
    """The figures of every number of segments tried, what was set aside and why, and what is recommended."""
    panel = fit.panel
    rows = [
        {
            "k": f.k,
            "silhouette": f.silhouette,
            "silhouette_low": f.silhouette_low,
            "silhouette_high": f.silhouette_high,
            "calinski_harabasz": f.calinski_harabasz,
            "davies_bouldin": f.davies_bouldin,
            "bic": f.bic,
            "gap": f.gap,
            "gap_error": f.gap_error,
            "stability_ari": f.stability.ari,
            "weakest_jaccard": f.weakest,
            "smallest": f.shares[-1],
            "apart": f.apart,
            "apart_p": f.apart_p,
        }
        for f in panel.figures
    ]
    runner_up = panel.runner_up
    return {
        "k": fit.model.k,
        "method": fit.model.method,
        "panel": rows,
        "recommended": {"k": panel.recommended.k, "text": choice_text(panel.recommended, panel, language)},
        "runner_up": None if runner_up is None else {"k": runner_up.k, "text": choice_text(runner_up, panel, language)},
        "vetoed": [
            {"k": v.k, "method": v.method, "reason": v.reason, "text": veto_text(v, language)} for v in panel.vetoes
        ],
        "favourites": panel.favourites,
        "structure": {
            "found": panel.structure.found,
            "p_value": panel.structure.p_value,
            "nature": fit.nature,
            "text": NATURE[fit.nature].say(language, p=p_text(panel.structure.p_value)),
        },
        "caveats": [caveat_text(c, language) for c in fit.caveats],
        "min_size": panel.min_size,
        "rows": panel.rows,
        "lineage": [
            {"k": step.k, "to_k": step.to_k, "flows": [{"from": a, "to": b, "rows": n} for a, b, n in step.flows]}
            for step in panel.lineage
        ],
    }


def stability_figures(fit: SegmentFit, language: Language) -> dict[str, Any]:
    """How surely each segment comes back when other customers are drawn, and how many of it stand near a border."""
    found = fit.stability
    rows = zip(fit.model.ids, found.jaccard, found.error, fit.ambiguous, strict=True)
    return {
        "ari": found.ari,
        "bands": [{"least": least, "band": word, "word": band_word(word, language)} for least, word in BANDS],
        "ambiguous": fit.ambiguous_share,
        "segments": [
            {"segment": i, "jaccard": mean, "error": error, "band": band(mean)}
            | {"word": band_word(band(mean), language), "ambiguous": share}
            for i, mean, error, share in rows
        ],
    }


def band_word(code: str | None, language: Language) -> str | None:
    """The word of a band of stability.

    >>> band_word("high", "en"), band_word(None, "zh")
    ('highly stable', None)
    """
    return None if code is None else BAND_WORDS[code].say(language)


def pipeline_figures(pipeline: Pipeline, labels: Labels, language: Language) -> dict[str, Any]:
    """What the preparation does to each column, and why some are left out."""
    return {
        "mode": pipeline.mode,
        "rows": pipeline.rows,
        "columns": [
            {"tag": s.column, "label": label_of(s.column, language, labels), **_step(s)} for s in pipeline.steps
        ],
        "dropped": [
            {"tag": d.column, "label": label_of(d.column, language, labels), "reason": d.reason}
            | {"text": dropped_text(d, language)}
            for d in pipeline.dropped
        ],
        "components": None if pipeline.components is None else list(pipeline.components.variance),
    }


def _step(step: NumericStep | FlagStep | CategoryStep | MissingStep) -> Mapping[str, Any]:
    told: dict[str, Any] = {"kind": step.kind, "weight": step.weight}
    match step:
        case NumericStep():
            told |= {"transform": step.transform, "fill": step.fill, "missing": step.missing, "limited": step.limited}
            told |= {"lower": step.lower, "upper": step.upper}
        case CategoryStep():
            told |= {"levels": list(step.levels), "merged": len(step.merged), "missing": step.missing}
        case FlagStep():
            told |= {"missing": step.missing, "share": step.centre}
        case MissingStep():
            told |= {"share": step.centre}
    return {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in told.items()}
