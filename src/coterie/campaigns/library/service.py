"""The content library of a workspace: save, publish, withdraw, copy, delete, preview, and who uses what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from coterie.campaigns import records
from coterie.campaigns.content import Block, Content, Rendering, Untracked, bad_links
from coterie.campaigns.library import bodies
from coterie.campaigns.library.bodies import DYNAMIC, KINDS, PAGE, TEMPLATE
from coterie.campaigns.library.choosing import UNSEEN
from coterie.campaigns.library.chosen import explained
from coterie.campaigns.library.clean import cleaned
from coterie.campaigns.library.visits import visits_of
from coterie.campaigns.reading import chosen, wrong
from coterie.errors import Refused, unknown_name
from coterie.kit.moments import now, show_moment
from coterie.kit.plain import plain
from coterie.learn.segments.words import Language
from coterie.store.service import Document
from coterie.tags.context import TagContext
from coterie.tags.vocabulary import CatalogVocabulary

CONTENT, STATE = "content", "content_state"
DRAFT, PUBLISHED, WITHDRAWN = "draft", "published", "withdrawn"
STATES = (DRAFT, PUBLISHED, WITHDRAWN)
_NAME = re.compile(r"[^\W_][\w .\-]{0,99}")
_CALL = r"""\b{}\(\s*\\?["']([^"'\\]+)"""
_USES = {DYNAMIC: re.compile(_CALL.format("block")), PAGE: re.compile(_CALL.format("page"))}
_NONE = {"visits": 0, "visitors": 0, "conversions": 0}


@dataclass(frozen=True)
class Standing:
    """How content stands.

    published : the version that is used; None before the first, and while it is withdrawn. at : when each was published.
    """

    published: int | None = None
    withdrawn: bool = False
    at: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """One word for it."""
        return WITHDRAWN if self.withdrawn else PUBLISHED if self.published is not None else DRAFT


class User(NamedTuple):
    """A campaign, template or page that uses content."""

    kind: str
    name: str


class Library:
    """Templates of messages, dynamic copy and landing pages."""

    def __init__(self, context: TagContext) -> None:
        self._context, self._store = context, context.store

    def save(
        self, name: str, kind: str, body: Any, *, base_version: int | None = None, entity_kind: str = "customer"
    ) -> dict[str, Any]:
        """Save content; an existing name gets a new version, which nobody uses before it is published.

        base_version : the version it was read at, 0 for a new one; None: whatever is there.
        Returns name, kind, version, state, notes. Raises Refused: a mistake, with its place; nothing was saved then.
        """
        with self._store.together():
            return self._save(name, kind, body, base_version, entity_kind)

    def keep(self, name: str, kind: str, body: Any, published: bool = False) -> None:
        """Save content, and perhaps publish it, among other changes that are made together."""
        self._save(name, kind, body, None, "customer")
        if published and self.standing(name).published != self.get(name).version:
            self.publish(name)

    def kept(self) -> dict[str, dict[str, Any]]:
        """All content as `keep` takes it: newest versions, and whether these are published."""
        return {
            d.name: {**d.body, **({"published": True} if self.standing(d.name).published == d.version else {})}
            for d in self._store.all(CONTENT)
        }

    def _save(self, name: str, kind: str, body: Any, base_version: int | None, entity_kind: str) -> dict[str, Any]:
        if _NAME.fullmatch(name) is None:
            fix = "Use 1 to 100 letters, digits, blanks, - and _, a letter or digit first."
            raise Refused("bad_campaign", f'"{name}" cannot name content.', place="name", fix=fix)
        read = bodies.read_body(kind, body)
        compiled = self.compiled(kind, read, entity_kind)
        known = self._store.find(CONTENT, name)
        if base_version is not None and base_version != (0 if known is None else known.version):
            fix = "Read it again, and save what you changed on top."
            raise Refused("newer_version", "Somebody saved it meanwhile.", place="base_version", fix=fix)
        if known is not None and known.body["kind"] != kind:
            fix = "Choose another name."
            raise Refused("bad_campaign", f'"{name}" is a {known.body["kind"]}.', place="name", fix=fix)
        version = self._store.put(CONTENT, name, {"kind": kind, "body": plain(read)})
        notes = [note for content in compiled.values() for note in _notes(content)]
        return {"name": name, "kind": kind, "version": version, "state": self.standing(name).state, "notes": notes}

    def get(self, name: str, version: int | None = None) -> Document:
        """A version of content, the newest without one; its body has `kind` and `body`. Raises NotFound."""
        found = self._store.find(CONTENT, name, version)
        if found is None and version is None:
            raise unknown_name("content", name, [d.name for d in self._store.all(CONTENT)])
        return found or self._store.get(CONTENT, name, version)

    def standing(self, name: str) -> Standing:
        """How content stands."""
        found = self._store.find(STATE, name)
        return Standing() if found is None else Standing(**found.body)

    def rows(self, *, kind: str | None = None, state: str | None = None) -> list[dict[str, Any]]:
        """All content by name, with who uses it; of landing pages how often they were visited."""
        for value, known, place in ((kind, KINDS, "kind"), (state, STATES, "state")):
            if value is not None:
                chosen(value, known, place)
        users, visits = self._users(), visits_of(self._context)
        found = [self._row(d, users, visits) for d in self._store.all(CONTENT)]
        return [r for r in found if kind in (None, r["kind"]) and state in (None, r["state"])]

    def show(self, name: str, version: int | None = None) -> dict[str, Any]:
        """A version of content: its row, body, versions, the tags and links that it names, and notes on them."""
        newest, document, standing = self.get(name), self.get(name, version), self.standing(name)
        kind, body, notes = document.body["kind"], document.body["body"], list[str]()
        compiled: Mapping[str, Content] = {}
        try:
            compiled = self.compiled(kind, body)
            notes = [note for content in compiled.values() for note in _notes(content)]
        except Refused as error:  # a tag or dynamic copy that it names is gone
            notes = [str(error)]
        zone = self._context.zone
        versions = [
            {
                "version": d.version,
                "saved_at": show_moment(d.created_at, zone),
                "published_at": standing.at.get(str(d.version)),
            }
            for d in self._store.history(CONTENT, name)
        ]
        links = [link.url for content in compiled.values() for link in content.links]
        variables = frozenset().union(*(content.variables for content in compiled.values()))
        row = {**self._row(newest, self._users(), visits_of(self._context)), "version": document.version}
        told = {"body": body, "versions": versions, "variables": sorted(variables)}
        return {**row, **told, "links": list(dict.fromkeys(links)), "notes": notes}

    def publish(self, name: str, version: int | None = None) -> dict[str, Any]:
        """Let a version, the newest by default, be what is used from now on. Returns its row.

        Raises Refused: it cannot be compiled any more, or uses dynamic copy that is not published.
        """
        document, standing = self.get(name, version), self.standing(name)
        self._compiled(document.body["kind"], document.body["body"], "customer", self._published)
        at = {**standing.at, str(document.version): show_moment(now(), self._context.zone)}
        self._put(name, Standing(document.version, False, at))
        return self._row(self.get(name), self._users(), visits_of(self._context))

    def withdraw(self, name: str) -> dict[str, Any]:
        """Let nobody new use it; what runs keeps its version. Returns its row. Raises Refused: it is not published."""
        self.get(name)
        standing = self.standing(name)
        if standing.state != PUBLISHED:
            fix = "Only what is published can be withdrawn."
            raise Refused("content_state", f'"{name}" is {standing.state}.', place=name, fix=fix)
        self._put(name, Standing(None, True, standing.at))
        return self._row(self.get(name), self._users(), visits_of(self._context))

    def copy(self, name: str, to: str) -> dict[str, Any]:
        """Save it again under another name, as a draft. Raises Refused: there is one of that name."""
        document = self.get(name)
        if self._store.find(CONTENT, to) is not None:
            raise Refused("bad_argument", f'There is content "{to}".', place="to", fix="Choose another name.")
        return self.save(to, document.body["kind"], document.body["body"], base_version=0)

    def delete(self, name: str) -> None:
        """Delete a draft that nobody uses. Raises Refused: it was published once, or is used."""
        self.get(name)
        standing, users = self.standing(name), self._users().get(name, [])
        if standing.at:
            fix = "Withdraw it; messages and visits of the past refer to it."
            raise Refused("content_state", f'"{name}" was published.', place=name, fix=fix)
        if users:
            said = ", ".join(f'{user.kind} "{user.name}"' for user in users[:5])
            raise Refused("in_use", f'"{name}" is used by {said}.', place=name, fix="Change these first.")
        self._store.delete(CONTENT, name)

    def stats(self, name: str) -> dict[str, Any]:
        """Visits, visitors and conversions of a landing page, in all and by day."""
        document = self.get(name)
        if document.body["kind"] != PAGE:
            fix = "What became of messages is in the funnel of their campaign."
            raise Refused("bad_argument", f'"{name}" is no page.', place=name, fix=fix)
        found = visits_of(self._context, name, days=True)
        return {"name": name, **_NONE, "days": [], **found.get(name, {})}

    def preview(
        self,
        kind: str,
        body: Any,
        entity: str,
        *,
        language: str | None = None,
        channel: str | None = None,
        hide: Callable[[str], str | None] = lambda _: None,
        entity_kind: str = "customer",
        say: Language = "en",
    ) -> dict[str, Any]:
        """What a customer would see of content that need not be saved: `parts`, of a page also `html`, `missing`, and
        `chosen`: which variant of dynamic copy, and why.

        language : instead of the customer's own; channel : of a template's. hide : what is shown instead of a tag's value.
        say : the language of sentences.
        Raises NotFound: no such customer. Refused: a mistake, or a text that cannot be filled.
        """
        read = bodies.read_body(kind, body)
        compiled = self.compiled(kind, read, entity_kind)
        if channel is not None and channel not in compiled:
            raise unknown_name("channel", channel, compiled, place="channel")
        content = compiled[channel] if channel is not None else next(iter(compiled.values()))
        values = dict(self.values_of(content, entity, entity_kind))
        missing = sorted(n for n in content.needed if values.get(n) in (None, ""))
        masks = {n: hide(n) for n, v in values.items() if v is not None}
        hidden = {n: mask for n, mask in masks.items() if mask is not None}
        values = {**values, **hidden, UNSEEN: tuple(hidden)}
        if language is not None and content.language is not None:
            values[content.language] = language
        given = {**values, "entity": entity, "campaign": "", "arm": "", "unsubscribe_url": "#", "convert_url": "#"}
        if kind == DYNAMIC:
            found = bodies.compile_dynamic(read, self._vocabulary(entity_kind), self._known(entity_kind))
            shown, why = found.choose(given).render(given), [{"block": "", **found.explain(given, say)}]
        else:
            shown, why = _rendered(content, given, entity), explained(content, given, say)
        notes = bad_links({k: v for k, v in shown.items() if k != "title"})
        made: dict[str, Any] = {"entity": entity, "parts": shown, "missing": missing, "notes": notes, "chosen": why}
        if kind == PAGE:
            made["html"] = cleaned(str(shown["html"]))
        return made

    def values_of(self, content: Content, entity: str, entity_kind: str = "customer") -> Mapping[str, Any]:
        """The values that content needs, of one customer. Raises NotFound."""
        from coterie.campaigns.preview import values_of

        with self._context.engine.cursor() as engine:
            return values_of(self._context, engine, entity_kind, entity, content, None)

    def compiled(self, kind: str, body: Mapping[str, Any], entity_kind: str = "customer") -> dict[str, Content]:
        """A body compiled with the newest dynamic copy, as authors see it."""
        return self._compiled(kind, body, entity_kind, lambda name: self.get(name).version)

    def page(self, name: str, version: int) -> Content:
        """A version of a landing page, compiled."""
        document = self.get(name, version)
        return self._compiled(PAGE, document.body["body"], "customer", self._published)[PAGE]

    def parts_of(self, given: Mapping[str, Any], channel: str, pins: Mapping[str, int]) -> dict[str, Any]:
        """The parts that a campaign's content says, those of its template filled in.

        given : parts, or `template: NAME`, perhaps `version: N`, and parts that differ. pins : versions that are settled.
        """
        if "template" not in given:
            return dict(given)
        name, own = str(given["template"]), {k: v for k, v in given.items() if k not in ("template", "version")}
        version = pins[name] if name in pins else self._usable(name, given.get("version"))
        document = self.get(name, version)
        if document.body["kind"] != TEMPLATE:
            fix = "Name a template."
            raise wrong("content.template", f'"{name}" is a {document.body["kind"]}.', fix)
        return {**bodies.channel_parts(document.body["body"], channel), **own}

    def blocks(self, pins: Mapping[str, int], entity_kind: str = "customer") -> bodies.Blocks:
        """What gives dynamic copy to messages. pins : versions that are settled; of others the published ones."""
        return self._blocks(entity_kind, lambda name: pins[name] if name in pins else self._published(name))

    def pins(self, contents: Iterable[Mapping[str, Any]]) -> dict[str, int]:
        """The versions that are used now of all templates and dynamic copy of a campaign, to be settled.

        contents : as written, of the campaign and of each arm.
        """
        found, said = {}, []
        for given in contents:
            said.append(given)
            if "template" in given:
                name = str(given["template"])
                found[name] = self._usable(name, given.get("version"))
                said.append(self.get(name, found[name]).body["body"])
        for name in sorted(set(_called(DYNAMIC, said))):
            known = self._store.find(CONTENT, name)
            if known is not None and known.body["kind"] == DYNAMIC:  # else compiling says what is wrong
                found[name] = self._published(name)
        return found

    def told(self, pins: Mapping[str, int]) -> list[dict[str, Any]]:
        """Versions that an occurrence uses, and how these stand now."""
        return [
            {"name": name, "version": version, "state": s.state, "published_version": s.published}
            for name, version in pins.items()
            for s in (self.standing(name),)
        ]

    def refuse_withdrawn(self, pins: Mapping[str, int]) -> None:
        """Refuse to begin with content that was withdrawn since it was planned."""
        for name in pins:
            if self.standing(name).withdrawn:
                raise _withdrawn(name)

    def _usable(self, name: str, version: Any = None) -> int:
        """The version of a template that a campaign gets: the one it names, if that was published, else the published."""
        published = self._published(name)
        if version is None:
            return published
        if str(version) not in self.standing(name).at:
            fix = f"Publish it: `coterie content publish {name} --version {version}`."
            raise Refused("content_state", f'Version {version} of "{name}" was never published.', place=name, fix=fix)
        return int(version)

    def _published(self, name: str) -> int:
        self.get(name)
        standing = self.standing(name)
        if standing.withdrawn:
            raise _withdrawn(name)
        if standing.published is None:
            fix = f"Publish it: `coterie content publish {name}`."
            raise Refused("content_state", f'"{name}" is a draft.', place=name, fix=fix)
        return standing.published

    def _blocks(self, entity_kind: str, version: Callable[[str], int]) -> bodies.Blocks:
        def _block(name: str, place: str) -> Block:
            known = self._store.find(CONTENT, name)
            if known is None or known.body["kind"] != DYNAMIC:
                names = [d.name for d in self._store.all(CONTENT) if d.body["kind"] == DYNAMIC]
                raise unknown_name("dynamic copy", name, names, place=place)
            body = self.get(name, version(name)).body["body"]
            return bodies.compile_dynamic(body, self._vocabulary(entity_kind), self._known(entity_kind), name)

        return _block

    def _compiled(
        self, kind: str, body: Mapping[str, Any], entity_kind: str, version: Callable[[str], int]
    ) -> dict[str, Content]:
        vocabulary, blocks = self._vocabulary(entity_kind), self._blocks(entity_kind, version)
        return bodies.compile_body(kind, body, vocabulary, self._known(entity_kind), blocks)

    def _vocabulary(self, entity_kind: str) -> CatalogVocabulary:
        return CatalogVocabulary(self._context.catalog, self._context.zone, entity_kind)

    def _known(self, entity_kind: str) -> list[str]:
        return list(self._context.catalog.tags(entity_kind))

    def _put(self, name: str, standing: Standing) -> None:
        at = dict(standing.at)
        self._store.put(STATE, name, {"published": standing.published, "withdrawn": standing.withdrawn, "at": at})

    def _row(
        self, document: Document, users: Mapping[str, list[User]], visits: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        name, kind, standing = document.name, document.body["kind"], self.standing(document.name)
        visited = {k: visits.get(name, _NONE)[k] for k in _NONE} if kind == PAGE else {}
        return {
            "name": name,
            "kind": kind,
            "state": standing.state,
            "version": document.version,
            "published_version": standing.published,
            "languages": bodies.languages(kind, document.body["body"]),
            "used_by": [user._asdict() for user in users.get(name, [])],
            **visited,
            "changed_at": show_moment(document.created_at, self._context.zone),
        }

    def _users(self) -> dict[str, list[User]]:
        """Who uses what, by name."""
        found: dict[str, list[User]] = {}
        for document in self._store.all(records.CAMPAIGN):
            arms = [arm["content"] for arm in document.body["experiment"]["arms"]]
            for name in _named([document.body["content"], *arms]):
                found.setdefault(name, []).append(User("campaign", document.name))
        for document in self._store.all(CONTENT):
            for name in _named([document.body["body"]]):
                found.setdefault(name, []).append(User(document.body["kind"], document.name))
        return found


def _named(given: Iterable[Mapping[str, Any]]) -> list[str]:
    """Content that texts name, each once."""
    contents = list(given)
    named = [str(content["template"]) for content in contents if "template" in content]
    return list(dict.fromkeys([*named, *(name for kind in _USES for name in _called(kind, contents))]))


def _called(kind: str, contents: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names in calls such as `block("NAME")`."""
    return [str(n) for n in _USES[kind].findall(json.dumps(list(contents), ensure_ascii=False, default=str))]


def _withdrawn(name: str) -> Refused:
    fix = "Publish it again, or choose other content."
    return Refused("content_state", f'"{name}" was withdrawn.', place=name, fix=fix)


def _notes(content: Content) -> list[str]:
    """Notes on links that are the same for all and lead nowhere."""
    texts = [str(part) for m in content.messages for part in Untracked().constants(m.links)]
    return bad_links({str(n): f'href="{text}"' for n, text in enumerate(texts)})


def _rendered(content: Content, values: Mapping[str, Any], entity: str) -> dict[str, Any]:
    try:
        return content.render(values)
    except Rendering as error:
        said = f"It cannot be filled: {error.reason}."
        raise Refused("bad_template", said, place=entity, fix="Use default.") from None
