"""Alerts of audiences: what is watched, and what was raised."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import Json
from coterie.workspace import Workspace

app = typer.Typer(help="Watch audiences: sizes, refreshes, stale data, validity.", no_args_is_help=True)
_MOST_SECONDS = 60


@app.command()
def add(
    context: typer.Context,
    name: str,
    audience: Annotated[str, typer.Option(help="The audience to watch.")],
    when: Annotated[str, typer.Option(help='"jump 20%", "above 5000", "below 100", "stale 36h", failed or ending.')],
    to: Annotated[
        str | None, typer.Option(help="email:ADDRESS or destination:NAME; default: in the product alone.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Watch an audience; an existing name is replaced."""
    with context.obj.workspace() as ws:
        alert = ws.alerts.add(name, audience, when, to=to, language=context.obj.language)
    made = {"alert": name, **alert.body()}
    output.show(f"Alert {name}", made, as_json)


@app.command("list")
def list_alerts(context: typer.Context, as_json: Json = False) -> None:
    """What is watched."""
    with context.obj.workspace() as ws:
        rows = ws.alerts.rows()
    if as_json:
        output.print_json({"alerts": rows})
        return
    empty = 'None added yet. Try: coterie alert add NAME --audience AUDIENCE --when "jump 20%"'
    output.show_table("Alerts", rows, empty=empty)
    output.show_note("Every audience also tells when a refresh fails and when its validity ends.")


@app.command()
def remove(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Watch no longer; what was raised stays."""
    with context.obj.workspace() as ws:
        ws.alerts.remove(name)
    if as_json:
        output.print_json({"alert": name, "removed": True})
    else:
        output.show_note(f"Alert {name} removed.")


@app.command()
def check(context: typer.Context, as_json: Json = False) -> None:
    """Look now whether there is something to raise; `coterie serve` does so every five minutes."""
    with context.obj.workspace() as ws:
        with delivering(ws):
            raised = ws.alerts.check()
        rows = [ws.alerts.event(event.id).as_dict() for event in raised]  # with how the delivery went
    _show_events(rows, "raised", context.obj.language, as_json, empty="Nothing new.")


@app.command()
def events(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that were seen.")] = False,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """What was raised, newest first."""
    with context.obj.workspace() as ws:
        rows = [event.as_dict() for event in ws.alerts.events(open_only=not every, limit=limit)]
    empty = "Nothing was raised." if every else "Nothing is open. Those that were seen: coterie alert events --all"
    _show_events(rows, "events", context.obj.language, as_json, empty=empty)


@app.command()
def seen(context: typer.Context, event: Annotated[str, typer.Argument(help="Its id.")], as_json: Json = False) -> None:
    """Note that you have seen it."""
    with context.obj.workspace() as ws:
        row = ws.alerts.seen(event).as_dict()
    if as_json:
        output.print_json(row)
    else:
        output.show_note(f"{event} is seen.")


@contextmanager
def delivering(ws: Workspace) -> Iterator[None]:
    """Deliver what the block raised, also where it failed: by the worker, or where none runs, here and now."""
    try:
        yield
    finally:
        if ws.alerts.waiting():
            with ws.working() as mine:
                end = time.monotonic() + _MOST_SECONDS
                while mine and ws.alerts.waiting() and time.monotonic() < end:
                    time.sleep(0.2)


def show_open(count: int) -> None:
    """How many alerts wait to be seen, if any."""
    if count:
        alerts = "alert is" if count == 1 else "alerts are"
        output.show_note(f"{count:,} {alerts} open: coterie alert events")


def _show_events(rows: list[dict[str, Any]], key: str, language: str, as_json: bool, *, empty: str) -> None:
    """Lines and no table: a narrow screen would cut ids, which `alert seen` wants, and Chinese sentences."""
    if as_json:
        output.print_json({key: rows})
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    if not rows:
        console.print(empty)
    for row in rows:
        raised = row["raised_at"][:16].replace("T", " ")
        console.print(Text(f"{row['id']}  {raised}  {row['level']}, {row['state']}", style="bold"))
        console.print(Text(row["sentence"][language]))
        console.print(Text(_told(row), style="dim"))


def _told(row: dict[str, Any]) -> str:
    delivered, to = row["delivered"], row["to"]
    if delivered is None:
        return "Told here."
    if delivered["at"] is not None:
        return f"Told to {to}."
    if delivered["error"] is None:
        return f"Waits to be told to {to}."
    after = "Given up." if delivered["next_at"] is None else "It is tried again."
    return f"Could not be told to {to}: {delivered['error']['message']} {after}"
