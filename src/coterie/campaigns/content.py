"""What a message says: Jinja templates in a sandbox, with tags as variables, defaults and variants by language.

    {{ name }}, your last order was {{ rfm.recency_days }} days ago. {{ tag("a name with blanks") }}
    {{ block("offer") }} is dynamic copy of the library, {{ page("spring") }} the address of a landing page.

A part that is HTML is escaped. Nothing that a template says can reach more than the values it is given
(https://jinja.palletsprojects.com/en/stable/sandbox/). Links are found while it is compiled (`spots`); whoever renders
says what stands in their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from jinja2 import Template, TemplateError, TemplateSyntaxError, meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from coterie.campaigns.spots import TEXTS, Source, rewritten
from coterie.errors import Refused, did_you_mean

OWN = ("entity", "campaign", "arm", "unsubscribe_url", "convert_url")  # what every template has beside tags
_LINK = re.compile(r"""(?:href|src)\s*=\s*["']([^"']*)["']|(https?://[^\s"'<>)]+)""", re.IGNORECASE)
_SCHEMES = ("http", "https", "mailto", "tel")
_CALLED = "tag()"  # before a name that was given as tag("NAME")
_CALLS = ("block", "page")  # of the library, by a name in quotes
_MOST_POWER = 64
_LARGEST = 1_000_000  # characters of a rendered part: a runaway loop is stopped there


class Rendering(Exception):
    """A message that could not be rendered for one recipient; `reason` goes into its failure."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Links(Protocol):
    """What stands in the places of links, for one recipient."""

    def constants(self, sources: Sequence[Source]) -> Sequence[str]:
        """Addresses of links that are the same for all, in order; for the others anything."""
        ...

    def personal(self, source: Source, filled: str) -> str:
        """The address of a link that was filled for this recipient."""
        ...

    def page(self, name: str) -> str:
        """The address of a landing page."""
        ...


class Untracked:
    """Links as the template writes them: of previews, and where nobody can reach us."""

    def constants(self, sources: Sequence[Source]) -> Sequence[str]:
        """As they are written."""
        return [Markup(source.text) for source in sources]

    def personal(self, source: Source, filled: str) -> str:
        """As it was filled."""
        return filled

    def page(self, name: str) -> str:
        """The page for everybody."""
        return f"/p/{quote(name, safe='')}"


UNTRACKED = Untracked()


@dataclass(frozen=True)
class Plain:
    """A template that only shows values between texts, as most do: put together five times as fast as by Jinja.

    pieces : texts at even places; at odd ones names of values, or numbers of links.
    """

    pieces: tuple[str | int, ...]
    escaped: bool

    def fill(self, values: Mapping[str, Any], places: Sequence[str]) -> str:
        """The text for one recipient."""
        made: list[Any] = list(self.pieces)
        for place, number in self._addresses:
            made[place] = str(places[number])  # joining would escape what stands beside an address that is marked safe
        for place, name in self._names:
            value = values.get(name)
            shown = "" if value is None else str(value)
            made[place] = str(escape(shown)) if self.escaped else shown
        return "".join(made)

    @cached_property
    def _names(self) -> list[tuple[int, str]]:
        return [(place, name) for place, name in enumerate(self.pieces) if place % 2 and isinstance(name, str)]

    @cached_property
    def _addresses(self) -> list[tuple[int, int]]:
        return [(place, number) for place, number in enumerate(self.pieces) if isinstance(number, int)]


class Block(Protocol):
    """Dynamic copy of the library, compiled."""

    @property
    def messages(self) -> Sequence[Message]:
        """All its variants."""
        ...

    @property
    def variables(self) -> frozenset[str]:
        """The tags that choose a variant."""
        ...

    def choose(self, values: Mapping[str, Any]) -> Message:
        """The variant for one customer."""
        ...


@dataclass(frozen=True)
class Message:
    """Compiled content of one arm and language.

    parts : by name, a template, or a value that is sent as it is. variables : the tags that it names.
    guarded : those of them that the template gives a default itself. html : parts that are HTML.
    links : by number. blocks : dynamic copy by name. pages : landing pages that it leads to.
    """

    parts: Mapping[str, Plain | Template | Any]
    variables: frozenset[str]
    guarded: frozenset[str]
    html: frozenset[str] = frozenset()
    links: tuple[Source, ...] = ()
    blocks: Mapping[str, Block] = field(default_factory=dict)
    pages: frozenset[str] = frozenset()

    def render(
        self, values: Mapping[str, Any], links: Links = UNTRACKED, known: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The parts for one recipient. Raises Rendering: the template fails on these values.

        known : the values without defaults, by which dynamic copy is chosen; the same if not given.
        """
        places = links.constants(self.links) if self.links else ()
        given = self._reachable(values, links, places) if self.elaborate else {}
        made = {}
        for name, part in self.parts.items():
            if self.blocks:
                given["block"] = partial(self._block, values, known or values, links, name in self.html)
            made[name] = part.fill(values, places) if isinstance(part, Plain) else _filled(part, given, name)
        return made

    def _reachable(self, values: Mapping[str, Any], links: Links, places: Sequence[str]) -> dict[str, Any]:
        """What the templates can name."""
        given = nested(values)
        if self.links:
            given["_links"] = places
            given["_fill"] = lambda number, filled: links.personal(self.links[number], filled)
        if self.pages:
            given["page"] = links.page
        return given

    def _block(self, values: Mapping[str, Any], known: Mapping[str, Any], links: Links, html: bool, name: str) -> str:
        """Dynamic copy, in the form that the part around it has."""
        chosen = self.blocks[name].choose(known).render(values, links)
        if html:
            return Markup(chosen["html"]) if chosen.get("html") else escape(chosen.get("text", ""))
        return str(chosen.get("text", ""))

    @property
    def every_link(self) -> tuple[Source, ...]:
        """Its links, and those of its dynamic copy."""
        inner = (m.every_link for block in self.blocks.values() for m in block.messages)
        return tuple(dict.fromkeys([*self.links, *(link for links in inner for link in links)]))

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
        found = frozenset().union(*(m.variables for m in self.messages))
        return found | {self.language} if self.language is not None else found

    @property
    def messages(self) -> tuple[Message, ...]:
        """The message and its variants."""
        return (self.message, *self.variants.values())

    @property
    def links(self) -> tuple[Source, ...]:
        """All its links, each once."""
        return tuple(dict.fromkeys(link for message in self.messages for link in message.every_link))

    @cached_property
    def html(self) -> frozenset[str]:
        """Parts that are HTML."""
        return self.message.html

    @property
    def pages(self) -> frozenset[str]:
        """Landing pages that it leads to."""
        return frozenset().union(*(m.pages for m in self.messages))

    @property
    def needed(self) -> frozenset[str]:
        """The tags whose absence leaves a hole in the text: those that nothing gives a default."""
        return frozenset().union(*(m.variables - m.guarded for m in self.messages)) - set(self.defaults)

    def language_of(self, values: Mapping[str, Any]) -> str:
        """The recipient's language; empty where no tag says it."""
        return str(values.get(self.language) or "") if self.language else ""

    def message_for(self, values: Mapping[str, Any]) -> Message:
        """The message in the recipient's language."""
        chosen = self.language_of(values)
        return self.variants.get(chosen) or self.variants.get(chosen.split("-")[0]) or self.message

    def render(self, values: Mapping[str, Any], links: Links = UNTRACKED) -> dict[str, Any]:
        """The parts for one recipient, in their language. Raises Rendering."""
        message = self.message_for(values)
        given = dict(values)
        for name, value in self.defaults.items():
            if given.get(name) in (None, ""):
                given[name] = value
        return message.render(given, links, values)


def compile_content(
    given: Mapping[str, Any],
    known: Iterable[str],
    html: Iterable[str] = (),
    blocks: Callable[[str, str], Block] | None = None,
    place: str = "content",
) -> Content:
    """Compile what a campaign says.

    given : parts by name, and beside them `variants` (parts by language), `language` (a tag) and `defaults`.
    known : the tags there are; html : parts that are HTML, as is one of that name.
    blocks : gives dynamic copy by name and place; without it there is none.

    >>> made = compile_content({"text": "Hello {{ name }}!", "defaults": {"name": "friend"}}, ["name"])
    >>> made.render({"name": "Ada"})["text"], made.render({"name": None})["text"]
    ('Hello Ada!', 'Hello friend!')

    Raises Refused(`bad_template`): a mistake with its line, or a variable that is no tag.
    """
    known = frozenset(known)
    apart = {k: given.get(k) for k in ("variants", "language", "defaults")}
    own = {k: v for k, v in given.items() if k not in apart}
    variants = {
        str(language): compile_message({**own, **parts}, known, html, f"{place}.variants.{language}", blocks)
        for language, parts in (apart["variants"] or {}).items()
    }
    defaults = dict(apart["defaults"] or {})
    language = apart["language"] or ("language" if variants and "language" in known else None)
    for name in (*defaults, *([language] if language else ())):
        if name not in known:
            raise _unknown(name, known, f"{place}.defaults" if name in defaults else f"{place}.language")
    if variants and language is None:
        fix = "Write language: TAG."
        raise Refused("bad_campaign", "Variants need a tag that chooses one.", place=f"{place}.language", fix=fix)
    return Content(compile_message(own, known, html, place, blocks), variants, language, defaults)


def compile_message(
    given: Mapping[str, Any],
    known: frozenset[str],
    html: Iterable[str],
    place: str,
    blocks: Callable[[str, str], Block] | None = None,
) -> Message:
    """Compile the parts of one message."""
    made: dict[str, Any] = {}
    uses, escaped, links = _Uses(), {*html, "html"}, list[Source]()
    inner: dict[str, Block] = {}
    for name, part in given.items():
        if not isinstance(part, str):
            made[name] = part
            continue
        found = _uses(part, known, f"{place}.{name}")
        inner |= {block: _block(blocks, block, f"{place}.{name}:{line}") for block, line in found.blocks.items()}
        uses = uses.with_(found)
        markup = name in escaped
        source = rewritten(part, markup, links) if markup or name in TEXTS else part
        made[name] = _plain(source, known, markup) or _compiled(source, markup)
    for block in inner.values():
        uses = uses.with_(_Uses(block.variables, block.variables))
        for message in block.messages:
            uses = uses.with_(_Uses(message.variables, message.guarded))
    html_parts = frozenset(escaped & made.keys())
    return Message(made, uses.tags, uses.guarded, html_parts, tuple(links), inner, frozenset(uses.pages))


def _block(blocks: Callable[[str, str], Block] | None, name: str, place: str) -> Block:
    if blocks is None:
        fix = "Write its text here."
        raise Refused("bad_template", "Dynamic copy cannot be used here.", place=place, fix=fix)
    return blocks(name, place)


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
    inside = link.startswith(("#", "cid:", "/p/"))
    return inside or (found.scheme in _SCHEMES and bool(found.netloc or found.scheme in ("mailto", "tel")))


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, in which no short formula takes all memory or time either."""

    intercepted_binops = frozenset(["*", "**"])

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Multiply and raise as long as the result is of a size that somebody could mean."""
        repeats = [n for n in (left, right) if isinstance(n, int)]
        sized = [x for x in (left, right) if isinstance(x, str | list | tuple)]
        if operator == "**" and (abs(right) > _MOST_POWER or abs(left) > _LARGEST):
            raise SecurityError(f"powers above {_MOST_POWER}, or of more than {_LARGEST:,}, are not computed")
        if operator == "*" and sized and repeats and len(sized[0]) * repeats[0] > _LARGEST:
            raise SecurityError(f"nothing is repeated to more than {_LARGEST:,}")
        return super().call_binop(context, operator, left, right)


@cache
def _environment(escape: bool) -> ImmutableSandboxedEnvironment:
    def shown(value: Any) -> Any:
        return "" if value is None else value

    made = _Sandbox(autoescape=escape, finalize=shown, trim_blocks=True, keep_trailing_newline=True)
    made.filters["_track"] = _track
    return made


@pass_context
def _track(context: Context, filled: str, number: int) -> str:
    """What a link with values of the recipient becomes."""
    fill: Callable[[int, str], str] = context["_fill"]
    return fill(number, filled)


@cache
def _compiled(text: str, escape: bool) -> Template:
    return _environment(escape).from_string(text)


def _plain(text: str, known: frozenset[str], escaped: bool) -> Plain | None:
    """The template as texts and values; None where it does more."""
    pieces: list[str | int] = [""]
    for statement in _environment(escaped).parse(text).body:
        if not isinstance(statement, nodes.Output):
            return None
        for node in statement.nodes:
            name = ".".join(_dotted(node) or ())
            if isinstance(node, nodes.TemplateData):
                pieces[-1] = f"{pieces[-1]}{node.data}"
            elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
                if getattr(node.node, "name", None) != "_links":
                    return None
                pieces += [int(node.arg.value), ""]
            elif name in known or name in OWN:
                pieces += [name, ""]
            else:
                return None
    return Plain(tuple(pieces), escaped)


@dataclass(frozen=True)
class _Uses:
    """What a template names: tags, those of them that it gives a default, dynamic copy with its line, landing pages."""

    tags: frozenset[str] = frozenset()
    guarded: frozenset[str] = frozenset()
    blocks: Mapping[str, int] = field(default_factory=dict)
    pages: frozenset[str] = frozenset()

    def with_(self, other: _Uses) -> _Uses:
        """Both; a tag that one of them leaves without a default has none."""
        bare = (self.tags - self.guarded) | (other.tags - other.guarded)
        tags = self.tags | other.tags
        return _Uses(tags, tags - bare, {**self.blocks, **other.blocks}, self.pages | other.pages)


def _uses(text: str, known: frozenset[str], place: str) -> _Uses:
    """What a template names. Raises Refused(`bad_template`): it cannot be read, or names what is not there."""
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
    blocks, pages = (_called(tree, name, place) for name in _CALLS)
    return _Uses(
        frozenset(found), frozenset(n for n, safe in found.items() if safe == {True}), blocks, frozenset(pages)
    )


def _called(tree: nodes.Template, name: str, place: str) -> dict[str, int]:
    """Names in the library that a template calls by, with their lines."""
    found = {}
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == name:
            given = call.args[0] if len(call.args) == 1 and not call.kwargs else None
            if not isinstance(given, nodes.Const) or not isinstance(given.value, str):
                fix = f'Write {name}("NAME").'
                raise Refused("bad_template", f"{name}() takes one name.", place=f"{place}:{call.lineno}", fix=fix)
            found[given.value] = call.lineno
    return found


def _paths(node: nodes.Node, safe: bool) -> Iterable[tuple[tuple[str, ...], int, bool]]:
    """Dotted names in a template, with line, and whether they stand under the filter `default`."""
    if isinstance(node, nodes.Filter) and node.name in ("default", "d"):
        safe = True
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "tag":
        if len(node.args) == 1 and isinstance(node.args[0], nodes.Const):
            yield (_CALLED, str(node.args[0].value)), node.lineno, safe
            return
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in _CALLS:
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
