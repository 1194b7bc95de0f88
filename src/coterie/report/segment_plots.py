"""The plots of the segment report, each a small SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from coterie.learn.segments.map import PlaneMap
from coterie.report.svg import (
    ABOVE,
    ACCENT,
    BELOW,
    GRID,
    INK,
    MUTED,
    PAPER,
    Drawing,
    Scale,
    blend,
    clipped,
    ticks,
)


class Dot(NamedTuple):
    """One number of segments in a panel: a value with the ends of its interval."""

    k: int
    value: float
    low: float
    high: float


class Whisker(NamedTuple):
    """One row of a profile: a difference in standard deviations with its interval."""

    label: str
    value: float
    low: float
    high: float


_DISC = 26.0  # between the middles of two discs on a map
MARGIN = 0.2
"""Differences below this many standard deviations are drawn grey."""


def choice_plot(dots: Sequence[Dot], picked: int, vetoed: set[int], label: str, line: float | None = None) -> str:
    """A criterion for every k: intervals as a band, the picked k filled, vetoed ones crossed; `line` is a threshold."""
    drawing = Drawing(320, 168)
    values = [v for d in dots for v in (d.value, d.low, d.high) if math.isfinite(v)] + (
        [line] if line is not None else []
    )
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    x = Scale(dots[0].k - 0.35, dots[-1].k + 0.35, 40, 312)
    y = Scale(low - room, high + room, 140, 10)
    for mark in ticks(low - room, high + room, 3):
        drawing.line(40, y(mark), 312, y(mark))
        drawing.text(34, y(mark) + 3.5, _short(mark), 10.5, anchor="end")
    step = 1 if len(dots) <= 12 else 2
    for dot in dots[::step]:
        drawing.text(x(dot.k), 158, str(dot.k), 10.5, INK if dot.k == picked else MUTED, "middle", bold=dot.k == picked)
    if len(dots) > 1:
        band = [(x(d.k), y(d.high)) for d in dots] + [(x(d.k), y(d.low)) for d in reversed(dots)]
        drawing.path(band, fill=blend(ACCENT, 0.14))
        drawing.path([(x(d.k), y(d.value)) for d in dots], stroke=ACCENT)
    if line is not None:
        drawing.line(40, y(line), 312, y(line), MUTED, 1.2, "4 3")
    for dot in dots:
        if dot.k in vetoed:
            for lean in (-1, 1):
                drawing.line(
                    x(dot.k) - 3.6, y(dot.value) - 3.6 * lean, x(dot.k) + 3.6, y(dot.value) + 3.6 * lean, "#c4453c", 1.8
                )
        else:
            here = dot.k == picked
            drawing.circle(x(dot.k), y(dot.value), 5.4 if here else 3.4, ACCENT if here else PAPER, ACCENT)
    return drawing.render(label)


def _short(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:.6g}".replace("-", "−")


def structure_plot(nulls: Sequence[float], observed: float, labels: tuple[str, str, str]) -> str:
    """The nulls as a pile of dots, the data as a line; `labels` name the axis, the data and the nulls."""
    axis, data, imitations = labels
    drawing = Drawing(460, 150)
    low, high = min([*nulls, observed]), max([*nulls, observed])
    room = (high - low) * 0.12 or 0.1
    x = Scale(max(0.0, low - room), high + room, 18, 442)
    width = 7.0
    piles: dict[int, int] = {}
    for value in sorted(nulls):
        place = round(x(value) / width)
        piles[place] = piles.get(place, 0) + 1
        drawing.circle(
            place * width, 112 - (piles[place] - 0.5) * min(width, 84 / max(1, len(nulls) / 3)), 3, blend(MUTED, 0.55)
        )
    drawing.line(18, 114, 442, 114, MUTED, 1)
    for mark in ticks(x.low, x.high, 5):
        drawing.text(x(mark), 129, _short(mark), 10.5, anchor="middle")
    drawing.line(x(observed), 24, x(observed), 114, ACCENT, 2.4)
    left = x(observed) > 300
    drawing.text(x(observed) + (-7 if left else 7), 33, data, 12, ACCENT, "end" if left else "start", bold=True)
    middle = x(sorted(nulls)[len(nulls) // 2])
    top = 112 - (max(piles.values()) + 0.8) * min(width, 84 / max(1, len(nulls) / 3))
    near = abs(middle - x(observed)) < 90
    drawing.text(min(max(middle, 70), 390), 16 if near else max(top - 4, 16), imitations, 11, anchor="middle")
    drawing.text(230, 146, axis, 11, anchor="middle")
    return drawing.render(f"{data}: {observed:.2f}")


def profile_plot(rows: Sequence[Whisker], reach: float, tone: str, label: str) -> str:
    """Differences of one segment from everybody, one row per trait; `reach` is the end of the axis on both sides."""
    top, step = 8, 19
    height = top + step * len(rows) + 22
    drawing = Drawing(320, height)
    x = Scale(-reach, reach, 132, 312)
    foot = top + step * len(rows)
    for mark in ticks(-reach, reach, 4):
        drawing.line(x(mark), top, x(mark), foot, MUTED if mark == 0 else GRID, 1.1 if mark == 0 else 1)
        drawing.text(x(mark), foot + 14, f"{mark:+g}".replace("-", "−") if mark else "0", 10, anchor="middle")
    for i, row in enumerate(rows):
        y = top + step * (i + 0.5)
        notable = abs(row.value) >= MARGIN
        shade = tone if notable else blend(MUTED, 0.5)
        drawing.text(126, y + 3.7, clipped(row.label, 122, 11), 11, INK if notable else MUTED, "end")
        drawing.line(x(0), y, x(_inside(row.value, reach)), y, blend(shade, 0.35), 5)
        drawing.line(x(_inside(row.low, reach)), y, x(_inside(row.high, reach)), y, shade, 1.5)
        drawing.circle(x(_inside(row.value, reach)), y, 3.6, shade)
    return drawing.render(label)


def _inside(value: float, reach: float) -> float:
    return max(-reach, min(reach, value))


def map_plot(plane: PlaneMap, axes: tuple[str, str], ids: Sequence[int], shades: Sequence[str], label: str) -> str:
    """Entities as dots in the colour of their segment, centres as numbered discs."""
    drawing = Drawing(520, 430)
    xs, ys = sorted(p[0] for p in plane.points), sorted(p[1] for p in plane.points)
    cut = max(1, len(xs) // 200)
    x = _fitted(xs[cut - 1], xs[-cut], [c[0] for c in plane.centres], 42, 510)
    y = _fitted(ys[cut - 1], ys[-cut], [c[1] for c in plane.centres], 390, 10)
    drawing.rect(42, 10, 468, 380, "#fafbfc")
    for mark in ticks(x.low, x.high, 5):
        drawing.line(x(mark), 10, x(mark), 390)
        drawing.text(x(mark), 404, _short(mark), 11, anchor="middle")
    for mark in ticks(y.low, y.high, 5):
        drawing.line(42, y(mark), 510, y(mark))
        drawing.text(37, y(mark) + 4, _short(mark), 11, anchor="end")
    radius = 3.4 if len(plane.points) < 500 else 2.6
    for px, py, segment in plane.points:
        drawing.circle(min(max(x(px), 44), 508), min(max(y(py), 12), 388), radius, shades[segment], opacity=0.5)
    true = [(x(cx), y(cy)) for cx, cy in plane.centres]
    for j, ((cx, cy), (px, py)) in enumerate(zip(true, _apart(true, (56, 496), (24, 376)), strict=True)):
        drawing.line(cx, cy, px, py, INK, 1)
        drawing.circle(px, py, 12.5, shades[j], PAPER, width=2.4)
        drawing.text(px, py + 4.6, str(ids[j]), 13, PAPER, "middle", bold=True)
    drawing.text(276, 424, axes[0], 12, anchor="middle")
    drawing.shapes.append(f'<g transform="translate(14 200) rotate(-90)">{_sideways(axes[1])}</g>')
    return drawing.render(label)


def _apart(
    spots: Sequence[tuple[float, float]], across: tuple[float, float], down: tuple[float, float]
) -> list[tuple[float, float]]:
    """The spots, pushed away from each other until discs on them do not overlap, and kept inside the frame."""
    moved = [list(spot) for spot in spots]
    for turn in range(200):
        clash = False
        for i, one in enumerate(moved):
            for j, other in enumerate(moved[:i]):
                dx, dy = one[0] - other[0], one[1] - other[1]
                far = math.hypot(dx, dy)
                if far >= _DISC:
                    continue
                clash = True
                if far < 1e-6:  # on the same spot: part them in a direction that differs from pair to pair
                    dx, dy, far = math.cos(i + 7 * j + turn), math.sin(i + 7 * j + turn), 1.0
                push = (_DISC - min(far, _DISC)) / 2 + 0.2
                for spot, way in ((one, 1.0), (other, -1.0)):
                    spot[0] = min(max(spot[0] + way * push * dx / far, across[0]), across[1])
                    spot[1] = min(max(spot[1] + way * push * dy / far, down[0]), down[1])
        if not clash:
            break
    return [(spot[0], spot[1]) for spot in moved]


def _sideways(words: str) -> str:
    inner = Drawing(0, 0)
    inner.text(0, 0, words, 12, anchor="middle")
    return inner.shapes[0]


def _fitted(low: float, high: float, also: Sequence[float], start: float, end: float) -> Scale:
    low, high = min([low, *also]), max([high, *also])
    room = (high - low) * 0.06 or 1.0
    return Scale(low - room, high + room, start, end)


def loadings_plot(rows: Sequence[tuple[str, float, float]], label: str, heads: tuple[str, str]) -> str:
    """For each tag its part in the two directions of the map, as two bars around a middle line."""
    step = 20
    drawing = Drawing(360, 26 + step * len(rows))
    middles, longest = (214.0, 306.0), max((abs(part) for _, *parts in rows for part in parts), default=0.0) or 1.0
    for middle, head in zip(middles, heads, strict=True):
        drawing.text(middle, 12, head, 11, INK, "middle", bold=True)
    for i, (name, *parts) in enumerate(rows):
        y = 22 + step * i
        drawing.text(158, y + 11.5, clipped(name, 152, 11.5), 11.5, INK, "end")
        for middle, part in zip(middles, parts, strict=True):
            drawing.line(middle, y - 1, middle, y + step - 1, GRID)
            width = 42 * abs(part) / longest
            drawing.rect(middle - (width if part < 0 else 0), y + 2, width, step - 7, ABOVE if part > 0 else BELOW, 1.5)
    return drawing.render(label)


def stability_plot(values: Sequence[float], ids: Sequence[int], shades: Sequence[str], label: str) -> str:
    """Mean overlap per segment as bars over the bands of Hennig."""
    step = 26
    drawing = Drawing(460, 26 + step * len(values))
    x = Scale(0, 1, 34, 410)
    foot = step * len(values) + 6
    for low, high, shade in (
        (0, 0.6, "#fbeceb"),
        (0.6, 0.75, "#fdf4e0"),
        (0.75, 0.85, "#eaf5ee"),
        (0.85, 1, "#d9eee2"),
    ):
        drawing.rect(x(low), 2, x(high) - x(low), foot - 2, shade)
    for mark in (0.0, 0.6, 0.75, 0.85, 1.0):
        drawing.text(x(mark), foot + 14, f"{mark:g}", 10.5, anchor="middle")
    for j, value in enumerate(values):
        y = 6 + step * j
        drawing.circle(16, y + 9, 9, shades[j])
        drawing.text(16, y + 13, str(ids[j]), 11, PAPER, "middle", bold=True)
        drawing.rect(x(0), y + 3, x(value) - x(0), 12, shades[j], 2)
        drawing.text(418, y + 13.5, f"{value:.2f}", 12, INK, bold=True)
    return drawing.render(label)


def silhouette_plot(groups: Sequence[Sequence[float]], ids: Sequence[int], shades: Sequence[str], label: str) -> str:
    """Members' silhouettes per segment, best first, as filled profiles side by side."""
    drawing = Drawing(460, 190)
    total = sum(len(g) for g in groups) or 1
    gap = 8.0
    width = (418 - gap * (len(groups) - 1)) / total
    low = min(-0.2, min((min(g) for g in groups if g), default=-0.2))
    high = max(0.6, max((max(g) for g in groups if g), default=0.6))
    y = Scale(low, high, 164, 8)
    for mark in ticks(low, high, 5):
        drawing.line(34, y(mark), 452, y(mark), MUTED if mark == 0 else GRID)
        drawing.text(29, y(mark) + 3.5, _short(mark), 10.5, anchor="end")
    start = 34.0
    for j, group in enumerate(groups):
        end = start + width * len(group)
        steps = [(start + width * (i + 0.5), y(v)) for i, v in enumerate(group)]
        if steps:
            outline = [(start, y(0)), (start, steps[0][1]), *steps, (end, steps[-1][1]), (end, y(0))]
            drawing.path(outline, fill=blend(shades[j], 0.75))
        drawing.text((start + end) / 2, 181, str(ids[j]), 11, INK, "middle", bold=True)
        start = end + gap
    drawing.line(34, y(0), 452, y(0), MUTED, 1.1)
    return drawing.render(label)
