"""A marketer's first campaign in the console: written in steps, planned, approved, sent, read, and exported."""

from __future__ import annotations

import csv
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.console.browser import Served, chromium, complaints, require_browser, served, signed_in
from tests.console.test_story import by_keyboard, option_of, pictured

import coterie
from coterie.workspace import Workspace

PEOPLE, HELD_PERCENT = 300, 20
WORDS = {
    "en": {
        "name": "Name", "audience": "Audience", "next": "Next", "channel": "Channel", "text": "Text", "insert": "Insert a tag into Text",
        "find": "Find a tag", "customer": "Customer", "holdout": "Hold out", "arm": "Add a variant", "differs": "Differs in",
        "goal": "Add a goal", "event": "Event", "plan": "Plan", "approve": "Approve", "send": "Send now", "run": "Send to {n} people?",
        "page": "To the campaign", "funnel": "Funnel", "results": "Results", "held": "Held out to compare", "make": "Make an audience",
        "people": "Held out to compare: people", "path": "What happened", "close": "Close", "export": "Export", "create": "New campaign",
        "draft": "Saved.", "ended": "The run has ended.", "ratio": "Ratio check", "runs": "Runs",
    },
    "zh": {
        "name": "名称", "audience": "人群包", "next": "下一步", "channel": "渠道", "text": "正文", "insert": "在“正文”中插入标签",
        "find": "搜索标签", "customer": "客户", "holdout": "留出对照组", "arm": "添加实验组", "differs": "不同之处",
        "goal": "添加目标", "event": "行为事件", "plan": "生成计划", "approve": "审批通过", "send": "立即发送", "run": "向 {n} 人发送？",
        "page": "前往活动页", "funnel": "漏斗", "results": "效果", "held": "留出对照", "make": "生成人群包",
        "people": "留出对照：名单", "path": "经过", "close": "关闭", "export": "导出", "create": "新建活动",
        "draft": "已保存。", "ended": "执行已结束。", "ratio": "样本比例检验", "runs": "执行记录",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 customers of two countries, everybody in one audience; a quarter of them will order something."""
    require_browser()
    folder = tmp_path_factory.mktemp("campaigns")
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle)
        rows.writerow(["id", "country"])
        rows.writerows([f"C{i:04}", "France" if i % 3 else "Spain"] for i in range(PEOPLE))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()  # after the send, so that it counts
    orders = "".join(f"C{i:04},{tomorrow}\n" for i in range(0, PEOPLE, 4))
    (folder / "orders.csv").write_text(f"customer,at\n{orders}", encoding="utf-8")
    with coterie.init(str(folder / "ws"), zone="Europe/Berlin") as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id")
        ws.load(folder / "orders.csv", kind="events", name="orders", entity="customer", time="at")
        ws.tags.build()
        ws.audiences.save("everyone", {"all": []})
        ws.audiences.refresh("everyone")
    return folder / "ws"


@pytest.mark.parametrize("language", ["en", pytest.param("zh", marks=pytest.mark.slow)])
def test_a_campaign_from_wizard_to_result(shop: Path, tmp_path: Path, language: str) -> None:
    shutil.copytree(shop, tmp_path / "ws")
    with served(tmp_path / "ws") as server, chromium() as browser:
        watched = signed_in(browser, server, "Ada", language=language, accept_downloads=True)
        page, w = watched.page, WORDS[language]
        with pictured(page, tmp_path / "failed.png"):
            write(page, server, w)
            planned = send(page, w)
            read(page, server, w, planned)
            export(page, server, w, tmp_path)
        assert watched.wrong == []
    with Workspace.open(tmp_path / "ws", read_only=True) as ws:
        status = ws.campaigns.status("spring")
        assert (status["planned"], status["held_out"], status["difference"]) == (PEOPLE, planned["held_out"], 0)
        rule = ws.audiences.get("kept apart").body["rule"]
        counted = ws.audiences.count(rule, as_of=datetime.now(UTC), data_version=ws.lake.data_version)
        assert counted.count == planned["held_out"]


def write(page: Any, server: Served, w: dict[str, str]) -> None:
    """Audience, content with a tag, holdout with two variants, a goal; each saved on the way."""
    page.goto(f"{server.url}/campaigns")
    page.get_by_role("button", name=w["create"]).first.click()
    page.get_by_label(w["name"], exact=True).fill("spring")
    choose(page, w["audience"], "everyone")
    page.get_by_role("button", name=w["next"]).click()
    choose(page, w["channel"], "simulator" if w is WORDS["en"] else "模拟器")
    page.get_by_label(w["text"], exact=True).fill("Hello ")
    by_keyboard(page, page.get_by_role("button", name=w["insert"]))
    page.get_by_placeholder(w["find"]).fill("country")
    page.locator(".var-list button", has_text="country").first.click()
    assert page.get_by_label(w["text"], exact=True).input_value() == "Hello {{ country }}"
    page.locator(".part-list", has_text="Hello Spain").or_(
        page.locator(".part-list", has_text="Hello France")
    ).wait_for()
    assert complaints(page) == []
    page.get_by_role("button", name=w["next"]).click()
    page.wait_for_url("**/campaigns/spring/edit?step=experiment")
    page.get_by_role("spinbutton", name=w["holdout"]).fill(str(HELD_PERCENT))
    page.get_by_role("button", name=w["arm"]).click()
    page.get_by_role("button", name=w["goal"]).click()
    choose(page, w["event"], "orders")
    page.get_by_role("button", name=w["next"]).click()
    page.wait_for_url("**/edit?step=schedule")
    page.get_by_role("button", name=w["next"]).click()
    page.wait_for_url("**/edit?step=plan")


def choose(page: Any, label: str, option: str) -> None:
    """Choose in a drop-down by its label."""
    page.get_by_role("combobox", name=label, exact=True).click()
    option_of(page, option).click()


def send(page: Any, w: dict[str, str]) -> dict[str, int]:
    """Plan, approve with the numbers repeated, send; who is planned, by bucket."""
    page.get_by_role("button", name=w["plan"], exact=True).click()
    page.locator("tr[data-bar=send]").wait_for()
    planned = bars(page)
    assert planned["send"] + planned["held_out"] == PEOPLE
    page.get_by_role("button", name=w["next"]).click()
    page.get_by_role("button", name=w["approve"]).click()
    dialog = page.get_by_role("dialog")
    assert str(planned["send"]) in dialog.inner_text()
    assert complaints(page) == []
    dialog.get_by_role("button", name=w["approve"]).click()
    page.get_by_role("button", name=w["send"]).click()
    dialog = page.get_by_role("dialog", name=w["run"].format(n=planned["send"]))
    dialog.get_by_role("button", name=w["send"]).click()
    page.get_by_text(w["ended"]).wait_for()
    return planned


def bars(page: Any) -> dict[str, int]:
    """The bars of a funnel or a plan with their counts."""
    told = page.locator("tr[data-bar]").evaluate_all("rows => rows.map((row) => [row.dataset.bar, row.dataset.count])")
    return {bar: int(count) for bar, count in reversed(told)}


_PARTS = (
    "suppressed",
    "capped",
    "held_out",
    "deferred",
    "pending",
    "sent",
    "uncertain",
    "failed",
    "cancelled",
    "expired",
)


def read(page: Any, server: Served, w: dict[str, str], planned: dict[str, int]) -> None:
    """The funnel adds up; a bar shows its people, what happened to one of them, and becomes an audience; the result."""
    page.get_by_role("link", name=w["page"]).click()
    page.get_by_role("tab", name=w["funnel"]).click()
    page.locator("[data-difference]").wait_for()
    found = bars(page)
    assert found["planned"] == PEOPLE == sum(found.get(part, 0) for part in _PARTS)
    assert found["sent"] == planned["send"] and found["delivered"] > 0
    assert page.locator("[data-difference]").get_attribute("data-difference") == "0"
    page.get_by_role("tab", name=w["results"]).click()
    page.locator("[data-experiment=read]").wait_for()
    assert w["ratio"] in page.locator(".ratio").inner_text() and page.locator(".interval svg").count() >= 2
    assert complaints(page) == []
    page.get_by_role("tab", name=w["funnel"]).click()
    page.get_by_role("button", name=w["held"]).first.click()
    drawer = page.get_by_role("dialog", name=w["people"])
    drawer.get_by_role("button", name=w["path"]).first.click()
    page.locator(".timeline li").first.wait_for()
    assert complaints(page) == []
    page.get_by_role("dialog").last.get_by_role("button", name=w["close"]).click()
    drawer.get_by_role("button", name=w["make"]).click()
    page.get_by_role("dialog").last.get_by_role("textbox").last.fill("kept apart")
    page.get_by_role("dialog").last.get_by_role("button", name=w["make"]).click()
    page.wait_for_url(f"{server.url}/audiences/kept%20apart")


def export(page: Any, server: Served, w: dict[str, str], to: Path) -> None:
    """The list as a file, by the filters that are set."""
    page.goto(f"{server.url}/campaigns?state=completed")
    page.get_by_role("link", name="spring", exact=True).wait_for()
    assert complaints(page) == []
    with page.expect_download() as waited:
        page.get_by_role("link", name=w["export"]).click()
    waited.value.save_as(to / "campaigns.csv")
    with (to / "campaigns.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["campaign"], row["state"]) for row in rows] == [("spring", "completed")]


@pytest.mark.slow
def test_content_and_an_analysed_file(shop: Path, tmp_path: Path) -> None:
    """Dynamic copy by a condition and a landing page, previewed and published; a file is analysed; people are counted."""
    shutil.copytree(shop, tmp_path / "ws")
    with served(tmp_path / "ws") as server, chromium() as browser:
        watched = signed_in(browser, server, "Ada")
        page = watched.page
        with pictured(page, tmp_path / "failed.png"):
            write_copy(page, server)
            write_page(page, server)
            analyse(page, server, tmp_path)
        # what is half written is refused, and the browser notes that by itself
        assert [text for text in watched.wrong if "Failed to load resource" not in text] == []
    with Workspace.open(tmp_path / "ws", read_only=True) as ws:
        states = {row["name"]: row["state"] for row in ws.campaigns.library.rows()}
        assert states == {"greeting": "published", "landing": "draft"}


def write_copy(page: Any, server: Served) -> None:
    """A text for one country and one for the others; published after a question."""
    page.goto(f"{server.url}/content/new?kind=dynamic")
    page.get_by_label("Name", exact=True).fill("greeting")
    page.get_by_role("button", name="Add a variant").click()
    choose(page, "Tag", "country")
    choose(page, "Condition", "is")
    page.get_by_label("Value", exact=True).fill("Spain")
    page.get_by_label("Text", exact=True).first.fill("Hola")
    page.get_by_label("Text", exact=True).last.fill("Hello")
    page.get_by_label("Customer", exact=True).fill("C0003")
    page.locator(".part-list", has_text="Hola").wait_for()
    page.get_by_label("Customer", exact=True).fill("C0001")
    page.locator(".part-list", has_text="Hello").wait_for()
    assert complaints(page) == []
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/content/greeting")
    page.get_by_role("button", name="Publish").click()
    assert complaints(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    page.get_by_role("button", name="Withdraw").wait_for()


def write_page(page: Any, server: Served) -> None:
    """A page whose mistake is told at its field, whose script never runs, and whose style sheet does no harm."""
    page.goto(f"{server.url}/content/new?kind=page")
    page.get_by_label("Name", exact=True).fill("landing")
    page.get_by_label("Title", exact=False).first.fill("Spring")
    text = page.get_by_label("Formatted text (HTML)", exact=False).first
    text.fill("<h1>For {{ countr }}</h1>")
    page.get_by_role("button", name="Save").click()
    page.locator("[data-refused=true] .field-error").wait_for()
    text.fill("<style>h1 { color: red }</style><script>document.title = 'mine'</script><h1>For {{ country }}</h1>")
    page.frame_locator("iframe").get_by_text("For ").wait_for()
    assert page.title() != "mine"
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/content/landing")


def analyse(page: Any, server: Served, folder: Path) -> None:
    """A file with one row a person: which variant, and whether they bought."""
    with (folder / "result.csv").open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle)
        rows.writerow(["person", "variant", "bought"])
        rows.writerows([i, "AB"[i % 2], int(i % 10 < 2 + 3 * (i % 2))] for i in range(2000))
    page.goto(f"{server.url}/experiments/power")
    page.locator("[data-total='62462']").wait_for()
    page.goto(f"{server.url}/experiments/analyse")
    page.locator("input[type=file]").set_input_files(str(folder / "result.csv"))
    choose(page, "Which variant they got", "variant")
    choose(page, "The control", "A")
    page.keyboard.press("Escape")
    choose(page, "Column 1", "bought")
    page.get_by_role("button", name="Analyse", exact=True).click()
    page.wait_for_url("**/experiments/result")
    page.locator(".interval svg").first.wait_for()
    assert complaints(page) == []
