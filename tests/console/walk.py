"""Every dialog, menu and drop-down of every screen, opened, pictured, and looked at by axe: a part of `make console-tour`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.console.browser import READY, comes, complaints, opened, painted, served, signed_in, somebody
from tests.console.latin import data_words, latin_seen

UNLOADED = "Failed to load resource"  # what chromium says of every answer that is a refusal
MOST_OPENED = 120  # of a screen; more means that what is opened makes new ones without end
# What can be opened gets a key: what it is called, within what. Rows of a table and items of a list repeat their first one,
# so that those are left out; a page's own links lead to other screens.
_OPENERS = """() => {
  const said = (e) => e.getAttribute("aria-label") || e.labels?.[0]?.innerText || e.innerText || e.title || e.id || e.className;
  const named = (e) => said(e).trim().split("\\n")[0].slice(0, 40);
  const repeats = (e) => {
    if (e.matches(".tree-item + .tree-item")) return true;
    for (let at = e.parentElement; at !== null && at.tagName !== "MAIN"; at = at.parentElement) {
      const before = at.previousElementSibling;
      if (["TR", "LI", "ARTICLE"].includes(at.tagName) && before?.tagName === at.tagName && !before.matches(".ant-table-measure-row")) return true;
    }
    return false;
  };
  for (const old of document.querySelectorAll("[data-opener]")) delete old.dataset.opener;
  const seen = new Map();
  for (const e of document.querySelectorAll("main button, main [role=combobox], main [aria-haspopup], header button")) {
    if (e.disabled || !e.checkVisibility() || repeats(e)) continue;
    const within = e.closest(".topbar") ? null : e.closest("[role=group], [role=region], [role=tabpanel], section, fieldset");
    const name = `${e.closest(".topbar") ? "topbar" : within ? named(within) : ""}|${e.getAttribute("role") ?? e.tagName}|${named(e)}`;
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    if (times <= 2) e.dataset.opener = `${name}#${times}`;
  }
  return [...document.querySelectorAll("[data-opener]")].map((e) => e.dataset.opener);
}"""
_OPEN = ".ant-modal-wrap, .ant-drawer, .ant-popover, .ant-dropdown, .ant-select-dropdown, .ant-picker-dropdown"
_MARK = """(open) => {
  for (const old of document.querySelectorAll("[data-walked]")) delete old.dataset.walked;
  const there = [...document.querySelectorAll(open)].filter((e) => e.checkVisibility() && !/-hidden|-leave/.test(e.className));
  for (const found of there) found.dataset.walked = "true";
  return there.length;
}"""
_INNER = "[data-walked] [role=combobox]:enabled:visible"


class Walked(Protocol):
    """What the walk is of: where pictures go, which screens, and who hears how far it is and what is wrong."""

    @property
    def to(self) -> Path:
        """The folder of the pictures."""

    @property
    def screens(self) -> dict[str, str]:
        """Addresses by name."""

    def tell(self, what: str, /) -> None:
        """One more screen is begun."""

    def note(self, lines: Sequence[str]) -> None:
        """What is wrong with a screen."""


def walk(browser: Any, folder: Path, what: Walked, looks: Sequence[tuple[str, str, int]]) -> None:
    """Press every button and drop-down of every screen; what opens is pictured, and axe looks at it.

    What is pressed may change the shop, so it is one that nobody needs afterwards.
    """
    known, customer = data_words(folder), somebody(folder)
    with served(folder) as server:
        kept = signed_in(browser, server, "Ada").page.context.storage_state()
        for language, mode, width in looks:
            watched = opened(browser, language, mode, width, storage_state=dict(kept, origins=[]))
            done: dict[str, set[str]] = {}  # by path, since the tabs of a screen share what stands above them
            above: set[str] = set()  # in the bar that all screens share
            for name, path in what.screens.items():
                look = f"{name}-{language}-{mode}-{width}"
                what.tell(f"open {look}")
                opened_here = done.setdefault(path.partition("?")[0], set())
                opened_here |= above
                asked = Asked(what.to, look, known if language == "zh" else None, opened_here, folder)
                found = _walked(watched.page, server.url + path.replace("{customer}", customer), asked)
                what.note([*found, *(f"{look}: {text}" for text in watched.wrong if UNLOADED not in text)])
                watched.wrong.clear()
                above |= {one for one in opened_here if one.startswith("topbar|")}
            watched.page.context.close()


@dataclass(frozen=True)
class Asked:
    """What is asked of one screen: pictures into `to`; `known` are the words of the data, None where it is not Chinese.

    done : what was opened already; folder : of the workspace, where names may come while one walks.
    """

    to: Path
    screen: str
    known: frozenset[str] | None
    done: set[str]
    folder: Path
    read: set[str] = field(default_factory=set)  # the Latin texts that were told already

    def looked(self, page: Any, number: str, opener: str) -> list[str]:
        """A picture of what is open, with what axe says of it, and the Latin texts of a Chinese one."""
        picture = self.to / f"{self.screen}-open-{number}.png"
        page.screenshot(path=str(picture))
        found = complaints(page, "[data-walked]")
        if self.known is not None:
            odd = latin_seen(page, self.known) and latin_seen(page, data_words(self.folder))
            new = set(odd) - self.read
            self.read.update(new)
            found += [f"in Latin letters: {text}" for text in sorted(new)]
        return [f"{picture.name} ({opener}): {text}" for text in found]


def _walked(page: Any, where: str, asked: Asked) -> list[str]:
    found, number = list[str](), 0
    _gone_to(page, where)
    while (name := _next(page, asked.done)) is not None:
        if number == MOST_OPENED:
            return [*found, f"{asked.screen}: more than {MOST_OPENED} things can be opened"]
        number += 1
        asked.done.add(name)
        if _pressed(page.locator(_with_name(name)).first):
            painted(page)
            if page.evaluate(_MARK, _OPEN):
                comes(page, READY)  # what opens may have to be fetched
                painted(page)
                found += asked.looked(page, str(number), name)
            found += _opened_within(page, asked, str(number), name)
        page.keyboard.press("Escape")
        painted(page)
        if page.url != where or page.evaluate(_MARK, _OPEN):
            _gone_to(page, where)
    return found


def _gone_to(page: Any, where: str) -> None:
    page.goto(where)
    comes(page, READY)


def _next(page: Any, done: set[str]) -> str | None:
    """The first thing that was not opened yet."""
    return next((name for name in page.evaluate(_OPENERS) if name not in done), None)


def _with_name(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\a ")
    return f'[data-opener="{escaped}"]'


def _opened_within(page: Any, asked: Asked, place: str, name: str) -> list[str]:
    """The drop-downs of the dialog that is open, one after the other."""
    found = list[str]()
    if not page.evaluate(_MARK, ".ant-modal-wrap, .ant-drawer, .ant-popover"):
        return found
    for number in range(page.locator(_INNER).count()):
        box = page.locator(_INNER).nth(number)
        if _pressed(box):
            painted(page)
            if page.evaluate(_MARK, ".ant-select-dropdown, .ant-picker-dropdown"):
                found += asked.looked(page, f"{place}-{number}", name)
            _pressed(box)  # again, which closes it, where Escape might close the dialog
        if not page.evaluate(_MARK, ".ant-modal-wrap, .ant-drawer, .ant-popover"):
            break
    return found


def _pressed(opener: Any) -> bool:
    """Whether it could be pressed: some lie under others, or go while one comes."""
    from playwright.sync_api import Error

    try:
        opener.click(timeout=1_500)
    except Error:
        return False
    return True
