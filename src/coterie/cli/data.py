"""Data in: import, datasets, rejects, clean-up rules."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import Json
from coterie.errors import Refused

if TYPE_CHECKING:
    from coterie.workspace import Workspace

datasets = typer.Typer(help="Imported tables.", no_args_is_help=True)
cleanup = typer.Typer(help="Near-duplicate values: suggested by the data, confirmed by a person.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("import")(import_)
    app.add_typer(datasets, name="dataset")
    app.add_typer(cleanup, name="cleanup")


def import_(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FILE|URL", help="A file, or a database URL with `#table` or `#SELECT ...`.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="The dataset's name.")] = None,
    kind: Annotated[
        str | None, typer.Option("--as", help="profiles, events, records, edges, vectors or lookup.")
    ] = None,
    entity: Annotated[
        str | None, typer.Option(help="Column with the customer's key; @row where there is none.")
    ] = None,
    entity_kind: Annotated[str | None, typer.Option(help="customer or account; default: customer.")] = None,
    time: Annotated[str | None, typer.Option(help="Column with the event's time.")] = None,
    key: Annotated[str | None, typer.Option(help="Column with the row's own id; repeats are duplicates.")] = None,
    target: Annotated[str | None, typer.Option(help="Of edges: column with the other end.")] = None,
    weight: Annotated[str | None, typer.Option(help="Of edges: column with the weight.")] = None,
    modality: Annotated[str | None, typer.Option(help="Of vectors: what they were made from, such as text.")] = None,
    values: Annotated[str | None, typer.Option(help="Of vectors: prefix of the value columns.")] = None,
    types: Annotated[str | None, typer.Option(help="Declared types, such as phone=text,paid=decimal.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="These options as a YAML file.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Close all earlier rows of the dataset.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make the whole pass and publish nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Import a file or a database table; rows that cannot be used are kept as rejects."""
    from coterie.ingest.service import import_file

    options: dict[str, Any] = {"kind": kind, "name": name, "entity": entity, "entity_kind": entity_kind, "time": time}
    options |= {"key": key, "target": target, "weight": weight, "modality": modality, "values": values}
    options |= {"mapping": mapping, "replace": replace}
    door: output.Door = context.obj
    with door.workspace() as ws, output.progress_bar(quiet=as_json) as progress:
        if kind is None and mapping is None and Path(source).is_file():
            raise _unsaid(ws, Path(source))
        arguments: dict[str, Any] = {**options, "types": types, "dry_run": dry_run, "progress": progress}
        report = import_file(ws.ingest_context, source, **arguments)
    if as_json:
        output.print_json(report.as_dict())
    else:
        _show_report(report.as_dict())


def _unsaid(ws: Workspace, path: Path) -> Refused:
    """It is not said what the rows are: the refusal names the columns, and the command that seems right."""
    from coterie.ingest.look import look

    found = look(ws.ingest_context, path)
    roles = " ".join(f"--{role} {shlex.quote(value)}" for role, value in found.guess.items() if value)
    if found.guess["entity"] is None:
        roles += " --entity COLUMN"
    said = f"It is not said what the rows are. The columns are: {', '.join(found.columns)}."
    fix = f"It looks like this: coterie import {shlex.quote(str(path))} {roles}"
    return Refused("bad_argument", said, place="--as", fix=fix)


def _show_report(report: dict[str, Any]) -> None:
    shown = {k: v for k, v in report.items() if k not in ("types", "sample", "mapping")}
    output.show_facts(f"Imported {report['dataset']}", shown)
    output.show_table("Types", [{"column": c, "type": t} for c, t in report["types"].items()], empty="No columns.")
    if sample := report.get("sample"):
        output.show_table("First rows", sample, empty="No rows.")


@datasets.command("list")
def list_datasets(context: typer.Context, as_json: Json = False) -> None:
    """The datasets with their kind and size."""
    with context.obj.workspace() as ws:
        rows = ws.dataset_rows()
    if as_json:
        output.print_json({"datasets": rows})
    else:
        output.show_table(
            "Datasets", rows, empty="Nothing is imported yet. Try: coterie import FILE --as events --name orders"
        )


@datasets.command("rejects")
def rejects(
    context: typer.Context,
    name: str,
    to: Annotated[Path | None, typer.Option(help="Write all of them to this CSV file.")] = None,
    limit: Annotated[int, typer.Option(help="How many to show.")] = 20,
    as_json: Json = False,
) -> None:
    """Rows that could not be used, with file, line, column, value and reason."""
    with context.obj.workspace() as ws:
        rows = ws.reject_rows(name, limit)
        written = None if to is None else ws.write_rejects(name, to)
    if as_json:
        output.print_json({"dataset": name, "rejects": rows, "written": written, "file": to})
    else:
        output.show_table(f"Rejects of {name}", rows, empty=f"No row of {name} was rejected.")
        if written is not None:
            output.show_note(f"{written:,} rejects written to {to}.")


@cleanup.command("suggest")
def suggest(
    context: typer.Context,
    dataset: str,
    field: Annotated[str | None, typer.Option(help="Only this field.")] = None,
    as_json: Json = False,
) -> None:
    """Values that are probably one, with the evidence; nothing is changed."""
    from dataclasses import asdict

    from coterie.ingest.cleanup import suggest_cleanup

    with context.obj.workspace() as ws:
        rows = [asdict(s) for s in suggest_cleanup(ws.ingest_context, dataset, field)]
    if as_json:
        output.print_json({"suggestions": rows})
    else:
        output.show_table("Probably one", rows, empty=f"No near-duplicates in {dataset}.")
        output.show_note(f"Confirm one with: coterie cleanup confirm {dataset} FIELD VALUE REPLACEMENT")


@cleanup.command("confirm")
def confirm(
    context: typer.Context,
    dataset: str,
    field: str,
    value: str,
    replacement: str,
    by: Annotated[str, typer.Option(help="Who confirms it.")] = "",
    as_json: Json = False,
) -> None:
    """Keep a rule: later imports of the dataset write REPLACEMENT for VALUE."""
    from coterie.ingest.cleanup import confirm_cleanup

    with context.obj.workspace() as ws:
        rules = confirm_cleanup(ws.ingest_context, dataset, field, value, replacement, by=by)
    if as_json:
        output.print_json({"dataset": dataset, "field": field, "rules": rules})
    else:
        output.show_facts(f"Rules of {dataset}.{field}", rules)


@cleanup.command("drop")
def drop(context: typer.Context, dataset: str, field: str, value: str, as_json: Json = False) -> None:
    """Forget a rule."""
    from coterie.ingest.cleanup import drop_cleanup

    with context.obj.workspace() as ws:
        drop_cleanup(ws.ingest_context, dataset, field, value)
    if as_json:
        output.print_json({"dataset": dataset, "field": field, "dropped": value})
    else:
        output.show_note(f"The rule for {value} is forgotten.")
