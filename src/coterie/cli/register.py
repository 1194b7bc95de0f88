"""All commands, hung onto the app."""

from __future__ import annotations

import typer

from coterie.cli import (
    alerts,
    audiences,
    blocks,
    campaigns,
    consent,
    content,
    data,
    destinations,
    experiments,
    jobs,
    journeys,
    lists,
    segments,
    serving,
    sources,
    tags,
    users,
    workspaces,
)


def all_commands(app: typer.Typer) -> None:
    """Add every command once."""
    if app.registered_groups:
        return
    workspaces.add_to(app)
    data.add_to(app)
    app.command("serve")(serving.serve)
    app.add_typer(sources.app, name="source")
    app.add_typer(tags.app, name="tag")
    app.add_typer(audiences.app, name="audience")
    app.add_typer(blocks.app, name="block")
    app.add_typer(lists.app, name="list")
    app.add_typer(segments.app, name="segment")
    app.add_typer(consent.app, name="consent")
    app.add_typer(consent.suppress_app, name="suppress")
    app.add_typer(campaigns.app, name="campaign")
    app.add_typer(journeys.app, name="journey")
    app.add_typer(content.app, name="content")
    app.add_typer(experiments.app, name="experiment")
    app.add_typer(jobs.app, name="job")
    app.add_typer(destinations.app, name="destination")
    app.add_typer(alerts.app, name="alert")
    app.add_typer(users.app, name="user")
    app.add_typer(users.tokens, name="token")
