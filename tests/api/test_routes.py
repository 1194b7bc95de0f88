"""Each resource over HTTP, as the console uses it: shapes, paging, searching, and what is told of mistakes."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
from tests.api.conftest import PATIENCE_S, Served
from tests.shop import LOYAL

from coterie.workspace import Workspace

FRENCH = {"tag": "country", "op": "eq", "value": "France"}


def ok(answer: httpx.Response) -> Any:
    """The body of a good answer."""
    assert answer.status_code == 200, answer.text
    return answer.json()


def done(client: httpx.Client, job: str) -> dict[str, Any]:
    """Wait for a job of the server's worker."""
    for _ in range(600):
        row: dict[str, Any] = ok(client.get(f"/api/v1/jobs/{job}"))
        if row["state"] in ("completed", "failed", "cancelled"):
            return row
        time.sleep(0.1)
    raise AssertionError("the job did not end")


def test_what_the_builder_offers(client: httpx.Client) -> None:
    """Every kind of condition, operator and measure of the language has words in both."""
    from coterie.rules.operators import OPERATORS
    from coterie.rules.tree import LEAF_KINDS

    for language in ("en", "zh"):
        told = ok(client.get("/api/v1/schema/leaves", params={"language": language}))
        assert [leaf["key"] for leaf in told["leaves"]] == list(LEAF_KINDS)
        assert [o["key"] for o in told["operators"]] == list(OPERATORS)
        assert all(row["label"] for part in told.values() for row in part)
    assert {m["key"]: m["needs_of"] for m in told["measures"]}["count"] is False
    assert "$defs" in ok(client.get("/api/v1/schema/rule"))
    assert ok(client.get("/api/v1/purposes"))["purposes"][0]["channels"]


def test_tags(client: httpx.Client) -> None:
    """Table, tree, one tag, values for pickers, the dictionary."""
    told = ok(client.get("/api/v1/tags", params={"search": "rfm", "sort": "tag", "limit": 2}))
    assert [t["tag"] for t in told["tags"]] == ["rfm.cell", "rfm.cell_name"] and told["total"] >= 7
    tree = ok(client.get("/api/v1/tag-tree"))["tree"]
    assert any(t["tag"] == "country" for branch in tree for t in branch["tags"])
    one = ok(client.get("/api/v1/tags/rfm.frequency"))
    assert one["lineage"]["recipe"] == "rfm" and "orders" in one["lineage"]["datasets"]
    assert one["distribution"]["kind"] == "histogram" and sum(b["count"] for b in one["distribution"]["rows"]) == 5
    values = ok(client.get("/api/v1/tags/country/values"))
    assert values["values"][0]["count"] == 2 and values["total"] == 3
    assert ok(client.get("/api/v1/tags/country/values", params={"search": "fra"}))["values"] == [
        {"value": "France", "count": 2}
    ]
    assert ok(client.get("/api/v1/tags/joined"))["distribution"]["kind"] == "moments"
    assert ok(client.get("/api/v1/recipes"))["used"][0]["recipe"] == "rfm"
    assert client.get("/api/v1/dictionary").content.decode("utf-8-sig").startswith("tag,label")
    assert client.get("/api/v1/tags/cuntry").json()["fix"].startswith('Did you mean "country"')


