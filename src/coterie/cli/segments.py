"""Segments: fit, use, watch over time, correct and hand over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import EntityKind, Json
from coterie.errors import Refused

app = typer.Typer(help="Groups found in the data: tested, explained, published as a tag.", no_args_is_help=True)

Promote = Annotated[
    bool, typer.Option("--promote/--no-promote", help="Publish it as the tag at once, or leave the tag as it is.")
]
VersionOption = Annotated[int | None, typer.Option("--version", help="Default: the promoted one.")]
Segment = Annotated[int, typer.Argument(help="The segment's lasting id.")]


@app.command()
def fit(
    context: typer.Context,
    name: str,
    tags: Annotated[str, typer.Option(help="The tags to segment by, with commas.")],
    audience: Annotated[str | None, typer.Option(help="Only members of this audience.")] = None,
    method: Annotated[str, typer.Option(help="How to find groups, such as kmeans.")] = "kmeans",
    k: Annotated[str, typer.Option("--k", help="A number, or auto.")] = "auto",
    seed: Annotated[int, typer.Option(help="The same seed gives the same segments.")] = 0,
    prepare: Annotated[str, typer.Option(help="auto, standard or none.")] = "auto",
    max_k: Annotated[int, typer.Option("--max-k", help="The most segments auto may choose.")] = 10,
    min_size: Annotated[int | None, typer.Option("--min-size", help="Fewest customers worth acting on.")] = None,
    starts: Annotated[int | None, typer.Option(help="Random starts of each number tried.")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="TAG=WEIGHT: how much a tag counts, 1 by default.")] = None,
    pca: Annotated[float | None, typer.Option(help="Principal components: their number, or the variance kept.")] = None,
    promote: Promote = True,
    entity_kind: EntityKind = "customer",
    as_json: Json = False,
) -> None:
    """Find segments, test them and publish them as the tag segment.NAME."""
    columns = [t.strip() for t in tags.split(",") if t.strip()]
    options: dict[str, Any] = {"audience": audience, "method": method, "k": k, "seed": seed, "prepare": prepare}
    options |= {"max_k": max_k, "min_size": min_size, "entity_kind": entity_kind, "promote": promote}
    options |= {"weights": _weights(weight or []) or None, "pca": _components(pca), "starts": starts}
    with context.obj.workspace() as ws, output.progress_bar(quiet=as_json) as progress:
        result = ws.segments.fit(name, columns, progress=progress, **options)
    _show_fit(name, result, context.obj.language, as_json)


def _weights(given: Sequence[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for text in given:
        tag, sign, number = text.rpartition("=")
        try:
            weights[tag.strip()] = float(number)
        except ValueError:
            sign = ""
        if not sign or not tag.strip():
            fix = "Write --weight spend=2."
            raise Refused("bad_argument", f'"{text}" is no weight of a tag.', place="--weight", fix=fix)
    return weights


def _components(given: float | None) -> float | int | None:
    """A whole number of components is one; .9 is a share of the variance."""
    return int(given) if given is not None and given >= 1 and given == int(given) else given


@app.command()
def refit(
    context: typer.Context,
    name: str,
    seed: Annotated[int | None, typer.Option(help="Another seed than recorded.")] = None,
    promote: Promote = True,
    as_json: Json = False,
) -> None:
    """Fit again with the recorded options on today's data; segments that are still themselves keep their ids."""
    with context.obj.workspace() as ws, output.progress_bar(quiet=as_json) as progress:
        result = ws.segments.refit(name, seed=seed, promote=promote, progress=progress)
    _show_fit(name, result, context.obj.language, as_json)


