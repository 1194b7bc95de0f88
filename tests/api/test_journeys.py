"""Journeys over HTTP: each route once, what is told of mistakes, and who may not."""

from __future__ import annotations

from typing import Any

import httpx
from tests.api.conftest import Served
from tests.api.test_routes import done, ok

HELLO = {"channel": "file", "content": {"text": "Hi {{ name }}"}}
STEPS: list[dict[str, Any]] = [
    {"id": "hello", "send": HELLO},
    {"id": "pause", "wait": {"for": "1d", "at": "09:00"}},
    {"id": "done", "end": True},
]
GIVEN = {"entry": {"audience": "settled"}, "exit": {"goal": "orders"}, "steps": STEPS}
HERE = "/api/v1/journeys"


def test_a_journey_from_definition_to_stop(client: httpx.Client, served: Served) -> None:
    assert served.url
    rule = {"tag": "country", "op": "exists"}
    ok(client.put("/api/v1/audiences/settled", json={"rule": rule, "purpose": "marketing"}))
    assert ok(client.post(f"{HERE}/check", json={"definition": {**GIVEN, "name": "x"}}))["steps"] == [
        "hello",
        "pause",
        "done",
    ]
    made = ok(client.put(f"{HERE}/onboarding", json={"definition": GIVEN, "base_version": 0}))
    assert made == {"journey": "onboarding", "version": 1, "state": "draft"}
    dry = ok(client.post(f"{HERE}/onboarding/dry-run", json={"days": 5}))
    assert dry["entrants"] == 5 and [m["people"] for m in dry["messages"]] == [5] and dry["difference"] == 0
    assert client.post(f"{HERE}/onboarding/dry-run", json={"at": "soon"}).json()["code"] == "bad_moment"
    again = client.put(f"{HERE}/onboarding", json={"definition": GIVEN, "base_version": 0})
    assert (
        again.status_code == 409
        and again.json()["theirs"]["version"] == 1
        and again.json()["yours"]["base_version"] == 0
    )
    started = ok(client.post(f"{HERE}/onboarding/start"))
    assert started["state"] == "running" and started["by"] == "root"
    assert done(client, started["job"])["result"]["journeys"][0]["entered"] == 5
    funnel = ok(client.get(f"{HERE}/onboarding/funnel"))
    steps = {row["step"]: row for row in funnel["steps"]}
    assert {"step", "kind", "label", "entered", "waiting", "passed", "exited"} <= set(steps["hello"])
    assert (steps["hello"]["passed"], steps["pause"]["waiting"], funnel["difference"]) == (5, 5, 0)
    path = ok(client.get(f"{HERE}/onboarding/people/0001"))
    assert path["step"] == "pause" and [m["event"] for m in path["moves"]] == ["reached", "passed", "reached"]
    waiting = ok(client.get(f"{HERE}/onboarding/people", params={"step": "pause", "limit": 2}))
    assert waiting["total"] == 5 and [p["entity"] for p in waiting["people"]] == ["0001", "0002"]
    assert waiting["people"][0]["due"] > waiting["people"][0]["at"]
    passed = ok(client.get(f"{HERE}/onboarding/people", params={"step": "hello", "bar": "passed", "search": "0003"}))
    assert [(p["entity"], p["reason"]) for p in passed["people"]] == [("0003", "sent")]
    times = ok(client.get(f"{HERE}/onboarding/times"))["steps"]
    assert times["hello"]["median_seconds"] == 0 and times["pause"]["due"] > times["pause"]["since"]
    kept = ok(client.post(f"{HERE}/onboarding/audience", json={"step": "pause", "name": "at the pause"}))
    assert (kept["audience"], kept["people"]) == ("at the pause", 5)
    assert client.get(f"{HERE}/onboarding/people", params={"step": "paus"}).json()["code"] == "unknown_name"
    assert client.get(f"{HERE}/onboarding/people", params={"step": "pause", "bar": "x"}).json()["place"] == "bar"
    assert client.post(f"{HERE}/onboarding/audience", json={"step": "done"}).json()["code"] == "nobody"
    listed = ok(client.get(HERE, params={"search": "onboard", "state": "running"}))
    assert listed["total"] == listed["states"]["running"] == 1 and listed["journeys"][0]["inside"] == 5
    page = ok(client.get(f"{HERE}/onboarding"))
    assert page["definition"]["exit"] == {"goal": "orders"} and [v["version"] for v in page["versions"]] == [1]
    assert ok(client.post(f"{HERE}/onboarding/pause"))["state"] == "paused"
    assert ok(client.post(f"{HERE}/onboarding/resume"))["state"] == "running"
    assert ok(client.post(f"{HERE}/onboarding/stop"))["exits"]["stopped"] == 5
    assert client.delete(f"{HERE}/onboarding").json()["code"] == "journey_state"


def test_mistakes_and_rights(client: httpx.Client, people: dict[str, httpx.Client]) -> None:
    circle = {**GIVEN, "steps": [{**STEPS[1], "next": "pause"}, STEPS[2]]}
    told = client.put(f"{HERE}/circle", json={"definition": circle})
    assert (told.status_code, told.json()["code"], told.json()["place"]) == (422, "bad_journey", "steps.pause")
    assert client.get(f"{HERE}/circle").status_code == 404
    assert client.post(f"{HERE}/none/start").json()["code"] == "unknown_name"
    assert client.get(f"{HERE}/none/funnel").status_code == client.get(f"{HERE}/none/people/0001").status_code == 404
    named = {**GIVEN, "entry": {"event": "orders"}}
    assert ok(people["marketer"].put(f"{HERE}/draft", json={"definition": named}))["version"] == 1
    assert people["analyst"].delete(f"{HERE}/draft").status_code == 403
    assert ok(people["viewer"].get(f"{HERE}/draft"))["owner"] == "marketer"
    assert ok(people["marketer"].delete(f"{HERE}/draft"))["deleted"] is True
    audit = ok(client.get("/api/v1/audit", params={"search": "draft"}))
    assert any("journeys" in str(entry) for entry in audit["entries"])
