"""A system as a picture: SVG of blocks within blocks, the links that join them, and what is degraded.

The outermost dimension is drawn as a row of blocks, each of which holds the next one; of many alike only the first
few are drawn, and the last. Text is escaped, and the picture needs no font, script or style beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from versim.fabric.network import Dimension, Topology
from versim.fabric.system import System
from versim.units import GB

SHOWN = 8
"""Blocks of a dimension that are drawn, beside the last."""

CELL, GAP, BAR, LABEL = 22, 8, 18, 18
"""Pixels: an endpoint, between two blocks, the bar of a dimension, a line of text."""

FAULT, LINE, FILL = "#c0392b", "#4a5568", "#edf2f7"


def system_svg(system: System) -> str:
    """A system as an SVG document."""
    width, height = _size(system.dimensions)
    head = LABEL * (len(system.dimensions) + 2)
    body = list(_block(system, len(system.dimensions) - 1, 0, GAP, head))
    legend = [f"{system.world_size:,} endpoints, {system.device.name}", *map(_legend, enumerate(system.dimensions))]
    text = [_text(GAP, LABEL * (line + 1), told, "#1a202c", 12, "start") for line, told in enumerate(legend)]
    total_width, total_height = max(width + 2 * GAP, 640), height + head + 2 * GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_width} {total_height}" width="{total_width}" '
        f'height="{total_height}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join((*text, *body)) + "\n</svg>\n"
    )


def _text(x: int, y: int, words: str, colour: str, size: int, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(words)}</text>'


def _legend(numbered: tuple[int, Dimension]) -> str:
    number, dimension = numbered
    link = dimension.link
    shared = f", {dimension.oversubscription:g} times oversubscribed" if dimension.oversubscription != 1 else ""
    figures = f"{link.bandwidth_bytes_per_s / GB:g} GB/s, {link.latency_s * 1e6:g} µs"
    return f"dimension {number}: {dimension.topology.value} of {dimension.size}, {figures}{shared}"


def _drawn(size: int) -> list[int]:
    """The blocks of a dimension that are drawn; -1 stands for those that are not."""
    return list(range(size)) if size <= SHOWN + 1 else [*range(SHOWN), -1, size - 1]


def _size(dimensions: tuple[Dimension, ...]) -> tuple[int, int]:
    """Width and height of a block that holds these dimensions."""
    width, height = CELL, CELL
    for dimension in dimensions:
        width = len(_drawn(dimension.size)) * (width + GAP) + GAP
        height += BAR + 2 * GAP
    return width, height


def _block(system: System, number: int, first: int, x: int, y: int) -> Iterator[str]:
    """The part of a system that agrees in the dimensions above ``number``; ``first`` is its lowest rank."""
    if number < 0:
        fault = any(first in _touched(system, dimension) for dimension in range(len(system.dimensions)))
        colour = FAULT if fault else LINE
        yield f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="3" fill="{FILL}" stroke="{colour}"/>'
        yield _text(x + CELL // 2, y + 15, str(first), colour, 9)
        return
    dimension, stride = system.dimensions[number], system.fabric.strides[number]
    width, height = _size(system.dimensions[: number + 1])
    inner, _ = _size(system.dimensions[:number])
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="none" stroke="#a0aec0"/>'
    bar_y = y + GAP
    bar = f'x="{x + GAP}" y="{bar_y}" width="{width - 2 * GAP}" height="{BAR}"'
    yield f'<rect {bar} rx="3" fill="#bee3f8" stroke="{LINE}"/>'
    words = f"{dimension.topology.value} · {dimension.link.bandwidth_bytes_per_s / GB:g} GB/s"
    if width > 7 * len(words):
        yield _text(x + width // 2, bar_y + 13, words, "#2a4365", 10)
    slow = _touched(system, number)
    for place, child in enumerate(_drawn(dimension.size)):
        left, top = x + GAP + place * (inner + GAP), bar_y + BAR + GAP
        middle = left + inner // 2
        if child < 0:
            yield _text(middle, top + CELL, "…", LINE, 12)
            continue
        lowest = first + child * stride
        if lowest >= system.world_size:
            continue
        fault = any(lowest <= rank < lowest + stride for rank in slow)
        style = f'stroke="{FAULT}" stroke-width="3"' if fault else f'stroke="{LINE}"'
        yield f'<line x1="{middle}" y1="{bar_y + BAR}" x2="{middle}" y2="{top}" {style}/>'
        yield from _block(system, number - 1, lowest, left, top)
    if dimension.topology is Topology.RING and dimension.size > 2:
        yield (
            f'<path d="M {x + GAP} {bar_y} q {(width - 2 * GAP) // 2} -12 {width - 2 * GAP} 0" fill="none" '
            f'stroke="{LINE}" stroke-dasharray="3 2"/>'
        )


def _touched(system: System, dimension: int) -> set[int]:
    """Ranks at the ends of degraded links of a dimension."""
    found: set[int] = set()
    for one in system.degraded:
        if one.dimension == dimension:
            stride = system.fabric.strides[dimension]
            of_node = range(0) if one.node is None else range(one.node * stride, (one.node + 1) * stride)
            found.update((*one.ranks, *one.link, *of_node))
    return found
