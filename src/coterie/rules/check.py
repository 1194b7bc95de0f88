"""Checks of rules against a workspace: every problem with code, place and fix; and rules bound, ready to be asked."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from zoneinfo import ZoneInfo

from coterie.errors import Refused
from coterie.kit import moments
from coterie.rules.binding import BoundLeaf, BoundNode, Scope
from coterie.rules.tree import Rule, read_rule
from coterie.rules.values import Raw
from coterie.rules.vocabulary import Resolver, Vocabulary


def check_rule(
    rule: Rule, vocabulary: Vocabulary, *, as_of: datetime | None = None, resolver: Resolver | None = None
) -> list[Refused]:
    """All problems of a rule: unknown names, operators and values that do not fit; empty where there is none.

    as_of : what relative dates count from; now if not given.

    >>> from coterie.rules.tree import parse_rule
    >>> from coterie.rules.vocabulary import PlainVocabulary, TagInfo
    >>> from coterie.catalog.schemas import ValueType
    >>> words = PlainVocabulary(tags=(TagInfo("age", ValueType.INTEGER, "profile"),))
    >>> rule = parse_rule({"any": [{"tag": "agee", "op": "eq", "value": 1}, {"tag": "age", "op": "contains", "value": "1"}]})
    >>> [(p.code, p.place) for p in check_rule(rule, words)]
    [('unknown_name', 'any[0]'), ('wrong_operator', 'any[1]')]
    """
    scope = Scope(vocabulary, as_of or moments.now(), vocabulary.zone, rule.entity, resolver)
    scope.bind(rule.root)
    return scope.problems


def rule_problems(raw: Raw, vocabulary: Vocabulary, *, resolver: Resolver | None = None) -> list[Refused]:
    """All problems of a rule as JSON data or text: of its shape, or if that is right, of names and types."""
    rule, problems = read_rule(raw)
    return problems or check_rule(rule, vocabulary, resolver=resolver)


def bind_rule(
    rule: Rule,
    vocabulary: Vocabulary,
    *,
    as_of: datetime,
    tz: ZoneInfo | None = None,
    resolver: Resolver | None = None,
    name: str | None = None,
    known: dict[Hashable, BoundLeaf] | None = None,
) -> BoundNode:
    """The rule with its names found, its values typed and its relative dates resolved at `as_of`.

    name : the audience's own name, so that a circle through itself is noticed.
    known : conditions bound before with the same vocabulary and zone; new ones are added.

    Raises Refused: the first problem.
    """
    chain = () if name is None else (("audience", name),)
    scope = Scope(vocabulary, as_of, tz or vocabulary.zone, rule.entity, resolver, chain)
    scope.known = scope.known if known is None else known
    bound = scope.bind(rule.root)
    if scope.problems:
        raise scope.problems[0]
    return bound
