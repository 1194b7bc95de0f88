"""Signing in and out: passwords, sessions, forged requests, throttling, users, the audit log, the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.api.conftest import PASSWORD, PATIENCE_S, Served, browser
from tests.shop import ask, refused

from coterie.api import accounts
from coterie.api.access import Role
from coterie.errors import Refused
from coterie.kit.moments import now
from coterie.settings import Settings
from coterie.store.accounts import Accounts
from coterie.store.models import login_failure, session
from coterie.store.service import Store


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An empty store with the user Ada."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'meta.sqlite'}"
    if request.param == "postgresql":
        folder = request.getfixturevalue("postgres_server")
        url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
    opened = Store.open(url)
    accounts.add_user(opened, "Ada", "admin", password=PASSWORD)
    yield opened
    opened.close()


def test_the_setup_token_works_once(served: Served) -> None:
    """It made the first admin; neither it nor a guess makes another."""
    for token in (served.setup, "guess"):
        again = httpx.post(f"{served.url}/api/v1/setup", json={"token": token, "name": "again"}, timeout=PATIENCE_S)
        assert again.status_code == 403 and again.json()["code"] == "not_allowed"
    told = httpx.get(f"{served.url}/api/v1/status", timeout=PATIENCE_S).json()
    assert told["setup"] is False and told["users"] is True and told["oidc"] is False


def test_a_browser_signs_in_changes_something_and_signs_out(served: Served) -> None:
    """The cookie is out of scripts' reach; a change without the session's token is refused, and so is a foreign page's."""
    with browser(served.url) as client:
        cookie = client.post("/api/v1/login", json={"name": "ROOT", "password": PASSWORD}).headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Max-Age" in cookie
        me = client.get("/api/v1/me").json()
        client.headers["X-CSRF-Token"] = me["csrf"]
        assert me["user"]["name"] == "root" and "administer" in me["allowed"]
        rule = {"rule": {"tag": "country", "op": "eq", "value": "France"}}
        assert client.put("/api/v1/audiences/by browser", json=rule).status_code == 200
        for headers in (
            {"X-CSRF-Token": ""},
            {"X-CSRF-Token": "é".encode()},
            {"Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            answer = client.put("/api/v1/audiences/by browser", json=rule, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forged"), headers
        own = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}
        assert client.put("/api/v1/audiences/by browser", json=rule, headers=own).status_code == 200
        form = client.put(
            "/api/v1/audiences/by browser", content=json.dumps(rule), headers={"Content-Type": "text/plain"}
        )
        assert form.status_code == 422
        sessions = client.get("/api/v1/me/sessions").json()["sessions"]
        assert sum(s["current"] for s in sessions) == 1
        assert client.post("/api/v1/logout").json() == {"signed_out": True}
        assert client.get("/api/v1/me").status_code == 401
    foreign = {"Origin": "https://evil.example"}
    body = {"name": "root", "password": PASSWORD}
    assert httpx.post(f"{served.url}/api/v1/login", json=body, headers=foreign, timeout=PATIENCE_S).status_code == 403


def test_sessions_end_one_by_one_and_are_nobody_else_s(served: Served, people: dict[str, httpx.Client]) -> None:
    """A session planted before sign-in is worth nothing; another's session cannot be ended but by admins."""
    with browser(served.url) as one:
        key = one.cookies["coterie"]
        one.post("/api/v1/login", json={"name": "root", "password": PASSWORD})
        assert one.cookies["coterie"] != key
        assert httpx.get(f"{served.url}/api/v1/me", cookies={"coterie": key}, timeout=PATIENCE_S).status_code == 401
        (mine,) = [s for s in one.get("/api/v1/me/sessions").json()["sessions"] if s["current"]]
        assert people["viewer"].delete(f"/api/v1/me/sessions/{mine['session']}").status_code == 404
        assert people["viewer"].delete(f"/api/v1/sessions/{mine['session']}").status_code == 403
        assert people["admin"].delete(f"/api/v1/sessions/{mine['session']}").json()["user"] == "root"
        assert one.get("/api/v1/me").status_code == 401


