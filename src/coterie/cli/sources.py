"""Sources: imports that come again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import Json

app = typer.Typer(help="Imports that come again: a folder, a file or a database table.", no_args_is_help=True)
_SHOWN = ("source", "dataset", "as", "location", "schedule")


@app.command()
def add(
    context: typer.Context,
    source: str,
    location: Annotated[str, typer.Argument(help="A file, a pattern, a folder, or a database URL with `#table`.")],
    name: Annotated[str, typer.Option("--name", help="The dataset's name.")],
    kind: Annotated[str | None, typer.Option("--as", help="profiles, events, records, edges, vectors, lookup.")] = None,
    entity: Annotated[str | None, typer.Option(help="Column with the customer's key.")] = None,
    entity_kind: Annotated[str | None, typer.Option(help="customer or account; default: customer.")] = None,
    time: Annotated[str | None, typer.Option(help="Column with the event's time.")] = None,
    key: Annotated[str | None, typer.Option(help="Column with the row's own id.")] = None,
    types: Annotated[str | None, typer.Option(help="Declared types, such as phone=text,paid=decimal.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="These options as a YAML file.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Each run closes all earlier rows.")] = False,
    schedule: Annotated[str | None, typer.Option(help='hourly, "daily 06:30" or "weekly mon 07:00".')] = None,
    as_json: Json = False,
) -> None:
    """Keep a source; an existing name is replaced. `coterie serve` runs it by its schedule."""
    options: dict[str, Any] = {"kind": kind, "entity": entity, "entity_kind": entity_kind, "time": time, "key": key}
    options |= {"types": types, "mapping": None if mapping is None else str(mapping.resolve())}
    options |= {"replace": replace or None}
    with context.obj.workspace() as ws:
        row = ws.sources.put(source, location, schedule=schedule, name=name, **options).row()
    output.show(f"Source {source}", row, as_json)


@app.command("list")
def list_sources(context: typer.Context, as_json: Json = False) -> None:
    """The sources, their schedules and how the last run went."""
    with context.obj.workspace() as ws:
        rows = [source.row() for source in ws.sources.all()]
    if as_json:
        output.print_json({"sources": rows})
        return
    shown = [{**{k: row[k] for k in _SHOWN}, **_last(row["last"])} for row in rows]
    output.show_table(
        "Sources", shown, empty="None yet. Try: coterie source add NAME FOLDER --name DATASET --as events"
    )


@app.command()
def run(context: typer.Context, source: str, as_json: Json = False) -> None:
    """Import now what is new."""
    with context.obj.workspace() as ws, output.progress_bar(quiet=as_json) as progress:
        done = ws.sources.run(source, progress)
    output.show(f"Source {source}", done, as_json)


@app.command()
def schedule(
    context: typer.Context,
    source: str,
    when: Annotated[str, typer.Argument(help='hourly, "daily 06:30", "weekly mon 07:00" or never.')],
    as_json: Json = False,
) -> None:
    """Run it at other times."""
    with context.obj.workspace() as ws:
        row = ws.sources.schedule(source, when).row()
    output.show(f"Source {source}", row, as_json)


@app.command()
def remove(context: typer.Context, source: str, as_json: Json = False) -> None:
    """Forget a source; what it imported stays."""
    with context.obj.workspace() as ws:
        ws.sources.remove(source)
    output.show(f"Source {source}", {"source": source, "removed": True}, as_json)


def _last(last: dict[str, Any] | None) -> dict[str, Any]:
    if last is None:
        return {"last run": "never"}
    return {"last run": last["at"], "state": last["state"], "accepted": last["accepted"], "rejected": last["rejected"]}
