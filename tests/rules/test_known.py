"""Conditions that were bound before are found again, and only those that are alike."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, date, datetime

import pytest

from coterie.catalog.schemas import ValueType
from coterie.errors import Refused
from coterie.rules.binding import BoundLeaf
from coterie.rules.check import bind_rule
from coterie.rules.tree import parse_rule
from coterie.rules.vocabulary import PlainVocabulary, TagInfo

WORDS = PlainVocabulary(
    tags=(
        TagInfo("age", ValueType.INTEGER, "profile"),
        TagInfo("score", ValueType.NUMBER, "profile"),
        TagInfo("seen", ValueType.DATE, "profile"),
    )
)
MONDAY, TUESDAY = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)


def bound(rule: object, known: dict[Hashable, BoundLeaf], as_of: datetime = MONDAY) -> BoundLeaf:
    leaf = bind_rule(parse_rule(rule), WORDS, as_of=as_of, known=known).leaf
    assert leaf is not None
    return leaf


def test_the_same_condition_is_bound_once() -> None:
    known: dict[Hashable, BoundLeaf] = {}
    rule = {"tag": "score", "op": "in", "value": [1, 2.5]}
    assert bound(rule, known) is bound(dict(rule), known) and len(known) == 1


def test_equal_values_of_other_types_are_other_conditions() -> None:
    known: dict[Hashable, BoundLeaf] = {}
    bound({"tag": "age", "op": "eq", "value": 1}, known)
    with pytest.raises(Refused, match="age"):
        bound({"tag": "age", "op": "eq", "value": True}, known)
    assert len(known) == 1


def test_a_relative_date_is_of_its_moment() -> None:
    known: dict[Hashable, BoundLeaf] = {}
    rule = {"tag": "seen", "op": "gte", "value": {"ago": "1d"}}
    assert bound(rule, known).operand == date(2026, 3, 1)
    assert bound(rule, known, TUESDAY).operand == date(2026, 3, 2)
