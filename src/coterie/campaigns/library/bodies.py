"""What templates, dynamic copy and landing pages look like, read and compiled with each mistake told at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coterie.campaigns.channels.base import Part, channel_names, check_parts, find_channel
from coterie.campaigns.content import Block, Content, Message, compile_content, compile_message
from coterie.campaigns.reading import chosen, listed, parts, wrong
from coterie.campaigns.tracking import leads_to
from coterie.kit.moments import now
from coterie.rules.binding import BoundNode
from coterie.rules.check import bind_rule
from coterie.rules.evaluate import passes
from coterie.rules.facts import Facts
from coterie.rules.tree import parse_rule
from coterie.rules.vocabulary import Vocabulary

TEMPLATE, DYNAMIC, PAGE = "template", "dynamic", "page"
KINDS = (TEMPLATE, DYNAMIC, PAGE)
APART = ("variants", "language", "defaults")  # parts of content that are no parts of a message
PAGE_OWN = ("title", "html", "thanks")
_COPY = ("text", "html")
_MOST_VARIANTS = 50
Blocks = Callable[[str, str], Block]


@dataclass(frozen=True)
class Variant:
    """One text of dynamic copy: the rule of those who get it, None for everybody else, and the text."""

    rule: BoundNode | None
    message: Message


@dataclass(frozen=True)
class Dynamic:
    """Dynamic copy: the first variant whose rule holds, else the default. A missing value fails a condition."""

    variants: tuple[Variant, ...]

    @property
    def messages(self) -> Sequence[Message]:
        """The texts of all variants."""
        return [variant.message for variant in self.variants]

    @property
    def variables(self) -> frozenset[str]:
        """The tags of the rules."""
        rules = [v.rule for v in self.variants if v.rule is not None]
        return frozenset(name for rule in rules for _, leaf in rule.leaves() for _, name, _ in leaf.tags_read)

    def choose(self, values: Mapping[str, Any]) -> Message:
        """The text for one customer."""
        facts = Facts(tags=values)
        return next(v.message for v in self.variants if v.rule is None or passes(v.rule, facts))


def read_body(kind: str, given: Any) -> dict[str, Any]:
    """A body of known shape.

    >>> read_body("page", {"title": "Spring", "html": "<h1>Hi</h1>"})
    {'title': 'Spring', 'html': '<h1>Hi</h1>'}
    >>> read_body("page", {"title": "Spring"})
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_campaign` at `body.html`: This part is missing. Add `html:`.

    Raises Refused: a part that is missing, unknown or cannot be so, with its place.
    """
    read = {TEMPLATE: _read_template, DYNAMIC: _read_dynamic, PAGE: _read_page}
    return read[chosen(kind, KINDS, "kind")](given)


def _read_template(given: Any) -> dict[str, Any]:
    found = parts(given, ("channels", "language", "defaults"), "body")
    _check_apart(found)
    channels = parts(found.get("channels", {}), channel_names(), "body.channels")
    if not channels:
        raise wrong("body.channels", "This part is missing.", "Write channels: {email: {subject: ..., html: ...}}.")
    for name, own in channels.items():
        place = f"body.channels.{name}"
        both = parts(own, None, place)
        variants = parts(both.pop("variants", {}), None, f"{place}.variants")
        check_parts(find_channel(name), both, place)
        for language, differing in variants.items():
            there = f"{place}.variants.{language}"
            check_parts(find_channel(name), {**both, **parts(differing, None, there)}, there)
    return found


def _check_apart(found: Mapping[str, Any]) -> None:
    if not isinstance(found.get("language", ""), str):
        raise wrong("body.language", "This is no tag.", "Name the tag that says somebody's language.")
    parts(found.get("defaults", {}), None, "body.defaults")


def _read_dynamic(given: Any) -> dict[str, Any]:
    found = parts(given, ("variants", "default"), "body")
    if "default" not in found:
        raise wrong("body.default", "This part is missing.", "Say what everybody else gets: default: {text: ...}.")
    variants = listed(found.get("variants", []), "body.variants")
    if len(variants) > _MOST_VARIANTS:
        raise wrong("body.variants", f"There are {len(variants)} variants.", f"Give at most {_MOST_VARIANTS}.")
    for n, variant in enumerate(variants):
        place = f"body.variants[{n}]"
        made = parts(variant, ("name", "when", *_COPY), place)
        if not isinstance(made.get("when"), Mapping):
            raise wrong(f"{place}.when", "The rule is missing.", "Write when: {tag: ..., op: ..., value: ...}.")
        _check_copy({k: v for k, v in made.items() if k in _COPY}, place)
    _check_copy(parts(found["default"], _COPY, "body.default"), "body.default")
    return found


def _check_copy(given: Mapping[str, Any], place: str) -> None:
    if not isinstance(given.get("text"), str):
        raise wrong(f"{place}.text", "Parts without markup need a text.", "Add `text:`, which may be empty.")
    if not isinstance(given.get("html", ""), str):
        raise wrong(f"{place}.html", "This part is a text.", "Write it in quotes.")


def _read_page(given: Any) -> dict[str, Any]:
    found = parts(given, (*PAGE_OWN, "then", *APART), "body")
    for name in ("title", "html"):
        if name not in found:
            raise wrong(f"body.{name}", "This part is missing.", f"Add `{name}:`.")
    _check_apart(found)
    versions = {"body": found} | {
        f"body.variants.{language}": parts(own, PAGE_OWN, f"body.variants.{language}")
        for language, own in parts(found.get("variants", {}), None, "body.variants").items()
    }
    for place, own in versions.items():
        for name in PAGE_OWN:
            if not isinstance(own.get(name, ""), str):
                raise wrong(f"{place}.{name}", "This part is a text.", "Write it in quotes.")
    then = str(found.get("then", ""))
    if then and not leads_to(then, then.partition("://")[2].partition("/")[0]):
        raise wrong("body.then", f'The link "{then}" leads nowhere.', "Write https://HOST/PATH.")
    return found


def compile_body(
    kind: str, body: Mapping[str, Any], vocabulary: Vocabulary, known: Iterable[str], blocks: Blocks
) -> dict[str, Content]:
    """Compile a body: of a template a content by channel; of a page one, `page`; of dynamic copy one, `block`.

    Raises Refused: a mistake in a text or rule, an unknown tag, dynamic copy that is not there, with its place.
    """
    known = frozenset(known)
    if kind == TEMPLATE:
        return {
            name: compile_content(channel_parts(body, name), known, html_parts(name), blocks, f"body.channels.{name}")
            for name in body["channels"]
        }
    if kind == PAGE:
        given = {k: v for k, v in body.items() if k != "then"}
        return {PAGE: compile_content(given, known, ("html", "thanks"), blocks, "body")}
    made = compile_dynamic(body, vocabulary, known)
    shown = {k: v for k, v in body["default"].items() if k in _COPY}
    message = compile_message(shown, known, ("html",), "body.default")
    return {"block": Content(_with(message, made), {}, None, {})}


def _with(message: Message, made: Dynamic) -> Message:
    """The default's message with all that the variants name, so that the tags of all are told."""
    names = frozenset().union(made.variables, *(m.variables for m in made.messages))
    return Message(message.parts, names, names, message.html, message.links)


def compile_dynamic(body: Mapping[str, Any], vocabulary: Vocabulary, known: Iterable[str]) -> Dynamic:
    """Compile dynamic copy. Its texts name tags, and no other copy."""
    known, made = frozenset(known), []
    for n, variant in enumerate(body.get("variants", [])):
        place = f"body.variants[{n}]"
        shown = {k: v for k, v in variant.items() if k in _COPY}
        made.append(Variant(_rule(variant["when"], vocabulary, place), compile_message(shown, known, ("html",), place)))
    default = compile_message(body["default"], known, ("html",), "body.default")
    return Dynamic((*made, Variant(None, default)))


def _rule(given: Mapping[str, Any], vocabulary: Vocabulary, place: str) -> BoundNode:
    """A rule over tags alone: everything else is not at hand while messages are written."""
    bound = bind_rule(parse_rule(given), vocabulary, as_of=now())
    for where, leaf in bound.leaves():
        if not leaf.tags_read or leaf.events_read or leaf.asked_sql is not None:
            fix = "Make a tag of it, and name that."
            raise wrong(f"{place}.when.{where}", "A rule of dynamic copy is about tags alone.", fix)
    return bound


def channel_parts(body: Mapping[str, Any], channel: str) -> dict[str, Any]:
    """What a template says on a channel, as a campaign writes it.

    A channel whose messages may have any parts takes those of the template's one channel.
    Raises Refused: the template has nothing for it.
    """
    channels: Mapping[str, Any] = body["channels"]
    own = channels.get(channel)
    if own is None and len(channels) == 1 and not find_channel(channel).parts:
        own = next(iter(channels.values()))
    if own is None:
        fix = f"Add parts for it; there are some for: {', '.join(channels)}."
        raise wrong("content.template", f"The template says nothing for {channel}.", fix)
    return {**own, **{k: body[k] for k in ("language", "defaults") if k in body}}


def html_parts(channel: str) -> list[str]:
    """Parts of a channel's messages that are HTML."""
    return [part.name for part in (Part(*p) for p in find_channel(channel).parts) if part.html]


def languages(kind: str, body: Mapping[str, Any]) -> list[str]:
    """The languages that a body has variants for."""
    bodies = list(body["channels"].values()) if kind == TEMPLATE else [body] if kind == PAGE else []
    return sorted({str(language) for own in bodies for language in own.get("variants", {})})