def test_a_tag_is_tried_before_it_is_saved(client: httpx.Client) -> None:
    """The trial says what the build says later, and leaves nothing behind."""
    spent = {"dataset": "orders", "measure": "sum", "of": "amount"}
    definition = {"name": "spent", "aggregate": spent, "family": "mine"}
    before = ok(client.get("/api/v1/tags"))["total"]
    tried = ok(client.post("/api/v1/tags/preview", json={"definition": definition}))
    assert {r["entity"]: r["value"] for r in tried["rows"]} == {
        "0001": 45.5,
        "0002": 18.25,
        "0003": 0,
        "0004": 0,
        "0005": 5.5,
    }
    assert tried["coverage"] == 1 and ok(client.get("/api/v1/tags"))["total"] == before
    assert client.get("/api/v1/tags/spent").status_code == 404
    wrong = {"name": "spent", "aggregate": {**spent, "of": "amunt"}}
    assert client.post("/api/v1/tags/preview", json={"definition": wrong}).status_code in (404, 422)
    assert ok(client.put("/api/v1/tags/spent", json={"definition": definition}))["tags"] == ["spent"]
    used = {"tag": "spent", "op": "gte", "value": 10}
    assert ok(client.post("/api/v1/audiences/count", json={"rule": used}))["count"] == 2
    assert ok(client.delete("/api/v1/tags/spent"))["deleted"] is True
    formula = {"name": "twice", "formula": "rfm.frequency * 2"}
    assert ok(client.post("/api/v1/tags", json={"tags": [formula]}))["tags"] == ["twice"]
    ok(client.delete("/api/v1/tags/twice"))
    assert ok(client.get("/api/v1/tag-plan"))["stages"]


def test_datasets(client: httpx.Client) -> None:
    """What is imported, its rows, rejects and values of fields."""
    rows = ok(client.get("/api/v1/datasets", params={"search": "ord"}))
    assert [r["dataset"] for r in rows["datasets"]] == ["orders"]
    one = ok(client.get("/api/v1/datasets/orders"))
    assert one["batches"][0]["accepted"] == 7 and one["time"] == "at"
    sample = ok(client.get("/api/v1/datasets/orders/sample", params={"limit": 2}))
    assert len(sample["rows"]) == 2 and "product" in sample["columns"]
    rejects = ok(client.get("/api/v1/datasets/orders/rejects"))
    assert rejects["total"] == 1 == sum(rejects["reasons"].values())
    assert client.get("/api/v1/datasets/orders/rejects.csv").text.count("\n") >= 2
    values = ok(client.get("/api/v1/datasets/orders/fields/product/values"))
    assert values["values"][0] == {"value": "tea", "count": 3}
    assert client.get("/api/v1/datasets/orders/fields/prodct/values").status_code == 404
    assert "suggestions" in ok(client.get("/api/v1/datasets/people/cleanup"))
    rule = {"field": "product", "value": "tee", "to": "tea"}
    assert ok(client.post("/api/v1/datasets/orders/cleanup", json=rule))["rules"] == {"tee": "tea"}
    gone = ok(client.delete("/api/v1/datasets/orders/cleanup", params={"field": "product", "value": "tee"}))
    assert gone["dropped"] == "tee"


def test_an_upload_is_looked_at_tried_and_imported(client: httpx.Client) -> None:
    """By a job; and a list, which is a tag at once."""
    text = "customer,at,page\n0001,2024-05-30 10:00,home\n0002,2024-05-30 11:00,offer\n,2024-05-30 12:00,offer\n"
    kept = ok(client.post("/api/v1/uploads", files={"file": ("../../visits.csv", text, "text/csv")}))
    assert kept["name"] == "visits.csv"
    look = ok(client.post(f"/api/v1/uploads/{kept['upload']}/look"))
    assert look["guess"] == {"as": "events", "name": "visits", "entity": "customer", "time": "at"}
    asked = {**look["guess"], "upload": kept["upload"]}
    tried = ok(client.post("/api/v1/imports", json={**asked, "dry_run": True}))
    assert (tried["read"], tried["accepted"], tried["rejected"]) == (3, 2, 1) and tried["sample"]
    row = done(client, ok(client.post("/api/v1/imports", json=asked))["job"])
    assert row["state"] == "completed" and row["result"]["accepted"] == 2
    assert ok(client.get("/api/v1/datasets/visits"))["rows"] == 2
    assert ok(client.delete(f"/api/v1/uploads/{kept['upload']}"))["deleted"] is True
    assert client.post("/api/v1/imports", json=asked).status_code == 404
    file = {"file": ("vip.csv", "id\n0001\n0003\n9999\n", "text/csv")}
    listed = ok(client.post("/api/v1/lists/vip", files=file, data={"column": "id"}))
    assert (listed["matched"], listed["unmatched"]) == (2, 1)
    assert "vip" in [x["list"] for x in ok(client.get("/api/v1/lists"))["lists"]]


