"""How many of an audience, and of those it is compared with, have each value of a tag: from code columns, else by SQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from coterie.audiences.service import Question
from coterie.catalog.schemas import TagDefinition, ValueType
from coterie.engines.sql import quote_name
from coterie.index.columns import Column
from coterie.index.threads import ahead
from coterie.rules import nodes
from coterie.rules.binding import BoundNode, leaf_node
from coterie.rules.leaves.tag import BoundTag, TagLeaf
from coterie.rules.operators import OPERATORS

if TYPE_CHECKING:
    import pyarrow as pa

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sides:
    """Who is compared: an audience, and the rest of a base: everyone, or another audience."""

    audience: BitMap
    base: BitMap
    universal: bool

    @cached_property
    def rest(self) -> BitMap:
        """Those of the base who are not in the audience."""
        return self.base - self.audience

    @cached_property
    def shared(self) -> BitMap:
        """Those of the audience who are in the base: all of them where the base is everyone."""
        return self.audience if self.universal else self.audience & self.base


@dataclass(frozen=True)
class Tally:
    """Counts of one tag.

    values : its different values in rising order; of a multi-valued tag its items, of a path its JSON text.
    inside, rest, base : members of the audience, of the rest and of the base by value, shape (n_values,).
    present : how many of each of the three have a value.
    """

    values: pa.Array
    inside: Counts
    rest: Counts
    base: Counts
    present: tuple[int, int, int]


@dataclass
class Tallies:
    """Counts tags on two sides."""

    asked: Question
    sides: Sides
    _of: dict[str, TagDefinition] = field(init=False)

    def __post_init__(self) -> None:
        self._of = self.asked.vocabulary.definitions

    def of(self, tags: Iterable[str]) -> Iterator[Tally]:
        """The counts of each of these tags; those of columns are made by two threads while others are looked at."""
        columns = [(tag, self._column(tag)) for tag in tags]
        known = [column for _, column in columns if column is not None]
        if known:
            _ = self._rows  # made once, before the threads ask for them
        made = ahead(self._of_column, known)
        for tag, column in columns:
            yield self._by_sql(self._of[tag]) if column is None else next(made)

    def _of_column(self, column: Column) -> Tally:
        tally = self._of_lists(column) if column.facts.kind == "lists" else self._of_codes(column)
        return tally if self.sides.universal and self._whole(column) else _seen(tally)

    def _column(self, tag: str) -> Column | None:
        return self.asked.index.column(tag, self.asked.kind, self.asked.standing) if self._indexed else None

    @cached_property
    def _indexed(self) -> bool:
        """Whether the published build answers; where that takes no time, its columns are made now."""
        asked, record = self.asked, self.asked.standing.record
        if record is None or not asked.standing.current:
            return False
        if (record.as_of, record.data_version) != (asked.as_of, asked.data_version):
            return False
        first = {tag.family: tag for tag in reversed(self._of.values())}
        asked.index.ready(_existing(first.values()), asked.standing, asked.as_of, asked.data_version)
        return True

    # ------------------------------------------------------------ from columns

    @cached_property
    def _outside(self) -> BitMap:
        """Rows below the greatest of the base that are not in it, or were erased."""
        base = self.sides.base
        return base.flip(0, base.max() + 1) if base else BitMap()

    @cached_property
    def _rows(self) -> dict[str, npt.NDArray[np.intp]]:
        sides = self.sides
        found = {"audience": sides.audience}
        found |= {"outside": self._outside} if sides.universal else {"rest": sides.rest, "shared": sides.shared}
        return {name: np.frombuffer(rows.to_array(), np.uint32).astype(np.intp) for name, rows in found.items()}

    def _of_codes(self, column: Column) -> Tally:
        inside = column.counts(self._rows["audience"])
        if self.sides.universal:
            base = column.all_counts
            if not self._whole(column):
                base = base - self._counts_outside(column)
            rest = base - inside
        else:
            rest = column.counts(self._rows["rest"])
            base = rest + column.counts(self._rows["shared"])
        present = (int(inside[1:].sum()), int(rest[1:].sum()), int(base[1:].sum()))
        return Tally(column.values, inside[1:], rest[1:], base[1:], present)

    def _whole(self, column: Column) -> bool:
        """Whether everyone with a code is in the base."""
        return not self._outside and bool(self.sides.base) and column.rows <= self.sides.base.max() + 1

    def _counts_outside(self, column: Column) -> Counts:
        """Of rows that have codes and are not in the base; a column may reach beyond the base's last row."""
        top = self.sides.base.max() + 1 if self.sides.base else 0
        counts = column.counts(self._rows["outside"])
        if column.rows > top:
            counts = counts + np.bincount(column.codes[top:], minlength=len(counts))
        return counts

    def _of_lists(self, column: Column) -> Tally:
        import pyarrow as pa

        items = {item: rows for item, rows in column.lists.items() if not item.startswith("\0")}
        whole = self.sides.universal and self._whole(column)
        counts = np.array([self._three(rows, whole) for rows in items.values()], np.int64).reshape(-1, 3)
        inside, rest, base = counts.T
        return Tally(pa.array(items, pa.string()), inside, rest, base, self._three(column.present, whole))

    def _three(self, rows: BitMap, whole: bool) -> tuple[int, int, int]:
        sides = self.sides
        inside = rows.intersection_cardinality(sides.audience)
        base = len(rows) if whole else rows.intersection_cardinality(sides.base)
        shared = inside if sides.universal else rows.intersection_cardinality(sides.shared)
        return inside, base - shared, base

    # ------------------------------------------------------------ by SQL

    def _by_sql(self, tag: TagDefinition) -> Tally:
        engine, sides = self.asked.engine, self._shown
        self.asked.use((tag.family,))
        family, value = quote_name(f"family:{tag.family}"), _value_sql(tag)
        counts = ", ".join(f"count(*) FILTER (WHERE {side}) AS {side}" for side in ("inside", "rest", "base"))
        rows = f"SELECT {value} AS v, s.* FROM {quote_name(sides)} s JOIN {family} USING (row)"
        present = engine.row(f"SELECT {counts} FROM ({rows}) WHERE v IS NOT NULL")
        if tag.type is ValueType.TEXTS:
            rows = f"SELECT unnest(list_distinct(v)) AS v, inside, rest, base FROM ({rows})"
        table = engine.arrow(f"SELECT v, {counts} FROM ({rows}) WHERE v IS NOT NULL GROUP BY v ORDER BY v")
        inside, rest, base = (table[side].to_numpy().astype(np.int64) for side in ("inside", "rest", "base"))
        return Tally(table["v"].combine_chunks(), inside, rest, base, present)

    @cached_property
    def _shown(self) -> str:
        """Let the engine see who is on which side: the name of a table `row`, `inside`, `rest`, `base`."""
        import pyarrow as pa

        sides = self.sides
        everyone = sides.audience | sides.base
        rows = np.frombuffer(everyone.to_array(), np.uint32)
        flags = {"inside": sides.audience, "rest": sides.rest, "base": sides.base}
        columns: dict[str, Any] = {"row": pa.array(rows.astype(np.int64))}
        for side, members in flags.items():
            columns[side] = pa.array(np.isin(rows, np.frombuffer(members.to_array(), np.uint32), assume_unique=True))
        name = f"sides:{uuid.uuid4().hex}"
        self.asked.engine.register(name, pa.table(columns))
        return name

    def close(self) -> None:
        """Forget what was shown to the engine, which others will use."""
        if "_shown" in self.__dict__:
            self.asked.engine.unregister(self.__dict__.pop("_shown"))


