"""The fifteen parts of the segment report as figures: what the page shows, for machines."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from coterie.learn.segments.explain import rule_text
from coterie.learn.segments.handover import segment_sql
from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.profile import Profile, Trait
from coterie.learn.segments.stability import band
from coterie.learn.segments.stored import encode
from coterie.learn.segments.study.absent import NotApplicable, reason_text
from coterie.learn.segments.study.intervals import Interval
from coterie.learn.segments.study.make import Study
from coterie.learn.segments.study.value import sentences
from coterie.learn.segments.words import caveat_text, choice_text, dropped_text, veto_text

Part = dict[str, Any]


def report_json(fit: SegmentFit, study: Study) -> dict[str, Part]:
    """The parts in the order of the report, each with figures of this fit or `{"not_applicable": reason}`.

    Numbers are numbers, shares fractions, intervals `[low, high]` at 95 %; what could not be told is null.
    """
    return {name: _clean(part(fit, study)) for name, part in PARTS.items()}


def _overview(fit: SegmentFit, study: Study) -> Part:
    money = fit.profile.money[0] if fit.profile.money else None
    customers = sum(fit.model.sizes) + fit.model.unassigned
    rows = []
    for j, i in enumerate(fit.model.ids):
        plan, value = study.strategies.get(i), study.acting.get(i)
        row: Part = {
            "id": i,
            "name": fit.model.names[j]._asdict(),
            "size": fit.model.sizes[j],
            "share": fit.model.sizes[j] / customers,
            "share_of_money": money.shares[j] if money else None,
            "growth": None if isinstance(study.past, NotApplicable) else study.past.trend(i, fit.model.sizes[j]),
            "rule": rule_text(fit.explanation.rules[j].rule, "en", fit.column_labels),
            "action": plan.action if plan and plan.action else study.actions[j]._asdict(),
            "stability": fit.stability.jaccard[j],
            "light": band(fit.stability.jaccard[j]),
        }
        if value is not None:
            row["value_of_acting"] = _interval(value)
        if plan is not None:
            row |= {"owner": plan.owner, "policy": plan.policy}
        rows.append(row)
    marks = [mark.as_dict() for mark in study.marks]
    caveats = [caveat_text(c, "en") for c in fit.caveats]
    about = {"customers": customers, "unassigned": fit.model.unassigned, "ambiguous": fit.ambiguous_share}
    return {
        **about,
        "nature": fit.nature,
        "segments": rows,
        "caveats": caveats,
        "marks": marks,
        "money": money and money.column,
    }


def _input(fit: SegmentFit, study: Study) -> Part:
    origin, pipeline = study.origin, fit.model.pipeline
    return {
        "customers": origin.rows,
        "facts": encode(origin.facts),
        "nothing_known": origin.nothing_known,
        "preparation": pipeline.to_dict(),
        "not_used": [{"column": d.column, "reason": dropped_text(d, "en")} for d in pipeline.dropped],
        "data_sha256": origin.data,
        "model_sha256": origin.model,
        "most_alike": [pair._asdict() for pair in origin.likenesses],
        "effective_columns": origin.dimensions,
        "seed": fit.model.seed,
        "versions": dict(fit.model.versions),
    }


def _structure(fit: SegmentFit, study: Study) -> Part:
    found = fit.panel.structure
    return {
        "found": found.found,
        "nature": fit.nature,
        "p_value": found.p_value,
        "statistic": found.statistic,
        "imitations": list(found.null_statistics),
    }


def _choice(fit: SegmentFit, study: Study) -> Part:
    panel = fit.panel
    return {
        "recommended": panel.recommended.k,
        "why": choice_text(panel.recommended, panel, "en"),
        "runner_up": panel.runner_up.k if panel.runner_up else None,
        "favourites": panel.favourites,
        "vetoed": [{"k": v.k, "method": v.method, "reason": veto_text(v, "en")} for v in panel.vetoes],
        "panel": encode(panel.figures),
        "lineage": encode(panel.lineage),
        "customers_compared": panel.rows,
    }


def _algorithms(fit: SegmentFit, study: Study) -> Part:
    found = study.algorithms
    if isinstance(found, NotApplicable):
        return _absent(found)
    names = [entry.name for entry in found.entries]
    return {
        "customers": found.rows,
        "methods": [entry._asdict() for entry in found.entries],
        "adjusted_rand": {a: dict(zip(names, row, strict=True)) for a, row in zip(names, found.agreement, strict=True)},
        "skipped": [skipped._asdict() for skipped in found.skipped],
        "people": None if study.humans is None else study.humans.as_dict(),
    }


def _stability(fit: SegmentFit, study: Study) -> Part:
    ids = [str(i) for i in fit.model.ids]
    across = [row._asdict() | {"lasting": row.lasting} for row in study.across_k]
    time = study.past
    return {
        "jaccard": dict(zip(ids, fit.stability.jaccard, strict=True)),
        "standard_error": dict(zip(ids, fit.stability.error, strict=True)),
        "dissolved": dict(zip(ids, fit.stability.dissolved, strict=True)),
        "band": {i: band(v) for i, v in zip(ids, fit.stability.jaccard, strict=True)},
        "adjusted_rand": fit.stability.ari,
        "resamples": fit.stability.draws,
        "across_k": across or _absent(NotApplicable("one_k")),
        "over_time": _absent(time) if isinstance(time, NotApplicable) else encode(time),
    }


def _profile(fit: SegmentFit, study: Study) -> Part:
    others = study.descriptors
    return {
        "sizes": list(fit.model.sizes),
        "money": encode(fit.profile.money),
        "inputs": _traits(fit.profile, fit),
        "descriptors": _absent(others) if isinstance(others, NotApplicable) else _traits(others, fit),
    }


def _traits(profile: Profile, fit: SegmentFit) -> list[Part]:
    return [encode(trait) | {"index": index_of(trait)} for trait in profile.traits]


def index_of(trait: Trait) -> tuple[float, ...] | None:
    """Per segment the share of a level over everybody's, times 100; None for numbers."""
    if trait.kind == "number" or not trait.overall_mean > 0:
        return None
    return tuple(100 * mean / trait.overall_mean for mean in trait.means)


