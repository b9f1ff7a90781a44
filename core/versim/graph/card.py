"""A graph as a notebook shows it: how many nodes compute, and how many communications of each kind carry how much."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from versim.terminal import printable
from versim.units import GB

if TYPE_CHECKING:
    from versim.graph.columns import ExecutionGraph


def graph_card(graph: ExecutionGraph) -> str:
    """HTML that needs neither script nor style sheet; names are escaped."""
    rows: list[tuple[str, int, int]] = []
    for code, kind in enumerate(graph.kinds):
        chosen = graph.kind == code
        if chosen.any():
            rows.append((kind.value, int(chosen.sum()), int(graph.size_bytes[chosen].sum())))
    most = max((size for _, _, size in rows), default=0) or 1
    cells = "".join(
        f"<tr><td style='text-align:left'>{escape(printable(name))}</td><td>{count:,}</td><td>{size / GB:.4g} GB</td>"
        "<td style='width:50%'>"
        f"<div style='height:1em;background:#0072b2;width:{100 * size / most:.2f}%'></div></td></tr>"
        for name, count, size in rows
    )
    heading = f"{graph.node_count:,} nodes, {graph.communication_count:,} communications on {graph.mesh}"
    return f"<div><b>{escape(printable(heading))}</b><table style='width:100%;max-width:52em'>{cells}</table></div>"
