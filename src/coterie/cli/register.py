"""All commands, hung onto the app."""

from __future__ import annotations

import typer

from coterie.cli import alerts, audiences, blocks, data, destinations, jobs, lists, segments, serving, tags, workspaces


def all_commands(app: typer.Typer) -> None:
    """Add every command once."""
    if app.registered_groups:
        return
    workspaces.add_to(app)
    data.add_to(app)
    app.command("serve")(serving.serve)
    app.add_typer(tags.app, name="tag")
    app.add_typer(audiences.app, name="audience")
    app.add_typer(blocks.app, name="block")
    app.add_typer(lists.app, name="list")
    app.add_typer(segments.app, name="segment")
    app.add_typer(jobs.app, name="job")
    app.add_typer(destinations.app, name="destination")
    app.add_typer(alerts.app, name="alert")
