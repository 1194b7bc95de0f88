"""What a message says: Jinja templates in a sandbox, with tags as variables, defaults and variants by language.

    {{ name }}, your last order was {{ rfm.recency_days }} days ago. {{ tag("a name with blanks") }}

A part that is HTML is escaped. Nothing that a template says can reach more than the values it is given
(https://jinja.palletsprojects.com/en/stable/sandbox/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from coterie.errors import Refused, did_you_mean

OWN = ("entity", "campaign", "arm", "unsubscribe_url")  # what every template has beside tags
_LINK = re.compile(r"""(?:href|src)\s*=\s*["']([^"']*)["']|(https?://[^\s"'<>)]+)""", re.IGNORECASE)
_SCHEMES = ("http", "https", "mailto", "tel")
_CALLED = "tag()"  # before a name that was given as tag("NAME")
_LARGEST = 1_000_000  # characters of a rendered part: a runaway loop is stopped there


class Rendering(Exception):
    """A message that could not be rendered for one recipient; `reason` goes into its failure."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Plain:
    """A template that only shows values between texts, as most do: put together five times as fast as by Jinja.

    pieces : texts at even places, names of values at odd ones.
    """

    pieces: tuple[str, ...]
    escaped: bool

    def fill(self, values: Mapping[str, Any]) -> str:
        """The text for one recipient."""
        made = list(self.pieces)
        for place in range(1, len(made), 2):
            value = values.get(made[place])
            shown = "" if value is None else str(value)
            made[place] = str(escape(shown)) if self.escaped else shown
        return "".join(made)


@dataclass(frozen=True)
class Message:
    """Compiled content of one arm and language.

    parts : by name, a template, or a value that is sent as it is. variables : the tags that it names.
    guarded : those of them that the template gives a default itself.
    """

    parts: Mapping[str, Plain | Template | Any]
    variables: frozenset[str]
    guarded: frozenset[str]

    def render(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The parts for one recipient. Raises Rendering: the template fails on these values."""
        given = nested(values) if self.elaborate else {}
        return {
            name: part.fill(values) if isinstance(part, Plain) else _filled(part, given, name)
            for name, part in self.parts.items()
        }

    @cached_property
    def elaborate(self) -> bool:
        """Whether any part does more than to show values."""
        return any(isinstance(part, Template) for part in self.parts.values())


@dataclass(frozen=True)
class Content:
    """All that one arm may say: the message, and its variants by language.

    language : the tag that chooses the variant. defaults : values of tags for those who have none.
    """

    message: Message
    variants: Mapping[str, Message]
    language: str | None
    defaults: Mapping[str, Any]

    @property
    def variables(self) -> frozenset[str]:
        """The tags that are read for it."""
        found = frozenset().union(self.message.variables, *(m.variables for m in self.variants.values()))
        return found | {self.language} if self.language is not None else found

    @property
    def needed(self) -> frozenset[str]:
        """The tags whose absence leaves a hole in the text: those that nothing gives a default."""
        messages = (self.message, *self.variants.values())
        return frozenset().union(*(m.variables - m.guarded for m in messages)) - set(self.defaults)

    def render(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The parts for one recipient, in their language. Raises Rendering."""
        chosen = str(values.get(self.language) or "") if self.language else ""
        message = self.variants.get(chosen) or self.variants.get(chosen.split("-")[0]) or self.message
        given = dict(values)
        for name, value in self.defaults.items():
            if given.get(name) in (None, ""):
                given[name] = value
        return message.render(given)


def compile_content(given: Mapping[str, Any], known: Iterable[str], html: Iterable[str] = ()) -> Content:
    """Compile what a campaign says.

    given : parts by name, and beside them `variants` (parts by language), `language` (a tag) and `defaults`.
    known : the tags there are; html : parts that are HTML.

    >>> made = compile_content({"text": "Hello {{ name }}!", "defaults": {"name": "friend"}}, ["name"])
    >>> made.render({"name": "Ada"})["text"], made.render({"name": None})["text"]
    ('Hello Ada!', 'Hello friend!')

    Raises Refused(`bad_template`): a mistake with its line, or a variable that is no tag.
    """
    known = frozenset(known)
    apart = {k: given.get(k) for k in ("variants", "language", "defaults")}
    own = {k: v for k, v in given.items() if k not in apart}
    variants = {
        str(language): compile_message({**own, **parts}, known, html, f"content.variants.{language}")
        for language, parts in (apart["variants"] or {}).items()
    }
    defaults = dict(apart["defaults"] or {})
    language = apart["language"] or ("language" if variants and "language" in known else None)
    for name in (*defaults, *([language] if language else ())):
        if name not in known:
            raise _unknown(name, known, "content.defaults" if name in defaults else "content.language")
    if variants and language is None:
        fix = "Write language: TAG."
        raise Refused("bad_campaign", "Variants need a tag that chooses one.", place="content.language", fix=fix)
    return Content(compile_message(own, known, html, "content"), variants, language, defaults)


def compile_message(given: Mapping[str, Any], known: frozenset[str], html: Iterable[str], place: str) -> Message:
    """Compile the parts of one message."""
    made: dict[str, Any] = {}
    used: set[str] = set()
    guarded: set[str] = set()
    escaped = set(html)
    for name, part in given.items():
        if not isinstance(part, str):
            made[name] = part
            continue
        found, safe = _variables(part, known, f"{place}.{name}")
        used, guarded = used | found, guarded | safe
        made[name] = _plain(part, known, name in escaped) or _compiled(part, name in escaped)
    return Message(made, frozenset(used), frozenset(guarded))


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted name as templates reach them; all of them again under `tag(NAME)`.

    >>> made = nested({"rfm.r": 5, "rfm.f": 4, "name": "Ada"})
    >>> made["rfm"], made["tag"]("rfm.r")
    ({'r': 5, 'f': 4}, 5)
    """
    made: dict[str, Any] = dict(values)
    for name in [n for n in values if "." in n]:
        *path, last = name.split(".")
        inside = made
        for step in path:
            found = inside.get(step)
            inside[step] = inside = dict(found) if isinstance(found, dict) else {}
        inside[last] = values[name]
    made["tag"] = values.get
    return made


def links(parts: Mapping[str, Any]) -> list[str]:
    """The addresses that rendered parts lead to."""
    texts = [part for part in parts.values() if isinstance(part, str)]
    return list(dict.fromkeys(a or b for text in texts for a, b in _LINK.findall(text)))


def bad_links(parts: Mapping[str, Any]) -> list[str]:
    """Sentences on links that lead nowhere.

    >>> bad_links({"html": '<a href="htp://x">a</a> <a href="https://example.com/a">b</a>'})
    ['The link "htp://x" leads nowhere.']
    """
    return [f'The link "{link}" leads nowhere.' for link in links(parts) if not _leads(link)]


def _leads(link: str) -> bool:
    try:
        found = urlsplit(link)
    except ValueError:
        return False
    inside = link.startswith(("#", "cid:"))
    return inside or (found.scheme in _SCHEMES and bool(found.netloc or found.scheme in ("mailto", "tel")))


@cache
def _environment(escape: bool) -> ImmutableSandboxedEnvironment:
    def shown(value: Any) -> Any:
        return "" if value is None else value

    return ImmutableSandboxedEnvironment(
        autoescape=escape, finalize=shown, trim_blocks=True, keep_trailing_newline=True
    )


@cache
def _compiled(text: str, escape: bool) -> Template:
    return _environment(escape).from_string(text)


def _plain(text: str, known: frozenset[str], escaped: bool) -> Plain | None:
    """The template as texts and values; None where it does more."""
    pieces = [""]
    for statement in _environment(escaped).parse(text).body:
        if not isinstance(statement, nodes.Output):
            return None
        for node in statement.nodes:
            name = ".".join(_dotted(node) or ())
            if isinstance(node, nodes.TemplateData):
                pieces[-1] += node.data
            elif name in known or name in OWN:
                pieces += [name, ""]
            else:
                return None
    return Plain(tuple(pieces), escaped)


def _variables(text: str, known: frozenset[str], place: str) -> tuple[set[str], set[str]]:
    """The tags that a template names, and those of them that it gives a default."""
    environment = _environment(False)
    try:
        tree = environment.parse(text)
        environment.compile(tree)  # unknown filters and tests show only here
    except TemplateSyntaxError as error:
        fix = "Check the braces and the names of filters."
        said = str(error.message or "it cannot be read").rstrip(".")
        raise Refused("bad_template", f"{said}.", place=f"{place}:{error.lineno}", fix=fix) from None
    except TemplateError as error:
        raise Refused("bad_template", f"{error.message}.", place=place, fix="Check the names of filters.") from None
    roots = meta.find_undeclared_variables(tree)
    found: dict[str, set[bool]] = {}
    for path, line, safe in _paths(tree, False):
        called = path[0] == _CALLED
        if called or (path[0] in roots and path[0] not in OWN):
            path = path[called:]
            found.setdefault(_tag(path, known, f"{place}:{line}"), set()).add(safe)
    return set(found), {name for name, safe in found.items() if safe == {True}}


def _paths(node: nodes.Node, safe: bool) -> Iterable[tuple[tuple[str, ...], int, bool]]:
    """Dotted names in a template, with line, and whether they stand under the filter `default`."""
    if isinstance(node, nodes.Filter) and node.name in ("default", "d"):
        safe = True
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "tag":
        if len(node.args) == 1 and isinstance(node.args[0], nodes.Const):
            yield (_CALLED, str(node.args[0].value)), node.lineno, safe
            return
    path = _dotted(node)
    if path is not None:
        yield path, node.lineno, safe
        return
    for child in node.iter_child_nodes():
        yield from _paths(child, safe)


def _dotted(node: nodes.Node) -> tuple[str, ...] | None:
    match node:
        case nodes.Name(name=name, ctx="load"):
            return (name,)
        case nodes.Getattr(node=inner, attr=name):
            path = _dotted(inner)
            return None if path is None else (*path, name)
        case _:
            return None


def _tag(path: tuple[str, ...], known: frozenset[str], place: str) -> str:
    """The tag of a dotted name: `name.upper` is the tag `name`, and what the template does with it."""
    for length in range(len(path), 0, -1):
        name = ".".join(path[:length])
        if name in known:
            return name
    raise _unknown(".".join(path), known, place)


def _unknown(name: str, known: Iterable[str], place: str) -> Refused:
    fix = did_you_mean(name, known) or 'Name a tag, or write tag("NAME") where it has blanks.'
    return Refused("bad_template", f'There is no tag "{name}".', place=place, fix=fix)


def _filled(part: Any, values: Mapping[str, Any], name: str) -> Any:
    if not isinstance(part, Template):
        return part
    try:
        # `part.render` would chain the globals anew for each message, which takes longer than the message itself
        inside = part.environment
        context = inside.context_class(inside, {**inside.globals, **values}, part.name, part.blocks)
        text = "".join(part.root_render_func(context))
    except (
        TemplateError,
        SecurityError,
        ArithmeticError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
    ) as error:
        raise Rendering(f"{name}: {type(error).__name__}: {error}") from None
    if len(text) > _LARGEST:
        raise Rendering(f"{name}: more than {_LARGEST:,} characters")
    return text
