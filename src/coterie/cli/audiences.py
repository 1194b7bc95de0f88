"""Audiences: count, save, refresh, members, export, explain."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import jobs, output
from coterie.cli.output import AsOf, EntityKind, Json
from coterie.errors import Refused

Detach = Annotated[bool, typer.Option("--detach", help="Leave it to the worker; see `coterie job list`.")]
app = typer.Typer(help="Rules over tags and events, with exact sizes.", no_args_is_help=True)

Rule = Annotated[str, typer.Option("--rule", help="A JSON file, or - for standard input.")]
DataVersion = Annotated[int | None, typer.Option("--data-version", help="What was known then; default: of the build.")]
Snapshot = Annotated[str | None, typer.Option("--snapshot", help="A snapshot's id; default: the newest.")]


def read_rule(source: str) -> Any:
    """The rule in a file, or on standard input."""
    from coterie.rules.values import load_json

    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Refused(
            "bad_argument", f"The rule cannot be read: {said}.", place="--rule", fix="Give a JSON file."
        ) from None
    return load_json(text, place="--rule")


@app.command()
def count(
    context: typer.Context,
    rule: Rule,
    as_of: AsOf = None,
    data_version: DataVersion = None,
    entity_kind: EntityKind = "customer",
    as_json: Json = False,
) -> None:
    """How many a rule reaches, exactly, and what each condition keeps and removes."""
    door: output.Door = context.obj
    with door.workspace() as ws:
        result = ws.audiences.count(
            read_rule(rule),
            as_of=ws.moment(as_of, place="--as-of"),
            data_version=data_version,
            entity_kind=entity_kind,
            language=door.language,
        )
    if as_json:
        output.print_json(result.as_dict())
        return
    facts = result.as_dict()
    waterfall = facts.pop("waterfall")
    output.show_table("Waterfall", [_step(node) for node in waterfall], empty="")
    output.show_facts("Count", facts)


def _step(node: dict[str, Any]) -> dict[str, Any]:
    indent = "  " * node["place"].count(".") if node["place"] else ""
    return {
        "condition": indent + node["sentence"],
        "alone": node["alone"],
        "remaining": node["remaining"],
        "removed": node["removed"],
    }


@app.command()
def save(
    context: typer.Context,
    name: str,
    rule: Rule,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    owner: Annotated[str | None, typer.Option(help="Whose it is.")] = None,
    folder: Annotated[str | None, typer.Option(help="Where it is listed, as a/b.")] = None,
    shared: Annotated[bool | None, typer.Option("--shared/--mine", help="Whether others see it.")] = None,
    purpose: Annotated[str | None, typer.Option(help="marketing, service, research or analysis.")] = None,
    valid_until: Annotated[str | None, typer.Option(help="The last moment it may be used.")] = None,
    refreshed: Annotated[str | None, typer.Option("--refresh", help='once, "daily HH:MM" or trigger.')] = None,
    entity_kind: EntityKind = "customer",
    as_json: Json = False,
) -> None:
    """Save a rule under a name; an existing name gets a new version, and keeps what is not given."""
    door: output.Door = context.obj
    about = {"description": description, "owner": owner, "folder": folder, "shared": shared, "purpose": purpose}
    about |= {"valid_until": valid_until, "refresh": refreshed}
    with door.workspace() as ws:
        saved = ws.audiences.save(name, read_rule(rule), language=door.language, entity_kind=entity_kind, **about)
    if as_json:
        output.print_json(saved)
    else:
        output.show_facts(f"Audience {name}", saved)


@app.command("list")
def list_audiences(context: typer.Context, as_json: Json = False) -> None:
    """Saved audiences with their newest size."""
    with context.obj.workspace() as ws:
        rows = ws.audiences.rows(context.obj.language)
    if as_json:
        output.print_json({"audiences": rows})
    else:
        output.show_table("Audiences", rows, empty="No audience yet. Try: coterie audience save NAME --rule FILE")


@app.command()
def refresh(
    context: typer.Context, name: str, as_of: AsOf = None, detached: Detach = False, as_json: Json = False
) -> None:
    """Compute the members now and keep them as a snapshot."""
    with context.obj.workspace() as ws:
        if detached:
            ws.audiences.get(name)
            jobs.detach(ws, "audiences.refresh", {"audience": name, "as_of": as_of}, as_json)
            return
        result = ws.audiences.refresh(name, as_of=ws.moment(as_of, place="--as-of"))
    if as_json:
        output.print_json(result)
    else:
        output.show_facts(f"Audience {name}", result)


@app.command()
def history(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Its snapshots, newest last."""
    with context.obj.workspace() as ws:
        rows = ws.audiences.history(name)
    if as_json:
        output.print_json({"audience": name, "snapshots": rows})
    else:
        output.show_table(f"Snapshots of {name}", rows, empty=f"None yet. Try: coterie audience refresh {name}")


