"""Conditions on ranks: the best thousand or five per cent by a tag, and parts of equal size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import NUMERIC, ValueType
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.formula import indented
from coterie.rules.leaves.inner import bind_inner, read_inner
from coterie.rules.nodes import Leaf, Node, Reading
from coterie.rules.operators import OPERATORS
from coterie.rules.sentences import Speaker, number
from coterie.rules.values import Raw, thaw

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

MAX_PARTS = 1_000
_MOST = 2**32
_RANKED = NUMERIC | {ValueType.DATE, ValueType.MOMENT}
_MICRO = 1_000_000  # a share in ten-thousandths of a per cent is a whole number
_BASE: Mapping[str, Any] = {
    "tag": {"type": "string", "minLength": 1},
    "lowest": {"type": "boolean"},
    "among": {"$ref": "#/$defs/node"},
}


@dataclass(frozen=True)
class Ranking:
    """People in the order of a tag, the highest value first or the `lowest`; equal values by key, code point by code point.

    Missing values are in no ranking. among : the rule whose members are ranked; everyone in the universe without it.
    """

    tag: str
    lowest: bool = False
    among: Node | None = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> Ranking:
        """Read the keys `tag`, `lowest` and `among`."""
        lowest = body.get("lowest", False)
        if not isinstance(lowest, bool):
            raise Refused("bad_value", '"lowest" is true or false.', place=place, fix="Leave it out for the highest.")
        among = None if "among" not in body else read_inner(body["among"], nodes.inside(place, "among"), reading)
        return cls(nodes.text_of(body, "tag", place), lowest, among)

    def as_json(self) -> dict[str, Raw]:
        """The keys as JSON."""
        body: dict[str, Raw] = {"tag": self.tag} | ({"lowest": True} if self.lowest else {})
        return body | ({} if self.among is None else {"among": nodes.node_json(self.among)})

    def bind(self, scope: Scope, place: str) -> BoundRanking:
        """Find the tag and the names of `among`."""
        tag = scope.tag(self.tag, place, _RANKED)
        order = f"f.{quote_name(tag.name)}{'' if self.lowest else ' DESC'}, u.entity"
        relation = f'FROM {quote_name(f"family:{tag.family}")} AS f\nJOIN "universe" AS u ON u."row" = f."row"'
        families: tuple[str, ...] = (tag.family,)
        datasets: tuple[str, ...] = ()
        if self.among is not None:
            among = bind_inner(self.among, scope, nodes.inside(place, "among"))
            relation += f'\nSEMI JOIN (\n{indented(among.members_sql())}\n) AS m ON m."row" = f."row"'
            families, datasets = tuple(dict.fromkeys((*families, *among.families))), among.datasets
        relation += f"\nWHERE f.{quote_name(tag.name)} IS NOT NULL"
        return BoundRanking(relation, order, families, datasets)

    def words(self, speaker: Speaker) -> tuple[str, str, str]:
        """The tag, the end from which is counted, and of whom."""
        ends = speaker.pick("lowest", "最低") if self.lowest else speaker.pick("highest", "最高")
        if self.among is None:
            return speaker.tag(self.tag)[0], ends, ""
        said = speaker.clause(self.among, nested=speaker.language == "en", relative=True)
        return speaker.tag(self.tag)[0], ends, speaker.pick(f" of those {said}", f"在符合条件（{said}）的人中")


@dataclass(frozen=True)
class BoundRanking:
    """A ranking as SQL: FROM and WHERE, and the order."""

    relation: str
    order: str
    families: tuple[str, ...]
    datasets: tuple[str, ...]

    def first_sql(self, count: int) -> str:
        """SQL of the rows of the first ones."""
        return f'SELECT u."row" AS "row"\n{self.relation}\nORDER BY {self.order}\nLIMIT {count}'

    def ranks_sql(self, *columns: str) -> str:
        """SQL of `row`, `place` from 1 and `number` (of all that have a value), and columns made of these two."""
        numbers = f'row_number() OVER (ORDER BY {self.order}) AS place, count(*) OVER () AS "number"'
        ranks = f'SELECT u."row" AS "row", {numbers}\n{self.relation}'
        return f'SELECT "row", {", ".join(columns)}\nFROM (\n{indented(ranks)}\n) AS r'


@dataclass(frozen=True)
class BoundRank(BoundLeaf):
    """A condition on a rank, ready to be asked; `rows` is SQL of who passes, `ranks` of the ranks of all."""

    rows: str = ""
    ranks: str = ""

    def source(self) -> Source:
        """The rows."""
        return Source(f"FROM (\n{indented(self.rows)}\n) AS r", 'r."row"', None)

    @property
    def asked_sql(self) -> str:
        """The ranks: that of one entity depends on all others."""
        return self.ranks

    def measured(self, facts: Facts) -> None:
        """Without a value, without a rank."""
        return None


@dataclass(frozen=True)
class TopLeaf(Leaf):
    """`{"top": {"tag": "value.score", "n": 1000}}` or `"percent": 5`: floor(share * number of people with a value)."""

    key = "top"

    ranking: Ranking
    n: int | None = None
    percent: Decimal | None = None

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> TopLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("top",), place)
        said, inner = nodes.object_of(body, "top", place), nodes.inside(place, "top")
        nodes.known_keys(said, ("tag", "n", "percent", "lowest", "among"), inner)
        ranking = Ranking.read(said, inner, reading)
        if ("n" in said) == ("percent" in said):
            fix = 'Write "n": 1000, or "percent": 5.'
            raise Refused("bad_rule", 'One of "n" and "percent" stands here.', place=inner, fix=fix)
        if "n" in said:
            return cls(ranking, nodes.whole_of(said, "n", inner, 1, _MOST))
        return cls(ranking, None, nodes.percent_of(said, inner))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        amounts = {
            "n": {"type": "integer", "minimum": 1},
            "percent": {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
        }
        return _schema("top", amounts, [])

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        amount = {"n": self.n} if self.percent is None else {"percent": thaw(self.percent)}
        return {"top": {**self.ranking.as_json(), **amount}}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find the tag; the value is the rank, or the share of those ranked up to and with someone, in per cent."""
        found = self.ranking.bind(scope, nodes.inside(place, "top"))
        operand: int | Decimal
        if self.percent is None:
            assert self.n is not None
            kind, operand, rows = ValueType.INTEGER, self.n, found.first_sql(self.n)
            ranks = found.ranks_sql('place AS "value"')
        else:
            kind, operand = ValueType.DECIMAL, self.percent
            passing = f'place * {_MICRO} <= "number" * {int(self.percent * 10_000)}'
            rows = f"{found.ranks_sql('place')}\nWHERE {passing}"
            share = f'(place * {_MICRO} + "number" - 1) // "number"'
            ranks = found.ranks_sql(f'({share})::DECIMAL(14, 0) * 0.0001::DECIMAL(5, 4) AS "value"')
        leaf = BoundRank(
            ("rank", ranks), kind, OPERATORS["lte"], operand,
            families=found.families, datasets=found.datasets, of_universe=True, rows=rows, ranks=ranks,
        )  # fmt: skip
        return leaf_node(place, self, leaf)

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        tag, end, among = self.ranking.words(speaker)
        if self.percent is None:
            count = number(self.n or 0)
            return speaker.pick(f"they are among the {count} {end} by {tag}{among}", f"{among}是{tag}{end}的{count}人")
        share = number(self.percent)
        return speaker.pick(f"they are among the {end} {share}% by {tag}{among}", f"{among}是{tag}{end}的{share}%")

    def subject(self, speaker: Speaker) -> str:
        """The rank, in words."""
        tag, end, among = self.ranking.words(speaker)
        share = "" if self.percent is None else speaker.pick(" in %", "百分比")
        return speaker.pick(f"the rank{share} from the {end} by {tag}{among}", f"{among}{tag}自{end}起的名次{share}")


