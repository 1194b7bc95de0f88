"""Pictures of every screen, filled, empty, loading and failing, in both languages, widths and colours: `make console-tour`.

A gap is an error: a screen that shows nothing, is wider than the window, or writes into the browser's console. Each screen is
loaded once a language and state; the window is then made narrow and dark, as people do, and pictured each time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.console.browser import (
    AXE,
    READY,
    Served,
    Watched,
    chromium,
    comes,
    complaints,
    opened,
    painted,
    served,
    signed_in,
    somebody,
)
from tests.console.walk import UNLOADED, walk

from coterie.api.accounts import make_token
from coterie.store.accounts import Accounts
from coterie.workspace import Workspace

LANGUAGES, MODES, WIDTHS, STATES = ("en", "zh"), ("light", "dark"), (1440, 390), ("filled", "empty", "loading", "error")
OPEN = "open"  # the walk: everything that opens, open
# Looks in which everything is opened: the two that differ in all.
WALKED = (("en", "light", 1440), ("zh", "dark", 390))
Look = tuple[str, str, int]
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
    "overlap": "/audiences/best%20customers?tab=overlap",
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
    "campaign-edit-content": "/campaigns/next%20time/edit?step=content",
    "campaign-edit-experiment": "/campaigns/next%20time/edit?step=experiment",
    "campaign-edit-schedule": "/campaigns/next%20time/edit?step=schedule",
    "campaign-new": "/campaigns/new",
    "exclusions": "/exclusions",
    "journeys": "/journeys",
    "journey": "/journeys/come%20back",
    "journey-people": "/journeys/come%20back?step=pause",
    "journey-edit": "/journeys/come%20back/edit",
    "journey-new": "/journeys/new",
    "content": "/content",
    "template": "/content/letter",
    "template-versions": "/content/letter?tab=versions",
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
    "dataset-sample": "/data/orders?tab=sample",
    "dataset-history": "/data/orders?tab=history",
    "dataset-rejects": "/data/orders?tab=rejects",
    "dataset-cleanup": "/data/orders?tab=cleanup",
    "import": "/data/import",
    "jobs": "/jobs",
    "schedules": "/jobs?tab=schedules",
    "account": "/settings",
    "tokens": "/settings/tokens",
    "messaging": "/settings/messaging",
    "users": "/settings/users",
    "workspace": "/settings/workspace",
    "audit": "/settings/audit",
}
# Of one thing: there is nothing to show where nothing is.
ALONE = tuple(
    name
    for name, path in SCREENS.items()
    if path.startswith(
        (
            "/audiences/best",
            "/segments/shoppers",
            "/campaigns/win",
            "/campaigns/next",
            "/journeys/come",
            "/content/letter",
            "/data/orders",
        )
    )
    or name in ("customer", "tag", "experiment")
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


@dataclass
class Progress:
    """How far the tour has come, told on the error output with the time that is left."""

    total: int
    done: int = 0
    begun: float = field(default_factory=time.monotonic)

    def tell(self, what: str) -> None:
        """One more screen is begun."""
        left = (time.monotonic() - self.begun) / self.done * (self.total - self.done) if self.done else 0.0
        self.done += 1
        sys.stderr.write(f"{self.done:4}/{self.total} {what:50} {left / 60:5.1f} min left\n")


@dataclass(frozen=True)
class Tour:
    """What the tour is of: where pictures go, which screens, which looks, and who is told how far it is."""

    to: Path
    screens: dict[str, str]
    looks: list[Look]
    tell: Callable[[str], None]
    wrong: list[str] = field(default_factory=list)

    def note(self, lines: Sequence[str]) -> None:
        """Gaps of a screen: listed at once, since a tour is long."""
        self.wrong.extend(lines)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    def by_language(self) -> list[tuple[str, list[Look]]]:
        """The looks of one page each: a page changes its colours and width, not its language."""
        return [(language, list(looks)) for language, looks in itertools.groupby(self.looks, lambda look: look[0])]


JOURNEY = {
    "name": "come back",
    "entry": {"audience": "slipping away"},
    "exit": {"goal": "orders"},
    "steps": [
        {"id": "hello", "send": {"channel": "simulator", "content": {"text": "We miss you."}}, "unsent": "over"},
        {"id": "pause", "wait": {"for": "2d", "at": "09:00"}},
        {"id": "half", "split": {"gift": 0.5, "rest": {"share": 0.5, "next": "over"}}},
        {"id": "gift", "send": {"channel": "simulator", "content": {"text": "A gift."}}},
        {"id": "over", "end": True},
    ],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures; 1 where something is wrong, which is then listed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to", type=Path)
    parser.add_argument("--shop", type=Path, help="a demo workspace, which is copied; without it one is made")
    parser.add_argument("--look", default="", help="these looks alone, such as en-light-1440, en-light or zh")
    parser.add_argument("--screens", nargs="+", choices=SCREENS, default=list(SCREENS), metavar="SCREEN")
    parser.add_argument("--states", nargs="+", choices=(*STATES, OPEN), default=[*STATES, OPEN])
    given = parser.parse_args(arguments)
    looks = [
        look for look in itertools.product(LANGUAGES, MODES, WIDTHS) if "-".join(map(str, look)).startswith(given.look)
    ]
    screens = {name: SCREENS[name] for name in given.screens}
    given.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shop = (
            Path(shutil.copytree(given.shop, Path(folder) / "shop")) if given.shop else made_shop(Path(folder) / "shop")
        )
        progress = Progress(_many(screens, looks, given.states))
        made = Tour(given.to, screens, looks, progress.tell)
        _tours(made, shop, given.states)
    sys.stdout.write(f"Gaps: {len(made.wrong)}\n" if made.wrong else f"Every screen is there: {given.to}\n")
    return 1 if made.wrong else 0


def _walked_looks(looks: Sequence[Look]) -> list[Look]:
    return [look for look in looks if look in WALKED]


def _many(screens: dict[str, str], looks: list[Look], states: Sequence[str]) -> int:
    """How many screens are begun."""
    languages = len({look[0] for look in looks})
    each = {
        "filled": len(screens) * languages,
        "empty": sum(name not in ALONE for name in screens) * languages,
        "loading": sum(name not in ASK_NOTHING for name in screens) * languages,
        "error": sum(name not in ASK_NOTHING for name in screens) * languages,
        OPEN: len(screens) * len(_walked_looks(looks)),
    }
    return sum(each[state] for state in states)


def _tours(what: Tour, shop: Path, states: Sequence[str]) -> None:
    with chromium() as browser:
        if set(states) & {"filled", "loading", "error"}:
            tour(browser, shop, what, [state for state in states if state in ("filled", "loading", "error")])
        if "empty" in states:
            Workspace.init(shop.parent / "empty").close()
            tour(browser, shop.parent / "empty", what, ["empty"])
        if OPEN in states:
            walk(browser, shop, what, _walked_looks(what.looks))


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
        ws.campaigns.create({**CAMPAIGN, "name": "next time", "exclusion": {"group": "autumn", "share": 0.4}})
        ws.campaigns.plan("next time")
        ws.campaigns.plan("win back")
        ws.campaigns.approve("win back")
        ws.campaigns.run("win back")
        ws.journeys.create(JOURNEY)
        ws.journeys.start("come back")
        ws.journeys.advance("come back")
        _watched(ws)
    return path


def _watched(ws: Workspace) -> None:
    """What comes again: a refresh that sets off an alert, and a source with files that wait."""
    ws.alerts.add("many", "best customers", "above 100")
    ws.audiences.refresh("best customers")
    ws.sources.put_from_inbox(
        "stores", "stores-*.csv", kind="lookup", name="stores", key="store", schedule="daily 06:30"
    )
    (ws.path / "inbox" / "stores-1.csv").write_text("store,city\nS1,Berlin\n", encoding="utf-8")


def _with_token(folder: Path, person: str) -> None:
    """Somebody's API token, so that there is one to be seen."""
    with Workspace.open(folder) as ws:
        account = Accounts(ws.store).get(person)
        make_token(ws.store, account, "warehouse", ["read"], 90)