def test_an_admin_makes_changes_and_disables_users(served: Served, client: httpx.Client) -> None:
    """A new role or a disabling ends their sessions at once; the last admin stays."""
    made = client.post("/api/v1/users", json={"name": "Bo", "role": "viewer", "password": PASSWORD})
    assert made.status_code == 200 and made.json()["role"] == "viewer"
    assert client.post("/api/v1/users", json={"name": "bo", "role": "viewer"}).status_code == 422
    with browser(served.url, "bo") as bo:
        assert client.put("/api/v1/users/bo", json={"role": "analyst"}).json()["role"] == "analyst"
        assert bo.get("/api/v1/me").status_code == 401
    with browser(served.url, "bo") as bo:
        new = "another horse battery"
        changed = bo.post("/api/v1/me/password", json={"old": PASSWORD, "new": new})
        assert changed.status_code == 200 and bo.get("/api/v1/me").status_code == 200
        assert client.put("/api/v1/users/Bo", json={"disabled": True}).json()["disabled"] is True
        assert bo.get("/api/v1/me").status_code == 401
    assert (
        httpx.post(f"{served.url}/api/v1/login", json={"name": "bo", "password": new}, timeout=PATIENCE_S).status_code
        == 401
    )
    assert client.put("/api/v1/users/root", json={"role": "viewer"}).json()["code"] == "in_use"
    assert client.put("/api/v1/users/root", json={"disabled": True}).json()["code"] == "in_use"
    assert client.post("/api/v1/users", json={"name": "x", "role": "boss"}).json()["place"] == "role"
    assert (
        client.post("/api/v1/users", json={"name": "x", "role": "viewer", "password": "short"}).json()["code"]
        == "weak_password"
    )
    listed = client.get("/api/v1/users", params={"search": "bo"}).json()
    assert [u["user"] for u in listed["users"]] == ["Bo"] and "password" in listed["users"][0]
    assert "argon2" not in json.dumps(listed)


def test_changes_are_in_the_audit_log(client: httpx.Client) -> None:
    """With before and after, who, through what and from where; secrets are not."""
    rule = {"tag": "country", "op": "eq", "value": "France"}
    client.put("/api/v1/audiences/audited", json={"rule": rule})
    client.put("/api/v1/audiences/audited", json={"rule": {**rule, "value": "China"}})
    client.delete("/api/v1/audiences/audited")
    told = client.get("/api/v1/audit", params={"kind": "audience", "name": "audited"}).json()
    assert told["total"] == 3
    deleted, changed, made = told["entries"]
    assert made["before"] is None and made["after"]["rule"]["value"] == "France"
    assert (changed["before"]["rule"]["value"], changed["after"]["rule"]["value"]) == ("France", "China")
    assert deleted["after"] is None and deleted["action"] == "DELETE /api/v1/audiences/{name}"
    assert {e["actor"] for e in told["entries"]} == {"root"} and made["through"] == "token root"
    assert made["address"] == "127.0.0.1"
    page = client.get("/api/v1/audit", params={"search": "audited", "limit": 1, "offset": 1}).json()
    assert page["entries"] == [changed] and page["total"] == 3
    later = (now() + timedelta(days=1)).isoformat()
    assert client.get("/api/v1/audit", params={"since": later}).json()["total"] == 0
    assert "cot_" not in client.get("/api/v1/audit", params={"limit": 1000}).text


