"""The sets of entities that a rule may name in this workspace: other audiences, snapshots, uploaded lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coterie.engines.sql import quote_name
from coterie.errors import Refused
from coterie.rules.tree import Rule, parse_rule
from coterie.rules.vocabulary import rows_sql
from coterie.tags.context import TagContext

if TYPE_CHECKING:
    from coterie.audiences.snapshots import Snapshots


class StoredSets:
    """Other audiences, snapshots and lists that a rule names.

    opening : the audience whose rule is being read; a rule may not reach itself.
    """

    def __init__(self, context: TagContext, snapshots: Snapshots, kind: str, *, opening: str | None) -> None:
        self._context, self._snapshots, self._kind, self._opening = context, snapshots, kind, opening

    def audience(self, name: str) -> Rule:
        """The present rule of a saved audience. Raises NotFound, or Refused where the rule would reach itself."""
        if name == self._opening:
            raise Refused("bad_rule", f'"{name}" would contain itself.', fix="Name another audience.")
        document = self._context.store.get("audience", name)
        if document.body["entity_kind"] != self._kind:
            kind = document.body["entity_kind"]
            raise Refused("bad_rule", f'"{name}" is an audience of kind {kind}, this rule of {self._kind}.')
        return parse_rule(document.body["rule"])

    def snapshot_sql(self, audience: str, snapshot: str) -> str:
        """SQL of the row numbers in a snapshot."""
        return rows_sql(self._snapshots.members(self._snapshots.get(audience, snapshot)))

    def list_sql(self, name: str) -> str:
        """SQL of the row numbers on an uploaded list."""
        tag = self._context.catalog.tag(f"list.{name}", self._kind)
        return f"SELECT row FROM {quote_name(f'family:{tag.family}')} WHERE {quote_name(tag.name)}"


def names_in(rule: Any) -> set[str]:
    """The audiences that a rule, as JSON, names."""
    match rule:
        case {"audience": str(name)}:
            return {name}
        case dict():
            return {name for value in rule.values() for name in names_in(value)}
        case list():
            return {name for value in rule for name in names_in(value)}
        case _:
            return set()
