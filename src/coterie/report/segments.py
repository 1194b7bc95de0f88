"""The segment report: one self-contained page for marketers first, with every figure for the data scientist at "
"its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from coterie.learn.segments.choose import KFigures
from coterie.learn.segments.explain import SegmentRule, rule_text
from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.names import Labels, label_of, level_text, trait_label
from coterie.learn.segments.pipeline import CategoryStep, FlagStep, MissingStep, NumericStep, Step
from coterie.learn.segments.profile import Trait
from coterie.learn.segments.separation import APART_DIP
from coterie.learn.segments.stability import band
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
from coterie.report.numbers import percent, plain, signed
from coterie.report.page import figure, page, paragraph, section, table
from coterie.report.segment_plots import (
    MARGIN,
    Dot,
    Whisker,
    choice_plot,
    loadings_plot,
    map_plot,
    profile_plot,
    silhouette_plot,
    stability_plot,
    structure_plot,
)
from coterie.report.segment_words import say
from coterie.report.svg import ABOVE, BELOW, blend, colour

_CARD_TRAITS, _PROFILE_TRAITS, _HEAT_TRAITS, _LOADINGS = 4, 14, 30, 8
_DEEPEST_COLOUR = 1.5
"""Standard deviations at which the heat map's colour is full."""


class _View(NamedTuple):
    """What every part of the page needs."""

    fit: SegmentFit
    language: Language
    labels: Labels

    def say(self, key: str, **fields: object) -> str:
        return say(key, self.language, **fields)

    def label(self, column: str) -> str:
        return label_of(column, self.language, self.labels)

    def name(self, j: int) -> str:
        name = self.fit.model.names[j]
        return name.en if self.language == "en" else name.zh

    @property
    def ids(self) -> tuple[int, ...]:
        return self.fit.model.ids

    @property
    def k(self) -> int:
        return self.fit.model.k

    @property
    def n(self) -> int:
        return sum(self.fit.model.sizes)


def segment_report_html(
    fit: SegmentFit,
    title: str,
    *,
    language: Language = "en",
    facts: Mapping[str, str] | None = None,
    labels: Labels | None = None,
) -> str:
    """The report as one HTML text that needs no other file, no network and no script.

    facts : names and values shown under the title beside the customers and segments, such as as-of and data version
    labels : what columns are called, by column; by default those of the fit
    """
    view = _View(fit, language, fit.column_labels if labels is None else labels)
    shown = [(view.say("customers"), f"{view.n:,}"), (view.say("segments"), str(view.k))]
    shown += list((facts or {}).items())
    sections = [
        _summary(view),
        _sizes(view),
        _profile(view),
        _heat(view),
        _rules(view),
        _structure(view),
        _choice(view),
        _stability(view),
        _map(view),
        _input(view),
        _appendix(view),
    ]
    return page(title, language, view.say("kind"), shown, sections, view.say("foot"))


def _summary(view: _View) -> str:
    fit, panel = view.fit, view.fit.panel
    nature = NATURE[fit.nature].say(view.language, p=p_text(panel.structure.p_value))
    why = view.say("why_k", k=view.k, why=choice_text(panel.recommended, panel, view.language))
    if panel.runner_up:
        why += (" " if view.language == "en" else "") + view.say(
            "runner_up", why=choice_text(panel.runner_up, panel, view.language)
        )
    caveats = "".join(f'<p class="caveat">{escape(caveat_text(c, view.language))}</p>' for c in fit.caveats)
    cards = "".join(_card(view, j) for j in range(view.k))
    verdict = f'<div class="verdict">{paragraph(nature, "lead")}{paragraph(why, "muted")}</div>'
    return section(
        view.say("summary"), verdict, caveats, f'<div class="cards{" pairs" if view.k in (2, 4) else ""}">{cards}</div>'
    )


