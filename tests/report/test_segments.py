"""The segment report: one file, every segment in it, both languages, nothing fetched from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.report.conftest import LABELS
from tests.report.looking import assert_sound, look

from coterie.learn.segments.model import SegmentFit, fit_segments
from coterie.learn.segments.study.make import Study
from coterie.learn.segments.words import Text
from coterie.report.segments import segment_report_html


@pytest.fixture(scope="module")
def pages(fit: SegmentFit, study: Study) -> dict[str, str]:
    return {
        "en": segment_report_html(fit, "Shop <customers>", facts={"As of": "2025-06-30"}, study=study),
        "zh": segment_report_html(fit, "商店客户", language="zh", facts={"截至": "2025-06-30"}, study=study),
    }


class _Reader(HTMLParser):
    """Checks that elements close in order, and collects the text outside styles and code."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "pre", "code"} & set(self.open):
            self.text.append(data)


def _text(page: str) -> str:
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    return "\n".join(reader.text)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_needs_nothing_from_elsewhere(pages: dict[str, str], language: str) -> None:
    page = pages[language]
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<link|<img|<iframe| src=| href=.[^#]| on\w+=", page)
    assert page.startswith("<!doctype html>") and 'charset="utf-8"' in page and "viewport" in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_segment_and_figure_is_there(fit: SegmentFit, pages: dict[str, str], language: str) -> None:
    text = _text(pages[language])
    for j, name in enumerate(fit.model.names):
        assert text.count(name.en if language == "en" else name.zh) >= 4
        assert f"{fit.model.sizes[j]:,}" in text and f"{fit.stability.jaccard[j]:.2f}" in text
    for figures in fit.panel.figures:
        assert f"{figures.silhouette:.4f}" in text and f"{figures.separation:.2f}" in text
    for library, version in fit.model.versions.items():
        assert library in text and version in text
    for column in fit.model.columns:
        assert (LABELS[column].en if language == "en" else LABELS[column].zh) in text
    assert "2025-06-30" in text


def test_has_a_plot_per_segment_and_criterion_and_all_numbers_are_finite(
    fit: SegmentFit, pages: dict[str, str]
) -> None:
    page = pages["en"]
    criteria, outcomes = 9, 3
    others = ("structure", "lineage", "stability", "over time", "map", "loadings", "silhouettes", "profit")
    assert page.count("<svg") == fit.model.k + criteria + outcomes + len(others)
    for drawing in re.findall(r"<svg.*?</svg>", page, re.S):
        assert "nan" not in drawing and "inf" not in drawing
        assert re.search(r"<(path|circle|rect)", drawing)
    assert " nan" not in _text(page)


def test_texts_of_users_are_escaped(pages: dict[str, str]) -> None:
    assert "Shop &lt;customers&gt;" in pages["en"] and "<customers>" not in pages["en"]
    assert "<b>里昂</b>" not in pages["en"] and "&lt;b&gt;里昂&lt;/b&gt;" in pages["en"]


def test_the_chinese_page_is_chinese(pages: dict[str, str]) -> None:
    """No Latin word but our name, the letters of formulas, the names of libraries, and the data's own texts."""
    allowed = {"Coterie", "coterie", "k", "p", "b", "python", "numpy", "scipy", "scikit", "learn", "pandas", "sms"}
    words = set(re.findall(r"[A-Za-z]+", _text(pages["zh"])))
    assert words <= allowed
    assert 'lang="zh-CN"' in pages["zh"]


def test_labels_can_be_given_at_the_report(fit: SegmentFit) -> None:
    labels = LABELS | {"basket": Text("mean order value", "平均订单额")}
    page = segment_report_html(fit, "Shop", labels=labels)
    assert page.count("mean order value") > 5 and "share of mean order value" in page


def test_a_stored_fit_gives_the_same_page(fit: SegmentFit, study: Study, pages: dict[str, str]) -> None:
    again = segment_report_html(
        SegmentFit.from_json(fit.to_json()), "商店客户", language="zh", facts={"截至": "2025-06-30"}, study=study
    )
    assert again == pages["zh"]


def test_one_given_k_and_no_money_also_make_a_page(fit: SegmentFit) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.normal(size=40), "b": rng.normal(size=40)})
    single = fit_segments(frame, k=2)
    page = segment_report_html(single, "Two", language="zh")
    _text(page)
    assert "按要求分为 2 群" in page and "没有" in page and "40 个客户" in page


@pytest.mark.parametrize(("language", "width"), [("en", 390), ("zh", 1440)])
def test_looked_at_by_a_browser_nothing_overlaps(
    pages: dict[str, str], language: str, width: int, tmp_path: Path
) -> None:
    assert_sound(look(pages[language], tmp_path, width))
