"""How the segments were found: what went in, structure, choice, other methods, stability (parts 2 to 6)."""

from __future__ import annotations

import math
from html import escape
from itertools import pairwise

from coterie.learn.segments.choose import KFigures
from coterie.learn.segments.pipeline import CategoryStep, FlagStep, MissingStep, NumericStep, Step
from coterie.learn.segments.separation import APART_DIP
from coterie.learn.segments.study.absent import NotApplicable
from coterie.learn.segments.study.compare import Algorithms
from coterie.learn.segments.study.origin import Origin
from coterie.learn.segments.study.past import Past
from coterie.learn.segments.words import NATURE, choice_text, dropped_text, p_text, veto_text
from coterie.report.flow_plots import Layer, Node, flow_plot
from coterie.report.numbers import percent, plain
from coterie.report.page import figure, paragraph, table
from coterie.report.segment_plots import Dot, choice_plot, stability_plot, structure_plot
from coterie.report.segment_view import View
from coterie.report.svg import ACCENT, MUTED, blend, tones


def went_in(view: View) -> str:
    """Part 2: population, preparation, what was not used, fingerprints."""
    pipeline = view.fit.model.pipeline
    parts = [_origin_table(view, view.study.origin) if view.study else ""]
    parts.append(paragraph(view.say("input_lead", n=f"{view.n:,}", used=len(pipeline.columns)), "note"))
    heads = [view.say(key) for key in ("column", "done", "missing", "filled", "limited")]
    asked = {step.column for step in pipeline.steps if isinstance(step, MissingStep)}
    rows = [_step_row(view, step, step.column in asked) for step in pipeline.steps if not isinstance(step, MissingStep)]
    parts.append(table(heads, rows, words=(0, 1)))
    if view.study:
        parts.append(paragraph(_alike(view, view.study.origin), "note"))
    if pipeline.dropped:
        dropped = [(view.label(d.column), dropped_text(d, view.language)) for d in pipeline.dropped]
        parts.append(f"<h3>{escape(view.say('not_used'))}</h3>")
        parts.append(table([view.say("column"), view.say("reason")], dropped, words=(0, 1)))
    return "".join(parts)


def _origin_table(view: View, found: Origin) -> str:
    facts = found.facts
    who = view.say("members_of", audience=facts.audience) if facts.audience else view.say("everyone")
    gone = view.comma.join(f"{reason} {count:,}" for reason, count in facts.excluded.items())
    rows = [("population", escape(f"{found.rows:,} · {who}")), ("left_out", escape(gone or view.say("nobody")))]
    if found.nothing_known:
        rows.append(("nothing_known", f"{found.nothing_known:,}"))
    if facts.as_of:
        rows.append(("as_of", escape(view.day(facts.as_of))))
    if facts.data_version is not None:
        rows.append(("data_version", str(facts.data_version)))
    rows += [("data_print", f"<code>{found.data[:16]}</code>"), ("model_print", f"<code>{found.model[:16]}</code>")]
    body = "".join(f"<tr><td>{escape(view.say(key))}</td><td>{value}</td></tr>" for key, value in rows)
    return f'<div class="scroll"><table class="data facts"><tbody>{body}</tbody></table></div>'


def _alike(view: View, found: Origin) -> str:
    if not found.likenesses:
        return view.say("dimensions_alone")
    pairs = view.comma.join(
        view.say("pair", a=view.label(p.first), b=view.label(p.second), value=f"{p.correlation:.2f}")
        for p in found.likenesses[:3]
    )
    used = len(view.fit.model.columns)
    return view.say("dimensions", used=used, found=f"{found.dimensions:.1f}", pairs=pairs)


def _step_row(view: View, step: Step, asked: bool) -> tuple[str, ...]:
    rows = view.fit.model.pipeline.rows
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


def _limits(view: View, step: NumericStep) -> str:
    low, high = step.lower, step.upper
    if low is None and high is None:
        return "–"
    if low is not None and high is not None:
        words = view.say("within", low=plain(low), high=plain(high))
    else:
        words = view.say("up_to", high=plain(high)) if high is not None else view.say("from", low=plain(low or 0.0))
    return f"{words} · {step.limited:,}"


