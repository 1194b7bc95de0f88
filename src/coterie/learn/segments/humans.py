"""What people say of segments: labels that they gave customers themselves, and marks on what is wrong.

Labels beside segments: the table of both, how far they agree, and customers whom the data put at the top and people do
not. Marks are kept for ever, each a document of its own, so that two people never overwrite each other; one that was
a mistake is withdrawn.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.errors import NotFound, Refused, did_you_mean
from coterie.kit.moments import now
from coterie.learn.segments.names import SegmentName
from coterie.stats.agreement import adjusted_rand, contingency

if TYPE_CHECKING:
    from coterie.store.service import Store

MARK, LABELS = "segmentation_mark", "segmentation_labels"
MARKED = ("name", "reason", "segment", "customer")
_MOST_LETTERS = 2_000
_EXAMPLES = 10


class Overlooked(NamedTuple):
    """A customer whom the data put at the top and people do not."""

    entity: str
    segment: int
    label: str
    amount: float


@dataclass(frozen=True)
class Agreement:
    """People's labels against segments.

    matched : customers with a label and a segment; unmatched : labels of unknown keys or of customers without a
        segment, with `examples`; empty : rows without a label.
    ari : adjusted Rand index; kappa : Cohen's, after segments and labels were paired as well as they can be (`pairs`).
        Both None where all have one label or one segment, since agreement cannot be told then.
    amount : the tag that `top_segment` and `top_label` are largest by, on average; None where there is none.
    overlooked : in the top segment with another label than the top one, largest amount first.
    """

    matched: int
    unmatched: int
    examples: tuple[str, ...]
    empty: int
    ari: float | None
    kappa: float | None
    table: Mapping[str, Mapping[int, int]]  # label, segment, customers
    pairs: Mapping[int, str]
    amount: str | None
    top_segment: int | None
    top_label: str | None
    overlooked: tuple[Overlooked, ...]

    def as_dict(self) -> dict[str, Any]:
        """For machines; the overlooked without their amount being lost."""
        body = {**asdict(self), "overlooked": [o._asdict() for o in self.overlooked]}
        return body | {"table": {label: {str(i): n for i, n in row.items()} for label, row in self.table.items()}}


def compare(
    given: Sequence[tuple[str, str]],
    segments: Mapping[str, int],
    amounts: Mapping[str, float] | None = None,
    *,
    amount: str | None = None,
    top: str | None = None,
) -> Agreement:
    """Compare labels with segments.

    given : key and label, one each a customer; segments : the segment by key; amounts : how much, by key, named `amount`.
    top : the label that means the largest customers; by default the one with the highest mean amount.

    Raises Refused: no label is of a customer with a segment, a customer twice with different labels, no such label.

    >>> given = [("a", "large"), ("b", "small"), ("c", "small"), ("d", "large"), ("x", "large"), ("e", "")]
    >>> segments, spend = {"a": 1, "b": 1, "c": 2, "d": 1, "e": 2}, {"a": 90.0, "b": 80.0, "c": 3.0, "d": 70.0}
    >>> found = compare(given, segments, spend, amount="spend")
    >>> found.matched, found.unmatched, found.empty, round(found.kappa, 2), found.pairs
    (4, 1, 1, 0.5, {1: 'large', 2: 'small'})
    >>> found.overlooked
    (Overlooked(entity='b', segment=1, label='small', amount=80.0),)
    """
    labels, empty = _labels(given)
    known = {key: label for key, label in labels.items() if key in segments}
    missing = [key for key in labels if key not in segments]
    if not known:
        fix = "Give the keys as they were imported, and a segmentation that covers these customers."
        raise Refused("nothing_accepted", "No label is of a customer with a segment.", place="labels", fix=fix)
    names, ids = sorted(set(known.values())), sorted({segments[key] for key in known})
    if top is not None and top not in names:
        fix = did_you_mean(top, names) or f"There are: {', '.join(names)}."
        raise Refused("bad_argument", f'Nobody has the label "{top}".', place="--top", fix=fix)
    rows = np.array([names.index(label) for label in known.values()], np.intp)
    columns = np.array([ids.index(segments[key]) for key in known], np.intp)
    table = contingency(rows, columns, len(names), len(ids))
    pairs = _paired(table)
    told = len(names) > 1 and len(ids) > 1
    top_segment, top_label, forgotten = _overlooked(known, segments, amounts or {}, top)
    return Agreement(
        len(known),
        len(missing),
        tuple(sorted(missing)[:_EXAMPLES]),
        empty,
        adjusted_rand(table) if told else None,
        kappa(table, pairs) if told else None,
        {label: {i: int(table[r, c]) for c, i in enumerate(ids)} for r, label in enumerate(names)},
        {ids[c]: names[r] for r, c in sorted(pairs, key=lambda pair: pair[1])},
        amount if amounts else None,
        top_segment,
        top_label,
        forgotten,
    )


def _labels(given: Sequence[tuple[str, str]]) -> tuple[dict[str, str], int]:
    """Label by key, and how many rows have none."""
    labels: dict[str, str] = {}
    empty = 0
    for key, label in given:
        if not label.strip():
            empty += 1
        elif labels.setdefault(key, label.strip()) != label.strip():
            said = f'"{key}" has the labels "{labels[key]}" and "{label.strip()}".'
            raise Refused("duplicate_entity", said, place="labels", fix="Give each customer one label.")
    return labels, empty


def _paired(table: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Labels and segments paired one to one so that most customers agree."""
    from scipy.optimize import linear_sum_assignment

    return [(int(r), int(c)) for r, c in zip(*linear_sum_assignment(-table), strict=True) if table[r, c] > 0]


