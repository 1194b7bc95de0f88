"""Blocks and SQL conditions on the command line: the keys that scripts read, tables for people, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tests.shop import ask, make_shop, refused, run

HOME = {"tag": "country", "op": "in", "value": ["France", "Germany"]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_shop(tmp_path_factory.mktemp("blocks"))
    rules = {
        "home": HOME,
        "used": {"all": [{"block": "home"}, {"tag": "rfm.frequency", "op": "gte", "value": 1}]},
        "self": {"any": [{"block": "home"}, {"audience": "used"}]},
        "sql": {"all": [{"sql": "SELECT entity FROM orders UNION SELECT 'nobody'"}, {"not": {"block": "home"}}]},
        "wrong": {"all": [HOME, {"sql": "DELETE FROM orders"}]},
    }
    for name, rule in rules.items():
        (folder / f"{name}.json").write_text(json.dumps(rule), encoding="utf-8")
    return folder


def test_save_use_show_copy_and_remove(shop: Path) -> None:
    ws = ("-w", "ws")
    saved = ask(shop, *ws, "block", "save", "home", "--rule", "home.json", "--description", "Where we deliver")
    assert set(saved) == {"block", "sentence", "version"} and saved["version"] == 1
    assert ask(shop, *ws, "audience", "save", "used", "--rule", "used.json")["audience"] == "used"
    assert ask(shop, *ws, "audience", "refresh", "used")["count"] == 2
    listed = ask(shop, *ws, "block", "list")["blocks"]
    assert [(b["block"], b["used_by"]) for b in listed] == [("home", [{"kind": "audience", "name": "used"}])]
    shown = ask(shop, *ws, "block", "show", "home")
    assert shown["rule"]["value"] == ["France", "Germany"] and shown["description"] == "Where we deliver"
    assert [v["version"] for v in shown["versions"]] == [1] and shown["versions"][0]["saved_at"].endswith("+00:00")
    assert refused(shop, *ws, "block", "remove", "home")["code"] == "in_use"
    assert ask(shop, *ws, "block", "copy", "home", "home too") == {**saved, "block": "home too"}
    assert refused(shop, *ws, "block", "copy", "home", "home too")["code"] == "bad_argument"
    assert ask(shop, *ws, "block", "remove", "home too") == {"block": "home too", "deleted": True}
    assert refused(shop, *ws, "block", "show", "home too")["code"] == "unknown_name"
    error = refused(shop, *ws, "block", "save", "home", "--rule", "self.json")
    assert (error["code"], error["place"]) == ("audience_cycle", "any[0]")


def test_for_people(shop: Path) -> None:
    ws = ("-w", "ws")
    run(shop, *ws, "block", "save", "home", "--rule", "home.json")
    assert "home" in run(shop, *ws, "block", "list") and "Versions" in run(shop, *ws, "block", "show", "home")
    run(shop, *ws, "block", "copy", "home", "gone")
    run(shop, *ws, "block", "remove", "gone", "--yes")
    assert "gone" not in run(shop, *ws, "block", "list")


def test_a_file_of_definitions_goes_round(shop: Path) -> None:
    ws = ("-w", "ws")
    ask(shop, *ws, "block", "save", "home", "--rule", "home.json")
    run(shop, *ws, "export", "coterie.yaml")
    assert "home" in yaml.safe_load((shop / "coterie.yaml").read_text(encoding="utf-8"))["blocks"]
    assert ask(shop, *ws, "apply", "coterie.yaml")["plan"] == []
    assert "blocks" in ask(shop, "schema", "workspace")["properties"]


def test_sql_in_a_rule(shop: Path) -> None:
    ws = ("-w", "ws")
    ask(shop, *ws, "block", "save", "home", "--rule", "home.json")
    found = ask(shop, *ws, "audience", "count", "--rule", "sql.json")
    assert found["count"] == 2
    assert found["notes"] == ['The SQL at all[0].sql returned 1 id that is nobody\'s, such as "nobody".']
    error = refused(shop, *ws, "audience", "count", "--rule", "wrong.json")
    assert (error["code"], error["place"]) == ("sql_refused", "all[1].sql") and error["fix"]
