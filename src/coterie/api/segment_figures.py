"""Figures of segmentations: profile, how many, stability, preparation, drift, migration, and the map with its outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from coterie.api.answers import answer
from coterie.api.door import In, Language

if TYPE_CHECKING:
    from coterie.learn.segments.picturing import Outline

Number = Annotated[int | None, Query(ge=1, le=2**31)]
Corner = Annotated[list[float], Field(min_length=2, max_length=2)]


class OutlineRequest(BaseModel):
    """A line drawn round customers on a map; `segments`: only those of these, 0 being in none."""

    map: str = Field(min_length=1, max_length=64)
    corners: list[Corner] = Field(min_length=3, max_length=500)
    segments: list[int] | None = Field(None, max_length=100)


class NamedOutline(OutlineRequest):
    """An outline, and what whom it holds is to be called."""

    name: str = Field(min_length=1, max_length=100)


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    _fits(app)
    _time(app)
    _maps(app)


def words_of_bands(language: Any) -> dict[str | None, str]:
    """The words of the bands of stability."""
    from coterie.learn.segments.words import BAND_WORDS

    return {code: text.say(language) for code, text in BAND_WORDS.items()}


def _fits(app: FastAPI) -> None:
    @app.get("/api/v1/segments/{name}/profile")
    def profile(name: str, door: In, version: Number = None, language: Language = "en") -> Any:
        """Every tag per segment against everybody: median, mean, quartiles, difference with its interval, effect size."""
        found = door.ws.segments.profile(name, version, language)
        shown = [trait for trait in found["traits"] if not door.mask.hides(trait["tag"])]
        return answer({**found, "traits": shown})

    @app.get("/api/v1/segments/{name}/panel")
    def panel(name: str, door: In, version: Number = None, language: Language = "en") -> Any:
        """Every number of segments tried, what was set aside and why, and how they split from one to the next."""
        return answer(door.ws.segments.panel(name, version, language))

    @app.get("/api/v1/segments/{name}/stability")
    def stability(name: str, door: In, version: Number = None, language: Language = "en") -> Any:
        """How surely each segment comes back when other customers are drawn."""
        return answer(door.ws.segments.stability(name, version, language))

    @app.get("/api/v1/segments/{name}/preparation")
    def preparation(name: str, door: In, version: Number = None, language: Language = "en") -> Any:
        """What was done to each tag before segments were looked for."""
        return answer(door.ws.segments.preparation(name, version, language))


def _time(app: FastAPI) -> None:
    @app.get("/api/v1/segments/{name}/drift")
    def drift(
        name: str, door: In, every_days: Annotated[float, Query(gt=0, le=3650)] = 90.0, language: Language = "en"
    ) -> Any:
        """How today's customers differ from those of the last fit, and when to fit again."""
        found = door.ws.segments.drift(name, every_days=every_days)
        told, labels = found.as_dict(), door.ws.segments.labels(name, language)
        told["columns"] = [{**c, "label": labels.get(c["column"], c["column"])} for c in told["columns"]]
        sentence = door.ws.segments.drift_sentence(name, found, language)
        return answer({"segmentation": name, **told, "sentence": sentence})

    @app.get("/api/v1/segments/{name}/migration")
    def migration(
        name: str,
        door: In,
        before: Annotated[int | None, Query(alias="from", ge=1, le=2**31)] = None,
        after: Annotated[int | None, Query(alias="to", ge=1, le=2**31)] = None,
    ) -> Any:
        """Who moved between two versions, or since the last publish, and whether they changed or the model did."""
        return answer(door.ws.segments.migrate(name, before, after))


def _maps(app: FastAPI) -> None:
    @app.get("/api/v1/segments/{name}/map")
    def plan(name: str, door: In, version: Number = None, language: Language = "en") -> Any:
        """A map of today's customers: how many points, its bounds, what the axes are made of, where the segments lie."""
        return answer(door.ws.segments.map(name, version, language))

    @app.get("/api/v1/segments/{name}/map/points")
    def points(name: str, door: In, map: Annotated[str, Query(min_length=1, max_length=64)]) -> Any:
        """The points of a map: all x, y as little-endian float32, then a byte each: 0, or the segment's place in `ids`."""
        path = door.ws.segments.map_points(name, map)
        headers = {"Content-Encoding": "gzip", "Cache-Control": "private, max-age=3600"}
        return FileResponse(path, media_type="application/octet-stream", headers=headers)

    @app.post("/api/v1/segments/{name}/map/selection")
    def selection(name: str, body: OutlineRequest, door: In) -> Any:
        """How many stand inside an outline, by segment, and some of them."""
        found = door.ws.segments.selection(name, _outline(body))
        return answer({**found, "entities": [door.mask.key(key) for key in found["entities"]]})

    @app.post("/api/v1/segments/{name}/map/audience")
    def save(name: str, body: NamedOutline, door: In, language: Language = "en") -> Any:
        """Save whom an outline holds as a list and an audience of one name."""
        owner = door.caller.account.name
        made = door.ws.segments.save_selection(name, _outline(body), body.name, owner=owner, language=language)
        door.note("list", body.name, None, {"matched": made["matched"]})
        return answer(made)


def _outline(body: OutlineRequest) -> Outline:
    from coterie.learn.segments.picturing import Outline  # brings in SciPy: 1.5 s that the server's start need not wait

    return Outline(body.map, body.corners, body.segments)
