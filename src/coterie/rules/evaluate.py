"""The single-customer evaluator in plain Python: why someone is, or is not, in an audience."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from coterie.rules.binding import BoundNode
from coterie.rules.check import bind_rule
from coterie.rules.facts import Facts
from coterie.rules.sentences import node_sentence
from coterie.rules.tree import Rule
from coterie.rules.vocabulary import Resolver, Vocabulary


@dataclass(frozen=True)
class Reason:
    """One node of the rule for one entity; `value` is what the condition looked at, None for groups and missing values."""

    place: str
    sentence: str
    passed: bool
    value: Any = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON knows it: dates as ISO text, decimals as numbers.

        >>> Reason("rule", "price is at least 1", True, Decimal("1.5")).as_dict()
        {'place': 'rule', 'sentence': 'price is at least 1', 'passed': True, 'value': 1.5}
        """
        return {"place": self.place, "sentence": self.sentence, "passed": self.passed, "value": json_value(self.value)}


@dataclass(frozen=True)
class Evaluation:
    """Whether an entity passes a rule, and each node's part in it, parents before children."""

    member: bool
    reasons: tuple[Reason, ...]


def evaluate(
    rule: Rule,
    facts: Facts,
    vocabulary: Vocabulary,
    *,
    as_of: datetime,
    tz: ZoneInfo | None = None,
    resolver: Resolver | None = None,
    language: str = "en",
) -> Evaluation:
    """Evaluate a rule for one entity.

    >>> from datetime import UTC
    >>> from coterie.catalog.schemas import ValueType
    >>> from coterie.rules.tree import parse_rule
    >>> from coterie.rules.vocabulary import PlainVocabulary, TagInfo
    >>> words = PlainVocabulary(tags=(TagInfo("age", ValueType.INTEGER, "profile"),))
    >>> rule = parse_rule({"not": {"tag": "age", "op": "lt", "value": 18}})
    >>> result = evaluate(rule, Facts(tags={"age": 17}), words, as_of=datetime(2024, 5, 1, tzinfo=UTC))
    >>> result.member, [(r.place, r.passed, r.value) for r in result.reasons]
    (False, [('rule', False, None), ('not', True, 17)])
    """
    bound = bind_rule(rule, vocabulary, as_of=as_of, tz=tz, resolver=resolver)
    reasons = []
    for node in bound.own():
        value = None if node.leaf is None else node.leaf.value(facts)
        said = node_sentence(node.node, language, vocabulary)
        reasons.append(Reason(node.place, said, passes(node, facts), value))
    return Evaluation(reasons[0].passed, tuple(reasons))


def passes(node: BoundNode, facts: Facts) -> bool:
    """Whether the entity passes a node."""
    if node.leaf is not None:
        return node.leaf.passes(node.leaf.value(facts))
    below = (passes(child, facts) for child in node.children)
    match node.kind:
        case "any":
            return any(below)
        case "not":
            return not any(below)
        case "xor":
            return sum(below) == 1
        case _:
            return all(below)


def json_value(value: Any) -> Any:
    """A fact as JSON knows it.

    >>> json_value(date(2024, 5, 1)), json_value(["a", None])
    ('2024-05-01', ['a', None])
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | frozenset | set):
        return [json_value(v) for v in value]
    return value
