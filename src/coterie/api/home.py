"""The first page: how many customers there are and come, money, what changed, what is to be looked at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fastapi import FastAPI

from coterie.api import cards
from coterie.api.answers import answer
from coterie.api.door import Door, In, Language
from coterie.api.jobs import in_language
from coterie.engines.duckdb import scan
from coterie.kit.moments import show_moment

_SHOWN = 6


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/home")
    def home(door: In, language: Language = "en") -> Any:
        """Customers, active, new and at risk, money, audiences that changed, alerts, jobs, freshness of the data."""
        return answer(_told(door, language))


def _told(door: Door, language: str) -> dict[str, Any]:
    ws = door.ws
    found = ws.headline.now()
    rows, _ = cards.listed(
        door, language, scope="all", folder=None, state=None, search="", sort="refreshed_at", order="desc", limit=8
    )
    changed = [r for r in rows if r["count"] is not None]
    shown = ("audience", "count", "entered", "left", "as_of", "growth", "state")
    return {
        "as_of": show_moment(found.as_of, ws.zone),
        "data_version": found.data_version,
        **found.figures,
        "previous": found.previous,
        "audiences": [{**{k: r[k] for k in shown}, "change": _change(r)} for r in changed],
        "campaigns": _campaigns(door),
        "alerts": [event.as_dict() for event in ws.alerts.events(limit=5)],
        "open_alerts": ws.alerts.open_count(),
        "jobs": [in_language(row.as_dict(), language) for row in door.shared.jobs.rows(5)],
        "freshness": [_freshness(door, row) for row in ws.dataset_rows()],
    }


def _campaigns(door: Door) -> list[dict[str, Any]]:
    """The campaigns that run or are being prepared, those that began last first."""
    states = ("running", "preparing", "waiting", "paused")
    known = door.ws.campaigns.rows(limit=1000)["campaigns"]
    rows = [row for row in known if row["state"] in states and row["enabled"]]
    shown = ("campaign", "state", "audience", "channel", "last_run", "next_run", "planned", "sent", "goals")
    ordered = sorted(rows, key=lambda row: str(row.get("last_run") or ""), reverse=True)
    return [{key: row.get(key) for key in shown} for row in ordered[:_SHOWN]]


def _change(row: dict[str, Any]) -> int:
    return int((row["entered"] or 0) - (row["left"] or 0))


def _freshness(door: Door, row: dict[str, Any]) -> dict[str, Any]:
    dataset = door.ws.catalog.dataset(row["dataset"])
    files, last = door.ws.lake.files(dataset.table), None
    if dataset.time is not None and files.paths and any(name == "_at" for name, _ in files.columns):
        micros = door.ws.engine.value(f"SELECT epoch_us(max(_at)) FROM {scan(files)}")
        last = None if micros is None else datetime.fromtimestamp(0, door.ws.zone) + timedelta(microseconds=micros)
    told = {"dataset": row["dataset"], "last_import": row["last_import"], "rows": row["rows"]}
    return {**told, "last_event": None if last is None else show_moment(last, door.ws.zone)}
