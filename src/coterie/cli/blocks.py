"""Blocks: groups of conditions under a name, to be used again."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.audiences import Rule, read_rule
from coterie.cli.output import EntityKind, Json, Yes

app = typer.Typer(help="Named groups of conditions, used again in rules.", no_args_is_help=True)


@app.command()
def save(
    context: typer.Context,
    name: str,
    rule: Rule,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    entity_kind: EntityKind = "customer",
    as_json: Json = False,
) -> None:
    """Save conditions under a name; an existing name gets a new version, which all who use it follow."""
    door: output.Door = context.obj
    options: dict[str, Any] = {"description": description, "entity_kind": entity_kind, "language": door.language}
    with door.workspace() as ws:
        saved = ws.audiences.blocks.save(name, read_rule(rule), **options)
    output.show(f"Block {name}", saved, as_json)


@app.command("list")
def list_blocks(context: typer.Context, as_json: Json = False) -> None:
    """Saved blocks, with who uses them."""
    with context.obj.workspace() as ws:
        rows = ws.audiences.blocks.rows(context.obj.language)
    if as_json:
        output.print_json({"blocks": rows})
    else:
        output.show_table(
            "Blocks", [_told(r) for r in rows], empty="No block yet. Try: coterie block save NAME --rule FILE"
        )


@app.command()
def show(context: typer.Context, name: str, as_json: Json = False) -> None:
    """A block with its rule, who uses it, and its versions."""
    with context.obj.workspace() as ws:
        found = ws.audiences.blocks.show(name, context.obj.language)
    if as_json:
        output.print_json(found)
        return
    versions = [{k: v for k, v in version.items() if k != "rule"} for version in found.pop("versions")]
    rule = json.dumps(found.pop("rule"), ensure_ascii=False)
    output.show_facts(f"Block {name}", {**_told(found), "rule": rule})
    output.show_table("Versions", versions, empty="")


@app.command()
def copy(context: typer.Context, name: str, to: str, as_json: Json = False) -> None:
    """The same conditions under another name."""
    with context.obj.workspace() as ws:
        saved = ws.audiences.blocks.copy(name, to)
    output.show(f"Block {to}", saved, as_json)


@app.command()
def remove(
    context: typer.Context,
    name: str,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete a block that nobody uses; its versions stay on record."""
    output.ask(f"Delete block {name}?", yes=yes or as_json)
    with context.obj.workspace() as ws:
        ws.audiences.blocks.delete(name)
    if as_json:
        output.print_json({"block": name, "deleted": True})
    else:
        output.show_note(f"Block {name} deleted.")


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A row for people: its users by name."""
    users = [user["name"] if user["kind"] == "audience" else f"block {user['name']}" for user in row["used_by"]]
    return row | {"used_by": ", ".join(users)}
