"""Who may do what: every route of the application, for strangers and each role, is exactly as the table says."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route
from tests.api.conftest import PATIENCE_S, ROLES, Served

from coterie.api.access import RIGHTS, ROUTES, SCOPES, Right, Role
from coterie.api.app import make_app
from coterie.api.door import GuardedRoute

# A body that no route takes as it is, so that nothing happens where somebody may.
BODY = {
    "as_of": "never",
    "rule": {"nothing": 1},
    "name": "",
    "tags": 1,
    "definition": {},
    "field": 1,
    "when": "",
    "size": 0,
}


@pytest.fixture(scope="module")
def app(served: Served) -> FastAPI:
    """The application, to read its routes; the server runs another one."""
    made = make_app(served.folder)
    yield made
    made.state.shared.close()


def test_the_table_has_every_route_and_no_other(app: FastAPI) -> None:
    """All of them guarded; beside them only the console's files."""
    routes = [r for r in app.routes if isinstance(r, APIRoute)]
    assert {(m, r.path_format) for r in routes for m in r.methods} == set(ROUTES)
    assert all(isinstance(r, GuardedRoute) for r in routes)
    (other,) = [r for r in app.routes if not isinstance(r, APIRoute)]
    assert isinstance(other, Route) and other.path == "/{path:path}" and other.methods == {"GET", "HEAD"}


def ask(client: httpx.Client, method: str, path: str) -> tuple[int, str]:
    """Status and code; what streams without end is not read."""
    filled = re.sub(r"\{\w+\}", "zz", path)
    with client.stream(method, filled, json=None if method == "GET" else BODY) as answer:
        if answer.headers.get("Content-Type", "").startswith("text/event-stream") or answer.status_code < 400:
            return answer.status_code, ""
        answer.read()
        return answer.status_code, answer.json()["code"]


def test_strangers_and_each_role_get_what_the_table_says(served: Served, people: dict[str, httpx.Client]) -> None:
    """401 for strangers, 403 without the right, and anything but these with it."""
    strangers: dict[str, dict[str, str]] = {"nobody": {}, "forged": {"Authorization": "Bearer cot_forged"}}
    for name, headers in strangers.items():
        with httpx.Client(base_url=served.url, headers=headers, timeout=PATIENCE_S) as client:
            for (method, path), right in ROUTES.items():
                status, code = ask(client, method, path)
                if right is Right.ANYONE:
                    assert code != "not_signed_in", (name, method, path)
                else:
                    assert (status, code) == (401, "not_signed_in"), (name, method, path)
    for role in ROLES:
        for (method, path), right in ROUTES.items():
            if right is Right.ANYONE:
                continue
            status, code = ask(people[role], method, path)
            if right in RIGHTS[Role(role)]:
                assert status not in (401, 403, 500), (role, method, path, status, code)
            else:
                assert (status, code) == (403, "not_allowed"), (role, method, path)


def test_a_token_does_no_more_than_its_scopes(served: Served, client: httpx.Client) -> None:
    """Nor can it make one that does."""
    made = client.post("/api/v1/me/tokens", json={"name": "reader", "scopes": ["read", "account"], "days": 1}).json()
    assert made["token"].startswith("cot_") and made["expires_at"] is not None
    assert made["token"] not in client.get("/api/v1/me/tokens").text
    with httpx.Client(
        base_url=served.url, headers={"Authorization": f"Bearer {made['token']}"}, timeout=PATIENCE_S
    ) as reader:
        assert reader.get("/api/v1/audiences").status_code == 200
        assert reader.put("/api/v1/audiences/x", json={"rule": {}}).status_code == 403
        assert reader.get("/api/v1/users").status_code == 403
        assert reader.post("/api/v1/me/tokens", json={"name": "more", "scopes": ["administer"]}).status_code == 422
        given = reader.post("/api/v1/me/tokens", json={"name": "same"}).json()
        assert set(given["scopes"]) == {"read", "account"}
        assert client.delete(f"/api/v1/tokens/{given['id']}").json()["revoked"] is True
        assert client.delete(f"/api/v1/me/tokens/{made['id']}").status_code == 200
        assert reader.get("/api/v1/audiences").status_code == 401
    assert (
        client.post("/api/v1/me/tokens", json={"name": "x", "scopes": ["raed"]}).json()["fix"] == 'Did you mean "read"?'
    )
    assert set(client.get("/api/v1/me/tokens").json()["scopes"]) == set(SCOPES)


