"""Audiences: count, sample, list, save, refresh, members, export, explain, send."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from coterie.api import cards, people
from coterie.api.answers import answer
from coterie.api.door import Door, In, Language, Limit, Offset, Order, Search
from coterie.api.masking import HIDDEN
from coterie.audiences.life import PURPOSES, About
from coterie.audiences.resolve import AUDIENCE as KIND
from coterie.audiences.resolve import users_of
from coterie.audiences.service import REFRESH, Question, read_as
from coterie.errors import Refused
from coterie.kit.chinese import told_in
from coterie.kit.moments import show_moment
from coterie.rules.sentences import sentence
from coterie.rules.tree import parse_rule
from coterie.workspace import Workspace

_SAVING = threading.Lock()  # between looking at the version and saving
_FILES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
_FILES["xlsx"] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Format = Annotated[Literal["csv", "parquet", "xlsx"], Query()]
Tongue = Literal["en", "zh"]


class CountRequest(BaseModel):
    """A rule to count; moments as on the command line."""

    rule: dict[str, Any]
    as_of: str | None = None
    data_version: int | None = Field(None, ge=0, le=2**31)
    entity_kind: str = "customer"
    language: Tongue = "en"


class SentenceRequest(BaseModel):
    """A rule to say in words."""

    rule: dict[str, Any]
    entity_kind: str = "customer"
    language: Tongue = "en"


class SampleRequest(BaseModel):
    """A rule to take some people of; without `tags` some are shown."""

    rule: dict[str, Any]
    size: int = Field(10, ge=1, le=100)
    seed: int = Field(0, ge=0, le=2**31)
    tags: list[str] = Field([], max_length=50)
    as_of: str | None = None
    entity_kind: str = "customer"
    language: Tongue = "en"


class SaveRequest(BaseModel):
    """A rule to save. `base_version` is the version it was read at, 0 for a new one; none at all: whatever is there."""

    rule: dict[str, Any]
    description: str | None = None
    owner: str | None = None
    folder: str | None = None
    shared: bool | None = None
    purpose: str | None = None
    valid_until: str | None = None
    refresh: str | None = None
    entity_kind: str = "customer"
    language: Tongue = "en"
    base_version: int | None = Field(None, ge=0, le=2**31)


class CopyRequest(BaseModel):
    """The name of a copy."""

    to: str


class SyncRequest(BaseModel):
    """Where to send who came and who left."""

    destination: str
    hash_ids: bool = False


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    _counting(app)
    _list(app)
    _saving(app)
    _members(app)
    _files(app)


def _counting(app: FastAPI) -> None:
    @app.post("/api/v1/audiences/count")
    def count(body: CountRequest, door: In) -> Any:
        """How many a rule reaches, exactly, with the waterfall."""
        options = body.model_dump(include={"data_version", "entity_kind", "language"})
        moment = door.ws.moment(body.as_of, place="as_of")
        return answer(door.ws.audiences.count(body.rule, as_of=moment, **options).as_dict())

    @app.post("/api/v1/audiences/sentence")
    def said(body: SentenceRequest, door: In) -> Any:
        """A rule in words; refused with place and fix where it has a mistake."""
        asked = Question(door.ws.index, door.ws.audiences.snapshots, read_as(body.rule, body.entity_kind), None, None)
        return answer({"sentence": asked.sentence(body.language)})

    @app.get("/api/v1/purposes")
    def purposes(door: In, language: Language = "en") -> Any:
        """What audiences may be used for, and the channels that each permits."""
        rows = [{"key": key, "label": p.label.in_(language), "channels": p.channels} for key, p in PURPOSES.items()]
        return answer({"purposes": rows})

    @app.post("/api/v1/audiences/sample")
    def sample(body: SampleRequest, door: In) -> Any:
        """Some people of a rule that need not be saved, with their tags."""
        moment = door.ws.moment(body.as_of, place="as_of")
        asked: dict[str, Any] = {"size": body.size, "seed": body.seed, "tags": body.tags, "kind": body.entity_kind}
        return answer(people.sample(door, body.rule, as_of=moment, language=body.language, **asked))


def _list(app: FastAPI) -> None:
    @app.get("/api/v1/audiences")
    def audiences(
        door: In,
        language: Language = "en",
        search: Search = "",
        scope: Literal["all", "mine", "shared"] = "all",
        folder: str | None = None,
        state: str | None = None,
        sort: str = "audience",
        order: Order = "asc",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Any:
        """Saved audiences: mine, shared or all, of a folder, in a state."""
        asked: dict[str, Any] = {"scope": scope, "folder": folder, "state": state, "search": search}
        asked |= {"sort": sort, "order": order, "limit": limit, "offset": offset}
        rows, total = cards.listed(door, language, **asked)
        return answer({"audiences": rows, "total": total, "folders": cards.folders(door)})

    @app.get("/api/v1/audiences/{name}")
    def audience(name: str, door: In, language: Language = "en") -> Any:
        """One audience: its rule, what is said of it, how it stands, its newest snapshot and who uses it."""
        return answer(_told(door, name, language))

    @app.get("/api/v1/audiences/{name}/versions")
    def versions(name: str, door: In, language: Language = "en") -> Any:
        """All its versions, oldest first, with their rules."""
        cards.document(door, name)
        rows = []
        for kept in door.ws.store.history(KIND, name):
            words = door.ws.index.standings.of(kept.body["entity_kind"]).vocabulary
            said = sentence(parse_rule(kept.body["rule"]), language, words)
            saved_at = show_moment(kept.created_at, door.ws.zone)
            rows.append({"version": kept.version, "saved_at": saved_at, "sentence": said, "rule": kept.body["rule"]})
        return answer({"audience": name, "versions": rows})

    @app.get("/api/v1/audiences/{name}/history")
    def history(name: str, door: In) -> Any:
        """Its snapshots, oldest first: sizes, who entered and left."""
        cards.document(door, name)
        return answer({"audience": name, "snapshots": door.ws.audiences.history(name)})


def _told(door: Door, name: str, language: str) -> dict[str, Any]:
    found, ws = cards.document(door, name), door.ws
    about = About.of(found.body)
    words = ws.index.standings.of(found.body["entity_kind"]).vocabulary
    made = ws.audiences.snapshots.of(name)
    told = ("description", "owner", "folder", "shared", "purpose", "valid_until", "refresh")
    return {
        "audience": name,
        "version": found.version,
        "saved_at": show_moment(found.created_at, ws.zone),
        "entity_kind": found.body["entity_kind"],
        "rule": found.body["rule"],
        "sentence": sentence(parse_rule(found.body["rule"]), language, words),
        **{key: getattr(about, key) for key in told},
        **(state := ws.audiences.state(name)),
        "error": told_in(state["error"], language),
        "validity": about.validity(),
        "channels": about.channels,
        "newest": made[-1].row() if made else None,
        "used_by": [user._asdict() for user in users_of(ws.store, KIND, name)],
    }


def _saving(app: FastAPI) -> None:
    @app.put("/api/v1/audiences/{name}")
    def save(name: str, body: SaveRequest, door: In) -> Any:
        """Save a rule under a name; an existing name gets a new version, unless a newer one than was read is there."""
        with _SAVING:
            known = door.ws.store.find(KIND, name)
            if known is not None:
                cards.document(door, name)
            version = 0 if known is None else known.version
            if body.base_version is not None and body.base_version != version:
                return _conflict(door, name, body)
            options = body.model_dump(exclude={"rule", "base_version"})
            if known is None and body.owner is None:
                options["owner"] = door.caller.account.name
            return answer(door.ws.audiences.save(name, body.rule, **options))

    @app.post("/api/v1/audiences/{name}/copy")
    def copy(name: str, body: CopyRequest, door: In) -> Any:
        """The same rule under another name."""
        cards.document(door, name)
        return answer(door.ws.audiences.copy(name, body.to))

    @app.delete("/api/v1/audiences/{name}")
    def delete(name: str, door: In) -> Any:
        """Delete an audience that nobody uses; its snapshots stay readable."""
        cards.document(door, name)
        door.ws.audiences.delete(name)
        return answer({"audience": name, "deleted": True})

    @app.post("/api/v1/audiences/{name}/refresh")
    def refresh(name: str, door: In, as_of: str | None = None, detach: bool = False, language: Language = "en") -> Any:
        """Compute the members and keep them as a snapshot; with `detach` as a job, whose id is told."""
        cards.document(door, name)
        moment = door.ws.moment(as_of, place="as_of")
        if detach:
            return answer({"job": door.ws.jobs.enqueue(REFRESH, {"audience": name, "as_of": as_of})})
        return answer(door.ws.audiences.refresh(name, as_of=moment, language=language))


def _conflict(door: Door, name: str, body: SaveRequest) -> JSONResponse:
    """What is there now and what was to be saved, side by side."""
    gone = door.ws.store.find(KIND, name) is None
    theirs = None if gone else _told(door, name, body.language)
    said = f'"{name}" was deleted.' if gone else f'"{name}" was saved by somebody else since you opened it.'
    fix = "Look at both, and save again at the newest version."
    error = told_in({"code": "newer_version", "message": said, "place": "base_version", "fix": fix}, body.language)
    return answer({**(error or {}), "theirs": theirs, "yours": body.model_dump()}, 409)


def _members(app: FastAPI) -> None:
    @app.get("/api/v1/audiences/{name}/members")
    def members(
        name: str,
        door: In,
        snapshot: str | None = None,
        on: str | None = None,
        limit: Annotated[int, Query(ge=0, le=1000)] = 50,
        offset: Offset = 0,
    ) -> Any:
        """Members in key order, a page at a time; `on` a day, those of the newest snapshot not after it."""
        cards.document(door, name)
        if on is not None and snapshot is None:
            snapshot = door.ws.audiences.snapshot_on(name, on).id
        found = door.ws.audiences.members(name, snapshot=snapshot, limit=limit, offset=offset)
        return answer(door.mask.members(found))

    @app.get("/api/v1/audiences/{name}/sample")
    def sample(name: str, door: In, size: Limit = 10, seed: Offset = 0, snapshot: str | None = None) -> Any:
        """Some members, at random but repeatably."""
        cards.document(door, name)
        found = door.ws.audiences.sample(name, size=size, seed=seed, snapshot=snapshot)
        return answer(door.mask.members(found))

    @app.get("/api/v1/audiences/{name}/explain/{entity:path}")
    def explain(name: str, entity: str, door: In, as_of: str | None = None, language: Language = "en") -> Any:
        """Why a customer is in it or not."""
        cards.document(door, name)
        door.mask.refuse_keys()
        moment = door.ws.moment(as_of, place="as_of")
        return answer(_masked(door, door.ws.audiences.explain(name, entity, as_of=moment, language=language)))

    @app.post("/api/v1/audiences/{name}/sync")
    def sync(name: str, body: SyncRequest, door: In) -> Any:
        """Send who came and who left since the last time, as a job."""
        from coterie.audiences.sync import JOB

        cards.document(door, name)
        door.ws.destinations.sender(body.destination).check()
        given = {"audience": name, "destination": body.destination, "hashed": body.hash_ids}
        return answer({"job": door.ws.jobs.enqueue(JOB, given)})


def _masked(door: Door, told: dict[str, Any]) -> dict[str, Any]:
    """An explanation without somebody's values of hidden tags and fields."""
    mask = door.mask
    hidden: list[Any] = [tag for name, tag in door.ws.catalog.tags().items() if mask.hides(name)]
    for dataset in door.ws.catalog.datasets().values():
        hidden += [f for f in dataset.fields if mask.of_dataset(dataset).hides(f.name)]
    words = {word for one in hidden for word in (one.name, *one.label.values())}
    for reason in told["reasons"]:
        if reason["value"] is not None and any(word in str(reason["sentence"]) for word in words):
            reason["value"] = HIDDEN
    flip = told["flip"]
    if flip is not None and any(word in change["sentence"] for change in flip["changes"] for word in words):
        told["flip"] = None  # it would tell the value that is there
    return told


