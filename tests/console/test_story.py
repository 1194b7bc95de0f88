"""The console as a new user meets it: first run, files, tags, an audience by mouse and keyboard, its page."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.console.browser import Served, chromium, complaints, require_browser, served, signed_in

from coterie.workspace import Workspace

COUNTRIES = ("France", "Germany", "Spain", "Italy")
WORDS = {
    "en": {
        "look": "Look at the result", "import": "Import", "imported": "Imported", "build": "Build tags now", "done": "✓", "find": "Find a tag",
        "values": "Values", "size": "Size", "condition": "Condition", "group": "Group", "save": "Save audience", "name": "Name",
        "refresh": "Refresh now", "insight": "Insight", "up": "Move up", "value": "Value", "changes": "Save changes",
        "conflict": "Somebody saved a newer version", "mine": "Save mine as the next version", "what": "What is in it?",
        "events": "Events", "members": "members", "rule": "Edit the rule", "key": "Which column tells rows apart?",
        "whole": "Group: The whole audience", "any": "Group: Group of conditions", "remove": "Remove the condition", "type": "Type of ordered_at", "moment": "Moment",
    },
    "zh": {
        "look": "预览结果", "import": "导入", "imported": "导入完成", "build": "立即生成标签", "done": "✓", "find": "搜索标签",
        "values": "取值", "size": "预估人数", "condition": "条件", "group": "标签组", "save": "保存人群包", "name": "名称",
        "refresh": "立即更新", "insight": "人群洞察", "up": "上移", "value": "取值", "changes": "保存修改",
        "conflict": "他人已保存更新的版本", "mine": "以我的为新版本保存", "what": "文件内容是什么？",
        "events": "行为事件", "members": "位成员", "rule": "编辑规则", "key": "哪一列是唯一编号？",
        "whole": "标签组：整个人群包", "any": "标签组：标签组", "remove": "移除条件", "type": "“ordered_at”的类型", "moment": "时间",
    },
}  # fmt: skip


def write_files(folder: Path) -> tuple[Path, Path]:
    """200 customers, and what they bought."""
    draw = random.Random(4)
    people, orders = folder / "customers.csv", folder / "orders.csv"
    with people.open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle)
        rows.writerow(["customer_id", "country", "age", "newsletter"])
        rows.writerows(
            [f"C{i:04}", draw.choice(COUNTRIES), draw.randint(18, 80), draw.choice("yn")] for i in range(200)
        )
    with orders.open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle)
        rows.writerow(["order_id", "customer_id", "ordered_at", "amount"])
        now = datetime.now()
        for i in range(600):
            at = now - timedelta(days=draw.randint(1, 90), hours=draw.randint(0, 20))
            rows.writerow(
                [i, f"C{draw.randrange(150):04}", at.isoformat(timespec="seconds"), round(draw.uniform(1, 99), 2)]
            )
        rows.writerow([601, "C0001", "never", "12"])
    return people, orders


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """An empty workspace, served."""
    require_browser()
    Workspace.init(tmp_path / "ws").close()
    with served(tmp_path / "ws") as running:
        yield running


@pytest.mark.parametrize("language", ["en", pytest.param("zh", marks=pytest.mark.slow)])
def test_first_run_to_insight(server: Served, tmp_path: Path, language: str) -> None:
    people, orders = write_files(tmp_path)
    with chromium() as browser:
        watched = signed_in(browser, server, "Ada", language=language)
        page, w = watched.page, WORDS[language]
        with pictured(page, tmp_path / "failed.png"):
            tell(page, server, w, people, orders)
        assert watched.wrong == []


@contextmanager
def pictured(page: Any, to: Path) -> Iterator[None]:
    """A picture of the page where a step fails, beside the test's other files."""
    try:
        yield
    except BaseException:
        page.screenshot(path=str(to), full_page=True)
        raise


def tell(page: Any, server: Served, w: dict[str, str], people: Path, orders: Path) -> None:
    """The whole story."""
    bring(page, server, w, people, events=False)
    bring(page, server, w, orders, events=True)
    build_tags(page, w)
    posted = make_audience(page, server, w)
    assert_same_size(page, server, posted)
    save(page, server, w, "regulars")
    look_at_it(page, w)
    meet_a_conflict(page, server, w)
    assert complaints(page) == []


def bring(page: Any, server: Served, w: dict[str, str], file: Path, *, events: bool) -> None:
    """Import a file: drop, map, preview, run."""
    page.goto(f"{server.url}/data/import")
    page.locator("input[type=file]").set_input_files(str(file))
    page.get_by_role("button", name=w["look"]).wait_for()
    if events:
        choose(page, w["key"], "order_id")
        choose(page, w["type"], w["moment"])  # so that a row whose time is none is left out, and told
    page.get_by_role("button", name=w["look"]).click()
    page.get_by_role("button", name=w["import"], exact=False).last.click()
    page.get_by_text(w["imported"], exact=True).wait_for()


def choose(page: Any, label: str, option: str) -> None:
    """Choose in a drop-down by its label."""
    page.get_by_label(label).click()
    option_of(page, option).click()


def option_of(page: Any, text: str) -> Any:
    """An option of the drop-down that is open."""
    return page.locator(
        ".ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option", has_text=text
    ).first


def build_tags(page: Any, w: dict[str, str]) -> None:
    """Build the tags where the import offers it."""
    page.get_by_role("button", name=w["build"]).click()
    page.locator(".job-progress[data-state=completed]").wait_for()


