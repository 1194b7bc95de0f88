"""Overlap: how many people audiences share, pair by pair, and who is in exactly which of them."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from pyroaring import BitMap

from coterie.audiences.chosen import Chooser
from coterie.errors import Refused
from coterie.index.bitmaps import Bits, bits_size, flags_of
from coterie.kit.moments import show_moment

MOST = 50
_CACHED_WORDS = 90_000  # of 64 rows, of all sets together: with what is made of them they fit into a cache of 1 MiB
_BLOCK_WORDS = range(1_024, 16_384)  # of one set; of smaller blocks the calls cost as much as the work

Matrix = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Intersection:
    """People who are in all of these audiences and in none of the others.

    audiences : names; count : how many people.
    """

    audiences: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Overlap:
    """Audiences against each other; matrices have a row and a column an audience, in the order given.

    sizes : of the audiences; union : in any of them; universe : everyone.
    both : people in both; jaccard : both / either; lift : both against what it would be if membership of one said
        nothing of the other (1); share : of the row's audience, how many are in the column's. None where nobody is.
    intersections : who is in exactly which audiences, largest first, at most `limit` of them; `others` : people of the
        union who are in further ones; None where none were asked for.
    """

    audiences: tuple[str, ...]
    as_of: str
    data_version: int
    universe: int
    union: int
    sizes: tuple[int, ...]
    both: tuple[tuple[int, ...], ...]
    jaccard: Matrix
    lift: Matrix
    share: Matrix
    limit: int
    intersections: tuple[Intersection, ...]
    others: int | None
    elapsed_ms: float

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def table(self) -> list[dict[str, Any]]:
        """A row a pair, for a file."""
        parts = {"both": self.both, "jaccard": self.jaccard, "lift": self.lift, "share": self.share}
        return [
            {"audience": a, "other": b, "size": self.sizes[i], **{key: rows[i][j] for key, rows in parts.items()}}
            for i, a in enumerate(self.audiences)
            for j, b in enumerate(self.audiences)
            if i != j
        ]


def overlap(chooser: Chooser, names: Sequence[str], *, limit: int = 0) -> Overlap:
    """How 2 to 50 audiences overlap.

    names : audiences or snapshots (`NAME@2`) of one kind of entity; limit : how many exclusive intersections to tell.
    Raises NotFound: no such audience. Refused: too few or too many, one twice, different kinds of entity.
    """
    started = time.perf_counter()
    _check(names, limit)
    chosen = chooser.choose_all(names)
    first = chosen[0].asked
    if other := next((c for c in chosen if c.asked.kind != first.kind), None):
        said = f'"{other.name}" is an audience of {other.asked.kind}s, not of {first.kind}s.'
        raise Refused("bad_argument", said, place="names", fix="Compare audiences of one kind of entity.")
    universe = len(chosen[0].universe)
    both, union = _both([c.bits for c in chosen])
    sizes = tuple(both[i][i] for i in range(len(both)))
    sets = [c.members for c in chosen] if limit else []
    found = [Intersection(tuple(names[i] for i in sorted(w)), n) for w, n in islice(exclusive(sets), limit)]
    return Overlap(
        audiences=tuple(names),
        as_of=show_moment(first.as_of, first.context.zone),
        data_version=first.data_version,
        universe=universe,
        union=union,
        sizes=sizes,
        both=both,
        jaccard=_matrix(both, lambda n, i, j: (n, sizes[i] + sizes[j] - n)),
        lift=_matrix(both, lambda n, i, j: (n * universe, sizes[i] * sizes[j])),
        share=_matrix(both, lambda n, i, _: (n, sizes[i])),
        limit=limit,
        intersections=tuple(found),
        others=union - sum(i.count for i in found) if limit else None,
        elapsed_ms=round((time.perf_counter() - started) * 1000, 3),
    )


def exclusive(sets: Sequence[BitMap]) -> Iterator[tuple[tuple[int, ...], int]]:
    """The sets that people are in, and how many are in exactly those: largest first, ties by the sets' order.

    A group that is not yet told apart by all sets is at least as large as each of its parts, so taking the largest
    group, and splitting it by the next set, comes to the largest intersection without ever looking at most of them.

    >>> list(exclusive([BitMap([1, 2, 3]), BitMap([3, 4])]))
    [((0,), 2), ((0, 1), 1), ((1,), 1)]
    """
    order = sorted(range(len(sets)), key=lambda i: (-len(sets[i]), i))
    everyone = BitMap.union(*sets) if sets else BitMap()
    heap: list[tuple[int, tuple[int, ...], int, BitMap]] = []

    def push(group: BitMap, within: tuple[int, ...], depth: int) -> None:
        if group:
            heapq.heappush(heap, (-len(group), within, -depth, group))

    push(everyone, (), 0)
    while heap:
        size, within, depth, group = heapq.heappop(heap)
        if -depth == len(sets):
            yield within, -size
            continue
        index = order[-depth]
        inside = group & sets[index]
        push(inside, tuple(sorted((*within, index))), 1 - depth)
        push(group if not inside else group - sets[index], within, 1 - depth)


def _check(names: Sequence[str], limit: int) -> None:
    if not 2 <= len(names) <= MOST:
        said = f"{len(names)} audiences were given."
        raise Refused("bad_argument", said, place="names", fix=f"Give 2 to {MOST}.")
    twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
    if twice is not None:
        raise Refused("bad_argument", f'"{twice}" is given twice.', place="names", fix="Give each audience once.")
    if limit < 0:
        raise Refused("bad_argument", f"{limit} intersections cannot be told.", place="limit", fix="Give 0 or more.")


def _both(sets: Sequence[Bits]) -> tuple[tuple[tuple[int, ...], ...], int]:
    """People in both, for each pair, and in any; block by block, so that a block of all sets stays in the cache."""
    words = min(max(_CACHED_WORDS // len(sets), _BLOCK_WORDS.start), _BLOCK_WORDS.stop)
    below, union = [[0] * (i + 1) for i in range(len(sets))], 0
    for start in range(0, len(sets[0]), words):
        parts = [rows[start : start + words] for rows in sets]
        shared = np.empty_like(parts[0])
        flags = flags_of(shared)
        for row, one in zip(below, parts, strict=True):
            for j in range(len(row) - 1):
                np.bitwise_and(one, parts[j], shared)
                row[j] += flags.true_count
            row[-1] += bits_size(one)
        np.bitwise_or(parts[0], parts[1], shared)
        for one in parts[2:]:
            np.bitwise_or(shared, one, shared)
        union += flags.true_count
    return tuple(tuple(below[max(i, j)][min(i, j)] for j in range(len(sets))) for i in range(len(sets))), union


def _matrix(both: tuple[tuple[int, ...], ...], parts: Any) -> Matrix:
    """A ratio a pair; None where there is nothing to divide by."""
    pairs = [[parts(n, i, j) for j, n in enumerate(row)] for i, row in enumerate(both)]
    return tuple(tuple(above / below if below else None for above, below in row) for row in pairs)
