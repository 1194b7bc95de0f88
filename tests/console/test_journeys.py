"""A marketer's first journey in the console: written by mouse and keyboard, started, moved on, read, and stopped."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.console.browser import Served, chromium, complaints, require_browser, served, signed_in
from tests.console.test_campaigns import choose
from tests.console.test_story import by_keyboard, pictured

from coterie.kit.moments import now
from coterie.workspace import Workspace

NAME, AUDIENCE = "come back", "slipping away"
JOB_MS = 180_000
WORDS = {
    "en": {
        "create": "New journey", "name": "Name", "audience": "Audience", "channel": "Channel", "text": "Text", "save": "Save",
        "simulator": "simulator", "before": "Add a step before step 3", "message": "Message", "step": "Step {n}: {name}",
        "goal": "Add a goal", "start": "Start", "people": "{step}: people", "way": "What happened", "make": "Make an audience",
        "close": "Close", "more": "More", "stop": "Stop", "stopped": "Stopped", "dry": "Run it dry", "up": "Move {name} up",
        "down": "Move {name} down", "check": "Check", "unfold": "Unfold all", "fold": "Fold all", "hello": "message", "pause": "pause", "end": "end",
    },
    "zh": {
        "create": "新建旅程", "name": "名称", "audience": "人群包", "channel": "渠道", "text": "正文", "save": "保存",
        "simulator": "模拟器", "before": "在第 3 步之前添加", "message": "消息", "step": "第 {n} 步：{name}",
        "goal": "添加目标", "start": "启动", "people": "{step}：名单", "way": "经过", "make": "生成人群包",
        "close": "关闭", "more": "更多", "stop": "停止", "stopped": "已停止", "dry": "开始模拟", "up": "上移 {name}",
        "down": "下移 {name}", "check": "检查", "unfold": "全部展开", "fold": "全部收起", "hello": "消息", "pause": "等待", "end": "结束",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo shop."""
    from coterie.cli.main import main as command

    require_browser()
    path = tmp_path_factory.mktemp("journeys") / "shop"
    with pytest.raises(SystemExit) as ended:
        command(["demo", str(path), "--customers", "500"])
    assert not ended.value.code
    return path


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_journey_from_first_step_to_stop(shop: Path, tmp_path: Path, language: str) -> None:
    shutil.copytree(shop, tmp_path / "ws")
    with served(tmp_path / "ws") as server, chromium() as browser:
        watched = signed_in(browser, server, "Ada", language=language)
        page, w = watched.page, WORDS[language]
        with pictured(page, tmp_path / "failed.png"):
            write(page, server, w)
            entrants = start(page, w)
            with Workspace.open(tmp_path / "ws") as ws:
                ws.journeys.advance(NAME, at=now() + timedelta(days=4))
            read(page, server, w, entrants)
            stop(page, server, w, entrants)
        # what is not yet written is refused, and the browser notes that by itself
        assert [text for text in watched.wrong if "422" not in text] == []
    with Workspace.open(tmp_path / "ws", read_only=True) as ws:
        found = ws.journeys.status(NAME)
        assert (found["entered"], found["finished"], found["difference"], found["state"]) == (
            entrants,
            entrants,
            0,
            "stopped",
        )
        assert ws.audiences.get("those who waited").body["rule"] == {
            "version": 1,
            "entity": "customer",
            "all": [{"list": "those_who_waited"}],
        }


def write(page: Any, server: Served, w: dict[str, str]) -> None:
    """A message, a pause, another message put between by mouse, moved by keyboard; a mistake is told at its step."""
    page.goto(f"{server.url}/journeys")
    page.get_by_role("button", name=w["create"]).first.click()
    page.get_by_label(w["name"], exact=True).fill(NAME)
    choose(page, w["audience"], AUDIENCE)
    page.get_by_role("button", name=w["check"], exact=True).click()
    page.locator(".journey-step.refused .field-error").first.wait_for()
    first = page.get_by_role("region", name=w["step"].format(n=1, name=w["hello"]), exact=True)
    assert first.locator(".field-error").count() == 1
    message(page, w, first, "We miss you, {{ name | default('you') }}.")
    page.get_by_role("button", name=w["before"]).click()
    page.get_by_role("menuitem", name=w["message"]).click()
    second = f"{w['hello']} 2"
    added = page.get_by_role("region", name=w["step"].format(n=3, name=second), exact=True)
    message(page, w, added, "Still there?")
    by_keyboard(page, page.get_by_role("button", name=w["up"].format(name=second)))
    assert names(page) == [w["hello"], second, w["pause"], w["end"]]
    by_keyboard(page, page.get_by_role("button", name=w["down"].format(name=second)))
    assert names(page) == [w["hello"], w["pause"], second, w["end"]]
    fold_and_drag(page, w, second)
    page.get_by_role("button", name=w["goal"]).click()
    page.locator(".journey-box").nth(3).wait_for()
    assert complaints(page) == []
    page.get_by_role("button", name=w["save"], exact=True).click()
    page.wait_for_url(f"{server.url}/journeys/come%20back")


