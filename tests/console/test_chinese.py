"""In Chinese no Latin letters are seen but data, names of formats and what stands on the list of `latin.py`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.console.browser import (
    READY,
    ROOT,
    Served,
    chromium,
    comes,
    opened,
    require_browser,
    served,
    signed_in,
    somebody,
)
from tests.console.latin import data_words, latin, latin_seen
from tests.console.tour import SCREENS, made_shop

from coterie.jobs.registry import JOBS
from coterie.workspace import Workspace

JOB_NAMES = ROOT / "console" / "src" / "ui" / "JobState.tsx"


def walk(browser: Any, server: Served, screens: dict[str, str]) -> dict[str, list[str]]:
    """What is seen in Latin letters, by screen."""
    known = data_words(server.folder)
    kept = signed_in(browser, server, "Ada", language="zh").page.context.storage_state()
    page = opened(browser, "zh", storage_state=dict(kept, origins=[])).page
    found = {}
    for name, path in screens.items():
        page.goto(server.url + path.replace("{customer}", somebody(server.folder)))
        assert comes(page, _THERE), f"{name} does not come"
        page.wait_for_timeout(200)
        found[name] = latin_seen(page, known)
    return {name: texts for name, texts in found.items() if texts}


_THERE = f"() => ({READY})() || document.querySelector('.state[role=alert]') !== null"
TABS = {
    "overlap": "/audiences/best%20customers?tab=overlap",
    "sample": "/data/orders?tab=sample",
    "history": "/data/orders?tab=history",
    "rejects": "/data/orders?tab=rejects",
    "cleanup": "/data/orders?tab=cleanup",
    "schedules": "/jobs?tab=schedules",
    "sources": "/data?tab=sources",
    "lost": "/audiences/nobody%20knows",
}


def test_words_are_told_apart() -> None:
    """What is quoted, data, or on the list is no Latin text; anything else is."""
    known = frozenset({"orders"})
    seen = ["没有名为“nobody”的人群包。", "orders 的字段", "导出 CSV", "共 3 行", "Not found", "统计 rows"]
    assert latin(seen, known) == ["Not found", "统计 rows"]


def test_every_job_has_a_name_for_people(tmp_path: Path) -> None:
    """The console calls each job that the server may run by a name in both languages."""
    with Workspace.init(tmp_path / "ws") as ws:
        assert ws.jobs, "the rooms register their jobs"
    named = re.search(r"const names = pairs\(\{(.+?)\}\)", JOB_NAMES.read_text(encoding="utf-8"), re.DOTALL)
    assert named is not None
    told = set(re.findall(r'^  "?([\w.]+)"?: \[', named[1], re.MULTILINE))
    assert {name for name, job in JOBS.items() if job.run.__module__.startswith("coterie.")} - told == set()
    assert told <= set(JOBS), "a name of a job that there is not"


@pytest.mark.slow
def test_no_screen_shows_english(tmp_path: Path) -> None:
    """Every screen of a filled shop, and the one of an address that does not exist."""
    require_browser()
    shop = made_shop(tmp_path / "shop")
    with chromium() as browser, served(shop) as server:
        assert walk(browser, server, {**SCREENS, **TABS}) == {}