def _card(view: _View, j: int) -> str:
    fit = view.fit
    share = fit.model.sizes[j] / view.n
    facts = [view.say("of_all", share=percent(share))]
    for money in fit.profile.money[:1]:
        facts.append(view.say("of_money", share=percent(money.shares[j]), label=view.label(money.column)))
    best = sorted(fit.profile.traits, key=lambda t: -abs(t.difference[j]))[:_CARD_TRAITS]
    rule = fit.explanation.rules[j]
    word = band(fit.stability.jaccard[j])
    named = BAND_WORDS[word].say(view.language)
    light = view.say("light", word=named[0].upper() + named[1:], value=f"{fit.stability.jaccard[j]:.2f}")
    return (
        f'<article class="card" style="--tone:{colour(j)}"><div class="who"><span class="chip">{view.ids[j]}</span>'
        f"<h3>{escape(view.name(j))}</h3></div>"
        f'<div class="size"><strong>{fit.model.sizes[j]:,}</strong>'
        f"<span>{escape(' · '.join(facts))}</span></div>"
        f'<div class="meter"><i style="width:{100 * share:.1f}%"></i></div>'
        f'<table class="traits">{"".join(_trait_row(view, t, j) for t in best)}</table>'
        f'<div class="rule">{escape(rule_text(rule.rule, view.language, view.labels))}'
        f"<small>{escape(view.say('rule_fit', recall=percent(rule.recall), precision=percent(rule.precision)))}"
        f"</small></div>"
        f'<div class="light {word}"><i></i><span><b>{escape(light)}</b> '
        f"{escape(view.say(f'advice_{word}'))}</span></div></article>"
    )


def _trait_row(view: _View, trait: Trait, j: int) -> str:
    up = trait.difference[j] > 0
    everybody = view.say("all", value=_natural(trait, trait.overall))
    return (
        f"<tr><td>{escape(trait_label(trait, view.language, view.labels))}</td>"
        f'<td><b class="{"up" if up else "down"}">{"▲" if up else "▼"} {escape(_natural(trait, trait.values[j]))}</b> '
        f'<span class="note">{escape(everybody)}</span></td></tr>'
    )


def _natural(trait: Trait, value: float) -> str:
    """A trait's value in its own units: a number, or a share."""
    return percent(value) if trait.in_percent else plain(value)


def _sizes(view: _View) -> str:
    money = view.fit.profile.money[:1]
    widest = max([s / view.n for s in view.fit.model.sizes] + [s for m in money for s in m.shares])
    rows = []
    for j, size in enumerate(view.fit.model.sizes):
        bars = _bar(size / view.n, widest, "", f"{percent(size / view.n)} · {size:,}")
        bars += "".join(_bar(max(m.shares[j], 0.0), widest, "pale", percent(m.shares[j])) for m in money)
        rows.append(
            f'<div class="name" style="--tone:{colour(j)}"><span class="chip">{view.ids[j]}</span>'
            f"<span>{escape(view.name(j))}</span></div>"
            f'<div class="lane" style="--tone:{colour(j)}">{bars}</div>'
        )
    keys = f"<span><i></i>{escape(view.say('share_customers'))}</span>"
    for m in money:
        keys += f'<span><i class="pale"></i>{escape(view.say("share_money", label=view.label(m.column)))}</span>'
    return section(view.say("sizes"), f'<div class="legend">{keys}</div>', f'<div class="bars">{"".join(rows)}</div>')


def _bar(share: float, widest: float, name: str, words: str) -> str:
    kind = f' class="{name}"' if name else ""
    return f'<div class="bar"><i{kind} style="--share:{share / widest:.3f}"></i>{escape(words)}</div>'


def _profile(view: _View) -> str:
    traits = view.fit.profile.traits[:_PROFILE_TRAITS]
    ends = sorted(max(abs(t.low[j]), abs(t.high[j])) for t in traits for j in range(view.k))
    reach = max(1.0, min(3.0, ends[-1] * 1.05))
    figures = []
    for j in range(view.k):
        rows = [
            Whisker(trait_label(t, view.language, view.labels), t.difference[j], t.low[j], t.high[j]) for t in traits
        ]
        note = f"{view.fit.model.sizes[j]:,} · {percent(view.fit.model.sizes[j] / view.n)}"
        drawing = profile_plot(rows, reach, colour(j), view.name(j))
        figures.append(figure(f"{view.ids[j]}  {view.name(j)}", note, drawing))
    note = paragraph(view.say("profile_note", margin=f"{MARGIN:g}"), "note")
    return section(view.say("profile"), note, f'<div class="grid">{"".join(figures)}</div>')


def _heat(view: _View) -> str:
    heads = "".join(
        f'<th title="{escape(view.name(j), quote=True)}">'
        f'<span class="chip" style="--tone:{colour(j)}">{view.ids[j]}</span></th>'
        for j in range(view.k)
    )
    rows = []
    for trait in view.fit.profile.traits[:_HEAT_TRAITS]:
        cells = "".join(_heat_cell(trait, j) for j in range(view.k))
        rows.append(
            f"<tr><td>{escape(trait_label(trait, view.language, view.labels))}</td>{cells}"
            f"<td>{escape(_natural(trait, trait.overall))}</td><td>{percent(trait.effect)}</td></tr>"
        )
    head = f"<tr><th></th>{heads}<th>{escape(view.say('everybody'))}</th><th>{escape(view.say('effect'))}</th></tr>"
    whole = f'<table class="data heat"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    note = paragraph(view.say("heat_note"), "note")
    return section(view.say("heat"), note, f'<div class="scroll">{whole}</div>')


