"""Consent and suppression lists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import Json

app = typer.Typer(help="Who may be addressed, by channel and purpose.", no_args_is_help=True)
suppress_app = typer.Typer(help="Lists of those who are never addressed.", no_args_is_help=True)

Channel = Annotated[str, typer.Option("--channel", help="email, sms, push, wechat, webhook, file, or * for all.")]


@app.command("import")
def load(
    context: typer.Context,
    file: Path,
    source: Annotated[str | None, typer.Option(help="Where it comes from; default: the file's name.")] = None,
    as_json: Json = False,
) -> None:
    """Import a file with the columns entity, channel (or purpose), state (granted, denied, revoked), at, source."""
    with context.obj.workspace() as ws:
        output.show("Consent", ws.consent.load(file, source=source), as_json)


@app.command("set")
def set_one(
    context: typer.Context,
    entity: str,
    scope: Annotated[str, typer.Argument(help="A channel or a purpose.")],
    state: Annotated[str, typer.Argument(help="granted, denied or revoked.")],
    source: Annotated[str, typer.Option(help="Where it comes from.")] = "by hand",
    as_json: Json = False,
) -> None:
    """Note one customer's consent."""
    with context.obj.workspace() as ws:
        output.show("Consent", ws.consent.set(entity, scope, state, source=source), as_json)


@app.command()
def adopt(context: typer.Context, channel: str, tag: str, as_json: Json = False) -> None:
    """Take a tag of true and false for the consent of a channel."""
    with context.obj.workspace() as ws:
        output.show("Consent", ws.consent.adopt(channel, tag), as_json)


@app.command()
def show(context: typer.Context, entity: str, as_json: Json = False) -> None:
    """One customer's consent, with all that was ever said."""
    with context.obj.workspace() as ws:
        found = ws.consent.show(entity)
    if as_json:
        output.print_json(found)
        return
    rows = [{"for": scope, **held} for scope, held in found["consent"].items()]
    output.show_table(f"Consent of {entity}", rows, empty="Nothing is known of their consent.")
    output.show_table("All entries", found["history"], empty="No entry.")
    if found["lists"]:
        output.show_note(f"On the lists: {', '.join(found['lists'])}")


@suppress_app.command()
def add(
    context: typer.Context,
    file: Path,
    name: Annotated[str, typer.Option("--list", help="The list's name.")] = "suppressed",
    column: Annotated[str, typer.Option(help="Column with the addresses or keys.")] = "address",
    channel: Channel = "*",
    customers: Annotated[bool, typer.Option("--customers", help="The column has customers' keys.")] = False,
    reason: Annotated[str, typer.Option(help="Why.")] = "suppression list",
    as_json: Json = False,
) -> None:
    """Put the addresses, or customers, of a file on a list."""
    with context.obj.workspace() as ws:
        given: dict[str, Any] = {"column": column, "channel": channel, "customers": customers, "reason": reason}
        output.show("Suppression", ws.consent.suppress(file, name, **given), as_json)


@suppress_app.command()
def lift(
    context: typer.Context,
    subjects: list[str],
    name: Annotated[str, typer.Option("--list", help="The list's name.")] = "suppressed",
    channel: Channel = "*",
    customers: Annotated[bool, typer.Option("--customers", help="They are customers' keys.")] = False,
    as_json: Json = False,
) -> None:
    """Take addresses, or customers, off a list."""
    with context.obj.workspace() as ws:
        done = ws.consent.suppress(subjects, name, channel=channel, customers=customers, lift=True, reason="lifted")
    output.show("Suppression", done, as_json)
