"""Independent random streams for the parts of the world, so that one part can change without stirring the others."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt


def stream(seed: int, part: str) -> np.random.Generator:
    """The random numbers of one part of the world; the same for the same seed and part.

    >>> float(stream(7, "people").random()) == float(stream(7, "people").random())
    True
    >>> float(stream(7, "people").random()) == float(stream(7, "visits").random())
    False
    """
    return np.random.default_rng([seed, zlib.crc32(part.encode())])


def logit_normal(rng: np.random.Generator, middle: npt.NDArray[np.float64], sd: float) -> npt.NDArray[np.float64]:
    """Fractions scattered around `middle` with standard deviation `sd` of their log odds.

    >>> x = logit_normal(stream(1, "x"), np.full(10_000, 0.2), 0.5)
    >>> bool(x.min() > 0), bool(x.max() < 1), round(float(np.median(x)), 2)
    (True, True, 0.2)
    """
    odds = np.log(middle / (1 - middle)) + rng.normal(0, sd, len(middle))
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


def pick(
    rng: np.random.Generator, owner: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """For each entry of `owner` one column of `shares`, drawn by that owner's row of shares (rows sum to 1).

    >>> pick(stream(1, "x"), np.array([0, 0, 1]), np.array([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [0, 0, 1]
    """
    edges = np.cumsum(shares, axis=1)
    u = rng.random(len(owner))
    chosen = np.zeros(len(owner), dtype=np.int64)
    for column in range(shares.shape[1] - 1):
        chosen += u >= edges[owner, column]
    return chosen
