"""HTML that people wrote, reduced to what can do no harm: known elements and attributes, links that lead over HTTP.

A landing page is shown under our own address. No script may run there in any case, by the policy that is sent along;
this is the second wall. What is unknown is left out, with its content where that is no text (`script`, `style`).
"""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

_FLOW = (
    "a abbr address area article aside b blockquote br button caption center cite code col colgroup dd del details dfn div"
    " dl dt em fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr i img input ins kbd label legend li main"
    " map mark nav ol option p picture pre q s samp section select small source span strong sub summary sup table tbody td"
    " textarea tfoot th thead time tr u ul var"
)
_NO_END = "area br col hr img input source"
_NO_TEXT = "script style iframe object noscript svg math title head"
_NAMES = (
    "align alt aria-label aria-hidden border cellpadding cellspacing checked class colspan coords dir disabled for height"
    " id lang maxlength name placeholder required role rowspan selected shape size span start style title type value width"
    " href src action"
)
ELEMENTS, EMPTY, ATTRIBUTES = (frozenset(names.split()) for names in (_FLOW, _NO_END, _NAMES))
_SILENT = frozenset(_NO_TEXT.split())
_LINKS = {
    "href": ("http:", "https:", "mailto:", "tel:", "#"),
    "src": ("http:", "https:", "data:image/"),
    "action": ("/p/",),
}


def cleaned(html: str) -> str:
    """HTML without anything that runs, loads or leads where it should not.

    >>> cleaned('<p onclick="x()">Hi <a href="javascript:x()">a</a><script>x()</script><b>there</p>')
    '<p>Hi <a>a</a><b>there</b></p>'
    >>> cleaned('<a href="https://a.example/?x=1&amp;y=2" target=_top>go</a><img src=x onerror=y>&lt;')
    '<a href="https://a.example/?x=1&amp;y=2" rel="noopener noreferrer">go</a><img>&lt;'
    """
    made = _Cleaning()
    made.feed(html)
    made.close()
    return made.result()


class _Cleaning(HTMLParser):
    """Writes what may stay."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._open: list[str] = []
        self._silent = 0

    def result(self) -> str:
        """What was kept, with everything closed."""
        return "".join([*self._out, *(f"</{tag}>" for tag in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag in _SILENT:
            self._silent += 1
        if self._silent or tag not in ELEMENTS:
            return
        kept = [(n, v or "") for n, v in attrs if n in ATTRIBUTES and _harmless(n, v or "")]
        if tag == "form":
            kept.append(("method", "post"))
        if tag == "a" and any(n == "href" for n, _ in kept):
            kept.append(("rel", "noopener noreferrer"))
        self._out.append(f"<{tag}{''.join(f' {n}=' + chr(34) + escape(v) + chr(34) for n, v in kept)}>")
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends, and all that was left open in it."""
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif not self._silent and tag in self._open:
            while (inner := self._open.pop()) != tag:
                self._out.append(f"</{inner}>")
            self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Text."""
        if not self._silent:
            self._out.append(escape(data, quote=False))


def _harmless(name: str, value: str) -> bool:
    said = "".join(value.split()).lower()
    if name in _LINKS:
        return said.startswith(_LINKS[name]) and "\\" not in said
    return name != "style" or not any(odd in said for odd in ("url(", "expression(", "@import", "\\"))