def fold_and_drag(page: Any, w: dict[str, str], second: str) -> None:
    """One step is open at a time, or all by the button; a folded step tells what it does, and moves by mouse and back."""
    assert open_steps(page) == [second]
    by_keyboard(page, page.locator(f".journey-step[data-step='{w['pause']}'] .journey-fold"))
    assert open_steps(page) == [w["pause"]] and "Still there?" in page.locator(".journey-line-says").nth(1).inner_text()
    page.get_by_role("button", name=w["unfold"]).click()
    assert open_steps(page) == names(page) and complaints(page) == []
    page.get_by_role("button", name=w["fold"]).click()
    assert open_steps(page) == [] and complaints(page) == []
    cards = page.locator(".journey-step")
    cards.nth(2).locator(".grip").drag_to(cards.nth(0))
    assert names(page) == [second, w["hello"], w["pause"], w["end"]]
    cards.nth(0).locator(".grip").drag_to(cards.nth(2))
    assert names(page) == [w["hello"], w["pause"], second, w["end"]]


def open_steps(page: Any) -> list[str]:
    """The steps whose fields are shown."""
    told: list[str] = page.locator(".journey-step.open").evaluate_all("cards => cards.map((card) => card.dataset.step)")
    return told


def message(page: Any, w: dict[str, str], card: Any, text: str) -> None:
    """Write a message of a step."""
    from tests.console.test_story import option_of

    card.get_by_role("combobox", name=w["channel"], exact=True).click()
    option_of(page, w["simulator"]).click()
    card.get_by_label(w["text"], exact=True).fill(text)


def names(page: Any) -> list[str]:
    """The steps of the editor in their order."""
    told: list[str] = page.locator(".journey-step").evaluate_all("cards => cards.map((card) => card.dataset.step)")
    return told


def start(page: Any, w: dict[str, str]) -> int:
    """A dry run, then start after a question that tells how many come in; who is sent the first message."""
    page.get_by_role("button", name=w["dry"]).click()
    page.locator(".chart-place[data-drawn=true]").wait_for()
    page.get_by_role("button", name=w["start"], exact=True).click()
    told = page.get_by_role("dialog").locator("[data-entrants]")
    told.wait_for()
    entrants = int(told.get_attribute("data-entrants"))
    assert entrants > 10 and complaints(page) == []
    page.get_by_role("dialog").get_by_role("button", name=w["start"], exact=True).click()
    # the first look is a job of the worker, which on a busy machine takes longer than a page
    sent = page.locator(f"tr[data-row='{w['hello']}'][data-counts='{entrants} 0 {entrants} 0']")
    sent.wait_for(timeout=JOB_MS)
    assert counts(page)[w["pause"]] == [entrants, entrants, 0, 0]
    return entrants


def counts(page: Any) -> dict[str, list[int]]:
    """Came, wait, passed and left, by step."""
    told = page.locator("tr[data-row]").evaluate_all("rows => rows.map((row) => [row.dataset.row, row.dataset.counts])")
    return {step: [int(n) for n in numbers.split()] for step, numbers in told}


def read(page: Any, server: Served, w: dict[str, str], entrants: int) -> None:
    """Four days on everybody has passed; the numbers add up; a step shows its people, who become an audience."""
    page.goto(f"{server.url}/journeys/come%20back")
    page.locator(f"tr[data-row='{w['end']}'][data-counts='{entrants} 0 {entrants} 0']").wait_for()
    assert page.locator("[data-difference]").get_attribute("data-difference") == "0"
    assert all(came == waits + passed + left for came, waits, passed, left in counts(page).values())
    assert complaints(page) == []
    page.locator(f".journey-box[data-step='{w['pause']}']").click()
    drawer = page.get_by_role("dialog", name=w["people"].format(step=w["pause"]))
    drawer.get_by_role("button", name=w["way"]).first.click()
    page.locator(".timeline li").nth(6).wait_for()
    assert complaints(page) == []
    page.get_by_role("dialog").last.get_by_role("button", name=w["close"]).click()
    drawer.get_by_role("button", name=w["make"]).click()
    page.get_by_role("dialog").last.get_by_role("textbox").last.fill("those who waited")
    assert complaints(page) == []
    page.get_by_role("dialog").last.get_by_role("button", name=w["make"]).click()
    page.wait_for_url(f"{server.url}/audiences/those%20who%20waited")


def stop(page: Any, server: Served, w: dict[str, str], entrants: int) -> None:
    """Stopped after a question; the list shows it in its tab."""
    page.goto(f"{server.url}/journeys/come%20back")
    page.get_by_role("button", name=w["more"], exact=True).click()
    page.get_by_role("menuitem", name=w["stop"], exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=w["stop"], exact=True).click()
    page.get_by_role("heading", name=f"{NAME} {w['stopped']}").wait_for()
    page.goto(f"{server.url}/journeys?state=stopped")
    page.get_by_role("link", name=NAME, exact=True).wait_for()
    assert entrants > 0 and complaints(page) == []
