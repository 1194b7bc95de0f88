"""Audiences: count, save, refresh, members, export, explain."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import alerts, jobs, output
from coterie.cli.output import AsOf, EntityKind, Json, Yes
from coterie.errors import Refused

Detach = Annotated[bool, typer.Option("--detach", help="Leave it to the worker; see `coterie job list`.")]
app = typer.Typer(help="Rules over tags and events, with exact sizes.", no_args_is_help=True)

Rule = Annotated[str, typer.Option("--rule", help="A JSON file, - for standard input, or the JSON itself.")]
DataVersion = Annotated[int | None, typer.Option("--data-version", help="What was known then; default: of the build.")]
ToFile = Annotated[Path | None, typer.Option("-o", "--to", help="A .csv, .parquet or .xlsx file for the table.")]
Snapshot = Annotated[str | None, typer.Option("--snapshot", help="A snapshot's id; default: the newest.")]


def read_rule(source: str) -> Any:
    """The rule in a file, on standard input, or given itself."""
    from coterie.rules.values import load_json

    if source.lstrip().startswith("{"):
        return load_json(source, place="--rule")
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
    waterfall, notes = facts.pop("waterfall"), facts.pop("notes")
    output.show_table("Waterfall", [_step(node) for node in waterfall], empty="")
    output.show_facts("Count", facts)
    for note in notes:
        output.show_note(note)


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
    output.show(f"Audience {name}", saved, as_json)


@app.command("list")
def list_audiences(context: typer.Context, as_json: Json = False) -> None:
    """Saved audiences with their newest size."""
    with context.obj.workspace() as ws:
        rows, count = ws.audiences.rows(context.obj.language), ws.alerts.open_count()
        if not as_json:
            alerts.show_open(count)
    if as_json:
        output.print_json({"audiences": rows, "open_alerts": count})
    else:
        shown = [_audience(row) for row in rows]
        output.show_table("Audiences", shown, empty="No audience yet. Try: coterie audience save NAME --rule FILE")


def _audience(row: dict[str, Any]) -> dict[str, Any]:
    """What fits on a screen; `--json` has all."""
    state = row["state"]
    if row["validity"] != "valid":
        until = f"{row['validity']} {row['valid_until'][:10]}"
        state = until if state == "expired" else f"{state}, {until}"
    as_of = None if row["as_of"] is None else row["as_of"][:16].replace("T", " ")
    shown = {"audience": row["audience"], "count": row["count"], "as of": as_of, "state": state}
    return shown | {"refresh": row["refresh"], "owner": row["owner"], "folder": row["folder"], "rule": row["sentence"]}


@app.command()
def refresh(
    context: typer.Context, name: str, as_of: AsOf = None, detached: Detach = False, as_json: Json = False
) -> None:
    """Compute the members now and keep them as a snapshot."""
    with context.obj.workspace() as ws:
        if detached:
            ws.audiences.get(name)
            with alerts.delivering(ws):
                jobs.detach(ws, "audiences.refresh", {"audience": name, "as_of": as_of}, as_json)
            return
        with alerts.delivering(ws):
            result = ws.audiences.refresh(name, as_of=ws.moment(as_of, place="--as-of"), language=context.obj.language)
        if not as_json and result["alerts"]:
            alerts.show_open(ws.alerts.open_count())
    output.show(f"Audience {name}", result, as_json)


@app.command()
def retain(
    context: typer.Context,
    name: str,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Remove the members of its old snapshots, as after every refresh; their sizes stay."""
    with context.obj.workspace() as ws:
        plan = {**ws.audiences.retain(name, dry_run=dry_run).as_dict(), "dry_run": dry_run}
    if as_json:
        output.print_json(plan)
        return
    rows = plan.pop("snapshots")
    output.show_table(f"Snapshots of {name}", rows, empty=f"None yet. Try: coterie audience refresh {name}")
    output.show_facts("Would go" if dry_run else "Gone", {k: plan[k] for k in ("removed", "kept", "kept_days")})


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
    on: Annotated[str | None, typer.Option(help="Who was in on a day: of the newest snapshot not after it.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    offset: Annotated[int, typer.Option(help="After how many, in key order.")] = 0,
    as_json: Json = False,
) -> None:
    """Its members, in the order of their keys."""
    if snapshot is not None and on is not None:
        fix = "Give one of them."
        raise Refused("bad_argument", "--snapshot and --on each name a snapshot.", place="--on", fix=fix)
    with context.obj.workspace() as ws:
        past = None if on is None else ws.audiences.snapshot_on(name, on)
        chosen = snapshot if past is None else past.id
        result = ws.audiences.members(name, snapshot=chosen, limit=limit, offset=offset)
    if past is not None:
        result |= {"as_of": past.as_of}
        output.show_note(f"Snapshot {past.id}, as of {past.as_of}.")
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
def insight(
    context: typer.Context,
    name: str,
    against: Annotated[str | None, typer.Option(help="Another audience; default: everyone else.")] = None,
    tags: Annotated[str | None, typer.Option(help="Only these tags, with commas; shows their values.")] = None,
    top: Annotated[int, typer.Option(help="Values or ranges of each tag; the others stand as one.")] = 10,
    as_of: AsOf = None,
    to: ToFile = None,
    as_json: Json = False,
) -> None:
    """How its members differ from the rest, tag by tag, in the order of what matters."""
    wanted = [t.strip() for t in tags.split(",")] if tags else []
    with context.obj.workspace() as ws:
        options = {"tags": wanted, "top": top, "language": context.obj.language}
        result = ws.audiences.insight(name, against, as_of=ws.moment(as_of, place="--as-of"), **options)
        if to is not None:
            ws.audiences.write_table(result.table(), to)
    if as_json:
        output.print_json(result.as_dict())
        return
    others = f"{result.rest:,} others" if against is None else f"{result.rest:,} of {against}"
    output.show_table(f"{name}: {result.count:,} against {others}", [_tag(t) for t in result.tags], empty="No tags.")
    for tag in result.tags if wanted else ():
        output.show_table(tag.label, [_share(value) for value in tag.values], empty="")
    told = "Effects on the scale of a difference of shares, 95% intervals; p-values corrected by Holm."
    output.show_note(f"{told} Index: 100 x share of the audience / share of {against or 'everyone'}.")


def _tag(tag: Any) -> dict[str, Any]:
    interval = None if tag.effect is None else f"{tag.effect:+.2f} ({tag.low:+.2f} to {tag.high:+.2f})"
    shown = {"tag": tag.label, "finding": f"(in the rule) {tag.finding}" if tag.defines else tag.finding}
    return shown | {"effect": interval, "size": tag.size, "p": tag.p_corrected, "coverage": tag.coverage}


def _share(value: Any) -> dict[str, Any]:
    from coterie.audiences.insight import value_text

    return {
        "value": value_text(value.value) or f"{value.others:,} others",
        "share": value.share,
        "rest": value.share_rest,
        "index": value.index,
        "n": value.count,
    }


@app.command()
def overlap(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="2 to 50 audiences, or snapshots such as loyal@2.")],
    limit: Annotated[int, typer.Option(help="How many exclusive intersections to show, largest first.")] = 20,
    as_of: AsOf = None,
    to: ToFile = None,
    as_json: Json = False,
) -> None:
    """How many people audiences share, and who is in exactly which."""
    with context.obj.workspace() as ws:
        result = ws.audiences.overlap(names, limit=limit, as_of=ws.moment(as_of, place="--as-of"))
        if to is not None:
            ws.audiences.write_table(result.table(), to)
    if as_json:
        output.print_json(result.as_dict())
        return
    sizes = dict(zip(result.audiences, result.sizes, strict=True))
    output.show_facts(f"Sizes, of {result.universe:,}", sizes | {"in any": result.union})
    pairs = [row for row in result.table() if names.index(row["audience"]) < names.index(row["other"])]
    output.show_table("Pairs (share: of the first, how many are in the other)", pairs, empty="")
    exactly = [{"people": i.count, "in exactly": " + ".join(i.audiences)} for i in result.intersections]
    output.show_table(f"In exactly these, largest {len(exactly)}", exactly, empty="")
    if result.others:
        output.show_note(f"{result.others:,} more people are in smaller intersections; show them with --limit.")