def _show_fit(name: str, result: dict[str, Any], language: str, as_json: bool) -> None:
    if as_json:
        output.print_json(result)
        return
    wanted = ["version", "promoted", "k", "sizes", "names", "why", "runner_up", "stability_band", "structure"]
    wanted += ["ambiguous", "as_of", "data_version"]
    shown = {key: result[key] for key in wanted if key in result}
    if "names" in shown:
        shown["names"] = {i: texts[language] for i, texts in shown["names"].items()}
    output.show_facts(f"Segments {name}, version {result['version']}", shown)
    if result["identity"] is not None:
        _show_identity(result["identity"])
    output.show_table("Solutions set aside", result["vetoed"], empty="No solution was set aside.")
    if not result["promoted"]:
        output.show_note(f"Not promoted. Publish it with: coterie segment promote {name} {result['version']}")
    output.show_note(f"Read it with: coterie segment report {name} --to report.html")


@app.command()
def update(
    context: typer.Context,
    name: str,
    half_life: Annotated[float, typer.Option("--half-life", help="Days after which a customer counts half.")] = 90.0,
    promote: Promote = True,
    as_json: Json = False,
) -> None:
    """Assign today's customers, and let the centres follow those that are new or changed, without a new fit."""
    with context.obj.workspace() as ws:
        result = ws.segments.update(name, half_life_days=half_life, promote=promote)
    if as_json:
        output.print_json(result)
        return
    output.show_facts(f"Segments {name}, version {result['version']}", result)
    if not result["moved"]:
        output.show_note("The model stayed as it is: nothing is new, or its method has no centres that could move.")


@app.command()
def migrate(
    context: typer.Context,
    name: str,
    before: Annotated[int | None, typer.Argument(help="A version; without any, since the last publish.")] = None,
    after: Annotated[int | None, typer.Argument(help="The version to compare it with.")] = None,
    as_json: Json = False,
) -> None:
    """Who moved between segments, and whether the customers changed or the model."""
    with context.obj.workspace() as ws:
        result = ws.segments.migrate(name, before, after)
    if as_json:
        output.print_json(result)
        return
    sides = [f"version {result[s]['version']} of {result[s]['as_of'][:10]}" for s in ("from", "to")]
    output.show_table(
        f"From {sides[0]} to {sides[1]}", _matrix(result["matrix"]), empty="Nobody was there then and now."
    )
    causes = {"customers_changed": "customers changed", "model_changed": "model changed"}
    rows = [{"because": text, **flow} for cause, text in causes.items() for flow in result[cause]]
    output.show_table("Who moved, and why", rows, empty="Nobody moved.")
    kept = f"{result['kept_id']:,} of {result['entities']:,} kept their segment"
    output.show_note(f"{kept}; {result['came']:,} came, {result['left']:,} are gone.")


def _matrix(flows: Sequence[Mapping[str, int]]) -> list[dict[str, Any]]:
    """A row a segment of before, a column a segment of today."""
    sources = sorted({f["from"] for f in flows})
    targets = sorted({f["to"] for f in flows})
    counts = {(f["from"], f["to"]): f["entities"] for f in flows}
    return [{"from": a} | {f"to {b}": counts.get((a, b), 0) for b in targets} for a in sources]


@app.command()
def drift(
    context: typer.Context,
    name: str,
    every: Annotated[float, typer.Option(help="Days after which it is fitted again in any case.")] = 90.0,
    as_json: Json = False,
) -> None:
    """How today's customers differ from those of the last fit, and when to fit again."""
    with context.obj.workspace() as ws:
        found = ws.segments.drift(name, every_days=every)
        sentences = {language: ws.segments.drift_sentence(name, found, language) for language in ("en", "zh")}
    if as_json:
        output.print_json({"segmentation": name, **found.as_dict(), "sentence": sentences})
        return
    columns = [
        {"tag": c.column, "change": c.band, "stability index": c.psi, "distance in sd": c.wasserstein, "p": c.p_value}
        | {"missing then": c.missing_before, "missing now": c.missing}
        for c in found.columns
    ]
    output.show_table(f"Drift of {name} since its fit", columns, empty="")
    shares = {"near a border": found.border, "in no segment": found.none, "far from all segments": found.strange}
    rows = [{"share": f"of segment {i}", "then": a, "now": b, "change": None} for i, a, b in found.size_shares]
    rows += [{"share": t, "then": s.before, "now": s.now, "change": s.band} for t, s in shares.items() if s is not None]
    output.show_table(f"Sizes (change: {found.sizes.band}) and borders", rows, empty="")
    typer.echo(sentences[context.obj.language])