def kappa(table: npt.NDArray[np.float64], pairs: Sequence[tuple[int, int]]) -> float:
    """Cohen's kappa of paired rows and columns; what has no partner never agrees.

    Source: Cohen (1960), A coefficient of agreement for nominal scales, eq. 1.

    >>> round(kappa(np.array([[20.0, 5.0], [10.0, 15.0]]), [(0, 0), (1, 1)]), 2)
    0.4
    """
    total = table.sum()
    agreed = sum(table[r, c] for r, c in pairs) / total
    expected = sum(table[r].sum() * table[:, c].sum() for r, c in pairs) / total**2
    return float((agreed - expected) / (1 - expected)) if expected < 1 else 1.0


def _overlooked(
    labels: Mapping[str, str], segments: Mapping[str, int], amounts: Mapping[str, float], top: str | None
) -> tuple[int | None, str | None, tuple[Overlooked, ...]]:
    frame = pd.DataFrame(
        [(key, segments[key], label, amounts[key]) for key, label in labels.items() if key in amounts],
        columns=["entity", "segment", "label", "amount"],
    )
    if frame.empty:
        return None, top, ()
    segment = int(str(frame.groupby("segment")["amount"].mean().idxmax()))
    label = top if top is not None else str(frame.groupby("label")["amount"].mean().idxmax())
    found = frame[(frame["segment"] == segment) & (frame["label"] != label)]
    ordered = found.sort_values(["amount", "entity"], ascending=[False, True])
    rows = ordered.itertuples(index=False)
    return segment, label, tuple(Overlooked(str(r[0]), int(r[1]), str(r[2]), float(r[3])) for r in rows)


@dataclass(frozen=True)
class Mark:
    """What somebody said of a segment.

    what : `name`, `reason` or `segment` is wrong or noted, or a `customer` does not belong there.
    version : of the segmentation that was looked at; entity : of a customer; name : what the segment is called from now on.
    withdrawn : when and by whom it was taken back; it is kept, and no longer counts.
    """

    id: str
    at: str
    segment: int
    version: int
    what: str
    note: str
    by: str = ""
    entity: str | None = None
    name_en: str | None = None
    name_zh: str | None = None
    withdrawn: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


class Marks:
    """The marks on all segmentations."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, segmentation: str, segment: int, version: int, what: str, note: str, **more: str | None) -> Mark:
        """Keep a mark.

        more : `by`, `entity`, `name_en`, `name_zh`. Raises Refused: an unknown `what`, nothing said, no customer given.
        """
        if what not in MARKED:
            fix = did_you_mean(what, MARKED) or f"There are: {', '.join(MARKED)}."
            raise Refused("bad_argument", f'"{what}" cannot be marked.', place="--what", fix=fix)
        given = {k: v.strip() for k, v in more.items() if v is not None and v.strip()}
        renamed = "name_en" in given or "name_zh" in given
        if not note.strip() and not renamed:
            raise Refused("bad_argument", "The mark says nothing.", place="--note", fix="Say what is wrong.")
        if any(len(text) > _MOST_LETTERS for text in (note, *given.values())):
            fix = f"Use at most {_MOST_LETTERS:,} characters."
            raise Refused("bad_argument", "The text is too long.", place="--note", fix=fix)
        if renamed and what != "name":
            raise Refused("bad_argument", "A name goes with `--what name`.", place="--what", fix="Give --what name.")
        if (what == "customer") != ("entity" in given):
            fix = "Give --what customer and --customer KEY together."
            raise Refused("bad_argument", "A mark on a customer needs one.", place="--customer", fix=fix)
        made = Mark(uuid.uuid4().hex, now().isoformat(), segment, version, what, note.strip(), **given)
        self._store.put(MARK, f"{segmentation}/{made.id}", asdict(made))
        return made

    def withdraw(self, segmentation: str, id_: str, by: str = "") -> Mark:
        """Take a mark back: it stays among the documents, and is shown and counted no more. Raises NotFound."""
        known = {mark.id: mark for mark in self.of(segmentation)}
        if id_ not in known:
            raise NotFound("unknown_name", "There is no such mark.", place="mark", fix="Look at the marks again.")
        made = replace(known[id_], withdrawn=f"{now().isoformat()} {by}".strip())
        self._store.put(MARK, f"{segmentation}/{id_}", asdict(made))
        return made

    def of(self, segmentation: str) -> list[Mark]:
        """All marks on a segmentation that nobody took back, oldest first."""
        found = [Mark(**d.body) for d in self._store.all(MARK, prefix=f"{segmentation}/")]
        return sorted((m for m in found if m.withdrawn is None), key=lambda mark: (mark.at, mark.id))

    def names(self, segmentation: str, ids: Sequence[int], suggested: Sequence[SegmentName]) -> dict[int, SegmentName]:
        """What segments are called: as people said last, by lasting id; else as suggested."""
        names = dict(zip(ids, suggested, strict=True))
        for mark in self.of(segmentation):
            if mark.segment in names and (mark.name_en or mark.name_zh):
                known = names[mark.segment]
                names[mark.segment] = SegmentName(mark.name_en or known.en, mark.name_zh or known.zh)
        return names