def _heat_cell(trait: Trait, j: int) -> str:
    difference = trait.difference[j]
    strength = min(1.0, abs(difference) / _DEEPEST_COLOUR) * 0.85
    shade = blend(ABOVE if difference > 0 else BELOW, strength)
    ink = "#fff" if strength > 0.62 else "#1d2733"
    value = escape(_natural(trait, trait.values[j]))
    return f'<td style="background:{shade};color:{ink}">{value}<small>{signed(difference)}</small></td>'


def _rules(view: _View) -> str:
    told = view.fit.explanation
    basis = view.say("held_out" if told.held_out else "in_sample", rows=f"{told.rows:,}")
    note = view.say("rules_note", basis=basis, depth=told.depth, fidelity=percent(told.fidelity))
    rows = "".join(_rule_row(view, j, rule) for j, rule in enumerate(told.rules))
    return section(view.say("rules"), paragraph(note, "note"), f'<div class="told">{rows}</div>')


def _rule_row(view: _View, j: int, rule: SegmentRule) -> str:
    meters = "".join(
        f'<div class="fit"><span>{escape(view.say(key))} <b>{percent(value)}</b></span>'
        f'<div class="meter"><i style="width:{100 * value:.0f}%"></i></div></div>'
        for key, value in (("precision", rule.precision), ("recall", rule.recall))
    )
    return (
        f'<div class="why" style="--tone:{colour(j)}"><div class="who"><span class="chip">{view.ids[j]}</span>'
        f"<b>{escape(view.name(j))}</b></div><div>{escape(rule_text(rule.rule, view.language, view.labels))}</div>"
        f"{meters}</div>"
    )


def _structure(view: _View) -> str:
    structure = view.fit.panel.structure
    nature = NATURE[view.fit.nature].say(view.language, p=p_text(structure.p_value))
    drawing = structure_plot(
        structure.null_statistics,
        structure.statistic,
        (view.say("structure_axis"), view.say("real_data"), view.say("imitations")),
    )
    body = f'<div class="wide">{figure("", view.say("structure_note"), drawing)}</div>'
    return section(view.say("structure"), paragraph(nature), body)


_CRITERIA = ("separation", "weakest", "ari", "silhouette", "gap", "davies_bouldin", "calinski_harabasz", "smallest")


def _choice(view: _View) -> str:
    panel = view.fit.panel
    vetoed = {v.k for v in panel.vetoes}
    figures = []
    for key in _CRITERIA:
        dots = [_dot(key, f) for f in panel.figures]
        least = panel.min_size / view.n
        line = {"separation": APART_DIP, "weakest": 0.75, "smallest": least}.get(key)
        note = view.say(f"{key}_note", least=panel.min_size)
        figures.append(figure(view.say(key), note, choice_plot(dots, view.k, vetoed, view.say(key), line)))
    separator = ", " if view.language == "en" else "，"
    picks = separator.join(f"{view.say(key)} {k}" for key, k in panel.favourites.items())
    veto_rows = [(str(v.k), veto_text(v, view.language)) for v in panel.vetoes]
    vetoes = paragraph(view.say("nothing_vetoed"), "note")
    if veto_rows:
        vetoes = f"<h3>{escape(view.say('vetoed'))}</h3>" + table(
            [view.say("k"), view.say("reason")], veto_rows, words=(1,)
        )
    why = view.say("why_k", k=view.k, why=choice_text(panel.recommended, panel, view.language))
    parts = [paragraph(why), paragraph(view.say("choice_note", rows=f"{panel.rows:,}"), "note")]
    parts.append(f'<div class="grid">{"".join(figures)}</div>')
    if len(panel.figures) > 1:
        parts.append(paragraph(view.say("favours", picks=picks), "note"))
    return section(view.say("choice"), *parts, vetoes)


