"""What one piece of work changed in the metadata: collected for the audit log while somebody listens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple


class Change(NamedTuple):
    """A document before and after; None where there was, or is, none."""

    kind: str
    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


_listening: ContextVar[list[Change] | None] = ContextVar("changes", default=None)


@contextmanager
def collected() -> Iterator[list[Change]]:
    """Collect what this block changes, in threads that it starts with its context, too.

    >>> from coterie.store.service import Store
    >>> store = Store.open("sqlite://")
    >>> with collected() as found:
    ...     _ = store.put("tag", "vip", {"of": 1})
    >>> found
    [Change(kind='tag', name='vip', before=None, after={'of': 1})]
    """
    found: list[Change] = []
    token = _listening.set(found)
    try:
        yield found
    finally:
        _listening.reset(token)


def note(kind: str, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
    """Tell who listens, if anybody does."""
    found = _listening.get()
    if found is not None:
        found.append(Change(kind, name, before, after))