def tour(browser: Any, folder: Path, what: Tour, states: Sequence[str]) -> None:
    """All screens of one workspace, as they are, while they load, or when the server fails."""
    with served(folder) as server:
        kept = signed_in(browser, server, "Ada").page.context.storage_state()
        if "filled" in states:
            _with_token(folder, "Ada")
        for language, looks in what.by_language():
            watched = opened(browser, *looks[0], storage_state=dict(kept, origins=[]))
            for state in states:
                seen = _hindered if state in _WAYS else _shown
                seen(watched, server, what, state, looks)
            watched.page.context.close()


def _shown(watched: Watched, server: Served, what: Tour, state: str, looks: Sequence[Look]) -> None:
    """Screens as they are, each at an address of its own."""
    page, customer = watched.page, somebody(server.folder)
    for name, path in what.screens.items():
        if state == "empty" and name in ALONE:
            continue
        what.tell(f"{state} {name} {looks[0][0]}")
        watched.wrong.clear()
        # a rule names what an empty workspace lacks
        bare = path.partition("?rule=")[0] if state == "empty" else path.replace("{customer}", customer)
        page.goto(server.url + bare)
        found = [] if comes(page, READY) else [f"{name}-{state}: does not come"]
        found += _pictured(page, what.to, f"{name}-{state}", looks, look_closely=True)
        what.note([*found, *(f"{name}-{state}-{looks[0][0]}: {text}" for text in watched.wrong)])