def _explanation(fit: SegmentFit, study: Study) -> Part:
    told, ids = fit.explanation, fit.model.ids
    rules = [
        {
            "id": i,
            "rule": rule.rule,
            "sql": rule_sql(rule.rule),
            "sentence": rule_text(rule.rule, "en", fit.column_labels),
            "precision": rule.precision,
            "recall": rule.recall,
            "matched": rule.matched,
            "purity": told.purity[j],
            "ambiguous": fit.ambiguous[j],
            "prototypes": [study.key(key) for key in fit.prototypes[j]],
        }
        for j, (i, rule) in enumerate(zip(ids, told.rules, strict=True))
    ]
    borders = [encode(border) | {"entity": study.key(border.entity)} for border in fit.borders]
    return {
        "rules": rules,
        "fidelity": told.fidelity,
        "depth": told.depth,
        "cost_ratio": told.cost_ratio,
        "customers": told.rows,
        "held_out": told.held_out,
        "ambiguous": fit.ambiguous_share,
        "borders": borders,
    }


def _outcome(fit: SegmentFit, study: Study) -> Part:
    found = study.outcome
    if isinstance(found, NotApplicable):
        return _absent(found)
    segments = [
        {
            "id": s.today,
            "jaccard": s.jaccard,
            "customers": s.customers,
            "outcomes": {name: _interval(value) for name, value in s.figures.items()},
        }
        for s in found.segments
    ]
    gains = [
        {**g._asdict(), "added": _interval(g.added), "verdict": verdict}
        for g, verdict in zip(found.gains, sentences(found.gains), strict=True)
    ]
    about = {"cutoff": found.cutoff, "days": found.days, "customers": found.customers}
    return {**about, "segments": segments, "variance_explained": gains}


def _map(fit: SegmentFit, study: Study) -> Part:
    plane = fit.map
    return {
        "variance": list(plane.variance),
        "loadings": [{"column": name, "x": x, "y": y} for name, x, y in plane.loadings],
        "centres": dict(zip(map(str, fit.model.ids), map(list, plane.centres), strict=True)),
        "points": len(plane.points),
        "silhouettes": {str(i): _mean(values) for i, values in zip(fit.model.ids, fit.silhouettes, strict=True)},
    }


