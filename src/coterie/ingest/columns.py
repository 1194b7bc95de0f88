"""The type of one imported column: as a person declares it, as an import proposes it, as a dataset keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from coterie.catalog.schemas import COLUMN_TYPES, ValueType
from coterie.errors import Refused, did_you_mean

MOST_DIGITS = 18  # of a DECIMAL; more would cost twice the space
_DECLARED = re.compile(r"\s*([a-z]+)\s*(?:\((.*)\))?\s*", re.DOTALL)
_FIX = "Declare one of: " + ", ".join(t.value for t in ValueType) + "; such as decimal(2), date(%d/%m/%Y), texts(;)."
EPOCHS: Mapping[str, int] = {"epoch": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}  # microseconds in one unit


@dataclass(frozen=True)
class ColumnType:
    """How the values of a column are read.

    scale : digits after the point, of a decimal.
    formats : ways in which dates or moments are written, in strptime's words; none means ISO 8601. `epoch`, `epoch_ms`
        and `epoch_us` are whole numbers since 1970.
    zoned : of moments, whether `all`, `some` or `none` carry an offset.
    separator : between the values of a list or the levels of a path.
    declared : a person said so, so that it is never widened.
    open_scale : a decimal was declared without its digits, so that they may grow.
    """

    type: ValueType
    scale: int | None = None
    formats: tuple[str, ...] = ()
    zoned: str = "none"
    separator: str = ""
    declared: bool = False
    open_scale: bool = False

    @property
    def sql(self) -> str:
        """The column type in the lake.

        >>> ColumnType(ValueType.DECIMAL, scale=6).sql
        'DECIMAL(18, 6)'
        """
        return column_sql(self.type, self.scale)


def column_sql(type: ValueType, scale: int | None) -> str:
    """The lake's column type of a value type."""
    if type is ValueType.DECIMAL and scale is not None:
        return f"DECIMAL({MOST_DIGITS}, {scale})"
    return COLUMN_TYPES[type]


def parse_type(text: str, column: str) -> ColumnType:
    """A type as declared.

    >>> parse_type("date(%d/%m/%Y)", "birthday").formats
    ('%d/%m/%Y',)
    >>> parse_type("texts(|)", "tags").separator
    '|'

    Raises Refused(`bad_types`).
    """
    match = _DECLARED.fullmatch(text)
    names = [t.value for t in ValueType]
    if match is None or match[1] not in names:
        fix = did_you_mean(text, names) or _FIX
        raise Refused("bad_types", f'"{text}" is no type.', place=f"--types {column}", fix=fix)
    kind, detail = ValueType(match[1]), match[2]
    match kind:
        case ValueType.DECIMAL:
            scale = _scale(detail, column)
            return ColumnType(kind, scale=scale, declared=True, open_scale=scale is None)
        case ValueType.DATE | ValueType.MOMENT:
            return ColumnType(kind, formats=_formats(detail, column), declared=True)
        case ValueType.TEXTS:
            return ColumnType(kind, separator=detail or ";", declared=True)
        case ValueType.PATH:
            return ColumnType(kind, separator=detail or "/", declared=True)
        case _ if detail is not None:
            raise Refused("bad_types", f"{kind.value} takes nothing in brackets.", place=f"--types {column}", fix=_FIX)
        case _:
            return ColumnType(kind, declared=True)


def _scale(detail: str | None, column: str) -> int | None:
    if detail is None:
        return None
    if not detail.strip().isdigit() or int(detail) > MOST_DIGITS - 2:
        fix = f"Write decimal(N) with N from 0 to {MOST_DIGITS - 2}."
        raise Refused("bad_types", f"decimal({detail}) cannot be kept.", place=f"--types {column}", fix=fix)
    return int(detail)


def _formats(detail: str | None, column: str) -> tuple[str, ...]:
    if detail is None:
        return ()
    formats = tuple(f.strip() for f in detail.split("|"))
    for one in formats:
        if one not in EPOCHS and "%" not in one:
            fix = "Write it in strptime's words, such as %d/%m/%Y %H:%M, or epoch, epoch_ms; several parted by |."
            raise Refused("bad_types", f'"{one}" is no way to write a date.', place=f"--types {column}", fix=fix)
    return formats


def parse_types(given: Mapping[str, str] | str | None) -> dict[str, ColumnType]:
    """Declared types by column, from a mapping or from `C=T,D=T` as the command line has it.

    >>> {c: t.type.value for c, t in parse_types("zip=text,price=decimal(2)").items()}
    {'zip': 'text', 'price': 'decimal'}
    """
    if not given:
        return {}
    if isinstance(given, str):
        pairs = [part.partition("=") for part in re.split(r",(?![^()]*\))", given) if part.strip()]
        given = {column.strip(): kind for column, _, kind in pairs}
    return {column: parse_type(str(kind), column) for column, kind in given.items()}