def test_audiences_list_and_page(client: httpx.Client) -> None:
    """Saved with folder, searched, sorted, paged; one with its rule; versions; copied; deleted."""
    for name, folder in (("list a", "eu/fr"), ("list b", "eu"), ("list c", "")):
        given = {"rule": FRENCH, "folder": folder, "description": f"about {name}"}
        ok(client.put(f"/api/v1/audiences/{name}", json=given))
    ok(client.post("/api/v1/audiences/list b/refresh"))
    told = ok(
        client.get("/api/v1/audiences", params={"search": "about list", "sort": "count", "order": "desc", "limit": 2})
    )
    assert told["audiences"][0]["audience"] == "list b" and told["total"] == 3
    assert told["audiences"][0]["growth"] == [2] and "France" in told["audiences"][0]["sentence"]
    assert {"folder": "eu/fr", "audiences": 1} in told["folders"]
    eu = ok(client.get("/api/v1/audiences", params={"folder": "eu", "scope": "mine"}))
    assert [r["audience"] for r in eu["audiences"]] == ["list a", "list b"]
    one = ok(client.get("/api/v1/audiences/list b", params={"language": "zh"}))
    assert one["owner"] == "root" and one["rule"]["value"] == "France" and one["newest"]["count"] == 2
    assert len(ok(client.get("/api/v1/audiences/list b/history"))["snapshots"]) == 1
    ok(client.put("/api/v1/audiences/list b", json={"rule": LOYAL}))
    assert [v["version"] for v in ok(client.get("/api/v1/audiences/list b/versions"))["versions"]] == [1, 2]
    assert ok(client.post("/api/v1/audiences/list a/copy", json={"to": "list d"}))["version"] == 1
    assert ok(client.delete("/api/v1/audiences/list d"))["deleted"] is True
    assert client.get("/api/v1/audiences/list d").status_code == 404
    job = ok(client.post("/api/v1/audiences/list c/refresh", params={"detach": True}))["job"]
    assert done(client, job)["result"]["count"] == 2


def test_the_list_is_what_the_workspace_says(client: httpx.Client, served: Served) -> None:
    """It is kept between requests, and follows every change, also of other processes."""
    for step in ("save", "refresh", "again", "delete"):
        with Workspace.open(served.folder) as ws:
            if step == "save":
                ws.audiences.save("followed", FRENCH, folder="x", valid_until="2020-01-01")
            elif step == "refresh":
                ws.audiences.save("followed", FRENCH, valid_until="2999-01-01")
                ws.audiences.refresh("followed")
            elif step == "again":
                ws.audiences.save("followed", LOYAL, shared=False)
            else:
                ws.audiences.delete("followed")
            wanted = {row["audience"]: row for row in ws.audiences.rows()}
        told = ok(client.get("/api/v1/audiences", params={"limit": 1000}))["audiences"]
        same = (
            "version",
            "count",
            "as_of",
            "state",
            "error",
            "validity",
            "sentence",
            "owner",
            "folder",
            "shared",
            "refresh",
        )
        assert {r["audience"]: {k: r[k] for k in same} for r in told} == {
            name: {k: row[k] for k in same} for name, row in wanted.items()
        }


def test_two_people_edit_one_audience(client: httpx.Client) -> None:
    """The second is told, with both, and nothing is lost."""
    first = ok(client.put("/api/v1/audiences/shared", json={"rule": FRENCH, "base_version": 0}))
    assert first["version"] == 1
    ok(client.put("/api/v1/audiences/shared", json={"rule": LOYAL, "base_version": 1}))
    late = client.put("/api/v1/audiences/shared", json={"rule": FRENCH, "description": "mine", "base_version": 1})
    told = late.json()
    assert (late.status_code, told["code"], told["place"]) == (409, "newer_version", "base_version")
    assert told["theirs"]["version"] == 2 and told["theirs"]["rule"]["all"] and told["yours"]["description"] == "mine"
    assert ok(client.get("/api/v1/audiences/shared"))["version"] == 2
    assert client.put("/api/v1/audiences/shared", json={"rule": FRENCH, "base_version": 0}).status_code == 409


