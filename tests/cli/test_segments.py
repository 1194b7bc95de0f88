"""The life of a segmentation on the command line: the contract's keys, tables for people, notes and errors."""

from __future__ import annotations

import contextlib
import csv
import io
from pathlib import Path

import pytest
from tests.segmented import CENTRES, copied, put, spread
from tests.shop import ask, refused, run

import coterie
from coterie.cli import main


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace `ws` with a segmentation, a month later."""
    folder = tmp_path_factory.mktemp("cli_segments")
    with coterie.open(copied(tmp_path_factory, folder)) as ws:
        moved = CENTRES.copy()
        moved[:20] = [80.0, 5.0]
        put(ws, spread(moved, 4), 1)
    return folder


def test_the_life_of_a_segmentation(shop: Path) -> None:
    start = ("-w", "ws", "segment")
    moves = ask(shop, *start, "migrate", "who")
    assert moves["customers_changed"] == [{"from": 1, "to": 3, "entities": 20}] and moves["from"]["version"] == 1
    assert "customers changed" in run(shop, *start, "migrate", "who")
    drift = ask(shop, *start, "drift", "who")
    assert drift["verdict"] in ("no", "soon") and {c["column"] for c in drift["columns"]} == {"spend", "visits", "city"}
    assert drift["next_refit"]["at"].startswith("2026-") and set(drift["sentence"]) == {"en", "zh"}
    assert "重新拟合" in run(shop, "--language", "zh", *start, "drift", "who", "--every", "20")
    told = ask(shop, *start, "update", "who")
    assert (told["version"], told["moved"]) == (2, True)
    told = ask(shop, *start, "refit", "who", "--seed", "4", "--no-promote")
    assert {"version", "k", "sizes", "vetoed", "stability", "structure"} <= told.keys()
    assert (told["version"], told["promoted"]) == (3, False) and set(told["structure"]) >= {"found", "p_value"}
    assert ask(shop, *start, "promote", "who", "3")["was"] == 2
    assert "shows version 2" in run(shop, *start, "rollback", "who")
    rows = ask(shop, *start, "versions", "who")["versions"]
    assert [(r["version"], r["kind"], r["promoted"]) for r in rows] == [
        (1, "fit", False),
        (2, "update", True),
        (3, "refit", False),
    ]
    assert "refit" in run(shop, *start, "versions", "who")
    assert ask(shop, *start, "list")["segmentations"][0]["version"] == 2
    assert "identical" in run(shop, *start, "rebuild", "who", "--version", "2")
    assert ask(shop, *start, "migrate", "who", "1", "3")["entities"] == 270


def test_people_and_segments(shop: Path) -> None:
    start = ("-w", "ws", "segment")
    (shop / "labels.csv").write_text(
        "id;size\n" + "".join(f"c{i:04};{'big' if i > 200 else 'small'}\n" for i in range(280))
    )
    words = (
        "labels",
        "who",
        "labels.csv",
        "--entity",
        "id",
        "--label",
        "size",
        "--amount",
        "spend",
        "--to",
        "over.csv",
    )
    found = ask(shop, *start, *words)
    assert (found["matched"], found["unmatched"], found["top_label"], found["top_segment"]) == (270, 10, "big", 3)
    lines = list(csv.reader((shop / "over.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert lines[0][0] == "entity" and len(lines) - 1 == len(found["overlooked"]) == 20
    assert "Large by the data" in run(shop, *start, *words)
    made = ask(shop, *start, "mark", "who", "3", "--what", "name", "--name-en", "Whales", "--by", "Ann")
    assert made["name_en"] == "Whales" and made["segment"] == 3
    run(shop, *start, "strategy", "who", "3", "--owner", "Ann", "--policy", "Never discount.")
    assert ask(shop, *start, "strategy", "who", "3")["policy"] == "Never discount."
    shown = run(shop, *start, "show", "who")
    assert "Whales" in shown and "Never discount" in shown.replace("\n", " ") and "Ann" in shown
    ask(shop, *start, "audience", "who", "3", "--save", "whales")
    exported = ("audience", "export", "whales", "--to", "whales.csv", "--tags", "segment.who.strategy.owner")
    run(shop, "-w", "ws", *exported)
    assert (shop / "whales.csv").read_text(encoding="utf-8-sig").splitlines()[0] == "entity,segment.who.strategy.owner"
    sql = run(shop, *start, "sql", "who", "3")
    assert sql.startswith("SELECT entity\nFROM tags\nWHERE")


def test_a_file_is_assigned_and_the_notes_are_told(shop: Path) -> None:
    (shop / "new.csv").write_text("visits,id,city,spend\n5,017,Atlantis,81\n,18,Oslo,9\n")
    told = ask(shop, "-w", "ws", "segment", "predict", "who", "new.csv", "--to", "out.csv", "--version", "1")
    assert {(n["code"], n["column"], n["rows"]) for n in told["notes"]} == {
        ("unknown_level", "city", 1),
        ("filled", "visits", 1),
    }
    rows = list(csv.DictReader((shop / "out.csv").read_text().splitlines()))
    assert [(r["entity"], r["segment"]) for r in rows] == [("017", "3"), ("18", "2")]
    err = io.StringIO()
    with contextlib.chdir(shop), contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        main.run(["-w", "ws", "segment", "predict", "who", "new.csv", "--to", "out.csv"])
    said = err.getvalue().replace("\n", " ")
    assert "the model never saw" in said and "visits is missing in 1 rows" in said and "2 rows written" in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "whom"), "unknown_name", "no segmentation"),
        (("promote", "who", "99"), "unknown_name", "no version 99"),
        (("mark", "who", "77", "--what", "name", "--note", "x"), "unknown_name", "no segment 77"),
        (("sql", "who", "77"), "unknown_name", "no segment 77"),
        (("fit", "other", "--tags", "spend", "--weight", "spend"), "bad_argument", "no weight of a tag"),
        (("labels", "who", "absent.csv", "--entity", "a", "--label", "b"), "missing_file", "no such file"),
        (("migrate", "who", "1"), "bad_argument", "One version is given"),
    ],
)
def test_what_is_refused(shop: Path, words: tuple[str, ...], code: str, said: str) -> None:
    error = refused(shop, "-w", "ws", "segment", *words)
    assert error["code"] == code and said.lower() in error["message"].lower() and error["fix"]


def test_an_update_that_goes_too_far_is_refused_and_cannot_be_promoted(shop: Path) -> None:
    with coterie.open(shop / "ws") as ws:
        put(ws, spread(CENTRES + [25.0, 0.0], 5), 2)
    error = refused(shop, "-w", "ws", "segment", "update", "who")
    assert error["code"] == "refit_needed" and error["fix"] == "Fit it again: coterie segment refit who"
    assert refused(shop, "-w", "ws", "segment", "promote", "who", "4")["fix"] == "It has: 1, 2, 3."
