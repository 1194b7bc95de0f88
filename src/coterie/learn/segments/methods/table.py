"""The clustering methods by the name that `--method` takes, and what each asks and allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from coterie.errors import Refused
from coterie.learn.segments.methods.base import Clusters, Columns, Floats, Method, NearestCentre, Rule
from coterie.learn.segments.methods.baselines import Cuts, abc, breaks, rfm
from coterie.learn.segments.methods.density import WithinReach, hdbscan
from coterie.learn.segments.methods.gmm import Mixture, gmm
from coterie.learn.segments.methods.kmeans import kmeans
from coterie.learn.segments.methods.medians import kmedians, kmedoids
from coterie.learn.segments.methods.modes import Mismatch, kmodes, kprototypes
from coterie.learn.segments.methods.ward import NearestReference, ward
from coterie.learn.segments.stored import decode, encode


@dataclass(frozen=True)
class Entry:
    """One method and how it is used. Called like a method, with `columns` where it needs to know them."""

    name: str
    fit: Callable[..., Clusters]
    number: Literal["asked", "default", "found"] = "asked"  # k: chosen or given; 3 unless given; found by the method
    plain: bool = False  # columns are scaled and nothing else
    needs_columns: bool = False
    starts: int = 10  # of the panel
    rows: int = 3_000  # of a resample
    replace: bool = True  # whether resamples draw with replacement; else they are subsets of 70 %
    means: bool = False  # whether centres are the means of the rows nearest to them
    squares: bool = False  # whether it makes squared distances small, so that a cost ratio means something

    def __call__(
        self,
        matrix: Floats,
        k: int,
        *,
        seed: int,
        starts: int,
        first: Floats | None = None,
        columns: Columns | None = None,
    ) -> Clusters:
        """The solution for k segments, numbered by size. Raises Refused where the method cannot take the columns."""
        if not self.needs_columns:
            return self.fit(matrix, k, seed=seed, starts=starts, first=first)
        return self.fit(matrix, k, seed=seed, starts=starts, first=first, columns=columns)

    def of(self, columns: Columns) -> Method:
        """The method for a matrix with these columns."""
        return partial(self, columns=columns)


_ENTRIES = (
    Entry("kmeans", kmeans, means=True, squares=True),
    Entry("kmedians", kmedians, starts=5, rows=1_500),
    Entry("kmedoids", kmedoids, starts=2, rows=400),
    Entry("kmodes", kmodes, needs_columns=True),
    Entry("kprototypes", kprototypes, needs_columns=True),
    Entry("gmm", gmm, starts=3, rows=1_500),
    Entry("ward", ward, starts=1, rows=1_000, squares=True),
    Entry("hdbscan", hdbscan, number="found", starts=1, rows=2_000, replace=False),
    Entry("rfm", rfm, number="found", plain=True, needs_columns=True, starts=1),
    Entry("abc", abc, number="found", plain=True, needs_columns=True, starts=1),
    Entry("breaks", breaks, number="default", plain=True, needs_columns=True, starts=1, squares=True),
)

METHODS: Mapping[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""The clustering methods by the name that `--method` takes."""

DEFAULT_NUMBER = 3
"""Segments of a method whose number is not chosen by the panel."""

_RULES: dict[str, type[Any]] = {
    rule.kind: rule for rule in (NearestCentre, Mismatch, Mixture, NearestReference, WithinReach, Cuts)
}


def rule_to_dict(rule: Rule) -> dict[str, Any]:
    """A rule as plain JSON values.

    >>> rule_from_dict(rule_to_dict(NearestCentre("manhattan")))
    NearestCentre(measure='manhattan')
    """
    stored: dict[str, Any] = encode(rule)
    return {"kind": rule.kind, **stored}


def rule_from_dict(stored: Mapping[str, Any]) -> Rule:
    """The rule from what `rule_to_dict` gave. Raises KeyError or TypeError where it is none."""
    rule: Rule = decode(_RULES[stored["kind"]], {name: value for name, value in stored.items() if name != "kind"})
    return rule


def asked_number(entry: Entry, k: int | str) -> None:
    """Refuse a number of segments that a method finds by itself."""
    if entry.number == "found" and k != "auto":
        raise Refused(
            "bad_argument",
            f"{entry.name} finds the number of segments itself.",
            place="--k",
            fix="Leave --k out, or use a method that takes it, such as kmeans.",
        )


def distinct_rows(matrix: Floats, enough: int) -> int:
    """How many different rows there are, counted no further than needed to know that there are `enough`."""
    few = len(np.unique(matrix[: 100 * enough], axis=0))
    return few if few >= enough else len(np.unique(matrix, axis=0))
