"""Blocks: named groups of conditions, saved to be used again in audiences and in each other.

A block is a rule under a name. Where a rule says `{"block": "core"}`, the block's present rule is opened in its place; so a
change of a block changes everyone who uses it, and the difference of two snapshots calls it a change of the rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coterie.audiences.resolve import BLOCK, StoredSets, User, refuse_used, users_of
from coterie.audiences.service import check_name, read_as
from coterie.errors import Refused
from coterie.kit.moments import show_moment
from coterie.kit.plain import plain
from coterie.rules.binding import Scope
from coterie.rules.sentences import sentence
from coterie.rules.tree import Rule, parse_rule
from coterie.tags.views import View

if TYPE_CHECKING:
    from coterie.audiences.snapshots import Snapshots
    from coterie.index.service import Index
    from coterie.store.service import Document

_MOST_LETTERS = 2_000


class Blocks:
    """Save, list, copy and delete the blocks of a workspace."""

    def __init__(self, index: Index, snapshots: Snapshots) -> None:
        self._index, self._snapshots, self._store = index, snapshots, index.context.store

    def save(
        self,
        name: str,
        rule: Any,
        *,
        description: str | None = None,
        entity_kind: str = "customer",
        language: str = "en",
    ) -> dict[str, Any]:
        """Save a rule as a block; an existing name gets a new version. Returns block, sentence, version.

        rule : JSON as in a rule file. description : what it is for; of an existing block the one it has, if not given.
        Raises Refused: the rule has a mistake, with its place and fix; or it would use itself through others.
        """
        check_name(name, "a block")
        if description is not None and len(description) > _MOST_LETTERS:
            fix = f"Give a text of at most {_MOST_LETTERS:,} characters."
            raise Refused("bad_argument", "`description` is too long.", place="description", fix=fix)
        parsed, known = read_as(rule, entity_kind), self._store.find(BLOCK, name)
        self._check(name, parsed)
        if known is not None and known.body["entity_kind"] != parsed.entity:
            refuse_used(self._store, BLOCK, name)
        said = description if description is not None else "" if known is None else known.body["description"]
        body = {"rule": plain(parsed.as_json()), "entity_kind": parsed.entity, "description": said}
        version = self._store.put(BLOCK, name, body)
        return {"block": name, "sentence": self._sentence(parsed, language), "version": version}

    def rows(self, language: str = "en") -> list[dict[str, Any]]:
        """All blocks by name, with who uses them."""
        return [self._row(document, language) for document in self._store.all(BLOCK)]

    def get(self, name: str) -> Document:
        """A block; its body has `rule`, `entity_kind` and `description`. Raises NotFound."""
        return self._store.get(BLOCK, name)

    def show(self, name: str, language: str = "en") -> dict[str, Any]:
        """A block with its rule, who uses it, and its versions, oldest first. Raises NotFound."""
        document = self.get(name)
        return {
            **self._row(document, language),
            "rule": document.body["rule"],
            "versions": self.versions(name, language),
        }

    def versions(self, name: str, language: str = "en") -> list[dict[str, Any]]:
        """All versions of a block, oldest first: version, saved_at, sentence, rule. Raises NotFound."""
        self.get(name)
        return [
            {
                "version": document.version,
                "saved_at": show_moment(document.created_at, self._index.context.zone),
                "sentence": self._sentence(parse_rule(document.body["rule"]), language),
                "rule": document.body["rule"],
            }
            for document in self._store.history(BLOCK, name)
        ]

    def used_by(self, name: str) -> list[User]:
        """The audiences and blocks that name a block themselves."""
        return users_of(self._store, BLOCK, name)

    def copy(self, name: str, to: str) -> dict[str, Any]:
        """Save the same rule under another name. Raises NotFound; Refused: there is one of that name."""
        body = self.get(name).body
        if self._store.find(BLOCK, to) is not None:
            raise Refused("bad_argument", f'There is a block "{to}".', place="to", fix="Choose another name.")
        return self.save(to, body["rule"], description=body["description"])

    def delete(self, name: str) -> None:
        """Delete a block that nobody names. Raises NotFound; Refused `in_use`, with the names of those who do."""
        self.get(name)
        refuse_used(self._store, BLOCK, name)
        self._store.delete(BLOCK, name)

    def _check(self, name: str, rule: Rule) -> None:
        """Find the rule's names as a block of that name would, so that a circle through itself is noticed."""
        standing, context = self._index.standings.of(rule.entity), self._index.context
        as_of = standing.as_of(context)
        view = View(context, context.engine, rule.entity, as_of, standing.data_version)
        sets, words = StoredSets(self._index, self._snapshots, view, standing), standing.vocabulary
        scope = Scope(words, as_of, words.zone, rule.entity, sets, chain=((BLOCK, name),))
        scope.bind(rule.root)
        if scope.problems:
            raise scope.problems[0]

    def _row(self, document: Document, language: str) -> dict[str, Any]:
        return {
            "block": document.name,
            "version": document.version,
            "description": document.body["description"],
            "entity_kind": document.body["entity_kind"],
            "sentence": self._sentence(parse_rule(document.body["rule"]), language),
            "used_by": [user._asdict() for user in self.used_by(document.name)],
        }

    def _sentence(self, rule: Rule, language: str) -> str:
        return sentence(rule, language, self._index.standings.of(rule.entity).vocabulary)