@app.command()
def diff(context: typer.Context, name: str, before: str, after: str, as_json: Json = False) -> None:
    """Who entered and left between two snapshots, by change of the data and by change of the rule."""
    with context.obj.workspace() as ws:
        result = ws.audiences.diff(name, before, after, language=context.obj.language)
    facts = result.as_dict()
    if as_json:
        output.print_json(facts)
        return
    rows = []
    for way in ("entered", "left"):
        for cause in ("data", "rule"):
            some = facts[f"samples_{way}"][cause]
            rows.append({"way": way, "because of the": cause, "people": facts[way][cause], "such as": some})
    title = f"{result.before} ({result.count_before:,}) to {result.after} ({result.count_after:,})"
    output.show_table(title, rows, empty="")
    if result.rule_changed:
        output.show_facts("The rule changed", {"before": result.rule_before, "after": result.rule_after})
    if result.reproduced is False:
        note = "Tags, lists or audiences were redefined since: the rule, asked again, gives other members than"
        output.show_note(f"{note} {result.after}, and the causes are told by what they are now.")


@app.command()
def backtest(
    context: typer.Context,
    name: str,
    weeks: Annotated[int, typer.Option(help="How many weeks to look back.")] = 12,
    as_of: AsOf = None,
    to: ToFile = None,
    as_json: Json = False,
) -> None:
    """What its rule would have given in each of the past weeks, without looking ahead."""
    with context.obj.workspace() as ws, output.progress_bar(quiet=as_json) as progress:
        moment = ws.moment(as_of, place="--as-of")
        options = {"language": context.obj.language, "progress": progress}
        result = ws.audiences.backtest(name, weeks, as_of=moment, **options)
        if to is not None:
            ws.audiences.write_table(result.table(), to)
    if as_json:
        output.print_json(result.as_dict())
    else:
        output.show_table(f"{name}, week by week", result.table(), empty="")