def test_too_many_failures_make_the_next_wait(store: Store) -> None:
    """Of that name from that address; the right password is not even looked at, and elsewhere one can sign in."""
    for name in ("nobody", "ada"):
        for _ in range(4):
            Accounts(store).failed(name, "10.0.0.1")
        with pytest.raises(Refused, match="bad_login"):
            accounts.log_in(store, name, "wrong", "10.0.0.1")
        with pytest.raises(Refused, match="too_many_tries"):
            accounts.log_in(store, name, PASSWORD, "10.0.0.1")
    assert accounts.log_in(store, "ADA ", PASSWORD, "10.0.0.2").name == "Ada"
    with store.transaction() as connection:
        connection.execute(login_failure.update().values(at=now() - timedelta(minutes=16)))
    assert accounts.log_in(store, "ada", PASSWORD, "10.0.0.1").name == "Ada"


def test_sessions_run_out(store: Store) -> None:
    """Unused, or old however much they are used; what is kept is no key."""
    settings = Settings({"session_idle_minutes": 30, "session_hours": 10}, environment={})
    account = Accounts(store).get("ada")
    for column, age in ((session.c.seen_at, timedelta(minutes=31)), (session.c.created_at, timedelta(hours=11))):
        caller = accounts.start_session(store, account, settings, "10.0.0.1", "test")
        assert caller.session is not None and accounts.of_session(store, settings, caller.key) is not None
        with store.transaction() as connection:
            kept = str(connection.execute(session.select()).all())
            mine = session.update().where(session.c.id == caller.session.id)
            connection.execute(mine.values({column: now() - age}))
        assert caller.key not in kept
        assert accounts.of_session(store, settings, caller.key) is None
    assert accounts.of_session(store, settings, "forged") is None


def test_tokens_run_out(store: Store) -> None:
    """And are those of their person's role now."""
    account = Accounts(store).find("Cy") or accounts.add_user(store, "Cy", "analyst")
    token, _ = accounts.make_token(store, account, "short", None, 1)
    caller = accounts.of_token(store, token)
    assert caller is not None and not caller.sees_personal and caller.through == "token short"
    accounts.change_user(store, "cy", role=Role.VIEWER)
    again = accounts.of_token(store, token)
    assert again is not None and again.rights < caller.rights
    accounts.change_user(store, "cy", disabled=True)
    assert accounts.of_token(store, token) is None


def test_users_and_tokens_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add, list, role, disable, password; token add, list, revoke; each audited."""
    ask(tmp_path, "init", "ws")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    made = ask(tmp_path, "-w", "ws", "user", "add", "Ada", "--role", "admin", "--password-stdin")
    assert made["role"] == "admin" and made["password"] is True
    ask(tmp_path, "-w", "ws", "user", "add", "Bo", "--no-password")
    assert [u["user"] for u in ask(tmp_path, "-w", "ws", "user", "list")["users"]] == ["Ada", "Bo"]
    assert ask(tmp_path, "-w", "ws", "user", "role", "bo", "analyst")["role"] == "analyst"
    assert ask(tmp_path, "-w", "ws", "user", "disable", "bo")["disabled"] is True
    assert ask(tmp_path, "-w", "ws", "user", "disable", "bo", "--enable")["disabled"] is False
    assert refused(tmp_path, "-w", "ws", "user", "disable", "ada")["code"] == "in_use"
    assert refused(tmp_path, "-w", "ws", "user", "password", "bo")["place"] == "--password-stdin"
    token = ask(tmp_path, "-w", "ws", "token", "add", "etl", "--user", "bo", "--scopes", "read,import", "--days", "30")
    assert token["token"].startswith("cot_") and token["scopes"] == ["read", "import"]
    assert (
        refused(tmp_path, "-w", "ws", "token", "add", "x", "--user", "bo", "--scopes", "administer")["place"]
        == "scopes"
    )
    (row,) = ask(tmp_path, "-w", "ws", "token", "list")["tokens"]
    assert ask(tmp_path, "-w", "ws", "token", "revoke", row["id"])["revoked"] is True
    store = Store.open(f"sqlite:///{tmp_path / 'ws' / 'meta.sqlite'}")
    entries, total = Accounts(store).audited(through="command line")
    assert total == 7 and entries[0]["action"] == "token revoke"
    store.close()
