"""`coterie doctor`: what is checked, what was found, what to do."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from coterie.errors import CoterieError

Finding = dict[str, str | bool]
_NEEDED = ("duckdb", "deltalake", "pyarrow", "pandas", "scikit-learn", "SQLAlchemy", "pyroaring")
_EXTRAS = {"torch": "deep", "pyspark": "spark", "jieba": "text", "psycopg": "postgres"}
_ROOM_BYTES = 1_000_000_000


def examine(path: Path) -> list[Finding]:
    """All findings, installation first; each with `ok`, what was seen and, where it is not well, what to do."""
    return [*_installation(), *_workspace(path)]


def _finding(check: str, ok: bool, seen: str, to_do: str = "") -> Finding:
    return {"check": check, "ok": ok, "seen": seen, "to_do": "" if ok else to_do}


def _installation() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield _finding("Python", sys.version_info >= (3, 11), python, "Install Python 3.11 or newer.")
    for name in _NEEDED:
        version = _version(name)
        yield _finding(name, version is not None, version or "missing", f"pip install {name}")
    for name, extra in _EXTRAS.items():
        yield _finding(f"{name} (optional)", True, _version(name) or f"not installed: pip install 'coterie[{extra}]'")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _workspace(path: Path) -> Iterator[Finding]:
    from coterie.lake import upkeep
    from coterie.tags.numbered import waiting
    from coterie.workspace import Workspace

    try:
        ws = Workspace.open(path)
    except CoterieError as error:
        yield _finding("workspace", False, error.message, error.fix or "")
        return
    with ws:
        yield _finding("workspace", True, f"{ws.path.name}, zone {ws.facts.zone}, currency {ws.facts.currency}")
        yield _guarded("lake", lambda: f"data version {ws.lake.data_version}")
        yield _guarded("metadata", lambda: f"{len(ws.store.all('dataset'))} datasets")
        yield _guarded("writing", lambda: _writes(ws.path))
        yield _guarded("engine", lambda: f"DuckDB answers {ws.engine.value('SELECT 40 + 2')}")
        free = shutil.disk_usage(ws.path).free
        yield _finding("disk", free > _ROOM_BYTES, f"{free / 1e9:,.1f} GB free", "Free space: less than 1 GB is left.")
        if found := waiting(ws.tag_context):
            seen = f"{sum(found.values()) / 1e6:,.0f} MB lack row numbers ({', '.join(found)})"
            yield _finding("events", True, f"{seen}; `coterie compact` makes counting them faster")
        for problem in upkeep.check(ws.lake):
            yield _finding("tables", False, problem, "Restore them from a backup: coterie restore FROM DIR.")


def _writes(path: Path) -> str:
    from coterie.lake import upkeep

    upkeep.trial_write(path)
    return "possible"


def _guarded(check: str, look: Callable[[], str]) -> Finding:
    try:
        return _finding(check, True, look())
    except CoterieError as error:
        return _finding(check, False, error.message, error.fix or "")
