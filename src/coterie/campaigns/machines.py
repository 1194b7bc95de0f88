"""Programs that follow links and load images before anybody reads a message: scanners of mail, prefetchers, previews.

What they do is kept and marked, by what they say of themselves: `Purpose` and `Sec-Purpose` headers, names of known
scanners and previews, and no name at all. A bare `Mozilla/5.0` is how Apple's Mail Privacy Protection loads every image
of every message, read or not. Google's and Yahoo's image proxies load an image when the message is opened, so they count.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

_SCANNERS = re.compile(
    r"barracuda|mimecast|proofpoint|symantec|messagelabs|trendmicro|trend micro|fireeye|forcepoint|sophos|cloudmark|ironport"
    r"|safelinks|microsoft office|bingpreview|skypeuripreview|slackbot|slack-imgproxy|whatsapp|telegrambot|twitterbot"
    r"|facebookexternalhit|linkedinbot|discordbot|googlebot|adsbot|yandex|baiduspider|applebot|headlesschrome|phantomjs"
    r"|crawler|spider|scanner|prefetch|preview|\bbot\b|python-requests|python-urllib|aiohttp|httpx|curl/|wget/|go-http-client"
    r"|okhttp|java/|libwww|apache-httpclient|axios|node-fetch",
    re.IGNORECASE,
)
_PURPOSES = (b"purpose", b"sec-purpose", b"x-purpose", b"x-moz")


def machine(header: Callable[[bytes], str]) -> str:
    """Why a request is a program's; empty where it may be a person's.

    header : gives a request's header by its name in small letters, or an empty text.

    >>> machine({b"user-agent": "Barracuda Sentinel (EE)"}.get), machine(lambda name: "")
    ('scanner', 'no name')
    >>> machine({b"user-agent": "Mozilla/5.0 (iPhone) Mobile/15E148", b"purpose": "prefetch"}.get)
    'prefetch'
    >>> machine({b"user-agent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko (via ggpht.com GoogleImageProxy)"}.get)
    ''
    """
    said = "".join([header(name) or "" for name in _PURPOSES]).lower()
    if "prefetch" in said or "preview" in said or "prerender" in said:
        return "prefetch"
    return _by_name((header(b"user-agent") or "").strip())


@lru_cache(maxsize=8192)
def _by_name(agent: str) -> str:
    """Kept, since few names make most requests, and the search takes longer than all the rest of a redirect."""
    if not agent:
        return "no name"
    if agent == "Mozilla/5.0":
        return "privacy proxy"
    return "scanner" if _SCANNERS.search(agent) else ""