@dataclass(frozen=True)
class QuantileLeaf(Leaf):
    """`{"quantile": {"tag": "value.score", "parts": 10, "is": [1, 2]}}`: part 1 + floor(parts * (rank - 1) / number)."""

    key = "quantile"

    ranking: Ranking
    parts: int
    chosen: tuple[int, ...]

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> QuantileLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("quantile",), place)
        said, inner = nodes.object_of(body, "quantile", place), nodes.inside(place, "quantile")
        nodes.known_keys(said, ("tag", "parts", "is", "lowest", "among"), inner)
        ranking = Ranking.read(said, inner, reading)
        parts = nodes.whole_of(said, "parts", inner, 2, MAX_PARTS)
        return cls(ranking, parts, nodes.wholes_of(said, "is", inner, parts))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return _schema("quantile", parts_schema(), ["parts", "is"])

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"quantile": {**self.ranking.as_json(), "parts": self.parts, "is": list(self.chosen)}}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find the tag; the value is the part."""
        found = self.ranking.bind(scope, nodes.inside(place, "quantile"))
        part = f'1 + {self.parts} * (place - 1) // "number"'
        leaf = BoundRank(
            ("rank", ranks := found.ranks_sql(f'({part}) AS "value"')), ValueType.INTEGER, OPERATORS["in"], self.chosen,
            families=found.families, datasets=found.datasets, of_universe=True, ranks=ranks,
            rows=f"{found.ranks_sql('place')}\nWHERE {part} IN ({', '.join(map(quote_value, self.chosen))})",
        )  # fmt: skip
        return leaf_node(place, self, leaf)

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        tag, end, among = self.ranking.words(speaker)
        chosen = speaker.pick(", ", "、").join(map(str, self.chosen))
        plural = "s" if len(self.chosen) > 1 else ""
        return speaker.pick(
            f"they are in part{plural} {chosen} of {self.parts} by {tag} ({end} first){among}",
            f"{among}按{tag}（{end}在前）分为{self.parts}份中的第{chosen}份",
        )

    def subject(self, speaker: Speaker) -> str:
        """The part, in words."""
        tag, end, among = self.ranking.words(speaker)
        return speaker.pick(
            f"the part of {self.parts} by {tag} ({end} first){among}",
            f"{among}按{tag}（{end}在前）分为{self.parts}份的序号",
        )


def parts_schema() -> dict[str, Any]:
    """JSON Schema of `parts` and `is`."""
    part = {"type": "integer", "minimum": 1, "maximum": MAX_PARTS}
    return {
        "parts": {**part, "minimum": 2},
        "is": {"anyOf": [part, {"type": "array", "items": part, "minItems": 1}]},
    }


def _schema(key: str, properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    inner = {
        "type": "object",
        "required": ["tag", *required],
        "additionalProperties": False,
        "properties": {**_BASE, **properties},
    }
    return {"type": "object", "required": [key], "additionalProperties": False, "properties": {key: inner}}
