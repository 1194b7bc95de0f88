"""What is known of one entity: the input of the single-customer evaluator, and the queries that fetch it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coterie.rules.binding import Fact


@dataclass(frozen=True)
class Facts:
    """What is known of one entity.

    tags : value by tag; None or absent is missing.
    events : by dataset, each event as its fields (`LOOKUP.FIELD` for those of lookups) and its moment under `_at`.
    lists, snapshots : the uploaded lists, and the (audience, snapshot) pairs, that it is in.
    measures : measures of events that stand in for the events themselves, by the fact they measure; made by `with_changes`.
    """

    tags: Mapping[str, Any] = field(default_factory=dict)
    events: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    snapshots: frozenset[tuple[str, str]] = frozenset()
    measures: Mapping[Any, Any] = field(default_factory=dict)

    def with_changes(self, changes: Iterable[tuple[Fact, Any]]) -> Facts:
        """The same entity with some facts changed.

        >>> Facts(tags={"age": 30}).with_changes([(("tag", "age"), 40), (("list", "vip"), True)])
        Facts(tags={'age': 40}, events={}, lists=frozenset({'vip'}), snapshots=frozenset(), measures={})
        """
        tags, lists, measures = dict(self.tags), set(self.lists), dict(self.measures)
        for fact, value in changes:
            match fact:
                case ("tag", str(name)):
                    tags[name] = value
                case ("list", str(name)):
                    (lists.add if value else lists.discard)(name)
                case _:
                    measures[fact] = value
        return replace(self, tags=tags, lists=frozenset(lists), measures=measures)
