"""Who gets what: decided by a hash of the unit's key, so that anybody can work it out again.

The hash is SHA-256 of `salt|key`: the same in Python, in DuckDB and PostgreSQL (`sha256`), Spark (`sha2`) and on paper,
so that an assignment can be checked where the messages are sent. Its first 53 bits, as a fraction, are as good as an even
draw from [0, 1); other salts give draws that know nothing of it. Nothing depends on the order of the units or on which
others there are, but for stratified arms, which are made equal within each stratum of the units that are given.

Arms are stored when a campaign is planned; a stored arm is never worked out again.
"""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coterie.engines.duckdb import Engine
from coterie.errors import Refused
from coterie.experiments.question import checked_weights
from coterie.experiments.units import column_of, open_file
from coterie.kit.disk import disk_errors
from coterie.kit.progress import Progress
from coterie.settings import Settings

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

HELD_OUT, HELD_OUT_EVERYWHERE, ELSEWHERE = -1, -2, -3
"""Codes of units without an arm: held out of this experiment, of all of them, or in another experiment of the layer."""
STATES: Mapping[int, str] = {HELD_OUT: "held_out", HELD_OUT_EVERYWHERE: "held_out_everywhere", ELSEWHERE: "elsewhere"}
_MOST_ARMS = 100
_PIECE = 100_000


@dataclass(frozen=True)
class Experiment:
    """How units are shared out.

    name : also the salt, so that two experiments share nothing by chance; arms : weights by name, in order.
    holdout : share that gets nothing of this experiment; everywhere_holdout : share that gets nothing of any, drawn by
    `everywhere_salt`, such as a quarter's name, alike in all experiments that name it.
    layer, slot : experiments of one layer whose slots, parts of [0, 1), do not overlap have no unit in common.
    """

    name: str
    arms: Mapping[str, float]
    holdout: float = 0.0
    everywhere_holdout: float = 0.0
    everywhere_salt: str = "everywhere"
    layer: str | None = None
    slot: tuple[float, float] = (0.0, 1.0)
    weights: Mapping[str, float] = field(init=False)

    def __post_init__(self) -> None:
        arms = list(self.arms)
        if not self.name.strip():
            raise Refused("bad_argument", "The experiment has no name.", place="--name", fix="Give it one.")
        if not arms or (len(arms) == 1 and not self.holdout):
            message = "With one arm and no holdout there is nobody to compare with."
            raise Refused("one_arm", message, place="--arms", fix="Give two arms, or a holdout.")
        if len(arms) > _MOST_ARMS:
            raise Refused(
                "bad_argument", f"{len(arms)} arms are too many.", place="--arms", fix=f"At most {_MOST_ARMS}."
            )
        for place, share in (("--holdout", self.holdout), ("--everywhere-holdout", self.everywhere_holdout)):
            if not 0 <= share < 1:
                raise Refused(
                    "bad_argument", f"{share:g} is not a share below 1.", place=place, fix="Write 0.05 or 5%."
                )
        low, high = self.slot
        if not 0 <= low < high <= 1:
            raise Refused(
                "bad_argument", f"{low:g} to {high:g} is no part of 0 to 1.", place="--slot", fix="Write 0-0.5."
            )
        object.__setattr__(self, "weights", checked_weights(self.arms, arms, "--arms"))


class Assignment(NamedTuple):
    """codes : int8, shape (n_units,): the place of the arm in `arms`, or one of `STATES`."""

    arms: tuple[str, ...]
    codes: Codes

    def counts(self) -> dict[str, int]:
        """Units by arm and state; every arm is named, states only where there are some."""
        numbers = np.bincount(self.codes.astype(np.int64) + 3, minlength=3 + len(self.arms)).tolist()
        found = dict(zip(self.arms, numbers[3:], strict=False))
        return found | {word: numbers[code + 3] for code, word in STATES.items() if numbers[code + 3]}

    def labels(self) -> npt.NDArray[np.str_]:
        """The arm or state of each unit as a word."""
        words = [STATES[ELSEWHERE], STATES[HELD_OUT_EVERYWHERE], STATES[HELD_OUT], *self.arms]
        return np.array(words)[self.codes.astype(np.int64) + 3]


