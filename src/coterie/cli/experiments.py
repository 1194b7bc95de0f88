"""Experiments: plan one, share units out, and say whether it worked; without a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from coterie.cli import output
from coterie.cli.output import Json
from coterie.errors import Failed, Refused

if TYPE_CHECKING:
    from coterie.experiments.design import Baseline, Design
    from coterie.experiments.question import Question
    from coterie.experiments.results import Analysis, Row
    from coterie.learn.segments.words import Language

app = typer.Typer(help="Experiments: power, assignment, analysis. They need no workspace.", no_args_is_help=True)

Several = list[str] | None
Metrics = Annotated[list[str], typer.Option(help="COLUMN:binary, COLUMN:mean, NUM/DEN:ratio, COLUMN:p90; repeat it.")]
Known = Annotated[Several, typer.Option(help="Known before, to adjust by: COLUMN, or METRIC=COLUMN; repeat it.")]
Weights = Annotated[str | None, typer.Option(help="How units were meant to be shared: A=1,B=1. Default: equally.")]
Segments = Annotated[Several, typer.Option(help="Column to show effects by; repeat it.")]
Guardrails = Annotated[
    Several, typer.Option(help="METRIC:HARM, the harm put up with as a fraction, such as spend:0.02; repeat it.")
]
Lower = Annotated[Several, typer.Option(help="A metric whose fall is good; repeat it.")]
Looks = Annotated[float | None, typer.Option(help="Units planned in all: intervals then hold however often you look.")]
Costs = Annotated[Several, typer.Option(help="ARM=MONEY per unit; repeat it.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 where the sample-ratio check stops the reading.")]
Speech = Annotated[str | None, typer.Option("--language", help="en or zh; default: that of `coterie --language`.")]


@app.command()
def analyse(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="One row a unit: CSV, JSON lines, Excel or Parquet, packed or not.")],
    unit: Annotated[str, typer.Option(help="Column with the unit's key; @row: every row is a unit.")],
    arm: Annotated[str, typer.Option(help="Column that says who got what.")],
    control: Annotated[str, typer.Option(help="The arm that the others are compared with.")],
    metric: Metrics,
    covariate: Known = None,
    weights: Weights = None,
    segment: Segments = None,
    guardrail: Guardrails = None,
    lower: Lower = None,
    sequential: Looks = None,
    cost: Costs = None,
    value: Annotated[str | None, typer.Option(help="METRIC=MONEY that one of it is worth.")] = None,
    prior_sd: Annotated[float, typer.Option(help="Spread of relative effects believed beforehand, around 0.")] = 0.3,
    report: Annotated[Path | None, typer.Option(help="Write a page with pictures here.")] = None,
    strict: Strict = False,
    language: Speech = None,
    as_json: Json = False,
) -> None:
    """Did it work? First the sizes of the arms, then every metric against the control, with intervals.

    Where arms are not as large as they were meant to be (p below .001), `stopped` is true and no figure should be read.
    """
    from coterie.experiments.analysis import analyse_file
    from coterie.experiments.document import document
    from coterie.experiments.question import Question, parse_metrics, parse_money, parse_numbers

    if not 0 < prior_sd < float("inf"):
        raise Refused("bad_argument", f"{prior_sd:g} is no spread.", place="--prior-sd", fix="Give a number above 0.")
    speech = _language(context, language)
    question = Question(
        unit,
        arm,
        control,
        parse_metrics(metric, covariate or ()),
        weights=parse_numbers(weights, "--weights") if weights else {},
        segments=tuple(segment or ()),
        guardrails=_guardrails(guardrail or []),
        lower_is_better=frozenset(lower or ()),
        sequential=sequential,
        prior_sd=prior_sd,
        costs=dict(parse_money(text, "--cost") for text in cost or ()),
        value=parse_money(value, "--value") if value else None,
    )
    with output.progress_bar(quiet=as_json) as progress:
        found = analyse_file(file, question, progress=progress)
    if report is not None:
        _write_report(found, report, speech)
    if as_json:
        output.print_json(document(found, speech))
    else:
        _show(found, question, speech)
    if strict and found.stopped:
        message = f"The arms have the wrong sizes (p = {found.srm.p_value:.2g})."
        raise Failed("sample_ratio", message, place=arm, fix="Find where units were lost or counted twice.")


@app.command()
def power(
    context: typer.Context,
    rate: Annotated[float | None, typer.Option(help="The control's share, such as 0.12.")] = None,
    mean: Annotated[float | None, typer.Option(help="The control's mean; needs --sd.")] = None,
    sd: Annotated[float | None, typer.Option(help="Standard deviation of one unit.")] = None,
    history: Annotated[
        Path | None, typer.Option(help="A file of the past, with --metric, instead of --rate or --mean.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="COLUMN:binary or COLUMN:mean of that file.")] = None,
    covariate: Annotated[str | None, typer.Option(help="Column of that file to adjust by.")] = None,
    lift: Annotated[float | None, typer.Option(help="Relative change to find, such as 0.05.")] = None,
    effect: Annotated[float | None, typer.Option(help="Absolute change to find, instead of --lift.")] = None,
    units: Annotated[int | None, typer.Option(help="Units in all arms, to ask what they find.")] = None,
    arms: Annotated[str, typer.Option(help="Weights, the control first.")] = "control=1,treatment=1",
    metrics: Annotated[int, typer.Option(min=1, help="Metrics tested at once.")] = 1,
    chance: Annotated[float, typer.Option("--power", help="Chance to find the change.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Chance of a false finding.")] = 0.05,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Read at any time, with always-valid intervals.")
    ] = False,
    units_a_day: Annotated[float | None, typer.Option("--units-a-day", help="To tell how long it takes.")] = None,
    as_json: Json = False,
) -> None:
    """How many units and days a change needs, what so many units can find, or how surely they find it."""
    from coterie.experiments.design import Setup, power_for, reach_of, size_for
    from coterie.experiments.question import parse_numbers

    if units_a_day is not None and not units_a_day > 0:
        raise Refused("bad_argument", "Nobody enters.", place="--units-a-day", fix="Give a number above 0.")
    if history is not None:
        base, seen = _from_history(history, metric, covariate)
    else:
        base, seen = _baseline(rate, mean, sd), None
    setup = Setup(parse_numbers(arms, "--arms"), metrics, chance, alpha, sequential, units_a_day)
    if effect is None and lift is not None:
        effect = lift * abs(base.mean)
    if effect is None and units is None:
        raise Refused(
            "bad_argument", "Nothing is asked.", place="--lift", fix="Give --lift or --effect, or --units, or both."
        )
    if effect is None:
        assert units is not None, "told above"
        found = reach_of(base, units, setup)
    else:
        found = size_for(base, effect, setup) if units is None else power_for(base, effect, units, setup)
    _show_design(base, seen, found, sequential, as_json)


@app.command()
def assign(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file with one row a unit.")],
    unit: Annotated[str, typer.Option(help="Column with the unit's key.")],
    name: Annotated[str, typer.Option(help="The experiment's name; the same name gives the same arms again.")],
    arms: Annotated[str, typer.Option(help="Weights: A=1,B=1.")],
    to: Annotated[Path, typer.Option(help="A .csv file with unit and arm, in the file's order.")],
    holdout: Annotated[float, typer.Option(help="Share that gets nothing, such as 0.05.")] = 0.0,
    everywhere_holdout: Annotated[float, typer.Option(help="Share that gets nothing of any experiment.")] = 0.0,
    everywhere_salt: Annotated[str, typer.Option(help="Name of that group, such as 2026Q1.")] = "everywhere",
    layer: Annotated[str | None, typer.Option(help="Experiments of one layer share no unit, by their slots.")] = None,
    slot: Annotated[str, typer.Option(help="Part of the layer, such as 0-0.5.")] = "0-1",
    stratify: Annotated[str | None, typer.Option(help="Column within which arms are made equal.")] = None,
    as_json: Json = False,
) -> None:
    """Share units out by a hash of their key, so that anybody can work it out again."""
    from coterie.experiments.assignment import Experiment, assign_file
    from coterie.experiments.question import parse_numbers

    experiment = Experiment(
        name,
        parse_numbers(arms, "--arms"),
        holdout=holdout,
        everywhere_holdout=everywhere_holdout,
        everywhere_salt=everywhere_salt,
        layer=layer,
        slot=_slot(slot),
    )
    with output.progress_bar(quiet=as_json) as progress:
        counts = assign_file(file, unit, experiment, to, stratify=stratify, progress=progress)
    if as_json:
        output.print_json({"file": str(to), "units": sum(counts.values()), "counts": counts})
    else:
        output.show_facts(f"{name}: who gets what", counts)
        output.show_note(f"Written to {to}.")


def _language(context: typer.Context, asked: str | None) -> Language:
    found = asked or (context.obj.language if context.obj is not None else "en")
    if found not in ("en", "zh"):
        raise Refused("bad_argument", f'There is no language "{found}".', place="--language", fix="Use en or zh.")
    return cast("Language", found)


def _guardrails(texts: list[str]) -> dict[str, float]:
    found = {}
    for text in texts:
        name, _, harm = text.rpartition(":")
        try:
            share = float(harm.removesuffix("%")) / (100 if harm.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not name or not 0 <= share < 1:
            fix = "Write spend:0.02 for two per cent of the control."
            raise Refused("bad_argument", f'"{text}" is not METRIC:HARM.', place="--guardrail", fix=fix)
        found[name] = share
    return found


def _slot(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        return float(low), float(high)
    except ValueError:
        raise Refused("bad_argument", f'"{text}" is no slot.', place="--slot", fix="Write 0-0.5.") from None


def _write_report(found: Analysis, to: Path, language: Language) -> None:
    from coterie.kit.disk import disk_errors
    from coterie.report.experiments import experiment_report_html

    with disk_errors():
        to.write_text(experiment_report_html(found, language=language), encoding="utf-8")


def _show(found: Analysis, question: Question, language: Language) -> None:
    """The analysis for people; where the check of sizes failed, no effects."""
    from coterie.experiments.words import note_text

    sizes = [
        {"arm": a, "units": int(o), "expected": float(e)}
        for a, o, e in zip(found.arms, found.srm.observed, found.srm.expected, strict=True)
    ]
    output.show_table(f"Arms (sizes as meant: p = {found.srm.p_value:.3g})", sizes, empty="No arms.")
    for note in found.notes:
        output.show_note(f"! {note_text(note, language)}")
    if found.stopped:
        output.show_note("No effect is shown. With --json the figures stand under their keys.")
        return
    output.show_table("Against the control", [_line(r, question, language) for r in found.rows], empty="No metric.")
    if found.segments:
        rows = [{r.segment or "": r.level or "-", **_line(r, question, language)} for r in found.segments]
        for name in question.segments:
            output.show_table(f"By {name}", [r for r in rows if name in r], empty="No levels.")


def _line(row: Row, question: Question, language: Language) -> dict[str, Any]:
    from coterie.experiments.results import Reading
    from coterie.experiments.words import guardrail_text, verdict_text
    from coterie.stats.effects import Interval

    chosen = row.chosen
    line: dict[str, Any] = {"metric": row.metric.name, "arm": row.arm, "control": row.control_value, "value": row.value}
    if not isinstance(chosen, Reading):
        return (
            line
            | dict.fromkeys(("effect", "low", "high", "relative", "p corrected"))
            | {"reading": verdict_text(row, language)}
        )
    absolute = chosen.always_valid or chosen.difference.absolute
    relative = chosen.difference.relative
    said = "; ".join(s for s in (verdict_text(row, language), guardrail_text(row, language)) if s)
    return line | {
        "effect": absolute.effect,
        "low": absolute.low,
        "high": absolute.high,
        "relative": f"{relative.effect:+.1%}" if isinstance(relative, Interval) else None,
        "p corrected": row.decides.holm if row.decides else None,
        "reading": said,
    }


def _baseline(rate: float | None, mean: float | None, sd: float | None) -> Baseline:
    from coterie.experiments.design import Baseline

    if rate is not None:
        return Baseline.share(rate)
    if mean is None or sd is None or not sd > 0:
        fix = "Give --rate, or --mean and --sd above 0, or --history FILE --metric COLUMN:binary."
        raise Refused("bad_argument", "The control is not known.", place="--rate", fix=fix)
    return Baseline(mean, sd**2)


def _from_history(history: Path, metric: str | None, covariate: str | None) -> tuple[Baseline, int]:
    from coterie.experiments.design import baseline_of
    from coterie.experiments.question import parse_metrics

    if metric is None:
        raise Refused(
            "bad_argument", "The file needs a metric.", place="--metric", fix="Give COLUMN:binary or COLUMN:mean."
        )
    (parsed,) = parse_metrics([metric], [covariate] if covariate else [])
    return baseline_of(history, parsed)


def _show_design(base: Baseline, seen: int | None, found: Design, sequential: bool, as_json: bool) -> None:
    facts = {
        "units": found.units,
        "arms": found.by_arm,
        "days": found.days,
        "power": round(found.power, 6),
        "effect_size": found.effect,
        "rel_effect_size": found.relative,
        "baseline": base.mean,
        "baseline_variance": base.variance,
        "explained_by_covariate": base.explained,
        "history_units": seen,
        "sequential": sequential,
    }
    if as_json:
        output.print_json(facts)
    else:
        output.show_facts("The experiment", {k: v for k, v in facts.items() if v is not None})
