"""What strangers and odd callers try: other paths, odd bytes, huge and slow bodies, addresses within, formulas, markup."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from tests.api.conftest import PASSWORD, PATIENCE_S, running

from coterie.api import console
from coterie.api.app import make_app
from coterie.workspace import Workspace

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A console as the build leaves it."""
    static = tmp_path_factory.mktemp("built") / "static"
    (static / "assets").mkdir(parents=True)
    page = (
        '<meta property="csp-nonce" nonce="__CSP_NONCE__"><script nonce="__CSP_NONCE__" src="/assets/a-1.js"></script>'
    )
    (static / "index.html").write_text(page)
    (static / "assets" / "a-1.js").write_text("export const a = 1;\n" * 500)
    (static / "favicon.svg").write_text("<svg/>")
    (static.parent / "secret.txt").write_text("secret")
    return static


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, built: Path) -> FastAPI:
    """An empty workspace's application with small limits."""
    folder = tmp_path_factory.mktemp("inside") / "ws"
    Workspace.init(folder).close()
    facts = json.loads((folder / "coterie.json").read_text())
    facts["settings"] = {"body_mb": 1, "upload_mb": 2, "body_seconds": 1, "public_url": "https://shop.example"}
    (folder / "coterie.json").write_text(json.dumps(facts))
    made = make_app(folder)
    made.state.static = built
    return made


@pytest.fixture(scope="module")
def inside(app: FastAPI) -> Iterator[httpx.Client]:
    """It runs within this process."""
    with running(app) as url, httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        yield client


def test_the_page_has_a_fresh_nonce_and_a_strict_policy(inside: httpx.Client) -> None:
    """At every unknown address; never for the API."""
    nonces = set()
    for path in ("/", "/audiences/7", "/customers/a/b", "/index.html"):
        answer = inside.get(path)
        policy = answer.headers["Content-Security-Policy"]
        nonce = policy.split("'nonce-")[1].split("'")[0]
        assert answer.text.count(f'nonce="{nonce}"') == 2 and "__CSP_NONCE__" not in answer.text
        assert "unsafe-eval" not in policy and "frame-ancestors 'none'" in policy
        assert "'unsafe-inline'" not in policy.split("style-src-attr")[0]
        assert answer.headers["Cache-Control"] == "no-store"
        nonces.add(nonce)
    assert len(nonces) == 4
    for path in ("/api/v1/nothing", "/api", "/api/"):
        answer = inside.get(path)
        assert answer.status_code == 404 and answer.json()["code"] == "unknown_name"
    assert inside.post("/audiences").status_code == 405


def test_security_headers_stand_on_every_answer(inside: httpx.Client) -> None:
    """Good ones and refusals; HSTS where people come by HTTPS."""
    for path in ("/", "/assets/a-1.js", "/api/v1/status", "/api/v1/audiences", "/api/v1/nothing"):
        headers = inside.get(path).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS, path
        assert (
            headers["Strict-Transport-Security"].startswith("max-age=") and "camera=()" in headers["Permissions-Policy"]
        )
    assert inside.get("/api/v1/status").headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in inside.get("/api/v1/status").headers["Content-Security-Policy"]


def test_assets_are_kept_and_packed(inside: httpx.Client) -> None:
    """For ever, since their names change with their content; what is not there is 404, and no page."""
    answer = inside.get("/assets/a-1.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Type"].startswith("text/javascript") and answer.text.startswith("export")
    plain = inside.get("/assets/a-1.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers and plain.text == answer.text
    assert inside.get("/assets/b-2.js").status_code == 404
    assert inside.get("/favicon.svg").headers["Cache-Control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "//etc/passwd",
        "/assets/%00",
        "/" + "a" * 5000,
    ],
)
def test_no_path_leaves_the_folder(inside: httpx.Client, path: str) -> None:
    """The page at most."""
    answer = inside.get(path)
    assert "secret" not in answer.text and "root:" not in answer.text and answer.status_code in (200, 404)


def test_without_a_build_a_plain_word(app: FastAPI, inside: httpx.Client, tmp_path: Path) -> None:
    """503, and the API works."""
    kept, app.state.static = app.state.static, tmp_path
    try:
        answer = inside.get("/")
        assert answer.status_code == 503 and "make console" in answer.text
        assert inside.get("/api/v1/health").status_code == 200
    finally:
        app.state.static = kept
    assert console.STATIC.name == "static"


def test_huge_bodies_are_cut_off(inside: httpx.Client) -> None:
    """By what they say they are, and by what they are; before anybody is asked who they are."""
    big = b"x" * (1024 * 1024 + 1)
    told = inside.post("/api/v1/login", content=big, headers={"Content-Type": "application/json"})
    assert (told.status_code, told.json()["code"]) == (413, "too_large")

    def parts():
        for _ in range(17):
            yield b"x" * 65536

    counted = inside.post("/api/v1/login", content=parts(), headers={"Content-Type": "application/json"})
    assert counted.status_code == 413
    upload = inside.post("/api/v1/uploads", files={"file": ("a.csv", big + big)})
    assert upload.status_code in (401, 413)


