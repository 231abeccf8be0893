"""A bar chart of ratios as SVG, with each one's spread and its goal. Needs no library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

ROW, LEFT, WIDTH, TOP = 22, 330, 420, 34
MOST = 2.0  # ratios beyond are cut off there


@dataclass(frozen=True, slots=True)
class Bar:
    """`goal` is the ratio to stay below."""

    name: str
    median: float
    least: float
    most: float
    goal: float


def ratios(bars: Sequence[Bar]) -> str:
    """Time as a part of the other server's: shorter is better. A mark shows the goal, a line the spread."""
    height = TOP + ROW * len(bars) + 10
    rows = "".join(_row(bar, TOP + ROW * index) for index, bar in enumerate(bars))
    scale = "".join(
        f'<line x1="{_x(tick)}" x2="{_x(tick)}" y1="{TOP - 6}" y2="{height - 8}" stroke="#ccc"/>'
        f'<text x="{_x(tick)}" y="{TOP - 10}" text-anchor="middle">{tick:g}</text>'
        for tick in (0, 0.5, 1.0, 1.5, 2.0)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f"{scale}{rows}</svg>\n"
    )


def _row(bar: Bar, y: int) -> str:
    middle = y + ROW / 2
    colour = "#2a7" if bar.median <= bar.goal else "#c64"
    return (
        f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(bar.name)}</text>'
        f'<rect x="{LEFT}" y="{y + 4}" width="{_x(bar.median) - LEFT:.0f}" height="{ROW - 8}" fill="{colour}"/>'
        f'<line x1="{_x(bar.least):.0f}" x2="{_x(bar.most):.0f}" y1="{middle}" y2="{middle}" stroke="black"/>'
        f'<line x1="{_x(bar.goal):.0f}" x2="{_x(bar.goal):.0f}" y1="{y + 1}" y2="{y + ROW - 1}" stroke="blue" '
        f'stroke-width="2"/>'
    )


def _x(ratio: float) -> float:
    return LEFT + WIDTH * min(ratio, MOST) / MOST
