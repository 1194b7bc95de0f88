"""Campaigns: plan, approve, run, watch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli import jobs, output
from coterie.cli.output import Json, NameInstead
from coterie.errors import Refused

if TYPE_CHECKING:
    from coterie.learn.segments.words import Language

app = typer.Typer(help="Send messages to an audience, with a funnel that adds up.", no_args_is_help=True)

RunName = Annotated[str | None, typer.Option("--run", help="An occurrence, NAME@N; default: the newest.")]
Arm = Annotated[str | None, typer.Option("--arm", help="An arm of the experiment; default: the first.")]
_FUNNEL = ("pending", "deferred", "sent", "uncertain", "failed", "cancelled", "expired")
_AFTER = ("delivered", "opened", "clicked", "bounced", "unsubscribed")


@app.command()
def create(
    context: typer.Context,
    file: Path,
    name: NameInstead = None,
    as_json: Json = False,
) -> None:
    """Save a campaign from a YAML or JSON file; an existing name gets a new version."""
    with context.obj.workspace() as ws:
        output.show("Campaign", ws.campaigns.create(file, name=name), as_json)


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
        output.show("Approved", ws.campaigns.approve(name, by=by, most=most), as_json)


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


_STATES: dict[str, tuple[str, Callable[[Any, str], dict[str, Any]]]] = {
    "pause": ("Stop handing over; what waits goes on waiting.", lambda campaigns, name: campaigns.pause(name)),
    "resume": ("Let a paused campaign go on; `run` or the worker does.", lambda campaigns, name: campaigns.resume(name)),
    "cancel": ("End it; who waits gets nothing.", lambda campaigns, name: campaigns.cancel(name)),
    "enable": ("Let it run.", lambda campaigns, name: campaigns.enable(name)),
    "disable": (
        "Do not let it run; how far it is stays as it is.", lambda campaigns, name: campaigns.enable(name, False)
    ),
    "delete": ("Delete a draft that never ran.", lambda campaigns, name: campaigns.delete(name)),
}  # fmt: skip


def _state(change: Callable[[Any, str], dict[str, Any]]) -> Callable[..., None]:
    """The command that changes how a campaign stands."""

    def _command(context: typer.Context, name: str, as_json: Json = False) -> None:
        with context.obj.workspace() as ws:
            output.show("Campaign", change(ws.campaigns, name), as_json)

    return _command


for _verb, (_help, _change) in _STATES.items():
    app.command(_verb, help=_help)(_state(_change))


@app.command()
def copy(
    context: typer.Context,
    name: str,
    to: Annotated[str | None, typer.Option(help="The copy's name.")] = None,
    as_json: Json = False,
) -> None:
    """Save it again as NAME_copy, a draft without schedule."""
    with context.obj.workspace() as ws:
        output.show("Campaign", ws.campaigns.copy(name, to), as_json)


@app.command()
def retry(
    context: typer.Context,
    name: str,
    what: Annotated[str, typer.Option(help="failed, or uncertain: those may get it twice.")] = "failed",
    as_json: Json = False,
) -> None:
    """Let those who failed wait again."""
    with context.obj.workspace() as ws:
        output.show("Campaign", ws.campaigns.running.retry(name, what), as_json)


@app.command()
def status(context: typer.Context, name: str, occurrence: RunName = None, as_json: Json = False) -> None:
    """Where everyone is: planned = suppressed + capped + held out + pending + ... ."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.status(name, occurrence)
    _show_status(found, as_json)


