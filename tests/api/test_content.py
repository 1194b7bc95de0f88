"""The content library over HTTP: shapes, versions, what is masked, and what is told of mistakes."""

from __future__ import annotations

import httpx
from tests.api.test_routes import ok

TEMPLATE = {"channels": {"email": {"subject": "Hi {{ name }}", "text": 'Dear {{ name }}, {{ block("greeting") }}'}}}
DYNAMIC = {
    "variants": [{"when": {"tag": "country", "op": "eq", "value": "France"}, "text": "Bonjour"}],
    "default": {"text": "Hello from {{ city|default('afar', true) }}"},
}
PAGE = {"title": "Spring", "html": "<h1>{{ name }}</h1><script>alert(1)</script>"}


def test_content_from_draft_to_gone(client: httpx.Client) -> None:
    """Saved, listed, published, copied, used, withdrawn, deleted."""
    for name, kind, body in (
        ("greeting", "dynamic", DYNAMIC),
        ("letter", "template", TEMPLATE),
        ("spring", "page", PAGE),
    ):
        saved = ok(client.put(f"/api/v1/content/{name}", json={"kind": kind, "body": body, "base_version": 0}))
        assert saved == {"name": name, "kind": kind, "version": 1, "state": "draft", "notes": []}
    early = client.post("/api/v1/content/letter/publish")
    assert (early.status_code, early.json()["code"]) == (422, "content_state"), "what it uses is a draft"
    for name in ("greeting", "letter", "spring"):
        assert ok(client.post(f"/api/v1/content/{name}/publish", json={"version": 1}))["published_version"] == 1
    told = ok(
        client.get(
            "/api/v1/content", params={"search": "e", "sort": "kind", "order": "desc", "limit": 1, "state": "published"}
        )
    )
    assert (told["total"], told["content"][0]["name"]) == (3, "letter")
    row = ok(client.get("/api/v1/content", params={"kind": "page", "state": "published"}))["content"][0]
    assert (row["name"], row["visits"], row["conversions"], row["used_by"]) == ("spring", 0, 0, [])
    one = ok(client.get("/api/v1/content/greeting"))
    assert one["body"] == DYNAMIC and one["variables"] == ["city", "country"]
    assert one["used_by"] == [{"kind": "template", "name": "letter"}] and one["versions"][0]["published_at"]
    assert ok(client.get("/api/v1/content/spring/stats")) == {
        "name": "spring", "visits": 0, "visitors": 0, "conversions": 0, "days": [],
    }  # fmt: skip
    late = client.put(
        "/api/v1/content/spring", json={"kind": "page", "body": {**PAGE, "title": "x"}, "base_version": 7}
    )
    assert (late.status_code, late.json()["code"]) == (409, "newer_version")
    assert ok(client.post("/api/v1/content/spring/copy", json={"to": "summer"}))["state"] == "draft"
    assert ok(client.delete("/api/v1/content/summer"))["deleted"] is True
    assert client.delete("/api/v1/content/spring").json()["code"] == "content_state"
    assert ok(client.post("/api/v1/content/spring/withdraw"))["state"] == "withdrawn"
    assert client.get("/p/spring").status_code == 410 and client.get("/p/summer").status_code == 404
    assert client.get("/api/v1/content/sprung").json()["fix"] == 'Did you mean "spring"?'
    wrong = client.put("/api/v1/content/odd", json={"kind": "page", "body": {"title": "x", "html": "a\n{{ nam }}"}})
    assert (wrong.status_code, wrong.json()["place"]) == (422, "body.html:2")
    told = ok(client.get("/api/v1/audit", params={"limit": 50}))
    assert {"content"} <= {entry["kind"] for entry in told["entries"]}


def test_previews_are_masked(client: httpx.Client, people: dict[str, httpx.Client]) -> None:
    """A viewer reads the text, and not who it is about."""
    asked = {"kind": "page", "body": PAGE, "entity": "0001"}
    assert ok(client.post("/api/v1/content/preview", json=asked))["html"] == "<h1>Ada</h1>"
    assert ok(people["viewer"].post("/api/v1/content/preview", json=asked))["html"] == "<h1>•••</h1>"
    shown = ok(client.post("/api/v1/content/preview", json={"kind": "dynamic", "body": DYNAMIC, "entity": "0003"}))
    assert shown["parts"]["text"] == "Hello from Berlin" and shown["missing"] == []
    assert client.post("/api/v1/content/preview", json={**asked, "entity": "nobody"}).status_code == 404
    for odd in (
        "{{ 9**(9**9) }}",
        "{{ 9**60**60**60 }}",
        "{{ 'x' * 10**9 }}",
        "{{ [1] * 10**9 }}",
        "{{ range(10**9)|list }}",
    ):
        told = client.post("/api/v1/content/preview", json={**asked, "body": {**PAGE, "html": odd}})
        assert (told.status_code, told.json()["code"]) == (422, "bad_template"), odd
    inside = {**PAGE, "html": "{{ ''.__class__.__mro__ }}"}
    told = client.post("/api/v1/content/preview", json={**asked, "body": inside}).json()
    assert told.get("code") == "bad_template" or told["html"] == ""
