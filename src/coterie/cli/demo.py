"""The demo shop: simulated, then brought in through the same doors as anyone's data.

Files -> imports -> tags -> audiences with snapshots -> segments published as a tag -> report. Each step is idempotent:
a demo that was interrupted goes on where it stopped, and one that is ready answers at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.errors import Refused
from coterie.kit.progress import Progress
from coterie.simulate.demo_tags import DEMO_SEGMENT_TAGS, DEMO_TAGS

if TYPE_CHECKING:
    from coterie.workspace import Workspace

ZONE, CURRENCY, LAST_DAY = "Europe/Paris", "EUR", date(2026, 10, 31)
SEGMENTS, CHANNELS = "shoppers", ("email", "sms", "push")

# name -> the options of `coterie import`
IMPORTS: Mapping[str, Mapping[str, Any]] = {
    "products": {"kind": "lookup", "entity": "product_id"},
    "profiles": {"kind": "profiles", "entity": "customer_id"},
    "orders": {"kind": "events", "entity": "customer_id", "time": "ordered_at"},
    "visits": {"kind": "events", "entity": "customer_id", "time": "at"},
    "reviews": {"kind": "events", "entity": "customer_id", "time": "at", "key": "review_id"},
    "campaign_response": {"kind": "events", "entity": "customer_id", "time": "at"},
    "friends": {"kind": "edges", "entity": "customer_id", "target": "friend_id", "weight": "weight"},
    "accounts": {"kind": "profiles", "entity": "account_id", "entity_kind": "account"},
}

AUDIENCES: Mapping[str, Any] = {
    "best customers": {
        "all": [{"tag": "rfm.r", "op": "gte", "value": 4}, {"tag": "rfm.f", "op": "gte", "value": 4}],
    },
    "slipping away": {
        "all": [
            {"tag": "rfm.f", "op": "gte", "value": 4},
            {"events": "orders", "measure": "count", "op": "eq", "value": 0, "within": "90d"},
            {"tag": "consent_email", "op": "eq", "value": True},
        ]
    },
    "German night owls": {
        "all": [
            {"tag": "country", "op": "eq", "value": "Germany"},
            {"tag": "shop.night_share", "op": "gte", "value": 0.4},
        ]
    },
    "looked but did not buy": {
        "all": [
            {
                "events": "visits",
                "where": {"field": "event", "op": "eq", "value": "viewed"},
                "measure": "count",
                "op": "gte",
                "value": 3,
                "within": "30d",
            },
            {"not": {"events": "orders", "measure": "count", "op": "gte", "value": 1, "within": "30d"}},
        ]
    },
}


def make_demo(folder: Path, *, customers: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Make or finish the demo in `folder`; returns where everything is and what it holds."""
    import coterie
    from coterie.simulate.shop import simulate_shop

    started = time.monotonic()
    path = folder.resolve()
    wanted = {"customers": customers, "seed": seed}
    fresh = not (path / "coterie.json").exists()
    ws = coterie.init(str(path), zone=ZONE, currency=CURRENCY) if fresh else coterie.open(str(path))
    with ws:
        known = ws.store.find("demo", "shop")
        if not fresh and known is None:
            fix = "Choose a new folder."
            raise Refused(
                "workspace_exists", "The folder holds a workspace that is no demo.", place=folder.name, fix=fix
            )
        if known is not None and {k: known.body[k] for k in wanted} != wanted:
            fix = "Choose a new folder, or the same --customers and --seed."
            raise Refused("workspace_exists", "The folder holds another demo.", place=folder.name, fix=fix)
        if known is None or not known.body["ready"]:
            ws.store.put("demo", "shop", {**wanted, "ready": False})
            files = simulate_shop(path / "files", customers=customers, seed=seed, end=LAST_DAY, progress=progress)
            _fill(ws, files.imported, progress)
            _show_truth(path)
            ws.store.put("demo", "shop", {**wanted, "ready": True})
        return {**_summary(ws), "seconds": round(time.monotonic() - started, 1)}


def _fill(ws: Workspace, files: Mapping[str, Path], progress: Progress) -> None:
    for name, options in IMPORTS.items():
        ws.load(files[name], name=name, progress=progress, **options)
    ws.tags.add(recipe="rfm", events="orders", amount="amount", order="order_id")
    ws.tags.add(definitions=[tag.document() for tag in DEMO_TAGS])
    ws.tags.build(as_of=(LAST_DAY + timedelta(days=1)).isoformat(), progress=progress)
    for channel in CHANNELS:
        ws.consent.adopt(channel, f"consent_{channel}")
    for name, rule in AUDIENCES.items():
        ws.audiences.save(name, rule)
        ws.audiences.refresh(name)
    ws.segments.fit(SEGMENTS, DEMO_SEGMENT_TAGS, progress=progress)
    for language in ("en", "zh"):
        ws.write_segment_report(SEGMENTS, _report(ws.path, language), language=language, progress=progress)


def _show_truth(path: Path) -> None:
    """The truth lies apart from the files that were imported."""
    hidden = path / "files" / "truth"
    if hidden.is_dir():
        hidden.replace(path / "truth")


def _report(path: Path, language: str) -> Path:
    return path / f"segments.{language}.html"


def _summary(ws: Workspace) -> dict[str, Any]:
    audiences = {row["audience"]: row["count"] for row in ws.audiences.rows()}
    return {
        "workspace": str(ws.path),
        "customers": ws.audiences.count({"all": []}).count,
        "datasets": {row["dataset"]: row["rows"] for row in ws.dataset_rows()},
        "tags": len(ws.catalog.tags()),
        "audiences": audiences,
        "segments": {str(k): v for k, v in ws.segments.sizes(SEGMENTS).items()},
        "report": str(_report(ws.path, "en")),
        "report_zh": str(_report(ws.path, "zh")),
        "truth": str(ws.path / "truth"),
        "next": f"coterie -w {ws.path} serve",
    }
