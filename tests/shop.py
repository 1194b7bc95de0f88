"""A small shop for end-to-end tests: people with orders, Chinese text, leading zeros, a formula as a name, a reject."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

from coterie.cli import main, register

PEOPLE = """id,name,country,city,age,vip,joined
0001,Ada,France,Paris,34,true,2023-01-05
0002,李雷,China,上海,28,false,2023-03-09
0003,=cmd(),Germany,Berlin,,true,2023-05-01
0004,Dora,France,Lyon,61,,2023-07-20
0005,王芳,China,北京,45,true,2024-02-11
"""

ORDERS = """order,customer,at,product,amount
A1,0001,2024-05-01 10:00,tea,20.00
A1,0001,2024-05-01 10:00,cup,5.50
A2,0001,2024-05-20 09:00,tea,20.00
A3,0002,2024-04-02 23:30,tea,18.25
A4,0003,2024-05-30 12:00,pot,80.00
A5,0003,2024-05-31 12:00,pot,-80.00
A6,,2024-05-31 13:00,pot,80.00
A7,0005,2024-01-01 00:00,cup,5.50
"""

LOYAL = {
    "all": [
        {"tag": "rfm.frequency", "op": "gte", "value": 1},
        {"tag": "country", "op": "in", "value": ["France", "China"]},
    ]
}


def wide() -> Any:
    """Tables as wide as where nobody reads them on a screen, whatever the test run's own terminal is."""
    return mock.patch.dict(os.environ, {"COLUMNS": "160"})


def run(folder: Path, *words: str, code: int = 0) -> str:
    """Run `coterie` in `folder`; returns stdout (of a failure stderr). Asserts the exit code.

    In this process, since a fresh one costs a second; the README's tour and the kill tests start real processes.
    """
    register.all_commands(main.app)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), wide():
        given = main.run(list(words))
    assert given == code, f"{words}\n{out.getvalue()}\n{err.getvalue()}"
    return out.getvalue() if code == 0 else err.getvalue()


def ask(folder: Path, *words: str) -> dict[str, Any]:
    """Run `coterie ... --json` and read its object."""
    answer: dict[str, Any] = json.loads(run(folder, *words, "--json"))
    return answer


def refused(folder: Path, *words: str, code: int = 2) -> dict[str, Any]:
    """Run `coterie ... --json`, expect it to be refused, and read the error."""
    error: dict[str, Any] = json.loads(run(folder, *words, "--json", code=code))
    assert set(error) == {"code", "message", "place", "fix"}
    return error


def make_shop(folder: Path) -> Path:
    """A workspace `ws` in `folder` with people and orders, RFM built as of 2024-06-01, and rule files."""
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (folder / "loyal.json").write_text(json.dumps(LOYAL), encoding="utf-8")
    ask(folder, "init", "ws", "--zone", "UTC", "--currency", "EUR")
    ask(folder, "-w", "ws", "import", "people.csv", "--as", "profiles", "--name", "people", "--entity", "id")
    events = ("--as", "events", "--name", "orders", "--entity", "customer", "--time", "at")
    report = ask(folder, "-w", "ws", "import", "orders.csv", *events)
    assert (report["read"], report["accepted"], report["rejected"], report["duplicates"]) == (8, 7, 1, 0)
    ask(
        folder,
        "-w",
        "ws",
        "tag",
        "add",
        "--recipe",
        "rfm",
        "--events",
        "orders",
        "--amount",
        "amount",
        "--order",
        "order",
    )
    ask(folder, "-w", "ws", "tag", "build", "--as-of", "2024-06-01")
    return folder
