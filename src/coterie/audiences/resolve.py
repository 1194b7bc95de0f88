"""The sets of entities that a rule may name in this workspace: other audiences, blocks, snapshots, lists, answers of SQL."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from coterie.engines.sql import quote_name
from coterie.errors import Refused
from coterie.rules.tree import Rule, parse_rule

if TYPE_CHECKING:
    import pyarrow as pa
    from pyroaring import BitMap

    from coterie.audiences.snapshots import Snapshot, Snapshots
    from coterie.audiences.sql_audience import Answer, Checked
    from coterie.engines.duckdb import Engine
    from coterie.index.service import Index
    from coterie.index.standing import Standing
    from coterie.store.service import Store
    from coterie.tags.views import View

AUDIENCE, BLOCK = "audience", "block"  # kinds of documents; also the keys of conditions that name one
_SHOWN = 3


class _Query(NamedTuple):
    checked: Checked
    place: str


class StoredSets:
    """Other audiences, blocks, snapshots, lists and SQL that a rule names, as of one question.

    families : the tag families of the lists asked for; their views must be made before the SQL runs.
    """

    def __init__(self, index: Index, snapshots: Snapshots, view: View, standing: Standing) -> None:
        self._index, self._snapshots, self._view, self._standing = index, snapshots, view, standing
        self.families: list[str] = []
        self._named: dict[str, Snapshot] = {}
        self._queries: dict[str, _Query] = {}

    def prepare(self, engine: Engine, sql: str | None = None) -> list[str]:
        """Let an engine see the snapshots and answers of SQL that were named, or those of them that `sql` reads.

        Returns the names under which they are registered.
        """
        names = [n for n in (*self._named, *self._queries) if sql is None or quote_name(n) in sql]
        for name in names:
            if name in self._named:
                engine.register(name, rows_table(self._snapshots.members(self._named[name])))
            else:
                engine.register(name, self._answer(name).table())
        return names

    def audience(self, name: str) -> Rule:
        """The present rule of a saved audience. Raises NotFound."""
        return parse_rule(self._index.context.store.get(AUDIENCE, name).body["rule"])

    def block(self, name: str) -> Rule:
        """The present rule of a saved block. Raises NotFound."""
        return parse_rule(self._index.context.store.get(BLOCK, name).body["rule"])

    def snapshot_sql(self, audience: str, snapshot: str) -> str:
        """SQL of the row numbers in a snapshot."""
        found = self._snapshots.get(audience, snapshot)
        name = f"snapshot:{found.id}"
        self._named[name] = found
        return f"SELECT row FROM {quote_name(name)}"

    def list_sql(self, name: str) -> str:
        """SQL of the row numbers on an uploaded list."""
        tag = self._index.context.catalog.tag(f"list.{name}", self._view.kind)
        self.families.append(tag.family)
        return f"SELECT row FROM {quote_name(f'family:{tag.family}')} WHERE {quote_name(tag.name)}"

    def sql_rows(self, text: str, place: str) -> str:
        """SQL of the row numbers that a SELECT returns. Raises Refused `sql_refused`.

        The relation's name stands for all that the answer depends on: the question, as-of, data version, definitions. So
        no other answer is ever taken for it, wherever it is kept.
        """
        from coterie.audiences.sql_audience import check, check_columns

        checked, view = check(self._standing.vocabulary, text, place=place), self._view
        right = ("answer", (checked.sql, view.kind, self._standing.definitions, self._standing.newest))
        self._index.remembered(right, lambda: check_columns(self._index.context, self._standing, checked, place=place))
        depends = (checked.sql, view.kind, view.as_of.isoformat(), view.data_version, self._standing.definitions)
        name = f"sql:{hashlib.sha256(repr(depends).encode()).hexdigest()[:32]}"
        self._queries.setdefault(name, _Query(checked, place))
        return f"SELECT row FROM {quote_name(name)}"

    def notes(self, language: str) -> tuple[str, ...]:
        """What people must know of the answers of SQL: ids that are nobody's."""
        return tuple(
            _unmatched_note(query.place, answer, language)
            for name, query in self._queries.items()
            if (answer := self._answer(name)).unmatched
        )

    def read_by_sql(self) -> tuple[set[str], set[str]]:
        """The tags and the datasets that the SQL of the rule names."""
        words, queries = self._standing.vocabulary, self._queries.values()
        named = {name for query in queries for name in query.checked.named}
        views = {view for query in queries for view in query.checked.views}
        return {t for t in words.tag_names() if t.lower() in named}, {d for d in words.dataset_names() if d in views}

    def _answer(self, name: str) -> Answer:
        from coterie.audiences.sql_audience import answer

        query = self._queries[name]
        found: Answer = self._index.remembered(
            ("answer", name), lambda: answer(self._index.context, self._view, query.checked, place=query.place)
        )
        return found


def _unmatched_note(place: str, answer: Answer, language: str) -> str:
    some = ", ".join(f'"{key}"' for key in answer.examples[:_SHOWN])
    if language == "zh":
        return f"{place} 处的 SQL 返回了 {answer.unmatched:,} 个不属于任何人的编号，例如 {some}。"
    ids = "1 id that is" if answer.unmatched == 1 else f"{answer.unmatched:,} ids that are"
    return f"The SQL at {place} returned {ids} nobody's, such as {some}."


def rows_table(members: BitMap) -> pa.Table:
    """Row numbers as a table with the column `row`."""
    import pyarrow as pa

    return pa.table({"row": pa.array(members.to_array(), pa.int64())})


def names_in(rule: Any, kind: str = AUDIENCE) -> set[str]:
    """The audiences, or the documents of another kind, that a rule, as JSON, names itself.

    >>> sorted(names_in({"all": [{"audience": "a"}, {"not": {"block": "b"}}, {"audience": "c", "snapshot": "1"}]}))
    ['a', 'c']
    """
    match rule:
        case dict():
            own = {rule[kind]} if isinstance(rule.get(kind), str) else set()
            # under `same` of a sequence stand names of datasets
            return own.union(*(names_in(value, kind) for key, value in rule.items() if key != "same"))
        case list():
            return set().union(*(names_in(value, kind) for value in rule))
        case _:
            return set()


class User(NamedTuple):
    """An audience or a block that names something."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == AUDIENCE else f"the block {self.name}"


def users_of(store: Store, kind: str, name: str) -> list[User]:
    """The audiences, then the blocks, whose rules name an audience or a block themselves."""
    documents = [*store.all(AUDIENCE), *store.all(BLOCK)]
    found = [User(d.kind, d.name) for d in documents if name in names_in(d.body["rule"], kind)]
    return [user for user in found if user != (kind, name)]  # an audience may name a snapshot of its own


def refuse_used(store: Store, kind: str, name: str) -> None:
    """Refuse to take away what others name. Raises Refused `in_use`, with their names."""
    if users := users_of(store, kind, name):
        said = f'"{name}" is used by {", ".join(map(str, users))}.'
        raise Refused("in_use", said, place=name, fix="Change or delete those first.")
