"""Values as JSON holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

_PLAIN = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """A value as JSON holds it: exact decimals become numbers, moments ISO 8601 text, NumPy scalars Python's.

    >>> plain({"a": Decimal("1.50"), "b": (1, None)})
    {'a': 1.5, 'b': [1, None]}
    """
    if type(value) in _PLAIN:  # most are, and finding out by `match` takes ten times as long
        return value
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date():
            return value.isoformat()
        case Path():
            return str(value)
        case Mapping():
            return {str(k): plain(v) for k, v in value.items()}
        case str() | int() | float() | bool() | None:
            return value
        case _ if hasattr(value, "item") and not hasattr(value, "__len__"):
            return value.item()
        case Iterable():
            return [plain(v) for v in value]
        case _:
            return str(value)
