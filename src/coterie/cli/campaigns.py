"""Campaigns: plan, approve, run, watch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import jobs, output
from coterie.cli.output import Json

app = typer.Typer(help="Send messages to an audience, with a funnel that adds up.", no_args_is_help=True)

RunName = Annotated[str | None, typer.Option("--run", help="An occurrence, NAME@N; default: the newest.")]
Arm = Annotated[str | None, typer.Option("--arm", help="An arm of the experiment; default: the first.")]
_FUNNEL = ("pending", "deferred", "sent", "uncertain", "failed", "cancelled", "expired")
_AFTER = ("delivered", "opened", "clicked", "bounced", "unsubscribed")


@app.command()
def create(
    context: typer.Context,
    file: Path,
    name: Annotated[str | None, typer.Option(help="Another name than the file's.")] = None,
    as_json: Json = False,
) -> None:
    """Save a campaign from a YAML or JSON file; an existing name gets a new version."""
    with context.obj.workspace() as ws:
        _show("Campaign", ws.campaigns.create(file, name=name), as_json)


@app.command("list")
def list_campaigns(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    text: Annotated[str, typer.Option(help="Part of a name, brand, category or owner.")] = "",
    limit: Annotated[int, typer.Option(help="How many.")] = 100,
    offset: Annotated[int, typer.Option(help="How many to skip.")] = 0,
    to: Annotated[Path | None, typer.Option("-o", "--to", help="A .csv, .parquet or .xlsx file for all found.")] = None,
    as_json: Json = False,
) -> None:
    """Campaigns, newest first, with how many are in each state."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.rows(state=state, text=text, limit=limit if to is None else 1_000_000, offset=offset)
        if to is not None and found["campaigns"]:
            found["rows"] = ws.audiences.write_table(found["campaigns"], to)
    if as_json:
        output.print_json(found)
        return
    output.show_note(", ".join(f"{k}: {n}" for k, n in found["states"].items() if n) or "none")
    output.show_table("Campaigns", found["campaigns"], empty="None yet. Try: coterie campaign create FILE")


@app.command()
def show(context: typer.Context, name: str, as_json: Json = False) -> None:
    """A campaign's definition and its occurrences."""
    with context.obj.workspace() as ws:
        made, version = ws.campaigns.get(name)
        runs = [
            {
                "run": o.run,
                "version": o.version,
                "state": o.state,
                "planned": o.plan["planned"],
                "moment": o.moment,
                "started_at": o.started_at,
                "ended_at": o.ended_at,
                "snapshot": o.snapshot,
            }
            for o in ws.campaigns.occurrences(name)
        ]
    if as_json:
        output.print_json({"version": version, **made.as_dict(), "occurrences": runs})
        return
    output.show_facts(f"{name}, version {version}", made.as_dict())
    output.show_table("Occurrences", runs, empty=f"None yet. Try: coterie campaign plan {name}")


