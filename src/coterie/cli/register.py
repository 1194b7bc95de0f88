"""All commands, hung onto the app."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

import typer


class Part(NamedTuple):
    """Commands that stand in one module: an `app` under one noun, or with an `add_to` several nouns."""

    module: str
    nouns: tuple[str, ...]
    attribute: str

    def add_to(self, app: typer.Typer) -> None:
        """Hang them on, once."""
        if {g.name for g in app.registered_groups} | {c.name for c in app.registered_commands} >= set(self.nouns):
            return
        made = getattr(import_module(f"coterie.cli.{self.module}"), self.attribute)
        if self.attribute == "add_to":
            made(app)
        elif isinstance(made, typer.Typer):
            app.add_typer(made, name=self.nouns[0])
        else:
            app.command(self.nouns[0])(made)


_WORKSPACE = ("init", "demo", "doctor", "backup", "restore", "compact", "vacuum", "schema", "apply", "export")
PARTS = (
    Part("workspaces", _WORKSPACE, "add_to"),
    Part("data", ("import", "dataset", "cleanup"), "add_to"),
    Part("serving", ("serve",), "serve"),
    Part("sources", ("source",), "app"),
    Part("tags", ("tag",), "app"),
    Part("audiences", ("audience",), "app"),
    Part("blocks", ("block",), "app"),
    Part("lists", ("list",), "app"),
    Part("segments", ("segment",), "app"),
    Part("consent", ("consent",), "app"),
    Part("consent", ("suppress",), "suppress_app"),
    Part("campaigns", ("campaign",), "app"),
    Part("journeys", ("journey",), "app"),
    Part("content", ("content",), "app"),
    Part("experiments", ("experiment",), "app"),
    Part("jobs", ("job",), "app"),
    Part("destinations", ("destination",), "app"),
    Part("alerts", ("alert",), "app"),
    Part("users", ("user",), "app"),
    Part("users", ("token",), "tokens"),
)
_TAKES_VALUE = ("-w", "--workspace", "--language")


def all_commands(app: typer.Typer) -> None:
    """Add every command once."""
    for part in PARTS:
        part.add_to(app)


def asked_commands(app: typer.Typer, words: Sequence[str]) -> None:
    """Add the commands of the noun that the words begin with, since making all takes .2 s; without a noun add all."""
    noun = _noun(words)
    asked = [part for part in PARTS if noun in part.nouns]
    for part in asked or PARTS:
        part.add_to(app)


def _noun(words: Sequence[str]) -> str | None:
    rest = iter(words)
    for word in rest:
        if word in _TAKES_VALUE:
            next(rest, None)
        elif not word.startswith(tuple(f"{option}=" for option in _TAKES_VALUE)):
            return word
    return None