def _files(app: FastAPI) -> None:
    @app.get("/api/v1/audiences/{name}/export")
    def export(
        name: str,
        door: In,
        format: Format = "csv",
        snapshot: str | None = None,
        tags: str = "",
        hash_ids: bool = False,
    ) -> Any:
        """Members as a file, with tags beside the key; no cell runs as a formula."""
        cards.document(door, name)
        columns = [t.strip() for t in tags.split(",") if t.strip()]
        door.mask.refuse_tags(columns)
        hashed = hash_ids or door.mask.keys
        path = made_file(door.ws, f"export.{format}")
        try:
            done = door.ws.audiences.export(name, path, snapshot=snapshot, tags=columns, hash_ids=hashed)
        except BaseException:
            gone(path)
            raise
        door.note("export", name, None, {"rows": done["rows"], "tags": columns, "snapshot": done["snapshot"]})
        return sent(path, f"{name}.{format}")


def made_file(ws: Workspace, name: str) -> Path:
    """A place for a file that is sent once and then deleted."""
    import uuid

    if not name.replace(".", "").isalnum():
        raise Refused("bad_argument", "This cannot name a file.", place="name", fix="Use letters and digits.")
    folder = ws.path / "staging" / "sent" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder / name


def sent(path: Path, name: str) -> FileResponse:
    """The file as a download, deleted afterwards."""
    kind = _FILES.get(path.suffix[1:], "application/octet-stream")
    return FileResponse(path, media_type=kind, filename=name, background=BackgroundTask(gone, path))


def gone(path: Path) -> None:
    """Delete the file and its folder."""
    path.unlink(missing_ok=True)
    path.parent.rmdir()