def structure(view: View) -> str:
    """Part 3: the data beside imitations without groups."""
    found = view.fit.panel.structure
    nature = NATURE[view.fit.nature].say(view.language, p=p_text(found.p_value))
    drawing = structure_plot(
        found.null_statistics,
        found.statistic,
        (view.say("structure_axis"), view.say("real_data"), view.say("imitations")),
    )
    return f'{paragraph(nature)}<div class="wide">{figure("", view.say("structure_note"), drawing)}</div>'


_CRITERIA = (
    "separation", "weakest", "ari", "silhouette", "gap", "davies_bouldin", "calinski_harabasz", "bic", "smallest",
)  # fmt: skip


def choice(view: View) -> str:
    """Part 4: every criterion by the number of segments, vetoes, and how segments split and merge."""
    panel = view.fit.panel
    why = view.say("why_k", k=view.k, why=choice_text(panel.recommended, panel, view.language))
    if len(panel.figures) == 1:
        return "".join([paragraph(why), _only_one(view, panel.figures[0]), _vetoes(view)])
    vetoed = {v.k for v in panel.vetoes}
    figures = []
    for key in _CRITERIA:
        dots = [dot for f in panel.figures if (dot := _dot(key, f)) is not None]
        if not dots:
            continue
        line = {"separation": APART_DIP, "weakest": 0.75, "smallest": panel.min_size / max(view.n, 1)}.get(key)
        note = view.say(f"{key}_note", least=panel.min_size)
        figures.append(figure(view.say(key), note, choice_plot(dots, view.k, vetoed, view.say(key), line)))
    separator = ", " if view.language == "en" else "，"
    picks = separator.join(f"{view.say(key)} {k}" for key, k in panel.favourites.items())
    parts = [paragraph(why), paragraph(view.say("choice_note", rows=f"{panel.rows:,}"), "note")]
    parts += [f'<div class="grid">{"".join(figures)}</div>', paragraph(view.say("favours", picks=picks), "note")]
    return "".join([*parts, _vetoes(view), _lineage(view)])


def _only_one(view: View, figures: KFigures) -> str:
    """The criteria as a table, where there is nothing to compare with."""
    rows = [
        (view.say(key), plain(round(dot.value, 4)).replace("-", "−"), view.say(f"{key}_note", least=view.fit.panel.min_size))
        for key in _CRITERIA
        if (dot := _dot(key, figures)) is not None
    ]  # fmt: skip
    return table([view.say("criterion"), view.say("value"), ""], rows, words=(0, 2))


def _vetoes(view: View) -> str:
    panel = view.fit.panel
    rows = [(str(v.k), veto_text(v, view.language)) for v in panel.vetoes]
    if not rows:
        return paragraph(view.say("nothing_vetoed"), "note")
    return f"<h3>{escape(view.say('vetoed'))}</h3>" + table([view.say("k"), view.say("reason")], rows, words=(1,))


def _dot(key: str, f: KFigures) -> Dot | None:
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
            value = getattr(f, key)
            return None if value is None or not math.isfinite(value) else Dot(f.k, value, value, value)


def _lineage(view: View) -> str:
    """Layers of all numbers tried; a segment has the colour of the chosen one that most of its customers are in."""
    steps = view.fit.panel.lineage
    if not steps:
        return ""
    ks = [steps[0].k, *(step.to_k for step in steps)]
    sizes = {steps[0].k: _sizes(steps[0].flows, 0)} | {step.to_k: _sizes(step.flows, 1) for step in steps}
    links = _links(view, ks)
    shades = {view.k: dict(enumerate(view.shades, start=1))}
    order = {view.k: list(range(1, view.k + 1))}
    for (k, near), flows in links.items():
        shades[k] = _inherited(flows, shades[near])
        order[k] = _untangled(flows, order[near])
    layers = [
        Layer(str(k), [Node(str(view.ids[p - 1]) if k == view.k else "", sizes[k][p], shades[k][p]) for p in order[k]])
        for k in ks
    ]
    bands = [[(order[s.k].index(a), order[s.to_k].index(b), n) for a, b, n in s.flows] for s in steps]
    drawing = f'<div class="scroll">{flow_plot(layers, bands, view.say("lineage"))}</div>'
    shown = figure(view.say("lineage"), view.say("lineage_note", k=view.k), drawing)
    return f'<div class="broad">{shown}</div>'


