"""Answers made ahead come in order, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coterie.index.threads import ahead


def test_only_a_few_are_made_before_they_are_used() -> None:
    asked: list[int] = []

    def numbers() -> Iterator[int]:
        for k in range(100):
            asked.append(k)
            yield k

    made = ahead(lambda k: k * k, numbers())
    assert next(made) == 0 and len(asked) < 10
    assert list(made) == [k * k for k in range(1, 100)]


def test_an_error_comes_where_the_answer_would() -> None:
    made = ahead(lambda k: 12 // k, [3, 2, 0, 1])
    assert [next(made), next(made)] == [4, 6]
    with pytest.raises(ZeroDivisionError):
        next(made)
