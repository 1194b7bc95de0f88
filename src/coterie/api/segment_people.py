"""What people say and do with segments: labels of their own, marks, strategies, audiences, new rows assigned."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, Field

from coterie.api import uploads
from coterie.api.answers import answer
from coterie.api.audiences import made_file, sent
from coterie.api.door import Door, In, Language, Limit, Offset
from coterie.audiences.resolve import AUDIENCE
from coterie.engines.sql import quote_value
from coterie.errors import NotFound, Refused
from coterie.kit.plain import plain

Text = Annotated[str | None, Field(max_length=4_000)]
_SHOWN, _PREDICTED = 20, ".predicted.csv"  # no upload's name begins with a dot


class LabelsRequest(BaseModel):
    """People's own labels: of an upload with a key and a label a row, or of a tag."""

    upload: str | None = None
    entity: str | None = None
    label: str | None = None
    tag: str | None = None
    amount: str | None = None
    top: str | None = None


class MarkRequest(BaseModel):
    """What is wrong with a segment, its name, its reason or a customer in it; or what it is to be called."""

    segment: int
    what: Literal["name", "reason", "segment", "customer"]
    note: str = Field("", max_length=2_000)
    entity: Text = None
    name_en: Text = None
    name_zh: Text = None
    version: int | None = Field(None, ge=1, le=2**31)


class StrategyRequest(BaseModel):
    """Who looks after a segment, what they do and how they sell; an empty text takes a part away."""

    segment: int
    owner: Text = None
    action: Text = None
    policy: Text = None


class AudienceRequest(BaseModel):
    """A segment as an audience: by the tag itself, or by its explaining rule."""

    segment: int
    name: str = Field(min_length=1, max_length=100)
    by: Literal["tag", "rule"] = "tag"


class PredictRequest(BaseModel):
    """An upload whose rows are to be assigned; `entity` is its column with the key."""

    upload: str
    entity: str | None = None
    version: int | None = Field(None, ge=1, le=2**31)


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    _labels(app)
    _marks(app)
    _handing_over(app)
    _predicting(app)


