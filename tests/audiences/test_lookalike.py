"""Look-alikes: half of a planted segment finds the other half; chance finds nobody; what gives the seed away is left out."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import coterie
from coterie.audiences.lookalike import LookAlike
from coterie.cli.demo import IMPORTS
from coterie.errors import Cancelled, CoterieError
from coterie.kit.progress import Progress
from coterie.simulate.demo_tags import DEMO_TAGS
from coterie.simulate.shop import simulate_shop
from coterie.stats.ranking import roc_auc
from coterie.workspace import Workspace

PEOPLE, PLANTED = 2_000, 400


def people() -> list[dict[str, Any]]:
    """The first `PLANTED` come often at night, mostly from two towns, and like tea; the order of keys says nothing."""
    rng = np.random.default_rng(3)
    keys = rng.permutation(PEOPLE)
    rows = []
    for i in range(PEOPLE):
        mine = i < PLANTED
        towns = ["Lyon", "Nice", "Paris", "Metz", "Lille"]
        likes = [x for x, p in (("tea", 0.7 if mine else 0.35), ("pots", 0.5)) if rng.random() < p]
        spend = float(rng.lognormal(3.6 if mine else 3.0, 0.8))
        rows.append(
            {
                "id": f"{keys[i]:05}",
                "spend": round(spend, 2),
                "visits": int(rng.poisson(9 if mine else 6)),
                "night": "" if rng.random() < 0.1 else round(float(rng.beta(3, 4) if mine else rng.beta(2, 5)), 3),
                "returns": round(spend * float(rng.uniform(0, 0.2)), 2),
                "noise": round(float(rng.normal()), 3),
                "shade": int(rng.integers(0, 100)),
                "town": str(rng.choice(towns, p=[0.4, 0.3, 0.1, 0.1, 0.1] if mine else [0.2] * 5)),
                "member": str(rng.random() < (0.6 if mine else 0.4)).lower(),
                "likes": ";".join(likes),
                "joined": f"20{int(rng.integers(10, 24))}-05-05",
                "email": f"{keys[i]}@example.org",
                "one": "same",
                "planted": str(mine).lower(),
            }
        )
    return rows


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return people()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> Path:
    folder = tmp_path_factory.mktemp("lookalike")
    known = [k for k in rows[0] if k != "planted"]
    lines = [",".join(known), *(",".join(str(row[k]) for k in known) for row in sorted(rows, key=lambda r: r["id"]))]
    (folder / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "half.csv").write_text("name,key\n" + "".join(f"x,{r['id']}\n" for r in half(rows)) + "x,nobody\n")
    with coterie.init(folder / "ws") as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id", types={"likes": "texts(;)"})
        ws.tags.upload_list("half", folder / "half.csv", column="key")
        ws.tags.build("2024-06-01")
        ws.audiences.save("spenders", {"all": [{"tag": "spend", "op": "gte", "value": 40}]})
    return folder


@pytest.fixture
def shop(made: Path) -> Iterator[Workspace]:
    with coterie.open(made / "ws") as ws:
        yield ws


def half(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows[: PLANTED // 2]


@pytest.fixture(scope="module")
def found(made: Path) -> LookAlike:
    """The look-alike of half of the planted segment, saved."""
    with coterie.open(made / "ws") as ws:
        return ws.audiences.lookalike("half", 300, name="like half")


def test_half_of_a_planted_segment_finds_the_other_half(
    shop: Workspace, found: LookAlike, rows: list[dict[str, Any]]
) -> None:
    seed = {r["id"] for r in half(rows)}
    other = {r["id"] for r in rows if r["planted"] == "true"} - seed
    values = shop.tags.values(["lookalike.like half.score", "lookalike.like half.rank"], floats=True)
    told = {k: s for k, s, _ in values.itertuples(index=False) if s == s}
    assert set(told) == {r["id"] for r in rows} - seed
    assert roc_auc_score([k in other for k in told], list(told.values())) > 0.8
    members = set(shop.audiences.keys_of("like half"))
    assert len(members) == 300 and not members & seed
    lowest = min(told[k] for k in members)
    assert all(s <= lowest for k, s in told.items() if k not in members)
    assert len(members & other) > 4 * 300 * len(other) / len(told) / 2


def test_what_is_told_of_it(found: LookAlike) -> None:
    assert (found.seed_count, found.size, found.candidates) == (200, 300, 1_800)
    assert found.auc.low > 0.7 and found.logistic.value > 0.7 and found.baseline == 0.5
    assert found.auc.low <= found.auc.value <= found.auc.high
    out = {t.tag: t.reason for t in found.left_out}
    assert out == {
        "list.half": "it defines the seed",
        "email": "no value is common",
        "one": "everyone has the same value",
    }
    reasons = {r.tag: r.finding for r in found.reasons}
    assert set(list(reasons)[:4]) <= {"spend", "visits", "night", "town", "likes", "member", "returns"}
    assert reasons["visits"].startswith("higher: median ")
    assert sum(r.weight for r in found.reasons) <= 1 + 1e-9
    sizes = [p.size for p in found.curve]
    assert sizes == sorted(sizes) and 300 in sizes
    likeness = [p.similarity for p in found.curve]
    assert likeness == sorted(likeness, reverse=True) and found.curve[0].lift > 3
    assert found.as_dict()["rule"]["value"] == 300 and found.table()[0]["size"] == sizes[0]


def test_the_same_again_is_the_same(shop: Workspace, found: LookAlike) -> None:
    again = shop.audiences.lookalike("half", 300, name="like half", save=False)
    kept = ("auc", "logistic", "curve", "reasons")
    assert [getattr(again, k) for k in kept] == [getattr(found, k) for k in kept]
    assert (again.audience, again.tag, again.rule) == (None, None, None)
    assert {t.reason for t in again.left_out if t.tag.startswith("lookalike.")} == {"it is of a look-alike"}


def test_a_file_is_a_seed_without_being_a_list(shop: Workspace, made: Path, found: LookAlike) -> None:
    told = shop.audiences.lookalike(str(made / "half.csv"), 10, column="key", save=False, language="zh")
    assert (told.seed_count, told.unmatched) == (200, 1)
    assert {t.tag: t.reason for t in told.left_out}["list.half"] == "单独即可识别种子人群（AUC 1.000）"
    assert told.auc == found.auc


def test_tags_of_the_rule_are_left_out(shop: Workspace) -> None:
    told = shop.audiences.lookalike("spenders", 50, save=False)
    assert {t.tag: t.reason for t in told.left_out}["spend"] == "it defines the seed"
    assert told.reasons[0].tag == "returns"


def test_random_seeds_are_refused(shop: Workspace, tmp_path: Path) -> None:
    assert refused(shop, tmp_path, 10) == 10


@pytest.mark.slow
def test_ninety_five_of_a_hundred_random_seeds_are_refused(shop: Workspace, tmp_path: Path) -> None:
    assert refused(shop, tmp_path, 100) >= 95


@pytest.mark.slow
def test_every_planted_segment_of_the_simulated_shop_is_found(tmp_path: Path) -> None:
    files = simulate_shop(tmp_path / "files", customers=2_000, seed=7)
    with files.truth["segments"].open(encoding="utf-8") as handle:
        truth = {row["customer_id"]: row["segment"] for row in csv.DictReader(handle)}
    with coterie.init(tmp_path / "ws") as ws:
        for name in ("products", "profiles", "orders", "visits"):
            ws.load(files.imported[name], name=name, **IMPORTS[name])
        ws.tags.add(definitions=[tag.document() for tag in DEMO_TAGS])
        ws.tags.build("2026-11-01")
        for segment in sorted(set(truth.values())):
            people = [k for k, s in truth.items() if s == segment]
            seed, other = people[::2], set(people[1::2])
            (tmp_path / "seed.csv").write_text("key\n" + "\n".join(seed) + "\n", encoding="utf-8")
            ws.audiences.lookalike(str(tmp_path / "seed.csv"), len(other), name=segment)
            told = ws.tags.values([f"lookalike.{segment}.score"], floats=True).dropna()
            assert roc_auc_score(told["entity"].isin(other), told[f"lookalike.{segment}.score"]) > 0.95


def refused(ws: Workspace, folder: Path, times: int) -> int:
    draw, count = random.Random(12), 0
    for _ in range(times):
        keys = draw.sample(range(PEOPLE), 150)
        (folder / "seed.csv").write_text("key\n" + "".join(f"{k:05}\n" for k in keys), encoding="utf-8")
        try:
            ws.audiences.lookalike(str(folder / "seed.csv"), 10, save=False)
        except CoterieError as error:
            assert error.code == "no_signal" and "no better than chance" in error.message
            count += 1
    return count


def test_refusals(shop: Workspace, made: Path, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("key\n00001\n00002\n", encoding="utf-8")
    given: list[tuple[str, int, dict[str, Any], str, str]] = [
        ("nobody", 10, {}, "unknown_name", "There is no audience, list or file"),
        (str(tmp_path / "few.csv"), 10, {}, "too_few_rows", "The seed has 2 people"),
        ("half", 0, {}, "bad_argument", "Give 1 to 1,800"),
        ("half", 1_801, {}, "bad_argument", "Give 1 to 1,800"),
        ("half", 10, {"name": "a/b"}, "bad_argument", "cannot name an audience"),
        (str(made / "half.csv"), 10, {"column": "kee"}, "missing_column", "There is: name, key."),
    ]
    for seed, size, options, code, words in given:
        with pytest.raises(CoterieError) as caught:
            shop.audiences.lookalike(seed, size, save=False, **options)
        assert caught.value.code == code and words in str(caught.value)


def test_cancel_leaves_nothing(shop: Workspace) -> None:
    class Stopped(Progress):
        def shown(self) -> None:
            if self.name == "Scoring":
                self.cancel()

    with pytest.raises(Cancelled):
        shop.audiences.lookalike("half", 10, name="never", progress=Stopped())
    assert "lookalike.never.score" not in shop.catalog.tags()
    assert "never" not in [row["audience"] for row in shop.audiences.rows()]


def test_area_is_that_of_scikit_learn_and_its_variance_that_of_pairs() -> None:
    rng = np.random.default_rng(1)
    y = rng.random(300) < 0.3
    s = (rng.normal(size=300) + y).round(1)
    wins = np.sign(s[y][:, None] - s[~y][None, :]) / 2 + 0.5
    found = roc_auc(s, y)
    assert found.value == pytest.approx(roc_auc_score(y, s))
    assert found.variance == pytest.approx(
        wins.mean(axis=1).var(ddof=1) / y.sum() + wins.mean(axis=0).var(ddof=1) / (~y).sum()
    )
