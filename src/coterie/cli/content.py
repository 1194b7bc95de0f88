"""The content library: templates of messages, dynamic copy, landing pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import Json, Yes

app = typer.Typer(help="Templates of messages, dynamic copy and landing pages.", no_args_is_help=True)
Version = Annotated[int | None, typer.Option("--version", help="A version; default: the newest.")]


@app.command("list")
def list_content(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="template, dynamic or page.")] = None,
    state: Annotated[str | None, typer.Option(help="draft, published or withdrawn.")] = None,
    as_json: Json = False,
) -> None:
    """All content with who uses it; landing pages with their visits."""
    with context.obj.workspace() as ws:
        rows = ws.campaigns.library.rows(kind=kind, state=state)
    if as_json:
        output.print_json({"content": rows, "total": len(rows)})
        return
    told = ("name", "kind", "state", "version", "published_version", "languages", "used_by", "visits", "conversions")
    shown = [{k: _told(row).get(k) for k in told} for row in rows]
    output.show_table("Content", shown, empty="None yet. Try: coterie content save NAME FILE --kind template")


@app.command()
def show(context: typer.Context, name: str, version: Version = None, as_json: Json = False) -> None:
    """One version: its body, the tags and links that it names, all versions, and who uses it."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.library.show(name, version)
    if as_json:
        output.print_json(found)
        return
    versions = found.pop("versions")
    output.show_facts(f"{found['kind'].capitalize()} {name}", _told(found))
    output.show_table("Versions", versions, empty="")


@app.command()
def save(
    context: typer.Context,
    name: str,
    file: Path,
    kind: Annotated[str, typer.Option(help="template, dynamic or page.")] = "template",
    as_json: Json = False,
) -> None:
    """Save content from a YAML or JSON file; an existing name gets a new version, used once it is published."""
    from coterie.campaigns.reading import read_file

    with context.obj.workspace() as ws:
        _show(f"Saved {name}", ws.campaigns.library.save(name, kind, read_file(file)), as_json)


@app.command()
def publish(context: typer.Context, name: str, version: Version = None, as_json: Json = False) -> None:
    """Let a version be what is used from now on."""
    with context.obj.workspace() as ws:
        _show(f"Published {name}", ws.campaigns.library.publish(name, version), as_json)


@app.command()
def withdraw(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Let nobody new use it; what runs keeps its version, and a landing page says that it has ended."""
    with context.obj.workspace() as ws:
        _show(f"Withdrawn {name}", ws.campaigns.library.withdraw(name), as_json)


@app.command()
def copy(context: typer.Context, name: str, to: str, as_json: Json = False) -> None:
    """The same content under another name, as a draft."""
    with context.obj.workspace() as ws:
        _show(f"Copied to {to}", ws.campaigns.library.copy(name, to), as_json)


@app.command()
def remove(
    context: typer.Context,
    name: str,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete a draft that nobody uses."""
    output.ask(f"Delete {name}?", yes=yes or as_json)
    with context.obj.workspace() as ws:
        ws.campaigns.library.delete(name)
        _show(f"Deleted {name}", {"name": name, "deleted": True}, as_json)


@app.command()
def preview(
    context: typer.Context,
    name: str,
    entity: str,
    version: Version = None,
    language: Annotated[str | None, typer.Option(help="A language instead of the customer's own.")] = None,
    channel: Annotated[str | None, typer.Option(help="Of a template's channels; default: the first.")] = None,
    as_json: Json = False,
) -> None:
    """What one customer would see."""
    with context.obj.workspace() as ws:
        body = ws.campaigns.library.get(name, version).body
        asked = {"language": language, "channel": channel, "say": context.obj.language}
        found = ws.campaigns.library.preview(body["kind"], body["body"], entity, **asked)
    if as_json:
        output.print_json(found)
        return
    why = [told["words"] for told in found["chosen"]]
    facts = {**found["parts"], "missing": found["missing"], "notes": found["notes"], **({"why": why} if why else {})}
    output.show_facts(f"{name} for {entity}", facts)


@app.command()
def stats(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Visits, visitors and conversions of a landing page, in all and by day."""
    from coterie.campaigns.hits import take_in

    with context.obj.workspace() as ws:
        take_in(ws.campaigns)
        found = ws.campaigns.library.stats(name)
    if as_json:
        output.print_json(found)
        return
    days = found.pop("days")
    output.show_facts(f"Page {name}", found)
    output.show_table("Days", days, empty="Nobody came yet.")


@app.command("rotate-keys")
def rotate_keys(
    context: typer.Context,
    forget: Annotated[
        bool, typer.Option("--forget", help="Links of messages sent before lead nowhere any more.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Seal the links of messages with a new key from now on."""
    from coterie.campaigns.tracking import rotate

    with context.obj.workspace() as ws:
        _show("Keys", {"keys": rotate(ws.store, forget=forget)}, as_json)


def _show(title: str, found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(found)
    else:
        output.show_facts(title, _told(found))


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A row for people: its users by name."""
    return row | ({"used_by": [f"{u['kind']} {u['name']}" for u in row["used_by"]]} if "used_by" in row else {})
