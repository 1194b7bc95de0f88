"""Uploaded lists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coterie.cli import output
from coterie.cli.output import EntityKind, Json

app = typer.Typer(help="Lists of customers from a file, usable in rules as the tag list.NAME.", no_args_is_help=True)


@app.command()
def upload(
    context: typer.Context,
    name: str,
    file: Path,
    column: Annotated[str, typer.Option(help="Column with the customer's key.")],
    entity_kind: EntityKind = "customer",
    as_json: Json = False,
) -> None:
    """Upload a list; keys that match nobody are counted."""
    with context.obj.workspace() as ws:
        result = ws.tags.upload_list(name, file, column=column, entity_kind=entity_kind)
    output.show(f"List {name}", result, as_json)
