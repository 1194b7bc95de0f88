"""Rules: trees of `all`, `any` and `not` over conditions, read from JSON and written as JSON.

A new kind of condition is one class in `leaves/` and one entry in `LEAF_KINDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from coterie.errors import Refused, did_you_mean
from coterie.rules import nodes
from coterie.rules.leaves.events import EventsLeaf
from coterie.rules.leaves.geo import GeoLeaf
from coterie.rules.leaves.habits import RegularLeaf, RestartedLeaf, StoppedLeaf
from coterie.rules.leaves.members import AudienceLeaf, BlockLeaf, ListLeaf, SqlLeaf
from coterie.rules.leaves.neighbours import NeighboursLeaf
from coterie.rules.leaves.ranks import QuantileLeaf, TopLeaf
from coterie.rules.leaves.samples import SampleLeaf, SplitLeaf
from coterie.rules.leaves.sequence import SequenceLeaf
from coterie.rules.leaves.tag import TagLeaf
from coterie.rules.nodes import ROOT, Leaf, Node, Reading
from coterie.rules.values import Raw, load_json, shown

VERSION = 1

LEAF_KINDS: Mapping[str, type[Leaf]] = MappingProxyType(
    {
        kind.key: kind
        for kind in (
            TagLeaf, GeoLeaf, TopLeaf, QuantileLeaf, EventsLeaf, RegularLeaf, StoppedLeaf, RestartedLeaf, SequenceLeaf,
            AudienceLeaf, BlockLeaf, ListLeaf, NeighboursLeaf, SampleLeaf, SplitLeaf, SqlLeaf,
        )
    }
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A rule: its tree, the kind of entity it is about, and the version of the language."""

    root: Node
    entity: str = "customer"
    version: int = VERSION

    def as_json(self) -> dict[str, Raw]:
        """The JSON object that reads as this rule.

        >>> parse_rule({"all": [{"events": "orders", "never": True}]}).as_json()
        {'version': 1, 'entity': 'customer', 'all': [{'events': 'orders', 'measure': 'count', 'op': 'eq', 'value': 0}]}
        """
        return {"version": self.version, "entity": self.entity, **nodes.node_json(self.root)}


def parse_rule(raw: Raw) -> Rule:
    """Read a rule from JSON data (or JSON text); shapes are checked here, names and types by `check.check_rule`.

    >>> parse_rule({"tag": "country", "op": "eq", "value": "France"}).root
    TagLeaf(tag='country', op='eq', value='France')
    >>> parse_rule({"all": [{"tag": "country", "op": "equal", "value": "France"}]})
    Traceback (most recent call last):
    coterie.errors.Refused: `unknown_operator` at `all[0]`: There is no operator "equal". Did you mean "eq"?

    Raises Refused: the first problem. `read_rule` gives all.
    """
    rule, problems = read_rule(raw)
    if problems:
        raise problems[0]
    return rule


def read_rule(raw: Raw) -> tuple[Rule, list[Refused]]:
    """Read a rule, with all problems of its shape; with problems, the rule holds only what could be read."""
    reading = Reading()
    try:
        body = load_json(raw) if isinstance(raw, str) else raw
        if isinstance(body, Mapping):
            entity, body = _head(body)
        else:
            entity = "customer"
    except Refused as problem:
        return Rule(nodes.All(())), [problem]
    root = reading.node(body, ROOT, read_leaf)
    return Rule(root or nodes.All(()), entity), reading.problems


def read_leaf(body: Mapping[str, Raw], place: str, reading: Reading) -> Leaf:
    """Read a condition of any kind."""
    kinds = [key for key in LEAF_KINDS if key in body]
    if len(kinds) > 1:
        kinds = [key for key in kinds if all(LEAF_KINDS[other].beside != key for other in kinds)]
    if len(kinds) == 1:
        return LEAF_KINDS[kinds[0]].read(body, place, reading)
    known = (*nodes.GROUPS, *LEAF_KINDS)
    if kinds:
        said = f'"{kinds[0]}" and "{kinds[1]}" stand in one condition.'
        raise Refused("bad_rule", said, place=place, fix='Make two conditions and join them by "all" or "any".')
    near = [fix for key in body if (fix := did_you_mean(str(key), known))]
    fix = near[0] if near else f"A condition has one of the keys {', '.join(known)}."
    said = f"Its keys are {shown(', '.join(map(str, body)))}." if body else "It is empty."
    raise Refused("bad_rule", f"This is not a condition. {said}", place=place, fix=fix)


def _head(body: Mapping[str, Raw]) -> tuple[str, dict[str, Raw]]:
    """The kind of entity, and the body without what stands only at the top."""
    version, entity = body.get("version", VERSION), body.get("entity", "customer")
    if version != VERSION or isinstance(version, bool):
        said = f"The rule is of version {shown(version)}, and this Coterie reads version {VERSION}."
        raise Refused("bad_rule", said, place="version", fix="Upgrade Coterie, or write the rule anew.")
    if not isinstance(entity, str) or not entity:
        raise Refused("bad_rule", '"entity" is a kind of entity.', place="entity", fix='Write "customer" or "account".')
    return entity, {k: v for k, v in body.items() if k not in ("version", "entity", "$schema")}
