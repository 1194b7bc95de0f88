"""How answers look: JSON without NaN, and lists that are searched, sorted and paged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from coterie.api.masking import masked_rules
from coterie.kit.chinese import said_in
from coterie.kit.plain import plain


def answer(body: Mapping[str, Any], status: int = 200) -> JSONResponse:
    """A JSON answer; numbers that JSON has not are null, and rules are masked from whom they would tell too much."""
    shown = masked_rules(plain(body))
    try:
        return JSONResponse(shown, status)
    except ValueError:
        return JSONResponse(_finite(shown), status)


def language_of(request: Request) -> str:
    """The caller's language: `language` of the address, else whichever of Chinese and English the browser puts first."""
    asked = request.query_params.get("language")
    if asked in ("en", "zh"):
        return asked
    return preferred(request.headers.get("Accept-Language", ""))


def notes_in(notes: Iterable[str], language: str) -> list[str]:
    """Notes of an import in a language."""
    return [said_in(note, language, "请留意该列的读取方式。") for note in notes]


def preferred(accepted: str) -> str:
    """English or Chinese, by an Accept-Language header; English where it names neither.

    >>> preferred("zh-CN,zh;q=0.9,en;q=0.8"), preferred("de, en;q=0.5, zh;q=0.9"), preferred("")
    ('zh', 'zh', 'en')
    """
    best, most = "en", 0.0
    for part in accepted.lower().split(","):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.partition("-")[0]
        try:
            weighs = float(weight or 1)
        except ValueError:
            weighs = 0.0
        if language in ("en", "zh") and weighs > most:
            best, most = language, weighs
    return best


def page(
    rows: Iterable[Mapping[str, Any]],
    *,
    search: str = "",
    within: Sequence[str] = (),
    sort: str | None = None,
    order: str = "asc",
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[Mapping[str, Any]], int]:
    """The rows of one page, and how many there are in all.

    search : texts that all must be found in the columns `within`, in any capitals.

    >>> rows = [{"name": "Ada", "n": 2}, {"name": "Bo", "n": None}, {"name": "Cy", "n": 1}]
    >>> page(rows, sort="n", order="desc", limit=2)
    ([{'name': 'Ada', 'n': 2}, {'name': 'Cy', 'n': 1}], 3)
    >>> page(rows, search="b", within=["name"])[1]
    1
    """
    words = search.casefold().split()
    found = [row for row in rows if not words or _has(row, words, within)]
    if sort is not None:
        found = ordered(found, lambda row: row.get(sort), order)
    return found[offset : offset + limit], len(found)


def ordered(rows: list[Any], key: Callable[[Any], Any], order: str) -> list[Any]:
    """Rows by a key, those without one last."""
    there = [row for row in rows if key(row) is not None]
    missing = [row for row in rows if key(row) is None]
    return sorted(there, key=lambda row: _comparable(key(row)), reverse=order == "desc") + missing


def searched(row: Mapping[str, Any], within: Sequence[str]) -> str:
    """The text of a row in which words are found, in small letters.

    >>> searched({"name": "Ada", "city": None, "n": 1}, ("name", "city"))
    'ada '
    """
    return " ".join(str(row.get(column) or "") for column in within).casefold()


def _comparable(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool | int | float):
        return (0, value)
    return (1, str(value).casefold())


def _has(row: Mapping[str, Any], words: Sequence[str], within: Sequence[str]) -> bool:
    text = searched(row, within)
    return all(word in text for word in words)


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {k: _finite(v) for k, v in value.items()}
        case list():
            return [_finite(v) for v in value]
        case _:
            return value
