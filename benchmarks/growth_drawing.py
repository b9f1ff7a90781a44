"""Draws the table of growth that ``benchmarks/scale.py --only growth --save`` writes: time and memory, logarithmic.

Run with ``python benchmarks/growth_drawing.py docs/assets/growth.csv docs/assets/growth.svg``. One panel per axis; a
straight line beside the points shows what growing in proportion would look like.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, GAP = 250, 190, 46, 28, 34
COLUMNS = 4
COLOURS = {"processor_s": "#2563eb", "gb": "#d97706"}
NAMES = {"processor_s": "processor seconds", "gb": "GB at the peak"}
LOWEST, HIGHEST = -2, 2
"""Powers of ten of the vertical axis, seconds and GB alike."""

STYLE = (
    "<style>text{fill:#374151;font:11px sans-serif}.frame{fill:#fff;stroke:#9ca3af}.grid{stroke:#e5e7eb}"
    "polyline{fill:none;stroke-width:1.6}.line{stroke:#9ca3af;stroke-dasharray:3 3;stroke-width:1}</style>"
)

Row = dict[str, str]


def _text(x: float, y: float, text: str, anchor: str = "middle", *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{text}</text>'


def _panel(name: str, rows: Sequence[Row], x: float, y: float) -> Iterable[str]:
    """One axis: its points, joined, and the line of proportion through the last time."""
    values = [int(row["value"]) for row in rows]
    first, last = math.log2(values[0]), math.log2(values[-1])

    def across(value: float) -> float:
        return x + WIDTH * (math.log2(value) - first) / (last - first)

    def up(figure: float) -> float:
        power = min(max(math.log10(max(figure, 1e-9)), LOWEST), HIGHEST)
        return y + HEIGHT * (HIGHEST - power) / (HIGHEST - LOWEST)

    yield f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" class="frame"/>'
    fewest, most = (int(rows[place]["ranks"]) for place in (0, -1))
    ranks = f"{fewest:,} to {most:,}" if fewest < most else f"{most:,}"
    yield _text(x + WIDTH / 2, y - 8, f"{name} ({ranks} ranks)", bold=True)
    for power in range(LOWEST, HIGHEST + 1):
        yield f'<path class="grid" d="M{x} {up(10.0**power):.1f}h{WIDTH}"/>'
        yield _text(x - 6, up(10.0**power) + 4, f"{10.0**power:g}", "end")
    free = math.inf
    for value in reversed(values):
        if across(value) < free:  # labels are up to 40 wide
            yield _text(across(value), y + HEIGHT + 15, f"{value:,}")
            free = across(value) - 40
    for column, colour in COLOURS.items():
        points = [(across(value), up(float(row[column]))) for value, row in zip(values, rows, strict=True)]
        yield f'<polyline stroke="{colour}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>'
        yield from (f'<circle fill="{colour}" cx="{a:.1f}" cy="{b:.1f}" r="2.6"/>' for a, b in points)
    end_s = float(rows[-1]["processor_s"])
    line = [(value, end_s * value / values[-1]) for value in values]
    inside = [(across(value), up(figure)) for value, figure in line if figure >= 10.0**LOWEST]
    yield f'<polyline class="line" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in inside)}"/>'


def drawing(rows: Sequence[Row]) -> str:
    """The table as SVG."""
    axes = list(dict.fromkeys(row["axis"] for row in rows))
    lines = -(-len(axes) // COLUMNS)
    width = COLUMNS * (WIDTH + LEFT) + 20
    height = lines * (HEIGHT + TOP + GAP) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>Time and memory of versim compare against each axis</title>",
        STYLE,
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for number, axis in enumerate(axes):
        line, column = divmod(number, COLUMNS)
        place = (LEFT + column * (WIDTH + LEFT), TOP + line * (HEIGHT + TOP + GAP))
        parts += _panel(axis, [row for row in rows if row["axis"] == axis], *place)
    at = LEFT
    for column, colour in COLOURS.items():
        parts.append(f'<circle fill="{colour}" cx="{at}" cy="{height - 14}" r="4"/>')
        parts.append(_text(at + 9, height - 10, NAMES[column], "start"))
        at += 150
    parts.append(f'<path class="line" d="M{at} {height - 14}h24"/>')
    parts.append(_text(at + 30, height - 10, "in proportion to the axis", "start"))
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Read the table, write the drawing."""
    table, target = map(Path, sys.argv[1:])
    with table.open(encoding="utf-8", newline="") as file:
        target.write_text(drawing(list(csv.DictReader(file))), encoding="utf-8")


if __name__ == "__main__":
    main()
