"""Jobs: what waits, runs and ran."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import Json
from coterie.workspace import Workspace

app = typer.Typer(help="Work in the background: what waits, runs and ran.", no_args_is_help=True)
_COLUMNS = ("id", "job", "state", "created_at", "ended_at")


@app.command("list")
def list_jobs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """The newest jobs first."""
    with context.obj.workspace() as ws:
        rows = [row.as_dict() for row in ws.jobs.rows(limit)]
    if as_json:
        output.print_json({"jobs": rows})
    else:
        shown = [{k: row[k] for k in _COLUMNS} for row in rows]
        output.show_table("Jobs", shown, empty="No job yet. Try: coterie audience refresh NAME --detach")


@app.command()
def show(context: typer.Context, job: str, as_json: Json = False) -> None:
    """One job: how far it is, what it did, or why it failed."""
    with context.obj.workspace() as ws:
        row = ws.jobs.get(job).as_dict()
    _show(row, as_json)


@app.command()
def cancel(context: typer.Context, job: str, as_json: Json = False) -> None:
    """Stop a job; what it published before stays."""
    with context.obj.workspace() as ws:
        row = ws.jobs.cancel(job).as_dict()
    _show(row, as_json)


@app.command()
def retry(context: typer.Context, job: str, as_json: Json = False) -> None:
    """Go on with a job that failed or was cancelled, from the stage where it stopped."""
    with context.obj.workspace() as ws:
        row = ws.jobs.retry(job).as_dict()
    _show(row, as_json)


def detach(ws: Workspace, job: str, arguments: dict[str, Any], as_json: bool) -> None:
    """Put a job into the queue and say so; where no worker runs, do it here and now."""
    id_ = ws.jobs.enqueue(job, arguments)
    with ws.working() as mine:
        while mine and ws.jobs.get(id_).state in ("waiting", "running"):
            time.sleep(0.2)
    _show(ws.jobs.get(id_).as_dict(), as_json)


def _show(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(row)
    else:
        output.show_facts(f"Job {row['id']}", {k: v for k, v in row.items() if v is not None and k != "id"})
