"""The smallest change that flips someone's membership: the fewest facts that would have to be otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from coterie.rules.binding import BoundLeaf, BoundNode, Fact
from coterie.rules.candidates import candidates
from coterie.rules.check import bind_rule
from coterie.rules.evaluate import json_value, passes
from coterie.rules.facts import Facts
from coterie.rules.sentences import Speaker
from coterie.rules.tree import Rule
from coterie.rules.vocabulary import Resolver, Vocabulary

# Facts that stand in several conditions make the search exponential in the worst case; real rules end within hundreds of steps.
_MAX_STEPS = 20_000
Cost = Fraction | float


@dataclass(frozen=True)
class Change:
    """One fact that would have to be otherwise.

    places : the conditions that look at it and then answer differently.
    """

    fact: Fact
    places: tuple[str, ...]
    now: Any
    needed: Any
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "places": list(self.places),
            "sentence": self.sentence,
            "now": json_value(self.now),
            "needed": json_value(self.needed),
        }


@dataclass(frozen=True)
class Flip:
    """The changes that together flip membership.

    smallest : whether it is certain that no fewer would do.
    """

    changes: tuple[Change, ...]
    smallest: bool

    def as_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {"changes": [c.as_dict() for c in self.changes], "smallest": self.smallest}


def flip(
    rule: Rule,
    facts: Facts,
    vocabulary: Vocabulary,
    *,
    as_of: datetime,
    tz: ZoneInfo | None = None,
    resolver: Resolver | None = None,
    language: str = "en",
) -> Flip | None:
    """The fewest facts whose change flips membership, each with the nearest value that does; None where nothing would.

    `facts.with_changes((c.fact, c.needed) for c in result.changes)` is the entity after the changes. A measure of events is one fact:
    two different questions about the same events count as two.

    >>> from datetime import UTC
    >>> from coterie.catalog.schemas import ValueType
    >>> from coterie.rules.tree import parse_rule
    >>> from coterie.rules.vocabulary import PlainVocabulary, TagInfo
    >>> words = PlainVocabulary(tags=(TagInfo("age", ValueType.INTEGER, "profile"), TagInfo("vip", ValueType.BOOLEAN, "profile")))
    >>> rule = parse_rule({"any": [{"all": [{"tag": "age", "op": "gte", "value": 18}, {"tag": "vip", "op": "eq", "value": True}]}]})
    >>> result = flip(rule, Facts(tags={"age": 10, "vip": True}), words, as_of=datetime(2024, 5, 1, tzinfo=UTC))
    >>> result.changes[0].sentence, result.changes[0].needed, result.smallest
    ('age would have to be 18 instead of 10', 18, True)
    """
    bound = bind_rule(rule, vocabulary, as_of=as_of, tz=tz, resolver=resolver)
    search = _Search(bound, facts)
    choice = search.run(not passes(bound, facts))
    if choice is None:
        return None
    speaker = Speaker(language, vocabulary)
    changes = [_change(option, search, speaker) for option in sorted(choice, key=lambda o: o.fact.leaves[0])]
    return Flip(tuple(changes), search.steps < _MAX_STEPS)


@dataclass(frozen=True)
class _Option:
    """A value a fact could have, and how each of its leaves would then answer."""

    fact: _FactOptions
    value: Any
    answers: tuple[bool, ...]


@dataclass(eq=False)
class _FactOptions:
    """A fact with the leaves that look at it (by number) and its options."""

    fact: Fact
    leaves: list[int]
    current: Any
    answers: tuple[bool, ...] = ()
    options: list[_Option] = field(default_factory=list)


class _Search:
    """Branch and bound over facts with several leaves; facts with one leaf are settled exactly by walking the tree."""

    def __init__(self, root: BoundNode, facts: Facts) -> None:
        self.root, self.steps = root, 0
        self.leaves = [leaf for _, leaf in root.leaves()]
        self.places = [place for place, _ in root.leaves()]
        self.numbers = {id(leaf): n for n, leaf in enumerate(self.leaves)}
        self.facts: dict[Fact, _FactOptions] = {}
        self.of_leaf: list[_FactOptions] = []
        for number, leaf in enumerate(self.leaves):
            fact = self.facts.setdefault(leaf.fact, _FactOptions(leaf.fact, [], None))
            fact.leaves.append(number)
            self.of_leaf.append(fact)
        for fact in self.facts.values():
            self._fill(fact, facts)
        self.chosen: dict[Fact, _Option | None] = {}
        self.best: Cost = inf
        self.answer: list[_Option] | None = None

    def _fill(self, fact: _FactOptions, facts: Facts) -> None:
        leaves = [self.leaves[n] for n in fact.leaves]
        fact.current = leaves[0].value(facts)
        fact.answers = _answers(leaves, fact.current)
        if not leaves[0].changeable:
            return
        seen = {fact.answers}
        for value in candidates(leaves, fact.current):
            answers = _answers(leaves, value)
            if answers not in seen:
                seen.add(answers)
                fact.options.append(_Option(fact, value, answers))

    def run(self, want: bool) -> list[_Option] | None:
        """The fewest options that make the root answer `want`."""
        shared = [f for f in self.facts.values() if len(f.leaves) > 1 and f.options]
        self._branch(shared, 0, want)
        return self.answer

    def _branch(self, shared: list[_FactOptions], spent: int, want: bool) -> None:
        self.steps += 1
        bound = spent + self.cost(self.root, want)
        if bound >= self.best or (self.steps >= _MAX_STEPS and self.answer is not None):
            return
        if len(self.chosen) == len(shared):
            self.best = bound
            self.answer = [o for o in self.chosen.values() if o is not None] + self.settle(self.root, want)
            return
        fact = shared[len(self.chosen)]
        for option in (None, *fact.options):
            self.chosen[fact.fact] = option
            self._branch(shared, spent + (option is not None), want)
            del self.chosen[fact.fact]

    def cost(self, node: BoundNode, want: bool) -> Cost:
        """The fewest further changes that make a node answer `want`; while shared facts are open, a lower bound."""
        return self.costs(node)[want]

    def costs(self, node: BoundNode) -> tuple[Cost, Cost]:
        """The `cost` of answering no, and of answering yes."""
        if node.leaf is not None:
            number = self.numbers[id(node.leaf)]
            return self.leaf_cost(number, False), self.leaf_cost(number, True)
        below = [self.costs(child) for child in node.children]
        no, yes = [c[0] for c in below], [c[1] for c in below]
        match node.kind:
            case "not":
                return yes[0], no[0]
            case "any":
                return sum(no, Fraction(0)), min(yes, default=inf)
            case "xor":
                return _xor_cost(below, False), _xor_cost(below, True)
            case _:
                return min(no, default=inf), sum(yes, Fraction(0))

    def leaf_cost(self, number: int, want: bool) -> Cost:
        """As `cost`; an open shared fact counts its share at each of its leaves, so that together they count at most once."""
        fact = self.of_leaf[number]
        at = fact.leaves.index(number)
        if fact.fact in self.chosen:
            option = self.chosen[fact.fact]
            return Fraction(0) if (fact.answers if option is None else option.answers)[at] == want else inf
        if fact.answers[at] == want:
            return Fraction(0)
        return Fraction(1, len(fact.leaves)) if any(o.answers[at] == want for o in fact.options) else inf

    def settle(self, node: BoundNode, want: bool) -> list[_Option]:
        """The options of facts with one leaf that make a node answer `want` at its `cost`."""
        if node.leaf is not None:
            number = self.numbers[id(node.leaf)]
            fact = self.of_leaf[number]
            if len(fact.leaves) > 1 or fact.answers[0] == want:  # shared facts are chosen already
                return []
            return [next(o for o in fact.options if o.answers[0] == want)]
        if node.kind == "not":
            return self.settle(node.children[0], not want)
        if node.kind == "xor":
            wanted = _xor_wanted([self.costs(child) for child in node.children], want)
            return [o for child, yes in zip(node.children, wanted, strict=True) for o in self.settle(child, yes)]
        if (node.kind == "any") == want:
            return self.settle(min(node.children, key=lambda child: self.cost(child, want)), want)
        return [option for child in node.children for option in self.settle(child, want)]


def _xor_wanted(costs: Sequence[tuple[Cost, Cost]], want: bool) -> tuple[bool, ...]:
    """The cheapest answers of the children such that exactly one is yes, or if that is not wanted, none or at least two."""
    indices = range(len(costs))
    chosen: list[set[int]] = (
        [{i} for i in indices] if want else [set(), *({i, j} for i in indices for j in indices[:i])]
    )
    free = [not want and yes < no for no, yes in costs]
    options = [tuple(i in kept or (len(kept) == 2 and free[i]) for i in indices) for kept in chosen]
    return min(options, key=lambda answers: _total(costs, answers))


def _xor_cost(costs: Sequence[tuple[Cost, Cost]], want: bool) -> Cost:
    return _total(costs, _xor_wanted(costs, want))


def _total(costs: Sequence[tuple[Cost, Cost]], answers: Sequence[bool]) -> Cost:
    return sum((pair[answer] for pair, answer in zip(costs, answers, strict=True)), Fraction(0))


def _answers(leaves: Sequence[BoundLeaf], value: Any) -> tuple[bool, ...]:
    return tuple(leaf.passes(value) for leaf in leaves)


def _change(option: _Option, search: _Search, speaker: Speaker) -> Change:
    fact = option.fact
    leaf = search.leaves[fact.leaves[0]]
    node = next(n for n in _nodes(search.root) if n.leaf is leaf)
    changed = [n for n, was, now in zip(fact.leaves, fact.answers, option.answers, strict=True) if was != now]
    subject = node.node.subject(speaker)  # type: ignore[union-attr]
    needed, now = speaker.fact(option.value, leaf.type), speaker.fact(fact.current, leaf.type)
    said = speaker.pick(f"{subject} would have to be {needed} instead of {now}", f"{subject}需由{now}变为{needed}")
    return Change(fact.fact, tuple(search.places[n] for n in changed), fact.current, option.value, said)


def _nodes(node: BoundNode) -> list[BoundNode]:
    return [node, *(n for child in node.children for n in _nodes(child))]
