"""What templates, dynamic copy and landing pages look like, read and compiled with each mistake told at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coterie.campaigns.channels.base import Part, channel_names, check_parts, find_channel
from coterie.campaigns.content import Block, Content, Message, Plain, compile_content, compile_message
from coterie.campaigns.library.choosing import DEFAULT, LIST, SCORE, WAYS, Chooser, by_rule, unseen
from coterie.campaigns.reading import chosen, listed, parts, share, text, wrong
from coterie.campaigns.tracking import leads_to
from coterie.catalog.schemas import ValueType
from coterie.errors import unknown_name
from coterie.kit.moments import now
from coterie.learn.segments.words import Language
from coterie.rules.binding import BoundNode
from coterie.rules.check import bind_rule
from coterie.rules.evaluate import passes
from coterie.rules.facts import Facts
from coterie.rules.sentences import HIDDEN
from coterie.rules.tree import parse_rule
from coterie.rules.vocabulary import Vocabulary

TEMPLATE, DYNAMIC, PAGE = "template", "dynamic", "page"
KINDS = (TEMPLATE, DYNAMIC, PAGE)
APART = ("variants", "language", "defaults")  # parts of content that are no parts of a message
PAGE_OWN = ("title", "html", "thanks")
_COPY = ("text", "html")
_MOST_VARIANTS = 50
_NUMBERS = (ValueType.INTEGER, ValueType.NUMBER, ValueType.DECIMAL)
Blocks = Callable[[str, str], Block]
_UNSEEN = Message({"text": Plain((HIDDEN,), escaped=False)}, frozenset(), frozenset())


@dataclass(frozen=True)
class Variant:
    """One text of dynamic copy: the rule of those who get it, None for everybody else, and the text.

    name : as authors call it; empty for the default.
    """

    rule: BoundNode | None
    message: Message
    name: str = ""


@dataclass(frozen=True)
class Dynamic:
    """Dynamic copy: the first variant whose rule holds, else the default. A missing value fails a condition.

    chooser : chooses by scores or a list instead of by rules.
    """

    variants: tuple[Variant, ...]
    chooser: Chooser | None = None

    @property
    def messages(self) -> Sequence[Message]:
        """The texts of all variants."""
        return [variant.message for variant in self.variants]

    @property
    def variables(self) -> frozenset[str]:
        """The tags of the rules, or those by which it is recommended."""
        if self.chooser is not None:
            return frozenset(self.chooser.tags)
        rules = [v.rule for v in self.variants if v.rule is not None]
        return frozenset(name for rule in rules for _, leaf in rule.leaves() for _, name, _ in leaf.tags_read)

    def choose(self, values: Mapping[str, Any]) -> Message:
        """The text for one customer; where what chooses it is hidden from who looks, that it is."""
        return _UNSEEN if unseen(self.variables, values) else self._variant(values).message

    def explain(self, values: Mapping[str, Any], language: Language = "en") -> dict[str, Any]:
        """What one customer gets and why; see `Chooser.explain` and `unseen`."""
        hidden = unseen(self.variables, values, language)
        if hidden is not None:
            return hidden
        if self.chooser is not None:
            return self.chooser.explain(values, language)
        return by_rule(self._variant(values).name or None, language)

    def _variant(self, values: Mapping[str, Any]) -> Variant:
        if self.chooser is not None:
            place = self.chooser.choose(values).place
            return self.variants[-1 if place is None else place]
        facts = Facts(tags=values)
        return next(v for v in self.variants if v.rule is None or passes(v.rule, facts))


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
    found = parts(given, ("choose", "variants", "default"), "body")
    way = _read_choose(found)
    if "default" not in found:
        raise wrong("body.default", "This part is missing.", "Say what everybody else gets: default: {text: ...}.")
    variants = listed(found.get("variants", []), "body.variants")
    if len(variants) > _MOST_VARIANTS:
        raise wrong("body.variants", f"There are {len(variants)} variants.", f"Give at most {_MOST_VARIANTS}.")
    for n, variant in enumerate(variants):
        place = f"body.variants[{n}]"
        _read_variant(parts(variant, ("name", _BY[way], *_COPY), place), way, place)
        made = dict(variant)
        _check_copy({k: v for k, v in made.items() if k in _COPY}, place)
    _check_copy(parts(found["default"], _COPY, "body.default"), "body.default")
    return found


_BY = {None: "when", SCORE: "score", LIST: "item"}  # what a variant says of who gets it


def _read_choose(found: Mapping[str, Any]) -> str | None:
    """How a block chooses: by scores, by a list, or, None, by rules."""
    if "choose" not in found:
        return None
    given = parts(found["choose"], ("by", "tag", "floor", "explore"), "body.choose")
    way = chosen(given.get("by"), WAYS, "body.choose.by")
    if ("tag" in given) != (way == LIST):
        fix = "Write choose: {by: list, tag: TAG}; with scores each variant names its own."
        raise wrong("body.choose.tag", "A list is chosen from by one tag.", fix)
    if "floor" in given:
        floor = given["floor"]
        if way == LIST or isinstance(floor, bool) or not isinstance(floor, int | float) or not abs(floor) < 1e15:
            raise wrong("body.choose.floor", f'"{floor}" is no least score.', "Give a number, with by: score alone.")
    share(given.get("explore", 0), "body.choose.explore")
    if not found.get("variants"):
        raise wrong("body.variants", "There is nothing to choose from.", "Add a variant.")
    return way


def _read_variant(made: Mapping[str, Any], way: str | None, place: str) -> None:
    """A variant says who gets it."""
    if "name" in made:
        text(made["name"], f"{place}.name")
    if way is not None:
        if _BY[way] not in made:
            fix = "Name its tag of numbers." if way == SCORE else "Write the item of the list that it is for."
            raise wrong(f"{place}.{_BY[way]}", "This part is missing.", fix)
        text(made[_BY[way]], f"{place}.{_BY[way]}")
    elif not isinstance(made.get("when"), Mapping):
        raise wrong(f"{place}.when", "The rule is missing.", "Write when: {tag: ..., op: ..., value: ...}.")


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


def compile_dynamic(body: Mapping[str, Any], vocabulary: Vocabulary, known: Iterable[str], block: str = "") -> Dynamic:
    """Compile dynamic copy. Its texts name tags, and no other copy.

    block : its name, by which those differ who get a variant by chance.
    """
    known, made = frozenset(known), []
    names = _names(body)
    for n, variant in enumerate(body.get("variants", [])):
        place = f"body.variants[{n}]"
        shown = {k: v for k, v in variant.items() if k in _COPY}
        rule = _rule(variant["when"], vocabulary, place) if "choose" not in body else None
        made.append(Variant(rule, compile_message(shown, known, ("html",), place), names[n]))
    default = compile_message(body["default"], known, ("html",), "body.default")
    chooser = _chooser(body, vocabulary, known, block, names) if "choose" in body else None
    return Dynamic((*made, Variant(None, default)), chooser)


def _names(body: Mapping[str, Any]) -> list[str]:
    """What variants are called: as they say, else by their item or score, else by their number."""
    way = body.get("choose", {}).get("by")
    variants = body.get("variants", [])
    return [str(v.get("name") or v.get(_BY[way] if way else "", f"#{n + 1}")) for n, v in enumerate(variants)]


def _chooser(
    body: Mapping[str, Any], vocabulary: Vocabulary, known: frozenset[str], block: str, names: Sequence[str]
) -> Chooser:
    """What chooses by scores or a list. Raises Refused: two variants of one name or item; a tag of another type."""
    given, variants = body["choose"], body["variants"]
    way, own = given["by"], [str(variant[_BY[given["by"]]]) for variant in variants]
    _refuse_taken("name", [DEFAULT, *names])
    if way == LIST:
        _refuse_taken("item", ["", *own])
    tags = own if way == SCORE else [str(given["tag"])]
    for n, tag in enumerate(tags):
        place = f"body.variants[{n}].score" if way == SCORE else "body.choose.tag"
        if tag not in known:
            raise unknown_name("tag", tag, known, place=place)
        found = vocabulary.tag(tag).type
        if found not in (_NUMBERS if way == SCORE else (ValueType.TEXTS,)):
            fix = "Name a tag of numbers." if way == SCORE else "Name a tag that holds a list."
            raise wrong(place, f'"{tag}" holds values of type {found}.', fix)
    items = () if way == SCORE else tuple(own)
    floor = None if given.get("floor") is None else float(given["floor"])
    return Chooser(block, way, tuple(names), tuple(tags), items, floor, float(given.get("explore") or 0))


def _refuse_taken(part: str, values: Sequence[str]) -> None:
    """Refuse variants of which two say the same; the first value is none of theirs, and taken."""
    for n, value in enumerate(values):
        if value in values[:n]:
            raise wrong(f"body.variants[{n - 1}].{part}", f'"{value}" is taken.', "Choose another one.")


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
