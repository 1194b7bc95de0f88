"""An analysis as one JSON object: the contract of `coterie experiment analyse --json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coterie.experiments.results import Analysis, Corrected, Profit, Reading, Row, Variety
from coterie.experiments.words import guardrail_text, note_text, reason_text, verdict_text
from coterie.learn.segments.words import Language
from coterie.stats.effects import Interval
from coterie.stats.moments import CannotTell

_DIGITS = 12  # sums of floating numbers by two threads differ in the digits after


def document(found: Analysis, language: Language = "en", names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Everything as names and values. A figure that cannot be computed is None, with the reason beside it.

    names : what arms and columns are called in sentences, and covariates everywhere, that go by another name there.
    `stopped` true means that the sample-ratio check failed: figures stand under their keys, and should not be read.
    """
    question = found.question
    srm = {
        "arms": list(found.arms),
        "expected": {a: _round(float(e)) for a, e in zip(found.arms, found.srm.expected, strict=True)},
        "observed": {a: int(o) for a, o in zip(found.arms, found.srm.observed, strict=True)},
        "chi2": _round(found.srm.chi2),
        "p_value": _round(found.srm.p_value),
    }
    plan = {
        "level": question.level,
        "sequential": question.sequential,
        "prior": {"on": "rel_effect_size", "mean": 0.0, "standard_deviation": question.prior_sd},
        "corrected_over": len(found.rows),
    }
    return {
        "source": found.source,
        "units": found.units,
        "control": question.control,
        "stopped": found.stopped,
        "srm": srm,
        "notes": [{"code": n.code, **n.figures, "sentence": note_text(n, language, names)} for n in found.notes],
        "metrics": [_row(r, language, names or {}) for r in found.rows],
        "segments": [{"column": r.segment, "level": r.level, **_row(r, language, names or {})} for r in found.segments],
        "heterogeneity": [_variety(v, language) for v in found.varieties],
        "profit": [_profit(p) for p in found.profits],
        "plan": plan,
    }


def _row(row: Row, language: Language, names: Mapping[str, str]) -> dict[str, Any]:
    facts = {
        "metric": row.metric.name,
        "kind": row.metric.kind.value,
        "arm": row.arm,
        "control": row.control,
        "n": row.n,
        "control_n": row.control_n,
        "value": _round(row.value),
        "control_value": _round(row.control_value),
        **_reading(row.plain, language, names),
        "adjusted": None if row.adjusted is None else _adjusted(row, row.adjusted, language, names),
        "decided_by": _decided_by(row),
        "verdict": row.verdict,
        "sentence": verdict_text(row, language),
    }
    if row.guardrail is not None:
        state, harm = row.guardrail.state, row.guardrail.max_harm
        facts["guardrail"] = {"max_harm": harm, "state": state, "sentence": guardrail_text(row, language)}
    return facts


def _decided_by(row: Row) -> dict[str, Any] | None:
    """Which reading the verdict is of, with the p-values of all such readings corrected together."""
    if row.decides is None or isinstance(row.chosen, CannotTell):
        return None
    valid = row.chosen.sequential is not None
    return {"adjusted": row.chosen is row.adjusted, "always_valid": valid, **_corrected(row.decides)}


def _adjusted(row: Row, found: Reading | CannotTell, language: Language, names: Mapping[str, str]) -> dict[str, Any]:
    """The adjusted reading: by what, how strongly each counts, and the share of the variance that is left and removed.

    theta : of one covariate or a ratio; of several they stand in `thetas`, in the order of `by`.
    """
    facts = {"by": [names.get(c, c) for c in row.metric.covariates], **_reading(found, language, names)}
    if isinstance(found, CannotTell) or found.theta is None or found.variance_kept is None:
        return facts
    thetas = [_round(theta) for theta in found.theta]
    left = {"variance_kept": _round(found.variance_kept), "variance_removed": _round(1 - found.variance_kept)}
    return {**facts, "theta": thetas[0] if len(thetas) == 1 else None, "thetas": thetas, **left}


def _reading(found: Reading | CannotTell, language: Language, names: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(found, CannotTell):
        keys = ("effect_size", "rel_effect_size", "ci", "rel_ci", "p_value", "rel_p_value", "p_holm", "p_bh")
        return {
            **dict.fromkeys(keys),
            "cannot_tell": found.reason,
            "cannot_tell_words": reason_text(found, language, names),
        }
    apart, corrected = found.difference, found.corrected
    facts = {
        **_interval(apart.absolute),
        **_relative(apart.relative, language),
        "degrees_of_freedom": _round(apart.degrees),
        **_corrected(corrected),
    }
    if found.always_valid is not None:
        valid = {**_interval(found.always_valid), **_relative(found.always_valid_relative, language)}
        facts["sequential"] = valid | _corrected(found.sequential)
    if found.belief is not None:
        parts = ("mean", "standard_deviation", "low", "high", "chance_to_beat", "loss_if_taken", "loss_if_left")
        facts["bayes"] = {name: _round(v) for name, v in zip(parts, found.belief, strict=True)}
    return facts


def _interval(found: Interval) -> dict[str, Any]:
    ends = [_round(found.low), _round(found.high)]
    error = _round(found.standard_error)
    return {"effect_size": _round(found.effect), "standard_error": error, "ci": ends, "p_value": _round(found.p_value)}


def _relative(found: Interval | CannotTell | None, language: Language) -> dict[str, Any]:
    if isinstance(found, Interval):
        ends = [_round(found.low), _round(found.high)]
        return {"rel_effect_size": _round(found.effect), "rel_ci": ends, "rel_p_value": _round(found.p_value)}
    reason = (
        {}
        if found is None
        else {"rel_cannot_tell": found.reason, "rel_cannot_tell_words": reason_text(found, language)}
    )
    return {"rel_effect_size": None, "rel_ci": None, "rel_p_value": None, **reason}


def _corrected(found: Corrected | None) -> dict[str, Any]:
    return {"p_holm": _round(found.holm), "p_bh": _round(found.bh)} if found else {}


def _variety(found: Variety, language: Language) -> dict[str, Any]:
    facts: dict[str, Any] = {"column": found.segment, "metric": found.metric, "arm": found.arm}
    if isinstance(found.found, CannotTell):
        return facts | {"q": None, "p_value": None, "cannot_tell": found.found.reason}
    tested = found.found
    return facts | {
        "q": _round(tested.q),
        "degrees_of_freedom": tested.degrees,
        "p_value": _round(tested.p_value),
        "p_holm": _round(found.holm),
    }


def _profit(found: Profit) -> dict[str, Any]:
    names = ("per_unit", "low", "high", "total", "total_low", "total_high")
    figures = {name: _round(getattr(found, name)) for name in names}
    return {"arm": found.arm, **figures, "extra_cost_per_unit": float(found.cost)}


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")
