"""Tags: add, build, values, dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import AsOf, EntityKind, Json

app = typer.Typer(help="Everything known about a customer, as tags.", no_args_is_help=True)


@app.command()
def add(
    context: typer.Context,
    recipe: Annotated[str | None, typer.Option(help="A recipe, such as rfm.")] = None,
    file: Annotated[Path | None, typer.Option(help="Definitions as YAML.")] = None,
    events: Annotated[str | None, typer.Option(help="The events dataset the recipe reads.")] = None,
    amount: Annotated[str | None, typer.Option(help="Money of a row, such as Quantity*UnitPrice.")] = None,
    order: Annotated[str | None, typer.Option(help="Column that tells orders apart.")] = None,
    refund: Annotated[str | None, typer.Option(help="What makes a row a refund; amount < 0 unless given.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="Further recipe options as NAME=VALUE.")] = None,
    as_json: Json = False,
) -> None:
    """Define tags from a recipe or a YAML file."""
    given = {"events": events, "amount": amount, "order": order, "refund": refund}
    given |= dict(part.split("=", 1) for part in option or [])
    with context.obj.workspace() as ws:
        names = ws.tags.add(recipe=recipe, file=file, **{k: v for k, v in given.items() if v is not None})
    if as_json:
        output.print_json({"tags": names})
    else:
        output.show_note(f"Defined {len(names)} tags: {', '.join(names)}. Build them with: coterie tag build")


@app.command()
def build(
    context: typer.Context, as_of: AsOf = None, entity_kind: EntityKind = "customer", as_json: Json = False
) -> None:
    """Compute all tags as of a moment and publish them."""
    with context.obj.workspace() as ws, output.progress_bar(quiet=as_json) as progress:
        report = ws.tags.build(as_of=as_of, entity_kind=entity_kind, progress=progress)
    output.show("Built", report, as_json)


@app.command()
def values(
    context: typer.Context,
    tags: Annotated[list[str], typer.Argument(help="Tags, one column each.")],
    to: Annotated[Path, typer.Option(help="A .csv or .parquet file.")],
    as_of: AsOf = None,
    entity_kind: EntityKind = "customer",
    as_json: Json = False,
) -> None:
    """Write tag values, one row a customer."""
    with context.obj.workspace() as ws:
        rows = ws.tags.write(tags, to, as_of=as_of, entity_kind=entity_kind)
    result = {"file": str(to), "rows": rows, "tags": tags}
    if as_json:
        output.print_json(result)
    else:
        output.show_note(f"{rows:,} rows written to {to}.")


@app.command("list")
def list_tags(context: typer.Context, as_json: Json = False) -> None:
    """All tags with type, coverage and what they mean."""
    with context.obj.workspace() as ws:
        rows: list[dict[str, Any]] = ws.tags.rows(context.obj.language)
    if as_json:
        output.print_json({"tags": rows})
    else:
        output.show_table(
            "Tags", rows, empty="No tags yet. Try: coterie tag add --recipe rfm --events orders --amount amount"
        )


@app.command()
def dictionary(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="A folder for one page a tag, or a .csv or .json file.")],
    as_json: Json = False,
) -> None:
    """Write what every tag means, how it is computed and from what."""
    with context.obj.workspace() as ws:
        count = ws.tags.write_dictionary(to, context.obj.language)
    if as_json:
        output.print_json({"to": str(to), "tags": count})
    else:
        output.show_note(f"{count} tags described in {to}.")
