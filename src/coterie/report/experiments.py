"""The experiment report: one self-contained page, the answer first and every figure at its end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from coterie.experiments.document import document
from coterie.experiments.results import Analysis, Reading, Row
from coterie.experiments.words import arm_text, guardrail_text, note_text, reason_text, verdict_text
from coterie.learn.segments.words import Language
from coterie.report.experiment_plots import Bar, Lane, change_plot, sizes_plot
from coterie.report.experiment_words import say
from coterie.report.numbers import percent, plain
from coterie.report.page import figure, page, paragraph, section, table
from coterie.report.svg import PALETTE
from coterie.stats.effects import Interval
from coterie.stats.moments import CannotTell

_LAMPS = {
    "better": "high",
    "worse": "unstable",
    "not_seen": "doubtful",
    "cannot_tell": "doubtful",
    "stopped": "unstable",
}


class _View(NamedTuple):
    """What every part of the page needs."""

    found: Analysis
    language: Language
    names: Mapping[str, str]

    def arm(self, name: str) -> str:
        return arm_text(name, self.language, self.names)

    def say(self, key: str, **fields: object) -> str:
        return say(key, self.language, **fields)

    def tone(self, arm: str) -> str:
        return PALETTE[(self.found.arms.index(arm) - 1) % len(PALETTE)]


def experiment_report_html(
    found: Analysis, *, language: Language = "en", title: str | None = None, names: Mapping[str, str] | None = None
) -> str:
    """The report as one HTML text that needs no other file, no network and no script.

    names : what arms and columns are called that go by another name for people.
    """
    view = _View(found, language, names or {})
    facts = [
        (view.say("units"), f"{found.units:,}"),
        (view.say("arms"), str(len(found.arms))),
        (view.say("control"), view.arm(found.question.control)),
        (view.say("source"), found.source),
    ]
    sections = [_answer(view), _sizes(view)]
    if not found.stopped:
        sections += [_effects(view), _figures(view), _belief(view), _guardrails(view)]
        sections += [_segment(view, name) for name in found.question.segments]
        sections.append(_money(view))
    sections.append(_appendix(view))
    return page(title or found.source, language, view.say("kind"), facts, sections, view.say("foot"))


def _answer(view: _View) -> str:
    found = view.found
    notes = "".join(f'<p class="caveat">{escape(note_text(n, view.language, view.names))}</p>' for n in found.notes)
    if found.stopped:
        return section(view.say("answer"), paragraph(view.say("stopped"), "lead"), notes)
    seen = sum(r.verdict in ("better", "worse") for r in found.rows)
    words = view.say("found" if seen else "none_found", found=seen, all=len(found.rows))
    cards = "".join(_card(view, row) for row in found.rows)
    lead = f'<div class="verdict">{paragraph(words, "lead")}</div>'
    return section(view.say("answer"), lead, notes, f'<div class="cards">{cards}</div>')


def _card(view: _View, row: Row) -> str:
    chosen = row.chosen
    big, small = "–", ""
    if isinstance(chosen, Reading):
        relative = chosen.always_valid_relative or chosen.difference.relative
        absolute = chosen.always_valid or chosen.difference.absolute
        if isinstance(relative, Interval):
            big = _signed_percent(relative.effect)
            small = view.say("interval", low=_signed_percent(relative.low), high=_signed_percent(relative.high))
        else:
            big = _signed(absolute.effect)
            small = view.say("interval", low=_signed(absolute.low), high=_signed(absolute.high))
    sides = ""
    if row.value is not None and row.control_value is not None:
        sides = view.say(
            "from_to", control=_value(row, row.control_value), value=_value(row, row.value), name=view.arm(row.control)
        )
    lamp = f'<p class="light {_LAMPS[row.verdict]}"><i></i><span>{escape(verdict_text(row, view.language))}</span></p>'
    return (
        f'<div class="card" style="--tone:{view.tone(row.arm)}"><h3>{escape(row.metric.name)}</h3>'
        f'<p class="note">{escape(view.arm(row.arm))}</p><p class="size"><strong>{escape(big)}</strong><span>{escape(small)}</span></p>'
        f'<p class="note">{escape(sides)}</p>{lamp}</div>'
    )


def _sizes(view: _View) -> str:
    srm = view.found.srm
    rows = list(zip(map(view.arm, view.found.arms), srm.observed.tolist(), srm.expected.tolist(), strict=True))
    words = view.say("sizes_bad" if srm.broken else "sizes_ok", p=_p(srm.p_value))
    heads = [view.say("arm"), view.say("observed"), view.say("expected")]
    listed = table(heads, [[a, f"{o:,}", f"{e:,.1f}"] for a, o, e in rows])
    return section(
        view.say("sizes"),
        paragraph(words),
        f'<div class="half"><div class="small">{sizes_plot(rows, view.say("sizes"))}</div><div>{listed}</div></div>',
    )


def _effects(view: _View) -> str:
    question = view.found.question
    key = "fixed_note" if question.sequential is None else "sequential_note"
    notes = view.say("effects_note") + (" " if view.language == "en" else "")
    notes += view.say(key, n=f"{question.sequential or 0:,.0f}")
    plots = [_effect_plot(view, [r for r in view.found.rows if r.metric.name == m.name]) for m in question.metrics]
    return section(view.say("effects"), paragraph(notes, "muted"), f'<div class="grid">{"".join(plots)}</div>')


def _effect_plot(view: _View, rows: Sequence[Row]) -> str:
    name = rows[0].metric.name
    readings = [view.say("plain")] + ([view.say("adjusted")] if rows[0].metric.covariates else [])
    lanes = [_lane(view, row, view.arm(row.arm)) for row in rows]
    return figure(name, " · ".join(readings) if len(readings) > 1 else "", change_plot(lanes, name))


def _lane(view: _View, row: Row, label: str) -> Lane:
    bars, wide = [], None
    for reading in (row.plain, row.adjusted):
        if isinstance(reading, Reading) and isinstance(reading.difference.relative, Interval):
            bars.append(_bar(reading.difference.relative))
            if reading is row.chosen:
                wide = _bar(reading.always_valid_relative) if reading.always_valid_relative else None
    return Lane(label, bars, wide, view.tone(row.arm), "" if bars else view.say("cannot"))


def _bar(found: Interval) -> Bar:
    return Bar(found.effect, found.low, found.high)


def _figures(view: _View) -> str:
    names = ("metric", "arm", "reading", "in_control", "in_arm", "effect", "low", "high", "relative", "p", "holm", "bh")
    heads = [view.say(n) for n in (*names, "variance_left")]
    lines = [line for row in view.found.rows for line in _lines(view, row)]
    if not any(m.covariates for m in view.found.question.metrics):
        heads, lines = heads[:-1], [line[:-1] for line in lines]
    return section(view.say("figures"), paragraph(view.say("figures_note"), "muted"), table(heads, lines, words=[1, 2]))


def _lines(view: _View, row: Row) -> list[list[str]]:
    """A line for each way of reading the row."""
    lines = []
    for key, reading in (("plain", row.plain), ("adjusted", row.adjusted)):
        if reading is None:
            continue
        name = view.say("decides", reading=view.say(key)) if reading is row.chosen else view.say(key)
        lines.append(_line(view, row, name if row.adjusted is not None else view.say(key), reading, None))
        if isinstance(reading, Reading) and reading.always_valid is not None:
            name = f"{name if row.adjusted is not None else view.say(key)}, {view.say('always')}"
            lines.append(_line(view, row, name, reading, reading.always_valid))
    return lines


def _line(view: _View, row: Row, name: str, reading: Reading | CannotTell, valid: Interval | None) -> list[str]:
    values = [_value(row, v) if v is not None else "–" for v in (row.control_value, row.value)]
    start = [row.metric.name, view.arm(row.arm), name, *values]
    if isinstance(reading, CannotTell):
        return [*start, view.say("cannot"), reason_text(reading, view.language, view.names), *["–"] * 6]
    shown = valid or reading.difference.absolute
    relative = reading.always_valid_relative if valid else reading.difference.relative
    corrected = reading.sequential if valid else reading.corrected
    return [
        *start,
        _signed(shown.effect),
        _signed(shown.low),
        _signed(shown.high),
        _signed_percent(relative.effect) if isinstance(relative, Interval) else "–",
        _p(shown.p_value),
        _p(corrected.holm) if corrected else "–",
        _p(corrected.bh) if corrected else "–",
        percent(reading.variance_kept) if reading.variance_kept is not None else "–",
    ]


def _belief(view: _View) -> str:
    lines = []
    for row in view.found.rows:
        if isinstance(row.chosen, Reading) and (belief := row.chosen.belief) is not None:
            ends = f"{_signed_percent(belief.low)} … {_signed_percent(belief.high)}"
            losses = [f"{100 * v:.2f}%" for v in (belief.loss_if_taken, belief.loss_if_left)]
            chance = _chance(belief.chance_to_beat)
            lines.append([row.metric.name, view.arm(row.arm), chance, _signed_percent(belief.mean), ends, *losses])
    if not lines:
        return ""
    heads = [view.say(k) for k in ("metric", "arm", "beats", "belief_at")] + ["95%"]
    heads += [view.say("loss_taken"), view.say("loss_left")]
    note = view.say("belief_note", sd=percent(view.found.question.prior_sd))
    return section(view.say("belief"), paragraph(note, "muted"), table(heads, lines, words=[1]))


def _guardrails(view: _View) -> str:
    rows = [r for r in view.found.rows if r.guardrail is not None]
    if not rows:
        return ""
    lines = [[r.metric.name, view.arm(r.arm), guardrail_text(r, view.language)] for r in rows]
    return section(
        view.say("guardrails"), table([view.say(k) for k in ("metric", "arm", "verdict")], lines, words=[1, 2])
    )


def _segment(view: _View, name: str) -> str:
    rows = [r for r in view.found.segments if r.segment == name]
    plots = []
    for metric in view.found.question.metrics:
        for arm in view.found.arms[1:]:
            mine = [r for r in rows if r.metric.name == metric.name and r.arm == arm]
            if mine:
                lanes = [_lane(view, r, r.level or view.say("none")) for r in mine]
                plots.append(
                    figure(metric.name, view.arm(arm), change_plot(lanes, f"{metric.name}, {view.arm(arm)}, {name}"))
                )
    tested = "".join(paragraph(words) for words in _varieties(view, name))
    note = paragraph(view.say("segments_note", count=len(view.found.segments)), "muted")
    names = ("level", "metric", "arm", "in_control", "in_arm", "effect", "low", "high", "relative", "holm")
    lines = [_segment_line(view, r) for r in rows]
    heads = [view.say(n) for n in names]
    return section(
        view.say("segments", name=name), note, f'<div class="told">{tested}</div>',
        f'<div class="grid">{"".join(plots)}</div>', table(heads, lines, words=[1, 2]),
    )  # fmt: skip


def _varieties(view: _View, name: str) -> list[str]:
    """A sentence for each effect that differs between levels, and one for all others."""
    told = [(v, v.holm) for v in view.found.varieties if v.segment == name and v.holm is not None]
    sentences = [view.say("varies", metric=v.metric, arm=view.arm(v.arm), p=_p(p)) for v, p in told if p < 0.05]
    others = [(f"{v.metric} ({view.arm(v.arm)})", p) for v, p in told if p >= 0.05]
    if others:
        names = ", ".join(name for name, _ in others)
        sentences.append(view.say("varies_not", names=names, p=_p(min(p for _, p in others))))
    return sentences


def _segment_line(view: _View, row: Row) -> list[str]:
    values = [_value(row, v) if v is not None else "–" for v in (row.control_value, row.value)]
    start = [row.level or view.say("none"), row.metric.name, view.arm(row.arm), *values]
    if isinstance(row.chosen, CannotTell):
        return [*start, view.say("cannot"), "–", "–", "–", "–"]
    found, relative = row.chosen.always_valid or row.chosen.difference.absolute, row.chosen.difference.relative
    return [
        *start,
        *(_signed(v) for v in (found.effect, found.low, found.high)),
        _signed_percent(relative.effect) if isinstance(relative, Interval) else "–",
        _p(row.decides.holm) if row.decides else "–",
    ]


def _money(view: _View) -> str:
    profits = view.found.profits
    if not profits:
        return ""
    heads = [view.say("arm"), view.say("per_unit"), view.say("low"), view.say("high")]
    heads += [view.say("total"), view.say("low"), view.say("high")]
    lines = [
        [
            view.arm(p.arm),
            *(f"{v:+,.4g}" for v in (p.per_unit, p.low, p.high)),
            *(f"{v:+,.0f}" for v in (p.total, p.total_low, p.total_high)),
        ]
        for p in profits
    ]
    costs = ", ".join(f"{view.arm(p.arm)} {p.cost}" for p in profits)
    return section(view.say("money"), paragraph(view.say("money_note", cost=costs), "muted"), table(heads, lines))


def _appendix(view: _View) -> str:
    text = json.dumps(document(view.found, view.language, view.names), ensure_ascii=False, indent=1)
    return section(
        view.say("appendix"), f"<details><summary>JSON</summary><pre>{escape(text)}</pre></details>", name="appendix"
    )


def _value(row: Row, value: float) -> str:
    return f"{100 * value:.3g}%" if row.metric.kind == "binary" else plain(value)


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{abs(value):.3g}" if value else "0"


def _signed_percent(share: float) -> str:
    return f"{'−' if share < 0 else '+'}{abs(100 * share):.{2 if abs(share) < 0.1 else 1}f}%" if share else "0%"


def _chance(share: float) -> str:
    return "> 99.9%" if share > 0.999 else "< 0.1%" if share < 0.001 else f"{100 * share:.1f}%"


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}" if value < 0.01 else f"{value:.2f}"
