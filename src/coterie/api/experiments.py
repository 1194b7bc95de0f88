"""Experiments: those of campaigns and of files, power before, analysis after."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from coterie.api.answers import answer, page
from coterie.api.door import In, Language, Limit, Offset, Order, Search
from coterie.api.uploads import find
from coterie.campaigns import experiments as known
from coterie.errors import Refused

Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class PowerRequest(BaseModel):
    """A baseline, the effect to find, and how careful to be; `weights` in the order of the arms, the control first."""

    kind: Literal["binary", "mean"] = "binary"
    baseline: Number
    sd: Number | None = None
    effect: Number
    relative: bool = True
    alpha: Number = 0.05
    power: Number = 0.8
    arms: int = Field(2, ge=2, le=20)
    weights: list[Number] | None = Field(None, max_length=20)
    metrics: int = Field(1, ge=1, le=100)
    sequential: bool = False
    per_day: Annotated[float, Field(ge=1e-3, le=1e12)] | None = None


class AnalyseRequest(BaseModel):
    """An upload with one row a unit, and its columns; metrics are COLUMN:binary, COLUMN:mean, NUM/DEN:ratio, COLUMN:p90."""

    upload: str
    name: str | None = Field(None, max_length=150)
    unit: str = Field(min_length=1, max_length=500)
    arm: str = Field(min_length=1, max_length=500)
    control: str = Field(min_length=1, max_length=500)
    metrics: list[str] = Field(min_length=1, max_length=50)
    covariate: str | None = None
    segments: list[str] = Field([], max_length=20)
    weights: dict[str, Number] = {}


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/experiments")
    def experiments(
        door: In,
        search: Search = "",
        kind: Literal["campaign", "file"] | None = None,
        sort: str = "changed_at",
        order: Order = "desc",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Any:
        """Campaigns with arms or a holdout, and files that were analysed."""
        listed = [row for row in known.rows(door.ws.campaigns) if kind in (None, row["kind"])]
        asked: dict[str, Any] = {"sort": sort, "order": order, "limit": limit, "offset": offset}
        rows, total = page(listed, search=search, within=("experiment",), **asked)
        return answer({"experiments": rows, "total": total})

    @app.get("/api/v1/experiments/{name}")
    def one(
        name: str,
        door: In,
        run: Annotated[str | None, Query(max_length=200)] = None,
        segments: str = "",
        language: Language = "en",
    ) -> Any:
        """One experiment: sizes of the arms, every metric against the control, looks over time, and what it says."""
        tags = [t.strip() for t in segments.split(",") if t.strip()]
        door.mask.refuse_tags(tags)
        return answer(known.show(door.ws.campaigns, name, language, run, tags))

    @app.post("/api/v1/experiments/power")
    def power(body: PowerRequest, door: In) -> Any:
        """How many units and days a change needs, and what so many units can find."""
        from coterie.experiments.design import Baseline

        if body.kind == "binary":
            baseline = Baseline.share(body.baseline)
        elif body.sd is None or not body.sd > 0:
            raise Refused("bad_argument", "A mean needs its spread.", place="sd", fix="Give a number above 0.")
        else:
            baseline = Baseline(body.baseline, body.sd**2)
        effect = body.effect * abs(baseline.mean) if body.relative else body.effect
        given = {"metrics": body.metrics, "power": body.power, "alpha": body.alpha, "sequential": body.sequential}
        return answer(known.power(baseline, effect, _weights(body), units_a_day=body.per_day, **given))

    @app.post("/api/v1/experiments/analyse")
    def analyse(body: AnalyseRequest, door: In, language: Language = "en") -> Any:
        """Did it work? An uploaded file with one row a unit, analysed and kept."""
        from coterie.experiments.question import Question, parse_metrics

        file = find(door, body.upload)
        metrics = parse_metrics(body.metrics, [body.covariate] if body.covariate else [])
        asked = Question(body.unit, body.arm, body.control, metrics, body.weights, tuple(body.segments))
        door.mask.refuse_tags([body.arm, *body.segments])
        name = body.name or Path(file.name).stem
        known.analyse(door.ws.campaigns, file, asked, name)
        return answer(known.show(door.ws.campaigns, name, language))


def _weights(body: PowerRequest) -> dict[str, float]:
    if body.weights is not None and len(body.weights) != body.arms:
        said = f"There are {body.arms} arms and {len(body.weights)} weights."
        raise Refused("bad_weights", said, place="weights", fix="Give one weight for each arm.")
    names = ["control", *(f"arm {n}" for n in range(1, body.arms))]
    return dict(zip(names, body.weights or [1.0] * body.arms, strict=True))
