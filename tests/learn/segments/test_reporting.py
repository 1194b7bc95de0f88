"""A report through the workspace: fifteen parts, kept for as long as nothing changes, told what only people know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.segmented import shop

from coterie.errors import Refused
from coterie.learn.segments.reporting import ReportOptions
from coterie.workspace import Workspace

__all__ = ["shop"]

PARTS = """overview input structure choice algorithms stability profile explanation outcome map economics stress care
upkeep appendix""".split()


def reports(shop: Workspace) -> list[Path]:
    return sorted((shop.path / "reports").glob("*.report.json"))


def test_it_has_fifteen_parts_and_is_drawn_once_until_something_changes(shop: Workspace, tmp_path: Path) -> None:
    figures = shop.segments.figures("who")
    assert list(figures) == PARTS
    absent = {part for part, told in figures.items() if "not_applicable" in told}
    assert absent == {"outcome", "economics"}  # profiles alone tell no revenue
    (kept,) = reports(shop)
    made = kept.stat().st_mtime_ns
    page = shop.segments.report("who")
    assert [p.stat().st_mtime_ns for p in reports(shop)] == [made] and page.startswith("<!doctype html>")
    shop.segments.set_strategy("who", 3, owner="Ann", action="Call them")
    again = shop.segments.figures("who")
    third = next(s for s in again["overview"]["segments"] if s["id"] == 3)
    assert (third["owner"], third["action"]) == ("Ann", "Call them") and reports(shop) != [kept]
    shop.write_segment_report("who", tmp_path / "who.json")
    assert json.loads((tmp_path / "who.json").read_text(encoding="utf-8")) == again
    assert "coterie -w DIR segment fit who --tags spend,visits,city" in again["appendix"]["rerun"]


def test_what_does_not_add_up_over_time_is_no_outcome(shop: Workspace) -> None:
    with pytest.raises(Refused, match=r'`bad_argument` at `--revenue`: "spend" does not add up'):
        shop.segments.figures("who", options=ReportOptions(revenue="spend"))
    with pytest.raises(Refused, match=r"The margin is 30"):
        shop.segments.figures("who", options=ReportOptions(margin=30))
