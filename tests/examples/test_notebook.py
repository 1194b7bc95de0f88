"""The notebook runs from its first cell to its last, and holds no results of somebody's machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "first_steps.ipynb"

# Runs the code cells as a kernel does, one after the other in one namespace, and tells what they left.
RUNNER = """
import json, sys
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
names = {"__name__": "__main__"}
for cell in (c for c in cells if c["cell_type"] == "code"):
    exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
left = {
    "read": names["report"].read,
    "rejected": names["report"].rejected,
    "customers": names["built"]["entities"],
    "count": names["count"].count,
    "members": names["snapshot"]["count"],
    "segments": len(names["fit"]["sizes"]),
    "segmented": len(names["drawn"]["segment.buyers"].dropna()),
    "drawn": len(names["axes"].collections),
    "report": (names["folder"] / "buyers.html").read_text(encoding="utf-8").count("<svg"),
}
print(json.dumps(left))
"""


def run(folder: Path, **environment: str) -> dict[str, Any]:
    """Run the notebook in a fresh process, with its files in `folder`; what it left."""
    given = {k: v for k, v in os.environ.items() if k != "COTERIE_EXAMPLE_FILE"}
    given |= {"MPLBACKEND": "agg", "TMPDIR": str(folder), **environment}
    command = [sys.executable, "-c", RUNNER, str(NOTEBOOK)]
    done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    left: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return left


@pytest.mark.slow
def test_it_runs_on_a_simulated_shop(tmp_path: Path) -> None:
    left = run(tmp_path)
    assert left["customers"] > 700
    assert 0 < left["count"] == left["members"] < left["customers"]
    assert left["segments"] == left["drawn"] >= 2
    assert left["segmented"] == left["customers"]
    assert left["report"] > 3


@pytest.mark.slow
def test_it_runs_on_online_retail(tmp_path: Path, data_dir: Path) -> None:
    left = run(tmp_path, COTERIE_EXAMPLE_FILE=str(data_dir / "online_retail" / "online_retail.csv.gz"))
    assert (left["read"], left["rejected"], left["customers"]) == (541_909, 135_080, 4_372)
    assert 0 < left["count"] == left["members"]
    assert left["segments"] == left["drawn"] >= 2


def test_it_is_a_notebook_without_results() -> None:
    book = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in book["cells"]]
    assert len(set(ids)) == len(ids) == len(book["cells"])
    for cell in book["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)
        assert not any(line.startswith(("%", "!")) for line in cell["source"])  # plain Python runs everywhere
