"""Thompson sampling: odds against integrals, regret in a planted world, propensities that weigh back without bias."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import integrate, stats

from coterie.errors import Refused
from coterie.experiments.bandit import Bandit, Choice, Seen, add, choose, shares, weighed_means
from coterie.stats.effects import Interval
from coterie.stats.moments import CannotTell


@pytest.mark.parametrize("hits", [[(10, 100), (20, 100), (5, 40)], [(0, 0), (3, 4), (500, 10_000)], [(2, 2), (0, 9)]])
def test_odds_of_shares_are_the_integral(hits: list[tuple[int, int]]) -> None:
    beliefs = [stats.beta(1 + h, 1 + n - h) for h, n in hits]
    bandit = Bandit("b", tuple(f"a{i}" for i in range(len(hits))), floor=1e-9)
    found = shares(bandit, {f"a{i}": Seen(n, h, h) for i, (h, n) in enumerate(hits)})
    for i, own in enumerate(beliefs):
        others = [b for j, b in enumerate(beliefs) if j != i]
        breaks = sorted(
            {float(np.clip(b.mean() + k * b.std(), 0, 1)) for b in beliefs for k in (-8, -3, 0, 3, 8)} | {0.0, 1.0}
        )
        exact = sum(
            integrate.quad(lambda x: own.pdf(x) * np.prod([b.cdf(x) for b in others]), a, b, limit=200)[0]
            for a, b in itertools.pairwise(breaks)
        )
        assert found[i] == pytest.approx(exact, abs=2e-6)


def test_odds_of_means_are_the_closed_form() -> None:
    seen = {"A": Seen(50, 100, 300), "B": Seen(80, 190, 560)}
    found = shares(Bandit("b", ("A", "B"), "mean", floor=1e-9), seen)
    within = (300 - 100**2 / 50 + 560 - 190**2 / 80) / (49 + 79)
    z = (190 / 80 - 100 / 50) / np.sqrt(within * (1 / 50 + 1 / 80))
    assert found[1] == pytest.approx(stats.norm.cdf(z), abs=1e-4)
    assert shares(Bandit("b", ("A", "B"), "mean"), {"A": Seen(1, 5, 25)}).tolist() == [0.5, 0.5]


def test_every_arm_keeps_its_floor() -> None:
    found = shares(Bandit("b", ("A", "B", "C"), floor=0.05), {"A": Seen(5000, 2500), "B": Seen(5000, 50)})
    assert found.sum() == pytest.approx(1) and found.min() >= 0.05 - 1e-12


def played(repeats: int, batches: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Regret against an even split, weighed and plain means of all arms, and how far choices stray from their odds."""
    truth, names = np.array([0.10, 0.12, 0.25]), ("A", "B", "C")
    draw = np.random.default_rng(11)
    regrets, weighed, plain = np.zeros((repeats, 2)), np.zeros((repeats, 3)), np.zeros((repeats, 3))
    stray, spread = np.zeros(3), np.zeros(3)
    for repeat in range(repeats):
        bandit, seen, choices, got = Bandit(f"b{repeat}", names), {}, [], []
        for batch in range(batches):
            odds = shares(bandit, seen)
            choice = choose(bandit, range(batch * size, (batch + 1) * size), batch, odds)
            rewards = (draw.random(size) < truth[choice.codes]).astype(float)
            stray += np.bincount(choice.codes, minlength=3) - size * odds
            spread += size * odds * (1 - odds)
            seen = add(seen, bandit, choice.codes, rewards)
            choices.append(choice)
            got.append(rewards)
        every = Choice(np.concatenate([c.codes for c in choices]), np.concatenate([c.propensities for c in choices]))
        found = weighed_means(bandit, every, np.concatenate(got))
        weighed[repeat] = [f.effect if isinstance(f, Interval) else 0.0 for f in found.values()]
        plain[repeat] = [seen[n].total / max(seen[n].n, 1) for n in names]
        regrets[repeat] = [(truth.max() - truth[every.codes]).sum(), (truth.max() - truth).mean() * batches * size]
    return regrets, weighed - truth, plain - truth, stray / np.sqrt(spread)


def test_less_regret_than_an_even_split_and_honest_odds() -> None:
    regrets, weighed, _, stray = played(30, 12, 100)
    assert regrets[:, 0].mean() < 0.6 * regrets[:, 1].mean() and (regrets[:, 0] < regrets[:, 1]).mean() > 0.95
    assert np.all(np.abs(stray) < 4)
    assert np.all(np.abs(weighed.mean(axis=0)) < 4 * weighed.std(axis=0) / np.sqrt(30))


@pytest.mark.slow
def test_weighing_takes_the_bias_away() -> None:
    """Plain means of a bandit's arms are too low; weighed by their propensities they are not."""
    regrets, weighed, plain, stray = played(1500, 15, 60)
    bias = weighed.mean(axis=0) / (weighed.std(axis=0) / np.sqrt(1500))
    naive = plain.mean(axis=0) / (plain.std(axis=0) / np.sqrt(1500))
    print(
        f"regret {regrets.mean(axis=0).round(1)}, bias in errors: weighed {bias.round(2)}, plain {naive.round(2)}, odds {stray.round(2)}"
    )
    assert np.all(np.abs(bias) < 3.5) and naive[:2].min() < -3.5 and np.all(np.abs(stray) < 4)


def test_bandits_that_cannot_be() -> None:
    for words in (
        {"arms": ("A",)},
        {"arms": ("A", "A")},
        {"arms": ("A", "B"), "floor": 0.6},
        {"arms": ("A", "B"), "floor": 0},
    ):
        with pytest.raises(Refused):
            Bandit("b", **words)
    bandit = Bandit("b", ("A", "B"))
    with pytest.raises(Refused, match="neither 0 nor 1"):
        add({}, bandit, np.array([0, 1], np.int8), [0.5, 1])
    nothing = weighed_means(bandit, Choice(np.zeros(3, np.int8), np.full(3, 0.5)), [1, 0, 1])
    assert nothing["B"] == CannotTell("zero_variance")
