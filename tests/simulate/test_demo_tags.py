"""The planted segments are found by the demo's tags, and by nothing simpler."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from coterie.simulate.demo_tags import DEMO_SEGMENT_TAGS, DEMO_TAGS
from coterie.simulate.segments import SEGMENTS
from coterie.simulate.shop import simulate_shop

from .files import Shop, demo_tag_frame, read_shop

Floats = npt.NDArray[np.float64]


class Figures(NamedTuple):
    """Adjusted Rand indexes with the true segments."""

    seed: int
    k: int  # chosen from 2 to 9
    joint: float  # k-means on the demo's tags at that k
    raw: float  # k-means at the true k on means and sums of all raw numeric columns, as they are
    raw_scaled: float  # the same after standardising
    raw_means: float  # k-means at the true k on the means alone of the numbers of an order line, as they are
    raw_means_scaled: float  # the same after standardising
    single: float  # the best single column or tag, k-means at the true k
    single_name: str


def test_definitions_are_complete_documents() -> None:
    names = [tag.name for tag in DEMO_TAGS]
    assert len(set(names)) == len(names) and set(DEMO_SEGMENT_TAGS) <= set(names)
    for place, tag in enumerate(DEMO_TAGS):
        document = tag.document()
        assert ("formula" in document) != ("aggregate" in document)
        if tag.formula:
            assert set(re.findall(r"shop\.\w+", tag.formula)) <= set(names[:place])
        assert all(document["label"].values()) and all(document["description"].values())  # type: ignore[attr-defined]


def test_tags_have_the_values_that_a_count_by_hand_gives(shop: Shop) -> None:
    tags = demo_tag_frame(shop)
    customer = tags["shop.orders"].idxmax()
    mine = [row for row in shop.frames["orders"].itertuples() if row.customer_id == customer and row.amount >= 0]
    night = [row for row in mine if row.ordered_at.hour in (21, 22, 23, 0, 1, 2, 3, 4)]
    weekend = [row for row in mine if row.ordered_at.isoweekday() in (6, 7)]
    seen = [row for row in shop.frames["visits"].itertuples() if row.customer_id == customer]
    orders, visits = {row.order_id for row in mine}, {row.visit_id for row in seen}
    came = len(orders) + len(visits)
    got = tags.loc[customer]
    assert (got["shop.orders"], got["shop.visits"]) == (len(orders), len(visits))
    assert got["shop.basket_lines"] == pytest.approx(len(mine) / len(orders))
    assert got["shop.units"] == pytest.approx(math.exp(sum(math.log(row.quantity) for row in mine) / len(mine)))
    assert got["shop.night_share"] == pytest.approx(
        (
            len({row.order_id for row in night})
            + len({row.visit_id for row in seen if row.at.hour >= 21 or row.at.hour < 5})
        )
        / came
    )
    assert got["shop.weekend_share"] == pytest.approx(
        (len({row.order_id for row in weekend}) + len({row.visit_id for row in seen if row.at.isoweekday() >= 6}))
        / came
    )
    assert got["shop.discount_share"] == pytest.approx(sum(row.discount > 0 for row in mine) / len(mine))


def test_the_segments_are_found_jointly_and_not_singly(tmp_path: Path) -> None:
    found = measure(tmp_path, 2, customers=1_500)
    assert found.k == len(SEGMENTS)
    assert found.joint > 0.8
    assert max(found.raw, found.raw_scaled, found.raw_means, found.raw_means_scaled, found.single) < 0.5


@pytest.mark.slow
def test_recovery_over_seeds_1_to_20(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Median over .8; raw columns and every single column under .5 at every seed. The table is printed."""
    table = pd.DataFrame([measure(tmp_path / str(seed), seed, customers=3_000) for seed in range(1, 21)])
    with capsys.disabled():
        print("\n" + table.round(3).to_string(index=False) + f"\nmedian joint ARI {table['joint'].median():.3f}")
    assert table["joint"].median() > 0.8
    assert (table["k"] == len(SEGMENTS)).all()
    assert table[["raw", "raw_scaled", "raw_means", "raw_means_scaled", "single"]].max().max() < 0.5


def measure(folder: Path, seed: int, *, customers: int) -> Figures:
    """Simulate, tag, cluster, and compare with the truth."""
    shop = read_shop(simulate_shop(folder, customers=customers, seed=seed))
    segment = shop.truth["segments"].set_index("customer_id")["segment"]
    tags = demo_tag_frame(shop)
    joint = prepared(tags[list(DEMO_SEGMENT_TAGS)])
    k = chosen_k(joint)
    raw = raw_columns(shop, segment.index)
    singles = single_scores(tags.join(rfm(shop)).join(raw), labels_of_text(shop, segment.index), segment)
    best = max(singles, key=lambda name: singles[name])
    as_is = raw.fillna(raw.median())
    means = as_is[[name for name in as_is if name.startswith("orders") and name.endswith("mean")]]
    return Figures(
        seed=seed,
        k=k,
        joint=adjusted_rand_score(segment, clusters(joint, k)),
        raw=_agreement(segment, as_is.to_numpy(np.float64)),
        raw_scaled=_agreement(segment, StandardScaler().fit_transform(as_is)),
        raw_means=_agreement(segment, means.to_numpy(np.float64)),
        raw_means_scaled=_agreement(segment, StandardScaler().fit_transform(means)),
        single=singles[best],
        single_name=best,
    )


