"""What the console asks beside definitions: errors in the reader's language, workbooks, sources, scores, logs of jobs."""

from __future__ import annotations

import io
import re
import time

import httpx
from tests.api.conftest import PATIENCE_S, Served

FRENCH = {"tag": "country", "op": "eq", "value": "France"}
ZH = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
HAN = re.compile(r"[\u3400-\u9fff]")


def ok(answer: httpx.Response) -> dict:
    """The body of an answer that went well."""
    assert answer.status_code == 200, answer.text
    return answer.json()


def done(client: httpx.Client, job: str) -> dict:
    """A job that has ended."""
    for _ in range(300):
        row = ok(client.get(f"/api/v1/jobs/{job}"))
        if row["state"] not in ("waiting", "running"):
            return row
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def test_errors_are_told_in_the_callers_language(client: httpx.Client, served: Served) -> None:
    """By Accept-Language, or `language` in the address; codes and places stay."""
    asked = [
        ("GET", "/api/v1/audiences/nobody", None),
        ("GET", "/api/v1/audiences?limit=0", None),
        ("GET", "/api/v1/nothing", None),
        ("POST", "/api/v1/audiences/count", {"rule": {"tag": "contry", "op": "eq", "value": "x"}}),
    ]
    for method, path, body in asked:
        english = client.request(method, path, json=body)
        chinese = client.request(method, path, json=body, headers=ZH)
        assert english.status_code == chinese.status_code >= 400
        one, other = english.json(), chinese.json()
        assert (one["code"], one["place"]) == (other["code"], other["place"])
        assert not HAN.search(one["message"]) and HAN.search(other["message"]), other
        assert other["fix"] is None or HAN.search(other["fix"])
    told = client.get("/api/v1/audiences/nobody", params={"language": "zh"}).json()
    assert told["message"] == "没有名为“nobody”的人群包。"
    stranger = httpx.get(f"{served.url}/api/v1/me", headers=ZH, timeout=PATIENCE_S).json()
    assert (stranger["code"], stranger["message"]) == ("not_signed_in", "请先登录。")


def test_a_failed_job_its_log_and_the_settings_are_told_in_chinese(client: httpx.Client) -> None:
    given = {"name": "zh-groups", "tags": ["rfm.frequency", "rfm.monetary"], "k": 2}
    row = done(client, ok(client.post("/api/v1/segments", json=given))["job"])
    told = ok(client.get(f"/api/v1/jobs/{row['id']}", headers=ZH))
    assert told["error"]["code"] == "too_few_rows" and HAN.search(told["error"]["message"])
    lines = ok(client.get(f"/api/v1/jobs/{row['id']}/log"))["lines"]
    assert [line["what"] for line in lines if line["what"] != "note"] == ["created", "planned", "stage", "ended"]
    stage = next(line for line in lines if line["what"] == "stage")
    assert (stage["stage"], stage["stages"], stage["failed"]) == (1, 1, True) and lines[-1]["name"] == "failed"
    assert client.get("/api/v1/jobs/nobody/log").status_code == 404
    settings = ok(client.get("/api/v1/settings", params={"language": "zh"}))["settings"]
    assert all(HAN.search(setting["help"]) for setting in settings)


def test_the_log_of_a_build_names_what_was_done(client: httpx.Client) -> None:
    as_of = ok(client.get("/api/v1/home"))["as_of"]  # the published one: other tests read figures as of it
    row = done(client, ok(client.post("/api/v1/tags/build", json={"as_of": as_of}))["job"])
    assert row["state"] == "completed"
    lines = ok(client.get(f"/api/v1/jobs/{row['id']}/log", headers=ZH))["lines"]
    notes = [line["name"] for line in lines if line["what"] == "note"]
    assert "客户编号" in notes or any(note.startswith("计算标签") for note in notes), notes


def test_the_page_of_an_audience_as_a_workbook(client: httpx.Client) -> None:
    """Its sheets in both languages; what cannot be told says so; nobody is named."""
    from openpyxl import load_workbook

    ok(client.put("/api/v1/audiences/booked", json={"rule": FRENCH, "description": "=1+1"}))
    ok(client.put("/api/v1/audiences/beside", json={"rule": {"tag": "country", "op": "exists"}}))
    ok(client.post("/api/v1/audiences/booked/refresh"))
    asked = {"language": "zh", "others": ["beside"]}
    answer = client.get("/api/v1/audiences/booked/page.xlsx", params=asked)
    book = load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["基本信息", "人数变化", "新增与流出", "人群洞察", "人群重合"]
    about = {row[0].value: row[1] for row in book["基本信息"].iter_rows(min_row=2)}
    assert about["人群包"].value == "booked" and about["说明"].data_type == "s", "no cell is a formula"
    assert [cell.value for cell in book["人数变化"][2]][2] == 2
    assert book["新增与流出"]["A2"].value == "无法判断"
    shared = [tuple(cell.value for cell in row) for row in book["人群重合"].iter_rows(min_row=2)]
    assert ("✓", "✓", 2) in shared
    english = load_workbook(io.BytesIO(client.get("/api/v1/audiences/booked/page.xlsx").content))
    assert english.sheetnames == ["About", "Sizes", "Came and went", "Insight"]
    assert client.get("/api/v1/audiences/nobody/page.xlsx").status_code == 404