Triples = list[tuple[int, int, int]]


def _links(view: View, ks: list[int]) -> dict[tuple[int, int], Triples]:
    """From the chosen number outwards: each number, its neighbour nearer to the chosen one, and the flows to that."""
    steps = {step.k: step for step in view.fit.panel.lineage}
    at = ks.index(view.k)
    after = {(k, near): [(b, a, n) for a, b, n in steps[near].flows] for near, k in pairwise(ks[at:])}
    before = {(k, near): list(steps[k].flows) for k, near in reversed(list(pairwise(ks[: at + 1])))}
    return after | before


def _inherited(flows: Triples, known: dict[int, str]) -> dict[int, str]:
    largest: dict[int, tuple[int, int]] = {}
    for own, other, n in flows:
        largest[own] = max(largest.get(own, (0, 0)), (n, other))
    return {own: known.get(other, MUTED) for own, (_, other) in largest.items()}


def _untangled(flows: Triples, beside: list[int]) -> list[int]:
    """Segments by the mean place of those that they share customers with, so that few bands cross."""
    place = {segment: i for i, segment in enumerate(beside)}
    weight: dict[int, int] = {}
    moment: dict[int, float] = {}
    for own, other, n in flows:
        weight[own] = weight.get(own, 0) + n
        moment[own] = moment.get(own, 0.0) + n * place[other]
    return sorted(weight, key=lambda own: (moment[own] / weight[own], own))


def _sizes(flows: tuple[tuple[int, int, int], ...], side: int) -> dict[int, int]:
    sizes: dict[int, int] = {}
    for flow in flows:
        sizes[flow[side]] = sizes.get(flow[side], 0) + flow[2]
    return sizes


def algorithms(view: View) -> str:
    """Part 5: other methods on the same rows, their agreement, and what people said."""
    found = view.study.algorithms if view.study else None
    if found is None or isinstance(found, NotApplicable):
        return view.absent(found) + _people(view)
    names = [method_name(view, entry.name) for entry in found.entries]
    first = view.say("this_report", method=names[0])
    heads = [view.say(key) for key in ("method", "groups", "group_sizes", "silhouette", "in_none")]
    rows = [
        (
            first if i == 0 else names[i],
            str(len(entry.sizes)),
            _shown_sizes(entry.sizes),
            "–" if entry.silhouette is None else f"{entry.silhouette:.3f}",
            percent(entry.unassigned),
        )
        for i, entry in enumerate(found.entries)
    ]
    parts = [paragraph(view.say("algorithms_note", rows=f"{found.rows:,}", k=view.k), "note")]
    parts += [table(heads, rows, words=(0, 2), picked=0), f"<h3>{escape(view.say('agreement_with'))}</h3>"]
    parts.append(_agreement(names, found))
    if found.skipped:
        skipped = view.comma.join(method_name(view, s.name) for s in found.skipped)
        parts.append(paragraph(view.say("skipped", names=skipped), "note"))
    return "".join([*parts, _people(view)])


def _shown_sizes(sizes: tuple[int, ...]) -> str:
    shown = " · ".join(f"{size:,}" for size in sizes[:12])
    return f"{shown} …" if len(sizes) > 12 else shown


def method_name(view: View, name: str) -> str:
    """What a method is called; one that has no word yet goes by its own name."""
    try:
        return view.say(f"method_{name}")
    except KeyError:
        return name


