"""How a fit's segments come about as the number of segments grows: what each was before, and what it becomes.

Source: Dolnicar & Leisch (2017), Using segment level stability to select target segments, Marketing Letters 28(3): a
segment that is there at every number is one to build on, whatever the whole solution looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coterie.learn.segments.choose import Lineage


class AcrossK(NamedTuple):
    """How far one segment of the chosen number is there with one fewer and one more: Jaccard, and its nearest."""

    place: int  # in the chosen solution, from 1
    fewer: float | None  # None where that number was not tried
    more: float | None

    @property
    def lasting(self) -> bool:
        """Whether it is much the same with one fewer and one more (Jaccard above 1/2)."""
        return all(v is None or v > 0.5 for v in (self.fewer, self.more))


def across_k(steps: Sequence[Lineage], k: int) -> tuple[AcrossK, ...]:
    """For each segment of the solution of `k`; empty where only one number was tried.

    >>> [row.fewer for row in across_k([Lineage(2, 3, ((1, 1, 40), (1, 3, 10), (2, 2, 50)))], 3)]
    [0.8, 1.0, 0.2]
    """
    into = next((s for s in steps if s.to_k == k), None)
    onto = next((s for s in steps if s.k == k), None)
    fewer = {} if into is None else _nearest([(b, a, n) for a, b, n in into.flows])
    more = {} if onto is None else _nearest(list(onto.flows))
    places = sorted(fewer.keys() | more.keys())
    return tuple(AcrossK(place, fewer.get(place), more.get(place)) for place in places)


def _nearest(flows: list[tuple[int, int, int]]) -> dict[int, float]:
    """For each first segment the largest Jaccard with a second one."""
    own: dict[int, int] = {}
    other: dict[int, int] = {}
    for a, b, n in flows:
        own[a], other[b] = own.get(a, 0) + n, other.get(b, 0) + n
    return {i: max(n / (own[a] + other[b] - n) for a, b, n in flows if a == i) for i in own}