def _pictured(page: Any, to: Path, screen: str, looks: Sequence[Look], *, look_closely: bool = False) -> list[str]:
    """A screen in each look: whether it fits its window, and what axe says where it is asked."""
    found = list[str]()
    for language, mode, width in looks:
        page.emulate_media(color_scheme=mode, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 1000})
        painted(page)
        file = f"{screen}-{language}-{mode}-{width}.png"
        if look_closely and not comes(page, READY):
            found.append(f"{file}: does not come back")
        page.screenshot(path=str(to / file), full_page=True)
        wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        found += [f"{file}: {wide} px too wide"] if wide > 0 else []
        found += [f"{file}: {text}" for text in complaints(page)] if look_closely and AXE.is_file() else []
    return found


_GO = "(to) => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }"
# What must be seen, in the screen itself: not while its script is on the way.
_SEEN = {
    "loading": "() => document.querySelector('.loading') !== null && document.querySelector('.arriving') === null",
    "error": "() => document.querySelector('[role=alert]') !== null && document.querySelector('.arriving') === null",
}


def _hindered(watched: Watched, server: Served, what: Tour, state: str, looks: Sequence[Look]) -> None:
    """Screens while the server does not answer, and when it fails: from one to the next without loading the page anew."""
    page = watched.page
    page.goto(server.url + "/data/import")
    comes(page, READY)
    page.route(lambda url: "/api/v1/" in url and not url.endswith(("/me", "/status")), _WAYS[state])
    for name, path in what.screens.items():
        if name in ASK_NOTHING:
            continue
        what.tell(f"{state} {name} {looks[0][0]}")
        watched.wrong.clear()
        page.evaluate(_GO, path.replace("{customer}", "1"))
        found = [] if comes(page, _SEEN[state]) else [f"{name}-{state}-{looks[0][0]}: does not say that it is {state}"]
        found += _pictured(page, what.to, f"{name}-{state}", looks)
        what.note([*found, *(f"{name}-{state}: {text}" for text in watched.wrong if UNLOADED not in text)])
    page.unroute_all(behavior="ignoreErrors")


def _fail(route: Any) -> None:
    body = {"code": "disk_full", "message": "The disk is full.", "place": None, "fix": "Make room, then try again."}
    route.fulfill(status=503, content_type="application/json", body=json.dumps(body))


_WAYS = {"loading": lambda route: None, "error": _fail}


if __name__ == "__main__":
    sys.exit(main())
