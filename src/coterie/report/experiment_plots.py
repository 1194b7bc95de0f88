"""The plots of the experiment report, each a small SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coterie.report.svg import ACCENT, GRID, INK, MUTED, Drawing, Scale, blend, clipped, ticks

_WIDTH, _LEFT, _RIGHT = 320, 96, 312


class Bar(NamedTuple):
    """An interval: a fraction of the control with its ends."""

    value: float
    low: float
    high: float


class Lane(NamedTuple):
    """One arm: intervals by reading, the wide always-valid one behind; a word where there is none."""

    label: str
    bars: Sequence[Bar]
    wide: Bar | None
    tone: str
    word: str = ""


def change_plot(lanes: Sequence[Lane], label: str) -> str:
    """Relative changes with their intervals around a line at no change."""
    steps = [max(26, 14 * len(lane.bars) + 10) for lane in lanes]
    foot = 6 + sum(steps)
    drawing = Drawing(_WIDTH, foot + 20)
    x = _scale(lanes)
    for mark in ticks(x.low, x.high, 4):
        drawing.line(x(mark), 4, x(mark), foot, MUTED if mark == 0 else GRID, 1.2 if mark == 0 else 1)
        drawing.text(x(mark), foot + 14, _percent(mark), 10, anchor="middle")
    top = 6.0
    for lane, step in zip(lanes, steps, strict=True):
        middle = top + step / 2
        drawing.text(_LEFT - 8, middle + 3.7, clipped(lane.label, _LEFT - 12, 11), 11, INK, "end")
        if lane.word:
            drawing.text(x(0) + 6, middle + 3.7, lane.word, 11, MUTED)
        if lane.wide is not None:
            _bar(drawing, x, lane.wide, middle, blend(lane.tone, 0.22), step - 8)
        for place, bar in enumerate(lane.bars):
            y = middle + 14 * (place - (len(lane.bars) - 1) / 2)
            shade = lane.tone if place == len(lane.bars) - 1 else blend(lane.tone, 0.5)
            drawing.line(x(bar.low), y, x(bar.high), y, shade, 2)
            drawing.circle(x(bar.value), y, 4, shade)
        top += step
    return drawing.render(label)


def sizes_plot(rows: Sequence[tuple[str, int, float]], label: str) -> str:
    """Units of each arm as a bar, with a mark where it should end."""
    step = 30
    drawing = Drawing(460, step * len(rows) + 6)
    x = Scale(0, max(max(observed, expected) for _, observed, expected in rows) or 1.0, 120, 380)
    for i, (name, observed, expected) in enumerate(rows):
        y = 6 + step * i
        drawing.text(112, y + 14, clipped(name, 108, 12), 12, INK, "end")
        drawing.rect(120, y + 2, x(observed) - 120, 17, blend(ACCENT, 0.75), 2)
        drawing.line(x(expected), y - 1, x(expected), y + 22, INK, 2)
        drawing.text(388, y + 14.5, f"{observed:,}", 12, INK, bold=True)
    return drawing.render(label)


def _scale(lanes: Sequence[Lane]) -> Scale:
    bars = [b for lane in lanes for b in (*lane.bars, *([lane.wide] if lane.wide else []))]
    low, high = min([b.low for b in bars] + [0.0]), max([b.high for b in bars] + [0.0])
    room = (high - low) * 0.06 or 0.01
    return Scale(low - room, high + room, _LEFT, _RIGHT)


def _bar(drawing: Drawing, x: Scale, bar: Bar, middle: float, shade: str, height: float) -> None:
    drawing.rect(x(bar.low), middle - height / 2, x(bar.high) - x(bar.low), height, shade, 3)


def _percent(value: float) -> str:
    return f"{100 * value:+.3g}%".replace("-", "−") if value else "0"
