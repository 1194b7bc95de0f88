"""The README's tour runs, command for command, on the real data set it names."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coterie.cli import register
from coterie.cli.main import app, run

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """The commands of the tour, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def tour(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all commands of the tour were run."""
    folder = tmp_path_factory.mktemp("tour")
    shutil.copy(data_dir / "online_retail" / "online_retail.csv.gz", folder)
    (rule,) = re.findall(r"```json\n(.*?)```", README, flags=re.DOTALL)
    (folder / "loyal.json").write_text(rule, encoding="utf-8")
    register.all_commands(app)
    for command in commands():
        words = shlex.split(command)
        assert words[0] == "coterie"
        with contextlib.chdir(folder):
            assert run(words[1:]) == 0, command
    return folder


def test_tour_leaves_what_it_says(tour: Path) -> None:
    """Files are where the text says, and the list has the members that were counted."""
    assert (tour / "rfm.csv").read_text(encoding="utf-8").startswith("entity,")
    exported = (tour / "loyal.csv").read_text(encoding="utf-8-sig").splitlines()
    done = subprocess.run(
        [sys.executable, "-m", "coterie.cli.main", "-w", "shop", "audience", "count", "--rule", "loyal.json", "--json"],
        cwd=tour,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["count"] == len(exported) - 1 > 10
    assert "<html" in (tour / "buyers.html").read_text(encoding="utf-8")
