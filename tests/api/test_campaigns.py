"""Campaigns, consent and experiments over HTTP: one campaign from its definition to its funnel, and every route once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.api.test_routes import done, ok

API = "/api/v1"
BUYERS = {"tag": "rfm.frequency", "op": "gte", "value": 1}
OFFER: dict[str, Any] = {
    "audience": "buyers",
    "channel": "file",
    "content": {"text": "Hi {{ country }}", "defaults": {"country": "you"}},
    "goals": [{"name": "order", "events": "orders", "amount": "amount"}],
    "cost": {"per_message": 0.5},
}


@pytest.fixture(scope="module")
def offer(client: httpx.Client) -> dict[str, Any]:
    """A campaign that was planned, approved and sent by a job; its status."""
    ok(client.put(f"{API}/audiences/buyers", json={"rule": BUYERS}))
    checked = ok(client.post(f"{API}/campaigns/check", json={"definition": OFFER}))
    assert checked == {"notes": [], "variables": ["country"]}
    saved = ok(client.put(f"{API}/campaigns/offer", json={"definition": OFFER, "base_version": 0}))
    assert (saved["version"], saved["state"]) == (1, "draft")
    blocked = ok(client.get(f"{API}/campaigns/offer"))
    assert [b["code"] for b in blocked["blocked"]] == ["campaign_state", "not_approved"]
    assert [(b["step"], b["needs"], b["of"]) for b in blocked["blocked"]] == [
        ("plan", "plan", None),
        ("approve", "approve", None),
    ]
    assert {s["step"]: s["done"] for s in blocked["steps"]}["content"] is True
    assert client.post(f"{API}/campaigns/offer/run", json={}).json()["code"] == "campaign_state"
    planned = ok(client.post(f"{API}/campaigns/offer/plan", json={}))
    assert planned["plan"]["planned"] == 4 and planned["run"] == "offer@1"
    waiting = ok(client.get(f"{API}/campaigns/offer/people", params={"bar": "pending"}))
    assert waiting["total"] == 4 and waiting["people"][0]["arm"] == "default"
    assert ok(client.get(f"{API}/campaigns/offer/funnel"))["pending"] == 4
    approved = ok(client.post(f"{API}/campaigns/offer/approve", json={"most": 10}))
    assert approved["approved"]["by"] == "root"
    row = done(client, ok(client.post(f"{API}/campaigns/offer/run", json={}))["job"])
    assert row["state"] == "completed" and row["result"]["sent"] == 4
    told: dict[str, Any] = ok(client.get(f"{API}/campaigns/offer"))
    return told


def test_groups_that_exclude_each_other(client: httpx.Client, offer: dict[str, Any]) -> None:
    """A group with its campaign before and after it is planned; a viewer may look, a stranger may not."""
    quiet = {**OFFER, "exclusion": {"group": "spring", "share": 0.3}}
    ok(client.put(f"{API}/campaigns/quiet", json={"definition": quiet, "base_version": 0}))
    (group,) = ok(client.get(f"{API}/exclusions"))["groups"]
    assert (group["group"], group["free"]) == ("spring", 1.0)
    ok(client.post(f"{API}/campaigns/quiet/plan", json={}))
    (group,) = ok(client.get(f"{API}/exclusions"))["groups"]
    (row,) = group["campaigns"]
    assert row["held"] == pytest.approx(0.3, abs=1e-3) and group["free"] == pytest.approx(0.7, abs=1e-3)
    assert (row["campaign"], row["why"], row["until"]) == ("quiet", "open", None)
    assert ok(client.delete(f"{API}/campaigns/quiet"))["deleted"] is True


def test_the_page_of_a_campaign(client: httpx.Client, offer: dict[str, Any]) -> None:
    assert offer["state"] == "completed" and (offer["planned"], offer["sent"]) == (4, 4)
    assert all(step["done"] for step in offer["steps"]) and offer["blocked"] == []
    assert offer["definition"]["content"] == OFFER["content"] and offer["definition"]["owner"] == "root"
    assert ok(client.post(f"{API}/campaigns/check", json={"definition": offer["definition"]}))["notes"] == []
    assert offer["approval"]["most"] == 10 and offer["occurrence"]["plan"]["arms"] == {"default": 4}
    assert offer["sentence"] == 'Goes to "buyers" by file, when it is told to run; goal: order within 7 days.'
    assert "每次" not in ok(client.get(f"{API}/campaigns/offer", params={"language": "zh"}))["sentence"]
    (run,) = ok(client.get(f"{API}/campaigns/offer/occurrences"))["occurrences"]
    assert (run["run"], run["state"], run["sent"], run["goals"]) == ("offer@1", "completed", 4, {"order": 0})


def test_the_list_is_searched_sorted_and_exported(client: httpx.Client, offer: dict[str, Any]) -> None:
    copied = ok(client.post(f"{API}/campaigns/offer/copy", json={"to": "copied"}))
    assert copied["state"] == "draft" and copied["sent"] is None
    told = ok(
        client.get(f"{API}/campaigns", params={"search": "BUYERS", "sort": "campaign", "order": "asc", "limit": 1})
    )
    assert told["total"] >= 2 and told["campaigns"][0]["campaign"] == "copied" and told["states"]["completed"] >= 1
    assert ok(client.get(f"{API}/campaigns", params={"state": "completed"}))["campaigns"][0]["sent"] == offer["sent"]
    assert ok(client.get(f"{API}/campaigns", params={"channel": "sms"}))["total"] == 0
    assert client.get(f"{API}/campaigns", params={"state": "lost"}).json()["place"] == "state"
    assert client.get(f"{API}/campaigns", params={"sort": "lost"}).json()["place"] == "sort"
    file = client.get(f"{API}/campaigns.csv", params={"search": "copied"}).content.decode("utf-8-sig")
    assert file.startswith("campaign,version") and len(file.splitlines()) == 2
    assert client.get(f"{API}/campaigns.csv", params={"search": "no such thing"}).status_code == 200
    assert ok(client.delete(f"{API}/campaigns/copied"))["deleted"] is True
    assert client.get(f"{API}/campaigns/copied").status_code == 404
    assert client.delete(f"{API}/campaigns/offer").json()["code"] == "campaign_state"


def test_shares_that_follow_results(client: httpx.Client, offer: dict[str, Any]) -> None:
    """Before any run they are equal; a campaign whose shares are fixed has none that follow."""
    learns = {**OFFER, "experiment": {"arms": ["plain", "warm"], "allocation": "thompson", "floor": 0.1}}
    ok(client.put(f"{API}/campaigns/learns", json={"definition": learns, "base_version": 0}))
    told = ok(client.get(f"{API}/campaigns/learns/allocation"))
    assert (told["goal"], told["floor"], told["units"], told["runs"]) == ("order", 0.1, 0, [])
    assert told["next"] == {"plain": 0.5, "warm": 0.5}
    assert client.get(f"{API}/campaigns/offer/allocation").json()["code"] == "campaign_state"
    assert ok(client.delete(f"{API}/campaigns/learns"))["deleted"] is True


def test_two_people_edit_one_campaign(client: httpx.Client, offer: dict[str, Any]) -> None:
    changed = {**offer["definition"], "brand": "shop"}
    late = client.put(f"{API}/campaigns/offer", json={"definition": changed, "base_version": 0})
    assert (late.status_code, late.json()["code"]) == (409, "newer_version")
    assert late.json()["theirs"]["version"] == 1 and late.json()["yours"]["definition"]["brand"] == "shop"
    wrong = client.put(f"{API}/campaigns/offer", json={"definition": {**changed, "chanel": "x"}})
    assert (wrong.status_code, wrong.json()["place"]) == (422, "campaign.chanel")


def test_the_funnel_and_its_people(client: httpx.Client, offer: dict[str, Any]) -> None:
    told = ok(client.get(f"{API}/campaigns/offer/funnel", params={"by": "tag:country"}))
    assert told["difference"] == 0 and told["sent"] == offer["sent"] and told["rates"]["clicked"]["rate"] == 0
    assert {r["value"]: r["sent"] for r in told["by"]["rows"]} == {"China": 2, "France": 1, "Germany": 1}
    (goal,) = told["goals"]
    assert (goal["goal"], goal["users"], goal["people"]) == ("order", 0, 4) and goal["high"] > 0
    assert told["time_to_goal"]["still_open"] == 4 and told["days"][0]["sent"] == 4
    assert (told["money"]["cost"], told["money"]["profit"], told["money"]["currency"]) == (2, -2, "EUR")
    for by in ("arm", "day", "channel"):
        rows = ok(client.get(f"{API}/campaigns/offer/funnel", params={"by": by}))["by"]["rows"]
        assert sum(r["sent"] for r in rows) == 4
    assert client.get(f"{API}/campaigns/offer/funnel", params={"by": "moon"}).json()["place"] == "by"
    people = ok(client.get(f"{API}/campaigns/offer/people", params={"bar": "sent", "search": "000", "limit": 2}))
    assert people["total"] == 4 and [p["entity"] for p in people["people"]] == ["0001", "0002"]
    path = ok(client.get(f"{API}/campaigns/offer/people/0001"))
    assert [e["event"] for e in path["events"]] == ["planned", "sent"]
    made = ok(client.post(f"{API}/campaigns/offer/bars/sent/audience", json={"name": "got it"}))
    assert made["audience"] == "got it"
    assert ok(client.post(f"{API}/audiences/count", json={"rule": {"audience": "got it"}}))["count"] == 4
    why = ok(client.get(f"{API}/campaigns/offer/results"))
    assert why["experiment"] is None and why["code"] == "one_arm"
    assert client.get(f"{API}/campaigns/offer/people", params={"bar": "lost"}).status_code == 422


def test_states_by_hand(client: httpx.Client, offer: dict[str, Any]) -> None:
    ok(client.put(f"{API}/campaigns/slow", json={"definition": OFFER}))
    assert ok(client.post(f"{API}/campaigns/slow/disable"))["enabled"] is False
    assert ok(client.post(f"{API}/campaigns/slow/enable"))["enabled"] is True
    ok(client.post(f"{API}/campaigns/slow/plan", json={"at": "2999-01-01"}))
    approved = ok(client.post(f"{API}/campaigns/slow/approve", json={}))
    assert approved["state"] == "waiting"
    assert ok(client.get(f"{API}/campaigns/slow"))["next_run"].startswith("2999")
    assert ok(client.post(f"{API}/campaigns/slow/pause"))["state"] == "paused"
    assert client.post(f"{API}/campaigns/slow/run", json={}).json()["code"] == "campaign_state"
    assert ok(client.post(f"{API}/campaigns/slow/resume"))["state"] == "waiting"
    assert ok(client.post(f"{API}/campaigns/slow/cancel"))["state"] == "cancelled"
    assert offer["run" if "run" in offer else "campaign"] == "offer"
    again = ok(client.post(f"{API}/campaigns/offer/retry", json={"event": "failed"}))
    assert again["requeued"] == 0
    told = ok(client.get(f"{API}/campaigns/compare", params={"names": "offer,slow"}))
    assert [r["sent"] for r in told["rows"]] == [4, 0] and told["words"]
    assert client.get(f"{API}/campaigns/compare", params={"names": "offer"}).json()["place"] == "names"


def test_previews_tests_rules_and_channels(
    client: httpx.Client, people: dict[str, httpx.Client], offer: dict[str, Any]
) -> None:
    shown = ok(client.post(f"{API}/campaigns/offer/preview", json={"entity": "0001"}))
    assert shown["parts"]["text"] == "Hi France" and shown["missing"] == []
    draft = {**offer["definition"], "content": {"text": "Ho {{ country }}"}}
    shown = ok(people["viewer"].post(f"{API}/campaigns/offer/preview", json={"entity": "0002", "definition": draft}))
    assert shown["parts"]["text"] == "Ho China"
    assert ok(client.put(f"{API}/campaigns/test-addresses", json={"addresses": ["a@example.com", ""]}))["addresses"]
    assert ok(client.get(f"{API}/campaigns/test-addresses"))["addresses"] == ["a@example.com"]
    told = ok(client.post(f"{API}/campaigns/offer/test", json={"to": [], "entity": "0001"}))
    assert [s["address"] for s in told["sent"]] == ["a@example.com"]
    assert ok(client.get(f"{API}/campaigns/offer/funnel"))["sent"] == 4
    rules = {"caps": [{"limit": 90, "within": "1d"}], "costs": {"sms": 0.04}}
    assert ok(client.put(f"{API}/campaigns/rules", json=rules))["costs"] == {"sms": "0.04"}
    assert ok(client.get(f"{API}/campaigns/rules"))["caps"][0]["limit"] == 90
    ok(client.put(f"{API}/campaigns/rules", json={"caps": []}))
    channels = {c["channel"]: c for c in ok(client.get(f"{API}/channels", params={"language": "zh"}))["channels"]}
    assert channels["sms"]["label"] == "短信" and channels["email"]["tracked"] is True
    assert {p["name"]: p["kind"] for p in channels["email"]["parts"]}["html"] == "html"


def test_consent(client: httpx.Client, people: dict[str, httpx.Client], offer: dict[str, Any]) -> None:
    assert offer["sent"] == 4
    ok(client.put(f"{API}/customers/0004/consent", json={"scope": "sms", "state": "granted"}))
    ok(client.put(f"{API}/customers/0004/consent", json={"scope": "sms", "state": "revoked"}))
    told = ok(client.get(f"{API}/customers/0004/consent"))
    assert [(s["scope"], s["state"]) for s in told["states"]] == [("sms", "revoked")]
    assert [h["state"] for h in told["history"]] == ["granted", "revoked"]
    scopes = {s["scope"]: s for s in ok(client.get(f"{API}/consent/scopes"))["scopes"]}
    assert (scopes["sms"]["revoked"], scopes["sms"]["unknown"], scopes["email"]["unknown"]) == (1, 4, 5)
    sent = ok(client.get(f"{API}/customers/0001/messages"))
    assert {m["campaign"]: m["event"] for m in sent["messages"]}["offer"] == "sent" and sent["total"] <= 2
    assert client.put(f"{API}/customers/0004/consent", json={"scope": "sms", "state": "so so"}).status_code == 422
    assert client.get(f"{API}/customers/nobody/consent").status_code == 404


def test_experiments(client: httpx.Client, offer: dict[str, Any]) -> None:
    assert offer["version"] == 1
    asked = {"kind": "binary", "baseline": 0.1, "effect": 0.2, "relative": True, "per_day": 500}
    told = ok(client.post(f"{API}/experiments/power", json=asked))
    assert (told["total"], told["days"]) == (7677, 16) and len(told["curve"]) > 10
    assert told["curve"][0]["effect"] > told["curve"][-1]["effect"]
    assert client.post(f"{API}/experiments/power", json={**asked, "kind": "mean"}).json()["place"] == "sd"
    rows = "".join(f"u{i},{'AB'[i % 2]},{int(i % 7 == 0 or i % 4 == 1)}\n" for i in range(400))
    kept = ok(client.post(f"{API}/uploads", files={"file": ("test.csv", "id,arm,paid\n" + rows)}))["upload"]
    given = {"upload": kept, "unit": "id", "arm": "arm", "control": "A", "metrics": ["paid:binary"]}
    made = ok(client.post(f"{API}/experiments/analyse", json=given))
    (metric,) = made["metrics"]
    assert made["name"] == "test" and metric["verdict"] == "better" and metric["ci"][0] > 0
    assert made["srm"]["p_value"] == 1 and "paid: B does better than A" in made["words"]
    assert "优于" in ok(client.get(f"{API}/experiments/test", params={"language": "zh"}))["words"]
    (row,) = ok(client.get(f"{API}/experiments", params={"kind": "file"}))["experiments"]
    assert (row["experiment"], row["units"], row["decided"]) == ("test", 400, "better")
    assert client.post(f"{API}/experiments/analyse", json={**given, "name": "offer"}).json()["place"] == "name"
    ok(client.put(f"{API}/campaigns/held", json={"definition": {**OFFER, "experiment": {"holdout": 0.4}}}))
    assert ok(client.get(f"{API}/experiments/held"))["reason"]
    assert [r["kind"] for r in ok(client.get(f"{API}/experiments"))["experiments"]].count("campaign") == 1
    assert client.get(f"{API}/experiments/nothing").status_code == 404
