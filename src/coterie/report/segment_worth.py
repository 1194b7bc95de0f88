"""What the segments are good for: outcome, economics, stress, care, upkeep (parts 9 and 11 to 14)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from coterie.learn.segments.drift import Trigger as DriftTrigger
from coterie.learn.segments.drift_words import trigger_text
from coterie.learn.segments.names import level_text
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.study.care import Care, Protected
from coterie.learn.segments.study.economics import Margins
from coterie.learn.segments.study.intervals import Interval
from coterie.learn.segments.study.stress import Trial
from coterie.learn.segments.study.upkeep import Trigger
from coterie.learn.segments.study.value import Outcome, sentences
from coterie.report.flow_plots import Whisk, interval_plot
from coterie.report.numbers import percent, plain
from coterie.report.page import figure, paragraph, table
from coterie.report.segment_view import View
from coterie.report.segment_who import bar
from coterie.report.svg import MUTED


def outcome(view: View) -> str:
    """Part 9: what the customers did after the cut-off, and whether the segments foretell it."""
    found = view.study.outcome if view.study else None
    if found is None or isinstance(found, NotApplicable):
        return view.absent(found)
    note = view.say("outcome_note", customers=f"{found.customers:,}", cutoff=found.cutoff, days=found.days)
    figures = [_outcome_plot(view, found, gain.outcome) for gain in found.gains]
    said = "".join(
        paragraph(view.say(code, outcome=view.say(gain.outcome)))
        for gain, code in zip(found.gains, sentences(found.gains), strict=True)
    )
    lost = [s for s in found.segments if s.today is None]
    extra = paragraph(f"–: {view.say('unmatched')}", "note") if lost else ""
    return f'{paragraph(note, "note")}<div class="grid two">{"".join(figures)}</div>{extra}{said}{_gains(view, found)}'


def _outcome_plot(view: View, found: Outcome, name: str) -> str:
    show = plain if name == "revenue" else percent
    shades = dict(zip(view.ids, view.shades, strict=True))
    rows = [
        Whisk("–" if s.today is None else str(s.today), shades.get(s.today or 0, MUTED), s.figures[name],
              f"{show(s.figures[name].value)} · {s.customers:,}")
        for s in found.segments
    ]  # fmt: skip
    return figure(view.say(name), "", interval_plot(rows, show, view.say(name)))


def _gains(view: View, found: Outcome) -> str:
    heads = [view.say(key) for key in ("outcome", "by_segments", "baseline", "by_both", "added")]
    rows = []
    for gain in found.gains:
        columns = view.comma.join(view.label(c) for c in gain.columns)
        of = view.say("by_baseline", columns=columns)
        ends = f"{_share(gain.added.value)} ({_share(gain.added.low)} … {_share(gain.added.high)})"
        rows.append(
            (view.say(gain.outcome), _share(gain.segments), f"{_share(gain.baseline)} · {of}", _share(gain.both), ends)
        )
    return f"<h3>{escape(view.say('explained_by'))}</h3>" + table(heads, rows, words=(2,))


def _share(value: float) -> str:
    """A share of variance, which may be below 0."""
    return "–" if not math.isfinite(value) else f"{100 * value:.1f}%".replace("-", "−")


def worth(view: View) -> str:
    """Part 11: revenue, cost to serve and profit from the numbers given."""
    found = view.study.economics if view.study else None
    if found is None or isinstance(found, NotApplicable):
        return view.absent(found)
    shades = dict(zip(view.ids, view.shades, strict=True))
    rows = [Whisk(str(s.id), shades[s.id], s.profit, plain(s.profit.value)) for s in found.segments]
    plot = figure(view.say("profit_customer"), "", interval_plot(rows, plain, view.say("profit_customer")))
    heads = [view.say(key) for key in ("segment", "customers", "revenue", "cost_to_serve", "profit_customer")]
    heads += [view.say("profit"), view.say("profit_share")]
    names = {i: view.name(j) for j, i in enumerate(view.ids)}
    lines = [
        (
            f"{s.id}  {names[s.id]}",
            f"{s.customers:,}",
            _with_ends(s.revenue),
            plain(s.cost_to_serve.value),
            _with_ends(s.profit),
            plain(s.profit_in_all).replace("-", "−"),
            percent(s.share) if s.share >= 0 else _share(s.share),
        )
        for s in found.segments
    ]
    note = paragraph(view.say("economics_note", given=_given(view, found.given)), "note")
    return f'{note}<div class="wide">{plot}</div>{table(heads, lines, words=(0,))}'


def _with_ends(found: Interval) -> str:
    return f"{plain(found.value)} ({plain(found.low)} … {plain(found.high)})".replace("-", "−")


def _given(view: View, given: Margins) -> str:
    parts = [view.say("given_margin", value=percent(given.margin or 0.0))]
    for key, value in (
        ("given_order", given.cost_per_order),
        ("given_customer", given.cost_per_customer),
        ("given_contact", given.contact_cost),
        ("given_response", given.response_value),
    ):
        if value:
            parts.append(view.say(key, value=plain(value)))
    return view.comma.join(parts)


def stressed(view: View) -> str:
    """Part 12: agreement when one thing is changed, as bars."""
    found = view.study.stress if view.study else None
    if found is None or isinstance(found, NotApplicable):
        return view.absent(found)
    weakest = _trial(view, found.weakest)
    rows = "".join(
        f'<div class="name">{escape(_trial(view, trial))}</div>'
        f'<div class="lane" style="--tone:#2f6db5">{bar(max(trial.ari, 0.0), 1.0, "", _signed(trial.ari))}</div>'
        for trial in found.trials
    )
    note = paragraph(view.say("stress_note", weakest=f"{weakest} ({_signed(found.weakest.ari)})"), "note")
    refused = ""
    if found.refused:
        refused = paragraph(view.say("not_possible", details=view.comma.join(map(view.label, found.refused))), "note")
    return f'{note}<div class="bars thin">{rows}</div>{refused}'


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _trial(view: View, trial: Trial) -> str:
    detail = trial.detail
    if trial.kind == "without":
        detail = view.label(detail)
    elif trial.kind == "prepare":
        detail = view.say(f"prepare_{detail}")
    return view.say(f"trial_{trial.kind}", detail=detail)


def careful(view: View) -> str:
    """Part 13: protected attributes, proxies, smallest groups, contactability."""
    found = view.study.care if view.study else None
    if found is None:
        return view.absent(None)
    small = [view.say("smallest_segment", count=f"{found.smallest_segment:,}")]
    if found.smallest_group is not None:
        small.append(view.say("smallest_group", count=f"{found.smallest_group:,}"))
    return "".join([*_attributes(view, found), paragraph(" ".join(small)), _channels(view, found)])


def _attributes(view: View, found: Care) -> list[str]:
    if not found.protected:
        return [paragraph(view.say("no_protected"))]
    note = view.say("care_note") + (" " if view.language == "en" else "")
    parts = [paragraph(note + (view.say("guessed") if found.guessed else ""), "note")]
    heads = [view.say(key) for key in ("attribute", "association", "used_for")]
    rows = [
        (
            view.label(p.column),
            f"{p.association.value:.2f} ({p.association.low:.2f}–{p.association.high:.2f})",
            view.say("yes" if p.is_input else "no"),
        )
        for p in found.protected
    ]
    parts.append(table(heads, rows, words=(0,)))
    parts += [_levels(view, p) for p in found.protected]
    if not found.proxies:
        return [*parts, paragraph(view.say("no_proxies", count=found.inputs_checked), "note")]
    parts.append(f"<h3>{escape(view.say('proxies'))}</h3>")
    heads = [view.say(key) for key in ("column", "stands_for", "association")]
    proxies = [(view.label(p.column), view.label(p.protects), f"{p.association:.2f}") for p in found.proxies]
    return [*parts, table(heads, proxies, words=(0, 1))]


def _levels(view: View, found: Protected) -> str:
    heads = [view.label(found.column), *(str(i) for i in view.ids)]
    rows = [
        (level_text(level, view.language), *(percent(row[place]) for row in found.shares))
        for place, level in enumerate(found.levels)
    ]
    return table(heads, rows, words=(0,))


def _channels(view: View, found: Care) -> str:
    if not found.channels:
        return paragraph(view.say("no_channels"), "note")
    heads = [view.say("channel"), *(f"{view.say('segment')} {i}" for i in view.ids)]
    rows = [
        (view.label(c.channel), *(f"{percent(v.value)} ({percent(v.low)}–{percent(v.high)})" for v in c.shares))
        for c in found.channels
    ]
    return f"<h3>{escape(view.say('contact'))}</h3>" + table(heads, rows, words=(0,))


def going_on(view: View) -> str:
    """Part 14: what has moved since the fit, and what would call for a refit."""
    found = view.study.upkeep if view.study else None
    if found is None:
        return view.absent(None)
    drift = found.drift
    told = view.absent(drift) if isinstance(drift, NotApplicable) else _drift(view, drift)
    heads = [view.say(key) for key in ("trigger", "today_value", "limit")]
    rows = [_trigger_row(view, trigger) for trigger in found.triggers]
    limits = f"<h3>{escape(view.say('triggers'))}</h3>" + table(heads, rows, words=(0,))
    return f"<h3>{escape(view.say('drift'))}</h3>{told}{limits}"


def _trigger_row(view: View, trigger: Trigger) -> tuple[str, str, str]:
    named = view.say(f"trigger_{trigger.code}", segment=trigger.segment)
    if trigger.now is None:
        return named, "–", f"{trigger.limit:g}"
    return named, percent(trigger.now), percent(trigger.limit)


def _drift(view: View, drift: Mapping[str, Any]) -> str:
    """Figures of `segment drift`, by the keys that `Drift.as_dict` gives."""
    joint = "; " if view.language == "en" else "；"
    reasons = joint.join(
        trigger_text(DriftTrigger(**trigger), view.language, view.labels) for trigger in drift["triggers"]
    )
    words = view.say(f"verdict_{drift['verdict']}", reasons=reasons)
    at = drift["next_refit"]["at"]
    day = view.day((at.date().isoformat() if isinstance(at, datetime) else str(at))[:10])
    words += (" " if view.language == "en" else "") + view.say("next_refit", date=day)
    heads = [view.say(key) for key in ("column", "stability_index", "distance", "moved")]
    rows = [
        (
            view.label(c["column"]),
            f"{c['psi']:.3f}",
            "–" if c["wasserstein"] is None else f"{c['wasserstein']:.2f}",
            view.say(f"band_{c['band']}"),
        )
        for c in drift["columns"]
    ]
    sizes = drift["sizes"]
    rows.append((view.say("group_sizes"), f"{sizes['psi']:.3f}", "–", view.say(f"band_{sizes['band']}")))
    return paragraph(words, "lead") + table(heads, rows, words=(0,)) + paragraph(view.say("drift_note"), "note")
