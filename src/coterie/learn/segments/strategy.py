"""What is to be done with a segment: who looks after it, what they do, and how they sell; kept by lasting id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from coterie.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from coterie.store.service import Store

STRATEGY = "segmentation_strategy"
FIELDS = ("owner", "action", "policy")
_MOST_LETTERS = 4_000


@dataclass(frozen=True)
class Strategy:
    """The hand-over of one segment; empty parts are not decided."""

    segment: int
    owner: str = ""
    action: str = ""
    policy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


class Strategies:
    """The strategies of all segmentations, by lasting segment id: a refit changes none."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def set(self, segmentation: str, segment: int, **given: str | None) -> Strategy:
        """Say what is to be done with a segment; parts that are not given stay, an empty text takes one away.

        Raises Refused: nothing is given, or a text is too long.
        """
        parts = {k: v.strip() for k, v in given.items() if v is not None}
        if not parts:
            fix = "Give at least one of --owner, --action, --policy."
            raise Refused("bad_argument", "Nothing is said of the segment.", place="--action", fix=fix)
        for field, text in parts.items():
            if len(text) > _MOST_LETTERS:
                fix = f"Use at most {_MOST_LETTERS:,} characters."
                raise Refused("bad_argument", "The text is too long.", place=f"--{field}", fix=fix)
        name = f"{segmentation}/{segment}"
        known = self._store.find(STRATEGY, name)
        made = Strategy(**{"segment": segment, **({} if known is None else known.body), **parts})
        self._store.put(STRATEGY, name, asdict(made))
        return made

    def of(self, segmentation: str) -> dict[int, Strategy]:
        """All strategies of a segmentation, by segment."""
        found = [Strategy(**d.body) for d in self._store.all(STRATEGY, prefix=f"{segmentation}/")]
        return {s.segment: s for s in sorted(found, key=lambda s: s.segment)}


def per_customer(labels: pd.DataFrame, strategies: Mapping[int, Strategy]) -> pa.Table:
    """Owner, action and policy of each customer by his segment; missing where nothing is decided.

    labels : entity and segment.

    >>> labels = pd.DataFrame({"entity": ["a", "b"], "segment": [1, 2]})
    >>> per_customer(labels, {2: Strategy(2, "Ann", "Call")}).to_pylist()[1]
    {'entity': 'b', 'owner': 'Ann', 'action': 'Call', 'policy': None}
    """
    import pyarrow as pa

    columns: dict[str, list[str | None]] = {"entity": [str(key) for key in labels["entity"]]}
    for field in FIELDS:
        texts = {i: getattr(s, field) or None for i, s in strategies.items()}
        columns[field] = [texts.get(int(i)) for i in labels["segment"]]
    # of type text also where nobody has one
    return pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})
