"""Rules as SQL over the views `universe`, `family:F`, `dataset:D` and `events:D` (one as-of, one data version), in DuckDB's
dialect."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from coterie.rules.binding import BoundLeaf, BoundNode, Source
from coterie.rules.check import bind_rule
from coterie.rules.formula import indented
from coterie.rules.tree import Rule
from coterie.rules.vocabulary import Resolver, Vocabulary


@dataclass(frozen=True)
class NodeCount:
    """Numbers of entities at one node.

    alone : pass the node by itself.
    remaining : come to this node and pass it. To a child of `all` come those who passed all before it; to every other node come
        those who come to its parent. So `remaining` of the root is the count.
    removed : come to this node and do not pass it.
    reachable : of those who remain, how many each channel reaches.
    """

    place: str
    alone: int
    remaining: int
    removed: int
    reachable: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleCount:
    """Exact numbers: who passes, the universe, and each node (parents before children) where the waterfall was asked for."""

    count: int
    universe: int
    nodes: tuple[NodeCount, ...]


class LeafSql(NamedTuple):
    """One condition by itself.

    key : the same for equal questions, relative dates resolved.
    rows_sql : relation with a column `row`; it may hold rows outside the universe.
    families, datasets : what it reads.
    """

    key: str
    rows_sql: str
    families: tuple[str, ...]
    datasets: tuple[str, ...]


@dataclass(frozen=True)
class CompiledRule:
    """A rule ready to be counted.

    families, datasets : the views it reads, besides `universe`.
    """

    rule: Rule
    bound: BoundNode

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the tag families it reads."""
        return tuple(dict.fromkeys(f for _, leaf in self.bound.leaves() for f in leaf.families))

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets it reads, lookups among them."""
        return tuple(dict.fromkeys(d for _, leaf in self.bound.leaves() for d in leaf.datasets))

    @property
    def leaves(self) -> tuple[LeafSql, ...]:
        """Every different condition by itself, those of audiences it names among them."""
        found = (LeafSql(leaf.key, leaf.rows_sql(), leaf.families, leaf.datasets) for _, leaf in self.bound.leaves())
        return tuple({leaf.key: leaf for leaf in found}.values())

    def members_sql(self) -> str:
        """Who passes: `row` and `entity`, by row."""
        return members_sql(self.bound)

    def count_sql(self, *, waterfall: bool = True, channels: Mapping[str, BoundNode] | None = None) -> str:
        """One row: `count`, `universe`, then `alone`, `remaining`, `removed` of each node; read it with `read_count`.

        channels : by name, the rule of who can be reached; each node then has a number for each channel too.
        """
        sets = _Sets()
        numbers = [("count", _size(sets.truth(self.bound))), ("universe", _size(_EVERYONE))]
        if waterfall:
            reached = {name: sets.truth(node) for name, node in (channels or {}).items()}
            numbers += _waterfall(self.bound, _EVERYONE, sets, reached)
        columns = ",\n  ".join(f'coalesce(sum({sql}), 0)::BIGINT AS "{name}"' for name, sql in numbers)
        return f"{sets.sql()}\nSELECT\n  {columns}\nFROM {sets.last}"

    def read_count(self, row: Sequence[Any], channels: Sequence[str] = ()) -> RuleCount:
        """The answer of `count_sql`, waterfall or not; `channels` as it was asked with."""
        places = [node.place for node in self.bound.own()] if len(row) > 2 else []
        count, universe, *numbers = (int(n) for n in row)
        found, width = [], 3 + len(channels)
        for i, place in enumerate(places):
            alone, remaining, removed, *reached = numbers[width * i : width * (i + 1)]
            found.append(NodeCount(place, alone, remaining, removed, dict(zip(channels, reached, strict=True))))
        return RuleCount(count, universe, tuple(found))


def compile_rule(
    rule: Rule,
    vocabulary: Vocabulary,
    *,
    as_of: datetime,
    tz: ZoneInfo | None = None,
    resolver: Resolver | None = None,
    name: str | None = None,
    known: dict[Hashable, BoundLeaf] | None = None,
) -> CompiledRule:
    """Check a rule and compile it.

    as_of : what relative dates count from; the views are of the same moment.
    tz : where days begin; the vocabulary's zone if not given.
    name : the audience's own name, so that a circle through itself is noticed.
    known : conditions bound before with the same vocabulary and zone; new ones are added.

    Raises Refused: the first problem.
    """
    bound = bind_rule(rule, vocabulary, as_of=as_of, tz=tz, resolver=resolver, name=name, known=known)
    return CompiledRule(rule, bound)


def members_sql(bound: BoundNode) -> str:
    """SQL of who passes a bound rule: `row` and `entity`, by row."""
    sets = _Sets()
    truth = sets.truth(bound)
    # Materialized, or the engine would combine the sets anew for every 2,048 rows.
    member = f"member AS MATERIALIZED (\n  SELECT chunk, {truth.sql} AS bits\n  FROM {sets.last}\n)"
    row = 'u."row"'
    found = f'FROM "universe" AS u\nJOIN member ON member.chunk = {_chunk(row)}'
    kept = f"WHERE get_bit(member.bits, {_within(row)}) = 1"
    return f"{sets.sql()}, {member}\nSELECT {row}, u.entity\n{found}\n{kept}\nORDER BY {row}"


# Sets are kept as bit strings of 65,536 rows each.
_CHUNK_BITS = 16
_CHUNK_ROWS = 1 << _CHUNK_BITS
_NOBODY = f"bitstring('0', {_CHUNK_ROWS})"


def _chunk(row: str) -> str:
    return f"{row} >> {_CHUNK_BITS}"


def _within(row: str) -> str:
    return f"({row} & {_CHUNK_ROWS - 1})::INTEGER"


def _collected(row: str, condition: str = "true") -> str:
    kept = _within(row) if condition == "true" else f"CASE WHEN {condition} THEN {_within(row)} END"
    return f"bitstring_agg({kept}, 0, {_CHUNK_ROWS - 1})"


class _Bits(NamedTuple):
    """A set as SQL: `size` operations on columns that exist after step `step`."""

    sql: str
    size: int = 0
    step: int = 0


_EVERYONE = _Bits("everyone")
# Longer formulas get a column of their own, in a step of their own: of two hundred conditions, each number would otherwise
# repeat all those before it, and the engine plans for minutes.
_LONGEST = 12


class _Sets:
    """The sets of rows of a rule's conditions as bit strings: one scan of each family, one query of each events condition.

    Joining the families to the universe row by row takes four times as long as building and combining these sets (measured on a
    million rows, four tags of two families: 330 against 82 ms), and all numbers of the waterfall come from the same sets.
    """

    def __init__(self) -> None:
        self.sources: dict[tuple[str, str], dict[str, str]] = {}
        self.columns: dict[str, str] = {}
        self.steps: list[dict[str, str]] = []

    def truth(self, node: BoundNode) -> _Bits:
        """The set of a node."""
        if node.leaf is not None:
            return self._leaf(node.leaf.source())
        parts = [self.truth(child) for child in node.children]
        if node.kind == "not":
            return self._but(parts[0])
        if node.kind == "xor":
            return self._exactly_one(parts)
        return self.joined("|" if node.kind == "any" else "&", parts)

    def _but(self, bits: _Bits) -> _Bits:
        return self._named(_Bits(f"xor(everyone, {bits.sql})", bits.size + 1, bits.step))

    def _exactly_one(self, parts: Sequence[_Bits]) -> _Bits:
        """Who is in one of the sets, and in no second one."""
        once, twice = parts[0], None
        for part in parts[1:]:
            again = self.joined("&", [once, part])
            twice = again if twice is None else self.joined("|", [twice, again])
            once = self.joined("|", [once, part])
        return once if twice is None else self.joined("&", [once, self._but(twice)])

    def joined(self, sign: str, parts: Sequence[_Bits]) -> _Bits:
        """Sets joined by `&` or `|`; everyone where there is none."""
        kept = [p for p in parts if p is not _EVERYONE] if sign == "&" else list(parts)
        while len(kept) > 1:
            head, kept = kept[:_LONGEST], kept[_LONGEST:]
            size, step = sum(p.size for p in head) + len(head) - 1, max(p.step for p in head)
            kept.insert(0, self._named(_Bits(f"({f' {sign} '.join(p.sql for p in head)})", size, step)))
        return kept[0] if kept else _EVERYONE

    def _named(self, bits: _Bits) -> _Bits:
        """The set itself, or where its formula is long, a column for it."""
        if bits.size <= _LONGEST:
            return bits
        if len(self.steps) == bits.step:
            self.steps.append({})
        step = self.steps[bits.step]
        return _Bits(step.setdefault(bits.sql, f"b{bits.step}_{len(step)}"), 0, bits.step + 1)

    def _leaf(self, source: Source) -> _Bits:
        conditions = self.sources.setdefault((source.relation, source.row), {})
        number = sum(map(len, self.sources.values()))
        column = conditions.setdefault(source.condition or "true", f"c{number}")
        found = f"everyone & coalesce({column}, {_NOBODY})"
        name = f"not_{column}" if source.inverted else column
        self.columns[name] = f"xor(everyone, {found})" if source.inverted else found
        return _Bits(name)

    @property
    def last(self) -> str:
        """The relation that has all columns."""
        return f"step{len(self.steps) - 1}" if self.steps else "condition"

    def sql(self) -> str:
        """The WITH that ends in `last`: for each chunk `everyone` and every condition's set within it."""
        row = 'u."row"'
        everyone = f'SELECT {_chunk(row)} AS chunk, {_collected(row)} AS everyone\nFROM "universe" AS u\nGROUP BY 1'
        parts = [f"WITH everyone AS (\n{indented(everyone)}\n)"]
        joins = ""
        for number, ((relation, row), conditions) in enumerate(self.sources.items()):
            parts.append(f"s{number} AS (\n{indented(_scanned(relation, row, conditions))}\n)")
            joins += f"\nLEFT JOIN s{number} USING (chunk)"
        columns = ",\n  ".join(["chunk", "everyone", *(f"{sql} AS {name}" for name, sql in self.columns.items())])
        last = f"SELECT\n  {columns}\nFROM everyone{joins}"
        parts.append(f"condition AS MATERIALIZED (\n{indented(last)}\n)")
        for number, step in enumerate(self.steps):
            columns = ", ".join(["*", *(f"{sql} AS {name}" for sql, name in step.items())])
            parts.append(
                f"step{number} AS (\n  SELECT {columns}\n  FROM {f'step{number - 1}' if number else 'condition'}\n)"
            )
        return ", ".join(parts)


