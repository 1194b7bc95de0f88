"""Pictures of every screen, filled, empty, loading and failing, in both languages, widths and colours: `make console-tour`.

A gap is an error: a screen that shows nothing, is wider than the window, or writes into the browser's console.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.console.browser import AXE, Served, Watched, chromium, complaints, opened, served, signed_in

from coterie.workspace import Workspace

LANGUAGES, MODES, WIDTHS, STATES = ("en", "zh"), ("light", "dark"), (1440, 390), ("filled", "empty", "loading", "error")
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
    "customers": "/customers",
    "customer": "/customers/{customer}",
    "tags": "/tags",
    "tag": "/tags?tag=rfm.monetary",
    "data": "/data",
    "dataset": "/data/orders",
    "import": "/data/import",
    "jobs": "/jobs",
    "account": "/settings",
    "tokens": "/settings/tokens",
    "users": "/settings/users",
    "workspace": "/settings/workspace",
    "audit": "/settings/audit",
}
ALONE = ("audience", "insight", "members", "segment", "customer", "tag", "dataset")  # nothing to show where nothing is


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
        with chromium() as browser:
            wrong = tour(browser, shop, given.to, STATES[0], looks)
            wrong += tour(browser, Path(folder) / "empty", given.to, STATES[1], looks)
    sys.stdout.write("".join(f"{line}\n" for line in wrong) or f"Every screen is there: {given.to}\n")
    return 1 if wrong else 0


def made_shop(path: Path) -> Path:
    """A demo shop of 2,000 customers."""
    from coterie.cli.main import main as command

    try:
        command(["demo", str(path), "--customers", "2000"])
    except SystemExit as ended:
        if ended.code:
            raise
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
    """Whether a condition comes to hold within some seconds."""
    from playwright.sync_api import TimeoutError

    try:
        page.wait_for_function(condition, timeout=15_000)
    except TimeoutError:
        return False
    return True


def _hindered(watched: Watched, server: Served, to: Path, look: str) -> list[str]:
    """Screens while the server does not answer, and when it fails."""
    page, found = watched.page, list[str]()
    for state in STATES[2:]:
        for name, path in SCREENS.items():
            if name in ("import", "account"):
                continue  # they ask nothing to begin with
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
