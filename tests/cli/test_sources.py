"""Sources on the command line: added, listed, run, timed, removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.shop import ask, refused, run

from coterie.workspace import Workspace


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty workspace `ws`, and a folder `in` with a file of visits."""
    folder = tmp_path_factory.mktemp("sources")
    Workspace.init(folder / "ws").close()
    (folder / "in").mkdir()
    (folder / "in" / "visits.csv").write_text("customer,at\n0001,2024-05-01 10:00\n0002,2024-05-02 11:00\n")
    return folder


def test_a_source_from_beginning_to_end(shop: Path) -> None:
    source = ("-w", "ws", "source")
    assert "None yet. Try: coterie source add NAME" in " ".join(run(shop, *source, "list").split())
    given = ("visits", "in", "--name", "visits", "--as", "events", "--entity", "customer", "--time", "at")
    made = ask(shop, *source, "add", *given, "--schedule", "daily 6:30")
    assert (made["source"], made["dataset"], made["schedule"], made["last"]) == ("visits", "visits", "daily 6:30", None)
    assert ask(shop, *source, "run", "visits")["accepted"] == 2
    (row,) = ask(shop, *source, "list")["sources"]
    assert row["last"]["state"] == "completed" and row["location"] == str(shop / "in")
    assert ask(shop, *source, "schedule", "visits", "never")["schedule"] is None
    error = refused(shop, *source, "schedule", "visits", "sometimes")
    assert error["place"] == "schedule"
    assert ask(shop, *source, "remove", "visits") == {"source": "visits", "removed": True}
    assert refused(shop, *source, "run", "visits")["code"] == "unknown_name"