def test_what_identifies_people_is_masked(people: dict[str, httpx.Client], client: httpx.Client) -> None:
    """For analysts and viewers, in tags, samples, customers, events and files; not for those who address people."""
    text = "id,email,phone,points\n0001,ada@example.com,+33 1,5\n0002,li@example.com,,7\n"
    kept = client.post("/api/v1/uploads", files={"file": ("contacts.csv", text)}).json()["upload"]
    asked = {"upload": kept, "as": "profiles", "name": "contacts", "entity": "id"}
    job = client.post("/api/v1/imports", json=asked).json()["job"]
    from tests.api.test_routes import done

    assert done(client, job)["state"] == "completed"
    rule = {"tag": "points", "op": "gte", "value": 1}
    client.put("/api/v1/audiences/contacts", json={"rule": rule})
    built = client.post("/api/v1/tags/build", json={"as_of": "2024-06-01"}).json()["job"]
    assert done(client, built)["state"] == "completed"
    for role in ROLES:
        one = people[role]
        shown = one.get("/api/v1/datasets/contacts/sample").text
        values = one.get("/api/v1/tags/email/values").text
        person = one.get("/api/v1/customers/0001").text
        told = one.post("/api/v1/audiences/sample", json={"rule": rule, "tags": ["email", "points"]})
        insight = one.post("/api/v1/audiences/insight", json={"audience": "contacts"}).text
        known = {"all": [rule, {"tag": "email", "op": "exists"}]}
        one.put("/api/v1/audiences/known", json={"rule": known})
        why = one.get("/api/v1/audiences/known/explain/0001").text
        everything = shown + values + person + told.text + insight + why
        assert told.status_code == 200
        if role in ("admin", "marketer"):
            assert all("ada@example.com" in text for text in (shown, values, person, told.text))
        else:
            assert "ada@example.com" not in everything and "+33" not in everything
            assert "•••" in shown and "•••" in person
            assert (
                one.post("/api/v1/audiences/insight", json={"audience": "contacts", "tags": ["email"]}).status_code
                == 403
            )
    shops = client.post("/api/v1/uploads", files={"file": ("shops.csv", "shop,name\n1,Corner\n")}).json()["upload"]
    asked = {"upload": shops, "as": "lookup", "name": "shops", "entity": "shop"}
    assert done(client, client.post("/api/v1/imports", json=asked).json()["job"])["state"] == "completed"
    assert "Corner" in people["viewer"].get("/api/v1/datasets/shops/sample").text, "a shop's name is nobody's"
    file = "/api/v1/audiences/contacts/export"
    assert "ada@example.com" in people["marketer"].get(file, params={"tags": "email"}).text
    assert people["analyst"].get(file, params={"tags": "email"}).json()["code"] == "not_allowed"
    assert people["analyst"].get(file, params={"tags": "points"}).status_code == 200
    assert people["viewer"].get(file, params={"tags": "points"}).status_code == 403


def test_an_audience_that_is_not_shared_is_its_owner_s(people: dict[str, httpx.Client]) -> None:
    """Others find no such audience; admins do."""
    rule = {"tag": "country", "op": "eq", "value": "France"}
    assert (
        people["analyst"].put("/api/v1/audiences/mine alone", json={"rule": rule, "shared": False}).status_code == 200
    )
    for role, status in (("analyst", 200), ("admin", 200), ("marketer", 404), ("viewer", 404)):
        for path in ("", "/members", "/history", "/versions", "/explain/0001"):
            assert people[role].get(f"/api/v1/audiences/mine alone{path}").status_code == status, (role, path)
        listed = people[role].get("/api/v1/audiences", params={"search": "mine alone"}).json()["total"]
        assert listed == (1 if status == 200 else 0)
    assert people["marketer"].put("/api/v1/audiences/mine alone", json={"rule": rule}).status_code == 404