@app.command()
def versions(context: typer.Context, name: str, as_json: Json = False) -> None:
    """All versions, and which one the tag shows."""
    with context.obj.workspace() as ws:
        rows = ws.segments.versions(name)
    if as_json:
        output.print_json({"segmentation": name, "versions": rows})
    else:
        output.show_table(f"Versions of {name}", rows, empty="")


@app.command()
def show(context: typer.Context, name: str, version: VersionOption = None, as_json: Json = False) -> None:
    """Everything recorded of a version: its segments, what they are for, where it came from, and marks on it."""
    with context.obj.workspace() as ws:
        result = ws.segments.show(name, version, context.obj.language)
    if as_json:
        output.print_json(result)
        return
    segments, marks = result.pop("segments"), result.pop("marks")
    result.pop("identity", None)
    output.show_facts(f"Segments {name}, version {result['version']}", result)
    output.show_table("Segments", segments, empty="")
    shown = [{key: value for key, value in mark.items() if key != "id"} for mark in marks]
    output.show_table("Marks", shown, empty=f"No marks. Make one with: coterie segment mark {name} SEGMENT --what name")


@app.command()
def promote(context: typer.Context, name: str, version: int, as_json: Json = False) -> None:
    """Let the tag show a version: today's customers by its model."""
    with context.obj.workspace() as ws:
        result = ws.segments.promote(name, version)
    _show_used(name, result, as_json)


