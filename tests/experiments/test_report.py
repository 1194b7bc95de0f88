"""The page: stopped readings show no effects, what cannot be told has a word, names are escaped."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from tests.experiments.test_analysis import asked, world

from coterie.experiments.analysis import analyse_frame
from coterie.experiments.results import Note
from coterie.experiments.words import GUARDRAILS, NOTES, REASONS, VERDICTS, note_text
from coterie.report.experiments import experiment_report_html
from coterie.stats.moments import REASONS as CODES


def page(columns: dict[str, Any], *metrics: str, language: Any = "en", **more: Any) -> str:
    """The page of an analysis of columns."""
    return experiment_report_html(
        analyse_frame(pa.table(columns), asked(*metrics, **more)), language=language, title="T"
    )


def test_a_stopped_page_shows_no_effect() -> None:
    text = page(world(share=0.4), "paid:binary", segments=("city",))
    assert "Do not read the effects" in text and "Change against the control" not in text and "By city" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_at_once(language: Any) -> None:
    """Names that are HTML, a metric without figures, a guardrail, money, always-valid intervals, segments with holes."""
    columns = world(lift=2.0)
    columns["city"] = [None if i % 50 == 0 else c for i, c in enumerate(columns["city"])]
    columns["same"] = [1] * 4000
    columns["arm"] = [{"A": "A", "B": "<b>B & co</b>"}[a] for a in columns["arm"]]
    more = {
        "segments": ("city",),
        "guardrails": {"spend": 0.02},
        "sequential": 4000.0,
        "value": ("spend", Decimal("0.5")),
    }
    text = page(columns, "spend:mean", "same:mean", "spend:p90", covariates=("before",), language=language, **more)
    assert "<b>B & co" not in text and "&lt;b&gt;B &amp; co" in text
    assert ("cannot tell" if language == "en" else "无法判断") in text and "nan" not in text.replace("nance", "")
    for left in ("{", "None"):
        assert left not in text.split("<pre>")[0].split("</style>")[1]


def test_every_code_has_words_in_both_languages() -> None:
    assert set(REASONS) == set(CODES)
    for texts in (REASONS, VERDICTS, GUARDRAILS, NOTES):
        assert all(t.en and any("\u4e00" <= c <= "\u9fff" for c in t.zh) for t in texts.values())
    assert "3 units" in note_text(Note("in_two_arms", {"count": 3}))