@app.command()
def funnel(
    context: typer.Context,
    name: str,
    by: Annotated[str | None, typer.Option(help="arm, channel, day, segment:NAME or tag:NAME.")] = None,
    occurrence: RunName = None,
    as_json: Json = False,
) -> None:
    """The funnel in depth: goals with intervals, time to goal, money, and everything by arm, day, segment or tag."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.funnel(name, occurrence, by)
    if _told(found, as_json):
        return
    _show_status({**found, "goals": found["goal_counts"]}, False)
    output.show_table("Goals", found["goals"], empty="None.")
    for title, part in (("Time to goal", "time_to_goal"), ("Money", "money")):
        if found[part] is not None:
            output.show_facts(title, {k: v for k, v in found[part].items() if not isinstance(v, list | dict)})
    if by is not None:
        shown = ("value", "planned", "sent", "delivered", "clicked", "goals", "rate", "low", "high", "revenue")
        rows = [{k: row[k] for k in shown} for row in found["by"]["rows"]]
        rows = _called(rows, "value", context.obj.language) if by == "arm" else rows
        output.show_table(f"By {by}", rows, empty="Nobody.")


@app.command()
def results(
    context: typer.Context,
    name: str,
    segment: Annotated[list[str] | None, typer.Option(help="A tag to show effects by; again for more.")] = None,
    occurrence: RunName = None,
    report: Annotated[Path | None, typer.Option(help="Write a report with pictures as one .html file.")] = None,
    as_json: Json = False,
) -> None:
    """Did it work? The run as an experiment, against those held out or the first arm; plain and adjusted."""
    asked: dict[str, Any] = {"language": context.obj.language, "segments": segment or ()}
    with context.obj.workspace() as ws:
        found = ws.campaigns.results(name, occurrence, **asked)
        if report is not None and found["experiment"] is not None:
            ws.write_campaign_report(name, report, run=occurrence, **asked)
    if _told(found, as_json):
        return
    if found["experiment"] is None:
        output.show_note(found["reason"])
        return
    from coterie.campaigns.words import arm_words

    names = arm_words([row["arm"] for row in found["experiment"]["arms"]], context.obj.language)
    output.show_table("Arms", _called(found["experiment"]["arms"], "arm", context.obj.language), empty="None.")
    for title, part in (("Against the control", "metrics"), ("By segment", "segments")):
        rows = [line for row in found["experiment"][part] for line in _both(row, names)]
        if rows:
            output.show_table(title, rows, empty="None.")
    output.show_note(found["experiment"]["words"])


def _called(rows: list[dict[str, Any]], key: str, language: Language) -> list[dict[str, Any]]:
    """The same rows with arms that are the product's own called as the language calls them."""
    from coterie.campaigns.words import arm_words

    names = arm_words(list(dict.fromkeys(row[key] for row in rows if row[key] is not None)), language)
    return [{**row, key: names.get(row[key], row[key])} for row in rows]


def _both(row: dict[str, Any], names: dict[str, str]) -> list[dict[str, Any]]:
    """A line for the plain reading and one for the adjusted; the corrected p-value and the verdict stand where it is."""
    lines: list[dict[str, Any]] = []
    for way, found in (("plain", row), ("adjusted", row["cuped"])):
        if found is None:
            continue
        valid = row["always_valid_ci"] if way == "plain" else (found.get("sequential") or {}).get("ci")
        decides = row["decides"] in (way, None)
        line: dict[str, Any] = {
            k: row[k] for k in ("tag", "value", "metric", "arm", "mean_control", "mean_arm") if k in row
        }
        line |= {"arm": names.get(row["arm"], row["arm"]), "read": way, "effect_size": found["effect_size"]}
        line |= {"ci": valid or found["ci"], "variance removed": found.get("variance_removed")}
        line["p"] = row["adjusted"] if decides else None
        line["reading"] = row["reading"] if decides else found.get("cannot_tell_words")
        lines.append(line)
    return lines


@app.command()
def compare(context: typer.Context, names: list[str], as_json: Json = False) -> None:
    """The newest runs of several campaigns side by side, corrected for how many are compared."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.compare(names, context.obj.language)
    if _told(found, as_json):
        return
    shown = ("campaign", "run", "planned", "sent", "delivered", "opened", "clicked", "goals", "lift", "ci")
    output.show_table("Campaigns", [{k: row[k] for k in shown} for row in found["rows"]], empty="None.")
    output.show_note(found["words"])


@app.command()
def people(
    context: typer.Context,
    name: str,
    bar: Annotated[str, typer.Argument(help="sent, clicked, suppressed:no_consent, pending, ...")],
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    offset: Annotated[int, typer.Option(help="How many to skip.")] = 0,
    occurrence: RunName = None,
    as_json: Json = False,
) -> None:
    """Who is in one bar of the funnel now."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.people(name, bar, run=occurrence, limit=limit, offset=offset)
    if not _told(found, as_json):
        rows = _called(found["people"], "arm", context.obj.language)
        output.show_table(f"{bar}: {found['total']:,}", rows, empty="Nobody.")