def test_people_of_a_rule(client: httpx.Client) -> None:
    """A sample with tags; the sentence; members; a file."""
    rule = {"rule": LOYAL, "tags": ["country", "rfm.frequency"]}
    told = ok(client.post("/api/v1/audiences/sample", json=rule))
    assert told["count"] == 3 and [c["tag"] for c in told["columns"]] == ["country", "rfm.frequency"]
    assert {m["entity"]: m["values"] for m in told["members"]}["0001"] == ["France", 2]
    assert "France" in ok(client.post("/api/v1/audiences/sentence", json={"rule": FRENCH}))["sentence"]
    wrong = client.post("/api/v1/audiences/sentence", json={"rule": {"all": [{"tag": "country", "op": "eq"}]}})
    assert wrong.status_code == 422 and wrong.json()["place"].startswith("all[0]")
    ok(client.put("/api/v1/audiences/people", json={"rule": LOYAL}))
    assert ok(client.get("/api/v1/audiences/people/sample", params={"size": 2}))["count"] == 3
    file = client.get("/api/v1/audiences/people/export", params={"tags": "country", "format": "csv"})
    assert file.content.decode("utf-8-sig").splitlines()[:2] == ["entity,country", "0001,France"]
    assert 'filename="people.csv"' in file.headers["Content-Disposition"]
    assert client.get("/api/v1/audiences/people/export", params={"format": "xlsx"}).content[:2] == b"PK"
    hashed = client.get("/api/v1/audiences/people/export", params={"hash_ids": True}).text
    assert "0001\n" not in hashed and len(hashed.splitlines()[1]) == 64


def test_customers(client: httpx.Client) -> None:
    """Found by key; tags, events by page, audiences."""
    found = ok(client.get("/api/v1/customers", params={"search": "000", "limit": 2}))["customers"]
    assert [c["entity"] for c in found] == ["0001", "0002"] and found[0]["tags"]
    told = ok(client.get("/api/v1/customers/0001"))
    assert {t["tag"]: t["value"] for t in told["tags"]}["country"] == "France"
    events = ok(client.get("/api/v1/customers/0001/events", params={"limit": 2, "dataset": "orders"}))
    assert (events["total"], events["next"]) == (3, 2) and events["events"][0]["at"] == "2024-05-20T09:00:00+00:00"
    assert events["events"][0]["fields"]["product"] == "tea"
    ok(client.put("/api/v1/audiences/french", json={"rule": FRENCH}))
    ok(client.post("/api/v1/audiences/french/refresh"))
    ins = ok(client.get("/api/v1/customers/0001/audiences"))["audiences"]
    assert "french" in [a["audience"] for a in ins]
    assert client.get("/api/v1/customers/nobody").status_code == 404


def test_home(client: httpx.Client) -> None:
    """Figures as of the published build, and thirty days before."""
    told = ok(client.get("/api/v1/home"))
    # 0001 and 0003 ordered in May, 0002 in April, who visited in May where the upload's test ran before.
    assert told["customers"] == 5 and (told["active_30d"], told["at_risk"]) in ((2, 1), (3, 0))
    assert told["revenue_30d"]["amount"] == 20 and told["revenue_30d"]["currency"] == "EUR"
    assert told["previous"]["customers"] == 5 and told["previous"]["active_30d"] == 2
    assert told["new_30d"] == 1, "0003 came with the first order on 30 May"
    assert {f["dataset"] for f in told["freshness"]} >= {"people", "orders"}


