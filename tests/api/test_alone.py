"""Routes that need a workspace of their own: receivers on this machine, jobs that wait, segments of many people."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.api.conftest import bearer, running
from tests.api.test_routes import ok

from coterie.api import accounts
from coterie.api.app import make_app
from coterie.workspace import Workspace

SOME = {"sample": {"percent": 70, "salt": "seed"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose destinations may be on this machine, with 300 people in two groups."""
    made = tmp_path_factory.mktemp("alone") / "ws"
    Workspace.init(made).close()
    facts = json.loads((made / "coterie.json").read_text())
    facts["settings"] = {"private_addresses": 1}
    (made / "coterie.json").write_text(json.dumps(facts))
    draw = random.Random(1)
    rows = [(i, draw.gauss(20 if i % 3 else 60, 3), draw.gauss(5 if i % 3 else 90, 4)) for i in range(300)]
    file = made.parent / "many.csv"
    file.write_text("id,visits,spent\n" + "".join(f"{i},{a:.2f},{b:.2f}\n" for i, a, b in rows))
    with Workspace.open(made) as ws:
        ws.load(file, kind="profiles", name="many", entity="id")
        file.with_name("orders.csv").write_text("id,at,paid\n1,2024-05-01,5\n")
        ws.load(file.with_name("orders.csv"), kind="events", name="orders", entity="id", time="at")
        ws.tags.build()
    return made


@pytest.fixture(scope="module")
def alone(folder: Path) -> Iterator[httpx.Client]:
    """Its application, without a worker, by the token of an admin."""
    app = make_app(folder)
    store = app.state.shared.store
    token, _ = accounts.make_token(store, accounts.add_user(store, "root", "admin"), "tests", None, None)
    with running(app) as url, bearer(url, token) as client:
        yield client


def test_destinations_and_jobs_that_wait(alone: httpx.Client) -> None:
    """A receiver's secret is told once; sending is a job; a job that waits is cancelled at once."""
    made = ok(alone.put("/api/v1/destinations/crm", json={"url": "http://127.0.0.1:9/in"}))
    assert made["secret"] and made["secret"] not in alone.get("/api/v1/destinations").text
    assert made["secret"] not in alone.get("/api/v1/audit").text
    ok(alone.put("/api/v1/audiences/everyone", json={"rule": {"all": []}}))
    assert ok(alone.post("/api/v1/audiences/everyone/refresh"))["count"] == 300
    job = ok(alone.post("/api/v1/audiences/everyone/sync", json={"destination": "crm"}))["job"]
    assert ok(alone.get(f"/api/v1/jobs/{job}"))["state"] == "waiting"
    assert ok(alone.post(f"/api/v1/jobs/{job}/cancel"))["state"] == "cancelled"
    assert ok(alone.delete("/api/v1/destinations/crm"))["removed"] is True
    assert alone.post("/api/v1/audiences/everyone/sync", json={"destination": "crm"}).status_code == 404


def test_one_s_own_sessions_and_a_recipe(alone: httpx.Client, folder: Path) -> None:
    """A session is ended by its id; a recipe that lacks an option says which."""
    from coterie.store.accounts import Accounts

    with Workspace.open(folder) as ws:
        accounts.start_session(ws.store, Accounts(ws.store).get("root"), ws.settings, "10.0.0.1", "test")
    (mine,) = ok(alone.get("/api/v1/me/sessions"))["sessions"]
    assert ok(alone.delete(f"/api/v1/me/sessions/{mine['session']}"))["ended"] is True
    lacking = alone.post("/api/v1/tags/recipe", json={"recipe": "rfm"})
    assert (lacking.status_code, lacking.json()["place"]) == (422, "rfm")
    given = {"recipe": "rfm", "options": {"events": "orders", "amount": "paid"}}
    assert "rfm.cell" in ok(alone.post("/api/v1/tags/recipe", json=given))["tags"]


def test_a_run_is_cancelled_on_its_way(alone: httpx.Client, folder: Path) -> None:
    """One message a second to 300 people: whoever was not reached by then gets nothing, and it adds up."""
    ok(alone.put("/api/v1/audiences/all of them", json={"rule": {"all": []}}))
    channel = {"name": "file", "rate_per_second": 1, "batch": 1}
    slowly = {"audience": "all of them", "channel": channel, "content": {"text": "Hi"}}
    ok(alone.put("/api/v1/campaigns/slowly", json={"definition": slowly}))
    ok(alone.post("/api/v1/campaigns/slowly/plan", json={}))
    ok(alone.post("/api/v1/campaigns/slowly/approve", json={}))
    ended: list[dict[str, Any]] = []

    def run() -> None:
        with Workspace.open(folder) as ws:
            ended.append(ws.campaigns.run("slowly"))

    sending = threading.Thread(target=run, daemon=True)
    sending.start()
    while sending.is_alive() and not ok(alone.get("/api/v1/campaigns/slowly/funnel"))["sent"]:
        time.sleep(0.05)
    assert ok(alone.post("/api/v1/campaigns/slowly/cancel"))["state"] == "cancelled"
    sending.join()
    told = ok(alone.get("/api/v1/campaigns/slowly/funnel"))
    assert ended[0]["state"] == "cancelled" and told["difference"] == 0 and told["pending"] == 0
    assert told["sent"] + told["cancelled"] == 300 and min(told["sent"], told["cancelled"]) > 0
    assert ok(alone.get("/api/v1/campaigns/slowly"))["state"] == "cancelled"


@pytest.mark.slow
def test_segments(alone: httpx.Client, folder: Path) -> None:
    """Two groups are found, shown and reported; the report runs no script."""
    with Workspace.open(folder) as ws:
        fitted = ws.segments.fit("groups", ["visits", "spent"], k=2)
    told = ok(alone.get("/api/v1/segments/groups"))
    assert sorted(fitted["sizes"].values()) == [100, 200]
    assert sorted(s["size"] for s in told["segments"]) == [100, 200] and told["k"] == 2
    assert [v["version"] for v in told["versions"]] == [1]
    report = alone.get("/api/v1/segments/groups/report", params={"language": "zh"})
    assert report.status_code == 200 and report.headers["Content-Type"].startswith("text/html")
    policy = report.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox;") and "script-src" not in policy and "frame-ancestors 'self'" in policy


@pytest.mark.slow
def test_people_like_a_seed(alone: httpx.Client) -> None:
    """Most of a group are the seed, chosen by what no tag tells: those most like it are the rest of the group."""
    much = {"tag": "spent", "op": "gte", "value": 50}
    seed, rest = ({"all": [much, s]} for s in (SOME, {"not": SOME}))
    ok(alone.put("/api/v1/audiences/seed", json={"rule": seed}))
    left = ok(alone.post("/api/v1/audiences/count", json={"rule": rest}))["count"]
    told = ok(alone.post("/api/v1/audiences/lookalike", json={"seed": "seed", "size": left, "name": "alike"}))
    assert told["size"] == left > 10
    ok(alone.put("/api/v1/audiences/alike", json={"rule": told["rule"]}))
    alike = {"rule": {"all": [{"audience": "alike"}, much]}}
    assert ok(alone.post("/api/v1/audiences/count", json=alike))["count"] == left
