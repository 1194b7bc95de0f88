"""A condition on links: `{"neighbours": {"dataset": "friends", "of": {"audience": "loyal"}, "at_least": 2}}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import DatasetKind, ValueType
from coterie.engines.sql import quote_name
from coterie.errors import NotFound, Refused, did_you_mean
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.formula import indented
from coterie.rules.leaves.inner import bind_inner, read_inner
from coterie.rules.nodes import Leaf, Node, Reading
from coterie.rules.operators import OPERATORS
from coterie.rules.sentences import Speaker
from coterie.rules.values import Raw, shown
from coterie.rules.vocabulary import at_place

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

_MOST = 10**9
DIRECTIONS = ("any", "out", "in")


@dataclass(frozen=True)
class NeighboursLeaf(Leaf):
    """Linked in a dataset of edges to at least so many different members of a rule.

    direction : `out` by edges from the person, `in` by edges to the person, `any` by either; nobody is a neighbour of himself.
    """

    key = "neighbours"

    dataset: str
    of: Node
    at_least: int = 1
    direction: str = "any"

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> NeighboursLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("neighbours",), place)
        said, inner = nodes.object_of(body, "neighbours", place), nodes.inside(place, "neighbours")
        nodes.known_keys(said, ("dataset", "of", "at_least", "direction"), inner)
        dataset = nodes.text_of(said, "dataset", inner)
        if "of" not in said:
            fix = 'Write {"of": {"audience": "loyal"}, ...}.'
            raise Refused("bad_rule", '"of" is missing.', place=inner, fix=fix)
        direction = said.get("direction", "any")
        if not isinstance(direction, str) or direction not in DIRECTIONS:
            fix = did_you_mean(str(direction), DIRECTIONS) or f"Write one of {', '.join(DIRECTIONS)}."
            raise Refused("bad_value", f'"{shown(direction)}" is no direction.', place=inner, fix=fix)
        at_least = nodes.whole_of({"at_least": 1, **said}, "at_least", inner, 1, _MOST)
        return cls(dataset, read_inner(said["of"], nodes.inside(inner, "of"), reading), at_least, direction)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        inner = {
            "type": "object",
            "required": ["dataset", "of"],
            "additionalProperties": False,
            "properties": {
                "dataset": {"type": "string", "minLength": 1},
                "of": {"$ref": "#/$defs/node"},
                "at_least": {"type": "integer", "minimum": 1},
                "direction": {"enum": list(DIRECTIONS)},
            },
        }
        return {
            "type": "object",
            "required": ["neighbours"],
            "additionalProperties": False,
            "properties": {"neighbours": inner},
        }

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        said = {"dataset": self.dataset, "of": nodes.node_json(self.of), "at_least": self.at_least}
        return {"neighbours": {**said, "direction": self.direction}}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find the edges and the names of the rule."""
        inner = nodes.inside(place, "neighbours")
        self._check_edges(scope, inner)
        of = bind_inner(self.of, scope, nodes.inside(inner, "of"))
        counts = self._counts_sql(of.members_sql())
        leaf = BoundNeighbours(
            ("neighbours", counts), ValueType.INTEGER, OPERATORS["gte"], self.at_least,
            families=of.families, datasets=tuple(dict.fromkeys((self.dataset, *of.datasets))),
            can_miss=False, of_universe=True, counts=counts,
        )  # fmt: skip
        return leaf_node(place, self, leaf)

    def _check_edges(self, scope: Scope, place: str) -> None:
        try:
            dataset = scope.vocabulary.dataset(self.dataset)
        except NotFound as error:
            raise at_place(error, place) from None
        if dataset.kind is not DatasetKind.EDGES:
            said = f'"{dataset.name}" holds {dataset.kind}, not edges.'
            raise Refused("bad_rule", said, place=place, fix="Use a dataset of edges.")
        if dataset.entity_kind != scope.entity:
            said = f'"{dataset.name}" links {dataset.entity_kind}s, and the rule is about {scope.entity}s.'
            raise Refused("bad_rule", said, place=place, fix="Use edges of the same kind of entity.")

    def _counts_sql(self, members: str) -> str:
        """SQL of `row` and `value`, the number of different neighbours among the members."""
        edges = quote_name(f"dataset:{self.dataset}")
        ends = {"out": [("_entity", "_target")], "in": [("_target", "_entity")]}
        ends["any"] = [*ends["out"], *ends["in"]]
        # UNION and not DISTINCT alone: whoever is linked both ways, or twice, is one neighbour
        links = "\nUNION\n".join(
            f'SELECT e."{a}" AS entity, e."{b}" AS neighbour\nFROM {edges} AS e\nWHERE e."{a}" <> e."{b}"'
            for a, b in ends[self.direction]
        )
        if self.direction != "any":
            links = links.replace("SELECT", "SELECT DISTINCT", 1)
        return (
            f'SELECT u."row" AS "row", count(*) AS "value"\nFROM (\n{indented(links)}\n) AS l\n'
            f"JOIN (\n{indented(members)}\n) AS m ON m.entity = l.neighbour\n"
            f'JOIN "universe" AS u ON u.entity = l.entity\nGROUP BY u."row"'
        )

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        who, amount = (
            speaker.clause(self.of, nested=speaker.language == "en", relative=True),
            speaker.amount("gte", self.at_least),
        )
        by = speaker.pick(self._by(" (outgoing)", " (incoming)"), self._by("（指向对方）", "（来自对方）"))
        return speaker.pick(
            f"they are linked in {self.dataset}{by} to {amount} of those {who}",
            f"在{self.dataset}中{by}与{amount}个符合条件（{who}）的人相连",
        )

    def subject(self, speaker: Speaker) -> str:
        """The number of neighbours, in words."""
        who = speaker.clause(self.of, nested=speaker.language == "en", relative=True)
        return speaker.pick(
            f"the number of those linked in {self.dataset} {who}", f"在{self.dataset}中相连且符合条件（{who}）的人数"
        )

    def _by(self, out: str, incoming: str) -> str:
        return {"any": "", "out": out, "in": incoming}[self.direction]


@dataclass(frozen=True)
class BoundNeighbours(BoundLeaf):
    """Neighbours ready to be asked; `counts` is SQL of `row` and `value`."""

    counts: str = ""

    def source(self) -> Source:
        """The rows of those that have enough neighbours."""
        condition = f'n."value" >= {self.operand}' if self.operand > 1 else None
        return Source(f"FROM (\n{indented(self.counts)}\n) AS n", 'n."row"', condition)

    @property
    def asked_sql(self) -> str:
        """The numbers: who else passes the rule is not among one entity's facts."""
        return self.counts

    def measured(self, facts: Facts) -> int:
        """No neighbour."""
        return 0