def _agreement(names: list[str], found: Algorithms) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = []
    for name, values in zip(names, found.agreement, strict=True):
        shown = "".join(_shaded(value) for value in values)
        rows.append(f"<tr><td>{escape(name)}</td>{shown}</tr>")
    head = f"<tr><th></th>{heads}</tr>"
    return f'<div class="scroll"><table class="data heat"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def _shaded(value: float) -> str:
    strength = 0.85 * max(0.0, min(1.0, value))
    ink = "#fff" if strength > 0.62 else "#1d2733"
    shown = f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
    return f'<td style="background:{blend(ACCENT, strength)};color:{ink}">{shown}</td>'


def _people(view: View) -> str:
    """Labels that people gave, beside the segments."""
    found = view.study.humans if view.study else None
    if found is None:
        return ""
    ari, kappa = ("–" if v is None else f"{v:.2f}" for v in (found.ari, found.kappa))
    note = view.say("people_note", matched=f"{found.matched:,}", ari=ari, kappa=kappa)
    ids = sorted({i for row in found.table.values() for i in row})
    rows = [(label, *(f"{row.get(i, 0):,}" for i in ids)) for label, row in found.table.items()]
    parts = [f"<h3>{escape(view.say('people'))}</h3>", paragraph(note, "note")]
    parts.append(table([view.say("label"), *(f"{view.say('segment')} {i}" for i in ids)], rows))
    if found.overlooked and found.top_label is not None:
        count = f"{len(found.overlooked):,}"
        words = view.say("overlooked", count=count, segment=found.top_segment, label=found.top_label)
        parts.append(paragraph(words))
    return "".join(parts)


def stable(view: View) -> str:
    """Part 6: segments in resamples, with one fewer and one more, and over time."""
    fit = view.fit
    plot = figure(
        "",
        view.say("stable_note", draws=fit.stability.draws),
        stability_plot(fit.stability.jaccard, view.ids, view.shades, view.say("stable")),
    )
    heads = [view.say(key) for key in ("segment", "overlap", "dissolved", "fewer", "more")]
    across = {row.place: row for row in view.study.across_k} if view.study else {}
    rows = []
    for j, value in enumerate(fit.stability.jaccard):
        row = across.get(j + 1)
        sides = ["–" if v is None else f"{v:.2f}" for v in ((row.fewer, row.more) if row else (None, None))]
        rows.append((f"{view.ids[j]}  {view.name(j)}", f"{value:.2f}", percent(fit.stability.dissolved[j]), *sides))
    parts = [f'<div class="wide">{plot}</div>', table(heads, rows, words=(0,))]
    parts.append(paragraph(view.say("across_note"), "note"))
    past = view.study.past if view.study else None
    parts.append(f"<h3>{escape(view.say('over_time'))}</h3>")
    if past is None or isinstance(past, NotApplicable):
        parts.append(view.absent(past))
    else:
        parts.append(_moves(view, past))
    return "".join(parts)


def _moves(view: View, past: Past) -> str:
    sources = sorted({flow.source for flow in past.flows})
    targets = sorted({flow.target for flow in past.flows})
    shades = {0: MUTED} | tones([i for i in {*sources, *targets, *view.ids} if i > 0])
    out = {i: sum(f.customers for f in past.flows if f.source == i) for i in sources}
    into = {i: sum(f.customers for f in past.flows if f.target == i) for i in targets}
    layers = [
        Layer(view.day(past.as_of) or view.say("then"), [Node(str(i), out[i], shades[i]) for i in sources]),
        Layer(view.say("today"), [Node(str(i), into[i], shades[i]) for i in targets]),
    ]
    flows = [[(sources.index(f.source), targets.index(f.target), f.customers) for f in past.flows]]
    note = view.say(
        "over_time_note",
        version=past.version,
        when=view.day(past.as_of),
        common=f"{past.common:,}",
        kept=f"{past.kept:,}",
        customers=f"{past.by_customers:,}",
        model=f"{past.by_model:,}",
    )
    drawing = flow_plot(layers, flows, view.say("over_time"), width=460)
    return f'<div class="wide">{figure("", note, drawing)}</div>'