def test_what_can_be_watched_is_told(client: httpx.Client) -> None:
    ok(client.put("/api/v1/audiences/watched", json={"rule": FRENCH}))
    ok(client.put("/api/v1/alerts/watched jump", json={"audience": "watched", "when": "jump 30%"}))
    told = ok(client.get("/api/v1/alerts", params={"audience": "watched", "language": "zh"}))
    assert [(row["alert"], row["when"]) for row in told["alerts"]] == [("watched jump", "jump 30%")]
    assert {kind["kind"]: kind["label"] for kind in told["kinds"]}["jump"] == "人数突变"
    assert ok(client.get("/api/v1/alerts", params={"audience": "nobody"}))["alerts"] == []
    ok(client.delete("/api/v1/alerts/watched jump"))


def test_a_source_of_the_inbox(client: httpx.Client, served: Served) -> None:
    """Kept, run as a job, timed, removed; nothing outside of the inbox is read."""
    given = {"location": "late-*.csv", "as": "events", "name": "late", "entity": "customer", "time": "at"}
    made = ok(client.put("/api/v1/sources/late", json={**given, "schedule": "daily 6:15"}))
    assert (made["location"], made["schedule"], made["last"]) == ("inbox/late-*.csv", "daily 6:15", None)
    (served.folder / "inbox" / "late-1.csv").write_text("customer,at\n0001,2024-05-30 10:00\n0002,2024-05-30\n")
    row = done(client, ok(client.post("/api/v1/sources/late/run"))["job"])
    assert row["state"] == "completed" and row["result"]["accepted"] == 2
    (listed,) = ok(client.get("/api/v1/sources", params={"search": "late"}))["sources"]
    assert listed["last"]["accepted"] == 2 and listed["dataset"] == "late"
    assert "source late" in {s["name"] for s in ok(client.get("/api/v1/schedules"))["schedules"]}
    assert ok(client.put("/api/v1/sources/late/schedule", json={"schedule": None}))["schedule"] is None
    wrong = client.put("/api/v1/sources/late/schedule", json={"schedule": "sometimes"}, headers=ZH)
    assert wrong.status_code == 422 and wrong.json()["place"] == "schedule" and HAN.search(wrong.json()["message"])
    for location in ("/etc/passwd", "../meta.sqlite", "sqlite:///x.db#t"):
        refused = client.put("/api/v1/sources/out", json={**given, "location": location})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert ok(client.delete("/api/v1/sources/late"))["removed"] is True
    assert client.post("/api/v1/sources/late/run").status_code == 404


def test_tags_are_found_by_pinyin_and_the_dictionary_speaks_chinese(client: httpx.Client) -> None:
    for typed in ("xiaofeijine", "xfje"):
        found = ok(client.get("/api/v1/tags", params={"search": typed, "language": "zh"}))["tags"]
        assert [row["tag"] for row in found] == ["rfm.monetary"], typed
    assert ok(client.get("/api/v1/tags", params={"search": "xfje"}))["total"] == 1, "in English, too"
    head = client.get("/api/v1/dictionary", params={"language": "zh"}).content.decode("utf-8-sig").splitlines()[0]
    assert head.startswith("标签,显示名,类型") and "spelled" not in head
    one = ok(client.get("/api/v1/tags/rfm.monetary", params={"language": "zh"}))
    assert one["description"] == "全部金额合计，含退款"


def test_scores_come_with_what_they_are_made_of(client: httpx.Client) -> None:
    told = {row["tag"]: row for row in ok(client.get("/api/v1/customers/0001/scores"))["scores"]}
    score = told["rfm.f"]
    (reason,) = score["reasons"]
    assert reason["tag"] == "rfm.frequency" and reason["value"] == 2 and 0 <= reason["below"] <= 1
    assert score["value"] == 1 + int(5 * reason["below"]), "the score is that of its definition"
    assert [part["tag"] for part in told["rfm.cell"]["reasons"]] == ["rfm.r", "rfm.f", "rfm.m"]
    assert client.get("/api/v1/customers/nobody/scores").status_code == 404


def test_rejects_of_one_reason_and_clean_up_undone(client: httpx.Client) -> None:
    reasons = ok(client.get("/api/v1/datasets/orders/rejects"))["reasons"]
    (reason,) = reasons
    params = {"reason": reason, "language": "zh"}
    lines = client.get("/api/v1/datasets/orders/rejects.csv", params=params).content.decode("utf-8-sig").splitlines()
    assert lines[0] == "文件,行号,列,取值,原因,原始行" and len(lines) == 2
    none = client.get("/api/v1/datasets/orders/rejects.csv", params={"reason": "no such"})
    assert len(none.content.decode("utf-8-sig").splitlines()) == 1
    rule = {"field": "product", "value": "cofee", "to": "coffee"}
    ok(client.post("/api/v1/datasets/orders/cleanup", json=rule))
    assert ok(client.get("/api/v1/datasets/orders/cleanup"))["rules"]["product"]["cofee"] == "coffee"
    ok(client.delete("/api/v1/datasets/orders/cleanup", params={"field": "product", "value": "cofee"}))
    assert "cofee" not in ok(client.get("/api/v1/datasets/orders/cleanup"))["rules"].get("product", {})


def test_home_tells_what_runs(client: httpx.Client) -> None:
    assert ok(client.get("/api/v1/home"))["campaigns"] == []
