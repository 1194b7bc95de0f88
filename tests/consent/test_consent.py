"""Consent as a ledger, lists, and the tags `reach.CHANNEL`."""

from __future__ import annotations

from pathlib import Path

import pytest

import coterie
from coterie.consent.service import Consent
from coterie.errors import NotFound, Refused
from coterie.workspace import Workspace

PEOPLE = "id,email,agrees,age\n01,a@example.com,true,30\n02,b@example.com,false,40\n03,c@example.com,true,50\n04,,,60\n"


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    (tmp_path / "people.csv").write_text(PEOPLE)
    made = coterie.init(tmp_path / "ws", zone="Asia/Shanghai")
    made.load(tmp_path / "people.csv", kind="profiles", name="people", entity="id", types={"id": "text"})
    made.tags.build()
    return made


def _reached(ws: Workspace, channel: str = "email") -> int:
    return ws.audiences.count({"all": [{"tag": f"reach.{channel}", "op": "eq", "value": True}]}).count


def test_a_file_is_imported_and_the_newest_entry_holds(ws: Workspace, tmp_path: Path) -> None:
    consent = Consent(ws.tag_context)
    file = tmp_path / "consent.csv"
    file.write_text(
        "entity,channel,state,at\n01,email,granted,2024-01-01\n01,email,revoked,2024-03-01T08:00\n01,email,granted,2024-02-01\n"
        "02,email,granted,2024-01-01\n02,marketing,denied,2024-01-02\n03,Email,Granted,\n99,email,granted,2024-01-01\n"
    )
    done = consent.load(file)
    assert (done["accepted"], done["unmatched"]) == (7, 1)
    shown = consent.show("01")
    assert shown["consent"]["email"] == {
        "state": "revoked",
        "source": "consent.csv",
        "since": "2024-03-01T08:00:00+08:00",
    }
    assert [e["state"] for e in shown["history"]] == ["granted", "granted", "revoked"]
    assert _reached(ws) == 1  # 03 alone: 01 took it back, 02 wants no marketing
    consent.set("01", "email", "granted")
    assert _reached(ws) == 2
    assert consent.show("01", at=ws.moment("2024-02-15"))["consent"]["email"]["state"] == "granted"


def test_a_tag_is_adopted_and_lists_win(ws: Workspace, tmp_path: Path) -> None:
    consent = Consent(ws.tag_context)
    assert consent.adopt("email", "agrees")["accepted"] == 3
    assert _reached(ws) == 2
    assert consent.suppress(["03"], "complaints", customers=True)["entries"] == 1
    assert _reached(ws) == 1 and consent.show("03")["lists"] == ["complaints"]
    consent.suppress(["03"], "complaints", customers=True, lift=True)
    assert consent.show("03")["lists"] == [] and _reached(ws) == 2
    file = tmp_path / "list.csv"
    file.write_text("address\nA@Example.com\na@example.com\n\n")
    assert consent.suppress(file, "legal", channel="email")["entries"] == 1


def test_what_cannot_be_is_refused_and_nothing_is_kept(ws: Workspace, tmp_path: Path) -> None:
    consent, file = Consent(ws.tag_context), tmp_path / "c.csv"
    for text, words in (
        ("entity,channel,state\n01,email,yes\n", '"yes" is no state. There are: granted, denied, revoked.'),
        ("entity,channel,state\n01,emial,granted\n", '"emial" is no scope. Did you mean "email"'),
        ("entity,channel\n01,email\n", 'The file has no column "state".'),
        ("entity,channel,state,at\n01,email,granted,soon\n", '"soon" is not a moment.'),
    ):
        file.write_text(text)
        with pytest.raises(Refused, match=words.replace(".", r"\.")):
            consent.load(file)
    with pytest.raises(NotFound, match='There is no customer "77"'):
        consent.set("77", "email", "granted")
    with pytest.raises(Refused, match='"age" holds values of type integer'):
        consent.adopt("email", "age")
    assert consent.show("01")["history"] == []


def test_who_can_be_reached_is_told_by_sql_as_by_bitmaps(ws: Workspace) -> None:
    ws.consent.adopt("email", "agrees")
    ws.consent.set("04", "sms", "granted")
    rule = {"all": [{"tag": "age", "op": "gte", "value": 40}, {"not": {"tag": "age", "op": "eq", "value": 50}}]}
    with Workspace.open(ws.path, single_use=True) as once:
        by_sql = once.audiences.count(rule)
    root = by_sql.waterfall[0]
    assert (root.place, root.remaining, root.reachable) == ("rule", 2, {"email": 0, "sms": 1})
    ws.index.warm()
    assert ws.audiences.count(rule).waterfall == by_sql.waterfall
