"""The shapes of the plots: bands fill their segments, discs keep apart, an id keeps its colour."""

from __future__ import annotations

import math
import re

from coterie.learn.segments.study.intervals import Interval
from coterie.report.flow_plots import Layer, Node, Whisk, flow_plot, interval_plot
from coterie.report.numbers import plain
from coterie.report.segment_plots import _apart
from coterie.report.svg import PALETTE, tones

_BAND = re.compile(r'd="M([\d.]+),([\d.]+) C[^L]*L([\d.]+),([\d.]+) C\S+ \S+ ([\d.]+),([\d.]+) Z"')


def test_bands_fill_their_segments_on_both_sides() -> None:
    layers = [Layer("2", [Node("1", 70, "#000000"), Node("2", 30, "#111111")]), Layer("3", [Node("", 99, "#222222"), Node("", 1, "#333333")])]  # fmt: skip
    plot = flow_plot(layers, [[(0, 0, 70), (1, 0, 29), (1, 1, 1)]], "label")
    nodes = {m[4]: (float(m[1]), float(m[3])) for m in re.finditer(r'<rect x="[\d.]+" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill="(#\w+)"', plot)}  # fmt: skip
    bands = [tuple(map(float, m.groups())) for m in _BAND.finditer(plot)]
    assert len(bands) == 3 and all(height >= 15 for _, height in nodes.values())
    left = [foot - top for _, top, _, _, _, foot in bands]
    assert math.isclose(left[0], nodes["#000000"][1], abs_tol=0.2)
    assert math.isclose(left[1] + left[2], nodes["#111111"][1], abs_tol=0.3)


def test_discs_keep_apart_and_inside() -> None:
    spots = [(60.0, 30.0), (60.0, 30.0), (61.0, 30.0), (490.0, 370.0), (495.0, 375.0)]
    moved = _apart(spots, (56, 496), (24, 376))
    for i, one in enumerate(moved):
        assert 56 <= one[0] <= 496 and 24 <= one[1] <= 376
        assert all(math.dist(one, other) > 24.5 for other in moved[:i])
    assert _apart([(100.0, 100.0), (200.0, 200.0)], (56, 496), (24, 376)) == [(100.0, 100.0), (200.0, 200.0)]


def test_colours_go_by_id() -> None:
    assert tones((1, 2, 5))[5] == tones((5, 9))[5] == PALETTE[4]
    assert len(set(tones(range(1, 11)).values())) == len(PALETTE)
    assert tones((3, 13))[3] == PALETTE[2] and tones((3, 13))[13] != PALETTE[2]


def test_an_interval_without_ends_is_a_dot() -> None:
    plot = interval_plot([Whisk("1", "#000000", Interval(-3.0, math.nan, math.nan), "-3")], plain, "label")
    assert "nan" not in plot and "−3" in plot
