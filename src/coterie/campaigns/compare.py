"""Campaigns side by side: their rates with intervals, and whether they differ by more than chance.

Campaigns go to different people at different times, so that a difference between two says what was seen, not which
message is better; only an experiment says that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from coterie.campaigns import depth, results
from coterie.campaigns.funnel import rate
from coterie.campaigns.goals import GoalCount
from coterie.errors import Refused
from coterie.learn.segments.words import Language, Text

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

RATES = ("delivered", "opened", "clicked", "goals")
_MOST = 10
_DECIDED = 0.05
_WORDS: dict[str, Text] = {
    "delivered": Text("delivered", "送达率"),
    "opened": Text("opened", "打开率"),
    "clicked": Text("clicked", "点击率"),
    "goals": Text("goal reached", "目标达成率"),
    "higher": Text(
        "{rate}: {a} {share_a:.2%} is above {b} {share_b:.2%} (corrected p = {p:.2g})",
        "{rate}：{a} {share_a:.2%} 高于 {b} {share_b:.2%}（校正后 p = {p:.2g}）",
    ),
    "same": Text(
        "{rate}: cannot tell {a} {share_a:.2%} from {b} {share_b:.2%} (corrected p = {p:.2g})",
        "{rate}：无法区分 {a} {share_a:.2%} 与 {b} {share_b:.2%}（校正后 p = {p:.2g}）",
    ),
    "none": Text(
        "There is nothing to compare yet: fewer than two of them sent anything.",
        "暂无可比较：其中已发送的活动不足两个。",
    ),
    "apart": Text(
        "They went to different people at different times: this tells what was seen, not which message is better.",
        "它们面向不同人群、发送于不同时间：这里只说明观察到的结果，不说明哪条内容更好。",
    ),
}


def compare(campaigns: Campaigns, names: Sequence[str], language: Language = "en") -> dict[str, Any]:
    """The newest run of each: `rows`, `pairs` (each two and rate, p-values corrected by Holm over all), `words`."""
    if not 2 <= len(set(names)) <= _MOST or len(set(names)) < len(names):
        fix = f"Give 2 to {_MOST} different names."
        raise Refused("bad_argument", f"{len(names)} names cannot be compared.", place="names", fix=fix)
    rows = [_row(campaigns, name, language) for name in names]
    pairs = _pairs(rows)
    said = [_pair_words(pair, language) for pair in pairs] or [_WORDS["none"].say(language)]
    stop, gap = (".", " ") if language == "en" else ("。", "")
    words = gap.join([s if s.endswith(stop) else s + stop for s in [*said, _WORDS["apart"].say(language)]])
    return {"rows": rows, "pairs": pairs, "words": words}


def _row(campaigns: Campaigns, name: str, language: Language) -> dict[str, Any]:
    """One campaign: counts, rates, and its own lift where it has an experiment."""
    status = campaigns.status(name)
    goals = depth.goal_rows([GoalCount(**c) for c in status.get("goals_by_arm", [])])
    sent, main = status["sent"], (goals or [{"users": 0, "people": 0}])[0]
    counts = {k: status[k] for k in ("planned", "sent", "delivered", "opened", "clicked")} | {"goals": main["users"]}
    rates = {f"{k}_rate": rate(counts[k], sent) for k in RATES[:3]} | {
        "goals_rate": rate(main["users"], main["people"])
    }
    row = {
        "campaign": name,
        "run": status["run"],
        "state": status["state"],
        **counts,
        **rates,
        "goal_people": main["people"],
    }
    return {**row, **_lift(campaigns, name, status["run"], language)}


def _lift(campaigns: Campaigns, name: str, run: str | None, language: Language) -> dict[str, Any]:
    nothing = {"lift": None, "ci": None, "reading": None}
    if run is None:
        return nothing
    found = results.results(campaigns, name, run, language)["experiment"]
    if found is None or not found["metrics"]:
        return nothing
    first = found["metrics"][0]
    decides = first["cuped"] if first["decides"] == "adjusted" else None
    shown = None if found["stopped"] else (decides or first)["effect_size"]
    ends = first["always_valid_ci"] or first["ci"]
    if decides is not None:
        ends = (decides.get("sequential") or decides)["ci"]
    return {"lift": shown, "ci": ends, "reading": first["reading"]}


def _pairs(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every two campaigns that sent something, by every rate that both have."""
    from coterie.stats.effects import difference
    from coterie.stats.moments import CannotTell, share_value
    from coterie.stats.multiplicity import holm

    found: list[dict[str, Any]] = []
    for one, other in combinations(rows, 2):
        for name in RATES:
            of = "goal_people" if name == "goals" else "sent"
            sides = [
                share_value(row[of], row[name]) if row[of] > 1 else CannotTell("too_few_units") for row in (other, one)
            ]
            if isinstance(sides[0], CannotTell) or isinstance(sides[1], CannotTell) or not one[name] + other[name]:
                continue
            apart = difference(sides[0], sides[1])
            if not isinstance(apart, CannotTell):
                ends = [apart.absolute.low, apart.absolute.high]
                row = {"rate": name, "a": one["campaign"], "b": other["campaign"]}
                row |= {"share_a": sides[1].value, "share_b": sides[0].value, "difference": apart.absolute.effect}
                found.append({**row, "ci": ends, "p_value": apart.absolute.p_value})
    corrected = holm([row["p_value"] for row in found]).tolist() if found else []
    return [{**row, "adjusted": p, "differs": p < _DECIDED} for row, p in zip(found, corrected, strict=True)]


def _pair_words(pair: Mapping[str, Any], language: Language) -> str:
    """Two campaigns in a sentence, the higher one first."""
    sides = [(pair["a"], pair["share_a"]), (pair["b"], pair["share_b"])]
    if pair["difference"] < 0:
        sides.reverse()
    (a, share_a), (b, share_b) = sides
    fields = {"rate": _WORDS[pair["rate"]].say(language), "a": a, "b": b, "share_a": share_a, "share_b": share_b}
    return _WORDS["higher" if pair["differs"] else "same"].say(language, p=pair["adjusted"], **fields)
