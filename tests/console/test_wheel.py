"""The wheel as people get it: installed into an empty environment, without Node, it serves the console."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from tests.console.browser import PASSWORD, ROOT, STATIC

NODE = ("node", "npm", "npx")
PAGES = ("/", "/setup", "/audiences/7", "/customers/a%20b")


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """This process's environment without Node, and without anything of this checkout."""
    kept = [
        p for p in os.environ["PATH"].split(os.pathsep) if p and not any((Path(p) / tool).exists() for tool in NODE)
    ]
    kept = [p for p in kept if not Path(p).is_relative_to(ROOT)]
    out = ("PATH", "PYTHONPATH", "VIRTUAL_ENV")
    named = {k: v for k, v in os.environ.items() if k not in out and not k.startswith("COTERIE_")}
    made = {**named, "PATH": os.pathsep.join(kept)}
    assert not any(shutil.which(tool, path=made["PATH"]) for tool in NODE)
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """The wheel, built of what `make console` left."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("the console is not built: run `make console`")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, env=environment, check=True, timeout=600)
    (made,) = folder.glob("coterie-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """The `coterie` of an environment that holds the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=True, symlinks=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel]
    subprocess.run(command, env=environment, check=True, timeout=1800)
    return folder / "bin" / "coterie"


@contextmanager
def serving(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """A server; what it says first."""
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told: dict[str, str] = json.loads(process.stdout.readline())
            yield told
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.slow
def test_the_wheel_serves_the_console_without_node(
    wheel: Path, installed: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """Its page at every address, all that the page asks for, and the API from the first admin to a count."""
    with ZipFile(wheel) as packed:
        names = packed.namelist()
    assert "coterie/static/index.html" in names and not any("node_modules" in name for name in names)
    where = [installed.with_name("python"), "-c", "import coterie; print(coterie.__file__)"]
    told = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert str(installed.parents[1]) in told
    coterie = str(installed)
    subprocess.run([coterie, "init", "ws"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    command = [coterie, "-w", "ws", "serve", "--json", "--port", "0"]
    with serving(command, environment, tmp_path) as first, httpx.Client(base_url=first["url"], timeout=60) as client:
        for path in PAGES:
            page = client.get(path)
            assert page.status_code == 200 and 'id="root"' in page.text and "nonce-" in str(page.headers), path
        asked = set(re.findall(r'(?:src|href)="(/[^"]+)"', client.get("/").text))
        asked |= {
            "/" + name.removeprefix("coterie/static/") for name in names if name.startswith("coterie/static/assets/")
        }
        assert len(asked) > 5
        assert {path for path in asked if client.get(path).status_code != 200} == set()
        assert client.get("/api/v1/nothing").status_code == 404
        body = {"token": first["setup_token"], "name": "Ada", "password": PASSWORD}
        csrf = client.post("/api/v1/setup", json=body).json()["csrf"]
        rule = {"rule": {"all": []}}
        told_count = client.post("/api/v1/audiences/count", json=rule, headers={"X-CSRF-Token": csrf})
        assert told_count.status_code == 200 and told_count.json()["count"] == 0
