"""The command line with its experiments, asked in this process."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from tests.shop import wide

from coterie.cli import main, register


def run(*words: object, code: int = 0) -> str:
    """Run `coterie experiment ...`; returns stdout, of a failure stderr. Asserts the exit code."""
    register.all_commands(main.app)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), wide():
        given = main.run(["experiment", *map(str, words)])
    assert given == code, f"{words}\n{out.getvalue()}\n{err.getvalue()}"
    return out.getvalue() if code == 0 else err.getvalue()


def ask(*words: object) -> dict[str, Any]:
    """Run it with `--json` and read its object."""
    answer: dict[str, Any] = json.loads(run(*words, "--json"))
    return answer


def refused(*words: object) -> dict[str, Any]:
    """Run it with `--json`, expect exit code 2, and read the error."""
    error: dict[str, Any] = json.loads(run(*words, "--json", code=2))
    return error


def write(path: Path, text: str) -> Path:
    """A text file."""
    path.write_text(text, encoding="utf-8")
    return path
