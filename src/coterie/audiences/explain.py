"""Why one customer is in an audience or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coterie.rules.evaluate import evaluate
from coterie.rules.facts import read_facts
from coterie.rules.flip import flip

if TYPE_CHECKING:
    from coterie.audiences.service import Question


def explain(asked: Question, entity: str, language: str) -> dict[str, Any]:
    """Membership, each condition with the customer's value, and the smallest change that would flip it.

    Decided by the single-customer evaluator, not by the SQL that counts; property tests keep the two the same.
    Raises NotFound: nobody has that key at the question's as-of.
    """
    asked.make_views()
    facts = read_facts(asked.compiled.bound, entity, asked.vocabulary, asked.engine.rows)
    options: dict[str, Any] = {"as_of": asked.as_of, "resolver": asked.sets, "language": language}
    found = evaluate(asked.rule, facts, asked.vocabulary, **options)
    change = flip(asked.rule, facts, asked.vocabulary, **options)
    return {
        "member": found.member,
        "reasons": [reason.as_dict() for reason in found.reasons],
        "flip": None if change is None else change.as_dict(),
    }
