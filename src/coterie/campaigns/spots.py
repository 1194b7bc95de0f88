"""Where a template has links: they are found in its source, so that nothing that a customer's data say becomes one.

A link that is the same for all becomes `{{ _links[N] }}`; one with values of the recipient is wrapped into
`{% filter _track(N) %}...{% endfilter %}`. Links whose host is not written out stay as they are: where they lead nobody
has said, and so no redirect may lead there.
"""

from __future__ import annotations

import html as markup
import re
from typing import NamedTuple

TEXTS = ("text", "body", "url", "deep_link")  # parts without markup in which links are tracked
_JINJA = r"\{\{.*?\}\}|\{%.*?%\}|\{\#.*?\#\}"
_RAW = r"\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}"
_IN_HTML = re.compile(
    rf"""(?P<other>{_RAW}|<!--.*?-->)|(?P<before><a(?:rea)?\s(?:{_JINJA}|[^<>{{])*?\bhref\s*=\s*)(?P<quote>["'])"""
    rf"""(?P<link>(?:{_JINJA}|(?!(?P=quote))[^<>])*)(?P=quote)""",
    re.IGNORECASE | re.DOTALL,
)
_IN_TEXT = re.compile(
    rf"""(?P<other>{_RAW})|(?P<link>https?://(?:{_JINJA}|(?!["'<>(){{}}])[!-~])+)|{_JINJA}""", re.DOTALL
)
_HOST = re.compile(r"https?://([^/?#{}\s@\\]+)(?=[/?#]|$)", re.IGNORECASE)
_END = ".,;:!?"  # after a link in a text these belong to the sentence, as does every letter that is not ASCII


class Source(NamedTuple):
    """A link as a template writes it.

    text : in HTML with its entities. personal : whether it has values of the recipient; host : where it leads.
    """

    text: str
    html: bool
    personal: bool
    host: str

    @property
    def url(self) -> str:
        """The address; with the template's expressions where it is personal."""
        return markup.unescape(self.text).strip() if self.html else self.text


def rewritten(source: str, html: bool, found: list[Source]) -> str:
    """The template with its links as places to fill; those are added to `found`, each once.

    >>> links = []
    >>> rewritten('<a href="https://a.example/x">A</a> <a class=b href="https://a.example/?i={{ id }}">B</a>', True, links)
    '<a href="{{ _links[0] }}">A</a> <a class=b href="{% filter _track(1) %}https://a.example/?i={{ id }}{% endfilter +%}">B</a>'
    >>> [(link.url, link.personal, link.host) for link in links][0]
    ('https://a.example/x', False, 'a.example')
    >>> rewritten("Look at https://a.example/x, {{ name }}: {{ url }} https://{{ host }}/", False, links)
    'Look at {{ _links[2] }}, {{ name }}: {{ url }} https://{{ host }}/'
    """

    def _placed(match: re.Match[str]) -> str:
        link = match["link"]
        if not link or match["other"]:
            return match[0]
        shown = link if html else link.rstrip(_END)
        if (made := _source(shown, html)) is None:
            return match[0]
        if made not in found:
            found.append(made)
        n = found.index(made)
        place = f"{{% filter _track({n}) %}}{shown}{{% endfilter +%}}" if made.personal else f"{{{{ _links[{n}] }}}}"
        if html:
            return f"{match['before']}{match['quote']}{place}{match['quote']}"
        return place + link[len(shown) :]

    return (_IN_HTML if html else _IN_TEXT).sub(_placed, source)


def _source(link: str, html: bool) -> Source | None:
    plain = markup.unescape(link).strip() if html else link
    host = _HOST.match(plain)
    personal = "{{" in link or "{%" in link
    return Source(link, html, personal, host[1]) if host is not None else None
