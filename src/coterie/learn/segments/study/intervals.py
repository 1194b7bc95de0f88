"""Values with 95 % intervals, for the parts of a study."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DRAWS = 400
_Z, _MANY = 1.959963984540054, 20_000


class Interval(NamedTuple):
    """A value and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def times(self, factor: float, plus: float = 0.0) -> Interval:
        """The same in another unit: `factor` x value + `plus`; a negative factor swaps the ends.

        >>> Interval(2.0, 1.0, 4.0).times(-1, plus=3)
        Interval(value=1.0, low=-1.0, high=2.0)
        """
        ends = sorted((factor * self.low + plus, factor * self.high + plus))
        return Interval(factor * self.value + plus, ends[0], ends[1])


def mean_interval(values: Floats, seed: int, draws: int = DRAWS) -> Interval:
    """The mean of a sample, shape (n,), with the percentile interval of a bootstrap; one value has no interval.

    Money is skewed, so the interval is too; beyond 20,000 values that is over, and the normal one is taken.

    Source: Efron (1979), Bootstrap methods, Annals of Statistics 7.

    >>> found = mean_interval(np.arange(101.0), seed=0)
    >>> found.value, 42 < found.low < 46, 54 < found.high < 58
    (50.0, True, True)
    """
    n = len(values)
    if n < 2:
        only = float(values[0]) if n else float("nan")
        return Interval(only, float("nan"), float("nan"))
    if n > _MANY:
        mean, error = float(values.mean()), float(values.std() / np.sqrt(n))
        return Interval(mean, mean - _Z * error, mean + _Z * error)
    rng = np.random.default_rng([seed, 41])
    means = [float(values[rng.integers(0, n, n)].mean()) for _ in range(draws)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def share_interval(hits: int, n: int) -> Interval:
    """A share with its score interval, which holds for few and for none.

    Source: Wilson (1927), Journal of the American Statistical Association 22.

    >>> [round(v, 4) for v in share_interval(0, 10)]
    [0.0, 0.0, 0.2775]
    """
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    share = hits / n
    middle, half = share + _Z**2 / (2 * n), _Z * float(np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n)))
    scale = 1 + _Z**2 / n
    return Interval(share, max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))
