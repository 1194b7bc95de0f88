"""The first page: how many customers there are and come, money, what changed, what is to be looked at."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from fastapi import FastAPI

from coterie.api import cards
from coterie.api.answers import answer
from coterie.api.door import Door, In, Language
from coterie.api.jobs import in_language
from coterie.catalog.definitions import recipe_to_dict
from coterie.catalog.schemas import DatasetKind, RecipeUse
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import CoterieError
from coterie.kit.moments import before, show_moment
from coterie.rules.expressions import Resolved, parse_expression
from coterie.rules.fields import find_field, joins_sql
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary

_SPAN, _LONG = "30d", "90d"
_SHOWN = 6
_KEPT = 16  # moments of which the figures are kept


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/home")
    def home(door: In, language: Language = "en") -> Any:
        """Customers, active, new and at risk, money, audiences that changed, alerts, jobs, freshness of the data."""
        return answer(_told(door, language))


def _told(door: Door, language: str) -> dict[str, Any]:
    ws = door.ws
    standing = ws.index.standings.of("customer")
    as_of = standing.as_of(ws.tag_context)
    earlier = before(as_of, _SPAN, ws.zone)
    rows, _ = cards.listed(
        door, language, scope="all", folder=None, state=None, search="", sort="refreshed_at", order="desc", limit=8
    )
    changed = [r for r in rows if r["count"] is not None]
    shown = ("audience", "count", "entered", "left", "as_of", "growth", "state")
    return {
        "as_of": show_moment(as_of, ws.zone),
        "data_version": standing.data_version,
        **_figures(door, as_of),
        "previous": _figures(door, earlier),
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


def _figures(door: Door, as_of: datetime) -> dict[str, Any]:
    """Figures as of a moment; what was known then does not change, so that they are kept."""
    version = door.ws.index.standings.of("customer").data_version
    uses = str([recipe_to_dict(use) for use in door.ws.catalog.recipes()])
    key = (as_of, version, uses)
    kept: OrderedDict[Any, dict[str, Any]] = door.shared.__dict__.setdefault("_home", OrderedDict())
    if key not in kept:
        kept[key] = _counted(door, as_of, version)
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    return kept[key]


def _counted(door: Door, as_of: datetime, version: int) -> dict[str, Any]:
    """New: first seen, or with the first event, in the last 30 days; active: with an event in these; at risk: with one
    in the 60 days before and none since. What cannot be told is None."""
    datasets = door.ws.catalog.datasets().values()
    events = [d.name for d in datasets if d.kind is DatasetKind.EVENTS and d.entity_kind == "customer"]
    with door.ws.engine.cursor() as engine:
        view = View(door.ws.tag_context, engine, "customer", as_of, version)
        start, long = (quote_value(before(as_of, span, door.ws.zone)) for span in (_SPAN, _LONG))
        counts = (
            f"count(*), count(*) FILTER (WHERE coalesce(first_seen, first_at) > {start}), "
            f"count(*) FILTER (WHERE last_at > {start}), count(*) FILTER (WHERE last_at > {long} AND last_at <= {start})"
        )
        joined = f"({_people(view)}) LEFT JOIN ({_moments(view, events)}) USING (entity)"
        customers, new, active, at_risk = engine.row(f"SELECT {counts} FROM {joined}")
        told = {"customers": customers, "new_30d": new, "active_30d": active, "at_risk": at_risk}
        if not events:
            told |= {"active_30d": None, "at_risk": None}
        return {**told, "revenue_30d": _revenue(door, view, as_of)}


def _people(view: View) -> str:
    """SQL of everybody first seen by the moment, and since when; NULL is since always."""
    files = view.context.lake.files("entities", view.data_version)
    if not files.columns:
        return "SELECT NULL::VARCHAR AS entity, NULL::TIMESTAMPTZ AS first_seen WHERE false"
    seen = f"SELECT key AS entity, min(first_seen) AS seen, bool_or(first_seen IS NULL) AS always FROM {scan(files)}"
    grouped = f"{seen} WHERE kind = {quote_value(view.kind)} GROUP BY key"
    first = "CASE WHEN always THEN NULL ELSE seen END AS first_seen"
    return f"SELECT entity, {first} FROM ({grouped}) WHERE always OR seen <= {quote_value(view.as_of)}"


def _moments(view: View, datasets: list[str]) -> str:
    """SQL of everybody's first and last event up to the moment."""
    if not datasets:
        return "SELECT NULL::VARCHAR AS entity, NULL::TIMESTAMPTZ AS first_at, NULL::TIMESTAMPTZ AS last_at WHERE false"
    each = " UNION ALL ".join(
        f"SELECT _entity AS entity, min(_at) AS a, max(_at) AS z FROM {view.dataset_sql(name)} "
        f"WHERE _at <= {quote_value(view.as_of)} GROUP BY _entity"
        for name in datasets
    )
    return f"SELECT entity, min(a) AS first_at, max(z) AS last_at FROM ({each}) GROUP BY entity"


def _revenue(door: Door, view: View, as_of: datetime) -> dict[str, Any] | None:
    """Money of the last 30 days, by the first recipe that says what money is; None where none does."""
    uses = [u for u in door.ws.catalog.recipes() if u.options.get("events") and u.options.get("amount")]
    for use in uses:
        try:
            amount = _amount(door, view, use, as_of)
        except CoterieError:
            continue  # a field of the expression is gone; building says so
        return {"amount": amount, "currency": door.ws.facts.currency, "events": use.options["events"]}
    return None


def _amount(door: Door, view: View, use: RecipeUse, as_of: datetime) -> Any:
    dataset = door.ws.catalog.dataset(str(use.options["events"]))
    vocabulary = CatalogVocabulary(door.ws.catalog, door.ws.zone)
    lookups: set[str] = set()

    def resolve(name: str) -> Resolved:
        ref = find_field(dataset, name, vocabulary, name)
        lookups.update({ref.lookup} if ref.lookup else ())
        return ref.sql("e"), ref.type

    amount, _ = parse_expression(str(use.options["amount"])).sql(resolve, zone=door.ws.facts.zone)
    view.use(datasets=[dataset.name, *lookups])
    start, end = quote_value(before(as_of, _SPAN, door.ws.zone)), quote_value(as_of)
    source = f"{quote_name(f'dataset:{dataset.name}')} AS e{joins_sql(dataset, lookups, vocabulary, 'e')}"
    return view.engine.value(
        f"SELECT coalesce(sum({amount}), 0) FROM {source} WHERE e._at > {start} AND e._at <= {end}"
    )


def _freshness(door: Door, row: dict[str, Any]) -> dict[str, Any]:
    dataset = door.ws.catalog.dataset(row["dataset"])
    files, last = door.ws.lake.files(dataset.table), None
    if dataset.time is not None and files.paths and any(name == "_at" for name, _ in files.columns):
        micros = door.ws.engine.value(f"SELECT epoch_us(max(_at)) FROM {scan(files)}")
        last = None if micros is None else datetime.fromtimestamp(0, door.ws.zone) + timedelta(microseconds=micros)
    told = {"dataset": row["dataset"], "last_import": row["last_import"], "rows": row["rows"]}
    return {**told, "last_event": None if last is None else show_moment(last, door.ws.zone)}
