"""Alerts and retention on the command line: the same in tables for people and in JSON, in both languages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.destinations.mailbox import Mailbox, mailing
from tests.shop import ask, make_shop, refused, run

ALERT = ("-w", "ws", "alert")
AUDIENCE = ("-w", "ws", "audience")


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailing() as made:
        yield made


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, box: Mailbox) -> Path:
    folder = make_shop(tmp_path_factory.mktemp("alerts"))
    french = {"tag": "country", "op": "eq", "value": "France"}
    (folder / "french.json").write_text(json.dumps(french), encoding="utf-8")
    facts = json.loads((folder / "ws" / "coterie.json").read_text(encoding="utf-8"))
    facts["settings"] = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none"}
    facts["settings"]["mail_from"] = "coterie@shop.example"
    (folder / "ws" / "coterie.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def words(text: str) -> str:
    return " ".join(text.split())


def test_nothing_yet(shop: Path) -> None:
    assert "None added yet. Try: coterie alert add NAME" in words(run(shop, *ALERT, "list"))
    assert "Nothing is open." in run(shop, *ALERT, "events")
    assert "Nothing was raised." in run(shop, *ALERT, "events", "--all")
    assert ask(shop, *ALERT, "list") == {"alerts": []} and ask(shop, *ALERT, "events") == {"events": []}
    assert ask(shop, *AUDIENCE, "list") == {"audiences": [], "open_alerts": 0}


def test_from_the_rule_to_the_mailbox(shop: Path, box: Mailbox) -> None:
    """Where no worker runs, the command that raised an alert delivers it."""
    ask(shop, *AUDIENCE, "save", "loyal", "--rule", "loyal.json")
    made = ask(shop, "--language", "zh", *ALERT, "add", "big", "--audience", "loyal", "--when", "jump 20 %",
               "--to", "email:ada@example.com")  # fmt: skip
    assert made == {
        "alert": "big", "audience": "loyal", "when": "jump 20%", "to": "email:ada@example.com", "language": "zh",
    }  # fmt: skip
    assert ask(shop, *ALERT, "list")["alerts"] == [{k: made[k] for k in ("alert", "audience", "when", "to")}]
    assert ask(shop, *AUDIENCE, "refresh", "loyal")["alerts"] == []
    ask(shop, *AUDIENCE, "save", "loyal", "--rule", "french.json")
    told = ask(shop, *AUDIENCE, "refresh", "loyal")
    (event,) = ask(shop, *ALERT, "events")["events"]
    assert told["alerts"] == [event["id"]] and (event["was"], event["is"], event["change_percent"]) == (3, 2, -33.3333)
    assert event["delivered"]["at"] and event["delivered"]["error"] is None
    (message,) = box.messages
    assert message["Subject"].startswith("Coterie: 人群包“loyal”的人数突变：由 3 变为 2（-33.3%），超过 20%。")
    assert 'The audience "loyal" jumped from 3 to 2 members (-33.3%)' in message.get_content()
    shown = run(shop, *ALERT, "events")
    assert event["id"] in shown and event["raised_at"][:16].replace("T", " ") in shown  # not cut at 80 columns
    chinese = run(shop, "--language", "zh", *ALERT, "events").replace("\n", "")
    assert event["sentence"]["zh"].replace(" ", "") in chinese.replace(" ", "") and "ada@example.com" in chinese
    assert ask(shop, *AUDIENCE, "list")["open_alerts"] == 1
    assert ask(shop, *ALERT, "seen", event["id"])["state"] == "seen"
    assert ask(shop, *ALERT, "events") == {"events": []} and len(ask(shop, *ALERT, "events", "--all")["events"]) == 1
    assert ask(shop, *ALERT, "check") == {"raised": []}
    assert ask(shop, *ALERT, "remove", "big") == {"alert": "big", "removed": True}
    assert ask(shop, *ALERT, "list") == {"alerts": []}


def test_validity_is_listed(shop: Path) -> None:
    ask(shop, *AUDIENCE, "save", "past", "--rule", "french.json", "--valid-until", "2020-01-01")
    found = {a["audience"]: a["validity"] for a in ask(shop, *AUDIENCE, "list")["audiences"]}
    assert found["past"] == "expired"
    assert "expired" in run(shop, *AUDIENCE, "list")
    (event,) = ask(shop, *ALERT, "check")["raised"]
    assert (event["alert"], event["audience"], event["level"]) == ("ending", "past", "error")
    assert ask(shop, *AUDIENCE, "list")["open_alerts"] == 1


def test_what_is_refused(shop: Path) -> None:
    add = (*ALERT, "add", "x", "--audience")
    assert refused(shop, *add, "loyl", "--when", "failed")["fix"] == 'Did you mean "loyal"?'
    assert refused(shop, *add, "loyal", "--when", "sometimes")["place"] == "when"
    assert refused(shop, *add, "loyal", "--when", "failed", "--to", "fax:1")["place"] == "to"
    assert refused(shop, *ALERT, "seen", "nothing")["code"] == "unknown_name"
    assert refused(shop, *ALERT, "remove", "nothing")["code"] == "unknown_name"


def test_retain(shop: Path) -> None:
    ask(shop, *AUDIENCE, "save", "kept", "--rule", "french.json")
    assert ask(shop, *AUDIENCE, "retain", "kept", "--dry-run")["snapshots"] == []
    ask(shop, *AUDIENCE, "refresh", "kept")
    plan = ask(shop, *AUDIENCE, "retain", "kept", "--dry-run")
    assert (plan["removed"], plan["kept"], plan["kept_days"], plan["dry_run"]) == ([], 1, 400, True)
    assert plan["snapshots"][0]["because"] == "young"
    assert "Would go" in run(shop, *AUDIENCE, "retain", "kept", "--dry-run")
    assert "Gone" in run(shop, *AUDIENCE, "retain", "kept")
    assert [s["members"] for s in ask(shop, *AUDIENCE, "history", "kept")["snapshots"]] == ["kept"]
    assert refused(shop, *AUDIENCE, "retain", "nobody")["code"] == "unknown_name"
