"""The forms of the command line that people's scripts live on: keys, exit codes, files."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from openpyxl import load_workbook
from tests.shop import ask, make_shop, refused, run


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop; tests only add to it."""
    return make_shop(tmp_path_factory.mktemp("shop"))


def test_count_gives_the_contract_keys(shop: Path) -> None:
    """Ada and Li Lei and Wang Fang bought and live in France or China."""
    answer = ask(shop, "-w", "ws", "audience", "count", "--rule", "loyal.json")
    assert answer["count"] == 3 and answer["universe"] == 5 and answer["exact"] is True
    assert answer["as_of"] == "2024-06-01T00:00:00+00:00" and answer["data_version"] == 2
    root, bought, lives = answer["waterfall"]
    assert (root["place"], bought["place"], lives["place"]) == ("rule", "all[0]", "all[1]")
    assert (bought["alone"], bought["remaining"], bought["removed"]) == (4, 4, 1)
    assert (lives["alone"], lives["remaining"], lives["removed"]) == (4, 3, 1)
    assert set(root) == {"place", "sentence", "alone", "remaining", "removed", "reachable"}


def test_rule_from_standard_input_and_past_data_version(shop: Path) -> None:
    """Before the orders came, nobody had bought."""
    answer = ask(shop, "-w", "ws", "audience", "count", "--rule", "loyal.json", "--data-version", "1")
    assert answer["data_version"] == 1 and answer["universe"] == 5


def test_rule_given_itself(shop: Path) -> None:
    """A short rule needs no file."""
    loyal = (shop / "loyal.json").read_text(encoding="utf-8")
    assert ask(shop, "-w", "ws", "audience", "count", "--rule", loyal)["count"] == 3


def test_import_without_a_kind_says_what_the_file_seems_to_be(shop: Path) -> None:
    """The command that it proposes works as it stands."""
    (shop / "my visits.csv").write_text("customer_id,visit_date,page\n0001,2024-05-01,home\n", encoding="utf-8")
    told = refused(shop, "-w", "ws", "import", "my visits.csv")
    assert (told["code"], told["place"]) == ("bad_argument", "--as")
    assert "customer_id, visit_date, page" in told["message"]
    proposed = shlex.split(told["fix"].split("coterie ")[1])
    assert proposed == "import|my visits.csv|--as|events|--name|my_visits|--entity|customer_id|--time|visit_date".split(
        "|"
    )
    assert ask(shop, "-w", "ws", *proposed, "--dry-run")["accepted"] == 1


def test_sentence_in_chinese(shop: Path) -> None:
    """The same rule reads as Chinese."""
    answer = ask(shop, "--language", "zh", "-w", "ws", "audience", "count", "--rule", "loyal.json")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in answer["sentence"])


def test_save_refresh_history_members_export(shop: Path) -> None:
    """The list exported is the list counted; the same rule saved again is no new version."""
    saved = ask(shop, "-w", "ws", "audience", "save", "loyal", "--rule", "loyal.json")
    again = ask(shop, "-w", "ws", "audience", "save", "loyal", "--rule", "loyal.json")
    assert (saved["audience"], saved["version"], again["version"]) == ("loyal", 1, 1) and saved["sentence"]
    first = ask(shop, "-w", "ws", "audience", "refresh", "loyal")
    second = ask(shop, "-w", "ws", "audience", "refresh", "loyal")
    assert (first["count"], first["entered"], first["left"]) == (3, 3, 0)
    assert (second["count"], second["entered"], second["left"]) == (3, 0, 0)
    history = ask(shop, "-w", "ws", "audience", "history", "loyal")["snapshots"]
    assert [s["snapshot"] for s in history] == ["loyal@1", "loyal@2"]
    assert ask(shop, "-w", "ws", "audience", "members", "loyal")["members"] == ["0001", "0002", "0005"]
    assert len(ask(shop, "-w", "ws", "audience", "sample", "loyal", "--size", "2")["members"]) == 2


