"""Plots of the study: flows between layers of segments, and values with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from coterie.learn.segments.study.intervals import Interval
from coterie.report.svg import GRID, INK, MUTED, PAPER, Drawing, Scale, blend, clipped, text_width, ticks

_LEAST_HEIGHT, _GAP = 15.0, 5.0


class Node(NamedTuple):
    """One segment in a layer: a short name inside it, how many it holds, its colour."""

    name: str
    size: int
    shade: str


class Layer(NamedTuple):
    """Segments that make up the whole, from top to bottom, under a head."""

    head: str
    nodes: Sequence[Node]


Flows = Sequence[tuple[int, int, int]]
"""From place, to place (both from 0), size; between two neighbouring layers."""


def flow_plot(layers: Sequence[Layer], flows: Sequence[Flows], label: str, *, width: float = 720) -> str:
    """Layers side by side, joined by bands as wide as they hold; no segment is drawn too low for its name."""
    most = max(len(layer.nodes) for layer in layers)
    room = max(200.0, most * (_LEAST_HEIGHT + _GAP) + 60)
    drawing = Drawing(width, room + 30)
    bar = 26.0
    xs = [8 + i * (width - 16 - bar) / max(len(layers) - 1, 1) for i in range(len(layers))]
    places = [_stacked(layer, 24, room) for layer in layers]
    for i, between in enumerate(flows):
        _bands(drawing, between, (layers[i], layers[i + 1]), (places[i], places[i + 1]), (xs[i] + bar, xs[i + 1]))
    for place, (layer, x, spots) in enumerate(zip(layers, xs, places, strict=True)):
        wide = text_width(layer.head, 11.5) > bar
        anchor = "start" if wide and place == 0 else "end" if wide and place == len(layers) - 1 else "middle"
        at = {"start": x, "end": x + bar, "middle": x + bar / 2}[anchor]
        drawing.text(at, 13, layer.head, 11.5, INK, anchor, bold=True)
        for node, (top, height) in zip(layer.nodes, spots, strict=True):
            drawing.rect(x, top, bar, height, node.shade, 3)
            drawing.text(x + bar / 2, top + height / 2 + 4, node.name, 11, PAPER, "middle", bold=True)
    return drawing.render(label)


def _stacked(layer: Layer, top: float, room: float) -> list[tuple[float, float]]:
    """Top and height of each node; small ones get the least height, the others share what is left."""
    total = sum(node.size for node in layer.nodes) or 1
    free = room - _GAP * (len(layer.nodes) - 1)
    spare = free - _LEAST_HEIGHT * len(layer.nodes)
    heights = [_LEAST_HEIGHT + max(spare, 0.0) * node.size / total for node in layer.nodes]
    tops = [top + sum(heights[:i]) + _GAP * i for i in range(len(heights))]
    return list(zip(tops, heights, strict=True))


def _bands(
    drawing: Drawing,
    flows: Flows,
    layers: tuple[Layer, Layer],
    places: tuple[list[tuple[float, float]], list[tuple[float, float]]],
    xs: tuple[float, float],
) -> None:
    out, into = (_totals(flows, side) for side in (0, 1))
    left = [top for top, _ in places[0]]
    right = [top for top, _ in places[1]]
    for a, b, n in sorted(flows):
        deep = places[0][a][1] * n / out[a]
        wide = places[1][b][1] * n / into[b]
        band = ((xs[0], left[a], left[a] + deep), (xs[1], right[b], right[b] + wide))
        drawing.ribbon(*band, blend(layers[0].nodes[a].shade, 0.6))
        left[a] += deep
        right[b] += wide


def _totals(flows: Flows, side: int) -> dict[int, int]:
    totals: dict[int, int] = {}
    for flow in flows:
        totals[flow[side]] = totals.get(flow[side], 0) + flow[2]
    return totals


class Whisk(NamedTuple):
    """One row of an interval plot: the segment's short name, its colour, a value with its ends, and that in words."""

    name: str
    shade: str
    found: Interval
    words: str


def interval_plot(rows: Sequence[Whisk], show: Callable[[float], str], label: str, zero: bool = True) -> str:
    """A row per segment with its value as a dot and its interval as a line; the axis holds zero where `zero`."""
    step, left, right = 27, 36, 330
    drawing = Drawing(440, step * len(rows) + 30)
    ends = [v for row in rows for v in row.found if math.isfinite(v)] + ([0.0] if zero else [])
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    room = (high - low) * 0.06 or 1.0
    x = Scale(low if low == 0 else low - room, high + room, left, right)
    foot = step * len(rows) + 6
    last = -math.inf
    for mark in ticks(x.low, x.high, 4):
        drawing.line(x(mark), 4, x(mark), foot, MUTED if mark == 0 else GRID)
        words = show(mark).replace("-", "−")
        if x(mark) - last > 7.0 * len(words) + 8:
            drawing.text(x(mark), foot + 15, words, 10.5, anchor="middle")
            last = x(mark)
    for i, row in enumerate(rows):
        y = 6 + step * (i + 0.5)
        drawing.circle(16, y, 9.5, row.shade)
        drawing.text(16, y + 4, row.name, 11, PAPER, "middle", bold=True)
        if math.isfinite(row.found.low):
            drawing.line(x(row.found.low), y, x(row.found.high), y, row.shade, 2.4)
        if math.isfinite(row.found.value):
            drawing.circle(x(row.found.value), y, 4.6, row.shade)
        drawing.text(right + 10, y + 4, clipped(row.words.replace("-", "−"), 98, 11.5), 11.5, INK)
    return drawing.render(label)
