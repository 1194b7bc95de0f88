"""The fifteen parts as figures: of this fit, and of no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.report.conftest import LABELS, Shop, studied

from coterie.learn.segments.model import SegmentFit, fit_segments
from coterie.learn.segments.study.make import Given, Study, make_study
from coterie.report.segment_json import PARTS, report_json
from coterie.report.segments import DRAWN

NAMES = (
    "overview", "input", "structure", "choice", "algorithms", "stability", "profile", "explanation", "outcome", "map",
    "economics", "stress", "care", "upkeep", "appendix",
)  # fmt: skip
STEADY = {"customers", "resamples", "silhouette_rows", "rows", "points", "depth", "k", "id", "seed", "limit", "draws"}
"""Counts and settings, which other data of the same size share."""


def permuted(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Every column shuffled by itself: the same values, and nothing that hangs together."""
    rng = np.random.default_rng(seed)
    shuffled = {c: frame[c].to_numpy()[rng.permutation(len(frame))] for c in frame.columns}
    return pd.DataFrame(shuffled, index=frame.index)


def figures(value: Any, path: str = "") -> dict[str, float]:
    """All numbers with a fraction, by their place."""
    if isinstance(value, dict):
        found = [figures(part, f"{path}/{key}") for key, part in value.items() if key not in STEADY]
    elif isinstance(value, list):
        found = [figures(part, f"{path}/{i}") for i, part in enumerate(value)]
    else:
        return {path: value} if isinstance(value, float) and value not in (0.0, 1.0) else {}
    return {key: number for part in found for key, number in part.items()}


def test_fifteen_parts_in_the_order_of_the_page() -> None:
    assert tuple(PARTS) == tuple(DRAWN) == NAMES


@pytest.fixture(scope="module")
def pair(shop: Shop, fit: SegmentFit, study: Study) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parts of a shop with everything given, and of the same values shuffled."""
    other = Shop(permuted(shop.frame, 1), permuted(shop.others, 2), permuted(shop.after, 3))
    again = fit_segments(other.frame, k=fit.model.k, money=["basket"], labels=LABELS)
    return report_json(fit, study), report_json(again, studied(again, other))


def test_all_parts_apply_where_everything_is_given(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for parts in pair:
        assert tuple(parts) == NAMES
        assert not [name for name, part in parts.items() if "not_applicable" in part]
        assert json.loads(json.dumps(parts, allow_nan=False)) == parts


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_of_these_data(name: str, pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """On shuffled data every part says something else, and next to none of its figures are the same."""
    ours, theirs = pair[0][name], pair[1][name]
    assert ours != theirs
    if name == "input":  # a column's own values are the same; how columns hang together, and the fingerprints, are not
        for key in ("data_sha256", "model_sha256", "most_alike", "effective_columns"):
            assert ours[key] != theirs[key]
        return
    one, two = figures(ours), figures(theirs)
    alone = (
        "overall",
        "given",
        "drift/columns",
        "drift/triggers",
        "drift/days",
        "drift/strange",
    )  # of a column by itself, or set
    both = [place for place in one if place in two and not any(part in place for part in alone)]
    same = [place for place in both if one[place] == two[place]]
    assert len(one) >= 2 and len(same) <= 0.1 * len(both), same


def test_wholesale_lacks_two_parts_at_most(data_dir: Path) -> None:
    frame = pd.read_csv(data_dir / "wholesale_customers" / "wholesale_customers.csv")
    spend, others = frame.iloc[:, 2:], frame.iloc[:, :2].astype(str)
    fit: SegmentFit = fit_segments(spend, k=2)
    study: Study = make_study(fit, spend, Given(others=others))
    parts = report_json(fit, study)
    absent = {name: part["not_applicable"] for name, part in parts.items() if "not_applicable" in part}
    assert set(absent) == {"outcome", "economics"} and all(len(reason) > 30 for reason in absent.values())
    assert {trait["column"] for trait in parts["profile"]["descriptors"]} == {"Channel", "Region"}
    assert sum(row["size"] for row in parts["overview"]["segments"]) == 440
