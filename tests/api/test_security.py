"""What must not be told: hidden fields to who counts cleverly, others' audiences, sessions; and requests that cheat."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from tests.api.conftest import PATIENCE_S, ROLES, bearer, running

from coterie.api import accounts
from coterie.api.access import ROUTES, Right
from coterie.api.app import make_app
from coterie.kit.moments import now
from coterie.store.accounts import Accounts
from coterie.store.models import api_token, session
from coterie.workspace import Workspace

SECRET = "ada.lovelace@example.com"
PEOPLE = f"""id,email,country,points,note
0001,{SECRET},France,5,=cmd()
0002,li@example.com,China,7,<script>alert(1)</script>
0003,,France,9,plain
0004,bo@example.com,Spain,=1+1,+1
"""
VISITS = f"""id,at,page,email
0001,2024-05-01 10:00,home,{SECRET}
0002,2024-05-02 10:00,offer,li@example.com
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The application of people with addresses, in profiles and in events; bodies and heads must come within a second."""
    folder = tmp_path_factory.mktemp("safe")
    Workspace.init(folder / "ws").close()
    facts = json.loads((folder / "ws" / "coterie.json").read_text())
    facts["settings"] = {"body_mb": 1, "body_seconds": 1}
    (folder / "ws" / "coterie.json").write_text(json.dumps(facts))
    for name, text in (("people", PEOPLE), ("visits", VISITS), ("goods", "sku,name\n1,tea\n")):
        (folder / f"{name}.csv").write_text(text)
    with Workspace.open(folder / "ws") as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id", types={"points": "integer"})
        ws.load(folder / "visits.csv", kind="events", name="visits", entity="id", time="at")
        ws.load(folder / "goods.csv", kind="lookup", name="goods", entity="sku")
        ws.tags.build("2024-06-01")
        ws.audiences.save("ada", {"tag": "email", "op": "eq", "value": SECRET}, owner="marketer")
        ws.audiences.save("mine", {"tag": "country", "op": "eq", "value": "France"}, owner="marketer", shared=False)
        ws.audiences.blocks.save("known", {"tag": "email", "op": "in", "value": [SECRET]})
        for name in ("ada", "mine"):
            ws.audiences.refresh(name)
    made = make_app(folder / "ws")
    yield made
    made.state.shared.close()


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    """Where it is served."""
    with running(app) as where:
        yield where


@pytest.fixture(scope="module")
def people(app: FastAPI, url: str) -> Iterator[dict[str, httpx.Client]]:
    """Somebody of each role, by API token."""
    store = app.state.shared.store
    clients = {}
    for role in ROLES:
        token, _ = accounts.make_token(store, accounts.add_user(store, role, role), "tests", None, None)
        clients[role] = bearer(url, token)
    yield clients
    for client in clients.values():
        client.close()


STARTS = {"tag": "email", "op": "starts_with", "value": "a"}
BY_MAIL = {"field": "email", "op": "eq", "value": SECRET}
ORACLES: dict[str, dict[str, Any]] = {
    "a tag": STARTS,
    "within groups": {"all": [{"not": {"any": [STARTS]}}]},
    "a pattern": {"tag": "email", "op": "matches", "value": "^a"},
    "by another name of it": {"tag": "people.email", "op": "eq", "value": SECRET},
    "the highest": {"top": {"tag": "email", "n": 1}},
    "parts by rank": {"quantile": {"tag": "email", "parts": 10, "is": 1}},
    "a field of events": {"events": "visits", "where": BY_MAIL},
    "deep in events": {"events": "visits", "where": {"any": [{"not": BY_MAIL}]}},
    "a measure of a field": {"events": "visits", "measure": "distinct", "of": "email", "op": "gte", "value": 2},
    "two fields": {"events": "visits", "where": {"field": "page", "op": "lt", "than_field": "email"}},
    "a sequence": {"sequence": [{"events": "visits", "where": BY_MAIL}, {"events": "visits"}]},
    "the same in a sequence": {"sequence": [{"events": "visits"}, {"events": "visits"}], "same": "email"},
    "linked to them": {"neighbours": {"dataset": "visits", "of": STARTS}},
    "a distance": {"geo": {"lat": "email", "lon": "points"}, "within_km": 1, "of": [0, 0]},
    "SQL": {"sql": "SELECT entity FROM people WHERE email LIKE 'a%'"},
}


@pytest.mark.parametrize("rule", ORACLES.values(), ids=ORACLES)
def test_nobody_spells_out_a_hidden_field_by_counting(people: dict[str, httpx.Client], rule: dict[str, Any]) -> None:
    """Refused with the place for who may not see it, wherever a rule is taken; answered to who may."""
    asked = [("POST", "count"), ("POST", "sample"), ("POST", "insight"), ("POST", "sentence"), ("PUT", "guess")]
    for role in ("viewer", "analyst"):
        for method, path in asked if role == "analyst" else asked[:4]:
            told = people[role].request(method, f"/api/v1/audiences/{path}", json={"rule": rule})
            assert (told.status_code, told.json()["code"]) == (403, "not_allowed"), (role, path, told.text)
            assert told.json()["place"] and SECRET not in told.text
        block = people[role].put("/api/v1/blocks/guess", json={"rule": rule})
        assert block.status_code == 403
    sentence = people["marketer"].post("/api/v1/audiences/sentence", json={"rule": rule})
    assert sentence.json().get("code") != "not_allowed"


def test_the_type_of_a_body_is_not_believed(people: dict[str, httpx.Client]) -> None:
    """However it is called, a rule within it is found or nothing is counted."""
    body = json.dumps({"rule": STARTS})
    for kind in ("application/json", "Application/JSON", "application/vnd.x+JSON", "text/plain", "", "multipart/mixed"):
        headers = {"Content-Type": kind} if kind else {}
        told = people["viewer"].post("/api/v1/audiences/count", content=body, headers=headers)
        assert told.status_code in (403, 422), (kind, told.text)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert people["viewer"].post("/api/v1/audiences/count", content=body, headers=form).status_code == 422


def test_what_hides_nobody_is_still_counted(people: dict[str, httpx.Client]) -> None:
    """Whether an address is known, other fields, and names of goods."""
    known = {"all": [{"tag": "email", "op": "exists"}, {"tag": "country", "op": "eq", "value": "France"}]}
    assert people["viewer"].post("/api/v1/audiences/count", json={"rule": known}).json()["count"] == 1
    named = {"events": "visits", "where": {"field": "goods.name", "op": "eq", "value": "tea"}}
    assert people["viewer"].post("/api/v1/audiences/count", json={"rule": named}).json()["code"] != "not_allowed"
    assert people["viewer"].post("/api/v1/audiences/count", json={"rule": {"audience": "ada"}}).json()["count"] == 1


def test_no_definition_copies_a_hidden_field(people: dict[str, httpx.Client]) -> None:
    """Not as a formula, an aggregate, a band, nor by a recipe; by who may see it, yes."""
    definitions: list[dict[str, Any]] = [
        {"name": "copy", "formula": "lower(email)"},
        {"name": "copy", "formula": 'concat("email", country)'},
        {"name": "copy", "field": {"dataset": "people", "field": "email"}},
        {"name": "copy", "aggregate": {"dataset": "visits", "measure": "last", "of": "email"}},
        {"name": "copy", "aggregate": {"dataset": "visits", "measure": "count", "where": BY_MAIL}},
        {"name": "copy", "cell": ["email", "country"]},
    ]
    one = people["analyst"]
    for definition in definitions:
        for told in (
            one.post("/api/v1/tags/preview", json={"definition": definition}),
            one.post("/api/v1/tags", json={"tags": [definition]}),
            one.put("/api/v1/tags/copy", json={"definition": definition}),
        ):
            assert (told.status_code, told.json()["code"]) == (403, "not_allowed"), (definition, told.text)
    recipe = {"recipe": "rfm", "options": {"events": "visits", "amount": "length(email)"}}
    assert one.post("/api/v1/tags/recipe", json=recipe).status_code == 403
    tried = people["marketer"].post("/api/v1/tags/preview", json={"definition": definitions[0]})
    assert tried.status_code == 200 and SECRET in tried.text
    fine = one.post("/api/v1/tags/preview", json={"definition": {"name": "more", "formula": "points + 1"}})
    assert fine.status_code == 200, fine.text


def test_no_segment_is_made_of_a_hidden_field(people: dict[str, httpx.Client]) -> None:
    """Its rules and profiles would name values."""
    for path in ("segments", "segments/check"):
        told = people["analyst"].post(f"/api/v1/{path}", json={"name": "s", "tags": ["points", "email"]})
        assert (told.status_code, told.json()["code"]) == (403, "not_allowed"), (path, told.text)


def asked(address: str, **given: Any) -> httpx.Response:
    """The answer to a stranger, or to whoever the headers name."""
    return httpx.get(address, timeout=PATIENCE_S, **given)


def answered(client: httpx.Client, path: str) -> str:
    """The text of an answer, with what heads it."""
    with client.stream("GET", path) as answer:
        if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            return ""
        answer.read()
        return answer.text + str(dict(answer.headers))


def test_no_answer_tells_what_others_audiences_look_for(people: dict[str, httpx.Client]) -> None:
    """Every route that reads, filled with names that are there: the address stands in none for who may not see it."""
    filled = {"name": "ada", "tag": "email", "entity": "0001", "field": "email"}
    named = {"/api/v1/datasets/{name}": "people", "/api/v1/blocks/{name}": "known"}
    paths = []
    for (method, path), right in ROUTES.items():
        if method == "GET" and right in (Right.READ, Right.EXPORT, Right.ACCOUNT):
            first = next((value for start, value in named.items() if path.startswith(start)), None)
            at = path.replace("{name}", first) if first else path
            for key, value in filled.items():
                at = at.replace(f"{{{key}}}", value).replace(f"{{{key}:path}}", value)
            paths.append(at)
    seen = [p for p in paths if SECRET in answered(people["marketer"], p)]
    assert "/api/v1/audiences/ada" in seen and "/api/v1/blocks/known" in seen and "/api/v1/customers/0001" in seen
    assert [p for p in paths if SECRET in answered(people["analyst"], p)] == []
    rule = people["viewer"].get("/api/v1/audiences/ada").json()
    assert rule["rule"]["value"] == "•••" and "•••" in rule["sentence"]
    why = people["viewer"].get("/api/v1/audiences/ada/explain/0002").json()
    assert why["flip"] is None and why["reasons"][0]["value"] == "•••" and "li@" not in json.dumps(why)


def test_another_s_audience_is_nowhere(people: dict[str, httpx.Client]) -> None:
    """Neither in lists, nor counted, sampled, compared or exported through a rule."""
    inside = {"all": [{"audience": "mine"}]}
    for role in ("viewer", "analyst"):
        one = people[role]
        for path, body in (
            ("count", {"rule": inside}),
            ("sample", {"rule": inside}),
            ("insight", {"audience": "mine"}),
            ("insight", {"audience": "ada", "against": "mine@1"}),
            ("overlap", {"audiences": ["ada", "mine"]}),
        ):
            told = one.post(f"/api/v1/audiences/{path}", json=body)
            assert (told.status_code, told.json()["code"]) == (404, "unknown_name"), (role, path, told.text)
        assert one.get("/api/v1/audiences", params={"search": "mine"}).json()["total"] == 0
        assert all(a["audience"] != "mine" for a in one.get("/api/v1/customers/0001/audiences").json()["audiences"])
    assert people["analyst"].put("/api/v1/audiences/copy", json={"rule": inside}).status_code == 404
    for role in ("marketer", "admin"):
        assert people[role].post("/api/v1/audiences/count", json={"rule": inside}).json()["count"] == 2


def test_what_ran_out_or_was_forged_is_worth_nothing(app: FastAPI, url: str, people: dict[str, httpx.Client]) -> None:
    """Tokens and sessions that expired, by idling or for good, with a letter changed, or of a user who was disabled."""
    store, settings = app.state.shared.store, app.state.shared.settings
    account = accounts.add_user(store, "leaver", "admin")
    token, kept = accounts.make_token(store, account, "old", None, 1)

    def told(token: str = "", cookie: str = "") -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return asked(f"{url}/api/v1/me", headers=headers, cookies={"coterie": cookie} if cookie else {}).status_code

    assert told(token) == 200
    forged = [token[:-1] + ("A" if token[-1] != "A" else "B"), token.upper(), token[4:], kept["id"], "cot_", "null"]
    assert [told(one) for one in forged] == [401] * len(forged)
    assert asked(f"{url}/api/v1/me", headers={"Authorization": f"Basic {token}"}).status_code == 401
    assert asked(f"{url}/api/v1/me", params={"token": token, "access_token": token}).status_code == 401
    with store.transaction() as connection:
        connection.execute(api_token.update().where(api_token.c.id == kept["id"]).values(expires_at=now()))
    assert told(token) == 401
    for column, ago in (("seen_at", timedelta(minutes=721)), ("created_at", timedelta(hours=337))):
        caller = accounts.start_session(store, account, settings, "127.0.0.1", "test")
        assert caller.session is not None and told(cookie=caller.key) == 200
        assert told(cookie=caller.session.id) == 401
        with store.transaction() as connection:
            mine = session.c.id == caller.session.id
            connection.execute(session.update().where(mine).values({column: now() - ago}))
        assert told(cookie=caller.key) == 401
    caller = accounts.start_session(store, account, settings, "127.0.0.1", "test")
    fresh, _ = accounts.make_token(store, account, "new", None, None)
    assert told(fresh) == told(cookie=caller.key) == 200
    assert people["admin"].put("/api/v1/users/leaver", json={"disabled": True}).status_code == 200
    assert told(fresh) == told(cookie=caller.key) == 401


def test_status_says_whether_one_is_signed_in(app: FastAPI, url: str, people: dict[str, httpx.Client]) -> None:
    """So that the page asks for nothing that it would be refused."""
    assert asked(f"{url}/api/v1/status").json()["signed_in"] is False
    assert people["viewer"].get("/api/v1/status").json()["signed_in"] is True
    assert asked(f"{url}/api/v1/status", cookies={"coterie": "forged"}).json()["signed_in"] is False
    assert len(Accounts(app.state.shared.store).all()) >= len(ROLES)


def test_nobody_reaches_another_s_sessions_and_tokens(app: FastAPI, people: dict[str, httpx.Client]) -> None:
    """Not by their ids either; nor does anybody but admins see that there are any."""
    store, settings = app.state.shared.store, app.state.shared.settings
    other = Accounts(store).get("admin")
    caller = accounts.start_session(store, other, settings, "10.0.0.9", "admin's own browser")
    assert caller.session is not None
    _, token = accounts.make_token(store, other, "of the admin", None, None)
    for role in ROLES[1:]:
        one = people[role]
        assert one.delete(f"/api/v1/me/sessions/{caller.session.id}").status_code == 404
        assert one.delete(f"/api/v1/me/tokens/{token['id']}").status_code == 404
        for path in ("/api/v1/me", "/api/v1/me/sessions", "/api/v1/me/tokens"):
            assert "admin's own" not in one.get(path).text and "of the admin" not in one.get(path).text
        for path in ("/api/v1/sessions", "/api/v1/tokens", "/api/v1/users", "/api/v1/audit", "/api/v1/settings"):
            assert one.get(path).status_code == 403
    assert accounts.of_session(store, settings, caller.key) is not None


def test_files_run_nothing(people: dict[str, httpx.Client]) -> None:
    """Cells that begin as formulas are quoted in every file; what stands in markup stays text."""
    rejected = people["admin"].get("/api/v1/datasets/people/rejects.csv")
    assert rejected.status_code == 200 and rejected.headers["X-Content-Type-Options"] == "nosniff"
    cells = [cell for line in rejected.content.decode("utf-8-sig").splitlines() for cell in line.split(",")]
    assert "'=1+1" in cells and not any(cell.strip('"').startswith(("=", "+", "@")) for cell in cells)
    one = people["marketer"]
    assert one.put("/api/v1/audiences/all", json={"rule": {"all": []}}).status_code == 200
    assert one.post("/api/v1/audiences/all/refresh").status_code == 200
    file = one.get("/api/v1/audiences/all/export", params={"tags": "note"})
    assert "'=cmd()" in file.text and "\n=cmd" not in file.text and file.headers["Content-Type"].startswith("text/csv")
    assert file.headers["Content-Disposition"].startswith("attachment")
    definition = {"name": "odd", "formula": "points * 2", "description": {"en": '=HYPERLINK("http://x")'}}
    assert one.post("/api/v1/tags", json={"tags": [definition]}).status_code == 200
    dictionary = one.get("/api/v1/dictionary").text
    assert "'=HYPERLINK" in dictionary
    for answer in (one.get("/api/v1/tags/note/values"), one.get("/api/v1/customers/0002")):
        assert "<script>" in answer.text and answer.headers["Content-Type"] == "application/json"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def spoken(url: str, *parts: bytes, pause: float = 0.0) -> bytes:
    """All that the server says to these bytes until it hangs up; between parts it is listened to for a pause."""
    where, told = urlsplit(url), b""
    with socket.create_connection((where.hostname, where.port), timeout=8) as line:
        for part in parts:
            line.sendall(part)
            told += heard(line, pause) if pause else b""
            if told:
                break
        line.settimeout(8)
        while chunk := heard(line, 8):
            told += chunk
    return told


def heard(line: socket.socket, seconds: float) -> bytes:
    """What comes within some seconds; nothing where nothing does, or the other side is gone."""
    line.settimeout(seconds)
    try:
        return line.recv(65536)
    except (TimeoutError, ConnectionError):
        return b""


HEAD = b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SECOND = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: +5\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length : 5\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Host: y\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        HEAD + b"X: a\rContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/login\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=range(10),
)
def test_no_request_hides_in_another(url: str, head: bytes) -> None:
    """What could be read in two ways is answered 400, and the connection ends: nothing after it is read."""
    told = spoken(url, head + SECOND)
    assert told.startswith(b"HTTP/1.1 400") and told.count(b"HTTP/1.1 ") == 1, told
    assert b'"status":"ok"' not in told


def test_whoever_dawdles_is_let_go(url: str) -> None:
    """With the head of a request, before it, or byte by byte in its body; quick ones are answered all the while."""
    where, started = urlsplit(url), time.monotonic()
    with ExitStack() as kept:
        lines = [kept.enter_context(socket.create_connection((where.hostname, where.port))) for _ in range(3)]
        lines[1].sendall(b"GET /api/v1/health HTTP/1.1\r\nHo")
        lines[2].sendall(SECOND.replace(b"close", b"keep-alive"))
        answer = b""
        while b'"status"' not in answer:
            answer += heard(lines[2], 8)
        lines[2].sendall(b"GET /api")
        told = spoken(url, HEAD + b"Content-Length: 5000\r\n\r\n{", *[b" "] * 40, pause=0.1)
        assert told.startswith(b"HTTP/1.1 408"), told
        assert [heard(line, 8) for line in lines] == [b"", b"", b""] and time.monotonic() - started < 20
    assert asked(f"{url}/api/v1/health").status_code == 200


def test_what_says_that_it_is_huge_is_not_read(url: str) -> None:
    """413 comes before the body does, on every route, and before anybody is asked who they are."""
    for path in ("/api/v1/login", "/api/v1/audiences/count", "/api/v1/nothing"):
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
        where, started = urlsplit(url), time.monotonic()
        with socket.create_connection((where.hostname, where.port), timeout=10) as line:
            line.sendall(head.encode() + b"{")
            assert heard(line, 10).startswith(b"HTTP/1.1 413"), path
        assert time.monotonic() - started < 4.5, "it waited for the body"


def test_no_address_is_looked_up_twice(url: str, people: dict[str, httpx.Client]) -> None:
    """Every way to write this machine and the networks around it is refused, by destinations and by alerts."""
    private = (
        "127.0.0.1", "2130706433", "0x7f000001", "017700000001", "127.1", "0", "[::]", "[::1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fe80::1]", "[fc00::1]", "169.254.169.254", "192.168.1.1", "100.64.0.1",
        "localhost", "localhost.", "user:word@8.8.8.8", "8.8.8.8:99999", "224.0.0.1", "255.255.255.255",
    )  # fmt: skip
    for host in private:
        told = people["admin"].put("/api/v1/destinations/evil", json={"url": f"https://{host}/hook"})
        assert (told.status_code, told.json()["code"]) == (422, "bad_address"), host
    assert people["admin"].get("/api/v1/destinations").json().get("destinations") == []


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../meta.sqlite", "a/../../meta.sqlite", "sqlite:////etc/x#t", "postgresql://x/y#t", "file:///etc/passwd",
     "http://127.0.0.1/", "$HOME/x", "~/x"],
)  # fmt: skip
def test_no_source_leaves_the_inbox(people: dict[str, httpx.Client], location: str) -> None:
    """Paths of the server, databases and addresses are added on the machine itself, never over HTTP."""
    asked = {"location": location, "as": "profiles", "name": "stolen", "entity": "@row"}
    made = people["admin"].put("/api/v1/sources/evil", json=asked)
    if made.status_code == 200:  # a name like any other, of a file in the inbox
        assert made.json()["location"].startswith("inbox/"), made.text
        people["admin"].delete("/api/v1/sources/evil")
    else:
        assert (made.status_code, made.json()["code"]) == (403, "not_allowed")
    assert "stolen" not in people["admin"].get("/api/v1/datasets").text
