"""Imported tables: what they hold, how they came, rejects, clean-up."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from coterie.api import counted
from coterie.api.answers import answer, page
from coterie.api.audiences import made_file, sent
from coterie.api.door import Door, In, Language, Limit, Offset, Search
from coterie.api.listing import listed_by
from coterie.api.masking import HIDDEN
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_name, quote_value
from coterie.kit.chinese import said_in
from coterie.kit.moments import show_moment
from coterie.kit.plain import plain

_HEADINGS = {"file": "文件", "line": "行号", "column": "列", "value": "取值", "reason": "原因", "raw": "原始行"}


class CleanupRequest(BaseModel):
    """What later imports write for a value."""

    field: str
    value: str
    to: str = Field(max_length=10_000)


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    _tables(app)
    _rejects(app)
    _cleanup(app)


def _tables(app: FastAPI) -> None:
    @app.get("/api/v1/datasets")
    def datasets(door: In, asked: Annotated[dict[str, Any], listed_by("dataset")]) -> Any:
        """What is imported."""
        rows, total = page(door.ws.dataset_rows(), within=("dataset", "kind"), **asked)
        return answer({"datasets": rows, "total": total})

    @app.get("/api/v1/datasets/{name}")
    def dataset(name: str, door: In) -> Any:
        """One: its fields, joins, and the batches that came."""
        return answer(_told(door, name))

    @app.get("/api/v1/datasets/{name}/sample")
    def sample(name: str, door: In, limit: Limit = 20) -> Any:
        """Its newest rows, as they are stored."""
        return answer(_sample(door, name, limit))

    @app.get("/api/v1/datasets/{name}/fields/{field:path}/values")
    def values(name: str, field: str, door: In, search: Search = "", limit: Limit = 50) -> Any:
        """A field's values with how many rows have each, the commonest first; LOOKUP.FIELD, too."""
        return answer(counted.field_values(door, name, field, search, limit))


def _told(door: Door, name: str) -> dict[str, Any]:
    found = door.ws.catalog.dataset(name)
    told = ("read", "accepted", "rejected", "duplicates", "file", "seconds")
    batches = [
        {
            "data_version": b.data_version,
            "published_at": show_moment(b.published_at, door.ws.zone),
            "replaced": bool(b.replaced),
            **{key: b.facts.get(key) for key in told},
        }
        for b in door.ws.lake.batches(name)
    ]
    mask = door.mask.of_dataset(found)
    roles = ("entity", "time", "key", "target", "weight", "modality")
    fields = [
        {"name": f.name, "type": f.type.value, "label": f.label, "hidden": mask.hides(f.name)} for f in found.fields
    ]
    row = next(r for r in door.ws.dataset_rows() if r["dataset"] == name)
    extra = {"fields": fields, "joins": found.joins, "batches": batches}
    return {**row, **{role: getattr(found, role) for role in roles}, **extra}


def _sample(door: Door, name: str, limit: int) -> dict[str, Any]:
    found = door.ws.catalog.dataset(name)
    files = door.ws.lake.files(found.table)
    fields = [f for f in found.fields if any(column == f.column for column, _ in files.columns)]
    if not files.paths or not fields:
        return {"columns": [f.name for f in fields], "rows": []}
    columns = ", ".join(f"{quote_name(f.column)} AS {quote_name(f.name)}" for f in fields)
    with door.ws.engine.cursor() as engine:
        sql = f"SELECT {columns} FROM {scan(files)} ORDER BY _batch DESC LIMIT {limit}"
        rows = [door.mask.of_dataset(found).row(plain(row)) for row in engine.arrow(sql).to_pylist()]
    return {"columns": [f.name for f in fields], "rows": [[row[f.name] for f in fields] for row in rows]}


def _rejects(app: FastAPI) -> None:
    @app.get("/api/v1/datasets/{name}/rejects")
    def rejects(name: str, door: In, reason: str | None = None, limit: Limit = 50, offset: Offset = 0) -> Any:
        """Rows that could not be used, with file, line, column, value and reason."""
        return answer(_rejected(door, name, reason, limit, offset))

    @app.get("/api/v1/datasets/{name}/rejects.csv")
    def rejects_file(name: str, door: In, reason: str | None = None, language: Language = "en") -> Any:
        """All of them, or those of one reason, as a file, with the rows themselves."""
        door.mask.refuse_tags([f.name for f in door.ws.catalog.dataset(name).fields])
        path = made_file(door.ws, "rejects.csv")
        headings = _HEADINGS if language == "zh" else None
        rows = door.ws.write_rejects(name, path, reason=reason, headings=headings)
        door.note("export", name, None, {"rejects": rows, "reason": reason})
        return sent(path, f"{name} rejects.csv")


def _rejected(door: Door, name: str, reason: str | None, limit: int, offset: int) -> dict[str, Any]:
    door.ws.catalog.dataset(name)
    files = door.ws.lake.files("rejects")
    if not files.columns:
        return {"rejects": [], "reasons": {}, "total": 0}
    source = f"(SELECT * FROM {scan(files)} WHERE dataset = {quote_value(name)})"
    chosen = source if reason is None else f"(SELECT * FROM {source} WHERE reason = {quote_value(reason)})"
    with door.ws.engine.cursor() as engine:
        reasons = dict(engine.rows(f"SELECT reason, count(*) FROM {source} GROUP BY reason ORDER BY 2 DESC, 1"))
        columns = 'file, line, "column", value, reason'
        page_ = f"ORDER BY _batch DESC, line LIMIT {limit} OFFSET {offset}"
        rows = engine.arrow(f"SELECT {columns} FROM {chosen} {page_}").to_pylist()
    total = sum(reasons.values()) if reason is None else reasons.get(reason, 0)
    shown = [{**r, "value": HIDDEN if door.mask.hides(str(r["column"])) else r["value"]} for r in rows]
    return {"rejects": shown, "reasons": reasons, "total": total}


def _cleanup(app: FastAPI) -> None:
    @app.get("/api/v1/datasets/{name}/cleanup")
    def suggestions(name: str, door: In, language: Language = "en") -> Any:
        """Values that are probably one, with the evidence, and the rules in force."""
        from coterie.ingest.cleanup import confirmed, suggest_cleanup

        found = [
            {
                "field": s.field,
                "value": s.value,
                "to": s.replacement,
                "count": s.rows,
                "why": said_in(s.evidence, language),
            }
            for s in suggest_cleanup(door.ws.ingest_context, name)
            if not door.mask.hides(s.field)
        ]
        rules = {f: r for f, r in confirmed(door.ws.store, name).items() if not door.mask.hides(f)}
        return answer({"suggestions": found, "rules": rules})

    @app.post("/api/v1/datasets/{name}/cleanup")
    def confirm(name: str, body: CleanupRequest, door: In) -> Any:
        """Keep a rule: later imports of the dataset apply it."""
        from coterie.ingest.cleanup import confirm_cleanup

        given = (door.ws.ingest_context, name, body.field, body.value, body.to)
        return answer({"field": body.field, "rules": confirm_cleanup(*given, by=door.caller.account.name)})

    @app.delete("/api/v1/datasets/{name}/cleanup")
    def drop(name: str, field: str, value: str, door: In) -> Any:
        """Forget a rule."""
        from coterie.ingest.cleanup import drop_cleanup

        drop_cleanup(door.ws.ingest_context, name, field, value)
        return answer({"field": field, "dropped": value})
