"""What went into a segmentation: who, when, which columns, how far these say the same, and fingerprints of it all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.pipeline import MissingStep, Pipeline

Floats = npt.NDArray[np.float64]

_PAIRS, _ROWS = 5, 20_000


@dataclass(frozen=True)
class Facts:
    """What only the caller knows of the data."""

    as_of: str = ""
    data_version: int | None = None
    audience: str = ""  # whose members were segmented; empty: everyone
    entity_kind: str = "customer"
    excluded: Mapping[str, int] = field(default_factory=dict)  # reason -> customers left out before
    rerun: str = ""  # the command line that does it again


class Likeness(NamedTuple):
    """Two inputs and the correlation of their prepared values, without its sign."""

    first: str
    second: str
    correlation: float


@dataclass(frozen=True)
class Origin:
    """Part two of the report, beside the preparation that the fit holds."""

    facts: Facts
    rows: int
    nothing_known: int  # customers without a single value; the model gave them the segment of the medians
    data: str  # SHA-256 of the columns used, by key
    model: str  # SHA-256 of the stored model
    likenesses: tuple[Likeness, ...]  # the most correlated inputs, up to 5
    dimensions: float  # how many independent columns the inputs amount to


def origin(fit: SegmentFit, frame: pd.DataFrame, facts: Facts) -> Origin:
    """Describe what went in.

    frame : the inputs as fitted. Source of `dimensions`: the participation ratio of the eigenvalues of the correlations,
    as in Del Giudice (2021), Effective dimensionality: a tutorial, Multivariate Behavioral Research 56.
    """
    columns = list(fit.model.columns)
    correlation, names = _correlations(fit.model.pipeline, frame)
    pairs = [Likeness(names[i], names[j], float(correlation[i, j])) for i in range(len(names)) for j in range(i)]
    pairs.sort(key=lambda p: (-p.correlation, p.first, p.second))
    eigenvalues = np.maximum(np.linalg.eigvalsh(correlation), 0.0)
    return Origin(
        facts,
        len(frame),
        int(frame[columns].isna().all(axis=1).sum()),
        data_fingerprint(frame[columns]),
        hashlib.sha256(fit.model.to_json().encode()).hexdigest(),
        tuple(pairs[:_PAIRS]),
        float(eigenvalues.sum() ** 2 / max(float((eigenvalues**2).sum()), 1e-300)),
    )


def _correlations(pipeline: Pipeline, frame: pd.DataFrame) -> tuple[Floats, list[str]]:
    """Absolute correlations of the prepared columns, each step's first one standing for it."""
    few = frame.iloc[:_ROWS]
    steps = [step for step in pipeline.steps if not isinstance(step, MissingStep)]
    prepared = [step.apply(few[step.column])[:, 0] for step in steps]
    matrix = np.column_stack(prepared)
    centred = matrix - matrix.mean(axis=0)
    scaled = centred / np.maximum(centred.std(axis=0), 1e-12)
    return np.abs(scaled.T @ scaled) / len(few), [step.column for step in steps]


def data_fingerprint(frame: pd.DataFrame) -> str:
    """SHA-256 of a frame's values, whatever the order of its rows and columns.

    >>> frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=["k", "l"])
    >>> data_fingerprint(frame) == data_fingerprint(frame.iloc[::-1][["b", "a"]])
    True
    >>> data_fingerprint(frame) == data_fingerprint(frame.assign(a=[2, 1]))
    False
    """
    by_key = frame.iloc[np.argsort(np.array([str(key) for key in frame.index], dtype=object), kind="stable")]
    digest = hashlib.sha256("\0".join(map(str, by_key.index)).encode())
    for column in sorted(map(str, by_key.columns)):
        values = by_key[column]
        plain = values.astype(object).map(str) if values.dtype == object else values
        digest.update(column.encode())
        digest.update(pd.util.hash_pandas_object(plain, index=False).to_numpy().tobytes())
    return digest.hexdigest()
