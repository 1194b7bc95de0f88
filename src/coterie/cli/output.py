"""How results, progress and errors look: rich tables for people, one JSON object for machines."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.kit.plain import plain
from coterie.kit.progress import Progress

if TYPE_CHECKING:
    from rich.console import JustifyMethod

    from coterie.workspace import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="The moment asked about: 2011-12-10, 2011-12-10T08:00+01:00 or now.")
]
EntityKind = Annotated[str, typer.Option("--entity-kind", help="Kind of subject: customer or account.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
NameInstead = Annotated[str | None, typer.Option("--name", help="Another name than the file's.")]


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*([+-]\d\d:\d\d|Z)")
_PIPED_COLUMNS = 160  # where no terminal says how wide it is


@dataclass(frozen=True)
class Door:
    """What the options before the command said."""

    path: Path
    language: str

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """The workspace, closed at the end."""
        from coterie.workspace import Workspace

        with Workspace.open(self.path, single_use=True) as opened:
            yield opened


def print_json(result: Mapping[str, Any]) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(plain(result), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def show(title: str, facts: Mapping[str, Any], as_json: bool) -> None:
    """The same facts for machines or for people."""
    if as_json:
        print_json(facts)
    else:
        show_facts(title, facts)


def ask(question: str, *, yes: bool) -> None:
    """Go on only where a person agrees, or `yes` says that nobody is to be asked. Raises Abort."""
    if not yes:
        typer.confirm(question, abort=True)


def show_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Names and values, one a line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in facts.items():
        table.add_row(Text(name, style="dim"), Text(_cell(value)))
    Console().print(table)


def show_table(title: str, rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Rows as a table; `empty` says what to do where there are none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_COLUMNS)
    if not rows:
        console.print(empty)
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for name, value in rows[0].items():
        side: JustifyMethod = "right" if isinstance(value, int | float | Decimal) else "left"
        table.add_column(name, justify=side, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(v)) for v in row.values()))
    console.print(table)


def show_note(text: str) -> None:
    """A remark for people, on stderr so that it never mixes with results."""
    from rich.console import Console

    Console(stderr=True).print(text, style="dim", highlight=False)


def show_error(error: Mapping[str, str | None], *, as_json: bool) -> None:
    """An error on stderr."""
    if as_json:
        sys.stderr.write(json.dumps(error, ensure_ascii=False) + "\n")
        return
    where = f" at {error['place']}" if error["place"] else ""
    sys.stderr.write(f"error {error['code']}{where}: {error['message']}\n")
    if error["fix"]:
        sys.stderr.write(f"  fix: {error['fix']}\n")


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Progress]:
    """Progress drawn on stderr with rate and time left, where a person is watching."""
    if quiet or not sys.stderr.isatty():
        yield Progress()
        return
    from coterie.cli.bars import Bars

    with Bars() as bars:
        yield bars


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.2f}"
        case Decimal():
            return f"{value:,f}"
        case Mapping():
            return ", ".join(f"{k}: {_cell(v)}" for k, v in value.items()) or "-"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case str() if _MOMENT.fullmatch(value):
            return f"{value[:10]} {value[11:16]}"
        case str() | Path() | date():
            return str(value)
        case Iterable():
            return ", ".join(_cell(v) for v in value) or "-"
        case _:
            return str(value)
