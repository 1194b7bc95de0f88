"""Pictures of every screen, filled, empty, loading and failing, in both languages, widths and colours: `make console-tour`.

A gap is an error: a screen that shows nothing, is wider than the window, or writes into the browser's console.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.console.browser import (
    AXE,
    PATIENCE_MS,
    SOFTWARE_GL,
    Served,
    Watched,
    chromium,
    complaints,
    opened,
    served,
    signed_in,
)

from coterie.workspace import Workspace

LANGUAGES, MODES, WIDTHS, STATES = ("en", "zh"), ("light", "dark"), (1440, 390), ("filled", "empty", "loading", "error")
# Looks in which everything is opened: the two that differ in all.
WALKED = (("en", "light", 1440), ("zh", "dark", 390))
_MOST_OPENED = 24  # of a screen; rows of tables repeat the same buttons
_RULE = {
    "all": [
        {"tag": "country", "op": "in", "value": ["France", "Germany"]},
        {
            "any": [{"tag": "rfm.frequency", "op": "gte", "value": 3}, {"events": "orders", "within": "30d"}],
            "name": "Often",
        },
        {"not": {"tag": "rfm.r", "op": "eq", "value": 1}},
    ]
}
SCREENS = {
    "home": "/",
    "audiences": "/audiences",
    "builder": f"/audiences/new?rule={quote(json.dumps(_RULE))}",
    "audience": "/audiences/best%20customers",
    "insight": "/audiences/best%20customers?tab=insight",
    "members": "/audiences/best%20customers?tab=members",
    "segments": "/segments",
    "segment": "/segments/shoppers",
    "segment-profile": "/segments/shoppers?tab=profile",
    "segment-map": "/segments/shoppers?tab=map",
    "segment-number": "/segments/shoppers?tab=number",
    "segment-versions": "/segments/shoppers?tab=versions",
    "segment-labels": "/segments/shoppers?tab=labels",
    "segment-strategy": "/segments/shoppers?tab=strategy",
    "segment-predict": "/segments/shoppers?tab=predict",
    "segment-report": "/segments/shoppers?tab=report",
    "segment-new": "/segments/new",
    "campaigns": "/campaigns",
    "campaign": "/campaigns/win%20back",
    "campaign-plan": "/campaigns/win%20back?tab=plan",
    "campaign-funnel": "/campaigns/win%20back?tab=funnel",
    "campaign-results": "/campaigns/win%20back?tab=results",
    "campaign-runs": "/campaigns/win%20back?tab=runs",
    "campaign-edit": "/campaigns/next%20time/edit",
    "campaign-new": "/campaigns/new",
    "content": "/content",
    "template": "/content/letter",
    "content-new": "/content/new",
    "experiments": "/experiments",
    "experiment": "/experiments/win%20back",
    "power": "/experiments/power",
    "analyse": "/experiments/analyse",
    "customers": "/customers",
    "customer": "/customers/{customer}",
    "tags": "/tags",
    "tag": "/tags?tag=rfm.monetary",
    "data": "/data",
    "sources": "/data?tab=sources",
    "dataset": "/data/orders",
    "import": "/data/import",
    "jobs": "/jobs",
    "account": "/settings",
    "tokens": "/settings/tokens",
    "users": "/settings/users",
    "workspace": "/settings/workspace",
    "audit": "/settings/audit",
}
# Of one thing: there is nothing to show where nothing is.
ALONE = tuple(
    name
    for name, path in SCREENS.items()
    if path.startswith(
        ("/audiences/best", "/segments/shoppers", "/campaigns/win", "/campaigns/next", "/content/letter")
    )
    or name in ("customer", "tag", "dataset", "experiment")
)
ASK_NOTHING = ("import", "account", "analyse", "power")  # to begin with, so that nothing can hinder them
CAMPAIGN = {
    "name": "win back",
    "audience": "slipping away",
    "channel": {"name": "simulator", "effects": {"plain": 1.0, "voucher": 3.0}},
    "content": {"text": "Hello {{ name | default('you') }}, we miss you."},
    "experiment": {"arms": ["plain", "voucher"], "holdout": 0.1},
    "goals": [
        {"name": "came back", "events": "campaign_events", "where": {"field": "event", "op": "eq", "value": "goal"}}
    ],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures; 1 where something is wrong, which is then listed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to", type=Path)
    parser.add_argument("--shop", type=Path, help="a demo workspace; without it one of 2,000 customers is made")
    parser.add_argument("--look", help="one look alone, such as en-light-1440")
    given = parser.parse_args(arguments)
    looks = [
        look for look in itertools.product(LANGUAGES, MODES, WIDTHS) if given.look in (None, "-".join(map(str, look)))
    ]
    given.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shop = given.shop or made_shop(Path(folder) / "shop")
        Workspace.init(Path(folder) / "empty").close()
        with chromium(SOFTWARE_GL) as browser:
            wrong = tour(browser, shop, given.to, STATES[0], looks)
            wrong += tour(browser, Path(folder) / "empty", given.to, STATES[1], looks)
            walked = Path(shutil.copytree(shop, Path(folder) / "walked"))
            wrong += walk(browser, walked, given.to, [look for look in looks if look in WALKED] or looks[:1])
    sys.stdout.write("".join(f"{line}\n" for line in wrong) or f"Every screen is there: {given.to}\n")
    return 1 if wrong else 0


def made_shop(path: Path) -> Path:
    """A demo shop of 2,000 customers, with a campaign that was sent, one that is a draft, and a template."""
    from coterie.cli.main import main as command

    try:
        command(["demo", str(path), "--customers", "2000"])
    except SystemExit as ended:
        if ended.code:
            raise
    with Workspace.open(path) as ws:
        ws.campaigns.library.save(
            "letter", "template", {"channels": {"email": {"subject": "Hello", "text": "Hi {{ name }}"}}}
        )
        ws.campaigns.library.publish("letter")
        ws.campaigns.create(CAMPAIGN)
        ws.campaigns.create({**CAMPAIGN, "name": "next time"})
        ws.campaigns.plan("win back")
        ws.campaigns.approve("win back")
        ws.campaigns.run("win back")
    return path


def tour(browser: Any, folder: Path, to: Path, state: str, looks: Sequence[tuple[str, str, int]]) -> list[str]:
    """All screens of one workspace; of the filled one also while they load and when the server fails."""
    wrong: list[str] = []
    with served(folder) as server:
        kept = signed_in(browser, server, "Ada").page.context.storage_state()
        for language, mode, width in looks:
            watched = opened(browser, language, mode, width, storage_state=dict(kept, origins=[]))
            look = f"{language}-{mode}-{width}"
            for name, path in SCREENS.items():
                if state == "filled" or name not in ALONE:
                    bare = (
                        path if state == "filled" else path.partition("?")[0]
                    )  # a rule names what an empty workspace lacks
                    wrong += _shown(watched, server, name, bare, to / f"{name}-{state}-{look}.png")
            if state == "filled":
                wrong += _hindered(watched, server, to, look)
            watched.page.context.close()
    return wrong


def _shown(watched: Watched, server: Served, name: str, path: str, to: Path) -> list[str]:
    page = watched.page
    watched.wrong.clear()
    page.goto(server.url + path.replace("{customer}", _somebody(server)))
    there = _comes(page, _READY)
    page.screenshot(path=str(to), full_page=True)
    wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    found = [] if there else [f"{to.name}: does not come"]
    found += [f"{to.name}: {wide} px too wide"] if wide > 0 else []
    found += [f"{to.name}: {text}" for text in watched.wrong]
    found += [f"{to.name}: {text}" for text in complaints(page)] if AXE.is_file() else []
    return found


_READY = """() => document.querySelector('h1') && !document.querySelector('.loading')
  && [...document.querySelectorAll('.chart-place')].every((chart) => chart.dataset.drawn === 'true')"""


def _comes(page: Any, condition: str) -> bool:
    """Whether a condition comes to hold in time."""
    from playwright.sync_api import TimeoutError

    try:
        page.wait_for_function(condition, timeout=PATIENCE_MS)
    except TimeoutError:
        return False
    return True


def _hindered(watched: Watched, server: Served, to: Path, look: str) -> list[str]:
    """Screens while the server does not answer, and when it fails."""
    page, found = watched.page, list[str]()
    for state in STATES[2:]:
        for name, path in SCREENS.items():
            if name in ASK_NOTHING:
                continue
            page.unroute_all(behavior="ignoreErrors")
            page.goto(server.url + "/data/import")
            page.route(lambda url: "/api/v1/" in url and not url.endswith(("/me", "/status")), _WAYS[state])
            page.goto(server.url + path.replace("{customer}", "1"))
            seen = ".loading" if state == "loading" else "[role=alert]"
            file = f"{name}-{state}-{look}.png"
            if not _comes(page, f"() => document.querySelector('{seen}') !== null"):
                found.append(f"{file}: does not say that it is {state}")
            page.screenshot(path=str(to / file), full_page=True)
    page.unroute_all(behavior="ignoreErrors")
    return found


# What opens something, and what it opens. A page's own links are left out: they lead to other screens.
_OPENERS = "main button:enabled:visible, main [role=combobox]:visible, main [aria-haspopup]:visible, header button:enabled:visible"
_OPEN = ".ant-modal-wrap, .ant-drawer, .ant-popover, .ant-dropdown, .ant-select-dropdown, .ant-picker-dropdown"
_MARK = """(open) => {
  for (const old of document.querySelectorAll('[data-walked]')) delete old.dataset.walked;
  const there = [...document.querySelectorAll(open)].filter((e) => e.checkVisibility() && !/-hidden|-leave/.test(e.className));
  for (const found of there) found.dataset.walked = 'true';
  return there.length;
}"""


def walk(browser: Any, folder: Path, to: Path, looks: Sequence[tuple[str, str, int]]) -> list[str]:
    """Press every button and drop-down of every screen; what opens is pictured, and axe looks at it.

    What is pressed may change the shop, so it is one that nobody needs afterwards.
    """
    wrong: list[str] = []
    with served(folder) as server:
        kept = signed_in(browser, server, "Ada").page.context.storage_state()
        for language, mode, width in looks:
            watched = opened(browser, language, mode, width, storage_state=dict(kept, origins=[]))
            for name, path in SCREENS.items():
                where = server.url + path.replace("{customer}", _somebody(server))
                look = f"{language}-{mode}-{width}"
                wrong += _walked(
                    watched.page, where, lambda n, name=name, look=look: to / f"{name}-open-{n}-{look}.png"
                )
                wrong += [f"{name}-{look}: {text}" for text in watched.wrong if "Failed to load resource" not in text]
                watched.wrong.clear()
            watched.page.context.close()
    return wrong


def _walked(page: Any, where: str, picture: Callable[[int], Path]) -> list[str]:
    found, number = list[str](), 0
    page.goto(where)
    _comes(page, _READY)
    while number < min(page.locator(_OPENERS).count(), _MOST_OPENED):
        opener = page.locator(_OPENERS).nth(number)
        if _pressed(opener):
            page.wait_for_timeout(350)  # what opens grows for a moment
            if page.evaluate(_MARK, _OPEN):
                page.screenshot(path=str(picture(number)))
                found += [f"{picture(number).name}: {text}" for text in complaints(page, "[data-walked]")]
        number += 1
        page.keyboard.press("Escape")
        page.wait_for_timeout(250)
        if page.url != where or page.evaluate(_MARK, _OPEN):
            page.goto(where)
            _comes(page, _READY)
    return found


def _pressed(opener: Any) -> bool:
    """Whether it could be pressed: some lie under others, or go while one comes."""
    from playwright.sync_api import Error

    try:
        opener.click(timeout=2_000)
    except Error:
        return False
    return True


def _fail(route: Any) -> None:
    body = {"code": "disk_full", "message": "The disk is full.", "place": None, "fix": "Make room, then try again."}
    route.fulfill(status=503, content_type="application/json", body=json.dumps(body))


_WAYS = {"loading": lambda route: None, "error": _fail}


def _somebody(server: Served) -> str:
    with Workspace.open(server.folder, read_only=True) as ws:
        names = [row["audience"] for row in ws.audiences.rows() if row["count"]]
        return str(ws.audiences.members(names[0], limit=1)["members"][0]) if names else "1"


if __name__ == "__main__":
    sys.exit(main())
