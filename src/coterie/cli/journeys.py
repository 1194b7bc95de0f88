"""Journeys: define, start, look, move on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import Json, NameInstead

app = typer.Typer(help="Messages one after the other, as long as they are of use.", no_args_is_help=True)

At = Annotated[str | None, typer.Option("--at", help="The moment; default: now.")]
_BRIEF = ("journey", "version", "state", "entry", "inside", "last_look", "description")
_STEP = ("step", "kind", "entered", "waiting", "passed", "exited")


@app.command()
def create(
    context: typer.Context,
    file: Path,
    name: NameInstead = None,
    as_json: Json = False,
) -> None:
    """Save a journey from a YAML or JSON file; an existing name gets a new version."""
    with context.obj.workspace() as ws:
        output.show("Journey", ws.journeys.create(file, name=name), as_json)


@app.command("list")
def list_journeys(context: typer.Context, as_json: Json = False) -> None:
    """All journeys, and how they stand."""
    with context.obj.workspace() as ws:
        rows = ws.journeys.rows()
    if as_json:
        output.print_json({"journeys": rows, "total": len(rows)})
        return
    shown = [{k: row[k] for k in _BRIEF} for row in rows]
    output.show_table("Journeys", shown, empty="None yet. Try: coterie journey create FILE")


@app.command("dry-run")
def dry_run(
    context: typer.Context,
    name: str,
    at: At = None,
    days: Annotated[int, typer.Option(help="How far ahead.")] = 90,
    as_json: Json = False,
) -> None:
    """Where those who would come in now would be; nothing is sent."""
    with context.obj.workspace() as ws:
        found = ws.journeys.dry_run(name, at=ws.moment(at, place="--at"), days=days)
    if as_json:
        output.print_json(found)
        return
    output.show_table(f"{name}: {found['entrants']:,} would come in", found["moments"], empty="Nobody would come in.")
    output.show_note(f"Nothing was sent. To let people in: coterie journey start {name}")


@app.command()
def start(
    context: typer.Context,
    name: str,
    by: Annotated[str, typer.Option(help="Who approves its messages.")] = "",
    as_json: Json = False,
) -> None:
    """Let people in, by the newest version; `coterie serve` moves them on."""
    with context.obj.workspace() as ws:
        _show_status(ws.journeys.start(name, by=by), as_json)


@app.command()
def advance(context: typer.Context, name: str, at: At = None, as_json: Json = False) -> None:
    """Move everybody on who is due, now; `coterie serve` does it by itself."""
    with context.obj.workspace() as ws:
        found = ws.journeys.advance(name, at=ws.moment(at, place="--at"))
    output.show("Journey", found, as_json)


@app.command()
def pause(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Move nobody and send nothing until it is resumed."""
    with context.obj.workspace() as ws:
        _show_status(ws.journeys.pause(name), as_json)


@app.command()
def resume(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Let a paused journey go on."""
    with context.obj.workspace() as ws:
        _show_status(ws.journeys.resume(name), as_json)


@app.command()
def stop(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Let everybody out, and send nothing more."""
    with context.obj.workspace() as ws:
        _show_status(ws.journeys.stop(name), as_json)


@app.command()
def status(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Of each step: entered = waiting + passed + exited."""
    with context.obj.workspace() as ws:
        found = ws.journeys.status(name)
    _show_status(found, as_json)


@app.command()
def path(context: typer.Context, name: str, entity: str, as_json: Json = False) -> None:
    """One customer's way through a journey."""
    with context.obj.workspace() as ws:
        found = ws.journeys.path(name, entity)
    if as_json:
        output.print_json(found)
        return
    moves = found.pop("moves")
    output.show_facts(f"{entity} in {name}", found)
    output.show_table("Moves", moves, empty="Never in it.")


def _show_status(found: dict[str, Any], as_json: bool) -> None:
    """The funnel: a line for each step, and whether it adds up."""
    if as_json:
        output.print_json(found)
        return
    about = ("journey", "state", "version", "running_version", "entered", "inside", "finished", "exits", "last_look")
    output.show_facts(str(found["journey"]), {k: found[k] for k in about if found.get(k) is not None})
    for step, error in (found["errors"] or {}).items():
        output.show_note(f"{step}: {error['message']} {error['fix'] or ''}")
    output.show_table("Steps", [{k: row[k] for k in _STEP} for row in found["steps"]], empty="None.")
    output.show_note("It adds up." if not found["difference"] else f"{found['difference']:,} do not add up.")
