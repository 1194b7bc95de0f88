"""A start makes only the commands that are asked for, and they are the same as among all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import coterie
from coterie.cli import register

# What takes long to import, and what neither the API nor a command needs before it is asked for a figure.
HEAVY = ("scipy", "sklearn", "pandas", "matplotlib", "lightgbm", "ibis", "sqlglot")


def made(words: list[str] | None) -> Any:
    """The tree of commands that are made for some words; None: all."""
    app = typer.Typer(no_args_is_help=True)
    app.callback()(lambda: None)
    if words is None:
        register.all_commands(app)
    else:
        register.asked_commands(app, words)
    return typer.main.get_command(app)


def forms(command: Any) -> Any:
    """Names, options and help of a command and of all below it."""
    below = {name: forms(child) for name, child in getattr(command, "commands", {}).items()}
    return [(p.opts, p.secondary_opts, getattr(p, "help", None)) for p in command.params], command.help, below


def test_a_noun_is_made_as_among_all() -> None:
    """Every noun is in the table, and alone it has the commands and options that it has among all."""
    everything = made(None).commands
    nouns = [noun for part in register.PARTS for noun in part.nouns]
    assert sorted(nouns) == sorted(everything)
    for part in register.PARTS:
        alone = made(["-w", "tag", "--language=zh", part.nouns[0], "list"]).commands
        assert sorted(alone) == sorted(part.nouns)
        assert {n: forms(c) for n, c in alone.items()} == {n: forms(everything[n]) for n in part.nouns}


@pytest.mark.parametrize("words", [[], ["--help"], ["-w"], ["-wshop", "tag"], ["tags"], ["--wrong", "tag"]])
def test_without_a_noun_all_are_made(words: list[str]) -> None:
    """So that help lists them and a misspelt one is answered with the nearest."""
    assert len(made(words).commands) == sum(len(part.nouns) for part in register.PARTS)


def test_the_server_starts_without_what_figures_need(tmp_path: Path) -> None:
    """SciPy and its kind take longer to import than all else that a server needs to answer."""
    coterie.init(str(tmp_path / "ws")).close()
    code = (
        "import sys, pathlib, coterie.api.app\n"
        "app = coterie.api.app.make_app(pathlib.Path('ws'))\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
        "app.state.shared.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