def _agreement(segment: pd.Series, points: Floats) -> float:
    return float(adjusted_rand_score(segment, clusters(points, len(SEGMENTS))))


def prepared(frame: pd.DataFrame) -> Floats:
    """Missing as the median, skewed columns logged, all standardised."""
    frame = frame.fillna(frame.median())
    logged = {name: np.log1p(c) if c.skew() > 1 and c.min() >= 0 else c for name, c in frame.items()}
    return np.asarray(StandardScaler().fit_transform(pd.DataFrame(logged)), dtype=np.float64)


def clusters(points: Floats, k: int, *, starts: int = 10) -> npt.NDArray[np.int32]:
    """Labels of k-means; on one thread, since several wait for each other at this size."""
    with threadpool_limits(1):
        return np.asarray(KMeans(k, n_init=starts, random_state=0).fit(points).labels_)


def chosen_k(points: Floats) -> int:
    """The k from 2 to 9 that most of silhouette, Calinski-Harabasz and Davies-Bouldin prefer; at a tie silhouette's."""
    best: dict[str, list[tuple[float, int]]] = {"silhouette": [], "calinski": [], "davies": []}
    for k in range(2, 10):
        labels = clusters(points, k)
        best["silhouette"].append((silhouette_score(points, labels, sample_size=1_500, random_state=0), k))
        best["calinski"].append((calinski_harabasz_score(points, labels), k))
        best["davies"].append((-davies_bouldin_score(points, labels), k))
    votes = [max(scores)[1] for scores in best.values()]
    return max(votes, key=votes.count)


def raw_columns(shop: Shop, customers: pd.Index) -> pd.DataFrame:
    """Mean and sum per customer of every number in the event files, the number of rows, and the profile's numbers."""
    columns = {}
    for name, numbers in (("orders", ["quantity", "unit_price", "discount", "amount"]), ("reviews", ["rating"])):
        groups = shop.frames[name].groupby("customer_id")
        for number in numbers:
            columns[f"{name}.{number} mean"] = groups[number].mean()
            columns[f"{name}.{number} sum"] = groups[number].sum()
        columns[f"{name} rows"] = groups.size()
    columns["visits rows"] = shop.frames["visits"].groupby("customer_id").size()
    profiles = shop.frames["profiles"].set_index("customer_id")
    columns["birth year"] = pd.to_datetime(profiles["birth_date"]).dt.year
    columns["signup day"] = (pd.Timestamp("2026-11-01") - pd.to_datetime(profiles["signup_at"])).dt.days
    return pd.DataFrame(columns).reindex(customers)


def rfm(shop: Shop) -> pd.DataFrame:
    """Recency, frequency and spending."""
    orders = shop.frames["orders"]
    bought = orders[orders["amount"] >= 0].groupby("customer_id")
    recency = (pd.Timestamp("2026-11-01") - bought["ordered_at"].max()).dt.days
    return pd.DataFrame(
        {
            "recency": recency,
            "frequency": bought["order_id"].nunique(),
            "monetary": orders.groupby("customer_id")["amount"].sum(),
        }
    )


def labels_of_text(shop: Shop, customers: pd.Index) -> dict[str, npt.NDArray[np.int64]]:
    """Each customer's value of every text column, the most frequent one where there are many."""
    labels = {}
    for name in ("profiles", "orders", "visits", "reviews", "campaign_response"):
        frame = shop.frames[name]
        for column in frame.columns:
            if frame[column].dtype.kind in "Ob" or isinstance(frame[column].dtype, pd.StringDtype):
                counts = frame.groupby(["customer_id", column]).size().sort_values(ascending=False).reset_index()
                top = counts.drop_duplicates("customer_id").set_index("customer_id")[column].reindex(customers)
                labels[f"{name}.{column}"] = pd.factorize(top)[0]
    return labels


def single_scores(
    numbers: pd.DataFrame, labels: dict[str, npt.NDArray[np.int64]], segment: pd.Series
) -> dict[str, float]:
    """How well each column alone tells the segments: numbers by k-means at the true k, plain and prepared."""
    scores = {name: float(adjusted_rand_score(segment, values)) for name, values in labels.items()}
    for name in numbers:
        plain = numbers[[name]].fillna(numbers[name].median()).to_numpy(np.float64)
        for points in (plain, prepared(numbers[[name]])):
            score = float(adjusted_rand_score(segment, clusters(points, len(SEGMENTS), starts=1)))
            scores[name] = max(score, scores.get(name, -1.0))
    return scores
