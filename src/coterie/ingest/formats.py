"""Ways of writing dates and moments, and which of them a column uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# Day before month or month before day: told apart by a number over 12.
_EITHER = {
    r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"),
    r"\d{1,2}/\d{1,2}/\d{2}": ("%d/%m/%y", "%m/%d/%y"),
}
_CERTAIN = {
    r"\d{4}-\d{1,2}-\d{1,2}": ("%Y-%m-%d",),
    r"\d{4}/\d{1,2}/\d{1,2}": ("%Y/%m/%d",),
    r"\d{4}\.\d{1,2}\.\d{1,2}": ("%Y.%m.%d",),
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d{4}年\d{1,2}月\d{1,2}日": ("%Y年%m月%d日",),
    r"\d{1,2} [A-Za-z]+ \d{4}": ("%d %b %Y", "%d %B %Y"),
    r"\d{1,2}-[A-Za-z]+-\d{4}": ("%d-%b-%Y", "%d-%B-%Y"),
    r"[A-Za-z]+ \d{1,2}, \d{4}": ("%b %d, %Y", "%B %d, %Y"),
}
_TIMES = {
    r"\d{1,2}:\d{2}:\d{2}\.\d{1,6}": ("%H:%M:%S.%f",),
    r"\d{1,2}:\d{2}:\d{2}\.\d{7,9}": ("%H:%M:%S.%n",),
    r"\d{1,2}:\d{2}:\d{2}": ("%H:%M:%S",),
    r"\d{1,2}:\d{2}": ("%H:%M",),
    r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]": ("%I:%M:%S %p",),
    r"\d{1,2}:\d{2} [AaPp][Mm]": ("%I:%M %p",),
}
OFFSET = r"(?:Z|[+-]\d{2}(?::?\d{2})?)"
_CLOCK = r"(?P<gap>[T ])(?P<time>\d{1,2}:[\d:.]+(?: [AaPp][Mm])?)"
_SPLIT = re.compile(rf"(?P<date>.*?\d日?)(?:{_CLOCK}(?P<offset>{OFFSET})?)?")
_DATES = [
    (re.compile(shape), forms, len(forms) == 2 and shape in _EITHER) for shape, forms in (_EITHER | _CERTAIN).items()
]
_CLOCKS = [(re.compile(shape), forms) for shape, forms in _TIMES.items()]
RARE = 0.001  # a share up to which misfits are rejects and not another way of writing


class Shape(NamedTuple):
    """Values of a column that look alike.

    example : one of them.
    rows : how many there are.
    first_over_12, second_over_12 : in how many the first or second number is over 12.
    """

    example: str
    rows: int
    first_over_12: int = 0
    second_over_12: int = 0


class Dates(NamedTuple):
    """How the dates of a column are written.

    formats : in strptime's words, the commonest first; moments have a clock in at least one of them.
    clock, day_only : some carry a time of day, some none.
    zoned : `all`, `some` or `none` carry an offset.
    fitting : rows that are written in one of these ways.
    problem : `ambiguous` where no number tells the day from the month, `mixed` where some have the day first and others
        the month; the column cannot be read then.
    """

    formats: tuple[str, ...]
    clock: bool
    day_only: bool
    zoned: str
    fitting: int
    problem: str | None = None


def dates_of(shapes: Iterable[Shape]) -> Dates | None:
    """How dates of these shapes are written, or None where no shape is a date.

    >>> dates_of([Shape("21-08-2013", 90, 55, 0), Shape("2013-08-21", 10, 10, 0)])
    Dates(formats=('%d-%m-%Y', '%Y-%m-%d'), clock=False, day_only=True, zoned='none', fitting=100, problem=None)
    >>> dates_of([Shape("04/09/2012", 90)]).problem
    'ambiguous'
    """
    read = [(shape, one) for shape in sorted(shapes, key=lambda s: -s.rows) if (one := _read(shape)) is not None]
    if not read:
        return None
    formats = list(dict.fromkeys(f for _, one in read for f in one.formats))
    rows = sum(shape.rows for shape, _ in read)
    offsets = sum(shape.rows for shape, one in read if one.offset)
    problems = [one.problem for _, one in read if one.problem]
    return Dates(
        tuple(formats),
        clock=any(one.clock for _, one in read),
        day_only=any(not one.clock for _, one in read),
        zoned="all" if offsets == rows else "some" if offsets else "none",
        fitting=rows,
        problem=problems[0] if problems else None,
    )


class _Read(NamedTuple):
    formats: tuple[str, ...]
    clock: bool
    offset: bool
    problem: str | None


def _read(shape: Shape) -> _Read | None:
    match = _SPLIT.fullmatch(shape.example.strip())
    if match is None:
        return None
    found = next(((forms, either) for pattern, forms, either in _DATES if pattern.fullmatch(match["date"])), None)
    if found is None:
        return None
    forms, either = found
    order, problem = _order(shape, forms) if either else (forms, None)
    if match["time"] is None:
        return _Read(order, False, False, problem)
    clocks = next((forms for pattern, forms in _CLOCKS if pattern.fullmatch(match["time"])), None)
    if clocks is None:
        return None
    if match["offset"] and not forms[0].startswith(("%Y-", "%Y/")):
        return None  # an offset is read with ISO dates only
    return _Read(tuple(f"{d}{match['gap']}{c}" for d in order for c in clocks), True, bool(match["offset"]), problem)


def _order(shape: Shape, forms: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """Day first or month first; the rarer one, up to one row in a thousand, is left to be rejected."""
    limit = shape.rows * RARE
    if shape.first_over_12 > limit and shape.second_over_12 > limit:
        return (), "mixed"
    if shape.first_over_12 == shape.second_over_12:
        return (), "ambiguous"
    return ((forms[0],) if shape.first_over_12 > shape.second_over_12 else (forms[1],)), None