def test_slow_bodies_are_cut_off(inside: httpx.Client) -> None:
    """A sender that stops in the middle is told so after `body_seconds`; others are answered meanwhile."""
    parts = urlsplit(str(inside.base_url))
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as slow:
        head = (
            b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
        slow.sendall(head)
        assert inside.get("/api/v1/health").status_code == 200
        told = slow.recv(65536).decode()
        assert told.startswith("HTTP/1.1 408") and "nosniff" in told


ODD = (
    '{"rule": {"tag": "country", "op": "eq", "value": "\\u0000"}}',
    '{"rule": {"tag": "country", "op": "eq", "value": "\\ud800"}}',
    '{"rule": {"tag": "age", "op": "eq", "value": NaN}}',
    '{"rule": {"tag": "age", "op": "eq", "value": 1e999}}',
    '{"rule": {"tag": "age", "op": "eq", "value": ' + "9" * 5000 + "}}",
    '{"rule": ' + '{"not": ' * 2000 + "{}" + "}" * 2000 + "}",
    '{"rule"',
    "[]",
    '"x"',
    "null",
)


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_odd_bodies_are_refused(client: httpx.Client, body: str) -> None:
    """Told as what they are, never as our fault."""
    answer = client.post("/api/v1/audiences/count", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500 and set(answer.json()) == {"code", "message", "place", "fix"}


def test_odd_paths_and_queries_are_refused(client: httpx.Client) -> None:
    """NUL, broken UTF-8, huge numbers."""
    for path in ("/api/v1/audiences/a%00b", "/api/v1/customers/%ff%fe", "/api/v1/tags/%00/values"):
        assert client.get(path).status_code in (404, 422), path
    for query in (
        "limit=-1",
        "limit=99999999999999999999",
        "offset=-5",
        "search=%00",
        "sort[]=x",
        "language=fr",
        "limit=x",
    ):
        assert client.get(f"/api/v1/audiences?{query}").status_code in (200, 422), query
    assert client.get("/api/v1/audiences?sort=nothing").status_code == 200
    assert client.get("/api/v1/audiences/x/backtest?weeks=999999").status_code == 422


def test_nothing_of_the_server_can_be_imported(client: httpx.Client) -> None:
    """Neither a path, nor an address, nor somebody's upload by guessing."""
    for upload in (
        "/etc/passwd",
        "../../meta.sqlite",
        "file:///etc/passwd",
        "http://127.0.0.1/",
        "postgresql://x/y#t",
        "0" * 32,
        "",
    ):
        asked = {"upload": upload, "as": "profiles", "name": "stolen", "entity": "@row", "dry_run": True}
        answer = client.post("/api/v1/imports", json=asked)
        assert (answer.status_code, answer.json()["place"]) == (404, "upload"), upload
    for name in ("../../../etc/cron.d/x", "..", "a/../../b.csv", "C:\\x.csv", "\u202egpj.csv", ".htaccess", "x" * 500):
        kept = client.post("/api/v1/uploads", files={"file": (name, "id\n1\n")}).json()
        assert "/" not in kept["name"] and not kept["name"].startswith(".") and len(kept["name"]) <= 120
        assert client.delete(f"/api/v1/uploads/{kept['upload']}").status_code == 200
    assert client.delete("/api/v1/uploads/..").status_code in (404, 405)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "http://example.com/x", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest",
     "https://10.0.0.1/", "https://localhost/", "https://0x7f000001/", "ftp://example.com/", "gopher://x", ""],
)  # fmt: skip
def test_no_webhook_reaches_into_the_network(client: httpx.Client, url: str) -> None:
    """Addresses of this machine, of private networks and of clouds' metadata are refused, and so is all but HTTPS."""
    answer = client.put("/api/v1/destinations/evil", json={"url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_address")
    alert = {"audience": "few", "when": "below 5", "to": url or "https://127.0.0.1/"}
    assert client.put("/api/v1/alerts/evil", json=alert).status_code in (404, 422)


def test_formulas_and_markup_stay_text(client: httpx.Client) -> None:
    """No cell runs, no answer is HTML, no name leaves a header."""
    everyone = {"tag": "joined", "op": "exists"}
    name = 'x"; filename=evil.html\r\nX: y <script>alert(1)</script>'
    assert (
        client.put(f"/api/v1/audiences/{httpx.URL('http://x').join('').host}", json={"rule": everyone}).status_code
        == 200
    )
    odd = "".join(c for c in name if c not in "/\r\n")
    saved = client.put(
        f"/api/v1/audiences/{odd.replace('%', '')}", json={"rule": everyone, "description": "<b>=1+1</b>"}
    )
    assert saved.status_code == 200 and saved.headers["Content-Type"] == "application/json"
    told = client.get(f"/api/v1/audiences/{odd}/export", params={"tags": "name"})
    if told.status_code == 200:
        assert "\n" not in told.headers["Content-Disposition"] and "'=cmd()" in told.text
        assert told.headers["X-Content-Type-Options"] == "nosniff" and told.headers["Content-Type"].startswith(
            "text/csv"
        )


def test_nobody_is_found_out(app: FastAPI, inside: httpx.Client) -> None:
    """Unknown names and wrong passwords are told alike."""
    from coterie.api import accounts
    from coterie.store.accounts import Accounts

    store = app.state.shared.store
    if not Accounts(store).any():
        accounts.add_user(store, "ada", "admin", password=PASSWORD)
    told = [inside.post("/api/v1/login", json={"name": n, "password": "wrong"}).json() for n in ("ada", "nobody")]
    assert told[0] == told[1] and told[0]["code"] == "bad_login"
    answer = inside.post("/api/v1/login", json={"name": "ada", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-coterie=") and "Secure" in cookie and "Domain" not in cookie