@app.command()
def sync(
    context: typer.Context,
    name: str,
    destination: str,
    hash_ids: Annotated[bool, typer.Option("--hash-ids", help="SHA-256 of the keys instead of the keys.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent.")] = False,
    detached: Detach = False,
    as_json: Json = False,
) -> None:
    """Send who came and who left since the last time to a destination, in batches."""
    from coterie.audiences import sync as syncing

    with context.obj.workspace() as ws:
        sender = ws.destinations.sender(destination)
        if detached:
            ws.audiences.get(name)
            given = {"audience": name, "destination": destination, "hashed": hash_ids}
            jobs.detach(ws, syncing.JOB, given, as_json)
            return
        if dry_run:
            batches = syncing.plan(ws.audiences, name, sender.url, hashed=hash_ids)
            people = [{"change": b.change, "entities": b.last - b.first, "tries": 0} for b in batches]
            snapshot = ws.audiences.snapshots.of(name)[-1].id
            result = {**syncing.summary(name, snapshot, people), "dry_run": True}
        else:
            with output.progress_bar(quiet=as_json) as progress:
                result = syncing.sync(ws.audiences, name, sender, hashed=hash_ids, progress=progress)
    output.show(f"Audience {name} to {destination}", result, as_json)


@app.command()
def lookalike(
    context: typer.Context,
    seed: Annotated[str, typer.Argument(help="An audience, a snapshot, a list, or a file of keys.")],
    size: Annotated[int, typer.Option(help="How many people to find.")],
    column: Annotated[str | None, typer.Option(help="Column with the keys, of a file; default: its first.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the audience; default: like SEED.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell, and save no tag and no audience.")] = False,
    to: ToFile = None,
    entity_kind: EntityKind = "customer",
    as_json: Json = False,
) -> None:
    """The people most like a seed, as an audience; refused where their tags tell no better than chance."""
    options: dict[str, Any] = {"column": column, "name": name, "save": not dry_run, "kind": entity_kind}
    with context.obj.workspace() as ws, output.progress_bar(quiet=as_json) as progress:
        result = ws.audiences.lookalike(seed, size, language=context.obj.language, progress=progress, **options)
        if to is not None:
            ws.audiences.write_table(result.table(), to)
    if as_json:
        output.print_json(result.as_dict())
        return
    area = f"{result.auc.value:.3f} ({result.auc.low:.3f} to {result.auc.high:.3f})"
    facts = {"seed": result.seed_count, "candidates": result.candidates, "AUC on held-out people": area}
    facts |= {"chance": result.baseline, "logistic": result.logistic.value, "model": result.model}
    output.show_facts(f"Like {seed}", facts | {"tags used": result.tags, "audience": result.audience})
    output.show_table(
        "Why", [{"tag": r.label, "weight": r.weight, "finding": r.finding} for r in result.reasons], empty=""
    )
    output.show_table("Size against similarity", result.table(), empty="")
    output.show_table("Tags left out", [{"tag": t.tag, "because": t.reason} for t in result.left_out], empty="")


@app.command()
def copy(context: typer.Context, name: str, to: str, as_json: Json = False) -> None:
    """The same rule under another name."""
    with context.obj.workspace() as ws:
        saved = ws.audiences.copy(name, to)
    output.show(f"Audience {to}", saved, as_json)


@app.command()
def delete(
    context: typer.Context,
    name: str,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete an audience; its snapshots stay readable."""
    output.ask(f"Delete audience {name}?", yes=yes or as_json)
    with context.obj.workspace() as ws:
        ws.audiences.delete(name)
    if as_json:
        output.print_json({"audience": name, "deleted": True})
    else:
        output.show_note(f"Audience {name} deleted.")
