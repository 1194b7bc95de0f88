"""Whether a segment found today is one that was there before, so that it keeps its id.

The model before and the refit both assign today's entities -> how far each old segment and each new one are the same
people (Jaccard) -> the best match one to one (Hungarian method) -> who survived, split, merged, was born or retired ->
ids: a survivor keeps its own, every other segment gets one that was never used.

Since both models see the same entities on the same day, what differs is the model. What the customers did is told by the
old model alone: where it put them then, and where it puts them today.

Source: Hubert & Arabie (1985) for comparing partitions by their table; Hennig (2007), Cluster-wise assessment of cluster
stability, for Jaccard above 1/2 as "still the same"; Kuhn (1955) for the assignment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

SAME = 0.5
"""Above this Jaccard a segment is still itself; no two can be so to the same one."""
_MOST = 0.5  # more than this share of a segment is its larger part
_FAR = 0.95  # of the distances within a segment; a half beyond this is another group


class Fate(NamedTuple):
    """What became of one segment, by ids.

    kind : of a segment of today `survived`, `split` (off from one), `merged` (of several) or `born`; of one of before that
        has no id today `split` (into several), `merged` (into one) or `retired`.
    id : its own; others : the segments that it came from or went to.
    today : whether it is there today.
    jaccard : of a survivor, how far it is the same people; else that of its nearest.
    """

    kind: str
    id: int
    others: tuple[int, ...]
    today: bool
    jaccard: float


class Identity(NamedTuple):
    """Ids of today's segments, in their order, and what became of all."""

    ids: tuple[int, ...]
    fates: tuple[Fate, ...]


def match(
    old: Ints, new: Ints, old_ids: Sequence[int], k: int, *, last_id: int, distances: Floats, then: Ints | None = None
) -> Identity:
    """Compare the segments of the same entities by two models.

    old, new : segment of each entity, from 0, by the model before and by today's, -1 in none, shape (n,).
    old_ids : ids of the old segments, in their order; k : number of today's; last_id : the highest id ever given.
    distances : of each entity to its old centre, in the old model's space; they tell a new group from a part of an old.
    then : the segment that each entity had when the old model was fitted, from 0, -1 where it had none: where the people of
        a segment went whom nobody is like any more. By default `old`.

    >>> old, far = np.array([0] * 6 + [1] * 4), np.zeros(10)
    >>> match(old, 1 - old, (1, 2), 2, last_id=2, distances=far).ids
    (2, 1)
    >>> cut = np.array([0] * 3 + [1] * 3 + [2] * 4)
    >>> found = match(old, cut, (1, 2), 3, last_id=2, distances=far)
    >>> found.ids, [(fate.kind, fate.id, fate.others) for fate in found.fates]
    ((3, 4, 2), [('split', 3, (1,)), ('split', 4, (1,)), ('survived', 2, (2,)), ('split', 1, (3, 4))])
    """
    from scipy.optimize import linear_sum_assignment

    shared, both = np.zeros((len(old_ids), k)), (old >= 0) & (new >= 0)
    np.add.at(shared, (old[both], new[both]), 1)
    before, today = np.bincount(old[old >= 0], minlength=len(old_ids)), np.bincount(new[new >= 0], minlength=k)
    jaccard = shared / np.maximum(before[:, None] + today[None, :] - shared, 1)
    pairs = zip(*linear_sum_assignment(-jaccard), strict=True)
    kept = {int(j): int(i) for i, j in pairs if jaccard[i, j] > SAME}
    fresh = iter(range(last_id + 1, last_id + 1 + k))
    ids = tuple(old_ids[kept[j]] if j in kept else next(fresh) for j in range(k))
    went = np.zeros_like(shared)
    had = old if then is None else then
    there = (had >= 0) & (new >= 0)
    np.add.at(went, (had[there], new[there]), 1)
    table = _Table(shared, before.astype(float), today.astype(float), jaccard, kept, old_ids, ids, went)
    fates = [_of_today(table, j, new == j, old, distances) for j in range(k)]
    gone = [i for i in range(len(old_ids)) if i not in kept.values()]
    return Identity(ids, (*fates, *(_of_before(table, i, fates) for i in gone)))


class _Table(NamedTuple):
    shared: Floats
    before: Floats
    today: Floats
    jaccard: Floats
    kept: Mapping[int, int]
    old_ids: Sequence[int]
    ids: Sequence[int]
    went: Floats


