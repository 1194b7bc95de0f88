"""Receivers of audiences."""

from __future__ import annotations

from typing import Annotated

import typer

from coterie.cli import output
from coterie.cli.output import Json

app = typer.Typer(help="Web addresses that receive audiences.", no_args_is_help=True)


@app.command()
def add(
    context: typer.Context,
    name: str,
    url: Annotated[str, typer.Option(help="https://HOST/PATH.")],
    as_json: Json = False,
) -> None:
    """Make a receiver known. Its secret is shown this once; it signs every body."""
    with context.obj.workspace() as ws:
        made = ws.destinations.add(name, url)
    output.show(f"Destination {name}", made, as_json)


@app.command("list")
def list_destinations(context: typer.Context, as_json: Json = False) -> None:
    """The receivers that are known."""
    with context.obj.workspace() as ws:
        rows = ws.destinations.rows()
    if as_json:
        output.print_json({"destinations": rows})
    else:
        output.show_table("Destinations", rows, empty="None yet. Try: coterie destination add NAME --url URL")


@app.command()
def remove(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Forget a receiver."""
    with context.obj.workspace() as ws:
        ws.destinations.remove(name)
    if as_json:
        output.print_json({"destination": name, "removed": True})
    else:
        output.show_note(f"Destination {name} removed.")