def _dot(key: str, f: KFigures) -> Dot:
    match key:
        case "silhouette":
            return Dot(f.k, f.silhouette, f.silhouette_low, f.silhouette_high)
        case "gap":
            return Dot(f.k, f.gap, f.gap - f.gap_error, f.gap + f.gap_error)
        case "ari":
            return Dot(f.k, f.stability.ari, f.stability.ari_low, f.stability.ari_high)
        case "weakest":
            return Dot(f.k, f.weakest, f.weakest, f.weakest)
        case "smallest":
            return Dot(f.k, f.shares[-1], f.shares[-1], f.shares[-1])
        case _:
            value = float(getattr(f, key))
            return Dot(f.k, value, value, value)


def _stability(view: _View) -> str:
    fit = view.fit
    left = figure(
        "",
        view.say("stable_note", draws=fit.stability.draws),
        stability_plot(fit.stability.jaccard, view.ids, view.say("stable")),
    )
    right = figure(
        view.say("own_silhouette"),
        view.say("own_silhouette_note"),
        silhouette_plot(fit.silhouettes, view.ids, view.say("own_silhouette")),
    )
    heads = [view.say(key) for key in ("segment", "overlap", "dissolved", "ambiguous")]
    rows = [
        (
            f"{view.ids[j]}  {view.name(j)}",
            f"{value:.2f}",
            percent(fit.stability.dissolved[j]),
            percent(fit.ambiguous[j]),
        )
        for j, value in enumerate(fit.stability.jaccard)
    ]
    both = f'<div class="half"><div>{left}</div><div>{right}</div></div>'
    note = paragraph(view.say("ambiguous_note", share=percent(fit.ambiguous_share)), "note")
    return section(view.say("stable"), both, table(heads, rows, words=(0,)), note)


def _map(view: _View) -> str:
    plane = view.fit.map
    x, y = plane.variance
    note = view.say("map_note", both=percent(x + y), x=percent(x), y=percent(y))
    axes = (f"{view.say('axis_x')} ({percent(x)})", f"{view.say('axis_y')} ({percent(y)})")
    keys = "".join(
        f'<span style="--tone:{colour(j)}"><i></i>{view.ids[j]} {escape(view.name(j))}</span>' for j in range(view.k)
    )
    rows = [(_output_label(view, name), a, b) for name, a, b in plane.loadings[:_LOADINGS]]
    heads = (view.say("axis_first"), view.say("axis_second"))
    right = figure(view.say("axes_mean"), "", loadings_plot(rows, view.say("axes_mean"), heads))
    left = f'{map_plot(plane, axes, view.ids, view.say("map"))}<div class="legend">{keys}</div>'
    both = f'<div class="half"><div>{left}</div><div class="small">{right}</div></div>'
    return section(view.say("map"), paragraph(note, "note"), both)


def _output_label(view: _View, name: str) -> str:
    column, _, level = name.partition(" = ")
    label = view.label(column)
    return f"{label} = {level_text(level, view.language)}" if level else label


def _input(view: _View) -> str:
    pipeline = view.fit.model.pipeline
    lead = paragraph(view.say("input_lead", n=f"{view.n:,}", used=len(pipeline.columns)), "note")
    heads = [view.say(key) for key in ("column", "done", "missing", "filled", "limited")]
    asked = {step.column for step in pipeline.steps if isinstance(step, MissingStep)}
    rows = [_step_row(view, step, step.column in asked) for step in pipeline.steps if not isinstance(step, MissingStep)]
    parts = [lead, table(heads, rows, words=(0, 1))]
    if pipeline.dropped:
        dropped = [(view.label(d.column), dropped_text(d, view.language)) for d in pipeline.dropped]
        parts.append(f"<h3>{escape(view.say('not_used'))}</h3>")
        parts.append(table([view.say("column"), view.say("reason")], dropped, words=(0, 1)))
    return section(view.say("input"), *parts)


def _step_row(view: _View, step: Step, asked: bool) -> tuple[str, ...]:
    rows = view.n
    gone = 0 if isinstance(step, MissingStep) else step.missing
    missing = view.say("rows_of", count=f"{gone:,}", share=percent(gone / rows)) if gone else "–"
    mark = ("; " if view.language == "en" else "；") + view.say("indicator") if asked else ""
    match step:
        case NumericStep():
            raw = step.scale == 1.0 and step.centre == 0.0 and step.transform == "identity"
            done = view.say("as_is") if raw else view.say(step.transform, power=step.power)
            filled = plain(step.fill) if gone else "–"
            return view.label(step.column), done + mark, missing, filled, _limits(view, step)
        case CategoryStep():
            done = view.say("category", levels=len(step.levels))
            if step.merged:
                done += ("; " if view.language == "en" else "；") + view.say("merged", count=len(step.merged))
            return view.label(step.column), done, missing, "–", "–"
        case FlagStep() | MissingStep():
            return view.label(step.column), view.say("flag") + mark, missing, percent(step.centre) if gone else "–", "–"


