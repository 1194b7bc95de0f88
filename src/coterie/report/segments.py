"""The segment report: one self-contained page of fifteen parts, for marketers first, with every figure for the data
scientist at its end.

The order is that of Dolnicar, Grun & Leisch (2018), Market Segmentation Analysis, and of Hennig's and Dibb & Simkin's
checks: first what to do, then how far to trust it. `segment_json.report_json` gives the same parts as figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.names import Labels
from coterie.learn.segments.study.make import Study
from coterie.learn.segments.words import Language
from coterie.report.page import contents, page, section
from coterie.report.segment_appendix import appendix
from coterie.report.segment_found import algorithms, choice, stable, structure, went_in
from coterie.report.segment_json import PARTS
from coterie.report.segment_view import View
from coterie.report.segment_who import explanation, overview, plane, who
from coterie.report.segment_worth import careful, going_on, outcome, stressed, worth

DRAWN: Mapping[str, Callable[[View], str]] = {
    "overview": overview,
    "input": went_in,
    "structure": structure,
    "choice": choice,
    "algorithms": algorithms,
    "stability": stable,
    "profile": who,
    "explanation": explanation,
    "outcome": outcome,
    "map": plane,
    "economics": worth,
    "stress": stressed,
    "care": careful,
    "upkeep": going_on,
    "appendix": appendix,
}
"""What draws each part, in the order and by the names of `segment_json.PARTS`."""


def segment_report_html(
    fit: SegmentFit,
    title: str,
    *,
    language: Language = "en",
    facts: Mapping[str, str] | None = None,
    labels: Labels | None = None,
    study: Study | None = None,
) -> str:
    """The report as one HTML text that needs no other file, no network and no script.

    facts : names and values shown under the title beside the customers and segments, such as as-of and data version
    labels : what columns are called, by column; by default those of the fit
    study : what `make_study` found; without it the parts that need it say so
    """
    view = View(fit, study, language, fit.column_labels if labels is None else labels)
    shown = [(view.say("customers"), f"{view.n:,}"), (view.say("segments"), str(view.k))]
    shown += list((facts or {}).items())
    headings = {name: view.say(f"part_{name}") for name in PARTS}
    sections = [contents(view.say("contents"), headings.items())]
    for number, (name, heading) in enumerate(headings.items(), start=1):
        kind = "appendix" if name == "appendix" else ""
        sections.append(section(heading, DRAWN[name](view), name=kind, anchor=name, number=number))
    return page(title, language, view.say("kind"), shown, sections, view.say("foot"))
