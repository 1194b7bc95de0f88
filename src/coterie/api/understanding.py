"""Understanding audiences: insight, overlap, look-alikes, differences, back-tests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from coterie.api import cards
from coterie.api.answers import answer
from coterie.api.audiences import made_file, sent
from coterie.api.door import Door, In, Language
from coterie.errors import Refused

Tongue = Literal["en", "zh"]


class InsightRequest(BaseModel):
    """An audience or a rule to compare with everyone else, or with another audience."""

    audience: str | None = None
    rule: dict[str, Any] | None = None
    against: str | None = None
    tags: list[str] = Field([], max_length=500)
    top: int = Field(10, ge=1, le=100)
    as_of: str | None = None
    entity_kind: str = "customer"
    language: Tongue = "en"


class OverlapRequest(BaseModel):
    """Audiences to compare with each other."""

    audiences: list[str] = Field(max_length=50)
    limit: int = Field(20, ge=0, le=1000)
    as_of: str | None = None


class LookAlikeRequest(BaseModel):
    """A seed to resemble: an audience, a snapshot or a list."""

    seed: str
    size: int = Field(ge=1, le=2**31)
    name: str | None = None
    save: bool = True
    entity_kind: str = "customer"
    language: Tongue = "en"


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.post("/api/v1/audiences/insight")
    def insight(body: InsightRequest, door: In) -> Any:
        """How an audience or the people of a rule differ from the rest, tag by tag."""
        given = body.audience if body.rule is None else body.rule
        if given is None:
            raise Refused("bad_argument", "Nobody is named.", place="audience", fix="Give `audience` or `rule`.")
        options: dict[str, Any] = {"tags": _shown(door, body), "top": body.top, "language": body.language}
        moment = door.ws.moment(body.as_of, place="as_of")
        found = door.ws.audiences.insight(given, body.against, as_of=moment, kind=body.entity_kind, **options)
        return answer(_masked(door, found.as_dict()))

    @app.post("/api/v1/audiences/overlap")
    def overlap(body: OverlapRequest, door: In) -> Any:
        """How many people audiences share, and who is in exactly which."""
        moment = door.ws.moment(body.as_of, place="as_of")
        return answer(door.ws.audiences.overlap(body.audiences, limit=body.limit, as_of=moment).as_dict())

    @app.post("/api/v1/audiences/lookalike")
    def lookalike(body: LookAlikeRequest, door: In) -> Any:
        """The people most like a seed, as tags and an audience."""
        options: dict[str, Any] = {"name": body.name, "kind": body.entity_kind, "language": body.language}
        found = door.ws.audiences.lookalike(body.seed, body.size, save=body.save, files=False, **options)
        return answer(found.as_dict())

    _of_one(app)


def _of_one(app: FastAPI) -> None:
    """The routes of one saved audience."""

    @app.get("/api/v1/audiences/{name}/diff")
    def diff(name: str, before: str, after: str, door: In, language: Language = "en") -> Any:
        """Who entered and left between two snapshots, by rule and by data."""
        cards.document(door, name)
        found = door.ws.audiences.diff(name, before, after, language=language).as_dict()
        for way in ("samples_entered", "samples_left"):
            found[way] = {cause: [door.mask.key(key) for key in keys] for cause, keys in found[way].items()}
        return answer(found)

    @app.get("/api/v1/audiences/{name}/page.xlsx")
    def workbook(
        name: str,
        door: In,
        against: str | None = None,
        others: Annotated[list[str] | None, Query(max_length=7)] = None,
        language: Language = "en",
    ) -> Any:
        """Its page as a workbook: sizes, who came and went, insight, and overlap with `others`; nobody is named."""
        from coterie.api.workbook import audience_sheets, write_workbook

        for asked in (name, *([against] if against else []), *(others or [])):
            cards.document(door, asked)
        sheets = audience_sheets(door, name, language, against=against, others=others or [])
        path = made_file(door.ws, "page.xlsx")
        write_workbook(sheets, path)
        return sent(path, f"{name}.xlsx")

    @app.get("/api/v1/audiences/{name}/backtest")
    def backtest(
        name: str,
        door: In,
        weeks: Annotated[int, Query(ge=1, le=520)] = 12,
        as_of: str | None = None,
        language: Language = "en",
    ) -> Any:
        """What its rule would have given in each of the past weeks."""
        cards.document(door, name)
        moment = door.ws.moment(as_of, place="as_of")
        return answer(door.ws.audiences.backtest(name, weeks, as_of=moment, language=language).as_dict())


def _shown(door: Door, body: InsightRequest) -> list[str]:
    door.mask.refuse_tags(body.tags)
    return body.tags


def _masked(door: Door, found: dict[str, Any]) -> dict[str, Any]:
    """Without the tags that the caller may not see."""
    return {**found, "tags": [tag for tag in found["tags"] if not door.mask.hides(tag["tag"])]}