def _scanned(relation: str, row: str, conditions: dict[str, str]) -> str:
    """The sets of all conditions on one relation, in one scan."""
    if len(conditions) == 1:  # as WHERE it reaches the scan, which then skips blocks
        ((condition, column),) = conditions.items()
        columns, kept = [f"{_collected(row)} AS {column}"], "" if condition == "true" else f"\nWHERE {condition}"
    else:
        # CASE and not FILTER: of forty conditions on one family, FILTER takes twice as long.
        columns = [f"{_collected(row, sql)} AS {name}" for sql, name in conditions.items()]
        kept = ""
    selected = ",\n  ".join([f"{_chunk(row)} AS chunk", *columns])
    return f"SELECT\n  {selected}\n{relation}{kept}\nGROUP BY 1"  # by number, since a tag may be named `chunk`


def _size(bits: _Bits) -> str:
    return f"bit_count({bits.sql})"


def _waterfall(node: BoundNode, reach: _Bits, sets: _Sets, channels: Mapping[str, _Bits]) -> list[tuple[str, str]]:
    """The numbers of a node and of those below it, by name; `reach` is the set of those who come to it."""
    truth = sets.truth(node)
    remaining = sets.joined("&", [reach, truth])
    numbers = [
        (f"alone {node.place}", _size(truth)),
        (f"remaining {node.place}", _size(remaining)),
        (f"removed {node.place}", f"{_size(reach)} - {_size(remaining)}"),
        *((f"{name} {node.place}", _size(sets.joined("&", [remaining, bits]))) for name, bits in channels.items()),
    ]
    if node.kind == "audience":
        return numbers
    for child in node.children:
        numbers += _waterfall(child, reach, sets, channels)
        if node.kind == "all":
            reach = sets.joined("&", [reach, sets.truth(child)])
    return numbers