@app.command()
def goals(context: typer.Context, name: str, occurrence: RunName = None, as_json: Json = False) -> None:
    """Append goal events that came since to `campaign_events`, where tags and audiences find them; the worker does, too."""
    from coterie.campaigns import after

    with context.obj.workspace() as ws:
        run = ws.campaigns.records.occurrence(name, occurrence).run
        output.show("Goals", after.note(ws.campaigns, run), as_json)


@app.command()
def allocation(context: typer.Context, name: str, as_json: Json = False) -> None:
    """How the arms' shares followed the results, and those that come next."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.allocation(name)
    if as_json:
        output.print_json(found)
        return
    arms = found.pop("arms")
    runs = found.pop("runs")
    output.show_facts(f"Shares of {name}", found)
    output.show_table("Runs", [{"run": r["run"], **r["shares"]} for r in runs], empty="None has begun.")
    output.show_table("Arms", arms, empty="None.")


@app.command()
def exclusions(context: typer.Context, as_json: Json = False) -> None:
    """Groups of campaigns that exclude each other: who has which share of the customers, and what is free."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.exclusions()
    if as_json:
        output.print_json({"groups": found})
        return
    for told in found:
        output.show_table(
            f"{told['group']}: {told['free']:.1%} is free", told["campaigns"], empty="No campaign names it."
        )
    if not found:
        output.show_note("None yet. A campaign joins one by `exclusion: GROUP`.")


@app.command()
def path(context: typer.Context, name: str, entity: str, occurrence: RunName = None, as_json: Json = False) -> None:
    """One customer's way through a campaign."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.running.path(name, entity, occurrence)
    if _told(found, as_json):
        return
    events = found.pop("events")
    output.show_facts(f"{entity} in {found['run']}", found)
    output.show_table("What happened", events, empty="Nothing.")


@app.command()
def preview(context: typer.Context, name: str, entity: str, arm: Arm = None, as_json: Json = False) -> None:
    """What a customer would get."""
    with context.obj.workspace() as ws:
        found = ws.campaigns.preview(name, entity, arm=arm, language=context.obj.language)
    if _told(found, as_json):
        return
    parts, why = found.pop("parts"), [told["words"] for told in found.pop("chosen")]
    output.show_facts(f"{name} for {entity}", {**found, **parts, **({"why": why} if why else {})})


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
    from coterie.campaigns.people import rule_of

    with context.obj.workspace() as ws:
        if save:
            made = ws.campaigns.make_audience(name, bar, run=occurrence, save_as=save)
        elif (rule := rule_of(ws.campaigns, name, bar, occurrence)) is None:
            said = f'Who is in "{bar}" changes by itself, so that only a list of them can be kept.'
            raise Refused("bad_argument", said, place="bar", fix="Save it: add --save NAME.")
        else:
            made = {"rule": rule}
    output.show("Audience", made, as_json)


@app.command()
def bounces(context: typer.Context, files: list[Path], as_json: Json = False) -> None:
    """Take in .eml files with reports of delivery."""
    with context.obj.workspace() as ws:
        output.show("Bounces", ws.campaigns.running.bounces(files), as_json)


@app.command()
def rules(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A YAML or JSON file with caps and holdout; none: show.")] = None,
    as_json: Json = False,
) -> None:
    """Frequency caps and the global holdout, for all campaigns."""
    with context.obj.workspace() as ws:
        made = ws.campaigns.rules() if file is None else ws.campaigns.set_rules(file)
    output.show("Rules", made.as_dict(), as_json)


def _told(found: dict[str, Any], as_json: bool) -> bool:
    """Print an object where that was asked for; whether it was."""
    if as_json:
        output.print_json(found)
    return as_json


def _show_status(found: dict[str, Any], as_json: bool) -> None:
    """The funnel: each bucket a line, that they add up, and what came back."""
    if _told(found, as_json):
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