def masked_marks(door: Door, marks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Marks, newest first, customers' keys as the caller may see them."""
    shown = [{**m, "entity": None if m["entity"] is None else door.mask.key(m["entity"])} for m in marks]
    return list(reversed(shown))


def _labels(app: FastAPI) -> None:
    @app.get("/api/v1/segments/{name}/labels")
    def labels(name: str, door: In, limit: Limit = 20, offset: Offset = 0) -> Any:
        """The newest comparison of people's labels with the segments, and a page of the large customers overlooked."""
        found = door.ws.segments.kept_labels(name)
        if found is None:
            return answer({"segmentation": name, "labels": None})
        return answer({"segmentation": name, "labels": _agreement(door, found, limit, offset)})

    @app.post("/api/v1/segments/{name}/labels")
    def compare(name: str, body: LabelsRequest, door: In, limit: Limit = 20) -> Any:
        """Compare people's own labels with the published segments; the figures are kept."""
        asked = body.model_dump(exclude={"upload"})
        file = None if body.upload is None else uploads.find(door, body.upload)
        if body.tag is not None:
            door.mask.refuse_tags([body.tag])
        found = door.ws.segments.compare_labels(name, file, **asked)
        door.note("labels", name, None, {"matched": found.matched, "unmatched": found.unmatched})
        return answer({"segmentation": name, "labels": _agreement(door, found, limit, 0)})


def _agreement(door: Door, found: Any, limit: int, offset: int) -> dict[str, Any]:
    body: dict[str, Any] = plain(found.as_dict())
    rows = body["overlooked"][offset : offset + limit]
    shown = [{**row, "entity": door.mask.key(row["entity"])} for row in rows]
    examples = [door.mask.key(key) for key in body["examples"]]
    return {**body, "overlooked": shown, "overlooked_total": len(body["overlooked"]), "examples": examples}


def _marks(app: FastAPI) -> None:
    @app.get("/api/v1/segments/{name}/marks")
    def marks(name: str, door: In) -> Any:
        """Everything that people said of its segments, newest first."""
        shown = masked_marks(door, door.ws.segments.show(name)["marks"])
        return answer({"marks": shown, "total": len(shown)})

    @app.post("/api/v1/segments/{name}/marks")
    def mark(name: str, body: MarkRequest, door: In) -> Any:
        """Keep what the caller says; a name given so is what the segment is called from now on."""
        if body.entity is not None:
            door.mask.refuse_keys()
        said = body.model_dump(exclude={"segment", "what"})
        made = door.ws.segments.mark(name, body.segment, body.what, by=door.caller.account.name, **said)
        door.note("mark", name, None, made.as_dict())
        return answer(made.as_dict())

    @app.delete("/api/v1/segments/{name}/marks/{mark}")
    def withdraw(name: str, mark: str, door: In) -> Any:
        """Take a mark back; it stays in the history, and is shown no more."""
        made = door.ws.segments.withdraw_mark(name, mark, door.caller.account.name)
        door.note("mark", name, made.as_dict(), None)
        return answer({"id": made.id, "withdrawn": made.withdrawn})


def _handing_over(app: FastAPI) -> None:
    @app.put("/api/v1/segments/{name}/strategy")
    def strategy(name: str, body: StrategyRequest, door: In) -> Any:
        """Say who looks after a segment, what they do and how they sell; published as tags of its customers."""
        before = door.ws.segments.strategy_of(name, body.segment).as_dict()
        made = door.ws.segments.set_strategy(name, **body.model_dump()).as_dict()
        door.note("strategy", f"{name}/{body.segment}", before, made)
        return answer({"segmentation": name, **made})

    @app.post("/api/v1/segments/{name}/audience")
    def audience(name: str, body: AudienceRequest, door: In, language: Language = "en") -> Any:
        """Save a segment as an audience of a new name."""
        door.ws.segments.registry.get(name)
        if door.ws.store.find(AUDIENCE, body.name) is not None:
            said = f'There is an audience "{body.name}".'
            raise Refused("bad_argument", said, place="name", fix="Choose another name.")
        return answer(door.ws.segments.save_audience(name, body.segment, body.name, by=body.by, language=language))

    @app.get("/api/v1/segments/{name}/sql/{segment}")
    def sql(name: str, segment: int, door: In) -> Any:
        """The explaining rule of a segment as SQL, with how well it does."""
        return answer(door.ws.segments.sql(name, segment))


def _predicting(app: FastAPI) -> None:
    @app.post("/api/v1/segments/{name}/predict")
    def predict(name: str, body: PredictRequest, door: In, language: Language = "en") -> Any:
        """Assign the rows of an upload: how many went where, and what had to be assumed; the file is fetched by its id."""
        file = uploads.find(door, body.upload)
        folder = file.parent.with_name(uuid.uuid4().hex)
        folder.mkdir()
        try:
            asked: dict[str, Any] = {"entity": body.entity, "version": body.version}
            made = door.ws.segments.predict_file(name, file, folder / _PREDICTED, **asked)
            told = _counted(door, folder / _PREDICTED, made)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        door.note("predict", name, None, {"rows": made["rows"], "version": made["version"]})
        notes = [{**note, "text": note["text"][language]} for note in made["notes"]]
        return answer({"prediction": folder.name, **told, "version": made["version"], "notes": notes})

    @app.get("/api/v1/segments/{name}/predict/{prediction}")
    def predicted(name: str, prediction: str, door: In) -> Any:
        """The file of a prediction: entity, segment, second, margin; no cell runs as a formula."""
        from coterie.engines.export import write

        door.ws.segments.registry.get(name)
        source = uploads.find(door, prediction)
        if source.name != _PREDICTED:
            fix = "Assign the rows of an upload first."
            raise NotFound("unknown_name", "There is no such prediction.", place="prediction", fix=fix)
        path = made_file(door.ws, "export.csv")
        try:
            with door.ws.engine.cursor() as engine:
                write(engine, f"SELECT * FROM {_read(source)}", path)
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        door.note("export", name, None, {"prediction": prediction})
        return sent(path, f"{name}.csv")


def _read(path: Path) -> str:
    """What a prediction is read from: keys stay text, with their leading zeros."""
    kinds = "{'entity': 'VARCHAR', 'segment': 'BIGINT', 'second': 'BIGINT', 'margin': 'DOUBLE'}"
    return f"read_csv({quote_value(str(path))}, header = true, columns = {kinds})"


def _counted(door: Door, path: Path, made: Mapping[str, Any]) -> dict[str, Any]:
    """How many rows went into each segment, how many stand near a border, and the first ones."""
    with door.ws.engine.cursor() as engine:
        table = _read(path)
        sizes = engine.rows(f"SELECT segment, count(*) FROM {table} GROUP BY segment ORDER BY segment")
        near = engine.value(f"SELECT count(*) FROM {table} WHERE margin < 0.1")
        rows = engine.arrow(f"SELECT * FROM {table} LIMIT {_SHOWN}").to_pylist()
    return {"rows": made["rows"], "sizes": {str(i): n for i, n in sizes}, "near": near, "sample": plain(rows)}
