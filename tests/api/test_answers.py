"""Every route answers well for somebody: the tests of the API are run once more, and what they were answered is noted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match
from tests.api.conftest import PATIENCE_S, Served

from coterie.api.access import ROUTES
from coterie.api.app import make_app

HERE = Path(__file__).parent
LEADS_ON = {("GET", "/api/v1/oidc/start"), ("GET", "/api/v1/oidc/callback")}  # answered by a redirect


@pytest.mark.slow
def test_every_route_answers_well_at_least_once(served: Served, tmp_path: Path) -> None:
    """2xx, for a role that may; the fuzzer's and the table's own requests are not counted."""
    record = tmp_path / "record"
    files = [str(f) for f in sorted(HERE.glob("test_*.py")) if f.name not in ("test_answers.py", "test_fuzz.py")]
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-x", "-p", "tests.api.recording", *files]
    ran = subprocess.run(
        command, cwd=HERE.parents[1], env={**os.environ, "COTERIE_RECORD": str(record)}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout[-5000:]
    app = make_app(served.folder)
    try:
        routes = [r for r in app.routes if isinstance(r, APIRoute)]
        assert httpx.get(f"{served.url}/api/v1/openapi.json", timeout=PATIENCE_S).json()["paths"]
        answered = {("GET", "/api/v1/openapi.json")}  # which only the fuzzer reads
        for line in set(record.read_text(encoding="utf-8").splitlines()):
            status, method, path = line.split(" ", 2)
            scope = {"type": "http", "method": method, "path": path, "headers": []}
            found = next((r.path_format for r in routes if r.matches(scope)[0] is Match.FULL), None)
            if found is not None and (status.startswith("2") or (method, found) in LEADS_ON):
                answered.add((method, found))
    finally:
        app.state.shared.close()
    assert len(answered) > 100
    assert sorted(set(ROUTES) - answered) == []
