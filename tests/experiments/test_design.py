"""Sizes before an experiment, against known numbers and against simulated experiments."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower
from tests.experiments.doors import ask

from coterie.experiments.design import Baseline, Setup, power_for, reach_of, size_for

TWO = {"A": 1.0, "B": 1.0}


def test_means_are_statsmodels() -> None:
    found = size_for(Baseline(50.0, 100.0), 1.0, Setup(TWO))
    assert found.units / 2 == pytest.approx(NormalIndPower().solve_power(0.1, power=0.8, alpha=0.05), abs=1)


def test_arms_metrics_and_weights_cost_units() -> None:
    base = Baseline.share(0.1)
    plain = size_for(base, 0.02, Setup(TWO)).units
    assert size_for(base, 0.02, Setup(TWO, metrics=3)).units > plain
    assert size_for(base, 0.02, Setup({"A": 1, "B": 1, "C": 1})).units > 1.5 * plain
    uneven = size_for(base, 0.02, Setup({"A": 9, "B": 1}, units_a_day=1000))
    assert uneven.units > 2.5 * plain and uneven.by_arm["A"] == pytest.approx(9 * uneven.by_arm["B"], rel=1e-3)
    assert uneven.days == -(-uneven.units // 1000)
    assert size_for(Baseline(0.1, 0.09, True, explained=0.5), 0.02, Setup(TWO)).units == pytest.approx(
        plain / 2, rel=1e-3
    )
    assert 1.8 < size_for(base, 0.02, Setup(TWO, sequential=True)).units / plain < 2.1


def test_questions_answer_each_other() -> None:
    base, setup = Baseline.share(0.12), Setup(TWO, metrics=2, sequential=True)
    sized = size_for(base, 0.015, setup)
    assert power_for(base, 0.015, sized.units, setup).power == pytest.approx(0.8, abs=1e-3)
    assert reach_of(base, sized.units, setup).effect == pytest.approx(0.015, rel=1e-3)


def test_the_power_is_that_of_simulated_experiments() -> None:
    base = Baseline.share(0.1)
    n = size_for(base, 0.02, Setup(TWO)).units // 2
    draw = np.random.default_rng(2)
    a, b = (draw.binomial(n, rate, 20_000) / n for rate in (0.10, 0.12))
    z = (b - a) / np.sqrt((a * (1 - a) + b * (1 - b)) / n)
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.012)


def test_at_the_command_line() -> None:
    found = ask("power", "--rate", "0.1", "--units", "10000", "--units-a-day", "500")
    assert found["days"] == 20 and found["power"] == pytest.approx(0.8, abs=1e-3)
    back = ask("power", "--rate", "0.1", "--effect", found["effect_size"])
    assert back["units"] == pytest.approx(10_000, rel=1e-3)
    assert ask("power", "--mean", "40", "--sd", "80", "--lift", "0.05", "--units", "20000")["power"] < 0.8
