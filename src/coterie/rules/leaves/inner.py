"""Rules within conditions: the people among whom ranks are counted, or whose neighbours are looked for."""

from __future__ import annotations

from dataclasses import dataclass

from coterie.rules.binding import BoundNode, Scope
from coterie.rules.nodes import Node, Reading
from coterie.rules.values import Raw


@dataclass(frozen=True)
class Inner:
    """A rule within a condition, bound."""

    root: BoundNode

    @property
    def families(self) -> tuple[str, ...]:
        """The tag families it reads."""
        return tuple(dict.fromkeys(f for _, leaf in self.root.leaves() for f in leaf.families))

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets it reads."""
        return tuple(dict.fromkeys(d for _, leaf in self.root.leaves() for d in leaf.datasets))

    def members_sql(self) -> str:
        """SQL of a relation with the columns `row` and `entity`: who passes."""
        from coterie.rules.sql import members_sql  # which compiles rules, and so the conditions

        return members_sql(self.root)


def read_inner(raw: Raw, place: str, reading: Reading) -> Node:
    """Read a rule within a condition."""
    from coterie.rules.tree import read_leaf  # which knows all kinds of conditions

    return reading.inner(raw, place, read_leaf)


def bind_inner(node: Node, scope: Scope, place: str) -> Inner:
    """Find the names of a rule within a condition; audiences in it may not lead back to the rule."""
    return Inner(scope.inner(node, place))
