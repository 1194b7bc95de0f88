"""Cookie Cats and Hillstrom from the file by one command, against figures worked out apart."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats
from tests.experiments.doors import ask, run

CATS = ["--unit", "userid", "--arm", "version", "--control", "gate_30"]
CATS += ["--metric", "retention_1:binary", "--metric", "retention_7:binary", "--metric", "sum_gamerounds:mean"]
HILLSTROM = ["--unit", "@row", "--arm", "segment", "--control", "No E-Mail"]
HILLSTROM += ["--metric", "visit:binary", "--metric", "conversion:binary", "--metric", "spend:mean"]


def test_cookie_cats(data_dir: Path) -> None:
    """The sizes pass the check; of three metrics only retention after a week falls."""
    file = data_dir / "cookie_cats" / "cookie_cats.csv.gz"
    found = ask("analyse", file, *CATS)
    assert found["srm"]["observed"] == {"gate_30": 44_700, "gate_40": 45_489} and not found["stopped"]
    assert found["srm"]["p_value"] == pytest.approx(0.008608, abs=1e-6)
    one, seven, rounds = found["metrics"]
    assert (one["control_value"], one["value"]) == pytest.approx((0.448188, 0.442283), abs=1e-6)
    assert (seven["control_value"], seven["value"]) == pytest.approx((0.190201, 0.182000), abs=1e-6)
    assert [m["verdict"] for m in found["metrics"]] == ["not_seen", "worse", "not_seen"]
    assert seven["p_holm"] == pytest.approx(3 * seven["p_value"], rel=1e-9) and seven["p_value"] < 0.002
    table = pd.read_csv(file)
    groups = [g for _, g in table.groupby("version")["sum_gamerounds"]]
    theirs = stats.ttest_ind(groups[1], groups[0], equal_var=False)
    assert rounds["p_value"] == pytest.approx(theirs.pvalue, rel=1e-9)
    assert rounds["ci"] == pytest.approx(list(theirs.confidence_interval(0.95)), rel=1e-8)
    told = {n["code"]: n for n in found["notes"]}
    assert told["one_unit"]["value"] == 49_854 and told["one_unit"]["share"] > 0.8


def test_hillstrom(data_dir: Path, tmp_path: Path) -> None:
    """Three arms, segments with correction, adjusted and plain side by side, money, and a page with pictures."""
    file, page = data_dir / "hillstrom" / "hillstrom_email.csv.gz", tmp_path / "page.html"
    more = ["--covariate", "history", "--segment", "newbie", "--segment", "channel", "--guardrail", "visit:0.02"]
    more += ["--cost", "Mens E-Mail=0.05", "--cost", "Womens E-Mail=0.05", "--value", "spend=0.4", "--report", page]
    found = ask("analyse", file, *HILLSTROM, *more)
    assert found["units"] == 64_000 and found["srm"]["p_value"] > 0.5
    rates = {(m["metric"], m["arm"]): m["value"] for m in found["metrics"]}
    assert rates["visit", "Mens E-Mail"] == pytest.approx(0.1828, abs=1e-4)
    assert rates["visit", "Womens E-Mail"] == pytest.approx(0.1514, abs=1e-4)
    assert found["metrics"][0]["control_value"] == pytest.approx(0.1062, abs=1e-4)
    assert all(m["verdict"] == "better" and m["adjusted"]["variance_kept"] <= 1.001 for m in found["metrics"])
    assert found["metrics"][0]["guardrail"]["state"] == "kept"
    assert len(found["segments"]) == 6 * (2 + 3) and all(s["p_holm"] >= s["p_value"] for s in found["segments"])
    assert {(h["column"], h["metric"]) for h in found["heterogeneity"]} >= {("newbie", "visit"), ("channel", "spend")}
    mens = next(p for p in found["profit"] if p["arm"] == "Mens E-Mail")
    spend = next(m for m in found["metrics"] if m["metric"] == "spend" and m["arm"] == "Mens E-Mail")["adjusted"]
    assert mens["per_unit"] == pytest.approx(0.4 * spend["effect_size"] - 0.05, rel=1e-9)
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") >= 1 + 3 + 2 * 6 and "src=" not in text and "<script" not in text and "http" not in text


def test_the_page_in_chinese(data_dir: Path, tmp_path: Path) -> None:
    """Asked for on the command itself, with intervals for daily looks."""
    page = tmp_path / "page.html"
    file = data_dir / "cookie_cats" / "cookie_cats.csv.gz"
    words = run("analyse", file, *CATS, "--sequential", 90_000, "--language", "zh", "--report", page)
    text = page.read_text(encoding="utf-8")
    assert "有效果吗" in text and "始终有效" in text and 'lang="zh-CN"' in text and "未见差异" in words
    body = re.sub(r"<pre>.*?</pre>|<style>.*?</style>", "", text, flags=re.S)
    assert not re.search(r"[a-z]{4,} [a-z]{3,} [a-z]{3,}", re.sub(r"<[^>]+>", " ", body))


def test_history_and_power(data_dir: Path) -> None:
    """What another such campaign needs, from this one's file."""
    file = data_dir / "hillstrom" / "hillstrom_email.csv.gz"
    found = ask("power", "--history", file, "--metric", "visit:binary", "--lift", "0.05", "--units-a-day", 4000)
    assert found["baseline"] == pytest.approx(0.14678, abs=1e-5) and found["history_units"] == 64_000
    assert found["power"] == pytest.approx(0.8, abs=1e-4) and found["days"] == -(-found["units"] // 4000)
