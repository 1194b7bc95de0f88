"""Pages for people who got a message: unsubscribing, landing pages of the library, and what is said where one is gone."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

from fastapi import FastAPI

from coterie.api.door import opened
from coterie.campaigns import records
from coterie.campaigns.content import Content, Rendering
from coterie.campaigns.library.bodies import PAGE
from coterie.campaigns.library.clean import cleaned
from coterie.campaigns.tracking import Told
from coterie.engines.duckdb import parquet
from coterie.errors import CoterieError, Failed
from coterie.workspace import Workspace

_KEPT_SECONDS = 2.0  # a page is withdrawn that much later at most
_AT_ONCE = 4  # pages made for one person: each asks the lake
_WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "unsubscribe": {
        "en": ("Unsubscribe", "Do you no longer want to get these messages?"),
        "zh": ("退订", "您不想再收到此类消息吗？"),
    },
    "unsubscribed": {
        "en": ("Unsubscribed", "You will get no more of these messages. It may take a minute until everything knows."),
        "zh": ("已退订", "您将不再收到此类消息。生效可能需要一分钟。"),
    },
    "gone": {
        "en": ("Not here any more", "This page has ended, or the link is not whole."),
        "zh": ("页面已下线", "该页面已结束，或链接不完整。"),
    },
    "later": {"en": ("One moment", "Please try again in a minute."), "zh": ("请稍候", "请一分钟后重试。")},
    "thanks": {"en": ("Thank you", "We have noted it."), "zh": ("谢谢", "我们已收到。")},
}
_BUTTON = {"en": "Yes, unsubscribe", "zh": "确认退订"}
_OTHER = {"en": ("zh", "中文"), "zh": ("en", "English")}
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.2rem}"
    "h1{font-size:1.5rem}button{font:inherit;padding:.6rem 1.4rem;border-radius:.5rem;border:1px solid;cursor:pointer}"
)


def words(key: str, language: str) -> str:
    """A small page that says one thing."""
    title, said = _WORDS[key][language]
    return _page(language, title, f"<p>{said}</p>")


def unsubscribe(language: str) -> str:
    """The page with one button: a GET alone changes nothing, since programs follow links."""
    title, said = _WORDS["unsubscribe"][language]
    other, name = _OTHER[language]
    form = f'<form method="post"><button type="submit">{_BUTTON[language]}</button></form>'
    return _page(language, title, f'<p>{said}</p>{form}<p><a href="?language={other}" lang="{other}">{name}</a></p>')


def visitor() -> str:
    """Stands for somebody whom nobody wrote to, as long as one page is open."""
    return secrets.token_hex(8)


def _page(language: str, title: str, body: str) -> str:
    return _document(language, title, f"<main><h1>{escape(title)}</h1>{body}</main>", _STYLE)


def _document(language: str, title: str, body: str, style: str = "") -> str:
    wide = '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
    head = f'<meta charset="utf-8">{wide}<title>{escape(title)}'
    shown = f"<style>{style}</style>" if style else ""
    return f'<!doctype html><html lang="{language}"><head>{head}</title>{shown}</head><body>{body}</body></html>'


class Published(NamedTuple):
    """A landing page: the version that is published, compiled, and where it leads after a conversion."""

    name: str
    version: int
    content: Content
    then: str


class Pages:
    """The landing pages of a workspace."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._kept: dict[str, tuple[float, Published | None]] = {}
        self._personal = threading.Semaphore(_AT_ONCE)

    def find(self, name: str) -> Published | None:
        """The page of that name; None where there is none, or it is not published."""
        at, page = self._kept.get(name, (-_KEPT_SECONDS, None))
        if time.monotonic() - at < _KEPT_SECONDS:
            return page
        with opened(self._app) as ws:
            page = self._read(ws, name)
        if page is not None or len(self._kept) < 1000:
            self._kept[name] = (time.monotonic(), page)
        return page

    def known(self, name: str) -> bool:
        """Whether there was such a page once."""
        with opened(self._app) as ws:
            found = ws.store.find("content", name)
            return found is not None and found.body["kind"] == PAGE and bool(ws.campaigns.library.standing(name).at)

    def shown(self, page: Published, person: Told | None, convert_url: str, language: str) -> str:
        """The page as HTML; for whom a message led there, with their values."""
        values: Mapping[str, Any] = {}
        if person is not None and page.content.variables:
            if not self._personal.acquire(timeout=5):
                raise Failed("locked", "Too many pages are being made.", place=page.name, fix="Try again.")
            try:
                with opened(self._app) as ws:
                    values = _values(ws, page, person)
            finally:
                self._personal.release()
        return self._rendered(page, values, convert_url, language, "html")

    def thanks(self, page: Published, language: str) -> str:
        """What is shown after a conversion."""
        return self._rendered(page, {}, "", language, "thanks") or words("thanks", language)

    def _read(self, ws: Workspace, name: str) -> Published | None:
        library = ws.campaigns.library
        known, standing = ws.store.find("content", name), library.standing(name)
        if known is None or known.body["kind"] != PAGE or standing.published is None:
            return None
        body = library.get(name, standing.published).body["body"]
        return Published(name, standing.published, library.page(name, standing.published), str(body.get("then", "")))

    def _rendered(self, page: Published, values: Mapping[str, Any], convert_url: str, language: str, part: str) -> str:
        given: dict[str, Any] = {**dict.fromkeys(page.content.variables), **values, "convert_url": convert_url}
        if page.content.language is not None and not given.get(page.content.language):
            given[page.content.language] = language
        try:
            parts = page.content.render(given)
        except Rendering as error:
            raise Failed("internal", error.reason, place=page.name, fix="Give missing values a default.") from None
        if not parts.get(part):
            return ""
        shown = str(given.get(page.content.language or "") or language).split("-")[0]
        return _document(shown if shown in _OTHER else language, str(parts["title"]), cleaned(str(parts[part])))


def _values(ws: Workspace, page: Published, person: Told) -> Mapping[str, Any]:
    """The values of whom a message led there; none where they were erased."""
    run = str(ws.store.get(records.TOKEN, person.run).body["run"])
    plan = ws.campaigns.plan_file(run)
    if not plan.exists():
        return {}
    with ws.engine.cursor() as engine:
        rows = engine.rows(f"SELECT entity FROM {parquet(plan)} WHERE n = ?", [person.n])
    kind = ws.campaigns.records.occurrence(run.rpartition("@")[0], run).entity_kind
    try:
        return ws.campaigns.library.values_of(page.content, str(rows[0][0]), kind) if rows else {}
    except CoterieError:
        return {}
