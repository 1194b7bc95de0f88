"""Make the pages that are read off the code: errors, settings, commands. `make docs` writes, a test compares."""

from __future__ import annotations

from pathlib import Path

import typer
from typer import core

from coterie.cli import main, register
from coterie.errors import CODES
from coterie.rules.docs import rules_page
from coterie.settings import SETTINGS

Command = core.TyperCommand | core.TyperGroup
DOCS = Path(__file__).resolve().parent


def errors_page() -> str:
    """One heading a code, in the order of `coterie.errors.CODES`."""
    head = (
        "# Errors\n\n"
        "Every error has a code, a message, a place in what you gave, and a fix. On the command line it goes to stderr "
        "(with `--json` as one JSON object) and the exit code is 2 if the input was refused, 1 if the work failed.\n"
    )
    return head + "".join(f"\n## {code}\n\n{text}\n" for code, text in CODES.items())


def settings_page() -> str:
    """A table of all settings."""
    head = (
        "# Settings\n\n"
        "Set them in the environment as `COTERIE_NAME`, or under `settings` in the workspace's `coterie.json`.\n\n"
        "| name | default | what it does |\n|---|---|---|\n"
    )
    shown = {"threads": "number of cores"}
    return head + "".join(f"| `{s.name}` | {shown.get(s.name, s.default or 'empty')} | {s.help} |\n" for s in SETTINGS)


def commands_page() -> str:
    """Every command with its options, as `--help` knows them."""
    register.all_commands(main.app)
    group = typer.main.get_command(main.app)
    lines = ["# Commands\n", f"{group.help}\n", _options(group)]
    lines += [text for name, command in sorted(_leaves(group, "coterie")) for text in _command(name, command)]
    return "\n".join(lines).rstrip() + "\n"


def _leaves(command: Command, name: str) -> list[tuple[str, Command]]:
    if not isinstance(command, core.TyperGroup):
        return [(name, command)]
    return [leaf for sub, child in command.commands.items() for leaf in _leaves(child, f"{name} {sub}")]


def _command(name: str, command: Command) -> list[str]:
    arguments = [p for p in command.params if isinstance(p, core.TyperArgument)]
    usage = " ".join([name, *(a.metavar or str(a.name).upper() for a in arguments)])
    return [f"## {name}\n", f"`{usage}`\n", f"{command.help}\n", _options(command)]


def _options(command: Command) -> str:
    rows = [
        f"| {', '.join(f'`{o}`' for o in [*p.opts, *p.secondary_opts])} | {p.help or ''} |"
        for p in command.params
        if isinstance(p, core.TyperOption) and "--help" not in p.opts and "--install-completion" not in p.opts
    ]
    return "\n".join(["| option | meaning |", "|---|---|", *rows, ""]) if rows else ""


PAGES = {"rules.md": rules_page, "errors.md": errors_page, "settings.md": settings_page, "commands.md": commands_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
