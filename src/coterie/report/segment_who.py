"""Who the segments are: the page at a glance, their profile, the rules, the map (parts 1, 7, 8 and 10)."""

from __future__ import annotations

from html import escape

from coterie.learn.segments.explain import SegmentRule, rule_text
from coterie.learn.segments.names import trait_label
from coterie.learn.segments.profile import Profile, Trait
from coterie.learn.segments.stability import band
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.words import BAND_WORDS, NATURE, caveat_text, choice_text, p_text
from coterie.report.numbers import percent, plain, signed
from coterie.report.page import figure, paragraph, table
from coterie.report.segment_json import index_of
from coterie.report.segment_plots import MARGIN, Whisker, loadings_plot, map_plot, profile_plot, silhouette_plot
from coterie.report.segment_view import View, natural
from coterie.report.svg import ABOVE, BELOW, blend

_CARD_TRAITS, _PROFILE_TRAITS, _HEAT_TRAITS, _LOADINGS, _BORDERS = 4, 14, 30, 8, 10
_DEEPEST_COLOUR = 1.5
"""Standard deviations at which the heat map's colour is full."""


def overview(view: View) -> str:
    """Part 1, for the marketer."""
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
    note = paragraph(view.say("acting_note"), "note") if view.study and view.study.acting else ""
    if fit.model.unassigned:
        alone = fit.model.unassigned
        note = paragraph(view.say("unassigned", count=f"{alone:,}", share=percent(alone / view.n))) + note
    return verdict + caveats + f'<div class="cards{" pairs" if view.k in (2, 4) else ""}">{cards}</div>' + note


def _card(view: View, j: int) -> str:
    fit = view.fit
    share = fit.model.sizes[j] / max(view.n, 1)
    best = sorted(fit.profile.traits, key=lambda t: -abs(t.difference[j]))[:_CARD_TRAITS]
    rule = fit.explanation.rules[j]
    word = band(fit.stability.jaccard[j])
    named = BAND_WORDS[word].say(view.language)
    light = view.say("light", word=named[0].upper() + named[1:], value=f"{fit.stability.jaccard[j]:.2f}")
    return (
        f'<article class="card" style="--tone:{view.shades[j]}"><div class="who"><span class="chip">{view.ids[j]}</span>'
        f"<h3>{escape(view.name(j))}</h3></div>"
        f'<div class="size"><strong>{fit.model.sizes[j]:,}</strong>'
        f"<span>{escape(' · '.join(_facts(view, j)))}</span></div>"
        f'<div class="meter"><i style="width:{100 * share:.1f}%"></i></div>'
        f'<table class="traits">{"".join(_trait_row(view, t, j) for t in best)}</table>'
        f'<div class="rule">{escape(rule_text(rule.rule, view.language, view.labels))}'
        f"<small>{escape(view.say('rule_fit', recall=percent(rule.recall), precision=percent(rule.precision)))}"
        f"</small></div>{_to_do(view, j)}"
        f'<div class="light {word}"><i></i><span><b>{escape(light)}</b> '
        f"{escape(view.say(f'advice_{word}'))}</span></div></article>"
    )


def _facts(view: View, j: int) -> list[str]:
    """Beside the size: shares of customers and of money, and the trend."""
    fit = view.fit
    facts = [view.say("of_all", share=percent(fit.model.sizes[j] / max(view.n, 1)))]
    for money in fit.profile.money[:1]:
        facts.append(view.say("of_money", share=percent(money.shares[j]), label=view.label(money.column)))
    past = view.study.past if view.study else None
    if past is not None and not isinstance(past, NotApplicable):
        growth = past.trend(view.ids[j], fit.model.sizes[j])
        if growth is None:
            facts.append(view.say("is_new", when=view.day(past.as_of)))
        else:
            change = f"{'−' if growth < 0 else '+'}{percent(abs(growth))}"
            same = percent(abs(growth)) in ("0%", "0.0%")
            facts.append(view.say("same_size" if same else "growth", change=change, when=view.day(past.as_of)))
    return facts


def _to_do(view: View, j: int) -> str:
    """The action, what it would bring in, who looks after it, and what people said is wrong."""
    study, i = view.study, view.ids[j]
    if study is None:
        return ""
    plan, value = study.strategies.get(i), study.acting.get(i)
    said = plan.action if plan and plan.action else study.actions[j].say(view.language)
    lines = [f"<b>{escape(view.say('action'))}</b> {escape(said)}"]
    if value is not None:
        words = view.say("acting", value=plain(value.value), low=plain(value.low), high=plain(value.high))
        lines.append(escape(words))
    if plan and plan.owner:
        lines.append(escape(view.say("owner", name=plan.owner)))
    if plan and plan.policy:
        lines.append(escape(view.say("policy", text=plan.policy)))
    marks = [mark for mark in study.marks if mark.segment == i and mark.note]
    told = "".join(
        f'<p class="mark">{escape(view.say("mark", what=view.say(f"marked_{m.what}"), note=m.note))}</p>' for m in marks
    )
    return f'<div class="todo">{"<br>".join(lines)}{told}</div>'


