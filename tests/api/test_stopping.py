"""Ctrl-C ends the server at once; a job under way is gone on with by the next one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import coterie

ROWS, PASSWORD = 2_000_000, "a sentence to remember"
# Ctrl-C works as in a terminal, also where the tests run in the background of a shell, which has it ignored.
CODE = (
    "import signal; from coterie.cli.main import main; signal.signal(signal.SIGINT, signal.default_int_handler); main()"
)


@contextmanager
def serving(folder: Path, token: str = "") -> Iterator[tuple[subprocess.Popen[str], httpx.Client, str]]:
    """A server, and a client with an API token: the one given, else that of the first admin."""
    command = [sys.executable, "-c", CODE, "-w", str(folder), "serve", "--port", "0", "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            if not token:
                body = {"token": told["setup_token"], "name": "root", "password": PASSWORD, "api_token": True}
                token = httpx.post(f"{told['url']}/api/v1/setup", json=body, timeout=60).json()["token"]
            with httpx.Client(base_url=f"{told['url']}/api/v1", timeout=120) as client:
                client.headers["Authorization"] = f"Bearer {token}"
                yield process, client, token
        finally:
            process.kill()


def until(found: Callable[[], Any]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 200
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_with_nothing_to_do(tmp_path: Path) -> None:
    coterie.init(str(tmp_path / "ws")).close()
    with serving(tmp_path / "ws") as (process, client, _):
        assert client.get("/jobs").json()["jobs"] == []
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "") and process.returncode == 130


@pytest.mark.slow
def test_while_a_file_is_imported(tmp_path: Path) -> None:
    coterie.init(str(tmp_path / "ws")).close()
    lines = "".join(f"c{n % 50_000},2026-01-01,{n}\n" for n in range(ROWS))
    (tmp_path / "notes.csv").write_text(f"who,at,note\n{lines}", encoding="utf-8")
    with serving(tmp_path / "ws") as (process, client, token):
        with (tmp_path / "notes.csv").open("rb") as handle:
            upload = client.post("/uploads", files={"file": ("notes.csv", handle)}).json()["upload"]
        asked = {"upload": upload, "as": "events", "name": "notes", "entity": "who", "time": "at"}
        job = client.post("/imports", json=asked).json()["job"]
        until(lambda: (client.get(f"/jobs/{job}").json()["progress"] or {}).get("done"))
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert time.monotonic() - begun < 30 and process.returncode == 130
        assert told == "Stopped. At the next start these jobs go on: import.\n"
    with serving(tmp_path / "ws", token) as (_, client, _):
        until(lambda: client.get(f"/jobs/{job}").json()["state"] == "completed")
        assert client.get(f"/jobs/{job}").json()["result"]["accepted"] == ROWS
