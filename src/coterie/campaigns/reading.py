"""Reading what people wrote: parts by name, each mistake told with its place and a way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from coterie.errors import Refused, did_you_mean

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def wrong(place: str, message: str, fix: str) -> Refused:
    """The error for a definition that cannot be used."""
    return Refused("bad_campaign", message, place=place, fix=fix)


def read_file(file: Path) -> dict[str, Any]:
    """The mapping in a YAML or JSON file.

    Raises Refused: missing, no text, or something else than names with values; with the line where the YAML breaks.
    """
    import yaml

    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Refused("missing_file", f"It cannot be read: {said}.", place=str(file), fix="Check the name.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        said = getattr(error, "problem", None) or "it is no YAML"
        raise wrong(
            f"{file.name}{line}", f"The file cannot be read: {said}.", "Check quotes and indentation."
        ) from None
    return parts(given, None, file.name)


def parts(given: Any, known: Iterable[str] | None, place: str) -> dict[str, Any]:
    """A mapping whose names are all known; those with no value are left out.

    >>> parts({"nam": 1}, ["name"], "campaign")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_campaign` at `campaign.nam`: There is no such part. Did you mean "name"?
    """
    if not isinstance(given, Mapping):
        raise wrong(place, "Names with values are needed here.", "Write NAME: VALUE, one a line.")
    for name in given:
        if not isinstance(name, str) or (known is not None and name not in known):
            fix = did_you_mean(str(name), known or ()) or f"There are: {', '.join(known or ())}."
            raise wrong(f"{place}.{name}", "There is no such part.", fix)
    return {k: v for k, v in given.items() if v is not None}


def text(given: Any, place: str, *, most: int = 200) -> str:
    """A text that is not empty."""
    if not isinstance(given, str) or not given.strip() or len(given) > most:
        raise wrong(place, "A text is needed here.", f"Give 1 to {most} characters.")
    return given


def chosen(given: Any, known: Sequence[str], place: str) -> str:
    """One of the known words."""
    if given not in known:
        fix = did_you_mean(str(given), known) or f"There are: {', '.join(known)}."
        raise wrong(place, f'"{given}" cannot stand here.', fix)
    return str(given)


def whole(given: Any, place: str, *, least: int, most: int) -> int:
    """A whole number within bounds."""
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise wrong(place, f'"{given}" cannot stand here.', f"Give a whole number from {least} to {most:,}.")
    return given


def share(given: Any, place: str) -> float:
    """A number from 0 to below 1."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < 1:
        raise wrong(place, f'"{given}" is no share.', "Give a number from 0 to below 1.")
    return float(given)


def money(given: Any, place: str) -> str:
    """An amount of money, at least 0, as an exact decimal in text.

    >>> money(0.05, "cost"), money("12", "cost")
    ('0.05', '12')
    """
    try:
        amount = Decimal(str(given)) if not isinstance(given, bool) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < 10**12:
        raise wrong(place, f'"{given}" is no amount of money.', "Give a number from 0, such as 0.05.")
    return format(amount, "f")


def listed(given: Any, place: str) -> list[Any]:
    """A list."""
    if not isinstance(given, list | tuple):
        raise wrong(place, "A list is needed here.", "Write [A, B].")
    return list(given)


def clock(given: Any, place: str) -> time:
    """A time of day.

    >>> clock("7:30", "quiet.until")
    datetime.time(7, 30)
    """
    # YAML reads 21:00 without quotes as a number in base 60
    shown = f"{given // 60:02}:{given % 60:02}" if isinstance(given, int) and 0 <= given < 1440 else str(given)
    match = _CLOCK.fullmatch(shown)
    if match is None:
        raise wrong(place, f'"{given}" is no time of day.', 'Write "21:00".')
    return time(int(match[1]), int(match[2]))
