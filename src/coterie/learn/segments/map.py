"""A picture of the entities in two dimensions: the first two principal components of the prepared matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MOST_POINTS = 1_200
_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class PlaneMap:
    """Coordinates of a sample of entities and of the centres, and what the two axes are made of."""

    points: tuple[tuple[float, float, int], ...]  # x, y, segment (0 to k - 1)
    centres: tuple[tuple[float, float], ...]
    variance: tuple[float, float]  # share of the variance that each axis shows
    loadings: tuple[tuple[str, float, float], ...]  # output name, its part in x and in y; the longest first


def plane_map(matrix: Floats, labels: Ints, centres: Floats, names: tuple[str, ...], seed: int) -> PlaneMap:
    """Project rows and centres on the two directions of largest variance; at most 1,200 points are kept.

    Rows in no segment are left out.

    Each axis points to where its largest loading is positive, so that the picture does not flip between runs.
    """
    middle = matrix.mean(axis=0)
    centred = (matrix[at : at + _BLOCK_ROWS] - middle for at in range(0, len(matrix), _BLOCK_ROWS))
    covariance = sum((part.T @ part for part in centred), np.zeros((len(middle), len(middle)))) / len(matrix)
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, ::-1][:, :2]
    if axes.shape[1] < 2:
        axes = np.column_stack([axes, np.zeros(len(axes))])
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(2)] + 1e-300)
    shares = np.append(values[::-1], 0.0)[:2] / max(float(values.sum()), 1e-300)
    rows = np.sort(np.random.default_rng([seed, 11]).permutation(len(matrix))[:MOST_POINTS])
    rows = rows[labels[rows] >= 0]
    placed, placed_centres = (matrix[rows] - middle) @ axes, (centres - middle) @ axes
    order = np.argsort(-np.hypot(axes[:, 0], axes[:, 1]), kind="stable")
    return PlaneMap(
        tuple((float(x), float(y), int(s)) for (x, y), s in zip(placed, labels[rows], strict=True)),
        tuple((float(x), float(y)) for x, y in placed_centres),
        (float(shares[0]), float(shares[1])),
        tuple((names[j], float(axes[j, 0]), float(axes[j, 1])) for j in order),
    )
