"""Mistakes in a journey, told as mistakes in a journey, wherever they were found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from coterie.errors import NotFound, Refused

_GENERAL = ("bad_campaign", "bad_value", "bad_argument", "bad_moment")


def wrong(place: str, message: str, fix: str) -> Refused:
    """The error for a journey that cannot be used."""
    return Refused("bad_journey", message, place=place, fix=fix)


@contextmanager
def journey_errors(at: str = "") -> Iterator[None]:
    """Errors of a block, with `at` before their place; general ones become `bad_journey`.

    >>> with journey_errors("steps.hello.send"):
    ...     raise Refused("bad_campaign", "No.", place="content.text", fix="Add it.")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_journey` at `steps.hello.send.content.text`: No. Add it.
    """
    try:
        yield
    except Refused as error:
        code = "bad_journey" if error.code in _GENERAL else error.code
        place = ".".join(p for p in (at, error.place) if p)
        kind = NotFound if isinstance(error, NotFound) else Refused
        raise kind(code, error.message, place=place, fix=error.fix) from None
