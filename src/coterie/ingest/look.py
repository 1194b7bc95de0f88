"""A first look at a source: its columns, some rows, and a guess at what they are, which a person confirms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coterie.engines.sql import quote_name
from coterie.errors import Refused
from coterie.ingest.context import IngestContext
from coterie.ingest.readers.opening import open_source
from coterie.ingest.readers.options import ReadOptions

_ROWS = 20
_GUESSED = {
    "entity": re.compile(
        r"(customer|user|client|member|buyer|account)[\W_]*(id|no|key|code|number)?|id|客户.*|用户.*|会员.*", re.I
    ),
    "time": re.compile(r"(at|time|timestamp|date|datetime|.*(date|time|_at)|.*时间|.*日期)", re.I),
}


@dataclass(frozen=True)
class Look:
    """The columns' names, the first rows as text, and the guess.

    guess : kind (`as`), name of the dataset, and columns of the key and the time (None: no name looks like one).
    """

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    guess: dict[str, str | None]


def look(ctx: IngestContext, path: Path) -> Look:
    """The first rows of a file and what they seem to be. Raises Refused: it is no table that can be read."""
    with ctx.lake.staging() as work, ctx.engine.cursor() as engine:
        source = open_source(str(path), ReadOptions(), engine, work, None)
        if not source.columns:
            raise Refused("no_header", "The file has no columns.", place=path.name, fix="Give a table.")
        columns = ", ".join(f"{c.text} AS {quote_name(c.name)}" for c in source.columns)
        rows = engine.arrow(f"SELECT {columns} FROM {source.numbered} ORDER BY _row LIMIT {_ROWS}").to_pylist()
    names = tuple(c.name for c in source.columns)
    return Look(names, tuple(rows), guess(path.name, names))


def guess(file: str, columns: Sequence[str]) -> dict[str, str | None]:
    """Which column is the key and which the time, by their names.

    >>> guess("orders 2024.csv", ["OrderNo", "customer_id", "order_date"])
    {'as': 'events', 'name': 'orders_2024', 'entity': 'customer_id', 'time': 'order_date'}
    """
    found: dict[str, str | None] = {}
    for role, pattern in _GUESSED.items():
        near = [n for n in columns if pattern.fullmatch(n.strip()) and n not in found.values()]
        found[role] = near[0] if near else None
    name = re.sub(r"[^\w-]+", "_", file.split(".")[0]).strip("_")[:80]
    return {"as": "events" if found["time"] else "profiles", "name": name or "data", **found}
