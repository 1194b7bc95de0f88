"""Values that people write in rules, read as the type of the tag or field they are compared with."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import NUMERIC, ValueType
from coterie.errors import Refused
from coterie.kit import moments
from coterie.rules.spans import Relative, read_relative

Constant: TypeAlias = bool | int | Decimal | float | str | date | datetime
Raw: TypeAlias = Any  # what JSON holds: text, number, true/false, list, object

MAX_TEXT = 4_000
# Exact numbers are compared as DECIMAL(38): 19 digits before the point and 9 after it leave room for every column.
_DIGITS_AFTER_POINT = 9
_LARGEST = 2**63 - 1
_SHOWN = {
    ValueType.TEXT: "text",
    ValueType.TEXTS: "texts",
    ValueType.PATH: "a path",
    ValueType.INTEGER: "numbers",
    ValueType.DECIMAL: "numbers",
    ValueType.NUMBER: "numbers",
    ValueType.BOOLEAN: "true or false",
    ValueType.DATE: "dates",
    ValueType.MOMENT: "moments",
    ValueType.VECTOR: "a vector",
}


def load_json(text: str, *, place: str = "rule") -> Any:
    """Read JSON with exact decimals; NaN, infinity and unreadable text are refused.

    >>> load_json('{"value": 0.1}')
    {'value': Decimal('0.1')}
    >>> load_json('{"value": 0.1')
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_rule` at `rule`: This is not JSON: Expecting ',' delimiter, line 1 column 14. See `coterie schema rule`.
    """

    def refuse(name: str) -> None:
        raise Refused("bad_value", f"{name} is no value to compare with.", place=place, fix="Write a finite number.")

    try:
        return json.loads(text, parse_float=Decimal, parse_constant=refuse)
    except json.JSONDecodeError as error:
        said = f"{error.msg}, line {error.lineno} column {error.colno}"
    except RecursionError:
        raise Refused(
            "rule_too_large", "The rule is nested too deeply.", place=place, fix="Nest less deeply."
        ) from None
    except ValueError:
        said = "a number has thousands of digits"
    raise Refused("bad_rule", f"This is not JSON: {said}.", place=place, fix="See `coterie schema rule`.")


def read_constant(raw: Raw, kind: ValueType, tz: ZoneInfo, *, name: str, place: str) -> Constant | Relative:
    """One value as type `kind` (TEXT INTEGER DECIMAL NUMBER BOOLEAN DATE MOMENT).

    INTEGER and DECIMAL give int or Decimal (exact), NUMBER gives float, MOMENT an aware datetime in UTC (a naive one is in `tz`).
    `{"ago": "30d"}` gives a `Relative`.

    >>> read_constant("3", ValueType.INTEGER, ZoneInfo("UTC"), name="age", place="all[0]")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_value` at `all[0]`: "age" holds numbers, and "3" is text. Write 3 without quotes.
    >>> read_constant(0.1, ValueType.DECIMAL, ZoneInfo("UTC"), name="price", place="all[0]")
    Decimal('0.1')

    Raises Refused `bad_value`.
    """
    if kind in (ValueType.DATE, ValueType.MOMENT):
        return _temporal(raw, kind, tz, name, place)
    if kind in NUMERIC:
        return _number(raw, kind, name, place)
    if kind is ValueType.BOOLEAN:
        if isinstance(raw, bool):
            return raw
        raise _misfit(raw, kind, name, place, "Write true or false, without quotes.")
    if isinstance(raw, str):
        return read_text(raw, place)
    fix = f'Write {shown(raw)} in quotes: "{shown(raw)}".' if is_number(raw) or isinstance(raw, bool) else "Write text."
    raise _misfit(raw, kind, name, place, fix)


def read_text(raw: str, place: str, *, most: int = MAX_TEXT) -> str:
    """Text that a query can hold: no NUL, no half characters, at most `most` characters."""
    if len(raw) > most:
        raise Refused("bad_value", f"The text has {len(raw):,} characters.", place=place, fix=f"At most {most:,}.")
    if "\0" in raw or (not raw.isascii() and any(0xD800 <= ord(c) <= 0xDFFF for c in raw)):
        raise Refused("bad_value", "The text holds a character that no data can hold.", place=place, fix="Take it out.")
    return raw


def freeze(raw: Raw, place: str) -> Raw:
    """A value of a rule as it is kept: lists as tuples, `{"ago": "30d"}` as `Relative`, numbers as they can be written again.

    >>> freeze([1, {"ago": "30d"}], "all[0]")
    (1, Relative(span=Span(count=30, unit='d'), ahead=False))
    """
    if isinstance(raw, list | tuple):
        return tuple(freeze(r, place) for r in raw)
    if isinstance(raw, Mapping):
        return read_relative(raw, place)
    if isinstance(raw, Decimal) and raw.is_finite() and exact(_float(raw)) != raw:
        raise Refused(
            "bad_value", f"{shown(raw)} has more digits than JSON keeps.", place=place, fix="Write at most 15."
        )
    return raw


def thaw(value: Raw) -> Raw:
    """The value as JSON holds it; undoes `freeze`.

    >>> from coterie.rules.spans import Span
    >>> thaw((1, Relative(Span(30, "d")), Decimal("0.1")))
    [1, {'ago': '30d'}, 0.1]
    """
    match value:
        case Relative():
            return value.as_json()
        case tuple():
            return [thaw(v) for v in value]
        case Decimal():
            return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
        case _:
            return value


def is_number(raw: object) -> bool:
    """True for whole, decimal and floating numbers, not for true and false.

    >>> is_number(1.5), is_number(True)
    (True, False)
    """
    return isinstance(raw, int | float | Decimal) and not isinstance(raw, bool)


def exact(raw: int | float | Decimal) -> Decimal | None:
    """The number people meant: 0.1 is a tenth; None for NaN and infinity.

    >>> exact(0.1), exact(float("nan"))
    (Decimal('0.1'), None)
    """
    number = Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw)
    return number if number.is_finite() else None


def shown(value: object) -> str:
    """A value as it stands in JSON, short.

    >>> shown(Decimal("1.50")), shown("a"), shown(True), shown(["x"])
    ('1.5', 'a', 'true', '["x"]')
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, Decimal):
        text = format(value.normalize(), "f") if -20 < value.adjusted() < 20 else str(value)
    elif isinstance(value, int) and value.bit_length() > 1_000:
        text = "a number of hundreds of digits"
    else:
        text = json.dumps(thaw(value), ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _number(raw: Raw, kind: ValueType, name: str, place: str) -> int | Decimal | float:
    if not is_number(raw):
        fix = f"Write {raw} without quotes." if isinstance(raw, str) and _numeric_text(raw) else "Write a number."
        raise _misfit(raw, kind, name, place, fix)
    number = exact(raw)
    if number is None:
        raise Refused(
            "bad_value", f'"{shown(raw)}" is no value to compare with.', place=place, fix="Write a finite number."
        )
    if kind is ValueType.NUMBER:
        floating = _float(number)
        if math.isinf(floating):
            raise Refused("bad_value", f"{shown(number)} is too large.", place=place, fix="Write a number below 1e308.")
        return floating
    if not -_LARGEST - 1 <= number <= _LARGEST:
        raise Refused("bad_value", f"{shown(number)} is too large.", place=place, fix=f"Write one up to {_LARGEST}.")
    rounded = round(number, _DIGITS_AFTER_POINT)
    if rounded != number:
        raise Refused(
            "bad_value",
            f"{shown(number)} has over 9 digits after the point.",
            place=place,
            fix=f"Write {shown(rounded)}.",
        )
    return int(number) if number == int(number) else number.normalize()


def _float(number: Decimal) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _numeric_text(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _temporal(raw: Raw, kind: ValueType, tz: ZoneInfo, name: str, place: str) -> date | datetime | Relative:
    relative = read_relative(raw, place)
    if relative is not None:
        if kind is ValueType.DATE and relative.span.unit == "h":
            raise Refused(
                "bad_value", f'"{name}" holds dates, which have no hours.', place=place, fix='Write days: "1d".'
            )
        return relative
    if not isinstance(raw, str):
        example = '"2011-12-10"' if kind is ValueType.DATE else '"2011-12-10T08:00"'
        raise _misfit(raw, kind, name, place, f'Write {example} or {{"ago": "30d"}}.')
    if raw == "now":
        raise Refused("bad_value", '"now" would make the count unrepeatable.', place=place, fix='Write {"ago": "0d"}.')
    try:
        return moments.parse_moment(raw, tz, place=place) if kind is ValueType.MOMENT else date.fromisoformat(raw)
    except ValueError:
        raise Refused("bad_moment", f'"{shown(raw)}" is not a date.', place=place, fix='Write "2011-12-10".') from None


def _misfit(raw: Raw, kind: ValueType, name: str, place: str, fix: str) -> Refused:
    if isinstance(raw, str):
        what = f'"{shown(raw)}" is text'
    elif isinstance(raw, bool):
        what = f"{shown(raw)} is true or false"
    elif is_number(raw):
        what = f"{shown(raw)} is a number"
    elif raw is None:
        what = "null is no value"
    else:
        what = f"{shown(raw)} is a {'list' if isinstance(raw, Sequence) else 'JSON object'}"
    return Refused("bad_value", f'"{name}" holds {_SHOWN[kind]}, and {what}.', place=place, fix=fix)
