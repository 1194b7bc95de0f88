"""What rules need to know of the world: tags, datasets and fields, other audiences, uploaded lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import Dataset, ValueType
from coterie.engines.sql import quote_name
from coterie.errors import NotFound, Refused, unknown_name

if TYPE_CHECKING:
    from coterie.rules.tree import Rule


@dataclass(frozen=True)
class TagInfo:
    """What a rule must know of a tag.

    family : its values are column `name` of the view `family:FAMILY`.
    label : its name for people, by language (`en`, `zh`); where there is none, the name itself is shown.
    """

    name: str
    type: ValueType
    family: str
    entity_kind: str = "customer"
    label: Mapping[str, str] = field(default_factory=dict)


class Vocabulary(Protocol):
    """The names that a rule may use. `tag` and `dataset` raise NotFound for others."""

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's time zone: days begin there, and moments without an offset are in it."""
        ...

    def tag(self, name: str) -> TagInfo:
        """The tag of that name."""
        ...

    def tag_names(self) -> Iterable[str]:
        """All tags, for suggestions."""
        ...

    def dataset(self, name: str) -> Dataset:
        """The dataset of that name."""
        ...

    def dataset_names(self) -> Iterable[str]:
        """All datasets, for suggestions."""
        ...


class Resolver(Protocol):
    """Sets of entities that a rule names: other audiences and uploaded lists. Each method raises NotFound for an unknown one."""

    def audience(self, name: str) -> Rule:
        """The present rule of a saved audience."""
        ...

    def snapshot_sql(self, audience: str, snapshot: str) -> str:
        """SQL of a relation with a column `row`: the members of a snapshot."""
        ...

    def list_sql(self, name: str) -> str:
        """SQL of a relation with a column `row`: the members of an uploaded list."""
        ...


@runtime_checkable
class Blocks(Protocol):
    """A resolver that also knows groups of conditions that were saved to be used again."""

    def block(self, name: str) -> Rule:
        """The present rule of a saved block. Raises NotFound."""
        ...


@runtime_checkable
class SqlSets(Protocol):
    """A resolver that also answers SQL."""

    def sql_rows(self, text: str, place: str) -> str:
        """SQL of a relation with a column `row`: the ids that a SELECT returns. Raises Refused `sql_refused`."""
        ...


@dataclass(frozen=True)
class PlainVocabulary:
    """A vocabulary held in memory, for examples, tests and checks without a workspace.

    >>> words = PlainVocabulary(tags=(TagInfo("country", ValueType.TEXT, "profile"),))
    >>> words.tag("countri")
    Traceback (most recent call last):
    coterie.errors.NotFound: `unknown_name`: There is no tag "countri". Did you mean "country"?
    """

    tags: tuple[TagInfo, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    zone: ZoneInfo = ZoneInfo("UTC")

    def tag(self, name: str) -> TagInfo:
        """The tag of that name."""
        for tag in self.tags:
            if tag.name == name:
                return tag
        raise unknown_name("tag", name, self.tag_names())

    def tag_names(self) -> list[str]:
        """All tags."""
        return [t.name for t in self.tags]

    def dataset(self, name: str) -> Dataset:
        """The dataset of that name."""
        for dataset in self.datasets:
            if dataset.name == name:
                return dataset
        raise unknown_name("dataset", name, self.dataset_names())

    def dataset_names(self) -> list[str]:
        """All datasets."""
        return [d.name for d in self.datasets]


@dataclass(frozen=True)
class PlainResolver:
    """Audiences, blocks, snapshots, lists and answers of SQL held in memory: rules, and row numbers."""

    audiences: Mapping[str, Rule] = field(default_factory=dict)
    snapshots: Mapping[tuple[str, str], Iterable[int]] = field(default_factory=dict)
    lists: Mapping[str, Iterable[int]] = field(default_factory=dict)
    blocks: Mapping[str, Rule] = field(default_factory=dict)
    answers: Mapping[str, Iterable[int]] = field(default_factory=dict)

    def audience(self, name: str) -> Rule:
        """The rule of that name."""
        if name not in self.audiences:
            raise unknown_name("audience", name, self.audiences)
        return self.audiences[name]

    def snapshot_sql(self, audience: str, snapshot: str) -> str:
        """The rows of a snapshot."""
        if (audience, snapshot) not in self.snapshots:
            known = [s for a, s in self.snapshots if a == audience]
            raise unknown_name(f'snapshot of "{audience}"', snapshot, known)
        return rows_sql(self.snapshots[audience, snapshot])

    def list_sql(self, name: str) -> str:
        """The rows of a list."""
        if name not in self.lists:
            raise unknown_name("list", name, self.lists)
        return rows_sql(self.lists[name])

    def block(self, name: str) -> Rule:
        """The rule of that name."""
        if name not in self.blocks:
            raise unknown_name("block", name, self.blocks)
        return self.blocks[name]

    def sql_rows(self, text: str, place: str) -> str:
        """The rows of a SELECT."""
        if text not in self.answers:
            raise Refused("sql_refused", "No answer to this SQL is known here.", place=place, fix="Ask a workspace.")
        return rows_sql(self.answers[text])


def rows_sql(rows: Iterable[int]) -> str:
    """SQL of a relation with a column `row` that holds these numbers.

    >>> rows_sql([3, 1])
    'SELECT unnest([1, 3]::BIGINT[]) AS "row"'
    """
    return f"SELECT unnest([{', '.join(str(int(r)) for r in sorted(rows))}]::BIGINT[]) AS {quote_name('row')}"


def at_place(error: NotFound, place: str) -> Refused:
    """The same error, with the place in the rule where the unknown name stands."""
    return type(error)(error.code, error.message, place=place, fix=error.fix)
