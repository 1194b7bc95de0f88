"""Sharing out by what was seen so far: Thompson sampling with a floor for every arm and the odds of every choice kept.

Each arm gets as large a share of the next batch as the chance that it is the best one, and never less than the floor, so
that an arm that began badly is not given up. The shares are worked out before the batch and stored with each unit, as
its propensity: with them what was seen can be weighed back into an unbiased comparison, which plain means of a bandit's
arms are not (an arm that looks bad by chance is asked less often, and stays looking bad).

Chances are integrals over the beliefs, worked out on a grid (1,025 points, error below 2e-6), not by drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, ndtr

from coterie.errors import Refused
from coterie.experiments.assignment import Codes, draws
from coterie.stats.effects import Interval
from coterie.stats.moments import CannotTell

Floats = npt.NDArray[np.float64]
Reward = Literal["binary", "mean"]
_POINTS = 1025


@dataclass(frozen=True)
class Seen:
    """What an arm brought so far: units, the sum of their rewards and of the squares."""

    n: float = 0.0
    total: float = 0.0
    squares: float = 0.0


@dataclass(frozen=True)
class Bandit:
    """The rules of sharing out; they do not change while it runs.

    name : also the salt. arms : in order. reward : `binary` 0 or 1, or `mean` any number.
    floor : the least share of an arm, at most 1 / number of arms.
    prior_mean, prior_units : for means, what is believed of every arm beforehand and how many units it is worth; shares
    begin with Beta(1, 1).
    """

    name: str
    arms: tuple[str, ...]
    reward: Reward = "binary"
    floor: float = 0.05
    prior_mean: float = 0.0
    prior_units: float = 1e-3

    def __post_init__(self) -> None:
        if len(self.arms) < 2 or len(set(self.arms)) < len(self.arms):
            message = "A bandit needs two arms or more, each with a name of its own."
            raise Refused("one_arm", message, place="arms", fix="Name two arms.")
        if not 0 < self.floor <= 1 / len(self.arms):
            fix = f"Give more than 0, at most {1 / len(self.arms):.3g}."
            raise Refused("bad_argument", f"A floor of {self.floor:g} does not fit.", place="floor", fix=fix)


class Choice(NamedTuple):
    """codes : int8, shape (n_units,), places of arms; propensities : shape (n_units,), the odds of what was chosen."""

    codes: Codes
    propensities: Floats


def shares(bandit: Bandit, seen: Mapping[str, Seen]) -> Floats:
    """The share of each arm in the next batch, shape (n_arms,), adding up to 1.

    >>> shares(Bandit("b", ("A", "B")), {"A": Seen(100, 10), "B": Seen(100, 20)}).round(3).tolist()
    [0.072, 0.928]
    >>> shares(Bandit("b", ("A", "B", "C")), {}).round(3).tolist()
    [0.333, 0.333, 0.333]
    """
    known = [seen.get(arm, Seen()) for arm in bandit.arms]
    best = _best_share(known) if bandit.reward == "binary" else _best_mean(known, bandit)
    return np.asarray(bandit.floor + (1 - len(known) * bandit.floor) * best, np.float64)


def choose(bandit: Bandit, units: Iterable[object], batch: int, given: Floats) -> Choice:
    """Arms for the units of a batch, by hash of the bandit's name, the batch's number and the unit's key.

    given : of `shares`, before the batch.

    >>> found = choose(Bandit("b", ("A", "B")), range(1000), 1, np.array([0.2, 0.8]))
    >>> int((found.codes == 1).sum()), sorted(set(found.propensities.tolist()))
    (785, [0.2, 0.8])
    """
    place = draws(f"bandit|{bandit.name}|{batch}", [str(u).encode() for u in units])[:, 0]
    edges = np.cumsum(given)[:-1]
    codes = np.searchsorted(edges, place, side="right").astype(np.int8)
    return Choice(codes, given[codes])


def add(seen: Mapping[str, Seen], bandit: Bandit, codes: Codes, rewards: npt.ArrayLike) -> dict[str, Seen]:
    """What is known after the rewards of some units, shape (n_units,), came in.

    >>> add({}, Bandit("b", ("A", "B")), np.array([0, 1, 1], np.int8), [1, 0, 1])["B"]
    Seen(n=2.0, total=1.0, squares=1.0)
    """
    got = np.asarray(rewards, np.float64)
    if not np.isfinite(got).all():
        raise Refused("bad_column", "A reward is no finite number.", place="reward", fix="Leave such units out.")
    if bandit.reward == "binary" and not np.isin(got, (0, 1)).all():
        raise Refused("bad_column", "A reward is neither 0 nor 1.", place="reward", fix='Take the reward "mean".')
    k = len(bandit.arms)
    sums = [np.bincount(codes, weights=w, minlength=k) for w in (np.ones(len(got)), got, got**2)]
    old = [seen.get(arm, Seen()) for arm in bandit.arms]
    return {
        arm: Seen(o.n + float(n), o.total + float(t), o.squares + float(s))
        for arm, o, n, t, s in zip(bandit.arms, old, *sums, strict=True)
    }


def weighed_means(bandit: Bandit, choice: Choice, rewards: npt.ArrayLike) -> dict[str, Interval | CannotTell]:
    """Each arm's mean reward had it been given to everybody: rewards weighed by one over their propensity.

    The weights may change from batch to batch, since each is known before its batch. Units of all batches go in, in any
    order. Source: Horvitz & Thompson (1952), Journal of the American Statistical Association 47.

    >>> bandit = Bandit("b", ("A", "B"))
    >>> choice = Choice(np.array([0, 1, 1, 1], np.int8), np.array([0.25, 0.75, 0.75, 0.75]))
    >>> round(weighed_means(bandit, choice, [1, 0, 1, 1])["B"].effect, 4)
    0.6667
    """
    got = np.asarray(rewards, np.float64)
    found: dict[str, Interval | CannotTell] = {}
    for place, arm in enumerate(bandit.arms):
        weighed = np.where(choice.codes == place, got / choice.propensities, 0.0)
        spread = float(weighed.std(ddof=1)) if len(weighed) > 1 else 0.0
        if spread == 0:
            found[arm] = CannotTell("too_few_units" if len(weighed) < 2 else "zero_variance")
            continue
        error, mean = spread / len(weighed) ** 0.5, float(weighed.mean())
        p_value = 2 * float(ndtr(-abs(mean) / error))
        found[arm] = Interval(mean, error, mean - 1.959964 * error, mean + 1.959964 * error, p_value)
    return found


def _best_share(known: Sequence[Seen]) -> Floats:
    """The chance of each arm to have the largest share, from Beta(1 + hits, 1 + misses)."""
    a = np.array([1 + s.total for s in known])
    b = np.array([1 + s.n - s.total for s in known])
    middle, spread = a / (a + b), np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    grid = _grid(middle, spread, 0.0, 1.0)
    return _best(betainc(a[:, None], b[:, None], grid))


def _best_mean(known: Sequence[Seen], bandit: Bandit) -> Floats:
    """The chance of each arm to have the largest mean; beliefs are normal, with the variance of all arms together.

    Until an arm has two units nothing is known of the spread, and all arms are alike.
    """
    n = np.array([s.n for s in known])
    freedom = float((n - 1).clip(min=0).sum())
    within = sum(s.squares - s.total**2 / s.n for s in known if s.n > 0)
    if freedom < 1 or within <= 0:
        return np.full(len(known), 1 / len(known))
    worth = n + bandit.prior_units
    middle = (np.array([s.total for s in known]) + bandit.prior_units * bandit.prior_mean) / worth
    spread = np.sqrt(within / freedom / worth)
    grid = _grid(middle, spread, -np.inf, np.inf)
    return _best(ndtr((grid - middle[:, None]) / spread[:, None]))


def _grid(middle: Floats, spread: Floats, low: float, high: float) -> Floats:
    """Points where any belief has weight, closer together where beliefs are narrow."""
    steps = np.linspace(-8, 8, _POINTS)
    points = (middle[:, None] + spread[:, None] * steps).ravel()
    return np.unique(np.clip(points, low, high))


def _best(below: Floats) -> Floats:
    """From each arm's distribution function on a common grid, the chance that it is above all others.

    Each small interval's weight goes with the others' mean over it, which is exact to the square of its width.
    """
    chances = np.empty(len(below))
    for i in range(len(below)):
        others = np.prod(np.delete(below, i, axis=0), axis=0)
        chances[i] = float(np.sum(np.diff(below[i]) * (others[1:] + others[:-1]) / 2))
    return np.asarray(chances / chances.sum(), np.float64)