def make_audience(page: Any, server: Served, w: dict[str, str]) -> dict[str, Any]:
    """A rule by mouse, and a nested group by keyboard; returns the rule that was counted last."""
    posted: list[dict[str, Any]] = []

    def hear(request: Any) -> None:
        if request.url.endswith("/audiences/count"):
            posted.append(json.loads(request.post_data)["rule"])

    page.on("request", hear)
    page.goto(f"{server.url}/audiences/new")
    page.get_by_role("button", name="country").click()
    page.get_by_label(w["values"]).click()
    for country in ("France", "Germany"):
        option_of(page, country).click()
    page.keyboard.press("Escape")
    whole = page.get_by_role("group", name=w["whole"])
    by_keyboard(page, whole.get_by_role("button", name=w["group"], exact=True).last)
    inner = page.get_by_role("group", name=w["any"], exact=True)
    add_by_keyboard(page, inner, w, "age")
    page.keyboard.type("60")
    add_by_keyboard(page, inner, w, "orders")
    expected = {
        "version": 1,
        "entity": "customer",
        "all": [
            {"tag": "country", "op": "in", "value": ["France", "Germany"]},
            {
                "any": [
                    {"tag": "age", "op": "gte", "value": 60},
                    {"events": "orders", "measure": "count", "op": "gte", "value": 1, "within": "30d"},
                ]
            },
        ],
    }
    settled(page)
    assert posted[-1] == expected
    page.remove_listener("request", hear)
    move_by_keyboard(page, w)
    drag_back(page, w)
    settled(page)
    assert complaints(page) == []
    return expected


def by_keyboard(page: Any, button: Any) -> None:
    """Press a button without the mouse."""
    button.focus()
    page.keyboard.press("Enter")


def add_by_keyboard(page: Any, group: Any, w: dict[str, str], found: str) -> None:
    """Add a condition to a group: open the menu, search, go to what was found, and to its value."""
    by_keyboard(page, group.get_by_role("button", name=w["condition"], exact=True))
    box = page.locator(".ant-popover").get_by_placeholder(w["find"])
    box.fill(found)
    offered = page.locator(".ant-popover").get_by_role("button", name=found).last
    by_keyboard(page, offered)
    group.get_by_role("group", name=found).wait_for()
    if found == "age":
        group.get_by_role("group", name=found).get_by_label(w["value"], exact=True).focus()


def settled(page: Any) -> int:
    """Wait until the size belongs to the rule that is shown; the size."""
    page.wait_for_timeout(300)  # the pause after which a rule is counted
    page.locator("[data-stale=false][data-size]").wait_for()
    return int(page.locator("[data-size]").get_attribute("data-size"))


def move_by_keyboard(page: Any, w: dict[str, str]) -> None:
    """Move a condition out of its group and back; its button keeps the focus."""
    group = page.get_by_role("group", name=w["any"], exact=True)
    row = group.get_by_role("group", name="age")
    by_keyboard(page, row.get_by_role("button", name=w["up"]))
    page.wait_for_function("() => !document.querySelector('.group .group .leaf[aria-label=\"age\"]')")
    page.wait_for_function("() => document.activeElement?.dataset.shift?.endsWith('-up')")
    page.keyboard.press("Control+Home")


def drag_back(page: Any, w: dict[str, str]) -> None:
    """Drag it back into the group."""
    row = page.get_by_role("group", name="age")
    grip = row.locator(".grip").bounding_box()
    target = page.get_by_role("group", name=w["any"], exact=True).locator(".group-head").bounding_box()
    assert grip is not None and target is not None
    page.mouse.move(grip["x"] + 5, grip["y"] + 5)
    page.mouse.down()
    page.mouse.move(grip["x"] + 25, grip["y"] + 30, steps=4)
    page.mouse.move(target["x"] + 60, target["y"] + target["height"] / 2, steps=12)
    page.mouse.up()
    page.locator(".group .group .leaf[aria-label='age']").wait_for()


def assert_same_size(page: Any, server: Served, rule: dict[str, Any]) -> None:
    """The page shows what the library counts."""
    with Workspace.open(server.folder) as ws:
        assert settled(page) == ws.audiences.count(rule).count > 0


def save(page: Any, server: Served, w: dict[str, str], name: str) -> None:
    """Save it, and come to its page."""
    page.get_by_role("button", name=w["save"]).first.click()
    page.get_by_role("dialog").get_by_label(w["name"], exact=True).fill(name)
    assert complaints(page) == []
    page.get_by_role("dialog").get_by_role("button", name=w["save"]).click()
    page.wait_for_url(f"{server.url}/audiences/{name}")


def look_at_it(page: Any, w: dict[str, str]) -> None:
    """Refresh it, and see how it differs from the others."""
    page.get_by_role("button", name=w["refresh"]).click()
    page.locator(".chart-place[data-drawn=true]").wait_for()
    page.get_by_role("tab", name=w["insight"]).click()
    page.locator(".shares").first.wait_for()
    assert complaints(page) == []


def meet_a_conflict(page: Any, server: Served, w: dict[str, str]) -> None:
    """Somebody else saves while it is edited: both are shown, and mine can still be saved."""
    page.get_by_role("button", name=w["rule"]).click()
    page.get_by_role("group", name="country").get_by_role("button", name=w["remove"]).click()
    with Workspace.open(server.folder) as ws:
        ws.audiences.save("regulars", {"all": [{"tag": "age", "op": "gte", "value": 30}]})
    settled(page)
    page.get_by_role("button", name=w["changes"]).first.click()
    page.get_by_role("dialog").get_by_role("button", name=w["changes"]).click()
    page.get_by_text(w["conflict"]).wait_for()
    page.get_by_role("button", name=w["mine"]).click()
    page.wait_for_url(f"{server.url}/audiences/regulars")
    with Workspace.open(server.folder) as ws:
        assert ws.audiences.get("regulars").version == 3
        assert "country" not in json.dumps(ws.audiences.get("regulars").body["rule"])
