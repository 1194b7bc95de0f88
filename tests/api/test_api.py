"""HTTP: answers are those of the services; errors have the one shape."""

from __future__ import annotations

import httpx
from tests.shop import LOYAL


def test_count_save_refresh_members(client: httpx.Client) -> None:
    """The same numbers as on the command line."""
    assert client.post("/api/v1/audiences/count", json={"rule": LOYAL}).json()["count"] == 3
    assert client.put("/api/v1/audiences/loyal", json={"rule": LOYAL}).json()["version"] == 1
    assert client.post("/api/v1/audiences/loyal/refresh").json()["count"] == 3
    assert client.get("/api/v1/audiences/loyal/members").json()["members"] == ["0001", "0002", "0005"]
    assert client.get("/api/v1/audiences/loyal/explain/0004").json()["member"] is False


def test_blocks(client: httpx.Client) -> None:
    """Saved, used, copied, and not deleted while used."""
    block = {"tag": "country", "op": "eq", "value": "France"}
    saved = client.put("/api/v1/blocks/home", json={"rule": block, "description": "Where we are"}).json()
    assert (saved["block"], saved["version"]) == ("home", 1)
    assert client.post("/api/v1/audiences/count", json={"rule": {"block": "home"}}).json()["count"] == 2
    client.put("/api/v1/audiences/at home", json={"rule": {"block": "home"}})
    assert client.delete("/api/v1/blocks/home").json()["code"] == "in_use"
    assert client.post("/api/v1/blocks/home/copy", json={"to": "home 2"}).json()["version"] == 1
    assert client.delete("/api/v1/blocks/home 2").json() == {"block": "home 2", "deleted": True}
    assert client.get("/api/v1/blocks/home 2").status_code == 404
    listed = client.get("/api/v1/blocks").json()["blocks"]
    assert [(b["block"], b["used_by"]) for b in listed] == [("home", [{"kind": "audience", "name": "at home"}])]
    assert [v["version"] for v in client.get("/api/v1/blocks/home").json()["versions"]] == [1]


def test_alerts(client: httpx.Client) -> None:
    """Added, raised by a refresh, seen, removed."""
    client.put("/api/v1/audiences/few", json={"rule": LOYAL})
    added = client.put("/api/v1/alerts/small", json={"audience": "few", "when": "below 1,000"}).json()
    assert added == {"alert": "small", "audience": "few", "when": "below 1000", "to": None, "language": "en"}
    (raised,) = client.post("/api/v1/audiences/few/refresh").json()["alerts"]
    (event,) = client.get("/api/v1/alerts/events").json()["events"]
    assert (event["id"], event["alert"], event["is"], event["state"]) == (raised, "small", 3, "open")
    assert client.get("/api/v1/alerts").json()["open"] == 1
    assert client.post(f"/api/v1/alerts/events/{raised}/seen").json()["state"] == "seen"
    assert client.get("/api/v1/alerts/events").json() == {"events": []}
    assert len(client.get("/api/v1/alerts/events", params={"all": True}).json()["events"]) == 1
    assert client.post("/api/v1/alerts/events/gone/seen").status_code == 404
    bad = client.put("/api/v1/alerts/small", json={"audience": "few", "when": "soon"})
    assert (bad.status_code, bad.json()["place"]) == (422, "when")
    assert client.delete("/api/v1/alerts/small").json() == {"alert": "small", "removed": True}
    assert client.delete("/api/v1/alerts/small").status_code == 404


def test_errors_have_the_one_shape(client: httpx.Client) -> None:
    """Unknown names are 404, wrong rules 422."""
    missing = client.get("/api/v1/audiences/nobody/members")
    assert missing.status_code == 404 and missing.json()["code"] == "unknown_name"
    wrong = client.post("/api/v1/audiences/count", json={"rule": {"tag": "nope", "op": "eq", "value": 1}})
    assert set(wrong.json()) == {"code", "message", "place", "fix"}
    bad = client.post("/api/v1/audiences/count", json={"rool": {}})
    assert bad.status_code == 422 and bad.json()["place"] == "body.rule"


def test_understanding_an_audience(client: httpx.Client) -> None:
    """Insight, overlap, difference and backtest over HTTP."""
    rule = {"tag": "country", "op": "eq", "value": "France"}
    for name, given in (("known", LOYAL), ("french", rule)):
        client.put(f"/api/v1/audiences/{name}", json={"rule": given})
    told = client.post("/api/v1/audiences/insight", json={"audience": "known", "language": "zh"}).json()
    assert told["count"] == 3 and {t["verdict"] for t in told["tags"]} == {"cannot_tell"}
    assert client.post("/api/v1/audiences/insight", json={"rule": rule, "against": "known"}).json()["base"] == 3
    assert client.post("/api/v1/audiences/insight", json={}).json()["code"] == "bad_argument"
    both = client.post("/api/v1/audiences/overlap", json={"audiences": ["known", "french"]}).json()
    assert both["both"][0][1] == 1 and both["intersections"][0] == {"audiences": ["known"], "count": 2}
    for _ in range(2):
        client.post("/api/v1/audiences/known/refresh")
    found = client.get("/api/v1/audiences/known/diff", params={"before": "1", "after": "2"}).json()
    assert (found["entered"], found["left"]) == ({"rule": 0, "data": 0}, {"rule": 0, "data": 0})
    weeks = client.get("/api/v1/audiences/known/backtest", params={"weeks": 2}).json()["weeks"]
    assert [w["weeks_ago"] for w in weeks] == [2, 1, 0] and weeks[-1]["count"] == 3
    on = client.get("/api/v1/audiences/known/members", params={"on": "2024-06-01"}).json()
    assert on["snapshot"] == "known@2" and on["count"] == 3
    few = client.post("/api/v1/audiences/lookalike", json={"seed": "known", "size": 1})
    assert few.status_code == 422 and few.json()["code"] == "too_few_rows"
    file = client.post("/api/v1/audiences/lookalike", json={"seed": "loyal.json", "size": 1})
    assert file.status_code == 404, "files of the server are nobody's seed"