def _limits(view: _View, step: NumericStep) -> str:
    low, high = step.lower, step.upper
    if low is None and high is None:
        return "–"
    if low is not None and high is not None:
        words = view.say("within", low=plain(low), high=plain(high))
    else:
        words = view.say("up_to", high=plain(high)) if high is not None else view.say("from", low=plain(low or 0.0))
    return f"{words} · {step.limited:,}"


def _appendix(view: _View) -> str:
    parts = [f"<h3>{escape(view.say('panel_table'))}</h3>", _panel_table(view)]
    parts += [f"<h3>{escape(view.say('profile_table'))}</h3>", _profile_table(view)]
    parts += [f"<h3>{escape(view.say('rule_json'))}</h3>"]
    for j, rule in enumerate(view.fit.explanation.rules):
        parts.append(f"<pre>{view.ids[j]}  {escape(json.dumps(rule.rule, ensure_ascii=False))}</pre>")
    parts += [f"<h3>{escape(view.say('model_table'))}</h3>", _model_table(view)]
    return section(view.say("appendix"), *parts, name="appendix")


def _panel_table(view: _View) -> str:
    panel = view.fit.panel
    keys = ("k", "separation", "apart_p", "stand_apart", "weakest", "ari", "silhouette", "gap", "calinski_harabasz")
    heads = [view.say(key) for key in (*keys, "davies_bouldin", "inertia", "smallest", "veto")]
    rows = []
    for f in panel.figures:
        vetoes = "; ".join(veto_text(v, view.language) for v in panel.vetoes if v.k == f.k)
        rows.append(
            (
                str(f.k),
                f"{f.separation:.2f}",
                p_text(f.apart_p, sign=False),
                f"{f.apart} / {f.k}",
                f"{f.weakest:.3f}",
                f"{f.stability.ari:.3f} ({f.stability.ari_low:.2f}–{f.stability.ari_high:.2f})",
                f"{f.silhouette:.4f} ({f.silhouette_low:.3f}–{f.silhouette_high:.3f})",
                f"{f.gap:.3f} ± {f.gap_error:.3f}".replace("-", "−"),
                plain(f.calinski_harabasz),
                f"{f.davies_bouldin:.3f}",
                plain(f.inertia),
                percent(f.shares[-1]),
                vetoes or "–",
            )
        )
    picked = next(i for i, f in enumerate(panel.figures) if f.k == view.k)
    structure = panel.structure
    found = view.say("found" if structure.found else "not_found")
    draws = len(structure.null_statistics)
    note = view.say("structure_row", found=found, p=p_text(structure.p_value), draws=draws)
    return table(heads, rows, words=(12,), picked=picked, roomy=True) + paragraph(note, "note")


def _profile_table(view: _View) -> str:
    heads = [view.say(key) for key in ("column", "segment", "median", "mean", "quartiles", "difference")] + ["95%"]
    rows = []
    for trait in view.fit.profile.traits:
        name = trait_label(trait, view.language, view.labels)
        all_mean = _natural(trait, trait.overall_mean)
        rows.append((name, view.say("everybody"), _natural(trait, trait.overall), all_mean, "", "", ""))
        for j in range(view.k):
            ends = (_natural(trait, trait.low_quartiles[j]), _natural(trait, trait.high_quartiles[j]))
            spread = "–".join(ends) if trait.kind == "number" else ""
            interval = f"{signed(trait.low[j])} … {signed(trait.high[j])}"
            values = (_natural(trait, trait.values[j]), _natural(trait, trait.means[j]), spread)
            rows.append(("", str(view.ids[j]), *values, signed(trait.difference[j]), interval))
    return table(heads, rows)


def _model_table(view: _View) -> str:
    model, panel = view.fit.model, view.fit.panel
    method = view.say(model.method)
    rows = [
        (view.say("method"), method),
        (view.say("seed"), str(model.seed)),
        (view.say("customers_compared"), f"{panel.rows:,} ({view.say('silhouette')}: {panel.silhouette_rows:,})"),
        *((f"{view.say('version')}: {library}", number) for library, number in model.versions.items()),
    ]
    return table(["", ""], rows)