@app.command()
def plan(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Who gets it, who does not and why; nothing is sent."""
    with context.obj.workspace() as ws:
        occurrence = ws.campaigns.plan(name)
    facts = {"campaign": name, "run": occurrence.run, "snapshot": occurrence.snapshot, "moment": occurrence.moment}
    if as_json:
        output.print_json({**facts, **_flat(occurrence.plan)})
        return
    told = dict(occurrence.plan)
    samples = told.pop("samples")
    output.show_facts(f"Plan {occurrence.run}", {**facts, **told})
    rows = [{"bucket": bucket, "some of them": keys} for bucket, keys in samples.items()]
    output.show_table("Samples", rows, empty="Nobody.")
    output.show_note(f"Nothing was sent. To accept: coterie campaign approve {name}")


def _flat(told: dict[str, Any]) -> dict[str, Any]:
    """The plan under the names that `status` has."""
    buckets = told["buckets"]
    counts = {"planned": told["planned"], "suppressed": told["reasons"], "capped": buckets["capped"]}
    counts |= {"held_out": buckets["held_out"], "deferred": buckets["deferred"], "pending": buckets["send"]}
    return counts | {
        "caps": told["capped"],
        **{k: told[k] for k in ("arms", "empty", "samples", "notes", "data_version")},
    }


@app.command()
def approve(
    context: typer.Context,
    name: str,
    by: Annotated[str, typer.Option(help="Who approves.")] = "",
    most: Annotated[int | None, typer.Option(help="Recipients up to which later occurrences run unasked.")] = None,
    as_json: Json = False,
) -> None:
    """Accept the newest plan."""
    with context.obj.workspace() as ws:
        _show("Approved", ws.campaigns.approve(name, by=by, most=most), as_json)


@app.command()
def run(
    context: typer.Context,
    name: str,
    limit: Annotated[int | None, typer.Option(help="At most so many messages now.")] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Before its time.")] = False,
    detached: Annotated[bool, typer.Option("--detach", help="Leave it to the worker; see `coterie job list`.")] = False,
    as_json: Json = False,
) -> None:
    """Send what was approved, or go on where it stopped."""
    from coterie.campaigns.jobs import SEND

    with context.obj.workspace() as ws:
        if detached:
            ws.campaigns.get(name)
            jobs.detach(ws, SEND, {"campaign": name, "anyway": anyway}, as_json)
            return
        with output.progress_bar(quiet=as_json) as progress:
            found = ws.campaigns.run(name, limit=limit, anyway=anyway, progress=progress)
    _show_status(found, as_json)


@app.command()
def pause(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Stop handing over; what waits goes on waiting."""
    with context.obj.workspace() as ws:
        _show("Campaign", ws.campaigns.pause(name), as_json)


@app.command()
def resume(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Let a paused campaign go on; `run` or the worker does."""
    with context.obj.workspace() as ws:
        _show("Campaign", ws.campaigns.resume(name), as_json)


@app.command()
def cancel(context: typer.Context, name: str, as_json: Json = False) -> None:
    """End it; who waits gets nothing."""
    with context.obj.workspace() as ws:
        _show("Campaign", ws.campaigns.cancel(name), as_json)


@app.command()
def enable(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Let it run."""
    with context.obj.workspace() as ws:
        _show("Campaign", ws.campaigns.enable(name), as_json)


@app.command()
def disable(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Do not let it run; how far it is stays as it is."""
    with context.obj.workspace() as ws:
        _show("Campaign", ws.campaigns.enable(name, False), as_json)


@app.command()
def copy(
    context: typer.Context,
    name: str,
    to: Annotated[str | None, typer.Option(help="The copy's name.")] = None,
    as_json: Json = False,
) -> None:
    """Save it again as NAME_copy, a draft without schedule."""
    with context.obj.workspace() as ws:
        _show("Campaign", ws.campaigns.copy(name, to), as_json)


@app.command()
def retry(
    context: typer.Context,
    name: str,
    what: Annotated[str, typer.Option(help="failed, or uncertain: those may get it twice.")] = "failed",
    as_json: Json = False,
) -> None:
    """Let those who failed wait again."""
    with context.obj.workspace() as ws:
        _show("Campaign", ws.campaigns.running.retry(name, what), as_json)


@app.command()
def status(context: typer.Context, name: str, occurrence: RunName = None, as_json: Json = False) -> None:
    """Where everyone is: planned = suppressed + capped + held out + pending + ... ."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.status(name, occurrence)
    _show_status(found, as_json)


@app.command()
def path(context: typer.Context, name: str, entity: str, occurrence: RunName = None, as_json: Json = False) -> None:
    """One customer's way through a campaign."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.running.path(name, entity, occurrence)
    if as_json:
        output.print_json(found)
        return
    events = found.pop("events")
    output.show_facts(f"{entity} in {found['run']}", found)
    output.show_table("What happened", events, empty="Nothing.")


@app.command()
def preview(context: typer.Context, name: str, entity: str, arm: Arm = None, as_json: Json = False) -> None:
    """What a customer would get."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.preview(name, entity, arm=arm)
    if as_json:
        output.print_json(found)
        return
    parts = found.pop("parts")
    output.show_facts(f"{name} for {entity}", {**found, **parts})


@app.command()
def test(
    context: typer.Context,
    name: str,
    entity: Annotated[str, typer.Option(help="The customer whose message it is.")],
    to: Annotated[
        list[str] | None, typer.Option(help="An address; again for more. Default: those of last time.")
    ] = None,
    arm: Arm = None,
    as_json: Json = False,
) -> None:
    """Send a customer's message to test addresses; the funnel does not count it."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.test(name, list(to or []), entity=entity, arm=arm)
    if as_json:
        output.print_json(found)
    else:
        output.show_table(f"Test of {name}", found["sent"], empty="Nothing was sent.")


@app.command()
def audience(
    context: typer.Context,
    name: str,
    bar: Annotated[str, typer.Argument(help="sent, clicked, skipped:no_consent, ...")],
    save: Annotated[str | None, typer.Option(help="Save it under this name.")] = None,
    occurrence: RunName = None,
    as_json: Json = False,
) -> None:
    """The customers in one bar of the funnel, as a rule or a saved audience."""
    with context.obj.workspace() as ws:
        rule = ws.campaigns.running.audience_of(name, bar, occurrence)
        made = ws.audiences.save(save, rule) if save else {"rule": rule}
    _show("Audience", made, as_json)


@app.command()
def bounces(context: typer.Context, files: list[Path], as_json: Json = False) -> None:
    """Take in .eml files with reports of delivery."""
    with context.obj.workspace() as ws:
        _show("Bounces", ws.campaigns.running.bounces(files), as_json)


@app.command()
def rules(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A YAML or JSON file with caps and holdout; none: show.")] = None,
    as_json: Json = False,
) -> None:
    """Frequency caps and the global holdout, for all campaigns."""
    with context.obj.workspace() as ws:
        made = ws.campaigns.rules() if file is None else ws.campaigns.set_rules(file)
    _show("Rules", made.as_dict(), as_json)


def _show(title: str, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(facts)
    else:
        output.show_facts(title, facts)


def _show_status(found: dict[str, Any], as_json: bool) -> None:
    """The funnel: each bucket a line, that they add up, and what came back."""
    if as_json:
        output.print_json(found)
        return
    about = ("campaign", "state", "enabled", "run", "version", "snapshot", "started_at", "ended_at")
    output.show_facts(str(found["campaign"]), {k: found[k] for k in about if found.get(k) is not None})
    if found.get("error"):
        output.show_note(f"Stopped: {found['error']['message']} {found['error']['fix'] or ''}")
    rows = [{"bucket": "planned", "people": found["planned"]}]
    rows += [{"bucket": f"  suppressed: {reason}", "people": n} for reason, n in found["suppressed"].items()]
    rows += [{"bucket": f"  {name}", "people": found[name]} for name in ("capped", "held_out", *_FUNNEL)]
    output.show_table("Funnel", rows, empty="Nobody.")
    output.show_note("It adds up." if not found["difference"] else f"{found['difference']:+,} do not add up.")
    after = [
        {"of the sent": name, "people": found[name], **found["rates"][name]} for name in _AFTER if "rates" in found
    ]
    output.show_table("Afterwards", [r for r in after if r["people"]], empty="Nothing came back yet.")
    if found["goals"]:
        output.show_table("Goals", [{"goal": k, "count": n} for k, n in found["goals"].items()], empty="None.")
