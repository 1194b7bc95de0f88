"""What holds for all campaigns, in a browser: caps, holdout and costs are saved, and groups keep campaigns apart."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.console.browser import Served, chromium, complaints, require_browser, served, signed_in
from tests.console.test_story import option_of, pictured

import coterie
from coterie.workspace import Workspace

PEOPLE = 200
LETTER: dict[str, Any] = {"audience": "everyone", "channel": "simulator", "content": {"text": "Hello"}}
WORDS = {
    "en": {
        "add": "Add a cap", "limit": "Messages at most", "share": "Share of customers", "mail": "e-mail", "save": "Save",
        "cancel": "Cancel", "scope": "Of what", "channel": "A channel", "saved": "Saved. It holds from the next hand-over on.",
        "remove": "Remove cap 1", "within": "Within: number", "groups": "Exclusion groups", "group": "Exclusion group",
        "asks": "Share of all customers", "draft": "Save draft", "page": "spring, 30%", "all": "All groups",
        "free": "75% of “spring” is free for this campaign.", "new": "“summer” is a new group: all of it is free.",
    },
    "zh": {
        "add": "添加上限", "limit": "最多消息数", "share": "客户占比", "mail": "电子邮件", "save": "保存",
        "cancel": "取消", "scope": "范围", "channel": "渠道", "saved": "已保存，自下一次交付起生效。",
        "remove": "移除上限 1", "within": "时间窗口：数值", "groups": "互斥组", "group": "互斥组",
        "asks": "占全部客户的份额", "draft": "保存草稿", "page": "spring，30%", "all": "全部互斥组",
        "free": "“spring”还有 75% 可供本活动使用。", "new": "“summer”是新组，全部可用。",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 customers in one audience; a campaign that has a quarter of a group, and one that is in none."""
    require_browser()
    folder = tmp_path_factory.mktemp("rules")
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([["id"], *([f"C{i:04}"] for i in range(PEOPLE))])
    with coterie.init(str(folder / "ws"), zone="Europe/Berlin") as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id")
        ws.tags.build()
        ws.audiences.save("everyone", {"all": []})
        ws.audiences.refresh("everyone")
        ws.campaigns.create({**LETTER, "name": "first", "exclusion": {"group": "spring", "share": 0.25}})
        ws.campaigns.plan("first")
        ws.campaigns.create({**LETTER, "name": "second"})
    return folder / "ws"


@contextmanager
def shown(folder: Path, language: str) -> Iterator[tuple[Any, Served, dict[str, str]]]:
    """A page of a served copy of the shop, and the words of its language; nothing goes wrong on it unseen."""
    with served(folder / "ws") as server, chromium() as browser:
        watched = signed_in(browser, server, "Ada", language=language)
        with pictured(watched.page, folder / "failed.png"):
            yield watched.page, server, WORDS[language]
        assert watched.wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_messaging_is_set_and_saved(shop: Path, tmp_path: Path, language: str) -> None:
    """A cap, a holdout and a cost are asked about, saved, and there after the page is loaded again; a cap goes again."""
    shutil.copytree(shop, tmp_path / "ws")
    with shown(tmp_path, language) as (page, server, w):
        set_rules(page, server, w)
        with Workspace.open(tmp_path / "ws", read_only=True) as ws:
            saved = ws.campaigns.rules().as_dict()
        cap = {"scope": "channel", "limit": 2, "within": "7d", "value": "email"}
        assert [dict(one) for one in saved["caps"]] == [cap]
        assert (saved["holdout"], saved["costs"]) == (0.05, {"email": "0.02"})
        take_out(page, w)
        assert complaints(page) == []
    with Workspace.open(tmp_path / "ws", read_only=True) as ws:
        assert ws.campaigns.rules().caps == () and ws.campaigns.rules().holdout == 0.05


def set_rules(page: Any, server: Served, w: dict[str, str]) -> None:
    """Two e-mails a week at most, 5 % held out, 2 cents an e-mail; what was not saved can be dropped."""
    page.goto(f"{server.url}/settings/messaging")
    save = page.get_by_role("button", name=w["save"], exact=True)
    page.get_by_role("button", name=w["add"]).click()
    page.get_by_role("button", name=w["cancel"], exact=True).click()
    assert save.is_disabled()
    page.get_by_role("button", name=w["add"]).click()
    page.get_by_label(w["limit"], exact=True).fill("2")
    page.get_by_role("combobox", name=w["scope"], exact=True).click()
    option_of(page, w["channel"]).click()
    page.locator(".repeat").get_by_role("combobox").last.click()
    option_of(page, w["mail"]).click()
    page.get_by_label(w["share"], exact=True).fill("5")
    page.get_by_role("spinbutton", name=w["mail"], exact=True).fill("0.02")
    confirmed(page, w)
    page.reload()
    assert page.get_by_label(w["limit"], exact=True).input_value() == "2"
    assert page.get_by_label(w["share"], exact=True).input_value() == "5"
    assert page.get_by_role("spinbutton", name=w["mail"], exact=True).input_value() == "0.02"
    assert complaints(page) == []


def confirmed(page: Any, w: dict[str, str]) -> None:
    """Save, after the question."""
    page.get_by_role("button", name=w["save"], exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=w["save"], exact=True).click()
    page.get_by_text(w["saved"]).wait_for()
    page.get_by_role("dialog").wait_for(state="detached")


def take_out(page: Any, w: dict[str, str]) -> None:
    """The cap goes again, and nothing else."""
    page.get_by_role("button", name=w["remove"]).click()
    confirmed(page, w)
    page.get_by_role("button", name=w["save"], exact=True).wait_for()
    assert page.locator(".repeat").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_campaigns_are_kept_apart_by_groups(shop: Path, tmp_path: Path, language: str) -> None:
    """The groups from the list of campaigns; the wizard tells what is free; the campaign leads back to its group."""
    shutil.copytree(shop, tmp_path / "ws")
    with shown(tmp_path, language) as (page, server, w):
        page.goto(f"{server.url}/campaigns")
        page.get_by_role("button", name=w["groups"], exact=True).click()
        page.locator("tr[data-campaign=first][data-held='0.25']").wait_for()
        assert page.locator("[data-free]").get_attribute("data-free") == "0.75"
        page.goto(f"{server.url}/campaigns/second/edit?step=experiment")
        join(page, w)
        page.goto(f"{server.url}/campaigns/second")
        page.get_by_role("link", name=w["page"]).click()
        page.locator("tr[data-campaign=second][data-held='0']").wait_for()
        assert page.get_by_role("link", name=w["all"]).count() == 1 and complaints(page) == []
    with Workspace.open(tmp_path / "ws", read_only=True) as ws:
        assert ws.campaigns.get("second")[0].as_dict()["exclusion"] == {"group": "spring", "share": 0.3}


def join(page: Any, w: dict[str, str]) -> None:
    """A new group is named, then one that is there is chosen, with a share; all is free but what others have."""
    box = page.get_by_role("combobox", name=w["group"], exact=True)
    box.fill("summer")
    page.get_by_text(w["new"]).wait_for()
    box.fill("")
    box.click()
    option_of(page, "spring").click()
    page.get_by_text(w["free"]).wait_for()
    page.get_by_label(w["asks"], exact=True).fill("30")
    assert complaints(page) == []
    page.get_by_role("button", name=w["draft"]).click()
    page.get_by_role("button", name=w["draft"]).and_(page.locator(":disabled")).wait_for()