def test_segments_are_fitted_by_a_job(client: httpx.Client) -> None:
    """Too few people here: the job fails and says why, the list stays empty; names are checked at once."""
    given = {"name": "groups", "tags": ["rfm.frequency", "rfm.monetary"], "k": 2}
    row = done(client, ok(client.post("/api/v1/segments", json=given))["job"])
    assert row["state"] == "failed" and row["error"]["code"] == "too_few_rows"
    assert ok(client.get("/api/v1/segments"))["segmentations"] == []
    assert client.get("/api/v1/segments/groups").status_code == 404
    assert client.get("/api/v1/segments/groups/report").status_code == 404
    assert client.post("/api/v1/segments", json={**given, "name": "../x"}).status_code == 422
    assert client.post("/api/v1/segments", json={**given, "tags": ["nope"]}).status_code == 404
    assert ok(client.post(f"/api/v1/jobs/{row['id']}/retry"))["job"] == "segments.fit"
    assert client.post(f"/api/v1/jobs/{row['id']}/cancel").json()["code"] == "job_ended"


def test_jobs_are_told_live(client: httpx.Client) -> None:
    """Server-sent events say when a job begins and ends."""
    ok(client.put("/api/v1/audiences/live", json={"rule": FRENCH}))
    states = []
    with client.stream("GET", "/api/v1/events", timeout=PATIENCE_S) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == "event: ping"
        job = ok(client.post("/api/v1/audiences/live/refresh", params={"detach": True}))["job"]
        for line in lines:
            if line.startswith("data: {") and (row := json.loads(line[6:])).get("id") == job:
                states.append(row["state"])
                if row["state"] == "completed":
                    break
    assert states[-1] == "completed"
    assert ok(client.get("/api/v1/jobs", params={"state": "completed", "job": "audiences.refresh"}))["total"] >= 1
    assert {"upkeep", "vacuum"} <= {s["name"] for s in ok(client.get("/api/v1/schedules"))["schedules"]}


def test_settings(client: httpx.Client) -> None:
    """Read and written; secrets never shown; what reaches into the machine only on it."""
    rows = {s["name"]: s for s in ok(client.get("/api/v1/settings"))["settings"]}
    assert rows["smtp_password"]["value"] is None and rows["smtp_password"]["secret"]
    assert ok(client.put("/api/v1/settings/smtp_host", json={"value": "mail.example.com"}))["changed"] is True
    assert ok(client.put("/api/v1/settings/smtp_password", json={"value": "hidden thing"}))["set"] is True
    assert "hidden thing" not in client.get("/api/v1/settings").text + client.get("/api/v1/audit").text
    for name in ("smtp_host", "smtp_password"):
        assert ok(client.delete(f"/api/v1/settings/{name}"))["changed"] is False
    assert client.put("/api/v1/settings/metadata_url", json={"value": "sqlite:////x"}).status_code == 403
    assert client.put("/api/v1/settings/smtp_port", json={"value": "soon"}).json()["code"] == "bad_setting"
    assert client.put("/api/v1/settings/smtp_prt", json={"value": 1}).status_code == 404


def test_small_answers_do_not_wait(client: httpx.Client) -> None:
    """Without TCP_NODELAY each waits 40 ms for the other side's acknowledgement."""
    took = []
    for _ in range(30):
        started = time.perf_counter()
        ok(client.get("/api/v1/health"))
        took.append(time.perf_counter() - started)
    assert min(took) < 0.03


def test_lookalike_is_refused_as_on_the_command_line(client: httpx.Client) -> None:
    """Files of the server are nobody's seed."""
    ok(client.put("/api/v1/audiences/seed", json={"rule": LOYAL}))
    few = client.post("/api/v1/audiences/lookalike", json={"seed": "seed", "size": 1})
    assert few.status_code == 422 and few.json()["code"] == "too_few_rows"
    assert client.post("/api/v1/audiences/lookalike", json={"seed": "loyal.json", "size": 1}).status_code == 404
