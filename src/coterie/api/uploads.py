"""Files from the browser: kept in the workspace's staging until they are imported; a path of the server is never read."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Form, UploadFile
from pydantic import BaseModel, Field

from coterie.api.answers import answer, language_of, notes_in
from coterie.api.door import Door, In
from coterie.api.masking import HIDDEN
from coterie.errors import NotFound
from coterie.ingest.jobs import IMPORT
from coterie.kit.disk import disk_errors
from coterie.kit.plain import plain

_KEPT_SECONDS = 24 * 3600
_SHOWN = 3
_ID = re.compile(r"[0-9a-f]{32}")


class ImportRequest(BaseModel):
    """An upload, and what is to become of it; the words are those of `coterie import`."""

    upload: str
    kind: str | None = Field(None, alias="as")
    name: str | None = None
    entity: str | None = None
    entity_kind: str | None = None
    time: str | None = None
    key: str | None = None
    target: str | None = None
    weight: str | None = None
    modality: str | None = None
    values: str | None = None
    types: dict[str, str] | None = None
    mapping: dict[str, Any] | None = Field(None, description="More words of a mapping file: rename, skip, missing, ...")
    replace: bool = False
    dry_run: bool = False


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    _files(app)
    _imports(app)


def _files(app: FastAPI) -> None:
    @app.post("/api/v1/uploads")
    def upload(file: UploadFile, door: In) -> Any:
        """A file, kept for a day."""
        path = keep(door, file)
        door.note("upload", path.name, None, {"bytes": path.stat().st_size})
        return answer({"upload": path.parent.name, "name": path.name, "bytes": path.stat().st_size})

    @app.post("/api/v1/uploads/{upload}/look")
    def look(upload: str, door: In) -> Any:
        """Its columns with some values, and a guess of which is which."""
        return answer(_look(door, find(door, upload)))

    @app.delete("/api/v1/uploads/{upload}")
    def forget(upload: str, door: In) -> Any:
        """Delete it."""
        shutil.rmtree(find(door, upload).parent)
        return answer({"upload": upload, "deleted": True})

    @app.post("/api/v1/lists/{name}")
    def upload_list(
        name: str, file: UploadFile, column: Annotated[str, Form()], door: In, entity_kind: str = "customer"
    ) -> Any:
        """A list of customers, usable in rules; keys that match nobody are counted."""
        path = keep(door, file)
        try:
            told = door.ws.tags.upload_list(name, path, column=column, entity_kind=entity_kind)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)
        door.note("list", name, None, {"matched": told["matched"], "unmatched": told["unmatched"]})
        return answer(told)

    @app.get("/api/v1/lists")
    def lists(door: In) -> Any:
        """Uploaded lists with when they came."""
        rows = []
        for tag in door.ws.catalog.declared_tags().values():
            if tag.name.startswith("list."):
                batches = door.ws.lake.batches(tag.name)
                newest = batches[-1] if batches else None
                size = None if newest is None else newest.facts.get("accepted")
                at = None if newest is None else newest.published_at
                rows.append({"list": tag.name[5:], "tag": tag.name, "size": size, "uploaded_at": at})
        return answer({"lists": rows, "total": len(rows)})


def _imports(app: FastAPI) -> None:
    @app.post("/api/v1/imports")
    def import_(body: ImportRequest, door: In) -> Any:
        """Import an upload as a job; with `dry_run` make the whole pass now, publish nothing and say what came out."""
        from coterie.ingest.mapping import make_spec
        from coterie.ingest.service import import_file

        path = find(door, body.upload)
        options = body.model_dump(exclude={"upload", "dry_run", "replace"}, exclude_none=True)
        if body.dry_run:
            report = import_file(door.ws.ingest_context, path, dry_run=True, replace=body.replace, **options)
            told = _masked(door, report.as_dict())
            return answer({**told, "notes": notes_in(told.get("notes", []), language_of(door.request))})
        make_spec(options.get("mapping"), **{k: v for k, v in options.items() if k != "mapping"})
        given = {"upload": body.upload, "file": path.name, "options": {**options, "replace": body.replace}}
        job = door.ws.jobs.enqueue(IMPORT, given)
        door.note("import", str(body.name), None, {**given, "job": job})
        return answer({"job": job})


def keep(door: Door, file: UploadFile) -> Path:
    """Write an upload into a folder of its own, under its last name without anything that could leave the folder."""
    folder = door.ws.path / "staging" / "uploads"
    _sweep(folder)
    name = re.sub(r"[^\w.\- ]", "_", Path(file.filename or "upload").name).lstrip(". ")[-120:] or "upload"
    with disk_errors():
        place = folder / uuid.uuid4().hex
        place.mkdir(parents=True)
        with (place / name).open("wb") as target:
            shutil.copyfileobj(file.file, target, 1 << 20)
    return place / name


def find(door: Door, upload: str) -> Path:
    """The file of an upload. Raises NotFound."""
    folder = door.ws.path / "staging" / "uploads" / upload
    files = list(folder.iterdir()) if _ID.fullmatch(upload) and folder.is_dir() else []
    if not files:
        fix = "Upload the file; uploads are kept for a day."
        raise NotFound("unknown_name", "There is no such upload.", place="upload", fix=fix)
    return files[0]


def _sweep(folder: Path) -> None:
    """Delete uploads of more than a day ago."""
    if folder.is_dir():
        for old in folder.iterdir():
            if time.time() - old.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)


def _look(door: Door, path: Path) -> dict[str, Any]:
    from coterie.ingest.look import look

    found = look(door.ws.ingest_context, path)
    shown = [door.mask.row(plain(row)) for row in found.rows]
    told = [{"name": n, "sample": [r[n] for r in shown if r[n] not in (None, "")][:_SHOWN]} for n in found.columns]
    return {"name": path.name, "columns": told, "rows": shown, "guess": found.guess}


def _masked(door: Door, report: dict[str, Any]) -> dict[str, Any]:
    mask = door.mask
    shown = {**report, "sample": [mask.row(row) for row in report.get("sample", [])]}
    rejects = report.get("rejects", [])
    shown["rejects"] = [{**r, "value": HIDDEN if mask.hides(str(r.get("column"))) else r.get("value")} for r in rejects]
    return shown