@app.command()
def rollback(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Let the tag show the version that was in use before."""
    with context.obj.workspace() as ws:
        result = ws.segments.rollback(name)
    _show_used(name, result, as_json)


def _show_used(name: str, result: dict[str, Any], as_json: bool) -> None:
    output.show(f"The tag segment.{name} shows version {result['version']}", result, as_json)


@app.command()
def rebuild(context: typer.Context, name: str, version: VersionOption = None, as_json: Json = False) -> None:
    """Make a version again from what was recorded, and compare: identical, or how far from it."""
    with context.obj.workspace() as ws:
        result = ws.segments.rebuild(name, version).as_dict()
    if as_json:
        output.print_json(result)
        return
    said = "identical" if result["identical"] else "the same but for rounding" if result["same"] else "different"
    output.show_facts(f"Version {result['version']} of {name} made again: {said}", result)


@app.command()
def labels(
    context: typer.Context,
    name: str,
    file: Annotated[Path | None, typer.Argument(help="A file with a key and a label a row.")] = None,
    entity: Annotated[str | None, typer.Option(help="Its column with the key.")] = None,
    label: Annotated[str | None, typer.Option(help="Its column with the label.")] = None,
    tag: Annotated[str | None, typer.Option(help="A tag that holds the labels, instead of a file.")] = None,
    amount: Annotated[str | None, typer.Option(help="The tag of how large a customer is; default: the money.")] = None,
    top: Annotated[
        str | None, typer.Option(help="The label of the largest; default: with the most on average.")
    ] = None,
    to: Annotated[Path | None, typer.Option("-o", "--to", help="A file for large customers overlooked.")] = None,
    as_json: Json = False,
) -> None:
    """People's own labels against the segments: how far they agree, and which large customers were overlooked."""
    options = {"entity": entity, "label": label, "tag": tag, "amount": amount, "top": top, "to": to}
    with context.obj.workspace() as ws:
        result = ws.segments.compare_labels(name, file, **options).as_dict()
    if as_json:
        output.print_json({"segmentation": name, **result})
        return
    table, overlooked = result.pop("table"), result.pop("overlooked")
    rows = [{"label": text} | {f"segment {i}": n for i, n in row.items()} for text, row in table.items()]
    output.show_table("Labels and segments", rows, empty="")
    output.show_facts("Agreement", {**result, "overlooked": len(overlooked)})
    if result["ari"] is None:
        output.show_note("All have one label or are in one segment: agreement cannot be told.")
    shown = [{**row, "amount": round(row["amount"], 2)} for row in overlooked[:20]]
    output.show_table("Large by the data, and labelled otherwise", shown, empty="No large customer was overlooked.")
    if to is not None:
        output.show_note(f"{len(overlooked):,} customers written to {to}.")


@app.command()
def mark(
    context: typer.Context,
    name: str,
    segment: Segment,
    what: Annotated[str, typer.Option(help="What the mark is on: name, reason, segment or customer.")],
    note: Annotated[str, typer.Option(help="What is wrong, or what to know.")] = "",
    by: Annotated[str | None, typer.Option(help="Who says so.")] = None,
    customer: Annotated[str | None, typer.Option(help="The key of the customer who does not belong there.")] = None,
    name_en: Annotated[str | None, typer.Option("--name-en", help="What to call it in English, from now on.")] = None,
    name_zh: Annotated[str | None, typer.Option("--name-zh", help="What to call it in Chinese, from now on.")] = None,
    version: VersionOption = None,
    as_json: Json = False,
) -> None:
    """Say that a segment, its name or reason, or a customer in it is wrong; kept for ever and shown."""
    more = {"by": by, "entity": customer, "name_en": name_en, "name_zh": name_zh}
    with context.obj.workspace() as ws:
        made = ws.segments.mark(name, segment, what, note, version=version, **more).as_dict()
    output.show(f"Mark on segment {segment} of {name}", made, as_json)


@app.command()
def strategy(
    context: typer.Context,
    name: str,
    segment: Segment,
    owner: Annotated[str | None, typer.Option(help="Who looks after these customers.")] = None,
    action: Annotated[str | None, typer.Option(help="What is to be done with them.")] = None,
    policy: Annotated[str | None, typer.Option(help="How to sell to them, as a text.")] = None,
    as_json: Json = False,
) -> None:
    """Hand a segment over: owner, action and sales policy, kept over refits, as tags segment.NAME.strategy.*."""
    given = {"owner": owner, "action": action, "policy": policy}
    asked = all(text is None for text in given.values())
    with context.obj.workspace() as ws:
        found = ws.segments.strategy_of(name, segment) if asked else ws.segments.set_strategy(name, segment, **given)
    if as_json:
        output.print_json({"segmentation": name, **found.as_dict()})
    else:
        output.show_facts(f"Segment {segment} of {name}", found.as_dict())


@app.command()
def audience(
    context: typer.Context,
    name: str,
    segment: Segment,
    save: Annotated[str, typer.Option(help="Name of the audience.")],
    by: Annotated[str, typer.Option(help="tag: who is in the segment; rule: whom its explaining rule finds.")] = "tag",
    as_json: Json = False,
) -> None:
    """Save a segment as an audience."""
    with context.obj.workspace() as ws:
        saved = ws.segments.save_audience(name, segment, save, by=by, language=context.obj.language)
    if as_json:
        output.print_json(saved)
    else:
        output.show_facts(f"Audience {save}", {key: value for key, value in saved.items() if key != "rule"})


@app.command()
def sql(context: typer.Context, name: str, segment: Segment, as_json: Json = False) -> None:
    """The explaining rule of a segment as SQL over the view tags."""
    with context.obj.workspace() as ws:
        result = ws.segments.sql(name, segment)
    if as_json:
        output.print_json(result)
        return
    typer.echo(result["sql"])
    output.show_note(
        f"It finds {result['recall']:.0%} of the segment; {result['precision']:.0%} of those found are in it."
    )
    if result["among"] is not None:
        output.show_note(f"Ask it of the members of the audience {result['among']} only.")


@app.command()
def predict(
    context: typer.Context,
    name: str,
    file: Path,
    to: Annotated[Path, typer.Option(help="A .csv file.")],
    entity: Annotated[str | None, typer.Option(help="Column with the key; default: the first that fits.")] = None,
    version: VersionOption = None,
    as_json: Json = False,
) -> None:
    """The segment of each row of a file: entity, segment, second, margin, in the file's order."""
    with context.obj.workspace() as ws:
        result = ws.segments.predict_file(name, file, to, entity=entity, version=version)
    if as_json:
        output.print_json(result)
        return
    for note in result["notes"]:
        output.show_note(note["text"][context.obj.language])
    output.show_note(f"{result['rows']:,} rows written to {to}.")


@app.command()
def report(
    context: typer.Context,
    name: str,
    to: Annotated[
        Path | None, typer.Option(help="An .html file, or .json for its figures; default: NAME.html.")
    ] = None,
    version: VersionOption = None,
    days: Annotated[int, typer.Option(help="What customers did so many days after a cut-off; 0: leave that out.")] = 90,
    revenue: Annotated[str | None, typer.Option(help="Tag of all revenue, such as rfm.monetary; else found.")] = None,
    orders: Annotated[str | None, typer.Option(help="Tag that counts all orders; else found.")] = None,
    response: Annotated[str | None, typer.Option(help="Tag that counts all responses.")] = None,
    margin: Annotated[float | None, typer.Option(help="Fraction of revenue that is left, such as .3.")] = None,
    cost_per_order: Annotated[float | None, typer.Option(help="Of serving one order.")] = None,
    cost_per_customer: Annotated[float | None, typer.Option(help="Of serving one customer.")] = None,
    contact_cost: Annotated[float | None, typer.Option(help="Of reaching one customer once.")] = None,
    response_value: Annotated[float | None, typer.Option(help="Profit of one response.")] = None,
    protected: Annotated[str | None, typer.Option(help="Tags that must not decide, with commas; else by name.")] = None,
    keys: Annotated[bool, typer.Option("--keys", help="Show customers' keys as they are, not as digests.")] = False,
    as_json: Json = False,
) -> None:
    """One self-contained HTML page of fifteen parts: who they are, why, and how far to trust it; --json gives its figures."""
    from coterie.learn.segments.reporting import ReportOptions

    options = ReportOptions(
        days=days,
        revenue=revenue,
        orders=orders,
        response=response,
        margin=margin,
        cost_per_order=cost_per_order,
        cost_per_customer=cost_per_customer,
        contact_cost=contact_cost,
        response_value=response_value,
        protected=None if protected is None else tuple(t.strip() for t in protected.split(",") if t.strip()),
        keys=keys,
    )
    asked: dict[str, Any] = {"version": version, "options": options}
    with context.obj.workspace() as ws, output.progress_bar(quiet=as_json) as progress:
        target = to or (None if as_json else Path(f"{name}.html"))
        if target is not None:
            ws.write_segment_report(name, target, language=context.obj.language, progress=progress, **asked)
        figures = ws.segments.figures(name, progress=progress, **asked) if as_json else {}
    if as_json:
        output.print_json(figures)
    else:
        output.show_note(f"Report written to {target}.")


@app.command("list")
def list_segments(context: typer.Context, as_json: Json = False) -> None:
    """Fitted segmentations."""
    with context.obj.workspace() as ws:
        rows = ws.segments.rows()
    if as_json:
        output.print_json({"segmentations": rows})
    else:
        output.show_table("Segmentations", rows, empty="None yet. Try: coterie segment fit NAME --tags A,B")


def _show_identity(identity: dict[str, Any]) -> None:
    """What became of the segments of the version before."""
    title = f"Since version {identity['from_version']}"
    if not identity["comparable"]:
        output.show_note(f"{title}: the tags of that version are gone, so all segments are new.")
        return
    rows = [
        {"segment": f["id"], "fate": f["kind"], "from or to": f["others"], "the same people": f["jaccard"]}
        for f in identity["segments"]
    ]
    output.show_table(title, rows, empty="No segments.")
    moves = identity["migration"]
    sums = {c: sum(m["entities"] for m in moves[c]) for c in ("customers_changed", "model_changed")}
    output.show_note(
        f"{moves['kept_id']:,} of {moves['entities']:,} kept their segment; {sums['customers_changed']:,} moved by what they "
        f"did, {sums['model_changed']:,} by the new model."
    )