def _economics(fit: SegmentFit, study: Study) -> Part:
    found = study.economics
    if isinstance(found, NotApplicable):
        return _absent(found)
    rows = [
        {**s._asdict(), **{name: _interval(getattr(s, name)) for name in ("revenue", "cost_to_serve", "profit")}}
        for s in found.segments
    ]
    return {"given": encode(found.given), "segments": rows, "revenue": found.revenue, "profit": found.profit}


def _stress(fit: SegmentFit, study: Study) -> Part:
    found = study.stress
    if isinstance(found, NotApplicable):
        return _absent(found)
    trials = [{**t._asdict(), "adjusted_rand": t.ari} for t in found.trials]
    for trial in trials:
        del trial["ari"]
    return {"trials": trials, "weakest": found.weakest._asdict(), "refused": list(found.refused)}


def _care(fit: SegmentFit, study: Study) -> Part:
    found = study.care
    ids = [str(i) for i in fit.model.ids]
    protected = [
        {
            "column": p.column,
            "is_input": p.is_input,
            "cramers_v": _interval(p.association),
            "shares": {i: dict(zip(p.levels, row, strict=True)) for i, row in zip(ids, p.shares, strict=True)},
        }
        for p in found.protected
    ]
    channels = [
        {"channel": c.channel, "reachable": {i: _interval(v) for i, v in zip(ids, c.shares, strict=True)}}
        for c in found.channels
    ]
    return {
        "protected": protected,
        "guessed_by_name": found.guessed,
        "proxies": [p._asdict() for p in found.proxies],
        "inputs_checked": found.inputs_checked,
        "smallest_segment": found.smallest_segment,
        "smallest_group": found.smallest_group,
        "channels": channels,
    }


def _upkeep(fit: SegmentFit, study: Study) -> Part:
    drift = study.upkeep.drift
    return {
        "triggers": [trigger._asdict() for trigger in study.upkeep.triggers],
        "drift": _absent(drift) if isinstance(drift, NotApplicable) else dict(drift),
    }


def _appendix(fit: SegmentFit, study: Study) -> Part:
    rejected = [
        {"k": f.k, "sizes": list(f.shares), "silhouette": f.silhouette, "weakest_jaccard": f.weakest}
        for f in fit.panel.figures
        if f.k != fit.model.k
    ]
    return {
        "rerun": study.origin.facts.rerun,
        "rejected": rejected,
        "summary": fit.summary(),
        "seed": fit.model.seed,
        "versions": dict(fit.model.versions),
    }


PARTS: Mapping[str, Callable[[SegmentFit, Study], Part]] = {
    "overview": _overview,
    "input": _input,
    "structure": _structure,
    "choice": _choice,
    "algorithms": _algorithms,
    "stability": _stability,
    "profile": _profile,
    "explanation": _explanation,
    "outcome": _outcome,
    "map": _map,
    "economics": _economics,
    "stress": _stress,
    "care": _care,
    "upkeep": _upkeep,
    "appendix": _appendix,
}
"""The parts in their order; the page has the same."""


def rule_sql(rule: Mapping[str, Any]) -> str | None:
    """A segment's rule as one SELECT over the view `tags`; None where no rule was found.

    >>> print(rule_sql({"all": [{"tag": "orders", "op": "gte", "value": 3}]}), rule_sql({"any": []}))
    SELECT entity
    FROM tags
    WHERE "orders" >= 3 None
    """
    return segment_sql(rule) if rule.get("all") or rule.get("any") else None


def _absent(found: NotApplicable) -> Part:
    return {"not_applicable": reason_text(found, "en"), "code": found.reason}


def _interval(found: Interval) -> Part:
    return {"value": found.value, "interval": [found.low, found.high]}


def _mean(values: tuple[float, ...]) -> float | None:
    return sum(values) / len(values) if values else None


def _clean(value: Any) -> Any:
    """Plain JSON values; what is no number, or infinite, is null."""
    if isinstance(value, Mapping):
        return {str(key): _clean(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_clean(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date):
        return value.isoformat()
    return None if value in ("nan", "inf", "-inf") else value
