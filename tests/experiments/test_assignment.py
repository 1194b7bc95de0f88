"""Assignment by hash: even, independent, the same again, and what a layer and a holdout promise."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import numpy as np
import pytest
from scipy import stats
from tests.experiments.doors import ask, write

from coterie.experiments.assignment import ELSEWHERE, HELD_OUT, HELD_OUT_EVERYWHERE, Experiment, assign, draws
from coterie.stats.ratio_check import ratio_check


def test_the_same_again_whatever_the_order() -> None:
    units = [f"u{i}" for i in range(2000)]
    experiment = Experiment("spring", {"A": 2, "B": 1, "C": 1}, holdout=0.1)
    first, turned = assign(units, experiment).codes, assign(units[::-1], experiment).codes
    assert np.array_equal(first, turned[::-1]) and np.array_equal(first[:50], assign(units[:50], experiment).codes)
    assert set(first.tolist()) == {HELD_OUT, 0, 1, 2}


def test_a_database_works_it_out_alike() -> None:
    """The first 53 bits of SHA-256 of `experiment|NAME|key`, as a fraction."""
    keys = [str(i) for i in range(200)]
    sql = (
        "SELECT ('0x' || left(sha256('experiment|spring|' || i), 16))::UBIGINT // 2048 FROM range(200) t(i) ORDER BY i"
    )
    theirs = np.array([r[0] for r in duckdb.sql(sql).fetchall()], np.float64) / 2**53
    assert np.array_equal(draws("experiment|spring", [k.encode() for k in keys])[:, 0], theirs)


def test_layers_share_nobody_and_lose_nobody() -> None:
    units = range(20_000)
    parts = [
        assign(units, Experiment(f"e{i}", {"A": 1, "B": 1}, layer="homepage", slot=slot)).codes
        for i, slot in enumerate([(0, 0.25), (0.25, 0.5), (0.5, 1.0)])
    ]
    taken = np.stack([p != ELSEWHERE for p in parts])
    assert np.all(taken.sum(axis=0) == 1) and ratio_check(taken.sum(axis=1), [1, 1, 2]).p_value > 1e-4


def test_one_group_is_held_out_of_everything() -> None:
    units = range(20_000)
    shared = [
        assign(units, Experiment(f"e{i}", {"A": 1, "B": 1}, everywhere_holdout=0.05, everywhere_salt="2026Q1")).codes
        for i in range(3)
    ]
    held = [set(np.flatnonzero(c == HELD_OUT_EVERYWHERE)) for c in shared]
    assert held[0] == held[1] == held[2] and 900 < len(held[0]) < 1100
    other = assign(units, Experiment("e0", {"A": 1, "B": 1}, everywhere_holdout=0.05, everywhere_salt="2026Q2")).codes
    assert set(np.flatnonzero(other == HELD_OUT_EVERYWHERE)) != held[0]


def test_strata_are_shared_out_to_within_one_unit() -> None:
    draw = np.random.default_rng(4)
    strata = draw.choice(["gold", "silver", "new"], 5000, p=[0.01, 0.3, 0.69])
    experiment = Experiment("spring", {"A": 2, "B": 1, "C": 1}, holdout=0.1)
    found = assign(range(5000), experiment, strata.tolist()).codes
    for level in ("gold", "silver", "new"):
        mine = found[(strata == level) & (found >= 0)]
        counts = np.bincount(mine, minlength=3)
        assert np.all(np.abs(counts - len(mine) * np.array([0.5, 0.25, 0.25])) <= 1)
    again = draw.permutation(5000)
    assert np.array_equal(assign(again, experiment, strata[again].tolist()).codes, found[again])
    assert np.array_equal(found == HELD_OUT, assign(range(5000), experiment).codes == HELD_OUT)


def people(n: int, seed: int = 3) -> dict[str, np.ndarray]:
    """What a holdout must be balanced on: the decile of the id, the order of arrival, and five tags that go with the id."""
    draw = np.random.default_rng(seed)
    ids = np.arange(n)
    arrival = np.argsort(np.argsort(ids + draw.normal(0, n / 5, n)))
    return {
        "decile": ids * 10 // n,
        "arrival": arrival * 10 // n,
        "parity": ids % 2,
        "last_digit": ids % 10,
        "country": draw.integers(0, 6, n),
        "spender": (draw.gamma(1, 1, n) * (1 + ids / n) > 1.5).astype(int),
        "segment": (ids // 97) % 4,
    }


@pytest.mark.parametrize(("n", "campaigns"), [(4000, 40), pytest.param(100_000, 200, marks=pytest.mark.slow)])
def test_many_campaigns_on_the_same_people(n: int, campaigns: int) -> None:
    """Sizes, balance of the holdout and independence over many campaigns on the same people."""
    keys = [f"c{i}" for i in range(n)]
    facts = people(n)
    sizes, balance, rows = [], [], np.empty((campaigns, n), np.float32)
    for number in range(campaigns):
        codes = assign(keys, Experiment(f"campaign {number}", {"A": 1, "B": 1}, holdout=0.1)).codes
        sizes.append(ratio_check(np.bincount(codes + 1, minlength=3), [0.1, 0.45, 0.45]).p_value)
        for values in facts.values():
            table = np.stack([np.bincount(values[codes == HELD_OUT]), np.bincount(values[codes != HELD_OUT])])
            balance.append(stats.chi2_contingency(table, correction=False).pvalue)
        rows[number] = (codes == 1) - (codes == 0).astype(np.float32)
    assert stats.kstest(sizes, "uniform").pvalue > 0.001, "sizes"
    assert stats.kstest(balance, "uniform").pvalue > 0.001, "balance"
    apart = np.corrcoef(rows)[np.triu_indices(campaigns, 1)] * np.sqrt(n)
    beyond = float((np.abs(apart) > 3).mean())  # .27 % of independent pairs lie beyond 3
    print(f"{campaigns} x {n:,}: KS sizes {stats.kstest(sizes, 'uniform').pvalue:.3f}, balance "
          f"{stats.kstest(balance, 'uniform').pvalue:.3f}; correlations: spread {apart.std():.4f} of 1/sqrt(n), "
          f"beyond 3: {beyond:.4%}, largest {np.abs(apart).max():.2f}")  # fmt: skip
    assert abs(apart.std() - 1) < 4 / np.sqrt(2 * len(apart)) and beyond < 0.0027 + 4 * np.sqrt(0.0027 / len(apart))
    assert np.abs(apart).max() < stats.norm.isf(0.0005 / len(apart)), "no pair goes together"
    assert abs(apart.mean()) * np.sqrt(len(apart)) < 4


def test_from_a_file(tmp_path: Path) -> None:
    """Keys keep their zeros; the order is the file's; the same name gives the same arms."""
    file = write(tmp_path / "people.csv", "id,city\n" + "".join(f"{i:05},{'LP'[i % 2]}\n" for i in range(1000)))
    words = [
        "assign",
        file,
        "--unit",
        "id",
        "--name",
        "spring",
        "--arms",
        "A=1,B=1",
        "--holdout",
        "0.05",
        "--stratify",
        "city",
    ]
    counts = ask(*words, "--to", tmp_path / "a.csv")["counts"]
    ask(*words, "--to", tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as handle:
        listed = list(csv.DictReader(handle))
    assert [r["id"] for r in listed[:2]] == ["00000", "00001"] and len(listed) == sum(counts.values()) == 1000
    assert abs(counts["A"] - counts["B"]) <= 2 and 25 <= counts["held_out"] <= 80
