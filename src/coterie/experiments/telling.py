"""An analysis as a page shows it: one flat row a metric and arm, one sentence for all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coterie.experiments.document import document
from coterie.experiments.results import Analysis
from coterie.experiments.words import arm_text
from coterie.learn.segments.words import Language, Text

_INTERVAL = Text("{effect}; 95% interval {low} to {high}", "{effect}；95% 区间 {low} 至 {high}")
_ALWAYS = Text("{effect}; always-valid 95% interval {low} to {high}", "{effect}；随时有效的 95% 区间 {low} 至 {high}")
_BESIDE = Text(
    "{found}; adjusted by {by}; plain {plain}, {low} to {high}", "{found}；按{by}校正；未校正 {plain}，{low} 至 {high}"
)
_PLAIN = Text(
    "{found}; plain; adjusted by {by} {plain}, {low} to {high}",
    "{found}；未校正；按{by}校正后 {plain}，{low} 至 {high}",
)
_ALONE = Text("{found}; cannot adjust: {why}", "{found}；无法校正：{why}")
_SAID: dict[str, Text] = {
    "better": Text("{metric}: {arm} does better than {control} ({found})", "{metric}：{arm} 优于 {control}（{found}）"),
    "worse": Text("{metric}: {arm} does worse than {control} ({found})", "{metric}：{arm} 差于 {control}（{found}）"),
    "not_seen": Text(
        "{metric}: cannot tell {arm} from {control}, the difference may be chance ({found})",
        "{metric}：无法区分 {arm} 与 {control}，差异可能出于偶然（{found}）",
    ),
    "cannot_tell": Text("{metric}: cannot tell for {arm}: {reason}", "{metric}：无法判断 {arm}：{reason}"),
    "stopped": Text("{metric}: not read", "{metric}：不予解读"),
}
_STOPPED = Text(
    "The arms have the wrong sizes (p = {p:.2g}); no figure should be read until the cause is found.",
    "各组人数与设计不符（p = {p:.2g}）；找到原因之前不应解读任何数字。",
)


def page(found: Analysis, language: Language = "en", names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Arms, the check of their sizes, metrics, segments, notes and words.

    names : what arms and columns are called in sentences that go by another name there.
    """
    names = names or {}
    whole = document(found, language, names)
    srm = whole["srm"]
    arms = [{"arm": a, "units": srm["observed"][a], "expected": srm["expected"][a]} for a in srm["arms"]]
    metrics = [_row(r, language, names) for r in whole["metrics"]]
    segments = [{"tag": r["column"], "value": r["level"], **_row(r, language, names)} for r in whole["segments"]]
    return {
        "arms": arms,
        "control": whole["control"],
        "units": whole["units"],
        "stopped": whole["stopped"],
        "srm": {**srm, "broken": whole["stopped"]},
        "metrics": metrics,
        "segments": segments,
        "heterogeneity": whole["heterogeneity"],
        "notes": whole["notes"],
        "words": words(metrics, whole, language),
    }


def words(metrics: list[dict[str, Any]], whole: Mapping[str, Any], language: Language) -> str:
    """Everything in sentences; where the sizes are wrong, only that."""
    if whole["stopped"]:
        return _STOPPED.say(language, p=whole["srm"]["p_value"])
    stop = "." if language == "en" else "。"
    return (" " if language == "en" else "").join(row["words"] + stop for row in metrics)


def _row(row: Mapping[str, Any], language: Language, names: Mapping[str, str]) -> dict[str, Any]:
    """One metric of one arm.

    adjusted : the p-value that decides, corrected for the number of comparisons; cuped : the reading with what was known
    before taken out, beside the plain one; decides : which of the two the verdict is of.
    """
    valid, decided = row.get("sequential"), row["decided_by"]
    told = {k: row[k] for k in ("metric", "kind", "arm", "control", "n", "control_n")}
    told |= {"mean_control": row["control_value"], "mean_arm": row["value"]}
    told |= {k: row[k] for k in ("effect_size", "rel_effect_size", "ci", "rel_ci", "p_value")}
    told |= {
        "always_valid_ci": None if valid is None else valid["ci"],
        "adjusted": None if decided is None else decided["p_holm"],
        "cuped": row["adjusted"],
        "decides": None if decided is None else "adjusted" if decided["adjusted"] else "plain",
        "verdict": row["verdict"],
        "reading": row["sentence"],
    }
    return {**told, "words": _said(told, row, language, names)}


def _said(told: Mapping[str, Any], row: Mapping[str, Any], language: Language, names: Mapping[str, str]) -> str:
    """A row in words: the reading that decides with its interval, and the other one beside."""
    fields = {k: arm_text(told[k], language, names) for k in ("arm", "control")} | {"metric": told["metric"]}
    fields["reason"] = row.get("cannot_tell_words") or ""
    adjusted, decides = row["adjusted"], told["decides"] == "adjusted"
    main, other = (adjusted, row) if decides else (row, adjusted)
    how = _ALWAYS if main.get("sequential") else _INTERVAL
    found = how.say(language, **_ends(main, told["kind"], language))
    if other is not None and other["effect_size"] is not None:
        beside = _ends(other, told["kind"], language)
        beside["plain"] = beside.pop("effect")
        joined = (", " if language == "en" else "、").join(adjusted["by"])
        found = (_BESIDE if decides else _PLAIN).say(language, found=found, by=joined, **beside)
    elif other is not None and other is adjusted:
        found = _ALONE.say(language, found=found, why=adjusted["cannot_tell_words"])
    return _SAID[told["verdict"]].say(language, **fields, found=found)


def _ends(reading: Mapping[str, Any], kind: str, language: Language) -> dict[str, str]:
    """The effect of a reading and the ends of its interval, always valid where there is one, for people."""
    ends = (reading.get("sequential") or reading)["ci"] or (None, None)
    values = (reading["effect_size"], *ends)
    return {k: _number(v, kind, language) for k, v in zip(("effect", "low", "high"), values, strict=True)}


def _number(value: float | None, kind: str, language: Language) -> str:
    """An effect for people: of shares in points.

    >>> _number(0.0123, "binary", "en"), _number(1.5, "mean", "en")
    ('+1.23 points', '+1.5')
    """
    if value is None:
        return "–"
    if kind == "binary":
        return f"{100 * value:+.3g} points" if language == "en" else f"{100 * value:+.3g} 个百分点"
    return f"{value:+.4g}"
