"""Values that a fact could have instead: enough of them that every combination of answers to its conditions is met."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from coterie.catalog.schemas import NUMERIC, ValueType
from coterie.rules.anniversaries import Anniversaries
from coterie.rules.binding import BoundLeaf
from coterie.rules.patterns import Pattern

_MAX_ITEMS = 8  # of all any_of, all_of, none_of on one tag; with more, not every subset is tried
_INT64 = 2**63


def candidates(leaves: Sequence[BoundLeaf], current: Any) -> list[Any]:
    """Values for the fact that all `leaves` look at, the nearest to the current one first, missing (None) last.

    >>> from coterie.rules.leaves.tag import BoundTag
    >>> from coterie.rules.operators import OPERATORS
    >>> leaf = BoundTag(("tag", "age"), ValueType.INTEGER, OPERATORS["gte"], 18)
    >>> candidates([leaf], 10)
    [17, 18, 19, None]
    """
    leaf = leaves[0]
    operands = [operand for x in leaves for operand in _flat(x.operand)]
    if leaf.type is ValueType.BOOLEAN:
        found: list[Any] = [True, False]
    elif leaf.type in NUMERIC:
        found = _nearest(_numbers(operands, leaf), current)
    elif leaf.type in (ValueType.DATE, ValueType.MOMENT):
        found = _nearest(_dates(operands, leaf.type), current)
    elif leaf.type is ValueType.TEXT:
        found = list(_texts(leaves, operands, current))
    elif leaf.type is ValueType.TEXTS:
        found = _lists(operands, current)
    elif leaf.type is ValueType.PATH:
        found = [
            [*levels]
            for x in leaves
            for n in range(len(x.operand or ()) + 1)
            for levels in [tuple(x.operand or ())[:n]]
        ]
        found.append([*(operands[:1] or ["-"]), "-"])
    else:
        found = [[0.0]]
    return [*found, None] if leaf.can_miss else found


def _flat(operand: Any) -> list[Any]:
    if operand is None:
        return []
    if isinstance(operand, Anniversaries):
        return operand.points()
    return list(operand) if isinstance(operand, tuple) else [operand]


def _nearest(values: Iterable[Any], current: Any) -> list[Any]:
    unique = list(dict.fromkeys(values))
    if current is None:
        return unique
    return sorted(
        unique, key=lambda v: abs(v - current) if type(v) is type(current) else abs(float(v) - float(current))
    )


def _numbers(operands: list[Any], leaf: BoundLeaf) -> Iterator[Any]:
    points = sorted(set(operands)) or [0]
    least = -math.inf if leaf.can_miss or leaf.type is not ValueType.INTEGER else 0
    for value in _around(points, leaf.type):
        if leaf.type is not ValueType.INTEGER or (value == int(value) and -_INT64 <= value < _INT64):
            if value >= least:
                yield int(value) if leaf.type is ValueType.INTEGER else value


def _around(points: list[Any], kind: ValueType) -> Iterator[Any]:
    if kind is ValueType.NUMBER:
        for p in points:
            step = max(1.0, abs(p) / 100)
            yield from (p, p - step, p + step)
        yield from (a / 2 + b / 2 for a, b in itertools.pairwise(points))
        return
    for p in map(Decimal, points):
        steps = (Decimal(1),) if kind is ValueType.INTEGER else (Decimal("0.01"), Decimal(1))
        yield from (p, p.to_integral_value("ROUND_FLOOR"), p.to_integral_value("ROUND_CEILING"))
        for step in steps:
            yield from (
                p - step,
                p + step,
                (p - step).to_integral_value("ROUND_CEILING"),
                (p + step).to_integral_value("ROUND_FLOOR"),
            )
    for a, b in itertools.pairwise(map(Decimal, points)):
        middle = (a + b) / 2
        yield middle.to_integral_value() if kind is ValueType.INTEGER else middle


def _dates(operands: list[Any], kind: ValueType) -> Iterator[Any]:
    points = sorted(set(operands)) or [
        date(2000, 1, 1) if kind is ValueType.DATE else datetime.fromisoformat("2000-01-01T00:00+00:00")
    ]
    day, second = timedelta(days=1), timedelta(seconds=1)
    steps = (day,) if kind is ValueType.DATE else (second, day, timedelta(microseconds=1))
    moves: list[Callable[[Any], Any]] = [lambda p: p]
    moves += [move for s in steps for move in (lambda p, s=s: p - s, lambda p, s=s: p + s)]
    for point, move in itertools.product(points, moves):
        try:
            yield move(point)
        except OverflowError:  # the ends of the calendar
            continue
    yield from (a + (b - a) / 2 for a, b in itertools.pairwise(points))


def _texts(leaves: Sequence[BoundLeaf], operands: list[Any], current: Any) -> Iterator[str]:
    """Texts from the operands: each alone, set before, into and behind each other and the current value, and one unlike all."""
    by = {
        key: [o for x in leaves if x.operator.key == key for o in _flat(x.operand)]
        for key in ("starts_with", "contains", "ends_with")
    }
    examples = [e for o in operands if isinstance(o, Pattern) for e in [o.example()] if e]
    literals = [o for o in operands if isinstance(o, str)]
    middles = ["", *by["contains"], *examples, "".join(by["contains"] + examples)]
    if isinstance(current, str):
        middles.append(current)
        middles += [current + part for part in (*by["contains"], *examples)]
    seen: set[str] = set()
    for text in (
        *literals,
        *examples,
        *(s + m + e for m, s, e in itertools.product(middles, ["", *by["starts_with"]], ["", *by["ends_with"]])),
        *(text + "a" for text in literals),
        *(text[:-1] + chr(ord(text[-1]) - 1) for text in literals if text and ord(text[-1]) > 1),
        _other(literals),
        "A",
        "\U0010fffd",
    ):
        if text and text not in seen:
            seen.add(text)
            yield text


def _other(literals: list[str]) -> str:
    return next(
        text for n in itertools.count(1) for text in [f"other {n}"] if not any(x in text or text in x for x in literals)
    )


def _lists(operands: list[Any], current: Any) -> list[Any]:
    items = list(dict.fromkeys(operands))
    own = [x for x in current or [] if x not in items]
    if len(items) <= _MAX_ITEMS:
        chosen: Iterable[tuple[Any, ...]] = (s for n in range(len(items) + 1) for s in itertools.combinations(items, n))
    else:
        held = tuple(x for x in current or [] if x in items)
        chosen = [
            (),
            tuple(items),
            *((x,) for x in items),
            *((*held, x) for x in items),
            *(tuple(y for y in held if y != x) for x in held),
        ]
    found = [[*own, *s] for s in chosen]
    before = set(current or [])
    return sorted(found, key=lambda values: len(before ^ set(values)))
