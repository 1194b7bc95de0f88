"""Insight, overlap, difference and backtest on the command line: the contract's keys, tables for people, files."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from tests.shop import ask, make_shop, refused, run


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_shop(tmp_path_factory.mktemp("understanding"))
    french = {"tag": "country", "op": "eq", "value": "France"}
    (folder / "french.json").write_text(json.dumps(french), encoding="utf-8")
    for name in ("loyal", "french"):
        ask(folder, "-w", "ws", "audience", "save", name, "--rule", f"{name}.json")
    ask(folder, "-w", "ws", "audience", "refresh", "loyal")
    ask(folder, "-w", "ws", "audience", "save", "loyal", "--rule", "french.json")
    ask(folder, "-w", "ws", "audience", "refresh", "loyal")
    return folder


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def test_insight(shop: Path) -> None:
    told = ask(shop, "-w", "ws", "audience", "insight", "french")
    assert (told["count"], told["rest"], told["index_base"], told["correction"]) == (2, 3, "universe", "holm")
    country = next(t for t in told["tags"] if t["tag"] == "country")
    assert country["defines"] and country["values"][0]["value"] == "France"
    assert country["values"][0]["index"] == 250.0
    words = run(shop, "-w", "ws", "audience", "insight", "french", "--tags", "country", "--against", "loyal")
    assert "Only 2 of the audience have a value" in words.replace("\n", " ") or "France" in words
    assert "仅" in run(shop, "--language", "zh", "-w", "ws", "audience", "insight", "french")
    ask(shop, "-w", "ws", "audience", "insight", "french", "-o", "insight.csv")
    rows = table(shop / "insight.csv")
    assert {r["tag"] for r in rows} >= {"country", "age"} and any(r["value"] == "'=cmd()" for r in rows)


def test_overlap(shop: Path) -> None:
    found = ask(shop, "-w", "ws", "audience", "overlap", "loyal@1", "french")
    assert found["both"] == [[3, 1], [1, 2]] and found["others"] == 0
    assert "in exactly" in run(shop, "-w", "ws", "audience", "overlap", "loyal@1", "french", "--to", "pairs.csv")
    assert len(table(shop / "pairs.csv")) == 2
    assert refused(shop, "-w", "ws", "audience", "overlap", "french")["code"] == "bad_argument"


def test_diff(shop: Path) -> None:
    found = ask(shop, "-w", "ws", "audience", "diff", "loyal", "1", "2")
    assert (found["entered"], found["left"]) == ({"rule": 1, "data": 0}, {"rule": 2, "data": 0})
    assert found["samples_left"]["rule"] == ["0002", "0005"] and found["reproduced"]
    assert "The rule changed" in run(shop, "-w", "ws", "audience", "diff", "loyal", "loyal@1", "loyal@2")
    assert refused(shop, "-w", "ws", "audience", "diff", "loyal", "1", "9")["code"] == "unknown_name"


def test_who_was_in_on_a_day(shop: Path) -> None:
    found = ask(shop, "-w", "ws", "audience", "members", "loyal", "--on", "2024-06-01")
    assert found["snapshot"] == "loyal@2" and found["as_of"].startswith("2024-06-01")
    assert refused(shop, "-w", "ws", "audience", "members", "loyal", "--on", "2020-01-01")["place"] == "--on"
    assert refused(shop, "-w", "ws", "audience", "members", "loyal", "--on", "2024-06-01", "--snapshot", "1")


def test_backtest(shop: Path) -> None:
    found = ask(shop, "-w", "ws", "audience", "backtest", "loyal", "--weeks", "2", "-o", "weeks.csv")
    assert [w["weeks_ago"] for w in found["weeks"]] == [2, 1, 0] and found["data_version"] == 2
    assert (shop / "weeks.csv").is_file()
    assert "entered" in run(shop, "-w", "ws", "audience", "backtest", "loyal", "--weeks", "1")
    assert refused(shop, "-w", "ws", "audience", "backtest", "loyal", "--weeks", "0")["code"] == "bad_argument"


def test_lookalike(tmp_path: Path) -> None:
    draw = random.Random(1)
    lines = ["id,spend,town"]
    for i in range(600):
        mine = i % 4 == 0
        lines.append(f"{i:03},{draw.gauss(60 if mine else 40, 12):.2f},{draw.choice('ab' if mine else 'abcd')}")
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "seed.csv").write_text("key\n" + "".join(f"{i:03}\n" for i in range(0, 600, 8)), encoding="utf-8")
    ask(tmp_path, "init", "ws")
    ask(tmp_path, "-w", "ws", "import", "people.csv", "--as", "profiles", "--name", "people", "--entity", "id")
    ask(tmp_path, "-w", "ws", "tag", "build")
    command = ("-w", "ws", "audience", "lookalike", "seed.csv", "--size", "60")
    words = run(tmp_path, *command, "--dry-run", "-o", "curve.csv")
    assert "AUC on held-out people" in words and "higher: median" in words
    assert len(table(tmp_path / "curve.csv")) == 7
    found = ask(tmp_path, *command, "--name", "相似")
    assert (found["seed_count"], found["audience"], found["tag"]) == (75, "相似", "lookalike.相似")
    assert ask(tmp_path, "-w", "ws", "audience", "members", "相似")["count"] == 60
    assert refused(tmp_path, "-w", "ws", "audience", "lookalike", "none", "--size", "5")["code"] == "unknown_name"
