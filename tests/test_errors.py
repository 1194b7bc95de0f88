"""Every code that the program can raise is explained, and every code explained can be raised."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from coterie.errors import CODES

SOURCE = Path(__file__).resolve().parent.parent / "src" / "coterie"


def texts() -> Iterator[tuple[str, bool]]:
    """Texts in the source, and whether each is the first argument of an error."""
    for path in SOURCE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        firsts = {
            id(node.args[0])
            for node in nodes
            if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name)
            if node.func.id in ("Refused", "Failed", "NotFound")
        }
        keys = {id(k) for node in nodes if isinstance(node, ast.Dict) for k in node.keys if path.name == "errors.py"}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys:
                yield node.value, id(node) in firsts


def test_codes() -> None:
    found = list(texts())
    assert {text for text, first in found if first} <= set(CODES)
    assert set(CODES) <= {text for text, _ in found}