def _trait_row(view: View, trait: Trait, j: int) -> str:
    up = trait.difference[j] > 0
    everybody = view.say("all", value=natural(trait, trait.overall))
    return (
        f"<tr><td>{escape(trait_label(trait, view.language, view.labels))}</td>"
        f'<td><b class="{"up" if up else "down"}">{"▲" if up else "▼"} {escape(natural(trait, trait.values[j]))}</b> '
        f'<span class="note">{escape(everybody)}</span></td></tr>'
    )


def who(view: View) -> str:
    """Part 7: sizes, differences from everybody, natural units, and tags that had no say."""
    parts = [f"<h3>{escape(view.say('sizes'))}</h3>", _sizes(view), f"<h3>{escape(view.say('profile'))}</h3>"]
    traits = view.fit.profile.traits[:_PROFILE_TRAITS]
    parts += [_differences(view, traits), f"<h3>{escape(view.say('heat'))}</h3>", _heat(view, view.fit.profile)]
    parts.append(f"<h3>{escape(view.say('descriptors'))}</h3>")
    others = view.study.descriptors if view.study else None
    if others is None or isinstance(others, NotApplicable):
        parts.append(view.absent(others))
    else:
        parts.append(_heat(view, others))
    return "".join(parts)


def _sizes(view: View) -> str:
    money = view.fit.profile.money[:1]
    widest = max([s / max(view.n, 1) for s in view.fit.model.sizes] + [s for m in money for s in m.shares])
    rows = []
    for j, size in enumerate(view.fit.model.sizes):
        share = size / max(view.n, 1)
        bars = bar(share, widest, "", f"{percent(share)} · {size:,}")
        bars += "".join(bar(max(m.shares[j], 0.0), widest, "pale", percent(m.shares[j])) for m in money)
        rows.append(
            f'<div class="name" style="--tone:{view.shades[j]}"><span class="chip">{view.ids[j]}</span>'
            f"<span>{escape(view.name(j))}</span></div>"
            f'<div class="lane" style="--tone:{view.shades[j]}">{bars}</div>'
        )
    keys = f"<span><i></i>{escape(view.say('share_customers'))}</span>"
    for m in money:
        keys += f'<span><i class="pale"></i>{escape(view.say("share_money", label=view.label(m.column)))}</span>'
    return f'<div class="legend">{keys}</div><div class="bars">{"".join(rows)}</div>'


def bar(share: float, widest: float, name: str, words: str) -> str:
    """A bar with words at its end, as HTML; the widest one fills the lane."""
    kind = f' class="{name}"' if name else ""
    return f'<div class="bar"><i{kind} style="--share:{share / (widest or 1.0):.3f}"></i>{escape(words)}</div>'


def _differences(view: View, traits: tuple[Trait, ...]) -> str:
    ends = sorted(max(abs(t.low[j]), abs(t.high[j])) for t in traits for j in range(view.k))
    reach = max(1.0, min(3.0, ends[-1] * 1.05))
    figures = []
    for j in range(view.k):
        rows = [
            Whisker(trait_label(t, view.language, view.labels), t.difference[j], t.low[j], t.high[j]) for t in traits
        ]
        note = f"{view.fit.model.sizes[j]:,} · {percent(view.fit.model.sizes[j] / max(view.n, 1))}"
        drawing = profile_plot(rows, reach, view.shades[j], view.name(j))
        figures.append(figure(f"{view.ids[j]}  {view.name(j)}", note, drawing))
    note = paragraph(view.say("profile_note", margin=f"{MARGIN:g}"), "note")
    wide = " two" if view.k in (2, 4) else ""
    return f'{note}<div class="grid{wide}">{"".join(figures)}</div>'


def _heat(view: View, described: Profile) -> str:
    heads = "".join(f'<th title="{escape(view.name(j), quote=True)}">{view.chip(j)}</th>' for j in range(view.k))
    rows = []
    for trait in described.traits[:_HEAT_TRAITS]:
        shown = "".join(_heat_cell(view, trait, j) for j in range(view.k))
        rows.append(
            f"<tr><td>{escape(trait_label(trait, view.language, view.labels))}</td>{shown}"
            f"<td>{escape(natural(trait, trait.overall))}</td><td>{percent(trait.effect)}</td></tr>"
        )
    head = f"<tr><th></th>{heads}<th>{escape(view.say('everybody'))}</th><th>{escape(view.say('effect'))}</th></tr>"
    whole = f'<table class="data heat"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    levels = any(index_of(trait) for trait in described.traits[:_HEAT_TRAITS])
    note = view.say("heat_note")
    if levels:
        note += (" " if view.language == "en" else "") + view.say("index_note")
    return f'{paragraph(note, "note")}<div class="scroll">{whole}</div>'


