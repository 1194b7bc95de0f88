"""Campaigns by command: the whole path with the keys that scripts live on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.shop import ask, refused, run

KEYS = (
    *("planned", "suppressed", "capped", "held_out", "pending", "deferred", "sent", "uncertain", "failed", "cancelled"),
    *("expired", "delivered", "bounced", "clicked", "goals"),
)
PEOPLE = "id,name,email,agrees\n001,Ada,ada@example.com,true\n002,Bo,bo@example.com,false\n003,Cy,,true\n004,Di,di@example.com,true\n"


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(PEOPLE)
    run(tmp_path, "init", "ws")
    run(tmp_path, "-w", "ws", "import", "people.csv", "--as", "profiles", "--name", "people", "--entity", "id")
    run(tmp_path, "-w", "ws", "tag", "build")
    (tmp_path / "rule.json").write_text(json.dumps({"tag": "name", "op": "exists"}))
    run(tmp_path, "-w", "ws", "audience", "save", "everyone", "--rule", "rule.json")
    run(tmp_path, "-w", "ws", "audience", "refresh", "everyone")
    campaign = {
        "name": "hello",
        "audience": "everyone",
        "channel": {"name": "file", "address": "email", "consent": "email"},
        "content": {"text": "Hi {{ name }}"},
    }
    (tmp_path / "hello.json").write_text(json.dumps(campaign))
    return tmp_path


def test_from_a_file_to_a_funnel(ws: Path) -> None:
    assert ask(ws, "-w", "ws", "consent", "adopt", "email", "agrees")["accepted"] == 4
    made = ask(ws, "-w", "ws", "campaign", "create", "hello.json")
    assert (made["campaign"], made["version"], made["state"]) == ("hello", 1, "draft")
    plan = ask(ws, "-w", "ws", "campaign", "plan", "hello")
    assert plan["planned"] == 4 and plan["suppressed"] == {"no_consent": 1, "no_address": 1} and plan["pending"] == 2
    assert refused(ws, "-w", "ws", "campaign", "run", "hello")["code"] == "not_approved"
    ask(ws, "-w", "ws", "campaign", "approve", "hello")
    status = ask(ws, "-w", "ws", "campaign", "run", "hello")
    assert set(KEYS) <= set(status) and status["sent"] == 2 and status["difference"] == 0
    assert ask(ws, "-w", "ws", "campaign", "status", "hello")["state"] == "completed"
    path = ask(ws, "-w", "ws", "campaign", "path", "hello", "001")
    assert path["bucket"] == "sent" and [e["event"] for e in path["events"]] == ["planned", "sent"]
    rows = ask(ws, "-w", "ws", "campaign", "list")
    assert rows["total"] == 1 and rows["states"]["completed"] == 1
    shown = run(ws, "-w", "ws", "campaign", "status", "hello")
    assert "suppressed: no_consent" in shown and "planned" in shown
    assert "everyone@1" in run(ws, "-w", "ws", "campaign", "show", "hello")
    (ws / "ids.csv").write_text("address\nada@example.com\n")
    assert ask(ws, "-w", "ws", "suppress", "add", "ids.csv", "--list", "legal")["entries"] == 1
    assert ask(ws, "-w", "ws", "campaign", "plan", "hello")["suppressed"]["suppression_list"] == 1


def test_mistakes_at_the_door(ws: Path) -> None:
    (ws / "bad.yaml").write_text("name: x\naudience: everyone\nchannel: file\ncontent: {text: '{{ nme }}'}\n")
    error = refused(ws, "-w", "ws", "campaign", "create", "bad.yaml")
    assert (error["code"], error["place"], error["fix"]) == ("bad_template", "content.text:1", 'Did you mean "name"?')
    assert refused(ws, "-w", "ws", "campaign", "status", "nobody")["code"] == "unknown_name"
    assert refused(ws, "-w", "ws", "campaign", "create", "missing.yaml")["code"] == "missing_file"
    assert refused(ws, "-w", "ws", "consent", "set", "001", "email", "maybe")["code"] == "bad_argument"
