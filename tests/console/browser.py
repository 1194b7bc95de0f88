"""A browser that drives the console as a person would, and a server of its own workspace."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import coterie
from coterie.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
STATIC = Path(coterie.__file__).parent / "static"
AXE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS = 30_000  # on a busy machine pages are ten times slower than on a quiet one
PASSWORD = "a sentence to remember"
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SOFTWARE_GL = (
    *(flag for flag in _FLAGS if flag != "--disable-gpu"), "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
)  # fmt: skip
# What the browser writes into its console by itself: where the story meets a conflict, and of drawing without a graphics card.
_EXPECTED = ("409 (Conflict)", "GL Driver Message")


@dataclass(frozen=True)
class Served:
    """A running server: its address, the one-time token, the folder of its workspace."""

    url: str
    token: str | None
    folder: Path


@dataclass
class Watched:
    """A page, and what went wrong on it: errors of scripts, of the console, of the content security policy."""

    page: Any
    wrong: list[str] = field(default_factory=list)

    def hear(self) -> Watched:
        """Begin to listen."""
        self.page.on(
            "console", lambda m: m.type in ("error", "warning") and self._note(f"{m.text} {m.location.get('url', '')}")
        )
        self.page.on("pageerror", lambda error: self._note(str(error)))
        return self

    def _note(self, text: str) -> None:
        if not any(expected in text for expected in _EXPECTED):
            self.wrong.append(text[:500])


def require_browser() -> str:
    """The path of chromium; where it, the console or Playwright is missing, the test is skipped and says so."""
    pytest.importorskip("playwright", reason="playwright is not installed")
    if not (STATIC / "index.html").is_file():
        pytest.skip("the console is not built: run `make console`")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium is installed")
    return found


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """`coterie serve` of a workspace, on a free port."""
    command = [str(Path(sys.executable).parent / "coterie"), "-w", str(folder), "serve", "--json", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield Served(told["url"], told["setup_token"], folder)
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()  # one that does not end fails here, and is not waited for again


@contextmanager
def chromium(flags: Sequence[str] = _FLAGS) -> Iterator[Any]:
    """A browser without a window; `SOFTWARE_GL` are the flags of one that draws by WebGL without a graphics card."""
    path = require_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(flags))
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Any, language: str = "en", mode: str = "light", width: int = 1440, **options: Any) -> Watched:
    """A page in a context of its own, in a language, colours and a width."""
    locale = "zh-CN" if language == "zh" else "en-GB"
    context = browser.new_context(
        viewport={"width": width, "height": 1000}, locale=locale, color_scheme=mode, reduced_motion="reduce", **options
    )
    context.set_default_timeout(PATIENCE_MS)
    return Watched(context.new_page()).hear()


def signed_in(browser: Any, server: Served, name: str, **look: Any) -> Watched:
    """A page of somebody who signs in through the form, or through first-run set-up where there is nobody yet."""
    watched = opened(browser, **look)
    page = watched.page
    page.goto(server.url)
    words = _DOOR[look.get("language", "en")]
    page.get_by_label(words["password"], exact=True).wait_for()
    if page.get_by_label(words["token"]).count():
        page.get_by_label(words["token"]).fill(server.token)
    page.get_by_label(words["name"]).fill(name)
    page.get_by_label(words["password"], exact=True).fill(PASSWORD)
    page.locator("form button[type=submit]").click()
    page.get_by_role("navigation", name=words["menu"]).first.wait_for(state="attached")
    return watched


_DOOR = {
    "en": {"token": "One-time token", "name": "Your name", "password": "Password", "menu": "Main navigation"},
    "zh": {"token": "一次性令牌", "name": "用户名", "password": "密码", "menu": "主导航"},
}


# A screen is there when its title is, nothing of it is on the way, and its charts are drawn.
READY = """() => document.querySelector('h1') && !document.querySelector('.loading, .ant-spin-spinning, .report-waiting')
  && [...document.querySelectorAll('.chart-place')].every((chart) => chart.dataset.drawn === 'true')"""


def comes(page: Any, condition: str) -> bool:
    """Whether a condition comes to hold in time."""
    from playwright.sync_api import TimeoutError

    try:
        page.wait_for_function(condition, timeout=PATIENCE_MS)
    except TimeoutError:
        return False
    return True


def painted(page: Any) -> None:
    """Wait until what has changed is on the screen: animations are off, so that two frames are enough."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def somebody(folder: Path) -> str:
    """A customer of the workspace who is in some audience, or `1` where there is none."""
    with Workspace.open(folder, read_only=True) as ws:
        names = [row["audience"] for row in ws.audiences.rows() if row["count"]]
        return str(ws.audiences.members(names[0], limit=1)["members"][0]) if names else "1"


def complaints(page: Any, within: str | None = None) -> list[str]:
    """What axe finds wrong with the page as it stands, or with what a selector finds: WCAG 2.2 A and AA, good practice."""
    if not AXE.is_file():
        return []  # a wheel has no node_modules; `make test` installs them
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    run = """async (within) => {
      const found = await axe.run(within === null ? document : { include: [[within]] }, {
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
      });
      // The list of a drop-down is moved by the arrow keys of its box, and needs no focus of its own.
      const byItsBox = (v, n) => v.id === "scrollable-region-focusable" && n.html.includes("ant-select-dropdown-list-holder");
      for (const v of found.violations) v.nodes = v.nodes.filter((n) => !byItsBox(v, n));
      return found.violations.filter((v) => v.nodes.length > 0).map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
    }"""
    found: list[str] = page.evaluate(run, within)
    return found
