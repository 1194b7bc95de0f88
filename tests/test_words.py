"""How texts for people are written, whichever room they are of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import coterie

_LIKELY = re.compile(r"[0-9}\"'] %")
_SPACED = re.compile(r"(?:^|[0-9}]) %(?![(\w%{])")


def texts(source: str) -> Iterator[str]:
    """The texts of a module that are no docstrings, pieces of f-strings among them."""
    tree = ast.parse(source)
    bodies = (node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list))
    alone = {id(s.value) for body in bodies for s in body if isinstance(s, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def test_per_cent_stands_beside_its_number() -> None:
    """10%, in English and in Chinese."""
    sources = {path: path.read_text(encoding="utf-8") for path in Path(coterie.__file__).parent.rglob("*.py")}
    odd = [
        (path.name, text)
        for path, source in sources.items()
        if _LIKELY.search(source)
        for text in texts(source)
        if _SPACED.search(text)
    ]
    assert len(sources) > 300 and odd == []
    assert [bool(_SPACED.search(text)) for text in ("10 %.", "{share} % held out", "h % 5", "10%")] == [
        True,
        True,
        False,
        False,
    ]
