"""One small shop and one real server for all tests of the API; few users, since passwords cost what they should."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from tests.shop import make_shop

PASSWORD = "correct horse battery"
PATIENCE_S = 300  # no test fails because the machine is busy
ROLES = ("admin", "marketer", "analyst", "viewer")


class Served(NamedTuple):
    """A running server: its address, the workspace's folder, the setup token (used), and the first admin's token."""

    url: str
    folder: Path
    setup: str
    token: str


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the workspace `ws`."""
    return make_shop(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="session")
def served(shop: Path) -> Iterator[Served]:
    """A real server on a free port, with its first admin `root`."""
    command = [sys.executable, "-m", "coterie.cli.main", "-w", "ws", "serve", "--port", "0", "--json"]
    process = subprocess.Popen(command, cwd=shop, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        first = json.loads(process.stdout.readline())
        assert set(first) == {"url", "setup_token"}
        body = {"token": first["setup_token"], "name": "root", "password": PASSWORD, "api_token": True}
        made = httpx.post(f"{first['url']}/api/v1/setup", json=body, timeout=PATIENCE_S)
        assert made.status_code == 200, made.text
        yield Served(first["url"], shop / "ws", first["setup_token"], made.json()["token"])
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.fixture(scope="session")
def client(served: Served) -> Iterator[httpx.Client]:
    """The first admin by API token."""
    with bearer(served.url, served.token) as opened:
        yield opened


@pytest.fixture(scope="session")
def people(served: Served, client: httpx.Client) -> Iterator[dict[str, httpx.Client]]:
    """A client for each role, by API token; all but the admin's have no password."""
    from coterie.api import accounts
    from coterie.store.accounts import Accounts
    from coterie.workspace import Workspace

    tokens = {"admin": served.token}
    with Workspace.open(served.folder) as ws:
        for role in ROLES[1:]:
            account = Accounts(ws.store).find(role) or accounts.add_user(ws.store, role, role)
            tokens[role] = accounts.make_token(ws.store, account, f"{role}'s", None, None)[0]
    clients = {role: bearer(served.url, token) for role, token in tokens.items()}
    yield clients
    for opened in clients.values():
        opened.close()


def bearer(url: str, token: str) -> httpx.Client:
    """A client that sends an API token."""
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S)


@contextmanager
def browser(url: str, name: str = "root", password: str = PASSWORD) -> Iterator[httpx.Client]:
    """A client that is signed in as browsers are: a cookie, and the token of the session with every change."""
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as opened:
        answer = opened.post("/api/v1/login", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        opened.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield opened


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """An application of this process, served on a free port by a thread; gives its address."""
    import uvicorn

    from coterie.api.protocol import patient

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(
        uvicorn.Config(app, http=patient(1, app.state.quick), log_level="critical", access_log=False)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
