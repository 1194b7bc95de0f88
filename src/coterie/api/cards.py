"""The list of audiences: searched, sorted and paged without looking into more than one page of rules.

What is sorted by is kept until the metadata change, and so is each order that was asked for: ten thousand audiences are
read and sorted once, and paged in milliseconds.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from coterie.api.answers import ordered, searched
from coterie.api.door import Door
from coterie.audiences.life import STATE, About
from coterie.audiences.resolve import AUDIENCE as KIND
from coterie.audiences.snapshots import KIND as SNAPSHOT
from coterie.audiences.snapshots import Snapshot
from coterie.errors import unknown_name
from coterie.kit.chinese import told_in
from coterie.rules.sentences import sentence
from coterie.rules.tree import parse_rule
from coterie.rules.vocabulary import Vocabulary
from coterie.store.service import Document, Store
from coterie.workspace import Workspace

_LOCK = threading.Lock()
_SEARCHED = ("audience", "description", "owner", "folder")
_OF_NOW = ("state", "validity")  # change with the clock
_COLUMNS = ("audience", "count", "as_of", "refreshed_at", "saved_at", "owner", "folder", "version", "entered", "left")
_OVERLAP = 200  # changes that another process began earlier may become visible later


@dataclass
class _Cards:
    """All audiences without their sentences, as of one revision of the metadata."""

    revision: int = -1
    documents: dict[str, Document] = field(default_factory=dict)
    snapshots: dict[str, dict[int, Snapshot]] = field(default_factory=dict)
    states: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # what is searched in, in small letters
    orders: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    folders: Counter[str] | None = None

    def ordered(self, sort: str, order: str) -> list[dict[str, Any]]:
        """All rows by a column; not to be changed. What a row tells of this moment orders nothing before it is asked."""
        key = (sort, order)
        if key not in self.orders:
            rows = [_now(row) for row in self.rows.values()] if sort in _OF_NOW else list(self.rows.values())
            found = ordered(rows, lambda row: row.get(sort), order)
            if sort in _OF_NOW or sort not in _COLUMNS:
                return found
            self.orders[key] = found
        return self.orders[key]

    def follow(self, store: Store) -> None:
        """Take in what changed since."""
        newest = store.revision()
        if newest == self.revision:
            return
        touched = set()
        for document, ended in store.since((KIND, STATE, SNAPSHOT), max(self.revision - _OVERLAP, -1)):
            touched.add(self._take(document, ended))
        for name in touched:
            if name in self.documents:
                row = self.rows[name] = _card(self.documents[name], self._made(name), self.states.get(name))
                self.texts[name] = searched(row, _SEARCHED)
            else:
                self.rows.pop(name, None)
                self.texts.pop(name, None)
        self.revision = newest
        if touched:
            self.orders.clear()
            self.folders = None

    def _take(self, document: Document, ended: bool) -> str:
        """Keep a document; the audience that it is of."""
        if document.kind == SNAPSHOT:
            if ended:
                return document.name.rpartition("@")[0]
            made = Snapshot(**document.body)
            self.snapshots.setdefault(made.audience, {})[made.number] = made
            return made.audience
        kept: dict[str, Any] = self.documents if document.kind == KIND else self.states
        if ended:
            kept.pop(document.name, None)
        else:
            kept[document.name] = document if document.kind == KIND else document.body
        return document.name

    def _made(self, name: str) -> list[Snapshot]:
        made = self.snapshots.get(name, {})
        return [made[number] for number in sorted(made)]


def listed(
    door: Door,
    language: str,
    *,
    scope: str,
    folder: str | None,
    state: str | None,
    search: str = "",
    sort: str = "audience",
    order: str = "asc",
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[dict[str, Any]], int]:
    """A page of the audiences that the caller sees, and how many there are; `scope` is mine, shared or all."""
    with _cards(door.shared) as cards:
        rows = _visible(door, cards.ordered({"name": "audience"}.get(sort, sort), order))
        if scope == "mine":
            rows = [row for row in rows if row["owner"] == door.caller.account.name]
        elif scope == "shared":
            rows = [row for row in rows if row["shared"]]
        if folder:
            below = f"{folder}/"
            rows = [row for row in rows if row["folder"] == folder or row["folder"].startswith(below)]
        texts = cards.texts
        for word in search.casefold().split():
            rows = [row for row in rows if word in texts[row["audience"]]]
        if state:
            rows = [row for row in rows if _now(row)["state"] == state]
        found = rows[offset : offset + limit]
        bodies = [cards.documents[row["audience"]].body for row in found]
    words = {kind: door.ws.index.standings.of(kind).vocabulary for kind in {body["entity_kind"] for body in bodies}}
    return [_said(words, _now(row), body, language) for row, body in zip(found, bodies, strict=True)], len(rows)


def folders(door: Door) -> list[dict[str, Any]]:
    """Folders with the number of audiences in them, by name."""
    with _cards(door.shared) as cards:
        if cards.folders is None:
            cards.folders = Counter(row["folder"] for row in cards.rows.values())
        counts = cards.folders
        if not _is_admin(door):
            counts = Counter(row["folder"] for row in _visible(door, list(cards.rows.values())))
    return [{"folder": name, "audiences": counts[name]} for name in sorted(counts) if name]


def document(door: Door, name: str) -> Document:
    """An audience that the caller may see. Raises NotFound, as if there were none, where it is another's alone."""
    found = door.ws.audiences.get(name)
    if not _is_admin(door) and not About.of(found.body).seen_by(door.caller.account.name):
        raise unknown_name("audience", name, [])
    return found


def _visible(door: Door, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if _is_admin(door):
        return rows
    me = door.caller.account.name
    return [row for row in rows if About(owner=row["owner"], shared=row["shared"]).seen_by(me)]


def _is_admin(door: Door) -> bool:
    return door.caller.account.role == "admin"


@contextmanager
def _cards(ws: Workspace) -> Iterator[_Cards]:
    """All audiences as they are now, for a block in which nothing is waited for."""
    with _LOCK:
        kept: _Cards = ws.__dict__.setdefault("_cards", _Cards())
        kept.follow(ws.store)
        yield kept


def _card(document: Document, snapshots: list[Any], state: Any) -> dict[str, Any]:
    about = About.of(document.body)
    newest = snapshots[-1] if snapshots else None
    told = ("description", "owner", "folder", "shared", "purpose", "valid_until", "refresh")
    return {
        "audience": document.name,
        "version": document.version,
        "entity_kind": document.body["entity_kind"],
        "count": None if newest is None else newest.count,
        "entered": None if newest is None else newest.entered,
        "left": None if newest is None else newest.left,
        "as_of": None if newest is None else newest.as_of,
        "refreshed_at": None if newest is None else newest.created_at,
        "saved_at": document.created_at.isoformat(),
        "state": "draft" if state is None else state["state"],
        "error": None if state is None else state["error"],
        "validity": "valid",
        **{name: getattr(about, name) for name in told},
        "growth": [s.count for s in snapshots[-12:]],
    }


def _now(row: dict[str, Any]) -> dict[str, Any]:
    """A row with how it stands at this moment."""
    if row["valid_until"] is None:
        return row
    validity = About(valid_until=row["valid_until"]).validity()
    return {**row, "validity": validity, "state": "expired" if validity == "expired" else row["state"]}


def _said(words: Mapping[str, Vocabulary], row: dict[str, Any], body: Any, language: str) -> dict[str, Any]:
    said = sentence(parse_rule(body["rule"]), language, words[body["entity_kind"]])
    return {**row, "sentence": said, "error": told_in(row["error"], language)}