def assign(units: Iterable[object], experiment: Experiment, strata: Sequence[object] | None = None) -> Assignment:
    """An arm or a state for each unit.

    units : keys as text (numbers are taken as their plain digits), each once.
    strata : a label for each unit; within each, arms get their share to within one unit.

    >>> found = assign(range(1000), Experiment("spring", {"A": 1, "B": 1}, holdout=0.1))
    >>> found.counts()
    {'A': 458, 'B': 439, 'held_out': 103}
    >>> assign([7], Experiment("spring", {"A": 1, "B": 1})).labels().tolist()
    ['B']
    """
    keys = [str(u).encode() for u in units]
    own = draws(f"experiment|{experiment.name}", keys)
    free = np.ones(len(keys), bool)
    codes = np.zeros(len(keys), np.int8)
    if experiment.layer is not None:
        place = draws(f"layer|{experiment.layer}", keys)[:, 0]
        low, high = experiment.slot
        free = (place >= low) & (place < high)
        codes[~free] = ELSEWHERE
    held = own[:, 1] < experiment.holdout
    codes[free & held] = HELD_OUT
    if experiment.everywhere_holdout:
        everywhere = draws(f"holdout|{experiment.everywhere_salt}", keys)[:, 0] < experiment.everywhere_holdout
        codes[everywhere] = HELD_OUT_EVERYWHERE
        free &= ~everywhere
    free &= ~held
    place = own[free, 0]
    if strata is not None:
        levels: dict[str, int] = {}
        labels = np.fromiter((levels.setdefault(str(s), len(levels)) for s in strata), np.int64, len(keys))
        place = _spread(place, labels[free], list(levels), experiment.name)
    codes[free] = _arms_at(place, experiment)
    return Assignment(tuple(experiment.arms), codes)


def draws(salt: str, keys: Sequence[bytes]) -> Floats:
    """Even draws from [0, 1), shape (n_keys, 2), from the first and the second eight bytes of SHA-256 of `salt|key`.

    >>> draws("a", [b"7"]).round(6).tolist()
    [[0.091259, 0.980052]]
    """
    before, digest = f"{salt}|".encode(), hashlib.sha256
    parts = [np.empty((0, 2))]
    for start in range(0, len(keys), _PIECE):  # in pieces, so that 2M digests never stand in memory at once
        joined = b"".join([digest(before + key).digest() for key in keys[start : start + _PIECE]])
        bits = np.frombuffer(joined, ">u8").reshape(-1, 4)[:, :2] >> np.uint64(11)
        parts.append(bits.astype(np.float64) * 2.0**-53)
    return np.concatenate(parts)


def _arms_at(place: Floats, experiment: Experiment) -> Codes:
    weights = np.array([experiment.weights[a] for a in experiment.arms])
    edges = np.cumsum(weights)[:-1] / weights.sum()
    return np.searchsorted(edges, place, side="right").astype(np.int8)


def _spread(place: Floats, stratum: npt.NDArray[np.int64], levels: Sequence[str], salt: str) -> Floats:
    """Within each stratum the draws put at even distances in their own order, from a start drawn for the stratum."""
    order = np.lexsort((place, stratum))
    sizes = np.bincount(stratum, minlength=len(levels))
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.empty(len(place))
    rank[order] = np.arange(len(place)) - first[stratum[order]]
    start = draws(f"stratum|{salt}", [level.encode() for level in levels])[:, 0]
    even = (rank + start[stratum]) / sizes[stratum]
    return np.asarray(even, np.float64)


def assign_file(
    path: Path,
    unit: str,
    experiment: Experiment,
    to: Path,
    *,
    stratify: str | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write `unit,arm` as CSV for the units of a file, in its order; returns `counts`.

    Raises Refused: no such file or column; `duplicate_entity` where a unit comes twice; `bad_column` where one is missing.
    """
    with tempfile.TemporaryDirectory(prefix="coterie-") as name, Engine.open(Settings({}), Path(name)) as engine:
        source = open_file(path, engine, Path(name), progress)
        key = f"nullif(trim({column_of(source, unit).text}), '')"
        stratum = f"coalesce({column_of(source, stratify).text}, '')" if stratify else "''"
        listed = engine.rows(f"SELECT {key}, {stratum} FROM {source.numbered} ORDER BY _row")
    keys = [k for k, _ in listed]
    if None in keys:
        fix = "Remove the rows, or choose another column."
        raise Refused("bad_column", f"{keys.count(None):,} rows have no key.", place=unit, fix=fix)
    if len(set(keys)) < len(keys):
        message = f"{len(keys) - len(set(keys)):,} rows repeat a unit."
        raise Refused("duplicate_entity", message, place=unit, fix="Give each unit once.")
    found = assign(keys, experiment, [s for _, s in listed] if stratify else None)
    with disk_errors(), to.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow([unit, "arm"])
        writer.writerows(zip(keys, found.labels().tolist(), strict=True))
    return found.counts()