def _seen(tally: Tally) -> Tally:
    """Without the values that nobody has of those who are compared."""
    kept = tally.inside + tally.base > 0
    if kept.all():
        return tally
    values = tally.values.take(np.flatnonzero(kept))
    return Tally(values, tally.inside[kept], tally.rest[kept], tally.base[kept], tally.present)


def _value_sql(tag: TagDefinition) -> str:
    """A tag's value as columns of codes hold it."""
    value = quote_name(tag.name)
    match tag.type:
        case ValueType.PATH:
            return f"CAST(to_json({value}) AS VARCHAR)"
        case ValueType.VECTOR:
            return f"CASE WHEN {value} IS NOT NULL THEN 1 END"
        case ValueType.NUMBER:
            return f"CASE WHEN NOT isnan({value}) THEN {value} END"
        case _:
            return value


def _existing(tags: Any) -> BoundNode:
    """A question about these tags, to ask whether their columns are there."""
    leaves = []
    for tag in tags:
        leaf = BoundTag(("tag", tag.name), tag.type, OPERATORS["exists"], None, families=(tag.family,))
        leaves.append(leaf_node(nodes.ROOT, TagLeaf(tag.name, "exists"), leaf))
    return BoundNode(nodes.ROOT, nodes.Any(()), "any", tuple(leaves))