def _heat_cell(view: View, trait: Trait, j: int) -> str:
    difference, index = trait.difference[j], index_of(trait)
    strength = min(1.0, abs(difference) / _DEEPEST_COLOUR) * 0.85
    shade = blend(ABOVE if difference > 0 else BELOW, strength)
    ink = "#fff" if strength > 0.62 else "#1d2733"
    small = signed(difference) if index is None else view.say("index", value=f"{index[j]:.0f}")
    value = escape(natural(trait, trait.values[j]))
    return f'<td style="background:{shade};color:{ink}">{value}<small>{escape(small)}</small></td>'


def explanation(view: View) -> str:
    """Part 8: a rule per segment, how well a single tree does, typical customers and those near a border."""
    told = view.fit.explanation
    basis = view.say("held_out" if told.held_out else "in_sample", rows=f"{told.rows:,}")
    note = view.say("rules_note", basis=basis, depth=told.depth, fidelity=percent(told.fidelity))
    if told.cost_ratio is not None:
        note += (" " if view.language == "en" else "") + view.say("tree_note", ratio=f"{told.cost_ratio:.2f}")
    note += (" " if view.language == "en" else "") + view.say("ambiguous_note", share=percent(view.fit.ambiguous_share))
    rows = "".join(_rule_row(view, j, rule) for j, rule in enumerate(told.rules))
    heads = [view.say(key) for key in ("segment", "purity", "ambiguous", "typical")]
    people = [
        (
            f"{view.ids[j]}  {view.name(j)}",
            percent(told.purity[j]),
            percent(view.fit.ambiguous[j]),
            "  ".join(_key(view, key) for key in view.fit.prototypes[j]),
        )
        for j in range(view.k)
    ]
    parts = [paragraph(note, "note"), f'<div class="told">{rows}</div>', table(heads, people, words=(0, 3), codes=(3,))]
    return "".join([*parts, _borders(view)])


def _key(view: View, entity: str) -> str:
    return view.study.key(entity) if view.study else entity


def _borders(view: View) -> str:
    borders = view.fit.borders[:_BORDERS]
    heads = [view.say(key) for key in ("customer", "segment", "second", "margin")]
    rows = [(_key(view, b.entity), str(b.segment), str(b.second), f"{b.margin:.3f}") for b in borders]
    return f"<h3>{escape(view.say('borders'))}</h3>" + table(heads, rows, codes=(0,)) if rows else ""


def _rule_row(view: View, j: int, rule: SegmentRule) -> str:
    meters = "".join(
        f'<div class="fit"><span>{escape(view.say(key))} <b>{percent(value)}</b></span>'
        f'<div class="meter"><i style="width:{100 * value:.0f}%"></i></div></div>'
        for key, value in (("precision", rule.precision), ("recall", rule.recall))
    )
    return (
        f'<div class="why" style="--tone:{view.shades[j]}"><div class="who"><span class="chip">{view.ids[j]}</span>'
        f"<b>{escape(view.name(j))}</b></div><div>{escape(rule_text(rule.rule, view.language, view.labels))}</div>"
        f"{meters}</div>"
    )


def plane(view: View) -> str:
    """Part 10: two directions of largest difference, what they are made of, and how well members fit."""
    found = view.fit.map
    x, y = found.variance
    note = view.say("map_note", both=percent(x + y), x=percent(x), y=percent(y))
    axes = (f"{view.say('axis_x')} ({percent(x)})", f"{view.say('axis_y')} ({percent(y)})")
    keys = "".join(
        f'<span style="--tone:{view.shades[j]}"><i></i>{view.ids[j]} {escape(view.name(j))}</span>'
        for j in range(view.k)
    )
    rows = [(view.output_label(name), a, b) for name, a, b in found.loadings[:_LOADINGS]]
    heads = (view.say("axis_first"), view.say("axis_second"))
    right = figure(view.say("axes_mean"), "", loadings_plot(rows, view.say("axes_mean"), heads))
    right += figure(
        view.say("own_silhouette"),
        view.say("own_silhouette_note"),
        silhouette_plot(view.fit.silhouettes, view.ids, view.shades, view.say("own_silhouette")),
    )
    left = f'{map_plot(found, axes, view.ids, view.shades, view.say("map"))}<div class="legend">{keys}</div>'
    return f'{paragraph(note, "note")}<div class="half"><div>{left}</div><div class="small">{right}</div></div>'
