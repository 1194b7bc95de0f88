"""The workspace itself: init, demo, doctor, backup, upkeep, definitions as code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import output
from coterie.cli.output import Json
from coterie.errors import Refused


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (init, demo, doctor, backup, restore, compact, vacuum, schema, apply, export):
        app.command(command.__name__)(command)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    zone: Annotated[str, typer.Option(help="Time zone of naive moments and calendar days.")] = "UTC",
    currency: Annotated[str, typer.Option(help="ISO 4217 code of money.")] = "EUR",
    as_json: Json = False,
) -> None:
    """Make an empty workspace."""
    import coterie

    with coterie.init(str(folder), zone=zone, currency=currency) as ws:
        facts = {"workspace": str(ws.path), "zone": ws.facts.zone, "currency": ws.facts.currency}
    if as_json:
        output.print_json(facts)
    else:
        output.show_facts("Made", facts)
        output.show_note(
            f"Next: coterie -w {folder} import FILE --as events --name orders --entity COLUMN --time COLUMN"
        )


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    customers: Annotated[int, typer.Option(help="How many customers.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 7,
    as_json: Json = False,
) -> None:
    """Make a filled shop with known truth, through the same doors as your own data."""
    from coterie.cli.demo import make_demo

    with output.progress_bar(quiet=as_json) as progress:
        result = make_demo(folder, customers=customers, seed=seed, progress=progress)
    output.show("The demo shop is ready", result, as_json)


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Check the installation and the workspace, and say what to do."""
    from coterie.cli.doctor import examine

    findings = examine(context.obj.path)
    bad = [f for f in findings if not f["ok"]]
    if as_json:
        output.print_json({"ok": not bad, "checks": findings})
    else:
        output.show_table("Doctor", findings, empty="")
    if bad:
        raise typer.Exit(1)


def backup(context: typer.Context, to: Annotated[Path, typer.Argument(metavar="TO")], as_json: Json = False) -> None:
    """Copy the whole workspace into a new folder; others may go on working."""
    with context.obj.workspace() as ws:
        files = ws.backup(to)
    _told({"backup": str(to), "files": files}, as_json)


def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="A folder made by backup.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    hold: Annotated[
        bool, typer.Option("--hold", help="With metadata_url: that store is a copy too, pause there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a workspace from a backup. Campaigns and journeys that were under way are paused in it.

    With a metadata store elsewhere (metadata_url) nothing is paused, as it may be the original's own; where it is a copy, give --hold.
    """
    from coterie.campaigns.restored import held
    from coterie.workspace import Workspace

    with Workspace.restore(source, folder, hold=hold) as ws:
        paused = {f"paused_{kind}": names for kind, names in held(ws.campaigns, ws.journeys).items()}
        done = hold or not ws.settings["metadata_url"]
        facts = {"workspace": str(ws.path), "data_version": ws.data_version, "held": done, **paused}
    _told(facts, as_json)
    if not done:
        output.show_note("Nothing was paused: the metadata store lies elsewhere. Give --hold where it is a copy.")


def compact(context: typer.Context, as_json: Json = False) -> None:
    """Join small files, and give events row numbers so that they count faster; no past answer changes."""
    with context.obj.workspace() as ws:
        rows = ws.compact()
    if as_json:
        output.print_json({"tables": rows})
    else:
        output.show_table("Compacted", rows, empty="Nothing is imported yet.")


def vacuum(
    context: typer.Context,
    keep_hours: Annotated[float, typer.Option(help="Leave files younger than this for those still reading.")] = 24,
    as_json: Json = False,
) -> None:
    """Delete files that no table holds any more."""
    with context.obj.workspace() as ws:
        deleted = ws.vacuum(keep_hours=keep_hours)
    _told({"deleted": deleted}, as_json)


def schema(what: Annotated[str, typer.Argument(help="rule or workspace.")], as_json: Json = False) -> None:
    """The JSON Schema of a rule file or of coterie.yaml."""
    if what == "rule":
        from coterie.rules.schema import rule_json_schema

        output.print_json(rule_json_schema())
    elif what == "workspace":
        from coterie.audiences.definitions import workspace_json_schema

        output.print_json(workspace_json_schema())
    else:
        raise Refused("bad_argument", f'There is no schema of "{what}".', place="schema", fix="Use rule or workspace.")


def apply(
    context: typer.Context,
    file: Path,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Make the definitions what a YAML file says, showing the plan."""
    with context.obj.workspace() as ws:
        plan = ws.apply(file, dry_run=dry_run)
    if as_json:
        output.print_json({"applied": not dry_run, "plan": plan})
    else:
        output.show_table("Plan" if dry_run else "Applied", plan, empty="Nothing differs.")


def export(context: typer.Context, file: Path, as_json: Json = False) -> None:
    """Write all definitions to a YAML file; applying it again changes nothing."""
    with context.obj.workspace() as ws:
        count = ws.export(file)
    _told({"file": str(file), "definitions": count}, as_json)


def _told(facts: dict[str, Any], as_json: bool) -> None:
    output.show("Done", facts, as_json)
