"""Every figure for the data scientist, what was rejected, and how to do it again (part 15)."""

from __future__ import annotations

import json
from html import escape

from coterie.learn.segments.names import trait_label
from coterie.learn.segments.words import p_text, veto_text
from coterie.report.numbers import percent, plain, signed
from coterie.report.page import paragraph, table
from coterie.report.segment_found import method_name
from coterie.report.segment_json import rule_sql
from coterie.report.segment_view import View, natural


def appendix(view: View) -> str:
    """Part 15."""
    parts = [f"<h3>{escape(view.say('panel_table'))}</h3>", _panel_table(view)]
    parts += [f"<h3>{escape(view.say('rejected'))}</h3>", _rejected(view)]
    parts += [f"<h3>{escape(view.say('profile_table'))}</h3>", _profile_table(view)]
    parts += [f"<h3>{escape(view.say('rule_json'))}</h3>"]
    for j, rule in enumerate(view.fit.explanation.rules):
        shown = "\n\n".join(filter(None, (json.dumps(rule.rule, ensure_ascii=False), rule_sql(rule.rule))))
        parts.append(f"<pre>{view.ids[j]}  {escape(shown)}</pre>")
    parts += [f"<h3>{escape(view.say('model_table'))}</h3>", _model_table(view)]
    rerun = view.study.origin.facts.rerun if view.study else ""
    if rerun:
        parts.append(f"<h3>{escape(view.say('rerun'))}</h3><pre>{escape(rerun)}</pre>")
    return "".join(parts)


def _panel_table(view: View) -> str:
    panel = view.fit.panel
    keys = ("k", "separation", "apart_p", "stand_apart", "weakest", "ari", "silhouette", "gap", "calinski_harabasz")
    heads = [view.say(key) for key in (*keys, "davies_bouldin", "bic", "inertia", "smallest", "veto")]
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
                "–" if f.bic is None else plain(round(f.bic)),
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
    return table(heads, rows, words=(13,), picked=picked, roomy=True) + paragraph(note, "note")


def _rejected(view: View) -> str:
    """What the other numbers would have given."""
    others = [f for f in view.fit.panel.figures if f.k != view.k]
    if not others:
        return paragraph(view.say("nothing_vetoed"), "note")
    rows = [(str(f.k), " · ".join(percent(share) for share in f.shares)) for f in others]
    return table([view.say("k"), view.say("group_sizes")], rows, words=(1,))


def _profile_table(view: View) -> str:
    heads = [view.say(key) for key in ("column", "segment", "median", "mean", "quartiles", "difference")] + ["95%"]
    rows = []
    for trait in view.fit.profile.traits:
        name = trait_label(trait, view.language, view.labels)
        all_mean = natural(trait, trait.overall_mean)
        rows.append((name, view.say("everybody"), natural(trait, trait.overall), all_mean, "", "", ""))
        for j in range(view.k):
            ends = (natural(trait, trait.low_quartiles[j]), natural(trait, trait.high_quartiles[j]))
            spread = "–".join(ends) if trait.kind == "number" else ""
            interval = f"{signed(trait.low[j])} … {signed(trait.high[j])}"
            values = (natural(trait, trait.values[j]), natural(trait, trait.means[j]), spread)
            rows.append(("", str(view.ids[j]), *values, signed(trait.difference[j]), interval))
    return table(heads, rows)


def _model_table(view: View) -> str:
    model, panel = view.fit.model, view.fit.panel
    rows = [
        (view.say("method"), method_name(view, model.method)),
        (view.say("seed"), str(model.seed)),
        (view.say("customers_compared"), f"{panel.rows:,} ({view.say('silhouette')}: {panel.silhouette_rows:,})"),
        *((f"{view.say('version')}: {library}", number) for library, number in model.versions.items()),
    ]
    return table(["", ""], rows)
