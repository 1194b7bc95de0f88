"""Segments: fit, predict, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import EntityKind, Json

app = typer.Typer(help="Groups found in the data: tested, explained, published as a tag.", no_args_is_help=True)


@app.command()
def fit(
    context: typer.Context,
    name: str,
    tags: Annotated[str, typer.Option(help="The tags to segment by, with commas.")],
    audience: Annotated[str | None, typer.Option(help="Only members of this audience.")] = None,
    method: Annotated[str, typer.Option(help="kmeans.")] = "kmeans",
    k: Annotated[str, typer.Option("--k", help="A number, or auto.")] = "auto",
    seed: Annotated[int, typer.Option(help="The same seed gives the same segments.")] = 0,
    prepare: Annotated[str, typer.Option(help="auto, standard or none.")] = "auto",
    max_k: Annotated[int, typer.Option("--max-k", help="The most segments auto may choose.")] = 10,
    min_size: Annotated[int | None, typer.Option("--min-size", help="Fewest customers worth acting on.")] = None,
    entity_kind: EntityKind = "customer",
    as_json: Json = False,
) -> None:
    """Find segments, test them and publish them as the tag segment.NAME."""
    columns = [t.strip() for t in tags.split(",") if t.strip()]
    options: dict[str, Any] = {"audience": audience, "method": method, "k": k, "seed": seed, "prepare": prepare}
    options |= {"max_k": max_k, "min_size": min_size, "entity_kind": entity_kind}
    with context.obj.workspace() as ws, output.progress_bar(quiet=as_json) as progress:
        result = ws.segments.fit(name, columns, progress=progress, **options)
    if as_json:
        output.print_json(result)
        return
    shown = {k: v for k, v in result.items() if k not in ("vetoed", "identity", "panel")}
    output.show_facts(f"Segments {name}, version {result['version']}", shown)
    if result["identity"] is not None:
        _show_identity(result["identity"])
    output.show_table("Solutions set aside", result["vetoed"], empty="No solution was set aside.")
    output.show_note(f"Read it with: coterie segment report {name} --to report.html")


@app.command()
def predict(
    context: typer.Context,
    name: str,
    file: Path,
    to: Annotated[Path, typer.Option(help="A .csv file.")],
    entity: Annotated[str | None, typer.Option(help="Column with the key; default: the first that fits.")] = None,
    as_json: Json = False,
) -> None:
    """The segment of each row of a file: entity, segment, second, margin, in the file's order."""
    with context.obj.workspace() as ws:
        rows = ws.segments.predict_file(name, file, to, entity=entity)
    if as_json:
        output.print_json({"file": str(to), "rows": rows})
    else:
        output.show_note(f"{rows:,} rows written to {to}.")


@app.command()
def report(
    context: typer.Context,
    name: str,
    to: Annotated[Path | None, typer.Option(help="The HTML file; default: NAME.html.")] = None,
    version: Annotated[int | None, typer.Option(help="Default: the newest.")] = None,
    as_json: Json = False,
) -> None:
    """One self-contained HTML page: who they are, why, and how far to trust it."""
    target = to or Path(f"{name}.html")
    with context.obj.workspace() as ws:
        size = ws.write_segment_report(name, target, version=version, language=context.obj.language)
    if as_json:
        output.print_json({"file": str(target), "bytes": size})
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
    moved = identity["migration"]
    sums = {c: sum(m["entities"] for m in moved[c]) for c in ("customers_changed", "model_changed")}
    output.show_note(
        f"{moved['kept_id']:,} of {moved['entities']:,} kept their segment; {sums['customers_changed']:,} moved by what they "
        f"did, {sums['model_changed']:,} by the new model."
    )
