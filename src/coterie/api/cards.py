"""The list of audiences: searched, sorted and paged without looking into more than one page of rules.

What is sorted by is kept until the metadata change: ten thousand audiences are read once, and paged in milliseconds.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coterie.api.answers import page
from coterie.api.door import Door
from coterie.audiences.life import STATE, About
from coterie.audiences.resolve import AUDIENCE as KIND
from coterie.audiences.snapshots import KIND as SNAPSHOT
from coterie.audiences.snapshots import Snapshot
from coterie.errors import unknown_name
from coterie.kit.chinese import told_in
from coterie.rules.sentences import sentence
from coterie.rules.tree import parse_rule
from coterie.store.service import Document, Store
from coterie.workspace import Workspace

_LOCK = threading.Lock()
_OVERLAP = 200  # changes that another process began earlier may become visible later


@dataclass
class _Cards:
    """All audiences without their sentences, as of one revision of the metadata."""

    revision: int = -1
    documents: dict[str, Document] = field(default_factory=dict)
    snapshots: dict[str, dict[int, Snapshot]] = field(default_factory=dict)
    states: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

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
                self.rows[name] = _card(self.documents[name], self._made(name), self.states.get(name))
            else:
                self.rows.pop(name, None)
        self.revision = newest

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


def listed(door: Door, language: str, *, scope: str, folder: str | None, state: str | None, **asked: Any) -> Any:
    """A page of the audiences that the caller sees; `scope` is mine, shared or all."""
    me = door.caller.account.name
    rows = [row for row in _cards(door.shared) if _seen(row, me, admin=_is_admin(door))]
    if scope == "mine":
        rows = [row for row in rows if row["owner"] == me]
    elif scope == "shared":
        rows = [row for row in rows if row["shared"]]
    if folder:
        rows = [row for row in rows if row["folder"] == folder or row["folder"].startswith(f"{folder}/")]
    rows = [_now(row) for row in rows]
    if state:
        rows = [row for row in rows if row["state"] == state]
    asked["sort"] = {"name": "audience"}.get(asked["sort"], asked["sort"])
    found, total = page(rows, within=("audience", "description", "owner", "folder"), **asked)
    store = door.ws.store
    bodies = {d.name: d.body for d in store.some(KIND, [row["audience"] for row in found])} if found else {}
    return [_said(door, dict(row), bodies[row["audience"]], language) for row in found], total


def folders(door: Door) -> list[dict[str, Any]]:
    """Folders with the number of audiences in them, by name."""
    me, counts = door.caller.account.name, dict[str, int]()
    for row in _cards(door.shared):
        if row["folder"] and _seen(row, me, admin=_is_admin(door)):
            counts[row["folder"]] = counts.get(row["folder"], 0) + 1
    return [{"folder": name, "audiences": counts[name]} for name in sorted(counts)]


def document(door: Door, name: str) -> Document:
    """An audience that the caller may see. Raises NotFound, as if there were none, where it is another's alone."""
    found = door.ws.audiences.get(name)
    if not _is_admin(door) and not About.of(found.body).seen_by(door.caller.account.name):
        raise unknown_name("audience", name, [])
    return found


def _seen(row: dict[str, Any], me: str, *, admin: bool) -> bool:
    return admin or About(owner=row["owner"], shared=row["shared"]).seen_by(me)


def _is_admin(door: Door) -> bool:
    return door.caller.account.role == "admin"


def _cards(ws: Workspace) -> list[dict[str, Any]]:
    with _LOCK:
        kept: _Cards = ws.__dict__.setdefault("_cards", _Cards())
        kept.follow(ws.store)
        return list(kept.rows.values())


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


def _said(door: Door, row: dict[str, Any], body: Any, language: str) -> dict[str, Any]:
    vocabulary = door.ws.index.standings.of(body["entity_kind"]).vocabulary
    said = sentence(parse_rule(body["rule"]), language, vocabulary)
    return {**row, "sentence": said, "error": told_in(row["error"], language)}
