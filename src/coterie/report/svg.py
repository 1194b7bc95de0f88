"""Drawing small plots as SVG text: scales, axes and the few shapes that the reports need.

Plots are drawn some 320 units wide, so that they stay readable on a phone, and are laid out in grids by the page. Text
stays text: the reader's own fonts draw it, Chinese included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

INK, MUTED, GRID, PAPER = "#1d2733", "#66717d", "#e3e7ec", "#ffffff"
ACCENT = "#2f6db5"
BELOW, ABOVE = "#3b6fb6", "#d9772b"
PALETTE = (
    "#2f6db5",
    "#e08a1e",
    "#2b9a7c",
    "#c4453c",
    "#7a5aa6",
    "#8c6d46",
    "#d0649a",
    "#5b7083",
    "#9a9a1c",
    "#1fa3c4",
)


def tones(ids: Sequence[int]) -> dict[int, str]:
    """A colour for each segment id, the same on every page; a higher id gives way where two would share one.

    >>> tones((1, 3)) == {1: PALETTE[0], 3: PALETTE[2]}, tones((2, 12))[12] == PALETTE[2]
    (True, True)
    """
    taken: dict[int, int] = {}
    for i in sorted(ids):
        place = (i - 1) % len(PALETTE)
        while place in taken.values() and len(taken) < len(PALETTE):
            place = (place + 1) % len(PALETTE)
        taken[i] = place
    return {i: PALETTE[place] for i, place in taken.items()}


def blend(shade: str, strength: float) -> str:
    """A colour thinned with white: strength 1 is the colour, 0 white.

    >>> blend("#000000", 0.5), blend("#d9772b", 0.0)
    ('#808080', '#ffffff')
    """
    parts = [int(shade[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + (part - 255) * strength):02x}" for part in parts)


@dataclass(frozen=True)
class Scale:
    """A straight line from data to drawing units."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        return self.start + ((value - self.low) / span if span else 0.5) * (self.end - self.start)


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from `low` to `high`, some `about` of them.

    >>> ticks(0, 0.93), ticks(130, 720, 3)
    ([0.0, 0.2, 0.4, 0.6, 0.8], [200.0, 400.0, 600.0])
    """
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(math.log(s / rough)))
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass
class Drawing:
    """Shapes put one after another; `render` gives the SVG element."""

    width: float
    height: float
    shapes: list[str] = field(default_factory=list)

    def line(
        self, x1: float, y1: float, x2: float, y2: float, stroke: str = GRID, width: float = 1, dash: str = ""
    ) -> None:
        """A straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.shapes.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{stroke}" stroke-width="{width}"{dashed}/>'
        )

    def path(
        self, points: Sequence[tuple[float, float]], stroke: str = INK, width: float = 1.6, fill: str = "none"
    ) -> None:
        """A line through points, or with `fill` the area inside it."""
        steps = " ".join(f"{'M' if i == 0 else 'L'}{x:.1f},{y:.1f}" for i, (x, y) in enumerate(points))
        edge = (
            f'stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round"' if fill == "none" else 'stroke="none"'
        )
        self.shapes.append(f'<path d="{steps}" fill="{fill}" {edge}/>')

    def ribbon(self, left: tuple[float, float, float], right: tuple[float, float, float], fill: str) -> None:
        """A band that bends from one upright edge to another; an edge is x, top and bottom."""
        (x1, top1, foot1), (x2, top2, foot2) = left, right
        middle = (x1 + x2) / 2
        self.shapes.append(
            f'<path d="M{x1:.1f},{top1:.1f} C{middle:.1f},{top1:.1f} {middle:.1f},{top2:.1f} {x2:.1f},{top2:.1f} '
            f'L{x2:.1f},{foot2:.1f} C{middle:.1f},{foot2:.1f} {middle:.1f},{foot1:.1f} {x1:.1f},{foot1:.1f} Z" '
            f'fill="{fill}" fill-opacity="0.55"/>'
        )

    def circle(
        self,
        x: float,
        y: float,
        radius: float,
        fill: str,
        stroke: str = "none",
        opacity: float = 1.0,
        width: float = 1.4,
    ) -> None:
        """A disc, or with `stroke` a ring around it."""
        edge = f' stroke="{stroke}" stroke-width="{width}"' if stroke != "none" else ""
        seen = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
        self.shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}"{edge}{seen}/>')

    def rect(self, x: float, y: float, width: float, height: float, fill: str, rounded: float = 0) -> None:
        """A filled rectangle."""
        corner = f' rx="{rounded}"' if rounded else ""
        self.shapes.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
            f'fill="{fill}"{corner}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 11,
        fill: str = MUTED,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """One line of text; `y` is its base line."""
        weight = ' font-weight="600"' if bold else ""
        place = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.shapes.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}"{place}{weight}>{escape(words)}</text>'
        )

    def render(self, label: str) -> str:
        """The SVG element; `label` is what a screen reader says of it."""
        return (
            f'<svg viewBox="0 0 {self.width:g} {self.height:g}" role="img" aria-label="{escape(label, quote=True)}">'
            + "".join(self.shapes)
            + "</svg>"
        )


def text_width(words: str, size: float = 11) -> float:
    """About how wide a line of text will be, in drawing units; a Chinese character is as wide as the font is high.

    >>> text_width("频次", 10), round(text_width("abc", 10), 1)
    (20.0, 16.5)
    """
    return sum(float(size) if ord(c) > 0x2E7F else 0.55 * size for c in words)


def clipped(words: str, width: float, size: float = 11) -> str:
    """The text, cut with an ellipsis where it would be wider than `width`.

    >>> clipped("a rather long label", 60, 10)
    'a rather…'
    """
    if text_width(words, size) <= width:
        return words
    while words and text_width(words + "…", size) > width:
        words = words[:-1]
    return words.rstrip() + "…"