@app.command()
def members(
    context: typer.Context,
    name: str,
    snapshot: Snapshot = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    offset: Annotated[int, typer.Option(help="After how many, in key order.")] = 0,
    as_json: Json = False,
) -> None:
    """Its members, in the order of their keys."""
    with context.obj.workspace() as ws:
        result = ws.audiences.members(name, snapshot=snapshot, limit=limit, offset=offset)
    _show_members(name, result, as_json)


@app.command()
def sample(
    context: typer.Context,
    name: str,
    size: Annotated[int, typer.Option(help="How many.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people.")] = 0,
    snapshot: Snapshot = None,
    as_json: Json = False,
) -> None:
    """Some of its members, at random but repeatably."""
    with context.obj.workspace() as ws:
        result = ws.audiences.sample(name, size=size, seed=seed, snapshot=snapshot)
    _show_members(name, result, as_json)


def _show_members(name: str, result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(result)
        return
    title = f"{name}: {len(result['members']):,} of {result['count']:,}"
    output.show_table(title, [{"entity": key} for key in result["members"]], empty=f"{name} has no members.")


@app.command()
def export(
    context: typer.Context,
    name: str,
    to: Annotated[Path, typer.Option(help="A .csv, .parquet or .xlsx file.")],
    snapshot: Snapshot = None,
    tags: Annotated[str | None, typer.Option(help="Tags to write beside the key, such as rfm.cell,country.")] = None,
    hash_ids: Annotated[bool, typer.Option("--hash-ids", help="SHA-256 of the keys instead of the keys.")] = False,
    as_json: Json = False,
) -> None:
    """Write its members to a file."""
    columns = [t.strip() for t in tags.split(",")] if tags else []
    with context.obj.workspace() as ws:
        result = ws.audiences.export(name, to, snapshot=snapshot, tags=columns, hash_ids=hash_ids)
    if as_json:
        output.print_json(result)
    else:
        output.show_note(f"{result['rows']:,} members written to {to}.")


@app.command()
def explain(context: typer.Context, name: str, entity: str, as_of: AsOf = None, as_json: Json = False) -> None:
    """Why a customer is in it or not, and the smallest change that would flip it."""
    door: output.Door = context.obj
    with door.workspace() as ws:
        moment = ws.moment(as_of, place="--as-of")
        result = ws.audiences.explain(name, entity, as_of=moment, language=door.language)
    if as_json:
        output.print_json(result)
        return
    reasons = [
        {"": "✓" if r["passed"] else "✗", "condition": r["sentence"], "value": r["value"]} for r in result["reasons"]
    ]
    output.show_table(f"{entity}: {'member' if result['member'] else 'not a member'} of {name}", reasons, empty="")
    if result["flip"] is None:
        output.show_note("No change of what is known would flip it.")
    else:
        changes = [change["sentence"] for change in result["flip"]["changes"]]
        output.show_facts("Smallest change that flips it", {str(i): text for i, text in enumerate(changes, 1)})


@app.command()
def copy(context: typer.Context, name: str, to: str, as_json: Json = False) -> None:
    """The same rule under another name."""
    with context.obj.workspace() as ws:
        saved = ws.audiences.copy(name, to)
    if as_json:
        output.print_json(saved)
    else:
        output.show_facts(f"Audience {to}", saved)


@app.command()
def delete(
    context: typer.Context,
    name: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete an audience; its snapshots stay readable."""
    if not yes and not as_json:
        typer.confirm(f"Delete audience {name}?", abort=True)
    with context.obj.workspace() as ws:
        ws.audiences.delete(name)
    if as_json:
        output.print_json({"audience": name, "deleted": True})
    else:
        output.show_note(f"Audience {name} deleted.")
