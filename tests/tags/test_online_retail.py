"""RFM of a real shop, compared with an independent computation in pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import coterie
from coterie.ingest.service import import_file

NAMES = ["recency_days", "frequency", "monetary", "r", "f", "m", "cell"]


def by_hand(path: Path, as_of: str) -> pd.DataFrame:
    """The seven values of every customer, from the file alone."""
    text = {"InvoiceNo": str, "CustomerID": str}
    lines = pd.read_csv(path, dtype=text, parse_dates=["InvoiceDate"]).dropna(subset="CustomerID")
    lines["entity"] = lines["CustomerID"].str.removesuffix(".0")
    lines["amount"] = (lines["Quantity"] * (lines["UnitPrice"] * 1000).round().astype(int)).astype(object)
    bought = lines[lines["amount"] >= 0].groupby("entity")
    found = pd.DataFrame(index=sorted(lines["entity"].unique()))
    found["recency_days"] = (pd.Timestamp(as_of) - bought["InvoiceDate"].max().dt.normalize()).dt.days
    found["frequency"] = bought["InvoiceNo"].nunique().reindex(found.index, fill_value=0)
    found["monetary"] = lines.groupby("entity")["amount"].sum()

    def score(values: pd.Series) -> pd.Series:
        worse = values.rank(method="min") - 1  # how many are strictly less; a missing value is not among them
        return (1 + np.floor(5 * worse / len(values))).fillna(1).astype(int)

    found["r"], found["f"], found["m"] = (
        score(-found["recency_days"]),
        score(found["frequency"]),
        score(found["monetary"].astype(int)),
    )
    found["cell"] = found["r"].astype(str) + found["f"].astype(str) + found["m"].astype(str)
    return found


def test_rfm_of_online_retail_equals_a_computation_in_pandas(tmp_path: Path, data_dir: Path) -> None:
    file = data_dir / "online_retail" / "online_retail.csv.gz"
    with coterie.init(str(tmp_path / "shop"), zone="UTC") as ws:
        import_file(ws.ingest_context, str(file), kind="events", name="orders", entity="CustomerID", time="InvoiceDate")
        ws.tags.add(recipe="rfm", events="orders", amount="Quantity*UnitPrice", order="InvoiceNo")
        report = ws.tags.build("2011-12-10")
        found = ws.tags.values([f"rfm.{n}" for n in NAMES]).set_index("entity").sort_index()
    expected = by_hand(file, "2011-12-10")
    assert report["entities"] == len(found) == 4_372
    assert found.index.tolist() == expected.index.tolist()
    for name in NAMES:
        mine, theirs = found[f"rfm.{name}"], expected[name]
        if name == "monetary":
            mine = mine.map(lambda d: int(d * 1000))
        same = (mine == theirs) | (mine.isna() & theirs.isna())
        assert same.all(), name
    assert found["rfm.frequency"].sum() == 18_536
    assert str(found["rfm.monetary"].sum()) == "8300065.8140"
    assert found["rfm.recency_days"].sum() == 403_707
    assert found["rfm.recency_days"].isna().sum() == 33
    assert found["rfm.f"].value_counts().sort_index().tolist() == [1527, 835, 508, 630, 872]