def _of_today(table: _Table, j: int, members: npt.NDArray[np.bool_], old: Ints, distances: Floats) -> Fate:
    if j in table.kept:
        i = table.kept[j]
        return Fate("survived", table.ids[j], (table.old_ids[i],), True, float(table.jaccard[i, j]))
    nearest = float(table.jaccard[:, j].max(initial=0))
    whole = [i for i in range(len(table.old_ids)) if table.shared[i, j] > _MOST * table.before[i]]
    if len(whole) > 1:
        return Fate("merged", table.ids[j], tuple(table.old_ids[i] for i in whole), True, nearest)
    source = int(table.shared[:, j].argmax())
    if table.shared[source, j] > _MOST * table.today[j] and not _apart(source, members, old, distances):
        return Fate("split", table.ids[j], (table.old_ids[source],), True, nearest)
    return Fate("born", table.ids[j], (), True, nearest)


def _apart(source: int, members: npt.NDArray[np.bool_], old: Ints, distances: Floats) -> bool:
    """Whether most of these lie farther from the old centre than nearly all others whom the old model puts there."""
    others = distances[(old == source) & ~members]
    return len(others) > 0 and float(np.median(distances[members & (old == source)])) > np.quantile(others, _FAR)


def _of_before(table: _Table, i: int, fates: Sequence[Fate]) -> Fate:
    own, nearest = table.old_ids[i], float(table.jaccard[i].max(initial=0))
    parts = tuple(f.id for f in fates if f.kind == "split" and own in f.others)
    if parts:
        return Fate("split", own, parts, False, nearest)
    into = int(table.went[i].argmax())
    if table.went[i, into] > _MOST * table.went[i].sum():
        return Fate("merged", own, (table.ids[into],), False, nearest)
    return Fate("retired", own, (), False, nearest)


def steadied(labels: pd.DataFrame, before: Mapping[str, int], margin: float) -> pd.DataFrame:
    """Let who stands near a border stay where he was: within `margin` and with his segment of before as the second.

    labels : entity, segment, second, margin. before : the segment that each entity had.

    >>> now = pd.DataFrame({"entity": ["a", "b"], "segment": [2, 2], "second": [1, 1], "margin": [0.05, 0.4]})
    >>> steadied(now, {"a": 1, "b": 1}, 0.1).segment.tolist()
    [1, 2]
    """
    had = labels["entity"].map(before)
    stays = (had == labels["second"]) & (labels["margin"] < margin)
    swapped = labels.copy()
    swapped.loc[stays, ["segment", "second"]] = labels.loc[stays, ["second", "segment"]].to_numpy()
    return swapped


Flows = tuple[tuple[int, int, int], ...]


class Migration(NamedTuple):
    """Entities by where they were, where the old model puts them today, and where they are, as (from, to, count).

    entities : that were there then and are there today; came, left : that are there only today, were only then.
    customers : from the segment then to that of the old model today: what they did moved them.
    model : from that to the segment of today: the new model moved them.
    whole : from the segment then to that of today; kept : have the id that they had.
    """

    entities: int
    customers: Flows
    model: Flows
    whole: Flows
    kept: int
    came: int
    left: int

    def as_dict(self) -> dict[str, Any]:
        """For machines: the whole matrix, and by cause only moves, those who stayed being the rest."""
        causes = (("customers_changed", self.customers), ("model_changed", self.model))
        moves = {cause: _rows([flow for flow in table if flow[0] != flow[1]]) for cause, table in causes}
        sums = {"entities": self.entities, "kept_id": self.kept, "came": self.came, "left": self.left}
        return {**sums, "matrix": _rows(self.whole), **moves}


def _rows(flows: Sequence[tuple[int, int, int]]) -> list[dict[str, int]]:
    return [{"from": a, "to": b, "entities": n} for a, b, n in flows]


def migration(before: Mapping[str, int], old_model: pd.DataFrame, today: pd.DataFrame) -> Migration:
    """Who moved, and why.

    before : the segment that each entity had. old_model, today : entity and segment, both of today's entities in the same
    order.
    """
    had = today["entity"].map(before)
    there = had.notna().to_numpy()
    then = np.asarray(had[there], np.int64)
    by_old, now = old_model["segment"].to_numpy()[there], today["segment"].to_numpy()[there]
    n = len(then)
    flows = (_flows(then, by_old), _flows(by_old, now), _flows(then, now))
    return Migration(n, *flows, int((then == now).sum()), len(today) - n, len(before) - n)


def _flows(source: npt.NDArray[np.int64], target: npt.NDArray[np.int64]) -> Flows:
    pairs, counts = np.unique(np.column_stack([source, target]), axis=0, return_counts=True)
    return tuple((int(a), int(b), int(n)) for (a, b), n in zip(pairs, counts, strict=True))
