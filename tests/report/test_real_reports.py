"""Whole reports of real customers, looked at by a browser: no text over another, no empty plot."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from tests.report.looking import assert_sound, look

from coterie.learn.segments.model import SegmentFit, fit_segments
from coterie.learn.segments.study.economics import Margins
from coterie.learn.segments.study.make import Given, Study, make_study
from coterie.learn.segments.study.origin import Facts
from coterie.learn.segments.study.past import Before
from coterie.learn.segments.study.value import Outcome, sentences
from coterie.report.segment_json import report_json
from coterie.report.segments import segment_report_html

pytestmark = pytest.mark.slow
CUTOFF, END = pd.Timestamp("2011-09-10"), pd.Timestamp("2011-12-10")


def _lines(data_dir: Path) -> pd.DataFrame:
    lines = pd.read_csv(
        data_dir / "online_retail" / "online_retail.csv.gz", dtype={"CustomerID": str, "InvoiceNo": str}
    )
    lines = lines[lines["CustomerID"].notna()]
    at = pd.to_datetime(lines["InvoiceDate"])
    return lines.assign(at=at, amount=lines["Quantity"] * lines["UnitPrice"])


def _features(lines: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """Recency, frequency, monetary and three more of everyone who bought by then."""
    seen = lines[lines["at"] <= moment]
    bought = seen[seen["amount"] >= 0].groupby("CustomerID")
    day = moment.normalize()
    frame = pd.DataFrame(
        {
            "rfm.recency_days": (day - bought["at"].max().dt.normalize()).dt.days,
            "rfm.frequency": bought["InvoiceNo"].nunique(),
            "rfm.monetary": seen.groupby("CustomerID")["amount"].sum().reindex(bought.size().index),
            "tenure_days": (day - bought["at"].min().dt.normalize()).dt.days,
            "products": bought["StockCode"].nunique(),
        }
    )
    return frame.assign(basket=frame["rfm.monetary"] / frame["rfm.frequency"])


def _after(lines: pd.DataFrame, moment: pd.Timestamp, days: int) -> pd.DataFrame:
    then = lines[(lines["at"] > moment) & (lines["at"] <= moment + pd.Timedelta(days=days))]
    revenue = then.groupby("CustomerID")["amount"].sum()
    back = then[then["amount"] > 0]["CustomerID"].unique()
    return pd.DataFrame({"revenue": revenue, "returned": revenue.index.isin(back)})


@pytest.fixture(scope="module")
def retail(data_dir: Path) -> tuple[SegmentFit, Study]:
    lines = _lines(data_dir)
    frame = _features(lines, END)
    fit = fit_segments(frame, money=["rfm.monetary"])
    old = fit_segments(_features(lines, END - pd.Timedelta(days=30)), k=fit.model.k, money=["rfm.monetary"])
    given = Given(
        facts=Facts(as_of="2011-12-10"),
        money=["rfm.monetary"],
        others=lines.groupby("CustomerID")[["Country"]].last(),
        frame_at=lambda moment: _features(lines, pd.Timestamp(moment)),
        windows=[datetime(2011, 9, 10)],
        outcomes=lambda moment, days: _after(lines, pd.Timestamp(moment), days),
        cutoff=datetime(2011, 9, 10),
        margins=Margins("rfm.monetary", 0.35, "rfm.frequency", 5.0),
        before=Before(1, "2011-11-10", old.model, dict(zip(old.labels["entity"], old.labels["segment"], strict=True))),
    )
    return fit, make_study(fit, frame, given)


def _looked_at(fit: SegmentFit, study: Study, folder: Path) -> None:
    for language in ("en", "zh"):
        page = segment_report_html(fit, "Report", language=language, study=study)
        for width in (1440, 390):
            assert_sound(look(page, folder, width))


def test_online_retail(retail: tuple[SegmentFit, Study], tmp_path: Path) -> None:
    fit, study = retail
    assert not [name for name, part in report_json(fit, study).items() if "not_applicable" in part]
    _looked_at(fit, study, tmp_path)


def test_online_retail_says_whether_its_segments_matter(retail: tuple[SegmentFit, Study]) -> None:
    """Made of the same columns as the deciles, they cannot tell much more; the report must not say that they do."""
    outcome = retail[1].outcome
    assert isinstance(outcome, Outcome) and outcome.customers > 3_000
    for gain, said in zip(outcome.gains, sentences(outcome.gains), strict=True):
        print(
            f"{gain.outcome}: segments {gain.segments:.3f}, deciles {gain.baseline:.3f}, both {gain.both:.3f}: {said}"
        )
        assert gain.segments > 0.1 and gain.both == pytest.approx(gain.baseline, abs=0.02)
    values = [s.figures["revenue"].value for s in outcome.segments]
    assert max(values) > 3 * min(values)


def test_marketing_campaign(data_dir: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(data_dir / "marketing_campaign" / "marketing_campaign.csv", sep="\t").set_index("ID")
    inputs = rows[[c for c in rows if c.startswith(("Mnt", "Num"))] + ["Recency", "Income", "Kidhome", "Teenhome"]]
    others = rows[["Year_Birth", "Education", "Marital_Status", "Response"]]
    fit = fit_segments(inputs)
    study = make_study(fit, inputs, Given(others=others))
    assert {p.column for p in study.care.protected} == {"Year_Birth", "Marital_Status"}
    _looked_at(fit, study, tmp_path)