def test_export_survives_excel(shop: Path) -> None:
    """Leading zeros stay, Chinese has its mark, and no cell runs as a formula."""
    (shop / "vip.json").write_text(json.dumps({"tag": "vip", "op": "eq", "value": True}), encoding="utf-8")
    ask(shop, "-w", "ws", "audience", "save", "vip", "--rule", "vip.json")
    ask(shop, "-w", "ws", "audience", "export", "vip", "--to", "vip.csv", "--tags", "name,rfm.monetary")
    raw = (shop / "vip.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    lines = raw.decode("utf-8-sig").splitlines()
    assert lines[0] == "entity,name,rfm.monetary" and lines[1].startswith("0001,Ada,45.5")
    assert lines[2].startswith("0003,'=cmd(),0") and lines[3].startswith("0005,王芳,5.5")
    ask(shop, "-w", "ws", "audience", "export", "vip", "--to", "vip.xlsx", "--tags", "name")
    cells = [[c.value for c in row] for row in load_workbook(shop / "vip.xlsx").active.iter_rows()]
    assert cells == [["entity", "name"], ["0001", "Ada"], ["0003", "=cmd()"], ["0005", "王芳"]]
    assert load_workbook(shop / "vip.xlsx").active["B3"].data_type == "s"
    ask(shop, "-w", "ws", "audience", "export", "vip", "--to", "vip.parquet", "--hash-ids")
    assert (shop / "vip.parquet").stat().st_size > 0


def test_explain_member_and_flip(shop: Path) -> None:
    """Dora never bought: one change makes her a member."""
    ask(shop, "-w", "ws", "audience", "save", "loyal2", "--rule", "loyal.json")
    answer = ask(shop, "-w", "ws", "audience", "explain", "loyal2", "0004")
    assert answer["member"] is False
    failed = [r for r in answer["reasons"] if r["place"] == "all[0]"]
    assert failed == [{"place": "all[0]", "sentence": failed[0]["sentence"], "passed": False, "value": 0}]
    assert [c["needed"] for c in answer["flip"]["changes"]] == [1]


def test_tag_values_are_exact(shop: Path) -> None:
    """Every CSV's first column is entity; whole refunds leave frequency 1 and money 0."""
    tags = ("rfm.recency_days", "rfm.frequency", "rfm.monetary")
    ask(shop, "-w", "ws", "tag", "values", *tags, "--to", "rfm.csv")
    lines = (shop / "rfm.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "entity,rfm.recency_days,rfm.frequency,rfm.monetary"
    rows = {line.split(",")[0]: line.split(",")[1:] for line in lines[1:]}
    assert [float(v) for v in rows["0001"]] == [12, 2, 45.5]
    assert [float(v) for v in rows["0003"]] == [2, 1, 0]
    assert rows["0004"][0] == "" and float(rows["0004"][1]) == 0


def test_list_upload_counts_what_did_not_match(shop: Path) -> None:
    """A list is a tag at once."""
    (shop / "list.csv").write_text("key\n0001\n0004\n9999\n", encoding="utf-8")
    answer = ask(shop, "-w", "ws", "list", "upload", "fair", "list.csv", "--column", "key")
    assert (answer["matched"], answer["unmatched"]) == (2, 1)
    (shop / "fair.json").write_text(json.dumps({"list": "fair"}), encoding="utf-8")
    assert ask(shop, "-w", "ws", "audience", "count", "--rule", "fair.json")["count"] == 2


def test_rejects_are_findable(shop: Path) -> None:
    """The line without a customer, with its place."""
    answer = ask(shop, "-w", "ws", "dataset", "rejects", "orders", "--to", "rejects.csv")
    (reject,) = answer["rejects"]
    assert (reject["line"], reject["reason"]) == (8, "missing_entity") and answer["written"] == 1


def test_wrong_rules_say_where_and_what_to_do(shop: Path) -> None:
    """Unknown tag, broken JSON, missing file, missing option."""
    (shop / "bad.json").write_text('{"all": [{"tag": "rfm.frequencyy", "op": "gte", "value": 1}]}', encoding="utf-8")
    error = refused(shop, "-w", "ws", "audience", "count", "--rule", "bad.json")
    assert (error["code"], error["place"]) == ("unknown_name", "all[0]") and "rfm.frequency" in error["fix"]
    (shop / "broken.json").write_text('{"all": [', encoding="utf-8")
    assert refused(shop, "-w", "ws", "audience", "count", "--rule", "broken.json")["code"] == "bad_rule"
    assert refused(shop, "-w", "ws", "audience", "count", "--rule", "none.json")["place"] == "--rule"
    assert refused(shop, "-w", "ws", "audience", "count")["code"] == "bad_argument"
    assert refused(shop, "-w", "nowhere", "audience", "list")["code"] == "not_a_workspace"
    assert "fix:" in run(shop, "-w", "ws", "audience", "explain", "loyl", "0001", code=2)


def test_newer_workspace_is_refused(shop: Path, tmp_path: Path) -> None:
    """A workspace of a newer version is left alone."""
    ask(tmp_path, "init", "ws")
    facts = json.loads((tmp_path / "ws" / "coterie.json").read_text())
    (tmp_path / "ws" / "coterie.json").write_text(json.dumps({**facts, "format": 99, "new": 1}))
    assert refused(tmp_path, "-w", "ws", "audience", "list")["code"] == "newer_workspace"


def test_backup_restores_the_same_answers(shop: Path, tmp_path: Path) -> None:
    """Count before, back up, restore elsewhere, count again."""
    before = ask(shop, "-w", "ws", "audience", "count", "--rule", "loyal.json")
    ask(shop, "-w", "ws", "backup", str(tmp_path / "saved"))
    ask(shop, "restore", str(tmp_path / "saved"), str(tmp_path / "again"))
    after = ask(shop, "-w", str(tmp_path / "again"), "audience", "count", "--rule", "loyal.json")
    assert {k: v for k, v in before.items() if k != "elapsed_ms"} == {
        k: v for k, v in after.items() if k != "elapsed_ms"
    }


def test_doctor_finds_a_sound_workspace(shop: Path) -> None:
    """Every check is well."""
    assert ask(shop, "-w", "ws", "doctor")["ok"] is True


def test_definitions_round_trip(shop: Path) -> None:
    """Exporting and applying changes nothing."""
    ask(shop, "-w", "ws", "export", "coterie.yaml")
    assert ask(shop, "-w", "ws", "apply", "coterie.yaml", "--dry-run")["plan"] == []


def test_compact_and_vacuum_change_no_answer(shop: Path) -> None:
    """The count stays after the tables were joined and dead files deleted."""
    before = ask(shop, "-w", "ws", "audience", "count", "--rule", "loyal.json")["count"]
    ask(shop, "-w", "ws", "compact")
    ask(shop, "-w", "ws", "vacuum", "--keep-hours", "0")
    assert ask(shop, "-w", "ws", "audience", "count", "--rule", "loyal.json")["count"] == before
