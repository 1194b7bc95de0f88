"""The sets of entities that a rule may name in this workspace: other audiences, snapshots, uploaded lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coterie.engines.sql import quote_name
from coterie.rules.tree import Rule, parse_rule
from coterie.tags.context import TagContext

if TYPE_CHECKING:
    import pyarrow as pa
    from pyroaring import BitMap

    from coterie.audiences.snapshots import Snapshot, Snapshots
    from coterie.engines.duckdb import Engine


class StoredSets:
    """Other audiences, snapshots and lists that a rule names.

    families : the tag families of the lists asked for; their views must be made before the SQL runs.
    """

    def __init__(self, context: TagContext, snapshots: Snapshots, kind: str) -> None:
        self._context, self._snapshots, self._kind = context, snapshots, kind
        self.families: list[str] = []
        self._named: dict[str, Snapshot] = {}

    def prepare(self, engine: Engine) -> None:
        """Let an engine see the snapshots that were named."""
        for name, snapshot in self._named.items():
            engine.register(name, rows_table(self._snapshots.members(snapshot)))

    def audience(self, name: str) -> Rule:
        """The present rule of a saved audience. Raises NotFound."""
        return parse_rule(self._context.store.get("audience", name).body["rule"])

    def snapshot_sql(self, audience: str, snapshot: str) -> str:
        """SQL of the row numbers in a snapshot."""
        found = self._snapshots.get(audience, snapshot)
        name = f"snapshot:{found.id}"
        self._named[name] = found
        return f"SELECT row FROM {quote_name(name)}"

    def list_sql(self, name: str) -> str:
        """SQL of the row numbers on an uploaded list."""
        tag = self._context.catalog.tag(f"list.{name}", self._kind)
        self.families.append(tag.family)
        return f"SELECT row FROM {quote_name(f'family:{tag.family}')} WHERE {quote_name(tag.name)}"


def rows_table(members: BitMap) -> pa.Table:
    """Row numbers as a table with the column `row`."""
    import pyarrow as pa

    return pa.table({"row": pa.array(members.to_array(), pa.int64())})


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
