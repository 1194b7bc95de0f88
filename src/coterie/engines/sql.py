"""Quoting of names and values in DuckDB's SQL, without importing a driver."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

_LARGEST = 10**38 - 1  # DuckDB's widest exact number; what is larger would become a DOUBLE


def quote_name(name: str) -> str:
    """An identifier.

    >>> quote_name('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_value(value: Any) -> str:
    """A literal. Decimals stay exact, aware moments become TIMESTAMPTZ in UTC, sequences become lists.

    >>> quote_value("O'Neil"), quote_value(Decimal("1.50")), quote_value(None), quote_value([1, 2])
    ("'O''Neil'", '1.50', 'NULL', '[1, 2]')
    >>> quote_value(datetime(2024, 5, 1, 8, tzinfo=UTC))
    "TIMESTAMPTZ '2024-05-01 08:00:00.000000+00:00'"

    Raises ValueError: NaN and infinity; numbers of more digits than DuckDB counts exactly; moments without a zone; text
    that SQL cannot hold (a NUL character, half a surrogate pair).
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int():
            if abs(value) > _LARGEST:
                raise ValueError("a whole number of more than 38 digits")
            return str(value)
        case Decimal():
            return _decimal(value)
        case float():
            if not math.isfinite(value):
                raise ValueError("not a finite number")
            return f"{float.__repr__(value)}::DOUBLE"
        case str():
            if "\0" in value:
                raise ValueError("text with a NUL character")
            value.encode()  # a UnicodeEncodeError is a ValueError
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            if value.tzinfo is None:
                raise ValueError("a moment without a zone")
            return f"TIMESTAMPTZ '{value.astimezone(UTC).isoformat(sep=' ', timespec='microseconds')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case bytes() | Mapping():
            raise TypeError(f"no SQL literal for {type(value).__name__}")
        case Iterable():
            return "[" + ", ".join(quote_value(v) for v in value) + "]"
        case _:
            raise TypeError(f"no SQL literal for {type(value).__name__}")


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("not a finite number")
    text = format(value, "f")
    if sum(c.isdigit() for c in text) > 38:
        raise ValueError("a decimal number of more than 38 digits")
    return text
